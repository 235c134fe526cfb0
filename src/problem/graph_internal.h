/* The graph-backed Problem in two halves: which plans a request needs (graph_plans.c) and how their results
 * become the request's outputs (graph_problem.c). */
#ifndef LOSSLENS_SRC_PROBLEM_GRAPH_INTERNAL_H
#define LOSSLENS_SRC_PROBLEM_GRAPH_INTERNAL_H

#include "losslens/networks.h"
#include "losslens/problem.h"
#include "losslens/runtime.h"

typedef enum graph_work {
    GRAPH_EVALUATE,  /* per-sample losses, sample weights, metrics */
    GRAPH_GRADIENT,  /* the same and the gradient of the sum */
    GRAPH_PRODUCT,   /* products alone */
    GRAPH_FEATURES,  /* features of chosen layers */
    GRAPH_STATISTICS /* batch values of the buffers */
} graph_work;

/* What a plan computes: the key of the cache. */
typedef struct graph_shape {
    graph_work work;
    int64_t term;
    bool training;
    bool metrics;
    ll_product_operator product;
    int64_t vectors; /* of a block */
    bool kept;       /* products: what no vector enters is kept for the next ones at the same point */
    int64_t layers;
    const int64_t *layer;
} graph_shape;

/* A plan and where its outputs lie: loss, weight, then per metric numerator and denominator, then gradient or
 * product of each parameter (a block of vectors: batched, [V, shape] a parameter, or all parameters of the first
 * vector, of the second ...), features, buffer values. -1: none. */
typedef struct graph_entry {
    graph_shape shape;
    int64_t *layer; /* owned copy */
    ll_plan *plan;
    int64_t outputs;
    int64_t loss, weight, metric, derivative, feature, statistic;
    bool batched;
    const ll_node
        *tangent;   /* inputs, products only: [parameters] of [V, shape] if batched, else [V][parameters] */
    ll_node *nodes; /* outputs, then tangents */
} graph_entry;

typedef struct graph_state {
    ll_model *model;
    const ll_model_info *info;
    ll_team *team;
    ll_plan_options plan_options;
    graph_entry **entry;
    int64_t entries, capacity;
    const void **rows;     /* [inputs] */
    int64_t *term_samples; /* [terms] */
    bool owns_model;
} graph_state;

/* The plan for a shape: from the cache, or made now. */
ll_status graph_plan_find(graph_state *state, const graph_shape *shape, const graph_entry **entry,
                          ll_error *error);
/* The plan for the first vectors of `left`, shape->vectors of them: one that keeps what no vector enters if that fits
 * the memory limit (without one: a quarter of the machine's memory), else one that computes it in every block. The bits
 * of a product are the same. */
ll_status graph_plan_products(graph_state *state, graph_shape *shape, int64_t left, int64_t samples,
                              const graph_entry **entry, ll_error *error);
/* Frees what is kept for products of another kind than shape's (NULL: of any kind). */
void graph_plans_release(graph_state *state, const graph_shape *shape);
void graph_plans_destroy(graph_state *state);

static inline bool graph_has_filters(const graph_state *state)
{
    for (int64_t p = 0; p < state->info->parameters; p++)
        if (state->info->parameter[p].role == LL_ROLE_FILTER) return true;
    return false;
}

/* Vectors of one block, so that few plans serve any count: 8, 4, 2 or 1. A block shares the work that no vector enters.
 * Dense networks batch it, so that small matrices become larger ones; convolutions have enough to do in one. Where
 * nothing is kept they go through a plan that holds each vector's products one after the other: of the 2 + 6 V
 * convolutions of V vectors little is left to share beyond 4. */
static inline int64_t graph_block(const graph_state *state, int64_t left, bool kept)
{
    int64_t most = !graph_has_filters(state) ? 8 : kept ? 1 : 4;
    left = ll_min_int64(left, most);
    return left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

#endif
