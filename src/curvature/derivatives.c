/* Checks of a Problem's own derivatives by differences, and the report on negative curvature. */
#include "curvature/curvature_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const module = "curvature";

enum { STEPS = 12 }; /* 2^-2, 2^-4 .. 2^-24, relative to |theta| */

typedef struct checker {
    ll_problem *problem;
    const ll_problem_info *info;
    const ll_curvature_target *target;
    const void *theta;
    ll_real type;
    int64_t n;
    unsigned char *vectors; /* direction, other, product, other product, four gradients, gradient, scratch */
} checker;

enum { DIRECTION, OTHER, PRODUCT, OTHER_PRODUCT, SIDES, GRADIENT = SIDES + 4, SCRATCH, VECTORS };

static void *at(const checker *c, int i)
{
    return c->vectors + (size_t)i * (size_t)c->n * ll_real_bytes(c->type);
}

static ll_request request_at(const checker *c, const void *const *thetas, int64_t points)
{
    return (ll_request){.points = points,
                        .thetas = thetas,
                        .buffers = c->target->buffers == NULL ? NULL : &c->target->buffers,
                        .buffers_shared = true,
                        .samples = c->target->samples};
}

static const double multiples[4] = {-2, -1, 1, 2}, stencil[4] = {1.0 / 12, -8.0 / 12, 8.0 / 12, -1.0 / 12};

/* 4-point differences along DIRECTION with step h: of the loss (gradients NULL) or of gradients. */
static ll_status sides(checker *c, double h, double *losses, bool gradients, ll_error *error)
{
    const void *direction = at(c, DIRECTION);
    double coefficients[4];
    void *outputs[4];
    for (int i = 0; i < 4; i++) {
        coefficients[i] = multiples[i] * h;
        outputs[i] = at(c, SIDES + i);
    }
    ll_request request = request_at(c, NULL, 4);
    request.origin = c->theta;
    request.dimensions = 1;
    request.directions = &direction;
    request.coefficients = coefficients;
    request.loss = losses;
    if (gradients) request.gradients = outputs;
    return ll_problem_evaluate(c->problem, &request, error);
}

static double relative(double difference, double size) { return size > 0 ? difference / size : difference; }

/* Smallest error over steps, for the gradient along DIRECTION (product false) or the product with it. */
static ll_status best_step(checker *c, bool product, double slope, double *best, double *step,
                           ll_error *error)
{
    double scale = 1.0 + ll_vector_norm(c->type, c->n, c->theta);
    double size = product ? ll_vector_norm(c->type, c->n, at(c, PRODUCT)) : fabs(slope);
    *best = INFINITY;
    for (int k = 0; k < STEPS; k++) {
        double h = ldexp(scale, -2 - 2 * k), losses[4], wrong = 0;
        LL_TRY(sides(c, h, losses, product, error));
        if (!product) {
            double difference = 0;
            for (int i = 0; i < 4; i++) difference += stencil[i] * losses[i] / h;
            wrong = relative(fabs(difference - slope), size);
        } else {
            double factors[4];
            const void *sides_at[4];
            for (int i = 0; i < 4; i++) {
                factors[i] = -stencil[i] / h;
                sides_at[i] = at(c, SIDES + i);
            }
            ll_vector_combine(c->type, c->n, at(c, PRODUCT), 4, sides_at, factors, at(c, SCRATCH));
            wrong = relative(ll_vector_norm(c->type, c->n, at(c, SCRATCH)), size);
        }
        if (wrong < *best) {
            *best = wrong;
            *step = h;
        }
    }
    return LL_OK;
}

static void draw(checker *c, uint64_t seed, const char *purpose, int64_t number, void *v)
{
    char name[32];
    snprintf(name, sizeof name, "%lld", (long long)number);
    ll_rng rng = ll_rng_make(seed, purpose, name);
    for (int64_t i = 0; i < c->n; i++) {
        double x = ll_rng_normal(rng, (uint64_t)i);
        if (c->type == LL_REAL_FLOAT32) ((float *)v)[i] = (float)x;
        else ((double *)v)[i] = x;
    }
    ll_vector_scale(c->type, c->n, 1.0 / ll_vector_norm(c->type, c->n, v), v);
}

typedef struct findings {
    double gradient_error, product_error, symmetry_error, gradient_step, product_step;
    bool same_bits, finite;
} findings;

static ll_status check_products(checker *c, const ll_derivative_options *o, int64_t number, findings *f,
                                ll_error *error)
{
    draw(c, o->seed, "derivatives, other", number, at(c, OTHER));
    const void *vectors[2] = {at(c, DIRECTION), at(c, OTHER)};
    void *products[2] = {at(c, PRODUCT), at(c, OTHER_PRODUCT)};
    ll_request request = request_at(c, &c->theta, 1);
    request.product = LL_PRODUCT_HESSIAN;
    request.product_count = 2;
    request.vectors = vectors;
    request.products = products;
    LL_TRY(ll_problem_evaluate(c->problem, &request, error));
    double left = ll_vector_dot(c->type, c->n, vectors[1], products[0]);
    double right = ll_vector_dot(c->type, c->n, vectors[0], products[1]);
    double size = ll_vector_norm(c->type, c->n, products[0]) + ll_vector_norm(c->type, c->n, products[1]);
    f->symmetry_error = fmax(f->symmetry_error, relative(fabs(left - right), size));
    double wrong = 0, step = 0;
    LL_TRY(best_step(c, true, 0, &wrong, &step, error));
    if (wrong >= f->product_error) {
        f->product_error = wrong;
        f->product_step = step;
    }
    return LL_OK;
}

static ll_status check_all(checker *c, const ll_derivative_options *o, findings *f, ll_error *error)
{
    double loss[2] = {0, 0};
    void *gradient = at(c, GRADIENT), *again = at(c, SCRATCH);
    for (int i = 0; i < 2; i++) {
        ll_request request = request_at(c, &c->theta, 1);
        request.loss = &loss[i];
        request.gradients = i == 0 ? &gradient : &again;
        LL_TRY(ll_problem_evaluate(c->problem, &request, error));
    }
    f->same_bits = memcmp(&loss[0], &loss[1], sizeof loss[0]) == 0 &&
                   memcmp(gradient, again, (size_t)c->n * ll_real_bytes(c->type)) == 0;
    double length = ll_vector_norm(c->type, c->n, gradient);
    f->finite = isfinite(loss[0]) && isfinite(length);
    if (!f->finite) return LL_OK;
    bool products = (c->info->capabilities & LL_CAN_HESSIAN) != 0;
    if (!products) f->product_error = f->symmetry_error = f->product_step = NAN;
    /* Along the gradient itself the slope is |g|, no cancellation; random directions see every parameter.
     * Errors along a random direction are relative to |g|, since the slope there may vanish. */
    for (int64_t d = -1; d < o->directions; d++) {
        if (d < 0 && length == 0) continue;
        if (d < 0) {
            ll_vector_copy(c->type, c->n, gradient, at(c, DIRECTION));
            ll_vector_scale(c->type, c->n, 1.0 / length, at(c, DIRECTION));
        } else draw(c, o->seed, "derivatives", d, at(c, DIRECTION));
        double slope = ll_vector_dot(c->type, c->n, gradient, at(c, DIRECTION)), wrong = 0, step = 0;
        LL_TRY(best_step(c, false, slope, &wrong, &step, error));
        /* relative to the typical slope |g| / sqrt n at least */
        double typical = length / sqrt((double)c->n);
        if (fabs(slope) > 0 && fabs(slope) < typical) wrong *= fabs(slope) / typical;
        if (wrong >= f->gradient_error) {
            f->gradient_error = wrong;
            f->gradient_step = step;
        }
        if (products) LL_TRY(check_products(c, o, d, f, error));
    }
    return LL_OK;
}

static ll_status fill_check(const checker *c, const findings *f, ll_record *record, ll_error *error)
{
    bool narrow = c->type == LL_REAL_FLOAT32;
    double gradient_limit = narrow ? 2e-2 : 1e-6, product_limit = gradient_limit,
           symmetry_limit = narrow ? 1e-3 : 1e-9;
    bool gradient_good = f->gradient_error <= gradient_limit;
    bool product_good = isnan(f->product_error) || f->product_error <= product_limit;
    bool symmetric = isnan(f->symmetry_error) || f->symmetry_error <= symmetry_limit;
    const char *verdict =
        !f->finite                ? "the loss or its gradient is not finite here"
        : !f->same_bits           ? "the same request gave different results: something random is left inside"
        : !gradient_good          ? "the gradient is not the derivative of the loss"
        : !product_good           ? "the Hessian product is not the derivative of the gradient"
        : !symmetric              ? "the Hessian product is not symmetric"
        : isnan(f->product_error) ? "the gradient agrees with differences; there are no Hessian products"
                                  : "gradient and Hessian products agree with differences";
    LL_TRY(ll_record_set_text(record, "problem", c->info->name, error));
    LL_TRY(ll_record_set_text(record, "type", narrow ? "float32" : "float64", error));
    LL_TRY(ll_record_set_real(record, "gradient_error", "", f->finite ? f->gradient_error : NAN, error));
    LL_TRY(ll_record_set_real(record, "gradient_limit", "", gradient_limit, error));
    LL_TRY(ll_record_set_real(record, "gradient_step", "", f->gradient_step, error));
    LL_TRY(ll_record_set_real(record, "product_error", "", f->finite ? f->product_error : NAN, error));
    LL_TRY(ll_record_set_real(record, "product_limit", "", product_limit, error));
    LL_TRY(ll_record_set_real(record, "product_step", "", f->product_step, error));
    LL_TRY(ll_record_set_real(record, "symmetry_error", "", f->finite ? f->symmetry_error : NAN, error));
    LL_TRY(ll_record_set_real(record, "symmetry_limit", "", symmetry_limit, error));
    LL_TRY(ll_record_set_integer(record, "same_bits", "", f->same_bits, error));
    LL_TRY(ll_record_set_text(record, "verdict", verdict, error));
    return ll_record_set_integer(
        record, "passed", "", f->finite && f->same_bits && gradient_good && product_good && symmetric, error);
}

ll_status ll_curvature_check(const ll_curvature_target *target, const ll_derivative_options *options,
                             ll_record **record, ll_error *error)
{
    if (target == NULL || target->problem == NULL)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, NULL, "no problem is given");
    ll_derivative_options o = options != NULL ? *options : (ll_derivative_options){0};
    o.directions = option_or(o.directions, 3);
    const ll_problem_info *info = ll_problem_view(target->problem);
    checker c = {.problem = target->problem,
                 .info = info,
                 .target = target,
                 .theta = target->theta != NULL ? target->theta : ll_problem_origin(target->problem),
                 .type = info->type,
                 .n = info->parameter_count};
    if (c.theta == NULL)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, info->name,
                       "no theta is given and the problem has no origin");
    if (o.directions < 1)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, info->name, "directions %lld",
                       (long long)o.directions);
    findings f = {0};
    c.vectors = ll_allocate_array(VECTORS * c.n, ll_real_bytes(c.type));
    ll_record *made = ll_record_create("derivatives");
    ll_status status = c.vectors == NULL || made == NULL
                           ? ll_fail_memory(error, module, (size_t)(VECTORS * c.n) * ll_real_bytes(c.type))
                           : check_all(&c, &o, &f, error);
    if (status == LL_OK) status = fill_check(&c, &f, made, error);
    ll_free(c.vectors);
    if (status != LL_OK) {
        ll_record_destroy(made);
        return status;
    }
    *record = made;
    return LL_OK;
}

/* ---------------------------------------------------------------- negative curvature */

static ll_status report_negative(curvature_operator *op, const ll_record *pairs, int64_t count, double radius,
                                 ll_record *record, ll_error *error)
{
    enum { RADII = 6 };
    static const double fraction[RADII] = {-1, -0.1, -0.01, 0.01, 0.1, 1};
    const ll_array *values = NULL, *residuals = NULL, *vectors = NULL;
    LL_TRY(ll_record_get_array(pairs, "eigenvalues", &values, error));
    LL_TRY(ll_record_get_array(pairs, "residuals", &residuals, error));
    double floor_value = 0, size = ll_vector_norm(op->type, op->info->parameter_count, op->theta);
    LL_TRY(ll_record_get_real(pairs, "residual_floor", &floor_value, error));
    double lowest = ll_array_get(values, count), highest = ll_array_get(values, 0);
    LL_TRY(
        ll_record_set_real(record, "ratio", "", fabs(fmin(lowest, 0)) / fmax(fabs(highest), 1e-300), error));
    int64_t negative = 0;
    for (int64_t i = 0; i < count; i++) {
        double value = ll_array_get(values, count + i);
        negative += value + ll_array_get(residuals, count + i) * fmax(fabs(value), floor_value) < 0;
    }
    LL_TRY(ll_record_set_integer(record, "negative_count", "", negative, error));
    if (ll_record_find(pairs, "eigenvectors") == NULL) return LL_OK;
    LL_TRY(ll_record_get_array(pairs, "eigenvectors", &vectors, error));
    double radii[RADII], *losses = ll_allocate_array(count * RADII, sizeof *losses);
    if (losses == NULL) return ll_fail_memory(error, module, (size_t)(count * RADII) * sizeof *losses);
    for (int i = 0; i < RADII; i++) radii[i] = fraction[i] * radius * (size > 0 ? size : 1.0);
    ll_status status = LL_OK;
    for (int64_t i = 0; status == LL_OK && i < count; i++)
        status = curvature_losses_along(op, ll_vector_at(op->type, vectors->data, (count + i) * op->n), RADII,
                                        radii, losses + i * RADII, error);
    if (status == LL_OK) status = ll_record_set_reals(record, "radii", "", radii, RADII, error);
    ll_array array = {.type = LL_ARRAY_FLOAT64, .rank = 2, .shape = {count, RADII}, .data = losses};
    if (status == LL_OK) status = ll_record_set_array(record, "loss_along", "loss", &array, error);
    /* Slope and loss here from the two innermost points: central difference and mean. */
    for (int64_t i = 0; i < count; i++)
        losses[i] = (losses[i * RADII + 3] - losses[i * RADII + 2]) / (radii[3] - radii[2]);
    if (status == LL_OK) status = ll_record_set_reals(record, "slope", "", losses, count, error);
    ll_free(losses);
    return status;
}

ll_status ll_curvature_negative(const ll_curvature_target *target, const ll_eigen_options *options,
                                double radius, const ll_sink *sink, ll_record **record, ll_error *error)
{
    ll_eigen_options o = options != NULL ? *options : (ll_eigen_options){0};
    o.end = LL_EIGEN_BOTH;
    o.count = option_or(o.count, 3);
    if (radius == 0) radius = 0.01;
    ll_record *pairs = NULL, *made = NULL;
    LL_TRY(ll_curvature_eigenpairs(target, &o, sink, &pairs, error));
    curvature_operator op;
    ll_status status = curvature_operator_init(&op, target, 1, error);
    if (status == LL_OK) {
        made = ll_record_create("negative_curvature");
        status = made == NULL ? ll_fail_memory(error, module, 0) : LL_OK;
        static const char *const carried[] = {"eigenvalues", "residuals", "eigenvectors"};
        if (status == LL_OK) status = curvature_describe(&op, made, error);
        for (int i = 0; status == LL_OK && i < 3; i++) {
            const ll_field *field = ll_record_find(pairs, carried[i]);
            if (field != NULL) status = ll_record_set_array(made, carried[i], "", &field->array, error);
        }
        const char *reason = "";
        int64_t products = 0;
        if (status == LL_OK) status = ll_record_get_text(pairs, "reason", &reason, error);
        if (status == LL_OK) status = ll_record_set_text(made, "reason", reason, error);
        if (status == LL_OK) status = ll_record_get_integer(pairs, "products", &products, error);
        if (status == LL_OK) status = ll_record_set_integer(made, "products", "products", products, error);
        if (status == LL_OK) status = report_negative(&op, pairs, o.count, radius, made, error);
        curvature_operator_deinit(&op);
    }
    ll_record_destroy(pairs);
    if (status != LL_OK) {
        ll_record_destroy(made);
        return status;
    }
    *record = made;
    return LL_OK;
}
