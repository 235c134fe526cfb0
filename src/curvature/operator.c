/* The Hessian or Gauss-Newton matrix as an operator on vectors, whole or restricted to one tensor's diagonal
 * block (vectors are then padded with zeros outside it). */
#include "curvature/curvature_internal.h"

#include <math.h>
#include <string.h>

static const char *const module = "curvature";

static ll_status find_parameter(const ll_problem_info *info, const char *name, int64_t *offset,
                                int64_t *count, ll_error *error)
{
    for (int64_t p = 0; p < info->parameters; p++)
        if (strcmp(info->parameter[p].name, name) == 0) {
            *offset = info->parameter[p].offset;
            *count = info->parameter[p].count;
            return LL_OK;
        }
    const char **names = ll_allocate_array(info->parameters, sizeof *names);
    const char *nearest = NULL;
    for (int64_t p = 0; names != NULL && p < info->parameters; p++) names[p] = info->parameter[p].name;
    if (names != NULL) nearest = ll_nearest_word(name, names, info->parameters);
    ll_free(names);
    return ll_fail(error, LL_NOT_FOUND, module, info->name, "no parameter is called \"%s\"%s%s%s", name,
                   nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
                   nearest != NULL ? "\"?" : "");
}

static ll_request make_request(const curvature_operator *op, const ll_samples *samples,
                               const void *const *theta, int64_t count, const void *const *vectors,
                               void *const *products)
{
    return (ll_request){.points = 1,
                        .thetas = theta,
                        .buffers = op->target.buffers == NULL ? NULL : &op->target.buffers,
                        .buffers_shared = true,
                        .samples = samples != NULL ? samples : op->target.samples,
                        .mode = LL_MODE_EVALUATION,
                        .product = op->target.product,
                        .product_count = count,
                        .vectors = vectors,
                        .products = products,
                        .allow_emulation = op->target.allow_emulation};
}

static ll_status resolve(curvature_operator *op, const ll_curvature_target *target, int64_t block,
                         ll_error *error)
{
    if (target == NULL || target->problem == NULL)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, NULL, "no problem is given");
    const ll_problem_info *info = ll_problem_view(target->problem);
    *op = (curvature_operator){.problem = target->problem,
                               .info = info,
                               .target = *target,
                               .theta =
                                   target->theta != NULL ? target->theta : ll_problem_origin(target->problem),
                               .type = info->type,
                               .n = info->parameter_count,
                               .block = block};
    if (op->theta == NULL)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, info->name,
                       "no theta is given and the problem has no origin");
    if (target->parameter != NULL)
        LL_TRY(find_parameter(info, target->parameter, &op->offset, &op->n, error));
    /* The refusals of a product request, with stand-ins for vectors that are never read. */
    const void *vector = op->theta;
    unsigned char nowhere;
    void *product = &nowhere;
    ll_request request = make_request(op, NULL, &op->theta, 1, &vector, &product);
    return ll_problem_check(op->problem, &request, error);
}

ll_status curvature_operator_init(curvature_operator *op, const ll_curvature_target *target, int64_t block,
                                  ll_error *error)
{
    curvature_operator made;
    LL_TRY(resolve(&made, target, block, error));
    if (target->parameter != NULL) {
        size_t bytes = 0, one = (size_t)made.info->parameter_count * ll_real_bytes(made.type);
        if (!ll_multiply_size(one, (size_t)(2 * block), &bytes) ||
            (made.padded = ll_allocate_zeroed(bytes)) == NULL)
            return ll_fail_memory(error, module, bytes);
    }
    *op = made;
    return LL_OK;
}

void curvature_operator_deinit(curvature_operator *op) { ll_free(op->padded); }

/* One request of at most op->block vectors. */
static ll_status apply_block(curvature_operator *op, const ll_samples *samples, int64_t count,
                             const void *const *vectors, void *const *products, ll_error *error)
{
    const void *full_vectors[CURVATURE_MAX_BLOCK];
    void *full_products[CURVATURE_MAX_BLOCK];
    size_t one = (size_t)op->info->parameter_count * ll_real_bytes(op->type);
    for (int64_t i = 0; i < count; i++) {
        full_vectors[i] = vectors[i];
        full_products[i] = products[i];
        if (op->padded == NULL) continue;
        unsigned char *padded = op->padded + (size_t)(2 * i) * one;
        ll_vector_copy(op->type, op->n, vectors[i], ll_vector_at_mutable(op->type, padded, op->offset));
        full_vectors[i] = padded;
        full_products[i] = padded + one;
    }
    double step = 0, relative = 0;
    ll_request request = make_request(op, samples, &op->theta, count, full_vectors, full_products);
    request.emulated_step = &step;
    request.emulated_error = &relative;
    LL_TRY(ll_problem_evaluate(op->problem, &request, error));
    if (op->padded != NULL)
        for (int64_t i = 0; i < count; i++)
            ll_vector_copy(op->type, op->n, ll_vector_at(op->type, full_products[i], op->offset),
                           products[i]);
    if (step > op->emulated_step) op->emulated_step = step;
    if (!(relative <= op->emulated_error)) op->emulated_error = relative;
    op->products += count;
    return LL_OK;
}

ll_status curvature_operator_apply(curvature_operator *op, const ll_samples *samples, int64_t count,
                                   const void *const *vectors, void *const *products, ll_error *error)
{
    for (int64_t i = 0; i < count; i += op->block)
        LL_TRY(
            apply_block(op, samples, ll_min_int64(op->block, count - i), vectors + i, products + i, error));
    return LL_OK;
}

ll_status curvature_operator_memory(const ll_curvature_target *target, int64_t block, size_t *bytes,
                                    ll_error *error)
{
    curvature_operator op;
    LL_TRY(resolve(&op, target, block, error));
    const void *vectors[CURVATURE_MAX_BLOCK];
    void *products[CURVATURE_MAX_BLOCK];
    unsigned char nowhere;
    for (int64_t i = 0; i < block; i++) {
        vectors[i] = op.theta;
        products[i] = &nowhere;
    }
    ll_request request = make_request(&op, NULL, &op.theta, block, vectors, products);
    size_t inner = 0, padded = 0;
    LL_TRY(ll_problem_memory(op.problem, &request, &inner, error));
    if (target->parameter != NULL)
        padded = (size_t)(2 * block) * (size_t)op.info->parameter_count * ll_real_bytes(op.type);
    *bytes = inner + padded;
    return LL_OK;
}

ll_status curvature_describe(const curvature_operator *op, ll_record *record, ll_error *error)
{
    LL_TRY(ll_record_set_text(record, "problem", op->info->name, error));
    LL_TRY(ll_record_set_text(record, "operator", op->target.product == LL_PRODUCT_GGN ? "ggn" : "hessian",
                              error));
    LL_TRY(ll_record_set_text(record, "parameter", op->target.parameter != NULL ? op->target.parameter : "",
                              error));
    LL_TRY(ll_record_set_text(record, "batch_norm", "keep", error));
    LL_TRY(ll_record_set_integer(record, "length", "parameters", op->n, error));
    LL_TRY(ll_record_set_real(record, "weight_decay", "", op->info->weight_decay, error));
    int64_t samples = 0;
    for (int64_t t = 0; t < op->info->terms; t++)
        if (op->info->term[t].weight != 0) /* what is only reported has no curvature here */
            samples += op->target.samples != NULL && op->target.samples[t].indices != NULL
                           ? op->target.samples[t].count
                           : op->info->term[t].samples;
    LL_TRY(ll_record_set_integer(record, "samples", "samples", samples, error));
    LL_TRY(ll_record_set_real(record, "emulated_step", "", op->emulated_step, error));
    return ll_record_set_real(record, "emulated_error", "", op->emulated_error, error);
}

ll_status curvature_losses_along(curvature_operator *op, const void *direction, int64_t points,
                                 const double *coefficients, double *losses, ll_error *error)
{
    const void *full = direction;
    if (op->padded != NULL) {
        ll_vector_copy(op->type, op->n, direction, ll_vector_at_mutable(op->type, op->padded, op->offset));
        full = op->padded;
    }
    ll_request request = {.points = points,
                          .origin = op->theta,
                          .dimensions = 1,
                          .directions = &full,
                          .coefficients = coefficients,
                          .buffers = op->target.buffers == NULL ? NULL : &op->target.buffers,
                          .buffers_shared = true,
                          .samples = op->target.samples,
                          .loss = losses};
    return ll_problem_evaluate(op->problem, &request, error);
}

bool piece_take(piece_reader *reader, void *to, size_t count)
{
    if (reader->count - reader->offset < count) return false;
    memcpy(to, reader->bytes + reader->offset, count);
    reader->offset += count;
    return true;
}

/* ---------------------------------------------------------------- small dense eigenproblem */

static void rotate(int64_t m, double *a, double *v, int64_t p, int64_t q)
{
    double apq = a[p * m + q];
    if (apq == 0.0) return;
    double theta = (a[q * m + q] - a[p * m + p]) / (2.0 * apq);
    /* Smaller root of t^2 + 2 theta t - 1: the rotation by less than 45 degrees. For huge theta the square
     * overflows to infinity and t becomes 0, which is its limit. */
    double t = copysign(1.0, theta) / (fabs(theta) + sqrt(theta * theta + 1.0));
    double c = 1.0 / sqrt(t * t + 1.0), s = t * c;
    a[p * m + p] -= t * apq;
    a[q * m + q] += t * apq;
    a[p * m + q] = a[q * m + p] = 0.0;
    for (int64_t i = 0; i < m; i++) {
        if (i != p && i != q) {
            double aip = a[i * m + p], aiq = a[i * m + q];
            a[i * m + p] = a[p * m + i] = c * aip - s * aiq;
            a[i * m + q] = a[q * m + i] = s * aip + c * aiq;
        }
        double vip = v[i * m + p], viq = v[i * m + q];
        v[i * m + p] = c * vip - s * viq;
        v[i * m + q] = s * vip + c * viq;
    }
}

void curvature_dense_eigen(int64_t m, double *a, double *values, double *v)
{
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < m; j++) v[i * m + j] = i == j;
    double total = 0;
    for (int64_t i = 0; i < m * m; i++) total += a[i] * a[i];
    for (int sweep = 0; sweep < 60; sweep++) {
        double outside = 0;
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = i + 1; j < m; j++) outside += a[i * m + j] * a[i * m + j];
        /* Off-diagonal mass below the rounding of the diagonal; also leaves the loop on NaN. */
        if (!(outside > 1e-34 * total)) break;
        for (int64_t p = 0; p < m; p++)
            for (int64_t q = p + 1; q < m; q++) rotate(m, a, v, p, q);
    }
    for (int64_t i = 0; i < m; i++) values[i] = a[i * m + i];
    /* Insertion sort of the columns, ascending. */
    for (int64_t i = 1; i < m; i++)
        for (int64_t j = i; j > 0 && values[j] < values[j - 1]; j--) {
            double value = values[j];
            values[j] = values[j - 1];
            values[j - 1] = value;
            for (int64_t r = 0; r < m; r++) {
                double entry = v[r * m + j];
                v[r * m + j] = v[r * m + j - 1];
                v[r * m + j - 1] = entry;
            }
        }
}
