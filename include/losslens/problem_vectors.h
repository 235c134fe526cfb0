/* losslens/problem_vectors.h - arithmetic on vectors of a Problem's type (float32 or float64).
 *
 * Sums run in double, in an order that depends on the length alone: blocks of 4096 elements with 8 lanes
 * each, the blocks added by a binary tree. So a dot product has the same bits on every machine and in
 * every company, and its rounding error grows with the logarithm of the length. Elements are computed in
 * double and rounded once. Everything here runs on the calling thread and allocates nothing.
 */
#ifndef LOSSLENS_PROBLEM_VECTORS_H
#define LOSSLENS_PROBLEM_VECTORS_H

#include "losslens/problem.h"

#ifdef __cplusplus
extern "C" {
#endif

LL_API double ll_vector_dot(ll_real type, int64_t count, const void *a, const void *b);
LL_API double ll_vector_norm(ll_real type, int64_t count, const void *a);
/* Largest |a_i|; NaN if any element is NaN. */
LL_API double ll_vector_max_abs(ll_real type, int64_t count, const void *a);
LL_API double ll_vector_abs_sum(ll_real type, int64_t count, const void *a);
LL_API void ll_vector_copy(ll_real type, int64_t count, const void *from, void *to);
/* a *= factor */
LL_API void ll_vector_scale(ll_real type, int64_t count, double factor, void *a);
/* y += factor x */
LL_API void ll_vector_add(ll_real type, int64_t count, double factor, const void *x, void *y);
/* result = origin + sum over d of coefficients[d] directions[d]; each element summed in double in the order
 * of d and rounded once. result may be origin. */
LL_API void ll_vector_combine(ll_real type, int64_t count, const void *origin, int directions,
                              const void *const *direction, const double *coefficients, void *result);
LL_API void ll_vector_to_double(ll_real type, int64_t count, const void *from, double *to);
LL_API void ll_vector_from_double(ll_real type, int64_t count, const double *from, void *to);
/* Element i. */
LL_API double ll_vector_get(ll_real type, const void *a, int64_t i);
/* The address of element i. */
static inline const void *ll_vector_at(ll_real type, const void *a, int64_t i)
{
    return (const unsigned char *)a + (size_t)i * ll_real_bytes(type);
}
static inline void *ll_vector_at_mutable(ll_real type, void *a, int64_t i)
{
    return (unsigned char *)a + (size_t)i * ll_real_bytes(type);
}

#ifdef __cplusplus
}
#endif
#endif
