/* The blocked convolution against plain loops in double precision: forward with bias, residual and ReLU, both backward
 * faces, for strides, paddings, dilations, kernels and extents with remainders, on every instruction set there is. */
#include "losslens/kernels_convolution.h"
#include "support_cmocka.h"

#include <math.h>
#include <stdlib.h>

typedef struct images {
    float *x, *w, *y, *dy, *bias, *residual;
    double *forward, *dx, *dw;
} images;

static float *draw(const char *name, int64_t count)
{
    float *values = ll_allocate_array(count + 1, sizeof(float));
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)(ll_rng_uniform(ll_rng_make(2, "conv", name), (uint64_t)i) - 0.5);
    return values;
}

static void plain(const ll_conv_shape *s, images *it)
{
    int64_t taps = s->kernel[0] * s->kernel[1];
    for (int64_t o = 0; o < s->out_channels; o++)
        for (int64_t h = 0; h < s->out_height; h++)
            for (int64_t v = 0; v < s->out_width; v++) {
                int64_t at = (o * s->out_height + h) * s->out_width + v;
                double sum = 0;
                for (int64_t c = 0; c < s->in_channels; c++)
                    for (int64_t t = 0; t < taps; t++) {
                        int64_t ih = h * s->stride[0] + t / s->kernel[1] * s->dilation[0] - s->pad_begin[0];
                        int64_t iw = v * s->stride[1] + t % s->kernel[1] * s->dilation[1] - s->pad_begin[1];
                        if (ih < 0 || iw < 0 || ih >= s->in_height || iw >= s->in_width) continue;
                        int64_t x = (c * s->in_height + ih) * s->in_width + iw,
                                w = (o * s->in_channels + c) * taps + t;
                        sum += (double)it->x[x] * (double)it->w[w];
                        it->dx[x] += (double)it->w[w] * (double)it->dy[at];
                        it->dw[w] += (double)it->x[x] * (double)it->dy[at];
                    }
                it->forward[at] = sum;
            }
}

static void near(const float *got, const double *wanted, int64_t count, const char *what, int64_t number)
{
    double scale = 1e-30, worst = 0;
    for (int64_t i = 0; i < count; i++) {
        scale = fmax(scale, fabs(wanted[i]));
        worst = fmax(worst, fabs((double)got[i] - wanted[i]));
    }
    if (!(worst <= 5e-6 * scale))
        fail_msg("%s of shape %d: relative error %g", what, (int)number, worst / scale);
}

static void check(const ll_conv_shape *s, ll_conv_method method, ll_cpu_level level, int64_t number)
{
    int64_t nx = s->in_channels * s->in_height * s->in_width,
            ny = s->out_channels * s->out_height * s->out_width;
    int64_t nw = s->in_channels * s->out_channels * s->kernel[0] * s->kernel[1];
    images it = {draw("x", nx),
                 draw("w", nw),
                 ll_allocate_array(ny + 1, 4),
                 draw("dy", ny),
                 draw("bias", s->out_channels + 16),
                 draw("residual", ny),
                 ll_allocate_zeroed((size_t)ny * 8 + 8),
                 ll_allocate_zeroed((size_t)nx * 8 + 8),
                 ll_allocate_zeroed((size_t)nw * 8 + 8)};
    plain(s, &it);
    ll_conv *conv = NULL;
    CHECK_OK(ll_conv_create(s, method, level, &conv, error));
    float *xb = ll_allocate_array(ll_conv_input_count(conv), 4),
          *yb = ll_allocate_array(ll_conv_output_count(conv), 4);
    float *rb = ll_allocate_array(ll_conv_output_count(conv), 4);
    float *packed = ll_allocate_array(ll_conv_weight_count(conv), 4);
    float *bias = ll_allocate_zeroed(sizeof(float) * (size_t)(s->out_channels + 32));
    float *plain_x = ll_allocate_array(nx + 1, 4), *weights = ll_allocate_array(nw + 1, 4);
    void *space = ll_allocate(ll_conv_workspace(conv, 1, LL_CONV_TERMS));
    int64_t in_pixels = s->in_height * s->in_width, out_pixels = s->out_height * s->out_width;
    ll_conv_block(it.x, s->in_channels, in_pixels, xb);
    ll_conv_pack_forward(conv, it.w, packed);
    for (int dense = 0; dense < (method == LL_CONV_DIRECT ? 2 : 1);
         dense++) { /* a dense image as input gives the same */
        ll_conv_forward(conv, 1, &(ll_conv_term){dense ? it.x : xb, packed}, 1, dense, NULL, NULL, false, yb,
                        space);
        ll_conv_unblock(yb, s->out_channels, out_pixels, it.y);
        near(it.y, it.forward, ny, "forward", number);
    }
    for (int64_t c = 0; c < s->out_channels; c++) bias[c] = it.bias[c];
    ll_conv_block(it.residual, s->out_channels, out_pixels, rb);
    ll_conv_forward(conv, 1, &(ll_conv_term){xb, packed}, 1, false, bias, rb, true, yb, space);
    ll_conv_unblock(yb, s->out_channels, out_pixels, it.y);
    for (int64_t i = 0; i < ny; i++)
        it.forward[i] = fmax(0, it.forward[i] + (double)bias[i / out_pixels] + (double)it.residual[i]);
    near(it.y, it.forward, ny, "forward with bias, residual, ReLU", number);

    ll_conv_block(it.dy, s->out_channels, out_pixels, yb);
    ll_conv_pack_backward(conv, it.w, packed);
    float *dxb = ll_allocate_array(ll_conv_input_count(conv), 4);
    ll_conv_backward_input(conv, 1, &(ll_conv_term){yb, packed}, 1, NULL, dxb, space);
    ll_conv_unblock(dxb, s->in_channels, in_pixels, plain_x);
    near(plain_x, it.dx, nx, "input gradient", number);
    for (int64_t i = 0; i < ll_conv_weight_count(conv); i++) packed[i] = 0;
    ll_conv_backward_weights(conv, 1, &(ll_conv_term){xb, yb}, 1, false, packed, space);
    ll_conv_unpack_gradient(conv, packed, weights);
    near(weights, it.dw, nw, "weight gradient", number);
    void *all[] = {it.x, it.w, it.y, it.dy,  it.bias, it.residual, it.forward, it.dx, it.dw,
                   xb,   yb,   rb,   packed, bias,    plain_x,     weights,    space, dxb};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) ll_free(all[i]);
    ll_conv_destroy(conv);
}

/* Two convolutions that are added up, all three faces. */
static void check_terms(const ll_conv_shape *s, ll_conv_method method, ll_cpu_level level, int64_t number)
{
    int64_t nx = s->in_channels * s->in_height * s->in_width,
            ny = s->out_channels * s->out_height * s->out_width;
    int64_t nw = s->in_channels * s->out_channels * s->kernel[0] * s->kernel[1];
    int64_t in_pixels = s->in_height * s->in_width, out_pixels = s->out_height * s->out_width;
    ll_conv *conv = NULL;
    CHECK_OK(ll_conv_create(s, method, level, &conv, error));
    images it[2];
    float *xb[2], *yb[2], *forward[2], *backward[2];
    for (int t = 0; t < 2; t++) { /* both into the same sums */
        it[t] = (images){draw(t ? "x1" : "x0", nx),
                         draw(t ? "w1" : "w0", nw),
                         NULL,
                         draw(t ? "y1" : "y0", ny),
                         NULL,
                         NULL,
                         ll_allocate_zeroed((size_t)ny * 8 + 8),
                         ll_allocate_zeroed((size_t)nx * 8 + 8),
                         ll_allocate_zeroed((size_t)nw * 8 + 8)};
        plain(s, &it[t]);
        xb[t] = ll_allocate_array(ll_conv_input_count(conv), 4);
        yb[t] = ll_allocate_array(ll_conv_output_count(conv), 4);
        forward[t] = ll_allocate_array(ll_conv_weight_count(conv), 4);
        backward[t] = ll_allocate_array(ll_conv_weight_count(conv), 4);
        ll_conv_block(it[t].x, s->in_channels, in_pixels, xb[t]);
        ll_conv_block(it[t].dy, s->out_channels, out_pixels, yb[t]);
        ll_conv_pack_forward(conv, it[t].w, forward[t]);
        ll_conv_pack_backward(conv, it[t].w, backward[t]);
    }
    for (int64_t i = 0; i < ny; i++) it[0].forward[i] += it[1].forward[i];
    for (int64_t i = 0; i < nx; i++) it[0].dx[i] += it[1].dx[i];
    for (int64_t i = 0; i < nw; i++) it[0].dw[i] += it[1].dw[i];
    void *space = ll_allocate(ll_conv_workspace(conv, 1, 2));
    float *y = ll_allocate_array(ll_conv_output_count(conv), 4),
          *x = ll_allocate_array(ll_conv_input_count(conv), 4);
    float *g = ll_allocate_zeroed(sizeof(float) * (size_t)ll_conv_gradient_count(conv));
    float *flat = ll_allocate_array(ll_max_int64(nx, ll_max_int64(ny, nw)) + 1, 4);
    ll_conv_forward(conv, 1, (ll_conv_term[2]){{xb[0], forward[0]}, {xb[1], forward[1]}}, 2, false, NULL,
                    NULL, false, y, space);
    ll_conv_unblock(y, s->out_channels, out_pixels, flat);
    near(flat, it[0].forward, ny, "forward, two terms", number);
    ll_conv_backward_input(conv, 1, (ll_conv_term[2]){{yb[0], backward[0]}, {yb[1], backward[1]}}, 2, NULL, x,
                           space);
    ll_conv_unblock(x, s->in_channels, in_pixels, flat);
    near(flat, it[0].dx, nx, "input gradient, two terms", number);
    ll_conv_backward_weights(conv, 1, (ll_conv_term[2]){{xb[0], yb[0]}, {xb[1], yb[1]}}, 2, false, g, space);
    ll_conv_unpack_gradient(conv, g, flat);
    near(flat, it[0].dw, nw, "weight gradient, two terms", number);
    for (int t = 0; t < 2; t++) {
        void *all[] = {it[t].x,  it[t].w, it[t].dy, it[t].forward, it[t].dx,
                       it[t].dw, xb[t],   yb[t],    forward[t],    backward[t]};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) ll_free(all[i]);
    }
    ll_free(space);
    ll_free(x);
    ll_free(y);
    ll_free(g);
    ll_free(flat);
    ll_conv_destroy(conv);
}

static void test_shapes(void **state)
{
    (void)state;
    static const struct {
        int64_t in, out, height, width, kernel[2], stride, dilation, pad;
    } cases[] = {
        {3, 16, 32, 32, {3, 3}, 1, 1, 1},  {16, 16, 9, 33, {3, 3}, 1, 1, 1},
        {16, 32, 17, 15, {3, 3}, 2, 1, 1}, {32, 64, 8, 8, {3, 3}, 1, 1, 1},
        {16, 32, 11, 10, {1, 1}, 2, 1, 0}, {32, 16, 7, 5, {1, 1}, 1, 1, 0},
        {20, 17, 6, 13, {3, 3}, 1, 1, 1},  {4, 16, 12, 12, {5, 5}, 2, 1, 2},
        {16, 16, 14, 14, {3, 3}, 1, 2, 2}, {16, 16, 1, 40, {1, 7}, 1, 1, 0},
        {2, 16, 10, 9, {4, 2}, 2, 1, 1},   {16, 48, 5, 1, {3, 1}, 1, 1, 0},
        {16, 16, 9, 9, {2, 2}, 2, 3, 1},   {32, 48, 12, 20, {3, 3}, 1, 1, 0},
        {48, 16, 7, 6, {3, 3}, 1, 1, 1},   {16, 32, 9, 13, {3, 3}, 1, 1, 3},
    };
    ll_cpu_level most = ll_cpu_detect();
    if (most < LL_CPU_AVX2) {
        print_message("skipped: no AVX2\n");
        skip();
    }
    for (ll_cpu_level level = LL_CPU_AVX2; level <= most; level++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            ll_conv_shape shape = {cases[i].in,
                                   cases[i].out,
                                   cases[i].height,
                                   cases[i].width,
                                   0,
                                   0,
                                   {cases[i].kernel[0], cases[i].kernel[1]},
                                   {cases[i].stride, cases[i].stride},
                                   {cases[i].dilation, cases[i].dilation},
                                   {cases[i].pad, cases[i].pad}};
            int64_t *out[2] = {&shape.out_height, &shape.out_width},
                    in[2] = {shape.in_height, shape.in_width};
            for (int axis = 0; axis < 2; axis++)
                *out[axis] =
                    (in[axis] + 2 * cases[i].pad - (shape.kernel[axis] - 1) * cases[i].dilation - 1) /
                        cases[i].stride +
                    1;
            for (int method = LL_CONV_DIRECT; method <= LL_CONV_WINOGRAD; method++) {
                if (!ll_conv_method_supports(&shape, (ll_conv_method)method, level)) continue;
                check(&shape, (ll_conv_method)method, level, (int64_t)i);
                check_terms(&shape, (ll_conv_method)method, level, (int64_t)i);
            }
        }
}

/* Several images at once give each what it gets alone, bit for bit; the weight gradient is their sum. */
static void test_company(void **state)
{
    (void)state;
    enum { IMAGES = 5 };
    if (ll_cpu_detect() < LL_CPU_AVX2) {
        print_message("skipped: no AVX2\n");
        skip();
    }
    ll_conv_shape s = {32, 16, 11, 9, 11, 9, {3, 3}, {1, 1}, {1, 1}, {1, 1}};
    for (int method = LL_CONV_DIRECT; method <= LL_CONV_WINOGRAD; method++) {
        ll_conv *conv = NULL;
        CHECK_OK(ll_conv_create(&s, (ll_conv_method)method, ll_cpu_detect(), &conv, error));
        int64_t nx = ll_conv_input_count(conv), ny = ll_conv_output_count(conv),
                nw = ll_conv_weight_count(conv);
        float *x = draw("x", IMAGES * nx), *y = draw("y", IMAGES * ny), *w = draw("w", 32 * 16 * 9);
        float *forward = ll_allocate_array(nw, 4), *backward = ll_allocate_array(nw, 4);
        float *together = ll_allocate_array(IMAGES * (nx + ny), 4), *alone = ll_allocate_array(nx + ny, 4);
        float *sum = ll_allocate_zeroed((size_t)nw * 4), *one = ll_allocate_zeroed((size_t)nw * 4);
        void *space = ll_allocate(ll_conv_workspace(conv, IMAGES, 1));
        ll_conv_pack_forward(conv, w, forward);
        ll_conv_pack_backward(conv, w, backward);
        ll_conv_forward(conv, IMAGES, &(ll_conv_term){x, forward}, 1, false, NULL, y, true, together, space);
        ll_conv_backward_input(conv, IMAGES, &(ll_conv_term){y, backward}, 1, x, together + IMAGES * ny,
                               space);
        ll_conv_backward_weights(conv, IMAGES, &(ll_conv_term){x, y}, 1, false, sum, space);
        for (int64_t n = 0; n < IMAGES; n++) {
            ll_conv_forward(conv, 1, &(ll_conv_term){x + n * nx, forward}, 1, false, NULL, y + n * ny, true,
                            alone, space);
            ll_conv_backward_input(conv, 1, &(ll_conv_term){y + n * ny, backward}, 1, x + n * nx, alone + ny,
                                   space);
            ll_conv_backward_weights(conv, 1, &(ll_conv_term){x + n * nx, y + n * ny}, 1, false, one, space);
            assert_memory_equal(alone, together + n * ny, (size_t)ny * 4);
            assert_memory_equal(alone + ny, together + IMAGES * ny + n * nx, (size_t)nx * 4);
        }
        float *a = ll_allocate_array(32 * 16 * 9, 4), *b = ll_allocate_array(32 * 16 * 9, 4);
        ll_conv_unpack_gradient(conv, sum, a);
        ll_conv_unpack_gradient(conv, one, b);
        for (int i = 0; i < 32 * 16 * 9; i++) assert_true(fabsf(a[i] - b[i]) <= 1e-4f);
        void *all[] = {x, y, w, forward, backward, together, alone, sum, one, space, a, b};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) ll_free(all[i]);
        ll_conv_destroy(conv);
    }
}

/* The error of both methods beside the double-precision sum, relative to the root mean square of the result, for
 * images as they are behind a ReLU: what docs/method/execution.md says of Winograd. */
static void test_rounding(void **state)
{
    (void)state;
    if (ll_cpu_detect() < LL_CPU_AVX2) {
        print_message("skipped: no AVX2\n");
        skip();
    }
    ll_conv_shape s = {64, 16, 32, 32, 32, 32, {3, 3}, {1, 1}, {1, 1}, {1, 1}};
    int64_t nx = 64 * 1024, ny = 16 * 1024, nw = 64 * 16 * 9;
    images it = {draw("x", nx),
                 draw("w", nw),
                 ll_allocate_array(ny, 4),
                 draw("dy", ny),
                 NULL,
                 NULL,
                 ll_allocate_zeroed((size_t)ny * 8),
                 ll_allocate_zeroed((size_t)nx * 8),
                 ll_allocate_zeroed((size_t)nw * 8)};
    for (int64_t i = 0; i < nx; i++) it.x[i] = fmaxf(it.x[i], 0);
    plain(&s, &it);
    double mean[2][3], worst[2][3];
    for (int method = 0; method < 2; method++) {
        ll_conv *conv = NULL;
        CHECK_OK(ll_conv_create(&s, (ll_conv_method)method, ll_cpu_detect(), &conv, error));
        float *xb = ll_allocate_array(nx, 4), *yb = ll_allocate_array(ny, 4),
              *back = ll_allocate_array(nx, 4);
        float *packed = ll_allocate_array(ll_conv_weight_count(conv), 4), *dx = ll_allocate_array(nx, 4);
        float *sum = ll_allocate_zeroed(sizeof(float) * (size_t)ll_conv_weight_count(conv)),
              *dw = ll_allocate_array(nw, 4);
        void *space = ll_allocate(ll_conv_workspace(conv, 1, LL_CONV_TERMS));
        ll_conv_block(it.x, 64, 1024, xb);
        ll_conv_pack_forward(conv, it.w, packed);
        ll_conv_forward(conv, 1, &(ll_conv_term){xb, packed}, 1, false, NULL, NULL, false, yb, space);
        ll_conv_unblock(yb, 16, 1024, it.y);
        ll_conv_block(it.dy, 16, 1024, yb);
        ll_conv_pack_backward(conv, it.w, packed);
        ll_conv_backward_input(conv, 1, &(ll_conv_term){yb, packed}, 1, NULL, back, space);
        ll_conv_unblock(back, 64, 1024, dx);
        ll_conv_backward_weights(conv, 1, &(ll_conv_term){xb, yb}, 1, false, sum, space);
        ll_conv_unpack_gradient(conv, sum, dw);
        const float *got[3] = {it.y, dx, dw};
        const double *wanted[3] = {it.forward, it.dx, it.dw};
        int64_t counts[3] = {ny, nx, nw};
        for (int face = 0; face < 3; face++) {
            double square = 0, scale = 0;
            worst[method][face] = 0;
            for (int64_t i = 0; i < counts[face]; i++) {
                double error = (double)got[face][i] - wanted[face][i];
                square += error * error;
                scale += wanted[face][i] * wanted[face][i];
                worst[method][face] = fmax(worst[method][face], fabs(error));
            }
            mean[method][face] = sqrt(square / scale);
            worst[method][face] /= sqrt(scale / (double)counts[face]);
            print_message("%s %s: error %.2g root mean square, %.2g at worst\n",
                          method ? "winograd" : "direct",
                          face == 0   ? "forward"
                          : face == 1 ? "data"
                                      : "weight",
                          mean[method][face], worst[method][face]);
        }
        void *all[] = {xb, yb, back, packed, dx, sum, dw, space};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) ll_free(all[i]);
        ll_conv_destroy(conv);
    }
    for (int face = 0; face < 3; face++) {
        assert_true(mean[0][face] < 6e-7 && mean[1][face] < 1e-6);
        assert_true(worst[1][face] < 1e-5);
    }
    void *all[] = {it.x, it.w, it.y, it.dy, it.forward, it.dx, it.dw};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) ll_free(all[i]);
}

/* Sums and moments over pixels, with a mean far beyond the deviation: what is left after squares - sums^2 / n. */
static void test_moments(void **state)
{
    (void)state;
    if (ll_cpu_detect() < LL_CPU_AVX2) {
        print_message("skipped: no AVX2\n");
        skip();
    }
    for (ll_cpu_level level = LL_CPU_AVX2; level <= ll_cpu_detect(); level++)
        for (int64_t pixels = 1; pixels < 300; pixels += 37) {
            float *x = draw("moments", pixels * 16);
            double sums[16] = {0}, again[16] = {0}, squares[16] = {0};
            for (int64_t p = 0; p < pixels; p++)
                for (int c = 0; c < 16; c++) x[p * 16 + c] += 1000.0f * (float)c;
            ll_conv_isa_of(level)->sums(x, pixels, sums);
            ll_conv_isa_of(level)->moments(x, pixels, again, squares);
            for (int c = 0; c < 16; c++) {
                double mean = 0, variance = 0, count = (double)pixels;
                for (int64_t p = 0; p < pixels; p++) mean += (double)x[p * 16 + c] / count;
                for (int64_t p = 0; p < pixels; p++) variance += pow((double)x[p * 16 + c] - mean, 2) / count;
                assert_true(fabs(sums[c] / count - mean) <= 1e-6 * (1 + fabs(mean)));
                assert_true(fabs(again[c] / count - mean) <= 1e-7 + 1e-11 * fabs(mean));
                assert_true(fabs((squares[c] - again[c] * again[c] / count) / count - variance) <=
                            1e-6 * variance + 1e-7);
            }
            ll_free(x);
        }
    assert_null(ll_conv_isa_of(LL_CPU_PORTABLE));
}

static void test_refusals(void **state)
{
    (void)state;
    ll_conv_shape shape = {16, 16, 8, 8, 3, 3, {3, 3}, {3, 3}, {1, 1}, {1, 1}};
    assert_false(ll_conv_supports(&shape, LL_CPU_AVX512)); /* stride 3 */
    shape.stride[0] = shape.stride[1] = 1;
    assert_false(ll_conv_supports(&shape, LL_CPU_PORTABLE));
    shape.out_height = 0;
    assert_false(ll_conv_supports(&shape, LL_CPU_AVX512));
    ll_conv *conv = NULL;
    assert_int_equal(ll_conv_create(&shape, LL_CONV_DIRECT, LL_CPU_AVX512, &conv, NULL), LL_UNSUPPORTED);
    assert_null(conv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shapes), cmocka_unit_test(test_company),
                                       cmocka_unit_test(test_rounding), cmocka_unit_test(test_moments),
                                       cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
