/* broadcast and sum over the same set of axes are each other's adjoint. */
#include "graph/internal.h"

#include <string.h>

/* The mask `axes` seen from a tensor with one more leading axis. */
static uint32_t shifted(uint32_t axes) { return axes << 1; }

/* ------------------------------------------------------------------ broadcast */

static ll_status infer_broadcast(const ll_graph *graph, ll_graph_node *draft, ll_error *error)
{
    const ll_graph_node *x = ll_at(graph, draft->inputs[0]);
    uint32_t axes = draft->attributes.broadcast.axes;
    draft->dtype = x->dtype;
    if ((axes & ~ll_all_axes(draft->rank)) != 0 || ll_count_bits(axes) + x->rank != draft->rank) {
        return ll_refuse(error, "got %s and %d new axes, wanted rank %d", ll_words(x).text,
                         ll_count_bits(axes), (int)draft->rank);
    }
    int symbolic = 0;
    for (int axis = 0, from = 0; axis < draft->rank; axis++) {
        symbolic += draft->shape[axis] < 0;
        if (draft->shape[axis] == LL_INFER) return ll_refuse(error, "axis %d has no size", axis);
        if ((axes & LL_AXIS(axis)) != 0) continue;
        if (x->shape[from] != draft->shape[axis]) {
            return ll_refuse(error, "axis %d of %s does not match axis %d of %s", from, ll_words(x).text,
                             axis, ll_words(draft).text);
        }
        from++;
    }
    int64_t count;
    if (symbolic > 1 || !ll_shape_product(draft->shape, 0, draft->rank, &count)) {
        return ll_refuse(error, "%s has two sample axes or too many elements", ll_words(draft).text);
    }
    return LL_OK;
}

static ll_node simplify_broadcast(ll_graph *graph, const ll_graph_node *draft)
{
    uint32_t axes = draft->attributes.broadcast.axes;
    const ll_graph_node *x = ll_at(graph, draft->inputs[0]);
    if (axes == 0) return draft->inputs[0];
    if (x->op != LL_OP_BROADCAST) return LL_NO_NODE;
    uint32_t all = axes;
    for (int axis = 0, from = 0; axis < draft->rank; axis++) {
        if ((axes & LL_AXIS(axis)) != 0) continue;
        if ((x->attributes.broadcast.axes & LL_AXIS(from)) != 0) all |= LL_AXIS(axis);
        from++;
    }
    return ll_graph_broadcast(graph, x->inputs[0], draft->shape, draft->rank, all);
}

static void vjp_broadcast(ll_graph *graph, ll_node node, ll_node cotangent, const bool *wanted,
                          ll_node *cotangents)
{
    if (wanted[0])
        cotangents[0] = ll_graph_sum(graph, cotangent, ll_at(graph, node)->attributes.broadcast.axes);
}

static ll_node jvp_linear(ll_graph *graph, ll_node node, const ll_node *tangents)
{
    return ll_remake(graph, node, tangents, NULL, 0);
}

static ll_node batch_broadcast(ll_graph *graph, ll_node node, const ll_node *inputs, const bool *batched,
                               int64_t models)
{
    (void)batched;
    const ll_graph_node *it = ll_at(graph, node);
    if (it->rank == LL_GRAPH_RANK) return ll_broadcast_models(graph, node, models); /* refuses */
    int64_t shape[LL_GRAPH_RANK];
    ll_prepend(models, it->shape, it->rank, shape);
    return ll_graph_broadcast(graph, inputs[0], shape, it->rank + 1, shifted(it->attributes.broadcast.axes));
}

static bool sample_broadcast(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *cases)
{
    static const struct {
        int rank;
        int64_t shape[4];
        uint32_t axes;
    } wanted[] = {{2, {-1, 5}, 1}, {3, {5, -1, 3}, 6}, {4, {2, 5, 3, -1}, 13}, {2, {3, 4}, 3}};
    if (index >= 4) return false;
    ll_node x = index == 3 ? ll_sample_input(graph, cases, dtype, -2.0, 2.0, 0)
                           : ll_sample_input(graph, cases, dtype, -2.0, 2.0, 1, 5);
    cases->output = ll_graph_broadcast(graph, x, wanted[index].shape, wanted[index].rank, wanted[index].axes);
    return true;
}

const ll_op_rules ll_rules_broadcast = {.types = LL_TYPES_ALL,
                                        .infer = infer_broadcast,
                                        .simplify = simplify_broadcast,
                                        .vjp = vjp_broadcast,
                                        .jvp = jvp_linear,
                                        .batch = batch_broadcast,
                                        .sample = sample_broadcast};

ll_node ll_graph_broadcast(ll_graph *graph, ll_node x, const int64_t *shape, int rank, uint32_t axes)
{
    if (x == LL_NO_NODE) return LL_NO_NODE;
    ll_attributes attributes = {0};
    attributes.broadcast.axes = axes;
    return ll_graph_apply(graph, LL_OP_BROADCAST, &x, 1, &attributes, LL_F32, shape, rank);
}

ll_node ll_graph_broadcast_to(ll_graph *graph, ll_node x, const int64_t *shape, int rank)
{
    const ll_graph_node *node = ll_graph_node_at(graph, x);
    if (node == NULL) return LL_NO_NODE;
    uint32_t axes = 0, stretched = 0;
    if (rank < node->rank || rank > LL_GRAPH_RANK) {
        return ll_graph_refuse(graph, LL_SHAPE, "broadcast", "%s does not broadcast to rank %d",
                               ll_words(node).text, rank);
    }
    for (int axis = 0; axis < rank; axis++) {
        int from = axis - (rank - node->rank);
        if (from < 0) {
            axes |= LL_AXIS(axis);
        } else if (node->shape[from] == 1 && shape[axis] != 1) {
            axes |= LL_AXIS(axis);
            stretched |= LL_AXIS(from);
        }
    }
    if (stretched != 0) x = ll_graph_squeeze(graph, x, stretched);
    return ll_graph_broadcast(graph, x, shape, rank, axes);
}

/* ------------------------------------------------------------------ sum */

static ll_status infer_sum(const ll_graph *graph, ll_graph_node *draft, ll_error *error)
{
    const ll_graph_node *x = ll_at(graph, draft->inputs[0]);
    uint32_t axes = draft->attributes.reduce.axes;
    if (x->dtype == LL_BOOL) return ll_refuse(error, "sum is not defined for bool: cast first");
    if ((axes & ~ll_all_axes(x->rank)) != 0) {
        return ll_refuse(error, "%s has no axis %d", ll_words(x).text, 31 - __builtin_clz(axes));
    }
    draft->dtype = x->dtype;
    draft->rank = 0;
    memset(draft->shape, 0, sizeof draft->shape);
    for (int axis = 0; axis < x->rank; axis++) {
        if ((axes & LL_AXIS(axis)) == 0) draft->shape[draft->rank++] = x->shape[axis];
    }
    return LL_OK;
}

static ll_node simplify_sum(ll_graph *graph, const ll_graph_node *draft)
{
    uint32_t axes = draft->attributes.reduce.axes;
    const ll_graph_node *x = ll_at(graph, draft->inputs[0]);
    if (axes == 0) return draft->inputs[0];
    bool ones = true;
    for (int axis = 0; axis < x->rank; axis++) {
        if ((axes & LL_AXIS(axis)) != 0 && x->shape[axis] != 1) ones = false;
    }
    if (ones) return ll_graph_reshape(graph, draft->inputs[0], draft->shape, draft->rank);
    double value;
    if (ll_is_uniform(graph, draft->inputs[0], &value) && ll_dtype_is_float(x->dtype)) {
        if (value == 0) return ll_graph_full(graph, draft->dtype, draft->shape, draft->rank, 0.0);
        double count = 1; /* a sum over samples depends on the run and is left to it */
        for (int axis = 0; axis < x->rank; axis++) {
            if ((axes & LL_AXIS(axis)) != 0) count *= x->shape[axis] < 0 ? -1.0 : (double)x->shape[axis];
        }
        if (count > 0) return ll_graph_full(graph, draft->dtype, draft->shape, draft->rank, value * count);
    }
    if (x->op == LL_OP_SUM) {
        uint32_t all = x->attributes.reduce.axes;
        for (int axis = 0, kept = 0; axis < ll_at(graph, x->inputs[0])->rank; axis++) {
            if ((x->attributes.reduce.axes & LL_AXIS(axis)) != 0) continue;
            if ((axes & LL_AXIS(kept)) != 0) all |= LL_AXIS(axis);
            kept++;
        }
        return ll_graph_sum(graph, x->inputs[0], all);
    }
    return LL_NO_NODE;
}

static void vjp_sum(ll_graph *graph, ll_node node, ll_node cotangent, const bool *wanted, ll_node *cotangents)
{
    const ll_graph_node *it = ll_at(graph, node), *x = ll_at(graph, it->inputs[0]);
    if (wanted[0]) {
        cotangents[0] = ll_graph_broadcast(graph, cotangent, x->shape, x->rank, it->attributes.reduce.axes);
    }
}

static ll_node batch_sum(ll_graph *graph, ll_node node, const ll_node *inputs, const bool *batched,
                         int64_t models)
{
    (void)batched, (void)models;
    return ll_graph_sum(graph, inputs[0], shifted(ll_at(graph, node)->attributes.reduce.axes));
}

static bool sample_sum(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *cases)
{
    static const uint32_t axes[] = {1, 2, 4, 7, 5, 2};
    if (index >= 6) return false;
    ll_node x = index == 5 ? ll_sample_input(graph, cases, dtype, -2.0, 2.0, 2, -1, 37)
                           : ll_sample_input(graph, cases, dtype, -2.0, 2.0, 3, -1, 4, 5);
    cases->output = ll_graph_sum(graph, x, axes[index]);
    return true;
}

const ll_op_rules ll_rules_sum = {.types = LL_TYPES_NUMBER,
                                  .infer = infer_sum,
                                  .simplify = simplify_sum,
                                  .vjp = vjp_sum,
                                  .jvp = jvp_linear,
                                  .batch = batch_sum,
                                  .sample = sample_sum};

ll_node ll_graph_sum(ll_graph *graph, ll_node x, uint32_t axes)
{
    ll_attributes attributes = {0};
    attributes.reduce.axes = axes;
    return ll_graph_apply(graph, LL_OP_SUM, &x, 1, &attributes, LL_F32, NULL, 0);
}
