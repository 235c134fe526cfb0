/* The samples and their two halves, as sample sets of a landscape. */
#include "losslens/landscape.h"

static const char *const module = "landscape";

void ll_halves_deinit(ll_halves *halves)
{
    ll_free(halves->lists);
    ll_free(halves->indices);
    *halves = (ll_halves){0};
}

/* Samples of a term in its list, checked to be divisible. */
static ll_status count_of(const ll_problem_info *info, const ll_samples *lists, int64_t term, int64_t *count,
                          ll_error *error)
{
    *count = lists != NULL && lists[term].indices != NULL ? lists[term].count : info->term[term].samples;
    return *count >= 2 ? LL_OK
                       : ll_fail(error, LL_INVALID_ARGUMENT, module, info->term[term].name,
                                 "%lld samples cannot be halved; at least two are needed", (long long)*count);
}

static ll_status divide(const ll_problem_info *info, const ll_samples *lists, ll_halves *halves,
                        ll_error *error)
{
    int64_t total = 0, count = 0;
    for (int64_t t = 0; t < info->terms; t++) {
        LL_TRY(count_of(info, lists, t, &count, error));
        total += count;
    }
    halves->lists = ll_allocate_array(2 * info->terms, sizeof *halves->lists);
    halves->indices = ll_allocate_array(total, sizeof *halves->indices);
    if (halves->lists == NULL || halves->indices == NULL)
        return ll_fail_memory(error, module, (size_t)total * sizeof *halves->indices);
    int64_t *next = halves->indices;
    for (int64_t t = 0; t < info->terms; t++) {
        LL_TRY(count_of(info, lists, t, &count, error));
        const int64_t *from = lists != NULL ? lists[t].indices : NULL;
        for (int half = 0; half < 2; half++) {
            int64_t share = (count + 1 - half) / 2;
            for (int64_t i = 0; i < share; i++) next[i] = from != NULL ? from[2 * i + half] : 2 * i + half;
            halves->lists[half * info->terms + t] = (ll_samples){next, share};
            next += share;
        }
    }
    halves->set[0] = (ll_sample_set){"evaluate", lists};
    halves->set[1] = (ll_sample_set){"half_a", halves->lists};
    halves->set[2] = (ll_sample_set){"half_b", halves->lists + info->terms};
    return LL_OK;
}

ll_status ll_halves_init(const ll_problem *problem, const ll_samples *lists, ll_halves *halves,
                         ll_error *error)
{
    const ll_problem_info *info = ll_problem_view(problem);
    if ((info->capabilities & LL_CAN_SUBSETS) == 0)
        return ll_fail(error, LL_UNSUPPORTED, module, info->name,
                       "halves of the data need the capability \"subsets\"");
    ll_halves made = {0};
    ll_status status = divide(info, lists, &made, error);
    if (status == LL_OK) *halves = made;
    else ll_halves_deinit(&made);
    return status;
}
