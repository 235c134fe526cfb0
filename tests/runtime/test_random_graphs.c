/* Random small graphs: what the planner makes of them (fusion, products with bias and sums, layouts, passes, memory
 * places) against the interpreter, which computes node by node with the reference kernels. Values, gradients and
 * Hessian products; any micro-batch; the same bits on one and two threads, and where what no vector enters is kept.
 *
 *   runtime_test_random_graphs [SEED]   repeats one graph */
#include "../support_cmocka.h"

#include "losslens/runtime.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GRAPHS = 320, MOST_POOL = 40, MOST_PARAMETERS = 40, MOST_INPUTS = 96, MOST_OUTPUTS = 40, NODES = 14 };

static int64_t only_seed = -1;

typedef struct builder {
    ll_graph *graph;
    ll_dtype dtype;
    ll_rng rng;
    uint64_t drawn;
    int64_t samples;
    ll_node pool[MOST_POOL]; /* per-sample nodes, the sample axis first */
    int pool_count;
    ll_node parameters[MOST_PARAMETERS];
    int parameter_count;
    ll_node inputs[MOST_INPUTS];
    void *data[MOST_INPUTS];
    int input_count;
} builder;

static int64_t draw(builder *b, int64_t below)
{
    return (int64_t)ll_rng_below(b->rng, b->drawn++, (uint64_t)below);
}

static ll_node input(builder *b, ll_input_kind kind, int rank, const int64_t *shape)
{
    char name[24];
    snprintf(name, sizeof name, "input%d", b->input_count);
    assert_true(b->input_count < MOST_INPUTS);
    ll_node node = ll_graph_input(b->graph, kind, name, b->dtype, shape, rank);
    int64_t count = 0;
    assert_true(node != LL_NO_NODE &&
                ll_graph_elements(ll_graph_node_at(b->graph, node), b->samples, &count));
    void *data = ll_allocate((size_t)(count + 8) * sizeof(double));
    for (int64_t i = 0; i < count; i++) {
        double value = 0.6 * ll_rng_normal(b->rng, b->drawn++);
        if (b->dtype == LL_F32) ((float *)data)[i] = (float)value;
        else ((double *)data)[i] = value;
    }
    b->inputs[b->input_count] = node;
    b->data[b->input_count++] = data;
    return node;
}

static ll_node parameter(builder *b, int rank, const int64_t *shape)
{
    /* A weight used twice is where products are added up. */
    for (int i = 0; i < b->parameter_count && draw(b, 2) == 0; i++) {
        const ll_graph_node *it = ll_graph_node_at(b->graph, b->parameters[i]);
        if (it->rank == rank && memcmp(it->shape, shape, sizeof(int64_t) * (size_t)rank) == 0)
            return b->parameters[i];
    }
    assert_true(b->parameter_count < MOST_PARAMETERS);
    return b->parameters[b->parameter_count++] = input(b, LL_INPUT_PARAMETER, rank, shape);
}

static const ll_graph_node *at(const builder *b, ll_node node) { return ll_graph_node_at(b->graph, node); }

static ll_node pick(builder *b) { return b->pool[draw(b, b->pool_count)]; }

/* Another node of the same shape, if there is one. */
static ll_node partner(builder *b, ll_node x)
{
    int first = (int)draw(b, b->pool_count);
    for (int i = 0; i < b->pool_count; i++) {
        ll_node y = b->pool[(first + i) % b->pool_count];
        if (y != x && at(b, y)->rank == at(b, x)->rank &&
            memcmp(at(b, y)->shape, at(b, x)->shape, sizeof at(b, x)->shape) == 0)
            return y;
    }
    return ll_graph_sin(b->graph, x);
}

/* A vector along the last axis, as it broadcasts against x. */
static ll_node row(builder *b, ll_node x) { return parameter(b, 1, &at(b, x)->shape[at(b, x)->rank - 1]); }

static ll_node mean_last(builder *b, ll_node x)
{
    const ll_graph_node *it = at(b, x);
    int last = it->rank - 1;
    ll_node sum = ll_graph_sum(b->graph, x, LL_AXIS(last));
    return ll_graph_multiply_scalar(b->graph, ll_graph_expand(b->graph, sum, LL_AXIS(last)),
                                    1.0 / (double)it->shape[last]);
}

static ll_node unary(builder *b, ll_node x)
{
    ll_graph *g = b->graph;
    switch (draw(b, 10)) {
    case 0: return ll_graph_tanh(g, x);
    case 1: return ll_graph_sin(g, x);
    case 2: return ll_graph_exp(g, ll_graph_tanh(g, x));
    case 3: return ll_graph_sqrt(g, ll_graph_add_scalar(g, ll_graph_multiply(g, x, x), 0.5));
    case 4: return ll_graph_reciprocal(g, ll_graph_add_scalar(g, ll_graph_multiply(g, x, x), 1.0));
    case 5: return ll_graph_log1p(g, ll_graph_multiply(g, x, x));
    case 6: return ll_graph_erf(g, x);
    case 7: return ll_graph_negate(g, ll_graph_cos(g, x));
    case 8: return ll_graph_multiply_scalar(g, x, -0.75);
    default: /* kinks only where both sides decide alike */
        return b->dtype == LL_F64 ? ll_graph_max(g, x, ll_graph_full_like(g, x, 0.1))
                                  : ll_graph_expm1(g, ll_graph_tanh(g, x));
    }
}

static ll_node binary(builder *b, ll_node x)
{
    ll_graph *g = b->graph;
    ll_node y = draw(b, 3) == 0 ? row(b, x) : partner(b, x);
    switch (draw(b, 5)) {
    case 0: return ll_graph_add(g, x, y);
    case 1: return ll_graph_subtract(g, y, x);
    case 2: return ll_graph_multiply(g, x, ll_graph_tanh(g, y));
    case 3: return ll_graph_divide(g, x, ll_graph_add_scalar(g, ll_graph_multiply(g, y, y), 1.0));
    default:
        if (b->dtype == LL_F32) return ll_graph_multiply(g, ll_graph_sin(g, y), x);
        return ll_graph_select(g, ll_graph_less(g, x, y), ll_graph_tanh(g, x), ll_graph_multiply(g, y, y));
    }
}

/* Linear layers, alone, with a bias, or added to one of another node. */
static ll_node linear(builder *b, ll_node x)
{
    ll_graph *g = b->graph;
    const ll_graph_node *it = at(b, x);
    int64_t in = it->shape[it->rank - 1], out = (int64_t[]){1, 5, 8, 12, 17}[draw(b, 5)];
    bool turned = draw(b, 2) == 0;
    const int64_t *shape = turned ? (int64_t[]){out, in} : (int64_t[]){in, out};
    ll_node w = parameter(b, 2, shape);
    ll_node y = ll_graph_matmul(g, x, w, false, turned);
    if (draw(b, 3) == 0) y = ll_graph_add(g, y, parameter(b, 1, &out));
    if (draw(b, 3) == 0) {
        ll_node other = partner(b, x), v = draw(b, 2) == 0 ? w : parameter(b, 2, shape);
        ll_node z = ll_graph_matmul(g, other, v, false, turned);
        if (draw(b, 2) == 0) z = ll_graph_add(g, z, parameter(b, 1, &out));
        y = ll_graph_add(g, y, z);
    }
    if (draw(b, 3) == 0) y = ll_graph_add(g, y, parameter(b, 1, &out));
    return ll_graph_tanh(g, y);
}

/* A weight and a bias a member of an ensemble: the samples are rows behind a model axis. */
static ll_node members(builder *b, ll_node x)
{
    ll_graph *g = b->graph;
    const ll_graph_node *it = at(b, x);
    if (it->rank != 3) return ll_graph_tanh(g, x);
    int64_t models = it->shape[1], in = it->shape[2], out = 1 + draw(b, 9);
    ll_node rows = ll_graph_transpose(g, x, (int[]){1, 0, 2});
    ll_node y = ll_graph_matmul(g, rows, parameter(b, 3, (int64_t[]){models, in, out}), false, false);
    y = ll_graph_add(g, y, ll_graph_expand(g, parameter(b, 2, (int64_t[]){models, out}), LL_AXIS(1)));
    return ll_graph_transpose(g, ll_graph_tanh(g, y), (int[]){1, 0, 2});
}

/* Products between samples' own matrices: attention without its name. */
static ll_node self_product(builder *b, ll_node x)
{
    ll_graph *g = b->graph;
    if (at(b, x)->rank != 3) return ll_graph_cos(g, x);
    ll_node y = partner(b, x);
    ll_node scores = ll_graph_multiply_scalar(g, ll_graph_matmul(g, x, y, false, true), 0.3);
    ll_node weights = ll_graph_exp(g, ll_graph_tanh(g, scores));
    ll_node total = ll_graph_expand(g, ll_graph_sum(g, weights, LL_AXIS(2)), LL_AXIS(2));
    return ll_graph_matmul(g, ll_graph_divide(g, weights, total), x, false, false);
}

static ll_node move(builder *b, ll_node x)
{
    ll_graph *g = b->graph;
    const ll_graph_node *it = at(b, x);
    int last = it->rank - 1;
    int64_t size = it->shape[last];
    switch (draw(b, 6)) {
    case 0:
        if (it->rank == 2 && size % 4 == 0)
            return ll_graph_reshape(g, x, (int64_t[]){LL_SAMPLES, 4, size / 4}, 3);
        if (it->rank == 3) return ll_graph_reshape(g, x, (int64_t[]){LL_SAMPLES, it->shape[1] * size}, 2);
        return x;
    case 1:
        if (it->rank == 3) return ll_graph_transpose(g, x, (int[]){0, 2, 1});
        return ll_graph_transpose(g, ll_graph_tanh(g, ll_graph_transpose(g, x, (int[]){1, 0})),
                                  (int[]){1, 0});
    case 2: return size > 2 ? ll_graph_slice_axis(g, x, last, 1, size - 1) : x;
    case 3: {
        int64_t low[LL_GRAPH_RANK] = {0}, high[LL_GRAPH_RANK] = {0};
        low[last] = 1;
        high[last] = 2;
        return ll_graph_pad(g, x, low, high, NULL, 0.25);
    }
    case 4: { /* a node taken apart and put together again, in order or not */
        if (size < 2) return x;
        ll_node parts[3] = {ll_graph_slice_axis(g, x, last, 0, 1),
                            ll_graph_slice_axis(g, x, last, 1, size - 1)};
        parts[2] = parts[0];
        return ll_graph_concatenate(g, parts + draw(b, 2), 2, last);
    }
    default: return ll_graph_concatenate(g, (ll_node[]){x, partner(b, x), x}, 3, last);
    }
}

/* Layer norm, softmax, GELU, and normalisation by the statistics of all samples (further passes). */
static ll_node composite(builder *b, ll_node x)
{
    ll_graph *g = b->graph;
    switch (draw(b, 4)) {
    case 0: {
        ll_node centred = ll_graph_subtract(g, x, mean_last(b, x));
        ll_node variance = mean_last(b, ll_graph_multiply(g, centred, centred));
        ll_node y = ll_graph_divide(g, centred, ll_graph_sqrt(g, ll_graph_add_scalar(g, variance, 0.1)));
        return ll_graph_add(g, ll_graph_multiply(g, y, row(b, x)), row(b, x));
    }
    case 1: {
        int last = at(b, x)->rank - 1;
        ll_node top = ll_graph_expand(g, ll_graph_reduce_max(g, x, LL_AXIS(last)), LL_AXIS(last));
        ll_node e = ll_graph_exp(g, ll_graph_subtract(g, x, ll_graph_detach(g, top)));
        return ll_graph_divide(g, e, ll_graph_expand(g, ll_graph_sum(g, e, LL_AXIS(last)), LL_AXIS(last)));
    }
    case 2: {
        ll_node phi = ll_graph_erf(g, ll_graph_multiply_scalar(g, x, 0.70710678118654752));
        return ll_graph_multiply(g, x, ll_graph_multiply_scalar(g, ll_graph_add_scalar(g, phi, 1.0), 0.5));
    }
    default: {
        ll_node count = ll_graph_sample_count(g, b->dtype);
        ll_node mean = ll_graph_divide(g, ll_graph_sum(g, x, LL_AXIS(0)), count);
        ll_node centred = ll_graph_subtract(g, x, mean);
        ll_node variance =
            ll_graph_divide(g, ll_graph_sum(g, ll_graph_multiply(g, centred, centred), LL_AXIS(0)), count);
        return ll_graph_divide(g, centred, ll_graph_sqrt(g, ll_graph_add_scalar(g, variance, 0.3)));
    }
    }
}

static ll_node convolve(builder *b, ll_node x)
{
    ll_graph *g = b->graph;
    const ll_graph_node *it = at(b, x);
    if (it->rank != 2 || it->shape[1] < 8) return ll_graph_tanh(g, x);
    int64_t channels = it->shape[1] / 8, out = (int64_t[]){3, 16}[draw(b, 2)];
    ll_node image = ll_graph_reshape(g, ll_graph_slice_axis(g, x, 1, 0, channels * 8),
                                     (int64_t[]){LL_SAMPLES, channels, 2, 4}, 4);
    ll_convolution form = {.spatial = 2,
                           .groups = 1,
                           .stride = {1, 1},
                           .dilation = {1, 1},
                           .pad_low = {1, 1},
                           .pad_high = {1, 1}};
    ll_node y = ll_graph_convolution(g, image, parameter(b, 4, (int64_t[]){out, channels, 3, 3}), &form);
    y = ll_graph_tanh(g, ll_graph_multiply_scalar(g, y, 0.3));
    ll_node z = ll_graph_convolution(g, y, parameter(b, 4, (int64_t[]){16, out, 3, 3}), &form);
    return ll_graph_tanh(g, ll_graph_multiply_scalar(g, ll_graph_sum(g, z, LL_AXIS(2) | LL_AXIS(3)), 0.1));
}

static ll_node next(builder *b)
{
    ll_node x = pick(b);
    switch (draw(b, 10)) {
    case 0: return unary(b, x);
    case 1:
    case 2: return binary(b, x);
    case 3:
    case 4: return linear(b, x);
    case 5: return self_product(b, x);
    case 6: return move(b, x);
    case 7: return composite(b, x);
    case 8: return members(b, x);
    default: return convolve(b, x);
    }
}

static double value_of(ll_dtype dtype, const void *data, int64_t i)
{
    return dtype == LL_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
}

static int64_t elements(const builder *b, ll_node node)
{
    int64_t count = 0;
    assert_true(ll_graph_elements(at(b, node), b->samples, &count));
    return count;
}

/* Loss, some intermediate nodes, gradient, and on every other graph the Hessian's product. */
static int make_outputs(builder *b, int64_t seed, ll_node *outputs)
{
    ll_graph *g = b->graph;
    int count = 0;
    ll_node loss = LL_NO_NODE;
    for (int i = 0; i < 2; i++) {
        ll_node x = i == 0 ? b->pool[b->pool_count - 1] : pick(b), bounded = ll_graph_tanh(g, x);
        outputs[count++] = x;
        ll_node sum = ll_graph_sum(g, ll_graph_multiply(g, bounded, bounded), (1U << at(b, x)->rank) - 1U);
        loss = loss == LL_NO_NODE ? sum : ll_graph_add(g, loss, sum);
    }
    loss = ll_graph_divide(g, loss, ll_graph_sample_count(g, b->dtype));
    outputs[count++] = loss;
    if (seed % 3 == 0) CHECK_OK(ll_graph_collect(g, outputs, count, outputs, error));
    loss = outputs[count - 1];
    ll_node gradient[MOST_PARAMETERS], tangents[MOST_PARAMETERS];
    int n = b->parameter_count;
    CHECK_OK(ll_graph_vjp(g, &loss, NULL, 1, b->parameters, n, gradient, error));
    for (int p = 0; p < n && p < 12; p++) outputs[count++] = gradient[p];
    if (seed % 2 == 0) return count;
    for (int p = 0; p < n; p++) {
        const ll_graph_node *it = at(b, b->parameters[p]);
        int64_t shape[LL_GRAPH_RANK];
        memcpy(shape, it->shape, sizeof shape);
        tangents[p] = input(b, LL_INPUT_TANGENT, it->rank, shape);
    }
    CHECK_OK(ll_graph_jvp(g, gradient, n, b->parameters, tangents, n, gradient, error));
    for (int p = 0; p < n && p < 12; p++) outputs[count++] = gradient[p];
    return count;
}

static void compare(const builder *b, int64_t seed, const ll_node *outputs, int count, void **results,
                    void **wanted, double bound)
{
    for (int o = 0; o < count; o++) {
        double scale = 1e-3, worst = 0;
        for (int64_t i = 0; i < elements(b, outputs[o]); i++) {
            double x = value_of(b->dtype, results[o], i), y = value_of(b->dtype, wanted[o], i);
            scale = fmax(scale, fabs(y));
            worst = fmax(worst, isfinite(x) && isfinite(y) ? fabs(x - y) : INFINITY);
        }
        if (worst > bound * scale)
            fail_msg("output %d of %d: relative error %g; repeat with: runtime_test_random_graphs %lld", o,
                     count, worst / scale, (long long)seed);
    }
}

/* Products from a plan that keeps what no vector enters: the bits of a plan that does not, first and reused, also after
 * another vector. */
static void check_kept(const builder *b, const ll_node *outputs, int count, const ll_run *plain,
                       int64_t micro_batch, void **results)
{
    ll_node varying[MOST_INPUTS];
    ll_binding bindings[MOST_INPUTS];
    ll_run run = *plain;
    ll_plan_options options = {.samples = b->samples, .micro_batch = micro_batch, .varying = varying};
    void *const *wanted = run.results;
    memcpy(bindings, run.bindings, sizeof *bindings * (size_t)run.binding_count);
    for (int i = 0; i < b->input_count; i++)
        if (at(b, b->inputs[i])->attributes.input.kind == LL_INPUT_TANGENT)
            varying[options.varying_count++] = b->inputs[i];
    ll_plan *plan = NULL;
    CHECK_OK(ll_plan_create(b->graph, outputs, count, &options, &plan, error));
    assert_int_equal(ll_plan_view(plan).kept_passes, 0);
    CHECK_OK(ll_plan_run(plan, NULL, &run, error));
    ll_plan_destroy(plan);
    run.results = results;
    options.keep = true;
    CHECK_OK(ll_plan_create(b->graph, outputs, count, &options, &plan, error));
    assert_true(ll_plan_view(plan).kept_passes > 0 &&
                ll_plan_view(plan).kept_passes <= ll_plan_view(plan).passes);
    ll_team *team;
    CHECK_OK(ll_team_create(2, &team, error));
    for (int round = 0; round < 3; round++) {
        double *other = round == 1 ? ll_allocate_zeroed(sizeof(double) * 4096) : NULL;
        for (int i = 0; i < b->input_count; i++)
            if (other && at(b, b->inputs[i])->attributes.input.kind == LL_INPUT_TANGENT)
                bindings[i].data = other;
        run.bindings = round == 1 ? bindings : plain->bindings;
        CHECK_OK(ll_plan_run(plan, round == 0 ? NULL : team, &run, error));
        ll_free(other);
        assert_int_equal(ll_plan_view(plan).reused, round);
        for (int o = 0; o < count && round != 1; o++)
            assert_memory_equal(run.results[o], wanted[o],
                                (size_t)elements(b, outputs[o]) * ll_dtype_bytes(b->dtype));
    }
    ll_team_destroy(team);
    ll_plan_destroy(plan);
}

static void check_graph(int64_t seed)
{
    static const int64_t batches[] = {0, 1, 3, 8};
    builder b = {.graph = ll_graph_create(),
                 .dtype = seed % 4 < 2 ? LL_F64 : LL_F32,
                 .rng = ll_rng_make((uint64_t)seed, "test", "graph"),
                 .samples = 5 + seed % 23};
    b.pool[b.pool_count++] = input(&b, LL_INPUT_SAMPLE, 2, (int64_t[]){LL_SAMPLES, 12});
    b.pool[b.pool_count++] = input(&b, LL_INPUT_SAMPLE, 3, (int64_t[]){LL_SAMPLES, 4, 5});
    for (int i = 0; i < NODES && b.parameter_count < MOST_PARAMETERS - 16; i++) {
        ll_node made = next(&b);
        CHECK_OK(ll_graph_check(b.graph, error));
        if (elements(&b, made) <= 200 * b.samples) b.pool[b.pool_count++] = made;
    }
    ll_node last = linear(&b, b.pool[b.pool_count - 1]);
    b.pool[b.pool_count++] = last;
    ll_node outputs[MOST_OUTPUTS];
    int count = make_outputs(&b, seed, outputs);
    CHECK_OK(ll_graph_check(b.graph, error));
    void *wanted[MOST_OUTPUTS], *results[MOST_OUTPUTS], *again[MOST_OUTPUTS];
    for (int o = 0; o < count; o++) {
        size_t bytes = (size_t)(elements(&b, outputs[o]) + 8) * sizeof(double);
        wanted[o] = ll_allocate_zeroed(bytes);
        results[o] = ll_allocate_zeroed(bytes);
        again[o] = ll_allocate_zeroed(bytes);
    }
    ll_binding bindings[MOST_INPUTS];
    for (int i = 0; i < b.input_count; i++) bindings[i] = (ll_binding){b.inputs[i], b.data[i]};
    CHECK_OK(ll_interpret(b.graph, outputs, count, b.samples, bindings, b.input_count, wanted, error));
    ll_run run = {
        .samples = b.samples, .bindings = bindings, .binding_count = b.input_count, .results = results};
    ll_plan_options options = {.samples = b.samples, .micro_batch = batches[seed % 4]};
    if (seed % 5 == 4) options.cpu = LL_CPU_AVX2;
    ll_plan *plan = NULL;
    CHECK_OK(ll_plan_create(b.graph, outputs, count, &options, &plan, error));
    CHECK_OK(ll_plan_run(plan, NULL, &run, error));
    compare(&b, seed, outputs, count, results, wanted, b.dtype == LL_F64 ? 1e-9 : 2e-3);
    ll_team *team;
    CHECK_OK(ll_team_create(2, &team, error));
    run.results = again;
    CHECK_OK(ll_plan_run(plan, team, &run, error));
    for (int o = 0; o < count; o++)
        assert_memory_equal(results[o], again[o], (size_t)elements(&b, outputs[o]) * ll_dtype_bytes(b.dtype));
    ll_team_destroy(team);
    if (seed % 2 == 1 && seed % 5 != 4)
        check_kept(&b, outputs, count, &run, ll_plan_view(plan).micro_batch, results);
    ll_plan_destroy(plan);
    for (int o = 0; o < count; o++) {
        ll_free(wanted[o]);
        ll_free(results[o]);
        ll_free(again[o]);
    }
    for (int i = 0; i < b.input_count; i++) ll_free(b.data[i]);
    ll_graph_destroy(b.graph);
}

static void test_random_graphs(void **state)
{
    (void)state;
    if (only_seed >= 0) check_graph(only_seed);
    else
        for (int64_t seed = 0; seed < GRAPHS; seed++) check_graph(seed);
}

int main(int argc, char **argv)
{
    if (argc > 1) only_seed = atoll(argv[1]);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_graphs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
