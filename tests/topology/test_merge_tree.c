/* The merge tree against a flood fill, the plain sweep, other CPU levels, other types, other threads. */
#include "support_fields.h"
#include "topology/internal.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ALL (LL_TOPOLOGY_TREE | LL_TOPOLOGY_SIZES | LL_TOPOLOGY_BASINS | LL_TOPOLOGY_ARCS)

static const ll_connectivity grid_connectivities[] = {
    LL_CONNECTIVITY_FREUDENTHAL, LL_CONNECTIVITY_FREUDENTHAL_PLUS, LL_CONNECTIVITY_AXIS, LL_CONNECTIVITY_BOX};

static uint64_t state;
static uint64_t next_random(uint64_t bound)
{
    state += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t z = state;
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (z ^ (z >> 31)) % bound;
}

/* A field in both types. Many ties; sometimes holes of NaN and both infinities, and both zeros. */
typedef struct both {
    ll_grid_field narrow, wide;
    float *floats;
    double *doubles;
    int64_t count;
} both;

static both make_field(int rank, int64_t most)
{
    both made = {0};
    made.count = 1;
    made.narrow.rank = rank;
    for (int axis = 0; axis < rank; axis++) {
        made.narrow.shape[axis] = 1 + (int64_t)next_random((uint64_t)most);
        made.count *= made.narrow.shape[axis];
    }
    made.floats = malloc((size_t)made.count * sizeof(float));
    made.doubles = malloc((size_t)made.count * sizeof(double));
    uint64_t levels = next_random(4) == 0 ? 1000000 : 2 + next_random(9);
    uint64_t holes = next_random(3) == 0 ? 2 + next_random(8) : 0;
    int smooth = next_random(4) == 0;
    for (int64_t v = 0; v < made.count; v++) {
        double value = (double)next_random(levels) - (double)(levels / 2);
        if (smooth) value = (double)((v * 7) % 5 + (int64_t)next_random(2));
        if (value == 0 && next_random(2)) value = -0.0;
        if (holes && next_random(holes) == 0) {
            uint64_t kind = next_random(3);
            value = kind == 0 ? NAN : kind == 1 ? INFINITY : -INFINITY;
        }
        made.floats[v] = (float)value;
        made.doubles[v] = value;
    }
    made.wide = made.narrow;
    made.narrow.type = LL_ARRAY_FLOAT32;
    made.narrow.values = made.floats;
    made.wide.type = LL_ARRAY_FLOAT64;
    made.wide.values = made.doubles;
    return made;
}

static void free_field(both *field)
{
    free(field->floats);
    free(field->doubles);
}

static ll_merge_tree tree_of(const ll_grid_field *field, const ll_topology_options *options)
{
    ll_merge_tree tree;
    ll_error error;
    if (ll_merge_tree_of_grid(field, options, &tree, &error) != LL_OK) fail_msg("%s", error.message);
    return tree;
}

static ll_merge_tree sweep_of(const ll_grid_field *field, const ll_topology_options *options)
{
    ll_merge_tree tree;
    ll_error error;
    ll_topology_workspace *workspace;
    assert_int_equal(ll_topology_workspace_create(&workspace, NULL), LL_OK);
    if (topology_sweep_grid(field, options, workspace, &tree, &error) != LL_OK) fail_msg("%s", error.message);
    ll_topology_workspace_destroy(workspace);
    return tree;
}

static void describe(char *text, size_t room, uint64_t seed, const ll_grid_field *field,
                     const ll_topology_options *options, const char *which)
{
    int used =
        snprintf(text, room, "%s: seed %llu, %s%s, shape", which, (unsigned long long)seed,
                 ll_connectivity_name(options->connectivity), options->superlevel ? " superlevel" : "");
    for (int axis = 0; axis < field->rank; axis++) {
        used += snprintf(text + used, room - (size_t)used, " %lld", (long long)field->shape[axis]);
    }
}

static void against_flood_fill(void **unused)
{
    (void)unused;
    static const int64_t most[7] = {0, 60, 9, 5, 3, 3, 2};
    char what[200];
    for (uint64_t seed = 0; seed < 2500; seed++) {
        state = seed;
        int rank = 1 + (int)(seed % 6);
        both field = make_field(rank, most[rank]);
        ll_topology_options options = ll_topology_options_default();
        options.connectivity = grid_connectivities[next_random(4)];
        options.superlevel = next_random(2) == 0;
        options.outputs = ALL;
        twin_domain domain;
        twin_domain_of_grid(&domain, &field.wide, options.connectivity, options.superlevel, field.doubles);
        ll_merge_tree sweep = sweep_of(&field.wide, &options);
        describe(what, sizeof what, seed, &field.wide, &options, "sweep");
        twin_check_tree(&domain, &sweep, what);
        ll_merge_tree fast = tree_of(&field.narrow, &options);
        describe(what, sizeof what, seed, &field.wide, &options, "fast path");
        twin_check_tree(&domain, &fast, what);
        same_trees(&fast, &sweep, what);
        ll_merge_tree_deinit(&sweep);
        ll_merge_tree_deinit(&fast);
        twin_domain_deinit(&domain);
        free_field(&field);
    }
}

/* Larger fields: every CPU level, both types, one reused workspace, all against the sweep. */
static void every_level_agrees(void **unused)
{
    (void)unused;
    static const int64_t most[5] = {0, 900, 70, 24, 11};
    char what[200];
    ll_topology_workspace *workspace;
    assert_int_equal(ll_topology_workspace_create(&workspace, NULL), LL_OK);
    for (uint64_t seed = 0; seed < 600; seed++) {
        state = seed + 100000;
        int rank = 1 + (int)(seed % 4);
        both field = make_field(rank, most[rank]);
        ll_topology_options options = ll_topology_options_default();
        options.connectivity = grid_connectivities[next_random(4)];
        options.superlevel = next_random(2) == 0;
        options.outputs = ALL;
        ll_merge_tree sweep = sweep_of(&field.wide, &options);
        options.workspace = workspace;
        for (int level = 0; level <= (int)ll_cpu_detect(); level++) {
            for (int wide = 0; wide < 2; wide++) {
                options.cpu_level = (ll_cpu_level)level;
                ll_merge_tree fast = tree_of(wide ? &field.wide : &field.narrow, &options);
                describe(what, sizeof what, seed, &field.wide, &options,
                         ll_cpu_level_name(options.cpu_level));
                same_trees(&fast, &sweep, what);
                ll_merge_tree_deinit(&fast);
            }
        }
        ll_merge_tree_deinit(&sweep);
        free_field(&field);
    }
    ll_topology_workspace_destroy(workspace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(against_flood_fill),
        cmocka_unit_test(every_level_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
