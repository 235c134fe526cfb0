/* The record "landscape": its fields are described in docs/records.md. */
#include "landscape_internal.h"

#include <stdio.h>
#include <string.h>

static ll_status put_field(const ll_landscape *landscape, int64_t column, ll_record *record, ll_error *error)
{
    const ll_axes *axes = landscape->options.axes;
    ll_array array;
    LL_TRY(ll_array_init(&array, LL_ARRAY_FLOAT64, axes->dimensions, landscape->options.size, error));
    double *values = array.data;
    for (int64_t p = 0; p < landscape->points; p++)
        values[p] = landscape->values[p * landscape->columns + column];
    ll_status status = ll_record_take_array(record, landscape->column[column].name,
                                            landscape->column[column].unit, &array, error);
    if (status != LL_OK) ll_array_deinit(&array);
    return status;
}

static ll_status put_axes(const ll_landscape *landscape, ll_record *record, ll_error *error)
{
    const ll_landscape_options *options = &landscape->options;
    const ll_axes *axes = options->axes;
    char name[64];
    for (int d = 0; d < axes->dimensions; d++) {
        snprintf(name, sizeof name, "axis_%d", d);
        double *positions = ll_allocate_array(options->size[d], sizeof *positions);
        if (positions == NULL)
            return ll_fail_memory(error, LL_LANDSCAPE_MODULE, (size_t)options->size[d] * sizeof *positions);
        for (int64_t i = 0; i < options->size[d]; i++)
            positions[i] = ll_grid_position(options->low[d], options->high[d], options->size[d], i);
        ll_status status =
            ll_record_set_reals(record, name, "direction lengths", positions, options->size[d], error);
        ll_free(positions);
        LL_TRY(status);
        snprintf(name, sizeof name, "axis_%d_kind", d);
        LL_TRY(ll_record_set_text(record, name, axes->kind[d], error));
        snprintf(name, sizeof name, "axis_%d_normalisation", d);
        LL_TRY(ll_record_set_text(record, name, ll_direction_norm_name(axes->normalisation[d]), error));
        snprintf(name, sizeof name, "axis_%d_small_tensors", d);
        LL_TRY(ll_record_set_text(record, name, ll_small_rule_name(axes->small[d]), error));
        snprintf(name, sizeof name, "axis_%d_orthogonalised", d);
        LL_TRY(ll_record_set_integer(record, name, "", axes->orthogonalised[d], error));
    }
    LL_TRY(ll_record_set_reals(record, "direction_norms", "", axes->norm, axes->directions, error));
    const int64_t shape[2] = {axes->directions, axes->directions};
    double cosines[LL_LANDSCAPE_MAX_DIMENSIONS * LL_LANDSCAPE_MAX_DIMENSIONS];
    for (int i = 0; i < axes->directions; i++)
        for (int j = 0; j < axes->directions; j++) cosines[i * axes->directions + j] = axes->cosine[i][j];
    const ll_array array = {
        .type = LL_ARRAY_FLOAT64, .rank = 2, .shape = {shape[0], shape[1]}, .data = cosines};
    LL_TRY(ll_record_set_array(record, "direction_cosines", "", &array, error));
    if (axes->pca_rows > 0) {
        LL_TRY(
            ll_record_set_reals(record, "explained_variance", "", axes->explained, axes->dimensions, error));
        LL_TRY(ll_record_set_integer(record, "pca_rows", "", axes->pca_rows, error));
    }
    LL_TRY(ll_record_set_text(record, "form", axes->form == LL_AXES_BILINEAR ? "bilinear" : "affine", error));
    return ll_record_set_integer(record, "seed", "", (int64_t)axes->seed, error);
}

static int64_t sample_total(const ll_landscape *landscape, const ll_samples *samples)
{
    int64_t total = 0;
    for (int64_t t = 0; t < landscape->info->terms; t++) {
        if (landscape->weighted_only && landscape->info->term[t].weight == 0.0) continue;
        total += samples == NULL || samples[t].indices == NULL ? landscape->info->term[t].samples
                                                               : samples[t].count;
    }
    return total;
}

static ll_status put_samples(const ll_landscape *landscape, ll_record *record, ll_error *error)
{
    const ll_landscape_options *options = &landscape->options;
    char name[64];
    LL_TRY(ll_record_set_integer(record, "sets", "", options->set_count, error));
    for (int64_t s = 0; s < options->set_count; s++) {
        snprintf(name, sizeof name, "set_%lld", (long long)s);
        LL_TRY(ll_record_set_text(record, name, options->sets[s].name, error));
        snprintf(name, sizeof name, "set_%lld_samples", (long long)s);
        LL_TRY(ll_record_set_integer(record, name, "samples",
                                     sample_total(landscape, options->sets[s].samples), error));
    }
    LL_TRY(ll_record_set_text(record, "batch_norm", ll_batch_norm_name(options->batch_norm), error));
    LL_TRY(ll_record_set_integer(record, "buffers", "", landscape->info->buffer_count, error));
    LL_TRY(ll_record_set_integer(record, "reestimate_refused", "", landscape->reestimate_refused, error));
    if (landscape->calibration != NULL) {
        LL_TRY(ll_record_set_integer(record, "calibration_samples", "samples",
                                     sample_total(landscape, landscape->calibration), error));
        LL_TRY(ll_record_set_integer(record, "batch_size", "samples", options->batch_size, error));
    } else if (options->batch_norm == LL_BATCH_NORM_BATCH) {
        LL_TRY(ll_record_set_integer(record, "batch_size", "samples", options->batch_size, error));
    }
    return LL_OK;
}

static ll_status put_centre(const ll_landscape *landscape, ll_record *record, ll_error *error)
{
    if (!landscape->centre_done) return LL_OK;
    int64_t width = landscape->options.set_count * landscape->set_columns;
    char name[128];
    for (int64_t c = 0; c < width; c++) {
        if (landscape->column[c].idle) continue;
        snprintf(name, sizeof name, "centre_%s", landscape->column[c].name);
        LL_TRY(ll_record_set_real(record, name, landscape->column[c].unit, landscape->centre[c], error));
        if (landscape->options.batch_norm != LL_BATCH_NORM_REESTIMATE) continue;
        snprintf(name, sizeof name, "centre_reestimated_%s", landscape->column[c].name);
        LL_TRY(ll_record_set_real(record, name, landscape->column[c].unit, landscape->centre_reestimated[c],
                                  error));
    }
    return LL_OK;
}

static ll_status put_state(const ll_landscape *landscape, ll_record *record, ll_error *error)
{
    const ll_axes *axes = landscape->options.axes;
    int64_t counts[3] = {0};
    for (int64_t p = 0; p < landscape->points; p++) counts[landscape->state[p]]++;
    LL_TRY(ll_record_set_integer(record, "points", "", landscape->points, error));
    LL_TRY(ll_record_set_integer(record, "points_evaluated", "", counts[LL_POINT_EVALUATED], error));
    LL_TRY(ll_record_set_integer(record, "points_interpolated", "", counts[LL_POINT_INTERPOLATED], error));
    ll_array array = {.type = LL_ARRAY_UINT8, .rank = axes->dimensions, .data = landscape->state};
    memcpy(array.shape, landscape->options.size, (size_t)axes->dimensions * sizeof array.shape[0]);
    LL_TRY(ll_record_set_array(record, "state", "", &array, error));
    if (landscape->error_estimate == NULL) return LL_OK;
    array.type = LL_ARRAY_FLOAT64;
    array.data = landscape->error_estimate;
    LL_TRY(ll_record_set_array(record, "error_estimate", "loss", &array, error));
    LL_TRY(
        ll_record_set_real(record, "adaptive_tolerance", "", landscape->options.adaptive_tolerance, error));
    LL_TRY(ll_record_set_real(record, "measured_error_max", "loss", landscape->measured_error_max, error));
    LL_TRY(ll_record_set_real(record, "measured_error_rms", "loss", landscape->measured_error_rms, error));
    return ll_record_set_integer(record, "measured_error_points", "", landscape->measured_points, error);
}

static ll_status fill(const ll_landscape *landscape, ll_record *record, ll_error *error)
{
    LL_TRY(ll_record_set_text(record, "problem", landscape->info->name, error));
    LL_TRY(ll_record_set_integer(record, "parameters", "", landscape->info->parameter_count, error));
    LL_TRY(ll_record_set_integer(record, "dimensions", "", landscape->options.axes->dimensions, error));
    LL_TRY(put_axes(landscape, record, error));
    LL_TRY(put_samples(landscape, record, error));
    LL_TRY(ll_record_set_real(record, "weight_decay", "", landscape->info->weight_decay, error));
    LL_TRY(put_centre(landscape, record, error));
    for (int64_t c = 0; c < landscape->columns; c++) {
        if (!landscape->column[c].idle) LL_TRY(put_field(landscape, c, record, error));
    }
    return put_state(landscape, record, error);
}

ll_status ll_landscape_record(const ll_landscape *landscape, ll_record **record, ll_error *error)
{
    ll_record *made = ll_record_create("landscape");
    if (made == NULL) return ll_fail_memory(error, LL_LANDSCAPE_MODULE, 1024);
    ll_status status = fill(landscape, made, error);
    if (status != LL_OK) {
        ll_record_destroy(made);
        return status;
    }
    *record = made;
    return LL_OK;
}
