/* window_sum and window_argmax over the last `spatial` axes. The adjoint of a window sum is a window sum again, of the
 * cotangent with stride - 1 zeros between its elements: each element of x collects the windows that cover it. */
#include "graph/internal.h"

static ll_status infer_window(const ll_graph *graph, ll_graph_node *draft, ll_error *error)
{
    const ll_graph_node *x = ll_at(graph, draft->inputs[0]);
    const ll_window *w = &draft->attributes.window;
    if (w->spatial < 1 || w->spatial > LL_SPATIAL || w->spatial > x->rank) {
        return ll_refuse(error, "got %d spatial axes of %s, wanted 1 to %d", (int)w->spatial, ll_words(x).text, LL_SPATIAL);
    }
    draft->rank = x->rank;
    for (int axis = 0; axis < LL_GRAPH_RANK; axis++) draft->shape[axis] = x->shape[axis];
    for (int i = 0; i < w->spatial; i++) {
        int axis = x->rank - w->spatial + i;
        int64_t reach;
        if (x->shape[axis] < 0) return ll_refuse(error, "axis %d of %s is the sample axis", axis, ll_words(x).text);
        if (w->size[i] < 1 || w->stride[i] < 1 || w->dilation[i] < 1 || !ll_multiply_int64(w->size[i] - 1, w->dilation[i], &reach) ||
            w->pad_low[i] < 0 || w->pad_high[i] < 0 || w->pad_low[i] > reach || w->pad_high[i] > reach) {
            return ll_refuse(error,
                             "axis %d: got size %lld, stride %lld, dilation %lld, padding %lld and %lld; wanted sizes >= 1 and a padding of "
                             "0 to (size - 1) dilation",
                             axis, (long long)w->size[i], (long long)w->stride[i], (long long)w->dilation[i], (long long)w->pad_low[i],
                             (long long)w->pad_high[i]);
        }
        int64_t room = x->shape[axis] + w->pad_low[i] + w->pad_high[i] - reach - 1;
        if (room < 0) return ll_refuse(error, "axis %d of %s is smaller than its window, which reaches %lld", axis, ll_words(x).text, (long long)reach + 1);
        draft->shape[axis] = room / w->stride[i] + 1;
    }
    return LL_OK;
}

static ll_node batch(ll_graph *graph, ll_node node, const ll_node *inputs, const bool *batched, int64_t models)
{
    (void)batched, (void)models;
    const ll_graph_node *it = ll_at(graph, node);
    return ll_graph_apply(graph, it->op, inputs, 1, &it->attributes, LL_F32, NULL, 0);
}

static ll_node window_node(ll_graph *graph, ll_op op, ll_node x, const ll_window *window)
{
    ll_attributes attributes = {0};
    attributes.window.spatial = window->spatial;
    for (int i = 0; i < window->spatial && i < LL_SPATIAL; i++) {
        attributes.window.size[i] = window->size[i];
        attributes.window.stride[i] = window->stride[i];
        attributes.window.dilation[i] = window->dilation[i];
        attributes.window.pad_low[i] = window->pad_low[i];
        attributes.window.pad_high[i] = window->pad_high[i];
    }
    return ll_graph_apply(graph, op, &x, 1, &attributes, LL_F32, NULL, 0);
}

static bool sample_window(ll_graph *graph, ll_op op, ll_dtype dtype, int index, ll_op_sample *cases)
{
    static const ll_window windows[] = {
        {.spatial = 1, .size = {3}, .stride = {1}, .dilation = {1}},
        {.spatial = 2, .size = {2, 2}, .stride = {2, 2}, .dilation = {1, 1}},
        {.spatial = 2, .size = {3, 2}, .stride = {2, 1}, .dilation = {1, 2}, .pad_low = {1, 0}, .pad_high = {1, 2}},
        {.spatial = 3, .size = {2, 3, 1}, .stride = {1, 2, 2}, .dilation = {2, 1, 1}, .pad_low = {1, 2, 0}},
    };
    if (index >= 4) return false;
    ll_node x = index == 0   ? ll_sample_input(graph, cases, dtype, -2.0, 2.0, 2, -1, 7)
                : index == 3 ? ll_sample_input(graph, cases, dtype, -2.0, 2.0, 4, -1, 4, 5, 3)
                             : ll_sample_input(graph, cases, dtype, -2.0, 2.0, 4, -1, 2, 6, 5);
    cases->output = window_node(graph, op, x, &windows[index]);
    return true;
}

/* ------------------------------------------------------------------ window_sum */

static ll_status infer_sum(const ll_graph *graph, ll_graph_node *draft, ll_error *error)
{
    LL_TRY(infer_window(graph, draft, error));
    draft->dtype = ll_at(graph, draft->inputs[0])->dtype;
    return LL_OK;
}

static void vjp_sum(ll_graph *graph, ll_node node, ll_node cotangent, const bool *wanted, ll_node *cotangents)
{
    if (!wanted[0]) return;
    const ll_graph_node *it = ll_at(graph, node), *x = ll_at(graph, it->inputs[0]);
    const ll_window *w = &it->attributes.window;
    int64_t low[LL_GRAPH_RANK] = {0}, high[LL_GRAPH_RANK] = {0}, interior[LL_GRAPH_RANK] = {0};
    ll_window spread = {.spatial = w->spatial};
    for (int i = 0; i < w->spatial; i++) {
        int axis = it->rank - w->spatial + i;
        int64_t reach = (w->size[i] - 1) * w->dilation[i];
        low[axis] = reach - w->pad_low[i];
        high[axis] = x->shape[axis] - 1 + w->pad_low[i] - (it->shape[axis] - 1) * w->stride[i];
        interior[axis] = w->stride[i] - 1;
        spread.size[i] = w->size[i];
        spread.stride[i] = 1;
        spread.dilation[i] = w->dilation[i];
    }
    cotangents[0] = ll_graph_window_sum(graph, ll_graph_pad(graph, cotangent, low, high, interior, 0.0), &spread);
}

static ll_node jvp_sum(ll_graph *graph, ll_node node, const ll_node *tangents)
{
    return ll_remake(graph, node, tangents, NULL, 0);
}

static bool sample_sum(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *cases)
{
    return sample_window(graph, LL_OP_WINDOW_SUM, dtype, index, cases);
}

const ll_op_rules ll_rules_window_sum = {.types = LL_TYPES_FLOAT, .infer = infer_sum, .vjp = vjp_sum, .jvp = jvp_sum, .batch = batch, .sample = sample_sum};

ll_node ll_graph_window_sum(ll_graph *graph, ll_node x, const ll_window *window)
{
    return window_node(graph, LL_OP_WINDOW_SUM, x, window);
}

/* ------------------------------------------------------------------ window_argmax */

static ll_status infer_argmax(const ll_graph *graph, ll_graph_node *draft, ll_error *error)
{
    LL_TRY(infer_window(graph, draft, error));
    const ll_graph_node *x = ll_at(graph, draft->inputs[0]);
    int64_t positions;
    if (!ll_shape_product(x->shape, x->rank - draft->attributes.window.spatial, x->rank, &positions) || positions > INT32_MAX) {
        return ll_refuse(error, "the spatial extent of %s has more positions than an i32 can number", ll_words(x).text);
    }
    draft->dtype = LL_I32;
    return LL_OK;
}

static bool sample_argmax(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *cases)
{
    return sample_window(graph, LL_OP_WINDOW_ARGMAX, dtype, index, cases);
}

const ll_op_rules ll_rules_window_argmax = {.types = LL_TYPES_FLOAT, .infer = infer_argmax, .batch = batch, .sample = sample_argmax};

ll_node ll_graph_window_argmax(ll_graph *graph, ll_node x, const ll_window *window)
{
    return window_node(graph, LL_OP_WINDOW_ARGMAX, x, window);
}
