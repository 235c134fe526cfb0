/* From a name or a path to a data set. */
#define _POSIX_C_SOURCE 200809L
#include "data/load.h"
#include "data/shapes.h"
#include "losslens/data_download.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

void ll_dataset_destroy(ll_dataset *dataset)
{
    if (dataset == NULL) return;
    for (int64_t i = 0; dataset->class_names != NULL && i < dataset->classes; i++)
        ll_free(dataset->class_names[i]);
    ll_free(dataset->class_names);
    ll_free(dataset->name);
    ll_free(dataset->pixels);
    ll_free(dataset->values);
    ll_free(dataset->labels);
    ll_free(dataset->targets);
    ll_free(dataset->is_test);
    ll_free(dataset->base);
    ll_free(dataset->base_hashes);
    ll_free(dataset);
}

/* ------------------------------------------------------------------ CIFAR */

static ll_status load_cifar(ll_dataset *dataset, const char *path, int64_t classes,
                            const ll_format_limits *limits, ll_error *error)
{
    ll_image_set set;
    LL_TRY(ll_cifar_read(path, limits, &set, error));
    if (classes != 0 && set.classes != classes) {
        ll_status status =
            ll_fail(error, LL_INVALID_FILE, "data", path, "CIFAR-%lld is wanted; this is CIFAR-%lld",
                    (long long)classes, (long long)set.classes);
        ll_image_set_deinit(&set);
        return status;
    }
    const int64_t shape[3] = {set.channels, set.height, set.width};
    dataset->count = set.count;
    dataset->classes = set.classes;
    dataset->label_width = 1;
    dataset->pixels = set.pixels; /* taken over */
    dataset->labels = set.labels;
    dataset->is_test = set.is_test;
    dataset->class_names = set.class_names;
    set.pixels = NULL;
    set.labels = NULL;
    set.is_test = NULL;
    set.class_names = NULL;
    ll_image_set_deinit(&set);
    return data_set_shape(dataset, 3, shape, path, error);
}

/* ------------------------------------------------------------------ MNIST and its like */

/* FOLDER/NAME or FOLDER/NAME.gz; false when neither is there. */
static bool find_file(const char *folder, const char *name, char *path, size_t capacity)
{
    static const char *const ends[] = {"", ".gz"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        int length = snprintf(path, capacity, "%s/%s%s", folder, name, ends[i]);
        if (length > 0 && (size_t)length < capacity && data_exists(path)) return true;
    }
    return false;
}

/* Two data sets of the same kind, one behind the other; `rest` is emptied. */
static ll_status append_test(ll_dataset *dataset, ll_dataset *rest, const char *place, ll_error *error)
{
    int64_t both = dataset->count + rest->count;
    if (dataset->pixels == NULL || rest->pixels == NULL || dataset->rank != rest->rank ||
        memcmp(dataset->shape, rest->shape, (size_t)dataset->rank * sizeof *dataset->shape) != 0) {
        return data_wrong(place, error, "training and test images differ in shape");
    }
    uint8_t *pixels = ll_allocate_array(both, (size_t)dataset->width),
            *is_test = ll_allocate_zeroed((size_t)both);
    int64_t *labels = ll_allocate_array(both, sizeof *labels);
    if (pixels == NULL || is_test == NULL || labels == NULL) {
        ll_free(pixels);
        ll_free(is_test);
        ll_free(labels);
        return ll_fail_memory(error, "data", (size_t)(both * dataset->width));
    }
    size_t first = (size_t)(dataset->count * dataset->width);
    memcpy(pixels, dataset->pixels, first);
    memcpy(pixels + first, rest->pixels, (size_t)(rest->count * rest->width));
    memcpy(labels, dataset->labels, (size_t)dataset->count * sizeof *labels);
    memcpy(labels + dataset->count, rest->labels, (size_t)rest->count * sizeof *labels);
    memset(is_test + dataset->count, 1, (size_t)rest->count);
    ll_free(dataset->pixels);
    ll_free(dataset->labels);
    dataset->pixels = pixels;
    dataset->labels = labels;
    dataset->is_test = is_test;
    dataset->classes = ll_max_int64(dataset->classes, rest->classes);
    dataset->count = both;
    return LL_OK;
}

static ll_status load_mnist(ll_dataset *dataset, const char *folder, bool fashion,
                            const ll_format_limits *limits, ll_error *error)
{
    static const char *const files[4] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                         "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
    static const char *const clothes[10] = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                            "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
    char paths[4][1024];
    for (int i = 0; i < 4; i++) {
        if (!find_file(folder, files[i], paths[i], sizeof paths[i])) {
            return ll_fail(error, LL_NOT_FOUND, "data", folder, "%s (or .gz) is not in this folder%s",
                           files[i], fashion ? "; Debian's package dataset-fashion-mnist has it" : "");
        }
    }
    ll_dataset test = {.name = dataset->name};
    LL_TRY(data_load_two_files(dataset, paths[0], paths[1], limits, error));
    ll_status status = data_load_two_files(&test, paths[2], paths[3], limits, error);
    if (status == LL_OK && (dataset->labels == NULL || test.labels == NULL || dataset->label_width != 1 ||
                            test.label_width != 1)) {
        status = data_wrong(folder, error, "one whole number for each image is wanted");
    }
    if (status == LL_OK) status = append_test(dataset, &test, folder, error);
    ll_free(test.pixels);
    ll_free(test.values);
    ll_free(test.labels);
    ll_free(test.targets);
    if (status == LL_OK && fashion && dataset->classes == 10)
        status = data_copy_names(dataset, clothes, error);
    return status;
}

/* ------------------------------------------------------------------ which */

static bool has_word(const char *source, const char *word, const char **rest)
{
    size_t length = strlen(word);
    if (strncmp(source, word, length) != 0 || (source[length] != ':' && source[length] != 0)) return false;
    *rest = source[length] == ':' ? source + length + 1 : "";
    return true;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcasecmp(text + length - end_length, end) == 0;
}

static ll_status load_path(ll_dataset *dataset, const char *path, const ll_format_limits *limits,
                           ll_error *error)
{
    char found[1024];
    if (!data_exists(path)) {
        return ll_fail(error, LL_NOT_FOUND, "data", path,
                       "there is no such file or folder, and no such name (cifar10:PATH, fashion-mnist, "
                       "idx:X,Y, xy:X,Y, "
                       "folder:PATH, csv:PATH, shapes:COUNT ...)");
    }
    if (data_is_folder(path)) {
        if (find_file(path, "train-images-idx3-ubyte", found, sizeof found))
            return load_mnist(dataset, path, false, limits, error);
        static const char *const batches[] = {"data_batch_1",   "data_batch_1.bin", "test_batch",
                                              "test_batch.bin", "train.bin",        "meta"};
        for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
            if (find_file(path, batches[i], found, sizeof found))
                return load_cifar(dataset, path, 0, limits, error);
        }
        return data_load_folder(dataset, path, limits, error);
    }
    if (ends_with(path, ".bin") || ends_with(path, ".tar.gz"))
        return load_cifar(dataset, path, 0, limits, error);
    if (ends_with(path, ".csv") || ends_with(path, ".tsv"))
        return data_load_csv(dataset, path, limits, error);
    return data_load_pair_file(dataset, path, limits, error);
}

static ll_status load_two(ll_dataset *dataset, const char *rest, const char *wanted, bool segmentation,
                          const ll_format_limits *limits, ll_error *error)
{
    char *first, *second;
    LL_TRY(data_split_pair(rest, ',', wanted, &first, &second, error));
    ll_status status = segmentation ? data_load_segmentation(dataset, first, second, limits, error)
                                    : data_load_two_files(dataset, first, second, limits, error);
    ll_free(first);
    ll_free(second);
    return status;
}

/* FOLDER/SET[/FILE] of the folder that `losslens data` fetches to; what to do when it is not there. */
static ll_status find_by_name(const char *set, const char *file, char *path, size_t capacity, ll_error *error)
{
    char folder[1024];
    LL_TRY(ll_data_folder(folder, sizeof folder, error));
    int length =
        snprintf(path, capacity, "%s/%s%s%s", folder, set, file != NULL ? "/" : "", file != NULL ? file : "");
    if (length >= (int)capacity) return data_wrong(folder, error, "the path is too long");
    if (data_exists(path)) return LL_OK;
    return ll_fail(error, LL_NOT_FOUND, "data", set,
                   "%s is not there: `losslens data %s` fetches it, or say where it is: %s:PATH", path, set,
                   set);
}

static ll_status load_by_name(ll_dataset *dataset, const char *set, const char *file,
                              const ll_format_limits *limits, ll_error *error)
{
    char path[2048];
    bool fashion = strcmp(set, "fashion-mnist") == 0;
    if (fashion && data_is_folder(LL_FASHION_FOLDER))
        return load_mnist(dataset, LL_FASHION_FOLDER, true, limits, error);
    LL_TRY(find_by_name(set, file, path, sizeof path, error));
    if (file == NULL) return load_mnist(dataset, path, fashion, limits, error);
    return load_cifar(dataset, path, strcmp(set, "cifar10") == 0 ? 10 : 100, limits, error);
}

static ll_status load_source(ll_dataset *dataset, const char *source, const ll_format_limits *limits,
                             ll_error *error)
{
    const char *rest;
    if (strcmp(source, "cifar10") == 0)
        return load_by_name(dataset, source, "cifar-10-binary.tar.gz", limits, error);
    if (strcmp(source, "cifar100") == 0)
        return load_by_name(dataset, source, "cifar-100-binary.tar.gz", limits, error);
    if (strcmp(source, "mnist") == 0 || strcmp(source, "fashion-mnist") == 0)
        return load_by_name(dataset, source, NULL, limits, error);
    if (has_word(source, "cifar10", &rest)) return load_cifar(dataset, rest, 10, limits, error);
    if (has_word(source, "cifar100", &rest)) return load_cifar(dataset, rest, 100, limits, error);
    if (has_word(source, "fashion-mnist", &rest)) return load_mnist(dataset, rest, true, limits, error);
    if (has_word(source, "mnist", &rest)) return load_mnist(dataset, rest, false, limits, error);
    if (has_word(source, "idx", &rest))
        return load_two(dataset, rest, "idx:IMAGES,LABELS", false, limits, error);
    if (has_word(source, "xy", &rest)) return load_two(dataset, rest, "xy:X,Y", false, limits, error);
    if (has_word(source, "segmentation", &rest))
        return load_two(dataset, rest, "segmentation:IMAGES,MASKS", true, limits, error);
    if (has_word(source, "shapes", &rest)) return data_make_shapes(dataset, rest, error);
    if (has_word(source, "folder", &rest)) return data_load_folder(dataset, rest, limits, error);
    if (has_word(source, "csv", &rest)) return data_load_csv(dataset, rest, limits, error);
    return load_path(dataset, source, limits, error);
}

ll_status ll_dataset_load(const char *source, const ll_format_limits *limits, ll_dataset **dataset,
                          ll_error *error)
{
    ll_dataset *result = ll_allocate_zeroed(sizeof *result);
    if (result == NULL) return ll_fail_memory(error, "data", sizeof *result);
    result->name = ll_text_copy(source);
    ll_status status =
        result->name != NULL ? load_source(result, source, limits, error) : ll_fail_memory(error, "data", 64);
    if (status != LL_OK) {
        ll_dataset_destroy(result);
        return status;
    }
    *dataset = result;
    return LL_OK;
}
