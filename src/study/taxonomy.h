/* taxonomy.h - the label of a group of models from its evidence (Yang et al. 2021; docs/method/taxonomy.md).
 * Numbers in, label out: no store, no models. */
#ifndef LOSSLENS_STUDY_TAXONOMY_H
#define LOSSLENS_STUDY_TAXONOMY_H

#include "losslens/base.h"

typedef enum ll_taxonomy_label {
    LL_TAXONOMY_I,             /* sharp and poorly connected */
    LL_TAXONOMY_II,            /* sharp and well connected */
    LL_TAXONOMY_III,           /* flat and poorly connected */
    LL_TAXONOMY_IV_A,          /* flat, well connected, less similar */
    LL_TAXONOMY_IV_B,          /* flat, well connected, similar */
    LL_TAXONOMY_UNDER_TRAINED, /* a path leads to better models: these are no minima */
    LL_TAXONOMY_UNDECIDED,     /* what would decide is not known */
    LL_TAXONOMY_LABELS
} ll_taxonomy_label;
const char *ll_taxonomy_name(ll_taxonomy_label label);
const char *ll_taxonomy_meaning(ll_taxonomy_label label);

typedef struct ll_taxonomy_thresholds {
    double connected;     /* barrier over depth: at most this is connected */
    double under_trained; /* mc over depth: more than this is under-trained */
    double flat;          /* rise of the loss over depth at the radius: at most this is flat */
    double eigenvalue;    /* and the top eigenvalue at most this; infinite: not looked at */
    double similar;       /* CKA: at least this is similar */
} ll_taxonomy_thresholds;

/* Pair matrices are members x members, symmetric; NaN: not known. */
typedef struct ll_taxonomy_evidence {
    int64_t members;
    const double *barrier;   /* of the curve over depth */
    const double *converged; /* 1 or 0; an unconverged curve only bounds the barrier from above */
    const double *mc;        /* over depth */
    const double *cka;
    const double *rise;       /* [members] over depth */
    const double *eigenvalue; /* [members] */
} ll_taxonomy_evidence;

typedef struct ll_taxonomy_result {
    ll_taxonomy_label label;
    ll_taxonomy_label other; /* the most frequent other label of those below; = label when there is none */
    bool between;            /* fewer than two thirds of the bootstraps or of the thresholds keep the label */
    double share_bootstrap, share_threshold;
    double barrier, mc, rise, eigenvalue, cka; /* medians; cka: mean */
    int64_t pairs, unconverged;
} ll_taxonomy_result;

/* Bootstraps draw members with replacement by `seed` (the same for every group), 1,000 times; thresholds:
 * each of connected, flat and 1 - similar times 0.75, 1 and 1.25, all 27 together. */
ll_status ll_taxonomy_classify(const ll_taxonomy_evidence *evidence, const ll_taxonomy_thresholds *thresholds,
                               uint64_t seed, ll_taxonomy_result *result, ll_error *error) LL_MUST_CHECK;

#endif
