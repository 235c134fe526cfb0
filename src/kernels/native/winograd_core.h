/* The inner loops of winograd.h, written once for 16-float vectors; see simd.h. */
#include "kernels/native/simd.h"
#include "kernels/native/winograd.h"

/* The points +-a and +-b, their powers, and what they make of B. */
#define POINT_A 0.625f
#define POINT_B 1.5f
#define A2 (POINT_A * POINT_A)
#define B2 (POINT_B * POINT_B)
#define A3 (A2 * POINT_A)
#define B3 (B2 * POINT_B)

/* B' x */
LL_INLINE void to_points(const ll_v16 *x, ll_v16 *y)
{
    ll_v16 even = v16_fma(v16_set1(-B2), x[2], x[4]), odd = v16_fma(v16_set1(-B2), x[1], x[3]);
    y[0] = v16_fma(v16_set1(-(A2 + B2)), x[2], v16_fma(v16_set1(A2 * B2), x[0], x[4]));
    y[5] = v16_fma(v16_set1(-(A2 + B2)), x[3], v16_fma(v16_set1(A2 * B2), x[1], x[5]));
    y[1] = v16_fma(v16_set1(POINT_A), odd, even);
    y[2] = v16_fma(v16_set1(-POINT_A), odd, even);
    even = v16_fma(v16_set1(-A2), x[2], x[4]);
    odd = v16_fma(v16_set1(-A2), x[1], x[3]);
    y[3] = v16_fma(v16_set1(POINT_B), odd, even);
    y[4] = v16_fma(v16_set1(-POINT_B), odd, even);
}

/* A' m */
LL_INLINE void from_points(const ll_v16 *m, ll_v16 *y)
{
    ll_v16 s = v16_add(m[1], m[2]), d = v16_sub(m[1], m[2]);
    ll_v16 t = v16_add(m[3], m[4]), e = v16_sub(m[3], m[4]);
    y[0] = v16_add(v16_add(m[0], s), t);
    y[1] = v16_fma(v16_set1(POINT_B), e, v16_mul(v16_set1(POINT_A), d));
    y[2] = v16_fma(v16_set1(B2), t, v16_mul(v16_set1(A2), s));
    y[3] = v16_fma(v16_set1(B3), e, v16_fma(v16_set1(A3), d, m[5]));
}

/* A y */
LL_INLINE void spread_points(const ll_v16 *y, ll_v16 *m)
{
    ll_v16 even = v16_fma(v16_set1(A2), y[2], y[0]), odd = v16_fma(v16_set1(A2), y[3], y[1]);
    m[0] = y[0];
    m[5] = y[3];
    m[1] = v16_fma(v16_set1(POINT_A), odd, even);
    m[2] = v16_fma(v16_set1(-POINT_A), odd, even);
    even = v16_fma(v16_set1(B2), y[2], y[0]);
    odd = v16_fma(v16_set1(B2), y[3], y[1]);
    m[3] = v16_fma(v16_set1(POINT_B), odd, even);
    m[4] = v16_fma(v16_set1(-POINT_B), odd, even);
}

/* Along the columns for the whole band, then along the rows tile by tile: neighbours share two columns. */
static void winograd_input(const ll_winograd_band *band, const float *image, float *columns, float *points)
{
    static const float zeros[16] = {0};
    int64_t count = 4 * band->tiles + 2;
    const float *row[6];
    int64_t step[6];
    for (int r = 0; r < 6; ++r) {
        int64_t at = band->row + r;
        bool inside = at >= 0 && at < band->height;
        row[r] = inside ? image + at * band->width * 16 : zeros;
        step[r] = inside ? 16 : 0;
    }
    int64_t row_floats = count * 16;
    for (int64_t c = 0; c < count; ++c) {
        float *to = columns + c * 16;
        int64_t at = band->column + c;
        if (at < 0 || at >= band->width) {
            LL_UNROLL
            for (int r = 0; r < 6; ++r) v16_store(to + r * row_floats, v16_zero());
            continue;
        }
        ll_v16 x[6], y[6];
        LL_UNROLL
        for (int r = 0; r < 6; ++r) x[r] = v16_load(row[r] + at * step[r]);
        to_points(x, y);
        LL_UNROLL
        for (int r = 0; r < 6; ++r) v16_store(to + r * row_floats, y[r]);
    }
    for (int r = 0; r < 6; ++r) {
        const float *from = columns + r * row_floats;
        float *to = points + r * 6 * band->stride;
        for (int64_t tile = 0; tile < band->tiles; ++tile, from += 64, to += 16) {
            ll_v16 x[6], y[6];
            LL_UNROLL
            for (int k = 0; k < 6; ++k) x[k] = v16_load(from + k * 16);
            to_points(x, y);
            LL_UNROLL
            for (int k = 0; k < 6; ++k) v16_store(to + k * band->stride, y[k]);
        }
    }
}

static void winograd_spread(const ll_winograd_band *band, const float *image, float *points)
{
    for (int64_t tile = 0; tile < band->tiles; ++tile) {
        ll_v16 high[6][4];
        LL_UNROLL
        for (int c = 0; c < 4; ++c) {
            int64_t column = band->column + tile * 4 + c;
            ll_v16 y[4], m[6];
            LL_UNROLL
            for (int r = 0; r < 4; ++r) {
                int64_t row = band->row + r;
                bool inside = row >= 0 && row < band->height && column >= 0 && column < band->width;
                y[r] = inside ? v16_load(image + (row * band->width + column) * 16) : v16_zero();
            }
            spread_points(y, m);
            LL_UNROLL
            for (int r = 0; r < 6; ++r) high[r][c] = m[r];
        }
        LL_UNROLL
        for (int r = 0; r < 6; ++r) {
            ll_v16 m[6];
            spread_points(high[r], m);
            LL_UNROLL
            for (int k = 0; k < 6; ++k) v16_store(points + (r * 6 + k) * band->stride + tile * 16, m[k]);
        }
    }
}

LL_INLINE void output_tile(const ll_winograd_band *band, const float *points, ll_v16 start,
                           const float *residual, bool relu, int64_t rows, int64_t columns, float *image)
{
    ll_v16 high[4][6];
    LL_UNROLL
    for (int k = 0; k < 6; ++k) {
        ll_v16 m[6], y[4];
        LL_UNROLL
        for (int r = 0; r < 6; ++r) m[r] = v16_load(points + (r * 6 + k) * band->stride);
        from_points(m, y);
        LL_UNROLL
        for (int r = 0; r < 4; ++r) high[r][k] = y[r];
    }
    LL_UNROLL
    for (int r = 0; r < 4; ++r) {
        if (r >= rows) break;
        ll_v16 y[4];
        from_points(high[r], y);
        LL_UNROLL
        for (int c = 0; c < 4; ++c) {
            if (c >= columns) break;
            int64_t at = (r * band->width + c) * 16;
            ll_v16 value = v16_add(y[c], start);
            if (residual) value = v16_add(value, v16_load(residual + at));
            if (relu) value = v16_relu(value);
            v16_store(image + at, value);
        }
    }
}

static void winograd_output(const ll_winograd_band *band, const float *points, const float *bias,
                            const float *residual, bool relu, float *image)
{
    ll_v16 start = bias ? v16_load(bias) : v16_zero();
    int64_t rows = ll_min_int64(4, band->height - band->row);
    for (int64_t tile = 0; tile < band->tiles; ++tile) {
        int64_t column = band->column + tile * 4, columns = ll_min_int64(4, band->width - column);
        int64_t at = (band->row * band->width + column) * 16;
        const float *add = residual ? residual + at : NULL;
        if (rows == 4 && columns == 4)
            output_tile(band, points + tile * 16, start, add, relu, 4, 4, image + at);
        else output_tile(band, points + tile * 16, start, add, relu, rows, columns, image + at);
    }
}

#if LL_SIMD_REGISTERS == 32
#define LL_PRODUCT_TILES 16
#define LL_PRODUCT_CASES(X)                                                                                  \
    X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15) X(16)
#else
#define LL_PRODUCT_TILES 6
#define LL_PRODUCT_CASES(X) X(1) X(2) X(3) X(4) X(5) X(6)
#endif

LL_INLINE void product_tiles(const float *v, int64_t v_block_stride, int64_t in_blocks,
                             const float *const *terms, int term_count, float *m, const int P)
{
    ll_v16 sum[LL_PRODUCT_TILES];
    LL_UNROLL
    for (int p = 0; p < P; ++p) sum[p] = v16_zero();
    for (int term = 0; term < term_count; ++term) {
        const float *u = terms[term];
        for (int64_t block = 0; block < in_blocks; ++block, v += v_block_stride) {
            const float *x = v;
            for (int c = 0; c < 16; ++c, ++x, u += 16) {
                ll_v16 weight = v16_load(u);
                LL_UNROLL
                for (int p = 0; p < P; ++p) sum[p] = v16_fma(weight, v16_set1(x[p * 16]), sum[p]);
            }
        }
    }
    LL_UNROLL
    for (int p = 0; p < P; ++p) v16_store(m + p * 16, sum[p]);
}

static void winograd_product(const float *v, int64_t v_block_stride, int64_t in_blocks, int64_t tiles,
                             const float *const *u, int terms, float *m)
{
    int64_t pieces = (tiles + LL_PRODUCT_TILES - 1) / LL_PRODUCT_TILES, piece = (tiles + pieces - 1) / pieces;
    for (int64_t tile = 0; tile < tiles; tile += piece) switch (ll_min_int64(piece, tiles - tile)) {
#define LL_PRODUCT_CASE(P)                                                                                   \
    case P: product_tiles(v + tile * 16, v_block_stride, in_blocks, u, terms, m + tile * 16, P); break;
            LL_PRODUCT_CASES(LL_PRODUCT_CASE)
#undef LL_PRODUCT_CASE
        default: break;
        }
}

LL_INLINE void gradient_channels(const float *v, const float *w, int64_t tiles, bool add, float *gradient,
                                 const int C)
{
    ll_v16 sum[16];
    LL_UNROLL
    for (int c = 0; c < C; ++c) sum[c] = add ? v16_load(gradient + c * 16) : v16_zero();
    for (int64_t tile = 0; tile < tiles; ++tile, v += 16, w += 16) {
        ll_v16 d = v16_load(w);
        LL_UNROLL
        for (int c = 0; c < C; ++c) sum[c] = v16_fma(d, v16_set1(v[c]), sum[c]);
    }
    LL_UNROLL
    for (int c = 0; c < C; ++c) v16_store(gradient + c * 16, sum[c]);
}

static void winograd_add_gradient(const float *v, const float *w, int64_t tiles, bool add, float *gradient)
{
#if LL_SIMD_REGISTERS == 32
    gradient_channels(v, w, tiles, add, gradient, 16);
#else
    gradient_channels(v, w, tiles, add, gradient, 6);
    gradient_channels(v + 6, w, tiles, add, gradient + 96, 5);
    gradient_channels(v + 11, w, tiles, add, gradient + 176, 5);
#endif
}

/* G in double precision: its entries are not exact. */
#define NORM_0 (1.0 / ((double)A2 * (double)B2))
#define NORM_A (0.5 / ((double)A2 * ((double)A2 - (double)B2)))
#define NORM_B (0.5 / ((double)B2 * ((double)B2 - (double)A2)))
static const double g_rows[6][3] = {
    {NORM_0, 0, 0},
    {NORM_A, NORM_A *(double)POINT_A, NORM_A *(double)A2},
    {NORM_A, -NORM_A *(double)POINT_A, NORM_A *(double)A2},
    {NORM_B, NORM_B *(double)POINT_B, NORM_B *(double)B2},
    {NORM_B, -NORM_B *(double)POINT_B, NORM_B *(double)B2},
    {0, 0, 1},
};

static void winograd_kernel(const float *g, float *u, int64_t stride)
{
    double high[6][3][16];
    for (int r = 0; r < 6; ++r)
        for (int k = 0; k < 3; ++k)
            for (int lane = 0; lane < 16; ++lane)
                high[r][k][lane] = g_rows[r][0] * (double)g[k * 16 + lane] +
                                   g_rows[r][1] * (double)g[(3 + k) * 16 + lane] +
                                   g_rows[r][2] * (double)g[(6 + k) * 16 + lane];
    for (int r = 0; r < 6; ++r)
        for (int k = 0; k < 6; ++k)
            for (int lane = 0; lane < 16; ++lane)
                u[(r * 6 + k) * stride + lane] =
                    (float)(g_rows[k][0] * high[r][0][lane] + g_rows[k][1] * high[r][1][lane] +
                            g_rows[k][2] * high[r][2][lane]);
}

/* G' u of one column: rows 1 and 2, 3 and 4 of G differ in the sign of their middle only. */
#define ADJOINT(u0, u1, u2, u3, u4, u5, g0, g1, g2)                                                          \
    do {                                                                                                     \
        double s_ = NORM_A * ((u1) + (u2)), d_ = NORM_A * (double)POINT_A * ((u1) - (u2));                   \
        double t_ = NORM_B * ((u3) + (u4)), e_ = NORM_B * (double)POINT_B * ((u3) - (u4));                   \
        (g0) = NORM_0 * (u0) + s_ + t_;                                                                      \
        (g1) = d_ + e_;                                                                                      \
        (g2) = (double)A2 * s_ + (double)B2 * t_ + (u5);                                                     \
    } while (0)

static void winograd_kernel_adjoint(const float *u, int64_t stride, float *g, int64_t g_stride)
{
    double high[3][6][16];
    for (int k = 0; k < 6; ++k) {
        const float *row[6];
        for (int p = 0; p < 6; ++p) row[p] = u + (p * 6 + k) * stride;
        for (int lane = 0; lane < 16; ++lane)
            ADJOINT((double)row[0][lane], (double)row[1][lane], (double)row[2][lane], (double)row[3][lane],
                    (double)row[4][lane], (double)row[5][lane], high[0][k][lane], high[1][k][lane],
                    high[2][k][lane]);
    }
    for (int r = 0; r < 3; ++r)
        for (int lane = 0; lane < 16; ++lane) {
            double g0, g1, g2;
            ADJOINT(high[r][0][lane], high[r][1][lane], high[r][2][lane], high[r][3][lane], high[r][4][lane],
                    high[r][5][lane], g0, g1, g2);
            float *to = g + 3 * r * g_stride + lane;
            to[0] += (float)g0;
            to[g_stride] += (float)g1;
            to[2 * g_stride] += (float)g2;
        }
}

const ll_winograd_isa LL_SIMD_NAME(ll_winograd_isa) = {
    .input = winograd_input,
    .spread = winograd_spread,
    .output = winograd_output,
    .product = winograd_product,
    .gradient = winograd_add_gradient,
    .kernel = winograd_kernel,
    .kernel_adjoint = winograd_kernel_adjoint,
};
