/* What a study takes, from short measurements. */
#include "study/internal.h"

ll_status ll_study_estimates(const ll_study *study, const ll_study_run_options *options, double seconds, ll_study_estimate *estimates, ll_error *error)
{
    (void)study, (void)options, (void)seconds, (void)estimates;
    return ll_fail(error, LL_UNSUPPORTED, LL_STUDY, NULL, "not measured yet");
}

void ll_study_estimate_deinit(ll_study_estimate *estimate)
{
    if (estimate == NULL) return;
    ll_free(estimate->costs);
    *estimate = (ll_study_estimate){0};
}
