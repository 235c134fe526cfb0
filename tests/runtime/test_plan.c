/* Plans against the interpreter: losses, gradients, Hessian products, batch statistics, many points; the same bits
 * for any number of threads and for points alone and in company; memory limits; unbound inputs. */
#include "losslens/runtime.h"
#include "support_cmocka.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 23, CLASSES = 5, MAX_INPUTS = 40, MAX_OUTPUTS = 8 };

/* A small residual network with batch statistics or constant ones, cross-entropy, gradient, Hessian product. */
typedef struct fixture {
    ll_graph *graph;
    ll_dtype dtype;
    ll_node outputs[MAX_OUTPUTS];
    int64_t output_count;
    ll_node inputs[MAX_INPUTS];
    void *data[MAX_INPUTS];
    int64_t elements[MAX_INPUTS];
    int input_count;
} fixture;

static ll_node add_input(fixture *f, ll_input_kind kind, const char *name, ll_dtype dtype, int rank,
                         const int64_t *shape, double low, double high)
{
    ll_node node = ll_graph_input(f->graph, kind, name, dtype, shape, rank);
    int64_t count;
    assert_true(ll_graph_elements(ll_graph_node_at(f->graph, node), SAMPLES, &count));
    void *data = ll_allocate(ll_dtype_bytes(dtype) * (size_t)count + 64);
    ll_rng rng = ll_rng_make(7, "test", name);
    for (int64_t i = 0; i < count; i++) {
        double value = low + (high - low) * ll_rng_uniform(rng, (uint64_t)i);
        if (dtype == LL_F32) ((float *)data)[i] = (float)value;
        else if (dtype == LL_F64) ((double *)data)[i] = value;
        else ((int64_t *)data)[i] = (int64_t)floor(value);
    }
    f->inputs[f->input_count] = node;
    f->elements[f->input_count] = count;
    f->data[f->input_count++] = data;
    return node;
}

static ll_node channel(fixture *f, ll_node vector, ll_node like)
{
    const ll_graph_node *node = ll_graph_node_at(f->graph, like);
    return ll_graph_broadcast(f->graph, vector, node->shape, node->rank,
                              LL_AXIS(0) | (node->rank > 2 ? LL_AXIS(2) | LL_AXIS(3) : 0));
}

static ll_node convolve(fixture *f, ll_node x, const char *name, int64_t in, int64_t out, int64_t kernel,
                        int64_t stride)
{
    ll_node w =
        add_input(f, LL_INPUT_PARAMETER, name, f->dtype, 4, (int64_t[]){out, in, kernel, kernel}, -0.3, 0.3);
    ll_convolution form = {.spatial = 2,
                           .groups = 1,
                           .stride = {stride, stride},
                           .dilation = {1, 1},
                           .pad_low = {kernel / 2, kernel / 2},
                           .pad_high = {kernel / 2, kernel / 2}};
    return ll_graph_convolution(f->graph, x, w, &form);
}

static ll_node normalise(fixture *f, ll_node x, const char *name, int64_t channels, bool statistics)
{
    char text[64];
    snprintf(text, sizeof text, "%s_scale", name);
    ll_node scale = add_input(f, LL_INPUT_PARAMETER, text, f->dtype, 1, &channels, 0.5, 1.5);
    snprintf(text, sizeof text, "%s_shift", name);
    ll_node shift = add_input(f, LL_INPUT_PARAMETER, text, f->dtype, 1, &channels, -0.5, 0.5);
    ll_node mean, variance;
    ll_graph *g = f->graph;
    if (statistics) {
        const ll_graph_node *node = ll_graph_node_at(g, x);
        double pixels = (double)(node->shape[2] * node->shape[3]);
        uint32_t axes = LL_AXIS(0) | LL_AXIS(2) | LL_AXIS(3);
        ll_node count = ll_graph_multiply_scalar(g, ll_graph_sample_count(g, f->dtype), pixels);
        mean = ll_graph_divide(g, ll_graph_sum(g, x, axes), count);
        ll_node centred = ll_graph_subtract(g, x, channel(f, mean, x));
        variance = ll_graph_divide(g, ll_graph_sum(g, ll_graph_multiply(g, centred, centred), axes), count);
    } else {
        snprintf(text, sizeof text, "%s_mean", name);
        mean = add_input(f, LL_INPUT_BUFFER, text, f->dtype, 1, &channels, -0.2, 0.2);
        snprintf(text, sizeof text, "%s_variance", name);
        variance = add_input(f, LL_INPUT_BUFFER, text, f->dtype, 1, &channels, 0.5, 2.0);
    }
    ll_node a = ll_graph_divide(g, scale, ll_graph_sqrt(g, ll_graph_add_scalar(g, variance, 1e-5)));
    ll_node b = ll_graph_subtract(g, shift, ll_graph_multiply(g, mean, a));
    return ll_graph_add(g, ll_graph_multiply(g, x, channel(f, a, x)), channel(f, b, x));
}

static ll_node relu(fixture *f, ll_node x)
{
    return ll_graph_max(f->graph, x, ll_graph_full_like(f->graph, x, 0.0));
}

static void make_network(fixture *f, ll_dtype dtype, bool statistics, int64_t width)
{
    *f = (fixture){.graph = ll_graph_create(), .dtype = dtype};
    ll_graph *g = f->graph;
    ll_node image =
        add_input(f, LL_INPUT_SAMPLE, "image", dtype, 4, (int64_t[]){LL_SAMPLES, 3, 10, 9}, -1, 1);
    ll_node label =
        add_input(f, LL_INPUT_SAMPLE, "label", LL_I64, 1, (int64_t[]){LL_SAMPLES}, 0, CLASSES - 0.01);
    ll_node x = relu(f, normalise(f, convolve(f, image, "first", 3, width, 3, 1), "n0", width, statistics));
    x = relu(f, normalise(f, convolve(f, x, "d", width, width, 3, 1), "n4", width, statistics));
    ll_node y =
        relu(f, normalise(f, convolve(f, x, "a", width, 2 * width, 3, 2), "n1", 2 * width, statistics));
    y = normalise(f, convolve(f, y, "b", 2 * width, 2 * width, 3, 1), "n2", 2 * width, statistics);
    x = relu(
        f, ll_graph_add(
               g, y, normalise(f, convolve(f, x, "c", width, 2 * width, 1, 2), "n3", 2 * width, statistics)));
    ll_node pooled = ll_graph_sum(g, x, LL_AXIS(2) | LL_AXIS(3));
    ll_node w =
        add_input(f, LL_INPUT_PARAMETER, "head", dtype, 2, (int64_t[]){CLASSES, 2 * width}, -0.1, 0.1);
    ll_node bias = add_input(f, LL_INPUT_PARAMETER, "bias", dtype, 1, (int64_t[]){CLASSES}, -0.5, 0.5);
    ll_node logits = ll_graph_add(g, ll_graph_matmul(g, pooled, w, false, true), bias);
    int64_t whole[2] = {LL_SAMPLES, CLASSES};
    ll_node top = ll_graph_broadcast(g, ll_graph_reduce_max(g, logits, LL_AXIS(1)), whole, 2, LL_AXIS(1));
    ll_node shifted = ll_graph_subtract(g, logits, ll_graph_detach(g, top));
    ll_node normaliser = ll_graph_log(g, ll_graph_sum(g, ll_graph_exp(g, shifted), LL_AXIS(1)));
    ll_node chosen = ll_graph_gather(g, shifted, label, 1);
    ll_node losses = ll_graph_subtract(g, normaliser, chosen);
    ll_node loss = ll_graph_divide(g, ll_graph_sum(g, losses, LL_AXIS(0)), ll_graph_sample_count(g, dtype));

    ll_node wrt[] = {ll_graph_find_input(g, "first"), ll_graph_find_input(g, "a"),
                     ll_graph_find_input(g, "n2_scale"), ll_graph_find_input(g, "bias")};
    ll_node gradients[4], tangents[4], products[4];
    CHECK_OK(ll_graph_vjp(g, &loss, NULL, 1, wrt, 4, gradients, error));
    for (int i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof name, "tangent%d", i);
        const ll_graph_node *node = ll_graph_node_at(g, wrt[i]);
        int64_t shape[LL_GRAPH_RANK];
        memcpy(shape, node->shape, sizeof shape);
        tangents[i] = add_input(f, LL_INPUT_TANGENT, name, dtype, node->rank, shape, -1, 1);
    }
    CHECK_OK(ll_graph_jvp(g, gradients, 4, wrt, tangents, 4, products, error));
    f->outputs[0] = loss;
    f->outputs[1] = losses;
    memcpy(f->outputs + 2, gradients, sizeof(ll_node) * 3);
    memcpy(f->outputs + 5, products, sizeof(ll_node) * 3);
    f->output_count = 8;
    CHECK_OK(ll_graph_check(g, error));
}

static void end_network(fixture *f)
{
    for (int i = 0; i < f->input_count; i++) ll_free(f->data[i]);
    ll_graph_destroy(f->graph);
}

static int64_t output_elements(const fixture *f, int64_t o)
{
    int64_t count;
    assert_true(ll_graph_elements(ll_graph_node_at(f->graph, f->outputs[o]), SAMPLES, &count));
    return count;
}

static void make_results(const fixture *f, void **results)
{
    for (int64_t o = 0; o < f->output_count; o++)
        results[o] = ll_allocate_zeroed(ll_dtype_bytes(f->dtype) * (size_t)output_elements(f, o) + 64);
}

static void free_results(const fixture *f, void **results)
{
    for (int64_t o = 0; o < f->output_count; o++) ll_free(results[o]);
}

static double value_at(ll_dtype dtype, const void *data, int64_t i)
{
    return dtype == LL_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
}

static void assert_near(const fixture *f, void **results, void **wanted, double bound)
{
    for (int64_t o = 0; o < f->output_count; o++) {
        double scale = 1e-30, worst = 0;
        for (int64_t i = 0; i < output_elements(f, o); i++) {
            double a = value_at(f->dtype, results[o], i), b = value_at(f->dtype, wanted[o], i);
            scale = fmax(scale, fabs(b));
            assert_true(isfinite(a));
            worst = fmax(worst, fabs(a - b));
        }
        if (worst > bound * scale) fail_msg("output %d: relative error %g", (int)o, worst / scale);
    }
}

static void run(const fixture *f, ll_plan *plan, ll_team *team, void **results)
{
    ll_binding bindings[MAX_INPUTS];
    for (int i = 0; i < f->input_count; i++) bindings[i] = (ll_binding){f->inputs[i], f->data[i]};
    ll_run it = {
        .samples = SAMPLES, .bindings = bindings, .binding_count = f->input_count, .results = results};
    CHECK_OK(ll_plan_run(plan, team, &it, error));
}

static void compare(ll_dtype dtype, bool statistics, int64_t width, double bound, const char *backend)
{
    fixture f;
    make_network(&f, dtype, statistics, width);
    void *wanted[MAX_OUTPUTS], *results[MAX_OUTPUTS], *again[MAX_OUTPUTS];
    make_results(&f, wanted);
    make_results(&f, results);
    make_results(&f, again);
    ll_binding bindings[MAX_INPUTS];
    for (int i = 0; i < f.input_count; i++) bindings[i] = (ll_binding){f.inputs[i], f.data[i]};
    CHECK_OK(
        ll_interpret(f.graph, f.outputs, f.output_count, SAMPLES, bindings, f.input_count, wanted, error));
    for (int64_t micro_batch = 0; micro_batch <= 8; micro_batch += 4) {
        ll_plan_options options = {.samples = SAMPLES, .micro_batch = micro_batch, .backend = backend};
        ll_plan *plan = NULL;
        CHECK_OK(ll_plan_create(f.graph, f.outputs, f.output_count, &options, &plan, error));
        assert_int_equal(ll_plan_view(plan).passes >= (statistics ? 3 : 1), 1);
        run(&f, plan, NULL, results);
        assert_near(&f, results, wanted, bound);
        for (int threads = 1; threads <= 3; threads++) {
            ll_team *team;
            CHECK_OK(ll_team_create(threads, &team, error));
            run(&f, plan, team, again);
            for (int64_t o = 0; o < f.output_count; o++)
                assert_memory_equal(results[o], again[o],
                                    ll_dtype_bytes(dtype) * (size_t)output_elements(&f, o));
            ll_team_destroy(team);
        }
        ll_plan_destroy(plan);
    }
    free_results(&f, wanted);
    free_results(&f, results);
    free_results(&f, again);
    end_network(&f);
}

static void test_network_f64(void **state)
{
    (void)state;
    compare(LL_F64, false, 4, 1e-11, NULL);
    compare(LL_F64, true, 3, 1e-10, NULL);
}

static void test_network_f32(void **state)
{
    (void)state;
    compare(LL_F32, false, 16, 2e-4, NULL);
    compare(LL_F32, true, 8, 2e-3, NULL);
    compare(LL_F32, true, 16, 2e-3, NULL); /* blocked: moments, values made again */
}

/* Winograd where nothing forbids it; both answers near each other, and not the same. */
static void test_convolution_method(void **state)
{
    (void)state;
    if (ll_cpu_detect() < LL_CPU_AVX2) {
        print_message("skipped: no AVX2\n");
        skip();
    }
    fixture f;
    make_network(&f, LL_F32, true, 16);
    void *results[2][MAX_OUTPUTS];
    static const char *const methods[] = {"direct", "winograd"};
    for (int m = 0; m < 2; m++) {
        ll_plan_options options = {.samples = SAMPLES, .convolution = methods[m]};
        ll_plan *plan = NULL;
        ll_text text = {0};
        CHECK_OK(ll_plan_create(f.graph, f.outputs, f.output_count, &options, &plan, error));
        ll_plan_dump(plan, &text);
        assert_true((strstr(text.text, "native winograd") != NULL) == (m == 1));
        assert_non_null(strstr(text.text, "native moments"));
        make_results(&f, results[m]);
        run(&f, plan, NULL, results[m]);
        ll_text_deinit(&text);
        ll_plan_destroy(plan);
    }
    assert_near(&f, results[0], results[1], 2e-3);
    assert_memory_not_equal(results[0][2], results[1][2], sizeof(float) * (size_t)output_elements(&f, 2));
    free_results(&f, results[0]);
    free_results(&f, results[1]);
    ll_plan *plan = NULL;
    ll_plan_options options = {.convolution = "nonsense"};
    assert_int_equal(ll_plan_create(f.graph, f.outputs, f.output_count, &options, &plan, NULL),
                     LL_INVALID_ARGUMENT);
    end_network(&f);
}

static void test_backends(void **state)
{
    (void)state;
    compare(LL_F64, true, 3, 1e-12, "reference");
    compare(LL_F32, false, 8, 2e-4, "onednn");
    compare(LL_F32, false, 8, 2e-4, "blas, native");
}

static void test_points_and_indices(void **state)
{
    (void)state;
    fixture f;
    make_network(&f, LL_F32, false, 16);
    ll_plan_options options = {.samples = SAMPLES, .micro_batch = 4};
    ll_plan *plan;
    CHECK_OK(ll_plan_create(f.graph, f.outputs, f.output_count, &options, &plan, error));
    enum { POINTS = 9 };
    ll_node varied = ll_graph_find_input(f.graph, "a");
    int64_t count;
    assert_true(ll_graph_elements(ll_graph_node_at(f.graph, varied), 0, &count));
    float *weights = ll_allocate(sizeof(float) * (size_t)(count * POINTS + 1));
    for (int64_t i = 0; i < count * POINTS; i++) /* not aligned on purpose */
        weights[1 + i] = (float)(0.3 * ll_rng_normal(ll_rng_make(1, "test", "points"), (uint64_t)i));
    const void *point_data[POINTS];
    void *alone[POINTS * MAX_OUTPUTS], *together[POINTS * MAX_OUTPUTS];
    for (int p = 0; p < POINTS; p++) {
        point_data[p] = weights + 1 + p * count;
        make_results(&f, alone + p * MAX_OUTPUTS);
        make_results(&f, together + p * MAX_OUTPUTS);
    }
    int64_t indices[SAMPLES];
    for (int i = 0; i < SAMPLES; i++) indices[i] = (i * 7 + 3) % SAMPLES;
    ll_binding bindings[MAX_INPUTS];
    for (int i = 0; i < f.input_count; i++) bindings[i] = (ll_binding){f.inputs[i], f.data[i]};
    ll_run it = {.samples = 17,
                 .indices = indices,
                 .bindings = bindings,
                 .binding_count = f.input_count,
                 .points = 1,
                 .point_inputs = &varied,
                 .point_input_count = 1};
    for (int p = 0; p < POINTS; p++) {
        it.point_data = point_data + p;
        it.results = alone + p * MAX_OUTPUTS;
        CHECK_OK(ll_plan_run(plan, NULL, &it, error));
    }
    ll_team *team;
    CHECK_OK(ll_team_create(2, &team, error));
    it.points = POINTS;
    it.point_data = point_data;
    it.results = together;
    CHECK_OK(ll_plan_run(plan, team, &it, error));
    float first = *(float *)alone[0];
    bool differ = false;
    for (int p = 0; p < POINTS; p++) {
        differ = differ || *(float *)alone[p * MAX_OUTPUTS] != first;
        for (int64_t o = 0; o < f.output_count; o++) {
            int64_t elements = o == 1 ? 17 : output_elements(&f, o);
            assert_memory_equal(alone[p * MAX_OUTPUTS + o], together[p * MAX_OUTPUTS + o],
                                sizeof(float) * (size_t)elements);
        }
        free_results(&f, alone + p * MAX_OUTPUTS);
        free_results(&f, together + p * MAX_OUTPUTS);
    }
    assert_true(differ);
    ll_team_destroy(team);
    ll_free(weights);
    ll_plan_destroy(plan);
    end_network(&f);
}

/* What is kept from one run to the next is used again only where it is what would be computed: any input that is changed
 * in place, at its address, and any change of the samples gives the bits of a plan that keeps nothing. */
static void check_change(const fixture *f, ll_plan *kept, ll_plan *plain, const ll_run *run, void **wanted,
                         bool reused)
{
    ll_run it = *run;
    int64_t before = ll_plan_view(kept).reused;
    CHECK_OK(ll_plan_run(kept, NULL, &it, error));
    assert_int_equal(ll_plan_view(kept).reused - before, reused);
    it.results = wanted;
    CHECK_OK(ll_plan_run(plain, NULL, &it, error));
    for (int64_t o = 0; o < f->output_count; o++)
        assert_memory_equal(run->results[o], wanted[o],
                            sizeof(float) * (size_t)(o == 1 ? run->samples : output_elements(f, o)));
}

static void test_kept_until_something_changes(void **state)
{
    (void)state;
    for (int statistics = 0; statistics < 2; statistics++) {
        fixture f;
        make_network(&f, LL_F32, statistics, 16);
        ll_node varying[MAX_INPUTS];
        ll_plan_options options = {.samples = SAMPLES, .micro_batch = 4};
        ll_plan *plain, *kept;
        ll_binding bindings[MAX_INPUTS];
        for (int i = 0; i < f.input_count; i++) {
            bindings[i] = (ll_binding){f.inputs[i], f.data[i]};
            if (ll_graph_node_at(f.graph, f.inputs[i])->attributes.input.kind == LL_INPUT_TANGENT)
                varying[options.varying_count++] = f.inputs[i];
        }
        options.varying = varying;
        CHECK_OK(ll_plan_create(f.graph, f.outputs, f.output_count, &options, &plain, error));
        options.keep = true;
        CHECK_OK(ll_plan_create(f.graph, f.outputs, f.output_count, &options, &kept, error));
        void *results[MAX_OUTPUTS], *wanted[MAX_OUTPUTS];
        make_results(&f, results);
        make_results(&f, wanted);
        int64_t indices[SAMPLES];
        for (int i = 0; i < SAMPLES; i++) indices[i] = (i * 7 + 3) % 19; /* rows 19 and up are not read */
        ll_run it = {.samples = 17,
                     .indices = indices,
                     .bindings = bindings,
                     .binding_count = f.input_count,
                     .results = results};
        check_change(&f, kept, plain, &it, wanted, false);
        for (int i = 0; i < f.input_count; i++) {
            bool vector = ll_graph_node_at(f.graph, f.inputs[i])->attributes.input.kind == LL_INPUT_TANGENT;
            bool label = ll_graph_node_at(f.graph, f.inputs[i])->dtype == LL_I64;
            int64_t first =
                label ? 3 : f.elements[i] / SAMPLES * 3; /* of a row that is read, or of a parameter */
            if (label) ((int64_t *)f.data[i])[first] = (((int64_t *)f.data[i])[first] + 1) % CLASSES;
            else ((float *)f.data[i])[first % f.elements[i]] += 0.25F;
            check_change(&f, kept, plain, &it, wanted, vector);
            check_change(&f, kept, plain, &it, wanted, true);
        }
        ((float *)f.data[0])[f.elements[0] / SAMPLES * 20] += 1.0F; /* a row that no index names */
        check_change(&f, kept, plain, &it, wanted, true);
        indices[16] = 2;
        check_change(&f, kept, plain, &it, wanted, false);
        it.samples = 16;
        check_change(&f, kept, plain, &it, wanted, false);
        it.indices = NULL;
        it.samples = 17;
        check_change(&f, kept, plain, &it, wanted, false);
        check_change(&f, kept, plain, &it, wanted, true);
        ll_plan_release(kept);
        check_change(&f, kept, plain, &it, wanted, false);
        options.varying = f.inputs; /* an image: it has a sample axis */
        options.varying_count = 1;
        ll_plan *refused = NULL;
        assert_int_equal(ll_plan_create(f.graph, f.outputs, 1, &options, &refused, NULL),
                         LL_INVALID_ARGUMENT);
        ll_plan_destroy(plain);
        ll_plan_destroy(kept);
        free_results(&f, results);
        free_results(&f, wanted);
        end_network(&f);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    fixture f;
    make_network(&f, LL_F32, true, 4);
    ll_plan *plan = NULL;
    ll_plan_options options = {.samples = SAMPLES};
    CHECK_OK(ll_plan_create(f.graph, f.outputs, f.output_count, &options, &plan, error));
    size_t bytes = 0;
    CHECK_OK(ll_plan_memory(plan, SAMPLES, 1, &bytes, error));
    ll_plan *limited = NULL;
    options.memory_limit = bytes - 1;
    assert_int_equal(ll_plan_create(f.graph, f.outputs, f.output_count, &options, &limited, NULL),
                     LL_TOO_LARGE);
    assert_null(limited);
    options.memory_limit = bytes;
    CHECK_OK(ll_plan_create(f.graph, f.outputs, f.output_count, &options, &limited, error));
    void *results[MAX_OUTPUTS];
    make_results(&f, results);
    ll_binding bindings[MAX_INPUTS];
    for (int i = 0; i < f.input_count; i++) bindings[i] = (ll_binding){f.inputs[i], f.data[i]};
    ll_run it = {
        .samples = 100 * SAMPLES, .bindings = bindings, .binding_count = f.input_count, .results = results};
    assert_int_equal(ll_plan_run(limited, NULL, &it, NULL), LL_TOO_LARGE);
    it.samples = SAMPLES;
    it.binding_count = f.input_count - 1;
    assert_int_equal(ll_plan_run(plan, NULL, &it, NULL), LL_NOT_FOUND);

    it.samples = -1;
    assert_int_equal(ll_plan_run(plan, NULL, &it, NULL), LL_INVALID_ARGUMENT);
    ll_plan_destroy(limited);
    ll_plan_destroy(plan);
    options = (ll_plan_options){.backend = "nonsense"};
    assert_int_equal(ll_plan_create(f.graph, f.outputs, f.output_count, &options, &plan, NULL),
                     LL_INVALID_ARGUMENT);
    free_results(&f, results);
    end_network(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_network_f64),
        cmocka_unit_test(test_network_f32),
        cmocka_unit_test(test_backends),
        cmocka_unit_test(test_points_and_indices),
        cmocka_unit_test(test_convolution_method),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_kept_until_something_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
