#include "inspect_guess.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The weights, their names without the prefix, and what all rules ask for. */
typedef struct weights {
    const ll_tensor_file *file;
    size_t prefix;
    const ll_tensor *first_convolution, *last_linear, *last_convolution;
    int64_t convolutions, linears;
} weights;

static const char *name_of(const weights *w, const ll_tensor *tensor) { return tensor->name + w->prefix; }

static bool belongs(const weights *w, const ll_tensor *tensor)
{
    return !tensor->from_list && strncmp(tensor->name, ll_tensor_file_weights_prefix(w->file), w->prefix) == 0;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

static bool any_name(const weights *w, const char *part)
{
    for (int64_t i = 0; i < ll_tensor_file_count(w->file); i++) {
        const ll_tensor *tensor = ll_tensor_file_tensor(w->file, i);
        if (belongs(w, tensor) && strstr(name_of(w, tensor), part) != NULL) return true;
    }
    return false;
}

static const ll_tensor *find(const weights *w, const char *part, int rank)
{
    for (int64_t i = 0; i < ll_tensor_file_count(w->file); i++) {
        const ll_tensor *tensor = ll_tensor_file_tensor(w->file, i);
        if (belongs(w, tensor) && tensor->rank == rank && strstr(name_of(w, tensor), part) != NULL) return tensor;
    }
    return NULL;
}

static void count_layers(weights *w)
{
    for (int64_t i = 0; i < ll_tensor_file_count(w->file); i++) {
        const ll_tensor *tensor = ll_tensor_file_tensor(w->file, i);
        if (!belongs(w, tensor) || !ends_with(name_of(w, tensor), "weight")) continue;
        if (tensor->rank == 4) {
            if (w->first_convolution == NULL) w->first_convolution = tensor;
            w->last_convolution = tensor;
            w->convolutions++;
        } else if (tensor->rank == 2) {
            w->last_linear = tensor;
            w->linears++;
        }
    }
}

/* Highest number behind `stem` among the names, plus one: "layer1." with layer1.0, layer1.1 gives 2. */
static int64_t count_numbered(const weights *w, const char *stem)
{
    int64_t highest = -1;
    for (int64_t i = 0; i < ll_tensor_file_count(w->file); i++) {
        const ll_tensor *tensor = ll_tensor_file_tensor(w->file, i);
        const char *at = belongs(w, tensor) ? strstr(name_of(w, tensor), stem) : NULL;
        char *end;
        if (at == NULL) continue;
        long long number = strtoll(at + strlen(stem), &end, 10);
        if (end != at + strlen(stem) && number > highest && number < 100000) highest = number;
    }
    return highest + 1;
}

/* Names of another tradition, but 6n+1 convolutions of 3 x 3 from 16 to 64 channels and one linear layer behind. */
static bool guess_residual_by_shapes(const weights *w, ll_guess *guess)
{
    int64_t three = 0, one = 0;
    for (int64_t i = 0; i < ll_tensor_file_count(w->file); i++) {
        const ll_tensor *tensor = ll_tensor_file_tensor(w->file, i);
        if (!belongs(w, tensor) || tensor->rank != 4) continue;
        three += tensor->shape[2] == 3 && tensor->shape[3] == 3;
        one += tensor->shape[2] == 1 && tensor->shape[3] == 1;
    }
    if (w->linears != 1 || three < 7 || three % 6 != 1 || three + one != w->convolutions || w->first_convolution->shape[0] != 16 ||
        w->last_linear->shape[1] != 64) {
        return false;
    }
    long long depth = (long long)three + 1;
    snprintf(guess->family, sizeof guess->family, "resnet");
    snprintf(guess->sentence, sizeof guess->sentence, "CIFAR ResNet-%lld (6n+2) by its shapes: shortcuts %s", depth,
             one > 0 ? "are 1x1 convolutions (option B)" : "have no weights: option A, or none at all; names cannot tell");
    snprintf(guess->network, sizeof guess->network, "network: resnet%lld\nshortcut: %s\nclasses: %lld\n", depth,
             one > 0 ? "B" : "A   # or none: the file cannot tell", (long long)w->last_linear->shape[0]);
    return true;
}

static bool guess_residual(const weights *w, ll_guess *guess)
{
    char stems[4][16];
    int64_t blocks[4];
    for (int stage = 0; stage < 4; stage++) {
        snprintf(stems[stage], sizeof stems[stage], "layer%d.", stage + 1);
        blocks[stage] = count_numbered(w, stems[stage]);
    }
    if (blocks[0] == 0 || w->convolutions < 4) return guess_residual_by_shapes(w, guess);
    bool projection = find(w, "shortcut", 4) != NULL || find(w, "downsample", 4) != NULL;
    bool norm = any_name(w, "running_mean"), bottleneck = any_name(w, ".conv3.");
    long long classes = w->last_linear != NULL ? (long long)w->last_linear->shape[0] : 0;
    snprintf(guess->family, sizeof guess->family, "resnet");
    if (blocks[3] == 0 && blocks[0] == blocks[1] && blocks[1] == blocks[2]) {
        long long depth = 6 * (long long)blocks[0] + 2;
        snprintf(guess->sentence, sizeof guess->sentence,
                 "CIFAR ResNet-%lld (6n+2, n = %lld)%s: shortcuts %s", depth, (long long)blocks[0], norm ? "" : " without batch norm",
                 projection ? "are 1x1 convolutions (option B)" : "have no weights: option A, or none at all; names cannot tell");
        snprintf(guess->network, sizeof guess->network, "network: resnet%lld\nshortcut: %s\nclasses: %lld\n", depth,
                 projection ? "B" : "A   # or none: the file cannot tell", classes);
        return true;
    }
    if (blocks[3] == 0) return false;
    long long sum = (long long)(blocks[0] + blocks[1] + blocks[2] + blocks[3]), depth = (bottleneck ? 3 : 2) * sum + 2;
    snprintf(guess->sentence, sizeof guess->sentence, "ResNet-%lld (stages of %lld, %lld, %lld, %lld %s blocks)", depth,
             (long long)blocks[0], (long long)blocks[1], (long long)blocks[2], (long long)blocks[3], bottleneck ? "bottleneck" : "basic");
    snprintf(guess->network, sizeof guess->network, "network: resnet%lld\nclasses: %lld\n", depth, classes);
    return true;
}

static bool guess_transformer(const weights *w, ll_guess *guess)
{
    bool attention = any_name(w, "attn") || any_name(w, "attention") || any_name(w, "in_proj") || any_name(w, "to_qkv");
    bool position = any_name(w, "pos_embed") || any_name(w, "patch") || any_name(w, "position");
    if (!attention || !position) return false;
    int64_t depth = count_numbered(w, "layers.");
    if (depth == 0) depth = count_numbered(w, "blocks.");
    if (depth == 0) depth = count_numbered(w, "encoder_layer_");
    const ll_tensor *query = find(w, "qkv", 2);
    if (query == NULL) query = find(w, "in_proj_weight", 2);
    long long width = query != NULL ? (long long)query->shape[1] : 0;
    const ll_tensor *patch = find(w, "patch", 4);
    long long classes = w->last_linear != NULL ? (long long)w->last_linear->shape[0] : 0;
    char patch_line[64] = "";
    if (patch != NULL) snprintf(patch_line, sizeof patch_line, "patch: %lld\n", (long long)patch->shape[2]);
    snprintf(guess->family, sizeof guess->family, "vit");
    snprintf(guess->sentence, sizeof guess->sentence,
             "vision transformer: %lld layers of width %lld, %s; the number of heads is not in the weights", (long long)depth, width,
             any_name(w, "cls") || any_name(w, "class_token") ? "class token" : "no class token");
    snprintf(guess->network, sizeof guess->network,
             "network: vit\n%sdim: %lld\ndepth: %lld\nheads: 8   # a guess: not in the weights\nclasses: %lld\n", patch_line, width,
             (long long)depth, classes);
    return true;
}

static bool guess_unet(const weights *w, ll_guess *guess)
{
    static const char *const down[] = {"down", "enc", "contract"}, *const up[] = {"up", "dec", "expan"};
    bool has_down = false, has_up = false;
    for (size_t i = 0; i < 3; i++) {
        has_down = has_down || find(w, down[i], 4) != NULL;
        has_up = has_up || find(w, up[i], 4) != NULL;
    }
    if (!has_down || !has_up || w->last_linear != NULL) return false;
    snprintf(guess->family, sizeof guess->family, "unet");
    snprintf(guess->sentence, sizeof guess->sentence, "U-Net: %lld convolutions, first width %lld, %lld output channels",
             (long long)w->convolutions, (long long)w->first_convolution->shape[0], (long long)w->last_convolution->shape[0]);
    snprintf(guess->network, sizeof guess->network, "network: unet\nwidth: %lld\nclasses: %lld\n",
             (long long)w->first_convolution->shape[0], (long long)w->last_convolution->shape[0]);
    return true;
}

static bool guess_vgg(const weights *w, ll_guess *guess)
{
    if (find(w, "features.", 4) == NULL || w->last_linear == NULL || w->convolutions < 8) return false;
    long long depth = (long long)w->convolutions + 3;
    bool norm = any_name(w, "running_mean");
    snprintf(guess->family, sizeof guess->family, "vgg");
    snprintf(guess->sentence, sizeof guess->sentence, "VGG-%lld%s", depth, norm ? " with batch norm" : "");
    snprintf(guess->network, sizeof guess->network, "network: vgg%lld\nbatch_norm: %s\nclasses: %lld\n", depth, norm ? "true" : "false",
             (long long)w->last_linear->shape[0]);
    return true;
}

static bool guess_mlp(const weights *w, ll_guess *guess)
{
    if (w->convolutions > 0 || w->linears < 1) return false;
    char widths[200] = "", hidden[200] = "";
    int64_t last = -1, inputs = 0;
    for (int64_t i = 0; i < ll_tensor_file_count(w->file); i++) {
        const ll_tensor *tensor = ll_tensor_file_tensor(w->file, i);
        if (!belongs(w, tensor) || tensor->rank != 2 || !ends_with(name_of(w, tensor), "weight")) continue;
        if (last >= 0 && tensor->shape[1] != last) return false; /* the layers do not chain */
        if (last < 0) {
            inputs = tensor->shape[1];
            snprintf(widths, sizeof widths, "%lld", (long long)inputs);
        } else {
            size_t used = strlen(hidden);
            snprintf(hidden + used, sizeof hidden - used, "%s%lld", used > 0 ? ", " : "", (long long)last);
        }
        last = tensor->shape[0];
        size_t used = strlen(widths);
        snprintf(widths + used, sizeof widths - used, "-%lld", (long long)last);
    }
    snprintf(guess->family, sizeof guess->family, "mlp");
    snprintf(guess->sentence, sizeof guess->sentence, "fully connected network %s; the activation is not in the weights", widths);
    snprintf(guess->network, sizeof guess->network, "network: mlp\ninputs: %lld\nhidden: [%s]\noutputs: %lld\n", (long long)inputs, hidden,
             (long long)last);
    return true;
}

void ll_guess_network(const ll_tensor_file *file, ll_guess *guess)
{
    weights w = {.file = file, .prefix = strlen(ll_tensor_file_weights_prefix(file))};
    *guess = (ll_guess){{0}, {0}, {0}};
    count_layers(&w);
    if (guess_transformer(&w, guess) || guess_residual(&w, guess) || guess_unet(&w, guess) || guess_vgg(&w, guess) ||
        guess_mlp(&w, guess)) {
        return;
    }
    if (w.convolutions > 0) {
        snprintf(guess->family, sizeof guess->family, "cnn");
        snprintf(guess->sentence, sizeof guess->sentence,
                 "convolutional network of %lld convolutions and %lld linear layers, none of the zoo: write it as blocks",
                 (long long)w.convolutions, (long long)w.linears);
        return;
    }
    snprintf(guess->sentence, sizeof guess->sentence, "no network is recognised in the names and shapes");
}
