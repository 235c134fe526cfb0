/* losslens connect - the loss along lines and trained curves between two minima of one architecture. */
#include "analysis.h"

#include "losslens/connectivity.h"

#include <string.h>

typedef struct settings {
    ll_setup_flags setup;
    const char *kind, *optimiser, *batch_norm, *pieces;
    int64_t batch, budget, rounds, points;
    double rate, initial_loss;
    bool json, quiet, yang;
} settings;

typedef struct ends {
    void *theta[2], *buffers[2];
} ends;

static ll_curve_options curve_options(const settings *s, const ll_problem *problem)
{
    static const char *const kinds[] = {"linear", "bezier", "polygon"};
    static const char *const optimisers[] = {"sgd", "adam", "adamw", "lbfgs"};
    static const double rates[] = {0.01, 0.001, 0.001, 1.0};
    const int64_t *indices;
    int64_t count;
    ll_curve_options options = {.batch_size = s->batch, .budget = s->budget, .rounds = s->rounds, .points = s->points,
                                .yang = s->yang, .initial_loss = s->initial_loss, .seed = (uint64_t)s->setup.seed};
    for (int k = 0; k < LL_COUNT(kinds); k++)
        if (strcmp(kinds[k], s->kind) == 0) options.kind = (ll_curve_kind)k;
    for (int k = 0; s->optimiser != NULL && k < LL_COUNT(optimisers); k++)
        if (strcmp(optimisers[k], s->optimiser) == 0)
            options.optimiser = (ll_optimiser_options){.kind = (ll_optimiser_kind)k, .rate = s->rate > 0 ? s->rate : rates[k]};
    if (strcmp(s->batch_norm, "keep") == 0) options.batch_norm = LL_CURVE_KEEP;
    if (ll_problem_role(problem, "evaluate", 0, &indices, &count, NULL) == LL_OK) options.role = "evaluate";
    return options;
}

static ll_status work(const settings *s, const ll_words *words, ll_setup **setup, ends *e, ll_record **record, ll_error *error)
{
    LL_TRY(ll_analysis_open(&s->setup, 0, setup, error));
    ll_problem *problem = ll_setup_problem(*setup);
    for (int i = 0; i < 2; i++) LL_TRY(ll_setup_load(*setup, words->items[i], &e->theta[i], &e->buffers[i], error));
    ll_curve_ends path = {e->theta[0], e->theta[1], e->buffers[0], e->buffers[1]};
    ll_curve_options options = curve_options(s, problem);
    ll_analysis_sink watch;
    LL_TRY(ll_analysis_sink_init(&watch, s->pieces, s->quiet || s->json, error));
    ll_status status = ll_connectivity_curve(problem, &path, &options, &watch.sink, record, error);
    ll_analysis_sink_end(&watch);
    return status;
}

static void print_row(const ll_record *record, const char *label, const char *line, const char *curve)
{
    char a[LL_NUMBER_TEXT], b[LL_NUMBER_TEXT];
    bool trained = strcmp(ll_analysis_text(record, "path"), "linear") != 0;
    printf("  %-28s %12s %12s\n", label, ll_print_number(ll_analysis_real(record, line), 5, a),
           trained ? ll_print_number(ll_analysis_real(record, curve), 5, b) : "");
}

static void print_text(const ll_record *record, const char *notes)
{
    bool trained = strcmp(ll_analysis_text(record, "path"), "linear") != 0;
    const ll_array *loss = NULL;
    char a[LL_NUMBER_TEXT], b[LL_NUMBER_TEXT];
    printf("%s: %s curve, batch norm %s\n", ll_analysis_text(record, "problem"), ll_analysis_text(record, "path"),
           ll_analysis_text(record, "batch_norm"));
    if (ll_record_get_array(record, "loss", &loss, NULL) == LL_OK)
        printf("  loss at the ends             %s and %s\n", ll_print_number(ll_array_get(loss, 0), 5, a),
               ll_print_number(ll_array_get(loss, loss->shape[0] - 1), 5, b));
    printf("  %-28s %12s %12s\n", "", "straight", trained ? "curve" : "");
    print_row(record, "mean loss", "linear_mean_loss", "mean_loss");
    print_row(record, "barrier", "linear_barrier", "barrier");
    print_row(record, "mc (loss)", "linear_mc_loss", "mc_loss");
    if (ll_record_find(record, "mc_error") != NULL) print_row(record, "mc (error, percent)", "linear_mc_error", "mc_error");
    if (ll_record_find(record, "relative_barrier") != NULL)
        print_row(record, "barrier / depth", "relative_linear_barrier", "relative_barrier");
    print_row(record, "length", "straight_length", "length");
    if (trained)
        printf("  %s after %.0f steps%s\n", ll_analysis_text(record, "reason"), ll_analysis_real(record, "steps"),
               ll_analysis_real(record, "converged") == 1 ? "" : ": the curve only bounds the barrier from above");
    if (notes[0] != 0) printf("\n%s", notes);
}

static int run(int argc, char **argv)
{
    settings s = {.setup = LL_SETUP_FLAGS_DEFAULT, .kind = "bezier", .batch_norm = "re-estimate"};
    const ll_option options[] = {
        LL_SETUP_OPTIONS(&s.setup),
        {"kind", LL_OPTION_CHOICE, &s.kind, "linear|bezier|polygon", "shape of the path", 0, 0, NULL},
        {"optimiser", LL_OPTION_CHOICE, &s.optimiser, "sgd|adam|adamw|lbfgs", "of the bend; default: lbfgs for full batches, else adam", 0, 0, NULL},
        {"rate", LL_OPTION_REAL, &s.rate, "R", "learning rate, with --optimiser; 0: the optimiser's usual one", 0, 1e6, NULL},
        {"batch", LL_OPTION_INTEGER, &s.batch, "N", "samples of a mini-batch; 0: all at once", 0, 1e9, NULL},
        {"budget", LL_OPTION_INTEGER, &s.budget, "N", "steps of the first round, doubled by each; 0: 50 (lbfgs), 500", 0, 1e9, NULL},
        {"rounds", LL_OPTION_INTEGER, &s.rounds, "N", "most rounds; 0: 6", 0, 30, NULL},
        {"points", LL_OPTION_INTEGER, &s.points, "T", "points of the evaluated curve; 0: 61", 0, 100000, NULL},
        {"batch-norm", LL_OPTION_CHOICE, &s.batch_norm, "re-estimate|keep", "statistics along the path; keep interpolates", 0, 0, NULL},
        {"initial-loss", LL_OPTION_REAL, &s.initial_loss, "L", "loss before training, for the relative barrier", 0, 1e12, NULL},
        {"yang", LL_OPTION_FLAG, &s.yang, NULL, "the fixed recipe of Yang et al. 2021, for comparison", 0, 0, NULL},
        LL_ANALYSIS_OPTIONS(&s.pieces, &s.quiet),
        LL_OPTION_THREADS(&s.setup.threads),
        LL_OPTION_JSON(&s.json),
    };
    const ll_command command = {
        .verb = "connect", .usage = "FROM TO --network NAME --data SOURCE [options]",
        .about = "The loss along the straight line between two checkpoints and along a curve whose bend is trained until the "
                 "minima are connected or more training changes nothing. An unconverged curve is marked as such.",
        .example = "losslens connect a.pt b.pt --network resnet20 --shortcut B --data cifar10:cifar-10-batches-bin "
                   "--mean .4914,.4822,.4465 --std .2023,.1994,.2010 --kind linear --points 11\n"
                   "losslens connect seed0.pt seed1.pt --problem convection --beta 1 --kind bezier",
        .options = options, .option_count = LL_COUNT(options), .least_words = 2, .most_words = 2};
    ll_words words;
    int code;
    if (!ll_command_parse(&command, argc, argv, &words, &code)) return code;
    ll_error error = {0};
    ll_setup *setup = NULL;
    ll_record *record = NULL;
    ends e = {{NULL, NULL}, {NULL, NULL}};
    code = LL_EXIT_OK;
    if (work(&s, &words, &setup, &e, &record, &error) != LL_OK)
        code = ll_command_failure(&command, &error);
    else if (s.json)
        code = ll_analysis_print_json(record, 10000, ll_setup_notes(setup)) ? LL_EXIT_OK : LL_EXIT_FAILURE;
    else
        print_text(record, ll_setup_notes(setup));
    for (int i = 0; i < 2; i++) {
        ll_free(e.theta[i]);
        ll_free(e.buffers[i]);
    }
    ll_record_destroy(record);
    ll_setup_destroy(setup);
    return code;
}

const ll_verb ll_verb_connect = {"connect", "paths between two minima", run};
