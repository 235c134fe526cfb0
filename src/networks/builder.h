/* What the architectures are written with: a builder that makes parameters as they are first used and gives the
 * same ones back when the network is written down a second time, in training mode. */
#ifndef LOSSLENS_SRC_NETWORKS_BUILDER_H
#define LOSSLENS_SRC_NETWORKS_BUILDER_H

#include "losslens/networks.h"
#include "losslens/networks_composites.h"

enum { LL_NETWORK_OPTIONS = 24, LL_NAME_BYTES = 192 };

/* An option of an architecture. A choice lists its words separated by '|'. */
typedef struct option_row {
    const char *key;
    enum {
        OPTION_INTEGER,
        OPTION_REAL,
        OPTION_CHOICE,
        OPTION_LIST
    } type;               /* list: positive integers, "64,128" */
    const char *standard; /* default, as text */
    const char *choices;
    const char *help;
} option_row;

typedef struct builder {
    ll_model *model;
    ll_graph *graph;
    ll_dtype dtype;
    bool training; /* batch statistics and dropout; the second pass over the same architecture */
    const ll_network_options *options;
    const option_row *rows;
    ll_error *error;
    ll_status status; /* of the tables; graph errors stick in the graph */
} builder;

typedef struct parameter_draw {
    ll_initialisation scheme;
    double scale;
} parameter_draw;

/* An architecture: from the input node (and options) to the output node. */
typedef struct architecture {
    const char *family; /* "resnet" */
    const char *summary;
    const option_row *rows; /* ends with key NULL */
    /* Whether this family answers to `name` ("resnet20"); fills in options that the name implies. */
    bool (*answers)(const char *name);
    ll_node (*forward)(builder *b, ll_node x);
} architecture;

extern const architecture ll_architecture_cifar_resnet, ll_architecture_resnet, ll_architecture_vgg,
    ll_architecture_vit, ll_architecture_unet, ll_architecture_mlp, ll_architecture_cnn,
    ll_architecture_blocks;

/* Options by key: from the caller, else the row's default. Values were checked before. */
const char *ll_option_text(const builder *b, const char *key);
int64_t ll_option_integer(const builder *b, const char *key);
double ll_option_real(const builder *b, const char *key);
bool ll_option_is(const builder *b, const char *key, const char *value);
/* At most `capacity` positive integers; returns how many. */
int64_t ll_option_list(const builder *b, const char *key, int64_t *values, int64_t capacity);
ll_status ll_options_check(const option_row *rows, const ll_network_options *options, const char *network,
                           ll_error *error);

/* The size of axis `axis` of a node; 0 after an error. */
int64_t ll_extent(const builder *b, ll_node x, int axis);
int ll_rank_of(const builder *b, ll_node x);

/* A trainable tensor by its full name. */
ll_node ll_builder_parameter(builder *b, const char *name, ll_parameter_role role, int output_axis,
                             parameter_draw draw, const int64_t *shape, int rank);
ll_node ll_builder_buffer(builder *b, const char *name, int64_t count, double initial, double momentum);
/* Marks a node as a layer whose features can be asked for. */
void ll_builder_layer(builder *b, const char *name, ll_node node);
ll_node ll_builder_input(builder *b, const char *name, ll_dtype dtype, const int64_t *shape, int rank,
                         int64_t term);

/* Layers with parameters "<name>.weight", "<name>.bias" ...; shapes follow from x. */
typedef struct conv_options {
    int64_t channels, kernel, stride, padding, dilation; /* stride, dilation 0: 1 */
    int32_t groups;
    bool bias;
} conv_options;
ll_node ll_builder_conv(builder *b, const char *name, ll_node x, conv_options options);
ll_node ll_builder_linear(builder *b, const char *name, ll_node x, int64_t outputs, bool bias);
ll_node ll_builder_batch_norm(builder *b, const char *name, ll_node x); /* epsilon 1e-5, momentum .1 */
ll_node ll_builder_batch_norm_as(builder *b, const char *name, ll_node x, double epsilon, double momentum);
ll_node ll_builder_group_norm(builder *b, const char *name, ll_node x, int64_t groups, double epsilon);
ll_node ll_builder_layer_norm(builder *b, const char *name, ll_node x, double epsilon);
ll_node ll_builder_activation(builder *b, const char *kind, ll_node x); /* relu, gelu, tanh, sin, silu, ... */

/* "prefix.part" in a buffer of LL_NAME_BYTES. */
const char *ll_join(char *buffer, const char *prefix, const char *part);

/* Losses, metrics and terms on the output; see networks.h for the names of losses. */
ll_status ll_builder_finish(builder *b, ll_node output[2]);

/* ---------------------------------------------------------------- the model's own side */

struct ll_model {
    ll_model_info info;
    ll_arena *arena;
    parameter_draw *draws; /* one a parameter */
    int64_t parameter_capacity, buffer_capacity, input_capacity, term_capacity, metric_capacity,
        layer_capacity;
};

ll_status ll_model_create_empty(const char *name, ll_dtype dtype, ll_model **model, ll_error *error);
ll_status ll_model_add_term(ll_model *model, const ll_model_term *term, ll_error *error);
ll_status ll_model_add_metric(ll_model *model, const ll_model_metric *metric, ll_error *error);

#endif
