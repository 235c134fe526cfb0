/* Folding of maps whose operands are one number everywhere. The result is computed as the kernels do:
 * in double (or int64), then rounded to its type. */
#include "graph/ops/unary.h"

#include <math.h>

ll_node ll_fold_map(ll_graph *graph, const ll_graph_node *draft)
{
    double values[3], result;
    int64_t integers[3], integer_result;
    bool real = true;
    for (int32_t i = 0; i < draft->input_count; i++) {
        if (!ll_is_uniform(graph, draft->inputs[i], &values[i])) return LL_NO_NODE;
        const ll_graph_node *input = ll_at(graph, draft->inputs[i]);
        if (!ll_dtype_is_float(input->dtype) && !(draft->op == LL_OP_SELECT && i == 0)) real = false;
    }
    if (real) {
        if (!ll_op_map_real(draft->op, values, &result)) return LL_NO_NODE;
    } else {
        for (int32_t i = 0; i < draft->input_count; i++) integers[i] = (int64_t)values[i];
        if (!ll_op_map_integer(draft->op, integers, &integer_result)) return LL_NO_NODE;
        if (draft->dtype == LL_I32) integer_result = (int32_t)(uint32_t)(uint64_t)integer_result;
        result = (double)integer_result;
        if (result > 0x1p53 || result < -0x1p53) return LL_NO_NODE;
    }
    return ll_graph_full(graph, draft->dtype, draft->shape, draft->rank, result);
}
