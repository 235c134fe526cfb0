#include "field_view.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- options as text */

static ll_status parse_simplify(const char *text, ll_field_view *view, ll_error *error)
{
    view->epsilon = -1.0;
    if (text == NULL) return LL_OK;
    char *end;
    double value = strtod(text, &end);
    bool percent = *end == '%';
    if (percent) end++;
    if (end == text || *end != 0 || !(value >= 0.0) || isinf(value)) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "losslens", "--simplify",
                       "got '%s'; wanted a persistence like 0.01, or a share of the range like 5%%", text);
    }
    view->fraction = percent;
    view->epsilon = percent ? value / 100.0 : value;
    return LL_OK;
}

/* "knn:8", "knn-mutual:8", "delaunay", "gabriel" */
static ll_status parse_graph(const char *text, ll_connectivity *connectivity, int64_t *k, ll_error *error)
{
    static const struct {
        const char *name;
        ll_connectivity connectivity;
        bool counted;
    } kinds[] = {{"knn", LL_CONNECTIVITY_KNN_UNION, true},
                 {"knn-union", LL_CONNECTIVITY_KNN_UNION, true},
                 {"knn-mutual", LL_CONNECTIVITY_KNN_MUTUAL, true},
                 {"delaunay", LL_CONNECTIVITY_DELAUNAY, false},
                 {"gabriel", LL_CONNECTIVITY_GABRIEL, false}};
    size_t length = strcspn(text, ":");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strlen(kinds[i].name) != length || strncmp(kinds[i].name, text, length) != 0) continue;
        *connectivity = kinds[i].connectivity;
        *k = 0;
        if (!kinds[i].counted && text[length] == 0) return LL_OK;
        char *end = NULL;
        long long count = text[length] == ':' ? strtoll(text + length + 1, &end, 10) : 0;
        if (kinds[i].counted && end != NULL && *end == 0 && count >= 1) {
            *k = count;
            return LL_OK;
        }
    }
    return ll_fail(error, LL_INVALID_ARGUMENT, "losslens", "--graph",
                   "got '%s'; wanted knn:8, knn-mutual:8, delaunay or gabriel", text);
}

/* ---------------------------------------------------------------- graphs */

/* Two columns of vertex ids: a matrix without a header, or two named columns. */
static ll_status read_edges(const char *path, int64_t vertices, ll_graph *graph, ll_error *error)
{
    ll_field_data table = {0};
    LL_TRY(ll_field_file_read(path, NULL, &table, error));
    bool matrix = table.rank == 2 && table.shape[1] == 2,
         row = table.rank == 1 && table.count == 2 && table.axes[0] == NULL;
    const double *first = table.dimension == 1 ? table.points : table.rank == 1 ? table.axes[0] : NULL;
    int64_t count = matrix ? table.shape[0] : row ? 1 : table.count;
    int64_t *pairs = ll_allocate_array(2 * count, sizeof *pairs);
    ll_status status =
        pairs == NULL ? ll_fail_memory(error, "losslens", 2 * (size_t)count * sizeof *pairs) : LL_OK;
    if (status == LL_OK && !matrix && !row && first == NULL) {
        status = ll_fail(error, LL_SHAPE, "losslens", path, "edges need two columns of vertex ids");
    }
    for (int64_t i = 0; i < count && status == LL_OK; i++) {
        double ends[2];
        ends[0] = matrix || row ? ll_field_data_value(&table, 2 * i) : first[i];
        ends[1] = ll_field_data_value(&table, matrix || row ? 2 * i + 1 : i);
        for (int k = 0; k < 2 && status == LL_OK; k++) {
            if (!(ends[k] >= 0.0 && ends[k] < (double)vertices) || ends[k] != floor(ends[k])) {
                status = ll_fail(error, LL_INVALID_FILE, "losslens", path,
                                 "edge %lld names vertex %g; wanted 0 to %lld", (long long)i, ends[k],
                                 (long long)vertices - 1);
            } else {
                pairs[2 * i + k] = (int64_t)ends[k];
            }
        }
    }
    if (status == LL_OK) status = ll_graph_of_edges(vertices, pairs, count, graph, error);
    ll_free(pairs);
    ll_field_data_deinit(&table);
    return status;
}

/* Points: one row a vertex. */
static ll_status read_points(const char *path, int64_t vertices, double **points, int *dimension,
                             ll_error *error)
{
    ll_field_data table = {0};
    LL_TRY(ll_field_file_read(path, NULL, &table, error));
    ll_status status = LL_OK;
    int64_t columns = table.rank == 2 ? table.shape[1] : 1;
    bool rows =
        (table.rank == 2 && table.shape[0] == vertices) || (table.rank == 1 && table.count == vertices);
    if (!rows || columns > LL_POINTS_MAX_DIMENSION) {
        status = ll_fail(error, LL_SHAPE, "losslens", path, "points need one row for each of the %lld values",
                         (long long)vertices);
    } else {
        double *made = ll_allocate_array(vertices * columns, sizeof *made);
        if (made == NULL) {
            status = ll_fail_memory(error, "losslens", (size_t)(vertices * columns) * sizeof *made);
        } else {
            for (int64_t i = 0; i < vertices * columns; i++) made[i] = ll_field_data_value(&table, i);
            *points = made;
            *dimension = (int)columns;
        }
    }
    ll_field_data_deinit(&table);
    return status;
}

static ll_status make_graph(ll_field_view *view, const char *path, const ll_field_settings *settings,
                            ll_error *error)
{
    int64_t vertices = view->data.count, k = 0;
    int dimension = view->data.dimension;
    const double *coordinates = view->data.points;
    ll_connectivity connectivity = LL_CONNECTIVITY_EDGES;
    if (settings->points != NULL) {
        LL_TRY(read_points(settings->points, vertices, &view->extra_points, &dimension, error));
        coordinates = view->extra_points;
    }
    ll_points points = {.count = vertices, .dimension = dimension, .coordinates = coordinates};
    if (settings->edges != NULL) {
        LL_TRY(read_edges(settings->edges, vertices, &view->graph, error));
    } else if (settings->graph != NULL) {
        LL_TRY(parse_graph(settings->graph, &connectivity, &k, error));
        if (coordinates == NULL) {
            return ll_fail(error, LL_INVALID_ARGUMENT, "losslens", path,
                           "--graph needs points: give --points P.npy, one row a value");
        }
        LL_TRY(ll_graph_of_points(&points, connectivity, k, settings->team, &view->graph, error));
    } else if (view->data.edge_count > 0) {
        LL_TRY(ll_graph_of_edges(vertices, view->data.edges, view->data.edge_count, &view->graph, error));
    } else {
        return ll_fail(error, LL_INVALID_ARGUMENT, "losslens", path,
                       "the field is on points without cells: say which are neighbours with --graph knn:8, "
                       "delaunay or gabriel, or --edges E.csv");
    }
    view->graph_field =
        ll_graph_field_view(&view->graph, view->data.single ? LL_ARRAY_FLOAT32 : LL_ARRAY_FLOAT64,
                            view->data.values, coordinates != NULL ? &points : NULL);
    view->is_graph = true;
    return LL_OK;
}

/* ---------------------------------------------------------------- opening */

static void make_grid(ll_field_view *view)
{
    const ll_field_data *data = &view->data;
    view->grid = (ll_grid_field){.type = data->single ? LL_ARRAY_FLOAT32 : LL_ARRAY_FLOAT64,
                                 .rank = data->rank,
                                 .values = data->values};
    for (int k = 0; k < data->rank; k++) {
        view->grid.shape[k] = data->shape[k];
        view->grid.coordinates[k] = data->axes[k];
    }
}

/* The values as a grid of other extents, in C order. */
static ll_status reshape(ll_field_data *data, const ll_reals *shape, const char *path, ll_error *error)
{
    if (shape->count == 0) return LL_OK;
    int64_t extents[LL_FIELD_DATA_MAX_RANK], product = 1;
    bool fits = data->rank > 0 && shape->count <= LL_FIELD_DATA_MAX_RANK;
    for (int k = 0; k < shape->count && fits; k++) {
        fits = shape->values[k] >= 1.0 && shape->values[k] <= 1e12 &&
               shape->values[k] == floor(shape->values[k]);
        if (fits) extents[k] = (int64_t)shape->values[k];
        fits = fits && ll_multiply_int64(product, extents[k], &product);
    }
    if (!fits || product != data->count) {
        return ll_fail(error, LL_SHAPE, "losslens", path, "--shape does not fit the %lld values",
                       (long long)data->count);
    }
    for (int k = 0; k < LL_FIELD_DATA_MAX_RANK; k++) {
        ll_free(data->axes[k]);
        data->axes[k] = NULL;
        if (k < shape->count) data->shape[k] = extents[k];
    }
    data->rank = shape->count;
    return LL_OK;
}

/* The pairs of all dimensions in one list; the higher ones are simplified by the same threshold. */
static ll_status join_pairs(ll_field_view *view, ll_error *error)
{
    double epsilon = view->epsilon * (view->fraction ? ll_merge_tree_range(&view->full).range : 1.0);
    int64_t most = view->tree.minima + view->higher.count;
    view->all_pairs = ll_allocate_array(most, sizeof *view->all_pairs);
    if (view->all_pairs == NULL)
        return ll_fail_memory(error, "losslens", (size_t)most * sizeof *view->all_pairs);
    for (int64_t i = 0; i < view->tree.minima; i++) view->all_pairs[view->all_count++] = view->tree.pairs[i];
    for (int64_t i = 0; i < view->higher.count; i++) {
        const ll_persistence_pair *pair = &view->higher.pairs[i];
        bool stays = pair->essential || view->epsilon < 0.0 || ll_pair_persistence(pair) > epsilon;
        if (stays) view->all_pairs[view->all_count++] = *pair;
    }
    return LL_OK;
}

static ll_status open_view(ll_field_view *view, const char *path, const ll_field_settings *settings,
                           ll_error *error)
{
    ll_field_read_options read = {.array = settings->array};
    const char *source = settings->values != NULL ? settings->values : path;
    LL_TRY(parse_simplify(settings->simplify, view, error));
    LL_TRY(ll_field_file_read(source, &read, &view->data, error));
    LL_TRY(reshape(&view->data, &settings->shape, source, error));
    bool graph = settings->points != NULL || settings->edges != NULL || settings->graph != NULL ||
                 view->data.rank == 0;

    ll_topology_options options = ll_topology_options_default();
    options.superlevel = settings->superlevel;
    options.outputs = settings->outputs;
    options.team = settings->team;
    options.memory_limit = (size_t)settings->memory;
    if (graph) {
        LL_TRY(make_graph(view, source, settings, error));
        LL_TRY(ll_merge_tree_of_graph(&view->graph_field, &options, &view->full, error));
    } else {
        /* The option's choices are those of grids. */
        (void)ll_connectivity_parse(settings->connectivity, &options.connectivity);
        make_grid(view);
        LL_TRY(ll_merge_tree_of_grid(&view->grid, &options, &view->full, error));
    }
    if (settings->loops && graph) {
        return ll_fail(error, LL_UNSUPPORTED, "losslens", source,
                       "--loops needs a grid; the pairs of a graph are those of its components");
    }
    if (settings->loops) LL_TRY(ll_persistence_of_grid(&view->grid, &options, &view->higher, error));
    LL_TRY(ll_merge_tree_simplify(&view->full, view->epsilon, view->fraction, &view->tree, error));
    return join_pairs(view, error);
}

ll_status ll_field_view_open(ll_field_view *view, const char *path, const ll_field_settings *settings,
                             ll_error *error)
{
    *view = (ll_field_view){0};
    ll_status status = open_view(view, path, settings, error);
    if (status != LL_OK) ll_field_view_close(view);
    return status;
}

void ll_field_view_close(ll_field_view *view)
{
    ll_field_data_deinit(&view->data);
    ll_free(view->extra_points);
    ll_graph_deinit(&view->graph);
    ll_merge_tree_deinit(&view->full);
    ll_merge_tree_deinit(&view->tree);
    ll_persistence_diagram_deinit(&view->higher);
    ll_free(view->all_pairs);
    ll_tree_layout_deinit(&view->layout);
    ll_profile_deinit(&view->profile);
    ll_free(view->picture);
    ll_free(view->marks);
    ll_free(view->mark_kinds);
    *view = (ll_field_view){0};
}

/* ---------------------------------------------------------------- pictures */

unsigned ll_field_outputs_of(ll_panel_kind kind)
{
    return kind == LL_PANEL_PROFILE ? LL_TOPOLOGY_TREE | LL_TOPOLOGY_ARCS : LL_TOPOLOGY_TREE;
}

/* The field as x by y numbers: transposed when the file's last axis is the horizontal one. */
static ll_status make_picture(ll_field_view *view, ll_panel_kind kind, ll_figure_field *field,
                              ll_error *error)
{
    const ll_field_data *data = &view->data;
    if (view->is_graph || data->rank != 2) {
        return ll_fail(error, LL_UNSUPPORTED, "losslens", NULL,
                       "a %s shows a grid of 2 axes; this field has %s", ll_panel_kind_name(kind),
                       view->is_graph    ? "points instead of a grid"
                       : data->rank == 1 ? "1"
                       : data->rank == 3 ? "3"
                                         : "more");
    }
    int x = data->x_last ? 1 : 0, y = 1 - x;
    *field = (ll_figure_field){
        .x_count = data->shape[x], .y_count = data->shape[y], .x = data->axes[x], .y = data->axes[y]};
    if (view->picture == NULL) view->picture = ll_allocate_array(data->count, sizeof *view->picture);
    if (view->picture == NULL)
        return ll_fail_memory(error, "losslens", (size_t)data->count * sizeof *view->picture);
    for (int64_t i = 0; i < field->x_count; i++) {
        for (int64_t j = 0; j < field->y_count; j++) {
            int64_t from = data->x_last ? j * field->x_count + i : i * field->y_count + j;
            view->picture[i * field->y_count + j] = ll_field_data_value(data, from);
        }
    }
    field->values = view->picture;
    return LL_OK;
}

ll_status ll_field_view_panel(ll_field_view *view, ll_panel_kind kind, const char *title, ll_panel *panel,
                              ll_error *error)
{
    ll_panel made = {
        .kind = kind, .title = title, .value_label = view->data.name[0] != 0 ? view->data.name : "value"};
    switch (kind) {
    case LL_PANEL_CONTOUR:
    case LL_PANEL_SURFACE: LL_TRY(make_picture(view, kind, &made.field, error)); break;
    case LL_PANEL_DIAGRAM:
    case LL_PANEL_BARCODE:
        made.pairs = (ll_figure_pairs){.pairs = view->all_pairs, .count = view->all_count};
        break;
    case LL_PANEL_TREE:
        ll_tree_layout_deinit(&view->layout);
        LL_TRY(ll_tree_layout_create(&view->tree, &view->layout, error));
        made.tree.layout = &view->layout;
        break;
    case LL_PANEL_PROFILE: {
        const void *values = view->data.values;
        ll_profile_deinit(&view->profile);
        LL_TRY(ll_profile_create(&view->full, view->data.single ? LL_ARRAY_FLOAT32 : LL_ARRAY_FLOAT64, values,
                                 view->epsilon, view->fraction, &view->profile, error));
        made.profile.profile = &view->profile;
        break;
    }
    case LL_PANEL_CURVES:
    case LL_PANEL_MATRIX:
    case LL_PANEL_STRUCTURE:
    case LL_PANEL_KINDS:
        return ll_fail(error, LL_UNSUPPORTED, "losslens", NULL, "a field has no such picture");
    }
    *panel = made;
    return LL_OK;
}

ll_status ll_field_view_mark(ll_field_view *view, const ll_field_settings *settings, ll_panel *panel,
                             ll_error *error)
{
    if (panel->kind != LL_PANEL_CONTOUR) {
        return ll_fail(error, LL_UNSUPPORTED, "losslens", NULL,
                       "critical points are marked on contours only");
    }
    ll_topology_options options = ll_topology_options_default();
    options.team = settings->team;
    (void)ll_connectivity_parse(settings->connectivity, &options.connectivity);
    ll_critical_point *points;
    int64_t count;
    LL_TRY(ll_critical_points_of_grid(&view->grid, &options, &points, &count, error));
    view->marks = ll_allocate_array(2 * count, sizeof *view->marks);
    view->mark_kinds = ll_allocate_array(count, sizeof *view->mark_kinds);
    ll_status status = LL_OK;
    if (view->marks == NULL || view->mark_kinds == NULL)
        status = ll_fail_memory(error, "losslens", (size_t)count * 24);
    for (int64_t i = 0; i < count && status == LL_OK; i++) {
        double position[3];
        ll_field_view_position(view, points[i].vertex, position);
        view->marks[2 * i] = position[0];
        view->marks[2 * i + 1] = position[1];
        view->mark_kinds[i] = points[i].kind;
    }
    ll_free(points);
    panel->field.points = view->marks;
    panel->field.point_kinds = view->mark_kinds;
    panel->field.point_count = status == LL_OK ? count : 0;
    return status;
}

void ll_field_view_position(const ll_field_view *view, int64_t vertex, double position[3])
{
    memset(position, 0, 3 * sizeof *position);
    if (view->is_graph) {
        for (int k = 0; k < view->graph_field.dimension && k < 3; k++) {
            position[k] = view->graph_field.coordinates[vertex * view->graph_field.dimension + k];
        }
        return;
    }
    int rank = view->data.rank;
    for (int k = rank - 1; k >= 0; k--) {
        int64_t index = vertex % view->data.shape[k];
        vertex /= view->data.shape[k];
        int place = view->data.x_last ? rank - 1 - k : k;
        if (place < 3)
            position[place] = view->data.axes[k] != NULL ? view->data.axes[k][index] : (double)index;
    }
}

void ll_field_view_describe(const ll_field_view *view, char *text, size_t capacity)
{
    const char *type = view->data.single ? "float32" : "float64";
    if (view->is_graph) {
        snprintf(text, capacity, "%lld points, %lld edges, %s", (long long)view->data.count,
                 (long long)view->graph.edges, type);
        return;
    }
    size_t length = 0;
    for (int k = 0; k < view->data.rank && length < capacity; k++) {
        length += (size_t)snprintf(text + length, capacity - length, "%s%lld", k > 0 ? " x " : "",
                                   (long long)view->data.shape[k]);
    }
    if (length < capacity) snprintf(text + length, capacity - length, " grid, %s", type);
}

void ll_field_title(const char *path, char *title, size_t capacity)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    size_t length = dot != NULL && dot > name ? (size_t)(dot - name) : strlen(name);
    snprintf(title, capacity, "%.*s", (int)(length < 200 ? length : 200), name);
}
