/* Exact solutions of the family against closed forms and against a finite-difference twin; words of refused residuals. */
#include "../support_cmocka.h"

#include "losslens/networks_pinn.h"

#include <math.h>
#include <string.h>

enum { X = 256, T = 100 };
static const double two_pi = 6.283185307179586476925;

static double x_at(int i) { return two_pi * i / X; }
static double t_at(int j) { return j / 99.0; }
static double bell(double x) { return exp(-0.5 * pow((x - two_pi / 2) / (two_pi / 8), 2)); }

static double *solution(const ll_pinn_family *family)
{
    double *u = ll_allocate_array(X * T, sizeof *u);
    assert_non_null(u);
    CHECK_OK(ll_pinn_family_solution(family, u, error));
    return u;
}

/* sin x is one Fourier mode: it moves and decays. */
static void test_convection_and_diffusion_of_a_sine(void **state)
{
    (void)state;
    static const struct {
        double beta, nu;
    } cases[] = {{1, 0}, {50, 0}, {3, 0.25}, {0, 2}};
    for (int c = 0; c < 4; c++) {
        double *u = solution(&(ll_pinn_family){.beta = cases[c].beta, .nu = cases[c].nu, .dtype = LL_F64}),
               worst = 0;
        for (int j = 0; j < T; j++) {
            for (int i = 0; i < X; i++) {
                double exact = exp(-cases[c].nu * t_at(j)) * sin(x_at(i) - cases[c].beta * t_at(j));
                worst = fmax(worst, fabs(u[j * X + i] - exact));
            }
        }
        CHECK_NEAR(worst, 0.0, 2e-12);
        ll_free(u);
    }
}

static void test_reaction_of_a_bell(void **state)
{
    (void)state;
    double rho = 5, *u = solution(&(ll_pinn_family){.rho = rho, .gaussian_start = true, .dtype = LL_F64}),
           worst = 0;
    for (int k = 0; k < X * T; k++) {
        double u0 = bell(x_at(k % X)), growth = exp(rho * t_at(k / X));
        worst = fmax(worst, fabs(u[k] - u0 * growth / (1 - u0 + u0 * growth)));
    }
    CHECK_NEAR(worst, 0.0, 1e-14);
    ll_free(u);
}

/* u_t = nu u_xx + rho u (1 - u), periodic, by fourth-order differences in x and classical Runge-Kutta in t on the same 256
 * points: nu = 1/4 makes dt nu / dx^2 = .08 with 50 steps a stored interval. The bell is kinked where it wraps round (by
 * e^-8), which bounds the agreement at early times; from the second half on the kink has diffused. */
static void rate(const double *u, double nu, double rho, double *out)
{
    double dx = two_pi / X;
    for (int i = 0; i < X; i++) {
        double l1 = u[(i + X - 1) % X], r1 = u[(i + 1) % X], l2 = u[(i + X - 2) % X], r2 = u[(i + 2) % X];
        out[i] = nu * (-l2 + 16 * l1 - 30 * u[i] + 16 * r1 - r2) / (12 * dx * dx) + rho * u[i] * (1 - u[i]);
    }
}

static void runge_kutta(double *u, double dt, double nu, double rho)
{
    static const double ahead[4] = {0, 0.5, 0.5, 1}, share[4] = {1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6};
    double k[X] = {0}, stage[X], next[X];
    memcpy(next, u, sizeof next);
    for (int s = 0; s < 4; s++) {
        for (int i = 0; i < X; i++) stage[i] = u[i] + ahead[s] * dt * k[i];
        rate(stage, nu, rho, k);
        for (int i = 0; i < X; i++) next[i] += share[s] * dt * k[i];
    }
    memcpy(u, next, sizeof next);
}

static void test_reaction_diffusion_against_differences(void **state)
{
    (void)state;
    enum { STEPS = 50 };
    double nu = 0.25, rho = 4, twin[X], worst = 0;
    double *u = solution(&(ll_pinn_family){.nu = nu, .rho = rho, .gaussian_start = true, .dtype = LL_F64});
    for (int i = 0; i < X; i++) twin[i] = bell(x_at(i));
    for (int j = 1; j < T; j++) {
        for (int step = 0; step < STEPS; step++) runge_kutta(twin, t_at(1) / STEPS, nu, rho);
        for (int i = 0; i < X; i++) worst = fmax(worst, fabs(u[j * X + i] - twin[i]));
    }
    print_message("largest difference of the twins: %.2g\n", worst);
    CHECK_NEAR(worst, 0.0, 1e-7);
    ll_free(u);
}

static void test_points_belong_to_their_seed(void **state)
{
    (void)state;
    ll_pinn_samples samples[3][LL_PINN_TERMS];
    for (int k = 0; k < 3; k++) {
        ll_model *model = NULL;
        CHECK_OK(
            ll_pinn_family_create(&(ll_pinn_family){.beta = 1, .point_seed = k == 2 ? 6 : 5, .dtype = LL_F64},
                                  &model, samples[k], error));
        assert_int_equal(ll_model_view(model)->parameter_count, 7851);
        ll_model_destroy(model);
    }
    const ll_pinn_samples *residual = &samples[0][2];
    assert_int_equal(residual->count, 100);
    size_t bytes = 200 * sizeof(double);
    assert_memory_equal(residual->values, samples[1][2].values, bytes);
    assert_memory_not_equal(residual->values, samples[2][2].values, bytes);
    for (int a = 0; a < 100; a++) { /* inside, on the grid, each once */
        double i = residual->values[2 * a] * X / two_pi, j = residual->values[2 * a + 1] * 99;
        assert_true(fabs(i - round(i)) < 1e-9 && fabs(j - round(j)) < 1e-9 && round(i) >= 1 &&
                    round(j) >= 1 && round(i) < X && round(j) < T);
        for (int b = 0; b < a; b++) {
            assert_true(residual->values[2 * a] != residual->values[2 * b] ||
                        residual->values[2 * a + 1] != residual->values[2 * b + 1]);
        }
    }
    for (int k = 0; k < 3; k++) ll_pinn_samples_deinit(samples[k]);
}

static void test_refused_residuals_tell_the_column(void **state)
{
    (void)state;
    static const struct {
        const char *residual, *place, *message;
    } cases[] = {
        {"u_x + * 3", "column 7 of \"u_x + * 3\"", "got '*'; wanted a number, a name or '('"},
        {"(u - 1", "column 7 of \"(u - 1\"", "got the end; wanted ')'"},
        {"u 2", "column 3 of \"u 2\"", "got '2'; wanted an operator or the end"},
        {"sine(u)", "column 5 of \"sine(u)\"",
         "got '('; wanted one of sin cos exp log sqrt tanh abs before '('"},
        {"u_xxxxx", "term only",
         "no \"u_xxxxx\"; there are the inputs, the outputs, their derivatives up to order 4 (as u_x), the "
         "constants and the data columns"},
        {"v", "term only",
         "no \"v\"; there are the inputs, the outputs, their derivatives up to order 4 (as u_x), the "
         "constants and the data columns"},
    };
    static const char *const inputs[] = {"x"}, *const outputs[] = {"u"};
    static const int64_t hidden[] = {3};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        ll_error error = {0};
        ll_model *model = NULL;
        ll_pinn_term term = {.name = "only", .weight = 1, .residual = cases[c].residual};
        ll_pinn_options options = {.name = "bad",
                                   .dtype = LL_F64,
                                   .inputs = inputs,
                                   .input_count = 1,
                                   .outputs = outputs,
                                   .output_count = 1,
                                   .hidden = hidden,
                                   .hidden_count = 1,
                                   .term = &term,
                                   .terms = 1};
        assert_int_equal(ll_pinn_create(&options, &model, &error), LL_INVALID_ARGUMENT);
        assert_null(model);
        assert_string_equal(error.place, cases[c].place);
        assert_string_equal(error.message, cases[c].message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_convection_and_diffusion_of_a_sine),
                                       cmocka_unit_test(test_reaction_of_a_bell),
                                       cmocka_unit_test(test_reaction_diffusion_against_differences),
                                       cmocka_unit_test(test_points_belong_to_their_seed),
                                       cmocka_unit_test(test_refused_residuals_tell_the_column)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
