/* Every op, every type, every provider, from the op table: an op brings its cases, this file what must hold for
 * all of them. A failure prints the op, the type, the number of the case, and what differed; the values are drawn
 * from a fixed seed, so that the same line comes again. */
#include "support_cmocka.h"

#include "graph/internal.h"
#include "losslens/kernels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { samples = 3, models = 4, outer_models = 2, guard = 64 };

typedef struct matrix {
    ll_graph *graph;
    ll_op op;
    ll_dtype dtype;
    int index;
    ll_op_sample sample;
    void *data[LL_SAMPLE_INPUTS]; /* of the sample's inputs */
    int64_t count[LL_SAMPLE_INPUTS];
    bool real[LL_SAMPLE_INPUTS];
} matrix;

static void complain(const matrix *m, const char *what)
{
    ll_error error = {0};
    ll_status status = ll_graph_check(m->graph, &error);
    print_error("%s, %s, case %d: %s%s%s %s\n", ll_op_traits_of(m->op)->name, ll_dtype_name(m->dtype),
                m->index, what, status != LL_OK ? " - " : "", status != LL_OK ? error.message : "",
                status != LL_OK ? error.place : "");
    fail();
}

static int64_t elements(const ll_graph *graph, ll_node node)
{
    int64_t count = 0;
    assert_true(ll_graph_elements(ll_graph_node_at(graph, node), samples, &count));
    return count;
}

static double get(ll_dtype dtype, const void *data, int64_t i)
{
    switch (dtype) {
    case LL_F32: return (double)((const float *)data)[i];
    case LL_F64: return ((const double *)data)[i];
    case LL_I32: return (double)((const int32_t *)data)[i];
    case LL_I64: return (double)((const int64_t *)data)[i];
    default: return (double)((const uint8_t *)data)[i];
    }
}

static void put(ll_dtype dtype, void *data, int64_t i, double value)
{
    switch (dtype) {
    case LL_F32: ((float *)data)[i] = (float)value; break;
    case LL_F64: ((double *)data)[i] = value; break;
    case LL_I32: ((int32_t *)data)[i] = (int32_t)floor(value); break;
    case LL_I64: ((int64_t *)data)[i] = (int64_t)floor(value); break;
    default: ((uint8_t *)data)[i] = value > 0; break;
    }
}

/* `copies` tensors of the shape of `node`, one after another. */
static void *draw(const matrix *m, ll_node node, const char *name, int copies, double low, double high)
{
    ll_dtype dtype = ll_graph_node_at(m->graph, node)->dtype;
    int64_t count = elements(m->graph, node) * copies;
    void *data = ll_allocate_array(count, ll_dtype_bytes(dtype));
    assert_non_null(data);
    ll_rng rng = ll_rng_make(20 + (uint64_t)m->index, ll_op_traits_of(m->op)->name, name);
    for (int64_t i = 0; i < count; i++)
        put(dtype, data, i, low + (high - low) * ll_rng_uniform(rng, (uint64_t)i));
    return data;
}

typedef struct bindings {
    ll_binding list[24];
    int count;
} bindings;

static void bind(bindings *b, ll_node node, const void *data)
{
    for (int i = 0; i < b->count; i++) {
        if (b->list[i].input == node) {
            b->list[i].data = data;
            return;
        }
    }
    assert_true(b->count < 24);
    b->list[b->count++] = (ll_binding){node, data};
}

static void *evaluate(const matrix *m, ll_node node, const bindings *b)
{
    ll_error error = {0};
    void *result =
        ll_allocate_array(elements(m->graph, node), ll_dtype_bytes(ll_graph_node_at(m->graph, node)->dtype));
    assert_non_null(result);
    if (ll_interpret(m->graph, &node, 1, samples, b->list, b->count, &result, &error) != LL_OK) {
        print_error("%s %s\n", error.place, error.message);
        complain(m, "the interpreter failed");
    }
    return result;
}

/* ------------------------------------------------------------------ derivatives (f64) */

static void same(const matrix *m, const char *what, const double *got, const double *wanted, int64_t count,
                 double tolerance)
{
    double scale = 1.0;
    for (int64_t i = 0; i < count; i++) scale = fmax(scale, fabs(wanted[i]));
    for (int64_t i = 0; i < count; i++) {
        if (fabs(got[i] - wanted[i]) <= tolerance * scale) continue; /* false for NaN too */
        print_error("element %lld: got %.17g, wanted %.17g\n", (long long)i, got[i], wanted[i]);
        complain(m, what);
    }
}

static void same_number(const matrix *m, const char *what, double got, double wanted, double tolerance)
{
    same(m, what, &got, &wanted, 1, tolerance);
}

static double dot(const double *a, const double *b, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += a[i] * b[i];
    return sum;
}

typedef struct directions {
    ll_node node[LL_SAMPLE_INPUTS]; /* inputs named after `letter`, for the floating-point inputs */
    double *data[LL_SAMPLE_INPUTS];
} directions;

static directions direction(matrix *m, char letter, bindings *b)
{
    directions d = {{0}, {0}};
    for (int i = 0; i < m->sample.input_count; i++) {
        if (!m->real[i]) continue;
        const ll_graph_node *x = ll_graph_node_at(m->graph, m->sample.inputs[i]);
        char name[3] = {letter, (char)('0' + i), 0};
        d.node[i] = ll_graph_input(m->graph, LL_INPUT_TANGENT, name, LL_F64, x->shape, x->rank);
        d.data[i] = draw(m, d.node[i], name, 1, -1.0, 1.0);
        bind(b, d.node[i], d.data[i]);
    }
    return d;
}

static void directions_free(directions *d)
{
    for (int i = 0; i < LL_SAMPLE_INPUTS; i++) ll_free(d->data[i]);
}

/* d/dh of node(x + h u) at 0 by the 4-point formula, error h^4 f'''''/30. */
static double *difference(const matrix *m, ll_node node, const bindings *b, const directions *u)
{
    static const double at[4] = {1, -1, 2, -2}, weight[4] = {8, -8, -1, 1};
    const double h = 1e-3;
    int64_t count = elements(m->graph, node);
    double *sum = ll_allocate_zeroed((size_t)(count + 1) * sizeof *sum);
    assert_non_null(sum);
    for (int k = 0; k < 4; k++) {
        bindings moved = *b;
        double *x[LL_SAMPLE_INPUTS] = {0};
        for (int i = 0; i < m->sample.input_count; i++) {
            if (!m->real[i]) continue;
            x[i] = ll_allocate_array(m->count[i], sizeof(double));
            for (int64_t e = 0; e < m->count[i]; e++)
                x[i][e] = ((double *)m->data[i])[e] + at[k] * h * u->data[i][e];
            bind(&moved, m->sample.inputs[i], x[i]);
        }
        double *value = evaluate(m, node, &moved);
        for (int64_t e = 0; e < count; e++) sum[e] += weight[k] * value[e] / (12 * h);
        ll_free(value);
        for (int i = 0; i < LL_SAMPLE_INPUTS; i++) ll_free(x[i]);
    }
    return sum;
}

typedef struct variables {
    int count;
    int which[LL_SAMPLE_INPUTS];
    ll_node x[LL_SAMPLE_INPUTS], u[LL_SAMPLE_INPUTS], w[LL_SAMPLE_INPUTS];
} variables;

static void check_ok(const matrix *m, const char *what, ll_status status, const ll_error *error)
{
    if (status == LL_OK) return;
    print_error("%s %s\n", error->place, error->message);
    complain(m, what);
}

static ll_node dot_nodes(matrix *m, const ll_node *a, const ll_node *b, int count)
{
    ll_node sum = ll_graph_scalar(m->graph, LL_F64, 0.0);
    for (int i = 0; i < count; i++) {
        int rank = ll_graph_node_at(m->graph, a[i])->rank;
        sum =
            ll_graph_add(m->graph, sum,
                         ll_graph_sum(m->graph, ll_graph_multiply(m->graph, a[i], b[i]), ll_all_axes(rank)));
    }
    return sum;
}

/* nodes[i] against the difference of `of[i]` along u; and <nodes, w> symmetric is the caller's. */
static void against_difference(const matrix *m, const char *what, const ll_node *nodes, const ll_node *of,
                               int count, const bindings *b, const directions *u, double tolerance)
{
    for (int i = 0; i < count; i++) {
        double *got = evaluate(m, nodes[i], b), *wanted = difference(m, of[i], b, u);
        same(m, what, got, wanted, elements(m->graph, nodes[i]), tolerance);
        ll_free(got);
        ll_free(wanted);
    }
}

static void against(const matrix *m, const char *what, const ll_node *got, const ll_node *wanted, int count,
                    const bindings *b)
{
    for (int i = 0; i < count; i++) {
        double *a = evaluate(m, got[i], b), *c = evaluate(m, wanted[i], b);
        same(m, what, a, c, elements(m->graph, got[i]), 1e-11);
        ll_free(a);
        ll_free(c);
    }
}

static double number(const matrix *m, ll_node node, const bindings *b)
{
    double *value = evaluate(m, node, b), result = value[0];
    ll_free(value);
    return result;
}

static void check_derivatives(matrix *m, bindings b)
{
    ll_graph *graph = m->graph;
    ll_node y = m->sample.output;
    const ll_graph_node *shape = ll_graph_node_at(graph, y);
    ll_error error;
    directions u = direction(m, 'u', &b), w = direction(m, 'w', &b);
    ll_node v = ll_graph_input(graph, LL_INPUT_TANGENT, "v", LL_F64, shape->shape, shape->rank);
    double *v_data = draw(m, v, "v", 1, -1.0, 1.0);
    bind(&b, v, v_data);
    variables s = {.count = 0};
    for (int i = 0; i < m->sample.input_count; i++) {
        if (!m->real[i]) continue;
        s.which[s.count] = i;
        s.x[s.count] = m->sample.inputs[i];
        s.u[s.count] = u.node[i];
        s.w[s.count++] = w.node[i];
    }
    ll_node ju, jv[LL_SAMPLE_INPUTS];
    check_ok(m, "jvp", ll_graph_jvp(graph, &y, 1, s.x, s.u, s.count, &ju, &error), &error);
    check_ok(m, "vjp", ll_graph_vjp(graph, &y, &v, 1, s.x, s.count, jv, &error), &error);
    against_difference(m, "the JVP is not the difference of values", &ju, &y, 1, &b, &u, 1e-8);
    double *ju_value = evaluate(m, ju, &b);
    double pushed = dot(v_data, ju_value, elements(graph, y)), pulled = 0;
    for (int i = 0; i < s.count; i++) {
        double *value = evaluate(m, jv[i], &b);
        pulled += dot(value, u.data[s.which[i]], elements(graph, jv[i]));
        ll_free(value);
    }
    same_number(m, "<v, J u> is not <J' v, u>", pulled, pushed, 1e-12);
    ll_free(ju_value);
    ll_node value_v[1] = {y}, dotted = dot_nodes(m, value_v, &v, 1);
    double *slope = difference(m, dotted, &b, &u);
    same_number(m, "the VJP is not the difference of values", pulled, slope[0], 1e-8);
    ll_free(slope);

    /* L = <v, y^2> / 2: a Hessian also where the op is linear. */
    ll_node squares = ll_graph_multiply(graph, y, y), loss = dot_nodes(m, &squares, &v, 1);
    ll_node g[LL_SAMPLE_INPUTS], hu[LL_SAMPLE_INPUTS], hw[LL_SAMPLE_INPUTS], again[LL_SAMPLE_INPUTS];
    check_ok(m, "gradient", ll_graph_vjp(graph, &loss, NULL, 1, s.x, s.count, g, &error), &error);
    check_ok(m, "Hessian product", ll_graph_jvp(graph, g, s.count, s.x, s.u, s.count, hu, &error), &error);
    check_ok(m, "Hessian product", ll_graph_jvp(graph, g, s.count, s.x, s.w, s.count, hw, &error), &error);
    against_difference(m, "the Hessian product is not the difference of gradients", hu, g, s.count, &b, &u,
                       1e-7);
    same_number(m, "<w, H u> is not <u, H w>", number(m, dot_nodes(m, hu, s.w, s.count), &b),
                number(m, dot_nodes(m, hw, s.u, s.count), &b), 1e-11);
    ll_node gu = dot_nodes(m, g, s.u, s.count);
    check_ok(m, "reverse over reverse", ll_graph_vjp(graph, &gu, NULL, 1, s.x, s.count, again, &error),
             &error);
    against(m, "reverse over reverse is not forward over reverse", again, hu, s.count, &b);

    /* Third order: forward over forward over reverse, its difference, and reverse over forward over reverse. */
    ll_node huu[LL_SAMPLE_INPUTS];
    check_ok(m, "third order", ll_graph_jvp(graph, hu, s.count, s.x, s.u, s.count, huu, &error), &error);
    against_difference(m, "the third derivative is not the difference of Hessian products", huu, hu, s.count,
                       &b, &u, 1e-6);
    ll_node uhu = dot_nodes(m, hu, s.u, s.count);
    check_ok(m, "third order", ll_graph_vjp(graph, &uhu, NULL, 1, s.x, s.count, again, &error), &error);
    against(m, "the third derivative differs between modes", again, huu, s.count, &b);
    directions_free(&u);
    directions_free(&w);
    ll_free(v_data);
}

/* A flat op passes on nothing at all: its derivatives are the constant zero. */
static void check_flat(matrix *m, bindings b)
{
    directions u = direction(m, 'u', &b);
    ll_node y = m->sample.output, tangent, cotangent, seed = ll_graph_full_like(m->graph, y, 1.0);
    ll_error error;
    double value = 1;
    for (int i = 0; i < m->sample.input_count; i++) {
        if (!m->real[i]) continue;
        ll_node x = m->sample.inputs[i];
        check_ok(m, "jvp", ll_graph_jvp(m->graph, &y, 1, &x, &u.node[i], 1, &tangent, &error), &error);
        check_ok(m, "vjp", ll_graph_vjp(m->graph, &y, &seed, 1, &x, 1, &cotangent, &error), &error);
        if (!ll_is_uniform(m->graph, tangent, &value) || value != 0)
            complain(m, "the tangent of a flat op is not 0");
        if (!ll_is_uniform(m->graph, cotangent, &value) || value != 0) complain(m, "the cotangent is not 0");
    }
    directions_free(&u);
}

/* ------------------------------------------------------------------ batching */

static void same_bits(const matrix *m, const char *what, ll_node node, const void *got, const void *wanted,
                      int64_t first, int64_t count)
{
    size_t bytes = ll_dtype_bytes(ll_graph_node_at(m->graph, node)->dtype);
    if (memcmp((const char *)got + (size_t)first * bytes, wanted, (size_t)count * bytes) != 0)
        complain(m, what);
}

/* Input i with a leading axis, as a leaf with values of its own. */
static ll_node stacked(matrix *m, int i, int many, char letter, void **data, bindings *b)
{
    const ll_graph_node *x = ll_graph_node_at(m->graph, m->sample.inputs[i]);
    int64_t shape[LL_GRAPH_RANK];
    char name[3] = {letter, (char)('0' + i), 0};
    ll_prepend(many, x->shape, x->rank, shape);
    ll_node node = ll_graph_input(m->graph, LL_INPUT_TANGENT, name, x->dtype, shape, x->rank + 1);
    *data = draw(m, m->sample.inputs[i], name, many, m->sample.low[i], m->sample.high[i]);
    bind(b, node, *data);
    return node;
}

static const void *member(const matrix *m, int i, const void *data, int model)
{
    size_t bytes = ll_dtype_bytes(ll_graph_node_at(m->graph, m->sample.inputs[i])->dtype);
    return (const char *)data + (size_t)model * (size_t)m->count[i] * bytes;
}

/* Every subset of the inputs with a model axis, on the op and on its gradient. */
static void check_batching(matrix *m, const bindings *b, ll_node node)
{
    int n = m->sample.input_count;
    for (unsigned mask = 1; mask < 1U << n; mask++) {
        bindings many = *b;
        ll_node from[LL_SAMPLE_INPUTS], to[LL_SAMPLE_INPUTS], result;
        void *data[LL_SAMPLE_INPUTS] = {0};
        int count = 0;
        bool has_axis;
        ll_error error;
        for (int i = 0; i < n; i++) {
            if ((mask & 1U << i) == 0) continue;
            from[count] = m->sample.inputs[i];
            to[count++] = stacked(m, i, models, 'b', &data[i], &many);
        }
        check_ok(m, "batching",
                 ll_graph_batch(m->graph, &node, 1, from, to, count, models, &result, &has_axis, &error),
                 &error);
        void *got = evaluate(m, result, &many);
        int64_t one = elements(m->graph, node);
        for (int k = 0; k < models; k++) {
            bindings alone = *b;
            for (int i = 0; i < n; i++) {
                if (data[i] != NULL) bind(&alone, m->sample.inputs[i], member(m, i, data[i], k));
            }
            void *wanted = evaluate(m, node, &alone);
            same_bits(m, "the batched op is not the loop over models", node, got, wanted,
                      has_axis ? k * one : 0, one);
            ll_free(wanted);
        }
        ll_free(got);
        for (int i = 0; i < n; i++) ll_free(data[i]);
    }
}

/* Model axes of two batchings, on the first input and on the last: they meet in one op. */
static void check_nested_batching(matrix *m, const bindings *b)
{
    int last = m->sample.input_count - 1;
    bindings many = *b;
    void *inner = NULL, *outer = NULL;
    ll_node node = m->sample.output, once, twice;
    ll_error error;
    ll_node first_many = stacked(m, 0, models, 'b', &inner, &many);
    ll_node from = last == 0 ? first_many : m->sample.inputs[last], to;
    if (last == 0) {
        const ll_graph_node *x = ll_graph_node_at(m->graph, first_many);
        int64_t shape[LL_GRAPH_RANK];
        ll_prepend(outer_models, x->shape, x->rank, shape);
        to = ll_graph_input(m->graph, LL_INPUT_TANGENT, "c0", x->dtype, shape, x->rank + 1);
        outer = draw(m, first_many, "c0", outer_models, m->sample.low[0], m->sample.high[0]);
        bind(&many, to, outer);
    } else {
        to = stacked(m, last, outer_models, 'c', &outer, &many);
    }
    check_ok(
        m, "batching",
        ll_graph_batch(m->graph, &node, 1, &m->sample.inputs[0], &first_many, 1, models, &once, NULL, &error),
        &error);
    check_ok(m, "nested batching",
             ll_graph_batch(m->graph, &once, 1, &from, &to, 1, outer_models, &twice, NULL, &error), &error);
    void *got = evaluate(m, twice, &many);
    int64_t one = elements(m->graph, node);
    for (int k = 0; k < outer_models * models; k++) {
        bindings alone = *b;
        bind(&alone, m->sample.inputs[0],
             last == 0 ? member(m, 0, outer, k) : member(m, 0, inner, k % models));
        if (last > 0) bind(&alone, m->sample.inputs[last], member(m, last, outer, k / models));
        void *wanted = evaluate(m, node, &alone);
        same_bits(m, "two batchings are not the two loops", node, got, wanted, k * one, one);
        ll_free(wanted);
    }
    ll_free(got);
    ll_free(inner);
    ll_free(outer);
}

/* ------------------------------------------------------------------ providers */

/* Runs a kernel with sentinels around its output, which starts as `fill`. */
static void *run_guarded(const matrix *m, const ll_provider *provider, const ll_kernel_case *kernel,
                         const void *const *inputs, int fill)
{
    void *state = NULL;
    ll_error error;
    size_t bytes = (size_t)kernel->output.count * ll_dtype_bytes(kernel->output.dtype);
    check_ok(m, provider->name, provider->prepare(kernel, &state, &error), &error);
    size_t work = provider->workspace != NULL ? provider->workspace(state) : 0;
    unsigned char *block = ll_allocate(bytes + 2 * guard), *workspace = ll_allocate(work + guard);
    assert_non_null(block);
    assert_non_null(workspace);
    memset(block, 0xA5, bytes + 2 * guard);
    memset(block + guard, fill, bytes);
    memset(workspace, 0xA5, work + guard);
    check_ok(m, provider->name, provider->run(state, inputs, block + guard, workspace, &error), &error);
    for (int i = 0; i < guard; i++) {
        if (block[i] != 0xA5 || block[guard + bytes + (size_t)i] != 0xA5 ||
            workspace[work + (size_t)i] != 0xA5) {
            complain(m, "a kernel wrote outside its buffers");
        }
    }
    memmove(block, block + guard, bytes);
    provider->destroy(state);
    ll_free(workspace);
    return block;
}

static void check_providers(const matrix *m, const bindings *b)
{
    const ll_graph_node *node = ll_graph_node_at(m->graph, m->sample.output);
    if (node->op == LL_OP_INPUT) return;
    ll_tensor_form forms[LL_SAMPLE_INPUTS];
    ll_kernel_case kernel;
    ll_error error;
    void *inputs[LL_SAMPLE_INPUTS] = {0};
    check_ok(m, "kernel case", ll_kernel_case_of(m->graph, m->sample.output, samples, forms, &kernel, &error),
             &error);
    for (int i = 0; i < node->input_count; i++) inputs[i] = evaluate(m, node->inputs[i], b);
    int count;
    const ll_provider *const *providers = ll_providers(&count);
    void *wanted = run_guarded(m, providers[count - 1], &kernel, (const void *const *)inputs, 0x00);
    size_t bytes = (size_t)kernel.output.count * ll_dtype_bytes(kernel.output.dtype);
    for (int p = 0; p < count; p++) {
        if (!providers[p]->supports(&kernel)) continue;
        void *once = run_guarded(m, providers[p], &kernel, (const void *const *)inputs, 0x00);
        void *twice = run_guarded(m, providers[p], &kernel, (const void *const *)inputs, 0xFF);
        if (memcmp(once, twice, bytes) != 0)
            complain(m, "two runs of a kernel differ, or it left elements unwritten");
        double scale = 0, tolerance = kernel.output.dtype == LL_F64   ? 1e-13
                                      : kernel.output.dtype == LL_F32 ? 2e-6
                                                                      : 0;
        for (int64_t i = 0; i < kernel.output.count; i++)
            scale = fmax(scale, fabs(get(kernel.output.dtype, wanted, i)));
        for (int64_t i = 0; i < kernel.output.count; i++) {
            double x = get(kernel.output.dtype, once, i), y = get(kernel.output.dtype, wanted, i);
            if (fabs(x - y) <= tolerance * scale || (isnan(x) && isnan(y))) continue;
            print_error("%s, element %lld: got %.17g, wanted %.17g\n", providers[p]->name, (long long)i, x,
                        y);
            complain(m, "a provider differs from the reference");
        }
        ll_free(once);
        ll_free(twice);
    }
    ll_free(wanted);
    for (int i = 0; i < node->input_count; i++) ll_free(inputs[i]);
}

/* ------------------------------------------------------------------ the matrix */

static bool check_case(ll_op op, ll_dtype dtype, int index)
{
    matrix m = {.graph = ll_graph_create(), .op = op, .dtype = dtype, .index = index};
    assert_non_null(m.graph);
    bool there = ll_op_rules_of(op)->sample(m.graph, dtype, index, &m.sample);
    if (there) {
        bindings b = {.count = 0};
        ll_error error;
        bool real = false;
        if (m.sample.output == LL_NO_NODE) complain(&m, "the case does not build");
        for (int i = 0; i < m.sample.input_count; i++) {
            ll_node x = m.sample.inputs[i];
            m.count[i] = elements(m.graph, x);
            m.real[i] = ll_graph_node_at(m.graph, x)->dtype == LL_F64;
            real = real || m.real[i];
            m.data[i] = draw(&m, x, ll_graph_node_at(m.graph, x)->name, 1, m.sample.low[i], m.sample.high[i]);
            bind(&b, x, m.data[i]);
        }
        check_providers(&m, &b);
        if (m.sample.input_count > 0) {
            check_batching(&m, &b, m.sample.output);
            check_nested_batching(&m, &b);
        }
        if (real && ll_graph_node_at(m.graph, m.sample.output)->dtype == LL_F64) {
            ((ll_op_traits_of(op)->flags & LL_OP_FLAT) != 0 ? check_flat : check_derivatives)(&m, b);
        }
        if (real && ll_op_rules_of(op)->vjp != NULL &&
            ll_graph_node_at(m.graph, m.sample.output)->dtype == LL_F64) {
            ll_node y = m.sample.output, seed = ll_graph_full_like(m.graph, y, 1.5), g;
            int i = 0;
            while (!m.real[i]) i++;
            check_ok(&m, "vjp", ll_graph_vjp(m.graph, &y, &seed, 1, &m.sample.inputs[i], 1, &g, &error),
                     &error);
            check_batching(&m, &b, g);
        }
        check_ok(&m, "verify", ll_graph_verify(m.graph, &error), &error);
        for (int i = 0; i < m.sample.input_count; i++) ll_free(m.data[i]);
    }
    ll_graph_destroy(m.graph);
    return there;
}

static void every_case(void **state)
{
    (void)state;
    int cases = 0;
    for (int op = 0; op < LL_OPS; op++) {
        const ll_op_rules *rules = ll_op_rules_of((ll_op)op);
        if (op == LL_OP_INPUT || op == LL_OP_CONSTANT) continue; /* leaves of all the others */
        assert_non_null(rules->sample);
        int before = cases;
        for (int dtype = 0; dtype < LL_DTYPES; dtype++) {
            if ((rules->types & LL_TYPE_BIT(dtype)) == 0) continue;
            for (int index = 0; check_case((ll_op)op, (ll_dtype)dtype, index); index++) cases++;
        }
        assert_true(cases > before);
    }
    print_message("%d cases of %d ops\n", cases, LL_OPS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_case)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
