/* Values at a few points: requests to the Problem, one per sample set, with the batch-norm mode's buffers. */
#include "landscape_internal.h"

#include "losslens/curvature.h"

#include <math.h>
#include <string.h>

static int64_t term_columns(const ll_problem_info *info)
{
    return info->terms + (info->weight_decay != 0.0 ? 1 : 0);
}

/* Buffers of every point, K vectors in one block; view[k] points into it. */
typedef struct point_buffers {
    void *block;
    void **view;
} point_buffers;

static void buffers_deinit(point_buffers *buffers)
{
    ll_free(buffers->block);
    ll_free(buffers->view);
    *buffers = (point_buffers){0};
}

static ll_status buffers_init(const ll_problem_info *info, int64_t count, point_buffers *buffers,
                              ll_error *error)
{
    size_t bytes = (size_t)info->buffer_count * ll_real_bytes(info->type);
    buffers->block =
        ll_allocate_array(ll_max_int64(count * info->buffer_count, 1), ll_real_bytes(info->type));
    buffers->view = ll_allocate_array(count, sizeof *buffers->view);
    if (buffers->block == NULL || buffers->view == NULL) {
        buffers_deinit(buffers);
        return ll_fail_memory(error, LL_LANDSCAPE_MODULE, (size_t)count * bytes);
    }
    for (int64_t k = 0; k < count; k++)
        buffers->view[k] = (unsigned char *)buffers->block + (size_t)k * bytes;
    return LL_OK;
}

static const void *own_buffers(const ll_landscape *landscape)
{
    return landscape->options.origin_buffers != NULL ? landscape->options.origin_buffers
                                                     : ll_problem_origin_buffers(landscape->problem);
}

static bool buffers_move(const ll_axes *axes)
{
    for (int d = 0; d < axes->directions; d++)
        if (axes->buffer_vector[d] != NULL) return true;
    return false;
}

/* `keep` between checkpoints: the statistics are interpolated linearly, as the weights are. */
static void interpolate_buffers(const ll_landscape *landscape, int64_t count, const double *coefficients,
                                point_buffers *buffers)
{
    const ll_axes *axes = landscape->options.axes;
    const void *direction[LL_LANDSCAPE_MAX_DIMENSIONS];
    double factor[LL_LANDSCAPE_MAX_DIMENSIONS];
    for (int64_t k = 0; k < count; k++) {
        int moving = 0;
        for (int d = 0; d < axes->directions; d++) {
            if (axes->buffer_vector[d] == NULL) continue;
            direction[moving] = axes->buffer_vector[d];
            factor[moving++] = coefficients[k * axes->directions + d];
        }
        ll_vector_combine(axes->type, axes->buffer_count, own_buffers(landscape), moving, direction, factor,
                          buffers->view[k]);
    }
}

/* The part that all requests at these points share. */
static ll_request slice(const ll_landscape *landscape, int64_t count, const double *coefficients)
{
    const ll_axes *axes = landscape->options.axes;
    return (ll_request){.points = count,
                        .origin = landscape->options.origin,
                        .dimensions = axes->directions,
                        .directions = (const void *const *)axes->vector,
                        .coefficients = coefficients};
}

static ll_status reestimate(const ll_landscape *landscape, int64_t count, const double *coefficients,
                            point_buffers *buffers, ll_error *error)
{
    ll_request request = slice(landscape, count, coefficients);
    const void *own = own_buffers(landscape);
    request.buffers = own != NULL ? &own : NULL;
    request.buffers_shared = true;
    request.mode = LL_MODE_CALIBRATION;
    request.samples = landscape->calibration;
    request.batch_size = landscape->options.batch_size;
    request.buffers_out = buffers->view;
    return ll_problem_evaluate(landscape->problem, &request, error);
}

/* Outputs of one set at K points, before they are put into rows. */
typedef struct outputs {
    double *loss, *terms, *metrics;
} outputs;

static outputs outputs_view(const ll_landscape *landscape, int64_t count, double *scratch)
{
    const ll_problem_info *info = landscape->info;
    return (outputs){.loss = scratch,
                     .terms = scratch + count,
                     .metrics = landscape->set_columns > 1 + term_columns(info)
                                    ? scratch + count * (1 + term_columns(info))
                                    : NULL};
}

static void place(const ll_landscape *landscape, int64_t set, int64_t count, const outputs *values,
                  int64_t stride, double *rows)
{
    const ll_problem_info *info = landscape->info;
    int64_t terms = term_columns(info), metrics = values->metrics != NULL ? info->metrics : 0;
    for (int64_t k = 0; k < count; k++) {
        double *row = rows + k * stride + set * landscape->set_columns;
        *row++ = values->loss[k];
        for (int64_t t = 0; t < terms; t++) *row++ = values->terms[k * terms + t];
        for (int64_t m = 0; m < metrics; m++) *row++ = values->metrics[k * info->metrics + m];
    }
}

/* Batch statistics: every batch is one training-mode request; means over batches weighted by their samples.
 */
static ll_status evaluate_batches(const ll_landscape *landscape, const ll_request *base,
                                  const ll_samples *samples, int64_t width, double *scratch, ll_error *error)
{
    int64_t total = samples->count, size = landscape->options.batch_size;
    int64_t values = base->points * width;
    double *sum = scratch, *batch = scratch + values;
    memset(sum, 0, (size_t)values * sizeof *sum);
    for (int64_t first = 0; first < total; first += size) {
        ll_samples part = {.indices = samples->indices + first, .count = ll_min_int64(size, total - first)};
        outputs view = outputs_view(landscape, base->points, batch);
        ll_request request = *base;
        request.samples = &part;
        request.mode = LL_MODE_TRAINING;
        request.loss = view.loss;
        request.terms = view.terms;
        request.metrics = view.metrics;
        LL_TRY(ll_problem_evaluate(landscape->problem, &request, error));
        double weight = (double)part.count / (double)total;
        for (int64_t i = 0; i < values; i++) sum[i] += weight * batch[i];
    }
    return LL_OK;
}

static ll_status evaluate_sets(const ll_landscape *landscape, const ll_request *base, double *scratch,
                               int64_t stride, double *rows, ll_error *error)
{
    const ll_landscape_options *options = &landscape->options;
    for (int64_t s = 0; s < options->set_count; s++) {
        outputs view = outputs_view(landscape, base->points, scratch);
        if (options->batch_norm == LL_BATCH_NORM_BATCH) {
            LL_TRY(evaluate_batches(landscape, base, options->sets[s].samples, landscape->set_columns,
                                    scratch, error));
        } else {
            ll_request request = *base;
            request.samples = options->sets[s].samples;
            request.loss = view.loss;
            request.terms = view.terms;
            request.metrics = view.metrics;
            LL_TRY(ll_problem_evaluate(landscape->problem, &request, error));
        }
        place(landscape, s, base->points, &view, stride, rows);
    }
    return LL_OK;
}

/* One point at a time: a gradient is as large as theta, and its norm is all that is kept. */
static ll_status evaluate_gradients(const ll_landscape *landscape, const ll_request *base, double *rows,
                                    ll_error *error)
{
    const ll_problem_info *info = landscape->info;
    int64_t column = landscape->options.set_count * landscape->set_columns;
    void *gradient = ll_allocate_array(info->parameter_count, ll_real_bytes(info->type));
    if (gradient == NULL)
        return ll_fail_memory(error, LL_LANDSCAPE_MODULE,
                              (size_t)info->parameter_count * ll_real_bytes(info->type));
    ll_status status = LL_OK;
    for (int64_t k = 0; k < base->points && status == LL_OK; k++) {
        ll_request request = *base;
        request.points = 1;
        request.coefficients = base->coefficients + k * base->dimensions;
        request.buffers = base->buffers != NULL && !base->buffers_shared ? base->buffers + k : base->buffers;
        request.samples = landscape->options.sets[0].samples;
        if (landscape->options.batch_norm == LL_BATCH_NORM_BATCH) request.mode = LL_MODE_TRAINING;
        request.gradients = &gradient;
        status = ll_problem_evaluate(landscape->problem, &request, error);
        rows[k * landscape->columns + column] = ll_vector_norm(info->type, info->parameter_count, gradient);
    }
    ll_free(gradient);
    return status;
}

static ll_status store_eigenvalues(const ll_record *record, double *row, ll_error *error)
{
    const ll_array *values, *residuals;
    LL_TRY(ll_record_get_array(record, "eigenvalues", &values, error));
    LL_TRY(ll_record_get_array(record, "residuals", &residuals, error));
    int64_t last = ll_array_count(values) - 1;
    if (last < 0)
        return ll_fail(error, LL_INTERNAL, LL_LANDSCAPE_MODULE, "eigenvalues", "none were computed");
    row[0] = ll_array_get(values, 0);
    row[1] = ll_array_get(values, last);
    row[2] = ll_array_get(residuals, 0);
    row[3] = ll_array_get(residuals, last);
    return LL_OK;
}

/* The two ends of the Hessian's spectrum at each point, by a Lanczos solve of its own. */
static ll_status evaluate_eigenvalues(const ll_landscape *landscape, const ll_request *base, double *rows,
                                      ll_error *error)
{
    const ll_problem_info *info = landscape->info;
    int64_t column = landscape->columns - LL_EIGENVALUE_COLUMNS;
    void *theta = ll_allocate_array(info->parameter_count, ll_real_bytes(info->type));
    if (theta == NULL)
        return ll_fail_memory(error, LL_LANDSCAPE_MODULE,
                              (size_t)info->parameter_count * ll_real_bytes(info->type));
    ll_status status = LL_OK;
    for (int64_t k = 0; k < base->points && status == LL_OK; k++) {
        ll_vector_combine(info->type, info->parameter_count, base->origin, base->dimensions, base->directions,
                          base->coefficients + k * base->dimensions, theta);
        const ll_curvature_target target = {.problem = landscape->problem,
                                            .theta = theta,
                                            .buffers = base->buffers == NULL  ? NULL
                                                       : base->buffers_shared ? base->buffers[0]
                                                                              : base->buffers[k],
                                            .samples = landscape->options.sets[0].samples,
                                            .product = LL_PRODUCT_HESSIAN,
                                            .allow_emulation = (info->capabilities & LL_CAN_HESSIAN) == 0};
        const ll_eigen_options options = {.end = LL_EIGEN_BOTH,
                                          .count = 1,
                                          .tolerance = landscape->options.eigenvalue_tolerance,
                                          .confirm_products = -1,
                                          .sampling_subsets = -1,
                                          .seed = landscape->options.axes->seed};
        ll_record *record = NULL;
        status = ll_curvature_eigenpairs(&target, &options, NULL, &record, error);
        if (status == LL_OK)
            status = store_eigenvalues(record, rows + k * landscape->columns + column, error);
        ll_record_destroy(record);
    }
    ll_free(theta);
    return status;
}

static ll_status evaluate_with(const ll_landscape *landscape, int64_t count, const double *coefficients,
                               bool own, double *scratch, int64_t stride, double *rows, ll_request *base,
                               point_buffers *buffers, ll_error *error)
{
    const ll_landscape_options *options = &landscape->options;
    *base = slice(landscape, count, coefficients);
    const void *shared = own_buffers(landscape);
    bool each = false;
    if (!own && options->batch_norm == LL_BATCH_NORM_REESTIMATE) {
        LL_TRY(reestimate(landscape, count, coefficients, buffers, error));
        each = true;
    } else if (!own && options->batch_norm == LL_BATCH_NORM_KEEP && shared != NULL &&
               buffers_move(options->axes)) {
        interpolate_buffers(landscape, count, coefficients, buffers);
        each = true;
    }
    if (!each && shared != NULL)
        ll_vector_copy(landscape->info->type, landscape->info->buffer_count, shared, buffers->view[0]);
    base->buffers = each || shared != NULL ? (const void *const *)buffers->view : NULL;
    base->buffers_shared = !each;
    return evaluate_sets(landscape, base, scratch, stride, rows, error);
}

ll_status ll_landscape_evaluate(const ll_landscape *landscape, const int64_t *points, int64_t count,
                                double *rows, ll_error *error)
{
    const ll_axes *axes = landscape->options.axes;
    int64_t width = landscape->set_columns;
    double *scratch = ll_allocate_array(count, (size_t)(axes->directions + 2 * width) * sizeof *scratch);
    if (scratch == NULL)
        return ll_fail_memory(error, LL_LANDSCAPE_MODULE, (size_t)(count * width) * sizeof *scratch);
    double *coefficients = scratch + 2 * count * width;
    for (int64_t k = 0; k < count; k++) {
        double alpha[LL_LANDSCAPE_MAX_DIMENSIONS];
        ll_landscape_position(landscape, points[k], alpha);
        ll_landscape_coefficients(axes, alpha, coefficients + k * axes->directions);
    }
    point_buffers buffers = {0};
    ll_request base;
    ll_status status = buffers_init(landscape->info, count, &buffers, error);
    if (status == LL_OK)
        status = evaluate_with(landscape, count, coefficients, false, scratch, landscape->columns, rows,
                               &base, &buffers, error);
    if (status == LL_OK && landscape->options.gradient_norm)
        status = evaluate_gradients(landscape, &base, rows, error);
    if (status == LL_OK && landscape->options.extreme_eigenvalues)
        status = evaluate_eigenvalues(landscape, &base, rows, error);
    buffers_deinit(&buffers);
    ll_free(scratch);
    return status;
}

ll_status ll_landscape_evaluate_centre(const ll_landscape *landscape, double *centre,
                                       double *centre_reestimated, ll_error *error)
{
    int64_t width = landscape->set_columns;
    double *scratch = ll_allocate_array(2 * width, sizeof *scratch);
    if (scratch == NULL)
        return ll_fail_memory(error, LL_LANDSCAPE_MODULE, (size_t)(2 * width) * sizeof *scratch);
    const double zero[LL_LANDSCAPE_MAX_DIMENSIONS] = {0};
    point_buffers buffers = {0};
    ll_request base;
    ll_status status = buffers_init(landscape->info, 1, &buffers, error);
    /* The centre's own loss is that of the checkpoint: evaluation mode and its own statistics, whatever mode
     * the grid uses. */
    ll_landscape plain = *landscape;
    plain.options.batch_norm = LL_BATCH_NORM_KEEP;
    if (status == LL_OK)
        status = evaluate_with(&plain, 1, zero, true, scratch, 0, centre, &base, &buffers, error);
    if (status == LL_OK && landscape->options.batch_norm == LL_BATCH_NORM_REESTIMATE)
        status =
            evaluate_with(landscape, 1, zero, false, scratch, 0, centre_reestimated, &base, &buffers, error);
    buffers_deinit(&buffers);
    ll_free(scratch);
    return status;
}

/* Runs `inspect` over the requests that a tile makes, with dummy outputs. */
typedef ll_status (*inspect_request)(ll_problem *problem, const ll_request *request, size_t *bytes,
                                     ll_error *error);

static ll_status inspect_all(const ll_landscape *landscape, inspect_request inspect, size_t *largest,
                             ll_error *error)
{
    const ll_landscape_options *options = &landscape->options;
    int64_t count = landscape->tile, width = landscape->set_columns;
    double *scratch =
        ll_allocate_array(count, (size_t)(options->axes->directions + 2 * width) * sizeof *scratch);
    void *gradient = options->gradient_norm ? ll_allocate_array(landscape->info->parameter_count,
                                                                ll_real_bytes(landscape->info->type))
                                            : NULL;
    point_buffers buffers = {0};
    ll_status status = buffers_init(landscape->info, count, &buffers, error);
    if (status == LL_OK && (scratch == NULL || (options->gradient_norm && gradient == NULL)))
        status = ll_fail_memory(error, LL_LANDSCAPE_MODULE, (size_t)landscape->info->parameter_count * 8);
    if (status == LL_OK) {
        double *coefficients = scratch + 2 * count * width;
        memset(coefficients, 0, (size_t)(count * options->axes->directions) * sizeof *coefficients);
        if (options->batch_norm == LL_BATCH_NORM_REESTIMATE) {
            ll_request request = slice(landscape, count, coefficients);
            request.mode = LL_MODE_CALIBRATION;
            request.samples = landscape->calibration;
            request.batch_size = options->batch_size;
            request.buffers_out = buffers.view;
            status = inspect(landscape->problem, &request, largest, error);
        }
        outputs view = outputs_view(landscape, count, scratch);
        for (int64_t s = 0; s < options->set_count && status == LL_OK; s++) {
            ll_request request = slice(landscape, count, coefficients);
            request.samples = options->sets[s].samples;
            if (options->batch_norm == LL_BATCH_NORM_BATCH) request.mode = LL_MODE_TRAINING;
            request.loss = view.loss;
            request.terms = view.terms;
            request.metrics = view.metrics;
            status = inspect(landscape->problem, &request, largest, error);
            if (s == 0 && status == LL_OK && options->gradient_norm) {
                request.points = 1;
                request.gradients = &gradient;
                status = inspect(landscape->problem, &request, largest, error);
            }
        }
    }
    buffers_deinit(&buffers);
    ll_free(gradient);
    ll_free(scratch);
    return status;
}

static ll_status inspect_check(ll_problem *problem, const ll_request *request, size_t *bytes, ll_error *error)
{
    (void)bytes;
    return ll_problem_check(problem, request, error);
}

static ll_status inspect_memory(ll_problem *problem, const ll_request *request, size_t *bytes,
                                ll_error *error)
{
    size_t needed = 0;
    LL_TRY(ll_problem_memory(problem, request, &needed, error));
    if (needed > *bytes) *bytes = needed;
    return LL_OK;
}

ll_status ll_landscape_check_requests(const ll_landscape *landscape, ll_error *error)
{
    return inspect_all(landscape, inspect_check, NULL, error);
}

ll_status ll_landscape_request_memory(const ll_landscape *landscape, size_t *bytes, ll_error *error)
{
    size_t largest = 0;
    LL_TRY(inspect_all(landscape, inspect_memory, &largest, error));
    *bytes = largest;
    return LL_OK;
}
