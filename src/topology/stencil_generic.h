/* LANES lanes of REAL by the compiler's vector extensions. REAL_BITS is 32 or 64. */
#include "topology/internal.h"

#include <math.h>
#include <string.h>

typedef REAL reals __attribute__((vector_size(LANES * sizeof(REAL))));
typedef uint32_t words __attribute__((vector_size(LANES * 4)));
typedef int32_t masks __attribute__((vector_size(LANES * 4))); /* all ones or zero in a lane */
typedef uint8_t bytes __attribute__((vector_size(LANES)));
#if REAL_BITS == 32
typedef int32_t comparison __attribute__((vector_size(LANES * 4)));
#else
typedef int64_t comparison __attribute__((vector_size(LANES * 8)));
#endif

static inline reals load(const REAL *from)
{
    reals values;
    memcpy(&values, from, sizeof values);
    return values;
}
static inline reals load_some(const REAL *from, uint32_t lanes, REAL fill)
{
    REAL values[LANES];
    for (int lane = 0; lane < LANES; lane++) values[lane] = (lanes >> lane & 1) != 0 ? from[lane] : fill;
    return load(values);
}
static inline reals splat(REAL value) { return (reals){0} + value; }
static inline words splat_word(uint32_t value) { return (words){0} + value; }
static inline masks narrow(comparison wide) { return __builtin_convertvector(wide, masks); }
static inline masks below(reals a, reals b) { return narrow(a < b); }
static inline masks above(reals a, reals b) { return narrow(a > b); }
static inline masks not_above(reals a, reals b) { return narrow(a <= b); }
static inline masks not_below(reals a, reals b) { return narrow(a >= b); }
static inline reals select_reals(masks where, reals a, reals b)
{
    comparison wide = __builtin_convertvector(where, comparison);
    return (reals)(((comparison)a & wide) | ((comparison)b & ~wide));
}
static inline words select_words(masks where, words a, words b)
{
    return (a & (words)where) | (b & ~(words)where);
}
static inline words or_where(words a, masks where, uint32_t bit) { return a | ((words)where & bit); }
static inline masks nonzero(words a) { return (masks)(a != 0); }
static inline bool any(words a)
{
    uint64_t parts[LANES / 2], all = 0;
    memcpy(parts, &a, sizeof parts);
    for (int part = 0; part < LANES / 2; part++) all |= parts[part];
    return all != 0;
}
static inline uint32_t mask_bits(masks where)
{
    if (!any((words)where)) return 0;
    uint32_t bits = 0;
    for (int lane = 0; lane < LANES; lane++) bits |= ((uint32_t)where[lane] & 1) << lane;
    return bits;
}
static inline words lane_numbers(void)
{
    words numbers = {0};
    for (int lane = 0; lane < LANES; lane++) numbers[lane] = (uint32_t)lane;
    return numbers;
}
static inline REAL reduce(reals values, bool superlevel)
{
    REAL best = values[0];
    for (int lane = 1; lane < LANES; lane++) {
        if (superlevel ? values[lane] < best : values[lane] > best) best = values[lane];
    }
    return best;
}
static inline void store_codes(uint8_t *to, words codes, int count)
{
    bytes narrowed = __builtin_convertvector(codes, bytes);
    if (count == LANES) memcpy(to, &narrowed, LANES);
    else memcpy(to, &narrowed, (size_t)count);
}
static inline void emit(uint32_t *to, words values, uint32_t bits)
{
    uint32_t lanes[LANES];
    memcpy(lanes, &values, sizeof lanes);
    for (; bits != 0; bits &= bits - 1) *to++ = lanes[__builtin_ctz(bits)];
}
