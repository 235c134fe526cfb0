/* Winograd convolution over groups of tile rows; see winograd.h. */
#include "kernels/native/winograd.h"

#include <string.h>

/* Tiles of a group: their transforms stay in L2 while all weights pass by. */
enum { GROUP_TILES = 16, GRADIENT_TILES = 64 };

bool winograd_supports(const ll_conv_shape *s)
{
    for (int axis = 0; axis < 2; axis++)
        if (s->kernel[axis] != 3 || s->stride[axis] != 1 || s->dilation[axis] != 1) return false;
    if (s->in_channels % 16 != 0 || s->out_channels % 16 != 0) return false;
    /* Both faces: most of every tile must be pixels that are wanted. */
    int64_t tiles = (s->out_height + 3) / 4 * ((s->out_width + 3) / 4);
    int64_t back = (s->in_height + 3) / 4 * ((s->in_width + 3) / 4);
    return 10 * tiles <= s->out_height * s->out_width && 10 * back <= s->in_height * s->in_width;
}

typedef struct grouping {
    int64_t across, down; /* tiles of a row, rows of an image */
    int64_t rows;         /* tile rows of a group, over the images */
    int64_t tiles;        /* of a group */
    int64_t stride;       /* floats between points of one block: odd in cache lines */
} grouping;

static grouping group_tiles(const ll_winograd_face *face, int64_t images, int64_t wanted)
{
    grouping g = {.across = (face->out_width + 3) / 4, .down = (face->out_height + 3) / 4};
    g.rows = ll_min_int64(ll_max_int64(1, wanted / g.across), images * g.down);
    g.tiles = g.rows * g.across;
    g.stride = (g.tiles | 1) * 16;
    return g;
}

static int64_t column_floats(const grouping *g) { return 6 * (4 * g->across + 2) * 16; }

size_t winograd_workspace(const ll_winograd_face *face, int64_t images, int terms)
{
    grouping g = group_tiles(face, images, GROUP_TILES), w = group_tiles(face, images, GRADIENT_TILES);
    int64_t convolve = column_floats(&g) + LL_WINOGRAD_POINTS * g.stride * (terms * face->in_blocks + 1);
    int64_t gradient =
        column_floats(&w) + LL_WINOGRAD_POINTS * (w.stride * (face->in_blocks + face->out_blocks) +
                                                  face->in_blocks * face->out_blocks * 256);
    return sizeof(float) * (size_t)ll_max_int64(convolve, gradient);
}

void winograd_pack(const ll_winograd_isa *isa, int64_t in_blocks, int64_t out_blocks, const float *weights,
                   int64_t out_step, int64_t in_step, bool turned, float *packed)
{
    for (int64_t ob = 0; ob < out_blocks; ob++)
        for (int64_t i = 0; i < in_blocks * 16; i++) {
            float g[9 * 16];
            for (int64_t lane = 0; lane < 16; lane++) {
                const float *from = weights + (ob * 16 + lane) * out_step + i * in_step;
                for (int k = 0; k < 9; k++) g[k * 16 + lane] = from[turned ? 8 - k : k];
            }
            isa->kernel(g, packed + (ob * LL_WINOGRAD_POINTS * in_blocks * 16 + i) * 16, in_blocks * 256);
        }
}

/* Transforms the x of `count` tile rows from `first` on, all blocks: points[point][block][tile][16], the points
 * `stride` floats apart. */
static void transform_inputs(const ll_winograd_isa *isa, const ll_winograd_face *face, const grouping *g,
                             int64_t first, int64_t count, int64_t stride, const float *input, float *columns,
                             float *points)
{
    int64_t image = face->in_height * face->in_width * 16;
    for (int64_t r = 0; r < count; r++) {
        int64_t n = (first + r) / g->down, row = (first + r) % g->down;
        ll_winograd_band band = {.height = face->in_height,
                                 .width = face->in_width,
                                 .row = 4 * row - face->pad[0],
                                 .column = -face->pad[1],
                                 .tiles = g->across,
                                 .stride = stride};
        for (int64_t block = 0; block < face->in_blocks; block++)
            isa->input(&band, input + (n * face->in_blocks + block) * image, columns,
                       points + block * g->stride + r * g->across * 16);
    }
}

/* Transforms the output gradients of `count` tile rows likewise. */
static void spread_outputs(const ll_winograd_isa *isa, const ll_winograd_face *face, const grouping *g,
                           int64_t first, int64_t count, const float *output_gradient, float *points)
{
    int64_t image = face->out_height * face->out_width * 16;
    for (int64_t r = 0; r < count; r++) {
        int64_t n = (first + r) / g->down, row = (first + r) % g->down;
        ll_winograd_band band = {.height = face->out_height,
                                 .width = face->out_width,
                                 .row = 4 * row,
                                 .tiles = g->across,
                                 .stride = g->stride * face->out_blocks};
        for (int64_t block = 0; block < face->out_blocks; block++)
            isa->spread(&band, output_gradient + (n * face->out_blocks + block) * image,
                        points + block * g->stride + r * g->across * 16);
    }
}

void winograd_convolve(const ll_winograd_isa *isa, const ll_winograd_face *face, int64_t images,
                       const ll_conv_term *terms, int term_count, const float *bias, const float *residual,
                       bool relu, float *output, float *workspace)
{
    grouping g = group_tiles(face, images, GROUP_TILES);
    int64_t rows = images * g.down, image = face->out_height * face->out_width * 16;
    float *columns = workspace, *v = columns + column_floats(&g);
    int64_t stride = g.stride * face->in_blocks * term_count;
    float *m = v + LL_WINOGRAD_POINTS * stride;
    for (int64_t first = 0; first < rows; first += g.rows) {
        int64_t count = ll_min_int64(g.rows, rows - first);
        for (int t = 0; t < term_count; t++)
            transform_inputs(isa, face, &g, first, count, stride, terms[t].image, columns,
                             v + t * g.stride * face->in_blocks);
        for (int64_t block = 0; block < face->out_blocks; block++) {
            for (int64_t point = 0; point < LL_WINOGRAD_POINTS; point++) {
                const float *u[LL_CONV_TERMS];
                for (int t = 0; t < term_count; t++)
                    u[t] = terms[t].with + (block * LL_WINOGRAD_POINTS + point) * face->in_blocks * 256;
                isa->product(v + point * stride, g.stride, face->in_blocks, count * g.across, u, term_count,
                             m + point * g.stride);
            }
            for (int64_t r = 0; r < count; r++) {
                int64_t n = (first + r) / g.down, row = (first + r) % g.down;
                ll_winograd_band band = {.height = face->out_height,
                                         .width = face->out_width,
                                         .row = 4 * row,
                                         .tiles = g.across,
                                         .stride = g.stride};
                int64_t at = (n * face->out_blocks + block) * image;
                isa->output(&band, m + r * g.across * 16, bias ? bias + block * 16 : NULL,
                            residual ? residual + at : NULL, relu, output + at);
            }
        }
    }
}

void winograd_gradient(const ll_winograd_isa *isa, const ll_winograd_face *face, int64_t images,
                       const ll_conv_term *terms, int term_count, float *gradient, float *workspace)
{
    grouping g = group_tiles(face, images, GRADIENT_TILES);
    int64_t rows = images * g.down;
    float *columns = workspace, *v = columns + column_floats(&g);
    float *w = v + LL_WINOGRAD_POINTS * g.stride * face->in_blocks;
    float *u = w + LL_WINOGRAD_POINTS * g.stride *
                       face->out_blocks; /* [out block][point][in block][16 in][16 out] */
    for (int t = 0; t < term_count; t++)
        for (int64_t first = 0; first < rows; first += g.rows) {
            int64_t count = ll_min_int64(g.rows, rows - first);
            transform_inputs(isa, face, &g, first, count, g.stride * face->in_blocks, terms[t].image, columns,
                             v);
            spread_outputs(isa, face, &g, first, count, terms[t].with, w);
            for (int64_t point = 0; point < LL_WINOGRAD_POINTS; point++)
                for (int64_t ob = 0; ob < face->out_blocks; ob++)
                    for (int64_t ib = 0; ib < face->in_blocks; ib++)
                        isa->gradient(v + (point * face->in_blocks + ib) * g.stride,
                                      w + (point * face->out_blocks + ob) * g.stride, count * g.across,
                                      t + first > 0,
                                      u + ((ob * LL_WINOGRAD_POINTS + point) * face->in_blocks + ib) * 256);
        }
    for (int64_t ob = 0; ob < face->out_blocks; ob++)
        for (int64_t ib = 0; ib < face->in_blocks; ib++)
            for (int64_t i = 0; i < 16; i++)
                isa->kernel_adjoint(u + ((ob * LL_WINOGRAD_POINTS * face->in_blocks + ib) * 16 + i) * 16,
                                    face->in_blocks * 256,
                                    gradient + ((ob * face->in_blocks + ib) * 9 * 16 + i) * 16, 256);
}
