/* losslens/study_overview.h - a study file at a glance: groups, models with their numbers, pairs, placements. What the
 * server's answer about a study, the composed figures, the tables and the report are all made from.
 *
 * Everything is read once, from results that are done; arrays and texts belong to the overview and live until deinit.
 * docs/study.md says which job makes which record.
 */
#ifndef LOSSLENS_STUDY_OVERVIEW_H
#define LOSSLENS_STUDY_OVERVIEW_H

#include "losslens/study.h"

#ifdef __cplusplus
extern "C" {
#endif

#define LL_NO_RECORD (-1)

typedef struct ll_overview_metric {
    const char *name, *unit; /* unit "": none */
    const char *better;      /* "higher" or "lower" (where the record says nothing) */
    const char *scale;       /* "score" (0..1), "error" (from 0, longer is worse) or "value" (likewise) */
} ll_overview_metric;

typedef struct ll_overview_record {
    int64_t id;
    const char *kind; /* of the job: "landscape", "eigenpairs" ... */
} ll_overview_record;

/* Its numbers are those of its first record of that kind. */
typedef struct ll_overview_model {
    const char *name; /* "beta1/0" */
    int64_t group;    /* index */
    int64_t record_count;
    const ll_overview_record *records; /* done, of this model alone, by id */
    int64_t setting_count;
    const ll_study_setting *settings; /* as its record of kind "model" has them: "seed", "network" ... */
    const double *metrics;            /* one a metric of the overview; NaN where has_metric is false */
    const bool *has_metric;
    int64_t eigenvalue_count;
    const double *eigenvalues, *residuals; /* descending; NULL: nobody asked for them */
    double trace, trace_standard_error;    /* NaN without a record of kind "trace" */
} ll_overview_model;

typedef struct ll_overview_group {
    const char *name, *title; /* title: the name where the study has no other */
    ll_group_kind kind;
    int64_t taxonomy;  /* record or LL_NO_RECORD */
    const char *label; /* "IV-B"; "" where there is none */
    int64_t model_count, setting_count, sweep_count;
    const ll_study_setting *settings; /* those that all its members share */
    const ll_study_setting *sweep;    /* what the sweep varies, with this group's values */
} ll_overview_group;

/* NaN: not known. */
typedef struct ll_overview_pair {
    int64_t a, b, record; /* models by index */
    double mc_loss, mc_error, barrier, relative_barrier, mean_loss;
    double similarity; /* CKA, mean over the layers of the same name that both were compared at */
    bool converged;
} ll_overview_pair;

typedef struct ll_overview_placement {
    int64_t record;
    const char *method, *layer, *quality_name;
    double quality;
    int64_t group;           /* LL_NO_RECORD: all models together */
    const double *positions; /* models x 2; NaN: this placement lacks the model */
} ll_overview_placement;

typedef struct ll_overview {
    int64_t group_count, model_count, metric_count, pair_count, placement_count, record_count;
    const ll_overview_group *groups;
    const ll_overview_model *models;
    const ll_overview_metric *metrics;
    const ll_overview_pair *pairs; /* done ones */
    const ll_overview_placement *placements;
    const ll_overview_record *records; /* of the study as a whole: similarity, comparison, trust, distances */
    ll_arena *memory;
} ll_overview;

/* LL_NOT_FOUND never: an empty study gives an empty overview. Models are the subjects of jobs of one model, in the order
 * of the jobs. Cost: one pass over the list of jobs and the small fields of every model (metrics, eigenvalues, trace),
 * one query for the pairs, and the matrix of similarities: 1,000 models with 20,000 pairs take about 60 ms. */
LL_API ll_status ll_overview_read(ll_store *store, ll_overview *overview, ll_error *error) LL_MUST_CHECK;
LL_API void ll_overview_deinit(ll_overview *overview);

/* Index of a model or group by name; -1: there is none. */
LL_API int64_t ll_overview_find_model(const ll_overview *overview, const char *name);
LL_API int64_t ll_overview_find_group(const ll_overview *overview, const char *name);
/* The member of a group with the lowest loss; the first where none has one; -1 for a group without members. */
LL_API int64_t ll_overview_best_member(const ll_overview *overview, int64_t group);
/* The first (lowest id) result of that job kind of a model; LL_NO_RECORD. */
LL_API int64_t ll_overview_record_of(const ll_overview_model *model, const char *kind);
/* The last (highest id) result of that job kind of the study as a whole; LL_NO_RECORD. */
LL_API int64_t ll_overview_study_record(const ll_overview *overview, const char *kind);
/* The joint placement by that method (NULL: the first); NULL: none. */
LL_API const ll_overview_placement *ll_overview_find_placement(const ll_overview *overview,
                                                               const char *method);

#ifdef __cplusplus
}
#endif
#endif
