/* The stencil pass over one row of a grid, LANES vertices at a time. Included by the files that say what a
 * vector is: stencil_generic.h (the compiler's vector extensions) and stencil_avx512.h (predicate
 * registers). They define REAL, LANES and
 *   reals, words, masks   vectors of REAL, of uint32_t, and the outcome of a comparison
 *   load, load_some       LANES values; load_some reads the lanes of a bit set only, the others are `fill`
 *   below, above, not_below, not_above   comparisons; false where a NaN is compared
 *   select_reals, select_words (m, a, b)   a where m, else b
 *   or_where(a, m, bit)   a, with the bit set where m
 *   nonzero(a), any(a), mask_bits, splat, splat_word, lane_numbers, reduce
 *   store_codes, emit   low bytes of the lanes; the lanes of a bit set, packed
 * "Lower" is `below` for sublevel and `above` for superlevel sets. Absent neighbours read as `far`, the
 * infinity that is never lower; NaN never compares as lower either. */
#define LINK_WORD words
#include "topology/link_grow.h"

#define INLINED static inline __attribute__((always_inline))
#define STEPS_MIDDLE UINT32_C(0x00415410) /* the six axis neighbours among the 27 cells */
#define STEPS_OUTER UINT32_C(0x00002000)  /* the centre cell, of the two outer words in 4-D */

/* Lanes whose lower link has two or more pieces. */
INLINED masks several_pieces(topology_link link, const words *lower)
{
    words zero = {0};
    switch (link) {
    case LINK_RING6: {
        words begins = lower[0] & ~link_rotate(lower[0], 1, 6);
        return nonzero(begins & (begins - 1));
    }
    case LINK_RING8: {
        /* Two edge cells touch around their corner, as if the corner were there. */
        words edges = lower[0] & 0xAA;
        words full = lower[0] | (link_rotate(edges, 1, 8) & link_rotate(edges, 7, 8));
        words begins = full & ~link_rotate(full, 1, 8);
        return nonzero(begins & (begins - 1));
    }
    case LINK_RING8_AXIS: {
        /* A corner counts only where it joins two edge cells. */
        words edges = lower[0] & 0xAA;
        words full = edges | (lower[0] & link_rotate(edges, 1, 8) & link_rotate(edges, 7, 8));
        words begins = full & ~link_rotate(full, 1, 8);
        return nonzero(begins & (begins - 1));
    }
    case LINK_SUBSETS3:
    case LINK_SUBSETS4:
    case LINK_CUBE3:
    case LINK_CUBE3_AXIS: {
        words steps = link == LINK_CUBE3_AXIS ? lower[0] & STEPS_MIDDLE : lower[0];
        words piece = steps & (zero - steps);
        for (;;) {
            words before = piece;
            link_grow(link, lower, &piece);
            if (!any(piece ^ before)) break;
        }
        return nonzero(steps & ~piece);
    }
    case LINK_CUBE4:
    case LINK_CUBE4_AXIS: break;
    }
    words steps[3] = {lower[0], lower[1], lower[2]}, piece[3];
    if (link == LINK_CUBE4_AXIS) {
        steps[0] &= STEPS_OUTER;
        steps[1] &= STEPS_MIDDLE;
        steps[2] &= STEPS_OUTER;
    }
    piece[0] = steps[0] & (zero - steps[0]);
    piece[1] = select_words(nonzero(steps[0]), zero, steps[1] & (zero - steps[1]));
    piece[2] = select_words(nonzero(steps[0] | steps[1]), zero, steps[2] & (zero - steps[2]));
    for (;;) {
        words before[3] = {piece[0], piece[1], piece[2]};
        link_grow(link, lower, piece);
        if (!any((piece[0] ^ before[0]) | (piece[1] ^ before[1]) | (piece[2] ^ before[2]))) break;
    }
    return nonzero((steps[0] & ~piece[0]) | (steps[1] & ~piece[1]) | (steps[2] & ~piece[2]));
}

/* Vertices first..first+lanes-1 of a row; from[j] is the row of neighbour j, shifted. `whole`: all lanes and
 * their neighbours along the row are inside it, so that nothing needs a mask. */
INLINED reals pass_lanes(topology_slab *slab, const topology_stencil *stencil, const REAL *const *from,
                         const REAL *centre_row, int64_t base, int64_t first, int lanes, bool whole,
                         bool superlevel, topology_link link, reals highest)
{
    const REAL far = superlevel ? -(REAL)INFINITY : (REAL)INFINITY;
    const bool corners = link == LINK_RING8_AXIS || link == LINK_CUBE3_AXIS || link == LINK_CUBE4_AXIS;
    const int word_count = link == LINK_CUBE4 || link == LINK_CUBE4_AXIS ? 3 : 1;
    /* Lanes whose neighbour at -1, 0, +1 along the row is in the row. */
    uint32_t here = lanes < 32 ? (UINT32_C(1) << lanes) - 1 : ~UINT32_C(0), inside[3] = {here, here, here};
    if (!whole) {
        inside[0] = first == 0 ? here & ~UINT32_C(1) : here;
        inside[2] = first + lanes == stencil->length ? here >> 1 : here;
    }
    reals centre = whole ? load(centre_row + first) : load_some(centre_row + first, here, far);
    masks valid = superlevel ? above(centre, splat(far)) : below(centre, splat(far));
    words lower[3] = {{0}, {0}, {0}};
    reals lowest = splat(far);
    words code = {0};
    int j = 0;

#define FETCH(there)                                                                                         \
    reals there;                                                                                             \
    if (whole) there = load(from[j] + first);                                                                \
    else there = load_some(from[j] + first, inside[1 + stencil->shift[j]], far)
#define ADD(is_lower)                                                                                        \
    do {                                                                                                     \
        int word = word_count == 1 ? 0 : stencil->word[j];                                                   \
        lower[word] = or_where(lower[word], is_lower, stencil->bit[j]);                                      \
    } while (0)
#define DESCEND(there)                                                                                       \
    do {                                                                                                     \
        masks better = superlevel ? above(there, lowest) : below(there, lowest);                             \
        lowest = select_reals(better, there, lowest);                                                        \
        code = select_words(better, splat_word((uint32_t)j), code);                                          \
    } while (0)

    for (; j < stencil->earlier; j++) {
        FETCH(there);
        ADD(superlevel ? not_below(there, centre) : not_above(there, centre));
        DESCEND(there);
    }
    for (; j < stencil->steps; j++) {
        FETCH(there);
        ADD(superlevel ? above(there, centre) : below(there, centre));
        DESCEND(there);
    }
    if (corners) {
        for (; j < stencil->earlier_corners; j++) {
            FETCH(there);
            ADD(superlevel ? not_below(there, centre) : not_above(there, centre));
        }
        for (; j < stencil->count; j++) {
            FETCH(there);
            ADD(superlevel ? above(there, centre) : below(there, centre));
        }
    }
#undef FETCH
#undef ADD
#undef DESCEND

    /* Among equally low neighbours the first, hence the smallest id, was kept; so if any neighbour is
     * lower than the centre in the order, the kept one is. */
    words steps = lower[0];
    if (corners) steps &= stencil->step_bits[0];
    if (word_count == 3) steps |= (lower[1] & stencil->step_bits[1]) | (lower[2] & stencil->step_bits[2]);
    masks descends = nonzero(steps);
    code = select_words(descends, code, splat_word(CODE_LABELLED));
    code = select_words(valid, code, splat_word(CODE_HOLE));
    store_codes(slab->codes + base + first, code, lanes);

    uint32_t valid_bits = mask_bits(valid);
    uint32_t minimum_bits = valid_bits & ~mask_bits(descends);
    uint32_t several_bits = valid_bits & mask_bits(several_pieces(link, lower));
    slab->valid += __builtin_popcount(valid_bits);
    if (minimum_bits != 0) {
        emit(slab->minima + slab->minima_count, splat_word((uint32_t)(base + first)) + lane_numbers(),
             minimum_bits);
        slab->minima_count += __builtin_popcount(minimum_bits);
    }
    if (several_bits != 0) {
        int64_t at = slab->candidate_count;
        emit(slab->candidates[0] + at, splat_word((uint32_t)(base + first)) + lane_numbers(), several_bits);
        emit(slab->candidates[1] + at, lower[0], several_bits);
        if (word_count == 3) {
            emit(slab->candidates[2] + at, lower[1], several_bits);
            emit(slab->candidates[3] + at, lower[2], several_bits);
        }
        slab->candidate_count = at + __builtin_popcount(several_bits);
    }
    masks near = superlevel ? not_below(centre, splat(-far)) : not_above(centre, splat(-far));
    if (mask_bits(near) != 0) slab->infinity_below = true;
    masks rises = superlevel ? below(centre, highest) : above(centre, highest);
    return select_reals(rises, select_reals(valid, centre, highest), highest);
}

INLINED void pass_row(topology_slab *slab, int64_t row, bool superlevel, topology_link link)
{
    const topology_stencil *stencil = slab->stencil;
    const REAL far = superlevel ? -(REAL)INFINITY : (REAL)INFINITY;
    const int64_t length = stencil->length, base = row * length;
    const REAL *centre_row = (const REAL *)slab->values + base;
    const REAL *pad = (const REAL *)slab->pad + PAD_MARGIN;

    int64_t place[3] = {0};
    bool inner = true;
    int64_t rest = row;
    for (int axis = stencil->rank - 2; axis >= 0; axis--) {
        place[axis] = axis == 0 ? rest : rest % stencil->shape[axis];
        rest /= stencil->shape[axis];
        inner = inner && place[axis] > 0 && place[axis] < stencil->shape[axis] - 1;
    }
    const REAL *rows[STENCIL_ROWS], *from[STENCIL_MAX];
    for (int r = 0; r < stencil->row_count; r++) {
        bool inside = true;
        for (int axis = 0; axis < stencil->rank - 1 && !inner; axis++) {
            int64_t there = place[axis] + stencil->row_offset[r][axis];
            inside = inside && there >= 0 && there < stencil->shape[axis];
        }
        rows[r] = inside ? centre_row + stencil->row_delta[r] : pad;
    }
    for (int j = 0; j < stencil->count; j++) from[j] = rows[stencil->row[j]] + stencil->shift[j];

    reals highest = splat(-far);
    int64_t first = length < LANES ? length : LANES;
    highest =
        pass_lanes(slab, stencil, from, centre_row, base, 0, (int)first, false, superlevel, link, highest);
    for (; first + LANES < length; first += LANES) {
        highest =
            pass_lanes(slab, stencil, from, centre_row, base, first, LANES, true, superlevel, link, highest);
    }
    if (first < length) {
        highest = pass_lanes(slab, stencil, from, centre_row, base, first, (int)(length - first), false,
                             superlevel, link, highest);
    }
    double top = (double)reduce(highest, superlevel);
    bool any_valid = top != -(double)far;
    if (any_valid && (slab->highest_row < 0 || (superlevel ? top <= slab->highest : top >= slab->highest))) {
        slab->highest = top;
        slab->highest_row = row;
    }
}

#define ROW(link, superlevel)                                                                                \
    static void row_##link##_##superlevel(topology_slab *slab, int64_t row)                                  \
    {                                                                                                        \
        pass_row(slab, row, superlevel, link);                                                               \
    }
#define ROWS(link) ROW(link, 0) ROW(link, 1)
ROWS(LINK_RING6)
ROWS(LINK_RING8)
ROWS(LINK_RING8_AXIS)
ROWS(LINK_SUBSETS3)
ROWS(LINK_SUBSETS4)
ROWS(LINK_CUBE3)
ROWS(LINK_CUBE3_AXIS)
ROWS(LINK_CUBE4)
ROWS(LINK_CUBE4_AXIS)
#undef ROWS
#undef ROW

#define ROWS(link) [link] = {row_##link##_0, row_##link##_1}
static const topology_row_function row_functions[][2] = {
    ROWS(LINK_RING6), ROWS(LINK_RING8),      ROWS(LINK_RING8_AXIS), ROWS(LINK_SUBSETS3),  ROWS(LINK_SUBSETS4),
    ROWS(LINK_CUBE3), ROWS(LINK_CUBE3_AXIS), ROWS(LINK_CUBE4),      ROWS(LINK_CUBE4_AXIS)};
#undef ROWS

topology_row_function STENCIL_FUNCTION(bool superlevel, topology_link link)
{
    return row_functions[link][superlevel];
}
