/* Residual networks: the CIFAR family of depth 6n+2 (He et al. 2016, section 4.2) and the ImageNet family
 * (ResNet-18/34/50/101/152). Names of tensors as in torchvision. */
#include "builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static ll_node conv(builder *b, const char *block, const char *part, ll_node x, int64_t channels,
                    int64_t kernel, int64_t stride, bool bias)
{
    char name[LL_NAME_BYTES];
    return ll_builder_conv(
        b, ll_join(name, block, part), x,
        (conv_options){
            .channels = channels, .kernel = kernel, .stride = stride, .padding = kernel / 2, .bias = bias});
}

static ll_node norm(builder *b, const char *block, const char *part, ll_node x)
{
    char name[LL_NAME_BYTES];
    return ll_option_is(b, "batch_norm", "no") ? x : ll_builder_batch_norm(b, ll_join(name, block, part), x);
}

/* Shortcut option A: every second pixel, and zeros for the channels that are new, on both sides or at the end. */
static ll_node zero_padded(builder *b, ll_node x, int64_t channels, int64_t stride)
{
    int64_t start[4] = {0}, step[4] = {1, 1, stride, stride}, size[4] = {LL_SAMPLES, ll_extent(b, x, 1)};
    for (int axis = 2; axis < 4; axis++) size[axis] = (ll_extent(b, x, axis) + stride - 1) / stride;
    ll_node y = stride > 1 ? ll_graph_slice(b->graph, x, start, step, size) : x;
    int64_t missing = channels - size[1], before = ll_option_is(b, "padding", "end") ? 0 : missing / 2;
    if (missing <= 0) return y;
    int64_t low[4] = {0, before, 0, 0}, high[4] = {0, missing - before, 0, 0};
    return ll_graph_pad(b->graph, y, low, high, NULL, 0.0);
}

static ll_node projected(builder *b, const char *block, ll_node x, int64_t channels, int64_t stride)
{
    ll_node y = conv(b, block, "downsample.0", x, channels, 1, stride, ll_option_is(b, "batch_norm", "no"));
    return norm(b, block, "downsample.1", y);
}

static ll_node shortcut(builder *b, const char *block, ll_node x, int64_t channels, int64_t stride)
{
    bool changes = stride != 1 || ll_extent(b, x, 1) != channels;
    if (!changes) return x;
    return ll_option_is(b, "shortcut", "A") ? zero_padded(b, x, channels, stride)
                                            : projected(b, block, x, channels, stride);
}

static ll_node basic_block(builder *b, const char *name, ll_node x, int64_t width, int64_t stride)
{
    bool bias = ll_option_is(b, "batch_norm", "no");
    ll_node y = norm(b, name, "bn1", conv(b, name, "conv1", x, width, 3, stride, bias));
    y = ll_layer_relu(b->graph, y);
    y = norm(b, name, "bn2", conv(b, name, "conv2", y, width, 3, 1, bias));
    if (!ll_option_is(b, "shortcut", "none"))
        y = ll_graph_add(b->graph, y, shortcut(b, name, x, width, stride));
    y = ll_layer_relu(b->graph, y);
    ll_builder_layer(b, name, y);
    return y;
}

/* The stride lies on the 3x3 convolution, as in torchvision. */
static ll_node bottleneck(builder *b, const char *name, ll_node x, int64_t width, int64_t stride)
{
    bool bias = ll_option_is(b, "batch_norm", "no");
    ll_node y = ll_layer_relu(b->graph, norm(b, name, "bn1", conv(b, name, "conv1", x, width, 1, 1, bias)));
    y = ll_layer_relu(b->graph, norm(b, name, "bn2", conv(b, name, "conv2", y, width, 3, stride, bias)));
    y = norm(b, name, "bn3", conv(b, name, "conv3", y, 4 * width, 1, 1, bias));
    if (!ll_option_is(b, "shortcut", "none"))
        y = ll_graph_add(b->graph, y, shortcut(b, name, x, 4 * width, stride));
    y = ll_layer_relu(b->graph, y);
    ll_builder_layer(b, name, y);
    return y;
}

typedef ll_node (*block_function)(builder *, const char *, ll_node, int64_t, int64_t);

static ll_node stage(builder *b, int index, block_function block, ll_node x, int64_t blocks, int64_t width,
                     int64_t stride)
{
    char name[LL_NAME_BYTES];
    for (int64_t i = 0; i < blocks; i++) {
        snprintf(name, sizeof name, "layer%d.%lld", index, (long long)i);
        x = block(b, name, x, width, i == 0 ? stride : 1);
    }
    return x;
}

static ll_node head(builder *b, ll_node x)
{
    ll_node pooled = ll_layer_mean(b->graph, x, 2);
    ll_builder_layer(b, "pooled", pooled);
    return ll_builder_linear(b, "fc", pooled, b->options->classes, true);
}

/* "resnet20" -> 20; 0 if the name is not of that form. */
static int64_t depth_of(const char *name)
{
    char *end;
    if (strncmp(name, "resnet", 6) != 0) return 0;
    long long depth = strtoll(name + 6, &end, 10);
    return end != name + 6 && *end == 0 && depth > 0 && depth < 2000 ? depth : 0;
}

/* ---------------------------------------------------------------- CIFAR, 6n + 2 */

static const option_row cifar_rows[] = {
    {"depth", OPTION_INTEGER, "20", NULL, "6n + 2: 20, 32, 44, 56, 110"},
    {"shortcut", OPTION_CHOICE, "B", "A|B|none",
     "A: zero padding, B: 1x1 convolution, none: a plain network"},
    {"padding", OPTION_CHOICE, "both", "both|end", "where shortcut A puts the zero channels"},
    {"batch_norm", OPTION_CHOICE, "yes", "yes|no", "without it convolutions have a bias"},
    {"width", OPTION_INTEGER, "16", NULL, "channels of the first stage"},
    {NULL, OPTION_INTEGER, NULL, NULL, NULL},
};

static bool cifar_answers(const char *name)
{
    int64_t depth = depth_of(name);
    return strcmp(name, "resnet") == 0 || (depth > 0 && depth % 6 == 2 && depth != 50 && depth != 152);
}

static ll_node cifar_forward(builder *b, ll_node x)
{
    int64_t named = depth_of(b->options->network), depth = named > 0 ? named : ll_option_integer(b, "depth");
    int64_t width = ll_option_integer(b, "width"), blocks = (depth - 2) / 6;
    if (depth < 8 || depth % 6 != 2 || width < 1) {
        return ll_graph_refuse(b->graph, LL_INVALID_ARGUMENT, "resnet",
                               "got depth %lld, width %lld; wanted a depth of 6n + 2 from 8 on",
                               (long long)depth, (long long)width);
    }
    ll_node y = ll_layer_relu(
        b->graph,
        norm(b, "", "bn1", conv(b, "", "conv1", x, width, 3, 1, ll_option_is(b, "batch_norm", "no"))));
    ll_builder_layer(b, "conv1", y);
    for (int s = 0; s < 3; s++) y = stage(b, s + 1, basic_block, y, blocks, width << s, s == 0 ? 1 : 2);
    return head(b, y);
}

const architecture ll_architecture_cifar_resnet = {"resnet", "CIFAR residual network of depth 6n+2",
                                                   cifar_rows, cifar_answers, cifar_forward};

/* ---------------------------------------------------------------- ImageNet */

static const option_row rows[] = {
    {"shortcut", OPTION_CHOICE, "B", "A|B|none",
     "A: zero padding, B: 1x1 convolution, none: a plain network"},
    {"padding", OPTION_CHOICE, "both", "both|end", "where shortcut A puts the zero channels"},
    {"batch_norm", OPTION_CHOICE, "yes", "yes|no", "without it convolutions have a bias"},
    {"width", OPTION_INTEGER, "64", NULL, "channels of the first stage"},
    {"stem", OPTION_CHOICE, "auto", "auto|imagenet|cifar",
     "7x7 stride 2 and pooling, or 3x3; auto: by the image size"},
    {NULL, OPTION_INTEGER, NULL, NULL, NULL},
};

static const struct {
    int64_t depth, blocks[4];
    block_function block;
} table[] = {{18, {2, 2, 2, 2}, basic_block},
             {34, {3, 4, 6, 3}, basic_block},
             {50, {3, 4, 6, 3}, bottleneck},
             {101, {3, 4, 23, 3}, bottleneck},
             {152, {3, 8, 36, 3}, bottleneck}};
enum { DEPTHS = sizeof table / sizeof *table };

static bool answers(const char *name)
{
    for (int i = 0; i < DEPTHS; i++) {
        if (depth_of(name) == table[i].depth) return true;
    }
    return false;
}

static ll_node forward(builder *b, ll_node x)
{
    bool small =
        ll_option_is(b, "stem", "cifar") || (ll_option_is(b, "stem", "auto") && ll_extent(b, x, 2) <= 64);
    int64_t width = ll_option_integer(b, "width");
    ll_node y =
        conv(b, "", "conv1", x, width, small ? 3 : 7, small ? 1 : 2, ll_option_is(b, "batch_norm", "no"));
    y = ll_layer_relu(b->graph, norm(b, "", "bn1", y));
    if (!small) {
        ll_window window = ll_window_form(2, 3, 2, 1);
        y = ll_layer_max_pool(b->graph, y, &window);
    }
    ll_builder_layer(b, "conv1", y);
    for (int i = 0; i < DEPTHS; i++) {
        if (depth_of(b->options->network) != table[i].depth) continue;
        for (int s = 0; s < 4; s++)
            y = stage(b, s + 1, table[i].block, y, table[i].blocks[s], width << s, s == 0 ? 1 : 2);
    }
    return head(b, y);
}

const architecture ll_architecture_resnet = {"resnet18, resnet34, resnet50, resnet101, resnet152",
                                             "residual network as in torchvision", rows, answers, forward};
