/* Graphs as compressed adjacency: from edge lists, and the choice among the ways to make one from points. */
#include "topology/graph.h"

#include <math.h>
#include <string.h>

void ll_graph_deinit(ll_graph *graph)
{
    if (!graph) return;
    ll_free(graph->offsets);
    ll_free(graph->neighbours);
    *graph = (ll_graph){0};
}

ll_graph_field ll_graph_field_view(const ll_graph *graph, ll_array_type type, const void *values,
                                   const ll_points *points)
{
    return (ll_graph_field){.type = type,
                            .vertices = graph->vertices,
                            .values = values,
                            .offsets = graph->offsets,
                            .neighbours = graph->neighbours,
                            .connectivity = graph->connectivity,
                            .dimension = points ? points->dimension : 0,
                            .coordinates = points ? points->coordinates : NULL};
}

/* Scatters `from`'s entries to the rows that they name: the transpose of a compressed matrix, whose rows
 * come out ascending. */
static void transpose(int64_t vertices, const int64_t *offsets, const int32_t *neighbours,
                      int64_t *other_offsets, int32_t *other)
{
    memset(other_offsets, 0, ((size_t)vertices + 1) * sizeof *other_offsets);
    for (int64_t e = 0; e < offsets[vertices]; e++) other_offsets[neighbours[e] + 1]++;
    for (int64_t v = 0; v < vertices; v++) other_offsets[v + 1] += other_offsets[v];
    for (int64_t v = 0; v < vertices; v++)
        for (int64_t e = offsets[v]; e < offsets[v + 1]; e++)
            other[other_offsets[neighbours[e]]++] = (int32_t)v;
    for (int64_t v = vertices; v > 0; v--) other_offsets[v] = other_offsets[v - 1];
    other_offsets[0] = 0;
}

ll_status topology_graph_of_links(int64_t vertices, int64_t *offsets, int32_t *neighbours, ll_graph *graph,
                                  ll_error *error)
{
    const int64_t links = offsets[vertices];
    int64_t *sorted_offsets = ll_allocate_array(vertices + 1, sizeof *sorted_offsets);
    int32_t *sorted = ll_allocate_array(links, sizeof *sorted);
    if (!sorted_offsets || !sorted) {
        ll_free(sorted_offsets), ll_free(sorted), ll_free(offsets), ll_free(neighbours);
        return ll_fail_memory(error, TOPOLOGY, (size_t)links * sizeof *sorted);
    }
    /* Transposing twice sorts each row in linear time. */
    transpose(vertices, offsets, neighbours, sorted_offsets, sorted);
    transpose(vertices, sorted_offsets, sorted, offsets, neighbours);
    ll_free(sorted_offsets), ll_free(sorted);
    int64_t kept = 0, start = 0;
    for (int64_t v = 0; v < vertices; v++) {
        int64_t end = offsets[v + 1], first = kept;
        for (int64_t e = start; e < end; e++) {
            if (neighbours[e] == v || (kept > first && neighbours[kept - 1] == neighbours[e])) continue;
            neighbours[kept++] = neighbours[e];
        }
        start = end;
        offsets[v + 1] = kept;
    }
    *graph = (ll_graph){.vertices = vertices,
                        .edges = kept / 2,
                        .ignored = (links - kept) / 2, /* a loop was given from both of its ends, too */
                        .offsets = offsets,
                        .neighbours = neighbours};
    return LL_OK;
}

ll_status ll_graph_of_edges(int64_t vertices, const int64_t *pairs, int64_t count, ll_graph *graph,
                            ll_error *error)
{
    if (vertices < 0 || count < 0 || (count > 0 && !pairs))
        return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, "edges",
                       "%lld vertices and %lld edges, or no edges at hand", (long long)vertices,
                       (long long)count);
    if (vertices > LL_FIELD_MAX_VERTICES)
        return ll_fail(error, LL_TOO_LARGE, TOPOLOGY, "edges", "%lld vertices; at most %lld are possible",
                       (long long)vertices, (long long)LL_FIELD_MAX_VERTICES);
    for (int64_t i = 0; i < 2 * count; i++)
        if (pairs[i] < 0 || pairs[i] >= vertices)
            return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, "edges",
                           "edge %lld names vertex %lld; ids run from 0 to %lld", (long long)(i / 2),
                           (long long)pairs[i], (long long)(vertices - 1));
    int64_t *offsets = ll_allocate_zeroed(((size_t)vertices + 1) * sizeof *offsets);
    int32_t *neighbours = ll_allocate_array(2 * count, sizeof *neighbours);
    if (!offsets || !neighbours) {
        ll_free(offsets), ll_free(neighbours);
        return ll_fail_memory(error, TOPOLOGY, (size_t)count * 2 * sizeof *neighbours);
    }
    for (int64_t i = 0; i < 2 * count; i++) offsets[pairs[i]]++;
    for (int64_t v = 0, sum = 0; v <= vertices; v++) { /* exclusive prefix sums */
        int64_t degree = offsets[v];
        offsets[v] = sum;
        sum += degree;
    }
    for (int64_t i = 0; i < 2 * count; i++) neighbours[offsets[pairs[i]]++] = (int32_t)pairs[i ^ 1];
    for (int64_t v = vertices; v > 0; v--) offsets[v] = offsets[v - 1];
    offsets[0] = 0;
    ll_graph result;
    LL_TRY(topology_graph_of_links(vertices, offsets, neighbours, &result, error));
    result.connectivity = LL_CONNECTIVITY_EDGES;
    *graph = result;
    return LL_OK;
}

ll_status topology_check_points(const ll_points *points, ll_error *error)
{
    if (!points || points->count < 0 || (points->count > 0 && !points->coordinates))
        return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, "points", "no points");
    if (points->dimension < 1 || points->dimension > LL_POINTS_MAX_DIMENSION)
        return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, "points", "%d dimensions; 1 to %d are possible",
                       points->dimension, LL_POINTS_MAX_DIMENSION);
    if (points->count > LL_FIELD_MAX_VERTICES / 2)
        return ll_fail(error, LL_TOO_LARGE, TOPOLOGY, "points", "%lld points; at most %lld are possible",
                       (long long)points->count, (long long)(LL_FIELD_MAX_VERTICES / 2));
    for (int64_t i = 0; i < points->count * points->dimension; i++)
        if (!isfinite(points->coordinates[i]))
            return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, "points",
                           "coordinate %lld of point %lld is not finite", (long long)(i % points->dimension),
                           (long long)(i / points->dimension));
    return LL_OK;
}

ll_status ll_graph_of_points(const ll_points *points, ll_connectivity connectivity, int64_t k, ll_team *team,
                             ll_graph *graph, ll_error *error)
{
    LL_TRY(topology_check_points(points, error));
    ll_graph result;
    switch (connectivity) {
    case LL_CONNECTIVITY_KNN_UNION:
    case LL_CONNECTIVITY_KNN_MUTUAL:
        LL_TRY(
            topology_graph_knn(points, k, connectivity == LL_CONNECTIVITY_KNN_MUTUAL, team, &result, error));
        break;
    case LL_CONNECTIVITY_DELAUNAY: LL_TRY(topology_graph_delaunay(points, &result, error)); break;
    case LL_CONNECTIVITY_GABRIEL: LL_TRY(topology_graph_gabriel(points, team, &result, error)); break;
    default:
        return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, "points",
                       "connectivity %s does not join points; knn-union, knn-mutual, delaunay and gabriel do",
                       ll_connectivity_name(connectivity));
    }
    result.connectivity = connectivity;
    *graph = result;
    return LL_OK;
}
