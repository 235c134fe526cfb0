/* losslens/topology_record.h - the whole topology of one scalar field as a record of kind "topology"
 * (docs/records.md): what a study stores beside a landscape, and what the server answers for another
 * connectivity.
 */
#ifndef LOSSLENS_TOPOLOGY_RECORD_H
#define LOSSLENS_TOPOLOGY_RECORD_H

#include "losslens/topology.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ll_topology_record_options { /* zero-initialised: freudenthal, sublevel, components alone, one
                                               thread */
    ll_connectivity connectivity;           /* of a grid */
    bool superlevel;
    int highest_dimension; /* of pairs: 0 components, 1 loops too, 2 voids too; cut to rank - 1 (ranks 2 and
                              3) */
    int64_t source_record; /* where the field is from; 0: nowhere that has a number */
    const char *field;     /* its name there; NULL: "value" */
    /* the field on two halves of the data, of the field's type and shape; NULL: none */
    const void *half_a, *half_b;
    ll_team *team;
    size_t memory_limit; /* bytes, of the merge tree; 0: no limit */
} ll_topology_record_options;

/* Merge tree, pairs, basins, arcs, critical points (grids of 2 and 3 axes) and every number of
 * LL_TOPOLOGY_NUMBER_LIST; axis_k where the field has coordinates. options NULL: as zero-initialised.
 * pair_resolved is there only if halves are given. *record is the caller's. Cost and errors: those of
 * ll_merge_tree_of_grid, ll_critical_points_of_grid and, for loops and voids, ll_persistence_of_grid.
 * Deterministic. */
LL_API ll_status ll_topology_record_of_grid(const ll_grid_field *field,
                                            const ll_topology_record_options *options, ll_record **record,
                                            ll_error *error) LL_MUST_CHECK;
/* The same of a graph; `dimensions` is 0, and basins and arcs have one axis. */
LL_API ll_status ll_topology_record_of_graph(const ll_graph_field *field,
                                             const ll_topology_record_options *options, ll_record **record,
                                             ll_error *error) LL_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
