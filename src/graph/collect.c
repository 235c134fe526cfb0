/* Linear combinations collected behind what they share: a L(x) + b L(y) = L(a x + b y), wherever the results of the linear
 * op L have no other reader. L is a product with the same other factor (matrix or element-wise) or the same move or sum.
 *
 * What it is for: derivatives of one network in several directions are streams through the same weights. A residual that
 * uses only their combination (u_t + beta u_x, or u_t - nu u_xx with what belongs to the second order added on the way)
 * then needs one stream instead of several, in its value and in every derivative of it (A. Griewank, A. Walther,
 * Evaluating Derivatives, 2008, section 13: Taylor coefficients enter the highest order linearly).
 *
 * Nodes are visited in ascending order. A sum is taken apart into coefficient times term through what only it reads;
 * terms that share a factor become one, whose argument is a linear combination again, and so on down the chain. */
#include "graph/internal.h"

#include <string.h>

enum { MOST_TERMS = 48, MOST_DEPTH = 256 };

typedef struct term {
    double factor;
    ll_node node; /* of the graph as it was */
} term;

typedef struct combination {
    int count;
    term terms[MOST_TERMS];
} combination;

typedef struct collection {
    ll_graph *graph;
    int64_t count;
    int32_t *readers; /* in what the outputs need; an output counts as read twice */
    ll_node *value;   /* the node made again */
} collection;

/* Adds factor * node to the combination, taken apart; false when it is full. `root`: taken apart whoever reads it. */
static bool take_apart(const collection *c, ll_node node, double factor, bool root, combination *sum)
{
    const ll_graph_node *it = ll_at(c->graph, node);
    double value;
    if (root || c->readers[node] == 1) {
        switch (it->op) {
        case LL_OP_ADD:
        case LL_OP_SUBTRACT: {
            combination before = *sum;
            if (take_apart(c, it->inputs[0], factor, false, sum) &&
                take_apart(c, it->inputs[1], it->op == LL_OP_ADD ? factor : -factor, false, sum))
                return true;
            *sum = before;
            break;
        }
        case LL_OP_NEGATE: return take_apart(c, it->inputs[0], -factor, false, sum);
        case LL_OP_MULTIPLY:
            if (ll_is_uniform(c->graph, it->inputs[1], &value))
                return take_apart(c, it->inputs[0], factor * value, false, sum);
            break;
        default: break;
        }
    }
    for (int i = 0; i < sum->count; i++)
        if (sum->terms[i].node == node) {
            sum->terms[i].factor += factor;
            return true;
        }
    if (sum->count == MOST_TERMS) return false;
    sum->terms[sum->count++] = (term){factor, node};
    return true;
}

/* Whether node = L(its operand `argument`) with L linear; everything but that operand belongs to L. */
static bool is_linear(const ll_graph_node *it, int argument)
{
    switch (it->op) {
    case LL_OP_MULTIPLY:
    case LL_OP_MATMUL: return it->inputs[0] != it->inputs[1];
    case LL_OP_RESHAPE:
    case LL_OP_TRANSPOSE:
    case LL_OP_BROADCAST:
    case LL_OP_SLICE:
    case LL_OP_SUM: return argument == 0;
    default: return false;
    }
}

static bool same_operator(const collection *c, ll_node a, int argument_a, ll_node b, int argument_b)
{
    const ll_graph_node *x = ll_at(c->graph, a), *y = ll_at(c->graph, b);
    if (x->op != y->op || !is_linear(x, argument_a) || !is_linear(y, argument_b)) return false;
    if (memcmp(&x->attributes, &y->attributes, sizeof x->attributes) != 0) return false;
    if (x->op == LL_OP_MATMUL && argument_a != argument_b) return false;
    if (x->input_count == 2 && x->inputs[1 - argument_a] != y->inputs[1 - argument_b]) return false;
    return ll_same_shape(ll_at(c->graph, x->inputs[argument_a]), ll_at(c->graph, y->inputs[argument_b]));
}

/* The operand of terms[first] by which most other terms agree with it; which[i] = their operand, or -1. */
static int best_argument(const collection *c, const combination *sum, int first, const bool *done,
                         int8_t *which)
{
    int most = 0, best = -1;
    const ll_graph_node *it = ll_at(c->graph, sum->terms[first].node);
    for (int argument = 0; argument < it->input_count && argument < 2 && it->input_count <= 2; argument++) {
        int found = 0;
        int8_t own[MOST_TERMS];
        for (int i = 0; i < sum->count; i++) {
            own[i] = -1;
            if (i == first || done[i] || sum->terms[i].factor == 0 || c->readers[sum->terms[i].node] != 1)
                continue;
            for (int8_t k = 0; k < 2 && own[i] < 0; k++)
                if (k < ll_at(c->graph, sum->terms[i].node)->input_count &&
                    same_operator(c, sum->terms[first].node, argument, sum->terms[i].node, k))
                    own[i] = k;
            found += own[i] >= 0;
        }
        if (found <= most) continue;
        most = found;
        best = argument;
        memcpy(which, own, sizeof own);
    }
    return best;
}

static ll_node scaled(ll_graph *graph, ll_node node, double factor)
{
    return factor == 1    ? node
           : factor == -1 ? ll_graph_negate(graph, node)
                          : ll_graph_multiply_scalar(graph, node, factor);
}

/* The combination as a node; *collected: whether any terms were put together. */
static ll_node build(const collection *c, const combination *sum, int depth, bool *collected)
{
    ll_graph *graph = c->graph;
    bool done[MOST_TERMS] = {false};
    ll_node total = LL_NO_NODE;
    for (int i = 0; i < sum->count; i++) {
        if (done[i] || sum->terms[i].factor == 0) continue; /* x - x */
        ll_node node = sum->terms[i].node;
        int8_t which[MOST_TERMS];
        int argument =
            depth < MOST_DEPTH && c->readers[node] == 1 ? best_argument(c, sum, i, done, which) : -1;
        ll_node part = LL_NO_NODE;
        if (argument >= 0) {
            const ll_graph_node *it = ll_at(graph, node);
            combination inner = {0};
            bool fits = take_apart(c, it->inputs[argument], sum->terms[i].factor, false, &inner);
            for (int k = i + 1; k < sum->count && fits; k++)
                if (which[k] >= 0)
                    fits = take_apart(c, ll_at(graph, sum->terms[k].node)->inputs[which[k]],
                                      sum->terms[k].factor, false, &inner);
            if (fits) {
                *collected = true;
                ll_node operands[2] = {LL_NO_NODE, LL_NO_NODE};
                operands[argument] = build(c, &inner, depth + 1, collected);
                if (it->input_count == 2) operands[1 - argument] = c->value[it->inputs[1 - argument]];
                part = ll_remake(graph, node, operands, it->shape, it->rank);
                for (int k = i + 1; k < sum->count; k++) done[k] = done[k] || which[k] >= 0;
            }
        }
        if (part == LL_NO_NODE) part = scaled(graph, c->value[node], sum->terms[i].factor);
        total = ll_sum_of(graph, total, part);
    }
    return total != LL_NO_NODE ? total : ll_graph_full_like(graph, c->value[sum->terms[0].node], 0.0);
}

static ll_status collect(const collection *c, const bool *needed, ll_error *error)
{
    enum { INLINE = 8 };
    ll_graph *graph = c->graph;
    for (ll_node node = 0; node < c->count; node++) {
        const ll_graph_node *it = ll_at(graph, node);
        c->value[node] = node;
        if (!needed[node] || it->input_count == 0) continue;
        bool collected = false;
        if ((it->op == LL_OP_ADD || it->op == LL_OP_SUBTRACT) && ll_dtype_is_float(it->dtype)) {
            combination sum = {0};
            if (take_apart(c, node, 1.0, true, &sum)) {
                ll_node made = build(c, &sum, 0, &collected);
                if (collected) c->value[node] = made;
            }
        }
        if (!collected) {
            ll_node few[INLINE], *inputs = few;
            void *many = NULL;
            if (it->input_count > INLINE) inputs = many = ll_allocate_array(it->input_count, sizeof *inputs);
            if (inputs == NULL)
                return ll_fail_memory(error, "graph", (size_t)it->input_count * sizeof *inputs);
            bool changed = false;
            for (int32_t i = 0; i < it->input_count; i++) {
                inputs[i] = c->value[it->inputs[i]];
                changed = changed || inputs[i] != it->inputs[i];
            }
            if (changed) c->value[node] = ll_remake(graph, node, inputs, it->shape, it->rank);
            ll_free(many);
        }
        LL_TRY(ll_graph_check(graph, error));
    }
    return ll_graph_verify_from(graph, c->count, error);
}

ll_status ll_graph_collect(ll_graph *graph, const ll_node *outputs, int64_t output_count,
                           ll_node *new_outputs, ll_error *error)
{
    LL_TRY(ll_graph_check(graph, error));
    collection c = {.graph = graph, .count = graph->count};
    bool *needed = ll_allocate_array(c.count, sizeof *needed);
    c.readers = ll_allocate_zeroed((size_t)c.count * sizeof *c.readers);
    c.value = ll_allocate_array(c.count, sizeof *c.value);
    ll_status status = needed != NULL && c.readers != NULL && c.value != NULL
                           ? LL_OK
                           : ll_fail_memory(error, "graph", (size_t)c.count * sizeof *c.value);
    if (status == LL_OK) status = ll_graph_reachable(graph, outputs, output_count, needed, error);
    if (status == LL_OK) {
        for (int64_t node = 0; node < c.count; node++) {
            const ll_graph_node *it = ll_at(graph, (ll_node)node);
            for (int32_t i = 0; needed[node] && i < it->input_count; i++) c.readers[it->inputs[i]]++;
        }
        for (int64_t i = 0; i < output_count; i++) c.readers[outputs[i]] += 2;
        status = collect(&c, needed, error);
    }
    for (int64_t i = 0; status == LL_OK && i < output_count; i++) new_outputs[i] = c.value[outputs[i]];
    ll_free(needed);
    ll_free(c.readers);
    ll_free(c.value);
    return status;
}
