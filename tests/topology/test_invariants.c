/* What must hold of every merge tree whatever the field, each as a property over random fields: how the
 * answer moves when the field's values or its places are moved, and how its counts hang together. Profile
 * widths and layouts without crossings are in test_hierarchy. */
#include "losslens/topology.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ALL (LL_TOPOLOGY_TREE | LL_TOPOLOGY_SIZES | LL_TOPOLOGY_BASINS | LL_TOPOLOGY_ARCS)
#define FIELDS 400 /* random fields a property */

static uint64_t state;
static uint64_t next_random(uint64_t bound)
{
    state += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t z = state;
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (z ^ (z >> 31)) % bound;
}

static int64_t most_extent(int rank)
{
    static const int64_t most[7] = {0, 200, 14, 7, 5, 3, 3};
    return most[rank];
}

/* A float64 grid with its connectivity and direction, all drawn from `seed`. */
typedef struct sample {
    ll_grid_field field;
    ll_topology_options options;
    double *values;
    int64_t count;
    char what[200];
} sample;

static sample draw(uint64_t seed, bool distinct)
{
    sample s = {.options = ll_topology_options_default()};
    state = seed;
    s.field.type = LL_ARRAY_FLOAT64;
    s.field.rank = 1 + (int)(seed % 6);
    s.options.connectivity = (ll_connectivity)next_random(4);
    assert_true(ll_connectivity_is_grid(s.options.connectivity));
    s.options.superlevel = next_random(2) == 0;
    s.options.outputs = ALL;
    s.count = 1;
    for (int axis = 0; axis < s.field.rank; axis++) {
        s.field.shape[axis] = 1 + (int64_t)next_random((uint64_t)most_extent(s.field.rank));
        s.count *= s.field.shape[axis];
    }
    s.values = malloc((size_t)s.count * sizeof *s.values);
    uint64_t levels = 2 + next_random(next_random(2) == 0 ? 6 : 1000);
    uint64_t holes = next_random(3) == 0 ? 2 + next_random(9) : 0;
    for (int64_t v = 0; v < s.count; v++) {
        s.values[v] = distinct ? (double)v : (double)next_random(levels) - (double)(levels / 2);
    }
    for (int64_t v = s.count - 1; distinct && v > 0; v--) {
        int64_t other = (int64_t)next_random((uint64_t)v + 1);
        double kept = s.values[v];
        s.values[v] = s.values[other];
        s.values[other] = kept;
    }
    for (int64_t v = 0; holes > 0 && v < s.count; v++) {
        if (next_random(holes) == 0) s.values[v] = next_random(2) == 0 ? NAN : INFINITY;
    }
    s.field.values = s.values;
    snprintf(s.what, sizeof s.what, "seed %llu, %s%s, rank %d", (unsigned long long)seed,
             ll_connectivity_name(s.options.connectivity), s.options.superlevel ? " superlevel" : "",
             s.field.rank);
    return s;
}

static void release(sample *s) { free(s->values); }

static ll_merge_tree tree_of(const ll_grid_field *field, const ll_topology_options *options)
{
    ll_merge_tree tree;
    ll_error error;
    if (ll_merge_tree_of_grid(field, options, &tree, &error) != LL_OK) fail_msg("%s", error.message);
    return tree;
}

static double unchanged(double value) { return value; }
static double negated(double value) { return 0.0 - value; }
static double cubic(double value)
{
    return value * value * value + 2 * value - 5;
} /* exact for whole numbers */
static double shifted(double value) { return value + 1024; }
static double squeezed(double value) { return exp(value / 64) / 3; }

/* Fails unless b is a with vertex v renamed to[v] and values sent through `map`. */
static void same_renamed(const ll_merge_tree *a, const ll_merge_tree *b, const int64_t *to,
                         double (*map)(double), const char *what)
{
#define EXPECT(condition)                                                                                    \
    do {                                                                                                     \
        if (!(condition)) fail_msg("%s: %s (line %d)", what, #condition, __LINE__);                          \
    } while (0)
    EXPECT(a->minima == b->minima && a->saddles == b->saddles && a->merges == b->merges);
    EXPECT(a->components == b->components && a->node_count == b->node_count);
    EXPECT(a->vertices - a->excluded == b->vertices - b->excluded);
    int64_t *pair_of = malloc(((size_t)b->vertices + 1) * sizeof *pair_of);
    int64_t *node_of = malloc(((size_t)b->vertices + 1) * sizeof *node_of);
    for (int64_t v = 0; v < b->vertices; v++) pair_of[v] = node_of[v] = -1;
    for (int64_t i = 0; i < b->minima; i++) pair_of[b->pairs[i].birth] = i;
    for (int64_t i = 0; i < b->node_count; i++) node_of[b->nodes[i].vertex] = i;
    for (int64_t i = 0; i < a->minima; i++) {
        const ll_persistence_pair *p = &a->pairs[i];
        EXPECT(pair_of[to[p->birth]] >= 0);
        const ll_persistence_pair *q = &b->pairs[pair_of[to[p->birth]]];
        EXPECT(q->death == to[p->death] && q->essential == p->essential);
        EXPECT(q->birth_value == map(p->birth_value) && q->death_value == map(p->death_value));
        EXPECT((p->elder < 0) == (q->elder < 0));
        if (p->elder >= 0) EXPECT(b->pairs[q->elder].birth == to[a->pairs[p->elder].birth]);
    }
    for (int64_t i = 0; i < a->node_count; i++) {
        const ll_tree_node *p = &a->nodes[i];
        EXPECT(node_of[to[p->vertex]] >= 0);
        const ll_tree_node *q = &b->nodes[node_of[to[p->vertex]]];
        EXPECT(q->size == p->size && q->value == map(p->value));
        EXPECT((p->parent < 0) == (q->parent < 0));
        if (p->parent >= 0) EXPECT(b->nodes[q->parent].vertex == to[a->nodes[p->parent].vertex]);
    }
    for (int64_t v = 0; v < a->vertices; v++) {
        EXPECT(b->basins[to[v]] == (a->basins[v] < 0 ? -1 : to[a->basins[v]]));
        EXPECT((a->arcs[v] < 0) == (b->arcs[to[v]] < 0));
        if (a->arcs[v] >= 0) EXPECT(b->nodes[b->arcs[to[v]]].vertex == to[a->nodes[a->arcs[v]].vertex]);
    }
    free(pair_of);
    free(node_of);
}

static int64_t *names(int64_t count)
{
    int64_t *to = malloc(((size_t)count + 1) * sizeof *to);
    for (int64_t v = 0; v < count; v++) to[v] = v;
    return to;
}

/* A strictly rising map of the values renames nothing. */
static void monotone_maps(void **unused)
{
    (void)unused;
    static double (*const maps[])(double) = {cubic, shifted, squeezed};
    for (uint64_t seed = 0; seed < FIELDS; seed++) {
        sample s = draw(seed, false);
        ll_merge_tree tree = tree_of(&s.field, &s.options);
        int64_t *to = names(s.count);
        double *moved = malloc((size_t)s.count * sizeof *moved);
        ll_grid_field field = s.field;
        field.values = moved;
        for (size_t m = 0; m < sizeof maps / sizeof *maps; m++) {
            for (int64_t v = 0; v < s.count; v++)
                moved[v] = isfinite(s.values[v]) ? maps[m](s.values[v]) : s.values[v];
            ll_merge_tree other = tree_of(&field, &s.options);
            same_renamed(&tree, &other, to, maps[m], s.what);
            ll_merge_tree_deinit(&other);
        }
        ll_merge_tree_deinit(&tree);
        free(moved);
        free(to);
        release(&s);
    }
}

static void superlevel_is_sublevel_of_the_negative(void **unused)
{
    (void)unused;
    for (uint64_t seed = 0; seed < FIELDS; seed++) {
        sample s = draw(seed, false);
        int64_t *to = names(s.count);
        double *moved = malloc((size_t)s.count * sizeof *moved);
        for (int64_t v = 0; v < s.count; v++) moved[v] = -s.values[v];
        ll_merge_tree tree = tree_of(&s.field, &s.options);
        s.options.superlevel = !s.options.superlevel;
        s.field.values = moved;
        ll_merge_tree other = tree_of(&s.field, &s.options);
        same_renamed(&tree, &other, to, negated, s.what);
        ll_merge_tree_deinit(&other);
        ll_merge_tree_deinit(&tree);
        free(moved);
        free(to);
        release(&s);
    }
}

/* The field moved to any place of a larger grid of holes. */
static void translations(void **unused)
{
    (void)unused;
    for (uint64_t seed = 0; seed < FIELDS; seed++) {
        sample s = draw(seed, false);
        ll_grid_field larger = s.field;
        int64_t from[LL_FIELD_MAX_RANK], count = 1;
        for (int axis = 0; axis < s.field.rank; axis++) {
            from[axis] = (int64_t)next_random(3);
            larger.shape[axis] += from[axis] + (int64_t)next_random(2);
            count *= larger.shape[axis];
        }
        double *moved = malloc((size_t)count * sizeof *moved);
        for (int64_t v = 0; v < count; v++) moved[v] = v % 2 == 0 ? NAN : -INFINITY;
        int64_t *to = malloc((size_t)s.count * sizeof *to);
        for (int64_t v = 0; v < s.count; v++) {
            int64_t rest = v, step = 1;
            to[v] = 0;
            for (int axis = s.field.rank - 1; axis >= 0; axis--) {
                to[v] += (rest % s.field.shape[axis] + from[axis]) * step;
                rest /= s.field.shape[axis];
                step *= larger.shape[axis];
            }
            moved[to[v]] = s.values[v];
        }
        larger.values = moved;
        ll_merge_tree tree = tree_of(&s.field, &s.options), other = tree_of(&larger, &s.options);
        same_renamed(&tree, &other, to, unchanged, s.what);
        ll_merge_tree_deinit(&other);
        ll_merge_tree_deinit(&tree);
        free(moved);
        free(to);
        release(&s);
    }
}

/* Axes exchanged and turned round, as far as the connectivity allows. Values are distinct: ties are broken
 * by the id, which these change. */
static void axis_permutations(void **unused)
{
    (void)unused;
    for (uint64_t seed = 0; seed < 2 * FIELDS; seed++) {
        sample s = draw(seed, true);
        int rank = s.field.rank;
        ll_connectivity connectivity = s.options.connectivity;
        bool symmetric = connectivity == LL_CONNECTIVITY_AXIS || connectivity == LL_CONNECTIVITY_BOX;
        int order[LL_FIELD_MAX_RANK];
        bool turned[LL_FIELD_MAX_RANK], all = next_random(2) == 0;
        for (int axis = 0; axis < rank; axis++) {
            order[axis] = axis;
            turned[axis] = symmetric ? next_random(2) == 0 : all;
        }
        /* freudenthal: the last axis is unlike the others; turned round alone it gives freudenthal-plus. */
        int movable = connectivity == LL_CONNECTIVITY_FREUDENTHAL ? rank - 1 : rank;
        for (int axis = movable - 1; axis > 0; axis--) {
            int other = (int)next_random((uint64_t)axis + 1), kept = order[axis];
            order[axis] = order[other];
            order[other] = kept;
        }
        ll_topology_options options = s.options;
        if (connectivity == LL_CONNECTIVITY_FREUDENTHAL && next_random(2) == 0) {
            options.connectivity = LL_CONNECTIVITY_FREUDENTHAL_PLUS;
            turned[rank - 1] = !turned[rank - 1];
        }
        ll_grid_field other_field = s.field;
        for (int axis = 0; axis < rank; axis++) other_field.shape[axis] = s.field.shape[order[axis]];
        double *moved = malloc((size_t)s.count * sizeof *moved);
        int64_t *to = malloc((size_t)s.count * sizeof *to);
        for (int64_t v = 0; v < s.count; v++) {
            int64_t place[LL_FIELD_MAX_RANK], rest = v;
            for (int axis = rank - 1; axis >= 0; axis--) {
                int64_t extent = s.field.shape[axis];
                place[axis] = turned[axis] ? extent - 1 - rest % extent : rest % extent;
                rest /= extent;
            }
            to[v] = 0;
            for (int axis = 0; axis < rank; axis++)
                to[v] = to[v] * other_field.shape[axis] + place[order[axis]];
            moved[to[v]] = s.values[v];
        }
        other_field.values = moved;
        ll_merge_tree tree = tree_of(&s.field, &s.options), other = tree_of(&other_field, &options);
        same_renamed(&tree, &other, to, unchanged, s.what);
        ll_merge_tree_deinit(&other);
        ll_merge_tree_deinit(&tree);
        free(moved);
        free(to);
        release(&s);
    }
}

/* Counts, the elder rule and sizes of one tree, simplified or not. */
static void counts_agree(const ll_merge_tree *tree, const char *what)
{
    int64_t essential = 0, roots = 0, size = 0;
    for (int64_t i = 0; i < tree->minima; i++) {
        const ll_persistence_pair *pair = &tree->pairs[i];
        essential += pair->essential;
        double rise = pair->death_value - pair->birth_value;
        EXPECT(tree->superlevel ? rise <= 0 : rise >= 0);
        EXPECT(pair->essential == (pair->elder < 0));
        if (pair->essential) continue;
        const ll_persistence_pair *elder = &tree->pairs[pair->elder];
        double older = pair->birth_value - elder->birth_value, later = elder->death_value - pair->death_value;
        EXPECT(tree->superlevel ? older <= 0 && later <= 0 : older >= 0 && later >= 0);
    }
    int64_t *children = calloc((size_t)tree->node_count + 1, sizeof *children);
    int64_t *counted = calloc((size_t)tree->node_count + 1, sizeof *counted);
    for (int64_t i = 0; i < tree->node_count; i++) {
        roots += tree->nodes[i].parent < 0;
        size += tree->nodes[i].size;
        EXPECT(tree->nodes[i].size >= 1 && tree->nodes[i].parent < tree->node_count);
        if (tree->nodes[i].parent < 0) EXPECT(tree->nodes[i].size == 1);
        else children[tree->nodes[i].parent]++;
    }
    int64_t leaves = 0, joins = 0, joined = 0;
    for (int64_t i = 0; i < tree->node_count; i++) {
        leaves += children[i] == 0;
        joins += children[i] >= 2;
        if (children[i] >= 2) joined += children[i] - 1;
    }
    for (int64_t v = 0; v < tree->vertices; v++) {
        if (tree->arcs[v] >= 0) counted[tree->arcs[v]]++;
    }
    for (int64_t i = 0; i < tree->node_count; i++) EXPECT(counted[i] == tree->nodes[i].size);
    EXPECT(essential == tree->components && roots == tree->components);
    EXPECT(tree->merges == tree->minima - tree->components);
    EXPECT(leaves == tree->minima && joins == tree->saddles && joined == tree->merges);
    EXPECT(size == tree->vertices - tree->excluded);
    free(children);
    free(counted);
}

static ll_merge_tree simplified(const ll_merge_tree *tree, double epsilon)
{
    ll_merge_tree made;
    ll_error error;
    if (ll_merge_tree_simplify(tree, epsilon, false, &made, &error) != LL_OK) fail_msg("%s", error.message);
    return made;
}

static void sizes_add_up_and_pairs_are_minima(void **unused)
{
    (void)unused;
    for (uint64_t seed = 0; seed < 2 * FIELDS; seed++) {
        sample s = draw(seed, seed % 4 == 0);
        ll_merge_tree tree = tree_of(&s.field, &s.options);
        counts_agree(&tree, s.what);
        ll_merge_tree_deinit(&tree);
        release(&s);
    }
}

/* A higher threshold keeps some of what a lower one keeps, and going there in two steps is going there. */
static void simplification_is_monotone(void **unused)
{
    (void)unused;
    for (uint64_t seed = 0; seed < FIELDS; seed++) {
        sample s = draw(seed, seed % 4 == 0);
        const char *what = s.what;
        int64_t *to = names(s.count);
        ll_merge_tree tree = tree_of(&s.field, &s.options), before = simplified(&tree, -1);
        same_renamed(&tree, &before, to, unchanged, s.what);
        double range = ll_merge_tree_range(&tree).range;
        for (int step = 0; step <= 4; step++) {
            double epsilon = range * step / 4;
            ll_merge_tree direct = simplified(&tree, epsilon), onwards = simplified(&before, epsilon);
            same_renamed(&direct, &onwards, to, unchanged, s.what);
            counts_agree(&direct, s.what);
            EXPECT(direct.minima <= before.minima && direct.components == tree.components);
            EXPECT(direct.minima == ll_merge_tree_pairs_above(&tree, epsilon, false));
            for (int64_t i = 0, j = 0; i < direct.minima; i++) {
                while (j < before.minima && before.pairs[j].birth != direct.pairs[i].birth) j++;
                EXPECT(j < before.minima && before.pairs[j].death == direct.pairs[i].death);
                EXPECT(direct.pairs[i].essential || ll_pair_persistence(&direct.pairs[i]) > epsilon);
            }
            ll_merge_tree_deinit(&onwards);
            ll_merge_tree_deinit(&before);
            before = direct;
        }
        EXPECT(before.merges == 0); /* no finite pair is more persistent than the range */
        ll_merge_tree_deinit(&before);
        ll_merge_tree_deinit(&tree);
        free(to);
        release(&s);
    }
}

/* Cohen-Steiner, Edelsbrunner, Harer: Stability of persistence diagrams (2007): diagrams differ by no more
 * than the fields do. Essential pairs are matched by birth, for which the same bound holds. */
static void diagrams_are_stable(void **unused)
{
    (void)unused;
    for (uint64_t seed = 0; seed < FIELDS; seed++) {
        sample s = draw(seed, seed % 2 == 0);
        ll_merge_tree tree = tree_of(&s.field, &s.options);
        double *moved = malloc((size_t)s.count * sizeof *moved), most = 0;
        uint64_t width = 1 + next_random(12);
        for (int64_t v = 0; v < s.count; v++) {
            double step = (double)next_random(2 * width + 1) / 2 - (double)width / 2;
            moved[v] = s.values[v] + step;
            if (isfinite(s.values[v])) most = fmax(most, fabs(step));
        }
        s.field.values = moved;
        ll_merge_tree other = tree_of(&s.field, &s.options);
        ll_distance distance;
        ll_error error;
        if (ll_distance_bottleneck(ll_diagram_view_of_tree(&tree), ll_diagram_view_of_tree(&other), &distance,
                                   &error) != LL_OK) {
            fail_msg("%s: %s", s.what, error.message);
        }
        if (!(distance.value <= most)) fail_msg("%s: %.17g > %.17g", s.what, distance.value, most);
        ll_merge_tree_deinit(&other);
        ll_merge_tree_deinit(&tree);
        free(moved);
        release(&s);
    }
}

/* Vertices of a graph renamed at random, values distinct and through a rising map. */
static void renamed_graphs(void **unused)
{
    (void)unused;
    for (uint64_t seed = 0; seed < FIELDS; seed++) {
        state = seed + 77;
        int64_t n = 1 + (int64_t)next_random(120), edges = (int64_t)next_random((uint64_t)(2 * n));
        char what[80];
        snprintf(what, sizeof what, "graph, seed %llu", (unsigned long long)seed);
        int64_t *to = names(n), *pairs = malloc(((size_t)edges + 1) * 4 * sizeof *pairs),
                *renamed = pairs + 2 * edges;
        double *values = malloc((size_t)n * sizeof *values), *moved = malloc((size_t)n * sizeof *moved);
        for (int64_t v = n - 1; v > 0; v--) {
            int64_t other = (int64_t)next_random((uint64_t)v + 1), kept = to[v];
            to[v] = to[other];
            to[other] = kept;
        }
        for (int64_t v = 0; v < n; v++) {
            values[v] = next_random(9) == 0 ? NAN : (double)((v * 7919) % 10007);
            moved[to[v]] = shifted(values[v]);
        }
        for (int64_t e = 0; e < 2 * edges; e++) {
            pairs[e] = (int64_t)next_random((uint64_t)n);
            renamed[e] = to[pairs[e]];
        }
        ll_graph graph, other_graph;
        ll_merge_tree tree, other;
        ll_topology_options options = ll_topology_options_default();
        options.outputs = ALL;
        options.superlevel = next_random(2) == 0;
        assert_int_equal(ll_graph_of_edges(n, pairs, edges, &graph, NULL), LL_OK);
        assert_int_equal(ll_graph_of_edges(n, renamed, edges, &other_graph, NULL), LL_OK);
        ll_graph_field field = ll_graph_field_view(&graph, LL_ARRAY_FLOAT64, values, NULL);
        ll_graph_field other_field = ll_graph_field_view(&other_graph, LL_ARRAY_FLOAT64, moved, NULL);
        assert_int_equal(ll_merge_tree_of_graph(&field, &options, &tree, NULL), LL_OK);
        assert_int_equal(ll_merge_tree_of_graph(&other_field, &options, &other, NULL), LL_OK);
        same_renamed(&tree, &other, to, shifted, what);
        counts_agree(&tree, what);
        ll_merge_tree_deinit(&tree);
        ll_merge_tree_deinit(&other);
        ll_graph_deinit(&graph);
        ll_graph_deinit(&other_graph);
        free(to);
        free(pairs);
        free(values);
        free(moved);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(monotone_maps),
        cmocka_unit_test(superlevel_is_sublevel_of_the_negative),
        cmocka_unit_test(translations),
        cmocka_unit_test(axis_permutations),
        cmocka_unit_test(sizes_add_up_and_pairs_are_minima),
        cmocka_unit_test(simplification_is_monotone),
        cmocka_unit_test(diagrams_are_stable),
        cmocka_unit_test(renamed_graphs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
