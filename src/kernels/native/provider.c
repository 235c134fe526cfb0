/* The provider "native": matrix products, single element-wise ops, broadcasts, transposes, slices and sums in vector
 * code. Convolutions in blocked layout and fused chains are steps of the runtime, which owns layouts. */
#include "kernels/kernel.h"
#include "losslens/kernels_map.h"
#include "losslens/kernels_product.h"
#include "losslens/kernels_sums.h"

#include <string.h>

enum { MAX_RANK = LL_GRAPH_RANK };

typedef struct native_state {
    ll_op op;
    ll_dtype dtype;
    ll_cpu_level cpu;
    ll_map *map;
    int64_t offset; /* slice: first element */
    ll_product *product;
    int64_t outer, middle, inner; /* sum over the middle axis */
} native_state;

static int64_t product(const int64_t *shape, int first, int last)
{
    int64_t count = 1;
    for (int i = first; i < last; i++) count *= shape[i];
    return count;
}

/* Sums over a contiguous run of axes: [outer][middle][inner] -> [outer][inner]. */
static bool sum_axes(const ll_kernel_case *kernel, int64_t *outer, int64_t *middle, int64_t *inner)
{
    const ll_tensor_form *x = &kernel->inputs[0];
    uint32_t axes = kernel->attributes.reduce.axes;
    int first = -1, last = -1;
    for (int i = 0; i < x->rank; i++)
        if (((axes >> i) & 1U) && x->shape[i] != 1) {
            if (first < 0) first = i;
            last = i;
        }
    if (first < 0) return false;
    for (int i = first; i <= last; i++)
        if (!((axes >> i) & 1U) && x->shape[i] != 1) return false;
    *outer = product(x->shape, 0, first);
    *middle = product(x->shape, first, last + 1);
    *inner = product(x->shape, last + 1, x->rank);
    return true;
}

static bool native_supports(const ll_kernel_case *kernel)
{
    if (ll_cpu_detect() < LL_CPU_AVX2) return false;
    ll_dtype dtype = kernel->input_count > 0 ? kernel->inputs[0].dtype : kernel->output.dtype;
    bool real = dtype == LL_F32 || dtype == LL_F64;
    int64_t outer, middle, inner;
    if (kernel->output.count == 0) return false;
    switch (kernel->op) {
    case LL_OP_MATMUL: return ll_product_supported(&kernel->inputs[0], &kernel->inputs[1], &kernel->output);
    case LL_OP_SUM: return real && kernel->inputs[0].count > 0 && sum_axes(kernel, &outer, &middle, &inner);
    case LL_OP_BROADCAST:
    case LL_OP_TRANSPOSE:
    case LL_OP_SLICE: return real || dtype == LL_BOOL;
    default: break;
    }
    if (ll_op_traits_of(kernel->op)->op_class != LL_CLASS_MAP || kernel->op == LL_OP_RANDOM) return false;
    if (kernel->op == LL_OP_SELECT) dtype = kernel->inputs[1].dtype;
    return ll_map_operation_supported(kernel->op, dtype, kernel->output.dtype);
}

static void dense_strides(const ll_tensor_form *form, int64_t *strides)
{
    int64_t step = 1;
    for (int i = form->rank - 1; i >= 0; i--) {
        strides[i] = step;
        step *= form->shape[i];
    }
}

static ll_status prepare_map(const ll_kernel_case *kernel, native_state *state, ll_error *error)
{
    ll_map_program *program = ll_allocate_zeroed(sizeof *program);
    if (!program) return ll_fail_memory(error, "kernels", sizeof *program);
    int count = (int)kernel->input_count;
    program->input_count = count;
    program->output_count = 1;
    program->output_type[0] = kernel->output.dtype;
    program->wide = kernel->output.dtype == LL_F64;
    int64_t strides[MAX_RANK];
    for (int i = 0; i < count; i++) {
        program->inputs[i].dtype = kernel->inputs[i].dtype;
        program->wide = program->wide || kernel->inputs[i].dtype == LL_F64;
        dense_strides(&kernel->inputs[i], strides);
        int64_t *to = program->inputs[i].strides;
        switch (kernel->op) {
        case LL_OP_BROADCAST:
            for (int axis = 0, from = 0; axis < kernel->output.rank; axis++)
                to[axis] = (kernel->attributes.broadcast.axes >> axis) & 1U ? 0 : strides[from++];
            break;
        case LL_OP_TRANSPOSE:
            for (int axis = 0; axis < kernel->output.rank; axis++)
                to[axis] = strides[kernel->attributes.transpose.permutation[axis]];
            break;
        case LL_OP_SLICE:
            for (int axis = 0; axis < kernel->output.rank; axis++) {
                to[axis] = strides[axis] * kernel->attributes.slice.step[axis];
                state->offset += strides[axis] * kernel->attributes.slice.start[axis];
            }
            break;
        default: memcpy(to, strides, sizeof strides); break;
        }
    }
    if (kernel->op == LL_OP_BROADCAST || kernel->op == LL_OP_TRANSPOSE || kernel->op == LL_OP_SLICE) {
        program->output_register[0] = LL_MAP_REGISTERS;
    } else {
        ll_map_instruction *it = &program->code[program->code_count++];
        it->operation = (uint8_t)kernel->op;
        it->type = (uint8_t)(kernel->op == LL_OP_SELECT ? kernel->inputs[1].dtype : kernel->inputs[0].dtype);
        it->result_type = (uint8_t)kernel->output.dtype;
        for (int i = 0; i < count; i++) it->in[i] = (uint8_t)(LL_MAP_REGISTERS + i);
    }
    ll_status status =
        ll_map_create(program, kernel->output.rank, kernel->output.shape, state->cpu, &state->map, error);
    ll_free(program);
    return status;
}

static ll_status native_prepare(const ll_kernel_case *kernel, void **state, ll_error *error)
{
    native_state *made = ll_allocate_zeroed(sizeof *made);
    if (!made) return ll_fail_memory(error, "kernels", sizeof *made);
    made->op = kernel->op;
    made->dtype = kernel->inputs[0].dtype;
    made->cpu = ll_cpu_detect();
    ll_status status = LL_OK;
    if (kernel->op == LL_OP_MATMUL)
        status = ll_product_create(&kernel->inputs[0], &kernel->inputs[1], &kernel->output,
                                   kernel->attributes.matmul.transpose_a != 0,
                                   kernel->attributes.matmul.transpose_b != 0, LL_PRODUCT_ZERO, NULL,
                                   made->cpu, &made->product, error);
    else if (kernel->op == LL_OP_SUM) sum_axes(kernel, &made->outer, &made->middle, &made->inner);
    else status = prepare_map(kernel, made, error);
    if (status != LL_OK) {
        ll_free(made);
        return status;
    }
    *state = made;
    return LL_OK;
}

static size_t native_workspace(const void *state)
{
    const native_state *it = state;
    if (it->map) return ll_map_workspace(it->map);
    if (it->product) return ll_product_workspace(it->product);
    if (it->op == LL_OP_SUM) return sizeof(double) * (size_t)(it->inner + 8);
    return 0;
}

static ll_status native_run(const void *state, const void *const *inputs, void *output, void *workspace,
                            ll_error *error)
{
    const native_state *it = state;
    (void)error;
    if (it->map) {
        const void *moved[4] = {(const char *)inputs[0] + it->offset * (int64_t)ll_dtype_bytes(it->dtype)};
        ll_map_run(it->map, it->op == LL_OP_SLICE ? moved : inputs, &output, workspace);
    } else if (it->product) {
        ll_product_run(it->product, inputs[0], inputs[1], NULL, output, workspace);
    } else {
        ll_sum_middle(it->cpu, it->dtype, inputs[0], it->outer, it->middle, it->inner, output, workspace);
    }
    return LL_OK;
}

static void native_destroy(void *state)
{
    native_state *it = state;
    if (!it) return;
    ll_map_destroy(it->map);
    ll_product_destroy(it->product);
    ll_free(it);
}

const ll_provider ll_provider_native = {"native",         native_supports, native_prepare,
                                        native_workspace, native_run,      native_destroy};
