/* The reference kernels: plain loops in the order of the definition, sums in double precision (int64 for integers).
 * They accept every case and are the oracle of all other kernels; nothing here is made fast. */
#ifndef LOSSLENS_SRC_KERNELS_REFERENCE_H
#define LOSSLENS_SRC_KERNELS_REFERENCE_H

#include "losslens/kernels.h"

typedef struct reference_kernel {
    ll_op op;
    ll_attributes attributes;
    int64_t input_count;
    ll_tensor_form output;
    ll_tensor_form inputs[]; /* input_count */
} reference_kernel;

typedef void (*reference_function)(const reference_kernel *it, const void *const *inputs, void *output);

void ll_reference_leaf(const reference_kernel *it, const void *const *inputs, void *output);
void ll_reference_map(const reference_kernel *it, const void *const *inputs, void *output);
void ll_reference_move(const reference_kernel *it, const void *const *inputs, void *output);
void ll_reference_index(const reference_kernel *it, const void *const *inputs, void *output);
void ll_reference_reduce(const reference_kernel *it, const void *const *inputs, void *output);
void ll_reference_contract(const reference_kernel *it, const void *const *inputs, void *output);
void ll_reference_window(const reference_kernel *it, const void *const *inputs, void *output);

/* Elements as numbers; a bool is 0 or 1, an integer is stored modulo its width. */
double ll_element_real(ll_dtype dtype, const void *data, int64_t i);
int64_t ll_element_integer(ll_dtype dtype, const void *data, int64_t i);
void ll_store_real(ll_dtype dtype, void *data, int64_t i, double value);
void ll_store_integer(ll_dtype dtype, void *data, int64_t i, int64_t value);
void ll_copy_element(ll_dtype dtype, const void *from, int64_t i, void *to, int64_t j);

/* One axis of a resize from m to n elements: output i reads elements `low` and `low + 1` with weights 1 - t and t. */
typedef struct ll_stencil {
    int64_t low;
    double t;
} ll_stencil;
ll_stencil ll_resize_stencil(int mode, int position, int64_t m, int64_t n, int64_t i);

/* Positions in a shape: the next one in C order; false after the last. */
static inline bool ll_next_position(int rank, const int64_t *shape, int64_t *position)
{
    for (int axis = rank - 1; axis >= 0; axis--) {
        if (++position[axis] < shape[axis]) return true;
        position[axis] = 0;
    }
    return false;
}
static inline int64_t ll_flat_index(int rank, const int64_t *shape, const int64_t *position)
{
    int64_t index = 0;
    for (int axis = 0; axis < rank; axis++) index = index * shape[axis] + position[axis];
    return index;
}

#endif
