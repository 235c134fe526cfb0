/* The neighbourhood of a grid vertex as the stencil pass wants it. */
#include "topology/internal.h"

#include <string.h>

/* Bit of a neighbour in the arrangement of its link (see topology_link). */
static void place_bit(topology_stencil *stencil, int j, const int8_t *offset, bool mirrored)
{
    int rank = stencil->rank;
    int word = 0, bit = 0;
    switch (stencil->link) {
    case LINK_RING6: {
        /* Around the hexagon, the last axis negated where the triangulation is the mirrored one. */
        static const int8_t ring[6][2] = {{1, 0}, {1, 1}, {0, 1}, {-1, 0}, {-1, -1}, {0, -1}};
        int last = mirrored ? -offset[1] : offset[1];
        while (ring[bit][0] != offset[0] || ring[bit][1] != last) bit++;
        break;
    }
    case LINK_RING8:
    case LINK_RING8_AXIS: {
        static const int8_t ring[8][2] = {{-1, -1}, {-1, 0}, {-1, 1}, {0, 1},
                                          {1, 1},   {1, 0},  {1, -1}, {0, -1}};
        while (ring[bit][0] != offset[0] || ring[bit][1] != offset[1]) bit++;
        break;
    }
    case LINK_SUBSETS3:
    case LINK_SUBSETS4: {
        /* +S stands for S, -T for the complement of T in the set with one more element. */
        bool down = false;
        int set = 0;
        for (int axis = 0; axis < rank; axis++) {
            int step = mirrored && axis == rank - 1 ? -offset[axis] : offset[axis];
            if (step != 0) set |= 1 << axis;
            if (step < 0) down = true;
        }
        bit = down ? (1 << (rank + 1)) - 1 - set : set;
        break;
    }
    case LINK_CUBE3:
    case LINK_CUBE3_AXIS: bit = (offset[0] + 1) * 9 + (offset[1] + 1) * 3 + offset[2] + 1; break;
    case LINK_CUBE4:
    case LINK_CUBE4_AXIS:
        word = offset[0] + 1;
        bit = (offset[1] + 1) * 9 + (offset[2] + 1) * 3 + offset[3] + 1;
        break;
    }
    stencil->word[j] = (uint8_t)word;
    stencil->bit[j] = UINT32_C(1) << bit;
    stencil->neighbour_at[word][bit] = (uint8_t)j;
}

bool topology_stencil_make(const ll_grid_field *field, ll_connectivity connectivity,
                           topology_stencil *stencil)
{
    *stencil = (topology_stencil){.vertices = ll_grid_field_vertices(field)};
    /* Axes of extent 1 change nothing but the place of the mirrored (last) axis. */
    bool mirrored = connectivity == LL_CONNECTIVITY_FREUDENTHAL && field->shape[field->rank - 1] != 1;
    int64_t shape[LL_FIELD_MAX_RANK];
    int rank = 0;
    for (int axis = 0; axis < field->rank; axis++) {
        if (field->shape[axis] != 1) shape[rank++] = field->shape[axis];
    }
    if (rank > 4) return false;
    while (rank < 2) {
        memmove(shape + 1, shape, (size_t)rank * sizeof *shape);
        shape[0] = 1;
        rank++;
    }
    stencil->rank = rank;
    memcpy(stencil->shape, shape, (size_t)rank * sizeof *shape);
    stencil->length = shape[rank - 1];
    stencil->rows = stencil->vertices / (stencil->length > 0 ? stencil->length : 1);

    bool axis_only = connectivity == LL_CONNECTIVITY_AXIS, box = connectivity == LL_CONNECTIVITY_BOX;
    static const topology_link links[3][3] = {{LINK_RING6, LINK_SUBSETS3, LINK_SUBSETS4},
                                              {LINK_RING8, LINK_CUBE3, LINK_CUBE4},
                                              {LINK_RING8_AXIS, LINK_CUBE3_AXIS, LINK_CUBE4_AXIS}};
    stencil->link = links[axis_only ? 2 : box ? 1 : 0][rank - 2];
    stencil->words = rank == 4 && (axis_only || box) ? 3 : 1;

    int8_t all[728][LL_FIELD_MAX_RANK];
    ll_connectivity wanted = mirrored           ? LL_CONNECTIVITY_FREUDENTHAL
                             : axis_only || box ? LL_CONNECTIVITY_BOX
                                                : LL_CONNECTIVITY_FREUDENTHAL_PLUS;
    int found = topology_offsets(wanted, rank, all);
    int runs[4] = {0};
    for (int run = 0; run < 4; run++) {
        runs[run] = stencil->count;
        for (int i = 0; i < found; i++) {
            int moved = 0, first = 0;
            int64_t delta = 0;
            for (int axis = 0; axis < rank; axis++) {
                moved += all[i][axis] != 0;
                if (first == 0) first = all[i][axis];
                delta = delta * shape[axis] + all[i][axis];
            }
            bool corner = axis_only && moved > 1;
            if (axis_only && moved > 2) continue;
            if (run != (corner ? 2 : 0) + (first > 0 ? 1 : 0)) continue;
            int j = stencil->count++;
            stencil->delta[j] = (int32_t)delta;
            stencil->shift[j] = all[i][rank - 1];
            int row = 0;
            while (row < stencil->row_count &&
                   memcmp(stencil->row_offset[row], all[i], (size_t)rank - 1) != 0)
                row++;
            if (row == stencil->row_count) {
                memcpy(stencil->row_offset[row], all[i], (size_t)rank - 1);
                stencil->row_delta[row] = delta - all[i][rank - 1];
                stencil->row_count++;
            }
            stencil->row[j] = (uint8_t)row;
            place_bit(stencil, j, all[i], mirrored);
            if (!corner) stencil->step_bits[stencil->word[j]] |= stencil->bit[j];
        }
    }
    stencil->earlier = runs[1];
    stencil->steps = runs[2];
    stencil->earlier_corners = runs[3];
    return true;
}

/* ------------------------------------------------------------------ one link at a time */

#define LINK_WORD uint32_t
#include "topology/link_grow.h"

int topology_link_components(const topology_stencil *stencil, const uint32_t *mask, uint8_t *representative)
{
    int found = 0;
    if (stencil->link == LINK_RING6 || stencil->link == LINK_RING8 || stencil->link == LINK_RING8_AXIS) {
        /* A piece begins where its predecessor on the ring is missing; the full ring has no beginning. Two
         * edge cells of eight touch around their corner (box), or only through it (axis). */
        int size = stencil->link == LINK_RING6 ? 6 : 8;
        uint32_t full = mask[0];
        if (size == 8) {
            uint32_t edges = full & 0xAA, between = link_rotate(edges, 1, 8) & link_rotate(edges, 7, 8);
            full = stencil->link == LINK_RING8 ? full | between : edges | (full & between);
        }
        uint32_t begins = full & ~link_rotate(full, 1, size);
        if (begins == 0 && full != 0) begins = 1U << __builtin_ctz(mask[0] & stencil->step_bits[0]);
        for (; begins != 0; begins &= begins - 1) {
            representative[found++] = stencil->neighbour_at[0][__builtin_ctz(begins)];
        }
        return found;
    }
    uint32_t left[STENCIL_WORDS] = {0}, piece[STENCIL_WORDS];
    for (int word = 0; word < stencil->words; word++) left[word] = mask[word] & stencil->step_bits[word];
    for (int word = 0; word < stencil->words;) {
        if (left[word] == 0) {
            word++;
            continue;
        }
        int bit = __builtin_ctz(left[word]);
        representative[found++] = stencil->neighbour_at[word][bit];
        memset(piece, 0, sizeof piece);
        piece[word] = UINT32_C(1) << bit;
        for (bool growing = true; growing;) {
            uint32_t before[STENCIL_WORDS];
            memcpy(before, piece, sizeof piece);
            link_grow(stencil->link, mask, piece);
            growing = false;
            for (int w = 0; w < stencil->words; w++) growing = growing || piece[w] != before[w];
        }
        for (int w = 0; w < stencil->words; w++) left[w] &= ~piece[w];
    }
    return found;
}
