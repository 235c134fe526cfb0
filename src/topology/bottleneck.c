/* Bottleneck distance. At a radius r, points nearer than r to the diagonal may go there, the others must be
 * matched. By Mendelsohn and Dulmage (1958) there is one matching that covers the obliged points of both
 * diagrams iff there is one for each side alone, so two one-sided maximum matchings decide; each runs
 * Hopcroft and Karp's phases, with "take a point within r" of a k-d tree in place of edges (Efrat, Itai,
 * Katz 2001). The distance is the least feasible double, found by bisection over their bit patterns. */
#include "topology/diagram.h"
#include "topology/plane_tree.h"

#include <math.h>
#include <string.h>

/* One side's problem: the first `obliged` points of a into all of b. */
struct matching {
    const topology_diagram *a, *b;
    int64_t obliged;
    double radius;
    int32_t *match_a, *match_b; /* -1: free */
    int32_t *queue;             /* points of a, layer by layer */
    int32_t *found;             /* points of b in the order in which they were reached, layer by layer */
    int64_t *layer_start;       /* into found; one more than the layers */
    topology_plane_node *nodes, *layer_nodes;
    int32_t *items;
    topology_plane_tree *layers;
    int32_t *stack_a, *stack_b;
};

/* Layers of shortest alternating paths from the free obliged points; false if none ends in a free point. */
static bool find_layers(struct matching *m, int64_t *layer_count)
{
    topology_plane_tree tree;
    for (int64_t j = 0; j < m->b->count; j++) m->items[j] = (int32_t)j;
    topology_plane_tree_build(&tree, m->b->points, NULL, m->nodes, m->items, m->b->count);
    int64_t begin = 0, end = 0, reached = 0, layer = 0;
    for (int64_t i = 0; i < m->obliged; i++)
        if (m->match_a[i] < 0) m->queue[end++] = (int32_t)i;
    bool free_found = false;
    m->layer_start[0] = 0;
    while (begin < end && !free_found) {
        const int64_t stop = end;
        for (; begin < stop; begin++) {
            const double *point = m->a->points + 2 * (int64_t)m->queue[begin];
            for (;;) {
                int32_t j = topology_plane_tree_take(&tree, point[0], point[1], m->radius);
                if (j < 0) break;
                m->found[reached++] = j;
                if (m->match_b[j] < 0) free_found = true;
                else m->queue[end++] = m->match_b[j];
            }
        }
        m->layer_start[++layer] = reached;
    }
    *layer_count = layer;
    return free_found;
}

/* A path from free point i through the layers, each point of b used once. */
static bool augment(struct matching *m, int32_t i, int64_t layer_count)
{
    int64_t depth = 0;
    m->stack_a[0] = i;
    for (;;) {
        const double *point = m->a->points + 2 * (int64_t)m->stack_a[depth];
        int32_t j = topology_plane_tree_take(&m->layers[depth], point[0], point[1], m->radius);
        if (j < 0) {
            if (depth == 0) return false;
            depth--;
            continue;
        }
        m->stack_b[depth] = j;
        if (m->match_b[j] < 0) break;
        if (depth + 1 == layer_count) continue;
        m->stack_a[++depth] = m->match_b[j];
    }
    for (; depth >= 0; depth--) {
        m->match_a[m->stack_a[depth]] = m->stack_b[depth];
        m->match_b[m->stack_b[depth]] = m->stack_a[depth];
    }
    return true;
}

/* Whether all obliged points can be matched; then *longest is the longest edge used. */
static bool match_side(struct matching *m, double *longest)
{
    int64_t matched = 0, layer_count;
    for (int64_t i = 0; i < m->a->count; i++) m->match_a[i] = -1;
    for (int64_t j = 0; j < m->b->count; j++) m->match_b[j] = -1;
    if (m->obliged > m->b->count) return false;
    while (matched < m->obliged) {
        if (!find_layers(m, &layer_count)) return false;
        for (int64_t l = 0; l < layer_count; l++)
            topology_plane_tree_build(&m->layers[l], m->b->points, NULL, m->layer_nodes + m->layer_start[l],
                                      m->found + m->layer_start[l],
                                      m->layer_start[l + 1] - m->layer_start[l]);
        for (int64_t i = 0; i < m->obliged; i++)
            if (m->match_a[i] < 0) matched += augment(m, (int32_t)i, layer_count);
    }
    for (int64_t i = 0; i < m->obliged; i++)
        *longest = fmax(*longest,
                        topology_chebyshev(m->a->points + 2 * i, m->b->points + 2 * (int64_t)m->match_a[i]));
    return true;
}

/* Number of leading points farther than r from the diagonal. */
static int64_t count_obliged(const topology_diagram *diagram, double radius)
{
    int64_t low = 0, high = diagram->count;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (diagram->half[middle] > radius) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* Whether the distance is at most r; if so *tight <= r is also an upper bound. */
static bool feasible(struct matching *m, const topology_diagram *a, const topology_diagram *b, double radius,
                     double *tight)
{
    double bound = 0;
    for (int side = 0; side < 2; side++) {
        m->a = side ? b : a;
        m->b = side ? a : b;
        m->radius = radius;
        m->obliged = count_obliged(m->a, radius);
        if (m->obliged < m->a->count) bound = fmax(bound, m->a->half[m->obliged]); /* goes to the diagonal */
        if (!match_side(m, &bound)) return false;
    }
    *tight = bound;
    return true;
}

static double search(struct matching *m, const topology_diagram *a, const topology_diagram *b)
{
    double high = 0, tight;
    if (a->count > 0) high = a->half[0];
    if (b->count > 0) high = fmax(high, b->half[0]);
    if (high == 0) return 0;
    if (feasible(m, a, b, 0, &tight)) return 0;
    uint64_t low_bits = 0, high_bits; /* infeasible, feasible; doubles >= 0 are ordered as their bits */
    memcpy(&high_bits, &high, sizeof high_bits);
    while (high_bits - low_bits > 1) {
        const uint64_t middle_bits = low_bits + (high_bits - low_bits) / 2;
        double middle;
        memcpy(&middle, &middle_bits, sizeof middle);
        if (feasible(m, a, b, middle, &tight)) {
            memcpy(&high_bits, &tight, sizeof high_bits);
        } else {
            low_bits = middle_bits;
        }
    }
    memcpy(&high, &high_bits, sizeof high);
    return high;
}

ll_status ll_distance_bottleneck(ll_diagram_view a, ll_diagram_view b, ll_distance *distance, ll_error *error)
{
    topology_diagram left, right;
    LL_TRY(topology_diagram_init(&left, a, error));
    ll_status status = topology_diagram_init(&right, b, error);
    if (status != LL_OK) {
        topology_diagram_deinit(&left);
        return status;
    }
    const int64_t n = ll_max_int64(left.count, right.count) + 1;
    ll_distance result = {.points = left.count + right.count};
    if (left.essential_count != right.essential_count) {
        result.value = INFINITY;
    } else {
        struct matching m = {0};
        m.nodes = ll_allocate_array(2 * n, sizeof *m.nodes);
        int32_t *block = ll_allocate_array(7 * n, sizeof *block);
        m.layer_start = ll_allocate_array(n + 1, sizeof *m.layer_start);
        m.layers = ll_allocate_array(n, sizeof *m.layers);
        if (!m.nodes || !block || !m.layer_start || !m.layers) {
            status = ll_fail_memory(error, TOPOLOGY, (size_t)n * 200);
        } else {
            m.layer_nodes = m.nodes + n;
            m.match_a = block, m.match_b = block + n, m.queue = block + 2 * n, m.found = block + 3 * n;
            m.items = block + 4 * n, m.stack_a = block + 5 * n, m.stack_b = block + 6 * n;
            result.value = search(&m, &left, &right);
            for (int64_t i = 0; i < left.essential_count; i++)
                result.value = fmax(result.value, fabs(left.essential[i] - right.essential[i]));
        }
        ll_free(m.nodes), ll_free(block), ll_free(m.layer_start), ll_free(m.layers);
    }
    topology_diagram_deinit(&left), topology_diagram_deinit(&right);
    if (status == LL_OK) *distance = result;
    return status;
}
