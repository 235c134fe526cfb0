#include "losslens/study_statistics.h"

#include <math.h>
#include <stdlib.h>

/* Regularised incomplete beta function I_x(a, 1/2) by its continued fraction (Lentz). */
static double incomplete_beta(double x, double a, double b)
{
    if (x <= 0.0) return 0.0;
    if (x >= 1.0) return 1.0;
    if (x > (a + 1.0) / (a + b + 2.0)) return 1.0 - incomplete_beta(1.0 - x, b, a);
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a;
    double c = 1.0, d = 1.0 - (a + b) * x / (a + 1.0), tiny = 1e-300;
    d = 1.0 / (fabs(d) < tiny ? tiny : d);
    double fraction = d;
    for (int i = 1; i < 10000; i++) {
        double m = i;
        const double terms[2] = {m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m)),
                                 -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))};
        double before = fraction;
        for (int k = 0; k < 2; k++) {
            d = 1.0 + terms[k] * d;
            c = 1.0 + terms[k] / c;
            d = 1.0 / (fabs(d) < tiny ? tiny : d);
            if (fabs(c) < tiny) c = tiny;
            fraction *= c * d;
        }
        if (fabs(fraction - before) <= 1e-16 * fabs(fraction)) break;
    }
    return front * fraction;
}

double ll_student_quantile(double degrees)
{
    /* Both tails together hold 5 % beyond t: I_{v / (v + t^2)}(v/2, 1/2) = 0.05; it falls with t. */
    if (!(degrees > 0.0)) return NAN;
    double low = 1.0, high = 2.0;
    while (incomplete_beta(degrees / (degrees + high * high), degrees / 2.0, 0.5) > 0.05 && high < 1e12)
        high *= 2.0;
    for (int i = 0; i < 200 && high - low > 1e-14 * high; i++) {
        double middle = 0.5 * (low + high);
        if (incomplete_beta(degrees / (degrees + middle * middle), degrees / 2.0, 0.5) > 0.05) low = middle;
        else high = middle;
    }
    return 0.5 * (low + high);
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
    *half_width = known > 1 ? ll_student_quantile((double)known - 1.0) *
                                  sqrt(squares / (double)(known - 1) / (double)known)
                            : (double)NAN;
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

ll_status ll_rank_correlation(const double *x, const double *y, int64_t count, double *correlation,
                              int64_t *used, ll_error *error)
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
