/* Answers from elsewhere: the reference cases and TTK's output for real loss landscapes (both outside the
 * repository; skipped without LOSSLENS_SHARED), and the borders of what a field can be. */
#include "support_fields.h"

#include <ctype.h>
#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ALL (LL_TOPOLOGY_TREE | LL_TOPOLOGY_SIZES | LL_TOPOLOGY_BASINS | LL_TOPOLOGY_ARCS)

static char *read_all(const char *path, size_t *bytes)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) fail_msg("cannot open %s", path);
    fseek(file, 0, SEEK_END);
    long end = ftell(file);
    rewind(file);
    char *text = malloc((size_t)end + 1);
    assert_int_equal(fread(text, 1, (size_t)end, file), (size_t)end);
    text[end] = 0;
    fclose(file);
    if (bytes != NULL) *bytes = (size_t)end;
    return text;
}

/* Numbers of the (nested) array behind "key": in a JSON text; null is NaN. NULL where the key is absent. */
static double *numbers_of(const char *text, const char *key, int64_t *count)
{
    char quoted[100];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = strstr(text, quoted);
    if (at == NULL) return NULL;
    at += strlen(quoted);
    double *numbers = malloc((strlen(at) / 2 + 1) * sizeof *numbers);
    *count = 0;
    int depth = 0;
    do {
        while (isspace((unsigned char)*at) || *at == ',') at++;
        if (*at == '[') {
            depth++;
            at++;
        } else if (*at == ']') {
            depth--;
            at++;
        } else if (strncmp(at, "null", 4) == 0) {
            numbers[(*count)++] = (double)NAN;
            at += 4;
        } else {
            char *end;
            numbers[(*count)++] = strtod(at, &end);
            if (end == at) fail_msg("not a number behind %s: %.20s", key, at);
            at = end;
        }
    } while (depth > 0);
    return numbers;
}

static double number_of(const char *text, const char *key)
{
    int64_t count;
    double *numbers = numbers_of(text, key, &count);
    if (numbers == NULL || count != 1) fail_msg("no number %s", key);
    double value = numbers[0];
    free(numbers);
    return value;
}

static int by_rows(const void *left, const void *right) { return memcmp(left, right, 3 * sizeof(int64_t)); }

/* Rows of three integers as sets. */
static bool same_rows(int64_t *a, int64_t *b, int64_t count)
{
    qsort(a, (size_t)count, 3 * sizeof *a, by_rows);
    qsort(b, (size_t)count, 3 * sizeof *b, by_rows);
    return count == 0 || memcmp(a, b, (size_t)count * 3 * sizeof *a) == 0;
}

static void compare_with_case(const char *text, const ll_merge_tree *tree, const char *what)
{
    int64_t count;
    if (number_of(text, "n_minima") != (double)tree->minima ||
        number_of(text, "n_saddles") != (double)tree->saddles ||
        number_of(text, "n_components") != (double)tree->components ||
        number_of(text, "n_valid") != (double)(tree->vertices - tree->excluded)) {
        fail_msg("%s: counts differ", what);
    }
    double *pairs = numbers_of(text, "pairs", &count);
    if (count != 2 * tree->minima) fail_msg("%s: %lld numbers in pairs", what, (long long)count);
    int64_t *want = calloc((size_t)(3 * tree->minima + 1), 8),
            *got = calloc((size_t)(3 * tree->minima + 1), 8);
    for (int64_t i = 0; i < tree->minima; i++) {
        want[3 * i] = (int64_t)pairs[2 * i];
        want[3 * i + 1] = (int64_t)pairs[2 * i + 1];
        got[3 * i] = tree->pairs[i].birth;
        got[3 * i + 1] = tree->pairs[i].essential ? -1 : tree->pairs[i].death;
    }
    if (!same_rows(want, got, tree->minima)) fail_msg("%s: pairs differ", what);
    free(pairs);
    free(want);
    free(got);
    double *arcs = numbers_of(text, "tree_arcs_child_parent_size", &count);
    if (count != 3 * tree->node_count) fail_msg("%s: %lld arcs", what, (long long)tree->node_count);
    want = calloc((size_t)(3 * tree->node_count + 1), 8);
    got = calloc((size_t)(3 * tree->node_count + 1), 8);
    for (int64_t i = 0; i < tree->node_count; i++) {
        const ll_tree_node *node = &tree->nodes[i];
        for (int k = 0; k < 3; k++) want[3 * i + k] = (int64_t)arcs[3 * i + k];
        got[3 * i] = node->vertex;
        got[3 * i + 1] = node->parent < 0 ? -1 : tree->nodes[node->parent].vertex;
        got[3 * i + 2] = node->size;
    }
    if (!same_rows(want, got, tree->node_count)) fail_msg("%s: arcs differ", what);
    free(arcs);
    free(want);
    free(got);
}

static void check_case(const char *path, const char *name, int *checked)
{
    static const struct {
        const char *key;
        ll_connectivity connectivity;
    } grids[] = {{"axis", LL_CONNECTIVITY_AXIS},
                 {"freud", LL_CONNECTIVITY_FREUDENTHAL_PLUS},
                 {"freud_ttk", LL_CONNECTIVITY_FREUDENTHAL},
                 {"box", LL_CONNECTIVITY_BOX}};
    char *text = read_all(path, NULL), what[300];
    int64_t count, rank = 0, edges = 0;
    double *values = numbers_of(text, "values", &count);
    const char *expected = strstr(text, "\"expected\":");
    double *shape = numbers_of(text, "shape", &rank);
    ll_topology_options options = ll_topology_options_default();
    options.outputs = ALL;
    ll_error error;
    for (size_t k = 0; shape != NULL && k < sizeof grids / sizeof *grids; k++) {
        char key[40];
        snprintf(key, sizeof key, "\"%s\":", grids[k].key);
        const char *answer = strstr(expected, key);
        if (answer == NULL) continue;
        ll_grid_field field = {.type = LL_ARRAY_FLOAT64, .rank = (int)rank, .values = values};
        for (int axis = 0; axis < rank; axis++) field.shape[axis] = (int64_t)shape[axis];
        float *narrow = malloc((size_t)(count + 1) * sizeof *narrow);
        bool exact = true;
        for (int64_t v = 0; v < count; v++) {
            narrow[v] = (float)values[v];
            exact = exact && (isnan(values[v]) || (double)narrow[v] == values[v]);
        }
        options.connectivity = grids[k].connectivity;
        for (int type = 0; type < (exact ? 2 : 1); type++) {
            if (type == 1) {
                field.type = LL_ARRAY_FLOAT32;
                field.values = narrow;
            }
            ll_merge_tree tree;
            if (ll_merge_tree_of_grid(&field, &options, &tree, &error) != LL_OK)
                fail_msg("%s", error.message);
            snprintf(what, sizeof what, "%s %s float%d", name, grids[k].key, type == 0 ? 64 : 32);
            compare_with_case(answer, &tree, what);
            ll_merge_tree_deinit(&tree);
        }
        free(narrow);
        ++*checked;
    }
    double *ends = shape == NULL ? numbers_of(text, "edges", &edges) : NULL;
    if (ends != NULL || strstr(expected, "\"graph\":") != NULL) {
        int64_t *offsets = calloc((size_t)count + 2, 8);
        int32_t *neighbours = malloc((size_t)(edges + 1) * 4);
        for (int64_t e = 0; e < edges; e++) offsets[(int64_t)ends[e] + 1]++;
        for (int64_t v = 0; v < count; v++) offsets[v + 1] += offsets[v];
        int64_t *next = malloc((size_t)(count + 1) * 8);
        memcpy(next, offsets, (size_t)(count + 1) * 8);
        for (int64_t e = 0; e < edges; e++) neighbours[next[(int64_t)ends[e]]++] = (int32_t)ends[e ^ 1];
        ll_graph_field graph = {.type = LL_ARRAY_FLOAT64,
                                .vertices = count,
                                .values = values,
                                .offsets = offsets,
                                .neighbours = neighbours,
                                .connectivity = LL_CONNECTIVITY_EDGES};
        assert_int_equal(ll_graph_field_check(&graph, NULL), LL_OK);
        ll_merge_tree tree;
        if (ll_merge_tree_of_graph(&graph, &options, &tree, &error) != LL_OK) fail_msg("%s", error.message);
        compare_with_case(strstr(expected, "\"graph\":"), &tree, name);
        ll_merge_tree_deinit(&tree);
        free(offsets);
        free(neighbours);
        free(next);
        ++*checked;
    }
    free(ends);
    free(shape);
    free(values);
    free(text);
}

static void reference_cases(void **unused)
{
    (void)unused;
    const char *shared = getenv("LOSSLENS_SHARED");
    char path[1200];
    int checked = 0;
    if (shared == NULL) {
        print_message("skipped: LOSSLENS_SHARED is not set\n");
        skip();
    }
    snprintf(path, sizeof path, "%s/reference/topology", shared);
    DIR *folder = opendir(path);
    if (folder == NULL) {
        print_message("skipped: no %s\n", path);
        skip();
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        size_t length = strlen(entry->d_name);
        if (length < 6 || strcmp(entry->d_name + length - 5, ".json") != 0) continue;
        snprintf(path, sizeof path, "%s/reference/topology/%s", shared, entry->d_name);
        check_case(path, entry->d_name, &checked);
    }
    closedir(folder);
    print_message("%d cases and connectivities\n", checked);
    assert_true(checked > 80);
}

/* TTK's vertex ids run along x first: vertex x + 40 y is ours y + 40 x. Its join-tree diagram lists the
 * minimum-saddle pairs; rows of one pair follow each other, with the type of the critical point. */
static void loss_grids(void **unused)
{
    (void)unused;
    const char *shared = getenv("LOSSLENS_SHARED");
    char path[1200];
    int grids = 0;
    if (shared == NULL) {
        print_message("skipped: LOSSLENS_SHARED is not set\n");
        skip();
    }
    snprintf(path, sizeof path, "%s/data/lossgrids", shared);
    DIR *folder = opendir(path);
    if (folder == NULL) {
        print_message("skipped: no %s\n", path);
        skip();
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        size_t length = strlen(entry->d_name);
        if (length < 5 || strcmp(entry->d_name + length - 4, ".npy") != 0) continue;
        size_t bytes;
        snprintf(path, sizeof path, "%s/data/lossgrids/%s", shared, entry->d_name);
        char *npy = read_all(path, &bytes);
        bool wide = strstr(npy + 10, "'<f8'") != NULL;
        assert_non_null(strstr(npy + 10, "'fortran_order': False"));
        int64_t side = 40, vertices = side * side;
        size_t header = 10 + (size_t)(unsigned char)npy[8] + 256 * (size_t)(unsigned char)npy[9];
        assert_int_equal(bytes - header, (size_t)vertices * (wide ? 8 : 4));
        void *values = malloc(bytes - header);
        memcpy(values, npy + header, bytes - header);
        ll_grid_field field = {.type = wide ? LL_ARRAY_FLOAT64 : LL_ARRAY_FLOAT32,
                               .rank = 2,
                               .shape = {side, side},
                               .values = values};
        ll_merge_tree tree;
        assert_int_equal(ll_merge_tree_of_grid(&field, NULL, &tree, NULL), LL_OK);
        snprintf(path, sizeof path, "%s/data/lossgrids/%.*s.ttk-diagram.csv", shared, (int)length - 4,
                 entry->d_name);
        char *csv = read_all(path, NULL);
        char *line = strchr(csv, '\n') + 1;
        int64_t finite = 0;
        while (*line != 0) {
            long id[2];
            long type[2];
            for (int end = 0; end < 2; end++) {
                assert_int_equal(sscanf(line, "%ld,%ld", &id[end], &type[end]), 2);
                line = strchr(line, '\n');
                line = line != NULL ? line + 1 : csv + strlen(csv);
            }
            int64_t birth = id[0] % side * side + id[0] / side, death = id[1] % side * side + id[1] / side;
            if (type[0] != 0) continue; /* a pair of another dimension */
            bool found = false, essential = type[1] == 3;
            for (int64_t i = 0; i < tree.minima && !found; i++) {
                found = tree.pairs[i].birth == birth && tree.pairs[i].death == death &&
                        tree.pairs[i].essential == essential;
            }
            if (!found)
                fail_msg("%s: TTK pairs %lld with %lld", entry->d_name, (long long)birth, (long long)death);
            finite++;
        }
        if (finite != tree.minima) {
            fail_msg("%s: %lld minima, TTK has %lld", entry->d_name, (long long)tree.minima,
                     (long long)finite);
        }
        ll_merge_tree_deinit(&tree);
        free(csv);
        free(npy);
        free(values);
        grids++;
    }
    closedir(folder);
    print_message("%d grids\n", grids);
    assert_true(grids >= 15);
}

static void borders(void **unused)
{
    (void)unused;
    ll_topology_options options = ll_topology_options_default();
    options.outputs = ALL;
    ll_merge_tree tree = {.minima = 77};
    ll_error error;
    float values[64];
    for (int c = 0; c < 4; c++) {
        options.connectivity = (ll_connectivity)c;
        /* Empty. */
        ll_grid_field field = {.type = LL_ARRAY_FLOAT32, .rank = 3, .shape = {4, 0, 4}};
        assert_int_equal(ll_merge_tree_of_grid(&field, &options, &tree, &error), LL_OK);
        assert_true(tree.minima == 0 && tree.components == 0 && tree.node_count == 0 && tree.excluded == 0);
        ll_merge_tree_deinit(&tree);
        for (int rank = 1; rank <= 6; rank++) {
            field = (ll_grid_field){
                .type = LL_ARRAY_FLOAT32, .rank = rank, .shape = {2, 2, 2, 2, 2, 2}, .values = values};
            int64_t vertices = INT64_C(1) << rank;
            /* Constant: one minimum, vertex 0; one pair, up to the last vertex. */
            for (int v = 0; v < 64; v++) values[v] = 3;
            assert_int_equal(ll_merge_tree_of_grid(&field, &options, &tree, &error), LL_OK);
            assert_true(tree.minima == 1 && tree.saddles == 0 && tree.components == 1 &&
                        tree.node_count == 2);
            assert_true(tree.pairs[0].birth == 0 && tree.pairs[0].death == vertices - 1 &&
                        tree.pairs[0].essential);
            assert_true(tree.nodes[0].size == vertices - 1 && tree.nodes[1].size == 1);
            ll_merge_tree_deinit(&tree);
            /* Nothing finite. */
            for (int v = 0; v < 64; v++) values[v] = v % 3 == 0 ? NAN : v % 3 == 1 ? INFINITY : -INFINITY;
            assert_int_equal(ll_merge_tree_of_grid(&field, &options, &tree, &error), LL_OK);
            assert_true(tree.minima == 0 && tree.excluded == vertices && tree.node_count == 0);
            for (int64_t v = 0; v < vertices; v++) assert_true(tree.basins[v] == -1 && tree.arcs[v] == -1);
            ll_merge_tree_deinit(&tree);
            /* One vertex is minimum and root at once. */
            values[vertices - 1] = 5;
            assert_int_equal(ll_merge_tree_of_grid(&field, &options, &tree, &error), LL_OK);
            assert_true(tree.minima == 1 && tree.node_count == 1 && tree.nodes[0].parent == -1 &&
                        tree.nodes[0].size == 1);
            ll_merge_tree_deinit(&tree);
        }
    }
    /* Refused, with the outputs as they were. */
    tree.minima = 77;
    ll_grid_field field = {.type = LL_ARRAY_FLOAT32, .rank = 2, .shape = {8, 8}, .values = values};
    options.connectivity = LL_CONNECTIVITY_EDGES;
    assert_int_equal(ll_merge_tree_of_grid(&field, &options, &tree, &error), LL_INVALID_ARGUMENT);
    options.connectivity = LL_CONNECTIVITY_BOX;
    field.rank = 7;
    assert_int_equal(ll_merge_tree_of_grid(&field, &options, &tree, &error), LL_SHAPE);
    field.rank = 2;
    field.type = LL_ARRAY_INT32;
    assert_int_equal(ll_merge_tree_of_grid(&field, &options, &tree, &error), LL_INVALID_ARGUMENT);
    field.type = LL_ARRAY_FLOAT32;
    field.shape[0] = INT64_C(1) << 40;
    assert_int_equal(ll_merge_tree_of_grid(&field, &options, &tree, &error), LL_TOO_LARGE);
    field.shape[0] = -1;
    assert_int_equal(ll_merge_tree_of_grid(&field, &options, &tree, &error), LL_SHAPE);
    field.shape[0] = 8;
    options.outputs = 1024;
    assert_int_equal(ll_merge_tree_of_grid(&field, &options, &tree, &error), LL_INVALID_ARGUMENT);
    options.outputs = 0;
    options.memory_limit = 1000;
    assert_int_equal(ll_merge_tree_of_grid(&field, &options, &tree, &error), LL_TOO_LARGE);
    assert_non_null(strstr(error.message, "the limit is 1000"));
    /* 201^3 float32 is promised to fit in 1 GiB; nothing is allocated to say so, hence no values are needed. */
    field = (ll_grid_field){.type = LL_ARRAY_FLOAT32, .rank = 3, .shape = {201, 201, 201}, .values = values};
    options = ll_topology_options_default();
    size_t need;
    assert_int_equal(ll_merge_tree_memory_of_grid(&field, &options, &need, &error), LL_OK);
    assert_true(need < (size_t)1 << 30);
    assert_int_equal(tree.minima, 77);
}

/* The prediction is an upper bound, for benign and for hostile fields; one thread and three agree. */
static void memory_and_threads(void **unused)
{
    (void)unused;
    static const int64_t sides[5] = {0, 40000, 211, 37, 15};
    ll_team *team;
    assert_int_equal(ll_team_create(3, &team, NULL), LL_OK);
    for (int trial = 0; trial < 24; trial++) {
        ll_rng rng = ll_rng_make((uint64_t)trial, "topology test", "threads");
        int rank = 1 + trial % 4;
        ll_grid_field field = {.type = LL_ARRAY_FLOAT32, .rank = rank};
        int64_t vertices = 1;
        for (int axis = 0; axis < rank; axis++) vertices *= field.shape[axis] = sides[rank];
        float *values = malloc((size_t)vertices * sizeof *values);
        for (int64_t v = 0; v < vertices; v++) {
            int64_t parity = 0;
            for (int64_t rest = v, axis = 0; axis < rank; axis++, rest /= sides[rank])
                parity += rest % sides[rank];
            if (trial % 3 == 0) values[v] = (float)ll_rng_uniform(rng, (uint64_t)v);
            else if (trial % 3 == 1)
                values[v] = (float)(parity % 2) + (float)ll_rng_below(rng, (uint64_t)v, 3) * 0.1F;
            else values[v] = (float)sin(0.02 * (double)(parity * parity % 997)) + (v % 50 == 0 ? NAN : 0);
        }
        field.values = values;
        ll_topology_options options = ll_topology_options_default();
        options.connectivity = (ll_connectivity)(trial / 6);
        options.outputs = ALL;
        ll_merge_tree alone, together;
        size_t need;
        assert_int_equal(ll_merge_tree_memory_of_grid(&field, &options, &need, NULL), LL_OK);
        options.memory_limit = need;
        assert_int_equal(ll_merge_tree_of_grid(&field, &options, &alone, NULL), LL_OK);
        if (alone.peak_bytes > need) {
            fail_msg("trial %d: %zu bytes, predicted at most %zu", trial, alone.peak_bytes, need);
        }
        int64_t sizes = 0;
        for (int64_t node = 0; node < alone.node_count; node++) sizes += alone.nodes[node].size;
        assert_int_equal(sizes, vertices - alone.excluded);
        options.team = team;
        assert_int_equal(ll_merge_tree_of_grid(&field, &options, &together, NULL), LL_OK);
        same_trees(&alone, &together, "one thread and three");
        ll_merge_tree_deinit(&alone);
        ll_merge_tree_deinit(&together);
        free(values);
    }
    ll_team_destroy(team);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_cases),
        cmocka_unit_test(loss_grids),
        cmocka_unit_test(borders),
        cmocka_unit_test(memory_and_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
