/* Windows and resizing over the last `spatial` axes. */
#include "kernels/reference/reference.h"

#include <math.h>

typedef struct planes {
    int64_t count;           /* product of the leading axes */
    const int64_t *in, *out; /* spatial extents */
    int64_t in_size, out_size;
} planes;

static planes planes_of(const ll_tensor_form *in, const ll_tensor_form *out, int spatial)
{
    planes p = {.count = 1,
                .in = in->shape + (in->rank - spatial),
                .out = out->shape + (out->rank - spatial),
                .in_size = 1,
                .out_size = 1};
    for (int axis = 0; axis < in->rank - spatial; axis++) p.count *= in->shape[axis];
    for (int axis = 0; axis < spatial; axis++) {
        p.in_size *= p.in[axis];
        p.out_size *= p.out[axis];
    }
    return p;
}

static void windows(const reference_kernel *it, const void *x, void *y)
{
    const ll_window *w = &it->attributes.window;
    planes p = planes_of(&it->inputs[0], &it->output, w->spatial);
    ll_dtype dtype = it->inputs[0].dtype;
    int64_t taps = 1;
    for (int axis = 0; axis < w->spatial; axis++) taps *= w->size[axis];
    for (int64_t plane = 0; plane < p.count; plane++) {
        int64_t at[LL_SPATIAL] = {0};
        for (int64_t o = 0; o < p.out_size; o++, ll_next_position(w->spatial, p.out, at)) {
            double sum = 0.0, best = 0.0;
            int64_t best_at = -1, k[LL_SPATIAL] = {0}, from[LL_SPATIAL];
            for (int64_t i = 0; i < taps; i++, ll_next_position(w->spatial, w->size, k)) {
                bool inside = true;
                for (int axis = 0; axis < w->spatial && inside; axis++) {
                    from[axis] = at[axis] * w->stride[axis] + k[axis] * w->dilation[axis] - w->pad_low[axis];
                    inside = from[axis] >= 0 && from[axis] < p.in[axis];
                }
                if (!inside) continue;
                int64_t index = ll_flat_index(w->spatial, p.in, from);
                double value = ll_element_real(dtype, x, plane * p.in_size + index);
                sum += value;
                if (best_at < 0 || value > best || (isnan(value) && !isnan(best))) {
                    best = value;
                    best_at = index;
                }
            }
            if (it->op == LL_OP_WINDOW_SUM) {
                ll_store_real(it->output.dtype, y, plane * p.out_size + o, sum);
            } else {
                ll_store_integer(it->output.dtype, y, plane * p.out_size + o, best_at);
            }
        }
    }
}

/* ---------------------------------------------------------------- resize */

ll_stencil ll_resize_stencil(int mode, int position, int64_t m, int64_t n, int64_t i)
{
    double source, ratio = (double)m / (double)n;
    if (position == LL_RESIZE_HALF_PIXEL) {
        source = ((double)i + 0.5) * ratio - 0.5;
    } else if (position == LL_RESIZE_ALIGN_CORNERS) {
        source = n > 1 ? (double)i * (double)(m - 1) / (double)(n - 1) : 0.0;
    } else {
        source = (double)i * ratio;
    }
    if (mode == LL_RESIZE_NEAREST) {
        double nearest = position == LL_RESIZE_ASYMMETRIC ? floor(source) : ceil(source - 0.5);
        return (ll_stencil){ll_max_int64(0, ll_min_int64(m - 1, (int64_t)nearest)), 0.0};
    }
    source = source < 0.0 ? 0.0 : source > (double)(m - 1) ? (double)(m - 1) : source;
    int64_t low = ll_min_int64((int64_t)source, ll_max_int64(0, m - 2));
    return (ll_stencil){low, source - (double)low};
}

/* Weight of element s of the small-side axis in output i. */
static double share(ll_stencil at, int64_t s)
{
    return s == at.low ? 1.0 - at.t : s == at.low + 1 ? at.t : 0.0;
}

/* y = R x and, as the adjoint, x = R' y: with both, element pairs are weighted by the product of the axes' shares. */
static void resize(const reference_kernel *it, const void *from, void *to)
{
    bool adjoint = it->op == LL_OP_RESIZE_ADJOINT;
    int spatial = it->attributes.resize.spatial, mode = it->attributes.resize.mode,
        position = it->attributes.resize.position;
    planes p = planes_of(&it->inputs[0], &it->output, spatial);
    const int64_t *x = adjoint ? p.out : p.in, *y = adjoint ? p.in : p.out;
    for (int64_t plane = 0; plane < p.count; plane++) {
        int64_t target[LL_SPATIAL] = {0};
        for (int64_t o = 0; o < p.out_size; o++, ll_next_position(spatial, p.out, target)) {
            double sum = 0.0;
            int64_t source[LL_SPATIAL] = {0};
            for (int64_t i = 0; i < p.in_size; i++, ll_next_position(spatial, p.in, source)) {
                double weight = 1.0;
                for (int axis = 0; axis < spatial && weight != 0.0; axis++) {
                    int64_t big = adjoint ? source[axis] : target[axis],
                            small = adjoint ? target[axis] : source[axis];
                    weight *= share(ll_resize_stencil(mode, position, x[axis], y[axis], big), small);
                }
                if (weight != 0.0)
                    sum += weight * ll_element_real(it->inputs[0].dtype, from, plane * p.in_size + i);
            }
            ll_store_real(it->output.dtype, to, plane * p.out_size + o, sum);
        }
    }
}

void ll_reference_window(const reference_kernel *it, const void *const *inputs, void *output)
{
    if (it->op == LL_OP_RESIZE || it->op == LL_OP_RESIZE_ADJOINT) {
        resize(it, inputs[0], output);
    } else {
        windows(it, inputs[0], output);
    }
}
