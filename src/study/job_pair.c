/* Mode connectivity: the loss along the line and a trained curve between two models of a group. */
#include "study/setups.h"

#include "losslens/connectivity.h"

#include <stdlib.h>
#include <string.h>

static const ll_setting_row rows[] = {
    {"path", LL_SETTING_CHOICE, {"bezier"}, "linear|bezier|polygon", 0, 0, "shape of the curve"},
    {"pairs",
     LL_SETTING_PAIRS,
     {"sample:10", "all", "all"},
     NULL,
     0,
     0,
     "all of a group, sample:K of them, or nearest:K of each model by CKA"},
    {"optimiser",
     LL_SETTING_CHOICE,
     {NULL},
     "sgd|adam|adamw|lbfgs",
     0,
     0,
     "of the bend; default: lbfgs for problems, else adam"},
    {"rate", LL_SETTING_REAL, {"0"}, NULL, 0, 1e6, "learning rate, with optimiser"},
    {"batch",
     LL_SETTING_INTEGER,
     {NULL},
     NULL,
     0,
     1e9,
     "samples of a mini-batch; default: 128 for networks, all for problems"},
    {"budget",
     LL_SETTING_INTEGER,
     {"0"},
     NULL,
     0,
     1e9,
     "steps of the first round, doubled by each; 0: 50 (lbfgs), 500"},
    {"rounds", LL_SETTING_INTEGER, {"3", "5", "7"}, NULL, 1, 30, "most rounds"},
    {"points", LL_SETTING_INTEGER, {"21", "61", "61"}, NULL, 3, 100000, "points of the evaluated curve"},
    {"batch_norm", LL_SETTING_CHOICE, {"re-estimate"}, "re-estimate|keep", 0, 0, "statistics along the path"},
    {"yang", LL_SETTING_FLAG, {"false"}, NULL, 0, 0, "the fixed recipe of Yang et al. 2021, for comparison"},
    {"samples", LL_SETTING_INTEGER, {"500", "2000", "5000"}, NULL, 1, 1e12, "how many of `fit`, stratified"},
    LL_COMMON_ROWS,
    {NULL, LL_SETTING_TEXT, {NULL}, NULL, 0, 0, NULL},
};

static ll_curve_options curve_options(const ll_runner *runner, const ll_job *job)
{
    static const char *const kinds[] = {"linear", "bezier", "polygon"}, *const optimisers[] = {
                                                                            "sgd", "adam", "adamw", "lbfgs"};
    static const double rates[] = {0.01, 0.001, 0.001, 1.0};
    bool pinn = runner->study->groups[job->owner].view.kind == LL_GROUP_PINN;
    const char *optimiser = ll_job_text(runner, job, "optimiser"), *batch = ll_job_text(runner, job, "batch");
    ll_curve_options options = {.batch_size = batch != NULL ? strtoll(batch, NULL, 10)
                                              : pinn        ? 0
                                                            : 128,
                                .budget = ll_job_integer(runner, job, "budget"),
                                .rounds = ll_job_integer(runner, job, "rounds"),
                                .points = ll_job_integer(runner, job, "points"),
                                .yang = ll_job_flag(runner, job, "yang"),
                                .batch_norm = strcmp(ll_job_text(runner, job, "batch_norm"), "keep") == 0
                                                  ? LL_CURVE_KEEP
                                                  : LL_CURVE_REESTIMATE,
                                .seed = runner->study->seed};
    for (int k = 0; k < 3; k++)
        if (strcmp(kinds[k], ll_job_text(runner, job, "path")) == 0) options.kind = (ll_curve_kind)k;
    for (int k = 0; optimiser != NULL && k < 4; k++)
        if (strcmp(optimisers[k], optimiser) == 0) {
            double rate = ll_job_real(runner, job, "rate");
            options.optimiser =
                (ll_optimiser_options){.kind = (ll_optimiser_kind)k, .rate = rate > 0 ? rate : rates[k]};
        }
    return options;
}

/* Of the two models' own starts the mean: what their barrier is compared with. */
static ll_status loss_before(ll_runner *runner, const ll_job *job, double *loss, ll_error *error)
{
    double sum = 0;
    int64_t members[2] = {job->a, job->b};
    for (int i = 0; i < 2; i++) {
        ll_store_numbers numbers;
        const char *const name[] = {"initial_loss"};
        const ll_store_filter filter = {.kind = "model", .subject = runner->members->member[members[i]].name};
        LL_TRY(ll_store_read_numbers(runner->store, &filter, name, 1, &numbers, error));
        sum += numbers.count > 0 ? numbers.values[0] : NAN;
        ll_store_numbers_deinit(&numbers);
    }
    *loss = isfinite(sum) ? 0.5 * sum : 0;
    return LL_OK;
}

static ll_status run(ll_runner *runner, const ll_job *job, const ll_sink *sink, ll_record **record,
                     ll_error *error)
{
    const ll_setup_request request = {
        .group = job->owner, .fit = ll_job_integer(runner, job, "samples"), .samples = 100};
    ll_setup *setup;
    ll_curve_ends ends = {0};
    LL_TRY(ll_runner_setup(runner, &request, &setup, error));
    LL_TRY(ll_runner_weights(runner, job->a, &ends.a, &ends.buffers_a, error));
    LL_TRY(ll_runner_weights(runner, job->b, &ends.b, &ends.buffers_b, error));
    ll_curve_options options = curve_options(runner, job);
    LL_TRY(loss_before(runner, job, &options.initial_loss, error));
    return ll_connectivity_curve(ll_setup_problem(setup), &ends, &options, sink, record, error);
}

/* ---------------------------------------------------------------- planning */

static ll_status plan_pair(ll_plan *plan, const ll_request_for *request, int64_t a, int64_t b,
                           ll_error *error)
{
    static const char *const skip[] = {"pairs", NULL};
    const ll_member *member = plan->members->member;
    ll_job_draft draft = {.kind = "pair",
                          .owner = member[a].group,
                          .a = a,
                          .b = b,
                          .request = request,
                          .run = run,
                          .bytes = 5e4};
    ll_text_format(&draft.name, "path from %s to %s", member[a].name, member[b].name);
    ll_request_inputs(plan->study, request, skip, &draft.inputs);
    ll_text_format(&draft.inputs, "seed=%llu\n", (unsigned long long)plan->study->seed);
    if (plan->study->groups[member[a].group].view.kind == LL_GROUP_NETWORK) {
        static const char *const keys[] = {"roles.fit", "roles.fit.split", "roles.fit.count",
                                           "roles.fit.first", "roles.fit.seed"};
        for (int k = 0; k < 5; k++) {
            const char *value = ll_group_text(plan->study, member[a].group, keys[k]);
            if (value != NULL) ll_text_format(&draft.inputs, "%s=%s\n", keys[k], value);
        }
        ll_group_evaluation_inputs(plan->study, member[a].group, &draft.inputs);
    }
    ll_draft_need(&draft, plan->model[a]);
    ll_draft_need(&draft, plan->model[b]);
    return ll_plan_add(plan, &draft, NULL, error);
}

/* Distances 1 - CKA at the last layer among some models, from the similarity of this study where that is
 * there. *there false: not yet. */
static ll_status distances_of(ll_plan *plan, const int64_t *members, int64_t count, double *distances,
                              bool *there, ll_error *error)
{
    int64_t job = -1, id;
    ll_job_state state = LL_JOB_WAITING;
    for (int64_t i = 0; i < plan->count; i++)
        if (strcmp(plan->job[i].kind, "similarity") == 0) job = i;
    *there = false;
    if (job < 0)
        return ll_fail(error, LL_INVALID_ARGUMENT, LL_STUDY, "pairs",
                       "nearest:K wants the analysis similarity");
    if (plan->store == NULL || ll_store_find(plan->store, plan->job[job].key, &id, &state, NULL) != LL_OK ||
        state != LL_JOB_DONE)
        return LL_OK;
    ll_record *record;
    LL_TRY(ll_store_read_record(plan->store, id, &record, error));
    const ll_array *matrix = ll_array_of(record, "matrix"), *owner = ll_array_of(record, "entry_model");
    const char *names = ll_text_of(record, "model_names");
    int64_t entries = matrix != NULL ? matrix->shape[0] : 0;
    *there = true;
    char item[1024];
    for (int64_t i = 0; i < count && *there; i++)
        for (int64_t j = 0; j < count; j++) {
            int64_t last[2] = {-1, -1};
            for (int64_t e = 0; e < entries; e++) {
                ll_lines_item(names, (int64_t)ll_array_get(owner, e), item, sizeof item);
                if (strcmp(item, plan->members->member[members[i]].name) == 0) last[0] = e;
                if (strcmp(item, plan->members->member[members[j]].name) == 0) last[1] = e;
            }
            distances[i * count + j] = last[0] < 0 || last[1] < 0
                                           ? (double)INFINITY
                                           : 1.0 - ll_array_get(matrix, last[0] * entries + last[1]);
        }
    ll_record_destroy(record);
    return LL_OK;
}

static ll_status plan_group(ll_plan *plan, const ll_request_for *request, const int64_t *members,
                            int64_t count, ll_error *error)
{
    const char *text = ll_request_text(plan, request, "pairs"), *colon = strchr(text, ':');
    int64_t k = colon != NULL ? strtoll(colon + 1, NULL, 10) : 0, *pairs = NULL, pair_count = 0;
    ll_pair_plan which = text[0] == 'a' ? LL_PAIRS_ALL : text[0] == 's' ? LL_PAIRS_SAMPLE : LL_PAIRS_NEAREST;
    double *distances = NULL;
    if (which == LL_PAIRS_SAMPLE) k = ll_min_int64(k, count * (count - 1) / 2);
    if (which == LL_PAIRS_NEAREST) {
        bool there;
        k = ll_min_int64(k, count - 1);
        distances = ll_allocate_array(count * count, sizeof *distances);
        if (distances == NULL)
            return ll_fail_memory(error, LL_STUDY, (size_t)(count * count) * sizeof *distances);
        ll_status status = distances_of(plan, members, count, distances, &there, error);
        if (status != LL_OK || !there) {
            ll_free(distances);
            plan->unfinished = true;
            return status;
        }
    }
    ll_status status =
        ll_connectivity_pairs(which, count, k, distances, plan->study->seed, &pairs, &pair_count, error);
    ll_free(distances);
    for (int64_t i = 0; i < pair_count && status == LL_OK; i++)
        status = plan_pair(plan, request, members[pairs[2 * i]], members[pairs[2 * i + 1]], error);
    ll_free(pairs);
    return status;
}

static ll_status plan(ll_plan *plan, const ll_request_for *request, ll_error *error)
{
    const ll_members *all = plan->members;
    int64_t *members = ll_allocate_array(all->count + 1, sizeof *members);
    if (members == NULL) return ll_fail_memory(error, LL_STUDY, (size_t)all->count * sizeof *members);
    ll_status status = LL_OK;
    for (int64_t g = 0; g < plan->study->group_count && status == LL_OK; g++) {
        int64_t count = 0;
        if (plan->study->groups[g].view.kind == LL_GROUP_FIELD) continue;
        for (int64_t m = all->first[g]; m < all->first[g + 1]; m++)
            if (ll_request_wants(plan, request, m)) members[count++] = m;
        if (count > 1) status = plan_group(plan, request, members, count, error);
    }
    ll_free(members);
    return status;
}

const ll_analysis ll_analysis_connectivity = {"connectivity", "paths between the models of a group", rows,
                                              plan};
