/* Closed-form test functions with exact gradients and Hessian products: the oracles of every analysis. Values
 * are computed in double whatever the Problem's type, so that float32 problems differ from float64 ones by
 * the rounding of theta and of the results alone. */
#include "losslens/problem_vectors.h"
#include "problem/problem_internal.h"

#include <math.h>
#include <string.h>

static const char *const module = "problem";
static const double two_pi = 6.283185307179586476925;

enum { REFLECTIONS = 8 };

typedef struct analytic {
    ll_analytic_kind kind;
    ll_real type;
    int64_t n;
    double *values;      /* n: spectrum (quadratic, two-well) */
    int64_t reflections; /* quadratic: Q = R_0 R_1 ... with R_j = I - 2 u_j u_j' */
    double *reflectors;  /* reflections x n, unit vectors */
    double *x, *v, *result, *rotated;
} analytic;

static double dot(int64_t n, const double *a, const double *b)
{
    return ll_vector_dot(LL_REAL_FLOAT64, n, a, b);
}

static void reflect(const analytic *a, int64_t j, double *x)
{
    const double *u = a->reflectors + j * a->n;
    ll_vector_add(LL_REAL_FLOAT64, a->n, -2.0 * dot(a->n, u, x), u, x);
}

/* x <- Q' x: R_0 acts first. */
static void rotate_in(const analytic *a, double *x)
{
    for (int64_t j = 0; j < a->reflections; j++) reflect(a, j, x);
}

static void rotate_out(const analytic *a, double *x)
{
    for (int64_t j = a->reflections - 1; j >= 0; j--) reflect(a, j, x);
}

/* result = Q diag(values) Q' x; returns x' result / 2. */
static double quadratic_product(const analytic *a, const double *x, double *result)
{
    memcpy(a->rotated, x, (size_t)a->n * sizeof *x);
    rotate_in(a, a->rotated);
    double sum = 0;
    for (int64_t i = 0; i < a->n; i++) {
        sum += a->values[i] * a->rotated[i] * a->rotated[i];
        result[i] = a->values[i] * a->rotated[i];
    }
    rotate_out(a, result);
    return 0.5 * sum;
}

static double value_of(const analytic *a, const double *x)
{
    int64_t n = a->n;
    double sum = 0;
    switch (a->kind) {
    case LL_ANALYTIC_QUADRATIC: return quadratic_product(a, x, a->result);
    case LL_ANALYTIC_ROSENBROCK:
        for (int64_t i = 0; i + 1 < n; i++) {
            double bend = x[i + 1] - x[i] * x[i], rest = 1.0 - x[i];
            sum += 100.0 * bend * bend + rest * rest;
        }
        return sum;
    case LL_ANALYTIC_HIMMELBLAU: {
        double p = x[0] * x[0] + x[1] - 11.0, q = x[0] + x[1] * x[1] - 7.0;
        return p * p + q * q;
    }
    case LL_ANALYTIC_RASTRIGIN:
        for (int64_t i = 0; i < n; i++) sum += x[i] * x[i] - 10.0 * cos(two_pi * x[i]);
        return 10.0 * (double)n + sum;
    case LL_ANALYTIC_TWO_WELL: {
        double well = x[0] * x[0] - 1.0;
        for (int64_t i = 1; i < n; i++) sum += a->values[i] * x[i] * x[i];
        return well * well + 0.5 * sum;
    }
    }
    return NAN;
}

static void gradient_of(const analytic *a, const double *x, double *g)
{
    int64_t n = a->n;
    switch (a->kind) {
    case LL_ANALYTIC_QUADRATIC: quadratic_product(a, x, g); return;
    case LL_ANALYTIC_ROSENBROCK:
        memset(g, 0, (size_t)n * sizeof *g);
        for (int64_t i = 0; i + 1 < n; i++) {
            double bend = x[i + 1] - x[i] * x[i];
            g[i] += -400.0 * x[i] * bend - 2.0 * (1.0 - x[i]);
            g[i + 1] += 200.0 * bend;
        }
        return;
    case LL_ANALYTIC_HIMMELBLAU: {
        double p = x[0] * x[0] + x[1] - 11.0, q = x[0] + x[1] * x[1] - 7.0;
        g[0] = 4.0 * p * x[0] + 2.0 * q;
        g[1] = 2.0 * p + 4.0 * q * x[1];
        return;
    }
    case LL_ANALYTIC_RASTRIGIN:
        for (int64_t i = 0; i < n; i++) g[i] = 2.0 * x[i] + 10.0 * two_pi * sin(two_pi * x[i]);
        return;
    case LL_ANALYTIC_TWO_WELL:
        g[0] = 4.0 * x[0] * (x[0] * x[0] - 1.0);
        for (int64_t i = 1; i < n; i++) g[i] = a->values[i] * x[i];
        return;
    }
}

static void product_of(const analytic *a, const double *x, const double *v, double *h)
{
    int64_t n = a->n;
    switch (a->kind) {
    case LL_ANALYTIC_QUADRATIC: quadratic_product(a, v, h); return;
    case LL_ANALYTIC_ROSENBROCK:
        memset(h, 0, (size_t)n * sizeof *h);
        for (int64_t i = 0; i + 1 < n; i++) {
            double cross = -400.0 * x[i];
            h[i] += (1200.0 * x[i] * x[i] - 400.0 * x[i + 1] + 2.0) * v[i] + cross * v[i + 1];
            h[i + 1] += cross * v[i] + 200.0 * v[i + 1];
        }
        return;
    case LL_ANALYTIC_HIMMELBLAU: {
        double cross = 4.0 * (x[0] + x[1]);
        h[0] = (12.0 * x[0] * x[0] + 4.0 * x[1] - 42.0) * v[0] + cross * v[1];
        h[1] = cross * v[0] + (12.0 * x[1] * x[1] + 4.0 * x[0] - 26.0) * v[1];
        return;
    }
    case LL_ANALYTIC_RASTRIGIN:
        for (int64_t i = 0; i < n; i++) h[i] = (2.0 + 10.0 * two_pi * two_pi * cos(two_pi * x[i])) * v[i];
        return;
    case LL_ANALYTIC_TWO_WELL:
        h[0] = (12.0 * x[0] * x[0] - 4.0) * v[0];
        for (int64_t i = 1; i < n; i++) h[i] = a->values[i] * v[i];
        return;
    }
}

static ll_status evaluate(void *context, const ll_request *request, ll_error *error)
{
    analytic *a = context;
    (void)error;
    for (int64_t k = 0; k < request->points; k++) {
        ll_vector_to_double(a->type, a->n, request->thetas[k], a->x);
        if (request->loss != NULL || request->terms != NULL) {
            double value = value_of(a, a->x);
            if (request->loss != NULL) request->loss[k] = value;
            if (request->terms != NULL) request->terms[k] = value;
        }
        if (request->gradients != NULL) {
            gradient_of(a, a->x, a->result);
            ll_vector_from_double(a->type, a->n, a->result, request->gradients[k]);
        }
        for (int64_t v = 0; v < request->product_count; v++) {
            ll_vector_to_double(a->type, a->n, request->vectors[v], a->v);
            product_of(a, a->x, a->v, a->result);
            ll_vector_from_double(a->type, a->n, a->result,
                                  request->products[k * request->product_count + v]);
        }
    }
    return LL_OK;
}

static void destroy(void *context)
{
    analytic *a = context;
    if (a == NULL) return;
    ll_free(a->values);
    ll_free(a->reflectors);
    ll_free(a->x);
    ll_free(a);
}

static const char *const kind_names[] = {"quadratic", "rosenbrock", "himmelblau", "rastrigin", "two_well"};

static ll_status check_options(const ll_analytic_options *options, ll_error *error)
{
    if (options == NULL) return ll_fail(error, LL_INVALID_ARGUMENT, module, NULL, "options is NULL");
    if ((unsigned)options->kind >= sizeof kind_names / sizeof kind_names[0])
        return ll_fail(error, LL_INVALID_ARGUMENT, module, NULL, "analytic kind %d does not exist",
                       (int)options->kind);
    const char *name = kind_names[options->kind];
    int64_t least = options->kind == LL_ANALYTIC_ROSENBROCK ? 2 : 1;
    if (options->kind == LL_ANALYTIC_HIMMELBLAU && options->dimensions != 2)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, name, "%lld dimensions; it has exactly 2",
                       (long long)options->dimensions);
    if (options->dimensions < least)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, name, "%lld dimensions; at least %lld are needed",
                       (long long)options->dimensions, (long long)least);
    bool spectrum = options->kind == LL_ANALYTIC_QUADRATIC || options->kind == LL_ANALYTIC_TWO_WELL;
    if (spectrum && options->values == NULL)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, name, "it needs `values`, one a dimension");
    for (int64_t i = 0; spectrum && i < options->dimensions; i++)
        if (!isfinite(options->values[i]))
            return ll_fail(error, LL_INVALID_ARGUMENT, module, name, "values[%lld] is not finite",
                           (long long)i);
    return LL_OK;
}

static bool make_rotation(analytic *a, uint64_t seed)
{
    if (a->kind != LL_ANALYTIC_QUADRATIC || seed == 0) return true;
    a->reflections = ll_min_int64(REFLECTIONS, a->n);
    a->reflectors = ll_allocate_array(a->reflections * a->n, sizeof *a->reflectors);
    if (a->reflectors == NULL) return false;
    ll_rng rng = ll_rng_make(seed, "quadratic", "rotation");
    ll_rng_fill_normal(rng, 0, a->reflections * a->n, a->reflectors);
    for (int64_t j = 0; j < a->reflections; j++) {
        double *u = a->reflectors + j * a->n;
        ll_vector_scale(LL_REAL_FLOAT64, a->n, 1.0 / sqrt(dot(a->n, u, u)), u);
    }
    return true;
}

static bool make_analytic(const ll_analytic_options *options, analytic **made)
{
    analytic *a = ll_allocate_zeroed(sizeof *a);
    *made = a;
    if (a == NULL) return false;
    *a = (analytic){.kind = options->kind, .type = options->type, .n = options->dimensions};
    int64_t scratch = 0;
    if (!ll_multiply_int64(a->n, 4, &scratch)) return false;
    a->x = ll_allocate_array(scratch, sizeof *a->x);
    a->values = ll_allocate_array(a->n, sizeof *a->values);
    if (a->x == NULL || a->values == NULL) return false;
    a->v = a->x + a->n;
    a->result = a->x + 2 * a->n;
    a->rotated = a->x + 3 * a->n;
    if (options->values != NULL) memcpy(a->values, options->values, (size_t)a->n * sizeof *a->values);
    return make_rotation(a, options->seed);
}

ll_status ll_problem_create_analytic(const ll_analytic_options *options, ll_problem **problem,
                                     ll_error *error)
{
    LL_TRY(check_options(options, error));
    analytic *a = NULL;
    if (!make_analytic(options, &a)) {
        destroy(a);
        return ll_fail_memory(error, module, (size_t)options->dimensions * sizeof(double));
    }
    ll_parameter parameter = {.name = "x",
                              .rank = 1,
                              .shape = {a->n},
                              .count = a->n,
                              .output_axis = -1,
                              .role = LL_ROLE_LINEAR,
                              .decays = true};
    ll_term term = {.name = "value", .weight = 1.0, .samples = 1};
    ll_problem_info info = {.name = kind_names[a->kind],
                            .type = a->type,
                            .parameter_count = a->n,
                            .parameters = 1,
                            .parameter = &parameter,
                            .terms = 1,
                            .term = &term,
                            .capabilities = LL_CAN_GRADIENT | LL_CAN_HESSIAN};
    ll_problem_callbacks callbacks = {.evaluate = evaluate, .destroy = destroy};
    /* The scratch vector serves as the start: x = 0, or the given origin, in the Problem's type. */
    memset(a->x, 0, (size_t)a->n * sizeof *a->x);
    if (options->origin != NULL) ll_vector_from_double(a->type, a->n, options->origin, a->x);
    int64_t sample = 0;
    ll_role_samples roles[] = {{"fit", 0, &sample, 1}, {"evaluate", 0, &sample, 1}};
    ll_status status = ll_problem_create_callback(&info, a->x, NULL, roles, 2, &callbacks, a, problem, error);
    if (status != LL_OK) destroy(a);
    return status;
}
