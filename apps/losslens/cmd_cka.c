/* losslens cka - similarity of the layers of checkpoints of a network, and a map of the models. */
#include "analysis.h"
#include "figure_options.h"

#include "losslens/problem_vectors.h"
#include "losslens/similarity.h"

#include <math.h>
#include <string.h>

enum { MOST_MODELS = LL_LIST_LIMIT, MOST_LAYERS = 1024 };

typedef struct settings {
    ll_setup_flags setup;
    ll_figure_settings figure;
    const char *variant, *embed, *pieces;
    ll_texts layer;
    bool json, quiet, no_baseline, disparity;
    int64_t batch;
} settings;

typedef struct work {
    ll_setup *setup;
    void *theta[MOST_MODELS], *buffers[MOST_MODELS];
    ll_cka_model model[MOST_MODELS];
    int64_t layers[MOST_LAYERS];
    int64_t layer_count;
    int count;
    ll_record *record;
    double *positions; /* count x 2, of the last layer asked for; NULL: not placed */
    ll_embedding_result placement;
    ll_record **disparity; /* [count (count - 1) / 2], pairs in order; NULL: not asked for */
} work;

static int64_t pairs_of(const work *w) { return (int64_t)w->count * (w->count - 1) / 2; }

static void work_deinit(work *w)
{
    ll_record_destroy(w->record);
    for (int i = 0; i < w->count; i++) {
        ll_free(w->theta[i]);
        ll_free(w->buffers[i]);
    }
    for (int64_t p = 0; w->disparity != NULL && p < pairs_of(w); p++) ll_record_destroy(w->disparity[p]);
    ll_free(w->disparity);
    ll_free(w->positions);
    ll_setup_destroy(w->setup);
}

static ll_status choose_layers(const settings *s, work *w, ll_error *error)
{
    const ll_problem_info *info = ll_problem_view(ll_setup_problem(w->setup));
    if (info->layers < 1 || info->layers > MOST_LAYERS)
        return ll_fail(error, LL_UNSUPPORTED, "losslens", info->name, "it has %lld layers; wanted 1 to %d",
                       (long long)info->layers, MOST_LAYERS);
    for (int64_t l = 0; l < info->layers; l++) {
        bool wanted = s->layer.count == 0;
        for (int i = 0; i < s->layer.count; i++)
            wanted = wanted || strcmp(s->layer.items[i], info->layer[l].name) == 0;
        if (wanted) w->layers[w->layer_count++] = l;
    }
    for (int i = 0; i < s->layer.count; i++) {
        const char *names[MOST_LAYERS];
        bool found = false;
        for (int64_t l = 0; l < info->layers; l++) {
            names[l] = info->layer[l].name;
            found = found || strcmp(names[l], s->layer.items[i]) == 0;
        }
        if (found) continue;
        const char *near = ll_nearest_word(s->layer.items[i], names, info->layers);
        return ll_fail(error, LL_NOT_FOUND, "losslens", "--layer",
                       "there is no layer %s; the nearest is %s, the last %s", s->layer.items[i],
                       near != NULL ? near : "none", names[info->layers - 1]);
    }
    return LL_OK;
}

/* Distances 1 - CKA of the models at the last of the chosen layers. */
static ll_status place(const settings *s, work *w, ll_error *error)
{
    const ll_array *matrix;
    LL_TRY(ll_record_get_array(w->record, "matrix", &matrix, error));
    int64_t n = w->count, entries = matrix->shape[0];
    double *distances = ll_allocate_array(n * n, sizeof *distances);
    w->positions = ll_allocate_array(2 * n, sizeof *w->positions);
    if (distances == NULL || w->positions == NULL) {
        ll_free(distances);
        return ll_fail_memory(error, "losslens", (size_t)(n * n) * sizeof *distances);
    }
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            int64_t a = (i + 1) * w->layer_count - 1, b = (j + 1) * w->layer_count - 1;
            distances[i * n + j] = i == j ? 0.0 : fmax(0.0, 1.0 - ll_array_get(matrix, a * entries + b));
            if (i != j && isnan(ll_array_get(matrix, a * entries + b))) distances[i * n + j] = NAN;
        }
    ll_embedding_options options = {.seed = (uint64_t)s->setup.seed};
    (void)ll_embedding_parse(s->embed, &options.method);
    ll_status status = ll_embed(distances, n, &options, w->positions, &w->placement, error);
    ll_free(distances);
    LL_TRY(status);
    const ll_array positions = {.type = LL_ARRAY_FLOAT64, .rank = 2, .shape = {n, 2}, .data = w->positions};
    LL_TRY(ll_record_set_array(w->record, "positions", "", &positions, error));
    LL_TRY(ll_record_set_text(w->record, "placement", ll_embedding_name(w->placement.method), error));
    LL_TRY(ll_record_set_integer(w->record, "placement_undefined", "", w->placement.undefined, error));
    return ll_record_set_real(w->record, "placement_quality", "", w->placement.quality, error);
}

/* ------------------------------------------------------------------ what they predict */

/* The network's output on the compared samples [samples, width]. */
static ll_status output_of(const work *w, int model, int64_t samples, double *values, ll_error *error)
{
    const ll_cka_model *m = &w->model[model];
    const ll_problem_info *info = ll_problem_view(m->problem);
    int64_t layer = info->layers, count = samples * info->output_width;
    void *output = ll_allocate_array(count, ll_real_bytes(info->type));
    if (output == NULL) return ll_fail_memory(error, "losslens", (size_t)count * ll_real_bytes(info->type));
    const ll_request request = {.points = 1,
                                .thetas = &m->theta,
                                .buffers = m->buffers != NULL ? &m->buffers : NULL,
                                .buffers_shared = true,
                                .samples = m->samples,
                                .feature_layers = 1,
                                .feature_layer = &layer,
                                .features = &output};
    ll_status status = ll_problem_evaluate(m->problem, &request, error);
    if (status == LL_OK) ll_vector_to_double(info->type, count, output, values);
    ll_free(output);
    return status;
}

/* The first of the largest. */
static int64_t class_of(const double *row, int64_t classes)
{
    int64_t best = 0;
    for (int64_t c = 1; c < classes; c++)
        if (row[c] > row[best]) best = c;
    return best;
}

/* Classes where there are labels, else the differences of the outputs. */
static ll_status compare_predictions(work *w, ll_error *error)
{
    const ll_problem_info *info = ll_problem_view(ll_setup_problem(w->setup));
    const int64_t *all = ll_setup_labels(w->setup);
    const ll_samples *list = w->model[0].samples;
    int64_t samples = list != NULL ? list->count : info->term[0].samples, width = info->output_width;
    if (width < 1)
        return ll_fail(error, LL_UNSUPPORTED, "losslens", "--disparity", "%s has no output of its own",
                       info->name);
    if (all != NULL && ll_setup_classes(w->setup) != width)
        return ll_fail(error, LL_UNSUPPORTED, "losslens", "--disparity",
                       "its output of %lld values is no row of %lld classes", (long long)width,
                       (long long)ll_setup_classes(w->setup));
    double *output = ll_allocate_array(w->count * samples * width, sizeof *output);
    int64_t *label = ll_allocate_array((w->count + 1) * samples, sizeof *label);
    w->disparity = ll_allocate_zeroed((size_t)pairs_of(w) * sizeof *w->disparity + 1);
    ll_status status =
        output == NULL || label == NULL || w->disparity == NULL
            ? ll_fail_memory(error, "losslens", (size_t)(w->count * samples * width) * sizeof *output)
            : LL_OK;
    for (int m = 0; m < w->count && status == LL_OK; m++) {
        double *own = output + m * samples * width;
        status = output_of(w, m, samples, own, error);
        for (int64_t i = 0; i < samples && all != NULL && status == LL_OK; i++) {
            label[(m + 1) * samples + i] = class_of(own + i * width, width);
            label[i] = all[list != NULL ? list->indices[i] : i];
        }
    }
    int64_t pair = 0;
    for (int a = 0; a < w->count; a++)
        for (int b = a + 1; b < w->count && status == LL_OK; b++, pair++)
            status = all != NULL
                         ? ll_metrics_disparity(label + (a + 1) * samples, label + (b + 1) * samples, label,
                                                samples, width, &w->disparity[pair], error)
                         : ll_metrics_difference(output + a * samples * width, output + b * samples * width,
                                                 samples * width, &w->disparity[pair], error);
    ll_free(output);
    ll_free(label);
    return status;
}

static ll_status compute(const settings *s, work *w, const ll_words *words, int argc, char **argv,
                         ll_error *error)
{
    LL_TRY(ll_setup_flags_open(&s->setup, NULL, 0, &w->setup, error));
    LL_TRY(choose_layers(s, w, error));
    ll_problem *problem = ll_setup_problem(w->setup);
    ll_samples list = {0};
    if (ll_problem_role(problem, "evaluate", 0, &list.indices, &list.count, NULL) != LL_OK)
        list.indices = NULL;
    for (int i = 0; i < words->count; i++) {
        LL_TRY(ll_setup_load(w->setup, words->items[i], &w->theta[i], &w->buffers[i], error));
        w->count = i + 1;
        w->model[i] = (ll_cka_model){.name = words->items[i],
                                     .problem = problem,
                                     .theta = w->theta[i],
                                     .buffers = w->buffers[i],
                                     .samples = list.indices != NULL ? &list : NULL,
                                     .layers = w->layers,
                                     .layer_count = w->layer_count};
    }
    ll_cka_options options = {
        .batch = s->batch, .seed = (uint64_t)s->setup.seed, .no_baseline = s->no_baseline};
    (void)ll_cka_variant_parse(s->variant, &options.variant);
    LL_TRY(ll_team_create((int)s->setup.threads, &options.team, error));
    ll_analysis_sink watch;
    ll_status status = ll_analysis_sink_init(&watch, s->pieces, s->quiet || s->json, argc, argv, error);
    if (status == LL_OK) {
        status = ll_cka_models(w->model, w->count, &options, &watch.sink, &w->record, error);
        ll_analysis_sink_end(&watch);
    }
    ll_team_destroy(options.team);
    LL_TRY(status);
    if (s->disparity && w->count > 1) LL_TRY(compare_predictions(w, error));
    return w->count > 1 ? place(s, w, error) : LL_OK;
}

static void json_matrix(ll_json *json, const char *name, const ll_array *matrix)
{
    ll_json_key(json, name);
    ll_json_open(json, '[');
    for (int64_t i = 0; i < matrix->shape[0]; i++) {
        ll_json_open(json, '[');
        for (int64_t j = 0; j < matrix->shape[1]; j++)
            ll_json_number(json, ll_array_get(matrix, i * matrix->shape[1] + j));
        ll_json_close(json, ']');
    }
    ll_json_close(json, ']');
}

static bool print_json(const work *w, const settings *s)
{
    const ll_problem_info *info = ll_problem_view(ll_setup_problem(w->setup));
    const ll_array *matrix = NULL, *baseline = NULL, *flags = NULL;
    int64_t samples = 0;
    if (ll_record_get_array(w->record, "matrix", &matrix, NULL) != LL_OK ||
        ll_record_get_array(w->record, "flags", &flags, NULL) != LL_OK ||
        ll_record_get_integer(w->record, "samples", &samples, NULL) != LL_OK)
        return false;
    ll_json json = {0};
    ll_json_open(&json, '{');
    ll_json_add_text(&json, "variant", s->variant);
    ll_json_add_integer(&json, "samples", samples);
    ll_json_key(&json, "entries");
    ll_json_open(&json, '[');
    for (int m = 0; m < w->count; m++)
        for (int64_t l = 0; l < w->layer_count; l++) {
            ll_json_open(&json, '{');
            ll_json_add_text(&json, "model", w->model[m].name);
            ll_json_add_text(&json, "layer", info->layer[w->layers[l]].name);
            ll_json_add_text(&json, "state",
                             ll_cka_flag_text((ll_cka_flag)ll_array_get(flags, m * w->layer_count + l)));
            ll_json_close(&json, '}');
        }
    ll_json_close(&json, ']');
    json_matrix(&json, "matrix", matrix);
    if (ll_record_get_array(w->record, "baseline", &baseline, NULL) == LL_OK)
        json_matrix(&json, "baseline", baseline);
    if (w->positions != NULL) {
        ll_json_add_text(&json, "placement", ll_embedding_name(w->placement.method));
        ll_json_add_number(&json, "placement_quality", w->placement.quality);
        ll_json_key(&json, "positions");
        ll_json_open(&json, '[');
        for (int m = 0; m < w->count; m++) ll_json_numbers(&json, w->positions + 2 * m, 2);
        ll_json_close(&json, ']');
    }
    if (w->disparity != NULL) {
        int64_t pair = 0;
        ll_json_key(&json, "disparity");
        ll_json_open(&json, '[');
        for (int a = 0; a < w->count; a++)
            for (int b = a + 1; b < w->count; b++) {
                ll_json_open(&json, '{');
                ll_json_add_text(&json, "a", w->model[a].name);
                ll_json_add_text(&json, "b", w->model[b].name);
                ll_analysis_add_fields(&json, w->disparity[pair++], 1000000);
                ll_json_close(&json, '}');
            }
        ll_json_close(&json, ']');
    }
    ll_json_close(&json, '}');
    return ll_json_print(&json, stdout);
}

static void print_disparity(const work *w)
{
    int64_t pair = 0;
    char a_text[LL_NUMBER_TEXT], b_text[LL_NUMBER_TEXT];
    for (int a = 0; a < w->count; a++)
        for (int b = a + 1; b < w->count; b++, pair++) {
            const ll_record *found = w->disparity[pair];
            if (strcmp(ll_record_kind(found), "disparity") == 0)
                printf("  %s%% predicted differently; only the first right %.0f, only the second %.0f",
                       ll_print_number(100.0 * ll_analysis_real(found, "disagreement"), 3, a_text),
                       ll_analysis_real(found, "only_a"), ll_analysis_real(found, "only_b"));
            else
                printf("  outputs differ by %s (root mean square), at most %s",
                       ll_print_number(ll_analysis_real(found, "root_mean_square"), 4, a_text),
                       ll_print_number(ll_analysis_real(found, "l_infinity"), 4, b_text));
            printf("   %s, %s\n", w->model[a].name, w->model[b].name);
        }
}

static bool print_text(const work *w, const settings *s)
{
    const ll_problem_info *info = ll_problem_view(ll_setup_problem(w->setup));
    const ll_array *matrix;
    char text[LL_NUMBER_TEXT];
    if (ll_record_get_array(w->record, "matrix", &matrix, NULL) != LL_OK) return false;
    int64_t n = matrix->shape[0];
    printf("%s linear CKA at layer %s\n", s->variant, info->layer[w->layers[w->layer_count - 1]].name);
    for (int a = 0; a < w->count; a++) {
        for (int b = 0; b < w->count; b++) {
            double value =
                ll_array_get(matrix, ((a + 1) * w->layer_count - 1) * n + (b + 1) * w->layer_count - 1);
            printf("  %9s", isnan(value) ? "undefined" : ll_print_number(value, 4, text));
        }
        printf("   %s\n", w->model[a].name);
    }
    if (w->positions != NULL)
        printf("placed by %s, %s %s\n", ll_embedding_name(w->placement.method),
               w->placement.method == LL_EMBED_MDS ? "stress" : "divergence",
               ll_print_number(w->placement.quality, 4, text));
    for (int m = 0; m < w->count && w->positions != NULL; m++) {
        char other[LL_NUMBER_TEXT];
        printf("  %9s %9s   %s\n", ll_print_number(w->positions[2 * m], 4, text),
               ll_print_number(w->positions[2 * m + 1], 4, other), w->model[m].name);
    }
    if (w->disparity != NULL) print_disparity(w);
    return !ferror(stdout);
}

/* All entries against all, as a heat map; its rows name a model by its number among the arguments, as paths
 * would crowd out the layers. */
static ll_status draw(const settings *s, const work *w, const ll_figure_options *figure, ll_error *error)
{
    ll_text names = {0};
    for (int i = 0; i < w->count; i++) ll_text_format(&names, "%s%d", i > 0 ? "\n" : "", i + 1);
    ll_status status = names.failed ? ll_fail_memory(error, "losslens", names.capacity)
                                    : ll_record_set_text(w->record, "model_names", names.text, error);
    ll_text_deinit(&names);
    LL_TRY(status);
    const ll_record *const records[1] = {w->record};
    return ll_analysis_draw(s->figure.path, "cka", records, NULL, 1, NULL, figure, error);
}

static int run(int argc, char **argv)
{
    settings s = {.setup = LL_SETUP_FLAGS_DEFAULT,
                  .figure = ll_figure_settings_default(),
                  .variant = "debiased",
                  .embed = "mds"};
    s.setup.samples = 512;
    const ll_option options[] = {
        LL_SETUP_OPTIONS(&s.setup),
        LL_OPTION_SECTION("similarity"),
        {"variant", LL_OPTION_CHOICE, &s.variant, "biased|debiased|minibatch", "of the estimate", 0, 0, NULL},
        {"layer", LL_OPTION_TEXTS, &s.layer, "NAME", "compare only this layer; may be repeated; default: all",
         0, 0, NULL},
        {"batch", LL_OPTION_INTEGER, &s.batch, "N", "samples a batch of the minibatch variant", 4, 1e6, NULL},
        {"embed", LL_OPTION_CHOICE, &s.embed, "mds|tsne|umap", "how models are placed", 0, 0, NULL},
        {"disparity", LL_OPTION_FLAG, &s.disparity, NULL, "also how the predictions of each two differ", 0, 0,
         NULL},
        LL_ANALYSIS_OPTIONS(&s.pieces, &s.quiet),
        {"no-baseline", LL_OPTION_FLAG, &s.no_baseline, NULL, "leave out the value for random features", 0, 0,
         NULL},
        LL_FIGURE_OPTIONS(&s.figure),
        LL_OPTION_THREADS(&s.setup.threads),
        LL_OPTION_JSON(&s.json),
    };
    const ll_command command = {
        .verb = "cka",
        .usage = "CHECKPOINT... --network NAME --data SOURCE [options]",
        .about = "Linear CKA between all layers of all checkpoints on the same samples (debiased unless "
                 "told), the value for random "
                 "features beside it, and a map of the models at the last layer compared.",
        .example = "losslens cka seed0.pt seed1.pt --network resnet20 --shortcut B --data "
                   "cifar10:cifar-10-batches-bin --samples 500 --figure cka.pdf\n"
                   "losslens cka seed*.pt --network resnet20 --shortcut B --data "
                   "cifar10:cifar-10-batches-bin --layer pooled --embed umap --disparity",
        .options = options,
        .option_count = LL_COUNT(options),
        .least_words = 1,
        .most_words = MOST_MODELS};
    ll_words words;
    int code;
    if (!ll_command_parse(&command, argc, argv, &words, &code)) return code;
    ll_figure_options figure;
    s.setup.normalised_as = words.items[0];
    if (!ll_figure_settings_apply(&command, &s.figure, &figure, &code)) return code;
    work w = {0};
    ll_error error = {0};
    ll_status status = compute(&s, &w, &words, argc, argv, &error);
    if (status == LL_OK && s.figure.path != NULL) status = draw(&s, &w, &figure, &error);
    if (status != LL_OK) {
        work_deinit(&w);
        return ll_command_failure(&command, &error);
    }
    bool printed = s.json ? print_json(&w, &s) : print_text(&w, &s);
    work_deinit(&w);
    return printed ? LL_EXIT_OK : LL_EXIT_FAILURE;
}

const ll_verb ll_verb_cka = {"cka", "similarity of the layers of networks, and a map of the models", run};
