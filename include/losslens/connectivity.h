/* losslens/connectivity.h - paths between two minima: straight lines, and Bezier curves and polygons whose
 * bend is trained to a stop (DEFINITIONS 5; Garipov et al. 2018; Yang et al. 2021).
 *
 * A curve is gamma(t) = a(t) A + b(t) B + c(t) phi with fixed ends A, B and one trained vector phi, the bend:
 *   linear   (1-t) A + t B
 *   bezier   (1-t)^2 A + t^2 B + 2t(1-t) phi
 *   polygon  (1-2t) A + 2t phi up to t = 1/2, then (2t-1) B + 2(1-t) phi
 * phi starts at the midpoint and descends the mean over t of the loss; its gradient is the mean of c(t) times
 * the gradient at gamma(t). The Problem's own layers are used as they are.
 */
#ifndef LOSSLENS_CONNECTIVITY_H
#define LOSSLENS_CONNECTIVITY_H

#include "losslens/training.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ll_curve_kind { LL_CURVE_LINEAR, LL_CURVE_BEZIER, LL_CURVE_POLYGON } ll_curve_kind;

/* Coefficients of A, B and phi at t in [0, 1]. */
LL_API void ll_curve_weights(ll_curve_kind kind, double t, double weights[3]);

typedef struct ll_curve_ends {
    const void *a, *b;                 /* n values each */
    const void *buffers_a, *buffers_b; /* b values each; NULL: the Problem's own */
} ll_curve_ends;

typedef enum ll_curve_batch_norm {
    LL_CURVE_REESTIMATE, /* statistics re-estimated at every evaluated t, where the Problem has any */
    LL_CURVE_KEEP        /* the ends' buffers interpolated linearly */
} ll_curve_batch_norm;

typedef struct ll_curve_options { /* zero-initialise; 0 or NULL means the default */
    ll_curve_kind kind;
    ll_optimiser_options
        optimiser;      /* kind SGD with rate 0 means: L-BFGS for full batches, Adam for mini-batches */
    int64_t batch_size; /* 0: full batch */
    int64_t budget;     /* steps of the first round: 50 (L-BFGS), 500 (others); each round doubles it */
    int64_t rounds;     /* most rounds: 6 */
    int64_t strata;     /* 16 stratified t, re-jittered each round */
    double connected;   /* 0.05: the curve's maximum may exceed the worse end by this fraction */
    double still;       /* 0.10: a doubling that moves mc by less than this fraction moves nothing */
    bool yang;      /* [Yang21]'s fixed recipe instead: SGD 0.01, momentum 0.9, 50 epochs, curve schedule */
    int64_t points; /* T: 61 */
    ll_curve_batch_norm batch_norm;
    const char *role;           /* samples of training and of the losses: "fit"; all of a term without it */
    const char *calibrate_role; /* "calibrate"; the samples of `role` where there is none */
    int64_t calibration_batch;  /* 500 */
    const char *metric;         /* becomes the error in percent; NULL: the Problem's first metric */
    double initial_loss;        /* loss at initialisation, for the relative barrier; 0: unknown */
    uint64_t seed;
} ll_curve_options;

/* Rounds of training until the curve is connected, or two doublings in a row move mc by < 10 %, or the rounds
 * are spent ("unconverged": the curve only bounds the barrier from above). A mini-batch step takes one of the
 * strata in a seeded order that visits all; a round that diverges is repeated from its start with half the
 * rate. mc = 1/2 (f(0)+f(1)) - f(t*), t* = argmax |1/2 (f(0)+f(1)) - f(t)|, smallest t on ties. Pieces:
 * "round/<r>", "line", "curve/<r>". Record "curve": path, t [T], loss [T], error [T] (percent), mc_loss,
 * mc_loss_t, mc_error, mc_error_t, mean_loss, linear_loss [T], linear_error [T], linear_mean_loss,
 * linear_mc_loss, linear_barrier, barrier (of the curve), relative_barrier and relative_linear_barrier (of
 * initial_loss minus the better end; only if initial_loss is given), length, straight_length, reason ("line",
 * "connected", "no longer moving", "unconverged", "diverged", "recipe"), converged (0/1), steps, rounds,
 * rate, mc_history [rounds], step_history [rounds], bend [n]. */
LL_API ll_status ll_connectivity_curve(ll_problem *problem, const ll_curve_ends *ends,
                                       const ll_curve_options *options, const ll_sink *sink,
                                       ll_record **record, ll_error *error) LL_MUST_CHECK;

/* Mean loss over the given t and its gradient with respect to phi, in evaluation mode with the Problem's own
 * buffers; samples as in ll_request. What the training descends; here for checks. */
LL_API ll_status ll_connectivity_bend_gradient(ll_problem *problem, const ll_curve_ends *ends,
                                               ll_curve_kind kind, const void *phi, const double *t,
                                               int64_t count, const ll_samples *samples, double *loss,
                                               void *gradient, ll_error *error) LL_MUST_CHECK;

/* mc, its t and the barrier max f(t) - ((1-t) f(0) + t f(1)) of values at equally spaced t. A value that is
 * not finite is the extreme one. count >= 2. */
typedef struct ll_curve_numbers {
    double mc, mc_t, barrier, mean, maximum;
} ll_curve_numbers;
LL_API ll_curve_numbers ll_curve_measure(const double *values, int64_t count);

/* ---------------------------------------------------------------- which pairs */

typedef enum ll_pair_plan { LL_PAIRS_ALL, LL_PAIRS_NEAREST, LL_PAIRS_SAMPLE } ll_pair_plan;
/* Pairs i < j of `models`, ascending. NEAREST: each model with its k nearest by distances [models x models]
 * (smaller index on ties); SAMPLE: k pairs drawn without repetition by seed. *pairs (2 x *count, from
 * ll_allocate) is the caller's. */
LL_API ll_status ll_connectivity_pairs(ll_pair_plan plan, int64_t models, int64_t k, const double *distances,
                                       uint64_t seed, int64_t **pairs, int64_t *count,
                                       ll_error *error) LL_MUST_CHECK;

/* Paths between several pairs of one Problem. The straight lines of all pairs come first, then the curves in
 * the order of their linear barriers, lowest first, so that an early stop has an answer for every pair and
 * the curves that cost least. Pairs follow one another: the 16 points of one curve fill the cores already
 * (docs/method/connectivity.md). records [count]: as of ll_connectivity_curve, the caller destroys each. On
 * LL_CANCELLED they hold what is known of each pair by then (its curve; its straight line, path "linear";
 * NULL); after another failure all are NULL. Pieces of pair k: "pair/<k>/" and the piece's name. */
LL_API ll_status ll_connectivity_curves(ll_problem *problem, const ll_curve_ends *ends, int64_t count,
                                        const ll_curve_options *options, const ll_sink *sink,
                                        ll_record **records, ll_error *error) LL_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
