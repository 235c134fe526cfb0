/* Vertices per arc. A vertex joins the component of its minimum m (by steepest descent), so its arc is the
 * highest ancestor of m in the tree that is not above the vertex. The tree is cut into heavy paths (Sleator,
 * Tarjan 1983), one per minimum, of which any walk to the root crosses at most log2(minima); within a path
 * the nodes ascend and the arc is found by galloping. */
#include "topology/internal.h"

void topology_label_all(const topology_stencil *stencil, uint8_t *codes, uint32_t *labels)
{
    const int32_t *delta = stencil->delta;
    int64_t vertices = stencil->vertices;
    for (int64_t start = 0; start < vertices; start++) {
        if (codes[start] >= CODE_LABELLED) continue;
        int64_t v = start + delta[codes[start]];
        if (codes[v] == CODE_LABELLED) {
            labels[start] = labels[v];
            codes[start] = CODE_LABELLED;
            continue;
        }
        while (codes[v] < CODE_LABELLED) v += delta[codes[v]];
        uint32_t label = labels[v];
        for (v = start; codes[v] < CODE_LABELLED;) {
            int64_t next = v + delta[codes[v]];
            labels[v] = label;
            codes[v] = CODE_LABELLED;
            v = next;
        }
    }
}

typedef struct paths {
    uint64_t *key;    /* of the nodes, path by path, ascending within one */
    uint32_t *node;   /* node at each place */
    uint32_t *place;  /* of each node */
    uint32_t *path;   /* minimum at whose path a node lies */
    uint32_t *end;    /* per minimum: place behind its path's last node */
    uint32_t *weight; /* nodes in the subtree */
    uint32_t *heavy;  /* child with the largest subtree */
} paths;

static inline uint32_t node_vertex(const topology_forest *forest, int64_t node)
{
    return node < forest->minima ? forest->minimum[node] : forest->saddle[node - forest->minima];
}

ll_status topology_count_arcs(const topology_forest *forest, int64_t vertices, const uint8_t *codes,
                              const uint32_t *labels, ll_tree_node *tree_nodes, int32_t *arcs,
                              ll_topology_workspace *workspace, ll_error *error)
{
    int64_t nodes = forest->minima + forest->saddles + forest->plain_roots;
    void *memory;
    LL_TRY(topology_reserve(&workspace->slots[SLOT_PATHS], (size_t)nodes * (8 + 6 * 4), 0, &memory, error));
    paths p;
    p.key = memory;
    p.node = (uint32_t *)(p.key + nodes);
    p.place = p.node + nodes;
    p.path = p.place + nodes;
    p.end = p.path + nodes;
    p.weight = p.end + nodes;
    p.heavy = p.weight + nodes;

    /* Children have smaller numbers than parents, so one walk up gives weights, one walk down paths. */
    for (int64_t node = 0; node < nodes; node++) {
        p.weight[node] = 1;
        p.heavy[node] = NO_INDEX;
    }
    for (int64_t node = 0; node < nodes; node++) {
        uint32_t parent = forest->parents[node];
        if (parent == NO_INDEX) continue;
        p.weight[parent] += p.weight[node];
        if (p.heavy[parent] == NO_INDEX || p.weight[node] > p.weight[p.heavy[parent]]) {
            p.heavy[parent] = (uint32_t)node;
        }
    }
    for (int64_t node = 0; node < nodes; node++) {
        p.path[node] = p.heavy[node] == NO_INDEX ? (uint32_t)node : p.path[p.heavy[node]];
    }
    uint32_t place = 0;
    for (int64_t minimum = 0; minimum < forest->minima; minimum++) {
        for (uint32_t node = (uint32_t)minimum; node != NO_INDEX && p.path[node] == minimum;
             node = forest->parents[node]) {
            p.key[place] = topology_order_key(forest->values, forest->type, forest->superlevel,
                                              node_vertex(forest, node));
            p.node[place] = node;
            p.place[node] = place++;
        }
        p.end[minimum] = place;
    }

    /* Neighbours along a row mostly share their arc: the last answer is tried first. */
    uint32_t last_label = NO_INDEX, last_node = 0;
    int64_t run = 0; /* vertices of last_node not yet in its size: no waiting for one store after another */
    uint64_t last_low = 0, last_high = 0;
    for (int64_t v = 0; v < vertices; v++) {
        if (codes[v] == CODE_HOLE) {
            if (arcs != NULL) arcs[v] = -1;
            continue;
        }
        uint32_t label = labels[v];
        uint64_t key = topology_order_key(forest->values, forest->type, forest->superlevel, (uint32_t)v);
        if (label != last_label || key <= last_low || key >= last_high) {
            tree_nodes[last_node].size += run;
            run = 0;
            uint32_t at = p.place[label], path = label;
            /* float64 keys of equal values differ by the id only. */
#define NOT_ABOVE(where)                                                                                     \
    (p.key[where] < key || (p.key[where] == key && node_vertex(forest, p.node[where]) <= (uint32_t)v))
            for (;;) {
                uint32_t above = forest->parents[p.node[p.end[path] - 1]];
                if (above == NO_INDEX || !NOT_ABOVE(p.place[above])) break;
                at = p.place[above];
                path = p.path[above];
            }
            uint32_t end = p.end[path], step = 1;
            while (step < end - at && NOT_ABOVE(at + step)) {
                at += step;
                step *= 2;
            }
            for (uint32_t high = step < end - at ? at + step : end; high - at > 1;) {
                uint32_t middle = at + (high - at) / 2;
                if (NOT_ABOVE(middle)) at = middle;
                else high = middle;
            }
#undef NOT_ABOVE
            last_label = label;
            last_node = p.node[at];
            last_low = p.key[at];
            uint32_t parent = forest->parents[last_node];
            last_high = parent == NO_INDEX ? UINT64_MAX : p.key[p.place[parent]];
        }
        run++;
        if (arcs != NULL) arcs[v] = (int32_t)last_node;
    }
    if (run > 0) tree_nodes[last_node].size += run;
    return LL_OK;
}
