/* Linear combinations collected behind common factors: the same values and gradients as before, and as few streams of
 * matrix products as the combination has (hand-counted), for residuals of first and second order; what has another reader
 * stays. */
#include "losslens/kernels.h"
#include "support_cmocka.h"

#include <math.h>
#include <stdio.h>

enum { LAYERS = 3, SAMPLES = 7, MOST = 3 * LAYERS + 4 };

typedef struct network {
    ll_graph *graph;
    ll_node x, t, h, parameters[2 * LAYERS];
    ll_node inputs[MOST];
    double *data[MOST];
    int count;
} network;

static ll_node input(network *n, ll_input_kind kind, const char *name, int rank, const int64_t *shape)
{
    ll_node node = ll_graph_input(n->graph, kind, name, LL_F64, shape, rank);
    int64_t count = 0;
    assert_true(ll_graph_elements(ll_graph_node_at(n->graph, node), SAMPLES, &count));
    double *data = ll_allocate_array(count, sizeof *data);
    ll_rng_fill_normal(ll_rng_make(3, "test", name), 0, count, data);
    n->inputs[n->count] = node;
    n->data[n->count++] = data;
    return node;
}

/* 2-6-6-1 tanh. */
static void make(network *n)
{
    static const int64_t width[LAYERS + 1] = {2, 6, 6, 1};
    *n = (network){.graph = ll_graph_create()};
    n->x = input(n, LL_INPUT_SAMPLE, "x", 2, (int64_t[]){LL_SAMPLES, 1});
    n->t = input(n, LL_INPUT_SAMPLE, "t", 2, (int64_t[]){LL_SAMPLES, 1});
    n->h = ll_graph_concatenate(n->graph, (ll_node[]){n->x, n->t}, 2, 1);
    for (int l = 0; l < LAYERS; l++) {
        char name[16];
        snprintf(name, sizeof name, "w%d", l);
        n->parameters[2 * l] = input(n, LL_INPUT_PARAMETER, name, 2, (int64_t[]){width[l + 1], width[l]});
        snprintf(name, sizeof name, "b%d", l);
        n->parameters[2 * l + 1] = input(n, LL_INPUT_PARAMETER, name, 1, &width[l + 1]);
        n->h = ll_graph_add(n->graph, ll_graph_matmul(n->graph, n->h, n->parameters[2 * l], false, true),
                            n->parameters[2 * l + 1]);
        if (l + 1 < LAYERS) n->h = ll_graph_tanh(n->graph, n->h);
    }
}

static void end(network *n)
{
    for (int i = 0; i < n->count; i++) ll_free(n->data[i]);
    ll_graph_destroy(n->graph);
}

static ll_node by(network *n, ll_node y, ll_node input_)
{
    ll_node one = ll_graph_full_like(n->graph, input_, 1.0), result = LL_NO_NODE;
    CHECK_OK(ll_graph_jvp(n->graph, &y, 1, &input_, &one, 1, &result, error));
    return result;
}

static int products(const network *n, ll_node output)
{
    bool *marks = ll_allocate_array(ll_graph_count(n->graph), sizeof *marks);
    int count = 0;
    CHECK_OK(ll_graph_reachable(n->graph, &output, 1, marks, error));
    for (ll_node k = 0; k < ll_graph_count(n->graph); k++)
        count += marks[k] && ll_graph_node_at(n->graph, k)->op == LL_OP_MATMUL;
    ll_free(marks);
    return count;
}

static void values(const network *n, ll_node output, double *loss, double *gradient)
{
    ll_graph *g = n->graph;
    ll_node sum = ll_graph_sum(g, ll_graph_multiply(g, output, output), LL_AXIS(0) | LL_AXIS(1)),
            outputs[3] = {sum};
    CHECK_OK(ll_graph_vjp(g, &sum, NULL, 1, (ll_node[]){n->parameters[0], n->parameters[2]}, 2, outputs + 1,
                          error));
    ll_binding bindings[MOST];
    for (int i = 0; i < n->count; i++) bindings[i] = (ll_binding){n->inputs[i], n->data[i]};
    CHECK_OK(ll_interpret(g, outputs, 3, SAMPLES, bindings, n->count,
                          (void *[]){loss, gradient, gradient + 12}, error));
}

static void compare(network *n, ll_node residual, int before, int after)
{
    ll_node collected;
    double loss[2], gradient[2][48];
    CHECK_OK(ll_graph_collect(n->graph, &residual, 1, &collected, error));
    assert_int_equal(products(n, residual), before);
    assert_int_equal(products(n, collected), after);
    values(n, residual, &loss[0], gradient[0]);
    values(n, collected, &loss[1], gradient[1]);
    CHECK_NEAR(loss[1], loss[0], 1e-12 * loss[0]);
    double size = 0;
    for (int i = 0; i < 48; i++) size = fmax(size, fabs(gradient[0][i]));
    for (int i = 0; i < 48; i++) CHECK_NEAR(gradient[1][i], gradient[0][i], 1e-12 * size);
}

/* u_t + 30 u_x: the value needs two products (its last layer does not enter), each direction three. */
static void test_first_order(void **state)
{
    (void)state;
    network n;
    make(&n);
    ll_graph *g = n.graph;
    compare(&n, ll_graph_add(g, by(&n, n.h, n.t), ll_graph_multiply_scalar(g, by(&n, n.h, n.x), 30.0)),
            2 + 3 + 3, 2 + 3);
    compare(&n, ll_graph_subtract(g, by(&n, n.h, n.t), ll_graph_multiply_scalar(g, by(&n, n.h, n.x), 0.5)),
            2 + 3 + 3, 2 + 3);
    end(&n);
}

/* u_t - nu u_xx: value, x direction (two layers), and t direction and second order as one. */
static void test_second_order(void **state)
{
    (void)state;
    network n;
    make(&n);
    ll_graph *g = n.graph;
    ll_node second = by(&n, by(&n, n.h, n.x), n.x);
    compare(&n, ll_graph_subtract(g, by(&n, n.h, n.t), ll_graph_multiply_scalar(g, second, 0.7)),
            2 + 2 + 2 + 3, 2 + 2 + 3);
    end(&n);
}

/* u_t u_x + u_t: u_t has two readers; u_t - u_t is nothing; u itself and its derivative share no stream. */
static void test_kept(void **state)
{
    (void)state;
    network n;
    make(&n);
    ll_graph *g = n.graph;
    ll_node u_t = by(&n, n.h, n.t), u_x = by(&n, n.h, n.x);
    compare(&n, ll_graph_add(g, ll_graph_multiply(g, u_t, u_x), u_t), 2 + 3 + 3, 2 + 3 + 3);
    ll_node shifted = ll_graph_add(g, u_x, ll_graph_tanh(g, n.x)),
            nothing = ll_graph_subtract(g, shifted, ll_graph_tanh(g, n.x));
    compare(&n, nothing, 2 + 3, 2 + 3);
    ll_node zero, sine = ll_graph_sin(g, n.x), difference = ll_graph_subtract(g, sine, sine);
    double numbers[SAMPLES];
    CHECK_OK(ll_graph_collect(g, &difference, 1, &zero, error));
    ll_binding binding = {n.x, n.data[0]};
    CHECK_OK(ll_interpret(g, &zero, 1, SAMPLES, &binding, 1, (void *[]){numbers}, error));
    for (int i = 0; i < SAMPLES; i++) assert_true(numbers[i] == 0);
    end(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_first_order),
                                       cmocka_unit_test(test_second_order), cmocka_unit_test(test_kept)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
