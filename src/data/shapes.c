#include "data/shapes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST_SHAPES = 4, LARGEST_SIDE = 4096 };

typedef struct shape {
    bool disc;
    double x, y, size[2], turn[2]; /* centre, half sides or radius, cosine and sine */
    double colour[3];
} shape;

/* A stream of numbers of one image. */
typedef struct drawing {
    ll_rng rng;
    uint64_t next;
} drawing;

static double between(drawing *d, double low, double high)
{
    return low + (high - low) * ll_rng_uniform(d->rng, d->next++);
}

static shape draw_shape(drawing *d, double side)
{
    shape s = {
        .disc = between(d, 0, 1) < 0.5, .x = between(d, 0.1, 0.9) * side, .y = between(d, 0.1, 0.9) * side};
    double angle = between(d, 0, 3.14159265358979323846);
    for (int k = 0; k < 2; k++) s.size[k] = between(d, 0.08, 0.28) * side;
    s.turn[0] = cos(angle);
    s.turn[1] = sin(angle);
    for (int c = 0; c < 3; c++) s.colour[c] = between(d, 0, 255);
    return s;
}

static bool covers(const shape *s, double x, double y)
{
    double dx = x - s->x, dy = y - s->y;
    if (s->disc) return dx * dx + dy * dy <= s->size[0] * s->size[0];
    return fabs(s->turn[0] * dx + s->turn[1] * dy) <= s->size[0] &&
           fabs(s->turn[0] * dy - s->turn[1] * dx) <= s->size[1];
}

static void draw_image(uint64_t seed, int64_t index, int64_t side, uint8_t *pixels, int64_t *labels)
{
    char name[32];
    shape shapes[MOST_SHAPES];
    double ground[3], slope[3][2];
    snprintf(name, sizeof name, "image %lld", (long long)index);
    drawing d = {ll_rng_make(seed, "shapes", name), 0};
    ll_rng noise = ll_rng_make(seed, "shapes noise", name);
    int count = 1 + (int)ll_rng_below(d.rng, d.next++, MOST_SHAPES);
    for (int c = 0; c < 3; c++) {
        ground[c] = between(&d, 60, 195);
        for (int k = 0; k < 2; k++) slope[c][k] = between(&d, -60, 60) / (double)side;
    }
    for (int i = 0; i < count; i++) shapes[i] = draw_shape(&d, (double)side);
    for (int64_t y = 0; y < side; y++) {
        for (int64_t x = 0; x < side; x++) {
            int top = count - 1;
            while (top >= 0 && !covers(&shapes[top], (double)x + 0.5, (double)y + 0.5)) top--;
            int64_t at = y * side + x;
            labels[at] = top < 0 ? 0 : shapes[top].disc ? 1 : 2;
            for (int c = 0; c < 3; c++) {
                double value = top >= 0 ? shapes[top].colour[c]
                                        : ground[c] + slope[c][0] * (double)(x - side / 2) +
                                              slope[c][1] * (double)(y - side / 2);
                value += 12.0 * ll_rng_normal(noise, (uint64_t)(c * side * side + at));
                pixels[c * side * side + at] = (uint8_t)lround(fmin(fmax(value, 0), 255));
            }
        }
    }
}

ll_status data_make_shapes(ll_dataset *dataset, const char *request, ll_error *error)
{
    long long number[3] = {0, 64, 0};
    char *end = NULL;
    const char *at = request;
    for (int i = 0; i < 3 && at != NULL; i++) {
        number[i] = strtoll(at, &end, 10);
        if (end == at || (*end != 0 && *end != ',')) number[0] = 0;
        at = *end == ',' ? end + 1 : NULL;
        if (number[0] == 0 || (i == 2 && at != NULL)) break;
    }
    if (number[0] < 1 || number[0] > 1000000 || number[1] < 8 || number[1] > LARGEST_SIDE || number[2] < 0 ||
        at != NULL) {
        return ll_fail(
            error, LL_INVALID_ARGUMENT, "data", request,
            "shapes:COUNT[,SIDE[,SEED]] is wanted, with 1 to 1000000 images of 8 to %d pixels a side",
            LARGEST_SIDE);
    }
    int64_t count = number[0], side = number[1], pixels = side * side;
    dataset->rank = 3;
    dataset->shape[0] = 3;
    dataset->shape[1] = dataset->shape[2] = side;
    dataset->width = 3 * pixels;
    dataset->count = count;
    dataset->classes = 3;
    dataset->label_width = pixels;
    dataset->pixels = ll_allocate_array(count, (size_t)(3 * pixels));
    dataset->labels = ll_allocate_array(count, (size_t)pixels * sizeof *dataset->labels);
    if (dataset->pixels == NULL || dataset->labels == NULL)
        return ll_fail_memory(error, "data", (size_t)(count * pixels) * 11);
    for (int64_t i = 0; i < count; i++)
        draw_image((uint64_t)number[2], i, side, dataset->pixels + i * dataset->width,
                   dataset->labels + i * pixels);
    return LL_OK;
}
