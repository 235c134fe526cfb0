/* Random and given directions: the draw, the normalisations of Li et al. (2018), orthogonalisation. */
#include "axes.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------ names */

#define DEFINE_NAMES(type, function, LIST, count)                                                            \
    const char *ll_##function##_name(type value)                                                             \
    {                                                                                                        \
        static const char *const names[] = {LIST(NAME_ENTRY)};                                               \
        return (int)value >= 0 && (int)value < (int)(count) ? names[value] : "unknown";                      \
    }                                                                                                        \
    bool ll_##function##_parse(const char *name, type *value)                                                \
    {                                                                                                        \
        for (int i = 0; i < (int)(count); i++) {                                                             \
            if (strcmp(name, ll_##function##_name((type)i)) != 0) continue;                                  \
            *value = (type)i;                                                                                \
            return true;                                                                                     \
        }                                                                                                    \
        return false;                                                                                        \
    }
#define NAME_ENTRY(name, text) text,
DEFINE_NAMES(ll_direction_norm, direction_norm, LL_NORMALISATION_LIST, LL_NORMALISATIONS)
DEFINE_NAMES(ll_small_rule, small_rule, LL_SMALL_RULE_LIST, LL_SMALL_RULES)
#undef NAME_ENTRY

/* ------------------------------------------------------------------ storage */

void ll_axes_deinit(ll_axes *axes)
{
    if (axes == NULL) return;
    for (int d = 0; d < LL_LANDSCAPE_MAX_DIMENSIONS; d++) {
        ll_free(axes->vector[d]);
        ll_free(axes->buffer_vector[d]);
    }
    *axes = (ll_axes){0};
}

ll_status ll_axes_begin(const ll_problem_info *info, int dimensions, int directions, ll_axes *axes,
                        ll_error *error)
{
    if (dimensions < 1 || dimensions > LL_LANDSCAPE_MAX_DIMENSIONS)
        return ll_fail(error, LL_INVALID_ARGUMENT, LL_AXES_MODULE, "dimensions", "got %d, wanted 1 to %d",
                       dimensions, LL_LANDSCAPE_MAX_DIMENSIONS);
    ll_axes made = {.type = info->type,
                    .parameter_count = info->parameter_count,
                    .buffer_count = info->buffer_count,
                    .dimensions = dimensions,
                    .directions = directions};
    for (int d = 0; d < directions; d++) {
        made.small[d] = LL_SMALL_KEEP;
        made.vector[d] = ll_allocate_array(info->parameter_count, ll_real_bytes(info->type));
        if (made.vector[d] == NULL) {
            ll_axes_deinit(&made);
            return ll_fail_memory(error, LL_AXES_MODULE,
                                  (size_t)info->parameter_count * ll_real_bytes(info->type));
        }
    }
    *axes = made;
    return LL_OK;
}

ll_status ll_axes_finish(ll_axes *axes, ll_error *error)
{
    for (int i = 0; i < axes->directions; i++) {
        for (int j = 0; j <= i; j++)
            axes->gram[i][j] = axes->gram[j][i] =
                ll_vector_dot(axes->type, axes->parameter_count, axes->vector[i], axes->vector[j]);
        axes->norm[i] = sqrt(axes->gram[i][i]);
    }
    for (int i = 0; i < axes->directions; i++) {
        /* A bilinear plane's third vector, A - B - C + D, is zero for a parallelogram: that is a plane too.
         */
        bool may_vanish = axes->form == LL_AXES_BILINEAR && i >= axes->dimensions;
        if (!isfinite(axes->norm[i]) || (axes->norm[i] == 0.0 && !may_vanish)) {
            char place[32];
            snprintf(place, sizeof place, "axis %d", i);
            double norm = axes->norm[i];
            const char *kind = axes->kind[i];
            ll_status status =
                ll_fail(error, LL_INVALID_ARGUMENT, LL_AXES_MODULE, place,
                        "the %s direction has length %g; wanted a finite, non-zero one%s", kind, norm,
                        axes->small[i] == LL_SMALL_ZERO ? " (tensors with at most one axis are set to 0: use "
                                                          "the rule keep if there are no others)"
                                                        : "");
            ll_axes_deinit(axes);
            return status;
        }
    }
    for (int i = 0; i < axes->directions; i++)
        for (int j = 0; j < axes->directions; j++) {
            double product = axes->norm[i] * axes->norm[j];
            axes->cosine[i][j] = i == j ? 1.0 : product > 0.0 ? axes->gram[i][j] / product : 0.0;
        }
    return LL_OK;
}

/* ------------------------------------------------------------------ draw and normalise, in double */

static bool is_small(const ll_parameter *parameter)
{
    return parameter->rank <= 1 || parameter->role == LL_ROLE_SCALAR;
}

static ll_small_rule applied_rule(const ll_problem_info *info, ll_direction_norm normalisation,
                                  ll_small_rule rule)
{
    if (rule != LL_SMALL_AUTO) return rule;
    if (normalisation == LL_NORMALISE_NONE) return LL_SMALL_KEEP;
    for (int64_t p = 0; p < info->parameters; p++)
        if (!is_small(&info->parameter[p])) return LL_SMALL_ZERO;
    return LL_SMALL_KEEP;
}

static void draw(const ll_problem_info *info, const char *const *names, uint64_t seed, int axis,
                 double *direction)
{
    char purpose[32];
    snprintf(purpose, sizeof purpose, "direction/%d", axis);
    for (int64_t p = 0; p < info->parameters; p++) {
        const ll_parameter *parameter = &info->parameter[p];
        ll_rng rng = ll_rng_make(seed, purpose, names != NULL ? names[p] : parameter->name);
        ll_rng_fill_normal(rng, 0, parameter->count, direction + parameter->offset);
    }
}

/* Scales direction[outer x stride + first ...] so that its length over one slice is theta's. A slice is
 * `outer` runs of `inner` elements, `stride` apart. */
static void match_slice(double *direction, const double *theta, int64_t outer, int64_t stride, int64_t inner)
{
    double length = 0.0, wanted = 0.0;
    for (int64_t o = 0; o < outer; o++) {
        length += ll_vector_dot(LL_REAL_FLOAT64, inner, direction + o * stride, direction + o * stride);
        wanted += ll_vector_dot(LL_REAL_FLOAT64, inner, theta + o * stride, theta + o * stride);
    }
    double factor = length > 0.0 ? sqrt(wanted / length) : 0.0;
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++) direction[o * stride + i] *= factor;
}

static void match_tensor(const ll_parameter *parameter, bool by_filter, double *direction,
                         const double *theta)
{
    direction += parameter->offset;
    theta += parameter->offset;
    bool sliced = by_filter && (parameter->role == LL_ROLE_FILTER || parameter->role == LL_ROLE_LINEAR) &&
                  parameter->output_axis >= 0 && parameter->output_axis < parameter->rank;
    if (!sliced) {
        match_slice(direction, theta, 1, 0, parameter->count);
        return;
    }
    int64_t outer = 1, inner = 1, slices = parameter->shape[parameter->output_axis];
    for (int a = 0; a < parameter->output_axis; a++) outer *= parameter->shape[a];
    for (int a = parameter->output_axis + 1; a < parameter->rank; a++) inner *= parameter->shape[a];
    for (int64_t s = 0; s < slices; s++)
        match_slice(direction + s * inner, theta + s * inner, outer, slices * inner, inner);
}

static void normalise(const ll_problem_info *info, ll_direction_norm normalisation, ll_small_rule rule,
                      const double *theta, double *direction)
{
    for (int64_t p = 0; p < info->parameters; p++) {
        const ll_parameter *parameter = &info->parameter[p];
        double *part = direction + parameter->offset;
        if (is_small(parameter) && rule == LL_SMALL_ZERO)
            memset(part, 0, (size_t)parameter->count * sizeof *part);
        else if (is_small(parameter) && rule == LL_SMALL_COPY)
            memcpy(part, theta + parameter->offset, (size_t)parameter->count * sizeof *part);
        else if (normalisation == LL_NORMALISE_LAYER || normalisation == LL_NORMALISE_FILTER)
            match_tensor(parameter, normalisation == LL_NORMALISE_FILTER && !is_small(parameter), direction,
                         theta);
    }
    if (normalisation != LL_NORMALISE_MODEL) return;
    double length = ll_vector_norm(LL_REAL_FLOAT64, info->parameter_count, direction);
    double wanted = ll_vector_norm(LL_REAL_FLOAT64, info->parameter_count, theta);
    ll_vector_scale(LL_REAL_FLOAT64, info->parameter_count, length > 0.0 ? wanted / length : 0.0, direction);
}

/* r -= (r.d)/(d.d) d for every earlier axis d, in order. One pass leaves |cos| near the rounding of a pass
 * times the loss of length; a second pass brings it to rounding ("twice is enough"). */
static ll_status orthogonalise(const ll_axes *axes, int axis, double *direction, double *scratch,
                               ll_error *error)
{
    int64_t n = axes->parameter_count;
    double before = ll_vector_norm(LL_REAL_FLOAT64, n, direction);
    for (int pass = 0; pass < 2; pass++)
        for (int d = 0; d < axis; d++) {
            ll_vector_to_double(axes->type, n, axes->vector[d], scratch);
            double square = ll_vector_dot(LL_REAL_FLOAT64, n, scratch, scratch);
            if (square <= 0.0) continue; /* refused when the axes are finished */
            double along = ll_vector_dot(LL_REAL_FLOAT64, n, direction, scratch);
            ll_vector_add(LL_REAL_FLOAT64, n, -along / square, scratch, direction);
        }
    double after = ll_vector_norm(LL_REAL_FLOAT64, n, direction);
    if (after > 1e-6 * before || !(before > 0.0)) return LL_OK;
    char place[32];
    snprintf(place, sizeof place, "axis %d", axis);
    return ll_fail(error, LL_INVALID_ARGUMENT, LL_AXES_MODULE, place,
                   "it is a combination of the earlier axes (%.1e of its length is left after "
                   "orthogonalisation); wanted "
                   "linearly independent axes",
                   before > 0.0 ? after / before : 0.0);
}

static bool wants_orthogonal(const ll_axes_options *options, const ll_axis_choice *choice)
{
    if (options->orthogonal != LL_ORTHOGONAL_AUTO) return options->orthogonal == LL_ORTHOGONAL_YES;
    return choice->vector == NULL && choice->normalisation != LL_NORMALISE_FILTER;
}

static ll_status make_axis(const ll_problem_info *info, const double *theta, const ll_axes_options *options,
                           int d, ll_axes *axes, double *direction, double *scratch, ll_error *error)
{
    const ll_axis_choice *choice = &options->axis[d];
    ll_small_rule rule = applied_rule(info, choice->normalisation, choice->small);
    bool given = choice->vector != NULL;
    if (given && choice->normalisation == LL_NORMALISE_NONE && choice->small == LL_SMALL_AUTO)
        rule = LL_SMALL_KEEP;
    if (given) ll_vector_to_double(info->type, info->parameter_count, choice->vector, direction);
    else draw(info, options->names, options->seed, d, direction);
    normalise(info, choice->normalisation, rule, theta, direction);
    bool orthogonal = d > 0 && wants_orthogonal(options, choice);
    if (orthogonal) LL_TRY(orthogonalise(axes, d, direction, scratch, error));
    ll_vector_from_double(info->type, info->parameter_count, direction, axes->vector[d]);
    snprintf(axes->kind[d], sizeof axes->kind[d], "%s",
             choice->name != NULL ? choice->name
             : given              ? "given"
                                  : "random");
    axes->normalisation[d] = choice->normalisation;
    axes->small[d] = rule;
    axes->orthogonalised[d] = orthogonal;
    return LL_OK;
}

ll_status ll_axes_create(const ll_problem_info *info, const void *theta, const ll_axes_options *options,
                         ll_axes *axes, ll_error *error)
{
    if (theta == NULL)
        return ll_fail(error, LL_INVALID_ARGUMENT, LL_AXES_MODULE, "theta",
                       "directions are normalised at a parameter vector; got none");
    ll_axes made;
    LL_TRY(ll_axes_begin(info, options->dimensions, options->dimensions, &made, error));
    made.seed = options->seed;
    double *scratch = ll_allocate_array(info->parameter_count, 3 * sizeof *scratch);
    if (scratch == NULL) {
        ll_axes_deinit(&made);
        return ll_fail_memory(error, LL_AXES_MODULE, (size_t)info->parameter_count * 3 * sizeof *scratch);
    }
    double *direction = scratch + info->parameter_count, *theta_double = direction + info->parameter_count;
    ll_vector_to_double(info->type, info->parameter_count, theta, theta_double);
    ll_status status = LL_OK;
    for (int d = 0; d < options->dimensions && status == LL_OK; d++)
        status = make_axis(info, theta_double, options, d, &made, direction, scratch, error);
    ll_free(scratch);
    if (status != LL_OK) {
        ll_axes_deinit(&made);
        return status;
    }
    LL_TRY(ll_axes_finish(&made, error));
    *axes = made;
    return LL_OK;
}

void ll_direction_adam(ll_real type, int64_t count, const void *first_moment, const void *second_moment,
                       double epsilon, void *direction)
{
    for (int64_t i = 0; i < count; i++) {
        double step =
            ll_vector_get(type, first_moment, i) / (sqrt(ll_vector_get(type, second_moment, i)) + epsilon);
        ll_vector_from_double(type, 1, &step, ll_vector_at_mutable(type, direction, i));
    }
}

static bool same_shape(const ll_parameter *a, const ll_parameter *b)
{
    return a->rank == b->rank && memcmp(a->shape, b->shape, (size_t)a->rank * sizeof a->shape[0]) == 0;
}

double ll_axes_shared(const ll_problem_info *a, const char *const *names_a, const ll_problem_info *b,
                      const char *const *names_b)
{
    int64_t shared = 0;
    for (int64_t i = 0; i < a->parameters; i++) {
        const char *name = names_a != NULL ? names_a[i] : a->parameter[i].name;
        for (int64_t j = 0; j < b->parameters; j++) {
            if (strcmp(name, names_b != NULL ? names_b[j] : b->parameter[j].name) != 0) continue;
            if (same_shape(&a->parameter[i], &b->parameter[j])) shared += a->parameter[i].count;
            break;
        }
    }
    return a->parameter_count > 0 ? (double)shared / (double)a->parameter_count : 0.0;
}
