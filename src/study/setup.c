#include "study/equation.h"
#include "study/setup_internal.h"

#include "losslens/problem_graph.h"

#include <stdio.h>
#include <string.h>

static const char *const module = "study";

enum { MOST_ROWS = SETUP_TABLES };

void ll_setup_destroy(ll_setup *setup)
{
    if (setup == NULL) return;
    if (setup->problem != NULL) {
        ll_problem_destroy(setup->problem);
    } else {
        ll_model_destroy(setup->model);
    }
    setup_free_data(setup);
    for (int i = 0; i < SETUP_TABLES; i++) ll_free(setup->converted[i]);
    equation_free_tables(setup->tables, setup->table_count);
    ll_pinn_samples_deinit(setup->points);
    ll_text_deinit(&setup->report);
    ll_text_deinit(&setup->notes);
    ll_free(setup);
}

ll_problem *ll_setup_problem(const ll_setup *setup) { return setup->problem; }
const ll_model_info *ll_setup_model(const ll_setup *setup) { return setup->model_info; }
const char *ll_setup_report(const ll_setup *setup)
{
    return setup->report.text != NULL ? setup->report.text : "";
}
const char *ll_setup_notes(const ll_setup *setup)
{
    return setup->notes.text != NULL ? setup->notes.text : "";
}

static bool is_physics(const ll_setup_options *options)
{
    return options->pinn != NULL || options->problem_file != NULL;
}

/* ---------------------------------------------------------------- models */

enum { IMPLIED = 2 };

/* What the code that names tensors like this does differently from the defaults: shortcut A with its zero
 * channels at the end (everybody else pads both sides); a U-Net that concatenates the up-sampled channels
 * first. What the caller says stands behind it and wins. */
static void implied_options(const ll_tensor_file *file, ll_network_option *given, int64_t *count)
{
    static const struct {
        const char *tensor; /* behind the prefix of the weights */
        ll_network_option option[IMPLIED];
        int64_t options;
    } habits[] = {{"stack1.0.conv1.weight", {{"padding", "end"}}, 1},
                  {"decoder.up_convs.0.weight", {{"up", "transposed"}, {"concatenation", "up_first"}}, 2}};
    for (size_t i = 0; i < sizeof habits / sizeof *habits; i++) {
        char name[256];
        snprintf(name, sizeof name, "%s%s", ll_tensor_file_weights_prefix(file), habits[i].tensor);
        if (ll_tensor_file_find(file, name) == NULL) continue;
        for (int64_t k = 0; k < habits[i].options; k++) given[(*count)++] = habits[i].option[k];
        return;
    }
}

static ll_status create_network(ll_setup *setup, const ll_setup_options *options, const ll_tensor_file *file,
                                ll_error *error)
{
    enum { MOST_OPTIONS = 64 };
    const ll_dataset *data = setup->datasets[0];
    ll_network_option given[MOST_OPTIONS];
    if (options->options + IMPLIED > MOST_OPTIONS)
        return ll_fail(error, LL_TOO_LARGE, module, "options", "got %lld network options; at most %d",
                       (long long)options->options, MOST_OPTIONS - IMPLIED);
    int64_t count = 0;
    if (file != NULL) implied_options(file, given, &count);
    for (int64_t i = 0; i < options->options; i++) given[count++] = options->option[i];
    ll_network_options network = {.network = options->network,
                                  .option = given,
                                  .options = count,
                                  .dtype = options->float64 ? LL_F64 : LL_F32,
                                  .loss = options->loss};
    for (int axis = 0; axis < data->rank && axis < 3; axis++) network.input_shape[axis] = data->shape[axis];
    network.classes = data->labels != NULL ? ll_setup_classes(setup) : data->target_width;
    if (network.loss == NULL)
        network.loss = data->labels == NULL    ? "mse"
                       : data->label_width > 1 ? "segmentation"
                                               : "cross_entropy";
    if (strcmp(network.loss, "bce") == 0) network.classes = 1;
    if (options->class_weight_count > 0 && options->class_weight_count != network.classes)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, "class weights",
                       "got %lld; there are %lld classes", (long long)options->class_weight_count,
                       (long long)network.classes);
    network.label_smoothing = options->label_smoothing;
    network.class_weights = options->class_weight_count > 0 ? options->class_weights : NULL;
    network.ignores_label = options->ignores_label;
    network.ignore_label = options->ignore_label;
    ll_document *blocks = NULL;
    if (options->network_file != NULL) {
        LL_TRY(ll_document_read(options->network_file, options->limits, &blocks, error));
        network.network = "blocks";
        network.blocks = blocks;
    }
    ll_status status = ll_network_create(&network, &setup->model, error);
    ll_document_destroy(blocks);
    if (status != LL_OK) return status;
    setup->model_info = ll_model_view(setup->model);
    return LL_OK;
}

/* Rows x, t, u of the reference take the place of the first term's x, t, start. */
static ll_status use_reference_points(ll_setup *setup, const ll_setup_options *options, ll_error *error)
{
    ll_pinn_samples *first = &setup->points[0];
    const ll_pinn_samples *reference = &setup->points[LL_PINN_TERMS - 1];
    int64_t count = ll_min_int64(options->feature_points, reference->count), width = reference->width;
    int64_t *order = ll_allocate_array(reference->count, sizeof *order);
    double *values = ll_allocate_array(count * width, sizeof *values);
    if (order == NULL || values == NULL || first->width != width) {
        ll_free(order);
        ll_free(values);
        return ll_fail_memory(error, module, (size_t)(count * width) * sizeof *values);
    }
    if (count == reference->count)
        for (int64_t i = 0; i < count; i++) order[i] = i;
    else ll_rng_permutation(ll_rng_make(0, "features", "points"), reference->count, order);
    for (int64_t i = 0; i < count; i++)
        memcpy(values + i * width, reference->values + order[i] * width, (size_t)width * sizeof *values);
    ll_free(order);
    ll_free(first->values);
    first->values = values;
    first->count = count;
    return LL_OK;
}

static ll_status create_pinn(ll_setup *setup, const ll_setup_options *options, ll_error *error)
{
    static const char *const names[] = {"convection", "convection-diffusion", "reaction",
                                        "reaction-diffusion"};
    const ll_pinn_family *f = &options->family;
    bool moves = f->beta != 0.0, diffuses = f->nu != 0.0, reacts = f->rho != 0.0;
    bool fits[] = {moves && !diffuses && !reacts, diffuses && !reacts, reacts && !moves && !diffuses,
                   reacts && diffuses};
    for (int i = 0; i < 4; i++) {
        if (strcmp(options->pinn, names[i]) != 0) continue;
        if (!fits[i]) {
            return ll_fail(error, LL_INVALID_ARGUMENT, module, options->pinn,
                           "got beta %g, nu %g, rho %g; convection wants beta, convection-diffusion nu (and "
                           "beta), reaction rho, "
                           "reaction-diffusion rho and nu other than 0",
                           f->beta, f->nu, f->rho);
        }
        ll_pinn_family family = *f;
        family.dtype = options->float64 ? LL_F64 : LL_F32;
        LL_TRY(ll_pinn_family_create(&family, &setup->model, setup->points, error));
        setup->model_info = ll_model_view(setup->model);
        return options->feature_points > 0 ? use_reference_points(setup, options, error) : LL_OK;
    }
    const char *near = ll_nearest_word(options->pinn, names, 4);
    return ll_fail(error, LL_NOT_FOUND, module, options->pinn,
                   "no problem of that name%s%s; there are convection, convection-diffusion, reaction, "
                   "reaction-diffusion",
                   near != NULL ? "; did you mean " : "", near != NULL ? near : "");
}

/* The loss that a pickled network was trained with is over its own points. */
static ll_status use_stored_points(ll_setup *setup, const ll_setup_options *options,
                                   const ll_tensor_file *file, ll_error *error)
{
    const struct {
        const char *name;
        double value;
    } given[] = {{"beta", options->family.beta}, {"nu", options->family.nu}, {"rho", options->family.rho}};
    bool found = false;
    LL_TRY(ll_pinn_stored_points(file, setup->points, &found, error));
    if (!found) return LL_OK;
    ll_text_format(&setup->notes,
                   "points: the checkpoint's own (%lld initial, %lld boundary pairs, %lld collocation), not "
                   "drawn by --point-seed\n",
                   (long long)setup->points[0].count, (long long)setup->points[1].count,
                   (long long)setup->points[2].count);
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        const ll_scalar *stored = ll_tensor_file_find_scalar(file, given[i].name);
        bool number = stored != NULL && (stored->type == LL_SCALAR_INTEGER || stored->type == LL_SCALAR_REAL);
        if (!number || stored->real == given[i].value) continue;
        ll_text_format(&setup->notes, "%s: the checkpoint was made with %g; the problem has %g\n",
                       given[i].name, stored->real, given[i].value);
    }
    return LL_OK;
}

/* ---------------------------------------------------------------- tables */

static ll_status network_rows(const ll_setup *setup, ll_graph_rows *rows, int64_t *count, ll_error *error)
{
    for (int64_t i = 0; i < setup->model_info->inputs; i++) {
        const char *name = setup->model_info->input[i].name;
        const void *values = strcmp(name, "input") == 0    ? setup->inputs
                             : strcmp(name, "label") == 0  ? (const void *)setup->labels
                             : strcmp(name, "target") == 0 ? setup->targets
                                                           : NULL;
        if (values == NULL)
            return ll_fail(error, LL_INVALID_ARGUMENT, module, name,
                           "the loss needs \"%s\", which the data does not have", name);
        rows[(*count)++] = (ll_graph_rows){.input = name, .rows = values, .count = setup->rows};
    }
    return LL_OK;
}

static ll_status pinn_rows(ll_setup *setup, ll_graph_rows *rows, int64_t *count, ll_error *error)
{
    const ll_pinn_samples *tables = setup->tables != NULL ? setup->tables : setup->points;
    int64_t table_count = setup->tables != NULL ? setup->table_count : LL_PINN_TERMS;
    for (int64_t t = 0; t < table_count; t++) {
        const ll_pinn_samples *table = &tables[t];
        int64_t values = table->count * table->width;
        const void *data = table->values;
        if (setup->model_info->dtype == LL_F32) {
            float *narrow = ll_allocate_array(values, sizeof *narrow);
            if (narrow == NULL) return ll_fail_memory(error, module, (size_t)values * sizeof *narrow);
            for (int64_t i = 0; i < values; i++) narrow[i] = (float)table->values[i];
            data = setup->converted[t] = narrow;
        }
        for (int64_t i = 0; i < setup->model_info->inputs; i++) {
            if (setup->model_info->input[i].term == t) {
                rows[(*count)++] = (ll_graph_rows){
                    .input = setup->model_info->input[i].name, .rows = data, .count = table->count};
            }
        }
    }
    return LL_OK;
}

/* Row numbers of each role, as the Problem wants them. */
static ll_status role_lists(const ll_setup *setup, ll_role_samples *lists, int64_t **numbers, ll_error *error)
{
    int64_t *number = ll_allocate_array(setup->rows + 1, sizeof *number);
    if (number == NULL) return ll_fail_memory(error, module, (size_t)setup->rows * sizeof *number);
    for (int64_t i = 0; i < setup->rows; i++) number[i] = i;
    for (int64_t p = 0; p < setup->part_count; p++) {
        const setup_part *it = &setup->parts[p];
        lists[p] = (ll_role_samples){
            .role = it->role, .term = 0, .indices = number + it->first, .count = it->subset.count};
    }
    *numbers = number;
    return LL_OK;
}

/* ---------------------------------------------------------------- weights */

static ll_status load_into(const ll_setup *setup, const ll_tensor_file *file, void **theta, void **buffers,
                           ll_text *report, ll_error *error)
{
    const ll_model_info *info = setup->model_info;
    size_t element = ll_dtype_bytes(info->dtype);
    void *weights = ll_allocate((size_t)info->parameter_count * element),
         *state = ll_allocate((size_t)info->buffer_count * element);
    if (weights == NULL || state == NULL) {
        ll_free(weights);
        ll_free(state);
        return ll_fail_memory(error, module, (size_t)info->parameter_count * element);
    }
    ll_status status = ll_model_load(setup->model, file, setup->by_order, weights, state, report, error);
    if (status == LL_INVALID_FILE && error != NULL) {
        size_t used = strlen(error->message);
        snprintf(error->message + used, sizeof error->message - used,
                 ". losslens inspect FILE --suggest proposes a network");
    }
    if (status != LL_OK) {
        ll_free(weights);
        ll_free(state);
        return status;
    }
    *theta = weights;
    *buffers = state;
    return LL_OK;
}

ll_status ll_setup_load(const ll_setup *setup, const char *checkpoint, void **theta, void **buffers,
                        ll_error *error)
{
    ll_tensor_file *file;
    ll_format_limits limits = setup->limits != NULL ? *setup->limits : ll_format_limits_default();
    LL_TRY(ll_tensor_file_read(checkpoint, &limits, &file, error));
    ll_status status = load_into(setup, file, theta, buffers, NULL, error);
    if (status != LL_OK) ll_error_prefix(error, "%s", checkpoint);
    ll_tensor_file_destroy(file);
    return status;
}

ll_status ll_setup_initialise(const ll_setup *setup, uint64_t seed, void **theta, void **buffers,
                              ll_error *error)
{
    size_t element = ll_dtype_bytes(setup->model_info->dtype);
    void *weights = ll_allocate((size_t)setup->model_info->parameter_count * element);
    void *state = ll_allocate((size_t)setup->model_info->buffer_count * element);
    ll_status status =
        weights == NULL || state == NULL
            ? ll_fail_memory(error, module, (size_t)setup->model_info->parameter_count * element)
            : ll_model_initialise(setup->model, seed, weights, state, error);
    if (status != LL_OK) {
        ll_free(weights);
        ll_free(state);
        return status;
    }
    *theta = weights;
    *buffers = state;
    return LL_OK;
}

/* ---------------------------------------------------------------- all of it */

static ll_status build_problem(ll_setup *setup, const ll_setup_options *options, const ll_tensor_file *file,
                               ll_error *error)
{
    ll_graph_rows rows[MOST_ROWS];
    ll_role_samples roles[SETUP_ROLES];
    int64_t row_count = 0, *numbers = NULL;
    void *theta = NULL, *buffers = NULL;
    LL_TRY(is_physics(options) ? pinn_rows(setup, rows, &row_count, error)
                               : network_rows(setup, rows, &row_count, error));
    if (!is_physics(options)) LL_TRY(role_lists(setup, roles, &numbers, error));
    ll_status status = file != NULL ? load_into(setup, file, &theta, &buffers, &setup->report, error) : LL_OK;
    if (status == LL_OK) {
        ll_graph_problem_options graph = {.rows = rows,
                                          .row_count = row_count,
                                          .roles = numbers != NULL ? roles : NULL,
                                          .role_count = numbers != NULL ? setup->part_count : 0,
                                          .theta = theta,
                                          .buffers = buffers,
                                          .seed = options->seed,
                                          .threads = options->threads,
                                          .memory_limit = options->memory_limit,
                                          .log = options->log};
        status = ll_problem_create_graph(setup->model, &graph, &setup->problem, error);
    }
    if (status == LL_OK && options->weight_decay != 0.0)
        status = ll_problem_set_weight_decay(setup->problem, options->weight_decay, error);
    ll_free(theta);
    ll_free(buffers);
    ll_free(numbers);
    return status;
}

static ll_status fill(ll_setup *setup, const ll_setup_options *options, const ll_tensor_file *file,
                      ll_error *error)
{
    if (options->problem_file != NULL) {
        LL_TRY(equation_read(options->problem_file, options->limits, options->float64 ? LL_F64 : LL_F32,
                             options->family.point_seed, &setup->model, &setup->tables, &setup->table_count,
                             error));
        setup->model_info = ll_model_view(setup->model);
    } else if (options->pinn != NULL) {
        LL_TRY(create_pinn(setup, options, error));
        if (file != NULL) LL_TRY(use_stored_points(setup, options, file, error));
    } else {
        ll_tensor_file *like = NULL;
        if (file == NULL && options->normalised_as != NULL) {
            ll_format_limits limits = options->limits != NULL ? *options->limits : ll_format_limits_default();
            LL_TRY(ll_tensor_file_read(options->normalised_as, &limits, &like, error));
        }
        ll_status status = setup_read_data(setup, options, file != NULL ? file : like, error);
        ll_tensor_file_destroy(like);
        if (status != LL_OK) return status;
        LL_TRY(create_network(setup, options, file, error));
    }
    return build_problem(setup, options, file, error);
}

ll_status ll_setup_create(const ll_setup_options *options, ll_setup **out, ll_error *error)
{
    int kinds = (options->network != NULL) + (options->network_file != NULL) + (options->pinn != NULL) +
                (options->problem_file != NULL);
    if (kinds != 1 || (!is_physics(options) && options->data == NULL)) {
        return ll_fail(error, LL_INVALID_ARGUMENT, module, NULL,
                       "wanted a network with data, or a physics-informed problem");
    }
    ll_tensor_file *file = NULL;
    ll_format_limits limits = options->limits != NULL ? *options->limits : ll_format_limits_default();
    if (options->checkpoint != NULL) LL_TRY(ll_tensor_file_read(options->checkpoint, &limits, &file, error));
    ll_setup *setup = ll_allocate_zeroed(sizeof *setup);
    ll_status status = LL_OK;
    if (setup == NULL) {
        status = ll_fail_memory(error, module, sizeof *setup);
    } else {
        setup->by_order = options->by_order;
        setup->limits = options->limits;
        status = fill(setup, options, file, error);
    }
    ll_tensor_file_destroy(file);
    if (status != LL_OK) {
        ll_setup_destroy(setup);
        return status;
    }
    *out = setup;
    return LL_OK;
}
