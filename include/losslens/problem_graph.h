/* losslens/problem_graph.h - a Problem made of a model (losslens/networks.h) and the data of its terms,
 * computed by the built-in engine.
 *
 * Gradients by reverse mode, Hessian products forward over reverse (a block of vectors shares the forward and
 * reverse work), Gauss-Newton products J' (d2 loss / d output2) J. Each kind of request is planned once and
 * kept. Per-sample losses are summed in double in the order of the index list; several terms are combined in
 * double.
 */
#ifndef LOSSLENS_PROBLEM_GRAPH_H
#define LOSSLENS_PROBLEM_GRAPH_H

#include "losslens/networks.h"
#include "losslens/problem.h"

#ifdef __cplusplus
extern "C" {
#endif

/* All samples of one input of the model: rows in C order, the input's element type. Borrowed: must outlive
 * the Problem. */
typedef struct ll_graph_rows {
    const char *input; /* "image", "label", "residual.samples" */
    const void *rows;
    int64_t count;
} ll_graph_rows;

typedef struct ll_graph_problem_options {
    const ll_graph_rows *rows; /* one an input of the model, in any order */
    int64_t row_count;
    const ll_role_samples *roles; /* as of ll_problem_create_callback */
    int64_t role_count;
    const void *theta;   /* origin, model's type; NULL: initialised with `seed` */
    const void *buffers; /* origin buffers; NULL: as before training */
    uint64_t seed;
    int threads;         /* 0: ll_usable_cores() */
    size_t memory_limit; /* of one request; 0: none */
    const char *backend; /* as of ll_plan_options */
    const ll_log *log;
} ll_graph_problem_options;

/* Takes the model: it is destroyed with the Problem, or stays the caller's on failure. LL_INVALID_ARGUMENT
 * names an input without rows, rows without an input, and inputs of one term whose counts differ.
 * Capabilities: all but what the model lacks (metrics, layers, an output for Gauss-Newton, buffers). */
LL_API ll_status ll_problem_create_graph(ll_model *model, const ll_graph_problem_options *options,
                                         ll_problem **problem, ll_error *error) LL_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
