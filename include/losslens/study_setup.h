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

/* Samples of one role: `count` of a split (0: all), stratified by seed or the first in order. */
typedef struct ll_setup_role {
    const char *role; /* "evaluate", "calibrate", "fit", "test" */
    ll_subset_request choice;
    bool optional; /* left out, with a note, where the data cannot give it */
} ll_setup_role;

typedef struct ll_setup_options { /* zero-initialise */
    /* A network ... */
    const char *network;
    const char *network_file; /* blocks in YAML or JSON, instead of `network` */
    const ll_network_option *option;
    int64_t options;
    const char *loss; /* NULL: cross_entropy with labels, mse with targets */
    const char *data; /* see ll_dataset_load */
    const char *second_data; /* appended: the role "calibrate" and "fit" come from it when it is given */
    ll_normalisation normalisation;
    const ll_setup_role *role; /* none: all samples in order as "evaluate" */
    int64_t roles;
    /* ... or a physics-informed problem: "convection", "convection-diffusion", "reaction", "reaction-diffusion". */
    const char *pinn;
    ll_pinn_family family;
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

LL_API ll_status ll_setup_create(const ll_setup_options *options, ll_setup **setup, ll_error *error) LL_MUST_CHECK;
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
/* Class labels of all samples, in the order of the Problem's first term (ll_problem_role gives the numbers of a role);
 * NULL without labels. */
LL_API const int64_t *ll_setup_labels(const ll_setup *setup);
LL_API int64_t ll_setup_classes(const ll_setup *setup);
/* Training images of the role "fit" again, augmented for an epoch (their rows are rewritten in place; float32 only). */
LL_API ll_status ll_setup_augment(ll_setup *setup, const ll_augmentation *augmentation, ll_error *error) LL_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
