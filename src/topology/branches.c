/* Branch decomposition: the pairs as a tree under `elder`. */
#include "topology/order.h"

#include <string.h>

void ll_branches_deinit(ll_branches *branches)
{
    if (!branches) return;
    ll_free(branches->parent), ll_free(branches->offsets), ll_free(branches->children);
    ll_free(branches->order), ll_free(branches->depth), ll_free(branches->size);
    *branches = (ll_branches){0};
}

/* Branches by (death, birth) in the order of the field; a younger branch ends before its elder, or at the
 * same vertex, where the essential one comes last. */
static ll_status order_of_ends(const ll_merge_tree *tree, uint32_t **by_end, ll_error *error)
{
    const int64_t m = tree->minima;
    double *values = ll_allocate_array(m, sizeof *values);
    int64_t *ids = ll_allocate_array(m, sizeof *ids);
    uint32_t *by_birth = NULL;
    ll_status status = LL_OK;
    if (!values || !ids) status = ll_fail_memory(error, TOPOLOGY, (size_t)m * 16);
    for (int64_t i = 0; i < m && status == LL_OK; i++)
        values[i] = tree->pairs[i].birth_value, ids[i] = tree->pairs[i].birth;
    if (status == LL_OK) status = topology_order_items(values, ids, m, tree->superlevel, &by_birth, error);
    /* Stable: sorted by death, equal deaths stay by birth. A death's tie-break is its vertex id, doubled so
     * that the essential branch follows the others. */
    for (int64_t i = 0; i < m && status == LL_OK; i++) {
        const ll_persistence_pair *pair = &tree->pairs[by_birth[i]];
        values[i] = pair->death_value;
        ids[i] = 2 * pair->death + pair->essential;
    }
    uint32_t *sorted = NULL;
    if (status == LL_OK) status = topology_order_items(values, ids, m, tree->superlevel, &sorted, error);
    for (int64_t i = 0; i < m && status == LL_OK; i++) sorted[i] = by_birth[sorted[i]];
    ll_free(values), ll_free(ids), ll_free(by_birth);
    if (status == LL_OK) *by_end = sorted;
    return status;
}

/* Vertices of the arcs along each branch: a node's arc belongs to the pair that goes on through it. */
static ll_status branch_sizes(const ll_merge_tree *tree, int64_t *size, ll_error *error)
{
    int32_t *through = ll_allocate_array(tree->node_count, sizeof *through);
    if (!through) return ll_fail_memory(error, TOPOLOGY, (size_t)tree->node_count * sizeof *through);
    memset(size, 0, (size_t)tree->minima * sizeof *size);
    for (int64_t i = 0; i < tree->node_count; i++) {
        if (i < tree->minima) through[i] = (int32_t)i;
        size[through[i]] += tree->nodes[i].size;
        const int64_t parent = tree->nodes[i].parent;
        if (parent < 0) continue;
        const ll_persistence_pair *pair = &tree->pairs[through[i]];
        if (pair->essential || pair->death != tree->nodes[parent].vertex) through[parent] = through[i];
    }
    ll_free(through);
    return LL_OK;
}

static ll_status create(const ll_merge_tree *tree, ll_branches *branches, ll_error *error)
{
    const int64_t m = tree->minima;
    branches->count = m;
    branches->parent = ll_allocate_array(m, sizeof *branches->parent);
    branches->offsets = ll_allocate_zeroed(((size_t)m + 2) * sizeof *branches->offsets);
    branches->children = ll_allocate_array(m, sizeof *branches->children);
    branches->order = ll_allocate_array(m, sizeof *branches->order);
    branches->depth = ll_allocate_array(m, sizeof *branches->depth);
    if (!branches->parent || !branches->offsets || !branches->children || !branches->order ||
        !branches->depth)
        return ll_fail_memory(error, TOPOLOGY, (size_t)m * 36);
    uint32_t *by_end;
    LL_TRY(order_of_ends(tree, &by_end, error));
    for (int64_t i = 0; i < m; i++) {
        int64_t parent = tree->pairs[i].elder;
        branches->parent[i] = parent;
        branches->order[i] = by_end[i];
        branches->roots += parent < 0;
        if (parent >= 0) branches->offsets[parent + 2]++;
    }
    ll_free(by_end);
    for (int64_t i = 0; i < m; i++) branches->offsets[i + 1] += branches->offsets[i];
    for (int64_t i = 0; i < m; i++) { /* in the order of saddles, so that each list comes out sorted */
        int64_t parent = branches->parent[branches->order[i]];
        if (parent >= 0) branches->children[branches->offsets[parent + 1]++] = branches->order[i];
    }
    for (int64_t i = m - 1; i >= 0; i--) {
        int64_t branch = branches->order[i], parent = branches->parent[branch];
        branches->depth[branch] = parent < 0 ? 0 : branches->depth[parent] + 1;
    }
    if (!tree->has_sizes) return LL_OK;
    branches->size = ll_allocate_array(m, sizeof *branches->size);
    if (!branches->size) return ll_fail_memory(error, TOPOLOGY, (size_t)m * sizeof *branches->size);
    return branch_sizes(tree, branches->size, error);
}

ll_status ll_branches_create(const ll_merge_tree *tree, ll_branches *branches, ll_error *error)
{
    ll_branches result = {0};
    ll_status status = create(tree, &result, error);
    if (status == LL_OK) *branches = result;
    else ll_branches_deinit(&result);
    return status;
}
