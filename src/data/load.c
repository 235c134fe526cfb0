/* From a name or a path to a data set. */
#define _POSIX_C_SOURCE 200809L
#include "losslens/data.h"
#include "losslens/data_download.h"

#include "data/shapes.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define FASHION_FOLDER LL_FASHION_FOLDER

void ll_dataset_destroy(ll_dataset *dataset)
{
    if (dataset == NULL) return;
    for (int64_t i = 0; dataset->class_names != NULL && i < dataset->classes; i++) ll_free(dataset->class_names[i]);
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

static bool is_folder(const char *path)
{
    struct stat state;
    return stat(path, &state) == 0 && S_ISDIR(state.st_mode);
}

static bool exists(const char *path)
{
    struct stat state;
    return stat(path, &state) == 0;
}

static ll_status wrong(const char *place, ll_error *error, const char *what)
{
    return ll_fail(error, LL_INVALID_FILE, "data", place, "%s", what);
}

static ll_status set_shape(ll_dataset *dataset, int rank, const int64_t *shape, const char *place, ll_error *error)
{
    int64_t width;
    if (!ll_shape_count(shape, rank, &width)) return wrong(place, error, "the shape of a sample overflows");
    dataset->rank = rank;
    for (int axis = 0; axis < rank; axis++) dataset->shape[axis] = shape[axis];
    dataset->width = width;
    return LL_OK;
}

static ll_status copy_names(ll_dataset *dataset, const char *const *names, ll_error *error)
{
    dataset->class_names = ll_allocate_zeroed((size_t)dataset->classes * sizeof *dataset->class_names);
    if (dataset->class_names == NULL) return ll_fail_memory(error, "data", 64);
    for (int64_t i = 0; i < dataset->classes; i++) {
        dataset->class_names[i] = ll_text_copy(names[i]);
        if (dataset->class_names[i] == NULL) return ll_fail_memory(error, "data", 64);
    }
    return LL_OK;
}

/* ------------------------------------------------------------------ CIFAR */

static ll_status load_cifar(ll_dataset *dataset, const char *path, int64_t classes, const ll_format_limits *limits,
                            ll_error *error)
{
    ll_image_set set;
    LL_TRY(ll_cifar_read(path, limits, &set, error));
    if (classes != 0 && set.classes != classes) {
        ll_status status = ll_fail(error, LL_INVALID_FILE, "data", path, "CIFAR-%lld is wanted; this is CIFAR-%lld",
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
    return set_shape(dataset, 3, shape, path, error);
}

/* ------------------------------------------------------------------ tensors x and y */

static ll_status take_inputs(ll_dataset *dataset, const ll_tensor *x, const char *place, ll_error *error)
{
    if (x->rank < 1 || x->shape[0] < 1 || ll_tensor_count(x) < 1) {
        char text[96];
        ll_tensor_describe(x, text, sizeof text);
        return ll_fail(error, LL_INVALID_FILE, "data", place, "inputs %s hold no sample; [samples, ...] is wanted", text);
    }
    int64_t count = ll_tensor_count(x), shape[LL_TENSOR_MAX_RANK], samples = x->shape[0];
    int rank = x->rank - 1;
    bool image = x->type == LL_TENSOR_UINT8 && (rank == 2 || rank == 3);
    for (int axis = 0; axis < rank; axis++) shape[axis] = x->shape[axis + 1];
    bool channels_last = image && rank == 3 && (shape[2] == 1 || shape[2] == 3) && shape[0] != 1 && shape[0] != 3;
    if (image && rank == 2) {
        const int64_t grey[3] = {1, shape[0], shape[1]};
        memcpy(shape, grey, sizeof grey);
        rank = 3;
    } else if (channels_last) {
        const int64_t planes[3] = {shape[2], shape[0], shape[1]};
        memcpy(shape, planes, sizeof planes);
    }
    LL_TRY(set_shape(dataset, rank, shape, place, error));
    dataset->count = samples;
    if (!image) {
        dataset->values = ll_allocate_array(count, sizeof *dataset->values);
        if (dataset->values == NULL) return ll_fail_memory(error, "data", (size_t)count * 4);
        ll_tensor_to_float32(x, dataset->values);
        return LL_OK;
    }
    dataset->pixels = ll_allocate((size_t)count);
    if (dataset->pixels == NULL) return ll_fail_memory(error, "data", (size_t)count);
    const uint8_t *source = x->data;
    if (!channels_last) {
        memcpy(dataset->pixels, source, (size_t)count);
        return LL_OK;
    }
    int64_t channels = shape[0], plane = shape[1] * shape[2];
    for (int64_t i = 0; i < samples; i++) {
        for (int64_t c = 0; c < channels; c++) {
            for (int64_t k = 0; k < plane; k++) {
                dataset->pixels[(i * channels + c) * plane + k] = source[(i * plane + k) * channels + c];
            }
        }
    }
    return LL_OK;
}

/* Class numbers: 0 and above, and no gap so large that it must be a mistake. */
static ll_status count_classes(ll_dataset *dataset, const char *place, ll_error *error)
{
    enum { MOST_CLASSES = 1000000 };
    int64_t highest = 0;
    for (int64_t i = 0; i < dataset->count * dataset->label_width; i++) {
        int64_t label = dataset->labels[i];
        if (label < 0 || label >= MOST_CLASSES) {
            return ll_fail(error, LL_INVALID_FILE, "data", place, "label %lld is %lld; 0 to %d is possible", (long long)i,
                           (long long)label, MOST_CLASSES - 1);
        }
        highest = ll_max_int64(highest, label);
    }
    dataset->classes = ll_max_int64(dataset->classes, highest + 1);
    return LL_OK;
}

static ll_status take_outputs(ll_dataset *dataset, const ll_tensor *y, const char *place, ll_error *error)
{
    int64_t count = ll_tensor_count(y);
    if (y->rank < 1 || y->shape[0] != dataset->count || count < 1) {
        char text[96];
        ll_tensor_describe(y, text, sizeof text);
        return ll_fail(error, LL_SHAPE, "data", place, "%lld inputs, but outputs %s", (long long)dataset->count, text);
    }
    int64_t width = count / dataset->count;
    if (ll_tensor_type_is_float(y->type)) {
        dataset->target_width = width;
        dataset->targets = ll_allocate_array(count, sizeof *dataset->targets);
        if (dataset->targets == NULL) return ll_fail_memory(error, "data", (size_t)count * 4);
        ll_tensor_to_float32(y, dataset->targets);
        return LL_OK;
    }
    dataset->label_width = width;
    dataset->labels = ll_allocate_array(count, sizeof *dataset->labels);
    if (dataset->labels == NULL) return ll_fail_memory(error, "data", (size_t)count * 8);
    LL_TRY(ll_tensor_to_int64(y, dataset->labels, error));
    return count_classes(dataset, place, error);
}

static const ll_tensor *find_any(const ll_tensor_file *file, const char *const *names)
{
    for (; *names != NULL; names++) {
        const ll_tensor *tensor = ll_tensor_file_find(file, *names);
        if (tensor != NULL) return tensor;
    }
    return NULL;
}

static ll_status load_pair_file(ll_dataset *dataset, const char *path, const ll_format_limits *limits, ll_error *error)
{
    static const char *const input_names[] = {"x", "X", "inputs", "data", "images", "features", "x_train", NULL};
    static const char *const output_names[] = {"y", "Y", "targets", "labels", "target", "label", "y_train", NULL};
    ll_tensor_file *file;
    LL_TRY(ll_tensor_file_read(path, limits, &file, error));
    const ll_tensor *x = find_any(file, input_names), *y = find_any(file, output_names);
    ll_status status = LL_OK;
    if (x == NULL || y == NULL) {
        status = ll_fail(error, LL_INVALID_FILE, "data", path,
                         "the file has %lld tensors, but no pair of x and y (or X, inputs, data, images; Y, targets, labels)",
                         (long long)ll_tensor_file_count(file));
    }
    if (status == LL_OK) status = take_inputs(dataset, x, path, error);
    if (status == LL_OK) status = take_outputs(dataset, y, path, error);
    ll_tensor_file_destroy(file);
    return status;
}

static ll_status only_tensor(const ll_tensor_file *file, const char *path, const ll_tensor **tensor, ll_error *error)
{
    if (ll_tensor_file_count(file) != 1) {
        return ll_fail(error, LL_INVALID_FILE, "data", path, "a file of exactly one tensor is wanted; this one has %lld",
                       (long long)ll_tensor_file_count(file));
    }
    *tensor = ll_tensor_file_tensor(file, 0);
    return LL_OK;
}

/* Appends, so that training and test files can follow each other. */
static ll_status load_two_files(ll_dataset *dataset, const char *x_path, const char *y_path,
                                const ll_format_limits *limits, ll_error *error)
{
    ll_tensor_file *x_file = NULL, *y_file = NULL;
    const ll_tensor *x = NULL, *y = NULL;
    ll_status status = ll_tensor_file_read(x_path, limits, &x_file, error);
    if (status == LL_OK) status = only_tensor(x_file, x_path, &x, error);
    if (status == LL_OK) status = take_inputs(dataset, x, x_path, error);
    if (status == LL_OK) status = ll_tensor_file_read(y_path, limits, &y_file, error);
    if (status == LL_OK) status = only_tensor(y_file, y_path, &y, error);
    if (status == LL_OK) status = take_outputs(dataset, y, y_path, error);
    ll_tensor_file_destroy(x_file);
    ll_tensor_file_destroy(y_file);
    return status;
}

/* "A,B" or "A#B" -> two texts of the caller's to free. */
static ll_status split_pair(const char *text, char separator, const char *wanted, char **first, char **second,
                            ll_error *error)
{
    const char *at = strchr(text, separator);
    if (at == NULL || at == text || at[1] == 0) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "data", text, "%s is wanted", wanted);
    }
    *first = ll_text_copy(text);
    *second = ll_text_copy(at + 1);
    if (*first == NULL || *second == NULL) {
        ll_free(*first);
        ll_free(*second);
        return ll_fail_memory(error, "data", strlen(text));
    }
    (*first)[at - text] = 0;
    return LL_OK;
}

/* ------------------------------------------------------------------ MNIST and its like */

/* FOLDER/NAME or FOLDER/NAME.gz; false when neither is there. */
static bool find_file(const char *folder, const char *name, char *path, size_t capacity)
{
    static const char *const ends[] = {"", ".gz"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        int length = snprintf(path, capacity, "%s/%s%s", folder, name, ends[i]);
        if (length > 0 && (size_t)length < capacity && exists(path)) return true;
    }
    return false;
}

/* Two data sets of the same kind, one behind the other; `rest` is emptied. */
static ll_status append_test(ll_dataset *dataset, ll_dataset *rest, const char *place, ll_error *error)
{
    int64_t both = dataset->count + rest->count;
    if (dataset->pixels == NULL || rest->pixels == NULL || dataset->rank != rest->rank ||
        memcmp(dataset->shape, rest->shape, (size_t)dataset->rank * sizeof *dataset->shape) != 0) {
        return wrong(place, error, "training and test images differ in shape");
    }
    uint8_t *pixels = ll_allocate_array(both, (size_t)dataset->width), *is_test = ll_allocate_zeroed((size_t)both);
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

static ll_status load_mnist(ll_dataset *dataset, const char *folder, bool fashion, const ll_format_limits *limits,
                            ll_error *error)
{
    static const char *const files[4] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                         "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
    static const char *const clothes[10] = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                      "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"};
    char paths[4][1024];
    for (int i = 0; i < 4; i++) {
        if (!find_file(folder, files[i], paths[i], sizeof paths[i])) {
            return ll_fail(error, LL_NOT_FOUND, "data", folder, "%s (or .gz) is not in this folder%s", files[i],
                           fashion ? "; Debian's package dataset-fashion-mnist has it" : "");
        }
    }
    ll_dataset test = {.name = dataset->name};
    LL_TRY(load_two_files(dataset, paths[0], paths[1], limits, error));
    ll_status status = load_two_files(&test, paths[2], paths[3], limits, error);
    if (status == LL_OK && (dataset->labels == NULL || test.labels == NULL || dataset->label_width != 1 || test.label_width != 1)) {
        status = wrong(folder, error, "one whole number for each image is wanted");
    }
    if (status == LL_OK) status = append_test(dataset, &test, folder, error);
    ll_free(test.pixels);
    ll_free(test.values);
    ll_free(test.labels);
    ll_free(test.targets);
    if (status == LL_OK && fashion && dataset->classes == 10) status = copy_names(dataset, clothes, error);
    return status;
}

/* ------------------------------------------------------------------ folders of images */

typedef struct listing {
    char **names; /* full paths, in natural order */
    int64_t count, capacity;
} listing;

static void listing_deinit(listing *list)
{
    for (int64_t i = 0; i < list->count; i++) ll_free(list->names[i]);
    free(list->names);
    *list = (listing){0};
}

static int by_name(const void *left, const void *right)
{
    return ll_natural_compare(*(char *const *)left, *(char *const *)right);
}

static bool is_image_name(const char *name)
{
    static const char *const ends[] = {".png", ".jpg", ".jpeg"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot != NULL && i < sizeof ends / sizeof *ends; i++) {
        if (strcasecmp(dot, ends[i]) == 0) return true;
    }
    return false;
}

/* Sub-folders, or images, of a folder. */
static ll_status list_folder(const char *path, bool folders, const ll_format_limits *limits, listing *list, ll_error *error)
{
    ll_format_limits defaults = ll_format_limits_default();
    int64_t most = limits != NULL ? limits->entries : defaults.entries;
    DIR *folder = opendir(path);
    if (folder == NULL) return ll_fail(error, LL_NOT_FOUND, "data", path, "this folder cannot be read");
    ll_status status = LL_OK;
    for (struct dirent *entry = readdir(folder); entry != NULL && status == LL_OK; entry = readdir(folder)) {
        if (entry->d_name[0] == '.') continue;
        ll_text full = {0};
        ll_text_format(&full, "%s/%s", path, entry->d_name);
        bool wanted = !full.failed && (is_folder(full.text) ? folders : !folders && is_image_name(entry->d_name));
        if (wanted && list->count == list->capacity) {
            int64_t capacity = list->capacity > 0 ? 2 * list->capacity : 64;
            char **grown = realloc(list->names, (size_t)capacity * sizeof *grown);
            if (grown != NULL) list->names = grown, list->capacity = capacity;
        }
        char *copy = wanted && list->count < list->capacity ? ll_text_copy(full.text) : NULL;
        if (wanted && copy == NULL) status = ll_fail_memory(error, "data", 256);
        if (wanted && status == LL_OK && list->count == most) {
            ll_free(copy);
            status = ll_fail(error, LL_TOO_LARGE, "data", path, "more than %lld entries (entries)", (long long)most);
        } else if (copy != NULL) {
            list->names[list->count++] = copy;
        }
        ll_text_deinit(&full);
    }
    closedir(folder);
    if (list->count > 1) qsort(list->names, (size_t)list->count, sizeof *list->names, by_name);
    return status;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* Images as they come, all of one shape. */
typedef struct pictures {
    ll_text pixels, labels, tests;
    int64_t count, shape[3];
} pictures;

static ll_status add_picture(pictures *all, const char *path, int64_t label, bool test, const ll_format_limits *limits,
                             ll_error *error)
{
    ll_format_limits defaults = ll_format_limits_default();
    uint64_t most = limits != NULL ? limits->unpacked_bytes : defaults.unpacked_bytes;
    ll_image image;
    LL_TRY(ll_image_read(path, limits, &image, error));
    int64_t shape[3] = {image.channels, image.height, image.width};
    ll_status status = LL_OK;
    if (all->count == 0) memcpy(all->shape, shape, sizeof shape);
    size_t bytes = (size_t)(shape[0] * shape[1] * shape[2]);
    if (memcmp(all->shape, shape, sizeof shape) != 0) {
        status = ll_fail(error, LL_SHAPE, "data", path, "image of %lld x %lld x %lld; the first has %lld x %lld x %lld",
                         (long long)shape[0], (long long)shape[1], (long long)shape[2], (long long)all->shape[0],
                         (long long)all->shape[1], (long long)all->shape[2]);
    } else if (all->pixels.length + bytes > most) {
        status = ll_fail(error, LL_TOO_LARGE, "data", path, "the images need more than %llu bytes (unpacked_bytes)",
                         (unsigned long long)most);
    } else {
        uint8_t is_test = test;
        ll_text_append_bytes(&all->pixels, image.pixels, bytes);
        ll_text_append_bytes(&all->labels, &label, sizeof label);
        ll_text_append_bytes(&all->tests, &is_test, 1);
        all->count++;
        if (all->pixels.failed || all->labels.failed || all->tests.failed) status = ll_fail_memory(error, "data", bytes);
    }
    ll_image_deinit(&image);
    return status;
}

static ll_status add_class_folders(pictures *all, const char *path, const listing *classes, bool test,
                                   const ll_format_limits *limits, ll_error *error)
{
    for (int64_t c = 0; c < classes->count; c++) {
        listing images = {0};
        ll_text folder = {0};
        ll_text_format(&folder, "%s/%s", path, last_part(classes->names[c]));
        ll_status status = folder.failed ? ll_fail_memory(error, "data", 256)
                           : is_folder(folder.text) ? list_folder(folder.text, false, limits, &images, error)
                                                    : LL_OK;
        for (int64_t i = 0; i < images.count && status == LL_OK; i++) {
            status = add_picture(all, images.names[i], c, test, limits, error);
        }
        listing_deinit(&images);
        ll_text_deinit(&folder);
        LL_TRY(status);
    }
    return LL_OK;
}

static void *copy_block(const ll_text *text)
{
    void *copy = ll_allocate(text->length);
    if (copy != NULL && text->length > 0) memcpy(copy, text->text, text->length);
    return copy;
}

static ll_status keep_pictures(ll_dataset *dataset, const pictures *all, bool has_test, const char *path, ll_error *error)
{
    if (all->count == 0) return wrong(path, error, "no PNG or JPEG image is in the class folders of this folder");
    dataset->count = all->count;
    dataset->pixels = copy_block(&all->pixels);
    if (dataset->pixels == NULL) return ll_fail_memory(error, "data", all->pixels.length);
    if (has_test) {
        dataset->is_test = copy_block(&all->tests);
        if (dataset->is_test == NULL) return ll_fail_memory(error, "data", all->tests.length);
    }
    return set_shape(dataset, 3, all->shape, path, error);
}

static void pictures_deinit(pictures *all)
{
    ll_text_deinit(&all->pixels);
    ll_text_deinit(&all->labels);
    ll_text_deinit(&all->tests);
}

static ll_status load_folder(ll_dataset *dataset, const char *path, const ll_format_limits *limits, ll_error *error)
{
    char train[1024], test[1024];
    if (snprintf(train, sizeof train, "%s/train", path) >= (int)sizeof train) return wrong(path, error, "the path is too long");
    if (snprintf(test, sizeof test, "%s/test", path) >= (int)sizeof test) return wrong(path, error, "the path is too long");
    bool split = is_folder(train) && is_folder(test);
    listing classes = {0};
    pictures all = {0};
    ll_status status = list_folder(split ? train : path, true, limits, &classes, error);
    if (status == LL_OK) status = add_class_folders(&all, split ? train : path, &classes, false, limits, error);
    if (status == LL_OK && split) status = add_class_folders(&all, test, &classes, true, limits, error);
    if (status == LL_OK) status = keep_pictures(dataset, &all, split, path, error);
    if (status == LL_OK) {
        dataset->labels = copy_block(&all.labels);
        dataset->label_width = 1;
        dataset->classes = classes.count;
        if (dataset->labels == NULL) status = ll_fail_memory(error, "data", all.labels.length);
    }
    for (int64_t i = 0; i < classes.count && status == LL_OK; i++) { /* names: the last part of each path */
        const char *name = last_part(classes.names[i]);
        memmove(classes.names[i], name, strlen(name) + 1);
    }
    if (status == LL_OK) status = copy_names(dataset, (const char *const *)classes.names, error);
    listing_deinit(&classes);
    pictures_deinit(&all);
    return status;
}

/* ------------------------------------------------------------------ segmentation */

static size_t stem_length(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL ? (size_t)(dot - name) : strlen(name);
}

static ll_status load_segmentation(ll_dataset *dataset, const char *images_path, const char *masks_path,
                                   const ll_format_limits *limits, ll_error *error)
{
    listing images = {0}, masks = {0};
    pictures all = {0}, all_masks = {0};
    ll_status status = list_folder(images_path, false, limits, &images, error);
    if (status == LL_OK) status = list_folder(masks_path, false, limits, &masks, error);
    if (status == LL_OK && images.count != masks.count) {
        status = ll_fail(error, LL_INVALID_FILE, "data", masks_path, "%lld masks for %lld images", (long long)masks.count,
                         (long long)images.count);
    }
    for (int64_t i = 0; i < images.count && status == LL_OK; i++) {
        const char *image = last_part(images.names[i]), *mask = last_part(masks.names[i]);
        if (stem_length(image) != stem_length(mask) || strncmp(image, mask, stem_length(image)) != 0) {
            status = ll_fail(error, LL_INVALID_FILE, "data", masks_path, "image %s has no mask; %s stands in its place", image, mask);
        }
        if (status == LL_OK) status = add_picture(&all, images.names[i], 0, false, limits, error);
        if (status == LL_OK) status = add_picture(&all_masks, masks.names[i], 0, false, limits, error);
    }
    if (status == LL_OK && all.count > 0 &&
        (all_masks.shape[0] != 1 || all_masks.shape[1] != all.shape[1] || all_masks.shape[2] != all.shape[2])) {
        status = ll_fail(error, LL_SHAPE, "data", masks_path, "a mask is a grey image of the image's size, its values the classes");
    }
    if (status == LL_OK) status = keep_pictures(dataset, &all, false, images_path, error);
    if (status == LL_OK) {
        dataset->label_width = all.shape[1] * all.shape[2];
        dataset->labels = ll_allocate_array(dataset->count * dataset->label_width, sizeof *dataset->labels);
        if (dataset->labels == NULL) status = ll_fail_memory(error, "data", all_masks.pixels.length * 8);
    }
    if (status == LL_OK) {
        for (size_t i = 0; i < all_masks.pixels.length; i++) dataset->labels[i] = (uint8_t)all_masks.pixels.text[i];
        status = count_classes(dataset, masks_path, error);
    }
    listing_deinit(&images);
    listing_deinit(&masks);
    pictures_deinit(&all);
    pictures_deinit(&all_masks);
    return status;
}

/* ------------------------------------------------------------------ tables */

static bool are_classes(const ll_table *table, int64_t column)
{
    if (table->categories[column] != NULL) return true;
    for (int64_t row = 0; row < table->rows; row++) {
        double value = table->values[column * table->rows + row];
        if (!(value >= 0 && value < 10000 && value == floor(value))) return false;
    }
    return true;
}

static ll_status take_table(ll_dataset *dataset, const ll_table *table, int64_t target, const char *path, ll_error *error)
{
    int64_t rows = table->rows, inputs = table->columns - 1;
    if (inputs < 1) return wrong(path, error, "a table of one column has no inputs");
    dataset->count = rows;
    dataset->values = ll_allocate_array(rows * inputs, sizeof *dataset->values);
    if (dataset->values == NULL) return ll_fail_memory(error, "data", (size_t)(rows * inputs) * 4);
    for (int64_t column = 0, at = 0; column < table->columns; column++) {
        if (column == target) continue;
        for (int64_t row = 0; row < rows; row++) {
            double value = table->values[column * rows + row];
            if (isnan(value)) {
                return ll_fail(error, LL_INVALID_FILE, "data", path, "column '%s' has no number in row %lld of its values",
                               table->names[column], (long long)row + 1);
            }
            dataset->values[row * inputs + at] = (float)value;
        }
        at++;
    }
    const double *outputs = table->values + target * rows;
    if (are_classes(table, target)) {
        dataset->label_width = 1;
        dataset->classes = table->category_count[target];
        dataset->labels = ll_allocate_array(rows, sizeof *dataset->labels);
        if (dataset->labels == NULL) return ll_fail_memory(error, "data", (size_t)rows * 8);
        for (int64_t row = 0; row < rows; row++) dataset->labels[row] = (int64_t)outputs[row];
        LL_TRY(count_classes(dataset, path, error));
        if (table->categories[target] != NULL) LL_TRY(copy_names(dataset, (const char *const *)table->categories[target], error));
    } else {
        dataset->target_width = 1;
        dataset->targets = ll_allocate_array(rows, sizeof *dataset->targets);
        if (dataset->targets == NULL) return ll_fail_memory(error, "data", (size_t)rows * 4);
        for (int64_t row = 0; row < rows; row++) dataset->targets[row] = (float)outputs[row];
    }
    return set_shape(dataset, 1, &inputs, path, error);
}

static ll_status load_csv(ll_dataset *dataset, const char *source, const ll_format_limits *limits, ll_error *error)
{
    char *path = NULL, *column = NULL;
    ll_table table;
    if (strchr(source, '#') != NULL) LL_TRY(split_pair(source, '#', "csv:PATH#COLUMN", &path, &column, error));
    ll_status status = ll_csv_read(path != NULL ? path : source, limits, &table, error);
    if (status == LL_OK) {
        int64_t target = column != NULL ? ll_table_column(&table, column) : table.columns - 1;
        if (target < 0) {
            const char *near = ll_nearest_word(column, (const char *const *)table.names, table.columns);
            status = ll_fail(error, LL_NOT_FOUND, "data", path, "there is no column '%s'%s%s", column,
                             near != NULL ? "; did you mean " : "", near != NULL ? near : "");
        } else {
            status = take_table(dataset, &table, target, source, error);
        }
        ll_table_deinit(&table);
    }
    ll_free(path);
    ll_free(column);
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

static ll_status load_path(ll_dataset *dataset, const char *path, const ll_format_limits *limits, ll_error *error)
{
    char found[1024];
    if (!exists(path)) {
        return ll_fail(error, LL_NOT_FOUND, "data", path,
                       "there is no such file or folder, and no such name (cifar10:PATH, fashion-mnist, idx:X,Y, xy:X,Y, "
                       "folder:PATH, csv:PATH, shapes:COUNT ...)");
    }
    if (is_folder(path)) {
        if (find_file(path, "train-images-idx3-ubyte", found, sizeof found)) return load_mnist(dataset, path, false, limits, error);
        static const char *const batches[] = {"data_batch_1", "data_batch_1.bin", "test_batch", "test_batch.bin", "train.bin", "meta"};
        for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
            if (find_file(path, batches[i], found, sizeof found)) return load_cifar(dataset, path, 0, limits, error);
        }
        return load_folder(dataset, path, limits, error);
    }
    if (ends_with(path, ".bin") || ends_with(path, ".tar.gz")) return load_cifar(dataset, path, 0, limits, error);
    if (ends_with(path, ".csv") || ends_with(path, ".tsv")) return load_csv(dataset, path, limits, error);
    return load_pair_file(dataset, path, limits, error);
}

static ll_status load_two(ll_dataset *dataset, const char *rest, const char *wanted, bool segmentation,
                          const ll_format_limits *limits, ll_error *error)
{
    char *first, *second;
    LL_TRY(split_pair(rest, ',', wanted, &first, &second, error));
    ll_status status = segmentation ? load_segmentation(dataset, first, second, limits, error)
                                    : load_two_files(dataset, first, second, limits, error);
    ll_free(first);
    ll_free(second);
    return status;
}

/* FOLDER/SET[/FILE] of the folder that `losslens data` fetches to; what to do when it is not there. */
static ll_status find_by_name(const char *set, const char *file, char *path, size_t capacity, ll_error *error)
{
    char folder[1024];
    LL_TRY(ll_data_folder(folder, sizeof folder, error));
    int length = snprintf(path, capacity, "%s/%s%s%s", folder, set, file != NULL ? "/" : "", file != NULL ? file : "");
    if (length >= (int)capacity) return wrong(folder, error, "the path is too long");
    if (exists(path)) return LL_OK;
    return ll_fail(error, LL_NOT_FOUND, "data", set, "%s is not there: `losslens data %s` fetches it, or say where it is: %s:PATH", path, set, set);
}

static ll_status load_by_name(ll_dataset *dataset, const char *set, const char *file, const ll_format_limits *limits, ll_error *error)
{
    char path[2048];
    bool fashion = strcmp(set, "fashion-mnist") == 0;
    if (fashion && is_folder(LL_FASHION_FOLDER)) return load_mnist(dataset, LL_FASHION_FOLDER, true, limits, error);
    LL_TRY(find_by_name(set, file, path, sizeof path, error));
    if (file == NULL) return load_mnist(dataset, path, fashion, limits, error);
    return load_cifar(dataset, path, strcmp(set, "cifar10") == 0 ? 10 : 100, limits, error);
}

static ll_status load_source(ll_dataset *dataset, const char *source, const ll_format_limits *limits, ll_error *error)
{
    const char *rest;
    if (strcmp(source, "cifar10") == 0) return load_by_name(dataset, source, "cifar-10-binary.tar.gz", limits, error);
    if (strcmp(source, "cifar100") == 0) return load_by_name(dataset, source, "cifar-100-binary.tar.gz", limits, error);
    if (strcmp(source, "mnist") == 0 || strcmp(source, "fashion-mnist") == 0) return load_by_name(dataset, source, NULL, limits, error);
    if (has_word(source, "cifar10", &rest)) return load_cifar(dataset, rest, 10, limits, error);
    if (has_word(source, "cifar100", &rest)) return load_cifar(dataset, rest, 100, limits, error);
    if (has_word(source, "fashion-mnist", &rest)) return load_mnist(dataset, rest, true, limits, error);
    if (has_word(source, "mnist", &rest)) return load_mnist(dataset, rest, false, limits, error);
    if (has_word(source, "idx", &rest)) return load_two(dataset, rest, "idx:IMAGES,LABELS", false, limits, error);
    if (has_word(source, "xy", &rest)) return load_two(dataset, rest, "xy:X,Y", false, limits, error);
    if (has_word(source, "segmentation", &rest)) return load_two(dataset, rest, "segmentation:IMAGES,MASKS", true, limits, error);
    if (has_word(source, "shapes", &rest)) return data_make_shapes(dataset, rest, error);
    if (has_word(source, "folder", &rest)) return load_folder(dataset, rest, limits, error);
    if (has_word(source, "csv", &rest)) return load_csv(dataset, rest, limits, error);
    return load_path(dataset, source, limits, error);
}

ll_status ll_dataset_load(const char *source, const ll_format_limits *limits, ll_dataset **dataset, ll_error *error)
{
    ll_dataset *result = ll_allocate_zeroed(sizeof *result);
    if (result == NULL) return ll_fail_memory(error, "data", sizeof *result);
    result->name = ll_text_copy(source);
    ll_status status = result->name != NULL ? load_source(result, source, limits, error) : ll_fail_memory(error, "data", 64);
    if (status != LL_OK) {
        ll_dataset_destroy(result);
        return status;
    }
    *dataset = result;
    return LL_OK;
}
