/* losslens/study_setup.h - from names and files to a Problem: a network, its weights, and data with roles; or a
 * physics-informed problem with its points. What every verb and every job of a study starts with.
 */
#ifndef LOSSLENS_STUDY_SETUP_H
#define LOSSLENS_STUDY_SETUP_H

#include "losslens/data.h"
#include "losslens/networks.h"
#include "losslens/networks_pinn.h"
#include "losslens/problem.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Samples of one role: `count` of a split (0: all), stratified by seed or the first in order; or those of a list. */
typedef struct ll_setup_role {
    const char *role; /* "evaluate", "calibrate", "fit", "test" */
    ll_subset_request choice;
    const char *index_file; /* instead of the choice: a file of one tensor of sample numbers */
    bool usual_split; /* choice.split is chosen by the data: its test samples where it marks some, else all */
    bool optional;    /* left out, with a note, where the data cannot give it */
} ll_setup_role;

typedef struct ll_setup_options { /* zero-initialise */
    /* A network ... */
    const char *network;
    const char *network_file; /* blocks in YAML or JSON, instead of `network` */
    const ll_network_option *option;
    int64_t options;
    const char *loss; /* NULL: cross_entropy with labels, mse with targets */
    double label_smoothing;
    const double *class_weights; /* NULL or class_weight_count, as many as there are classes */
    int64_t class_weight_count;
    bool ignores_label; /* ignore_label counts nothing, and is no class where it is above the others */
    int64_t ignore_label;
    const char *data;        /* see ll_dataset_load */
    const char *second_data; /* appended: the role "calibrate" and "fit" come from it when it is given */
    ll_normalisation normalisation;
    /* Without `normalisation`, images are normalised as the checkpoint, or else this one, says under "mean" and "std". */
    const char *normalised_as;
    /* Without `normalisation`, that of the role "fit" (else of the first role), rounded to five digits; images only. */
    bool measure_normalisation;
    /* Every image corrupted by one of these, drawn by corruption_seed: ll_corruptions_parse; NULL: none. */
    const char *corruptions;
    uint64_t corruption_seed;
    const ll_setup_role *role; /* none: all samples in order as "evaluate" */
    int64_t roles;
    /* ... or a physics-informed problem: "convection", "convection-diffusion", "reaction", "reaction-diffusion". */
    const char *pinn;
    ll_pinn_family family;
    const char
        *problem_file; /* ... or one written in a file (docs/equations.md); point_seed is the family's */
    /* > 0: the samples of the first term are so many points of the reference grid (all 25,600 in order, else a seeded choice):
     * for features and the solution, whose loss then means nothing. */
    int64_t feature_points;
    /* both */
    const char *checkpoint; /* NULL: initialised with seed */
    bool by_order;          /* weights by shape-checked order as the last resort */
    uint64_t seed;
    bool float64;
    double weight_decay;
    int threads;
    size_t memory_limit;
    const ll_format_limits *limits;
    const ll_log *log;
} ll_setup_options;

typedef struct ll_setup ll_setup;

LL_API ll_status ll_setup_create(const ll_setup_options *options, ll_setup **setup,
                                 ll_error *error) LL_MUST_CHECK;
LL_API void ll_setup_destroy(ll_setup *setup);

LL_API ll_problem *ll_setup_problem(const ll_setup *setup); /* borrowed */
LL_API const ll_model_info *ll_setup_model(const ll_setup *setup);
/* Another checkpoint of the same network: theta and buffers (problem's type; from ll_allocate, the caller frees). */
LL_API ll_status ll_setup_load(const ll_setup *setup, const char *checkpoint, void **theta, void **buffers,
                               ll_error *error) LL_MUST_CHECK;
/* Weights and buffers before training, drawn by another seed; as those of ll_setup_load. */
LL_API ll_status ll_setup_initialise(const ll_setup *setup, uint64_t seed, void **theta, void **buffers,
                                     ll_error *error) LL_MUST_CHECK;
/* What went where, and what a person should know ("no training samples: statistics are re-estimated on ..."). */
LL_API const char *ll_setup_report(const ll_setup *setup);
LL_API const char *ll_setup_notes(const ll_setup *setup);
/* The samples of each role, in the order of the Problem's first term: what a record says of its data. Views. */
typedef struct ll_setup_samples {
    const char *role, *data; /* the source as it was asked for */
    ll_split split;
    bool divided, listed; /* a split made by seed; a list of numbers was given */
    int64_t count;
    const int64_t *indices; /* [count] numbers in the data set, ascending */
    ll_hash hash;           /* of inputs, labels and targets: ll_dataset_hash */
} ll_setup_samples;
/* Training samples that the data have, whether a role uses them or not; 0 for a problem. */
LL_API int64_t ll_setup_available(const ll_setup *setup);
/* Bytes of the data sets that it keeps in memory. */
LL_API int64_t ll_setup_data_bytes(const ll_setup *setup);
/* Bytes that one sample takes in its table of samples: inputs and targets as the model takes them, labels; 0 for a problem. */
LL_API int64_t ll_setup_row_bytes(const ll_setup *setup);
LL_API int64_t ll_setup_roles(const ll_setup *setup, const ll_setup_samples **samples);
/* How many samples of `second` have the clean input of one of `first`, for any two roles. */
typedef struct ll_setup_overlap {
    const char *first, *second;
    int64_t shared, first_count, second_count;
} ll_setup_overlap;
LL_API int64_t ll_setup_overlaps(const ll_setup *setup, const ll_setup_overlap **overlap);
/* As given or measured; 0 channels: none. */
LL_API const ll_normalisation *ll_setup_normalisation(const ll_setup *setup);
/* Class labels of all samples, in the order of the Problem's first term (ll_problem_role gives the numbers of a role);
 * NULL without labels. */
LL_API const int64_t *ll_setup_labels(const ll_setup *setup);
LL_API int64_t ll_setup_classes(const ll_setup *setup);
/* Training images of the role "fit" again, augmented for an epoch (their rows are rewritten in place; float32 only). */
LL_API ll_status ll_setup_augment(ll_setup *setup, const ll_augmentation *augmentation,
                                  ll_error *error) LL_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
