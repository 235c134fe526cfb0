/* The same numbers of many results, for lists and pictures of a whole study. */
#include "store/internal.h"

#include <math.h>
#include <string.h>

enum { MOST_COLUMNS = 64 };

static ll_status select_matching(ll_store *store, const ll_store_filter *filter, sqlite3_stmt **select,
                                 ll_error *error)
{
    LL_TRY(ll_sql_prepare(
        store,
        "SELECT n.job, n.data, n.sum, j.subject, j.other FROM jobs j JOIN numbers n ON n.job = j.id"
        " WHERE (?1 IS NULL OR j.kind = ?1) AND (?2 IS NULL OR j.member_group = ?2)"
        " AND (?3 IS NULL OR j.subject = ?3 OR j.other = ?3) AND j.state = 'done' AND (j.wanted > 0 OR ?4)"
        " ORDER BY j.id LIMIT ?5 OFFSET ?6",
        select, error));
    ll_status status =
        ll_sql_bind(store, *select, error, "tttiii", filter->kind, filter->group, filter->subject,
                    (int64_t)filter->unwanted, filter->most > 0 ? filter->most : INT64_C(-1),
                    ll_max_int64(0, filter->first));
    if (status != LL_OK) sqlite3_finalize(*select);
    return status;
}

/* From a row of job, data, sum. */
static ll_status take_row(ll_store *store, sqlite3_stmt *select, const uint64_t *codes, int columns,
                          double *values, ll_error *error)
{
    if (!ll_sql_row_is_whole(select, 2))
        return ll_fail(error, LL_INVALID_FILE, "store", store->path,
                       "the study file is damaged: numbers of job %lld have a wrong checksum",
                       (long long)sqlite3_column_int64(select, 0));
    const char *data = sqlite3_column_blob(select, 1);
    int count = sqlite3_column_bytes(select, 1) / (int)sizeof(ll_store_number);
    for (int c = 0; c < columns; c++) values[c] = NAN;
    for (int i = 0; i < count; i++) {
        ll_store_number number;
        memcpy(&number, data + (size_t)i * sizeof number, sizeof number);
        for (int c = 0; c < columns; c++)
            if (codes[c] == number.code) values[c] = number.value;
    }
    return LL_OK;
}

/* Room for one more row in all columns. */
typedef struct rooms {
    int64_t ids, subjects, others, values;
} rooms;

static bool grow(ll_store_numbers *n, rooms *room)
{
    size_t row = (size_t)n->columns * sizeof *n->values;
    int64_t *ids = ll_store_grown(n->ids, n->count, &room->ids, sizeof *ids);
    if (ids != NULL) n->ids = ids;
    const char **subjects = ll_store_grown(n->subjects, n->count, &room->subjects, sizeof *subjects);
    if (subjects != NULL) n->subjects = subjects;
    const char **others = ll_store_grown(n->others, n->count, &room->others, sizeof *others);
    if (others != NULL) n->others = others;
    double *values = ll_store_grown(n->values, n->count, &room->values, row);
    if (values != NULL) n->values = values;
    return ids != NULL && subjects != NULL && others != NULL && values != NULL;
}

static ll_status read_all(ll_store *store, const ll_store_filter *filter, const uint64_t *codes,
                          ll_store_numbers *numbers, ll_error *error)
{
    sqlite3_stmt *select;
    bool row;
    rooms room = {0};
    LL_TRY(select_matching(store, filter, &select, error));
    ll_status status;
    while ((status = ll_sql_step(store, select, &row, error)) == LL_OK && row) {
        int64_t r = numbers->count;
        if (!grow(numbers, &room) ||
            (numbers->subjects[r] = ll_arena_text(numbers->memory, ll_sql_text(select, 3))) == NULL ||
            (numbers->others[r] = ll_arena_text(numbers->memory, ll_sql_text(select, 4))) == NULL) {
            status = ll_fail_memory(error, "store", (size_t)r * sizeof(double));
            break;
        }
        numbers->ids[r] = sqlite3_column_int64(select, 0);
        status =
            take_row(store, select, codes, numbers->columns, numbers->values + r * numbers->columns, error);
        if (status != LL_OK) break;
        numbers->count++;
    }
    sqlite3_finalize(select);
    return status;
}

static ll_status make_codes(const ll_store *store, const char *const *names, int columns,
                            uint64_t codes[MOST_COLUMNS], ll_error *error)
{
    if (columns < 1 || columns > MOST_COLUMNS)
        return ll_fail(error, LL_INVALID_ARGUMENT, "store", store->path,
                       "got %d names of numbers; wanted 1 to %d", columns, MOST_COLUMNS);
    for (int c = 0; c < columns; c++) codes[c] = ll_store_name_code(names[c]);
    return LL_OK;
}

ll_status ll_store_read_numbers(ll_store *store, const ll_store_filter *filter, const char *const *names,
                                int columns, ll_store_numbers *numbers, ll_error *error)
{
    static const ll_store_filter everything = {0};
    uint64_t codes[MOST_COLUMNS];
    LL_TRY(make_codes(store, names, columns, codes, error));
    ll_store_numbers made = {.columns = columns, .memory = ll_arena_create(0)};
    if (made.memory == NULL) return ll_fail_memory(error, "store", 4096);
    ll_status status = ll_store_enter(store, false, error);
    if (status == LL_OK)
        status = ll_store_leave(
            store, read_all(store, filter != NULL ? filter : &everything, codes, &made, error), error);
    if (status != LL_OK) {
        ll_store_numbers_deinit(&made);
        return status;
    }
    *numbers = made;
    return LL_OK;
}

void ll_store_numbers_deinit(ll_store_numbers *numbers)
{
    if (numbers == NULL) return;
    ll_free(numbers->ids);
    ll_free(numbers->subjects);
    ll_free(numbers->others);
    ll_free(numbers->values);
    ll_arena_destroy(numbers->memory);
    *numbers = (ll_store_numbers){0};
}

static ll_status read_chosen(ll_store *store, const int64_t *ids, int64_t count, const uint64_t *codes,
                             int columns, double *values, ll_error *error)
{
    sqlite3_stmt *select;
    LL_TRY(ll_sql_prepare(store, "SELECT job, data, sum FROM numbers WHERE job = ?1", &select, error));
    ll_status status = LL_OK;
    for (int64_t i = 0; i < count && status == LL_OK; i++) {
        bool row = false;
        for (int c = 0; c < columns; c++) values[i * columns + c] = NAN;
        status = ll_sql_bind(store, select, error, "i", ids[i]);
        if (status == LL_OK) status = ll_sql_step(store, select, &row, error);
        if (status == LL_OK && row)
            status = take_row(store, select, codes, columns, values + i * columns, error);
    }
    sqlite3_finalize(select);
    return status;
}

ll_status ll_store_read_numbers_of(ll_store *store, const int64_t *ids, int64_t count,
                                   const char *const *names, int columns, double *values, ll_error *error)
{
    uint64_t codes[MOST_COLUMNS];
    LL_TRY(make_codes(store, names, columns, codes, error));
    LL_TRY(ll_store_enter(store, false, error));
    return ll_store_leave(store, read_chosen(store, ids, count, codes, columns, values, error), error);
}
