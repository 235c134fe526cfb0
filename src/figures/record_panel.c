/* Records as panels: one function a view, chosen by a table. */
#include "losslens/figures_records.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *kinds, *about;
} views[LL_VIEWS] = {
#define LL_VIEW_ROW(name, text, kinds, about) {text, kinds, about},
    LL_VIEW_LIST(LL_VIEW_ROW)
#undef LL_VIEW_ROW
};

const char *ll_view_name(ll_view view) { return (unsigned)view < LL_VIEWS ? views[view].name : "unknown"; }

const char *ll_view_about(ll_view view) { return (unsigned)view < LL_VIEWS ? views[view].about : ""; }

bool ll_view_parse(const char *name, ll_view *view)
{
    for (int i = 0; i < LL_VIEWS; i++) {
        if (strcmp(name, views[i].name) != 0) continue;
        *view = (ll_view)i;
        return true;
    }
    return false;
}

bool ll_view_shows(ll_view view, const char *record_kind)
{
    size_t length = strlen(record_kind);
    for (const char *at = views[view].kinds; length > 0 && (at = strstr(at, record_kind)) != NULL;
         at += length) {
        bool starts = at == views[view].kinds || at[-1] == ' ', ends = at[length] == 0 || at[length] == ' ';
        if (starts && ends) return true;
    }
    return false;
}

/* What a panel owns beside the record. */
struct ll_record_panel_memory {
    ll_arena *arena;
    ll_merge_tree tree;
    ll_persistence_diagram loops;
    ll_tree_layout layout;
    ll_profile profile;
    ll_scale_type scale;
    ll_colormap colormap;
    char label[2][96];
};

void ll_record_panel_deinit(ll_record_panel *panel)
{
    if (panel == NULL || panel->memory == NULL) return;
    struct ll_record_panel_memory *m = panel->memory;
    ll_merge_tree_deinit(&m->tree);
    ll_persistence_diagram_deinit(&m->loops);
    ll_tree_layout_deinit(&m->layout);
    ll_profile_deinit(&m->profile);
    ll_arena_destroy(m->arena);
    ll_free(m);
    *panel = (ll_record_panel){0};
}

typedef struct maker {
    const ll_record *record;
    const ll_record_panel_options *options;
    struct ll_record_panel_memory *memory;
    ll_panel *panel;
    ll_view view;
} maker;

static void *take(const maker *m, int64_t count, size_t size)
{
    return count >= 0 && (uint64_t)count < SIZE_MAX / size / 2
               ? ll_arena_allocate(m->memory->arena, (size_t)count * size + 1)
               : NULL;
}

static ll_status no_memory(ll_error *error) { return ll_fail_memory(error, "figures", 0); }

/* The values of an array as doubles: the record's own where it holds doubles. */
static ll_status doubles(const maker *m, const ll_array *array, const double **values, ll_error *error)
{
    if (array->type == LL_ARRAY_FLOAT64) {
        *values = array->data;
        return LL_OK;
    }
    int64_t count = ll_array_count(array);
    double *copy = take(m, count, sizeof *copy);
    if (copy == NULL) return no_memory(error);
    for (int64_t i = 0; i < count; i++) {
        switch (array->type) {
        case LL_ARRAY_FLOAT32: copy[i] = (double)((const float *)array->data)[i]; break;
        case LL_ARRAY_INT32: copy[i] = ((const int32_t *)array->data)[i]; break;
        case LL_ARRAY_INT64: copy[i] = (double)((const int64_t *)array->data)[i]; break;
        default: copy[i] = ((const uint8_t *)array->data)[i]; break;
        }
    }
    *values = copy;
    return LL_OK;
}

static ll_status array_of(const maker *m, const char *name, const double **values, int64_t *count,
                          ll_error *error)
{
    const ll_array *array;
    LL_TRY(ll_record_get_array(m->record, name, &array, error));
    *count = ll_array_count(array);
    return doubles(m, array, values, error);
}

/* Lines of a text field; the array has `count` entries, "" where the text has fewer. NULL without the field. */
static const char *const *lines_of(const maker *m, const char *name, int64_t count)
{
    const char *text;
    if (ll_record_find(m->record, name) == NULL || ll_record_get_text(m->record, name, &text, NULL) != LL_OK)
        return NULL;
    char *copy = ll_arena_text(m->memory->arena, text);
    const char **lines = take(m, count, sizeof *lines);
    if (copy == NULL || lines == NULL) return NULL;
    for (int64_t i = 0; i < count; i++) {
        lines[i] = copy;
        char *end = strchr(copy, '\n');
        if (end != NULL) *end = 0;
        copy = end != NULL ? end + 1 : copy + strlen(copy);
    }
    return lines;
}

/* Log scale where positive values span more than three decades and nothing else is there. */
static void choose_scale(const maker *m, const double *values, int64_t count)
{
    double low = INFINITY, high = -INFINITY;
    if (m->options->scale_given) return;
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(values[i])) continue;
        low = fmin(low, values[i]);
        high = fmax(high, values[i]);
    }
    m->memory->scale = low > 0.0 && high > 1e3 * low ? LL_SCALE_LOG : LL_SCALE_LINEAR;
    m->panel->scale = &m->memory->scale;
}

/* ---------------------------------------------------------------- fields */

typedef struct field {
    const char *name;
    const ll_array *array;
    const double *values;
    const double *axes[LL_FIELD_MAX_RANK];
} field;

static ll_status find_field(const maker *m, field *out, ll_error *error)
{
    const char *const usual[] = {"loss", "value", "loss_mean"};
    field f = {.name = m->options->field};
    for (int i = 0; i < 3 && f.name == NULL; i++) {
        if (ll_record_find(m->record, usual[i]) != NULL) f.name = usual[i];
    }
    if (f.name == NULL)
        return ll_fail(error, LL_NOT_FOUND, "figures", ll_record_kind(m->record), "it holds no field");
    LL_TRY(ll_record_get_array(m->record, f.name, &f.array, error));
    if (f.array->rank < 1 || f.array->rank > LL_FIELD_MAX_RANK)
        return ll_fail(error, LL_UNSUPPORTED, "figures", f.name, "it has %d axes; wanted 1 to %d",
                       f.array->rank, LL_FIELD_MAX_RANK);
    LL_TRY(doubles(m, f.array, &f.values, error));
    for (int k = 0; k < f.array->rank; k++) {
        char name[16];
        int64_t count;
        snprintf(name, sizeof name, "axis_%d", k);
        if (ll_record_find(m->record, name) == NULL) continue;
        LL_TRY(array_of(m, name, &f.axes[k], &count, error));
        if (count != f.array->shape[k])
            return ll_fail(error, LL_SHAPE, "figures", name, "got %lld positions; %s has %lld",
                           (long long)count, f.name, (long long)f.array->shape[k]);
    }
    *out = f;
    return LL_OK;
}

/* "direction 1 (random, filter)"; a parameter's own name where there is one. */
static const char *axis_label(const maker *m, int axis)
{
    char name[32];
    const char *kind, *normalisation = NULL;
    snprintf(name, sizeof name, "axis_%d_name", axis);
    if (ll_record_find(m->record, name) != NULL && ll_record_get_text(m->record, name, &kind, NULL) == LL_OK)
        return kind;
    snprintf(name, sizeof name, "axis_%d_kind", axis);
    if (ll_record_find(m->record, name) == NULL || ll_record_get_text(m->record, name, &kind, NULL) != LL_OK)
        kind = NULL;
    snprintf(name, sizeof name, "axis_%d_normalisation", axis);
    if (ll_record_find(m->record, name) == NULL ||
        ll_record_get_text(m->record, name, &normalisation, NULL) != LL_OK)
        normalisation = NULL;
    char *text = m->memory->label[axis & 1];
    bool plain = normalisation == NULL || strcmp(normalisation, "none") == 0;
    if (kind == NULL) {
        snprintf(text, sizeof m->memory->label[0], "axis %d", axis + 1);
    } else {
        char share[32] = "";
        const ll_array *explained;
        bool has = ll_record_find(m->record, "explained_variance") != NULL &&
                   ll_record_get_array(m->record, "explained_variance", &explained, NULL) == LL_OK;
        if (has && axis < ll_array_count(explained))
            snprintf(share, sizeof share, ", %.3g %% of variance", 100.0 * ll_array_get(explained, axis));
        snprintf(text, sizeof m->memory->label[0], "direction %d (%.32s%s%.24s%s)", axis + 1, kind,
                 plain ? "" : ", ", plain ? "" : normalisation, share);
    }
    return text;
}

/* Several paths (trajectory_lengths) are drawn apart: a point without a place between each two. */
static ll_status part_paths(const maker *m, ll_error *error)
{
    ll_figure_field *plane = &m->panel->field;
    const double *lengths;
    int64_t paths, at = 0, total = 0;
    if (ll_record_find(m->record, "trajectory_lengths") == NULL) return LL_OK;
    LL_TRY(array_of(m, "trajectory_lengths", &lengths, &paths, error));
    for (int64_t p = 0; p < paths; p++) {
        if (!(lengths[p] >= 0.0 && lengths[p] <= (double)plane->path_count))
            return LL_OK; /* not of this trajectory */
        total += (int64_t)lengths[p];
    }
    if (total != plane->path_count) return LL_OK;
    double *parted = take(m, total + paths, 2 * sizeof *parted);
    if (parted == NULL) return no_memory(error);
    const double *from = plane->path;
    for (int64_t p = 0; p < paths; p++) {
        if (p > 0) {
            parted[2 * at] = parted[2 * at + 1] = NAN;
            at++;
        }
        memcpy(parted + 2 * at, from, (size_t)lengths[p] * 2 * sizeof *parted);
        from += 2 * (int64_t)lengths[p];
        at += (int64_t)lengths[p];
    }
    plane->path = parted;
    plane->path_count = at;
    return LL_OK;
}

static ll_status make_plane(const maker *m, ll_error *error)
{
    field f;
    LL_TRY(find_field(m, &f, error));
    if (f.array->rank != 2)
        return ll_fail(error, LL_UNSUPPORTED, "figures", ll_view_name(m->view),
                       "it shows two axes; %s has %d", f.name, f.array->rank);
    m->panel->kind = m->view == LL_VIEW_SURFACE ? LL_PANEL_SURFACE : LL_PANEL_CONTOUR;
    m->panel->x_label = axis_label(m, 0);
    m->panel->y_label = axis_label(m, 1);
    m->panel->value_label = f.name;
    m->panel->field = (ll_figure_field){.x_count = f.array->shape[0],
                                        .y_count = f.array->shape[1],
                                        .values = f.values,
                                        .x = f.axes[0],
                                        .y = f.axes[1]};
    if (ll_record_find(m->record, "trajectory") != NULL) {
        int64_t count;
        LL_TRY(array_of(m, "trajectory", &m->panel->field.path, &count, error));
        m->panel->field.path_count = count / 2;
        LL_TRY(part_paths(m, error));
    }
    choose_scale(m, f.values, ll_array_count(f.array));
    return LL_OK;
}

static ll_status make_line(const maker *m, ll_error *error)
{
    field f;
    LL_TRY(find_field(m, &f, error));
    if (f.array->rank != 1)
        return ll_fail(error, LL_UNSUPPORTED, "figures", "line", "it shows one axis; %s has %d", f.name,
                       f.array->rank);
    int64_t count = f.array->shape[0];
    ll_figure_series *series = take(m, 1, sizeof *series);
    double *x = take(m, count, sizeof *x);
    if (series == NULL || x == NULL) return no_memory(error);
    for (int64_t i = 0; i < count; i++) x[i] = f.axes[0] != NULL ? f.axes[0][i] : (double)i;
    *series = (ll_figure_series){.count = count, .x = x, .y = f.values};
    m->panel->kind = LL_PANEL_CURVES;
    m->panel->x_label = axis_label(m, 0);
    m->panel->value_label = f.name;
    m->panel->curves = (ll_figure_curves){.series_count = 1, .series = series};
    choose_scale(m, f.values, count);
    return LL_OK;
}

static ll_status make_topology(const maker *m, ll_error *error)
{
    field f;
    LL_TRY(find_field(m, &f, error));
    ll_grid_field grid = {.type = LL_ARRAY_FLOAT64, .rank = f.array->rank, .values = f.values};
    for (int k = 0; k < f.array->rank; k++) grid.shape[k] = f.array->shape[k];
    ll_topology_options options = ll_topology_options_default();
    options.connectivity = m->options->connectivity;
    options.superlevel = m->options->superlevel;
    options.outputs = m->view == LL_VIEW_PROFILE ? LL_TOPOLOGY_TREE | LL_TOPOLOGY_ARCS : LL_TOPOLOGY_TREE;
    struct ll_record_panel_memory *own = m->memory;
    LL_TRY(ll_merge_tree_of_grid(&grid, &options, &own->tree, error));
    double epsilon = m->options->simplify > 0.0 ? m->options->simplify : -1.0;
    m->panel->value_label = f.name;
    choose_scale(m, f.values, ll_array_count(f.array));
    if (m->view == LL_VIEW_PROFILE) {
        LL_TRY(
            ll_profile_create(&own->tree, LL_ARRAY_FLOAT64, f.values, epsilon, true, &own->profile, error));
        m->panel->kind = LL_PANEL_PROFILE;
        m->panel->profile.profile = &own->profile;
        return LL_OK;
    }
    if (epsilon > 0.0) {
        ll_merge_tree kept;
        LL_TRY(ll_merge_tree_simplify(&own->tree, epsilon, true, &kept, error));
        ll_merge_tree_deinit(&own->tree);
        own->tree = kept;
    }
    if (m->view == LL_VIEW_TREE) {
        LL_TRY(ll_tree_layout_create(&own->tree, &own->layout, error));
        m->panel->kind = LL_PANEL_TREE;
        m->panel->tree.layout = &own->layout;
        return LL_OK;
    }
    m->panel->kind = m->view == LL_VIEW_DIAGRAM ? LL_PANEL_DIAGRAM : LL_PANEL_BARCODE;
    m->panel->pairs = (ll_figure_pairs){.pairs = own->tree.pairs, .count = own->tree.minima};
    return LL_OK;
}

/* ---------------------------------------------------------------- curvature */

/* One series over x; `spread` makes a band of value -+ spread; NULL: none. */
static ll_status one_series(const maker *m, const char *name, const double *x, const double *y,
                            const double *spread, int64_t count, bool markers, ll_error *error)
{
    ll_figure_series *series = take(m, 1, sizeof *series);
    if (series == NULL) return no_memory(error);
    *series = (ll_figure_series){
        .name = name, .count = count, .x = x, .y = y, .markers = markers, .no_line = markers};
    if (spread != NULL) {
        double *low = take(m, count, sizeof *low), *high = take(m, count, sizeof *high);
        if (low == NULL || high == NULL) return no_memory(error);
        for (int64_t i = 0; i < count; i++) {
            low[i] = y[i] - spread[i];
            high[i] = y[i] + spread[i];
        }
        series->low = low;
        series->high = high;
    }
    m->panel->kind = LL_PANEL_CURVES;
    m->panel->curves = (ll_figure_curves){.series_count = 1, .series = series};
    return LL_OK;
}

static double *one_two_three(const maker *m, int64_t count)
{
    double *x = take(m, count, sizeof *x);
    for (int64_t i = 0; x != NULL && i < count; i++) x[i] = (double)(i + 1);
    return x;
}

static ll_status make_density(const maker *m, ll_error *error)
{
    const double *grid, *density, *spread = NULL;
    int64_t count, values;
    LL_TRY(array_of(m, "grid", &grid, &count, error));
    LL_TRY(array_of(m, "density", &density, &values, error));
    if (ll_record_find(m->record, "density_standard_error") != NULL)
        LL_TRY(array_of(m, "density_standard_error", &spread, &values, error));
    if (values != count) return ll_fail(error, LL_SHAPE, "figures", "density", "its arrays differ in length");
    /* On a log axis a density below a millionth of its peak is nothing to be seen. */
    double peak = 0.0, *shown = take(m, count, sizeof *shown);
    if (shown == NULL) return no_memory(error);
    for (int64_t i = 0; i < count; i++) peak = fmax(peak, density[i]);
    for (int64_t i = 0; i < count; i++) shown[i] = density[i] > 1e-6 * peak ? density[i] : NAN;
    LL_TRY(one_series(m, NULL, grid, shown, spread, count, false, error));
    m->panel->x_label = "eigenvalue λ of the Hessian";
    m->panel->value_label = "spectral density (1/λ)";
    if (!m->options->scale_given) {
        m->memory->scale = LL_SCALE_LOG;
        m->panel->scale = &m->memory->scale;
    }
    return LL_OK;
}

static ll_status make_eigenvalues(const maker *m, ll_error *error)
{
    const double *values, *residuals, *sampling = NULL;
    int64_t count, same;
    LL_TRY(array_of(m, "eigenvalues", &values, &count, error));
    LL_TRY(array_of(m, "residuals", &residuals, &same, error));
    if (ll_record_find(m->record, "sampling_error") != NULL)
        LL_TRY(array_of(m, "sampling_error", &sampling, &same, error));
    if (same != count)
        return ll_fail(error, LL_SHAPE, "figures", "eigenvalues", "its arrays differ in length");
    double *spread = take(m, count, sizeof *spread), *x = one_two_three(m, count);
    if (spread == NULL || x == NULL) return no_memory(error);
    for (int64_t i = 0; i < count; i++)
        spread[i] = sampling != NULL ? sampling[i] : residuals[i] * fabs(values[i]);
    LL_TRY(one_series(m, NULL, x, values, spread, count, true, error));
    m->panel->x_label = "number";
    m->panel->value_label = sampling != NULL ? "eigenvalue ± sampling error" : "eigenvalue ± residual";
    choose_scale(m, values, count);
    return LL_OK;
}

static ll_status make_layers(const maker *m, ll_error *error)
{
    const double *values, *spread;
    int64_t count, same;
    LL_TRY(array_of(m, "tensor_trace", &values, &count, error));
    LL_TRY(array_of(m, "tensor_standard_error", &spread, &same, error));
    double *x = one_two_three(m, count);
    if (same != count)
        return ll_fail(error, LL_SHAPE, "figures", "tensor_trace", "its arrays differ in length");
    if (x == NULL) return no_memory(error);
    LL_TRY(one_series(m, NULL, x, values, spread, count, true, error));
    m->panel->x_label = "tensor, first to last";
    m->panel->value_label = "trace ± standard error";
    choose_scale(m, values, count);
    return LL_OK;
}

/* ---------------------------------------------------------------- paths, training, matrices */

static ll_status make_curve(const maker *m, ll_error *error)
{
    const double *t, *loss, *line;
    int64_t count, same[2];
    const char *path = "curve";
    LL_TRY(array_of(m, "t", &t, &count, error));
    LL_TRY(array_of(m, "loss", &loss, &same[0], error));
    LL_TRY(array_of(m, "linear_loss", &line, &same[1], error));
    if (same[0] != count || same[1] != count)
        return ll_fail(error, LL_SHAPE, "figures", "curve", "its arrays differ in length");
    if (ll_record_find(m->record, "path") != NULL)
        LL_TRY(ll_record_get_text(m->record, "path", &path, error));
    ll_figure_series *series = take(m, 2, sizeof *series);
    double *all = take(m, 2 * count, sizeof *all);
    if (series == NULL || all == NULL) return no_memory(error);
    series[0] = (ll_figure_series){.name = path, .count = count, .x = t, .y = loss};
    series[1] =
        (ll_figure_series){.name = "straight line", .count = count, .x = t, .y = line, .dashed = true};
    memcpy(all, loss, (size_t)count * sizeof *all);
    memcpy(all + count, line, (size_t)count * sizeof *all);
    bool straight = strcmp(path, "linear") == 0;
    m->panel->kind = LL_PANEL_CURVES;
    m->panel->x_label = "t";
    m->panel->value_label = "loss";
    m->panel->curves =
        (ll_figure_curves){.series_count = straight ? 1 : 2, .series = straight ? series + 1 : series};
    choose_scale(m, all, 2 * count);
    return LL_OK;
}

static ll_status make_training(const maker *m, ll_error *error)
{
    const double *loss, *evaluated, *epochs;
    int64_t count, times = 0, same = 0;
    LL_TRY(array_of(m, "loss", &loss, &count, error));
    ll_figure_series *series = take(m, 2, sizeof *series);
    double *x = one_two_three(m, count);
    if (series == NULL || x == NULL) return no_memory(error);
    series[0] = (ll_figure_series){.name = "training", .count = count, .x = x, .y = loss};
    if (ll_record_find(m->record, "evaluation_loss") != NULL) {
        LL_TRY(array_of(m, "evaluation_loss", &evaluated, &same, error));
        LL_TRY(array_of(m, "evaluated_epochs", &epochs, &times, error));
        series[1] = (ll_figure_series){
            .name = "evaluation", .count = times, .x = epochs, .y = evaluated, .dashed = true};
    }
    m->panel->kind = LL_PANEL_CURVES;
    m->panel->x_label = "epoch";
    m->panel->value_label = "loss";
    m->panel->curves =
        (ll_figure_curves){.series_count = times > 0 && same == times ? 2 : 1, .series = series};
    choose_scale(m, loss, count);
    return LL_OK;
}

static ll_status make_matrix(const maker *m, const char *name, const char *names, const char *label,
                             ll_error *error)
{
    const ll_array *array;
    const double *values;
    LL_TRY(ll_record_get_array(m->record, name, &array, error));
    if (array->rank != 2)
        return ll_fail(error, LL_SHAPE, "figures", name, "it has %d axes; wanted 2", array->rank);
    LL_TRY(doubles(m, array, &values, error));
    const char *const *lines =
        array->shape[0] == array->shape[1] && names != NULL ? lines_of(m, names, array->shape[0]) : NULL;
    m->panel->kind = LL_PANEL_MATRIX;
    m->panel->value_label = label;
    m->panel->matrix = (ll_figure_matrix){.rows = array->shape[0],
                                          .columns = array->shape[1],
                                          .values = values,
                                          .row_names = lines,
                                          .column_names = lines};
    m->memory->scale = LL_SCALE_LINEAR;
    m->panel->scale = &m->memory->scale;
    return LL_OK;
}

/* Entries are layers of models: "plain/0 fc". */
static ll_status make_cka(const maker *m, ll_error *error)
{
    LL_TRY(make_matrix(m, "matrix", "layer_names", "linear CKA", error));
    ll_figure_matrix *matrix = &m->panel->matrix;
    const double *model;
    int64_t count, models = 1;
    if (matrix->row_names == NULL || ll_record_find(m->record, "entry_model") == NULL) return LL_OK;
    LL_TRY(array_of(m, "entry_model", &model, &count, error));
    for (int64_t i = 0; i < count; i++) models = ll_max_int64(models, (int64_t)model[i] + 1);
    const char *const *names = models > 1 && models < 100000 ? lines_of(m, "model_names", models) : NULL;
    if (names == NULL || count != matrix->rows) return LL_OK;
    const char **labels = take(m, count, sizeof *labels);
    if (labels == NULL) return no_memory(error);
    for (int64_t i = 0; i < count; i++) {
        ll_text text = {0};
        ll_text_format(&text, "%s %s", model[i] >= 0.0 ? names[(int64_t)model[i]] : "", matrix->row_names[i]);
        labels[i] = text.failed ? NULL : ll_arena_text(m->memory->arena, text.text);
        ll_text_deinit(&text);
        if (labels[i] == NULL) return no_memory(error);
    }
    matrix->row_names = matrix->column_names = labels;
    return LL_OK;
}

static ll_status make_confusion(const maker *m, ll_error *error)
{
    if (ll_record_find(m->record, "confusion") == NULL)
        return ll_fail(error, LL_UNSUPPORTED, "figures", "confusion",
                       "it shows the classes of a classifier, and this model sorts nothing into classes");
    LL_TRY(make_matrix(m, "confusion", "class_names", "samples", error));
    ll_figure_matrix *matrix = &m->panel->matrix;
    if (matrix->row_names == NULL && matrix->rows == matrix->columns) {
        const char **numbers = take(m, matrix->rows, sizeof *numbers);
        if (numbers == NULL) return no_memory(error);
        for (int64_t i = 0; i < matrix->rows; i++) {
            char text[32];
            snprintf(text, sizeof text, "%lld", (long long)i);
            numbers[i] = ll_arena_text(m->memory->arena, text);
            if (numbers[i] == NULL) return no_memory(error);
        }
        matrix->row_names = matrix->column_names = numbers;
    }
    m->panel->x_label = "predicted class";
    m->panel->y_label = "true class";
    return LL_OK;
}

/* u(x, t) or its difference from the exact one, over x and t. */
static ll_status make_solution(const maker *m, ll_error *error)
{
    const ll_array *array;
    const double *solution, *exact;
    int64_t count, x_count, t_count, same;
    LL_TRY(ll_record_get_array(m->record, "solution", &array, error));
    if (array->rank != 2)
        return ll_fail(error, LL_UNSUPPORTED, "figures", "solution", "it has %d axes; wanted 2", array->rank);
    count = ll_array_count(array);
    LL_TRY(doubles(m, array, &solution, error));
    if (m->view == LL_VIEW_SOLUTION_ERROR) {
        LL_TRY(array_of(m, "exact", &exact, &same, error));
        double *difference = take(m, count, sizeof *difference);
        if (same != count)
            return ll_fail(error, LL_SHAPE, "figures", "exact", "it differs in size from the solution");
        if (difference == NULL) return no_memory(error);
        for (int64_t i = 0; i < count; i++) difference[i] = solution[i] - exact[i];
        solution = difference;
        m->memory->colormap = LL_COLORMAP_BALANCE;
        m->panel->colormap = &m->memory->colormap;
    }
    m->panel->kind = LL_PANEL_CONTOUR;
    m->panel->x_label = "x";
    m->panel->y_label = "t";
    m->panel->value_label = m->view == LL_VIEW_SOLUTION_ERROR ? "u − exact u" : "u";
    m->panel->field =
        (ll_figure_field){.x_count = array->shape[0], .y_count = array->shape[1], .values = solution};
    LL_TRY(array_of(m, "axis_0", &m->panel->field.x, &x_count, error));
    LL_TRY(array_of(m, "axis_1", &m->panel->field.y, &t_count, error));
    if (x_count != array->shape[0] || t_count != array->shape[1])
        return ll_fail(error, LL_SHAPE, "figures", "solution", "its axes differ in length from it");
    m->memory->scale = LL_SCALE_LINEAR;
    m->panel->scale = &m->memory->scale;
    return LL_OK;
}

static ll_status make(const maker *m, ll_error *error)
{
    switch (m->view) {
    case LL_VIEW_CONTOUR:
    case LL_VIEW_SURFACE: return make_plane(m, error);
    case LL_VIEW_LINE: return make_line(m, error);
    case LL_VIEW_DIAGRAM:
    case LL_VIEW_BARCODE:
    case LL_VIEW_TREE:
    case LL_VIEW_PROFILE: return make_topology(m, error);
    case LL_VIEW_DENSITY: return make_density(m, error);
    case LL_VIEW_EIGENVALUES: return make_eigenvalues(m, error);
    case LL_VIEW_LAYERS: return make_layers(m, error);
    case LL_VIEW_CURVE: return make_curve(m, error);
    case LL_VIEW_TRAINING: return make_training(m, error);
    case LL_VIEW_CKA: return make_cka(m, error);
    case LL_VIEW_DISTANCES: return make_matrix(m, "matrix", "models", "distance", error);
    case LL_VIEW_CONFUSION: return make_confusion(m, error);
    case LL_VIEW_SOLUTION:
    case LL_VIEW_SOLUTION_ERROR: return make_solution(m, error);
    case LL_VIEWS: break;
    }
    return ll_fail(error, LL_INVALID_ARGUMENT, "figures", NULL, "there is no view %d", (int)m->view);
}

ll_status ll_record_panel_create(ll_view view, const ll_record *record, const char *title,
                                 const ll_record_panel_options *options, ll_record_panel *panel,
                                 ll_error *error)
{
    const ll_record_panel_options none = {0};
    if ((unsigned)view >= LL_VIEWS || record == NULL)
        return ll_fail(error, LL_INVALID_ARGUMENT, "figures", NULL, "there is no view %d, or no record",
                       (int)view);
    if (!ll_view_shows(view, ll_record_kind(record)))
        return ll_fail(error, LL_UNSUPPORTED, "figures", views[view].name,
                       "it shows records of kind %s; got %s", views[view].kinds, ll_record_kind(record));
    ll_record_panel made = {.memory = ll_allocate_array(1, sizeof *made.memory)};
    if (made.memory == NULL) return no_memory(error);
    *made.memory = (struct ll_record_panel_memory){.arena = ll_arena_create(4096)};
    const maker m = {record, options != NULL ? options : &none, made.memory, &made.panel, view};
    ll_status status = made.memory->arena != NULL ? LL_OK : no_memory(error);
    if (status == LL_OK && title != NULL) {
        made.panel.title = ll_arena_text(made.memory->arena, title);
        if (made.panel.title == NULL) status = no_memory(error);
    }
    if (status == LL_OK) status = make(&m, error);
    if (status != LL_OK) {
        ll_record_panel_deinit(&made);
        return status;
    }
    *panel = made;
    return LL_OK;
}
