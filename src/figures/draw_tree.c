/* The planar merge tree and the topological landscape profile. */
#include "canvas.h"

#include <math.h>
#include <stdio.h>

enum { MINIMUM = 0x0072b2, SADDLE = 0xd55e00, ROOT = 0x555555 };
typedef enum mark_kind { MARK_MINIMUM, MARK_SADDLE, MARK_ROOT } mark_kind;
static const uint32_t mark_colors[] = {MINIMUM, SADDLE, ROOT};
static const ll_mark_shape mark_shapes[] = {LL_SHAPE_DISC, LL_SHAPE_DIAMOND, LL_SHAPE_SQUARE};
static const char *const mark_names[] = {"minimum", "merge saddle", "last vertex"};

/* Marks of one kind become one path: small files, and equal colours may overlap. */
typedef struct mark_list {
    double *points;
    int64_t count;
} mark_list;

static void add_mark(mark_list *list, double x, double y)
{
    if (!isfinite(x) || !isfinite(y)) return;
    list->points[2 * list->count] = x;
    list->points[2 * list->count + 1] = y;
    list->count++;
}

static void draw_marks(ll_canvas *canvas, const mark_list *list, mark_kind kind, double radius)
{
    cairo_t *cairo = canvas->cairo;
    cairo_new_path(cairo);
    for (int64_t i = 0; i < list->count; i++) {
        ll_canvas_mark_path(canvas, mark_shapes[kind], list->points[2 * i], list->points[2 * i + 1],
                            kind == MARK_SADDLE ? 0.85 * radius : radius);
    }
    /* The light edge first: marks that overlap then join instead of cutting each other. */
    ll_canvas_color(canvas, 0xffffff, 1.0);
    cairo_set_line_width(cairo, radius < 1.2 ? 0.4 : 0.8);
    cairo_stroke_preserve(cairo);
    ll_canvas_color(canvas, mark_colors[kind], 1.0);
    cairo_fill(cairo);
}

static int mark_legend(const mark_list lists[3], ll_legend_entry entries[3])
{
    int rows = 0;
    for (int k = 0; k < 3; k++) {
        if (lists[k].count > 0) {
            entries[rows++] = (ll_legend_entry){
                .name = mark_names[k], .shape = mark_shapes[k], .color = mark_colors[k], .mark = true};
        }
    }
    return rows;
}

static ll_axis widened_value_axis(const ll_canvas *canvas, const ll_measure *measured)
{
    ll_axis axis = ll_value_axis(canvas->options, &measured->value);
    return ll_axis_widen(&axis, 0.04, 0.04);
}

/* What a log scale cannot show stands at the plot's lower edge. */
static double y_or_floor(const ll_frame *frame, double value)
{
    double y = ll_frame_y(frame, value);
    return isfinite(y) ? y : frame->plot.y + frame->plot.height;
}

/* ---------------------------------------------------------------- merge tree */

static void measure_tree(const ll_panel *panel, const ll_figure_options *options, ll_measure *measure)
{
    (void)options;
    const ll_tree_layout *layout = panel->tree.layout;
    for (int64_t i = 0; i < layout->count; i++) {
        ll_extent_add(&measure->value, layout->branches[i].birth_value);
        ll_extent_add(&measure->value, layout->branches[i].death_value);
    }
}

static ll_status draw_tree(ll_canvas *canvas, const ll_panel *panel, ll_rect outer,
                           const ll_measure *measured, bool with_bar, ll_error *error)
{
    (void)with_bar;
    const ll_tree_layout *layout = panel->tree.layout;
    double *points = ll_allocate_array(6 * (layout->count + 1), sizeof *points);
    if (points == NULL) return ll_fail_memory(error, "figures", 6 * (size_t)layout->count * sizeof *points);
    mark_list lists[3];
    for (int k = 0; k < 3; k++) lists[k] = (mark_list){points + 2 * k * (layout->count + 1), 0};

    double margin =
        0.02 * fmax(layout->width, 1.0); /* the width says nothing: each tree takes all there is */
    ll_frame frame = {.x = ll_axis_make(LL_SCALE_LINEAR, -margin, layout->width + margin, 0.0),
                      .y = widened_value_axis(canvas, measured),
                      .title = panel->title,
                      .no_x = true,
                      .y_label = panel->value_label != NULL ? panel->value_label : "value"};
    /* A tree fills its panel to the corners: what the marks mean stands below it. */
    ll_legend_entry entries[3];
    const mark_list all[3] = {[MARK_MINIMUM] = {NULL, layout->count},
                              [MARK_SADDLE] = {NULL, layout->count - 1},
                              [MARK_ROOT] = {NULL, layout->count}};
    outer.height -=
        LL_KEY_LINE * canvas->font * ll_canvas_key(canvas, outer, entries, mark_legend(all, entries), false);
    ll_frame_layout(canvas, &frame, outer);
    ll_frame_grid(canvas, &frame);
    ll_frame_clip(canvas, &frame);
    cairo_t *cairo = canvas->cairo;
    /* Only crowds are thinned: a quarter of a point is below what is seen. Of the short branches one a cell of
     * half a point stays, so that their mass keeps its shape. */
    bool crowd = layout->count > 2000;
    double shortest = layout->count > 500 ? 0.25 : 0.0;
    int64_t hidden = 0;
    ll_cells cells;
    if (!ll_cells_make(&cells, &frame.plot, 0.5)) {
        cairo_restore(canvas->cairo);
        ll_free(points);
        return ll_fail_memory(error, "figures", cells.bytes);
    }
    cairo_new_path(cairo);
    for (int64_t i = 0; i < layout->count; i++) {
        const ll_layout_branch *branch = &layout->branches[i];
        double x = ll_frame_x(&frame, branch->x), low = y_or_floor(&frame, branch->birth_value);
        double high = y_or_floor(&frame, branch->death_value);
        bool root = branch->parent < 0;
        bool small = fabs(high - low) < shortest || (crowd && fabs(high - low) < 4.0);
        if (!root && small && (fabs(high - low) < shortest || !ll_cells_take(&cells, x, low))) {
            hidden++;
            continue;
        }
        cairo_move_to(cairo, x, low);
        cairo_line_to(cairo, x, high);
        if (!root) cairo_line_to(cairo, ll_frame_x(&frame, branch->parent_x), high);
        add_mark(&lists[MARK_MINIMUM], x, ll_frame_y(&frame, branch->birth_value));
        if (root) {
            add_mark(&lists[MARK_ROOT], x, ll_frame_y(&frame, branch->death_value));
        } else {
            add_mark(&lists[MARK_SADDLE], ll_frame_x(&frame, branch->parent_x),
                     ll_frame_y(&frame, branch->death_value));
        }
    }
    int64_t shown = layout->count - hidden;
    ll_free(cells.taken);
    cairo_set_line_cap(cairo, CAIRO_LINE_CAP_ROUND);
    cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
    ll_canvas_color(canvas, 0x444444, 1.0);
    cairo_set_line_width(cairo, shown > 1000 ? 0.2 : shown > 200 ? 0.4 : 0.9);
    cairo_stroke(cairo);
    cairo_set_line_cap(cairo, CAIRO_LINE_CAP_BUTT);
    double radius = fmax(0.45, canvas->font * (shown > 300 ? 0.1 : shown > 60 ? 0.16 : 0.24));
    for (int k = 2; k >= 0 && shown <= 1500; k--) draw_marks(canvas, &lists[k], (mark_kind)k, radius);
    for (int k = 0; k < 3 && shown > 1500; k++)
        lists[k].count = 0; /* thousands of marks would hide the tree */
    cairo_restore(cairo);
    ll_frame_draw(canvas, &frame);
    ll_rect key = {outer.x, outer.y + outer.height, outer.width, 0.0};
    ll_canvas_key(canvas, key, entries, mark_legend(lists, entries), true);
    if (layout->count == 0) ll_frame_note(canvas, &frame, "an empty tree");
    if (hidden > 0) {
        char text[96];
        snprintf(text, sizeof text, "%lld of %lld branches not drawn", (long long)hidden,
                 (long long)layout->count);
        ll_frame_remark(canvas, &frame, text);
    }
    ll_free(points);
    return LL_OK;
}

/* ---------------------------------------------------------------- profile */

static void measure_profile(const ll_panel *panel, const ll_figure_options *options, ll_measure *measure)
{
    (void)options;
    const ll_profile *profile = panel->profile.profile;
    for (int64_t i = 0; i < profile->tree.node_count; i++) {
        ll_extent_add(&measure->value, profile->tree.nodes[i].value);
    }
    ll_extent_add(&measure->x, 0.0);
    ll_extent_add(&measure->x, (double)profile->vertices);
}

/* Positions a unit of value apart at the steepest place of the axis. */
static double steepest(const ll_frame *frame)
{
    double height = frame->plot.height;
    if (frame->y.type == LL_SCALE_LINEAR) return height / (frame->y.high - frame->y.low);
    double largest = 0.0;
    for (int i = 0; i < 64; i++) {
        double a = ll_axis_value(&frame->y, i / 64.0), b = ll_axis_value(&frame->y, (i + 1) / 64.0);
        largest = fmax(largest, height / 64.0 / (b - a));
    }
    return largest;
}

/* A quarter of a pixel, or of 1/150 inch if that is larger; of noise in many dimensions, where every pixel is an
 * edge, up to half a point. */
static ll_status thin_outlines(const ll_profile *profile, double x_scale, double y_scale,
                               double dots_per_inch, ll_chains *outlines, ll_error *error)
{
    enum { POINTS_LIMIT = 24000 };
    double tolerance = 0.25 * 72.0 / fmin(150.0, dots_per_inch);
    for (;;) {
        ll_chains made = {0};
        LL_TRY(ll_profile_outlines(profile, x_scale, y_scale, tolerance, &made, error));
        if (tolerance >= 0.5 || made.count == 0 || made.offsets[made.count] <= POINTS_LIMIT) {
            *outlines = made;
            return LL_OK;
        }
        ll_chains_deinit(&made);
        tolerance *= 2.0;
    }
}

static ll_status draw_profile(ll_canvas *canvas, const ll_panel *panel, ll_rect outer,
                              const ll_measure *measured, bool with_bar, ll_error *error)
{
    (void)with_bar;
    const ll_profile *profile = panel->profile.profile;
    /* As shares of the domain every profile is 1 wide; as counts, the widths of panels compare. */
    bool fractions = canvas->options->fractions && profile->vertices > 0;
    double unit = fractions ? (double)profile->vertices : 1.0;
    double high = fractions ? 1.0 : fmax(measured->x.high, 1.0), margin = 0.02 * high;
    /* A smaller domain than the widest of the figure stands in the middle. */
    double shift = (high - (double)profile->vertices / unit) / 2.0;
    ll_axis value = ll_value_axis(canvas->options, &measured->value);
    ll_frame frame = {.x = ll_axis_make(LL_SCALE_LINEAR, -margin, high + margin, 0.0),
                      .y = widened_value_axis(canvas, measured),
                      .title = panel->title,
                      .x_label = panel->x_label != NULL ? panel->x_label
                                 : fractions            ? "share of the domain"
                                                        : "vertices",
                      .y_label = panel->value_label != NULL ? panel->value_label : "value"};
    ll_frame_layout(canvas, &frame, outer);
    double x_scale = frame.plot.width / (high + 2.0 * margin) / unit; /* points a vertex */
    ll_chains outlines = {0};
    double *points = ll_allocate_array(4 * (profile->tree.node_count + 1), sizeof *points);
    ll_status status = points == NULL ? ll_fail_memory(error, "figures",
                                                       4 * (size_t)profile->tree.node_count * sizeof *points)
                                      : thin_outlines(profile, x_scale, steepest(&frame),
                                                      canvas->options->dots_per_inch, &outlines, error);
    if (status != LL_OK) {
        ll_free(points);
        return status;
    }
    ll_frame_grid(canvas, &frame);
    ll_frame_clip(canvas, &frame);
    cairo_t *cairo = canvas->cairo;
    cairo_new_path(cairo);
    for (int64_t p = 0; p < outlines.count; p++) {
        for (int64_t i = outlines.offsets[p]; i < outlines.offsets[p + 1]; i++) {
            double x = ll_frame_x(&frame, outlines.points[2 * i] / unit + shift);
            double y = y_or_floor(&frame, outlines.points[2 * i + 1]);
            if (i == outlines.offsets[p]) {
                cairo_move_to(cairo, x, y);
            } else {
                cairo_line_to(cairo, x, y);
            }
        }
        cairo_close_path(cairo);
    }
    /* Colour depends on height alone: one gradient, in the value axis's own scale, fills all polygons. */
    cairo_pattern_t *gradient =
        cairo_pattern_create_linear(0.0, ll_frame_y(&frame, value.low), 0.0, ll_frame_y(&frame, value.high));
    for (int i = 0; i <= 32; i++) {
        double rgb[3];
        ll_colormap_at(canvas->options->colormap, i / 32.0, rgb);
        cairo_pattern_add_color_stop_rgb(gradient, i / 32.0, rgb[0], rgb[1], rgb[2]);
    }
    cairo_set_source(cairo, gradient);
    cairo_set_fill_rule(cairo, CAIRO_FILL_RULE_WINDING);
    cairo_fill_preserve(cairo);
    cairo_pattern_destroy(gradient);
    if (outlines.count <= 300) { /* outlines of a crowd would hide its colours */
        cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
        ll_canvas_color(canvas, 0x222222, 1.0);
        cairo_set_line_width(cairo, outlines.count > 100 ? 0.2 : 0.45);
        cairo_stroke(cairo);
    }
    cairo_new_path(cairo);

    /* Marks where there is room to see whose they are, one on a spot. */
    ll_cells cells;
    if (!ll_cells_make(&cells, &frame.plot, 0.3 * canvas->font)) {
        cairo_restore(cairo);
        ll_chains_deinit(&outlines);
        ll_free(points);
        return ll_fail_memory(error, "figures", cells.bytes);
    }
    const ll_merge_tree *tree = &profile->tree;
    mark_list lists[2] = {{points, 0}, {points + 2 * (tree->node_count + 1), 0}};
    for (int64_t i = 0; i < tree->minima + tree->saddles; i++) {
        if ((double)profile->nodes[i].width * x_scale < 0.3 * canvas->font && tree->minima > 30) continue;
        double x = ll_frame_x(&frame, profile->nodes[i].centre / unit + shift);
        double y = ll_frame_y(&frame, tree->nodes[i].value);
        if (tree->minima > 30 && !ll_cells_take(&cells, x, y)) continue;
        add_mark(&lists[i < tree->minima ? MARK_MINIMUM : MARK_SADDLE], x, y);
    }
    ll_free(cells.taken);
    /* A string of marks says nothing but that there are many. */
    if (lists[MARK_SADDLE].count > 24) lists[MARK_SADDLE].count = 0;
    if (lists[MARK_MINIMUM].count > 200) lists[MARK_MINIMUM].count = 0;
    double radius = canvas->font * (lists[0].count > 60 ? 0.13 : 0.2);
    draw_marks(canvas, &lists[MARK_SADDLE], MARK_SADDLE, radius);
    draw_marks(canvas, &lists[MARK_MINIMUM], MARK_MINIMUM, radius);
    cairo_restore(cairo);
    ll_frame_draw(canvas, &frame);
    if (outlines.count == 0) ll_frame_note(canvas, &frame, "an empty domain");
    ll_chains_deinit(&outlines);
    ll_free(points);
    return LL_OK;
}

const ll_drawer ll_draw_tree = {measure_tree, draw_tree, false, 0.85};
const ll_drawer ll_draw_profile = {measure_profile, draw_profile, false, 0.8};
