/* Jobs and what happens to them. */
#include "store/internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *ll_job_state_name(ll_job_state state)
{
    static const char *const names[] = {
#define NAME(name, text) text,
        LL_JOB_STATE_LIST(NAME)
#undef NAME
    };
    return state >= 0 && state < LL_JOB_STATES ? names[state] : "?";
}

ll_hash ll_store_key(const char *kind, const char *inputs)
{
    ll_text text = {0};
    ll_text_append_bytes(&text, kind, strlen(kind) + 1); /* the 0 keeps kind and inputs apart */
    ll_text_append(&text, inputs);
    ll_hash key = text.failed ? ll_hash_bytes(inputs, strlen(inputs)) : ll_hash_bytes(text.text, text.length);
    ll_text_deinit(&text);
    return key;
}

/* ---------------------------------------------------------------- planning */

typedef struct planning {
    sqlite3_stmt *insert, *seal, *find;
} planning;

static ll_status planning_init(ll_store *store, planning *p, ll_error *error)
{
    *p = (planning){0};
    LL_TRY(ll_sql_prepare(
        store,
        "INSERT INTO jobs(key, kind, name, member_group, subject, other, inputs, wanted, state, message, "
        "host,"
        " threads, version, record_kind, record_schema, record_fields, record_bytes, sum)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, 'waiting', '', '', 0, '', '', 0, 0, 0, 0)"
        " ON CONFLICT(key) DO UPDATE SET kind = ?2, name = ?3, member_group = ?4, subject = ?5, other = ?6,"
        " inputs = ?7, wanted = wanted + 1,"
        " state = CASE state WHEN 'failed' THEN 'waiting' ELSE state END,"
        " message = CASE state WHEN 'failed' THEN '' ELSE message END",
        &p->insert, error));
    LL_TRY(ll_sql_prepare(store, "SELECT id, wanted FROM jobs WHERE key = ?1", &p->find, error));
    return ll_sql_prepare(store, LL_JOB_SEAL "key = ?1", &p->seal, error);
}

static void planning_deinit(planning *p)
{
    sqlite3_finalize(p->insert);
    sqlite3_finalize(p->seal);
    sqlite3_finalize(p->find);
}

static const char *or_empty(const char *text) { return text != NULL ? text : ""; }

static ll_status plan_one(ll_store *store, planning *p, const ll_store_job *job, int64_t *id, int64_t *times,
                          ll_error *error)
{
    bool row = false;
    LL_TRY(ll_sql_bind(store, p->insert, error, "htttttt", job->key, or_empty(job->kind), or_empty(job->name),
                       or_empty(job->group), or_empty(job->subject), or_empty(job->other),
                       or_empty(job->inputs)));
    LL_TRY(ll_sql_done(store, p->insert, error));
    LL_TRY(ll_sql_bind(store, p->find, error, "h", job->key));
    LL_TRY(ll_sql_step(store, p->find, &row, error));
    *id = sqlite3_column_int64(p->find, 0);
    *times = sqlite3_column_int64(p->find, 1);
    sqlite3_reset(p->find);
    LL_TRY(ll_sql_bind(store, p->seal, error, "h", job->key));
    return ll_sql_done(store, p->seal, error);
}

/* `wanted` counts how often the plan names a key; more than once is the caller's mistake. */
static ll_status plan(ll_store *store, planning *p, const ll_store_job *jobs, int64_t count, int64_t *ids,
                      ll_error *error)
{
    LL_TRY(ll_sql_run(store, "UPDATE jobs SET wanted = 0", error));
    for (int64_t i = 0; i < count; i++) {
        int64_t times;
        LL_TRY(plan_one(store, p, &jobs[i], &ids[i], &times, error));
        if (times != 1)
            return ll_fail(error, LL_INVALID_ARGUMENT, "store", store->path,
                           "two jobs of the plan have one key: %s \"%s\" is the second",
                           or_empty(jobs[i].kind), or_empty(jobs[i].name));
    }
    return ll_sql_run(store, LL_JOB_SEAL "wanted = 0", error);
}

ll_status ll_store_plan(ll_store *store, const ll_store_job *jobs, int64_t count, int64_t *ids,
                        ll_error *error)
{
    int64_t *found = ll_allocate_array(count + 1, sizeof *found);
    if (found == NULL) return ll_fail_memory(error, "store", (size_t)count * sizeof *found);
    ll_status status = ll_store_enter(store, true, error);
    if (status == LL_OK) {
        planning p;
        status = planning_init(store, &p, error);
        if (status == LL_OK) status = plan(store, &p, jobs, count, found, error);
        planning_deinit(&p);
        status = ll_store_leave(store, status, error);
    }
    if (status == LL_OK && ids != NULL && count > 0) memcpy(ids, found, (size_t)count * sizeof *ids);
    ll_free(found);
    return status;
}

ll_status ll_store_add(ll_store *store, const ll_store_job *job, int64_t *id, ll_error *error)
{
    int64_t found = 0, times = 0;
    LL_TRY(ll_store_enter(store, true, error));
    planning p;
    ll_status status = planning_init(store, &p, error);
    if (status == LL_OK) status = plan_one(store, &p, job, &found, &times, error);
    if (status == LL_OK && times != 1) {
        status = ll_sql_run(store, "UPDATE jobs SET wanted = 1 WHERE wanted > 1", error);
        if (status == LL_OK) status = ll_sql_bind(store, p.seal, error, "h", job->key);
        if (status == LL_OK) status = ll_sql_done(store, p.seal, error);
    }
    planning_deinit(&p);
    LL_TRY(ll_store_leave(store, status, error));
    *id = found;
    return LL_OK;
}

ll_status ll_store_prune(ll_store *store, int64_t *jobs, ll_error *error)
{
    int64_t count = 0;
    LL_TRY(ll_store_enter(store, true, error));
    ll_status status = ll_sql_integer(store, "SELECT count(*) FROM jobs WHERE wanted = 0", &count, error);
    if (status == LL_OK) status = ll_sql_run(store, "DELETE FROM jobs WHERE wanted = 0", error);
    LL_TRY(ll_store_leave(store, status, error));
    if (jobs != NULL) *jobs = count;
    return LL_OK;
}

/* ---------------------------------------------------------------- states */

/* Runs one statement with the job's id as ?1 (further parameters are bound by the caller), which must meet a row, and
 * seals the job. */
static ll_status change(ll_store *store, sqlite3_stmt *update, int64_t id, ll_error *error)
{
    LL_TRY(ll_sql_done(store, update, error));
    if (sqlite3_changes(store->db) != 1) {
        char sql[96];
        int64_t count;
        snprintf(sql, sizeof sql, "SELECT count(*) FROM jobs WHERE id = %lld", (long long)id);
        LL_TRY(ll_sql_integer(store, sql, &count, error));
        return count == 0
                   ? ll_fail(error, LL_NOT_FOUND, "store", store->path, "there is no job %lld", (long long)id)
                   : ll_fail(error, LL_INVALID_ARGUMENT, "store", store->path,
                             "job %lld is done; a result is written once", (long long)id);
    }
    sqlite3_stmt *seal;
    LL_TRY(ll_sql_prepare(store, LL_JOB_SEAL "id = ?1", &seal, error));
    ll_status status = ll_sql_bind(store, seal, error, "i", id);
    if (status == LL_OK) status = ll_sql_done(store, seal, error);
    sqlite3_finalize(seal);
    return status;
}

static ll_status set_state(ll_store *store, int64_t id, const char *sql, const char *text, double time,
                           ll_error *error)
{
    LL_TRY(ll_store_enter(store, true, error));
    sqlite3_stmt *update = NULL;
    ll_status status = ll_sql_prepare(store, sql, &update, error);
    if (status == LL_OK) status = ll_sql_bind(store, update, error, "itr", id, text, time);
    if (status == LL_OK) status = change(store, update, id, error);
    sqlite3_finalize(update);
    return ll_store_leave(store, status, error);
}

ll_status ll_store_begin(ll_store *store, int64_t id, ll_error *error)
{
    char host[256];
    ll_store_host(host);
    return set_state(
        store, id,
        "UPDATE jobs SET state = 'running', message = '', host = ?2, started = ?3, finished = NULL"
        " WHERE id = ?1 AND state <> 'done'",
        host, ll_store_now(), error);
}

ll_status ll_store_fail(ll_store *store, int64_t id, const char *message, ll_error *error)
{
    return set_state(
        store, id,
        "UPDATE jobs SET state = 'failed', message = ?2, finished = ?3 WHERE id = ?1 AND state <> 'done'",
        or_empty(message), ll_store_now(), error);
}

ll_status ll_store_put_back(ll_store *store, int64_t id, ll_error *error)
{
    return set_state(store, id,
                     "UPDATE jobs SET state = 'waiting', message = ?2, finished = NULLIF(?3, ?3)"
                     " WHERE id = ?1 AND state <> 'done'",
                     "", 0.0, error);
}

static ll_status finish(ll_store *store, int64_t id, const ll_record *record, const ll_store_beside *beside,
                        size_t bytes, ll_hash hash, ll_error *error)
{
    static const ll_store_beside unknown = {.seconds = NAN};
    if (beside == NULL) beside = &unknown;
    sqlite3_stmt *update = NULL;
    char host[256];
    ll_store_host(host);
    LL_TRY(ll_sql_prepare(
        store,
        "UPDATE jobs SET state = 'done', message = '', finished = ?2, seconds = ?3, host = ?4, threads = ?5,"
        " version = ?6, record_kind = ?7, record_schema = ?8, record_fields = ?9, record_bytes = ?10,"
        " record_hash = ?11 WHERE id = ?1 AND state <> 'done'",
        &update, error));
    ll_status status =
        ll_sql_bind(store, update, error, "irrtittiiih", id, ll_store_now(), beside->seconds, host,
                    beside->threads, or_empty(beside->version), ll_record_kind(record),
                    (int64_t)ll_record_schema(record), ll_record_field_count(record), (int64_t)bytes, hash);
    if (status == LL_OK) status = change(store, update, id, error);
    sqlite3_finalize(update);
    if (status == LL_OK) status = ll_result_write(store, id, record, error);
    static const char *const cleared[] = {"DELETE FROM pieces WHERE job = ?1",
                                          "DELETE FROM progress WHERE job = ?1"};
    for (int i = 0; i < 2 && status == LL_OK; i++) {
        sqlite3_stmt *delete = NULL;
        status = ll_sql_prepare(store, cleared[i], &delete, error);
        if (status == LL_OK) status = ll_sql_bind(store, delete, error, "i", id);
        if (status == LL_OK) status = ll_sql_done(store, delete, error);
        sqlite3_finalize(delete);
    }
    return status;
}

ll_status ll_store_finish(ll_store *store, int64_t id, const ll_record *record, const ll_store_beside *beside,
                          ll_error *error)
{
    void *bytes;
    size_t count;
    if (strlen(ll_record_kind(record)) > 255)
        return ll_fail(error, LL_TOO_LARGE, "store", store->path,
                       "the name of a kind of record is longer than 255 bytes");
    LL_TRY(ll_record_to_bytes(record, &bytes, &count, error));
    ll_hash hash = ll_hash_bytes(bytes, count);
    ll_free(bytes);
    LL_TRY(ll_store_enter(store, true, error));
    return ll_store_leave(store, finish(store, id, record, beside, count, hash, error), error);
}
