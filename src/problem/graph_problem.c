/* The graph-backed Problem: requests become runs of plans, and their results the request's outputs.
 *
 * Each term is a run of its own, over its own samples. A plan gives per-sample losses and the gradient (or
 * product) of their *sum*; here the losses are summed in double by a fixed tree and everything is divided by
 * the sum of the sample weights, so that class weights and ignored labels follow the one definition of the
 * mean. */
#include "losslens/problem_graph.h"
#include "losslens/problem_vectors.h"
#include "problem/graph_internal.h"

#include <math.h>
#include <string.h>

static const char *const module = "problem";

/* ---------------------------------------------------------------- a run */

/* Everything a run of one plan needs, for `points` points of a request from `first` on. */
typedef struct graph_run {
    graph_state *state;
    const graph_entry *entry;
    const ll_request *request;
    const ll_samples *samples;
    int64_t first, points;
    int64_t *counts;       /* [outputs] elements of each */
    unsigned char *values; /* results that are not written in place */
    size_t value_bytes;
    void **results;      /* [points][outputs] */
    const void **inputs; /* [points][parameters + buffers] */
    ll_node *input_nodes;
    ll_binding *bindings;
    unsigned char *tangents; /* block of vectors, [V, shape] a parameter */
    double *sums;            /* per-sample values as doubles */
} graph_run;

static void run_deinit(graph_run *run)
{
    ll_free(run->counts);
    ll_free(run->values);
    ll_free(run->results);
    ll_free(run->inputs);
    ll_free(run->input_nodes);
    ll_free(run->bindings);
    ll_free(run->tangents);
    ll_free(run->sums);
}

static size_t real_bytes(const graph_state *state) { return ll_dtype_bytes(state->info->dtype); }
static ll_real real_type(const graph_state *state)
{
    return state->info->dtype == LL_F32 ? LL_REAL_FLOAT32 : LL_REAL_FLOAT64;
}

/* Elements and bytes of the outputs, for one point. */
static ll_status measure_outputs(const graph_state *state, const graph_entry *entry, int64_t samples,
                                 int64_t *counts, size_t *bytes, ll_error *error)
{
    *bytes = 0;
    for (int64_t o = 0; o < entry->outputs; o++) {
        const ll_graph_node *node = ll_graph_node_at(state->info->graph, entry->nodes[o]);
        size_t size = 0;
        if (!ll_graph_elements(node, samples, &counts[o]) ||
            !ll_multiply_size((size_t)counts[o], ll_dtype_bytes(node->dtype), &size) ||
            size > SIZE_MAX / 2 - *bytes)
            return ll_fail(error, LL_TOO_LARGE, module, state->info->name, "a result is too large to count");
        *bytes += (size + LL_ALIGNMENT - 1) / LL_ALIGNMENT * LL_ALIGNMENT;
    }
    return LL_OK;
}

static ll_status run_init(graph_run *run, graph_state *state, const graph_entry *entry,
                          const ll_request *request, const ll_samples *samples, int64_t first, int64_t points,
                          ll_error *error)
{
    const ll_model_info *info = state->info;
    *run = (graph_run){.state = state,
                       .entry = entry,
                       .request = request,
                       .samples = samples,
                       .first = first,
                       .points = points};
    int64_t fixed = info->parameters + info->buffers;
    run->counts = ll_allocate_array(entry->outputs, sizeof *run->counts);
    if (run->counts == NULL) return ll_fail_memory(error, module, 0);
    size_t bytes = 0;
    ll_status status = measure_outputs(state, entry, samples->count, run->counts, &run->value_bytes, error);
    if (status == LL_OK && !ll_multiply_size(run->value_bytes, (size_t)points, &bytes))
        status = ll_fail(error, LL_TOO_LARGE, module, info->name, "the results are too large to count");
    if (status == LL_OK) {
        run->values = ll_allocate(bytes);
        run->results = ll_allocate_array(points * entry->outputs, sizeof *run->results);
        run->inputs = ll_allocate_array(points * fixed, sizeof *run->inputs);
        run->input_nodes = ll_allocate_array(fixed, sizeof *run->input_nodes);
        run->bindings =
            ll_allocate_array(info->inputs + ll_max_int64(1, entry->shape.vectors) * info->parameters + 1,
                              sizeof *run->bindings);
        run->sums = ll_allocate_array(samples->count, sizeof *run->sums);
        size_t tangents =
            entry->batched ? (size_t)(entry->shape.vectors * info->parameter_count) * real_bytes(state) : 0;
        run->tangents = ll_allocate(tangents);
        if (run->values == NULL || run->results == NULL || run->inputs == NULL || run->input_nodes == NULL ||
            run->bindings == NULL || run->sums == NULL || run->tangents == NULL)
            status = ll_fail_memory(error, module, bytes + tangents);
    }
    if (status != LL_OK) {
        run_deinit(run);
        return status;
    }
    for (int64_t k = 0; k < points; k++) {
        unsigned char *value = run->values + (size_t)k * run->value_bytes;
        for (int64_t o = 0; o < entry->outputs; o++) {
            const ll_graph_node *node = ll_graph_node_at(info->graph, entry->nodes[o]);
            run->results[k * entry->outputs + o] = value;
            size_t size = (size_t)run->counts[o] * ll_dtype_bytes(node->dtype);
            value += (size + LL_ALIGNMENT - 1) / LL_ALIGNMENT * LL_ALIGNMENT;
        }
        const void *buffers =
            request->buffers == NULL ? NULL : request->buffers[request->buffers_shared ? 0 : first + k];
        for (int64_t p = 0; p < info->parameters; p++)
            run->inputs[k * fixed + p] =
                ll_vector_at(real_type(state), request->thetas[first + k], info->parameter[p].offset);
        for (int64_t b = 0; b < info->buffers; b++)
            run->inputs[k * fixed + info->parameters + b] =
                ll_vector_at(real_type(state), buffers, info->buffer[b].entry.offset);
    }
    for (int64_t p = 0; p < info->parameters; p++) run->input_nodes[p] = info->parameter_node[p];
    for (int64_t b = 0; b < info->buffers; b++) run->input_nodes[info->parameters + b] = info->buffer[b].node;
    return LL_OK;
}

/* Binds vectors v .. v + V - 1: where they lie, or packed as [V, shape] per parameter. */
static int64_t bind_tangents(graph_run *run, int64_t v, int64_t bound)
{
    const ll_model_info *info = run->state->info;
    int64_t block = run->entry->shape.vectors;
    size_t one = real_bytes(run->state);
    unsigned char *to = run->tangents;
    for (int64_t i = 0; i < block && !run->entry->batched; i++)
        for (int64_t p = 0; p < info->parameters; p++)
            run->bindings[bound++] = (ll_binding){
                run->entry->tangent[i * info->parameters + p],
                ll_vector_at(real_type(run->state), run->request->vectors[v + i], info->parameter[p].offset)};
    for (int64_t p = 0; p < info->parameters && run->entry->batched; p++) {
        size_t bytes = (size_t)info->parameter[p].count * one;
        run->bindings[bound++] = (ll_binding){run->entry->tangent[p], to};
        for (int64_t i = 0; i < block; i++, to += bytes)
            memcpy(to,
                   (const unsigned char *)run->request->vectors[v + i] +
                       (size_t)info->parameter[p].offset * one,
                   bytes);
    }
    return bound;
}

/* vector: first of the block, or -1. */
static ll_status execute(graph_run *run, int64_t vector, ll_error *error)
{
    graph_state *state = run->state;
    const ll_model_info *info = state->info;
    int64_t bound = 0, key = (int64_t)run->request->dropout_key;
    for (int64_t i = 0; i < info->inputs; i++)
        if (info->input[i].term == run->entry->shape.term)
            run->bindings[bound++] = (ll_binding){info->input[i].node, state->rows[i]};
    if (vector >= 0) bound = bind_tangents(run, vector, bound);
    ll_node seed = ll_graph_find_input(info->graph, "seed");
    if (seed != LL_NO_NODE) run->bindings[bound++] = (ll_binding){seed, &key};
    ll_run call = {.samples = run->samples->count,
                   .indices = run->samples->indices,
                   .bindings = run->bindings,
                   .binding_count = bound,
                   .points = run->points,
                   .point_inputs = run->input_nodes,
                   .point_input_count = info->parameters + info->buffers,
                   .point_data = run->inputs,
                   .results = run->results};
    return ll_plan_run(run->entry->plan, state->team, &call, error);
}

/* ---------------------------------------------------------------- results */

static void *result_at(const graph_run *run, int64_t k, int64_t output)
{
    return run->results[k * run->entry->outputs + output];
}

/* Sum of a per-sample output ([N] or any [N, ...]) in double. */
static double sum_output(graph_run *run, int64_t k, int64_t output)
{
    const ll_graph_node *node = ll_graph_node_at(run->state->info->graph, run->entry->nodes[output]);
    int64_t count = run->counts[output];
    const void *values = result_at(run, k, output);
    double partial[256], total = 0;
    /* Blocks of 256 by the pairwise tree, added in order: independent of everything but the count. */
    for (int64_t first = 0; first < count; first += 256) {
        int64_t width = ll_min_int64(256, count - first);
        for (int64_t i = 0; i < width; i++) switch (node->dtype) {
            case LL_F32: partial[i] = (double)((const float *)values)[first + i]; break;
            case LL_F64: partial[i] = ((const double *)values)[first + i]; break;
            case LL_I32: partial[i] = (double)((const int32_t *)values)[first + i]; break;
            case LL_I64: partial[i] = (double)((const int64_t *)values)[first + i]; break;
            default: partial[i] = (double)((const unsigned char *)values)[first + i]; break;
            }
        total += ll_reduce_pairwise(partial, width);
    }
    return total;
}

/* What the term's sum is divided by. */
static double total_weight(graph_run *run, int64_t k)
{
    return run->entry->weight < 0 ? (double)run->samples->count : sum_output(run, k, run->entry->weight);
}

static void take_losses(graph_run *run)
{
    const ll_model_info *info = run->state->info;
    const ll_request *request = run->request;
    int64_t term = run->entry->shape.term;
    for (int64_t k = 0; k < run->points; k++) {
        double mean = sum_output(run, k, run->entry->loss) / total_weight(run, k);
        int64_t point = run->first + k;
        if (request->terms != NULL) request->terms[point * info->terms + term] = mean;
        if (request->loss != NULL && info->term[term].weight != 0)
            request->loss[point] += info->term[term].weight * mean;
    }
}

static void take_metrics(graph_run *run)
{
    const ll_model_info *info = run->state->info;
    int64_t output = run->entry->metric;
    for (int64_t m = 0; m < info->metrics; m++) {
        const ll_model_metric *metric = &info->metric[m];
        if (metric->term != run->entry->shape.term) continue;
        bool divided = metric->denominator != LL_NO_NODE;
        for (int64_t k = 0; k < run->points; k++) {
            double value = sum_output(run, k, output) /
                           (divided ? sum_output(run, k, output + 1) : (double)run->samples->count);
            run->request->metrics[(run->first + k) * info->metrics + m] = metric->root ? sqrt(value) : value;
        }
        output += divided ? 2 : 1;
    }
}

/* to += factor * (block entry i of the derivative outputs), or = when `fresh`. */
static void add_derivative(graph_run *run, int64_t k, int64_t i, double factor, bool fresh, void *to)
{
    const ll_model_info *info = run->state->info;
    ll_real type = real_type(run->state);
    for (int64_t p = 0; p < info->parameters; p++) {
        int64_t count = info->parameter[p].count;
        const graph_entry *entry = run->entry;
        const void *from = entry->batched
                               ? ll_vector_at(type, result_at(run, k, entry->derivative + p), i * count)
                               : result_at(run, k, entry->derivative + i * info->parameters + p);
        void *part = ll_vector_at_mutable(type, to, info->parameter[p].offset);
        if (fresh) {
            ll_vector_copy(type, count, from, part);
            ll_vector_scale(type, count, factor, part);
        } else ll_vector_add(type, count, factor, from, part);
    }
}

/* running <- (1 - momentum) running + momentum batch; buffers that no batch changes are copied. */
static void take_running(graph_run *run)
{
    const ll_model_info *info = run->state->info;
    ll_real type = real_type(run->state);
    const ll_request *request = run->request;
    for (int64_t k = 0; k < run->points; k++) {
        int64_t point = run->first + k, output = run->entry->statistic;
        const void *before = request->buffers[request->buffers_shared ? 0 : point];
        void *after = request->buffers_out[point];
        ll_vector_copy(type, info->buffer_count, before, after);
        for (int64_t b = 0; b < info->buffers; b++) {
            if (info->buffer[b].batch_value == LL_NO_NODE) continue;
            void *part = ll_vector_at_mutable(type, after, info->buffer[b].entry.offset);
            ll_vector_scale(type, info->buffer[b].entry.count, 1.0 - info->buffer[b].momentum, part);
            ll_vector_add(type, info->buffer[b].entry.count, info->buffer[b].momentum,
                          result_at(run, k, output++), part);
        }
    }
}

/* ---------------------------------------------------------------- requests */

enum { POINTS_AT_ONCE = 64 }; /* results of so many points are held at a time */

/* Runs one plan for all points of the request, a few at a time, and hands each group to `take`. */
static ll_status run_plan(graph_state *state, const graph_shape *shape, const ll_request *request,
                          const ll_samples *samples, void (*take)(graph_run *run), ll_error *error)
{
    const graph_entry *entry = NULL;
    LL_TRY(graph_plan_find(state, shape, &entry, error));
    for (int64_t first = 0; first < request->points; first += POINTS_AT_ONCE) {
        graph_run run;
        LL_TRY(run_init(&run, state, entry, request, samples, first,
                        ll_min_int64(POINTS_AT_ONCE, request->points - first), error));
        ll_status status = execute(&run, -1, error);
        if (status == LL_OK) take(&run);
        run_deinit(&run);
        LL_TRY(status);
    }
    return LL_OK;
}

static bool term_has_metrics(const graph_state *state, int64_t term)
{
    for (int64_t m = 0; m < state->info->metrics; m++)
        if (state->info->metric[m].term == term) return true;
    return false;
}

static bool first_weighted(const graph_state *state, int64_t term)
{
    for (int64_t t = 0; t < term; t++)
        if (state->info->term[t].weight != 0) return false;
    return true;
}

static void take_evaluation(graph_run *run)
{
    take_losses(run);
    if (run->entry->shape.metrics) take_metrics(run);
    const graph_shape *shape = &run->entry->shape;
    bool weighted = run->state->info->term[shape->term].weight != 0;
    if (shape->work == GRAPH_GRADIENT && weighted)
        for (int64_t k = 0; k < run->points; k++)
            add_derivative(run, k, 0, run->state->info->term[shape->term].weight / total_weight(run, k),
                           first_weighted(run->state, shape->term), run->request->gradients[run->first + k]);
    /* Running statistics follow the first term's samples. */
    if (shape->training && run->request->buffers_out != NULL && shape->term == 0) take_running(run);
}

static ll_status evaluate_terms(graph_state *state, const ll_request *request, ll_error *error)
{
    const ll_model_info *info = state->info;
    bool training = request->mode == LL_MODE_TRAINING;
    bool values = request->loss != NULL || request->terms != NULL || request->gradients != NULL;
    if (request->loss != NULL) memset(request->loss, 0, (size_t)request->points * sizeof *request->loss);
    for (int64_t t = 0; t < info->terms; t++) {
        bool weighted = info->term[t].weight != 0;
        bool metrics = request->metrics != NULL && term_has_metrics(state, t);
        bool running = request->buffers_out != NULL && t == 0;
        if (!metrics && !running && !(values && weighted)) {
            /* A PINN's reference grid has many times the samples of its loss. */
            for (int64_t k = 0; k < request->points && request->terms != NULL; k++)
                request->terms[k * info->terms + t] = NAN;
            continue;
        }
        graph_shape shape = {.work = request->gradients != NULL && weighted ? GRAPH_GRADIENT : GRAPH_EVALUATE,
                             .term = t,
                             .training = training,
                             .metrics = metrics};
        LL_TRY(run_plan(state, &shape, request, &request->samples[t], take_evaluation, error));
    }
    return LL_OK;
}

/* Products with the first vectors of those left from number v on, at point k; how many they were. */
static ll_status evaluate_block(graph_state *state, const ll_request *request, int64_t t, int64_t k,
                                int64_t v, int64_t *done, ll_error *error)
{
    const ll_model_term *term = &state->info->term[t];
    graph_shape shape = {.work = GRAPH_PRODUCT,
                         .term = t,
                         .training = request->mode == LL_MODE_TRAINING,
                         .product = request->product};
    const graph_entry *entry = NULL;
    LL_TRY(graph_plan_products(state, &shape, request->product_count - v, request->samples[t].count, &entry,
                               error));
    graph_plans_release(state, &shape);
    graph_run run;
    LL_TRY(run_init(&run, state, entry, request, &request->samples[t], k, 1, error));
    ll_status status = execute(&run, v, error);
    for (int64_t i = 0; status == LL_OK && i < shape.vectors; i++)
        add_derivative(&run, 0, i, term->weight / total_weight(&run, 0), first_weighted(state, t),
                       request->products[k * request->product_count + v + i]);
    run_deinit(&run);
    *done = shape.vectors;
    return status;
}

static ll_status evaluate_products(graph_state *state, const ll_request *request, ll_error *error)
{
    /* Point by point: what is kept belongs to one. */
    for (int64_t k = 0; k < request->points; k++)
        for (int64_t t = 0; t < state->info->terms; t++) {
            if (state->info->term[t].weight == 0) continue;
            for (int64_t v = 0, block; v < request->product_count; v += block)
                LL_TRY(evaluate_block(state, request, t, k, v, &block, error));
        }
    return LL_OK;
}

static void take_features(graph_run *run)
{
    const ll_request *request = run->request;
    for (int64_t k = 0; k < run->points; k++)
        for (int64_t f = 0; f < request->feature_layers; f++) {
            int64_t output = run->entry->feature + f;
            ll_vector_copy(real_type(run->state), run->counts[output], result_at(run, k, output),
                           request->features[(run->first + k) * request->feature_layers + f]);
        }
}

/* Mean over batches of the batches' statistics, weights fixed. */
static ll_status calibrate(graph_state *state, const ll_request *request, ll_error *error)
{
    const ll_model_info *info = state->info;
    ll_real type = real_type(state);
    const ll_samples *all = &request->samples[0];
    int64_t batches = (all->count + request->batch_size - 1) / request->batch_size;
    if (all->count % request->batch_size == 1)
        return ll_fail(
            error, LL_INVALID_ARGUMENT, module, info->name,
            "%lld samples in batches of %lld leave a last batch of one sample, which has no variance",
            (long long)all->count, (long long)request->batch_size);
    graph_shape shape = {.work = GRAPH_STATISTICS, .training = true};
    const graph_entry *entry = NULL;
    LL_TRY(graph_plan_find(state, &shape, &entry, error));
    double *means = ll_allocate_array(info->buffer_count, sizeof *means);
    if (means == NULL) return ll_fail_memory(error, module, (size_t)info->buffer_count * sizeof *means);
    ll_status status = LL_OK;
    for (int64_t k = 0; status == LL_OK && k < request->points; k++) {
        const void *before = request->buffers[request->buffers_shared ? 0 : k];
        ll_vector_to_double(type, info->buffer_count, before, means);
        for (int64_t batch = 0; status == LL_OK && batch < batches; batch++) {
            ll_samples part = {all->indices + batch * request->batch_size,
                               ll_min_int64(request->batch_size, all->count - batch * request->batch_size)};
            graph_run run;
            status = run_init(&run, state, entry, request, &part, k, 1, error);
            if (status != LL_OK) break;
            status = execute(&run, -1, error);
            int64_t output = entry->statistic;
            for (int64_t b = 0; status == LL_OK && b < info->buffers; b++) {
                if (info->buffer[b].batch_value == LL_NO_NODE) continue;
                const void *value = result_at(&run, 0, output++);
                double *mean = means + info->buffer[b].entry.offset;
                for (int64_t i = 0; i < info->buffer[b].entry.count; i++)
                    mean[i] = (batch == 0 ? 0 : mean[i]) + ll_vector_get(type, value, i) / (double)batches;
            }
            run_deinit(&run);
        }
        if (status == LL_OK) ll_vector_from_double(type, info->buffer_count, means, request->buffers_out[k]);
    }
    ll_free(means);
    return status;
}

static ll_status evaluate(void *context, const ll_request *request, ll_error *error)
{
    graph_state *state = context;
    bool only_products = request->loss == NULL && request->terms == NULL && request->metrics == NULL &&
                         request->gradients == NULL && request->buffers_out == NULL &&
                         request->feature_layers == 0;
    if (!only_products) graph_plans_release(state, NULL);
    if (request->mode == LL_MODE_CALIBRATION) return calibrate(state, request, error);
    LL_TRY(evaluate_terms(state, request, error));
    if (request->product_count > 0) LL_TRY(evaluate_products(state, request, error));
    if (request->feature_layers == 0) return LL_OK;
    graph_shape shape = {
        .work = GRAPH_FEATURES, .layers = request->feature_layers, .layer = request->feature_layer};
    return run_plan(state, &shape, request, &request->samples[0], take_features, error);
}

/* The most that one of the request's runs holds: plans are made to know. A plan that cannot be made counts as
 * 0: the request itself will say why. */
static size_t shape_memory(graph_state *state, const graph_shape *shape, int64_t samples, int64_t points)
{
    const graph_entry *entry = NULL;
    size_t inside = 0, results = 0;
    if (graph_plan_find(state, shape, &entry, NULL) != LL_OK) return 0;
    int64_t *counts = ll_allocate_array(entry->outputs, sizeof *counts);
    if (counts == NULL || measure_outputs(state, entry, samples, counts, &results, NULL) != LL_OK ||
        ll_plan_memory(entry->plan, samples, ll_team_threads(state->team), &inside, NULL) != LL_OK)
        inside = results = 0;
    ll_free(counts);
    size_t tangents = (size_t)(shape->vectors * state->info->parameter_count) * real_bytes(state);
    return inside + results * (size_t)points + tangents;
}

static size_t memory(void *context, const ll_request *request)
{
    graph_state *state = context;
    const ll_model_info *info = state->info;
    size_t most = 0, kept = 0; /* at a time; of all terms together, for later products */
    bool training = request->mode == LL_MODE_TRAINING;
    int64_t points = ll_min_int64(request->points, POINTS_AT_ONCE);
    for (int64_t t = 0; t < info->terms; t++) {
        bool running = request->mode == LL_MODE_CALIBRATION || request->buffers_out != NULL;
        if (info->term[t].weight == 0 && request->metrics == NULL && !(running && t == 0)) continue;
        graph_shape shape = {.work = request->gradients != NULL ? GRAPH_GRADIENT : GRAPH_EVALUATE,
                             .term = t,
                             .training = training,
                             .metrics = request->metrics != NULL && term_has_metrics(state, t)};
        int64_t samples = request->samples[t].count;
        if (request->mode == LL_MODE_CALIBRATION) {
            shape = (graph_shape){.work = GRAPH_STATISTICS, .training = true};
            samples = ll_min_int64(samples, request->batch_size);
            points = 1;
        }
        size_t bytes = shape_memory(state, &shape, samples, points);
        if (bytes > most) most = bytes;
        if (request->product_count > 0) {
            graph_shape product = {
                .work = GRAPH_PRODUCT, .term = t, .training = training, .product = request->product};
            const graph_entry *entry = NULL;
            int64_t before = 0;
            for (int64_t left = request->product_count; left > 0;
                 left -= product.vectors, before = product.vectors) {
                if (graph_plan_products(state, &product, left, samples, &entry, NULL) != LL_OK) break;
                if (product.vectors == before) continue;
                bytes = shape_memory(state, &product, samples, 1);
                kept += product.kept ? bytes : 0;
                if (bytes > most) most = bytes;
            }
        }
        if (request->mode == LL_MODE_CALIBRATION) break;
    }
    return most > kept ? most : kept;
}

static void destroy(void *context)
{
    graph_state *state = context;
    if (state == NULL) return;
    graph_plans_destroy(state);
    ll_team_destroy(state->team);
    ll_free(state->rows);
    ll_free(state->term_samples);
    if (state->owns_model) ll_model_destroy(state->model);
    ll_free(state);
}

/* ---------------------------------------------------------------- creation */

static ll_status match_rows(graph_state *state, const ll_graph_problem_options *options, ll_error *error)
{
    const ll_model_info *info = state->info;
    for (int64_t i = 0; i < info->inputs; i++) {
        const ll_model_input *input = &info->input[i];
        const ll_graph_rows *match = NULL;
        for (int64_t r = 0; r < options->row_count; r++)
            if (strcmp(options->rows[r].input, input->name) == 0) match = &options->rows[r];
        if (match == NULL || match->rows == NULL)
            return ll_fail(error, LL_INVALID_ARGUMENT, module, info->name,
                           "no rows are given for the input \"%s\"", input->name);
        if (match->count < 1)
            return ll_fail(error, LL_INVALID_ARGUMENT, module, input->name, "the data set is empty");
        int64_t *count = &state->term_samples[input->term];
        if (*count != 0 && *count != match->count)
            return ll_fail(error, LL_SHAPE, module, input->name,
                           "%lld rows; other inputs of term \"%s\" have %lld", (long long)match->count,
                           info->term[input->term].name, (long long)*count);
        *count = match->count;
        state->rows[i] = match->rows;
    }
    for (int64_t r = 0; r < options->row_count; r++) {
        bool used = false;
        for (int64_t i = 0; i < info->inputs; i++)
            used = used || strcmp(options->rows[r].input, info->input[i].name) == 0;
        if (!used)
            return ll_fail(error, LL_INVALID_ARGUMENT, module, info->name,
                           "rows are given for \"%s\", which is no input of it", options->rows[r].input);
    }
    for (int64_t t = 0; t < info->terms; t++)
        if (state->term_samples[t] == 0)
            return ll_fail(error, LL_INVALID_ARGUMENT, module, info->name, "term \"%s\" reads no input",
                           info->term[t].name);
    return LL_OK;
}

static unsigned capabilities_of(const ll_model_info *info)
{
    unsigned can = LL_CAN_GRADIENT | LL_CAN_HESSIAN | LL_CAN_SUBSETS | LL_CAN_TRAINING_MODE | LL_CAN_GGN;
    if (ll_graph_find_input(info->graph, "seed") == LL_NO_NODE) can |= LL_CAN_REPEAT;
    if (info->metrics > 0) can |= LL_CAN_METRICS;
    if (info->layers > 0) can |= LL_CAN_FEATURES;
    for (int64_t b = 0; b < info->buffers; b++)
        if (info->buffer[b].batch_value != LL_NO_NODE) can |= LL_CAN_CALIBRATE;
    for (int64_t t = 0; t < info->terms; t++)
        if (info->term[t].weight != 0 && info->term[t].output == LL_NO_NODE) can &= ~(unsigned)LL_CAN_GGN;
    return can;
}

/* The model's tables in the words of problem.h, in `arena`. */
static bool make_info(const graph_state *state, ll_arena *arena, ll_problem_info *made)
{
    const ll_model_info *info = state->info;
    ll_buffer_entry *buffers = ll_arena_allocate(arena, (size_t)(info->buffers + 1) * sizeof *buffers);
    ll_term *terms = ll_arena_allocate(arena, (size_t)info->terms * sizeof *terms);
    ll_metric *metrics = ll_arena_allocate(arena, (size_t)(info->metrics + 1) * sizeof *metrics);
    ll_layer *layers = ll_arena_allocate(arena, (size_t)(info->layers + 1) * sizeof *layers);
    if (buffers == NULL || terms == NULL || metrics == NULL || layers == NULL) return false;
    for (int64_t b = 0; b < info->buffers; b++) buffers[b] = info->buffer[b].entry;
    for (int64_t t = 0; t < info->terms; t++)
        terms[t] = (ll_term){info->term[t].name, info->term[t].weight, state->term_samples[t]};
    for (int64_t m = 0; m < info->metrics; m++)
        metrics[m] =
            (ll_metric){info->metric[m].name, info->metric[m].unit, info->metric[m].higher_is_better};
    for (int64_t l = 0; l < info->layers; l++) {
        int64_t width = 0;
        if (!ll_graph_elements(ll_graph_node_at(info->graph, info->layer[l].node), 1, &width)) return false;
        layers[l] = (ll_layer){info->layer[l].name, width};
    }
    int64_t output = 0;
    if (info->output != LL_NO_NODE &&
        !ll_graph_elements(ll_graph_node_at(info->graph, info->output), 1, &output))
        return false;
    *made = (ll_problem_info){.name = info->name,
                              .type = real_type(state),
                              .parameter_count = info->parameter_count,
                              .buffer_count = info->buffer_count,
                              .parameters = info->parameters,
                              .buffers = info->buffers,
                              .terms = info->terms,
                              .metrics = info->metrics,
                              .layers = info->layers,
                              .parameter = info->parameter,
                              .buffer = buffers,
                              .term = terms,
                              .metric = metrics,
                              .layer = layers,
                              .output_width = output,
                              .capabilities = capabilities_of(info)};
    return true;
}

static ll_status make_origin(const graph_state *state, const ll_graph_problem_options *options, void *theta,
                             void *buffers, ll_error *error)
{
    const ll_model_info *info = state->info;
    ll_real type = real_type(state);
    if (options->theta == NULL || options->buffers == NULL)
        LL_TRY(ll_model_initialise(state->model, options->seed, theta, buffers, error));
    if (options->theta != NULL) ll_vector_copy(type, info->parameter_count, options->theta, theta);
    if (options->buffers != NULL) ll_vector_copy(type, info->buffer_count, options->buffers, buffers);
    return LL_OK;
}

static ll_status create(graph_state *state, const ll_graph_problem_options *options, ll_problem **problem,
                        ll_error *error)
{
    const ll_model_info *info = state->info;
    state->rows = ll_allocate_zeroed((size_t)(info->inputs + 1) * sizeof *state->rows);
    state->term_samples = ll_allocate_zeroed((size_t)(info->terms + 1) * sizeof *state->term_samples);
    ll_arena *arena = ll_arena_create(4096);
    void *theta = ll_allocate_array(info->parameter_count, real_bytes(state));
    void *buffers = ll_allocate_array(info->buffer_count, real_bytes(state));
    ll_problem_info table;
    ll_status status = LL_OK;
    if (state->rows == NULL || state->term_samples == NULL || arena == NULL || theta == NULL ||
        buffers == NULL)
        status = ll_fail_memory(error, module, (size_t)info->parameter_count * real_bytes(state));
    if (status == LL_OK) status = match_rows(state, options, error);
    if (status == LL_OK) status = ll_team_create(options->threads, &state->team, error);
    if (status == LL_OK && !make_info(state, arena, &table)) status = ll_fail_memory(error, module, 0);
    if (status == LL_OK) {
        state->plan_options = (ll_plan_options){.memory_limit = options->memory_limit,
                                                .threads = ll_team_threads(state->team),
                                                .backend = options->backend,
                                                .log = options->log};
        status = make_origin(state, options, theta, buffers, error);
    }
    ll_problem_callbacks callbacks = {evaluate, memory, destroy};
    if (status == LL_OK)
        status =
            ll_problem_create_callback(&table, theta, info->buffer_count > 0 ? buffers : NULL, options->roles,
                                       options->role_count, &callbacks, state, problem, error);
    ll_free(theta);
    ll_free(buffers);
    ll_arena_destroy(arena);
    return status;
}

ll_status ll_problem_create_graph(ll_model *model, const ll_graph_problem_options *options,
                                  ll_problem **problem, ll_error *error)
{
    if (model == NULL || options == NULL || problem == NULL)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, NULL, "model, options and a result are needed");
    const ll_model_info *info = ll_model_view(model);
    if (info->dtype != LL_F32 && info->dtype != LL_F64)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, info->name,
                       "its type is neither float32 nor float64");
    graph_state *state = ll_allocate_zeroed(sizeof *state);
    if (state == NULL) return ll_fail_memory(error, module, sizeof *state);
    state->model = model;
    state->info = info;
    ll_status status = create(state, options, problem, error);
    if (status != LL_OK) {
        destroy(state);
        return status;
    }
    state->owns_model = true;
    return LL_OK;
}
