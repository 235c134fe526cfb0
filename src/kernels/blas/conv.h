/* Convolution's three faces as matrix products over gathered columns ("im2col"): for one sample and one group,
 *
 *     columns [C/G * K, P]    columns[(c, k), p] = x[c, p * stride + k * dilation - pad], zero outside
 *     y  = w  columns         w [O/G, C/G * K], y [O/G, P]
 *     x += scatter(w' y)      the adjoint of the gathering
 *     w += y columns'
 *
 * Columns are made tile by tile of output positions, so that the workspace is bounded whatever the picture's size.
 * Tiles depend on the shape of one sample alone, and samples are never put into one product: a sample's values do
 * not depend on its company, and the weights' gradient adds samples in their order. */
#ifndef LL_KERNELS_BLAS_CONV_H
#define LL_KERNELS_BLAS_CONV_H

#include "losslens/kernels.h"

typedef struct blas_conv {
    ll_op op;
    ll_dtype dtype;
    int64_t models, samples, groups;
    int64_t group_inputs, group_outputs; /* channels of one group */
    int64_t x[LL_SPATIAL], k[LL_SPATIAL],
        y[LL_SPATIAL]; /* extents, leading ones where there are fewer axes */
    int64_t stride[LL_SPATIAL], dilation[LL_SPATIAL], pad[LL_SPATIAL];
    int64_t x_size, k_size, y_size;
    int64_t x_model, w_model, y_model; /* elements between models; 0: all models share the tensor */
    int64_t tile_rows, tile_width;     /* rows of the last axis in a tile, and how much of one */
    bool direct;                       /* the columns are x itself: kernel 1, stride 1, no padding */
} blas_conv;

bool blas_conv_supports(const ll_kernel_case *kernel);
void blas_conv_prepare(const ll_kernel_case *kernel, blas_conv *conv);
size_t blas_conv_workspace(const blas_conv *conv);
void blas_conv_run_f32(const blas_conv *conv, const void *const *inputs, void *output, void *workspace);
void blas_conv_run_f64(const blas_conv *conv, const void *const *inputs, void *output, void *workspace);

#endif
