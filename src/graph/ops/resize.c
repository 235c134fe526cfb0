/* resize (nearest, linear) over the last axes, and its adjoint: one linear map and its transpose. */
#include "graph/internal.h"

static ll_status infer(const ll_graph *graph, ll_graph_node *draft, ll_error *error)
{
    const ll_graph_node *x = ll_at(graph, draft->inputs[0]);
    int s = draft->attributes.resize.spatial;
    if (s < 1 || s > LL_SPATIAL || x->rank < s || draft->rank < s || !ll_dtype_is_float(x->dtype) ||
        (unsigned)draft->attributes.resize.mode > LL_RESIZE_LINEAR ||
        (unsigned)draft->attributes.resize.position > LL_RESIZE_ASYMMETRIC) {
        return ll_refuse(error, "%d spatial axes of %s: wanted 1 to %d of a floating-point tensor", s,
                         ll_words(x).text, LL_SPATIAL);
    }
    int64_t shape[LL_GRAPH_RANK] = {0};
    for (int axis = 0; axis < x->rank; axis++) {
        bool resized = axis >= x->rank - s;
        shape[axis] = resized ? draft->shape[draft->rank - x->rank + axis] : x->shape[axis];
        if (resized && (shape[axis] < 1 || x->shape[axis] < 1)) {
            return ll_refuse(error, "axis %d of %s cannot be resized to %lld: wanted constant sizes from 1",
                             axis, ll_words(x).text, (long long)shape[axis]);
        }
    }
    draft->dtype = x->dtype;
    draft->rank = x->rank;
    for (int axis = 0; axis < LL_GRAPH_RANK; axis++) draft->shape[axis] = shape[axis];
    return LL_OK;
}

static ll_node resized(ll_graph *graph, ll_op op, ll_node x, const ll_attributes *attributes,
                       const int64_t *size)
{
    int s = attributes->resize.spatial;
    return ll_graph_apply(graph, op, &x, 1, attributes, LL_F32, size, s < 0 || s > LL_SPATIAL ? 0 : s);
}

static void vjp(ll_graph *graph, ll_node node, ll_node cotangent, const bool *wanted, ll_node *cotangents)
{
    if (!wanted[0]) return;
    const ll_graph_node *it = ll_at(graph, node), *x = ll_at(graph, it->inputs[0]);
    ll_op op = it->op == LL_OP_RESIZE ? LL_OP_RESIZE_ADJOINT : LL_OP_RESIZE;
    const int64_t *size = x->shape + x->rank - it->attributes.resize.spatial;
    cotangents[0] = resized(graph, op, cotangent, &it->attributes, size);
}

static ll_node on(ll_graph *graph, ll_node node, ll_node x)
{
    const ll_graph_node *it = ll_at(graph, node);
    return resized(graph, it->op, x, &it->attributes, it->shape + it->rank - it->attributes.resize.spatial);
}

static ll_node jvp(ll_graph *graph, ll_node node, const ll_node *tangents)
{
    return on(graph, node, tangents[0]);
}

static ll_node batch(ll_graph *graph, ll_node node, const ll_node *inputs, const bool *batched,
                     int64_t models)
{
    (void)batched, (void)models;
    return on(graph, node, inputs[0]);
}

static bool sample_of(ll_graph *graph, ll_op op, ll_dtype dtype, int index, ll_op_sample *sample)
{
    static const int64_t sizes[][2] = {{6, 8}, {5, 3}, {2, 9}};
    if (index >= 18) return false;
    ll_attributes attributes = {0};
    attributes.resize.spatial = 2;
    attributes.resize.mode = index % 2;
    attributes.resize.position = index / 2 % 3;
    ll_node x = ll_sample_input(graph, sample, dtype, -2.0, 2.0, 4, -1, 2, 3, 4);
    sample->output = resized(graph, op, x, &attributes, sizes[index / 6]);
    return true;
}
static bool sample_forward(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *sample)
{
    return sample_of(graph, LL_OP_RESIZE, dtype, index, sample);
}
static bool sample_adjoint(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *sample)
{
    return sample_of(graph, LL_OP_RESIZE_ADJOINT, dtype, index, sample);
}

const ll_op_rules ll_rules_resize = {.types = LL_TYPES_FLOAT,
                                     .infer = infer,
                                     .vjp = vjp,
                                     .jvp = jvp,
                                     .batch = batch,
                                     .sample = sample_forward};
const ll_op_rules ll_rules_resize_adjoint = {.types = LL_TYPES_FLOAT,
                                             .infer = infer,
                                             .vjp = vjp,
                                             .jvp = jvp,
                                             .batch = batch,
                                             .sample = sample_adjoint};

static ll_node build(ll_graph *graph, ll_op op, ll_node x, int spatial, const int64_t *size,
                     ll_resize_mode mode, ll_resize_position position)
{
    ll_attributes attributes = {0};
    attributes.resize.spatial = spatial;
    attributes.resize.mode = (int32_t)mode;
    attributes.resize.position = (int32_t)position;
    return resized(graph, op, x, &attributes, size);
}

ll_node ll_graph_resize(ll_graph *graph, ll_node x, int spatial, const int64_t *size, ll_resize_mode mode,
                        ll_resize_position position)
{
    return build(graph, LL_OP_RESIZE, x, spatial, size, mode, position);
}

ll_node ll_graph_resize_adjoint(ll_graph *graph, ll_node y, int spatial, const int64_t *size,
                                ll_resize_mode mode, ll_resize_position position)
{
    return build(graph, LL_OP_RESIZE_ADJOINT, y, spatial, size, mode, position);
}
