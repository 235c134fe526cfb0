/* The ways to make a graph from points. */
#ifndef LL_TOPOLOGY_GRAPH_H
#define LL_TOPOLOGY_GRAPH_H

#include "topology/internal.h"

ll_status topology_check_points(const ll_points *points, ll_error *error) LL_MUST_CHECK;

/* Takes compressed links (each edge from both ends; unsorted, with loops and duplicates) from ll_allocate,
 * also on failure, and makes the graph of them. O(vertices + links). */
ll_status topology_graph_of_links(int64_t vertices, int64_t *offsets, int32_t *neighbours, ll_graph *graph,
                                  ll_error *error) LL_MUST_CHECK;

ll_status topology_graph_knn(const ll_points *points, int64_t k, bool mutual, ll_team *team, ll_graph *graph,
                             ll_error *error) LL_MUST_CHECK;
ll_status topology_graph_delaunay(const ll_points *points, ll_graph *graph, ll_error *error) LL_MUST_CHECK;
ll_status topology_graph_gabriel(const ll_points *points, ll_team *team, ll_graph *graph,
                                 ll_error *error) LL_MUST_CHECK;

#endif
