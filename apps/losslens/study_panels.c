#include "study_panels.h"

#include "options.h"

#include <stdlib.h>
#include <string.h>

enum { METRICS_LIMIT = 6, METRICS_SHOWN = 4, EIGENVALUES_SHOWN = 10 };

void ll_study_panels_deinit(ll_study_panels *panels)
{
    for (int64_t i = 0; i < panels->count; i++) {
        ll_record_panel_deinit(&panels->owners[i].made);
        ll_record_destroy(panels->owners[i].record);
        ll_arena_destroy(panels->owners[i].arena);
    }
    ll_free(panels->panels);
    ll_free(panels->owners);
    ll_text_deinit(&panels->caption);
    *panels = (ll_study_panels){0};
}

static ll_status no_memory(ll_error *error) { return ll_fail_memory(error, "losslens", 0); }

static ll_status make_room(ll_study_panels *panels, ll_error *error)
{
    if (panels->count < panels->room) return LL_OK;
    int64_t room = panels->room > 0 ? 2 * panels->room : 16;
    ll_panel *list = ll_allocate_array(room, sizeof *list);
    struct ll_study_panel_owner *owners = ll_allocate_array(room, sizeof *owners);
    if (list == NULL || owners == NULL) {
        ll_free(list);
        ll_free(owners);
        return no_memory(error);
    }
    if (panels->count > 0) {
        memcpy(list, panels->panels, (size_t)panels->count * sizeof *list);
        memcpy(owners, panels->owners, (size_t)panels->count * sizeof *owners);
    }
    ll_free(panels->panels);
    ll_free(panels->owners);
    panels->panels = list;
    panels->owners = owners;
    panels->room = room;
    return LL_OK;
}

static void add_caption(ll_study_panels *panels, const char *text)
{
    ll_text_format(&panels->caption, "(%c) %s\n", (char)('a' + panels->count % 26), text);
}

ll_status ll_study_panels_add(ll_study_panels *panels, const ll_panel *panel, ll_arena *arena,
                              const char *caption, ll_error *error)
{
    LL_TRY(make_room(panels, error));
    add_caption(panels, caption);
    panels->owners[panels->count] = (struct ll_study_panel_owner){.arena = arena};
    panels->panels[panels->count++] = *panel;
    return LL_OK;
}

/* ---------------------------------------------------------------- the structure */

static double edge_value(const ll_overview_pair *pair, const char *which)
{
    if (strcmp(which, "mc_error") == 0) return pair->mc_error;
    if (strcmp(which, "barrier") == 0) return -pair->barrier;
    if (strcmp(which, "relative_barrier") == 0) return -pair->relative_barrier;
    return pair->mc_loss;
}

static const char *edge_name(const char *which)
{
    if (strcmp(which, "mc_error") == 0) return "mode connectivity (error, points)";
    if (strcmp(which, "barrier") == 0) return "−barrier (loss)";
    if (strcmp(which, "relative_barrier") == 0) return "−barrier (share of the loss learnt)";
    return "mode connectivity (loss)";
}

static void *take(ll_arena *arena, int64_t count, size_t size)
{
    return ll_arena_allocate(arena, (size_t)(count > 0 ? count : 1) * size);
}

/* Fields and groups that were not compared have no place among the models: they are left out whole. */
static bool is_compared(const ll_overview *o, const ll_overview_placement *placement, int64_t group)
{
    for (int64_t m = 0; m < o->model_count; m++)
        if (o->models[m].group == group && isfinite(placement->positions[2 * m])) return true;
    return false;
}

/* The metrics that are drawn: the terms of a loss ("loss_boundary") only where there is room for all. */
static int64_t choose_metrics(const ll_overview *o, int64_t most, int64_t chosen[METRICS_LIMIT])
{
    int64_t count = 0;
    bool all = o->metric_count <= most;
    for (int64_t k = 0; k < o->metric_count && count < most; k++)
        if (all || strncmp(o->metrics[k].name, "loss_", 5) != 0) chosen[count++] = k;
    return count;
}

/* at: where each model of the overview stands in the structure; -1: nowhere. */
static ll_status fill_models(ll_arena *arena, const ll_overview *o, const ll_overview_placement *placement,
                             const ll_structure_choice *choice, int64_t *at, ll_figure_structure *s,
                             ll_error *error)
{
    int64_t chosen[METRICS_LIMIT];
    int64_t metrics = choose_metrics(
        o, choice->metrics > 0 ? ll_min_int64(choice->metrics, METRICS_LIMIT) : METRICS_SHOWN, chosen);
    int64_t most = choice->eigenvalues > 0 ? ll_min_int64(choice->eigenvalues, 40) : EIGENVALUES_SHOWN,
            eigenvalues = 0;
    for (int64_t m = 0; m < o->model_count; m++)
        eigenvalues = ll_max_int64(eigenvalues, o->models[m].eigenvalue_count);
    eigenvalues = ll_min_int64(eigenvalues, most);
    const char **names = take(arena, o->model_count, sizeof *names),
               **groups = take(arena, o->group_count, sizeof *groups),
               **metric_names = take(arena, metrics, sizeof *metric_names);
    bool *errors = take(arena, metrics, sizeof *errors);
    int64_t *group = take(arena, o->model_count, sizeof *group);
    double *values = take(arena, o->model_count * metrics, sizeof *values);
    double *lambda = take(arena, o->model_count * eigenvalues, sizeof *lambda);
    double *positions = take(arena, 2 * o->model_count, sizeof *positions);
    if (positions == NULL || names == NULL || groups == NULL || metric_names == NULL || errors == NULL ||
        group == NULL || values == NULL || lambda == NULL)
        return no_memory(error);
    for (int64_t k = 0; k < metrics; k++) {
        metric_names[k] = o->metrics[chosen[k]].name;
        errors[k] = strcmp(o->metrics[chosen[k]].scale, "score") != 0;
    }
    for (int64_t m = 0; m < o->model_count; m++) {
        const ll_overview_model *model = &o->models[m];
        at[m] = is_compared(o, placement, model->group) ? s->model_count++ : -1;
        if (at[m] < 0) continue;
        /* "plain/0" in the colour of plain is "0". */
        const char *group_name = o->groups[model->group].name;
        size_t length = strlen(group_name);
        bool member = strncmp(model->name, group_name, length) == 0 && model->name[length] == '/';
        names[at[m]] = member ? model->name + length + 1 : model->name;
        group[at[m]] = model->group;
        memcpy(positions + 2 * at[m], placement->positions + 2 * m, 2 * sizeof *positions);
        for (int64_t k = 0; k < metrics; k++) values[at[m] * metrics + k] = model->metrics[chosen[k]];
        for (int64_t k = 0; k < eigenvalues; k++)
            lambda[at[m] * eigenvalues + k] = k < model->eigenvalue_count ? model->eigenvalues[k] : NAN;
    }
    for (int64_t g = 0; g < o->group_count; g++) {
        ll_text text = {0};
        ll_text_format(&text, "%s%s%s", o->groups[g].name, o->groups[g].label[0] != 0 ? "  type " : "",
                       o->groups[g].label);
        groups[g] = text.failed ? NULL : ll_arena_text(arena, text.text);
        ll_text_deinit(&text);
        if (groups[g] == NULL) return no_memory(error);
    }
    s->positions = positions;
    s->names = choice->no_names ? NULL : names;
    s->group_count = o->group_count;
    s->groups = group;
    s->group_names = groups;
    s->metric_count = metrics;
    s->metric_names = metric_names;
    s->metric_errors = errors;
    s->metrics = values;
    s->eigenvalue_count = eigenvalues;
    s->eigenvalues = lambda;
    return LL_OK;
}

static ll_status fill_edges(ll_arena *arena, const ll_overview *o, const char *which, const int64_t *at,
                            ll_figure_structure *s, ll_error *error)
{
    int64_t *ends = take(arena, 2 * o->pair_count, sizeof *ends);
    double *edges = take(arena, o->pair_count, sizeof *edges);
    bool *converged = take(arena, o->pair_count, sizeof *converged);
    if (ends == NULL || edges == NULL || converged == NULL) return no_memory(error);
    for (int64_t e = 0; e < o->pair_count; e++) {
        if (at[o->pairs[e].a] < 0 || at[o->pairs[e].b] < 0) continue;
        ends[2 * s->edge_count] = at[o->pairs[e].a];
        ends[2 * s->edge_count + 1] = at[o->pairs[e].b];
        edges[s->edge_count] = edge_value(&o->pairs[e], which);
        converged[s->edge_count++] = o->pairs[e].converged;
    }
    s->ends = ends;
    s->edges = edges;
    s->converged = converged;
    s->edge_label = edge_name(which);
    return LL_OK;
}

ll_status ll_study_panels_add_structure(ll_study_panels *panels, const ll_overview *o,
                                        const ll_structure_choice *choice, int wide, int high,
                                        ll_error *error)
{
    const ll_overview_placement *placement = ll_overview_find_placement(o, choice->placement);
    if (placement == NULL)
        return ll_fail(
            error, LL_NOT_FOUND, "losslens", choice->placement,
            "the study has no placement of all models%s; put `similarity` and `placement` among its analyses",
            choice->placement != NULL ? " by that method" : "");
    ll_arena *arena = ll_arena_create(4096);
    if (arena == NULL) return no_memory(error);
    ll_panel panel = {.kind = LL_PANEL_STRUCTURE, .title = "Global structure", .wide = wide, .high = high};
    char quality[LL_NUMBER_TEXT];
    ll_text small = {0};
    ll_text_format(&small, "%s of 1 − CKA%s%s, %s %s", placement->method,
                   placement->layer[0] != 0 ? " at " : "", placement->layer,
                   placement->quality_name[0] != 0 ? placement->quality_name : "quality",
                   ll_print_number(placement->quality, 3, quality));
    panel.structure.placement = small.failed ? NULL : ll_arena_text(arena, small.text);
    int64_t *at = take(arena, o->model_count, sizeof *at);
    ll_status status = panel.structure.placement != NULL && at != NULL ? LL_OK : no_memory(error);
    const char *which = choice->edges != NULL ? choice->edges : "mc_loss";
    if (status == LL_OK) status = fill_models(arena, o, placement, choice, at, &panel.structure, error);
    if (status == LL_OK) status = fill_edges(arena, o, which, at, &panel.structure, error);
    if (status == LL_OK) {
        ll_text line = {0};
        ll_text_format(&line, "Global structure of %lld models: placement by %s; edges: %s of %lld pairs.",
                       (long long)panel.structure.model_count, small.text, edge_name(which),
                       (long long)panel.structure.edge_count);
        status = ll_study_panels_add(panels, &panel, arena, line.failed ? "" : line.text, error);
        ll_text_deinit(&line);
    }
    if (status != LL_OK) ll_arena_destroy(arena);
    ll_text_deinit(&small);
    return status;
}

/* ---------------------------------------------------------------- single results */

int64_t ll_study_record_for(const ll_overview *overview, int64_t model, ll_view view)
{
    /* The kinds of jobs are those of the records but for these two. */
    const ll_overview_model *m = &overview->models[model];
    for (int64_t i = 0; i < m->record_count; i++) {
        const char *kind = strcmp(m->records[i].kind, "model") == 0 ? "training" : m->records[i].kind;
        if (ll_view_shows(view, kind)) return m->records[i].id;
    }
    return LL_NO_RECORD;
}

ll_status ll_study_panels_add_view(ll_study_panels *panels, ll_store *store, int64_t id, ll_view view,
                                   const char *title, const ll_record_panel_options *options, ll_error *error)
{
    ll_store_listing listing;
    LL_TRY(make_room(panels, error));
    LL_TRY(ll_store_get(store, id, &listing, error));
    struct ll_study_panel_owner owner = {0};
    ll_status status = ll_store_read_record(store, id, &owner.record, error);
    if (status == LL_OK)
        status = ll_record_panel_create(view, owner.record, title, options, &owner.made, error);
    if (status == LL_OK) {
        ll_text line = {0};
        bool logarithmic = owner.made.panel.scale != NULL && *owner.made.panel.scale == LL_SCALE_LOG;
        ll_text_format(&line, "%s: %s%s (record %lld).", listing.rows[0].name, ll_view_about(view),
                       logarithmic ? ", on a logarithmic scale" : "", (long long)id);
        add_caption(panels, line.failed ? "" : line.text);
        ll_text_deinit(&line);
        panels->owners[panels->count] = owner;
        panels->panels[panels->count++] = owner.made.panel;
    } else {
        ll_record_destroy(owner.record);
    }
    ll_store_listing_deinit(&listing);
    return status;
}
