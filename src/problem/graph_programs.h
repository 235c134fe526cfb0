/* The programs of a graph-backed Problem: for one term and one set of wishes, the nodes to compute and their
 * plan. */
#ifndef LOSSLENS_SRC_PROBLEM_GRAPH_PROGRAMS_H
#define LOSSLENS_SRC_PROBLEM_GRAPH_PROGRAMS_H

#include "losslens/networks.h"
#include "losslens/problem.h"
#include "losslens/runtime.h"

enum {
    WANT_LOSS = 1 << 0, /* sum of losses, sum of weights: always the first two outputs */
    WANT_METRICS = 1 << 1,
    WANT_GRADIENT = 1 << 2,
    WANT_PRODUCT = 1 << 3,
    WANT_BATCH_VALUES = 1 << 4,
    WANT_FEATURES = 1 << 5
};

typedef struct program_key {
    int64_t term;
    int training; /* 0: evaluation, 1: training */
    unsigned wants;
    int operator;    /* of products */
    int64_t vectors; /* of products */
    int64_t feature_layers;
    const int64_t *feature_layer; /* owned by the program */
} program_key;

/* Outputs stand in this order: loss sum, weight sum (f64, rank 0); numerator and denominator sums of each
 * metric of the term (f64); gradients, a node a parameter; products, a node a parameter, with a leading axis
 * if vectors > 1; batch values, a node a buffer; features, a node a layer. A denominator that is the number
 * of samples is LL_NO_NODE in the model and has no output. */
typedef struct program {
    program_key key;
    ll_node *outputs;
    int64_t output_count;
    int64_t first_metric, first_gradient, first_product, first_batch_value, first_feature;
    bool has_weight;
    ll_node *tangents; /* inputs to bind, a node a parameter */
    ll_plan *plan;
    struct program *next;
} program;

ll_status program_create(const ll_model_info *model, const program_key *key, const ll_plan_options *options,
                         program **out, ll_error *error);
void program_destroy(program *it);

#endif
