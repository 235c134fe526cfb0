#include "support_toy.h"

#include "losslens/problem_vectors.h"

#include <math.h>
#include <stdlib.h>

static double target_of(int64_t sample, int64_t j) { return 0.3 * cos((double)(sample * 7 + j)); }

static double sample_loss(const double *theta, const double *buffers, int64_t sample)
{
    double sum = 0.0, mean = 0.0;
    for (int64_t j = 0; j < TOY_PARAMETERS; j++) {
        double off = theta[j] - target_of(sample, j);
        sum += 0.5 * off * off;
        mean += theta[j] / TOY_PARAMETERS;
    }
    double shift = buffers[0] - mean;
    return sum + shift * shift / buffers[1];
}

double toy_loss(const double *theta, const double *buffers, const int64_t *indices, int64_t count)
{
    double sum = 0.0;
    for (int64_t i = 0; i < count; i++) sum += sample_loss(theta, buffers, indices[i]);
    return sum / (double)count;
}

void toy_calibrate(const double *theta, const int64_t *indices, int64_t count, double *buffers)
{
    double mean = 0.0, square = 0.0;
    for (int64_t i = 0; i < count; i++) {
        double activation = theta[0] + target_of(indices[i], 0);
        mean += activation / (double)count;
        square += activation * activation / (double)count;
    }
    buffers[0] = mean;
    buffers[1] = 1.0 + square;
}

static ll_status evaluate(void *context, const ll_request *request, ll_error *error)
{
    toy *state = context;
    (void)error;
    static const double fallback[TOY_BUFFERS] = {0.5, 2.0};
    for (int64_t k = 0; k < request->points; k++) {
        const double *theta = request->thetas[k];
        const double *buffers =
            request->buffers != NULL ? request->buffers[request->buffers_shared ? 0 : k] : fallback;
        const int64_t *indices = request->samples[0].indices;
        int64_t count = request->samples[0].count;
        double batch[TOY_BUFFERS];
        if (request->mode != LL_MODE_EVALUATION) {
            toy_calibrate(theta, indices, count, batch);
            if (request->buffers_out != NULL)
                ll_vector_copy(LL_REAL_FLOAT64, TOY_BUFFERS, batch, request->buffers_out[k]);
            if (request->mode == LL_MODE_CALIBRATION) continue;
            buffers = batch;
        }
        state->evaluations++;
        double loss = toy_loss(theta, buffers, indices, count);
        if (theta[0] > state->nan_beyond) loss = (double)NAN;
        if (state->zero_loss != 0.0) loss = 0.0;
        if (request->loss != NULL) request->loss[k] = loss;
        if (request->terms != NULL) request->terms[k] = loss;
        if (request->metrics != NULL) request->metrics[k] = theta[0];
        if (request->gradients != NULL) {
            double *gradient = request->gradients[k], mean = 0.0;
            for (int64_t j = 0; j < TOY_PARAMETERS; j++) mean += theta[j] / TOY_PARAMETERS;
            for (int64_t j = 0; j < TOY_PARAMETERS; j++) {
                double sum = 0.0;
                for (int64_t i = 0; i < count; i++) sum += theta[j] - target_of(indices[i], j);
                gradient[j] = sum / (double)count - 2.0 * (buffers[0] - mean) / (buffers[1] * TOY_PARAMETERS);
            }
        }
    }
    return LL_OK;
}

ll_problem *toy_create(toy *state, const char *const *names)
{
    const ll_parameter parameters[] = {
        {.name = names ? names[0] : "conv.weight",
         .rank = 4,
         .shape = {3, 2, 2, 2},
         .offset = 0,
         .count = 24,
         .output_axis = 0,
         .role = LL_ROLE_FILTER,
         .decays = true},
        {.name = names ? names[1] : "fc.weight",
         .rank = 2,
         .shape = {3, 4},
         .offset = 24,
         .count = 12,
         .output_axis = 1,
         .role = LL_ROLE_LINEAR,
         .decays = true},
        {.name = names ? names[2] : "fc.bias",
         .rank = 1,
         .shape = {4},
         .offset = 36,
         .count = 4,
         .output_axis = -1,
         .role = LL_ROLE_BIAS,
         .decays = true},
        {.name = names ? names[3] : "norm.weight",
         .rank = 1,
         .shape = {3},
         .offset = 40,
         .count = 3,
         .output_axis = -1,
         .role = LL_ROLE_NORM,
         .decays = true},
    };
    const ll_buffer_entry buffers[] = {{.name = "running", .offset = 0, .count = TOY_BUFFERS}};
    const ll_term terms[] = {{.name = "Squared Error", .weight = 1.0, .samples = TOY_SAMPLES}};
    const ll_metric metrics[] = {{.name = "first", .unit = "", .higher_is_better = false}};
    const ll_problem_info info = {.name = "toy",
                                  .type = LL_REAL_FLOAT64,
                                  .parameter_count = TOY_PARAMETERS,
                                  .buffer_count = TOY_BUFFERS,
                                  .parameters = 4,
                                  .buffers = 1,
                                  .terms = 1,
                                  .metrics = 1,
                                  .parameter = parameters,
                                  .buffer = buffers,
                                  .term = terms,
                                  .metric = metrics,
                                  .capabilities = LL_CAN_GRADIENT | LL_CAN_METRICS | LL_CAN_TRAINING_MODE |
                                                  LL_CAN_CALIBRATE | LL_CAN_SUBSETS};
    double origin[TOY_PARAMETERS];
    for (int j = 0; j < TOY_PARAMETERS; j++) origin[j] = sin(j + 1.0);
    const double own[TOY_BUFFERS] = {0.5, 2.0};
    int64_t indices[TOY_SAMPLES];
    for (int i = 0; i < TOY_SAMPLES; i++) indices[i] = i;
    const ll_role_samples roles[] = {{"calibrate", 0, indices, 10}, {"evaluate", 0, indices + 10, 30}};
    const ll_problem_callbacks callbacks = {.evaluate = evaluate};
    *state = (toy){.nan_beyond = INFINITY};
    ll_problem *problem = NULL;
    ll_error error = {0};
    if (ll_problem_create_callback(&info, origin, own, roles, 2, &callbacks, state, &problem, &error) !=
        LL_OK)
        abort();
    return problem;
}
