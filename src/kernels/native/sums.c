#include "kernels/native/sums.h"
#include "losslens/kernels_sums.h"

#define DISPATCH(name, ...)                                                                                  \
    do {                                                                                                     \
        if (cpu >= LL_CPU_AVX512) ll_sum_##name##_avx512(__VA_ARGS__);                                       \
        else if (cpu >= LL_CPU_AVX2) ll_sum_##name##_avx2(__VA_ARGS__);                                      \
        else ll_sum_##name##_portable(__VA_ARGS__);                                                          \
    } while (0)

void ll_sum_middle(ll_cpu_level cpu, ll_dtype dtype, const void *x, int64_t outer, int64_t middle,
                   int64_t inner, void *y, double *columns)
{
    DISPATCH(middle, dtype, x, outer, middle, inner, y, columns);
}

void ll_sum_accumulate(ll_cpu_level cpu, ll_dtype dtype, const void *values, int64_t count, bool first,
                       double *sums)
{
    DISPATCH(accumulate, dtype, values, count, first, sums);
}

void ll_sum_add(ll_cpu_level cpu, double *restrict a, const double *restrict b, int64_t count)
{
    DISPATCH(add, a, b, count);
}
