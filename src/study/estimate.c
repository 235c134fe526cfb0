/* What a study takes: short measurements of each kind of network in it (a point of a landscape, a gradient, a
 * Hessian product, a calibration), times how many of them each job needs. Solvers that stop by themselves are
 * counted with the share of their budget that they usually spend. */
#include "study/setups.h"

#include "losslens/landscape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Seconds on this machine, per sample where the network has data; else per evaluation on all points. */
typedef struct probe {
    double setup; /* opening the group */
    double point, gradient, product, calibrate, metrics;
    double parameters, buffers, element;
    double update; /* seconds of an L-BFGS step beside its evaluation: the walk over the history */
    /* Bytes of a Problem at work: each sort of work keeps its own plan and workspaces. */
    double point_memory, gradient_memory, product_memory, calibrate_memory;
    double data;    /* bytes of the data sets that each set-up holds */
    double row;     /* bytes of one sample in a set-up's table */
    double kept;    /* bytes a sample that a Hessian product keeps for the next ones */
    double history; /* pairs of vectors of an L-BFGS run; 0: another optimiser */
    bool is_pinn, has_buffers;
    int64_t fit; /* samples of training that there are */
} probe;

static double repeat(ll_problem *problem, const ll_request *request, double least)
{
    /* The first call plans; it is not counted. */
    if (ll_problem_evaluate(problem, request, NULL) != LL_OK) return NAN;
    double start = ll_clock_seconds(), took = 0, best = INFINITY;
    for (int calls = 0; calls < 3 || took < least; calls++) {
        double before = ll_clock_seconds();
        if (ll_problem_evaluate(problem, request, NULL) != LL_OK) return NAN;
        double after = ll_clock_seconds();
        best = fmin(best, after - before);
        took = after - start;
        if (took > 20.0 * least) break;
    }
    return best;
}

/* L-BFGS reads its pairs of vectors twice at each step, from memory rather than from a cache. */
static double measure_update(int64_t count, int64_t history)
{
    double *pairs = ll_allocate_array(2 * history * count, sizeof *pairs),
           *step = ll_allocate_array(count, sizeof *step);
    double best = INFINITY;
    for (int round = 0; round < 4 && pairs != NULL && step != NULL; round++) {
        for (int64_t i = 0; i < 2 * history * count && round == 0; i++) pairs[i] = 1e-3;
        for (int64_t i = 0; i < count; i++) step[i] = 1.0;
        double start = ll_clock_seconds();
        for (int64_t k = 0; k < 2 * history; k++) {
            const double *s = pairs + k % history * 2 * count, *y = s + count;
            double product = 0;
            for (int64_t i = 0; i < count; i++) product += s[i] * step[i];
            for (int64_t i = 0; i < count; i++) step[i] -= 1e-6 * product * y[i];
        }
        volatile double kept = step[0];
        (void)kept;
        best = fmin(best, ll_clock_seconds() - start);
    }
    ll_free(pairs);
    ll_free(step);
    return isfinite(best) ? best : 0.0;
}

static ll_status measure_vectors(ll_setup *setup, probe *p, double least, ll_error *error)
{
    enum { POINTS = 8 };
    ll_problem *problem = ll_setup_problem(setup);
    const ll_problem_info *info = ll_problem_view(problem);
    size_t bytes = (size_t)info->parameter_count * ll_real_bytes(info->type);
    void *out = ll_allocate(bytes), *state = ll_allocate((size_t)(info->buffer_count + 1) * 8);
    double losses[POINTS], metrics[POINTS * LL_MOST_TERMS];
    if (out == NULL || state == NULL || info->metrics > LL_MOST_TERMS) {
        ll_free(out);
        ll_free(state);
        return ll_fail_memory(error, LL_STUDY, bytes);
    }
    const void *theta = ll_problem_origin(problem), *thetas[POINTS],
               *own = ll_problem_origin_buffers(problem), *buffers[POINTS];
    for (int k = 0; k < POINTS; k++) {
        thetas[k] = theta;
        buffers[k] = own;
    }
    ll_samples lists[LL_MOST_TERMS], batch[LL_MOST_TERMS];
    ll_role_lists(problem, "evaluate", lists);
    ll_role_lists(problem, "fit", batch);
    double samples = p->is_pinn ? 1.0 : (double)lists[0].count;
    if (!p->is_pinn) batch[0].count = ll_min_int64(batch[0].count, 128);
    double rows = p->is_pinn ? 1.0 : (double)batch[0].count;
    size_t need = 0;
    ll_request request = {.points = POINTS,
                          .thetas = thetas,
                          .buffers = own != NULL ? buffers : NULL,
                          .samples = lists,
                          .loss = losses,
                          .metrics = info->metrics > 0 ? metrics : NULL};
    if (ll_problem_memory(problem, &request, &need, NULL) == LL_OK) p->point_memory = (double)need;
    /* A problem's metrics look at the whole grid of the reference, its landscapes do not. */
    if (p->is_pinn) {
        request.points = 1;
        p->metrics = repeat(problem, &request, least);
        request.points = POINTS;
        request.metrics = NULL;
    }
    p->point = repeat(problem, &request, least) / (POINTS * samples);
    request = (ll_request){.points = 1,
                           .thetas = thetas,
                           .buffers = own != NULL ? buffers : NULL,
                           .samples = batch,
                           .loss = losses,
                           .gradients = &out,
                           .mode = p->is_pinn ? LL_MODE_EVALUATION : LL_MODE_TRAINING};
    if (ll_problem_memory(problem, &request, &need, NULL) == LL_OK) p->gradient_memory = (double)need;
    p->gradient = repeat(problem, &request, least) / rows;
    const void *vector = theta;
    request = (ll_request){.points = 1,
                           .thetas = thetas,
                           .buffers = own != NULL ? buffers : NULL,
                           .samples = batch,
                           .product_count = 1,
                           .vectors = &vector,
                           .products = &out,
                           .allow_emulation = true};
    if (ll_problem_memory(problem, &request, &need, NULL) == LL_OK) {
        /* Half the samples tell what grows with them: what is kept, by the set-ups of curvature alone. */
        size_t half = need;
        int64_t all = batch[0].count;
        if (!p->is_pinn && all > 1) {
            batch[0].count = all / 2;
            if (ll_problem_memory(problem, &request, &half, NULL) == LL_OK && half < need)
                p->kept = (double)(need - half) / (double)(all - all / 2);
            batch[0].count = all;
        }
        p->product_memory = (double)need - p->kept * (double)all;
    }
    p->product = repeat(problem, &request, least) / rows;
    p->has_buffers = (info->capabilities & LL_CAN_CALIBRATE) != 0 && info->buffer_count > 0;
    if (p->has_buffers) {
        request = (ll_request){.points = 1,
                               .thetas = thetas,
                               .samples = batch,
                               .mode = LL_MODE_CALIBRATION,
                               .batch_size = 500,
                               .buffers_out = &state};
        if (ll_problem_memory(problem, &request, &need, NULL) == LL_OK) p->calibrate_memory = (double)need;
        p->calibrate = repeat(problem, &request, least) / rows;
    }
    ll_free(out);
    ll_free(state);
    return isnan(p->point) || isnan(p->gradient)
               ? ll_fail(error, LL_NUMERIC, LL_STUDY, info->name, "its cost cannot be measured")
               : LL_OK;
}

static ll_status measure(ll_runner *runner, int64_t group, double least, probe *p, ll_error *error)
{
    ll_setup *setup = NULL;
    ll_setup_request request = {.group = group, .fit = 128, .samples = 128};
    p->is_pinn = runner->study->groups[group].view.kind == LL_GROUP_PINN;
    if (p->is_pinn) request = (ll_setup_request){.group = group, .fit = -1};
    double start = ll_clock_seconds();
    LL_TRY(ll_runner_setup_own(runner, &request, &setup, error));
    p->setup = ll_clock_seconds() - start;
    const ll_problem_info *info = ll_problem_view(ll_setup_problem(setup));
    p->parameters = (double)info->parameter_count;
    p->buffers = (double)info->buffer_count;
    p->element = (double)ll_real_bytes(info->type);
    p->fit = p->is_pinn ? 0 : ll_setup_available(setup);
    p->data = (double)ll_setup_data_bytes(setup);
    p->row = (double)ll_setup_row_bytes(setup);
    if (p->is_pinn) {
        int64_t history = ll_max_int64(1, ll_group_integer(runner->study, group, "train.history"));
        p->history = (double)history;
        p->update = measure_update(info->parameter_count, history);
    }
    ll_status status = measure_vectors(setup, p, least, error);
    ll_setup_destroy(setup);
    return status;
}

/* ---------------------------------------------------------------- how much work a job is */

static double option(const ll_study *study, const ll_job *job, const char *key)
{
    const char *text =
        job->request != NULL
            ? ll_settings_text(&job->request->settings, job->request->analysis->rows, key, study->effort)
            : NULL;
    return text != NULL ? strtod(text, NULL) : 0.0;
}

static bool option_is(const ll_study *study, const ll_job *job, const char *key, const char *value)
{
    const char *text =
        ll_settings_text(&job->request->settings, job->request->analysis->rows, key, study->effort);
    return text != NULL && strcmp(text, value) == 0;
}

/* Samples of a role, as many as asked for and there are; 1 for a problem: its cost is per evaluation. */
static double samples_of(const ll_study *study, const probe *p, int64_t group, const char *role,
                         double wanted, double usual)
{
    char key[64];
    if (p->is_pinn) return 1.0;
    snprintf(key, sizeof key, "roles.%s.count", role);
    double limit = (double)ll_group_integer(study, group, key);
    if (limit <= 0) limit = usual;
    return wanted > 0 ? fmin(wanted, limit) : limit;
}

static double grid_points(const ll_study *study, const ll_job *job, int *dimensions)
{
    int64_t size[6];
    const char *text =
        ll_settings_text(&job->request->settings, job->request->analysis->rows, "grid", study->effort);
    double points = 1;
    *dimensions = ll_parse_grid(text, size, 6);
    for (int d = 0; d < *dimensions; d++) points *= (double)size[d];
    return points;
}

/* What one landscape point costs: the evaluation, and batch norm before it. */
static double point_cost(const ll_study *study, const probe *p, const ll_job *job, double evaluate)
{
    bool keep = option_is(study, job, "batch_norm", "keep") || option_is(study, job, "direction", "hessian");
    double calibrate =
        p->has_buffers && !keep ? p->calibrate * samples_of(study, p, job->owner, "calibrate", 0, 1000) : 0;
    return p->point * evaluate + calibrate;
}

static double train_seconds(const ll_study *study, const probe *p, int64_t group)
{
    double epochs = (double)ll_group_integer(study, group, "train.epochs");
    if (!p->is_pinn) return epochs * p->gradient * samples_of(study, p, group, "fit", 0, (double)p->fit);
    /* 1.1 evaluations a step; about nine tenths of the steps before nothing changes any more. */
    return 0.9 * epochs * (1.1 * p->gradient + p->update);
}

static double pair_seconds(const ll_study *study, const probe *p, const ll_job *job)
{
    double rounds = option(study, job, "rounds"), budget = option(study, job, "budget"),
           points = option(study, job, "points"), steps = 0;
    double samples = samples_of(study, p, job->owner, "fit", option(study, job, "samples"), (double)p->fit);
    if (budget <= 0) budget = p->is_pinn ? 50 : 500;
    /* Curves stop when they are connected or still: nine tenths of the budget, as a rule. */
    for (double r = 0, round = budget; r < rounds; r++, round *= 2) steps += 0.9 * round;
    double evaluation =
        points *
        (p->point * samples +
         (p->has_buffers ? p->calibrate * samples_of(study, p, job->owner, "calibrate", 0, 1000) : 0));
    const char *batch =
        ll_settings_text(&job->request->settings, job->request->analysis->rows, "batch", study->effort);
    double rows = p->is_pinn                                 ? 16.0 * 1.1
                  : batch != NULL && strtod(batch, NULL) > 0 ? strtod(batch, NULL)
                                                             : 128.0;
    if (option_is(study, job, "path", "linear")) return evaluation;
    return steps * (rows * p->gradient + p->update) + (rounds + 1.0) * evaluation;
}

/* Products until so many eigenpairs have converged: 16 - 20 for two, 20 - 30 for five, 34 - 64 for ten. */
static double eigen_products(double pairs) { return 10.0 + 3.5 * pairs; }

/* Jobs of a sort look at the same samples of a group: one set-up is opened for all of them. As a bit. */
static unsigned setup_of(const ll_study *study, const probe *p, const ll_job *job)
{
    static const char *const curvature[] = {"eigenpairs", "trace", "density", "negative_curvature"};
    if (p->is_pinn) return 1;
    if (strcmp(job->kind, "model") == 0 && ll_group_text(study, job->owner, "checkpoints") == NULL) return 2;
    if (strcmp(job->kind, "pair") == 0) return 4;
    for (size_t k = 0; k < sizeof curvature / sizeof *curvature; k++)
        if (strcmp(job->kind, curvature[k]) == 0) return 8;
    return strcmp(job->kind, "topology") == 0 || strcmp(job->kind, "taxonomy") == 0 ? 0 : 1;
}

static double job_seconds(const ll_study *study, const probe *p, const ll_job *job)
{
    int dimensions;
    const char *kind = job->kind;
    if (strcmp(kind, "model") == 0)
        return ll_group_text(study, job->owner, "checkpoints") != NULL
                   ? 0.02
                   : train_seconds(study, p, job->owner) + 0.02;
    if (strcmp(kind, "metrics") == 0)
        return p->is_pinn ? 3.0 * p->metrics + 0.05
                          : 2.0 * p->point * samples_of(study, p, job->owner, "evaluate", 0, 10000) + 0.02;
    if (strcmp(kind, "landscape") == 0) {
        double evaluate = samples_of(study, p, job->owner, "evaluate", option(study, job, "samples"), 10000);
        double points = grid_points(study, job, &dimensions), extra = 0;
        if (option_is(study, job, "direction", "hessian"))
            extra = eigen_products(dimensions) * p->product * evaluate;
        if (option_is(study, job, "gradient_norm", "true")) extra += points * p->gradient * evaluate;
        if (option_is(study, job, "eigenvalues", "true")) extra += points * 40.0 * p->product * evaluate;
        if (option_is(study, job, "halves", "true")) points *= 2;
        return points * point_cost(study, p, job, evaluate) + extra + 0.01;
    }
    if (strcmp(kind, "rise") == 0) {
        double keep =
            p->has_buffers ? p->calibrate * samples_of(study, p, job->owner, "calibrate", 0, 1000) : 0;
        return 4.0 * option(study, job, "directions") *
                   (p->point * samples_of(study, p, job->owner, "evaluate", 0, 10000) + keep) +
               0.01;
    }
    double chosen = samples_of(study, p, job->owner, "evaluate", option(study, job, "samples"), 10000);
    if (strcmp(kind, "eigenpairs") == 0 || strcmp(kind, "negative_curvature") == 0) {
        double ends = option_is(study, job, "end", "both") ? 2 : 1;
        return fmin(option(study, job, "products"), ends * eigen_products(option(study, job, "top"))) *
                   p->product * chosen +
               0.01;
    }
    if (strcmp(kind, "trace") == 0)
        return 0.5 * option(study, job, "trace_probes") * p->product * chosen + 0.01;
    if (strcmp(kind, "density") == 0)
        return option(study, job, "density_probes") * option(study, job, "density_steps") * p->product *
                   chosen +
               0.01;
    if (strcmp(kind, "pair") == 0) return pair_seconds(study, p, job) + 0.02;
    return 0.01;
}

/* Jobs over the whole study: by their number of models. */
static double whole_seconds(const ll_study *study, const ll_plan *plan, const probe *probes,
                            const ll_job *job)
{
    double models = 0, seconds = 0.01;
    for (int64_t k = 0; k < job->need_count; k++) {
        const ll_job *need = &plan->job[job->needs[k]];
        if (strcmp(need->kind, "model") != 0) continue;
        const probe *p = &probes[need->owner];
        double samples = option(study, job, "samples");
        models++;
        if (strcmp(job->kind, "similarity") == 0)
            seconds += (p->is_pinn ? p->point : p->point * samples) +
                       3e-8 * samples * samples * (option_is(study, job, "layers", "all") ? 20 : 1);
    }
    if (strcmp(job->kind, "placement") == 0)
        return 0.01 + 2e-6 * (double)(plan->members->count * plan->members->count) * 100.0;
    if (strcmp(job->kind, "trust") == 0 || strcmp(job->kind, "comparison") == 0)
        return 0.01 + 5e-5 * (double)job->need_count;
    return seconds + 1e-3 * models;
}

static double job_bytes(const ll_study *study, const probe *p, const ll_job *job)
{
    const char *kind = job->kind;
    double vector = p->parameters * p->element;
    if (strcmp(kind, "model") == 0) {
        double every = (double)ll_group_integer(study, job->owner, "train.trajectory_every"),
               epochs = (double)ll_group_integer(study, job->owner, "train.epochs");
        return vector * (1.0 + (every > 0 && ll_group_text(study, job->owner, "checkpoints") == NULL
                                    ? epochs / every + 1.0
                                    : 0.0)) +
               p->buffers * p->element + 4000.0;
    }
    if (strcmp(kind, "eigenpairs") == 0) return vector * option(study, job, "top") + 4000.0;
    if (strcmp(kind, "pair") == 0) return vector + 8000.0;
    if (strcmp(kind, "metrics") == 0) return p->is_pinn ? 420000.0 : 30000.0;
    if (strcmp(kind, "topology") == 0) return 4000.0 + job->bytes * 0.05;
    return job->bytes > 0 ? job->bytes + 4000.0 : 6000.0;
}

/* ---------------------------------------------------------------- memory */

/* Rows in the table of a set-up for jobs of a sort (setup_of). */
static double rows_held(const ll_study *study, const probe *p, int64_t group, unsigned bit)
{
    double rows = samples_of(study, p, group, "evaluate", 0, 10000);
    if (p->is_pinn) return 0;
    if (p->has_buffers) rows += samples_of(study, p, group, "calibrate", 0, 1000);
    if (bit == 2 || bit == 4) rows += samples_of(study, p, group, "fit", 0, (double)p->fit);
    return rows;
}

/* The Problem of a set-up for jobs of a sort. */
static double problem_memory(const probe *p, unsigned bit)
{
    double evaluation = p->point_memory + p->calibrate_memory;
    if (p->is_pinn) return evaluation + p->gradient_memory + p->product_memory;
    return bit == 2   ? p->gradient_memory + p->calibrate_memory
           : bit == 4 ? evaluation + p->gradient_memory
           : bit == 8 ? p->product_memory
                      : evaluation;
}

/* What the products of a curvature's samples keep at a point; nothing where that is over the engine's share.
 */
static double bytes_kept(const ll_study *study, const probe *p, const ll_job *job)
{
    double samples = samples_of(study, p, job->owner, "evaluate", option(study, job, "samples"), 10000);
    double bytes = p->kept * samples;
    return bytes <= (double)ll_usable_memory() / 4.0 ? bytes : 0.0;
}

/* What of one group is held at its widest: the vectors of a job, or the members that are trained together,
 * each with its history and its share of the engine's memory. */
static double vectors_of(const probe *p, double trained)
{
    double one = p->parameters * p->element;
    double together =
        fmin(trained, LL_MOST_TOGETHER) * (one * (2.0 * p->history + 12.0) + p->gradient_memory);
    return fmax(40.0 * one, p->is_pinn ? together : 0.0);
}

/* The program itself, the set-ups that stay open, what products keep, and the vectors of one job. opened: the
 * sorts of set-ups of each group; trained: its members. */
static double memory_of(const ll_study *study, const probe *probes, const unsigned *opened,
                        const double *kept, const double *trained)
{
    double setups = 0, held = 0, most_kept = 0, vectors = 0, loading = 0;
    for (int64_t g = 0; g < study->group_count; g++) {
        const probe *p = &probes[g];
        if (study->groups[g].view.kind == LL_GROUP_FIELD) continue;
        for (unsigned bit = 1; bit <= opened[g]; bit <<= 1) {
            if ((opened[g] & bit) == 0) continue;
            double table = p->row * rows_held(study, p, g, bit);
            setups += 1;
            held += problem_memory(p, bit) + p->data + table;
            loading =
                fmax(loading, p->element > 4 ? table / 2.0 : 0.0); /* float32 rows on their way to float64 */
        }
        most_kept = fmax(most_kept, kept[g]);
        vectors = fmax(vectors, vectors_of(p, trained[g]));
    }
    /* Plans for other numbers of points and samples stay beside those measured, and heaps have gaps: in five case
     * studies and two small ones the peak was 1.0 to 2.0 times the sum of what is known. */
    const double beside = 1.5;
    return 50e6 + vectors + loading + most_kept +
           beside * held * fmin(1.0, LL_MOST_SETUPS / fmax(setups, 1.0));
}

/* ---------------------------------------------------------------- the plan of one effort */

static ll_status add_cost(ll_study_estimate *estimate, const char *kind, double seconds, double bytes,
                          ll_error *error)
{
    static const char *const known[] = {"model",      "field", "metrics",   "landscape",
                                        "eigenpairs", "trace", "density",   "negative_curvature",
                                        "similarity", "pair",  "placement", "topology",
                                        "distances",  "rise",  "taxonomy",  "comparison",
                                        "trust"};
    int64_t k = 0;
    while (k < estimate->count && strcmp(estimate->costs[k].kind, kind) != 0) k++;
    if (k == estimate->count) {
        ll_study_cost *grown = ll_allocate_array(k + 1, sizeof *grown);
        const char *name = "other";
        if (grown == NULL) return ll_fail_memory(error, LL_STUDY, sizeof *grown);
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            if (strcmp(known[i], kind) == 0) name = known[i];
        if (k > 0) memcpy(grown, estimate->costs, (size_t)k * sizeof *grown);
        ll_free(estimate->costs);
        estimate->costs = grown;
        grown[k] = (ll_study_cost){.kind = name};
        estimate->count++;
    }
    estimate->costs[k].jobs++;
    estimate->costs[k].seconds += seconds;
    estimate->costs[k].bytes += bytes;
    estimate->seconds += seconds;
    estimate->disk_bytes += bytes;
    return LL_OK;
}

static ll_status estimate_effort(const ll_study *study, const ll_members *members, const probe *probes,
                                 ll_study_estimate *estimate, ll_error *error)
{
    static const probe nothing = {.is_pinn = true};
    ll_plan plan = {0};
    LL_TRY(ll_plan_make(study, members, NULL, &plan, error));
    ll_status status = LL_OK;
    unsigned *opened = ll_allocate_zeroed((size_t)(study->group_count + 1) * sizeof *opened);
    double *kept = ll_allocate_zeroed((size_t)(study->group_count + 1) * sizeof *kept);
    double *trained = ll_allocate_zeroed((size_t)(study->group_count + 1) * sizeof *trained);
    if (opened == NULL || kept == NULL || trained == NULL)
        status = ll_fail_memory(error, LL_STUDY, sizeof *kept);
    estimate->disk_bytes = 100000.0;
    for (int64_t i = 0; i < plan.count && status == LL_OK; i++) {
        const ll_job *job = &plan.job[i];
        bool field = job->owner >= 0 && study->groups[job->owner].view.kind == LL_GROUP_FIELD;
        const probe *p = job->owner >= 0 && !field ? &probes[job->owner] : &nothing;
        double seconds = job->owner >= 0 && !field ? job_seconds(study, p, job)
                         : field                   ? 0.02
                                                   : whole_seconds(study, &plan, probes, job);
        if (job->owner >= 0 && !field && strcmp(job->kind, "model") == 0 &&
            ll_group_text(study, job->owner, "checkpoints") == NULL)
            trained[job->owner]++;
        if (job->owner >= 0 && !field && setup_of(study, p, job) == 8)
            kept[job->owner] = fmax(kept[job->owner], bytes_kept(study, p, job));
        for (int64_t g = 0; g < study->group_count; g++) {
            unsigned bit = strcmp(job->kind, "similarity") == 0 ? 16
                           : job->owner == g                    ? setup_of(study, &probes[g], job)
                                                                : 0;
            if (study->groups[g].view.kind == LL_GROUP_FIELD || (opened[g] | bit) == opened[g]) continue;
            opened[g] |= bit;
            seconds += probes[g].setup;
        }
        status = add_cost(estimate, job->kind, seconds, job_bytes(study, p, job), error);
    }
    if (status == LL_OK) estimate->memory_bytes = memory_of(study, probes, opened, kept, trained);
    ll_free(kept);
    ll_free(trained);
    ll_free(opened);
    ll_plan_deinit(&plan);
    return status;
}

/* Groups that differ in what does not change the cost share a measurement. */
static bool same_cost(const ll_study *study, int64_t a, int64_t b)
{
    static const char *const ignored[] = {
        "name",    "title",       "beta",       "nu",     "rho",          "point_seed", "train.",
        "expect.", "checkpoints", "trajectory", "roles.", "weight_decay", "normalise."};
    const ll_settings *x = &study->groups[a].settings, *y = &study->groups[b].settings;
    for (int side = 0; side < 2; side++) {
        const ll_settings *from = side == 0 ? x : y, *to = side == 0 ? y : x;
        for (int64_t i = 0; i < from->count; i++) {
            bool skip = false;
            for (size_t k = 0; k < sizeof ignored / sizeof *ignored; k++)
                skip = skip || strncmp(from->item[i].key, ignored[k], strlen(ignored[k])) == 0;
            int64_t at = ll_settings_find(to, from->item[i].key);
            if (!skip && (at < 0 || strcmp(to->item[at].value, from->item[i].value) != 0)) return false;
        }
    }
    return true;
}

static ll_status measure_all(ll_runner *runner, probe *probes, double seconds, ll_error *error)
{
    const ll_study *study = runner->study;
    int64_t distinct = 1;
    for (int64_t g = 0; g < study->group_count; g++) {
        bool known = study->groups[g].view.kind == LL_GROUP_FIELD;
        for (int64_t k = 0; k < g && !known; k++)
            known = study->groups[k].view.kind != LL_GROUP_FIELD && same_cost(study, k, g);
        distinct += !known;
    }
    double least = fmin(0.5, seconds / (40.0 * (double)distinct));
    for (int64_t g = 0; g < study->group_count; g++) {
        bool known = false;
        if (study->groups[g].view.kind == LL_GROUP_FIELD) continue;
        for (int64_t k = 0; k < g && !known; k++)
            if (study->groups[k].view.kind != LL_GROUP_FIELD && same_cost(study, k, g)) {
                probes[g] = probes[k];
                known = true;
            }
        if (!known) LL_TRY(measure(runner, g, least, &probes[g], error));
    }
    return LL_OK;
}

ll_status ll_study_estimates(const ll_study *study, const ll_study_run_options *options, double seconds,
                             ll_study_estimate *estimates, ll_error *error)
{
    ll_members members = {0};
    LL_TRY(ll_members_find(study, &members, error));
    ll_runner runner = {.study = study, .members = &members, .options = options};
    ll_study_estimate made[LL_EFFORTS] = {{0}};
    probe *probes = ll_allocate_zeroed((size_t)(study->group_count + 1) * sizeof *probes);
    ll_status status = probes != NULL ? measure_all(&runner, probes, seconds > 0 ? seconds : 60.0, error)
                                      : ll_fail_memory(error, LL_STUDY, 1024);
    for (int e = 0; e < LL_EFFORTS && status == LL_OK; e++) {
        ll_study as = *study;
        as.effort = (ll_effort)e;
        status = estimate_effort(&as, &members, probes, &made[e], error);
    }
    ll_free(probes);
    ll_members_deinit(&members);
    for (int e = 0; e < LL_EFFORTS; e++) {
        if (status == LL_OK) estimates[e] = made[e];
        else ll_study_estimate_deinit(&made[e]);
    }
    return status;
}

void ll_study_estimate_deinit(ll_study_estimate *estimate)
{
    if (estimate == NULL) return;
    ll_free(estimate->costs);
    *estimate = (ll_study_estimate){0};
}
