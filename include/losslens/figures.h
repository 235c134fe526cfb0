/* losslens/figures.h - static figures for a paper: SVG, PDF (fonts embedded) or PNG, by Cairo.
 *
 * A figure is a grid of panels. Each panel is plain data with a kind; ll_figure_write lays the panels out,
 * gives them common scales if wanted, draws them and writes the file. Nothing is computed here that is a
 * result: contours, layouts and polygons only show the values that they are given. NaN and infinite values
 * are hatched, never filled in; values outside vmin..vmax are drawn in the end colours, and the colour bar
 * says so with a pointed end.
 *
 * Text is UTF-8 in DejaVu Sans (or the system's sans). The same input gives the same bytes with the same
 * Cairo and fonts. One call, one thread; nothing is shared between calls.
 */
#ifndef LOSSLENS_FIGURES_H
#define LOSSLENS_FIGURES_H

#include "losslens/base.h"
#include "losslens/topology.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------ colour maps and scales */

/* viridis, cividis, magma: perceptually uniform, safe for colour-blind readers, lightness rises with value.
 * brown: dark is low, as in the topological-landscape literature. balance: diverging, blue-white-red, for
 * signed values and differences. grey: dark is low. */
#define LL_COLORMAP_LIST(X)                                                                                  \
    X(VIRIDIS, "viridis")                                                                                    \
    X(CIVIDIS, "cividis")                                                                                    \
    X(MAGMA, "magma")                                                                                        \
    X(BROWN, "brown")                                                                                        \
    X(BALANCE, "balance")                                                                                    \
    X(GREY, "grey")
typedef enum ll_colormap {
#define LL_COLORMAP_ENUM(name, text) LL_COLORMAP_##name,
    LL_COLORMAP_LIST(LL_COLORMAP_ENUM)
#undef LL_COLORMAP_ENUM
        LL_COLORMAPS
} ll_colormap;
LL_API const char *ll_colormap_name(ll_colormap map);
LL_API bool ll_colormap_parse(const char *name, ll_colormap *map);
/* sRGB, 0..1, at position t (clamped to 0..1; NaN counts as 0). */
LL_API void ll_colormap_at(ll_colormap map, double t, double rgb[3]);
/* Colours that tell series apart, in a fixed order that colour-blind readers can follow; cycles. */
LL_API void ll_series_color(int64_t index, double rgb[3]);

typedef enum ll_scale_type { LL_SCALE_LINEAR, LL_SCALE_LOG, LL_SCALE_SYMLOG, LL_SCALE_TYPES } ll_scale_type;
LL_API const char *ll_scale_name(ll_scale_type type);
LL_API bool ll_scale_parse(const char *name, ll_scale_type *type);

/* ------------------------------------------------------------------ what a panel shows */

/* A scalar field on a rectangle, for contours and surfaces. values: x_count x y_count, element
 * (i, j) at i * y_count + j (C order of g[x][y]). x, y ascending or descending; NULL: 0, 1, 2 ... Views. */
typedef struct ll_figure_field {
    int64_t x_count, y_count;
    const double *values;
    const double *x, *y;
    /* Overlays, all optional: a path (an optimiser's trajectory), and marked points. */
    int64_t path_count;
    const double *path; /* x, y pairs */
    int64_t point_count;
    const double *points;                /* x, y pairs */
    const ll_critical_kind *point_kinds; /* NULL: all alike */
} ll_figure_field;

/* Persistence pairs, for the diagram and the barcode. Dimensions are told apart by colour and shape.
 * Pairs of zero persistence are not drawn. */
typedef struct ll_figure_pairs {
    const ll_persistence_pair *pairs;
    int64_t count;
} ll_figure_pairs;

/* A merge tree in its planar layout (ll_tree_layout_create). Branches too short to be seen are left out, and
 * the figure says how many. View. */
typedef struct ll_figure_tree {
    const ll_tree_layout *layout;
} ll_figure_tree;

/* A topological landscape profile; it is thinned for drawing to a quarter of a pixel. View. */
typedef struct ll_figure_profile {
    const ll_profile *profile;
} ll_figure_profile;

/* Lines over a common axis. */
typedef struct ll_figure_series {
    const char *name; /* for the legend; NULL: none */
    int64_t count;
    const double *x, *y;      /* a NaN breaks the line */
    const double *low, *high; /* a band, e.g. an interval; NULL: none */
    bool markers;             /* points on the line */
    bool no_line;
    bool dashed;
    int64_t line_from; /* the line begins at this point; marks end before it (0: all have both) */
} ll_figure_series;
typedef struct ll_figure_curves {
    int64_t series_count;
    const ll_figure_series *series;
    ll_scale_type x_scale;
    int64_t place_count;
    const char *const *places; /* names of x = 1, 2, ... instead of numbers; NULL: numbers */
} ll_figure_curves;

/* A matrix as coloured cells: distances, similarities, counts. NaN cells are hatched. */
typedef struct ll_figure_matrix {
    int64_t rows, columns;
    const double *values;
    const char *const *row_names, *const *column_names; /* NULL: none */
} ll_figure_matrix;

/* Many models in one plane (LossLens, Figure 3): each a glyph of three rings - outside an arc a metric, in the
 * middle a radial bar an eigenvalue, clockwise from the top, inside a disc in the group's colour - joined by
 * lines that are thick and straight where two minima are well connected, thin and bent where they are not. A
 * legend with the scales is part of the panel. Views. */
typedef struct ll_figure_structure {
    int64_t model_count;
    const double *positions;  /* x, y pairs; a model without a finite position is not drawn, and counted */
    const char *const *names; /* beside the glyphs; NULL: none */
    int64_t group_count;
    const int64_t *groups; /* of each model */
    const char *const *group_names;
    int64_t metric_count; /* up to 6 */
    const char *const *metric_names;
    const bool
        *metric_errors; /* false: a score, drawn from 0 to 1; true: an error, from 0 to the largest shown */
    const double *metrics;     /* model_count x metric_count; NaN: not known */
    int64_t eigenvalue_count;  /* up to 40 a model */
    const double *eigenvalues; /* model_count x eigenvalue_count, descending; NaN: not known */
    int64_t edge_count;
    const int64_t *ends;    /* two model indices an edge */
    const double *edges;    /* mode connectivity: < 0 a barrier, about 0 connected, > 0 under-trained ends */
    const bool *converged;  /* NULL: all */
    const char *edge_label; /* "mode connectivity (loss)" */
    const char *placement;  /* small print: "MDS of 1 - CKA, stress 0.04"; NULL: none */
} ll_figure_structure;

typedef enum ll_panel_kind {
    LL_PANEL_CONTOUR,
    LL_PANEL_SURFACE,
    LL_PANEL_DIAGRAM,
    LL_PANEL_BARCODE,
    LL_PANEL_TREE,
    LL_PANEL_PROFILE,
    LL_PANEL_CURVES,
    LL_PANEL_MATRIX,
    LL_PANEL_STRUCTURE,
    LL_PANEL_KINDS
} ll_panel_kind;
LL_API const char *ll_panel_kind_name(ll_panel_kind kind); /* "contour", "surface", "diagram" ... */
LL_API bool ll_panel_kind_parse(const char *name, ll_panel_kind *kind);

typedef struct ll_panel {
    ll_panel_kind kind;
    const char *title;             /* NULL: none */
    const char *x_label, *y_label; /* NULL: the kind's own */
    const char *value_label;       /* of the colour bar and of value axes; NULL: "value" */
    int wide, high;                /* cells of the figure's grid that it covers; 0 counts as 1 */
    const ll_scale_type *scale;    /* of this panel's values; NULL: that of the options */
    const ll_colormap *colormap;   /* NULL: that of the options */
    union {
        ll_figure_field field;         /* contour, surface */
        ll_figure_pairs pairs;         /* diagram, barcode */
        ll_figure_tree tree;           /* tree */
        ll_figure_profile profile;     /* profile */
        ll_figure_curves curves;       /* curves */
        ll_figure_matrix matrix;       /* matrix */
        ll_figure_structure structure; /* structure */
    };
} ll_panel;

/* ------------------------------------------------------------------ how it is drawn */

typedef struct ll_figure_options {
    double width_mm;      /* of the whole figure; 20..2000 */
    double height_mm;     /* of the whole figure; 0: what suits the panels */
    double font_size;     /* points; 3..40 */
    double dots_per_inch; /* of PNG, and of the shaded surface inside SVG and PDF; 36..1200 */
    int columns;          /* panels side by side; 0: up to three */
    int levels;           /* contour levels, 1..200 */
    double vmin, vmax;    /* display range of values; NaN: from the data */
    ll_scale_type scale;  /* of values: colours, heights, value axes */
    ll_colormap colormap;
    double azimuth, elevation; /* of the camera, degrees; elevation 0 (side) .. 90 (top) */
    bool shared;               /* all panels of a kind on the same scales */
    bool letters;              /* (a), (b) ... in front of the titles */
    bool fractions;            /* profile widths as shares of the domain instead of counts */
    bool no_colorbar;
} ll_figure_options;
/* 90 mm wide, 8 pt, 300 dpi, 12 levels, range from the data, linear, viridis, camera -60 / 35, shared. */
LL_API ll_figure_options ll_figure_options_default(void);

typedef enum ll_figure_format { LL_FIGURE_SVG, LL_FIGURE_PDF, LL_FIGURE_PNG } ll_figure_format;
/* By the name's suffix, letter case ignored; LL_INVALID_ARGUMENT names the three. */
LL_API ll_status ll_figure_format_of(const char *path, ll_figure_format *format,
                                     ll_error *error) LL_MUST_CHECK;

/* Draws `count` (>= 1) panels into bytes appended to `out`: row by row, each in the first place where its wide x high
 * cells are free. options NULL: the defaults.
 * LL_INVALID_ARGUMENT for an option or a panel that makes no sense (named); a panel without anything to show
 * says so in its frame. A log scale shows positive values only; the others are hatched or left out. */
LL_API ll_status ll_figure_render(const ll_panel *panels, int64_t count, const ll_figure_options *options,
                                  ll_figure_format format, ll_text *out, ll_error *error) LL_MUST_CHECK;
/* The same into a file, whole or not at all. */
LL_API ll_status ll_figure_write(const char *path, const ll_panel *panels, int64_t count,
                                 const ll_figure_options *options, ll_error *error) LL_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
