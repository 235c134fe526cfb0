#include "kernels/reference/reference.h"

#include <string.h>

void ll_reference_leaf(const reference_kernel *it, const void *const *inputs, void *output)
{
    (void)inputs;
    if (it->op == LL_OP_CONSTANT) {
        if (it->output.count > 0)
            memcpy(output, it->attributes.constant.data,
                   (size_t)it->output.count * ll_dtype_bytes(it->output.dtype));
        return;
    }
    for (int64_t i = 0; i < it->output.count; i++)
        ll_store_integer(it->output.dtype, output, i, i); /* iota */
}

static void cast(const reference_kernel *it, const void *from, void *to)
{
    ll_dtype source = it->inputs[0].dtype, target = it->output.dtype;
    bool whole = !ll_dtype_is_float(source) && !ll_dtype_is_float(target);
    for (int64_t i = 0; i < it->output.count; i++) {
        if (whole) {
            ll_store_integer(target, to, i, ll_element_integer(source, from, i));
        } else {
            ll_store_real(target, to, i, ll_element_real(source, from, i));
        }
    }
}

static void select_elements(const reference_kernel *it, const void *const *inputs, void *output)
{
    const uint8_t *condition = inputs[0];
    for (int64_t i = 0; i < it->output.count; i++)
        ll_copy_element(it->output.dtype, inputs[condition[i] ? 1 : 2], i, output, i);
}

/* The key is the seed, the stream the layer's, the index the counter; the high bits make the number. */
static void draw(const reference_kernel *it, const void *const *inputs, void *output)
{
    uint64_t stream = it->attributes.random.stream;
    for (int64_t i = 0; i < it->output.count; i++) {
        uint64_t seed = (uint64_t)((const int64_t *)inputs[0])[i],
                 counter = (uint64_t)((const int64_t *)inputs[1])[i];
        ll_rng rng = {.key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
                      .stream = {(uint32_t)stream, (uint32_t)(stream >> 32)}};
        uint64_t bits = ll_rng_bits(rng, counter);
        double value =
            it->output.dtype == LL_F32 ? (double)(bits >> 40) * 0x1p-24 : (double)(bits >> 11) * 0x1p-53;
        ll_store_real(it->output.dtype, output, i, value);
    }
}

void ll_reference_map(const reference_kernel *it, const void *const *inputs, void *output)
{
    if (it->op == LL_OP_CAST || it->op == LL_OP_DETACH) {
        cast(it, inputs[0], output);
    } else if (it->op == LL_OP_SELECT) {
        select_elements(it, inputs, output);
    } else if (it->op == LL_OP_RANDOM) {
        draw(it, inputs, output);
    } else if (ll_dtype_is_float(it->inputs[0].dtype)) {
        for (int64_t i = 0; i < it->output.count; i++) {
            double operands[3] = {0}, result = 0.0;
            for (int64_t k = 0; k < it->input_count; k++)
                operands[k] = ll_element_real(it->inputs[k].dtype, inputs[k], i);
            ll_op_map_real(it->op, operands, &result);
            ll_store_real(it->output.dtype, output, i, result);
        }
    } else {
        for (int64_t i = 0; i < it->output.count; i++) {
            int64_t operands[3] = {0}, result = 0;
            for (int64_t k = 0; k < it->input_count; k++)
                operands[k] = ll_element_integer(it->inputs[k].dtype, inputs[k], i);
            ll_op_map_integer(it->op, operands, &result);
            ll_store_integer(it->output.dtype, output, i, result);
        }
    }
}
