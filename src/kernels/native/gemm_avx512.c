#include "kernels/native/gemm.h"
#include "kernels/native/simd.h"

#define T float
#define V __m512
#define LANES 16
#define NAME ll_gemm_f32_avx512
#define VLOAD _mm512_loadu_ps
#define VSTORE _mm512_storeu_ps
#define VSET _mm512_set1_ps
#define VFMA _mm512_fmadd_ps
#define VZERO _mm512_setzero_ps
#define MASK __mmask16
#define VLOADM(mask, p) _mm512_maskz_loadu_ps(mask, p)
#define VSTOREM(mask, p, v) _mm512_mask_storeu_ps(p, mask, v)
#define VREDUCE _mm512_reduce_add_ps
#define VN __m128
#define VNZERO _mm_setzero_ps
#define VNLOADM(mask, p) _mm_maskz_loadu_ps((__mmask8)(mask), p)
#define VNSTOREM(mask, p, v) _mm_mask_storeu_ps(p, (__mmask8)(mask), v)
#define VNFMA _mm_fmadd_ps
#define VNLOW _mm512_castps512_ps128
#define MAKE_MASK(count) ((__mmask16)((count) >= 16 ? 0xFFFF : (1U << (count)) - 1U))
#include "kernels/native/gemm_core.h"

#define T double
#define V __m512d
#define LANES 8
#define NAME ll_gemm_f64_avx512
#define VLOAD _mm512_loadu_pd
#define VSTORE _mm512_storeu_pd
#define VSET _mm512_set1_pd
#define VFMA _mm512_fmadd_pd
#define VZERO _mm512_setzero_pd
#define MASK __mmask8
#define VLOADM(mask, p) _mm512_maskz_loadu_pd(mask, p)
#define VSTOREM(mask, p, v) _mm512_mask_storeu_pd(p, mask, v)
#define VREDUCE _mm512_reduce_add_pd
#define VN __m128d
#define VNZERO _mm_setzero_pd
#define VNLOADM(mask, p) _mm_maskz_loadu_pd((__mmask8)(mask), p)
#define VNSTOREM(mask, p, v) _mm_mask_storeu_pd(p, (__mmask8)(mask), v)
#define VNFMA _mm_fmadd_pd
#define VNLOW _mm512_castpd512_pd128
#define MAKE_MASK(count) ((__mmask8)((count) >= 8 ? 0xFF : (1U << (count)) - 1U))
#include "kernels/native/gemm_core.h"
