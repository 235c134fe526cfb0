#include "problem/vectors_lanes.h"

#include <immintrin.h>

void vectors_dot_lanes_avx512(int64_t groups, const float *a, const float *b, double lane[VECTORS_LANES])
{
    __m512d sum[4];
    for (int v = 0; v < 4; v++) sum[v] = _mm512_loadu_pd(lane + 8 * v);
    for (int64_t g = 0; g < groups; g++, a += VECTORS_LANES, b += VECTORS_LANES)
        for (int v = 0; v < 4; v++)
            sum[v] = _mm512_fmadd_pd(_mm512_cvtps_pd(_mm256_loadu_ps(a + 8 * v)),
                                     _mm512_cvtps_pd(_mm256_loadu_ps(b + 8 * v)), sum[v]);
    for (int v = 0; v < 4; v++) _mm512_storeu_pd(lane + 8 * v, sum[v]);
}

void vectors_add_avx512(int64_t count, double factor, const float *x, float *y)
{
    const __m512d scale = _mm512_set1_pd(factor);
    int64_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m512d product = _mm512_mul_pd(scale, _mm512_cvtps_pd(_mm256_loadu_ps(x + i)));
        __m512d sum = _mm512_add_pd(_mm512_cvtps_pd(_mm256_loadu_ps(y + i)), product);
        _mm256_storeu_ps(y + i, _mm512_cvtpd_ps(sum));
    }
    for (; i < count; i++) {
        double product = factor * (double)x[i];
        y[i] = (float)((double)y[i] + product);
    }
}
