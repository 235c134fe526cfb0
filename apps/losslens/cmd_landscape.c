/* losslens landscape - the loss over a line, a plane or a box of directions around networks. */
#include "analysis.h"
#include "figure_options.h"
#include "landscape_axes.h"

#include "losslens/figures_records.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_NETWORKS = LL_LIST_LIMIT };

typedef struct settings {
    ll_setup_flags setup;
    ll_figure_settings figure;
    ll_axes_settings axes;
    const char *analytic, *grid, *batch_norm, *view, *pieces, *connectivity;
    ll_texts range;
    bool json, halves, metrics, gradient_norm, eigenvalues, quiet, own_directions, memory_only, scale_given;
    int64_t planes, calibration, batch, train;
    double adaptive;
    /* worked out from the above */
    int dimensions;
    int64_t size[LL_LANDSCAPE_MAX_DIMENSIONS];
    double low[LL_LANDSCAPE_MAX_DIMENSIONS], high[LL_LANDSCAPE_MAX_DIMENSIONS];
} settings;

/* One network at the centre of a landscape. */
typedef struct network {
    const char *name;
    void *theta, *buffers;     /* NULL: the Problem's own */
    const ll_axes_work *spans; /* its own axes, or those of the first network */
    ll_axes_work own;
    ll_record *record, *features;
    ll_finding finding[LL_FINDINGS];
    int findings;
} network;

typedef struct work {
    ll_setup *setup;
    ll_problem *analytic;
    ll_problem *problem; /* one of the two */
    network *network;
    int networks;
    ll_samples list[LL_ANALYSIS_TERMS], train[1];
    ll_halves halves;
    ll_sample_set set[4];
    int sets; /* 0: the Problem's default */
} work;

static void work_deinit(work *w)
{
    for (int i = 0; i < w->networks; i++) {
        network *n = &w->network[i];
        ll_record_destroy(n->record);
        ll_record_destroy(n->features);
        ll_axes_work_deinit(&n->own);
        ll_free(n->theta);
        ll_free(n->buffers);
    }
    ll_free(w->network);
    ll_halves_deinit(&w->halves);
    ll_problem_destroy(w->analytic);
    ll_setup_destroy(w->setup);
}

/* ------------------------------------------------------------------ what is asked for */

static bool parse_grid(const char *text, int64_t size[LL_LANDSCAPE_MAX_DIMENSIONS], int *dimensions)
{
    int count = 0;
    for (const char *at = text;; at++) {
        char *end;
        long long value = strtoll(at, &end, 10);
        if (end == at || value < 1 || value > 1000000 || count == LL_LANDSCAPE_MAX_DIMENSIONS) return false;
        size[count++] = value;
        at = end;
        if (*at == 0) break;
        if (*at != 'x' && *at != ',') return false;
    }
    *dimensions = count;
    return true;
}

static bool parse_range(const char *text, double *low, double *high)
{
    char *end;
    *low = strtod(text, &end);
    if (end == text || *end != ':') return false;
    const char *second = end + 1;
    *high = strtod(second, &end);
    return end != second && *end == 0 && isfinite(*low) && isfinite(*high) && *low < *high;
}

static ll_status open_analytic(const settings *s, work *w, ll_error *error)
{
    static const char *const names[] = {"quadratic", "rosenbrock", "himmelblau", "rastrigin", "two-well"};
    double values[LL_LANDSCAPE_MAX_DIMENSIONS];
    for (int d = 0; d < LL_LANDSCAPE_MAX_DIMENSIONS; d++) values[d] = 1.0 + d;
    ll_analytic_options options = {
        .type = LL_REAL_FLOAT64, .dimensions = s->dimensions < 2 ? 2 : s->dimensions, .values = values};
    for (int k = 0; k < LL_COUNT(names); k++)
        if (strcmp(names[k], s->analytic) == 0) options.kind = (ll_analytic_kind)k;
    return ll_problem_create_analytic(&options, &w->analytic, error);
}

static ll_status open_problem(const settings *s, work *w, ll_error *error)
{
    if (s->analytic != NULL) {
        LL_TRY(open_analytic(s, w, error));
        w->problem = w->analytic;
        return LL_OK;
    }
    ll_setup_role roles[3] = {ll_setup_flags_evaluate(&s->setup)};
    const ll_subset_request training = {
        .split = LL_SPLIT_TRAIN, .count = s->calibration, .seed = (uint64_t)s->setup.seed};
    int count = 0;
    roles[++count] = (ll_setup_role){.role = "calibrate", .choice = training, .optional = true};
    if (s->train > 0) {
        roles[++count] = (ll_setup_role){.role = "fit", .choice = training};
        roles[count].choice.count = s->train;
    }
    LL_TRY(ll_setup_flags_open(&s->setup, roles, s->setup.problem != NULL ? 0 : count + 1, &w->setup, error));
    w->problem = ll_setup_problem(w->setup);
    return ll_problem_origin(w->problem) != NULL ? LL_OK
                                                 : ll_fail(error, LL_INVALID_ARGUMENT, "losslens", NULL,
                                                           "the problem has no parameters to stand on");
}

static ll_status make_halves(work *w, ll_error *error)
{
    (void)ll_analysis_samples(w->problem, w->list);
    LL_TRY(ll_halves_init(w->problem, w->list, &w->halves, error));
    for (int h = 0; h < LL_HALVES_SETS; h++) w->set[w->sets++] = w->halves.set[h];
    return LL_OK;
}

/* The training samples of --with-train, evaluated in the same pass. */
static ll_status make_train(work *w, ll_error *error)
{
    const ll_problem_info *info = ll_problem_view(w->problem);
    if (info->terms != 1)
        return ll_fail(error, LL_UNSUPPORTED, "losslens", "--with-train", "wants a network with data");
    LL_TRY(ll_problem_role(w->problem, "fit", 0, &w->train[0].indices, &w->train[0].count, error));
    if (w->sets == 0) {
        (void)ll_analysis_samples(w->problem, w->list);
        w->set[w->sets++] = (ll_sample_set){"evaluate", w->list};
    }
    w->set[w->sets++] = (ll_sample_set){"train", w->train};
    return LL_OK;
}

/* ------------------------------------------------------------------ centres and directions */

static ll_status make_networks(const settings *s, const ll_words *words, work *w, ll_error *error)
{
    int count = 1 + words->count;
    w->network = ll_allocate_zeroed((size_t)count * sizeof *w->network);
    if (w->network == NULL) return ll_fail_memory(error, "losslens", (size_t)count * sizeof *w->network);
    for (int i = 0; i < count; i++) {
        network *n = &w->network[i];
        w->networks = i + 1;
        n->name = i > 0 ? words->items[i - 1] : s->setup.checkpoint;
        if (i > 0) LL_TRY(ll_setup_load(w->setup, n->name, &n->theta, &n->buffers, error));
        n->spans = &n->own;
        n->own.setup = w->setup;
        n->own.problem = w->problem;
        n->own.origin = n->theta != NULL ? n->theta : ll_problem_origin(w->problem);
        n->own.origin_buffers = n->buffers != NULL ? n->buffers : ll_problem_origin_buffers(w->problem);
        if (i > 0 && !s->own_directions) n->spans = &w->network[0].own;
        else LL_TRY(ll_axes_work_make(&s->axes, &n->own, s->dimensions, error));
    }
    return LL_OK;
}

static ll_landscape_options plan_of(const settings *s, const work *w, const network *n)
{
    ll_landscape_options options = {.axes = &n->spans->axes,
                                    .origin = n->own.origin,
                                    .origin_buffers = n->own.origin_buffers,
                                    .metrics = s->metrics,
                                    .gradient_norm = s->gradient_norm,
                                    .extreme_eigenvalues = s->eigenvalues,
                                    .batch_size = s->batch,
                                    .adaptive_tolerance = s->adaptive,
                                    .sets = w->sets > 0 ? w->set : NULL,
                                    .set_count = w->sets};
    (void)ll_batch_norm_parse(s->batch_norm, &options.batch_norm);
    bool between = strcmp(s->axes.kind, "between") == 0; /* alpha are shares of the way, or weights */
    for (int d = 0; d < s->dimensions; d++) {
        options.size[d] = s->size[d];
        options.low[d] = s->range.count > 0 ? s->low[d] : between ? 0.0 : -1.0;
        options.high[d] = s->range.count > 0 ? s->high[d] : 1.0;
    }
    if (s->range.count == 0 && n->spans->coordinates != NULL)
        ll_range_auto(n->spans->coordinates, n->spans->points, s->dimensions, 0.15, options.low,
                      options.high);
    return options;
}

/* ------------------------------------------------------------------ running */

static ll_status sample_planes(const settings *s, const work *w, network *n, const ll_sink *sink,
                               ll_error *error)
{
    const ll_landscape_options options = plan_of(s, w, n);
    ll_axes_options axes = ll_axes_settings_random(&s->axes, s->dimensions);
    return ll_landscape_planes(w->problem, &axes, &options, s->planes, sink, &n->record, error);
}

/* *stopped: interrupted; what is done is still a picture. */
static ll_status sample_one(const settings *s, const work *w, network *n, const ll_sink *sink, bool *stopped,
                            ll_error *error)
{
    const ll_landscape_options options = plan_of(s, w, n);
    ll_landscape *landscape = NULL;
    LL_TRY(ll_landscape_create(w->problem, &options, &landscape, error));
    ll_status status = LL_OK;
    if (s->memory_only) {
        size_t bytes = 0;
        char number[LL_NUMBER_TEXT];
        status = ll_landscape_memory(landscape, &bytes, error);
        if (status == LL_OK)
            printf("%s beyond the network and its data\n", ll_print_bytes((double)bytes, number));
    } else {
        status = ll_landscape_run(landscape, sink, error);
        *stopped = status == LL_CANCELLED;
        if (status == LL_OK || *stopped) status = ll_landscape_record(landscape, &n->record, error);
    }
    ll_landscape_destroy(landscape);
    if (status != LL_OK || s->memory_only) return status;
    LL_TRY(ll_axes_work_put(n->spans, n->record, error));
    if (n->name != NULL) LL_TRY(ll_record_set_text(n->record, "checkpoint", n->name, error));
    if (s->setup.samples > 0)
        LL_TRY(ll_record_set_integer(n->record, "samples_requested", "samples", s->setup.samples, error));
    LL_TRY(ll_landscape_check(n->record, n->finding, error));
    n->findings = LL_FINDINGS;
    return ll_landscape_features(n->record, s->connectivity, &n->features, error);
}

static ll_status sample_all(const settings *s, work *w, const ll_sink *sink, ll_error *error)
{
    if (s->planes > 1) return sample_planes(s, w, &w->network[0], sink, error);
    bool stopped = false;
    for (int i = 0; i < w->networks && !stopped; i++) {
        ll_prefixed_sink prefixed = {.outer = sink};
        snprintf(prefixed.prefix, sizeof prefixed.prefix, "network/%d/", i);
        const ll_sink own = ll_prefixed_sink_view(&prefixed);
        LL_TRY(sample_one(s, w, &w->network[i], i == 0 ? sink : &own, &stopped, error));
        if (s->memory_only) break;
        if (stopped)
            fprintf(stderr, "\nlosslens landscape: interrupted; points not done are NaN%s\n",
                    s->pieces != NULL ? "; the same command continues" : "");
        w->networks = stopped ? i + 1 : w->networks;
    }
    return LL_OK;
}

static ll_status compute(const settings *s, const ll_words *words, int argc, char **argv, work *w,
                         ll_error *error)
{
    LL_TRY(open_problem(s, w, error));
    if (s->halves) LL_TRY(make_halves(w, error));
    if (s->train > 0) LL_TRY(make_train(w, error));
    LL_TRY(make_networks(s, words, w, error));
    ll_analysis_sink watch;
    LL_TRY(ll_analysis_sink_init(&watch, s->pieces, s->quiet || s->json, argc, argv, error));
    ll_status status = sample_all(s, w, &watch.sink, error);
    ll_analysis_sink_end(&watch);
    return status;
}

/* ------------------------------------------------------------------ answers */

static void add_network(ll_json *json, const network *n)
{
    ll_analysis_add_fields(json, n->record, INT64_MAX);
    if (n->features != NULL) {
        ll_json_key(json, "features");
        ll_json_open(json, '{');
        ll_analysis_add_fields(json, n->features, INT64_MAX);
        ll_json_close(json, '}');
    }
    ll_json_key(json, "checks");
    ll_json_open(json, '[');
    for (int c = 0; c < n->findings; c++) {
        ll_json_open(json, '{');
        ll_json_add_text(json, "check", ll_finding_name(n->finding[c].check));
        ll_json_add_text(json, "verdict", ll_verdict_name(n->finding[c].verdict));
        ll_json_add_number(json, "number", n->finding[c].number);
        ll_json_add_text(json, "sentence", n->finding[c].sentence);
        ll_json_add_text(json, "next", n->finding[c].next);
        ll_json_close(json, '}');
    }
    ll_json_close(json, ']');
}

static bool print_json(const work *w)
{
    ll_json json = {0};
    ll_json_open(&json, '{');
    if (w->networks == 1) {
        add_network(&json, &w->network[0]);
    } else {
        ll_json_key(&json, "networks");
        ll_json_open(&json, '[');
        for (int i = 0; i < w->networks; i++) {
            ll_json_open(&json, '{');
            add_network(&json, &w->network[i]);
            ll_json_close(&json, '}');
        }
        ll_json_close(&json, ']');
    }
    ll_json_close(&json, '}');
    return ll_json_print(&json, stdout);
}

static void print_number(const ll_record *record, const char *name, const char *label)
{
    char text[LL_NUMBER_TEXT];
    if (ll_record_find(record, name) != NULL)
        printf("  %-34s %s\n", label, ll_print_number(ll_analysis_real(record, name), 6, text));
}

static void print_field(const ll_record *record, const char *name)
{
    const ll_array *loss;
    char text[2][LL_NUMBER_TEXT];
    if (ll_record_find(record, name) == NULL || ll_record_get_array(record, name, &loss, NULL) != LL_OK)
        return;
    double least = INFINITY, most = -INFINITY;
    for (int64_t p = 0; p < ll_array_count(loss); p++) {
        double value = ll_array_get(loss, p);
        if (!isfinite(value)) continue;
        least = fmin(least, value);
        most = fmax(most, value);
    }
    printf("%s over", name);
    for (int d = 0; d < loss->rank; d++) printf("%s%lld", d > 0 ? " x " : " ", (long long)loss->shape[d]);
    printf(" points: lowest %s, highest %s\n", ll_print_number(least, 6, text[0]),
           ll_print_number(most, 6, text[1]));
}

static void print_features(const ll_record *features)
{
    char text[LL_NUMBER_TEXT];
    double minima = ll_analysis_real(features, "minima");
    printf("  %.0f %s (%s)", minima, minima == 1.0 ? "minimum" : "minima",
           ll_analysis_text(features, "connectivity"));
    if (ll_record_find(features, "minima_resolved") != NULL)
        printf(", %.0f beyond what two halves of the data differ by (%s)",
               ll_analysis_real(features, "minima_resolved"),
               ll_print_number(ll_analysis_real(features, "halves_difference"), 3, text));
    if (ll_record_find(features, "minima_every_second") != NULL)
        printf(", %.0f at every second point", ll_analysis_real(features, "minima_every_second"));
    printf("\n");
}

static void print_adaptive(const ll_record *record)
{
    char a[LL_NUMBER_TEXT], b[LL_NUMBER_TEXT];
    if (ll_record_find(record, "adaptive_tolerance") == NULL) return;
    printf("  %.0f of %.0f points evaluated, the others interpolated; error on %.0f of them: %s (root mean "
           "square), %s at most\n",
           ll_analysis_real(record, "points_evaluated"), ll_analysis_real(record, "points"),
           ll_analysis_real(record, "measured_error_points"),
           ll_print_number(ll_analysis_real(record, "measured_error_rms"), 3, a),
           ll_print_number(ll_analysis_real(record, "measured_error_max"), 3, b));
}

/* Of landscapes over several planes: how far apart they are. */
static void print_spread(const ll_record *record)
{
    const ll_array *spread;
    double sum = 0.0;
    char text[LL_NUMBER_TEXT];
    if (ll_record_find(record, "loss_standard_deviation") == NULL ||
        ll_record_get_array(record, "loss_standard_deviation", &spread, NULL) != LL_OK)
        return;
    for (int64_t p = 0; p < ll_array_count(spread); p++) sum += ll_array_get(spread, p);
    printf("  %.0f planes; standard deviation between them %s, mean over the points\n",
           ll_analysis_real(record, "planes"),
           ll_print_number(sum / (double)ll_array_count(spread), 4, text));
}

static void print_network(const network *n)
{
    print_field(n->record, ll_record_find(n->record, "loss_mean") != NULL ? "loss_mean" : "loss");
    print_field(n->record, "train_loss");
    print_number(n->record, "centre_loss", "loss of the checkpoint itself");
    print_number(n->record, "centre_reestimated_loss", "with batch norm re-estimated");
    print_adaptive(n->record);
    print_spread(n->record);
    if (n->features != NULL) print_features(n->features);
    if (n->findings > 0) printf("\nis my plot right?\n");
    for (int c = 0; c < n->findings; c++) {
        const ll_finding *f = &n->finding[c];
        printf("  %-5s %-19s %s\n", ll_verdict_name(f->verdict), ll_finding_name(f->check), f->sentence);
        if (f->next[0] != 0) printf("  %-25s next: %s\n", "", f->next);
    }
}

static bool print_text(const work *w)
{
    for (int i = 0; i < w->networks; i++) {
        if (w->networks > 1)
            printf("%s%s\n", i > 0 ? "\n" : "", w->network[i].name != NULL ? w->network[i].name : "(first)");
        print_network(&w->network[i]);
    }
    return !ferror(stdout);
}

/* The last part of a path, as a title. */
static const char *short_name(const char *path)
{
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;
    return slash != NULL ? slash + 1 : path;
}

static ll_status draw(const settings *s, const work *w, const ll_figure_options *options, ll_error *error)
{
    const ll_record *records[MOST_NETWORKS];
    const char *titles[MOST_NETWORKS];
    for (int i = 0; i < w->networks; i++) {
        records[i] = w->network[i].record;
        titles[i] = w->networks > 1 ? short_name(w->network[i].name) : NULL;
    }
    const ll_record_panel_options view = {.scale_given = s->scale_given};
    return ll_analysis_draw(s->figure.path, s->dimensions == 1 ? "line" : s->view, records, titles,
                            w->networks, &view, options, error);
}

/* ------------------------------------------------------------------ the line */

/* NULL, or what is wrong with the combination. */
static const char *contradiction(const settings *s, const ll_words *words)
{
    bool between = strcmp(s->axes.kind, "between") == 0, gradient = strcmp(s->axes.kind, "gradient") == 0;
    bool adam = strcmp(s->axes.kind, "adam") == 0;
    if (between && (s->axes.to.count < 1 || s->axes.to.count > 3))
        return "--direction between wants --to once to three times";
    if ((gradient || adam || (between && s->axes.to.count == 1)) && s->dimensions != 1)
        return "this direction has one axis; --grid has more";
    if (between && s->axes.to.count > 1 && s->dimensions != 2)
        return "a plane through checkpoints has two axes; --grid has another number";
    if (strcmp(s->axes.kind, "pca") == 0 && s->axes.trajectory.count < 1)
        return "--direction pca wants --trajectory";
    if (strcmp(s->axes.kind, "file") == 0 && s->axes.files.count != s->dimensions)
        return "--direction file wants --direction-file once an axis";
    if (adam && s->axes.moments == NULL) return "--direction adam wants --moments";
    if (s->axes.barycentric && (!between || s->axes.to.count != 2))
        return "--barycentric wants --direction between and --to twice";
    bool files =
        between || adam || s->axes.trajectory.count > 0 || s->axes.files.count > 0 || words->count > 0;
    if (files && s->analytic != NULL) return "a closed form has no checkpoints";
    if (s->planes > 1 && strcmp(s->axes.kind, "random") != 0) return "--planes wants random directions";
    if (s->planes > 1 && words->count > 0) return "--planes takes one network at a time";
    if (strcmp(s->axes.kind, "coordinates") == 0 && s->analytic == NULL)
        return "--direction coordinates wants --analytic";
    if (words->count > 0 && s->setup.checkpoint == NULL)
        return "the first network is that of --checkpoint; the others follow";
    if (s->figure.path != NULL && s->dimensions > 2 &&
        (strcmp(s->view, "contour") == 0 || strcmp(s->view, "surface") == 0))
        return "contours and surfaces show two axes; --kind tree, profile, diagram or barcode shows more";
    return NULL;
}

static int run(int argc, char **argv)
{
    settings s = {.setup = LL_SETUP_FLAGS_DEFAULT,
                  .figure = ll_figure_settings_default(),
                  .grid = "25x25",
                  .batch_norm = "auto",
                  .axes = {.kind = "random", .small = "auto"},
                  .view = "contour",
                  .planes = 1,
                  .calibration = 1000,
                  .batch = 500,
                  .connectivity = "freudenthal"};
    const ll_option options[] = {
        LL_SETUP_OPTIONS(&s.setup),
        LL_OPTION_SECTION("landscape"),
        {"analytic", LL_OPTION_CHOICE, &s.analytic, "quadratic|rosenbrock|himmelblau|rastrigin|two-well",
         "a closed form instead of a network", 0, 0, NULL},
        {"grid", LL_OPTION_TEXT, &s.grid, "AxBx..", "points along each axis, 1 to 6 axes", 0, 0, NULL},
        {"range", LL_OPTION_TEXTS, &s.range, "LOW:HIGH",
         "of all axes, or repeated once an axis; auto: what holds the path with a margin, else -1:1", 0, 0,
         NULL},
        {"direction", LL_OPTION_CHOICE, &s.axes.kind,
         "random|hessian|pca|between|gradient|coordinates|file|adam", "what spans the landscape", 0, 0, NULL},
        {"to", LL_OPTION_TEXTS, &s.axes.to, "FILE",
         "between: the other checkpoint (line), two (plane) or three (bilinear)", 0, 0, NULL},
        {"trajectory", LL_OPTION_TEXTS, &s.axes.trajectory, "FILE",
         "a checkpoint of the path, in order, or a quoted pattern run/epoch_*.pt (in the order of the stored "
         "epochs, else natural); each pattern is a path of its own",
         0, 0, NULL},
        {"direction-file", LL_OPTION_TEXTS, &s.axes.files, "FILE",
         "file: tensors of the network's names, once an axis", 0, 0, NULL},
        {"moments", LL_OPTION_TEXT, &s.axes.moments, "FILE",
         "adam: a checkpoint with the optimiser's exp_avg and exp_avg_sq", 0, 0, NULL},
        {"barycentric", LL_OPTION_FLAG, &s.axes.barycentric, NULL,
         "between two others: axes are the weights of the checkpoints", 0, 0, NULL},
        {"uncentred", LL_OPTION_FLAG, &s.axes.uncentred, NULL, "pca about the end instead of the mean", 0, 0,
         NULL},
        {"own-directions", LL_OPTION_FLAG, &s.own_directions, NULL,
         "further networks get directions of their own instead of the first one's", 0, 0, NULL},
        {"normalise", LL_OPTION_CHOICE, &s.axes.normalise, "none|model|layer|filter",
         "length of directions; default: filter for random ones", 0, 0, NULL},
        {"small-tensors", LL_OPTION_CHOICE, &s.axes.small, "auto|zero|keep|copy",
         "directions of biases and norms", 0, 0, NULL},
        {"orthogonal", LL_OPTION_FLAG, &s.axes.orthogonal, NULL, "make the axes orthogonal", 0, 0, NULL},
        {"direction-seed", LL_OPTION_INTEGER, &s.axes.seed, "N", "of the random directions", 0, 1e15, NULL},
        {"planes", LL_OPTION_INTEGER, &s.planes, "R", "repeat over R seeds; mean and spread", 1, 1000, NULL},
        {"batch-norm", LL_OPTION_CHOICE, &s.batch_norm, "auto|keep|re-estimate|batch",
         "statistics at the other points", 0, 0, NULL},
        {"calibration", LL_OPTION_INTEGER, &s.calibration, "N", "training samples that re-estimate them", 1,
         1e9, NULL},
        {"batch", LL_OPTION_INTEGER, &s.batch, "N", "samples a batch of statistics", 1, 1e9, NULL},
        {"with-train", LL_OPTION_INTEGER, &s.train, "N",
         "also the loss on N training samples, in the same pass", 0, 1e9, NULL},
        {"halves", LL_OPTION_FLAG, &s.halves, NULL,
         "also two halves of the data: how much is noise, which features are real", 0, 0, NULL},
        {"connectivity", LL_OPTION_CHOICE, &s.connectivity, "axis|freudenthal|freudenthal-plus|box",
         "neighbours, for counting minima", 0, 0, NULL},
        {"metrics", LL_OPTION_FLAG, &s.metrics, NULL,
         "also the error against a reference solution, which has many times the points", 0, 0, NULL},
        {"gradient-norm", LL_OPTION_FLAG, &s.gradient_norm, NULL, "also at every point", 0, 0, NULL},
        {"eigenvalues", LL_OPTION_FLAG, &s.eigenvalues, NULL, "also the extreme eigenvalues at every point",
         0, 0, NULL},
        {"adaptive", LL_OPTION_REAL, &s.adaptive, "E",
         "interpolate where that is right within E of the range", 0, 1, NULL},
        {"kind", LL_OPTION_CHOICE, &s.view, "contour|surface|diagram|barcode|tree|profile",
         "of the figure, with two axes or more", 0, 0, NULL},
        {"how-much-memory", LL_OPTION_FLAG, &s.memory_only, NULL,
         "say how much memory it would take, and stop", 0, 0, NULL},
        LL_ANALYSIS_OPTIONS(&s.pieces, &s.quiet),
        LL_FIGURE_OPTIONS_GIVEN(&s.figure, NULL, &s.scale_given),
        LL_OPTION_THREADS(&s.setup.threads),
        LL_OPTION_JSON(&s.json),
    };
    const ll_command command = {
        .verb = "landscape",
        .usage = "--network NAME --checkpoint FILE --data SOURCE [options] [MORE]",
        .about =
            "The loss over directions around a network (random, Hessian, trajectory, other checkpoints), and "
            "whether the "
            "picture can be trusted. Further checkpoints get the same directions. Ctrl-C keeps what is done.",
        .example =
            "losslens landscape --network resnet20 --shortcut B --checkpoint model.pt --data "
            "cifar10:cifar-10-batches-bin "
            "--mean .4914,.4822,.4465 --std .2023,.1994,.2010 --samples 500 --grid 25x25 --range -1:1 "
            "--figure out.pdf\n"
            "losslens landscape --network resnet20 --checkpoint run/epoch_90.pt --data "
            "cifar10:cifar-10-batches-bin "
            "--direction pca --trajectory 'run/epoch_*.pt' --figure path.pdf\n"
            "losslens landscape --analytic rosenbrock --direction coordinates --grid 41x41 --range -2:2",
        .options = options,
        .option_count = LL_COUNT(options),
        .least_words = 0,
        .most_words = MOST_NETWORKS - 1};
    ll_words words;
    int code;
    if (!ll_command_parse(&command, argc, argv, &words, &code)) return code;
    ll_figure_options figure;
    if (!ll_figure_settings_apply(&command, &s.figure, &figure, &code)) return code;
    if (!parse_grid(s.grid, s.size, &s.dimensions))
        return ll_command_misuse(&command, "--grid is '%s'; wanted 1 to 6 sizes, as 25x25", s.grid);
    if (s.range.count > 1 && s.range.count != s.dimensions)
        return ll_command_misuse(&command, "%d ranges for %d axes; wanted one, or one an axis", s.range.count,
                                 s.dimensions);
    if (s.range.count == 1 && strcmp(s.range.items[0], "auto") == 0) s.range.count = 0;
    for (int d = 0; d < s.dimensions && s.range.count > 0; d++)
        if (!parse_range(s.range.items[s.range.count > 1 ? d : 0], &s.low[d], &s.high[d]))
            return ll_command_misuse(&command, "--range '%s'; wanted LOW:HIGH with LOW < HIGH, or auto",
                                     s.range.items[s.range.count > 1 ? d : 0]);
    const char *wrong = contradiction(&s, &words);
    if (wrong != NULL) return ll_command_misuse(&command, "%s", wrong);
    /* The variables of a closed form are no filters. */
    if (s.analytic != NULL && strcmp(s.axes.kind, "random") == 0 && s.axes.normalise == NULL)
        s.axes.normalise = "none";

    work w = {0};
    ll_error error = {0};
    ll_status status = compute(&s, &words, argc, argv, &w, &error);
    if (status == LL_OK && s.figure.path != NULL && !s.memory_only) status = draw(&s, &w, &figure, &error);
    if (status != LL_OK) code = ll_command_failure(&command, &error);
    else if (s.memory_only) code = LL_EXIT_OK;
    else code = (s.json ? print_json(&w) : print_text(&w)) ? LL_EXIT_OK : LL_EXIT_FAILURE;
    work_deinit(&w);
    return code;
}

const ll_verb ll_verb_landscape = {
    "landscape", "the loss over directions around a network, and whether the picture is right", run};
