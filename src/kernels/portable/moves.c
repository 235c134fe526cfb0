/* Padding and concatenation: whole rows at a time. */
#include "kernels/portable/portable.h"

#include <string.h>

static bool supports(const ll_kernel_case *kernel)
{
    return kernel->op == LL_OP_CONCATENATE || ll_dtype_is_float(kernel->output.dtype) ||
           kernel->attributes.pad.value == 0;
}

static void fill(const portable_kernel *it, void *output)
{
    double value = it->attributes.pad.value;
    int64_t count = it->output.count;
    float *single = output;
    double *wide = output;
    if (it->output.dtype == LL_F32)
        for (int64_t i = 0; i < count; i++) single[i] = (float)value;
    else if (it->output.dtype == LL_F64)
        for (int64_t i = 0; i < count; i++) wide[i] = value;
    else memset(output, 0, (size_t)count * ll_dtype_bytes(it->output.dtype));
}

#define SPREAD(T)                                                                                            \
    do {                                                                                                     \
        const T *from = (const T *)(const void *)row;                                                        \
        T *to = (T *)output + start;                                                                         \
        for (int64_t i = 0; i < width; i++) to[i * step] = from[i];                                          \
    } while (0)

static void pad(const portable_kernel *it, const void *x, void *output)
{
    const ll_tensor_form *in = &it->inputs[0], *out = &it->output;
    size_t bytes = ll_dtype_bytes(out->dtype);
    int last = in->rank - 1;
    fill(it, output);
    if (in->rank == 0) {
        memcpy(output, x, bytes);
        return;
    }
    int64_t width = in->shape[last], step = it->attributes.pad.interior[last] + 1, at[LL_GRAPH_RANK] = {0};
    const char *row = x;
    for (int64_t r = 0; r < in->count / width; r++, row += (size_t)width * bytes) {
        int64_t start = 0;
        for (int axis = 0; axis <= last; axis++)
            start = start * out->shape[axis] + it->attributes.pad.low[axis] +
                    (axis < last ? at[axis] * (it->attributes.pad.interior[axis] + 1) : 0);
        if (step == 1) memcpy((char *)output + (size_t)start * bytes, row, (size_t)width * bytes);
        else if (bytes == 1) SPREAD(uint8_t);
        else if (bytes == 4) SPREAD(uint32_t);
        else SPREAD(uint64_t);
        for (int axis = last - 1; axis >= 0; axis--) {
            if (++at[axis] < in->shape[axis]) break;
            at[axis] = 0;
        }
    }
}

/* Rows of a few bytes are the columns of a table: known sizes become moves of registers. */
static void copy_rows(char *to, size_t to_stride, const char *from, size_t bytes, int64_t rows)
{
    switch (bytes) {
    case 4:
        for (int64_t r = 0; r < rows; r++) memcpy(to + (size_t)r * to_stride, from + (size_t)r * 4, 4);
        break;
    case 8:
        for (int64_t r = 0; r < rows; r++) memcpy(to + (size_t)r * to_stride, from + (size_t)r * 8, 8);
        break;
    default:
        for (int64_t r = 0; r < rows; r++)
            memcpy(to + (size_t)r * to_stride, from + (size_t)r * bytes, bytes);
        break;
    }
}

static void concatenate(const portable_kernel *it, const void *const *inputs, char *output)
{
    int axis = it->attributes.axis.axis, rank = it->output.rank;
    size_t bytes = ll_dtype_bytes(it->output.dtype);
    size_t whole = (size_t)portable_product(it->output.shape, axis, rank) * bytes, before = 0;
    int64_t outer = portable_product(it->output.shape, 0, axis);
    for (int64_t k = 0; k < it->input_count; k++) {
        size_t part = (size_t)portable_product(it->inputs[k].shape, axis, rank) * bytes;
        copy_rows(output + before, whole, inputs[k], part, outer);
        before += part;
    }
}

static void run(const portable_kernel *it, const void *const *inputs, void *output, void *workspace)
{
    (void)workspace;
    if (it->op == LL_OP_PAD) pad(it, inputs[0], output);
    else concatenate(it, inputs, output);
}

const portable_family ll_portable_move = {supports, NULL, run};
