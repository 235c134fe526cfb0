#include "kernels/native/gemm.h"
#include "kernels/native/simd.h"

static const int32_t mask32[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
static const int64_t mask64[8] = {-1, -1, -1, -1};

LL_INLINE float reduce_f32(__m256 v)
{
    __m128 x = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    x = _mm_add_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)));
}
LL_INLINE double reduce_f64(__m256d v)
{
    __m128d x = _mm_add_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd(v, 1));
    return _mm_cvtsd_f64(_mm_add_sd(x, _mm_unpackhi_pd(x, x)));
}

#define T float
#define VREDUCE reduce_f32
#define V __m256
#define LANES 8
#define NAME ll_gemm_f32_avx2
#define VLOAD _mm256_loadu_ps
#define VSTORE _mm256_storeu_ps
#define VSET _mm256_set1_ps
#define VFMA _mm256_fmadd_ps
#define VZERO _mm256_setzero_ps
#define MASK __m256i
#define VLOADM(mask, p) _mm256_maskload_ps(p, mask)
#define VSTOREM(mask, p, v) _mm256_maskstore_ps(p, mask, v)
#define MAKE_MASK(count) _mm256_loadu_si256((const __m256i *)(const void *)(mask32 + 8 - (count)))
#include "kernels/native/gemm_core.h"

#define T double
#define VREDUCE reduce_f64
#define V __m256d
#define LANES 4
#define NAME ll_gemm_f64_avx2
#define VLOAD _mm256_loadu_pd
#define VSTORE _mm256_storeu_pd
#define VSET _mm256_set1_pd
#define VFMA _mm256_fmadd_pd
#define VZERO _mm256_setzero_pd
#define MASK __m256i
#define VLOADM(mask, p) _mm256_maskload_pd(p, mask)
#define VSTOREM(mask, p, v) _mm256_maskstore_pd(p, mask, v)
#define MAKE_MASK(count) _mm256_loadu_si256((const __m256i *)(const void *)(mask64 + 4 - (count)))
#include "kernels/native/gemm_core.h"
