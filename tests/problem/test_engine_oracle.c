/* Loss, gradient and Hessian-vector product of four small networks against PyTorch
 * (tests/generate/engine_torch.py made the numbers and defines the networks; the two files are to be read
 * side by side). Graph, composites and derivatives are evaluated by the interpreter. Relative error < 1e-10
 * in float64, < 1e-4 in float32. */
#include "support_cmocka.h"

#include "losslens/kernels.h"
#include "losslens/networks_composites.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { most = 128, shown = 6 };

typedef struct net {
    ll_graph *graph;
    ll_dtype dtype;
    int64_t samples, drawn;
    ll_binding bindings[3 * most];
    int binding_count, parameter_count;
    ll_node parameters[most];
    const char *names[most];
} net;

static void put(ll_dtype dtype, void *data, int64_t i, double value)
{
    if (dtype == LL_F32) {
        ((float *)data)[i] = (float)value;
    } else {
        ((double *)data)[i] = value;
    }
}

static double get(ll_dtype dtype, const void *data, int64_t i)
{
    return dtype == LL_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
}

static int64_t count_of(const net *n, ll_node node)
{
    int64_t count = 0;
    assert_true(ll_graph_elements(ll_graph_node_at(n->graph, node), n->samples, &count));
    return count;
}

/* The generator's Draw. */
static void *draw(net *n, ll_dtype dtype, int64_t count, double low, double high)
{
    void *data = ll_allocate_array(count, ll_dtype_bytes(dtype));
    assert_non_null(data);
    for (int64_t i = 0; i < count; i++) {
        double k = (double)++n->drawn, t = k * 0.6180339887498949 + k * k * 0.0014142135623730951;
        put(dtype, data, i, low + (high - low) * (t - floor(t)));
    }
    return data;
}

static ll_node input(net *n, ll_input_kind kind, const char *name, double low, double high, int rank,
                     const int64_t *shape)
{
    ll_node node = ll_graph_input(n->graph, kind, name, n->dtype, shape, rank);
    assert_int_not_equal(node, LL_NO_NODE);
    n->bindings[n->binding_count++] = (ll_binding){node, draw(n, n->dtype, count_of(n, node), low, high)};
    return node;
}

static ll_node parameter(net *n, const char *name, double low, double high, int rank, const int64_t *shape)
{
    ll_node node = input(n, LL_INPUT_PARAMETER, name, low, high, rank, shape);
    n->names[n->parameter_count] = ll_graph_node_at(n->graph, node)->name;
    return n->parameters[n->parameter_count++] = node;
}

static ll_node weight(net *n, const char *name, int rank, const int64_t *shape)
{
    int64_t inputs = 1;
    for (int axis = 1; axis < rank; axis++) inputs *= shape[axis];
    double a = 1.7 / sqrt((double)inputs);
    return parameter(n, name, -a, a, rank, shape);
}

/* "s0b1" + ".w1" */
typedef struct joined {
    char text[48];
} joined;
static joined join(const char *a, const char *b)
{
    joined j;
    snprintf(j.text, sizeof j.text, "%.20s%.20s", a, b);
    return j;
}

#define SHAPE(...) ((int64_t[]){__VA_ARGS__})

static ll_node labels_of(net *n, int rank, const int64_t *shape, int64_t (*label)(int64_t i))
{
    ll_node node = ll_graph_input(n->graph, LL_INPUT_SAMPLE, "labels", LL_I64, shape, rank);
    int64_t count = count_of(n, node), *data = ll_allocate_array(count, sizeof *data);
    assert_non_null(data);
    for (int64_t i = 0; i < count; i++) data[i] = label(i);
    n->bindings[n->binding_count++] = (ll_binding){node, data};
    return node;
}

static ll_node mean_of(net *n, ll_node per_sample)
{
    return ll_graph_divide(n->graph, ll_graph_sum(n->graph, per_sample, LL_AXIS(0)),
                           ll_graph_sample_count(n->graph, n->dtype));
}

/* ------------------------------------------------------------------ the networks */

static ll_node batch_norm(net *n, const char *name, ll_node x, bool training)
{
    const int64_t channels = ll_graph_node_at(n->graph, x)->shape[1];
    ll_node scale = parameter(n, join(name, ".scale").text, 0.5, 1.5, 1, &channels);
    ll_node shift = parameter(n, join(name, ".shift").text, -0.5, 0.5, 1, &channels);
    ll_node mean = input(n, LL_INPUT_BUFFER, join(name, ".mean").text, -0.2, 0.2, 1, &channels);
    ll_node variance = input(n, LL_INPUT_BUFFER, join(name, ".variance").text, 0.5, 1.5, 1, &channels);
    if (!training) return ll_layer_batch_norm(n->graph, x, scale, shift, mean, variance, 1e-5);
    ll_node batch_mean, batch_variance;
    return ll_layer_batch_norm_training(n->graph, x, scale, shift, 1e-5, &batch_mean, &batch_variance);
}

static ll_node convolve(net *n, const char *name, ll_node x, int64_t out, int64_t stride)
{
    const int64_t in = ll_graph_node_at(n->graph, x)->shape[1];
    ll_convolution form = ll_convolution_form(2, stride, 1, 1, 1);
    return ll_layer_convolution(n->graph, x, weight(n, name, 4, SHAPE(out, in, 3, 3)), LL_NO_NODE, &form);
}

static int64_t label_resnet(int64_t i) { return SHAPE(0, 3, 1, 4)[i]; }

static ll_node resnet(net *n, bool training)
{
    static const int64_t widths[] = {4, 8, 16};
    ll_graph *g = n->graph;
    n->samples = 4;
    ll_node x = input(n, LL_INPUT_SAMPLE, "x", -1, 1, 4, SHAPE(LL_SAMPLES, 3, 8, 8));
    ll_node y = ll_layer_relu(g, batch_norm(n, "stem", convolve(n, "stem.w", x, 4, 1), training));
    for (int stage = 0; stage < 3; stage++) {
        for (int block = 0; block < 3; block++) {
            int64_t width = widths[stage], stride = stage > 0 && block == 0 ? 2 : 1;
            char name[8];
            snprintf(name, sizeof name, "s%db%d", stage, block);
            ll_node a = convolve(n, join(name, ".w1").text, y, width, stride);
            a = ll_layer_relu(g, batch_norm(n, join(name, ".n1").text, a, training));
            a = batch_norm(n, join(name, ".n2").text, convolve(n, join(name, ".w2").text, a, width, 1),
                           training);
            if (stride == 2) {
                const int64_t *s = ll_graph_node_at(g, y)->shape, more = width - s[1];
                y = ll_graph_slice(g, y, SHAPE(0, 0, 0, 0), SHAPE(1, 1, 2, 2),
                                   SHAPE(s[0], s[1], s[2] / 2, s[3] / 2));
                y = ll_graph_pad(g, y, SHAPE(0, more / 2, 0, 0), SHAPE(0, more - more / 2, 0, 0), NULL, 0.0);
            }
            y = ll_layer_relu(g, ll_graph_add(g, a, y));
        }
    }
    ll_node w = weight(n, "fc.w", 2, SHAPE(5, 16)), b = parameter(n, "fc.b", -0.1, 0.1, 1, SHAPE(5));
    ll_node logits = ll_layer_linear(g, ll_layer_mean(g, y, 2), w, b), counted;
    ll_node labels = labels_of(n, 1, SHAPE(LL_SAMPLES), label_resnet);
    return mean_of(n, ll_loss_cross_entropy(g, logits, labels, 0.0, LL_NO_NODE, INT64_MIN, &counted));
}

static ll_node resnet_evaluation(net *n) { return resnet(n, false); }
static ll_node resnet_training(net *n) { return resnet(n, true); }

static int64_t label_transformer(int64_t i) { return SHAPE(2, 0, 3)[i]; }

static ll_node layer_norm(net *n, const char *name, ll_node x)
{
    ll_node scale = parameter(n, join(name, ".scale").text, 0.5, 1.5, 1, SHAPE(8));
    ll_node shift = parameter(n, join(name, ".shift").text, -0.5, 0.5, 1, SHAPE(8));
    return ll_layer_layer_norm(n->graph, x, 1, scale, shift, 1e-5);
}

static ll_node linear(net *n, const char *name, ll_node x, int64_t out, int64_t in, double bias)
{
    ll_node w = weight(n, join(name, ".w").text, 2, SHAPE(out, in));
    ll_node b = parameter(n, join(name, ".b").text, -bias, bias, 1, &out);
    return ll_layer_linear(n->graph, x, w, b);
}

static ll_node transformer(net *n)
{
    ll_graph *g = n->graph;
    n->samples = 3;
    ll_node x = input(n, LL_INPUT_SAMPLE, "x", -1, 1, 3, SHAPE(LL_SAMPLES, 5, 8));
    ll_node a = layer_norm(n, "n1", x);
    ll_node in_w = weight(n, "in.w", 2, SHAPE(24, 8)), in_b = parameter(n, "in.b", -0.1, 0.1, 1, SHAPE(24));
    ll_node out_w = weight(n, "out.w", 2, SHAPE(8, 8)), out_b = parameter(n, "out.b", -0.1, 0.1, 1, SHAPE(8));
    x = ll_graph_add(g, x, ll_layer_self_attention(g, a, 2, in_w, in_b, out_w, out_b));
    a = layer_norm(n, "n2", x);
    a = ll_layer_gelu(g, linear(n, "up", a, 16, 8, 0.1));
    x = ll_graph_add(g, x, linear(n, "down", a, 8, 16, 0.1));
    ll_node pooled = ll_graph_multiply_scalar(g, ll_graph_sum(g, x, LL_AXIS(1)), 1.0 / 5.0), counted;
    ll_node logits = linear(n, "fc", pooled, 4, 8, 0.1);
    ll_node labels = labels_of(n, 1, SHAPE(LL_SAMPLES), label_transformer);
    return mean_of(n, ll_loss_cross_entropy(g, logits, labels, 0.1, LL_NO_NODE, INT64_MIN, &counted));
}

static int64_t label_unet(int64_t i) { return (i * i + i / 3) % 4; }

static ll_node unet_block(net *n, const char *name, ll_node x, int64_t out)
{
    const int64_t in = ll_graph_node_at(n->graph, x)->shape[1];
    ll_convolution form = ll_convolution_form(2, 1, 1, 1, 1);
    ll_node w = weight(n, join(name, ".w").text, 4, SHAPE(out, in, 3, 3));
    ll_node b = parameter(n, join(name, ".b").text, -0.1, 0.1, 1, &out);
    ll_node scale = parameter(n, join(name, ".scale").text, 0.5, 1.5, 1, &out);
    ll_node shift = parameter(n, join(name, ".shift").text, -0.5, 0.5, 1, &out);
    ll_node y = ll_layer_convolution(n->graph, x, w, b, &form);
    return ll_layer_gelu_tanh(n->graph, ll_layer_group_norm(n->graph, y, 2, scale, shift, 1e-5));
}

static ll_node unet(net *n)
{
    ll_graph *g = n->graph;
    n->samples = 2;
    ll_window two = ll_window_form(2, 2, 2, 0);
    ll_convolution up_form = ll_convolution_form(2, 2, 0, 1, 1), one = ll_convolution_form(2, 1, 0, 1, 1);
    ll_node x = input(n, LL_INPUT_SAMPLE, "x", -1, 1, 4, SHAPE(LL_SAMPLES, 2, 8, 8));
    ll_node a = unet_block(n, "a", x, 4);
    ll_node b = unet_block(n, "b", ll_layer_max_pool(g, a, &two), 8);
    ll_node up_w = weight(n, "up.w", 4, SHAPE(8, 4, 2, 2)),
            up_b = parameter(n, "up.b", -0.1, 0.1, 1, SHAPE(4));
    ll_node up = ll_layer_transposed_convolution(g, b, up_w, up_b, &up_form, NULL);
    ll_node c = unet_block(n, "c", ll_graph_concatenate(g, (ll_node[]){a, up}, 2, 1), 4);
    ll_node wide = ll_graph_resize(g, ll_layer_average_pool(g, c, &two, true), 2, SHAPE(8, 8),
                                   LL_RESIZE_LINEAR, LL_RESIZE_HALF_PIXEL);
    ll_node head_w = weight(n, "head.w", 4, SHAPE(3, 4, 1, 1)),
            head_b = parameter(n, "head.b", -0.1, 0.1, 1, SHAPE(3));
    ll_node logits = ll_layer_convolution(g, ll_graph_add(g, c, wide), head_w, head_b, &one), counted;
    double weights[] = {0.5, 1.0, 2.0};
    ll_node class_weights = ll_graph_cast(g, ll_graph_constant(g, LL_F64, SHAPE(3), 1, weights), n->dtype);
    ll_node labels = labels_of(n, 3, SHAPE(LL_SAMPLES, 8, 8), label_unet);
    ll_node loss = ll_loss_cross_entropy(g, logits, labels, 0.0, class_weights, 3, &counted);
    return ll_graph_divide(g, ll_graph_sum(g, loss, LL_AXIS(0)), ll_graph_sum(g, counted, LL_AXIS(0)));
}

/* du/d(coordinate), by a tangent that is 1 in that coordinate. */
static ll_node along(net *n, ll_node u, ll_node points, int coordinate)
{
    double unit[2] = {coordinate == 0, coordinate == 1};
    ll_node axis = ll_graph_cast(n->graph, ll_graph_constant(n->graph, LL_F64, SHAPE(2), 1, unit), n->dtype);
    ll_node tangent = ll_graph_broadcast_to(n->graph, axis, SHAPE(LL_SAMPLES, 2), 2), slope = LL_NO_NODE;
    ll_error error;
    assert_int_equal(ll_graph_jvp(n->graph, &u, 1, &points, &tangent, 1, &slope, &error), LL_OK);
    return slope;
}

static ll_node pinn(net *n)
{
    static const int64_t sizes[] = {2, 10, 10, 10, 1};
    ll_graph *g = n->graph;
    n->samples = 12;
    ll_node points = input(n, LL_INPUT_SAMPLE, "points", 0, 1, 2, SHAPE(LL_SAMPLES, 2)), y = points;
    for (int i = 0; i < 4; i++) {
        char name[4] = {'l', (char)('0' + i), 0};
        y = linear(n, name, y, sizes[i + 1], sizes[i], 0.3);
        if (i < 3) y = ll_graph_tanh(g, y);
    }
    ll_node u = ll_graph_squeeze(g, y, LL_AXIS(1)), u_x = along(n, u, points, 0),
            u_t = along(n, u, points, 1);
    ll_node u_xx = along(n, u_x, points, 0), one = ll_graph_full_like(g, u, 1.0);
    ll_node reaction =
        ll_graph_multiply_scalar(g, ll_graph_multiply(g, u, ll_graph_subtract(g, one, u)), 2.0);
    ll_node r = ll_graph_add(g, u_t, ll_graph_multiply_scalar(g, u_x, 3.0));
    r = ll_graph_subtract(g, ll_graph_subtract(g, r, ll_graph_multiply_scalar(g, u_xx, 0.1)), reaction);
    ll_node x = ll_graph_squeeze(g, ll_graph_slice_axis(g, points, 1, 0, 1), LL_AXIS(1));
    ll_node data = ll_loss_huber(g, u, ll_graph_sin(g, ll_graph_multiply_scalar(g, x, 3.0)), 0.5);
    return ll_graph_add(g, mean_of(n, ll_graph_multiply(g, r, r)), mean_of(n, data));
}

/* ------------------------------------------------------------------ comparison */

typedef struct expected {
    double probed, norm, element[shown];
    int elements;
} expected;

static FILE *open_fixture(void)
{
    const char *source = getenv("LOSSLENS_SOURCE");
    char path[1024];
    snprintf(path, sizeof path, "%s/tests/problem/data/engine_torch.txt", source != NULL ? source : ".");
    FILE *file = fopen(path, "r");
    if (file == NULL) fail_msg("cannot open %s (set LOSSLENS_SOURCE)", path);
    return file;
}

/* Reads up to the line of the net; returns its loss. */
static double find_net(FILE *file, const char *title)
{
    char line[1024], name[64];
    double loss;
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "net %63s %lf", name, &loss) == 2 && strcmp(name, title) == 0) return loss;
    }
    fail_msg("the fixture has no net %s", title);
    return NAN;
}

static expected read_tensor(FILE *file, const char *kind, const char *name)
{
    char line[1024], got_kind[32], got_name[64];
    int at, used;
    expected e = {0};
    assert_non_null(fgets(line, sizeof line, file));
    assert_int_equal(sscanf(line, "%31s %63s %lf %lf%n", got_kind, got_name, &e.probed, &e.norm, &at), 4);
    assert_string_equal(got_kind, kind);
    assert_string_equal(got_name, name);
    while (e.elements < shown && sscanf(line + at, "%lf%n", &e.element[e.elements], &used) == 1) {
        at += used;
        e.elements++;
    }
    return e;
}

/* Largest relative error of what the fixture holds of a tensor. */
static double error_of(const net *n, const expected *e, const void *data, const void *probe, int64_t count)
{
    double probed = 0, square = 0, probe_square = 0, worst;
    for (int64_t i = 0; i < count; i++) {
        double value = get(n->dtype, data, i), p = get(n->dtype, probe, i);
        probed += value * p;
        square += value * value;
        probe_square += p * p;
    }
    worst = fmax(fabs(sqrt(square) - e->norm), fabs(probed - e->probed) / sqrt(probe_square));
    assert_int_equal(e->elements, count < shown ? count : shown);
    for (int i = 0; i < e->elements; i++) {
        worst = fmax(worst, fabs(get(n->dtype, data, i * count / e->elements) - e->element[i]));
    }
    return worst / e->norm;
}

static void compare(const char *title, ll_node (*build)(net *), ll_dtype dtype, double tolerance)
{
    static net n;
    ll_error error = {0};
    n = (net){.graph = ll_graph_create(), .dtype = dtype};
    assert_non_null(n.graph);
    ll_node loss = build(&n), tangents[most], nodes[1 + 2 * most];
    if (ll_graph_check(n.graph, &error) != LL_OK) fail_msg("%s: %s %s", title, error.place, error.message);
    int count = n.parameter_count;
    void *probes[most], *results[1 + 2 * most];
    for (int i = 0; i < count; i++) {
        const ll_graph_node *p = ll_graph_node_at(n.graph, n.parameters[i]);
        tangents[i] = input(&n, LL_INPUT_TANGENT, join("v:", p->name).text, -1, 1, p->rank, p->shape);
    }
    for (int i = 0; i < count; i++) probes[i] = draw(&n, dtype, count_of(&n, n.parameters[i]), -1, 1);
    nodes[0] = loss;
    assert_int_equal(ll_graph_vjp(n.graph, &loss, NULL, 1, n.parameters, count, nodes + 1, &error), LL_OK);
    if (ll_graph_jvp(n.graph, nodes + 1, count, n.parameters, tangents, count, nodes + 1 + count, &error) !=
        LL_OK) {
        fail_msg("%s: %s %s", title, error.place, error.message);
    }
    for (int i = 0; i < 1 + 2 * count; i++) {
        results[i] = ll_allocate_array(count_of(&n, nodes[i]), ll_dtype_bytes(dtype));
        assert_non_null(results[i]);
    }
    if (ll_interpret(n.graph, nodes, 1 + 2 * count, n.samples, n.bindings, n.binding_count, results,
                     &error) != LL_OK) {
        fail_msg("%s: %s %s", title, error.place, error.message);
    }
    FILE *file = open_fixture();
    double wanted = find_net(file, title),
           worst[3] = {fabs(get(dtype, results[0], 0) - wanted) / fabs(wanted), 0, 0};
    for (int i = 0; i < count; i++) {
        int64_t size = count_of(&n, n.parameters[i]);
        for (int order = 1; order <= 2; order++) {
            expected e = read_tensor(file, order == 1 ? "gradient" : "hessian", n.names[i]);
            double off = error_of(&n, &e, results[1 + (order - 1) * count + i], probes[i], size);
            if (!(off < tolerance))
                print_error("%s: %s of %s is off by %.3g\n", title,
                            order == 1 ? "gradient" : "Hessian product", n.names[i], off);
            worst[order] = off > worst[order] || isnan(off) ? off : worst[order];
        }
    }
    fclose(file);
    print_message("%-16s %s: loss %.1e, gradient %.1e, Hessian product %.1e; %lld nodes\n", title,
                  ll_dtype_name(dtype), worst[0], worst[1], worst[2], (long long)ll_graph_count(n.graph));
    for (int k = 0; k < 3; k++) assert_true(worst[k] < tolerance);
    for (int i = 0; i < 1 + 2 * count; i++) ll_free(results[i]);
    for (int i = 0; i < count; i++) ll_free(probes[i]);
    for (int i = 0; i < n.binding_count; i++) ll_free((void *)(uintptr_t)n.bindings[i].data);
    ll_graph_destroy(n.graph);
}

static void both(const char *title, ll_node (*build)(net *))
{
    compare(title, build, LL_F64, 1e-10);
    compare(title, build, LL_F32, 1e-4);
}

static void residual_network(void **state) { (void)state, both("resnet", resnet_evaluation); }
static void residual_network_training(void **state) { (void)state, both("resnet_training", resnet_training); }
static void transformer_block(void **state) { (void)state, both("transformer", transformer); }
static void u_net(void **state) { (void)state, both("unet", unet); }
static void physics_informed(void **state) { (void)state, both("pinn", pinn); }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(residual_network),  cmocka_unit_test(residual_network_training),
        cmocka_unit_test(transformer_block), cmocka_unit_test(u_net),
        cmocka_unit_test(physics_informed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
