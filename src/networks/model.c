#include "builder.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A table with room for one more entry: the same block or a larger copy, whose old one is freed. NULL on no memory;
 * the old block stays then. The tables are const views outside; here they are ours to grow. */
static void *roomy(const void *table, int64_t count, int64_t *capacity, size_t element)
{
    void *old = (void *)(uintptr_t)table;
    if (count < *capacity) return old;
    int64_t wanted = *capacity > 0 ? 2 * *capacity : 16;
    void *grown = ll_allocate_array(wanted, element);
    if (grown == NULL) return NULL;
    if (count > 0) memcpy(grown, old, (size_t)count * element);
    ll_free(old);
    *capacity = wanted;
    return grown;
}

static void *writable(const void *table) { return (void *)(uintptr_t)table; }

ll_status ll_model_create_empty(const char *name, ll_dtype dtype, ll_model **out, ll_error *error)
{
    ll_model *model = ll_allocate_zeroed(sizeof *model);
    if (model == NULL) return ll_fail_memory(error, "networks", sizeof *model);
    model->arena = ll_arena_create(0);
    model->info.graph = ll_graph_create();
    model->info.dtype = dtype;
    model->info.output = LL_NO_NODE;
    if (model->arena != NULL) model->info.name = ll_arena_text(model->arena, name);
    if (model->info.graph == NULL || model->info.name == NULL) {
        ll_model_destroy(model);
        return ll_fail_memory(error, "networks", 0);
    }
    *out = model;
    return LL_OK;
}

void ll_model_destroy(ll_model *model)
{
    if (model == NULL) return;
    ll_free(writable(model->info.parameter));
    ll_free(writable(model->info.parameter_node));
    ll_free(writable(model->info.buffer));
    ll_free(writable(model->info.input));
    ll_free(writable(model->info.term));
    ll_free(writable(model->info.metric));
    ll_free(writable(model->info.layer));
    ll_free(model->draws);
    ll_graph_destroy(model->info.graph);
    ll_arena_destroy(model->arena);
    ll_free(model);
}

const ll_model_info *ll_model_view(const ll_model *model) { return &model->info; }

static void out_of_memory(builder *b) { b->status = ll_fail_memory(b->error, "networks", 0); }

ll_node ll_builder_parameter(builder *b, const char *name, ll_parameter_role role, int output_axis,
                             parameter_draw draw, const int64_t *shape, int rank)
{
    ll_model *model = b->model;
    ll_node node = ll_graph_input(b->graph, LL_INPUT_PARAMETER, name, b->dtype, shape, rank);
    if (node == LL_NO_NODE) return node;
    for (int64_t i = 0; i < model->info.parameters; i++) {
        if (model->info.parameter_node[i] == node) return node;
    }
    int64_t used = model->info.parameters,
            room[3] = {model->parameter_capacity, model->parameter_capacity, model->parameter_capacity};
    ll_parameter *table = roomy(model->info.parameter, used, &room[0], sizeof *table);
    if (table != NULL) model->info.parameter = table;
    ll_node *nodes = roomy(model->info.parameter_node, used, &room[1], sizeof *nodes);
    if (nodes != NULL) model->info.parameter_node = nodes;
    parameter_draw *draws = roomy(model->draws, used, &room[2], sizeof *draws);
    if (draws != NULL) model->draws = draws;
    char *copy = ll_arena_text(model->arena, name);
    int64_t count = 0, end = 0;
    if (table == NULL || nodes == NULL || draws == NULL || copy == NULL ||
        !ll_shape_count(shape, rank, &count) || !ll_add_int64(model->info.parameter_count, count, &end)) {
        out_of_memory(b);
        return LL_NO_NODE;
    }
    model->parameter_capacity = room[0];
    ll_parameter *entry = &table[used];
    *entry = (ll_parameter){.name = copy,
                            .rank = rank,
                            .offset = model->info.parameter_count,
                            .count = count,
                            .output_axis = output_axis,
                            .role = role,
                            .decays = true};
    for (int axis = 0; axis < rank; axis++) entry->shape[axis] = shape[axis];
    nodes[used] = node;
    draws[used] = draw;
    model->info.parameters++;
    model->info.parameter_count = end;
    return node;
}

ll_node ll_builder_buffer(builder *b, const char *name, int64_t count, double initial, double momentum)
{
    ll_model *model = b->model;
    ll_node node = ll_graph_input(b->graph, LL_INPUT_BUFFER, name, b->dtype, &count, 1);
    if (node == LL_NO_NODE) return node;
    for (int64_t i = 0; i < model->info.buffers; i++) {
        if (model->info.buffer[i].node == node) return node;
    }
    char *copy = ll_arena_text(model->arena, name);
    ll_model_buffer *table =
        roomy(model->info.buffer, model->info.buffers, &model->buffer_capacity, sizeof *table);
    if (table != NULL) model->info.buffer = table;
    if (copy == NULL || table == NULL) {
        out_of_memory(b);
        return LL_NO_NODE;
    }
    ll_model_buffer *entry = &table[model->info.buffers++];
    *entry = (ll_model_buffer){.entry = {.name = copy, .offset = model->info.buffer_count, .count = count},
                               .node = node,
                               .batch_value = LL_NO_NODE,
                               .momentum = momentum,
                               .initial = initial};
    model->info.buffer_count += count;
    return node;
}

void ll_builder_layer(builder *b, const char *name, ll_node node)
{
    ll_model *model = b->model;
    if (b->training || node == LL_NO_NODE) return;
    char *copy = ll_arena_text(model->arena, name);
    ll_model_layer *table =
        roomy(model->info.layer, model->info.layers, &model->layer_capacity, sizeof *table);
    if (table != NULL) model->info.layer = table;
    if (copy == NULL || table == NULL) {
        out_of_memory(b);
        return;
    }
    table[model->info.layers++] = (ll_model_layer){.name = copy, .node = node};
}

ll_node ll_builder_input(builder *b, const char *name, ll_dtype dtype, const int64_t *shape, int rank,
                         int64_t term)
{
    ll_model *model = b->model;
    int64_t full[LL_GRAPH_RANK] = {LL_SAMPLES};
    for (int axis = 0; axis < rank && axis + 1 < LL_GRAPH_RANK; axis++) full[axis + 1] = shape[axis];
    ll_node node = ll_graph_input(b->graph, LL_INPUT_SAMPLE, name, dtype, full, rank + 1);
    if (node == LL_NO_NODE) return node;
    for (int64_t i = 0; i < model->info.inputs; i++) {
        if (model->info.input[i].node == node) return node;
    }
    char *copy = ll_arena_text(model->arena, name);
    ll_model_input *table =
        roomy(model->info.input, model->info.inputs, &model->input_capacity, sizeof *table);
    if (table != NULL) model->info.input = table;
    if (copy == NULL || table == NULL) {
        out_of_memory(b);
        return LL_NO_NODE;
    }
    ll_model_input *entry = &table[model->info.inputs++];
    *entry = (ll_model_input){.name = copy, .node = node, .dtype = dtype, .rank = rank, .term = term};
    for (int axis = 0; axis < rank; axis++) entry->shape[axis] = shape[axis];
    return node;
}

ll_status ll_model_add_term(ll_model *model, const ll_model_term *term, ll_error *error)
{
    char *copy = ll_arena_text(model->arena, term->name);
    ll_model_term *table = roomy(model->info.term, model->info.terms, &model->term_capacity, sizeof *table);
    if (table != NULL) model->info.term = table;
    if (copy == NULL || table == NULL) return ll_fail_memory(error, "networks", 0);
    ll_model_term *entry = &table[model->info.terms++];
    *entry = *term;
    entry->name = copy;
    return LL_OK;
}

ll_status ll_model_add_metric(ll_model *model, const ll_model_metric *metric, ll_error *error)
{
    char *name = ll_arena_text(model->arena, metric->name), *unit = ll_arena_text(model->arena, metric->unit);
    ll_model_metric *table =
        roomy(model->info.metric, model->info.metrics, &model->metric_capacity, sizeof *table);
    if (table != NULL) model->info.metric = table;
    if (name == NULL || unit == NULL || table == NULL) {
        return ll_fail_memory(error, "networks", 0);
    }
    ll_model_metric *entry = &table[model->info.metrics++];
    *entry = *metric;
    entry->name = name;
    entry->unit = unit;
    return LL_OK;
}

/* ---------------------------------------------------------------- before training */

/* Element i of a truncated draw: the first of its stream that lies within two standard deviations. Each
 * element has a stream of its own of 64 numbers; 0.05^64 is nothing. */
static double truncated_normal(ll_rng rng, uint64_t index)
{
    for (uint64_t attempt = 0; attempt < 64; attempt++) {
        double value = ll_rng_normal(rng, index * 64 + attempt);
        if (fabs(value) <= 2.0) return value;
    }
    return 0.0;
}

static double draw_one(parameter_draw draw, ll_rng rng, uint64_t index)
{
    switch (draw.scheme) {
    case LL_INIT_ZEROS: return 0.0;
    case LL_INIT_ONES: return 1.0;
    case LL_INIT_UNIFORM: return draw.scale * (2.0 * ll_rng_uniform(rng, index) - 1.0);
    case LL_INIT_NORMAL: return draw.scale * ll_rng_normal(rng, index);
    case LL_INIT_TRUNCATED_NORMAL: return draw.scale * truncated_normal(rng, index);
    }
    return 0.0;
}

static void store(ll_dtype dtype, void *vector, int64_t index, double value)
{
    if (dtype == LL_F64) {
        ((double *)vector)[index] = value;
    } else {
        ((float *)vector)[index] = (float)value;
    }
}

ll_status ll_model_initialise(const ll_model *model, uint64_t seed, void *theta, void *buffers,
                              ll_error *error)
{
    const ll_model_info *info = &model->info;
    if (theta == NULL) return ll_fail(error, LL_INVALID_ARGUMENT, "networks", info->name, "theta is NULL");
    for (int64_t p = 0; p < info->parameters; p++) {
        const ll_parameter *parameter = &info->parameter[p];
        ll_rng rng = ll_rng_make(seed, "initialise", parameter->name);
        for (int64_t i = 0; i < parameter->count; i++) {
            store(info->dtype, theta, parameter->offset + i, draw_one(model->draws[p], rng, (uint64_t)i));
        }
    }
    for (int64_t k = 0; buffers != NULL && k < info->buffers; k++) {
        const ll_model_buffer *buffer = &info->buffer[k];
        for (int64_t i = 0; i < buffer->entry.count; i++) {
            store(info->dtype, buffers, buffer->entry.offset + i, buffer->initial);
        }
    }
    return LL_OK;
}
