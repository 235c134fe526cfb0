/* gather and scatter_add: rows chosen by an index, and its adjoint. An index outside the axis reads 0 and
 * adds nowhere, so the pair stays adjoint for any index. */
#include "graph/internal.h"

#include <string.h>

static ll_status check_index(const ll_graph_node *values, const ll_graph_node *index, int batch,
                             ll_error *error)
{
    if (!ll_dtype_is_integer(index->dtype)) {
        return ll_refuse(error, "the index is %s, wanted i32 or i64", ll_words(index).text);
    }
    if (batch < 0 || batch > index->rank || batch > values->rank) {
        return ll_refuse(error, "%d batch axes, but the operands are %s and %s", batch, ll_words(values).text,
                         ll_words(index).text);
    }
    for (int axis = 0; axis < batch; axis++) {
        if (values->shape[axis] != index->shape[axis]) {
            return ll_refuse(error, "batch axis %d differs: %s and %s", axis, ll_words(values).text,
                             ll_words(index).text);
        }
    }
    return LL_OK;
}

static ll_status check_result(const ll_graph_node *draft, ll_error *error)
{
    int symbolic = 0;
    for (int axis = 0; axis < draft->rank; axis++) symbolic += draft->shape[axis] < 0;
    return symbolic > 1 ? ll_refuse(error, "the result would have two sample axes: %s", ll_words(draft).text)
                        : LL_OK;
}

/* ------------------------------------------------------------------ gather */

static ll_status infer_gather(const ll_graph *graph, ll_graph_node *draft, ll_error *error)
{
    const ll_graph_node *x = ll_at(graph, draft->inputs[0]), *index = ll_at(graph, draft->inputs[1]);
    int batch = draft->attributes.gather.batch_axes;
    LL_TRY(check_index(x, index, batch, error));
    if (x->rank <= batch || x->shape[batch] < 0) {
        return ll_refuse(error, "axis %d of %s, from which to gather, does not exist or is the sample axis",
                         batch, ll_words(x).text);
    }
    int rank = index->rank + x->rank - batch - 1;
    if (rank > LL_GRAPH_RANK) return ll_refuse(error, "the result would have rank %d", rank);
    draft->dtype = x->dtype;
    draft->rank = rank;
    memset(draft->shape, 0, sizeof draft->shape);
    memcpy(draft->shape, index->shape, (size_t)index->rank * sizeof draft->shape[0]);
    for (int axis = batch + 1; axis < x->rank; axis++)
        draft->shape[index->rank + axis - batch - 1] = x->shape[axis];
    return check_result(draft, error);
}

static void vjp_gather(ll_graph *graph, ll_node node, ll_node cotangent, const bool *wanted,
                       ll_node *cotangents)
{
    const ll_graph_node *it = ll_at(graph, node), *x = ll_at(graph, it->inputs[0]);
    int batch = it->attributes.gather.batch_axes;
    if (wanted[0])
        cotangents[0] = ll_graph_scatter_add(graph, cotangent, it->inputs[1], batch, x->shape[batch]);
}

static ll_node jvp_gather(ll_graph *graph, ll_node node, const ll_node *tangents)
{
    const ll_graph_node *it = ll_at(graph, node);
    return ll_graph_gather(graph, tangents[0], it->inputs[1], it->attributes.gather.batch_axes);
}

static ll_node batch_gather(ll_graph *graph, ll_node node, const ll_node *inputs, const bool *batched,
                            int64_t models)
{
    int batch = ll_at(graph, node)->attributes.gather.batch_axes;
    /* One table looked up with each model's index: the model axis is part of the index. */
    if (!batched[0] && batch == 0) return ll_graph_gather(graph, inputs[0], inputs[1], 0);
    return ll_graph_gather(graph, ll_with_models(graph, inputs[0], batched[0], models),
                           ll_with_models(graph, inputs[1], batched[1], models), batch + 1);
}

static bool sample_gather(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *cases)
{
    if (index >= 4) return false;
    ll_node x, at;
    if (index == 0) { /* embedding */
        x = ll_sample_input(graph, cases, dtype, -2.0, 2.0, 2, 5, 3);
        at = ll_sample_input(graph, cases, LL_I64, -1.0, 5.9, 2, -1, 4);
    } else if (index == 1) { /* one entry of each row */
        x = ll_sample_input(graph, cases, dtype, -2.0, 2.0, 2, -1, 5);
        at = ll_sample_input(graph, cases, LL_I32, -1.0, 5.9, 1, -1);
    } else if (index == 2) { /* take along the last axis */
        x = ll_sample_input(graph, cases, dtype, -2.0, 2.0, 3, -1, 2, 6);
        at = ll_sample_input(graph, cases, LL_I32, 0.0, 5.9, 3, -1, 2, 4);
    } else { /* rows within a batch */
        x = ll_sample_input(graph, cases, dtype, -2.0, 2.0, 4, 2, 4, 3, 2);
        at = ll_sample_input(graph, cases, LL_I64, 0.0, 3.9, 3, 2, -1, 2);
    }
    static const int batches[] = {0, 1, 2, 1};
    cases->output = ll_graph_gather(graph, x, at, batches[index]);
    return true;
}

const ll_op_rules ll_rules_gather = {.types = LL_TYPES_ALL,
                                     .infer = infer_gather,
                                     .vjp = vjp_gather,
                                     .jvp = jvp_gather,
                                     .batch = batch_gather,
                                     .sample = sample_gather};

ll_node ll_graph_gather(ll_graph *graph, ll_node x, ll_node index, int batch_axes)
{
    ll_attributes attributes = {0};
    attributes.gather.batch_axes = batch_axes;
    return ll_graph_apply(graph, LL_OP_GATHER, (ll_node[]){x, index}, 2, &attributes, LL_F32, NULL, 0);
}

/* ------------------------------------------------------------------ scatter_add */

/* The wanted shape carries the length of the new axis, at position batch_axes. */
static ll_status infer_scatter(const ll_graph *graph, ll_graph_node *draft, ll_error *error)
{
    const ll_graph_node *values = ll_at(graph, draft->inputs[0]), *index = ll_at(graph, draft->inputs[1]);
    int batch = draft->attributes.gather.batch_axes;
    if (values->dtype == LL_BOOL) return ll_refuse(error, "bool cannot be added");
    LL_TRY(check_index(values, index, batch, error));
    bool fits = values->rank >= index->rank;
    for (int axis = batch; fits && axis < index->rank; axis++)
        fits = values->shape[axis] == index->shape[axis];
    if (!fits) {
        return ll_refuse(error, "values %s do not begin with the axes of the index %s", ll_words(values).text,
                         ll_words(index).text);
    }
    int rank = batch + 1 + values->rank - index->rank;
    int64_t length = draft->rank > batch ? draft->shape[batch] : -1;
    if (length < 0 || rank > LL_GRAPH_RANK) {
        return ll_refuse(error, "the new axis %d has no constant length, or the rank %d is too high", batch,
                         rank);
    }
    draft->dtype = values->dtype;
    draft->rank = rank;
    memset(draft->shape, 0, sizeof draft->shape);
    for (int axis = 0; axis < batch; axis++) draft->shape[axis] = values->shape[axis];
    draft->shape[batch] = length;
    for (int axis = index->rank; axis < values->rank; axis++) {
        draft->shape[batch + 1 + axis - index->rank] = values->shape[axis];
    }
    return check_result(draft, error);
}

static void vjp_scatter(ll_graph *graph, ll_node node, ll_node cotangent, const bool *wanted,
                        ll_node *cotangents)
{
    const ll_graph_node *it = ll_at(graph, node);
    if (wanted[0]) {
        cotangents[0] = ll_graph_gather(graph, cotangent, it->inputs[1], it->attributes.gather.batch_axes);
    }
}

static ll_node scatter_like(ll_graph *graph, ll_node node, ll_node values, ll_node index, int more_batch)
{
    const ll_graph_node *it = ll_at(graph, node);
    int batch = it->attributes.gather.batch_axes;
    return ll_graph_scatter_add(graph, values, index, batch + more_batch, it->shape[batch]);
}

static ll_node jvp_scatter(ll_graph *graph, ll_node node, const ll_node *tangents)
{
    return scatter_like(graph, node, tangents[0], ll_at(graph, node)->inputs[1], 0);
}

static ll_node batch_scatter(ll_graph *graph, ll_node node, const ll_node *inputs, const bool *batched,
                             int64_t models)
{
    return scatter_like(graph, node, ll_with_models(graph, inputs[0], batched[0], models),
                        ll_with_models(graph, inputs[1], batched[1], models), 1);
}

static bool sample_scatter(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *cases)
{
    if (index >= 3) return false;
    ll_node values, at;
    if (index == 0) { /* gradient of an embedding */
        values = ll_sample_input(graph, cases, dtype, -2.0, 2.0, 3, -1, 4, 3);
        at = ll_sample_input(graph, cases, LL_I64, -1.0, 5.9, 2, -1, 4);
    } else if (index == 1) {
        values = ll_sample_input(graph, cases, dtype, -2.0, 2.0, 1, -1);
        at = ll_sample_input(graph, cases, LL_I32, -1.0, 5.9, 1, -1);
    } else {
        values = ll_sample_input(graph, cases, dtype, -2.0, 2.0, 4, -1, 2, 4, 2);
        at = ll_sample_input(graph, cases, LL_I32, 0.0, 4.9, 3, -1, 2, 4);
    }
    static const int batches[] = {0, 1, 2};
    cases->output = ll_graph_scatter_add(graph, values, at, batches[index], 5);
    return true;
}

const ll_op_rules ll_rules_scatter_add = {.types = LL_TYPES_NUMBER,
                                          .infer = infer_scatter,
                                          .vjp = vjp_scatter,
                                          .jvp = jvp_scatter,
                                          .batch = batch_scatter,
                                          .sample = sample_scatter};

ll_node ll_graph_scatter_add(ll_graph *graph, ll_node values, ll_node index, int batch_axes, int64_t length)
{
    if (batch_axes < 0 || batch_axes >= LL_GRAPH_RANK) {
        return ll_graph_refuse(graph, LL_SHAPE, "scatter_add", "%d batch axes", batch_axes);
    }
    ll_attributes attributes = {0};
    attributes.gather.batch_axes = batch_axes;
    int64_t shape[LL_GRAPH_RANK] = {0};
    shape[batch_axes] = length;
    return ll_graph_apply(graph, LL_OP_SCATTER_ADD, (ll_node[]){values, index}, 2, &attributes, LL_F32, shape,
                          batch_axes + 1);
}
