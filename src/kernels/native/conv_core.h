/* The inner loops of conv.h, written once for 16-float vectors; see simd.h. */
#include "kernels/native/simd.h"
#include "losslens/kernels_convolution.h"

/* Pixels in one tile: every accumulator in a register. */
#if LL_SIMD_REGISTERS == 32
#define LL_CONV_TILE 16
#else
#define LL_CONV_TILE 6
#endif

/* R rows by P columns of one output block. R, P and S (floats between pixels) are constants after
 * inlining. */
LL_INLINE void conv_tile(const ll_conv_tile_job *job, const int R, const int P, const int S, int64_t block,
                         int64_t row, int64_t column)
{
    ll_v16 sum[LL_CONV_TILE];
    ll_v16 start = job->bias ? v16_load(job->bias + block * 16) : v16_zero();
    LL_UNROLL
    for (int i = 0; i < R * P; ++i) sum[i] = start;

    const float *w = job->weights + block * job->in_blocks * job->tap_count * 256;
    /* With stride 2 the scratch row advances by two per output row: in_row_stride holds that. */
    const float *base = job->image + row * job->in_row_stride + column * S;
    int64_t second_row = job->in_row_stride;
    for (int64_t in_block = 0; in_block < job->in_blocks; ++in_block) {
        int64_t channels = in_block + 1 == job->in_blocks ? job->last_channels : 16;
        for (int64_t tap = 0; tap < job->tap_count; ++tap) {
            const float *x = base + in_block * job->in_block_stride + job->taps[tap];
            const float *y = x + second_row;
            const float *wt = w;
            for (int64_t c = 0; c < channels; ++c) {
                ll_v16 weight = v16_load(wt);
                LL_UNROLL
                for (int p = 0; p < P; ++p) sum[p] = v16_fma(weight, v16_set1(x[p * S]), sum[p]);
                if (R == 2) {
                    LL_UNROLL
                    for (int p = 0; p < P; ++p) sum[P + p] = v16_fma(weight, v16_set1(y[p * S]), sum[P + p]);
                }
                wt += 16;
                ++x;
                ++y;
            }
            w += 256;
        }
    }

    int64_t offset =
        block * job->out_block_stride + row * job->out_row_stride + column * job->out_pixel_stride;
    LL_UNROLL
    for (int r = 0; r < R; ++r) {
        LL_UNROLL
        for (int p = 0; p < P; ++p) {
            int64_t at = offset + r * job->out_row_stride + p * job->out_pixel_stride;
            ll_v16 value = sum[r * P + p];
            if (job->residual) value = v16_add(value, v16_load(job->residual + at));
            if (job->relu) value = v16_relu(value);
            v16_store(job->output + at, value);
        }
    }
}

#if LL_SIMD_REGISTERS == 32
#define LL_CONV_TAILS(X)                                                                                     \
    X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15) X(16)
#define LL_CONV_PAIRS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8)
#else
#define LL_CONV_TAILS(X) X(1) X(2) X(3) X(4) X(5) X(6)
#define LL_CONV_PAIRS(X) X(1) X(2) X(3)
#endif

LL_INLINE void conv_rows(const ll_conv_tile_job *job, const int S)
{
    /* Equal pieces of at most a tile: 17 columns are 9 + 8, not 16 + 1. */
    int64_t pieces = (job->out_width + LL_CONV_TILE - 1) / LL_CONV_TILE;
    int64_t piece = (job->out_width + pieces - 1) / pieces;
    bool pairs = 2 * piece <= LL_CONV_TILE;
    for (int64_t block = 0; block < job->out_blocks; ++block) {
        for (int64_t row = 0; row < job->out_height;) {
            bool two = pairs && row + 1 < job->out_height;
            for (int64_t column = 0; column < job->out_width; column += piece) {
                int64_t count = ll_min_int64(piece, job->out_width - column);
                if (two) {
                    switch (count) {
#define LL_CONV_CASE(P)                                                                                      \
    case P: conv_tile(job, 2, P, S, block, row, column); break;
                        LL_CONV_PAIRS(LL_CONV_CASE)
#undef LL_CONV_CASE
                    default: break;
                    }
                } else {
                    switch (count) {
#define LL_CONV_CASE(P)                                                                                      \
    case P: conv_tile(job, 1, P, S, block, row, column); break;
                        LL_CONV_TAILS(LL_CONV_CASE)
#undef LL_CONV_CASE
                    default: break;
                    }
                }
            }
            row += two ? 2 : 1;
        }
    }
}

static void conv_rows_4(const ll_conv_tile_job *job) { conv_rows(job, 4); }
static void conv_rows_8(const ll_conv_tile_job *job) { conv_rows(job, 8); }
static void conv_rows_16(const ll_conv_tile_job *job) { conv_rows(job, 16); }
static void conv_rows_32(const ll_conv_tile_job *job) { conv_rows(job, 32); }

static void conv_tiles(const ll_conv_tile_job *job)
{
    switch (job->pixel) {
    case 4: conv_rows_4(job); break;
    case 8: conv_rows_8(job); break;
    case 16: conv_rows_16(job); break;
    default: conv_rows_32(job); break;
    }
}

/* C consecutive input channels (or, in a 4-float scratch, neighbouring pixels too) against one output
 * block, over `rows` rows; adds to gradient[C][16]. */
LL_INLINE void gradient_tap(const float *x, int64_t x_row, int64_t x_pixel, const float *dy, int64_t rows,
                            int64_t columns, float *gradient, const int C)
{
    ll_v16 sum[16];
    LL_UNROLL
    for (int c = 0; c < C; ++c) sum[c] = v16_load(gradient + c * 16);
    for (int64_t row = 0; row < rows; ++row) {
        const float *source = x + row * x_row;
        for (int64_t column = 0; column < columns; ++column) {
            ll_v16 d = v16_load(dy);
            LL_UNROLL
            for (int c = 0; c < C; ++c) sum[c] = v16_fma(d, v16_set1(source[c]), sum[c]);
            dy += 16;
            source += x_pixel;
        }
    }
    LL_UNROLL
    for (int c = 0; c < C; ++c) v16_store(gradient + c * 16, sum[c]);
}

static void gradient_tap_16(const float *x, int64_t x_row, int64_t x_pixel, const float *dy, int64_t rows,
                            int64_t columns, float *gradient)
{
#if LL_SIMD_REGISTERS == 32
    gradient_tap(x, x_row, x_pixel, dy, rows, columns, gradient, 16);
#else
    gradient_tap(x, x_row, x_pixel, dy, rows, columns, gradient, 6);
    gradient_tap(x + 6, x_row, x_pixel, dy, rows, columns, gradient + 96, 5);
    gradient_tap(x + 11, x_row, x_pixel, dy, rows, columns, gradient + 176, 5);
#endif
}

static void gradient_tap_4(const float *x, int64_t x_row, int64_t x_pixel, const float *dy, int64_t rows,
                           int64_t columns, float *gradient)
{
    gradient_tap(x, x_row, x_pixel, dy, rows, columns, gradient, 4);
}

static void conv_gradient(const ll_conv_gradient_job *job)
{
    /* About 128 pixels at a time: both operands stay in L1 over all taps. */
    int64_t band = ll_max_int64(1, 128 / ll_max_int64(job->out_width, 1));
    bool narrow = job->pixel < 16;
    for (int64_t row = 0; row < job->out_height; row += band) {
        int64_t rows = ll_min_int64(band, job->out_height - row);
        for (int64_t out_block = 0; out_block < job->out_blocks; ++out_block) {
            const float *dy =
                job->output_gradient + ((out_block * job->out_height + row) * job->out_width) * 16;
            for (int64_t in_block = 0; in_block < job->in_blocks; ++in_block) {
                const float *x = job->image + in_block * job->in_block_stride + row * job->in_row_stride;
                float *gradient =
                    job->gradient + (out_block * job->in_blocks + in_block) * job->tap_count * 256;
                for (int64_t tap = 0; tap < job->tap_count; ++tap, gradient += 256) {
                    if (narrow)
                        gradient_tap_4(x + job->taps[tap], job->in_row_stride, job->pixel, dy, rows,
                                       job->out_width, gradient);
                    else
                        gradient_tap_16(x + job->taps[tap], job->in_row_stride, job->pixel, dy, rows,
                                        job->out_width, gradient);
                }
            }
        }
    }
}

LL_INLINE void add_wide(ll_v16 part, double *sums)
{
    float lanes[16];
    v16_store(lanes, part);
    for (int c = 0; c < 16; ++c) sums[c] += (double)lanes[c];
}

/* Sixteen pixels as four sums of four: one alone would wait for its own additions. */
static void conv_sums(const float *x, int64_t pixels, double *sums)
{
    int64_t p = 0;
    for (; p + 16 <= pixels; p += 16, x += 256) {
        ll_v16 part[4];
        LL_UNROLL
        for (int g = 0; g < 4; ++g)
            part[g] = v16_add(v16_add(v16_load(x + g * 64), v16_load(x + g * 64 + 16)),
                              v16_add(v16_load(x + g * 64 + 32), v16_load(x + g * 64 + 48)));
        add_wide(v16_add(v16_add(part[0], part[1]), v16_add(part[2], part[3])), sums);
    }
    ll_v16 part = v16_zero();
    for (; p < pixels; ++p, x += 16) part = v16_add(part, v16_load(x));
    add_wide(part, sums);
}

static void conv_moments(const float *x, int64_t pixels, double *sums, double *squares)
{
    double total[16] = {0}, rest[16] = {0}, spread[16] = {0};
    float centre[16];
    conv_sums(x, pixels, total);
    for (int c = 0; c < 16; ++c) centre[c] = (float)(total[c] / (double)pixels);
    ll_v16 middle = v16_load(centre);
    for (int64_t p = 0; p < pixels;) {
        ll_v16 first[4], second[4];
        LL_UNROLL
        for (int g = 0; g < 4; ++g) first[g] = second[g] = v16_zero();
        int64_t end = ll_min_int64(pixels, p + 64);
        for (; p + 4 <= end; p += 4, x += 64) {
            LL_UNROLL
            for (int g = 0; g < 4; ++g) {
                ll_v16 d = v16_sub(v16_load(x + g * 16), middle);
                first[g] = v16_add(first[g], d);
                second[g] = v16_fma(d, d, second[g]);
            }
        }
        for (; p < end; ++p, x += 16) {
            ll_v16 d = v16_sub(v16_load(x), middle);
            first[0] = v16_add(first[0], d);
            second[0] = v16_fma(d, d, second[0]);
        }
        LL_UNROLL
        for (int g = 0; g < 4; ++g) {
            add_wide(first[g], rest);
            add_wide(second[g], spread);
        }
    }
    for (int c = 0; c < 16; ++c) {
        double mean = (double)centre[c], count = (double)pixels;
        sums[c] += rest[c] + count * mean;
        squares[c] += spread[c] + 2 * mean * rest[c] + count * mean * mean;
    }
}

const ll_conv_isa LL_SIMD_NAME(ll_conv_isa) = {conv_tiles, conv_gradient, conv_sums, conv_moments};
