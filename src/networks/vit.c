/* Vision transformer (Dosovitskiy et al. 2021). Names of tensors as in timm; docs/checkpoints.md lists how other
 * code names them. */
#include "builder.h"

#include <stdio.h>
#include <string.h>

static const option_row rows[] = {
    {"patch", OPTION_INTEGER, "4", NULL, "side of a patch in pixels"},
    {"dim", OPTION_INTEGER, "192", NULL, "width of a token"},
    {"depth", OPTION_INTEGER, "6", NULL, "number of encoder blocks"},
    {"heads", OPTION_INTEGER, "8", NULL, "attention heads"},
    {"dim_head", OPTION_INTEGER, "0", NULL, "width of a head; 0: dim / heads"},
    {"mlp", OPTION_INTEGER, "0", NULL, "width of the hidden layer of a block; 0: 2 dim"},
    {"norm", OPTION_CHOICE, "pre", "pre|post", "layer norm before or behind each half of a block"},
    {"pool", OPTION_CHOICE, "cls", "cls|mean", "class token, or the mean of the tokens"},
    {"activation", OPTION_CHOICE, "gelu", "gelu|gelu_tanh|relu", "of the hidden layers"},
    {"embedding", OPTION_CHOICE, "convolution", "convolution|linear|normed",
     "patches as a strided convolution; as a linear layer of (row, column, channel); or that between two "
     "layer norms"},
    {"qkv_bias", OPTION_CHOICE, "yes", "yes|no", "bias of the joint projection"},
    {"projection", OPTION_CHOICE, "yes", "yes|no", "output projection of the attention"},
    {"head_norm", OPTION_CHOICE, "yes", "yes|no", "layer norm before the classifier"},
    {"dropout", OPTION_REAL, "0", NULL, "in training"},
    {"epsilon", OPTION_REAL, "1e-5", NULL, "of the layer norms"},
    {NULL, OPTION_INTEGER, NULL, NULL, NULL},
};

static bool answers(const char *name) { return strcmp(name, "vit") == 0; }

static ll_node norm(builder *b, const char *block, const char *part, ll_node x)
{
    char name[LL_NAME_BYTES];
    return ll_builder_layer_norm(b, ll_join(name, block, part), x, ll_option_real(b, "epsilon"));
}

static ll_node linear(builder *b, const char *block, const char *part, ll_node x, int64_t outputs, bool bias)
{
    char name[LL_NAME_BYTES];
    return ll_builder_linear(b, ll_join(name, block, part), x, outputs, bias);
}

static ll_node dropped(builder *b, const char *block, const char *part, ll_node x)
{
    char name[LL_NAME_BYTES];
    double p = ll_option_real(b, "dropout");
    return b->training && p > 0.0 ? ll_layer_dropout(b->graph, x, p, ll_join(name, block, part)) : x;
}

/* Image [N, C, H, W] -> tokens [N, T, dim]. */
static ll_node tokens(builder *b, ll_node x, int64_t patch, int64_t dim)
{
    int64_t rows_of_patches = ll_extent(b, x, 2) / patch, columns = ll_extent(b, x, 3) / patch,
            channels = ll_extent(b, x, 1);
    if (ll_option_is(b, "embedding", "convolution")) {
        ll_node y =
            ll_builder_conv(b, "patch_embed.proj", x,
                            (conv_options){.channels = dim, .kernel = patch, .stride = patch, .bias = true});
        y = ll_graph_reshape(b->graph, y, (int64_t[]){LL_SAMPLES, dim, rows_of_patches * columns}, 3);
        return ll_graph_transpose(b->graph, y, (int[]){0, 2, 1});
    }
    ll_node y = ll_graph_reshape(
        b->graph, x, (int64_t[]){LL_SAMPLES, channels, rows_of_patches, patch, columns, patch}, 6);
    y = ll_graph_transpose(b->graph, y, (int[]){0, 2, 4, 3, 5, 1});
    y = ll_graph_reshape(b->graph, y,
                         (int64_t[]){LL_SAMPLES, rows_of_patches * columns, patch * patch * channels}, 3);
    bool normed = ll_option_is(b, "embedding", "normed");
    if (normed) y = norm(b, "patch_embed", "norm_in", y);
    y = linear(b, "patch_embed", "proj", y, dim, true);
    return normed ? norm(b, "patch_embed", "norm_out", y) : y;
}

static ll_node attention(builder *b, const char *block, ll_node x, int64_t heads, int64_t dim_head)
{
    char weight[LL_NAME_BYTES], bias[LL_NAME_BYTES];
    int64_t dim = ll_extent(b, x, 2), inner = heads * dim_head;
    bool biased = ll_option_is(b, "qkv_bias", "yes"), projected = ll_option_is(b, "projection", "yes");
    parameter_draw draw = {LL_INIT_TRUNCATED_NORMAL, 0.02}, zero = {LL_INIT_ZEROS, 0.0};
    ll_node in_weight = ll_builder_parameter(b, ll_join(weight, block, "attn.qkv.weight"), LL_ROLE_LINEAR, 0,
                                             draw, (int64_t[]){3 * inner, dim}, 2);
    ll_node in_bias = !biased ? LL_NO_NODE
                              : ll_builder_parameter(b, ll_join(bias, block, "attn.qkv.bias"), LL_ROLE_BIAS,
                                                     -1, zero, (int64_t[]){3 * inner}, 1);
    ll_node y = ll_layer_self_attention(b->graph, x, heads, in_weight, in_bias, LL_NO_NODE, LL_NO_NODE);
    return projected ? linear(b, block, "attn.proj", y, dim, true) : y;
}

static ll_node hidden(builder *b, const char *block, ll_node x, int64_t width)
{
    int64_t dim = ll_extent(b, x, 2);
    ll_node y = ll_builder_activation(b, ll_option_text(b, "activation"),
                                      linear(b, block, "mlp.fc1", x, width, true));
    return linear(b, block, "mlp.fc2", dropped(b, block, "mlp.drop", y), dim, true);
}

static ll_node encoder_block(builder *b, const char *name, ll_node x, int64_t heads, int64_t dim_head,
                             int64_t width)
{
    ll_node y;
    if (ll_option_is(b, "norm", "pre")) {
        y = ll_graph_add(
            b->graph, x,
            dropped(b, name, "attn.drop", attention(b, name, norm(b, name, "norm1", x), heads, dim_head)));
        y = ll_graph_add(b->graph, y,
                         dropped(b, name, "drop", hidden(b, name, norm(b, name, "norm2", y), width)));
    } else {
        y = norm(
            b, name, "norm1",
            ll_graph_add(b->graph, x, dropped(b, name, "attn.drop", attention(b, name, x, heads, dim_head))));
        y = norm(b, name, "norm2",
                 ll_graph_add(b->graph, y, dropped(b, name, "drop", hidden(b, name, y, width))));
    }
    ll_builder_layer(b, name, y);
    return y;
}

static ll_node forward(builder *b, ll_node x)
{
    int64_t patch = ll_option_integer(b, "patch"), dim = ll_option_integer(b, "dim"),
            heads = ll_option_integer(b, "heads");
    int64_t dim_head = ll_option_integer(b, "dim_head"), mlp = ll_option_integer(b, "mlp");
    if (patch < 1 || dim < 1 || heads < 1 || ll_extent(b, x, 2) % patch != 0 ||
        ll_extent(b, x, 3) % patch != 0 || (dim_head == 0 && dim % heads != 0)) {
        return ll_graph_refuse(b->graph, LL_INVALID_ARGUMENT, "vit",
                               "got patch %lld, dim %lld, heads %lld for images of %lld x %lld; wanted a "
                               "patch that divides the image "
                               "and heads that divide dim (or dim_head)",
                               (long long)patch, (long long)dim, (long long)heads,
                               (long long)ll_extent(b, x, 2), (long long)ll_extent(b, x, 3));
    }
    if (dim_head == 0) dim_head = dim / heads;
    if (mlp == 0) mlp = 2 * dim;
    bool class_token = ll_option_is(b, "pool", "cls");
    parameter_draw draw = {LL_INIT_TRUNCATED_NORMAL, 0.02};
    ll_node y = tokens(b, x, patch, dim);
    if (class_token) {
        ll_node token =
            ll_builder_parameter(b, "cls_token", LL_ROLE_EMBEDDING, -1, draw, (int64_t[]){1, 1, dim}, 3);
        token = ll_graph_broadcast_to(b->graph, token, (int64_t[]){LL_SAMPLES, 1, dim}, 3);
        y = ll_graph_concatenate(b->graph, (ll_node[]){token, y}, 2, 1);
    }
    ll_node position = ll_builder_parameter(b, "pos_embed", LL_ROLE_EMBEDDING, -1, draw,
                                            (int64_t[]){1, ll_extent(b, y, 1), dim}, 3);
    y = dropped(b, "", "pos_drop", ll_graph_add(b->graph, y, position));
    ll_builder_layer(b, "embedding", y);
    for (int64_t i = 0; i < ll_option_integer(b, "depth"); i++) {
        char name[LL_NAME_BYTES];
        snprintf(name, sizeof name, "blocks.%lld", (long long)i);
        y = encoder_block(b, name, y, heads, dim_head, mlp);
    }
    if (class_token) {
        y = ll_graph_squeeze(b->graph, ll_graph_slice_axis(b->graph, y, 1, 0, 1), LL_AXIS(1));
    } else {
        y = ll_graph_multiply_scalar(b->graph, ll_graph_sum(b->graph, y, LL_AXIS(1)),
                                     1.0 / (double)ll_max_int64(1, ll_extent(b, y, 1)));
    }
    if (ll_option_is(b, "head_norm", "yes")) y = norm(b, "", "norm", y);
    ll_builder_layer(b, "pooled", y);
    return ll_builder_linear(b, "head", y, b->options->classes, true);
}

const architecture ll_architecture_vit = {"vit", "vision transformer, pre- or post-norm", rows, answers,
                                          forward};
