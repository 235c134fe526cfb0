/* Fields of many results in one walk, and whether anything has changed: what a reader of a whole study asks
 * again and again. */
#include "store/internal.h"

#include <string.h>

enum { MOST_NAMES = 64, MOST_ARRAY_BYTES = 65536 };

/* Names are compared with GLOB: a last '*' matches any ending. */
static ll_status select_fields(ll_store *store, const ll_store_filter *filter, const char *const *names,
                               int count, sqlite3_stmt **select, ll_error *error)
{
    ll_text sql = {0};
    ll_text_append(
        &sql,
        "SELECT f.id, f.position, f.name, f.unit, f.type, f.integer, f.bits, f.text, f.array_type, f.shape,"
        " f.sum IS row_sum(f.job, f.position, f.name, f.unit, f.type, f.integer, f.bits, f.text, "
        "f.array_type, f.shape),"
        " f.job FROM jobs j JOIN fields f ON f.job = j.id WHERE (?1 IS NULL OR j.kind = ?1)"
        " AND (?2 IS NULL OR j.member_group = ?2) AND (?3 IS NULL OR j.subject = ?3 OR j.other = ?3)"
        " AND j.state = 'done' AND (j.wanted > 0 OR ?4) AND (");
    for (int i = 0; i < count; i++) ll_text_format(&sql, "%sf.name GLOB ?%d", i > 0 ? " OR " : "", 5 + i);
    ll_text_append(&sql, ") ORDER BY j.id, f.position");
    ll_status status =
        sql.failed ? ll_fail_memory(error, "store", 1024) : ll_sql_prepare(store, sql.text, select, error);
    ll_text_deinit(&sql);
    LL_TRY(status);
    status = ll_sql_bind(store, *select, error, "ttti", filter->kind, filter->group, filter->subject,
                         (int64_t)filter->unwanted);
    for (int i = 0; i < count && status == LL_OK; i++) {
        int code = sqlite3_bind_text(*select, 5 + i, names[i], -1, SQLITE_STATIC);
        if (code != SQLITE_OK) status = ll_sql_failure(store, code, error);
    }
    if (status != LL_OK) sqlite3_finalize(*select);
    return status;
}

static ll_status visit_row(ll_store *store, sqlite3_stmt *select, sqlite3_stmt *blobs, ll_store_visitor visit,
                           void *context, ll_error *error)
{
    ll_field field;
    ll_array array = {0};
    int64_t job = sqlite3_column_int64(select, 11);
    LL_TRY(ll_result_take_field(store, select, job, &field, error));
    size_t bytes = field.type == LL_FIELD_ARRAY ? ll_array_bytes(&field.array) : 0;
    if (field.type == LL_FIELD_ARRAY && bytes <= MOST_ARRAY_BYTES) {
        LL_TRY(ll_array_init(&array, field.array.type, field.array.rank, field.array.shape, error));
        ll_status status = ll_sql_bind(store, blobs, error, "i", sqlite3_column_int64(select, 0));
        if (status == LL_OK) status = ll_blobs_read(store, blobs, field.name, array.data, bytes, error);
        field.array = array;
        if (status == LL_OK) status = visit(context, job, &field, error);
        ll_array_deinit(&array);
        return status;
    }
    return visit(context, job, &field, error);
}

static ll_status visit_all(ll_store *store, const ll_store_filter *filter, const char *const *names,
                           int count, ll_store_visitor visit, void *context, ll_error *error)
{
    sqlite3_stmt *select, *blobs = NULL;
    bool row;
    LL_TRY(select_fields(store, filter, names, count, &select, error));
    ll_status status = ll_sql_prepare(store, LL_SELECT_BLOBS, &blobs, error);
    while (status == LL_OK && (status = ll_sql_step(store, select, &row, error)) == LL_OK && row)
        status = visit_row(store, select, blobs, visit, context, error);
    sqlite3_finalize(select);
    sqlite3_finalize(blobs);
    return status;
}

ll_status ll_store_visit_fields(ll_store *store, const ll_store_filter *filter, const char *const *names,
                                int count, ll_store_visitor visit, void *context, ll_error *error)
{
    static const ll_store_filter everything = {0};
    if (count < 1 || count > MOST_NAMES)
        return ll_fail(error, LL_INVALID_ARGUMENT, "store", store->path,
                       "got %d names of fields; wanted 1 to %d", count, MOST_NAMES);
    LL_TRY(ll_store_enter(store, false, error));
    ll_status status =
        visit_all(store, filter != NULL ? filter : &everything, names, count, visit, context, error);
    return ll_store_leave(store, status, error);
}

/* ---------------------------------------------------------------- changes */

ll_status ll_store_version(ll_store *store, int64_t *version, ll_error *error)
{
    LL_TRY(ll_store_enter(store, false, error));
    return ll_store_leave(store, ll_sql_integer(store, "PRAGMA data_version", version, error), error);
}

static ll_status summarise(ll_store *store, ll_store_summary *summary, ll_error *error)
{
    sqlite3_stmt *select;
    bool row;
    double mix[LL_JOB_STATES][3] = {{0}};
    LL_TRY(ll_sql_prepare(store,
                          "SELECT state, count(*), total(id), total(id % 8191 * (id % 8179)) FROM jobs WHERE "
                          "wanted > 0 GROUP BY state",
                          &select, error));
    ll_status status;
    while ((status = ll_sql_step(store, select, &row, error)) == LL_OK && row) {
        for (int i = 0; i < LL_JOB_STATES; i++) {
            if (strcmp(ll_sql_text(select, 0), ll_job_state_name((ll_job_state)i)) != 0) continue;
            summary->jobs[i] = sqlite3_column_int64(select, 1);
            for (int k = 0; k < 3; k++) mix[i][k] = sqlite3_column_double(select, k + 1);
        }
    }
    sqlite3_finalize(select);
    summary->hash = ll_hash_bytes(mix, sizeof mix);
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
