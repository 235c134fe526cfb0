/* LANES lanes of REAL in AVX-512 registers, comparisons in predicate registers. REAL_BITS is 32 or 64;
 * with 64, words are half as wide (AVX-512VL). */
#include "topology/internal.h"

#include <immintrin.h>
#include <math.h>
#include <string.h>

typedef uint32_t words __attribute__((vector_size(LANES * 4)));
#if REAL_BITS == 32
typedef __m512 reals;
typedef __mmask16 masks;
#define ON_REALS(name) _mm512_##name##_ps
#define ON_WORDS(name) _mm512_##name
#define COMPARE(a, b, how) _mm512_cmp_ps_mask(a, b, how)
typedef __m512i raw_words;
#else
typedef __m512d reals;
typedef __mmask8 masks;
#define ON_REALS(name) _mm512_##name##_pd
#define ON_WORDS(name) _mm256_##name
#define COMPARE(a, b, how) _mm512_cmp_pd_mask(a, b, how)
typedef __m256i raw_words;
#endif

static inline reals load(const REAL *from) { return ON_REALS(loadu)(from); }
static inline reals splat(REAL value) { return ON_REALS(set1)(value); }
static inline reals load_some(const REAL *from, uint32_t lanes, REAL fill)
{
    /* Masked lanes are not touched, wherever they point. */
    return ON_REALS(mask_loadu)(splat(fill), (masks)lanes, from);
}
static inline words splat_word(uint32_t value) { return (words){0} + value; }
static inline masks below(reals a, reals b) { return COMPARE(a, b, _CMP_LT_OQ); }
static inline masks above(reals a, reals b) { return COMPARE(a, b, _CMP_GT_OQ); }
static inline masks not_above(reals a, reals b) { return COMPARE(a, b, _CMP_LE_OQ); }
static inline masks not_below(reals a, reals b) { return COMPARE(a, b, _CMP_GE_OQ); }
static inline reals select_reals(masks where, reals a, reals b) { return ON_REALS(mask_mov)(b, where, a); }
static inline words select_words(masks where, words a, words b)
{
    return (words)ON_WORDS(mask_mov_epi32)((raw_words)b, where, (raw_words)a);
}
static inline words or_where(words a, masks where, uint32_t bit)
{
    return (words)ON_WORDS(mask_or_epi32)((raw_words)a, where, (raw_words)a, (raw_words)splat_word(bit));
}
static inline masks nonzero(words a) { return ON_WORDS(test_epi32_mask)((raw_words)a, (raw_words)a); }
static inline bool any(words a) { return nonzero(a) != 0; }
static inline uint32_t mask_bits(masks where) { return where; }
static inline words lane_numbers(void)
{
    words numbers = {0};
    for (int lane = 0; lane < LANES; lane++) numbers[lane] = (uint32_t)lane;
    return numbers;
}
static inline REAL reduce(reals values, bool superlevel)
{
    return superlevel ? ON_REALS(reduce_min)(values) : ON_REALS(reduce_max)(values);
}
static inline void store_codes(uint8_t *to, words codes, int count)
{
    uint8_t narrowed[16];
    _mm_storeu_si128((__m128i *)(void *)narrowed, ON_WORDS(cvtepi32_epi8)((raw_words)codes));
    if (count == LANES) memcpy(to, narrowed, LANES);
    else memcpy(to, narrowed, (size_t)count);
}
static inline void emit(uint32_t *to, words values, uint32_t bits)
{
    /* Packed in a register and stored whole: the packing store is many times slower. */
    raw_words packed = ON_WORDS(maskz_compress_epi32)((masks)bits, (raw_words)values);
    memcpy(to, &packed, sizeof packed);
}
