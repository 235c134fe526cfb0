/* CIFAR-10 and CIFAR-100 (Krizhevsky 2009) in the forms in which they are found. */
#define _POSIX_C_SOURCE 200809L
#include "formats/internal.h"
#include "formats/tar.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 32, PIXELS = 3 * SIDE * SIDE };

/* What is gathered from the batches, whatever they come from. */
typedef struct gathering {
    ll_budget budget;
    ll_text pixels, labels, coarse, tests; /* labels as bytes */
    int64_t count, classes;                /* classes 0 until the first batch */
    ll_text names;                         /* class names, each with a 0 behind it */
    int64_t name_count;
} gathering;

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static ll_status same_classes(gathering *g, int64_t classes, const char *place, ll_error *error)
{
    if (g->classes == 0) g->classes = classes;
    if (g->classes == classes) return LL_OK;
    return ll_fail(error, LL_INVALID_FILE, "formats", place, "a batch of %lld classes among batches of %lld",
                   (long long)classes, (long long)g->classes);
}

static ll_status add_image(gathering *g, const uint8_t *pixels, int64_t label, int64_t coarse,
                           const char *place, int64_t index, ll_error *error)
{
    if (label < 0 || label >= g->classes || coarse < 0 || coarse >= 20) {
        return ll_fail(error, LL_INVALID_FILE, "formats", place,
                       "image %lld has label %lld; 0 to %lld is possible", (long long)index,
                       (long long)(label < 0 || label >= g->classes ? label : coarse),
                       (long long)(label < 0 || label >= g->classes ? g->classes - 1 : 19));
    }
    uint8_t bytes[3] = {(uint8_t)label, (uint8_t)coarse, strstr(last_part(place), "test") != NULL};
    ll_text_append_bytes(&g->pixels, pixels, PIXELS);
    ll_text_append_bytes(&g->labels, bytes, 1);
    ll_text_append_bytes(&g->coarse, bytes + 1, 1);
    ll_text_append_bytes(&g->tests, bytes + 2, 1);
    g->count++;
    if (g->pixels.failed || g->labels.failed || g->coarse.failed || g->tests.failed) {
        return ll_fail_memory(error, "formats", g->pixels.length);
    }
    return LL_OK;
}

/* ------------------------------------------------------------------ binary batches */

static ll_status add_binary(gathering *g, const uint8_t *bytes, size_t size, const char *place,
                            ll_error *error)
{
    size_t record = size % (PIXELS + 1) == 0 ? PIXELS + 1 : PIXELS + 2;
    if (size == 0 || size % record != 0) {
        return ll_fail(
            error, LL_INVALID_FILE, "formats", place,
            "%zu bytes are no whole number of CIFAR records (3,073 bytes each, or 3,074 in CIFAR-100): "
            "the file was cut short or is something else",
            size);
    }
    LL_TRY(same_classes(g, record == PIXELS + 1 ? 10 : 100, place, error));
    LL_TRY(ll_budget_take(&g->budget, size, place, error));
    for (size_t i = 0; i < size / record; i++) {
        const uint8_t *at = bytes + i * record;
        bool hundred = record == PIXELS + 2; /* coarse label, fine label */
        LL_TRY(add_image(g, at + (hundred ? 2 : 1), at[hundred ? 1 : 0], hundred ? at[0] : 0, place,
                         (int64_t)i, error));
    }
    return LL_OK;
}

/* ------------------------------------------------------------------ pickled batches */

/* Labels are a list of integers: "labels", or "fine_labels" and "coarse_labels". */
static ll_status add_pickled(gathering *g, const uint8_t *bytes, size_t size, const char *place,
                             bool *is_batch, ll_error *error)
{
    ll_tensor_file *file;
    *is_batch = false;
    LL_TRY(ll_tensor_file_parse(bytes, size, place, &g->budget.limits, &file, error));
    const ll_tensor *data = ll_tensor_file_find(file, "data"), *labels = ll_tensor_file_find(file, "labels");
    const ll_tensor *coarse = NULL;
    ll_status status = LL_OK;
    bool hundred = labels == NULL;
    if (hundred) {
        labels = ll_tensor_file_find(file, "fine_labels");
        coarse = ll_tensor_file_find(file, "coarse_labels");
    }
    if (data == NULL || labels == NULL) {
        ll_tensor_file_destroy(file);
        return LL_OK;
    }
    *is_batch = true;
    int64_t count = ll_tensor_count(labels);
    if (data->type != LL_TENSOR_UINT8 || data->rank != 2 || data->shape[1] != PIXELS ||
        data->shape[0] != count || ll_tensor_type_is_float(labels->type) ||
        (coarse != NULL && ll_tensor_count(coarse) != count)) {
        char text[64];
        ll_tensor_describe(data, text, sizeof text);
        status = ll_fail(error, LL_INVALID_FILE, "formats", place,
                         "a CIFAR batch has data uint8 [n, 3072] and n labels; got %s and %lld labels", text,
                         (long long)count);
    }
    if (status == LL_OK) status = same_classes(g, hundred ? 100 : 10, place, error);
    if (status == LL_OK) status = ll_budget_take(&g->budget, ll_tensor_bytes(data), place, error);
    for (int64_t i = 0; i < count && status == LL_OK; i++) {
        status = add_image(g, (const uint8_t *)data->data + i * PIXELS, (int64_t)ll_tensor_get(labels, i),
                           coarse != NULL ? (int64_t)ll_tensor_get(coarse, i) : 0, place, i, error);
    }
    ll_tensor_file_destroy(file);
    return status;
}

static ll_status add_name(gathering *g, const char *name, size_t length, ll_error *error)
{
    if (length == 0 || g->name_count == 100) return LL_OK;
    ll_text_append_bytes(&g->names, name, length);
    ll_text_append_bytes(&g->names, "", 1);
    g->name_count++;
    return g->names.failed ? ll_fail_memory(error, "formats", length) : LL_OK;
}

/* batches.meta.txt: one name a line. batches.meta, meta: a pickle with a list of names. Not needed: what
 * cannot be read is passed over. */
static ll_status add_meta(gathering *g, const uint8_t *bytes, size_t size, const char *place, ll_error *error)
{
    if (g->name_count > 0) return LL_OK;
    if (size > 0 && bytes[0] != 0x80) {
        for (size_t start = 0, i = 0; i <= size; i++) {
            if (i < size && bytes[i] != '\n') continue;
            size_t end = i > start && bytes[i - 1] == '\r' ? i - 1 : i;
            LL_TRY(add_name(g, (const char *)bytes + start, end - start, error));
            start = i + 1;
        }
        return LL_OK;
    }
    ll_tensor_file *file;
    if (ll_tensor_file_parse(bytes, size, place, &g->budget.limits, &file, NULL) != LL_OK) return LL_OK;
    ll_status status = LL_OK;
    for (int64_t i = 0; i < ll_tensor_file_scalar_count(file) && status == LL_OK; i++) {
        const ll_scalar *scalar = ll_tensor_file_scalar(file, i);
        bool names = strncmp(scalar->name, "label_names.", 12) == 0 ||
                     strncmp(scalar->name, "fine_label_names.", 17) == 0;
        if (names && scalar->type == LL_SCALAR_TEXT)
            status = add_name(g, scalar->text, strlen(scalar->text), error);
    }
    ll_tensor_file_destroy(file);
    return status;
}

/* ------------------------------------------------------------------ what holds the batches */

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* Adds one file of the data set; files of other kinds in the same folder are passed over. */
static ll_status add_member(gathering *g, const uint8_t *bytes, size_t size, const char *place,
                            ll_error *error)
{
    const char *name = last_part(place);
    if (strncmp(name, "batches.meta", 12) == 0 || strcmp(name, "meta") == 0 ||
        strcmp(name, "fine_label_names.txt") == 0) {
        return add_meta(g, bytes, size, place, error);
    }
    if (ends_with(name, ".bin")) return add_binary(g, bytes, size, place, error);
    bool batch = strncmp(name, "data_batch", 10) == 0 || strncmp(name, "test_batch", 10) == 0 ||
                 strcmp(name, "train") == 0 || strcmp(name, "test") == 0;
    if (!batch) return LL_OK;
    LL_TRY(add_pickled(g, bytes, size, place, &batch, error));
    return batch ? LL_OK
                 : ll_fail(error, LL_INVALID_FILE, "formats", place,
                           "no CIFAR batch: it lacks 'data' or its labels");
}

/* Training batches before test batches, each in natural order of their names. */
static int by_batch(const void *left, const void *right)
{
    const char *a = *(char *const *)left, *b = *(char *const *)right;
    int test_a = strstr(last_part(a), "test") != NULL, test_b = strstr(last_part(b), "test") != NULL;
    return test_a != test_b ? test_a - test_b : ll_natural_compare(a, b);
}

typedef struct member {
    char *name; /* first: sorted by it */
    const uint8_t *bytes;
    size_t size;
} member;

static ll_status add_tar(gathering *g, const uint8_t *bytes, size_t size, const char *place, ll_error *error)
{
    enum { MEMBERS = 256 }; /* the real archives have nine */
    member members[MEMBERS];
    int count = 0;
    ll_status status = LL_OK;
    ll_tar tar;
    ll_tar_begin(&tar, bytes, size, &g->budget.limits);
    for (;;) {
        ll_tar_entry entry;
        bool done;
        status = ll_tar_next(&tar, place, &entry, &done, error);
        if (status != LL_OK || done) break;
        if (count == MEMBERS) {
            status = ll_fail(error, LL_TOO_LARGE, "formats", place, "a CIFAR archive of more than %d files",
                             MEMBERS);
            break;
        }
        members[count] = (member){ll_text_copy(entry.name), entry.bytes, entry.size};
        if (members[count].name == NULL) {
            status = ll_fail_memory(error, "formats", sizeof entry.name);
            break;
        }
        count++;
    }
    if (count > 0) qsort(members, (size_t)count, sizeof *members, by_batch);
    for (int i = 0; i < count && status == LL_OK; i++) {
        status = add_member(g, members[i].bytes, members[i].size, members[i].name, error);
    }
    for (int i = 0; i < count; i++) ll_free(members[i].name);
    return status;
}

static ll_status add_bytes(gathering *g, const uint8_t *bytes, size_t size, const char *place,
                           ll_error *error)
{
    if (size >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B) {
        uint8_t *unpacked;
        size_t unpacked_size;
        LL_TRY(ll_gunzip(bytes, size, &g->budget, &unpacked, &unpacked_size, place, error));
        ll_status status = ll_tar_detect(unpacked, unpacked_size)
                               ? add_tar(g, unpacked, unpacked_size, place, error)
                               : add_binary(g, unpacked, unpacked_size, place, error);
        ll_free(unpacked);
        return status;
    }
    if (ll_tar_detect(bytes, size)) return add_tar(g, bytes, size, place, error);
    if (size >= 2 && bytes[0] == 0x80 && bytes[1] >= 2 && bytes[1] <= 5) {
        bool batch;
        LL_TRY(add_pickled(g, bytes, size, place, &batch, error));
        if (batch) return LL_OK;
        return ll_fail(error, LL_INVALID_FILE, "formats", place,
                       "no CIFAR batch: it lacks 'data' or its labels");
    }
    return add_binary(g, bytes, size, place, error);
}

static ll_status add_folder(gathering *g, const char *path, ll_error *error)
{
    DIR *folder = opendir(path);
    if (folder == NULL) return ll_fail(error, LL_IO, "formats", path, "the folder cannot be read");
    enum { FILES = 256 };
    char *names[FILES];
    int count = 0;
    ll_status status = LL_OK;
    for (struct dirent *entry = readdir(folder); entry != NULL && count < FILES; entry = readdir(folder)) {
        if (entry->d_name[0] == '.') continue;
        ll_text name = {0};
        ll_text_format(&name, "%s/%s", path, entry->d_name);
        names[count] = name.failed ? NULL : ll_text_copy(name.text);
        ll_text_deinit(&name);
        if (names[count] == NULL) {
            status = ll_fail_memory(error, "formats", 256);
            break;
        }
        count++;
    }
    closedir(folder);
    if (count > 0) qsort(names, (size_t)count, sizeof *names, by_batch);
    for (int i = 0; i < count && status == LL_OK; i++) {
        ll_file_bytes file = {0};
        if (ll_file_map(names[i], &file, NULL) != LL_OK) continue; /* a folder in the folder, a socket ... */
        status = add_member(g, file.bytes, file.size, names[i], error);
        ll_file_unmap(&file);
    }
    for (int i = 0; i < count; i++) ll_free(names[i]);
    return status;
}

/* ------------------------------------------------------------------ result */

void ll_image_set_deinit(ll_image_set *set)
{
    ll_free(set->pixels);
    ll_free(set->labels);
    ll_free(set->coarse_labels);
    ll_free(set->is_test);
    for (int64_t i = 0; set->class_names != NULL && i < set->classes; i++) ll_free(set->class_names[i]);
    ll_free(set->class_names);
    *set = (ll_image_set){0};
}

static bool fill_set(const gathering *g, ll_image_set *set)
{
    bool hundred = g->classes == 100;
    *set = (ll_image_set){
        .count = g->count, .channels = 3, .height = SIDE, .width = SIDE, .classes = g->classes};
    set->pixels = ll_allocate(g->pixels.length);
    set->labels = ll_allocate_array(g->count, sizeof *set->labels);
    set->is_test = ll_allocate((size_t)g->count);
    if (hundred) set->coarse_labels = ll_allocate_array(g->count, sizeof *set->coarse_labels);
    if (set->pixels == NULL || set->labels == NULL || set->is_test == NULL ||
        (hundred && set->coarse_labels == NULL)) {
        return false;
    }
    memcpy(set->pixels, g->pixels.text, g->pixels.length);
    memcpy(set->is_test, g->tests.text, (size_t)g->count);
    for (int64_t i = 0; i < g->count; i++) {
        set->labels[i] = (uint8_t)g->labels.text[i];
        if (hundred) set->coarse_labels[i] = (uint8_t)g->coarse.text[i];
    }
    if (g->name_count != g->classes) return true;
    set->class_names = ll_allocate_zeroed((size_t)g->classes * sizeof *set->class_names);
    if (set->class_names == NULL) return false;
    const char *at = g->names.text;
    for (int64_t i = 0; i < g->classes; i++, at += strlen(at) + 1) {
        set->class_names[i] = ll_text_copy(at);
        if (set->class_names[i] == NULL) return false;
    }
    return true;
}

static ll_status finish(gathering *g, ll_status status, const char *place, ll_image_set *set, ll_error *error)
{
    if (status == LL_OK && g->count == 0) {
        status = ll_fail(error, LL_INVALID_FILE, "formats", place,
                         "no CIFAR batch in it: data_batch_1.bin, data_batch_1 (a pickle), train.bin or the "
                         "like is wanted");
    }
    if (status == LL_OK) {
        ll_image_set result;
        if (fill_set(g, &result)) {
            *set = result;
        } else {
            ll_image_set_deinit(&result);
            status = ll_fail_memory(error, "formats", g->pixels.length);
        }
    }
    ll_text_deinit(&g->pixels);
    ll_text_deinit(&g->labels);
    ll_text_deinit(&g->coarse);
    ll_text_deinit(&g->tests);
    ll_text_deinit(&g->names);
    return status;
}

ll_status ll_cifar_parse(const void *bytes, size_t size, const char *place, const ll_format_limits *limits,
                         ll_image_set *set, ll_error *error)
{
    gathering g = {0};
    ll_budget_init(&g.budget, limits, size);
    return finish(&g, add_bytes(&g, bytes, size, place, error), place, set, error);
}

ll_status ll_cifar_read(const char *path, const ll_format_limits *limits, ll_image_set *set, ll_error *error)
{
    DIR *folder = opendir(path);
    if (folder != NULL) {
        closedir(folder);
        gathering g = {0};
        ll_budget_init(&g.budget, limits, SIZE_MAX);
        return finish(&g, add_folder(&g, path, error), path, set, error);
    }
    ll_file_bytes file = {0};
    LL_TRY(ll_file_map(path, &file, error));
    ll_status status = ll_cifar_parse(file.bytes, file.size, path, limits, set, error);
    ll_file_unmap(&file);
    return status;
}
