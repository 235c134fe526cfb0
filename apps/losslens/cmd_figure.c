/* losslens figure - figures of a study for a paper: one view, a grid of views and models, or the composed figure with the
 * global structure above the chosen models. */
#include "figure_options.h"
#include "study_panels.h"

#include "losslens/formats.h"

#include <stdlib.h>
#include <string.h>

enum { NAMES_LIMIT = 64 };

typedef struct settings {
    ll_texts record;
    const char *layout, *rows, *columns, *view, *placement, *edges, *field, *connectivity, *x, *y;
    double simplify;
    bool width_given, scale_given, no_caption, no_names;
    ll_figure_settings figure;
} settings;

typedef struct work {
    const settings *s;
    ll_store *store;
    ll_overview overview;
    ll_study_panels panels;
    ll_record_panel_options options;
    int columns;
} work;

/* A comma-separated list; pieces are cut out of *copy. Returns the number, or -1 for too many. */
static int split(const char *text, char **copy, const char *pieces[NAMES_LIMIT])
{
    int count = 0;
    *copy = ll_text_copy(text);
    for (char *at = *copy; at != NULL && *at != 0;) {
        if (count == NAMES_LIMIT) return -1;
        char *comma = strchr(at, ',');
        if (comma != NULL) *comma = 0;
        pieces[count++] = at;
        at = comma != NULL ? comma + 1 : NULL;
    }
    return count;
}

static ll_status unknown_view(const char *name, ll_error *error)
{
    enum { COUNT = LL_VIEWS + 3 };
    const char *names[COUNT] = {[LL_VIEWS] = "structure", "relation", "comparison"};
    ll_text list = {0};
    for (int i = 0; i < LL_VIEWS; i++) names[i] = ll_view_name((ll_view)i);
    for (int i = 0; i < COUNT; i++) ll_text_format(&list, "%s%s", i > 0 ? ", " : "", names[i]);
    const char *near = ll_nearest_word(name, names, COUNT);
    ll_status status = ll_fail(
        error, LL_INVALID_ARGUMENT, "losslens", name, "there is no such view%s%s%s; wanted %s",
        near != NULL ? "; did you mean " : "", near != NULL ? near : "", "", list.failed ? "" : list.text);
    ll_text_deinit(&list);
    return status;
}

/* ---------------------------------------------------------------- which models */

/* Models by name; a group's name stands for its best member. No list: the best of every group. */
static ll_status choose_models(const work *w, const char *text, int64_t models[NAMES_LIMIT], int *count,
                               ll_error *error)
{
    const ll_overview *o = &w->overview;
    *count = 0;
    if (text == NULL) {
        for (int64_t g = 0; g < o->group_count && *count < NAMES_LIMIT; g++) {
            int64_t best = ll_overview_best_member(o, g);
            if (best >= 0) models[(*count)++] = best;
        }
        return LL_OK;
    }
    char *copy;
    const char *names[NAMES_LIMIT];
    int wanted = split(text, &copy, names);
    ll_status status =
        wanted < 0 ? ll_fail(error, LL_TOO_LARGE, "losslens", "--columns", "at most %d models", NAMES_LIMIT)
                   : LL_OK;
    for (int i = 0; i < wanted && status == LL_OK; i++) {
        int64_t model = ll_overview_find_model(o, names[i]), group = ll_overview_find_group(o, names[i]);
        if (model < 0 && group >= 0) model = ll_overview_best_member(o, group);
        if (model < 0) {
            ll_text list = {0};
            for (int64_t g = 0; g < o->group_count && g < 12; g++)
                ll_text_format(&list, "%s%s", g > 0 ? ", " : "", o->groups[g].name);
            status = ll_fail(error, LL_NOT_FOUND, "losslens", names[i],
                             "the study has no such model or group; its groups are %s",
                             list.failed ? "" : list.text);
            ll_text_deinit(&list);
        } else {
            models[(*count)++] = model;
        }
    }
    ll_free(copy);
    return status;
}

/* ---------------------------------------------------------------- panels */

static ll_status add_structure(work *w, int wide, int high, ll_error *error)
{
    const ll_structure_choice choice = {
        .placement = w->s->placement, .edges = w->s->edges, .no_names = w->s->no_names};
    return ll_study_panels_add_structure(&w->panels, &w->overview, &choice, wide, high, error);
}

/* A view of one of the study's own records: similarity, distances. */
static ll_status add_of_study(work *w, ll_view view, ll_error *error)
{
    for (int64_t i = 0; i < w->overview.record_count; i++) {
        const char *kind =
            strcmp(w->overview.records[i].kind, "similarity") == 0 ? "cka" : w->overview.records[i].kind;
        if (ll_view_shows(view, kind))
            return ll_study_panels_add_view(&w->panels, w->store, w->overview.records[i].id, view, NULL,
                                            &w->options, error);
    }
    return ll_fail(error, LL_NOT_FOUND, "losslens", ll_view_name(view),
                   "the study has no result for this view");
}

/* The path between two chosen models. */
static ll_status add_pair(work *w, const int64_t *models, int count, ll_error *error)
{
    for (int64_t p = 0; count >= 2 && p < w->overview.pair_count; p++) {
        const ll_overview_pair *pair = &w->overview.pairs[p];
        if ((pair->a == models[0] && pair->b == models[1]) ||
            (pair->a == models[1] && pair->b == models[0])) {
            ll_text title = {0};
            ll_text_format(&title, "%s – %s", w->overview.models[pair->a].name,
                           w->overview.models[pair->b].name);
            ll_status status = ll_study_panels_add_view(&w->panels, w->store, pair->record, LL_VIEW_CURVE,
                                                        title.failed ? NULL : title.text, &w->options, error);
            ll_text_deinit(&title);
            return status;
        }
    }
    return ll_fail(error, LL_NOT_FOUND, "losslens", "curve",
                   "name the two models of a pair that the study connected: --columns A,B");
}

static ll_status add_row(work *w, const char *name, const int64_t *models, int count, ll_error *error)
{
    ll_view view;
    if (strcmp(name, "structure") == 0) return add_structure(w, count, 2, error);
    if (strcmp(name, "relation") == 0 || strcmp(name, "comparison") == 0) {
        bool relation = name[0] == 'r';
        if (w->s->y == NULL || (relation && w->s->x == NULL))
            return ll_fail(error, LL_INVALID_ARGUMENT, "losslens", name,
                           "which numbers? say %s--y NAME, as in losslens table",
                           relation ? "--x NAME " : "");
        return ll_study_panels_add_relation(&w->panels, w->store, &w->overview, relation ? w->s->x : NULL,
                                            w->s->y, error);
    }
    if (!ll_view_parse(name, &view)) return unknown_view(name, error);
    if (view == LL_VIEW_CKA || view == LL_VIEW_DISTANCES) return add_of_study(w, view, error);
    if (view == LL_VIEW_CURVE) return add_pair(w, models, count, error);
    for (int i = 0; i < count; i++) {
        const ll_overview_model *model = &w->overview.models[models[i]];
        int64_t record = ll_study_record_for(&w->overview, models[i], view);
        if (record == LL_NO_RECORD)
            return ll_fail(error, LL_NOT_FOUND, "losslens", model->name, "it has no result for the view %s",
                           name);
        LL_TRY(ll_study_panels_add_view(&w->panels, w->store, record, view, model->name, &w->options, error));
    }
    return LL_OK;
}

static ll_status add_rows(work *w, const char *rows, const char *columns, ll_error *error)
{
    int64_t models[NAMES_LIMIT];
    const char *names[NAMES_LIMIT];
    int count;
    LL_TRY(choose_models(w, columns, models, &count, error));
    if (count == 0)
        return ll_fail(error, LL_NOT_FOUND, "losslens", ll_store_path(w->store),
                       "the study has no models yet");
    char *copy;
    int views = split(rows, &copy, names);
    ll_status status =
        views < 0 ? ll_fail(error, LL_TOO_LARGE, "losslens", "--rows", "at most %d views", NAMES_LIMIT)
                  : LL_OK;
    for (int i = 0; i < views && status == LL_OK; i++) status = add_row(w, names[i], models, count, error);
    ll_free(copy);
    w->columns = count;
    return status;
}

/* Records by number, each in the view asked for. */
static ll_status add_records(work *w, ll_error *error)
{
    ll_view view;
    if (!ll_view_parse(w->s->view, &view)) return unknown_view(w->s->view, error);
    for (int i = 0; i < w->s->record.count; i++) {
        char *end;
        int64_t id = strtoll(w->s->record.items[i], &end, 10);
        if (*w->s->record.items[i] == 0 || *end != 0)
            return ll_fail(error, LL_INVALID_ARGUMENT, "losslens", "--record",
                           "got '%s'; wanted a number that `losslens export STUDY.db` lists",
                           w->s->record.items[i]);
        LL_TRY(ll_study_panels_add_view(&w->panels, w->store, id, view, NULL, &w->options, error));
    }
    return LL_OK;
}

static ll_status fill(work *w, ll_error *error)
{
    const settings *s = w->s;
    if (s->record.count > 0) return add_records(w, error);
    if (strcmp(s->layout, "losslens") == 0) {
        ll_text rows = {0};
        ll_text_format(&rows, "structure,%s", s->rows != NULL ? s->rows : "contour,diagram,tree");
        ll_status status =
            rows.failed ? ll_fail_memory(error, "losslens", 0) : add_rows(w, rows.text, s->columns, error);
        ll_text_deinit(&rows);
        return status;
    }
    return add_rows(w, s->rows != NULL ? s->rows : s->view, s->columns, error);
}

/* OUT.pdf gets OUT.txt beside it. */
static ll_status write_caption(const work *w, ll_error *error)
{
    ll_text path = {0};
    const char *dot = strrchr(w->s->figure.path, '.');
    ll_text_append_bytes(&path, w->s->figure.path, (size_t)(dot - w->s->figure.path));
    ll_text_append(&path, ".txt");
    ll_status status =
        path.failed || w->panels.caption.failed
            ? ll_fail_memory(error, "losslens", 0)
            : ll_file_write(path.text, w->panels.caption.text, w->panels.caption.length, error);
    if (status == LL_OK) printf("%s\n", path.text);
    ll_text_deinit(&path);
    return status;
}

static ll_status draw(const settings *s, const char *path, ll_figure_options *options, ll_error *error)
{
    work w = {.s = s};
    w.options =
        (ll_record_panel_options){.field = s->field, .scale_given = s->scale_given, .simplify = s->simplify};
    (void)ll_connectivity_parse(s->connectivity,
                                &w.options.connectivity); /* checked when the line was parsed */
    ll_status status = ll_store_open(path, NULL, &w.store, error);
    if (status == LL_OK) status = ll_overview_read(w.store, &w.overview, error);
    if (status == LL_OK) status = fill(&w, error);
    if (status == LL_OK) {
        bool composed = w.panels.count > 1;
        if (options->columns == 0 && s->record.count == 0) options->columns = w.columns;
        bool wide = composed || strcmp(s->view, "structure") == 0; /* its legend stands beside it */
        if (!s->width_given && wide) options->width_mm = 180.0;
        options->letters = options->letters || (composed && strcmp(s->layout, "losslens") == 0);
        status = ll_figure_write(s->figure.path, w.panels.panels, w.panels.count, options, error);
    }
    if (status == LL_OK) printf("%s\n", s->figure.path);
    if (status == LL_OK && w.panels.count > 1 && !s->no_caption) status = write_caption(&w, error);
    ll_study_panels_deinit(&w.panels);
    ll_overview_deinit(&w.overview);
    ll_store_destroy(w.store);
    return status;
}

static int run(int argc, char **argv)
{
    settings s = {.layout = "grid",
                  .view = "contour",
                  .connectivity = "freudenthal",
                  .figure = ll_figure_settings_default()};
    const ll_option options[] = {
        {"view", LL_OPTION_TEXT, &s.view, "VIEW",
         "contour, surface, line, diagram, barcode, tree, profile, density, eigenvalues, layers, curve, cka, "
         "training, distances, "
         "confusion, solution, solution-error, structure, relation or comparison",
         0, 0, NULL},
        {"record", LL_OPTION_TEXTS, &s.record, "ID", "draw this record; may be given several times", 0, 0,
         NULL},
        {"layout", LL_OPTION_CHOICE, &s.layout, "grid|losslens",
         "grid: rows of views, columns of models; losslens: the structure of all models above them", 0, 0,
         NULL},
        {"rows", LL_OPTION_TEXT, &s.rows, "VIEW,VIEW,...",
         "views, from above; else --view (losslens: contour,diagram,tree)", 0, 0, NULL},
        {"columns", LL_OPTION_TEXT, &s.columns, "MODEL,GROUP,...",
         "models side by side, a group's name standing for its member of lowest loss; else one of every "
         "group",
         0, 0, NULL},
        {"field", LL_OPTION_TEXT, &s.field, "NAME", "array of the landscapes to draw, if not the loss", 0, 0,
         NULL},
        {"connectivity", LL_OPTION_CHOICE, &s.connectivity, "freudenthal|freudenthal-plus|axis|box",
         "neighbours on the grid, for diagrams, trees and profiles", 0, 0, NULL},
        {"simplify", LL_OPTION_REAL, &s.simplify, "SHARE",
         "drop pairs of less persistence than this share of the range", 0.0, 1.0, NULL},
        {"x", LL_OPTION_TEXT, &s.x, "NAME",
         "of a relation: a number as in losslens table, or setting.KEY for a swept parameter", 0, 0, NULL},
        {"y", LL_OPTION_TEXT, &s.y, "NAME", "of a relation or a comparison of groups", 0, 0, NULL},
        {"placement", LL_OPTION_TEXT, &s.placement, "METHOD",
         "of the structure: mds, tsne, umap; else the first there is", 0, 0, NULL},
        {"edges", LL_OPTION_CHOICE, &s.edges, "mc_loss|mc_error|barrier|relative_barrier",
         "what the structure's edges show", 0, 0, NULL},
        {"no-names", LL_OPTION_FLAG, &s.no_names, NULL, "leave the models' names out of the structure", 0, 0,
         NULL},
        {"no-caption", LL_OPTION_FLAG, &s.no_caption, NULL, "write no caption file beside a composed figure",
         0, 0, NULL},
        LL_FIGURE_OPTIONS_GIVEN(&s.figure, &s.width_given, &s.scale_given),
    };
    const ll_command command = {
        .verb = "figure",
        .usage = "STUDY.db --figure OUT.pdf [options]",
        .about = "Figures of a study for a paper, with embedded fonts. Values that span more than three "
                 "decades are drawn on a\n"
                 "logarithmic scale unless --scale says otherwise. A figure of several panels gets a caption "
                 "file beside it.",
        .example = "losslens figure study.db --view surface --columns resnet --figure surface.pdf\n"
                   "losslens figure study.db --layout losslens --rows contour,profile --width 180 --figure "
                   "figure5.pdf\n"
                   "losslens figure study.db --rows contour,diagram,tree --columns "
                   "'pinn(beta=1),pinn(beta=50)' --width 180 --figure figure2.svg\n"
                   "losslens figure study.db --view relation --x topology.minima --y relative_error --figure "
                   "relation.pdf",
        .options = options,
        .option_count = LL_COUNT(options),
        .least_words = 1,
        .most_words = 1};
    ll_words words;
    ll_figure_options figure;
    int code;
    if (!ll_command_parse(&command, argc, argv, &words, &code)) return code;
    if (!ll_figure_settings_apply(&command, &s.figure, &figure, &code)) return code;
    if (s.figure.path == NULL)
        return ll_command_misuse(&command, "where to? say --figure OUT.svg, .pdf or .png");
    if (s.record.count > 0 && (s.rows != NULL || s.columns != NULL))
        return ll_command_misuse(&command, "--record goes with --view, not with --rows and --columns");
    ll_error error = {0};
    if (draw(&s, words.items[0], &figure, &error) != LL_OK) return ll_command_failure(&command, &error);
    return LL_EXIT_OK;
}

const ll_verb ll_verb_figure = {"figure", "draw figures of a study for a paper", run};
