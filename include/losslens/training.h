/* losslens/training.h - optimisers, schedules, and the training of a Problem with checkpoints and a
 * trajectory.
 *
 * Optimisers work on flat vectors of a Problem's type and know nothing of networks; connectivity trains
 * curves with them. States have the Problem's type, sums are double. The same seed gives the same bits, also
 * when a run is interrupted and continued from its pieces.
 */
#ifndef LOSSLENS_TRAINING_H
#define LOSSLENS_TRAINING_H

#include "losslens/problem.h"
#include "losslens/records.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------- optimisers */

typedef enum ll_optimiser_kind {
    LL_OPTIMISER_SGD,   /* m <- momentum m + (1 - dampening) g (first step: g); nesterov: g + momentum m */
    LL_OPTIMISER_ADAM,  /* Kingma & Ba 2015, bias-corrected; weight decay added to the gradient */
    LL_OPTIMISER_ADAMW, /* Loshchilov & Hutter 2019: theta scaled by 1 - rate * weight_decay */
    LL_OPTIMISER_LBFGS  /* Liu & Nocedal 1989, strong Wolfe line search (Nocedal & Wright, alg. 3.5, 3.6) */
} ll_optimiser_kind;

typedef struct ll_optimiser_options { /* zero-initialise; 0 means the default unless said otherwise */
    ll_optimiser_kind kind;
    double rate;         /* learning rate: SGD 0.01, Adam and AdamW 0.001, L-BFGS 1 */
    double momentum;     /* SGD; 0: none */
    double dampening;    /* SGD; 0: none */
    bool nesterov;       /* needs momentum > 0 and dampening 0 */
    double weight_decay; /* 0: none; on parameters marked `decays`. L-BFGS: refused, use the Problem's */
    double beta1, beta2; /* 0.9, 0.999 */
    double epsilon;      /* 1e-8 */
    int64_t history;     /* L-BFGS: 50 */
    double tolerance_gradient; /* L-BFGS: largest |g_i|, 1e-7 */
    double tolerance_change;   /* L-BFGS: largest |change of theta_i|, and change of the loss, 1e-7 */
    int64_t line_search;       /* L-BFGS: most evaluations a line search, 25 */
} ll_optimiser_options;

typedef struct ll_optimiser ll_optimiser;

/* For vectors of `count` values. parameters (may be NULL with 0 entries: all decay) says what decays. */
LL_API ll_status ll_optimiser_create(const ll_optimiser_options *options, ll_real type, int64_t count,
                                     const ll_parameter *parameters, int64_t parameter_count,
                                     ll_optimiser **optimiser, ll_error *error) LL_MUST_CHECK;
LL_API void ll_optimiser_destroy(ll_optimiser *optimiser);

/* Loss and gradient (vector of the type) at theta. */
typedef struct ll_objective {
    void *context;
    ll_status (*evaluate)(void *context, const void *theta, double *loss, void *gradient, ll_error *error);
} ll_objective;

typedef enum ll_step_reason {
    LL_STEP_GOING,     /* theta moved; go on */
    LL_STEP_GRADIENT,  /* L-BFGS: gradient below tolerance */
    LL_STEP_CHANGE,    /* L-BFGS: change below tolerance */
    LL_STEP_STALLED,   /* L-BFGS: no lower point along the steepest descent (rounding) */
    LL_STEP_NOT_FINITE /* loss or gradient is not finite; theta unchanged */
} ll_step_reason;
LL_API const char *ll_step_reason_text(ll_step_reason reason);

typedef struct ll_step {
    double loss;          /* at theta before the step; L-BFGS: after it */
    double gradient_norm; /* before the step */
    int64_t evaluations;
    ll_step_reason reason;
} ll_step;

/* One step (L-BFGS: one iteration with its line search) with learning rate `rate`. L-BFGS remembers loss and
 * gradient at theta, so the objective must stay the same from call to call. */
LL_API ll_status ll_optimiser_iterate(ll_optimiser *optimiser, double rate, const ll_objective *objective,
                                      void *theta, ll_step *step, ll_error *error) LL_MUST_CHECK;
LL_API size_t ll_optimiser_state_bytes(const ll_optimiser *optimiser);
LL_API const ll_optimiser_options *
ll_optimiser_view(const ll_optimiser *optimiser); /* with defaults filled in */

/* ---------------------------------------------------------------- schedules */

typedef enum ll_schedule_kind {
    LL_SCHEDULE_CONSTANT,
    LL_SCHEDULE_STEP,   /* times `factor` after each of `every` steps */
    LL_SCHEDULE_COSINE, /* half a cosine from 1 to `final` */
    LL_SCHEDULE_CURVE   /* [Gar18, Yang21]: 1 up to half, linear to 0.01 at 90 %, 0.01 to the end */
} ll_schedule_kind;

typedef struct ll_schedule {
    ll_schedule_kind kind;
    int64_t every;   /* step: steps between changes */
    double factor;   /* step: 0.1 when 0 */
    double final;    /* cosine: last multiple of the rate */
    int64_t warm_up; /* steps of linear rise from 1/warm_up to 1, before and outside the rest */
} ll_schedule;

/* The multiple of the learning rate for step 0 .. total - 1. */
LL_API double ll_schedule_factor(const ll_schedule *schedule, int64_t step, int64_t total);

/* ---------------------------------------------------------------- training */

typedef struct ll_training_options { /* zero-initialise; 0 or NULL means the default */
    ll_optimiser_options optimiser;
    ll_schedule schedule;
    const char *role;            /* samples to train on: "fit"; all of a term that has no such role */
    const char *evaluate_role;   /* samples to evaluate after an epoch; NULL: none */
    int64_t batch_size;          /* of the first term; the others in proportion. 0: everything is one batch */
    int64_t epochs;              /* 10; with one batch an epoch is a step */
    int64_t evaluate_every;      /* epochs; 1 */
    int64_t checkpoint_every;    /* epochs; 1 */
    int64_t checkpoint_steps;    /* inside an epoch too, after so many steps; 0: only when asked to stop */
    int64_t trajectory_every;    /* epochs; 0: no trajectory. The start is its first entry */
    uint64_t seed;               /* order of the batches, dropout */
    const void *theta, *buffers; /* start; NULL: the Problem's origin */
    /* Called before the first step of an epoch and again when one is continued (fresh augmentation, keyed by the
     * epoch's number from 0); NULL: nothing. A failure ends the run. */
    ll_status (*before_epoch)(void *context, int64_t epoch, ll_error *error);
    void *before_epoch_context;
} ll_training_options;

/* Trains. The order of an epoch's samples is a permutation keyed by (seed, term, epoch); the last batch may
 * be smaller. Training mode where the Problem has it, else evaluation mode. Pieces: "epoch/<e>" (a safetensors file: state after
 * e epochs), "inside" (state inside an epoch), "trajectory/<e>". Progress: after a step its number and loss; after
 * an evaluation the first metric (or the loss). Record "training": theta, buffers, reason ("complete", "gradient below
 * tolerance", "change below tolerance", "stalled", "diverged"), epochs, steps, evaluations, loss [epochs]
 * (mean over the steps), last_loss, gradient_norm [epochs] (of the last step), evaluated_epochs,
 * evaluation_loss and evaluation_metrics [.., metrics] (where asked for), trajectory [T, n] and
 * trajectory_epochs [T] (where asked for). A diverged run keeps the parameters before the first step that was
 * not finite, and says at which step. */
LL_API ll_status ll_training_run(ll_problem *problem, const ll_training_options *options, const ll_sink *sink,
                                 ll_record **record, ll_error *error) LL_MUST_CHECK;
/* `members` runs (1 to 4096) at the same time on one Problem, each with options of its own (another start, another seed),
 * on all samples (batch_size 0; no roles, no call before epochs). Evaluations that wait at the same time are one
 * request with a point each, so small networks fill every core; a run's bits are those of ll_training_run alone. Pieces
 * of run i: "<i>/" and the piece's name. records: [members], the caller destroys each. A thread a run while it lasts;
 * the sink is called by one thread at a time, the Problem likewise. The first run that fails stops the others. */
LL_API ll_status ll_training_run_together(ll_problem *problem, const ll_training_options *options,
                                          int64_t members, const ll_sink *sink, ll_record **records,
                                          ll_error *error) LL_MUST_CHECK;
/* Bytes beyond the Problem's own. */
LL_API ll_status ll_training_memory(ll_problem *problem, const ll_training_options *options, size_t *bytes,
                                    ll_error *error) LL_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
