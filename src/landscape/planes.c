/* One landscape over several random planes: every number becomes a mean and a spread. */
#include "landscape_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Fields of all planes: [plane][column][point]. */
typedef struct plane_fields {
    int64_t planes, columns, points;
    double *values;
    double *cosines; /* largest |cos| between two axes, per plane */
    double *centres; /* the lowest value's excess: centre loss minus the field's minimum, per plane */
} plane_fields;

/* values of one column at all planes, their mean and their standard deviation at each point. */
static void spread_over_planes(const plane_fields *fields, int64_t column, double *all, double *mean,
                               double *deviation)
{
    for (int64_t p = 0; p < fields->points; p++) {
        double sum = 0.0, squares = 0.0;
        for (int64_t r = 0; r < fields->planes; r++) {
            all[r * fields->points + p] = fields->values[(r * fields->columns + column) * fields->points + p];
            sum += all[r * fields->points + p];
        }
        mean[p] = sum / (double)fields->planes;
        for (int64_t r = 0; r < fields->planes; r++) {
            double off = all[r * fields->points + p] - mean[p];
            squares += off * off;
        }
        deviation[p] = fields->planes > 1 ? sqrt(squares / (double)(fields->planes - 1)) : NAN;
    }
}

static ll_status put_column(const ll_landscape *landscape, const plane_fields *fields, int64_t c,
                            ll_record *record, ll_error *error)
{
    const ll_column *column = &landscape->column[c];
    int dimensions = landscape->options.axes->dimensions;
    int64_t shape[LL_LANDSCAPE_MAX_DIMENSIONS + 1] = {fields->planes};
    memcpy(shape + 1, landscape->options.size, (size_t)dimensions * sizeof shape[0]);
    ll_array all = {0}, mean = {0}, deviation = {0};
    ll_status status = ll_array_init(&all, LL_ARRAY_FLOAT64, dimensions + 1, shape, error);
    if (status == LL_OK) status = ll_array_init(&mean, LL_ARRAY_FLOAT64, dimensions, shape + 1, error);
    if (status == LL_OK) status = ll_array_init(&deviation, LL_ARRAY_FLOAT64, dimensions, shape + 1, error);
    if (status == LL_OK) {
        char name[128];
        spread_over_planes(fields, c, all.data, mean.data, deviation.data);
        status = ll_record_take_array(record, column->name, column->unit, &all, error);
        snprintf(name, sizeof name, "%s_mean", column->name);
        if (status == LL_OK) status = ll_record_take_array(record, name, column->unit, &mean, error);
        snprintf(name, sizeof name, "%s_standard_deviation", column->name);
        if (status == LL_OK) status = ll_record_take_array(record, name, column->unit, &deviation, error);
    }
    ll_array_deinit(&all);
    ll_array_deinit(&mean);
    ll_array_deinit(&deviation);
    return status;
}

/* What all planes share (positions), and the columns, once the last plane is done. */
static ll_status put_shared(const ll_landscape *landscape, const plane_fields *fields, ll_record *record,
                            ll_error *error)
{
    const ll_landscape_options *options = &landscape->options;
    for (int d = 0; d < options->axes->dimensions; d++) {
        double *positions = ll_allocate_array(options->size[d], sizeof *positions);
        if (positions == NULL)
            return ll_fail_memory(error, LL_LANDSCAPE_MODULE, (size_t)options->size[d] * sizeof *positions);
        for (int64_t i = 0; i < options->size[d]; i++)
            positions[i] = ll_grid_position(options->low[d], options->high[d], options->size[d], i);
        char name[32];
        snprintf(name, sizeof name, "axis_%d", d);
        ll_status status =
            ll_record_set_reals(record, name, "direction lengths", positions, options->size[d], error);
        ll_free(positions);
        LL_TRY(status);
    }
    for (int64_t c = 0; c < fields->columns; c++) {
        if (!landscape->column[c].idle) LL_TRY(put_column(landscape, fields, c, record, error));
    }
    return LL_OK;
}

static ll_status run_plane(ll_problem *problem, const ll_axes_options *axes_options,
                           const ll_landscape_options *options, int64_t plane, const ll_sink *sink,
                           plane_fields *fields, ll_record *record, ll_error *error)
{
    const ll_problem_info *info = ll_problem_view(problem);
    ll_axes_options choice = *axes_options;
    choice.seed += (uint64_t)plane;
    const void *origin = options->origin != NULL ? options->origin : ll_problem_origin(problem);
    ll_axes axes;
    LL_TRY(ll_axes_create(info, origin, &choice, &axes, error));
    ll_landscape_options own = *options;
    own.axes = &axes;
    ll_landscape *landscape = NULL;
    ll_status status = ll_landscape_create(problem, &own, &landscape, error);
    ll_prefixed_sink prefixed = {.outer = sink};
    snprintf(prefixed.prefix, sizeof prefixed.prefix, "plane/%lld/", (long long)plane);
    const ll_sink wrapped = ll_prefixed_sink_view(&prefixed);
    if (status == LL_OK) status = ll_landscape_run(landscape, &wrapped, error);
    if (status == LL_OK && fields->values == NULL) {
        fields->columns = landscape->columns;
        fields->points = landscape->points;
        fields->values = ll_allocate_array(fields->planes * landscape->columns,
                                           (size_t)landscape->points * sizeof(double));
        if (fields->values == NULL)
            status = ll_fail_memory(error, LL_LANDSCAPE_MODULE,
                                    (size_t)(fields->planes * landscape->columns * landscape->points) *
                                        sizeof(double));
    }
    if (status == LL_OK) {
        double *table = fields->values + plane * fields->columns * fields->points;
        for (int64_t c = 0; c < fields->columns; c++)
            for (int64_t p = 0; p < fields->points; p++)
                table[c * fields->points + p] = landscape->values[p * fields->columns + c];
        for (int i = 0; i < axes.dimensions; i++)
            for (int j = 0; j < i; j++)
                fields->cosines[plane] = fmax(fields->cosines[plane], fabs(axes.cosine[i][j]));
        double least = INFINITY;
        for (int64_t p = 0; p < fields->points; p++) least = fmin(least, table[p]);
        fields->centres[plane] = landscape->centre[0] - least;
    }
    if (status == LL_OK && plane == fields->planes - 1) status = put_shared(landscape, fields, record, error);
    ll_landscape_destroy(landscape);
    ll_axes_deinit(&axes);
    return status;
}

ll_status ll_landscape_planes(ll_problem *problem, const ll_axes_options *axes_options,
                              const ll_landscape_options *options, int64_t planes, const ll_sink *sink,
                              ll_record **record, ll_error *error)
{
    if (planes < 1 || planes > 10000)
        return ll_fail(error, LL_INVALID_ARGUMENT, LL_LANDSCAPE_MODULE, "planes",
                       "got %lld, wanted 1 to 10000", (long long)planes);
    for (int d = 0; d < axes_options->dimensions && d < LL_LANDSCAPE_MAX_DIMENSIONS; d++)
        if (axes_options->axis[d].vector != NULL)
            return ll_fail(
                error, LL_INVALID_ARGUMENT, LL_LANDSCAPE_MODULE, "planes",
                "axis %d is a given vector, the same for every seed; several planes want random axes", d);
    ll_record *made = ll_record_create("landscape_planes");
    plane_fields fields = {.planes = planes};
    fields.cosines = ll_allocate_zeroed((size_t)planes * sizeof *fields.cosines);
    fields.centres = ll_allocate_zeroed((size_t)planes * sizeof *fields.centres);
    ll_status status = made == NULL || fields.cosines == NULL || fields.centres == NULL
                           ? ll_fail_memory(error, LL_LANDSCAPE_MODULE, (size_t)planes * 16)
                           : LL_OK;
    for (int64_t plane = 0; plane < planes && status == LL_OK; plane++)
        status = run_plane(problem, axes_options, options, plane, sink, &fields, made, error);
    if (status == LL_OK) status = ll_record_set_integer(made, "planes", "", planes, error);
    if (status == LL_OK)
        status = ll_record_set_integer(made, "dimensions", "", axes_options->dimensions, error);
    if (status == LL_OK) status = ll_record_set_integer(made, "seed", "", (int64_t)axes_options->seed, error);
    if (status == LL_OK)
        status = ll_record_set_reals(made, "largest_cosine", "", fields.cosines, planes, error);
    if (status == LL_OK)
        status = ll_record_set_reals(made, "centre_above_lowest", "loss", fields.centres, planes, error);
    ll_free(fields.values);
    ll_free(fields.cosines);
    ll_free(fields.centres);
    if (status != LL_OK) {
        ll_record_destroy(made);
        return status;
    }
    *record = made;
    return LL_OK;
}
