/* losslens/study_claims.h - what somebody claimed, beside what a study shows. Claims stand in the study file:
 *
 *   claims:
 *     - says: a network with beta = 1 learns the solution
 *       source: Krishnapriyan et al. 2021
 *       number: relative_error          # as in losslens table
 *       group: pinn(beta=1)
 *       below: 0.03                     # or above: X
 *     - says: without shortcuts minima are sharper
 *       number: lambda_1
 *       group: plain
 *       above_group: residual           # or below_group: G
 */
#ifndef LOSSLENS_STUDY_CLAIMS_H
#define LOSSLENS_STUDY_CLAIMS_H

#include "losslens/study_overview.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ll_claim_verdict {
    LL_CLAIM_SUPPORTED,
    LL_CLAIM_NOT_SUPPORTED,
    LL_CLAIM_UNDECIDED
} ll_claim_verdict;
LL_API const char *
ll_claim_verdict_name(ll_claim_verdict verdict); /* "supported", "not supported", "undecided" */

typedef struct ll_claim {
    const char *says, *source; /* source "": none was named */
    const char *shown;         /* "relative_error of pinn(beta=1): 0.0093, 0.0081 to 0.0105, n = 4" */
    ll_claim_verdict verdict;
} ll_claim;
typedef struct ll_claims {
    int64_t count;
    const ll_claim *claims;
    ll_arena *memory;
} ll_claims;

/* The claims of the study file that the store holds (provenance "study"), each judged: supported if the whole 95 %
 * interval of the mean (Student's t over the members; of the difference of two means by Welch) fulfils it, not
 * supported if none of it does, undecided otherwise, with one member, or without numbers. No claims: count 0. */
LL_API ll_status ll_claims_judge(ll_store *store, const ll_overview *overview, ll_claims *claims,
                                 ll_error *error) LL_MUST_CHECK;
LL_API void ll_claims_deinit(ll_claims *claims);

#ifdef __cplusplus
}
#endif
#endif
