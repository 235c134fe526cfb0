/* A k-d tree of points in the plane from which points can be taken: the queries of diagram matching. */
#ifndef LL_TOPOLOGY_PLANE_TREE_H
#define LL_TOPOLOGY_PLANE_TREE_H

#include "topology/internal.h"

/* One node a point: the middle of its range, which is cut along the axis of its depth. */
typedef struct topology_plane_node {
    double low[2], high[2]; /* box of the node's range */
    double most;            /* largest weight in the range */
    int32_t item;           /* point at this node */
    int32_t alive;          /* points of the range that are not taken */
    bool taken;             /* this one */
} topology_plane_node;

typedef struct topology_plane_tree {
    const double *points;  /* x, y pairs by item, borrowed */
    const double *weights; /* by item, borrowed; NULL: none */
    topology_plane_node *nodes;
    int64_t count;
} topology_plane_tree;

/* Makes the tree of items[0 .. count) in `nodes` (room for count; borrowed); items are reordered. */
void topology_plane_tree_build(topology_plane_tree *tree, const double *points, const double *weights,
                               topology_plane_node *nodes, int32_t *items, int64_t count);
/* Takes some point within `radius` (L-infinity, closed) of (x, y) and returns its item; -1: there is none. */
int32_t topology_plane_tree_take(topology_plane_tree *tree, double x, double y, double radius);

#endif
