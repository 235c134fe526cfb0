/* The loops behind losslens/kernels_sums.h, one set an instruction set. */
#ifndef LL_KERNELS_NATIVE_SUMS_H
#define LL_KERNELS_NATIVE_SUMS_H

#include "losslens/graph.h"

#define LL_SUMS_DECLARE(isa)                                                                                 \
    void ll_sum_middle_##isa(ll_dtype dtype, const void *x, int64_t outer, int64_t middle, int64_t inner,    \
                             void *y, double *columns);                                                      \
    void ll_sum_accumulate_##isa(ll_dtype dtype, const void *values, int64_t count, bool first,              \
                                 double *restrict sums);                                                     \
    void ll_sum_add_##isa(double *restrict a, const double *restrict b, int64_t count);
LL_SUMS_DECLARE(avx512)
LL_SUMS_DECLARE(avx2)
LL_SUMS_DECLARE(portable)
#undef LL_SUMS_DECLARE

#endif
