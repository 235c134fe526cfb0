#define _POSIX_C_SOURCE 200809L

/* losslens landscape - the loss over a line, a plane or a box of directions around a network. */
#include "analysis.h"
#include "figure_options.h"
#include "file_sink.h"
#include "json.h"
#include "options.h"
#include "progress.h"
#include "setup_flags.h"

#include "losslens/curvature.h"
#include "losslens/formats.h"
#include "losslens/landscape.h"
#include "losslens/problem_vectors.h"

#include <glob.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CHECKPOINTS = LL_LIST_LIMIT };

typedef struct settings {
    ll_setup_flags setup;
    ll_figure_settings figure;
    const char *analytic, *grid, *direction, *normalise, *small, *batch_norm, *surface, *pieces;
    ll_texts range, trajectory, to;
    bool json, orthogonal, halves, metrics, gradient_norm, eigenvalues, quiet, uncentred, barycentric;
    int64_t direction_seed, planes, calibration, batch, dimensions;
    double adaptive;
} settings;

/* What is open while the verb works. */
typedef struct work {
    ll_setup *setup;
    ll_problem *analytic;
    ll_problem *problem; /* one of the two */
    void *theta[MOST_CHECKPOINTS], *buffers[MOST_CHECKPOINTS];
    int loaded;
    void *vectors; /* eigenvectors or a gradient in the problem's type */
    double *coordinates, *residuals;
    int64_t path;  /* points of the trajectory */
    ll_axes axes;
    ll_landscape *landscape;
    ll_record *record;
} work;

static void work_deinit(work *w)
{
    ll_record_destroy(w->record);
    ll_landscape_destroy(w->landscape);
    ll_axes_deinit(&w->axes);
    for (int i = 0; i < w->loaded; i++) {
        ll_free(w->theta[i]);
        ll_free(w->buffers[i]);
    }
    ll_free(w->vectors);
    ll_free(w->coordinates);
    ll_free(w->residuals);
    ll_problem_destroy(w->analytic);
    ll_setup_destroy(w->setup);
}

/* ------------------------------------------------------------------ what is asked for */

static bool parse_grid(const char *text, int64_t size[LL_LANDSCAPE_MAX_DIMENSIONS], int *dimensions)
{
    int count = 0;
    for (const char *at = text;; at++) {
        char *end;
        long long value = strtoll(at, &end, 10);
        if (end == at || value < 1 || value > 1000000 || count == LL_LANDSCAPE_MAX_DIMENSIONS) return false;
        size[count++] = value;
        at = end;
        if (*at == 0) break;
        if (*at != 'x' && *at != ',') return false;
    }
    *dimensions = count;
    return true;
}

static bool parse_range(const char *text, double *low, double *high)
{
    char *end;
    *low = strtod(text, &end);
    if (end == text || *end != ':') return false;
    const char *second = end + 1;
    *high = strtod(second, &end);
    return end != second && *end == 0 && isfinite(*low) && isfinite(*high) && *low < *high;
}

static ll_status open_analytic(const settings *s, work *w, int dimensions, ll_error *error)
{
    static const char *const names[] = {"quadratic", "rosenbrock", "himmelblau", "rastrigin", "two-well"};
    double values[LL_LANDSCAPE_MAX_DIMENSIONS];
    for (int d = 0; d < LL_LANDSCAPE_MAX_DIMENSIONS; d++) values[d] = 1.0 + d;
    ll_analytic_options options = {.type = LL_REAL_FLOAT64, .dimensions = dimensions < 2 ? 2 : dimensions, .values = values};
    for (int k = 0; k < LL_COUNT(names); k++)
        if (strcmp(names[k], s->analytic) == 0) options.kind = (ll_analytic_kind)k;
    return ll_problem_create_analytic(&options, &w->analytic, error);
}

static ll_status open_network(const settings *s, work *w, ll_error *error)
{
    ll_setup_role roles[2] = {ll_setup_flags_evaluate(&s->setup)};
    roles[1] = (ll_setup_role){.role = "calibrate",
                               .choice = {.split = LL_SPLIT_TRAIN, .count = s->calibration, .seed = (uint64_t)s->setup.seed},
                               .optional = true};
    return ll_setup_flags_open(&s->setup, roles, s->setup.problem != NULL ? 0 : 2, &w->setup, error);
}

/* ------------------------------------------------------------------ directions */

static ll_status load_one(work *w, const char *file, ll_error *error)
{
    if (w->loaded == MOST_CHECKPOINTS)
        return ll_fail(error, LL_TOO_LARGE, "losslens", file, "there are more than %d checkpoints", MOST_CHECKPOINTS);
    LL_TRY(ll_setup_load(w->setup, file, &w->theta[w->loaded], &w->buffers[w->loaded], error));
    w->loaded++;
    return LL_OK;
}

static int natural(const void *a, const void *b)
{
    return ll_natural_compare(*(char *const *)a, *(char *const *)b);
}

/* Each text is a file or a pattern (run/epoch_*.pt), whose files come in natural order. */
static ll_status load_all(work *w, const ll_texts *files, ll_error *error)
{
    for (int i = 0; i < files->count; i++) {
        const char *text = files->items[i];
        glob_t found;
        if (strpbrk(text, "*?[") == NULL) {
            LL_TRY(load_one(w, text, error));
            continue;
        }
        if (glob(text, 0, NULL, &found) != 0) return ll_fail(error, LL_NOT_FOUND, "losslens", text, "no file fits this pattern");
        qsort(found.gl_pathv, found.gl_pathc, sizeof *found.gl_pathv, natural);
        ll_status status = LL_OK;
        for (size_t k = 0; k < found.gl_pathc && status == LL_OK; k++) status = load_one(w, found.gl_pathv[k], error);
        globfree(&found);
        LL_TRY(status);
    }
    return LL_OK;
}

static ll_status random_or_given(const settings *s, work *w, int dimensions, const char *name, const void *const *vectors,
                                 ll_error *error)
{
    ll_axes_options options = {.dimensions = dimensions, .seed = (uint64_t)s->direction_seed,
                               .orthogonal = s->orthogonal ? LL_ORTHOGONAL_YES : LL_ORTHOGONAL_AUTO};
    for (int d = 0; d < dimensions; d++) {
        ll_axis_choice *axis = &options.axis[d];
        axis->vector = vectors != NULL ? vectors[d] : NULL;
        axis->name = name;
        if (vectors == NULL || s->normalise != NULL)
            (void)ll_direction_norm_parse(s->normalise != NULL ? s->normalise : "filter", &axis->normalisation);
        (void)ll_small_rule_parse(s->small, &axis->small);
    }
    return ll_axes_create(ll_problem_view(w->problem), ll_problem_origin(w->problem), &options, &w->axes, error);
}

static ll_status coordinate_axes(work *w, int dimensions, ll_error *error)
{
    int64_t n = ll_problem_view(w->problem)->parameter_count;
    double *unit = w->vectors = ll_allocate_zeroed((size_t)(n * dimensions) * sizeof *unit);
    if (unit == NULL) return ll_fail_memory(error, "losslens", (size_t)(n * dimensions) * sizeof *unit);
    ll_axes_options options = {.dimensions = dimensions};
    for (int d = 0; d < dimensions; d++) {
        unit[d * n + d] = 1.0;
        options.axis[d].vector = unit + d * n;
        options.axis[d].name = "coordinate";
    }
    return ll_axes_create(ll_problem_view(w->problem), ll_problem_origin(w->problem), &options, &w->axes, error);
}

static ll_status hessian_axes(const settings *s, work *w, int dimensions, ll_error *error)
{
    const ll_problem_info *info = ll_problem_view(w->problem);
    ll_samples lists[LL_ANALYSIS_TERMS];
    (void)ll_analysis_samples(w->problem, lists);
    const ll_curvature_target target = {.problem = w->problem, .samples = lists, .product = LL_PRODUCT_HESSIAN};
    const ll_eigen_options options = {.count = dimensions, .sampling_subsets = -1};
    ll_record *pairs = NULL;
    LL_TRY(ll_curvature_eigenpairs(&target, &options, NULL, &pairs, error));
    const ll_array *vectors;
    ll_status status = ll_record_get_array(pairs, "eigenvectors", &vectors, error);
    int64_t n = info->parameter_count;
    if (status == LL_OK && ll_array_count(vectors) < n * dimensions)
        status = ll_fail(error, LL_NUMERIC, "losslens", "hessian", "fewer than %d eigenvectors were found", dimensions);
    const void *view[LL_LANDSCAPE_MAX_DIMENSIONS];
    if (status == LL_OK) {
        w->vectors = ll_allocate_array(n * dimensions, ll_real_bytes(info->type));
        if (w->vectors == NULL) status = ll_fail_memory(error, "losslens", (size_t)(n * dimensions) * ll_real_bytes(info->type));
    }
    for (int d = 0; d < dimensions && status == LL_OK; d++) {
        void *to = ll_vector_at_mutable(info->type, w->vectors, d * n);
        for (int64_t i = 0; i < n; i++) {
            double value = ll_array_get(vectors, d * n + i);
            ll_vector_from_double(info->type, 1, &value, ll_vector_at_mutable(info->type, to, i));
        }
        view[d] = to;
    }
    ll_record_destroy(pairs);
    return status == LL_OK ? random_or_given(s, w, dimensions, "hessian", view, error) : status;
}

static ll_status gradient_axes(const settings *s, work *w, ll_error *error)
{
    const ll_problem_info *info = ll_problem_view(w->problem);
    const void *theta = ll_problem_origin(w->problem);
    w->vectors = ll_allocate_array(info->parameter_count, ll_real_bytes(info->type));
    if (w->vectors == NULL) return ll_fail_memory(error, "losslens", (size_t)info->parameter_count * ll_real_bytes(info->type));
    const void *buffers = ll_problem_origin_buffers(w->problem);
    ll_samples lists[LL_ANALYSIS_TERMS];
    (void)ll_analysis_samples(w->problem, lists);
    ll_request request = {.points = 1, .thetas = &theta, .buffers = buffers != NULL ? &buffers : NULL, .buffers_shared = true,
                          .samples = (info->capabilities & LL_CAN_SUBSETS) != 0 ? lists : NULL, .gradients = &w->vectors};
    LL_TRY(ll_problem_evaluate(w->problem, &request, error));
    const void *view[1] = {w->vectors};
    return random_or_given(s, w, 1, "gradient", view, error);
}

/* Directions, and for paths and planes through checkpoints their coordinates. `automatic`: the range is free. */
static ll_status make_axes(const settings *s, work *w, int dimensions, ll_error *error)
{
    const ll_problem_info *info = ll_problem_view(w->problem);
    const void *origin = ll_problem_origin(w->problem), *own = ll_problem_origin_buffers(w->problem);
    if (strcmp(s->direction, "coordinates") == 0) return coordinate_axes(w, dimensions, error);
    if (strcmp(s->direction, "hessian") == 0) return hessian_axes(s, w, dimensions, error);
    if (strcmp(s->direction, "gradient") == 0) return gradient_axes(s, w, error);
    if (strcmp(s->direction, "between") == 0) {
        LL_TRY(load_all(w, &s->to, error));
        if (w->loaded == 1) return ll_axes_between(info, origin, w->theta[0], own, w->buffers[0], &w->axes, error);
        const void *theta[4] = {origin, w->theta[0], w->theta[1], w->theta[2]};
        const void *buffers[4] = {own, w->buffers[0], w->buffers[1], w->buffers[2]};
        if (s->barycentric) return ll_axes_barycentric(info, theta, buffers, &w->axes, error);
        if (w->loaded == 3) return ll_axes_bilinear(info, theta, buffers, &w->axes, error);
        w->coordinates = ll_allocate_array(6, sizeof *w->coordinates);
        if (w->coordinates == NULL) return ll_fail_memory(error, "losslens", 48);
        w->path = 3;
        return ll_axes_plane(info, theta, buffers, &w->axes, w->coordinates, error);
    }
    if (strcmp(s->direction, "pca") == 0 || s->trajectory.count > 0) {
        LL_TRY(load_all(w, &s->trajectory, error));
        const ll_trajectory path = {.theta = (const void *const *)w->theta, .count = w->loaded};
        if (strcmp(s->direction, "pca") == 0)
            LL_TRY(ll_axes_pca(info, origin, &path, 1, dimensions, s->uncentred, &w->axes, error));
        else
            LL_TRY(random_or_given(s, w, dimensions, NULL, NULL, error));
        w->coordinates = ll_allocate_array(w->loaded, (size_t)dimensions * sizeof *w->coordinates);
        w->residuals = ll_allocate_array(w->loaded, sizeof *w->residuals);
        if (w->coordinates == NULL || w->residuals == NULL) return ll_fail_memory(error, "losslens", (size_t)w->loaded * 16);
        w->path = w->loaded;
        return ll_axes_project(&w->axes, origin, (const void *const *)w->theta, w->loaded, w->coordinates, w->residuals, error);
    }
    return random_or_given(s, w, dimensions, NULL, NULL, error);
}

/* ------------------------------------------------------------------ running */

/* How much of the path's squared distance from the centre lies in the plane. */
static double share_in_plane(const work *w)
{
    double inside = 0.0, outside = 0.0;
    int n = w->axes.dimensions;
    for (int64_t p = 0; p < w->path; p++) {
        const double *c = w->coordinates + p * n;
        outside += w->residuals[p] * w->residuals[p];
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++) inside += c[i] * c[j] * w->axes.gram[i][j];
    }
    return inside / (inside + outside);
}

/* Two halves of the evaluated samples: every second one. */
static ll_status make_halves(const work *w, ll_samples halves[2], ll_samples *all, int64_t **storage, ll_error *error)
{
    const ll_problem_info *info = ll_problem_view(w->problem);
    const int64_t *indices = NULL;
    int64_t count = 0;
    if (info->terms != 1 || (info->capabilities & LL_CAN_SUBSETS) == 0)
        return ll_fail(error, LL_UNSUPPORTED, "losslens", "--halves", "wants a loss with one term over a list of samples");
    if (ll_problem_role(w->problem, "evaluate", 0, &indices, &count, NULL) != LL_OK) count = info->term[0].samples;
    if (count < 2) return ll_fail(error, LL_INVALID_ARGUMENT, "losslens", "--halves", "there are fewer than two samples");
    *storage = ll_allocate_array(2 * count, sizeof **storage);
    if (*storage == NULL) return ll_fail_memory(error, "losslens", (size_t)(2 * count) * sizeof **storage);
    int64_t *a = *storage, *b = a + (count + 1) / 2, *whole = a + count;
    for (int64_t i = 0; i < count; i++) {
        whole[i] = indices != NULL ? indices[i] : i;
        if (i % 2 == 0) a[i / 2] = whole[i];
        else b[i / 2] = whole[i];
    }
    halves[0] = (ll_samples){a, (count + 1) / 2};
    halves[1] = (ll_samples){b, count / 2};
    *all = (ll_samples){whole, count};
    return LL_OK;
}

static ll_status sample(const settings *s, work *w, ll_landscape_options *options, ll_error *error)
{
    ll_samples halves[2], all;
    int64_t *storage = NULL;
    ll_sample_set sets[3];
    if (s->halves) {
        LL_TRY(make_halves(w, halves, &all, &storage, error));
        sets[0] = (ll_sample_set){"evaluate", &all};
        sets[1] = (ll_sample_set){"half_a", &halves[0]};
        sets[2] = (ll_sample_set){"half_b", &halves[1]};
        options->sets = sets;
        options->set_count = 3;
    }
    ll_file_sink *files = NULL;
    ll_status status = LL_OK;
    if (s->pieces != NULL) {
        ll_text identity = {0};
        ll_text_format(&identity, "landscape --grid %s --direction %s --batch-norm %s --planes %lld", s->grid, s->direction,
                       s->batch_norm, (long long)s->planes);
        status = identity.failed ? ll_fail_memory(error, "losslens", 1024)
                                 : ll_file_sink_create(s->pieces, identity.text, NULL, &files, error);
        ll_text_deinit(&identity);
    }
    if (status != LL_OK) {
        ll_free(storage);
        return status;
    }
    const ll_sink pieces = files != NULL ? ll_file_sink_view(files) : (ll_sink){0};
    ll_progress_line line;
    ll_progress_begin(&line, s->quiet || s->json, 0.0);
    const ll_sink sink = ll_progress_sink(&line, files != NULL ? &pieces : NULL);
    if (s->planes > 1) {
        ll_axes_options axes = {.dimensions = w->axes.dimensions, .seed = (uint64_t)s->direction_seed,
                                .orthogonal = s->orthogonal ? LL_ORTHOGONAL_YES : LL_ORTHOGONAL_AUTO};
        for (int d = 0; d < axes.dimensions; d++) {
            axes.axis[d].normalisation = w->axes.normalisation[d];
            axes.axis[d].small = w->axes.small[d];
        }
        status = ll_landscape_planes(w->problem, &axes, options, s->planes, &sink, &w->record, error);
    } else {
        status = ll_landscape_create(w->problem, options, &w->landscape, error);
        if (status == LL_OK) status = ll_landscape_run(w->landscape, &sink, error);
        /* Interrupted: what is done is still a picture. */
        ll_status ended = status == LL_OK || status == LL_CANCELLED ? ll_landscape_record(w->landscape, &w->record, error) : status;
        if (status == LL_CANCELLED && ended == LL_OK)
            fprintf(stderr, "\nlosslens landscape: interrupted; points not done are NaN%s\n",
                    files != NULL ? "; the same command continues" : "");
        status = ended;
    }
    ll_progress_end(&line);
    ll_file_sink_destroy(files);
    ll_free(storage);
    if (status == LL_OK && s->setup.samples > 0)
        status = ll_record_set_integer(w->record, "samples_requested", "samples", s->setup.samples, error);
    if (status == LL_OK && w->residuals != NULL && w->axes.pca_rows == 0)
        status = ll_record_set_real(w->record, "trajectory_explained_variance", "", share_in_plane(w), error);
    if (status == LL_OK && w->path > 0 && w->axes.dimensions <= 2) {
        ll_array path = {.type = LL_ARRAY_FLOAT64, .rank = 2, .shape = {w->path, w->axes.dimensions}, .data = w->coordinates};
        status = ll_record_set_array(w->record, "trajectory", "direction lengths", &path, error);
        if (status == LL_OK && w->residuals != NULL)
            status = ll_record_set_reals(w->record, "trajectory_residual", "", w->residuals, w->path, error);
    }
    return status;
}

/* ------------------------------------------------------------------ answers */

static void json_array(ll_json *json, const ll_array *array, int axis, int64_t *at)
{
    if (axis == array->rank) {
        ll_json_number(json, ll_array_get(array, (*at)++));
        return;
    }
    ll_json_open(json, '[');
    for (int64_t i = 0; i < array->shape[axis]; i++) json_array(json, array, axis + 1, at);
    ll_json_close(json, ']');
}

static void json_record(ll_json *json, const ll_record *record)
{
    for (int64_t i = 0; i < ll_record_field_count(record); i++) {
        const ll_field *field = ll_record_field_at(record, i);
        ll_json_key(json, field->name);
        int64_t at = 0;
        switch (field->type) {
        case LL_FIELD_INTEGER: ll_json_integer(json, field->integer); break;
        case LL_FIELD_REAL: ll_json_number(json, field->real); break;
        case LL_FIELD_TEXT: ll_json_text(json, field->text); break;
        case LL_FIELD_ARRAY: json_array(json, &field->array, 0, &at); break;
        }
    }
}

static bool print_json(const ll_record *record, const ll_finding *findings, int count)
{
    ll_json json = {0};
    ll_json_open(&json, '{');
    json_record(&json, record);
    ll_json_key(&json, "checks");
    ll_json_open(&json, '[');
    for (int c = 0; c < count; c++) {
        ll_json_open(&json, '{');
        ll_json_add_text(&json, "check", ll_finding_name(findings[c].check));
        ll_json_add_text(&json, "verdict", ll_verdict_name(findings[c].verdict));
        ll_json_add_number(&json, "number", findings[c].number);
        ll_json_add_text(&json, "sentence", findings[c].sentence);
        ll_json_add_text(&json, "next", findings[c].next);
        ll_json_close(&json, '}');
    }
    ll_json_close(&json, ']');
    ll_json_close(&json, '}');
    return ll_json_print(&json, stdout);
}

static void print_number(const ll_record *record, const char *name, const char *label)
{
    double value;
    char text[LL_NUMBER_TEXT];
    if (ll_record_get_real(record, name, &value, NULL) == LL_OK)
        printf("  %-34s %s\n", label, ll_print_number(value, 6, text));
}

static bool print_text(const ll_record *record, const ll_finding *findings, int count)
{
    const ll_array *loss;
    char text[2][LL_NUMBER_TEXT];
    const char *name = ll_record_find(record, "loss_mean") != NULL ? "loss_mean" : "loss";
    if (ll_record_get_array(record, name, &loss, NULL) == LL_OK) {
        double least = INFINITY, most = -INFINITY;
        for (int64_t p = 0; p < ll_array_count(loss); p++) {
            double value = ll_array_get(loss, p);
            if (!isfinite(value)) continue;
            least = fmin(least, value);
            most = fmax(most, value);
        }
        printf("%s over", name);
        for (int d = 0; d < loss->rank; d++) printf("%s%lld", d > 0 ? " x " : " ", (long long)loss->shape[d]);
        printf(" points: lowest %s, highest %s\n", ll_print_number(least, 6, text[0]), ll_print_number(most, 6, text[1]));
    }
    print_number(record, "centre_loss", "loss of the checkpoint itself");
    print_number(record, "centre_reestimated_loss", "with batch norm re-estimated");
    if (count > 0) printf("\nis my plot right?\n");
    for (int c = 0; c < count; c++) {
        printf("  %-5s %-19s %s\n", ll_verdict_name(findings[c].verdict), ll_finding_name(findings[c].check), findings[c].sentence);
        if (findings[c].next[0] != 0) printf("  %-25s next: %s\n", "", findings[c].next);
    }
    return !ferror(stdout);
}

/* "direction 1 (random)". */
static const char *axis_label(const work *w, int axis, char text[64])
{
    snprintf(text, 64, "direction %d (%.40s)", axis + 1, w->axes.kind[axis]);
    return text;
}

static ll_status draw(const settings *s, const work *w, const ll_figure_options *options, ll_error *error)
{
    const ll_array *loss, *x, *y = NULL;
    LL_TRY(ll_record_get_array(w->record, s->planes > 1 ? "loss_mean" : "loss", &loss, error));
    LL_TRY(ll_record_get_array(w->record, "axis_0", &x, error));
    char labels[2][64];
    ll_panel panel = {.x_label = axis_label(w, 0, labels[0]), .value_label = "loss"};
    ll_figure_series series = {.count = ll_array_count(x), .x = x->data, .y = loss->data};
    if (loss->rank == 1) {
        panel.kind = LL_PANEL_CURVES;
        panel.curves = (ll_figure_curves){.series_count = 1, .series = &series};
    } else if (loss->rank == 2) {
        LL_TRY(ll_record_get_array(w->record, "axis_1", &y, error));
        panel.kind = strcmp(s->surface, "surface") == 0 ? LL_PANEL_SURFACE : LL_PANEL_CONTOUR;
        panel.y_label = axis_label(w, 1, labels[1]);
        panel.field = (ll_figure_field){.x_count = loss->shape[0], .y_count = loss->shape[1], .values = loss->data,
                                        .x = x->data, .y = y->data, .path_count = w->path, .path = w->coordinates};
    } else {
        return ll_fail(error, LL_UNSUPPORTED, "losslens", "--figure", "draws lines and planes; this landscape has %d dimensions",
                       loss->rank);
    }
    return ll_figure_write(s->figure.path, &panel, 1, options, error);
}

static ll_status fill_options(const settings *s, work *w, const int64_t *size, int dimensions, ll_landscape_options *options,
                              const double *low, const double *high, bool range_given)
{
    *options = (ll_landscape_options){.axes = &w->axes, .metrics = s->metrics, .gradient_norm = s->gradient_norm, .extreme_eigenvalues = s->eigenvalues,
                                      .batch_size = s->batch, .adaptive_tolerance = s->adaptive};
    (void)ll_batch_norm_parse(s->batch_norm, &options->batch_norm);
    if (!range_given && w->coordinates != NULL) {
        ll_range_auto(w->coordinates, w->path, dimensions, 0.15, options->low, options->high);
    } else {
        bool between = strcmp(s->direction, "between") == 0; /* alpha are shares of the way, or weights */
        for (int d = 0; d < dimensions; d++) {
            options->low[d] = range_given ? low[d] : between ? 0.0 : -1.0;
            options->high[d] = range_given ? high[d] : 1.0;
        }
    }
    for (int d = 0; d < dimensions; d++) options->size[d] = size[d];
    return LL_OK;
}

static int run(int argc, char **argv)
{
    settings s = {.setup = LL_SETUP_FLAGS_DEFAULT, .figure = ll_figure_settings_default(), .grid = "25x25", .direction = "random",
                  .small = "auto", .batch_norm = "auto", .surface = "contour", .planes = 1, .calibration = 1000, .batch = 500};
    const ll_option options[] = {
        LL_SETUP_OPTIONS(&s.setup),
        {"analytic", LL_OPTION_CHOICE, &s.analytic, "quadratic|rosenbrock|himmelblau|rastrigin|two-well", "a closed form instead of a network", 0, 0, NULL},
        {"grid", LL_OPTION_TEXT, &s.grid, "AxBx..", "points along each axis, 1 to 6 axes", 0, 0, NULL},
        {"range", LL_OPTION_TEXTS, &s.range, "LOW:HIGH", "of all axes, or repeated once an axis; default: -1:1, or what holds the path", 0, 0, NULL},
        {"direction", LL_OPTION_CHOICE, &s.direction, "random|hessian|pca|between|gradient|coordinates", "what spans the landscape", 0, 0, NULL},
        {"to", LL_OPTION_TEXTS, &s.to, "FILE", "between: the other checkpoint (line), two (plane) or three (bilinear)", 0, 0, NULL},
        {"trajectory", LL_OPTION_TEXTS, &s.trajectory, "FILE", "a checkpoint of the path, in order, or a quoted pattern run/epoch_*.pt; may be repeated", 0, 0, NULL},
        {"barycentric", LL_OPTION_FLAG, &s.barycentric, NULL, "between two others: axes are the weights of the checkpoints", 0, 0, NULL},
        {"uncentred", LL_OPTION_FLAG, &s.uncentred, NULL, "pca about the end instead of the mean", 0, 0, NULL},
        {"normalise", LL_OPTION_CHOICE, &s.normalise, "none|model|layer|filter", "length of directions; default: filter for random ones", 0, 0, NULL},
        {"small-tensors", LL_OPTION_CHOICE, &s.small, "auto|zero|keep|copy", "directions of biases and norms", 0, 0, NULL},
        {"orthogonal", LL_OPTION_FLAG, &s.orthogonal, NULL, "make the axes orthogonal", 0, 0, NULL},
        {"direction-seed", LL_OPTION_INTEGER, &s.direction_seed, "N", "of the random directions", 0, 1e15, NULL},
        {"planes", LL_OPTION_INTEGER, &s.planes, "R", "repeat over R seeds; mean and spread", 1, 1000, NULL},
        {"batch-norm", LL_OPTION_CHOICE, &s.batch_norm, "auto|keep|re-estimate|batch", "statistics at the other points", 0, 0, NULL},
        {"calibration", LL_OPTION_INTEGER, &s.calibration, "N", "training samples that re-estimate them", 1, 1e9, NULL},
        {"batch", LL_OPTION_INTEGER, &s.batch, "N", "samples a batch of statistics", 1, 1e9, NULL},
        {"halves", LL_OPTION_FLAG, &s.halves, NULL, "also two halves of the data: how much is noise", 0, 0, NULL},
        {"metrics", LL_OPTION_FLAG, &s.metrics, NULL, "also the error against a reference solution, which has many times the points", 0, 0, NULL},
        {"gradient-norm", LL_OPTION_FLAG, &s.gradient_norm, NULL, "also at every point", 0, 0, NULL},
        {"eigenvalues", LL_OPTION_FLAG, &s.eigenvalues, NULL, "also the extreme eigenvalues at every point", 0, 0, NULL},
        {"adaptive", LL_OPTION_REAL, &s.adaptive, "E", "interpolate where that is right within E of the range", 0, 1, NULL},
        {"kind", LL_OPTION_CHOICE, &s.surface, "contour|surface", "of the figure of a plane", 0, 0, NULL},
        LL_ANALYSIS_OPTIONS(&s.pieces, &s.quiet),
        LL_FIGURE_OPTIONS(&s.figure),
        LL_OPTION_THREADS(&s.setup.threads),
        LL_OPTION_JSON(&s.json),
    };
    const ll_command command = {
        .verb = "landscape", .usage = "--network NAME --checkpoint FILE --data SOURCE [options]",
        .about = "The loss over directions around a network (random, Hessian, trajectory, other checkpoints), and whether the "
                 "picture can be trusted. Ctrl-C keeps what is done.",
        .example = "losslens landscape --network resnet20 --shortcut B --checkpoint model.pt --data cifar10:cifar-10-batches-bin\n"
                   "    --mean .4914,.4822,.4465 --std .2023,.1994,.2010 --samples 500 --grid 25x25 --range -1:1 --figure out.pdf\n"
                   "losslens landscape --analytic rosenbrock --direction coordinates --grid 41x41 --range -2:2",
        .options = options, .option_count = LL_COUNT(options), .least_words = 0, .most_words = 0};
    ll_words words;
    int code;
    if (!ll_command_parse(&command, argc, argv, &words, &code)) return code;
    ll_figure_options figure;
    if (!ll_figure_settings_apply(&command, &s.figure, &figure, &code)) return code;
    int64_t size[LL_LANDSCAPE_MAX_DIMENSIONS];
    double low[LL_LANDSCAPE_MAX_DIMENSIONS], high[LL_LANDSCAPE_MAX_DIMENSIONS];
    int dimensions;
    if (!parse_grid(s.grid, size, &dimensions))
        return ll_command_misuse(&command, "--grid is '%s'; wanted 1 to 6 sizes, as 25x25", s.grid);
    if (s.range.count > 1 && s.range.count != dimensions)
        return ll_command_misuse(&command, "%d ranges for %d axes; wanted one, or one an axis", s.range.count, dimensions);
    for (int d = 0; d < dimensions && s.range.count > 0; d++)
        if (!parse_range(s.range.items[s.range.count > 1 ? d : 0], &low[d], &high[d]))
            return ll_command_misuse(&command, "--range '%s'; wanted LOW:HIGH with LOW < HIGH", s.range.items[s.range.count > 1 ? d : 0]);
    bool between = strcmp(s.direction, "between") == 0;
    int fixed = strcmp(s.direction, "gradient") == 0 || (between && s.to.count == 1) ? 1 : between ? 2 : 0;
    if (between && (s.to.count < 1 || s.to.count > 3)) return ll_command_misuse(&command, "--direction between wants --to once to three times");
    if (fixed != 0 && fixed != dimensions) return ll_command_misuse(&command, "this direction has %d axes, --grid %d", fixed, dimensions);
    if (strcmp(s.direction, "pca") == 0 && s.trajectory.count < 1) return ll_command_misuse(&command, "--direction pca wants --trajectory");
    if (s.barycentric && (!between || s.to.count != 2))
        return ll_command_misuse(&command, "--barycentric wants --direction between and --to twice");
    if ((between || s.trajectory.count > 0) && s.analytic != NULL) return ll_command_misuse(&command, "a closed form has no checkpoints");
    if (s.planes > 1 && strcmp(s.direction, "random") != 0) return ll_command_misuse(&command, "--planes wants random directions");
    if (strcmp(s.direction, "coordinates") == 0 && s.analytic == NULL) return ll_command_misuse(&command, "--direction coordinates wants --analytic");

    work w = {0};
    ll_error error = {0};
    ll_landscape_options plan;
    ll_finding findings[LL_FINDINGS];
    ll_status status = s.analytic != NULL ? open_analytic(&s, &w, dimensions, &error) : open_network(&s, &w, &error);
    if (status == LL_OK) w.problem = s.analytic != NULL ? w.analytic : ll_setup_problem(w.setup);
    if (status == LL_OK && ll_problem_origin(w.problem) == NULL)
        status = ll_fail(&error, LL_INVALID_ARGUMENT, "losslens", NULL, "the problem has no parameters to stand on");
    if (status == LL_OK && s.analytic != NULL && strcmp(s.direction, "random") == 0 && s.normalise == NULL) s.normalise = "none";
    if (status == LL_OK) status = make_axes(&s, &w, dimensions, &error);
    if (status == LL_OK) status = fill_options(&s, &w, size, dimensions, &plan, low, high, s.range.count > 0);
    if (status == LL_OK) status = sample(&s, &w, &plan, &error);
    int count = s.planes > 1 ? 0 : LL_FINDINGS;
    if (status == LL_OK && count > 0) status = ll_landscape_check(w.record, findings, &error);
    if (status == LL_OK && s.figure.path != NULL) status = draw(&s, &w, &figure, &error);
    if (status != LL_OK) {
        work_deinit(&w);
        return ll_command_failure(&command, &error);
    }
    bool printed = s.json ? print_json(w.record, findings, count) : print_text(w.record, findings, count);
    work_deinit(&w);
    return printed ? LL_EXIT_OK : LL_EXIT_FAILURE;
}

const ll_verb ll_verb_landscape = {"landscape", "the loss over directions around a network, and whether the picture is right", run};
