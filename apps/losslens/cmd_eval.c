/* losslens eval - loss, terms and metrics of a network or a physics-informed problem on its data, role by
 * role. */
#include "json.h"
#include "options.h"
#include "setup_flags.h"

#include "losslens/problem_vectors.h"

#include <math.h>
#include <string.h>

enum { MOST_TERMS = 32, MOST_METRICS = 32, MOST_ROLES = 8 };

typedef struct evaluation {
    const ll_setup_samples *of; /* NULL: the points of a physics-informed problem */
    double loss, terms[MOST_TERMS + 1], metrics[MOST_METRICS], gradient_norm;
    int64_t samples;
} evaluation;

typedef struct report {
    const ll_problem_info *info;
    const ll_setup *setup;
    evaluation role[MOST_ROLES];
    int64_t roles;
    bool gradient, untrained;
} report;

/* Running statistics on the role "calibrate", in batches of 500; *buffers is the caller's to free, NULL
 * without such a role. */
static ll_status calibrate(const ll_setup *setup, void **buffers, ll_error *error)
{
    enum { BATCH = 500 };
    ll_problem *problem = ll_setup_problem(setup);
    const ll_problem_info *info = ll_problem_view(problem);
    const void *theta = ll_problem_origin(problem);
    ll_samples lists[MOST_TERMS] = {{0}};
    *buffers = NULL;
    if (ll_problem_role(problem, "calibrate", 0, &lists[0].indices, &lists[0].count, NULL) != LL_OK)
        return LL_OK;
    if ((info->capabilities & LL_CAN_CALIBRATE) == 0)
        return ll_fail(error, LL_UNSUPPORTED, "losslens", info->name,
                       "there is nothing to calibrate: the network has no batch norm");
    void *made = ll_allocate((size_t)info->buffer_count * ll_real_bytes(info->type));
    if (made == NULL)
        return ll_fail_memory(error, "losslens", (size_t)info->buffer_count * ll_real_bytes(info->type));
    ll_request request = {.points = 1,
                          .thetas = &theta,
                          .samples = lists,
                          .mode = LL_MODE_CALIBRATION,
                          .batch_size = ll_min_int64(BATCH, lists[0].count),
                          .buffers_out = &made};
    ll_status status = ll_problem_evaluate(problem, &request, error);
    if (status != LL_OK) {
        ll_free(made);
        return status;
    }
    *buffers = made;
    return LL_OK;
}

static ll_status evaluate(report *r, const void *buffers, evaluation *result, ll_error *error)
{
    ll_problem *problem = ll_setup_problem(r->setup);
    const ll_problem_info *info = r->info;
    const void *theta = ll_problem_origin(problem);
    ll_samples lists[MOST_TERMS] = {{0}};
    result->samples = info->term[0].samples;
    if (result->of != NULL) {
        LL_TRY(ll_problem_role(problem, result->of->role, 0, &lists[0].indices, &lists[0].count, error));
        result->samples = lists[0].count;
    }
    void *vector =
        r->gradient ? ll_allocate((size_t)info->parameter_count * ll_real_bytes(info->type)) : NULL;
    if (r->gradient && vector == NULL)
        return ll_fail_memory(error, "losslens", (size_t)info->parameter_count * ll_real_bytes(info->type));
    ll_request request = {.points = 1,
                          .thetas = &theta,
                          .buffers = buffers != NULL ? &buffers : NULL,
                          .samples = lists,
                          .loss = &result->loss,
                          .terms = result->terms,
                          .metrics = info->metrics > 0 ? result->metrics : NULL,
                          .gradients = r->gradient ? &vector : NULL};
    ll_status status = ll_problem_evaluate(problem, &request, error);
    if (status == LL_OK && r->gradient)
        result->gradient_norm = ll_vector_norm(info->type, info->parameter_count, vector);
    ll_free(vector);
    return status;
}

static ll_status evaluate_roles(report *r, ll_error *error)
{
    const ll_setup_samples *samples;
    int64_t roles = ll_setup_roles(r->setup, &samples);
    void *buffers = NULL;
    if (r->info->terms > MOST_TERMS || r->info->metrics > MOST_METRICS)
        return ll_fail(error, LL_TOO_LARGE, "losslens", r->info->name, "more than %d terms or metrics",
                       MOST_TERMS);
    LL_TRY(calibrate(r->setup, &buffers, error));
    ll_status status = LL_OK;
    if (roles == 0) status = evaluate(r, NULL, &r->role[r->roles++], error);
    for (int64_t i = 0; i < roles && status == LL_OK; i++) {
        if (strcmp(samples[i].role, "calibrate") == 0) continue;
        r->role[r->roles].of = &samples[i];
        status = evaluate(r, buffers, &r->role[r->roles++], error);
    }
    ll_free(buffers);
    if (status == LL_OK && r->roles == 0)
        status = ll_fail(error, LL_INVALID_ARGUMENT, "losslens", "--role",
                         "calibrate alone leaves nothing to evaluate: add --role evaluate=...");
    return status;
}

/* A classifier's accuracy as a count; -1 where there is none. */
static int64_t errors_of(const ll_problem_info *info, const evaluation *result)
{
    for (int64_t m = 0; m < info->metrics; m++) {
        if (strcmp(info->metric[m].name, "accuracy") == 0)
            return llround((1.0 - result->metrics[m]) * (double)result->samples);
    }
    return -1;
}

static void json_evaluation(ll_json *json, const report *r, const evaluation *result)
{
    const ll_problem_info *info = r->info;
    ll_json_add_integer(json, "samples", result->samples);
    if (errors_of(info, result) >= 0) ll_json_add_integer(json, "errors", errors_of(info, result));
    for (int64_t m = 0; m < info->metrics; m++)
        ll_json_add_number(json, info->metric[m].name, result->metrics[m]);
    ll_json_add_number(json, "loss", result->loss);
    if (r->gradient) ll_json_add_number(json, "gradient_norm", result->gradient_norm);
    ll_json_key(json, "terms");
    ll_json_open(json, '{');
    for (int64_t t = 0; t < info->terms; t++) ll_json_add_number(json, info->term[t].name, result->terms[t]);
    if (info->weight_decay != 0.0) ll_json_add_number(json, "weight_decay", result->terms[info->terms]);
    ll_json_close(json, '}');
}

static bool print_json(const report *r)
{
    ll_json json = {0};
    ll_json_open(&json, '{');
    ll_json_add_text(&json, "name", r->info->name);
    ll_json_add_integer(&json, "parameters", r->info->parameter_count);
    json_evaluation(&json, r, &r->role[0]);
    ll_setup_flags_json(&json, r->setup);
    if (r->roles > 1) {
        ll_json_key(&json, "results");
        ll_json_open(&json, '{');
        for (int64_t i = 0; i < r->roles; i++) {
            ll_json_key(&json, r->role[i].of->role);
            ll_json_open(&json, '{');
            json_evaluation(&json, r, &r->role[i]);
            ll_json_close(&json, '}');
        }
        ll_json_close(&json, '}');
    }
    if (ll_setup_notes(r->setup)[0] != 0) ll_json_add_text(&json, "notes", ll_setup_notes(r->setup));
    ll_json_close(&json, '}');
    return ll_json_print(&json, stdout);
}

static void print_evaluation(const report *r, const evaluation *result)
{
    char number[LL_NUMBER_TEXT];
    const ll_problem_info *info = r->info;
    printf("  %-24s %s\n", "loss", ll_print_number(result->loss, 6, number));
    for (int64_t t = 0; t < info->terms && info->terms > 1; t++) {
        printf("    %-22s %s\n", info->term[t].name, ll_print_number(result->terms[t], 6, number));
    }
    if (info->weight_decay != 0.0)
        printf("    %-22s %s\n", "weight decay", ll_print_number(result->terms[info->terms], 6, number));
    for (int64_t m = 0; m < info->metrics; m++) {
        printf("  %-24s %s%s%s\n", info->metric[m].name, ll_print_number(result->metrics[m], 5, number),
               info->metric[m].unit[0] != 0 ? " " : "", info->metric[m].unit);
    }
    if (errors_of(info, result) >= 0)
        printf("  %-24s %lld of %lld\n", "errors", (long long)errors_of(info, result),
               (long long)result->samples);
    if (r->gradient)
        printf("  %-24s %s\n", "gradient norm", ll_print_number(result->gradient_norm, 6, number));
}

/* "10,000 test samples of fashion-mnist" */
static void print_samples(const evaluation *result)
{
    static const char *const splits[] = {"", "training ", "test "};
    char number[LL_NUMBER_TEXT];
    const ll_setup_samples *of = result->of;
    printf("%s %ssamples", ll_print_count(result->samples, number),
           of == NULL   ? ""
           : of->listed ? "listed "
                        : splits[of->split]);
    if (of != NULL) printf(" of %s", of->data);
}

/* A trained classifier that knows nothing has most often been shown something else than in training. */
static void print_doubt(const report *r, const evaluation *result)
{
    int64_t classes = ll_setup_classes(r->setup), errors = errors_of(r->info, result);
    if (!isfinite(result->loss)) {
        printf(
            "\nThe loss is not finite. losslens inspect FILE marks the tensors with values that are not.\n");
    } else if (errors >= 0 && classes > 1 && result->samples >= 10 * classes &&
               (double)(result->samples - errors) * (double)classes < 1.5 * (double)result->samples) {
        printf(
            "\nThe accuracy is near chance. Likely causes: --mean and --std missing or of another data set "
            "(pixels "
            "are 0..1\nbefore); an option of the network (shortcut, activation); weights in the wrong place "
            "(--mapping); labels in another order.\n");
    }
}

static bool print_text(const report *r)
{
    char number[LL_NUMBER_TEXT];
    printf("%s: %s parameters", r->info->name, ll_print_count(r->info->parameter_count, number));
    if (r->untrained) printf(" as initialised by --seed");
    if (r->roles == 1) {
        printf(", ");
        print_samples(&r->role[0]);
    }
    printf("\n");
    for (int64_t i = 0; i < r->roles; i++) {
        if (r->roles > 1) {
            printf("%s: ", r->role[i].of->role);
            print_samples(&r->role[i]);
            printf("\n");
        }
        print_evaluation(r, &r->role[i]);
        if (!r->untrained) print_doubt(r, &r->role[i]);
    }
    if (ll_setup_notes(r->setup)[0] != 0) printf("\n%s", ll_setup_notes(r->setup));
    return !ferror(stdout);
}

static int run(int argc, char **argv)
{
    ll_setup_flags flags = LL_SETUP_FLAGS_DEFAULT;
    bool json = false, gradient = false, mapping = false;
    const ll_option options[] = {
        LL_SETUP_OPTIONS(&flags),
        LL_OPTION_SECTION("evaluation"),
        {"gradient", LL_OPTION_FLAG, &gradient, NULL, "also the norm of the gradient", 0, 0, NULL},
        {"mapping", LL_OPTION_FLAG, &mapping, NULL, "say which tensor of the checkpoint went where", 0, 0,
         NULL},
        LL_OPTION_THREADS(&flags.threads),
        LL_OPTION_JSON(&json),
    };
    const ll_command command = {
        .verb = "eval",
        .usage = "--network NAME --checkpoint FILE --data SOURCE [options]",
        .about =
            "Loss, terms and metrics of a network on data, batch norm in evaluation mode; or of a "
            "physics-informed problem on its points. "
            "Each role given is evaluated; with a role calibrate batch norm is first re-estimated on it.",
        .example = "losslens eval --network resnet20 --shortcut B --checkpoint model.pt --data "
                   "cifar10:cifar-10-batches-bin "
                   "--mean .4914,.4822,.4465 --std .2023,.1994,.2010\n"
                   "losslens eval --network resnet8 --data fashion-mnist --checkpoint model.safetensors "
                   "--role fit=train:10000 --role test=test\n"
                   "losslens eval --problem convection --beta 1 --checkpoint pinn.safetensors",
        .options = options,
        .option_count = LL_COUNT(options),
        .least_words = 0,
        .most_words = 0};
    ll_words words;
    int code;
    if (!ll_command_parse(&command, argc, argv, &words, &code)) return code;
    ll_error error = {0};
    ll_setup *setup = NULL;
    report r = {.gradient = gradient, .untrained = flags.checkpoint == NULL};
    ll_status status = ll_setup_flags_open(&flags, NULL, 0, &setup, &error);
    if (status == LL_OK) {
        r.setup = setup;
        r.info = ll_problem_view(ll_setup_problem(setup));
        status = evaluate_roles(&r, &error);
    }
    if (status != LL_OK) {
        ll_setup_destroy(setup);
        return ll_command_failure(&command, &error);
    }
    if (mapping) fputs(ll_setup_report(setup), stderr);
    bool printed = json ? print_json(&r) : print_text(&r);
    ll_setup_destroy(setup);
    return printed ? LL_EXIT_OK : LL_EXIT_FAILURE;
}

const ll_verb ll_verb_eval = {"eval", "loss and metrics of a checkpoint on data", run};
