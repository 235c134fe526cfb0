/* From a name and options to a model: the architecture is written down in evaluation and in training mode, then the
 * loss and the metrics are put on its output. */
#include "builder.h"

#include <stdio.h>
#include <string.h>

/* Asked in this order: the first that answers to the name makes the network. */
static const architecture *const zoo[] = {
    &ll_architecture_cifar_resnet, &ll_architecture_resnet, &ll_architecture_vgg, &ll_architecture_vit,
    &ll_architecture_unet,         &ll_architecture_mlp,    &ll_architecture_cnn, &ll_architecture_blocks,
};
enum { ZOO = sizeof zoo / sizeof *zoo };

bool ll_network_describe(int64_t index, const char **name, const char **summary)
{
    if (index < 0 || index >= ZOO) return false;
    *name = zoo[index]->family;
    *summary = zoo[index]->summary;
    return true;
}

bool ll_network_describe_option(int64_t index, int64_t option, const char **key, const char **standard,
                                const char **choices, const char **help)
{
    if (index < 0 || index >= ZOO || option < 0) return false;
    for (int64_t i = 0; i <= option; i++) {
        if (zoo[index]->rows[i].key == NULL) return false;
    }
    const option_row *row = &zoo[index]->rows[option];
    *key = row->key;
    *standard = row->standard;
    *choices = row->choices;
    *help = row->help;
    return true;
}

static ll_status find_architecture(const char *network, const architecture **found, ll_error *error)
{
    const char *names[ZOO + 16] = {"resnet20", "resnet32", "resnet44", "resnet56", "resnet110",
                                   "resnet18", "resnet34", "resnet50", "vgg11",    "vgg13",
                                   "vgg16",    "vit",      "unet",     "mlp",      "cnn"};
    enum { NAMES = 15 };
    for (int i = 0; network != NULL && i < ZOO; i++) {
        if (zoo[i]->answers(network)) {
            *found = zoo[i];
            return LL_OK;
        }
    }
    const char *near = network != NULL ? ll_nearest_word(network, names, NAMES) : NULL;
    return ll_fail(error, LL_NOT_FOUND, "networks", network,
                   "no network \"%s\"%s%s%s; there are resnet<6n+2>, resnet18/34/50/101/152, vgg11/13/16/19, "
                   "vit, unet, mlp, cnn",
                   network != NULL ? network : "", near ? "; did you mean \"" : "", near ? near : "",
                   near ? "\"" : "");
}

/* ---------------------------------------------------------------- losses and metrics */

typedef struct head {
    builder *b;
    ll_model_term term;
    ll_node label;
} head;

static ll_node as_model_type(builder *b, ll_node x) { return ll_graph_cast(b->graph, x, b->dtype); }

static ll_node class_weights(builder *b)
{
    if (b->options->class_weights == NULL) return LL_NO_NODE;
    ll_node weights = ll_graph_constant(b->graph, LL_F64, &b->options->classes, 1, b->options->class_weights);
    return as_model_type(b, weights);
}

static ll_status add_metric(builder *b, const char *name, const char *unit, bool higher, ll_node numerator,
                            ll_node denominator)
{
    return ll_model_add_metric(b->model,
                               &(ll_model_metric){.name = name,
                                                  .unit = unit,
                                                  .higher_is_better = higher,
                                                  .numerator = numerator,
                                                  .denominator = denominator},
                               b->error);
}

/* Correct where the label's score is the largest, ties going to the first class as in argmax. */
static ll_status classification(builder *b, const ll_node output[2], bool pixels)
{
    int64_t shape[2] = {pixels ? ll_extent(b, output[0], 2) : 0, pixels ? ll_extent(b, output[0], 3) : 0};
    int64_t ignore_label = b->options->ignores_label ? b->options->ignore_label : INT64_MIN;
    ll_node label = ll_builder_input(b, "label", LL_I64, shape, pixels ? 2 : 0, 0);
    ll_model_term term = {.name = "cross_entropy", .weight = 1.0, .output = output[0]};
    ll_node weights = class_weights(b);
    for (int mode = 0; mode < 2; mode++) {
        term.loss[mode] = ll_loss_cross_entropy(b->graph, output[mode], label, b->options->label_smoothing,
                                                weights, ignore_label, &term.sample_weight);
    }
    bool plain = !pixels && weights == LL_NO_NODE && !b->options->ignores_label;
    if (plain) term.sample_weight = LL_NO_NODE;
    LL_TRY(ll_model_add_term(b->model, &term, b->error));
    ll_node predicted = ll_graph_cast(b->graph, ll_graph_argmax(b->graph, output[0], 1), LL_I64);
    ll_node correct = as_model_type(b, ll_graph_equal(b->graph, predicted, label));
    ll_node counted = LL_NO_NODE;
    if (pixels || b->options->ignores_label) {
        /* Accuracy counts valid labels, each once, whatever the class weights. */
        ll_node ignored = ll_graph_full_like(b->graph, correct, 1.0);
        if (b->options->ignores_label) {
            ll_node ignore = ll_graph_scalar(b->graph, LL_I64, (double)ignore_label);
            ignored = as_model_type(b, ll_graph_not(b->graph, ll_graph_equal(b->graph, label, ignore)));
        }
        correct = ll_graph_multiply(b->graph, correct, ignored);
        counted = ignored;
        if (pixels) {
            correct = ll_graph_sum(b->graph, correct, LL_AXIS(1) | LL_AXIS(2));
            counted = ll_graph_sum(b->graph, counted, LL_AXIS(1) | LL_AXIS(2));
        }
    }
    return add_metric(b, pixels ? "pixel_accuracy" : "accuracy", "", true, correct, counted);
}

static ll_status regression(builder *b, const ll_node output[2])
{
    int rank = ll_rank_of(b, output[0]);
    int64_t shape[LL_GRAPH_RANK] = {0};
    for (int axis = 1; axis < rank; axis++) shape[axis - 1] = ll_extent(b, output[0], axis);
    ll_node target = ll_builder_input(b, "target", b->dtype, shape, rank - 1, 0);
    ll_model_term term = {
        .name = "mean_squared_error", .weight = 1.0, .sample_weight = LL_NO_NODE, .output = output[0]};
    for (int mode = 0; mode < 2; mode++)
        term.loss[mode] = ll_loss_mean_squared(b->graph, output[mode], target);
    LL_TRY(ll_model_add_term(b->model, &term, b->error));
    ll_node zero = ll_graph_full_like(b->graph, target, 0.0);
    return ll_model_add_metric(
        b->model,
        &(ll_model_metric){.name = "relative_l2",
                           .unit = "",
                           .root = true,
                           .numerator = term.loss[0],
                           .denominator = ll_loss_mean_squared(b->graph, target, zero)},
        b->error);
}

static ll_status binary(builder *b, const ll_node output[2])
{
    int rank = ll_rank_of(b, output[0]);
    int64_t shape[LL_GRAPH_RANK] = {0};
    for (int axis = 1; axis < rank; axis++) shape[axis - 1] = ll_extent(b, output[0], axis);
    ll_node target = ll_builder_input(b, "target", b->dtype, shape, rank - 1, 0);
    ll_model_term term = {
        .name = "binary_cross_entropy", .weight = 1.0, .sample_weight = LL_NO_NODE, .output = output[0]};
    for (int mode = 0; mode < 2; mode++)
        term.loss[mode] = ll_loss_binary_cross_entropy(b->graph, output[mode], target);
    LL_TRY(ll_model_add_term(b->model, &term, b->error));
    ll_node zero = ll_graph_full_like(b->graph, output[0], 0.0),
            half = ll_graph_full_like(b->graph, target, 0.5);
    ll_node correct = ll_graph_equal(b->graph, ll_graph_less(b->graph, zero, output[0]),
                                     ll_graph_less(b->graph, half, target));
    ll_node share = as_model_type(b, correct);
    if (rank > 1) share = ll_layer_mean(b->graph, share, 1);
    return add_metric(b, rank > 2 ? "pixel_accuracy" : "accuracy", "", true, share, LL_NO_NODE);
}

/* Cross-entropy wants a score a class, a segmentation a map of scores. */
static ll_status check_output(builder *b, ll_node output, const char *loss)
{
    bool classes = strcmp(loss, "cross_entropy") == 0, map = strcmp(loss, "segmentation") == 0;
    int rank = ll_rank_of(b, output);
    char shape[96];
    size_t used = 0;
    if ((!classes || rank == 2) && (!map || rank == 4)) return LL_OK;
    for (int axis = 1; axis < rank && axis < LL_GRAPH_RANK; axis++)
        used += (size_t)snprintf(shape + used, sizeof shape - used, "%s%lld", axis > 1 ? ", " : "",
                                 (long long)ll_extent(b, output, axis));
    return ll_fail(b->error, LL_SHAPE, "networks", b->options->network,
                   classes ? "its output for a sample is [%s], not a score for each class; the loss "
                             "cross_entropy wants one label a sample. A map of scores "
                             "goes with labels for each pixel (--data segmentation:IMAGES,MASKS) or with "
                             "--loss bce or mse and targets of the map's shape"
                           : "its output for a sample is [%s], not a map of scores [classes, height, width]; "
                             "the loss segmentation wants one",
                   used > 0 ? shape : "");
}

ll_status ll_builder_finish(builder *b, ll_node output[2])
{
    static const char *const losses[] = {"cross_entropy", "segmentation", "mse", "bce"};
    const char *loss = b->options->loss != NULL ? b->options->loss : losses[0];
    LL_TRY(check_output(b, output[0], loss));
    if (strcmp(loss, losses[0]) == 0) return classification(b, output, false);
    if (strcmp(loss, losses[1]) == 0) return classification(b, output, true);
    if (strcmp(loss, losses[2]) == 0) return regression(b, output);
    if (strcmp(loss, losses[3]) == 0) return binary(b, output);
    const char *near = ll_nearest_word(loss, losses, 4);
    return ll_fail(b->error, LL_INVALID_ARGUMENT, "networks", "loss",
                   "got \"%s\"%s%s%s; wanted cross_entropy, segmentation, mse or bce", loss,
                   near ? "; did you mean \"" : "", near ? near : "", near ? "\"" : "");
}

/* ---------------------------------------------------------------- create */

static ll_status write_down(builder *b, const architecture *kind)
{
    int rank = 0;
    while (rank < 3 && b->options->input_shape[rank] > 0) rank++;
    if (rank == 0 || b->options->classes <= 0) {
        return ll_fail(b->error, LL_INVALID_ARGUMENT, "networks", b->options->network,
                       "got an input of %lld channels and %lld classes; wanted both above 0",
                       (long long)b->options->input_shape[0], (long long)b->options->classes);
    }
    ll_node x = ll_builder_input(b, "input", b->dtype, b->options->input_shape, rank, 0), output[2];
    for (int mode = 0; mode < 2; mode++) {
        b->training = mode == 1;
        output[mode] = kind->forward(b, x);
        if (b->status != LL_OK) return b->status;
    }
    ll_model_info *info = &b->model->info;
    info->output = ll_graph_name(b->graph, output[0], "output");
    LL_TRY(ll_graph_check(b->graph, b->error));
    LL_TRY(ll_builder_finish(b, output));
    LL_TRY(ll_graph_check(b->graph, b->error));
    return b->status;
}

ll_status ll_network_create(const ll_network_options *options, ll_model **model, ll_error *error)
{
    const architecture *kind;
    builder b = {.options = options, .error = error, .dtype = options->dtype};
    LL_TRY(find_architecture(options->network, &kind, error));
    if ((kind == &ll_architecture_blocks) != (options->blocks != NULL)) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "networks", options->network,
                       "a list of blocks belongs to the network \"blocks\", and to no other");
    }
    LL_TRY(ll_options_check(kind->rows, options, options->network, error));
    if (!ll_dtype_is_float(options->dtype)) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "networks", options->network,
                       "got type %s; wanted f32 or f64", ll_dtype_name(options->dtype));
    }
    const ll_value *title =
        options->blocks != NULL ? ll_value_get(ll_document_root(options->blocks), "name") : NULL;
    LL_TRY(ll_model_create_empty(title != NULL && title->text != NULL ? title->text : options->network,
                                 options->dtype, &b.model, error));
    b.graph = b.model->info.graph;
    b.rows = kind->rows;
    ll_status status = write_down(&b, kind);
    if (status != LL_OK) {
        ll_model_destroy(b.model);
        return status;
    }
    *model = b.model;
    return LL_OK;
}
