/* Components, loops and voids of small fields as GUDHI finds them (tests/generate/topology_gudhi.py), and
 * loops and voids under what must not, or must predictably, change them. */
#include "support_fields.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct bar {
    int dimension;
    double birth, death;
} bar;

static int by_bar(const void *left, const void *right)
{
    const bar *a = left, *b = right;
    if (a->dimension != b->dimension) return a->dimension - b->dimension;
    if (a->birth != b->birth) return a->birth < b->birth ? -1 : 1;
    return a->death < b->death ? -1 : a->death > b->death;
}

/* Bars of positive length, in order; superlevel values negated. */
static bar *bars_of(const ll_grid_field *field, ll_connectivity connectivity, bool superlevel, int64_t *count)
{
    ll_topology_options options = ll_topology_options_default();
    options.connectivity = connectivity;
    options.superlevel = superlevel;
    ll_merge_tree tree;
    ll_persistence_diagram diagram = {0};
    ll_error error;
    if (ll_merge_tree_of_grid(field, &options, &tree, &error) != LL_OK) fail_msg("%s", error.message);
    if ((field->rank == 2 || field->rank == 3) &&
        ll_persistence_of_grid(field, &options, &diagram, &error) != LL_OK) {
        fail_msg("%s", error.message);
    }
    bar *bars = malloc((size_t)(tree.minima + diagram.count + 1) * sizeof *bars);
    double sign = superlevel ? -1 : 1;
    *count = 0;
    for (int64_t i = 0; i < tree.minima + diagram.count; i++) {
        const ll_persistence_pair *pair = i < tree.minima ? &tree.pairs[i] : &diagram.pairs[i - tree.minima];
        double death = pair->essential ? (double)INFINITY : sign * pair->death_value;
        if (death > sign * pair->birth_value)
            bars[(*count)++] = (bar){pair->dimension, sign * pair->birth_value, death};
    }
    qsort(bars, (size_t)*count, sizeof *bars, by_bar);
    ll_merge_tree_deinit(&tree);
    ll_persistence_diagram_deinit(&diagram);
    return bars;
}

static void as_gudhi_says(void **unused)
{
    (void)unused;
    char path[1000];
    const char *source = getenv("LOSSLENS_SOURCE");
    snprintf(path, sizeof path, "%s/tests/topology/data/gudhi_pairs.txt", source != NULL ? source : "../..");
    FILE *file = fopen(path, "r");
    if (file == NULL) fail_msg("cannot open %s", path);
    char word[100];
    assert_non_null(fgets(path, sizeof path, file));
    ll_grid_field field = {.type = LL_ARRAY_FLOAT64};
    double *values = NULL;
    int fields = 0, checked = 0, higher = 0;
    while (fscanf(file, "%99s", word) == 1) {
        if (strcmp(word, "field") == 0) {
            int64_t vertices = 1;
            assert_int_equal(fscanf(file, "%d", &field.rank), 1);
            for (int axis = 0; axis < field.rank; axis++) {
                long long extent;
                assert_int_equal(fscanf(file, "%lld", &extent), 1);
                field.shape[axis] = extent;
                vertices *= extent;
            }
            free(values);
            values = malloc((size_t)vertices * sizeof *values);
            assert_int_equal(fscanf(file, " values"), 0);
            for (int64_t v = 0; v < vertices; v++) assert_int_equal(fscanf(file, "%lf", &values[v]), 1);
            field.values = values;
            fields++;
            continue;
        }
        assert_string_equal(word, "pairs");
        long long wanted;
        assert_int_equal(fscanf(file, "%99s %lld", word, &wanted), 2);
        ll_connectivity connectivity;
        assert_true(ll_connectivity_parse(word, &connectivity));
        int64_t count;
        bar *bars = bars_of(&field, connectivity, false, &count);
        if (count != wanted)
            fail_msg("field %d, %s: %lld pairs, GUDHI has %lld", fields, word, (long long)count, wanted);
        for (int64_t i = 0; i < count; i++) {
            bar want;
            assert_int_equal(fscanf(file, "%d %lf %lf", &want.dimension, &want.birth, &want.death), 3);
            if (by_bar(&bars[i], &want) != 0) {
                fail_msg("field %d, %s, pair %lld: H%d [%g, %g), GUDHI has H%d [%g, %g)", fields, word,
                         (long long)i, bars[i].dimension, bars[i].birth, bars[i].death, want.dimension,
                         want.birth, want.death);
            }
            higher += want.dimension > 0;
        }
        free(bars);
        checked++;
    }
    free(values);
    fclose(file);
    assert_true(fields >= 20 && checked == 4 * fields && higher > 200);
}

/* Loops and voids of -f by superlevel sets; of f in float32; translated; with axes exchanged. */
static void invariants(void **unused)
{
    (void)unused;
    for (uint64_t seed = 0; seed < 150; seed++) {
        ll_rng rng = ll_rng_make(seed, "topology test", "values");
        ll_rng shapes = ll_rng_make(seed, "topology test", "shape");
        int rank = 2 + (int)(seed % 2);
        int64_t most = rank == 2 ? 12 : 6, vertices = 1;
        ll_grid_field field = {.type = LL_ARRAY_FLOAT64, .rank = rank};
        for (int axis = 0; axis < rank; axis++) {
            field.shape[axis] = 1 + (int64_t)ll_rng_below(shapes, (uint64_t)axis, (uint64_t)most);
            vertices *= field.shape[axis];
        }
        double *values = malloc((size_t)vertices * sizeof *values),
               *other = malloc((size_t)vertices * sizeof *other);
        float *narrow = malloc((size_t)vertices * sizeof *narrow);
        for (int64_t v = 0; v < vertices; v++) {
            values[v] = (double)ll_rng_below(rng, (uint64_t)v, seed % 3 == 0 ? 5 : 50);
            if (seed % 5 == 0 && ll_rng_below(rng, (uint64_t)(v + vertices), 7) == 0) values[v] = NAN;
            narrow[v] = (float)values[v];
        }
        field.values = values;
        for (int c = 0; c < 4; c++) {
            ll_connectivity connectivity = (ll_connectivity)c;
            int64_t count, again;
            bar *bars = bars_of(&field, connectivity, false, &count);
            ll_grid_field changed = field;
            for (int change = 0; change < 3; change++) {
                changed = field;
                for (int64_t v = 0; v < vertices; v++) other[v] = change == 0 ? -values[v] : values[v];
                changed.values = other;
                if (change == 1) {
                    changed.type = LL_ARRAY_FLOAT32;
                    changed.values = narrow;
                }
                if (change == 2) {
                    /* Exchange the first and the last axis, under which all but the triangulation with one
                     * mirrored axis are symmetric. */
                    if (connectivity == LL_CONNECTIVITY_FREUDENTHAL) continue;
                    int64_t middle = rank == 3 ? field.shape[1] : 1, a = field.shape[0],
                            b = field.shape[rank - 1];
                    changed.shape[0] = b;
                    changed.shape[rank - 1] = a;
                    for (int64_t i = 0; i < a; i++) {
                        for (int64_t j = 0; j < middle; j++) {
                            for (int64_t k = 0; k < b; k++) {
                                other[(k * middle + j) * a + i] = values[(i * middle + j) * b + k];
                            }
                        }
                    }
                }
                bar *bars_again = bars_of(&changed, connectivity, change == 0, &again);
                bool same = count == again;
                for (int64_t i = 0; i < count && same; i++) same = by_bar(&bars[i], &bars_again[i]) == 0;
                if (!same)
                    fail_msg("seed %llu, %s, change %d", (unsigned long long)seed,
                             ll_connectivity_name(connectivity), change);
                free(bars_again);
            }
            free(bars);
        }
        free(values);
        free(other);
        free(narrow);
    }
}

/* A field made of nothing but one ring, and one hollow ball. */
static void known_shapes(void **unused)
{
    (void)unused;
    float ring[25], ball[125];
    for (int v = 0; v < 25; v++) {
        int r = abs(v / 5 - 2) > abs(v % 5 - 2) ? abs(v / 5 - 2) : abs(v % 5 - 2);
        ring[v] = r == 1 ? 1.0F : r == 0 ? 3.0F : 5.0F;
    }
    for (int v = 0; v < 125; v++) {
        int r = 0;
        for (int rest = v, axis = 0; axis < 3; axis++, rest /= 5)
            r = abs(rest % 5 - 2) > r ? abs(rest % 5 - 2) : r;
        ball[v] = r == 1 ? 1.0F : r == 0 ? 3.0F : 5.0F;
    }
    for (int c = 0; c < 4; c++) {
        ll_topology_options options = ll_topology_options_default();
        options.connectivity = (ll_connectivity)c;
        ll_grid_field field = {.type = LL_ARRAY_FLOAT32, .rank = 2, .shape = {5, 5}, .values = ring};
        ll_persistence_diagram diagram;
        assert_int_equal(ll_persistence_of_grid(&field, &options, &diagram, NULL), LL_OK);
        int64_t lasting = 0;
        for (int64_t i = 0; i < diagram.count; i++) {
            if (ll_pair_persistence(&diagram.pairs[i]) == 0) continue;
            lasting++;
            assert_true(diagram.pairs[i].birth_value == 1 && diagram.pairs[i].death == 12);
        }
        assert_int_equal(lasting, 1);
        ll_persistence_diagram_deinit(&diagram);
        field = (ll_grid_field){.type = LL_ARRAY_FLOAT32, .rank = 3, .shape = {5, 5, 5}, .values = ball};
        assert_int_equal(ll_persistence_of_grid(&field, &options, &diagram, NULL), LL_OK);
        lasting = 0;
        for (int64_t i = 0; i < diagram.count; i++) {
            if (ll_pair_persistence(&diagram.pairs[i]) == 0) continue;
            lasting++;
            assert_true(diagram.pairs[i].dimension == 2 && diagram.pairs[i].birth_value == 1 &&
                        diagram.pairs[i].death == 62);
        }
        assert_int_equal(lasting, 1);
        ll_persistence_diagram_deinit(&diagram);
    }
    ll_grid_field field = {.type = LL_ARRAY_FLOAT32, .rank = 1, .shape = {5}, .values = ring};
    ll_persistence_diagram diagram;
    assert_int_equal(ll_persistence_of_grid(&field, NULL, &diagram, NULL), LL_UNSUPPORTED);
    field = (ll_grid_field){.type = LL_ARRAY_FLOAT32, .rank = 2, .shape = {0, 5}};
    assert_int_equal(ll_persistence_of_grid(&field, NULL, &diagram, NULL), LL_OK);
    assert_int_equal(diagram.count, 0);
    field = (ll_grid_field){.type = LL_ARRAY_FLOAT32, .rank = 2, .shape = {5, 5}, .values = ring};
    ll_topology_options options = ll_topology_options_default();
    options.memory_limit = 100;
    ll_error error;
    assert_int_equal(ll_persistence_of_grid(&field, &options, &diagram, &error), LL_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_gudhi_says),
        cmocka_unit_test(invariants),
        cmocka_unit_test(known_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
