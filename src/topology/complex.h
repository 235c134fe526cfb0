/* The cell complex that a connectivity names, on a 2-D or 3-D grid, without storing a cell.
 *
 * Cells are (place, type): a place of the grid, padded by one layer of nothing on every side, and one of a
 * few types. `axis`: type = set of axes along which the cube extends from its vertex. `freudenthal`: type =
 * chain of sets S1 < S2 < ...; the simplex is place, place + S1, place + S2 ... `box`: as axis, but places
 * are corners of pixels: the place of a corner is that of the pixel above it.
 * Level of a cell: the rank (in the order of vertices) at which it comes in: of its highest vertex, or, for
 * `box`, of its lowest pixel; ABSENT if it never does. */
#ifndef LL_TOPOLOGY_COMPLEX_H
#define LL_TOPOLOGY_COMPLEX_H

#include "topology/internal.h"

#define COMPLEX_TYPES 26
#define ABSENT UINT32_MAX

typedef struct complex_face {
    int64_t shift; /* from the cell's place to the face's */
    int type;
} complex_face;

typedef struct complex_type {
    int dimension;
    int number;  /* among the types of its dimension */
    int corners; /* vertices (or, for box, pixels) that give the level */
    int64_t corner[8];
    int faces;
    complex_face face[6];
    int cofaces; /* of top dimension only: at most two */
    complex_face coface[2];
} complex_type;

typedef struct topology_complex {
    int rank;
    bool box;
    int types, per_dimension[4];
    complex_type type[COMPLEX_TYPES];
    int64_t places;       /* padded */
    uint32_t *ranks;      /* per place; readable, ABSENT, for a layer before and behind too */
    uint32_t *rank_block; /* the allocation behind it */
    uint32_t *order;      /* vertex id of each rank */
    int64_t valid;
} topology_complex;

/* rank 2 or 3. Free with complex_deinit. */
ll_status topology_complex_init(topology_complex *complex, const ll_grid_field *field,
                                ll_connectivity connectivity, bool superlevel, ll_error *error);
void topology_complex_deinit(topology_complex *complex);

static inline uint32_t topology_complex_level(const topology_complex *complex, int64_t place, int type)
{
    const complex_type *kind = &complex->type[type];
    uint32_t level = complex->ranks[place + kind->corner[0]];
    for (int corner = 1; corner < kind->corners; corner++) {
        uint32_t other = complex->ranks[place + kind->corner[corner]];
        if (complex->box ? other < level : other > level) level = other;
    }
    return level;
}

#endif
