/* argmax, reduce_max, reduce_min. Ties share the derivative of a maximum evenly. */
#include "graph/internal.h"

#include <string.h>

/* ------------------------------------------------------------------ argmax */

static ll_status infer_argmax(const ll_graph *graph, ll_graph_node *draft, ll_error *error)
{
    const ll_graph_node *x = ll_at(graph, draft->inputs[0]);
    int axis = draft->attributes.axis.axis;
    if (x->dtype == LL_BOOL || axis < 0 || axis >= x->rank || x->shape[axis] < 1 ||
        x->shape[axis] > INT32_MAX) {
        return ll_refuse(
            error, "axis %d of %s must exist, hold numbers, and have a constant size from 1 to 2^31 - 1",
            axis, ll_words(x).text);
    }
    draft->dtype = LL_I32;
    draft->rank = 0;
    memset(draft->shape, 0, sizeof draft->shape);
    for (int i = 0; i < x->rank; i++) {
        if (i != axis) draft->shape[draft->rank++] = x->shape[i];
    }
    return LL_OK;
}

static ll_node batch_argmax(ll_graph *graph, ll_node node, const ll_node *inputs, const bool *batched,
                            int64_t models)
{
    (void)batched, (void)models;
    return ll_graph_argmax(graph, inputs[0], ll_at(graph, node)->attributes.axis.axis + 1);
}

static bool sample_argmax(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *cases)
{
    if (index >= 3) return false;
    ll_node x = index == 2 ? ll_sample_input(graph, cases, dtype, -5.0, 5.0, 1, 9)
                           : ll_sample_input(graph, cases, dtype, -5.0, 5.0, 3, -1, 4, 5);
    cases->output = ll_graph_argmax(graph, x, index == 2 ? 0 : index + 1);
    return true;
}

const ll_op_rules ll_rules_argmax = {
    .types = LL_TYPES_NUMBER, .infer = infer_argmax, .batch = batch_argmax, .sample = sample_argmax};

ll_node ll_graph_argmax(ll_graph *graph, ll_node x, int axis)
{
    ll_attributes attributes = {0};
    attributes.axis.axis = axis;
    return ll_graph_apply(graph, LL_OP_ARGMAX, &x, 1, &attributes, LL_F32, NULL, 0);
}

/* ------------------------------------------------------------------ reduce_max, reduce_min */

static ll_status infer_extreme(const ll_graph *graph, ll_graph_node *draft, ll_error *error)
{
    const ll_graph_node *x = ll_at(graph, draft->inputs[0]);
    uint32_t axes = draft->attributes.reduce.axes;
    if (x->dtype == LL_BOOL) return ll_refuse(error, "the extremes of bool are and, or");
    if ((axes & ~ll_all_axes(x->rank)) != 0) return ll_refuse(error, "%s lacks an axis", ll_words(x).text);
    draft->dtype = x->dtype;
    draft->rank = 0;
    memset(draft->shape, 0, sizeof draft->shape);
    for (int axis = 0; axis < x->rank; axis++) {
        if ((axes & LL_AXIS(axis)) == 0) {
            draft->shape[draft->rank++] = x->shape[axis];
        } else if (x->shape[axis] <= 0) {
            return ll_refuse(error, "axis %d of %s is %s", axis, ll_words(x).text,
                             x->shape[axis] == 0 ? "empty"
                                                 : "the sample axis, over which extremes do not add");
        }
    }
    return LL_OK;
}

static ll_node simplify_extreme(ll_graph *graph, const ll_graph_node *draft)
{
    const ll_graph_node *x = ll_at(graph, draft->inputs[0]);
    for (int axis = 0; axis < x->rank; axis++) {
        if ((draft->attributes.reduce.axes & LL_AXIS(axis)) != 0 && x->shape[axis] != 1) return LL_NO_NODE;
    }
    return ll_graph_reshape(graph, draft->inputs[0], draft->shape, draft->rank);
}

/* 1 / (number of winners) at the winners, 0 elsewhere. */
static ll_node shares(ll_graph *graph, ll_node node)
{
    const ll_graph_node *it = ll_at(graph, node), *x = ll_at(graph, it->inputs[0]);
    uint32_t axes = it->attributes.reduce.axes;
    ll_node spread = ll_graph_broadcast(graph, node, x->shape, x->rank, axes);
    ll_node winners = ll_graph_cast(graph, ll_graph_equal(graph, it->inputs[0], spread), it->dtype);
    ll_node count = ll_graph_sum(graph, winners, axes);
    return ll_graph_divide(graph, winners, ll_graph_broadcast(graph, count, x->shape, x->rank, axes));
}

static void vjp_extreme(ll_graph *graph, ll_node node, ll_node cotangent, const bool *wanted,
                        ll_node *cotangents)
{
    if (!wanted[0]) return;
    const ll_graph_node *it = ll_at(graph, node), *x = ll_at(graph, it->inputs[0]);
    ll_node spread = ll_graph_broadcast(graph, cotangent, x->shape, x->rank, it->attributes.reduce.axes);
    cotangents[0] = ll_graph_multiply(graph, spread, shares(graph, node));
}

static ll_node jvp_extreme(ll_graph *graph, ll_node node, const ll_node *tangents)
{
    ll_node terms = ll_graph_multiply(graph, tangents[0], shares(graph, node));
    return ll_graph_sum(graph, terms, ll_at(graph, node)->attributes.reduce.axes);
}

static ll_node extreme(ll_graph *graph, ll_op op, ll_node x, uint32_t axes)
{
    if (axes == 0) return x;
    ll_attributes attributes = {0};
    attributes.reduce.axes = axes;
    return ll_graph_apply(graph, op, &x, 1, &attributes, LL_F32, NULL, 0);
}

static ll_node batch_extreme(ll_graph *graph, ll_node node, const ll_node *inputs, const bool *batched,
                             int64_t models)
{
    (void)batched, (void)models;
    const ll_graph_node *it = ll_at(graph, node);
    return extreme(graph, it->op, inputs[0], it->attributes.reduce.axes << 1);
}

static bool sample_extreme(ll_graph *graph, ll_op op, ll_dtype dtype, int index, ll_op_sample *cases)
{
    static const uint32_t axes[] = {2, 4, 6};
    if (index >= 3) return false;
    ll_node x = ll_sample_input(graph, cases, dtype, -5.0, 5.0, 3, -1, 4, 5);
    cases->output = extreme(graph, op, x, axes[index]);
    return true;
}
static bool sample_max(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *cases)
{
    return sample_extreme(graph, LL_OP_REDUCE_MAX, dtype, index, cases);
}
static bool sample_min(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *cases)
{
    return sample_extreme(graph, LL_OP_REDUCE_MIN, dtype, index, cases);
}

const ll_op_rules ll_rules_reduce_max = {.types = LL_TYPES_NUMBER,
                                         .infer = infer_extreme,
                                         .simplify = simplify_extreme,
                                         .vjp = vjp_extreme,
                                         .jvp = jvp_extreme,
                                         .batch = batch_extreme,
                                         .sample = sample_max};
const ll_op_rules ll_rules_reduce_min = {.types = LL_TYPES_NUMBER,
                                         .infer = infer_extreme,
                                         .simplify = simplify_extreme,
                                         .vjp = vjp_extreme,
                                         .jvp = jvp_extreme,
                                         .batch = batch_extreme,
                                         .sample = sample_min};

ll_node ll_graph_reduce_max(ll_graph *graph, ll_node x, uint32_t axes)
{
    return extreme(graph, LL_OP_REDUCE_MAX, x, axes);
}

ll_node ll_graph_reduce_min(ll_graph *graph, ll_node x, uint32_t axes)
{
    return extreme(graph, LL_OP_REDUCE_MIN, x, axes);
}
