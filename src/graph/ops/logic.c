/* not, less, less_equal, equal, and, or, select, min, max.
 *
 * min and max pass the derivative to the first operand where it is strictly the winner and to the second
 * otherwise, ties included: relu(x) = max(x, 0) then has derivative 0 at 0. */
#include "graph/ops/unary.h"

#include <math.h>

static int64_t integer_not(const int64_t *x) { return !x[0]; }
static int64_t integer_and(const int64_t *x) { return x[0] && x[1]; }
static int64_t integer_or(const int64_t *x) { return x[0] || x[1]; }
static double real_less(const double *x) { return x[0] < x[1]; }
static double real_less_equal(const double *x) { return x[0] <= x[1]; }
static double real_equal(const double *x) { return x[0] == x[1]; }
static int64_t integer_less(const int64_t *x) { return x[0] < x[1]; }
static int64_t integer_less_equal(const int64_t *x) { return x[0] <= x[1]; }
static int64_t integer_equal(const int64_t *x) { return x[0] == x[1]; }
static double real_select(const double *x) { return x[0] != 0 ? x[1] : x[2]; }
static int64_t integer_select(const int64_t *x) { return x[0] != 0 ? x[1] : x[2]; }
static double real_min(const double *x) { return x[0] < x[1] || isnan(x[0]) ? x[0] : x[1]; }
static double real_max(const double *x) { return x[0] > x[1] || isnan(x[0]) ? x[0] : x[1]; }
static int64_t integer_min(const int64_t *x) { return x[0] < x[1] ? x[0] : x[1]; }
static int64_t integer_max(const int64_t *x) { return x[0] > x[1] ? x[0] : x[1]; }

static ll_status infer_compare(const ll_graph *graph, ll_graph_node *draft, ll_error *error)
{
    LL_TRY(ll_infer_map(graph, draft, error));
    draft->dtype = LL_BOOL;
    return LL_OK;
}

#define LL_LOGIC_RULES(symbol, NAME, type_bits, infer_function, real_function, integer_function)             \
    static bool sample_##symbol(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *sample)            \
    {                                                                                                        \
        return ll_sample_map(graph, LL_OP_##NAME, dtype, index, -2.0, 2.0, sample);                          \
    }                                                                                                        \
    const ll_op_rules ll_rules_##symbol = {.types = (type_bits),                                             \
                                           .infer = (infer_function),                                        \
                                           .simplify = ll_fold_map,                                          \
                                           .real = (real_function),                                          \
                                           .integer = (integer_function),                                    \
                                           .sample = sample_##symbol};

LL_LOGIC_RULES(not, NOT, LL_TYPE_BIT(LL_BOOL), ll_infer_map, NULL, integer_not)
LL_LOGIC_RULES(and, AND, LL_TYPE_BIT(LL_BOOL), ll_infer_map, NULL, integer_and)
LL_LOGIC_RULES(or, OR, LL_TYPE_BIT(LL_BOOL), ll_infer_map, NULL, integer_or)
LL_LOGIC_RULES(less, LESS, LL_TYPES_NUMBER, infer_compare, real_less, integer_less)
LL_LOGIC_RULES(less_equal, LESS_EQUAL, LL_TYPES_NUMBER, infer_compare, real_less_equal, integer_less_equal)
LL_LOGIC_RULES(equal, EQUAL, LL_TYPES_ALL, infer_compare, real_equal, integer_equal)

ll_node ll_graph_not(ll_graph *graph, ll_node x) { return ll_make_1(graph, LL_OP_NOT, x); }

/* ------------------------------------------------------------------ select */

static ll_status infer_select(const ll_graph *graph, ll_graph_node *draft, ll_error *error)
{
    const ll_graph_node *condition = ll_at(graph, draft->inputs[0]);
    const ll_graph_node *a = ll_at(graph, draft->inputs[1]), *b = ll_at(graph, draft->inputs[2]);
    if (condition->dtype != LL_BOOL) {
        return ll_refuse(error, "the condition is %s, wanted bool", ll_dtype_name(condition->dtype));
    }
    if (a->dtype != b->dtype || !ll_same_shape(a, b) || !ll_same_shape(a, condition)) {
        return ll_refuse(error,
                         "operands differ: got %s, %s and %s, wanted one shape and the last two of one type",
                         ll_words(condition).text, ll_words(a).text, ll_words(b).text);
    }
    draft->dtype = a->dtype;
    draft->rank = a->rank;
    for (int axis = 0; axis < LL_GRAPH_RANK; axis++) draft->shape[axis] = a->shape[axis];
    return LL_OK;
}

static ll_node simplify_select(ll_graph *graph, const ll_graph_node *draft)
{
    double condition;
    if (ll_is_uniform(graph, draft->inputs[0], &condition)) return draft->inputs[condition != 0 ? 1 : 2];
    if (draft->inputs[1] == draft->inputs[2]) return draft->inputs[1];
    /* select(c, select(c, a, .), b): masks meet themselves in second derivatives. */
    const ll_graph_node *a = ll_at(graph, draft->inputs[1]), *b = ll_at(graph, draft->inputs[2]);
    ll_node c = draft->inputs[0];
    if (a->op == LL_OP_SELECT && a->inputs[0] == c)
        return ll_graph_select(graph, c, a->inputs[1], draft->inputs[2]);
    if (b->op == LL_OP_SELECT && b->inputs[0] == c)
        return ll_graph_select(graph, c, draft->inputs[1], b->inputs[2]);
    return LL_NO_NODE;
}

static ll_node masked(ll_graph *graph, ll_node condition, ll_node a, ll_node b)
{
    if (a == LL_NO_NODE && b == LL_NO_NODE) return LL_NO_NODE;
    if (a == LL_NO_NODE) a = ll_graph_full_like(graph, b, 0.0);
    if (b == LL_NO_NODE) b = ll_graph_full_like(graph, a, 0.0);
    return ll_graph_select(graph, condition, a, b);
}

static void vjp_select(ll_graph *graph, ll_node node, ll_node cotangent, const bool *wanted,
                       ll_node *cotangents)
{
    ll_node condition = ll_at(graph, node)->inputs[0];
    if (wanted[1]) cotangents[1] = masked(graph, condition, cotangent, LL_NO_NODE);
    if (wanted[2]) cotangents[2] = masked(graph, condition, LL_NO_NODE, cotangent);
}

static ll_node jvp_select(ll_graph *graph, ll_node node, const ll_node *tangents)
{
    return masked(graph, ll_at(graph, node)->inputs[0], tangents[1], tangents[2]);
}

static bool sample_select(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *sample)
{
    if (index >= 2) return false;
    ll_node inputs[3];
    for (int i = 0; i < 3; i++) {
        ll_dtype type = i == 0 ? LL_BOOL : dtype;
        inputs[i] = index == 0 ? ll_sample_input(graph, sample, type, -2.0, 2.0, 3, 2, -1, 3)
                               : ll_sample_input(graph, sample, type, -2.0, 2.0, 1, 37);
    }
    sample->output = ll_graph_select(graph, inputs[0], inputs[1], inputs[2]);
    return true;
}
const ll_op_rules ll_rules_select = {.types = LL_TYPES_ALL,
                                     .infer = infer_select,
                                     .simplify = simplify_select,
                                     .vjp = vjp_select,
                                     .jvp = jvp_select,
                                     .real = real_select,
                                     .integer = integer_select,
                                     .sample = sample_select};

/* ------------------------------------------------------------------ min and max */

static ll_node simplify_extreme(ll_graph *graph, const ll_graph_node *draft)
{
    if (draft->inputs[0] == draft->inputs[1]) return draft->inputs[0];
    return ll_fold_map(graph, draft);
}

/* Where the first operand strictly wins. */
static ll_node first_wins(ll_graph *graph, ll_node node)
{
    const ll_graph_node *it = ll_at(graph, node);
    return it->op == LL_OP_MAX ? ll_graph_less(graph, it->inputs[1], it->inputs[0])
                               : ll_graph_less(graph, it->inputs[0], it->inputs[1]);
}

static void vjp_extreme(ll_graph *graph, ll_node node, ll_node cotangent, const bool *wanted,
                        ll_node *cotangents)
{
    ll_node condition = first_wins(graph, node);
    if (wanted[0]) cotangents[0] = masked(graph, condition, cotangent, LL_NO_NODE);
    if (wanted[1]) cotangents[1] = masked(graph, condition, LL_NO_NODE, cotangent);
}

static ll_node jvp_extreme(ll_graph *graph, ll_node node, const ll_node *tangents)
{
    return masked(graph, first_wins(graph, node), tangents[0], tangents[1]);
}

static bool sample_min(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *sample)
{
    return ll_sample_map(graph, LL_OP_MIN, dtype, index, -2.0, 2.0, sample);
}
static bool sample_max(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *sample)
{
    return ll_sample_map(graph, LL_OP_MAX, dtype, index, -2.0, 2.0, sample);
}
const ll_op_rules ll_rules_min = {.types = LL_TYPES_NUMBER,
                                  .infer = ll_infer_map,
                                  .simplify = simplify_extreme,
                                  .vjp = vjp_extreme,
                                  .jvp = jvp_extreme,
                                  .real = real_min,
                                  .integer = integer_min,
                                  .sample = sample_min};
const ll_op_rules ll_rules_max = {.types = LL_TYPES_NUMBER,
                                  .infer = ll_infer_map,
                                  .simplify = simplify_extreme,
                                  .vjp = vjp_extreme,
                                  .jvp = jvp_extreme,
                                  .real = real_max,
                                  .integer = integer_max,
                                  .sample = sample_max};
