/* One vector of 16 floats (and of 8 doubles), as one AVX-512 register or two AVX2 registers. Included by
 * the *_avx512.c and *_avx2.c files only; LL_SIMD_NAME gives their functions different names. */
#ifndef LL_KERNELS_NATIVE_SIMD_H
#define LL_KERNELS_NATIVE_SIMD_H

#include <immintrin.h>
#include <stdint.h>

#define LL_INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define LL_UNROLL _Pragma("clang loop unroll(full)")
#else
#define LL_UNROLL _Pragma("GCC unroll 64")
#endif

#if defined(__AVX512F__)

#define LL_SIMD_NAME(name) name##_avx512
#define LL_SIMD_REGISTERS 32
typedef __m512 ll_v16;
LL_INLINE ll_v16 v16_load(const float *p) { return _mm512_loadu_ps(p); }
LL_INLINE void v16_store(float *p, ll_v16 a) { _mm512_storeu_ps(p, a); }
LL_INLINE ll_v16 v16_set1(float a) { return _mm512_set1_ps(a); }
LL_INLINE ll_v16 v16_zero(void) { return _mm512_setzero_ps(); }
LL_INLINE ll_v16 v16_fma(ll_v16 a, ll_v16 b, ll_v16 c) { return _mm512_fmadd_ps(a, b, c); }
LL_INLINE ll_v16 v16_add(ll_v16 a, ll_v16 b) { return _mm512_add_ps(a, b); }
LL_INLINE ll_v16 v16_sub(ll_v16 a, ll_v16 b) { return _mm512_sub_ps(a, b); }
LL_INLINE ll_v16 v16_mul(ll_v16 a, ll_v16 b) { return _mm512_mul_ps(a, b); }
/* NaN in `a` survives: max(0, NaN) must be NaN, and the second operand wins in the instruction. */
LL_INLINE ll_v16 v16_relu(ll_v16 a) { return _mm512_max_ps(_mm512_setzero_ps(), a); }

#else

#define LL_SIMD_NAME(name) name##_avx2
#define LL_SIMD_REGISTERS 16
typedef struct ll_v16 {
    __m256 low, high;
} ll_v16;
LL_INLINE ll_v16 v16_load(const float *p) { return (ll_v16){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
LL_INLINE void v16_store(float *p, ll_v16 a)
{
    _mm256_storeu_ps(p, a.low);
    _mm256_storeu_ps(p + 8, a.high);
}
LL_INLINE ll_v16 v16_set1(float a)
{
    __m256 v = _mm256_set1_ps(a);
    return (ll_v16){v, v};
}
LL_INLINE ll_v16 v16_zero(void) { return (ll_v16){_mm256_setzero_ps(), _mm256_setzero_ps()}; }
LL_INLINE ll_v16 v16_fma(ll_v16 a, ll_v16 b, ll_v16 c)
{
    return (ll_v16){_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}
LL_INLINE ll_v16 v16_add(ll_v16 a, ll_v16 b)
{
    return (ll_v16){_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
}
LL_INLINE ll_v16 v16_sub(ll_v16 a, ll_v16 b)
{
    return (ll_v16){_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
}
LL_INLINE ll_v16 v16_mul(ll_v16 a, ll_v16 b)
{
    return (ll_v16){_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
}
LL_INLINE ll_v16 v16_relu(ll_v16 a)
{
    __m256 zero = _mm256_setzero_ps();
    return (ll_v16){_mm256_max_ps(zero, a.low), _mm256_max_ps(zero, a.high)};
}

#endif
#endif
