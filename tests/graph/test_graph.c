/* Identity of nodes, algebraic identities, refusals, shape of derivative graphs, text. Values are tested where
 * kernels are (tests/kernels). */
#include "support_cmocka.h"

#include "graph/internal.h"

#include <string.h>

#define SHAPE(...) ((int64_t[]){__VA_ARGS__})

static ll_node leaf(ll_graph *g, const char *name, int rank, const int64_t *shape)
{
    return ll_graph_input(g, LL_INPUT_VALUE, name, LL_F32, shape, rank);
}

static int64_t count_op(const ll_graph *g, ll_op op, int64_t first)
{
    int64_t count = 0;
    for (int64_t i = first; i < ll_graph_count(g); i++) count += ll_graph_node_at(g, (ll_node)i)->op == op;
    return count;
}

static void equal_requests_give_one_node(void **state)
{
    (void)state;
    ll_graph *g = ll_graph_create();
    ll_node a = leaf(g, "a", 2, SHAPE(LL_SAMPLES, 4)), b = leaf(g, "b", 2, SHAPE(LL_SAMPLES, 4));
    assert_int_equal(ll_graph_add(g, a, b), ll_graph_add(g, b, a));
    assert_int_equal(ll_graph_multiply(g, a, b), ll_graph_multiply(g, b, a));
    assert_int_not_equal(ll_graph_subtract(g, a, b), ll_graph_subtract(g, b, a));
    assert_int_equal(ll_graph_scalar(g, LL_F32, 2.0), ll_graph_scalar(g, LL_F32, 2.0));
    assert_int_not_equal(ll_graph_scalar(g, LL_F32, 2.0), ll_graph_scalar(g, LL_F64, 2.0));
    assert_int_not_equal(ll_graph_scalar(g, LL_F64, 0.0), ll_graph_scalar(g, LL_F64, -0.0));
    assert_int_equal(leaf(g, "a", 2, SHAPE(LL_SAMPLES, 4)), a);
    int64_t before = ll_graph_count(g);
    for (int i = 0; i < 3; i++) (void)ll_graph_exp(g, ll_graph_sum(g, a, LL_AXIS(1)));
    assert_int_equal(ll_graph_count(g), before + 2);
    /* Through the table's growth every node is still found. */
    ll_node chain = a;
    for (int i = 0; i < 3000; i++) chain = ll_graph_sin(g, ll_graph_cos(g, chain));
    before = ll_graph_count(g);
    ll_node again = a;
    for (int i = 0; i < 3000; i++) again = ll_graph_sin(g, ll_graph_cos(g, again));
    assert_int_equal(again, chain);
    assert_int_equal(ll_graph_count(g), before);
    ll_graph_destroy(g);
}

static void identities_leave_no_node(void **state)
{
    (void)state;
    ll_graph *g = ll_graph_create();
    ll_node x = leaf(g, "x", 3, SHAPE(LL_SAMPLES, 4, 6));
    assert_int_equal(ll_graph_multiply_scalar(g, x, 1.0), x);
    assert_int_equal(ll_graph_add_scalar(g, x, 0.0), x);
    assert_int_equal(ll_graph_subtract(g, x, ll_graph_full_like(g, x, 0.0)), x);
    assert_int_equal(ll_graph_negate(g, ll_graph_negate(g, x)), x);
    assert_int_equal(ll_graph_multiply_scalar(g, x, -1.0), ll_graph_negate(g, x));
    assert_int_equal(ll_graph_add(g, x, ll_graph_negate(g, ll_graph_exp(g, x))),
                     ll_graph_subtract(g, x, ll_graph_exp(g, x)));
    assert_int_equal(ll_graph_divide(g, x, ll_graph_full_like(g, x, 1.0)), x);
    assert_int_equal(ll_graph_power(g, x, ll_graph_full_like(g, x, 2.0)), ll_graph_multiply(g, x, x));
    assert_int_equal(ll_graph_cast(g, x, LL_F32), x);
    assert_int_equal(
        ll_graph_reshape(g, ll_graph_reshape(g, x, SHAPE(LL_INFER, 24), 2), SHAPE(LL_SAMPLES, 4, 6), 3), x);
    ll_node turned = ll_graph_transpose(g, x, (int[]){2, 0, 1});
    assert_int_equal(ll_graph_transpose(g, turned, (int[]){1, 2, 0}), x);
    assert_int_equal(ll_graph_sum(g, ll_graph_sum(g, x, LL_AXIS(1)), LL_AXIS(1)),
                     ll_graph_sum(g, x, LL_AXIS(1) | LL_AXIS(2)));
    assert_int_equal(ll_graph_slice_axis(g, x, 1, 0, 4), x);
    assert_int_equal(ll_graph_pad(g, x, SHAPE(0, 0, 0), SHAPE(0, 0, 0), NULL, 1.0), x);
    assert_int_equal(ll_graph_concatenate(g, &x, 1, 2), x);
    /* Folding: a computation on constants is a constant; what depends on N stays. */
    double value;
    ll_node six =
        ll_graph_multiply(g, ll_graph_full(g, LL_F64, SHAPE(2, 3), 2, 2.0), ll_graph_scalar(g, LL_F64, 3.0));
    assert_true(ll_is_uniform(g, six, &value) && value == 6.0);
    assert_true(ll_is_uniform(g, ll_graph_sum(g, six, 3), &value) && value == 36.0);
    assert_false(ll_is_uniform(g, ll_graph_sum(g, ll_graph_full_like(g, x, 1.0), 7), &value));
    ll_node big = ll_graph_scalar(g, LL_I32, 2147483647.0);
    assert_true(ll_is_uniform(g, ll_graph_add(g, big, ll_graph_scalar(g, LL_I32, 1.0)), &value) &&
                value == -2147483648.0);
    /* 0 x is not folded: x may be infinite. */
    assert_int_equal(ll_graph_node_at(g, ll_graph_multiply_scalar(g, x, 0.0))->op, LL_OP_MULTIPLY);
    assert_int_equal(ll_graph_check(g, NULL), LL_OK);
    ll_graph_destroy(g);
}

static void refused(ll_graph *g, ll_node node, ll_status status, const char *const *words)
{
    ll_error error = {0};
    assert_int_equal(node, LL_NO_NODE);
    assert_int_equal(ll_graph_check(g, &error), status);
    for (; *words != NULL; words++) {
        if (strstr(error.message, *words) == NULL && strstr(error.place, *words) == NULL) {
            fail_msg("\"%s\" is in neither \"%s\" nor \"%s\"", *words, error.place, error.message);
        }
    }
    ll_graph_recover(g);
    assert_int_equal(ll_graph_check(g, NULL), LL_OK);
}
#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void bad_graphs_are_refused_by_name(void **state)
{
    (void)state;
    ll_graph *g = ll_graph_create();
    ll_node x = leaf(g, "features", 2, SHAPE(LL_SAMPLES, 4)), w = leaf(g, "fc.weight", 2, SHAPE(5, 3));
    ll_node image = leaf(g, "image", 4, SHAPE(LL_SAMPLES, 3, 8, 8)),
            kernel = leaf(g, "kernel", 4, SHAPE(6, 2, 3, 3));
    ll_convolution form = {.spatial = 2, .groups = 1, .stride = {1, 1}, .dilation = {1, 1}};
    refused(g, ll_graph_matmul(g, x, w, false, false), LL_SHAPE,
            WORDS("matmul", "fc.weight", "features", "f32[N, 4]", "f32[5, 3]"));
    refused(g, ll_graph_add(g, x, w), LL_SHAPE, WORDS("add", "fc.weight", "f32[N, 4]", "f32[5, 3]"));
    refused(g, ll_graph_convolution(g, image, kernel, &form), LL_SHAPE,
            WORDS("kernel", "f32[6, 2, 3, 3]", "channels"));
    refused(g, ll_graph_matmul(g, x, x, false, true), LL_SHAPE, WORDS("two sample axes"));
    refused(g, ll_graph_reduce_max(g, x, LL_AXIS(0)), LL_SHAPE, WORDS("sample axis"));
    refused(g, ll_graph_reshape(g, x, SHAPE(LL_SAMPLES, 5), 2), LL_SHAPE, WORDS("f32[N, 4]", "f32[N, 5]"));
    refused(g, ll_graph_reshape(g, x, SHAPE(LL_INFER, 3), 2), LL_SHAPE, WORDS("cannot be inferred"));
    refused(g, ll_graph_reshape(g, x, SHAPE(LL_INFER, LL_INFER), 2), LL_SHAPE, WORDS("both"));
    refused(g, ll_graph_transpose(g, x, (int[]){1, 1}), LL_SHAPE, WORDS("permutation"));
    refused(g, ll_graph_slice_axis(g, x, 1, 2, 3), LL_SHAPE, WORDS("axis 1", "outside"));
    refused(g, ll_graph_slice_axis(g, x, 0, 0, 1), LL_SHAPE, WORDS("sample axis"));
    refused(g, ll_graph_sum(g, x, LL_AXIS(5)), LL_SHAPE, WORDS("axis 5"));
    refused(g, ll_graph_add(g, x, ll_graph_cast(g, x, LL_F64)), LL_SHAPE, WORDS("f32[N, 4]", "f64[N, 4]"));
    refused(g, ll_graph_gather(g, w, x, 0), LL_SHAPE, WORDS("i32 or i64"));
    refused(g, ll_graph_exp(g, 12345), LL_INVALID_ARGUMENT, WORDS("exp", "12345"));
    refused(g, ll_graph_apply(g, (ll_op)999, &x, 1, NULL, LL_F32, NULL, 0), LL_INVALID_ARGUMENT,
            WORDS("999"));
    refused(g, ll_graph_apply(g, LL_OP_ADD, &x, 1, NULL, LL_F32, NULL, 0), LL_INVALID_ARGUMENT,
            WORDS("add", "wanted 2"));
    refused(g, leaf(g, "features", 1, SHAPE(7)), LL_INVALID_ARGUMENT,
            WORDS("features", "f32[7]", "f32[N, 4]"));
    refused(g, leaf(g, "huge", 2, SHAPE(INT64_MAX / 2, 5)), LL_SHAPE, WORDS("overflows"));
    refused(g, ll_graph_input(g, LL_INPUT_SAMPLE, "s", LL_F32, SHAPE(3, 2), 2), LL_SHAPE,
            WORDS("sample axis first"));
    refused(g, leaf(g, "rank nine", 9, SHAPE(1, 1, 1, 1, 1, 1, 1, 1, 1)), LL_INVALID_ARGUMENT,
            WORDS("rank 9"));
    refused(g, ll_graph_scalar(g, LL_I32, 0.5), LL_INVALID_ARGUMENT, WORDS("0.5", "i32"));
    /* The first error stays, and nothing is built after it. */
    assert_int_equal(ll_graph_matmul(g, x, w, false, false), LL_NO_NODE);
    assert_int_equal(ll_graph_exp(g, ll_graph_transpose(g, LL_NO_NODE, NULL)), LL_NO_NODE);
    refused(g, LL_NO_NODE, LL_SHAPE, WORDS("matmul"));
    ll_graph_destroy(g);
}

static void transforms_refuse_and_leave_outputs_alone(void **state)
{
    (void)state;
    ll_graph *g = ll_graph_create();
    ll_node x = leaf(g, "x", 2, SHAPE(LL_SAMPLES, 4)), y = ll_graph_exp(g, x), flag = ll_graph_less(g, x, y),
            out = 77;
    ll_node missing = 4000, small = leaf(g, "small", 1, SHAPE(4));
    ll_error error;
    assert_int_equal(ll_graph_vjp(g, &y, NULL, 1, &x, 1, &out, &error), LL_SHAPE);
    assert_non_null(strstr(error.message, "f32[N, 4]"));
    assert_int_equal(ll_graph_vjp(g, &flag, &flag, 1, &x, 1, &out, &error), LL_INVALID_ARGUMENT);
    assert_int_equal(ll_graph_vjp(g, &y, &small, 1, &x, 1, &out, &error), LL_SHAPE);
    assert_int_equal(ll_graph_vjp(g, &y, &y, 1, &missing, 1, &out, &error), LL_INVALID_ARGUMENT);
    assert_int_equal(ll_graph_jvp(g, &missing, 1, &x, &x, 1, &out, &error), LL_INVALID_ARGUMENT);
    assert_int_equal(ll_graph_jvp(g, &y, 1, &x, &small, 1, &out, &error), LL_SHAPE);
    assert_int_equal(ll_graph_batch(g, &y, 1, &x, &small, 1, 3, &out, NULL, &error), LL_SHAPE);
    assert_int_equal(ll_graph_substitute(g, &y, 1, &x, &small, 1, &out, &error), LL_SHAPE);
    assert_int_equal(out, 77);
    /* No room for a model axis. */
    ll_node wide = leaf(g, "wide", 8, SHAPE(1, 1, 1, 1, 1, 1, 1, 2)), narrow = leaf(g, "narrow", 1, SHAPE(2));
    ll_node many = leaf(g, "many", 2, SHAPE(3, 2)), sum = ll_graph_multiply(g, wide, narrow);
    assert_int_not_equal(ll_graph_batch(g, &sum, 1, &narrow, &many, 1, 3, &out, NULL, &error), LL_OK);
    assert_int_equal(out, 77);
    ll_graph_destroy(g);
}

static void zeros_are_never_written_down(void **state)
{
    (void)state;
    ll_graph *g = ll_graph_create();
    ll_convolution form = {.spatial = 2, .groups = 1, .stride = {1, 1}, .dilation = {1, 1}};
    ll_node x = leaf(g, "x", 4, SHAPE(LL_SAMPLES, 3, 8, 8)), w = leaf(g, "w", 4, SHAPE(6, 3, 3, 3)),
            other = leaf(g, "other", 1, SHAPE(3));
    ll_node y = ll_graph_convolution(g, x, w, &form), loss = ll_graph_sum(g, ll_graph_multiply(g, y, y), 15);
    ll_node wrt[] = {w, other}, gradient[2], hv, v = leaf(g, "v", 4, SHAPE(6, 3, 3, 3));
    double value;
    int64_t first = ll_graph_count(g);
    assert_int_equal(ll_graph_vjp(g, &loss, NULL, 1, wrt, 2, gradient, NULL), LL_OK);
    /* By the weights alone: no gradient by the data, and what nothing depends on is a zero constant. */
    assert_int_equal(count_op(g, LL_OP_CONVOLUTION_DATA, first), 0);
    assert_int_equal(count_op(g, LL_OP_CONVOLUTION_WEIGHT, first), 1);
    assert_true(ll_is_uniform(g, gradient[1], &value) && value == 0);
    first = ll_graph_count(g);
    assert_int_equal(ll_graph_jvp(g, gradient, 1, &w, &v, 1, &hv, NULL), LL_OK);
    /* d/dw of a sum of squares of a linear map: one convolution by v, one weight gradient. */
    assert_int_equal(count_op(g, LL_OP_CONVOLUTION, first), 1);
    assert_int_equal(count_op(g, LL_OP_CONVOLUTION_WEIGHT, first), 1);
    assert_int_equal(count_op(g, LL_OP_BROADCAST, first), 0);
    /* A block of directions: the primal convolution is shared, not repeated. */
    ll_node block = leaf(g, "block", 5, SHAPE(4, 6, 3, 3, 3)), products;
    bool batched;
    first = ll_graph_count(g);
    assert_int_equal(ll_graph_batch(g, &hv, 1, &v, &block, 1, 4, &products, &batched, NULL), LL_OK);
    assert_true(batched);
    assert_int_equal(count_op(g, LL_OP_CONVOLUTION, first), 1);
    const ll_graph_node *node = ll_graph_node_at(g, products);
    assert_true(node->rank == 5 && node->shape[0] == 4 && node->shape[1] == 6);
    for (int64_t i = first; i < ll_graph_count(g); i++) {
        const ll_graph_node *it = ll_graph_node_at(g, (ll_node)i);
        if (it->op == LL_OP_CONVOLUTION || it->op == LL_OP_CONVOLUTION_WEIGHT)
            assert_int_equal(it->inputs[0], x);
    }
    ll_graph_destroy(g);
}

static void sums_over_samples_are_known(void **state)
{
    (void)state;
    ll_graph *g = ll_graph_create();
    ll_node x = leaf(g, "x", 2, SHAPE(LL_SAMPLES, 4)), w = leaf(g, "w", 2, SHAPE(4, 4));
    assert_false(ll_graph_sums_samples(g, ll_graph_matmul(g, x, w, false, false)));
    assert_true(ll_graph_sums_samples(g, ll_graph_matmul(g, x, x, true, false)));
    assert_true(ll_graph_sums_samples(g, ll_graph_sum(g, x, LL_AXIS(0))));
    assert_false(ll_graph_sums_samples(g, ll_graph_sum(g, x, LL_AXIS(1))));
    assert_false(ll_graph_sums_samples(g, ll_graph_sum(g, w, LL_AXIS(1))));
    ll_graph_destroy(g);
}

static void substitution_and_reachability(void **state)
{
    (void)state;
    ll_graph *g = ll_graph_create();
    ll_node x = leaf(g, "x", 1, SHAPE(4)), z = leaf(g, "z", 1, SHAPE(4)),
            y = ll_graph_exp(g, ll_graph_sin(g, x)), out;
    assert_int_equal(ll_graph_substitute(g, &y, 1, &x, &z, 1, &out, NULL), LL_OK);
    assert_int_equal(out, ll_graph_exp(g, ll_graph_sin(g, z)));
    bool marks[16];
    assert_true(ll_graph_count(g) <= 16);
    assert_int_equal(ll_graph_reachable(g, &out, 1, marks, NULL), LL_OK);
    assert_true(marks[z] && marks[out] && !marks[x] && !marks[y]);
    ll_graph_destroy(g);
}

static void verification_finds_a_wrong_node(void **state)
{
    (void)state;
    ll_graph *g = ll_graph_create();
    ll_node x = leaf(g, "x", 2, SHAPE(LL_SAMPLES, 4)), y = ll_graph_name(g, ll_graph_exp(g, x), "broken");
    ll_error error = {0};
    assert_int_equal(ll_graph_verify(g, &error), LL_OK);
    ll_stored(g, y)->node.shape[1] = 5;
    assert_int_equal(ll_graph_verify(g, &error), LL_INTERNAL);
    assert_string_equal(error.place, "broken");
    assert_non_null(strstr(error.message, "f32[N, 5]"));
    assert_non_null(strstr(error.message, "f32[N, 4]"));
    ll_stored(g, y)->node.shape[1] = 4;
    ll_stored(g, y)->inline_inputs[0] = y;
    assert_int_equal(ll_graph_verify(g, &error), LL_INTERNAL);
    ll_graph_destroy(g);
}

static void text_of_a_graph(void **state)
{
    (void)state;
    ll_graph *g = ll_graph_create();
    ll_node x = ll_graph_input(g, LL_INPUT_SAMPLE, "x", LL_F32, SHAPE(LL_SAMPLES, 4), 2);
    ll_node w = ll_graph_input(g, LL_INPUT_PARAMETER, "w", LL_F32, SHAPE(3, 4), 2);
    (void)ll_graph_exp(g, x); /* dead */
    ll_node y = ll_graph_name(g, ll_graph_matmul(g, x, w, false, true), "logits");
    ll_node two = ll_graph_multiply_scalar(g, ll_graph_sum(g, y, LL_AXIS(0) | LL_AXIS(1)), 2.0);
    ll_text text = {0};
    ll_graph_dump(g, &two, 1, &text);
    assert_string_equal(text.text, "%0 = input() sample : f32[N, 4]  # x\n"
                                   "%1 = input() parameter : f32[3, 4]  # w\n"
                                   "%3 = matmul(%0, %1) transpose_b : f32[N, 3]  # logits\n"
                                   "%4 = sum(%3) axes [0, 1] : f32[]\n"
                                   "%5 = constant() 2 : f32[]\n"
                                   "%6 = multiply(%4, %5) : f32[]\n");
    ll_text_deinit(&text);
    ll_graph_dot(g, &two, 1, &text);
    assert_non_null(strstr(text.text, "digraph"));
    assert_non_null(strstr(text.text, "n3 [label=\"matmul transpose_b\\nf32[N, 3]\\nlogits\"];"));
    assert_non_null(strstr(text.text, "n0 -> n3;"));
    assert_null(strstr(text.text, "n2 "));
    ll_text_deinit(&text);
    ll_graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_requests_give_one_node),
        cmocka_unit_test(identities_leave_no_node),
        cmocka_unit_test(bad_graphs_are_refused_by_name),
        cmocka_unit_test(transforms_refuse_and_leave_outputs_alone),
        cmocka_unit_test(zeros_are_never_written_down),
        cmocka_unit_test(sums_over_samples_are_known),
        cmocka_unit_test(substitution_and_reachability),
        cmocka_unit_test(verification_finds_a_wrong_node),
        cmocka_unit_test(text_of_a_graph),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
