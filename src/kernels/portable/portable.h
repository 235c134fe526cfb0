/* The portable kernels: plain loops over rows that a compiler can vectorise, for the ops that only move, pick or
 * reduce elements. Sums run in double precision in the order of the reference kernels. */
#ifndef LL_KERNELS_PORTABLE_H
#define LL_KERNELS_PORTABLE_H

#include "losslens/kernels.h"

typedef struct portable_kernel {
    ll_op op;
    ll_attributes attributes;
    int64_t input_count;
    ll_tensor_form output;
    size_t workspace;
    ll_tensor_form inputs[]; /* input_count */
} portable_kernel;

/* Each: whether it takes the case; the workspace it needs; the work. */
typedef struct portable_family {
    bool (*supports)(const ll_kernel_case *kernel);
    size_t (*workspace)(const portable_kernel *it);
    void (*run)(const portable_kernel *it, const void *const *inputs, void *output, void *workspace);
} portable_family;

extern const portable_family ll_portable_move, ll_portable_index, ll_portable_reduce, ll_portable_sum,
    ll_portable_window, ll_portable_resize;

static inline int64_t portable_product(const int64_t *shape, int first, int last)
{
    int64_t count = 1;
    for (int axis = first; axis < last; axis++) count *= shape[axis];
    return count;
}

#endif
