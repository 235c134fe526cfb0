/* Derivative graphs and plans of a model, made when a request first needs them and kept. */
#include "problem/graph_internal.h"

#include <stdio.h>
#include <string.h>

static const char *const module = "problem";

static bool same_shape(const graph_shape *a, const graph_shape *b)
{
    return a->work == b->work && a->term == b->term && a->training == b->training &&
           a->metrics == b->metrics && a->product == b->product && a->vectors == b->vectors &&
           a->kept == b->kept && a->layers == b->layers &&
           (a->layers == 0 || memcmp(a->layer, b->layer, (size_t)a->layers * sizeof *a->layer) == 0);
}

static void entry_destroy(graph_entry *entry)
{
    if (entry == NULL) return;
    ll_plan_destroy(entry->plan);
    ll_free(entry->layer);
    ll_free(entry->nodes);
    ll_free(entry);
}

void graph_plans_destroy(graph_state *state)
{
    for (int64_t i = 0; i < state->entries; i++) entry_destroy(state->entry[i]);
    ll_free(state->entry);
}

static ll_node loss_of(const graph_state *state, const graph_shape *shape)
{
    const ll_model_term *term = &state->info->term[shape->term];
    return shape->training && term->loss[1] != LL_NO_NODE ? term->loss[1] : term->loss[0];
}

/* The sum of the per-sample losses, a scalar. */
static ll_node summed_loss(const graph_state *state, const graph_shape *shape)
{
    return ll_graph_sum(state->info->graph, loss_of(state, shape), LL_AXIS(0));
}

/* nodes[0 .. parameters - 1] = gradient of the summed loss. */
static ll_status add_gradient(graph_state *state, const graph_shape *shape, ll_node *nodes, ll_error *error)
{
    const ll_model_info *info = state->info;
    ll_node sum = summed_loss(state, shape);
    LL_TRY(ll_graph_check(info->graph, error));
    return ll_graph_vjp(info->graph, &sum, NULL, 1, info->parameter_node, info->parameters, nodes, error);
}

/* J' (d2 loss / d output2) J tangents. */
static ll_status add_ggn(graph_state *state, const graph_shape *shape, const ll_node *tangent, ll_node *nodes,
                         ll_error *error)
{
    const ll_model_info *info = state->info;
    ll_node output = info->term[shape->term].output, sum = summed_loss(state, shape);
    ll_node moved = LL_NO_NODE, slope = LL_NO_NODE, bent = LL_NO_NODE;
    LL_TRY(ll_graph_check(info->graph, error));
    LL_TRY(ll_graph_jvp(info->graph, &output, 1, info->parameter_node, tangent, info->parameters, &moved,
                        error));
    LL_TRY(ll_graph_vjp(info->graph, &sum, NULL, 1, &output, 1, &slope, error));
    LL_TRY(ll_graph_jvp(info->graph, &slope, 1, &output, &moved, 1, &bent, error));
    return ll_graph_vjp(info->graph, &output, &bent, 1, info->parameter_node, info->parameters, nodes, error);
}

/* `number` < 0: the vectors of a block together, [V, shape]. */
static ll_node tangent_input(const graph_state *state, int64_t p, int64_t number, int64_t vectors)
{
    const ll_parameter *parameter = &state->info->parameter[p];
    char name[512];
    int64_t full[LL_GRAPH_RANK] = {vectors};
    bool together = number < 0 && parameter->rank < LL_GRAPH_RANK;
    for (int axis = 0; axis < parameter->rank && together; axis++) full[axis + 1] = parameter->shape[axis];
    if (together) snprintf(name, sizeof name, "tangents%lld.%s", (long long)vectors, parameter->name);
    else if (number > 0) snprintf(name, sizeof name, "tangent%lld.%s", (long long)number, parameter->name);
    else snprintf(name, sizeof name, "tangent.%s", parameter->name);
    return ll_graph_input(state->info->graph, LL_INPUT_TANGENT, name, state->info->dtype,
                          together ? full : parameter->shape, parameter->rank + (together ? 1 : 0));
}

/* Products with the vectors of a block, one after the other: they share the nodes that no vector enters. */
static ll_status add_products(graph_state *state, const graph_shape *shape, ll_node *gradient,
                              ll_node *tangent, ll_node *nodes, ll_error *error)
{
    const ll_model_info *info = state->info;
    int64_t count = info->parameters;
    if (shape->product != LL_PRODUCT_GGN) LL_TRY(add_gradient(state, shape, gradient, error));
    for (int64_t v = 0; v < shape->vectors; v++, tangent += count, nodes += count) {
        for (int64_t p = 0; p < count; p++) tangent[p] = tangent_input(state, p, v, 0);
        LL_TRY(ll_graph_check(info->graph, error));
        LL_TRY(shape->product == LL_PRODUCT_GGN
                   ? add_ggn(state, shape, tangent, nodes, error)
                   : ll_graph_jvp(info->graph, gradient, count, info->parameter_node, tangent, count, nodes,
                                  error));
    }
    return LL_OK;
}

/* Products with one vector a parameter, then batched over the vectors of a block. `scratch` holds 3 x
 * parameters nodes. batched[p] is the input [V, shape] for parameter p. */
static ll_status add_batched_products(graph_state *state, const graph_shape *shape, ll_node *scratch,
                                      ll_node *batched, ll_node *nodes, ll_error *error)
{
    const ll_model_info *info = state->info;
    ll_node *tangent = scratch, *gradient = scratch + info->parameters,
            *single = scratch + 2 * info->parameters;
    graph_shape one = *shape;
    one.vectors = 1;
    LL_TRY(add_products(state, &one, gradient, tangent, single, error));
    for (int64_t p = 0; p < info->parameters; p++) {
        if (info->parameter[p].rank >= LL_GRAPH_RANK)
            return ll_fail(error, LL_UNSUPPORTED, module, info->parameter[p].name,
                           "rank %d leaves no room for a block of vectors", info->parameter[p].rank);
        batched[p] = tangent_input(state, p, -1, shape->vectors);
    }
    return ll_graph_batch(info->graph, single, info->parameters, tangent, batched, info->parameters,
                          shape->vectors, nodes, NULL, error);
}

static ll_status add_outputs(graph_state *state, graph_entry *entry, ll_error *error)
{
    const ll_model_info *info = state->info;
    const graph_shape *shape = &entry->shape;
    ll_node *nodes = entry->nodes;
    int64_t count = 0;
    entry->loss = entry->weight = entry->metric = entry->derivative = entry->feature = entry->statistic = -1;
    if (shape->work == GRAPH_EVALUATE || shape->work == GRAPH_GRADIENT) {
        entry->loss = count;
        nodes[count++] = loss_of(state, shape);
        if (info->term[shape->term].sample_weight != LL_NO_NODE) {
            entry->weight = count;
            nodes[count++] = info->term[shape->term].sample_weight;
        }
        entry->metric = count;
        for (int64_t m = 0; shape->metrics && m < info->metrics; m++) {
            if (info->metric[m].term != shape->term) continue;
            nodes[count++] = info->metric[m].numerator;
            if (info->metric[m].denominator != LL_NO_NODE) nodes[count++] = info->metric[m].denominator;
        }
    }
    if (shape->work == GRAPH_PRODUCT && info->term[shape->term].sample_weight != LL_NO_NODE) {
        entry->weight = count;
        nodes[count++] = info->term[shape->term].sample_weight;
    }
    if (shape->work == GRAPH_GRADIENT || shape->work == GRAPH_PRODUCT) {
        entry->derivative = count;
        ll_node *tangent = nodes + entry->outputs;
        ll_node *scratch = tangent + (entry->batched ? 1 : shape->vectors) * info->parameters;
        if (shape->work == GRAPH_GRADIENT) LL_TRY(add_gradient(state, shape, nodes + count, error));
        else if (entry->batched)
            LL_TRY(add_batched_products(state, shape, scratch, tangent, nodes + count, error));
        else LL_TRY(add_products(state, shape, scratch, tangent, nodes + count, error));
        entry->tangent = tangent;
        count += info->parameters * (entry->batched || shape->work == GRAPH_GRADIENT ? 1 : shape->vectors);
    }
    entry->feature = count;
    for (int64_t f = 0; f < shape->layers; f++)
        nodes[count++] = shape->layer[f] < info->layers ? info->layer[shape->layer[f]].node : info->output;
    /* Running statistics follow the first term's samples. */
    if (shape->training && shape->term == 0 && shape->work != GRAPH_PRODUCT) {
        entry->statistic = count;
        for (int64_t b = 0; b < info->buffers; b++)
            if (info->buffer[b].batch_value != LL_NO_NODE) nodes[count++] = info->buffer[b].batch_value;
    }
    entry->outputs = count;
    return ll_graph_check(info->graph, error);
}

static ll_status entry_create(graph_state *state, const graph_shape *shape, graph_entry **created,
                              ll_error *error)
{
    const ll_model_info *info = state->info;
    int64_t vectors = ll_max_int64(1, shape->vectors);
    /* Most outputs there can be; tangents and scratch lie behind them. */
    int64_t most = 2 + 2 * info->metrics + vectors * info->parameters + shape->layers + info->buffers;
    graph_entry *entry = ll_allocate_zeroed(sizeof *entry);
    if (entry == NULL) return ll_fail_memory(error, module, sizeof *entry);
    entry->shape = *shape;
    entry->outputs = most;
    entry->batched = shape->vectors > 1 && !graph_has_filters(state);
    entry->nodes = ll_allocate_array(most + (vectors + 3) * info->parameters, sizeof *entry->nodes);
    entry->layer = ll_allocate_array(shape->layers, sizeof *entry->layer);
    if (entry->nodes == NULL || entry->layer == NULL) {
        entry_destroy(entry);
        return ll_fail_memory(error, module, (size_t)most * sizeof *entry->nodes);
    }
    if (shape->layers > 0) memcpy(entry->layer, shape->layer, (size_t)shape->layers * sizeof *entry->layer);
    entry->shape.layer = entry->layer;
    /* The plan's micro-batch must follow from the Problem alone, never from the request that came first. */
    ll_plan_options options = state->plan_options;
    options.samples = state->term_samples[shape->term];
    ll_status status = LL_OK;
    if (shape->work == GRAPH_PRODUCT && !shape->kept) {
        /* Nor from the number of vectors, or from what fits: a product has the same bits in any block, kept or not. */
        graph_shape one = *shape;
        const graph_entry *single = NULL;
        one.kept = true;
        if (!entry->batched) one.vectors = 1;
        status = graph_plan_find(state, &one, &single, error);
        if (status == LL_OK) options.micro_batch = ll_plan_view(single->plan).micro_batch;
    }
    if (status == LL_OK) status = add_outputs(state, entry, error);
    if (shape->work == GRAPH_PRODUCT) {
        options.varying = entry->tangent;
        options.varying_count = (entry->batched ? 1 : vectors) * info->parameters;
        options.keep = shape->kept;
        if (shape->kept) options.memory_limit = 0; /* another plan is taken where this one does not fit */
    }
    if (status == LL_OK)
        status = ll_plan_create(info->graph, entry->nodes, entry->outputs, &options, &entry->plan, error);
    if (status != LL_OK) {
        /* A refused node must not stand in the way of the next request. */
        ll_graph_recover(info->graph);
        entry_destroy(entry);
        return status;
    }
    *created = entry;
    return LL_OK;
}

ll_status graph_plan_find(graph_state *state, const graph_shape *shape, const graph_entry **found,
                          ll_error *error)
{
    for (int64_t i = 0; i < state->entries; i++)
        if (same_shape(&state->entry[i]->shape, shape)) {
            *found = state->entry[i];
            return LL_OK;
        }
    graph_entry *created = NULL;
    LL_TRY(entry_create(state, shape, &created, error)); /* which may have made another one */
    if (state->entries == state->capacity) {
        int64_t capacity = state->capacity > 0 ? 2 * state->capacity : 16;
        graph_entry **grown = ll_allocate_array(capacity, sizeof *grown);
        if (grown == NULL) {
            entry_destroy(created);
            return ll_fail_memory(error, module, (size_t)capacity * sizeof *grown);
        }
        if (state->entries > 0) memcpy(grown, state->entry, (size_t)state->entries * sizeof(graph_entry *));
        ll_free(state->entry);
        state->entry = grown;
        state->capacity = capacity;
    }
    state->entry[state->entries++] = created;
    *found = created;
    return LL_OK;
}

/* Of one plan's memory: an equal part for each that may be held at a time, those of all terms and sizes of blocks. */
static size_t kept_limit(const graph_state *state)
{
    size_t limit = state->plan_options.memory_limit, plans = 0;
    if (limit == 0) limit = ll_usable_memory() / 4;
    for (int64_t t = 0; t < state->info->terms; t++) plans += state->info->term[t].weight != 0;
    if (!graph_has_filters(state)) plans *= 4;
    return limit / (plans > 0 ? plans : 1);
}

ll_status graph_plan_products(graph_state *state, graph_shape *shape, int64_t left, int64_t samples,
                              const graph_entry **entry, ll_error *error)
{
    size_t bytes = 0;
    shape->kept = true;
    shape->vectors = graph_block(state, left, true);
    LL_TRY(graph_plan_find(state, shape, entry, error));
    bool fits =
        ll_plan_memory((*entry)->plan, samples, ll_team_threads(state->team), &bytes, NULL) == LL_OK &&
        bytes <= kept_limit(state);
    if (fits) return LL_OK;
    shape->kept = false;
    shape->vectors = graph_block(state, left, false);
    return graph_plan_find(state, shape, entry, error);
}

void graph_plans_release(graph_state *state, const graph_shape *shape)
{
    for (int64_t i = 0; i < state->entries; i++) {
        const graph_shape *held = &state->entry[i]->shape;
        bool same = shape != NULL && shape->kept && held->product == shape->product &&
                    held->training == shape->training;
        if (held->kept && !same) ll_plan_release(state->entry[i]->plan);
    }
}
