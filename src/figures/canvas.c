#include "canvas.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { INK = 0x222222, FAINT = 0xd9d9d9 };

/* ---------------------------------------------------------------- extents */

void ll_extent_add(ll_extent *extent, double value)
{
    if (!isfinite(value)) return;
    if (value < extent->low) extent->low = value;
    if (value > extent->high) extent->high = value;
    if (value > 0.0 && value < extent->smallest_positive) extent->smallest_positive = value;
}

void ll_extent_merge(ll_extent *extent, const ll_extent *other)
{
    extent->low = fmin(extent->low, other->low);
    extent->high = fmax(extent->high, other->high);
    extent->smallest_positive = fmin(extent->smallest_positive, other->smallest_positive);
}

bool ll_extent_empty(const ll_extent *extent) { return !(extent->low <= extent->high); }

ll_axis ll_value_axis(const ll_figure_options *options, const ll_extent *extent)
{
    double low = isnan(options->vmin) ? extent->low : options->vmin;
    double high = isnan(options->vmax) ? extent->high : options->vmax;
    /* The middle of a diverging map is zero. */
    if (options->colormap == LL_COLORMAP_BALANCE && isnan(options->vmin) && isnan(options->vmax) &&
        low < 0.0 && high > 0.0) {
        high = fmax(high, -low);
        low = -high;
    }
    return ll_axis_make(options->scale, low, high, extent->smallest_positive);
}

/* ---------------------------------------------------------------- ink and text */

void ll_canvas_color(ll_canvas *canvas, uint32_t rgb, double alpha)
{
    cairo_set_source_rgba(canvas->cairo, (double)(rgb >> 16 & 0xFF) / 255.0,
                          (double)(rgb >> 8 & 0xFF) / 255.0, (double)(rgb & 0xFF) / 255.0, alpha);
}

void ll_canvas_map_color(ll_canvas *canvas, double position)
{
    double rgb[3];
    ll_colormap_at(canvas->options->colormap, position, rgb);
    cairo_set_source_rgb(canvas->cairo, rgb[0], rgb[1], rgb[2]);
}

double ll_canvas_text_width(ll_canvas *canvas, double size, const char *text)
{
    cairo_text_extents_t extents;
    cairo_set_font_size(canvas->cairo, size);
    cairo_text_extents(canvas->cairo, text, &extents);
    return extents.x_advance;
}

void ll_canvas_text(ll_canvas *canvas, double x, double y, double size, ll_align align, bool turned,
                    const char *text)
{
    if (text == NULL || text[0] == 0) return;
    double width = ll_canvas_text_width(canvas, size, text);
    double shift = align == LL_ALIGN_LEFT ? 0.0 : align == LL_ALIGN_CENTER ? -width / 2.0 : -width;
    double baseline = 0.36 * size; /* half the height of DejaVu's capitals */
    cairo_t *cairo = canvas->cairo;
    cairo_save(cairo);
    cairo_translate(cairo, x, y);
    if (turned) cairo_rotate(cairo, -1.5707963267948966);
    cairo_move_to(cairo, shift, baseline);
    cairo_show_text(cairo, text);
    cairo_restore(cairo);
    cairo_new_path(cairo);
}

/* A byte of UTF-8 that is not the first of its character. */
static bool is_continuation(char byte) { return ((unsigned char)byte & 0xC0) == 0x80; }

void ll_canvas_text_fit(ll_canvas *canvas, double x, double y, double size, ll_align align, double width,
                        const char *text)
{
    char cut[256];
    if (ll_canvas_text_width(canvas, size, text) <= width) {
        ll_canvas_text(canvas, x, y, size, align, false, text);
        return;
    }
    /* The middle goes: names of one kind begin alike ("convection(beta=1)/0") and differ at their ends. */
    size_t length = strlen(text), kept = length < sizeof cut - 4 ? length : sizeof cut - 4;
    while (kept > 0) {
        kept--;
        size_t head = kept / 3, tail = kept - head;
        while (head > 0 && is_continuation(text[head])) head--;
        while (tail > 0 && is_continuation(text[length - tail])) tail--;
        memcpy(cut, text, head);
        memcpy(cut + head, "…", 3);
        memcpy(cut + head + 3, text + length - tail, tail);
        cut[head + 3 + tail] = 0;
        if (ll_canvas_text_width(canvas, size, cut) <= width) break;
    }
    if (kept > 0) ll_canvas_text(canvas, x, y, size, align, false, cut);
}

void ll_canvas_line(ll_canvas *canvas, double x0, double y0, double x1, double y1, double width)
{
    cairo_set_line_width(canvas->cairo, width);
    cairo_move_to(canvas->cairo, x0, y0);
    cairo_line_to(canvas->cairo, x1, y1);
    cairo_stroke(canvas->cairo);
}

void ll_canvas_hatch(ll_canvas *canvas, ll_rect rect)
{
    cairo_t *cairo = canvas->cairo;
    cairo_save(cairo);
    cairo_rectangle(cairo, rect.x, rect.y, rect.width, rect.height);
    cairo_clip(cairo);
    ll_canvas_color(canvas, 0xf2f2f2, 1.0);
    cairo_paint(cairo);
    double step = 0.45 * canvas->font;
    for (double at = -rect.height; at < rect.width; at += step) {
        cairo_move_to(cairo, rect.x + at, rect.y + rect.height);
        cairo_line_to(cairo, rect.x + at + rect.height, rect.y);
    }
    ll_canvas_color(canvas, 0xa6a6a6, 1.0);
    cairo_set_line_width(cairo, 0.45);
    cairo_stroke(cairo);
    cairo_restore(cairo);
}

void ll_canvas_mark_path(ll_canvas *canvas, ll_mark_shape shape, double x, double y, double radius)
{
    cairo_t *cairo = canvas->cairo;
    switch (shape) {
    case LL_SHAPE_DISC:
        cairo_new_sub_path(cairo);
        cairo_arc(cairo, x, y, radius, 0.0, 6.283185307179586);
        break;
    case LL_SHAPE_DIAMOND:
        cairo_move_to(cairo, x, y - 1.25 * radius);
        cairo_line_to(cairo, x + 1.25 * radius, y);
        cairo_line_to(cairo, x, y + 1.25 * radius);
        cairo_line_to(cairo, x - 1.25 * radius, y);
        break;
    case LL_SHAPE_TRIANGLE:
        cairo_move_to(cairo, x, y - 1.2 * radius);
        cairo_line_to(cairo, x + 1.1 * radius, y + 0.8 * radius);
        cairo_line_to(cairo, x - 1.1 * radius, y + 0.8 * radius);
        break;
    case LL_SHAPE_SQUARE:
        cairo_rectangle(cairo, x - 0.9 * radius, y - 0.9 * radius, 1.8 * radius, 1.8 * radius);
        break;
    }
    cairo_close_path(cairo);
}

void ll_canvas_mark(ll_canvas *canvas, ll_mark_shape shape, double x, double y, double radius, uint32_t fill,
                    uint32_t stroke)
{
    cairo_t *cairo = canvas->cairo;
    cairo_new_path(cairo);
    ll_canvas_mark_path(canvas, shape, x, y, radius);
    ll_canvas_color(canvas, fill, 1.0);
    cairo_fill_preserve(cairo);
    ll_canvas_color(canvas, stroke, 1.0);
    cairo_set_line_width(cairo, 0.4);
    cairo_stroke(cairo);
}

bool ll_cells_make(ll_cells *cells, const ll_rect *plot, double size)
{
    *cells = (ll_cells){.plot = *plot, .size = size};
    cells->columns = (int64_t)(plot->width / size) + 2;
    cells->rows = (int64_t)(plot->height / size) + 2;
    cells->bytes = (size_t)(cells->columns * cells->rows);
    cells->taken = ll_allocate_zeroed(cells->bytes);
    return cells->taken != NULL;
}

bool ll_cells_take(ll_cells *cells, double x, double y)
{
    double column = floor((x - cells->plot.x) / cells->size), row = floor((y - cells->plot.y) / cells->size);
    if (!(column >= 0.0 && column < (double)cells->columns && row >= 0.0 && row < (double)cells->rows))
        return false;
    uint8_t *cell = &cells->taken[(int64_t)row * cells->columns + (int64_t)column];
    bool fresh = *cell == 0;
    *cell = 1;
    return fresh;
}

/* ---------------------------------------------------------------- frames */

static double widest_label(ll_canvas *canvas, const ll_ticks *ticks, double size)
{
    double widest = 0.0;
    for (int i = 0; i < ticks->count; i++) {
        widest = fmax(widest, ll_canvas_text_width(canvas, size, ticks->labels[i]));
    }
    return widest;
}

static double tick_size(const ll_canvas *canvas) { return 0.88 * canvas->font; }

void ll_frame_layout(ll_canvas *canvas, ll_frame *frame, ll_rect outer)
{
    double font = canvas->font, small = tick_size(canvas), pad = 0.35 * font, tick = 0.35 * font;
    double left = pad, right = pad + 0.4 * font, top = pad + 0.3 * font, bottom = pad;
    if (frame->title != NULL && frame->title[0] != 0) top += 1.45 * font;
    /* Ticks by a first guess of the plot's size; labels then decide the margins. */
    double guess_height = outer.height - 4.0 * font, guess_width = outer.width - 6.0 * font;
    if (frame->bar) guess_width -= 5.0 * font;
    if (frame->square) guess_height = guess_width = fmin(guess_height, guess_width);
    if (!frame->no_y) {
        ll_axis_ticks(&frame->y, (int)fmax(2.0, guess_height / (2.6 * font)), &frame->y_ticks);
        left += widest_label(canvas, &frame->y_ticks, small) + tick + 0.35 * font;
        if (frame->y_label != NULL && frame->y_label[0] != 0) left += 1.45 * font;
        if (frame->y_ticks.factor[0] != 0) top += 1.0 * font;
    }
    if (!frame->no_x) {
        bottom += tick + 1.3 * small;
        if (frame->x_label != NULL && frame->x_label[0] != 0) bottom += 1.4 * font;
        ll_axis_ticks(&frame->x, (int)fmax(2.0, guess_width / (4.2 * font)), &frame->x_ticks);
        if (frame->x_ticks.factor[0] != 0 && (frame->x_label == NULL || frame->x_label[0] == 0)) {
            bottom += 1.2 * font;
        }
        /* The last label may stand out on the right. */
        if (frame->x_ticks.count > 0) {
            right = fmax(right, 0.55 * ll_canvas_text_width(canvas, small,
                                                            frame->x_ticks.labels[frame->x_ticks.count - 1]));
        }
    }
    if (frame->bar) {
        ll_axis_ticks(&frame->value, (int)fmax(2.0, guess_height / (2.6 * font)), &frame->value_ticks);
        right = pad + 2.3 * font + widest_label(canvas, &frame->value_ticks, small);
        if (frame->value_label != NULL && frame->value_label[0] != 0) right += 1.5 * font;
        if (frame->value_ticks.factor[0] != 0) top = fmax(top, pad + 1.9 * font);
    }
    ll_rect plot = {outer.x + left, outer.y + top, outer.width - left - right, outer.height - top - bottom};
    plot.width = fmax(plot.width, 4.0);
    plot.height = fmax(plot.height, 4.0);
    if (frame->square) {
        double side = fmin(plot.width, plot.height);
        plot.x += (plot.width - side) / 2.0;
        plot.y += (plot.height - side) / 2.0;
        plot.width = plot.height = side;
    }
    frame->plot = plot;
    frame->right = outer.x + outer.width;
}

void ll_frame_clip(ll_canvas *canvas, const ll_frame *frame)
{
    cairo_save(canvas->cairo);
    cairo_rectangle(canvas->cairo, frame->plot.x, frame->plot.y, frame->plot.width, frame->plot.height);
    cairo_clip(canvas->cairo);
}

double ll_frame_x(const ll_frame *frame, double value)
{
    return frame->plot.x + frame->plot.width * ll_axis_position(&frame->x, value);
}

double ll_frame_y(const ll_frame *frame, double value)
{
    return frame->plot.y + frame->plot.height * (1.0 - ll_axis_position(&frame->y, value));
}

void ll_frame_title(ll_canvas *canvas, const char *title, double x, double y, double width)
{
    cairo_select_font_face(canvas->cairo, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_BOLD);
    ll_canvas_color(canvas, INK, 1.0);
    ll_canvas_text_fit(canvas, x, y, canvas->font, LL_ALIGN_LEFT, width, title);
    cairo_select_font_face(canvas->cairo, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
}

void ll_frame_grid(ll_canvas *canvas, const ll_frame *frame)
{
    const ll_rect *plot = &frame->plot;
    ll_canvas_color(canvas, 0xebebeb, 1.0);
    for (int i = 0; i < frame->x_ticks.count && !frame->no_x; i++) {
        if (frame->x_ticks.labels[i][0] == 0) continue;
        double x = ll_frame_x(frame, frame->x_ticks.values[i]);
        ll_canvas_line(canvas, x, plot->y, x, plot->y + plot->height, 0.4);
    }
    for (int i = 0; i < frame->y_ticks.count && !frame->no_y; i++) {
        if (frame->y_ticks.labels[i][0] == 0) continue;
        double y = ll_frame_y(frame, frame->y_ticks.values[i]);
        ll_canvas_line(canvas, plot->x, y, plot->x + plot->width, y, 0.4);
    }
}

void ll_canvas_axis_label(ll_canvas *canvas, double x, double y, double angle, double room, const char *text)
{
    char label[256];
    if (text == NULL) return;
    snprintf(label, sizeof label, "%s", text);
    double size = canvas->font, width = ll_canvas_text_width(canvas, size, label);
    char *bracket = strstr(label, " (");
    if (width > room && bracket != NULL && bracket != label && strstr(bracket, "×10") == NULL) {
        *bracket = 0;
        width = ll_canvas_text_width(canvas, size, label);
    }
    if (width > room) size *= fmax(0.75, room / width);
    cairo_save(canvas->cairo);
    cairo_translate(canvas->cairo, x, y);
    cairo_rotate(canvas->cairo, angle);
    ll_canvas_text_fit(canvas, 0.0, 0.0, size, LL_ALIGN_CENTER, 1.02 * room, label);
    cairo_restore(canvas->cairo);
}

void ll_frame_bar(ll_canvas *canvas, const ll_frame *frame)
{
    cairo_t *cairo = canvas->cairo;
    double font = canvas->font, small = tick_size(canvas);
    ll_rect bar = {frame->plot.x + frame->plot.width + 0.7 * font, frame->plot.y, 0.8 * font,
                   frame->plot.height};
    double tip = 0.7 * font;
    double top = bar.y + (frame->above ? tip : 0.0);
    double bottom = bar.y + bar.height - (frame->below ? tip : 0.0);
    cairo_pattern_t *gradient = cairo_pattern_create_linear(0.0, bottom, 0.0, top);
    for (int i = 0; i <= 32; i++) {
        double rgb[3];
        ll_colormap_at(canvas->options->colormap, i / 32.0, rgb);
        cairo_pattern_add_color_stop_rgb(gradient, i / 32.0, rgb[0], rgb[1], rgb[2]);
    }
    cairo_move_to(cairo, bar.x, bottom);
    if (frame->below) cairo_line_to(cairo, bar.x + bar.width / 2.0, bar.y + bar.height);
    cairo_line_to(cairo, bar.x + bar.width, bottom);
    cairo_line_to(cairo, bar.x + bar.width, top);
    if (frame->above) cairo_line_to(cairo, bar.x + bar.width / 2.0, bar.y);
    cairo_line_to(cairo, bar.x, top);
    cairo_close_path(cairo);
    cairo_set_source(cairo, gradient);
    cairo_fill_preserve(cairo);
    cairo_pattern_destroy(gradient);
    ll_canvas_color(canvas, INK, 1.0);
    cairo_set_line_width(cairo, 0.5);
    cairo_stroke(cairo);
    double edge = bar.x + bar.width;
    for (int i = 0; i < frame->value_ticks.count; i++) {
        double y = bottom - (bottom - top) * ll_axis_position(&frame->value, frame->value_ticks.values[i]);
        bool major = frame->value_ticks.labels[i][0] != 0;
        ll_canvas_line(canvas, edge, y, edge + (major ? 0.3 : 0.17) * font, y, 0.5);
        ll_canvas_text(canvas, edge + 0.5 * font, y, small, LL_ALIGN_LEFT, false,
                       frame->value_ticks.labels[i]);
    }
    ll_canvas_text(canvas, bar.x, bar.y - 0.9 * font, small, LL_ALIGN_LEFT, false, frame->value_ticks.factor);
    double label = edge + 0.5 * font + widest_label(canvas, &frame->value_ticks, small) + 0.9 * font;
    ll_canvas_axis_label(canvas, label, bar.y + bar.height / 2.0, LL_UPWARDS, 1.15 * bar.height,
                         frame->value_label);
}

void ll_frame_draw(ll_canvas *canvas, const ll_frame *frame)
{
    cairo_t *cairo = canvas->cairo;
    const ll_rect *plot = &frame->plot;
    double font = canvas->font, small = tick_size(canvas);
    double bottom = plot->y + plot->height, tick = 0.35 * font;
    ll_canvas_color(canvas, INK, 1.0);
    cairo_set_line_width(cairo, 0.6);
    cairo_rectangle(cairo, plot->x, plot->y, plot->width, plot->height);
    cairo_stroke(cairo);
    for (int i = 0; i < frame->x_ticks.count && !frame->no_x; i++) {
        double x = ll_frame_x(frame, frame->x_ticks.values[i]);
        bool major = frame->x_ticks.labels[i][0] != 0;
        ll_canvas_line(canvas, x, bottom, x, bottom + (major ? tick : 0.6 * tick), 0.6);
        ll_canvas_text(canvas, x, bottom + tick + 0.75 * small, small, LL_ALIGN_CENTER, false,
                       frame->x_ticks.labels[i]);
    }
    double widest = frame->no_y ? 0.0 : widest_label(canvas, &frame->y_ticks, small);
    for (int i = 0; i < frame->y_ticks.count && !frame->no_y; i++) {
        double y = ll_frame_y(frame, frame->y_ticks.values[i]);
        bool major = frame->y_ticks.labels[i][0] != 0;
        ll_canvas_line(canvas, plot->x - (major ? tick : 0.6 * tick), y, plot->x, y, 0.6);
        ll_canvas_text(canvas, plot->x - tick - 0.3 * font, y, small, LL_ALIGN_RIGHT, false,
                       frame->y_ticks.labels[i]);
    }
    if (!frame->no_x) {
        double y = bottom + tick + 1.3 * small + 0.75 * font;
        if (frame->x_label != NULL) {
            /* The factor joins the label: "birth (×10⁻³)". */
            char label[256];
            if (frame->x_ticks.factor[0] != 0) {
                snprintf(label, sizeof label, "%s (%s)", frame->x_label, frame->x_ticks.factor);
            } else {
                snprintf(label, sizeof label, "%s", frame->x_label);
            }
            ll_canvas_axis_label(canvas, plot->x + plot->width / 2.0, y, 0.0, 1.25 * plot->width, label);
        } else {
            ll_canvas_text(canvas, plot->x + plot->width, y, small, LL_ALIGN_RIGHT, false,
                           frame->x_ticks.factor);
        }
    }
    if (!frame->no_y) {
        double x = plot->x - tick - 0.35 * font - widest - 0.8 * font;
        ll_canvas_axis_label(canvas, x, plot->y + plot->height / 2.0, LL_UPWARDS, 1.15 * plot->height,
                             frame->y_label);
        ll_canvas_text(canvas, plot->x, plot->y - 0.75 * small, small, LL_ALIGN_LEFT, false,
                       frame->y_ticks.factor);
    }
    if (frame->title != NULL && frame->title[0] != 0) {
        double above = 0.95 * font + (!frame->no_y && frame->y_ticks.factor[0] != 0 ? 1.0 * font : 0.0);
        ll_frame_title(canvas, frame->title, plot->x, plot->y - above, frame->right - plot->x);
    }
    ll_canvas_color(canvas, INK, 1.0);
    if (frame->bar) ll_frame_bar(canvas, frame);
}

void ll_frame_note(ll_canvas *canvas, const ll_frame *frame, const char *text)
{
    ll_canvas_color(canvas, 0x666666, 1.0);
    ll_canvas_text_fit(canvas, frame->plot.x + frame->plot.width / 2.0,
                       frame->plot.y + frame->plot.height / 2.0, canvas->font, LL_ALIGN_CENTER,
                       frame->plot.width * 0.95, text);
}

void ll_frame_remark(ll_canvas *canvas, const ll_frame *frame, const char *text)
{
    double size = 0.8 * canvas->font;
    double x = frame->plot.x + frame->plot.width - 0.5 * size;
    double y = frame->plot.y + frame->plot.height - 0.9 * size;
    double width = fmin(ll_canvas_text_width(canvas, size, text), frame->plot.width - size);
    ll_canvas_color(canvas, 0xffffff, 0.85);
    cairo_rectangle(canvas->cairo, x - width - 0.3 * size, y - 0.75 * size, width + 0.6 * size, 1.5 * size);
    cairo_fill(canvas->cairo);
    ll_canvas_color(canvas, 0x444444, 1.0);
    ll_canvas_text_fit(canvas, x, y, size, LL_ALIGN_RIGHT, frame->plot.width - size, text);
}

void ll_frame_legend(ll_canvas *canvas, const ll_frame *frame, const ll_legend_entry *entries, int count,
                     ll_corner corner)
{
    double size = 0.85 * canvas->font, line = 1.35 * size, widest = 0.0;
    for (int i = 0; i < count; i++)
        widest = fmax(widest, ll_canvas_text_width(canvas, size, entries[i].name));
    widest = fmin(widest, frame->plot.width - 4.5 * size);
    ll_rect box = {0.0, 0.0, widest + 3.3 * size, count * line + 0.5 * size};
    double gap = 0.5 * size;
    bool right = corner == LL_CORNER_UPPER_RIGHT || corner == LL_CORNER_LOWER_RIGHT;
    bool lower = corner == LL_CORNER_LOWER_LEFT || corner == LL_CORNER_LOWER_RIGHT;
    box.x = right ? frame->plot.x + frame->plot.width - box.width - gap : frame->plot.x + gap;
    box.y = lower ? frame->plot.y + frame->plot.height - box.height - gap : frame->plot.y + gap;
    cairo_rectangle(canvas->cairo, box.x, box.y, box.width, box.height);
    ll_canvas_color(canvas, 0xffffff, 0.88);
    cairo_fill_preserve(canvas->cairo);
    ll_canvas_color(canvas, FAINT, 1.0);
    cairo_set_line_width(canvas->cairo, 0.4);
    cairo_stroke(canvas->cairo);
    for (int i = 0; i < count; i++) {
        double y = box.y + 0.25 * size + (i + 0.5) * line, x = box.x + 0.5 * size;
        if (entries[i].line) {
            static const double dashes[] = {3.0, 2.0};
            ll_canvas_color(canvas, entries[i].color, 1.0);
            if (entries[i].dashed) cairo_set_dash(canvas->cairo, dashes, 2, 0.0);
            ll_canvas_line(canvas, x, y, x + 1.7 * size, y, 1.1);
            cairo_set_dash(canvas->cairo, NULL, 0, 0.0);
        }
        if (entries[i].mark) {
            ll_canvas_mark(canvas, entries[i].shape, x + 0.85 * size, y, 0.3 * size, entries[i].color,
                           0xffffff);
        }
        ll_canvas_color(canvas, INK, 1.0);
        ll_canvas_text_fit(canvas, x + 2.2 * size, y, size, LL_ALIGN_LEFT, widest + 1.0, entries[i].name);
    }
}

/* One after the other from the left, as many to a line as there is room for; returns the number of lines. */
int ll_canvas_key(ll_canvas *canvas, ll_rect box, const ll_legend_entry *entries, int count, bool draw)
{
    double size = 0.85 * canvas->font, x = 0.0;
    int lines = count > 0 ? 1 : 0;
    for (int i = 0; i < count; i++) {
        double width = 1.2 * size + ll_canvas_text_width(canvas, size, entries[i].name);
        if (x > 0.0 && x + width > box.width) {
            x = 0.0;
            lines++;
        }
        double y = box.y + (lines - 0.5) * LL_KEY_LINE * canvas->font;
        if (draw) {
            ll_canvas_mark(canvas, entries[i].shape, box.x + x + 0.4 * size, y, 0.3 * size, entries[i].color,
                           0xffffff);
            ll_canvas_color(canvas, INK, 1.0);
            ll_canvas_text_fit(canvas, box.x + x + 1.1 * size, y, size, LL_ALIGN_LEFT,
                               box.width - x - 1.1 * size, entries[i].name);
        }
        x += width + size;
    }
    return lines;
}
