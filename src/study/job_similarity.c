/* Similarity of all models' layers by CKA, and the models' places in the plane.
 *
 * CKA compares features of the same samples. Models with the same data and roles form a family (all
 * physics-informed models are one: their samples are points of the grid of the exact solution); between
 * families nothing is defined. */
#include "study/setups.h"

#include "losslens/similarity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ENTRIES = 4096 };

static const ll_setting_row rows[] = {
    {"variant", LL_SETTING_CHOICE, {"debiased"}, "biased|debiased|minibatch", 0, 0, "of the estimate"},
    {"samples",
     LL_SETTING_INTEGER,
     {"256", "512", "512"},
     NULL,
     4,
     1e6,
     "how many of `evaluate`, or points of the grid"},
    {"layers", LL_SETTING_TEXTS, {"last", "all", "all"}, NULL, 0, 0, "all, last, or names"},
    {"batch", LL_SETTING_INTEGER, {"256"}, NULL, 4, 1e6, "minibatch: samples a batch"},
    {"baseline", LL_SETTING_FLAG, {"true"}, NULL, 0, 0, "the value for random features beside each"},
    LL_COMMON_ROWS,
    {NULL, LL_SETTING_TEXT, {NULL}, NULL, 0, 0, NULL},
};

/* ---------------------------------------------------------------- families */

/* Groups whose models can be compared have the same text. */
static void family_of(const ll_study *study, const ll_members *members, int64_t group, ll_text *text)
{
    char hash[33];
    if (study->groups[group].view.kind == LL_GROUP_PINN) {
        ll_text_append(text, "pinn");
        return;
    }
    ll_hash_text(members->data[group], hash);
    ll_text_append(text, hash);
    const char *corruptions = ll_group_text(study, group, "corruptions");
    if (corruptions != NULL)
        ll_text_format(text, " %s %lld\n", corruptions,
                       (long long)ll_group_integer(study, group, "corruption_seed"));
    ll_group_evaluation_inputs(study, group, text);
}

/* families[g]: number of the group's family, -1 for fields; returns how many there are. */
static ll_status find_families(const ll_study *study, const ll_members *members, int64_t *families,
                               int64_t *count, ll_error *error)
{
    ll_text *texts = ll_allocate_zeroed((size_t)(study->group_count + 1) * sizeof *texts);
    bool failed = texts == NULL;
    *count = 0;
    for (int64_t g = 0; g < study->group_count && !failed; g++) {
        families[g] = -1;
        if (study->groups[g].view.kind == LL_GROUP_FIELD) continue;
        family_of(study, members, g, &texts[g]);
        failed = texts[g].failed;
        for (int64_t k = 0; k < g && !failed; k++)
            if (families[k] >= 0 && strcmp(texts[k].text, texts[g].text) == 0) families[g] = families[k];
        if (families[g] < 0) families[g] = (*count)++;
    }
    for (int64_t g = 0; g < study->group_count && texts != NULL; g++) ll_text_deinit(&texts[g]);
    ll_free(texts);
    return failed ? ll_fail_memory(error, LL_STUDY, 1024) : LL_OK;
}

/* ---------------------------------------------------------------- features of models */

typedef struct compared {
    int64_t member, family;
    ll_array theta, buffers;
    int64_t layers[1024];
    int64_t layer_count;
} compared;

typedef struct work {
    ll_runner *runner;
    const ll_job *job;
    ll_setup **setup;  /* [groups] */
    ll_samples *lists; /* [groups] of the first term */
    compared *model;
    int64_t count, entries, family_count;
    int64_t *families;
    ll_record **parts; /* [families] */
} work;

static void work_deinit(work *w)
{
    for (int64_t g = 0; w->setup != NULL && g < w->runner->study->group_count; g++)
        ll_setup_destroy(w->setup[g]);
    for (int64_t m = 0; w->model != NULL && m < w->count; m++) {
        ll_array_deinit(&w->model[m].theta);
        ll_array_deinit(&w->model[m].buffers);
    }
    for (int64_t f = 0; w->parts != NULL && f < w->family_count; f++) ll_record_destroy(w->parts[f]);
    ll_free(w->setup);
    ll_free(w->lists);
    ll_free(w->model);
    ll_free(w->families);
    ll_free(w->parts);
}

static ll_status choose_layers(const ll_problem_info *info, const char *wanted, compared *model,
                               ll_error *error)
{
    char item[256];
    model->layer_count = 0;
    if (info->layers < 1 || info->layers > 1024)
        return ll_fail(error, LL_UNSUPPORTED, LL_STUDY, info->name, "it has %lld layers; wanted 1 to 1024",
                       (long long)info->layers);
    if (strcmp(wanted, "last") == 0) {
        model->layers[model->layer_count++] = info->layers - 1;
        return LL_OK;
    }
    for (int64_t l = 0; l < info->layers; l++) {
        bool take = strcmp(wanted, "all") == 0;
        for (int64_t i = 0; i < ll_lines_count(wanted) && !take; i++)
            take = strcmp(ll_lines_item(wanted, i, item, sizeof item), info->layer[l].name) == 0;
        if (take) model->layers[model->layer_count++] = l;
    }
    if (model->layer_count == 0)
        return ll_fail(error, LL_NOT_FOUND, LL_STUDY, "layers",
                       "%s has none of the layers asked for; its last is %s", info->name,
                       info->layer[info->layers - 1].name);
    return LL_OK;
}

static ll_status open_models(work *w, ll_error *error)
{
    const ll_study *study = w->runner->study;
    int64_t samples = ll_job_integer(w->runner, w->job, "samples");
    for (int64_t k = 0; k < w->job->need_count; k++) {
        const ll_job *need = &w->runner->plan->job[w->job->needs[k]];
        compared *model = &w->model[w->count++];
        *model = (compared){.member = need->a, .family = w->families[need->owner]};
        if (w->setup[need->owner] == NULL) {
            const ll_setup_request request = {
                .group = need->owner,
                .fit = -1,
                .samples = samples,
                .feature_points = study->groups[need->owner].view.kind == LL_GROUP_PINN ? samples : 0};
            LL_TRY(ll_runner_setup_own(w->runner, &request, &w->setup[need->owner], error));
            ll_samples lists[LL_MOST_TERMS];
            ll_role_lists(ll_setup_problem(w->setup[need->owner]), "evaluate", lists);
            w->lists[need->owner] = lists[0];
        }
        LL_TRY(ll_store_read_array(w->runner->store, need->id, "theta", &model->theta, error));
        LL_TRY(ll_store_read_array(w->runner->store, need->id, "buffers", &model->buffers, error));
    }
    const char *layers = ll_job_text(w->runner, w->job, "layers");
    for (int pass = 0; pass < 2; pass++) {
        w->entries = 0;
        for (int64_t m = 0; m < w->count; m++) {
            int64_t group = w->runner->members->member[w->model[m].member].group;
            LL_TRY(choose_layers(ll_problem_view(ll_setup_problem(w->setup[group])),
                                 pass == 0 ? layers : "last", &w->model[m], error));
            w->entries += w->model[m].layer_count;
        }
        if (w->entries <= MOST_ENTRIES || strcmp(layers, "all") != 0) break;
    }
    return LL_OK;
}

static ll_status compare_family(work *w, int64_t family, const ll_sink *sink, ll_error *error)
{
    ll_cka_model *models = ll_allocate_zeroed((size_t)(w->count + 1) * sizeof *models);
    int64_t count = 0;
    if (models == NULL) return ll_fail_memory(error, LL_STUDY, (size_t)w->count * sizeof *models);
    for (int64_t m = 0; m < w->count; m++) {
        const compared *model = &w->model[m];
        int64_t group = w->runner->members->member[model->member].group;
        if (model->family != family) continue;
        models[count++] =
            (ll_cka_model){.name = w->runner->members->member[model->member].name,
                           .problem = ll_setup_problem(w->setup[group]),
                           .theta = model->theta.data,
                           .buffers = ll_array_count(&model->buffers) > 0 ? model->buffers.data : NULL,
                           .samples = w->lists[group].indices != NULL ? &w->lists[group] : NULL,
                           .layers = model->layers,
                           .layer_count = model->layer_count};
    }
    ll_cka_options options = {.batch = ll_job_integer(w->runner, w->job, "batch"),
                              .seed = w->runner->study->seed,
                              .no_baseline = !ll_job_flag(w->runner, w->job, "baseline"),
                              .team = w->runner->team};
    (void)ll_cka_variant_parse(ll_job_text(w->runner, w->job, "variant"), &options.variant);
    /* Each family is a comparison of its own, with its own pieces. */
    ll_prefixed_sink own = {.outer = sink};
    snprintf(own.prefix, sizeof own.prefix, "family/%lld/", (long long)family);
    const ll_sink pieces = ll_prefixed_sink_view(&own);
    ll_status status = ll_cka_models(models, count, &options, &pieces, &w->parts[family], error);
    ll_free(models);
    return status;
}

/* ---------------------------------------------------------------- one record of all families */

/* Entries of all models in order; between families NaN. */
static ll_status merge(const work *w, ll_record *record, ll_error *error)
{
    static const char *const matrices[] = {"matrix", "baseline"};
    int64_t P = w->entries, at = 0;
    int64_t *part_entry = ll_allocate_array(P + 1, sizeof *part_entry),
            *part = ll_allocate_array(P + 1, sizeof *part);
    int64_t *next = ll_allocate_zeroed((size_t)(w->family_count + 1) * sizeof *next);
    ll_text model_names = {0}, layer_names = {0};
    ll_array owner = {0}, layer = {0}, flags = {0}, family = {0};
    ll_status status = part_entry != NULL && part != NULL && next != NULL
                           ? LL_OK
                           : ll_fail_memory(error, LL_STUDY, (size_t)P * 16);
    if (status == LL_OK) status = ll_array_init(&owner, LL_ARRAY_INT64, 1, &P, error);
    if (status == LL_OK) status = ll_array_init(&layer, LL_ARRAY_INT64, 1, &P, error);
    if (status == LL_OK) status = ll_array_init(&flags, LL_ARRAY_INT64, 1, &P, error);
    if (status == LL_OK) status = ll_array_init(&family, LL_ARRAY_INT64, 1, &w->count, error);
    for (int64_t m = 0; m < w->count && status == LL_OK; m++) {
        const compared *model = &w->model[m];
        const ll_problem_info *info =
            ll_problem_view(ll_setup_problem(w->setup[w->runner->members->member[model->member].group]));
        const ll_array *part_flags = ll_array_of(w->parts[model->family], "flags");
        ll_text_format(&model_names, "%s%s", m > 0 ? "\n" : "",
                       w->runner->members->member[model->member].name);
        ((int64_t *)family.data)[m] = model->family;
        for (int64_t l = 0; l < model->layer_count; l++, at++) {
            part[at] = model->family;
            part_entry[at] = next[model->family]++;
            ((int64_t *)owner.data)[at] = m;
            ((int64_t *)layer.data)[at] = model->layers[l];
            ((int64_t *)flags.data)[at] = (int64_t)ll_array_get(part_flags, part_entry[at]);
            ll_text_format(&layer_names, "%s%s", at > 0 ? "\n" : "", info->layer[model->layers[l]].name);
        }
    }
    if (status == LL_OK && (model_names.failed || layer_names.failed))
        status = ll_fail_memory(error, LL_STUDY, 1024);
    if (status == LL_OK)
        status = ll_record_set_text(record, "variant", ll_job_text(w->runner, w->job, "variant"), error);
    if (status == LL_OK)
        status = ll_record_set_integer(record, "samples", "samples",
                                       (int64_t)ll_real_of(w->parts[0], "samples"), error);
    if (status == LL_OK) status = ll_record_set_integer(record, "models", "", w->count, error);
    if (status == LL_OK) status = ll_record_set_integer(record, "families", "", w->family_count, error);
    if (status == LL_OK) status = ll_record_set_text(record, "model_names", model_names.text, error);
    if (status == LL_OK) status = ll_record_set_text(record, "layer_names", layer_names.text, error);
    if (status == LL_OK) status = ll_record_take_array(record, "entry_model", "", &owner, error);
    if (status == LL_OK) status = ll_record_take_array(record, "entry_layer", "", &layer, error);
    if (status == LL_OK) status = ll_record_take_array(record, "flags", "", &flags, error);
    if (status == LL_OK) status = ll_record_take_array(record, "model_family", "", &family, error);
    for (int k = 0; k < 2 && status == LL_OK; k++) {
        if (ll_array_of(w->parts[0], matrices[k]) == NULL) continue;
        ll_array whole = {0};
        status = ll_array_init(&whole, LL_ARRAY_FLOAT64, 2, (int64_t[]){P, P}, error);
        for (int64_t i = 0; i < P && status == LL_OK; i++)
            for (int64_t j = 0; j < P; j++) {
                const ll_array *from =
                    part[i] == part[j] ? ll_array_of(w->parts[part[i]], matrices[k]) : NULL;
                ((double *)whole.data)[i * P + j] =
                    from != NULL ? ll_array_get(from, part_entry[i] * from->shape[1] + part_entry[j])
                                 : (double)NAN;
            }
        if (status == LL_OK) status = ll_record_take_array(record, matrices[k], "", &whole, error);
        ll_array_deinit(&whole);
    }
    ll_text_deinit(&model_names);
    ll_text_deinit(&layer_names);
    ll_array_deinit(&owner);
    ll_array_deinit(&layer);
    ll_array_deinit(&flags);
    ll_array_deinit(&family);
    ll_free(part_entry);
    ll_free(part);
    ll_free(next);
    return status;
}

static ll_status compare(work *w, const ll_sink *sink, ll_record **record, ll_error *error)
{
    const ll_study *study = w->runner->study;
    w->setup = ll_allocate_zeroed((size_t)(study->group_count + 1) * sizeof *w->setup);
    w->lists = ll_allocate_zeroed((size_t)(study->group_count + 1) * sizeof *w->lists);
    w->families = ll_allocate_zeroed((size_t)(study->group_count + 1) * sizeof *w->families);
    w->parts = ll_allocate_zeroed((size_t)(study->group_count + 1) * sizeof *w->parts);
    w->model = ll_allocate_zeroed((size_t)(w->job->need_count + 1) * sizeof *w->model);
    if (w->setup == NULL || w->lists == NULL || w->families == NULL || w->parts == NULL || w->model == NULL)
        return ll_fail_memory(error, LL_STUDY, 1024);
    LL_TRY(find_families(study, w->runner->members, w->families, &w->family_count, error));
    /* Families of which no model is compared get no number. */
    int64_t *renumber = ll_allocate_array(w->family_count + 1, sizeof *renumber), used = 0;
    if (renumber == NULL) return ll_fail_memory(error, LL_STUDY, 1024);
    for (int64_t f = 0; f < w->family_count; f++) renumber[f] = -1;
    for (int64_t k = 0; k < w->job->need_count; k++) {
        int64_t family = w->families[w->runner->plan->job[w->job->needs[k]].owner];
        if (renumber[family] < 0) renumber[family] = used++;
    }
    for (int64_t g = 0; g < study->group_count; g++)
        if (w->families[g] >= 0) w->families[g] = renumber[w->families[g]];
    w->family_count = used;
    ll_free(renumber);
    LL_TRY(open_models(w, error));
    for (int64_t f = 0; f < w->family_count; f++) LL_TRY(compare_family(w, f, sink, error));
    ll_record *made = ll_record_create("cka");
    if (made == NULL) return ll_fail_memory(error, LL_STUDY, 1024);
    ll_status status = merge(w, made, error);
    if (status != LL_OK) {
        ll_record_destroy(made);
        return status;
    }
    *record = made;
    return LL_OK;
}

static ll_status run(ll_runner *runner, const ll_job *job, const ll_sink *sink, ll_record **record,
                     ll_error *error)
{
    work w = {.runner = runner, .job = job};
    ll_status status = compare(&w, sink, record, error);
    work_deinit(&w);
    return status;
}

static ll_status plan(ll_plan *plan, const ll_request_for *request, ll_error *error)
{
    ll_job_draft draft = {
        .kind = "similarity", .owner = -1, .a = -1, .b = -1, .request = request, .run = run, .bytes = 1e5};
    ll_text_format(&draft.name, "similarity of layers");
    ll_request_inputs(plan->study, request, NULL, &draft.inputs);
    ll_text_format(&draft.inputs, "seed=%llu\n", (unsigned long long)plan->study->seed);
    for (int64_t m = 0; m < plan->members->count; m++) {
        if (plan->study->groups[plan->members->member[m].group].view.kind == LL_GROUP_FIELD ||
            !ll_request_wants(plan, request, m))
            continue;
        ll_group_evaluation_inputs(plan->study, plan->members->member[m].group, &draft.inputs);
        ll_draft_need(&draft, plan->model[m]);
    }
    if (draft.need_count > 0) return ll_plan_add(plan, &draft, NULL, error);
    ll_text_deinit(&draft.name);
    ll_text_deinit(&draft.inputs);
    return LL_OK;
}

const ll_analysis ll_analysis_similarity = {"similarity", "CKA of all models' layers on the same samples",
                                            rows, plan};
