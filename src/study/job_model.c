/* Models: trained with a seed, or read from a checkpoint. The record holds the weights, so that what follows
 * needs the study file alone. */
#include "study/setups.h"

#include "losslens/problem_vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- what every model's record says */

static ll_status describe(const ll_runner *runner, int64_t member, ll_setup *setup, ll_record *record,
                          ll_error *error)
{
    const ll_member *m = &runner->members->member[member];
    const ll_group_entry *group = &runner->study->groups[m->group];
    const ll_problem_info *info = ll_problem_view(ll_setup_problem(setup));
    const char *slash = m->file != NULL ? strrchr(m->file, '/') : NULL;
    LL_TRY(ll_record_set_text(record, "problem", info->name, error));
    LL_TRY(ll_record_set_text(record, "source",
                              m->file == NULL ? "trained"
                              : slash != NULL ? slash + 1
                                              : m->file,
                              error));
    LL_TRY(ll_record_set_integer(record, "parameters", "", info->parameter_count, error));
    if (m->file == NULL) LL_TRY(ll_record_set_integer(record, "seed", "", m->seed, error));
    for (int64_t i = 0; i < group->settings.count; i++) {
        const ll_study_setting *setting = &group->settings.item[i];
        if (strcmp(setting->key, "name") == 0 || strcmp(setting->key, "title") == 0 ||
            strcmp(setting->key, "checkpoints") == 0 || strcmp(setting->key, "trajectory") == 0 ||
            strncmp(setting->key, "expect.", 7) == 0 || strcmp(setting->key, "train.seeds") == 0)
            continue;
        char name[200];
        ll_arena *scratch = ll_arena_create(0);
        snprintf(name, sizeof name, "setting_%s", setting->key);
        ll_status status =
            scratch != NULL ? ll_record_set_text(record, name, ll_lines_join(setting->value, scratch), error)
                            : ll_fail_memory(error, LL_STUDY, 256);
        ll_arena_destroy(scratch);
        LL_TRY(status);
    }
    /* What it was trained on; a checkpoint's own training is not known. */
    if (m->file == NULL) LL_TRY(ll_record_roles(record, setup, "calibrate", error));
    const char *notes = ll_setup_notes(setup);
    return notes[0] != 0 ? ll_record_set_text(record, "notes", notes, error) : LL_OK;
}

static ll_status set_vector(ll_record *record, const char *name, ll_real type, const void *values,
                            int64_t count, ll_error *error)
{
    union {
        const void *in;
        void *out;
    } view = {.in = values};
    static const double nothing = 0;
    if (values == NULL) view.in = &nothing;
    const ll_array array = {.type = type == LL_REAL_FLOAT32 ? LL_ARRAY_FLOAT32 : LL_ARRAY_FLOAT64,
                            .rank = 1,
                            .shape = {count},
                            .data = view.out};
    return ll_record_set_array(record, name, "", &array, error);
}

/* ---------------------------------------------------------------- training */

bool ll_trains_together(const ll_runner *runner, int64_t member)
{
    const ll_member *m = &runner->members->member[member];
    return m->file == NULL && runner->study->groups[m->group].view.kind == LL_GROUP_PINN &&
           ll_group_integer(runner->study, m->group, "train.batch") == 0;
}

typedef struct augmenting {
    ll_setup *setup;
    ll_augmentation how;
} augmenting;

static ll_status augment_epoch(void *context, int64_t epoch, ll_error *error)
{
    augmenting *a = context;
    a->how.epoch = epoch;
    return ll_setup_augment(a->setup, &a->how, error);
}

static int index_in(const char *const *names, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0) return i;
    return 0;
}

static ll_status training_options(const ll_runner *runner, int64_t member, ll_setup *setup,
                                  augmenting *augment, ll_training_options *options, ll_error *error)
{
    static const char *const optimisers[] = {"sgd", "adam", "adamw", "lbfgs"}, *const schedules[] = {
                                                                                   "constant", "step",
                                                                                   "cosine", "curve"};
    const ll_study *study = runner->study;
    const ll_member *m = &runner->members->member[member];
    int64_t g = m->group;
    bool pinn = study->groups[g].view.kind == LL_GROUP_PINN;
    const char *optimiser = ll_group_text(study, g, "train.optimiser"),
               *momentum = ll_group_text(study, g, "train.momentum");
    const char *batch = ll_group_text(study, g, "train.batch"),
               *augmentation = ll_group_text(study, g, "train.augment");
    int kind = index_in(optimisers, 4, optimiser != NULL ? optimiser : pinn ? "lbfgs" : "sgd");
    ll_problem *problem = ll_setup_problem(setup);
    int64_t batch_size = batch != NULL ? strtoll(batch, NULL, 10)
                         : pinn        ? 0
                                       : 128,
            fit = ll_problem_view(problem)->term[0].samples;
    const int64_t *indices;
    (void)!ll_problem_role(problem, "fit", 0, &indices, &fit, NULL);
    int64_t steps = batch_size > 0 ? (fit + batch_size - 1) / batch_size : 1; /* of an epoch */
    *options = (ll_training_options){
        .optimiser = {.kind = (ll_optimiser_kind)kind,
                      .rate = ll_group_real(study, g, "train.rate"),
                      .momentum = kind != 0          ? 0
                                  : momentum != NULL ? strtod(momentum, NULL)
                                                     : 0.9,
                      .nesterov = kind == 0 && ll_group_flag(study, g, "train.nesterov"),
                      .history = ll_group_integer(study, g, "train.history"),
                      .weight_decay = kind == 2 ? ll_group_real(study, g, "weight_decay") : 0},
        .schedule = {.kind =
                         (ll_schedule_kind)index_in(schedules, 4, ll_group_text(study, g, "train.schedule")),
                     .every = ll_group_integer(study, g, "train.step_every") * steps,
                     .factor = ll_group_real(study, g, "train.step_factor"),
                     .warm_up = ll_group_integer(study, g, "train.warm_up") * steps},
        .batch_size = batch_size,
        .epochs = ll_group_integer(study, g, "train.epochs"),
        .checkpoint_every = batch_size > 0 ? 1 : 500,
        .checkpoint_steps = batch_size > 0 ? ll_max_int64(1, 16384 / batch_size) : 0,
        .trajectory_every = ll_group_integer(study, g, "train.trajectory_every"),
        .seed = (uint64_t)m->seed};
    if (augmentation == NULL) return LL_OK;
    if (pinn)
        return ll_fail(error, LL_INVALID_ARGUMENT, LL_STUDY, "train.augment", "a problem has no images");
    *augment = (augmenting){.setup = setup,
                            .how = {.seed = (uint64_t)m->seed,
                                    .pad = strstr(augmentation, "crop") != NULL ? 4 : 0,
                                    .flip = strstr(augmentation, "flip") != NULL}};
    options->before_epoch = augment_epoch;
    options->before_epoch_context = augment;
    return LL_OK;
}

/* Loss before the first step, on the samples of training: what barriers are compared with. */
static ll_status initial_loss(ll_problem *problem, const void *theta, const void *buffers, double *loss,
                              ll_error *error)
{
    ll_samples lists[LL_MOST_TERMS];
    ll_role_lists(problem, "fit", lists);
    /* A part says enough of thousands of samples. */
    lists[0].count = ll_min_int64(lists[0].count, 2000);
    int64_t *all = NULL;
    if (lists[0].indices == NULL) {
        all = ll_allocate_array(lists[0].count + 1, sizeof *all);
        if (all == NULL) return ll_fail_memory(error, LL_STUDY, (size_t)lists[0].count * sizeof *all);
        for (int64_t i = 0; i < lists[0].count; i++) all[i] = i;
        lists[0].indices = all;
    }
    bool batch_norm = (ll_problem_view(problem)->capabilities & LL_CAN_CALIBRATE) != 0;
    /* Running statistics mean nothing before training: those of the batch are used. */
    ll_request request = {.points = 1,
                          .thetas = &theta,
                          .buffers = buffers != NULL ? &buffers : NULL,
                          .buffers_shared = true,
                          .samples = lists,
                          .mode = batch_norm ? LL_MODE_TRAINING : LL_MODE_EVALUATION,
                          .loss = loss};
    if (batch_norm) lists[0].count = ll_min_int64(lists[0].count, 500);
    ll_status status = ll_problem_evaluate(problem, &request, error);
    ll_free(all);
    return status;
}

static ll_status finish(ll_runner *runner, int64_t member, ll_setup *setup, double before, ll_record *record,
                        ll_error *error)
{
    LL_TRY(describe(runner, member, setup, record, error));
    LL_TRY(ll_record_set_real(record, "initial_loss", "loss", before, error));
    if (ll_array_of(record, "buffers") == NULL)
        LL_TRY(set_vector(record, "buffers", ll_problem_view(ll_setup_problem(setup))->type, NULL, 0, error));
    return LL_OK;
}

ll_status ll_train_together(ll_runner *runner, const int64_t *members, int64_t count, const ll_sink *sink,
                            ll_record **records, ll_error *error)
{
    ll_setup *setup;
    const ll_setup_request request = {.group = runner->members->member[members[0]].group, .fit = 0};
    LL_TRY(ll_runner_setup(runner, &request, &setup, error));
    ll_problem *problem = ll_setup_problem(setup);
    ll_training_options *options = ll_allocate_array(count, sizeof *options);
    void **theta = ll_allocate_zeroed((size_t)count * sizeof *theta),
         **buffers = ll_allocate_zeroed((size_t)count * sizeof *buffers);
    double *before = ll_allocate_array(count, sizeof *before);
    augmenting none;
    ll_status status = options != NULL && theta != NULL && buffers != NULL && before != NULL
                           ? LL_OK
                           : ll_fail_memory(error, LL_STUDY, 1024);
    for (int64_t i = 0; i < count && status == LL_OK; i++) {
        status = training_options(runner, members[i], setup, &none, &options[i], error);
        if (status == LL_OK)
            status = ll_setup_initialise(setup, (uint64_t)runner->members->member[members[i]].seed, &theta[i],
                                         &buffers[i], error);
        if (status == LL_OK) status = initial_loss(problem, theta[i], NULL, &before[i], error);
        options[i].theta = theta[i];
        options[i].buffers = buffers[i];
    }
    if (status == LL_OK) status = ll_training_run_together(problem, options, count, sink, records, error);
    for (int64_t i = 0; i < count && status == LL_OK; i++)
        status = finish(runner, members[i], setup, before[i], records[i], error);
    for (int64_t i = 0; i < count && theta != NULL && buffers != NULL; i++) {
        ll_free(theta[i]);
        ll_free(buffers[i]);
    }
    ll_free(options);
    ll_free(theta);
    ll_free(buffers);
    ll_free(before);
    return status;
}

static ll_status train(ll_runner *runner, int64_t member, const ll_sink *sink, ll_record **record,
                       ll_error *error)
{
    ll_setup *setup;
    const ll_setup_request request = {.group = runner->members->member[member].group, .fit = 0};
    LL_TRY(ll_runner_setup(runner, &request, &setup, error));
    ll_training_options options;
    augmenting augment;
    void *theta = NULL, *buffers = NULL;
    ll_record *made = NULL;
    double before = NAN;
    LL_TRY(training_options(runner, member, setup, &augment, &options, error));
    LL_TRY(
        ll_setup_initialise(setup, (uint64_t)runner->members->member[member].seed, &theta, &buffers, error));
    ll_problem *problem = ll_setup_problem(setup);
    bool state = ll_problem_view(problem)->buffer_count > 0;
    options.theta = theta;
    options.buffers = state ? buffers : NULL;
    ll_status status = initial_loss(problem, theta, options.buffers, &before, error);
    if (status == LL_OK) status = ll_training_run(problem, &options, sink, &made, error);
    if (status == LL_OK) status = finish(runner, member, setup, before, made, error);
    ll_free(theta);
    ll_free(buffers);
    if (status != LL_OK) {
        ll_record_destroy(made);
        return status;
    }
    *record = made;
    return LL_OK;
}

/* ---------------------------------------------------------------- checkpoints */

static ll_status fill_read(ll_runner *runner, int64_t member, ll_setup *setup, ll_record *record,
                           ll_error *error)
{
    void *theta = NULL, *buffers = NULL, *start = NULL, *start_buffers = NULL;
    double before = NAN;
    ll_problem *problem = ll_setup_problem(setup);
    const ll_problem_info *info = ll_problem_view(problem);
    LL_TRY(describe(runner, member, setup, record, error));
    LL_TRY(ll_setup_load(setup, runner->members->member[member].file, &theta, &buffers, error));
    ll_status status = set_vector(record, "theta", info->type, theta, info->parameter_count, error);
    if (status == LL_OK)
        status = set_vector(record, "buffers", info->type, buffers, info->buffer_count, error);
    ll_free(theta);
    ll_free(buffers);
    LL_TRY(status);
    /* What an untrained network of this kind loses on these data. */
    LL_TRY(ll_setup_initialise(setup, 0, &start, &start_buffers, error));
    status = initial_loss(problem, start, info->buffer_count > 0 ? start_buffers : NULL, &before, error);
    ll_free(start);
    ll_free(start_buffers);
    return status == LL_OK ? ll_record_set_real(record, "initial_loss", "loss", before, error) : status;
}

static ll_status read_checkpoint(ll_runner *runner, int64_t member, ll_record **record, ll_error *error)
{
    ll_setup *setup;
    const ll_setup_request request = {.group = runner->members->member[member].group, .fit = -1};
    LL_TRY(ll_runner_setup(runner, &request, &setup, error));
    ll_record *made = ll_record_create("checkpoint");
    if (made == NULL) return ll_fail_memory(error, LL_STUDY, 1024);
    ll_status status = fill_read(runner, member, setup, made, error);
    if (status != LL_OK) {
        ll_record_destroy(made);
        return status;
    }
    *record = made;
    return LL_OK;
}

ll_status ll_job_model(ll_runner *runner, const ll_job *job, const ll_sink *sink, ll_record **record,
                       ll_error *error)
{
    if (runner->members->member[job->a].file != NULL) return read_checkpoint(runner, job->a, record, error);
    return train(runner, job->a, sink, record, error);
}
