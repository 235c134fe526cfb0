/* losslens/networks.h - networks as graphs: the model that a graph-backed Problem is made of, the zoo, networks
 * written as blocks, physics-informed models, and the mapping of checkpoint names.
 * The composite operations (linear, batch norm, attention, losses ...) are in losslens/networks_composites.h.
 *
 * A model is one tensor graph with tables: which nodes are parameters and buffers and where they lie in the flat
 * vectors, which nodes are the per-sample losses, metrics and features, once in evaluation mode and once in
 * training mode (batch statistics, dropout).
 */
#ifndef LOSSLENS_NETWORKS_H
#define LOSSLENS_NETWORKS_H

#include "losslens/base_parameters.h"
#include "losslens/formats.h"
#include "losslens/graph.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------- the model */

/* Data that a term reads per sample, e.g. "image" f32 [3, 32, 32], "label" i64 []. The node is an input of kind
 * LL_INPUT_SAMPLE of shape [N, shape...]; names are unique in the model. */
typedef struct ll_model_input {
    const char *name;
    ll_node node;
    ll_dtype dtype;
    int rank;
    int64_t shape[LL_GRAPH_RANK]; /* of one sample */
    int64_t term;                 /* which term's samples it belongs to */
} ll_model_input;

/* A term of the loss: mean = sum(loss) / sum(weight), both per sample, shape [N], in the model's type; weight =
 * LL_NO_NODE stands for ones. Index 0: evaluation mode, 1: training mode (LL_NO_NODE where it is the same). */
typedef struct ll_model_term {
    const char *name;
    double weight; /* of the term in the whole loss; 0: only reported */
    ll_node loss[2];
    ll_node sample_weight;
    /* For the Gauss-Newton operator: the loss as a convex function of `output` ([N, ...], evaluation mode). */
    ll_node output;
} ll_model_term;

/* Over the samples of one term: sum(numerator) / sum(denominator) (LL_NO_NODE: N), or its square root. */
typedef struct ll_model_metric {
    const char *name, *unit;
    bool higher_is_better;
    bool root;
    int64_t term;
    ll_node numerator, denominator; /* [N] */
} ll_model_metric;

typedef struct ll_model_layer {
    const char *name;
    ll_node node; /* [N, ...], evaluation mode, of the first term's samples; in order of computation */
} ll_model_layer;

/* A buffer and, in training mode, the statistic of the batch that it tracks:
 * running <- (1 - momentum) running + momentum batch_value. */
typedef struct ll_model_buffer {
    ll_buffer_entry entry;
    ll_node node;
    ll_node batch_value; /* same shape; training mode; the batch's mean or unbiased variance */
    double momentum;
    double initial; /* value of every element before training: 0 for means, 1 for variances */
} ll_model_buffer;

/* How a parameter is drawn before training. */
typedef enum ll_initialisation {
    LL_INIT_ZEROS,
    LL_INIT_ONES,
    LL_INIT_UNIFORM,         /* in +-scale: PyTorch's default for linear and conv (scale = 1/sqrt(fan_in)) */
    LL_INIT_NORMAL,          /* N(0, scale^2): He for convolutions, embeddings */
    LL_INIT_TRUNCATED_NORMAL /* N(0, scale^2) within 2 scale */
} ll_initialisation;

typedef struct ll_model ll_model;

typedef struct ll_model_info {
    const char *name; /* "resnet20" */
    ll_graph *graph;
    ll_dtype dtype; /* of parameters, buffers, losses */
    int64_t parameter_count, buffer_count;
    int64_t parameters, buffers, inputs, terms, metrics, layers;
    const ll_parameter *parameter;
    const ll_node *parameter_node;
    const ll_model_buffer *buffer;
    const ll_model_input *input;
    const ll_model_term *term;
    const ll_model_metric *metric;
    const ll_model_layer *layer;
    ll_node output; /* of the network in evaluation mode: logits [N, classes], field values ... */
} ll_model_info;

LL_API void ll_model_destroy(ll_model *model);
LL_API const ll_model_info *ll_model_view(const ll_model *model); /* valid for the model's life */

/* Fills theta (parameter_count values of the model's type) and buffers (may be NULL) as before training. Each
 * tensor's draw is keyed by (seed, "initialise", its name, index). */
LL_API ll_status ll_model_initialise(const ll_model *model, uint64_t seed, void *theta, void *buffers,
                                     ll_error *error) LL_MUST_CHECK;

/* ---------------------------------------------------------------- making one */

/* An option by name, as a flag or a study writes it: {"shortcut", "B"}, {"classes", "10"}. */
typedef struct ll_network_option {
    const char *key, *value;
} ll_network_option;

typedef struct ll_network_options {
    const char *network; /* "resnet20", "vgg11", "vit", "unet", "mlp", "cnn", "resnet50", "blocks", ... */
    /* Of "blocks": a list of blocks, or a map {name, blocks}; docs/blocks.md. Read while the model is made only. */
    const ll_document *blocks;
    const ll_network_option *option;
    int64_t options;
    ll_dtype dtype;         /* LL_F32 or LL_F64 */
    int64_t input_shape[3]; /* channels, height, width of a sample; MLP: features, 0, 0 */
    int64_t classes;        /* outputs */
    const char
        *loss; /* "cross_entropy" (default when NULL), "mse", "bce" (binary segmentation), "segmentation" */
    double label_smoothing;
    const double *class_weights; /* NULL or `classes` values */
    bool ignores_label; /* labels equal to ignore_label count nothing, neither in the loss nor in metrics */
    int64_t ignore_label;
} ll_network_options;

/* LL_NOT_FOUND / LL_INVALID_ARGUMENT name the network or option, what was got, and the nearest valid one. */
LL_API ll_status ll_network_create(const ll_network_options *options, ll_model **model,
                                   ll_error *error) LL_MUST_CHECK;

/* The zoo, for --help: the families, and the options of each (choices NULL: a number or list). False past the end. */
LL_API bool ll_network_describe(int64_t index, const char **name, const char **summary);
LL_API bool ll_network_describe_option(int64_t index, int64_t option, const char **key, const char **standard,
                                       const char **choices, const char **help);

/* ---------------------------------------------------------------- weights from a file */

/* Copies the tensors of a checkpoint into theta and buffers (model's type; f16, bf16, f32, f64 accepted). Names are
 * matched exactly, then after the documented prefix and table rules (docs/checkpoints.md), then, if `by_order`, by
 * shape-checked order. `report` (may be NULL) receives a line per tensor: name in the file -> name in the model.
 * Any tensor that is missing, left over or of another shape is an LL_INVALID_FILE that lists both sides. */
LL_API ll_status ll_model_load(const ll_model *model, const ll_tensor_file *file, bool by_order, void *theta,
                               void *buffers, ll_text *report, ll_error *error) LL_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
