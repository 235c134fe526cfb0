/* matmul: products of the matrices in the last two axes. With A = op(a), B = op(b), C = A B:
 * dA = dC B', dB = A' dC, written with the flags so that no transpose node appears; a stretched operand's
 * cotangent is summed over the batch axes along which it was stretched. */
#include "graph/internal.h"

static int64_t batch_size(const ll_graph_node *node, int rank, int axis)
{
    int own = axis - (rank - node->rank);
    return own < 0 ? 1 : node->shape[own];
}

static ll_status infer(const ll_graph *graph, ll_graph_node *draft, ll_error *error)
{
    const ll_graph_node *a = ll_at(graph, draft->inputs[0]), *b = ll_at(graph, draft->inputs[1]);
    int ta = draft->attributes.matmul.transpose_a, tb = draft->attributes.matmul.transpose_b;
    if (a->dtype != b->dtype || !ll_dtype_is_float(a->dtype) || a->rank < 2 || b->rank < 2 ||
        (ta | tb) & ~1) {
        return ll_refuse(error, "got %s and %s, wanted matrices (rank 2 or more) of one floating-point type",
                         ll_words(a).text, ll_words(b).text);
    }
    int64_t m = a->shape[a->rank - 2 + ta], k = a->shape[a->rank - 1 - ta];
    int64_t n = b->shape[b->rank - 1 - tb], other = b->shape[b->rank - 2 + tb];
    if (k != other) {
        return ll_refuse(error, "inner sizes differ: %s%s and %s%s", ll_words(a).text,
                         ta ? " transposed" : "", ll_words(b).text, tb ? " transposed" : "");
    }
    int rank = a->rank > b->rank ? a->rank : b->rank;
    int symbolic = (m < 0) + (n < 0);
    draft->dtype = a->dtype;
    draft->rank = rank;
    for (int axis = 0; axis < LL_GRAPH_RANK; axis++) draft->shape[axis] = 0;
    for (int axis = 0; axis < rank - 2; axis++) {
        int64_t x = batch_size(a, rank, axis), y = batch_size(b, rank, axis);
        if (x != y && x != 1 && y != 1) {
            return ll_refuse(error, "batch axis %d differs: %s and %s", axis, ll_words(a).text,
                             ll_words(b).text);
        }
        draft->shape[axis] = x == 1 ? y : x;
        symbolic += draft->shape[axis] < 0;
    }
    draft->shape[rank - 2] = m;
    draft->shape[rank - 1] = n;
    if (symbolic > 1)
        return ll_refuse(error, "the result would have two sample axes: %s", ll_words(draft).text);
    return LL_OK;
}

/* Sums a full product down to the shape of the operand that was stretched to it. */
static ll_node unstretch(ll_graph *graph, ll_node product, ll_node operand)
{
    if (product == LL_NO_NODE) return LL_NO_NODE;
    const ll_graph_node *full = ll_at(graph, product), *x = ll_at(graph, operand);
    uint32_t axes = 0;
    for (int axis = 0; axis < full->rank - 2; axis++) {
        int own = axis - (full->rank - x->rank);
        if (own < 0 || (x->shape[own] == 1 && full->shape[axis] != 1)) axes |= LL_AXIS(axis);
    }
    return ll_graph_reshape(graph, ll_graph_sum(graph, product, axes), x->shape, x->rank);
}

static void vjp(ll_graph *graph, ll_node node, ll_node g, const bool *wanted, ll_node *cotangents)
{
    const ll_graph_node *it = ll_at(graph, node);
    ll_node a = it->inputs[0], b = it->inputs[1];
    bool ta = it->attributes.matmul.transpose_a, tb = it->attributes.matmul.transpose_b;
    if (wanted[0]) {
        ll_node full = ta ? ll_graph_matmul(graph, b, g, tb, true) : ll_graph_matmul(graph, g, b, false, !tb);
        cotangents[0] = unstretch(graph, full, a);
    }
    if (wanted[1]) {
        ll_node full = tb ? ll_graph_matmul(graph, g, a, true, ta) : ll_graph_matmul(graph, a, g, !ta, false);
        cotangents[1] = unstretch(graph, full, b);
    }
}

static ll_node jvp(ll_graph *graph, ll_node node, const ll_node *tangents)
{
    const ll_graph_node *it = ll_at(graph, node);
    bool ta = it->attributes.matmul.transpose_a, tb = it->attributes.matmul.transpose_b;
    return ll_sum_of(graph, ll_graph_matmul(graph, tangents[0], it->inputs[1], ta, tb),
                     ll_graph_matmul(graph, it->inputs[0], tangents[1], ta, tb));
}

/* A batched operand whose own rank is below the result's gets its missing axes as ones behind the model
 * axis, so that the model axis comes first in the alignment. An operand without it stays as it is. */
static ll_node aligned(ll_graph *graph, ll_node x, int rank)
{
    if (x == LL_NO_NODE) return LL_NO_NODE;
    int missing = rank - ll_at(graph, x)->rank;
    return missing > 0 ? ll_graph_expand(graph, x, ll_all_axes(missing) << 1) : x;
}

static ll_node batch(ll_graph *graph, ll_node node, const ll_node *inputs, const bool *batched,
                     int64_t models)
{
    (void)models;
    const ll_graph_node *it = ll_at(graph, node);
    int rank = it->rank + 1;
    ll_node a = batched[0] ? aligned(graph, inputs[0], rank) : inputs[0];
    ll_node b = batched[1] ? aligned(graph, inputs[1], rank) : inputs[1];
    return ll_graph_matmul(graph, a, b, it->attributes.matmul.transpose_a, it->attributes.matmul.transpose_b);
}

static bool sample(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *cases)
{
    ll_node a, b;
    bool ta = (index & 1) != 0, tb = (index & 2) != 0;
    if (index < 4) { /* rows are samples; with ta the samples are contracted */
        a = ta ? ll_sample_input(graph, cases, dtype, -2.0, 2.0, 2, -1, 4)
               : ll_sample_input(graph, cases, dtype, -2.0, 2.0, 2, -1, 5);
        b = ta && tb ? ll_sample_input(graph, cases, dtype, -2.0, 2.0, 2, 6, -1)
            : ta     ? ll_sample_input(graph, cases, dtype, -2.0, 2.0, 2, -1, 6)
            : tb     ? ll_sample_input(graph, cases, dtype, -2.0, 2.0, 2, 6, 5)
                     : ll_sample_input(graph, cases, dtype, -2.0, 2.0, 2, 5, 6);
    } else if (index < 8) { /* attention: heads and samples are batch */
        a = ta ? ll_sample_input(graph, cases, dtype, -2.0, 2.0, 4, -1, 2, 4, 3)
               : ll_sample_input(graph, cases, dtype, -2.0, 2.0, 4, -1, 2, 3, 4);
        b = tb ? ll_sample_input(graph, cases, dtype, -2.0, 2.0, 4, -1, 2, 5, 4)
               : ll_sample_input(graph, cases, dtype, -2.0, 2.0, 4, -1, 2, 4, 5);
    } else if (index == 8) { /* stretched on either side */
        a = ll_sample_input(graph, cases, dtype, -2.0, 2.0, 4, 3, 1, 2, 4);
        b = ll_sample_input(graph, cases, dtype, -2.0, 2.0, 3, 2, 4, 5);
        ta = tb = false;
    } else if (index == 9) {
        a = ll_sample_input(graph, cases, dtype, -2.0, 2.0, 2, -1, 4);
        b = ll_sample_input(graph, cases, dtype, -2.0, 2.0, 3, 3, 4, 5);
        ta = tb = false;
    } else {
        return false;
    }
    cases->output = ll_graph_matmul(graph, a, b, ta, tb);
    return true;
}

const ll_op_rules ll_rules_matmul = {
    .types = LL_TYPES_FLOAT, .infer = infer, .vjp = vjp, .jvp = jvp, .batch = batch, .sample = sample};

ll_node ll_graph_matmul(ll_graph *graph, ll_node a, ll_node b, bool transpose_a, bool transpose_b)
{
    ll_attributes attributes = {0};
    attributes.matmul.transpose_a = transpose_a;
    attributes.matmul.transpose_b = transpose_b;
    return ll_graph_apply(graph, LL_OP_MATMUL, (ll_node[]){a, b}, 2, &attributes, LL_F32, NULL, 0);
}
