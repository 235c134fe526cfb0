/* Graphs from points and edges: against all-pairs twins, and the reference merge trees of graphs. */
#include "losslens/topology.h"
#include "support_cmocka.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static ll_rng rng_of(uint64_t seed) { return ll_rng_make(seed, "test", "graphs"); }

/* Coordinates: even seeds on a small lattice (many ties and twins), odd ones in general position. */
static void fill_points(double *x, int64_t count, int dimension, uint64_t seed)
{
    ll_rng rng = rng_of(seed);
    for (int64_t i = 0; i < count * dimension; i++)
        x[i] = seed % 2 ? ll_rng_normal(rng, (uint64_t)i) : (double)ll_rng_below(rng, (uint64_t)i, 6);
}

static double squared(const double *a, const double *b, int d)
{
    double sum = 0;
    for (int i = 0; i < d; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum;
}

static bool has_edge(const ll_graph *graph, int64_t a, int64_t b)
{
    for (int64_t e = graph->offsets[a]; e < graph->offsets[a + 1]; e++)
        if (graph->neighbours[e] == b) return true;
    return false;
}

static const double *sort_points;
static int sort_dimension;
static const double *sort_from;
static int by_distance(const void *a, const void *b)
{
    const int i = *(const int *)a, j = *(const int *)b;
    const double p = squared(sort_from, sort_points + (size_t)i * (size_t)sort_dimension, sort_dimension);
    const double q = squared(sort_from, sort_points + (size_t)j * (size_t)sort_dimension, sort_dimension);
    return p != q ? (p < q ? -1 : 1) : i - j;
}

static void neighbours_like_all_pairs(void **unused)
{
    (void)unused;
    enum { MOST = 220 };
    static double x[MOST * 5];
    static int order[MOST];
    static int32_t ids[MOST * MOST];
    static double distances[MOST * MOST];
    ll_team *team;
    CHECK_OK(ll_team_create(3, &team, error));
    for (uint64_t seed = 0; seed < 60; seed++) {
        const int n = 1 + (int)(seed * 37 % MOST), d = 1 + (int)(seed % 5), k = 1 + (int)(seed % 11);
        fill_points(x, n, d, seed);
        const ll_points points = {n, d, x};
        CHECK_OK(ll_nearest_neighbours(&points, k, seed % 3 ? team : NULL, ids, distances, error));
        for (int v = 0; v < n; v++) {
            int count = 0;
            for (int u = 0; u < n; u++)
                if (u != v) order[count++] = u;
            sort_points = x, sort_dimension = d, sort_from = x + v * d;
            qsort(order, (size_t)count, sizeof *order, by_distance);
            for (int j = 0; j < k; j++) {
                /* In general position the sums may round differently: then the distances must be equal. */
                const int wanted = j < count ? order[j] : -1, got = ids[v * k + j];
                if (got != wanted && !(seed % 2 && got >= 0 && wanted >= 0))
                    fail_msg("seed %d point %d rank %d: neighbour %d, wanted %d", (int)seed, v, j, got,
                             wanted);
                if (wanted >= 0)
                    CHECK_NEAR(distances[v * k + j], sqrt(squared(x + v * d, x + wanted * d, d)), 1e-12);
            }
        }
        ll_graph graph[2];
        CHECK_OK(ll_graph_of_points(&points, LL_CONNECTIVITY_KNN_UNION, k, team, &graph[0], error));
        CHECK_OK(ll_graph_of_points(&points, LL_CONNECTIVITY_KNN_MUTUAL, k, NULL, &graph[1], error));
        for (int u = 0; u < n; u++)
            for (int v = 0; v < n; v++) {
                bool forth = false, back = false;
                for (int j = 0; j < k; j++) {
                    forth = forth || ids[u * k + j] == v;
                    back = back || ids[v * k + j] == u;
                }
                assert_int_equal(has_edge(&graph[0], u, v), forth || back);
                assert_int_equal(has_edge(&graph[1], u, v), forth && back);
            }
        ll_graph_deinit(&graph[0]), ll_graph_deinit(&graph[1]);
    }
    ll_team_destroy(team);
}

static void gabriel_like_all_triples(void **unused)
{
    (void)unused;
    enum { MOST = 120 };
    static double x[MOST * 4];
    for (uint64_t seed = 0; seed < 60; seed++) {
        const int n = (int)(seed * 29 % MOST), d = 1 + (int)(seed % 4);
        fill_points(x, n, d, seed);
        const ll_points points = {n, d, x};
        ll_graph graph;
        CHECK_OK(ll_graph_of_points(&points, LL_CONNECTIVITY_GABRIEL, 0, NULL, &graph, error));
        for (int p = 0; p < n; p++)
            for (int q = 0; q < n; q++) {
                bool wanted = p != q, close = false;
                for (int r = 0; r < n && wanted; r++) {
                    double dot = 0;
                    for (int i = 0; i < d; i++)
                        dot += (x[p * d + i] - x[r * d + i]) * (x[q * d + i] - x[r * d + i]);
                    close = close || (r != p && r != q && fabs(dot) < 1e-12 && seed % 2);
                    if (r != p && r != q && dot <= 0) wanted = false;
                }
                if (!close && has_edge(&graph, p, q) != wanted)
                    fail_msg("seed %d: edge %d %d is %d, wanted %d", (int)seed, p, q, !wanted, wanted);
            }
        ll_graph_deinit(&graph);
    }
}

/* A grid with steps that binary fractions cannot hold: gabriel must give exactly the axis neighbours. */
static void gabriel_of_a_grid_is_axis(void **unused)
{
    (void)unused;
    enum { A = 7, B = 6, C = 5 };
    static double x[A * B * C * 3];
    for (int a = 0; a < A; a++)
        for (int b = 0; b < B; b++)
            for (int c = 0; c < C; c++) {
                double *p = x + ((a * B + b) * C + c) * 3;
                p[0] = a * 0.1 - 0.3, p[1] = b * 0.7, p[2] = 1e3 + c / 3.0;
            }
    const ll_points points = {A * B * C, 3, x};
    ll_graph graph;
    CHECK_OK(ll_graph_of_points(&points, LL_CONNECTIVITY_GABRIEL, 0, NULL, &graph, error));
    assert_int_equal(graph.edges, (A - 1) * B * C + A * (B - 1) * C + A * B * (C - 1));
    for (int v = 0; v < A * B * C; v++) {
        if (v % C + 1 < C) assert_true(has_edge(&graph, v, v + 1));
        if (v / C % B + 1 < B) assert_true(has_edge(&graph, v, v + C));
        if (v / (B * C) + 1 < A) assert_true(has_edge(&graph, v, v + B * C));
    }
    ll_graph_deinit(&graph);
    CHECK_OK(ll_graph_of_points(&points, LL_CONNECTIVITY_DELAUNAY, 0, NULL, &graph, error));
    assert_true(graph.ambiguous);
    assert_non_null(strstr(graph.warning, "regular grid"));
    ll_graph_deinit(&graph);
}

/* In the plane: an edge is Delaunay iff some circle over it is empty, that is, iff the largest lower bound
 * for the circle's centre along the bisector from points on one side is below the smallest upper bound. */
static void delaunay_like_empty_circles(void **unused)
{
    (void)unused;
    enum { MOST = 60 };
    static double x[MOST * 2];
    for (uint64_t seed = 1; seed < 40; seed += 2) {
        const int n = 3 + (int)(seed % (MOST - 3));
        fill_points(x, n, 2, seed);
        const ll_points points = {n, 2, x};
        ll_graph graph;
        CHECK_OK(ll_graph_of_points(&points, LL_CONNECTIVITY_DELAUNAY, 0, NULL, &graph, error));
        assert_false(graph.ambiguous);
        for (int p = 0; p < n; p++)
            for (int q = p + 1; q < n; q++) {
                double low = -INFINITY, high = INFINITY;
                const double mx = (x[2 * p] + x[2 * q]) / 2, my = (x[2 * p + 1] + x[2 * q + 1]) / 2;
                const double nx = x[2 * p + 1] - x[2 * q + 1], ny = x[2 * q] - x[2 * p];
                for (int r = 0; r < n; r++) {
                    if (r == p || r == q) continue;
                    /* centre m + t n is as far from r as from p iff 2 t n.(r - m) = |r - m|^2 - |p - m|^2 */
                    const double rx = x[2 * r] - mx, ry = x[2 * r + 1] - my;
                    const double side = 2 * (nx * rx + ny * ry);
                    const double t = (rx * rx + ry * ry - (nx * nx + ny * ny) / 4) / side;
                    if (side > 0) high = fmin(high, t);
                    else low = fmax(low, t);
                }
                assert_int_equal(has_edge(&graph, p, q), low < high);
            }
        ll_graph_deinit(&graph);
    }
}

static void edge_lists(void **unused)
{
    (void)unused;
    const int64_t pairs[] = {0, 1, 1, 0, 2, 2, 1, 3, 3, 1, 0, 3};
    ll_graph graph = {.vertices = 77};
    CHECK_OK(ll_graph_of_edges(5, pairs, 6, &graph, error));
    assert_int_equal(graph.edges, 3);
    assert_int_equal(graph.ignored, 3);
    const int64_t offsets[] = {0, 2, 4, 4, 6, 6};
    const int32_t neighbours[] = {1, 3, 0, 3, 0, 1};
    assert_memory_equal(graph.offsets, offsets, sizeof offsets);
    assert_memory_equal(graph.neighbours, neighbours, sizeof neighbours);
    const ll_graph before = graph;
    ll_error problem;
    assert_int_equal(ll_graph_of_edges(3, pairs, 6, &graph, &problem), LL_INVALID_ARGUMENT);
    assert_memory_equal(&before, &graph, sizeof graph);
    assert_non_null(strstr(problem.message, "vertex 3"));
    ll_graph_deinit(&graph);
    const double line[] = {0, 0, 1, 1, 2, 2, 5, 5};
    const ll_points collinear = {4, 2, line};
    assert_int_equal(ll_graph_of_points(&collinear, LL_CONNECTIVITY_DELAUNAY, 0, NULL, &graph, &problem),
                     LL_NUMERIC);
    assert_int_equal(ll_graph_of_points(&collinear, LL_CONNECTIVITY_BOX, 0, NULL, &graph, &problem),
                     LL_INVALID_ARGUMENT);
    assert_int_equal(ll_graph_of_points(&collinear, LL_CONNECTIVITY_KNN_UNION, 0, NULL, &graph, &problem),
                     LL_INVALID_ARGUMENT);
}

/* ------------------------------------------------------------------ reference cases */

/* All numbers between the brackets that follow "key": (nested ones flattened; null is -1). */
static int64_t numbers_of(const char *text, const char *key, double *out, int64_t room)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\":[", key);
    const char *at = strstr(text, quoted);
    assert_non_null(at);
    at += strlen(quoted);
    int64_t count = 0;
    for (int depth = 1; depth > 0;) {
        if (*at == '[') depth++, at++;
        else if (*at == ']') depth--, at++;
        else if (*at == ',' || *at == ' ') at++;
        else if (strncmp(at, "null", 4) == 0) {
            assert_true(count < room);
            out[count++] = -1, at += 4;
        } else {
            char *end;
            assert_true(count < room);
            out[count++] = strtod(at, &end);
            assert_true(end > at);
            at = end;
        }
    }
    return count;
}

static void reference_case(const char *shared, const char *name)
{
    enum { ROOM = 20000 };
    static double values[ROOM], edges[ROOM], wanted[ROOM];
    static int64_t pairs[ROOM];
    static char text[1 << 20];
    char path[1024];
    snprintf(path, sizeof path, "%s/reference/topology/%s.json", shared, name);
    FILE *file = fopen(path, "rb");
    if (!file) fail_msg("%s is missing", path);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    const int64_t n = numbers_of(text, "values", values, ROOM), ends = numbers_of(text, "edges", edges, ROOM);
    for (int64_t i = 0; i < ends; i++) pairs[i] = (int64_t)edges[i];
    ll_graph graph;
    CHECK_OK(ll_graph_of_edges(n, pairs, ends / 2, &graph, error));
    const ll_graph_field field = ll_graph_field_view(&graph, LL_ARRAY_FLOAT64, values, NULL);
    ll_topology_options options = ll_topology_options_default();
    options.outputs = LL_TOPOLOGY_SIZES;
    ll_merge_tree tree;
    CHECK_OK(ll_merge_tree_of_graph(&field, &options, &tree, error));
    const int64_t count = numbers_of(text, "pairs", wanted, ROOM) / 2;
    assert_int_equal(tree.minima, count);
    for (int64_t i = 0; i < count; i++) { /* listed by birth id, as ours */
        assert_int_equal(tree.pairs[i].birth, (int64_t)wanted[2 * i]);
        assert_int_equal(tree.pairs[i].essential ? -1 : tree.pairs[i].death, (int64_t)wanted[2 * i + 1]);
    }
    const int64_t arcs = numbers_of(text, "tree_arcs_child_parent_size", wanted, ROOM) / 3;
    assert_int_equal(tree.node_count, arcs);
    for (int64_t i = 0; i < tree.node_count; i++) {
        const int64_t parent = tree.nodes[i].parent < 0 ? -1 : tree.nodes[tree.nodes[i].parent].vertex;
        bool found = false;
        for (int64_t j = 0; j < arcs; j++)
            found = found ||
                    ((int64_t)wanted[3 * j] == tree.nodes[i].vertex && (int64_t)wanted[3 * j + 1] == parent &&
                     (int64_t)wanted[3 * j + 2] == tree.nodes[i].size);
        if (!found)
            fail_msg("%s: arc %d -> %d of size %d", name, (int)tree.nodes[i].vertex, (int)parent,
                     (int)tree.nodes[i].size);
    }
    ll_merge_tree_deinit(&tree);
    ll_graph_deinit(&graph);
}

static void reference_cases(void **unused)
{
    (void)unused;
    const char *shared = getenv("LOSSLENS_SHARED");
    if (!shared) {
        print_message("skipped: LOSSLENS_SHARED is not set\n");
        skip();
    }
    reference_case(shared, "gr_cycle_ties_8");
    reference_case(shared, "gr_empty_edges_3");
    reference_case(shared, "gr_knn8_200x5");
    reference_case(shared, "gr_path_9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neighbours_like_all_pairs),
        cmocka_unit_test(gabriel_like_all_triples),
        cmocka_unit_test(gabriel_of_a_grid_is_axis),
        cmocka_unit_test(delaunay_like_empty_circles),
        cmocka_unit_test(edge_lists),
        cmocka_unit_test(reference_cases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
