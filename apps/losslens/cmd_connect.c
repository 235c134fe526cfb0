/* losslens connect - the loss along lines and trained curves between minima of one architecture. */
#include "analysis.h"
#include "figure_options.h"

#include "losslens/connectivity.h"
#include "losslens/connectivity_align.h"
#include "losslens/problem_vectors.h"

#include <string.h>

enum { MOST_MODELS = LL_LIST_LIMIT };

typedef struct settings {
    ll_setup_flags setup;
    ll_figure_settings figure;
    const char *kind, *optimiser, *batch_norm, *pieces, *plan;
    int64_t batch, budget, rounds, points, pairs;
    double rate, initial_loss;
    bool json, quiet, yang, align, scale_given;
} settings;

typedef struct work {
    ll_setup *setup;
    int models;
    void *theta[MOST_MODELS], *buffers[MOST_MODELS];
    ll_units *units;
    int64_t *pairs, count; /* [count][2] */
    ll_curve_ends *ends;   /* [count] */
    void *
        *aligned; /* [2 * count]: the second end's weights and buffers, brought into line with the first's */
    ll_record **alignment; /* [count] */
    ll_record **records;   /* [count] */
} work;

static void work_deinit(work *w)
{
    for (int64_t k = 0; k < w->count; k++) {
        if (w->records != NULL) ll_record_destroy(w->records[k]);
        if (w->alignment != NULL) ll_record_destroy(w->alignment[k]);
        if (w->aligned != NULL) ll_free(w->aligned[2 * k]);
        if (w->aligned != NULL) ll_free(w->aligned[2 * k + 1]);
    }
    for (int i = 0; i < w->models; i++) {
        ll_free(w->theta[i]);
        ll_free(w->buffers[i]);
    }
    ll_free(w->pairs);
    ll_free(w->ends);
    ll_free(w->aligned);
    ll_free(w->alignment);
    ll_free(w->records);
    ll_units_destroy(w->units);
    ll_setup_destroy(w->setup);
}

static ll_curve_options curve_options(const settings *s, const ll_problem *problem)
{
    static const char *const kinds[] = {"linear", "bezier", "polygon"};
    static const char *const optimisers[] = {"sgd", "adam", "adamw", "lbfgs"};
    static const double rates[] = {0.01, 0.001, 0.001, 1.0};
    const int64_t *indices;
    int64_t count;
    ll_curve_options options = {.batch_size = s->batch,
                                .budget = s->budget,
                                .rounds = s->rounds,
                                .points = s->points,
                                .yang = s->yang,
                                .initial_loss = s->initial_loss,
                                .seed = (uint64_t)s->setup.seed};
    for (int k = 0; k < LL_COUNT(kinds); k++)
        if (strcmp(kinds[k], s->kind) == 0) options.kind = (ll_curve_kind)k;
    for (int k = 0; s->optimiser != NULL && k < LL_COUNT(optimisers); k++)
        if (strcmp(optimisers[k], s->optimiser) == 0)
            options.optimiser = (ll_optimiser_options){.kind = (ll_optimiser_kind)k,
                                                       .rate = s->rate > 0 ? s->rate : rates[k]};
    if (strcmp(s->batch_norm, "keep") == 0) options.batch_norm = LL_CURVE_KEEP;
    if (ll_problem_role(problem, "evaluate", 0, &indices, &count, NULL) == LL_OK) options.role = "evaluate";
    return options;
}

/* ------------------------------------------------------------------ which pairs, and their ends */

/* |theta_i - theta_j| of all models: what "nearest" means here. */
static ll_status weight_distances(const work *w, double **distances, ll_error *error)
{
    const ll_problem_info *info = ll_problem_view(ll_setup_problem(w->setup));
    int64_t n = w->models;
    double *made = ll_allocate_zeroed((size_t)(n * n) * sizeof *made);
    void *difference = ll_allocate_array(info->parameter_count, ll_real_bytes(info->type));
    if (made == NULL || difference == NULL) {
        ll_free(made);
        ll_free(difference);
        return ll_fail_memory(error, "losslens", (size_t)info->parameter_count * ll_real_bytes(info->type));
    }
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = i + 1; j < n; j++) {
            ll_vector_copy(info->type, info->parameter_count, w->theta[i], difference);
            ll_vector_add(info->type, info->parameter_count, -1.0, w->theta[j], difference);
            made[i * n + j] = made[j * n + i] = ll_vector_norm(info->type, info->parameter_count, difference);
        }
    ll_free(difference);
    *distances = made;
    return LL_OK;
}

static ll_status choose_pairs(const settings *s, work *w, ll_error *error)
{
    static const char *const plans[] = {"all", "nearest", "sample"};
    ll_pair_plan plan = LL_PAIRS_ALL;
    for (int p = 0; p < LL_COUNT(plans); p++)
        if (strcmp(plans[p], s->plan) == 0) plan = (ll_pair_plan)p;
    double *distances = NULL;
    if (plan == LL_PAIRS_NEAREST) LL_TRY(weight_distances(w, &distances, error));
    int64_t count = 0;
    ll_status status = ll_connectivity_pairs(plan, w->models, s->pairs, distances, (uint64_t)s->setup.seed,
                                             &w->pairs, &count, error);
    ll_free(distances);
    LL_TRY(status);
    w->count = count;
    w->ends = ll_allocate_zeroed((size_t)count * sizeof *w->ends);
    w->aligned = ll_allocate_zeroed((size_t)(2 * count) * sizeof *w->aligned);
    w->alignment = ll_allocate_zeroed((size_t)count * sizeof(ll_record *));
    w->records = ll_allocate_zeroed((size_t)count * sizeof(ll_record *));
    if (w->ends == NULL || w->aligned == NULL || w->alignment == NULL || w->records == NULL)
        return ll_fail_memory(error, "losslens", (size_t)count * sizeof *w->ends);
    for (int64_t k = 0; k < count; k++) {
        int64_t a = w->pairs[2 * k], b = w->pairs[2 * k + 1];
        w->ends[k] = (ll_curve_ends){w->theta[a], w->theta[b], w->buffers[a], w->buffers[b]};
    }
    return LL_OK;
}

static ll_status align_pair(work *w, int64_t k, ll_error *error)
{
    const ll_problem_info *info = ll_problem_view(ll_setup_problem(w->setup));
    ll_curve_ends *ends = &w->ends[k];
    w->aligned[2 * k] = ll_allocate_array(info->parameter_count, ll_real_bytes(info->type));
    w->aligned[2 * k + 1] = ll_allocate_array(info->buffer_count + 1, ll_real_bytes(info->type));
    if (w->aligned[2 * k] == NULL || w->aligned[2 * k + 1] == NULL)
        return ll_fail_memory(error, "losslens", (size_t)info->parameter_count * ll_real_bytes(info->type));
    LL_TRY(ll_connectivity_align(w->units, ends->a, ends->b, ends->buffers_b, NULL, w->aligned[2 * k],
                                 w->aligned[2 * k + 1], &w->alignment[k], error));
    ends->b = w->aligned[2 * k];
    if (ends->buffers_b != NULL) ends->buffers_b = w->aligned[2 * k + 1];
    return LL_OK;
}

/* What aligning did, beside the curve's own numbers. */
static ll_status note_alignment(const work *w, int64_t k, ll_error *error)
{
    ll_record *record = w->records[k];
    const ll_record *alignment = w->alignment[k];
    if (record == NULL || alignment == NULL) return LL_OK;
    LL_TRY(ll_record_set_integer(record, "aligned_units", "", (int64_t)ll_analysis_real(alignment, "units"),
                                 error));
    LL_TRY(ll_record_set_integer(record, "aligned_moved", "", (int64_t)ll_analysis_real(alignment, "moved"),
                                 error));
    LL_TRY(ll_record_set_real(record, "distance_before_alignment", "",
                              ll_analysis_real(alignment, "distance_before"), error));
    const ll_array *table = NULL;
    LL_TRY(ll_record_get_array(alignment, "permutations", &table, error));
    return ll_record_set_array(record, "permutations", "", table, error);
}

static ll_status compute(const settings *s, const ll_words *words, int argc, char **argv, work *w,
                         ll_error *error)
{
    LL_TRY(ll_analysis_open(&s->setup, 0, &w->setup, error));
    ll_problem *problem = ll_setup_problem(w->setup);
    for (int i = 0; i < words->count; i++) {
        LL_TRY(ll_setup_load(w->setup, words->items[i], &w->theta[i], &w->buffers[i], error));
        w->models = i + 1;
    }
    LL_TRY(choose_pairs(s, w, error));
    if (s->align) {
        LL_TRY(ll_units_create(ll_setup_model(w->setup), &w->units, error));
        if (ll_units_groups(w->units) == 0)
            return ll_fail(error, LL_UNSUPPORTED, "losslens", "--align",
                           "no hidden units of this network can change places");
        for (int64_t k = 0; k < w->count; k++) LL_TRY(align_pair(w, k, error));
    }
    ll_curve_options options = curve_options(s, problem);
    ll_analysis_sink watch;
    LL_TRY(ll_analysis_sink_init(&watch, s->pieces, s->quiet || s->json, argc, argv, error));
    ll_status status =
        ll_connectivity_curves(problem, w->ends, w->count, &options, &watch.sink, w->records, error);
    ll_analysis_sink_end(&watch);
    /* Stopped with an answer for some: what is known is shown. */
    if (status == LL_CANCELLED && w->count > 1 && w->records[0] != NULL) status = LL_OK;
    for (int64_t k = 0; k < w->count && status == LL_OK; k++) status = note_alignment(w, k, error);
    return status;
}

/* ------------------------------------------------------------------ answers */

/* The profiles side by side, of the pairs that are done. */
static ll_status draw(const settings *s, const work *w, const ll_figure_options *figure, ll_error *error)
{
    const ll_record **shown = ll_allocate_array(w->count, sizeof *shown);
    if (shown == NULL) return ll_fail_memory(error, "losslens", (size_t)w->count * sizeof *shown);
    int64_t count = 0;
    for (int64_t k = 0; k < w->count; k++)
        if (w->records[k] != NULL) shown[count++] = w->records[k];
    const ll_record_panel_options how = {.scale_given = s->scale_given};
    ll_status status = ll_analysis_draw(s->figure.path, "curve", shown, NULL, count, &how, figure, error);
    ll_free(shown);
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
    printf("%s: %s curve, batch norm %s\n", ll_analysis_text(record, "problem"),
           ll_analysis_text(record, "path"), ll_analysis_text(record, "batch_norm"));
    if (ll_record_get_array(record, "loss", &loss, NULL) == LL_OK)
        printf("  loss at the ends             %s and %s\n", ll_print_number(ll_array_get(loss, 0), 5, a),
               ll_print_number(ll_array_get(loss, loss->shape[0] - 1), 5, b));
    printf("  %-28s %12s %12s\n", "", "straight", trained ? "curve" : "");
    print_row(record, "mean loss", "linear_mean_loss", "mean_loss");
    print_row(record, "barrier", "linear_barrier", "barrier");
    print_row(record, "mc (loss)", "linear_mc_loss", "mc_loss");
    if (ll_record_find(record, "mc_error") != NULL)
        print_row(record, "mc (error, percent)", "linear_mc_error", "mc_error");
    if (ll_record_find(record, "relative_barrier") != NULL)
        print_row(record, "barrier / depth", "relative_linear_barrier", "relative_barrier");
    print_row(record, "length", "straight_length", "length");
    if (trained)
        printf("  %s after %.0f steps%s\n", ll_analysis_text(record, "reason"),
               ll_analysis_real(record, "steps"),
               ll_analysis_real(record, "converged") == 1 ? ""
                                                          : ": the curve only bounds the barrier from above");
    if (ll_record_find(record, "aligned_units") != NULL)
        printf("  aligned: %.0f of %.0f units moved; distance %s before\n",
               ll_analysis_real(record, "aligned_moved"), ll_analysis_real(record, "aligned_units"),
               ll_print_number(ll_analysis_real(record, "distance_before_alignment"), 5, a));
    if (notes[0] != 0) printf("\n%s", notes);
}

/* One line a pair. */
static void print_pairs(const work *w, const ll_words *words)
{
    char a[LL_NUMBER_TEXT], b[LL_NUMBER_TEXT], c[LL_NUMBER_TEXT];
    printf("  %12s %12s %12s  %-20s pair\n", "line barrier", "barrier", "mc (loss)", "reason");
    for (int64_t k = 0; k < w->count; k++) {
        const ll_record *record = w->records[k];
        const char *from = words->items[w->pairs[2 * k]], *to = words->items[w->pairs[2 * k + 1]];
        if (record == NULL) {
            printf("  %12s %12s %12s  %-20s %s, %s\n", "", "", "", "not done", from, to);
            continue;
        }
        printf("  %12s %12s %12s  %-20s %s, %s\n",
               ll_print_number(ll_analysis_real(record, "linear_barrier"), 5, a),
               ll_print_number(ll_analysis_real(record, "barrier"), 5, b),
               ll_print_number(ll_analysis_real(record, "mc_loss"), 5, c), ll_analysis_text(record, "reason"),
               from, to);
    }
}

static bool print_pairs_json(const work *w, const ll_words *words)
{
    const char *notes = ll_setup_notes(w->setup);
    ll_json json = {0};
    ll_json_open(&json, '{');
    ll_json_add_text(&json, "kind", "curves");
    ll_json_key(&json, "pairs");
    ll_json_open(&json, '[');
    for (int64_t k = 0; k < w->count; k++) {
        ll_json_open(&json, '{');
        ll_json_add_text(&json, "from", words->items[w->pairs[2 * k]]);
        ll_json_add_text(&json, "to", words->items[w->pairs[2 * k + 1]]);
        ll_json_add_boolean(&json, "done", w->records[k] != NULL);
        if (w->records[k] != NULL) ll_analysis_add_fields(&json, w->records[k], 10000);
        ll_json_close(&json, '}');
    }
    ll_json_close(&json, ']');
    if (notes[0] != 0) ll_json_add_text(&json, "notes", notes);
    ll_json_close(&json, '}');
    return ll_json_print(&json, stdout);
}

static int run(int argc, char **argv)
{
    settings s = {.setup = LL_SETUP_FLAGS_DEFAULT,
                  .figure = ll_figure_settings_default(),
                  .kind = "bezier",
                  .batch_norm = "re-estimate",
                  .plan = "all",
                  .pairs = 1};
    const ll_option options[] = {
        LL_SETUP_OPTIONS(&s.setup),
        LL_OPTION_SECTION("path"),
        {"kind", LL_OPTION_CHOICE, &s.kind, "linear|bezier|polygon", "shape of the path", 0, 0, NULL},
        {"optimiser", LL_OPTION_CHOICE, &s.optimiser, "sgd|adam|adamw|lbfgs",
         "of the bend; default: lbfgs for full batches, else adam", 0, 0, NULL},
        {"rate", LL_OPTION_REAL, &s.rate, "R",
         "learning rate, with --optimiser; 0: the optimiser's usual one", 0, 1e6, NULL},
        {"batch", LL_OPTION_INTEGER, &s.batch, "N", "samples of a mini-batch; 0: all at once", 0, 1e9, NULL},
        {"budget", LL_OPTION_INTEGER, &s.budget, "N",
         "steps of the first round, doubled by each; 0: 50 (lbfgs), 500", 0, 1e9, NULL},
        {"rounds", LL_OPTION_INTEGER, &s.rounds, "N", "most rounds; 0: 6", 0, 30, NULL},
        {"points", LL_OPTION_INTEGER, &s.points, "T", "points of the evaluated curve; 0: 61", 0, 100000,
         NULL},
        {"batch-norm", LL_OPTION_CHOICE, &s.batch_norm, "re-estimate|keep",
         "statistics along the path; keep interpolates", 0, 0, NULL},
        {"initial-loss", LL_OPTION_REAL, &s.initial_loss, "L",
         "loss before training, for the relative barrier", 0, 1e12, NULL},
        {"align", LL_OPTION_FLAG, &s.align, NULL,
         "first renumber the second network's units to match the first's weights", 0, 0, NULL},
        {"plan", LL_OPTION_CHOICE, &s.plan, "all|nearest|sample", "of more than two checkpoints: which pairs",
         0, 0, NULL},
        {"pairs", LL_OPTION_INTEGER, &s.pairs, "K",
         "nearest: by weights, of each checkpoint; sample: how many", 1, 32640, NULL},
        {"yang", LL_OPTION_FLAG, &s.yang, NULL, "the fixed recipe of Yang et al. 2021, for comparison", 0, 0,
         NULL},
        LL_ANALYSIS_OPTIONS(&s.pieces, &s.quiet),
        LL_FIGURE_OPTIONS_GIVEN(&s.figure, NULL, &s.scale_given),
        LL_OPTION_THREADS(&s.setup.threads),
        LL_OPTION_JSON(&s.json),
    };
    const ll_command command = {
        .verb = "connect",
        .usage = "FROM TO [MORE...] --network NAME --data SOURCE [options]",
        .about = "The loss along the straight line between two checkpoints and along a curve whose bend is "
                 "trained until the "
                 "minima are connected or more training changes nothing. An unconverged curve is marked as "
                 "such. Of several "
                 "checkpoints all pairs, or those of a plan: the straight lines of all first.",
        .example =
            "losslens connect a.pt b.pt --network resnet20 --shortcut B --data cifar10:cifar-10-batches-bin "
            "--mean .4914,.4822,.4465 --std .2023,.1994,.2010 --kind linear --points 11\n"
            "losslens connect seed0.pt seed1.pt --problem convection --beta 1 --kind bezier\n"
            "losslens connect pinn_*.safetensors --problem convection --beta 1 --align --plan nearest "
            "--pairs 2 --pieces work",
        .options = options,
        .option_count = LL_COUNT(options),
        .least_words = 2,
        .most_words = MOST_MODELS};
    ll_words words;
    int code;
    if (!ll_command_parse(&command, argc, argv, &words, &code)) return code;
    ll_figure_options figure;
    s.setup.normalised_as = words.items[0];
    if (!ll_figure_settings_apply(&command, &s.figure, &figure, &code)) return code;
    ll_error error = {0};
    work w = {0};
    code = LL_EXIT_OK;
    ll_status status = compute(&s, &words, argc, argv, &w, &error);
    if (status == LL_OK && s.figure.path != NULL) status = draw(&s, &w, &figure, &error);
    if (status != LL_OK) code = ll_command_failure(&command, &error);
    else if (w.count > 1 && s.json) code = print_pairs_json(&w, &words) ? LL_EXIT_OK : LL_EXIT_FAILURE;
    else if (w.count > 1) print_pairs(&w, &words);
    else if (s.json)
        code = ll_analysis_print_json(w.records[0], 10000, ll_setup_notes(w.setup)) ? LL_EXIT_OK
                                                                                    : LL_EXIT_FAILURE;
    else print_text(w.records[0], ll_setup_notes(w.setup));
    work_deinit(&w);
    return code;
}

const ll_verb ll_verb_connect = {"connect", "paths between two minima", run};
