/* From nodes to steps: which pass computes a node, and what computes it. */
#include "fuse.h"

#include <stdlib.h>
#include <string.h>

static ll_status grow(void **array, int64_t *capacity, int64_t count, size_t bytes, ll_error *error)
{
    if (count < *capacity) return LL_OK;
    int64_t more = *capacity ? *capacity * 2 : 64;
    void *larger = ll_allocate_array(more, bytes);
    if (!larger) return ll_fail_memory(error, "runtime", (size_t)more * bytes);
    if (count) memcpy(larger, *array, (size_t)count * bytes);
    ll_free(*array);
    *array = larger;
    *capacity = more;
    return LL_OK;
}

ll_status ll_plan_add_step(ll_plan *plan, const ll_step_kind *kind, ll_node node, int pass, bool sampled,
                           int32_t input_count, int32_t output_count, ll_step **step, ll_error *error)
{
    void *steps = plan->steps;
    LL_TRY(grow(&steps, &plan->step_capacity, plan->step_count, sizeof *plan->steps, error));
    plan->steps = steps;
    size_t bytes = sizeof(int32_t) * (size_t)(input_count + output_count);
    int32_t *ids = ll_arena_allocate(plan->memory, bytes);
    if (!ids) return ll_fail_memory(error, "runtime", bytes);
    ll_step *made = &plan->steps[plan->step_count++];
    *made = (ll_step){.kind = kind,
                      .node = node,
                      .pass = pass,
                      .sampled = sampled,
                      .input_count = input_count,
                      .output_count = output_count,
                      .inputs = ids,
                      .outputs = ids + input_count,
                      .nodes = 1};
    *step = made;
    return LL_OK;
}

/* Elements of the shape with the sample axis left out of the product; blocked channels rounded up. */
static ll_status value_size(const ll_graph_node *node, ll_layout layout, size_t *bytes, ll_error *error)
{
    size_t product = ll_dtype_bytes(node->dtype);
    bool fits = true;
    for (int32_t axis = 0; axis < node->rank; axis++) {
        int64_t extent = node->shape[axis];
        if (extent < 0) extent = -extent;
        if (layout == LL_LAYOUT_BLOCKED && axis == (node->rank == 1 ? 0 : 1))
            extent = (extent + 15) / 16 * 16;
        fits = fits && ll_multiply_size(product, (size_t)extent, &product);
    }
    if (!fits || product > SIZE_MAX / 65536)
        return ll_fail(error, LL_TOO_LARGE, "runtime", node->name, "a tensor has too many elements");
    *bytes = product;
    return LL_OK;
}

ll_status ll_plan_add_value(ll_plan *plan, ll_node node, ll_layout layout, int pass, int32_t *value,
                            ll_error *error)
{
    void *values = plan->values;
    LL_TRY(grow(&values, &plan->value_capacity, plan->value_count, sizeof *plan->values, error));
    plan->values = values;
    const ll_graph_node *it = ll_graph_node_at(plan->graph, node);
    ll_value made = {.node = node,
                     .layout = layout,
                     .pass = pass,
                     .sampled = plan->sampled[node],
                     .place = plan->sampled[node] ? LL_PLACE_ARENA : LL_PLACE_FIXED,
                     .alias = -1,
                     .sum_offset = -1,
                     .total = -1};
    LL_TRY(value_size(it, layout, made.sampled ? &made.sample_bytes : &made.fixed_bytes, error));
    plan->values[plan->value_count] = made;
    *value = (int32_t)plan->value_count++;
    plan->value_of[(int64_t)node * 2 + layout] = *value;
    return LL_OK;
}

/* What only sums of squares would read, and they no longer do, is not needed. */
static ll_status forget_squares(ll_plan *plan, const ll_node *outputs, int64_t output_count, ll_error *error)
{
    int32_t *readers = ll_allocate_zeroed(sizeof *readers * (size_t)(plan->node_count + 1));
    if (!readers) return ll_fail_memory(error, "runtime", sizeof *readers * (size_t)plan->node_count);
    for (int64_t i = 0; i < output_count; i++) readers[outputs[i]]++;
    for (ll_node n = (ll_node)plan->node_count - 1; n >= 0; n--) {
        const ll_graph_node *node = ll_graph_node_at(plan->graph, n);
        if (readers[n] == 0) plan->needed[n] = false;
        if (!plan->needed[n]) continue;
        if (plan->moment_of[n] != LL_NO_NODE) {
            ll_node x, centre;
            if (ll_moments_supports(plan, n, &x, &centre)) readers[x]++, readers[centre]++;
            continue;
        }
        for (int32_t i = 0; i < node->input_count; i++) readers[node->inputs[i]]++;
    }
    ll_free(readers);
    return LL_OK;
}

/* stage: nodes of stage s are computed before (fixed) or in (sampled) pass s; a sum over the samples made in pass s
 * is known from stage s + 1 on. */
static void assign_stages(ll_plan *plan)
{
    for (ll_node n = 0; n < plan->node_count; n++) {
        const ll_graph_node *node = ll_graph_node_at(plan->graph, n);
        int32_t stage = 0;
        plan->sums[n] = plan->needed[n] && ll_graph_sums_samples(plan->graph, n);
        for (int32_t i = 0; i < node->input_count; i++) {
            if (plan->stage[node->inputs[i]] > stage) stage = plan->stage[node->inputs[i]];
            plan->varies[n] = plan->varies[n] || plan->varies[node->inputs[i]];
        }
        plan->stage[n] = stage + (plan->sums[n] ? 1 : 0);
        plan->moment_of[n] = LL_NO_NODE;
        ll_node centre;
        if (plan->sums[n] && plan->native && ll_moments_supports(plan, n, &plan->moment_of[n], &centre)) {
            plan->sums[n] = false;
            plan->stage[n] = plan->stage[plan->moment_of[n]] + 1;
            if (plan->stage[centre] > plan->stage[n]) plan->stage[n] = plan->stage[centre];
        }
    }
}

/* The passes that the nodes need, or those among them that do not vary. */
static int count_passes(const ll_plan *plan, bool varying)
{
    int passes = 0;
    for (ll_node n = 0; n < plan->node_count; n++) {
        if (!plan->needed[n] || (plan->varies[n] && !varying)) continue;
        if (plan->sampled[n] && plan->stage[n] + 1 > passes) passes = plan->stage[n] + 1;
        if (plan->sums[n] && plan->stage[n] > passes) passes = plan->stage[n];
    }
    return passes;
}

/* What varies is computed behind the passes that are kept; among itself in the passes that it would have had, so that
 * the same is computed together and rounds alike. */
static void delay_varying(ll_plan *plan)
{
    plan->kept_passes = count_passes(plan, false);
    for (ll_node n = 0; n < plan->node_count; n++)
        if (plan->varies[n]) plan->stage[n] += plan->kept_passes;
}

static ll_status mark_varying(ll_plan *plan, ll_error *error)
{
    memset(plan->varies, 0, ((size_t)plan->node_count + 1) * sizeof(bool));
    for (int64_t i = 0; i < plan->options.varying_count; i++) {
        ll_node input = plan->options.varying[i];
        const ll_graph_node *node = ll_graph_node_at(plan->graph, input);
        if (!node || node->op != LL_OP_INPUT || plan->sampled[input])
            return ll_fail(error, LL_INVALID_ARGUMENT, "runtime", "varying",
                           "node %d is no input without a sample axis", (int)input);
        plan->varies[input] = true;
    }
    plan->options.varying = NULL;
    return LL_OK;
}

static ll_status find_stages(ll_plan *plan, const ll_node *outputs, int64_t output_count, ll_error *error)
{
    const ll_graph *graph = plan->graph;
    plan->node_count = ll_graph_count(graph);
    size_t count = (size_t)plan->node_count + 1;
    plan->needed = ll_arena_allocate(plan->memory, count * sizeof(bool));
    plan->sampled = ll_arena_allocate(plan->memory, count * sizeof(bool));
    plan->sums = ll_arena_allocate(plan->memory, count * sizeof(bool));
    plan->varies = ll_arena_allocate(plan->memory, count * sizeof(bool));
    plan->stage = ll_arena_allocate(plan->memory, count * sizeof(int32_t));
    plan->moment_of = ll_arena_allocate(plan->memory, count * sizeof(ll_node));
    plan->value_of = ll_arena_allocate(plan->memory, count * 2 * sizeof(int32_t));
    plan->turned = ll_arena_allocate(plan->memory, count * sizeof(int32_t));
    if (!plan->needed || !plan->sampled || !plan->sums || !plan->varies || !plan->stage || !plan->moment_of ||
        !plan->value_of || !plan->turned)
        return ll_fail_memory(error, "runtime", count * 16);
    for (size_t i = 0; i < count * 2; i++) plan->value_of[i] = -1;
    for (size_t i = 0; i < count; i++) plan->turned[i] = -1;
    LL_TRY(ll_graph_reachable(graph, outputs, output_count, plan->needed, error));
    bool any = false;
    for (ll_node n = 0; n < plan->node_count; n++) {
        plan->sampled[n] = ll_graph_sample_axis(ll_graph_node_at(graph, n)) >= 0;
        any = any || (plan->needed[n] && plan->sampled[n]);
    }
    LL_TRY(mark_varying(plan, error));
    assign_stages(plan);
    if (plan->options.keep && any) delay_varying(plan);
    plan->passes = any ? count_passes(plan, true) : 0;
    for (int64_t i = 0; i < output_count;
         i++) /* rows of results that are kept are delivered after the kept passes */
        if (plan->sampled[outputs[i]] && plan->passes == plan->kept_passes) plan->passes++;
    return forget_squares(plan, outputs, output_count, error);
}

/* What lowering works on; the plan's only while it is made. */
static ll_status emit(ll_plan *plan, ll_fusion *fusion, ll_node node, ll_error *error);

/* Sets the known values of a remade node to those of `pass`, which are made if need be. */
static ll_status remake(ll_plan *plan, ll_node node, int pass, ll_remade **entry, ll_error *error);

/* The value of a node in a layout for a step of `pass`; made on demand. */
static ll_status use(ll_plan *plan, ll_node node, ll_layout layout, int pass, int32_t *value, ll_error *error)
{
    const ll_graph_node *it = ll_graph_node_at(plan->graph, node);
    int32_t *known = &plan->value_of[(int64_t)node * 2];
    if (it->op == LL_OP_INPUT && plan->sampled[node] &&
        (known[0] < 0 || plan->values[known[0]].pass != pass)) {
        ll_step *step;
        int32_t loaded;
        LL_TRY(ll_plan_add_value(plan, node, LL_LAYOUT_DENSE, pass, &loaded, error));
        LL_TRY(ll_plan_add_step(plan, &ll_step_load, node, pass, true, 0, 1, &step, error));
        step->outputs[0] = loaded;
        known[1] = -1;
    }
    ll_remade *remade = NULL;
    if (plan->fusion->remade[node]) LL_TRY(remake(plan, node, pass, &remade, error));
    if (known[0] < 0 && known[1] < 0) LL_TRY(emit(plan, plan->fusion, node, error));
    if (known[layout] < 0) {
        if (known[1 - layout] < 0)
            return ll_fail(error, LL_INTERNAL, "runtime", it->name, "node %%%d has no value", (int)node);
        int32_t made;
        LL_TRY(ll_reorder_step_add(plan, known[1 - layout], layout, &made, error));
        if (remade) remade->values[layout] = made;
    }
    *value = known[layout];
    return LL_OK;
}

static ll_remade *remade_in(const ll_plan *plan, ll_node node, int pass)
{
    ll_remade *it = plan->fusion->remade_values;
    while (it && (it->node != node || it->pass != pass)) it = it->next;
    return it;
}

ll_status ll_plan_remember(ll_plan *plan, ll_node node, int pass, ll_layout layout, int32_t value,
                           ll_error *error)
{
    ll_remade *it = ll_arena_allocate(plan->memory, sizeof *it);
    if (!it) return ll_fail_memory(error, "runtime", sizeof *it);
    *it = (ll_remade){plan->fusion->remade_values, node, pass, {-1, -1}};
    it->values[layout] = value;
    plan->fusion->remade_values = it;
    return LL_OK;
}

static ll_status remake(ll_plan *plan, ll_node node, int pass, ll_remade **entry, ll_error *error)
{
    int32_t *known = &plan->value_of[(int64_t)node * 2];
    ll_remade *it = remade_in(plan, node, pass);
    if (!it && pass == ll_pass_of(plan, node)) {
        LL_TRY(emit(plan, plan->fusion, node, error));
        it = remade_in(plan, node, pass);
    }
    if (!it) {
        LL_TRY(ll_map_step_remake(plan, plan->fusion, node, pass, use, error));
        it = remade_in(plan, node, pass);
    }
    known[0] = it->values[0];
    known[1] = it->values[1];
    *entry = it;
    return LL_OK;
}

static ll_status lower_input(ll_plan *plan, ll_node node, ll_error *error)
{
    const ll_graph_node *it = ll_graph_node_at(plan->graph, node);
    ll_plan_input *input = &plan->inputs[plan->input_count++];
    *input = (ll_plan_input){
        .node = node, .kind = it->attributes.input.kind, .value = -1, .sampled = plan->sampled[node]};
    if (input->sampled) {
        if (ll_graph_sample_axis(it) != 0 || it->shape[0] != LL_SAMPLES)
            return ll_fail(error, LL_UNSUPPORTED, "runtime", it->name,
                           "the sample axis of an input must be its first and of size N");
        return LL_OK;
    }
    LL_TRY(ll_plan_add_value(plan, node, LL_LAYOUT_DENSE, 0, &input->value, error));
    plan->values[input->value].place = LL_PLACE_BOUND;
    return LL_OK;
}

ll_status ll_plan_add_result(ll_plan *plan, ll_node node, ll_layout layout, int32_t *value, ll_error *error)
{
    int pass = ll_pass_of(plan, node);
    LL_TRY(ll_plan_add_value(plan, node, layout, pass, value, error));
    if (!plan->sums[node]) return LL_OK;
    int32_t total;
    LL_TRY(ll_plan_add_value(plan, node, LL_LAYOUT_DENSE, pass + 1, &total, error));
    ll_value *partial = &plan->values[*value];
    partial->place = LL_PLACE_ARENA;
    partial->total = total;
    if (!ll_graph_elements(ll_graph_node_at(plan->graph, node), 0, &partial->sum_count))
        return ll_fail(error, LL_TOO_LARGE, "runtime", NULL, "node %%%d has too many elements", (int)node);
    return LL_OK;
}

ll_status ll_plan_add_raw(ll_plan *plan, ll_node node, int pass, size_t bytes, int32_t *value,
                          ll_error *error)
{
    int32_t *known = &plan->value_of[(int64_t)node * 2], before = known[0];
    LL_TRY(ll_plan_add_value(plan, node, LL_LAYOUT_DENSE, pass, value, error));
    known[0] = before;
    ll_value *made = &plan->values[*value];
    made->place = LL_PLACE_FIXED;
    made->sampled = false;
    made->sample_bytes = 0;
    made->fixed_bytes = bytes;
    return LL_OK;
}

/* A node that is a step of its own, or no step at all. */
static ll_status emit_single(ll_plan *plan, ll_node node, ll_error *error)
{
    const ll_graph_node *it = ll_graph_node_at(plan->graph, node);
    int pass = ll_pass_of(plan, node);
    int32_t value;
    ll_node whole = ll_concatenation_of(plan->graph, node);
    switch (it->op) {
    case LL_OP_INPUT: return LL_OK;
    case LL_OP_CONSTANT:
        LL_TRY(ll_plan_add_value(plan, node, LL_LAYOUT_DENSE, 0, &value, error));
        plan->values[value].place = LL_PLACE_CONSTANT;
        return LL_OK;
    case LL_OP_CONCATENATE:
        if (whole == LL_NO_NODE) break;
        /* fall through */
    case LL_OP_RESHAPE:
    case LL_OP_DETACH: {
        int32_t source;
        LL_TRY(use(plan, whole != LL_NO_NODE ? whole : it->inputs[0], LL_LAYOUT_DENSE, pass, &source, error));
        LL_TRY(ll_plan_add_value(plan, node, LL_LAYOUT_DENSE, plan->values[source].pass, &value, error));
        plan->values[value].alias = source;
        return LL_OK;
    }
    default: break;
    }
    if (plan->moment_of[node] != LL_NO_NODE) return ll_moments_add(plan, node, use, error);
    if (it->op == LL_OP_SUM && plan->fusion->sum_of[it->inputs[0]] == node)
        return emit(plan, plan->fusion, it->inputs[0], error);
    if (it->op == LL_OP_SUM && plan->fusion->blocked[it->inputs[0]] && ll_blocked_sum_supports(plan, node))
        return ll_blocked_sum_add(plan, node, use, error);
    int32_t *sources = ll_arena_allocate(plan->memory, sizeof(int32_t) * (size_t)(it->input_count + 1));
    if (!sources) return ll_fail_memory(error, "runtime", 64);
    for (int32_t i = 0; i < it->input_count; i++)
        LL_TRY(use(plan, it->inputs[i], LL_LAYOUT_DENSE, pass, &sources[i], error));
    ll_step *step;
    bool sampled = plan->sampled[node] || plan->sums[node];
    LL_TRY(ll_plan_add_step(plan, &ll_step_provider, node, pass, sampled, it->input_count, 1, &step, error));
    memcpy(step->inputs, sources, sizeof(int32_t) * (size_t)it->input_count);
    return ll_plan_add_result(plan, node, LL_LAYOUT_DENSE, &step->outputs[0], error);
}

/* Makes the step that computes a node, after the steps that it needs. */
static ll_status emit(ll_plan *plan, ll_fusion *fusion, ll_node node, ll_error *error)
{
    const int32_t *known = &plan->value_of[(int64_t)node * 2];
    if (fusion->unit_of[node] < 0)
        return known[0] >= 0 || known[1] >= 0 ? LL_OK : emit_single(plan, node, error);
    ll_unit *unit = &fusion->units[fusion->unit_of[node]];
    if (unit->emitted) return LL_OK;
    if (unit->emitting)
        return ll_fail(error, LL_INTERNAL, "runtime", NULL, "fused steps wait for each other at node %%%d",
                       (int)node);
    unit->emitting = true;
    if (unit->convolution) LL_TRY(ll_conv_step_add(plan, unit, use, error));
    else if (unit->product) LL_TRY(ll_product_step_add(plan, unit, use, error));
    else LL_TRY(ll_map_step_add(plan, fusion, unit->members, unit->count, use, error));
    unit->emitted = true;
    return LL_OK;
}

typedef struct keyed_step {
    ll_step step;
    int64_t order;
} keyed_step;

static int by_pass(const void *a, const void *b)
{
    const keyed_step *x = a, *y = b;
    if (x->step.pass != y->step.pass) return x->step.pass < y->step.pass ? -1 : 1;
    if (x->step.sampled != y->step.sampled) return x->step.sampled ? 1 : -1;
    return x->order < y->order ? -1 : 1;
}

/* Passes in order, what is fixed before what is sampled, else the graph's order. */
static ll_status sort_steps(ll_plan *plan, ll_error *error)
{
    keyed_step *keyed = ll_allocate_array(plan->step_count + 1, sizeof *keyed);
    if (!keyed) return ll_fail_memory(error, "runtime", (size_t)plan->step_count * sizeof *keyed);
    for (int64_t i = 0; i < plan->step_count; i++) keyed[i] = (keyed_step){plan->steps[i], i};
    qsort(keyed, (size_t)plan->step_count, sizeof *keyed, by_pass);
    for (int64_t i = 0; i < plan->step_count; i++) plan->steps[i] = keyed[i].step;
    ll_free(keyed);
    return LL_OK;
}

ll_status ll_plan_lower(ll_plan *plan, const ll_node *outputs, ll_error *error)
{
    LL_TRY(find_stages(plan, outputs, plan->output_count, error));
    plan->inputs = ll_arena_allocate(plan->memory, sizeof *plan->inputs * (size_t)(plan->node_count + 1));
    if (!plan->inputs) return ll_fail_memory(error, "runtime", 0);
    ll_fusion fusion;
    plan->fusion = &fusion;
    for (int64_t i = 0; i < plan->output_count; i++) plan->outputs[i].node = outputs[i];
    LL_TRY(ll_fusion_find(plan, &fusion, error));
    for (ll_node n = 0; n < plan->node_count; n++)
        if (plan->needed[n] && ll_graph_node_at(plan->graph, n)->op == LL_OP_INPUT)
            LL_TRY(lower_input(plan, n, error));
    for (ll_node n = 0; n < plan->node_count; n++) {
        ll_op op = ll_graph_node_at(plan->graph, n)->op;
        /* Products and gradients that are added up are made where their sum stands: all operands are known there. */
        const ll_unit *unit = fusion.unit_of[n] >= 0 ? &fusion.units[fusion.unit_of[n]] : NULL;
        bool added = unit && (unit->product || (unit->convolution && unit->second != LL_NO_NODE));
        if (added && unit->members[unit->count - 1] != n) continue;
        /* Broadcasts and transposes are mostly read through, slices put together again; they are made where somebody
         * needs them. */
        if (plan->needed[n] && op != LL_OP_BROADCAST && op != LL_OP_TRANSPOSE && op != LL_OP_SLICE)
            LL_TRY(emit(plan, &fusion, n, error));
    }
    for (int64_t i = 0; i < plan->output_count; i++) {
        ll_plan_output *output = &plan->outputs[i];
        output->sampled = plan->sampled[outputs[i]];
        /* Rows are delivered by every run, from what is kept if need be. */
        output->pass = ll_pass_of(plan, outputs[i]);
        if (output->sampled && output->pass < plan->kept_passes) output->pass = plan->kept_passes;
        LL_TRY(use(plan, outputs[i], LL_LAYOUT_DENSE, output->pass, &output->value, error));
    }
    plan->fusion = NULL;
    return sort_steps(plan, error);
}
