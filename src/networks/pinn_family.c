/* The equations of Krishnapriyan et al. 2021, "Characterizing possible failure modes in physics-informed neural
 * networks": points, data and exact solutions. */
#include "losslens/networks_pinn.h"

#include <math.h>
#include <string.h>

enum { X = 256, T = 100, COLLOCATION = 100, MOST_HIDDEN = 32 };

static const double two_pi = 6.283185307179586476925;

static double x_at(int64_t i) { return two_pi * (double)i / X; }
static double t_at(int64_t j) { return (double)j / (T - 1); }

static double start(const ll_pinn_family *family, double x)
{
    if (!family->gaussian_start) return sin(x);
    double z = (x - two_pi / 2) / (two_pi / 8);
    return exp(-0.5 * z * z);
}

/* ---------------------------------------------------------------- exact solutions */

/* h with (h * u)_i = u(x_i) after time dt under u_t = nu u_xx - beta u_x: each Fourier mode k is multiplied by
 * exp(-nu k^2 dt - i beta k dt). The highest mode, k = +-X/2, is taken half at each sign, which keeps h real. */
static void propagator(const ll_pinn_family *family, double dt, double h[X])
{
    for (int i = 0; i < X; i++) {
        double sum = 1.0;
        for (int k = 1; k <= X / 2; k++) {
            double weight = k == X / 2 ? 1.0 : 2.0;
            sum += weight * exp(-family->nu * k * k * dt) * cos(k * (x_at(i) - family->beta * dt));
        }
        h[i] = sum / X;
    }
}

static void convolve(const double h[X], const double u[X], double out[X])
{
    for (int i = 0; i < X; i++) {
        double sum = 0.0;
        for (int j = 0; j < X; j++) sum += h[(i - j + X) % X] * u[j];
        out[i] = sum;
    }
}

static double react(double u, double growth) { return u * growth / (1.0 - u + u * growth); }

/* Strang splitting with `steps` steps between stored times. */
static void split(const ll_pinn_family *family, int64_t steps, double *u)
{
    double h[X], moved[X], dt = t_at(1) / (double)steps, half = exp(0.5 * family->rho * dt);
    propagator(family, dt, h);
    for (int j = 1; j < T; j++) {
        double *now = u + j * X;
        memcpy(now, now - X, X * sizeof *now);
        for (int64_t step = 0; step < steps; step++) {
            for (int i = 0; i < X; i++) now[i] = react(now[i], half);
            convolve(h, now, moved);
            for (int i = 0; i < X; i++) now[i] = react(moved[i], half);
        }
    }
}

static ll_status split_until_settled(const ll_pinn_family *family, double *u, ll_error *error)
{
    enum { MOST_STEPS = 4096 };
    double *coarse = ll_allocate_array(X * T, sizeof *coarse), change = INFINITY;
    if (coarse == NULL) return ll_fail_memory(error, "networks", X * T * sizeof *coarse);
    int64_t steps = 1;
    split(family, steps, u);
    while (change >= 1e-8 && steps < MOST_STEPS) {
        memcpy(coarse, u, X * T * sizeof *coarse);
        steps *= 2;
        split(family, steps, u);
        change = 0.0;
        for (int64_t i = 0; i < X * T; i++) change = fmax(change, fabs(u[i] - coarse[i]));
        if (!isfinite(change)) break;
    }
    ll_free(coarse);
    if (change < 1e-8) return LL_OK;
    return ll_fail(error, LL_NUMERIC, "networks", "reference solution",
                   "splitting still changes by %g after %lld steps an interval; wanted < 1e-8", change,
                   (long long)steps);
}

ll_status ll_pinn_family_solution(const ll_pinn_family *family, double u[256 * 100], ll_error *error)
{
    for (int i = 0; i < X; i++) u[i] = start(family, x_at(i));
    bool moves = family->nu != 0.0 || family->beta != 0.0;
    if (moves && family->rho != 0.0) return split_until_settled(family, u, error);
    for (int j = 1; j < T; j++) {
        if (moves) {
            double h[X];
            propagator(family, t_at(j), h);
            convolve(h, u, u + j * X);
        } else {
            double growth = exp(family->rho * t_at(j));
            for (int i = 0; i < X; i++) u[j * X + i] = react(u[i], growth);
        }
    }
    return LL_OK;
}

/* ---------------------------------------------------------------- points */

void ll_pinn_samples_deinit(ll_pinn_samples samples[LL_PINN_TERMS])
{
    for (int i = 0; i < LL_PINN_TERMS; i++) {
        ll_free(samples[i].values);
        samples[i] = (ll_pinn_samples){0};
    }
}

static ll_status table(ll_pinn_samples *samples, const char *term, int64_t count, int64_t width,
                       ll_error *error)
{
    *samples = (ll_pinn_samples){.term = term,
                                 .count = count,
                                 .width = width,
                                 .values = ll_allocate_array(count * width, sizeof(double))};
    return samples->values != NULL
               ? LL_OK
               : ll_fail_memory(error, "networks", (size_t)(count * width) * sizeof(double));
}

/* Interior grid points (x > 0, t > 0), drawn without repetition: the first of a seeded permutation. */
static ll_status draw_collocation(const ll_pinn_family *family, ll_pinn_samples *samples, ll_error *error)
{
    int64_t interior = (X - 1) * (T - 1), *order = ll_allocate_array(interior, sizeof *order);
    if (order == NULL) return ll_fail_memory(error, "networks", (size_t)interior * sizeof *order);
    ll_rng_permutation(ll_rng_make(family->point_seed, "collocation", "points"), interior, order);
    for (int64_t k = 0; k < samples->count; k++) {
        samples->values[2 * k] = x_at(1 + order[k] % (X - 1));
        samples->values[2 * k + 1] = t_at(1 + order[k] / (X - 1));
    }
    ll_free(order);
    return LL_OK;
}

static ll_status draw_points(const ll_pinn_family *family, int64_t collocation,
                             ll_pinn_samples samples[LL_PINN_TERMS], ll_error *error)
{
    LL_TRY(table(&samples[0], "initial", X, 3, error));
    LL_TRY(table(&samples[1], "boundary", T, 4, error));
    LL_TRY(table(&samples[2], "residual", collocation, 2, error));
    LL_TRY(table(&samples[3], "reference", (int64_t)X * T, 3, error));
    for (int64_t i = 0; i < X; i++) {
        double row[3] = {x_at(i), 0.0, start(family, x_at(i))};
        memcpy(samples[0].values + 3 * i, row, sizeof row);
    }
    for (int64_t j = 0; j < T; j++) {
        double row[4] = {0.0, t_at(j), two_pi, t_at(j)};
        memcpy(samples[1].values + 4 * j, row, sizeof row);
    }
    LL_TRY(draw_collocation(family, &samples[2], error));
    double *u = ll_allocate_array(X * T, sizeof *u);
    if (u == NULL) return ll_fail_memory(error, "networks", X * T * sizeof *u);
    ll_status status = ll_pinn_family_solution(family, u, error);
    for (int64_t k = 0; status == LL_OK && k < (int64_t)X * T; k++) {
        double row[3] = {x_at(k % X), t_at(k / X), u[k]};
        memcpy(samples[3].values + 3 * k, row, sizeof row);
    }
    ll_free(u);
    return status;
}

static ll_status create_model(const ll_pinn_family *family, ll_model **model, ll_error *error)
{
    static const int64_t usual[4] = {50, 50, 50, 50};
    static const char *const inputs[2] = {"x", "t"}, *const outputs[1] = {"u"},
                             *const sides[2] = {"lower", "upper"}, *const data[1] = {"start"};
    ll_pinn_constant constants[3] = {{"nu", family->nu}, {"beta", family->beta}, {"rho", family->rho}};
    ll_text residual = {0};
    ll_text_append(&residual, "u_t");
    if (family->nu != 0.0) ll_text_append(&residual, " - nu * u_xx");
    if (family->beta != 0.0) ll_text_append(&residual, " + beta * u_x");
    if (family->rho != 0.0) ll_text_append(&residual, " - rho * u * (1 - u)");
    if (residual.failed) {
        ll_text_deinit(&residual);
        return ll_fail_memory(error, "networks", 256);
    }
    ll_pinn_term terms[3] = {
        {.name = "initial", .weight = 1.0, .residual = "u - start", .data = data, .data_count = 1},
        {.name = "boundary",
         .weight = 1.0,
         .points = sides,
         .point_count = 2,
         .residual = family->nu != 0.0 ? "u@lower - u@upper; u_x@lower - u_x@upper" : "u@lower - u@upper"},
        {.name = "residual", .weight = 1.0, .residual = residual.text},
    };
    bool moves = family->nu != 0.0 || family->beta != 0.0;
    ll_pinn_options options = {
        .name = !moves               ? "reaction"
                : family->rho != 0.0 ? "reaction-diffusion"
                : family->nu != 0.0  ? "convection-diffusion"
                                     : "convection",
        .dtype = family->dtype,
        .inputs = inputs,
        .input_count = 2,
        .outputs = outputs,
        .output_count = 1,
        .hidden = family->hidden != NULL ? family->hidden : usual,
        .hidden_count = family->hidden != NULL ? family->hidden_count : 4,
        .constant = constants,
        .constants = 3,
        .term = terms,
        .terms = 3,
        .reference = true,
    };
    ll_status status = ll_pinn_create(&options, model, error);
    ll_text_deinit(&residual);
    return status;
}

ll_status ll_pinn_family_create(const ll_pinn_family *family, ll_model **model,
                                ll_pinn_samples samples[LL_PINN_TERMS], ll_error *error)
{
    int64_t collocation = family->collocation > 0 ? family->collocation : COLLOCATION;
    if (collocation > (X - 1) * (T - 1)) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "networks", "collocation",
                       "got %lld points; the grid has %d inside", (long long)collocation, (X - 1) * (T - 1));
    }
    ll_pinn_samples drawn[LL_PINN_TERMS] = {0};
    ll_model *made = NULL;
    ll_status status = draw_points(family, collocation, drawn, error);
    if (status == LL_OK) status = create_model(family, &made, error);
    if (status != LL_OK) {
        ll_pinn_samples_deinit(drawn);
        return status;
    }
    memcpy(samples, drawn, sizeof drawn);
    *model = made;
    return LL_OK;
}
