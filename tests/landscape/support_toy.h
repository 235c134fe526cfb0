/* A small call-back problem with everything that a landscape has to deal with: tensors of every role, buffers
 * that calibration sets, sample lists, a metric, gradients; its loss has a closed form. */
#ifndef SUPPORT_TOY_H
#define SUPPORT_TOY_H

#include "losslens/problem.h"

enum { TOY_PARAMETERS = 24 + 12 + 4 + 3, TOY_BUFFERS = 2, TOY_SAMPLES = 40 };

typedef struct toy {
    int64_t evaluations; /* points evaluated so far */
    double nan_beyond;   /* loss is NaN where theta[0] exceeds it */
    double zero_loss;    /* 1: the loss is 0 everywhere */
} toy;

/* float64; origin theta_j = sin(j + 1); buffers 0.5, 2. Roles: calibrate 0..9, evaluate 10..39. */
ll_problem *toy_create(toy *state, const char *const *names);
/* The loss over samples, by the definition. */
double toy_loss(const double *theta, const double *buffers, const int64_t *indices, int64_t count);
/* What calibration gives at theta. */
void toy_calibrate(const double *theta, const int64_t *indices, int64_t count, double *buffers);

#endif
