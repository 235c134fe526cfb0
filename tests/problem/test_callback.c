/* A Problem plugged in from outside the library: least squares y = a x + b on a handful of points, in two
 * terms, with one buffer. Once with every capability, once with loss and gradient only. */
#include "../support_cmocka.h"

#include "losslens/problem_vectors.h"

#include <math.h>
#include <string.h>

enum { SAMPLES = 4 };
static const double xs[SAMPLES] = {-1, 0, 1, 3}, ys[SAMPLES] = {2, 1, 0.5, -1};

typedef struct model {
    int calls, destroyed;
    bool saw_slice, saw_decay;
} model;

/* term 0: (a x + b + shift - y)^2 over samples, weight 2; term 1: sin(a) b, one sample, weight 1. */
static ll_status model_evaluate(void *context, const ll_request *request, ll_error *error)
{
    model *m = context;
    (void)error;
    m->calls++;
    if (request->thetas == NULL || request->dimensions != 0) m->saw_slice = true;
    for (int64_t k = 0; k < request->points; k++) {
        const double *theta = request->thetas[k];
        const double *buffer = request->buffers[request->buffers_shared ? 0 : k];
        int64_t count = request->samples != NULL ? request->samples[0].count : SAMPLES;
        double a = theta[0], b = theta[1] + buffer[0], sum = 0, ga = 0, gb = 0, wrong = 0, mean = 0;
        for (int64_t i = 0; i < count; i++) {
            int64_t s = request->samples != NULL ? request->samples[0].indices[i] : i;
            double r = a * xs[s] + b - ys[s];
            sum += r * r;
            ga += 2 * r * xs[s];
            gb += 2 * r;
            wrong += fabs(r) > 0.5;
            mean += xs[s];
            for (int64_t f = 0; f < request->feature_layers; f++)
                ((double *)request->features[k * request->feature_layers + f])[i] = a * xs[s] + b;
        }
        double n = (double)count, side = sin(theta[0]) * theta[1];
        if (request->mode == LL_MODE_CALIBRATION) {
            *(double *)request->buffers_out[k] = mean / n;
            continue;
        }
        if (request->loss != NULL) request->loss[k] = 2 * sum / n + side;
        if (request->terms != NULL) {
            request->terms[2 * k] = sum / n;
            request->terms[2 * k + 1] = side;
        }
        if (request->metrics != NULL) request->metrics[k] = wrong / n;
        if (request->gradients != NULL) {
            double *g = request->gradients[k];
            g[0] = 2 * ga / n + cos(theta[0]) * theta[1];
            g[1] = 2 * gb / n + sin(theta[0]);
        }
        for (int64_t v = 0; v < request->product_count; v++) {
            double xx = 0, x = 0;
            for (int64_t i = 0; i < count; i++) {
                int64_t s = request->samples != NULL ? request->samples[0].indices[i] : i;
                xx += xs[s] * xs[s];
                x += xs[s];
            }
            double haa = 4 * xx / n, hab = 4 * x / n, hbb = 4;
            if (request->product == LL_PRODUCT_HESSIAN) {
                haa -= sin(theta[0]) * theta[1];
                hab += cos(theta[0]);
            }
            const double *u = request->vectors[v];
            double *h = request->products[k * request->product_count + v];
            h[0] = haa * u[0] + hab * u[1];
            h[1] = hab * u[0] + hbb * u[1];
        }
    }
    return LL_OK;
}

static size_t model_memory(void *context, const ll_request *request)
{
    (void)context;
    return (size_t)(1000 * request->points);
}

static void model_destroy(void *context) { ((model *)context)->destroyed++; }

static const ll_parameter parameters[] = {
    {.name = "slope", .count = 1, .offset = 0, .output_axis = -1, .role = LL_ROLE_SCALAR, .decays = true},
    {.name = "shift", .count = 1, .offset = 1, .output_axis = -1, .role = LL_ROLE_BIAS},
};
static const ll_buffer_entry buffers[] = {{"running_shift", 0, 1}};
static const ll_term terms[] = {{"squares", 2.0, SAMPLES}, {"side", 1.0, 1}};
static const ll_metric metrics[] = {{"far", "", false}};
static const ll_layer layers[] = {{"output", 1}};
static const int64_t fit[] = {0, 1, 2}, evaluate[] = {3};

enum {
    ALL = LL_CAN_GRADIENT | LL_CAN_HESSIAN | LL_CAN_GGN | LL_CAN_METRICS | LL_CAN_FEATURES |
          LL_CAN_TRAINING_MODE | LL_CAN_CALIBRATE | LL_CAN_SUBSETS
};

static ll_problem_info table(unsigned capabilities)
{
    return (ll_problem_info){.name = "line",
                             .type = LL_REAL_FLOAT64,
                             .parameter_count = 2,
                             .buffer_count = 1,
                             .parameters = 2,
                             .buffers = 1,
                             .terms = 2,
                             .metrics = (capabilities & LL_CAN_METRICS) != 0,
                             .layers = (capabilities & LL_CAN_FEATURES) != 0,
                             .parameter = parameters,
                             .buffer = buffers,
                             .term = terms,
                             .metric = metrics,
                             .layer = layers,
                             .capabilities = capabilities};
}

static const double origin[2] = {0.5, -1}, origin_buffer[1] = {0.25};

static ll_problem *plug_in(model *m, unsigned capabilities)
{
    ll_problem_info info = table(capabilities);
    ll_problem_callbacks callbacks = {model_evaluate, model_memory, model_destroy};
    ll_role_samples roles[] = {{"fit", 0, fit, 3}, {"evaluate", 0, evaluate, 1}};
    ll_problem *problem = NULL;
    *m = (model){0};
    CHECK_OK(
        ll_problem_create_callback(&info, origin, origin_buffer, roles, 2, &callbacks, m, &problem, error));
    return problem;
}

static void test_everything(void **state)
{
    (void)state;
    model m;
    ll_problem *problem = plug_in(&m, ALL);
    CHECK_OK(ll_problem_set_weight_decay(problem, 0.5, error));
    const ll_problem_info *info = ll_problem_view(problem);
    assert_string_equal(info->parameter[1].name, "shift");
    assert_ptr_not_equal(info->parameter[1].name, parameters[1].name); /* a deep copy */
    assert_true(((const double *)ll_problem_origin(problem))[1] == -1);

    /* Two points on a slice, with subsets, through every output at once. */
    double along[2] = {1, 2}, coefficients[2] = {0, 0.5}, loss[2], term[6], metric[2], gradient[2][2],
           product[2][2], feature[2][2];
    const void *directions[] = {along}, *vectors[] = {along};
    void *gradients[] = {gradient[0], gradient[1]}, *products[] = {product[0], product[1]},
         *features[] = {feature[0], feature[1]};
    int64_t chosen[] = {3, 1}, zero = 0;
    ll_samples lists[] = {{chosen, 2}, {NULL, 0}};
    ll_request request = {.points = 2,
                          .origin = origin,
                          .dimensions = 1,
                          .directions = directions,
                          .coefficients = coefficients,
                          .samples = lists,
                          .loss = loss,
                          .terms = term,
                          .metrics = metric,
                          .gradients = gradients,
                          .product_count = 1,
                          .vectors = vectors,
                          .products = products,
                          .feature_layers = 1,
                          .feature_layer = &zero,
                          .features = features};
    CHECK_OK(ll_problem_evaluate(problem, &request, error));
    assert_false(m.saw_slice);
    for (int k = 0; k < 2; k++) {
        double a = k == 0 ? 0.5 : 1.0, shift = k == 0 ? -1.0 : 0.0, b = shift + 0.25;
        double r0 = a * 3 + b + 1, r1 = b - 1, squares = (r0 * r0 + r1 * r1) / 2, side = sin(a) * shift;
        CHECK_NEAR(term[3 * k], squares, 1e-14);
        CHECK_NEAR(term[3 * k + 1], side, 1e-14);
        CHECK_NEAR(term[3 * k + 2], 0.25 * a * a, 1e-15); /* only the slope decays */
        CHECK_NEAR(loss[k], 2 * squares + side + 0.25 * a * a, 1e-13);
        CHECK_NEAR(gradient[k][0], 2 * (2 * r0 * 3) / 2 + cos(a) * shift + 0.5 * a, 1e-13);
        CHECK_NEAR(gradient[k][1], 2 * (2 * r0 + 2 * r1) / 2 + sin(a), 1e-13);
        CHECK_NEAR(product[k][0], (4 * 9 / 2.0 - sin(a) * shift + 0.5) * 1 + (4 * 3 / 2.0 + cos(a)) * 2,
                   1e-13);
        CHECK_NEAR(feature[k][0], a * 3 + b, 1e-15); /* in the order of the list */
        CHECK_NEAR(feature[k][1], b, 1e-15);
        CHECK_NEAR(metric[k], (fabs(r0) > .5) / 2.0 + (fabs(r1) > .5) / 2.0, 0);
    }
    /* Without decay the extra column disappears. */
    CHECK_OK(ll_problem_set_weight_decay(problem, 0, error));
    term[2] = -77;
    request.points = 1;
    CHECK_OK(ll_problem_evaluate(problem, &request, error));
    CHECK_NEAR(term[2], -77, 0);

    /* Calibration writes new buffers, the Problem's own stay. */
    double out[1];
    void *buffers_out[] = {out};
    ll_request calibrate = {.points = 1,
                            .origin = origin,
                            .mode = LL_MODE_CALIBRATION,
                            .batch_size = 2,
                            .buffers_out = buffers_out};
    CHECK_OK(ll_problem_evaluate(problem, &calibrate, error));
    CHECK_NEAR(out[0], 0.75, 0);
    assert_true(((const double *)ll_problem_origin_buffers(problem))[0] == 0.25);

    size_t bytes = 0;
    CHECK_OK(ll_problem_memory(problem, &request, &bytes, error));
    assert_int_equal(bytes, 1000 + 16); /* the call-back's own, and one expanded point */
    ll_problem_destroy(problem);
    assert_int_equal(m.destroyed, 1);
}

static void test_gradient_only(void **state)
{
    (void)state;
    model m, full_model;
    ll_problem *problem = plug_in(&m, LL_CAN_GRADIENT), *full = plug_in(&full_model, ALL);
    CHECK_OK(ll_problem_set_weight_decay(problem, 0.5, error));
    CHECK_OK(ll_problem_set_weight_decay(full, 0.5, error));
    double v[2] = {0.3, -2}, wanted[2], got[2], step = 0, relative = -1;
    const void *vectors[] = {v}, *thetas[] = {origin};
    void *products[] = {wanted};
    ll_request request = {
        .points = 1, .thetas = thetas, .product_count = 1, .vectors = vectors, .products = products};
    CHECK_OK(ll_problem_evaluate(full, &request, error));
    products[0] = got;
    ll_error failure;
    /* Refused before work starts, by the name of what is missing ... */
    assert_int_equal(ll_problem_evaluate(problem, &request, &failure), LL_UNSUPPORTED);
    assert_non_null(strstr(failure.message, "hessian"));
    assert_int_equal(m.calls, 0);
    /* ... or emulated openly: step and error are told, and the error bounds the truth. */
    request.allow_emulation = true;
    request.emulated_step = &step;
    request.emulated_error = &relative;
    CHECK_OK(ll_problem_evaluate(problem, &request, error));
    CHECK_NEAR(got[0], wanted[0], 1e-9);
    CHECK_NEAR(got[1], wanted[1], 1e-9);
    assert_true(step > 0 && step < 1e-2);
    double off = hypot(got[0] - wanted[0], got[1] - wanted[1]) / hypot(wanted[0], wanted[1]);
    assert_true(relative >= 0 && relative < 1e-6 && off <= relative + 1e-11);
    size_t bytes = 0;
    CHECK_OK(ll_problem_memory(problem, &request, &bytes, error));
    assert_int_equal(bytes, 4000 + 8 * 16);
    /* Emulation is not reported where nothing was emulated. */
    CHECK_OK(ll_problem_evaluate(full, &request, error));
    CHECK_NEAR(step, 0, 0);
    CHECK_NEAR(relative, 0, 0);
    ll_problem_destroy(problem);
    ll_problem_destroy(full);
}

/* Asserts a refusal that mentions `word`, before any call of the model. */
static void refused(ll_problem *problem, model *m, const ll_request *request, ll_status status,
                    const char *word)
{
    ll_error failure = {0};
    int calls = m->calls;
    ll_status got = ll_problem_evaluate(problem, request, &failure);
    if (got != status || strstr(failure.message, word) == NULL)
        fail_msg("wanted %s about \"%s\", got %s: %s", ll_status_name(status), word, ll_status_name(got),
                 failure.message);
    assert_int_equal(ll_problem_check(problem, request, NULL), status);
    assert_int_equal(m->calls, calls);
}

static void test_refusals_name_what_is_missing(void **state)
{
    (void)state;
    model m, bare_model;
    ll_problem *full = plug_in(&m, ALL), *bare = plug_in(&bare_model, 0);
    double loss = 0, value[2] = {1, 1};
    const void *thetas[] = {origin}, *vectors[] = {value};
    void *outputs[] = {value, value};
    int64_t index = 0, outside = 4, twice[] = {0, 0};
    ll_request good = {.points = 1, .thetas = thetas, .loss = &loss};
    CHECK_OK(ll_problem_evaluate(bare, &good, error));

    ll_request bad = good;
    bad.points = 0;
    refused(full, &m, &bad, LL_INVALID_ARGUMENT, "points");
    bad = good;
    bad.loss = NULL;
    refused(full, &m, &bad, LL_INVALID_ARGUMENT, "wants nothing");
    bad = good;
    bad.origin = origin;
    refused(full, &m, &bad, LL_INVALID_ARGUMENT, "thetas");
    bad = (ll_request){.points = 1, .loss = &loss};
    refused(full, &m, &bad, LL_INVALID_ARGUMENT, "origin");
    bad = (ll_request){.points = 1, .loss = &loss, .origin = origin, .dimensions = 1};
    refused(full, &m, &bad, LL_INVALID_ARGUMENT, "directions");
    bad.directions = vectors;
    bad.coefficients = (double[]){NAN};
    refused(full, &m, &bad, LL_INVALID_ARGUMENT, "coefficients");

    bad = good;
    bad.gradients = outputs;
    refused(bare, &bare_model, &bad, LL_UNSUPPORTED, "gradient");
    bad = good;
    bad.metrics = value;
    refused(bare, &bare_model, &bad, LL_UNSUPPORTED, "metrics");
    bad = good;
    bad.product_count = 1;
    bad.vectors = vectors;
    bad.products = outputs;
    bad.allow_emulation = true;
    refused(bare, &bare_model, &bad, LL_UNSUPPORTED, "gradient");
    bad.product = LL_PRODUCT_GGN;
    refused(bare, &bare_model, &bad, LL_UNSUPPORTED, "ggn");
    bad.vectors = NULL;
    refused(full, &m, &bad, LL_INVALID_ARGUMENT, "vectors");
    bad = good;
    bad.feature_layers = 1;
    bad.feature_layer = &index;
    bad.features = outputs;
    refused(bare, &bare_model, &bad, LL_UNSUPPORTED, "features");
    bad.feature_layer = &outside;
    refused(full, &m, &bad, LL_INVALID_ARGUMENT, "feature_layer");
    bad.feature_layers = 2;
    bad.feature_layer = twice;
    refused(full, &m, &bad, LL_INVALID_ARGUMENT, "ascend");

    bad = good;
    bad.mode = LL_MODE_TRAINING;
    refused(bare, &bare_model, &bad, LL_UNSUPPORTED, "training mode");
    bad.mode = LL_MODE_CALIBRATION;
    refused(bare, &bare_model, &bad, LL_UNSUPPORTED, "calibrate");
    refused(full, &m, &bad, LL_INVALID_ARGUMENT, "batch_size");
    bad.batch_size = 1;
    refused(full, &m, &bad, LL_INVALID_ARGUMENT, "buffers_out");
    bad.buffers_out = outputs;
    refused(full, &m, &bad, LL_INVALID_ARGUMENT, "second request");
    bad = good;
    bad.buffers_out = outputs;
    refused(full, &m, &bad, LL_INVALID_ARGUMENT, "evaluation mode");

    const int64_t *indices = NULL;
    int64_t count = 0;
    ll_error failure;
    CHECK_OK(ll_problem_role(full, "fit", 0, &indices, &count, error));
    assert_int_equal(count, 3);
    assert_int_equal(ll_problem_role(full, "test", 0, &indices, &count, &failure), LL_NOT_FOUND);
    assert_non_null(strstr(failure.message, "fit, evaluate"));
    assert_int_equal(ll_problem_set_weight_decay(full, -1, &failure), LL_INVALID_ARGUMENT);
    ll_problem_destroy(full);
    ll_problem_destroy(bare);
}

/* FIELD 2.11: an exhausted data iterator gave a run of NaN that called itself complete. An empty list is an
 * error. */
static void test_field_2_11_no_samples_is_an_error(void **state)
{
    (void)state;
    model m, bare_model;
    ll_problem *full = plug_in(&m, ALL), *bare = plug_in(&bare_model, 0);
    double loss = 0;
    const void *thetas[] = {origin};
    int64_t index = 0, outside = 4;
    ll_request bad = {.points = 1, .thetas = thetas, .loss = &loss};
    ll_samples lists[] = {{&index, 0}, {NULL, 0}};
    bad.samples = lists;
    refused(full, &m, &bad, LL_INVALID_ARGUMENT, "empty");
    lists[0] = (ll_samples){&outside, 1};
    refused(full, &m, &bad, LL_INVALID_ARGUMENT, "number 4");
    refused(bare, &bare_model, &bad, LL_UNSUPPORTED, "subsets");
    ll_problem_destroy(full);
    ll_problem_destroy(bare);
}

static void test_bad_tables_are_refused(void **state)
{
    (void)state;
    model m = {0};
    ll_problem_callbacks callbacks = {model_evaluate, NULL, model_destroy};
    ll_problem *problem = NULL;
    ll_error failure;
    ll_problem_info info = table(ALL);
    info.parameter_count = 3;
    assert_int_equal(
        ll_problem_create_callback(&info, NULL, NULL, NULL, 0, &callbacks, &m, &problem, &failure), LL_SHAPE);
    info = table(ALL);
    ll_parameter moved[2] = {parameters[0], parameters[1]};
    moved[1].offset = 5;
    info.parameter = moved;
    assert_int_equal(
        ll_problem_create_callback(&info, NULL, NULL, NULL, 0, &callbacks, &m, &problem, &failure),
        LL_INVALID_ARGUMENT);
    assert_string_equal(failure.place, "shift");
    info = table(ALL);
    int64_t outside = 9;
    ll_role_samples roles[] = {{"fit", 0, &outside, 1}};
    assert_int_equal(
        ll_problem_create_callback(&info, NULL, NULL, roles, 1, &callbacks, &m, &problem, &failure),
        LL_INVALID_ARGUMENT);
    info.metrics = 0;
    assert_int_equal(
        ll_problem_create_callback(&info, NULL, NULL, NULL, 0, &callbacks, &m, &problem, &failure),
        LL_INVALID_ARGUMENT);
    assert_null(problem);
    assert_int_equal(m.destroyed, 0); /* a refused context stays the caller's */
}

/* Points on a slice: expanded in groups, yet each as if alone; exact at zero coefficients. */
static void test_slices(void **state)
{
    (void)state;
    enum { N = 1000, POINTS = 37 };
    double values[N], center[N], first[N], second[N], coefficients[2 * POINTS], together[POINTS];
    ll_rng rng = ll_rng_make(1, "test", "slice");
    for (int i = 0; i < N; i++) {
        values[i] = 1 + i % 7;
        center[i] = ll_rng_normal(rng, (uint64_t)i);
        first[i] = ll_rng_normal(rng, (uint64_t)(N + i));
        second[i] = ll_rng_normal(rng, (uint64_t)(2 * N + i));
    }
    for (int k = 0; k < POINTS; k++) {
        coefficients[2 * k] = k == 5 ? 0 : 0.1 * k;
        coefficients[2 * k + 1] = k == 5 ? 0 : -0.3 * k;
    }
    ll_analytic_options options = {
        .kind = LL_ANALYTIC_QUADRATIC, .type = LL_REAL_FLOAT64, .dimensions = N, .values = values};
    ll_problem *problem = NULL;
    CHECK_OK(ll_problem_create_analytic(&options, &problem, error));
    const void *directions[] = {first, second}, *thetas[] = {center};
    ll_request request = {.points = POINTS,
                          .origin = center,
                          .dimensions = 2,
                          .directions = directions,
                          .coefficients = coefficients,
                          .loss = together};
    CHECK_OK(ll_problem_evaluate(problem, &request, error));
    for (int k = 0; k < POINTS; k++) {
        double alone = 0, exact = 0;
        request.points = 1;
        request.coefficients = coefficients + 2 * k;
        request.loss = &alone;
        CHECK_OK(ll_problem_evaluate(problem, &request, error));
        assert_true(alone == together[k]);
        for (int i = 0; i < N; i++) {
            double x = center[i] + coefficients[2 * k] * first[i] + coefficients[2 * k + 1] * second[i];
            exact += 0.5 * values[i] * x * x;
        }
        CHECK_NEAR(alone, exact, 1e-12 * exact);
    }
    double at_center = 0;
    ll_request direct = {.points = 1, .thetas = thetas, .loss = &at_center};
    CHECK_OK(ll_problem_evaluate(problem, &direct, error));
    assert_true(at_center == together[5]);
    ll_problem_destroy(problem);
}

static void test_vectors(void **state)
{
    (void)state;
    enum { N = 100003 };
    float *a = ll_allocate_array(N, sizeof *a);
    double *b = ll_allocate_array(N, sizeof *b);
    assert_non_null(a);
    assert_non_null(b);
    for (int i = 0; i < N; i++) b[i] = a[i] = (float)(i % 1000) - 400;
    double exact = 0; /* integers below 2^53: every order gives the same sum */
    for (int i = 0; i < N; i++) exact += b[i] * b[i];
    CHECK_NEAR(ll_vector_dot(LL_REAL_FLOAT32, N, a, a), exact, 0);
    CHECK_NEAR(ll_vector_dot(LL_REAL_FLOAT64, N, b, b), exact, 0);
    CHECK_NEAR(ll_vector_max_abs(LL_REAL_FLOAT32, N, a), 599, 0);
    ll_vector_add(LL_REAL_FLOAT32, N, -1, a, a);
    CHECK_NEAR(ll_vector_norm(LL_REAL_FLOAT32, N, a), 0, 0);
    b[77] = NAN;
    assert_true(isnan(ll_vector_max_abs(LL_REAL_FLOAT64, N, b)));
    /* A sum of 0.1 keeps all but a few of its digits. */
    for (int i = 0; i < N; i++) b[i] = 0.1;
    CHECK_NEAR(ll_vector_abs_sum(LL_REAL_FLOAT64, N, b), 10000.3, 1e-10);
    ll_free(a);
    ll_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything),
        cmocka_unit_test(test_gradient_only),
        cmocka_unit_test(test_refusals_name_what_is_missing),
        cmocka_unit_test(test_field_2_11_no_samples_is_an_error),
        cmocka_unit_test(test_bad_tables_are_refused),
        cmocka_unit_test(test_slices),
        cmocka_unit_test(test_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
