/* losslens/networks_composites.h - the usual layers and losses, written in graph primitives.
 *
 * Every function appends nodes and returns a handle, under the rules of losslens/graph.h: errors stick in the
 * graph, LL_NO_NODE in gives LL_NO_NODE out, so derivatives of any order and model batching come for free.
 * Shapes: N is the sample axis; C channels; S.. one to three spatial axes. LL_NO_NODE for an optional operand
 * means it is absent. Formulas follow PyTorch's layers of the same names, to which the tests compare.
 */
#ifndef LOSSLENS_NETWORKS_COMPOSITES_H
#define LOSSLENS_NETWORKS_COMPOSITES_H

#include "losslens/graph.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------- layers */

/* x [.., in], weight [out, in], bias [out] -> [.., out]. */
LL_API ll_node ll_layer_linear(ll_graph *graph, ll_node x, ll_node weight, ll_node bias);
/* x [N, C, S..], weight [O, C/groups, K..], bias [O]. */
LL_API ll_node ll_layer_convolution(ll_graph *graph, ll_node x, ll_node weight, ll_node bias,
                                    const ll_convolution *form);
/* x [N, C, S..], weight [C, O/groups, K..]: the adjoint of a convolution of that form, extents
 * (S-1) stride - pad_low - pad_high + dilation (K-1) + 1 + output_padding. */
LL_API ll_node ll_layer_transposed_convolution(ll_graph *graph, ll_node x, ll_node weight, ll_node bias,
                                               const ll_convolution *form, const int64_t *output_padding);
/* A form of `spatial` axes with the same stride, padding and dilation on each. */
LL_API ll_convolution ll_convolution_form(int spatial, int64_t stride, int64_t padding, int64_t dilation,
                                          int32_t groups);

/* Batch norm over [N, C, S..] or [N, C]; scale and shift may be absent. Evaluation: y = a x + b with a =
 * scale / sqrt(variance + epsilon), b = shift - mean a, which do not depend on the samples and can be folded.
 * Training: statistics of all samples of the evaluation (their number is sample_count, not the micro-batch);
 * *mean and *variance receive the batch's mean and unbiased variance, [C], for the running buffers. */
LL_API ll_node ll_layer_batch_norm(ll_graph *graph, ll_node x, ll_node scale, ll_node shift, ll_node mean,
                                   ll_node variance, double epsilon);
LL_API ll_node ll_layer_batch_norm_training(ll_graph *graph, ll_node x, ll_node scale, ll_node shift,
                                            double epsilon, ll_node *mean, ll_node *variance);
/* Over the last `axes` axes; scale and shift have their shape. */
LL_API ll_node ll_layer_layer_norm(ll_graph *graph, ll_node x, int axes, ll_node scale, ll_node shift,
                                   double epsilon);
/* x [N, C, S..]; C divisible by groups; scale and shift [C]. */
LL_API ll_node ll_layer_group_norm(ll_graph *graph, ll_node x, int64_t groups, ll_node scale, ll_node shift,
                                   double epsilon);

LL_API ll_node ll_layer_relu(ll_graph *graph, ll_node x);
LL_API ll_node ll_layer_leaky_relu(ll_graph *graph, ll_node x, double slope);
LL_API ll_node ll_layer_sigmoid(ll_graph *graph, ll_node x);
LL_API ll_node ll_layer_silu(ll_graph *graph, ll_node x);
LL_API ll_node ll_layer_softplus(ll_graph *graph, ll_node x); /* log(1 + e^x), no overflow */
LL_API ll_node ll_layer_gelu(ll_graph *graph, ll_node x);     /* x Phi(x), exact */
LL_API ll_node ll_layer_gelu_tanh(ll_graph *graph, ll_node x);
LL_API ll_node ll_layer_softmax(ll_graph *graph, ll_node x, int axis);
LL_API ll_node ll_layer_log_softmax(ll_graph *graph, ll_node x, int axis);

/* Max over windows of the last window->spatial axes; average with the padding counted or not. */
LL_API ll_node ll_layer_max_pool(ll_graph *graph, ll_node x, const ll_window *window);
LL_API ll_node ll_layer_average_pool(ll_graph *graph, ll_node x, const ll_window *window, bool count_padding);
LL_API ll_window ll_window_form(int spatial, int64_t size, int64_t stride, int64_t padding);
/* Mean over all axes from `first_axis` on, which disappear. */
LL_API ll_node ll_layer_mean(ll_graph *graph, ll_node x, int first_axis);

/* softmax(q k' / sqrt(d) + mask) v over the last two axes; q [.., T, d], k [.., U, d], v [.., U, e]. */
LL_API ll_node ll_layer_attention(ll_graph *graph, ll_node q, ll_node k, ll_node v, ll_node mask);
/* Self-attention of x [N, T, D]: q, k, v = x times the three thirds of in_weight [3 heads d, D] (+ in_bias), split
 * into heads, attended, joined, times out_weight [D, heads d] (+ out_bias). out_weight may be LL_NO_NODE. */
LL_API ll_node ll_layer_self_attention(ll_graph *graph, ll_node x, int64_t heads, ll_node in_weight,
                                       ll_node in_bias, ll_node out_weight, ll_node out_bias);

/* Inverted dropout: x kept with probability 1 - p and divided by it. The draw is keyed by the run's seed, `name`, the
 * sample's number in the data set and the position in the sample, so it does not depend on micro-batches. x
 * [N, constant..]. */
LL_API ll_node ll_layer_dropout(ll_graph *graph, ll_node x, double p, const char *name);

/* ---------------------------------------------------------------- losses, one value a sample: [N] */

/* Class scores [N, C] or [N, C, S..], labels integer [N] or [N, S..]. With spatial axes a sample's value is the sum
 * over its valid pixels. *weight ([N]) is what the sum of losses is to be divided by: the class weights (or ones)
 * of the valid labels, summed over pixels. Label smoothing as in PyTorch: (1-s) l_y + s/C sum_c l_c, each
 * weighted by its class's weight. Labels equal to ignore_label (INT64_MIN: none) count nothing. */
LL_API ll_node ll_loss_cross_entropy(ll_graph *graph, ll_node scores, ll_node labels, double label_smoothing,
                                     ll_node class_weights, int64_t ignore_label, ll_node *weight);
/* The same with log-probabilities as input, no smoothing. */
LL_API ll_node ll_loss_negative_log_likelihood(ll_graph *graph, ll_node log_probabilities, ll_node labels,
                                               ll_node class_weights, int64_t ignore_label, ll_node *weight);
/* Means over each sample's elements; prediction and target [N, ..] of one shape. */
LL_API ll_node ll_loss_mean_squared(ll_graph *graph, ll_node prediction, ll_node target);
LL_API ll_node ll_loss_huber(ll_graph *graph, ll_node prediction, ll_node target, double delta);
LL_API ll_node ll_loss_binary_cross_entropy(ll_graph *graph, ll_node logits, ll_node target);

#ifdef __cplusplus
}
#endif
#endif
