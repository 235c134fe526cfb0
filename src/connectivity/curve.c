/* Training and evaluation of a curve between two minima. */
#include "losslens/connectivity.h"
#include "losslens/problem_vectors.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const module = "connectivity";

enum { GROUP = 4, MOST_ROUNDS = 40 };

typedef struct curve {
    ll_problem *problem;
    const ll_problem_info *info;
    ll_curve_ends ends;
    ll_curve_options options;
    const ll_sink *sink;
    ll_real type;
    int64_t n, b;
    bool subsets, statistics, metrics; /* statistics: batch norm is re-estimated */
    int64_t metric;
    unsigned char *phi, *points, *buffers, *gradients, *start; /* n; GROUP x n; GROUP x b; GROUP x n; n */
    double *sum;                                               /* n: the bend's gradient */
    double *t;                                                 /* strata of the round */
    ll_samples *samples, *calibration, *batch;                 /* [terms] */
    int64_t *order;                                            /* permuted samples */
    double *loss, *error, *line_loss, *line_error, *row;       /* T each; metrics of GROUP points */
    /* progress */
    int64_t round, steps, cycle;
    double rate, history[MOST_ROUNDS];
    int64_t step_history[MOST_ROUNDS];
} curve;

static size_t vector_bytes(const curve *c) { return (size_t)c->n * ll_real_bytes(c->type); }

/* gamma(t) into `to`; phi NULL: the straight line. */
static void place(const curve *c, ll_curve_kind kind, double t, const void *phi, void *to)
{
    double weights[3];
    ll_curve_weights(phi == NULL ? LL_CURVE_LINEAR : kind, t, weights);
    if (t == 0.0 || t == 1.0) { /* the ends themselves, bit for bit */
        memcpy(to, t == 0.0 ? c->ends.a : c->ends.b, vector_bytes(c));
        return;
    }
    const void *from[3] = {c->ends.a, c->ends.b, phi};
    weights[0] -= 1.0; /* what is added to a */
    ll_vector_combine(c->type, c->n, c->ends.a, phi == NULL ? 2 : 3, from, weights, to);
}

/* ---------------------------------------------------------------- the bend's gradient */

typedef struct bend_call {
    curve *c;
    const double *t;
    int64_t count;
    const ll_samples *samples;
    bool training_mode;
} bend_call;

static ll_status bend(void *context, const void *phi, double *loss, void *gradient, ll_error *error)
{
    bend_call *call = context;
    curve *c = call->c;
    const void *thetas[GROUP];
    void *gradients[GROUP];
    double losses[GROUP], total = 0;
    memset(c->sum, 0, (size_t)c->n * sizeof *c->sum);
    for (int64_t first = 0; first < call->count; first += GROUP) {
        int64_t count = ll_min_int64(GROUP, call->count - first);
        for (int64_t i = 0; i < count; i++) {
            thetas[i] = c->points + (size_t)i * vector_bytes(c);
            gradients[i] = c->gradients + (size_t)i * vector_bytes(c);
            place(c, c->options.kind, call->t[first + i], phi, c->points + (size_t)i * vector_bytes(c));
        }
        const void *buffers = c->ends.buffers_a;
        ll_request request = {.points = count,
                              .thetas = thetas,
                              .buffers = buffers != NULL ? &buffers : NULL,
                              .buffers_shared = true,
                              .samples = call->samples,
                              .mode = call->training_mode ? LL_MODE_TRAINING : LL_MODE_EVALUATION,
                              .dropout_key = c->options.seed + (uint64_t)c->steps,
                              .loss = losses,
                              .gradients = gradients};
        LL_TRY(ll_problem_evaluate(c->problem, &request, error));
        for (int64_t i = 0; i < count; i++) {
            double weights[3];
            ll_curve_weights(c->options.kind, call->t[first + i], weights);
            total += losses[i];
            double share = weights[2] / (double)call->count;
            if (c->type == LL_REAL_FLOAT32)
                for (int64_t j = 0; j < c->n; j++)
                    c->sum[j] += share * (double)((const float *)gradients[i])[j];
            else
                for (int64_t j = 0; j < c->n; j++) c->sum[j] += share * ((const double *)gradients[i])[j];
        }
    }
    *loss = total / (double)call->count;
    ll_vector_from_double(c->type, c->n, c->sum, gradient);
    return LL_OK;
}

/* ---------------------------------------------------------------- evaluation along a curve */

static double as_error(const curve *c, double value)
{
    const ll_metric *metric = &c->info->metric[c->metric];
    double percent = strcmp(metric->unit, "percent") == 0 ? value : 100.0 * value;
    return metric->higher_is_better ? 100.0 - percent : percent;
}

static ll_status set_buffers(curve *c, int64_t count, const void *const *thetas, const double *t,
                             ll_error *error)
{
    size_t bytes = (size_t)c->b * ll_real_bytes(c->type);
    void *buffers[GROUP];
    for (int64_t i = 0; i < count; i++) {
        buffers[i] = c->buffers + (size_t)i * bytes;
        double weights[2] = {-t[i], t[i]};
        const void *from[2] = {c->ends.buffers_a, c->ends.buffers_b};
        ll_vector_combine(c->type, c->b, from[0], 2, from, weights, buffers[i]);
    }
    if (!c->statistics) return LL_OK;
    const void *before = c->ends.buffers_a;
    ll_request request = {.points = count,
                          .thetas = thetas,
                          .buffers = &before,
                          .buffers_shared = true,
                          .samples = c->subsets ? c->calibration : NULL,
                          .mode = LL_MODE_CALIBRATION,
                          .batch_size = c->options.calibration_batch,
                          .buffers_out = buffers};
    return ll_problem_evaluate(c->problem, &request, error);
}

/* Losses and errors at T equally spaced t; phi NULL: the straight line. A finished profile is a piece. */
static ll_status evaluate(curve *c, const char *piece, const void *phi, double *losses, double *errors,
                          ll_error *error)
{
    int64_t points = c->options.points;
    size_t row = (size_t)points * sizeof *losses, got = 0;
    void *found = NULL;
    if (ll_sink_find(c->sink, piece, &found, &got)) {
        bool good = got == 2 * row;
        if (good) {
            memcpy(losses, found, row);
            memcpy(errors, (const unsigned char *)found + row, row);
        }
        ll_free(found);
        if (!good) return ll_fail(error, LL_INVALID_ARGUMENT, module, piece, "a stored piece of another run");
        return LL_OK;
    }
    for (int64_t first = 0; first < points; first += GROUP) {
        if (ll_sink_should_stop(c->sink))
            return ll_fail(error, LL_CANCELLED, module, c->info->name, "stopped");
        int64_t count = ll_min_int64(GROUP, points - first);
        const void *thetas[GROUP], *buffers[GROUP];
        double t[GROUP];
        for (int64_t i = 0; i < count; i++) {
            t[i] = (double)(first + i) / (double)(points - 1);
            void *to = c->points + (size_t)i * vector_bytes(c);
            place(c, c->options.kind, t[i], phi, to);
            thetas[i] = to;
            buffers[i] = c->buffers + (size_t)i * (size_t)c->b * ll_real_bytes(c->type);
        }
        if (c->b > 0) LL_TRY(set_buffers(c, count, thetas, t, error));
        ll_request request = {.points = count,
                              .thetas = thetas,
                              .buffers = c->b > 0 ? buffers : NULL,
                              .samples = c->subsets ? c->samples : NULL,
                              .loss = losses + first,
                              .metrics = c->metrics ? c->row : NULL};
        LL_TRY(ll_problem_evaluate(c->problem, &request, error));
        for (int64_t i = 0; i < count; i++)
            errors[first + i] = c->metrics ? as_error(c, c->row[i * c->info->metrics + c->metric]) : NAN;
    }
    double *both = ll_allocate(2 * row);
    if (both == NULL) return ll_fail_memory(error, module, 2 * row);
    memcpy(both, losses, row);
    memcpy(both + points, errors, row);
    ll_status status = ll_sink_put(c->sink, piece, both, 2 * row, error);
    ll_free(both);
    return status;
}

/* ---------------------------------------------------------------- training */

static void jitter(curve *c, int64_t draw)
{
    char name[32];
    snprintf(name, sizeof name, "%lld", (long long)draw);
    ll_rng rng = ll_rng_make(c->options.seed, "curve strata", name);
    for (int64_t i = 0; i < c->options.strata; i++)
        c->t[i] = ((double)i + ll_rng_uniform(rng, (uint64_t)i)) / (double)c->options.strata;
}

/* Batch `step` of a mini-batch round: samples by a seeded permutation an epoch. */
static void choose_batch(curve *c, int64_t step)
{
    int64_t size = c->options.batch_size, batches = (c->samples[0].count + size - 1) / size,
            epoch = step / batches;
    int64_t number = step % batches, *order = c->order;
    for (int64_t term = 0; term < c->info->terms; term++) {
        int64_t count = c->samples[term].count;
        if (number == 0 || step == c->cycle) {
            char name[300];
            snprintf(name, sizeof name, "%lld/%s", (long long)epoch, c->info->term[term].name);
            ll_rng_permutation(ll_rng_make(c->options.seed, "curve batches", name), count, order);
            for (int64_t i = 0; c->samples[term].indices != NULL && i < count; i++)
                order[i] = c->samples[term].indices[order[i]];
        }
        int64_t first = ll_min_int64(count * number / batches, count - 1);
        int64_t end = ll_max_int64(count * (number + 1) / batches, first + 1);
        c->batch[term] = (ll_samples){order + first, end - first};
        order += count;
    }
}

static int64_t steps_of_round(const curve *c, int64_t round)
{
    if (!c->options.yang) return c->options.budget << round;
    int64_t size = c->options.batch_size;
    return 50 * (size == 0 ? 1 : (c->samples[0].count + size - 1) / size);
}

/* One round from phi. *good is false when it diverged; phi is then as it came in. */
static ll_status train_round(curve *c, bool *good, ll_error *error)
{
    ll_optimiser *optimiser = NULL;
    int64_t total = steps_of_round(c, c->round), strata = c->options.strata, start_step = c->steps;
    LL_TRY(ll_optimiser_create(&c->options.optimiser, c->type, c->n, c->info->parameter, c->info->parameters,
                               &optimiser, error));
    memcpy(c->start, c->phi, vector_bytes(c));
    jitter(c, c->round);
    bool batches = c->options.batch_size > 0;
    bend_call call = {.c = c,
                      .t = c->t,
                      .count = strata,
                      .samples = c->subsets ? c->samples : NULL,
                      .training_mode = c->b > 0 && (c->info->capabilities & LL_CAN_TRAINING_MODE) != 0};
    ll_objective objective = {&call, bend};
    ll_schedule schedule = {.kind = c->options.yang ? LL_SCHEDULE_CURVE : LL_SCHEDULE_CONSTANT};
    double first_mean = NAN, sum = 0;
    int64_t order[64];
    *good = true;
    c->cycle = c->steps;
    ll_status status = LL_OK;
    for (int64_t i = 0; status == LL_OK && i < total; i++) {
        if (ll_sink_should_stop(c->sink)) {
            status = ll_fail(error, LL_CANCELLED, module, c->info->name, "stopped in round %lld",
                             (long long)c->round);
            break;
        }
        if (batches) { /* one stratum a step; all within `strata` steps, each time jittered anew */
            if (i % strata == 0) {
                char name[40];
                snprintf(name, sizeof name, "%lld", (long long)c->steps);
                jitter(c, MOST_ROUNDS + c->steps);
                ll_rng_permutation(ll_rng_make(c->options.seed, "curve strata order", name), strata, order);
            }
            call.t = c->t + order[i % strata];
            call.count = 1;
            choose_batch(c, c->steps);
            call.samples = c->batch;
        }
        ll_step step = {0};
        status = ll_optimiser_iterate(optimiser, c->rate * ll_schedule_factor(&schedule, i, total),
                                      &objective, c->phi, &step, error);
        if (status != LL_OK) break;
        c->steps++;
        sum += step.loss;
        if (i + 1 == strata) first_mean = sum / (double)strata;
        bool window = batches && (i + 1) % strata == 0;
        double mean = sum / (double)strata;
        if (window) sum = 0;
        if (step.reason == LL_STEP_NOT_FINITE || (window && mean > 4.0 * first_mean + 1e-12)) {
            *good = false;
            break;
        }
        if (step.reason != LL_STEP_GOING)
            break; /* the round's own strata are minimised: the next re-jitters */
        ll_progress progress = {
            .what = "curve", .done = c->steps, .total = -1, .value = step.loss, .value_name = "loss"};
        ll_sink_progress(c->sink, &progress);
    }
    if (!*good) {
        memcpy(c->phi, c->start, vector_bytes(c));
        c->steps = start_step;
    }
    ll_optimiser_destroy(optimiser);
    return status;
}

typedef struct round_head {
    int64_t n, round, steps, step_history[MOST_ROUNDS];
    double rate, history[MOST_ROUNDS];
} round_head;

static ll_status save(curve *c, ll_error *error)
{
    round_head head = {.n = c->n, .round = c->round, .steps = c->steps, .rate = c->rate};
    memcpy(head.history, c->history, sizeof head.history);
    memcpy(head.step_history, c->step_history, sizeof head.step_history);
    ll_text bytes = {0};
    ll_text_append_bytes(&bytes, &head, sizeof head);
    ll_text_append_bytes(&bytes, c->phi, vector_bytes(c));
    char name[40];
    snprintf(name, sizeof name, "round/%lld", (long long)c->round);
    ll_status status = bytes.failed ? ll_fail_memory(error, module, bytes.capacity)
                                    : ll_sink_put(c->sink, name, bytes.text, bytes.length, error);
    ll_text_deinit(&bytes);
    return status;
}

static ll_status resume(curve *c, ll_error *error)
{
    for (int64_t round = c->options.rounds; round >= 1; round--) {
        char name[40];
        void *bytes = NULL;
        size_t count = 0;
        snprintf(name, sizeof name, "round/%lld", (long long)round);
        if (!ll_sink_find(c->sink, name, &bytes, &count)) continue;
        round_head head;
        bool good = count == sizeof head + vector_bytes(c);
        if (good) {
            memcpy(&head, bytes, sizeof head);
            good = head.n == c->n && head.round == round;
        }
        if (good) {
            memcpy(c->phi, (const unsigned char *)bytes + sizeof head, vector_bytes(c));
            c->round = round;
            c->steps = head.steps;
            c->rate = head.rate;
            memcpy(c->history, head.history, sizeof head.history);
            memcpy(c->step_history, head.step_history, sizeof head.step_history);
        }
        ll_free(bytes);
        if (!good) return ll_fail(error, LL_INVALID_ARGUMENT, module, name, "a stored piece of another run");
        return LL_OK;
    }
    return LL_OK;
}

/* After `round` rounds: NULL to go on, or why not. Also the curve's profile. */
static ll_status judge(curve *c, const char **reason, ll_error *error)
{
    char piece[40];
    snprintf(piece, sizeof piece, "curve/%lld", (long long)c->round);
    LL_TRY(evaluate(c, piece, c->phi, c->loss, c->error, error));
    ll_curve_numbers numbers = ll_curve_measure(c->loss, c->options.points);
    if (c->round > 0) c->history[c->round - 1] = numbers.mc;
    if (c->round > 0) c->step_history[c->round - 1] = c->steps;
    double worse = fmax(c->loss[0], c->loss[c->options.points - 1]);
    *reason = NULL;
    if (c->options.yang) {
        if (c->round > 0) *reason = "recipe";
        return LL_OK;
    }
    if (numbers.maximum <= worse + c->options.connected * fabs(worse)) {
        *reason = "connected";
        return LL_OK;
    }
    int64_t r = c->round;
    if (r >= 3) { /* rounds r-2 -> r-1 and r-1 -> r: two successive doublings */
        double before = c->history[r - 3], between = c->history[r - 2], now = c->history[r - 1];
        if (fabs(between - before) < c->options.still * fabs(before) &&
            fabs(now - between) < c->options.still * fabs(between))
            *reason = "no longer moving";
    }
    if (*reason == NULL && r >= c->options.rounds) *reason = "unconverged";
    return LL_OK;
}

static ll_status train(curve *c, const char **reason, ll_error *error)
{
    LL_TRY(resume(c, error));
    for (;;) {
        LL_TRY(judge(c, reason, error));
        if (*reason != NULL) return LL_OK;
        bool good = false;
        for (int tries = 0; !good; tries++) {
            if (tries == 12) {
                *reason = "diverged";
                return LL_OK;
            }
            LL_TRY(train_round(c, &good, error));
            if (!good) c->rate *= 0.5;
        }
        c->round++;
        LL_TRY(save(c, error));
    }
}

/* ---------------------------------------------------------------- numbers */

/* Length of the curve from the inner products of its two edge vectors; Simpson's rule for the parabola. */
static double length_of(const curve *c, bool straight)
{
    double aa = 0, bb = 0, ab = 0, line = 0; /* u = phi - A, w = B - phi */
    for (int64_t i = 0; i < c->n; i++) {
        double a = ll_vector_get(c->type, c->ends.a, i), b = ll_vector_get(c->type, c->ends.b, i);
        double p = ll_vector_get(c->type, c->phi, i), u = p - a, w = b - p;
        aa += u * u;
        bb += w * w;
        ab += u * w;
        line += (b - a) * (b - a);
    }
    if (straight || c->options.kind == LL_CURVE_LINEAR) return sqrt(line);
    if (c->options.kind == LL_CURVE_POLYGON) return sqrt(aa) + sqrt(bb);
    /* gamma' = 2 ((1-t) u + t w) */
    enum { PIECES = 2000 };
    double sum = 0;
    for (int i = 0; i <= PIECES; i++) {
        double t = (double)i / PIECES, s = 1.0 - t;
        double speed = 2.0 * sqrt(fmax(0, s * s * aa + 2.0 * s * t * ab + t * t * bb));
        sum += speed * (i == 0 || i == PIECES ? 1 : i % 2 == 1 ? 4 : 2);
    }
    return sum / (3.0 * PIECES);
}

static ll_status set_numbers(curve *c, ll_record *record, ll_error *error)
{
    int64_t points = c->options.points;
    ll_curve_numbers loss = ll_curve_measure(c->loss, points), line = ll_curve_measure(c->line_loss, points);
    LL_TRY(ll_record_set_real(record, "mc_loss", "loss", loss.mc, error));
    LL_TRY(ll_record_set_real(record, "mc_loss_t", "", loss.mc_t, error));
    LL_TRY(ll_record_set_real(record, "mean_loss", "loss", loss.mean, error));
    LL_TRY(ll_record_set_real(record, "barrier", "loss", loss.barrier, error));
    LL_TRY(ll_record_set_real(record, "linear_mean_loss", "loss", line.mean, error));
    LL_TRY(ll_record_set_real(record, "linear_mc_loss", "loss", line.mc, error));
    LL_TRY(ll_record_set_real(record, "linear_barrier", "loss", line.barrier, error));
    if (c->options.initial_loss != 0) {
        double depth = c->options.initial_loss - fmin(c->line_loss[0], c->line_loss[points - 1]);
        LL_TRY(ll_record_set_real(record, "initial_loss", "loss", c->options.initial_loss, error));
        LL_TRY(ll_record_set_real(record, "relative_barrier", "", loss.barrier / depth, error));
        LL_TRY(ll_record_set_real(record, "relative_linear_barrier", "", line.barrier / depth, error));
    }
    if (c->metrics) {
        ll_curve_numbers errors = ll_curve_measure(c->error, points),
                         line_errors = ll_curve_measure(c->line_error, points);
        LL_TRY(ll_record_set_text(record, "metric", c->info->metric[c->metric].name, error));
        LL_TRY(ll_record_set_real(record, "mc_error", "percent", errors.mc, error));
        LL_TRY(ll_record_set_real(record, "mc_error_t", "", errors.mc_t, error));
        LL_TRY(ll_record_set_real(record, "linear_mc_error", "percent", line_errors.mc, error));
        LL_TRY(ll_record_set_reals(record, "error", "percent", c->error, points, error));
        LL_TRY(ll_record_set_reals(record, "linear_error", "percent", c->line_error, points, error));
    }
    LL_TRY(ll_record_set_real(record, "length", "", length_of(c, false), error));
    return ll_record_set_real(record, "straight_length", "", length_of(c, true), error);
}

static ll_status fill_record(curve *c, const char *reason, ll_record *record, ll_error *error)
{
    static const char *const kinds[] = {"linear", "bezier", "polygon"};
    static const char *const optimisers[] = {"sgd", "adam", "adamw", "lbfgs"};
    int64_t points = c->options.points;
    bool trained = c->options.kind != LL_CURVE_LINEAR;
    LL_TRY(ll_record_set_text(record, "problem", c->info->name, error));
    LL_TRY(ll_record_set_text(record, "path", kinds[c->options.kind], error));
    LL_TRY(ll_record_set_text(record, "batch_norm",
                              c->b == 0       ? "none"
                              : c->statistics ? "re-estimate"
                                              : "keep",
                              error));
    LL_TRY(ll_record_set_text(record, "reason", reason, error));
    LL_TRY(ll_record_set_integer(record, "converged", "",
                                 strcmp(reason, "unconverged") != 0 && strcmp(reason, "diverged") != 0 &&
                                     strcmp(reason, "recipe") != 0,
                                 error));
    for (int64_t i = 0; i < points; i++) c->row[i] = (double)i / (double)(points - 1);
    LL_TRY(ll_record_set_reals(record, "t", "", c->row, points, error));
    LL_TRY(ll_record_set_reals(record, "loss", "loss", c->loss, points, error));
    LL_TRY(ll_record_set_reals(record, "linear_loss", "loss", c->line_loss, points, error));
    LL_TRY(set_numbers(c, record, error));
    LL_TRY(ll_record_set_integer(record, "seed", "", (int64_t)c->options.seed, error));
    if (!trained) return LL_OK;
    LL_TRY(ll_record_set_text(record, "recipe", c->options.yang ? "yang" : "to a stop", error));
    LL_TRY(ll_record_set_text(record, "optimiser", optimisers[c->options.optimiser.kind], error));
    LL_TRY(ll_record_set_integer(record, "strata", "", c->options.strata, error));
    LL_TRY(ll_record_set_integer(record, "steps", "steps", c->steps, error));
    LL_TRY(ll_record_set_integer(record, "rounds", "", c->round, error));
    LL_TRY(ll_record_set_real(record, "rate", "", c->rate, error));
    LL_TRY(ll_record_set_reals(record, "mc_history", "loss", c->history, c->round, error));
    for (int64_t i = 0; i < c->round; i++) c->row[i] = (double)c->step_history[i];
    LL_TRY(ll_record_set_reals(record, "step_history", "steps", c->row, c->round, error));
    ll_array array = {.type = c->type == LL_REAL_FLOAT32 ? LL_ARRAY_FLOAT32 : LL_ARRAY_FLOAT64,
                      .rank = 1,
                      .shape = {c->n},
                      .data = c->phi};
    return ll_record_set_array(record, "bend", "", &array, error);
}

/* ---------------------------------------------------------------- set-up */

static int64_t option_or(int64_t value, int64_t fallback) { return value != 0 ? value : fallback; }

static ll_status fill_options(curve *c, const ll_curve_options *given, ll_error *error)
{
    c->options = given != NULL ? *given : (ll_curve_options){0};
    ll_curve_options *o = &c->options;
    const char *place = c->info->name;
    unsigned can = c->info->capabilities;
    if (o->yang)
        o->optimiser = (ll_optimiser_options){.kind = LL_OPTIMISER_SGD, .rate = 0.01, .momentum = 0.9};
    else if (o->optimiser.kind == LL_OPTIMISER_SGD && o->optimiser.rate == 0)
        o->optimiser.kind = o->batch_size == 0 ? LL_OPTIMISER_LBFGS : LL_OPTIMISER_ADAM;
    /* The stop is the curve's, not the optimiser's: minima of small loss leave nothing of the usual
     * tolerances. */
    if (o->optimiser.tolerance_change == 0) o->optimiser.tolerance_change = 1e-13;
    if (o->optimiser.tolerance_gradient == 0) o->optimiser.tolerance_gradient = 1e-10;
    o->budget = option_or(o->budget, o->optimiser.kind == LL_OPTIMISER_LBFGS ? 50 : 500);
    o->rounds = o->yang ? 1 : option_or(o->rounds, 6);
    o->strata = option_or(o->strata, 16);
    o->points = option_or(o->points, 61);
    o->calibration_batch = option_or(o->calibration_batch, 500);
    if (o->connected == 0) o->connected = 0.05;
    if (o->still == 0) o->still = 0.10;
    if ((unsigned)o->kind > LL_CURVE_POLYGON)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, place, "curve %d does not exist", (int)o->kind);
    if (o->points < 3 || o->strata < 1 || o->strata > 64 || o->rounds < 1 || o->rounds > 30 ||
        o->budget < 1 || o->batch_size < 0)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, place,
                       "points %lld (at least 3), strata %lld (1..64), rounds %lld (1..30), budget %lld, "
                       "batch_size %lld",
                       (long long)o->points, (long long)o->strata, (long long)o->rounds, (long long)o->budget,
                       (long long)o->batch_size);
    if (o->kind != LL_CURVE_LINEAR && (can & LL_CAN_GRADIENT) == 0)
        return ll_fail(error, LL_UNSUPPORTED, module, place,
                       "a curve is trained with gradients (capability \"gradient\" is missing); straight "
                       "lines need none");
    if (o->batch_size > 0 && (can & LL_CAN_SUBSETS) == 0)
        return ll_fail(error, LL_UNSUPPORTED, module, place, "mini-batches need the capability \"subsets\"");
    if (o->batch_size > 0 && o->optimiser.kind == LL_OPTIMISER_LBFGS)
        return ll_fail(error, LL_UNSUPPORTED, module, place, "L-BFGS takes full batches only (batch_size 0)");
    c->statistics = c->b > 0 && o->batch_norm == LL_CURVE_REESTIMATE && (can & LL_CAN_CALIBRATE) != 0;
    c->metrics = (can & LL_CAN_METRICS) != 0;
    for (c->metric = 0; o->metric != NULL && c->metric < c->info->metrics; c->metric++)
        if (strcmp(c->info->metric[c->metric].name, o->metric) == 0) break;
    if (o->metric != NULL && c->metric == c->info->metrics)
        return ll_fail(error, LL_NOT_FOUND, module, place, "it has no metric \"%s\"", o->metric);
    return LL_OK;
}

static ll_status take_role(curve *c, const char *role, const ll_samples *otherwise, ll_samples *lists,
                           ll_error *error)
{
    for (int64_t term = 0; term < c->info->terms; term++) {
        const int64_t *indices = NULL;
        int64_t count = 0;
        ll_status status =
            ll_problem_role(c->problem, role, term, &indices, &count, otherwise == NULL ? error : NULL);
        if (status == LL_OK) lists[term] = (ll_samples){indices, count};
        else if (status == LL_NOT_FOUND && otherwise != NULL) lists[term] = otherwise[term];
        else return status;
    }
    return LL_OK;
}

static void curve_deinit(curve *c)
{
    ll_free(c->phi);
    ll_free(c->sum);
    ll_free(c->samples);
    ll_free(c->order);
    ll_free(c->loss);
}

static ll_status allocate(curve *c, ll_error *error)
{
    size_t one = ll_real_bytes(c->type);
    int64_t points = c->options.points,
            row = ll_max_int64(points, ll_max_int64(MOST_ROUNDS, GROUP * c->info->metrics));
    int64_t terms = c->info->terms, total = 0;
    c->phi = ll_allocate_array((2 + 2 * GROUP) * c->n + GROUP * c->b, one);
    c->sum = ll_allocate_array(c->n + c->options.strata, sizeof *c->sum);
    c->samples = ll_allocate_array(3 * terms, sizeof *c->samples);
    c->loss = ll_allocate_zeroed((size_t)(4 * points + row) * sizeof *c->loss);
    for (int64_t t = 0; t < terms; t++) total += c->info->term[t].samples;
    c->order = ll_allocate_array(total, sizeof *c->order);
    if (c->phi == NULL || c->sum == NULL || c->samples == NULL || c->loss == NULL || c->order == NULL)
        return ll_fail_memory(error, module, (2 + 2 * GROUP) * vector_bytes(c));
    c->points = c->phi + vector_bytes(c);
    c->gradients = c->points + GROUP * vector_bytes(c);
    c->start = c->gradients + GROUP * vector_bytes(c);
    c->buffers = c->start + vector_bytes(c);
    c->t = c->sum + c->n;
    c->calibration = c->samples + terms;
    c->batch = c->samples + 2 * terms;
    c->error = c->loss + points;
    c->line_loss = c->loss + 2 * points;
    c->line_error = c->loss + 3 * points;
    c->row = c->loss + 4 * points;
    return LL_OK;
}

static ll_status curve_init(curve *c, ll_problem *problem, const ll_curve_ends *ends,
                            const ll_curve_options *options, const ll_sink *sink, ll_error *error)
{
    if (problem == NULL || ends == NULL || ends->a == NULL || ends->b == NULL)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, NULL, "a problem and both ends are needed");
    const ll_problem_info *info = ll_problem_view(problem);
    *c = (curve){.problem = problem,
                 .info = info,
                 .ends = *ends,
                 .sink = sink,
                 .type = info->type,
                 .n = info->parameter_count,
                 .b = info->buffer_count,
                 .subsets = (info->capabilities & LL_CAN_SUBSETS) != 0};
    if (c->b > 0) {
        const void *own = ll_problem_origin_buffers(problem);
        if (c->ends.buffers_a == NULL) c->ends.buffers_a = own;
        if (c->ends.buffers_b == NULL) c->ends.buffers_b = own;
        if (c->ends.buffers_a == NULL || c->ends.buffers_b == NULL)
            return ll_fail(error, LL_INVALID_ARGUMENT, module, info->name, "buffers of the ends are needed");
    } else c->ends.buffers_a = c->ends.buffers_b = NULL;
    LL_TRY(fill_options(c, options, error));
    ll_status status = allocate(c, error);
    if (status == LL_OK) {
        for (int64_t t = 0; t < info->terms; t++) c->batch[t] = (ll_samples){NULL, info->term[t].samples};
        status = c->options.role != NULL ? take_role(c, c->options.role, NULL, c->samples, error)
                                         : take_role(c, "fit", c->batch, c->samples, error);
    }
    if (status == LL_OK)
        status = c->options.calibrate_role != NULL
                     ? take_role(c, c->options.calibrate_role, NULL, c->calibration, error)
                     : take_role(c, "calibrate", c->samples, c->calibration, error);
    if (status != LL_OK) {
        curve_deinit(c);
        return status;
    }
    c->rate = c->options.optimiser.rate != 0                    ? c->options.optimiser.rate
              : c->options.optimiser.kind == LL_OPTIMISER_LBFGS ? 1.0
              : c->options.optimiser.kind == LL_OPTIMISER_SGD   ? 0.01
                                                                : 0.001;
    place(c, LL_CURVE_LINEAR, 0.5, NULL, c->phi);
    return LL_OK;
}

ll_status ll_connectivity_curve(ll_problem *problem, const ll_curve_ends *ends,
                                const ll_curve_options *options, const ll_sink *sink, ll_record **record,
                                ll_error *error)
{
    curve c;
    LL_TRY(curve_init(&c, problem, ends, options, sink, error));
    const char *reason = "line";
    ll_record *made = NULL;
    ll_status status = evaluate(&c, "line", NULL, c.line_loss, c.line_error, error);
    if (status == LL_OK && c.options.kind == LL_CURVE_LINEAR) {
        memcpy(c.loss, c.line_loss, (size_t)(2 * c.options.points) * sizeof *c.loss);
    } else if (status == LL_OK) status = train(&c, &reason, error);
    if (status == LL_OK) {
        made = ll_record_create("curve");
        status = made == NULL ? ll_fail_memory(error, module, 0) : fill_record(&c, reason, made, error);
    }
    curve_deinit(&c);
    if (status != LL_OK) {
        ll_record_destroy(made);
        return status;
    }
    *record = made;
    return LL_OK;
}

ll_status ll_connectivity_bend_gradient(ll_problem *problem, const ll_curve_ends *ends, ll_curve_kind kind,
                                        const void *phi, const double *t, int64_t count,
                                        const ll_samples *samples, double *loss, void *gradient,
                                        ll_error *error)
{
    if (phi == NULL || t == NULL || count < 1 || loss == NULL || gradient == NULL)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, NULL, "phi, t and both results are needed");
    curve c;
    ll_curve_options options = {.kind = kind};
    LL_TRY(curve_init(&c, problem, ends, &options, NULL, error));
    bend_call call = {.c = &c, .t = t, .count = count, .samples = samples};
    ll_status status = bend(&call, phi, loss, gradient, error);
    curve_deinit(&c);
    return status;
}
