/* cast, detach. A cast between floating-point types is linear; any other has derivative 0. detach is the
 * identity with derivative 0, for quantities whose derivative cancels mathematically (the maximum in a
 * log-sum-exp). */
#include "graph/internal.h"

#include <string.h>

static ll_status infer_cast(const ll_graph *graph, ll_graph_node *draft, ll_error *error)
{
    const ll_graph_node *x = ll_at(graph, draft->inputs[0]);
    if ((unsigned)draft->dtype >= LL_DTYPES) return ll_refuse(error, "%d is no type", (int)draft->dtype);
    draft->rank = x->rank;
    memcpy(draft->shape, x->shape, sizeof draft->shape);
    return LL_OK;
}

static ll_node simplify_cast(ll_graph *graph, const ll_graph_node *draft)
{
    double value;
    ll_node x = draft->inputs[0];
    if (ll_at(graph, x)->dtype == draft->dtype) return x;
    if (ll_is_uniform(graph, x, &value) && (ll_dtype_is_float(draft->dtype) || draft->dtype == LL_BOOL)) {
        return ll_graph_full(graph, draft->dtype, draft->shape, draft->rank, value);
    }
    return LL_NO_NODE;
}

static void vjp_cast(ll_graph *graph, ll_node node, ll_node cotangent, const bool *wanted,
                     ll_node *cotangents)
{
    const ll_graph_node *x = ll_at(graph, ll_at(graph, node)->inputs[0]);
    if (wanted[0] && ll_dtype_is_float(x->dtype)) cotangents[0] = ll_graph_cast(graph, cotangent, x->dtype);
}

static ll_node jvp_cast(ll_graph *graph, ll_node node, const ll_node *tangents)
{
    ll_dtype dtype = ll_at(graph, node)->dtype;
    return ll_dtype_is_float(dtype) ? ll_graph_cast(graph, tangents[0], dtype) : LL_NO_NODE;
}

static bool sample_cast(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *sample)
{
    if (index >= LL_DTYPES) return false;
    ll_node x = ll_sample_input(graph, sample, dtype, -3.0, 3.0, 2, -1, 7);
    sample->output = ll_graph_cast(graph, x, (ll_dtype)index);
    return true;
}
const ll_op_rules ll_rules_cast = {.types = LL_TYPES_ALL,
                                   .infer = infer_cast,
                                   .simplify = simplify_cast,
                                   .vjp = vjp_cast,
                                   .jvp = jvp_cast,
                                   .sample = sample_cast};

ll_node ll_graph_cast(ll_graph *graph, ll_node x, ll_dtype dtype)
{
    return ll_graph_apply(graph, LL_OP_CAST, &x, 1, NULL, dtype, NULL, 0);
}

/* ------------------------------------------------------------------ detach */

static double real_detach(const double *x) { return x[0]; }
static int64_t integer_detach(const int64_t *x) { return x[0]; }

static ll_node simplify_detach(ll_graph *graph, const ll_graph_node *draft)
{
    const ll_graph_node *x = ll_at(graph, draft->inputs[0]);
    double value;
    bool constant =
        x->op == LL_OP_CONSTANT || x->op == LL_OP_IOTA || ll_is_uniform(graph, draft->inputs[0], &value);
    return x->op == LL_OP_DETACH || constant ? draft->inputs[0] : LL_NO_NODE;
}

static bool sample_detach(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *sample)
{
    return ll_sample_map(graph, LL_OP_DETACH, dtype, index, -2.0, 2.0, sample);
}
const ll_op_rules ll_rules_detach = {.types = LL_TYPES_ALL,
                                     .infer = ll_infer_map,
                                     .simplify = simplify_detach,
                                     .real = real_detach,
                                     .integer = integer_detach,
                                     .sample = sample_detach};

ll_node ll_graph_detach(ll_graph *graph, ll_node x) { return ll_make_1(graph, LL_OP_DETACH, x); }
