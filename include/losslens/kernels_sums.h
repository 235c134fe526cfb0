/* losslens/kernels_sums.h - sums in double precision, in vector code where there is any: sums over axes, and the running
 * sums of the runtime. The order of additions is the same for every instruction set;
 * cpu is one that the machine has. */
#ifndef LOSSLENS_KERNELS_SUMS_H
#define LOSSLENS_KERNELS_SUMS_H

#include "losslens/graph.h"

/* y[outer][inner] = sum over the middle axis of x[outer][middle][inner], float32 or float64; columns: `inner` doubles of
 * scratch. Over the last axis (inner 1): eight interleaved partial sums, added pairwise; else column by column. */
void ll_sum_middle(ll_cpu_level cpu, ll_dtype dtype, const void *x, int64_t outer, int64_t middle,
                   int64_t inner, void *y, double *columns);
/* sums[i] += values[i], or = where `first`. */
void ll_sum_accumulate(ll_cpu_level cpu, ll_dtype dtype, const void *values, int64_t count, bool first,
                       double *sums);
/* a[i] += b[i] */
void ll_sum_add(ll_cpu_level cpu, double *restrict a, const double *restrict b, int64_t count);

#endif
