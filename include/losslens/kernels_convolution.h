/* losslens/kernels_convolution.h - for the runtime: direct convolution of float32 images in channel-blocked layout, all
 * three faces.
 *
 * Blocked image: [block][row][column][16 channels], `blocks = ceil(channels / 16)`; the lanes past the
 * last channel are zero in every image these functions write, provided weights and bias are zero there.
 *
 * Direct: one image is copied once into a zero-padded scratch, so that no inner loop knows an edge; then
 * each register tile (up to 16 output pixels of one block) runs over (input block, tap, channel) with one
 * weight load per 16 multiply-adds. A tap is an offset into the scratch: dilation, the flipped kernel of
 * the backward face and the phases of a strided backward face are other lists of offsets to the same code.
 *
 * Winograd (3 x 3, stride 1): F(4 x 4, 3 x 3) for all three faces, a quarter of the multiplications, with about twice the
 * rounding error of the direct sum (kernels/native/winograd.h). A non-finite value spreads over its tile.
 *
 * In both, what becomes of an image depends on that image alone, and the order of every sum on the shape and, for
 * the weight gradient, on the number of images.
 */
#ifndef LOSSLENS_KERNELS_CONVOLUTION_H
#define LOSSLENS_KERNELS_CONVOLUTION_H

#include "losslens/base.h"

enum { LL_CONV_LANES = 16 };

typedef struct ll_conv_shape {
    int64_t in_channels, out_channels;
    int64_t in_height, in_width, out_height, out_width;
    int64_t kernel[2], stride[2], dilation[2];
    int64_t pad_begin[2]; /* zeros above and to the left; those below and right follow from out_* */
} ll_conv_shape;

/* The inner job: a rectangle of output pixels from a padded scratch image. Strides in floats. */
typedef struct ll_conv_tile_job {
    const float *image; /* scratch: [in_blocks][rows][columns][pixel] */
    int64_t in_blocks, in_block_stride, in_row_stride;
    int64_t last_channels; /* channels of the last input block that are not zero, 1..16 */
    int pixel;             /* floats between neighbouring output pixels in the scratch: 4, 8, 16 or 32 */
    const int64_t *taps;   /* offsets into the scratch */
    int64_t tap_count;
    const float *weights;  /* [out_blocks][in_blocks][tap][16 in][16 out] */
    const float *bias;     /* [out_blocks * 16] or NULL */
    const float *residual; /* added before ReLU; strides as output; or NULL */
    bool relu;
    float *output;
    int64_t out_blocks, out_block_stride, out_row_stride, out_pixel_stride;
    int64_t out_height, out_width;
} ll_conv_tile_job;

/* Weight gradient of one image, added to `gradient` ([out_blocks][in_blocks][tap][16 in][16 out]). */
typedef struct ll_conv_gradient_job {
    const float *image;
    int64_t in_blocks, in_block_stride, in_row_stride;
    int pixel;
    const int64_t *taps;
    int64_t tap_count;
    const float *output_gradient; /* blocked, dense */
    int64_t out_blocks, out_height, out_width;
    float *gradient;
} ll_conv_gradient_job;

typedef struct ll_conv_isa {
    void (*tiles)(const ll_conv_tile_job *job);
    void (*gradient)(const ll_conv_gradient_job *job);
    /* Over the pixels of one channel block x[pixel][16]: sums[c] += x; sixteen pixels in single precision, then
     * double. */
    void (*sums)(const float *x, int64_t pixels, double *sums);
    /* sums[c] += x, squares[c] += x^2, as exact as double precision holds them: both are made from the distances to
     * the mean of the block, so that squares - sums^2 / n loses nothing where the mean is large beside the deviation. */
    void (*moments)(const float *x, int64_t pixels, double *sums, double *squares);
} ll_conv_isa;
extern const ll_conv_isa ll_conv_isa_avx512, ll_conv_isa_avx2;
const ll_conv_isa *ll_conv_isa_of(ll_cpu_level level); /* NULL without AVX2 */

/* A convolution ready to run: tap lists, scratch geometry, kernels for this processor. */
typedef struct ll_conv ll_conv;

/* true when these kernels can do the shape: stride 1..2 (equal in both axes), any dilation and padding,
 * kernel up to 16 x 16, and a processor with AVX2 or better. */
bool ll_conv_supports(const ll_conv_shape *shape, ll_cpu_level level);
typedef enum ll_conv_method { LL_CONV_DIRECT, LL_CONV_WINOGRAD } ll_conv_method;
/* Winograd besides: kernel 3 x 3, stride and dilation 1, channels multiples of 16, extents that fill the tiles. */
bool ll_conv_method_supports(const ll_conv_shape *shape, ll_conv_method method, ll_cpu_level level);
ll_status ll_conv_create(const ll_conv_shape *shape, ll_conv_method method, ll_cpu_level level,
                         ll_conv **conv, ll_error *error) LL_MUST_CHECK;
void ll_conv_destroy(ll_conv *conv);

/* Bytes for so many terms (below); per thread; need not be zeroed. */
size_t ll_conv_workspace(const ll_conv *conv, int64_t images, int terms);
int64_t ll_conv_weight_count(const ll_conv *conv);   /* floats of the packed weights */
int64_t ll_conv_gradient_count(const ll_conv *conv); /* floats of the packed gradient */
int64_t ll_conv_input_count(const ll_conv *conv);    /* floats of one blocked input image */
int64_t ll_conv_output_count(const ll_conv *conv);

/* weights: dense [out][in][kernel height][kernel width]. */
void ll_conv_pack_forward(const ll_conv *conv, const float *weights, float *packed);
void ll_conv_pack_backward(const ll_conv *conv, const float *weights, float *packed);
/* packed: [out blocks][in blocks][tap][16 in][16 out], whatever the method. */
void ll_conv_unpack_gradient(const ll_conv *conv, const float *packed, float *weights);

/* Convolutions of one shape that are added up, as the product rule makes them, are one: Winograd adds their products
 * before it transforms them back. */
enum { LL_CONV_TERMS = 2 };
typedef struct ll_conv_term {
    const float *image; /* consecutive images: inputs; of the backward input face, output gradients */
    const float *with;  /* packed weights; of the weight gradient, the images' output gradients */
} ll_conv_term;

/* output = ReLU?(sum over the terms + bias + residual). `plain` inputs are dense [channels][height][width] instead of
 * blocked (direct only). Neither output may overlap an input. */
void ll_conv_forward(const ll_conv *conv, int64_t images, const ll_conv_term *terms, int term_count,
                     bool plain, const float *bias, const float *residual, bool relu, float *output,
                     void *workspace);
void ll_conv_backward_input(const ll_conv *conv, int64_t images, const ll_conv_term *terms, int term_count,
                            const float *residual, float *input_gradient, void *workspace);
/* Adds to gradient (packed; zero it first). */
void ll_conv_backward_weights(const ll_conv *conv, int64_t images, const ll_conv_term *terms, int term_count,
                              bool plain, float *gradient, void *workspace);

/* Dense [channels][pixels] <-> blocked, one image. */
void ll_conv_block(const float *plain, int64_t channels, int64_t pixels, float *blocked);
void ll_conv_unblock(const float *blocked, int64_t channels, int64_t pixels, float *plain);

#endif
