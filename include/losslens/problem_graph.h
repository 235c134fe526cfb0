/* losslens/problem_graph.h - the Problem that the built-in engine evaluates: a model (losslens/networks.h) and the
 * tables of its samples.
 *
 * All capabilities but LL_CAN_THREADS; LL_CAN_GGN where every weighted term names its output. A term of weight 0 (a
 * reference solution) is evaluated only for a request that wants metrics; its entry in `terms` is NaN otherwise.
 */
#ifndef LOSSLENS_PROBLEM_GRAPH_H
#define LOSSLENS_PROBLEM_GRAPH_H

#include "losslens/networks.h"
#include "losslens/parallel.h"
#include "losslens/problem.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Rows of one of the model's inputs: count x (elements of one sample), dense, of the input's type. Borrowed; must
 * outlive the Problem. All inputs of one term have the same count. */
typedef struct ll_sample_table {
    const char *input; /* the model's name for it: "input", "label", "residual.samples" */
    int64_t count;
    const void *rows;
} ll_sample_table;

typedef struct ll_graph_problem_options {
    const ll_sample_table *table; /* one for every input of the model */
    int64_t tables;
    const ll_role_samples *role; /* copied */
    int64_t roles;
    const void *origin, *origin_buffers; /* copied; NULL: none */
    ll_team *team;       /* borrowed; NULL: the calling thread alone */
    size_t memory_limit; /* bytes of one plan; 0: none */
    const ll_log *log;   /* borrowed; NULL: silence */
} ll_graph_problem_options;

/* Takes over the model on success. Errors name the input whose table is missing or does not fit. Plans are made when
 * a request first needs them and kept: a second request of the same kind plans nothing. */
LL_API ll_status ll_problem_create_graph(ll_model *model, const ll_graph_problem_options *options, ll_problem **problem,
                                         ll_error *error) LL_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
