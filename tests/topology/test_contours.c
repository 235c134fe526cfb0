/* Contour trees against level sets of the triangulation, isolines and bands against areas and values. */
#include "losslens/topology.h"
#include "support_cmocka.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 64, MOST_EDGES = 4 * MOST };

typedef struct mesh {
    int rows, columns, edges;
    int ends[MOST_EDGES][2]; /* lower first, by rank */
    int triangles[2 * MOST][3], triangle_count;
    int rank[MOST], vertex[MOST];
} mesh;

static void add_edge(mesh *m, int a, int b)
{
    m->ends[m->edges][0] = m->rank[a] < m->rank[b] ? a : b;
    m->ends[m->edges++][1] = m->rank[a] < m->rank[b] ? b : a;
}

static int edge_of(const mesh *m, int a, int b)
{
    for (int e = 0; e < m->edges; e++)
        if ((m->ends[e][0] == a && m->ends[e][1] == b) || (m->ends[e][0] == b && m->ends[e][1] == a))
            return e;
    return -1;
}

static void make_mesh(mesh *m, int rows, int columns, const double *values)
{
    *m = (mesh){.rows = rows, .columns = columns};
    const int n = rows * columns;
    for (int v = 0; v < n; v++)
        for (int u = 0; u < n; u++) m->rank[v] += values[u] < values[v] || (values[u] == values[v] && u < v);
    for (int v = 0; v < n; v++) m->vertex[m->rank[v]] = v;
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++) {
            const int v = r * columns + c;
            if (c + 1 < columns) add_edge(m, v, v + 1);
            if (r + 1 < rows) add_edge(m, v, v + columns);
            if (r + 1 < rows && c > 0) add_edge(m, v, v + columns - 1);
            if (r + 1 == rows || c + 1 == columns) continue;
            const int triangles[2][3] = {{v, v + 1, v + columns}, {v + 1, v + columns, v + columns + 1}};
            memcpy(m->triangles[m->triangle_count], triangles, sizeof triangles);
            m->triangle_count += 2;
        }
}

/* Components of the level set between ranks `level` and level + 1: a label for each edge that crosses it. */
static void label_level(const mesh *m, int level, int *label)
{
    for (int e = 0; e < m->edges; e++)
        label[e] = m->rank[m->ends[e][0]] <= level && m->rank[m->ends[e][1]] > level ? e : -1;
    for (bool changed = true; changed;) {
        changed = false;
        for (int t = 0; t < m->triangle_count; t++) {
            int least = MOST_EDGES, edges[3];
            for (int k = 0; k < 3; k++) {
                edges[k] = edge_of(m, m->triangles[t][k], m->triangles[t][(k + 1) % 3]);
                if (label[edges[k]] >= 0 && label[edges[k]] < least) least = label[edges[k]];
            }
            for (int k = 0; k < 3; k++)
                if (label[edges[k]] > least) label[edges[k]] = least, changed = true;
        }
    }
}

/* Arcs of the Reeb graph, by following level sets upwards. */
static int follow_levels(const mesh *m, int (*arcs)[2])
{
    int arc_of[MOST_EDGES], label[MOST_EDGES], count = 0, started[MOST_EDGES];
    const int n = m->rows * m->columns;
    for (int e = 0; e < m->edges; e++) arc_of[e] = -1;
    for (int i = 0; i < n; i++) {
        const int v = m->vertex[i];
        int below[MOST_EDGES], belows = 0, above[MOST_EDGES], aboves = 0;
        label_level(m, i, label);
        for (int e = 0; e < m->edges; e++) {
            int *list = m->ends[e][1] == v ? below : m->ends[e][0] == v ? above : NULL;
            if (!list) continue;
            const int what = list == below ? arc_of[e] : label[e];
            int *size = list == below ? &belows : &aboves;
            bool known = false;
            for (int k = 0; k < *size; k++) known = known || list[k] == what;
            if (!known) list[(*size)++] = what;
        }
        const bool regular = belows == 1 && aboves == 1;
        for (int k = 0; k < belows && !regular; k++) arcs[below[k]][1] = v;
        for (int k = 0; k < aboves; k++) {
            const int arc = regular ? below[0] : count++;
            if (!regular) arcs[arc][0] = v;
            for (int e = 0; e < m->edges; e++)
                if (label[e] == above[k]) started[e] = arc;
                else if (k == 0) started[e] = arc_of[e];
            for (int e = 0; e < m->edges; e++) arc_of[e] = started[e];
        }
    }
    return count;
}

static void contour_trees_like_level_sets(void **unused)
{
    (void)unused;
    for (uint64_t seed = 0; seed < 300; seed++) {
        double values[MOST];
        const ll_rng rng = ll_rng_make(seed, "test", "contours");
        const int rows = 1 + (int)ll_rng_below(rng, 0, 7), columns = 1 + (int)ll_rng_below(rng, 1, 8);
        for (int v = 0; v < rows * columns; v++)
            values[v] = (double)ll_rng_below(rng, 10 + (uint64_t)v, seed % 2 ? 4 : 1000);
        mesh m;
        make_mesh(&m, rows, columns, values);
        int arcs[4 * MOST][2];
        const int count = follow_levels(&m, arcs);
        const ll_grid_field field = {
            .type = LL_ARRAY_FLOAT64, .rank = 2, .shape = {rows, columns}, .values = values};
        ll_contour_tree tree;
        CHECK_OK(ll_contour_tree_of_grid(&field, LL_CONNECTIVITY_FREUDENTHAL, &tree, error));
        assert_int_equal(tree.components, 1);
        assert_int_equal(tree.arc_count, count);
        assert_int_equal(tree.node_count, count + 1); /* a tree */
        int64_t regular = 0;
        for (int64_t i = 0; i < tree.arc_count; i++) {
            const int64_t low = tree.nodes[tree.arcs[i].lower].vertex,
                          high = tree.nodes[tree.arcs[i].upper].vertex;
            bool found = false;
            for (int j = 0; j < count; j++) found = found || (arcs[j][0] == low && arcs[j][1] == high);
            if (!found) fail_msg("seed %d: arc %d -> %d", (int)seed, (int)low, (int)high);
            regular += tree.arcs[i].size;
        }
        assert_int_equal(regular + tree.node_count, rows * columns);
        for (int64_t v = 0; v < tree.vertices; v++) {
            const int32_t arc = tree.arcs_of_vertices[v];
            if (arc < 0) continue;
            assert_true(m.rank[tree.nodes[tree.arcs[arc].lower].vertex] < m.rank[v]);
            assert_true(m.rank[tree.nodes[tree.arcs[arc].upper].vertex] > m.rank[v]);
        }
        ll_contour_tree_deinit(&tree);
        ll_error problem;
        assert_int_equal(ll_contour_tree_of_grid(&field, LL_CONNECTIVITY_BOX, &tree, &problem),
                         LL_UNSUPPORTED);
    }
}

/* Graphs with loops and several components: links must make a forest of the right size, leaves the extrema.
 */
static void contour_trees_of_graphs(void **unused)
{
    (void)unused;
    int64_t refused = 0;
    for (uint64_t seed = 0; seed < 500; seed++) {
        enum { N = 30 };
        double values[N];
        int64_t pairs[80];
        const ll_rng rng = ll_rng_make(seed, "test", "graph contours");
        const int64_t edges = (int64_t)(seed % 41);
        for (int64_t i = 0; i < 2 * edges; i++) pairs[i] = (int64_t)ll_rng_below(rng, (uint64_t)i, N);
        for (int v = 0; v < N; v++)
            values[v] = seed % 3 == 2 && v % 9 == 8 ? NAN : (double)ll_rng_below(rng, 100 + (uint64_t)v, 12);
        ll_graph graph;
        CHECK_OK(ll_graph_of_edges(N, pairs, edges, &graph, error));
        const ll_graph_field field = ll_graph_field_view(&graph, LL_ARRAY_FLOAT64, values, NULL);
        ll_merge_tree merge;
        CHECK_OK(ll_merge_tree_of_graph(&field, NULL, &merge, error));
        ll_contour_tree tree;
        ll_error problem;
        const ll_status status = ll_contour_tree_of_graph(&field, &tree, &problem);
        if (status == LL_OK) {
            int64_t regular = 0;
            assert_int_equal(tree.components, merge.components);
            assert_int_equal(tree.excluded, merge.excluded);
            for (int64_t i = 0; i < tree.arc_count; i++) regular += tree.arcs[i].size;
            assert_int_equal(tree.arc_count, tree.node_count - tree.components);
            assert_int_equal(regular + tree.node_count, N - tree.excluded);
            int64_t minima = 0;
            for (int64_t i = 0; i < tree.node_count; i++) minima += tree.nodes[i].down == 0;
            assert_int_equal(minima, merge.minima);
            ll_contour_tree_deinit(&tree);
        } else {
            assert_int_equal(status, LL_UNSUPPORTED);
            assert_true(graph.edges > N - merge.excluded - merge.components); /* only with loops */
            refused++;
        }
        ll_merge_tree_deinit(&merge);
        ll_graph_deinit(&graph);
    }
    assert_true(refused < 500);
    print_message("%d of 500 random graphs refused\n", (int)refused);
}

/* ------------------------------------------------------------------ isolines and bands */

static double ring_area(const ll_chains *chains, int64_t c)
{
    double area = 0;
    const int64_t first = chains->offsets[c], last = chains->offsets[c + 1];
    for (int64_t i = first; i < last; i++) {
        const int64_t next = i + 1 < last ? i + 1 : first;
        area += chains->points[2 * i] * chains->points[2 * next + 1] -
                chains->points[2 * next] * chains->points[2 * i + 1];
    }
    return area / 2;
}

/* f = x + 2 y is linear: marching squares is exact, areas of {f >= level} are those of cut rectangles. */
static void bands_of_a_plane(void **unused)
{
    (void)unused;
    enum { R = 9, C = 13 };
    double values[R * C], x[C], y[R];
    for (int c = 0; c < C; c++) x[c] = c * 0.5 - 1;
    for (int r = 0; r < R; r++) y[r] = r * 0.25;
    for (int r = 0; r < R; r++)
        for (int c = 0; c < C; c++) values[r * C + c] = x[c] + 2 * y[r];
    const ll_grid_field field = {
        .type = LL_ARRAY_FLOAT64, .rank = 2, .shape = {R, C}, .values = values, .coordinates = {y, x}};
    const double levels[] = {0.3, 2, 6.6}; /* range -1 .. 9; box [-1, 5] x [0, 2] */
    ll_chains rings, lines;
    CHECK_OK(ll_filled_bands(&field, levels, 3, &rings, error));
    CHECK_OK(ll_isolines(&field, levels, 3, &lines, error));
    assert_int_equal(rings.count, 4);
    assert_int_equal(lines.count, 3);
    /* below 0.3: triangle of legs 1.3 and 0.65; below 2: 3 by 1.5; above 6.6: legs 2.4 and 1.2 */
    const double areas[] = {12, 12 - 1.3 * 0.65 / 2, 12 - 3 * 1.5 / 2, 2.4 * 1.2 / 2};
    for (int64_t c = 0; c < 4; c++) {
        assert_int_equal(rings.items[c], c - 1);
        assert_true(rings.closed[c]);
        CHECK_NEAR(ring_area(&rings, c), areas[c], 1e-13);
    }
    for (int64_t c = 0; c < 3; c++) {
        assert_false(lines.closed[c]);
        for (int64_t i = lines.offsets[c]; i < lines.offsets[c + 1]; i++)
            CHECK_NEAR(lines.points[2 * i] + 2 * lines.points[2 * i + 1], levels[c], 1e-13);
        /* higher values to the left: the way along is (2, -1) turned: f rises towards (1, 2) */
        const double *p = lines.points + 2 * lines.offsets[c];
        assert_true((p[2] - p[0]) * 2 - (p[3] - p[1]) * 1 > 0);
    }
    ll_chains_deinit(&rings), ll_chains_deinit(&lines);
}

/* Random fields with holes: areas add up to the valid cells, all line points have the level's value, lines
 * close unless they end on a border, superset order of bands holds as areas descend. */
static void isolines_of_random_fields(void **unused)
{
    (void)unused;
    for (uint64_t seed = 0; seed < 200; seed++) {
        enum { R = 9, C = 8 };
        double values[R * C];
        const ll_rng rng = ll_rng_make(seed, "test", "isolines");
        int cells = 0;
        for (int v = 0; v < R * C; v++)
            values[v] = ll_rng_below(rng, 100 + (uint64_t)v, 9) == 0 && seed % 2
                            ? (seed % 4 == 1 ? NAN : INFINITY)
                            : (double)ll_rng_below(rng, (uint64_t)v, 9);
        for (int r = 0; r + 1 < R; r++)
            for (int c = 0; c + 1 < C; c++)
                cells += isfinite(values[r * C + c]) && isfinite(values[r * C + c + 1]) &&
                         isfinite(values[(r + 1) * C + c]) && isfinite(values[(r + 1) * C + c + 1]);
        const ll_grid_field field = {.type = LL_ARRAY_FLOAT64, .rank = 2, .shape = {R, C}, .values = values};
        double levels[6];
        int64_t count;
        CHECK_OK(ll_contour_levels(&field, seed % 3 ? LL_LEVELS_LINEAR : LL_LEVELS_QUANTILE, 6, levels,
                                   &count, error));
        for (int64_t i = 1; i < count; i++) assert_true(levels[i] > levels[i - 1]);
        ll_chains rings, lines;
        CHECK_OK(ll_filled_bands(&field, levels, count, &rings, error));
        CHECK_OK(ll_isolines(&field, levels, count, &lines, error));
        double area[8] = {0};
        for (int64_t c = 0; c < rings.count; c++) area[rings.items[c] + 1] += ring_area(&rings, c);
        CHECK_NEAR(area[0], cells, 1e-12);
        for (int64_t i = 0; i < count; i++)
            assert_true(area[i + 1] <= area[i] + 1e-12 && area[i + 1] >= -1e-12);
        for (int64_t c = 0; c < lines.count; c++)
            for (int64_t i = lines.offsets[c]; i < lines.offsets[c + 1]; i++) {
                const double px = lines.points[2 * i], py = lines.points[2 * i + 1];
                const int x0 = (int)floor(px), y0 = (int)floor(py);
                const int x1 = (int)ceil(px), y1 = (int)ceil(py);
                assert_true(x0 == x1 || y0 == y1); /* on a side */
                const double a = values[y0 * C + x0], b = values[y1 * C + x1], t = fmax(px - x0, py - y0);
                CHECK_NEAR(a * (1 - t) + b * t, lines.values[c], 1e-12);
            }
        ll_chains_deinit(&rings), ll_chains_deinit(&lines);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contour_trees_like_level_sets),
        cmocka_unit_test(contour_trees_of_graphs),
        cmocka_unit_test(bands_of_a_plane),
        cmocka_unit_test(isolines_of_random_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
