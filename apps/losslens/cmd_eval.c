/* losslens eval - loss, terms and metrics of a network or a physics-informed problem on its data. */
#include "json.h"
#include "options.h"
#include "setup_flags.h"

#include "losslens/problem_vectors.h"

#include <math.h>
#include <string.h>

enum { MOST_TERMS = 32, MOST_METRICS = 32 };

typedef struct evaluation {
    double loss, terms[MOST_TERMS + 1], metrics[MOST_METRICS], gradient_norm;
    int64_t samples;
} evaluation;

static ll_status evaluate(const ll_setup *setup, bool gradient, evaluation *result, ll_error *error)
{
    ll_problem *problem = ll_setup_problem(setup);
    const ll_problem_info *info = ll_problem_view(problem);
    const void *theta = ll_problem_origin(problem);
    ll_samples lists[MOST_TERMS] = {{0}};
    if (info->terms > MOST_TERMS || info->metrics > MOST_METRICS) return ll_fail(error, LL_TOO_LARGE, "losslens", info->name, "more than %d terms", MOST_TERMS);
    const int64_t *indices;
    int64_t count;
    bool roles = ll_problem_role(problem, "evaluate", 0, &indices, &count, NULL) == LL_OK;
    if (roles) lists[0] = (ll_samples){.indices = indices, .count = count};
    result->samples = roles ? count : info->term[0].samples;
    void *vector = gradient ? ll_allocate((size_t)info->parameter_count * ll_real_bytes(info->type)) : NULL;
    if (gradient && vector == NULL) return ll_fail_memory(error, "losslens", (size_t)info->parameter_count * ll_real_bytes(info->type));
    ll_request request = {.points = 1, .thetas = &theta, .samples = lists, .loss = &result->loss, .terms = result->terms,
                          .metrics = info->metrics > 0 ? result->metrics : NULL, .gradients = gradient ? &vector : NULL};
    ll_status status = ll_problem_evaluate(problem, &request, error);
    if (status == LL_OK && gradient) result->gradient_norm = ll_vector_norm(info->type, info->parameter_count, vector);
    ll_free(vector);
    return status;
}

/* A classifier's accuracy as a count; -1 where there is none. */
static int64_t errors_of(const ll_problem_info *info, const evaluation *result)
{
    for (int64_t m = 0; m < info->metrics; m++) {
        if (strcmp(info->metric[m].name, "accuracy") == 0) return llround((1.0 - result->metrics[m]) * (double)result->samples);
    }
    return -1;
}

static bool print_json(const ll_problem_info *info, const evaluation *result, bool gradient, const char *notes)
{
    ll_json json = {0};
    ll_json_open(&json, '{');
    ll_json_add_text(&json, "name", info->name);
    ll_json_add_integer(&json, "parameters", info->parameter_count);
    ll_json_add_integer(&json, "samples", result->samples);
    if (errors_of(info, result) >= 0) ll_json_add_integer(&json, "errors", errors_of(info, result));
    for (int64_t m = 0; m < info->metrics; m++) ll_json_add_number(&json, info->metric[m].name, result->metrics[m]);
    ll_json_add_number(&json, "loss", result->loss);
    if (gradient) ll_json_add_number(&json, "gradient_norm", result->gradient_norm);
    ll_json_key(&json, "terms");
    ll_json_open(&json, '{');
    for (int64_t t = 0; t < info->terms; t++) ll_json_add_number(&json, info->term[t].name, result->terms[t]);
    if (info->weight_decay != 0.0) ll_json_add_number(&json, "weight_decay", result->terms[info->terms]);
    ll_json_close(&json, '}');
    if (notes[0] != 0) ll_json_add_text(&json, "notes", notes);
    ll_json_close(&json, '}');
    return ll_json_print(&json, stdout);
}

static bool print_text(const ll_problem_info *info, const evaluation *result, bool gradient, const char *notes)
{
    char number[LL_NUMBER_TEXT];
    printf("%s: %s parameters", info->name, ll_print_count(info->parameter_count, number));
    printf(", %s samples\n", ll_print_count(result->samples, number));
    printf("  %-24s %s\n", "loss", ll_print_number(result->loss, 6, number));
    for (int64_t t = 0; t < info->terms && info->terms > 1; t++) {
        printf("    %-22s %s\n", info->term[t].name, ll_print_number(result->terms[t], 6, number));
    }
    if (info->weight_decay != 0.0) printf("    %-22s %s\n", "weight decay", ll_print_number(result->terms[info->terms], 6, number));
    for (int64_t m = 0; m < info->metrics; m++) {
        printf("  %-24s %s %s\n", info->metric[m].name, ll_print_number(result->metrics[m], 5, number), info->metric[m].unit);
    }
    if (errors_of(info, result) >= 0) printf("  %-24s %lld of %lld\n", "errors", (long long)errors_of(info, result), (long long)result->samples);
    if (gradient) printf("  %-24s %s\n", "gradient norm", ll_print_number(result->gradient_norm, 6, number));
    if (notes[0] != 0) printf("\n%s", notes);
    return !ferror(stdout);
}

static int run(int argc, char **argv)
{
    ll_setup_flags flags = LL_SETUP_FLAGS_DEFAULT;
    bool json = false, gradient = false, mapping = false;
    const ll_option options[] = {
        LL_SETUP_OPTIONS(&flags),
        {"gradient", LL_OPTION_FLAG, &gradient, NULL, "also the norm of the gradient", 0, 0, NULL},
        {"mapping", LL_OPTION_FLAG, &mapping, NULL, "say which tensor of the checkpoint went where", 0, 0, NULL},
        LL_OPTION_THREADS(&flags.threads),
        LL_OPTION_JSON(&json),
    };
    const ll_command command = {
        .verb = "eval", .usage = "--network NAME --checkpoint FILE --data SOURCE [options]",
        .about = "Loss, terms and metrics of a network on data, batch norm in evaluation mode; or of a physics-informed problem on its points.",
        .example = "losslens eval --network resnet20 --shortcut B --checkpoint model.pt --data cifar10:cifar-10-batches-bin "
                   "--mean .4914,.4822,.4465 --std .2023,.1994,.2010\n"
                   "losslens eval --problem convection --beta 1 --checkpoint pinn.safetensors",
        .options = options, .option_count = LL_COUNT(options), .least_words = 0, .most_words = 0};
    ll_words words;
    int code;
    if (!ll_command_parse(&command, argc, argv, &words, &code)) return code;
    ll_error error = {0};
    ll_setup *setup = NULL;
    evaluation result = {0};
    ll_status status = ll_setup_flags_open(&flags, NULL, 0, &setup, &error);
    if (status == LL_OK) status = evaluate(setup, gradient, &result, &error);
    if (status != LL_OK) {
        ll_setup_destroy(setup);
        return ll_command_failure(&command, &error);
    }
    const ll_problem_info *info = ll_problem_view(ll_setup_problem(setup));
    if (mapping) fputs(ll_setup_report(setup), stderr);
    bool printed = json ? print_json(info, &result, gradient, ll_setup_notes(setup)) : print_text(info, &result, gradient, ll_setup_notes(setup));
    ll_setup_destroy(setup);
    return printed ? LL_EXIT_OK : LL_EXIT_FAILURE;
}

const ll_verb ll_verb_eval = {"eval", "loss and metrics of a checkpoint on data", run};
