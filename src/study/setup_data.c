/* From a source of data to the rows of a Problem's tables: reading, corrupting, choosing the samples of each
 * role, looking for samples that two roles share, normalising. */
#include "study/setup_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const module = "study";

void setup_free_data(ll_setup *setup)
{
    for (int64_t i = 0; i < setup->part_count; i++) ll_subset_deinit(&setup->parts[i].subset);
    for (int i = 0; i < 2; i++) ll_dataset_destroy(setup->datasets[i]);
    ll_free(setup->inputs);
    ll_free(setup->labels);
    ll_free(setup->targets);
}

const int64_t *ll_setup_labels(const ll_setup *setup) { return setup->labels; }
const ll_normalisation *ll_setup_normalisation(const ll_setup *setup) { return &setup->normalisation; }

int64_t ll_setup_classes(const ll_setup *setup) { return setup->classes; }

int64_t ll_setup_roles(const ll_setup *setup, const ll_setup_samples **samples)
{
    *samples = setup->samples;
    return setup->part_count;
}

int64_t ll_setup_overlaps(const ll_setup *setup, const ll_setup_overlap **overlap)
{
    *overlap = setup->overlaps;
    return setup->overlap_count;
}

/* ---------------------------------------------------------------- reading */

static bool same_kind(const ll_dataset *a, const ll_dataset *b)
{
    bool same = a->rank == b->rank && a->width == b->width && a->label_width == b->label_width &&
                a->target_width == b->target_width;
    for (int axis = 0; same && axis < a->rank; axis++) same = a->shape[axis] == b->shape[axis];
    return same;
}

/* Every image of a data set corrupted; the clean ones are dropped, their identities stay. */
static ll_status corrupt_all(ll_dataset **dataset, const ll_setup_options *options, ll_error *error)
{
    ll_corruption list[LL_CORRUPTION_LIMIT];
    int64_t count;
    ll_subset everything;
    ll_dataset *corrupted = NULL;
    LL_TRY(ll_corruptions_parse(options->corruptions, list, &count, error));
    LL_TRY(ll_dataset_choose(*dataset, &(ll_subset_request){.in_order = true}, &everything, NULL, error));
    ll_status status =
        ll_dataset_corrupt(*dataset, &everything, list, count, options->corruption_seed, &corrupted, error);
    ll_subset_deinit(&everything);
    LL_TRY(status);
    ll_text name = {0};
    ll_text_format(&name, "%s, corrupted by %s", (*dataset)->name, options->corruptions);
    char *copy = name.failed ? NULL : ll_text_copy(name.text);
    ll_text_deinit(&name);
    if (copy == NULL) {
        ll_dataset_destroy(corrupted);
        return ll_fail_memory(error, module, 64);
    }
    ll_free(corrupted->name);
    corrupted->name = copy;
    ll_dataset_destroy(*dataset);
    *dataset = corrupted;
    return LL_OK;
}

static ll_status load(ll_setup *setup, const ll_setup_options *options, ll_error *error)
{
    const char *const sources[2] = {options->data, options->second_data};
    for (int i = 0; i < 2; i++) {
        if (sources[i] == NULL) continue;
        LL_TRY(ll_dataset_load(sources[i], options->limits, &setup->datasets[i], error));
        if (options->corruptions != NULL) LL_TRY(corrupt_all(&setup->datasets[i], options, error));
    }
    if (setup->datasets[1] != NULL && !same_kind(setup->datasets[0], setup->datasets[1])) {
        return ll_fail(error, LL_SHAPE, module, options->second_data,
                       "its samples have another shape than those of %s", options->data);
    }
    return LL_OK;
}

/* Classes of both data sets; an ignored label above the others is none. */
static void count_classes(ll_setup *setup, const ll_setup_options *options)
{
    for (int d = 0; d < 2; d++) {
        const ll_dataset *dataset = setup->datasets[d];
        if (dataset == NULL || dataset->labels == NULL) continue;
        int64_t classes = dataset->classes;
        if (options->ignores_label && dataset->class_names == NULL && options->ignore_label < classes) {
            classes = 0;
            for (int64_t i = 0; i < dataset->count * dataset->label_width; i++)
                if (dataset->labels[i] != options->ignore_label)
                    classes = ll_max_int64(classes, dataset->labels[i] + 1);
        }
        setup->classes = ll_max_int64(setup->classes, classes);
    }
}

/* ---------------------------------------------------------------- roles */

static ll_status read_numbers(const char *path, const ll_format_limits *limits, int64_t **numbers,
                              int64_t *count, ll_error *error)
{
    ll_tensor_file *file;
    LL_TRY(ll_tensor_file_read(path, limits, &file, error));
    const ll_tensor *tensor = ll_tensor_file_count(file) == 1 ? ll_tensor_file_tensor(file, 0) : NULL;
    ll_status status = tensor != NULL && tensor->rank == 1
                           ? LL_OK
                           : ll_fail(error, LL_INVALID_FILE, module, path,
                                     "one tensor of one axis is wanted: sample numbers from 0");
    int64_t *values = NULL;
    if (status == LL_OK) {
        values = ll_allocate_array(tensor->shape[0], sizeof *values);
        status = values != NULL ? ll_tensor_to_int64(tensor, values, error)
                                : ll_fail_memory(error, module, ll_tensor_bytes(tensor));
    }
    if (status == LL_OK) {
        *numbers = values;
        *count = tensor->shape[0];
    } else {
        ll_free(values);
    }
    ll_tensor_file_destroy(file);
    return status;
}

/* LL_OK, or why there are no such samples. */
static ll_status choose_samples(const ll_dataset *dataset, const ll_setup_role *role,
                                const ll_format_limits *limits, setup_part *it, bool *divided,
                                ll_error *error)
{
    if (role->index_file == NULL)
        return ll_dataset_choose(dataset, &role->choice, &it->subset, divided, error);
    int64_t *numbers = NULL;
    ll_subset_request request = {0};
    LL_TRY(read_numbers(role->index_file, limits, &numbers, &request.count, error));
    request.indices = numbers;
    ll_status status = ll_dataset_choose(dataset, &request, &it->subset, divided, error);
    if (status != LL_OK) ll_error_prefix(error, "%s", role->index_file);
    ll_free(numbers);
    return status;
}

static ll_status choose(ll_setup *setup, const ll_setup_options *options, ll_error *error)
{
    static const ll_setup_role everything = {.role = "evaluate", .choice = {.in_order = true}};
    const ll_setup_role *roles = options->roles > 0 ? options->role : &everything;
    int64_t count = options->roles > 0 ? options->roles : 1;
    if (count > SETUP_ROLES)
        return ll_fail(error, LL_TOO_LARGE, module, "roles", "got %lld roles; at most %d", (long long)count,
                       SETUP_ROLES);
    for (int64_t r = 0; r < count; r++) {
        bool trains = strcmp(roles[r].role, "calibrate") == 0 || strcmp(roles[r].role, "fit") == 0;
        const ll_dataset *dataset =
            trains && setup->datasets[1] != NULL ? setup->datasets[1] : setup->datasets[0];
        setup_part *it = &setup->parts[setup->part_count];
        bool divided = false;
        ll_error reason = {0};
        ll_setup_role role = roles[r];
        if (role.usual_split) role.choice.split = ll_dataset_has_test(dataset) ? LL_SPLIT_TEST : LL_SPLIT_ALL;
        ll_status status = choose_samples(dataset, &role, options->limits, it, &divided, &reason);
        if (status != LL_OK && !roles[r].optional) {
            ll_error_prefix(&reason, "role %s", roles[r].role);
            if (error != NULL) *error = reason;
            return status;
        }
        if (status != LL_OK) {
            ll_text_format(&setup->notes, "no samples for the role %s: %s\n", roles[r].role, reason.message);
            continue;
        }
        if (divided)
            ll_text_format(&setup->notes, "role %s: the data has one split only; it was divided by seed\n",
                           roles[r].role);
        it->dataset = dataset;
        snprintf(it->role, sizeof it->role, "%s", roles[r].role);
        it->first = setup->rows;
        setup->rows += it->subset.count;
        setup->samples[setup->part_count++] =
            (ll_setup_samples){.role = it->role,
                               .data = dataset->name,
                               .split = role.choice.split,
                               .divided = divided,
                               .listed = roles[r].index_file != NULL,
                               .count = it->subset.count,
                               .indices = it->subset.indices,
                               .hash = ll_dataset_hash(dataset, it->subset.indices, it->subset.count)};
    }
    return LL_OK;
}

static ll_status find_overlaps(ll_setup *setup, ll_error *error)
{
    for (int64_t a = 0; a < setup->part_count; a++) {
        for (int64_t b = a + 1; b < setup->part_count; b++) {
            const setup_part *first = &setup->parts[a], *second = &setup->parts[b];
            ll_setup_overlap *found = &setup->overlaps[setup->overlap_count++];
            *found =
                (ll_setup_overlap){first->role, second->role, 0, first->subset.count, second->subset.count};
            LL_TRY(ll_dataset_overlap(first->dataset, &first->subset, second->dataset, &second->subset,
                                      &found->shared, error));
            if (found->shared == 0) continue;
            ll_text_format(
                &setup->notes,
                "roles %s and %s overlap: %lld of the %lld samples of %s have the same input as one of %s\n",
                first->role, second->role, (long long)found->shared, (long long)found->second_count,
                second->role, first->role);
        }
    }
    return LL_OK;
}

/* ---------------------------------------------------------------- normalisation */

/* What is told is what is used: five digits, so that another run can be given the same numbers. */
static float rounded(float value) { return (float)(round((double)value * 1e5) / 1e5); }

/* Numbers of a checkpoint's "mean" or "std", as `losslens train` writes them: 0 where there are none. */
static int64_t stored_numbers(const ll_tensor_file *file, const char *name, float values[LL_CHANNEL_LIMIT])
{
    const ll_scalar *scalar = file != NULL ? ll_tensor_file_find_scalar(file, name) : NULL;
    int64_t count = 0;
    if (scalar == NULL || scalar->type != LL_SCALAR_TEXT) return 0;
    for (const char *text = scalar->text; count < LL_CHANNEL_LIMIT; text++) {
        char *end;
        values[count] = strtof(text, &end);
        if (end == text || !isfinite(values[count])) return 0;
        count++;
        text = end;
        if (*text == 0) return count;
        if (*text != ',') return 0;
    }
    return 0;
}

static void tell_normalisation(ll_text *notes, const ll_normalisation *n, const char *what)
{
    for (int which = 0; which < 2; which++) {
        ll_text_append(notes, which == 0 ? what : " --std ");
        for (int64_t c = 0; c < n->channels; c++) {
            char number[LL_NUMBER_TEXT];
            ll_number_text(round((double)(which == 0 ? n->mean : n->deviation)[c] * 1e5) / 1e5, number);
            ll_text_format(notes, "%s%s", c > 0 ? "," : "", number);
        }
    }
    ll_text_append(notes, "\n");
}

static ll_status normalise(ll_setup *setup, const ll_setup_options *options, const ll_tensor_file *file,
                           ll_error *error)
{
    ll_normalisation *n = &setup->normalisation;
    *n = options->normalisation;
    const setup_part *from = &setup->parts[0];
    for (int64_t i = 0; i < setup->part_count; i++) {
        if (strcmp(setup->parts[i].role, "fit") == 0) from = &setup->parts[i];
    }
    if (n->channels == 0 && options->measure_normalisation && from->dataset != NULL &&
        from->dataset->pixels != NULL) {
        LL_TRY(ll_normalisation_measure(from->dataset, &from->subset, n, error));
        for (int64_t c = 0; c < n->channels; c++) {
            n->mean[c] = rounded(n->mean[c]);
            n->deviation[c] = rounded(n->deviation[c]);
        }
        tell_normalisation(&setup->notes, n, "normalisation measured on the training images: --mean ");
    }
    if (n->channels == 0 && setup->datasets[0]->pixels != NULL) {
        ll_normalisation stored = {0};
        stored.channels = stored_numbers(file, "mean", stored.mean);
        if (stored.channels > 0 && stored_numbers(file, "std", stored.deviation) == stored.channels) {
            *n = stored;
            tell_normalisation(&setup->notes, n, "normalised as the checkpoint says: --mean ");
        } else if (file != NULL) {
            ll_text_append(&setup->notes,
                           "not normalised: pixels are 0..1, and neither --mean and --std nor the "
                           "checkpoint say how it was trained\n");
        }
    }
    return ll_normalisation_check(n, setup->datasets[0], error);
}

/* ---------------------------------------------------------------- tables */

/* float32 values as the model's type, in place or in a new block: `values` is consumed. */
static ll_status as_model_type(ll_dtype dtype, float *values, int64_t count, void **out, ll_error *error)
{
    if (dtype == LL_F32) {
        *out = values;
        return LL_OK;
    }
    double *wide = ll_allocate_array(count, sizeof *wide);
    if (wide == NULL) {
        ll_free(values);
        return ll_fail_memory(error, module, (size_t)count * sizeof *wide);
    }
    for (int64_t i = 0; i < count; i++) wide[i] = (double)values[i];
    ll_free(values);
    *out = wide;
    return LL_OK;
}

static ll_status fetch(ll_setup *setup, const ll_setup_options *options, ll_error *error)
{
    const ll_dataset *like = setup->datasets[0];
    int64_t width = like->width, values;
    if (!ll_multiply_int64(setup->rows, ll_max_int64(width, 1), &values))
        return ll_fail(error, LL_TOO_LARGE, module, options->data, "too many samples");
    float *inputs = ll_allocate_array(values, sizeof *inputs);
    float *targets =
        like->targets != NULL ? ll_allocate_array(setup->rows * like->target_width, sizeof *targets) : NULL;
    setup->labels = like->labels != NULL
                        ? ll_allocate_array(setup->rows * like->label_width, sizeof *setup->labels)
                        : NULL;
    if (inputs == NULL || (like->targets != NULL && targets == NULL) ||
        (like->labels != NULL && setup->labels == NULL)) {
        ll_free(inputs);
        ll_free(targets);
        return ll_fail_memory(error, module, (size_t)values * sizeof *inputs);
    }
    for (int64_t i = 0; i < setup->part_count; i++) {
        const setup_part *it = &setup->parts[i];
        ll_dataset_fetch(it->dataset, it->subset.indices, it->subset.count, &setup->normalisation, NULL,
                         inputs + it->first * width);
        if (setup->labels != NULL) {
            ll_dataset_fetch_labels(it->dataset, it->subset.indices, it->subset.count,
                                    setup->labels + it->first * like->label_width);
        }
        if (targets != NULL) {
            ll_dataset_fetch_targets(it->dataset, it->subset.indices, it->subset.count,
                                     targets + it->first * like->target_width);
        }
    }
    ll_dtype dtype = options->float64 ? LL_F64 : LL_F32;
    ll_status status = as_model_type(dtype, inputs, values, &setup->inputs, error);
    if (status != LL_OK) {
        ll_free(targets);
        return status;
    }
    return targets != NULL
               ? as_model_type(dtype, targets, setup->rows * like->target_width, &setup->targets, error)
               : LL_OK;
}

ll_status ll_setup_augment(ll_setup *setup, const ll_augmentation *augmentation, ll_error *error)
{
    for (int64_t i = 0; i < setup->part_count; i++) {
        const setup_part *it = &setup->parts[i];
        if (strcmp(it->role, "fit") != 0) continue;
        if (setup->model_info->dtype != LL_F32)
            return ll_fail(error, LL_UNSUPPORTED, module, "augmentation", "only for float32 networks");
        float *rows = (float *)setup->inputs + it->first * it->dataset->width;
        ll_dataset_fetch(it->dataset, it->subset.indices, it->subset.count, &setup->normalisation,
                         augmentation, rows);
        return LL_OK;
    }
    return ll_fail(error, LL_NOT_FOUND, module, "fit", "there are no samples with the role fit");
}

ll_status setup_read_data(ll_setup *setup, const ll_setup_options *options, const ll_tensor_file *file,
                          ll_error *error)
{
    LL_TRY(load(setup, options, error));
    count_classes(setup, options);
    LL_TRY(choose(setup, options, error));
    LL_TRY(find_overlaps(setup, error));
    LL_TRY(normalise(setup, options, file, error));
    return fetch(setup, options, error);
}

int64_t ll_setup_available(const ll_setup *setup)
{
    const ll_dataset *first = setup->datasets[0];
    int64_t count = 0;
    if (first == NULL) return 0;
    if (setup->datasets[1] != NULL) return setup->datasets[1]->count;
    if (first->is_test == NULL) return first->count - first->count / 5;
    for (int64_t i = 0; i < first->count; i++) count += first->is_test[i] == 0;
    return count;
}

int64_t ll_setup_row_bytes(const ll_setup *setup)
{
    const ll_dataset *data = setup->datasets[0];
    if (data == NULL) return 0;
    int64_t element = (int64_t)ll_real_bytes(ll_problem_view(ll_setup_problem(setup))->type);
    return (data->width + data->target_width) * element + data->label_width * (int64_t)sizeof(int64_t);
}

int64_t ll_setup_data_bytes(const ll_setup *setup)
{
    int64_t bytes = 0;
    for (int d = 0; d < 2; d++) {
        const ll_dataset *data = setup->datasets[d];
        if (data == NULL) continue;
        int64_t input = data->width * (data->pixels != NULL ? 1 : 4),
                one = input + data->target_width * 4 + data->label_width * 8;
        bytes += data->count * one;
    }
    return bytes;
}
