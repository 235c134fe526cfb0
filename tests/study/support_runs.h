/* support_runs.h - small studies of physics-informed networks, run in a folder of their own, and their results by key. */
#ifndef LOSSLENS_TESTS_SUPPORT_RUNS_H
#define LOSSLENS_TESTS_SUPPORT_RUNS_H

#include "losslens/study.h"

/* Makes the folder study_test_<name>_<pid> and writes study.yaml into it. */
void runs_folder(const char *name, char folder[128]);
void runs_write(const char *folder, const char *yaml);
void runs_remove(const char *folder);
/* A study of two groups with two members each; `landscape` are options of that analysis. */
void runs_study(const char *folder, const char *landscape, const char *more);

typedef struct runs_options {
    int threads;
    bool rollback;
    int64_t stop_after; /* calls of should_stop; 0: never */
} runs_options;
ll_status runs_run(const char *folder, const runs_options *options, ll_study_outcome *outcome,
                   ll_error *error);

/* Key and hash of every wanted result, by kind and name. */
typedef struct runs_result {
    char kind[32], name[160];
    ll_hash key, record;
} runs_result;
typedef struct runs_results {
    runs_result *result;
    int64_t count;
} runs_results;
void runs_read(const char *folder, runs_results *results);
/* Fails unless both have the same jobs with the same record bytes. */
void runs_same(const runs_results *a, const runs_results *b);

#endif
