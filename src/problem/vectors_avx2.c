#include "problem/vectors_lanes.h"

#include <immintrin.h>

void vectors_dot_lanes_avx2(int64_t groups, const float *a, const float *b, double lane[VECTORS_LANES])
{
    __m256d sum[8];
    for (int v = 0; v < 8; v++) sum[v] = _mm256_loadu_pd(lane + 4 * v);
    for (int64_t g = 0; g < groups; g++, a += VECTORS_LANES, b += VECTORS_LANES)
        for (int v = 0; v < 8; v++)
            sum[v] = _mm256_fmadd_pd(_mm256_cvtps_pd(_mm_loadu_ps(a + 4 * v)),
                                     _mm256_cvtps_pd(_mm_loadu_ps(b + 4 * v)), sum[v]);
    for (int v = 0; v < 8; v++) _mm256_storeu_pd(lane + 4 * v, sum[v]);
}

void vectors_add_avx2(int64_t count, double factor, const float *x, float *y)
{
    /* Not fused: the whole project is compiled with -ffp-contract=off. */
    const __m256d scale = _mm256_set1_pd(factor);
    int64_t i = 0;
    for (; i + 4 <= count; i += 4) {
        __m256d product = _mm256_mul_pd(scale, _mm256_cvtps_pd(_mm_loadu_ps(x + i)));
        __m256d sum = _mm256_add_pd(_mm256_cvtps_pd(_mm_loadu_ps(y + i)), product);
        _mm_storeu_ps(y + i, _mm256_cvtpd_ps(sum));
    }
    for (; i < count; i++) {
        double product = factor * (double)x[i];
        y[i] = (float)((double)y[i] + product);
    }
}
