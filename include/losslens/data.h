/* losslens/data.h - data sets: reading them by name or path, choosing samples for roles, batches,
 * normalisation, augmentation, corruption, and finding what two choices share.
 *
 * A data set keeps image pixels as the bytes they came as; samples are turned into float32 when they are
 * fetched. Every random choice is keyed by (seed, purpose, epoch or class, sample index), so that it does not
 * depend on threads, batches or what was drawn before. A data set is read-only once loaded; any number of
 * threads may fetch from it.
 */
#ifndef LOSSLENS_DATA_H
#define LOSSLENS_DATA_H

#include "losslens/formats.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ll_dataset {
    char *name;    /* as it was asked for */
    int64_t count; /* samples, at least 1 */
    int rank;      /* axes of one sample's input; an image has 3: channels, height, width */
    int64_t shape[LL_TENSOR_MAX_RANK];
    int64_t width;       /* values of one input: product of the shape */
    uint8_t *pixels;     /* [count, shape]: images; or NULL */
    float *values;       /* [count, shape]: other inputs; or NULL */
    int64_t *labels;     /* [count, label_width]; NULL for regression */
    int64_t label_width; /* 1: a class a sample; height * width: a class a pixel (segmentation) */
    int64_t classes;     /* 0 without labels */
    char **class_names;  /* [classes], or NULL */
    float *targets;      /* [count, target_width]: regression; or NULL */
    int64_t target_width;
    uint8_t *is_test;     /* [count], or NULL when the source does not say */
    int64_t *base;        /* [count]: which sample of the clean data this one was made from; NULL: itself */
    ll_hash *base_hashes; /* [count]: of that sample's input; NULL: of its own */
} ll_dataset;

/* Where Debian's package dataset-fashion-mnist puts it. */
#define LL_FASHION_FOLDER "/usr/share/datasets/fashion-mnist"

/* Loads what `source` names:
 *   cifar10:PATH, cifar100:PATH  a binary or pickled batch, a folder of them, the .tar.gz
 *   fashion-mnist:FOLDER, mnist:FOLDER  the four IDX files, gzip or not
 *   cifar10, cifar100, mnist, fashion-mnist  alone: where ll_data_folder says (data_download.h); Fashion-MNIST first in
 *                                LL_FASHION_FOLDER
 *   idx:IMAGES,LABELS            two IDX files
 *   xy:X,Y                       two files of one tensor each (npy, pt, safetensors, npz ...), first axis the sample
 *   folder:PATH                  PATH/class/image.png|jpg; PATH/train and PATH/test when they are there
 *   segmentation:IMAGES,MASKS    two folders with files of the same stems; a mask's grey value is the class
 *   shapes:COUNT[,SIDE[,SEED]]   generated images of SIDE (64) pixels with a class a pixel: ground, disc, rectangle
 *   csv:PATH[#COLUMN]            a table; COLUMN (default: the last) is the label if it holds texts or whole
 *                                numbers from 0, else the regression target
 *   PATH                         any of these told by what is there; an npz, pt or safetensors with x and y
 *                                (or X/inputs/data/images, Y/targets/labels)
 * Integer y are class labels, real y are regression targets. uint8 inputs of 2 or 3 axes are images ([n, H, W]
 * and [n, C, H, W]; [n, H, W, C] with C of 1 or 3 is transposed). Empty data, inputs and labels of different
 * number, images of different sizes: refused. limits may be NULL. Free with ll_dataset_destroy. */
LL_API ll_status ll_dataset_load(const char *source, const ll_format_limits *limits, ll_dataset **dataset,
                                 ll_error *error) LL_MUST_CHECK;
LL_API void ll_dataset_destroy(ll_dataset *dataset);
/* Identity of inputs, labels and targets of the listed samples (indices NULL: all). */
LL_API ll_hash ll_dataset_hash(const ll_dataset *dataset, const int64_t *indices, int64_t count);

/* ------------------------------------------------------------------ choosing samples */

typedef enum ll_split { LL_SPLIT_ALL, LL_SPLIT_TRAIN, LL_SPLIT_TEST } ll_split;

/* A list of samples, ascending. */
typedef struct ll_subset {
    int64_t count;
    int64_t *indices;
} ll_subset;
LL_API void ll_subset_deinit(ll_subset *subset);

typedef struct ll_subset_request {
    ll_split split;
    int64_t first; /* skip so many of the split before anything is chosen */
    int64_t count; /* how many; 0: all */
    bool in_order; /* the first `count` instead of a stratified random choice */
    uint64_t seed;
    double test_fraction;   /* when the source has no test samples: share that is divided off; 0 means 0.2 */
    const int64_t *indices; /* instead of all that: exactly these `count` samples, each once, in any order */
} ll_subset_request;
/* The source marks test samples, and has others too. */
LL_API bool ll_dataset_has_test(const ll_dataset *dataset);
/* Stratified: class shares as in the split, by largest remainders; without labels a random choice. When the
 * source has one split only and train or test is asked for, it is divided by the seed, stratified, all
 * versions of one base image on the same side, and *divided (may be NULL) is set: records must say so. More than
 * there are, or none, is LL_INVALID_ARGUMENT with both numbers. Free with ll_subset_deinit. */
LL_API ll_status ll_dataset_choose(const ll_dataset *dataset, const ll_subset_request *request,
                                   ll_subset *subset, bool *divided, ll_error *error) LL_MUST_CHECK;
/* Samples of `second` whose clean input is, byte for byte, the clean input of one of `first`: a corrupted image
 * counts as the image that it was made from. */
LL_API ll_status ll_dataset_overlap(const ll_dataset *first, const ll_subset *first_subset,
                                    const ll_dataset *second, const ll_subset *second_subset, int64_t *shared,
                                    ll_error *error) LL_MUST_CHECK;

/* ------------------------------------------------------------------ fetching */

enum { LL_CHANNEL_LIMIT = 16 };
typedef struct ll_normalisation {
    int64_t channels; /* 0: none; 1: one for all; else as many as the input's first axis has */
    float mean[LL_CHANNEL_LIMIT], deviation[LL_CHANNEL_LIMIT];
} ll_normalisation;
/* Checks that it fits the data set and that no deviation is 0. */
LL_API ll_status ll_normalisation_check(const ll_normalisation *normalisation, const ll_dataset *dataset,
                                        ll_error *error) LL_MUST_CHECK;
/* Mean and standard deviation (over n, as numpy) of each channel of the listed samples, pixels as 0..1. */
LL_API ll_status ll_normalisation_measure(const ll_dataset *dataset, const ll_subset *subset,
                                          ll_normalisation *normalisation, ll_error *error) LL_MUST_CHECK;

/* Random crop of the original size after padding by `pad` pixels of 0 (before normalising, torchvision's usual
 * order), and a flip left to right with probability 1/2. */
typedef struct ll_augmentation {
    int64_t pad;
    bool flip;
    uint64_t seed;
    int64_t epoch;
} ll_augmentation;

/* Inputs of `count` samples into inputs [count, width]: pixel/255, then (v - mean)/deviation, all in float32, in
 * this order (what torchvision's ToTensor and Normalize compute). normalisation and augmentation may be NULL.
 * Indices out of range are an assertion's matter. Cost O(count width). Threads: any number, on disjoint outputs. */
LL_API void ll_dataset_fetch(const ll_dataset *dataset, const int64_t *indices, int64_t count,
                             const ll_normalisation *normalisation, const ll_augmentation *augmentation,
                             float *inputs);
LL_API void ll_dataset_fetch_labels(const ll_dataset *dataset, const int64_t *indices, int64_t count,
                                    int64_t *labels); /* [count, label_width] */
LL_API void ll_dataset_fetch_targets(const ll_dataset *dataset, const int64_t *indices, int64_t count,
                                     float *targets); /* [count, target_width] */

/* The order of an epoch: subset's indices permuted, keyed by (seed, epoch); order has subset->count entries.
 * Batch b of size s is order[b s .. min((b+1) s, count)-1]. */
LL_API void ll_subset_shuffle(const ll_subset *subset, uint64_t seed, int64_t epoch, int64_t *order);
/* Number of batches; with drop_last an incomplete last one does not count. LL_INVALID_ARGUMENT when there would
 * be none. */
LL_API ll_status ll_subset_batches(const ll_subset *subset, int64_t batch, bool drop_last, int64_t *batches,
                                   ll_error *error) LL_MUST_CHECK;

/* ------------------------------------------------------------------ corruption */

/* DEFINITIONS.md 11.3, after Hendrycks & Dietterich 2019 (CIFAR-10-C). */
#define LL_CORRUPTION_LIST(X)                                                                                \
    X(GAUSSIAN_NOISE, "gaussian_noise")                                                                      \
    X(SHOT_NOISE, "shot_noise")                                                                              \
    X(IMPULSE_NOISE, "impulse_noise")                                                                        \
    X(SPECKLE_NOISE, "speckle_noise")                                                                        \
    X(BLUR, "blur")                                                                                          \
    X(CONTRAST, "contrast")                                                                                  \
    X(BRIGHTNESS, "brightness")                                                                              \
    X(JPEG, "jpeg")                                                                                          \
    X(PIXELATE, "pixelate")
typedef enum ll_corruption_kind {
#define LL_CORRUPTION_ENUM(name, text) LL_CORRUPTION_##name,
    LL_CORRUPTION_LIST(LL_CORRUPTION_ENUM)
#undef LL_CORRUPTION_ENUM
        LL_CORRUPTIONS
} ll_corruption_kind;
LL_API const char *ll_corruption_name(ll_corruption_kind kind);
typedef struct ll_corruption {
    ll_corruption_kind kind;
    int severity; /* 1..5 */
} ll_corruption;
/* Reads "blur:3,jpeg" (a kind without a severity: all five) or "all" (every kind at every severity); LL_NOT_FOUND names
 * the nearest kind. */
enum { LL_CORRUPTION_LIMIT = LL_CORRUPTIONS * 5 };
LL_API ll_status ll_corruptions_parse(const char *text, ll_corruption corruptions[LL_CORRUPTION_LIMIT],
                                      int64_t *count, ll_error *error) LL_MUST_CHECK;
/* One image; the result has the same size. The random numbers are rng's. Values are rounded to the nearest byte
 * (the authors' code cuts off). */
LL_API ll_status ll_corrupt_image(const ll_image *image, ll_corruption corruption, ll_rng rng,
                                  ll_image *corrupted, ll_error *error) LL_MUST_CHECK;
/* A data set of the listed samples, each with one corruption drawn from `corruptions` (count of them); base keeps
 * the index of the clean image, is_test is kept. Images only. */
LL_API ll_status ll_dataset_corrupt(const ll_dataset *dataset, const ll_subset *subset,
                                    const ll_corruption *corruptions, int64_t corruption_count, uint64_t seed,
                                    ll_dataset **corrupted, ll_error *error) LL_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
