#include "fuse.h"

ll_node ll_concatenation_of(const ll_graph *graph, ll_node node)
{
    const ll_graph_node *it = ll_graph_node_at(graph, node);
    if (it->op != LL_OP_CONCATENATE) return LL_NO_NODE;
    int axis = (int)it->attributes.axis.axis;
    ll_node whole = LL_NO_NODE;
    int64_t at = 0;
    for (int32_t i = 0; i < it->input_count; i++) {
        const ll_graph_node *part = ll_graph_node_at(graph, it->inputs[i]);
        if (part->op != LL_OP_SLICE || (i > 0 && part->inputs[0] != whole)) return LL_NO_NODE;
        whole = part->inputs[0];
        for (int k = 0; k < part->rank; k++)
            if (part->attributes.slice.step[k] != 1 ||
                part->attributes.slice.start[k] != (k == axis ? at : 0))
                return LL_NO_NODE;
        at += part->shape[axis];
    }
    const ll_graph_node *base = ll_graph_node_at(graph, whole);
    for (int k = 0; k < it->rank; k++)
        if (base->shape[k] != it->shape[k]) return LL_NO_NODE;
    return whole;
}
