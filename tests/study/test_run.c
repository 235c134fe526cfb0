/* A study as a whole: the same bits on 1 and 2 threads and after every interruption, nothing computed twice,
 * only what depends on a change computed again; additions; a second writer; what is expected. */
#define _POSIX_C_SOURCE 200809L
#include "support_runs.h"

#include "support_cmocka.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GRID "grid: 5x5, range: '-0.1:0.1'"
#define TILES "grid: 12x11, range: '-0.1:0.1'" /* three tiles */

static ll_study_outcome run(const char *folder, int threads)
{
    ll_study_outcome outcome = {0};
    ll_error error = {0};
    const runs_options options = {.threads = threads};
    if (runs_run(folder, &options, &outcome, &error) != LL_OK) fail_msg("%s: %s", error.place, error.message);
    return outcome;
}

static void test_threads(void **state)
{
    (void)state;
    char folders[2][128];
    runs_results results[2];
    for (int k = 0; k < 2; k++) {
        runs_folder(k == 0 ? "one" : "two", folders[k]);
        runs_study(folders[k], GRID, "");
        ll_study_outcome outcome = run(folders[k], k + 1);
        assert_int_equal(outcome.computed, outcome.jobs);
        assert_int_equal(outcome.found + outcome.failed + outcome.blocked, 0);
        runs_read(folders[k], &results[k]);
        assert_int_equal(results[k].count, outcome.jobs);
    }
    /* 4 models, metrics, landscapes, topologies, rises, 3 curvatures each, 2 paths, similarity, 2 placements,
     * 4 distances, 2 labels, comparison, trust. */
    assert_int_equal(results[0].count, 4 * 8 + 2 + 1 + 2 + 4 + 2 + 2);
    runs_same(&results[0], &results[1]);
    for (int k = 0; k < 2; k++) {
        free(results[k].result);
        runs_remove(folders[k]);
    }
}

/* Stopped again and again, at any place, and continued: the same bits. */
static void test_stopped(void **state)
{
    (void)state;
    char folder[128];
    runs_results whole, parts;
    runs_folder("stopped", folder);
    runs_study(folder, GRID, "");
    (void)run(folder, 1);
    runs_read(folder, &whole);
    runs_remove(folder);
    runs_folder("stopped", folder);
    runs_study(folder, GRID, "");
    int stops = 0;
    for (int64_t after = 1;; after += 3) {
        ll_error error = {0};
        ll_study_outcome outcome = {0};
        const runs_options options = {.threads = 1, .stop_after = after};
        ll_status status = runs_run(folder, &options, &outcome, &error);
        if (status == LL_OK) break;
        if (status != LL_CANCELLED) fail_msg("%s", error.message);
        stops++;
    }
    assert_true(stops > 5);
    runs_read(folder, &parts);
    runs_same(&whole, &parts);
    free(whole.result);
    free(parts.result);
    runs_remove(folder);
}

/* What a landscape that was stopped has so far: the id of its job, 0 where none was stopped half-way. */
static int64_t read_so_far(const char *folder, ll_record **record)
{
    char path[256];
    ll_store *store;
    ll_store_listing list;
    ll_error error;
    int64_t id = 0;
    snprintf(path, sizeof path, "%s/study.db", folder);
    assert_int_equal(ll_store_open(path, NULL, &store, &error), LL_OK);
    assert_int_equal(ll_store_list(store, &(ll_store_filter){.kind = "landscape"}, &list, &error), LL_OK);
    for (int64_t i = 0; i < list.count && id == 0; i++) {
        ll_record *found;
        if (ll_store_read_so_far(store, list.rows[i].id, &found, &error) != LL_OK) continue;
        int64_t points = 0;
        assert_int_not_equal(list.rows[i].state, LL_JOB_DONE);
        assert_int_equal(ll_record_get_integer(found, "points_evaluated", &points, &error), LL_OK);
        if (points == 0) { /* stopped before its first tile */
            ll_record_destroy(found);
            continue;
        }
        *record = found;
        id = list.rows[i].id;
    }
    ll_store_listing_deinit(&list);
    ll_store_destroy(store);
    return id;
}

/* Each point that was done is the one of the finished landscape, all others are missing. */
static void same_so_far(const char *folder, int64_t id, const ll_record *so_far)
{
    char path[256];
    ll_store *store;
    ll_record *whole;
    ll_error error;
    const ll_array *part, *state, *full;
    int64_t done = 0;
    snprintf(path, sizeof path, "%s/study.db", folder);
    assert_int_equal(ll_store_open(path, NULL, &store, &error), LL_OK);
    assert_int_equal(ll_store_read_record(store, id, &whole, &error), LL_OK);
    assert_int_equal(ll_record_get_array(so_far, "loss", &part, &error), LL_OK);
    assert_int_equal(ll_record_get_array(so_far, "state", &state, &error), LL_OK);
    assert_int_equal(ll_record_get_array(whole, "loss", &full, &error), LL_OK);
    for (int64_t p = 0; p < ll_array_count(full); p++) {
        bool evaluated = ll_array_get(state, p) == 1.0;
        double value = ll_array_get(part, p);
        if (evaluated) assert_true(value == ll_array_get(full, p));
        if (!evaluated) assert_true(isnan(value));
        done += evaluated;
    }
    assert_true(done < ll_array_count(full));
    ll_record *gone;
    assert_int_equal(ll_store_read_so_far(store, id, &gone, &error), LL_NOT_FOUND);
    ll_record_destroy(whole);
    ll_store_destroy(store);
}

/* Only the landscapes are left: the run stops between their tiles. */
static void test_so_far(void **state)
{
    (void)state;
    char folder[128];
    ll_record *so_far = NULL;
    int64_t stopped = 0;
    runs_folder("so_far", folder);
    runs_study(folder, GRID, "");
    (void)run(folder, 1);
    runs_study(folder, TILES, "");
    for (int64_t after = 1; after < 20 && stopped == 0; after++) {
        ll_error error = {0};
        ll_study_outcome outcome = {0};
        const runs_options options = {.threads = 1, .stop_after = after};
        assert_int_equal(runs_run(folder, &options, &outcome, &error), LL_CANCELLED);
        stopped = read_so_far(folder, &so_far);
    }
    assert_true(stopped > 0);
    (void)run(folder, 1);
    same_so_far(folder, stopped, so_far);
    ll_record_destroy(so_far);
    runs_remove(folder);
}

static int64_t changed(const runs_results *before, const runs_results *after)
{
    int64_t count = 0;
    for (int64_t i = 0; i < after->count; i++) {
        bool known = false;
        for (int64_t k = 0; k < before->count; k++)
            known = known || ll_hash_equal(before->result[k].key, after->result[i].key);
        count += !known;
    }
    return count;
}

static void test_only_what_depends(void **state)
{
    (void)state;
    char folder[128];
    runs_results before, after;
    runs_folder("change", folder);
    runs_study(folder, GRID, "");
    ll_study_outcome first = run(folder, 1);
    runs_read(folder, &before);
    assert_int_equal(run(folder, 1).computed, 0);
    /* Another grid: 4 landscapes, 4 topologies, 4 distances, comparison, trust. */
    runs_study(folder, "grid: 6x5, range: '-0.1:0.1'", "");
    ll_study_outcome second = run(folder, 1);
    assert_int_equal(second.jobs, first.jobs);
    assert_int_equal(second.computed, 4 + 4 + 4 + 1 + 1);
    runs_read(folder, &after);
    assert_int_equal(changed(&before, &after), second.computed);
    /* Back again: everything is still there. */
    runs_study(folder, GRID, "");
    assert_int_equal(run(folder, 1).computed, 0);
    /* A title changes no number. */
    runs_study(folder, GRID, "# a comment\n");
    assert_int_equal(run(folder, 1).computed, 0);
    free(before.result);
    free(after.result);
    runs_remove(folder);
}

static void test_additions(void **state)
{
    (void)state;
    char folder[128], path[256];
    runs_folder("add", folder);
    runs_study(folder, GRID, "");
    ll_study_outcome first = run(folder, 1);
    snprintf(path, sizeof path, "%s/study.db", folder);
    ll_store *store;
    ll_error error = {0};
    const char *models[] = {"small(beta=1)/1"}, *wrong[] = {"small(beta=1)/2"};
    const ll_study_setting option = {"grid", "4x4"}, misspelt = {"gird", "4x4"};
    ll_study_addition addition = {
        .analysis = "landscape", .models = models, .model_count = 1, .option = &option, .options = 1};
    for (int twice = 0; twice < 2; twice++) {
        assert_int_equal(ll_store_open(path, &(ll_store_options){.access = LL_STORE_WRITE}, &store, &error),
                         LL_OK);
        if (ll_study_add(store, &addition, &error) != LL_OK) fail_msg("%s", error.message);
        ll_study_addition bad = addition;
        bad.models = wrong;
        assert_int_not_equal(ll_study_add(store, &bad, &error), LL_OK);
        assert_non_null(strstr(error.message, "small(beta=1)/"));
        bad = addition;
        bad.option = &misspelt;
        assert_int_not_equal(ll_study_add(store, &bad, &error), LL_OK);
        assert_non_null(strstr(error.message, "did you mean \"grid\""));
        ll_store_destroy(store);
        ll_study_outcome second = run(folder, 1);      /* of the YAML file: what was added stays wanted */
        assert_int_equal(second.jobs, first.jobs + 2); /* the landscape and its topology */
        assert_int_equal(second.computed, twice == 0 ? 4 : 0); /* and comparison and trust */
    }
    runs_remove(folder);
}

static void test_second_writer(void **state)
{
    (void)state;
    char folder[128], path[256], pid[32];
    runs_folder("lock", folder);
    runs_study(folder, GRID, "");
    snprintf(path, sizeof path, "%s/study.db", folder);
    ll_store *store;
    assert_int_equal(ll_store_open(path, &(ll_store_options){.access = LL_STORE_CREATE}, &store, NULL),
                     LL_OK);
    ll_error error = {0};
    const runs_options options = {.threads = 1};
    assert_int_equal(runs_run(folder, &options, NULL, &error), LL_BUSY);
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    assert_non_null(strstr(error.message, pid));
    ll_store_destroy(store);
    runs_remove(folder);
}

static void test_expected(void **state)
{
    (void)state;
    char folder[128];
    static const char study[] = "study: study\neffort: quick\ngroups:\n  - name: few\n    problem: "
                                "convection\n    beta: 1\n    hidden: [6]\n"
                                "    collocation: 20\n    train: {seeds: 0..1, epochs: 3}\n    expect: "
                                "{relative_error: %s}\nanalyses: {metrics: true, landscape: {grid: 3x3}}\n";
    char yaml[512];
    ll_error error = {0};
    ll_study_outcome outcome = {0};
    const runs_options options = {.threads = 1};
    runs_folder("expect", folder);
    snprintf(yaml, sizeof yaml, study, "0.01");
    runs_write(folder, yaml);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(runs_run(folder, &options, &outcome, &error), LL_INVALID_ARGUMENT);
        assert_non_null(strstr(error.message, "wanted 0.01"));
        assert_non_null(strstr(error.message, "Likely causes"));
        assert_int_equal(outcome.computed,
                         again == 0 ? 2 : 0); /* trained, and stopped before the landscapes */
    }
    snprintf(yaml, sizeof yaml, study, "2");
    runs_write(folder, yaml);
    outcome = run(folder, 1);
    assert_int_equal(outcome.computed, 4);
    /* Results of an earlier run are held against new expectations too. */
    snprintf(yaml, sizeof yaml, study, "0.02");
    runs_write(folder, yaml);
    assert_int_equal(runs_run(folder, &options, &outcome, &error), LL_INVALID_ARGUMENT);
    runs_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),   cmocka_unit_test(test_stopped),
        cmocka_unit_test(test_so_far),    cmocka_unit_test(test_only_what_depends),
        cmocka_unit_test(test_additions), cmocka_unit_test(test_second_writer),
        cmocka_unit_test(test_expected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
