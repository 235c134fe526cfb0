/* U-Net (Ronneberger et al. 2015) with batch norm: `depth` levels, each two 3x3 convolutions, channels doubling; the
 * decoder up-samples and concatenates. Optionally a mean-field CRF layer at the end: five times Q = softmax(x),
 * x = unary + w G Q, G a separable Gaussian of 11 taps an axis whose own pixel is left out (Zheng et al. 2015,
 * convolutional form); w and the inverse width are trained. */
#include "builder.h"

#include <stdio.h>
#include <string.h>

static const option_row rows[] = {
    {"depth", OPTION_INTEGER, "5", NULL, "resolution levels"},
    {"width", OPTION_INTEGER, "32", NULL, "channels of the first level"},
    {"up", OPTION_CHOICE, "bilinear", "bilinear|nearest|transposed", "how the decoder up-samples"},
    {"concatenation", OPTION_CHOICE, "skip_first", "skip_first|up_first",
     "order of the encoder's and the up-sampled channels"},
    {"convolution_bias", OPTION_CHOICE, "no", "yes|no", "of the convolutions in front of a batch norm"},
    {"crf", OPTION_CHOICE, "no", "yes|no", "mean-field CRF layer"},
    {"crf_steps", OPTION_INTEGER, "5", NULL, "mean-field iterations"},
    {NULL, OPTION_INTEGER, NULL, NULL, NULL},
};

static bool answers(const char *name) { return strcmp(name, "unet") == 0; }

static ll_node double_conv(builder *b, const char *block, ll_node x, int64_t channels)
{
    char conv[LL_NAME_BYTES], norm[LL_NAME_BYTES];
    bool bias = ll_option_is(b, "convolution_bias", "yes");
    for (int i = 0; i < 2; i++) {
        snprintf(conv, sizeof conv, "%s.conv%d", block, i + 1);
        snprintf(norm, sizeof norm, "%s.bn%d", block, i + 1);
        x = ll_builder_conv(b, conv, x,
                            (conv_options){.channels = channels, .kernel = 3, .padding = 1, .bias = bias});
        x = ll_layer_relu(b->graph, ll_builder_batch_norm(b, norm, x));
    }
    ll_builder_layer(b, block, x);
    return x;
}

static ll_node upsampled(builder *b, const char *name, ll_node x, int64_t channels, const int64_t *size)
{
    if (!ll_option_is(b, "up", "transposed")) {
        bool nearest = ll_option_is(b, "up", "nearest");
        ll_node y = ll_graph_resize(b->graph, x, 2, size, nearest ? LL_RESIZE_NEAREST : LL_RESIZE_LINEAR,
                                    nearest ? LL_RESIZE_ASYMMETRIC : LL_RESIZE_HALF_PIXEL);
        return ll_builder_conv(b, name, y, (conv_options){.channels = channels, .kernel = 1, .bias = true});
    }
    char part[LL_NAME_BYTES];
    int64_t inputs = ll_extent(b, x, 1);
    parameter_draw draw = {LL_INIT_UNIFORM, 0.5 / (double)(channels > 0 ? channels : 1)};
    ll_node weight = ll_builder_parameter(b, ll_join(part, name, "weight"), LL_ROLE_FILTER, 1, draw,
                                          (int64_t[]){inputs, channels, 2, 2}, 4);
    ll_node bias = ll_builder_parameter(b, ll_join(part, name, "bias"), LL_ROLE_BIAS, -1, draw, &channels, 1);
    ll_convolution form = ll_convolution_form(2, 2, 0, 1, 1);
    return ll_layer_transposed_convolution(b->graph, x, weight, bias, &form, NULL);
}

enum { TAPS = 11 };

/* exp(-(theta d)^2 / 2) at d = -5 .. 5, with 0 for the own pixel, as a [1, 1, K, 1] or [1, 1, 1, K] kernel. */
static ll_node gaussian(builder *b, ll_node inverse_width, int axis)
{
    double squares[TAPS], others[TAPS];
    for (int i = 0; i < TAPS; i++) {
        double distance = i - TAPS / 2;
        squares[i] = -0.5 * distance * distance;
        others[i] = distance == 0.0 ? 0.0 : 1.0;
    }
    int64_t shape[4] = {1, 1, axis == 0 ? TAPS : 1, axis == 0 ? 1 : TAPS};
    ll_node exponent =
        ll_graph_cast(b->graph, ll_graph_constant(b->graph, LL_F64, shape, 4, squares), b->dtype);
    ll_node mask = ll_graph_cast(b->graph, ll_graph_constant(b->graph, LL_F64, shape, 4, others), b->dtype);
    ll_node scale = ll_graph_multiply(b->graph, inverse_width, inverse_width);
    ll_node kernel = ll_graph_exp(b->graph, ll_graph_multiply(b->graph, exponent, scale));
    return ll_graph_multiply(b->graph, kernel, mask);
}

static ll_node blurred(builder *b, ll_node q, ll_node kernel, int axis)
{
    ll_convolution form = ll_convolution_form(2, 1, 0, 1, 1);
    form.pad_low[axis] = form.pad_high[axis] = TAPS / 2;
    /* Each channel by itself: channels are moved into the sample axis, [N, C, H, W] -> [C N, 1, H, W]. */
    int64_t channels = ll_extent(b, q, 1), height = ll_extent(b, q, 2), width = ll_extent(b, q, 3);
    ll_node flat = ll_graph_reshape(b->graph, q, (int64_t[]){channels * LL_SAMPLES, 1, height, width}, 4);
    ll_node y = ll_graph_convolution(b->graph, flat, kernel, &form);
    return ll_graph_reshape(b->graph, y, (int64_t[]){LL_SAMPLES, channels, height, width}, 4);
}

static ll_node mean_field(builder *b, ll_node unary)
{
    parameter_draw one = {LL_INIT_ONES, 0.0};
    ll_node weight = ll_builder_parameter(b, "crf.weight", LL_ROLE_SCALAR, -1, one, NULL, 0);
    ll_node inverse_width = ll_builder_parameter(b, "crf.inverse_theta", LL_ROLE_SCALAR, -1, one, NULL, 0);
    ll_node vertical = gaussian(b, inverse_width, 0), horizontal = gaussian(b, inverse_width, 1);
    ll_node x = unary;
    for (int64_t step = 0; step < ll_option_integer(b, "crf_steps"); step++) {
        ll_node q = ll_layer_softmax(b->graph, x, 1);
        ll_node message = blurred(b, blurred(b, q, vertical, 0), horizontal, 1);
        x = ll_graph_add(b->graph, unary, ll_graph_multiply(b->graph, message, weight));
    }
    return x;
}

static ll_node forward(builder *b, ll_node x)
{
    enum { DEEPEST = 8 };
    int64_t depth = ll_option_integer(b, "depth"), width = ll_option_integer(b, "width");
    int64_t divisor = (int64_t)1 << (depth > 0 && depth <= DEEPEST ? depth - 1 : 0);
    if (depth < 2 || depth > DEEPEST || width < 1 || ll_extent(b, x, 2) % divisor != 0 ||
        ll_extent(b, x, 3) % divisor != 0) {
        return ll_graph_refuse(b->graph, LL_INVALID_ARGUMENT, "unet",
                               "got depth %lld, width %lld for images of %lld x %lld; wanted depth 2 to %d "
                               "and sides divisible by "
                               "2^(depth-1)",
                               (long long)depth, (long long)width, (long long)ll_extent(b, x, 2),
                               (long long)ll_extent(b, x, 3), DEEPEST);
    }
    ll_node skip[DEEPEST];
    ll_window half = ll_window_form(2, 2, 2, 0);
    char name[LL_NAME_BYTES];
    for (int64_t level = 0; level < depth; level++) {
        snprintf(name, sizeof name, "encoder.%lld", (long long)level);
        x = skip[level] =
            double_conv(b, name, level == 0 ? x : ll_layer_max_pool(b->graph, x, &half), width << level);
    }
    for (int64_t level = depth - 2; level >= 0; level--) {
        int64_t size[2] = {ll_extent(b, skip[level], 2), ll_extent(b, skip[level], 3)};
        snprintf(name, sizeof name, "up.%lld", (long long)(depth - 2 - level));
        x = upsampled(b, name, x, width << level, size);
        snprintf(name, sizeof name, "decoder.%lld", (long long)(depth - 2 - level));
        bool up_first = ll_option_is(b, "concatenation", "up_first");
        ll_node both[2] = {up_first ? x : skip[level], up_first ? skip[level] : x};
        x = double_conv(b, name, ll_graph_concatenate(b->graph, both, 2, 1), width << level);
    }
    x = ll_builder_conv(b, "head", x,
                        (conv_options){.channels = b->options->classes, .kernel = 1, .bias = true});
    return ll_option_is(b, "crf", "yes") ? mean_field(b, x) : x;
}

const architecture ll_architecture_unet = {
    "unet", "U-Net with batch norm, optionally with a mean-field CRF layer", rows, answers, forward};
