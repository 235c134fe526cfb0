/* losslens/landscape.h - loss landscapes: directions, grids, their sampling, and whether the picture can be
 * trusted.
 *
 *   ll_axes       the directions that span a landscape (random, eigenvectors, trajectory PCA, checkpoints)
 *   ll_landscape  a grid over them, cut into tiles that may be computed in any order, by anyone
 *   ll_finding    "is my plot right?" in plain words
 *
 * Works for every Problem. Vectors have n values (buffers: b values) of the Problem's type unless said
 * otherwise. The same inputs give the same bits for any order of tiles and any number of threads.
 * Methods: docs/method/landscape.md. Names of papers: [Li18] Li et al. 2018, [Good14] Goodfellow et al.
 * 2014, [Im16] Im et al. 2016, [Gar18] Garipov et al. 2018.
 */
#ifndef LOSSLENS_LANDSCAPE_H
#define LOSSLENS_LANDSCAPE_H

#include "losslens/base.h"
#include "losslens/problem.h"
#include "losslens/records.h"

#ifdef __cplusplus
extern "C" {
#endif

#define LL_LANDSCAPE_MAX_DIMENSIONS 6
#define LL_LANDSCAPE_MAX_POINTS INT64_C(1000000000)

/* ------------------------------------------------------------------ directions */

/* How long a direction is, compared with the parameters theta [Li18]:
 *   none    as drawn or given
 *   model   |d| = |theta|
 *   layer   |d_l| = |theta_l| for every tensor l
 *   filter  roles filter and linear: |d_{l,i}| = |theta_{l,i}| for every slice i along the output axis; other
 *           tensors as `layer`
 * A slice of theta that is zero makes the direction's slice zero. */
#define LL_NORMALISATION_LIST(X)                                                                             \
    X(NONE, "none")                                                                                          \
    X(MODEL, "model")                                                                                        \
    X(LAYER, "layer")                                                                                        \
    X(FILTER, "filter")
typedef enum ll_direction_norm {
#define LL_NORMALISATION_ENUM(name, text) LL_NORMALISE_##name,
    LL_NORMALISATION_LIST(LL_NORMALISATION_ENUM)
#undef LL_NORMALISATION_ENUM
        LL_NORMALISATIONS
} ll_direction_norm;
LL_API const char *ll_direction_norm_name(ll_direction_norm normalisation);
LL_API bool ll_direction_norm_parse(const char *name, ll_direction_norm *normalisation);

/* What happens to tensors with at most one axis, and scalars (biases, norms):
 *   zero  the direction is 0 there ([Li18]'s "ignore biasbn")
 *   keep  they are treated as any tensor (layer rule)
 *   copy  d = theta there (what [Li18]'s code does when nothing is ignored)
 *   auto  zero for model, layer and filter; keep for none, and for a Problem without any larger tensor */
#define LL_SMALL_RULE_LIST(X)                                                                                \
    X(AUTO, "auto")                                                                                          \
    X(ZERO, "zero")                                                                                          \
    X(KEEP, "keep")                                                                                          \
    X(COPY, "copy")
typedef enum ll_small_rule {
#define LL_SMALL_RULE_ENUM(name, text) LL_SMALL_##name,
    LL_SMALL_RULE_LIST(LL_SMALL_RULE_ENUM)
#undef LL_SMALL_RULE_ENUM
        LL_SMALL_RULES
} ll_small_rule;
LL_API const char *ll_small_rule_name(ll_small_rule rule);
LL_API bool ll_small_rule_parse(const char *name, ll_small_rule *rule);

/* One axis as asked for. vector NULL: random, i.i.d. N(0,1) keyed by (seed, axis, tensor name, index within
 * the tensor). Otherwise the given vector: an eigenvector, a gradient, a moment, a file's content. */
typedef struct ll_axis_choice {
    const void *vector;
    const char *name; /* kind for the record: "hessian", "gradient" ...; NULL: "random" or "given" */
    ll_direction_norm normalisation;
    ll_small_rule small;
} ll_axis_choice;

typedef enum ll_orthogonality {
    LL_ORTHOGONAL_AUTO, /* random axes with none, model or layer: yes; filter (nearly so anyway) and given: no
                         */
    LL_ORTHOGONAL_YES,
    LL_ORTHOGONAL_NO
} ll_orthogonality;

/* Where a grid position alpha lies: affine: origin + sum alpha_k d_k. Bilinear (two dimensions, three
 * directions): origin + alpha_0 d_0 + alpha_1 d_1 + alpha_0 alpha_1 d_2 [Im16]. */
typedef enum ll_axes_form { LL_AXES_AFFINE, LL_AXES_BILINEAR } ll_axes_form;

/* Finished directions. Read-only for callers; owned; ended by ll_axes_deinit. */
typedef struct ll_axes {
    ll_real type;
    int64_t parameter_count, buffer_count;
    ll_axes_form form;
    int dimensions; /* of the grid */
    int directions; /* vectors below; = dimensions unless bilinear */
    void *vector[LL_LANDSCAPE_MAX_DIMENSIONS];
    void *buffer_vector[LL_LANDSCAPE_MAX_DIMENSIONS]; /* how buffers move along it under `keep`; NULL: not */
    char kind[LL_LANDSCAPE_MAX_DIMENSIONS][24];       /* "random", "hessian", "pca", "between" ... */
    ll_direction_norm normalisation[LL_LANDSCAPE_MAX_DIMENSIONS];
    ll_small_rule small[LL_LANDSCAPE_MAX_DIMENSIONS]; /* as applied: never auto */
    bool orthogonalised[LL_LANDSCAPE_MAX_DIMENSIONS];
    uint64_t seed;
    /* Measured on the stored vectors, after everything. */
    double norm[LL_LANDSCAPE_MAX_DIMENSIONS];
    double gram[LL_LANDSCAPE_MAX_DIMENSIONS][LL_LANDSCAPE_MAX_DIMENSIONS]; /* d_i . d_j */
    double cosine[LL_LANDSCAPE_MAX_DIMENSIONS][LL_LANDSCAPE_MAX_DIMENSIONS];
    /* PCA only (0 otherwise): share of the variance that each axis explains, and the rows behind it. */
    double explained[LL_LANDSCAPE_MAX_DIMENSIONS];
    int64_t pca_rows;
} ll_axes;
LL_API void ll_axes_deinit(ll_axes *axes);

typedef struct ll_axes_options {
    int dimensions; /* 1..LL_LANDSCAPE_MAX_DIMENSIONS */
    ll_axis_choice axis[LL_LANDSCAPE_MAX_DIMENSIONS];
    uint64_t seed;
    ll_orthogonality orthogonal;
    /* One name a parameter tensor, used for the draw in place of the table's, so that two architectures whose
     * tensors are named differently share the draw; NULL: the table's names. */
    const char *const *names;
} ll_axes_options;

/* Directions at theta (n values, not NULL). Orthogonalisation, where it applies, subtracts (r.d)/(d.d) d for
 * every earlier axis, in double, after normalisation. LL_INVALID_ARGUMENT names an axis that is zero, not
 * finite, or (orthogonal) a combination of the earlier ones. Memory: 8 n bytes an axis of scratch. */
LL_API ll_status ll_axes_create(const ll_problem_info *info, const void *theta,
                                const ll_axes_options *options, ll_axes *axes, ll_error *error) LL_MUST_CHECK;

/* theta_B - theta_A: 1-D, alpha = 0 at A and 1 at B [Good14]. buffers may both be NULL. The origin is A. */
LL_API ll_status ll_axes_between(const ll_problem_info *info, const void *theta_a, const void *theta_b,
                                 const void *buffers_a, const void *buffers_b, ll_axes *axes,
                                 ll_error *error) LL_MUST_CHECK;
/* The plane through three checkpoints, origin A, basis by Gram-Schmidt of B - A, C - A, unit length [Gar18].
 * coordinates (6 values, may be NULL) receives those of A, B, C. */
LL_API ll_status ll_axes_plane(const ll_problem_info *info, const void *const theta[3],
                               const void *const buffers[3], ll_axes *axes, double *coordinates,
                               ll_error *error) LL_MUST_CHECK;
/* Barycentric: directions B - A and C - A, so that alpha are barycentric weights [Im16]. Origin A. */
LL_API ll_status ll_axes_barycentric(const ll_problem_info *info, const void *const theta[3],
                                     const void *const buffers[3], ll_axes *axes,
                                     ll_error *error) LL_MUST_CHECK;
/* Bilinear through four corners: A at (0,0), B at (1,0), C at (0,1), D at (1,1) [Im16]. Origin A. */
LL_API ll_status ll_axes_bilinear(const ll_problem_info *info, const void *const theta[4],
                                  const void *const buffers[4], ll_axes *axes, ll_error *error) LL_MUST_CHECK;

/* An optimiser's path: checkpoints in time order, the last one its end. */
typedef struct ll_trajectory {
    const void *const *theta; /* count vectors */
    int64_t count;
} ll_trajectory;

/* Principal directions of the rows theta_t - origin over all trajectories (a row that equals the origin is
 * the end itself and left out when it comes last), column-centred unless `uncentred`, through the
 * k x k Gram matrix: O(k^2 n) time, no dense copy. Unit length; sign: the first trajectory starts on the
 * negative side. origin: usually the end of the first trajectory. dimensions <= rank of the rows. */
LL_API ll_status ll_axes_pca(const ll_problem_info *info, const void *origin,
                             const ll_trajectory *trajectories, int64_t trajectory_count, int dimensions,
                             bool uncentred, ll_axes *axes, ll_error *error) LL_MUST_CHECK;

/* Least-squares coordinates (count x dimensions) of points relative to origin, by the axes' Gram matrix, and
 * the distance of each point from the plane (count; may be NULL). Affine axes only. LL_NUMERIC if the axes
 * are linearly dependent. */
LL_API ll_status ll_axes_project(const ll_axes *axes, const void *origin, const void *const *points,
                                 int64_t count, double *coordinates, double *residuals,
                                 ll_error *error) LL_MUST_CHECK;
/* The range per axis that holds all coordinates and 0, with `margin` (0.1: 10 % of the extent) on each side.
 * An axis without extent gets -1..1. */
LL_API void ll_range_auto(const double *coordinates, int64_t count, int dimensions, double margin,
                          double *low, double *high);

/* exp_avg / (sqrt(exp_avg_sq) + epsilon): the step of Adam, as a direction. */
LL_API void ll_direction_adam(ll_real type, int64_t count, const void *first_moment,
                              const void *second_moment, double epsilon, void *direction);

/* Share of the first Problem's parameters that lie in tensors which the second has too, under the same name
 * and shape (names NULL: the tables'): the part of a random direction that the two share. */
LL_API double ll_axes_shared(const ll_problem_info *a, const char *const *names_a, const ll_problem_info *b,
                             const char *const *names_b);

/* ------------------------------------------------------------------ grids */

/* ((S-1-i) low + i high)/(S-1) in double; S = 1: low. A symmetric odd axis has an exact 0. */
LL_API double ll_grid_position(double low, double high, int64_t size, int64_t index);
/* Level of an index in the progressive order: 0 first. Level 0 holds both ends, the middle and every
 * 2^k-th index; each further level halves the spacing. */
LL_API int ll_grid_level(int64_t size, int64_t index);

typedef enum ll_batch_norm {
    LL_BATCH_NORM_AUTO,       /* keep without buffers and along Hessian directions; else re-estimate */
    LL_BATCH_NORM_KEEP,       /* the checkpoint's running statistics; interpolated between checkpoints */
    LL_BATCH_NORM_REESTIMATE, /* at the perturbed weights, from calibration samples */
    LL_BATCH_NORM_BATCH       /* of each batch of batch_size evaluated samples (one term only) */
} ll_batch_norm;
LL_API const char *ll_batch_norm_name(ll_batch_norm mode);
LL_API bool ll_batch_norm_parse(const char *name, ll_batch_norm *mode);

/* A named list of samples on which the whole field is evaluated: "evaluate", "train", "half_a" ... */
typedef struct ll_sample_set {
    const char *name;          /* lower case, digits, underscores */
    const ll_samples *samples; /* one entry a term; NULL: all of every term */
} ll_sample_set;

/* The samples as set "evaluate" and every second of them as "half_a", the others as "half_b", term by term:
 * what ll_landscape_features tells noise by. Zero-initialise; lists are borrowed, the rest is owned. */
enum { LL_HALVES_SETS = 3 };
typedef struct ll_halves {
    ll_sample_set set[LL_HALVES_SETS];
    ll_samples *lists; /* 2 x terms */
    int64_t *indices;
} ll_halves;
/* lists: one entry a term, or NULL: all of every term. LL_UNSUPPORTED: the Problem takes no subsets;
 * LL_INVALID_ARGUMENT: a term has fewer than two samples (its name is said). */
LL_API ll_status ll_halves_init(const ll_problem *problem, const ll_samples *lists, ll_halves *halves,
                                ll_error *error) LL_MUST_CHECK;
LL_API void ll_halves_deinit(ll_halves *halves);

typedef struct ll_landscape_options {
    const void *origin;         /* NULL: the Problem's own */
    const void *origin_buffers; /* NULL: the Problem's own */
    const ll_axes *axes;        /* borrowed for the landscape's life */
    int64_t size[LL_LANDSCAPE_MAX_DIMENSIONS];
    double low[LL_LANDSCAPE_MAX_DIMENSIONS], high[LL_LANDSCAPE_MAX_DIMENSIONS];
    ll_batch_norm batch_norm;
    const ll_samples *calibration; /* one a term; NULL: the first 1,000 of role calibrate, else of fit */
    int64_t batch_size;            /* of calibration, and of `batch`; 0: 500 */
    const ll_sample_set *sets;     /* NULL: one, role `evaluate` where it exists, else all samples */
    int64_t set_count;
    /* Terms of weight 0 and the Problem's metrics too, where it has such terms: a PINN's error on its
     * reference grid has fifty times the samples of its loss. Without such terms metrics come along. */
    bool metrics;
    bool gradient_norm;       /* |gradient|_2 at every point, on the first set */
    bool extreme_eigenvalues; /* smallest and largest Hessian eigenvalue at every point, on the first set */
    double eigenvalue_tolerance; /* residual; 0: 1e-2 */
    int64_t tile_points;         /* points a tile; 0: 64 below 1e5 parameters, else 8 */
    /* Adaptive mode: > 0: points whose value can be told from their neighbours' within this fraction of the
     * field's range are interpolated, marked and counted. 0: every point is evaluated. */
    double adaptive_tolerance;
} ll_landscape_options;

typedef struct ll_landscape ll_landscape;

/* Checks everything (capabilities and sample lists included: the same refusals as the first evaluation would
 * give) and plans tiles. options are copied, except axes, origins and sample lists, which must outlive it. */
LL_API ll_status ll_landscape_create(ll_problem *problem, const ll_landscape_options *options,
                                     ll_landscape **landscape, ll_error *error) LL_MUST_CHECK;
LL_API void ll_landscape_destroy(ll_landscape *landscape);
/* Tiles of the complete grid, in progressive order: coarse points first. Adaptive landscapes plan as they go:
 * use ll_landscape_run. */
LL_API int64_t ll_landscape_tiles(const ll_landscape *landscape);
/* Bytes that the work needs beyond what the Problem holds. */
LL_API ll_status ll_landscape_memory(const ll_landscape *landscape, size_t *bytes,
                                     ll_error *error) LL_MUST_CHECK;

/* Computes tile `tile`, or takes it from the sink where it is done ("tile/<i>"); hands it over to the sink.
 * Pieces carry a digest of everything that the values depend on; a piece of another landscape is refused
 * (LL_INVALID_ARGUMENT), not mixed in. Whether a point is done never depends on its value. */
LL_API ll_status ll_landscape_compute(ll_landscape *landscape, int64_t tile, const ll_sink *sink,
                                      ll_error *error) LL_MUST_CHECK;
/* The centre, then all tiles in order. LL_CANCELLED when the sink says stop: call again, or in another
 * process with the same pieces, and the result has the same bits. */
LL_API ll_status ll_landscape_run(ll_landscape *landscape, const ll_sink *sink,
                                  ll_error *error) LL_MUST_CHECK;
/* The record "landscape" (docs/records.md) with what is known so far; points not done are NaN with state 0.
 * The caller destroys it. */
LL_API ll_status ll_landscape_record(const ll_landscape *landscape, ll_record **record,
                                     ll_error *error) LL_MUST_CHECK;

/* The same landscape over `planes` seeds (seed, seed + 1, ...) of random directions: runs each (pieces
 * "plane/<r>/tile/<i>") and gives the record "landscape_planes": every plane's loss, and mean and spread at
 * each grid position. axes_options must ask for random axes only; options->axes is ignored. */
LL_API ll_status ll_landscape_planes(ll_problem *problem, const ll_axes_options *axes_options,
                                     const ll_landscape_options *options, int64_t planes, const ll_sink *sink,
                                     ll_record **record, ll_error *error) LL_MUST_CHECK;

/* ------------------------------------------------------------------ how many features are real? */

/* Minima of the loss of a record "landscape" (by the merge tree; connectivity NULL: the default; DEFINITIONS
 * 8), with and without those whose persistence is below the difference of two halves of the data (sample sets
 * "half_a" and "half_b"), and at every second point. Record "features": connectivity, minima, merges,
 * minima_every_second (not where an axis has two points), and with halves minima_resolved, merges_resolved,
 * unresolved, unresolved_either, halves_difference (root mean square of half_a - half_b) and
 * halves_difference_max. */
LL_API ll_status ll_landscape_features(const ll_record *landscape, const char *connectivity,
                                       ll_record **record, ll_error *error) LL_MUST_CHECK;

/* ------------------------------------------------------------------ is my plot right? */

#define LL_FINDING_LIST(X)                                                                                   \
    X(COLLINEAR_AXES, "collinear_axes")                                                                      \
    X(CENTRE_NOT_LOWEST, "centre_not_lowest")                                                                \
    X(RANGE_TOO_WIDE, "range_too_wide")                                                                      \
    X(RANGE_TOO_NARROW, "range_too_narrow")                                                                  \
    X(BATCH_NORM, "batch_norm")                                                                              \
    X(EXPLAINED_VARIANCE, "explained_variance")                                                              \
    X(SAMPLE_NOISE, "sample_noise")                                                                          \
    X(ONE_RANDOM_PLANE, "one_random_plane")                                                                  \
    X(NON_FINITE, "non_finite")                                                                              \
    X(EXHAUSTED_DATA, "exhausted_data")
typedef enum ll_finding_check {
#define LL_FINDING_ENUM(name, text) LL_FINDING_##name,
    LL_FINDING_LIST(LL_FINDING_ENUM)
#undef LL_FINDING_ENUM
        LL_FINDINGS
} ll_finding_check;
typedef enum ll_verdict { LL_VERDICT_PASS, LL_VERDICT_DOUBT, LL_VERDICT_FAIL } ll_verdict;
LL_API const char *ll_finding_name(ll_finding_check check);
LL_API const char *ll_verdict_name(ll_verdict verdict); /* "pass", "doubt", "fail" */

typedef struct ll_finding {
    ll_finding_check check;
    ll_verdict verdict;
    double number;      /* what was measured; NaN: nothing to measure */
    char sentence[256]; /* what it means */
    char next[192];     /* what to run or change next; "" on a pass */
} ll_finding;

/* Judges a record "landscape": every check, in the order of the list. findings: room for LL_FINDINGS.
 * Checks that do not apply (no random axis, no PCA ...) pass and say so. */
LL_API ll_status ll_landscape_check(const ll_record *landscape, ll_finding *findings,
                                    ll_error *error) LL_MUST_CHECK;
/* The same as a record "plot_check": for each check <name>_verdict, _number, _sentence, _next. */
LL_API ll_status ll_landscape_check_record(const ll_record *landscape, ll_record **record,
                                           ll_error *error) LL_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
