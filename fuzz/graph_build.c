/* Bytes as a program that builds a graph out of the op table and transforms it. Whatever the program: no crash, a
 * graph without an error verifies, an error is recovered from, and derivatives have the shape of their variable. */
#include "losslens/graph.h"

#include <string.h>

typedef struct tape {
    const uint8_t *bytes;
    size_t left;
} tape;

static int next(tape *t)
{
    if (t->left == 0) return 0;
    t->left--;
    return *t->bytes++;
}

/* Mostly small, sometimes -1, sometimes enormous. */
static int64_t extent(tape *t)
{
    int b = next(t);
    return b == 255 ? INT64_MAX / 3 : b == 254 ? LL_INFER : b == 253 ? -2 : b > 240 ? LL_SAMPLES : b % 6;
}

static ll_node pick(tape *t, const ll_graph *graph)
{
    int64_t count = ll_graph_count(graph);
    int b = next(t);
    return b == 255 ? (ll_node)count : b == 254 || count == 0 ? LL_NO_NODE : (ll_node)(b % count);
}

static void transform(ll_graph *graph, tape *t)
{
    ll_node y = pick(t, graph), x = pick(t, graph), g, many, result;
    ll_error error;
    const ll_graph_node *variable = ll_graph_node_at(graph, x);
    if (variable == NULL || ll_graph_node_at(graph, y) == NULL) return;
    if (ll_graph_vjp(graph, &y, &y, 1, &x, 1, &g, &error) == LL_OK) {
        const ll_graph_node *shaped = ll_graph_node_at(graph, g);
        if (shaped == NULL || shaped->rank != variable->rank || shaped->dtype != variable->dtype ||
            memcmp(shaped->shape, variable->shape, sizeof shaped->shape) != 0) {
            __builtin_trap();
        }
        (void)!ll_graph_jvp(graph, &g, 1, &x, &x, 1, &result, &error);
    }
    ll_graph_recover(graph);
    if (variable->rank < LL_GRAPH_RANK) {
        int64_t shape[LL_GRAPH_RANK] = {3};
        memcpy(shape + 1, variable->shape, (size_t)variable->rank * sizeof shape[0]);
        many = ll_graph_broadcast(graph, x, shape, variable->rank + 1, LL_AXIS(0));
        if (many != LL_NO_NODE) (void)!ll_graph_batch(graph, &y, 1, &x, &many, 1, 3, &result, NULL, &error);
        ll_graph_recover(graph);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tape t = {data, size};
    ll_graph *graph = ll_graph_create();
    if (graph == NULL) return 0;
    for (int step = 0; t.left > 0 && step < 64 && ll_graph_count(graph) < 4000; step++) {
        int op = next(&t) % (LL_OPS + 4), rank = next(&t) % 10;
        int64_t shape[10];
        static const double value = 1.5;
        for (int axis = 0; axis < 10; axis++) shape[axis] = axis < rank ? extent(&t) : 0;
        if (op >= LL_OPS) {
            transform(graph, &t);
            continue;
        }
        if (op == LL_OP_INPUT) {
            char name[2] = {(char)('a' + next(&t) % 8), 0};
            (void)ll_graph_input(graph, (ll_input_kind)(next(&t) % LL_INPUT_KINDS), name,
                                 (ll_dtype)(next(&t) % LL_DTYPES), shape, rank);
        } else if (op == LL_OP_CONSTANT) {
            (void)ll_graph_full(graph, LL_F64, shape, rank, value);
        } else {
            ll_attributes attributes;
            ll_node inputs[4];
            int64_t words[sizeof attributes / 8] = {0};
            int used = next(&t) % 26, wanted = ll_op_traits_of((ll_op)op)->inputs;
            for (int i = 0; i < used && i < (int)(sizeof words / 8); i++) words[i] = extent(&t);
            memcpy(&attributes, words, sizeof attributes);
            if (ll_op_traits_of((ll_op)op)->op_class == LL_CLASS_CONTRACT && op != LL_OP_MATMUL) {
                attributes.convolution.spatial = 1 + next(&t) % 3;
                attributes.convolution.groups = next(&t) % 3;
            }
            if (op == LL_OP_RESIZE || op == LL_OP_RESIZE_ADJOINT) {
                attributes.resize.mode = next(&t) % 3;
                attributes.resize.position = next(&t) % 4;
            }
            for (int i = 0; i < 4; i++) inputs[i] = pick(&t, graph);
            (void)ll_graph_apply(graph, (ll_op)op, inputs, wanted < 0 ? 1 + next(&t) % 4 : wanted,
                                 &attributes, (ll_dtype)(next(&t) % (LL_DTYPES + 1)), shape, rank);
        }
        if (ll_graph_check(graph, NULL) != LL_OK) ll_graph_recover(graph);
    }
    ll_error error;
    if (ll_graph_verify(graph, &error) != LL_OK) __builtin_trap();
    ll_text text = {0};
    ll_node last = (ll_node)(ll_graph_count(graph) - 1);
    if (last >= 0) ll_graph_dump(graph, &last, 1, &text);
    ll_text_deinit(&text);
    ll_graph_destroy(graph);
    return 0;
}
