/* Windows, a row of outputs at a time, and resizing by its stencils. */
#include "kernels/portable/portable.h"

#include "kernels/reference/reference.h"

#include <math.h>
#include <string.h>

/* Extents of the last three axes, leading ones where there are fewer, and the planes before them. */
typedef struct volume {
    int64_t planes, in[LL_SPATIAL], out[LL_SPATIAL], in_size, out_size;
} volume;

static volume volume_of(const portable_kernel *it, int spatial)
{
    const ll_tensor_form *in = &it->inputs[0], *out = &it->output;
    volume v = {portable_product(in->shape, 0, in->rank - spatial), {1, 1, 1}, {1, 1, 1}, 1, 1};
    for (int axis = 0; axis < spatial; axis++) {
        v.in[LL_SPATIAL - spatial + axis] = in->shape[in->rank - spatial + axis];
        v.out[LL_SPATIAL - spatial + axis] = out->shape[out->rank - spatial + axis];
    }
    v.in_size = portable_product(v.in, 0, LL_SPATIAL);
    v.out_size = portable_product(v.out, 0, LL_SPATIAL);
    return v;
}

/* ------------------------------------------------------------------ windows */

static bool supports_window(const ll_kernel_case *kernel)
{
    return ll_dtype_is_float(kernel->inputs[0].dtype) &&
           (kernel->op == LL_OP_WINDOW_SUM || kernel->output.dtype == LL_I32);
}

static size_t window_bytes(const portable_kernel *it)
{
    return (size_t)it->output.shape[it->output.rank - 1] * (sizeof(double) + sizeof(int32_t));
}

/* Offset of the first element a tap reads along an axis, and the outputs whose reading falls inside. */
typedef struct reach {
    int64_t offset, low, high;
} reach;

static reach reach_of(int64_t offset, int64_t stride, int64_t in, int64_t out)
{
    int64_t low = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
    int64_t high = in - 1 - offset < 0 ? 0 : (in - 1 - offset) / stride + 1;
    low = ll_min_int64(low, out);
    return (reach){offset, low, ll_max_int64(low, ll_min_int64(high, out))};
}

#define TAP(T)                                                                                               \
    do {                                                                                                     \
        const T *from = (const T *)x + plane * v.in_size + line + r.offset;                                  \
        if (it->op == LL_OP_WINDOW_SUM) {                                                                    \
            for (int64_t p = r.low; p < r.high; p++) best[p] += (double)from[p * stride[2]];                 \
            break;                                                                                           \
        }                                                                                                    \
        for (int64_t p = r.low; p < r.high; p++) {                                                           \
            double value = (double)from[p * stride[2]];                                                      \
            bool takes = at[p] < 0 || value > best[p] || (isnan(value) && !isnan(best[p]));                  \
            best[p] = takes ? value : best[p];                                                               \
            at[p] = takes ? (int32_t)(line + r.offset + p * stride[2]) : at[p];                              \
        }                                                                                                    \
    } while (0)

static void run_window(const portable_kernel *it, const void *const *inputs, void *output, void *workspace)
{
    const ll_window *w = &it->attributes.window;
    const void *x = inputs[0];
    volume v = volume_of(it, w->spatial);
    int64_t size[LL_SPATIAL] = {1, 1, 1}, stride[LL_SPATIAL] = {1, 1, 1}, dilation[LL_SPATIAL] = {1, 1, 1};
    int64_t pad[LL_SPATIAL] = {0}, width = v.out[2];
    for (int axis = 0; axis < w->spatial; axis++) {
        int to = LL_SPATIAL - w->spatial + axis;
        size[to] = w->size[axis];
        stride[to] = w->stride[axis];
        dilation[to] = w->dilation[axis];
        pad[to] = w->pad_low[axis];
    }
    double *best = workspace;
    int32_t *at = (int32_t *)(void *)(best + width);
    for (int64_t row = 0; row < v.planes * v.out[0] * v.out[1]; row++) {
        int64_t plane = row / (v.out[0] * v.out[1]), p0 = row / v.out[1] % v.out[0], p1 = row % v.out[1];
        memset(best, 0, (size_t)width * sizeof *best);
        for (int64_t p = 0; p < width; p++) at[p] = -1;
        for (int64_t k0 = 0; k0 < size[0]; k0++)
            for (int64_t k1 = 0; k1 < size[1]; k1++) {
                int64_t s0 = p0 * stride[0] + k0 * dilation[0] - pad[0],
                        s1 = p1 * stride[1] + k1 * dilation[1] - pad[1];
                if (s0 < 0 || s0 >= v.in[0] || s1 < 0 || s1 >= v.in[1]) continue;
                int64_t line = (s0 * v.in[1] + s1) * v.in[2];
                for (int64_t k2 = 0; k2 < size[2]; k2++) {
                    reach r = reach_of(k2 * dilation[2] - pad[2], stride[2], v.in[2], width);
                    if (it->inputs[0].dtype == LL_F32) TAP(float);
                    else TAP(double);
                }
            }
        if (it->op == LL_OP_WINDOW_ARGMAX)
            memcpy((int32_t *)output + row * width, at, (size_t)width * sizeof *at);
        else if (it->output.dtype == LL_F64)
            memcpy((double *)output + row * width, best, (size_t)width * sizeof *best);
        else
            for (int64_t p = 0; p < width; p++) ((float *)output)[row * width + p] = (float)best[p];
    }
}

const portable_family ll_portable_window = {supports_window, window_bytes, run_window};

/* ------------------------------------------------------------------ resizing */

static bool supports_resize(const ll_kernel_case *kernel) { return ll_dtype_is_float(kernel->output.dtype); }

/* Stencils of the three axes of the large side, then the sums of a plane of the small side. */
static size_t resize_bytes(const portable_kernel *it)
{
    volume v = volume_of(it, it->attributes.resize.spatial);
    const int64_t *big = it->op == LL_OP_RESIZE ? v.out : v.in;
    size_t stencils = (size_t)(big[0] + big[1] + big[2]) * sizeof(ll_stencil);
    return stencils + (it->op == LL_OP_RESIZE ? 0 : (size_t)v.out_size * sizeof(double));
}

/* Each element of the big side with the up to eight of the small side that it reads: their values are added up
 * (resize), or it is added to them (adjoint). */
#define RESIZE(T)                                                                                            \
    do {                                                                                                     \
        const T *from = (const T *)input + plane * v.in_size;                                                \
        T *to = (T *)output + plane * v.out_size;                                                            \
        int64_t element = 0;                                                                                 \
        for (int64_t b0 = 0; b0 < big[0]; b0++)                                                              \
            for (int64_t b1 = 0; b1 < big[1]; b1++)                                                          \
                for (int64_t b2 = 0; b2 < big[2]; b2++, element++) {                                         \
                    ll_stencil at[LL_SPATIAL] = {axis[0][b0], axis[1][b1], axis[2][b2]};                     \
                    double sum = 0.0;                                                                        \
                    for (int corner = 0; corner < 8; corner++) {                                             \
                        int64_t place = 0;                                                                   \
                        double weight = 1.0;                                                                 \
                        for (int a = 0; a < LL_SPATIAL; a++) {                                               \
                            int far = (corner >> (LL_SPATIAL - 1 - a)) & 1;                                  \
                            weight *= far ? at[a].t : 1.0 - at[a].t;                                         \
                            place = place * small[a] + at[a].low + far;                                      \
                        }                                                                                    \
                        if (weight == 0.0) continue;                                                         \
                        if (adjoint) sums[place] += weight * (double)from[element];                          \
                        else sum += weight * (double)from[place];                                            \
                    }                                                                                        \
                    if (!adjoint) to[element] = (T)sum;                                                      \
                }                                                                                            \
        for (int64_t i = 0; adjoint && i < v.out_size; i++) to[i] = (T)sums[i];                              \
    } while (0)

static void run_resize(const portable_kernel *it, const void *const *inputs, void *output, void *workspace)
{
    bool adjoint = it->op == LL_OP_RESIZE_ADJOINT;
    int spatial = it->attributes.resize.spatial, mode = it->attributes.resize.mode;
    int position = it->attributes.resize.position;
    const void *input = inputs[0];
    volume v = volume_of(it, spatial);
    const int64_t *big = adjoint ? v.in : v.out, *small = adjoint ? v.out : v.in;
    ll_stencil *axis[LL_SPATIAL];
    axis[0] = workspace;
    axis[1] = axis[0] + big[0];
    axis[2] = axis[1] + big[1];
    double *sums = (double *)(void *)(axis[2] + big[2]);
    for (int a = 0; a < LL_SPATIAL; a++)
        for (int64_t i = 0; i < big[a]; i++)
            axis[a][i] = a < LL_SPATIAL - spatial ? (ll_stencil){0, 0.0}
                                                  : ll_resize_stencil(mode, position, small[a], big[a], i);
    for (int64_t plane = 0; plane < v.planes; plane++) {
        if (adjoint) memset(sums, 0, (size_t)v.out_size * sizeof *sums);
        if (it->output.dtype == LL_F32) RESIZE(float);
        else RESIZE(double);
    }
}

const portable_family ll_portable_resize = {supports_resize, resize_bytes, run_resize};
