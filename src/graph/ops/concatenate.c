/* concatenate along one constant axis. */
#include "graph/internal.h"

#include <stdlib.h>

static ll_status infer(const ll_graph *graph, ll_graph_node *draft, ll_error *error)
{
    const ll_graph_node *first = ll_at(graph, draft->inputs[0]);
    int32_t along = draft->attributes.axis.axis;
    if (along < 0 || along >= first->rank || first->shape[along] < 0) {
        return ll_refuse(error, "axis %d of %s does not exist or is the sample axis", (int)along,
                         ll_words(first).text);
    }
    int64_t total = 0;
    for (int32_t i = 0; i < draft->input_count; i++) {
        const ll_graph_node *x = ll_at(graph, draft->inputs[i]);
        bool fits = x->dtype == first->dtype && x->rank == first->rank;
        for (int axis = 0; fits && axis < x->rank; axis++) {
            fits = axis == along ? x->shape[axis] >= 0 : x->shape[axis] == first->shape[axis];
        }
        if (!fits || !ll_add_int64(total, x->shape[along], &total)) {
            return ll_refuse(error, "operand %d: got %s, wanted %s but for axis %d", (int)i, ll_words(x).text,
                             ll_words(first).text, (int)along);
        }
    }
    draft->dtype = first->dtype;
    draft->rank = first->rank;
    for (int axis = 0; axis < LL_GRAPH_RANK; axis++) draft->shape[axis] = first->shape[axis];
    draft->shape[along] = total;
    return LL_OK;
}

static ll_node simplify(ll_graph *graph, const ll_graph_node *draft)
{
    (void)graph;
    return draft->input_count == 1 ? draft->inputs[0] : LL_NO_NODE;
}

static void vjp(ll_graph *graph, ll_node node, ll_node cotangent, const bool *wanted, ll_node *cotangents)
{
    const ll_graph_node *it = ll_at(graph, node);
    int axis = it->attributes.axis.axis;
    int64_t start = 0;
    for (int32_t i = 0; i < it->input_count; i++) {
        int64_t size = ll_at(graph, it->inputs[i])->shape[axis];
        if (wanted[i]) cotangents[i] = ll_graph_slice_axis(graph, cotangent, axis, start, size);
        start += size;
    }
}

/* The op on a changed list of operands, made by `operand`. */
static ll_node on_each(ll_graph *graph, ll_node node, const ll_node *operands, const bool *batched,
                       int64_t models)
{
    const ll_graph_node *it = ll_at(graph, node);
    ll_node *list = malloc((size_t)it->input_count * sizeof *list);
    if (list == NULL) {
        ll_graph_stick_memory(graph, (size_t)it->input_count * sizeof *list);
        return LL_NO_NODE;
    }
    for (int32_t i = 0; i < it->input_count; i++) {
        if (batched != NULL) {
            list[i] = ll_with_models(graph, operands[i], batched[i], models);
        } else {
            bool zero = operands[i] == LL_NO_NODE;
            list[i] = zero ? ll_graph_full_like(graph, it->inputs[i], 0.0) : operands[i];
        }
    }
    int axis = it->attributes.axis.axis + (batched != NULL ? 1 : 0);
    ll_node result = ll_graph_concatenate(graph, list, it->input_count, axis);
    free(list);
    return result;
}

static ll_node jvp(ll_graph *graph, ll_node node, const ll_node *tangents)
{
    return on_each(graph, node, tangents, NULL, 0);
}

static ll_node batch(ll_graph *graph, ll_node node, const ll_node *inputs, const bool *batched,
                     int64_t models)
{
    return on_each(graph, node, inputs, batched, models);
}

static bool sample(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *cases)
{
    if (index >= 2) return false;
    ll_node x[3];
    if (index == 0) {
        x[0] = ll_sample_input(graph, cases, dtype, -2.0, 2.0, 2, -1, 3);
        x[1] = ll_sample_input(graph, cases, dtype, -2.0, 2.0, 2, -1, 1);
        x[2] = ll_sample_input(graph, cases, dtype, -2.0, 2.0, 2, -1, 4);
    } else {
        x[0] = ll_sample_input(graph, cases, dtype, -2.0, 2.0, 3, 2, -1, 3);
        x[1] = ll_sample_input(graph, cases, dtype, -2.0, 2.0, 3, 1, -1, 3);
        x[2] = ll_sample_input(graph, cases, dtype, -2.0, 2.0, 3, 0, -1, 3);
    }
    cases->output = ll_graph_concatenate(graph, x, 3, index == 0 ? 1 : 0);
    return true;
}

const ll_op_rules ll_rules_concatenate = {.types = LL_TYPES_ALL,
                                          .infer = infer,
                                          .simplify = simplify,
                                          .vjp = vjp,
                                          .jvp = jvp,
                                          .batch = batch,
                                          .sample = sample};

ll_node ll_graph_concatenate(ll_graph *graph, const ll_node *inputs, int64_t count, int axis)
{
    ll_attributes attributes = {0};
    attributes.axis.axis = axis;
    return ll_graph_apply(graph, LL_OP_CONCATENATE, inputs, count, &attributes, LL_F32, NULL, 0);
}
