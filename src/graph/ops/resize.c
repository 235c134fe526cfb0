/* resize (nearest, linear) over the last `spatial` axes, and its adjoint: each is the other's derivative. */
#include "graph/internal.h"

static ll_status infer(const ll_graph *graph, ll_graph_node *draft, ll_error *error)
{
    const ll_graph_node *x = ll_at(graph, draft->inputs[0]);
    int spatial = draft->attributes.resize.spatial, mode = draft->attributes.resize.mode, position = draft->attributes.resize.position;
    if (spatial < 1 || spatial > LL_SPATIAL || spatial > x->rank || draft->rank != x->rank) {
        return ll_refuse(error, "got %d spatial axes of %s and %d sizes, wanted 1 to %d axes and a size for each axis", spatial, ll_words(x).text,
                         (int)draft->rank, LL_SPATIAL);
    }
    if (mode < LL_RESIZE_NEAREST || mode > LL_RESIZE_LINEAR || position < LL_RESIZE_HALF_PIXEL || position > LL_RESIZE_ASYMMETRIC) {
        return ll_refuse(error, "got mode %d, position %d, which do not exist", mode, position);
    }
    for (int axis = 0; axis < x->rank; axis++) {
        bool moves = axis >= x->rank - spatial;
        if (moves ? x->shape[axis] < 1 || draft->shape[axis] < 1 : x->shape[axis] != draft->shape[axis]) {
            return ll_refuse(error, "axis %d of %s: got size %lld, wanted %s", axis, ll_words(x).text, (long long)draft->shape[axis],
                             moves ? "both sizes constant and above 0" : "the same size");
        }
    }
    draft->dtype = x->dtype;
    return LL_OK;
}

static ll_node simplify(ll_graph *graph, const ll_graph_node *draft)
{
    return ll_same_shape(draft, ll_at(graph, draft->inputs[0])) ? draft->inputs[0] : LL_NO_NODE;
}

static ll_op other(ll_op op) { return op == LL_OP_RESIZE ? LL_OP_RESIZE_ADJOINT : LL_OP_RESIZE; }

static void vjp(ll_graph *graph, ll_node node, ll_node cotangent, const bool *wanted, ll_node *cotangents)
{
    if (!wanted[0]) return;
    const ll_graph_node *it = ll_at(graph, node), *x = ll_at(graph, it->inputs[0]);
    cotangents[0] = ll_graph_apply(graph, other(it->op), &cotangent, 1, &it->attributes, it->dtype, x->shape, x->rank);
}

static ll_node jvp(ll_graph *graph, ll_node node, const ll_node *tangents)
{
    return ll_remake(graph, node, tangents, NULL, 0);
}

static ll_node batch(ll_graph *graph, ll_node node, const ll_node *inputs, const bool *batched, int64_t models)
{
    (void)batched;
    const ll_graph_node *it = ll_at(graph, node);
    int64_t shape[LL_GRAPH_RANK + 1];
    ll_prepend(models, it->shape, it->rank, shape);
    return ll_remake(graph, node, inputs, shape, it->rank + 1);
}

static ll_node resize_node(ll_graph *graph, ll_op op, ll_node x, int spatial, const int64_t *size, ll_resize_mode mode,
                           ll_resize_position position)
{
    const ll_graph_node *node = ll_graph_node_at(graph, x);
    if (node == NULL) return LL_NO_NODE;
    ll_attributes attributes = {0};
    attributes.resize.spatial = spatial;
    attributes.resize.mode = (int32_t)mode;
    attributes.resize.position = (int32_t)position;
    int64_t shape[LL_GRAPH_RANK];
    int rank = node->rank;
    for (int axis = 0; axis < rank; axis++) shape[axis] = axis >= rank - spatial && axis - (rank - spatial) < LL_SPATIAL ? size[axis - (rank - spatial)] : node->shape[axis];
    return ll_graph_apply(graph, op, &x, 1, &attributes, node->dtype, shape, rank);
}

static bool sample_of(ll_graph *graph, ll_op op, ll_dtype dtype, int index, ll_op_sample *cases)
{
    static const struct {
        int spatial;
        int64_t size[2];
        ll_resize_mode mode;
        ll_resize_position position;
    } table[] = {{2, {6, 8}, LL_RESIZE_LINEAR, LL_RESIZE_HALF_PIXEL},   {2, {5, 7}, LL_RESIZE_LINEAR, LL_RESIZE_ALIGN_CORNERS},
                 {2, {2, 9}, LL_RESIZE_LINEAR, LL_RESIZE_ASYMMETRIC},   {1, {3}, LL_RESIZE_LINEAR, LL_RESIZE_HALF_PIXEL},
                 {2, {6, 8}, LL_RESIZE_NEAREST, LL_RESIZE_ASYMMETRIC},  {2, {5, 3}, LL_RESIZE_NEAREST, LL_RESIZE_HALF_PIXEL}};
    if (index >= 6) return false;
    ll_node x = ll_sample_input(graph, cases, dtype, -2.0, 2.0, 4, -1, 2, 3, 4);
    cases->output = resize_node(graph, op, x, table[index].spatial, table[index].size, table[index].mode, table[index].position);
    return true;
}

static bool sample_resize(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *cases)
{
    return sample_of(graph, LL_OP_RESIZE, dtype, index, cases);
}

static bool sample_adjoint(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *cases)
{
    return sample_of(graph, LL_OP_RESIZE_ADJOINT, dtype, index, cases);
}

const ll_op_rules ll_rules_resize = {.types = LL_TYPES_FLOAT, .infer = infer, .simplify = simplify, .vjp = vjp, .jvp = jvp, .batch = batch, .sample = sample_resize};
const ll_op_rules ll_rules_resize_adjoint = {.types = LL_TYPES_FLOAT, .infer = infer, .simplify = simplify, .vjp = vjp, .jvp = jvp, .batch = batch, .sample = sample_adjoint};

ll_node ll_graph_resize(ll_graph *graph, ll_node x, int spatial, const int64_t *size, ll_resize_mode mode, ll_resize_position position)
{
    return resize_node(graph, LL_OP_RESIZE, x, spatial, size, mode, position);
}

ll_node ll_graph_resize_adjoint(ll_graph *graph, ll_node y, int spatial, const int64_t *size, ll_resize_mode mode, ll_resize_position position)
{
    return resize_node(graph, LL_OP_RESIZE_ADJOINT, y, spatial, size, mode, position);
}
