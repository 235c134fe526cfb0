/* losslens topology: merge tree, persistence pairs and numbers of any scalar field, and pictures of them. */
#include "field_view.h"
#include "figure_options.h"
#include "json.h"
#include "options.h"

#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- JSON */

static void add_pairs(ll_json *json, const ll_merge_tree *tree)
{
    ll_json_key(json, "pairs");
    ll_json_open(json, '[');
    for (int64_t i = 0; i < tree->minima; i++) {
        ll_json_open(json, '[');
        ll_json_integer(json, tree->pairs[i].birth);
        ll_json_integer(json, tree->pairs[i].death);
        ll_json_boolean(json, tree->pairs[i].essential);
        ll_json_close(json, ']');
    }
    ll_json_close(json, ']');
}

static void add_tree(ll_json *json, const ll_merge_tree *tree)
{
    ll_json_key(json, "tree");
    ll_json_open(json, '[');
    for (int64_t i = 0; i < tree->node_count; i++) {
        const ll_tree_node *node = &tree->nodes[i];
        ll_json_open(json, '[');
        ll_json_integer(json, node->vertex);
        ll_json_integer(json, node->parent < 0 ? -1 : tree->nodes[node->parent].vertex);
        ll_json_integer(json, node->size);
        ll_json_close(json, ']');
    }
    ll_json_close(json, ']');
}

static bool is_count(const char *name)
{
    static const char *const counts[] = {"minima", "saddles", "merges", "components", "excluded"};
    for (int i = 0; i < LL_COUNT(counts); i++) {
        if (strcmp(counts[i], name) == 0) return true;
    }
    return false;
}

static double number_at(const ll_topology_numbers *numbers, const ll_topology_number_info *info)
{
    double value;
    memcpy(&value, (const char *)numbers + info->offset, sizeof value);
    return value;
}

/* [dimension, birth, death or -1, essential] of loops and voids. */
static void add_higher(ll_json *json, const ll_field_view *view)
{
    ll_json_key(json, "higher_pairs");
    ll_json_open(json, '[');
    for (int64_t i = view->tree.minima; i < view->all_count; i++) {
        const ll_persistence_pair *pair = &view->all_pairs[i];
        ll_json_open(json, '[');
        ll_json_integer(json, pair->dimension);
        ll_json_integer(json, pair->birth);
        ll_json_integer(json, pair->death);
        ll_json_boolean(json, pair->essential);
        ll_json_close(json, ']');
    }
    ll_json_close(json, ']');
}

static bool print_json(const ll_field_view *view, const char *path, const ll_topology_numbers *numbers,
                       bool loops)
{
    const ll_merge_tree *tree = &view->tree;
    ll_json json = {0};
    ll_json_open(&json, '{');
    ll_json_add_text(&json, "field", path);
    ll_json_add_text(&json, "array", view->data.name);
    if (!view->is_graph) {
        ll_json_key(&json, "shape");
        ll_json_open(&json, '[');
        for (int k = 0; k < view->data.rank; k++) ll_json_integer(&json, view->data.shape[k]);
        ll_json_close(&json, ']');
    } else {
        ll_json_add_integer(&json, "edges", view->graph.edges);
    }
    ll_json_add_text(&json, "connectivity", ll_connectivity_name(tree->connectivity));
    ll_json_add_boolean(&json, "superlevel", tree->superlevel);
    ll_json_key(&json, "simplify");
    if (view->epsilon < 0.0) {
        ll_json_null(&json);
    } else {
        ll_json_number(&json,
                       view->epsilon * (view->fraction ? ll_merge_tree_range(&view->full).range : 1.0));
    }
    ll_json_add_integer(&json, "vertices", tree->vertices);
    ll_json_add_integer(&json, "minima", tree->minima);
    ll_json_add_integer(&json, "saddles", tree->saddles);
    ll_json_add_integer(&json, "merges", tree->merges);
    ll_json_add_integer(&json, "components", tree->components);
    ll_json_add_integer(&json, "excluded", tree->excluded);
    add_pairs(&json, tree);
    add_tree(&json, tree);
    if (loops) add_higher(&json, view);
    ll_json_key(&json, "numbers");
    ll_json_open(&json, '{');
    int64_t count;
    const ll_topology_number_info *list = ll_topology_number_list(&count);
    for (int64_t i = 0; i < count; i++) {
        if (!is_count(list[i].name)) ll_json_add_number(&json, list[i].name, number_at(numbers, &list[i]));
    }
    ll_json_close(&json, '}');
    ll_json_add_integer(&json, "peak_bytes", (int64_t)view->full.peak_bytes);
    ll_json_close(&json, '}');
    return ll_json_print(&json, stdout);
}

/* ---------------------------------------------------------------- text */

static int by_persistence(const void *left, const void *right)
{
    const ll_persistence_pair *a = *(const ll_persistence_pair *const *)left;
    const ll_persistence_pair *b = *(const ll_persistence_pair *const *)right;
    double pa = ll_pair_persistence(a), pb = ll_pair_persistence(b);
    if (a->essential != b->essential) return a->essential ? -1 : 1;
    if (pa != pb) return pa > pb ? -1 : 1;
    return (a->birth > b->birth) - (a->birth < b->birth);
}

static bool print_pairs(const ll_merge_tree *tree, int64_t most)
{
    const ll_persistence_pair **order = ll_allocate_array(tree->minima + 1, sizeof *order);
    if (order == NULL) return false;
    for (int64_t i = 0; i < tree->minima; i++) order[i] = &tree->pairs[i];
    qsort(order, (size_t)tree->minima, sizeof *order, by_persistence);
    int64_t shown = ll_min_int64(tree->minima, most);
    if (shown > 0) {
        char n[LL_NUMBER_TEXT];
        printf("\nmost persistent %s of %s\n", shown == 1 ? "pair" : "pairs",
               ll_print_count(tree->minima, n));
        printf("  %12s %12s %12s  %s\n", "birth", "death", "persistence", "vertices");
    }
    for (int64_t i = 0; i < shown; i++) {
        char a[LL_NUMBER_TEXT], b[LL_NUMBER_TEXT], c[LL_NUMBER_TEXT];
        printf("  %12s %12s %12s  %lld -> %lld%s\n", ll_print_number(order[i]->birth_value, 5, a),
               ll_print_number(order[i]->death_value, 5, b),
               ll_print_number(ll_pair_persistence(order[i]), 5, c), (long long)order[i]->birth,
               (long long)order[i]->death, order[i]->essential ? "  essential" : "");
    }
    ll_free(order);
    return true;
}

static void print_text(const ll_field_view *view, const char *path, const ll_topology_numbers *numbers,
                       int64_t pairs)
{
    char text[160], a[LL_NUMBER_TEXT], b[LL_NUMBER_TEXT], c[LL_NUMBER_TEXT];
    const ll_merge_tree *tree = &view->tree;
    ll_field_view_describe(view, text, sizeof text);
    printf("%s: %s%s%s\n", path, text, view->data.name[0] != 0 ? ", array " : "", view->data.name);
    printf("%s, %s", ll_connectivity_name(tree->connectivity), tree->superlevel ? "superlevel" : "sublevel");
    if (view->epsilon >= 0.0) {
        printf(", simplified at %s (%s of %s minima stay)",
               ll_print_number(
                   view->epsilon * (view->fraction ? ll_merge_tree_range(&view->full).range : 1.0), 4, a),
               ll_print_count(tree->minima, b), ll_print_count(view->full.minima, c));
    }
    printf("\n");
    if (view->is_graph && view->graph.warning[0] != 0) printf("note: %s\n", view->graph.warning);
    printf("\n");
    if (view->higher.count > 0) {
        int64_t kept[2] = {0, 0};
        for (int64_t i = tree->minima; i < view->all_count; i++)
            kept[view->all_pairs[i].dimension == 1 ? 0 : 1]++;
        printf("  %-40s %14s\n  %-40s %14s\n", "loops", ll_print_count(kept[0], a), "voids",
               ll_print_count(kept[1], b));
    }
    int64_t count;
    const ll_topology_number_info *list = ll_topology_number_list(&count);
    for (int64_t i = 0; i < count; i++) {
        double value = number_at(numbers, &list[i]);
        if (is_count(list[i].name)) {
            printf("  %-40s %14s\n", tree->superlevel && i == 0 ? "maxima" : list[i].name,
                   ll_print_count((int64_t)value, a));
        } else {
            printf("  %-40s %14s%s%s\n", list[i].name, ll_print_number(value, 5, a),
                   strcmp(list[i].unit, "nat") == 0 ? " nat" : "", "");
        }
    }
    if (!print_pairs(tree, pairs)) fprintf(stderr, "losslens topology: out of memory while listing pairs\n");
}

/* ---------------------------------------------------------------- export */

static bool has_suffix(const char *path, const char *suffix)
{
    size_t length = strlen(path), tail = strlen(suffix);
    return length >= tail && strcmp(path + length - tail, suffix) == 0;
}

/* Nodes of the graph that is written, as points of the field's space, and lines between them. */
typedef struct exported {
    int64_t points, lines;
    double *positions, *values, *vertices, *kinds, *first, *second;
    int64_t *cells, *offsets;
    double *line_vertices[2];
} exported;

static void exported_free(exported *e)
{
    void *const blocks[] = {
        e->positions, e->values,  e->vertices,         e->kinds,           e->first, e->second,
        e->cells,     e->offsets, e->line_vertices[0], e->line_vertices[1]};
    for (int i = 0; i < LL_COUNT(blocks); i++) ll_free(blocks[i]);
}

static ll_status exported_make(exported *e, int64_t points, int64_t lines, ll_error *error)
{
    *e = (exported){.points = points, .lines = lines};
    e->positions = ll_allocate_array(3 * points, sizeof(double));
    e->values = ll_allocate_array(points, sizeof(double));
    e->vertices = ll_allocate_array(points, sizeof(double));
    e->kinds = ll_allocate_array(points, sizeof(double));
    e->first = ll_allocate_array(lines, sizeof(double));
    e->second = ll_allocate_array(lines, sizeof(double));
    e->cells = ll_allocate_array(2 * lines, sizeof(int64_t));
    e->offsets = ll_allocate_array(lines + 1, sizeof(int64_t));
    e->line_vertices[0] = ll_allocate_array(lines, sizeof(double));
    e->line_vertices[1] = ll_allocate_array(lines, sizeof(double));
    if (e->positions != NULL && e->values != NULL && e->vertices != NULL && e->kinds != NULL &&
        e->first != NULL && e->second != NULL && e->cells != NULL && e->offsets != NULL &&
        e->line_vertices[0] != NULL && e->line_vertices[1] != NULL) {
        return LL_OK;
    }
    exported_free(e);
    return ll_fail_memory(error, "losslens", (size_t)points * 6 * sizeof(double));
}

static void set_point(exported *e, const ll_field_view *view, int64_t index, int64_t vertex, double value,
                      int kind)
{
    ll_field_view_position(view, vertex, e->positions + 3 * index);
    e->values[index] = value;
    e->vertices[index] = (double)vertex;
    e->kinds[index] = kind;
}

static void set_line(exported *e, int64_t line, int64_t a, int64_t b, double first, double second)
{
    e->cells[2 * line] = a;
    e->cells[2 * line + 1] = b;
    e->offsets[line] = 2 * line;
    e->offsets[line + 1] = 2 * line + 2;
    e->first[line] = first;
    e->second[line] = second;
    e->line_vertices[0][line] = e->vertices[a];
    e->line_vertices[1][line] = e->vertices[b];
}

static ll_status exported_write(const exported *e, const char *path, const char *const names[4],
                                ll_error *error)
{
    const ll_named_values points[] = {
        {"value", e->values, 1}, {"vertex", e->vertices, 1}, {"kind", e->kinds, 1}};
    const ll_named_values lines[] = {{names[2], e->first, 1}, {names[3], e->second, 1}};
    const ll_named_values columns[] = {{names[0], e->line_vertices[0], 1},
                                       {names[1], e->line_vertices[1], 1},
                                       {names[2], e->first, 1},
                                       {names[3], e->second, 1}};
    ll_mesh mesh = {.point_count = e->points,
                    .points = e->positions,
                    .cell_count = e->lines,
                    .offsets = e->offsets,
                    .cells = e->cells,
                    .point_array_count = 3,
                    .point_arrays = points,
                    .cell_array_count = 2,
                    .cell_arrays = lines};
    ll_text out = {0};
    ll_status status;
    if (has_suffix(path, ".csv")) {
        status = ll_csv_encode(columns, 4, e->lines, &out, error);
    } else if (has_suffix(path, ".vtu")) {
        status = ll_vtu_encode(&mesh, &out, error);
    } else if (has_suffix(path, ".vtp")) {
        status = ll_vtp_encode(&mesh, &out, error);
    } else {
        status =
            ll_fail(error, LL_INVALID_ARGUMENT, "losslens", path, "the name must end in .csv, .vtu or .vtp");
    }
    if (status == LL_OK) status = ll_file_write(path, out.text, out.length, error);
    ll_text_deinit(&out);
    return status;
}

static ll_status write_tree(const ll_field_view *view, const char *path, ll_error *error)
{
    static const char *const names[4] = {"child", "parent", "size", "height"};
    const ll_merge_tree *tree = &view->tree;
    int64_t lines = 0;
    for (int64_t i = 0; i < tree->node_count; i++) lines += tree->nodes[i].parent >= 0;
    exported e;
    LL_TRY(exported_make(&e, tree->node_count, lines, error));
    for (int64_t i = 0; i < tree->node_count; i++) {
        const ll_tree_node *node = &tree->nodes[i];
        int kind = i < tree->minima ? 0 : node->parent < 0 ? 2 : 1; /* minimum, saddle, root */
        set_point(&e, view, i, node->vertex, node->value, kind);
    }
    int64_t line = 0;
    for (int64_t i = 0; i < tree->node_count; i++) {
        const ll_tree_node *node = &tree->nodes[i];
        if (node->parent < 0) continue;
        set_line(&e, line++, i, node->parent, (double)node->size,
                 fabs(tree->nodes[node->parent].value - node->value));
    }
    ll_status status = exported_write(&e, path, names, error);
    exported_free(&e);
    return status;
}

static ll_status write_pairs(const ll_field_view *view, const char *path, ll_error *error)
{
    static const char *const names[4] = {"birth", "death", "persistence", "essential"};
    const ll_merge_tree *tree = &view->tree;
    exported e;
    LL_TRY(exported_make(&e, 2 * tree->minima, tree->minima, error));
    for (int64_t i = 0; i < tree->minima; i++) {
        const ll_persistence_pair *pair = &tree->pairs[i];
        set_point(&e, view, 2 * i, pair->birth, pair->birth_value, 0);
        set_point(&e, view, 2 * i + 1, pair->death, pair->death_value, pair->essential ? 2 : 1);
        set_line(&e, i, 2 * i, 2 * i + 1, ll_pair_persistence(pair), pair->essential);
    }
    ll_status status = exported_write(&e, path, names, error);
    exported_free(&e);
    return status;
}

/* ---------------------------------------------------------------- the verb */

typedef struct wishes {
    const char *path, *title, *tree_out, *pairs_out;
    ll_panel_kind kind;
    const ll_figure_settings *figure;
    const ll_figure_options *figure_options;
    bool json, critical;
    int64_t pairs;
} wishes;

static ll_status work(const ll_field_settings *settings, const wishes *w, ll_error *error)
{
    ll_field_view view;
    ll_topology_numbers numbers;
    LL_TRY(ll_field_view_open(&view, w->path, settings, error));
    ll_status status = ll_topology_numbers_of_tree(&view.tree, &numbers, error);
    if (status == LL_OK && w->figure->path != NULL) {
        ll_panel panel;
        status = ll_field_view_panel(&view, w->kind, w->title, &panel, error);
        if (status == LL_OK && w->critical) status = ll_field_view_mark(&view, settings, &panel, error);
        if (status == LL_OK) status = ll_figure_write(w->figure->path, &panel, 1, w->figure_options, error);
    }
    if (status == LL_OK && w->tree_out != NULL) status = write_tree(&view, w->tree_out, error);
    if (status == LL_OK && w->pairs_out != NULL) status = write_pairs(&view, w->pairs_out, error);
    const char *name = settings->values != NULL ? settings->values : w->path;
    if (status == LL_OK && w->json && !print_json(&view, name, &numbers, settings->loops)) {
        status = ll_fail(error, LL_IO, "losslens", NULL, "the answer could not be written");
    }
    if (status == LL_OK && !w->json) print_text(&view, name, &numbers, w->pairs);
    ll_field_view_close(&view);
    return status;
}

static int run(int argc, char **argv)
{
    ll_field_settings settings = {.connectivity = "freudenthal"};
    ll_figure_settings figure = ll_figure_settings_default();
    wishes w = {.figure = &figure, .pairs = 10};
    const char *kind = "tree";
    int64_t threads = 0;
    const ll_option options[] = {
        {"connectivity", LL_OPTION_CHOICE, &settings.connectivity, "freudenthal|freudenthal-plus|axis|box",
         "which vertices of a grid are neighbours", 0, 0, NULL},
        {"array", LL_OPTION_TEXT, &settings.array, "NAME",
         "which array of the file; else the well-known or only one", 0, 0, NULL},
        {"points", LL_OPTION_TEXT, &settings.points, "P.npy", "points of a scattered field, one row a value",
         0, 0, NULL},
        {"values", LL_OPTION_TEXT, &settings.values, "V.npy",
         "values at the points or graph vertices, instead of FIELD", 0, 0, NULL},
        {"graph", LL_OPTION_TEXT, &settings.graph, "GRAPH",
         "neighbours of points: knn:8, knn-mutual:8, delaunay, gabriel", 0, 0, NULL},
        {"edges", LL_OPTION_TEXT, &settings.edges, "E.csv",
         "edges of a graph: two columns of vertex numbers from 0", 0, 0, NULL},
        {"shape", LL_OPTION_REALS, &settings.shape, "N,M,...", "read the values as a grid of these extents",
         0, 0, NULL},
        {"simplify", LL_OPTION_TEXT, &settings.simplify, "E",
         "drop pairs of persistence up to E, or up to 5% of the range", 0, 0, NULL},
        {"superlevel", LL_OPTION_FLAG, &settings.superlevel, NULL,
         "maxima and split tree instead of minima and join tree", 0, 0, NULL},
        {"loops", LL_OPTION_FLAG, &settings.loops, NULL, "loops of 2-D, loops and voids of 3-D grids as well",
         0, 0, NULL},
        {"pairs", LL_OPTION_INTEGER, &w.pairs, "N", "pairs listed in the text", 0.0, 1e9, NULL},
        {"tree-out", LL_OPTION_TEXT, &w.tree_out, "OUT.csv", "write the merge tree: .csv, .vtu or .vtp", 0, 0,
         NULL},
        {"pairs-out", LL_OPTION_TEXT, &w.pairs_out, "OUT.csv", "write the pairs: .csv, .vtu or .vtp", 0, 0,
         NULL},
        {"memory", LL_OPTION_BYTES, &settings.memory, "SIZE",
         "refuse to need more than this beyond the field, e.g. 1GiB", 0, 0, NULL},
        LL_OPTION_THREADS(&threads),
        LL_OPTION_JSON(&w.json),
        {"kind", LL_OPTION_CHOICE, &kind, "tree|profile|diagram|barcode|contour|surface",
         "what the figure shows", 0, 0, NULL},
        {"critical", LL_OPTION_FLAG, &w.critical, NULL, "mark minima, saddles and maxima on a contour", 0, 0,
         NULL},
        {"title", LL_OPTION_TEXT, &w.title, "TEXT", "title of the figure; else the file's name", 0, 0, NULL},
        LL_FIGURE_OPTIONS(&figure),
    };
    const ll_command command = {
        .verb = "topology",
        .usage = "FIELD [options]",
        .about = "Merge tree, persistence pairs and numbers of a scalar field: npy, npz, VTI, VTP, VTU, PLY, "
                 "CSV, or an\n"
                 "HDF5 surface file. NaN and infinite values are left out and counted.",
        .example =
            "losslens topology field.npy\n"
            "losslens topology field.npy --simplify 1% --figure profile.pdf --kind profile --scale log\n"
            "losslens topology --points P.npy --values V.npy --graph knn:8 --json",
        .options = options,
        .option_count = LL_COUNT(options),
        .least_words = 0,
        .most_words = 1};
    ll_words words;
    ll_figure_options figure_options;
    int code;
    if (!ll_command_parse(&command, argc, argv, &words, &code)) return code;
    if (!ll_figure_settings_apply(&command, &figure, &figure_options, &code)) return code;
    if (words.count == 0 && settings.values == NULL) {
        return ll_command_misuse(&command,
                                 "nothing to work on; wanted FIELD, or --values with --points or --edges");
    }
    if (words.count == 1 && settings.values != NULL) {
        return ll_command_misuse(&command, "got both FIELD and --values; wanted one of them");
    }
    if (settings.graph != NULL && settings.edges != NULL) {
        return ll_command_misuse(&command, "got both --graph and --edges; wanted one of them");
    }
    (void)ll_panel_kind_parse(kind, &w.kind);
    w.path = words.count == 1 ? words.items[0] : settings.values;
    w.figure_options = &figure_options;
    char title[256];
    if (w.title == NULL) {
        ll_field_title(w.path, title, sizeof title);
        w.title = title;
    }
    settings.outputs = LL_TOPOLOGY_TREE | LL_TOPOLOGY_SIZES | LL_TOPOLOGY_BASINS;
    if (figure.path != NULL) settings.outputs |= ll_field_outputs_of(w.kind);
    ll_error error = {0};
    if (ll_team_create((int)threads, &settings.team, &error) != LL_OK)
        return ll_command_failure(&command, &error);
    ll_status status = work(&settings, &w, &error);
    ll_team_destroy(settings.team);
    return status == LL_OK ? LL_EXIT_OK : ll_command_failure(&command, &error);
}

const ll_verb ll_verb_topology = {"topology", "merge tree, persistence and profile of any scalar field", run};
