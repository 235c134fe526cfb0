/* losslens/study.h - a study: groups of models or fields and the analyses of them, written in YAML (docs/study.md), turned
 * into a graph of jobs, and run over a study file (losslens/store.h) that can be interrupted at any instant.
 *
 *   ll_study       what the user wrote, with sweeps expanded to groups
 *   ll_study_run   plans, computes what is not there yet, stores
 *   ll_study_estimate  what it would take, without doing it
 *
 * The key of a job is the hash of everything that its result depends on: settings, contents of files, keys of the jobs it
 * builds on. So a finished study runs again in no time, and a change recomputes only what depends on it.
 */
#ifndef LOSSLENS_STUDY_H
#define LOSSLENS_STUDY_H

#include "losslens/formats.h"
#include "losslens/store.h"

#ifdef __cplusplus
extern "C" {
#endif

#define LL_EFFORT_LIST(X)                                                                                    \
    X(QUICK, "quick")                                                                                        \
    X(STANDARD, "standard")                                                                                  \
    X(PAPER, "paper")
typedef enum ll_effort {
#define LL_EFFORT_ENUM(name, text) LL_EFFORT_##name,
    LL_EFFORT_LIST(LL_EFFORT_ENUM)
#undef LL_EFFORT_ENUM
        LL_EFFORTS
} ll_effort;
LL_API const char *ll_effort_name(ll_effort effort);
LL_API bool ll_effort_parse(const char *name, ll_effort *effort);

/* ------------------------------------------------------------------ what the user wrote */

typedef struct ll_study ll_study;

/* LL_INVALID_FILE: "line L, column C: ..." with the nearest valid key. Relative paths in the file are taken from its folder.
 * Nothing but the file itself is opened: checkpoints and data are looked for when the study is planned. */
LL_API ll_status ll_study_read(const char *path, ll_study **study, ll_error *error) LL_MUST_CHECK;
/* The same from memory. folder: where relative paths start. additions (may be NULL): what was added to the study later, one
 * entry a line (ll_study_add). */
LL_API ll_status ll_study_parse(const char *text, size_t size, const char *place, const char *folder,
                                const char *additions, ll_study **study, ll_error *error) LL_MUST_CHECK;
/* The study that a study file holds (provenance "study" and "additions"); relative paths start in the file's folder. */
LL_API ll_status ll_study_of_store(ll_store *store, ll_study **study, ll_error *error) LL_MUST_CHECK;
LL_API void ll_study_destroy(ll_study *study);

LL_API const char *ll_study_name(const ll_study *study);
/* Where the results go: NAME.db beside the YAML file. */
LL_API const char *ll_study_store_path(const ll_study *study);
LL_API ll_effort ll_study_effort(const ll_study *study);
LL_API void ll_study_set_effort(ll_study *study, ll_effort effort);

typedef struct ll_study_setting {
    const char *key, *value; /* "train.rate", "0.1"; items of a list are lines */
} ll_study_setting;
typedef enum ll_group_kind { LL_GROUP_PINN, LL_GROUP_NETWORK, LL_GROUP_FIELD } ll_group_kind;
LL_API const char *ll_group_kind_name(ll_group_kind kind); /* "pinn", "network", "field" */
/* A group after expansion of sweeps: one configuration, some members. Views into the study. */
typedef struct ll_study_group {
    const char *name, *title;
    ll_group_kind kind;
    const ll_study_setting *setting;
    int64_t settings;
    const ll_study_setting *sweep; /* the settings that the sweep varies, with this group's values */
    int64_t sweeps;
} ll_study_group;
LL_API int64_t ll_study_group_count(const ll_study *study);
LL_API const ll_study_group *ll_study_group_at(const ll_study *study, int64_t index);
/* Appends the names of a group's members as a plan would give them, one a line. Looks at the files that the study names. */
LL_API ll_status ll_study_member_names(const ll_study *study, const char *group, ll_text *names,
                                       ll_error *error) LL_MUST_CHECK;

/* Analyses and their options, for help and forms. False past the end. */
typedef struct ll_analysis_option {
    const char *name, *choices, *help; /* choices NULL: free; else separated by '|' */
    const char *standard[LL_EFFORTS];  /* default of each effort */
} ll_analysis_option;
LL_API bool ll_study_describe_analysis(int64_t index, const char **name, const char **about);
LL_API bool ll_study_describe_option(int64_t index, int64_t option, ll_analysis_option *described);

/* ------------------------------------------------------------------ adding to a study */

/* One more analysis of some models (names as "group/0"; none: all), or more checkpoints for a group: kept in the study file
 * and part of every later run. Options are key and text as after --option. Checked before anything is written. */
typedef struct ll_study_addition {
    const char *analysis; /* NULL: checkpoints */
    const char *const *models;
    int64_t model_count;
    const ll_study_setting *option;
    int64_t options;
    const char *group; /* of the checkpoints */
    const char *const *checkpoints;
    int64_t checkpoint_count;
} ll_study_addition;
LL_API ll_status ll_study_add(ll_store *store, const ll_study_addition *addition,
                              ll_error *error) LL_MUST_CHECK;

/* ------------------------------------------------------------------ running */

typedef struct ll_study_event {
    enum { LL_EVENT_PLANNED, LL_EVENT_BEGUN, LL_EVENT_DONE, LL_EVENT_FAILED, LL_EVENT_NOTE } what;
    int64_t job, jobs_done, jobs;      /* id; wanted jobs finished and in all */
    const char *kind, *name, *message; /* "" where there is none; NOTE: the message alone */
    double seconds, left;              /* of this job; estimated for the rest (NaN: unknown) */
} ll_study_event;

typedef struct ll_study_run_options { /* zero-initialise */
    int threads;                      /* 0: every core that this process may use */
    size_t memory;                    /* bytes; work that needs more is refused; 0: no limit */
    const ll_sink *sink;              /* progress and should_stop; its find and put are not used */
    void (*event)(void *context, const ll_study_event *event);
    void *event_context;
    const char *version; /* of the program, beside results */
    bool rollback_journal, take_over;
    bool prune; /* delete results that the study no longer wants */
} ll_study_run_options;

typedef struct ll_study_outcome {
    int64_t jobs, found, computed, failed, blocked; /* found: done before; blocked: waiting for failed ones */
    double seconds;
} ll_study_outcome;

/* Plans and computes, over the study file at `path`. LL_CANCELLED when the sink says stop: everything finished is kept, down
 * to pieces, and the next run goes on. LL_BUSY: somebody else is writing. A model that is not as expected (`expect:`) is
 * LL_INVALID_ARGUMENT and stops the run. Other failures of single jobs are noted beside them, their dependants wait, the
 * rest goes on, and the answer is LL_NUMERIC with the first message. *outcome is set whatever comes out. */
LL_API ll_status ll_study_run(const ll_study *study, const char *path, const ll_study_run_options *options,
                              ll_study_outcome *outcome, ll_error *error) LL_MUST_CHECK;

/* What a study takes at each effort, from short measurements on this machine (at most `seconds`, 0: 60). */
typedef struct ll_study_cost {
    const char *kind;
    int64_t jobs;
    double seconds, bytes; /* work; in the study file */
} ll_study_cost;
typedef struct ll_study_estimate {
    int64_t count;
    ll_study_cost *costs; /* by kind, in order of the plan */
    double seconds, disk_bytes, memory_bytes;
} ll_study_estimate;
/* estimates: [LL_EFFORTS]; end each with ll_study_estimate_deinit. */
LL_API ll_status ll_study_estimates(const ll_study *study, const ll_study_run_options *options,
                                    double seconds, ll_study_estimate *estimates,
                                    ll_error *error) LL_MUST_CHECK;
LL_API void ll_study_estimate_deinit(ll_study_estimate *estimate);

#ifdef __cplusplus
}
#endif
#endif
