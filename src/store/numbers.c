/* The same numbers of many results, for lists and pictures of a whole study. */
#include "store/internal.h"

#include <math.h>
#include <string.h>

enum { MOST_COLUMNS = 64 };

static const char *const matching =
    " FROM jobs j JOIN numbers n ON n.job = j.id WHERE (?1 IS NULL OR j.kind = ?1) AND (?2 IS NULL OR "
    "j.member_group = ?2)"
    " AND (?3 IS NULL OR j.subject = ?3 OR j.other = ?3) AND j.state = 'done' AND (j.wanted > 0 OR ?4)";

static ll_status select_matching(ll_store *store, const char *columns, const ll_store_filter *filter,
                                 const char *order, sqlite3_stmt **select, ll_error *error)
{
    ll_text sql = {0};
    ll_text_format(&sql, "SELECT %s%s%s", columns, matching, order);
    ll_status status =
        sql.failed ? ll_fail_memory(error, "store", 1024) : ll_sql_prepare(store, sql.text, select, error);
    ll_text_deinit(&sql);
    LL_TRY(status);
    status = ll_sql_bind(store, *select, error, "ttti", filter->kind, filter->group, filter->subject,
                         (int64_t)filter->unwanted);
    if (status != LL_OK) sqlite3_finalize(*select);
    return status;
}

static void take_row(sqlite3_stmt *select, const uint64_t *codes, int columns, double *values)
{
    const char *data = sqlite3_column_blob(select, 1);
    int count = sqlite3_column_bytes(select, 1) / (int)sizeof(ll_store_number);
    for (int c = 0; c < columns; c++) values[c] = NAN;
    for (int i = 0; i < count; i++) {
        ll_store_number number;
        memcpy(&number, data + (size_t)i * sizeof number, sizeof number);
        for (int c = 0; c < columns; c++)
            if (codes[c] == number.code) values[c] = number.value;
    }
}

static ll_status read_all(ll_store *store, const ll_store_filter *filter, const uint64_t *codes,
                          ll_store_numbers *numbers, ll_error *error)
{
    sqlite3_stmt *select;
    bool row = false;
    int64_t room = 0;
    LL_TRY(select_matching(store, "count(*)", filter, "", &select, error));
    ll_status status = ll_sql_step(store, select, &row, error);
    if (status == LL_OK) room = sqlite3_column_int64(select, 0);
    sqlite3_finalize(select);
    LL_TRY(status);
    int64_t skip = ll_max_int64(0, filter->first);
    int64_t most = filter->most > 0 ? filter->most : INT64_MAX;
    size_t columns = (size_t)numbers->columns;
    numbers->ids = ll_arena_allocate(numbers->memory, (size_t)(room + 1) * sizeof *numbers->ids);
    numbers->values =
        ll_arena_allocate(numbers->memory, (size_t)(room + 1) * columns * sizeof *numbers->values);
    numbers->subjects = ll_arena_allocate(numbers->memory, (size_t)(room + 1) * sizeof *numbers->subjects);
    numbers->others = ll_arena_allocate(numbers->memory, (size_t)(room + 1) * sizeof *numbers->others);
    if (numbers->ids == NULL || numbers->values == NULL || numbers->subjects == NULL ||
        numbers->others == NULL)
        return ll_fail_memory(error, "store", (size_t)room * columns * sizeof(double));
    LL_TRY(select_matching(store, "j.id, n.data, n.sum IS row_sum(n.job, n.data), j.subject, j.other", filter,
                           " ORDER BY j.id", &select, error));
    while ((status = ll_sql_step(store, select, &row, error)) == LL_OK && row &&
           numbers->count < ll_min_int64(room, most)) {
        if (skip-- > 0) continue;
        if (sqlite3_column_int(select, 2) != 1) {
            status = ll_fail(error, LL_INVALID_FILE, "store", store->path,
                             "the study file is damaged: numbers of job %lld have a wrong checksum",
                             (long long)sqlite3_column_int64(select, 0));
            break;
        }
        numbers->ids[numbers->count] = sqlite3_column_int64(select, 0);
        numbers->subjects[numbers->count] = ll_arena_text(numbers->memory, ll_sql_text(select, 3));
        numbers->others[numbers->count] = ll_arena_text(numbers->memory, ll_sql_text(select, 4));
        if (numbers->subjects[numbers->count] == NULL || numbers->others[numbers->count] == NULL) {
            status = ll_fail_memory(error, "store", 64);
            break;
        }
        take_row(select, codes, numbers->columns, numbers->values + (size_t)numbers->count * columns);
        numbers->count++;
    }
    sqlite3_finalize(select);
    return status;
}

ll_status ll_store_read_numbers(ll_store *store, const ll_store_filter *filter, const char *const *names,
                                int columns, ll_store_numbers *numbers, ll_error *error)
{
    static const ll_store_filter everything = {0};
    uint64_t codes[MOST_COLUMNS];
    if (columns < 1 || columns > MOST_COLUMNS)
        return ll_fail(error, LL_INVALID_ARGUMENT, "store", store->path,
                       "got %d names of numbers; wanted 1 to %d", columns, MOST_COLUMNS);
    for (int c = 0; c < columns; c++) codes[c] = ll_store_name_code(names[c]);
    ll_store_numbers made = {.columns = columns, .memory = ll_arena_create(0)};
    if (made.memory == NULL) return ll_fail_memory(error, "store", 4096);
    ll_status status = ll_store_enter(store, false, error);
    if (status == LL_OK)
        status = ll_store_leave(
            store, read_all(store, filter != NULL ? filter : &everything, codes, &made, error), error);
    if (status != LL_OK) {
        ll_arena_destroy(made.memory);
        return status;
    }
    *numbers = made;
    return LL_OK;
}

void ll_store_numbers_deinit(ll_store_numbers *numbers)
{
    if (numbers == NULL) return;
    ll_arena_destroy(numbers->memory);
    *numbers = (ll_store_numbers){0};
}
