#include "builder.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *ll_join(char *buffer, const char *prefix, const char *part)
{
    if (prefix[0] == 0) {
        snprintf(buffer, LL_NAME_BYTES, "%s", part);
    } else {
        snprintf(buffer, LL_NAME_BYTES, "%s.%s", prefix, part);
    }
    return buffer;
}

int ll_rank_of(const builder *b, ll_node x)
{
    const ll_graph_node *node = ll_graph_node_at(b->graph, x);
    return node != NULL ? node->rank : 0;
}

int64_t ll_extent(const builder *b, ll_node x, int axis)
{
    const ll_graph_node *node = ll_graph_node_at(b->graph, x);
    return node != NULL && axis < node->rank ? node->shape[axis] : 0;
}

/* PyTorch's default (kaiming_uniform with a = sqrt 5): uniform within 1/sqrt(fan_in), weights and biases alike;
 * He: N(0, 2 / fan_in), biases zero. */
static parameter_draw draw_weight(const builder *b, int64_t fan_in)
{
    double fan = fan_in > 0 ? (double)fan_in : 1.0;
    if (ll_option_is(b, "initialisation", "he")) return (parameter_draw){LL_INIT_NORMAL, sqrt(2.0 / fan)};
    return (parameter_draw){LL_INIT_UNIFORM, 1.0 / sqrt(fan)};
}

static parameter_draw draw_bias(const builder *b, int64_t fan_in)
{
    if (ll_option_is(b, "initialisation", "he")) return (parameter_draw){LL_INIT_ZEROS, 0.0};
    return draw_weight(b, fan_in);
}

ll_node ll_builder_conv(builder *b, const char *name, ll_node x, conv_options options)
{
    char full[LL_NAME_BYTES];
    int spatial = ll_rank_of(b, x) - 2;
    int32_t groups = options.groups > 0 ? options.groups : 1;
    int64_t inputs = ll_extent(b, x, 1) / groups;
    int64_t shape[5] = {options.channels, inputs, options.kernel, options.kernel, options.kernel};
    if (spatial < 1 || spatial > 3) {
        return ll_graph_refuse(b->graph, LL_SHAPE, name,
                               "a convolution needs an input of rank 3 to 5, got %d", spatial + 2);
    }
    int64_t fan_in = inputs;
    for (int axis = 0; axis < spatial; axis++) fan_in *= options.kernel;
    ll_node weight = ll_builder_parameter(b, ll_join(full, name, "weight"), LL_ROLE_FILTER, 0,
                                          draw_weight(b, fan_in), shape, spatial + 2);
    ll_node bias = LL_NO_NODE;
    if (options.bias) {
        bias = ll_builder_parameter(b, ll_join(full, name, "bias"), LL_ROLE_BIAS, -1, draw_bias(b, fan_in),
                                    &options.channels, 1);
        if (bias == LL_NO_NODE) return bias;
    }
    ll_convolution form =
        ll_convolution_form(spatial, options.stride > 0 ? options.stride : 1, options.padding,
                            options.dilation > 0 ? options.dilation : 1, groups);
    return ll_graph_name(b->graph, ll_layer_convolution(b->graph, x, weight, bias, &form), name);
}

ll_node ll_builder_linear(builder *b, const char *name, ll_node x, int64_t outputs, bool bias)
{
    char full[LL_NAME_BYTES];
    int64_t inputs = ll_extent(b, x, ll_rank_of(b, x) - 1);
    int64_t shape[2] = {outputs, inputs};
    ll_node weight = ll_builder_parameter(b, ll_join(full, name, "weight"), LL_ROLE_LINEAR, 0,
                                          draw_weight(b, inputs), shape, 2);
    ll_node shift = LL_NO_NODE;
    if (bias) {
        shift = ll_builder_parameter(b, ll_join(full, name, "bias"), LL_ROLE_BIAS, -1, draw_bias(b, inputs),
                                     &outputs, 1);
        if (shift == LL_NO_NODE) return shift;
    }
    return ll_graph_name(b->graph, ll_layer_linear(b->graph, x, weight, shift), name);
}

/* The buffer table's view is const; the builder owns it. */
static void set_batch_value(builder *b, ll_node buffer, ll_node value)
{
    for (int64_t i = 0; i < b->model->info.buffers; i++) {
        ll_model_buffer *entry = (ll_model_buffer *)(uintptr_t)&b->model->info.buffer[i];
        if (entry->node == buffer) entry->batch_value = value;
    }
}

ll_node ll_builder_batch_norm(builder *b, const char *name, ll_node x)
{
    return ll_builder_batch_norm_as(b, name, x, 1e-5, 0.1); /* PyTorch's */
}

ll_node ll_builder_batch_norm_as(builder *b, const char *name, ll_node x, double epsilon, double momentum)
{
    char full[LL_NAME_BYTES];
    int64_t channels = ll_extent(b, x, 1);
    ll_node scale = ll_builder_parameter(b, ll_join(full, name, "weight"), LL_ROLE_NORM, -1,
                                         (parameter_draw){LL_INIT_ONES, 0.0}, &channels, 1);
    ll_node shift = ll_builder_parameter(b, ll_join(full, name, "bias"), LL_ROLE_NORM, -1,
                                         (parameter_draw){LL_INIT_ZEROS, 0.0}, &channels, 1);
    ll_node mean = ll_builder_buffer(b, ll_join(full, name, "running_mean"), channels, 0.0, momentum);
    ll_node variance = ll_builder_buffer(b, ll_join(full, name, "running_var"), channels, 1.0, momentum);
    if (!b->training)
        return ll_graph_name(b->graph,
                             ll_layer_batch_norm(b->graph, x, scale, shift, mean, variance, epsilon), name);
    ll_node batch_mean = LL_NO_NODE, batch_variance = LL_NO_NODE;
    ll_node y =
        ll_layer_batch_norm_training(b->graph, x, scale, shift, epsilon, &batch_mean, &batch_variance);
    set_batch_value(b, mean, batch_mean);
    set_batch_value(b, variance, batch_variance);
    return y;
}

ll_node ll_builder_group_norm(builder *b, const char *name, ll_node x, int64_t groups, double epsilon)
{
    char full[LL_NAME_BYTES];
    int64_t channels = ll_extent(b, x, 1);
    ll_node scale = ll_builder_parameter(b, ll_join(full, name, "weight"), LL_ROLE_NORM, -1,
                                         (parameter_draw){LL_INIT_ONES, 0.0}, &channels, 1);
    ll_node shift = ll_builder_parameter(b, ll_join(full, name, "bias"), LL_ROLE_NORM, -1,
                                         (parameter_draw){LL_INIT_ZEROS, 0.0}, &channels, 1);
    return ll_layer_group_norm(b->graph, x, groups, scale, shift, epsilon);
}

ll_node ll_builder_layer_norm(builder *b, const char *name, ll_node x, double epsilon)
{
    char full[LL_NAME_BYTES];
    int64_t width = ll_extent(b, x, ll_rank_of(b, x) - 1);
    ll_node scale = ll_builder_parameter(b, ll_join(full, name, "weight"), LL_ROLE_NORM, -1,
                                         (parameter_draw){LL_INIT_ONES, 0.0}, &width, 1);
    ll_node shift = ll_builder_parameter(b, ll_join(full, name, "bias"), LL_ROLE_NORM, -1,
                                         (parameter_draw){LL_INIT_ZEROS, 0.0}, &width, 1);
    return ll_layer_layer_norm(b->graph, x, 1, scale, shift, epsilon);
}

ll_node ll_builder_activation(builder *b, const char *kind, ll_node x)
{
    static const struct {
        const char *kind;
        ll_node (*apply)(ll_graph *, ll_node);
    } table[] = {
        {"relu", ll_layer_relu},       {"gelu", ll_layer_gelu},        {"gelu_tanh", ll_layer_gelu_tanh},
        {"tanh", ll_graph_tanh},       {"sin", ll_graph_sin},          {"silu", ll_layer_silu},
        {"sigmoid", ll_layer_sigmoid}, {"softplus", ll_layer_softplus}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strcmp(kind, table[i].kind) == 0) return table[i].apply(b->graph, x);
    }
    return ll_graph_refuse(b->graph, LL_INVALID_ARGUMENT, "activation",
                           "got \"%s\"; wanted relu, gelu, gelu_tanh, tanh, sin, silu, sigmoid or softplus",
                           kind);
}
