/* Terms of physics-informed losses: derivatives up to order 4 against closed forms, through one hidden unit whose
 * derivatives are known; every operation of an expression against C; the family's terms against plain C. */
#include "../support_cmocka.h"

#include "losslens/networks_pinn.h"
#include "losslens/problem_graph.h"

#include <math.h>

enum { POINTS = 9 };
static const char *const inputs[2] = {"x", "t"}, *const outputs[1] = {"u"};

/* u = v tanh(z) + d, z = a x + b t + c; order of theta: layers.0.weight, .bias, layers.1.weight, .bias. */
static const double weights[5] = {0.9, -0.6, 0.35, 1.3, -0.2};

/* n-th derivative of tanh, by s = tanh z: s' = 1 - s^2. */
static double tanh_derivative(int n, double z)
{
    double s = tanh(z), q = 1 - s * s;
    double table[5] = {s, q, -2 * s * q, q * (6 * s * s - 2), q * s * (16 - 24 * s * s)};
    return table[n];
}

static double u_at(int along_x, int along_t, double x, double t)
{
    double z = weights[0] * x + weights[1] * t + weights[2];
    double chain = weights[3] * pow(weights[0], along_x) * pow(weights[1], along_t);
    return chain * tanh_derivative(along_x + along_t, z) + (along_x + along_t == 0 ? weights[4] : 0);
}

/* The mean square of a residual over the points. */
static double term_of(const char *residual, const double points[2 * POINTS])
{
    static const int64_t hidden[1] = {1};
    static const ll_pinn_constant constants[1] = {{"nu", 0.37}};
    ll_model *model = NULL;
    ll_problem *problem = NULL;
    ll_pinn_term term = {.name = "residual", .weight = 1, .residual = residual};
    ll_pinn_options options = {.name = "test",
                               .dtype = LL_F64,
                               .inputs = inputs,
                               .input_count = 2,
                               .outputs = outputs,
                               .output_count = 1,
                               .hidden = hidden,
                               .hidden_count = 1,
                               .constant = constants,
                               .constants = 1,
                               .term = &term,
                               .terms = 1};
    CHECK_OK(ll_pinn_create(&options, &model, error));
    ll_graph_rows rows = {"residual.samples", points, POINTS};
    CHECK_OK(ll_problem_create_graph(
        model, &(ll_graph_problem_options){.rows = &rows, .row_count = 1, .theta = weights, .threads = 1},
        &problem, error));
    const void *theta = ll_problem_origin(problem);
    double loss = 0;
    CHECK_OK(
        ll_problem_evaluate(problem, &(ll_request){.points = 1, .thetas = &theta, .loss = &loss}, error));
    ll_problem_destroy(problem);
    return loss;
}

static void make_points(double points[2 * POINTS])
{
    for (int i = 0; i < POINTS; i++) {
        points[2 * i] = -1.5 + 0.4 * i;
        points[2 * i + 1] = 0.1 + 0.09 * i * i;
    }
}

static void test_derivatives_up_to_order_4(void **state)
{
    (void)state;
    static const struct {
        const char *residual;
        int x, t;
    } cases[] = {{"u", 0, 0},      {"u_x", 1, 0},    {"u_t", 0, 1},   {"u_xx", 2, 0},  {"u_xt", 1, 1},
                 {"u_tx", 1, 1},   {"u_xxx", 3, 0},  {"u_xtx", 2, 1}, {"u_ttx", 1, 2}, {"u_xxxx", 4, 0},
                 {"u_tttt", 0, 4}, {"u_xxtt", 2, 2}, {"u_txxx", 3, 1}};
    double points[2 * POINTS];
    make_points(points);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        double wanted = 0;
        for (int i = 0; i < POINTS; i++)
            wanted += pow(u_at(cases[c].x, cases[c].t, points[2 * i], points[2 * i + 1]), 2) / POINTS;
        CHECK_NEAR(term_of(cases[c].residual, points), wanted, 1e-12 * wanted);
    }
}

static void test_operations_against_c(void **state)
{
    (void)state;
    double points[2 * POINTS], wanted[4] = {0};
    make_points(points);
    for (int i = 0; i < POINTS; i++) {
        double x = points[2 * i], t = points[2 * i + 1], u = u_at(0, 0, x, t), ut = u_at(0, 1, x, t),
               uxx = u_at(2, 0, x, t);
        wanted[0] += pow(ut - 0.37 * uxx + -pow(x, 2) * u / (1 + t), 2) / POINTS;
        wanted[1] += pow(sin(x) * cos(t) + exp(-t) - log(2 + x) + sqrt(t) * tanh(u) - fabs(x), 2) / POINTS;
        wanted[2] += (pow(u - 1, 2) + pow(2 * ut - x, 2)) / POINTS;
        wanted[3] += pow(pow(t, 1.5) - 2.5e-1 - (1 - 2 - 3), 2) / POINTS;
    }
    CHECK_NEAR(term_of("u_t - nu * u_xx + -x^2 * u / (1 + t)", points), wanted[0], 1e-12 * wanted[0]);
    CHECK_NEAR(term_of("sin(x)*cos(t) + exp(-t) - log(2 + x) + sqrt(t)*tanh(u) - abs(x)", points), wanted[1],
               1e-12 * wanted[1]);
    CHECK_NEAR(term_of("u - 1; 2*u_t - x", points), wanted[2], 1e-12 * wanted[2]);
    CHECK_NEAR(term_of("t^1.5 - 2.5e-1 - (1 - 2 - 3)", points), wanted[3], 1e-12 * wanted[3]);
}

/* The family with one hidden unit, so that every derivative is the closed form above. */
static void test_family_terms_against_c(void **state)
{
    (void)state;
    static const int64_t hidden[1] = {1};
    static const double coefficients[4][3] = {
        {0, 30, 0}, {0.5, 2, 0}, {0, 0, 5}, {0.25, 0, 4}}; /* nu, beta, rho */
    for (int c = 0; c < 4; c++) {
        double nu = coefficients[c][0], beta = coefficients[c][1], rho = coefficients[c][2], wanted[3] = {0},
               loss, terms[4];
        ll_pinn_samples samples[LL_PINN_TERMS];
        ll_model *model = NULL;
        ll_problem *problem = NULL;
        CHECK_OK(ll_pinn_family_create(&(ll_pinn_family){.nu = nu,
                                                         .beta = beta,
                                                         .rho = rho,
                                                         .gaussian_start = rho != 0,
                                                         .hidden = hidden,
                                                         .hidden_count = 1,
                                                         .dtype = LL_F64},
                                       &model, samples, error));
        for (int64_t i = 0; i < samples[0].count; i++) {
            const double *r = samples[0].values + 3 * i;
            double start = rho != 0 ? exp(-0.5 * pow((r[0] - acos(-1.0)) / (acos(-1.0) / 4), 2)) : sin(r[0]);
            wanted[0] += pow(u_at(0, 0, r[0], 0) - start, 2) / 256;
        }
        for (int64_t i = 0; i < samples[1].count; i++) {
            double t = (double)i / 99;
            wanted[1] += pow(u_at(0, 0, 0, t) - u_at(0, 0, 2 * acos(-1.0), t), 2) / 100;
            if (nu != 0) wanted[1] += pow(u_at(1, 0, 0, t) - u_at(1, 0, 2 * acos(-1.0), t), 2) / 100;
        }
        for (int64_t i = 0; i < samples[2].count; i++) {
            double x = samples[2].values[2 * i], t = samples[2].values[2 * i + 1], u = u_at(0, 0, x, t);
            wanted[2] +=
                pow(u_at(0, 1, x, t) - nu * u_at(2, 0, x, t) + beta * u_at(1, 0, x, t) - rho * u * (1 - u),
                    2) /
                100;
        }
        ll_graph_rows rows[4] = {{"initial.samples", samples[0].values, samples[0].count},
                                 {"boundary.samples", samples[1].values, samples[1].count},
                                 {"residual.samples", samples[2].values, samples[2].count},
                                 {"reference.samples", samples[3].values, samples[3].count}};
        CHECK_OK(ll_problem_create_graph(
            model, &(ll_graph_problem_options){.rows = rows, .row_count = 4, .theta = weights, .threads = 1},
            &problem, error));
        const void *theta = ll_problem_origin(problem);
        CHECK_OK(ll_problem_evaluate(
            problem, &(ll_request){.points = 1, .thetas = &theta, .loss = &loss, .terms = terms}, error));
        for (int k = 0; k < 3; k++) CHECK_NEAR(terms[k], wanted[k], 1e-12 * wanted[k]);
        CHECK_NEAR(loss, wanted[0] + wanted[1] + wanted[2], 1e-12 * loss);
        ll_problem_destroy(problem);
        ll_pinn_samples_deinit(samples);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_derivatives_up_to_order_4),
                                       cmocka_unit_test(test_operations_against_c),
                                       cmocka_unit_test(test_family_terms_against_c)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
