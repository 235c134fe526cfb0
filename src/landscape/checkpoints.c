/* Directions between checkpoints: the line through two, planes through three, bilinear patches of four. */
#include "axes.h"

#include <math.h>
#include <stdio.h>

/* difference = b - a, each element in double, rounded once. */
static void subtract(ll_real type, int64_t count, const void *b, const void *a, void *difference)
{
    const void *direction[1] = {a};
    const double minus = -1.0;
    ll_vector_combine(type, count, b, 1, direction, &minus, difference);
}

/* Buffer directions for `keep`: the running statistics move linearly with the checkpoints. */
static ll_status buffer_difference(ll_axes *axes, int d, const void *b, const void *a, ll_error *error)
{
    if (axes->buffer_count == 0 || a == NULL || b == NULL) return LL_OK;
    void *made = ll_allocate_array(axes->buffer_count, ll_real_bytes(axes->type));
    if (made == NULL)
        return ll_fail_memory(error, LL_AXES_MODULE, (size_t)axes->buffer_count * ll_real_bytes(axes->type));
    subtract(axes->type, axes->buffer_count, b, a, made);
    axes->buffer_vector[d] = made;
    return LL_OK;
}

static void name_axes(ll_axes *axes, const char *kind)
{
    for (int d = 0; d < axes->directions; d++) snprintf(axes->kind[d], sizeof axes->kind[d], "%s", kind);
}

/* Ends *axes on a failure, so that callers can return at once. */
static ll_status guarded(ll_axes *axes, ll_status status)
{
    if (status != LL_OK) ll_axes_deinit(axes);
    return status;
}

ll_status ll_axes_between(const ll_problem_info *info, const void *theta_a, const void *theta_b,
                          const void *buffers_a, const void *buffers_b, ll_axes *axes, ll_error *error)
{
    ll_axes made;
    LL_TRY(ll_axes_begin(info, 1, 1, &made, error));
    name_axes(&made, "between");
    subtract(info->type, info->parameter_count, theta_b, theta_a, made.vector[0]);
    LL_TRY(guarded(&made, buffer_difference(&made, 0, buffers_b, buffers_a, error)));
    LL_TRY(ll_axes_finish(&made, error));
    *axes = made;
    return LL_OK;
}

ll_status ll_axes_barycentric(const ll_problem_info *info, const void *const theta[3],
                              const void *const buffers[3], ll_axes *axes, ll_error *error)
{
    ll_axes made;
    LL_TRY(ll_axes_begin(info, 2, 2, &made, error));
    name_axes(&made, "barycentric");
    for (int d = 0; d < 2; d++) {
        subtract(info->type, info->parameter_count, theta[d + 1], theta[0], made.vector[d]);
        if (buffers != NULL)
            LL_TRY(guarded(&made, buffer_difference(&made, d, buffers[d + 1], buffers[0], error)));
    }
    LL_TRY(ll_axes_finish(&made, error));
    *axes = made;
    return LL_OK;
}

/* A - B - C + D in one rounding. */
static void mixed_difference(ll_real type, int64_t count, const void *const corner[4], void *result)
{
    const void *direction[3] = {corner[1], corner[2], corner[3]};
    const double sign[3] = {-1.0, -1.0, 1.0};
    ll_vector_combine(type, count, corner[0], 3, direction, sign, result);
}

ll_status ll_axes_bilinear(const ll_problem_info *info, const void *const theta[4],
                           const void *const buffers[4], ll_axes *axes, ll_error *error)
{
    ll_axes made;
    LL_TRY(ll_axes_begin(info, 2, 3, &made, error));
    made.form = LL_AXES_BILINEAR;
    name_axes(&made, "bilinear");
    for (int d = 0; d < 2; d++) {
        subtract(info->type, info->parameter_count, theta[d + 1], theta[0], made.vector[d]);
        if (buffers != NULL)
            LL_TRY(guarded(&made, buffer_difference(&made, d, buffers[d + 1], buffers[0], error)));
    }
    mixed_difference(info->type, info->parameter_count, theta, made.vector[2]);
    if (buffers != NULL && made.buffer_vector[0] != NULL && made.buffer_vector[1] != NULL &&
        buffers[3] != NULL) {
        LL_TRY(guarded(&made, buffer_difference(&made, 2, buffers[3], buffers[0], error)));
        mixed_difference(info->type, info->buffer_count, buffers, made.buffer_vector[2]);
    }
    LL_TRY(ll_axes_finish(&made, error));
    *axes = made;
    return LL_OK;
}

ll_status ll_axes_plane(const ll_problem_info *info, const void *const theta[3], const void *const buffers[3],
                        ll_axes *axes, double *coordinates, ll_error *error)
{
    int64_t n = info->parameter_count;
    ll_real type = info->type;
    ll_axes made;
    LL_TRY(ll_axes_begin(info, 2, 2, &made, error));
    name_axes(&made, "plane");
    double *scratch = ll_allocate_array(n, 2 * sizeof *scratch);
    if (scratch == NULL)
        return guarded(&made, ll_fail_memory(error, LL_AXES_MODULE, (size_t)n * 2 * sizeof *scratch));
    double *u = scratch, *v = scratch + n;
    for (int64_t i = 0; i < n; i++) {
        double a = ll_vector_get(type, theta[0], i);
        u[i] = ll_vector_get(type, theta[1], i) - a;
        v[i] = ll_vector_get(type, theta[2], i) - a;
    }
    double along_b = ll_vector_norm(LL_REAL_FLOAT64, n, u), length_c = ll_vector_norm(LL_REAL_FLOAT64, n, v);
    double shear = 0.0;
    if (along_b > 0.0) {
        ll_vector_scale(LL_REAL_FLOAT64, n, 1.0 / along_b, u);
        for (int pass = 0; pass < 2; pass++) {
            double along = ll_vector_dot(LL_REAL_FLOAT64, n, u, v);
            ll_vector_add(LL_REAL_FLOAT64, n, -along, u, v);
            shear += along;
        }
    }
    double height = ll_vector_norm(LL_REAL_FLOAT64, n, v);
    bool flat = !(along_b > 0.0) || !(height > 1e-6 * length_c);
    if (!flat) {
        ll_vector_scale(LL_REAL_FLOAT64, n, 1.0 / height, v);
        ll_vector_from_double(type, n, u, made.vector[0]);
        ll_vector_from_double(type, n, v, made.vector[1]);
    }
    ll_free(scratch);
    if (flat)
        return guarded(
            &made,
            ll_fail(error, LL_INVALID_ARGUMENT, LL_AXES_MODULE, "plane",
                    "the three checkpoints lie on a line (lengths %g and %g, height %g); wanted three that "
                    "span a plane",
                    along_b, length_c, height));
    /* Buffers that move with the basis so that they are each checkpoint's own at its coordinates. */
    if (buffers != NULL && info->buffer_count > 0) {
        for (int d = 0; d < 2; d++)
            LL_TRY(guarded(&made, buffer_difference(&made, d, buffers[d + 1], buffers[0], error)));
        if (made.buffer_vector[0] != NULL && made.buffer_vector[1] != NULL) {
            ll_vector_scale(type, info->buffer_count, 1.0 / along_b, made.buffer_vector[0]);
            ll_vector_add(type, info->buffer_count, -shear, made.buffer_vector[0], made.buffer_vector[1]);
            ll_vector_scale(type, info->buffer_count, 1.0 / height, made.buffer_vector[1]);
        }
    }
    made.orthogonalised[1] = true;
    LL_TRY(ll_axes_finish(&made, error));
    if (coordinates != NULL) {
        const double all[6] = {0.0, 0.0, along_b, 0.0, shear, height};
        for (int i = 0; i < 6; i++) coordinates[i] = all[i];
    }
    *axes = made;
    return LL_OK;
}
