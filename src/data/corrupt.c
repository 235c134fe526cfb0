/* Corruptions after D. Hendrycks, T. Dietterich, "Benchmarking neural network robustness to common
 * corruptions and perturbations", ICLR 2019, with CIFAR-10-C's severities. Differences from the authors'
 * code: bytes are rounded to nearest, not cut off; the blur is a Gaussian of 4 sigma with mirrored borders,
 * as scipy's. */
#include "losslens/data.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *ll_corruption_name(ll_corruption_kind kind)
{
    switch (kind) {
#define NAME(name, text)                                                                                     \
    case LL_CORRUPTION_##name: return text;
        LL_CORRUPTION_LIST(NAME)
#undef NAME
    case LL_CORRUPTIONS: break;
    }
    return "unknown";
}

static const double severities[LL_CORRUPTIONS][5] = {
    [LL_CORRUPTION_GAUSSIAN_NOISE] = {.04, .06, .08, .09, .10},
    [LL_CORRUPTION_SHOT_NOISE] = {500, 250, 100, 75, 50},
    [LL_CORRUPTION_IMPULSE_NOISE] = {.01, .02, .03, .05, .07},
    [LL_CORRUPTION_SPECKLE_NOISE] = {.06, .1, .12, .16, .2},
    [LL_CORRUPTION_BLUR] = {.4, .6, .7, .8, 1},
    [LL_CORRUPTION_CONTRAST] = {.75, .5, .4, .3, .15},
    [LL_CORRUPTION_BRIGHTNESS] = {.05, .1, .15, .2, .3},
    [LL_CORRUPTION_JPEG] = {80, 65, 58, 50, 40},
    [LL_CORRUPTION_PIXELATE] = {.95, .9, .85, .75, .65},
};

static uint8_t to_byte(double value)
{
    double scaled = value * 255.0;
    return scaled <= 0 ? 0 : scaled >= 255 ? 255 : (uint8_t)lrint(scaled);
}

/* Poisson by counting exponential gaps in a unit of time (Knuth), from the numbers 4096 i .. of the stream:
 * the mean here is at most 500, and exp(-500) is still a normal double. */
static double draw_poisson(ll_rng rng, uint64_t i, double mean)
{
    double limit = exp(-mean), product = 1;
    uint64_t count = 0;
    for (; count < 4096; count++) {
        product *= 1 - ll_rng_uniform(rng, i * 4096 + count);
        if (product <= limit) break;
    }
    return (double)count;
}

static void add_noise(const ll_image *image, ll_corruption_kind kind, double amount, ll_rng rng, uint8_t *out)
{
    int64_t count = image->channels * image->height * image->width;
    for (int64_t i = 0; i < count; i++) {
        double value = image->pixels[i] / 255.0;
        uint64_t at = (uint64_t)i;
        if (kind == LL_CORRUPTION_GAUSSIAN_NOISE) {
            value += amount * ll_rng_normal(rng, at);
        } else if (kind == LL_CORRUPTION_SPECKLE_NOISE) {
            value += value * amount * ll_rng_normal(rng, at);
        } else if (kind == LL_CORRUPTION_SHOT_NOISE) {
            value = draw_poisson(rng, at, value * amount) / amount;
        } else if (ll_rng_uniform(rng, 2 * at) < amount) { /* impulse: salt or pepper */
            value = ll_rng_below(rng, 2 * at + 1, 2) == 0 ? 0 : 1;
        }
        out[i] = to_byte(value);
    }
}

static int64_t mirror(int64_t at, int64_t size)
{
    /* ... 1 0 | 0 1 2 ... : scipy's "reflect" */
    while (at < 0 || at >= size) at = at < 0 ? -1 - at : 2 * size - 1 - at;
    return at;
}

static ll_status blur(const ll_image *image, double sigma, uint8_t *out, ll_error *error)
{
    enum { REACH = 4 }; /* 4 sigma, sigma at most 1 */
    double weights[2 * REACH + 1], total = 0;
    int64_t reach = (int64_t)(4 * sigma + 0.5), height = image->height, width = image->width;
    for (int64_t k = -reach; k <= reach; k++) {
        weights[k + reach] = exp(-0.5 * (double)(k * k) / (sigma * sigma));
        total += weights[k + reach];
    }
    double *rows = ll_allocate_array(height * width, sizeof *rows);
    if (rows == NULL) return ll_fail_memory(error, "data", (size_t)(height * width) * sizeof *rows);
    for (int64_t c = 0; c < image->channels; c++) {
        const uint8_t *plane = image->pixels + c * height * width;
        for (int64_t y = 0; y < height; y++) {
            for (int64_t x = 0; x < width; x++) {
                double sum = 0;
                for (int64_t k = -reach; k <= reach; k++)
                    sum += weights[k + reach] * plane[y * width + mirror(x + k, width)];
                rows[y * width + x] = sum / total;
            }
        }
        for (int64_t y = 0; y < height; y++) {
            for (int64_t x = 0; x < width; x++) {
                double sum = 0;
                for (int64_t k = -reach; k <= reach; k++)
                    sum += weights[k + reach] * rows[mirror(y + k, height) * width + x];
                out[(c * height + y) * width + x] = to_byte(sum / total / 255.0);
            }
        }
    }
    ll_free(rows);
    return LL_OK;
}

/* Each channel towards its own mean over the image. */
static void reduce_contrast(const ll_image *image, double factor, uint8_t *out)
{
    int64_t plane = image->height * image->width;
    for (int64_t c = 0; c < image->channels; c++) {
        double mean = 0;
        for (int64_t k = 0; k < plane; k++) mean += image->pixels[c * plane + k] / 255.0;
        mean /= (double)plane;
        for (int64_t k = 0; k < plane; k++) {
            out[c * plane + k] = to_byte((image->pixels[c * plane + k] / 255.0 - mean) * factor + mean);
        }
    }
}

/* V of HSV rises by `amount`, hue and saturation stay: all channels are scaled by V'/V. */
static void brighten(const ll_image *image, double amount, uint8_t *out)
{
    int64_t plane = image->height * image->width;
    for (int64_t k = 0; k < plane; k++) {
        double value = 0;
        for (int64_t c = 0; c < image->channels; c++)
            value = fmax(value, image->pixels[c * plane + k] / 255.0);
        double raised = fmin(value + amount, 1);
        for (int64_t c = 0; c < image->channels; c++) {
            double channel = image->pixels[c * plane + k] / 255.0;
            out[c * plane + k] = to_byte(value > 0 ? channel * raised / value : raised);
        }
    }
}

/* Area average down to factor times the size, then the nearest of those pixels. */
static void pixelate(const ll_image *image, double factor, uint8_t *out)
{
    int64_t height = image->height, width = image->width;
    int64_t rows = ll_max_int64(1, (int64_t)((double)height * factor)),
            columns = ll_max_int64(1, (int64_t)((double)width * factor));
    for (int64_t c = 0; c < image->channels; c++) {
        const uint8_t *plane = image->pixels + c * height * width;
        for (int64_t y = 0; y < height; y++) {
            for (int64_t x = 0; x < width; x++) {
                double row = (double)((2 * y + 1) * rows / (2 * height)),
                       column = (double)((2 * x + 1) * columns / (2 * width));
                double top = row * (double)height / (double)rows,
                       bottom = (row + 1) * (double)height / (double)rows;
                double left = column * (double)width / (double)columns,
                       right = (column + 1) * (double)width / (double)columns;
                double sum = 0, area = 0;
                for (int64_t j = (int64_t)top; j < height && (double)j < bottom; j++) {
                    for (int64_t i = (int64_t)left; i < width && (double)i < right; i++) {
                        double part = (fmin(bottom, (double)j + 1) - fmax(top, (double)j)) *
                                      (fmin(right, (double)i + 1) - fmax(left, (double)i));
                        sum += part * plane[j * width + i];
                        area += part;
                    }
                }
                out[(c * height + y) * width + x] = to_byte(sum / area / 255.0);
            }
        }
    }
}

static ll_status through_jpeg(const ll_image *image, int quality, uint8_t *out, ll_error *error)
{
    ll_text file = {0};
    ll_image decoded = {0};
    ll_status status = ll_image_encode_jpeg(image, quality, &file, error);
    if (status == LL_OK)
        status = ll_image_decode(file.text, file.length, "jpeg corruption", NULL, &decoded, error);
    if (status == LL_OK)
        memcpy(out, decoded.pixels, (size_t)(image->channels * image->height * image->width));
    ll_image_deinit(&decoded);
    ll_text_deinit(&file);
    return status;
}

static ll_status corrupt(const ll_image *image, ll_corruption corruption, ll_rng rng, uint8_t *out,
                         ll_error *error)
{
    double amount = severities[corruption.kind][corruption.severity - 1];
    switch (corruption.kind) {
    case LL_CORRUPTION_BLUR: return blur(image, amount, out, error);
    case LL_CORRUPTION_JPEG: return through_jpeg(image, (int)amount, out, error);
    case LL_CORRUPTION_CONTRAST: reduce_contrast(image, amount, out); return LL_OK;
    case LL_CORRUPTION_BRIGHTNESS: brighten(image, amount, out); return LL_OK;
    case LL_CORRUPTION_PIXELATE: pixelate(image, amount, out); return LL_OK;
    default: add_noise(image, corruption.kind, amount, rng, out); return LL_OK;
    }
}

static ll_status check(ll_corruption corruption, ll_error *error)
{
    if ((int)corruption.kind >= 0 && corruption.kind < LL_CORRUPTIONS && corruption.severity >= 1 &&
        corruption.severity <= 5) {
        return LL_OK;
    }
    return ll_fail(error, LL_INVALID_ARGUMENT, "data", NULL,
                   "corruption %d of severity %d; 0 to %d and 1 to 5 are wanted", (int)corruption.kind,
                   corruption.severity, LL_CORRUPTIONS - 1);
}

/* One word of a list, "kind" or "kind:severity", of `length` letters. */
static ll_status parse_one(const char *word, size_t length, ll_corruption *list, int64_t *count,
                           ll_error *error)
{
    const char *names[LL_CORRUPTIONS];
    char kind[64];
    const char *colon = memchr(word, ':', length);
    size_t letters = colon != NULL ? (size_t)(colon - word) : length;
    snprintf(kind, sizeof kind, "%.*s", (int)(letters < sizeof kind ? letters : sizeof kind - 1), word);
    int which = -1;
    for (int i = 0; i < LL_CORRUPTIONS; i++) {
        names[i] = ll_corruption_name((ll_corruption_kind)i);
        if (strcmp(names[i], kind) == 0) which = i;
    }
    if (which < 0) {
        const char *near = ll_nearest_word(kind, names, LL_CORRUPTIONS);
        return ll_fail(error, LL_NOT_FOUND, "data", kind,
                       "no corruption of that name%s%s; there are gaussian_noise, shot_noise, impulse_noise, "
                       "speckle_noise, blur, contrast, brightness, jpeg, pixelate, or all of them: all",
                       near != NULL ? "; did you mean " : "", near != NULL ? near : "");
    }
    bool one = colon != NULL && word + length == colon + 2 && colon[1] >= '1' && colon[1] <= '5';
    if (colon != NULL && !one) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "data", kind, "got the severity \"%.*s\"; wanted 1 to 5",
                       (int)(word + length - colon - 1), colon + 1);
    }
    for (int severity = 1; severity <= 5; severity++) {
        if (one && severity != colon[1] - '0') continue;
        if (*count == LL_CORRUPTION_LIMIT)
            return ll_fail(error, LL_TOO_LARGE, "data", kind, "more than %d corruptions",
                           LL_CORRUPTION_LIMIT);
        list[(*count)++] = (ll_corruption){(ll_corruption_kind)which, severity};
    }
    return LL_OK;
}

ll_status ll_corruptions_parse(const char *text, ll_corruption corruptions[LL_CORRUPTION_LIMIT],
                               int64_t *count, ll_error *error)
{
    ll_corruption list[LL_CORRUPTION_LIMIT];
    int64_t read = 0;
    bool all = strcmp(text, "all") == 0;
    for (int kind = 0; all && kind < LL_CORRUPTIONS; kind++) {
        const char *name = ll_corruption_name((ll_corruption_kind)kind);
        LL_TRY(parse_one(name, strlen(name), list, &read, error));
    }
    for (const char *word = text; !all; word++) {
        size_t length = strcspn(word, ",");
        LL_TRY(parse_one(word, length, list, &read, error));
        word += length;
        if (*word == 0) break;
    }
    memcpy(corruptions, list, (size_t)read * sizeof *list);
    *count = read;
    return LL_OK;
}

ll_status ll_corrupt_image(const ll_image *image, ll_corruption corruption, ll_rng rng, ll_image *corrupted,
                           ll_error *error)
{
    LL_TRY(check(corruption, error));
    ll_image result = *image;
    result.pixels = ll_allocate((size_t)(image->channels * image->height * image->width));
    if (result.pixels == NULL)
        return ll_fail_memory(error, "data", (size_t)(image->channels * image->height * image->width));
    ll_status status = corrupt(image, corruption, rng, result.pixels, error);
    if (status != LL_OK) {
        ll_free(result.pixels);
        return status;
    }
    *corrupted = result;
    return LL_OK;
}

/* ------------------------------------------------------------------ data sets */

static ll_status allocate_like(const ll_dataset *dataset, int64_t count, ll_dataset *result, ll_error *error)
{
    ll_text name = {0};
    ll_text_format(&name, "%s, corrupted", dataset->name);
    result->name = name.failed ? NULL : ll_text_copy(name.text);
    ll_text_deinit(&name);
    result->count = count;
    result->rank = dataset->rank;
    memcpy(result->shape, dataset->shape, sizeof result->shape);
    result->width = dataset->width;
    result->label_width = dataset->label_width;
    result->classes = dataset->classes;
    result->target_width = dataset->target_width;
    result->pixels = ll_allocate_array(count, (size_t)dataset->width);
    result->base = ll_allocate_array(count, sizeof *result->base);
    result->base_hashes = ll_allocate_array(count, sizeof *result->base_hashes);
    bool good =
        result->name != NULL && result->pixels != NULL && result->base != NULL && result->base_hashes != NULL;
    if (dataset->labels != NULL) {
        result->labels = ll_allocate_array(count * dataset->label_width, sizeof *result->labels);
        good = good && result->labels != NULL;
    }
    if (dataset->targets != NULL) {
        result->targets = ll_allocate_array(count * dataset->target_width, sizeof *result->targets);
        good = good && result->targets != NULL;
    }
    if (dataset->is_test != NULL) {
        result->is_test = ll_allocate((size_t)count);
        good = good && result->is_test != NULL;
    }
    if (dataset->class_names != NULL) {
        result->class_names = ll_allocate_zeroed((size_t)dataset->classes * sizeof *result->class_names);
        good = good && result->class_names != NULL;
        for (int64_t i = 0; good && i < dataset->classes; i++) {
            result->class_names[i] = ll_text_copy(dataset->class_names[i]);
            good = result->class_names[i] != NULL;
        }
    }
    return good ? LL_OK : ll_fail_memory(error, "data", (size_t)(count * dataset->width));
}

static ll_status fill(const ll_dataset *dataset, const ll_subset *subset, const ll_corruption *corruptions,
                      int64_t corruption_count, uint64_t seed, ll_dataset *result, ll_error *error)
{
    ll_rng which = ll_rng_make(seed, "corruption", "kind");
    for (int64_t i = 0; i < subset->count; i++) {
        int64_t from = subset->indices[i];
        uint64_t drawn = ll_rng_below(which, (uint64_t)from, (uint64_t)corruption_count);
        char name[32];
        snprintf(name, sizeof name, "image %lld", (long long)from);
        ll_image image = {dataset->shape[0], dataset->shape[1], dataset->shape[2],
                          dataset->pixels + from * dataset->width};
        LL_TRY(corrupt(&image, corruptions[drawn], ll_rng_make(seed, "corruption", name),
                       result->pixels + i * dataset->width, error));
        result->base[i] = dataset->base != NULL ? dataset->base[from] : from;
        result->base_hashes[i] = dataset->base_hashes != NULL
                                     ? dataset->base_hashes[from]
                                     : ll_hash_bytes(image.pixels, (size_t)dataset->width);
        if (result->is_test != NULL) result->is_test[i] = dataset->is_test[from];
    }
    if (result->labels != NULL)
        ll_dataset_fetch_labels(dataset, subset->indices, subset->count, result->labels);
    if (result->targets != NULL)
        ll_dataset_fetch_targets(dataset, subset->indices, subset->count, result->targets);
    return LL_OK;
}

ll_status ll_dataset_corrupt(const ll_dataset *dataset, const ll_subset *subset,
                             const ll_corruption *corruptions, int64_t corruption_count, uint64_t seed,
                             ll_dataset **corrupted, ll_error *error)
{
    bool image =
        dataset->pixels != NULL && dataset->rank == 3 && (dataset->shape[0] == 1 || dataset->shape[0] == 3);
    if (!image || subset->count < 1 || corruption_count < 1) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "data", dataset->name,
                       "images of 1 or 3 channels, at least one sample and one corruption are wanted");
    }
    for (int64_t i = 0; i < corruption_count; i++) LL_TRY(check(corruptions[i], error));
    ll_dataset *result = ll_allocate_zeroed(sizeof *result);
    if (result == NULL) return ll_fail_memory(error, "data", sizeof *result);
    ll_status status = allocate_like(dataset, subset->count, result, error);
    if (status == LL_OK) status = fill(dataset, subset, corruptions, corruption_count, seed, result, error);
    if (status != LL_OK) {
        ll_dataset_destroy(result);
        return status;
    }
    *corrupted = result;
    return LL_OK;
}
