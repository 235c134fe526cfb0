/* A balanced k-d tree with tight boxes (Bentley 1975), for exact neighbour and ball queries. */
#ifndef LL_TOPOLOGY_KD_TREE_H
#define LL_TOPOLOGY_KD_TREE_H

#include "topology/internal.h"

/* Node 1 holds positions [0, count); node i's halves are nodes 2 i and 2 i + 1, cut in the middle; nodes from
 * `first_leaf` on are leaves. Read-only after init: many threads may ask. */
typedef struct topology_kd_tree {
    int64_t count;
    int dimension;
    int64_t first_leaf; /* a power of two */
    int32_t *ids;       /* count: point id of a position */
    double *points;     /* count x dimension, by position */
    double *boxes;      /* per node: lowest, then highest corner */
} topology_kd_tree;

ll_status topology_kd_tree_init(topology_kd_tree *tree, const ll_points *points,
                                ll_error *error) LL_MUST_CHECK;
void topology_kd_tree_deinit(topology_kd_tree *tree);

/* A part of the tree: a node and its positions. */
typedef struct topology_kd_part {
    int64_t node, first, last;
} topology_kd_part;
static inline topology_kd_part topology_kd_root(const topology_kd_tree *tree)
{
    return (topology_kd_part){1, 0, tree->count};
}
static inline topology_kd_part topology_kd_half(topology_kd_part part, int which)
{
    int64_t middle = part.first + (part.last - part.first) / 2;
    return which ? (topology_kd_part){2 * part.node + 1, middle, part.last}
                 : (topology_kd_part){2 * part.node, part.first, middle};
}

/* Squared distance to a point, and a lower bound over a box. The bound never exceeds the distance as
 * computed for a point of the box: both add the same terms in the same order, and rounding is monotone. */
double topology_squared_distance(const double *a, const double *b, int dimension);
double topology_squared_distance_to_box(const double *a, const double *box, int dimension);

#define TOPOLOGY_KD_DEPTH 64 /* parts on a depth-first stack: at most one per level, and one more */

/* The k nearest of position-independent point `query` (id `self` left out; -1: none), by (distance, id):
 * ids and squared distances, nearest first. Returns how many were found (< k if there are fewer). */
int64_t topology_kd_nearest(const topology_kd_tree *tree, const double *query, int32_t self, int64_t k,
                            int32_t *ids, double *squared_distances);

#endif
