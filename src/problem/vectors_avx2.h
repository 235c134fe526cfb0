/* vectors_avx2.h - dot product and scaled addition of float32 vectors with AVX2, to the same bits as the portable code
 * of vectors.c: a product of two float32 is exact in double, so that a fused multiply-add of it rounds once, at the
 * same place; the scaled addition is not fused. Only after ll_cpu_detect() says LL_CPU_AVX2 or more.
 */
#ifndef LOSSLENS_SRC_PROBLEM_VECTORS_AVX2_H
#define LOSSLENS_SRC_PROBLEM_VECTORS_AVX2_H

#include <stdint.h>

/* lane[l] += sum over groups of 8 of a[8 g + l] b[8 g + l], in the order of g. */
void vectors_dot_lanes_avx2(int64_t groups, const float *a, const float *b, double lane[8]);
/* y += factor x, each in double and rounded once to float32. */
void vectors_add_avx2(int64_t count, double factor, const float *x, float *y);

#endif
