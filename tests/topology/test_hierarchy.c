/* Simplification, branches, numbers, layout and profile of random fields, each against its definition. */
#include "losslens/topology.h"
#include "support_cmocka.h"
#include "support_fields.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 400 };

typedef struct sample {
    ll_grid_field field;
    double values[MOST];
    ll_merge_tree tree;
    twin_domain domain;
} sample;

static sample *make_sample(uint64_t seed)
{
    sample *s = calloc(1, sizeof *s);
    const ll_rng rng = ll_rng_make(seed, "test", "hierarchy");
    s->field = (ll_grid_field){.type = LL_ARRAY_FLOAT64, .rank = 1 + (int)(seed % 3), .values = s->values};
    const int64_t most[3] = {60, 16, 7};
    for (int axis = 0; axis < s->field.rank; axis++)
        s->field.shape[axis] =
            1 + (int64_t)ll_rng_below(rng, (uint64_t)axis, (uint64_t)most[s->field.rank - 1]);
    const int64_t n = ll_grid_field_vertices(&s->field);
    const uint64_t levels = seed % 4 == 0 ? 5 : 1000000; /* many ties */
    for (int64_t v = 0; v < n; v++) {
        s->values[v] = (double)ll_rng_below(rng, (uint64_t)v + 10, levels) / 16 - 3;
        if (seed % 5 == 4 && ll_rng_below(rng, (uint64_t)v + 5000, 7) == 0) s->values[v] = NAN;
    }
    ll_topology_options options = ll_topology_options_default();
    options.superlevel = seed % 7 == 3;
    options.outputs = LL_TOPOLOGY_SIZES | LL_TOPOLOGY_ARCS | LL_TOPOLOGY_BASINS;
    options.connectivity = seed % 2 ? LL_CONNECTIVITY_AXIS : LL_CONNECTIVITY_FREUDENTHAL;
    CHECK_OK(ll_merge_tree_of_grid(&s->field, &options, &s->tree, error));
    twin_domain_of_grid(&s->domain, &s->field, options.connectivity, options.superlevel, s->values);
    return s;
}

static void free_sample(sample *s)
{
    ll_merge_tree_deinit(&s->tree);
    twin_domain_deinit(&s->domain);
    free(s);
}

/* Valid vertices in the order of the field; their number. */
static int64_t sorted_vertices(const sample *s, int32_t *order)
{
    int64_t count = 0;
    for (int64_t v = 0; v < s->domain.vertices; v++) {
        if (!isfinite(s->values[v])) continue;
        int64_t at = count++;
        for (; at > 0 && twin_before(&s->domain, v, order[at - 1]); at--) order[at] = order[at - 1];
        order[at] = (int32_t)v;
    }
    return count;
}

/* ------------------------------------------------------------------ simplification */

/* Recomputes the simplified tree by a sweep that knows only which minima are kept: a component without one
 * does not show, and its vertices go to the arc of the component that it meets. */
static void check_simplified(const sample *s, double epsilon, const ll_merge_tree *got)
{
    int32_t order[MOST], component[MOST], top[MOST], kept_minimum[MOST];
    int64_t pending[MOST], vertex_of[MOST], size_of[MOST], parent_of[MOST], nodes = 0, saddles = 0;
    const int64_t n = s->domain.vertices, count = sorted_vertices(s, order);
    bool kept[MOST] = {false};
    for (int64_t i = 0; i < s->tree.minima; i++) {
        const ll_persistence_pair *pair = &s->tree.pairs[i];
        kept[pair->birth] =
            epsilon < 0 || pair->essential || fabs(pair->death_value - pair->birth_value) > epsilon;
    }
    for (int64_t v = 0; v < n; v++) component[v] = -1;
    int64_t last_of[MOST];
    for (int64_t at = 0; at < count; at++) {
        const int32_t v = order[at];
        component[v] = v, top[v] = -1, kept_minimum[v] = -1, pending[v] = 0;
        int32_t touched[16 * 16], kinds = 0, shown = 0, elder = -1;
        for (int64_t e = s->domain.offsets[v]; e < s->domain.offsets[v + 1]; e++) {
            const int32_t u = s->domain.neighbours[e];
            if (component[u] < 0 || u == v) continue;
            bool known = false;
            for (int32_t t = 0; t < kinds; t++) known = known || touched[t] == component[u];
            if (!known) touched[kinds++] = component[u];
        }
        for (int32_t t = 0; t < kinds; t++) {
            const int32_t c = touched[t];
            if (kept_minimum[c] < 0) continue;
            shown++;
            if (elder < 0 || twin_before(&s->domain, kept_minimum[c], kept_minimum[elder])) elder = c;
        }
        int64_t cut = 0;
        for (int32_t t = 0; t < kinds; t++)
            if (kept_minimum[touched[t]] < 0) cut += pending[touched[t]];
        if (kinds == 0 && kept[v]) {
            top[v] = (int32_t)nodes, kept_minimum[v] = v;
            vertex_of[nodes] = v, size_of[nodes] = 1, parent_of[nodes++] = -1;
        } else if (shown == 0) {
            pending[v] = cut + 1;
        } else {
            size_of[top[elder]] += cut;
            kept_minimum[v] = kept_minimum[elder];
            top[v] = top[elder];
            if (shown > 1) {
                for (int32_t t = 0; t < kinds; t++)
                    if (kept_minimum[touched[t]] >= 0) parent_of[top[touched[t]]] = nodes;
                vertex_of[nodes] = v, size_of[nodes] = 1, parent_of[nodes] = -1;
                top[v] = (int32_t)nodes++;
                saddles++;
            } else {
                size_of[top[v]]++;
            }
        }
        for (int32_t t = 0; t < kinds; t++)
            for (int64_t u = 0; u < n; u++)
                if (component[u] == touched[t]) component[u] = v;
        last_of[v] = v;
    }
    for (int64_t v = 0; v < n; v++) { /* roots: a component's number is its last vertex */
        if (component[v] != v || last_of[v] != v || vertex_of[top[v]] == v) continue;
        size_of[top[v]]--;
        parent_of[top[v]] = nodes;
        vertex_of[nodes] = v, size_of[nodes] = 1, parent_of[nodes++] = -1;
    }
    assert_int_equal(got->saddles, saddles);
    assert_int_equal(got->node_count, nodes);
    int64_t sum = 0;
    for (int64_t i = 0; i < nodes; i++) {
        const ll_tree_node *node = &got->nodes[i];
        int64_t twin = 0;
        while (twin < nodes && vertex_of[twin] != node->vertex) twin++;
        assert_true(twin < nodes);
        assert_int_equal(node->size, size_of[twin]);
        assert_int_equal(node->parent < 0 ? -1 : got->nodes[node->parent].vertex,
                         parent_of[twin] < 0 ? -1 : vertex_of[parent_of[twin]]);
        if (node->parent >= 0) assert_true(node->parent > i);
        if (i < got->minima) assert_int_equal(node->vertex, got->pairs[i].birth);
        sum += node->size;
    }
    assert_int_equal(sum, count);
    int64_t arc_counts[MOST] = {0};
    for (int64_t v = 0; v < n; v++)
        if (got->arcs[v] >= 0) arc_counts[got->arcs[v]]++;
    for (int64_t i = 0; i < nodes; i++) assert_int_equal(arc_counts[i], got->nodes[i].size);
    for (int64_t i = 0; i < got->minima; i++)
        if (got->pairs[i].elder >= 0) assert_int_equal(got->basins[got->pairs[i].birth], got->pairs[i].birth);
    for (int64_t i = 0, j = 0; i < s->tree.minima; i++) { /* basins of cut minima follow their elders */
        int64_t to = i;
        while (!kept[s->tree.pairs[to].birth]) to = s->tree.pairs[to].elder;
        assert_int_equal(got->basins[s->tree.pairs[i].birth], s->tree.pairs[to].birth);
        if (kept[s->tree.pairs[i].birth]) assert_int_equal(got->pairs[j++].birth, s->tree.pairs[i].birth);
    }
}

static void simplification_like_a_new_sweep(void **unused)
{
    (void)unused;
    for (uint64_t seed = 0; seed < 400; seed++) {
        sample *s = make_sample(seed);
        const double range = ll_merge_tree_range(&s->tree).range;
        const double epsilons[] = {-1, 0, 0.1 * range, 0.3 * range, 0.7 * range, 2 * range};
        int64_t before = INT64_MAX;
        for (int i = 0; i < 6; i++) {
            ll_merge_tree simple, again;
            CHECK_OK(ll_merge_tree_simplify(&s->tree, epsilons[i], false, &simple, error));
            check_simplified(s, epsilons[i], &simple);
            assert_true(simple.minima <= before); /* monotone */
            before = simple.minima;
            assert_int_equal(simple.minima, ll_merge_tree_pairs_above(&s->tree, epsilons[i], false));
            assert_int_equal(simple.merges, simple.minima - simple.components);
            CHECK_OK(ll_merge_tree_simplify(&simple, epsilons[i], false, &again, error));
            same_trees(&simple, &again, "simplified twice");
            ll_merge_tree pairs_only = s->tree, counted;
            pairs_only.node_count = 0, pairs_only.nodes = NULL, pairs_only.arcs = pairs_only.basins = NULL;
            CHECK_OK(ll_merge_tree_simplify(&pairs_only, epsilons[i], false, &counted, error));
            assert_int_equal(counted.saddles, simple.saddles);
            ll_merge_tree_deinit(&simple), ll_merge_tree_deinit(&again), ll_merge_tree_deinit(&counted);
        }
        free_sample(s);
    }
}

/* ------------------------------------------------------------------ numbers */

/* Path 0 2 1 4 3 9 and an isolated component 5: pairs (1, 2), (3, 4), essential (0, 9) and (5, 5). */
static void numbers_by_hand(void **unused)
{
    (void)unused;
    const double values[] = {0, 2, 1, 4, 3, 9, NAN, 5};
    const ll_grid_field field = {.type = LL_ARRAY_FLOAT64, .rank = 1, .shape = {8}, .values = values};
    ll_topology_options options = ll_topology_options_default();
    options.outputs = LL_TOPOLOGY_SIZES | LL_TOPOLOGY_BASINS;
    ll_merge_tree tree;
    CHECK_OK(ll_merge_tree_of_grid(&field, &options, &tree, error));
    ll_topology_numbers numbers;
    CHECK_OK(ll_topology_numbers_of_tree(&tree, &numbers, error));
    assert_true(numbers.minima == 4 && numbers.saddles == 2 && numbers.merges == 2 &&
                numbers.components == 2);
    assert_true(numbers.excluded == 1 && numbers.range == 9);
    CHECK_NEAR(numbers.mean_persistence, 1, 0);
    CHECK_NEAR(numbers.mean_persistence_with_essential, 11.0 / 3, 1e-15);
    CHECK_NEAR(numbers.mean_diagonal_distance, 0.70710678118654752, 1e-15);
    CHECK_NEAR(numbers.total_persistence, 2, 0);
    CHECK_NEAR(numbers.total_persistence_with_essential, 11, 0);
    CHECK_NEAR(numbers.maximum_persistence, 1, 0);
    CHECK_NEAR(numbers.maximum_persistence_with_essential, 9, 0);
    CHECK_NEAR(numbers.maximum_persistence_normalised, 1.0 / 9, 1e-16);
    CHECK_NEAR(numbers.persistence_entropy, 0.69314718055994531, 1e-15);
    CHECK_NEAR(numbers.persistence_entropy_with_essential, 2.0 / 11 * log(11) + 9.0 / 11 * log(11.0 / 9),
               1e-15);
    /* leaves 0 -> saddle 2, 1 -> 2, 3 -> 4; the lone vertex has no saddle */
    CHECK_NEAR(numbers.smad, 4.0 / 3, 1e-15);
    CHECK_NEAR(numbers.smad_normalised, 4.0 / 27, 1e-15);
    /* basins: value 2 descends to 0, value 4 to 1 (lowest neighbour), 9 to 3: shares 2, 2, 2 */
    CHECK_NEAR(numbers.smad_weighted, (2.0 * 2 + 1 * 2 + 1 * 2) / 6, 1e-15);
    const double a[] = {0, 2, 0.2, 4, 3, 9, 0, 5}, b[] = {0, 3.5, 1.5, 4, 3.9, 9, 0, 5};
    ll_significance significance;
    bool flags[4];
    CHECK_OK(ll_significance_of_halves(&tree, LL_ARRAY_FLOAT64, a, b, &significance, flags, error));
    assert_int_equal(significance.unresolved, 1);
    assert_int_equal(significance.unresolved_either, 1);
    assert_true(flags[1] && !flags[0] && !flags[2] && !flags[3]);
    assert_int_equal(significance.minima_resolved, 3);
    ll_grid_field half;
    CHECK_OK(ll_grid_field_every_second(&field, &half, error));
    assert_int_equal(half.shape[0], 4);
    assert_true(ll_grid_field_value(&half, 1) == 1 && ll_grid_field_value(&half, 2) == 3 &&
                isnan(ll_grid_field_value(&half, 3)));
    ll_free((void *)(uintptr_t)half.values);
    ll_merge_tree_deinit(&tree);
}

/* ------------------------------------------------------------------ layout */

/* Proper crossings and overlaps of a vertical and a horizontal segment, and of segments of one direction. */
static void layouts_do_not_cross(void **unused)
{
    (void)unused;
    for (uint64_t seed = 0; seed < 300; seed++) {
        sample *s = make_sample(seed);
        ll_tree_layout layout;
        CHECK_OK(ll_tree_layout_create(&s->tree, &layout, error));
        assert_int_equal(layout.count, s->tree.minima);
        CHECK_NEAR(layout.width, (double)layout.count, 0);
        const double sign = s->tree.superlevel ? -1 : 1;
        for (int64_t i = 0; i < layout.count; i++) {
            const ll_layout_branch *a = &layout.branches[i];
            assert_true(a->birth_value == s->tree.pairs[i].birth_value &&
                        a->death_value == s->tree.pairs[i].death_value);
            assert_true(a->x > 0 && a->x < layout.width);
            assert_int_equal(a->parent, s->tree.pairs[i].elder);
            if (a->parent >= 0) assert_true(a->parent_x == layout.branches[a->parent].x);
            for (int64_t j = 0; j < layout.count; j++) {
                const ll_layout_branch *b = &layout.branches[j];
                if (i != j) assert_true(a->x != b->x); /* verticals stand apart */
                /* b's connector against a's trunk: strictly between both, it crosses */
                if (b->parent < 0 || i == j || i == b->parent) continue;
                const double left = fmin(b->x, b->parent_x), right = fmax(b->x, b->parent_x);
                const bool over = a->x > left && a->x < right;
                const bool inside = sign * b->death_value > sign * a->birth_value &&
                                    sign * b->death_value < sign * a->death_value;
                if (over && inside)
                    fail_msg("seed %d: connector of %d crosses branch %d", (int)seed, (int)j, (int)i);
            }
        }
        ll_tree_layout_deinit(&layout);
        free_sample(s);
    }
}

/* ------------------------------------------------------------------ profile */

static bool reaches(const sample *s, int64_t v, double y)
{
    return isfinite(s->values[v]) && (s->tree.superlevel ? s->values[v] >= y : s->values[v] <= y);
}

/* Number of vertices connected to v among those up to level y, by flood fill. */
static int64_t flood(const sample *s, int64_t v, double y)
{
    bool seen[MOST] = {false};
    int32_t stack[MOST];
    int64_t depth = 0, count = 0;
    stack[depth++] = (int32_t)v, seen[v] = true;
    while (depth > 0) {
        const int32_t u = stack[--depth];
        count++;
        for (int64_t e = s->domain.offsets[u]; e < s->domain.offsets[u + 1]; e++) {
            const int32_t w = s->domain.neighbours[e];
            if (!seen[w] && reaches(s, w, y)) seen[w] = true, stack[depth++] = w;
        }
    }
    return count;
}

static void check_slots(const ll_profile *profile)
{
    for (int64_t i = 0; i < profile->tree.node_count; i++) {
        const int64_t parent = profile->tree.nodes[i].parent;
        const double left = profile->nodes[i].centre - (double)profile->nodes[i].width / 2;
        const double right = profile->nodes[i].centre + (double)profile->nodes[i].width / 2;
        double low = 0, high = (double)profile->vertices;
        if (parent >= 0) {
            low = profile->nodes[parent].centre - (double)profile->nodes[parent].floor / 2;
            high = profile->nodes[parent].centre + (double)profile->nodes[parent].floor / 2;
            assert_true(profile->nodes[i].width < profile->nodes[parent].width);
        }
        assert_true(left >= low && right <= high);
        for (int64_t j = 0; j < i; j++) {
            if (profile->tree.nodes[j].parent != parent) continue;
            const double other = profile->nodes[j].centre, half = (double)profile->nodes[j].width / 2;
            assert_true(other + half <= left || other - half >= right);
            if (profile->nodes[j].width > profile->nodes[i].width) assert_true(other < left);
        }
    }
}

static void profiles_measure_components(void **unused)
{
    (void)unused;
    for (uint64_t seed = 0; seed < 300; seed++) {
        sample *s = make_sample(seed);
        ll_profile profile;
        CHECK_OK(ll_profile_create(&s->tree, LL_ARRAY_FLOAT64, s->values, -1, false, &profile, error));
        check_slots(&profile);
        int64_t total = 0;
        for (int64_t i = 0; i < profile.tree.node_count; i++) {
            const ll_tree_node *node = &profile.tree.nodes[i];
            if (node->parent < 0) total += profile.nodes[i].width;
            for (int64_t l = profile.offsets[i]; l < profile.offsets[i + 1]; l++) {
                /* Vertices of equal value enter one by one; the width counts once all of a level are in. */
                const double y = profile.levels[l];
                if (node->parent >= 0 && y == profile.tree.nodes[node->parent].value) continue;
                assert_int_equal(ll_profile_width_at(&profile, i, y), flood(s, node->vertex, y));
            }
        }
        assert_int_equal(total, s->domain.vertices - s->tree.excluded);
        ll_profile_deinit(&profile);
        CHECK_OK(ll_profile_create(&s->tree, LL_ARRAY_FLOAT64, s->values, 0.2, true, &profile, error));
        check_slots(&profile);
        total = 0;
        for (int64_t i = 0; i < profile.tree.node_count; i++) {
            if (profile.tree.nodes[i].parent < 0) total += profile.nodes[i].width;
            assert_int_equal(profile.offsets[i + 1] - profile.offsets[i], profile.tree.nodes[i].size);
            const double sign = profile.tree.superlevel ? -1 : 1;
            for (int64_t l = profile.offsets[i]; l < profile.offsets[i + 1]; l++) {
                assert_true(sign * profile.levels[l] >= sign * profile.tree.nodes[i].value);
                if (profile.tree.nodes[i].parent >= 0)
                    assert_true(sign * profile.levels[l] <=
                                sign * profile.tree.nodes[profile.tree.nodes[i].parent].value);
            }
        }
        assert_int_equal(total, s->domain.vertices - s->tree.excluded);
        ll_profile_deinit(&profile);
        free_sample(s);
    }
}

/* ------------------------------------------------------------------ outlines */

static double distance_to_segment(double x, double y, const double *a, const double *b)
{
    const double dx = b[0] - a[0], dy = b[1] - a[1], length = dx * dx + dy * dy;
    double t = length > 0 ? ((x - a[0]) * dx + (y - a[1]) * dy) / length : 0;
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    return hypot(a[0] + t * dx - x, a[1] + t * dy - y);
}

static bool covers(const ll_chains *chains, double x, double y, double tolerance)
{
    for (int64_t c = 0; c < chains->count; c++) {
        const double *p = chains->points + 2 * chains->offsets[c];
        const int64_t n = chains->offsets[c + 1] - chains->offsets[c];
        bool inside = false;
        for (int64_t i = 0, j = n - 1; i < n; j = i++) {
            if (distance_to_segment(x, y, p + 2 * i, p + 2 * j) <= tolerance) return true;
            if ((p[2 * i + 1] > y) != (p[2 * j + 1] > y) &&
                x < (p[2 * j] - p[2 * i]) * (y - p[2 * i + 1]) / (p[2 * j + 1] - p[2 * i + 1]) + p[2 * i])
                inside = !inside;
        }
        if (inside) return true;
    }
    return false;
}

/* Exact corners are within the tolerance of something drawn, and points drawn of something exact. */
static void outlines_stay_near(void **unused)
{
    (void)unused;
    for (uint64_t seed = 0; seed < 120; seed++) {
        sample *s = make_sample(seed);
        ll_profile profile;
        CHECK_OK(ll_profile_create(&s->tree, LL_ARRAY_FLOAT64, s->values, -1, false, &profile, error));
        for (int round = 0; round < 4; round++) {
            const double tolerance = round == 0 ? 0.25 : round == 1 ? 2 : round == 2 ? 8 : 40;
            ll_chains chains;
            CHECK_OK(ll_profile_outlines(&profile, 1, 1, tolerance, &chains, error));
            for (int64_t i = 0; i < profile.tree.node_count; i++)
                for (int64_t l = profile.offsets[i]; l < profile.offsets[i + 1]; l++) {
                    const double half = (double)(profile.nodes[i].floor + l - profile.offsets[i] + 1) / 2;
                    for (int side = -1; side <= 1; side += 2)
                        if (!covers(&chains, profile.nodes[i].centre + side * half, profile.levels[l],
                                    tolerance * (1 + 1e-9)))
                            fail_msg("seed %d tolerance %g: node %d is not drawn", (int)seed, tolerance,
                                     (int)i);
                }
            ll_chains exact;
            CHECK_OK(ll_profile_outlines(&profile, 1, 1, 0, &exact, error));
            for (int64_t p = 0; p < chains.offsets[chains.count]; p++)
                if (!covers(&exact, chains.points[2 * p], chains.points[2 * p + 1],
                            tolerance * (1 + 1e-9) + 1e-9))
                    fail_msg("seed %d tolerance %g: point %d is drawn where nothing is", (int)seed, tolerance,
                             (int)p);
            ll_chains_deinit(&exact);
            ll_chains_deinit(&chains);
        }
        ll_profile_deinit(&profile);
        free_sample(s);
    }
}

/* Pits ever deeper behind ridges ever higher: each branch is swallowed by the next, a chain as deep as the
 * field is long. Anything quadratic or recursive would not come back. */
static void deep_chains(void **unused)
{
    (void)unused;
    enum { PITS = 200000 };
    float *values = malloc(2 * PITS * sizeof *values);
    for (int i = 0; i < PITS; i++) values[2 * i] = (float)-i, values[2 * i + 1] = (float)(i + 1);
    const ll_grid_field field = {.type = LL_ARRAY_FLOAT32, .rank = 1, .shape = {2 * PITS}, .values = values};
    ll_topology_options options = ll_topology_options_default();
    options.outputs = LL_TOPOLOGY_SIZES | LL_TOPOLOGY_ARCS | LL_TOPOLOGY_BASINS;
    ll_merge_tree tree, simple;
    CHECK_OK(ll_merge_tree_of_grid(&field, &options, &tree, error));
    assert_int_equal(tree.minima, PITS);
    CHECK_OK(ll_merge_tree_simplify(&tree, PITS, false, &simple, error));
    /* pair i: birth -i, death i + 1, persistence 2 i + 1 > PITS */
    assert_int_equal(simple.minima, PITS / 2);
    assert_int_equal(simple.basins[0], PITS);         /* pit PITS / 2 */
    assert_int_equal(simple.nodes[0].size, PITS + 1); /* all cut pits and ridges, and its own pit */
    ll_branches branches;
    CHECK_OK(ll_branches_create(&tree, &branches, error));
    assert_int_equal(branches.depth[0], PITS - 1);
    ll_tree_layout layout;
    CHECK_OK(ll_tree_layout_create(&tree, &layout, error));
    assert_true(layout.width == PITS);
    ll_profile profile;
    ll_chains outlines;
    CHECK_OK(ll_profile_create(&tree, field.type, values, -1, false, &profile, error));
    CHECK_OK(ll_profile_outlines(&profile, 1e3 / (2 * PITS), 600.0 / (2 * PITS), 0.25, &outlines, error));
    assert_true(outlines.count < 10000);
    ll_distance distance;
    ll_distance_options apart = ll_distance_options_default();
    apart.tree_epsilon1 = 0;
    CHECK_OK(ll_distance_of_trees(&tree, &tree, &apart, &distance, error));
    assert_true(distance.value == 0);
    ll_chains_deinit(&outlines), ll_profile_deinit(&profile), ll_tree_layout_deinit(&layout);
    ll_branches_deinit(&branches), ll_merge_tree_deinit(&simple), ll_merge_tree_deinit(&tree);
    free(values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(simplification_like_a_new_sweep),
        cmocka_unit_test(numbers_by_hand),
        cmocka_unit_test(layouts_do_not_cross),
        cmocka_unit_test(profiles_measure_components),
        cmocka_unit_test(outlines_stay_near),
        cmocka_unit_test(deep_chains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
