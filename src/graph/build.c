/* Builders of maps with several operands: NumPy's broadcasting becomes broadcast nodes here. */
#include "graph/internal.h"

#include <string.h>

/* The common shape of a and b, aligned at the last axis. */
static bool join(const int64_t *a, int rank_a, const int64_t *b, int rank_b, int64_t *shape, int *rank)
{
    *rank = rank_a > rank_b ? rank_a : rank_b;
    for (int i = 1; i <= *rank; i++) {
        int64_t x = i <= rank_a ? a[rank_a - i] : 1, y = i <= rank_b ? b[rank_b - i] : 1;
        if (x != y && x != 1 && y != 1) return false;
        shape[*rank - i] = x == 1 ? y : x;
    }
    return true;
}

static ll_node map_of(ll_graph *graph, ll_op op, const ll_node *operands, int count)
{
    int64_t shape[LL_GRAPH_RANK] = {0};
    int rank = 0;
    bool equal = true;
    for (int i = 0; i < count; i++) {
        const ll_graph_node *node = ll_graph_node_at(graph, operands[i]);
        if (operands[i] == LL_NO_NODE) return LL_NO_NODE;
        if (node == NULL) break; /* ll_graph_make reports it */
        if (i == 0) {
            rank = node->rank;
            memcpy(shape, node->shape, sizeof shape);
        } else if (node->rank != rank || memcmp(shape, node->shape, sizeof shape) != 0) {
            int64_t joined[LL_GRAPH_RANK] = {0};
            equal = false;
            if (!join(shape, rank, node->shape, node->rank, joined, &rank)) {
                ll_graph_node so_far = {.dtype = node->dtype, .rank = ll_at(graph, operands[0])->rank};
                memcpy(so_far.shape, shape, sizeof shape);
                return ll_graph_refuse(graph, LL_SHAPE, ll_op_traits_of(op)->name,
                                       "%s (%%%d %s) does not broadcast with %s", ll_words(node).text,
                                       (int)operands[i], node->name != NULL ? node->name : "",
                                       ll_words(&so_far).text);
            }
            memcpy(shape, joined, sizeof shape);
        }
    }
    ll_node inputs[3];
    for (int i = 0; i < count; i++) {
        inputs[i] = equal ? operands[i] : ll_graph_broadcast_to(graph, operands[i], shape, rank);
    }
    ll_graph_node draft = {.op = op, .input_count = count, .inputs = inputs};
    return ll_graph_make(graph, &draft);
}

#define LL_BINARY_BUILDER(symbol, NAME)                                                                      \
    ll_node ll_graph_##symbol(ll_graph *graph, ll_node a, ll_node b)                                         \
    {                                                                                                        \
        return map_of(graph, LL_OP_##NAME, (ll_node[]){a, b}, 2);                                            \
    }
LL_BINARY_BUILDER(add, ADD)
LL_BINARY_BUILDER(subtract, SUBTRACT)
LL_BINARY_BUILDER(multiply, MULTIPLY)
LL_BINARY_BUILDER(divide, DIVIDE)
LL_BINARY_BUILDER(power, POWER)
LL_BINARY_BUILDER(min, MIN)
LL_BINARY_BUILDER(max, MAX)
LL_BINARY_BUILDER(less, LESS)
LL_BINARY_BUILDER(less_equal, LESS_EQUAL)
LL_BINARY_BUILDER(equal, EQUAL)
LL_BINARY_BUILDER(and, AND)
LL_BINARY_BUILDER(or, OR)

ll_node ll_graph_select(ll_graph *graph, ll_node condition, ll_node a, ll_node b)
{
    return map_of(graph, LL_OP_SELECT, (ll_node[]){condition, a, b}, 3);
}

ll_node ll_graph_add_scalar(ll_graph *graph, ll_node a, double value)
{
    return ll_graph_add(graph, a, ll_graph_full_like(graph, a, value));
}

ll_node ll_graph_multiply_scalar(ll_graph *graph, ll_node a, double value)
{
    return ll_graph_multiply(graph, a, ll_graph_full_like(graph, a, value));
}
