/* Shapes of curves, numbers of a profile of losses along one, and plans of pairs. */
#include "losslens/connectivity.h"

#include <math.h>
#include <string.h>

void ll_curve_weights(ll_curve_kind kind, double t, double weights[3])
{
    double s = 1.0 - t;
    switch (kind) {
    case LL_CURVE_BEZIER:
        weights[0] = s * s;
        weights[1] = t * t;
        weights[2] = 2.0 * t * s;
        return;
    case LL_CURVE_POLYGON:
        weights[0] = t <= 0.5 ? 1.0 - 2.0 * t : 0.0;
        weights[1] = t <= 0.5 ? 0.0 : 2.0 * t - 1.0;
        weights[2] = t <= 0.5 ? 2.0 * t : 2.0 * s;
        return;
    default:
        weights[0] = s;
        weights[1] = t;
        weights[2] = 0.0;
    }
}

ll_curve_numbers ll_curve_measure(const double *values, int64_t count)
{
    double middle = 0.5 * (values[0] + values[count - 1]), furthest = -1;
    ll_curve_numbers numbers = {.barrier = -INFINITY, .maximum = -INFINITY};
    for (int64_t i = 0; i < count; i++) {
        double t = (double)i / (double)(count - 1), distance = fabs(middle - values[i]);
        double above = values[i] - ((1.0 - t) * values[0] + t * values[count - 1]);
        if (!isfinite(distance)) distance = INFINITY;
        if (distance > furthest) {
            furthest = distance;
            numbers.mc = middle - values[i];
            numbers.mc_t = t;
        }
        if (!(above <= numbers.barrier) && !isnan(numbers.barrier)) numbers.barrier = above;
        if (!(values[i] <= numbers.maximum) && !isnan(numbers.maximum)) numbers.maximum = values[i];
        numbers.mean += values[i] / (double)count;
    }
    return numbers;
}

/* Marks the k nearest of model i. */
static void mark_nearest(int64_t models, int64_t i, int64_t k, const double *distances, bool *marked)
{
    bool *row = marked + i * models;
    for (int64_t taken = 0; taken < k; taken++) {
        int64_t best = -1;
        for (int64_t j = 0; j < models; j++)
            if (j != i && !row[j] && (best < 0 || distances[i * models + j] < distances[i * models + best]))
                best = j;
        if (best >= 0) row[best] = true;
    }
}

static ll_status check_plan(ll_pair_plan plan, int64_t models, int64_t k, const double *distances,
                            ll_error *error)
{
    if (models < 2)
        return ll_fail(error, LL_INVALID_ARGUMENT, "connectivity", "pairs", "%lld models make no pair",
                       (long long)models);
    if (plan == LL_PAIRS_ALL) return LL_OK;
    if (k < 1)
        return ll_fail(error, LL_INVALID_ARGUMENT, "connectivity", "pairs", "k is %lld; at least 1",
                       (long long)k);
    if (plan == LL_PAIRS_NEAREST && distances == NULL)
        return ll_fail(error, LL_INVALID_ARGUMENT, "connectivity", "pairs", "nearest pairs need distances");
    for (int64_t i = 0; plan == LL_PAIRS_NEAREST && i < models * models; i++)
        if (isnan(distances[i]))
            return ll_fail(error, LL_INVALID_ARGUMENT, "connectivity", "pairs",
                           "the distance of %lld and %lld is undefined", (long long)(i / models),
                           (long long)(i % models));
    return LL_OK;
}

ll_status ll_connectivity_pairs(ll_pair_plan plan, int64_t models, int64_t k, const double *distances,
                                uint64_t seed, int64_t **pairs, int64_t *count, ll_error *error)
{
    LL_TRY(check_plan(plan, models, k, distances, error));
    int64_t most = models * (models - 1) / 2;
    bool *marked = ll_allocate_zeroed((size_t)(models * models) * sizeof *marked);
    int64_t *made = ll_allocate_array(2 * most, sizeof *made),
            *order = ll_allocate_array(most, sizeof *order);
    if (marked == NULL || made == NULL || order == NULL) {
        ll_free(marked);
        ll_free(made);
        ll_free(order);
        return ll_fail_memory(error, "connectivity", (size_t)(2 * most) * sizeof *made);
    }
    if (plan == LL_PAIRS_NEAREST)
        for (int64_t i = 0; i < models; i++) mark_nearest(models, i, k, distances, marked);
    ll_rng_permutation(ll_rng_make(seed, "connectivity", "pairs"), most, order);
    int64_t found = 0, number = 0;
    for (int64_t i = 0; i < models; i++)
        for (int64_t j = i + 1; j < models; j++, number++) {
            /* A sample: pair number p is taken when the permutation puts it among the first k. */
            bool wanted = plan == LL_PAIRS_ALL ||
                          (plan == LL_PAIRS_NEAREST && (marked[i * models + j] || marked[j * models + i])) ||
                          (plan == LL_PAIRS_SAMPLE && order[number] < k);
            if (!wanted) continue;
            made[2 * found] = i;
            made[2 * found + 1] = j;
            found++;
        }
    ll_free(marked);
    ll_free(order);
    *pairs = made;
    *count = found;
    return LL_OK;
}
