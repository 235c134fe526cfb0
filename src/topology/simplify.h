/* Simplification with the maps from the full tree's nodes. */
#ifndef LL_TOPOLOGY_SIMPLIFY_H
#define LL_TOPOLOGY_SIMPLIFY_H

#include "topology/internal.h"

/* Per node of the full tree. */
typedef struct topology_node_map {
    int32_t *target; /* node of the simplified tree whose arc takes this arc's vertices */
    double *flood;   /* value of the saddle at which this node's branch was cut; NaN: it was not */
} topology_node_map;
void topology_node_map_deinit(topology_node_map *map);

/* ll_merge_tree_simplify; map may be NULL, and needs a tree with nodes. */
ll_status topology_simplify(const ll_merge_tree *tree, double epsilon, bool fraction,
                            ll_merge_tree *simplified, topology_node_map *map, ll_error *error) LL_MUST_CHECK;

#endif
