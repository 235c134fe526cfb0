/* Lines over a common axis, with bands and a legend. */
#include "canvas.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LEGEND_ROWS = 10 };

static void measure(const ll_panel *panel, const ll_figure_options *options, ll_measure *measure)
{
    (void)options;
    for (int64_t s = 0; s < panel->curves.series_count; s++) {
        const ll_figure_series *series = &panel->curves.series[s];
        for (int64_t i = 0; i < series->count; i++) {
            if (!isfinite(series->y[i])) continue;
            ll_extent_add(&measure->x, series->x[i]);
            ll_extent_add(&measure->value, series->y[i]);
            if (series->low != NULL) ll_extent_add(&measure->value, series->low[i]);
            if (series->high != NULL) ll_extent_add(&measure->value, series->high[i]);
        }
    }
}

/* A band between low and high, piece by piece where both can be shown. */
static void draw_band(ll_canvas *canvas, const ll_frame *frame, const ll_figure_series *series,
                      uint32_t color)
{
    cairo_t *cairo = canvas->cairo;
    for (int64_t start = 0; start < series->count;) {
        int64_t end = start;
        while (end < series->count && isfinite(ll_frame_y(frame, series->low[end])) &&
               isfinite(ll_frame_y(frame, series->high[end])) &&
               isfinite(ll_frame_x(frame, series->x[end]))) {
            end++;
        }
        if (end - start >= 2) {
            cairo_new_path(cairo);
            for (int64_t i = start; i < end; i++) {
                cairo_line_to(cairo, ll_frame_x(frame, series->x[i]), ll_frame_y(frame, series->low[i]));
            }
            for (int64_t i = end; i-- > start;) {
                cairo_line_to(cairo, ll_frame_x(frame, series->x[i]), ll_frame_y(frame, series->high[i]));
            }
            cairo_close_path(cairo);
            ll_canvas_color(canvas, color, 0.18);
            cairo_fill(cairo);
        }
        start = end + 1;
    }
}

static void draw_line(ll_canvas *canvas, const ll_frame *frame, const ll_figure_series *series,
                      uint32_t color)
{
    static const double dashes[] = {3.0, 2.0};
    cairo_t *cairo = canvas->cairo;
    cairo_new_path(cairo);
    for (int64_t i = series->line_from; i < series->count; i++) {
        double x = ll_frame_x(frame, series->x[i]), y = ll_frame_y(frame, series->y[i]);
        if (isfinite(x) && isfinite(y)) {
            cairo_line_to(cairo, x, y);
        } else {
            cairo_new_sub_path(cairo);
        }
    }
    ll_canvas_color(canvas, color, 1.0);
    cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
    cairo_set_line_width(cairo, 1.1);
    if (series->dashed) cairo_set_dash(cairo, dashes, 2, 0.0);
    cairo_stroke(cairo);
    cairo_set_dash(cairo, NULL, 0, 0.0);
}

/* How much of the data each corner holds: the legend goes where there is least. */
static void count_corner(const ll_frame *frame, double x, double y, int64_t load[4])
{
    double u = (x - frame->plot.x) / frame->plot.width, v = (y - frame->plot.y) / frame->plot.height;
    if (v < 0.4) load[u < 0.5 ? LL_CORNER_UPPER_LEFT : LL_CORNER_UPPER_RIGHT]++;
    if (v > 0.6) load[u < 0.5 ? LL_CORNER_LOWER_LEFT : LL_CORNER_LOWER_RIGHT]++;
}

/* Ticks that carry names, cut to the room between two of them. */
static void name_places(ll_canvas *canvas, ll_frame *frame, const ll_figure_curves *curves)
{
    double room =
        frame->plot.width / (double)(curves->place_count > 0 ? curves->place_count : 1) - 0.5 * canvas->font;
    frame->x_ticks = (ll_ticks){0};
    for (int64_t i = 0; i < curves->place_count && i < LL_TICKS_LIMIT; i++) {
        char *label = frame->x_ticks.labels[i];
        frame->x_ticks.values[i] = (double)(i + 1);
        snprintf(label, LL_TICK_TEXT, "%s", curves->places[i]);
        for (size_t end = strlen(label);
             end > 1 && ll_canvas_text_width(canvas, 0.88 * canvas->font, label) > room;) {
            while (end > 0 && ((unsigned char)label[end - 1] & 0xC0) == 0x80) end--;
            label[--end] = 0;
        }
        frame->x_ticks.count++;
    }
}

static ll_status draw(ll_canvas *canvas, const ll_panel *panel, ll_rect outer, const ll_measure *measured,
                      bool with_bar, ll_error *error)
{
    (void)with_bar;
    (void)error;
    const ll_figure_curves *curves = &panel->curves;
    ll_axis x =
        ll_axis_make(curves->x_scale, measured->x.low, measured->x.high, measured->x.smallest_positive);
    ll_axis y = ll_value_axis(canvas->options, &measured->value);
    ll_frame frame = {.x = ll_axis_widen(&x, 0.02, 0.02),
                      .y = ll_axis_widen(&y, 0.04, 0.06),
                      .title = panel->title,
                      .x_label = panel->x_label != NULL ? panel->x_label : "x",
                      .y_label = panel->y_label != NULL       ? panel->y_label
                                 : panel->value_label != NULL ? panel->value_label
                                                              : "value"};
    ll_frame_layout(canvas, &frame, outer);
    if (curves->places != NULL) name_places(canvas, &frame, curves);
    ll_frame_grid(canvas, &frame);
    ll_frame_clip(canvas, &frame);
    ll_legend_entry entries[LEGEND_ROWS];
    int rows = 0;
    int64_t points = 0, load[4] = {0, 0, 0, 0};
    for (int64_t s = 0; s < curves->series_count; s++) {
        const ll_figure_series *series = &curves->series[s];
        double rgb[3];
        ll_series_color(s, rgb);
        uint32_t color = (uint32_t)lround(rgb[0] * 255) << 16 | (uint32_t)lround(rgb[1] * 255) << 8 |
                         (uint32_t)lround(rgb[2] * 255);
        if (series->low != NULL && series->high != NULL) draw_band(canvas, &frame, series, color);
        if (!series->no_line) draw_line(canvas, &frame, series, color);
        for (int64_t i = 0; i < series->count; i++) {
            double px = ll_frame_x(&frame, series->x[i]), py = ll_frame_y(&frame, series->y[i]);
            if (!isfinite(px) || !isfinite(py)) continue;
            points++;
            bool marked = series->markers && (series->line_from == 0 || i < series->line_from);
            if (marked) ll_canvas_mark(canvas, LL_SHAPE_DISC, px, py, 0.2 * canvas->font, color, 0xffffff);
            count_corner(&frame, px, py, load);
            if (series->low != NULL) count_corner(&frame, px, ll_frame_y(&frame, series->low[i]), load);
            if (series->high != NULL) count_corner(&frame, px, ll_frame_y(&frame, series->high[i]), load);
        }
        if (series->name != NULL && rows < LEGEND_ROWS) {
            entries[rows++] = (ll_legend_entry){.name = series->name,
                                                .shape = LL_SHAPE_DISC,
                                                .color = color,
                                                .line = !series->no_line,
                                                .mark = series->markers,
                                                .dashed = series->dashed};
        }
    }
    cairo_restore(canvas->cairo);
    ll_frame_draw(canvas, &frame);
    ll_corner corner = LL_CORNER_UPPER_RIGHT;
    for (int c = 0; c < 4; c++) {
        if (load[c] < load[corner]) corner = (ll_corner)c;
    }
    if (rows > 0) ll_frame_legend(canvas, &frame, entries, rows, corner);
    if (points == 0) ll_frame_note(canvas, &frame, "no finite values");
    return LL_OK;
}

const ll_drawer ll_draw_curves = {measure, draw, false, 0.72};
