#include "builder.h"
#include "expression.h"
#include "losslens/networks_pinn.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_INPUTS = 8, MOST_OUTPUTS = 8, MOST_POINTS = 4, HIGHEST_ORDER = 4 };

/* The network at one point of a sample: a column per input, a column per output, all [N, 1]. */
typedef struct point {
    ll_node input[MOST_INPUTS], output[MOST_OUTPUTS];
} point;

typedef struct term_context {
    builder *b;
    const ll_pinn_options *options;
    const ll_pinn_term *term;
    ll_node samples; /* [N, width] */
    point points[MOST_POINTS];
    int64_t point_count;
} term_context;

static const option_row pinn_rows[] = {{NULL, OPTION_INTEGER, NULL, NULL, NULL}};

static ll_node scaled(builder *b, const ll_pinn_options *options, ll_node x)
{
    double factor[MOST_INPUTS], shift[MOST_INPUTS];
    if (options->scale_low == NULL || options->scale_high == NULL) return x;
    for (int64_t i = 0; i < options->input_count; i++) {
        factor[i] = 2.0 / (options->scale_high[i] - options->scale_low[i]);
        shift[i] = -1.0 - factor[i] * options->scale_low[i];
    }
    ll_node f = ll_graph_cast(b->graph, ll_graph_constant(b->graph, LL_F64, &options->input_count, 1, factor),
                              b->dtype);
    ll_node s = ll_graph_cast(b->graph, ll_graph_constant(b->graph, LL_F64, &options->input_count, 1, shift),
                              b->dtype);
    return ll_graph_add(b->graph, ll_graph_multiply(b->graph, x, f), s);
}

static ll_node fourier_features(builder *b, const ll_pinn_options *options, ll_node x)
{
    if (options->fourier <= 0) return x;
    int64_t shape[2] = {options->input_count, options->fourier}, count = shape[0] * shape[1];
    double *frequency = ll_allocate_array(count, sizeof *frequency);
    if (frequency == NULL)
        return ll_graph_refuse(b->graph, LL_OUT_OF_MEMORY, "fourier", "no memory for the frequencies");
    ll_rng_fill_normal(ll_rng_make(options->fourier_seed, "fourier", options->name), 0, count, frequency);
    for (int64_t i = 0; i < count; i++) frequency[i] *= 6.283185307179586476925 * options->fourier_scale;
    ll_node matrix =
        ll_graph_cast(b->graph, ll_graph_constant(b->graph, LL_F64, shape, 2, frequency), b->dtype);
    ll_free(frequency);
    ll_node phase = ll_graph_matmul(b->graph, x, matrix, false, false);
    return ll_graph_concatenate(
        b->graph, (ll_node[]){ll_graph_sin(b->graph, phase), ll_graph_cos(b->graph, phase)}, 2, 1);
}

/* The network at the inputs [N, 1] each; `features` marks the hidden layers. */
static void evaluate(builder *b, const ll_pinn_options *options, point *at, bool features)
{
    char name[LL_NAME_BYTES];
    ll_node x = ll_graph_concatenate(b->graph, at->input, options->input_count, 1);
    x = fourier_features(b, options, scaled(b, options, x));
    for (int64_t i = 0; i < options->hidden_count; i++) {
        snprintf(name, sizeof name, "layers.%lld", (long long)i);
        x = ll_builder_linear(b, name, x, options->hidden[i], true);
        x = ll_builder_activation(b, options->activation != NULL ? options->activation : "tanh", x);
        if (features) ll_builder_layer(b, name, x);
    }
    snprintf(name, sizeof name, "layers.%lld", (long long)options->hidden_count);
    x = ll_builder_linear(b, name, x, options->output_count, true);
    if (features) b->model->info.output = x;
    for (int64_t i = 0; i < options->output_count; i++)
        at->output[i] = ll_graph_slice_axis(b->graph, x, 1, i, 1);
}

static ll_node column(builder *b, ll_node x) { return ll_graph_squeeze(b->graph, x, LL_AXIS(1)); }

static int64_t index_of(const char *const *names, int64_t count, const char *name, size_t length)
{
    for (int64_t i = 0; i < count; i++) {
        if (strlen(names[i]) == length && strncmp(names[i], name, length) == 0) return i;
    }
    return -1;
}

/* d output / d inputs[letters...] at a point, one forward derivative a letter. */
static ll_node derivative(term_context *c, const point *at, int64_t output, const char *letters,
                          ll_error *error)
{
    builder *b = c->b;
    ll_node value = at->output[output];
    for (const char *letter = letters; *letter != 0; letter++) {
        int64_t input = index_of(c->options->inputs, c->options->input_count, letter, 1);
        ll_node tangent = ll_graph_full_like(b->graph, at->input[input], 1.0);
        if (ll_graph_jvp(b->graph, &value, 1, &at->input[input], &tangent, 1, &value, error) != LL_OK)
            return LL_NO_NODE;
    }
    return value;
}

static bool are_inputs(const ll_pinn_options *options, const char *letters)
{
    size_t count = strlen(letters);
    if (count == 0 || count > HIGHEST_ORDER) return false;
    for (size_t i = 0; i < count; i++) {
        if (index_of(options->inputs, options->input_count, letters + i, 1) < 0) return false;
    }
    return true;
}

static ll_node unknown(const term_context *c, const char *name, const char *point_name, ll_error *error)
{
    char place[96];
    snprintf(place, sizeof place, "term %.60s", c->term->name);
    ll_fail(error, LL_INVALID_ARGUMENT, "networks", place,
            "no \"%s%s%s\"; there are the inputs, the outputs, their derivatives up to order %d (as u_x), "
            "the constants and the data columns",
            name, point_name[0] != 0 ? "@" : "", point_name, HIGHEST_ORDER);
    return LL_NO_NODE;
}

static ll_node look_up(void *context, const char *name, const char *point_name, ll_error *error)
{
    term_context *c = context;
    const ll_pinn_options *options = c->options;
    size_t length = strlen(name);
    int64_t which = point_name[0] == 0
                        ? 0
                        : index_of(c->term->points, c->term->point_count, point_name, strlen(point_name));
    if (which < 0) return unknown(c, name, point_name, error);
    const point *at = &c->points[which];
    int64_t input = index_of(options->inputs, options->input_count, name, length);
    if (input >= 0) return column(c->b, at->input[input]);
    int64_t output = index_of(options->outputs, options->output_count, name, length);
    if (output >= 0) return column(c->b, at->output[output]);
    for (int64_t i = 0; i < c->term->data_count; i++) {
        if (strcmp(c->term->data[i], name) != 0) continue;
        int64_t position = options->input_count * c->point_count + i;
        return column(c->b, ll_graph_slice_axis(c->b->graph, c->samples, 1, position, 1));
    }
    for (int64_t i = 0; i < options->constants; i++) {
        if (strcmp(options->constant[i].name, name) != 0) continue;
        return ll_graph_full(c->b->graph, c->b->dtype, (int64_t[]){LL_SAMPLES}, 1,
                             options->constant[i].value);
    }
    const char *underscore = strrchr(name, '_');
    if (underscore == NULL || !are_inputs(options, underscore + 1))
        return unknown(c, name, point_name, error);
    output = index_of(options->outputs, options->output_count, name, (size_t)(underscore - name));
    if (output < 0) return unknown(c, name, point_name, error);
    ll_node value = derivative(c, at, output, underscore + 1, error);
    return value == LL_NO_NODE ? value : column(c->b, value);
}

/* The samples' table as columns, and the network at each point. */
static ll_status open_term(term_context *c, int64_t index, int64_t width)
{
    builder *b = c->b;
    char name[LL_NAME_BYTES];
    c->samples = ll_builder_input(b, ll_join(name, c->term->name, "samples"), b->dtype, &width, 1, index);
    for (int64_t p = 0; p < c->point_count; p++) {
        for (int64_t i = 0; i < c->options->input_count; i++) {
            c->points[p].input[i] =
                ll_graph_slice_axis(b->graph, c->samples, 1, p * c->options->input_count + i, 1);
        }
        evaluate(b, c->options, &c->points[p], index == 0 && p == 0);
    }
    return ll_graph_check(b->graph, b->error);
}

/* Sum of squares of the residuals between semicolons. A single residual is the `output` of which the loss is a
 * convex function, for the Gauss-Newton operator. */
static ll_status squares(term_context *c, ll_node *loss, ll_node *output)
{
    char part[1024];
    *loss = *output = LL_NO_NODE;
    for (const char *text = c->term->residual; text != NULL;) {
        const char *end = strchr(text, ';');
        size_t length = end != NULL ? (size_t)(end - text) : strlen(text);
        if (length >= sizeof part) {
            return ll_fail(c->b->error, LL_TOO_LARGE, "networks", c->term->name,
                           "the residual has more than %zu letters", sizeof part - 1);
        }
        memcpy(part, text, length);
        part[length] = 0;
        ll_node r;
        LL_TRY(ll_expression_parse(part, c->b->graph, c->b->dtype, look_up, c, &r, c->b->error));
        LL_TRY(ll_graph_collect(c->b->graph, &r, 1, &r, c->b->error));
        ll_node square = ll_graph_multiply(c->b->graph, r, r);
        *output = *loss == LL_NO_NODE ? r : LL_NO_NODE;
        *loss = *loss == LL_NO_NODE ? square : ll_graph_add(c->b->graph, *loss, square);
        text = end != NULL ? end + 1 : NULL;
    }
    return ll_graph_check(c->b->graph, c->b->error);
}

static ll_status add_term(builder *b, const ll_pinn_options *options, const ll_pinn_term *term, int64_t index)
{
    term_context c = {.b = b,
                      .options = options,
                      .term = term,
                      .point_count = term->point_count > 0 ? term->point_count : 1};
    ll_model_term entry = {
        .name = term->name, .weight = term->weight, .sample_weight = LL_NO_NODE, .output = LL_NO_NODE};
    if (c.point_count > MOST_POINTS) {
        return ll_fail(b->error, LL_TOO_LARGE, "networks", term->name,
                       "got %lld points a sample; wanted at most %d", (long long)c.point_count, MOST_POINTS);
    }
    LL_TRY(open_term(&c, index, options->input_count * c.point_count + term->data_count));
    LL_TRY(squares(&c, &entry.loss[0], &entry.output));
    entry.loss[1] = entry.loss[0];
    return ll_model_add_term(b->model, &entry, b->error);
}

/* Squared and absolute error against stored values of the outputs. */
static ll_status add_reference(builder *b, const ll_pinn_options *options, int64_t index)
{
    static const ll_pinn_term term = {.name = "reference"};
    term_context c = {.b = b, .options = options, .term = &term, .point_count = 1};
    bool stored = options->reference_expression == NULL;
    LL_TRY(open_term(&c, index, options->input_count + (stored ? options->output_count : 0)));
    ll_node error = LL_NO_NODE, size = LL_NO_NODE, absolute = LL_NO_NODE;
    for (int64_t i = 0; i < options->output_count; i++) {
        ll_node wanted;
        if (stored) {
            wanted = column(b, ll_graph_slice_axis(b->graph, c.samples, 1, options->input_count + i, 1));
        } else {
            LL_TRY(ll_expression_parse(options->reference_expression[i], b->graph, b->dtype, look_up, &c,
                                       &wanted, b->error));
        }
        ll_node difference = ll_graph_subtract(b->graph, column(b, c.points[0].output[i]), wanted);
        ll_node part[3] = {ll_graph_multiply(b->graph, difference, difference),
                           ll_graph_multiply(b->graph, wanted, wanted), ll_graph_abs(b->graph, difference)};
        error = i == 0 ? part[0] : ll_graph_add(b->graph, error, part[0]);
        size = i == 0 ? part[1] : ll_graph_add(b->graph, size, part[1]);
        absolute = i == 0 ? part[2] : ll_graph_add(b->graph, absolute, part[2]);
    }
    LL_TRY(ll_graph_check(b->graph, b->error));
    ll_model_term entry = {.name = "reference",
                           .weight = 0.0,
                           .loss = {error, error},
                           .sample_weight = LL_NO_NODE,
                           .output = LL_NO_NODE};
    LL_TRY(ll_model_add_term(b->model, &entry, b->error));
    LL_TRY(ll_model_add_metric(b->model,
                               &(ll_model_metric){.name = "relative_l2",
                                                  .unit = "",
                                                  .root = true,
                                                  .term = index,
                                                  .numerator = error,
                                                  .denominator = size},
                               b->error));
    return ll_model_add_metric(b->model,
                               &(ll_model_metric){.name = "mean_absolute_error",
                                                  .unit = "",
                                                  .term = index,
                                                  .numerator = absolute,
                                                  .denominator = LL_NO_NODE},
                               b->error);
}

static ll_status check_options(const ll_pinn_options *options, ll_error *error)
{
    if (options->input_count < 1 || options->input_count > MOST_INPUTS || options->output_count < 1 ||
        options->output_count > MOST_OUTPUTS || options->terms < 1 || options->hidden_count < 1 ||
        !ll_dtype_is_float(options->dtype)) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "networks", options->name,
                       "got %lld inputs, %lld outputs, %lld terms, %lld hidden layers; wanted 1 to %d inputs "
                       "and outputs, and at least one term "
                       "and layer",
                       (long long)options->input_count, (long long)options->output_count,
                       (long long)options->terms, (long long)options->hidden_count, MOST_INPUTS);
    }
    for (int64_t i = 0; i < options->input_count; i++) {
        if (strlen(options->inputs[i]) != 1) {
            return ll_fail(error, LL_INVALID_ARGUMENT, "networks", options->name,
                           "input \"%s\": names of inputs have one letter", options->inputs[i]);
        }
        if (options->scale_low != NULL && options->scale_high != NULL &&
            !(options->scale_low[i] < options->scale_high[i])) {
            return ll_fail(error, LL_INVALID_ARGUMENT, "networks", options->name,
                           "input \"%s\" has an empty range", options->inputs[i]);
        }
    }
    return LL_OK;
}

static ll_status fill(builder *b, const ll_pinn_options *options)
{
    for (int64_t i = 0; i < options->terms; i++) LL_TRY(add_term(b, options, &options->term[i], i));
    if (options->reference) LL_TRY(add_reference(b, options, options->terms));
    return b->status;
}

ll_status ll_pinn_create(const ll_pinn_options *options, ll_model **model, ll_error *error)
{
    LL_TRY(check_options(options, error));
    ll_network_options none = {.network = options->name, .dtype = options->dtype};
    builder b = {.options = &none, .rows = pinn_rows, .dtype = options->dtype, .error = error};
    LL_TRY(ll_model_create_empty(options->name, options->dtype, &b.model, error));
    b.graph = b.model->info.graph;
    ll_status status = fill(&b, options);
    if (status != LL_OK) {
        ll_model_destroy(b.model);
        return status;
    }
    *model = b.model;
    return LL_OK;
}
