/* Many runs on one Problem at the same time. Each run is ll_training_run on a thread of its own, on a stand-in for the
 * Problem that hands its evaluation over and sleeps. When every run that still goes has handed one over, the last of
 * them evaluates all as one request of as many points: the line searches of L-BFGS ask for different things at
 * different times, and this is where they meet. A point's bits do not depend on its company, so neither do a run's. */
#include "losslens/problem_vectors.h"
#include "losslens/training.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static const char *const module = "training";

typedef struct ensemble ensemble;

typedef struct member {
    ensemble *together;
    int64_t index;
    const ll_training_options *options;
    ll_problem *stand_in;
    const ll_request *request; /* handed over and not answered; NULL: none */
    ll_status answer;
    ll_error answer_error;
    ll_record *record;
    ll_status status;
    ll_error error;
    pthread_t thread;
} member;

struct ensemble {
    ll_problem *problem;
    const ll_problem_info *info;
    const ll_sink *sink;
    member *members;
    int64_t count;
    pthread_mutex_t mutex; /* guards what follows and every member's request and answer */
    pthread_cond_t changed;
    int64_t going, waiting;
    bool evaluating, failed;
    pthread_mutex_t sink_mutex;
    int64_t finished;
    /* Tables of one common request; used by the member that evaluates. */
    int64_t *chosen;
    const void **thetas, **buffers;
    void **gradients, **buffers_out;
    double *losses;
};

/* ---------------------------------------------------------------- the common request */

/* What can be answered together: one point with loss and gradient on everything. */
static bool joins(const ensemble *e, const ll_request *request, const ll_request *first)
{
    bool plain = request->points == 1 && request->gradients != NULL && request->terms == NULL &&
                 request->metrics == NULL && request->product_count == 0 && request->feature_layers == 0 &&
                 request->mode != LL_MODE_CALIBRATION;
    if (first == NULL || !plain) return plain;
    bool same_key = request->mode == LL_MODE_EVALUATION || (e->info->capabilities & LL_CAN_REPEAT) != 0 ||
                    request->dropout_key == first->dropout_key;
    return request->mode == first->mode && same_key &&
           (request->buffers_out == NULL) == (first->buffers_out == NULL);
}

static ll_status evaluate_chosen(ensemble *e, int64_t points, ll_error *error)
{
    const ll_request *first = e->members[e->chosen[0]].request;
    for (int64_t k = 0; k < points; k++) {
        const ll_request *request = e->members[e->chosen[k]].request;
        e->thetas[k] = request->thetas[0];
        e->gradients[k] = request->gradients[0];
        if (request->buffers != NULL) e->buffers[k] = request->buffers[0];
        if (request->buffers_out != NULL) e->buffers_out[k] = request->buffers_out[0];
    }
    ll_request common = {.points = points,
                         .thetas = e->thetas,
                         .buffers = first->buffers != NULL ? e->buffers : NULL,
                         .mode = first->mode,
                         .dropout_key = first->dropout_key,
                         .loss = e->losses,
                         .gradients = e->gradients,
                         .buffers_out = first->buffers_out != NULL ? e->buffers_out : NULL};
    LL_TRY(ll_problem_evaluate(e->problem, &common, error));
    for (int64_t k = 0; k < points; k++) {
        const ll_request *request = e->members[e->chosen[k]].request;
        if (request->loss != NULL) request->loss[0] = e->losses[k];
    }
    return LL_OK;
}

/* A request that goes alone. Single terms are not for a stand-in to give: weight decay is the Problem's. */
static ll_status evaluate_lone(ensemble *e, const ll_request *request, ll_error *error)
{
    if (request->terms != NULL)
        return ll_fail(error, LL_UNSUPPORTED, module, "ensemble", "no single terms in runs together");
    ll_request lone = *request;
    lone.samples = NULL;
    return ll_problem_evaluate(e->problem, &lone, error);
}

static void answer(ensemble *e, member *m, ll_status status, const ll_error *error)
{
    m->answer = status;
    m->answer_error = *error;
    m->request = NULL;
    e->waiting--;
}

/* Answers everything that waits. The mutex is held on entry and exit, not meanwhile. */
static void serve(ensemble *e)
{
    e->evaluating = true;
    while (e->waiting > 0) {
        int64_t points = 0;
        const ll_request *first = NULL;
        for (int64_t i = 0; i < e->count; i++) {
            const ll_request *request = e->members[i].request;
            if (request == NULL || !joins(e, request, first)) continue;
            if (first == NULL) first = request;
            e->chosen[points++] = i;
        }
        bool lone = points == 0;
        for (int64_t i = 0; lone && points == 0; i++)
            if (e->members[i].request != NULL) e->chosen[points++] = i;
        pthread_mutex_unlock(&e->mutex);
        ll_error error = {0};
        ll_status status = lone ? evaluate_lone(e, e->members[e->chosen[0]].request, &error)
                                : evaluate_chosen(e, points, &error);
        pthread_mutex_lock(&e->mutex);
        for (int64_t k = 0; k < points; k++) answer(e, &e->members[e->chosen[k]], status, &error);
    }
    e->evaluating = false;
    pthread_cond_broadcast(&e->changed);
}

static ll_status hand_over(void *context, const ll_request *request, ll_error *error)
{
    member *m = context;
    ensemble *e = m->together;
    pthread_mutex_lock(&e->mutex);
    m->request = request;
    e->waiting++;
    while (m->request != NULL) {
        if (e->waiting == e->going && !e->evaluating) serve(e);
        else pthread_cond_wait(&e->changed, &e->mutex);
    }
    ll_status status = m->answer;
    if (status != LL_OK && error != NULL) *error = m->answer_error;
    pthread_mutex_unlock(&e->mutex);
    return status;
}

/* ---------------------------------------------------------------- a member's sink */

static bool find_piece(void *context, const char *piece, void **bytes, size_t *count)
{
    member *m = context;
    char name[128];
    snprintf(name, sizeof name, "%lld/%s", (long long)m->index, piece);
    pthread_mutex_lock(&m->together->sink_mutex);
    bool found = ll_sink_find(m->together->sink, name, bytes, count);
    pthread_mutex_unlock(&m->together->sink_mutex);
    return found;
}

static ll_status put_piece(void *context, const char *piece, const void *bytes, size_t count, ll_error *error)
{
    member *m = context;
    char name[128];
    snprintf(name, sizeof name, "%lld/%s", (long long)m->index, piece);
    pthread_mutex_lock(&m->together->sink_mutex);
    ll_status status = ll_sink_put(m->together->sink, name, bytes, count, error);
    pthread_mutex_unlock(&m->together->sink_mutex);
    return status;
}

/* One number for all: how many runs have ended, and the loss of whoever stepped last. */
static void tell(void *context, const ll_progress *progress)
{
    member *m = context;
    ensemble *e = m->together;
    pthread_mutex_lock(&e->sink_mutex);
    ll_progress all = *progress;
    all.what = "runs ended";
    all.done = e->finished;
    all.total = e->count;
    ll_sink_progress(e->sink, &all);
    pthread_mutex_unlock(&e->sink_mutex);
}

static bool stop(void *context)
{
    member *m = context;
    ensemble *e = m->together;
    pthread_mutex_lock(&e->mutex);
    bool failed = e->failed;
    pthread_mutex_unlock(&e->mutex);
    if (failed) return true;
    pthread_mutex_lock(&e->sink_mutex);
    bool asked = ll_sink_should_stop(e->sink);
    pthread_mutex_unlock(&e->sink_mutex);
    return asked;
}

static void *run_member(void *argument)
{
    member *m = argument;
    ensemble *e = m->together;
    bool keeps = e->sink != NULL && e->sink->put != NULL, finds = e->sink != NULL && e->sink->find != NULL;
    ll_sink sink = {.context = m,
                    .find = finds ? find_piece : NULL,
                    .put = keeps ? put_piece : NULL,
                    .progress = tell,
                    .should_stop = stop};
    m->status = ll_training_run(m->stand_in, m->options, &sink, &m->record, &m->error);
    pthread_mutex_lock(&e->sink_mutex);
    e->finished++;
    pthread_mutex_unlock(&e->sink_mutex);
    pthread_mutex_lock(&e->mutex);
    e->going--;
    if (m->status != LL_OK) e->failed = true;
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->mutex);
    return NULL;
}

/* ---------------------------------------------------------------- all of it */

static ll_status make_stand_in(ensemble *e, member *m, ll_error *error)
{
    ll_problem_info info = *e->info;
    info.capabilities &= LL_CAN_GRADIENT | LL_CAN_METRICS | LL_CAN_TRAINING_MODE | LL_CAN_REPEAT;
    info.weight_decay = 0; /* the Problem adds it */
    ll_problem_callbacks callbacks = {.evaluate = hand_over};
    return ll_problem_create_callback(&info, ll_problem_origin(e->problem),
                                      ll_problem_origin_buffers(e->problem), NULL, 0, &callbacks, m,
                                      &m->stand_in, error);
}

static ll_status check(const ll_training_options *options, int64_t members, ll_error *error)
{
    if (members < 1 || members > 4096)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, "ensemble", "got %lld runs; wanted 1 to 4096",
                       (long long)members);
    for (int64_t i = 0; i < members; i++)
        if (options[i].batch_size != 0 || options[i].role != NULL || options[i].evaluate_role != NULL ||
            options[i].before_epoch != NULL)
            return ll_fail(error, LL_UNSUPPORTED, module, "ensemble",
                           "run %lld has batches, a role or a call before epochs; runs together use all "
                           "samples at every step",
                           (long long)i);
    return LL_OK;
}

static void ensemble_deinit(ensemble *e)
{
    for (int64_t i = 0; e->members != NULL && i < e->count; i++) ll_problem_destroy(e->members[i].stand_in);
    ll_free(e->members);
    ll_free(e->chosen);
    ll_free(e->thetas);
    ll_free(e->buffers);
    ll_free(e->gradients);
    ll_free(e->buffers_out);
    ll_free(e->losses);
}

static ll_status ensemble_init(ensemble *e, const ll_training_options *options, ll_error *error)
{
    int64_t count = e->count;
    e->members = ll_allocate_zeroed((size_t)count * sizeof *e->members);
    e->chosen = ll_allocate_array(count, sizeof *e->chosen);
    e->thetas = ll_allocate_array(count, sizeof *e->thetas);
    e->buffers = ll_allocate_array(count, sizeof *e->buffers);
    e->gradients = ll_allocate_array(count, sizeof *e->gradients);
    e->buffers_out = ll_allocate_array(count, sizeof *e->buffers_out);
    e->losses = ll_allocate_array(count, sizeof *e->losses);
    if (e->members == NULL || e->chosen == NULL || e->thetas == NULL || e->buffers == NULL ||
        e->gradients == NULL || e->buffers_out == NULL || e->losses == NULL)
        return ll_fail_memory(error, module, (size_t)count * sizeof *e->members);
    for (int64_t i = 0; i < count; i++) {
        e->members[i] = (member){.together = e, .index = i, .options = &options[i]};
        LL_TRY(make_stand_in(e, &e->members[i], error));
    }
    return LL_OK;
}

/* Starts all threads and waits for them. A thread that cannot be made fails the whole. */
static ll_status run_all(ensemble *e, ll_error *error)
{
    ll_status status = LL_OK;
    int64_t started = 0;
    e->going = e->count;
    for (; started < e->count; started++) {
        int code = pthread_create(&e->members[started].thread, NULL, run_member, &e->members[started]);
        if (code == 0) continue;
        status =
            ll_fail(error, LL_OUT_OF_MEMORY, module, "ensemble", "thread %lld of %lld cannot be made: %s",
                    (long long)(started + 1), (long long)e->count, strerror(code));
        pthread_mutex_lock(&e->mutex);
        e->going -= e->count - started;
        e->failed = true;
        pthread_cond_broadcast(&e->changed);
        pthread_mutex_unlock(&e->mutex);
        break;
    }
    for (int64_t i = 0; i < started; i++) pthread_join(e->members[i].thread, NULL);
    if (status != LL_OK) return status;
    /* A real failure makes the others stop: it is told before their being stopped. */
    const member *worst = NULL;
    for (int64_t i = 0; i < e->count; i++) {
        const member *m = &e->members[i];
        if (m->status != LL_OK &&
            (worst == NULL || (worst->status == LL_CANCELLED && m->status != LL_CANCELLED)))
            worst = m;
    }
    if (worst == NULL) return LL_OK;
    if (error != NULL) *error = worst->error;
    return worst->status;
}

ll_status ll_training_run_together(ll_problem *problem, const ll_training_options *options, int64_t members,
                                   const ll_sink *sink, ll_record **records, ll_error *error)
{
    if (problem == NULL || options == NULL || records == NULL)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, NULL, "problem, options and records are needed");
    LL_TRY(check(options, members, error));
    ensemble e = {.problem = problem, .info = ll_problem_view(problem), .sink = sink, .count = members};
    ll_status status = ensemble_init(&e, options, error);
    if (status == LL_OK) {
        pthread_mutex_init(&e.mutex, NULL);
        pthread_mutex_init(&e.sink_mutex, NULL);
        pthread_cond_init(&e.changed, NULL);
        status = run_all(&e, error);
        pthread_mutex_destroy(&e.mutex);
        pthread_mutex_destroy(&e.sink_mutex);
        pthread_cond_destroy(&e.changed);
    }
    for (int64_t i = 0; e.members != NULL && i < members; i++) {
        if (status == LL_OK) records[i] = e.members[i].record;
        else ll_record_destroy(e.members[i].record);
    }
    ensemble_deinit(&e);
    return status;
}
