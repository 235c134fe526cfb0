/* Optimisers against PyTorch's steps (expected_steps.h), L-BFGS on functions with known minima, runs of
 * training: order of batches, resume to the same bits, divergence. */
#include "../support_analysis.h"

#include "expected_steps.h"
#include "losslens/problem_vectors.h"
#include "losslens/training.h"

#include <math.h>
#include <string.h>

static ll_problem *rosenbrock(ll_real type, int64_t n, const double *origin)
{
    ll_problem *problem = NULL;
    ll_analytic_options options = {
        .kind = LL_ANALYTIC_ROSENBROCK, .type = type, .dimensions = n, .origin = origin};
    CHECK_OK(ll_problem_create_analytic(&options, &problem, error));
    return problem;
}

static const double start[3] = {-1.2, 1.0, 0.5};

static void check_steps(ll_optimiser_options options, const double expected[4][3])
{
    static const int64_t steps[4] = {1, 2, 10, 50};
    for (int i = 0; i < 4; i++) {
        ll_problem *problem = rosenbrock(LL_REAL_FLOAT64, 3, start);
        ll_record *record = NULL;
        ll_training_options training = {.optimiser = options, .epochs = steps[i]};
        CHECK_OK(ll_training_run(problem, &training, NULL, &record, error));
        for (int j = 0; j < 3; j++)
            CHECK_NEAR(ll_array_get(array_of(record, "theta"), j), expected[i][j],
                       1e-12 * (1 + fabs(expected[i][j])));
        ll_record_destroy(record);
        ll_problem_destroy(problem);
    }
}

static void test_steps_equal_pytorch(void **state)
{
    (void)state;
    ll_optimiser_options sgd = {.kind = LL_OPTIMISER_SGD, .rate = 1e-4};
    check_steps(sgd, expected_sgd);
    sgd.momentum = 0.9;
    check_steps(sgd, expected_momentum);
    sgd.dampening = 0.3;
    check_steps(sgd, expected_dampened);
    sgd.dampening = 0;
    sgd.nesterov = true;
    sgd.weight_decay = 0.01;
    check_steps(sgd, expected_nesterov);
    ll_optimiser_options adam = {.kind = LL_OPTIMISER_ADAM, .rate = 0.01};
    check_steps(adam, expected_adam);
    adam.beta1 = 0.8;
    adam.beta2 = 0.99;
    adam.epsilon = 1e-6;
    adam.weight_decay = 0.1;
    check_steps(adam, expected_adam_decay);
    ll_optimiser_options adamw = {.kind = LL_OPTIMISER_ADAMW, .rate = 0.01, .weight_decay = 0.1};
    check_steps(adamw, expected_adamw);
}

static void test_float32_follows_float64(void **state)
{
    (void)state;
    ll_record *narrow = NULL, *wide = NULL;
    ll_problem *a = rosenbrock(LL_REAL_FLOAT32, 3, start), *b = rosenbrock(LL_REAL_FLOAT64, 3, start);
    ll_training_options training = {.optimiser = {.kind = LL_OPTIMISER_ADAM, .rate = 0.01}, .epochs = 40};
    CHECK_OK(ll_training_run(a, &training, NULL, &narrow, error));
    CHECK_OK(ll_training_run(b, &training, NULL, &wide, error));
    assert_int_equal(array_of(narrow, "theta")->type, LL_ARRAY_FLOAT32);
    for (int j = 0; j < 3; j++)
        CHECK_NEAR(ll_array_get(array_of(narrow, "theta"), j), ll_array_get(array_of(wide, "theta"), j),
                   1e-4);
    ll_record_destroy(narrow);
    ll_record_destroy(wide);
    ll_problem_destroy(a);
    ll_problem_destroy(b);
}

static void test_lbfgs_finds_minima(void **state)
{
    (void)state;
    static const int64_t sizes[] = {2, 10, 50};
    for (int c = 0; c < 3; c++) {
        double origin[50];
        for (int i = 0; i < 50; i++) origin[i] = i % 2 == 0 ? -1.2 : 1.0;
        ll_problem *problem = rosenbrock(LL_REAL_FLOAT64, sizes[c], origin);
        ll_record *record = NULL;
        ll_training_options training = {
            .optimiser = {.kind = LL_OPTIMISER_LBFGS, .tolerance_gradient = 1e-9, .tolerance_change = 1e-14},
            .epochs = 1000};
        CHECK_OK(ll_training_run(problem, &training, NULL, &record, error));
        print_message("          rosenbrock %lld: %g iterations, %g evaluations, loss %g, %s\n",
                      (long long)sizes[c], real_of(record, "steps"), real_of(record, "evaluations"),
                      real_of(record, "last_loss"), text_of(record, "reason"));
        assert_true(real_of(record, "last_loss") < 1e-14 ||
                    real_of(record, "last_loss") > 3); /* or the known local one */
        assert_true(real_of(record, "evaluations") < 400);
        ll_record_destroy(record);
        ll_problem_destroy(problem);
    }
    /* A quadratic of 20 dimensions, condition 1e4. */
    double values[20], origin[20];
    for (int i = 0; i < 20; i++) {
        values[i] = pow(10, 4.0 * i / 19);
        origin[i] = 1;
    }
    ll_analytic_options quadratic = {.kind = LL_ANALYTIC_QUADRATIC,
                                     .type = LL_REAL_FLOAT64,
                                     .dimensions = 20,
                                     .values = values,
                                     .seed = 3,
                                     .origin = origin};
    ll_problem *problem = NULL;
    CHECK_OK(ll_problem_create_analytic(&quadratic, &problem, error));
    ll_record *record = NULL;
    ll_training_options training = {
        .optimiser = {.kind = LL_OPTIMISER_LBFGS, .tolerance_gradient = 1e-8, .tolerance_change = 1e-16},
        .epochs = 500};
    CHECK_OK(ll_training_run(problem, &training, NULL, &record, error));
    assert_true(real_of(record, "steps") < 120);
    for (int i = 0; i < 20; i++) CHECK_NEAR(ll_array_get(array_of(record, "theta"), i), 0, 1e-6);
    ll_record_destroy(record);
    ll_problem_destroy(problem);
}

/* ---------------------------------------------------------------- mini-batches */

enum { SAMPLES = 23 };

/* Mean of 1/2 (x - i)^2 over the listed i; remembers which samples it saw. */
typedef struct watcher {
    int64_t seen[64][SAMPLES], count[64], calls;
    bool explode;
} watcher;

static ll_status watch(void *context, const ll_request *request, ll_error *error)
{
    watcher *w = context;
    (void)error;
    double x = *(const double *)request->thetas[0], sum = 0, slope = 0;
    const ll_samples *list = &request->samples[0];
    for (int64_t i = 0; i < list->count; i++) {
        double d = x - (double)list->indices[i];
        sum += 0.5 * d * d;
        slope += d;
        if (w->calls < 64) w->seen[w->calls][i] = list->indices[i];
    }
    if (w->calls < 64) w->count[w->calls] = list->count;
    w->calls++;
    if (request->loss != NULL)
        request->loss[0] = w->explode && w->calls > 5 ? NAN : sum / (double)list->count;
    if (request->gradients != NULL) *(double *)request->gradients[0] = slope / (double)list->count;
    return LL_OK;
}

static ll_problem *watched(watcher *w)
{
    static const ll_parameter parameter = {.name = "x", .rank = 0, .count = 1, .output_axis = -1};
    static const ll_term term = {"squares", 1, SAMPLES};
    ll_problem_info info = {.name = "watched",
                            .type = LL_REAL_FLOAT64,
                            .parameter_count = 1,
                            .parameters = 1,
                            .parameter = &parameter,
                            .terms = 1,
                            .term = &term,
                            .capabilities = LL_CAN_GRADIENT | LL_CAN_SUBSETS};
    ll_problem_callbacks callbacks = {.evaluate = watch};
    ll_problem *problem = NULL;
    double origin = 100;
    memset(w, 0, sizeof *w);
    CHECK_OK(ll_problem_create_callback(&info, &origin, NULL, NULL, 0, &callbacks, w, &problem, error));
    return problem;
}

static void test_an_epoch_sees_every_sample_once(void **state)
{
    (void)state;
    watcher w;
    ll_problem *problem = watched(&w);
    ll_record *record = NULL;
    ll_training_options training = {
        .optimiser = {.kind = LL_OPTIMISER_SGD, .rate = 0.1}, .batch_size = 5, .epochs = 2, .seed = 4};
    CHECK_OK(ll_training_run(problem, &training, NULL, &record, error));
    assert_int_equal(w.calls, 10);
    int64_t order[2][SAMPLES];
    for (int epoch = 0; epoch < 2; epoch++) {
        int64_t times[SAMPLES] = {0}, at = 0;
        for (int batch = 0; batch < 5; batch++) {
            int64_t count = w.count[epoch * 5 + batch];
            assert_int_equal(count, batch < 4 ? 5 : 3);
            for (int64_t i = 0; i < count; i++) {
                times[w.seen[epoch * 5 + batch][i]]++;
                order[epoch][at++] = w.seen[epoch * 5 + batch][i];
            }
        }
        for (int i = 0; i < SAMPLES; i++) assert_int_equal(times[i], 1);
    }
    assert_memory_not_equal(order[0], order[1], sizeof order[0]);
    CHECK_NEAR(real_of(record, "steps"), 10, 0);
    ll_record_destroy(record);
    ll_problem_destroy(problem);
}

static void test_divergence_is_reported(void **state)
{
    (void)state;
    watcher w;
    ll_problem *problem = watched(&w);
    w.explode = true;
    ll_record *record = NULL;
    ll_training_options training = {.optimiser = {.rate = 0.1}, .batch_size = 5, .epochs = 4};
    CHECK_OK(ll_training_run(problem, &training, NULL, &record, error));
    assert_string_equal(text_of(record, "reason"), "diverged");
    CHECK_NEAR(real_of(record, "stop_step"), 5, 0);
    CHECK_NEAR(real_of(record, "epochs"), 2, 0);
    assert_true(isnan(ll_array_get(array_of(record, "loss"), 1)));
    assert_true(isfinite(ll_array_get(array_of(record, "theta"), 0)));
    ll_record_destroy(record);
    ll_problem_destroy(problem);
}

static void test_resumed_training_ends_in_the_same_bits(void **state)
{
    (void)state;
    for (int kind = LL_OPTIMISER_SGD; kind <= LL_OPTIMISER_LBFGS; kind++)
        for (int type = 0; type < 2; type++) {
            double origin[20];
            for (int i = 0; i < 20; i++) origin[i] = -1 + 0.1 * i;
            ll_problem *problem = rosenbrock((ll_real)type, 20, origin);
            ll_training_options training = {.optimiser = {.kind = (ll_optimiser_kind)kind,
                                                          .history = 4,
                                                          .momentum = kind == LL_OPTIMISER_SGD ? 0.9 : 0},
                                            .schedule = {.kind = LL_SCHEDULE_COSINE, .warm_up = 3},
                                            .epochs = 25,
                                            .checkpoint_every = 3,
                                            .trajectory_every = 2,
                                            .evaluate_role = "evaluate"};
            training.optimiser.rate = kind == LL_OPTIMISER_LBFGS ? 1.0 : 1e-4;
            ll_record *whole = NULL, *record = NULL;
            CHECK_OK(ll_training_run(problem, &training, NULL, &whole, error));
            CHECK_NEAR((double)array_of(whole, "trajectory")->shape[0], 13, 0);
            ll_memory_sink *sink = NULL;
            CHECK_OK(ll_memory_sink_create(&sink, error));
            int interruptions = 0;
            for (int64_t stop = 4;; stop += 5, interruptions++) {
                ll_error failure;
                ll_memory_sink_stop_after(sink, stop);
                ll_status status =
                    ll_training_run(problem, &training, ll_memory_sink_view(sink), &record, &failure);
                if (status == LL_OK) break;
                assert_int_equal(status, LL_CANCELLED);
                assert_true(interruptions < 50);
            }
            assert_true(interruptions >= 2);
            check_same_bytes(whole, record);
            ll_record_destroy(whole);
            ll_record_destroy(record);
            ll_memory_sink_destroy(sink);
            ll_problem_destroy(problem);
        }
}

static void test_schedules(void **state)
{
    (void)state;
    ll_schedule curve = {.kind = LL_SCHEDULE_CURVE};
    CHECK_NEAR(ll_schedule_factor(&curve, 0, 100), 1, 0);
    CHECK_NEAR(ll_schedule_factor(&curve, 50, 100), 1, 0);
    CHECK_NEAR(ll_schedule_factor(&curve, 70, 100), 1 - 0.99 * 0.5, 1e-14);
    CHECK_NEAR(ll_schedule_factor(&curve, 95, 100), 0.01, 0);
    ll_schedule cosine = {.kind = LL_SCHEDULE_COSINE, .final = 0.1, .warm_up = 4};
    CHECK_NEAR(ll_schedule_factor(&cosine, 0, 104), 0.25, 0);
    CHECK_NEAR(ll_schedule_factor(&cosine, 3, 104), 1, 0);
    CHECK_NEAR(ll_schedule_factor(&cosine, 54, 104), 0.55, 1e-14);
    ll_schedule step = {.kind = LL_SCHEDULE_STEP, .every = 10, .factor = 0.5};
    CHECK_NEAR(ll_schedule_factor(&step, 9, 100), 1, 0);
    CHECK_NEAR(ll_schedule_factor(&step, 25, 100), 0.25, 0);
}

static void test_refusals(void **state)
{
    (void)state;
    watcher w;
    ll_problem *batches = watched(&w), *whole = rosenbrock(LL_REAL_FLOAT64, 3, start);
    ll_record *record = NULL;
    ll_error failure;
    ll_training_options options = {.batch_size = 2};
    assert_int_equal(ll_training_run(whole, &options, NULL, &record, &failure), LL_UNSUPPORTED);
    assert_non_null(strstr(failure.message, "subsets"));
    options.optimiser.kind = LL_OPTIMISER_LBFGS;
    assert_int_equal(ll_training_run(batches, &options, NULL, &record, &failure), LL_UNSUPPORTED);
    options = (ll_training_options){.optimiser = {.nesterov = true}};
    assert_int_equal(ll_training_run(whole, &options, NULL, &record, &failure), LL_INVALID_ARGUMENT);
    options = (ll_training_options){.role = "training"};
    assert_int_equal(ll_training_run(whole, &options, NULL, &record, &failure), LL_NOT_FOUND);
    size_t bytes = 0;
    options = (ll_training_options){.epochs = 3};
    CHECK_OK(ll_training_memory(whole, &options, &bytes, error));
    assert_true(bytes >= 5 * 3 * 8);
    assert_null(record);
    ll_problem_destroy(batches);
    ll_problem_destroy(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps_equal_pytorch),
        cmocka_unit_test(test_float32_follows_float64),
        cmocka_unit_test(test_lbfgs_finds_minima),
        cmocka_unit_test(test_an_epoch_sees_every_sample_once),
        cmocka_unit_test(test_divergence_is_reported),
        cmocka_unit_test(test_resumed_training_ends_in_the_same_bits),
        cmocka_unit_test(test_schedules),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
