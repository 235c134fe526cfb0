/* Simplification by persistence, read off the hierarchy of pairs. Whatever swallows a kept branch is older
 * and ends later, hence is kept too: the kept pairs are closed under `elder`, and a subtree survives iff it
 * holds a kept minimum. */
#include "topology/simplify.h"

#include <math.h>
#include <string.h>

ll_value_range ll_merge_tree_range(const ll_merge_tree *tree)
{
    ll_value_range range = {0};
    bool first = true;
    for (int64_t i = 0; i < tree->minima; i++) {
        const ll_persistence_pair *pair = &tree->pairs[i];
        if (!pair->essential) continue;
        double low = fmin(pair->birth_value, pair->death_value),
               high = fmax(pair->birth_value, pair->death_value);
        range.lowest = first ? low : fmin(range.lowest, low);
        range.highest = first ? high : fmax(range.highest, high);
        first = false;
    }
    range.range = range.highest - range.lowest;
    return range;
}

static double threshold(const ll_merge_tree *tree, double epsilon, bool fraction)
{
    return fraction && epsilon > 0 ? epsilon * ll_merge_tree_range(tree).range : epsilon;
}

static bool stays(const ll_persistence_pair *pair, double limit)
{
    return limit < 0 || pair->essential || ll_pair_persistence(pair) > limit;
}

int64_t ll_merge_tree_pairs_above(const ll_merge_tree *tree, double epsilon, bool fraction)
{
    const double limit = threshold(tree, epsilon, fraction);
    int64_t count = 0;
    for (int64_t i = 0; i < tree->minima; i++) count += stays(&tree->pairs[i], limit);
    return count;
}

void topology_node_map_deinit(topology_node_map *map)
{
    ll_free(map->target);
    ll_free(map->flood);
    *map = (topology_node_map){0};
}

struct work {
    const ll_merge_tree *tree;
    double limit;
    int32_t *survivor; /* per pair: itself if kept, else the kept pair that swallowed it in the end */
    int32_t *new_pair; /* per kept pair: index in the result */
    /* per node of the full tree */
    int32_t *represent;   /* new node whose arc this node's arc became; -1: cut */
    int32_t *elder_child; /* new node below, on the branch that goes on: takes what is cut here */
    int32_t *through;     /* pair that goes on through this node */
    int32_t *kept_children;
    int64_t *cut_size; /* vertices cut below and not yet taken by an arc */
};

static int32_t survivor_of(struct work *work, int32_t pair)
{
    int32_t top = pair;
    while (work->survivor[top] != top && !stays(&work->tree->pairs[top], work->limit))
        top = work->survivor[top] >= 0 ? work->survivor[top] : (int32_t)work->tree->pairs[top].elder;
    while (pair != top && work->survivor[pair] != top) { /* the chain learns where it leads */
        const int32_t known = work->survivor[pair];
        work->survivor[pair] = top;
        pair = known >= 0 ? known : (int32_t)work->tree->pairs[pair].elder;
    }
    work->survivor[top] = top;
    return top;
}

static ll_status keep_pairs(struct work *work, ll_merge_tree *result, ll_error *error)
{
    const ll_merge_tree *tree = work->tree;
    result->pairs = ll_allocate_array(result->minima, sizeof *result->pairs);
    if (!result->pairs)
        return ll_fail_memory(error, TOPOLOGY, (size_t)result->minima * sizeof *result->pairs);
    int64_t kept = 0;
    for (int64_t i = 0; i < tree->minima; i++) {
        work->new_pair[i] = -1;
        if (!stays(&tree->pairs[i], work->limit)) continue;
        work->new_pair[i] = (int32_t)kept;
        result->pairs[kept++] = tree->pairs[i];
    }
    for (int64_t i = 0; i < kept; i++)
        if (result->pairs[i].elder >= 0) result->pairs[i].elder = work->new_pair[result->pairs[i].elder];
    return LL_OK;
}

/* Without nodes, saddles are the distinct deaths of finite pairs. */
static ll_status count_saddles(ll_merge_tree *result, ll_error *error)
{
    uint64_t *keys = ll_allocate_array(2 * result->minima, sizeof *keys);
    uint32_t *ids = ll_allocate_array(2 * result->minima, sizeof *ids);
    if (!keys || !ids) {
        ll_free(keys), ll_free(ids);
        return ll_fail_memory(error, TOPOLOGY, (size_t)result->minima * 24);
    }
    int64_t count = 0;
    for (int64_t i = 0; i < result->minima; i++) {
        if (result->pairs[i].essential) continue;
        ids[count] = 0;
        keys[count++] = (uint64_t)result->pairs[i].death;
    }
    topology_sort_keys(keys, ids, keys + result->minima, ids + result->minima, count);
    result->saddles = count > 0;
    for (int64_t i = 1; i < count; i++) result->saddles += keys[i] != keys[i - 1];
    ll_free(keys), ll_free(ids);
    return LL_OK;
}

/* First walk, children before parents: which subtrees survive, and how many of each node's children. */
static void count_children(struct work *work)
{
    const ll_merge_tree *tree = work->tree;
    for (int64_t i = 0; i < tree->node_count; i++) {
        const ll_tree_node *node = &tree->nodes[i];
        bool alive = i < tree->minima ? stays(&tree->pairs[i], work->limit) : work->kept_children[i] > 0;
        if (i < tree->minima) work->through[i] = (int32_t)i;
        work->represent[i] = alive ? 0 : -1;
        if (node->parent < 0) continue;
        const ll_tree_node *parent = &tree->nodes[node->parent];
        const ll_persistence_pair *pair = &tree->pairs[work->through[i]];
        work->kept_children[node->parent] += alive;
        if (pair->essential || pair->death != parent->vertex) work->through[node->parent] = work->through[i];
    }
}

static bool becomes_node(const struct work *work, int64_t i)
{
    if (i < work->tree->minima) return work->represent[i] >= 0;
    return work->kept_children[i] > 1 || (work->kept_children[i] == 1 && work->tree->nodes[i].parent < 0);
}

/* Numbers of the new nodes: minima, saddles, roots that are no saddles. Their number. */
static int64_t number_nodes(struct work *work, ll_merge_tree *result)
{
    const ll_merge_tree *tree = work->tree;
    int64_t count = 0;
    for (int64_t i = 0; i < tree->minima; i++)
        if (work->represent[i] >= 0) work->represent[i] = (int32_t)count++;
    for (int64_t i = tree->minima; i < tree->node_count; i++)
        if (work->kept_children[i] > 1) work->represent[i] = (int32_t)count++;
    result->saddles = count - result->minima;
    for (int64_t i = tree->minima; i < tree->node_count; i++)
        if (work->kept_children[i] == 1 && tree->nodes[i].parent < 0) work->represent[i] = (int32_t)count++;
    return count;
}

/* Second walk: arcs grow over spliced nodes and take what was cut beside them. */
static void build_nodes(struct work *work, ll_merge_tree *result)
{
    const ll_merge_tree *tree = work->tree;
    for (int64_t i = 0; i < tree->node_count; i++) {
        const ll_tree_node *node = &tree->nodes[i];
        const bool alive = work->represent[i] >= 0;
        int64_t pending = work->cut_size[i];
        if (!alive) {
            pending += node->size;
        } else {
            if (becomes_node(work, i))
                result->nodes[work->represent[i]] = (ll_tree_node){
                    .vertex = node->vertex, .parent = -1, .size = node->size, .value = node->value};
            else {
                work->represent[i] = work->elder_child[i];
                result->nodes[work->represent[i]].size += node->size;
            }
            if (pending > 0) result->nodes[work->elder_child[i]].size += pending;
            pending = 0;
        }
        if (node->parent < 0) continue;
        work->cut_size[node->parent] += pending;
        if (alive && work->through[i] == work->through[node->parent])
            work->elder_child[node->parent] = work->represent[i];
        if (alive && becomes_node(work, node->parent))
            result->nodes[work->represent[i]].parent = work->represent[node->parent];
    }
}

static ll_status map_nodes(const struct work *work, topology_node_map *map, ll_error *error)
{
    const ll_merge_tree *tree = work->tree;
    map->target = ll_allocate_array(tree->node_count, sizeof *map->target);
    map->flood = ll_allocate_array(tree->node_count, sizeof *map->flood);
    if (!map->target || !map->flood)
        return ll_fail_memory(error, TOPOLOGY, (size_t)tree->node_count * sizeof *map->flood);
    for (int64_t i = tree->node_count - 1; i >= 0; i--) {
        map->target[i] = work->represent[i];
        map->flood[i] = NAN;
        if (work->represent[i] >= 0) continue;
        const int64_t parent = tree->nodes[i].parent; /* roots survive */
        const bool inner = work->represent[parent] < 0;
        map->target[i] = inner ? map->target[parent] : work->elder_child[parent];
        map->flood[i] = inner ? map->flood[parent] : tree->nodes[parent].value;
    }
    return LL_OK;
}

static ll_status map_vertices(struct work *work, const topology_node_map *map, ll_merge_tree *result,
                              ll_error *error)
{
    const ll_merge_tree *tree = work->tree;
    const int64_t n = tree->vertices;
    if (tree->arcs) {
        result->arcs = ll_allocate_array(n, sizeof *result->arcs);
        if (!result->arcs) return ll_fail_memory(error, TOPOLOGY, (size_t)n * sizeof *result->arcs);
        for (int64_t v = 0; v < n; v++) result->arcs[v] = tree->arcs[v] < 0 ? -1 : map->target[tree->arcs[v]];
    }
    if (!tree->basins) return LL_OK;
    result->basins = ll_allocate_array(n, sizeof *result->basins);
    int32_t *moved = ll_allocate_array(n, sizeof *moved); /* minimum -> minimum that swallowed it */
    if (!result->basins || !moved) {
        ll_free(moved);
        return ll_fail_memory(error, TOPOLOGY, 2 * (size_t)n * sizeof *moved);
    }
    for (int64_t i = 0; i < tree->minima; i++)
        moved[tree->pairs[i].birth] = (int32_t)tree->pairs[survivor_of(work, (int32_t)i)].birth;
    for (int64_t v = 0; v < n; v++) result->basins[v] = tree->basins[v] < 0 ? -1 : moved[tree->basins[v]];
    ll_free(moved);
    return LL_OK;
}

static ll_status simplify(struct work *work, ll_merge_tree *result, topology_node_map *map, ll_error *error)
{
    const ll_merge_tree *tree = work->tree;
    LL_TRY(keep_pairs(work, result, error));
    if (tree->node_count == 0) {
        LL_TRY(count_saddles(result, error));
        return map_vertices(work, map, result, error);
    }
    count_children(work);
    result->node_count = number_nodes(work, result);
    result->nodes = ll_allocate_array(result->node_count, sizeof *result->nodes);
    if (!result->nodes)
        return ll_fail_memory(error, TOPOLOGY, (size_t)result->node_count * sizeof *result->nodes);
    result->has_sizes = tree->has_sizes;
    build_nodes(work, result);
    LL_TRY(map_nodes(work, map, error));
    return map_vertices(work, map, result, error);
}

ll_status topology_simplify(const ll_merge_tree *tree, double epsilon, bool fraction,
                            ll_merge_tree *simplified, topology_node_map *map, ll_error *error)
{
    if (isnan(epsilon))
        return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, "simplify", "the threshold is not a number");
    if (map && tree->minima > 0 && tree->node_count == 0)
        return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, "simplify",
                       "the tree has no nodes: ask for LL_TOPOLOGY_TREE");
    const int64_t m = tree->minima, nodes = tree->node_count;
    struct work work = {.tree = tree,
                        .limit = threshold(tree, epsilon, fraction),
                        .survivor = ll_allocate_array(m, sizeof(int32_t)),
                        .new_pair = ll_allocate_array(m, sizeof(int32_t)),
                        .represent = ll_allocate_array(nodes, sizeof(int32_t)),
                        .elder_child = ll_allocate_array(nodes, sizeof(int32_t)),
                        .through = ll_allocate_array(nodes, sizeof(int32_t)),
                        .kept_children = ll_allocate_zeroed((size_t)nodes * sizeof(int32_t)),
                        .cut_size = ll_allocate_zeroed((size_t)nodes * sizeof(int64_t))};
    ll_merge_tree result = {.connectivity = tree->connectivity,
                            .superlevel = tree->superlevel,
                            .vertices = tree->vertices,
                            .excluded = tree->excluded,
                            .components = tree->components,
                            .minima = ll_merge_tree_pairs_above(tree, epsilon, fraction)};
    result.merges = result.minima - result.components;
    topology_node_map own = {0};
    ll_status status;
    if (!work.survivor || !work.new_pair || !work.represent || !work.elder_child || !work.through ||
        !work.kept_children || !work.cut_size) {
        status = ll_fail_memory(error, TOPOLOGY, (size_t)nodes * 24 + (size_t)m * 8);
    } else {
        for (int64_t i = 0; i < m; i++) work.survivor[i] = -1;
        status = simplify(&work, &result, &own, error);
    }
    ll_free(work.survivor), ll_free(work.new_pair), ll_free(work.represent), ll_free(work.elder_child);
    ll_free(work.through), ll_free(work.kept_children), ll_free(work.cut_size);
    if (status != LL_OK) {
        ll_merge_tree_deinit(&result);
        topology_node_map_deinit(&own);
        return status;
    }
    if (map) *map = own;
    else topology_node_map_deinit(&own);
    *simplified = result;
    return LL_OK;
}

ll_status ll_merge_tree_simplify(const ll_merge_tree *tree, double epsilon, bool fraction,
                                 ll_merge_tree *simplified, ll_error *error)
{
    return topology_simplify(tree, epsilon, fraction, simplified, NULL, error);
}
