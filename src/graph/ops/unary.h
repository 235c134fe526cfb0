/* A differentiable map of one operand needs one rule: times_derivative_<symbol>(graph, y, x, t) is
 * t f'(x), for y = f(x). It serves as VJP and JVP. */
#ifndef LL_GRAPH_OPS_UNARY_H
#define LL_GRAPH_OPS_UNARY_H

#include "graph/internal.h"

#define LL_UNARY_RULES(symbol, NAME, type_bits, real_function, integer_function, low, high)                  \
    static void vjp_##symbol(ll_graph *graph, ll_node node, ll_node cotangent, const bool *wanted,           \
                             ll_node *cotangents)                                                            \
    {                                                                                                        \
        if (wanted[0])                                                                                       \
            cotangents[0] =                                                                                  \
                times_derivative_##symbol(graph, node, ll_at(graph, node)->inputs[0], cotangent);            \
    }                                                                                                        \
    static ll_node jvp_##symbol(ll_graph *graph, ll_node node, const ll_node *tangents)                      \
    {                                                                                                        \
        return times_derivative_##symbol(graph, node, ll_at(graph, node)->inputs[0], tangents[0]);           \
    }                                                                                                        \
    static bool sample_##symbol(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *sample)            \
    {                                                                                                        \
        return ll_sample_map(graph, LL_OP_##NAME, dtype, index, low, high, sample);                          \
    }                                                                                                        \
    const ll_op_rules ll_rules_##symbol = {.types = (type_bits),                                             \
                                           .infer = ll_infer_map,                                            \
                                           .simplify = simplify_##symbol,                                    \
                                           .vjp = vjp_##symbol,                                              \
                                           .jvp = jvp_##symbol,                                              \
                                           .real = (real_function),                                          \
                                           .integer = (integer_function),                                    \
                                           .sample = sample_##symbol};                                       \
    ll_node ll_graph_##symbol(ll_graph *graph, ll_node x) { return ll_make_1(graph, LL_OP_##NAME, x); }

/* Folds a map of uniform operands into a uniform result; LL_NO_NODE if an operand is not uniform. */
ll_node ll_fold_map(ll_graph *graph, const ll_graph_node *draft);

#endif
