/* exp, expm1, log, log1p, sqrt, reciprocal, sin, cos, tanh, erf. */
#include "graph/ops/unary.h"

#include <math.h>

#define simplify_exp ll_fold_map
#define simplify_expm1 ll_fold_map
#define simplify_log ll_fold_map
#define simplify_log1p ll_fold_map
#define simplify_sqrt ll_fold_map
#define simplify_reciprocal ll_fold_map
#define simplify_sin ll_fold_map
#define simplify_cos ll_fold_map
#define simplify_tanh ll_fold_map
#define simplify_erf ll_fold_map

static double real_exp(const double *x) { return exp(x[0]); }
static double real_expm1(const double *x) { return expm1(x[0]); }
static double real_log(const double *x) { return log(x[0]); }
static double real_log1p(const double *x) { return log1p(x[0]); }
static double real_sqrt(const double *x) { return sqrt(x[0]); }
static double real_reciprocal(const double *x) { return 1.0 / x[0]; }
static double real_sin(const double *x) { return sin(x[0]); }
static double real_cos(const double *x) { return cos(x[0]); }
static double real_tanh(const double *x) { return tanh(x[0]); }
static double real_erf(const double *x) { return erf(x[0]); }

static ll_node times_derivative_exp(ll_graph *graph, ll_node y, ll_node x, ll_node t)
{
    (void)x;
    return ll_graph_multiply(graph, t, y);
}

static ll_node times_derivative_expm1(ll_graph *graph, ll_node y, ll_node x, ll_node t)
{
    (void)x;
    return ll_graph_multiply(graph, t, ll_graph_add_scalar(graph, y, 1.0));
}

static ll_node times_derivative_log(ll_graph *graph, ll_node y, ll_node x, ll_node t)
{
    (void)y;
    return ll_graph_divide(graph, t, x);
}

static ll_node times_derivative_log1p(ll_graph *graph, ll_node y, ll_node x, ll_node t)
{
    (void)y;
    return ll_graph_divide(graph, t, ll_graph_add_scalar(graph, x, 1.0));
}

static ll_node times_derivative_sqrt(ll_graph *graph, ll_node y, ll_node x, ll_node t)
{
    (void)x;
    return ll_graph_divide(graph, ll_graph_multiply_scalar(graph, t, 0.5), y);
}

static ll_node times_derivative_reciprocal(ll_graph *graph, ll_node y, ll_node x, ll_node t)
{
    (void)x;
    return ll_graph_negate(graph, ll_graph_multiply(graph, t, ll_graph_multiply(graph, y, y)));
}

static ll_node times_derivative_sin(ll_graph *graph, ll_node y, ll_node x, ll_node t)
{
    (void)y;
    return ll_graph_multiply(graph, t, ll_graph_cos(graph, x));
}

static ll_node times_derivative_cos(ll_graph *graph, ll_node y, ll_node x, ll_node t)
{
    (void)y;
    return ll_graph_negate(graph, ll_graph_multiply(graph, t, ll_graph_sin(graph, x)));
}

static ll_node times_derivative_tanh(ll_graph *graph, ll_node y, ll_node x, ll_node t)
{
    (void)x;
    ll_node one = ll_graph_full_like(graph, y, 1.0);
    return ll_graph_multiply(graph, t, ll_graph_subtract(graph, one, ll_graph_multiply(graph, y, y)));
}

static ll_node times_derivative_erf(ll_graph *graph, ll_node y, ll_node x, ll_node t)
{
    (void)y; /* 2/sqrt(pi) exp(-x^2) */
    ll_node bell = ll_graph_exp(graph, ll_graph_negate(graph, ll_graph_multiply(graph, x, x)));
    return ll_graph_multiply(graph, t, ll_graph_multiply_scalar(graph, bell, 1.1283791670955125739));
}

LL_UNARY_RULES(exp, EXP, LL_TYPES_FLOAT, real_exp, NULL, -2.0, 2.0)
LL_UNARY_RULES(expm1, EXPM1, LL_TYPES_FLOAT, real_expm1, NULL, -2.0, 2.0)
LL_UNARY_RULES(log, LOG, LL_TYPES_FLOAT, real_log, NULL, 0.5, 3.0)
LL_UNARY_RULES(log1p, LOG1P, LL_TYPES_FLOAT, real_log1p, NULL, -0.5, 3.0)
LL_UNARY_RULES(sqrt, SQRT, LL_TYPES_FLOAT, real_sqrt, NULL, 0.5, 3.0)
LL_UNARY_RULES(reciprocal, RECIPROCAL, LL_TYPES_FLOAT, real_reciprocal, NULL, 0.5, 3.0)
LL_UNARY_RULES(sin, SIN, LL_TYPES_FLOAT, real_sin, NULL, -4.0, 4.0)
LL_UNARY_RULES(cos, COS, LL_TYPES_FLOAT, real_cos, NULL, -4.0, 4.0)
LL_UNARY_RULES(tanh, TANH, LL_TYPES_FLOAT, real_tanh, NULL, -2.0, 2.0)
LL_UNARY_RULES(erf, ERF, LL_TYPES_FLOAT, real_erf, NULL, -2.0, 2.0)
