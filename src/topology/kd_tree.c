#include "topology/kd_tree.h"

#include <math.h>
#include <string.h>

enum { LEAF = 12 };

double topology_squared_distance(const double *a, const double *b, int dimension)
{
    double sum[4] = {0, 0, 0, 0};
    int i = 0;
    for (; i + 4 <= dimension; i += 4)
        for (int j = 0; j < 4; j++) sum[j] += (a[i + j] - b[i + j]) * (a[i + j] - b[i + j]);
    for (; i < dimension; i++) sum[i & 3] += (a[i] - b[i]) * (a[i] - b[i]);
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static double outside(double a, double low, double high)
{
    double below = low - a, above = a - high;
    double gap = below > above ? below : above;
    return gap > 0 ? gap * gap : 0;
}

double topology_squared_distance_to_box(const double *a, const double *box, int dimension)
{
    const double *low = box, *high = box + dimension;
    double sum[4] = {0, 0, 0, 0};
    int i = 0;
    for (; i + 4 <= dimension; i += 4)
        for (int j = 0; j < 4; j++) sum[j] += outside(a[i + j], low[i + j], high[i + j]);
    for (; i < dimension; i++) sum[i & 3] += outside(a[i], low[i], high[i]);
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* Quickselect of positions by (coordinate, id): afterwards everything before `middle` is not greater. */
static void select_middle(const ll_points *points, int axis, int32_t *ids, int64_t first, int64_t last,
                          int64_t middle)
{
    const double *x = points->coordinates + axis;
    const int64_t stride = points->dimension;
#define BEFORE(a, b) (x[(a)*stride] < x[(b)*stride] || (x[(a)*stride] == x[(b)*stride] && (a) < (b)))
    while (last - first > 1) {
        int32_t a = ids[first], b = ids[first + (last - first) / 2], c = ids[last - 1];
        int32_t pivot = BEFORE(a, b) ? (BEFORE(b, c)   ? b
                                        : BEFORE(a, c) ? c
                                                       : a)
                                     : (BEFORE(a, c)   ? a
                                        : BEFORE(b, c) ? c
                                                       : b);
        int64_t i = first, j = last - 1;
        while (i <= j) {
            while (BEFORE(ids[i], pivot)) i++;
            while (BEFORE(pivot, ids[j])) j--;
            if (i > j) break;
            int32_t swap = ids[i];
            ids[i++] = ids[j];
            ids[j--] = swap;
        }
        if (middle <= j) last = j + 1;
        else if (middle >= i) first = i;
        else return;
    }
#undef BEFORE
}

static void build(topology_kd_tree *tree, const ll_points *points, topology_kd_part part)
{
    const int d = tree->dimension;
    double *low = tree->boxes + part.node * 2 * d, *high = low + d;
    for (int i = 0; i < d; i++) low[i] = INFINITY, high[i] = -INFINITY;
    for (int64_t p = part.first; p < part.last; p++) {
        const double *x = points->coordinates + (int64_t)tree->ids[p] * d;
        for (int i = 0; i < d; i++) {
            low[i] = x[i] < low[i] ? x[i] : low[i];
            high[i] = x[i] > high[i] ? x[i] : high[i];
        }
    }
    if (part.node >= tree->first_leaf) return;
    int axis = 0;
    for (int i = 1; i < d; i++)
        if (high[i] - low[i] > high[axis] - low[axis]) axis = i;
    select_middle(points, axis, tree->ids, part.first, part.last, part.first + (part.last - part.first) / 2);
    build(tree, points, topology_kd_half(part, 0)); /* as deep as log2 count */
    build(tree, points, topology_kd_half(part, 1));
}

ll_status topology_kd_tree_init(topology_kd_tree *tree, const ll_points *points, ll_error *error)
{
    topology_kd_tree result = {.count = points->count, .dimension = points->dimension, .first_leaf = 1};
    while (result.first_leaf * LEAF < points->count) result.first_leaf *= 2;
    const int d = points->dimension;
    result.ids = ll_allocate_array(points->count, sizeof *result.ids);
    result.points = ll_allocate_array(points->count * d, sizeof *result.points);
    result.boxes = ll_allocate_array(2 * result.first_leaf * 2 * d, sizeof *result.boxes);
    if (!result.ids || !result.points || !result.boxes) {
        topology_kd_tree_deinit(&result);
        return ll_fail_memory(error, TOPOLOGY, (size_t)points->count * (size_t)d * sizeof(double));
    }
    for (int64_t p = 0; p < points->count; p++) result.ids[p] = (int32_t)p;
    build(&result, points, topology_kd_root(&result));
    for (int64_t p = 0; p < points->count; p++)
        memcpy(result.points + p * d, points->coordinates + (int64_t)result.ids[p] * d,
               (size_t)d * sizeof(double));
    *tree = result;
    return LL_OK;
}

void topology_kd_tree_deinit(topology_kd_tree *tree)
{
    ll_free(tree->ids);
    ll_free(tree->points);
    ll_free(tree->boxes);
    *tree = (topology_kd_tree){0};
}

/* The k best so far as a heap with the worst on top. */
struct nearest {
    int64_t capacity, count;
    int32_t *ids;
    double *distances;
};

static bool worse(const struct nearest *heap, int64_t i, int64_t j)
{
    return heap->distances[i] > heap->distances[j] ||
           (heap->distances[i] == heap->distances[j] && heap->ids[i] > heap->ids[j]);
}
static void swap(struct nearest *heap, int64_t i, int64_t j)
{
    double distance = heap->distances[i];
    int32_t id = heap->ids[i];
    heap->distances[i] = heap->distances[j], heap->ids[i] = heap->ids[j];
    heap->distances[j] = distance, heap->ids[j] = id;
}
static void sink(struct nearest *heap, int64_t i)
{
    for (;;) {
        int64_t worst = i, left = 2 * i + 1;
        if (left < heap->count && worse(heap, left, worst)) worst = left;
        if (left + 1 < heap->count && worse(heap, left + 1, worst)) worst = left + 1;
        if (worst == i) return;
        swap(heap, i, worst);
        i = worst;
    }
}
static void offer(struct nearest *heap, int32_t id, double distance)
{
    if (heap->count < heap->capacity) {
        int64_t i = heap->count++;
        heap->ids[i] = id, heap->distances[i] = distance;
        for (; i > 0 && worse(heap, i, (i - 1) / 2); i = (i - 1) / 2) swap(heap, i, (i - 1) / 2);
    } else if (distance < heap->distances[0] || (distance == heap->distances[0] && id < heap->ids[0])) {
        heap->ids[0] = id, heap->distances[0] = distance;
        sink(heap, 0);
    }
}

int64_t topology_kd_nearest(const topology_kd_tree *tree, const double *query, int32_t self, int64_t k,
                            int32_t *ids, double *squared_distances)
{
    struct nearest heap = {.capacity = k, .ids = ids, .distances = squared_distances};
    if (k < 1) return 0;
    const int d = tree->dimension;
    struct {
        topology_kd_part part;
        double bound;
    } stack[TOPOLOGY_KD_DEPTH];
    int depth = 0;
    stack[depth].part = topology_kd_root(tree);
    stack[depth++].bound = 0;
    while (depth > 0) {
        depth--;
        topology_kd_part part = stack[depth].part;
        /* At an equal bound a point of smaller id may be inside. */
        if (heap.count == k && stack[depth].bound > heap.distances[0]) continue;
        if (part.node >= tree->first_leaf) {
            for (int64_t p = part.first; p < part.last; p++)
                if (tree->ids[p] != self)
                    offer(&heap, tree->ids[p], topology_squared_distance(query, tree->points + p * d, d));
            continue;
        }
        topology_kd_part half[2] = {topology_kd_half(part, 0), topology_kd_half(part, 1)};
        double bound[2];
        for (int h = 0; h < 2; h++)
            bound[h] = topology_squared_distance_to_box(query, tree->boxes + half[h].node * 2 * d, d);
        int far = bound[0] <= bound[1] ? 1 : 0;
        stack[depth].part = half[far], stack[depth++].bound = bound[far];
        stack[depth].part = half[1 - far], stack[depth++].bound = bound[1 - far];
    }
    const int64_t found = heap.count;
    while (heap.count > 1) {
        swap(&heap, 0, --heap.count);
        sink(&heap, 0);
    }
    return found;
}
