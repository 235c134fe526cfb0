/* transpose: output axis i is input axis permutation[i]. */
#include "graph/internal.h"

static ll_status infer(const ll_graph *graph, ll_graph_node *draft, ll_error *error)
{
    const ll_graph_node *x = ll_at(graph, draft->inputs[0]);
    uint32_t seen = 0;
    draft->dtype = x->dtype;
    draft->rank = x->rank;
    for (int axis = 0; axis < LL_GRAPH_RANK; axis++) {
        int64_t from = draft->attributes.transpose.permutation[axis];
        draft->shape[axis] = 0;
        if (axis >= x->rank) {
            if (from != 0)
                return ll_refuse(error, "the permutation has entries beyond rank %d", (int)x->rank);
            continue;
        }
        if (from < 0 || from >= x->rank || (seen & LL_AXIS(from)) != 0) {
            return ll_refuse(error, "not a permutation of %d axes: output axis %d is to be input axis %lld",
                             (int)x->rank, axis, (long long)from);
        }
        seen |= LL_AXIS(from);
        draft->shape[axis] = x->shape[from];
    }
    return LL_OK;
}

static ll_node simplify(ll_graph *graph, const ll_graph_node *draft)
{
    const ll_graph_node *x = ll_at(graph, draft->inputs[0]);
    const int64_t *permutation = draft->attributes.transpose.permutation;
    bool identity = true, moves_only_ones = true;
    int64_t last = -1;
    for (int axis = 0; axis < draft->rank; axis++) {
        if (permutation[axis] != axis) identity = false;
        if (draft->shape[axis] == 1) continue;
        if (permutation[axis] < last) moves_only_ones = false;
        last = permutation[axis];
    }
    if (identity) return draft->inputs[0];
    if (moves_only_ones) return ll_graph_reshape(graph, draft->inputs[0], draft->shape, draft->rank);
    if (x->op == LL_OP_TRANSPOSE) {
        int composed[LL_GRAPH_RANK];
        for (int axis = 0; axis < draft->rank; axis++) {
            composed[axis] = (int)x->attributes.transpose.permutation[permutation[axis]];
        }
        return ll_graph_transpose(graph, x->inputs[0], composed);
    }
    if (x->op == LL_OP_BROADCAST && ll_at(graph, x->inputs[0])->rank == 0) {
        return ll_graph_broadcast(graph, x->inputs[0], draft->shape, draft->rank, ll_all_axes(draft->rank));
    }
    return LL_NO_NODE;
}

static void vjp(ll_graph *graph, ll_node node, ll_node cotangent, const bool *wanted, ll_node *cotangents)
{
    if (!wanted[0]) return;
    const ll_graph_node *it = ll_at(graph, node);
    int inverse[LL_GRAPH_RANK];
    for (int axis = 0; axis < it->rank; axis++) inverse[it->attributes.transpose.permutation[axis]] = axis;
    cotangents[0] = ll_graph_transpose(graph, cotangent, inverse);
}

static ll_node jvp(ll_graph *graph, ll_node node, const ll_node *tangents)
{
    return ll_remake(graph, node, tangents, NULL, 0);
}

static ll_node batch(ll_graph *graph, ll_node node, const ll_node *inputs, const bool *batched,
                     int64_t models)
{
    (void)batched, (void)models;
    const ll_graph_node *it = ll_at(graph, node);
    int permutation[LL_GRAPH_RANK + 1] = {0};
    for (int axis = 0; axis < it->rank; axis++) {
        permutation[axis + 1] = (int)it->attributes.transpose.permutation[axis] + 1;
    }
    return ll_graph_transpose(graph, inputs[0], permutation);
}

static bool sample(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *cases)
{
    static const int permutations[][4] = {{1, 0}, {2, 0, 1}, {0, 3, 1, 2}, {3, 2, 1, 0}};
    if (index >= 4) return false;
    ll_node x = index == 0   ? ll_sample_input(graph, cases, dtype, -2.0, 2.0, 2, -1, 5)
                : index == 1 ? ll_sample_input(graph, cases, dtype, -2.0, 2.0, 3, 4, -1, 3)
                             : ll_sample_input(graph, cases, dtype, -2.0, 2.0, 4, -1, 2, 3, 5);
    cases->output = ll_graph_transpose(graph, x, permutations[index]);
    return true;
}

const ll_op_rules ll_rules_transpose = {.types = LL_TYPES_ALL,
                                        .infer = infer,
                                        .simplify = simplify,
                                        .vjp = vjp,
                                        .jvp = jvp,
                                        .batch = batch,
                                        .sample = sample};

ll_node ll_graph_transpose(ll_graph *graph, ll_node x, const int *permutation)
{
    const ll_graph_node *node = ll_graph_node_at(graph, x);
    if (node == NULL) return LL_NO_NODE;
    ll_attributes attributes = {0};
    for (int axis = 0; axis < node->rank; axis++) attributes.transpose.permutation[axis] = permutation[axis];
    return ll_graph_apply(graph, LL_OP_TRANSPOSE, &x, 1, &attributes, LL_F32, NULL, 0);
}
