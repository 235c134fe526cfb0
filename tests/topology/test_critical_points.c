/* Critical points: closed-form surfaces, and the alternating sum that any field on a box must give. */
#include "losslens/topology.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int64_t count_kind(const ll_critical_point *points, int64_t count, ll_critical_kind kind)
{
    int64_t found = 0;
    for (int64_t i = 0; i < count; i++) found += points[i].kind == kind;
    return found;
}

/* The extrema and saddles of a sum of cosines are known. */
static void egg_box(void **unused)
{
    (void)unused;
    enum { SIDE = 41 };
    double values[SIDE * SIDE];
    for (int y = 0; y < SIDE; y++) {
        for (int x = 0; x < SIDE; x++) {
            double s = (x - 20) / 10.0 * 3.14159265358979323846, t = (y - 20) / 10.0 * 3.14159265358979323846;
            values[y * SIDE + x] = cos(s) + 1.01 * cos(t) + 1e-3 * s + 1e-3 * t;
        }
    }
    /* Interior extrema at s, t in {-pi, 0, pi}: 4 minima, 1 maximum, 4 saddles off the border. */
    for (int c = 0; c < 4; c++) {
        ll_topology_options options = ll_topology_options_default();
        options.connectivity = (ll_connectivity)c;
        ll_grid_field field = {.type = LL_ARRAY_FLOAT64, .rank = 2, .shape = {SIDE, SIDE}, .values = values};
        ll_critical_point *points;
        int64_t count, interior[LL_CRITICAL_KINDS] = {0};
        assert_int_equal(ll_critical_points_of_grid(&field, &options, &points, &count, NULL), LL_OK);
        for (int64_t i = 0; i < count; i++) {
            int64_t y = points[i].vertex / SIDE, x = points[i].vertex % SIDE;
            if (x > 0 && y > 0 && x < SIDE - 1 && y < SIDE - 1) interior[points[i].kind]++;
            if (points[i].kind == LL_CRITICAL_MAXIMUM && x > 5 && x < 35 && y > 5 && y < 35) {
                assert_true(x == 20 && y == 20);
            }
        }
        assert_int_equal(interior[LL_CRITICAL_MINIMUM], 4);
        assert_int_equal(interior[LL_CRITICAL_MAXIMUM], 1);
        assert_int_equal(interior[LL_CRITICAL_SADDLE_1], 4);
        ll_free(points);
    }
}

/* Below a frame that is higher than all else, the sublevel set ends as a solid block, of Euler characteristic
 * 1: minima - saddles + maxima = 1, and in 3-D minima - 1-saddles + 2-saddles - maxima = 1 (Morse). */
static void alternating_sum(void **unused)
{
    (void)unused;
    for (uint64_t seed = 0; seed < 200; seed++) {
        ll_rng rng = ll_rng_make(seed, "topology test", "critical");
        int rank = 2 + (int)(seed % 2);
        int64_t side = rank == 2 ? 14 : 8, vertices = rank == 2 ? side * side : side * side * side;
        float *values = malloc((size_t)vertices * sizeof *values);
        for (int64_t v = 0; v < vertices; v++) {
            bool border = false;
            for (int64_t rest = v, axis = 0; axis < rank; axis++, rest /= side) {
                border = border || rest % side == 0 || rest % side == side - 1;
            }
            values[v] = border ? 1000.0F : (float)ll_rng_below(rng, (uint64_t)v, seed % 4 == 0 ? 4 : 400);
        }
        ll_grid_field field = {
            .type = LL_ARRAY_FLOAT32, .rank = rank, .shape = {side, side, side}, .values = values};
        for (int c = 0; c < 2; c++) {
            ll_topology_options options = ll_topology_options_default();
            options.connectivity = (ll_connectivity)c;
            ll_critical_point *points;
            ll_merge_tree tree;
            int64_t count, sum = 0;
            assert_int_equal(ll_critical_points_of_grid(&field, &options, &points, &count, NULL), LL_OK);
            assert_int_equal(ll_merge_tree_of_grid(&field, &options, &tree, NULL), LL_OK);
            assert_int_equal(count_kind(points, count, LL_CRITICAL_MINIMUM), tree.minima);
            for (int64_t i = 0; i < count; i++) {
                if (points[i].value == 1000) continue;
                int sign[] = {1, -1, 1, rank == 2 ? 1 : -1, 0};
                if (points[i].kind == LL_CRITICAL_DEGENERATE) sum = INT64_MIN / 2;
                sum += sign[points[i].kind] * points[i].multiplicity;
            }
            /* Degenerate points carry both signs in an unknown split: such a draw says nothing. */
            if (sum > INT64_MIN / 4) assert_int_equal(sum, 1);
            ll_free(points);
            ll_merge_tree_deinit(&tree);
        }
        free(values);
    }
}

static void refused(void **unused)
{
    (void)unused;
    float value = 1;
    ll_grid_field field = {.type = LL_ARRAY_FLOAT32, .rank = 4, .shape = {1, 1, 1, 1}, .values = &value};
    ll_critical_point *points = NULL;
    int64_t count = 7;
    assert_int_equal(ll_critical_points_of_grid(&field, NULL, &points, &count, NULL), LL_UNSUPPORTED);
    assert_true(points == NULL && count == 7);
    field = (ll_grid_field){.type = LL_ARRAY_FLOAT32, .rank = 2, .shape = {0, 3}};
    assert_int_equal(ll_critical_points_of_grid(&field, NULL, &points, &count, NULL), LL_OK);
    assert_int_equal(count, 0);
    ll_free(points);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(egg_box),
        cmocka_unit_test(alternating_sum),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
