/* The taxonomy label of each group, and the job behind its flatness: how much the loss rises at a stated
 * distance. */
#include "study/setups.h"
#include "study/taxonomy.h"

#include "losslens/landscape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const ll_setting_row rows[] = {
    {"connected",
     LL_SETTING_REAL,
     {"0.05"},
     NULL,
     0,
     1e6,
     "barrier over depth: at most this is well connected"},
    {"under_trained",
     LL_SETTING_REAL,
     {"0.05"},
     NULL,
     0,
     1e6,
     "mc over depth: more than this is under-trained"},
    {"flat",
     LL_SETTING_REAL,
     {"0.25"},
     NULL,
     0,
     1e6,
     "rise of the loss over depth at the radius: at most this is flat"},
    {"radius",
     LL_SETTING_REAL,
     {"0.25"},
     NULL,
     1e-6,
     1e3,
     "of the rise: along filter-normalised random directions"},
    {"directions", LL_SETTING_INTEGER, {"4", "8", "16"}, NULL, 1, 1000, "of the rise: how many"},
    {"eigenvalue",
     LL_SETTING_REAL,
     {NULL},
     NULL,
     0,
     1e300,
     "flat also wants a top eigenvalue of at most this"},
    {"similar", LL_SETTING_REAL, {"0.8"}, NULL, 0, 1, "CKA at the last layer: at least this is similar"},
    LL_COMMON_ROWS,
    {NULL, LL_SETTING_TEXT, {NULL}, NULL, 0, 0, NULL},
};

/* ---------------------------------------------------------------- rise */

/* The loss at -radius, 0, radius along one direction. */
static ll_status line(ll_runner *runner, const ll_job *job, ll_problem *problem, const void *theta,
                      const void *buffers, int64_t direction, double values[3], ll_error *error)
{
    double radius = ll_job_real(runner, job, "radius");
    ll_axes axes = {0};
    ll_axes_options how = {.dimensions = 1, .seed = runner->study->seed + (uint64_t)direction};
    how.axis[0].normalisation = LL_NORMALISE_FILTER;
    LL_TRY(ll_axes_create(ll_problem_view(problem), theta, &how, &axes, error));
    const ll_landscape_options options = {.origin = theta,
                                          .origin_buffers = buffers,
                                          .axes = &axes,
                                          .size = {3},
                                          .low = {-radius},
                                          .high = {radius}};
    ll_landscape *landscape = NULL;
    ll_record *record = NULL;
    ll_status status = ll_landscape_create(problem, &options, &landscape, error);
    if (status == LL_OK) status = ll_landscape_run(landscape, NULL, error);
    if (status == LL_OK) status = ll_landscape_record(landscape, &record, error);
    const ll_array *loss = status == LL_OK ? ll_array_of(record, "loss") : NULL;
    for (int i = 0; i < 3 && loss != NULL; i++) values[i] = ll_array_get(loss, i);
    ll_record_destroy(record);
    ll_landscape_destroy(landscape);
    ll_axes_deinit(&axes);
    return status;
}

static ll_status fill_rise(ll_runner *runner, const ll_job *job, const ll_sink *sink, ll_record *record,
                           ll_error *error)
{
    const ll_setup_request request = {.group = job->owner, .fit = -1};
    const void *theta, *buffers;
    ll_setup *setup;
    LL_TRY(ll_runner_setup(runner, &request, &setup, error));
    LL_TRY(ll_runner_weights(runner, job->a, &theta, &buffers, error));
    int64_t count = ll_job_integer(runner, job, "directions");
    double sum = 0, centre = NAN, before = NAN;
    double *rises = ll_allocate_array(count, sizeof *rises);
    if (rises == NULL) return ll_fail_memory(error, LL_STUDY, (size_t)count * sizeof *rises);
    ll_status status = LL_OK;
    for (int64_t d = 0; d < count && status == LL_OK; d++) {
        double values[3] = {NAN, NAN, NAN};
        if (ll_sink_should_stop(sink)) status = ll_fail(error, LL_CANCELLED, LL_STUDY, job->name, "stopped");
        if (status == LL_OK)
            status = line(runner, job, ll_setup_problem(setup), theta, buffers, d, values, error);
        centre = values[1];
        rises[d] = 0.5 * (values[0] + values[2]) - values[1];
        sum += rises[d];
    }
    ll_store_numbers numbers = {0};
    const char *const names[] = {"initial_loss"};
    const ll_store_filter filter = {.kind = "model", .subject = job->subject};
    if (status == LL_OK) status = ll_store_read_numbers(runner->store, &filter, names, 1, &numbers, error);
    if (status == LL_OK && numbers.count > 0) before = numbers.values[0];
    ll_store_numbers_deinit(&numbers);
    double rise = sum / (double)count, depth = before - centre;
    if (status == LL_OK)
        status = ll_record_set_real(record, "radius", "direction lengths", ll_job_real(runner, job, "radius"),
                                    error);
    if (status == LL_OK) status = ll_record_set_reals(record, "rises", "loss", rises, count, error);
    if (status == LL_OK) status = ll_record_set_real(record, "rise", "loss", rise, error);
    if (status == LL_OK) status = ll_record_set_real(record, "centre_loss", "loss", centre, error);
    if (status == LL_OK) status = ll_record_set_real(record, "initial_loss", "loss", before, error);
    if (status == LL_OK)
        status =
            ll_record_set_real(record, "relative_rise", "", depth > 0 ? rise / depth : (double)NAN, error);
    ll_free(rises);
    return status;
}

static ll_status run_rise(ll_runner *runner, const ll_job *job, const ll_sink *sink, ll_record **record,
                          ll_error *error)
{
    ll_record *made = ll_record_create("rise");
    if (made == NULL) return ll_fail_memory(error, LL_STUDY, 1024);
    ll_status status = fill_rise(runner, job, sink, made, error);
    if (status != LL_OK) {
        ll_record_destroy(made);
        return status;
    }
    *record = made;
    return LL_OK;
}

/* ---------------------------------------------------------------- evidence */

typedef struct evidence_memory {
    ll_taxonomy_evidence view;
    double *all; /* four matrices and two lists */
    int64_t *member;
} evidence_memory;

static ll_status evidence_init(evidence_memory *e, int64_t members, ll_error *error)
{
    int64_t square = members * members, total = 4 * square + 2 * members;
    e->all = ll_allocate_array(total + 1, sizeof *e->all);
    e->member = ll_allocate_array(members + 1, sizeof *e->member);
    if (e->all == NULL || e->member == NULL)
        return ll_fail_memory(error, LL_STUDY, (size_t)total * sizeof *e->all);
    for (int64_t i = 0; i < total; i++) e->all[i] = NAN;
    e->view = (ll_taxonomy_evidence){.members = members,
                                     .barrier = e->all,
                                     .converged = e->all + square,
                                     .mc = e->all + 2 * square,
                                     .cka = e->all + 3 * square,
                                     .rise = e->all + 4 * square,
                                     .eigenvalue = e->all + 4 * square + members};
    return LL_OK;
}

static int64_t index_of(const evidence_memory *e, int64_t member)
{
    for (int64_t i = 0; i < e->view.members; i++)
        if (e->member[i] == member) return i;
    return -1;
}

static void set_pair(const evidence_memory *e, double *matrix, int64_t i, int64_t j, double value)
{
    matrix[i * e->view.members + j] = matrix[j * e->view.members + i] = value;
}

/* Entries of the last layer of each member. */
static void take_similarity(evidence_memory *e, const ll_runner *runner, const ll_record *cka)
{
    const ll_array *matrix = ll_array_of(cka, "matrix"), *owner = ll_array_of(cka, "entry_model");
    const char *names = ll_text_of(cka, "model_names");
    int64_t entries = matrix->shape[0], square = e->view.members * e->view.members;
    char item[1024];
    int64_t *last = ll_allocate_array(e->view.members + 1, sizeof *last);
    if (last == NULL) return;
    for (int64_t i = 0; i < e->view.members; i++) {
        last[i] = -1;
        for (int64_t k = 0; k < entries; k++)
            if (strcmp(ll_lines_item(names, (int64_t)ll_array_get(owner, k), item, sizeof item),
                       runner->members->member[e->member[i]].name) == 0)
                last[i] = k;
    }
    for (int64_t i = 0; i < e->view.members; i++)
        for (int64_t j = i + 1; j < e->view.members; j++)
            if (last[i] >= 0 && last[j] >= 0)
                set_pair(e, e->all + 3 * square, i, j, ll_array_get(matrix, last[i] * entries + last[j]));
    ll_free(last);
}

static ll_status gather(evidence_memory *e, ll_runner *runner, const ll_job *job, ll_error *error)
{
    int64_t square = e->view.members * e->view.members;
    for (int64_t k = 0; k < job->need_count; k++) {
        const ll_job *need = &runner->plan->job[job->needs[k]];
        bool pair = strcmp(need->kind, "pair") == 0, rise = strcmp(need->kind, "rise") == 0,
             eigen = strcmp(need->kind, "eigenpairs") == 0;
        bool cka = strcmp(need->kind, "similarity") == 0;
        if (!pair && !rise && !eigen && !cka) continue;
        ll_record *record;
        LL_TRY(ll_runner_record(runner, job->needs[k], &record, error));
        int64_t i = need->a >= 0 ? index_of(e, need->a) : -1, j = need->b >= 0 ? index_of(e, need->b) : -1;
        if (pair) {
            double depth = ll_real_of(record, "barrier") / ll_real_of(record, "relative_barrier"),
                   start = ll_real_of(record, "initial_loss");
            const ll_array *loss = ll_array_of(record, "loss");
            if (loss != NULL)
                depth = start - fmin(ll_array_get(loss, 0), ll_array_get(loss, loss->shape[0] - 1));
            set_pair(e, e->all, i, j, ll_real_of(record, "relative_barrier"));
            set_pair(e, e->all + square, i, j, ll_real_of(record, "converged"));
            set_pair(e, e->all + 2 * square, i, j,
                     depth > 0 ? ll_real_of(record, "mc_loss") / depth : (double)NAN);
        }
        const ll_array *values = eigen ? ll_array_of(record, "eigenvalues") : NULL;
        if (rise) e->all[4 * square + i] = ll_real_of(record, "relative_rise");
        if (values != NULL && ll_array_count(values) > 0)
            e->all[4 * square + e->view.members + i] = ll_array_get(values, 0);
        if (cka) take_similarity(e, runner, record);
        ll_record_destroy(record);
    }
    return LL_OK;
}

/* ---------------------------------------------------------------- the record */

static void write_sentence(const ll_taxonomy_result *r, const ll_taxonomy_thresholds *t, int64_t members,
                           ll_text *text)
{
    if (r->label == LL_TAXONOMY_UNDECIDED && members < 2)
        ll_text_append(text, "One model alone: how minima relate is not known. Train more seeds.");
    else if (r->label == LL_TAXONOMY_UNDECIDED && r->pairs == 0)
        ll_text_append(text, "No path between the models was computed: ask for connectivity.");
    else if (r->label == LL_TAXONOMY_UNDECIDED && r->barrier > t->connected)
        ll_text_format(text,
                       "%lld of %lld curves did not converge, so that the barrier is only known to be at "
                       "most %.3g of the depth: give connectivity more rounds.",
                       (long long)r->unconverged, (long long)r->pairs, r->barrier);
    else
        ll_text_format(text,
                       "%s%s: the barrier between models is %.3g of the depth (connected up to %.3g), the "
                       "loss rises by %.3g of the depth at the radius (flat up to %.3g), "
                       "similarity is %.3g (similar from %.3g).",
                       r->between ? "Near a threshold; rather " : "", ll_taxonomy_meaning(r->label),
                       r->barrier, t->connected, r->rise, t->flat, r->cka, t->similar);
    if (text->text != NULL && text->text[0] >= 'a' && text->text[0] <= 'z')
        text->text[0] = (char)(text->text[0] - 'a' + 'A');
}

static ll_status write_record(const ll_taxonomy_result *r, const ll_taxonomy_thresholds *t, double radius,
                              int64_t members, ll_record *record, ll_error *error)
{
    const struct {
        const char *name, *unit;
        double value;
    } numbers[] = {{"connectedness", "", r->barrier},
                   {"connectedness_threshold", "", t->connected},
                   {"under_trained", "", r->mc},
                   {"under_trained_threshold", "", t->under_trained},
                   {"flatness", "", r->rise},
                   {"flatness_threshold", "", t->flat},
                   {"radius", "direction lengths", radius},
                   {"top_eigenvalue", "loss", r->eigenvalue},
                   {"top_eigenvalue_threshold", "loss", t->eigenvalue},
                   {"similarity", "", r->cka},
                   {"similarity_threshold", "", t->similar},
                   {"share_bootstrap", "", r->share_bootstrap},
                   {"share_threshold", "", r->share_threshold}};
    char label[64];
    snprintf(label, sizeof label, r->between ? "between %s and %s" : "%s", ll_taxonomy_name(r->label),
             ll_taxonomy_name(r->other));
    LL_TRY(ll_record_set_text(record, "label", label, error));
    LL_TRY(ll_record_set_text(record, "nearest_label", ll_taxonomy_name(r->label), error));
    LL_TRY(ll_record_set_text(record, "meaning", ll_taxonomy_meaning(r->label), error));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        LL_TRY(ll_record_set_real(record, numbers[i].name, numbers[i].unit, numbers[i].value, error));
    LL_TRY(ll_record_set_integer(record, "members", "", members, error));
    LL_TRY(ll_record_set_integer(record, "pairs", "", r->pairs, error));
    LL_TRY(ll_record_set_integer(record, "unconverged_pairs", "", r->unconverged, error));
    ll_text text = {0};
    write_sentence(r, t, members, &text);
    ll_status status = text.failed ? ll_fail_memory(error, LL_STUDY, 256)
                                   : ll_record_set_text(record, "sentence", text.text, error);
    ll_text_deinit(&text);
    return status;
}

static ll_status classify(ll_runner *runner, const ll_job *job, ll_record *record, ll_error *error)
{
    evidence_memory e = {0};
    int64_t members = 0;
    for (int64_t k = 0; k < job->need_count; k++)
        members += strcmp(runner->plan->job[job->needs[k]].kind, "model") == 0;
    ll_status status = evidence_init(&e, members, error);
    for (int64_t k = 0, i = 0; k < job->need_count && status == LL_OK; k++)
        if (strcmp(runner->plan->job[job->needs[k]].kind, "model") == 0)
            e.member[i++] = runner->plan->job[job->needs[k]].a;
    if (status == LL_OK) status = gather(&e, runner, job, error);
    const char *eigenvalue = ll_job_text(runner, job, "eigenvalue");
    const ll_taxonomy_thresholds thresholds = {.connected = ll_job_real(runner, job, "connected"),
                                               .under_trained = ll_job_real(runner, job, "under_trained"),
                                               .flat = ll_job_real(runner, job, "flat"),
                                               .similar = ll_job_real(runner, job, "similar"),
                                               .eigenvalue = eigenvalue != NULL ? strtod(eigenvalue, NULL)
                                                                                : (double)INFINITY};
    ll_taxonomy_result result;
    if (status == LL_OK)
        status = ll_taxonomy_classify(&e.view, &thresholds, runner->study->seed, &result, error);
    if (status == LL_OK)
        status =
            write_record(&result, &thresholds, ll_job_real(runner, job, "radius"), members, record, error);
    ll_free(e.all);
    ll_free(e.member);
    return status;
}

static ll_status run(ll_runner *runner, const ll_job *job, const ll_sink *sink, ll_record **record,
                     ll_error *error)
{
    (void)sink;
    ll_record *made = ll_record_create("taxonomy");
    if (made == NULL) return ll_fail_memory(error, LL_STUDY, 1024);
    ll_status status = classify(runner, job, made, error);
    if (status != LL_OK) {
        ll_record_destroy(made);
        return status;
    }
    *record = made;
    return LL_OK;
}

/* ---------------------------------------------------------------- planning */

static ll_status plan_rise(ll_plan *plan, const ll_request_for *request, int64_t m, int64_t *index,
                           ll_error *error)
{
    static const char *const skip[] = {"connected", "under_trained", "flat", "eigenvalue", "similar", NULL};
    const ll_member *member = &plan->members->member[m];
    ll_job_draft draft = {.kind = "rise",
                          .owner = member->group,
                          .a = m,
                          .b = -1,
                          .request = request,
                          .run = run_rise,
                          .bytes = 1e3};
    ll_text_format(&draft.name, "rise of the loss around %s", member->name);
    ll_request_inputs(plan->study, request, skip, &draft.inputs);
    ll_text_format(&draft.inputs, "seed=%llu\n", (unsigned long long)plan->study->seed);
    ll_group_evaluation_inputs(plan->study, member->group, &draft.inputs);
    ll_draft_need(&draft, plan->model[m]);
    return ll_plan_add(plan, &draft, index, error);
}

static ll_status plan_group(ll_plan *plan, const ll_request_for *request, int64_t g, ll_error *error)
{
    const ll_members *all = plan->members;
    ll_job_draft draft = {
        .kind = "taxonomy", .owner = g, .a = -1, .b = -1, .request = request, .run = run, .bytes = 2e3};
    ll_text_format(&draft.name, "taxonomy of %s", plan->study->groups[g].view.name);
    ll_request_inputs(plan->study, request, NULL, &draft.inputs);
    ll_text_format(&draft.inputs, "group=%s\nseed=%llu\n", plan->study->groups[g].view.name,
                   (unsigned long long)plan->study->seed);
    ll_status status = LL_OK;
    int64_t first_pair = -1, index;
    for (int64_t m = all->first[g]; m < all->first[g + 1]; m++)
        if (ll_request_wants(plan, request, m)) ll_draft_need(&draft, plan->model[m]);
    for (int64_t m = all->first[g]; m < all->first[g + 1] && status == LL_OK; m++) {
        if (!ll_request_wants(plan, request, m)) continue;
        status = plan_rise(plan, request, m, &index, error);
        if (status == LL_OK) ll_draft_need(&draft, index);
    }
    for (int64_t i = 0; i < plan->count && status == LL_OK; i++) {
        const ll_job *job = &plan->job[i];
        bool pair = strcmp(job->kind, "pair") == 0 && job->owner == g,
             eigen = strcmp(job->kind, "eigenpairs") == 0 && job->owner == g;
        /* One kind of path: that of the first request for connectivity. */
        if (pair && first_pair < 0) first_pair = i;
        if (pair && job->request != plan->job[first_pair].request) continue;
        if (pair && (!ll_request_wants(plan, request, job->a) || !ll_request_wants(plan, request, job->b)))
            continue;
        if (eigen && !ll_request_wants(plan, request, job->a)) continue;
        if (pair || eigen || strcmp(job->kind, "similarity") == 0) ll_draft_need(&draft, i);
    }
    if (status == LL_OK) return ll_plan_add(plan, &draft, NULL, error);
    ll_text_deinit(&draft.name);
    ll_text_deinit(&draft.inputs);
    ll_free(draft.needs);
    return status;
}

static ll_status plan(ll_plan *plan, const ll_request_for *request, ll_error *error)
{
    for (int64_t g = 0; g < plan->study->group_count; g++) {
        bool wanted = false;
        if (plan->study->groups[g].view.kind == LL_GROUP_FIELD) continue;
        for (int64_t m = plan->members->first[g]; m < plan->members->first[g + 1]; m++)
            wanted = wanted || ll_request_wants(plan, request, m);
        if (wanted) LL_TRY(plan_group(plan, request, g, error));
    }
    return LL_OK;
}

const ll_analysis ll_analysis_taxonomy = {
    "taxonomy", "sharp or flat, poorly or well connected: the label of each group with its evidence", rows,
    plan};
