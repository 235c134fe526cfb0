/* CKA, placement and metrics against hand-computed cases and numpy / scikit-learn (oracle.h). */
#include "support_cmocka.h"

#include "oracle.h"

#include "losslens/similarity.h"

#include <math.h>
#include <string.h>

enum { M = 24 };

static void make_features(double *f, int64_t d, double a)
{
    for (int64_t i = 0; i < M; i++)
        for (int64_t j = 0; j < d; j++)
            f[i * d + j] =
                sin(0.7 * (double)i * (double)(j + 1) + a) + 0.2 * cos(1.3 * (double)i + (double)j * a) + 5.0;
}

static double pair(const double *f, int64_t df, const double *g, int64_t dg, int64_t m,
                   ll_cka_variant variant, ll_cka_route route, ll_cka_flag *flag)
{
    ll_features a = {f, LL_REAL_FLOAT64, m, df}, b = {g, LL_REAL_FLOAT64, m, dg};
    double value = 0.0;
    CHECK_OK(ll_cka_pair(&a, &b, variant, route, &value, flag, error));
    return value;
}

static void cka_of_hand_computed_cases(void **state)
{
    (void)state;
    ll_cka_flag flag;
    /* Centred f = (-1, 0, 1), g = (1, -2, 1)/..: orthogonal, CKA 0; f with itself scaled and shifted: 1. */
    const double f[3] = {1.0, 2.0, 3.0}, g[3] = {1.0, 0.0, 1.0}, h[3] = {10.0, 7.0, 4.0};
    CHECK_NEAR(pair(f, 1, g, 1, 3, LL_CKA_BIASED, LL_CKA_GRAM, &flag), 0.0, 1e-15);
    CHECK_NEAR(pair(f, 1, h, 1, 3, LL_CKA_BIASED, LL_CKA_GRAM, &flag), 1.0, 1e-15);
    /* One column: CKA is the squared correlation. (1,2,3) and (1,2,4): 27/28. */
    const double k[3] = {1.0, 2.0, 4.0};
    CHECK_NEAR(pair(f, 1, k, 1, 3, LL_CKA_BIASED, LL_CKA_CROSS, &flag), 27.0 / 28.0, 1e-15);
    /* Two columns against one: F = [(1,0),(-1,0),(0,2),(0,-2)], G = (1,-1,0,0): |F'G|^2 = 4, |F'F|^2 = 4 +
     * 64, |G'G|^2 = 4, so 4/sqrt(68 * 4) = 1/sqrt(17). */
    const double two[8] = {1, 0, -1, 0, 0, 2, 0, -2}, one[4] = {1, -1, 0, 0};
    CHECK_NEAR(pair(two, 2, one, 1, 4, LL_CKA_BIASED, LL_CKA_GRAM, &flag), 1.0 / sqrt(17.0), 1e-15);
    assert_int_equal(flag, LL_CKA_DEFINED);
}

static void cka_equals_numpy_by_both_routes(void **state)
{
    (void)state;
    double f[M * 10], g[M * 37];
    make_features(f, 10, 0.3);
    make_features(g, 37, 1.1);
    ll_cka_flag flag;
    for (int route = 0; route <= 2; route++) {
        CHECK_NEAR(pair(f, 10, g, 37, M, LL_CKA_BIASED, (ll_cka_route)route, &flag), ORACLE_CKA_BIASED,
                   1e-12);
        CHECK_NEAR(pair(f, 10, g, 37, M, LL_CKA_DEBIASED, (ll_cka_route)route, &flag), ORACLE_CKA_DEBIASED,
                   1e-12);
    }
    /* Streaming over three batches of eight. */
    ll_cka *cka = NULL;
    CHECK_OK(ll_cka_create(2, LL_CKA_MINIBATCH, &cka, error));
    for (int b = 0; b < 3; b++) {
        ll_features x = {f + 80 * b, LL_REAL_FLOAT64, 8, 10}, y = {g + 8 * 37 * b, LL_REAL_FLOAT64, 8, 37};
        CHECK_OK(ll_cka_begin(cka, 8, error));
        CHECK_OK(ll_cka_add(cka, 0, &x, error));
        CHECK_OK(ll_cka_add(cka, 1, &y, error));
        CHECK_OK(ll_cka_end(cka, NULL, error));
    }
    double matrix[4];
    ll_cka_flag flags[2];
    CHECK_OK(ll_cka_matrix(cka, matrix, flags, error));
    CHECK_NEAR(matrix[1], ORACLE_CKA_MINIBATCH, 1e-12);
    assert_true(matrix[0] == 1.0 && matrix[1] == matrix[2]);
    ll_cka_destroy(cka);
}

static void cka_does_not_change_with_rotation_scale_or_shift(void **state)
{
    (void)state;
    double f[M * 2], g[M * 5], turned[M * 2];
    make_features(f, 2, 0.4);
    make_features(g, 5, 0.9);
    for (int i = 0; i < M; i++) {
        turned[2 * i] = 3.0 * (0.6 * f[2 * i] - 0.8 * f[2 * i + 1]) + 1e5;
        turned[2 * i + 1] = 3.0 * (0.8 * f[2 * i] + 0.6 * f[2 * i + 1]) - 7.0;
    }
    ll_cka_flag flag;
    for (int v = 0; v < 2; v++)
        CHECK_NEAR(pair(turned, 2, g, 5, M, (ll_cka_variant)v, LL_CKA_AUTO, &flag),
                   pair(f, 2, g, 5, M, (ll_cka_variant)v, LL_CKA_AUTO, &flag), 1e-9);
}

static void fault_8_degenerate_features_are_flagged_never_a_silent_nan(void **state)
{
    (void)state;
    float constant[M * 3], bad[M * 3], good[M * 3];
    for (int i = 0; i < M * 3; i++) {
        constant[i] = 0.1F + (float)(i % 3);
        good[i] = (float)sin(i * 1.7);
        bad[i] = i == 5 ? NAN : good[i];
    }
    const float *const entry[3] = {constant, good, bad};
    for (int v = 0; v < 3; v++) {
        ll_cka *cka = NULL;
        CHECK_OK(ll_cka_create(3, (ll_cka_variant)v, &cka, error));
        CHECK_OK(ll_cka_begin(cka, M, error));
        for (int e = 0; e < 3; e++) {
            ll_features features = {entry[e], LL_REAL_FLOAT32, M, 3};
            CHECK_OK(ll_cka_add(cka, e, &features, error));
        }
        CHECK_OK(ll_cka_end(cka, NULL, error));
        double matrix[9];
        ll_cka_flag flags[3];
        CHECK_OK(ll_cka_matrix(cka, matrix, flags, error));
        assert_int_equal(flags[0], LL_CKA_ZERO_VARIANCE);
        assert_int_equal(flags[1], LL_CKA_DEFINED);
        assert_int_equal(flags[2], LL_CKA_NOT_FINITE);
        assert_true(isnan(matrix[1]) && isnan(matrix[5]) && matrix[4] == 1.0);
        ll_cka_destroy(cka);
    }
    /* Three samples are too few for the unbiased form. */
    ll_features few = {good, LL_REAL_FLOAT32, 3, 3};
    double value = 0.0;
    ll_cka_flag flag;
    CHECK_OK(ll_cka_pair(&few, &few, LL_CKA_DEBIASED, LL_CKA_AUTO, &value, &flag, error));
    assert_true(isnan(value) && flag == LL_CKA_TOO_FEW_SAMPLES);
}

static void random_features_have_the_known_baseline(void **state)
{
    (void)state;
    double biased = 0.0, unbiased = 0.0, value = 0.0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        CHECK_OK(ll_cka_random_baseline(34, 32, 32, LL_CKA_BIASED, seed, &value, error));
        biased += value / 20.0;
        CHECK_OK(ll_cka_random_baseline(34, 32, 32, LL_CKA_DEBIASED, seed, &value, error));
        unbiased += value / 20.0;
    }
    assert_true(biased > 0.45 && biased < 0.5); /* DEFINITIONS: "about 0.45-0.5" */
    assert_true(fabs(unbiased) < 0.03);
}

/* ------------------------------------------------------------------ placement */

/* A problem with one parameter a and layers of widths 2, 5 and 2: make_features of the sample, moved by a and
 * the layer. */
static ll_status feature_evaluate(void *context, const ll_request *request, ll_error *error)
{
    (void)context;
    (void)error;
    static const int64_t width[3] = {2, 5, 2};
    double a = *(const double *)request->thetas[0], all[M * 5];
    for (int64_t l = 0; l < request->feature_layers; l++) {
        int64_t layer = request->feature_layer[l], d = width[layer];
        make_features(all, d, a + 0.3 * (double)layer);
        for (int64_t i = 0; i < request->samples[0].count; i++)
            memcpy((double *)request->features[l] + i * d, all + request->samples[0].indices[i] * d,
                   (size_t)d * sizeof *all);
    }
    if (request->loss != NULL) request->loss[0] = 0.0;
    if (request->terms != NULL) request->terms[0] = 0.0;
    return LL_OK;
}

static void models_are_compared_layer_by_layer_on_the_same_bits_for_any_team(void **state)
{
    (void)state;
    const ll_parameter parameter = {
        .name = "a", .rank = 0, .count = 1, .output_axis = -1, .role = LL_ROLE_SCALAR};
    const ll_term term = {"none", 1.0, M};
    const ll_layer layer[3] = {{"first", 2}, {"second", 5}, {"third", 2}};
    const ll_problem_info info = {.name = "features",
                                  .type = LL_REAL_FLOAT64,
                                  .parameter_count = 1,
                                  .parameters = 1,
                                  .terms = 1,
                                  .layers = 3,
                                  .parameter = &parameter,
                                  .term = &term,
                                  .layer = layer,
                                  .capabilities = LL_CAN_FEATURES | LL_CAN_SUBSETS};
    const ll_problem_callbacks callbacks = {.evaluate = feature_evaluate};
    const double theta[3] = {0.1, 0.5, 1.7};
    ll_problem *problem = NULL;
    CHECK_OK(ll_problem_create_callback(&info, theta, NULL, NULL, 0, &callbacks, NULL, &problem, error));
    int64_t chosen[16];
    for (int i = 0; i < 16; i++) chosen[i] = (5 * i) % M;
    const ll_samples list = {chosen, 16};
    const int64_t outer[2] = {0, 2};
    const ll_cka_model models[3] = {{.name = "a", .problem = problem, .samples = &list},
                                    {.name = "b", .problem = problem, .theta = &theta[1], .samples = &list},
                                    {.name = "c",
                                     .problem = problem,
                                     .theta = &theta[2],
                                     .samples = &list,
                                     .layers = outer,
                                     .layer_count = 2}};
    static const int64_t entry[8][3] = {{0, 0, 2}, {0, 1, 5}, {0, 2, 2}, {1, 0, 2},
                                        {1, 1, 5}, {1, 2, 2}, {2, 0, 2}, {2, 2, 2}};
    ll_record *record[2];
    for (int t = 0; t < 2; t++) {
        ll_team *team = NULL;
        CHECK_OK(ll_team_create(t + 1, &team, error));
        const ll_cka_options options = {.variant = LL_CKA_DEBIASED, .seed = 9, .team = team};
        CHECK_OK(ll_cka_models(models, 3, &options, NULL, &record[t], error));
        ll_team_destroy(team);
    }
    const ll_array *one, *two, *baseline;
    CHECK_OK(ll_record_get_array(record[0], "matrix", &one, error));
    CHECK_OK(ll_record_get_array(record[1], "matrix", &two, error));
    CHECK_OK(ll_record_get_array(record[0], "baseline", &baseline, error));
    assert_int_equal(ll_array_count(one), 64);
    assert_memory_equal(one->data, two->data, 64 * sizeof(double));
    double all[M * 5], features[8][16 * 5];
    for (int e = 0; e < 8; e++) {
        int64_t d = entry[e][2];
        make_features(all, d, theta[entry[e][0]] + 0.3 * (double)entry[e][1]);
        for (int64_t i = 0; i < 16; i++)
            memcpy(features[e] + i * d, all + chosen[i] * d, (size_t)d * sizeof *all);
    }
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 8; j++) {
            ll_cka_flag flag;
            int64_t a = entry[i][2], b = entry[j][2];
            CHECK_NEAR(ll_array_get(one, i * 8 + j),
                       pair(features[i], a, features[j], b, 16, LL_CKA_DEBIASED, LL_CKA_CROSS, &flag), 1e-12);
            double random = 0.0;
            CHECK_OK(
                ll_cka_random_baseline(16, a < b ? a : b, a < b ? b : a, LL_CKA_DEBIASED, 9, &random, error));
            CHECK_NEAR(ll_array_get(baseline, i * 8 + j), random, 0.0);
        }
    ll_record_destroy(record[0]);
    ll_record_destroy(record[1]);
    const ll_samples fewer = {chosen, 15};
    ll_cka_model other[2] = {models[0], models[1]};
    other[1].samples = &fewer;
    const ll_cka_options options = {.variant = LL_CKA_DEBIASED};
    assert_int_equal(ll_cka_models(other, 2, &options, NULL, &record[0], NULL), LL_INVALID_ARGUMENT);
    ll_problem_destroy(problem);
}

static void distances_of(const double *points, int64_t n, int dimension, double *d)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            double sum = 0.0;
            for (int k = 0; k < dimension; k++) {
                double off = points[i * dimension + k] - points[j * dimension + k];
                sum += off * off;
            }
            d[i * n + j] = sqrt(sum);
        }
}

static void mds_recovers_points_of_the_plane(void **state)
{
    (void)state;
    enum { N = 12 };
    double points[2 * N], found[2 * N], d[N * N], residual;
    for (int i = 0; i < N; i++) {
        points[2 * i] = 3.0 * cos(i * 1.3) + i;
        points[2 * i + 1] = sin(i * i * 0.7);
    }
    distances_of(points, N, 2, d);
    ll_embedding_options options = {.method = LL_EMBED_MDS};
    ll_embedding_result result;
    CHECK_OK(ll_embed(d, N, &options, found, &result, error));
    assert_true(result.quality < 1e-7 && result.undefined == 0);
    ll_procrustes(points, found, N, &residual);
    assert_true(residual < 1e-7);
    /* A mirrored copy is aligned too, and undefined distances do not move the answer. */
    for (int i = 0; i < N; i++) found[2 * i] = -found[2 * i] + 4.0;
    ll_procrustes(points, found, N, &residual);
    assert_true(residual < 1e-7);
    d[1 * N + 5] = d[5 * N + 1] = d[3 * N + 8] = d[8 * N + 3] = NAN;
    options.iterations = 20000;
    options.tolerance = 1e-14;
    CHECK_OK(ll_embed(d, N, &options, found, &result, error));
    assert_int_equal(result.undefined, 2);
    ll_procrustes(points, found, N, &residual);
    assert_true(residual < 1e-3);
}

static void planted(double d[30 * 30])
{
    double p[30 * 6];
    for (int i = 0; i < 30; i++)
        for (int j = 0; j < 6; j++) p[6 * i + j] = sin(1.1 * i * (j + 1)) + (i % 3) * 2.0 * (j == 0);
    distances_of(p, 30, 6, d);
}

static void mds_and_tsne_are_as_good_as_scikit_learn(void **state)
{
    (void)state;
    static double d[30 * 30];
    double x[60], again[60];
    planted(d);
    ll_embedding_options options = {.method = LL_EMBED_MDS};
    ll_embedding_result result;
    CHECK_OK(ll_embed(d, 30, &options, x, &result, error));
    if (!(result.quality < 1.1 * ORACLE_MDS_STRESS))
        fail_msg("stress %g, scikit-learn %g", result.quality, ORACLE_MDS_STRESS);
    options.method = LL_EMBED_TSNE;
    options.iterations = 2000;
    CHECK_OK(ll_embed(d, 30, &options, x, &result, error));
    if (!(result.quality < 1.15 * ORACLE_TSNE_KL))
        fail_msg("divergence %g, scikit-learn %g", result.quality, ORACLE_TSNE_KL);
    CHECK_NEAR(result.perplexity, 29.0 / 3.0, 1e-15);
    CHECK_OK(ll_embed(d, 30, &options, again, &result, error));
    assert_memory_equal(x, again, sizeof x); /* seeded */
}

static void umap_keeps_clusters_together(void **state)
{
    (void)state;
    enum { N = 36 };
    double p[3 * N], x[2 * N], d[N * N];
    ll_rng rng = ll_rng_make(1, "test", "umap");
    for (int i = 0; i < 3 * N; i++)
        p[i] = 0.3 * ll_rng_normal(rng, (uint64_t)i) + (i % 3 == (i / 3) % 3 ? 10.0 : 0.0);
    distances_of(p, N, 3, d);
    ll_embedding_options options = {.method = LL_EMBED_UMAP, .neighbours = 8};
    ll_embedding_result result;
    CHECK_OK(ll_embed(d, N, &options, x, &result, error));
    assert_true(isfinite(result.quality));
    for (int i = 0; i < N; i++) { /* the nearest neighbour in the plane is of the same cluster */
        int best = i == 0 ? 1 : 0;
        for (int j = 0; j < N; j++)
            if (j != i && hypot(x[2 * i] - x[2 * j], x[2 * i + 1] - x[2 * j + 1]) <
                              hypot(x[2 * i] - x[2 * best], x[2 * i + 1] - x[2 * best + 1]))
                best = j;
        assert_int_equal(i % 3, best % 3);
    }
    options.method = LL_EMBED_TSNE;
    CHECK_OK(ll_embed(d, 1, &options, x, &result, error));
    assert_true(result.fell_back && result.method == LL_EMBED_MDS);
}

/* ------------------------------------------------------------------ metrics */

static double real_of(const ll_record *record, const char *name)
{
    double value = 0.0;
    CHECK_OK(ll_record_get_real(record, name, &value, error));
    return value;
}

static void metrics_equal_scikit_learn(void **state)
{
    (void)state;
    enum { N = 200, C = 7 };
    double logits[N * C];
    int64_t labels[N], predicted[N];
    for (int i = 0; i < N; i++) {
        int best = 0;
        for (int c = 0; c < C; c++) {
            logits[i * C + c] = sin(0.37 * i * (c + 2) + c);
            if (logits[i * C + c] > logits[i * C + best]) best = c;
        }
        predicted[i] = best;
        labels[i] = i % 3 == 0 ? best : (i * i + i / 3) % C;
    }
    ll_record *record = NULL;
    CHECK_OK(ll_metrics_classification(logits, LL_REAL_FLOAT64, N, C, labels, &record, error));
    CHECK_NEAR(real_of(record, "top1"), ORACLE_TOP1, 1e-14);
    CHECK_NEAR(real_of(record, "top5"), ORACLE_TOP5, 1e-14);
    CHECK_NEAR(real_of(record, "macro_precision"), ORACLE_MACRO_PRECISION, 1e-14);
    CHECK_NEAR(real_of(record, "macro_recall"), ORACLE_MACRO_RECALL, 1e-14);
    CHECK_NEAR(real_of(record, "macro_f1"), ORACLE_MACRO_F1, 1e-14);
    CHECK_NEAR(real_of(record, "micro_precision"), ORACLE_MICRO_PRECISION, 1e-14);
    CHECK_NEAR(real_of(record, "micro_recall"), ORACLE_MICRO_RECALL, 1e-14);
    CHECK_NEAR(real_of(record, "micro_f1"), ORACLE_MICRO_F1, 1e-14);
    ll_record_destroy(record);
    CHECK_OK(ll_metrics_segmentation(predicted, labels, N, C, -1, &record, error));
    CHECK_NEAR(real_of(record, "pixel_accuracy"), ORACLE_TOP1, 1e-14);
    CHECK_NEAR(real_of(record, "mean_iou"), ORACLE_MEAN_IOU, 1e-14);
    ll_record_destroy(record);
    labels[3] = C;
    assert_int_equal(ll_metrics_classification(logits, LL_REAL_FLOAT64, N, C, labels, &record, NULL),
                     LL_INVALID_ARGUMENT);
}

static void errors_and_disparity_of_small_cases(void **state)
{
    (void)state;
    ll_record *record = NULL;
    const double got[4] = {1.0, 2.0, 0.0, -3.0}, exact[4] = {1.0, 0.0, 0.0, -4.0};
    CHECK_OK(ll_metrics_regression(got, exact, 4, &record, error));
    CHECK_NEAR(real_of(record, "mse"), 5.0 / 4.0, 1e-15);
    CHECK_NEAR(real_of(record, "mae"), 3.0 / 4.0, 1e-15);
    CHECK_NEAR(real_of(record, "relative_l2"), sqrt(5.0 / 17.0), 1e-15);
    CHECK_NEAR(real_of(record, "l_infinity"), 2.0, 0.0);
    ll_record_destroy(record);
    const int64_t a[5] = {0, 1, 1, 0, 1}, b[5] = {0, 0, 1, 1, 0}, truth[5] = {0, 1, 1, 1, 0};
    CHECK_OK(ll_metrics_disparity(a, b, truth, 5, 2, &record, error));
    const ll_array *table = NULL;
    CHECK_OK(ll_record_get_array(record, "contingency", &table, error));
    const double wanted[8] = {1, 0, 1, 0,
                              1, 1, 1, 0}; /* class 0: both, only B; class 1: both, only A, only B */
    for (int i = 0; i < 8; i++) assert_true(ll_array_get(table, i) == wanted[i]);
    CHECK_NEAR(real_of(record, "disagreement"), 3.0 / 5.0, 1e-15);
    ll_record_destroy(record);
}

static void test_difference_by_hand(void **state)
{
    (void)state;
    ll_record *record = NULL;
    const ll_array *field = NULL;
    double value = NAN;
    CHECK_OK(ll_metrics_difference((const double[]){1, 2, 7}, (const double[]){1, 4, 4}, 3, &record, error));
    CHECK_OK(ll_record_get_array(record, "difference", &field, error));
    assert_memory_equal(field->data, ((const double[]){0, -2, 3}), 3 * sizeof(double));
    CHECK_OK(ll_record_get_real(record, "root_mean_square", &value, error));
    CHECK_NEAR(value, sqrt(13.0 / 3.0), 1e-15);
    CHECK_OK(ll_record_get_real(record, "relative_l2", &value, error));
    CHECK_NEAR(value, sqrt(13.0 / 33.0), 1e-15);
    CHECK_OK(ll_record_get_real(record, "l_infinity", &value, error));
    CHECK_NEAR(value, 3, 0);
    ll_record_destroy(record);
    assert_int_equal(ll_metrics_difference(NULL, NULL, 0, &record, NULL), LL_INVALID_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cka_of_hand_computed_cases),
        cmocka_unit_test(cka_equals_numpy_by_both_routes),
        cmocka_unit_test(cka_does_not_change_with_rotation_scale_or_shift),
        cmocka_unit_test(fault_8_degenerate_features_are_flagged_never_a_silent_nan),
        cmocka_unit_test(random_features_have_the_known_baseline),
        cmocka_unit_test(models_are_compared_layer_by_layer_on_the_same_bits_for_any_team),
        cmocka_unit_test(mds_recovers_points_of_the_plane),
        cmocka_unit_test(mds_and_tsne_are_as_good_as_scikit_learn),
        cmocka_unit_test(umap_keeps_clusters_together),
        cmocka_unit_test(metrics_equal_scikit_learn),
        cmocka_unit_test(errors_and_disparity_of_small_cases),
        cmocka_unit_test(test_difference_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
