/* Distances of diagrams and trees: against other tools (tests/generate/diagram_distances.py), against
 * enumeration of all matchings, and by their properties. */
#include "losslens/topology.h"
#include "support_cmocka.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 300 };

static ll_diagram_view view_of(const ll_persistence_pair *pairs, int64_t count)
{
    return (ll_diagram_view){.pairs = pairs, .count = count, .dimension = 0};
}

static double bottleneck(ll_diagram_view a, ll_diagram_view b)
{
    ll_distance distance;
    CHECK_OK(ll_distance_bottleneck(a, b, &distance, error));
    assert_true(distance.relative_error == 0);
    return distance.value;
}

static double wasserstein(ll_diagram_view a, ll_diagram_view b, double power)
{
    ll_distance_options options = ll_distance_options_default();
    options.power = power;
    ll_distance distance;
    CHECK_OK(ll_distance_wasserstein(a, b, &options, &distance, error));
    assert_true(distance.relative_error == 0);
    return distance.value;
}

static void like_other_tools(void **unused)
{
    (void)unused;
    static ll_persistence_pair pairs[2 * MOST];
    char path[1024];
    const char *source = getenv("LOSSLENS_SOURCE");
    snprintf(path, sizeof path, "%s/tests/topology/data/diagram_distances.txt", source ? source : ".");
    FILE *file = fopen(path, "r");
    if (!file) fail_msg("%s is missing", path);
    int cases = 0, n, m;
    double wanted[4];
    assert_int_equal(fscanf(file, "#%*[^\n]"), 0);
    while (fscanf(file, "%d %d %lf %lf %lf %lf", &n, &m, &wanted[0], &wanted[1], &wanted[2], &wanted[3]) ==
           6) {
        assert_true(n <= MOST && m <= MOST);
        for (int i = 0; i < n + m; i++) {
            pairs[i] = (ll_persistence_pair){.elder = -1};
            assert_int_equal(fscanf(file, "%lf %lf", &pairs[i].birth_value, &pairs[i].death_value), 2);
        }
        const ll_diagram_view a = view_of(pairs, n), b = view_of(pairs + n, m);
        CHECK_NEAR(bottleneck(a, b), wanted[0], 1e-12);
        CHECK_NEAR(bottleneck(b, a), bottleneck(a, b), 0);
        for (int power = 1; power <= 3; power++) {
            CHECK_NEAR(wasserstein(a, b, power), wanted[power], 1e-11 * (1 + wanted[power]));
            CHECK_NEAR(wasserstein(b, a, power), wanted[power], 1e-11 * (1 + wanted[power]));
        }
        cases++;
    }
    fclose(file);
    assert_int_equal(cases, 60);
}

/* ------------------------------------------------------------------ all matchings */

static double side(const ll_persistence_pair *p) { return fabs(p->death_value - p->birth_value) / 2; }

/* Best value over all ways to match a[i..] with b's points not in `used`: maximum (power 0) or sum of powers.
 */
static double enumerate(const ll_persistence_pair *a, int n, const ll_persistence_pair *b, int m, int i,
                        unsigned used, double power)
{
    double best, stay;
    if (i == n) {
        best = 0;
        for (int j = 0; j < m; j++) {
            if (used >> j & 1) continue;
            best = power == 0 ? fmax(best, side(&b[j])) : best + pow(side(&b[j]), power);
        }
        return best;
    }
    stay = enumerate(a, n, b, m, i + 1, used, power);
    best = power == 0 ? fmax(stay, side(&a[i])) : stay + pow(side(&a[i]), power);
    for (int j = 0; j < m; j++) {
        if (used >> j & 1) continue;
        const double cost =
            fmax(fabs(a[i].birth_value - b[j].birth_value), fabs(a[i].death_value - b[j].death_value));
        const double rest = enumerate(a, n, b, m, i + 1, used | 1U << j, power);
        best = fmin(best, power == 0 ? fmax(rest, cost) : rest + pow(cost, power));
    }
    return best;
}

static void like_all_matchings(void **unused)
{
    (void)unused;
    ll_persistence_pair pairs[14];
    for (uint64_t seed = 0; seed < 400; seed++) {
        const ll_rng rng = ll_rng_make(seed, "test", "matchings");
        const int n = (int)(seed % 6), m = (int)(seed / 6 % 6);
        for (int i = 0; i < n + m; i++) {
            const bool ties = seed % 2;
            const uint64_t at = (uint64_t)i;
            pairs[i] = (ll_persistence_pair){.elder = -1};
            pairs[i].birth_value = ties ? (double)ll_rng_below(rng, 2 * at, 4) : ll_rng_normal(rng, 2 * at);
            const double length =
                ties ? (double)ll_rng_below(rng, 2 * at + 1, 4) : fabs(ll_rng_normal(rng, 2 * at + 1));
            pairs[i].death_value = pairs[i].birth_value + (seed % 3 ? length : -length); /* superlevel too */
        }
        const ll_diagram_view a = view_of(pairs, n), b = view_of(pairs + n, m);
        CHECK_NEAR(bottleneck(a, b), enumerate(pairs, n, pairs + n, m, 0, 0, 0), 0);
        CHECK_NEAR(wasserstein(a, b, 2), sqrt(enumerate(pairs, n, pairs + n, m, 0, 0, 2)), 1e-12);
        CHECK_NEAR(wasserstein(a, b, 1), enumerate(pairs, n, pairs + n, m, 0, 0, 1), 1e-12);
    }
}

static void essential_pairs_by_birth(void **unused)
{
    (void)unused;
    ll_persistence_pair pairs[] = {{.birth_value = 3, .death_value = 9, .essential = true},
                                   {.birth_value = 0, .death_value = 7, .essential = true},
                                   {.birth_value = 0.5, .death_value = 70, .essential = true},
                                   {.birth_value = 5, .death_value = 8, .essential = true},
                                   {.birth_value = 5, .death_value = 8, .dimension = 1}};
    CHECK_NEAR(bottleneck(view_of(pairs, 2), view_of(pairs + 2, 3)), 2, 0);
    CHECK_NEAR(wasserstein(view_of(pairs, 2), view_of(pairs + 2, 3), 2), sqrt(4.25), 1e-15);
    assert_true(isinf(bottleneck(view_of(pairs, 2), view_of(pairs + 2, 1))));
    assert_true(isinf(wasserstein(view_of(pairs, 2), view_of(pairs + 2, 1), 2)));
}

/* Noisy diagrams of 6000 points with the stated error, against the exact answer. */
static void stated_errors_hold(void **unused)
{
    (void)unused;
    enum { N = 2500 };
    ll_persistence_pair *pairs = calloc(2 * N, sizeof *pairs);
    const ll_rng rng = ll_rng_make(5, "test", "noise");
    for (int i = 0; i < 2 * N; i++) {
        const uint64_t at = (uint64_t)i;
        pairs[i].birth_value = ll_rng_normal(rng, 2 * at);
        pairs[i].death_value =
            pairs[i].birth_value + (i % 10 ? 0.003 : 1) * fabs(ll_rng_normal(rng, 2 * at + 1));
    }
    const ll_diagram_view a = view_of(pairs, N), b = view_of(pairs + N, N);
    ll_distance_options options = ll_distance_options_default();
    ll_distance rough, exact;
    options.exact_points = 100, options.relative_error = 0.05;
    CHECK_OK(ll_distance_wasserstein(a, b, &options, &rough, error));
    options.relative_error = 0;
    CHECK_OK(ll_distance_wasserstein(a, b, &options, &exact, error));
    assert_true(exact.relative_error == 0 && rough.relative_error > 0 && rough.relative_error <= 0.05);
    assert_true(fabs(rough.value - exact.value) <= rough.relative_error * exact.value * (1 + 1e-12));
    assert_true(bottleneck(a, b) <= exact.value);
    options.memory_limit = 1000;
    ll_error problem;
    assert_int_equal(ll_distance_wasserstein(a, b, &options, &rough, &problem), LL_TOO_LARGE);
    free(pairs);
}

/* ------------------------------------------------------------------ trees */

static void make_tree(const double *values, int64_t n, ll_merge_tree *tree)
{
    const ll_grid_field field = {.type = LL_ARRAY_FLOAT64, .rank = 1, .shape = {n}, .values = values};
    CHECK_OK(ll_merge_tree_of_grid(&field, NULL, tree, error));
}

/* A child of a child: 0 ^10 4 ^6 5 (the pair (5, 6) hangs on (4, 10)) against the same two side by side,
 * 4 ^10 0 ^6 5. With the saddles 6 and 10 kept apart the nested child must be removed and a plain one made;
 * merged (epsilon1 = 1) the trees are the same diagram. */
static void trees_by_hand(void **unused)
{
    (void)unused;
    const double nested[] = {0, 10, 4, 6, 5, 12}, flat[] = {4, 10, 0, 6, 5, 12};
    ll_merge_tree a, b;
    make_tree(nested, 6, &a), make_tree(flat, 6, &b);
    ll_distance_options options = ll_distance_options_default();
    ll_distance distance;
    CHECK_OK(ll_distance_of_trees(&a, &b, &options, &distance, error));
    CHECK_NEAR(distance.value, 1, 1e-15); /* (5, 6) removed and made: 1/2 + 1/2 */
    options.tree_epsilon1 = 1;
    CHECK_OK(ll_distance_of_trees(&a, &b, &options, &distance, error));
    CHECK_NEAR(distance.value, 0, 0);
    CHECK_OK(ll_distance_of_trees(&a, &a, NULL, &distance, error));
    CHECK_NEAR(distance.value, 0, 0);
    ll_merge_tree_deinit(&a), ll_merge_tree_deinit(&b);
}

/* Least squared L2 cost of all matchings of finite pairs. */
static double enumerate_l2(const ll_merge_tree *a, const ll_merge_tree *b, int64_t i, unsigned used)
{
    if (i == a->minima) {
        double rest = 0;
        for (int64_t j = 0; j < b->minima; j++)
            if (!b->pairs[j].essential && !(used >> j & 1))
                rest += pow(ll_pair_persistence(&b->pairs[j]), 2) / 2;
        return rest;
    }
    const ll_persistence_pair *p = &a->pairs[i];
    if (p->essential) return enumerate_l2(a, b, i + 1, used);
    double best = enumerate_l2(a, b, i + 1, used) + pow(ll_pair_persistence(p), 2) / 2;
    for (int64_t j = 0; j < b->minima; j++) {
        const ll_persistence_pair *q = &b->pairs[j];
        if (q->essential || used >> j & 1) continue;
        const double cost = pow(p->birth_value - q->birth_value, 2) + pow(p->death_value - q->death_value, 2);
        best = fmin(best, cost + enumerate_l2(a, b, i + 1, used | 1U << j));
    }
    return best;
}

static void trees_and_matrices(void **unused)
{
    (void)unused;
    enum { TREES = 7, N = 14 };
    static double values[TREES][N];
    ll_merge_tree trees[TREES];
    const ll_merge_tree *list[TREES];
    double matrix[2][TREES * TREES];
    ll_team *team;
    CHECK_OK(ll_team_create(3, &team, error));
    for (uint64_t seed = 0; seed < 20; seed++) {
        for (int t = 0; t < TREES; t++) {
            ll_rng_fill_normal(ll_rng_make(seed * 100 + (uint64_t)t, "test", "trees"), 0, N, values[t]);
            make_tree(values[t], N, &trees[t]);
            list[t] = &trees[t];
        }
        ll_distance_options options = ll_distance_options_default();
        for (int a = 0; a < TREES; a++)
            for (int b = 0; b < TREES; b++) {
                double root = 0, before = 0;
                for (int64_t i = 0; i < trees[a].minima; i++)
                    for (int64_t j = 0; j < trees[b].minima; j++)
                        if (trees[a].pairs[i].essential && trees[b].pairs[j].essential)
                            root = pow(trees[a].pairs[i].birth_value - trees[b].pairs[j].birth_value, 2) +
                                   pow(trees[a].pairs[i].death_value - trees[b].pairs[j].death_value, 2);
                ll_distance distance;
                options.tree_epsilon1 = 1; /* every matching is allowed: the least of all */
                CHECK_OK(ll_distance_of_trees(list[a], list[b], &options, &distance, error));
                CHECK_NEAR(distance.value, sqrt(root + enumerate_l2(list[a], list[b], 0, 0)), 1e-12);
                before = distance.value;
                options.tree_epsilon1 = 0; /* fewest allowed */
                CHECK_OK(ll_distance_of_trees(list[a], list[b], &options, &distance, error));
                assert_true(distance.value >= before - 1e-12);
            }
        for (int kind = 0; kind < LL_DISTANCE_KINDS; kind++) {
            for (int run = 0; run < 2; run++)
                CHECK_OK(ll_distance_matrix((ll_distance_kind)kind, list, TREES, NULL, run ? team : NULL,
                                            matrix[run], NULL, error));
            assert_memory_equal(matrix[0], matrix[1], sizeof matrix[0]);
            double sum = 0;
            for (int i = 0; i < TREES; i++)
                for (int j = 0; j < TREES; j++) {
                    const double *d = matrix[0];
                    CHECK_NEAR(d[i * TREES + j], d[j * TREES + i], 0);
                    if (i == j) CHECK_NEAR(d[i * TREES + i], 0, 0);
                    else sum += d[i * TREES + j];
                    for (int k = 0; k < TREES && kind != LL_DISTANCE_TREE; k++) /* triangle inequality */
                        assert_true(d[i * TREES + j] <= d[i * TREES + k] + d[k * TREES + j] + 1e-12);
                }
            CHECK_NEAR(ll_distance_spread(matrix[0], TREES), sum / (TREES * (TREES - 1)), 1e-13);
        }
        for (int t = 0; t < TREES; t++) ll_merge_tree_deinit(&trees[t]);
    }
    ll_team_destroy(team);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(like_other_tools),
        cmocka_unit_test(like_all_matchings),
        cmocka_unit_test(essential_pairs_by_birth),
        cmocka_unit_test(stated_errors_hold),
        cmocka_unit_test(trees_by_hand),
        cmocka_unit_test(trees_and_matrices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
