/* What there is: jobs, counts, provenance; and the check of everything. */
#include "store/internal.h"

#include <stdio.h>
#include <string.h>

static const char *keep(ll_arena *arena, sqlite3_stmt *select, int column, bool *failed)
{
    const char *text = ll_sql_text(select, column);
    if (text[0] == 0) return "";
    const char *copy = ll_arena_text(arena, text);
    if (copy == NULL) *failed = true;
    return copy;
}

static bool parse_state(const char *text, ll_job_state *state)
{
    for (int i = 0; i < LL_JOB_STATES; i++)
        if (strcmp(text, ll_job_state_name((ll_job_state)i)) == 0) {
            *state = (ll_job_state)i;
            return true;
        }
    return false;
}

/* ---------------------------------------------------------------- jobs */

#define SELECT_JOBS "SELECT " LL_JOB_COLUMNS ", sum FROM jobs"
#define MATCHING                                                                                             \
    " WHERE (?1 IS NULL OR kind = ?1) AND (?2 IS NULL OR member_group = ?2)"                                 \
    " AND (?3 IS NULL OR subject = ?3 OR other = ?3) AND (?4 IS NULL OR state = ?4) AND (wanted > 0 OR ?5)"  \
    " AND (?6 IS NULL OR kind <> ?6)"

static ll_status take_row(ll_store *store, sqlite3_stmt *select, ll_arena *memory, ll_store_row *row,
                          ll_error *error)
{
    bool failed = false;
    if (!ll_sql_row_is_whole(select, LL_AT_sum) ||
        !parse_state(ll_sql_text(select, LL_AT_state), &row->state))
        return ll_fail(error, LL_INVALID_FILE, "store", store->path,
                       "the study file is damaged: job %lld has a wrong checksum",
                       (long long)sqlite3_column_int64(select, LL_AT_id));
    ll_job_state state = row->state;
    *row = (ll_store_row){.id = sqlite3_column_int64(select, LL_AT_id),
                          .key = ll_sql_hash(select, LL_AT_key),
                          .kind = keep(memory, select, LL_AT_kind, &failed),
                          .name = keep(memory, select, LL_AT_name, &failed),
                          .group = keep(memory, select, LL_AT_member_group, &failed),
                          .subject = keep(memory, select, LL_AT_subject, &failed),
                          .other = keep(memory, select, LL_AT_other, &failed),
                          .wanted = sqlite3_column_int(select, LL_AT_wanted) != 0,
                          .state = state,
                          .message = keep(memory, select, LL_AT_message, &failed),
                          .started = ll_sql_real(select, LL_AT_started),
                          .finished = ll_sql_real(select, LL_AT_finished),
                          .seconds = ll_sql_real(select, LL_AT_seconds),
                          .host = keep(memory, select, LL_AT_host, &failed),
                          .version = keep(memory, select, LL_AT_version, &failed),
                          .threads = sqlite3_column_int64(select, LL_AT_threads),
                          .record_kind = keep(memory, select, LL_AT_record_kind, &failed),
                          .fields = sqlite3_column_int64(select, LL_AT_record_fields),
                          .bytes = sqlite3_column_int64(select, LL_AT_record_bytes),
                          .record_hash = ll_sql_hash(select, LL_AT_record_hash)};
    return failed ? ll_fail_memory(error, "store", 256) : LL_OK;
}

static ll_status bind_filter(ll_store *store, sqlite3_stmt *select, const ll_store_filter *filter,
                             ll_error *error)
{
    const char *state = filter->state != NULL ? ll_job_state_name(*filter->state) : NULL;
    return ll_sql_bind(store, select, error, "ttttit", filter->kind, filter->group, filter->subject, state,
                       (int64_t)filter->unwanted, filter->but_kind);
}

static ll_status count_matching(ll_store *store, const ll_store_filter *filter, int64_t *total,
                                ll_error *error)
{
    sqlite3_stmt *select;
    bool row = false;
    LL_TRY(ll_sql_prepare(store, "SELECT count(*) FROM jobs" MATCHING, &select, error));
    ll_status status = bind_filter(store, select, filter, error);
    if (status == LL_OK) status = ll_sql_step(store, select, &row, error);
    if (status == LL_OK) *total = sqlite3_column_int64(select, 0);
    sqlite3_finalize(select);
    return status;
}

/* All that match are counted as they come; of a page, all others too. */
static ll_status list(ll_store *store, const ll_store_filter *filter, ll_store_listing *listing,
                      ll_error *error)
{
    int64_t first = ll_max_int64(0, filter->first), room = 0;
    bool paged = first > 0 || filter->most > 0, row = false;
    sqlite3_stmt *select;
    ll_text sql = {0};
    if (paged) LL_TRY(count_matching(store, filter, &listing->total, error));
    ll_text_append(&sql, SELECT_JOBS MATCHING " ORDER BY id");
    if (paged)
        ll_text_format(&sql, " LIMIT %lld OFFSET %lld", (long long)(filter->most > 0 ? filter->most : -1),
                       (long long)first);
    ll_status status =
        sql.failed ? ll_fail_memory(error, "store", 1024) : ll_sql_prepare(store, sql.text, &select, error);
    ll_text_deinit(&sql);
    if (status != LL_OK) return status;
    status = bind_filter(store, select, filter, error);
    while (status == LL_OK && (status = ll_sql_step(store, select, &row, error)) == LL_OK && row) {
        ll_store_row *rows = ll_store_grown(listing->rows, listing->count, &room, sizeof *rows);
        if (rows == NULL) {
            status = ll_fail_memory(error, "store", (size_t)listing->count * sizeof *rows);
            break;
        }
        listing->rows = rows;
        status = take_row(store, select, listing->memory, &rows[listing->count], error);
        if (status == LL_OK) listing->count++;
    }
    if (!paged) listing->total = listing->count;
    sqlite3_finalize(select);
    return status;
}

static ll_status get(ll_store *store, int64_t id, ll_store_listing *listing, ll_error *error)
{
    sqlite3_stmt *select;
    bool row = false;
    listing->rows = ll_allocate(sizeof *listing->rows);
    if (listing->rows == NULL) return ll_fail_memory(error, "store", sizeof *listing->rows);
    LL_TRY(ll_sql_prepare(store, SELECT_JOBS " WHERE id = ?1", &select, error));
    ll_status status = ll_sql_bind(store, select, error, "i", id);
    if (status == LL_OK) status = ll_sql_step(store, select, &row, error);
    if (status == LL_OK && !row)
        status = ll_fail(error, LL_NOT_FOUND, "store", store->path, "there is no job %lld", (long long)id);
    if (status == LL_OK) status = take_row(store, select, listing->memory, listing->rows, error);
    listing->count = listing->total = 1;
    sqlite3_finalize(select);
    return status;
}

/* Of the jobs that match, or (filter NULL) of one. */
static ll_status make_listing(ll_store *store, const ll_store_filter *filter, int64_t id,
                              ll_store_listing *listing, ll_error *error)
{
    ll_store_listing made = {.memory = ll_arena_create(0)};
    if (made.memory == NULL) return ll_fail_memory(error, "store", 4096);
    ll_status status = ll_store_enter(store, false, error);
    if (status == LL_OK)
        status = ll_store_leave(
            store, filter != NULL ? list(store, filter, &made, error) : get(store, id, &made, error), error);
    if (status != LL_OK) {
        ll_store_listing_deinit(&made);
        return status;
    }
    *listing = made;
    return LL_OK;
}

ll_status ll_store_list(ll_store *store, const ll_store_filter *filter, ll_store_listing *listing,
                        ll_error *error)
{
    static const ll_store_filter everything = {0};
    return make_listing(store, filter != NULL ? filter : &everything, 0, listing, error);
}

ll_status ll_store_get(ll_store *store, int64_t id, ll_store_listing *listing, ll_error *error)
{
    return make_listing(store, NULL, id, listing, error);
}

void ll_store_listing_deinit(ll_store_listing *listing)
{
    if (listing == NULL) return;
    ll_free(listing->rows);
    ll_arena_destroy(listing->memory);
    *listing = (ll_store_listing){0};
}

static ll_status find(ll_store *store, ll_hash key, int64_t *id, ll_job_state *state, ll_error *error)
{
    sqlite3_stmt *select;
    bool row = false;
    char text[33];
    ll_hash_text(key, text);
    LL_TRY(ll_sql_prepare(store, "SELECT id, state FROM jobs WHERE key = ?1", &select, error));
    ll_status status = ll_sql_bind(store, select, error, "h", key);
    if (status == LL_OK) status = ll_sql_step(store, select, &row, error);
    if (status == LL_OK && !row)
        status = ll_fail(error, LL_NOT_FOUND, "store", store->path, "there is no job with the key %s", text);
    if (status == LL_OK && !parse_state(ll_sql_text(select, 1), state))
        status = ll_fail(error, LL_INVALID_FILE, "store", store->path,
                         "the study file is damaged: a job has an unknown state");
    if (status == LL_OK) *id = sqlite3_column_int64(select, 0);
    sqlite3_finalize(select);
    return status;
}

ll_status ll_store_find(ll_store *store, ll_hash key, int64_t *id, ll_job_state *state, ll_error *error)
{
    int64_t found = 0;
    ll_job_state is = LL_JOB_WAITING;
    LL_TRY(ll_store_enter(store, false, error));
    LL_TRY(ll_store_leave(store, find(store, key, &found, &is, error), error));
    *id = found;
    if (state != NULL) *state = is;
    return LL_OK;
}

/* ---------------------------------------------------------------- counts */

static ll_status count_jobs(ll_store *store, ll_store_counts *counts, ll_error *error)
{
    int64_t most;
    LL_TRY(ll_sql_integer(
        store, "SELECT count(*) FROM (SELECT DISTINCT kind, member_group FROM jobs WHERE wanted > 0)", &most,
        error));
    counts->counts = ll_arena_allocate(counts->memory, (size_t)(most + 1) * sizeof *counts->counts);
    if (counts->counts == NULL) return ll_fail_memory(error, "store", (size_t)most * sizeof *counts->counts);
    sqlite3_stmt *select;
    LL_TRY(ll_sql_prepare(store,
                          "SELECT kind, member_group, count(*) FILTER (WHERE state = 'waiting'), count(*) "
                          "FILTER (WHERE state = 'running'),"
                          " count(*) FILTER (WHERE state = 'done'), count(*) FILTER (WHERE state = 'failed')"
                          " FROM jobs WHERE wanted > 0 GROUP BY kind, member_group ORDER BY min(id)",
                          &select, error));
    bool row = true, failed = false;
    ll_status status;
    while ((status = ll_sql_step(store, select, &row, error)) == LL_OK && row && counts->count < most) {
        ll_store_count *next = &counts->counts[counts->count++];
        next->kind = keep(counts->memory, select, 0, &failed);
        next->group = keep(counts->memory, select, 1, &failed);
        for (int i = 0; i < LL_JOB_STATES; i++) next->jobs[i] = sqlite3_column_int64(select, 2 + i);
    }
    sqlite3_finalize(select);
    return status == LL_OK && failed ? ll_fail_memory(error, "store", 256) : status;
}

ll_status ll_store_count_jobs(ll_store *store, ll_store_counts *counts, ll_error *error)
{
    ll_store_counts made = {.memory = ll_arena_create(0)};
    if (made.memory == NULL) return ll_fail_memory(error, "store", 4096);
    ll_status status = ll_store_enter(store, false, error);
    if (status == LL_OK) status = ll_store_leave(store, count_jobs(store, &made, error), error);
    if (status != LL_OK) {
        ll_arena_destroy(made.memory);
        return status;
    }
    *counts = made;
    return LL_OK;
}

void ll_store_counts_deinit(ll_store_counts *counts)
{
    if (counts == NULL) return;
    ll_arena_destroy(counts->memory);
    *counts = (ll_store_counts){0};
}

/* ---------------------------------------------------------------- provenance */

ll_status ll_store_set_provenance(ll_store *store, const char *name, const char *value, ll_error *error)
{
    LL_TRY(ll_store_enter(store, true, error));
    sqlite3_stmt *insert = NULL;
    ll_status status =
        ll_sql_prepare(store,
                       "INSERT INTO provenance VALUES(?1, ?2, row_sum(?1, ?2)) ON CONFLICT(name)"
                       " DO UPDATE SET value = ?2, sum = row_sum(?1, ?2)",
                       &insert, error);
    if (status == LL_OK) status = ll_sql_bind(store, insert, error, "tt", name, value);
    if (status == LL_OK) status = ll_sql_done(store, insert, error);
    sqlite3_finalize(insert);
    return ll_store_leave(store, status, error);
}

static ll_status list_provenance(ll_store *store, ll_store_notes *notes, ll_error *error)
{
    int64_t most;
    LL_TRY(ll_sql_integer(store, "SELECT count(*) FROM provenance", &most, error));
    notes->notes = ll_arena_allocate(notes->memory, (size_t)(most + 1) * sizeof *notes->notes);
    if (notes->notes == NULL) return ll_fail_memory(error, "store", (size_t)most * sizeof *notes->notes);
    sqlite3_stmt *select;
    LL_TRY(ll_sql_prepare(store,
                          "SELECT name, value, sum IS row_sum(name, value) FROM provenance ORDER BY name",
                          &select, error));
    bool row = true, failed = false;
    ll_status status;
    while ((status = ll_sql_step(store, select, &row, error)) == LL_OK && row && notes->count < most) {
        if (sqlite3_column_int(select, 2) != 1) {
            status = ll_fail(error, LL_INVALID_FILE, "store", store->path,
                             "the study file is damaged: provenance has a wrong checksum");
            break;
        }
        ll_store_note *next = &notes->notes[notes->count++];
        next->name = keep(notes->memory, select, 0, &failed);
        next->value = keep(notes->memory, select, 1, &failed);
    }
    sqlite3_finalize(select);
    return status == LL_OK && failed ? ll_fail_memory(error, "store", 256) : status;
}

ll_status ll_store_list_provenance(ll_store *store, ll_store_notes *notes, ll_error *error)
{
    ll_store_notes made = {.memory = ll_arena_create(0)};
    if (made.memory == NULL) return ll_fail_memory(error, "store", 4096);
    ll_status status = ll_store_enter(store, false, error);
    if (status == LL_OK) status = ll_store_leave(store, list_provenance(store, &made, error), error);
    if (status != LL_OK) {
        ll_arena_destroy(made.memory);
        return status;
    }
    *notes = made;
    return LL_OK;
}

void ll_store_notes_deinit(ll_store_notes *notes)
{
    if (notes == NULL) return;
    ll_arena_destroy(notes->memory);
    *notes = (ll_store_notes){0};
}
