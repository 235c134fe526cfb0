/* window_sum and window_argmax. The adjoint of a window sum is a window sum of stride 1 over the cotangent
 * with stride - 1 zeros put between its elements: a position receives from every window that covers it,
 * and those are again a window, mirrored. Max pooling is a gather by window_argmax. */
#include "graph/internal.h"

static ll_status infer(const ll_graph *graph, ll_graph_node *draft, ll_error *error)
{
    const ll_graph_node *x = ll_at(graph, draft->inputs[0]);
    const ll_window *window = &draft->attributes.window;
    int s = window->spatial;
    if (x->dtype == LL_BOOL || s < 1 || s > LL_SPATIAL || x->rank < s) {
        return ll_refuse(error, "%d spatial axes of %s: wanted 1 to %d of numbers", s, ll_words(x).text,
                         LL_SPATIAL);
    }
    draft->dtype = draft->op == LL_OP_WINDOW_ARGMAX ? LL_I32 : x->dtype;
    draft->rank = x->rank;
    int64_t area = 1;
    for (int axis = 0; axis < LL_GRAPH_RANK; axis++) draft->shape[axis] = x->shape[axis];
    for (int i = 0; i < s; i++) {
        int axis = x->rank - s + i;
        int64_t size = window->size[i], stride = window->stride[i], dilation = window->dilation[i], reach;
        if (x->shape[axis] < 0 || size < 1 || stride < 1 || dilation < 1 || stride > INT32_MAX ||
            !ll_multiply_int64(size - 1, dilation, &reach) || reach > INT32_MAX || window->pad_low[i] < 0 ||
            window->pad_high[i] < 0 || window->pad_low[i] > reach || window->pad_high[i] > reach) {
            return ll_refuse(
                error,
                "spatial axis %d: size %lld, stride %lld, dilation %lld, padding %lld and %lld: wanted "
                "sizes from 1, and padding up to (size - 1) dilation",
                i, (long long)size, (long long)stride, (long long)dilation, (long long)window->pad_low[i],
                (long long)window->pad_high[i]);
        }
        if (!ll_multiply_int64(area, x->shape[axis], &area) || area > INT32_MAX) {
            return ll_refuse(error, "the spatial extent of %s is 2^31 or more", ll_words(x).text);
        }
        int64_t room = x->shape[axis] + window->pad_low[i] + window->pad_high[i] - reach - 1;
        draft->shape[axis] = room < 0 ? 0 : room / stride + 1;
    }
    return LL_OK;
}

static ll_node of_window(ll_graph *graph, ll_op op, ll_node x, const ll_window *window)
{
    ll_attributes attributes = {0};
    attributes.window = *window;
    return ll_graph_apply(graph, op, &x, 1, &attributes, LL_F32, NULL, 0);
}

static void vjp(ll_graph *graph, ll_node node, ll_node cotangent, const bool *wanted, ll_node *cotangents)
{
    if (!wanted[0]) return;
    const ll_graph_node *it = ll_at(graph, node), *x = ll_at(graph, it->inputs[0]);
    const ll_window *window = &it->attributes.window;
    int s = window->spatial;
    int64_t zero[LL_GRAPH_RANK] = {0}, high[LL_GRAPH_RANK] = {0}, interior[LL_GRAPH_RANK] = {0};
    ll_window mirror = {.spatial = s};
    for (int i = 0; i < s; i++) {
        int axis = x->rank - s + i;
        int64_t reach = (window->size[i] - 1) * window->dilation[i];
        int64_t spread = it->shape[axis] == 0 ? 0 : (it->shape[axis] - 1) * window->stride[i] + 1;
        interior[axis] = it->shape[axis] > 1 ? window->stride[i] - 1 : 0;
        mirror.size[i] = window->size[i];
        mirror.stride[i] = 1;
        mirror.dilation[i] = window->dilation[i];
        mirror.pad_low[i] = reach - window->pad_low[i];
        /* What makes the result as long as x; rows of x that no window reaches get zeros from the pad. */
        int64_t behind = x->shape[axis] + reach - spread - mirror.pad_low[i];
        high[axis] = behind > reach ? behind - reach : 0;
        mirror.pad_high[i] = behind > reach ? reach : behind;
    }
    ll_node spread = ll_graph_pad(graph, cotangent, zero, high, interior, 0.0);
    cotangents[0] = ll_graph_window_sum(graph, spread, &mirror);
}

static ll_node jvp(ll_graph *graph, ll_node node, const ll_node *tangents)
{
    return ll_graph_window_sum(graph, tangents[0], &ll_at(graph, node)->attributes.window);
}

/* Leading axes are free: the model axis is one more of them. */
static ll_node batch(ll_graph *graph, ll_node node, const ll_node *inputs, const bool *batched,
                     int64_t models)
{
    (void)batched, (void)models;
    const ll_graph_node *it = ll_at(graph, node);
    return of_window(graph, it->op, inputs[0], &it->attributes.window);
}

static bool sample_of(ll_graph *graph, ll_op op, ll_dtype dtype, int index, ll_op_sample *sample)
{
    static const ll_window windows[] = {{2, {2, 2}, {2, 2}, {1, 1}, {0, 0}, {0, 0}},
                                        {2, {3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 1}},
                                        {2, {3, 2}, {1, 3}, {1, 2}, {2, 1}, {0, 1}},
                                        {1, {3}, {1}, {1}, {1}, {1}},
                                        {2, {2, 1}, {3, 2}, {1, 1}, {0, 0}, {0, 0}},
                                        {3, {2, 2, 2}, {1, 2, 1}, {1, 1, 1}, {0, 1, 0}, {1, 0, 0}}};
    if (index >= 6) return false;
    ll_node x = index == 3   ? ll_sample_input(graph, sample, dtype, -9.0, 9.0, 2, -1, 7)
                : index == 5 ? ll_sample_input(graph, sample, dtype, -9.0, 9.0, 4, -1, 3, 4, 4)
                             : ll_sample_input(graph, sample, dtype, -9.0, 9.0, 4, -1, 2, 6, 5);
    sample->output = of_window(graph, op, x, &windows[index]);
    return true;
}
static bool sample_sum(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *sample)
{
    return sample_of(graph, LL_OP_WINDOW_SUM, dtype, index, sample);
}
static bool sample_argmax(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *sample)
{
    return sample_of(graph, LL_OP_WINDOW_ARGMAX, dtype, index, sample);
}

const ll_op_rules ll_rules_window_sum = {
    .types = LL_TYPES_NUMBER, .infer = infer, .vjp = vjp, .jvp = jvp, .batch = batch, .sample = sample_sum};
const ll_op_rules ll_rules_window_argmax = {
    .types = LL_TYPES_NUMBER, .infer = infer, .batch = batch, .sample = sample_argmax};

ll_node ll_graph_window_sum(ll_graph *graph, ll_node x, const ll_window *window)
{
    return of_window(graph, LL_OP_WINDOW_SUM, x, window);
}

ll_node ll_graph_window_argmax(ll_graph *graph, ll_node x, const ll_window *window)
{
    return of_window(graph, LL_OP_WINDOW_ARGMAX, x, window);
}
