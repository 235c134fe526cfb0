/* Topological landscape profile, exact: centres, floors, widths and the levels at which each polygon widens.
 */
#include "topology/order.h"
#include "topology/simplify.h"

#include <math.h>
#include <string.h>

void ll_profile_deinit(ll_profile *profile)
{
    if (!profile) return;
    ll_merge_tree_deinit(&profile->tree);
    ll_free(profile->nodes), ll_free(profile->offsets), ll_free(profile->levels);
    *profile = (ll_profile){0};
}

/* Values of all vertices ascending, dealt out to the arcs: first those that were flooded, whose level is
 * the saddle of their cut, then sorted together. */
static ll_status deal_levels(const ll_merge_tree *tree, const topology_node_map *map, ll_array_type type,
                             const void *values, ll_profile *profile, ll_error *error)
{
    const int64_t n = tree->vertices, nodes = profile->tree.node_count;
    int64_t valid = 0;
    uint64_t *keys = ll_allocate_array(2 * n, sizeof *keys);
    uint32_t *owners = ll_allocate_array(2 * n, sizeof *owners);
    profile->offsets = ll_allocate_zeroed(((size_t)nodes + 1) * sizeof *profile->offsets);
    profile->levels = ll_allocate_array(n - tree->excluded, sizeof *profile->levels);
    ll_status status = LL_OK;
    if (!keys || !owners || !profile->offsets || !profile->levels)
        status = ll_fail_memory(error, TOPOLOGY, (size_t)n * 32);
    for (int64_t v = 0; v < n && status == LL_OK; v++) {
        if (tree->arcs[v] < 0) continue;
        const double flood = map->flood[tree->arcs[v]];
        const double level = isnan(flood) ? topology_value_at(type, values, v) : flood;
        if (!isfinite(level) || valid == n - tree->excluded) {
            status = ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, "profile",
                             "the values are not those of the tree: vertex %lld", (long long)v);
            break;
        }
        keys[valid] = topology_key64(level, tree->superlevel);
        owners[valid++] = (uint32_t)map->target[tree->arcs[v]];
    }
    if (status == LL_OK) {
        topology_sort_keys(keys, owners, keys + n, owners + n, valid);
        for (int64_t i = 0; i < valid; i++) profile->offsets[owners[i] + 1]++;
        for (int64_t i = 0; i < nodes; i++) profile->offsets[i + 1] += profile->offsets[i];
        for (int64_t i = 0; i < valid; i++)
            profile->levels[profile->offsets[owners[i]]++] = topology_value64(keys[i], tree->superlevel);
        for (int64_t i = nodes; i > 0; i--) profile->offsets[i] = profile->offsets[i - 1];
        profile->offsets[0] = 0;
        profile->vertices = valid;
    }
    ll_free(keys), ll_free(owners);
    return status;
}

/* Nodes by width descending, ties by vertex id: dealing them out in this order packs each row of siblings. */
static ll_status order_by_width(const ll_profile *profile, uint32_t **order, ll_error *error)
{
    const int64_t nodes = profile->tree.node_count;
    double *widths = ll_allocate_array(nodes, sizeof *widths);
    int64_t *ids = ll_allocate_array(nodes, sizeof *ids);
    ll_status status = LL_OK;
    if (!widths || !ids) status = ll_fail_memory(error, TOPOLOGY, (size_t)nodes * 16);
    for (int64_t i = 0; i < nodes && status == LL_OK; i++) {
        widths[i] = -(double)profile->nodes[i].width;
        ids[i] = profile->tree.nodes[i].vertex;
    }
    if (status == LL_OK) status = topology_order_items(widths, ids, nodes, false, order, error);
    ll_free(widths), ll_free(ids);
    return status;
}

static ll_status place(ll_profile *profile, ll_error *error)
{
    const ll_merge_tree *tree = &profile->tree;
    const int64_t nodes = tree->node_count;
    for (int64_t i = 0; i < nodes; i++) profile->nodes[i] = (ll_profile_node){0};
    for (int64_t i = 0; i < nodes; i++) { /* children before parents */
        profile->nodes[i].width = profile->nodes[i].floor + profile->offsets[i + 1] - profile->offsets[i];
        if (tree->nodes[i].parent >= 0)
            profile->nodes[tree->nodes[i].parent].floor += profile->nodes[i].width;
    }
    uint32_t *order;
    LL_TRY(order_by_width(profile, &order, error));
    /* `used`: width of a row of siblings that is taken already, per parent; the last entry is the roots'.
     * A parent is wider than its children, so that it comes before them in the order. */
    int64_t *used = ll_allocate_zeroed(((size_t)nodes + 1) * sizeof *used);
    if (!used) {
        ll_free(order);
        return ll_fail_memory(error, TOPOLOGY, (size_t)nodes * sizeof *used);
    }
    for (int64_t i = 0; i < nodes; i++) {
        ll_profile_node *node = &profile->nodes[order[i]];
        const int64_t parent = tree->nodes[order[i]].parent;
        int64_t *row = &used[parent < 0 ? nodes : parent];
        const double start =
            parent < 0 ? 0 : profile->nodes[parent].centre - (double)profile->nodes[parent].floor / 2;
        node->centre = start + (double)*row + (double)node->width / 2;
        *row += node->width;
    }
    ll_free(order), ll_free(used);
    return LL_OK;
}

ll_status ll_profile_create(const ll_merge_tree *tree, ll_array_type type, const void *values, double epsilon,
                            bool fraction, ll_profile *profile, ll_error *error)
{
    if (type != LL_ARRAY_FLOAT32 && type != LL_ARRAY_FLOAT64)
        return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, "profile",
                       "values of type %s; float32 or float64 is wanted", ll_array_type_name(type));
    if (tree->vertices > 0 && (!tree->arcs || !values))
        return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, "profile",
                       "a tree with arcs (LL_TOPOLOGY_ARCS) and its field's values are wanted");
    ll_merge_tree plain = *tree; /* neither arcs nor basins are wanted in the profile's own tree */
    plain.arcs = plain.basins = NULL;
    ll_profile result = {0};
    topology_node_map map = {0};
    LL_TRY(topology_simplify(&plain, epsilon, fraction, &result.tree, &map, error));
    ll_status status = deal_levels(tree, &map, type, values, &result, error);
    if (status == LL_OK) {
        result.nodes = ll_allocate_array(result.tree.node_count, sizeof *result.nodes);
        status = result.nodes
                     ? place(&result, error)
                     : ll_fail_memory(error, TOPOLOGY, (size_t)result.tree.node_count * sizeof *result.nodes);
    }
    topology_node_map_deinit(&map);
    if (status == LL_OK) *profile = result;
    else ll_profile_deinit(&result);
    return status;
}

int64_t ll_profile_width_at(const ll_profile *profile, int64_t node, double y)
{
    const double *levels = profile->levels + profile->offsets[node];
    int64_t low = 0, high = profile->offsets[node + 1] - profile->offsets[node];
    while (low < high) { /* first level above y */
        int64_t middle = low + (high - low) / 2;
        if (profile->tree.superlevel ? levels[middle] < y : levels[middle] > y) high = middle;
        else low = middle + 1;
    }
    return profile->nodes[node].floor + low;
}
