#include "losslens/parallel.h"

/* Pairs of halves down to eight, which are added in order: the tree depends on count alone. */
double ll_reduce_pairwise(const double *values, int64_t count)
{
    if (count <= 8) {
        double sum = 0.0;
        for (int64_t i = 0; i < count; i++) sum += values[i];
        return sum;
    }
    int64_t half = count / 2;
    return ll_reduce_pairwise(values, half) + ll_reduce_pairwise(values + half, count - half);
}

void ll_reduce_rows(double *values, int64_t rows, int64_t width)
{
    if (rows <= 1) return;
    int64_t half = rows / 2;
    double *second = values + half * width;
    ll_reduce_rows(values, half, width);
    ll_reduce_rows(second, rows - half, width);
    for (int64_t i = 0; i < width; i++) values[i] += second[i];
}
