/* Winograd's F(4 x 4, 3 x 3): what conv.c asks of winograd.c, and winograd.c of the kernels of an instruction set.
 *
 * A 4 x 4 tile of the output is a bilinear function of a 6 x 6 tile d of the input and the 3 x 3 kernel g:
 *   y = A' [(G g G') * (B' d B)] A      (* element by element)
 * with polynomials evaluated at 0, +-5/8, +-3/2 and infinity: 36 multiplications a channel pair instead of 144. All
 * entries of A and B are exact in single precision and the points keep the rounding error near twice that of the
 * direct sum (docs/method/execution.md). The weight gradient is the adjoint, G' [sum over tiles (B' d B) * (A dy A')] G.
 */
#ifndef LL_KERNELS_NATIVE_WINOGRAD_H
#define LL_KERNELS_NATIVE_WINOGRAD_H

#include "losslens/kernels_convolution.h"

enum { LL_WINOGRAD_TILE = 4, LL_WINOGRAD_PATCH = 6, LL_WINOGRAD_POINTS = 36 };

/* A band of tiles: one row of them in one channel block of one image. Tiles lie side by side in the transformed
 * array, whose points are `stride` floats apart. */
typedef struct ll_winograd_band {
    int64_t height, width; /* of the image [height][width][16] */
    int64_t row, column;   /* of the first tile's first pixel; outside the image there are zeros */
    int64_t tiles;
    int64_t stride;
} ll_winograd_band;

typedef struct ll_winograd_isa {
    /* B' d B; `columns` holds 6 (4 tiles + 2) vectors. */
    void (*input)(const ll_winograd_band *band, const float *image, float *columns, float *points);
    /* A dy A' */
    void (*spread)(const ll_winograd_band *band, const float *image, float *points);
    /* A' m A, plus bias, plus residual, ReLU; the latter two as the output. */
    void (*output)(const ll_winograd_band *band, const float *points, const float *bias,
                   const float *residual, bool relu, float *image);
    /* m[tile][16 out] = sum over terms, blocks and channels of v[term][block][tile][channel] u[term][block][channel][16 out];
     * the blocks of v, over the terms, are v_block_stride floats apart. */
    void (*product)(const float *v, int64_t v_block_stride, int64_t in_blocks, int64_t tiles,
                    const float *const *u, int terms, float *m);
    /* gradient[16 in][16 out] (+)= sum over tiles of v[tile][in] w[tile][out] */
    void (*gradient)(const float *v, const float *w, int64_t tiles, bool add, float *gradient);
    /* G g G' of 16 kernels at once, g[9][16] -> u + point * stride; and its adjoint, added to g + position * g_stride. */
    void (*kernel)(const float *g, float *u, int64_t stride);
    void (*kernel_adjoint)(const float *u, int64_t stride, float *g, int64_t g_stride);
} ll_winograd_isa;
extern const ll_winograd_isa ll_winograd_isa_avx512, ll_winograd_isa_avx2;

/* One face: x of in_blocks becomes y of out_blocks. */
typedef struct ll_winograd_face {
    int64_t in_blocks, in_height, in_width;
    int64_t out_blocks, out_height, out_width;
    int64_t pad[2];
} ll_winograd_face;

bool winograd_supports(const ll_conv_shape *shape);
size_t winograd_workspace(const ll_winograd_face *face, int64_t images, int terms);
/* The kernel of output channel o, input channel i and position k is weights[o * out_step + i * in_step + k], or
 * [.. + 8 - k] when turned. */
void winograd_pack(const ll_winograd_isa *isa, int64_t in_blocks, int64_t out_blocks, const float *weights,
                   int64_t out_step, int64_t in_step, bool turned, float *packed);
void winograd_convolve(const ll_winograd_isa *isa, const ll_winograd_face *face, int64_t images,
                       const ll_conv_term *terms, int term_count, const float *bias, const float *residual,
                       bool relu, float *output, float *workspace);
/* Adds to gradient[out_blocks][in_blocks][9][16 in][16 out]. */
void winograd_gradient(const ll_winograd_isa *isa, const ll_winograd_face *face, int64_t images,
                       const ll_conv_term *terms, int term_count, float *gradient, float *workspace);

#endif
