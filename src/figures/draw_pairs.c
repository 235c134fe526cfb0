/* The persistence diagram and the barcode. */
#include "canvas.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const uint32_t dimension_colors[3] = {0x0072b2, 0x009e73, 0xcc79a7};
static const char *const dimension_names[3] = {"components", "loops", "voids"};
enum { ESSENTIAL = 0xd55e00, CROWD = 2000, BARCODE_BARS = 250 };

static void measure(const ll_panel *panel, const ll_figure_options *options, ll_measure *measure)
{
    (void)options;
    for (int64_t i = 0; i < panel->pairs.count; i++) {
        const ll_persistence_pair *pair = &panel->pairs.pairs[i];
        ll_extent_add(&measure->value, pair->birth_value);
        ll_extent_add(&measure->value, pair->death_value);
        measure->essential += pair->essential;
    }
}

static bool is_shown(const ll_persistence_pair *pair)
{
    return pair->essential || pair->birth_value != pair->death_value;
}

static int dimension_of(const ll_persistence_pair *pair)
{
    return pair->dimension >= 0 && pair->dimension < 3 ? pair->dimension : 0;
}

/* Most persistent first, essential ones before all; ties by birth vertex. */
static int by_persistence(const void *left, const void *right)
{
    const ll_persistence_pair *a = *(const ll_persistence_pair *const *)left;
    const ll_persistence_pair *b = *(const ll_persistence_pair *const *)right;
    if (a->essential != b->essential) return a->essential ? -1 : 1;
    double pa = ll_pair_persistence(a), pb = ll_pair_persistence(b);
    if (pa != pb) return pa > pb ? -1 : 1;
    return (a->birth > b->birth) - (a->birth < b->birth);
}

/* By dimension, then birth, for the barcode's rows from below. */
static int by_birth(const void *left, const void *right)
{
    const ll_persistence_pair *a = *(const ll_persistence_pair *const *)left;
    const ll_persistence_pair *b = *(const ll_persistence_pair *const *)right;
    if (a->dimension != b->dimension) return a->dimension < b->dimension ? -1 : 1;
    if (a->birth_value != b->birth_value) return a->birth_value < b->birth_value ? -1 : 1;
    return (a->birth > b->birth) - (a->birth < b->birth);
}

/* Pointers to the pairs that are drawn, at most `limit`, the most persistent ones. */
static ll_status select_pairs(const ll_figure_pairs *pairs, int64_t limit,
                              const ll_persistence_pair ***chosen, int64_t *count, int64_t *all,
                              ll_error *error)
{
    const ll_persistence_pair **list = ll_allocate_array(pairs->count > 0 ? pairs->count : 1, sizeof *list);
    if (list == NULL) return ll_fail_memory(error, "figures", (size_t)pairs->count * sizeof *list);
    int64_t n = 0;
    for (int64_t i = 0; i < pairs->count; i++) {
        if (is_shown(&pairs->pairs[i])) list[n++] = &pairs->pairs[i];
    }
    qsort(list, (size_t)n, sizeof *list, by_persistence);
    *all = n;
    *count = n < limit ? n : limit;
    *chosen = list;
    return LL_OK;
}

static int legend_of(const ll_persistence_pair *const *chosen, int64_t count, ll_legend_entry entries[4],
                     bool line)
{
    bool seen[3] = {false, false, false}, essential = false;
    int rows = 0;
    for (int64_t i = 0; i < count; i++) {
        if (chosen[i]->essential) {
            essential = true;
        } else {
            seen[dimension_of(chosen[i])] = true;
        }
    }
    for (int d = 0; d < 3; d++) {
        if (seen[d]) {
            entries[rows++] = (ll_legend_entry){.name = dimension_names[d],
                                                .shape = LL_SHAPE_DISC,
                                                .color = dimension_colors[d],
                                                .mark = !line,
                                                .line = line};
        }
    }
    if (essential) {
        entries[rows++] = (ll_legend_entry){
            .name = "essential", .shape = LL_SHAPE_SQUARE, .color = ESSENTIAL, .mark = !line, .line = line};
    }
    return rows;
}

static ll_status draw_diagram(ll_canvas *canvas, const ll_panel *panel, ll_rect outer,
                              const ll_measure *measured, bool with_bar, ll_error *error)
{
    (void)with_bar;
    const ll_persistence_pair **chosen;
    int64_t count, all;
    LL_TRY(select_pairs(&panel->pairs, INT64_MAX, &chosen, &count, &all, error));
    ll_axis axis = ll_value_axis(canvas->options, &measured->value);
    ll_axis wide = ll_axis_widen(&axis, 0.03, 0.03); /* so that no mark sits on the frame */
    ll_frame frame = {.x = wide,
                      .y = wide,
                      .title = panel->title,
                      .square = true,
                      .x_label = panel->x_label != NULL ? panel->x_label : "birth",
                      .y_label = panel->y_label != NULL ? panel->y_label : "death"};
    ll_frame_layout(canvas, &frame, outer);
    ll_frame_grid(canvas, &frame);
    cairo_t *cairo = canvas->cairo;
    const ll_rect *plot = &frame.plot;
    ll_canvas_color(canvas, 0x888888, 1.0);
    ll_canvas_line(canvas, plot->x, plot->y + plot->height, plot->x + plot->width, plot->y, 0.7);
    cairo_save(cairo);
    cairo_rectangle(cairo, plot->x, plot->y, plot->width, plot->height);
    cairo_clip(cairo);
    double radius = fmax(0.7, canvas->font * (count > CROWD ? 0.09 : count > 200 ? 0.18 : 0.26));
    ll_cells cells;
    if (!ll_cells_make(&cells, plot, 0.7 * radius)) {
        cairo_restore(cairo);
        ll_free(chosen);
        return ll_fail_memory(error, "figures", cells.bytes);
    }
    /* From the least persistent to the most, which end on top; in a crowd one mark a cell, as plain squares. */
    for (int64_t i = count; i-- > 0;) {
        const ll_persistence_pair *pair = chosen[i];
        double death = isfinite(pair->death_value) ? pair->death_value
                                                   : (pair->death_value > 0.0 ? wide.high : wide.low);
        double x = ll_frame_x(&frame, pair->birth_value), y = ll_frame_y(&frame, death);
        if (!isfinite(x) || !isfinite(y)) continue;
        if (pair->essential) {
            ll_canvas_mark(canvas, LL_SHAPE_SQUARE, x, y, radius * 1.2, ESSENTIAL, 0xffffff);
        } else if (count <= CROWD) {
            ll_canvas_mark(canvas, LL_SHAPE_DISC, x, y, radius, dimension_colors[dimension_of(pair)],
                           0xffffff);
        } else if (ll_cells_take(&cells, x, y)) {
            cairo_rectangle(cairo, x - 0.7 * radius, y - 0.7 * radius, 1.4 * radius, 1.4 * radius);
            ll_canvas_color(canvas, dimension_colors[dimension_of(pair)], 1.0);
            cairo_fill(cairo);
        }
    }
    ll_free(cells.taken);
    cairo_restore(cairo);
    ll_frame_draw(canvas, &frame);
    ll_legend_entry entries[4];
    int rows = legend_of(chosen, count, entries, false);
    /* Sublevel pairs lie above the diagonal, superlevel ones below: the legend goes to the other side. */
    bool below = count > 0 && chosen[count - 1]->death_value < chosen[count - 1]->birth_value;
    if (rows > 0) {
        ll_frame_legend(canvas, &frame, entries, rows, below ? LL_CORNER_UPPER_LEFT : LL_CORNER_LOWER_RIGHT);
    }
    if (all == 0) ll_frame_note(canvas, &frame, "no pairs");
    ll_free(chosen);
    return LL_OK;
}

static ll_status draw_barcode(ll_canvas *canvas, const ll_panel *panel, ll_rect outer,
                              const ll_measure *measured, bool with_bar, ll_error *error)
{
    (void)with_bar;
    const ll_persistence_pair **chosen;
    int64_t count, all;
    LL_TRY(select_pairs(&panel->pairs, BARCODE_BARS, &chosen, &count, &all, error));
    ll_legend_entry entries[4];
    int rows = legend_of(chosen, count, entries, true);
    qsort(chosen, (size_t)count, sizeof *chosen, by_birth);
    ll_axis axis = ll_value_axis(canvas->options, &measured->value);
    ll_axis wide = ll_axis_widen(&axis, 0.02, 0.05);
    char label[96];
    if (count < all) {
        snprintf(label, sizeof label, "%lld of %lld pairs", (long long)count, (long long)all);
    } else {
        snprintf(label, sizeof label, "%lld %s", (long long)all, all == 1 ? "pair" : "pairs");
    }
    ll_frame frame = {.x = wide,
                      .y = {.type = LL_SCALE_LINEAR, .low = 0.0, .high = 1.0},
                      .title = panel->title,
                      .x_label = panel->x_label != NULL       ? panel->x_label
                                 : panel->value_label != NULL ? panel->value_label
                                                              : "value",
                      .no_y = true};
    ll_rect inner = outer; /* room for the count on the left */
    inner.x += 1.4 * canvas->font;
    inner.width -= 1.4 * canvas->font;
    ll_frame_layout(canvas, &frame, inner);
    ll_frame_grid(canvas, &frame);
    cairo_t *cairo = canvas->cairo;
    const ll_rect *plot = &frame.plot;
    /* Rows fill the plot; the legend keeps a strip of its own below the top edge. */
    double head = rows > 0 ? 0.85 * canvas->font * (1.35 * rows + 1.3) : 0.6 * canvas->font;
    if (head > 0.45 * plot->height) head = 0.45 * plot->height;
    double step = (plot->height - head - 0.6 * canvas->font) / (double)(count > 0 ? count : 1);
    if (step > 1.6 * canvas->font) step = 1.6 * canvas->font;
    double thickness = fmin(0.62 * step, 0.5 * canvas->font);
    cairo_save(cairo);
    cairo_rectangle(cairo, plot->x, plot->y, plot->width, plot->height);
    cairo_clip(cairo);
    for (int64_t i = 0; i < count; i++) {
        const ll_persistence_pair *pair = chosen[i];
        double y = plot->y + plot->height - 0.4 * canvas->font - ((double)i + 0.5) * step;
        double x0 = ll_frame_x(&frame, pair->birth_value);
        double x1 =
            isfinite(pair->death_value) ? ll_frame_x(&frame, pair->death_value) : plot->x + plot->width;
        if (!isfinite(x0)) x0 = plot->x;
        if (!isfinite(x1)) x1 = plot->x;
        ll_canvas_color(canvas, pair->essential ? ESSENTIAL : dimension_colors[dimension_of(pair)], 1.0);
        if (fabs(x1 - x0) < 0.6) x1 = x0 + 0.6; /* a short bar stays visible */
        ll_canvas_line(canvas, x0, y, x1, y, thickness);
        if (pair->essential && step > 2.5) {
            double tip = fmin(thickness * 1.1, 0.45 * step) + 0.8, turn = x1 >= x0 ? 1.0 : -1.0;
            cairo_move_to(cairo, x1, y - tip);
            cairo_line_to(cairo, x1 + turn * 1.3 * tip, y);
            cairo_line_to(cairo, x1, y + tip);
            cairo_close_path(cairo);
            cairo_fill(cairo);
        }
    }
    cairo_restore(cairo);
    ll_frame_draw(canvas, &frame);
    ll_canvas_color(canvas, 0x222222, 1.0);
    ll_canvas_text(canvas, plot->x - 0.8 * canvas->font, plot->y + plot->height / 2.0, canvas->font,
                   LL_ALIGN_CENTER, true, label);
    if (rows > 0) ll_frame_legend(canvas, &frame, entries, rows, LL_CORNER_UPPER_LEFT);
    if (all == 0) ll_frame_note(canvas, &frame, "no pairs");
    ll_free(chosen);
    return LL_OK;
}

const ll_drawer ll_draw_diagram = {measure, draw_diagram, false, 0.95};
const ll_drawer ll_draw_barcode = {measure, draw_barcode, false, 0.75};
