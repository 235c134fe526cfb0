/* Kruskal's method over minima: edges (saddle, minimum, minimum) from the lowest saddle up, the elder
 * component surviving each meeting. The union-find's root is always the component's lowest minimum. */
#include "topology/internal.h"

#include <string.h>

/* Edge numbers in ascending order of the saddle: in `words`, low halves. Stable, so equal values are in
 * order of the saddle's id. */
static ll_status order_edges(const topology_edge *edges, int64_t count, const topology_forest *forest,
                             ll_topology_workspace *workspace, uint64_t **words, ll_error *error)
{
    void *memory, *scratch;
    LL_TRY(topology_reserve(&workspace->slots[SLOT_WORDS], (size_t)count * 8, 0, &memory, error));
    LL_TRY(topology_reserve(&workspace->slots[SLOT_SCRATCH], (size_t)count * 8, 0, &scratch, error));
    uint64_t *word = memory;
    if (forest->type == LL_ARRAY_FLOAT32) {
        const float *values = forest->values;
        for (int64_t i = 0; i < count; i++) {
            word[i] =
                (uint64_t)topology_key32(values[edges[i].saddle], forest->superlevel) << 32 | (uint64_t)i;
        }
        topology_sort_words(word, scratch, count);
    } else {
        const double *values = forest->values;
        for (int64_t i = 0; i < count; i++) {
            word[i] =
                (topology_key64(values[edges[i].saddle], forest->superlevel) & UINT64_C(0xFFFFFFFF00000000)) |
                (uint64_t)i;
        }
        topology_sort_words(word, scratch, count);
        /* Runs that agree in the upper half are ordered by the lower one. */
        for (int64_t begin = 0, end; begin < count; begin = end) {
            for (end = begin + 1; end < count && word[end] >> 32 == word[begin] >> 32;) end++;
            if (end - begin == 1) continue;
            for (int64_t i = begin; i < end; i++) {
                uint32_t index = (uint32_t)word[i];
                word[i] = topology_key64(values[edges[index].saddle], forest->superlevel) << 32 | index;
            }
            topology_sort_words(word + begin, scratch, end - begin);
        }
    }
    *words = word;
    return LL_OK;
}

static inline uint32_t find(topology_branch *branches, uint32_t a)
{
    while (branches[a].up != a) {
        uint32_t above = branches[a].up;
        branches[a].up = branches[above].up;
        a = above;
    }
    return a;
}

static inline bool older(const topology_branch *branches, uint32_t a, uint32_t b)
{
    return branches[a].key < branches[b].key || (branches[a].key == branches[b].key && a < b);
}

static void singletons(topology_forest *forest)
{
    for (int64_t i = 0; i < forest->minima; i++) {
        forest->branches[i] = (topology_branch){
            topology_order_key(forest->values, forest->type, forest->superlevel, forest->minimum[i]),
            (uint32_t)i, (uint32_t)i};
    }
}

ll_status topology_filter_edges(topology_edge *edges, int64_t *count, const topology_forest *forest,
                                ll_topology_workspace *workspace, ll_error *error)
{
    uint64_t *words;
    topology_forest all = *forest;
    LL_TRY(order_edges(edges, *count, forest, workspace, &words, error));
    singletons(&all);
    for (int64_t i = 0; i < *count; i++) {
        topology_edge *edge = &edges[(uint32_t)words[i]];
        uint32_t a = find(all.branches, edge->a), b = find(all.branches, edge->b);
        if (a == b) edge->a = edge->b; /* marks it */
        else if (older(all.branches, a, b)) all.branches[b].up = a;
        else all.branches[a].up = b;
    }
    int64_t kept = 0;
    for (int64_t i = 0; i < *count; i++) {
        if (edges[i].a != edges[i].b) edges[kept++] = edges[i];
    }
    *count = kept;
    return LL_OK;
}

#define AHEAD 12 /* edges whose branches are fetched in advance */

ll_status topology_join(const topology_edge *edges, int64_t count, topology_forest *forest,
                        ll_topology_workspace *workspace, ll_error *error)
{
    uint64_t *words;
    LL_TRY(order_edges(edges, count, forest, workspace, &words, error));
    singletons(forest);
    topology_branch *branches = forest->branches;
    topology_fate *fates = forest->fates;
    uint32_t *parents = forest->parents;
    int64_t saddles = 0, merges = 0;
    for (int64_t i = 0; i < forest->minima; i++) parents[i] = NO_INDEX;
    for (int64_t i = 0; i < count; i++) {
        if (i + 2 * AHEAD < count) __builtin_prefetch(&edges[(uint32_t)words[i + 2 * AHEAD]]);
        if (i + AHEAD < count) {
            const topology_edge *soon = &edges[(uint32_t)words[i + AHEAD]];
            __builtin_prefetch(&branches[soon->a]);
            __builtin_prefetch(&branches[soon->b]);
        }
        topology_edge edge = edges[(uint32_t)words[i]];
        uint32_t a = find(branches, edge.a), b = find(branches, edge.b);
        if (a == b) continue;
        uint32_t node = (uint32_t)(forest->minima + saddles);
        if (saddles > 0 && forest->saddle[saddles - 1] == edge.saddle) {
            node--; /* a further branch of the saddle just made */
        } else {
            forest->saddle[saddles++] = edge.saddle;
            parents[node] = NO_INDEX;
        }
        if (older(branches, b, a)) {
            uint32_t other = a;
            a = b;
            b = other;
        }
        if (branches[a].top != node) parents[branches[a].top] = node;
        if (branches[b].top != node) parents[branches[b].top] = node;
        branches[a].top = node;
        branches[b].up = a;
        fates[b] = (topology_fate){edge.saddle, a};
        merges++;
    }
    /* Where three or more met at once, the chain of elders at that saddle ends at the one that survives it;
     * it is at most as long as the saddle has branches. */
    for (int64_t i = 0; i < forest->minima; i++) {
        if (branches[i].up == (uint32_t)i) {
            fates[i].elder = NO_INDEX;
            continue;
        }
        uint32_t elder = fates[i].elder;
        while (branches[elder].up != elder && fates[elder].death == fates[i].death)
            elder = fates[elder].elder;
        fates[i].elder = elder;
    }
    forest->saddles = saddles;
    forest->components = forest->minima - merges;
    return LL_OK;
}
