/* losslens train - trains a network on data, or a physics-informed problem; one, or many seeds together. */
#include "file_sink.h"
#include "json.h"
#include "options.h"
#include "progress.h"
#include "setup_flags.h"

#include "losslens/problem_vectors.h"
#include "losslens/training.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    MOST_TERMS = 64,
    MOST_METRICS = 32,
    NAME_BYTES = 1024,
    NORMALISATION_BYTES = LL_CHANNEL_LIMIT * LL_NUMBER_TEXT
};

static const char *const program = "losslens";

typedef struct train_flags {
    ll_setup_flags setup;
    const char *optimiser, *schedule, *augment, *out, *pieces, *seeds;
    double rate, momentum, dampening, beta1, beta2, step_factor, final_factor, max_seconds;
    int64_t epochs, batch, fit_samples, step_every, warm_up, trajectory_every, checkpoint_every, history;
    bool momentum_given, nesterov, restart, resume, json, quiet;
} train_flags;

/* A finished run of one seed. */
typedef struct outcome {
    ll_record *record;
    double loss, terms[MOST_TERMS + 1], metrics[MOST_METRICS]; /* on the role "test", or on everything */
    int64_t samples;
    char out[NAME_BYTES];
} outcome;

typedef struct training {
    train_flags flags;
    ll_setup *setup;
    const ll_problem_info *info;
    ll_training_options options;
    ll_augmentation augmentation;
    bool augments, has_test, has_evaluate; /* curves: on the role evaluate, else test */
    int64_t first_seed, seeds;             /* seeds 0: a single run */
    ll_progress_line line;
    ll_text notes;
    outcome *outcomes;
} training;

/* ---------------------------------------------------------------- set-up */

static int64_t round_up(int64_t count, int64_t by) { return (count + by - 1) / by; }

static ll_status read_seeds(training *t, ll_error *error)
{
    const char *text = t->flags.seeds;
    if (text == NULL) return LL_OK;
    char *end;
    errno = 0;
    long long first = strtoll(text, &end, 10), last = first;
    bool good = end != text && strncmp(end, "..", 2) == 0;
    if (good) {
        const char *from = end + 2;
        last = strtoll(from, &end, 10);
        good = end != from && *end == 0 && errno == 0;
    }
    if (!good || first < 0 || last < first || last - first >= 4096)
        return ll_fail(error, LL_INVALID_ARGUMENT, program, "--seeds",
                       "got \"%s\"; wanted FIRST..LAST, at most 4096 seeds, like 0..99", text);
    t->first_seed = first;
    t->seeds = last - first + 1;
    return LL_OK;
}

static ll_status read_augmentation(training *t, ll_error *error)
{
    const char *text = t->flags.augment;
    if (text == NULL) return LL_OK;
    t->augments = true;
    t->augmentation.seed = (uint64_t)t->flags.setup.seed;
    while (*text != 0) {
        size_t length = strcspn(text, ",");
        if (length == 4 && memcmp(text, "crop", 4) == 0) t->augmentation.pad = 4;
        else if (length == 4 && memcmp(text, "flip", 4) == 0) t->augmentation.flip = true;
        else
            return ll_fail(error, LL_INVALID_ARGUMENT, program, "--augment",
                           "got \"%s\"; wanted crop, flip or crop,flip", t->flags.augment);
        text += length;
        if (*text == ',') text++;
    }
    return LL_OK;
}

static ll_status augment_epoch(void *context, int64_t epoch, ll_error *error)
{
    training *t = context;
    t->augmentation.epoch = epoch;
    return ll_setup_augment(t->setup, &t->augmentation, error);
}

static ll_status open_problem(training *t, ll_error *error)
{
    train_flags *f = &t->flags;
    bool apart = f->setup.train_data != NULL, data = !ll_setup_flags_is_physics(&f->setup);
    ll_setup_role roles[] = {{.role = "fit",
                              .choice = {.split = apart ? LL_SPLIT_ALL : LL_SPLIT_TRAIN,
                                         .count = f->fit_samples,
                                         .in_order = f->fit_samples == 0,
                                         .seed = (uint64_t)f->setup.seed}},
                             {.role = "test",
                              .choice = {.split = apart ? LL_SPLIT_ALL : LL_SPLIT_TEST,
                                         .count = f->setup.samples,
                                         .in_order = f->setup.samples == 0,
                                         .seed = (uint64_t)f->setup.seed},
                              .optional = true}};
    ll_setup_flags flags = f->setup;
    if (strcmp(f->optimiser, "adamw") == 0) flags.weight_decay = 0; /* there it is no part of the loss */
    flags.measure = true;
    LL_TRY(ll_setup_flags_open(&flags, roles, data ? LL_COUNT(roles) : 0, &t->setup, error));
    t->info = ll_problem_view(ll_setup_problem(t->setup));
    if (t->info->terms > MOST_TERMS || t->info->metrics > MOST_METRICS)
        return ll_fail(error, LL_TOO_LARGE, program, t->info->name, "more than %d terms or %d metrics",
                       MOST_TERMS, MOST_METRICS);
    const int64_t *indices;
    int64_t count;
    t->has_test = ll_problem_role(ll_setup_problem(t->setup), "test", 0, &indices, &count, NULL) == LL_OK;
    t->has_evaluate =
        data && ll_problem_role(ll_setup_problem(t->setup), "evaluate", 0, &indices, &count, NULL) == LL_OK;
    ll_text_append(&t->notes, ll_setup_notes(t->setup));
    return LL_OK;
}

static ll_optimiser_kind optimiser_kind(const char *name)
{
    return strcmp(name, "sgd") == 0     ? LL_OPTIMISER_SGD
           : strcmp(name, "adam") == 0  ? LL_OPTIMISER_ADAM
           : strcmp(name, "adamw") == 0 ? LL_OPTIMISER_ADAMW
                                        : LL_OPTIMISER_LBFGS;
}

static void fill_options(training *t)
{
    const train_flags *f = &t->flags;
    const int64_t *indices;
    int64_t fit = t->info->term[0].samples;
    if (ll_problem_role(ll_setup_problem(t->setup), "fit", 0, &indices, &fit, NULL) != LL_OK)
        fit = t->info->term[0].samples;
    int64_t steps = f->batch > 0 ? round_up(fit, f->batch) : 1; /* of an epoch */
    ll_schedule_kind schedule = strcmp(f->schedule, "step") == 0     ? LL_SCHEDULE_STEP
                                : strcmp(f->schedule, "cosine") == 0 ? LL_SCHEDULE_COSINE
                                : strcmp(f->schedule, "curve") == 0  ? LL_SCHEDULE_CURVE
                                                                     : LL_SCHEDULE_CONSTANT;
    t->options = (ll_training_options){
        .optimiser = {.kind = optimiser_kind(f->optimiser),
                      .rate = f->rate,
                      .momentum = f->momentum,
                      .dampening = f->dampening,
                      .nesterov = f->nesterov,
                      .beta1 = f->beta1,
                      .beta2 = f->beta2,
                      .history = f->history,
                      .weight_decay = strcmp(f->optimiser, "adamw") == 0 ? f->setup.weight_decay : 0.0},
        .schedule = {.kind = schedule,
                     .every = f->step_every * steps,
                     .factor = f->step_factor,
                     .final = f->final_factor,
                     .warm_up = f->warm_up * steps},
        .evaluate_role = t->has_evaluate ? "evaluate"
                         : t->has_test   ? "test"
                                         : NULL,
        .batch_size = f->batch,
        .epochs = f->epochs,
        /* About a checkpoint a minute: steps on everything at once are short, but hold many vectors with
           L-BFGS. */
        .checkpoint_every = f->checkpoint_every > 0 ? f->checkpoint_every
                            : f->batch > 0          ? 1
                                                    : 500,
        .checkpoint_steps = f->batch > 0 ? ll_max_int64(1, 16384 / f->batch) : 0,
        .trajectory_every = f->trajectory_every,
        .seed = (uint64_t)f->setup.seed,
        .before_epoch = t->augments ? augment_epoch : NULL,
        .before_epoch_context = t};
    t->line.samples_a_step = f->batch > 0 ? (double)fit / (double)steps : 0.0;
}

/* ---------------------------------------------------------------- results */

/* model.safetensors -> model_7.safetensors for a seed of several. */
static void name_output(const training *t, const char *insert, char name[NAME_BYTES])
{
    const char *out = t->flags.out, *slash = strrchr(out, '/'),
               *dot = strrchr(slash != NULL ? slash : out, '.');
    size_t stem = dot != NULL && dot != out ? (size_t)(dot - out) : strlen(out);
    snprintf(name, NAME_BYTES, "%.*s%s%s", (int)stem, out, insert, out + stem);
}

/* "0.4914,0.4822,0.4465": the shortest numbers that are these floats again. */
static void normalisation_text(const float *values, int64_t count, char text[NORMALISATION_BYTES])
{
    size_t used = 0;
    text[0] = 0;
    for (int64_t c = 0; c < count; c++) {
        char number[LL_NUMBER_TEXT];
        for (int digits = 5; digits <= 9; digits++) {
            snprintf(number, sizeof number, "%.*g", digits, (double)values[c]);
            if (strtof(number, NULL) == values[c]) break;
        }
        used += (size_t)snprintf(text + used, NORMALISATION_BYTES - used, "%s%s", c > 0 ? "," : "", number);
    }
}

static ll_status write_weights(const training *t, const char *path, const void *theta, const void *buffers,
                               int64_t seed, const char *state, ll_error *error)
{
    const ll_problem_info *info = t->info;
    ll_tensor *tensors = ll_allocate_array(info->parameters + info->buffers, sizeof *tensors);
    if (tensors == NULL) return ll_fail_memory(error, program, 0);
    ll_tensor_type type = info->type == LL_REAL_FLOAT32 ? LL_TENSOR_FLOAT32 : LL_TENSOR_FLOAT64;
    for (int64_t p = 0; p < info->parameters; p++) {
        const ll_parameter *parameter = &info->parameter[p];
        tensors[p] = (ll_tensor){.name = parameter->name,
                                 .type = type,
                                 .rank = parameter->rank,
                                 .data = ll_vector_at(info->type, theta, parameter->offset)};
        memcpy(tensors[p].shape, parameter->shape, (size_t)parameter->rank * sizeof *parameter->shape);
    }
    for (int64_t b = 0; b < info->buffers; b++)
        tensors[info->parameters + b] =
            (ll_tensor){.name = info->buffer[b].name,
                        .type = type,
                        .rank = 1,
                        .shape = {info->buffer[b].count},
                        .data = ll_vector_at(info->type, buffers, info->buffer[b].offset)};
    char seed_text[32];
    snprintf(seed_text, sizeof seed_text, "%lld", (long long)seed);
    const ll_normalisation *n = ll_setup_normalisation(t->setup);
    char mean[NORMALISATION_BYTES], deviation[NORMALISATION_BYTES];
    normalisation_text(n->mean, n->channels, mean);
    normalisation_text(n->deviation, n->channels, deviation);
    const char *const metadata[][2] = {
        {"network", info->name}, {"seed", seed_text}, {"optimiser", t->flags.optimiser},
        {"state", state},        {"mean", mean},      {"std", deviation}};
    ll_status status = ll_safetensors_write(path, tensors, info->parameters + info->buffers, metadata,
                                            n->channels > 0 ? 6 : 4, error);
    ll_free(tensors);
    return status;
}

static const void *array_of(const ll_record *record, const char *name)
{
    const ll_array *array = NULL;
    return ll_record_get_array(record, name, &array, NULL) == LL_OK ? array->data : NULL;
}

/* A checkpoint an entry, in a folder beside the output: what `losslens landscape --trajectory` reads. Running
 * statistics are those of the end. */
static ll_status write_trajectory(const training *t, const outcome *o, int64_t seed, ll_error *error)
{
    const ll_array *points = NULL, *epochs = NULL;
    LL_TRY(ll_record_get_array(o->record, "trajectory", &points, error));
    LL_TRY(ll_record_get_array(o->record, "trajectory_epochs", &epochs, error));
    char folder[NAME_BYTES + 16], path[NAME_BYTES + 64];
    snprintf(folder, sizeof folder, "%s.trajectory", o->out);
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return ll_fail(error, LL_IO, program, folder, "cannot make the folder: %s", strerror(errno));
    for (int64_t i = 0; i < points->shape[0]; i++) {
        snprintf(path, sizeof path, "%s/epoch_%05.0f.safetensors", folder, ll_array_get(epochs, i));
        LL_TRY(write_weights(t, path, ll_vector_at(t->info->type, points->data, i * t->info->parameter_count),
                             array_of(o->record, "buffers"), seed, "trajectory", error));
    }
    return LL_OK;
}

static ll_status evaluate_outcome(const training *t, outcome *o, ll_error *error)
{
    ll_problem *problem = ll_setup_problem(t->setup);
    ll_samples lists[MOST_TERMS];
    for (int64_t term = 0; term < t->info->terms; term++) {
        lists[term] = (ll_samples){NULL, t->info->term[term].samples};
        if (t->has_test)
            LL_TRY(ll_problem_role(problem, "test", term, &lists[term].indices, &lists[term].count, error));
    }
    const void *theta = array_of(o->record, "theta"), *buffers = array_of(o->record, "buffers");
    ll_request request = {.points = 1,
                          .thetas = &theta,
                          .buffers = buffers != NULL ? &buffers : NULL,
                          .buffers_shared = true,
                          .samples = lists,
                          .loss = &o->loss,
                          .terms = o->terms,
                          .metrics = t->info->metrics > 0 ? o->metrics : NULL};
    o->samples = lists[0].count;
    return ll_problem_evaluate(problem, &request, error);
}

static ll_status finish(const training *t, outcome *o, int64_t seed, ll_error *error)
{
    char insert[40] = "";
    if (t->seeds > 0) snprintf(insert, sizeof insert, "_%lld", (long long)seed);
    LL_TRY(evaluate_outcome(t, o, error));
    if (t->flags.out == NULL) return LL_OK;
    name_output(t, insert, o->out);
    const char *reason = "";
    LL_TRY(ll_record_get_text(o->record, "reason", &reason, error));
    LL_TRY(write_weights(t, o->out, array_of(o->record, "theta"), array_of(o->record, "buffers"), seed,
                         reason, error));
    return t->flags.trajectory_every > 0 ? write_trajectory(t, o, seed, error) : LL_OK;
}

/* ---------------------------------------------------------------- printing */

static double real_of(const ll_record *record, const char *name)
{
    double value = NAN;
    return ll_record_get_real(record, name, &value, NULL) == LL_OK ? value : NAN;
}

static int64_t integer_of(const ll_record *record, const char *name)
{
    int64_t value = 0;
    return ll_record_get_integer(record, name, &value, NULL) == LL_OK ? value : 0;
}

static const char *text_of(const ll_record *record, const char *name)
{
    const char *text = "";
    return ll_record_get_text(record, name, &text, NULL) == LL_OK ? text : "";
}

static void add_outcome(ll_json *json, const training *t, const outcome *o, int64_t seed)
{
    ll_json_add_integer(json, "seed", seed);
    ll_json_add_text(json, "reason", text_of(o->record, "reason"));
    ll_json_add_integer(json, "epochs", integer_of(o->record, "epochs"));
    ll_json_add_integer(json, "steps", integer_of(o->record, "steps"));
    ll_json_add_integer(json, "evaluations", integer_of(o->record, "evaluations"));
    ll_json_add_number(json, "training_loss", real_of(o->record, "last_loss"));
    ll_json_add_integer(json, "samples", o->samples);
    ll_json_add_number(json, "loss", o->loss);
    for (int64_t m = 0; m < t->info->metrics; m++)
        ll_json_add_number(json, t->info->metric[m].name, o->metrics[m]);
    ll_json_key(json, "terms");
    ll_json_open(json, '{');
    for (int64_t term = 0; term < t->info->terms; term++)
        ll_json_add_number(json, t->info->term[term].name, o->terms[term]);
    if (t->info->weight_decay != 0.0) ll_json_add_number(json, "weight_decay", o->terms[t->info->terms]);
    ll_json_close(json, '}');
    if (o->out[0] != 0) ll_json_add_text(json, "out", o->out);
}

static void add_normalisation(ll_json *json, const ll_normalisation *n)
{
    double values[LL_CHANNEL_LIMIT];
    for (int which = 0; which < 2 && n->channels > 0; which++) {
        for (int64_t c = 0; c < n->channels; c++)
            values[c] = round((double)(which == 0 ? n->mean[c] : n->deviation[c]) * 1e7) / 1e7;
        ll_json_key(json, which == 0 ? "mean" : "std");
        ll_json_numbers(json, values, n->channels);
    }
}

static bool print_json(const training *t, double seconds)
{
    ll_json json = {0};
    ll_json_open(&json, '{');
    ll_json_add_text(&json, "name", t->info->name);
    ll_json_add_integer(&json, "parameters", t->info->parameter_count);
    ll_json_add_text(&json, "optimiser", t->flags.optimiser);
    ll_json_add_number(&json, "seconds", seconds);
    add_normalisation(&json, ll_setup_normalisation(t->setup));
    ll_setup_flags_json(&json, t->setup);
    if (t->seeds == 0) add_outcome(&json, t, &t->outcomes[0], t->flags.setup.seed);
    if (t->seeds > 0) {
        ll_json_key(&json, "runs");
        ll_json_open(&json, '[');
        for (int64_t i = 0; i < t->seeds; i++) {
            ll_json_open(&json, '{');
            add_outcome(&json, t, &t->outcomes[i], t->first_seed + i);
            ll_json_close(&json, '}');
        }
        ll_json_close(&json, ']');
    }
    if (t->notes.length > 0) ll_json_add_text(&json, "notes", t->notes.text);
    ll_json_close(&json, '}');
    return ll_json_print(&json, stdout);
}

static void print_outcome(const training *t, const outcome *o)
{
    char number[LL_NUMBER_TEXT];
    bool diverged = strcmp(text_of(o->record, "reason"), "diverged") == 0;
    printf("  %-24s %s", "ended", text_of(o->record, "reason"));
    printf(" after %s steps", ll_print_count(integer_of(o->record, "steps"), number));
    printf(", %s evaluations\n", ll_print_count(integer_of(o->record, "evaluations"), number));
    if (diverged)
        printf("  the loss or its gradient is not finite at step %lld; kept are the weights before it\n",
               (long long)integer_of(o->record, "stop_step"));
    printf("  %-24s %s\n", "training loss", ll_print_number(real_of(o->record, "last_loss"), 6, number));
    printf("  %-24s %s", t->has_test ? "test loss" : "loss", ll_print_number(o->loss, 6, number));
    printf(" on %s samples\n", ll_print_count(o->samples, number));
    for (int64_t term = 0; term < t->info->terms && t->info->terms > 1; term++)
        printf("    %-22s %s\n", t->info->term[term].name, ll_print_number(o->terms[term], 6, number));
    if (t->info->weight_decay != 0.0) {
        for (int64_t term = 0; term < t->info->terms && t->info->terms == 1; term++)
            printf("    %-22s %s\n", t->info->term[term].name, ll_print_number(o->terms[term], 6, number));
        printf("    %-22s %s\n", "weight decay", ll_print_number(o->terms[t->info->terms], 6, number));
    }
    for (int64_t m = 0; m < t->info->metrics; m++)
        printf("  %-24s %s %s\n", t->info->metric[m].name, ll_print_number(o->metrics[m], 5, number),
               t->info->metric[m].unit);
    if (o->out[0] != 0) printf("  %-24s %s\n", "written to", o->out);
}

static bool print_text(const training *t, double seconds)
{
    char number[LL_NUMBER_TEXT];
    printf("%s: %s parameters", t->info->name, ll_print_count(t->info->parameter_count, number));
    printf(", %s, %s s\n", t->flags.optimiser, ll_print_number(seconds, 3, number));
    if (t->seeds == 0) print_outcome(t, &t->outcomes[0]);
    if (t->seeds > 0) {
        printf("  %8s %10s %12s %14s", "seed", "steps", "evaluations", "loss");
        for (int64_t m = 0; m < t->info->metrics; m++) printf(" %20s", t->info->metric[m].name);
        printf("  ended\n");
    }
    for (int64_t i = 0; i < t->seeds; i++) {
        const outcome *o = &t->outcomes[i];
        printf("  %8lld %10lld %12lld %14s", (long long)(t->first_seed + i),
               (long long)integer_of(o->record, "steps"), (long long)integer_of(o->record, "evaluations"),
               ll_print_number(o->loss, 6, number));
        for (int64_t m = 0; m < t->info->metrics; m++)
            printf(" %20s", ll_print_number(o->metrics[m], 5, number));
        printf("  %s\n", text_of(o->record, "reason"));
    }
    if (t->notes.length > 0) printf("\n%s", t->notes.text);
    return !ferror(stdout);
}

/* ---------------------------------------------------------------- the run */

/* The command line without what does not touch the result's bits. */
static void describe_work(int argc, char **argv, ll_text *identity)
{
    static const char *const with_value[] = {"--threads", "--max-time", "--out",
                                             "--pieces",  "--memory",   "--checkpoint-every"};
    static const char *const alone[] = {"--json", "--quiet", "--resume", "--restart"};
    for (int i = 1; i < argc; i++) {
        bool left_out = false;
        for (int w = 0; w < LL_COUNT(with_value) && !left_out; w++) {
            size_t length = strlen(with_value[w]);
            left_out = strncmp(argv[i], with_value[w], length) == 0 &&
                       (argv[i][length] == 0 || argv[i][length] == '=');
            if (left_out && argv[i][length] == 0) i++;
        }
        for (int a = 0; a < LL_COUNT(alone) && !left_out; a++) left_out = strcmp(argv[i], alone[a]) == 0;
        if (!left_out) ll_text_format(identity, "%s%s", identity->length > 0 ? " " : "", argv[i]);
    }
    if (identity->length == 0) ll_text_append(identity, " ");
}

static ll_status train_one(training *t, const ll_sink *sink, ll_error *error)
{
    LL_TRY(ll_training_run(ll_setup_problem(t->setup), &t->options, sink, &t->outcomes[0].record, error));
    return finish(t, &t->outcomes[0], t->flags.setup.seed, error);
}

/* The seeds of an ensemble: the same options with other starts. */
static ll_status train_together(training *t, const ll_sink *sink, ll_error *error)
{
    int64_t count = t->seeds;
    ll_training_options *options = ll_allocate_zeroed((size_t)count * sizeof *options);
    ll_record **records = ll_allocate_zeroed((size_t)count * sizeof *records);
    void **starts = ll_allocate_zeroed((size_t)count * 2 * sizeof *starts);
    ll_status status = options == NULL || records == NULL || starts == NULL
                           ? ll_fail_memory(error, program, (size_t)count * sizeof *options)
                           : LL_OK;
    for (int64_t i = 0; status == LL_OK && i < count; i++) {
        uint64_t seed = (uint64_t)(t->first_seed + i);
        status = ll_setup_initialise(t->setup, seed, &starts[2 * i], &starts[2 * i + 1], error);
        options[i] = t->options;
        options[i].seed = seed;
        options[i].theta = starts[2 * i];
        options[i].buffers = t->info->buffer_count > 0 ? starts[2 * i + 1] : NULL;
    }
    if (status == LL_OK)
        status = ll_training_run_together(ll_setup_problem(t->setup), options, count, sink, records, error);
    for (int64_t i = 0; starts != NULL && i < 2 * count; i++) ll_free(starts[i]);
    for (int64_t i = 0; status == LL_OK && i < count; i++) t->outcomes[i].record = records[i];
    for (int64_t i = 0; status == LL_OK && i < count; i++)
        status = finish(t, &t->outcomes[i], t->first_seed + i, error);
    ll_free(options);
    ll_free(records);
    ll_free(starts);
    return status;
}

static ll_status train_all(training *t, const ll_sink *sink, ll_error *error)
{
    int64_t count = ll_max_int64(t->seeds, 1);
    t->outcomes = ll_allocate_zeroed((size_t)count * sizeof *t->outcomes);
    if (t->outcomes == NULL) return ll_fail_memory(error, program, (size_t)count * sizeof *t->outcomes);
    return t->seeds > 0 ? train_together(t, sink, error) : train_one(t, sink, error);
}

static ll_status work(training *t, const char *identity, ll_error *error)
{
    const train_flags *f = &t->flags;
    LL_TRY(read_seeds(t, error));
    LL_TRY(read_augmentation(t, error));
    char folder[NAME_BYTES + 16] = "";
    if (f->pieces != NULL || f->out != NULL)
        snprintf(folder, sizeof folder, "%s%s", f->pieces != NULL ? f->pieces : f->out,
                 f->pieces != NULL ? "" : ".pieces");
    struct stat there;
    bool continued = folder[0] != 0 && stat(folder, &there) == 0;
    if (f->resume && !continued)
        return ll_fail(error, LL_NOT_FOUND, program, "--resume", "there is nothing to continue%s%s",
                       folder[0] != 0 ? " in " : ": give --out or --pieces", folder);
    ll_file_sink *files = NULL;
    if (folder[0] != 0 && continued && f->restart) ll_file_sink_remove(folder);
    if (folder[0] != 0) LL_TRY(ll_file_sink_create(folder, identity, "epoch/", &files, error));
    ll_sink pieces = files != NULL ? ll_file_sink_view(files) : (ll_sink){0},
            sink = ll_progress_sink(&t->line, &pieces);
    ll_status status = open_problem(t, error);
    if (status == LL_OK) {
        fill_options(t);
        status = train_all(t, &sink, error);
    }
    if (status == LL_OK && files != NULL && f->pieces == NULL) ll_file_sink_remove(folder);
    if (status == LL_CANCELLED && files != NULL)
        ll_error_prefix(error, "%s; what is done lies in %s and the same command continues from there",
                        ll_progress_stopped(&t->line), folder);
    ll_file_sink_destroy(files);
    return status;
}

static void training_deinit(training *t)
{
    for (int64_t i = 0; t->outcomes != NULL && i < ll_max_int64(t->seeds, 1); i++)
        ll_record_destroy(t->outcomes[i].record);
    ll_free(t->outcomes);
    ll_setup_destroy(t->setup);
    ll_text_deinit(&t->notes);
}

static int run(int argc, char **argv)
{
    training t = {.flags = {.setup = LL_SETUP_FLAGS_DEFAULT, .schedule = "constant"}};
    train_flags *f = &t.flags;
    const ll_option options[] = {
        LL_SETUP_OPTIONS(&f->setup),
        LL_OPTION_SECTION("training"),
        {"train-samples", LL_OPTION_INTEGER, &f->fit_samples, "N",
         "train on a stratified choice of so many; 0: all", 0, 1e12, NULL},
        {"epochs", LL_OPTION_INTEGER, &f->epochs, "N",
         "passes over the data; steps when everything is one batch; 0: 10, or 10000 steps", 0, 1e9, NULL},
        {"optimiser", LL_OPTION_CHOICE, &f->optimiser, "sgd|adam|adamw|lbfgs",
         "default: sgd with data, lbfgs for a problem", 0, 0, NULL},
        {"rate", LL_OPTION_REAL, &f->rate, "R",
         "learning rate; 0: sgd 0.01 (0.1 with data), adam 0.001, lbfgs 1", 0, 1e6, NULL},
        {"momentum", LL_OPTION_REAL, &f->momentum, "M", "of sgd; with data 0.9 if not given", 0, 1,
         &f->momentum_given},
        {"dampening", LL_OPTION_REAL, &f->dampening, "D", "of the momentum", 0, 1, NULL},
        {"nesterov", LL_OPTION_FLAG, &f->nesterov, NULL, "Nesterov's momentum", 0, 0, NULL},
        {"beta1", LL_OPTION_REAL, &f->beta1, "B", "of adam; 0: 0.9", 0, 1, NULL},
        {"beta2", LL_OPTION_REAL, &f->beta2, "B", "of adam; 0: 0.999", 0, 1, NULL},
        {"history", LL_OPTION_INTEGER, &f->history, "N", "pairs that lbfgs remembers; 0: 50", 0, 10000, NULL},
        {"schedule", LL_OPTION_CHOICE, &f->schedule, "constant|step|cosine|curve", "of the learning rate", 0,
         0, NULL},
        {"step-every", LL_OPTION_INTEGER, &f->step_every, "N", "epochs between the steps of that schedule", 1,
         1e9, NULL},
        {"step-factor", LL_OPTION_REAL, &f->step_factor, "F", "what a step multiplies by; 0: 0.1", 0, 1,
         NULL},
        {"final-factor", LL_OPTION_REAL, &f->final_factor, "F",
         "where the cosine ends, as a share of the rate", 0, 1, NULL},
        {"warm-up", LL_OPTION_INTEGER, &f->warm_up, "N", "epochs of linear rise in front", 0, 1e9, NULL},
        {"batch", LL_OPTION_INTEGER, &f->batch, "N",
         "samples a step; default: 128 with data, everything for a problem", 1, 1e9, NULL},
        {"augment", LL_OPTION_TEXT, &f->augment, "crop,flip",
         "random crops after padding by 4, mirror images", 0, 0, NULL},
        {"seeds", LL_OPTION_TEXT, &f->seeds, "A..B",
         "one run a seed, trained together; the files are OUT with _SEED", 0, 0, NULL},
        {"out", LL_OPTION_TEXT, &f->out, "FILE", "write the weights there, .safetensors", 0, 0, NULL},
        {"trajectory-every", LL_OPTION_INTEGER, &f->trajectory_every, "K",
         "also the weights every K epochs, in OUT.trajectory/", 0, 1e9, NULL},
        {"pieces", LL_OPTION_TEXT, &f->pieces, "FOLDER",
         "keep the state there, also at the end; default: OUT.pieces, until the end", 0, 0, NULL},
        {"checkpoint-every", LL_OPTION_INTEGER, &f->checkpoint_every, "K",
         "epochs between states; 0: by the work", 0, 1e9, NULL},
        {"max-time", LL_OPTION_REAL, &f->max_seconds, "S",
         "stop after so many seconds; the same command continues", 0, 1e9, NULL},
        {"resume", LL_OPTION_FLAG, &f->resume, NULL, "only continue: fail where there is nothing to continue",
         0, 0, NULL},
        {"restart", LL_OPTION_FLAG, &f->restart, NULL, "begin anew even if there is something to continue", 0,
         0, NULL},
        {"quiet", LL_OPTION_FLAG, &f->quiet, NULL, "no progress on standard error", 0, 0, NULL},
        LL_OPTION_THREADS(&f->setup.threads),
        LL_OPTION_JSON(&f->json),
    };
    const ll_command command = {
        .verb = "train",
        .usage = "--network NAME --data SOURCE --out FILE [options]",
        .about = "Trains a network on the data's own training split and evaluates it on the test split, or "
                 "trains a physics-informed problem. "
                 "Work that was stopped or killed is continued, to the same bits, by the same command.",
        .example = "losslens train --network resnet8 --data fashion-mnist --epochs 10 --schedule cosine "
                   "--nesterov --weight-decay 5e-4 --out model.safetensors\n"
                   "losslens train --problem convection --beta 1 --seed 0 --out pinn.safetensors\n"
                   "losslens train --problem convection --beta 1 --seeds 0..99 --out pinn.safetensors",
        .options = options,
        .option_count = LL_COUNT(options),
        .least_words = 0,
        .most_words = 0};
    ll_text identity = {0};
    describe_work(argc, argv, &identity);
    ll_words words;
    int code;
    if (!ll_command_parse(&command, argc, argv, &words, &code)) {
        ll_text_deinit(&identity);
        return code;
    }
    if (f->setup.checkpoint != NULL && f->seeds != NULL) {
        ll_text_deinit(&identity);
        return ll_command_misuse(&command,
                                 "--seeds draws the initial weights; --checkpoint gives them: give one");
    }
    bool data = !ll_setup_flags_is_physics(&f->setup);
    if (f->optimiser == NULL) f->optimiser = data ? "sgd" : "lbfgs";
    bool full = strcmp(f->optimiser, "lbfgs") == 0 || !data;
    if (f->batch == 0 && !full) f->batch = 128;
    if (f->epochs == 0) f->epochs = f->batch > 0 ? 10 : 10000;
    bool sgd = strcmp(f->optimiser, "sgd") == 0;
    if (!f->momentum_given && sgd && data) f->momentum = 0.9;
    if (f->rate == 0 && sgd && data) f->rate = 0.1;
    if (f->step_every == 0) f->step_every = ll_max_int64(1, f->epochs / 3);
    ll_error error = {0};
    ll_progress_begin(&t.line, f->quiet, f->max_seconds);
    ll_status status = identity.failed ? ll_fail_memory(&error, program, 0) : work(&t, identity.text, &error);
    double seconds = ll_progress_seconds(&t.line);
    ll_progress_end(&t.line);
    ll_text_deinit(&identity);
    bool printed = false;
    if (status == LL_OK) printed = f->json ? print_json(&t, seconds) : print_text(&t, seconds);
    training_deinit(&t);
    if (status != LL_OK) return ll_command_failure(&command, &error);
    return printed ? LL_EXIT_OK : LL_EXIT_FAILURE;
}

const ll_verb ll_verb_train = {"train", "train a network or a physics-informed problem", run};
