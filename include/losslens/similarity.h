/* losslens/similarity.h - how alike networks are: linear CKA of features, placement of models in the plane,
 * and how well they do (metrics, disparity of predictions).
 *
 * CKA: Kornblith et al. 2019, eq. 1; debiased and minibatch: Nguyen, Raghu & Kornblith 2021. Everything in
 * double. What is not defined (features without variance, not finite, too few samples) is flagged, never a
 * silent NaN. Methods: docs/method/similarity.md.
 */
#ifndef LOSSLENS_SIMILARITY_H
#define LOSSLENS_SIMILARITY_H

#include "losslens/base.h"
#include "losslens/parallel.h"
#include "losslens/problem.h"
#include "losslens/records.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------ CKA */

typedef enum ll_cka_variant {
    LL_CKA_BIASED,   /* HSIC = |G'F|^2 of centred features */
    LL_CKA_DEBIASED, /* unbiased HSIC (Song et al. 2012); may be slightly negative; at least 4 samples */
    LL_CKA_MINIBATCH /* debiased HSIC summed over batches, then one ratio [Ngu21] */
} ll_cka_variant;
LL_API const char *ll_cka_variant_name(ll_cka_variant variant);
LL_API bool ll_cka_variant_parse(const char *name, ll_cka_variant *variant);

/* Why an entry has no similarity; LL_CKA_DEFINED: it has. */
typedef enum ll_cka_flag {
    LL_CKA_DEFINED,
    LL_CKA_ZERO_VARIANCE,
    LL_CKA_NOT_FINITE,
    LL_CKA_TOO_FEW_SAMPLES
} ll_cka_flag;
LL_API const char *ll_cka_flag_text(ll_cka_flag flag);

/* samples x width values, row-major; a view. */
typedef struct ll_features {
    const void *data;
    ll_real type;
    int64_t samples, width;
} ll_features;

typedef enum ll_cka_route {
    LL_CKA_AUTO, /* the cheaper one */
    LL_CKA_GRAM, /* samples x samples Grams */
    LL_CKA_CROSS /* width x width cross-covariances */
} ll_cka_route;

/* One pair, biased or debiased. *value is NaN exactly when *flag is not LL_CKA_DEFINED. LL_SHAPE if the
 * sample counts differ. Both routes agree to rounding. */
LL_API ll_status ll_cka_pair(const ll_features *f, const ll_features *g, ll_cka_variant variant,
                             ll_cka_route route, double *value, ll_cka_flag *flag,
                             ll_error *error) LL_MUST_CHECK;

/* All pairs of `entries` feature matrices over the same samples, each seen once: its Gram matrix is centred
 * and kept as a vector (samples (samples + 1)/2 doubles); all pairs are then one product of that table with
 * itself. Features are given in batches: begin(samples), add every entry, end; biased and debiased take one
 * batch. Different entries may be added from several threads at once; `end` shares its products among the
 * team (NULL: the caller alone). The same bits on any number of threads. */
typedef struct ll_cka ll_cka;
LL_API ll_status ll_cka_create(int64_t entries, ll_cka_variant variant, ll_cka **cka,
                               ll_error *error) LL_MUST_CHECK;
LL_API void ll_cka_destroy(ll_cka *cka);
LL_API ll_status ll_cka_begin(ll_cka *cka, int64_t samples, ll_error *error) LL_MUST_CHECK;
LL_API ll_status ll_cka_add(ll_cka *cka, int64_t entry, const ll_features *features,
                            ll_error *error) LL_MUST_CHECK;
LL_API ll_status ll_cka_end(ll_cka *cka, ll_team *team, ll_error *error) LL_MUST_CHECK;
/* matrix: entries x entries, NaN where a flag is set; diagonal exactly 1 where defined. flags: entries. */
LL_API ll_status ll_cka_matrix(const ll_cka *cka, double *matrix, ll_cka_flag *flags,
                               ll_error *error) LL_MUST_CHECK;

/* CKA of two independent N(0,1) matrices of these widths: what "nothing in common" looks like. */
LL_API ll_status ll_cka_random_baseline(int64_t samples, int64_t width_f, int64_t width_g,
                                        ll_cka_variant variant, uint64_t seed, double *value,
                                        ll_error *error) LL_MUST_CHECK;

/* Layers of models compared: one feature pass each, or several over groups of layers whose features would
 * take more than 1 GB together. */
typedef struct ll_cka_model {
    const char *name;
    ll_problem *problem;
    const void *theta;         /* NULL: the Problem's own */
    const void *buffers;       /* NULL: its own */
    const ll_samples *samples; /* of the first term; the same list for all models */
    const int64_t *layers;     /* ascending indices of its layer table; NULL: all */
    int64_t layer_count;       /* ignored when layers is NULL */
} ll_cka_model;

typedef struct ll_cka_options {
    ll_cka_variant variant;
    int64_t batch; /* minibatch: samples a batch, 0: 256 */
    uint64_t seed; /* of the random baseline */
    bool no_baseline;
    ll_team *team; /* shares Grams (one layer a thread) and products; NULL: the caller alone */
} ll_cka_options;

/* Record "cka": matrix [P, P] over all (model, layer) entries in order, flags [P], baseline [P, P],
 * entry_model [P], entry_layer [P], model_names, layer_names (lines), samples, variant. Pieces "batch/<first
 * sample>/entry/<e>" (none beyond 16 MiB); LL_CANCELLED when the sink says stop, at the latest after the
 * model in hand. */
LL_API ll_status ll_cka_models(const ll_cka_model *models, int64_t count, const ll_cka_options *options,
                               const ll_sink *sink, ll_record **record, ll_error *error) LL_MUST_CHECK;

/* ------------------------------------------------------------------ placement in the plane */

typedef enum ll_embedding_method { LL_EMBED_MDS, LL_EMBED_TSNE, LL_EMBED_UMAP } ll_embedding_method;
LL_API const char *ll_embedding_name(ll_embedding_method method);
LL_API bool ll_embedding_parse(const char *name, ll_embedding_method *method);

typedef struct ll_embedding_options { /* zero-initialise; 0 means the default */
    ll_embedding_method method;
    uint64_t seed;
    double perplexity;   /* t-SNE: min(30, (n-1)/3) */
    int64_t neighbours;  /* UMAP: min(15, n-1) */
    double min_distance; /* UMAP: 0.1 */
    int64_t iterations;  /* MDS 1000, t-SNE 1000, UMAP 500 */
    double tolerance;    /* MDS: relative decrease of stress to stop at, 1e-10 */
} ll_embedding_options;

/* What came out, and how good it is. */
typedef struct ll_embedding_result {
    ll_embedding_method method; /* as used: fewer than 4 points fall back to MDS */
    bool fell_back;
    double quality; /* MDS: sqrt(sum w (d - D)^2 / sum w D^2); t-SNE: KL divergence; UMAP: cross entropy */
    int64_t iterations, undefined; /* undefined distances (NaN), given weight 0 */
    double perplexity;
    int64_t neighbours;
} ll_embedding_result;

/* distances: n x n, symmetric, zero diagonal; NaN where undefined. positions: n x 2, centred. MDS: SMACOF (de
 * Leeuw 1977, with weights) from the classical solution; t-SNE: van der Maaten & Hinton 2008, exact; UMAP:
 * McInnes et al. 2018. Seeded; O(n^2) an iteration (MDS with undefined distances: one n^3 factorisation
 * more). */
LL_API ll_status ll_embed(const double *distances, int64_t n, const ll_embedding_options *options,
                          double *positions, ll_embedding_result *result, ll_error *error) LL_MUST_CHECK;

/* Moves positions (n x 2) onto reference by rotation, reflection and translation (orthogonal Procrustes,
 * Schoenemann 1966), so that re-runs do not turn the picture. *residual (may be NULL): root mean square
 * distance left. */
LL_API void ll_procrustes(const double *reference, double *positions, int64_t n, double *residual);

/* ------------------------------------------------------------------ how well models do */

/* Logits (samples x classes) against labels 0..classes-1. Record "classification": samples, top1, top5, macro
 * and micro precision, recall, f1; confusion [true, predicted]; per-class precision, recall, f1. The
 * predicted class is the first of the largest; top-5 counts a label whose logit is among the five largest
 * (ties to smaller classes). A class without samples (or predictions) counts 0 in macro means, as a division
 * 0/0 does. A row with a NaN predicts nothing: it is wrong and counted. */
LL_API ll_status ll_metrics_classification(const void *logits, ll_real type, int64_t samples, int64_t classes,
                                           const int64_t *labels, ll_record **record,
                                           ll_error *error) LL_MUST_CHECK;
/* Predicted and true class of every pixel; `ignore` (say -1 or 255) pixels are left out. Record
 * "segmentation": pixel_accuracy, mean_iou and mean_dice over classes that occur, per-class iou, dice (NaN
 * where a class occurs nowhere, flagged in class_occurs), confusion. */
LL_API ll_status ll_metrics_segmentation(const int64_t *predicted, const int64_t *truth, int64_t pixels,
                                         int64_t classes, int64_t ignore, ll_record **record,
                                         ll_error *error) LL_MUST_CHECK;
/* Against the exact or reference solution. Record "regression": mse, mae, relative_l2, l_infinity. */
LL_API ll_status ll_metrics_regression(const double *predicted, const double *exact, int64_t count,
                                       ll_record **record, ll_error *error) LL_MUST_CHECK;
/* Two models on the same samples. Record "disparity": contingency [class, 4] = both right, only A, only B,
 * neither; disagreement (share of samples with different predictions), only_a, only_b. */
LL_API ll_status ll_metrics_disparity(const int64_t *predicted_a, const int64_t *predicted_b,
                                      const int64_t *labels, int64_t samples, int64_t classes,
                                      ll_record **record, ll_error *error) LL_MUST_CHECK;
/* The same for outputs that are numbers, at the same points. Record "difference": values, difference [count]
 * (a - b), root_mean_square, l_infinity, relative_l2 (to |b|; NaN where b is zero). */
LL_API ll_status ll_metrics_difference(const double *predicted_a, const double *predicted_b, int64_t count,
                                       ll_record **record, ll_error *error) LL_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
