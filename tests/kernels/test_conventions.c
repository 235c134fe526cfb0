/* What graph.h promises at the points that random values do not meet: ties, kinks, NaN, indices outside, integers
 * at their limits; and the random numbers. The values expected here are written by hand. */
#include "support_cmocka.h"

#include "losslens/kernels.h"

#include <math.h>
#include <string.h>

#define SHAPE(...) ((int64_t[]){__VA_ARGS__})
#define VALUES(...) ((double[]){__VA_ARGS__})

static ll_node constant(ll_graph *g, int64_t count, const double *values)
{
    return ll_graph_constant(g, LL_F64, &count, 1, values);
}

static void run(ll_graph *g, ll_node node, void *result)
{
    ll_error error = {0};
    ll_status status = ll_graph_check(g, &error);
    if (status == LL_OK) status = ll_interpret(g, &node, 1, 1, NULL, 0, &result, &error);
    if (status != LL_OK) fail_msg("%s %s", error.place, error.message);
}

static void gives(ll_graph *g, ll_node node, int count, const double *wanted)
{
    double got[16];
    run(g, node, got);
    for (int i = 0; i < count; i++) {
        bool same = got[i] == wanted[i] || (isnan(got[i]) && isnan(wanted[i]));
        if (!same) fail_msg("element %d: got %.17g, wanted %.17g", i, got[i], wanted[i]);
    }
}

/* The derivative of sum(y) by x, by reverse and by forward mode. */
static void has_slope(ll_graph *g, ll_node y, ll_node x, int count, const double *wanted)
{
    ll_node seed = ll_graph_full_like(g, y, 1.0), slope, tangent;
    assert_int_equal(ll_graph_vjp(g, &y, &seed, 1, &x, 1, &slope, NULL), LL_OK);
    gives(g, slope, count, wanted);
    for (int i = 0; i < count; i++) {
        double unit[16] = {0}, moved[16], sum = 0;
        unit[i] = 1;
        ll_node direction = constant(g, count, unit);
        assert_int_equal(ll_graph_jvp(g, &y, 1, &x, &direction, 1, &tangent, NULL), LL_OK);
        run(g, tangent, moved);
        int64_t elements;
        assert_true(ll_graph_elements(ll_graph_node_at(g, y), 1, &elements));
        for (int64_t k = 0; k < elements; k++) sum += moved[k];
        assert_true(sum == wanted[i]);
    }
}

static void kinks_and_ties(void **state)
{
    (void)state;
    ll_graph *g = ll_graph_create();
    ll_node x = constant(g, 4, VALUES(-1, 0, -0.0, 2)), zero = ll_graph_full_like(g, x, 0.0);
    has_slope(g, ll_graph_max(g, x, zero), x, 4, VALUES(0, 0, 0, 1)); /* ReLU */
    has_slope(g, ll_graph_max(g, zero, x), x, 4,
              VALUES(0, 1, 1, 1)); /* a tie belongs to the second operand */
    has_slope(g, ll_graph_min(g, x, zero), x, 4, VALUES(1, 0, 0, 0));
    has_slope(g, ll_graph_abs(g, x), x, 4, VALUES(-1, 0, 0, 1));
    has_slope(g, ll_graph_sign(g, x), x, 4, VALUES(0, 0, 0, 0));
    ll_node tied = constant(g, 5, VALUES(3, 1, 3, 3, -2));
    const double third = 1.0 / 3.0;
    has_slope(g, ll_graph_reduce_max(g, tied, 1), tied, 5, VALUES(third, 0, third, third, 0));
    has_slope(g, ll_graph_reduce_min(g, tied, 1), tied, 5, VALUES(0, 0, 0, 0, 1));
    has_slope(g, ll_graph_power(g, x, ll_graph_full_like(g, x, 3.0)), x, 4, VALUES(3, 0, 0, 12));
    /* 0^b has derivative 0 by b: no 0 times log 0. */
    has_slope(g, ll_graph_power(g, constant(g, 1, VALUES(0)), constant(g, 1, VALUES(2))),
              constant(g, 1, VALUES(2)), 1, VALUES(0));
    /* Max pooling takes the first of equals. */
    ll_window window = {.spatial = 1, .size = {2}, .stride = {2}, .dilation = {1}};
    ll_node pooled = constant(g, 4, VALUES(5, 5, 1, 7));
    ll_node at = ll_graph_window_argmax(g, pooled, &window);
    has_slope(g, ll_graph_gather(g, pooled, at, 0), pooled, 4, VALUES(1, 0, 0, 1));
    ll_graph_destroy(g);
}

static void not_a_number_is_shown(void **state)
{
    (void)state;
    ll_graph *g = ll_graph_create();
    ll_node x = constant(g, 3, VALUES(NAN, 1, 2)), y = constant(g, 3, VALUES(0, NAN, 3));
    gives(g, ll_graph_max(g, x, y), 3, VALUES(NAN, NAN, 3));
    gives(g, ll_graph_min(g, x, y), 3, VALUES(NAN, NAN, 2));
    gives(g, ll_graph_max(g, x, ll_graph_full_like(g, x, 0.0)), 3, VALUES(NAN, 1, 2));
    gives(g, ll_graph_reduce_max(g, x, 1), 1, VALUES(NAN));
    gives(g, ll_graph_reduce_min(g, x, 1), 1, VALUES(NAN));
    gives(g, ll_graph_sign(g, x), 3, VALUES(NAN, 1, 1));
    gives(g, ll_graph_cast(g, ll_graph_less(g, x, y), LL_F64), 3, VALUES(0, 0, 1));
    gives(g, ll_graph_cast(g, ll_graph_equal(g, x, x), LL_F64), 3, VALUES(0, 1, 1));
    gives(g, ll_graph_multiply(g, y, ll_graph_full_like(g, x, 0.0)), 3, VALUES(0, NAN, 0));
    gives(g, ll_graph_cast(g, ll_graph_argmax(g, y, 0), LL_F64), 1, VALUES(1));
    ll_window window = {.spatial = 1, .size = {3}, .stride = {1}, .dilation = {1}};
    gives(g, ll_graph_cast(g, ll_graph_window_argmax(g, y, &window), LL_F64), 1, VALUES(1));
    ll_graph_destroy(g);
}

static void integers_and_indices(void **state)
{
    (void)state;
    ll_graph *g = ll_graph_create();
    ll_node a = ll_graph_constant(g, LL_I64, SHAPE(4), 1, SHAPE(7, -7, 5, INT64_MIN));
    ll_node b = ll_graph_constant(g, LL_I64, SHAPE(4), 1, SHAPE(2, 2, 0, -1));
    int64_t whole[4];
    int32_t narrow[3];
    run(g, ll_graph_divide(g, a, b), whole);
    assert_memory_equal(whole, SHAPE(3, -3, 0, INT64_MIN), sizeof whole);
    run(g, ll_graph_negate(g, a), whole);
    assert_memory_equal(whole, SHAPE(-7, 7, -5, INT64_MIN), sizeof whole);
    run(g, ll_graph_cast(g, constant(g, 3, VALUES(1e300, NAN, -2.9)), LL_I32), narrow);
    assert_memory_equal(narrow, ((int32_t[]){INT32_MAX, 0, -2}), sizeof narrow);
    ll_node x = constant(g, 3, VALUES(10, 20, 30)),
            at = ll_graph_constant(g, LL_I64, SHAPE(4), 1, SHAPE(2, -100, 3, 0));
    gives(g, ll_graph_gather(g, x, at, 0), 4, VALUES(30, 0, 0, 10));
    gives(g, ll_graph_scatter_add(g, constant(g, 4, VALUES(1, 2, 4, 8)), at, 0, 3), 3, VALUES(8, 0, 1));
    ll_graph_destroy(g);
}

/* A resize by hand: PyTorch's F.interpolate of [1, 2, 4] to 6 and of [1, 2, 4, 8] to 2. */
static void resizing(void **state)
{
    (void)state;
    ll_graph *g = ll_graph_create();
    ll_node x = constant(g, 3, VALUES(1, 2, 4));
    gives(g, ll_graph_resize(g, x, 1, SHAPE(6), LL_RESIZE_NEAREST, LL_RESIZE_ASYMMETRIC), 6,
          VALUES(1, 1, 2, 2, 4, 4));
    gives(g, ll_graph_resize(g, x, 1, SHAPE(6), LL_RESIZE_LINEAR, LL_RESIZE_HALF_PIXEL), 6,
          VALUES(1, 1.25, 1.75, 2.5, 3.5, 4));
    gives(g, ll_graph_resize(g, x, 1, SHAPE(5), LL_RESIZE_LINEAR, LL_RESIZE_ALIGN_CORNERS), 5,
          VALUES(1, 1.5, 2, 3, 4));
    ll_node y = constant(g, 4, VALUES(1, 2, 4, 8));
    gives(g, ll_graph_resize(g, y, 1, SHAPE(2), LL_RESIZE_LINEAR, LL_RESIZE_HALF_PIXEL), 2, VALUES(1.5, 6));
    gives(g, ll_graph_resize(g, y, 1, SHAPE(2), LL_RESIZE_NEAREST, LL_RESIZE_ASYMMETRIC), 2, VALUES(1, 4));
    ll_graph_destroy(g);
}

static void random_numbers(void **state)
{
    (void)state;
    enum { many = 4096 };
    ll_graph *g = ll_graph_create();
    ll_node seed = ll_graph_constant(g, LL_I64, NULL, 0, SHAPE(0x123456789abcdef));
    static double got[many];
    ll_node draw = ll_graph_random(g, LL_F64, 42, seed, ll_graph_iota(g, LL_I64, many));
    run(g, draw, got);
    ll_rng rng = {.key = {0x89abcdef, 0x1234567}, .stream = {42, 0}};
    double mean = 0, square = 0;
    for (int i = 0; i < many; i++) {
        assert_true(got[i] == ll_rng_uniform(rng, (uint64_t)i));
        mean += got[i] / many;
        square += got[i] * got[i] / many;
    }
    /* Five standard errors of the uniform distribution's moments. */
    assert_true(fabs(mean - 0.5) < 5 * sqrt(1.0 / 12 / many));
    assert_true(fabs(square - 1.0 / 3) < 5 * sqrt(4.0 / 45 / many));
    ll_graph_destroy(g);
}

static void an_unbound_input_is_named(void **state)
{
    (void)state;
    ll_graph *g = ll_graph_create();
    ll_node x = ll_graph_input(g, LL_INPUT_PARAMETER, "layer.weight", LL_F64, SHAPE(2), 1),
            y = ll_graph_exp(g, x);
    double result[2] = {5, 6};
    void *results = result;
    ll_error error = {0};
    assert_int_equal(ll_interpret(g, &y, 1, 1, NULL, 0, &results, &error), LL_NOT_FOUND);
    assert_string_equal(error.place, "layer.weight");
    assert_true(result[0] == 5 && result[1] == 6);
    ll_graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinks_and_ties),       cmocka_unit_test(not_a_number_is_shown),
        cmocka_unit_test(integers_and_indices), cmocka_unit_test(resizing),
        cmocka_unit_test(random_numbers),       cmocka_unit_test(an_unbound_input_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
