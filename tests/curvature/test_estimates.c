/* Trace, diagonal, spectral density, check of derivatives and negative curvature against closed forms. */
#include "../support_analysis.h"

#include "losslens/curvature.h"
#include "losslens/problem_vectors.h"

#include <math.h>
#include <string.h>

static ll_problem *quadratic(ll_real type, int64_t n, const double *values, uint64_t seed)
{
    return analytic_problem(LL_ANALYTIC_QUADRATIC, type, n, values, seed);
}

enum { N = 300 };

/* n values, a few large: sums are known exactly. */
static void spectrum(double *values, double *moments)
{
    memset(moments, 0, 5 * sizeof *moments);
    for (int i = 0; i < N; i++) {
        values[i] = i < 5 ? 40.0 - 5 * i : -1.0 + 2.0 * i / N;
        for (int k = 0; k < 5; k++) moments[k] += pow(values[i], k) / N;
    }
}

static void test_trace_within_its_error(void **state)
{
    (void)state;
    double values[N], moments[5];
    spectrum(values, moments);
    for (int method = 0; method < 2; method++)
        for (int type = 0; type < 2; type++) {
            int within = 0;
            for (uint64_t seed = 1; seed <= 10; seed++) {
                ll_problem *problem = quadratic((ll_real)type, N, values, 3);
                ll_curvature_target target = {.problem = problem};
                ll_trace_options options = {
                    .method = (ll_trace_method)method, .tolerance = 0.01, .seed = seed, .max_probes = 2000};
                ll_record *record = NULL;
                CHECK_OK(ll_curvature_trace(&target, &options, NULL, &record, error));
                assert_string_equal(text_of(record, "reason"), "standard error reached");
                double error = real_of(record, "standard_error"), wanted = moments[1] * N;
                assert_true(error <= 0.01 * fabs(real_of(record, "trace")));
                within += fabs(real_of(record, "trace") - wanted) <= 2.5 * error + 1e-4 * wanted;
                /* One tensor: its trace is the whole's estimate in another form. */
                CHECK_NEAR(ll_array_get(array_of(record, "tensor_trace"), 0), wanted,
                           5 * ll_array_get(array_of(record, "tensor_standard_error"), 0) + 1e-3 * wanted);
                ll_record_destroy(record);
                ll_problem_destroy(problem);
            }
            assert_true(within >= 8); /* about 98 % would be */
        }
}

/* A diagonal matrix: Rademacher probes are exact, z_i^2 = 1. */
static void test_diagonal_matrix_is_exact(void **state)
{
    (void)state;
    double values[N], moments[5];
    spectrum(values, moments);
    ll_problem *problem = quadratic(LL_REAL_FLOAT64, N, values, 0);
    ll_curvature_target target = {.problem = problem};
    ll_record *record = NULL;
    CHECK_OK(ll_curvature_trace(&target, NULL, NULL, &record, error));
    CHECK_NEAR(real_of(record, "trace"), moments[1] * N, 1e-10);
    CHECK_NEAR(real_of(record, "probes"), 8, 0);
    ll_record_destroy(record);
    CHECK_OK(ll_curvature_diagonal(&target, NULL, NULL, &record, error));
    for (int i = 0; i < N; i++) CHECK_NEAR(ll_array_get(array_of(record, "diagonal"), i), values[i], 1e-13);
    ll_record_destroy(record);
    ll_problem_destroy(problem);
}

/* FIELD 2.6: a trace that stops when the running mean changes little stops by luck. Ours states a standard
 * error, also when the budget ends first. */
static void test_field_2_6_trace_budget_is_a_reason(void **state)
{
    (void)state;
    double values[N], moments[5];
    spectrum(values, moments);
    ll_problem *problem = quadratic(LL_REAL_FLOAT64, N, values, 3);
    ll_curvature_target target = {.problem = problem};
    ll_trace_options options = {.tolerance = 1e-6, .max_probes = 40};
    ll_record *record = NULL;
    CHECK_OK(ll_curvature_trace(&target, &options, NULL, &record, error));
    assert_string_equal(text_of(record, "reason"), "maximum probes");
    CHECK_NEAR(real_of(record, "probes"), 40, 0);
    /* The standard error is that of the stored probe values. */
    const ll_array *probes = array_of(record, "probe_values");
    double mean = 0, squares = 0;
    for (int i = 0; i < 40; i++) mean += ll_array_get(probes, i) / 40;
    for (int i = 0; i < 40; i++) squares += pow(ll_array_get(probes, i) - mean, 2);
    CHECK_NEAR(real_of(record, "trace"), mean, 1e-10);
    CHECK_NEAR(real_of(record, "standard_error"), sqrt(squares / (40 * 39)), 1e-10);
    ll_record_destroy(record);
    ll_problem_destroy(problem);
}

static void test_hutchpp_needs_fewer_probes(void **state)
{
    (void)state;
    double values[N];
    for (int i = 0; i < N; i++) values[i] = i < 8 ? 100.0 / (1 + i) : 0.01;
    ll_problem *problem = quadratic(LL_REAL_FLOAT64, N, values, 3);
    ll_curvature_target target = {.problem = problem};
    ll_trace_options options = {.tolerance = 0.002, .max_probes = 20000, .seed = 1};
    ll_record *plain = NULL, *sketched = NULL;
    CHECK_OK(ll_curvature_trace(&target, &options, NULL, &plain, error));
    options.method = LL_TRACE_HUTCHPP;
    CHECK_OK(ll_curvature_trace(&target, &options, NULL, &sketched, error));
    print_message("          products: hutchinson %g, hutch++ %g\n", real_of(plain, "products"),
                  real_of(sketched, "products"));
    assert_true(real_of(sketched, "products") < 0.5 * real_of(plain, "products"));
    double wanted = 0;
    for (int i = 0; i < N; i++) wanted += values[i];
    CHECK_NEAR(real_of(sketched, "trace"), wanted, 0.01 * wanted);
    ll_record_destroy(plain);
    ll_record_destroy(sketched);
    ll_problem_destroy(problem);
}

/* FIELD 2.6: density weights. Lanczos quadrature with m steps integrates x^k exactly for k < 2m in each
 * probe's measure; the mean over probes is the moment of the spectrum within its error. */
static void test_field_2_6_density_moments(void **state)
{
    (void)state;
    double values[N], moments[5];
    spectrum(values, moments);
    for (int type = 0; type < 2; type++) {
        ll_problem *problem = quadratic((ll_real)type, N, values, 3);
        ll_curvature_target target = {.problem = problem};
        ll_density_options options = {.steps = 40, .probes = 60, .together = 3, .seed = 2};
        ll_record *record = NULL;
        CHECK_OK(ll_curvature_density(&target, &options, NULL, &record, error));
        const ll_array *got = array_of(record, "moments"),
                       *errors = array_of(record, "moment_standard_error");
        CHECK_NEAR(ll_array_get(got, 0), 1, 1e-9);
        for (int k = 1; k < 5; k++)
            CHECK_NEAR(ll_array_get(got, k), moments[k],
                       3.5 * ll_array_get(errors, k) + 1e-5 * fabs(moments[k]));
        /* Per probe, exactly: sum w x^k = v'H^k v, computed here with products. */
        const ll_array *nodes = array_of(record, "nodes"), *weights = array_of(record, "weights");
        double sums[3] = {0};
        for (int i = 0; i < 40; i++)
            for (int k = 0; k < 3; k++) sums[k] += ll_array_get(weights, i) * pow(ll_array_get(nodes, i), k);
        double v[N], hv[N];
        float v32[N], hv32[N];
        ll_rng rng = ll_rng_make(2, "density", "0");
        for (int i = 0; i < N; i++)
            v32[i] = (float)(v[i] = ll_rng_rademacher(rng, (uint64_t)i) / sqrt((double)N));
        const void *vectors[] = {type == LL_REAL_FLOAT32 ? (void *)v32 : v},
                   *thetas[] = {ll_problem_origin(problem)};
        void *products[] = {type == LL_REAL_FLOAT32 ? (void *)hv32 : hv};
        ll_request request = {
            .points = 1, .thetas = thetas, .product_count = 1, .vectors = vectors, .products = products};
        CHECK_OK(ll_problem_evaluate(problem, &request, error));
        CHECK_NEAR(sums[1], ll_vector_dot((ll_real)type, N, vectors[0], products[0]), 1e-4);
        CHECK_NEAR(sums[2], ll_vector_dot((ll_real)type, N, products[0], products[0]), 1e-3);
        /* The smoothed density integrates to one; half of the bulk is negative. */
        const ll_array *grid = array_of(record, "grid"), *density = array_of(record, "density");
        double area = 0, h = ll_array_get(grid, 1) - ll_array_get(grid, 0);
        for (int64_t i = 0; i < grid->shape[0]; i++) area += h * ll_array_get(density, i);
        CHECK_NEAR(area, 1, 1e-3);
        double negative = 0;
        for (int i = 0; i < N; i++) negative += values[i] < 0 ? 1.0 / N : 0;
        CHECK_NEAR(real_of(record, "negative_mass"), negative, 0.05);
        ll_record_destroy(record);
        ll_problem_destroy(problem);
    }
}

static void test_density_of_few_distinct_values(void **state)
{
    (void)state;
    double values[N];
    for (int i = 0; i < N; i++)
        values[i] = i % 3 == 0 ? 5 : i % 3 == 1 ? 1 : -2; /* Krylov spaces end after 3 steps */
    ll_problem *problem = quadratic(LL_REAL_FLOAT64, N, values, 0);
    ll_curvature_target target = {.problem = problem};
    ll_record *record = NULL;
    CHECK_OK(ll_curvature_density(&target, NULL, NULL, &record, error));
    const ll_array *nodes = array_of(record, "nodes"), *weights = array_of(record, "weights");
    for (int p = 0; p < 10; p++) {
        CHECK_NEAR(ll_array_get(array_of(record, "steps_used"), p), 3, 0);
        int64_t row = p * nodes->shape[1];
        const double wanted[] = {-2, 1, 5};
        for (int i = 0; i < 3; i++) {
            CHECK_NEAR(ll_array_get(nodes, row + i), wanted[i], 1e-10);
            CHECK_NEAR(ll_array_get(weights, row + i), 1.0 / 3, 1e-10);
        }
        assert_true(ll_array_get(weights, row + 3) == 0);
    }
    ll_record_destroy(record);
    ll_problem_destroy(problem);
}

static ll_status run_one(int which, ll_problem *problem, const ll_sink *sink, ll_record **record,
                         ll_error *error)
{
    ll_curvature_target target = {.problem = problem};
    ll_trace_options trace = {
        .tolerance = 1e-9, .max_probes = 24, .method = which == 1 ? LL_TRACE_HUTCHPP : LL_TRACE_HUTCHINSON};
    ll_density_options density = {.steps = 12, .probes = 7};
    if (which == 2) return ll_curvature_diagonal(&target, &trace, sink, record, error);
    if (which == 3) return ll_curvature_density(&target, &density, sink, record, error);
    return ll_curvature_trace(&target, &trace, sink, record, error);
}

static void test_interrupted_estimates_end_in_the_same_bits(void **state)
{
    (void)state;
    double values[N], moments[5];
    spectrum(values, moments);
    ll_problem *problem = quadratic(LL_REAL_FLOAT32, N, values, 3);
    for (int which = 0; which < 4; which++) {
        ll_record *whole = NULL, *record = NULL;
        CHECK_OK(run_one(which, problem, NULL, &whole, error));
        ll_memory_sink *sink = NULL;
        CHECK_OK(ll_memory_sink_create(&sink, error));
        int interruptions = 0;
        for (;; interruptions++) {
            ll_error failure;
            ll_memory_sink_stop_after(sink, interruptions + 1);
            ll_status status = run_one(which, problem, ll_memory_sink_view(sink), &record, &failure);
            if (status == LL_OK) break;
            assert_int_equal(status, LL_CANCELLED);
            assert_true(interruptions < 50);
        }
        assert_true(interruptions >= 2);
        check_same_bytes(whole, record);
        ll_record_destroy(whole);
        ll_record_destroy(record);
        ll_memory_sink_destroy(sink);
    }
    ll_problem_destroy(problem);
}

/* ---------------------------------------------------------------- derivatives */

typedef struct broken {
    int kind; /* 0 right, 1 gradient off by 1 %, 2 product off, 3 asymmetric, 4 random */
    int calls;
} broken;

static ll_status broken_evaluate(void *context, const ll_request *request, ll_error *error)
{
    broken *b = context;
    (void)error;
    b->calls++;
    for (int64_t k = 0; k < request->points; k++) {
        const double *x = request->thetas[k];
        double noise = b->kind == 4 ? 1e-9 * b->calls : 0;
        if (request->loss != NULL) request->loss[k] = sin(x[0]) * x[1] + pow(x[2], 4) + noise;
        if (request->gradients != NULL) {
            double *g = request->gradients[k];
            g[0] = cos(x[0]) * x[1] * (b->kind == 1 ? 1.01 : 1);
            g[1] = sin(x[0]);
            g[2] = 4 * pow(x[2], 3);
        }
        for (int64_t v = 0; v < request->product_count; v++) {
            const double *u = request->vectors[v];
            double *h = request->products[k * request->product_count + v];
            h[0] = -sin(x[0]) * x[1] * u[0] + cos(x[0]) * u[1];
            h[1] = cos(x[0]) * u[0] * (b->kind == 3 ? 1.001 : 1);
            h[2] = (b->kind == 2 ? 12.1 : 12) * x[2] * x[2] * u[2];
        }
    }
    return LL_OK;
}

static void test_check_finds_wrong_derivatives(void **state)
{
    (void)state;
    static const char *const words[] = {"agree", "gradient is not", "Hessian product is not",
                                        "Hessian product is not", "random"};
    ll_parameter parameter = {.name = "x", .rank = 1, .shape = {3}, .count = 3, .output_axis = -1};
    ll_term term = {"value", 1, 1};
    ll_problem_info info = {.name = "user",
                            .type = LL_REAL_FLOAT64,
                            .parameter_count = 3,
                            .parameters = 1,
                            .parameter = &parameter,
                            .terms = 1,
                            .term = &term,
                            .capabilities = LL_CAN_GRADIENT | LL_CAN_HESSIAN};
    ll_problem_callbacks callbacks = {.evaluate = broken_evaluate};
    double origin[3] = {0.7, -1.3, 0.9};
    for (int kind = 0; kind < 5; kind++) {
        broken b = {.kind = kind};
        ll_problem *problem = NULL;
        CHECK_OK(ll_problem_create_callback(&info, origin, NULL, NULL, 0, &callbacks, &b, &problem, error));
        ll_record *record = NULL;
        ll_curvature_target target = {.problem = problem};
        CHECK_OK(ll_curvature_check(&target, NULL, &record, error));
        CHECK_NEAR(real_of(record, "passed"), kind == 0, 0);
        if (strstr(text_of(record, "verdict"), words[kind]) == NULL)
            fail_msg("kind %d: %s", kind, text_of(record, "verdict"));
        ll_record_destroy(record);
        ll_problem_destroy(problem);
    }
}

static void test_check_in_both_types(void **state)
{
    (void)state;
    for (int type = 0; type < 2; type++)
        for (int kind = LL_ANALYTIC_ROSENBROCK; kind <= LL_ANALYTIC_RASTRIGIN; kind++) {
            ll_problem *problem = NULL;
            ll_analytic_options options = {.kind = (ll_analytic_kind)kind,
                                           .type = (ll_real)type,
                                           .dimensions = 2,
                                           .origin = (double[]){0.3, -0.2}};
            CHECK_OK(ll_problem_create_analytic(&options, &problem, error));
            ll_record *record = NULL;
            ll_curvature_target target = {.problem = problem};
            CHECK_OK(ll_curvature_check(&target, NULL, &record, error));
            if (real_of(record, "passed") != 1)
                fail_msg("%s: %g %g %g", text_of(record, "verdict"), real_of(record, "gradient_error"),
                         real_of(record, "product_error"), real_of(record, "symmetry_error"));
            ll_record_destroy(record);
            ll_problem_destroy(problem);
        }
}

static void test_negative_curvature(void **state)
{
    (void)state;
    double values[40];
    for (int i = 0; i < 40; i++) values[i] = i == 0 ? -5 : i == 1 ? -2 : 1 + i;
    double origin[40] = {0};
    origin[5] = 2;
    ll_problem *problem = NULL;
    ll_analytic_options options = {.kind = LL_ANALYTIC_QUADRATIC,
                                   .type = LL_REAL_FLOAT64,
                                   .dimensions = 40,
                                   .values = values,
                                   .origin = origin};
    CHECK_OK(ll_problem_create_analytic(&options, &problem, error));
    ll_curvature_target target = {.problem = problem};
    ll_eigen_options eigen = {.count = 3, .tolerance = 1e-8};
    ll_record *record = NULL;
    CHECK_OK(ll_curvature_negative(&target, &eigen, 0.5, NULL, &record, error));
    CHECK_NEAR(real_of(record, "negative_count"), 2, 0);
    CHECK_NEAR(real_of(record, "ratio"), 5.0 / 40, 1e-10);
    /* Along the first: 1/2 6 2^2 - 5/2 r^2, r = 0.5 * 2. */
    CHECK_NEAR(ll_array_get(array_of(record, "loss_along"), 0), 12 - 2.5, 1e-9);
    CHECK_NEAR(ll_array_get(array_of(record, "loss_along"), 5), 12 - 2.5, 1e-9);
    CHECK_NEAR(ll_array_get(array_of(record, "slope"), 0), 0, 1e-6);
    ll_record_destroy(record);
    ll_problem_destroy(problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trace_within_its_error),
        cmocka_unit_test(test_diagonal_matrix_is_exact),
        cmocka_unit_test(test_field_2_6_trace_budget_is_a_reason),
        cmocka_unit_test(test_hutchpp_needs_fewer_probes),
        cmocka_unit_test(test_field_2_6_density_moments),
        cmocka_unit_test(test_density_of_few_distinct_values),
        cmocka_unit_test(test_interrupted_estimates_end_in_the_same_bits),
        cmocka_unit_test(test_check_finds_wrong_derivatives),
        cmocka_unit_test(test_check_in_both_types),
        cmocka_unit_test(test_negative_curvature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
