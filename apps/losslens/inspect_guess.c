#include "inspect_guess.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The weights, their names without the prefix, and what all rules ask for. */
typedef struct weights {
    const ll_tensor_file *file;
    const char *path;
    size_t prefix;
    const ll_tensor *first_convolution, *last_linear, *last_convolution;
    int64_t convolutions, linears;
} weights;

static const char *name_of(const weights *w, const ll_tensor *tensor) { return tensor->name + w->prefix; }

static bool belongs(const weights *w, const ll_tensor *tensor)
{
    return !tensor->from_list &&
           strncmp(tensor->name, ll_tensor_file_weights_prefix(w->file), w->prefix) == 0;
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
        if (belongs(w, tensor) && tensor->rank == rank && strstr(name_of(w, tensor), part) != NULL)
            return tensor;
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

/* Lines of the description, in the words that `--config` and a study take. */
static void suggest(ll_guess *guess, const char *format, ...) LL_PRINTF(2, 3);
static void suggest(ll_guess *guess, const char *format, ...)
{
    size_t used = strlen(guess->network);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(guess->network + used, sizeof guess->network - used, format, arguments);
    va_end(arguments);
}

static void suggest_data(const weights *w, ll_guess *guess)
{
    long long channels = w->first_convolution != NULL ? (long long)w->first_convolution->shape[1] : 0;
    if (w->last_linear != NULL)
        suggest(guess, "# data: images of %lld channels in %lld classes\n", channels,
                (long long)w->last_linear->shape[0]);
}

static void suggest_residual(const weights *w, ll_guess *guess, long long depth, const char *shortcut,
                             bool norm, long long usual_width)
{
    long long width = (long long)w->first_convolution->shape[0];
    const char *remark = "";
    if (strcmp(shortcut, "A") == 0) {
        bool plain = strstr(w->path, "plain") != NULL || strstr(w->path, "no_skip") != NULL ||
                     strstr(w->path, "noshort") != NULL;
        shortcut = plain ? "none" : "A";
        remark = plain ? "   # by the file's name; A fits the weights as well"
                       : "   # or none: the weights cannot tell";
    }
    suggest(guess, "network: resnet%lld\noptions:\n  shortcut: %s%s\n", depth, shortcut, remark);
    if (!norm) suggest(guess, "  batch_norm: no\n");
    if (width != usual_width) suggest(guess, "  width: %lld\n", width);
    suggest_data(w, guess);
}

/* Names of another tradition, but 6n+1 convolutions of 3 x 3 from 16 to 64 channels and one linear layer
 * behind. */
static bool guess_residual_by_shapes(const weights *w, ll_guess *guess)
{
    int64_t three = 0, one = 0;
    for (int64_t i = 0; i < ll_tensor_file_count(w->file); i++) {
        const ll_tensor *tensor = ll_tensor_file_tensor(w->file, i);
        if (!belongs(w, tensor) || tensor->rank != 4) continue;
        three += tensor->shape[2] == 3 && tensor->shape[3] == 3;
        one += tensor->shape[2] == 1 && tensor->shape[3] == 1;
    }
    if (w->linears != 1 || three < 7 || three % 6 != 1 || three + one != w->convolutions ||
        w->first_convolution->shape[0] != 16 || w->last_linear->shape[1] != 64) {
        return false;
    }
    long long depth = (long long)three + 1;
    snprintf(guess->family, sizeof guess->family, "resnet");
    snprintf(guess->sentence, sizeof guess->sentence, "CIFAR ResNet-%lld (6n+2) by its shapes: shortcuts %s",
             depth,
             one > 0 ? "are 1x1 convolutions (option B)"
                     : "have no weights: option A, or none at all; names cannot tell");
    suggest_residual(w, guess, depth, one > 0 ? "B" : "A", any_name(w, "running_mean"), 16);
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
    snprintf(guess->family, sizeof guess->family, "resnet");
    if (blocks[3] == 0 && blocks[0] == blocks[1] && blocks[1] == blocks[2]) {
        long long depth = 6 * (long long)blocks[0] + 2;
        snprintf(guess->sentence, sizeof guess->sentence,
                 "CIFAR ResNet-%lld (6n+2, n = %lld)%s: shortcuts %s", depth, (long long)blocks[0],
                 norm ? "" : " without batch norm",
                 projection ? "are 1x1 convolutions (option B)"
                            : "have no weights: option A, or none at all; names cannot tell");
        suggest_residual(w, guess, depth, projection ? "B" : "A", norm, 16);
        return true;
    }
    if (blocks[3] == 0) return false;
    long long sum = (long long)(blocks[0] + blocks[1] + blocks[2] + blocks[3]),
              depth = (bottleneck ? 3 : 2) * sum + 2;
    snprintf(guess->sentence, sizeof guess->sentence,
             "ResNet-%lld (stages of %lld, %lld, %lld, %lld %s blocks)", depth, (long long)blocks[0],
             (long long)blocks[1], (long long)blocks[2], (long long)blocks[3],
             bottleneck ? "bottleneck" : "basic");
    suggest_residual(w, guess, depth, projection ? "B" : "A", norm, 64);
    if (w->first_convolution->shape[2] == 7)
        suggest(guess, "# 7x7 stem: for larger images, or add the option stem: imagenet\n");
    return true;
}

/* Heads are not in the weights: 64 a head is usual; a narrow network has 8, or the largest power of two that
 * divides. */
static long long usual_heads(long long inner)
{
    if (inner >= 256 && inner % 64 == 0) return inner / 64;
    long long heads = 8;
    while (heads > 1 && inner % heads != 0) heads /= 2;
    return heads;
}

static bool guess_transformer(const weights *w, ll_guess *guess)
{
    bool attention =
        any_name(w, "attn") || any_name(w, "attention") || any_name(w, "in_proj") || any_name(w, "to_qkv");
    bool position = any_name(w, "pos_embed") || any_name(w, "patch") || any_name(w, "position");
    if (!attention || !position) return false;
    bool lucidrains = any_name(w, "to_patch_embedding"), torch_encoder = any_name(w, "self_attn.in_proj");
    bool timm = any_name(w, "attn.qkv"), torchvision = any_name(w, "encoder_layer_");
    int64_t depth = count_numbered(w, "layers.");
    if (depth == 0) depth = count_numbered(w, "blocks.");
    if (depth == 0) depth = count_numbered(w, "encoder_layer_");
    const ll_tensor *query = find(w, "qkv", 2), *hidden = find(w, "fc1", 2), *patch = find(w, "patch", 4);
    if (query == NULL) query = find(w, "in_proj_weight", 2);
    if (patch == NULL) patch = find(w, "conv_proj", 4);
    if (hidden == NULL) hidden = find(w, "linear1", 2);
    if (hidden == NULL) hidden = find(w, "mlp.linear_1.weight", 2);
    if (hidden == NULL) hidden = find(w, "mlp.0.weight", 2);
    if (hidden == NULL) hidden = find(w, ".net.1.weight", 2);
    if (hidden == NULL) hidden = find(w, ".net.0.weight", 2);
    if (query == NULL || depth == 0) return false;
    long long width = (long long)query->shape[1], inner = (long long)query->shape[0] / 3;
    bool class_token = any_name(w, "cls") || any_name(w, "class_token");
    snprintf(guess->family, sizeof guess->family, "vit");
    snprintf(guess->sentence, sizeof guess->sentence,
             "vision transformer: %lld layers of width %lld, %s; the number of heads is not in the weights",
             (long long)depth, width, class_token ? "class token" : "no class token");
    suggest(guess, "network: vit\noptions:\n");
    if (patch != NULL) suggest(guess, "  patch: %lld\n", (long long)patch->shape[2]);
    /* A linear embedding of patches: 3 channels are usual. */
    const ll_tensor *linear_patch = patch == NULL ? find(w, "to_patch_embedding", 2) : NULL;
    for (long long side = 1; linear_patch != NULL && side <= 64; side++) {
        if (3 * side * side == (long long)linear_patch->shape[1])
            suggest(guess, "  patch: %lld   # for 3 channels\n", side);
    }
    if (linear_patch != NULL)
        suggest(guess, "  embedding: %s\n", any_name(w, "to_patch_embedding.3.") ? "normed" : "linear");
    suggest(guess, "  dim: %lld\n  depth: %lld\n  heads: %lld   # a guess: not in the weights\n", width,
            (long long)depth, usual_heads(inner));
    if (inner != width)
        suggest(guess, "  dim_head: %lld   # %lld / heads\n", inner / usual_heads(inner), inner);
    if (hidden != NULL) suggest(guess, "  mlp: %lld\n", (long long)hidden->shape[0]);
    if (!class_token) suggest(guess, "  pool: mean\n");
    bool biased = any_name(w, "qkv.bias") || any_name(w, "in_proj_bias");
    if (!biased) suggest(guess, "  qkv_bias: no\n");
    if (lucidrains && !any_name(w, "to_out")) suggest(guess, "  projection: no\n");
    if (lucidrains && !any_name(w, "mlp_head.0.") && !any_name(w, "transformer.norm."))
        suggest(guess, "  head_norm: no\n");
    if (torch_encoder && !timm && !torchvision)
        suggest(guess, "  norm: post   # nn.TransformerEncoderLayer's defaults: not in the weights\n  "
                       "activation: relu\n");
    if (timm || torchvision) suggest(guess, "  epsilon: 1e-6\n");
    if (w->last_linear != NULL)
        suggest(guess, "# data: images in %lld classes\n", (long long)w->last_linear->shape[0]);
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
    long long width = (long long)w->first_convolution->shape[0],
              outputs = (long long)w->last_convolution->shape[0], widest = width;
    for (int64_t i = 0; i < ll_tensor_file_count(w->file); i++) {
        const ll_tensor *tensor = ll_tensor_file_tensor(w->file, i);
        if (belongs(w, tensor) && tensor->rank == 4 && tensor->shape[0] > widest)
            widest = (long long)tensor->shape[0];
    }
    int depth = 1;
    while (width > 0 && (width << (depth - 1)) < widest) depth++;
    snprintf(guess->family, sizeof guess->family, "unet");
    snprintf(guess->sentence, sizeof guess->sentence,
             "U-Net: %lld convolutions, first width %lld, %lld output channels", (long long)w->convolutions,
             width, outputs);
    suggest(guess, "network: unet\noptions:\n  depth: %d\n  width: %lld\n", depth, width);
    const ll_tensor *rise = find(w, "up.0", 4);
    if (rise != NULL && rise->shape[2] == 2) suggest(guess, "  up: transposed\n");
    if (any_name(w, "crf.")) suggest(guess, "  crf: yes\n");
    if (outputs == 1) suggest(guess, "loss: bce\n");
    suggest(guess, "# data: images of %lld channels, %lld output channels a pixel\n",
            (long long)w->first_convolution->shape[1], outputs);
    return true;
}

static bool guess_vgg(const weights *w, ll_guess *guess)
{
    if (find(w, "features.", 4) == NULL || w->last_linear == NULL || w->convolutions < 8) return false;
    long long depth = (long long)w->convolutions + 3;
    bool norm = any_name(w, "running_mean");
    snprintf(guess->family, sizeof guess->family, "vgg");
    snprintf(guess->sentence, sizeof guess->sentence, "VGG-%lld%s", depth, norm ? " with batch norm" : "");
    suggest(guess, "network: vgg%lld\noptions:\n  batch_norm: %s\n  classifier: %s\n", depth,
            norm ? "yes" : "no", w->linears == 1 ? "linear" : "imagenet");
    suggest_data(w, guess);
    return true;
}

/* A whole pickled network of the convection family knows its coefficients. */
static bool suggest_physics(const ll_tensor_file *file, ll_guess *guess)
{
    static const char *const names[] = {"beta", "nu", "rho"};
    double value[3];
    for (int i = 0; i < 3; i++) {
        const ll_scalar *scalar = ll_tensor_file_find_scalar(file, names[i]);
        if (scalar == NULL || (scalar->type != LL_SCALAR_INTEGER && scalar->type != LL_SCALAR_REAL))
            return false;
        value[i] = scalar->real;
    }
    bool moves = value[0] != 0.0, diffuses = value[1] != 0.0, reacts = value[2] != 0.0;
    if ((!moves && !diffuses && !reacts) || (moves && reacts)) return false;
    suggest(guess, "problem: %s\n",
            reacts     ? diffuses ? "reaction-diffusion" : "reaction"
            : diffuses ? "convection-diffusion"
                       : "convection");
    for (int i = 0; i < 3; i++) {
        if (value[i] != 0.0) suggest(guess, "%s: %g\n", names[i], value[i]);
    }
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
    snprintf(guess->sentence, sizeof guess->sentence,
             "fully connected network %s; the activation is not in the weights", widths);
    if (suggest_physics(w->file, guess)) return true;
    suggest(guess,
            "network: mlp\noptions:\n  hidden: [%s]\n  activation: relu   # a guess: not in the weights\n",
            hidden);
    suggest(guess, "# data: %lld inputs, %lld outputs\n", (long long)inputs, (long long)last);
    return true;
}

/* The zoo's own: conv1, conv2 ... of 3 x 3, then fc1, fc2 ... */
static bool guess_cnn(const weights *w, ll_guess *guess)
{
    char channels[200] = "", hidden[200] = "";
    int64_t convolutions = 0, linears = 0;
    for (int64_t i = 0; i < ll_tensor_file_count(w->file); i++) {
        const ll_tensor *tensor = ll_tensor_file_tensor(w->file, i);
        char name[32];
        if (!belongs(w, tensor) || !ends_with(name_of(w, tensor), "weight") ||
            (tensor->rank != 4 && tensor->rank != 2))
            continue;
        bool convolution = tensor->rank == 4;
        snprintf(name, sizeof name, "%s%lld.weight", convolution ? "conv" : "fc",
                 (long long)(convolution ? ++convolutions : ++linears));
        if (strcmp(name, name_of(w, tensor)) != 0 ||
            (convolution && (tensor->shape[2] != 3 || tensor->shape[3] != 3)))
            return false;
        char *list = convolution ? channels : hidden;
        size_t used = strlen(list);
        if (tensor != w->last_linear)
            snprintf(list + used, sizeof channels - used, "%s%lld", used > 0 ? ", " : "",
                     (long long)tensor->shape[0]);
    }
    if (convolutions == 0 || linears < 2) return false;
    snprintf(guess->family, sizeof guess->family, "cnn");
    snprintf(guess->sentence, sizeof guess->sentence,
             "plain convolutional network: channels %s, then linear layers %s", channels, hidden);
    suggest(guess, "network: cnn\noptions:\n  channels: [%s]\n  hidden: [%s]\n", channels, hidden);
    if (any_name(w, "running_mean")) suggest(guess, "  batch_norm: yes\n");
    suggest_data(w, guess);
    return true;
}

void ll_guess_network(const ll_tensor_file *file, const char *path, ll_guess *guess)
{
    weights w = {.file = file, .path = path, .prefix = strlen(ll_tensor_file_weights_prefix(file))};
    *guess = (ll_guess){{0}, {0}, {0}};
    count_layers(&w);
    if (guess_transformer(&w, guess) || guess_residual(&w, guess) || guess_unet(&w, guess) ||
        guess_vgg(&w, guess) || guess_cnn(&w, guess) || guess_mlp(&w, guess)) {
        return;
    }
    if (w.convolutions > 0) {
        snprintf(guess->family, sizeof guess->family, "cnn");
        snprintf(guess->sentence, sizeof guess->sentence,
                 "convolutional network of %lld convolutions and %lld linear layers, none of the zoo: write "
                 "it as blocks",
                 (long long)w.convolutions, (long long)w.linears);
        return;
    }
    snprintf(guess->sentence, sizeof guess->sentence, "no network is recognised in the names and shapes");
}
