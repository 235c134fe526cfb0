/* losslens/figures_records.h - a record as a panel of a figure: which view shows which kind of record, with its labels,
 * overlays and scale. docs/records.md says what the records hold. */
#ifndef LOSSLENS_FIGURES_RECORDS_H
#define LOSSLENS_FIGURES_RECORDS_H

#include "losslens/figures.h"
#include "losslens/records.h"

#ifdef __cplusplus
extern "C" {
#endif

/* X(NAME, "name", "kinds of record", "what is seen") */
#define LL_VIEW_LIST(X)                                                                                      \
    X(CONTOUR, "contour", "landscape field", "filled contours of a plane, with its trajectory")              \
    X(SURFACE, "surface", "landscape field", "shaded surface of a plane with contour lines")                 \
    X(LINE, "line", "landscape field", "values along one axis")                                              \
    X(DIAGRAM, "diagram", "landscape field", "persistence diagram")                                          \
    X(BARCODE, "barcode", "landscape field", "persistence barcode")                                          \
    X(TREE, "tree", "landscape field", "merge tree")                                                         \
    X(PROFILE, "profile", "landscape field", "topological landscape profile")                                \
    X(DENSITY, "density", "density", "spectral density of the Hessian, with its error band")                 \
    X(EIGENVALUES, "eigenvalues", "eigenpairs", "eigenvalues with their residuals")                          \
    X(LAYERS, "layers", "trace", "Hessian trace of each tensor, with its standard error")                    \
    X(CURVE, "curve", "curve", "loss along the path between two minima and along the straight line")         \
    X(CKA, "cka", "cka", "similarity of all layers or models as a heat map")                                 \
    X(TRAINING, "training", "training", "loss over the epochs of training")                                  \
    X(DISTANCES, "distances", "distances", "distances between models as a heat map")                         \
    X(CONFUSION, "confusion", "metrics classification", "confusion matrix")                                  \
    X(SOLUTION, "solution", "metrics", "solution of a physics-informed network")                             \
    X(SOLUTION_ERROR, "solution-error", "metrics", "its difference from the exact solution")
typedef enum ll_view {
#define LL_VIEW_ENUM(name, text, kinds, about) LL_VIEW_##name,
    LL_VIEW_LIST(LL_VIEW_ENUM)
#undef LL_VIEW_ENUM
        LL_VIEWS
} ll_view;
LL_API const char *ll_view_name(ll_view view);
LL_API const char *ll_view_about(ll_view view);
LL_API bool ll_view_parse(const char *name, ll_view *view);
/* Whether the view can show records of that kind (some need two axes or more all the same). */
LL_API bool ll_view_shows(ll_view view, const char *record_kind);

typedef struct ll_record_panel_options { /* zero-initialise */
    const char *field;                   /* array to show; NULL: "loss", "value" or the view's own */
    ll_connectivity connectivity;        /* of the topological views; freudenthal */
    bool scale_given; /* take the figure's scale; else log where positive values span over 3 decades */
    bool superlevel;
    double simplify; /* share of the range below which pairs are dropped; 0: none */
} ll_record_panel_options;

/* A panel with what it needs; the record must live as long. End with deinit. */
typedef struct ll_record_panel {
    ll_panel panel;
    struct ll_record_panel_memory *memory;
} ll_record_panel;
/* title may be NULL; it is copied. options NULL: zeros. LL_UNSUPPORTED: the view cannot show this record (the message
 * says what it could); LL_NOT_FOUND: a field is missing. */
LL_API ll_status ll_record_panel_create(ll_view view, const ll_record *record, const char *title,
                                        const ll_record_panel_options *options, ll_record_panel *panel,
                                        ll_error *error) LL_MUST_CHECK;
LL_API void ll_record_panel_deinit(ll_record_panel *panel);

#ifdef __cplusplus
}
#endif
#endif
