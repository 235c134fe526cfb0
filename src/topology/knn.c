/* Nearest neighbours and the graphs that they make. */
#include "topology/graph.h"
#include "topology/kd_tree.h"

#include <math.h>
#include <string.h>

enum { CHUNK = 256 }; /* points per piece of parallel work */

struct search {
    const topology_kd_tree *tree;
    int64_t k;
    int32_t *ids;      /* count x k */
    double *distances; /* count x k, or NULL */
};

static ll_status search_chunk(void *context, int64_t chunk, int thread, ll_error *error)
{
    (void)thread;
    const struct search *search = context;
    const topology_kd_tree *tree = search->tree;
    const int64_t k = search->k, last = ll_min_int64(tree->count, (chunk + 1) * CHUNK);
    double *squared = ll_allocate_array(k, sizeof *squared);
    if (!squared) return ll_fail_memory(error, TOPOLOGY, (size_t)k * sizeof *squared);
    for (int64_t p = chunk * CHUNK; p < last; p++) { /* by position: neighbours in space share the cache */
        int32_t id = tree->ids[p];
        int32_t *ids = search->ids + id * k;
        int64_t found = topology_kd_nearest(tree, tree->points + p * tree->dimension, id, k, ids, squared);
        for (int64_t j = found; j < k; j++) ids[j] = -1;
        for (int64_t j = 0; j < k && search->distances; j++)
            search->distances[id * k + j] = j < found ? sqrt(squared[j]) : INFINITY;
    }
    ll_free(squared);
    return LL_OK;
}

ll_status ll_nearest_neighbours(const ll_points *points, int64_t k, ll_team *team, int32_t *ids,
                                double *distances, ll_error *error)
{
    LL_TRY(topology_check_points(points, error));
    if (k < 1)
        return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, "knn", "k = %lld; at least 1 is wanted",
                       (long long)k);
    topology_kd_tree tree;
    LL_TRY(topology_kd_tree_init(&tree, points, error));
    struct search search = {.tree = &tree, .k = k, .ids = ids, .distances = distances};
    ll_status status = ll_team_run(team, (points->count + CHUNK - 1) / CHUNK, search_chunk, &search, error);
    topology_kd_tree_deinit(&tree);
    return status;
}

static bool names(const int32_t *ids, int64_t k, int64_t v, int32_t wanted)
{
    for (int64_t j = 0; j < k; j++)
        if (ids[v * k + j] == wanted) return true;
    return false;
}

ll_status topology_graph_knn(const ll_points *points, int64_t k, bool mutual, ll_team *team, ll_graph *graph,
                             ll_error *error)
{
    if (k < 1)
        return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, "knn", "k = %lld; at least 1 is wanted",
                       (long long)k);
    const int64_t n = points->count;
    k = ll_max_int64(1, ll_min_int64(k, n - 1));
    int32_t *ids = ll_allocate_array(n * k, sizeof *ids);
    int64_t *offsets = ll_allocate_zeroed(((size_t)n + 1) * sizeof *offsets);
    int32_t *neighbours = ll_allocate_array(2 * n * k, sizeof *neighbours);
    ll_status status = LL_OK;
    if (!ids || !offsets || !neighbours) status = ll_fail_memory(error, TOPOLOGY, (size_t)(n * k) * 12);
    if (status == LL_OK && n > 0) status = ll_nearest_neighbours(points, k, team, ids, NULL, error);
    if (status != LL_OK) {
        ll_free(ids), ll_free(offsets), ll_free(neighbours);
        return status;
    }
    /* A link from v to u is kept in one direction and mirrored; where both name each other, the smaller
     * vertex speaks for both. */
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t v = 0; v < n; v++)
            for (int64_t j = 0; j < k; j++) {
                int32_t u = ids[v * k + j];
                if (u < 0) continue;
                bool both = names(ids, k, u, (int32_t)v);
                if (both ? u < v : mutual) continue;
                if (pass == 0) {
                    offsets[v]++, offsets[u]++;
                } else {
                    neighbours[offsets[v]++] = u;
                    neighbours[offsets[u]++] = (int32_t)v;
                }
            }
        if (pass == 0) {
            for (int64_t v = 0, sum = 0; v <= n; v++) {
                int64_t degree = offsets[v];
                offsets[v] = sum;
                sum += degree;
            }
        } else {
            for (int64_t v = n; v > 0; v--) offsets[v] = offsets[v - 1];
            offsets[0] = 0;
        }
    }
    ll_free(ids);
    return topology_graph_of_links(n, offsets, neighbours, graph, error);
}
