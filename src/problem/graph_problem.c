/* A Problem on the built-in engine. A request is taken term by term: one run of one plan over the term's samples gives
 * the sums of all points; means, term weights and the whole are put together here in double precision. */
#include "losslens/problem_graph.h"
#include "losslens/problem_vectors.h"
#include "problem/graph_programs.h"

#include <math.h>
#include <string.h>

static const char *const module = "problem";

enum { PRODUCT_BLOCK = 4 }; /* vectors multiplied in one run; part of a result's numeric environment */

typedef struct graph_problem {
    ll_model *model;
    const ll_model_info *info;
    ll_sample_table *tables; /* one a model input, in its order */
    int64_t *samples;        /* one a term */
    ll_team *team;
    const ll_log *log;
    size_t memory_limit;
    program *programs;
} graph_problem;

/* ---------------------------------------------------------------- programs */

static bool same_key(const program_key *a, const program_key *b)
{
    if (a->term != b->term || a->training != b->training || a->wants != b->wants || a->operator!= b->operator||
        a->vectors != b->vectors || a->feature_layers != b->feature_layers) {
        return false;
    }
    for (int64_t f = 0; f < a->feature_layers; f++) {
        if (a->feature_layer[f] != b->feature_layer[f]) return false;
    }
    return true;
}

static ll_status program_for(graph_problem *self, const program_key *key, int64_t samples, program **out, ll_error *error)
{
    for (program *it = self->programs; it != NULL; it = it->next) {
        if (same_key(&it->key, key)) {
            *out = it;
            return LL_OK;
        }
    }
    ll_plan_options options = {.samples = samples, .memory_limit = self->memory_limit, .threads = ll_team_threads(self->team), .log = self->log};
    program *made;
    LL_TRY(program_create(self->info, key, &options, &made, error));
    made->next = self->programs;
    self->programs = made;
    *out = made;
    return LL_OK;
}

/* ---------------------------------------------------------------- one run */

/* What one run needs besides the program: bindings of the samples and pointers to the points' values. */
typedef struct run_space {
    ll_binding *bindings;
    int64_t binding_count;
    ll_node *point_inputs;
    const void **point_data;
    void **results;
    unsigned char *staging; /* results that are not the caller's own memory */
    unsigned char *tangents;
    double *sums;
} run_space;

static void run_space_deinit(run_space *space)
{
    ll_free(space->bindings);
    ll_free(space->point_inputs);
    ll_free(space->point_data);
    ll_free(space->results);
    ll_free(space->staging);
    ll_free(space->tangents);
    ll_free(space->sums);
}

/* Elements of everything a point gives besides rank-0 sums and features: gradients, products, batch values. */
static size_t staged_elements(const graph_problem *self, const program_key *key)
{
    size_t count = 0, n = (size_t)self->info->parameter_count;
    if (key->wants & WANT_GRADIENT) count += n;
    if (key->wants & WANT_PRODUCT) count += n * (size_t)key->vectors;
    if (key->wants & WANT_BATCH_VALUES) count += (size_t)self->info->buffer_count;
    return count;
}

static ll_status run_space_init(run_space *space, const graph_problem *self, const program *it, int64_t points, ll_error *error)
{
    const ll_model_info *info = self->info;
    size_t element = ll_dtype_bytes(info->dtype), staged = staged_elements(self, &it->key), bytes;
    int64_t inputs = info->parameters + info->buffers;
    if (!ll_multiply_size(staged * element, (size_t)points, &bytes)) return ll_fail(error, LL_TOO_LARGE, module, info->name, "too many points");
    *space = (run_space){
        .bindings = ll_allocate_array(info->inputs + info->parameters + 2, sizeof *space->bindings),
        .point_inputs = ll_allocate_array(inputs, sizeof *space->point_inputs),
        .point_data = ll_allocate_array(inputs * points, sizeof *space->point_data),
        .results = ll_allocate_array(it->output_count * points, sizeof *space->results),
        .staging = ll_allocate(bytes),
        .tangents = ll_allocate(it->key.wants & WANT_PRODUCT ? (size_t)info->parameter_count * (size_t)it->key.vectors * element : 0),
        .sums = ll_allocate_array(points * it->output_count, sizeof *space->sums),
    };
    if (space->bindings == NULL || space->point_inputs == NULL || space->point_data == NULL || space->results == NULL ||
        space->staging == NULL || space->tangents == NULL || space->sums == NULL) {
        run_space_deinit(space);
        return ll_fail_memory(error, module, bytes);
    }
    return LL_OK;
}

static void bind(run_space *space, ll_node input, const void *data)
{
    space->bindings[space->binding_count++] = (ll_binding){.input = input, .data = data};
}

static void bind_points(run_space *space, const graph_problem *self, const ll_request *request)
{
    const ll_model_info *info = self->info;
    ll_real type = info->dtype == LL_F64 ? LL_REAL_FLOAT64 : LL_REAL_FLOAT32;
    int64_t inputs = 0;
    for (int64_t p = 0; p < info->parameters; p++) space->point_inputs[inputs++] = info->parameter_node[p];
    for (int64_t b = 0; b < info->buffers; b++) space->point_inputs[inputs++] = info->buffer[b].node;
    for (int64_t k = 0; k < request->points; k++) {
        const void **row = space->point_data + k * inputs;
        for (int64_t p = 0; p < info->parameters; p++) *row++ = ll_vector_at(type, request->thetas[k], info->parameter[p].offset);
        for (int64_t b = 0; b < info->buffers; b++) {
            *row++ = ll_vector_at(type, request->buffers[request->buffers_shared ? 0 : k], info->buffer[b].entry.offset);
        }
    }
}

/* Each parameter's tangents one behind the other: [parameter][vector][elements]. */
static void bind_tangents(run_space *space, const graph_problem *self, const program *it, const void *const *vectors)
{
    const ll_model_info *info = self->info;
    ll_real type = info->dtype == LL_F64 ? LL_REAL_FLOAT64 : LL_REAL_FLOAT32;
    size_t element = ll_real_bytes(type);
    unsigned char *next = space->tangents;
    for (int64_t p = 0; p < info->parameters; p++) {
        size_t bytes = (size_t)info->parameter[p].count * element;
        bind(space, it->tangents[p], next);
        for (int64_t v = 0; v < it->key.vectors; v++, next += bytes) {
            memcpy(next, ll_vector_at(type, vectors[v], info->parameter[p].offset), bytes);
        }
    }
}

/* Where each output goes: sums to space->sums, features to the caller, the rest to the staging rows of its point. */
static void place_results(run_space *space, const graph_problem *self, const program *it, const ll_request *request)
{
    const ll_model_info *info = self->info;
    size_t element = ll_dtype_bytes(info->dtype), row = staged_elements(self, &it->key) * element;
    int64_t sums = it->output_count - it->key.feature_layers;
    if (it->key.wants & WANT_GRADIENT) sums -= info->parameters;
    if (it->key.wants & WANT_PRODUCT) sums -= info->parameters;
    if (it->key.wants & WANT_BATCH_VALUES) sums -= info->buffers;
    for (int64_t k = 0; k < request->points; k++) {
        void **result = space->results + k * it->output_count;
        unsigned char *staged = space->staging + (size_t)k * row;
        for (int64_t i = 0; i < sums; i++) *result++ = &space->sums[k * it->output_count + i];
        for (int64_t p = 0; (it->key.wants & WANT_GRADIENT) && p < info->parameters; p++) {
            *result++ = staged;
            staged += (size_t)info->parameter[p].count * element;
        }
        for (int64_t p = 0; (it->key.wants & WANT_PRODUCT) && p < info->parameters; p++) {
            *result++ = staged;
            staged += (size_t)(info->parameter[p].count * it->key.vectors) * element;
        }
        for (int64_t b = 0; (it->key.wants & WANT_BATCH_VALUES) && b < info->buffers; b++) {
            *result++ = staged;
            staged += (size_t)info->buffer[b].entry.count * element;
        }
        for (int64_t f = 0; f < it->key.feature_layers; f++) *result++ = request->features[k * request->feature_layers + f];
    }
}

/* Runs `it` for all points of the request over `list` of the term's samples; vectors: the block of products. */
static ll_status run_program(graph_problem *self, const program *it, const ll_request *request, ll_samples list,
                             const void *const *vectors, run_space *space, ll_error *error)
{
    const ll_model_info *info = self->info;
    int64_t seed = (int64_t)request->dropout_key;
    space->binding_count = 0;
    for (int64_t i = 0; i < info->inputs; i++) {
        if (info->input[i].term == it->key.term) bind(space, info->input[i].node, self->tables[i].rows);
    }
    ll_node seed_node = ll_graph_find_input(info->graph, "seed");
    if (seed_node != LL_NO_NODE) bind(space, seed_node, &seed);
    bind_points(space, self, request);
    if (it->key.wants & WANT_PRODUCT) bind_tangents(space, self, it, vectors);
    place_results(space, self, it, request);
    ll_run run = {.samples = list.count, .indices = list.indices, .bindings = space->bindings, .binding_count = space->binding_count,
                  .points = request->points, .point_inputs = space->point_inputs, .point_input_count = info->parameters + info->buffers,
                  .point_data = space->point_data, .results = space->results};
    return ll_plan_run(it->plan, self->team, &run, error);
}

/* ---------------------------------------------------------------- putting a request together */

/* Sums of a term's run for point k. */
static const double *sums_of(const run_space *space, const program *it, int64_t k) { return space->sums + k * it->output_count; }

static double denominator_of(const program *it, const double *sums, int64_t samples)
{
    return it->has_weight ? sums[1] : (double)samples;
}

static void take_loss(const graph_problem *self, const program *it, const run_space *space, const ll_request *request, int64_t samples)
{
    double weight = self->info->term[it->key.term].weight;
    for (int64_t k = 0; k < request->points; k++) {
        const double *sums = sums_of(space, it, k);
        double mean = sums[0] / denominator_of(it, sums, samples);
        if (request->terms != NULL) request->terms[k * self->info->terms + it->key.term] = mean;
        if (request->loss != NULL && weight != 0.0) request->loss[k] += weight * mean;
    }
}

static void take_metrics(const graph_problem *self, const program *it, const run_space *space, const ll_request *request, int64_t samples)
{
    const ll_model_info *info = self->info;
    for (int64_t k = 0; k < request->points; k++) {
        const double *sum = sums_of(space, it, k) + it->first_metric;
        for (int64_t m = 0; m < info->metrics; m++) {
            const ll_model_metric *metric = &info->metric[m];
            if (metric->term != it->key.term) continue;
            double value = *sum++;
            value /= metric->denominator != LL_NO_NODE ? *sum++ : (double)samples;
            request->metrics[k * info->metrics + m] = metric->root ? sqrt(value) : value;
        }
    }
}

/* The per-term scale of gradients and products. */
static double scale_of(const graph_problem *self, const program *it, const run_space *space, int64_t k, int64_t samples)
{
    return self->info->term[it->key.term].weight / denominator_of(it, sums_of(space, it, k), samples);
}

/* total += scale * staged, element by element in double. Staged products lie parameter by
 * parameter, in each vector by vector. */
static void add_scaled(const graph_problem *self, double scale, const unsigned char *staged, int64_t vectors, int64_t vector, double *total)
{
    const ll_model_info *info = self->info;
    for (int64_t p = 0; p < info->parameters; p++) {
        int64_t count = info->parameter[p].count;
        double *target = total + info->parameter[p].offset;
        if (info->dtype == LL_F64) {
            const double *source = (const double *)staged + info->parameter[p].offset * vectors + vector * count;
            for (int64_t i = 0; i < count; i++) target[i] += scale * source[i];
        } else {
            const float *source = (const float *)staged + info->parameter[p].offset * vectors + vector * count;
            for (int64_t i = 0; i < count; i++) target[i] += scale * (double)source[i];
        }
    }
}

/* Totals in double of what is summed over terms: K gradients, then K blocks of products. */
typedef struct totals {
    double *gradients, *products;
} totals;

static void take_vectors(const graph_problem *self, const program *it, const run_space *space, const ll_request *request, int64_t samples,
                         const totals *sum)
{
    const ll_model_info *info = self->info;
    size_t element = ll_dtype_bytes(info->dtype), row = staged_elements(self, &it->key) * element;
    int64_t n = info->parameter_count;
    for (int64_t k = 0; k < request->points; k++) {
        const unsigned char *staged = space->staging + (size_t)k * row;
        double scale = scale_of(self, it, space, k, samples);
        if (it->key.wants & WANT_GRADIENT) {
            add_scaled(self, scale, staged, 1, 0, sum->gradients + k * n);
            staged += (size_t)n * element;
        }
        for (int64_t v = 0; (it->key.wants & WANT_PRODUCT) && v < it->key.vectors; v++) {
            add_scaled(self, scale, staged, it->key.vectors, v, sum->products + (k * it->key.vectors + v) * n);
        }
    }
}

/* running <- (1 - momentum) running + momentum batch, from the last staged elements of each point. */
static void take_running(const graph_problem *self, const program *it, const run_space *space, const ll_request *request)
{
    const ll_model_info *info = self->info;
    ll_real type = info->dtype == LL_F64 ? LL_REAL_FLOAT64 : LL_REAL_FLOAT32;
    size_t elements = staged_elements(self, &it->key);
    for (int64_t k = 0; k < request->points; k++) {
        const void *batch = ll_vector_at(type, space->staging, (int64_t)(elements * (size_t)(k + 1)) - info->buffer_count);
        const void *running = request->buffers[request->buffers_shared ? 0 : k];
        for (int64_t b = 0; b < info->buffers; b++) {
            double momentum = info->buffer[b].momentum;
            for (int64_t i = 0; i < info->buffer[b].entry.count; i++) {
                int64_t at = info->buffer[b].entry.offset + i;
                double value = (1.0 - momentum) * ll_vector_get(type, running, at) + momentum * ll_vector_get(type, batch, at);
                ll_vector_from_double(type, 1, &value, ll_vector_at_mutable(type, request->buffers_out[k], at));
            }
        }
    }
}

/* One run of one term, with what is wanted of it. */
static ll_status evaluate_term(graph_problem *self, const program_key *key, const ll_request *request, ll_samples list,
                               const void *const *vectors, const totals *sum, ll_error *error)
{
    program *it;
    run_space space;
    LL_TRY(program_for(self, key, list.count, &it, error));
    LL_TRY(run_space_init(&space, self, it, request->points, error));
    ll_status status = run_program(self, it, request, list, vectors, &space, error);
    if (status == LL_OK && vectors == NULL) {
        take_loss(self, it, &space, request, list.count);
        if (key->wants & WANT_METRICS) take_metrics(self, it, &space, request, list.count);
        if (key->wants & WANT_BATCH_VALUES) take_running(self, it, &space, request);
    }
    if (status == LL_OK && (key->wants & (WANT_GRADIENT | WANT_PRODUCT))) take_vectors(self, it, &space, request, list.count, sum);
    run_space_deinit(&space);
    return status;
}

static void round_totals(const graph_problem *self, const double *total, int64_t count, void *const *vectors)
{
    ll_real type = self->info->dtype == LL_F64 ? LL_REAL_FLOAT64 : LL_REAL_FLOAT32;
    for (int64_t v = 0; v < count; v++) ll_vector_from_double(type, self->info->parameter_count, total + v * self->info->parameter_count, vectors[v]);
}

/* Everything but products: loss, terms, metrics, gradients, running statistics, features, in one run a term. */
static ll_status evaluate_main(graph_problem *self, const ll_request *request, ll_error *error)
{
    const ll_model_info *info = self->info;
    totals sum = {0};
    if (request->gradients != NULL) {
        sum.gradients = ll_allocate_zeroed((size_t)request->points * (size_t)info->parameter_count * sizeof(double));
        if (sum.gradients == NULL) return ll_fail_memory(error, module, (size_t)request->points * (size_t)info->parameter_count * sizeof(double));
    }
    for (int64_t k = 0; request->loss != NULL && k < request->points; k++) request->loss[k] = 0.0;
    ll_status status = LL_OK;
    for (int64_t t = 0; status == LL_OK && t < info->terms; t++) {
        bool weighted = info->term[t].weight != 0.0;
        if (!weighted && request->metrics == NULL) {
            for (int64_t k = 0; request->terms != NULL && k < request->points; k++) request->terms[k * info->terms + t] = NAN;
            continue;
        }
        program_key key = {.term = t, .training = request->mode == LL_MODE_TRAINING, .wants = WANT_LOSS};
        if (request->metrics != NULL) key.wants |= WANT_METRICS;
        if (request->gradients != NULL && weighted) key.wants |= WANT_GRADIENT;
        if (request->buffers_out != NULL && info->buffers > 0 && t == 0) key.wants |= WANT_BATCH_VALUES;
        if (request->feature_layers > 0 && t == 0) {
            key.wants |= WANT_FEATURES;
            key.feature_layers = request->feature_layers;
            key.feature_layer = request->feature_layer;
        }
        status = evaluate_term(self, &key, request, request->samples[t], NULL, &sum, error);
    }
    if (status == LL_OK && request->gradients != NULL) round_totals(self, sum.gradients, request->points, request->gradients);
    ll_free(sum.gradients);
    return status;
}

/* Products, a block of vectors at a time; the loss's sums come along for the weights of the means. */
static ll_status evaluate_products(graph_problem *self, const ll_request *request, ll_error *error)
{
    const ll_model_info *info = self->info;
    size_t bytes = (size_t)request->points * PRODUCT_BLOCK * (size_t)info->parameter_count * sizeof(double);
    totals sum = {.products = ll_allocate(bytes)};
    if (sum.products == NULL) return ll_fail_memory(error, module, bytes);
    ll_status status = LL_OK;
    for (int64_t first = 0; status == LL_OK && first < request->product_count; first += PRODUCT_BLOCK) {
        int64_t block = ll_min_int64(PRODUCT_BLOCK, request->product_count - first);
        memset(sum.products, 0, bytes);
        for (int64_t t = 0; status == LL_OK && t < info->terms; t++) {
            if (info->term[t].weight == 0.0) continue;
            program_key key = {.term = t, .training = request->mode == LL_MODE_TRAINING, .wants = WANT_LOSS | WANT_PRODUCT,
                               .operator= (int) request->product, .vectors = block};
            status = evaluate_term(self, &key, request, request->samples[t], request->vectors + first, &sum, error);
        }
        for (int64_t k = 0; status == LL_OK && k < request->points; k++) {
            round_totals(self, sum.products + k * block * info->parameter_count, block, request->products + k * request->product_count + first);
        }
    }
    ll_free(sum.products);
    return status;
}

/* Batch by batch in the order of the list; means of the batches' statistics in double. */
static ll_status calibrate(graph_problem *self, const ll_request *request, ll_error *error)
{
    const ll_model_info *info = self->info;
    ll_real type = info->dtype == LL_F64 ? LL_REAL_FLOAT64 : LL_REAL_FLOAT32;
    int64_t b = info->buffer_count, batches = 0;
    if (b == 0) return LL_OK;
    program_key key = {.term = 0, .training = 1, .wants = WANT_BATCH_VALUES};
    program *it;
    run_space space;
    double *mean = ll_allocate_zeroed((size_t)request->points * (size_t)b * sizeof *mean);
    if (mean == NULL) return ll_fail_memory(error, module, (size_t)request->points * (size_t)b * sizeof *mean);
    ll_status status = program_for(self, &key, request->batch_size, &it, error);
    if (status == LL_OK) status = run_space_init(&space, self, it, request->points, error);
    if (status != LL_OK) {
        ll_free(mean);
        return status;
    }
    for (int64_t first = 0; status == LL_OK && first < request->samples[0].count; first += request->batch_size, batches++) {
        ll_samples batch = {.indices = request->samples[0].indices + first,
                            .count = ll_min_int64(request->batch_size, request->samples[0].count - first)};
        status = run_program(self, it, request, batch, NULL, &space, error);
        for (int64_t i = 0; status == LL_OK && i < request->points * b; i++) mean[i] += ll_vector_get(type, space.staging, i);
    }
    for (int64_t k = 0; status == LL_OK && k < request->points; k++) {
        for (int64_t i = 0; i < b; i++) mean[k * b + i] /= (double)batches;
        ll_vector_from_double(type, b, mean + k * b, request->buffers_out[k]);
    }
    run_space_deinit(&space);
    ll_free(mean);
    return status;
}

static ll_status evaluate(void *context, const ll_request *request, ll_error *error)
{
    graph_problem *self = context;
    if (request->mode == LL_MODE_CALIBRATION) return calibrate(self, request, error);
    bool more = request->loss != NULL || request->terms != NULL || request->metrics != NULL || request->gradients != NULL ||
                request->buffers_out != NULL || request->feature_layers > 0;
    if (more) LL_TRY(evaluate_main(self, request, error));
    return request->product_count > 0 ? evaluate_products(self, request, error) : LL_OK;
}

/* An upper bound from the plans that the request would use. */
static size_t memory(void *context, const ll_request *request)
{
    graph_problem *self = context;
    size_t most = 0;
    for (int64_t t = 0; t < self->info->terms; t++) {
        program_key key = {.term = t, .training = request->mode != LL_MODE_EVALUATION};
        program *it;
        size_t bytes;
        key.wants = request->mode == LL_MODE_CALIBRATION ? WANT_BATCH_VALUES : WANT_LOSS;
        if (request->gradients != NULL) key.wants |= WANT_GRADIENT;
        if (request->product_count > 0) {
            key.wants |= WANT_PRODUCT;
            key.operator= (int) request->product;
            key.vectors = ll_min_int64(PRODUCT_BLOCK, request->product_count);
        }
        int64_t samples = request->mode == LL_MODE_CALIBRATION ? request->batch_size : request->samples[t].count;
        if (program_for(self, &key, samples, &it, NULL) != LL_OK) continue;
        if (ll_plan_memory(it->plan, samples, ll_team_threads(self->team), &bytes, NULL) != LL_OK) continue;
        bytes += staged_elements(self, &key) * (ll_dtype_bytes(self->info->dtype) + sizeof(double)) * (size_t)request->points;
        if (bytes > most) most = bytes;
    }
    return most;
}

/* ---------------------------------------------------------------- creation */

static void destroy(void *context)
{
    graph_problem *self = context;
    if (self == NULL) return;
    for (program *it = self->programs; it != NULL;) {
        program *next = it->next;
        program_destroy(it);
        it = next;
    }
    ll_model_destroy(self->model);
    ll_free(self->tables);
    ll_free(self->samples);
    ll_free(self);
}

static ll_status attach_tables(graph_problem *self, const ll_graph_problem_options *options, ll_error *error)
{
    const ll_model_info *info = self->info;
    for (int64_t t = 0; t < info->terms; t++) self->samples[t] = 0;
    for (int64_t i = 0; i < info->inputs; i++) {
        const ll_model_input *input = &info->input[i];
        const ll_sample_table *found = NULL;
        for (int64_t k = 0; k < options->tables; k++) {
            if (strcmp(options->table[k].input, input->name) == 0) found = &options->table[k];
        }
        if (found == NULL || found->rows == NULL || found->count < 1) {
            return ll_fail(error, LL_INVALID_ARGUMENT, module, info->name, "there are no samples for the input \"%s\"", input->name);
        }
        int64_t *count = &self->samples[input->term];
        if (*count != 0 && *count != found->count) {
            return ll_fail(error, LL_SHAPE, module, info->name, "input \"%s\" has %lld samples, the other inputs of term \"%s\" have %lld",
                           input->name, (long long)found->count, info->term[input->term].name, (long long)*count);
        }
        *count = found->count;
        self->tables[i] = *found;
    }
    return LL_OK;
}

static unsigned capabilities(const ll_model_info *info)
{
    unsigned can = LL_CAN_GRADIENT | LL_CAN_HESSIAN | LL_CAN_GGN | LL_CAN_TRAINING_MODE | LL_CAN_SUBSETS;
    if (info->metrics > 0) can |= LL_CAN_METRICS;
    if (info->layers > 0) can |= LL_CAN_FEATURES;
    if (info->buffers > 0) can |= LL_CAN_CALIBRATE;
    for (int64_t t = 0; t < info->terms; t++) {
        if (info->term[t].weight != 0.0 && info->term[t].output == LL_NO_NODE) can &= ~(unsigned)LL_CAN_GGN;
    }
    return can;
}

/* The tables of losslens/problem.h from those of the model. */
static ll_status describe(const graph_problem *self, ll_arena *arena, ll_problem_info *out, ll_error *error)
{
    const ll_model_info *info = self->info;
    ll_buffer_entry *buffers = ll_arena_allocate(arena, (size_t)info->buffers * sizeof *buffers);
    ll_term *terms = ll_arena_allocate(arena, (size_t)info->terms * sizeof *terms);
    ll_metric *metrics = ll_arena_allocate(arena, (size_t)info->metrics * sizeof *metrics);
    ll_layer *layers = ll_arena_allocate(arena, (size_t)info->layers * sizeof *layers);
    if (buffers == NULL || terms == NULL || metrics == NULL || layers == NULL) return ll_fail_memory(error, module, 0);
    for (int64_t b = 0; b < info->buffers; b++) buffers[b] = info->buffer[b].entry;
    for (int64_t t = 0; t < info->terms; t++) {
        terms[t] = (ll_term){.name = info->term[t].name, .weight = info->term[t].weight, .samples = self->samples[t]};
    }
    for (int64_t m = 0; m < info->metrics; m++) {
        metrics[m] = (ll_metric){.name = info->metric[m].name, .unit = info->metric[m].unit, .higher_is_better = info->metric[m].higher_is_better};
    }
    for (int64_t l = 0; l < info->layers; l++) {
        int64_t elements;
        if (!ll_graph_elements(ll_graph_node_at(info->graph, info->layer[l].node), 1, &elements)) {
            return ll_fail(error, LL_TOO_LARGE, module, info->layer[l].name, "its features are too many to count");
        }
        layers[l] = (ll_layer){.name = info->layer[l].name, .width = elements};
    }
    *out = (ll_problem_info){.name = info->name, .type = info->dtype == LL_F64 ? LL_REAL_FLOAT64 : LL_REAL_FLOAT32,
                             .parameter_count = info->parameter_count, .buffer_count = info->buffer_count, .parameters = info->parameters,
                             .buffers = info->buffers, .terms = info->terms, .metrics = info->metrics, .layers = info->layers,
                             .parameter = info->parameter, .buffer = buffers, .term = terms, .metric = metrics, .layer = layers,
                             .capabilities = capabilities(info)};
    return LL_OK;
}

ll_status ll_problem_create_graph(ll_model *model, const ll_graph_problem_options *options, ll_problem **problem, ll_error *error)
{
    static const ll_problem_callbacks callbacks = {.evaluate = evaluate, .memory = memory, .destroy = destroy};
    const ll_model_info *info = ll_model_view(model);
    graph_problem *self = ll_allocate_zeroed(sizeof *self);
    ll_arena *arena = ll_arena_create(0);
    if (self != NULL) {
        *self = (graph_problem){.info = info, .team = options->team, .log = options->log, .memory_limit = options->memory_limit,
                                .tables = ll_allocate_array(info->inputs, sizeof *self->tables),
                                .samples = ll_allocate_array(info->terms, sizeof *self->samples)};
    }
    ll_status status = self != NULL && arena != NULL && self->tables != NULL && self->samples != NULL ? LL_OK : ll_fail_memory(error, module, sizeof *self);
    ll_problem_info described;
    if (status == LL_OK) status = attach_tables(self, options, error);
    if (status == LL_OK) status = describe(self, arena, &described, error);
    if (status == LL_OK) {
        status = ll_problem_create_callback(&described, options->origin, options->origin_buffers, options->role, options->roles, &callbacks, self,
                                            problem, error);
    }
    ll_arena_destroy(arena);
    if (status != LL_OK) {
        destroy(self); /* the model stays the caller's */
        return status;
    }
    self->model = model;
    return LL_OK;
}
