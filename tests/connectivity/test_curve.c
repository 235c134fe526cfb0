/* Curves on functions whose valleys are known: numbers of straight lines in closed form, the bend's gradient
 * against differences, a barrier that no curve avoids, a valley that a curve must find, starved and
 * interrupted runs. */
#include "../support_analysis.h"

#include "losslens/connectivity.h"
#include "losslens/problem_vectors.h"

#include <math.h>
#include <string.h>

static ll_problem *analytic(ll_analytic_kind kind, int64_t n, const double *values)
{
    return analytic_problem(kind, LL_REAL_FLOAT64, n, values, 0);
}

/* 1 + (x^2 + y^2 - 1)^2: a circular valley of loss 1. */
static ll_status ring_evaluate(void *context, const ll_request *request, ll_error *error)
{
    (void)context;
    (void)error;
    for (int64_t k = 0; k < request->points; k++) {
        const double *x = request->thetas[k];
        double out = x[0] * x[0] + x[1] * x[1] - 1;
        if (request->loss != NULL) request->loss[k] = 1 + out * out;
        if (request->gradients != NULL)
            for (int i = 0; i < 2; i++) ((double *)request->gradients[k])[i] = 4 * out * x[i];
    }
    return LL_OK;
}

static ll_problem *ring(unsigned capabilities)
{
    static const ll_parameter parameter = {
        .name = "x", .rank = 1, .shape = {2}, .count = 2, .output_axis = -1};
    static const ll_term term = {"ring", 1, 1};
    ll_problem_info info = {.name = "ring",
                            .type = LL_REAL_FLOAT64,
                            .parameter_count = 2,
                            .parameters = 1,
                            .parameter = &parameter,
                            .terms = 1,
                            .term = &term,
                            .capabilities = capabilities};
    ll_problem_callbacks callbacks = {.evaluate = ring_evaluate};
    ll_problem *problem = NULL;
    CHECK_OK(ll_problem_create_callback(&info, NULL, NULL, NULL, 0, &callbacks, NULL, &problem, error));
    return problem;
}

static void test_straight_line_in_closed_form(void **state)
{
    (void)state;
    double values[3] = {0, 2, 4}, a[3] = {-1, 0, 0}, b[3] = {1, 0, 0};
    ll_problem *problem = analytic(LL_ANALYTIC_TWO_WELL, 3, values);
    ll_curve_ends ends = {.a = a, .b = b};
    ll_curve_options options = {.kind = LL_CURVE_LINEAR, .initial_loss = 5};
    ll_record *record = NULL;
    CHECK_OK(ll_connectivity_curve(problem, &ends, &options, NULL, &record, error));
    check_reason(record, "line");
    for (int i = 0; i < 61; i++) {
        double x = -1 + 2 * i / 60.0;
        CHECK_NEAR(ll_array_get(array_of(record, "loss"), i), pow(x * x - 1, 2), 1e-14);
    }
    CHECK_NEAR(real_of(record, "mc_loss"), -1, 1e-15);
    CHECK_NEAR(real_of(record, "mc_loss_t"), 0.5, 0);
    CHECK_NEAR(real_of(record, "linear_barrier"), 1, 1e-15);
    CHECK_NEAR(real_of(record, "relative_linear_barrier"), 0.2, 1e-15);
    CHECK_NEAR(real_of(record, "length"), 2, 1e-15);
    ll_record_destroy(record);
    ll_problem_destroy(problem);
}

static void test_measure(void **state)
{
    (void)state;
    /* A better path exists: mc > 0. Ties: the smallest t. Both signs are legal. */
    ll_curve_numbers numbers = ll_curve_measure((double[]){2, 1, 2, 1, 4}, 5);
    CHECK_NEAR(numbers.mc, 2, 0);
    CHECK_NEAR(numbers.mc_t, 0.25, 0);
    CHECK_NEAR(numbers.barrier, 0, 0);
    numbers = ll_curve_measure((double[]){1, 3, 1}, 3);
    CHECK_NEAR(numbers.mc, -2, 0);
    CHECK_NEAR(numbers.barrier, 2, 0);
    numbers = ll_curve_measure((double[]){1, NAN, 9, 1}, 4);
    assert_true(isnan(numbers.mc));
    CHECK_NEAR(numbers.mc_t, 1.0 / 3, 1e-15);
    numbers = ll_curve_measure((double[]){1, INFINITY, 1}, 3);
    assert_true(numbers.mc == -INFINITY);
}

static void test_bend_gradient_equals_differences(void **state)
{
    (void)state;
    enum { N = 6 };
    ll_problem *problem = analytic(LL_ANALYTIC_ROSENBROCK, N, NULL);
    double a[N], b[N], phi[N], gradient[N], unused[N], t[7] = {0.05, 0.2, 0.4, 0.5, 0.55, 0.8, 0.93};
    ll_rng rng = ll_rng_make(2, "test", "ends");
    for (int i = 0; i < N; i++) {
        a[i] = ll_rng_normal(rng, (uint64_t)i);
        b[i] = ll_rng_normal(rng, (uint64_t)(N + i));
        phi[i] = ll_rng_normal(rng, (uint64_t)(2 * N + i));
    }
    ll_curve_ends ends = {.a = a, .b = b};
    for (int kind = LL_CURVE_BEZIER; kind <= LL_CURVE_POLYGON; kind++) {
        double loss = 0;
        CHECK_OK(ll_connectivity_bend_gradient(problem, &ends, (ll_curve_kind)kind, phi, t, 7, NULL, &loss,
                                               gradient, error));
        for (int i = 0; i < N; i++) {
            static const double multiple[4] = {-2, -1, 1, 2}, weight[4] = {1, -8, 8, -1};
            double slope = 0, at = phi[i], side = 0;
            for (int s = 0; s < 4; s++) {
                phi[i] = at + multiple[s] * 1e-3;
                CHECK_OK(ll_connectivity_bend_gradient(problem, &ends, (ll_curve_kind)kind, phi, t, 7, NULL,
                                                       &side, unused, error));
                slope += weight[s] * side / 12e-3;
            }
            phi[i] = at;
            CHECK_NEAR(gradient[i], slope, 1e-8 * (1 + fabs(slope)));
        }
    }
    ll_problem_destroy(problem);
}

static const double ring_a[2] = {-0.9710, 0.2392}, ring_b[2] = {1, 0};

static void test_a_valley_is_found(void **state)
{
    (void)state;
    ll_problem *problem = ring(LL_CAN_GRADIENT);
    ll_curve_ends ends = {.a = ring_a, .b = ring_b};
    for (int kind = LL_CURVE_BEZIER; kind <= LL_CURVE_POLYGON; kind++) {
        ll_curve_options options = {.kind = (ll_curve_kind)kind};
        ll_record *record = NULL;
        CHECK_OK(ll_connectivity_curve(problem, &ends, &options, NULL, &record, error));
        assert_true(real_of(record, "linear_barrier") > 0.9);
        assert_true(real_of(record, "mean_loss") < real_of(record, "linear_mean_loss"));
        if (kind == LL_CURVE_BEZIER) {
            check_reason(record, "connected");
            CHECK_NEAR(real_of(record, "converged"), 1, 0);
            assert_true(real_of(record, "mc_loss") >= -0.05);
            /* half a circle is about 3 long; the parabola near it too */
            CHECK_NEAR(real_of(record, "length"), 2.9, 0.25);
        } else { /* the best two chords of a circle sag by a fixed amount */
            check_reason(record, "no longer moving");
            assert_true(real_of(record, "mc_loss") < -0.05);
        }
        ll_record_destroy(record);
    }
    ll_problem_destroy(problem);
}

/* Every path from x_0 = -1 to +1 crosses the ridge of height 1. */
static void test_a_true_barrier_stays(void **state)
{
    (void)state;
    double values[4] = {0, 2, 4, 1}, a[4] = {-1, 0, 0, 0}, b[4] = {1, 0, 0, 0};
    ll_problem *problem = analytic(LL_ANALYTIC_TWO_WELL, 4, values);
    ll_curve_ends ends = {.a = a, .b = b};
    ll_curve_options options = {.kind = LL_CURVE_BEZIER};
    ll_record *record = NULL;
    CHECK_OK(ll_connectivity_curve(problem, &ends, &options, NULL, &record, error));
    check_reason(record, "no longer moving");
    CHECK_NEAR(real_of(record, "barrier"), 1, 0.02); /* 61 points need not hit the ridge */
    ll_record_destroy(record);
    ll_problem_destroy(problem);
}

/* The same minima with too few steps: unconverged, not a barrier. */
static void test_starved_is_unconverged(void **state)
{
    (void)state;
    ll_problem *problem = ring(LL_CAN_GRADIENT);
    ll_curve_ends ends = {.a = ring_a, .b = ring_b};
    ll_curve_options options = {.kind = LL_CURVE_BEZIER,
                                .budget = 1,
                                .rounds = 1,
                                .optimiser = {.kind = LL_OPTIMISER_SGD, .rate = 1e-3}};
    ll_record *record = NULL;
    CHECK_OK(ll_connectivity_curve(problem, &ends, &options, NULL, &record, error));
    check_reason(record, "unconverged");
    CHECK_NEAR(real_of(record, "converged"), 0, 0);
    assert_true(real_of(record, "mc_loss") < -0.5);
    ll_record_destroy(record);
    ll_problem_destroy(problem);
}

/* A rate that diverges is halved until it does not. */
static void test_unstable_rates_are_halved(void **state)
{
    (void)state;
    ll_problem *problem = ring(LL_CAN_GRADIENT);
    ll_curve_ends ends = {.a = ring_a, .b = ring_b};
    ll_curve_options options = {
        .kind = LL_CURVE_BEZIER, .budget = 100, .optimiser = {.kind = LL_OPTIMISER_SGD, .rate = 50}};
    ll_record *record = NULL;
    CHECK_OK(ll_connectivity_curve(problem, &ends, &options, NULL, &record, error));
    assert_true(real_of(record, "rate") < 50);
    assert_true(isfinite(real_of(record, "mean_loss")));
    ll_record_destroy(record);
    ll_problem_destroy(problem);
}

static void test_an_interrupted_curve_ends_in_the_same_bits(void **state)
{
    (void)state;
    ll_problem *problem = ring(LL_CAN_GRADIENT);
    ll_curve_ends ends = {.a = ring_a, .b = ring_b};
    ll_curve_options options = {.kind = LL_CURVE_POLYGON, .budget = 5};
    ll_record *whole = NULL, *record = NULL;
    CHECK_OK(ll_connectivity_curve(problem, &ends, &options, NULL, &whole, error));
    ll_memory_sink *sink = NULL;
    CHECK_OK(ll_memory_sink_create(&sink, error));
    int interruptions = 0;
    for (;; interruptions++) {
        ll_error failure;
        ll_memory_sink_stop_after(sink, interruptions + 1);
        ll_status status =
            ll_connectivity_curve(problem, &ends, &options, ll_memory_sink_view(sink), &record, &failure);
        if (status == LL_OK) break;
        assert_int_equal(status, LL_CANCELLED);
        assert_true(interruptions < 60);
    }
    assert_true(interruptions >= 3);
    check_same_bytes(whole, record);
    ll_record_destroy(whole);
    ll_record_destroy(record);
    ll_memory_sink_destroy(sink);
    ll_problem_destroy(problem);
}

static void test_pairs(void **state)
{
    (void)state;
    int64_t *pairs = NULL, count = 0;
    CHECK_OK(ll_connectivity_pairs(LL_PAIRS_ALL, 4, 0, NULL, 0, &pairs, &count, error));
    assert_int_equal(count, 6);
    assert_memory_equal(pairs, ((int64_t[]){0, 1, 0, 2, 0, 3, 1, 2, 1, 3, 2, 3}), 12 * sizeof *pairs);
    ll_free(pairs);
    double distances[16] = {0, 1, 5, 9, 1, 0, 2, 8, 5, 2, 0, 3, 9, 8, 3, 0};
    CHECK_OK(ll_connectivity_pairs(LL_PAIRS_NEAREST, 4, 1, distances, 0, &pairs, &count, error));
    assert_int_equal(count, 3); /* 0-1, 1-2, 2-3 */
    assert_memory_equal(pairs, ((int64_t[]){0, 1, 1, 2, 2, 3}), 6 * sizeof *pairs);
    ll_free(pairs);
    CHECK_OK(ll_connectivity_pairs(LL_PAIRS_SAMPLE, 10, 7, NULL, 3, &pairs, &count, error));
    assert_int_equal(count, 7);
    ll_free(pairs);
    ll_error failure;
    assert_int_equal(ll_connectivity_pairs(LL_PAIRS_NEAREST, 4, 1, NULL, 0, &pairs, &count, &failure),
                     LL_INVALID_ARGUMENT);
}

/* Keeps the names of the pieces in the order in which they come; stops after a number of them. */
typedef struct watched {
    char names[4096];
    int64_t puts, stop_after;
} watched;

static ll_status watch_put(void *context, const char *piece, const void *bytes, size_t count, ll_error *error)
{
    (void)bytes, (void)count, (void)error;
    watched *w = context;
    assert_true(strlen(w->names) + strlen(piece) + 2 < sizeof w->names);
    strcat(strcat(w->names, piece), "\n");
    w->puts++;
    return LL_OK;
}

static bool watch_stop(void *context)
{
    const watched *w = context;
    return w->stop_after >= 0 && w->puts >= w->stop_after;
}

/* Each pair as if alone; all straight lines before any curve; the pair with the lower barrier is trained
 * first; an early stop keeps what is known. */
static void test_several_pairs(void **state)
{
    (void)state;
    static const double side[2] = {0, 1};
    ll_problem *problem = ring(LL_CAN_GRADIENT);
    const ll_curve_ends ends[2] = {{.a = ring_a, .b = ring_b}, {.a = ring_a, .b = side}};
    const ll_curve_options options = {.kind = LL_CURVE_POLYGON, .budget = 20};
    ll_record *alone[2] = {NULL, NULL}, *records[2];
    for (int k = 0; k < 2; k++)
        CHECK_OK(ll_connectivity_curve(problem, &ends[k], &options, NULL, &alone[k], error));
    assert_true(real_of(alone[1], "linear_barrier") < real_of(alone[0], "linear_barrier"));
    watched w = {.stop_after = -1};
    ll_sink sink = {.context = &w, .put = watch_put, .should_stop = watch_stop};
    CHECK_OK(ll_connectivity_curves(problem, ends, 2, &options, &sink, records, error));
    static const char order[] = "pair/0/line\npair/1/line\npair/1/curve/0\n";
    assert_int_equal(strncmp(w.names, order, strlen(order)), 0);
    assert_non_null(strstr(w.names, "pair/0/curve/0\n"));
    for (int k = 0; k < 2; k++) {
        check_same_bytes(alone[k], records[k]);
        ll_record_destroy(records[k]);
    }
    w = (watched){.stop_after = 1}; /* after the first line */
    assert_int_equal(ll_connectivity_curves(problem, ends, 2, &options, &sink, records, NULL), LL_CANCELLED);
    assert_non_null(records[0]);
    assert_null(records[1]);
    check_reason(records[0], "line");
    CHECK_NEAR(real_of(records[0], "linear_barrier"), real_of(alone[0], "linear_barrier"), 0);
    ll_record_destroy(records[0]);
    for (int k = 0; k < 2; k++) ll_record_destroy(alone[k]);
    ll_problem_destroy(problem);
}

static void test_lines_need_no_gradient(void **state)
{
    (void)state;
    ll_problem *problem = ring(0);
    ll_curve_ends ends = {.a = ring_a, .b = ring_b};
    ll_curve_options options = {.kind = LL_CURVE_LINEAR};
    ll_record *record = NULL;
    ll_error failure;
    CHECK_OK(ll_connectivity_curve(problem, &ends, &options, NULL, &record, error));
    ll_record_destroy(record);
    options.kind = LL_CURVE_BEZIER;
    assert_int_equal(ll_connectivity_curve(problem, &ends, &options, NULL, &record, &failure),
                     LL_UNSUPPORTED);
    assert_non_null(strstr(failure.message, "gradient"));
    ll_problem_destroy(problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_straight_line_in_closed_form),
        cmocka_unit_test(test_measure),
        cmocka_unit_test(test_bend_gradient_equals_differences),
        cmocka_unit_test(test_a_valley_is_found),
        cmocka_unit_test(test_a_true_barrier_stays),
        cmocka_unit_test(test_starved_is_unconverged),
        cmocka_unit_test(test_unstable_rates_are_halved),
        cmocka_unit_test(test_an_interrupted_curve_ends_in_the_same_bits),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_several_pairs),
        cmocka_unit_test(test_lines_need_no_gradient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
