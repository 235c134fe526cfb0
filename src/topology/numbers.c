/* The numbers of a merge tree (see LL_TOPOLOGY_NUMBER_LIST). */
#include "topology/internal.h"

#include <math.h>
#include <string.h>

static const ll_topology_number_info number_list[] = {
#define NUMBER_INFO(name, unit, needs, text) {#name, unit, text, offsetof(ll_topology_numbers, name)},
    LL_TOPOLOGY_NUMBER_LIST(NUMBER_INFO)
#undef NUMBER_INFO
};

const ll_topology_number_info *ll_topology_number_list(int64_t *count)
{
    *count = (int64_t)(sizeof number_list / sizeof *number_list);
    return number_list;
}

/* Mean, total, maximum and entropy of some persistences, all > 0. */
struct summary {
    double mean, total, maximum, entropy;
};

static struct summary summarise(double *persistences, int64_t count)
{
    struct summary summary = {0};
    if (count == 0) return summary;
    summary.total = ll_reduce_pairwise(persistences, count);
    summary.mean = summary.total / (double)count;
    for (int64_t i = 0; i < count; i++) {
        summary.maximum = fmax(summary.maximum, persistences[i]);
        double share = persistences[i] / summary.total;
        persistences[i] = share > 0 ? -share * log(share) : 0;
    }
    summary.entropy = fmax(0, ll_reduce_pairwise(persistences, count));
    return summary;
}

/* `scratch` has room for every pair. */
static struct summary summarise_pairs(const ll_merge_tree *tree, bool with_essential, double *scratch)
{
    int64_t count = 0;
    for (int64_t i = 0; i < tree->minima; i++) {
        const double persistence = ll_pair_persistence(&tree->pairs[i]);
        if (persistence > 0 && (with_essential || !tree->pairs[i].essential)) scratch[count++] = persistence;
    }
    return summarise(scratch, count);
}

/* Height of the saddle next to leaf i above it; negative if there is none (its parent is a mere root). */
static double leaf_height(const ll_merge_tree *tree, int64_t i, int64_t first_plain_root)
{
    const int64_t parent = tree->nodes[i].parent;
    if (parent < 0 || parent >= first_plain_root) return -1;
    return fabs(tree->nodes[parent].value - tree->nodes[i].value);
}

/* `shares`: room for one number a vertex. */
static void smad(const ll_merge_tree *tree, double *scratch, int32_t *shares, double *plain, double *weighted)
{
    /* Nodes: minima, saddles, roots that are neither. */
    const int64_t first_plain_root = tree->minima + tree->saddles;
    int64_t leaves = 0, covered = 0;
    for (int64_t i = 0; i < tree->minima; i++) {
        double height = leaf_height(tree, i, first_plain_root);
        if (height >= 0) scratch[leaves++] = height;
    }
    *plain = leaves > 0 ? ll_reduce_pairwise(scratch, leaves) / (double)leaves : 0;
    *weighted = NAN;
    if (!tree->basins) return;
    memset(shares, 0, (size_t)tree->vertices * sizeof *shares);
    for (int64_t v = 0; v < tree->vertices; v++)
        if (tree->basins[v] >= 0) shares[tree->basins[v]]++;
    for (int64_t i = 0; i < tree->minima; i++) {
        double height = leaf_height(tree, i, first_plain_root);
        const int32_t share = shares[tree->pairs[i].birth];
        scratch[i] = height >= 0 ? height * share : 0;
        covered += height >= 0 ? share : 0;
    }
    *weighted = covered > 0 ? ll_reduce_pairwise(scratch, tree->minima) / (double)covered : 0;
}

static double over(double value, double range) { return range > 0 ? value / range : 0; }

ll_status ll_topology_numbers_of_tree(const ll_merge_tree *tree, ll_topology_numbers *numbers,
                                      ll_error *error)
{
    double *scratch = ll_allocate_array(tree->minima, sizeof *scratch);
    int32_t *shares = ll_allocate_array(tree->basins ? tree->vertices : 0, sizeof *shares);
    if (!scratch || !shares) {
        ll_free(scratch), ll_free(shares);
        return ll_fail_memory(error, TOPOLOGY, (size_t)tree->vertices * sizeof *shares);
    }
    const ll_value_range range = ll_merge_tree_range(tree);
    const struct summary finite = summarise_pairs(tree, false, scratch);
    const struct summary all = summarise_pairs(tree, true, scratch);
    ll_topology_numbers result = {.minima = (double)tree->minima,
                                  .saddles = (double)tree->saddles,
                                  .merges = (double)tree->merges,
                                  .components = (double)tree->components,
                                  .excluded = (double)tree->excluded,
                                  .lowest = range.lowest,
                                  .highest = range.highest,
                                  .range = range.range,
                                  .mean_persistence = finite.mean,
                                  .mean_persistence_with_essential = all.mean,
                                  .mean_persistence_normalised = over(finite.mean, range.range),
                                  .mean_diagonal_distance = finite.mean / sqrt(2),
                                  .mean_diagonal_distance_with_essential = all.mean / sqrt(2),
                                  .total_persistence = finite.total,
                                  .total_persistence_with_essential = all.total,
                                  .total_persistence_normalised = over(finite.total, range.range),
                                  .maximum_persistence = finite.maximum,
                                  .maximum_persistence_with_essential = all.maximum,
                                  .maximum_persistence_normalised = over(finite.maximum, range.range),
                                  .persistence_entropy = finite.entropy,
                                  .persistence_entropy_with_essential = all.entropy};
    result.smad = result.smad_weighted = NAN;
    if (tree->minima == 0) result.smad = result.smad_weighted = 0;
    else if (tree->node_count > 0) smad(tree, scratch, shares, &result.smad, &result.smad_weighted);
    result.smad_normalised = over(result.smad, range.range);
    result.smad_weighted_normalised = over(result.smad_weighted, range.range);
    ll_free(scratch), ll_free(shares);
    *numbers = result;
    return LL_OK;
}
