/* VGG (Simonyan and Zisserman 2015), names as in torchvision: features.<index>, classifier.<index>. */
#include "builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const option_row rows[] = {
    {"batch_norm", OPTION_CHOICE, "yes", "yes|no", "batch norm behind each convolution"},
    {"classifier", OPTION_CHOICE, "auto", "auto|imagenet|linear",
     "three linear layers of 4096, or one; auto: by the image size"},
    {"dropout", OPTION_REAL, "0.5", NULL, "of the imagenet classifier, in training"},
    {NULL, OPTION_INTEGER, NULL, NULL, NULL},
};

/* Channels; 0: max pooling. */
static const struct {
    int depth;
    int channels[24];
    int count;
} table[] = {
    {11, {64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0}, 13},
    {13, {64, 64, 0, 128, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0}, 15},
    {16, {64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0}, 18},
    {19, {64, 64, 0, 128, 128, 0, 256, 256, 256, 256, 0, 512, 512, 512, 512, 0, 512, 512, 512, 512, 0}, 21}};
enum { DEPTHS = sizeof table / sizeof *table };

static int find(const char *name)
{
    for (int i = 0; i < DEPTHS; i++) {
        char each[16];
        snprintf(each, sizeof each, "vgg%d", table[i].depth);
        if (strcmp(name, each) == 0) return i;
    }
    return -1;
}

static bool answers(const char *name) { return find(name) >= 0; }

static ll_node linear(builder *b, int index, ll_node x, int64_t outputs)
{
    char name[LL_NAME_BYTES];
    snprintf(name, sizeof name, "classifier.%d", index);
    return ll_builder_linear(b, name, x, outputs, true);
}

static ll_node dropped(builder *b, int index, ll_node x)
{
    char name[LL_NAME_BYTES];
    snprintf(name, sizeof name, "classifier.%d", index);
    return b->training ? ll_layer_dropout(b->graph, x, ll_option_real(b, "dropout"), name) : x;
}

static ll_node flatten(builder *b, ll_node x)
{
    return ll_graph_reshape(b->graph, x, (int64_t[]){LL_SAMPLES, LL_INFER}, 2);
}

static ll_node forward(builder *b, ll_node x)
{
    int which = find(b->options->network), index = 0;
    bool batch_norm = ll_option_is(b, "batch_norm", "yes"), small = ll_extent(b, x, 2) <= 64;
    ll_window pool = ll_window_form(2, 2, 2, 0);
    char name[LL_NAME_BYTES];
    for (int i = 0; i < table[which].count; i++) {
        if (table[which].channels[i] == 0) {
            x = ll_layer_max_pool(b->graph, x, &pool);
            index++;
            continue;
        }
        snprintf(name, sizeof name, "features.%d", index++);
        x = ll_builder_conv(
            b, name, x,
            (conv_options){.channels = table[which].channels[i], .kernel = 3, .padding = 1, .bias = true});
        if (batch_norm) {
            char norm[LL_NAME_BYTES];
            snprintf(norm, sizeof norm, "features.%d", index++);
            x = ll_builder_batch_norm(b, norm, x);
        }
        x = ll_layer_relu(b->graph, x);
        index++;
        ll_builder_layer(b, name, x);
    }
    if (ll_option_is(b, "classifier", "linear") || (ll_option_is(b, "classifier", "auto") && small)) {
        x = flatten(b, x);
        ll_builder_layer(b, "flattened", x);
        return ll_builder_linear(b, "classifier", x, b->options->classes, true);
    }
    /* torchvision pools adaptively to 7 x 7, which is the identity at 224 x 224. */
    if (ll_extent(b, x, 2) % 7 != 0 || ll_extent(b, x, 3) % 7 != 0) {
        return ll_graph_refuse(
            b->graph, LL_SHAPE, "vgg",
            "the imagenet classifier wants a last feature map of a multiple of 7, got %lld x %lld",
            (long long)ll_extent(b, x, 2), (long long)ll_extent(b, x, 3));
    }
    if (ll_extent(b, x, 2) > 7) {
        ll_window window = ll_window_form(2, ll_extent(b, x, 2) / 7, ll_extent(b, x, 2) / 7, 0);
        x = ll_layer_average_pool(b->graph, x, &window, true);
    }
    x = dropped(b, 2, ll_layer_relu(b->graph, linear(b, 0, flatten(b, x), 4096)));
    ll_builder_layer(b, "classifier.0", x);
    x = dropped(b, 5, ll_layer_relu(b->graph, linear(b, 3, x, 4096)));
    ll_builder_layer(b, "classifier.3", x);
    return linear(b, 6, x, b->options->classes);
}

const architecture ll_architecture_vgg = {"vgg11, vgg13, vgg16, vgg19", "VGG with or without batch norm",
                                          rows, answers, forward};
