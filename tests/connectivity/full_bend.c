/* The gradient of a curve's bend through a real architecture (ResNet-20, float64, evaluation mode) against
 * differences of the curve's mean loss. */
#include "../support_cmocka.h"

#include "losslens/connectivity.h"
#include "losslens/problem_graph.h"
#include "losslens/problem_vectors.h"

#include <math.h>

enum { IMAGES = 4, PIXELS = 3 * 32 * 32 };

static ll_problem *resnet(double *pixels, int64_t *labels)
{
    static const ll_network_option shortcut = {"shortcut", "B"};
    ll_network_options make = {.network = "resnet20",
                               .option = &shortcut,
                               .options = 1,
                               .dtype = LL_F64,
                               .input_shape = {3, 32, 32},
                               .classes = 10};
    ll_model *model = NULL;
    CHECK_OK(ll_network_create(&make, &model, error));
    const ll_model_info *info = ll_model_view(model);
    ll_rng_fill_normal(ll_rng_make(3, "test", "images"), 0, IMAGES * PIXELS, pixels);
    for (int i = 0; i < IMAGES; i++) labels[i] = 3 * i;
    ll_graph_rows rows[2];
    assert_int_equal(info->inputs, 2);
    for (int i = 0; i < 2; i++)
        rows[i] = (ll_graph_rows){
            info->input[i].name,
            ll_dtype_is_float(info->input[i].dtype) ? (const void *)pixels : (const void *)labels, IMAGES};
    ll_graph_problem_options options = {.rows = rows, .row_count = 2, .seed = 5, .threads = 1};
    ll_problem *problem = NULL;
    CHECK_OK(ll_problem_create_graph(model, &options, &problem, error));
    return problem;
}

static void test_bend_gradient_of_a_resnet20(void **state)
{
    (void)state;
    double *pixels = ll_allocate_array(IMAGES * PIXELS, sizeof *pixels);
    int64_t labels[IMAGES];
    ll_problem *problem = resnet(pixels, labels);
    int64_t n = ll_problem_view(problem)->parameter_count;
    const double *origin = ll_problem_origin(problem), t[2] = {0.2, 0.7};
    double *a = ll_allocate_array(7 * n, sizeof *a), *b = a + n, *phi = a + 2 * n, *v = a + 3 * n,
           *gradient = a + 4 * n, *moved = a + 5 * n, *other = a + 6 * n;
    for (int64_t i = 0; i < n; i++) {
        a[i] = origin[i];
        b[i] = origin[i] + 0.02 * ll_rng_normal(ll_rng_make(1, "test", "b"), (uint64_t)i);
        phi[i] = origin[i] + 0.02 * ll_rng_normal(ll_rng_make(1, "test", "phi"), (uint64_t)i);
    }
    ll_curve_ends ends = {.a = a, .b = b};
    double loss = 0, side = 0;
    static const double multiple[4] = {-2, -1, 1, 2}, weight[4] = {1, -8, 8, -1};
    for (int kind = LL_CURVE_BEZIER; kind <= LL_CURVE_POLYGON; kind++) {
        CHECK_OK(ll_connectivity_bend_gradient(problem, &ends, (ll_curve_kind)kind, phi, t, 2, NULL, &loss,
                                               gradient, error));
        /* ReLU's kinks make differences of a loss rough; along the gradient itself the slope is largest, and
         * a step of 1e-7 crosses few of them. */
        double size = ll_vector_norm(LL_REAL_FLOAT64, n, gradient), slope = 0, h = 1e-7;
        assert_true(loss > 0 && size > 1e-3);
        for (int64_t i = 0; i < n; i++) v[i] = gradient[i] / size;
        for (int s = 0; s < 4; s++) {
            for (int64_t i = 0; i < n; i++) moved[i] = phi[i] + multiple[s] * h * v[i];
            CHECK_OK(ll_connectivity_bend_gradient(problem, &ends, (ll_curve_kind)kind, moved, t, 2, NULL,
                                                   &side, other, error));
            slope += weight[s] * side / (12 * h);
        }
        print_message("          loss %.6f, |gradient| %.8g, differences %.8g\n", loss, size, slope);
        CHECK_NEAR(slope / size, 1.0, 1e-5);
    }
    ll_free(a);
    ll_problem_destroy(problem);
    ll_free(pixels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bend_gradient_of_a_resnet20)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
