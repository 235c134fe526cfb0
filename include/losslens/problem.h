/* losslens/problem.h - the Problem: loss, gradient, curvature products and features as a function of flat
 * parameter vectors. Everything above it (landscape, curvature, connectivity, similarity, training)
 * speaks to a network, a physics-informed loss, a closed form or a user's own simulator through this
 * header alone.
 *
 * A Problem holds
 *   n parameters, flattened in the order of its parameter table (theta);
 *   b buffer values, flattened likewise (batch-norm running statistics; not part of theta). Nothing is
 *     hidden in the handle: an evaluation reads the buffers that the request names and writes new ones
 *     only to the request's output;
 *   one or more terms: loss = sum over terms of weight * (mean over the term's samples of the per-sample
 *     loss), plus the weight-decay term (lambda/2) |theta|^2 over the parameters marked `decays`;
 *   samples, one numbered list a term, with named roles (fit, calibrate, evaluate, test) as index lists.
 * Vectors are float32 or float64 throughout, as the Problem says (`type`); sums, losses and metrics are double.
 *
 * The same request gives the same bits on any number of threads.
 */
#ifndef LOSSLENS_PROBLEM_H
#define LOSSLENS_PROBLEM_H

#include "losslens/base_parameters.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ll_real { LL_REAL_FLOAT32, LL_REAL_FLOAT64 } ll_real;
static inline size_t ll_real_bytes(ll_real type) { return type == LL_REAL_FLOAT32 ? 4 : 8; }

typedef struct ll_term {
    const char *name; /* "cross_entropy", "residual" */
    double weight;
    int64_t samples; /* how many the Problem holds for this term */
} ll_term;

typedef struct ll_metric {
    const char *name; /* "accuracy", "relative_l2" */
    const char *unit; /* "" (a fraction or pure number), "percent", ... */
    bool higher_is_better;
} ll_metric;

typedef struct ll_layer {
    const char *name;
    int64_t width; /* features of one sample, flattened (C*H*W) */
} ll_layer;

/* What an implementation can do by itself. */
enum {
    LL_CAN_GRADIENT = 1 << 0,
    LL_CAN_HESSIAN = 1 << 1,
    LL_CAN_GGN = 1 << 2,
    LL_CAN_METRICS = 1 << 3,
    LL_CAN_FEATURES = 1 << 4,
    LL_CAN_TRAINING_MODE = 1 << 5, /* batch statistics, dropout */
    LL_CAN_CALIBRATE = 1 << 6,     /* re-estimate the buffers */
    LL_CAN_SUBSETS = 1 << 7,       /* index lists; without it only whole terms */
    LL_CAN_THREADS = 1 << 8,       /* call-backs only: may be called from several threads at once */
    LL_CAN_REPEAT = 1 << 9         /* training mode draws nothing: dropout_key has no effect */
};

/* The tables; views into the Problem, valid for its life. */
typedef struct ll_problem_info {
    const char *name;
    ll_real type;
    int64_t parameter_count, buffer_count;               /* n, b */
    int64_t parameters, buffers, terms, metrics, layers; /* entries of each table */
    const ll_parameter *parameter;
    const ll_buffer_entry *buffer;
    const ll_term *term; /* without weight decay */
    const ll_metric *metric;
    const ll_layer *layer;
    double weight_decay; /* lambda; 0: no such term */
    int64_t
        output_width; /* of the network's output for a sample of the first term (logits, field values); 0: none */
    unsigned capabilities;
} ll_problem_info;

typedef struct ll_problem ll_problem;

LL_API void ll_problem_destroy(ll_problem *problem);
LL_API const ll_problem_info *ll_problem_view(const ll_problem *problem);

/* The parameters and buffers that the Problem was made with (a checkpoint, a start); n and b values of its
 * type. NULL where it has none. */
LL_API const void *ll_problem_origin(const ll_problem *problem);
LL_API const void *ll_problem_origin_buffers(const ll_problem *problem);

/* Indices of `term`'s samples that have a role ("fit", "calibrate", "evaluate", "test"); view. LL_NOT_FOUND
 * names the roles that exist. */
LL_API ll_status ll_problem_role(const ll_problem *problem, const char *role, int64_t term,
                                 const int64_t **indices, int64_t *count, ll_error *error) LL_MUST_CHECK;

/* ---------------------------------------------------------------- a request */

typedef enum ll_mode {
    LL_MODE_EVALUATION, /* buffers used as given, no dropout */
    LL_MODE_TRAINING,   /* statistics of the batch (all samples of the request are one batch), dropout
                           drawn from dropout_key; buffers_out receives the running statistics after it */
    LL_MODE_CALIBRATION /* batches of batch_size in the order of the index list, weights fixed:
                           buffers_out = mean of batch means, mean of unbiased batch variances */
} ll_mode;

typedef struct ll_samples {
    const int64_t *indices; /* NULL: all of the term */
    int64_t count;          /* ignored when indices is NULL */
} ll_samples;

typedef enum ll_product_operator { LL_PRODUCT_HESSIAN, LL_PRODUCT_GGN } ll_product_operator;

/* Zero-initialise and fill what is wanted. All pointers are the caller's; vectors have n (or b) values of the
 * Problem's type. K = points; every output that is not NULL is wanted, for every point. */
typedef struct ll_request {
    /* where: K points theta_k = origin + sum_d coefficients[k*dimensions + d] * direction[d]
     * (each computed directly in double and rounded once), or, when thetas is set, K unrelated vectors. */
    int64_t points;
    const void *origin;
    int dimensions;
    const void *const *directions;
    const double *coefficients;
    const void *const *thetas;

    /* buffers: one set a point, or (buffers_shared) one for all; NULL: the Problem's own. */
    const void *const *buffers;
    bool buffers_shared;

    /* samples: one entry a term, or NULL: all of every term. An empty list is an error. */
    const ll_samples *samples;

    ll_mode mode;
    uint64_t dropout_key;
    int64_t batch_size; /* calibration only */

    /* what */
    double *loss;    /* [K] with weight decay */
    double *terms;   /* [K][terms (+ 1 if weight_decay != 0, last: its weighted value)] unweighted means;
                                    NaN for a term of weight 0 unless `metrics` are wanted, which alone need it */
    double *metrics; /* [K][metrics] */
    void *const *gradients;      /* [K] vectors of n; of the whole loss */
    void *const *buffers_out;    /* [K] vectors of b; training and calibration mode */
    ll_product_operator product; /* Hessian or GGN of the whole loss times ... */
    int64_t product_count;       /* ... V vectors; 0: none */
    const void *const *vectors;  /* [V], the same for every point */
    void *const *products;       /* [K*V] */
    int64_t feature_layers;      /* F layers; 0: none */
    const int64_t *
        feature_layer; /* [F] indices into the layer table, ascending; `layers` itself: the output, where there is one */
    void *const
        *features; /* [K*F], each samples(first term) x width, row-major, samples in the given order */

    /* What an implementation cannot do is refused, unless this allows central differences of gradients for
     * products; then step and error are told. */
    bool allow_emulation;
    double *emulated_step;  /* NULL or one value: step used; 0 when nothing was emulated */
    double *emulated_error; /* NULL or one value: relative error estimate from two steps */
} ll_request;

/* Validates, adds weight decay, dispatches. LL_UNSUPPORTED names the capability that is missing;
 * LL_INVALID_ARGUMENT the field. Non-finite losses are results, not errors. Outputs are untouched on failure
 * found before the work starts; undefined after one inside it (cancelled, out of memory). */
LL_API ll_status ll_problem_evaluate(ll_problem *problem, const ll_request *request,
                                     ll_error *error) LL_MUST_CHECK;
/* The same refusals, without doing the work. */
LL_API ll_status ll_problem_check(const ll_problem *problem, const ll_request *request,
                                  ll_error *error) LL_MUST_CHECK;
/* Bytes that evaluating this request needs beyond what the Problem holds already. */
LL_API ll_status ll_problem_memory(const ll_problem *problem, const ll_request *request, size_t *bytes,
                                   ll_error *error) LL_MUST_CHECK;

/* lambda >= 0 for the parameters marked `decays`. */
LL_API ll_status ll_problem_set_weight_decay(ll_problem *problem, double lambda,
                                             ll_error *error) LL_MUST_CHECK;

/* ---------------------------------------------------------------- call-back problems */

/* The vtable through which anything can be plugged in: a model on a GPU, a simulator. Every call gets `context`.
 * evaluate sees a validated request whose points are given as `thetas` (slices are expanded), with explicit
 * buffers where the Problem has any (buffers_shared: one set for all), explicit index lists where LL_CAN_SUBSETS
 * is set (samples is NULL otherwise), no weight decay and no emulation; it fills exactly the outputs that are not
 * NULL: loss and terms always (terms: [K][terms]), the others as its capabilities promise. It is called from the
 * thread that called ll_problem_evaluate.
 * memory sees such a request before the work: its counts and which outputs are wanted are valid, vectors need
 * not be. */
typedef struct ll_problem_callbacks {
    ll_status (*evaluate)(void *context, const ll_request *request, ll_error *error);
    size_t (*memory)(void *context, const ll_request *request); /* NULL: unknown, counts as 0 */
    void (*destroy)(void *context);                             /* NULL: nothing to free */
} ll_problem_callbacks;

/* Roles of samples for ll_problem_role; copied. */
typedef struct ll_role_samples {
    const char *role;
    int64_t term;
    const int64_t *indices;
    int64_t count;
} ll_role_samples;

/* info is copied deeply (its counts are checked against the tables); origin and origin_buffers are copied and may
 * be NULL. On success the Problem owns context and calls destroy with it. */
LL_API ll_status ll_problem_create_callback(const ll_problem_info *info, const void *origin,
                                            const void *origin_buffers, const ll_role_samples *roles,
                                            int64_t role_count, const ll_problem_callbacks *callbacks,
                                            void *context, ll_problem **problem,
                                            ll_error *error) LL_MUST_CHECK;

/* ---------------------------------------------------------------- analytic problems */

typedef enum ll_analytic_kind {
    LL_ANALYTIC_QUADRATIC,  /* 1/2 x' Q diag(values) Q' x, Q a seeded product of Householder reflections */
    LL_ANALYTIC_ROSENBROCK, /* sum 100 (x_{i+1} - x_i^2)^2 + (1 - x_i)^2, n >= 2 */
    LL_ANALYTIC_HIMMELBLAU, /* n = 2 */
    LL_ANALYTIC_RASTRIGIN,  /* 10 n + sum x_i^2 - 10 cos(2 pi x_i) */
    LL_ANALYTIC_TWO_WELL /* (x_0^2 - 1)^2 + 1/2 sum_{i>0} values[i] x_i^2: minima at x_0 = -1, +1, barrier 1 */
} ll_analytic_kind;

typedef struct ll_analytic_options {
    ll_analytic_kind kind;
    ll_real type;
    int64_t dimensions;
    const double *values; /* spectrum, `dimensions` values: quadratic and two-well (entry 0 ignored) */
    uint64_t seed;        /* quadratic: rotation; 0: none (diagonal) */
    const double *origin; /* start point; NULL: zeros */
} ll_analytic_options;

LL_API ll_status ll_problem_create_analytic(const ll_analytic_options *options, ll_problem **problem,
                                            ll_error *error) LL_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
