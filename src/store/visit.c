/* Fields of many results in one walk, and whether anything has changed: what a reader of a whole study asks
 * again and again. */
#include "store/internal.h"

#include <string.h>

enum { MOST_NAMES = 64, MOST_ARRAY_BYTES = 65536 };

/* Cheaper here than by SQLite, for whom each comparison is a call of a function. */
static bool is_wanted(const char *name, const char *const *wanted, int count)
{
    for (int i = 0; i < count; i++) {
        size_t length = strcspn(wanted[i], "*");
        if (strncmp(name, wanted[i], length) == 0 && (wanted[i][length] == '*' || name[length] == 0))
            return true;
    }
    return false;
}

typedef struct walk {
    ll_store *store;
    sqlite3_stmt *fields, *blobs;
    ll_store_visitor visit;
    void *context;
} walk;

static ll_status visit_row(const walk *w, int64_t at, int64_t job, ll_error *error)
{
    ll_field field;
    ll_array array = {0};
    LL_TRY(ll_result_take_field(w->store, w->fields, job, &field, error));
    size_t bytes = field.type == LL_FIELD_ARRAY ? ll_array_bytes(&field.array) : 0;
    if (field.type != LL_FIELD_ARRAY || bytes > MOST_ARRAY_BYTES)
        return w->visit(w->context, at, &field, error);
    LL_TRY(ll_array_init(&array, field.array.type, field.array.rank, field.array.shape, error));
    ll_status status =
        ll_sql_bind(w->store, w->blobs, error, "i", sqlite3_column_int64(w->fields, LL_AT_FIELD_ID));
    if (status == LL_OK) status = ll_blobs_read(w->store, w->blobs, 1, field.name, array.data, bytes, error);
    field.array = array;
    if (status == LL_OK) status = w->visit(w->context, at, &field, error);
    ll_array_deinit(&array);
    return status;
}

static ll_status visit_all(walk *w, const int64_t *ids, int64_t count, const char *const *names,
                           int name_count, ll_error *error)
{
    LL_TRY(ll_sql_prepare(w->store, LL_SELECT_FIELDS " ORDER BY position", &w->fields, error));
    ll_status status = ll_sql_prepare(w->store, LL_SELECT_BLOBS, &w->blobs, error);
    for (int64_t i = 0; i < count && status == LL_OK; i++) {
        bool row;
        status = ll_sql_bind(w->store, w->fields, error, "i", ids[i]);
        while (status == LL_OK && (status = ll_sql_step(w->store, w->fields, &row, error)) == LL_OK && row)
            if (is_wanted(ll_sql_text(w->fields, LL_AT_FIELD_NAME), names, name_count))
                status = visit_row(w, i, ids[i], error);
    }
    sqlite3_finalize(w->fields);
    sqlite3_finalize(w->blobs);
    return status;
}

ll_status ll_store_visit_fields(ll_store *store, const int64_t *ids, int64_t count, const char *const *names,
                                int name_count, ll_store_visitor visit, void *context, ll_error *error)
{
    if (name_count < 1 || name_count > MOST_NAMES)
        return ll_fail(error, LL_INVALID_ARGUMENT, "store", store->path,
                       "got %d names of fields; wanted 1 to %d", name_count, MOST_NAMES);
    walk w = {.store = store, .visit = visit, .context = context};
    LL_TRY(ll_store_enter(store, false, error));
    return ll_store_leave(store, visit_all(&w, ids, count, names, name_count, error), error);
}

/* ---------------------------------------------------------------- changes */

ll_status ll_store_version(ll_store *store, int64_t *version, ll_error *error)
{
    LL_TRY(ll_store_enter(store, false, error));
    return ll_store_leave(store, ll_sql_integer(store, "PRAGMA data_version", version, error), error);
}

/* Sums are the same in any order of the rows, and each state has its own. */
static ll_status summarise(ll_store *store, ll_store_summary *summary, ll_error *error)
{
    sqlite3_stmt *select;
    bool row;
    struct {
        uint64_t count, ids, mixed;
    } sums[LL_JOB_STATES] = {{0}};
    LL_TRY(ll_sql_prepare(store, "SELECT id, state FROM jobs WHERE wanted > 0", &select, error));
    ll_status status;
    while ((status = ll_sql_step(store, select, &row, error)) == LL_OK && row) {
        const char *state = ll_sql_text(select, 1);
        uint64_t id = (uint64_t)sqlite3_column_int64(select, 0);
        int i = 0;
        while (i < LL_JOB_STATES && strcmp(state, ll_job_state_name((ll_job_state)i)) != 0) i++;
        if (i == LL_JOB_STATES) continue;
        sums[i].count++;
        sums[i].ids += id;
        sums[i].mixed += id * id * UINT64_C(0x9E3779B97F4A7C15);
    }
    sqlite3_finalize(select);
    for (int i = 0; i < LL_JOB_STATES; i++) summary->jobs[i] = (int64_t)sums[i].count;
    summary->hash = ll_hash_bytes(sums, sizeof sums);
    return status;
}

ll_status ll_store_summarise(ll_store *store, ll_store_summary *summary, ll_error *error)
{
    ll_store_summary made = {0};
    LL_TRY(ll_store_enter(store, false, error));
    LL_TRY(ll_store_leave(store, summarise(store, &made, error), error));
    *summary = made;
    return LL_OK;
}
