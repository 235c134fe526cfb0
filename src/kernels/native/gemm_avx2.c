#include "kernels/native/gemm.h"
#include "kernels/native/simd.h"

static const int32_t mask32[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
static const int64_t mask64[8] = {-1, -1, -1, -1};

#define T float
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
