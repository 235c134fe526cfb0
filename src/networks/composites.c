#include "losslens/networks_composites.h"

#include <math.h>
#include <string.h>

/* Node views that fail soft: rank 0 for LL_NO_NODE, so that a builder call that follows reports the first error. */
static const ll_graph_node *node_of(const ll_graph *graph, ll_node node)
{
    static const ll_graph_node none = {.op = LL_OP_INPUT, .dtype = LL_F32};
    const ll_graph_node *found = ll_graph_node_at(graph, node);
    return found != NULL ? found : &none;
}

static int rank_of(const ll_graph *graph, ll_node node) { return node_of(graph, node)->rank; }
static ll_dtype type_of(const ll_graph *graph, ll_node node) { return node_of(graph, node)->dtype; }

/* Bits of the axes first .. last-1. */
static uint32_t axes_between(int first, int last)
{
    uint32_t axes = 0;
    for (int axis = first; axis < last; axis++) axes |= LL_AXIS(axis);
    return axes;
}

/* v [C] seen as [1, C, 1..] so that it broadcasts against x [N, C, S..]. */
static ll_node per_channel(ll_graph *graph, ll_node v, int rank)
{
    if (rank <= 2) return v;
    return ll_graph_expand(graph, v, axes_between(1, rank - 1));
}

static ll_node add_bias(ll_graph *graph, ll_node y, ll_node bias, int rank)
{
    return bias == LL_NO_NODE ? y : ll_graph_add(graph, y, per_channel(graph, bias, rank));
}

/* Elements of the axes in `axes`, as a node: a constant, times sample_count where the sample axis is among them. */
static ll_node element_count(ll_graph *graph, ll_node x, uint32_t axes)
{
    const ll_graph_node *node = node_of(graph, x);
    double count = 1.0;
    bool samples = false;
    for (int axis = 0; axis < node->rank; axis++) {
        if ((axes & LL_AXIS(axis)) == 0) continue;
        int64_t dimension = node->shape[axis];
        samples |= dimension < 0;
        count *= (double)(dimension < 0 ? -dimension : dimension);
    }
    ll_dtype dtype = node->dtype;
    if (!samples) return ll_graph_scalar(graph, dtype, count);
    return ll_graph_multiply_scalar(graph, ll_graph_sample_count(graph, dtype), count);
}

static ll_node mean_over(ll_graph *graph, ll_node x, uint32_t axes)
{
    return ll_graph_divide(graph, ll_graph_sum(graph, x, axes), element_count(graph, x, axes));
}

/* ---------------------------------------------------------------- layers */

ll_node ll_layer_linear(ll_graph *graph, ll_node x, ll_node weight, ll_node bias)
{
    ll_node y = ll_graph_matmul(graph, x, weight, false, true);
    return bias == LL_NO_NODE ? y : ll_graph_add(graph, y, bias);
}

ll_convolution ll_convolution_form(int spatial, int64_t stride, int64_t padding, int64_t dilation,
                                   int32_t groups)
{
    ll_convolution form;
    memset(&form, 0, sizeof form);
    form.spatial = spatial;
    form.groups = groups;
    for (int axis = 0; axis < spatial; axis++) {
        form.stride[axis] = stride;
        form.dilation[axis] = dilation;
        form.pad_low[axis] = form.pad_high[axis] = padding;
    }
    return form;
}

ll_node ll_layer_convolution(ll_graph *graph, ll_node x, ll_node weight, ll_node bias,
                             const ll_convolution *form)
{
    ll_node y = ll_graph_convolution(graph, x, weight, form);
    return add_bias(graph, y, bias, rank_of(graph, x));
}

ll_node ll_layer_transposed_convolution(ll_graph *graph, ll_node x, ll_node weight, ll_node bias,
                                        const ll_convolution *form, const int64_t *output_padding)
{
    const ll_graph_node *input = node_of(graph, x), *kernel = node_of(graph, weight);
    int64_t extent[LL_SPATIAL] = {0};
    for (int axis = 0; axis < form->spatial && axis + 2 < LL_GRAPH_RANK; axis++) {
        extent[axis] = (input->shape[axis + 2] - 1) * form->stride[axis] - form->pad_low[axis] -
                       form->pad_high[axis] + form->dilation[axis] * (kernel->shape[axis + 2] - 1) + 1 +
                       (output_padding != NULL ? output_padding[axis] : 0);
    }
    /* The convolution whose adjoint this is reads output_padding more at the high end than it writes. */
    ll_node y = ll_graph_convolution_data(graph, x, weight, form, extent);
    return add_bias(graph, y, bias, input->rank);
}

static ll_node scale_and_shift(ll_graph *graph, ll_node x, ll_node a, ll_node b)
{
    int rank = rank_of(graph, x);
    return ll_graph_add(graph, ll_graph_multiply(graph, x, per_channel(graph, a, rank)),
                        per_channel(graph, b, rank));
}

static ll_node inverse_root(ll_graph *graph, ll_node variance, double epsilon)
{
    return ll_graph_reciprocal(graph, ll_graph_sqrt(graph, ll_graph_add_scalar(graph, variance, epsilon)));
}

ll_node ll_layer_batch_norm(ll_graph *graph, ll_node x, ll_node scale, ll_node shift, ll_node mean,
                            ll_node variance, double epsilon)
{
    ll_node a = inverse_root(graph, variance, epsilon);
    if (scale != LL_NO_NODE) a = ll_graph_multiply(graph, a, scale);
    ll_node b = ll_graph_negate(graph, ll_graph_multiply(graph, mean, a));
    if (shift != LL_NO_NODE) b = ll_graph_add(graph, b, shift);
    return scale_and_shift(graph, x, a, b);
}

ll_node ll_layer_batch_norm_training(ll_graph *graph, ll_node x, ll_node scale, ll_node shift, double epsilon,
                                     ll_node *mean, ll_node *variance)
{
    int rank = rank_of(graph, x);
    uint32_t axes = LL_AXIS(0) | axes_between(2, rank);
    ll_node batch_mean = mean_over(graph, x, axes);
    /* For any constant d, variance = mean of (x - d)^2 - (mean - d)^2. With d = the mean, as a constant, the value is
     * that of the centred sum, and no derivative holds a sum over the samples that waits for another one: the backward
     * pass reads the samples once less. */
    ll_node constant = ll_graph_detach(graph, batch_mean);
    ll_node centred = ll_graph_subtract(graph, x, per_channel(graph, constant, rank));
    ll_node offset = ll_graph_subtract(graph, batch_mean, constant); /* zero, but not its derivative */
    ll_node count = element_count(graph, x, axes);
    ll_node squares =
        ll_graph_subtract(graph, ll_graph_sum(graph, ll_graph_multiply(graph, centred, centred), axes),
                          ll_graph_multiply(graph, count, ll_graph_multiply(graph, offset, offset)));
    ll_node a = inverse_root(graph, ll_graph_divide(graph, squares, count), epsilon);
    if (scale != LL_NO_NODE) a = ll_graph_multiply(graph, a, scale);
    if (mean != NULL) *mean = batch_mean;
    if (variance != NULL)
        *variance = ll_graph_divide(graph, squares, ll_graph_add_scalar(graph, count, -1.0));
    ll_node b = ll_graph_negate(graph, ll_graph_multiply(graph, offset, a));
    if (shift != LL_NO_NODE) b = ll_graph_add(graph, b, shift);
    return scale_and_shift(graph, centred, a, b);
}

/* (x - mean) / sqrt(variance + epsilon) over `axes`, which stay as size 1 for the broadcast. */
static ll_node standardise(ll_graph *graph, ll_node x, uint32_t axes, double epsilon)
{
    ll_node mean = ll_graph_expand(graph, mean_over(graph, x, axes), axes);
    ll_node centred = ll_graph_subtract(graph, x, mean);
    ll_node variance = mean_over(graph, ll_graph_multiply(graph, centred, centred), axes);
    return ll_graph_multiply(graph, centred,
                             ll_graph_expand(graph, inverse_root(graph, variance, epsilon), axes));
}

ll_node ll_layer_layer_norm(ll_graph *graph, ll_node x, int axes, ll_node scale, ll_node shift,
                            double epsilon)
{
    int rank = rank_of(graph, x);
    ll_node y = standardise(graph, x, axes_between(rank - axes, rank), epsilon);
    if (scale != LL_NO_NODE) y = ll_graph_multiply(graph, y, scale);
    return shift == LL_NO_NODE ? y : ll_graph_add(graph, y, shift);
}

ll_node ll_layer_group_norm(ll_graph *graph, ll_node x, int64_t groups, ll_node scale, ll_node shift,
                            double epsilon)
{
    const ll_graph_node *input = node_of(graph, x);
    int rank = input->rank;
    int64_t shape[LL_GRAPH_RANK], grouped[LL_GRAPH_RANK];
    if (rank < 2 || rank >= LL_GRAPH_RANK || groups <= 0 || input->shape[1] % groups != 0) {
        return ll_graph_refuse(graph, LL_SHAPE, "group norm",
                               "got %lld groups of a tensor of rank %d; wanted a divisor of its channels",
                               (long long)groups, rank);
    }
    memcpy(shape, input->shape, sizeof shape);
    grouped[0] = shape[0];
    grouped[1] = groups;
    grouped[2] = shape[1] / groups;
    for (int axis = 2; axis < rank; axis++) grouped[axis + 1] = shape[axis];
    ll_node y = ll_graph_reshape(graph, x, grouped, rank + 1);
    y = ll_graph_reshape(graph, standardise(graph, y, axes_between(2, rank + 1), epsilon), shape, rank);
    if (scale != LL_NO_NODE) y = ll_graph_multiply(graph, y, per_channel(graph, scale, rank));
    return shift == LL_NO_NODE ? y : ll_graph_add(graph, y, per_channel(graph, shift, rank));
}

ll_node ll_layer_relu(ll_graph *graph, ll_node x)
{
    return ll_graph_max(graph, x, ll_graph_full_like(graph, x, 0.0));
}

ll_node ll_layer_leaky_relu(ll_graph *graph, ll_node x, double slope)
{
    ll_node zero = ll_graph_full_like(graph, x, 0.0);
    return ll_graph_add(graph, ll_graph_max(graph, x, zero),
                        ll_graph_multiply_scalar(graph, ll_graph_min(graph, x, zero), slope));
}

/* 1 / (1 + e^-x) = (1 + tanh(x/2)) / 2, which never overflows and is closed under differentiation without
 * infinities. */
ll_node ll_layer_sigmoid(ll_graph *graph, ll_node x)
{
    ll_node t = ll_graph_tanh(graph, ll_graph_multiply_scalar(graph, x, 0.5));
    return ll_graph_multiply_scalar(graph, ll_graph_add_scalar(graph, t, 1.0), 0.5);
}

ll_node ll_layer_silu(ll_graph *graph, ll_node x)
{
    return ll_graph_multiply(graph, x, ll_layer_sigmoid(graph, x));
}

/* max(x, 0) + log(1 + e^-|x|). At 0 the kinks of the two parts cancel only on paper, so the derivative there is
 * taken of select(x < 0, log1p(e^x), x + log1p(e^-x)), both branches smooth and finite on their side. */
ll_node ll_layer_softplus(ll_graph *graph, ll_node x)
{
    ll_node zero = ll_graph_full_like(graph, x, 0.0);
    ll_node negative = ll_graph_less(graph, x, zero);
    ll_node below = ll_graph_select(graph, negative, x, zero),
            above = ll_graph_select(graph, negative, zero, x);
    ll_node low = ll_graph_log1p(graph, ll_graph_exp(graph, below));
    ll_node high =
        ll_graph_add(graph, above, ll_graph_log1p(graph, ll_graph_exp(graph, ll_graph_negate(graph, above))));
    return ll_graph_select(graph, negative, low, high);
}

ll_node ll_layer_gelu(ll_graph *graph, ll_node x)
{
    ll_node phi = ll_graph_erf(graph, ll_graph_multiply_scalar(graph, x, 0.70710678118654752440));
    return ll_graph_multiply(graph, x,
                             ll_graph_multiply_scalar(graph, ll_graph_add_scalar(graph, phi, 1.0), 0.5));
}

ll_node ll_layer_gelu_tanh(ll_graph *graph, ll_node x)
{
    ll_node cube = ll_graph_multiply(graph, ll_graph_multiply(graph, x, x), x);
    ll_node inner = ll_graph_add(graph, x, ll_graph_multiply_scalar(graph, cube, 0.044715));
    ll_node t = ll_graph_tanh(graph, ll_graph_multiply_scalar(graph, inner, 0.79788456080286535588));
    return ll_graph_multiply(graph, x,
                             ll_graph_multiply_scalar(graph, ll_graph_add_scalar(graph, t, 1.0), 0.5));
}

/* The largest score is subtracted as a constant: it cancels, and its derivative with it. */
static ll_node minus_largest(ll_graph *graph, ll_node x, int axis)
{
    ll_node largest = ll_graph_detach(graph, ll_graph_reduce_max(graph, x, LL_AXIS(axis)));
    return ll_graph_subtract(graph, x, ll_graph_expand(graph, largest, LL_AXIS(axis)));
}

ll_node ll_layer_softmax(ll_graph *graph, ll_node x, int axis)
{
    ll_node e = ll_graph_exp(graph, minus_largest(graph, x, axis));
    ll_node inverse = ll_graph_reciprocal(graph, ll_graph_sum(graph, e, LL_AXIS(axis)));
    return ll_graph_multiply(graph, e, ll_graph_expand(graph, inverse, LL_AXIS(axis)));
}

ll_node ll_layer_log_softmax(ll_graph *graph, ll_node x, int axis)
{
    ll_node shifted = minus_largest(graph, x, axis);
    ll_node sum = ll_graph_log(graph, ll_graph_sum(graph, ll_graph_exp(graph, shifted), LL_AXIS(axis)));
    return ll_graph_subtract(graph, shifted, ll_graph_expand(graph, sum, LL_AXIS(axis)));
}

ll_window ll_window_form(int spatial, int64_t size, int64_t stride, int64_t padding)
{
    ll_window window;
    memset(&window, 0, sizeof window);
    window.spatial = spatial;
    for (int axis = 0; axis < spatial; axis++) {
        window.size[axis] = size;
        window.stride[axis] = stride;
        window.dilation[axis] = 1;
        window.pad_low[axis] = window.pad_high[axis] = padding;
    }
    return window;
}

/* A gather along the flattened spatial extent by each window's argmax. */
ll_node ll_layer_max_pool(ll_graph *graph, ll_node x, const ll_window *window)
{
    const ll_graph_node *input = node_of(graph, x);
    int leading = input->rank - window->spatial;
    if (leading < 1) {
        return ll_graph_refuse(graph, LL_SHAPE, "max pool", "got rank %d; wanted more than %d", input->rank,
                               window->spatial);
    }
    int64_t flat[LL_GRAPH_RANK], positions = 1;
    for (int axis = 0; axis < leading; axis++) flat[axis] = input->shape[axis];
    for (int axis = leading; axis < input->rank; axis++) positions *= input->shape[axis];
    flat[leading] = positions;
    ll_node index = ll_graph_window_argmax(graph, x, window);
    return ll_graph_gather(graph, ll_graph_reshape(graph, x, flat, leading + 1), index, leading);
}

ll_node ll_layer_average_pool(ll_graph *graph, ll_node x, const ll_window *window, bool count_padding)
{
    ll_node sums = ll_graph_window_sum(graph, x, window);
    if (!count_padding) {
        const ll_graph_node *input = node_of(graph, x);
        ll_node ones = ll_graph_full(graph, input->dtype, input->shape + (input->rank - window->spatial),
                                     window->spatial, 1.0);
        return ll_graph_divide(graph, sums, ll_graph_window_sum(graph, ones, window));
    }
    double count = 1.0;
    for (int axis = 0; axis < window->spatial; axis++) count *= (double)window->size[axis];
    return ll_graph_multiply_scalar(graph, sums, 1.0 / count);
}

ll_node ll_layer_mean(ll_graph *graph, ll_node x, int first_axis)
{
    return mean_over(graph, x, axes_between(first_axis, rank_of(graph, x)));
}

ll_node ll_layer_attention(ll_graph *graph, ll_node q, ll_node k, ll_node v, ll_node mask)
{
    const ll_graph_node *query = node_of(graph, q);
    if (query->rank < 2)
        return ll_graph_refuse(graph, LL_SHAPE, "attention", "got rank %d; wanted 2 or more", query->rank);
    double scale = 1.0 / sqrt((double)query->shape[query->rank - 1]);
    ll_node scores = ll_graph_matmul(graph, ll_graph_multiply_scalar(graph, q, scale), k, false, true);
    if (mask != LL_NO_NODE) scores = ll_graph_add(graph, scores, mask);
    ll_node weights = ll_layer_softmax(graph, scores, rank_of(graph, scores) - 1);
    return ll_graph_matmul(graph, weights, v, false, false);
}

ll_node ll_layer_self_attention(ll_graph *graph, ll_node x, int64_t heads, ll_node in_weight, ll_node in_bias,
                                ll_node out_weight, ll_node out_bias)
{
    const ll_graph_node *input = node_of(graph, x), *projection = node_of(graph, in_weight);
    if (input->rank != 3 || projection->rank != 2 || heads <= 0 || projection->shape[0] % (3 * heads) != 0) {
        return ll_graph_refuse(
            graph, LL_SHAPE, "self-attention",
            "got x of rank %d, a projection of rank %d with %lld rows for %lld heads; wanted [N, T, D], "
            "[3 heads d, D]",
            input->rank, projection->rank, (long long)projection->shape[0], (long long)heads);
    }
    int64_t samples = input->shape[0], tokens = input->shape[1], width = projection->shape[0] / (3 * heads);
    ll_node joined = ll_layer_linear(graph, x, in_weight, in_bias);
    /* [N, T, 3 h d] -> [N, T, 3, h, d] -> [3, N, h, T, d] */
    joined = ll_graph_reshape(graph, joined, (int64_t[]){samples, tokens, 3, heads, width}, 5);
    joined = ll_graph_transpose(graph, joined, (int[]){2, 0, 3, 1, 4});
    ll_node part[3];
    for (int i = 0; i < 3; i++)
        part[i] = ll_graph_squeeze(graph, ll_graph_slice_axis(graph, joined, 0, i, 1), LL_AXIS(0));
    ll_node y = ll_layer_attention(graph, part[0], part[1], part[2], LL_NO_NODE);
    y = ll_graph_transpose(graph, y, (int[]){0, 2, 1, 3});
    y = ll_graph_reshape(graph, y, (int64_t[]){samples, tokens, heads * width}, 3);
    return out_weight == LL_NO_NODE ? y : ll_layer_linear(graph, y, out_weight, out_bias);
}

ll_node ll_layer_dropout(ll_graph *graph, ll_node x, double p, const char *name)
{
    const ll_graph_node *input = node_of(graph, x);
    if (p <= 0.0) return x;
    if (p >= 1.0) return ll_graph_full_like(graph, x, 0.0);
    int rank = input->rank;
    ll_dtype dtype = input->dtype;
    int64_t shape[LL_GRAPH_RANK], elements = 1;
    memcpy(shape, input->shape, sizeof shape);
    for (int axis = 1; axis < rank; axis++) elements *= shape[axis];
    if (rank < 1 || shape[0] != LL_SAMPLES) {
        return ll_graph_refuse(graph, LL_SHAPE, "dropout", "%s: the first axis must be the sample axis",
                               name);
    }
    /* counter = sample number * elements of a sample + position */
    ll_node sample = ll_graph_multiply(graph, ll_graph_sample_index(graph),
                                       ll_graph_scalar(graph, LL_I64, (double)elements));
    ll_node counter = ll_graph_add(graph, ll_graph_expand(graph, sample, LL_AXIS(1)),
                                   ll_graph_iota(graph, LL_I64, elements));
    counter = ll_graph_reshape(graph, counter, shape, rank);
    ll_hash hash = ll_hash_bytes(name, strlen(name));
    ll_node draw = ll_graph_random(graph, dtype, hash.low,
                                   ll_graph_broadcast_to(graph, ll_graph_seed(graph), shape, rank), counter);
    ll_node kept = ll_graph_less(graph, draw, ll_graph_full_like(graph, x, 1.0 - p));
    ll_node scaled = ll_graph_multiply_scalar(graph, x, 1.0 / (1.0 - p));
    return ll_graph_select(graph, kept, scaled, ll_graph_full_like(graph, x, 0.0));
}

/* ---------------------------------------------------------------- losses */

static ll_node sum_per_sample(ll_graph *graph, ll_node x)
{
    int rank = rank_of(graph, x);
    return rank <= 1 ? x : ll_graph_sum(graph, x, axes_between(1, rank));
}

/* Class axis last: [N, C, S..] -> [N, S.., C]. */
static ll_node classes_last(ll_graph *graph, ll_node x)
{
    int rank = rank_of(graph, x), permutation[LL_GRAPH_RANK] = {0};
    if (rank <= 2) return x;
    for (int axis = 2; axis < rank; axis++) permutation[axis - 1] = axis;
    permutation[rank - 1] = 1;
    return ll_graph_transpose(graph, x, permutation);
}

static ll_node likelihood_loss(ll_graph *graph, ll_node log_probabilities, ll_node labels, double smoothing,
                               ll_node class_weights, int64_t ignore_label, ll_node *weight)
{
    ll_node scores = classes_last(graph, log_probabilities);
    const ll_graph_node *node = node_of(graph, scores);
    if (node->rank < 2) {
        return ll_graph_refuse(graph, LL_SHAPE, "cross-entropy",
                               "got scores of rank %d; wanted [N, C] or more", node->rank);
    }
    int rank = node->rank;
    int64_t classes = node->shape[rank - 1];
    ll_dtype dtype = node->dtype;
    /* A gather outside the range reads 0, which gives an ignored label no loss; its weight is masked below. */
    ll_node chosen = ll_graph_gather(graph, scores, labels, rank - 1);
    ll_node one = ll_graph_full_like(graph, chosen, 1.0);
    ll_node counted = LL_NO_NODE;
    if (ignore_label != INT64_MIN) {
        ll_node ignore = ll_graph_scalar(graph, type_of(graph, labels), (double)ignore_label);
        counted = ll_graph_cast(graph, ll_graph_not(graph, ll_graph_equal(graph, labels, ignore)), dtype);
    }
    ll_node label_weight =
        class_weights == LL_NO_NODE ? one : ll_graph_gather(graph, class_weights, labels, 0);
    if (counted != LL_NO_NODE) label_weight = ll_graph_multiply(graph, label_weight, counted);
    ll_node loss = ll_graph_negate(graph, ll_graph_multiply(graph, chosen, label_weight));
    if (smoothing > 0.0) {
        ll_node weighted =
            class_weights == LL_NO_NODE ? scores : ll_graph_multiply(graph, scores, class_weights);
        ll_node all = ll_graph_negate(graph, ll_graph_sum(graph, weighted, LL_AXIS(rank - 1)));
        if (counted != LL_NO_NODE) all = ll_graph_multiply(graph, all, counted);
        loss = ll_graph_add(graph, ll_graph_multiply_scalar(graph, loss, 1.0 - smoothing),
                            ll_graph_multiply_scalar(graph, all, smoothing / (double)classes));
    }
    if (weight != NULL) *weight = sum_per_sample(graph, label_weight);
    return sum_per_sample(graph, loss);
}

ll_node ll_loss_cross_entropy(ll_graph *graph, ll_node scores, ll_node labels, double label_smoothing,
                              ll_node class_weights, int64_t ignore_label, ll_node *weight)
{
    return likelihood_loss(graph, ll_layer_log_softmax(graph, scores, 1), labels, label_smoothing,
                           class_weights, ignore_label, weight);
}

ll_node ll_loss_negative_log_likelihood(ll_graph *graph, ll_node log_probabilities, ll_node labels,
                                        ll_node class_weights, int64_t ignore_label, ll_node *weight)
{
    return likelihood_loss(graph, log_probabilities, labels, 0.0, class_weights, ignore_label, weight);
}

static ll_node mean_per_sample(ll_graph *graph, ll_node x)
{
    return rank_of(graph, x) <= 1 ? x : mean_over(graph, x, axes_between(1, rank_of(graph, x)));
}

ll_node ll_loss_mean_squared(ll_graph *graph, ll_node prediction, ll_node target)
{
    ll_node difference = ll_graph_subtract(graph, prediction, target);
    return mean_per_sample(graph, ll_graph_multiply(graph, difference, difference));
}

ll_node ll_loss_huber(ll_graph *graph, ll_node prediction, ll_node target, double delta)
{
    ll_node difference = ll_graph_subtract(graph, prediction, target);
    ll_node size = ll_graph_abs(graph, difference), limit = ll_graph_full_like(graph, size, delta);
    ll_node square = ll_graph_multiply_scalar(graph, ll_graph_multiply(graph, difference, difference), 0.5);
    ll_node line = ll_graph_multiply_scalar(graph, ll_graph_add_scalar(graph, size, -0.5 * delta), delta);
    return mean_per_sample(graph,
                           ll_graph_select(graph, ll_graph_less_equal(graph, size, limit), square, line));
}

/* softplus(x) - x y */
ll_node ll_loss_binary_cross_entropy(ll_graph *graph, ll_node logits, ll_node target)
{
    ll_node loss =
        ll_graph_subtract(graph, ll_layer_softplus(graph, logits), ll_graph_multiply(graph, logits, target));
    return mean_per_sample(graph, loss);
}
