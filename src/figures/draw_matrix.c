/* A matrix as coloured cells, with its values where they fit. */
#include "canvas.h"

#include <math.h>
#include <stdio.h>

static void measure(const ll_panel *panel, const ll_figure_options *options, ll_measure *measure)
{
    (void)options;
    for (int64_t i = 0; i < panel->matrix.rows * panel->matrix.columns; i++) {
        ll_extent_add(&measure->value, panel->matrix.values[i]);
        measure->incomplete = measure->incomplete || !isfinite(panel->matrix.values[i]);
    }
}

static double widest_name(ll_canvas *canvas, const char *const *names, int64_t count, double size)
{
    double widest = 0.0;
    for (int64_t i = 0; names != NULL && i < count; i++) {
        widest = fmax(widest, ll_canvas_text_width(canvas, size, names[i]));
    }
    return widest;
}

static ll_status draw(ll_canvas *canvas, const ll_panel *panel, ll_rect outer, const ll_measure *measured,
                      bool with_bar, ll_error *error)
{
    (void)error;
    const ll_figure_matrix *matrix = &panel->matrix;
    cairo_t *cairo = canvas->cairo;
    double font = canvas->font, small = 0.88 * font;
    ll_frame frame = {.x = {.type = LL_SCALE_LINEAR, .low = 0.0, .high = fmax(1.0, (double)matrix->columns)},
                      .y = {.type = LL_SCALE_LINEAR, .low = 0.0, .high = fmax(1.0, (double)matrix->rows)},
                      .title = panel->title,
                      .no_x = true,
                      .no_y = true,
                      .square = matrix->rows == matrix->columns,
                      .bar = with_bar,
                      .value = ll_value_axis(canvas->options, &measured->value),
                      .value_label = panel->value_label != NULL ? panel->value_label : "value"};
    frame.below = measured->value.low < frame.value.low && canvas->options->scale != LL_SCALE_LOG;
    frame.above = measured->value.high > frame.value.high;
    /* Names get at most a third of the panel; longer ones are cut. */
    double left = fmin(widest_name(canvas, matrix->row_names, matrix->rows, small), outer.width / 3.0);
    double below =
        fmin(widest_name(canvas, matrix->column_names, matrix->columns, small), outer.height / 3.0);
    ll_rect inner = {outer.x + left + 0.5 * font, outer.y, outer.width - left - 0.5 * font, 0.0};
    double column_width = (inner.width - 6.0 * font) / fmax(1.0, (double)matrix->columns);
    bool turned = below > 0.9 * column_width;
    inner.height = outer.height - (matrix->column_names == NULL ? 0.0
                                   : turned                     ? below + 0.5 * font
                                                                : 1.5 * font);
    if (panel->x_label != NULL) inner.height -= 1.5 * font;
    if (panel->y_label != NULL) {
        inner.x += 1.5 * font;
        inner.width -= 1.5 * font;
    }
    ll_frame_layout(canvas, &frame, inner);
    const ll_rect *plot = &frame.plot;
    double width = plot->width / frame.x.high, height = plot->height / frame.y.high;
    if (measured->incomplete) ll_canvas_hatch(canvas, *plot);
    /* One size for all numbers: what the longest allows. */
    double number = fmin(0.8 * font, 0.42 * height), longest = 0.0;
    for (int64_t i = 0; i < matrix->rows * matrix->columns && matrix->rows * matrix->columns <= 400; i++) {
        char text[LL_NUMBER_TEXT];
        snprintf(text, sizeof text, "%.3g", matrix->values[i]);
        longest = fmax(longest, ll_canvas_text_width(canvas, number, text));
    }
    if (longest > 0.9 * width) number *= 0.9 * width / longest;
    bool numbers = longest > 0.0 && number >= 3.5;
    for (int64_t r = 0; r < matrix->rows; r++) {
        for (int64_t c = 0; c < matrix->columns; c++) {
            double value = matrix->values[r * matrix->columns + c];
            double position = ll_axis_position(&frame.value, value);
            double x = plot->x + (double)c * width, y = plot->y + (double)r * height;
            if (isfinite(position)) {
                cairo_rectangle(cairo, x, y, width, height);
                ll_canvas_map_color(canvas, position);
                cairo_fill_preserve(cairo);
                cairo_set_line_width(cairo, 0.25); /* closes the seam to the neighbour */
                cairo_stroke(cairo);
            }
            char text[LL_NUMBER_TEXT];
            snprintf(text, sizeof text, "%.3g", value);
            if (numbers) {
                double rgb[3];
                ll_colormap_at(canvas->options->colormap, position, rgb);
                bool dark = isfinite(position) && 0.3 * rgb[0] + 0.59 * rgb[1] + 0.11 * rgb[2] < 0.5;
                ll_canvas_color(canvas, dark ? 0xffffff : 0x111111, 1.0);
                ll_canvas_text(canvas, x + width / 2.0, y + height / 2.0, number, LL_ALIGN_CENTER, false,
                               text);
            }
        }
    }
    ll_frame_draw(canvas, &frame);
    ll_canvas_color(canvas, 0x222222, 1.0);
    double every_row = ceil(1.1 * small / height), every_column = ceil((turned ? 1.1 * small : 1.0) / width);
    for (int64_t r = 0; matrix->row_names != NULL && r < matrix->rows; r += (int64_t)every_row) {
        ll_canvas_text_fit(canvas, plot->x - 0.4 * font, plot->y + ((double)r + 0.5) * height, small,
                           LL_ALIGN_RIGHT, left, matrix->row_names[r]);
    }
    for (int64_t c = 0; matrix->column_names != NULL && c < matrix->columns; c += (int64_t)every_column) {
        double x = plot->x + ((double)c + 0.5) * width, y = plot->y + plot->height;
        if (turned) {
            cairo_save(cairo);
            cairo_translate(cairo, x, y + 0.4 * font);
            cairo_rotate(cairo, -1.5707963267948966);
            ll_canvas_text_fit(canvas, 0.0, 0.0, small, LL_ALIGN_RIGHT, below, matrix->column_names[c]);
            cairo_restore(cairo);
        } else {
            ll_canvas_text(canvas, x, y + 0.9 * font, small, LL_ALIGN_CENTER, false, matrix->column_names[c]);
        }
    }
    double under = matrix->column_names == NULL ? 0.0 : turned ? below + 0.5 * font : 1.5 * font;
    if (panel->x_label != NULL) {
        ll_canvas_text(canvas, plot->x + plot->width / 2.0, plot->y + plot->height + under + 0.9 * font, font,
                       LL_ALIGN_CENTER, false, panel->x_label);
    }
    if (panel->y_label != NULL) {
        ll_canvas_text(canvas, plot->x - left - 1.4 * font, plot->y + plot->height / 2.0, font,
                       LL_ALIGN_CENTER, true, panel->y_label);
    }
    if (matrix->rows * matrix->columns == 0) ll_frame_note(canvas, &frame, "an empty matrix");
    return LL_OK;
}

const ll_drawer ll_draw_matrix = {measure, draw, true, 0.85};
