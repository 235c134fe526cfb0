/* The handle behind losslens/problem.h, shared by the implementations (call-back, analytic, graph). */
#ifndef LOSSLENS_SRC_PROBLEM_INTERNAL_H
#define LOSSLENS_SRC_PROBLEM_INTERNAL_H

#include "losslens/problem.h"

struct ll_problem {
    ll_arena *arena; /* tables, texts, role lists */
    ll_problem_info info;
    void *origin, *origin_buffers; /* NULL: none */
    ll_role_samples *roles;
    int64_t role_count;
    ll_samples *everything; /* one explicit list 0..samples-1 a term */
    ll_problem_callbacks callbacks;
    void *context;
};

/* Everything in `request` is legal; the reason otherwise. Emulated: products will be differences of
 * gradients. */
ll_status problem_validate(const ll_problem *problem, const ll_request *request, bool *emulated,
                           ll_error *error);

/* The request as an implementation sees it: thetas, explicit buffers and index lists. `lists` has room for
 * one entry a term. Slices are left as they are. */
void problem_make_explicit(const ll_problem *problem, const ll_request *request, ll_samples *lists,
                           ll_request *explicit_request);

#endif
