/* Pieces of unfinished jobs, the sink that hands them over, and notes on progress. */
#include "store/internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct ll_store_sink {
    ll_sink sink;
    ll_store *store;
    int64_t job;
    const ll_sink *outer;
    double noted; /* when progress was last written */
};

static ll_status count_bytes(ll_store *store, int64_t job, const char *piece, bool *there, size_t *count,
                             ll_error *error)
{
    sqlite3_stmt *select;
    bool row;
    LL_TRY(ll_sql_prepare(
        store,
        "SELECT count(*), total(bytes), max(bytes), min(bytes) FROM pieces WHERE job = ?1 AND name = ?2",
        &select, error));
    ll_status status = ll_sql_bind(store, select, error, "it", job, piece);
    if (status == LL_OK) status = ll_sql_step(store, select, &row, error);
    if (status == LL_OK) {
        *there = sqlite3_column_int64(select, 0) > 0 && sqlite3_column_int64(select, 3) >= 0 &&
                 sqlite3_column_int64(select, 2) <= (int64_t)LL_STORE_BLOB_BYTES;
        *count = *there ? (size_t)sqlite3_column_int64(select, 1) : 0;
    }
    sqlite3_finalize(select);
    return status;
}

static ll_status read_piece(ll_store *store, int64_t job, const char *piece, void **bytes, size_t *count,
                            ll_error *error)
{
    bool there;
    size_t size;
    LL_TRY(count_bytes(store, job, piece, &there, &size, error));
    if (!there) return ll_fail(error, LL_NOT_FOUND, "store", store->path, "there is no piece %s", piece);
    void *made = ll_allocate(size);
    if (made == NULL) return ll_fail_memory(error, "store", size);
    sqlite3_stmt *select = NULL;
    ll_status status = ll_sql_prepare(store,
                                      "SELECT job, name, part, parts, bytes, packed, data, sum FROM pieces"
                                      " WHERE job = ?1 AND name = ?2 ORDER BY part",
                                      &select, error);
    if (status == LL_OK) status = ll_sql_bind(store, select, error, "it", job, piece);
    if (status == LL_OK) status = ll_blobs_read(store, select, 2, piece, made, size, error);
    sqlite3_finalize(select);
    if (status != LL_OK) {
        ll_free(made);
        return status;
    }
    *bytes = made;
    *count = size;
    return LL_OK;
}

static bool find(void *context, const char *piece, void **bytes, size_t *count)
{
    ll_store_sink *sink = context;
    void *made = NULL;
    size_t size = 0;
    if (ll_store_enter(sink->store, false, NULL) != LL_OK) return false;
    ll_status status = read_piece(sink->store, sink->job, piece, &made, &size, NULL);
    status = ll_store_leave(sink->store, status, NULL);
    if (status != LL_OK) {
        ll_free(made);
        return false;
    }
    *bytes = made;
    *count = size;
    return true;
}

static ll_status write_piece(ll_store *store, int64_t job, const char *piece, const void *bytes, size_t count,
                             ll_error *error)
{
    sqlite3_stmt *delete = NULL, *insert = NULL;
    ll_status status =
        ll_sql_prepare(store, "DELETE FROM pieces WHERE job = ?1 AND name = ?2", &delete, error);
    if (status == LL_OK) status = ll_sql_bind(store, delete, error, "it", job, piece);
    if (status == LL_OK) status = ll_sql_done(store, delete, error);
    sqlite3_finalize(delete);
    if (status == LL_OK)
        status = ll_sql_prepare(store,
                                "INSERT INTO pieces(job, name, part, parts, bytes, packed, data, sum)"
                                " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, row_sum(?1, ?2, ?3, ?4, ?5, ?6, ?7))",
                                &insert, error);
    if (status == LL_OK) status = ll_blobs_write(store, insert, job, piece, bytes, count, error);
    sqlite3_finalize(insert);
    return status;
}

static ll_status put(void *context, const char *piece, const void *bytes, size_t count, ll_error *error)
{
    ll_store_sink *sink = context;
    LL_TRY(ll_store_enter(sink->store, true, error));
    return ll_store_leave(sink->store, write_piece(sink->store, sink->job, piece, bytes, count, error),
                          error);
}

/* ---------------------------------------------------------------- progress */

static ll_status note(ll_store *store, int64_t job, const ll_progress *progress, ll_error *error)
{
    sqlite3_stmt *insert = NULL;
    const char *name = progress->value_name != NULL ? progress->value_name : "";
    LL_TRY(ll_sql_prepare(store,
                          "INSERT OR REPLACE INTO progress VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, row_sum(?1, "
                          "?2, ?3, ?4, ?5, ?6, ?7))",
                          &insert, error));
    ll_status status = ll_sql_bind(
        store, insert, error, "itiitrr", job, progress->what != NULL ? progress->what : "", progress->done,
        progress->total, name, progress->value + 0.0, ll_store_now()); /* + 0.0: SQLite keeps no -0 */
    if (status == LL_OK) status = ll_sql_done(store, insert, error);
    sqlite3_finalize(insert);
    return status;
}

static void show(void *context, const ll_progress *progress)
{
    ll_store_sink *sink = context;
    double now = ll_clock_seconds();
    if (now - sink->noted >= 1.0) {
        sink->noted = now;
        /* A note that is lost does no harm. */
        if (ll_store_enter(sink->store, true, NULL) == LL_OK &&
            ll_store_leave(sink->store, note(sink->store, sink->job, progress, NULL), NULL) != LL_OK)
            sink->noted = now + 10.0;
    }
    ll_sink_progress(sink->outer, progress);
}

static bool should_stop(void *context)
{
    const ll_store_sink *sink = context;
    return ll_sink_should_stop(sink->outer);
}

static ll_status read_progress(ll_store *store, int64_t id, ll_store_progress *progress, ll_error *error)
{
    sqlite3_stmt *select;
    bool row = false;
    LL_TRY(ll_sql_prepare(
        store, "SELECT job, what, done, total, value_name, value, at, sum FROM progress WHERE job = ?1",
        &select, error));
    ll_status status = ll_sql_bind(store, select, error, "i", id);
    if (status == LL_OK) status = ll_sql_step(store, select, &row, error);
    if (status == LL_OK && !row)
        status = ll_fail(error, LL_NOT_FOUND, "store", store->path, "job %lld has reported no progress",
                         (long long)id);
    if (status == LL_OK && !ll_sql_row_is_whole(select, 7))
        status = ll_fail(error, LL_INVALID_FILE, "store", store->path,
                         "the study file is damaged: progress has a wrong checksum");
    if (status == LL_OK) {
        progress->done = sqlite3_column_int64(select, 2);
        progress->total = sqlite3_column_int64(select, 3);
        progress->value = ll_sql_real(select, 5);
        progress->at = ll_sql_real(select, 6);
        snprintf(progress->what, sizeof progress->what, "%s", ll_sql_text(select, 1));
        snprintf(progress->value_name, sizeof progress->value_name, "%s", ll_sql_text(select, 4));
    }
    sqlite3_finalize(select);
    return status;
}

ll_status ll_store_read_progress(ll_store *store, int64_t id, ll_store_progress *progress, ll_error *error)
{
    ll_store_progress found = {0};
    LL_TRY(ll_store_enter(store, false, error));
    LL_TRY(ll_store_leave(store, read_progress(store, id, &found, error), error));
    *progress = found;
    return LL_OK;
}

/* ---------------------------------------------------------------- the sink */

ll_status ll_store_sink_create(ll_store *store, int64_t id, const ll_sink *outer, ll_store_sink **sink,
                               ll_error *error)
{
    ll_store_listing job;
    LL_TRY(ll_store_get(store, id, &job, error));
    ll_store_listing_deinit(&job);
    ll_store_sink *made = ll_allocate_zeroed(sizeof *made);
    if (made == NULL) return ll_fail_memory(error, "store", sizeof *made);
    made->store = store;
    made->job = id;
    made->outer = outer;
    made->noted = ll_clock_seconds();
    made->sink =
        (ll_sink){.context = made, .find = find, .put = put, .progress = show, .should_stop = should_stop};
    *sink = made;
    return LL_OK;
}

void ll_store_sink_destroy(ll_store_sink *sink) { ll_free(sink); }
const ll_sink *ll_store_sink_view(ll_store_sink *sink) { return &sink->sink; }

ll_status ll_store_read_so_far(ll_store *store, int64_t id, ll_record **record, ll_error *error)
{
    void *bytes = NULL;
    size_t count = 0;
    LL_TRY(ll_store_enter(store, false, error));
    LL_TRY(ll_store_leave(store, read_piece(store, id, LL_PIECE_SO_FAR, &bytes, &count, error), error));
    ll_status status = ll_record_from_bytes(bytes, count, record, error);
    ll_free(bytes);
    return status;
}

ll_status ll_store_count_pieces(ll_store *store, int64_t id, int64_t *pieces, ll_error *error)
{
    char sql[96];
    int64_t count = 0;
    snprintf(sql, sizeof sql, "SELECT count(DISTINCT name) FROM pieces WHERE job = %lld", (long long)id);
    LL_TRY(ll_store_enter(store, false, error));
    LL_TRY(ll_store_leave(store, ll_sql_integer(store, sql, &count, error), error));
    *pieces = count;
    return LL_OK;
}
