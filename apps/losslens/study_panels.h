/* study_panels.h - panels of a figure from a study file: views of single results, and the structure of all models. Used by
 * `figure` and `report`. */
#ifndef LOSSLENS_APP_STUDY_PANELS_H
#define LOSSLENS_APP_STUDY_PANELS_H

#include "losslens/figures_records.h"
#include "losslens/study_overview.h"

/* Panels with what they own. Zero-initialise; end with deinit. */
typedef struct ll_study_panels {
    int64_t count, room;
    ll_panel *panels; /* what ll_figure_write takes */
    struct ll_study_panel_owner {
        ll_record *record; /* NULL: the panel belongs to the study as a whole */
        ll_record_panel made;
        ll_arena *arena;
    } * owners;
    ll_text caption; /* a line a panel: "(a) plain/0: contour of loss (record 12)" */
} ll_study_panels;
void ll_study_panels_deinit(ll_study_panels *panels);

typedef struct ll_structure_choice {
    const char *placement; /* method; NULL: the first that is there */
    const char *edges;     /* mc_loss, mc_error, barrier, relative_barrier; NULL: mc_loss */
    int64_t metrics;       /* how many of the metrics are drawn, 0: up to 4 */
    int64_t eigenvalues;   /* of each model; 0: up to 10 */
    bool no_names;
} ll_structure_choice;

/* Adds the structure panel; wide and high as in ll_panel. LL_NOT_FOUND: the study has no placement. */
ll_status ll_study_panels_add_structure(ll_study_panels *panels, const ll_overview *overview,
                                        const ll_structure_choice *choice, int wide, int high,
                                        ll_error *error);
/* Adds a view of a record. title NULL: none. The options' strings must live as long as the call. */
ll_status ll_study_panels_add_view(ll_study_panels *panels, ll_store *store, int64_t record, ll_view view,
                                   const char *title, const ll_record_panel_options *options,
                                   ll_error *error);
/* Adds y against x, a dot a model and a colour a group, with their rank correlation; x NULL: y of every group, members, mean
 * and interval. Numbers are named as in ll_number_table_make. */
ll_status ll_study_panels_add_relation(ll_study_panels *panels, ll_store *store, const ll_overview *overview,
                                       const char *x, const char *y, ll_error *error);
/* Adds a panel whose data lies in the arena, which is taken over on success. */
ll_status ll_study_panels_add(ll_study_panels *panels, const ll_panel *panel, ll_arena *arena,
                              const char *caption, ll_error *error);
/* The first result of a model that the view can show; LL_NO_RECORD. */
int64_t ll_study_record_for(const ll_overview *overview, int64_t model, ll_view view);

#endif
