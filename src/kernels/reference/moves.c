/* Each element of the output is an element of an input, or the padding value. */
#include "kernels/reference/reference.h"

#include <string.h>

static void transpose(const reference_kernel *it, const void *x, void *y)
{
    const ll_tensor_form *in = &it->inputs[0], *out = &it->output;
    int64_t at[LL_GRAPH_RANK] = {0}, from[LL_GRAPH_RANK] = {0};
    for (int64_t i = 0; i < out->count; i++, ll_next_position(out->rank, out->shape, at)) {
        for (int axis = 0; axis < out->rank; axis++)
            from[it->attributes.transpose.permutation[axis]] = at[axis];
        ll_copy_element(out->dtype, x, ll_flat_index(in->rank, in->shape, from), y, i);
    }
}

static void broadcast(const reference_kernel *it, const void *x, void *y)
{
    const ll_tensor_form *in = &it->inputs[0], *out = &it->output;
    int64_t at[LL_GRAPH_RANK] = {0}, from[LL_GRAPH_RANK];
    for (int64_t i = 0; i < out->count; i++, ll_next_position(out->rank, out->shape, at)) {
        int kept = 0;
        for (int axis = 0; axis < out->rank; axis++) {
            if ((it->attributes.broadcast.axes & LL_AXIS(axis)) == 0) from[kept++] = at[axis];
        }
        ll_copy_element(out->dtype, x, ll_flat_index(in->rank, in->shape, from), y, i);
    }
}

static void slice(const reference_kernel *it, const void *x, void *y)
{
    const ll_tensor_form *in = &it->inputs[0], *out = &it->output;
    int64_t at[LL_GRAPH_RANK] = {0}, from[LL_GRAPH_RANK];
    for (int64_t i = 0; i < out->count; i++, ll_next_position(out->rank, out->shape, at)) {
        for (int axis = 0; axis < out->rank; axis++) {
            from[axis] = it->attributes.slice.start[axis] + at[axis] * it->attributes.slice.step[axis];
        }
        ll_copy_element(out->dtype, x, ll_flat_index(in->rank, in->shape, from), y, i);
    }
}

static void pad(const reference_kernel *it, const void *x, void *y)
{
    const ll_tensor_form *in = &it->inputs[0], *out = &it->output;
    for (int64_t i = 0; i < out->count; i++) ll_store_real(out->dtype, y, i, it->attributes.pad.value);
    int64_t at[LL_GRAPH_RANK] = {0}, to[LL_GRAPH_RANK];
    for (int64_t i = 0; i < in->count; i++, ll_next_position(in->rank, in->shape, at)) {
        for (int axis = 0; axis < in->rank; axis++) {
            to[axis] = it->attributes.pad.low[axis] + at[axis] * (it->attributes.pad.interior[axis] + 1);
        }
        ll_copy_element(out->dtype, x, i, y, ll_flat_index(out->rank, out->shape, to));
    }
}

static void concatenate(const reference_kernel *it, const void *const *inputs, void *y)
{
    const ll_tensor_form *out = &it->output;
    int axis = it->attributes.axis.axis;
    int64_t before = 0;
    for (int64_t k = 0; k < it->input_count; k++) {
        const ll_tensor_form *in = &it->inputs[k];
        int64_t at[LL_GRAPH_RANK] = {0}, to[LL_GRAPH_RANK];
        for (int64_t i = 0; i < in->count; i++, ll_next_position(in->rank, in->shape, at)) {
            memcpy(to, at, sizeof to);
            to[axis] += before;
            ll_copy_element(out->dtype, inputs[k], i, y, ll_flat_index(out->rank, out->shape, to));
        }
        before += in->shape[axis];
    }
}

void ll_reference_move(const reference_kernel *it, const void *const *inputs, void *output)
{
    switch ((int)it->op) {
    case LL_OP_RESHAPE:
        for (int64_t i = 0; i < it->output.count; i++)
            ll_copy_element(it->output.dtype, inputs[0], i, output, i);
        break;
    case LL_OP_TRANSPOSE: transpose(it, inputs[0], output); break;
    case LL_OP_BROADCAST: broadcast(it, inputs[0], output); break;
    case LL_OP_SLICE: slice(it, inputs[0], output); break;
    case LL_OP_PAD: pad(it, inputs[0], output); break;
    case LL_OP_CONCATENATE: concatenate(it, inputs, output); break;
    }
}
