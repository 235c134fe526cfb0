/* What is derived from merge trees, on large inputs: simplification, branches, layout, profile and its
 * outlines, contour trees, distances, graphs. Each time is printed beside that of the merge tree (or of the
 * plain way) in the same process.
 *   bench_derived [scale]   scale 1 (default): 41^4 fields; 0: 15^4 */
#include "losslens/topology.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void must(ll_status status, const ll_error *error)
{
    if (status == LL_OK) return;
    fprintf(stderr, "%s: %s\n", ll_status_name(status), error->message);
    exit(1);
}
#define MUST(call) (must((call), &error))

static double since(double *start)
{
    const double now = ll_clock_seconds(), passed = now - *start;
    *start = now;
    return 1e3 * passed;
}

/* Size of the outlines as SVG paths with one decimal, relative moves: what a figure would hold. */
static size_t svg_bytes(const ll_chains *chains, double x_scale, double y_scale)
{
    size_t bytes = 0;
    char text[64];
    for (int64_t c = 0; c < chains->count; c++) {
        bytes += 4;
        for (int64_t i = chains->offsets[c]; i < chains->offsets[c + 1]; i++)
            bytes += (size_t)snprintf(text, sizeof text, "%.1f,%.1f ", chains->points[2 * i] * x_scale,
                                      chains->points[2 * i + 1] * y_scale);
    }
    return bytes;
}

static void trees(int64_t extent, bool noise)
{
    ll_error error;
    const int64_t n = extent * extent * extent * extent;
    float *values = malloc((size_t)n * sizeof *values);
    const ll_rng rng = ll_rng_make(1, "bench", "field");
    for (int64_t v = 0; v < n; v++) {
        double f = 0;
        for (int64_t axis = 0, rest = v; axis < 4; axis++, rest /= extent) {
            const double x = 10.0 * (double)(rest % extent) / (double)extent - 5;
            f += x * x / 25 - 0.4 * cos(4 * x + (double)axis);
        }
        values[v] = (float)(noise ? ll_rng_uniform(rng, (uint64_t)v) : f);
    }
    const ll_grid_field field = {
        .type = LL_ARRAY_FLOAT32, .rank = 4, .shape = {extent, extent, extent, extent}, .values = values};
    ll_topology_options options = ll_topology_options_default();
    options.outputs = LL_TOPOLOGY_SIZES | LL_TOPOLOGY_ARCS;
    ll_merge_tree tree, simple;
    ll_tree_layout layout;
    ll_branches branches;
    ll_profile profile;
    ll_chains outlines;
    ll_topology_numbers numbers;
    double clock = ll_clock_seconds();
    MUST(ll_merge_tree_of_grid(&field, &options, &tree, &error));
    const double reference = since(&clock);
    printf("%lld^4 %s: %lld vertices, %lld minima; merge tree with arcs %.0f ms\n", (long long)extent,
           noise ? "noise" : "smooth", (long long)n, (long long)tree.minima, reference);
#define REPORT(what)                                                                                         \
    do {                                                                                                     \
        const double ms = since(&clock);                                                                     \
        printf("  %-28s %8.1f ms  %6.3f x merge tree\n", what, ms, ms / reference);                          \
    } while (0)
    MUST(ll_merge_tree_simplify(&tree, 0.05, true, &simple, &error));
    REPORT("simplify");
    MUST(ll_branches_create(&tree, &branches, &error));
    REPORT("branches");
    MUST(ll_tree_layout_create(&tree, &layout, &error));
    REPORT("layout");
    MUST(ll_topology_numbers_of_tree(&tree, &numbers, &error));
    REPORT("numbers");
    MUST(ll_profile_create(&tree, field.type, values, -1, false, &profile, &error));
    REPORT("profile, exact");
    const ll_value_range range = ll_merge_tree_range(&tree);
    const double x_scale = 1000.0 / (double)profile.vertices, y_scale = 600 / range.range;
    MUST(ll_profile_outlines(&profile, x_scale, y_scale, 0.25, &outlines, &error));
    REPORT("outlines, 1000 x 600 px");
    printf("  %lld polygons, %lld points, %.3f MB as SVG\n", (long long)outlines.count,
           (long long)outlines.offsets[outlines.count], (double)svg_bytes(&outlines, x_scale, y_scale) / 1e6);
    ll_merge_tree_deinit(&tree), ll_merge_tree_deinit(&simple), ll_branches_deinit(&branches);
    ll_tree_layout_deinit(&layout), ll_profile_deinit(&profile), ll_chains_deinit(&outlines);
    free(values);
}

static void contours(int64_t extent)
{
    ll_error error;
    float *values = malloc((size_t)(extent * extent) * sizeof *values);
    const ll_rng rng = ll_rng_make(2, "bench", "field");
    for (int64_t v = 0; v < extent * extent; v++) values[v] = (float)ll_rng_uniform(rng, (uint64_t)v);
    const ll_grid_field field = {
        .type = LL_ARRAY_FLOAT32, .rank = 2, .shape = {extent, extent}, .values = values};
    ll_contour_tree tree;
    ll_merge_tree merge;
    double clock = ll_clock_seconds();
    MUST(ll_merge_tree_of_grid(&field, NULL, &merge, &error));
    const double reference = since(&clock);
    MUST(ll_contour_tree_of_grid(&field, LL_CONNECTIVITY_FREUDENTHAL, &tree, &error));
    const double ms = since(&clock);
    printf("contour tree of %lld^2 noise: %lld arcs, %.0f ms, %.1f x merge tree\n", (long long)extent,
           (long long)tree.arc_count, ms, ms / reference);
    ll_contour_tree_deinit(&tree), ll_merge_tree_deinit(&merge);
    free(values);
}

static void distances(int64_t n, double noise)
{
    ll_error error;
    ll_persistence_pair *pairs = calloc((size_t)(2 * n), sizeof *pairs);
    const ll_rng rng = ll_rng_make(3, "bench", "pairs");
    for (int64_t i = 0; i < 2 * n; i++) {
        pairs[i].birth_value = ll_rng_normal(rng, 2 * (uint64_t)i);
        pairs[i].death_value =
            pairs[i].birth_value + (i % 10 ? noise : 1) * fabs(ll_rng_normal(rng, 2 * (uint64_t)i + 1));
    }
    const ll_diagram_view a = {pairs, n, 0}, b = {pairs + n, n, 0};
    ll_distance distance;
    double clock = ll_clock_seconds();
    MUST(ll_distance_bottleneck(a, b, &distance, &error));
    const double bottleneck = since(&clock);
    printf("%lld + %lld points, noise %g: bottleneck %.1f ms (%g)", (long long)n, (long long)n, noise,
           bottleneck, distance.value);
    MUST(ll_distance_wasserstein(a, b, NULL, &distance, &error));
    printf(", W2 %.1f ms (%g, relative error %.3g)\n", since(&clock), distance.value,
           distance.relative_error);
    free(pairs);
}

static void graphs(int64_t n, int dimension)
{
    ll_error error;
    double *x = malloc((size_t)n * (size_t)dimension * sizeof *x);
    ll_rng_fill_uniform(ll_rng_make(4, "bench", "points"), 0, n * dimension, x);
    const ll_points points = {n, dimension, x};
    const ll_connectivity kinds[] = {LL_CONNECTIVITY_KNN_UNION, LL_CONNECTIVITY_GABRIEL,
                                     LL_CONNECTIVITY_DELAUNAY};
    for (int i = 0; i < (dimension <= 4 ? 3 : 2); i++) {
        ll_graph graph;
        double clock = ll_clock_seconds();
        MUST(ll_graph_of_points(&points, kinds[i], 8, NULL, &graph, &error));
        printf("%lld points in %d-D, %s: %lld edges, %.0f ms\n", (long long)n, dimension,
               ll_connectivity_name(kinds[i]), (long long)graph.edges, since(&clock));
        ll_graph_deinit(&graph);
    }
    free(x);
}

int main(int count, char **arguments)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const bool large = count < 2 || atoi(arguments[1]) > 0;
    trees(large ? 41 : 15, false);
    trees(large ? 41 : 15, true);
    contours(large ? 1001 : 201);
    distances(1000, 0.01);
    distances(2000, 0.01);
    distances(2000, 1);
    distances(large ? 20000 : 5000, 0.001);
    graphs(large ? 100000 : 5000, 2);
    graphs(large ? 20000 : 2000, 4);
    graphs(large ? 5000 : 1000, 12);
    return 0;
}
