/* The slow evaluator: every node that the outputs need, in order, each in memory of its own. */
#include "kernels/kernel.h"

#include <stdio.h>
#include <string.h>

typedef struct interpreter {
    const ll_graph *graph;
    int64_t count, samples;
    bool *needed;
    const void **values; /* a node's tensor; NULL: not computed yet */
    void **owned;        /* what is to be freed */
    ll_error *error;
} interpreter;

static ll_status bind_inputs(interpreter *in, const ll_binding *bindings, int64_t binding_count)
{
    for (int64_t i = 0; i < binding_count; i++) {
        if (bindings[i].input < 0 || bindings[i].input >= in->count) {
            return ll_fail(in->error, LL_INVALID_ARGUMENT, "kernels", "bindings", "node %%%d does not exist",
                           (int)bindings[i].input);
        }
        in->values[bindings[i].input] = bindings[i].data;
    }
    return LL_OK;
}

/* The number of samples and 0, 1, 2 ... for inputs that were not bound. */
static ll_status standard_input(interpreter *in, ll_node node, const ll_graph_node *it)
{
    int kind = it->attributes.input.kind;
    if (kind != LL_INPUT_SAMPLE_COUNT && kind != LL_INPUT_SAMPLE_INDEX) {
        return ll_fail(in->error, LL_NOT_FOUND, "kernels", it->name, "the input \"%s\" (%s) is not bound",
                       it->name != NULL ? it->name : "", ll_input_kind_name((ll_input_kind)kind));
    }
    int64_t elements = kind == LL_INPUT_SAMPLE_COUNT ? 1 : in->samples;
    in->owned[node] = ll_allocate_array(elements, sizeof(int64_t));
    if (in->owned[node] == NULL)
        return ll_fail_memory(in->error, "kernels", (size_t)elements * sizeof(int64_t));
    if (kind == LL_INPUT_SAMPLE_INDEX) {
        for (int64_t i = 0; i < elements; i++) ((int64_t *)in->owned[node])[i] = i;
    } else if (it->dtype == LL_F64) {
        *(double *)in->owned[node] = (double)in->samples;
    } else {
        *(float *)in->owned[node] = (float)in->samples;
    }
    in->values[node] = in->owned[node];
    return LL_OK;
}

static ll_status compute(interpreter *in, ll_node node, const ll_graph_node *it)
{
    enum { INLINE = 4 };
    ll_tensor_form few_forms[INLINE], *forms = few_forms;
    const void *few_inputs[INLINE], **inputs = few_inputs;
    ll_kernel_case kernel;
    void *many = NULL;
    if (it->input_count > INLINE) {
        many = ll_allocate((size_t)it->input_count * (sizeof *forms + sizeof *inputs));
        if (many == NULL)
            return ll_fail_memory(in->error, "kernels", (size_t)it->input_count * sizeof *forms);
        forms = many;
        inputs = (const void **)(forms + it->input_count);
    }
    void *state = NULL;
    ll_status status = ll_kernel_case_of(in->graph, node, in->samples, forms, &kernel, in->error);
    if (status == LL_OK) {
        for (int32_t i = 0; i < it->input_count; i++) inputs[i] = in->values[it->inputs[i]];
        in->owned[node] = ll_allocate_array(kernel.output.count, ll_dtype_bytes(it->dtype));
        if (in->owned[node] == NULL)
            status =
                ll_fail_memory(in->error, "kernels", (size_t)kernel.output.count * ll_dtype_bytes(it->dtype));
    }
    if (status == LL_OK) status = ll_provider_reference.prepare(&kernel, &state, in->error);
    if (status == LL_OK) status = ll_provider_reference.run(state, inputs, in->owned[node], NULL, in->error);
    ll_provider_reference.destroy(state);
    ll_free(many);
    in->values[node] = in->owned[node];
    return status;
}

static ll_status compute_needed(interpreter *in)
{
    for (ll_node node = 0; node < in->count; node++) {
        if (!in->needed[node] || in->values[node] != NULL) continue;
        const ll_graph_node *it = ll_graph_node_at(in->graph, node);
        LL_TRY(it->op == LL_OP_INPUT ? standard_input(in, node, it) : compute(in, node, it));
    }
    return LL_OK;
}

static ll_status copy_outputs(const interpreter *in, const ll_node *outputs, int64_t output_count,
                              void *const *results)
{
    for (int64_t i = 0; i < output_count; i++) {
        const ll_graph_node *it = ll_graph_node_at(in->graph, outputs[i]);
        int64_t elements;
        if (!ll_graph_elements(it, in->samples, &elements)) {
            return ll_fail(in->error, LL_TOO_LARGE, "kernels", it->name, "output %lld has too many elements",
                           (long long)i);
        }
        if (elements > 0)
            memcpy(results[i], in->values[outputs[i]], (size_t)elements * ll_dtype_bytes(it->dtype));
    }
    return LL_OK;
}

ll_status ll_interpret(const ll_graph *graph, const ll_node *outputs, int64_t output_count, int64_t samples,
                       const ll_binding *bindings, int64_t binding_count, void *const *results,
                       ll_error *error)
{
    interpreter in = {.graph = graph, .count = ll_graph_count(graph), .samples = samples, .error = error};
    in.needed = ll_allocate_array(in.count, sizeof *in.needed);
    in.values = ll_allocate_zeroed((size_t)in.count * sizeof *in.values);
    in.owned = ll_allocate_zeroed((size_t)in.count * sizeof *in.owned);
    ll_status status = LL_OK;
    if (in.needed == NULL || in.values == NULL || in.owned == NULL)
        status = ll_fail_memory(error, "kernels", (size_t)in.count * sizeof *in.values);
    if (status == LL_OK) status = ll_graph_reachable(graph, outputs, output_count, in.needed, error);
    if (status == LL_OK) status = bind_inputs(&in, bindings, binding_count);
    if (status == LL_OK) status = compute_needed(&in);
    if (status == LL_OK) status = copy_outputs(&in, outputs, output_count, results);
    for (int64_t i = 0; in.owned != NULL && i < in.count; i++) ll_free(in.owned[i]);
    ll_free(in.needed);
    ll_free(in.values);
    ll_free(in.owned);
    return status;
}
