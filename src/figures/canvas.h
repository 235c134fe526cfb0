/* canvas.h - the Cairo surface behind a figure, text on it, and the pieces that every panel shares: the
 * frame with its ticks, the colour bar, hatching. Lengths are points (1/72 inch), y downwards. */
#ifndef LOSSLENS_FIGURES_CANVAS_H
#define LOSSLENS_FIGURES_CANVAS_H

#include "axis.h"

#include <cairo.h>

typedef struct ll_rect {
    double x, y, width, height;
} ll_rect;

typedef struct ll_canvas {
    cairo_t *cairo;
    cairo_surface_t *surface;
    const ll_figure_options *options;
    double font; /* points */
} ll_canvas;

/* Range of finite values seen, and the smallest positive one (for log scales). Begin with LL_EXTENT_NONE. */
typedef struct ll_extent {
    double low, high, smallest_positive;
} ll_extent;
#define LL_EXTENT_NONE ((ll_extent){INFINITY, -INFINITY, INFINITY})
void ll_extent_add(ll_extent *extent, double value);
void ll_extent_merge(ll_extent *extent, const ll_extent *other);
bool ll_extent_empty(const ll_extent *extent);

/* What a panel's data spans; equal for all panels of a kind when scales are shared. */
typedef struct ll_measure {
    ll_extent x, y, value;
    bool incomplete;   /* some values cannot be shown (NaN, infinite, not positive on a log scale) */
    int64_t essential; /* essential pairs */
} ll_measure;

/* A drawing routine of a kind of panel. `with_bar`: this panel carries the colour bar. */
typedef struct ll_drawer {
    void (*measure)(const ll_panel *panel, const ll_figure_options *options, ll_measure *measure);
    ll_status (*draw)(ll_canvas *canvas, const ll_panel *panel, ll_rect outer, const ll_measure *measure,
                      bool with_bar, ll_error *error);
    bool has_bar;
    double aspect; /* height over width that suits a panel */
} ll_drawer;
extern const ll_drawer ll_draw_contour, ll_draw_surface, ll_draw_diagram, ll_draw_barcode, ll_draw_tree,
    ll_draw_profile, ll_draw_curves, ll_draw_matrix, ll_draw_structure;

typedef enum ll_align { LL_ALIGN_LEFT, LL_ALIGN_CENTER, LL_ALIGN_RIGHT } ll_align;

void ll_canvas_color(ll_canvas *canvas, uint32_t rgb, double alpha);
void ll_canvas_map_color(ll_canvas *canvas, double position); /* of the figure's colour map */
double ll_canvas_text_width(ll_canvas *canvas, double size, const char *text);
/* y is the text's vertical middle; `turned` runs upwards, x then being its horizontal middle. */
void ll_canvas_text(ll_canvas *canvas, double x, double y, double size, ll_align align, bool turned,
                    const char *text);
/* The same, cut with "…" to fit the width. */
void ll_canvas_text_fit(ll_canvas *canvas, double x, double y, double size, ll_align align, double width,
                        const char *text);
/* An axis label about its middle, turned by an angle, that keeps to its room: what stands in brackets goes first, then
 * size, then letters. */
#define LL_UPWARDS (-1.5707963267948966)
void ll_canvas_axis_label(ll_canvas *canvas, double x, double y, double angle, double room, const char *text);
void ll_canvas_line(ll_canvas *canvas, double x0, double y0, double x1, double y1, double width);
/* Diagonal lines on light grey inside the current clip. */
void ll_canvas_hatch(ll_canvas *canvas, ll_rect rect);

/* The axis of values: vmin and vmax of the options, else the extent. */
ll_axis ll_value_axis(const ll_figure_options *options, const ll_extent *extent);

/* A rectangular plot with axes. Fill x, y, labels and flags; ll_frame_layout finds the plot's place inside
 * `outer` and the ticks; ll_frame_draw draws everything around the plot (after the plot's contents). */
typedef struct ll_frame {
    ll_axis x, y;
    const char *title, *x_label, *y_label;
    bool no_x, no_y; /* without ticks and label */
    bool square;
    bool grid; /* light lines behind the plot: ll_frame_grid */
    bool bar;  /* room for a colour bar of `value` on the right */
    ll_axis value;
    const char *value_label;
    bool below, above; /* values beyond the bar's ends exist */
    double right;      /* the panel's right edge; set by layout, like the rest */
    ll_rect plot;
    ll_ticks x_ticks, y_ticks, value_ticks;
} ll_frame;
void ll_frame_layout(ll_canvas *canvas, ll_frame *frame, ll_rect outer);
void ll_frame_grid(ll_canvas *canvas, const ll_frame *frame);
void ll_frame_draw(ll_canvas *canvas, const ll_frame *frame);
void ll_frame_title(ll_canvas *canvas, const char *title, double x, double y, double width);
void ll_frame_clip(ll_canvas *canvas, const ll_frame *frame); /* to the plot, until cairo_restore */
double ll_frame_x(const ll_frame *frame, double value);       /* canvas positions */
double ll_frame_y(const ll_frame *frame, double value);
/* A sentence in the middle of the plot, for a panel that has nothing to show. */
void ll_frame_note(ll_canvas *canvas, const ll_frame *frame, const char *text);
/* Small print in the lower right corner of the plot. */
void ll_frame_remark(ll_canvas *canvas, const ll_frame *frame, const char *text);
void ll_frame_bar(ll_canvas *canvas, const ll_frame *frame);

/* Marks of minima (disc), saddles (diamond), maxima (triangle), other points (square). */
typedef enum ll_mark_shape {
    LL_SHAPE_DISC,
    LL_SHAPE_DIAMOND,
    LL_SHAPE_TRIANGLE,
    LL_SHAPE_SQUARE
} ll_mark_shape;
void ll_canvas_mark_path(ll_canvas *canvas, ll_mark_shape shape, double x, double y, double radius);
void ll_canvas_mark(ll_canvas *canvas, ll_mark_shape shape, double x, double y, double radius, uint32_t fill,
                    uint32_t stroke);

/* Which cells of a plot hold a mark already: of thousands of marks on one spot only the first is drawn. */
typedef struct ll_cells {
    ll_rect plot;
    double size;
    int64_t columns, rows;
    size_t bytes;
    uint8_t *taken; /* ll_free */
} ll_cells;
bool ll_cells_make(ll_cells *cells, const ll_rect *plot, double size); /* false on no memory */
/* true the first time that a cell is asked for; false afterwards, and outside the plot. */
bool ll_cells_take(ll_cells *cells, double x, double y);

/* Legend rows inside the plot's corner: drawn on a white ground. */
typedef struct ll_legend_entry {
    const char *name;
    ll_mark_shape shape;
    uint32_t color;
    bool line, mark, dashed;
} ll_legend_entry;
typedef enum ll_corner {
    LL_CORNER_UPPER_LEFT,
    LL_CORNER_UPPER_RIGHT,
    LL_CORNER_LOWER_LEFT,
    LL_CORNER_LOWER_RIGHT
} ll_corner;
void ll_frame_legend(ll_canvas *canvas, const ll_frame *frame, const ll_legend_entry *entries, int count,
                     ll_corner corner);
/* What marks mean, in lines of LL_KEY_LINE font sizes from the top of `box`, where no data are; `draw` false only
 * counts the lines. */
#define LL_KEY_LINE 1.25
int ll_canvas_key(ll_canvas *canvas, ll_rect box, const ll_legend_entry *entries, int count, bool draw);

#endif
