/* The kinds of blocks and their options, named and with defaults as in PyTorch. */
#include "blocks.h"

#include <stdio.h>
#include <string.h>

/* ---------------------------------------------------------------- options */

static const ll_value *option(const block *it, const char *key)
{
    if (it->options == NULL || it->options->type == LL_VALUE_NULL) return NULL;
    return it->options->type == LL_VALUE_MAP ? ll_value_get(it->options, key) : NULL;
}

/* The option that a bare value stands for. */
static const ll_value *main_option(const block *it, const char *key)
{
    if (it->options == NULL || it->options->type == LL_VALUE_NULL) return NULL;
    return it->options->type == LL_VALUE_MAP ? ll_value_get(it->options, key) : it->options;
}

/* "classes" stands for the number of outputs. */
static bool take_count(const block *it, const ll_value *value, const char *key, int64_t least, int64_t *out)
{
    if (value != NULL && value->type == LL_VALUE_TEXT && strcmp(value->text, "classes") == 0) {
        *out = it->b->options->classes;
        return true;
    }
    ll_status status = ll_value_take_integer(value, key, least, 1 << 24, it->place, out, it->b->error);
    ll_block_failed(it->b, status);
    return status == LL_OK;
}

static bool take_needed(const block *it, const ll_value *value, const char *key, int64_t *out)
{
    if (value != NULL) return take_count(it, value, key, 1, out);
    ll_block_failed(it->b, ll_fail(it->b->error, LL_INVALID_FILE, "networks", it->place,
                                   "block %s (%s): the option %s is missing", it->name, it->kind, key));
    return false;
}

static bool take_flag(const block *it, const char *key, bool *out)
{
    ll_status status = ll_value_take_boolean(option(it, key), key, it->place, out, it->b->error);
    ll_block_failed(it->b, status);
    return status == LL_OK;
}

static bool take_real(const block *it, const ll_value *value, const char *key, double least, double most,
                      double *out)
{
    ll_status status = ll_value_take_real(value, key, least, most, it->place, out, it->b->error);
    ll_block_failed(it->b, status);
    return status == LL_OK;
}

/* One of `words`, whose index comes back; -1 after a failure. */
static int take_word(const block *it, const ll_value *value, const char *key, const char *const *words,
                     int count, int standard)
{
    const char *text = standard >= 0 ? words[standard] : NULL;
    ll_status status = ll_value_take_text(value, key, it->place, &text, it->b->error);
    if (status != LL_OK) {
        ll_block_failed(it->b, status);
        return -1;
    }
    for (int i = 0; text != NULL && i < count; i++) {
        if (strcmp(text, words[i]) == 0) return i;
    }
    ll_text known = {0};
    for (int i = 0; i < count; i++) ll_text_format(&known, "%s%s", i > 0 ? ", " : "", words[i]);
    const char *near = text != NULL ? ll_nearest_word(text, words, count) : NULL;
    const ll_value *at = value != NULL ? value : it->options;
    ll_block_failed(it->b, ll_fail(it->b->error, LL_INVALID_FILE, "networks", it->place,
                                   "line %d, column %d: '%s' is \"%s\"%s%s%s; wanted one of %s",
                                   at != NULL ? at->line : 0, at != NULL ? at->column : 0, key,
                                   text != NULL ? text : "", near != NULL ? "; did you mean \"" : "",
                                   near != NULL ? near : "", near != NULL ? "\"" : "",
                                   known.text != NULL ? known.text : ""));
    ll_text_deinit(&known);
    return -1;
}

static ll_node shown(const block *it, ll_node y)
{
    ll_builder_layer(it->b, it->name, y);
    return y;
}

/* ---------------------------------------------------------------- layers */

static ll_node conv(const block *it, ll_node x)
{
    conv_options o = {.stride = 1, .bias = true};
    int64_t groups = 1, dilation = 1;
    const ll_value *padding = option(it, "padding");
    if (!take_needed(it, option(it, "out_channels"), "out_channels", &o.channels) ||
        !take_needed(it, option(it, "kernel_size"), "kernel_size", &o.kernel) ||
        !take_count(it, option(it, "stride"), "stride", 1, &o.stride) ||
        !take_count(it, option(it, "dilation"), "dilation", 1, &dilation) ||
        !take_count(it, option(it, "groups"), "groups", 1, &groups) || !take_flag(it, "bias", &o.bias)) {
        return LL_NO_NODE;
    }
    if (padding != NULL && padding->type == LL_VALUE_TEXT && strcmp(padding->text, "same") == 0 &&
        o.stride == 1 && dilation * (o.kernel - 1) % 2 == 0) {
        o.padding = dilation * (o.kernel - 1) / 2;
    } else if (!take_count(it, padding, "padding", 0, &o.padding)) {
        return LL_NO_NODE;
    }
    o.groups = (int32_t)groups;
    o.dilation = dilation;
    if (ll_extent(it->b, x, 1) % groups != 0 || o.channels % groups != 0) {
        return ll_graph_refuse(it->b->graph, LL_SHAPE, it->name,
                               "got %lld groups for %lld -> %lld channels; wanted a divisor of both",
                               (long long)groups, (long long)ll_extent(it->b, x, 1), (long long)o.channels);
    }
    return shown(it, ll_builder_conv(it->b, it->name, x, o));
}

static ll_node linear(const block *it, ll_node x)
{
    int64_t outputs = 0;
    bool bias = true;
    if (!take_needed(it, main_option(it, "out_features"), "out_features", &outputs) ||
        !take_flag(it, "bias", &bias))
        return LL_NO_NODE;
    if (ll_rank_of(it->b, x) < 2)
        return ll_graph_refuse(it->b->graph, LL_SHAPE, it->name, "a linear layer needs [N, .., features]");
    return shown(it, ll_builder_linear(it->b, it->name, x, outputs, bias));
}

static ll_node norm(const block *it, ll_node x)
{
    static const char *const types[] = {"batch", "layer", "group"};
    double epsilon = 1e-5, momentum = 0.1;
    int64_t groups = 0;
    int type = take_word(it, main_option(it, "type"), "type", types, 3, 0);
    if (type < 0 || !take_real(it, option(it, "eps"), "eps", 0.0, 1.0, &epsilon) ||
        !take_real(it, option(it, "momentum"), "momentum", 0.0, 1.0, &momentum)) {
        return LL_NO_NODE;
    }
    if (type == 0) return ll_builder_batch_norm_as(it->b, it->name, x, epsilon, momentum);
    if (type == 1) return ll_builder_layer_norm(it->b, it->name, x, epsilon);
    if (!take_needed(it, option(it, "num_groups"), "num_groups", &groups)) return LL_NO_NODE;
    return ll_builder_group_norm(it->b, it->name, x, groups, epsilon);
}

static ll_node activation(const block *it, ll_node x)
{
    static const char *const types[] = {"relu", "gelu",    "gelu_tanh", "tanh",      "sin",
                                        "silu", "sigmoid", "softplus",  "leaky_relu"};
    enum { LEAKY = 8 };
    double slope = 0.01;
    int type = take_word(it, main_option(it, "type"), "type", types, LEAKY + 1, -1);
    if (type < 0 || !take_real(it, option(it, "negative_slope"), "negative_slope", -1e6, 1e6, &slope))
        return LL_NO_NODE;
    return type == LEAKY ? ll_layer_leaky_relu(it->b->graph, x, slope)
                         : ll_builder_activation(it->b, types[type], x);
}

static ll_node pool(const block *it, ll_node x)
{
    static const char *const types[] = {"max", "average", "global_average"};
    int64_t size = 2, stride = 0, padding = 0;
    bool counted = true;
    int type = take_word(it, main_option(it, "type"), "type", types, 3, 0),
        spatial = ll_rank_of(it->b, x) - 2;
    if (type < 0) return LL_NO_NODE;
    if (spatial < 1)
        return ll_graph_refuse(it->b->graph, LL_SHAPE, it->name, "pooling needs [N, C, S..], got rank %d",
                               spatial + 2);
    if (type == 2) return shown(it, ll_layer_mean(it->b->graph, x, 2));
    if (!take_count(it, option(it, "kernel_size"), "kernel_size", 1, &size)) return LL_NO_NODE;
    stride = size;
    if (!take_count(it, option(it, "stride"), "stride", 1, &stride) ||
        !take_count(it, option(it, "padding"), "padding", 0, &padding) ||
        !take_flag(it, "count_include_pad", &counted)) {
        return LL_NO_NODE;
    }
    ll_window window = ll_window_form(spatial, size, stride, padding);
    return type == 0 ? ll_layer_max_pool(it->b->graph, x, &window)
                     : ll_layer_average_pool(it->b->graph, x, &window, counted);
}

static ll_node dropout(const block *it, ll_node x)
{
    double p = 0.5;
    if (!take_real(it, main_option(it, "p"), "p", 0.0, 0.999, &p)) return LL_NO_NODE;
    return it->b->training && p > 0.0 ? ll_layer_dropout(it->b->graph, x, p, it->name) : x;
}

/* Self-attention of [N, T, D], tensors as in nn.MultiheadAttention. */
static ll_node attention(const block *it, ll_node x)
{
    char in_weight[LL_NAME_BYTES], in_bias[LL_NAME_BYTES], out[LL_NAME_BYTES];
    int64_t heads = 1, dim = ll_extent(it->b, x, 2);
    bool bias = true;
    if (!take_needed(it, main_option(it, "num_heads"), "num_heads", &heads) || !take_flag(it, "bias", &bias))
        return LL_NO_NODE;
    if (ll_rank_of(it->b, x) != 3 || dim % heads != 0) {
        return ll_graph_refuse(
            it->b->graph, LL_SHAPE, it->name,
            "got rank %d, width %lld for %lld heads; wanted [N, T, D] with heads that divide D",
            ll_rank_of(it->b, x), (long long)dim, (long long)heads);
    }
    parameter_draw draw = {LL_INIT_TRUNCATED_NORMAL, 0.02}, zero = {LL_INIT_ZEROS, 0.0};
    int64_t rows = 3 * dim;
    ll_node w = ll_builder_parameter(it->b, ll_join(in_weight, it->name, "in_proj_weight"), LL_ROLE_LINEAR, 0,
                                     draw, (int64_t[]){rows, dim}, 2);
    ll_node v = bias ? ll_builder_parameter(it->b, ll_join(in_bias, it->name, "in_proj_bias"), LL_ROLE_BIAS,
                                            -1, zero, &rows, 1)
                     : LL_NO_NODE;
    ll_node y = ll_layer_self_attention(it->b->graph, x, heads, w, v, LL_NO_NODE, LL_NO_NODE);
    return shown(it, ll_builder_linear(it->b, ll_join(out, it->name, "out_proj"), y, dim, bias));
}

/* A trained table added to [N, T, D]. */
static ll_node position(const block *it, ll_node x)
{
    char name[LL_NAME_BYTES];
    if (ll_rank_of(it->b, x) != 3)
        return ll_graph_refuse(it->b->graph, LL_SHAPE, it->name,
                               "positions are added to [N, T, D], got rank %d", ll_rank_of(it->b, x));
    int64_t shape[3] = {1, ll_extent(it->b, x, 1), ll_extent(it->b, x, 2)};
    ll_node table = ll_builder_parameter(it->b, ll_join(name, it->name, "weight"), LL_ROLE_EMBEDDING, -1,
                                         (parameter_draw){LL_INIT_TRUNCATED_NORMAL, 0.02}, shape, 3);
    return ll_graph_add(it->b->graph, x, table);
}

/* ---------------------------------------------------------------- shapes */

/* A list of whole numbers; the count, or -1. */
static int take_axes(const block *it, const char *key, int64_t least, int64_t *values)
{
    const ll_value *list = main_option(it, key);
    if (list == NULL || list->type != LL_VALUE_LIST || list->count < 1 || list->count >= LL_GRAPH_RANK) {
        ll_block_failed(it->b, ll_fail(it->b->error, LL_INVALID_FILE, "networks", it->place,
                                       "block %s (%s): '%s' must be a list of 1 to %d whole numbers",
                                       it->name, it->kind, key, LL_GRAPH_RANK - 1));
        return -1;
    }
    for (int64_t i = 0; i < list->count; i++) {
        if (!take_count(it, &list->items[i], key, least, &values[i])) return -1;
    }
    return (int)list->count;
}

static ll_node reshape(const block *it, ll_node x)
{
    int64_t shape[LL_GRAPH_RANK + 1] = {LL_SAMPLES}, values[LL_GRAPH_RANK];
    int count = take_axes(it, "shape", -1, values);
    for (int i = 0; i < count; i++) shape[i + 1] = values[i] == -1 ? LL_INFER : values[i];
    return count < 0 ? LL_NO_NODE : ll_graph_reshape(it->b->graph, x, shape, count + 1);
}

static ll_node permute(const block *it, ll_node x)
{
    int64_t values[LL_GRAPH_RANK];
    int permutation[LL_GRAPH_RANK], count = take_axes(it, "dims", 0, values), rank = ll_rank_of(it->b, x);
    uint32_t met = 0;
    if (count < 0) return LL_NO_NODE;
    for (int i = 0; i < count; i++) {
        if (values[i] < LL_GRAPH_RANK) met |= LL_AXIS(values[i]);
        permutation[i] = (int)values[i];
    }
    if (count != rank || met != LL_AXIS(rank) - 1 || values[0] != 0) {
        return ll_graph_refuse(it->b->graph, LL_SHAPE, it->name,
                               "wanted each of the %d axes once, the sample axis 0 first", rank);
    }
    return ll_graph_transpose(it->b->graph, x, permutation);
}

static ll_node flatten(const block *it, ll_node x)
{
    int64_t shape[LL_GRAPH_RANK], first = 1;
    if (!take_count(it, main_option(it, "start_dim"), "start_dim", 1, &first)) return LL_NO_NODE;
    if (first >= ll_rank_of(it->b, x))
        return ll_graph_refuse(it->b->graph, LL_SHAPE, it->name, "there is no axis %lld", (long long)first);
    shape[0] = LL_SAMPLES;
    for (int axis = 1; axis < first; axis++) shape[axis] = ll_extent(it->b, x, axis);
    shape[first] = LL_INFER;
    return ll_graph_reshape(it->b->graph, x, shape, (int)first + 1);
}

static ll_node mean(const block *it, ll_node x)
{
    int64_t axis = 1, extent;
    if (!take_needed(it, main_option(it, "dim"), "dim", &axis)) return LL_NO_NODE;
    if (axis >= ll_rank_of(it->b, x))
        return ll_graph_refuse(it->b->graph, LL_SHAPE, it->name, "there is no axis %lld", (long long)axis);
    extent = ll_max_int64(ll_extent(it->b, x, (int)axis), 1);
    return ll_graph_multiply_scalar(it->b->graph, ll_graph_sum(it->b->graph, x, LL_AXIS(axis)),
                                    1.0 / (double)extent);
}

static ll_node upsample(const block *it, ll_node x)
{
    static const char *const modes[] = {"nearest", "bilinear"};
    int64_t factor = 2, size[2];
    int mode = take_word(it, option(it, "mode"), "mode", modes, 2, 0);
    if (mode < 0 || !take_needed(it, main_option(it, "scale_factor"), "scale_factor", &factor))
        return LL_NO_NODE;
    if (ll_rank_of(it->b, x) != 4)
        return ll_graph_refuse(it->b->graph, LL_SHAPE, it->name,
                               "up-sampling needs [N, C, H, W], got rank %d", ll_rank_of(it->b, x));
    for (int axis = 0; axis < 2; axis++) {
        if (!ll_multiply_int64(ll_extent(it->b, x, axis + 2), factor, &size[axis]))
            return ll_graph_refuse(it->b->graph, LL_TOO_LARGE, it->name, "too large");
    }
    return ll_graph_resize(it->b->graph, x, 2, size, mode == 0 ? LL_RESIZE_NEAREST : LL_RESIZE_LINEAR,
                           mode == 0 ? LL_RESIZE_ASYMMETRIC : LL_RESIZE_HALF_PIXEL);
}

/* ---------------------------------------------------------------- blocks of blocks */

static ll_node sequential(const block *it, ll_node x)
{
    const ll_value *body = main_option(it, "body");
    if (body == NULL)
        return ll_block_failed(it->b, ll_fail(it->b->error, LL_INVALID_FILE, "networks", it->place,
                                              "block %s (%s): 'body' is missing", it->name, it->kind));
    return shown(it, ll_blocks_apply(it->b, it->place, body, it->name, "", x));
}

/* body(x) + shortcut(x); without a shortcut: body(x) + x. */
static ll_node residual(const block *it, ll_node x)
{
    const ll_value *body = main_option(it, "body"), *shortcut = option(it, "shortcut");
    if (body == NULL)
        return ll_block_failed(it->b, ll_fail(it->b->error, LL_INVALID_FILE, "networks", it->place,
                                              "block %s (%s): 'body' is missing", it->name, it->kind));
    ll_node y = ll_blocks_apply(it->b, it->place, body, it->name, "body", x);
    ll_node direct = shortcut != NULL && y != LL_NO_NODE
                         ? ll_blocks_apply(it->b, it->place, shortcut, it->name, "shortcut", x)
                         : x;
    if (y == LL_NO_NODE || direct == LL_NO_NODE) return LL_NO_NODE;
    bool same = ll_rank_of(it->b, y) == ll_rank_of(it->b, direct);
    for (int axis = 0; same && axis < ll_rank_of(it->b, y); axis++)
        same = ll_extent(it->b, y, axis) == ll_extent(it->b, direct, axis);
    if (!same) {
        return ll_graph_refuse(
            it->b->graph, LL_SHAPE, it->name,
            "body and shortcut have different shapes (%lld and %lld channels); a shortcut of a conv of "
            "kernel_size 1 can adapt it",
            (long long)ll_extent(it->b, y, 1), (long long)ll_extent(it->b, direct, 1));
    }
    return shown(it, ll_graph_add(it->b->graph, y, direct));
}

/* Branches beside each other, joined along an axis. */
static ll_node concat(const block *it, ll_node x)
{
    enum { MOST = 16 };
    const ll_value *branches = main_option(it, "branches");
    ll_node parts[MOST];
    int64_t axis = 1;
    if (branches == NULL || branches->type != LL_VALUE_LIST || branches->count < 1 ||
        branches->count > MOST) {
        return ll_block_failed(it->b, ll_fail(it->b->error, LL_INVALID_FILE, "networks", it->place,
                                              "block %s (%s): 'branches' must be 1 to %d lists of blocks",
                                              it->name, it->kind, MOST));
    }
    if (!take_count(it, option(it, "dim"), "dim", 1, &axis)) return LL_NO_NODE;
    for (int64_t i = 0; i < branches->count; i++) {
        char list[40];
        snprintf(list, sizeof list, "branches.%lld", (long long)i);
        parts[i] = ll_blocks_apply(it->b, it->place, &branches->items[i], it->name, list, x);
        if (parts[i] == LL_NO_NODE) return LL_NO_NODE;
        if (axis >= ll_rank_of(it->b, parts[i]))
            return ll_graph_refuse(it->b->graph, LL_SHAPE, it->name, "there is no axis %lld",
                                   (long long)axis);
    }
    return shown(it, ll_graph_concatenate(it->b->graph, parts, branches->count, (int)axis));
}

const block_kind ll_block_kinds[] = {
    {"conv", NULL, {"out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias"}, conv},
    {"linear", "out_features", {"out_features", "bias"}, linear},
    {"norm", "type", {"type", "eps", "momentum", "num_groups"}, norm},
    {"activation", "type", {"type", "negative_slope"}, activation},
    {"pool", "type", {"type", "kernel_size", "stride", "padding", "count_include_pad"}, pool},
    {"dropout", "p", {"p"}, dropout},
    {"attention", "num_heads", {"num_heads", "bias"}, attention},
    {"position", NULL, {NULL}, position},
    {"reshape", "shape", {"shape"}, reshape},
    {"permute", "dims", {"dims"}, permute},
    {"flatten", "start_dim", {"start_dim"}, flatten},
    {"mean", "dim", {"dim"}, mean},
    {"upsample", "scale_factor", {"scale_factor", "mode"}, upsample},
    {"sequential", "body", {"body"}, sequential},
    {"residual", "body", {"body", "shortcut"}, residual},
    {"concat", "branches", {"branches", "dim"}, concat},
};
const int64_t ll_block_kind_count = sizeof ll_block_kinds / sizeof *ll_block_kinds;
