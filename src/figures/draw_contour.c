/* Filled contour bands with lines, a trajectory and marked points. Contours are found on the positions of
 * the values on the display scale (0..1), so that bands on a log scale are bands of the logarithm. */
#include "canvas.h"

#include <math.h>

enum { LEVELS_LIMIT = 256, LINES_UP_TO = 60 };

static void measure(const ll_panel *panel, const ll_figure_options *options, ll_measure *measure)
{
    const ll_figure_field *field = &panel->field;
    for (int64_t i = 0; i < field->x_count * field->y_count; i++) {
        ll_extent_add(&measure->value, field->values[i]);
        bool shown = isfinite(field->values[i]) && (options->scale != LL_SCALE_LOG || field->values[i] > 0.0);
        measure->incomplete = measure->incomplete || !shown;
    }
    const double ends_x[2] = {field->x != NULL ? field->x[0] : 0.0,
                              field->x != NULL ? field->x[field->x_count - 1] : (double)(field->x_count - 1)};
    const double ends_y[2] = {field->y != NULL ? field->y[0] : 0.0,
                              field->y != NULL ? field->y[field->y_count - 1] : (double)(field->y_count - 1)};
    for (int i = 0; i < 2; i++) {
        ll_extent_add(&measure->x, ends_x[i]);
        ll_extent_add(&measure->y, ends_y[i]);
    }
}

/* Chains come with x along axis 1 (our y) and y along axis 0 (our x). */
static void trace(ll_canvas *canvas, const ll_frame *frame, const ll_chains *chains, int64_t chain)
{
    int64_t first = chains->offsets[chain], last = chains->offsets[chain + 1];
    for (int64_t i = first; i < last; i++) {
        double x = ll_frame_x(frame, chains->points[2 * i + 1]), y = ll_frame_y(frame, chains->points[2 * i]);
        if (i == first) {
            cairo_move_to(canvas->cairo, x, y);
        } else {
            cairo_line_to(canvas->cairo, x, y);
        }
    }
    if (chains->closed[chain]) cairo_close_path(canvas->cairo);
}

static void draw_bands(ll_canvas *canvas, const ll_frame *frame, const ll_chains *rings, const double *levels,
                       int count)
{
    cairo_t *cairo = canvas->cairo;
    cairo_set_fill_rule(cairo, CAIRO_FILL_RULE_EVEN_ODD);
    for (int64_t chain = 0; chain < rings->count;) {
        int64_t item = rings->items[chain];
        cairo_new_path(cairo);
        for (; chain < rings->count && rings->items[chain] == item; chain++)
            trace(canvas, frame, rings, chain);
        /* The colour of a band is that of its middle; the outer bands end with the scale. */
        double low = item < 0 ? 0.0 : levels[item];
        double high = item + 1 < count ? levels[item + 1] : 1.0;
        ll_canvas_map_color(canvas, (low + high) / 2.0);
        cairo_fill(cairo);
    }
    cairo_set_fill_rule(cairo, CAIRO_FILL_RULE_WINDING);
}

static void draw_lines(ll_canvas *canvas, const ll_frame *frame, const ll_chains *lines, const double *levels)
{
    cairo_t *cairo = canvas->cairo;
    cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
    cairo_set_line_width(cairo, 0.35);
    for (int64_t chain = 0; chain < lines->count;) {
        int64_t item = lines->items[chain];
        double rgb[3];
        cairo_new_path(cairo);
        for (; chain < lines->count && lines->items[chain] == item; chain++)
            trace(canvas, frame, lines, chain);
        /* Dark lines on light bands, light lines on dark ones. */
        ll_colormap_at(canvas->options->colormap, levels[item], rgb);
        bool dark = 0.3 * rgb[0] + 0.59 * rgb[1] + 0.11 * rgb[2] < 0.35;
        ll_canvas_color(canvas, dark ? 0xffffff : 0x000000, dark ? 0.55 : 0.45);
        cairo_stroke(cairo);
    }
}

static void draw_path(ll_canvas *canvas, const ll_frame *frame, const ll_figure_field *field)
{
    cairo_t *cairo = canvas->cairo;
    for (int pass = 0; pass < 2; pass++) { /* a light edge under a dark line */
        cairo_new_path(cairo);
        for (int64_t i = 0; i < field->path_count; i++) {
            double x = ll_frame_x(frame, field->path[2 * i]), y = ll_frame_y(frame, field->path[2 * i + 1]);
            if (!isfinite(x) || !isfinite(y)) {
                cairo_new_sub_path(cairo);
            } else {
                cairo_line_to(cairo, x, y);
            }
        }
        ll_canvas_color(canvas, pass == 0 ? 0xffffff : 0xb4003c, 1.0);
        cairo_set_line_width(cairo, pass == 0 ? 2.0 : 1.0);
        cairo_stroke(cairo);
    }
    double radius = 0.2 * canvas->font;
    for (int64_t i = 0; i < field->path_count; i++) {
        double x = ll_frame_x(frame, field->path[2 * i]), y = ll_frame_y(frame, field->path[2 * i + 1]);
        if (!isfinite(x) || !isfinite(y)) continue;
        bool end = i == field->path_count - 1;
        if (i == 0 || end || field->path_count <= 60) {
            ll_canvas_mark(canvas, end ? LL_SHAPE_SQUARE : LL_SHAPE_DISC, x, y,
                           end || i == 0 ? 1.5 * radius : 0.6 * radius, 0xb4003c, 0xffffff);
        }
    }
}

static const ll_legend_entry looks[LL_CRITICAL_KINDS] = {
    [LL_CRITICAL_MINIMUM] = {.name = "minimum", .shape = LL_SHAPE_DISC, .color = 0x56b4e9, .mark = true},
    [LL_CRITICAL_SADDLE_1] = {.name = "saddle", .shape = LL_SHAPE_DIAMOND, .color = 0xd55e00, .mark = true},
    [LL_CRITICAL_SADDLE_2] = {.name = "2-saddle", .shape = LL_SHAPE_DIAMOND, .color = 0xe69f00, .mark = true},
    [LL_CRITICAL_MAXIMUM] = {.name = "maximum", .shape = LL_SHAPE_TRIANGLE, .color = 0x8e1b2a, .mark = true},
    [LL_CRITICAL_DEGENERATE] = {.name = "degenerate",
                                .shape = LL_SHAPE_SQUARE,
                                .color = 0x555555,
                                .mark = true},
};

/* What the marks mean, in a corner; nothing when all are alike. */
static void draw_point_legend(ll_canvas *canvas, const ll_frame *frame, const ll_figure_field *field)
{
    ll_legend_entry entries[LL_CRITICAL_KINDS];
    bool seen[LL_CRITICAL_KINDS] = {false};
    int rows = 0;
    if (field->point_kinds == NULL) return;
    for (int64_t i = 0; i < field->point_count; i++) seen[field->point_kinds[i]] = true;
    for (int k = 0; k < LL_CRITICAL_KINDS; k++) {
        if (seen[k]) entries[rows++] = looks[k];
    }
    if (rows > 0) ll_frame_legend(canvas, frame, entries, rows, LL_CORNER_UPPER_RIGHT);
}

static void draw_points(ll_canvas *canvas, const ll_frame *frame, const ll_figure_field *field)
{
    double radius = canvas->font * (field->point_count > 300 ? 0.12 : field->point_count > 60 ? 0.18 : 0.26);
    for (int64_t i = 0; i < field->point_count; i++) {
        ll_critical_kind kind = field->point_kinds != NULL ? field->point_kinds[i] : LL_CRITICAL_MINIMUM;
        ll_canvas_mark(canvas, looks[kind].shape, ll_frame_x(frame, field->points[2 * i]),
                       ll_frame_y(frame, field->points[2 * i + 1]), radius, looks[kind].color, 0xffffff);
    }
}

/* Positions on the display scale, NaN for what it cannot show; a constant field sits inside the range. */
static double *mapped_values(const ll_figure_field *field, const ll_axis *axis)
{
    int64_t count = field->x_count * field->y_count;
    double *mapped = ll_allocate_array(count > 0 ? count : 1, sizeof *mapped);
    for (int64_t i = 0; mapped != NULL && i < count; i++) {
        double value = field->values[i];
        mapped[i] = isfinite(value) ? ll_axis_position(axis, value) : NAN;
    }
    return mapped;
}

static ll_status draw(ll_canvas *canvas, const ll_panel *panel, ll_rect outer, const ll_measure *measured,
                      bool with_bar, ll_error *error)
{
    const ll_figure_field *field = &panel->field;
    const ll_figure_options *options = canvas->options;
    ll_frame frame = {.x = ll_axis_make(LL_SCALE_LINEAR, measured->x.low, measured->x.high, 0.0),
                      .y = ll_axis_make(LL_SCALE_LINEAR, measured->y.low, measured->y.high, 0.0),
                      .title = panel->title,
                      .x_label = panel->x_label != NULL ? panel->x_label : "x",
                      .y_label = panel->y_label != NULL ? panel->y_label : "y",
                      .square = true,
                      .bar = with_bar,
                      .value = ll_value_axis(options, &measured->value),
                      .value_label = panel->value_label != NULL ? panel->value_label : "value"};
    frame.below =
        measured->value.low < frame.value.low && !(options->scale == LL_SCALE_LOG && isnan(options->vmin));
    frame.above = measured->value.high > frame.value.high;
    ll_frame_layout(canvas, &frame, outer);

    double *mapped = mapped_values(field, &frame.value);
    if (mapped == NULL)
        return ll_fail_memory(error, "figures", 8 * (size_t)(field->x_count * field->y_count));
    double levels[LEVELS_LIMIT];
    int count;
    ll_axis_levels(&frame.value, options->levels, levels, LEVELS_LIMIT, &count);
    for (int i = 0; i < count; i++) levels[i] = ll_axis_position(&frame.value, levels[i]);
    ll_grid_field grid = {.type = LL_ARRAY_FLOAT64,
                          .rank = 2,
                          .shape = {field->x_count, field->y_count},
                          .values = mapped,
                          .coordinates = {field->x, field->y}};
    ll_chains rings = {0}, lines = {0};
    ll_status status = ll_filled_bands(&grid, levels, count, &rings, error);
    if (status == LL_OK && count <= LINES_UP_TO) status = ll_isolines(&grid, levels, count, &lines, error);
    ll_free(mapped);
    if (status == LL_OK) {
        if (measured->incomplete) ll_canvas_hatch(canvas, frame.plot);
        ll_frame_clip(canvas, &frame);
        draw_bands(canvas, &frame, &rings, levels, count);
        if (count <= LINES_UP_TO) draw_lines(canvas, &frame, &lines, levels);
        draw_path(canvas, &frame, field);
        draw_points(canvas, &frame, field);
        cairo_restore(canvas->cairo);
        ll_frame_draw(canvas, &frame);
        draw_point_legend(canvas, &frame, field);
        if (measured->incomplete) {
            ll_frame_remark(canvas, &frame,
                            options->scale == LL_SCALE_LOG ? "hatched: no positive finite value"
                                                           : "hatched: no finite value");
        }
    }
    ll_chains_deinit(&rings);
    ll_chains_deinit(&lines);
    return status;
}

const ll_drawer ll_draw_contour = {measure, draw, true, 0.82};
