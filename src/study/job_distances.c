/* Distances between the fields of a study: of their persistence diagrams, their merge trees, and their
 * values. */
#include "study/setups.h"

#include "losslens/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const ll_setting_row rows[] = {
    {"kinds",
     LL_SETTING_CHOICES,
     {"bottleneck", "bottleneck\nwasserstein\nfield", "bottleneck\nwasserstein\ntree\nfield"},
     "bottleneck|wasserstein|tree|field",
     0,
     0,
     "of diagrams (two), of merge trees, of the values themselves"},
    {"power", LL_SETTING_REAL, {"2"}, NULL, 1, 100, "p of the Wasserstein distance"},
    {"connectivity",
     LL_SETTING_CHOICE,
     {"freudenthal"},
     "freudenthal|freudenthal-plus|axis|box",
     0,
     0,
     "which vertices of a grid are neighbours"},
    LL_COMMON_ROWS,
    {NULL, LL_SETTING_TEXT, {NULL}, NULL, 0, 0, NULL},
};

typedef struct fields {
    int64_t count;
    ll_array *values;
    ll_merge_tree *tree;
    bool *has_tree;
    double *matrix;
} fields;

static void fields_deinit(fields *f)
{
    for (int64_t i = 0; i < f->count; i++) {
        if (f->values != NULL) ll_array_deinit(&f->values[i]);
        if (f->tree != NULL && f->has_tree != NULL && f->has_tree[i]) ll_merge_tree_deinit(&f->tree[i]);
    }
    ll_free(f->values);
    ll_free(f->tree);
    ll_free(f->has_tree);
    ll_free(f->matrix);
}

static ll_status load(fields *f, ll_runner *runner, const ll_job *job, bool trees, ll_error *error)
{
    ll_connectivity connectivity = LL_CONNECTIVITY_FREUDENTHAL;
    (void)ll_connectivity_parse(ll_job_text(runner, job, "connectivity"), &connectivity);
    for (int64_t i = 0; i < f->count; i++) {
        const ll_job *need = &runner->plan->job[job->needs[i]];
        LL_TRY(ll_store_read_array(runner->store, need->id,
                                   strcmp(need->kind, "field") == 0 ? "value" : "loss", &f->values[i],
                                   error));
        if (!trees) continue;
        const ll_array *values = &f->values[i];
        ll_grid_field field = {.type = values->type, .rank = values->rank, .values = values->data};
        for (int k = 0; k < values->rank && k < LL_FIELD_MAX_RANK; k++) field.shape[k] = values->shape[k];
        ll_topology_options options = ll_topology_options_default();
        options.connectivity = connectivity;
        options.team = runner->team;
        options.memory_limit = runner->options->memory;
        LL_TRY(ll_merge_tree_of_grid(&field, &options, &f->tree[i], error));
        f->has_tree[i] = true;
    }
    return LL_OK;
}

/* Root mean square of the difference over the points that are finite in both; NaN where the grids differ. */
static double field_distance(const ll_array *a, const ll_array *b)
{
    bool same = a->rank == b->rank;
    for (int k = 0; k < a->rank && same; k++) same = a->shape[k] == b->shape[k];
    double sum = 0;
    int64_t count = 0;
    for (int64_t i = 0; same && i < ll_array_count(a); i++) {
        double difference = ll_array_get(a, i) - ll_array_get(b, i);
        if (!isfinite(difference)) continue;
        sum += difference * difference;
        count++;
    }
    return count > 0 ? sqrt(sum / (double)count) : (double)NAN;
}

static ll_status measure(fields *f, ll_runner *runner, const ll_job *job, double *worst, ll_error *error)
{
    *worst = 0;
    if (strcmp(job->other, "field") == 0) {
        for (int64_t i = 0; i < f->count; i++)
            for (int64_t j = 0; j < f->count; j++)
                f->matrix[i * f->count + j] = i == j ? 0.0 : field_distance(&f->values[i], &f->values[j]);
        return LL_OK;
    }
    const ll_merge_tree **trees = ll_allocate_array(f->count + 1, sizeof *trees);
    if (trees == NULL) return ll_fail_memory(error, LL_STUDY, (size_t)f->count * sizeof *trees);
    for (int64_t i = 0; i < f->count; i++) trees[i] = &f->tree[i];
    ll_distance_options options = ll_distance_options_default();
    options.power = ll_job_real(runner, job, "power");
    ll_distance_kind kind = job->other[0] == 'b'   ? LL_DISTANCE_BOTTLENECK
                            : job->other[0] == 'w' ? LL_DISTANCE_WASSERSTEIN
                                                   : LL_DISTANCE_TREE;
    ll_status status =
        ll_distance_matrix(kind, trees, f->count, &options, runner->team, f->matrix, worst, error);
    ll_free(trees);
    return status;
}

static ll_status write_record(const fields *f, const ll_runner *runner, const ll_job *job, double worst,
                              ll_record *record, ll_error *error)
{
    ll_text models = {0}, groups = {0};
    const ll_study *study = runner->study;
    double *spread = ll_allocate_array(study->group_count + 1, sizeof *spread);
    int64_t shown = 0;
    if (spread == NULL) return ll_fail_memory(error, LL_STUDY, 1024);
    for (int64_t i = 0; i < f->count; i++)
        ll_text_format(&models, "%s%s", i > 0 ? "\n" : "", runner->plan->job[job->needs[i]].subject);
    for (int64_t g = 0; g < study->group_count; g++) {
        double sum = 0;
        int64_t pairs = 0, members = 0;
        for (int64_t i = 0; i < f->count; i++) {
            if (runner->plan->job[job->needs[i]].owner != g) continue;
            members++;
            for (int64_t j = i + 1; j < f->count; j++) {
                if (runner->plan->job[job->needs[j]].owner != g || isnan(f->matrix[i * f->count + j]))
                    continue;
                sum += f->matrix[i * f->count + j];
                pairs++;
            }
        }
        if (members == 0) continue;
        spread[shown] = pairs > 0 ? sum / (double)pairs : (double)NAN;
        ll_text_format(&groups, "%s%s", shown++ > 0 ? "\n" : "", study->groups[g].view.name);
    }
    const ll_array matrix = {
        .type = LL_ARRAY_FLOAT64, .rank = 2, .shape = {f->count, f->count}, .data = f->matrix};
    ll_status status = models.failed || groups.failed ? ll_fail_memory(error, LL_STUDY, 1024) : LL_OK;
    if (status == LL_OK) status = ll_record_set_text(record, "kind", job->other, error);
    if (status == LL_OK) status = ll_record_set_text(record, "models", models.text, error);
    if (status == LL_OK) status = ll_record_set_array(record, "matrix", "loss", &matrix, error);
    if (status == LL_OK) status = ll_record_set_real(record, "relative_error", "", worst, error);
    if (status == LL_OK) status = ll_record_set_text(record, "group_names", groups.text, error);
    if (status == LL_OK) status = ll_record_set_reals(record, "spread", "loss", spread, shown, error);
    ll_text_deinit(&models);
    ll_text_deinit(&groups);
    ll_free(spread);
    return status;
}

static ll_status run(ll_runner *runner, const ll_job *job, const ll_sink *sink, ll_record **record,
                     ll_error *error)
{
    (void)sink;
    int64_t count = job->need_count;
    fields f = {.count = count};
    double worst = 0;
    f.values = ll_allocate_zeroed((size_t)count * sizeof *f.values);
    f.tree = ll_allocate_zeroed((size_t)count * sizeof *f.tree);
    f.has_tree = ll_allocate_zeroed((size_t)count * sizeof *f.has_tree);
    f.matrix = ll_allocate_zeroed((size_t)(count * count) * sizeof *f.matrix);
    ll_record *made = ll_record_create("distances");
    ll_status status =
        made != NULL && f.values != NULL && f.tree != NULL && f.has_tree != NULL && f.matrix != NULL
            ? LL_OK
            : ll_fail_memory(error, LL_STUDY, (size_t)(count * count) * 8);
    if (status == LL_OK) status = load(&f, runner, job, strcmp(job->other, "field") != 0, error);
    if (status == LL_OK) status = measure(&f, runner, job, &worst, error);
    if (status == LL_OK) status = write_record(&f, runner, job, worst, made, error);
    fields_deinit(&f);
    if (status != LL_OK) {
        ll_record_destroy(made);
        return status;
    }
    *record = made;
    return LL_OK;
}

static ll_status plan(ll_plan *plan, const ll_request_for *request, ll_error *error)
{
    static const char *const skip[] = {"kinds", NULL};
    const char *kinds = ll_request_text(plan, request, "kinds");
    char kind[32];
    for (int64_t i = 0; i < ll_lines_count(kinds); i++) {
        ll_lines_item(kinds, i, kind, sizeof kind);
        ll_job_draft draft = {.kind = "distances",
                              .other = kind,
                              .owner = -1,
                              .a = -1,
                              .b = -1,
                              .request = request,
                              .run = run};
        ll_text_format(&draft.name, "%s distances of fields", kind);
        ll_request_inputs(plan->study, request, skip, &draft.inputs);
        ll_text_format(&draft.inputs, "kind=%s\n", kind);
        int64_t last = -1;
        for (int64_t k = 0; k < plan->count; k++) {
            const ll_job *job = &plan->job[k];
            /* One field a model: its first landscape. */
            bool field =
                strcmp(job->kind, "field") == 0 || (strcmp(job->kind, "landscape") == 0 && job->a != last);
            bool known = false;
            for (int64_t n = 0; n < draft.need_count && field; n++)
                known = known || plan->job[draft.needs[n]].a == job->a;
            if (!field || known || !ll_request_wants(plan, request, job->a)) continue;
            last = job->a;
            ll_draft_need(&draft, k);
        }
        draft.bytes = 8.0 * (double)(draft.need_count * draft.need_count);
        if (draft.need_count > 1) {
            LL_TRY(ll_plan_add(plan, &draft, NULL, error));
            continue;
        }
        ll_text_deinit(&draft.name);
        ll_text_deinit(&draft.inputs);
        ll_free(draft.needs);
    }
    return LL_OK;
}

const ll_analysis ll_analysis_distances = {
    "distances", "between the diagrams, trees and values of all fields", rows, plan};
