#include "kernels/blas/conv.h"

#include <cblas.h>
#include <string.h>

enum {
    TILE_BYTES = 512 << 10
}; /* of columns: with the operands of the product around it, within a core's L2 */

bool blas_conv_supports(const ll_kernel_case *kernel)
{
    bool convolution = kernel->op == LL_OP_CONVOLUTION || kernel->op == LL_OP_CONVOLUTION_DATA ||
                       kernel->op == LL_OP_CONVOLUTION_WEIGHT;
    if (!convolution || !ll_dtype_is_float(kernel->output.dtype)) return false;
    /* BLAS counts in int; beyond that, and where there is nothing to multiply, the reference. */
    const ll_tensor_form *tensors[3] = {&kernel->inputs[0], &kernel->inputs[1], &kernel->output};
    for (int i = 0; i < 3; i++)
        if (tensors[i]->count <= 0 || tensors[i]->count > INT32_MAX) return false;
    return true;
}

typedef struct extents {
    bool models;
    int64_t first, second, spatial[LL_SPATIAL];
} extents;

static extents extents_of(const ll_tensor_form *form, int spatial)
{
    extents e = {.models = form->rank > spatial + 2, .spatial = {1, 1, 1}};
    const int64_t *shape = form->shape + (e.models ? 1 : 0);
    e.first = shape[0];
    e.second = shape[1];
    for (int axis = 0; axis < spatial; axis++) e.spatial[axis + LL_SPATIAL - spatial] = shape[axis + 2];
    return e;
}

static int64_t volume(const int64_t *extent) { return extent[0] * extent[1] * extent[2]; }

void blas_conv_prepare(const ll_kernel_case *kernel, blas_conv *conv)
{
    const ll_convolution *shape = &kernel->attributes.convolution;
    int spatial = shape->spatial;
    const ll_tensor_form *x = &kernel->inputs[0], *w = &kernel->inputs[1], *y = &kernel->output;
    if (kernel->op == LL_OP_CONVOLUTION_DATA) x = &kernel->output, y = &kernel->inputs[0];
    if (kernel->op == LL_OP_CONVOLUTION_WEIGHT) w = &kernel->output, y = &kernel->inputs[1];
    extents ex = extents_of(x, spatial), ew = extents_of(w, spatial), ey = extents_of(y, spatial);
    *conv = (blas_conv){.op = kernel->op,
                        .dtype = kernel->output.dtype,
                        .models = 1,
                        .samples = ex.first,
                        .groups = shape->groups,
                        .group_inputs = ew.second,
                        .group_outputs = ew.first / shape->groups};
    memcpy(conv->x, ex.spatial, sizeof conv->x);
    memcpy(conv->k, ew.spatial, sizeof conv->k);
    memcpy(conv->y, ey.spatial, sizeof conv->y);
    for (int axis = 0; axis < LL_SPATIAL; axis++) {
        int from = axis - (LL_SPATIAL - spatial);
        conv->stride[axis] = from < 0 ? 1 : shape->stride[from];
        conv->dilation[axis] = from < 0 ? 1 : shape->dilation[from];
        conv->pad[axis] = from < 0 ? 0 : shape->pad_low[from];
    }
    conv->x_size = volume(conv->x);
    conv->k_size = volume(conv->k);
    conv->y_size = volume(conv->y);
    if (kernel->output.rank > spatial + 2) conv->models = kernel->output.shape[0];
    conv->x_model = ex.models ? x->count / x->shape[0] : 0;
    conv->w_model = ew.models ? w->count / w->shape[0] : 0;
    conv->y_model = ey.models ? y->count / y->shape[0] : 0;
    conv->direct = conv->k_size == 1 && memcmp(conv->x, conv->y, sizeof conv->x) == 0;
    for (int axis = 0; axis < LL_SPATIAL; axis++)
        conv->direct = conv->direct && conv->stride[axis] == 1 && conv->pad[axis] == 0;
    int64_t depth = conv->group_inputs * conv->k_size;
    int64_t positions = ll_max_int64(1, TILE_BYTES / (int64_t)ll_dtype_bytes(conv->dtype) / depth);
    int64_t rows = conv->y[0] * conv->y[1], width = conv->y[2];
    conv->tile_width = ll_min_int64(width, ll_max_int64(positions, 16));
    conv->tile_rows = conv->tile_width < width ? 1 : ll_min_int64(rows, ll_max_int64(1, positions / width));
}

size_t blas_conv_workspace(const blas_conv *conv)
{
    if (conv->direct) return 0;
    return (size_t)(conv->group_inputs * conv->k_size * conv->tile_rows * conv->tile_width) *
           ll_dtype_bytes(conv->dtype);
}

/* Positions p of [from, to) whose element p * stride + offset lies in [0, extent): [*low, *high), maybe empty. */
static void valid_range(int64_t stride, int64_t offset, int64_t extent, int64_t from, int64_t to,
                        int64_t *low, int64_t *high)
{
    int64_t first = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
    int64_t last = extent - 1 - offset < 0 ? 0 : (extent - 1 - offset) / stride + 1;
    *low = ll_min_int64(to, ll_max_int64(from, first));
    *high = ll_max_int64(*low, ll_min_int64(to, last));
}

#define T float
#define NAME(x) x##_f32
#define GEMM cblas_sgemm
#include "kernels/blas/conv_core.h"
#undef T
#undef NAME
#undef GEMM
#define T double
#define NAME(x) x##_f64
#define GEMM cblas_dgemm
#include "kernels/blas/conv_core.h"
