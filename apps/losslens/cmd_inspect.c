/* losslens inspect - what is in a file of weights or data. */
#include "inspect_guess.h"
#include "json.h"
#include "options.h"

#include "losslens/data.h"
#include "losslens/networks.h"
#include "losslens/parallel.h"

#include <lapacke.h>
#include <stdlib.h>
#include <string.h>

typedef struct settings {
    bool json, suggest, spectra, networks;
    int64_t threads;
} settings;

/* ------------------------------------------------------------------ numbers of one tensor */

typedef struct measures {
    int64_t count, not_finite, zeros;
    double norm, mean, least, most; /* of the finite elements */
} measures;

static measures measure(const ll_tensor *tensor)
{
    measures m = {.count = ll_tensor_count(tensor), .least = INFINITY, .most = -INFINITY};
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < m.count; i++) {
        double value = ll_tensor_get(tensor, i);
        if (!isfinite(value)) {
            m.not_finite++;
            continue;
        }
        sum += value;
        squares += value * value;
        m.zeros += value == 0;
        m.least = fmin(m.least, value);
        m.most = fmax(m.most, value);
    }
    int64_t finite = m.count - m.not_finite;
    m.norm = sqrt(squares);
    m.mean = finite > 0 ? sum / (double)finite : NAN;
    if (finite == 0) m.least = m.most = NAN;
    return m;
}

static bool is_weight(const ll_tensor_file *file, const ll_tensor *tensor)
{
    const char *prefix = ll_tensor_file_weights_prefix(file);
    return !tensor->from_list && strncmp(tensor->name, prefix, strlen(prefix)) == 0;
}

/* Buffers are no parameters: batch norm's statistics, counters. */
static bool is_parameter(const ll_tensor_file *file, const ll_tensor *tensor)
{
    return is_weight(file, tensor) && ll_tensor_type_is_float(tensor->type) &&
           strstr(tensor->name, "running_") == NULL && strstr(tensor->name, "num_batches_tracked") == NULL;
}

/* ------------------------------------------------------------------ spectra */

typedef struct spectrum {
    int64_t count;
    double *values; /* descending; free */
    double stable_rank, condition;
    const char *warning; /* plain words, or NULL */
} spectrum;

enum { LARGEST_SIDE = 8192 };

/* Singular values of a weight as the matrix [outputs, everything else]. false: not a matrix, too large, not
 * finite. */
static bool compute_spectrum(const ll_tensor *tensor, spectrum *result)
{
    int64_t count = ll_tensor_count(tensor);
    if (tensor->rank < 2 || !ll_tensor_type_is_float(tensor->type) || count == 0) return false;
    int64_t rows = tensor->shape[0], columns = count / rows, side = ll_min_int64(rows, columns);
    if (side < 2 || side > LARGEST_SIDE || ll_max_int64(rows, columns) > INT32_MAX) return false;
    double *matrix = ll_allocate_array(count, sizeof *matrix),
           *values = ll_allocate_array(side, sizeof *values);
    bool good = matrix != NULL && values != NULL;
    if (good) {
        ll_tensor_to_float64(tensor, matrix);
        for (int64_t i = 0; i < count; i++) good = good && isfinite(matrix[i]);
    }
    /* Row-major [rows, columns] is column-major [columns, rows]: the same singular values, no transposition.
     */
    if (good) {
        double unused;
        good = LAPACKE_dgesdd(LAPACK_COL_MAJOR, 'N', (lapack_int)columns, (lapack_int)rows, matrix,
                              (lapack_int)columns, values, &unused, 1, &unused, 1) == 0;
    }
    ll_free(matrix);
    if (!good) {
        ll_free(values);
        return false;
    }
    double squares = 0, least = values[side - 1], most = values[0];
    for (int64_t i = 0; i < side; i++) squares += values[i] * values[i];
    *result = (spectrum){.count = side,
                         .values = values,
                         .condition = least > 0 ? most / least : INFINITY,
                         .stable_rank = most > 0 ? squares / (most * most) : 0};
    if (most == 0) {
        result->warning = "the layer is all zero: it passes nothing on";
    } else if (result->stable_rank < 1.5 && side >= 8) {
        result->warning =
            "one direction dominates (stable rank below 1.5): the layer acts as if it had one channel";
    } else if (least < 1e-6 * most) {
        result->warning =
            "numerically rank-deficient: some directions are lost (smallest below 1e-6 of largest)";
    } else if (most > 50) {
        result->warning = "very large gain (above 50): small changes are blown up";
    }
    return true;
}

/* ------------------------------------------------------------------ a file of tensors */

/* What is told of a tensor. */
typedef struct row {
    measures measured;
    spectrum spectrum; /* count 0: none */
} row;

typedef struct rows {
    const ll_tensor_file *file;
    bool spectra;
    row *row; /* one a tensor */
} rows;

static ll_status fill_row(void *context, int64_t index, int thread, ll_error *error)
{
    const rows *r = context;
    const ll_tensor *tensor = ll_tensor_file_tensor(r->file, index);
    (void)thread, (void)error;
    r->row[index].measured = measure(tensor);
    if (!r->spectra || !is_parameter(r->file, tensor) || !compute_spectrum(tensor, &r->row[index].spectrum))
        r->row[index].spectrum.count = 0;
    return LL_OK;
}

static void rows_deinit(rows *r)
{
    for (int64_t i = 0; r->row != NULL && i < ll_tensor_file_count(r->file); i++)
        ll_free(r->row[i].spectrum.values);
    ll_free(r->row);
}

/* A tensor a chunk. */
static ll_status rows_init(rows *r, const ll_tensor_file *file, const settings *wanted, ll_error *error)
{
    int64_t count = ll_tensor_file_count(file);
    ll_team *team = NULL;
    *r = (rows){
        .file = file, .spectra = wanted->spectra, .row = ll_allocate_zeroed((size_t)count * sizeof *r->row)};
    if (r->row == NULL) return ll_fail_memory(error, "losslens", (size_t)count * sizeof *r->row);
    ll_status status = ll_team_create((int)wanted->threads, &team, error);
    if (status == LL_OK) status = ll_team_run(team, count, fill_row, r, error);
    ll_team_destroy(team);
    if (status != LL_OK) rows_deinit(r);
    return status;
}

static void print_tensors(const ll_tensor_file *file, const rows *all)
{
    char a[LL_NUMBER_TEXT], b[LL_NUMBER_TEXT], c[LL_NUMBER_TEXT], d[LL_NUMBER_TEXT];
    int width = 10;
    for (int64_t i = 0; i < ll_tensor_file_count(file); i++) {
        int length = (int)strlen(ll_tensor_file_tensor(file, i)->name);
        if (length > width) width = length < 60 ? length : 60;
    }
    printf("%-*s  %-26s %10s %10s %10s %10s\n", width, "name", "type and shape", "norm", "mean", "least",
           "most");
    for (int64_t i = 0; i < ll_tensor_file_count(file); i++) {
        const ll_tensor *tensor = ll_tensor_file_tensor(file, i);
        char text[160];
        measures m = all->row[i].measured;
        ll_tensor_describe(tensor, text, sizeof text);
        printf("%-*s  %-26s %10s %10s %10s %10s", width, tensor->name[0] != 0 ? tensor->name : "(array)",
               text, ll_print_number(m.norm, 0, a), ll_print_number(m.mean, 0, b),
               ll_print_number(m.least, 0, c), ll_print_number(m.most, 0, d));
        if (m.not_finite > 0) printf("  ! %lld not finite", (long long)m.not_finite);
        printf("\n");
        const spectrum s = all->row[i].spectrum;
        if (s.count > 0) {
            printf("%-*s    singular values %s .. %s, stable rank %s, condition %s\n", width, "",
                   ll_print_number(s.values[0], 0, a), ll_print_number(s.values[s.count - 1], 0, b),
                   ll_print_number(s.stable_rank, 3, c), ll_print_number(s.condition, 3, d));
            if (s.warning != NULL) printf("%-*s    ! %s\n", width, "", s.warning);
        }
    }
}

static bool print_file(const ll_tensor_file *file, const char *path, const rows *all)
{
    char number[LL_NUMBER_TEXT], bytes[LL_NUMBER_TEXT];
    int64_t parameters = 0, not_finite = 0;
    double total = 0;
    for (int64_t i = 0; i < ll_tensor_file_count(file); i++) {
        const ll_tensor *tensor = ll_tensor_file_tensor(file, i);
        if (is_parameter(file, tensor)) parameters += ll_tensor_count(tensor);
        not_finite += all->row[i].measured.not_finite;
        total += (double)ll_tensor_bytes(tensor);
    }
    ll_guess guess;
    ll_guess_network(file, path, &guess);
    printf("%s: %s, %lld tensors, %s\n", path, ll_tensor_file_format(file),
           (long long)ll_tensor_file_count(file), ll_print_bytes(total, bytes));
    if (ll_tensor_file_weights_prefix(file)[0] != 0)
        printf("weights are under '%s'\n", ll_tensor_file_weights_prefix(file));
    printf("%s parameters (without running statistics)\n", ll_print_count(parameters, number));
    if (not_finite > 0) printf("! %lld elements are not finite\n", (long long)not_finite);
    printf("guess: %s\n\n", guess.sentence);
    print_tensors(file, all);
    for (int64_t i = 0; i < ll_tensor_file_scalar_count(file); i++) {
        const ll_scalar *scalar = ll_tensor_file_scalar(file, i);
        if (scalar->type == LL_SCALAR_NONE) continue;
        printf("%s = %s\n", scalar->name,
               scalar->type == LL_SCALAR_TEXT ? scalar->text : ll_print_number(scalar->real, 12, number));
    }
    for (int64_t i = 0; i < ll_tensor_file_opaque_count(file); i++) {
        const ll_opaque *opaque = ll_tensor_file_opaque(file, i);
        printf("%s: %s\n", opaque->name[0] != 0 ? opaque->name : "(root)", opaque->what);
    }
    return !ferror(stdout);
}

/* The description alone, so that it can be kept: losslens inspect F --suggest > network.yaml */
static void print_suggestion(const ll_tensor_file *file, const char *path)
{
    ll_guess guess;
    ll_guess_network(file, path, &guess);
    printf("# %s\n%s", guess.sentence,
           guess.network[0] != 0
               ? guess.network
               : "# no network of the zoo fits: write it as a list of blocks (docs/blocks.md)\n");
}

static void json_tensor(ll_json *json, const ll_tensor_file *file, const ll_tensor *tensor, const row *told)
{
    measures m = told->measured;
    ll_json_open(json, '{');
    ll_json_add_text(json, "name", tensor->name);
    ll_json_add_text(json, "type", ll_tensor_type_name(tensor->type));
    ll_json_key(json, "shape");
    ll_json_open(json, '[');
    for (int axis = 0; axis < tensor->rank; axis++) ll_json_integer(json, tensor->shape[axis]);
    ll_json_close(json, ']');
    ll_json_add_integer(json, "count", m.count);
    ll_json_add_boolean(json, "parameter", is_parameter(file, tensor));
    ll_json_add_number(json, "norm", m.norm);
    ll_json_add_number(json, "mean", m.mean);
    ll_json_add_number(json, "least", m.least);
    ll_json_add_number(json, "most", m.most);
    ll_json_add_integer(json, "zeros", m.zeros);
    ll_json_add_integer(json, "not_finite", m.not_finite);
    const spectrum s = told->spectrum;
    if (s.count > 0) {
        ll_json_key(json, "singular_values");
        ll_json_numbers(json, s.values, s.count);
        ll_json_add_number(json, "stable_rank", s.stable_rank);
        ll_json_add_number(json, "condition", s.condition);
        ll_json_add_text(json, "warning", s.warning);
    }
    ll_json_close(json, '}');
}

static bool json_file(const ll_tensor_file *file, const char *path, const settings *wanted, const rows *all)
{
    ll_json json = {0};
    ll_guess guess;
    int64_t parameters = 0;
    ll_guess_network(file, path, &guess);
    for (int64_t i = 0; i < ll_tensor_file_count(file); i++) {
        const ll_tensor *tensor = ll_tensor_file_tensor(file, i);
        if (is_parameter(file, tensor)) parameters += ll_tensor_count(tensor);
    }
    ll_json_open(&json, '{');
    ll_json_add_text(&json, "file", path);
    ll_json_add_text(&json, "format", ll_tensor_file_format(file));
    ll_json_add_text(&json, "weights_prefix", ll_tensor_file_weights_prefix(file));
    ll_json_add_integer(&json, "parameters", parameters);
    ll_json_add_text(&json, "family", guess.family[0] != 0 ? guess.family : NULL);
    ll_json_add_text(&json, "guess", guess.sentence);
    if (wanted->suggest) ll_json_add_text(&json, "network", guess.network[0] != 0 ? guess.network : NULL);
    ll_json_key(&json, "tensors");
    ll_json_open(&json, '[');
    for (int64_t i = 0; i < ll_tensor_file_count(file); i++) {
        json_tensor(&json, file, ll_tensor_file_tensor(file, i), &all->row[i]);
    }
    ll_json_close(&json, ']');
    ll_json_key(&json, "scalars");
    ll_json_open(&json, '{');
    for (int64_t i = 0; i < ll_tensor_file_scalar_count(file); i++) {
        const ll_scalar *scalar = ll_tensor_file_scalar(file, i);
        ll_json_key(&json, scalar->name);
        switch (scalar->type) {
        case LL_SCALAR_NONE: ll_json_null(&json); break;
        case LL_SCALAR_BOOL: ll_json_boolean(&json, scalar->integer != 0); break;
        case LL_SCALAR_INTEGER: ll_json_integer(&json, scalar->integer); break;
        case LL_SCALAR_REAL: ll_json_number(&json, scalar->real); break;
        case LL_SCALAR_TEXT: ll_json_text(&json, scalar->text); break;
        }
    }
    ll_json_close(&json, '}');
    ll_json_key(&json, "other");
    ll_json_open(&json, '{');
    for (int64_t i = 0; i < ll_tensor_file_opaque_count(file); i++) {
        const ll_opaque *opaque = ll_tensor_file_opaque(file, i);
        ll_json_add_text(&json, opaque->name, opaque->what);
    }
    ll_json_close(&json, '}');
    ll_json_close(&json, '}');
    return ll_json_print(&json, stdout);
}

static ll_status show_file(const ll_tensor_file *file, const char *path, const settings *wanted, bool *good,
                           ll_error *error)
{
    rows all;
    if (wanted->suggest && !wanted->json) {
        print_suggestion(file, path);
        return LL_OK;
    }
    LL_TRY(rows_init(&all, file, wanted, error));
    *good = wanted->json ? json_file(file, path, wanted, &all) : print_file(file, path, &all);
    rows_deinit(&all);
    return LL_OK;
}

/* ------------------------------------------------------------------ a data set */

static bool show_dataset(const ll_dataset *dataset, const settings *wanted)
{
    char hash[33], number[LL_NUMBER_TEXT];
    int64_t tests = 0;
    ll_hash_text(ll_dataset_hash(dataset, NULL, 0), hash);
    for (int64_t i = 0; dataset->is_test != NULL && i < dataset->count; i++) tests += dataset->is_test[i];
    int64_t classes = dataset->label_width == 1 ? dataset->classes : 0;
    int64_t *sizes = ll_allocate_zeroed((size_t)classes * sizeof *sizes);
    if (sizes == NULL) return false;
    for (int64_t i = 0; i < dataset->count && classes > 0; i++) sizes[dataset->labels[i]]++;
    bool good = true;
    if (wanted->json) {
        ll_json json = {0};
        ll_json_open(&json, '{');
        ll_json_add_text(&json, "data", dataset->name);
        ll_json_add_integer(&json, "samples", dataset->count);
        ll_json_add_integer(&json, "test_samples", tests);
        ll_json_key(&json, "shape");
        ll_json_open(&json, '[');
        for (int axis = 0; axis < dataset->rank; axis++) ll_json_integer(&json, dataset->shape[axis]);
        ll_json_close(&json, ']');
        ll_json_add_integer(&json, "classes", dataset->classes);
        ll_json_key(&json, "class_sizes");
        ll_json_open(&json, '[');
        for (int64_t i = 0; i < classes; i++) ll_json_integer(&json, sizes[i]);
        ll_json_close(&json, ']');
        ll_json_add_integer(&json, "target_width", dataset->target_width);
        ll_json_add_text(&json, "hash", hash);
        ll_json_close(&json, '}');
        good = ll_json_print(&json, stdout);
    } else {
        printf("%s: data set of %s samples", dataset->name, ll_print_count(dataset->count, number));
        if (tests > 0) printf(" (%lld of them test samples)", (long long)tests);
        printf("\nsample: %s [", dataset->pixels != NULL ? "image" : "numbers");
        for (int axis = 0; axis < dataset->rank; axis++)
            printf("%s%lld", axis > 0 ? ", " : "", (long long)dataset->shape[axis]);
        printf("]\n");
        if (dataset->target_width > 0)
            printf("targets: %lld numbers a sample\n", (long long)dataset->target_width);
        if (dataset->label_width > 1)
            printf("labels: a class of %lld for each pixel\n", (long long)dataset->classes);
        for (int64_t i = 0; i < classes && i < 100; i++) {
            printf("class %3lld %-16s %lld\n", (long long)i,
                   dataset->class_names != NULL ? dataset->class_names[i] : "", (long long)sizes[i]);
        }
        printf("hash %s\n", hash);
    }
    ll_free(sizes);
    return good;
}

/* ------------------------------------------------------------------ the networks there are */

static bool print_networks(void)
{
    const char *name, *summary, *key, *standard, *choices, *help;
    for (int64_t n = 0; ll_network_describe(n, &name, &summary); n++) {
        printf("%s%s: %s\n", n > 0 ? "\n" : "", name, summary);
        for (int64_t o = 0; ll_network_describe_option(n, o, &key, &standard, &choices, &help); o++) {
            printf("  %-17s %s", key, help);
            if (choices != NULL) printf("; one of %s", choices);
            if (standard != NULL && standard[0] != '\0') printf(" (%s unless told)", standard);
            printf("\n");
        }
    }
    printf("\nOptions are given as --option KEY=VALUE, or below `options` in a study or configuration.\n");
    return ferror(stdout) == 0;
}

static bool print_networks_json(void)
{
    const char *name, *summary, *key, *standard, *choices, *help;
    ll_json json = {0};
    ll_json_open(&json, '[');
    for (int64_t n = 0; ll_network_describe(n, &name, &summary); n++) {
        ll_json_open(&json, '{');
        ll_json_add_text(&json, "network", name);
        ll_json_add_text(&json, "summary", summary);
        ll_json_key(&json, "options");
        ll_json_open(&json, '[');
        for (int64_t o = 0; ll_network_describe_option(n, o, &key, &standard, &choices, &help); o++) {
            ll_json_open(&json, '{');
            ll_json_add_text(&json, "key", key);
            ll_json_add_text(&json, "help", help);
            if (standard != NULL) ll_json_add_text(&json, "standard", standard);
            if (choices != NULL) ll_json_add_text(&json, "choices", choices);
            ll_json_close(&json, '}');
        }
        ll_json_close(&json, ']');
        ll_json_close(&json, '}');
    }
    ll_json_close(&json, ']');
    return ll_json_print(&json, stdout);
}

/* ------------------------------------------------------------------ the verb */

static int run(int argc, char **argv)
{
    settings wanted = {0};
    const ll_option options[] = {
        {"suggest", LL_OPTION_FLAG, &wanted.suggest, NULL,
         "print what --config takes for this network, guessed from names and shapes", 0, 0, NULL},
        {"spectra", LL_OPTION_FLAG, &wanted.spectra, NULL, "singular values of each weight, with warnings", 0,
         0, NULL},
        {"networks", LL_OPTION_FLAG, &wanted.networks, NULL,
         "list the networks there are, with their options; no file", 0, 0, NULL},
        LL_OPTION_THREADS(&wanted.threads),
        LL_OPTION_JSON(&wanted.json),
    };
    const ll_command command = {
        .verb = "inspect",
        .usage = "FILE|DATA|--networks [options]",
        .about =
            "What is in a file of weights (npy, npz, safetensors, PyTorch zip or legacy, pickle, IDX): "
            "tensors, norms,\n"
            "elements that are not finite, scalars, a guess of the network. Or in a data set: cifar10:PATH,\n"
            "fashion-mnist, idx:IMAGES,LABELS, xy:X,Y, folder:PATH, csv:FILE ... Nothing in the file is "
            "executed.",
        .example = "losslens inspect checkpoint.pt --spectra\n"
                   "losslens inspect checkpoint.pt --suggest > network.yaml\n"
                   "losslens eval --config network.yaml --checkpoint checkpoint.pt --data "
                   "cifar10:cifar-10-batches-bin\n"
                   "losslens inspect fashion-mnist --json",
        .options = options,
        .option_count = LL_COUNT(options),
        .least_words = 0,
        .most_words = 1};
    ll_words words;
    int code;
    if (!ll_command_parse(&command, argc, argv, &words, &code)) return code;
    if (wanted.networks) {
        bool printed = wanted.json ? print_networks_json() : print_networks();
        return printed ? LL_EXIT_OK : LL_EXIT_FAILURE;
    }
    if (words.count == 0) return ll_command_misuse(&command, "nothing to work on; wanted %s", command.usage);
    ll_error tensor_error = {0}, data_error = {0};
    ll_tensor_file *file = NULL;
    ll_dataset *dataset = NULL;
    if (ll_tensor_file_read(words.items[0], NULL, &file, &tensor_error) == LL_OK) {
        ll_error error = {0};
        bool good = true;
        ll_status status = show_file(file, words.items[0], &wanted, &good, &error);
        ll_tensor_file_destroy(file);
        if (status != LL_OK) return ll_command_failure(&command, &error);
        return good ? LL_EXIT_OK : LL_EXIT_FAILURE;
    }
    if (ll_dataset_load(words.items[0], NULL, &dataset, &data_error) == LL_OK) {
        bool good = show_dataset(dataset, &wanted);
        ll_dataset_destroy(dataset);
        return good ? LL_EXIT_OK : LL_EXIT_FAILURE;
    }
    /* Of the two refusals, the one of the reader that the word was meant for. */
    const char *name = words.items[0];
    size_t length = strlen(name);
    bool data =
        tensor_error.status == LL_NOT_FOUND || tensor_error.status == LL_INVALID_ARGUMENT ||
        (length > 4 && (strcmp(name + length - 4, ".bin") == 0 || strcmp(name + length - 4, ".csv") == 0));
    return ll_command_failure(&command, data ? &data_error : &tensor_error);
}

const ll_verb ll_verb_inspect = {"inspect", "what is in a file of weights or a data set", run};
