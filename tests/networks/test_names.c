/* Checkpoints that do not fit are refused with both sides; order as the last resort; initialisation: bounds, moments, seeds. */
#include "../support_cmocka.h"

#include "losslens/networks.h"

#include <math.h>
#include <string.h>

static ll_model *mlp(const char *initialisation)
{
    ll_network_option options[] = {{"hidden", "256,64"}, {"initialisation", initialisation}};
    ll_model *model = NULL;
    CHECK_OK(ll_network_create(&(ll_network_options){.network = "mlp",
                                                     .option = options,
                                                     .options = 2,
                                                     .dtype = LL_F64,
                                                     .input_shape = {100},
                                                     .classes = 10},
                               &model, error));
    return model;
}

static float values[256 * 100];

static ll_tensor_file *file_of(const ll_tensor *tensors, int64_t count, ll_text *bytes)
{
    ll_tensor_file *file = NULL;
    ll_format_limits limits = ll_format_limits_default();
    CHECK_OK(ll_safetensors_encode(tensors, count, NULL, 0, bytes, error));
    CHECK_OK(ll_tensor_file_parse(bytes->text, bytes->length, "weights", &limits, &file, error));
    return file;
}

static void fill_tensors(ll_tensor tensors[6])
{
    static const char *const names[6] = {"net.0.weight", "net.0.bias",   "net.1.weight",
                                         "net.1.bias",   "net.2.weight", "net.2.bias"};
    static const int64_t rows[3] = {256, 64, 10}, columns[3] = {100, 256, 64};
    for (int i = 0; i < 256 * 100; i++) values[i] = (float)i;
    for (int i = 0; i < 6; i++) {
        tensors[i] = (ll_tensor){.name = names[i],
                                 .type = LL_TENSOR_FLOAT32,
                                 .rank = i % 2 == 0 ? 2 : 1,
                                 .shape = {rows[i / 2], i % 2 == 0 ? columns[i / 2] : 0},
                                 .data = values};
    }
}

static void test_a_mismatch_lists_both_sides(void **state)
{
    (void)state;
    ll_tensor tensors[6];
    ll_model *model = mlp("pytorch");
    int64_t count = ll_model_view(model)->parameter_count;
    double *theta = ll_allocate_array(count, sizeof *theta);
    ll_text bytes = {0};
    ll_error error = {0};
    for (int64_t i = 0; i < count; i++) theta[i] = -7.0;
    fill_tensors(tensors);
    tensors[2].shape[0] = 65; /* the network has 64 */
    tensors[5].name = "net.2.offset";
    ll_tensor_file *file = file_of(tensors, 6, &bytes);
    assert_int_equal(ll_model_load(model, file, true, theta, NULL, NULL, &error), LL_INVALID_FILE);
    assert_string_equal(error.message, "the checkpoint does not fit the network: 1 of the network's tensors "
                                       "have another shape in the file (layers.1.weight "
                                       "[65, 256] instead of [64, 256]); 1 of the network's are not in the "
                                       "file (layers.2.bias [10]); 1 of the file's have no "
                                       "place in the network (2.offset [10])");
    for (int64_t i = 0; i < count; i++) assert_true(theta[i] == -7.0); /* nothing in part */
    ll_tensor_file_destroy(file);
    ll_text_deinit(&bytes);
    ll_free(theta);
    ll_model_destroy(model);
}

static void test_a_sequence_with_activations_is_a_naming(void **state)
{
    (void)state;
    static const char *const names[6] = {"0.weight", "0.bias", "2.weight", "2.bias", "4.weight", "4.bias"};
    ll_tensor tensors[6];
    ll_model *model = mlp("pytorch");
    double *theta = ll_allocate_array(ll_model_view(model)->parameter_count, sizeof *theta);
    ll_text bytes = {0}, report = {0};
    fill_tensors(tensors);
    for (int i = 0; i < 6; i++) tensors[i].name = names[i];
    ll_tensor_file *file = file_of(tensors, 6, &bytes);
    CHECK_OK(ll_model_load(model, file, false, theta, NULL, &report, error));
    assert_non_null(strstr(report.text, "4.bias -> layers.2.bias\n"));
    ll_tensor_file_destroy(file);
    ll_text_deinit(&bytes);
    ll_text_deinit(&report);
    ll_free(theta);
    ll_model_destroy(model);
}

static void test_order_is_the_last_resort(void **state)
{
    (void)state;
    static const char *const odd[6] = {"a.w", "a.b", "m.w", "m.b", "z.w", "z.b"};
    ll_tensor tensors[6];
    ll_model *model = mlp("pytorch");
    const ll_model_info *info = ll_model_view(model);
    double *theta = ll_allocate_array(info->parameter_count, sizeof *theta);
    ll_text bytes = {0}, report = {0};
    ll_error refusal = {0};
    fill_tensors(tensors);
    for (int i = 0; i < 6; i++) tensors[i].name = odd[i];
    ll_tensor_file *file = file_of(tensors, 6, &bytes);
    assert_int_equal(ll_model_load(model, file, false, theta, NULL, NULL, &refusal), LL_INVALID_FILE);
    CHECK_OK(ll_model_load(model, file, true, theta, NULL, &report, error));
    assert_non_null(strstr(report.text, "naming: by order and shape\n"));
    assert_non_null(strstr(report.text, "m.w -> layers.1.weight\n"));
    for (int64_t p = 0; p < info->parameters; p++) CHECK_NEAR(theta[info->parameter[p].offset + 5], 5.0, 0.0);
    ll_tensor_file_destroy(file);
    ll_text_deinit(&bytes);
    ll_text_deinit(&report);
    ll_free(theta);
    ll_model_destroy(model);
}

typedef struct moments {
    double mean, variance, largest, kurtosis;
} moments;

static moments moments_of(const double *x, int64_t count)
{
    moments m = {0};
    double fourth = 0.0;
    for (int64_t i = 0; i < count; i++) m.mean += x[i] / (double)count;
    for (int64_t i = 0; i < count; i++) {
        double square = (x[i] - m.mean) * (x[i] - m.mean);
        m.variance += square / (double)count;
        fourth += square * square / (double)count;
        m.largest = fmax(m.largest, fabs(x[i]));
    }
    m.kurtosis = fourth / (m.variance * m.variance);
    return m;
}

/* layers.0.weight: 25,600 draws, fan_in 100. Uniform in +-.1: variance .01/3, kurtosis 1.8; He: N(0, .02), kurtosis 3.
 * The bounds are five standard errors of each moment. */
static void test_initialisation_has_the_stated_distribution(void **state)
{
    (void)state;
    static const struct {
        const char *scheme;
        double variance, kurtosis, kurtosis_error;
    } cases[] = {{"pytorch", 0.01 / 3, 1.8, 0.04}, {"he", 0.02, 3.0, 0.16}};
    for (int c = 0; c < 2; c++) {
        ll_model *model = mlp(cases[c].scheme);
        const ll_model_info *info = ll_model_view(model);
        double *theta[3];
        for (int k = 0; k < 3; k++) {
            theta[k] = ll_allocate_array(info->parameter_count, sizeof(double));
            CHECK_OK(ll_model_initialise(model, k == 2 ? 8 : 7, theta[k], NULL, error));
        }
        int64_t count = info->parameter[0].count;
        double standard_error = sqrt(cases[c].variance / (double)count);
        moments m = moments_of(theta[0] + info->parameter[0].offset, count);
        assert_int_equal(count, 25600);
        CHECK_NEAR(m.mean, 0.0, 5 * standard_error);
        CHECK_NEAR(m.variance, cases[c].variance,
                   5 * cases[c].variance * sqrt((cases[c].kurtosis - 1) / (double)count));
        CHECK_NEAR(m.kurtosis, cases[c].kurtosis, cases[c].kurtosis_error);
        if (c == 0) assert_true(m.largest <= 0.1 && m.largest > 0.0999);
        m = moments_of(theta[0] + info->parameter[1].offset, info->parameter[1].count);
        if (c == 0) assert_true(m.largest <= 0.1 && m.largest > 0.09);
        if (c == 1) assert_true(m.largest == 0.0);
        assert_memory_equal(theta[0], theta[1], (size_t)info->parameter_count * sizeof(double));
        double dot = 0.0;
        for (int64_t i = 0; i < count; i++)
            dot += theta[0][i] * theta[2][i] / ((double)count * cases[c].variance);
        CHECK_NEAR(dot, 0.0, 5 / sqrt((double)count)); /* another seed: uncorrelated */
        for (int k = 0; k < 3; k++) ll_free(theta[k]);
        ll_model_destroy(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_mismatch_lists_both_sides),
                                       cmocka_unit_test(test_a_sequence_with_activations_is_a_naming),
                                       cmocka_unit_test(test_order_is_the_last_resort),
                                       cmocka_unit_test(test_initialisation_has_the_stated_distribution)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
