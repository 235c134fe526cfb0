#include "kernels/native/winograd.h"
#include "losslens/kernels_convolution.h"

#include <string.h>

enum { MAX_TAPS = 256, MAX_PHASES = 4 };

/* One phase of a face: the output pixels (row0 + stride i, column0 + stride j) and their taps. The
 * forward face has one phase; the backward face of stride s has s x s. */
typedef struct conv_phase {
    int64_t row0, column0, rows, columns;
    int64_t tap_count;
    int64_t taps[MAX_TAPS];   /* offsets into the scratch */
    int64_t source[MAX_TAPS]; /* kernel position kh * KW + kw of each tap */
    int64_t weight_offset;    /* floats into the packed weights */
} conv_phase;

/* A zero-padded copy of one image: where the image starts, and its extents. */
typedef struct conv_scratch {
    int64_t blocks, top, left, rows, columns;
    int lanes; /* floats per pixel: 16, or 4 for images of at most 4 channels */
    size_t bytes;
} conv_scratch;

struct ll_conv {
    ll_conv_shape shape;
    const ll_conv_isa *isa;
    const ll_winograd_isa *winograd; /* NULL: direct */
    ll_winograd_face faces[2];       /* forward, backward */
    int64_t in_blocks, out_blocks;
    conv_scratch forward_scratch, backward_scratch;
    conv_phase forward;
    int backward_count;
    conv_phase backward[MAX_PHASES];
};

static int64_t blocks_of(int64_t channels) { return (channels + LL_CONV_LANES - 1) / LL_CONV_LANES; }

static int64_t last_of(int64_t channels)
{
    int64_t rest = channels % LL_CONV_LANES;
    return rest ? rest : LL_CONV_LANES;
}

const ll_conv_isa *ll_conv_isa_of(ll_cpu_level level)
{
    return level >= LL_CPU_AVX512 ? &ll_conv_isa_avx512 : level >= LL_CPU_AVX2 ? &ll_conv_isa_avx2 : NULL;
}

bool ll_conv_supports(const ll_conv_shape *shape, ll_cpu_level level)
{
    if (level < LL_CPU_AVX2) return false;
    if (shape->in_channels < 1 || shape->out_channels < 1) return false;
    if (shape->stride[0] != shape->stride[1] || shape->stride[0] < 1 || shape->stride[0] > 2) return false;
    for (int axis = 0; axis < 2; ++axis) {
        if (shape->kernel[axis] < 1 || shape->kernel[axis] > 16) return false;
        if (shape->dilation[axis] < 1 || shape->dilation[axis] > 64) return false;
        if (shape->pad_begin[axis] < 0 || shape->pad_begin[axis] > 1024) return false;
    }
    return shape->in_height > 0 && shape->in_width > 0 && shape->out_height > 0 && shape->out_width > 0 &&
           shape->in_height < 65536 && shape->in_width < 65536 && shape->out_height < 65536 &&
           shape->out_width < 65536;
}

static void scratch_size(conv_scratch *scratch)
{
    scratch->bytes =
        sizeof(float) * (size_t)(scratch->blocks * scratch->rows * scratch->columns * scratch->lanes) +
        4 * LL_ALIGNMENT;
}

static void plan_forward(ll_conv *conv)
{
    const ll_conv_shape *s = &conv->shape;
    conv_scratch *scratch = &conv->forward_scratch;
    *scratch = (conv_scratch){.blocks = conv->in_blocks, .top = s->pad_begin[0], .left = s->pad_begin[1]};
    scratch->lanes = s->in_channels <= 4 ? 4 : LL_CONV_LANES;
    int64_t rows = (s->out_height - 1) * s->stride[0] + (s->kernel[0] - 1) * s->dilation[0] + 1;
    int64_t columns = (s->out_width - 1) * s->stride[1] + (s->kernel[1] - 1) * s->dilation[1] + 1;
    scratch->rows = ll_max_int64(rows, s->in_height + s->pad_begin[0]);
    scratch->columns = ll_max_int64(columns, s->in_width + s->pad_begin[1]);
    scratch_size(scratch);

    conv_phase *phase = &conv->forward;
    *phase = (conv_phase){.rows = s->out_height, .columns = s->out_width};
    for (int64_t kh = 0; kh < s->kernel[0]; ++kh)
        for (int64_t kw = 0; kw < s->kernel[1]; ++kw) {
            phase->taps[phase->tap_count] =
                (kh * s->dilation[0] * scratch->columns + kw * s->dilation[1]) * scratch->lanes;
            phase->source[phase->tap_count++] = kh * s->kernel[1] + kw;
        }
}

/* dx[h] = sum over kh with (h + pad - kh dilation) = stride oh of dy[oh] w[kh]: for one residue of h, the
 * kernel positions that take part are fixed, and oh advances by one as h advances by the stride. */
static void plan_backward(ll_conv *conv)
{
    const ll_conv_shape *s = &conv->shape;
    int64_t stride = s->stride[0];
    int64_t low[2] = {0, 0}, high[2] = {s->out_height - 1, s->out_width - 1};
    int64_t in[2] = {s->in_height, s->in_width};
    for (int axis = 0; axis < 2; ++axis)
        for (int64_t k = 0; k < s->kernel[axis]; ++k)
            for (int64_t r = 0; r < ll_min_int64(stride, in[axis]); ++r) {
                int64_t first = r + s->pad_begin[axis] - k * s->dilation[axis];
                if (first % stride != 0) continue;
                first /= stride;
                int64_t last = first + (in[axis] - 1 - r) / stride;
                low[axis] = ll_min_int64(low[axis], first);
                high[axis] = ll_max_int64(high[axis], last);
            }
    conv_scratch *scratch = &conv->backward_scratch;
    *scratch = (conv_scratch){.blocks = conv->out_blocks,
                              .top = -low[0],
                              .left = -low[1],
                              .rows = high[0] - low[0] + 1,
                              .columns = high[1] - low[1] + 1,
                              .lanes = LL_CONV_LANES};
    scratch_size(scratch);

    int64_t weight_offset = 0;
    conv->backward_count = 0;
    for (int64_t rh = 0; rh < ll_min_int64(stride, in[0]); ++rh)
        for (int64_t rw = 0; rw < ll_min_int64(stride, in[1]); ++rw) {
            conv_phase *phase = &conv->backward[conv->backward_count++];
            *phase = (conv_phase){.row0 = rh,
                                  .column0 = rw,
                                  .rows = (in[0] - 1 - rh) / stride + 1,
                                  .columns = (in[1] - 1 - rw) / stride + 1,
                                  .weight_offset = weight_offset};
            for (int64_t kh = 0; kh < s->kernel[0]; ++kh) {
                int64_t h = rh + s->pad_begin[0] - kh * s->dilation[0];
                if (h % stride != 0) continue;
                for (int64_t kw = 0; kw < s->kernel[1]; ++kw) {
                    int64_t w = rw + s->pad_begin[1] - kw * s->dilation[1];
                    if (w % stride != 0) continue;
                    phase->taps[phase->tap_count] =
                        ((h / stride + scratch->top) * scratch->columns + w / stride + scratch->left) *
                        scratch->lanes;
                    phase->source[phase->tap_count++] = kh * s->kernel[1] + kw;
                }
            }
            weight_offset += conv->in_blocks * conv->out_blocks * phase->tap_count * 256;
        }
}

bool ll_conv_method_supports(const ll_conv_shape *shape, ll_conv_method method, ll_cpu_level level)
{
    return ll_conv_supports(shape, level) && (method == LL_CONV_DIRECT || winograd_supports(shape));
}

static void plan_winograd(ll_conv *conv, ll_cpu_level level)
{
    const ll_conv_shape *s = &conv->shape;
    conv->winograd = level >= LL_CPU_AVX512 ? &ll_winograd_isa_avx512 : &ll_winograd_isa_avx2;
    conv->faces[0] = (ll_winograd_face){conv->in_blocks,
                                        s->in_height,
                                        s->in_width,
                                        conv->out_blocks,
                                        s->out_height,
                                        s->out_width,
                                        {s->pad_begin[0], s->pad_begin[1]}};
    conv->faces[1] = (ll_winograd_face){conv->out_blocks,
                                        s->out_height,
                                        s->out_width,
                                        conv->in_blocks,
                                        s->in_height,
                                        s->in_width,
                                        {2 - s->pad_begin[0], 2 - s->pad_begin[1]}};
}

ll_status ll_conv_create(const ll_conv_shape *shape, ll_conv_method method, ll_cpu_level level,
                         ll_conv **conv, ll_error *error)
{
    if (!ll_conv_method_supports(shape, method, level))
        return ll_fail(error, LL_UNSUPPORTED, "kernels", "native convolution",
                       "this shape has no native kernel");
    ll_conv *made = ll_allocate_zeroed(sizeof *made);
    if (!made) return ll_fail_memory(error, "kernels", sizeof *made);
    made->shape = *shape;
    made->isa = ll_conv_isa_of(level);
    made->in_blocks = blocks_of(shape->in_channels);
    made->out_blocks = blocks_of(shape->out_channels);
    plan_forward(made);
    plan_backward(made);
    if (method == LL_CONV_WINOGRAD) plan_winograd(made, level);
    *conv = made;
    return LL_OK;
}

void ll_conv_destroy(ll_conv *conv) { ll_free(conv); }

size_t ll_conv_workspace(const ll_conv *conv, int64_t images, int terms)
{
    size_t a = conv->forward_scratch.bytes, b = conv->backward_scratch.bytes;
    if (conv->winograd) {
        a = winograd_workspace(&conv->faces[0], images, terms) + LL_ALIGNMENT;
        b = winograd_workspace(&conv->faces[1], images, terms) + LL_ALIGNMENT;
    }
    return a > b ? a : b;
}

int64_t ll_conv_weight_count(const ll_conv *conv)
{
    int64_t taps = conv->winograd ? LL_WINOGRAD_POINTS : conv->shape.kernel[0] * conv->shape.kernel[1];
    return conv->in_blocks * conv->out_blocks * taps * 256;
}

int64_t ll_conv_gradient_count(const ll_conv *conv)
{
    return conv->in_blocks * conv->out_blocks * conv->shape.kernel[0] * conv->shape.kernel[1] * 256;
}

int64_t ll_conv_input_count(const ll_conv *conv)
{
    return conv->in_blocks * conv->shape.in_height * conv->shape.in_width * LL_CONV_LANES;
}

int64_t ll_conv_output_count(const ll_conv *conv)
{
    return conv->out_blocks * conv->shape.out_height * conv->shape.out_width * LL_CONV_LANES;
}

void ll_conv_pack_forward(const ll_conv *conv, const float *weights, float *packed)
{
    const ll_conv_shape *s = &conv->shape;
    int64_t taps = s->kernel[0] * s->kernel[1];
    if (conv->winograd) {
        winograd_pack(conv->winograd, conv->in_blocks, conv->out_blocks, weights, s->in_channels * 9, 9,
                      false, packed);
        return;
    }
    memset(packed, 0, sizeof(float) * (size_t)ll_conv_weight_count(conv));
    for (int64_t o = 0; o < s->out_channels; ++o)
        for (int64_t i = 0; i < s->in_channels; ++i) {
            float *target = packed + ((o / 16 * conv->in_blocks + i / 16) * taps * 16 + i % 16) * 16 + o % 16;
            const float *source = weights + (o * s->in_channels + i) * taps;
            for (int64_t t = 0; t < taps; ++t) target[t * 256] = source[t];
        }
}

void ll_conv_unpack_gradient(const ll_conv *conv, const float *packed, float *weights)
{
    const ll_conv_shape *s = &conv->shape;
    int64_t taps = s->kernel[0] * s->kernel[1];
    for (int64_t o = 0; o < s->out_channels; ++o)
        for (int64_t i = 0; i < s->in_channels; ++i) {
            const float *source =
                packed + ((o / 16 * conv->in_blocks + i / 16) * taps * 16 + i % 16) * 16 + o % 16;
            float *target = weights + (o * s->in_channels + i) * taps;
            for (int64_t t = 0; t < taps; ++t) target[t] = source[t * 256];
        }
}

void ll_conv_pack_backward(const ll_conv *conv, const float *weights, float *packed)
{
    const ll_conv_shape *s = &conv->shape;
    int64_t taps = s->kernel[0] * s->kernel[1];
    if (conv->winograd) {
        winograd_pack(conv->winograd, conv->out_blocks, conv->in_blocks, weights, 9, s->in_channels * 9, true,
                      packed);
        return;
    }
    memset(packed, 0, sizeof(float) * (size_t)ll_conv_weight_count(conv));
    for (int number = 0; number < conv->backward_count; ++number) {
        const conv_phase *phase = &conv->backward[number];
        float *base = packed + phase->weight_offset;
        for (int64_t o = 0; o < s->out_channels; ++o)
            for (int64_t i = 0; i < s->in_channels; ++i) {
                float *target = base +
                                ((i / 16 * conv->out_blocks + o / 16) * phase->tap_count * 16 + o % 16) * 16 +
                                i % 16;
                const float *source = weights + (o * s->in_channels + i) * taps;
                for (int64_t t = 0; t < phase->tap_count; ++t) target[t * 256] = source[phase->source[t]];
            }
    }
}

/* The caller's workspace starts on a cache line, so that a vector never straddles two. */
static float *aligned(void *workspace)
{
    uintptr_t at = (uintptr_t)workspace;
    return (float *)(void *)((char *)workspace + ((LL_ALIGNMENT - at % LL_ALIGNMENT) % LL_ALIGNMENT));
}

static void fill_scratch(const conv_scratch *scratch, const float *image, int64_t channels, int64_t height,
                         int64_t width, bool plain, float *target)
{
    int64_t lanes = scratch->lanes, row_floats = scratch->columns * lanes;
    int64_t copy_width = ll_min_int64(width, scratch->columns - scratch->left);
    for (int64_t block = 0; block < scratch->blocks; ++block)
        for (int64_t row = 0; row < scratch->rows; ++row) {
            float *to = target + (block * scratch->rows + row) * row_floats;
            int64_t from_row = row - scratch->top;
            if (from_row < 0 || from_row >= height) {
                memset(to, 0, sizeof(float) * (size_t)row_floats);
                continue;
            }
            memset(to, 0, sizeof(float) * (size_t)(scratch->left * lanes));
            float *inner = to + scratch->left * lanes;
            if (!plain && lanes == LL_CONV_LANES) {
                memcpy(inner, image + (block * height + from_row) * width * LL_CONV_LANES,
                       sizeof(float) * (size_t)(copy_width * LL_CONV_LANES));
            } else if (!plain) {
                const float *from = image + from_row * width * LL_CONV_LANES;
                for (int64_t x = 0; x < copy_width; ++x)
                    memcpy(inner + x * 4, from + x * LL_CONV_LANES, 4 * sizeof(float));
            } else {
                for (int64_t lane = 0; lane < lanes; ++lane) {
                    int64_t channel = block * LL_CONV_LANES + lane;
                    if (channel < channels) {
                        const float *from = image + (channel * height + from_row) * width;
                        for (int64_t x = 0; x < copy_width; ++x) inner[x * lanes + lane] = from[x];
                    } else {
                        for (int64_t x = 0; x < copy_width; ++x) inner[x * lanes + lane] = 0.0f;
                    }
                }
            }
            int64_t used = (scratch->left + copy_width) * lanes;
            memset(to + used, 0, sizeof(float) * (size_t)(row_floats - used));
        }
}

/* A blocked image that needs no padding is read in place. */
static const float *scratch_of(const conv_scratch *scratch, const float *image, int64_t channels,
                               int64_t height, int64_t width, bool plain, void *workspace)
{
    if (!plain && scratch->lanes == LL_CONV_LANES && scratch->top == 0 && scratch->left == 0 &&
        scratch->rows == height && scratch->columns == width)
        return image;
    float *target = aligned(workspace);
    fill_scratch(scratch, image, channels, height, width, plain, target);
    return target;
}

static void direct_forward(const ll_conv *conv, const float *input, bool plain, const float *packed,
                           const float *bias, const float *residual, bool relu, float *output,
                           void *workspace)
{
    const ll_conv_shape *s = &conv->shape;
    const conv_scratch *scratch = &conv->forward_scratch;
    int64_t row_floats = scratch->columns * scratch->lanes;
    ll_conv_tile_job job = {
        .image = scratch_of(scratch, input, s->in_channels, s->in_height, s->in_width, plain, workspace),
        .in_blocks = conv->in_blocks,
        .in_block_stride = scratch->rows * row_floats,
        .in_row_stride = s->stride[0] * row_floats,
        .last_channels = last_of(s->in_channels),
        .pixel = (int)(scratch->lanes * s->stride[1]),
        .taps = conv->forward.taps,
        .tap_count = conv->forward.tap_count,
        .weights = packed,
        .bias = bias,
        .residual = residual,
        .relu = relu,
        .output = output,
        .out_blocks = conv->out_blocks,
        .out_block_stride = s->out_height * s->out_width * LL_CONV_LANES,
        .out_row_stride = s->out_width * LL_CONV_LANES,
        .out_pixel_stride = LL_CONV_LANES,
        .out_height = s->out_height,
        .out_width = s->out_width,
    };
    conv->isa->tiles(&job);
}

static void direct_backward_input(const ll_conv *conv, const float *output_gradient, const float *packed,
                                  const float *residual, float *input_gradient, void *workspace)
{
    const ll_conv_shape *s = &conv->shape;
    const conv_scratch *scratch = &conv->backward_scratch;
    int64_t row_floats = scratch->columns * scratch->lanes, stride = s->stride[0];
    const float *image =
        scratch_of(scratch, output_gradient, s->out_channels, s->out_height, s->out_width, false, workspace);
    for (int number = 0; number < conv->backward_count; ++number) {
        const conv_phase *phase = &conv->backward[number];
        int64_t first = (phase->row0 * s->in_width + phase->column0) * LL_CONV_LANES;
        ll_conv_tile_job job = {
            .image = image,
            .in_blocks = conv->out_blocks,
            .in_block_stride = scratch->rows * row_floats,
            .in_row_stride = row_floats,
            .last_channels = last_of(s->out_channels),
            .pixel = LL_CONV_LANES,
            .taps = phase->taps,
            .tap_count = phase->tap_count,
            .weights = packed + phase->weight_offset,
            .residual = residual ? residual + first : NULL,
            .output = input_gradient + first,
            .out_blocks = conv->in_blocks,
            .out_block_stride = s->in_height * s->in_width * LL_CONV_LANES,
            .out_row_stride = stride * s->in_width * LL_CONV_LANES,
            .out_pixel_stride = stride * LL_CONV_LANES,
            .out_height = phase->rows,
            .out_width = phase->columns,
        };
        conv->isa->tiles(&job);
    }
}

static void direct_backward_weights(const ll_conv *conv, const float *input, bool plain,
                                    const float *output_gradient, float *gradient, void *workspace)
{
    const ll_conv_shape *s = &conv->shape;
    const conv_scratch *scratch = &conv->forward_scratch;
    int64_t row_floats = scratch->columns * scratch->lanes;
    ll_conv_gradient_job job = {
        .image = scratch_of(scratch, input, s->in_channels, s->in_height, s->in_width, plain, workspace),
        .in_blocks = conv->in_blocks,
        .in_block_stride = scratch->rows * row_floats,
        .in_row_stride = s->stride[0] * row_floats,
        .pixel = (int)(scratch->lanes * s->stride[1]),
        .taps = conv->forward.taps,
        .tap_count = conv->forward.tap_count,
        .output_gradient = output_gradient,
        .out_blocks = conv->out_blocks,
        .out_height = s->out_height,
        .out_width = s->out_width,
        .gradient = gradient,
    };
    conv->isa->gradient(&job);
}

static int64_t image_floats(const ll_conv *conv, bool plain)
{
    const ll_conv_shape *s = &conv->shape;
    return plain ? s->in_channels * s->in_height * s->in_width : ll_conv_input_count(conv);
}

void ll_conv_forward(const ll_conv *conv, int64_t images, const ll_conv_term *terms, int term_count,
                     bool plain, const float *bias, const float *residual, bool relu, float *output,
                     void *workspace)
{
    if (conv->winograd) {
        winograd_convolve(conv->winograd, &conv->faces[0], images, terms, term_count, bias, residual, relu,
                          output, aligned(workspace));
        return;
    }
    int64_t x = image_floats(conv, plain), y = ll_conv_output_count(conv);
    for (int64_t n = 0; n < images; ++n, output += y)
        for (int t = 0; t < term_count; ++t) {
            const float *added = t > 0 ? output : residual ? residual + n * y : NULL;
            direct_forward(conv, terms[t].image + n * x, plain, terms[t].with, t == 0 ? bias : NULL, added,
                           relu && t == term_count - 1, output, workspace);
        }
}

void ll_conv_backward_input(const ll_conv *conv, int64_t images, const ll_conv_term *terms, int term_count,
                            const float *residual, float *input_gradient, void *workspace)
{
    if (conv->winograd) {
        winograd_convolve(conv->winograd, &conv->faces[1], images, terms, term_count, NULL, residual, false,
                          input_gradient, aligned(workspace));
        return;
    }
    int64_t x = ll_conv_input_count(conv), y = ll_conv_output_count(conv);
    for (int64_t n = 0; n < images; ++n, input_gradient += x)
        for (int t = 0; t < term_count; ++t) {
            const float *added = t > 0 ? input_gradient : residual ? residual + n * x : NULL;
            direct_backward_input(conv, terms[t].image + n * y, terms[t].with, added, input_gradient,
                                  workspace);
        }
}

void ll_conv_backward_weights(const ll_conv *conv, int64_t images, const ll_conv_term *terms, int term_count,
                              bool plain, float *gradient, void *workspace)
{
    if (conv->winograd) {
        winograd_gradient(conv->winograd, &conv->faces[0], images, terms, term_count, gradient,
                          aligned(workspace));
        return;
    }
    int64_t x = image_floats(conv, plain), y = ll_conv_output_count(conv);
    for (int t = 0; t < term_count; ++t)
        for (int64_t n = 0; n < images; ++n)
            direct_backward_weights(conv, terms[t].image + n * x, plain, terms[t].with + n * y, gradient,
                                    workspace);
}

void ll_conv_block(const float *plain, int64_t channels, int64_t pixels, float *blocked)
{
    for (int64_t block = 0; block < blocks_of(channels); ++block)
        for (int64_t lane = 0; lane < LL_CONV_LANES; ++lane) {
            int64_t channel = block * LL_CONV_LANES + lane;
            float *to = blocked + block * pixels * LL_CONV_LANES + lane;
            for (int64_t p = 0; p < pixels; ++p)
                to[p * LL_CONV_LANES] = channel < channels ? plain[channel * pixels + p] : 0.0f;
        }
}

void ll_conv_unblock(const float *blocked, int64_t channels, int64_t pixels, float *plain)
{
    for (int64_t channel = 0; channel < channels; ++channel) {
        const float *from =
            blocked + channel / LL_CONV_LANES * pixels * LL_CONV_LANES + channel % LL_CONV_LANES;
        for (int64_t p = 0; p < pixels; ++p) plain[channel * pixels + p] = from[p * LL_CONV_LANES];
    }
}
