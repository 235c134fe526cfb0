/* A height field in three dimensions, parallel projection, with contour lines on it and a trajectory.
 * The surface is shaded into an image by a depth buffer at twice the resolution, which has neither seams nor
 * sorting errors; box, ticks and text around it stay vectors. */
#include "canvas.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LEVELS_LIMIT = 256, RASTER_LIMIT = 6000 };
static const double box_height = 0.62; /* of the box's side */

/* Right, up and towards the viewer, as unit vectors of the box. */
typedef struct camera {
    double right[3], up[3], toward[3];
    double scale, x, y; /* canvas = x + scale * right, y - scale * up */
} camera;

typedef struct raster {
    int width, height;
    double per_point; /* raster pixels to a point, supersampling included */
    double left, top; /* canvas position of the corner */
    float *depth;
    float *color; /* 3 a pixel */
} raster;

static double dot(const double a[3], const double b[3]) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

static camera camera_make(double azimuth, double elevation, ll_rect place)
{
    double a = azimuth * 0.017453292519943295, e = elevation * 0.017453292519943295;
    camera view = {.right = {-sin(a), cos(a), 0.0},
                   .up = {-sin(e) * cos(a), -sin(e) * sin(a), cos(e)},
                   .toward = {cos(e) * cos(a), cos(e) * sin(a), sin(e)}};
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (int corner = 0; corner < 8; corner++) {
        double p[3] = {corner & 1 ? 0.5 : -0.5, corner & 2 ? 0.5 : -0.5, corner & 4 ? box_height : 0.0};
        double at[2] = {dot(p, view.right), dot(p, view.up)};
        for (int k = 0; k < 2; k++) {
            low[k] = fmin(low[k], at[k]);
            high[k] = fmax(high[k], at[k]);
        }
    }
    view.scale = fmin(place.width / (high[0] - low[0]), place.height / (high[1] - low[1]));
    view.x = place.x + place.width / 2.0 - view.scale * (low[0] + high[0]) / 2.0;
    view.y = place.y + place.height / 2.0 + view.scale * (low[1] + high[1]) / 2.0;
    return view;
}

static void project(const camera *view, const double p[3], double *x, double *y)
{
    *x = view->x + view->scale * dot(p, view->right);
    *y = view->y - view->scale * dot(p, view->up);
}

/* ---------------------------------------------------------------- the surface as triangles */

typedef struct vertex {
    double p[3];  /* in the box */
    double t;     /* value's position on the display scale; NaN: none */
    double light; /* 0..1 */
    double x, y, depth;
} vertex;

typedef struct surface {
    int64_t nx, ny;
    vertex *vertices;
    const double *levels; /* positions */
    int level_count;
    const ll_figure_options *options;
} surface;

static void shade(surface *s)
{
    for (int64_t i = 0; i < s->nx; i++) {
        for (int64_t j = 0; j < s->ny; j++) {
            vertex *v = &s->vertices[i * s->ny + j];
            const vertex *west = &s->vertices[(i > 0 ? i - 1 : i) * s->ny + j];
            const vertex *east = &s->vertices[(i + 1 < s->nx ? i + 1 : i) * s->ny + j];
            const vertex *south = &s->vertices[i * s->ny + (j > 0 ? j - 1 : j)];
            const vertex *north = &s->vertices[i * s->ny + (j + 1 < s->ny ? j + 1 : j)];
            double slope_x = (east->p[2] - west->p[2]) / (east->p[0] - west->p[0]);
            double slope_y = (north->p[2] - south->p[2]) / (north->p[1] - south->p[1]);
            if (!isfinite(slope_x)) slope_x = 0.0;
            if (!isfinite(slope_y)) slope_y = 0.0;
            double length = sqrt(1.0 + slope_x * slope_x + slope_y * slope_y);
            /* A lamp above, to the left of the default camera. */
            double lambert = (0.35 * slope_x + 0.25 * slope_y + 0.9) / (length * 0.997);
            v->light = 0.72 + 0.3 * fmax(0.0, lambert);
        }
    }
}

static void fill_triangle(const surface *s, raster *image, const vertex *a, const vertex *b, const vertex *c)
{
    if (!isfinite(a->t) || !isfinite(b->t) || !isfinite(c->t)) return;
    double area = (b->x - a->x) * (c->y - a->y) - (c->x - a->x) * (b->y - a->y);
    if (fabs(area) < 1e-12) return;
    int x0 = (int)floor(fmin(a->x, fmin(b->x, c->x))), x1 = (int)ceil(fmax(a->x, fmax(b->x, c->x)));
    int y0 = (int)floor(fmin(a->y, fmin(b->y, c->y))), y1 = (int)ceil(fmax(a->y, fmax(b->y, c->y)));
    if (x0 < 0) x0 = 0;
    if (y0 < 0) y0 = 0;
    if (x1 > image->width - 1) x1 = image->width - 1;
    if (y1 > image->height - 1) y1 = image->height - 1;
    /* t is affine on the triangle: its gradient turns a distance in value into one in pixels. */
    double tx = ((b->t - a->t) * (c->y - a->y) - (c->t - a->t) * (b->y - a->y)) / area;
    double ty = ((c->t - a->t) * (b->x - a->x) - (b->t - a->t) * (c->x - a->x)) / area;
    double slope = sqrt(tx * tx + ty * ty);
    double half_line = 0.17 * image->per_point;
    for (int y = y0; y <= y1; y++) {
        for (int x = x0; x <= x1; x++) {
            double px = x + 0.5 - a->x, py = y + 0.5 - a->y;
            double wb = (px * (c->y - a->y) - (c->x - a->x) * py) / area;
            double wc = ((b->x - a->x) * py - px * (b->y - a->y)) / area, wa = 1.0 - wb - wc;
            const double edge = -1e-9;
            if (wa < edge || wb < edge || wc < edge) continue;
            double depth = wa * a->depth + wb * b->depth + wc * c->depth;
            int64_t at = (int64_t)y * image->width + x;
            if ((float)depth <= image->depth[at]) continue;
            double t = wa * a->t + wb * b->t + wc * c->t;
            if (t > 1.0 + 1e-12) continue; /* cut open above the display range */
            double light = wa * a->light + wb * b->light + wc * c->light, rgb[3], ink = 0.0;
            ll_colormap_at(s->options->colormap, t, rgb);
            for (int k = 0; k < s->level_count; k++) {
                double distance = fabs(t - s->levels[k]);
                if (distance > 0.02 && distance > 4.0 * slope) continue;
                double cover = half_line + 0.5 - distance / fmax(slope, 1e-12);
                ink = fmax(ink, fmin(1.0, cover));
            }
            image->depth[at] = (float)depth;
            bool dark = 0.3 * rgb[0] + 0.59 * rgb[1] + 0.11 * rgb[2] < 0.3;
            for (int k = 0; k < 3; k++) {
                double tone = fmin(1.0, rgb[k] * light);
                image->color[3 * at + k] =
                    (float)(tone + 0.55 * fmax(0.0, ink) * ((dark ? 1.0 : 0.0) - tone));
            }
        }
    }
}

/* ---------------------------------------------------------------- image */

static ll_status raster_make(raster *image, ll_rect place, double dots_per_inch, ll_error *error)
{
    double per_point = 2.0 * dots_per_inch / 72.0;
    double largest = fmax(place.width, place.height);
    if (largest * per_point > RASTER_LIMIT) per_point = RASTER_LIMIT / largest;
    *image = (raster){.width = 2 * ((int)ceil(place.width * per_point / 2.0) + 1),
                      .height = 2 * ((int)ceil(place.height * per_point / 2.0) + 1),
                      .per_point = per_point,
                      .left = place.x,
                      .top = place.y};
    int64_t count = (int64_t)image->width * image->height;
    image->depth = ll_allocate_array(count, sizeof(float));
    image->color = ll_allocate_array(3 * count, sizeof(float));
    if (image->depth == NULL || image->color == NULL) {
        ll_free(image->depth);
        ll_free(image->color);
        return ll_fail_memory(error, "figures", (size_t)count * 4 * sizeof(float));
    }
    for (int64_t i = 0; i < count; i++) image->depth[i] = -INFINITY;
    return LL_OK;
}

/* Halves the raster into a Cairo image (premultiplied) and paints it in its place. */
static ll_status raster_paint(ll_canvas *canvas, const raster *image, ll_error *error)
{
    int width = image->width / 2, height = image->height / 2;
    cairo_surface_t *target = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, width, height);
    if (cairo_surface_status(target) != CAIRO_STATUS_SUCCESS) {
        cairo_surface_destroy(target);
        return ll_fail_memory(error, "figures", (size_t)width * (size_t)height * 4);
    }
    cairo_surface_flush(target);
    unsigned char *bytes = cairo_image_surface_get_data(target);
    int stride = cairo_image_surface_get_stride(target);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            double sum[3] = {0.0, 0.0, 0.0}, cover = 0.0;
            for (int k = 0; k < 4; k++) {
                int64_t at = (int64_t)(2 * y + k / 2) * image->width + 2 * x + k % 2;
                if (!isfinite(image->depth[at])) continue;
                cover += 0.25;
                for (int c = 0; c < 3; c++) sum[c] += 0.25 * (double)image->color[3 * at + c];
            }
            uint32_t pixel = (uint32_t)lround(cover * 255.0) << 24;
            for (int c = 0; c < 3; c++) pixel |= (uint32_t)lround(sum[c] * 255.0) << (16 - 8 * c);
            memcpy(bytes + (size_t)y * (size_t)stride + 4 * (size_t)x, &pixel, 4);
        }
    }
    cairo_surface_mark_dirty(target);
    cairo_save(canvas->cairo);
    cairo_translate(canvas->cairo, image->left, image->top);
    cairo_scale(canvas->cairo, 2.0 / image->per_point, 2.0 / image->per_point);
    cairo_set_source_surface(canvas->cairo, target, 0.0, 0.0);
    cairo_paint(canvas->cairo);
    cairo_restore(canvas->cairo);
    cairo_surface_destroy(target);
    return LL_OK;
}

/* ---------------------------------------------------------------- box and ticks */

static void box_line(ll_canvas *canvas, const camera *view, const double a[3], const double b[3],
                     double width)
{
    double x0, y0, x1, y1;
    project(view, a, &x0, &y0);
    project(view, b, &x1, &y1);
    ll_canvas_line(canvas, x0, y0, x1, y1, width);
}

/* Light lines on the floor and the two walls behind. */
static void draw_walls(ll_canvas *canvas, const camera *view, const ll_axis axes[3], const ll_ticks ticks[3],
                       const double back[2])
{
    ll_canvas_color(canvas, 0xe2e2e2, 1.0);
    for (int axis = 0; axis < 3; axis++) {
        for (int i = 0; i < ticks[axis].count; i++) {
            if (ticks[axis].labels[i][0] == 0) continue;
            double at = ll_axis_position(&axes[axis], ticks[axis].values[i]);
            if (!(at >= -1e-9 && at <= 1.0 + 1e-9)) continue;
            if (axis == 2) {
                double z = at * box_height;
                box_line(canvas, view, (double[3]){back[0], -0.5, z}, (double[3]){back[0], 0.5, z}, 0.4);
                box_line(canvas, view, (double[3]){-0.5, back[1], z}, (double[3]){0.5, back[1], z}, 0.4);
            } else if (axis == 0) {
                double x = at - 0.5;
                box_line(canvas, view, (double[3]){x, -0.5, 0.0}, (double[3]){x, 0.5, 0.0}, 0.4);
                box_line(canvas, view, (double[3]){x, back[1], 0.0}, (double[3]){x, back[1], box_height},
                         0.4);
            } else {
                double y = at - 0.5;
                box_line(canvas, view, (double[3]){-0.5, y, 0.0}, (double[3]){0.5, y, 0.0}, 0.4);
                box_line(canvas, view, (double[3]){back[0], y, 0.0}, (double[3]){back[0], y, box_height},
                         0.4);
            }
        }
    }
    ll_canvas_color(canvas, 0xb0b0b0, 1.0);
    double b0 = back[0], b1 = back[1], f0 = -back[0], f1 = -back[1];
    box_line(canvas, view, (double[3]){b0, b1, 0.0}, (double[3]){b0, b1, box_height}, 0.5);
    box_line(canvas, view, (double[3]){b0, b1, 0.0}, (double[3]){f0, b1, 0.0}, 0.5);
    box_line(canvas, view, (double[3]){b0, b1, 0.0}, (double[3]){b0, f1, 0.0}, 0.5);
    box_line(canvas, view, (double[3]){b0, b1, box_height}, (double[3]){f0, b1, box_height}, 0.5);
    box_line(canvas, view, (double[3]){b0, b1, box_height}, (double[3]){b0, f1, box_height}, 0.5);
    box_line(canvas, view, (double[3]){f0, b1, 0.0}, (double[3]){f0, b1, box_height}, 0.5);
    box_line(canvas, view, (double[3]){b0, f1, 0.0}, (double[3]){b0, f1, box_height}, 0.5);
}

/* Ticks of the edge from a to b; `out` is the direction in which they and the labels stand, on the canvas. */
static void draw_edge(ll_canvas *canvas, const camera *view, const ll_axis *axis, const ll_ticks *ticks,
                      const double a[3], const double b[3], const double out[2], const char *label)
{
    double font = canvas->font, small = 0.85 * font, x0, y0, x1, y1, widest = 0.0;
    project(view, a, &x0, &y0);
    project(view, b, &x1, &y1);
    ll_canvas_color(canvas, 0x222222, 1.0);
    ll_canvas_line(canvas, x0, y0, x1, y1, 0.7);
    ll_align align = out[0] < -0.35 ? LL_ALIGN_RIGHT : out[0] > 0.35 ? LL_ALIGN_LEFT : LL_ALIGN_CENTER;
    double last_x = -1e9, last_y = -1e9;
    for (int i = 0; i < ticks->count; i++) {
        double at = ll_axis_position(axis, ticks->values[i]);
        if (!(at >= -1e-9 && at <= 1.0 + 1e-9)) continue;
        double x = x0 + at * (x1 - x0), y = y0 + at * (y1 - y0), length = 0.3 * font;
        ll_canvas_line(canvas, x, y, x + length * out[0], y + length * out[1], 0.6);
        double width = ll_canvas_text_width(canvas, small, ticks->labels[i]);
        /* A label that would touch the one before is left out. */
        bool free = fabs(x - last_x) > width + 0.3 * font || fabs(y - last_y) > 1.15 * small;
        if (ticks->labels[i][0] == 0 || !free) continue;
        widest = fmax(widest, width);
        ll_canvas_text(canvas, x + 1.8 * length * out[0], y + 0.95 * font * out[1], small, align, false,
                       ticks->labels[i]);
        last_x = x;
        last_y = y;
    }
    char text[256];
    if (ticks->factor[0] != 0) {
        snprintf(text, sizeof text, "%s (%s)", label, ticks->factor);
        label = text;
    }
    double mx = (x0 + x1) / 2.0, my = (y0 + y1) / 2.0;
    bool upright = fabs(x1 - x0) < 0.2 * fabs(y1 - y0);
    double length = hypot(x1 - x0, y1 - y0);
    if (upright) {
        ll_canvas_axis_label(canvas, mx + out[0] * (1.5 * font + widest), my, LL_UPWARDS, 1.3 * length,
                             label);
        return;
    }
    /* Along its edge, so that it cannot run into what stands beside the box. */
    double angle = x1 >= x0 ? atan2(y1 - y0, x1 - x0) : atan2(y0 - y1, x0 - x1);
    double gap = 1.7 * font + 0.75 * widest * fabs(out[0]) + 0.3 * font * fabs(out[1]);
    ll_canvas_axis_label(canvas, mx + gap * out[0], my + gap * out[1], angle, 1.15 * length, label);
}

/* ---------------------------------------------------------------- trajectory */

static double height_at(const ll_figure_field *field, const ll_axis axes[3], double x, double y)
{
    /* Bilinear between the grid's points. */
    int64_t index[2] = {0, 0}, count[2] = {field->x_count, field->y_count};
    const double *at[2] = {field->x, field->y};
    double part[2], target[2] = {x, y};
    for (int k = 0; k < 2; k++) {
        double first = at[k] != NULL ? at[k][0] : 0.0,
               last = at[k] != NULL ? at[k][count[k] - 1] : (double)(count[k] - 1);
        double turn = last >= first ? 1.0 : -1.0;
        if (turn * (target[k] - first) < 0.0 || turn * (target[k] - last) > 0.0) return NAN;
        while (index[k] + 2 < count[k] &&
               turn * ((at[k] != NULL ? at[k][index[k] + 1] : (double)(index[k] + 1)) - target[k]) <= 0.0) {
            index[k]++;
        }
        double low = at[k] != NULL ? at[k][index[k]] : (double)index[k];
        double high = at[k] != NULL ? at[k][index[k] + 1] : (double)(index[k] + 1);
        part[k] = high != low ? (target[k] - low) / (high - low) : 0.0;
    }
    const double *v = field->values + index[0] * field->y_count + index[1];
    double t00 = ll_axis_position(&axes[2], v[0]), t01 = ll_axis_position(&axes[2], v[1]);
    double t10 = ll_axis_position(&axes[2], v[field->y_count]),
           t11 = ll_axis_position(&axes[2], v[field->y_count + 1]);
    return (1 - part[0]) * ((1 - part[1]) * t00 + part[1] * t01) +
           part[0] * ((1 - part[1]) * t10 + part[1] * t11);
}

/* The path on the surface; `hidden`: the stretches behind it, dashed. */
static void draw_path(ll_canvas *canvas, const camera *view, const raster *image,
                      const ll_figure_field *field, const ll_axis axes[3], bool hidden)
{
    enum { PIECES = 24 };
    cairo_t *cairo = canvas->cairo;
    cairo_new_path(cairo);
    bool down = false;
    double ends[2][2] = {{NAN, NAN}, {NAN, NAN}};
    for (int64_t i = 0; i + 1 < field->path_count; i++) {
        const double *a = field->path + 2 * i, *b = a + 2;
        for (int k = 0; k <= PIECES; k++) {
            double part = (double)k / PIECES, x = a[0] + part * (b[0] - a[0]),
                   y = a[1] + part * (b[1] - a[1]);
            double t = height_at(field, axes, x, y);
            double p[3] = {ll_axis_position(&axes[0], x) - 0.5, ll_axis_position(&axes[1], y) - 0.5,
                           t * box_height};
            double px, py;
            project(view, p, &px, &py);
            int column = (int)((px - image->left) * image->per_point),
                row = (int)((py - image->top) * image->per_point);
            bool there = isfinite(t) && t <= 1.0 && column >= 0 && row >= 0 && column < image->width &&
                         row < image->height;
            bool seen = there && dot(p, view->toward) >
                                     (double)image->depth[(int64_t)row * image->width + column] - 0.02;
            bool shown = hidden ? there && !seen : seen;
            if (shown && down) cairo_line_to(cairo, px, py);
            if (shown && !down) cairo_move_to(cairo, px, py);
            down = shown;
            bool first = i == 0 && k == 0, last = i + 2 == field->path_count && k == PIECES;
            if (there && (first || last)) {
                ends[last][0] = px;
                ends[last][1] = py;
            }
        }
    }
    if (hidden) {
        cairo_set_dash(cairo, (const double[]){1.6, 1.6}, 2, 0.0);
    } else {
        ll_canvas_color(canvas, 0xffffff, 1.0);
        cairo_set_line_width(cairo, 2.0);
        cairo_stroke_preserve(cairo);
    }
    ll_canvas_color(canvas, 0xb4003c, hidden ? 0.8 : 1.0);
    cairo_set_line_width(cairo, hidden ? 0.7 : 1.1);
    cairo_stroke(cairo);
    cairo_set_dash(cairo, NULL, 0, 0.0);
    for (int end = 0; end < 2 && !hidden; end++) {
        if (!isfinite(ends[end][0])) continue;
        ll_canvas_mark(canvas, end == 1 ? LL_SHAPE_SQUARE : LL_SHAPE_DISC, ends[end][0], ends[end][1],
                       0.3 * canvas->font, 0xb4003c, 0xffffff);
    }
}

/* ---------------------------------------------------------------- panel */

static ll_status draw(ll_canvas *canvas, const ll_panel *panel, ll_rect outer, const ll_measure *measured,
                      bool with_bar, ll_error *error)
{
    const ll_figure_field *field = &panel->field;
    const ll_figure_options *options = canvas->options;
    double font = canvas->font;
    const char *value_label = panel->value_label != NULL ? panel->value_label : "value";
    ll_axis axes[3] = {ll_axis_make(LL_SCALE_LINEAR, measured->x.low, measured->x.high, 0.0),
                       ll_axis_make(LL_SCALE_LINEAR, measured->y.low, measured->y.high, 0.0),
                       ll_value_axis(options, &measured->value)};
    ll_frame frame = {.x = axes[0],
                      .y = axes[1],
                      .no_x = true,
                      .no_y = true,
                      .title = panel->title,
                      .bar = with_bar,
                      .value = axes[2],
                      .value_label = value_label};
    frame.above = measured->value.high > axes[2].high;
    frame.below = measured->value.low < axes[2].low && options->scale != LL_SCALE_LOG;
    ll_frame_layout(canvas, &frame, outer);
    ll_rect place = {frame.plot.x + 3.6 * font, frame.plot.y + 0.5 * font,
                     frame.plot.width - (with_bar ? 7.2 : 6.0) * font, frame.plot.height - 3.6 * font};
    place.width = fmax(place.width, 4.0);
    place.height = fmax(place.height, 4.0);
    camera view = camera_make(options->azimuth, options->elevation, place);
    ll_ticks ticks[3];
    for (int k = 0; k < 3; k++) {
        ll_axis_ticks(&axes[k], (int)fmax(3.0, view.scale * (k == 2 ? box_height : 0.8) / (3.6 * font)),
                      &ticks[k]);
    }

    double levels[LEVELS_LIMIT];
    int count;
    ll_axis_levels(&axes[2], options->levels, levels, LEVELS_LIMIT, &count);
    for (int i = 0; i < count; i++) levels[i] = ll_axis_position(&axes[2], levels[i]);
    surface shape = {.nx = field->x_count,
                     .ny = field->y_count,
                     .levels = levels,
                     .level_count = count,
                     .options = options};
    shape.vertices = ll_allocate_array(shape.nx * shape.ny + 1, sizeof *shape.vertices);
    if (shape.vertices == NULL) {
        return ll_fail_memory(error, "figures", (size_t)(shape.nx * shape.ny) * sizeof *shape.vertices);
    }
    raster image;
    ll_status status = raster_make(&image, place, options->dots_per_inch, error);
    if (status != LL_OK) {
        ll_free(shape.vertices);
        return status;
    }
    for (int64_t i = 0; i < shape.nx; i++) {
        for (int64_t j = 0; j < shape.ny; j++) {
            vertex *v = &shape.vertices[i * shape.ny + j];
            double value = field->values[i * shape.ny + j], canvas_x, canvas_y;
            v->t = isfinite(value) ? ll_axis_position(&axes[2], value) : NAN;
            v->p[0] = ll_axis_position(&axes[0], field->x != NULL ? field->x[i] : (double)i) - 0.5;
            v->p[1] = ll_axis_position(&axes[1], field->y != NULL ? field->y[j] : (double)j) - 0.5;
            v->p[2] = box_height * fmax(v->t, 0.0);
            project(&view, v->p, &canvas_x, &canvas_y);
            v->x = (canvas_x - image.left) * image.per_point;
            v->y = (canvas_y - image.top) * image.per_point;
            v->depth = dot(v->p, view.toward);
        }
    }
    shade(&shape);
    for (int64_t i = 0; i + 1 < shape.nx; i++) {
        for (int64_t j = 0; j + 1 < shape.ny; j++) {
            const vertex *v = &shape.vertices[i * shape.ny + j], *w = v + shape.ny;
            fill_triangle(&shape, &image, v, w, v + 1);
            fill_triangle(&shape, &image, w, w + 1, v + 1);
        }
    }

    double a = options->azimuth * 0.017453292519943295;
    double back[2] = {cos(a) > 0.0 ? -0.5 : 0.5, sin(a) > 0.0 ? -0.5 : 0.5};
    double front[2] = {-back[0], -back[1]};
    draw_walls(canvas, &view, axes, ticks, back);
    status = raster_paint(canvas, &image, error);
    draw_path(canvas, &view, &image, field, axes, true);
    draw_path(canvas, &view, &image, field, axes, false);

    /* Ticks point away from the box's middle, as it appears. */
    double center[2], end[2], middle[3] = {0.0, 0.0, 0.0};
    project(&view, middle, &center[0], &center[1]);
    for (int axis = 0; axis < 2; axis++) {
        double p[3] = {0.0, 0.0, 0.0}, from[3], to[3];
        p[1 - axis] = front[1 - axis];
        project(&view, p, &end[0], &end[1]);
        double out[2] = {end[0] - center[0], end[1] - center[1]}, length = hypot(out[0], out[1]);
        if (length > 0.0) {
            out[0] /= length;
            out[1] /= length;
        }
        memcpy(from, p, sizeof from);
        memcpy(to, p, sizeof to);
        from[axis] = -0.5;
        to[axis] = 0.5;
        draw_edge(canvas, &view, &axes[axis], &ticks[axis], from, to, out,
                  axis == 0 ? (panel->x_label != NULL ? panel->x_label : "x")
                            : (panel->y_label != NULL ? panel->y_label : "y"));
    }
    /* The upright edge on the left silhouette. */
    double sides[2][3] = {{front[0], back[1], 0.0}, {back[0], front[1], 0.0}}, left = INFINITY;
    int chosen = 0;
    for (int k = 0; k < 2; k++) {
        double x, y;
        project(&view, sides[k], &x, &y);
        if (x < left) {
            left = x;
            chosen = k;
        }
    }
    double top[3] = {sides[chosen][0], sides[chosen][1], box_height};
    if (options->elevation < 80.0) {
        draw_edge(canvas, &view, &axes[2], &ticks[2], sides[chosen], top, (double[2]){-1.0, 0.0},
                  value_label);
    }
    if (panel->title != NULL) {
        ll_frame_title(canvas, panel->title, frame.plot.x, frame.plot.y - 0.95 * font,
                       frame.right - frame.plot.x);
    }
    ll_canvas_color(canvas, 0x222222, 1.0);
    if (with_bar) ll_frame_bar(canvas, &frame);
    ll_free(image.depth);
    ll_free(image.color);
    ll_free(shape.vertices);
    return status;
}

static void measure(const ll_panel *panel, const ll_figure_options *options, ll_measure *measured)
{
    ll_draw_contour.measure(panel, options, measured);
}

const ll_drawer ll_draw_surface = {measure, draw, true, 0.8};
