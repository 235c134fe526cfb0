/* Matrix products of any small size: C[m,n] = start[m,n] + sum_k A[m,k] B[k,n], both types. A is read element by element through
 * two strides (so a transposed A costs nothing), B in rows of vectors; a transposed B is packed into the workspace
 * first. Each element is one chain of fused multiply-adds over ascending k from its start (a single column:
 * partial sums by lane, added by a fixed tree): its bits depend on nothing else. `start` is zero (NULL), a row of biases (start_row 0) or C itself (start_row = c_row: C += A B). */
#ifndef LL_KERNELS_NATIVE_GEMM_H
#define LL_KERNELS_NATIVE_GEMM_H

#include "losslens/base.h"

typedef struct ll_gemm {
    int64_t m, n, k;
    int64_t a_row, a_column; /* strides of A[m][k], elements */
    int64_t b_row;           /* stride of B[k][n]; n is contiguous */
    int64_t c_row;
    int64_t start_row;
} ll_gemm;

void ll_gemm_f32_avx512(const ll_gemm *it, const float *a, const float *b, const float *start, float *c);
void ll_gemm_f64_avx512(const ll_gemm *it, const double *a, const double *b, const double *start, double *c);
void ll_gemm_f32_avx2(const ll_gemm *it, const float *a, const float *b, const float *start, float *c);
void ll_gemm_f64_avx2(const ll_gemm *it, const double *a, const double *b, const double *start, double *c);

#endif
