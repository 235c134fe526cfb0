/* Running a plan over the store: what is done is kept, what can be done next is computed, what is interrupted
 * goes on. */
#include "study/internal.h"
#include "study/setups.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct pass { /* one walk over a plan */
    ll_runner runner;
    ll_plan plan;
    ll_study_outcome *outcome;
    int64_t *order;
    double *seconds; /* [jobs] of those that are done; NaN: not known */
    int64_t done;
    ll_error first; /* failure of a single job */
    ll_text inputs;
} pass;

/* ---------------------------------------------------------------- telling */

static void tell(const pass *p, ll_study_event event)
{
    const ll_study_run_options *options = p->runner.options;
    if (options->event == NULL) return;
    event.jobs = p->plan.count;
    event.jobs_done = p->done;
    if (event.kind == NULL) event.kind = "";
    if (event.name == NULL) event.name = "";
    if (event.message == NULL) event.message = "";
    options->event(options->event_context, &event);
}

/* Seconds for what is left: the mean of finished jobs of the same kind and group, of the kind, of all. */
static double estimate_left(const pass *p)
{
    enum { MOST_KINDS = 256 };
    struct {
        const char *kind;
        int64_t owner, count;
        double sum;
    } seen[MOST_KINDS];
    int kinds = 0;
    int64_t count = 0;
    double all = 0, left = 0;
    for (int64_t i = 0; i < p->plan.count; i++) {
        const ll_job *job = &p->plan.job[i];
        int k = 0;
        if (!isfinite(p->seconds[i])) continue;
        all += p->seconds[i];
        count++;
        while (k < kinds && (seen[k].owner != job->owner || strcmp(seen[k].kind, job->kind) != 0)) k++;
        if (k == MOST_KINDS) continue;
        if (k == kinds) {
            seen[kinds].kind = job->kind;
            seen[kinds].owner = job->owner;
            seen[kinds].sum = 0;
            seen[kinds++].count = 0;
        }
        seen[k].sum += p->seconds[i];
        seen[k].count++;
    }
    if (count == 0) return NAN;
    for (int64_t i = 0; i < p->plan.count; i++) {
        const ll_job *job = &p->plan.job[i];
        double sum = 0, mean = all / (double)count;
        int64_t same = 0;
        if (job->is_done) continue;
        for (int k = 0; k < kinds; k++) {
            if (strcmp(seen[k].kind, job->kind) != 0) continue;
            sum += seen[k].sum;
            same += seen[k].count;
            mean = sum / (double)same;
            if (seen[k].owner == job->owner) {
                mean = seen[k].sum / (double)seen[k].count;
                break;
            }
        }
        left += mean;
    }
    return left;
}

/* ---------------------------------------------------------------- order */

static int own_stage(const ll_job *job)
{
    if (strcmp(job->kind, "model") == 0 || strcmp(job->kind, "field") == 0) return 0;
    if (strcmp(job->kind, "metrics") == 0) return 1;
    return job->owner >= 0 ? 2 : 3;
}

typedef struct place {
    int64_t stage, owner, index;
} place;

static int by_place(const void *a, const void *b)
{
    const place *x = a, *y = b;
    if (x->stage != y->stage) return x->stage < y->stage ? -1 : 1;
    if (x->stage == 2 && x->owner != y->owner) return x->owner < y->owner ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* Models, then metrics (they stop a study that is set up wrongly), then group after group, then the whole. */
static ll_status make_order(pass *p, ll_error *error)
{
    int64_t count = p->plan.count;
    place *places = ll_allocate_array(count + 1, sizeof *places);
    p->order = ll_allocate_array(count + 1, sizeof *p->order);
    p->seconds = ll_allocate_array(count + 1, sizeof *p->seconds);
    if (places == NULL || p->order == NULL || p->seconds == NULL) {
        ll_free(places);
        return ll_fail_memory(error, LL_STUDY, (size_t)count * sizeof *places);
    }
    for (int64_t i = 0; i < count; i++) {
        const ll_job *job = &p->plan.job[i];
        places[i] = (place){own_stage(job), job->owner, i};
        for (int64_t k = 0; k < job->need_count; k++)
            places[i].stage = ll_max_int64(places[i].stage, places[job->needs[k]].stage);
    }
    qsort(places, (size_t)count, sizeof *places, by_place);
    for (int64_t i = 0; i < count; i++) p->order[i] = places[i].index;
    ll_free(places);
    return LL_OK;
}

/* ---------------------------------------------------------------- one job */

static ll_status store_result(pass *p, int64_t index, const ll_record *record, double seconds,
                              ll_error *error)
{
    ll_job *job = &p->plan.job[index];
    const ll_store_beside beside = {.seconds = seconds,
                                    .threads = ll_team_threads(p->runner.team),
                                    .version = p->runner.options->version};
    LL_TRY(ll_store_finish(p->runner.store, job->id, record, &beside, error));
    job->is_done = true;
    p->seconds[index] = seconds;
    p->done++;
    p->outcome->computed++;
    tell(p, (ll_study_event){.what = LL_EVENT_DONE,
                             .job = job->id,
                             .kind = job->kind,
                             .name = job->name,
                             .seconds = seconds,
                             .left = estimate_left(p)});
    return LL_OK;
}

/* A failure of the store itself, a wish to stop or a model that is not as expected ends the run. */
static bool ends_the_run(ll_status status, const ll_error *error)
{
    return status == LL_CANCELLED || strcmp(error->module, "store") == 0 || status == LL_OUT_OF_MEMORY ||
           strcmp(error->place, "expect") == 0;
}

static ll_status note_failure(pass *p, int64_t index, ll_status status, ll_error *error)
{
    const ll_job *job = &p->plan.job[index];
    if (status == LL_CANCELLED) {
        ll_status back = ll_store_put_back(p->runner.store, job->id, NULL);
        (void)back;
        return status;
    }
    if (strcmp(error->module, "store") == 0) return status;
    char message[1100];
    snprintf(message, sizeof message, "%s%s%s", error->place, error->place[0] != 0 ? ": " : "",
             error->message);
    LL_TRY(ll_store_fail(p->runner.store, job->id, message, error));
    p->outcome->failed++;
    tell(p, (ll_study_event){.what = LL_EVENT_FAILED,
                             .job = job->id,
                             .kind = job->kind,
                             .name = job->name,
                             .message = message,
                             .seconds = NAN,
                             .left = NAN});
    if (ends_the_run(status, error)) return status;
    if (p->first.status == LL_OK) {
        p->first = *error;
        p->first.status = status;
        ll_error_prefix(&p->first, "%s", job->name);
    }
    return LL_OK;
}

static ll_status run_one(pass *p, int64_t index, ll_error *error)
{
    ll_job *job = &p->plan.job[index];
    job->tried = true;
    ll_store_sink *sink = NULL;
    ll_record *record = NULL;
    ll_error reason = {0};
    double start = ll_clock_seconds();
    LL_TRY(ll_store_begin(p->runner.store, job->id, error));
    tell(p, (ll_study_event){.what = LL_EVENT_BEGUN,
                             .job = job->id,
                             .kind = job->kind,
                             .name = job->name,
                             .seconds = NAN,
                             .left = estimate_left(p)});
    LL_TRY(ll_store_sink_create(p->runner.store, job->id, p->runner.options->sink, &sink, error));
    ll_status status = job->run(&p->runner, job, ll_store_sink_view(sink), &record, &reason);
    ll_store_sink_destroy(sink);
    if (status == LL_OK) status = ll_check_expected(&p->runner, job, record, &reason);
    if (status == LL_OK) status = store_result(p, index, record, ll_clock_seconds() - start, &reason);
    ll_record_destroy(record);
    if (status != LL_OK) status = note_failure(p, index, status, &reason);
    if (status != LL_OK && error != NULL) *error = reason;
    return status;
}

/* ---------------------------------------------------------------- members that train together */

typedef struct shared_sink {
    ll_store_sink *sink[LL_MOST_TOGETHER];
    const ll_sink *outer;
} shared_sink;

/* "3/epoch/500" goes to member 3's own pieces. */
static const ll_sink *sink_of(const shared_sink *t, const char *piece, const char **rest)
{
    char *end;
    long number = strtol(piece, &end, 10);
    if (end == piece || *end != '/' || number < 0 || number >= LL_MOST_TOGETHER || t->sink[number] == NULL)
        return NULL;
    *rest = end + 1;
    return ll_store_sink_view(t->sink[number]);
}

static bool find_piece(void *context, const char *piece, void **bytes, size_t *count)
{
    const char *rest;
    const ll_sink *sink = sink_of(context, piece, &rest);
    return sink != NULL && ll_sink_find(sink, rest, bytes, count);
}

static ll_status put_piece(void *context, const char *piece, const void *bytes, size_t count, ll_error *error)
{
    const char *rest;
    const ll_sink *sink = sink_of(context, piece, &rest);
    return sink != NULL ? ll_sink_put(sink, rest, bytes, count, error)
                        : ll_fail(error, LL_INTERNAL, LL_STUDY, piece, "a piece of nobody");
}

static void show(void *context, const ll_progress *progress)
{
    const shared_sink *t = context;
    ll_sink_progress(ll_store_sink_view(t->sink[0]), progress);
}

static bool should_stop(void *context)
{
    const shared_sink *t = context;
    return ll_sink_should_stop(t->outer);
}

static ll_status run_together(pass *p, const int64_t *index, int64_t count, ll_error *error)
{
    shared_sink t = {.outer = p->runner.options->sink};
    const ll_sink sink = {
        .context = &t, .find = find_piece, .put = put_piece, .progress = show, .should_stop = should_stop};
    ll_record *records[LL_MOST_TOGETHER] = {NULL};
    int64_t members[LL_MOST_TOGETHER];
    ll_error reason = {0};
    ll_status status = LL_OK;
    double start = ll_clock_seconds();
    for (int64_t i = 0; i < count && status == LL_OK; i++) {
        const ll_job *job = &p->plan.job[index[i]];
        members[i] = job->a;
        status = ll_store_begin(p->runner.store, job->id, &reason);
        if (status == LL_OK)
            status = ll_store_sink_create(p->runner.store, job->id, i == 0 ? p->runner.options->sink : NULL,
                                          &t.sink[i], &reason);
        tell(p, (ll_study_event){.what = LL_EVENT_BEGUN,
                                 .job = job->id,
                                 .kind = job->kind,
                                 .name = job->name,
                                 .seconds = NAN,
                                 .left = estimate_left(p)});
    }
    if (status == LL_OK) status = ll_train_together(&p->runner, members, count, &sink, records, &reason);
    double seconds = (ll_clock_seconds() - start) / (double)count;
    for (int64_t i = 0; i < count; i++) ll_store_sink_destroy(t.sink[i]);
    for (int64_t i = 0; i < count && status == LL_OK; i++)
        status = store_result(p, index[i], records[i], seconds, &reason);
    for (int64_t i = 0; i < count; i++) {
        ll_record_destroy(records[i]);
        /* Who of them failed is not known: each alone, then. */
        if (status != LL_OK && !p->plan.job[index[i]].is_done) {
            ll_status back = ll_store_put_back(p->runner.store, p->plan.job[index[i]].id, NULL);
            (void)back;
        }
    }
    bool ends = status != LL_OK && ends_the_run(status, &reason);
    if (ends && error != NULL) *error = reason;
    return ends ? status : LL_OK;
}

/* ---------------------------------------------------------------- a walk over the plan */

static bool is_ready(const pass *p, const ll_job *job)
{
    for (int64_t k = 0; k < job->need_count; k++)
        if (!p->plan.job[job->needs[k]].is_done) return false;
    return true;
}

static ll_status walk(pass *p, ll_error *error)
{
    bool alone = false; /* once members could not be trained together */
    for (int64_t i = 0; i < p->plan.count; i++) {
        int64_t index = p->order[i];
        ll_job *job = &p->plan.job[index];
        if (job->is_done || job->tried) continue;
        if (ll_sink_should_stop(p->runner.options->sink))
            return ll_fail(error, LL_CANCELLED, LL_STUDY, NULL, "stopped");
        if (!is_ready(p, job)) {
            p->outcome->blocked++;
            continue;
        }
        int64_t together[LL_MOST_TOGETHER], count = 0;
        if (job->run == ll_job_model && ll_trains_together(&p->runner, job->a))
            for (int64_t k = i; k < p->plan.count && count < LL_MOST_TOGETHER; k++) {
                const ll_job *other = &p->plan.job[p->order[k]];
                if (other->run == ll_job_model && other->owner == job->owner && !other->is_done && !alone)
                    together[count++] = p->order[k];
            }
        if (count > 1) LL_TRY(run_together(p, together, count, error));
        alone = alone || (count > 1 && !job->is_done);
        if (!job->is_done) LL_TRY(run_one(p, index, error));
    }
    return LL_OK;
}

/* ---------------------------------------------------------------- planning over the store */

static ll_status store_plan(pass *p, ll_error *error)
{
    int64_t count = p->plan.count;
    ll_store_job *jobs = ll_allocate_array(count + 1, sizeof *jobs);
    int64_t *ids = ll_allocate_array(count + 1, sizeof *ids);
    ll_status status =
        jobs != NULL && ids != NULL ? LL_OK : ll_fail_memory(error, LL_STUDY, (size_t)count * sizeof *jobs);
    for (int64_t i = 0; i < count && status == LL_OK; i++) {
        const ll_job *job = &p->plan.job[i];
        jobs[i] = (ll_store_job){.key = job->key,
                                 .kind = job->kind,
                                 .name = job->name,
                                 .group = job->group,
                                 .subject = job->subject,
                                 .other = job->other,
                                 .inputs = job->inputs};
    }
    if (status == LL_OK) status = ll_store_plan(p->runner.store, jobs, count, ids, error);
    ll_free(jobs);
    ll_store_listing listing = {0};
    if (status == LL_OK) status = ll_store_list(p->runner.store, NULL, &listing, error);
    int64_t at = 0;
    for (int64_t i = 0; i < count && status == LL_OK; i++) p->plan.job[i].id = ids[i];
    /* Rows come by id; new jobs got theirs in the order of the plan, old ones anywhere. */
    for (int64_t i = 0; i < count && status == LL_OK; i++) {
        for (int64_t tries = 0; tries < listing.count && listing.rows[at].id != ids[i]; tries++)
            at = (at + 1) % listing.count;
        const ll_store_row *row = &listing.rows[at];
        p->plan.job[i].is_done = row->state == LL_JOB_DONE;
        p->seconds[i] = row->state == LL_JOB_DONE ? row->seconds : NAN;
        p->done += row->state == LL_JOB_DONE;
    }
    ll_store_listing_deinit(&listing);
    ll_free(ids);
    return status;
}

static void pass_deinit(pass *p)
{
    ll_runner_release(&p->runner);
    ll_plan_deinit(&p->plan);
    ll_free(p->order);
    ll_free(p->seconds);
}

/* Plans with what is there, computes. *more: results have come that let more be planned. */
static ll_status run_pass(const ll_study *study, const ll_members *members, ll_store *store, ll_team *team,
                          const ll_study_run_options *options, ll_study_outcome *outcome, bool first,
                          bool *more, ll_error *error)
{
    pass p = {.outcome = outcome};
    *more = false;
    LL_TRY(ll_plan_make(study, members, store, &p.plan, error));
    p.runner = (ll_runner){.study = study,
                           .members = members,
                           .plan = &p.plan,
                           .store = store,
                           .options = options,
                           .team = team};
    ll_status status = make_order(&p, error);
    if (status == LL_OK) status = store_plan(&p, error);
    outcome->jobs = p.plan.count;
    outcome->blocked = 0;
    if (first) outcome->found = p.done;
    if (status == LL_OK)
        tell(&p, (ll_study_event){.what = LL_EVENT_PLANNED, .seconds = NAN, .left = estimate_left(&p)});
    /* A result of an earlier run must be as expected now. */
    for (int64_t i = 0; i < p.plan.count && status == LL_OK && first; i++) {
        const ll_job *job = &p.plan.job[i];
        if (job->is_done) status = ll_check_expected(&p.runner, job, NULL, error);
    }
    if (status == LL_OK) status = walk(&p, error);
    if (status == LL_OK) *more = p.plan.unfinished && p.first.status == LL_OK && p.outcome->blocked == 0;
    if (status == LL_OK && p.first.status != LL_OK) {
        if (error != NULL) *error = p.first;
        status = LL_NUMERIC;
    }
    pass_deinit(&p);
    return status;
}

/* ---------------------------------------------------------------- the whole run */

/* The study with what was added to the file since. */
static ll_status with_additions(const ll_study *study, ll_store *store, ll_study **whole, ll_error *error)
{
    ll_store_notes notes;
    LL_TRY(ll_store_list_provenance(store, &notes, error));
    const char *additions = "";
    for (int64_t i = 0; i < notes.count; i++)
        if (strcmp(notes.notes[i].name, "additions") == 0) additions = notes.notes[i].value;
    ll_status status = ll_study_parse(study->text, strlen(study->text), study->place, study->folder,
                                      additions, whole, error);
    ll_store_notes_deinit(&notes);
    if (status == LL_OK) ll_study_set_effort(*whole, study->effort);
    return status;
}

static ll_status set_if_changed(ll_store *store, const ll_store_notes *notes, const char *name,
                                const char *value, ll_error *error)
{
    for (int64_t i = 0; i < notes->count; i++)
        if (strcmp(notes->notes[i].name, name) == 0 && strcmp(notes->notes[i].value, value) == 0)
            return LL_OK;
    return ll_store_set_provenance(store, name, value, error);
}

static ll_status note_provenance(const ll_study *study, const ll_members *members, ll_store *store,
                                 const ll_study_run_options *options, ll_error *error)
{
    ll_store_notes notes;
    ll_text hashes = {0};
    char text[33];
    LL_TRY(ll_store_list_provenance(store, &notes, error));
    const char *cpu = ll_cpu_level_name(ll_cpu_detect());
    for (int64_t i = 0; i < notes.count; i++)
        if (strcmp(notes.notes[i].name, "cpu") == 0 && strcmp(notes.notes[i].value, cpu) != 0 &&
            options->event != NULL) {
            char message[256];
            snprintf(message, sizeof message,
                     "this study was begun with %s instructions; this machine computes with %s: results from "
                     "here on may differ in their last digits",
                     notes.notes[i].value, cpu);
            options->event(options->event_context, &(ll_study_event){.what = LL_EVENT_NOTE,
                                                                     .kind = "",
                                                                     .name = "",
                                                                     .message = message,
                                                                     .seconds = NAN,
                                                                     .left = NAN});
        }
    for (int64_t g = 0; g < study->group_count; g++) {
        ll_hash_text(members->data[g], text);
        ll_text_format(&hashes, "%s %s\n", text, study->groups[g].view.name);
    }
    ll_status status = hashes.failed ? ll_fail_memory(error, LL_STUDY, 256) : LL_OK;
    if (status == LL_OK) status = set_if_changed(store, &notes, "study", study->text, error);
    if (status == LL_OK) status = set_if_changed(store, &notes, "name", study->name, error);
    if (status == LL_OK)
        status = set_if_changed(store, &notes, "effort", ll_effort_name(study->effort), error);
    if (status == LL_OK) status = set_if_changed(store, &notes, "cpu", cpu, error);
    if (status == LL_OK)
        status = set_if_changed(store, &notes, "data_hashes", hashes.text != NULL ? hashes.text : "", error);
    if (status == LL_OK && options->version != NULL)
        status = set_if_changed(store, &notes, "version", options->version, error);
    ll_text_deinit(&hashes);
    ll_store_notes_deinit(&notes);
    return status;
}

static ll_status run_in(const ll_study *study, ll_store *store, const ll_study_run_options *options,
                        ll_study_outcome *outcome, ll_error *error)
{
    ll_members members = {0};
    ll_team *team = NULL;
    LL_TRY(ll_members_find(study, &members, error));
    ll_status status = note_provenance(study, &members, store, options, error);
    if (status == LL_OK) status = ll_team_create(options->threads, &team, error);
    bool more = true;
    for (bool first = true; status == LL_OK && more; first = false)
        status = run_pass(study, &members, store, team, options, outcome, first, &more, error);
    if (status == LL_OK && options->prune) status = ll_store_prune(store, NULL, error);
    ll_team_destroy(team);
    ll_members_deinit(&members);
    return status;
}

ll_status ll_study_run(const ll_study *study, const char *path, const ll_study_run_options *options,
                       ll_study_outcome *outcome, ll_error *error)
{
    const ll_store_options access = {.access = LL_STORE_CREATE,
                                     .rollback_journal = options->rollback_journal,
                                     .take_over = options->take_over};
    ll_store *store = NULL;
    ll_study *whole = NULL;
    double start = ll_clock_seconds();
    ll_study_outcome made = {0};
    ll_status status = ll_store_open(path, &access, &store, error);
    if (status == LL_OK) status = with_additions(study, store, &whole, error);
    if (status == LL_OK) status = run_in(whole, store, options, &made, error);
    ll_study_destroy(whole);
    ll_store_destroy(store);
    made.seconds = ll_clock_seconds() - start;
    if (outcome != NULL) *outcome = made;
    return status;
}
