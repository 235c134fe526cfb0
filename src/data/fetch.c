#include "losslens/data.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------ normalisation */

static int64_t channels_of(const ll_dataset *dataset) { return dataset->rank > 0 ? dataset->shape[0] : 1; }

ll_status ll_normalisation_check(const ll_normalisation *normalisation, const ll_dataset *dataset,
                                 ll_error *error)
{
    int64_t channels = normalisation->channels;
    if (channels < 0 || channels > LL_CHANNEL_LIMIT || (channels > 1 && channels != channels_of(dataset))) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "data", dataset->name,
                       "mean and deviation have %lld channels; the inputs have %lld", (long long)channels,
                       (long long)channels_of(dataset));
    }
    for (int64_t c = 0; c < channels; c++) {
        if (!isfinite(normalisation->mean[c]) || !(normalisation->deviation[c] > 0.0F) ||
            !isfinite(normalisation->deviation[c])) {
            return ll_fail(
                error, LL_INVALID_ARGUMENT, "data", dataset->name,
                "channel %lld: mean %g and deviation %g; finite numbers and a deviation above 0 are wanted",
                (long long)c, (double)normalisation->mean[c], (double)normalisation->deviation[c]);
        }
    }
    return LL_OK;
}

ll_status ll_normalisation_measure(const ll_dataset *dataset, const ll_subset *subset,
                                   ll_normalisation *normalisation, ll_error *error)
{
    int64_t channels = channels_of(dataset), plane = dataset->width / (channels > 0 ? channels : 1);
    if (channels > LL_CHANNEL_LIMIT) channels = 1, plane = dataset->width;
    if (subset->count == 0 || plane == 0) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "data", dataset->name, "no samples to measure");
    }
    ll_normalisation result = {.channels = channels};
    double count = (double)subset->count * (double)plane;
    for (int64_t c = 0; c < channels; c++) {
        double sum = 0, squares = 0, mean = 0;
        for (int pass = 0; pass < 2; pass++) { /* the second about the mean: no cancellation */
            for (int64_t i = 0; i < subset->count; i++) {
                int64_t at = subset->indices[i] * dataset->width + c * plane;
                for (int64_t k = 0; k < plane; k++) {
                    double value = dataset->pixels != NULL ? dataset->pixels[at + k] / 255.0
                                                           : (double)dataset->values[at + k];
                    if (pass == 0) {
                        sum += value;
                    } else {
                        squares += (value - mean) * (value - mean);
                    }
                }
            }
            mean = sum / count;
        }
        result.mean[c] = (float)mean;
        result.deviation[c] = (float)sqrt(squares / count);
    }
    LL_TRY(ll_normalisation_check(&result, dataset, error));
    *normalisation = result;
    return LL_OK;
}

/* ------------------------------------------------------------------ fetching */

/* Where an augmented image's pixel (0, 0) is looked up, and whether it is mirrored. */
typedef struct placement {
    int64_t top, left;
    bool mirrored;
} placement;

static placement draw_placement(const ll_augmentation *augmentation, ll_rng rng, int64_t sample)
{
    uint64_t index = 3 * (uint64_t)sample, bound = 2 * (uint64_t)augmentation->pad + 1;
    return (placement){(int64_t)ll_rng_below(rng, index, bound) - augmentation->pad,
                       (int64_t)ll_rng_below(rng, index + 1, bound) - augmentation->pad,
                       augmentation->flip && ll_rng_below(rng, index + 2, 2) == 1};
}

static ll_rng epoch_rng(uint64_t seed, const char *purpose, int64_t epoch)
{
    char name[32];
    snprintf(name, sizeof name, "epoch %lld", (long long)epoch);
    return ll_rng_make(seed, purpose, name);
}

/* One plane of an image, cropped and mirrored; outside of it is 0, as before normalisation. */
static void place_plane(const ll_dataset *dataset, int64_t at, int64_t height, int64_t width, placement where,
                        float *target)
{
    for (int64_t y = 0; y < height; y++) {
        for (int64_t x = 0; x < width; x++) {
            int64_t from_y = y + where.top, from_x = (where.mirrored ? width - 1 - x : x) + where.left;
            bool inside = from_y >= 0 && from_y < height && from_x >= 0 && from_x < width;
            int64_t from = at + from_y * width + from_x;
            target[y * width + x] = !inside                   ? 0.0F
                                    : dataset->pixels != NULL ? (float)dataset->pixels[from] / 255.0F
                                                              : dataset->values[from];
        }
    }
}

static void copy_plane(const ll_dataset *dataset, int64_t at, int64_t count, float *target)
{
    if (dataset->pixels == NULL) {
        memcpy(target, dataset->values + at, (size_t)count * sizeof *target);
        return;
    }
    const uint8_t *source = dataset->pixels + at;
    for (int64_t k = 0; k < count; k++) target[k] = (float)source[k] / 255.0F;
}

void ll_dataset_fetch(const ll_dataset *dataset, const int64_t *indices, int64_t count,
                      const ll_normalisation *normalisation, const ll_augmentation *augmentation,
                      float *inputs)
{
    int64_t channels = channels_of(dataset), plane = channels > 0 ? dataset->width / channels : 0;
    bool image = dataset->rank == 3;
    bool augment = image && augmentation != NULL && (augmentation->pad > 0 || augmentation->flip);
    ll_rng rng = augment ? epoch_rng(augmentation->seed, "augment", augmentation->epoch) : (ll_rng){{0}, {0}};
    for (int64_t i = 0; i < count; i++) {
        assert(indices[i] >= 0 && indices[i] < dataset->count);
        placement where = augment ? draw_placement(augmentation, rng, indices[i]) : (placement){0, 0, false};
        for (int64_t c = 0; c < channels; c++) {
            int64_t at = indices[i] * dataset->width + c * plane;
            float *target = inputs + i * dataset->width + c * plane;
            if (augment) {
                place_plane(dataset, at, dataset->shape[1], dataset->shape[2], where, target);
            } else {
                copy_plane(dataset, at, plane, target);
            }
            if (normalisation == NULL || normalisation->channels == 0) continue;
            int64_t which = normalisation->channels == 1 ? 0 : c;
            float mean = normalisation->mean[which], deviation = normalisation->deviation[which];
            for (int64_t k = 0; k < plane; k++) target[k] = (target[k] - mean) / deviation;
        }
    }
}

void ll_dataset_fetch_labels(const ll_dataset *dataset, const int64_t *indices, int64_t count,
                             int64_t *labels)
{
    int64_t width = dataset->label_width;
    for (int64_t i = 0; i < count; i++) {
        memcpy(labels + i * width, dataset->labels + indices[i] * width, (size_t)width * sizeof *labels);
    }
}

void ll_dataset_fetch_targets(const ll_dataset *dataset, const int64_t *indices, int64_t count,
                              float *targets)
{
    int64_t width = dataset->target_width;
    for (int64_t i = 0; i < count; i++) {
        memcpy(targets + i * width, dataset->targets + indices[i] * width, (size_t)width * sizeof *targets);
    }
}

/* ------------------------------------------------------------------ batches */

void ll_subset_shuffle(const ll_subset *subset, uint64_t seed, int64_t epoch, int64_t *order)
{
    ll_rng_permutation(epoch_rng(seed, "shuffle", epoch), subset->count, order);
    for (int64_t i = 0; i < subset->count; i++) order[i] = subset->indices[order[i]];
}

ll_status ll_subset_batches(const ll_subset *subset, int64_t batch, bool drop_last, int64_t *batches,
                            ll_error *error)
{
    if (batch < 1) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "data", NULL, "a batch has at least 1 sample; got %lld",
                       (long long)batch);
    }
    int64_t full = subset->count / batch, all = full + (subset->count % batch != 0);
    int64_t result = drop_last ? full : all;
    if (result == 0) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "data", NULL, "%lld samples give no batch of %lld",
                       (long long)subset->count, (long long)batch);
    }
    *batches = result;
    return LL_OK;
}
