/* The merge tree of a field: checks, memory need, and the choice between the fast path and the sweep. */
#include "topology/internal.h"

#include <string.h>

/* Result of at most `minima` minima and as many other nodes. */
static size_t result_bytes(int64_t vertices, int64_t minima, unsigned outputs)
{
    size_t bytes = (size_t)minima * sizeof(ll_persistence_pair);
    if ((outputs & (LL_TOPOLOGY_TREE | LL_TOPOLOGY_SIZES | LL_TOPOLOGY_ARCS)) != 0) {
        bytes += 2 * (size_t)minima * sizeof(ll_tree_node);
    }
    if ((outputs & LL_TOPOLOGY_BASINS) != 0) bytes += (size_t)vertices * sizeof(int32_t);
    if ((outputs & LL_TOPOLOGY_ARCS) != 0) bytes += (size_t)vertices * sizeof(int32_t);
    return bytes;
}

/* Most minima that a grid can have: no two are neighbours. A block of 2^rank vertices holds at most one
 * (box) or half of them (axis). The Freudenthal cliques x, x + e1, x + e1 + e2 ... of all x whose
 * coordinates sum to a multiple of rank + 1 tile the grid, and hold one each. */
static int64_t most_minima(const ll_grid_field *field, ll_connectivity connectivity)
{
    int64_t blocks = 1, cliques = 1;
    int rank = 0, longest = 0;
    for (int axis = 0; axis < field->rank; axis++) {
        blocks *= (field->shape[axis] + 1) / 2;
        rank += field->shape[axis] > 1;
        if (field->shape[axis] > field->shape[longest]) longest = axis;
    }
    if (connectivity == LL_CONNECTIVITY_BOX || rank == 0) return blocks;
    if (connectivity == LL_CONNECTIVITY_AXIS) return blocks << (rank - 1);
    for (int axis = 0; axis < field->rank; axis++) {
        int64_t extent = field->shape[axis];
        if (extent == 1) continue;
        cliques *= axis == longest ? (extent + 1 + rank) / (rank + 1) : extent + 1;
    }
    return ll_min_int64(cliques, blocks << (rank - 1));
}

static ll_status check_limit(size_t need, const ll_topology_options *options, ll_error *error)
{
    if (options->memory_limit == 0 || need <= options->memory_limit) return LL_OK;
    return ll_fail(error, LL_TOO_LARGE, TOPOLOGY, NULL,
                   "needs up to %zu bytes (%.1f MiB) beyond the field, the limit is %zu (%.1f MiB)", need,
                   (double)need / 1048576.0, options->memory_limit,
                   (double)options->memory_limit / 1048576.0);
}

static ll_status check_options(const ll_topology_options *options, ll_error *error)
{
    unsigned all = LL_TOPOLOGY_TREE | LL_TOPOLOGY_SIZES | LL_TOPOLOGY_BASINS | LL_TOPOLOGY_ARCS;
    if ((options->outputs & ~all) != 0) {
        return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, NULL, "unknown outputs 0x%x (known: 0x%x)",
                       options->outputs, all);
    }
    return LL_OK;
}

static ll_status check_grid(const ll_grid_field *field, const ll_topology_options *options, ll_error *error)
{
    LL_TRY(ll_grid_field_check(field, error));
    LL_TRY(check_options(options, error));
    if (!ll_connectivity_is_grid(options->connectivity)) {
        return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, NULL,
                       "connectivity \"%s\" is not one of a grid (axis, freudenthal, freudenthal-plus, box)",
                       ll_connectivity_name(options->connectivity));
    }
    return LL_OK;
}

ll_status ll_merge_tree_memory_of_grid(const ll_grid_field *field, const ll_topology_options *options,
                                       size_t *bytes, ll_error *error)
{
    ll_topology_options defaults = ll_topology_options_default();
    if (options == NULL) options = &defaults;
    LL_TRY(check_grid(field, options, error));
    int64_t vertices = ll_grid_field_vertices(field), minima = most_minima(field, options->connectivity);
    topology_stencil stencil;
    size_t scratch = topology_stencil_make(field, options->connectivity, &stencil)
                         ? topology_descend_bytes(field->type, &stencil, options, minima)
                         : topology_sweep_bytes(vertices);
    *bytes = scratch + result_bytes(vertices, minima, options->outputs);
    return LL_OK;
}

ll_status ll_merge_tree_memory_of_graph(const ll_graph_field *field, const ll_topology_options *options,
                                        size_t *bytes, ll_error *error)
{
    ll_topology_options defaults = ll_topology_options_default();
    if (options == NULL) options = &defaults;
    LL_TRY(topology_check_graph_quickly(field, error));
    LL_TRY(check_options(options, error));
    *bytes = topology_sweep_bytes(field->vertices) +
             result_bytes(field->vertices, field->vertices, options->outputs);
    return LL_OK;
}

/* The caller's options with a workspace for certain; *own is the one to destroy afterwards. */
static ll_status with_workspace(const ll_topology_options *options, ll_topology_options *full,
                                ll_topology_workspace **own, ll_error *error)
{
    *own = NULL;
    *full = *options;
    ll_cpu_level here = ll_cpu_detect();
    if (full->cpu_level > here) full->cpu_level = here;
    if (full->workspace == NULL) {
        LL_TRY(ll_topology_workspace_create(own, error));
        full->workspace = *own;
    }
    return LL_OK;
}

ll_status ll_merge_tree_of_grid(const ll_grid_field *field, const ll_topology_options *options,
                                ll_merge_tree *tree, ll_error *error)
{
    ll_topology_options defaults = ll_topology_options_default(), full;
    if (options == NULL) options = &defaults;
    LL_TRY(check_grid(field, options, error));
    if (options->memory_limit != 0) {
        size_t need;
        LL_TRY(ll_merge_tree_memory_of_grid(field, options, &need, error));
        LL_TRY(check_limit(need, options, error));
    }
    ll_topology_workspace *own;
    LL_TRY(with_workspace(options, &full, &own, error));
    const topology_stencil *stencil = topology_workspace_stencil(full.workspace, field, full.connectivity);
    ll_status status = stencil != NULL
                           ? topology_descend_grid(field, stencil, &full, full.workspace, tree, error)
                           : topology_sweep_grid(field, &full, full.workspace, tree, error);
    ll_topology_workspace_destroy(own);
    return status;
}

ll_status ll_merge_tree_of_graph(const ll_graph_field *field, const ll_topology_options *options,
                                 ll_merge_tree *tree, ll_error *error)
{
    ll_topology_options defaults = ll_topology_options_default(), full;
    if (options == NULL) options = &defaults;
    LL_TRY(check_options(options, error));
    LL_TRY(topology_check_graph_quickly(field, error));
    if (options->memory_limit != 0) {
        size_t need;
        LL_TRY(ll_merge_tree_memory_of_graph(field, options, &need, error));
        LL_TRY(check_limit(need, options, error));
    }
    ll_topology_workspace *own;
    LL_TRY(with_workspace(options, &full, &own, error));
    ll_status status = topology_sweep_graph(field, &full, full.workspace, tree, error);
    ll_topology_workspace_destroy(own);
    return status;
}
