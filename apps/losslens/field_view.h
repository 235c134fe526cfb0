/* field_view.h - a scalar field from files, its merge tree, and a panel of any kind that shows it: what the
 * verbs `topology` and `compare` share. */
#ifndef LOSSLENS_APP_FIELD_VIEW_H
#define LOSSLENS_APP_FIELD_VIEW_H

#include "losslens/figures.h"
#include "losslens/formats_fields.h"
#include "losslens/topology.h"
#include "options.h"

typedef struct ll_field_settings {
    const char *array;                           /* which array of the file; NULL: the known one */
    const char *connectivity;                    /* of grids */
    const char *points, *values, *graph, *edges; /* files and "knn:8"; NULL: none */
    const char *simplify;                        /* "0.1", "5%"; NULL: nothing is removed */
    ll_reals shape;                              /* extents to read the values as; none: those of the file */
    bool superlevel;
    bool loops;       /* loops (2 and 3 axes) and voids (3 axes) too */
    int64_t memory;   /* bytes; 0: no limit */
    unsigned outputs; /* ll_topology_output */
    ll_team *team;
} ll_field_settings;

typedef struct ll_field_view {
    ll_field_data data;
    double *extra_points; /* of --points */
    bool is_graph;
    ll_grid_field grid; /* views into data */
    ll_graph graph;
    ll_graph_field graph_field;
    ll_merge_tree full, tree;      /* as computed; after simplification */
    ll_persistence_diagram higher; /* loops and voids, if asked for */
    ll_persistence_pair
        *all_pairs; /* those of the tree, then the higher ones that the simplification keeps */
    int64_t all_count;
    double epsilon; /* < 0: none */
    bool fraction;
    /* what panels point to */
    ll_tree_layout layout;
    ll_profile profile;
    double *picture; /* values as x by y */
    double *marks;   /* x, y of critical points */
    ll_critical_kind *mark_kinds;
} ll_field_view;

/* Reads and computes. path may be NULL when settings give values and points or edges. */
ll_status ll_field_view_open(ll_field_view *view, const char *path, const ll_field_settings *settings,
                             ll_error *error);
void ll_field_view_close(ll_field_view *view);

/* A panel that shows the field; it points into `view`. LL_UNSUPPORTED if the field has no such picture. */
ll_status ll_field_view_panel(ll_field_view *view, ll_panel_kind kind, const char *title, ll_panel *panel,
                              ll_error *error);

/* Adds the field's critical points to a contour's panel. */
ll_status ll_field_view_mark(ll_field_view *view, const ll_field_settings *settings, ll_panel *panel,
                             ll_error *error);

/* Position of a vertex in the field's coordinates, up to 3 numbers, zeros beyond. */
void ll_field_view_position(const ll_field_view *view, int64_t vertex, double position[3]);

/* "41 x 41 grid, float64" */
void ll_field_view_describe(const ll_field_view *view, char *text, size_t capacity);

/* Which array outputs a kind of panel needs on top of the pairs. */
unsigned ll_field_outputs_of(ll_panel_kind kind);

/* The file's name without folders and suffix. */
void ll_field_title(const char *path, char *title, size_t capacity);

#endif
