/* Index ops and reductions: accumulators one an output element, in double (int64 for integers). */
#include "kernels/reference/reference.h"

#include <math.h>

/* ---------------------------------------------------------------- gather, scatter_add */

/* Extents of x or of the sum [batch, length, rest] and of the index [batch, points]. */
typedef struct indexing {
    int64_t batch, length, rest, points;
} indexing;

static indexing indexing_of(const reference_kernel *it, const ll_tensor_form *table,
                            const ll_tensor_form *index)
{
    int batch_axes = it->attributes.gather.batch_axes;
    indexing e = {1, table->shape[batch_axes], 1, 1};
    for (int axis = 0; axis < batch_axes; axis++) e.batch *= table->shape[axis];
    for (int axis = batch_axes + 1; axis < table->rank; axis++) e.rest *= table->shape[axis];
    for (int axis = batch_axes; axis < index->rank; axis++) e.points *= index->shape[axis];
    return e;
}

static void gather(const reference_kernel *it, const void *const *inputs, void *output)
{
    indexing e = indexing_of(it, &it->inputs[0], &it->inputs[1]);
    for (int64_t p = 0; p < e.batch * e.points; p++) {
        int64_t chosen = ll_element_integer(it->inputs[1].dtype, inputs[1], p);
        bool inside = chosen >= 0 && chosen < e.length;
        for (int64_t r = 0; r < e.rest; r++) {
            if (inside) {
                ll_copy_element(it->output.dtype, inputs[0], (p / e.points * e.length + chosen) * e.rest + r,
                                output, p * e.rest + r);
            } else {
                ll_store_integer(it->output.dtype, output, p * e.rest + r, 0);
            }
        }
    }
}

/* For each place of the output all values are looked through, so that each sum is in double without a buffer. */
static void scatter_add(const reference_kernel *it, const void *const *inputs, void *output)
{
    indexing e = indexing_of(it, &it->output, &it->inputs[1]);
    bool real = ll_dtype_is_float(it->output.dtype);
    for (int64_t place = 0; place < e.batch * e.length; place++) {
        int64_t batch = place / e.length, wanted = place % e.length;
        for (int64_t r = 0; r < e.rest; r++) {
            double sum = 0.0;
            int64_t whole = 0;
            for (int64_t p = batch * e.points; p < (batch + 1) * e.points; p++) {
                if (ll_element_integer(it->inputs[1].dtype, inputs[1], p) != wanted) continue;
                if (real) {
                    sum += ll_element_real(it->inputs[0].dtype, inputs[0], p * e.rest + r);
                } else {
                    whole = (int64_t)((uint64_t)whole + (uint64_t)ll_element_integer(
                                                            it->inputs[0].dtype, inputs[0], p * e.rest + r));
                }
            }
            if (real) {
                ll_store_real(it->output.dtype, output, place * e.rest + r, sum);
            } else {
                ll_store_integer(it->output.dtype, output, place * e.rest + r, whole);
            }
        }
    }
}

void ll_reference_index(const reference_kernel *it, const void *const *inputs, void *output)
{
    if (it->op == LL_OP_GATHER) {
        gather(it, inputs, output);
    } else {
        scatter_add(it, inputs, output);
    }
}

/* ---------------------------------------------------------------- reductions */

static uint32_t reduced_axes(const reference_kernel *it)
{
    return it->op == LL_OP_ARGMAX ? LL_AXIS(it->attributes.axis.axis) : it->attributes.reduce.axes;
}

/* Whether `value` replaces `best` as the largest: the first of equals stays, a NaN beats every number. */
static bool beats(double value, double best) { return (isnan(value) && !isnan(best)) || value > best; }

typedef struct accumulator {
    double sum, best;
    int64_t whole, best_at, best_whole;
    bool empty;
} accumulator;

static void accumulate(const reference_kernel *it, accumulator *a, const void *x, int64_t i, int64_t at)
{
    ll_dtype dtype = it->inputs[0].dtype;
    bool smallest = it->op == LL_OP_REDUCE_MIN;
    if (ll_dtype_is_float(dtype)) {
        double value = ll_element_real(dtype, x, i);
        a->sum += value;
        if (a->empty || beats(smallest ? -value : value, smallest ? -a->best : a->best)) {
            a->best = value;
            a->best_at = at;
        }
    } else {
        int64_t value = ll_element_integer(dtype, x, i);
        a->whole = (int64_t)((uint64_t)a->whole + (uint64_t)value);
        if (a->empty || (smallest ? value < a->best_whole : value > a->best_whole)) {
            a->best_whole = value;
            a->best_at = at;
        }
    }
    a->empty = false;
}

static void store(const reference_kernel *it, const accumulator *a, void *output, int64_t o)
{
    bool real = ll_dtype_is_float(it->inputs[0].dtype);
    if (it->op == LL_OP_ARGMAX) {
        ll_store_integer(it->output.dtype, output, o, a->best_at);
    } else if (real) {
        ll_store_real(it->output.dtype, output, o, it->op == LL_OP_SUM ? a->sum : a->best);
    } else {
        ll_store_integer(it->output.dtype, output, o, it->op == LL_OP_SUM ? a->whole : a->best_whole);
    }
}

void ll_reference_reduce(const reference_kernel *it, const void *const *inputs, void *output)
{
    const ll_tensor_form *in = &it->inputs[0], *out = &it->output;
    uint32_t axes = reduced_axes(it);
    int64_t inner_shape[LL_GRAPH_RANK], outer[LL_GRAPH_RANK] = {0}, at[LL_GRAPH_RANK], inner_count = 1;
    int inner_axis[LL_GRAPH_RANK], inner_rank = 0;
    for (int axis = 0; axis < in->rank; axis++) {
        if ((axes & LL_AXIS(axis)) == 0) continue;
        inner_axis[inner_rank] = axis;
        inner_shape[inner_rank++] = in->shape[axis];
        inner_count *= in->shape[axis];
    }
    for (int64_t o = 0; o < out->count; o++, ll_next_position(out->rank, out->shape, outer)) {
        accumulator a = {.empty = true};
        int64_t inner[LL_GRAPH_RANK] = {0};
        int kept = 0;
        for (int axis = 0; axis < in->rank; axis++) at[axis] = (axes & LL_AXIS(axis)) ? 0 : outer[kept++];
        for (int64_t i = 0; i < inner_count; i++, ll_next_position(inner_rank, inner_shape, inner)) {
            for (int k = 0; k < inner_rank; k++) at[inner_axis[k]] = inner[k];
            accumulate(it, &a, inputs[0], ll_flat_index(in->rank, in->shape, at), i);
        }
        store(it, &a, output, o);
    }
}
