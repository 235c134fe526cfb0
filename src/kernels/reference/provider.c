#include "kernels/kernel.h"
#include "kernels/reference/reference.h"

#include <string.h>

static bool supports(const ll_kernel_case *kernel) { return kernel->op != LL_OP_INPUT; }

static ll_status prepare(const ll_kernel_case *kernel, void **state, ll_error *error)
{
    size_t bytes = sizeof(reference_kernel) + (size_t)kernel->input_count * sizeof(ll_tensor_form);
    reference_kernel *it = ll_allocate(bytes);
    if (it == NULL) return ll_fail_memory(error, "kernels", bytes);
    it->op = kernel->op;
    it->attributes = kernel->attributes;
    it->input_count = kernel->input_count;
    it->output = kernel->output;
    for (int64_t i = 0; i < kernel->input_count; i++) it->inputs[i] = kernel->inputs[i];
    *state = it;
    return LL_OK;
}

static ll_status run(const void *state, const void *const *inputs, void *output, void *workspace,
                     ll_error *error)
{
    static const reference_function functions[] = {
        [LL_CLASS_LEAF] = ll_reference_leaf,     [LL_CLASS_MAP] = ll_reference_map,
        [LL_CLASS_MOVE] = ll_reference_move,     [LL_CLASS_INDEX] = ll_reference_index,
        [LL_CLASS_REDUCE] = ll_reference_reduce, [LL_CLASS_CONTRACT] = ll_reference_contract,
        [LL_CLASS_WINDOW] = ll_reference_window,
    };
    (void)workspace, (void)error;
    const reference_kernel *it = state;
    functions[ll_op_traits_of(it->op)->op_class](it, inputs, output);
    return LL_OK;
}

const ll_provider ll_provider_reference = {
    .name = "reference", .supports = supports, .prepare = prepare, .run = run, .destroy = ll_free};
