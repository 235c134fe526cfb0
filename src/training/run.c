/* Training of a Problem: epochs of mini-batches in a seeded order, checkpoints as pieces, a compact
 * trajectory. */
#include "losslens/problem_vectors.h"
#include "losslens/training.h"
#include "training/checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const module = "training";

typedef struct trainer {
    ll_problem *problem;
    const ll_problem_info *info;
    ll_training_options options;
    const ll_sink *sink;
    ll_optimiser *optimiser;
    ll_real type;
    int64_t n, b;
    unsigned char *theta, *buffers, *new_buffers; /* new_buffers: of the evaluation in hand */
    ll_samples *fit, *held_out; /* [terms]: all of the roles, explicit; held_out NULL: not asked for */
    ll_samples *batch;          /* [terms]: of the step */
    int64_t *order;             /* permuted samples of all terms */
    int64_t *order_start;       /* [terms] */
    bool training_mode, subsets;
    uint64_t dropout_key;
    int64_t batches; /* of an epoch */
    int64_t number;  /* batches done of the epoch in hand */
    double sum;      /* of their losses */
    /* What the record tells: rows of one epoch, kept by checkpoints. */
    double *loss, *gradient_norm, *evaluation; /* [epochs], [epochs], [epochs][1 + metrics] */
    int64_t epoch, steps, evaluations,
        stop_step; /* epochs done; stop_step: where it stopped early, else -1 */
    ll_step_reason reason;
    unsigned char *trajectory; /* [T][n] */
    int64_t recorded;
} trainer;

static int64_t option_or(int64_t value, int64_t fallback) { return value != 0 ? value : fallback; }

/* ---------------------------------------------------------------- set-up */

static ll_status fill_options(trainer *t, const ll_training_options *given, ll_error *error)
{
    t->options = given != NULL ? *given : (ll_training_options){0};
    ll_training_options *o = &t->options;
    o->epochs = option_or(o->epochs, 10);
    o->evaluate_every = option_or(o->evaluate_every, 1);
    o->checkpoint_every = option_or(o->checkpoint_every, 1);
    if (o->theta == NULL) o->theta = ll_problem_origin(t->problem);
    if (o->buffers == NULL) o->buffers = ll_problem_origin_buffers(t->problem);
    if (o->theta == NULL || (o->buffers == NULL && t->b > 0))
        return ll_fail(error, LL_INVALID_ARGUMENT, module, t->info->name,
                       "no start is given and the problem has no %s",
                       o->theta == NULL ? "origin" : "buffers");
    if (o->epochs < 1 || o->evaluate_every < 1 || o->checkpoint_every < 1 || o->trajectory_every < 0 ||
        o->checkpoint_steps < 0 || o->batch_size < 0)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, t->info->name,
                       "epochs %lld, batch_size %lld and the intervals must be positive",
                       (long long)o->epochs, (long long)o->batch_size);
    if (o->batch_size > 0 && !t->subsets)
        return ll_fail(error, LL_UNSUPPORTED, module, t->info->name,
                       "mini-batches need a problem with the capability \"subsets\"");
    if (o->batch_size > 0 && o->optimiser.kind == LL_OPTIMISER_LBFGS)
        return ll_fail(error, LL_UNSUPPORTED, module, t->info->name,
                       "L-BFGS compares gradients of one loss: it takes full batches only (batch_size 0)");
    if ((t->info->capabilities & LL_CAN_GRADIENT) == 0)
        return ll_fail(error, LL_UNSUPPORTED, module, t->info->name,
                       "it cannot compute gradients (capability \"gradient\" is missing)");
    return LL_OK;
}

/* The samples of a role, term by term; a term without the role gives all when `whole`, else an error. */
static ll_status take_role(trainer *t, const char *role, bool whole, ll_samples *lists, int64_t *total,
                           ll_error *error)
{
    *total = 0;
    for (int64_t term = 0; term < t->info->terms; term++) {
        const int64_t *indices = NULL;
        int64_t count = 0;
        ll_status status = ll_problem_role(t->problem, role, term, &indices, &count, whole ? NULL : error);
        if (status != LL_OK && !(whole && status == LL_NOT_FOUND)) return status;
        lists[term] =
            status == LL_OK ? (ll_samples){indices, count} : (ll_samples){NULL, t->info->term[term].samples};
        *total += lists[term].count;
    }
    return LL_OK;
}

static int64_t trajectory_length(const trainer *t)
{
    return t->options.trajectory_every > 0 ? 1 + t->options.epochs / t->options.trajectory_every : 0;
}

static void trainer_deinit(trainer *t)
{
    ll_optimiser_destroy(t->optimiser);
    ll_free(t->theta);
    ll_free(t->fit);
    ll_free(t->order);
    ll_free(t->order_start);
    ll_free(t->loss);
    ll_free(t->trajectory);
}

static ll_status trainer_init(trainer *t, ll_problem *problem, const ll_training_options *options,
                              const ll_sink *sink, ll_error *error)
{
    if (problem == NULL) return ll_fail(error, LL_INVALID_ARGUMENT, module, NULL, "no problem is given");
    const ll_problem_info *info = ll_problem_view(problem);
    *t = (trainer){.problem = problem,
                   .info = info,
                   .sink = sink,
                   .type = info->type,
                   .n = info->parameter_count,
                   .b = info->buffer_count,
                   .stop_step = -1,
                   .training_mode = (info->capabilities & LL_CAN_TRAINING_MODE) != 0,
                   .subsets = (info->capabilities & LL_CAN_SUBSETS) != 0};
    LL_TRY(fill_options(t, options, error));
    LL_TRY(ll_optimiser_create(&t->options.optimiser, t->type, t->n, info->parameter, info->parameters,
                               &t->optimiser, error));
    size_t one = ll_real_bytes(t->type);
    int64_t total = 0, epochs = t->options.epochs, length = trajectory_length(t);
    t->theta = ll_allocate_array(t->n + 2 * t->b, one);
    t->fit = ll_allocate_array(3 * info->terms, sizeof *t->fit);
    t->order_start = ll_allocate_array(info->terms + 1, sizeof *t->order_start);
    t->loss = ll_allocate_zeroed((size_t)(epochs * (3 + info->metrics)) * sizeof *t->loss);
    t->trajectory = ll_allocate_array(length * t->n, one);
    ll_status status = t->theta == NULL || t->fit == NULL || t->order_start == NULL || t->loss == NULL ||
                               t->trajectory == NULL
                           ? ll_fail_memory(error, module, (size_t)((length + 1) * t->n) * one)
                           : LL_OK;
    if (status == LL_OK) {
        t->batch = t->fit + info->terms;
        t->held_out = t->options.evaluate_role != NULL ? t->fit + 2 * info->terms : NULL;
        t->gradient_norm = t->loss + epochs;
        t->evaluation = t->loss + 2 * epochs;
        t->buffers = t->theta + (size_t)t->n * one;
        t->new_buffers = t->buffers + (size_t)t->b * one;
        if (t->held_out != NULL)
            status = take_role(t, t->options.evaluate_role, false, t->held_out, &total, error);
    }
    const char *role = t->options.role != NULL ? t->options.role : "fit";
    if (status == LL_OK) status = take_role(t, role, t->options.role == NULL, t->fit, &total, error);
    if (status == LL_OK) {
        t->order = ll_allocate_array(total, sizeof *t->order);
        if (t->order == NULL) status = ll_fail_memory(error, module, (size_t)total * sizeof *t->order);
    }
    if (status != LL_OK) {
        trainer_deinit(t);
        return status;
    }
    t->order_start[0] = 0;
    for (int64_t term = 0; term < info->terms; term++)
        t->order_start[term + 1] = t->order_start[term] + t->fit[term].count;
    int64_t size = t->options.batch_size;
    t->batches = size == 0 ? 1 : (t->fit[0].count + size - 1) / size;
    ll_vector_copy(t->type, t->n, t->options.theta, t->theta);
    if (t->b > 0) ll_vector_copy(t->type, t->b, t->options.buffers, t->buffers);
    return LL_OK;
}

/* ---------------------------------------------------------------- steps */

static void shuffle(trainer *t)
{
    if (t->options.batch_size == 0) return;
    for (int64_t term = 0; term < t->info->terms; term++) {
        char name[300];
        snprintf(name, sizeof name, "%lld/%s", (long long)t->epoch, t->info->term[term].name);
        int64_t *order = t->order + t->order_start[term], count = t->fit[term].count;
        ll_rng_permutation(ll_rng_make(t->options.seed, "batch order", name), count, order);
        const int64_t *indices = t->fit[term].indices;
        for (int64_t i = 0; indices != NULL && i < count; i++) order[i] = indices[order[i]];
    }
}

/* Batch `number` of an epoch: a contiguous part of each term's order, in proportion; never empty. */
static void choose_batch(trainer *t, int64_t number)
{
    for (int64_t term = 0; term < t->info->terms; term++) {
        if (t->options.batch_size == 0) {
            t->batch[term] = t->fit[term];
            continue;
        }
        int64_t count = t->fit[term].count, first, end;
        if (term == 0) {
            first = number * t->options.batch_size;
            end = ll_min_int64(first + t->options.batch_size, count);
        } else {
            first = ll_min_int64(count * number / t->batches, count - 1);
            end = ll_max_int64(count * (number + 1) / t->batches, first + 1);
        }
        t->batch[term] = (ll_samples){t->order + t->order_start[term] + first, end - first};
    }
}

static ll_status evaluate_batch(void *context, const void *theta, double *loss, void *gradient,
                                ll_error *error)
{
    trainer *t = context;
    const void *buffers = t->buffers;
    void *buffers_out = t->new_buffers;
    ll_request request = {.points = 1,
                          .thetas = &theta,
                          .buffers = t->b > 0 ? &buffers : NULL,
                          .buffers_shared = true,
                          .samples = t->subsets ? t->batch : NULL,
                          .mode = t->training_mode ? LL_MODE_TRAINING : LL_MODE_EVALUATION,
                          .dropout_key = t->dropout_key,
                          .loss = loss,
                          .gradients = &gradient,
                          .buffers_out = t->training_mode && t->b > 0 ? &buffers_out : NULL};
    return ll_problem_evaluate(t->problem, &request, error);
}

static ll_status evaluate_held_out(trainer *t, ll_error *error)
{
    const void *theta = t->theta, *buffers = t->buffers;
    double *row = t->evaluation + t->epoch * (1 + t->info->metrics);
    bool metrics = (t->info->capabilities & LL_CAN_METRICS) != 0;
    ll_request request = {.points = 1,
                          .thetas = &theta,
                          .buffers = t->b > 0 ? &buffers : NULL,
                          .buffers_shared = true,
                          .samples = t->subsets ? t->held_out : NULL,
                          .loss = row,
                          .metrics = metrics ? row + 1 : NULL};
    return ll_problem_evaluate(t->problem, &request, error);
}

static void tell(const trainer *t, double value, const char *name)
{
    ll_progress progress = {.what = "training",
                            .done = t->steps,
                            .total = t->options.epochs * t->batches,
                            .value = value,
                            .value_name = name};
    ll_sink_progress(t->sink, &progress);
}

/* One step on batch t->number; the sums of the epoch follow it. */
static ll_status train_step(trainer *t, const ll_objective *objective, ll_error *error)
{
    int64_t total = t->options.epochs * t->batches;
    double base = ll_optimiser_view(t->optimiser)->rate;
    choose_batch(t, t->number);
    t->dropout_key = ll_rng_bits(ll_rng_make(t->options.seed, "dropout", "step"), (uint64_t)t->steps);
    ll_step step;
    double rate = base * ll_schedule_factor(&t->options.schedule, t->steps, total);
    LL_TRY(ll_optimiser_iterate(t->optimiser, rate, objective, t->theta, &step, error));
    t->reason = step.reason;
    t->evaluations += step.evaluations;
    t->sum += step.loss;
    t->gradient_norm[t->epoch] = step.gradient_norm;
    t->number++;
    if (step.reason == LL_STEP_NOT_FINITE) return LL_OK;
    t->steps++;
    if (t->training_mode && t->b > 0 && step.evaluations > 0)
        ll_vector_copy(t->type, t->b, t->new_buffers, t->buffers);
    tell(t, step.loss, "loss");
    return LL_OK;
}

static ll_status save(trainer *t, const char *name, ll_error *error);

static ll_status train_epoch(trainer *t, ll_error *error)
{
    ll_objective objective = {t, evaluate_batch};
    int64_t every = t->options.checkpoint_steps;
    if (t->options.before_epoch != NULL)
        LL_TRY(t->options.before_epoch(t->options.before_epoch_context, t->epoch, error));
    shuffle(t);
    while (t->number < t->batches && t->reason == LL_STEP_GOING) {
        if (ll_sink_should_stop(t->sink)) {
            LL_TRY(save(t, "inside", error));
            return ll_fail(error, LL_CANCELLED, module, t->info->name, "stopped in epoch %lld",
                           (long long)t->epoch);
        }
        LL_TRY(train_step(t, &objective, error));
        if (every > 0 && t->number % every == 0 && t->number < t->batches && t->reason == LL_STEP_GOING)
            LL_TRY(save(t, "inside", error));
    }
    if (t->reason != LL_STEP_GOING) t->stop_step = t->steps;
    t->loss[t->epoch] = t->sum / (double)t->number;
    bool evaluated = t->held_out != NULL && (t->epoch + 1) % t->options.evaluate_every == 0 &&
                     t->reason != LL_STEP_NOT_FINITE;
    if (evaluated) {
        LL_TRY(evaluate_held_out(t, error));
        const double *row = t->evaluation + t->epoch * (1 + t->info->metrics);
        bool metrics = (t->info->capabilities & LL_CAN_METRICS) != 0 && t->info->metrics > 0;
        tell(t, row[metrics ? 1 : 0], metrics ? t->info->metric[0].name : "evaluation loss");
    }
    t->epoch++;
    t->number = 0;
    t->sum = 0;
    return LL_OK;
}

/* ---------------------------------------------------------------- pieces */

/* Nothing follows: the optimiser's state is not needed any more. */
static bool finished(const trainer *t) { return t->epoch == t->options.epochs || t->reason != LL_STEP_GOING; }

/* The counters of a checkpoint, in this order. */
enum { AT_EPOCH, AT_STEPS, AT_EVALUATIONS, AT_STOP_STEP, AT_REASON, AT_RECORDED, AT_NUMBER, AT_EPOCHS };

static checkpoint view_of(trainer *t)
{
    return (checkpoint){.info = t->info,
                        .optimiser = t->optimiser,
                        .theta = t->theta,
                        .buffers = t->buffers,
                        .loss = t->loss,
                        .gradient_norm = t->gradient_norm,
                        .evaluation = t->evaluation};
}

static ll_status save(trainer *t, const char *name, ll_error *error)
{
    if (t->sink == NULL || t->sink->put == NULL) return LL_OK;
    checkpoint state = view_of(t);
    const int64_t counters[CHECKPOINT_COUNTERS] = {t->epoch,     t->steps,           t->evaluations,
                                                   t->stop_step, (int64_t)t->reason, t->recorded,
                                                   t->number,    t->options.epochs};
    memcpy(state.counters, counters, sizeof counters);
    state.sums[0] = t->sum;
    state.sums[1] = t->epoch < t->options.epochs ? t->gradient_norm[t->epoch] : 0;
    state.epochs = t->epoch;
    state.ended = finished(t);
    ll_text bytes = {0};
    ll_status status = checkpoint_encode(&state, &bytes, error);
    if (status == LL_OK) status = ll_sink_put(t->sink, name, bytes.text, bytes.length, error);
    ll_text_deinit(&bytes);
    return status;
}

static ll_status load(trainer *t, const void *bytes, size_t count, ll_error *error)
{
    checkpoint state = view_of(t);
    LL_TRY(checkpoint_read_head(bytes, count, &state, error));
    const int64_t *at = state.counters;
    if (at[AT_EPOCH] < 0 || at[AT_EPOCH] > t->options.epochs || at[AT_RECORDED] < 0 ||
        at[AT_RECORDED] > trajectory_length(t) || at[AT_NUMBER] < 0 || at[AT_NUMBER] > t->batches ||
        (at[AT_NUMBER] > 0 && at[AT_EPOCH] == t->options.epochs))
        return ll_fail(error, LL_INVALID_ARGUMENT, module, "epoch piece",
                       "it belongs to another run (epochs differ) or is damaged");
    state.epochs = at[AT_EPOCH];
    state.ended = at[AT_EPOCH] == t->options.epochs || at[AT_REASON] != LL_STEP_GOING;
    LL_TRY(checkpoint_read_rest(bytes, count, &state, error));
    t->epoch = at[AT_EPOCH];
    t->steps = at[AT_STEPS];
    t->evaluations = at[AT_EVALUATIONS];
    t->stop_step = at[AT_STOP_STEP];
    t->reason = (ll_step_reason)at[AT_REASON];
    t->recorded = at[AT_RECORDED];
    t->number = at[AT_NUMBER];
    t->sum = state.sums[0];
    if (t->epoch < t->options.epochs) t->gradient_norm[t->epoch] = state.sums[1];
    return LL_OK;
}

static ll_status record_point(trainer *t, ll_error *error)
{
    int64_t every = t->options.trajectory_every;
    if (every == 0 || t->epoch % every != 0 || t->reason == LL_STEP_NOT_FINITE) return LL_OK;
    size_t bytes = (size_t)t->n * ll_real_bytes(t->type);
    memcpy(t->trajectory + (size_t)t->recorded * bytes, t->theta, bytes);
    char name[40];
    snprintf(name, sizeof name, "trajectory/%lld", (long long)t->recorded);
    t->recorded++;
    return ll_sink_put(t->sink, name, t->theta, bytes, error);
}

static ll_status read_trajectory(trainer *t, ll_error *error)
{
    size_t one = (size_t)t->n * ll_real_bytes(t->type);
    for (int64_t i = 0; i < t->recorded; i++) {
        char name[40];
        void *bytes = NULL;
        size_t count = 0;
        snprintf(name, sizeof name, "trajectory/%lld", (long long)i);
        bool found = ll_sink_find(t->sink, name, &bytes, &count);
        if (found && count == one) memcpy(t->trajectory + (size_t)i * one, bytes, one);
        if (found) ll_free(bytes);
        if (!found || count != one)
            return ll_fail(error, LL_NOT_FOUND, module, name, "a checkpoint says that this piece exists");
    }
    return LL_OK;
}

/* The newest checkpoint: the last finished epoch that is kept, or a state inside a later one. */
static ll_status resume(trainer *t, ll_error *error)
{
    void *bytes = NULL;
    size_t count = 0;
    bool found = false;
    for (int64_t epoch = t->options.epochs; epoch > 0 && !found; epoch--) {
        char name[40];
        snprintf(name, sizeof name, "epoch/%lld", (long long)epoch);
        found = ll_sink_find(t->sink, name, &bytes, &count);
    }
    if (found) {
        ll_status status = load(t, bytes, count, error);
        ll_free(bytes);
        LL_TRY(status);
    }
    if (ll_sink_find(t->sink, "inside", &bytes, &count)) {
        checkpoint state = view_of(t);
        ll_status status = checkpoint_read_head(bytes, count, &state, error);
        const int64_t *at = state.counters;
        bool later = status == LL_OK && t->reason == LL_STEP_GOING &&
                     (at[AT_EPOCH] > t->epoch || (at[AT_EPOCH] == t->epoch && at[AT_NUMBER] > 0));
        if (later) status = load(t, bytes, count, error);
        ll_free(bytes);
        LL_TRY(status);
        found = found || later;
    }
    return found ? read_trajectory(t, error) : record_point(t, error);
}

/* ---------------------------------------------------------------- record */

static ll_status set_vectors(const trainer *t, ll_record *record, const char *name, int rank, int64_t rows,
                             int64_t columns, void *data, ll_error *error)
{
    ll_array array = {
        .type = t->type == LL_REAL_FLOAT32 ? LL_ARRAY_FLOAT32 : LL_ARRAY_FLOAT64, .rank = rank, .data = data};
    array.shape[0] = rank == 1 ? columns : rows;
    if (rank == 2) array.shape[1] = columns;
    return ll_record_set_array(record, name, "", &array, error);
}

static ll_status set_evaluations(const trainer *t, ll_record *record, ll_error *error)
{
    int64_t rows = 0, width = 1 + t->info->metrics, every = t->options.evaluate_every;
    double *table = ll_allocate_array(t->epoch * (width + 1) + 1, sizeof *table);
    if (table == NULL) return ll_fail_memory(error, module, 0);
    double *epochs = table, *losses = table + t->epoch, *metrics = losses + t->epoch;
    for (int64_t epoch = every; epoch <= t->epoch; epoch += every) {
        if (epoch == t->epoch && t->reason == LL_STEP_NOT_FINITE) break;
        const double *row = t->evaluation + (epoch - 1) * width;
        epochs[rows] = (double)epoch;
        losses[rows] = row[0];
        memcpy(metrics + rows * t->info->metrics, row + 1, (size_t)t->info->metrics * sizeof *row);
        rows++;
    }
    ll_status status = ll_record_set_reals(record, "evaluated_epochs", "epochs", epochs, rows, error);
    if (status == LL_OK) status = ll_record_set_reals(record, "evaluation_loss", "loss", losses, rows, error);
    if (status == LL_OK && (t->info->capabilities & LL_CAN_METRICS) != 0) {
        ll_array array = {
            .type = LL_ARRAY_FLOAT64, .rank = 2, .shape = {rows, t->info->metrics}, .data = metrics};
        status = ll_record_set_array(record, "evaluation_metrics", "", &array, error);
    }
    ll_free(table);
    return status;
}

static ll_status fill_record(trainer *t, ll_record *record, ll_error *error)
{
    static const char *const kinds[] = {"sgd", "adam", "adamw", "lbfgs"};
    const ll_optimiser_options *o = ll_optimiser_view(t->optimiser);
    const char *reason = t->reason == LL_STEP_GOING        ? "complete"
                         : t->reason == LL_STEP_NOT_FINITE ? "diverged"
                                                           : ll_step_reason_text(t->reason);
    LL_TRY(ll_record_set_text(record, "problem", t->info->name, error));
    LL_TRY(ll_record_set_text(record, "optimiser", kinds[o->kind], error));
    LL_TRY(ll_record_set_real(record, "rate", "", o->rate, error));
    LL_TRY(ll_record_set_integer(record, "batch_size", "samples", t->options.batch_size, error));
    LL_TRY(ll_record_set_integer(record, "seed", "", (int64_t)t->options.seed, error));
    LL_TRY(ll_record_set_text(record, "reason", reason, error));
    if (t->stop_step >= 0) LL_TRY(ll_record_set_integer(record, "stop_step", "steps", t->stop_step, error));
    LL_TRY(ll_record_set_integer(record, "epochs", "epochs", t->epoch, error));
    LL_TRY(ll_record_set_integer(record, "steps", "steps", t->steps, error));
    LL_TRY(ll_record_set_integer(record, "evaluations", "", t->evaluations, error));
    LL_TRY(ll_record_set_reals(record, "loss", "loss", t->loss, t->epoch, error));
    LL_TRY(ll_record_set_real(record, "last_loss", "loss", t->loss[t->epoch - 1], error));
    LL_TRY(ll_record_set_reals(record, "gradient_norm", "", t->gradient_norm, t->epoch, error));
    if (t->held_out != NULL) LL_TRY(set_evaluations(t, record, error));
    LL_TRY(set_vectors(t, record, "theta", 1, 1, t->n, t->theta, error));
    if (t->b > 0) LL_TRY(set_vectors(t, record, "buffers", 1, 1, t->b, t->buffers, error));
    if (t->options.trajectory_every == 0) return LL_OK;
    double *epochs = ll_allocate_array(t->recorded, sizeof *epochs);
    if (epochs == NULL) return ll_fail_memory(error, module, 0);
    for (int64_t i = 0; i < t->recorded; i++) epochs[i] = (double)(i * t->options.trajectory_every);
    ll_status status = ll_record_set_reals(record, "trajectory_epochs", "epochs", epochs, t->recorded, error);
    ll_free(epochs);
    LL_TRY(status);
    return set_vectors(t, record, "trajectory", 2, t->recorded, t->n, t->trajectory, error);
}

static ll_status run(trainer *t, ll_error *error)
{
    LL_TRY(resume(t, error));
    while (t->epoch < t->options.epochs && t->reason == LL_STEP_GOING) {
        LL_TRY(train_epoch(t, error));
        LL_TRY(record_point(t, error));
        char name[40];
        snprintf(name, sizeof name, "epoch/%lld", (long long)t->epoch);
        if (finished(t) || t->epoch % t->options.checkpoint_every == 0) LL_TRY(save(t, name, error));
    }
    return LL_OK;
}

ll_status ll_training_run(ll_problem *problem, const ll_training_options *options, const ll_sink *sink,
                          ll_record **record, ll_error *error)
{
    trainer t;
    LL_TRY(trainer_init(&t, problem, options, sink, error));
    ll_record *made = NULL;
    ll_status status = run(&t, error);
    if (status == LL_OK) {
        made = ll_record_create("training");
        status = made == NULL ? ll_fail_memory(error, module, 0) : fill_record(&t, made, error);
    }
    trainer_deinit(&t);
    if (status != LL_OK) {
        ll_record_destroy(made);
        return status;
    }
    *record = made;
    return LL_OK;
}

ll_status ll_training_memory(ll_problem *problem, const ll_training_options *options, size_t *bytes,
                             ll_error *error)
{
    trainer t;
    LL_TRY(trainer_init(&t, problem, options, NULL, error));
    double loss = 0;
    shuffle(&t);
    choose_batch(&t, 0);
    const void *theta = t.theta;
    void *gradient = t.theta;
    ll_request request = {.points = 1,
                          .thetas = &theta,
                          .samples = t.subsets ? t.batch : NULL,
                          .loss = &loss,
                          .gradients = &gradient,
                          .mode = t.training_mode ? LL_MODE_TRAINING : LL_MODE_EVALUATION};
    size_t inner = 0;
    ll_status status = ll_problem_memory(problem, &request, &inner, error);
    size_t own = ll_optimiser_state_bytes(t.optimiser) +
                 (size_t)((5 + trajectory_length(&t)) * t.n + 2 * t.b) * ll_real_bytes(t.type);
    trainer_deinit(&t);
    if (status == LL_OK) *bytes = own + inner;
    return status;
}
