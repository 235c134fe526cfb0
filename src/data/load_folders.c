/* Folders of images: a class a folder, and images with masks. */
#define _POSIX_C_SOURCE 200809L
#include "data/load.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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
static ll_status list_folder(const char *path, bool folders, const ll_format_limits *limits, listing *list,
                             ll_error *error)
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
        bool wanted =
            !full.failed && (data_is_folder(full.text) ? folders : !folders && is_image_name(entry->d_name));
        if (wanted && list->count == list->capacity) {
            int64_t capacity = list->capacity > 0 ? 2 * list->capacity : 64;
            char **grown = realloc(list->names, (size_t)capacity * sizeof *grown);
            if (grown != NULL) list->names = grown, list->capacity = capacity;
        }
        char *copy = wanted && list->count < list->capacity ? ll_text_copy(full.text) : NULL;
        if (wanted && copy == NULL) status = ll_fail_memory(error, "data", 256);
        if (wanted && status == LL_OK && list->count == most) {
            ll_free(copy);
            status = ll_fail(error, LL_TOO_LARGE, "data", path, "more than %lld entries (entries)",
                             (long long)most);
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

static ll_status add_picture(pictures *all, const char *path, int64_t label, bool test,
                             const ll_format_limits *limits, ll_error *error)
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
        status = ll_fail(error, LL_SHAPE, "data", path,
                         "image of %lld x %lld x %lld; the first has %lld x %lld x %lld", (long long)shape[0],
                         (long long)shape[1], (long long)shape[2], (long long)all->shape[0],
                         (long long)all->shape[1], (long long)all->shape[2]);
    } else if (all->pixels.length + bytes > most) {
        status = ll_fail(error, LL_TOO_LARGE, "data", path,
                         "the images need more than %llu bytes (unpacked_bytes)", (unsigned long long)most);
    } else {
        uint8_t is_test = test;
        ll_text_append_bytes(&all->pixels, image.pixels, bytes);
        ll_text_append_bytes(&all->labels, &label, sizeof label);
        ll_text_append_bytes(&all->tests, &is_test, 1);
        all->count++;
        if (all->pixels.failed || all->labels.failed || all->tests.failed)
            status = ll_fail_memory(error, "data", bytes);
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
                           : data_is_folder(folder.text)
                               ? list_folder(folder.text, false, limits, &images, error)
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

static ll_status keep_pictures(ll_dataset *dataset, const pictures *all, bool has_test, const char *path,
                               ll_error *error)
{
    if (all->count == 0)
        return data_wrong(path, error, "no PNG or JPEG image is in the class folders of this folder");
    dataset->count = all->count;
    dataset->pixels = copy_block(&all->pixels);
    if (dataset->pixels == NULL) return ll_fail_memory(error, "data", all->pixels.length);
    if (has_test) {
        dataset->is_test = copy_block(&all->tests);
        if (dataset->is_test == NULL) return ll_fail_memory(error, "data", all->tests.length);
    }
    return data_set_shape(dataset, 3, all->shape, path, error);
}

static void pictures_deinit(pictures *all)
{
    ll_text_deinit(&all->pixels);
    ll_text_deinit(&all->labels);
    ll_text_deinit(&all->tests);
}

ll_status data_load_folder(ll_dataset *dataset, const char *path, const ll_format_limits *limits,
                           ll_error *error)
{
    char train[1024], test[1024];
    if (snprintf(train, sizeof train, "%s/train", path) >= (int)sizeof train)
        return data_wrong(path, error, "the path is too long");
    if (snprintf(test, sizeof test, "%s/test", path) >= (int)sizeof test)
        return data_wrong(path, error, "the path is too long");
    bool split = data_is_folder(train) && data_is_folder(test);
    listing classes = {0};
    pictures all = {0};
    ll_status status = list_folder(split ? train : path, true, limits, &classes, error);
    if (status == LL_OK)
        status = add_class_folders(&all, split ? train : path, &classes, false, limits, error);
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
    if (status == LL_OK) status = data_copy_names(dataset, (const char *const *)classes.names, error);
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

ll_status data_load_segmentation(ll_dataset *dataset, const char *images_path, const char *masks_path,
                                 const ll_format_limits *limits, ll_error *error)
{
    listing images = {0}, masks = {0};
    pictures all = {0}, all_masks = {0};
    ll_status status = list_folder(images_path, false, limits, &images, error);
    if (status == LL_OK) status = list_folder(masks_path, false, limits, &masks, error);
    if (status == LL_OK && images.count != masks.count) {
        status = ll_fail(error, LL_INVALID_FILE, "data", masks_path, "%lld masks for %lld images",
                         (long long)masks.count, (long long)images.count);
    }
    for (int64_t i = 0; i < images.count && status == LL_OK; i++) {
        const char *image = last_part(images.names[i]), *mask = last_part(masks.names[i]);
        if (stem_length(image) != stem_length(mask) || strncmp(image, mask, stem_length(image)) != 0) {
            status = ll_fail(error, LL_INVALID_FILE, "data", masks_path,
                             "image %s has no mask; %s stands in its place", image, mask);
        }
        if (status == LL_OK) status = add_picture(&all, images.names[i], 0, false, limits, error);
        if (status == LL_OK) status = add_picture(&all_masks, masks.names[i], 0, false, limits, error);
    }
    if (status == LL_OK && all.count > 0 &&
        (all_masks.shape[0] != 1 || all_masks.shape[1] != all.shape[1] ||
         all_masks.shape[2] != all.shape[2])) {
        status = ll_fail(error, LL_SHAPE, "data", masks_path,
                         "a mask is a grey image of the image's size, its values the classes");
    }
    if (status == LL_OK) status = keep_pictures(dataset, &all, false, images_path, error);
    if (status == LL_OK) {
        dataset->label_width = all.shape[1] * all.shape[2];
        dataset->labels = ll_allocate_array(dataset->count * dataset->label_width, sizeof *dataset->labels);
        if (dataset->labels == NULL) status = ll_fail_memory(error, "data", all_masks.pixels.length * 8);
    }
    if (status == LL_OK) {
        for (size_t i = 0; i < all_masks.pixels.length; i++)
            dataset->labels[i] = (uint8_t)all_masks.pixels.text[i];
        status = data_count_classes(dataset, masks_path, error);
    }
    listing_deinit(&images);
    listing_deinit(&masks);
    pictures_deinit(&all);
    pictures_deinit(&all_masks);
    return status;
}
