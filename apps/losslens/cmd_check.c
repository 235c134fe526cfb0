/* losslens check - are the derivatives of a network or problem right? */
#include "analysis.h"

#include "losslens/curvature.h"

static int print_text(const ll_record *record)
{
    char a[LL_NUMBER_TEXT], b[LL_NUMBER_TEXT];
    printf("%s (%s): %s\n", ll_analysis_text(record, "problem"), ll_analysis_text(record, "type"),
           ll_analysis_text(record, "verdict"));
    static const char *const rows[][3] = {
        {"gradient against differences of the loss", "gradient_error", "gradient_limit"},
        {"products against differences of gradients", "product_error", "product_limit"},
        {"symmetry of the Hessian", "symmetry_error", "symmetry_limit"}};
    for (int i = 0; i < 3; i++)
        printf("  %-44s %10s  (limit %s)\n", rows[i][0],
               ll_print_number(ll_analysis_real(record, rows[i][1]), 2, a),
               ll_print_number(ll_analysis_real(record, rows[i][2]), 2, b));
    printf("  %-44s %10s\n", "the same request twice",
           ll_analysis_real(record, "same_bits") == 1 ? "same bits" : "differs");
    return ll_analysis_real(record, "passed") == 1 ? LL_EXIT_OK : LL_EXIT_FAILURE;
}

static ll_status work(const ll_setup_flags *flags, int64_t directions, ll_setup **setup, ll_record **record,
                      ll_error *error)
{
    LL_TRY(ll_analysis_open(flags, 256, setup, error));
    ll_problem *problem = ll_setup_problem(*setup);
    ll_samples lists[LL_ANALYSIS_TERMS] = {{0}};
    ll_analysis_samples(problem, lists);
    ll_curvature_target target = {.problem = problem, .samples = lists};
    ll_derivative_options options = {.directions = directions, .seed = (uint64_t)flags->seed};
    return ll_curvature_check(&target, &options, record, error);
}

static int run(int argc, char **argv)
{
    ll_setup_flags flags = LL_SETUP_FLAGS_DEFAULT;
    int64_t directions = 0;
    bool json = false;
    const ll_option options[] = {
        LL_SETUP_OPTIONS(&flags),
        LL_OPTION_SECTION("check"),
        {"directions", LL_OPTION_INTEGER, &directions, "N", "random directions besides the gradient; 0: 3", 0,
         1000, NULL},
        LL_OPTION_THREADS(&flags.threads),
        LL_OPTION_JSON(&json),
    };
    const ll_command command = {
        .verb = "check",
        .usage = "--network NAME [--checkpoint FILE] --data SOURCE [options]",
        .about = "Verifies gradients and Hessian products by differences, and that the same request gives "
                 "the same bits. "
                 "Networks with kinks (ReLU, max pooling) agree only where the steps cross none: --float64 "
                 "finds such steps. "
                 "Exit status 1 when the check fails.",
        .example =
            "losslens check --network resnet20 --data cifar10:cifar-10-batches-bin --samples 16 --float64\n"
            "losslens check --problem convection --beta 1",
        .options = options,
        .option_count = LL_COUNT(options),
        .least_words = 0,
        .most_words = 0};
    ll_words words;
    int code;
    if (!ll_command_parse(&command, argc, argv, &words, &code)) return code;
    ll_error error = {0};
    ll_setup *setup = NULL;
    ll_record *record = NULL;
    if (work(&flags, directions, &setup, &record, &error) != LL_OK)
        code = ll_command_failure(&command, &error);
    else if (json)
        code = ll_analysis_print_json(record, 1000, ll_setup_notes(setup)) &&
                       ll_analysis_real(record, "passed") == 1
                   ? LL_EXIT_OK
                   : LL_EXIT_FAILURE;
    else code = print_text(record);
    ll_record_destroy(record);
    ll_setup_destroy(setup);
    return code;
}

const ll_verb ll_verb_check = {"check", "verify gradients and Hessian products by differences", run};
