/* reshape: the same elements in C order under another shape. */
#include "graph/internal.h"

#include <string.h>

static ll_status infer(const ll_graph *graph, ll_graph_node *draft, ll_error *error)
{
    const ll_graph_node *x = ll_at(graph, draft->inputs[0]);
    int64_t from, to = 1, hole = -1;
    bool fits = ll_shape_product(x->shape, 0, x->rank, &from);
    for (int axis = 0; axis < draft->rank; axis++) {
        if (draft->shape[axis] != LL_INFER) {
            fits = fits && ll_dimension_multiply(to, draft->shape[axis], &to);
        } else if (hole >= 0) {
            return ll_refuse(error, "axes %d and %d are both to be inferred", (int)hole, axis);
        } else {
            hole = axis;
        }
    }
    draft->dtype = x->dtype;
    if (fits && hole >= 0) {
        int64_t rest = to == 0 ? 0 : from / to;
        int64_t again;
        if (to == 0 || (from >= 0 && to < 0) || !ll_multiply_int64(rest, to, &again) || again != from) {
            draft->shape[hole] = 0;
            return ll_refuse(error, "axis %d cannot be inferred: %s does not divide into %s", (int)hole,
                             ll_words(x).text, ll_words(draft).text);
        }
        draft->shape[hole] = rest;
        to = from;
    }
    if (!fits || from != to) {
        return ll_refuse(error, "got %s, wanted as many elements as %s", ll_words(x).text,
                         ll_words(draft).text);
    }
    return LL_OK;
}

static ll_node simplify(ll_graph *graph, const ll_graph_node *draft)
{
    const ll_graph_node *x = ll_at(graph, draft->inputs[0]);
    if (ll_same_shape(x, draft)) return draft->inputs[0];
    if (x->op == LL_OP_RESHAPE) return ll_graph_reshape(graph, x->inputs[0], draft->shape, draft->rank);
    if (x->op == LL_OP_CONSTANT) {
        return ll_graph_constant(graph, x->dtype, draft->shape, draft->rank, x->attributes.constant.data);
    }
    if (x->op == LL_OP_BROADCAST && ll_at(graph, x->inputs[0])->rank == 0) {
        return ll_graph_broadcast(graph, x->inputs[0], draft->shape, draft->rank, ll_all_axes(draft->rank));
    }
    return LL_NO_NODE;
}

static void vjp(ll_graph *graph, ll_node node, ll_node cotangent, const bool *wanted, ll_node *cotangents)
{
    const ll_graph_node *x = ll_at(graph, ll_at(graph, node)->inputs[0]);
    if (wanted[0]) cotangents[0] = ll_graph_reshape(graph, cotangent, x->shape, x->rank);
}

static ll_node jvp(ll_graph *graph, ll_node node, const ll_node *tangents)
{
    return ll_remake(graph, node, tangents, NULL, 0);
}

static ll_node batch(ll_graph *graph, ll_node node, const ll_node *inputs, const bool *batched,
                     int64_t models)
{
    (void)batched;
    const ll_graph_node *it = ll_at(graph, node);
    int64_t shape[LL_GRAPH_RANK + 1];
    ll_prepend(models, it->shape, it->rank, shape);
    return ll_graph_reshape(graph, inputs[0], shape, it->rank + 1);
}

static bool sample(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *cases)
{
    if (index >= 3) return false;
    ll_node x = index == 2 ? ll_sample_input(graph, cases, dtype, -2.0, 2.0, 2, 6, 4)
                           : ll_sample_input(graph, cases, dtype, -2.0, 2.0, 3, -1, 2, 6);
    static const struct {
        int rank;
        int64_t shape[4];
    } wanted[] = {{2, {-3, 4}}, {3, {LL_INFER, 3, 4}}, {4, {2, 1, 3, 4}}};
    cases->output = ll_graph_reshape(graph, x, wanted[index].shape, wanted[index].rank);
    return true;
}

const ll_op_rules ll_rules_reshape = {.types = LL_TYPES_ALL,
                                      .infer = infer,
                                      .simplify = simplify,
                                      .vjp = vjp,
                                      .jvp = jvp,
                                      .batch = batch,
                                      .sample = sample};

ll_node ll_graph_reshape(ll_graph *graph, ll_node x, const int64_t *shape, int rank)
{
    if (x == LL_NO_NODE) return LL_NO_NODE;
    return ll_graph_apply(graph, LL_OP_RESHAPE, &x, 1, NULL, LL_F32, shape, rank);
}

ll_node ll_graph_squeeze(ll_graph *graph, ll_node x, uint32_t axes)
{
    const ll_graph_node *node = ll_graph_node_at(graph, x);
    if (node == NULL) return LL_NO_NODE;
    int64_t shape[LL_GRAPH_RANK] = {0};
    int rank = 0;
    for (int axis = 0; axis < node->rank; axis++) {
        if ((axes & LL_AXIS(axis)) == 0) shape[rank++] = node->shape[axis];
    }
    return ll_graph_reshape(graph, x, shape, rank);
}

ll_node ll_graph_expand(ll_graph *graph, ll_node x, uint32_t axes)
{
    const ll_graph_node *node = ll_graph_node_at(graph, x);
    if (node == NULL) return LL_NO_NODE;
    int64_t shape[LL_GRAPH_RANK] = {0};
    int rank = node->rank + ll_count_bits(axes);
    if (rank > LL_GRAPH_RANK) {
        return ll_graph_refuse(graph, LL_SHAPE, "expand", "the rank would be %d, at most %d is possible",
                               rank, LL_GRAPH_RANK);
    }
    for (int axis = 0, from = 0; axis < rank; axis++) {
        bool is_new = (axes & LL_AXIS(axis)) != 0 || from >= node->rank;
        shape[axis] = is_new ? 1 : node->shape[from++];
    }
    return ll_graph_reshape(graph, x, shape, rank);
}
