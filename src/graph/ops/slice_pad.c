/* slice (strided, may run backwards) and pad (before, behind, between). The adjoint of a slice is a pad by
 * zeros of the (un-reversed) cotangent; the adjoint of a pad is a slice. */
#include "graph/internal.h"

#include <string.h>

static ll_node jvp_linear(ll_graph *graph, ll_node node, const ll_node *tangents)
{
    return ll_remake(graph, node, tangents, NULL, 0);
}

/* ------------------------------------------------------------------ slice */

static ll_status infer_slice(const ll_graph *graph, ll_graph_node *draft, ll_error *error)
{
    const ll_graph_node *x = ll_at(graph, draft->inputs[0]);
    draft->dtype = x->dtype;
    if (draft->rank != x->rank) {
        return ll_refuse(error, "got sizes for %d axes, wanted %d", (int)draft->rank, (int)x->rank);
    }
    for (int axis = 0; axis < x->rank; axis++) {
        int64_t start = draft->attributes.slice.start[axis], step = draft->attributes.slice.step[axis];
        int64_t size = draft->shape[axis], last;
        if (x->shape[axis] < 0) {
            if (start != 0 || step != 1 || size != x->shape[axis]) {
                return ll_refuse(error, "the sample axis %d can only be taken whole", axis);
            }
            continue;
        }
        bool fits =
            step != 0 && size >= 0 &&
            (size == 0 || (start >= 0 && start < x->shape[axis] && ll_multiply_int64(size - 1, step, &last) &&
                           ll_add_int64(start, last, &last) && last >= 0 && last < x->shape[axis]));
        if (!fits) {
            return ll_refuse(error, "axis %d of %s: start %lld, step %lld, size %lld run outside", axis,
                             ll_words(x).text, (long long)start, (long long)step, (long long)size);
        }
    }
    return LL_OK;
}

static ll_node simplify_slice(ll_graph *graph, const ll_graph_node *draft)
{
    const ll_graph_node *x = ll_at(graph, draft->inputs[0]);
    bool whole = true;
    for (int axis = 0; axis < x->rank; axis++) {
        if (draft->shape[axis] != x->shape[axis] ||
            (draft->attributes.slice.step[axis] != 1 && draft->shape[axis] > 1)) {
            whole = false;
        }
    }
    if (whole) return draft->inputs[0];
    if (x->op == LL_OP_BROADCAST && ll_at(graph, x->inputs[0])->rank == 0) {
        return ll_graph_broadcast(graph, x->inputs[0], draft->shape, draft->rank, ll_all_axes(draft->rank));
    }
    return LL_NO_NODE;
}

static void vjp_slice(ll_graph *graph, ll_node node, ll_node cotangent, const bool *wanted,
                      ll_node *cotangents)
{
    if (!wanted[0]) return;
    const ll_graph_node *it = ll_at(graph, node), *x = ll_at(graph, it->inputs[0]);
    int64_t start[LL_GRAPH_RANK], step[LL_GRAPH_RANK];
    int64_t low[LL_GRAPH_RANK], high[LL_GRAPH_RANK], interior[LL_GRAPH_RANK];
    for (int axis = 0; axis < it->rank; axis++) {
        int64_t size = it->shape[axis], stride = it->attributes.slice.step[axis];
        int64_t first = it->attributes.slice.start[axis];
        bool backwards = stride < 0 && size > 0;
        start[axis] = backwards ? size - 1 : 0;
        step[axis] = backwards ? -1 : 1;
        if (stride < 0) {
            first += (size - 1) * stride;
            stride = -stride;
        }
        if (x->shape[axis] < 0 || size == 0) {
            low[axis] = interior[axis] = 0;
            high[axis] = x->shape[axis] < 0 ? 0 : x->shape[axis];
            continue;
        }
        low[axis] = first;
        interior[axis] = size > 1 ? stride - 1 : 0;
        high[axis] = x->shape[axis] - 1 - (first + (size - 1) * stride);
    }
    ll_node forwards = ll_graph_slice(graph, cotangent, start, step, it->shape);
    cotangents[0] = ll_graph_pad(graph, forwards, low, high, interior, 0.0);
}

static ll_node batch_slice(ll_graph *graph, ll_node node, const ll_node *inputs, const bool *batched,
                           int64_t models)
{
    (void)batched;
    const ll_graph_node *it = ll_at(graph, node);
    int64_t start[LL_GRAPH_RANK + 1], step[LL_GRAPH_RANK + 1], size[LL_GRAPH_RANK + 1];
    ll_prepend(0, it->attributes.slice.start, it->rank, start);
    ll_prepend(1, it->attributes.slice.step, it->rank, step);
    ll_prepend(models, it->shape, it->rank, size);
    return ll_graph_slice(graph, inputs[0], start, step, size);
}

static bool sample_slice(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *cases)
{
    static const struct {
        int64_t start[3], step[3], size[3];
    } wanted[] = {{{0, 1, 0}, {1, 1, 1}, {-1, 3, 7}},
                  {{0, 0, 1}, {1, 2, 3}, {-1, 3, 2}},
                  {{0, 4, 6}, {1, -2, -1}, {-1, 2, 7}},
                  {{0, 4, 2}, {1, -1, 1}, {-1, 5, 0}}};
    if (index >= 4) return false;
    ll_node x = ll_sample_input(graph, cases, dtype, -2.0, 2.0, 3, -1, 5, 7);
    cases->output = ll_graph_slice(graph, x, wanted[index].start, wanted[index].step, wanted[index].size);
    return true;
}

const ll_op_rules ll_rules_slice = {.types = LL_TYPES_ALL,
                                    .infer = infer_slice,
                                    .simplify = simplify_slice,
                                    .vjp = vjp_slice,
                                    .jvp = jvp_linear,
                                    .batch = batch_slice,
                                    .sample = sample_slice};

ll_node ll_graph_slice(ll_graph *graph, ll_node x, const int64_t *start, const int64_t *step,
                       const int64_t *size)
{
    const ll_graph_node *node = ll_graph_node_at(graph, x);
    if (node == NULL) return LL_NO_NODE;
    ll_attributes attributes = {0};
    for (int axis = 0; axis < node->rank; axis++) {
        attributes.slice.start[axis] = start[axis];
        attributes.slice.step[axis] = step[axis];
    }
    return ll_graph_apply(graph, LL_OP_SLICE, &x, 1, &attributes, LL_F32, size, node->rank);
}

ll_node ll_graph_slice_axis(ll_graph *graph, ll_node x, int axis, int64_t start, int64_t size)
{
    const ll_graph_node *node = ll_graph_node_at(graph, x);
    if (node == NULL) return LL_NO_NODE;
    if (axis < 0 || axis >= node->rank) {
        return ll_graph_refuse(graph, LL_SHAPE, "slice", "%s has no axis %d", ll_words(node).text, axis);
    }
    int64_t starts[LL_GRAPH_RANK] = {0}, steps[LL_GRAPH_RANK], sizes[LL_GRAPH_RANK];
    for (int i = 0; i < node->rank; i++) {
        steps[i] = 1;
        sizes[i] = node->shape[i];
    }
    starts[axis] = start;
    sizes[axis] = size;
    return ll_graph_slice(graph, x, starts, steps, sizes);
}

/* ------------------------------------------------------------------ pad */

static ll_status infer_pad(const ll_graph *graph, ll_graph_node *draft, ll_error *error)
{
    const ll_graph_node *x = ll_at(graph, draft->inputs[0]);
    draft->dtype = x->dtype;
    draft->rank = x->rank;
    for (int axis = 0; axis < LL_GRAPH_RANK; axis++) {
        int64_t low = draft->attributes.pad.low[axis], high = draft->attributes.pad.high[axis];
        int64_t interior = draft->attributes.pad.interior[axis], size = axis < x->rank ? x->shape[axis] : 0,
                gaps;
        draft->shape[axis] = size;
        if ((size < 0 || axis >= x->rank) && (low != 0 || high != 0 || interior != 0)) {
            return ll_refuse(error, "axis %d cannot be padded: it is the sample axis, or %s does not have it",
                             axis, ll_words(x).text);
        }
        if (size < 0 || axis >= x->rank) continue;
        if (low < 0 || high < 0 || interior < 0) {
            return ll_refuse(error, "axis %d: negative padding (%lld, %lld, %lld); slice instead", axis,
                             (long long)low, (long long)high, (long long)interior);
        }
        if (!ll_multiply_int64(size > 0 ? size - 1 : 0, interior, &gaps) ||
            !ll_add_int64(size, gaps, &size) || !ll_add_int64(size, low, &size) ||
            !ll_add_int64(size, high, &size)) {
            return ll_refuse(error, "axis %d overflows", axis);
        }
        draft->shape[axis] = size;
    }
    return LL_OK;
}

static ll_node simplify_pad(ll_graph *graph, const ll_graph_node *draft)
{
    double value;
    if (ll_same_shape(draft, ll_at(graph, draft->inputs[0]))) return draft->inputs[0];
    if (ll_is_uniform(graph, draft->inputs[0], &value) && value == draft->attributes.pad.value) {
        return ll_graph_full(graph, draft->dtype, draft->shape, draft->rank, value);
    }
    return LL_NO_NODE;
}

static void vjp_pad(ll_graph *graph, ll_node node, ll_node cotangent, const bool *wanted, ll_node *cotangents)
{
    if (!wanted[0]) return;
    const ll_graph_node *it = ll_at(graph, node), *x = ll_at(graph, it->inputs[0]);
    int64_t step[LL_GRAPH_RANK];
    for (int axis = 0; axis < it->rank; axis++) step[axis] = it->attributes.pad.interior[axis] + 1;
    cotangents[0] = ll_graph_slice(graph, cotangent, it->attributes.pad.low, step, x->shape);
}

static ll_node jvp_pad(ll_graph *graph, ll_node node, const ll_node *tangents)
{
    const ll_attributes *attributes = &ll_at(graph, node)->attributes;
    return ll_graph_pad(graph, tangents[0], attributes->pad.low, attributes->pad.high,
                        attributes->pad.interior, 0.0);
}

static ll_node batch_pad(ll_graph *graph, ll_node node, const ll_node *inputs, const bool *batched,
                         int64_t models)
{
    (void)batched, (void)models;
    const ll_graph_node *it = ll_at(graph, node);
    int64_t low[LL_GRAPH_RANK + 1], high[LL_GRAPH_RANK + 1], interior[LL_GRAPH_RANK + 1];
    ll_prepend(0, it->attributes.pad.low, it->rank, low);
    ll_prepend(0, it->attributes.pad.high, it->rank, high);
    ll_prepend(0, it->attributes.pad.interior, it->rank, interior);
    return ll_graph_pad(graph, inputs[0], low, high, interior, it->attributes.pad.value);
}

static bool sample_pad(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *cases)
{
    static const struct {
        int64_t low[3], high[3], interior[3];
        double value;
    } wanted[] = {{{0, 1, 0}, {0, 2, 1}, {0, 0, 0}, 0.0},
                  {{0, 0, 2}, {0, 0, 0}, {0, 1, 2}, 1.0},
                  {{0, 3, 0}, {0, 0, 0}, {0, 1, 0}, 0.0}};
    if (index >= 3) return false;
    ll_node x = ll_sample_input(graph, cases, dtype, -2.0, 2.0, 3, -1, 3, 4);
    cases->output = ll_graph_pad(graph, x, wanted[index].low, wanted[index].high, wanted[index].interior,
                                 wanted[index].value);
    return true;
}

const ll_op_rules ll_rules_pad = {.types = LL_TYPES_ALL,
                                  .infer = infer_pad,
                                  .simplify = simplify_pad,
                                  .vjp = vjp_pad,
                                  .jvp = jvp_pad,
                                  .batch = batch_pad,
                                  .sample = sample_pad};

ll_node ll_graph_pad(ll_graph *graph, ll_node x, const int64_t *low, const int64_t *high,
                     const int64_t *interior, double value)
{
    const ll_graph_node *node = ll_graph_node_at(graph, x);
    if (node == NULL) return LL_NO_NODE;
    ll_attributes attributes = {0};
    for (int axis = 0; axis < node->rank; axis++) {
        attributes.pad.low[axis] = low[axis];
        attributes.pad.high[axis] = high[axis];
        if (interior != NULL) attributes.pad.interior[axis] = interior[axis];
    }
    attributes.pad.value = value;
    return ll_graph_apply(graph, LL_OP_PAD, &x, 1, &attributes, LL_F32, NULL, 0);
}
