#include "topology/plane_tree.h"

#include <math.h>

static void select_middle(const double *points, int axis, int32_t *items, int64_t first, int64_t last,
                          int64_t middle)
{
#define BEFORE(a, b)                                                                                         \
    (points[2 * (a) + axis] < points[2 * (b) + axis] ||                                                      \
     (points[2 * (a) + axis] == points[2 * (b) + axis] && (a) < (b)))
    while (last - first > 1) {
        const int32_t a = items[first], b = items[first + (last - first) / 2], c = items[last - 1];
        const int32_t pivot = BEFORE(a, b) ? (BEFORE(b, c)   ? b
                                              : BEFORE(a, c) ? c
                                                             : a)
                                           : (BEFORE(a, c)   ? a
                                              : BEFORE(b, c) ? c
                                                             : b);
        int64_t i = first, j = last - 1;
        while (i <= j) {
            while (BEFORE(items[i], pivot)) i++;
            while (BEFORE(pivot, items[j])) j--;
            if (i > j) break;
            const int32_t swap = items[i];
            items[i++] = items[j];
            items[j--] = swap;
        }
        if (middle <= j) last = j + 1;
        else if (middle >= i) first = i;
        else return;
    }
#undef BEFORE
}

static void build(topology_plane_tree *tree, int32_t *items, int64_t first, int64_t last, int axis)
{
    if (first >= last) return;
    const int64_t middle = first + (last - first) / 2;
    select_middle(tree->points, axis, items, first, last, middle);
    build(tree, items, first, middle, !axis);
    build(tree, items, middle + 1, last, !axis);
    const int32_t item = items[middle];
    topology_plane_node *node = &tree->nodes[middle];
    *node = (topology_plane_node){.item = item, .alive = (int32_t)(last - first)};
    node->most = tree->weights ? tree->weights[item] : 0;
    for (int i = 0; i < 2; i++) node->low[i] = node->high[i] = tree->points[2 * item + i];
    const int64_t ranges[2][2] = {{first, middle}, {middle + 1, last}};
    for (int side = 0; side < 2; side++) {
        if (ranges[side][0] >= ranges[side][1]) continue;
        const topology_plane_node *half =
            &tree->nodes[ranges[side][0] + (ranges[side][1] - ranges[side][0]) / 2];
        node->most = fmax(node->most, half->most);
        for (int i = 0; i < 2; i++) {
            node->low[i] = fmin(node->low[i], half->low[i]);
            node->high[i] = fmax(node->high[i], half->high[i]);
        }
    }
}

void topology_plane_tree_build(topology_plane_tree *tree, const double *points, const double *weights,
                               topology_plane_node *nodes, int32_t *items, int64_t count)
{
    *tree = (topology_plane_tree){.points = points, .weights = weights, .nodes = nodes, .count = count};
    build(tree, items, 0, count, 0);
}

static int32_t take(topology_plane_tree *tree, int64_t first, int64_t last, double x, double y, double radius)
{
    if (first >= last) return -1;
    const int64_t middle = first + (last - first) / 2;
    topology_plane_node *node = &tree->nodes[middle];
    if (node->alive == 0) return -1;
    /* Rounded differences ascend with their exact values, so no point within reach is left out. */
    if (node->low[0] - x > radius || x - node->high[0] > radius || node->low[1] - y > radius ||
        y - node->high[1] > radius)
        return -1;
    int32_t found = -1;
    if (!node->taken && fabs(tree->points[2 * node->item] - x) <= radius &&
        fabs(tree->points[2 * node->item + 1] - y) <= radius) {
        node->taken = true;
        found = node->item;
    }
    if (found < 0) found = take(tree, first, middle, x, y, radius);
    if (found < 0) found = take(tree, middle + 1, last, x, y, radius);
    if (found >= 0) node->alive--;
    return found;
}

int32_t topology_plane_tree_take(topology_plane_tree *tree, double x, double y, double radius)
{
    return take(tree, 0, tree->count, x, y, radius);
}
