/* One step of a flood within a lower link, for one link (LINK_WORD = uint32_t) or for as many as a vector
 * holds (LINK_WORD = a vector of uint32_t): the set grows by its neighbours in the link, cut to `mask`.
 * The arrangements of bits are those of topology_link. Included once by each file that needs it. */
#ifndef LINK_WORD
#error "LINK_WORD must name the type of a word of link bits"
#endif

/* The 27 cells of a cube: bit 9 a + 3 b + c for coordinates in 0..2. */
#define CELLS UINT32_C(0x07FFFFFF)
#define CELLS_C0 UINT32_C(0x01249249) /* c = 0 */
#define CELLS_C2 UINT32_C(0x04924924)
#define CELLS_B0 UINT32_C(0x001C0E07) /* b = 0 */
#define CELLS_B2 UINT32_C(0x070381C0)

/* Everything that holds, or is held by, a member of the family of subsets. */
static inline LINK_WORD link_grow_subsets3(LINK_WORD set)
{
    LINK_WORD above = set, below = set;
    above |= (above & 0x5555) << 1;
    above |= (above & 0x3333) << 2;
    above |= (above & 0x0F0F) << 4;
    above |= (above & 0x00FF) << 8;
    below |= (below >> 1) & 0x5555;
    below |= (below >> 2) & 0x3333;
    below |= (below >> 4) & 0x0F0F;
    below |= (below >> 8) & 0x00FF;
    return above | below;
}

static inline LINK_WORD link_grow_subsets4(LINK_WORD set)
{
    LINK_WORD above = set, below = set;
    above |= (above & 0x55555555) << 1;
    above |= (above & 0x33333333) << 2;
    above |= (above & 0x0F0F0F0F) << 4;
    above |= (above & 0x00FF00FF) << 8;
    above |= above << 16;
    below |= (below >> 1) & 0x55555555;
    below |= (below >> 2) & 0x33333333;
    below |= (below >> 4) & 0x0F0F0F0F;
    below |= (below >> 8) & 0x00FF00FF;
    below |= below >> 16;
    return above | below;
}

static inline LINK_WORD link_grow_box(LINK_WORD set)
{
    set |= ((set & ~CELLS_C2) << 1) | ((set & ~CELLS_C0) >> 1);
    set |= ((set & ~CELLS_B2) << 3) | ((set & ~CELLS_B0) >> 3);
    return set | ((set << 9) & CELLS) | (set >> 9);
}

static inline LINK_WORD link_grow_axis(LINK_WORD set)
{
    return set | ((set & ~CELLS_C2) << 1) | ((set & ~CELLS_C0) >> 1) | ((set & ~CELLS_B2) << 3) |
           ((set & ~CELLS_B0) >> 3) | ((set << 9) & CELLS) | (set >> 9);
}

static inline LINK_WORD link_rotate(LINK_WORD ring, int by, int size)
{
    return ((ring << by) | (ring >> (size - by))) & ((UINT32_C(1) << size) - 1);
}

static inline void link_grow(topology_link link, const LINK_WORD *mask, LINK_WORD *set)
{
    switch (link) {
    case LINK_RING6: set[0] |= link_rotate(set[0], 1, 6) | link_rotate(set[0], 5, 6); break;
    case LINK_RING8: {
        LINK_WORD edges = set[0] & 0xAA; /* two edges touch each other around the corner */
        set[0] |= link_rotate(set[0], 1, 8) | link_rotate(set[0], 7, 8) | link_rotate(edges, 2, 8) |
                  link_rotate(edges, 6, 8);
        break;
    }
    case LINK_RING8_AXIS: set[0] |= link_rotate(set[0], 1, 8) | link_rotate(set[0], 7, 8); break;
    case LINK_SUBSETS3: set[0] = link_grow_subsets3(set[0]); break;
    case LINK_SUBSETS4: set[0] = link_grow_subsets4(set[0]); break;
    case LINK_CUBE3: set[0] = link_grow_box(set[0]); break;
    case LINK_CUBE3_AXIS: set[0] = link_grow_axis(set[0]); break;
    case LINK_CUBE4: {
        LINK_WORD a = link_grow_box(set[0]), b = link_grow_box(set[1]), c = link_grow_box(set[2]);
        set[0] = a | b;
        set[1] = a | b | c;
        set[2] = b | c;
        break;
    }
    case LINK_CUBE4_AXIS: {
        LINK_WORD a = set[0], b = set[1], c = set[2];
        set[0] = link_grow_axis(a) | b;
        set[1] = link_grow_axis(b) | a | c;
        set[2] = link_grow_axis(c) | b;
        break;
    }
    }
    set[0] &= mask[0];
    if (link == LINK_CUBE4 || link == LINK_CUBE4_AXIS) {
        set[1] &= mask[1];
        set[2] &= mask[2];
    }
}
