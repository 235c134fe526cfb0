/* random(seed, counter): a uniform number as a pure function of its operands, so that a draw depends on
 * the sample's identity alone, not on what shares its micro-batch. */
#include "graph/internal.h"

static ll_status infer_random(const ll_graph *graph, ll_graph_node *draft, ll_error *error)
{
    ll_dtype dtype = draft->dtype;
    LL_TRY(ll_infer_map(graph, draft, error));
    if (!ll_dtype_is_float(dtype)) {
        return ll_refuse(error, "random numbers are f32 or f64, asked for %s", ll_dtype_name(dtype));
    }
    draft->dtype = dtype;
    return LL_OK;
}

static bool sample_random(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *sample)
{
    (void)dtype;
    if (index >= 2) return false;
    ll_node seed = ll_sample_input(graph, sample, LL_I64, 0.0, 1e9, 2, -1, 7);
    ll_node counter = ll_sample_input(graph, sample, LL_I64, 0.0, 1e12, 2, -1, 7);
    sample->output = ll_graph_random(graph, index == 0 ? LL_F64 : LL_F32, 77, seed, counter);
    return true;
}
const ll_op_rules ll_rules_random = {
    .types = LL_TYPE_BIT(LL_I64), .infer = infer_random, .sample = sample_random};

ll_node ll_graph_random(ll_graph *graph, ll_dtype dtype, uint64_t stream, ll_node seed, ll_node counter)
{
    const ll_graph_node *shape = ll_graph_node_at(graph, counter);
    if (shape == NULL || seed == LL_NO_NODE) return LL_NO_NODE;
    ll_attributes attributes = {0};
    attributes.random.stream = stream;
    seed = ll_graph_broadcast_to(graph, seed, shape->shape, shape->rank);
    return ll_graph_apply(graph, LL_OP_RANDOM, (ll_node[]){seed, counter}, 2, &attributes, dtype, NULL, 0);
}
