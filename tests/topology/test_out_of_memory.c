/* Every allocation of a call fails once, one after the other: the call says so, leaves its output alone and,
 * under the address sanitizer, leaks nothing. All memory of src/topology comes through aligned_alloc, which
 * this program replaces. */
#define _POSIX_C_SOURCE 200112L
#include "losslens/topology.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int64_t calls, failing = -1; /* number of calls so far; the call that fails */

/* posix_memalign is the one way to aligned memory that sanitizers know and that is not replaced here. */
void *aligned_alloc(size_t alignment, size_t bytes)
{
    void *block;
    if (calls++ == failing) return NULL;
    return posix_memalign(&block, alignment, bytes) == 0 ? block : NULL;
}

#define OUTPUT_BYTES 1024
typedef union output {
    unsigned char bytes[OUTPUT_BYTES];
    ll_merge_tree tree;
    ll_persistence_diagram diagram;
    ll_contour_tree contours;
    ll_graph graph;
    ll_branches branches;
    ll_tree_layout layout;
    ll_profile profile;
    ll_chains chains;
    ll_distance distance;
    struct {
        ll_critical_point *points;
        int64_t count;
    } critical;
} output;

typedef struct action {
    const char *name;
    ll_status (*run)(output *made, ll_error *error);
    void (*clean)(output *made);
} action;

#define SIDE 24
static float values[SIDE * SIDE], others[SIDE * SIDE], holes[SIDE * SIDE];
static ll_graph graph;
static ll_merge_tree tree, other_tree;
static ll_connectivity connectivity;

static ll_grid_field grid(const float *from, int rank)
{
    ll_grid_field field = {.type = LL_ARRAY_FLOAT32, .rank = rank, .shape = {SIDE, SIDE}, .values = from};
    if (rank == 3) memcpy(field.shape, (int64_t[3]){8, 8, 9}, 3 * sizeof(int64_t));
    if (rank == 5) memcpy(field.shape, (int64_t[5]){4, 4, 4, 3, 3}, 5 * sizeof(int64_t));
    return field;
}

static ll_topology_options everything(void)
{
    ll_topology_options options = ll_topology_options_default();
    options.connectivity = connectivity;
    options.outputs = LL_TOPOLOGY_SIZES | LL_TOPOLOGY_BASINS | LL_TOPOLOGY_ARCS;
    return options;
}

static ll_status tree_of(const float *from, int rank, output *made, ll_error *error)
{
    ll_grid_field field = grid(from, rank);
    ll_topology_options options = everything();
    return ll_merge_tree_of_grid(&field, &options, &made->tree, error);
}
static ll_status plane_tree(output *made, ll_error *error) { return tree_of(values, 2, made, error); }
static ll_status holes_tree(output *made, ll_error *error) { return tree_of(holes, 2, made, error); }
static ll_status space_tree(output *made, ll_error *error) { return tree_of(values, 3, made, error); }
static ll_status sweep_tree(output *made, ll_error *error) { return tree_of(values, 5, made, error); }
static ll_status graph_tree(output *made, ll_error *error)
{
    ll_graph_field field = ll_graph_field_view(&graph, LL_ARRAY_FLOAT32, values, NULL);
    ll_topology_options options = everything();
    return ll_merge_tree_of_graph(&field, &options, &made->tree, error);
}
static void clean_tree(output *made) { ll_merge_tree_deinit(&made->tree); }

static ll_status loops(output *made, ll_error *error)
{
    ll_grid_field field = grid(values, 2);
    ll_topology_options options = everything();
    return ll_persistence_of_grid(&field, &options, &made->diagram, error);
}
static ll_status voids(output *made, ll_error *error)
{
    ll_grid_field field = grid(values, 3);
    ll_topology_options options = everything();
    return ll_persistence_of_grid(&field, &options, &made->diagram, error);
}
static void clean_diagram(output *made) { ll_persistence_diagram_deinit(&made->diagram); }

static ll_status critical(output *made, ll_error *error)
{
    ll_grid_field field = grid(values, 2);
    ll_topology_options options = everything();
    return ll_critical_points_of_grid(&field, &options, &made->critical.points, &made->critical.count, error);
}
static void clean_critical(output *made) { ll_free(made->critical.points); }

static ll_status contours(output *made, ll_error *error)
{
    ll_grid_field field = grid(values, 2);
    return ll_contour_tree_of_grid(&field, LL_CONNECTIVITY_FREUDENTHAL, &made->contours, error);
}
static void clean_contours(output *made) { ll_contour_tree_deinit(&made->contours); }

static ll_status neighbours(output *made, ll_error *error)
{
    static double places[2 * 60];
    for (int i = 0; i < 120; i++) places[i] = values[i];
    ll_points points = {.count = 60, .dimension = 2, .coordinates = places};
    return ll_graph_of_points(&points, LL_CONNECTIVITY_KNN_UNION, 4, NULL, &made->graph, error);
}
static ll_status gabriel(output *made, ll_error *error)
{
    static double places[2 * 60];
    for (int i = 0; i < 120; i++) places[i] = values[i];
    ll_points points = {.count = 60, .dimension = 2, .coordinates = places};
    return ll_graph_of_points(&points, LL_CONNECTIVITY_GABRIEL, 0, NULL, &made->graph, error);
}
static ll_status edges(output *made, ll_error *error)
{
    static const int64_t pairs[] = {0, 1, 1, 2, 2, 2, 3, 0, 1, 0};
    return ll_graph_of_edges(4, pairs, 5, &made->graph, error);
}
static void clean_graph(output *made) { ll_graph_deinit(&made->graph); }

static ll_status simplification(output *made, ll_error *error)
{
    return ll_merge_tree_simplify(&tree, 0.2, true, &made->tree, error);
}
static ll_status branches(output *made, ll_error *error)
{
    return ll_branches_create(&tree, &made->branches, error);
}
static void clean_branches(output *made) { ll_branches_deinit(&made->branches); }

static ll_status bottleneck(output *made, ll_error *error)
{
    return ll_distance_bottleneck(ll_diagram_view_of_tree(&tree), ll_diagram_view_of_tree(&other_tree),
                                  &made->distance, error);
}
static ll_status wasserstein(output *made, ll_error *error)
{
    return ll_distance_wasserstein(ll_diagram_view_of_tree(&tree), ll_diagram_view_of_tree(&other_tree), NULL,
                                   &made->distance, error);
}
static ll_status tree_distance(output *made, ll_error *error)
{
    return ll_distance_of_trees(&tree, &other_tree, NULL, &made->distance, error);
}
static ll_status matrix(output *made, ll_error *error)
{
    const ll_merge_tree *both[2] = {&tree, &other_tree};
    double entries[4];
    ll_status status = ll_distance_matrix(LL_DISTANCE_WASSERSTEIN, both, 2, NULL, NULL, entries, NULL, error);
    if (status == LL_OK) made->distance.value = entries[1];
    return status;
}
static void clean_nothing(output *made) { (void)made; }

static ll_status layout(output *made, ll_error *error)
{
    return ll_tree_layout_create(&tree, &made->layout, error);
}
static void clean_layout(output *made) { ll_tree_layout_deinit(&made->layout); }
static ll_status profile(output *made, ll_error *error)
{
    return ll_profile_create(&tree, LL_ARRAY_FLOAT32, values, 0.1, true, &made->profile, error);
}
static void clean_profile(output *made) { ll_profile_deinit(&made->profile); }
static ll_status isolines(output *made, ll_error *error)
{
    ll_grid_field field = grid(values, 2);
    return ll_isolines(&field, (double[]){0.25, 0.5, 0.75}, 3, &made->chains, error);
}
static ll_status bands(output *made, ll_error *error)
{
    ll_grid_field field = grid(values, 2);
    return ll_filled_bands(&field, (double[]){0.25, 0.5, 0.75}, 3, &made->chains, error);
}
static void clean_chains(output *made) { ll_chains_deinit(&made->chains); }

static const action actions[] = {
    {"tree of a plane", plane_tree, clean_tree},
    {"tree with holes", holes_tree, clean_tree},
    {"tree in space", space_tree, clean_tree},
    {"tree by the sweep", sweep_tree, clean_tree},
    {"tree of a graph", graph_tree, clean_tree},
    {"loops", loops, clean_diagram},
    {"loops and voids", voids, clean_diagram},
    {"critical points", critical, clean_critical},
    {"contour tree", contours, clean_contours},
    {"nearest neighbours", neighbours, clean_graph},
    {"gabriel", gabriel, clean_graph},
    {"edges", edges, clean_graph},
    {"simplification", simplification, clean_tree},
    {"branches", branches, clean_branches},
    {"bottleneck", bottleneck, clean_nothing},
    {"wasserstein", wasserstein, clean_nothing},
    {"tree distance", tree_distance, clean_nothing},
    {"distance matrix", matrix, clean_nothing},
    {"layout", layout, clean_layout},
    {"profile", profile, clean_profile},
    {"isolines", isolines, clean_chains},
    {"bands", bands, clean_chains},
};

static void prepare(void)
{
    ll_rng rng = ll_rng_make(1, "tests", "out of memory");
    for (int i = 0; i < SIDE * SIDE; i++) {
        values[i] = (float)ll_rng_uniform(rng, (uint64_t)i);
        others[i] = (float)ll_rng_uniform(rng, (uint64_t)i + 100000);
        /* Of -infinity the fast path makes a second pass; rows of it cut the plane in two. */
        holes[i] = i / SIDE % 9 == 4 ? -INFINITY : values[i];
    }
    int64_t pairs[2 * 1000];
    for (int i = 0; i < 2000; i++)
        pairs[i] = (int64_t)(ll_rng_uniform(rng, (uint64_t)i + 200000) * SIDE * SIDE);
    assert_int_equal(ll_graph_of_edges(SIDE * SIDE, pairs, 1000, &graph, NULL), LL_OK);
    ll_grid_field a = grid(values, 2), b = grid(others, 2);
    ll_topology_options options = everything();
    assert_int_equal(ll_merge_tree_of_grid(&a, &options, &tree, NULL), LL_OK);
    assert_int_equal(ll_merge_tree_of_grid(&b, &options, &other_tree, NULL), LL_OK);
}

static void every_allocation_fails_once(void **unused)
{
    (void)unused;
    prepare();
    for (int which = 0; which < 4; which++) {
        connectivity = (ll_connectivity)which;
        for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
            const action *each = &actions[i];
            output made, untouched;
            ll_error error;
            failing = -1;
            calls = 0;
            if (each->run(&made, &error) != LL_OK) fail_msg("%s: %s", each->name, error.message);
            each->clean(&made);
            int64_t needed = calls;
            if (needed == 0) fail_msg("%s: no allocation was seen", each->name);
            for (int64_t k = 0; k < needed; k++) {
                memset(&made, 0xA5, sizeof made);
                untouched = made;
                failing = k;
                calls = 0;
                ll_status status = each->run(&made, k % 2 == 0 ? &error : NULL);
                failing = -1;
                if (status != LL_OUT_OF_MEMORY) {
                    fail_msg("%s: allocation %lld of %lld: %s", each->name, (long long)k, (long long)needed,
                             ll_status_name(status));
                }
                if (k % 2 == 0) assert_int_equal(error.status, LL_OUT_OF_MEMORY);
                if (memcmp(&made, &untouched, sizeof made) != 0) {
                    fail_msg("%s: allocation %lld: the output was touched", each->name, (long long)k);
                }
            }
        }
    }
    ll_graph_deinit(&graph);
    ll_merge_tree_deinit(&tree);
    ll_merge_tree_deinit(&other_tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_fails_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
