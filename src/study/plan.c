/* From what is wanted to jobs with keys. A key is the hash of the settings that the result depends on and of
 * the keys of the jobs that it builds on. */
#include "study/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- inputs */

void ll_request_inputs(const ll_study *study, const ll_request_for *request, const char *const *skip,
                       ll_text *inputs)
{
    static const char *const never[] = {"groups", "models", NULL};
    for (const ll_setting_row *row = request->analysis->rows; row->key != NULL; row++) {
        bool left_out = false;
        for (int list = 0; list < 2; list++)
            for (const char *const *s = list == 0 ? never : skip; s != NULL && *s != NULL; s++)
                left_out = left_out || strcmp(*s, row->key) == 0;
        const char *value =
            left_out ? NULL
                     : ll_settings_text(&request->settings, request->analysis->rows, row->key, study->effort);
        if (value != NULL) ll_text_format(inputs, "%s=%s\n", row->key, value);
    }
}

/* The group's settings whose keys start with one of the words, defaults of the effort included. */
static void group_inputs(const ll_study *study, int64_t group, const char *const *words, ll_text *inputs)
{
    const ll_settings *settings = &study->groups[group].settings;
    for (; *words != NULL; words++) {
        size_t length = strlen(*words);
        bool open = (*words)[length - 1] == '.';
        for (const ll_setting_row *row = ll_group_rows; row->key != NULL; row++) {
            bool any = row->key[strlen(row->key) - 1] == '*';
            bool fits = open ? strncmp(row->key, *words, length) == 0 : strcmp(row->key, *words) == 0;
            const char *value = fits && !any ? ll_group_text(study, group, row->key) : NULL;
            if (value != NULL) ll_text_format(inputs, "%s=%s\n", row->key, value);
        }
        for (int64_t i = 0; i < settings->count && strcmp(*words, "options.") == 0; i++)
            if (strncmp(settings->item[i].key, *words, length) == 0)
                ll_text_format(inputs, "%s=%s\n", settings->item[i].key, settings->item[i].value);
    }
}

static void hash_line(ll_text *inputs, const char *name, ll_hash hash)
{
    char text[33];
    ll_hash_text(hash, text);
    ll_text_format(inputs, "%s=%s\n", name, text);
}

void ll_group_evaluation_inputs(const ll_study *study, int64_t group, ll_text *inputs)
{
    static const char *const words[] = {"roles.evaluate", "roles.evaluate.", "roles.calibrate",
                                        "roles.calibrate.", NULL};
    if (study->groups[group].view.kind == LL_GROUP_NETWORK) group_inputs(study, group, words, inputs);
}

/* What a model is: its architecture, its data, and how its weights came. */
static void model_inputs(const ll_plan *plan, int64_t member, ll_text *inputs)
{
    static const char *const pinn[] = {"problem",        "beta",        "nu",         "rho",
                                       "gaussian_start", "collocation", "point_seed", "hidden",
                                       "weight_decay",   "float64",     NULL};
    static const char *const network[] = {"network",      "options.",    "loss",
                                          "normalise.",   "corruptions", "corruption_seed",
                                          "weight_decay", "float64",     NULL};
    static const char *const training[] = {
        "train.epochs",           "train.optimiser", "train.rate",     "train.momentum",
        "train.nesterov",         "train.batch",     "train.schedule", "train.step_every",
        "train.step_factor",      "train.warm_up",   "train.augment",  "train.history",
        "train.trajectory_every", "roles.fit",       "roles.fit.",     NULL};
    const ll_member *m = &plan->members->member[member];
    const ll_study *study = plan->study;
    bool is_pinn = study->groups[m->group].view.kind == LL_GROUP_PINN;
    group_inputs(study, m->group, is_pinn ? pinn : network, inputs);
    if (!is_pinn) hash_line(inputs, "data", plan->members->data[m->group]);
    if (m->file != NULL) {
        static const char *const reading[] = {"by_order", NULL};
        group_inputs(study, m->group, reading, inputs);
        hash_line(inputs, "checkpoint", m->hash);
        /* The group's networks are built like its first checkpoint says. */
        hash_line(inputs, "first", plan->members->member[plan->members->first[m->group]].hash);
    } else {
        group_inputs(study, m->group, training, inputs);
        ll_text_format(inputs, "seed=%lld\n", (long long)m->seed);
    }
}

const char *ll_request_text(const ll_plan *plan, const ll_request_for *request, const char *key)
{
    return ll_settings_text(&request->settings, request->analysis->rows, key, plan->study->effort);
}

bool ll_request_wants(const ll_plan *plan, const ll_request_for *request, int64_t member)
{
    const char *groups = ll_request_text(plan, request, "groups"),
               *models = ll_request_text(plan, request, "models");
    const ll_member *m = &plan->members->member[member];
    const char *group = plan->study->groups[m->group].view.name;
    char item[1024];
    bool wanted = groups == NULL && models == NULL;
    for (int64_t i = 0; i < ll_lines_count(groups) && !wanted; i++) {
        size_t length = strlen(ll_lines_item(groups, i, item, sizeof item));
        wanted = strncmp(group, item, length) == 0 && (group[length] == 0 || group[length] == '(');
    }
    for (int64_t i = 0; i < ll_lines_count(models) && !wanted; i++)
        wanted = strcmp(m->name, ll_lines_item(models, i, item, sizeof item)) == 0;
    return wanted;
}

static ll_status check_models(const ll_plan *plan, const ll_request_for *request, ll_error *error)
{
    const char *models = ll_request_text(plan, request, "models");
    char item[1024];
    for (int64_t i = 0; i < ll_lines_count(models); i++) {
        bool found = false;
        const char *near = NULL;
        ll_lines_item(models, i, item, sizeof item);
        for (int64_t m = 0; m < plan->members->count; m++) {
            found = found || strcmp(plan->members->member[m].name, item) == 0;
            if (near == NULL) near = ll_nearest_word(item, &plan->members->member[m].name, 1);
        }
        if (!found)
            return ll_fail(error, LL_NOT_FOUND, LL_STUDY, request->analysis->name,
                           "there is no model \"%s\"%s%s%s", item, near != NULL ? "; did you mean \"" : "",
                           near != NULL ? near : "", near != NULL ? "\"?" : "");
    }
    return LL_OK;
}

/* ---------------------------------------------------------------- jobs */

void ll_draft_need(ll_job_draft *draft, int64_t job)
{
    if ((draft->need_count & (draft->need_count - 1)) == 0) { /* at 0, 1, 2, 4 ... the list is full */
        int64_t *grown = ll_allocate_array(draft->need_count > 0 ? 2 * draft->need_count : 1, sizeof *grown);
        if (grown == NULL) {
            draft->failed = true;
            return;
        }
        if (draft->need_count > 0) memcpy(grown, draft->needs, (size_t)draft->need_count * sizeof *grown);
        ll_free(draft->needs);
        draft->needs = grown;
    }
    draft->needs[draft->need_count++] = job;
}

/* Where the job of that key stands, or an empty slot for it; half of the slots are empty. */
static int64_t *find_slot(const ll_plan *plan, ll_hash key)
{
    uint64_t slots = 2 * (uint64_t)plan->capacity;
    uint64_t at = key.low & (slots - 1);
    while (plan->slot[at] != 0 && !ll_hash_equal(plan->job[plan->slot[at] - 1].key, key))
        at = (at + 1) & (slots - 1);
    return &plan->slot[at];
}

static ll_status grow(ll_plan *plan, ll_error *error)
{
    if (plan->count < plan->capacity) return LL_OK;
    int64_t capacity = plan->capacity > 0 ? 2 * plan->capacity : 256;
    ll_job *grown = ll_allocate_array(capacity, sizeof *grown);
    int64_t *slot = ll_allocate_zeroed(2 * (size_t)capacity * sizeof *slot);
    if (grown == NULL || slot == NULL) {
        ll_free(grown);
        ll_free(slot);
        return ll_fail_memory(error, LL_STUDY, (size_t)capacity * sizeof *grown);
    }
    if (plan->count > 0) memcpy(grown, plan->job, (size_t)plan->count * sizeof *grown);
    ll_free(plan->job);
    ll_free(plan->slot);
    plan->job = grown;
    plan->slot = slot;
    plan->capacity = capacity;
    for (int64_t i = 0; i < plan->count; i++) *find_slot(plan, plan->job[i].key) = i + 1;
    return LL_OK;
}

static ll_status settle(ll_plan *plan, const ll_job_draft *draft, ll_text *inputs, ll_job *job,
                        ll_error *error)
{
    const char *member_a = draft->a >= 0 ? plan->members->member[draft->a].name : "";
    const char *member_b = draft->b >= 0          ? plan->members->member[draft->b].name
                           : draft->other != NULL ? draft->other
                                                  : "";
    ll_text_append(inputs, draft->inputs.text != NULL ? draft->inputs.text : "");
    for (int64_t i = 0; i < draft->need_count; i++)
        hash_line(inputs, plan->job[draft->needs[i]].kind, plan->job[draft->needs[i]].key);
    if (inputs->failed || draft->failed || draft->name.failed || draft->inputs.failed)
        return ll_fail_memory(error, LL_STUDY, 1024);
    *job = (ll_job){
        .kind = ll_arena_text(plan->memory, draft->kind),
        .name = ll_arena_text(plan->memory, draft->name.text != NULL ? draft->name.text : draft->kind),
        .group = draft->owner >= 0 ? plan->study->groups[draft->owner].view.name : "",
        .subject = ll_arena_text(plan->memory, member_a),
        .other = ll_arena_text(plan->memory, member_b),
        .inputs = ll_arena_text(plan->memory, inputs->text != NULL ? inputs->text : ""),
        .id = -1,
        .owner = draft->owner,
        .a = draft->a,
        .b = draft->b,
        .request = draft->request,
        .run = draft->run,
        .need_count = draft->need_count,
        .bytes = draft->bytes,
        .needs = ll_arena_allocate(plan->memory, (size_t)(draft->need_count + 1) * sizeof *job->needs)};
    if (job->kind == NULL || job->name == NULL || job->subject == NULL || job->other == NULL ||
        job->inputs == NULL || job->needs == NULL)
        return ll_fail_memory(error, LL_STUDY, 1024);
    if (draft->need_count > 0)
        memcpy(job->needs, draft->needs, (size_t)draft->need_count * sizeof *job->needs);
    job->key = ll_store_key(job->kind, job->inputs);
    return LL_OK;
}

ll_status ll_plan_add(ll_plan *plan, ll_job_draft *draft, int64_t *index, ll_error *error)
{
    ll_text inputs = {0};
    ll_job job = {0};
    ll_status status = grow(plan, error);
    if (status == LL_OK) status = settle(plan, draft, &inputs, &job, error);
    ll_text_deinit(&inputs);
    ll_text_deinit(&draft->name);
    ll_text_deinit(&draft->inputs);
    ll_free(draft->needs);
    *draft = (ll_job_draft){0};
    LL_TRY(status);
    /* The same work asked for twice is done once. */
    int64_t *slot = find_slot(plan, job.key);
    bool known = *slot != 0;
    if (!known) {
        *slot = plan->count + 1;
        plan->job[plan->count++] = job;
    }
    if (index != NULL) *index = *slot - 1;
    return LL_OK;
}

/* ---------------------------------------------------------------- the whole */

ll_status ll_plan_models(ll_plan *plan, ll_error *error)
{
    for (int64_t m = 0; m < plan->members->count; m++) {
        const ll_member *member = &plan->members->member[m];
        if (plan->study->groups[member->group].view.kind == LL_GROUP_FIELD) {
            LL_TRY(ll_plan_field(plan, m, error));
            continue;
        }
        /* The name: groups that are the same but for their names have members of their own. */
        ll_job_draft draft = {.kind = "model", .owner = member->group, .a = m, .b = -1, .run = ll_job_model};
        ll_text_format(&draft.name, "%s %s", member->file != NULL ? "read" : "train", member->name);
        ll_text_format(&draft.inputs, "name=%s\n", member->name);
        model_inputs(plan, m, &draft.inputs);
        LL_TRY(ll_plan_add(plan, &draft, &plan->model[m], error));
    }
    return LL_OK;
}

/* Those of one analysis. */
static ll_status plan_analysis(ll_plan *plan, const ll_analysis *analysis, ll_error *error)
{
    for (int64_t r = 0; r < plan->study->request_count; r++) {
        const ll_request_for *request = &plan->study->requests[r];
        if (request->analysis != analysis) continue;
        LL_TRY(check_models(plan, request, error));
        LL_TRY(analysis->plan(plan, request, error));
    }
    return LL_OK;
}

ll_status ll_plan_make(const ll_study *study, const ll_members *members, ll_store *store, ll_plan *plan,
                       ll_error *error)
{
    ll_plan made = {.study = study, .members = members, .store = store, .memory = ll_arena_create(0)};
    ll_status status = LL_OK;
    if (made.memory != NULL)
        made.model = ll_arena_allocate(made.memory, (size_t)(members->count + 1) * sizeof *made.model);
    if (made.model == NULL) status = ll_fail_memory(error, LL_STUDY, 1024);
    if (status == LL_OK) status = ll_plan_models(&made, error);
    for (int64_t i = 0; ll_analysis_at(i) != NULL && status == LL_OK; i++)
        status = plan_analysis(&made, ll_analysis_at(i), error);
    if (status != LL_OK) {
        ll_plan_deinit(&made);
        return status;
    }
    *plan = made;
    return LL_OK;
}

void ll_plan_deinit(ll_plan *plan)
{
    if (plan == NULL) return;
    ll_free(plan->job);
    ll_free(plan->slot);
    ll_arena_destroy(plan->memory);
    *plan = (ll_plan){0};
}
