/* Closed forms against 4-point differences of themselves, and against known values. */
#include "../support_cmocka.h"

#include "losslens/problem.h"

#include <math.h>
#include <string.h>

static double loss_at(ll_problem *problem, const double *x)
{
    double loss = 0;
    const void *thetas[] = {x};
    ll_request request = {.points = 1, .thetas = thetas, .loss = &loss};
    CHECK_OK(ll_problem_evaluate(problem, &request, error));
    return loss;
}

static void derivatives_at(ll_problem *problem, const double *x, const double *v, double *gradient,
                           double *product)
{
    const void *thetas[] = {x}, *vectors[] = {v};
    void *gradients[] = {gradient}, *products[] = {product};
    ll_request request = {.points = 1, .thetas = thetas, .gradients = gradients};
    if (product != NULL) {
        request.product_count = 1;
        request.vectors = vectors;
        request.products = products;
    }
    CHECK_OK(ll_problem_evaluate(problem, &request, error));
}

static void check_against_differences(const ll_analytic_options *options, double weight_decay)
{
    ll_problem *problem = NULL;
    CHECK_OK(ll_problem_create_analytic(options, &problem, error));
    CHECK_OK(ll_problem_set_weight_decay(problem, weight_decay, error));
    int64_t n = options->dimensions;
    double x[64], v[64], moved[64], gradient[64], product[64], sides[4][64];
    assert_true(n <= 64);
    ll_rng rng = ll_rng_make(7, "test", "point");
    for (int64_t i = 0; i < n; i++) {
        x[i] = ll_rng_normal(rng, (uint64_t)i);
        v[i] = ll_rng_normal(rng, (uint64_t)(n + i));
    }
    derivatives_at(problem, x, v, gradient, product);
    static const double multiple[4] = {-2, -1, 1, 2}, weight[4] = {1, -8, 8, -1};
    const double h = 1e-3;
    double slope = 0, wanted = 0;
    for (int s = 0; s < 4; s++) {
        for (int64_t i = 0; i < n; i++) moved[i] = x[i] + multiple[s] * h * v[i];
        slope += weight[s] * loss_at(problem, moved) / (12 * h);
        derivatives_at(problem, moved, v, sides[s], NULL);
    }
    double size = 0;
    for (int64_t i = 0; i < n; i++) {
        wanted += gradient[i] * v[i];
        size += fabs(gradient[i] * v[i]);
    }
    CHECK_NEAR(slope, wanted, 1e-7 * (1 + size));
    for (int64_t i = 0; i < n; i++) {
        double difference = 0;
        for (int s = 0; s < 4; s++) difference += weight[s] * sides[s][i] / (12 * h);
        CHECK_NEAR(product[i], difference, 1e-6 * (1 + fabs(difference)));
    }
    ll_problem_destroy(problem);
}

static void test_derivatives_equal_differences(void **state)
{
    (void)state;
    double values[20];
    for (int i = 0; i < 20; i++) values[i] = i < 3 ? -1.0 - i : 0.5 * i;
    ll_analytic_options cases[] = {
        {.kind = LL_ANALYTIC_QUADRATIC,
         .type = LL_REAL_FLOAT64,
         .dimensions = 20,
         .values = values,
         .seed = 3},
        {.kind = LL_ANALYTIC_QUADRATIC,
         .type = LL_REAL_FLOAT64,
         .dimensions = 1,
         .values = values,
         .seed = 3},
        {.kind = LL_ANALYTIC_ROSENBROCK, .type = LL_REAL_FLOAT64, .dimensions = 9},
        {.kind = LL_ANALYTIC_HIMMELBLAU, .type = LL_REAL_FLOAT64, .dimensions = 2},
        {.kind = LL_ANALYTIC_RASTRIGIN, .type = LL_REAL_FLOAT64, .dimensions = 6},
        {.kind = LL_ANALYTIC_TWO_WELL, .type = LL_REAL_FLOAT64, .dimensions = 12, .values = values},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++)
        for (int decay = 0; decay < 2; decay++) check_against_differences(&cases[c], decay * 0.3);
}

static void test_known_values(void **state)
{
    (void)state;
    ll_problem *problem = NULL;
    ll_analytic_options himmelblau = {
        .kind = LL_ANALYTIC_HIMMELBLAU, .type = LL_REAL_FLOAT64, .dimensions = 2};
    CHECK_OK(ll_problem_create_analytic(&himmelblau, &problem, error));
    CHECK_NEAR(loss_at(problem, (double[]){3, 2}), 0, 0);
    CHECK_NEAR(loss_at(problem, (double[]){0, 0}), 170, 0);
    CHECK_NEAR(loss_at(problem, (double[]){-2.805118086952745, 3.131312518250573}), 0, 1e-25);
    ll_problem_destroy(problem);
    ll_analytic_options rosenbrock = {
        .kind = LL_ANALYTIC_ROSENBROCK, .type = LL_REAL_FLOAT64, .dimensions = 3};
    CHECK_OK(ll_problem_create_analytic(&rosenbrock, &problem, error));
    CHECK_NEAR(loss_at(problem, (double[]){1, 1, 1}), 0, 0);
    CHECK_NEAR(loss_at(problem, (double[]){0, 0, 0}), 2, 0);
    ll_problem_destroy(problem);
    ll_analytic_options rastrigin = {.kind = LL_ANALYTIC_RASTRIGIN, .type = LL_REAL_FLOAT64, .dimensions = 2};
    CHECK_OK(ll_problem_create_analytic(&rastrigin, &problem, error));
    CHECK_NEAR(loss_at(problem, (double[]){0, 0}), 0, 0);
    CHECK_NEAR(loss_at(problem, (double[]){0.5, 0}), 20.25, 1e-13);
    ll_problem_destroy(problem);
    ll_analytic_options well = {.kind = LL_ANALYTIC_TWO_WELL,
                                .type = LL_REAL_FLOAT64,
                                .dimensions = 3,
                                .values = (double[]){0, 2, 4}};
    CHECK_OK(ll_problem_create_analytic(&well, &problem, error));
    CHECK_NEAR(loss_at(problem, (double[]){1, 0, 0}), 0, 0);
    CHECK_NEAR(loss_at(problem, (double[]){-1, 0, 0}), 0, 0);
    CHECK_NEAR(loss_at(problem, (double[]){0, 0, 0}), 1, 0);
    CHECK_NEAR(loss_at(problem, (double[]){1, 1, -1}), 3, 0);
    ll_problem_destroy(problem);
}

/* The rotation is orthogonal: the trace, read from products with unit vectors, is the sum of the spectrum,
 * and the Frobenius norm the sum of squares. */
static void test_rotation_keeps_the_spectrum(void **state)
{
    (void)state;
    enum { N = 24 };
    double values[N], sum = 0, squares = 0;
    for (int i = 0; i < N; i++) {
        values[i] = 10.0 / (1 + i) - 1;
        sum += values[i];
        squares += values[i] * values[i];
    }
    ll_analytic_options options = {
        .kind = LL_ANALYTIC_QUADRATIC, .type = LL_REAL_FLOAT64, .dimensions = N, .values = values, .seed = 5};
    ll_problem *problem = NULL;
    CHECK_OK(ll_problem_create_analytic(&options, &problem, error));
    double x[N] = {0}, gradient[N], product[N], trace = 0, frobenius = 0, outside = 0;
    for (int i = 0; i < N; i++) {
        double unit[N] = {0};
        unit[i] = 1;
        derivatives_at(problem, x, unit, gradient, product);
        trace += product[i];
        for (int j = 0; j < N; j++) {
            frobenius += product[j] * product[j];
            if (j != i) outside += product[j] * product[j];
        }
    }
    CHECK_NEAR(trace, sum, 1e-12);
    CHECK_NEAR(frobenius, squares, 1e-10);
    assert_true(outside > 0.01 * squares); /* it does rotate */
    ll_problem_destroy(problem);
}

static void test_float32_is_the_rounded_float64(void **state)
{
    (void)state;
    double values[4] = {4, 3, 2, 1}, gradient[4], unused[4] = {1, 0, 0, 0}, product[4];
    float gradient32[4];
    ll_problem *wide = NULL, *narrow = NULL;
    ll_analytic_options options = {
        .kind = LL_ANALYTIC_QUADRATIC, .type = LL_REAL_FLOAT64, .dimensions = 4, .values = values, .seed = 9};
    CHECK_OK(ll_problem_create_analytic(&options, &wide, error));
    options.type = LL_REAL_FLOAT32;
    CHECK_OK(ll_problem_create_analytic(&options, &narrow, error));
    double x[4] = {0.5, -0.25, 2, 1};
    float x32[4] = {0.5F, -0.25F, 2, 1};
    derivatives_at(wide, x, unused, gradient, product);
    const void *thetas[] = {x32};
    void *gradients[] = {gradient32};
    double loss = 0;
    ll_request request = {.points = 1, .thetas = thetas, .gradients = gradients, .loss = &loss};
    CHECK_OK(ll_problem_evaluate(narrow, &request, error));
    CHECK_NEAR(loss, loss_at(wide, x), 0);
    for (int i = 0; i < 4; i++) assert_true(gradient32[i] == (float)gradient[i]);
    ll_problem_destroy(wide);
    ll_problem_destroy(narrow);
}

static void test_bad_options_are_refused(void **state)
{
    (void)state;
    ll_problem *problem = NULL;
    ll_error error;
    ll_analytic_options options = {.kind = LL_ANALYTIC_HIMMELBLAU, .type = LL_REAL_FLOAT64, .dimensions = 3};
    assert_int_equal(ll_problem_create_analytic(&options, &problem, &error), LL_INVALID_ARGUMENT);
    assert_non_null(strstr(error.message, "exactly 2"));
    options.kind = LL_ANALYTIC_QUADRATIC;
    assert_int_equal(ll_problem_create_analytic(&options, &problem, &error), LL_INVALID_ARGUMENT);
    assert_non_null(strstr(error.message, "values"));
    options.values = (double[]){1, NAN, 2};
    assert_int_equal(ll_problem_create_analytic(&options, &problem, &error), LL_INVALID_ARGUMENT);
    options.kind = LL_ANALYTIC_ROSENBROCK;
    options.dimensions = 1;
    assert_int_equal(ll_problem_create_analytic(&options, &problem, &error), LL_INVALID_ARGUMENT);
    assert_null(problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_derivatives_equal_differences),
        cmocka_unit_test(test_known_values),
        cmocka_unit_test(test_rotation_keeps_the_spectrum),
        cmocka_unit_test(test_float32_is_the_rounded_float64),
        cmocka_unit_test(test_bad_options_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
