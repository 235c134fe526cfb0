/* Gabriel graph (Gabriel and Sokal 1969) with closed balls: p q are joined iff no third point r has
 * (p - r).(q - r) <= 0.
 *
 * For one p, a point r shuts out every q in the half-space (r - p).(q - r) >= 0, because r is then in the
 * ball over p q. The nearest points of p serve as such blockers, and a box of the k-d tree that lies in one
 * half-space is skipped; what is left is checked against all points near the ball, with exact signs. */
#include "topology/graph.h"
#include "topology/kd_tree.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { CHUNK = 128, FEWEST_BLOCKERS = 16, MOST_BLOCKERS = 96 };

/* ------------------------------------------------------------------ exact sign of (p - r).(q - r) */

/* Adds b to an expansion (components of growing magnitude that do not overlap), exactly; Shewchuk 1997,
 * GROW-EXPANSION with zeros left out. Returns the new length. */
static int grow(double *expansion, int count, double b)
{
    double sum = b;
    int kept = 0;
    for (int i = 0; i < count; i++) {
        double a = expansion[i], total = sum + a, virtual_a = total - sum;
        double rest = (sum - (total - virtual_a)) + (a - virtual_a);
        if (rest != 0) expansion[kept++] = rest;
        sum = total;
    }
    if (sum != 0) expansion[kept++] = sum;
    return kept;
}

/* a - b = high + low without error. */
static void difference(double a, double b, double *high, double *low)
{
    *high = a - b;
    double virtual_b = a - *high, virtual_a = *high + virtual_b;
    *low = (a - virtual_a) + (virtual_b - b);
}

static int exact_sign(const double *p, const double *q, const double *r, int dimension, double *expansion)
{
    int count = 0;
    for (int i = 0; i < dimension; i++) {
        double a[2], b[2];
        difference(p[i], r[i], &a[0], &a[1]);
        difference(q[i], r[i], &b[0], &b[1]);
        for (int j = 0; j < 4; j++) {
            double x = a[j >> 1], y = b[j & 1], product = x * y;
            if (x == 0 || y == 0) continue;
            count = grow(expansion, count, fma(x, y, -product));
            count = grow(expansion, count, product);
        }
    }
    return count == 0 ? 0 : expansion[count - 1] > 0 ? 1 : -1;
}

/* Sign of (p - r).(q - r); barring underflow exact. expansion: room for 8 dimension + 8. */
static int ball_sign(const double *p, const double *q, const double *r, int dimension, double *expansion)
{
    double sum = 0, size = 0;
    for (int i = 0; i < dimension; i++) {
        double term = (p[i] - r[i]) * (q[i] - r[i]);
        sum += term;
        size += fabs(term);
    }
    /* A term is off by at most 3 units of rounding, the sum by one more per addition; doubled for safety. */
    double bound = (dimension + 4) * DBL_EPSILON * size;
    if (sum > bound) return 1;
    if (sum < -bound) return -1;
    return exact_sign(p, q, r, dimension, expansion);
}

/* ------------------------------------------------------------------ search */

struct gabriel {
    const topology_kd_tree *tree;
    const double *coordinates; /* by id */
    double largest;            /* of their absolute values */
    int64_t blockers;          /* per point */
    int32_t **pairs;           /* per chunk: 2 ids an edge */
    int64_t *pair_counts;
};

/* Per chunk. */
struct scratch {
    int32_t *ids;
    double *squared;
    double *normals;   /* blockers x dimension: r - p */
    double *offsets;   /* a box with normal.q > offset throughout is shut out */
    double *expansion; /* of ball_sign */
    double *middle;    /* of the ball */
    double *point_box; /* a point as a box */
    int32_t *pairs;
    int64_t count, capacity;
};

static bool shut_out(const double *normal, double offset, const double *box, int dimension)
{
    const double *low = box, *high = box + dimension;
    double least = 0;
    for (int i = 0; i < dimension; i++) least += normal[i] * (normal[i] > 0 ? low[i] : high[i]);
    return least > offset;
}

static bool ball_is_empty(const topology_kd_tree *tree, int64_t p, int64_t q, struct scratch *scratch)
{
    const int d = tree->dimension;
    const double *a = tree->points + p * d, *b = tree->points + q * d;
    for (int i = 0; i < d; i++) scratch->middle[i] = 0.5 * a[i] + 0.5 * b[i];
    double squared = topology_squared_distance(a, b, d) / 4, size = 0;
    for (int i = 0; i < d; i++) size += a[i] * a[i] + b[i] * b[i];
    /* The middle is rounded: by epsilon times its length at most. */
    double margin = DBL_EPSILON * sqrt(size);
    double reach = (sqrt(squared) + 2 * margin) * (1 + (d + 8) * DBL_EPSILON);
    double limit = reach * reach * (1 + 4 * DBL_EPSILON);
    topology_kd_part stack[TOPOLOGY_KD_DEPTH];
    int depth = 0;
    stack[depth++] = topology_kd_root(tree);
    while (depth > 0) {
        topology_kd_part part = stack[--depth];
        if (topology_squared_distance_to_box(scratch->middle, tree->boxes + part.node * 2 * d, d) > limit)
            continue;
        if (part.node < tree->first_leaf) {
            stack[depth++] = topology_kd_half(part, 0);
            stack[depth++] = topology_kd_half(part, 1);
            continue;
        }
        for (int64_t r = part.first; r < part.last; r++)
            if (r != p && r != q && ball_sign(a, b, tree->points + r * d, d, scratch->expansion) <= 0)
                return false;
    }
    return true;
}

static ll_status add_pair(struct scratch *scratch, int32_t a, int32_t b, ll_error *error)
{
    if (scratch->count == scratch->capacity) {
        int64_t capacity = scratch->capacity ? 2 * scratch->capacity : 1024;
        int32_t *pairs = ll_allocate_array(2 * capacity, sizeof *pairs);
        if (!pairs) return ll_fail_memory(error, TOPOLOGY, (size_t)capacity * 2 * sizeof *pairs);
        if (scratch->count) memcpy(pairs, scratch->pairs, (size_t)scratch->count * 2 * sizeof *pairs);
        ll_free(scratch->pairs);
        scratch->pairs = pairs;
        scratch->capacity = capacity;
    }
    scratch->pairs[2 * scratch->count] = a;
    scratch->pairs[2 * scratch->count++ + 1] = b;
    return LL_OK;
}

static bool same_place(const double *a, const double *b, int dimension)
{
    for (int i = 0; i < dimension; i++)
        if (a[i] != b[i]) return false;
    return true;
}

/* Half-spaces behind the nearest points of a. Returns their number, or -1 where a point coincides with a:
 * it is in every ball over a, so that a has no neighbour but that point, and only if it is the only one. */
static int64_t find_blockers(const struct gabriel *gabriel, const double *a, int32_t id,
                             struct scratch *scratch)
{
    const int d = gabriel->tree->dimension;
    int64_t found =
        topology_kd_nearest(gabriel->tree, a, id, gabriel->blockers, scratch->ids, scratch->squared);
    for (int64_t j = 0; j < found; j++) {
        const double *r = gabriel->coordinates + (int64_t)scratch->ids[j] * d;
        if (same_place(a, r, d)) return -1;
        double *normal = scratch->normals + j * d, offset = 0, size = 0;
        for (int i = 0; i < d; i++) {
            normal[i] = r[i] - a[i];
            offset += normal[i] * r[i];
            size += fabs(normal[i]);
        }
        /* Rounding may not shut out what is not shut out exactly: of the offset, of the normal and of the
         * product with a corner, each (dimension + 2) units at most. */
        scratch->offsets[j] = offset + 4 * (d + 8) * DBL_EPSILON * size * gabriel->largest;
    }
    return found;
}

static ll_status twins_of(const struct gabriel *gabriel, const double *a, int32_t id, struct scratch *scratch,
                          ll_error *error)
{
    const int d = gabriel->tree->dimension;
    int32_t twin = -1;
    for (int64_t j = 0; j < gabriel->blockers; j++) {
        if (!same_place(a, gabriel->coordinates + (int64_t)scratch->ids[j] * d, d)) continue;
        if (twin >= 0) return LL_OK; /* a third one in the same place */
        twin = scratch->ids[j];
    }
    return twin > id ? add_pair(scratch, id, twin, error) : LL_OK;
}

static bool box_is_shut_out(const struct scratch *scratch, int64_t blockers, const double *box, int dimension)
{
    for (int64_t j = 0; j < blockers; j++)
        if (shut_out(scratch->normals + j * dimension, scratch->offsets[j], box, dimension)) return true;
    return false;
}

static ll_status neighbours_of(const struct gabriel *gabriel, int64_t p, struct scratch *scratch,
                               ll_error *error)
{
    const topology_kd_tree *tree = gabriel->tree;
    const int d = tree->dimension;
    const double *a = tree->points + p * d;
    const int32_t id = tree->ids[p];
    int64_t blockers = find_blockers(gabriel, a, id, scratch);
    if (blockers < 0) return twins_of(gabriel, a, id, scratch, error);
    topology_kd_part stack[TOPOLOGY_KD_DEPTH];
    int depth = 0;
    stack[depth++] = topology_kd_root(tree);
    while (depth > 0) {
        topology_kd_part part = stack[--depth];
        if (box_is_shut_out(scratch, blockers, tree->boxes + part.node * 2 * d, d)) continue;
        if (part.node < tree->first_leaf) {
            stack[depth++] = topology_kd_half(part, 0);
            stack[depth++] = topology_kd_half(part, 1);
            continue;
        }
        for (int64_t q = part.first; q < part.last; q++) {
            if (tree->ids[q] <= id) continue; /* each pair once */
            for (int i = 0; i < d; i++)
                scratch->point_box[i] = scratch->point_box[d + i] = tree->points[q * d + i];
            if (box_is_shut_out(scratch, blockers, scratch->point_box, d)) continue;
            if (ball_is_empty(tree, p, q, scratch)) LL_TRY(add_pair(scratch, id, tree->ids[q], error));
        }
    }
    return LL_OK;
}

static ll_status search_chunk(void *context, int64_t chunk, int thread, ll_error *error)
{
    (void)thread;
    const struct gabriel *gabriel = context;
    const topology_kd_tree *tree = gabriel->tree;
    const int64_t d = tree->dimension, k = gabriel->blockers;
    const int64_t doubles = k * (d + 2) + 8 * d + 8 + 3 * d;
    double *block = ll_allocate_array(doubles, sizeof *block);
    int32_t *ids = ll_allocate_array(k, sizeof *ids);
    struct scratch scratch = {.ids = ids};
    ll_status status = LL_OK;
    if (!block || !ids) status = ll_fail_memory(error, TOPOLOGY, (size_t)doubles * sizeof *block);
    if (status == LL_OK) {
        scratch.squared = block;
        scratch.offsets = scratch.squared + k;
        scratch.normals = scratch.offsets + k;
        scratch.middle = scratch.normals + k * d;
        scratch.point_box = scratch.middle + d;
        scratch.expansion = scratch.point_box + 2 * d;
    }
    const int64_t last = ll_min_int64(tree->count, (chunk + 1) * CHUNK);
    for (int64_t p = chunk * CHUNK; p < last && status == LL_OK; p++)
        status = neighbours_of(gabriel, p, &scratch, error);
    ll_free(block), ll_free(ids);
    gabriel->pairs[chunk] = scratch.pairs;
    gabriel->pair_counts[chunk] = scratch.count;
    return status;
}

static ll_status join(const struct gabriel *gabriel, int64_t chunks, int64_t vertices, ll_graph *graph,
                      ll_error *error)
{
    int64_t edges = 0;
    for (int64_t c = 0; c < chunks; c++) edges += gabriel->pair_counts[c];
    int64_t *pairs = ll_allocate_array(2 * edges, sizeof *pairs);
    if (!pairs) return ll_fail_memory(error, TOPOLOGY, (size_t)edges * 2 * sizeof *pairs);
    int64_t at = 0;
    for (int64_t c = 0; c < chunks; c++)
        for (int64_t i = 0; i < 2 * gabriel->pair_counts[c]; i++) pairs[at++] = gabriel->pairs[c][i];
    ll_status status = ll_graph_of_edges(vertices, pairs, edges, graph, error);
    ll_free(pairs);
    return status;
}

ll_status topology_graph_gabriel(const ll_points *points, ll_team *team, ll_graph *graph, ll_error *error)
{
    const int64_t n = points->count, chunks = (n + CHUNK - 1) / CHUNK;
    topology_kd_tree tree;
    LL_TRY(topology_kd_tree_init(&tree, points, error));
    int64_t wanted = ll_max_int64(FEWEST_BLOCKERS, 4 * (int64_t)points->dimension);
    struct gabriel gabriel = {
        .tree = &tree,
        .coordinates = points->coordinates,
        .blockers = ll_max_int64(0, ll_min_int64(n - 1, ll_min_int64(wanted, MOST_BLOCKERS))),
        .pairs = ll_allocate_zeroed((size_t)chunks * sizeof *gabriel.pairs),
        .pair_counts = ll_allocate_zeroed((size_t)chunks * sizeof *gabriel.pair_counts)};
    for (int64_t i = 0; i < n * points->dimension; i++)
        gabriel.largest = fmax(gabriel.largest, fabs(points->coordinates[i]));
    ll_status status = LL_OK;
    if (!gabriel.pairs || !gabriel.pair_counts)
        status = ll_fail_memory(error, TOPOLOGY, (size_t)chunks * sizeof *gabriel.pairs);
    if (status == LL_OK) status = ll_team_run(team, chunks, search_chunk, &gabriel, error);
    if (status == LL_OK) status = join(&gabriel, chunks, n, graph, error);
    for (int64_t c = 0; c < chunks && gabriel.pairs; c++) ll_free(gabriel.pairs[c]);
    ll_free(gabriel.pairs), ll_free(gabriel.pair_counts);
    topology_kd_tree_deinit(&tree);
    return status;
}
