/* The optimiser's state: one block of vectors and a few scalars, so that saving it is copying bytes. */
#ifndef LOSSLENS_SRC_TRAINING_OPTIMISER_INTERNAL_H
#define LOSSLENS_SRC_TRAINING_OPTIMISER_INTERNAL_H

#include "losslens/problem_vectors.h"
#include "losslens/training.h"

/* Everything that a continued run needs besides the vectors. */
typedef struct optimiser_scalars {
    int64_t steps;
    int64_t held, newest; /* L-BFGS: pairs in the history, slot of the newest */
    int64_t known;        /* loss and gradient at theta are known */
    double loss, scale;   /* scale: H_0 = scale I */
} optimiser_scalars;

struct ll_optimiser {
    ll_optimiser_options options;
    ll_real type;
    int64_t n;
    ll_parameter *parameters; /* NULL: all decay */
    int64_t parameter_count;
    optimiser_scalars scalars;
    unsigned char *vectors; /* state vectors first, then scratch */
    int64_t state_vectors, all_vectors;
    double *rho; /* history */
};

static inline void *optimiser_vector(const ll_optimiser *o, int64_t i)
{
    return o->vectors + (size_t)i * (size_t)o->n * ll_real_bytes(o->type);
}

/* The state besides the vectors: scalars and the history's products, as bytes. Reading checks the counters. */
size_t optimiser_head_bytes(const ll_optimiser *o);
void optimiser_write_head(const ll_optimiser *o, unsigned char *bytes);
ll_status optimiser_read_head(ll_optimiser *o, const unsigned char *bytes, ll_error *error);

ll_status lbfgs_iterate(ll_optimiser *o, double rate, const ll_objective *objective, void *theta,
                        ll_step *step, ll_error *error);
/* Vectors of L-BFGS: gradient, then pairs s, y; behind them scratch. */
enum { LBFGS_GRADIENT = 0, LBFGS_PAIRS = 1, LBFGS_SCRATCH = 4 };

#endif
