/* Eigenpairs against known spectra: rotated quadratics in float64 and float32, clusters and exact
 * multiplicities, both ends, magnitude, restriction to one tensor, warm starts, budgets, interruption. */
#include "../support_analysis.h"

#include "losslens/curvature.h"
#include "losslens/problem_vectors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static ll_problem *quadratic(ll_real type, int64_t n, const double *values, uint64_t seed)
{
    return analytic_problem(LL_ANALYTIC_QUADRATIC, type, n, values, seed);
}

/* A network's Hessian as papers report it: ten outliers, a bulk around zero with some negative values. */
static void network_spectrum(int64_t n, double *values)
{
    ll_rng rng = ll_rng_make(4, "test", "bulk");
    for (int64_t i = 0; i < n; i++)
        values[i] = i < 10 ? 100.0 * pow(0.75, (double)i) : 0.3 * ll_rng_normal(rng, (uint64_t)i);
}

static int descending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

static ll_record *solve(ll_problem *problem, const ll_eigen_options *options)
{
    ll_record *record = NULL;
    ll_curvature_target target = {.problem = problem};
    CHECK_OK(ll_curvature_eigenpairs(&target, options, NULL, &record, error));
    return record;
}

static void check_values(const ll_record *record, const double *wanted, int64_t count, double relative)
{
    const ll_array *values = array_of(record, "eigenvalues");
    assert_int_equal(values->shape[0], count);
    for (int64_t i = 0; i < count; i++)
        CHECK_NEAR(ll_array_get(values, i), wanted[i], relative * fabs(wanted[i]) + 1e-12);
}

static void test_network_like_spectrum(void **state)
{
    (void)state;
    enum { N = 2000 };
    double *values = ll_allocate_array(N, sizeof *values);
    network_spectrum(N, values);
    double sorted[N];
    memcpy(sorted, values, sizeof sorted);
    qsort(sorted, N, sizeof sorted[0], descending);
    for (int type = LL_REAL_FLOAT32; type <= LL_REAL_FLOAT64; type++) {
        ll_problem *problem = quadratic((ll_real)type, N, values, 11);
        ll_record *record = solve(problem, NULL);
        check_reason(record, "converged");
        check_values(record, sorted, 10, 1e-5);
        const ll_array *residuals = array_of(record, "residuals"),
                       *vectors = array_of(record, "eigenvectors");
        for (int i = 0; i < 10; i++) assert_true(ll_array_get(residuals, i) <= 1e-3);
        /* Residuals are true: |Hv - lambda v| by products made here. */
        for (int i = 0; i < 10; i++) {
            const void *v = ll_vector_at((ll_real)type, vectors->data, (int64_t)i * N),
                       *thetas[] = {ll_problem_origin(problem)};
            double product[N];
            void *products[] = {product};
            ll_request request = {
                .points = 1, .thetas = thetas, .product_count = 1, .vectors = &v, .products = products};
            CHECK_OK(ll_problem_evaluate(problem, &request, error));
            double lambda = ll_array_get(array_of(record, "eigenvalues"), i);
            CHECK_NEAR(ll_vector_norm((ll_real)type, N, v), 1, 1e-5);
            ll_vector_add((ll_real)type, N, -lambda, v, product);
            CHECK_NEAR(ll_vector_norm((ll_real)type, N, product) / fabs(lambda), ll_array_get(residuals, i),
                       2e-5);
        }
        print_message("          products: %g (%s)\n", real_of(record, "products"),
                      type == LL_REAL_FLOAT32 ? "float32" : "float64");
        assert_true(real_of(record, "products") <= 110);
        ll_record_destroy(record);
        ll_problem_destroy(problem);
    }
    ll_free(values);
}

static void test_ends(void **state)
{
    (void)state;
    enum { N = 300 };
    double values[N], wanted[6];
    for (int i = 0; i < N; i++) values[i] = i < 4 ? -8.0 - 3 * i : i < 8 ? 20.0 + 7 * i : 0.01 * i;
    /* 69 62 55 48 ... -17 -14 -11 -8 */
    ll_problem *problem = quadratic(LL_REAL_FLOAT64, N, values, 2);
    ll_eigen_options options = {.end = LL_EIGEN_BOTH, .count = 3, .tolerance = 1e-8};
    ll_record *record = solve(problem, &options);
    check_values(record, (double[]){69, 62, 55, -17, -14, -11}, 6, 1e-12);
    ll_record_destroy(record);
    options.end = LL_EIGEN_SMALLEST;
    record = solve(problem, &options);
    check_values(record, (double[]){-17, -14, -11}, 3, 1e-12);
    ll_record_destroy(record);
    options = (ll_eigen_options){.end = LL_EIGEN_MAGNITUDE, .count = 6, .tolerance = 1e-8};
    record = solve(problem, &options);
    memcpy(wanted, (double[]){69, 62, 55, 48, -17, -14}, sizeof wanted);
    check_values(record, wanted, 6, 1e-12);
    ll_record_destroy(record);
    ll_problem_destroy(problem);
}

/* FIELD 2.6: a stop on the change between iterates reports wrong values where eigenvalues are close. */
static void test_field_2_6_clusters_do_not_converge_falsely(void **state)
{
    (void)state;
    enum { N = 500 };
    double values[N];
    for (int i = 0; i < N; i++) values[i] = i < 6 ? 10.0 - 0.002 * i : 5.0 * i / N;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        ll_problem *problem = quadratic(LL_REAL_FLOAT64, N, values, seed);
        ll_eigen_options options = {.count = 6, .tolerance = 1e-6, .seed = seed};
        ll_record *record = solve(problem, &options);
        check_reason(record, "converged");
        check_values(record, values, 6, 1e-9);
        ll_record_destroy(record);
        ll_problem_destroy(problem);
    }
}

/* One start vector sees one copy of a multiple eigenvalue; the confirmation finds the others. */
static void test_field_2_6_multiple_eigenvalues_are_all_found(void **state)
{
    (void)state;
    enum { N = 400 };
    double values[N];
    int missed_without = 0;
    for (int i = 0; i < N; i++) values[i] = i < 3 ? 7 : i < 6 ? 4 : 1.5 * i / N;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        ll_problem *problem = quadratic(LL_REAL_FLOAT64, N, values, seed);
        for (int64_t count = 2; count <= 6; count++) {
            ll_eigen_options options = {.count = count, .seed = seed};
            ll_record *record = solve(problem, &options);
            check_reason(record, "converged");
            check_values(record, values, count, 1e-5);
            ll_record_destroy(record);
            options.confirm_products = -1;
            record = solve(problem, &options);
            missed_without +=
                fabs(ll_array_get(array_of(record, "eigenvalues"), count - 1) - values[count - 1]) > 0.1;
            ll_record_destroy(record);
        }
        ll_problem_destroy(problem);
    }
    assert_true(missed_without > 0); /* residuals alone would have been believed */
}

static void test_small_and_degenerate(void **state)
{
    (void)state;
    /* The whole spectrum of a small matrix; zero matrix; identity; one dimension. */
    double values[12], zeros[12] = {0}, ones[12];
    for (int i = 0; i < 12; i++) {
        values[i] = 6 - i;
        ones[i] = 1;
    }
    ll_problem *problem = quadratic(LL_REAL_FLOAT64, 12, values, 3);
    ll_eigen_options options = {.count = 12};
    ll_record *record = solve(problem, &options);
    check_reason(record, "converged");
    check_values(record, values, 12, 1e-12);
    ll_record_destroy(record);
    ll_problem_destroy(problem);
    problem = quadratic(LL_REAL_FLOAT64, 12, zeros, 3);
    options.count = 4;
    record = solve(problem, &options);
    check_reason(record, "converged");
    check_values(record, zeros, 4, 0);
    ll_record_destroy(record);
    ll_problem_destroy(problem);
    problem = quadratic(LL_REAL_FLOAT32, 12, ones, 3);
    record = solve(problem, &options);
    check_reason(record, "converged");
    check_values(record, ones, 4, 1e-5);
    ll_record_destroy(record);
    ll_problem_destroy(problem);
    problem = quadratic(LL_REAL_FLOAT64, 1, values, 3);
    record = solve(problem, NULL);
    check_values(record, values, 1, 1e-14);
    ll_record_destroy(record);
    ll_problem_destroy(problem);
}

static void test_budget_is_a_reason(void **state)
{
    (void)state;
    enum { N = 500 };
    double values[N];
    for (int i = 0; i < N; i++) values[i] = 1.0 + i * 0.01; /* no gaps: slow */
    ll_problem *problem = quadratic(LL_REAL_FLOAT64, N, values, 2);
    ll_eigen_options options = {.count = 5, .tolerance = 1e-10, .max_products = 40};
    ll_record *record = solve(problem, &options);
    check_reason(record, "maximum products");
    assert_true(real_of(record, "products") <= 45);
    assert_true(real_of(record, "converged") == 0);
    assert_true(ll_array_get(array_of(record, "residuals"), 4) > 1e-10);
    ll_record_destroy(record);
    ll_problem_destroy(problem);
}

static void test_warm_start_saves_products(void **state)
{
    (void)state;
    enum { N = 1000 };
    double values[N];
    network_spectrum(N, values);
    ll_problem *problem = quadratic(LL_REAL_FLOAT64, N, values, 7);
    ll_eigen_options options = {.count = 5};
    ll_record *cold = solve(problem, &options);
    const ll_array *vectors = array_of(cold, "eigenvectors");
    const void *warm[5];
    for (int i = 0; i < 5; i++) warm[i] = (const double *)vectors->data + (int64_t)i * N;
    options.warm = warm;
    options.warm_count = 5;
    ll_record *again = solve(problem, &options);
    check_values(again, array_of(cold, "eigenvalues")->data, 5, 1e-6);
    print_message("          products: cold %g, warm %g\n", real_of(cold, "products"),
                  real_of(again, "products"));
    assert_true(real_of(again, "products") < real_of(cold, "products"));
    ll_record_destroy(cold);
    ll_record_destroy(again);
    ll_problem_destroy(problem);
}

static void test_an_interrupted_solve_continues_to_the_same_bits(void **state)
{
    (void)state;
    enum { N = 400 };
    double values[N];
    for (int i = 0; i < N; i++) values[i] = 1.0 + i * i * 1e-4;
    for (int type = LL_REAL_FLOAT32; type <= LL_REAL_FLOAT64; type++) {
        ll_problem *problem = quadratic((ll_real)type, N, values, 2);
        ll_curvature_target target = {.problem = problem};
        ll_eigen_options options = {.count = 4, .tolerance = 1e-4};
        ll_record *whole = solve(problem, &options), *record = NULL;
        assert_true(real_of(whole, "restarts") >= 3);
        ll_memory_sink *sink = NULL;
        CHECK_OK(ll_memory_sink_create(&sink, error));
        int interruptions = 0;
        for (int64_t stop = 1;; stop++) {
            ll_error failure;
            ll_memory_sink_stop_after(sink, stop);
            ll_status status =
                ll_curvature_eigenpairs(&target, &options, ll_memory_sink_view(sink), &record, &failure);
            if (status == LL_OK) break;
            assert_int_equal(status, LL_CANCELLED);
            assert_null(record);
            interruptions++;
            assert_true(interruptions < 100);
        }
        assert_true(interruptions >= 2);
        check_same_bytes(whole, record);
        ll_record_destroy(whole);
        ll_record_destroy(record);
        ll_memory_sink_destroy(sink);
        ll_problem_destroy(problem);
    }
}

static void test_block_size_changes_cost_not_values(void **state)
{
    (void)state;
    enum { N = 600 };
    double values[N], sorted[N];
    network_spectrum(N, values);
    memcpy(sorted, values, sizeof sorted);
    qsort(sorted, N, sizeof sorted[0], descending);
    ll_problem *problem = quadratic(LL_REAL_FLOAT64, N, values, 21);
    for (int64_t block = 1; block <= 4; block++) {
        ll_eigen_options options = {.count = 8, .block = block};
        ll_record *record = solve(problem, &options);
        check_reason(record, "converged");
        check_values(record, sorted, 8, 1e-5);
        print_message("          block %lld: %g products\n", (long long)block, real_of(record, "products"));
        ll_record_destroy(record);
    }
    ll_problem_destroy(problem);
}

static void test_refusals(void **state)
{
    (void)state;
    double values[3] = {3, 2, 1};
    ll_problem *problem = quadratic(LL_REAL_FLOAT64, 3, values, 0);
    ll_curvature_target target = {.problem = problem};
    ll_record *record = NULL;
    ll_error failure;
    ll_eigen_options options = {.count = 4};
    assert_int_equal(ll_curvature_eigenpairs(&target, &options, NULL, &record, &failure),
                     LL_INVALID_ARGUMENT);
    options = (ll_eigen_options){.count = 2, .tolerance = -1};
    assert_int_equal(ll_curvature_eigenpairs(&target, &options, NULL, &record, &failure),
                     LL_INVALID_ARGUMENT);
    target.product = LL_PRODUCT_GGN;
    assert_int_equal(ll_curvature_eigenpairs(&target, NULL, NULL, &record, &failure), LL_UNSUPPORTED);
    assert_non_null(strstr(failure.message, "ggn"));
    target.product = LL_PRODUCT_HESSIAN;
    target.parameter = "y";
    assert_int_equal(ll_curvature_eigenpairs(&target, NULL, NULL, &record, &failure), LL_NOT_FOUND);
    target.parameter = "x";
    options = (ll_eigen_options){.count = 2};
    CHECK_OK(ll_curvature_eigenpairs(&target, &options, NULL, &record, error));
    check_values(record, values, 2, 1e-14);
    size_t bytes = 0;
    CHECK_OK(ll_curvature_eigenpairs_memory(&target, &options, &bytes, error));
    assert_true(bytes > 3 * 3 * 8);
    ll_record_destroy(record);
    ll_problem_destroy(problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_network_like_spectrum),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_field_2_6_clusters_do_not_converge_falsely),
        cmocka_unit_test(test_field_2_6_multiple_eigenvalues_are_all_found),
        cmocka_unit_test(test_small_and_degenerate),
        cmocka_unit_test(test_budget_is_a_reason),
        cmocka_unit_test(test_warm_start_saves_products),
        cmocka_unit_test(test_an_interrupted_solve_continues_to_the_same_bits),
        cmocka_unit_test(test_block_size_changes_cost_not_values),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
