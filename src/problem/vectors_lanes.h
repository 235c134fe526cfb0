/* Float32 vector loops with vector instructions, to the same bits as the plain ones: lane l of a dot product takes every
 * element whose number is l modulo VECTORS_LANES. */
#ifndef LOSSLENS_SRC_PROBLEM_VECTORS_LANES_H
#define LOSSLENS_SRC_PROBLEM_VECTORS_LANES_H

#include <stdint.h>

enum { VECTORS_LANES = 32 };

/* lane[l] += sum over groups g of a[32 g + l] b[32 g + l]. A product of two floats is exact in double, so that a fused
 * multiply-add rounds as product and sum do. */
void vectors_dot_lanes_avx2(int64_t groups, const float *a, const float *b, double lane[VECTORS_LANES]);
void vectors_dot_lanes_avx512(int64_t groups, const float *a, const float *b, double lane[VECTORS_LANES]);
/* y[i] += factor x[i], in double, rounded once; product and sum round apart. */
void vectors_add_avx2(int64_t count, double factor, const float *x, float *y);
void vectors_add_avx512(int64_t count, double factor, const float *x, float *y);

#endif
