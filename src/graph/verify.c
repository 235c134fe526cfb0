/* Every node again from its inputs. */
#include "graph/internal.h"

#include <string.h>

static ll_status verify_node(const ll_graph *graph, ll_node node, ll_error *error)
{
    const ll_graph_node *it = ll_at(graph, node);
    const ll_op_traits *traits = ll_op_traits_of(it->op);
    if (traits == NULL || (traits->inputs >= 0 && it->input_count != traits->inputs)) {
        return ll_fail(error, LL_INTERNAL, "graph", it->name, "node %%%d: op %d with %d inputs", (int)node,
                       (int)it->op, (int)it->input_count);
    }
    for (int32_t i = 0; i < it->input_count; i++) {
        if (it->inputs[i] < 0 || it->inputs[i] >= node) {
            return ll_fail(error, LL_INTERNAL, "graph", it->name,
                           "node %%%d (%s): input %d is %%%d; inputs come before", (int)node, traits->name,
                           (int)i, (int)it->inputs[i]);
        }
    }
    if (it->op == LL_OP_INPUT || it->op == LL_OP_CONSTANT) return LL_OK;
    ll_graph_node again = *it;
    ll_error why;
    if (ll_op_rules_of(it->op)->infer(graph, &again, &why) != LL_OK) {
        return ll_fail(error, LL_INTERNAL, "graph", it->name, "node %%%d (%s): %s", (int)node, traits->name,
                       why.message);
    }
    if (again.dtype != it->dtype || again.rank != it->rank ||
        memcmp(again.shape, it->shape, sizeof it->shape) != 0) {
        return ll_fail(error, LL_INTERNAL, "graph", it->name, "node %%%d (%s) has %s; it should have %s",
                       (int)node, traits->name, ll_words(it).text, ll_words(&again).text);
    }
    return LL_OK;
}

ll_status ll_graph_verify_from(const ll_graph *graph, int64_t first, ll_error *error)
{
    for (int64_t node = first; node < graph->count; node++) LL_TRY(verify_node(graph, (ll_node)node, error));
    return LL_OK;
}

ll_status ll_graph_verify(const ll_graph *graph, ll_error *error)
{
    return ll_graph_verify_from(graph, 0, error);
}
