/* What a request may ask for, and what a Problem's tables must fulfil. Every refusal names the field or the
 * missing capability. */
#include "problem/problem_internal.h"

#include <math.h>

static const char *const module = "problem";

static ll_status missing(const ll_problem *problem, const char *capability, const char *wanted,
                         ll_error *error)
{
    return ll_fail(error, LL_UNSUPPORTED, module, problem->info.name,
                   "it cannot compute %s (capability \"%s\" is missing)", wanted, capability);
}

static ll_status validate_where(const ll_problem *problem, const ll_request *request, ll_error *error)
{
    const char *place = problem->info.name;
    if (request->points < 1)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, place, "points is %lld, must be at least 1",
                       (long long)request->points);
    if (request->thetas != NULL) {
        if (request->origin != NULL || request->dimensions != 0)
            return ll_fail(error, LL_INVALID_ARGUMENT, module, place,
                           "both thetas and a slice (origin, dimensions) are given; give one");
        for (int64_t k = 0; k < request->points; k++)
            if (request->thetas[k] == NULL)
                return ll_fail(error, LL_INVALID_ARGUMENT, module, place, "thetas[%lld] is NULL",
                               (long long)k);
    } else {
        if (request->origin == NULL)
            return ll_fail(error, LL_INVALID_ARGUMENT, module, place, "neither thetas nor origin is given");
        if (request->dimensions < 0)
            return ll_fail(error, LL_INVALID_ARGUMENT, module, place, "dimensions is %d",
                           request->dimensions);
        if (request->dimensions > 0 && (request->directions == NULL || request->coefficients == NULL))
            return ll_fail(error, LL_INVALID_ARGUMENT, module, place,
                           "a slice of %d dimensions needs directions and coefficients", request->dimensions);
        for (int d = 0; d < request->dimensions; d++)
            if (request->directions[d] == NULL)
                return ll_fail(error, LL_INVALID_ARGUMENT, module, place, "directions[%d] is NULL", d);
        for (int64_t i = 0; i < request->points * request->dimensions; i++)
            if (!isfinite(request->coefficients[i]))
                return ll_fail(error, LL_INVALID_ARGUMENT, module, place, "coefficients[%lld] is not finite",
                               (long long)i);
    }
    if (problem->info.buffer_count == 0) return LL_OK;
    if (request->buffers == NULL) {
        if (problem->origin_buffers == NULL)
            return ll_fail(error, LL_INVALID_ARGUMENT, module, place,
                           "buffers is NULL and the problem has none of its own; %lld values are needed",
                           (long long)problem->info.buffer_count);
        return LL_OK;
    }
    int64_t sets = request->buffers_shared ? 1 : request->points;
    for (int64_t k = 0; k < sets; k++)
        if (request->buffers[k] == NULL)
            return ll_fail(error, LL_INVALID_ARGUMENT, module, place, "buffers[%lld] is NULL", (long long)k);
    return LL_OK;
}

static ll_status validate_samples(const ll_problem *problem, const ll_request *request, ll_error *error)
{
    if (request->samples == NULL) return LL_OK;
    for (int64_t t = 0; t < problem->info.terms; t++) {
        const ll_term *term = &problem->info.term[t];
        const ll_samples *list = &request->samples[t];
        if (list->indices == NULL) continue;
        if ((problem->info.capabilities & LL_CAN_SUBSETS) == 0)
            return missing(problem, "subsets", "the loss over a list of samples", error);
        if (list->count < 1)
            return ll_fail(error, LL_INVALID_ARGUMENT, module, problem->info.name,
                           "the sample list of term \"%s\" is empty", term->name);
        for (int64_t i = 0; i < list->count; i++)
            if (list->indices[i] < 0 || list->indices[i] >= term->samples)
                return ll_fail(error, LL_INVALID_ARGUMENT, module, problem->info.name,
                               "sample %lld of term \"%s\" is number %lld; it has 0..%lld", (long long)i,
                               term->name, (long long)list->indices[i], (long long)(term->samples - 1));
    }
    return LL_OK;
}

static ll_status validate_list(const ll_problem *problem, const char *name, void *const *list, int64_t count,
                               ll_error *error)
{
    for (int64_t i = 0; i < count; i++)
        if (list[i] == NULL)
            return ll_fail(error, LL_INVALID_ARGUMENT, module, problem->info.name, "%s[%lld] is NULL", name,
                           (long long)i);
    return LL_OK;
}

static ll_status validate_mode(const ll_problem *problem, const ll_request *request, ll_error *error)
{
    const char *place = problem->info.name;
    unsigned can = problem->info.capabilities;
    switch (request->mode) {
    case LL_MODE_EVALUATION:
        if (request->buffers_out != NULL)
            return ll_fail(error, LL_INVALID_ARGUMENT, module, place,
                           "buffers_out is wanted in evaluation mode, which leaves buffers as they are");
        return LL_OK;
    case LL_MODE_TRAINING:
        if ((can & LL_CAN_TRAINING_MODE) == 0)
            return missing(problem, "training mode", "statistics of the batch", error);
        break;
    case LL_MODE_CALIBRATION:
        if ((can & LL_CAN_CALIBRATE) == 0)
            return missing(problem, "calibrate", "re-estimated buffers", error);
        if (request->batch_size < 1)
            return ll_fail(error, LL_INVALID_ARGUMENT, module, place,
                           "batch_size is %lld; calibration needs at least 1",
                           (long long)request->batch_size);
        if (request->buffers_out == NULL)
            return ll_fail(error, LL_INVALID_ARGUMENT, module, place, "calibration without buffers_out");
        if (request->loss != NULL || request->terms != NULL || request->metrics != NULL ||
            request->gradients != NULL || request->product_count != 0 || request->feature_layers != 0)
            return ll_fail(error, LL_INVALID_ARGUMENT, module, place,
                           "calibration gives buffers_out alone; evaluate with them in a second request");
        break;
    default:
        return ll_fail(error, LL_INVALID_ARGUMENT, module, place, "mode %d does not exist",
                       (int)request->mode);
    }
    if (request->buffers_out != NULL && problem->info.buffer_count > 0)
        return validate_list(problem, "buffers_out", request->buffers_out, request->points, error);
    return LL_OK;
}

static ll_status validate_products(const ll_problem *problem, const ll_request *request, bool *emulated,
                                   ll_error *error)
{
    const char *place = problem->info.name;
    unsigned can = problem->info.capabilities;
    *emulated = false;
    if (request->product_count < 0)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, place, "product_count is %lld",
                       (long long)request->product_count);
    if (request->product_count == 0) return LL_OK;
    if (request->vectors == NULL || request->products == NULL)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, place, "%lld products are wanted but %s is NULL",
                       (long long)request->product_count, request->vectors == NULL ? "vectors" : "products");
    for (int64_t v = 0; v < request->product_count; v++)
        if (request->vectors[v] == NULL)
            return ll_fail(error, LL_INVALID_ARGUMENT, module, place, "vectors[%lld] is NULL", (long long)v);
    LL_TRY(validate_list(problem, "products", request->products, request->points * request->product_count,
                         error));
    if (request->product == LL_PRODUCT_GGN) {
        if ((can & LL_CAN_GGN) == 0)
            return missing(problem, "ggn", "Gauss-Newton products (gradients alone cannot give them)", error);
    } else if (request->product == LL_PRODUCT_HESSIAN) {
        if ((can & LL_CAN_HESSIAN) == 0) {
            if (!request->allow_emulation)
                return missing(problem, "hessian",
                               "Hessian products; allow_emulation would take differences of gradients",
                               error);
            if ((can & LL_CAN_GRADIENT) == 0)
                return missing(problem, "gradient", "Hessian products, nor gradients to take differences of",
                               error);
            *emulated = true;
        }
    } else
        return ll_fail(error, LL_INVALID_ARGUMENT, module, place, "product operator %d does not exist",
                       (int)request->product);
    return LL_OK;
}

static ll_status validate_features(const ll_problem *problem, const ll_request *request, ll_error *error)
{
    const char *place = problem->info.name;
    if (request->feature_layers < 0)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, place, "feature_layers is %lld",
                       (long long)request->feature_layers);
    if (request->feature_layers == 0) return LL_OK;
    if ((problem->info.capabilities & LL_CAN_FEATURES) == 0)
        return missing(problem, "features", "features of layers", error);
    if (request->feature_layer == NULL || request->features == NULL)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, place, "features are wanted but %s is NULL",
                       request->feature_layer == NULL ? "feature_layer" : "features");
    for (int64_t f = 0; f < request->feature_layers; f++) {
        int64_t layer = request->feature_layer[f];
        if (layer < 0 || layer >= problem->info.layers + (problem->info.output_width > 0))
            return ll_fail(error, LL_INVALID_ARGUMENT, module, place,
                           "feature_layer[%lld] is %lld; there are %lld layers", (long long)f,
                           (long long)layer, (long long)problem->info.layers);
        if (f > 0 && layer <= request->feature_layer[f - 1])
            return ll_fail(error, LL_INVALID_ARGUMENT, module, place,
                           "feature_layer must ascend; entry %lld does not", (long long)f);
    }
    return validate_list(problem, "features", request->features, request->points * request->feature_layers,
                         error);
}

ll_status problem_validate(const ll_problem *problem, const ll_request *request, bool *emulated,
                           ll_error *error)
{
    if (problem == NULL || request == NULL)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, NULL, "%s is NULL",
                       problem == NULL ? "problem" : "request");
    unsigned can = problem->info.capabilities;
    LL_TRY(validate_where(problem, request, error));
    LL_TRY(validate_samples(problem, request, error));
    LL_TRY(validate_mode(problem, request, error));
    LL_TRY(validate_products(problem, request, emulated, error));
    LL_TRY(validate_features(problem, request, error));
    if (request->gradients != NULL) {
        if ((can & LL_CAN_GRADIENT) == 0) return missing(problem, "gradient", "gradients", error);
        LL_TRY(validate_list(problem, "gradients", request->gradients, request->points, error));
    }
    if (request->metrics != NULL && (can & LL_CAN_METRICS) == 0)
        return missing(problem, "metrics", "metrics", error);
    if (request->loss == NULL && request->terms == NULL && request->metrics == NULL &&
        request->gradients == NULL && request->buffers_out == NULL && request->product_count == 0 &&
        request->feature_layers == 0)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, problem->info.name, "the request wants nothing");
    return LL_OK;
}

void problem_make_explicit(const ll_problem *problem, const ll_request *request, ll_samples *lists,
                           ll_request *explicit_request)
{
    *explicit_request = *request;
    if (problem->info.buffer_count == 0) {
        explicit_request->buffers = NULL;
        explicit_request->buffers_out = NULL;
        explicit_request->buffers_shared = false;
    } else if (request->buffers == NULL) {
        explicit_request->buffers = (const void *const *)&problem->origin_buffers;
        explicit_request->buffers_shared = true;
    }
    if ((problem->info.capabilities & LL_CAN_SUBSETS) == 0) {
        explicit_request->samples = NULL;
        return;
    }
    for (int64_t t = 0; t < problem->info.terms; t++)
        lists[t] = request->samples != NULL && request->samples[t].indices != NULL ? request->samples[t]
                                                                                   : problem->everything[t];
    explicit_request->samples = lists;
}
