/* kill -9 at random instants of a run, in either journal mode: after each the study opens, nothing that was
 * finished is lost, and the run that continues ends in the same bits as one that was left alone. The same
 * after a full disk. STUDY_KILLS sets how often (default 10 in each mode). */
#define _XOPEN_SOURCE 700
#include "support_runs.h"

#include "support_cmocka.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GRID "grid: 15x15, range: '-0.1:0.1'"

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* The run in a process of its own, killed after so many seconds (< 0: left alone); its exit status, -1 when
 * killed. */
static int run_process(const char *folder, bool rollback, double kill_after, int64_t file_limit,
                       ll_error *error)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        ll_error reason = {0};
        if (file_limit > 0) {
            const struct rlimit limit = {(rlim_t)file_limit, (rlim_t)file_limit};
            signal(SIGXFSZ, SIG_IGN);
            setrlimit(RLIMIT_FSIZE, &limit);
        }
        const runs_options options = {.threads = 1, .rollback = rollback};
        ll_status status = runs_run(folder, &options, NULL, &reason);
        if (write(ends[1], &reason, sizeof reason) != (ssize_t)sizeof reason) _exit(99);
        _exit((int)status);
    }
    close(ends[1]);
    if (kill_after >= 0) {
        struct timespec time = {(time_t)kill_after, (long)((kill_after - (double)(time_t)kill_after) * 1e9)};
        nanosleep(&time, NULL);
        kill(child, SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (error != NULL && read(ends[0], error, sizeof *error) != (ssize_t)sizeof *error)
        *error = (ll_error){0};
    close(ends[0]);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void whole_run(const char *name, runs_results *results, double *seconds)
{
    char folder[128];
    runs_folder(name, folder);
    runs_study(folder, GRID, "");
    double start = now();
    assert_int_equal(run_process(folder, false, -1, 0, NULL), 0);
    *seconds = now() - start;
    runs_read(folder, results);
    runs_remove(folder);
}

/* Every result that was there before is there now, with the same bytes. */
static void nothing_lost(const runs_results *before, const runs_results *after)
{
    for (int64_t i = 0; i < before->count; i++) {
        bool found = false;
        for (int64_t k = 0; k < after->count; k++)
            found = found || (ll_hash_equal(before->result[i].key, after->result[k].key) &&
                              ll_hash_equal(before->result[i].record, after->result[k].record));
        if (!found) fail_msg("%s was lost", before->result[i].name);
    }
}

static bool there(const char *folder)
{
    char path[256];
    ll_store *store;
    snprintf(path, sizeof path, "%s/study.db", folder);
    if (ll_store_open(path, NULL, &store, NULL) != LL_OK) return false;
    ll_store_destroy(store);
    return true;
}

static void kill_runs(bool rollback)
{
    const char *wanted = getenv("STUDY_KILLS");
    int kills = wanted != NULL ? atoi(wanted) : 10, killed = 0, rounds = 0, inside = 0;
    char folder[128];
    runs_results whole, parts;
    double seconds;
    whole_run(rollback ? "whole_rollback" : "whole", &whole, &seconds);
    uint64_t seed = (uint64_t)time(NULL);
    ll_rng rng = ll_rng_make(seed, "kill", "study");
    print_message("seed %llu, a whole run takes %.2f s\n", (unsigned long long)seed, seconds);
    while (killed < kills) {
        runs_results before = {calloc(1, sizeof(runs_result)), 0};
        runs_folder(rollback ? "kill_rollback" : "kill", folder);
        runs_study(folder, GRID, "");
        rounds++;
        for (int again = 0;; again++) {
            /* A few kills in one life, then it may finish. */
            double after =
                again < 4 ? 0.5 * seconds * ll_rng_uniform(rng, (uint64_t)(rounds * 8 + again)) : -1;
            ll_error error = {0};
            int status = run_process(folder, rollback, after, 0, &error);
            if (status > 0) fail_msg("seed %llu: %s", (unsigned long long)seed, error.message);
            killed += status < 0;
            if (status < 0 && !there(folder)) continue; /* before the first transaction */
            runs_read(folder, &parts);
            nothing_lost(&before, &parts);
            inside += status < 0 && parts.count > 0 && parts.count < whole.count;
            free(before.result);
            before = parts;
            if (status == 0) break;
        }
        runs_same(&whole, &before);
        free(before.result);
        runs_remove(folder);
    }
    print_message("%s: %d kills in %d lives, %d with a part of the jobs done\n",
                  rollback ? "rollback journal" : "WAL", killed, rounds, inside);
    assert_true(inside > 0);
    free(whole.result);
}

static void test_kill(void **state)
{
    (void)state;
    kill_runs(false);
}

static void test_kill_rollback(void **state)
{
    (void)state;
    kill_runs(true);
}

/* Files that may grow to so many bytes only: what a full disk does. */
static void test_full_disk(void **state)
{
    (void)state;
    char folder[128];
    runs_results whole, parts;
    double seconds;
    whole_run("whole_disk", &whole, &seconds);
    for (int rollback = 0; rollback < 2; rollback++) {
        runs_folder("disk", folder);
        runs_study(folder, GRID, "");
        int refused = 0;
        for (int64_t limit = 20000;; limit *= 3) {
            ll_error error = {0};
            int status = run_process(folder, rollback == 1, -1, limit, &error);
            if (status == 0) break;
            if (status != LL_IO)
                fail_msg("limit %lld: status %d, %s", (long long)limit, status, error.message);
            refused++;
            if (there(folder)) {
                runs_read(folder, &parts);
                nothing_lost(&parts, &whole);
                free(parts.result);
            }
        }
        assert_true(refused > 0);
        runs_read(folder, &parts);
        runs_same(&whole, &parts);
        free(parts.result);
        runs_remove(folder);
    }
    free(whole.result);
}

static void test_read_only(void **state)
{
    (void)state;
    char folder[128], path[256];
    runs_folder("read_only", folder);
    runs_study(folder, GRID, "");
    snprintf(path, sizeof path, "%s/study.db", folder);
    assert_int_equal(run_process(folder, false, -1, 0, NULL), 0);
    assert_int_equal(chmod(path, 0444), 0);
    assert_int_equal(chmod(folder, 0555), 0);
    pid_t child = fork();
    if (child == 0) {
        ll_error error = {0};
        const runs_options options = {.threads = 1};
        if (geteuid() == 0 && seteuid(65534) != 0) _exit(77);
        if (runs_run(folder, &options, NULL, &error) != LL_IO) _exit(2);
        _exit(error.message[0] != 0 ? 0 : 3);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(chmod(folder, 0755), 0);
    assert_int_equal(chmod(path, 0644), 0);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) != 77) assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(run_process(folder, false, -1, 0, NULL), 0);
    runs_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kill), cmocka_unit_test(test_kill_rollback),
                                       cmocka_unit_test(test_full_disk), cmocka_unit_test(test_read_only)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
