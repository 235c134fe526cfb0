#define _POSIX_C_SOURCE 200809L

#include "landscape_axes.h"
#include "analysis.h"

#include "losslens/curvature.h"
#include "losslens/formats.h"
#include "losslens/problem_vectors.h"

#include <glob.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void ll_axes_work_deinit(ll_axes_work *w)
{
    ll_axes_deinit(&w->axes);
    for (int i = 0; i < w->loaded; i++) {
        ll_free(w->theta[i]);
        ll_free(w->buffers[i]);
    }
    ll_free(w->vectors);
    ll_free(w->coordinates);
    ll_free(w->residuals);
    *w = (ll_axes_work){0};
}

/* ------------------------------------------------------------------ checkpoints of paths */

/* The epoch that a training script left in the file: a number called epoch, at the top or in a group. */
static double stored_epoch(const ll_tensor_file *file)
{
    for (int64_t i = 0; i < ll_tensor_file_scalar_count(file); i++) {
        const ll_scalar *scalar = ll_tensor_file_scalar(file, i);
        const char *dot = strrchr(scalar->name, '.'), *name = dot != NULL ? dot + 1 : scalar->name;
        if (strcmp(name, "epoch") != 0) continue;
        if (scalar->type != LL_SCALAR_TEXT) return scalar->real;
        char *end;
        double value = strtod(scalar->text, &end);
        if (end != scalar->text && *end == 0) return value;
    }
    return NAN;
}

static ll_status load_one(ll_axes_work *w, const char *path, ll_error *error)
{
    if (w->loaded == LL_MOST_CHECKPOINTS)
        return ll_fail(error, LL_TOO_LARGE, "losslens", path, "there are more than %d checkpoints",
                       LL_MOST_CHECKPOINTS);
    LL_TRY(ll_setup_load(w->setup, path, &w->theta[w->loaded], &w->buffers[w->loaded], error));
    ll_tensor_file *file = NULL;
    bool read = ll_tensor_file_read(path, NULL, &file, NULL) == LL_OK;
    w->epoch[w->loaded++] = read ? stored_epoch(file) : NAN;
    if (read) ll_tensor_file_destroy(file);
    return LL_OK;
}

static int natural(const void *a, const void *b)
{
    return ll_natural_compare(*(char *const *)a, *(char *const *)b);
}

/* Checkpoints from `first` on in the order of their epochs, if each has one; else as they are (natural
 * order). Stable. */
static void order_by_epoch(ll_axes_work *w, int first)
{
    for (int i = first; i < w->loaded; i++)
        if (isnan(w->epoch[i])) return;
    for (int i = first + 1; i < w->loaded; i++)
        for (int j = i; j > first && w->epoch[j - 1] > w->epoch[j]; j--) {
            double epoch = w->epoch[j];
            void *theta = w->theta[j], *buffers = w->buffers[j];
            w->epoch[j] = w->epoch[j - 1];
            w->theta[j] = w->theta[j - 1];
            w->buffers[j] = w->buffers[j - 1];
            w->epoch[j - 1] = epoch;
            w->theta[j - 1] = theta;
            w->buffers[j - 1] = buffers;
        }
}

static ll_status load_pattern(ll_axes_work *w, const char *pattern, ll_error *error)
{
    glob_t found;
    int first = w->loaded;
    if (glob(pattern, 0, NULL, &found) != 0)
        return ll_fail(error, LL_NOT_FOUND, "losslens", pattern, "no file fits this pattern");
    qsort(found.gl_pathv, found.gl_pathc, sizeof *found.gl_pathv, natural);
    ll_status status = LL_OK;
    for (size_t k = 0; k < found.gl_pathc && status == LL_OK; k++)
        status = load_one(w, found.gl_pathv[k], error);
    globfree(&found);
    if (status == LL_OK) order_by_epoch(w, first);
    return status;
}

/* Each text is a file or a pattern (run/epoch_*.pt). A pattern is a path of its own; files by name make one
 * together, in the given order. */
static ll_status load_all(ll_axes_work *w, const ll_texts *texts, ll_error *error)
{
    bool open = false; /* the last path is one of files by name */
    for (int i = 0; i < texts->count; i++) {
        bool pattern = strpbrk(texts->items[i], "*?[") != NULL;
        int before = w->loaded;
        LL_TRY(pattern ? load_pattern(w, texts->items[i], error) : load_one(w, texts->items[i], error));
        if (pattern || !open) w->path_length[w->paths++] = 0;
        open = !pattern;
        w->path_length[w->paths - 1] += w->loaded - before;
    }
    return LL_OK;
}

/* ------------------------------------------------------------------ directions */

ll_axes_options ll_axes_settings_random(const ll_axes_settings *s, int dimensions)
{
    ll_axes_options options = {.dimensions = dimensions,
                               .seed = (uint64_t)s->seed,
                               .orthogonal = s->orthogonal ? LL_ORTHOGONAL_YES : LL_ORTHOGONAL_AUTO};
    for (int d = 0; d < dimensions; d++) {
        (void)ll_direction_norm_parse(s->normalise != NULL ? s->normalise : "filter",
                                      &options.axis[d].normalisation);
        (void)ll_small_rule_parse(s->small, &options.axis[d].small);
    }
    return options;
}

/* vectors NULL: random. Given ones keep their length unless a normalisation is asked for. */
static ll_status random_or_given(const ll_axes_settings *s, ll_axes_work *w, int dimensions, const char *name,
                                 const void *const *vectors, ll_error *error)
{
    ll_axes_options options = ll_axes_settings_random(s, dimensions);
    for (int d = 0; d < dimensions && vectors != NULL; d++) {
        options.axis[d].vector = vectors[d];
        options.axis[d].name = name;
        if (s->normalise == NULL) options.axis[d].normalisation = LL_NORMALISE_NONE;
    }
    return ll_axes_create(ll_problem_view(w->problem), w->origin, &options, &w->axes, error);
}

static ll_status coordinate_axes(ll_axes_work *w, int dimensions, ll_error *error)
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
    return ll_axes_create(ll_problem_view(w->problem), w->origin, &options, &w->axes, error);
}

static ll_status hessian_axes(const ll_axes_settings *s, ll_axes_work *w, int dimensions, ll_error *error)
{
    const ll_problem_info *info = ll_problem_view(w->problem);
    ll_samples lists[LL_ANALYSIS_TERMS];
    (void)ll_analysis_samples(w->problem, lists);
    const ll_curvature_target target = {.problem = w->problem,
                                        .theta = w->origin,
                                        .buffers = w->origin_buffers,
                                        .samples = lists,
                                        .product = LL_PRODUCT_HESSIAN,
                                        .allow_emulation = true};
    const ll_eigen_options options = {.count = dimensions, .sampling_subsets = -1};
    ll_record *pairs = NULL;
    LL_TRY(ll_curvature_eigenpairs(&target, &options, NULL, &pairs, error));
    const ll_array *vectors;
    ll_status status = ll_record_get_array(pairs, "eigenvectors", &vectors, error);
    int64_t n = info->parameter_count;
    if (status == LL_OK && ll_array_count(vectors) < n * dimensions)
        status = ll_fail(error, LL_NUMERIC, "losslens", "hessian", "fewer than %d eigenvectors were found",
                         dimensions);
    const void *view[LL_LANDSCAPE_MAX_DIMENSIONS];
    if (status == LL_OK) {
        w->vectors = ll_allocate_array(n * dimensions, ll_real_bytes(info->type));
        if (w->vectors == NULL)
            status = ll_fail_memory(error, "losslens", (size_t)(n * dimensions) * ll_real_bytes(info->type));
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

static ll_status gradient_axes(const ll_axes_settings *s, ll_axes_work *w, ll_error *error)
{
    const ll_problem_info *info = ll_problem_view(w->problem);
    const void *theta = w->origin, *buffers = w->origin_buffers;
    w->vectors = ll_allocate_array(info->parameter_count, ll_real_bytes(info->type));
    if (w->vectors == NULL)
        return ll_fail_memory(error, "losslens", (size_t)info->parameter_count * ll_real_bytes(info->type));
    ll_samples lists[LL_ANALYSIS_TERMS];
    (void)ll_analysis_samples(w->problem, lists);
    ll_request request = {.points = 1,
                          .thetas = &theta,
                          .buffers = buffers != NULL ? &buffers : NULL,
                          .buffers_shared = true,
                          .samples = (info->capabilities & LL_CAN_SUBSETS) != 0 ? lists : NULL,
                          .gradients = &w->vectors};
    LL_TRY(ll_problem_evaluate(w->problem, &request, error));
    const void *view[1] = {w->vectors};
    return random_or_given(s, w, 1, "gradient", view, error);
}

/* Files with tensors of the network's own names, taken as vectors. */
static ll_status file_axes(const ll_axes_settings *s, ll_axes_work *w, int dimensions, ll_error *error)
{
    const void *view[LL_LANDSCAPE_MAX_DIMENSIONS];
    int first = w->loaded;
    for (int d = 0; d < dimensions; d++) {
        LL_TRY(load_one(w, s->files.items[d], error));
        view[d] = w->theta[first + d];
    }
    return random_or_given(s, w, dimensions, "file", view, error);
}

/* One moment of PyTorch's Adam, parameter after parameter: state.0.exp_avg, state.1.exp_avg ... in the order
 * of the table. */
static ll_status read_moment(const ll_tensor_file *file, const ll_problem_info *info, const char *place,
                             const char *moment, double *values, ll_error *error)
{
    char first[64];
    const char *prefix = NULL;
    int length = 0;
    snprintf(first, sizeof first, "0.%s", moment);
    for (int64_t i = 0; i < ll_tensor_file_count(file) && prefix == NULL; i++) {
        const char *name = ll_tensor_file_tensor(file, i)->name;
        size_t whole = strlen(name), part = strlen(first);
        bool ends = whole >= part && strcmp(name + whole - part, first) == 0;
        if (!ends || (whole > part && name[whole - part - 1] != '.')) continue;
        prefix = name;
        length = (int)(whole - part);
    }
    if (prefix == NULL)
        return ll_fail(error, LL_NOT_FOUND, "losslens", place,
                       "no tensor ends in %s: wanted the state of an Adam optimiser", first);
    for (int64_t p = 0; p < info->parameters; p++) {
        ll_text name = {0};
        ll_text_format(&name, "%.*s%lld.%s", length, prefix, (long long)p, moment);
        const ll_tensor *tensor = name.failed ? NULL : ll_tensor_file_find(file, name.text);
        bool fits = tensor != NULL && ll_tensor_count(tensor) == info->parameter[p].count;
        ll_status status =
            fits ? LL_OK
                 : ll_fail(error, LL_SHAPE, "losslens", place, "%s %s %s, parameter %lld of the network",
                           name.failed ? "(no memory)" : name.text,
                           tensor == NULL ? "is missing; wanted" : "does not fit", info->parameter[p].name,
                           (long long)p);
        ll_text_deinit(&name);
        LL_TRY(status);
        ll_tensor_to_float64(tensor, values + info->parameter[p].offset);
    }
    return LL_OK;
}

static ll_status adam_axes(const ll_axes_settings *s, ll_axes_work *w, ll_error *error)
{
    const ll_problem_info *info = ll_problem_view(w->problem);
    int64_t n = info->parameter_count;
    ll_tensor_file *file = NULL;
    LL_TRY(ll_tensor_file_read(s->moments, NULL, &file, error));
    double *moments = ll_allocate_zeroed((size_t)(2 * n) * sizeof *moments);
    w->vectors = ll_allocate_array(n, ll_real_bytes(info->type));
    ll_status status = moments == NULL || w->vectors == NULL
                           ? ll_fail_memory(error, "losslens", (size_t)(2 * n) * sizeof *moments)
                           : LL_OK;
    if (status == LL_OK) status = read_moment(file, info, s->moments, "exp_avg", moments, error);
    if (status == LL_OK) status = read_moment(file, info, s->moments, "exp_avg_sq", moments + n, error);
    if (status == LL_OK) {
        ll_direction_adam(LL_REAL_FLOAT64, n, moments, moments + n, 1e-8, moments);
        ll_vector_from_double(info->type, n, moments, w->vectors);
    }
    ll_free(moments);
    ll_tensor_file_destroy(file);
    const void *view[1] = {w->vectors};
    return status == LL_OK ? random_or_given(s, w, 1, "adam", view, error) : status;
}

/* Lines, planes and patches through checkpoints. */
static ll_status between_axes(const ll_axes_settings *s, ll_axes_work *w, ll_error *error)
{
    const ll_problem_info *info = ll_problem_view(w->problem);
    LL_TRY(load_all(w, &s->to, error));
    w->paths = 0;
    if (w->loaded == 1)
        return ll_axes_between(info, w->origin, w->theta[0], w->origin_buffers, w->buffers[0], &w->axes,
                               error);
    const void *theta[4] = {w->origin, w->theta[0], w->theta[1], w->theta[2]};
    const void *buffers[4] = {w->origin_buffers, w->buffers[0], w->buffers[1], w->buffers[2]};
    if (s->barycentric) return ll_axes_barycentric(info, theta, buffers, &w->axes, error);
    if (w->loaded == 3) return ll_axes_bilinear(info, theta, buffers, &w->axes, error);
    w->coordinates = ll_allocate_array(6, sizeof *w->coordinates);
    if (w->coordinates == NULL) return ll_fail_memory(error, "losslens", 48);
    w->points = 3;
    return ll_axes_plane(info, theta, buffers, &w->axes, w->coordinates, error);
}

/* Paths, on their own principal directions or as shadows on random ones. */
static ll_status path_axes(const ll_axes_settings *s, ll_axes_work *w, int dimensions, ll_error *error)
{
    LL_TRY(load_all(w, &s->trajectory, error));
    ll_trajectory path[LL_LIST_LIMIT];
    for (int p = 0, at = 0; p < w->paths; at += (int)w->path_length[p++])
        path[p] = (ll_trajectory){.theta = (const void *const *)&w->theta[at], .count = w->path_length[p]};
    if (strcmp(s->kind, "pca") == 0)
        LL_TRY(ll_axes_pca(ll_problem_view(w->problem), w->origin, path, w->paths, dimensions, s->uncentred,
                           &w->axes, error));
    else LL_TRY(random_or_given(s, w, dimensions, NULL, NULL, error));
    w->coordinates = ll_allocate_array(w->loaded, (size_t)dimensions * sizeof *w->coordinates);
    w->residuals = ll_allocate_array(w->loaded, sizeof *w->residuals);
    if (w->coordinates == NULL || w->residuals == NULL)
        return ll_fail_memory(error, "losslens", (size_t)w->loaded * 16);
    w->points = w->loaded;
    return ll_axes_project(&w->axes, w->origin, (const void *const *)w->theta, w->loaded, w->coordinates,
                           w->residuals, error);
}

ll_status ll_axes_work_make(const ll_axes_settings *s, ll_axes_work *w, int dimensions, ll_error *error)
{
    if (strcmp(s->kind, "coordinates") == 0) return coordinate_axes(w, dimensions, error);
    if (strcmp(s->kind, "hessian") == 0) return hessian_axes(s, w, dimensions, error);
    if (strcmp(s->kind, "gradient") == 0) return gradient_axes(s, w, error);
    if (strcmp(s->kind, "file") == 0) return file_axes(s, w, dimensions, error);
    if (strcmp(s->kind, "adam") == 0) return adam_axes(s, w, error);
    if (strcmp(s->kind, "between") == 0) return between_axes(s, w, error);
    if (strcmp(s->kind, "pca") == 0 || s->trajectory.count > 0) return path_axes(s, w, dimensions, error);
    return random_or_given(s, w, dimensions, NULL, NULL, error);
}

/* ------------------------------------------------------------------ paths in a record */

/* How much of the paths' squared distance from the centre lies in the plane. */
static double share_in_plane(const ll_axes_work *w)
{
    double inside = 0.0, outside = 0.0;
    int n = w->axes.dimensions;
    for (int64_t p = 0; p < w->points; p++) {
        const double *c = w->coordinates + p * n;
        outside += w->residuals[p] * w->residuals[p];
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++) inside += c[i] * c[j] * w->axes.gram[i][j];
    }
    return inside / (inside + outside);
}

ll_status ll_axes_work_put(const ll_axes_work *w, ll_record *record, ll_error *error)
{
    if (w->points == 0) return LL_OK;
    const ll_array points = {.type = LL_ARRAY_FLOAT64,
                             .rank = 2,
                             .shape = {w->points, w->axes.dimensions},
                             .data = w->coordinates};
    LL_TRY(ll_record_set_array(record, "trajectory", "direction lengths", &points, error));
    if (w->residuals == NULL) return LL_OK;
    LL_TRY(ll_record_set_reals(record, "trajectory_residual", "", w->residuals, w->points, error));
    if (w->axes.pca_rows == 0)
        LL_TRY(ll_record_set_real(record, "trajectory_explained_variance", "", share_in_plane(w), error));
    bool known = true;
    for (int64_t p = 0; p < w->points; p++) known = known && !isnan(w->epoch[p]);
    if (known) LL_TRY(ll_record_set_reals(record, "trajectory_epochs", "epochs", w->epoch, w->points, error));
    ll_array lengths = {
        .type = LL_ARRAY_INT64, .rank = 1, .shape = {w->paths}, .data = (void *)(uintptr_t)w->path_length};
    return w->paths > 1 ? ll_record_set_array(record, "trajectory_lengths", "", &lengths, error) : LL_OK;
}
