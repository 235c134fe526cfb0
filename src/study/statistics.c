#include "study/statistics.h"

#include <math.h>
#include <stdlib.h>

double ll_student_975(int64_t degrees)
{
    static const double table[] = {12.7062, 4.30265, 3.18245, 2.77645, 2.57058, 2.44691, 2.36462, 2.30600, 2.26216, 2.22814,
                                   2.20099, 2.17881, 2.16037, 2.14479, 2.13145, 2.11991, 2.10982, 2.10092, 2.09302, 2.08596};
    if (degrees < 1) return NAN;
    if (degrees <= 20) return table[degrees - 1];
    /* Cornish-Fisher about the normal point (Abramowitz & Stegun 26.7.5). */
    double z = 1.959963985, n = (double)degrees, z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z;
    return z + (z3 + z) / (4 * n) + (5 * z5 + 16 * z3 + 3 * z) / (96 * n * n) + (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * n * n * n);
}

int64_t ll_mean_interval(const double *values, int64_t count, double *mean, double *half_width)
{
    double sum = 0, squares = 0;
    int64_t known = 0;
    for (int64_t i = 0; i < count; i++)
        if (!isnan(values[i])) {
            sum += values[i];
            known++;
        }
    *mean = known > 0 ? sum / (double)known : (double)NAN;
    for (int64_t i = 0; i < count; i++)
        if (!isnan(values[i])) squares += (values[i] - *mean) * (values[i] - *mean);
    *half_width = known > 1 ? ll_student_975(known - 1) * sqrt(squares / (double)(known - 1) / (double)known) : (double)NAN;
    return known;
}

typedef struct ranked {
    double value;
    int64_t index;
} ranked;

static int by_value(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->value != y->value) return x->value < y->value ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static void ranks_of(ranked *sorted, const double *values, int64_t count, double *ranks)
{
    for (int64_t i = 0; i < count; i++) sorted[i] = (ranked){values[i], i};
    qsort(sorted, (size_t)count, sizeof *sorted, by_value);
    for (int64_t i = 0; i < count;) {
        int64_t end = i;
        while (end < count && sorted[end].value == sorted[i].value) end++;
        for (int64_t k = i; k < end; k++) ranks[sorted[k].index] = 0.5 * (double)(i + end - 1);
        i = end;
    }
}

ll_status ll_rank_correlation(const double *x, const double *y, int64_t count, double *correlation, int64_t *used, ll_error *error)
{
    ranked *sorted = ll_allocate_array(count + 1, sizeof *sorted);
    double *kept = ll_allocate_array(4 * count + 1, sizeof *kept);
    if (sorted == NULL || kept == NULL) {
        ll_free(sorted);
        ll_free(kept);
        return ll_fail_memory(error, "study", (size_t)count * 48);
    }
    double *a = kept, *b = kept + count, *ranks_a = kept + 2 * count, *ranks_b = kept + 3 * count;
    int64_t known = 0;
    for (int64_t i = 0; i < count; i++)
        if (!isnan(x[i]) && !isnan(y[i])) {
            a[known] = x[i];
            b[known++] = y[i];
        }
    ranks_of(sorted, a, known, ranks_a);
    ranks_of(sorted, b, known, ranks_b);
    double middle = 0.5 * (double)(known - 1), xy = 0, xx = 0, yy = 0;
    for (int64_t i = 0; i < known; i++) {
        xy += (ranks_a[i] - middle) * (ranks_b[i] - middle);
        xx += (ranks_a[i] - middle) * (ranks_a[i] - middle);
        yy += (ranks_b[i] - middle) * (ranks_b[i] - middle);
    }
    *correlation = known >= 3 && xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : (double)NAN;
    if (used != NULL) *used = known;
    ll_free(sorted);
    ll_free(kept);
    return LL_OK;
}
