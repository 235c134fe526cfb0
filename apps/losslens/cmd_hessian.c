/* losslens hessian - eigenvalues, trace, spectral density and negative curvature at a network's weights. */
#include "analysis.h"
#include "figure_options.h"

#include "losslens/curvature.h"
#include "losslens/formats.h"
#include "losslens/problem_vectors.h"

#include <string.h>

typedef struct settings {
    ll_setup_flags setup;
    ll_figure_settings figure;
    const char *end, *parameter, *pieces, *warm, *save;
    int64_t top, steps, probes, products, subsets;
    double tolerance;
    bool json, quiet, ggn, trace, hutchpp, density, negative, diagonal, memory_only, scale_given;
} settings;

static ll_eigen_options eigen_options(const settings *s)
{
    static const char *const ends[] = {"largest", "smallest", "both", "magnitude"};
    ll_eigen_options options = {.count = s->top,
                                .tolerance = s->tolerance,
                                .max_products = s->products,
                                .seed = (uint64_t)s->setup.seed,
                                .sampling_subsets = s->subsets == 1 ? -1 : s->subsets};
    for (int e = 0; e < LL_COUNT(ends); e++)
        if (strcmp(ends[e], s->end) == 0) options.end = (ll_eigen_end)e;
    return options;
}

/* Eigenvectors of an earlier run as a start: rows of an array, in the problem's type. */
typedef struct warm_start {
    void *block;
    const void **vector;
    int64_t count;
} warm_start;

static void warm_deinit(warm_start *warm)
{
    ll_free(warm->block);
    ll_free(warm->vector);
}

static ll_status warm_read(const settings *s, const ll_curvature_target *target, warm_start *warm,
                           ll_error *error)
{
    const ll_problem_info *info = ll_problem_view(target->problem);
    ll_tensor_file *file = NULL;
    LL_TRY(ll_tensor_file_read(s->warm, NULL, &file, error));
    const ll_tensor *rows = ll_tensor_file_count(file) > 0 ? ll_tensor_file_tensor(file, 0) : NULL;
    bool fits =
        rows != NULL && rows->rank == 2 && (s->parameter != NULL || rows->shape[1] == info->parameter_count);
    ll_status status = fits ? LL_OK
                            : ll_fail(error, LL_SHAPE, "losslens", s->warm,
                                      "wanted an array [vectors, %lld], as --save-vectors writes",
                                      (long long)info->parameter_count);
    if (status == LL_OK) {
        int64_t count = rows->shape[0], length = rows->shape[1];
        double *values = ll_allocate_array(count * length + 1, sizeof *values);
        warm->block = ll_allocate_array(count * length + 1, ll_real_bytes(info->type));
        warm->vector = ll_allocate_array(count + 1, sizeof *warm->vector);
        warm->count = count;
        if (values == NULL || warm->block == NULL || warm->vector == NULL)
            status = ll_fail_memory(error, "losslens", (size_t)(count * length) * sizeof *values);
        if (status == LL_OK) {
            ll_tensor_to_float64(rows, values);
            ll_vector_from_double(info->type, count * length, values, warm->block);
            for (int64_t k = 0; k < count; k++)
                warm->vector[k] = ll_vector_at(info->type, warm->block, k * length);
        }
        ll_free(values);
    }
    ll_tensor_file_destroy(file);
    return status;
}

static ll_status save_vectors(const settings *s, const ll_record *record, ll_error *error)
{
    const ll_array *vectors;
    LL_TRY(ll_record_get_array(record, "eigenvectors", &vectors, error));
    const ll_tensor tensor = {.name = "eigenvectors",
                              .rank = 2,
                              .shape = {vectors->shape[0], vectors->shape[1]},
                              .type =
                                  vectors->type == LL_ARRAY_FLOAT32 ? LL_TENSOR_FLOAT32 : LL_TENSOR_FLOAT64,
                              .data = vectors->data};
    return ll_npy_write(s->save, &tensor, error);
}

static ll_status pairs(const settings *s, const ll_curvature_target *target, const ll_sink *sink,
                       ll_record **record, ll_error *error)
{
    ll_eigen_options eigen = eigen_options(s);
    warm_start warm = {0};
    ll_status status = s->warm != NULL ? warm_read(s, target, &warm, error) : LL_OK;
    eigen.warm = warm.vector;
    eigen.warm_count = warm.count;
    if (status == LL_OK)
        status = s->negative ? ll_curvature_negative(target, &eigen, 0, sink, record, error)
                             : ll_curvature_eigenpairs(target, &eigen, sink, record, error);
    warm_deinit(&warm);
    return status == LL_OK && s->save != NULL ? save_vectors(s, *record, error) : status;
}

static ll_status analyse(const settings *s, const ll_curvature_target *target, const ll_sink *sink,
                         ll_record **record, ll_error *error)
{
    if (s->density) {
        ll_density_options density = {
            .steps = s->steps, .probes = s->probes, .seed = (uint64_t)s->setup.seed};
        return ll_curvature_density(target, &density, sink, record, error);
    }
    if (s->trace) {
        ll_trace_options trace = {.method = s->hutchpp ? LL_TRACE_HUTCHPP : LL_TRACE_HUTCHINSON,
                                  .max_probes = s->probes,
                                  .seed = (uint64_t)s->setup.seed};
        if (s->probes > 0 && s->probes < 8) trace.min_probes = s->probes;
        return ll_curvature_trace(target, &trace, sink, record, error);
    }
    if (s->diagonal) {
        ll_trace_options diagonal = {.max_probes = s->probes, .seed = (uint64_t)s->setup.seed};
        if (s->probes > 0 && s->probes < 8) diagonal.min_probes = s->probes;
        return ll_curvature_diagonal(target, &diagonal, sink, record, error);
    }
    return pairs(s, target, sink, record, error);
}

/* ------------------------------------------------------------------ answers */

static void print_pairs(const ll_record *record)
{
    const ll_array *values = NULL, *residuals = NULL, *errors = NULL;
    char a[LL_NUMBER_TEXT], b[LL_NUMBER_TEXT], c[LL_NUMBER_TEXT];
    if (ll_record_get_array(record, "eigenvalues", &values, NULL) != LL_OK ||
        ll_record_get_array(record, "residuals", &residuals, NULL) != LL_OK)
        return;
    bool sampled = ll_record_get_array(record, "sampling_error", &errors, NULL) == LL_OK;
    printf("  %4s %14s %12s %16s\n", "", "eigenvalue", "residual", sampled ? "sampling error" : "");
    for (int64_t i = 0; i < values->shape[0]; i++)
        printf("  %4lld %14s %12s %16s\n", (long long)(i + 1), ll_print_number(ll_array_get(values, i), 6, a),
               ll_print_number(ll_array_get(residuals, i), 2, b),
               sampled ? ll_print_number(ll_array_get(errors, i), 2, c) : "");
    printf("  %s; %.0f products\n", ll_analysis_text(record, "reason"), ll_analysis_real(record, "products"));
}

static void print_tensors(const ll_record *record)
{
    const ll_array *traces = NULL, *errors = NULL;
    char a[LL_NUMBER_TEXT], b[LL_NUMBER_TEXT];
    if (ll_record_get_array(record, "tensor_trace", &traces, NULL) != LL_OK ||
        ll_record_get_array(record, "tensor_standard_error", &errors, NULL) != LL_OK)
        return;
    const char *name = ll_analysis_text(record, "tensor_names");
    for (int64_t i = 0; i < traces->shape[0]; i++) {
        const char *end = strchr(name, '\n');
        int length = end != NULL ? (int)(end - name) : (int)strlen(name);
        printf("    %-40.*s %12s +- %s\n", length, name, ll_print_number(ll_array_get(traces, i), 4, a),
               ll_print_number(ll_array_get(errors, i), 2, b));
        name += length + (end != NULL);
    }
}

static void print_text(const ll_record *record, const char *notes)
{
    char a[LL_NUMBER_TEXT], b[LL_NUMBER_TEXT];
    const char *kind = ll_record_kind(record);
    printf("%s: %s of %s, %.0f samples\n", ll_analysis_text(record, "problem"), kind,
           ll_analysis_text(record, "operator"), ll_analysis_real(record, "samples"));
    if (strcmp(kind, "diagonal") == 0) {
        const ll_array *values = NULL;
        double sum = 0.0, most = -INFINITY, least = INFINITY;
        if (ll_record_get_array(record, "diagonal", &values, NULL) != LL_OK) return;
        for (int64_t i = 0; i < ll_array_count(values); i++) {
            sum += ll_array_get(values, i);
            most = fmax(most, ll_array_get(values, i));
            least = fmin(least, ll_array_get(values, i));
        }
        printf("  sum %s, entries %s to", ll_print_number(sum, 5, a), ll_print_number(least, 4, b));
        printf(" %s; relative error %s (%.0f probes, %s)\n", ll_print_number(most, 4, a),
               ll_print_number(ll_analysis_real(record, "relative_error"), 2, b),
               ll_analysis_real(record, "probes"), ll_analysis_text(record, "reason"));
        printf("  (all entries with their standard errors: --json)\n");
    } else if (strcmp(kind, "trace") == 0) {
        printf("  trace %s +- %s (%.0f probes, %s)\n",
               ll_print_number(ll_analysis_real(record, "trace"), 6, a),
               ll_print_number(ll_analysis_real(record, "standard_error"), 2, b),
               ll_analysis_real(record, "probes"), ll_analysis_text(record, "reason"));
        print_tensors(record);
    } else if (strcmp(kind, "density") == 0) {
        const ll_array *moments = NULL, *errors = NULL;
        if (ll_record_get_array(record, "moments", &moments, NULL) == LL_OK &&
            ll_record_get_array(record, "moment_standard_error", &errors, NULL) == LL_OK)
            for (int64_t k = 1; k < moments->shape[0]; k++)
                printf("  mean of lambda^%lld   %12s +- %s\n", (long long)k,
                       ll_print_number(ll_array_get(moments, k), 5, a),
                       ll_print_number(ll_array_get(errors, k), 2, b));
        printf("  below zero         %12s +- %s of the spectrum\n",
               ll_print_number(ll_analysis_real(record, "negative_mass"), 4, a),
               ll_print_number(ll_analysis_real(record, "negative_mass_standard_error"), 2, b));
        printf("  (nodes, weights and the smoothed density: --json)\n");
    } else {
        print_pairs(record);
        if (strcmp(kind, "negative_curvature") == 0)
            printf("  %.0f negative beyond their residual; |lambda_min| / lambda_max = %s\n",
                   ll_analysis_real(record, "negative_count"),
                   ll_print_number(ll_analysis_real(record, "ratio"), 3, a));
    }
    if (ll_analysis_real(record, "emulated_step") > 0)
        printf("  products by differences of gradients, relative error about %s\n",
               ll_print_number(ll_analysis_real(record, "emulated_error"), 2, a));
    if (notes[0] != 0) printf("\n%s", notes);
}

static ll_status work(const settings *s, int argc, char **argv, ll_setup **setup, ll_record **record,
                      ll_error *error)
{
    LL_TRY(ll_analysis_open(&s->setup, 1024, setup, error));
    ll_problem *problem = ll_setup_problem(*setup);
    ll_samples lists[LL_ANALYSIS_TERMS] = {{0}};
    ll_analysis_samples(problem, lists);
    ll_curvature_target target = {.problem = problem,
                                  .samples = lists,
                                  .parameter = s->parameter,
                                  .allow_emulation = true,
                                  .product = s->ggn ? LL_PRODUCT_GGN : LL_PRODUCT_HESSIAN};
    if (s->memory_only) {
        size_t bytes = 0;
        char number[LL_NUMBER_TEXT];
        ll_eigen_options eigen = eigen_options(s);
        ll_density_options density = {.steps = s->steps, .probes = s->probes};
        LL_TRY(s->density ? ll_curvature_density_memory(&target, &density, &bytes, error)
                          : ll_curvature_eigenpairs_memory(&target, &eigen, &bytes, error));
        printf("%s beyond the network and its data\n", ll_print_bytes((double)bytes, number));
        return LL_OK;
    }
    ll_analysis_sink watch;
    LL_TRY(ll_analysis_sink_init(&watch, s->pieces, s->quiet || s->json, argc, argv, error));
    ll_status status = analyse(s, &target, &watch.sink, record, error);
    ll_analysis_sink_end(&watch);
    return status;
}

static int run(int argc, char **argv)
{
    settings s = {.setup = LL_SETUP_FLAGS_DEFAULT, .figure = ll_figure_settings_default(), .end = "largest"};
    const ll_option options[] = {
        LL_SETUP_OPTIONS(&s.setup),
        LL_OPTION_SECTION("curvature"),
        {"top", LL_OPTION_INTEGER, &s.top, "K", "how many eigenpairs; 0: 10", 0, 10000, NULL},
        {"end", LL_OPTION_CHOICE, &s.end, "largest|smallest|both|magnitude", "which end of the spectrum", 0,
         0, NULL},
        {"tolerance", LL_OPTION_REAL, &s.tolerance, "T", "residual |Hv - lambda v| / |lambda|; 0: 1e-3", 0, 1,
         NULL},
        {"products", LL_OPTION_INTEGER, &s.products, "N", "most Hessian products; 0: 2000", 0, 1e9, NULL},
        {"ggn", LL_OPTION_FLAG, &s.ggn, NULL, "the Gauss-Newton matrix instead", 0, 0, NULL},
        {"parameter", LL_OPTION_TEXT, &s.parameter, "NAME", "the diagonal block of one parameter tensor", 0,
         0, NULL},
        {"trace", LL_OPTION_FLAG, &s.trace, NULL, "trace, whole and per tensor, with standard errors", 0, 0,
         NULL},
        {"hutchpp", LL_OPTION_FLAG, &s.hutchpp, NULL, "trace by Hutch++", 0, 0, NULL},
        {"density", LL_OPTION_FLAG, &s.density, NULL, "spectral density by Lanczos quadrature", 0, 0, NULL},
        {"negative", LL_OPTION_FLAG, &s.negative, NULL, "report on negative curvature", 0, 0, NULL},
        {"diagonal", LL_OPTION_FLAG, &s.diagonal, NULL, "the diagonal, entry by entry, with standard errors",
         0, 0, NULL},
        {"subsets", LL_OPTION_INTEGER, &s.subsets, "N",
         "disjoint parts of the data for the sampling error, 1: none; 0: 5", 0, 1000, NULL},
        {"save-vectors", LL_OPTION_TEXT, &s.save, "OUT.npy", "write the eigenvectors", 0, 0, NULL},
        {"warm", LL_OPTION_TEXT, &s.warm, "FILE.npy", "start from eigenvectors of an earlier run", 0, 0,
         NULL},
        {"probes", LL_OPTION_INTEGER, &s.probes, "N", "trace: most probes (0: 500); density: probes (0: 10)",
         0, 1e6, NULL},
        {"steps", LL_OPTION_INTEGER, &s.steps, "M", "density: Lanczos steps a probe; 0: 80", 0, 10000, NULL},
        {"how-much-memory", LL_OPTION_FLAG, &s.memory_only, NULL,
         "say how much memory it would take, and stop", 0, 0, NULL},
        LL_ANALYSIS_OPTIONS(&s.pieces, &s.quiet),
        LL_FIGURE_OPTIONS_GIVEN(&s.figure, NULL, &s.scale_given),
        LL_OPTION_THREADS(&s.setup.threads),
        LL_OPTION_JSON(&s.json),
    };
    const ll_command command = {
        .verb = "hessian",
        .usage = "--network NAME --checkpoint FILE --data SOURCE [options]",
        .about = "Curvature of the loss at a network's weights: exact second derivatives on stated samples "
                 "(a stratified "
                 "choice of 1,024 unless told), batch norm kept. Eigenpairs come with measured residuals and "
                 "sampling errors.",
        .example = "losslens hessian --network resnet20 --shortcut B --checkpoint model.pt --data "
                   "cifar10:cifar-10-batches-bin "
                   "--mean .4914,.4822,.4465 --std .2023,.1994,.2010 --samples 500 --top 10\n"
                   "losslens hessian --problem convection --beta 1 --checkpoint pinn.pt --float64 --trace\n"
                   "losslens hessian --problem convection --beta 1 --checkpoint pinn.pt --density --figure "
                   "density.pdf",
        .options = options,
        .option_count = LL_COUNT(options),
        .least_words = 0,
        .most_words = 0};
    ll_words words;
    int code;
    if (!ll_command_parse(&command, argc, argv, &words, &code)) return code;
    if (s.trace + s.density + s.negative + s.diagonal > 1)
        return ll_command_misuse(&command, "one of --trace, --density, --negative, --diagonal at a time");
    if ((s.warm != NULL || s.save != NULL) && (s.trace || s.density || s.diagonal))
        return ll_command_misuse(&command, "--warm and --save-vectors go with eigenpairs");
    if (s.figure.path != NULL && (s.negative || s.diagonal))
        return ll_command_misuse(&command, "--figure shows eigenpairs, --trace or --density");
    ll_figure_options figure;
    if (!ll_figure_settings_apply(&command, &s.figure, &figure, &code)) return code;
    ll_error error = {0};
    ll_setup *setup = NULL;
    ll_record *record = NULL;
    code = LL_EXIT_OK;
    ll_status status = work(&s, argc, argv, &setup, &record, &error);
    if (status == LL_OK && record != NULL && s.figure.path != NULL) {
        const ll_record *shown = record;
        const ll_record_panel_options how = {.scale_given = s.scale_given};
        status = ll_analysis_draw(s.figure.path,
                                  s.density ? "density"
                                  : s.trace ? "layers"
                                            : "eigenvalues",
                                  &shown, NULL, 1, &how, &figure, &error);
    }
    if (status != LL_OK) code = ll_command_failure(&command, &error);
    else if (record != NULL && s.json)
        code = ll_analysis_print_json(record, 100000, ll_setup_notes(setup)) ? LL_EXIT_OK : LL_EXIT_FAILURE;
    else if (record != NULL) print_text(record, ll_setup_notes(setup));
    ll_record_destroy(record);
    ll_setup_destroy(setup);
    return code;
}

const ll_verb ll_verb_hessian = {"hessian", "eigenvalues, trace and spectrum of the Hessian", run};
