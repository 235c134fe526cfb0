/* kill -9 at 50 random instants of a writing process, in either journal mode: after each the study opens, nothing that
 * was finished is lost, nothing half-written is visible, and the continued run ends in the same record bytes. */
#define _POSIX_C_SOURCE 200809L
#include "support_records.h"

#include "support_cmocka.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { JOBS = 6, KILLS = 50, NUMBERS = 1500 };

static void nap(long microseconds)
{
    struct timespec time = {microseconds / 1000000, microseconds % 1000000 * 1000};
    nanosleep(&time, NULL);
}

/* The writer: plans, makes every piece that is not there, finishes. Reports each finished job as one byte, after the store
 * said that it is stored. Exit status 0: all done. */
static bool write_all(const char *path, bool rollback, int report)
{
    ll_store_options options = {.access = LL_STORE_CREATE, .rollback_journal = rollback};
    ll_store *store;
    if (ll_store_open(path, &options, &store, NULL) != LL_OK) return false;
    char names[JOBS][32];
    ll_store_job jobs[JOBS];
    int64_t ids[JOBS];
    for (int i = 0; i < JOBS; i++) jobs[i] = store_job(i, names[i]);
    if (ll_store_plan(store, jobs, JOBS, ids, NULL) != LL_OK) return false;
    for (int i = 0; i < JOBS; i++) {
        ll_job_state state;
        if (ll_store_find(store, jobs[i].key, &ids[i], &state, NULL) != LL_OK) return false;
        if (state == LL_JOB_DONE) continue;
        ll_store_sink *sink;
        if (ll_store_begin(store, ids[i], NULL) != LL_OK ||
            ll_store_sink_create(store, ids[i], NULL, &sink, NULL) != LL_OK)
            return false;
        for (int k = 0; k < STORE_PIECES; k++) {
            char piece[32];
            void *bytes;
            size_t count;
            snprintf(piece, sizeof piece, "tile/%d", k);
            if (!ll_sink_find(ll_store_sink_view(sink), piece, &bytes, &count)) {
                bytes = store_piece(i, k, &count);
                if (ll_sink_put(ll_store_sink_view(sink), piece, bytes, count, NULL) != LL_OK) return false;
            }
            ll_free(bytes);
        }
        ll_store_sink_destroy(sink);
        ll_record *record = store_record(i, NUMBERS);
        bool stored = ll_store_finish(store, ids[i], record, NULL, NULL) == LL_OK;
        ll_record_destroy(record);
        char which = (char)i;
        if (!stored || write(report, &which, 1) != 1) return false;
    }
    ll_store_destroy(store);
    return true;
}

/* Runs the writer in a process, killed after `microseconds` (< 0: left alone). done[i] is set for each reported job. */
static bool run_writer(const char *path, bool rollback, long microseconds, bool done[JOBS])
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) _exit(write_all(path, rollback, ends[1]) ? 0 : 1);
    close(ends[1]);
    if (microseconds >= 0) {
        nap(microseconds);
        kill(child, SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    char which;
    while (read(ends[0], &which, 1) == 1) done[(int)which] = true;
    close(ends[0]);
    if (WIFEXITED(status)) assert_int_equal(WEXITSTATUS(status), 0);
    return WIFSIGNALED(status);
}

/* Every job as it must be: done and the same bytes, or not done and no result; every piece that is there is whole. */
static int64_t check(ll_store *store, const bool done[JOBS])
{
    int64_t complete = 0;
    for (int i = 0; i < JOBS; i++) {
        char name[32];
        ll_store_job job = store_job(i, name);
        int64_t id;
        ll_job_state state;
        ll_record *record = NULL, *expected = store_record(i, NUMBERS);
        if (ll_store_find(store, job.key, &id, &state, NULL) != LL_OK) {
            assert_false(done[i]); /* killed before the plan was stored */
        } else if (state == LL_JOB_DONE) {
            int64_t pieces;
            assert_int_equal(ll_store_read_record(store, id, &record, NULL), LL_OK);
            assert_true(store_same(record, expected));
            assert_int_equal(ll_store_count_pieces(store, id, &pieces, NULL), LL_OK);
            assert_int_equal(pieces, 0);
            complete++;
        } else {
            assert_false(done[i]);
            assert_int_equal(ll_store_read_record(store, id, &record, NULL), LL_NOT_FOUND);
            ll_store_sink *sink;
            assert_int_equal(ll_store_sink_create(store, id, NULL, &sink, NULL), LL_OK);
            int64_t found = 0, pieces;
            for (int k = 0; k < STORE_PIECES; k++) {
                char piece[32];
                size_t count, wanted;
                void *bytes, *right = store_piece(i, k, &wanted);
                snprintf(piece, sizeof piece, "tile/%d", k);
                if (ll_sink_find(ll_store_sink_view(sink), piece, &bytes, &count)) {
                    found++;
                    assert_int_equal(count, wanted);
                    assert_memory_equal(bytes, right, wanted);
                    ll_free(bytes);
                }
                ll_free(right);
            }
            assert_int_equal(ll_store_count_pieces(store, id, &pieces, NULL), LL_OK);
            assert_int_equal(pieces, found);
            ll_store_sink_destroy(sink);
        }
        ll_record_destroy(record);
        ll_record_destroy(expected);
    }
    ll_error error = {0};
    if (ll_store_verify(store, &error) != LL_OK) fail_msg("%s", error.message);
    return complete;
}

static void kill_writers(bool rollback)
{
    char path[256];
    store_path(rollback ? "kill_rollback" : "kill_wal", path);
    double whole = 1e12;
    struct timespec start, end;
    for (int i = 0; i < 3; i++) {
        bool none[JOBS] = {false};
        store_remove(path);
        clock_gettime(CLOCK_MONOTONIC, &start);
        assert_false(run_writer(path, rollback, -1, none));
        clock_gettime(CLOCK_MONOTONIC, &end);
        double time =
            (double)(end.tv_sec - start.tv_sec) * 1e6 + (double)(end.tv_nsec - start.tv_nsec) * 1e-3;
        if (time < whole) whole = time;
    }
    uint64_t seed = (uint64_t)end.tv_nsec;
    ll_rng rng = ll_rng_make(seed, "kill", "");
    int killed = 0, partial = 0, early = 0;
    for (int i = 0; killed < KILLS; i++) {
        store_remove(path);
        bool done[JOBS] = {false};
        /* Every third continued run is killed as well. */
        for (int again = 0; again < 1 + (i % 3 == 0); again++) {
            killed += run_writer(path, rollback,
                                 (long)(ll_rng_uniform(rng, (uint64_t)(2 * i + again)) * whole), done);
            ll_store *store;
            ll_error error = {0};
            ll_status status = ll_store_open(path, NULL, &store, &error);
            if (status == LL_NOT_FOUND ||
                (status == LL_INVALID_FILE && strstr(error.message, "empty") != NULL)) {
                early++; /* before the first transaction: nothing was promised yet */
                for (int k = 0; k < JOBS; k++) assert_false(done[k]);
                continue;
            }
            if (status != LL_OK && strstr(error.message, "not those of a study") == NULL &&
                strstr(error.message, "another application") == NULL)
                fail_msg("seed %llu, kill %d: %s", (unsigned long long)seed, i, error.message);
            if (status != LL_OK) {
                /* The journal of the first transaction was rolled back: an empty file. */
                for (int k = 0; k < JOBS; k++) assert_false(done[k]);
                early++;
                continue;
            }
            int64_t complete = check(store, done);
            partial += complete > 0 && complete < JOBS;
            ll_store_destroy(store);
        }
        assert_false(run_writer(path, rollback, -1, done));
        ll_store *store = store_open(path, LL_STORE_READ, false);
        bool all[JOBS];
        memset(all, 1, sizeof all);
        assert_int_equal(check(store, all), JOBS);
        ll_store_destroy(store);
    }
    print_message("%s: %d kills, %d left a part of the jobs done, %d came before the study existed; a whole "
                  "run takes %.0f ms\n",
                  rollback ? "rollback journal" : "WAL", killed, partial, early, whole * 1e-3);
    assert_true(killed >= KILLS);
    assert_true(partial > 0);
    store_remove(path);
}

static void test_kill_wal(void **state)
{
    (void)state;
    kill_writers(false);
}

static void test_kill_rollback(void **state)
{
    (void)state;
    kill_writers(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kill_wal), cmocka_unit_test(test_kill_rollback)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
