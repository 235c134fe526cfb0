/* internal.h - what the files of the study share: settings as texts, groups and members, analyses and their
 * jobs.
 *
 *   settings.c    a YAML map as a flat list of settings, checked against a table
 *   study_file.c  the file: groups, sweeps, requests for analyses
 *   members.c     which models and fields there are: seeds, checkpoints, contents of files
 *   plan.c        requests -> jobs with keys
 *   run.c         jobs -> records in the store
 *   job_*.c       one analysis each: its options, how it is planned, how it is computed
 */
#ifndef LOSSLENS_STUDY_INTERNAL_H
#define LOSSLENS_STUDY_INTERNAL_H

#include "losslens/parallel.h"
#include "losslens/study.h"
#include "losslens/study_setup.h"

#include <math.h>

#define LL_STUDY "study" /* the module's name in errors */

/* ---------------------------------------------------------------- settings.c */

typedef enum ll_setting_type {
    LL_SETTING_TEXT,
    LL_SETTING_TEXTS, /* a list, or one; lines */
    LL_SETTING_FLAG,  /* "true", "false" */
    LL_SETTING_INTEGER,
    LL_SETTING_REAL,
    LL_SETTING_REALS,   /* a list, or one; lines */
    LL_SETTING_CHOICE,  /* one of `choices` */
    LL_SETTING_CHOICES, /* a list of them; lines */
    LL_SETTING_GRID,    /* 25x25 */
    LL_SETTING_RANGES,  /* low:high, one or one an axis; lines */
    LL_SETTING_PAIRS,   /* all, sample:K, nearest:K */
    LL_SETTING_SEEDS    /* 7, 0..3, or a list; lines */
} ll_setting_type;

/* A key that may be set. Ends with key NULL. "options.*" stands for any key behind the dot. */
typedef struct ll_setting_row {
    const char *key;
    ll_setting_type type;
    const char *standard[LL_EFFORTS]; /* default of each effort; [1], [2] NULL: as [0]; [0] NULL: none */
    const char *choices;
    double least, most; /* of numbers; both 0: any */
    const char *help;
} ll_setting_row;

/* key = value, where it stood (line 0: from a command line). Keys ascend; texts are an arena's. */
typedef struct ll_settings {
    ll_study_setting *item;
    int *line, *column;
    int64_t count, capacity;
} ll_settings;

/* Where settings come from, for messages. */
typedef struct ll_source {
    const char *place;
    ll_arena *memory;
} ll_source;

ll_status ll_settings_refuse(const ll_source *source, int line, int column, ll_error *error,
                             const char *format, ...) LL_PRINTF(5, 6);
/* Checks one value against the table and adds or replaces it. */
ll_status ll_settings_set(ll_settings *settings, const ll_source *source, const ll_setting_row *rows,
                          const char *key, const char *value, int line, int column,
                          ll_error *error) LL_MUST_CHECK;
/* A map, flattened: inner maps give "outer.inner", lists become lines. Keys in `skip` (may be NULL) are left
 * out. */
ll_status ll_settings_take(ll_settings *settings, const ll_source *source, const ll_setting_row *rows,
                           const ll_value *map, const char *prefix, const char *const *skip,
                           ll_error *error) LL_MUST_CHECK;
ll_status ll_settings_copy(const ll_settings *from, ll_arena *memory, ll_settings *to,
                           ll_error *error) LL_MUST_CHECK;
int64_t ll_settings_find(const ll_settings *settings, const char *key); /* -1: not there */
const ll_setting_row *ll_setting_row_find(const ll_setting_row *rows, const char *key);
/* The value, or the default of the effort; NULL where there is neither. */
const char *ll_settings_text(const ll_settings *settings, const ll_setting_row *rows, const char *key,
                             ll_effort effort);
/* Lists as lines: how many, and item i copied into `item`. */
int64_t ll_lines_count(const char *lines);
const char *ll_lines_item(const char *lines, int64_t index, char *item, size_t capacity);
/* "a\nb" -> "a, b" in an arena, for people. */
const char *ll_lines_join(const char *lines, ll_arena *memory);
/* A shape as GRID has it; how many extents. */
int ll_parse_grid(const char *text, int64_t *size, int most);
bool ll_parse_range(const char *text, double *low, double *high);
/* Seeds 0..3, or lines; *seeds from the arena. */
ll_status ll_parse_seeds(const char *text, ll_arena *memory, int64_t **seeds, int64_t *count,
                         ll_error *error) LL_MUST_CHECK;

/* ---------------------------------------------------------------- study_file.c */

typedef struct ll_analysis ll_analysis;

/* An analysis that is wanted, with its options. */
typedef struct ll_request_for {
    const ll_analysis *analysis;
    ll_settings settings;
    int line, column; /* of its key; 0: added later */
} ll_request_for;

typedef struct ll_group_entry {
    ll_study_group view;
    ll_settings settings;
    const char *sweep_label; /* "(beta=1)" or "" */
    int line, column;
    const char *more; /* checkpoints that were added later, lines; "" */
} ll_group_entry;

struct ll_study {
    ll_arena *memory;
    ll_document *document, *added;
    const char *name, *text, *additions, *place, *folder, *store_path;
    ll_effort effort;
    uint64_t seed;
    ll_group_entry *groups;
    ll_study_group *views;
    int64_t group_count;
    ll_request_for *requests;
    int64_t request_count;
};

/* The parts of the file: groups with their sweeps (study_groups.c), then analyses, then what was added later
 * (study_analyses.c). Groups that an analysis names must exist; models are looked for when there are members. */
ll_status ll_study_take_groups(ll_study *study, const ll_source *source, const ll_value *list,
                               ll_error *error) LL_MUST_CHECK;
ll_status ll_study_take_analyses(ll_study *study, const ll_source *source, const ll_value *map,
                                 ll_error *error) LL_MUST_CHECK;
ll_status ll_study_take_additions(ll_study *study, ll_error *error) LL_MUST_CHECK;
ll_status ll_study_check_names(const ll_study *study, const ll_source *source, ll_error *error) LL_MUST_CHECK;
/* Is there a setting of that name, or below it ("train" and "train.rate")? Its key, or NULL. */
const char *ll_group_key(const ll_settings *settings, const char *name);

extern const ll_setting_row ll_group_rows[];
const char *ll_group_text(const ll_study *study, int64_t group,
                          const char *key); /* NULL: not set and no default */
int64_t ll_group_integer(const ll_study *study, int64_t group, const char *key); /* 0 without */
double ll_group_real(const ll_study *study, int64_t group, const char *key);     /* 0 without */
bool ll_group_flag(const ll_study *study, int64_t group, const char *key);
/* A path of the file from the study's folder; in an arena. */
const char *ll_study_path(const ll_study *study, const char *path, ll_arena *memory);

/* ---------------------------------------------------------------- members.c */

typedef struct ll_member {
    int64_t group;
    const char *name;              /* "resnet/0" */
    const char *file;              /* checkpoint or field; NULL: trained */
    ll_hash hash;                  /* of the file's bytes */
    int64_t seed;                  /* trained */
    const char *const *trajectory; /* files in order */
    int64_t trajectory_count;
    ll_hash trajectory_hash;
} ll_member;

typedef struct ll_members {
    ll_member *member;
    int64_t count;
    int64_t *first; /* [groups + 1]: members of group g are first[g] .. first[g + 1] - 1 */
    ll_hash *data;  /* [groups]: of the files behind `data` and `train_data` */
    ll_arena *memory;
} ll_members;
/* Looks for checkpoints, fields, trajectories and data, and hashes them. */
ll_status ll_members_find(const ll_study *study, ll_members *members, ll_error *error) LL_MUST_CHECK;
void ll_members_deinit(ll_members *members);
/* A data source with its paths taken from the study's folder; the files' contents onto hasher (may be NULL).
 */
ll_status ll_study_source(const ll_study *study, const char *source, ll_hasher *hasher, ll_text *resolved,
                          ll_error *error) LL_MUST_CHECK;

/* ---------------------------------------------------------------- plan.c */

typedef struct ll_runner ll_runner;
typedef struct ll_job ll_job;
typedef ll_status (*ll_job_function)(ll_runner *runner, const ll_job *job, const ll_sink *sink,
                                     ll_record **record, ll_error *error);

struct ll_job {
    const char *kind, *name, *group, *subject, *other, *inputs;
    ll_hash key;
    int64_t id;    /* in the store */
    int64_t owner; /* index of the group; -1: the whole study */
    int64_t a, b;  /* models; -1: none */
    const ll_request_for *request;
    ll_job_function run;
    int64_t *needs; /* indices of earlier jobs whose results it reads */
    int64_t need_count;
    bool is_done; /* has a result */
    bool tried;   /* and failed, in this run */
    double bytes; /* of the result */
};

typedef struct ll_plan {
    const ll_study *study;
    const ll_members *members;
    ll_store *store; /* to look up results that later jobs depend on; may be NULL */
    ll_job *job;
    int64_t count, capacity;
    int64_t *slot;   /* [2 capacity]: open addressing by key; 0: empty, else index + 1 */
    int64_t *model;  /* [members]: its model or field job */
    bool unfinished; /* more can be planned when what is there is done */
    ll_arena *memory;
} ll_plan;

ll_status ll_plan_make(const ll_study *study, const ll_members *members, ll_store *store, ll_plan *plan,
                       ll_error *error) LL_MUST_CHECK;
void ll_plan_deinit(ll_plan *plan);

/* For an analysis' plan function. `inputs` is what the result depends on beyond the results of `needs`. The
 * job's texts are copied; *index may be NULL. */
typedef struct ll_job_draft {
    const char *kind, *other;
    ll_text name, inputs;
    int64_t owner, a, b;
    const ll_request_for *request;
    ll_job_function run;
    int64_t *needs; /* ll_allocate'd list, grown by ll_draft_need */
    int64_t need_count;
    bool failed;
    double bytes;
} ll_job_draft;
void ll_draft_need(ll_job_draft *draft, int64_t job);
ll_status ll_plan_add(ll_plan *plan, ll_job_draft *draft, int64_t *index,
                      ll_error *error) LL_MUST_CHECK; /* ends the draft */
/* Options of a request, and their canonical lines (but for those in `skip`) onto inputs. */
const char *ll_request_text(const ll_plan *plan, const ll_request_for *request, const char *key);
void ll_request_inputs(const ll_study *study, const ll_request_for *request, const char *const *skip,
                       ll_text *inputs);
/* Does the request want this group, this model? (`groups:`, `models:`) */
bool ll_request_wants(const ll_plan *plan, const ll_request_for *request, int64_t member);
/* Lines of the group's settings that an evaluation depends on beyond the model's key. */
void ll_group_evaluation_inputs(const ll_study *study, int64_t group, ll_text *inputs);

/* ---------------------------------------------------------------- the analyses */

struct ll_analysis {
    const char *name, *about;
    const ll_setting_row *rows;
    ll_status (*plan)(ll_plan *plan, const ll_request_for *request, ll_error *error);
};
/* In the order in which they are planned. */
#define LL_ANALYSIS_LIST(X)                                                                                  \
    X(metrics)                                                                                               \
    X(landscape)                                                                                             \
    X(hessian)                                                                                               \
    X(similarity)                                                                                            \
    X(connectivity)                                                                                          \
    X(placement)                                                                                             \
    X(topology)                                                                                              \
    X(distances)                                                                                             \
    X(taxonomy)                                                                                              \
    X(comparison)                                                                                            \
    X(trust)
#define LL_ANALYSIS_DECLARE(name) extern const ll_analysis ll_analysis_##name;
LL_ANALYSIS_LIST(LL_ANALYSIS_DECLARE)
#undef LL_ANALYSIS_DECLARE
const ll_analysis *ll_analysis_find(const char *name);
const ll_analysis *ll_analysis_at(int64_t index); /* NULL past the end */

/* Options that every analysis of models has. */
#define LL_COMMON_ROWS                                                                                       \
    {"groups", LL_SETTING_TEXTS, {NULL}, NULL, 0, 0, "only these groups"},                                   \
    {                                                                                                        \
        "models", LL_SETTING_TEXTS, {NULL}, NULL, 0, 0, "only these models, as group/0"                      \
    }

/* The models themselves: trained, read (job_model.c), or fields (job_field.c). */
ll_status ll_job_model(ll_runner *runner, const ll_job *job, const ll_sink *sink, ll_record **record,
                       ll_error *error);
ll_status ll_plan_models(ll_plan *plan, ll_error *error) LL_MUST_CHECK;
ll_status ll_plan_field(ll_plan *plan, int64_t member, ll_error *error) LL_MUST_CHECK;

/* ---------------------------------------------------------------- run.c: what a running job may ask for */

typedef struct ll_setup_request {
    int64_t group;
    int64_t fit;            /* < 0: no role "fit"; else as in roles.fit, or so many samples */
    int64_t samples;        /* of "evaluate"; 0: as in roles.evaluate */
    int64_t feature_points; /* PINN: see study_setup.h */
} ll_setup_request;
struct ll_runner {
    const ll_study *study;
    const ll_members *members;
    const ll_plan *plan;
    ll_store *store;
    const ll_study_run_options *options;
    ll_team *team;
    struct ll_open_setup *open; /* cache of set-ups */
    struct ll_loaded *loaded;   /* cache of weights */
};
/* A set-up of the group; borrowed until the next call (a few are kept). */
ll_status ll_runner_setup(ll_runner *runner, const ll_setup_request *request, ll_setup **setup,
                          ll_error *error) LL_MUST_CHECK;
/* One of its own; end with ll_setup_destroy. */
ll_status ll_runner_setup_own(ll_runner *runner, const ll_setup_request *request, ll_setup **setup,
                              ll_error *error) LL_MUST_CHECK;
/* Weights of a model, as its group's Problems want them; borrowed until weights of many others were asked
 * for. */
ll_status ll_runner_weights(ll_runner *runner, int64_t member, const void **theta, const void **buffers,
                            ll_error *error) LL_MUST_CHECK;
ll_status ll_runner_record(ll_runner *runner, int64_t job, ll_record **record,
                           ll_error *error) LL_MUST_CHECK; /* of a job of the plan */
/* An option of the job's request. */
const char *ll_job_text(const ll_runner *runner, const ll_job *job, const char *key);
int64_t ll_job_integer(const ll_runner *runner, const ll_job *job, const char *key);
double ll_job_real(const ll_runner *runner, const ll_job *job, const char *key);
bool ll_job_flag(const ll_runner *runner, const ll_job *job, const char *key);
/* The first job of a kind among the needs of `job` from position `from`; -1: none. */
int64_t ll_job_need(const ll_runner *runner, const ll_job *job, const char *kind, int64_t from);
/* One list a term: the role where it exists, else all; lists has room for LL_MOST_TERMS. */
enum { LL_MOST_TERMS = 64 };
void ll_role_lists(const ll_problem *problem, const char *role, ll_samples *lists);

/* What a record says of its data: for each role X of the set-up (but those in `skip`) role_X_data, _split,
 * _count, _hash, _indices; overlaps of roles. */
ll_status ll_record_roles(ll_record *record, const ll_setup *setup, const char *skip,
                          ll_error *error) LL_MUST_CHECK;

/* Records by name, with a fallback. */
double ll_real_of(const ll_record *record, const char *name);
const char *ll_text_of(const ll_record *record, const char *name);
const ll_array *ll_array_of(const ll_record *record, const char *name); /* NULL without */

#endif
