/* negate, abs, sign, floor, add, subtract, multiply, divide, power.
 *
 * abs has derivative 0 at 0, sign and floor have derivative 0 everywhere (a convention at their jumps).
 * Identities that are exact in floating point are applied when a node is made: they keep derivative graphs
 * small. 0 x is not 0 (x may be infinite): zero terms are dropped by differentiation itself. */
#include "graph/ops/unary.h"

#include <math.h>

static double real_negate(const double *x) { return -x[0]; }
static double real_abs(const double *x) { return fabs(x[0]); }
static double real_sign(const double *x) { return x[0] > 0 ? 1.0 : x[0] < 0 ? -1.0 : x[0]; }
static double real_floor(const double *x) { return floor(x[0]); }
static double real_add(const double *x) { return x[0] + x[1]; }
static double real_subtract(const double *x) { return x[0] - x[1]; }
static double real_multiply(const double *x) { return x[0] * x[1]; }
static double real_divide(const double *x) { return x[0] / x[1]; }
static double real_power(const double *x) { return pow(x[0], x[1]); }

/* Unsigned arithmetic wraps where signed arithmetic would be undefined. */
static int64_t integer_negate(const int64_t *x) { return (int64_t)(0 - (uint64_t)x[0]); }
static int64_t integer_abs(const int64_t *x) { return x[0] < 0 ? integer_negate(x) : x[0]; }
static int64_t integer_sign(const int64_t *x) { return (x[0] > 0) - (x[0] < 0); }
static int64_t integer_add(const int64_t *x) { return (int64_t)((uint64_t)x[0] + (uint64_t)x[1]); }
static int64_t integer_subtract(const int64_t *x) { return (int64_t)((uint64_t)x[0] - (uint64_t)x[1]); }
static int64_t integer_multiply(const int64_t *x) { return (int64_t)((uint64_t)x[0] * (uint64_t)x[1]); }
static int64_t integer_divide(const int64_t *x)
{
    if (x[1] == 0) return 0;
    return x[1] == -1 ? integer_negate(x) : x[0] / x[1]; /* INT64_MIN / -1 wraps */
}

/* ------------------------------------------------------------------ one operand */

static ll_node simplify_negate(ll_graph *graph, const ll_graph_node *draft)
{
    const ll_graph_node *x = ll_at(graph, draft->inputs[0]);
    if (x->op == LL_OP_NEGATE) return x->inputs[0];
    return ll_fold_map(graph, draft);
}
#define simplify_abs ll_fold_map
static ll_node times_derivative_negate(ll_graph *graph, ll_node y, ll_node x, ll_node t)
{
    (void)y, (void)x;
    return ll_graph_negate(graph, t);
}
static ll_node times_derivative_abs(ll_graph *graph, ll_node y, ll_node x, ll_node t)
{
    (void)y;
    return ll_graph_multiply(graph, t, ll_graph_sign(graph, x));
}
LL_UNARY_RULES(negate, NEGATE, LL_TYPES_NUMBER, real_negate, integer_negate, -2.0, 2.0)
LL_UNARY_RULES(abs, ABS, LL_TYPES_NUMBER, real_abs, integer_abs, -2.0, 2.0)

static bool sample_sign(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *sample)
{
    return ll_sample_map(graph, LL_OP_SIGN, dtype, index, -3.0, 3.0, sample);
}
const ll_op_rules ll_rules_sign = {.types = LL_TYPES_NUMBER,
                                   .infer = ll_infer_map,
                                   .simplify = ll_fold_map,
                                   .real = real_sign,
                                   .integer = integer_sign,
                                   .sample = sample_sign};

static bool sample_floor(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *sample)
{
    return ll_sample_map(graph, LL_OP_FLOOR, dtype, index, -3.0, 3.0, sample);
}
const ll_op_rules ll_rules_floor = {.types = LL_TYPES_FLOAT,
                                    .infer = ll_infer_map,
                                    .simplify = ll_fold_map,
                                    .real = real_floor,
                                    .sample = sample_floor};

ll_node ll_graph_sign(ll_graph *graph, ll_node x) { return ll_make_1(graph, LL_OP_SIGN, x); }
ll_node ll_graph_floor(ll_graph *graph, ll_node x) { return ll_make_1(graph, LL_OP_FLOOR, x); }

/* ------------------------------------------------------------------ sums */

/* Adding +0 changes -0 to +0 only; that is accepted. */
static ll_node simplify_add(ll_graph *graph, const ll_graph_node *draft)
{
    double value;
    ll_node folded = ll_fold_map(graph, draft);
    if (folded != LL_NO_NODE) return folded;
    ll_node a = draft->inputs[0], b = draft->inputs[1];
    if (ll_is_uniform(graph, b, &value) && value == 0) return a;
    if (ll_is_uniform(graph, a, &value) && value == 0) return b;
    const ll_graph_node *x = ll_at(graph, a), *y = ll_at(graph, b);
    if (y->op == LL_OP_NEGATE) return ll_graph_subtract(graph, a, y->inputs[0]);
    if (x->op == LL_OP_NEGATE) return ll_graph_subtract(graph, b, x->inputs[0]);
    if (a > b) return ll_graph_add(graph, b, a); /* one order, so that a + b and b + a are one node */
    return LL_NO_NODE;
}

static ll_node simplify_subtract(ll_graph *graph, const ll_graph_node *draft)
{
    double value;
    ll_node folded = ll_fold_map(graph, draft);
    if (folded != LL_NO_NODE) return folded;
    ll_node a = draft->inputs[0], b = draft->inputs[1];
    if (ll_is_uniform(graph, b, &value) && value == 0) return a;
    if (ll_is_uniform(graph, a, &value) && value == 0) return ll_graph_negate(graph, b);
    if (ll_at(graph, b)->op == LL_OP_NEGATE) return ll_graph_add(graph, a, ll_at(graph, b)->inputs[0]);
    return LL_NO_NODE;
}

static void vjp_add(ll_graph *graph, ll_node node, ll_node cotangent, const bool *wanted, ll_node *cotangents)
{
    if (wanted[0]) cotangents[0] = cotangent;
    if (!wanted[1]) return;
    bool negative = ll_at(graph, node)->op == LL_OP_SUBTRACT;
    cotangents[1] = negative ? ll_graph_negate(graph, cotangent) : cotangent;
}

static ll_node jvp_add(ll_graph *graph, ll_node node, const ll_node *tangents)
{
    bool negative = ll_at(graph, node)->op == LL_OP_SUBTRACT;
    return ll_sum_of(graph, tangents[0], negative ? ll_graph_negate(graph, tangents[1]) : tangents[1]);
}

static bool sample_add(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *sample)
{
    return ll_sample_map(graph, LL_OP_ADD, dtype, index, -3.0, 3.0, sample);
}
static bool sample_subtract(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *sample)
{
    return ll_sample_map(graph, LL_OP_SUBTRACT, dtype, index, -3.0, 3.0, sample);
}
const ll_op_rules ll_rules_add = {.types = LL_TYPES_NUMBER,
                                  .infer = ll_infer_map,
                                  .simplify = simplify_add,
                                  .vjp = vjp_add,
                                  .jvp = jvp_add,
                                  .real = real_add,
                                  .integer = integer_add,
                                  .sample = sample_add};
const ll_op_rules ll_rules_subtract = {.types = LL_TYPES_NUMBER,
                                       .infer = ll_infer_map,
                                       .simplify = simplify_subtract,
                                       .vjp = vjp_add,
                                       .jvp = jvp_add,
                                       .real = real_subtract,
                                       .integer = integer_subtract,
                                       .sample = sample_subtract};

/* ------------------------------------------------------------------ products */

static ll_node simplify_multiply(ll_graph *graph, const ll_graph_node *draft)
{
    double value;
    ll_node folded = ll_fold_map(graph, draft);
    if (folded != LL_NO_NODE) return folded;
    ll_node a = draft->inputs[0], b = draft->inputs[1];
    bool uniform = ll_is_uniform(graph, b, &value);
    double other;
    if (!uniform && ll_is_uniform(graph, a, &other)) {
        return ll_graph_multiply(graph, b, a); /* a constant comes second */
    }
    if (uniform) {
        if (value == 1) return a;
        if (value == -1) return ll_graph_negate(graph, a);
        return LL_NO_NODE;
    }
    const ll_graph_node *x = ll_at(graph, a), *y = ll_at(graph, b);
    if (x->op == LL_OP_NEGATE && y->op == LL_OP_NEGATE)
        return ll_graph_multiply(graph, x->inputs[0], y->inputs[0]);
    if (x->op == LL_OP_NEGATE) return ll_graph_negate(graph, ll_graph_multiply(graph, x->inputs[0], b));
    if (y->op == LL_OP_NEGATE) return ll_graph_negate(graph, ll_graph_multiply(graph, a, y->inputs[0]));
    if (a > b) return ll_graph_multiply(graph, b, a);
    return LL_NO_NODE;
}

static ll_node simplify_divide(ll_graph *graph, const ll_graph_node *draft)
{
    double value;
    ll_node folded = ll_fold_map(graph, draft);
    if (folded != LL_NO_NODE) return folded;
    if (ll_is_uniform(graph, draft->inputs[1], &value) && value == 1) return draft->inputs[0];
    if (ll_is_uniform(graph, draft->inputs[0], &value) && value == 1 && ll_dtype_is_float(draft->dtype)) {
        return ll_graph_reciprocal(graph, draft->inputs[1]);
    }
    return LL_NO_NODE;
}

static ll_node simplify_power(ll_graph *graph, const ll_graph_node *draft)
{
    double value;
    ll_node folded = ll_fold_map(graph, draft);
    if (folded != LL_NO_NODE) return folded;
    if (!ll_is_uniform(graph, draft->inputs[1], &value)) return LL_NO_NODE;
    ll_node x = draft->inputs[0];
    if (value == 0) return ll_graph_full_like(graph, x, 1.0);
    if (value == 1) return x;
    if (value == 2) return ll_graph_multiply(graph, x, x);
    if (value == -1) return ll_graph_reciprocal(graph, x);
    return LL_NO_NODE;
}

static void vjp_multiply(ll_graph *graph, ll_node node, ll_node cotangent, const bool *wanted,
                         ll_node *cotangents)
{
    const ll_node *inputs = ll_at(graph, node)->inputs;
    if (wanted[0]) cotangents[0] = ll_graph_multiply(graph, cotangent, inputs[1]);
    if (wanted[1]) cotangents[1] = ll_graph_multiply(graph, cotangent, inputs[0]);
}

static ll_node jvp_multiply(ll_graph *graph, ll_node node, const ll_node *tangents)
{
    const ll_node *inputs = ll_at(graph, node)->inputs;
    return ll_sum_of(graph, ll_graph_multiply(graph, tangents[0], inputs[1]),
                     ll_graph_multiply(graph, tangents[1], inputs[0]));
}

/* d(a/b) = da / b - db y / b */
static void vjp_divide(ll_graph *graph, ll_node node, ll_node cotangent, const bool *wanted,
                       ll_node *cotangents)
{
    ll_node b = ll_at(graph, node)->inputs[1];
    ll_node quotient = ll_graph_divide(graph, cotangent, b);
    if (wanted[0]) cotangents[0] = quotient;
    if (wanted[1]) cotangents[1] = ll_graph_negate(graph, ll_graph_multiply(graph, quotient, node));
}

static ll_node jvp_divide(ll_graph *graph, ll_node node, const ll_node *tangents)
{
    ll_node b = ll_at(graph, node)->inputs[1];
    ll_node change =
        ll_sum_of(graph, tangents[0], ll_graph_negate(graph, ll_graph_multiply(graph, tangents[1], node)));
    return ll_graph_divide(graph, change, b);
}

/* d(a^b) = b a^(b-1) da + a^b log(a) db. The second term is 0 where a = 0 (its limit for b > 0, and what
 * keeps 0 * -inf out). */
static ll_node power_by_base(ll_graph *graph, ll_node a, ll_node b, ll_node t)
{
    ll_node slope =
        ll_graph_multiply(graph, b, ll_graph_power(graph, a, ll_graph_add_scalar(graph, b, -1.0)));
    return ll_graph_multiply(graph, t, slope);
}

static ll_node power_by_exponent(ll_graph *graph, ll_node y, ll_node a, ll_node t)
{
    ll_node zero = ll_graph_full_like(graph, a, 0.0), one = ll_graph_full_like(graph, a, 1.0);
    ll_node at_zero = ll_graph_equal(graph, a, zero);
    ll_node logarithm = ll_graph_log(graph, ll_graph_select(graph, at_zero, one, a));
    return ll_graph_multiply(graph, t, ll_graph_multiply(graph, y, logarithm));
}

static void vjp_power(ll_graph *graph, ll_node node, ll_node cotangent, const bool *wanted,
                      ll_node *cotangents)
{
    const ll_node *inputs = ll_at(graph, node)->inputs;
    if (wanted[0]) cotangents[0] = power_by_base(graph, inputs[0], inputs[1], cotangent);
    if (wanted[1]) cotangents[1] = power_by_exponent(graph, node, inputs[0], cotangent);
}

static ll_node jvp_power(ll_graph *graph, ll_node node, const ll_node *tangents)
{
    const ll_node *inputs = ll_at(graph, node)->inputs;
    ll_node by_base = LL_NO_NODE, by_exponent = LL_NO_NODE;
    if (tangents[0] != LL_NO_NODE) by_base = power_by_base(graph, inputs[0], inputs[1], tangents[0]);
    if (tangents[1] != LL_NO_NODE) by_exponent = power_by_exponent(graph, node, inputs[0], tangents[1]);
    return ll_sum_of(graph, by_base, by_exponent);
}

static bool sample_multiply(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *sample)
{
    return ll_sample_map(graph, LL_OP_MULTIPLY, dtype, index, -3.0, 3.0, sample);
}
static bool sample_divide(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *sample)
{
    return ll_sample_map(graph, LL_OP_DIVIDE, dtype, index, ll_dtype_is_float(dtype) ? 0.5 : -3.0, 3.0,
                         sample);
}
static bool sample_power(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *sample)
{
    return ll_sample_map(graph, LL_OP_POWER, dtype, index, 0.5, 2.0, sample);
}
const ll_op_rules ll_rules_multiply = {.types = LL_TYPES_NUMBER,
                                       .infer = ll_infer_map,
                                       .simplify = simplify_multiply,
                                       .vjp = vjp_multiply,
                                       .jvp = jvp_multiply,
                                       .real = real_multiply,
                                       .integer = integer_multiply,
                                       .sample = sample_multiply};
const ll_op_rules ll_rules_divide = {.types = LL_TYPES_NUMBER,
                                     .infer = ll_infer_map,
                                     .simplify = simplify_divide,
                                     .vjp = vjp_divide,
                                     .jvp = jvp_divide,
                                     .real = real_divide,
                                     .integer = integer_divide,
                                     .sample = sample_divide};
const ll_op_rules ll_rules_power = {.types = LL_TYPES_FLOAT,
                                    .infer = ll_infer_map,
                                    .simplify = simplify_power,
                                    .vjp = vjp_power,
                                    .jvp = jvp_power,
                                    .real = real_power,
                                    .sample = sample_power};
