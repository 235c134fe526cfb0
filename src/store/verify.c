/* Everything that a file holds, read and compared. */
#include "store/internal.h"

#include <string.h>

static ll_status whole(ll_store *store, ll_error *error)
{
    sqlite3_stmt *check;
    bool row = false;
    LL_TRY(ll_sql_prepare(store, "PRAGMA integrity_check(1)", &check, error));
    ll_status status = ll_sql_step(store, check, &row, error);
    if (status == LL_OK && (!row || strcmp(ll_sql_text(check, 0), "ok") != 0))
        status = ll_fail(error, LL_INVALID_FILE, "store", store->path, "the study file is damaged: %s",
                         row ? ll_sql_text(check, 0) : "no answer to its check");
    sqlite3_finalize(check);
    LL_TRY(status);
    LL_TRY(ll_store_check_rows(store, error));
    static const char numbers_sum[] =
        "SELECT count(*) FROM numbers WHERE sum IS NOT row_sum(job, data) OR data IS NOT"
        " (SELECT pack_numbers(name, integer, bits) FROM fields WHERE job = numbers.job AND type IN "
        "('integer', 'real'))";
    static const char *const sums[] = {
        "SELECT count(*) FROM fields WHERE sum IS NOT row_sum(job, position, name, unit, type, integer, "
        "bits, text, array_type, shape)",
        numbers_sum,
        "SELECT count(*) FROM blobs WHERE sum IS NOT row_sum(field, part, parts, bytes, packed, data)",
        "SELECT count(*) FROM pieces WHERE sum IS NOT row_sum(job, name, part, parts, bytes, packed, data)",
        "SELECT count(*) FROM progress WHERE sum IS NOT row_sum(job, what, done, total, value_name, value, "
        "at)",
    };
    for (size_t i = 0; i < sizeof sums / sizeof sums[0]; i++) {
        int64_t wrong;
        LL_TRY(ll_sql_integer(store, sums[i], &wrong, error));
        if (wrong != 0)
            return ll_fail(error, LL_INVALID_FILE, "store", store->path,
                           "the study file is damaged: %lld rows with a wrong checksum", (long long)wrong);
    }
    sqlite3_stmt *select;
    LL_TRY(ll_sql_prepare(store, "SELECT id FROM jobs WHERE state = 'done' ORDER BY id", &select, error));
    while ((status = ll_sql_step(store, select, &row, error)) == LL_OK && row) {
        ll_record *record = NULL;
        status = ll_result_read(store, sqlite3_column_int64(select, 0), &record, error);
        ll_record_destroy(record);
        if (status != LL_OK) break;
    }
    sqlite3_finalize(select);
    return status;
}

ll_status ll_store_verify(ll_store *store, ll_error *error)
{
    LL_TRY(ll_store_enter(store, false, error));
    return ll_store_leave(store, whole(store, error), error);
}
