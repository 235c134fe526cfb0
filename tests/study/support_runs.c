#define _POSIX_C_SOURCE 200809L
#include "support_runs.h"

#include "support_cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void runs_folder(const char *name, char folder[128])
{
    snprintf(folder, 128, "study_test_%s_%ld", name, (long)getpid());
    runs_remove(folder);
    assert_int_equal(mkdir(folder, 0755), 0);
}

void runs_write(const char *folder, const char *yaml)
{
    char path[256];
    snprintf(path, sizeof path, "%s/study.yaml", folder);
    ll_error error = {0};
    if (ll_file_write(path, yaml, strlen(yaml), &error) != LL_OK) fail_msg("%s", error.message);
}

void runs_remove(const char *folder)
{
    static const char *const names[] = {"study.yaml",   "study.db",         "study.db-wal",
                                        "study.db-shm", "study.db-journal", "field.npy",
                                        "other.npy",    "net.pt",           "table.csv"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)remove(path);
    }
    (void)rmdir(folder);
}

void runs_study(const char *folder, const char *landscape, const char *more)
{
    char yaml[2048];
    snprintf(yaml, sizeof yaml,
             "study: study\neffort: quick\ngroups:\n"
             "  - name: small\n    problem: convection\n    hidden: [6, 6]\n    collocation: 20\n    sweep: "
             "{beta: [1, 5]}\n"
             "    train: {seeds: 0..1, epochs: 12, trajectory_every: 6}\n"
             "analyses:\n  metrics: true\n  landscape: {%s}\n  hessian: {top: 2, products: 40, trace: true, "
             "trace_probes: 8, density: true, density_steps: 6, density_probes: 2}\n"
             "  similarity: {samples: 40, layers: all}\n  connectivity: {budget: 3, rounds: 2, points: 7}\n  "
             "placement: {methods: [mds, tsne]}\n"
             "  topology: {highest_dimension: 1}\n  distances: {kinds: [bottleneck, wasserstein, tree, "
             "field]}\n  taxonomy: {directions: 2}\n"
             "  comparison: true\n  trust: true\n%s",
             landscape, more);
    runs_write(folder, yaml);
}

typedef struct stopper {
    int64_t left;
} stopper;

static bool should_stop(void *context)
{
    stopper *s = context;
    return s->left > 0 && --s->left == 0;
}

ll_status runs_run(const char *folder, const runs_options *options, ll_study_outcome *outcome,
                   ll_error *error)
{
    char path[256];
    ll_study *study = NULL;
    stopper stop = {options->stop_after};
    const ll_sink sink = {.context = &stop, .should_stop = should_stop};
    const ll_study_run_options how = {
        .threads = options->threads, .sink = &sink, .rollback_journal = options->rollback, .version = "test"};
    snprintf(path, sizeof path, "%s/study.yaml", folder);
    ll_status status = ll_study_read(path, &study, error);
    if (status == LL_OK) status = ll_study_run(study, ll_study_store_path(study), &how, outcome, error);
    ll_study_destroy(study);
    return status;
}

static int by_name(const void *a, const void *b)
{
    const runs_result *x = a, *y = b;
    int kind = strcmp(x->kind, y->kind);
    return kind != 0 ? kind : strcmp(x->name, y->name);
}

void runs_read(const char *folder, runs_results *results)
{
    char path[256];
    ll_store *store;
    ll_store_listing listing;
    ll_error error = {0};
    snprintf(path, sizeof path, "%s/study.db", folder);
    if (ll_store_open(path, NULL, &store, &error) != LL_OK) fail_msg("%s", error.message);
    if (ll_store_verify(store, &error) != LL_OK) fail_msg("%s", error.message);
    assert_int_equal(ll_store_list(store, NULL, &listing, NULL), LL_OK);
    results->result = calloc((size_t)listing.count + 1, sizeof *results->result);
    results->count = 0;
    for (int64_t i = 0; i < listing.count; i++) {
        const ll_store_row *row = &listing.rows[i];
        runs_result *result = &results->result[results->count];
        if (row->state != LL_JOB_DONE) continue;
        results->count++;
        snprintf(result->kind, sizeof result->kind, "%s", row->kind);
        snprintf(result->name, sizeof result->name, "%s", row->name);
        result->key = row->key;
        result->record = row->record_hash;
    }
    qsort(results->result, (size_t)results->count, sizeof *results->result, by_name);
    ll_store_listing_deinit(&listing);
    ll_store_destroy(store);
}

void runs_same(const runs_results *a, const runs_results *b)
{
    assert_int_equal(a->count, b->count);
    for (int64_t i = 0; i < a->count; i++) {
        assert_string_equal(a->result[i].name, b->result[i].name);
        if (!ll_hash_equal(a->result[i].key, b->result[i].key))
            fail_msg("%s has another key", a->result[i].name);
        if (!ll_hash_equal(a->result[i].record, b->result[i].record))
            fail_msg("%s has other bytes", a->result[i].name);
    }
}
