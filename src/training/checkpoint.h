/* checkpoint.h - the state of a run as a safetensors file: "model.<name>" for each parameter and buffer, so
 * that it is also a checkpoint of the network; "optimiser.scalars", "optimiser.vectors" [k, n] (SGD:
 * momentum, 0; Adam: first and second moment; L-BFGS: gradient, then pairs of step and change); "training.*",
 * what the record tells of the epochs done. */
#ifndef LOSSLENS_SRC_TRAINING_CHECKPOINT_H
#define LOSSLENS_SRC_TRAINING_CHECKPOINT_H

#include "losslens/problem.h"
#include "losslens/training.h"

enum { CHECKPOINT_COUNTERS = 8 };

typedef struct checkpoint {
    const ll_problem_info *info;
    ll_optimiser *optimiser; /* its state is left out once a run has ended */
    bool ended;
    int64_t counters[CHECKPOINT_COUNTERS], epochs; /* epochs: rows of the tables */
    double sums[2];
    void *theta, *buffers;
    double *loss, *gradient_norm, *evaluation; /* [epochs], [epochs], [epochs, 1 + metrics] */
} checkpoint;

ll_status checkpoint_encode(const checkpoint *state, ll_text *bytes, ll_error *error);
/* Fills counters and sums, so that the caller can judge them and set epochs and ended. */
ll_status checkpoint_read_head(const void *bytes, size_t size, checkpoint *state, ll_error *error);
/* Fills everything else; refuses what was made for another problem, and then nothing but vectors may have
 * been touched. */
ll_status checkpoint_read_rest(const void *bytes, size_t size, checkpoint *state, ll_error *error);

#endif
