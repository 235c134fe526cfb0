/* argmax, reduce_max and reduce_min over neighbouring axes, and sums over any axes. */
#include "kernels/portable/portable.h"

#include <math.h>
#include <string.h>

/* ------------------------------------------------------------------ extremes */

typedef struct extent3 {
    int64_t outer, middle, inner; /* the middle disappears */
} extent3;

static bool extent_of(const ll_tensor_form *x, uint32_t axes, extent3 *e)
{
    int first = 0, last = x->rank;
    while (first < last && !((axes >> first) & 1U)) first++;
    while (last > first && !((axes >> (last - 1)) & 1U)) last--;
    for (int axis = first; axis < last; axis++)
        if (!((axes >> axis) & 1U)) return false;
    *e = (extent3){portable_product(x->shape, 0, first), portable_product(x->shape, first, last),
                   portable_product(x->shape, last, x->rank)};
    return true;
}

static uint32_t axes_of(ll_op op, const ll_attributes *attributes)
{
    return op == LL_OP_ARGMAX ? 1U << attributes->axis.axis : attributes->reduce.axes;
}

static bool supports_extreme(const ll_kernel_case *kernel)
{
    extent3 e;
    return ll_dtype_is_float(kernel->inputs[0].dtype) &&
           (kernel->op != LL_OP_ARGMAX || ll_dtype_is_integer(kernel->output.dtype)) &&
           extent_of(&kernel->inputs[0], axes_of(kernel->op, &kernel->attributes), &e);
}

/* The first of equals stays, a NaN beats every number. */
#define EXTREME(T)                                                                                           \
    do {                                                                                                     \
        const T *x = input;                                                                                  \
        T sign = it->op == LL_OP_REDUCE_MIN ? -1 : 1;                                                        \
        for (int64_t o = 0; o < e.outer; o++, x += e.middle * e.inner)                                       \
            for (int64_t c = 0; c < e.inner; c++) {                                                          \
                T best = x[c];                                                                               \
                int64_t at = 0;                                                                              \
                for (int64_t i = 1; i < e.middle; i++) {                                                     \
                    T value = x[i * e.inner + c];                                                            \
                    if (sign * value > sign * best || (isnan(value) && !isnan(best))) {                      \
                        best = value;                                                                        \
                        at = i;                                                                              \
                    }                                                                                        \
                }                                                                                            \
                int64_t place = o * e.inner + c;                                                             \
                if (it->op != LL_OP_ARGMAX) ((T *)output)[place] = best;                                     \
                else if (it->output.dtype == LL_I32) ((int32_t *)output)[place] = (int32_t)at;               \
                else ((int64_t *)output)[place] = at;                                                        \
            }                                                                                                \
    } while (0)

static void run_extreme(const portable_kernel *it, const void *const *inputs, void *output, void *workspace)
{
    (void)workspace;
    const void *input = inputs[0];
    extent3 e;
    if (!extent_of(&it->inputs[0], axes_of(it->op, &it->attributes), &e)) return;
    if (it->inputs[0].dtype == LL_F32) EXTREME(float);
    else EXTREME(double);
}

const portable_family ll_portable_reduce = {supports_extreme, NULL, run_extreme};

/* ------------------------------------------------------------------ sums */

enum { SUM_LIMIT = 1 << 17 }; /* output elements whose double sums are held at once */

static bool supports_sum(const ll_kernel_case *kernel)
{
    return ll_dtype_is_float(kernel->output.dtype) && kernel->output.count <= SUM_LIMIT;
}

static size_t sum_bytes(const portable_kernel *it) { return (size_t)it->output.count * sizeof(double); }

/* A row at a time; a row that disappears is added in eight interleaved sums. */
#define ADD_ROW(T)                                                                                           \
    do {                                                                                                     \
        const T *x = (const T *)input + row * width;                                                         \
        if (!gone) {                                                                                         \
            for (int64_t i = 0; i < width; i++) sums[to + i] += (double)x[i];                                \
            break;                                                                                           \
        }                                                                                                    \
        double s[8] = {0};                                                                                   \
        int64_t i = 0;                                                                                       \
        for (; i + 8 <= width; i += 8)                                                                       \
            for (int j = 0; j < 8; j++) s[j] += (double)x[i + j];                                            \
        for (int j = 0; i < width; i++, j++) s[j] += (double)x[i];                                           \
        sums[to] += ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));                       \
    } while (0)

static void run_sum(const portable_kernel *it, const void *const *inputs, void *output, void *workspace)
{
    const ll_tensor_form *form = &it->inputs[0];
    const void *input = inputs[0];
    uint32_t axes = it->attributes.reduce.axes;
    double *sums = workspace;
    memset(sums, 0, sum_bytes(it));
    /* Neighbouring axes of one kind are one axis; the last is the row. */
    int64_t shape[LL_GRAPH_RANK + 1] = {1}, step[LL_GRAPH_RANK + 1], at[LL_GRAPH_RANK + 1] = {0}, kept = 1;
    bool disappears[LL_GRAPH_RANK + 1] = {(axes & 1U) != 0};
    int rank = 1;
    for (int axis = 0; axis < form->rank; axis++) {
        bool mark = ((axes >> axis) & 1U) != 0;
        if (mark != disappears[rank - 1]) {
            disappears[rank] = mark;
            shape[rank++] = 1;
        }
        shape[rank - 1] *= form->shape[axis];
    }
    for (int axis = rank - 1; axis >= 0; axis--) {
        step[axis] = disappears[axis] ? 0 : kept;
        if (!disappears[axis]) kept *= shape[axis];
    }
    int64_t width = shape[rank - 1], to = 0;
    bool gone = disappears[rank - 1];
    for (int64_t row = 0; row < form->count / width; row++) {
        if (form->dtype == LL_F32) ADD_ROW(float);
        else ADD_ROW(double);
        for (int axis = rank - 2; axis >= 0; axis--) {
            to += step[axis];
            if (++at[axis] < shape[axis]) break;
            to -= step[axis] * shape[axis];
            at[axis] = 0;
        }
    }
    for (int64_t i = 0; i < it->output.count; i++) {
        if (it->output.dtype == LL_F32) ((float *)output)[i] = (float)sums[i];
        else ((double *)output)[i] = sums[i];
    }
}

const portable_family ll_portable_sum = {supports_sum, sum_bytes, run_sum};
