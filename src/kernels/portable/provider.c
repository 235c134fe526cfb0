/* The provider "portable": see portable.h. */
#include "kernels/portable/portable.h"

#include "kernels/kernel.h"

static const portable_family *family_of(ll_op op)
{
    switch ((int)op) {
    case LL_OP_PAD:
    case LL_OP_CONCATENATE: return &ll_portable_move;
    case LL_OP_GATHER:
    case LL_OP_SCATTER_ADD: return &ll_portable_index;
    case LL_OP_ARGMAX:
    case LL_OP_REDUCE_MAX:
    case LL_OP_REDUCE_MIN: return &ll_portable_reduce;
    case LL_OP_SUM: return &ll_portable_sum;
    case LL_OP_WINDOW_SUM:
    case LL_OP_WINDOW_ARGMAX: return &ll_portable_window;
    case LL_OP_RESIZE:
    case LL_OP_RESIZE_ADJOINT: return &ll_portable_resize;
    default: return NULL;
    }
}

static bool supports(const ll_kernel_case *kernel)
{
    const portable_family *family = family_of(kernel->op);
    if (family == NULL || kernel->output.count == 0) return false;
    for (int64_t i = 0; i < kernel->input_count; i++)
        if (kernel->inputs[i].count == 0) return false;
    return family->supports(kernel);
}

static ll_status prepare(const ll_kernel_case *kernel, void **state, ll_error *error)
{
    size_t bytes = sizeof(portable_kernel) + (size_t)kernel->input_count * sizeof(ll_tensor_form);
    portable_kernel *it = ll_allocate(bytes);
    if (it == NULL) return ll_fail_memory(error, "kernels", bytes);
    it->op = kernel->op;
    it->attributes = kernel->attributes;
    it->input_count = kernel->input_count;
    it->output = kernel->output;
    for (int64_t i = 0; i < kernel->input_count; i++) it->inputs[i] = kernel->inputs[i];
    const portable_family *family = family_of(it->op);
    it->workspace = family->workspace ? family->workspace(it) : 0;
    *state = it;
    return LL_OK;
}

static size_t workspace_bytes(const void *state) { return ((const portable_kernel *)state)->workspace; }

static ll_status run(const void *state, const void *const *inputs, void *output, void *workspace,
                     ll_error *error)
{
    const portable_kernel *it = state;
    (void)error;
    family_of(it->op)->run(it, inputs, output, workspace);
    return LL_OK;
}

const ll_provider ll_provider_portable = {"portable", supports, prepare, workspace_bytes, run, ll_free};
