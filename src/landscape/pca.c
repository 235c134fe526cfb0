/* Trajectories: their principal plane, their coordinates on any plane, their distance from it. */
#include "axes.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { STRIP = 1024, MAX_ROWS = 20000 };

typedef struct rows {
    ll_real type;
    int64_t length; /* of a row */
    const void *origin;
    const void **row;
    int64_t count;
} rows;

static ll_status collect_rows(const ll_problem_info *info, const void *origin,
                              const ll_trajectory *trajectories, int64_t trajectory_count, rows *all,
                              ll_error *error)
{
    int64_t total = 0;
    for (int64_t t = 0; t < trajectory_count; t++) total += trajectories[t].count;
    if (total > MAX_ROWS)
        return ll_fail(error, LL_TOO_LARGE, LL_AXES_MODULE, "pca",
                       "%lld checkpoints; at most %d can be analysed together", (long long)total, MAX_ROWS);
    all->row = ll_allocate_array(ll_max_int64(total, 1), sizeof *all->row);
    if (all->row == NULL) return ll_fail_memory(error, LL_AXES_MODULE, (size_t)total * sizeof *all->row);
    all->type = info->type;
    all->length = info->parameter_count;
    all->origin = origin;
    size_t bytes = (size_t)info->parameter_count * ll_real_bytes(info->type);
    for (int64_t t = 0; t < trajectory_count; t++)
        for (int64_t i = 0; i < trajectories[t].count; i++) {
            const void *theta = trajectories[t].theta[i];
            bool is_end =
                i == trajectories[t].count - 1 && (theta == origin || memcmp(theta, origin, bytes) == 0);
            if (!is_end) all->row[all->count++] = theta;
        }
    return LL_OK;
}

/* Differences from the origin of `width` columns, row-major: strip[count][width]. */
static void load_strip(const rows *all, int64_t first, int64_t width, double *strip)
{
    for (int64_t r = 0; r < all->count; r++)
        for (int64_t i = 0; i < width; i++)
            strip[r * width + i] = ll_vector_get(all->type, all->row[r], first + i) -
                                   ll_vector_get(all->type, all->origin, first + i);
}

/* gram = X X', strip by strip. One library thread, so that the sums keep their order on any machine. */
static void row_gram(const rows *all, double *strip, double *gram)
{
    int k = (int)all->count;
    memset(gram, 0, (size_t)(all->count * all->count) * sizeof *gram);
    openblas_set_num_threads(1);
    for (int64_t first = 0; first < all->length; first += STRIP) {
        int64_t width = ll_min_int64(STRIP, all->length - first);
        load_strip(all, first, width, strip);
        cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, k, (int)width, 1.0, strip, (int)width, 1.0, gram,
                    k);
    }
    for (int64_t i = 0; i < all->count; i++)
        for (int64_t j = 0; j < i; j++) gram[j * all->count + i] = gram[i * all->count + j];
}

/* J G J with J = I - 11'/k. */
static void centre_gram(double *gram, int64_t k, double *means)
{
    double all = 0.0;
    for (int64_t i = 0; i < k; i++) {
        double sum = 0.0;
        for (int64_t j = 0; j < k; j++) sum += gram[i * k + j];
        means[i] = sum / (double)k;
        all += means[i];
    }
    all /= (double)k;
    for (int64_t i = 0; i < k; i++)
        for (int64_t j = 0; j < k; j++) gram[i * k + j] += all - means[i] - means[j];
}

/* vectors[d] = sum over rows of weight[d][r] row_r, in double, rounded once. */
static void combine_rows(const rows *all, int dimensions, const double *weight, double *strip, ll_axes *axes)
{
    double column[STRIP];
    for (int64_t first = 0; first < all->length; first += STRIP) {
        int64_t width = ll_min_int64(STRIP, all->length - first);
        load_strip(all, first, width, strip);
        for (int d = 0; d < dimensions; d++) {
            memset(column, 0, sizeof column);
            for (int64_t r = 0; r < all->count; r++)
                for (int64_t i = 0; i < width; i++)
                    column[i] += weight[d * all->count + r] * strip[r * width + i];
            ll_vector_from_double(all->type, width, column,
                                  ll_vector_at_mutable(all->type, axes->vector[d], first));
        }
    }
}

/* Weights of the rows for each principal direction, unit length, first row on the negative side. */
static ll_status principal_weights(const rows *all, double *gram, int dimensions, bool uncentred,
                                   double *weight, double *explained, ll_error *error)
{
    int64_t k = all->count;
    double *values = ll_allocate_array(2 * k, sizeof *values),
           *original = ll_allocate_array(k * k, sizeof *original);
    ll_status status = values == NULL || original == NULL
                           ? ll_fail_memory(error, LL_AXES_MODULE, (size_t)(k * k + 2 * k) * sizeof *values)
                           : LL_OK;
    if (status == LL_OK) {
        memcpy(original, gram, (size_t)(k * k) * sizeof *gram);
        if (!uncentred) centre_gram(gram, k, values + k);
        double total = 0.0;
        for (int64_t i = 0; i < k; i++) total += gram[i * k + i];
        lapack_int code =
            LAPACKE_dsyevd(LAPACK_ROW_MAJOR, 'V', 'U', (lapack_int)k, gram, (lapack_int)k, values);
        if (code != 0)
            status = ll_fail(error, LL_NUMERIC, LL_AXES_MODULE, "pca",
                             "the Gram matrix has no eigenvectors (LAPACK says %d); "
                             "are all checkpoints finite?",
                             (int)code);
        double largest = k > 0 ? values[k - 1] : 0.0;
        for (int d = 0; d < dimensions && status == LL_OK; d++) {
            double value = values[k - 1 - d];
            if (!(value > 1e-12 * largest * (double)k)) {
                status = ll_fail(error, LL_INVALID_ARGUMENT, LL_AXES_MODULE, "pca",
                                 "the checkpoints span %d dimension(s); wanted at least %d", d, dimensions);
                break;
            }
            double mean = 0.0, start = 0.0, length = 0.0;
            for (int64_t r = 0; r < k; r++) mean += gram[r * k + (k - 1 - d)];
            mean = uncentred ? 0.0 : mean / (double)k;
            for (int64_t r = 0; r < k; r++) weight[d * k + r] = gram[r * k + (k - 1 - d)] - mean;
            for (int64_t r = 0; r < k; r++) {
                double projected = 0.0;
                for (int64_t s = 0; s < k; s++) projected += original[r * k + s] * weight[d * k + s];
                length += projected * weight[d * k + r];
                if (r == 0) start = projected;
            }
            double factor = (start > 0.0 ? -1.0 : 1.0) / sqrt(length);
            for (int64_t r = 0; r < k; r++) weight[d * k + r] *= factor;
            explained[d] = value / total;
        }
    }
    ll_free(values);
    ll_free(original);
    return status;
}

ll_status ll_axes_pca(const ll_problem_info *info, const void *origin, const ll_trajectory *trajectories,
                      int64_t trajectory_count, int dimensions, bool uncentred, ll_axes *axes,
                      ll_error *error)
{
    ll_axes made;
    LL_TRY(ll_axes_begin(info, dimensions, dimensions, &made, error));
    rows all = {0};
    double *strip = NULL, *gram = NULL, *weight = NULL;
    ll_status status = collect_rows(info, origin, trajectories, trajectory_count, &all, error);
    if (status == LL_OK && all.count < dimensions + (uncentred ? 0 : 1))
        status = ll_fail(error, LL_INVALID_ARGUMENT, LL_AXES_MODULE, "pca",
                         "got %lld checkpoints besides the end; %d principal directions want at least %d",
                         (long long)all.count, dimensions, dimensions + (uncentred ? 0 : 1));
    if (status == LL_OK) {
        strip = ll_allocate_array(all.count, STRIP * sizeof *strip);
        gram = ll_allocate_array(all.count * all.count, sizeof *gram);
        weight = ll_allocate_array(all.count * dimensions, sizeof *weight);
        if (strip == NULL || gram == NULL || weight == NULL)
            status = ll_fail_memory(error, LL_AXES_MODULE, (size_t)(all.count * all.count) * sizeof *gram);
    }
    if (status == LL_OK) {
        row_gram(&all, strip, gram);
        status = principal_weights(&all, gram, dimensions, uncentred, weight, made.explained, error);
    }
    if (status == LL_OK) {
        combine_rows(&all, dimensions, weight, strip, &made);
        for (int d = 0; d < dimensions; d++)
            snprintf(made.kind[d], sizeof made.kind[d], "%s", uncentred ? "pca_uncentred" : "pca");
        made.pca_rows = all.count;
    }
    ll_free(all.row);
    ll_free(strip);
    ll_free(gram);
    ll_free(weight);
    if (status != LL_OK) {
        ll_axes_deinit(&made);
        return status;
    }
    LL_TRY(ll_axes_finish(&made, error));
    *axes = made;
    return LL_OK;
}

/* Cholesky solve of gram x = b in place; false if gram is not safely positive definite. */
static bool solve_gram(const ll_axes *axes, double *b)
{
    int k = axes->dimensions;
    double l[LL_LANDSCAPE_MAX_DIMENSIONS][LL_LANDSCAPE_MAX_DIMENSIONS] = {{0}};
    for (int i = 0; i < k; i++)
        for (int j = 0; j <= i; j++) {
            double sum = axes->gram[i][j];
            for (int s = 0; s < j; s++) sum -= l[i][s] * l[j][s];
            if (i != j) {
                l[i][j] = sum / l[j][j];
            } else {
                if (!(sum > 1e-12 * axes->gram[i][i])) return false;
                l[i][i] = sqrt(sum);
            }
        }
    for (int i = 0; i < k; i++) {
        for (int s = 0; s < i; s++) b[i] -= l[i][s] * b[s];
        b[i] /= l[i][i];
    }
    for (int i = k - 1; i >= 0; i--) {
        for (int s = i + 1; s < k; s++) b[i] -= l[s][i] * b[s];
        b[i] /= l[i][i];
    }
    return true;
}

ll_status ll_axes_project(const ll_axes *axes, const void *origin, const void *const *points, int64_t count,
                          double *coordinates, double *residuals, ll_error *error)
{
    if (axes->form != LL_AXES_AFFINE)
        return ll_fail(error, LL_UNSUPPORTED, LL_AXES_MODULE, "project",
                       "points cannot be projected onto a bilinear patch");
    int64_t n = axes->parameter_count;
    int k = axes->dimensions;
    double probe[LL_LANDSCAPE_MAX_DIMENSIONS] = {0};
    if (!solve_gram(axes, probe))
        return ll_fail(error, LL_NUMERIC, LL_AXES_MODULE, "project",
                       "the axes are linearly dependent, so that coordinates are not defined");
    double *difference = ll_allocate_array(2 * n, sizeof *difference);
    if (difference == NULL)
        return ll_fail_memory(error, LL_AXES_MODULE, (size_t)(2 * n) * sizeof *difference);
    double *direction = difference + n;
    for (int64_t p = 0; p < count; p++) {
        double *alpha = coordinates + p * k;
        for (int64_t i = 0; i < n; i++)
            difference[i] = ll_vector_get(axes->type, points[p], i) - ll_vector_get(axes->type, origin, i);
        for (int d = 0; d < k; d++) {
            ll_vector_to_double(axes->type, n, axes->vector[d], direction);
            alpha[d] = ll_vector_dot(LL_REAL_FLOAT64, n, direction, difference);
        }
        (void)solve_gram(axes, alpha);
        if (residuals == NULL) continue;
        for (int d = 0; d < k; d++) {
            ll_vector_to_double(axes->type, n, axes->vector[d], direction);
            ll_vector_add(LL_REAL_FLOAT64, n, -alpha[d], direction, difference);
        }
        residuals[p] = ll_vector_norm(LL_REAL_FLOAT64, n, difference);
    }
    ll_free(difference);
    return LL_OK;
}

void ll_range_auto(const double *coordinates, int64_t count, int dimensions, double margin, double *low,
                   double *high)
{
    for (int d = 0; d < dimensions; d++) {
        double least = 0.0, most = 0.0;
        for (int64_t p = 0; p < count; p++) {
            double alpha = coordinates[p * dimensions + d];
            if (alpha < least) least = alpha;
            if (alpha > most) most = alpha;
        }
        double extent = most - least;
        low[d] = extent > 0.0 ? least - margin * extent : -1.0;
        high[d] = extent > 0.0 ? most + margin * extent : 1.0;
    }
}
