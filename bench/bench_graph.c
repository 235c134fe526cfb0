/* Time to write down ResNet-20, its gradient and its Hessian-vector product, for one direction and for a block of
 * ten: what planning costs before any number is computed. Goal: well under 50 ms. */
#include "losslens/networks_composites.h"

#include <stdio.h>

#define SHAPE(...) ((int64_t[]){__VA_ARGS__})
enum { most = 128, repeats = 21, directions = 10 };

typedef struct net {
    ll_graph *graph;
    ll_node parameters[most];
    int count;
} net;

static ll_node parameter(net *n, int rank, const int64_t *shape)
{
    char name[16];
    snprintf(name, sizeof name, "p%d", n->count);
    return n->parameters[n->count++] =
               ll_graph_input(n->graph, LL_INPUT_PARAMETER, name, LL_F32, shape, rank);
}

static ll_node convolution_and_norm(net *n, ll_node x, int64_t in, int64_t out, int64_t stride)
{
    char name[24];
    ll_convolution form = ll_convolution_form(2, stride, 1, 1, 1);
    ll_node y = ll_layer_convolution(n->graph, x, parameter(n, 4, SHAPE(out, in, 3, 3)), LL_NO_NODE, &form);
    ll_node scale = parameter(n, 1, &out), shift = parameter(n, 1, &out);
    snprintf(name, sizeof name, "mean%d", n->count);
    ll_node mean = ll_graph_input(n->graph, LL_INPUT_BUFFER, name, LL_F32, &out, 1);
    snprintf(name, sizeof name, "variance%d", n->count);
    ll_node variance = ll_graph_input(n->graph, LL_INPUT_BUFFER, name, LL_F32, &out, 1);
    return ll_layer_batch_norm(n->graph, y, scale, shift, mean, variance, 1e-5);
}

static ll_node resnet20(net *n)
{
    ll_graph *g = n->graph;
    ll_node x = ll_graph_input(g, LL_INPUT_SAMPLE, "x", LL_F32, SHAPE(LL_SAMPLES, 3, 32, 32), 4), counted;
    ll_node labels = ll_graph_input(g, LL_INPUT_SAMPLE, "labels", LL_I64, SHAPE(LL_SAMPLES), 1);
    ll_node y = ll_layer_relu(g, convolution_and_norm(n, x, 3, 16, 1));
    for (int64_t stage = 0, in = 16; stage < 3; stage++) {
        for (int64_t block = 0; block < 3; block++) {
            int64_t out = 16 << stage, stride = stage > 0 && block == 0 ? 2 : 1;
            ll_node a = ll_layer_relu(g, convolution_and_norm(n, y, in, out, stride));
            a = convolution_and_norm(n, a, out, out, 1);
            if (stride == 2) {
                const int64_t *s = ll_graph_node_at(g, y)->shape;
                y = ll_graph_slice(g, y, SHAPE(0, 0, 0, 0), SHAPE(1, 1, 2, 2),
                                   SHAPE(s[0], s[1], s[2] / 2, s[3] / 2));
                y = ll_graph_pad(g, y, SHAPE(0, in / 2, 0, 0), SHAPE(0, in / 2, 0, 0), NULL, 0.0);
            }
            y = ll_layer_relu(g, ll_graph_add(g, a, y));
            in = out;
        }
    }
    ll_node w = parameter(n, 2, SHAPE(10, 64)), b = parameter(n, 1, SHAPE(10));
    ll_node loss = ll_loss_cross_entropy(g, ll_layer_linear(g, ll_layer_mean(g, y, 2), w, b), labels, 0.0,
                                         LL_NO_NODE, INT64_MIN, &counted);
    return ll_graph_divide(g, ll_graph_sum(g, loss, 1), ll_graph_sample_count(g, LL_F32));
}

static void fail_on(ll_status status, const ll_error *error)
{
    if (status != LL_OK) printf("%s: %s\n", error->place, error->message);
}

int main(void)
{
    double best[4] = {1e9, 1e9, 1e9, 1e9};
    int64_t nodes[4] = {0};
    for (int k = 0; k < repeats; k++) {
        net n = {.graph = ll_graph_create()};
        ll_node gradient[most], tangents[most], blocks[most], product[most], many[most];
        ll_error error = {0};
        double at[5];
        at[0] = ll_clock_seconds();
        ll_node loss = resnet20(&n);
        at[1] = ll_clock_seconds();
        nodes[0] = ll_graph_count(n.graph);
        fail_on(ll_graph_vjp(n.graph, &loss, NULL, 1, n.parameters, n.count, gradient, &error), &error);
        at[2] = ll_clock_seconds();
        nodes[1] = ll_graph_count(n.graph);
        for (int i = 0; i < n.count; i++) {
            const ll_graph_node *p = ll_graph_node_at(n.graph, n.parameters[i]);
            int64_t shape[LL_GRAPH_RANK] = {directions};
            char name[16];
            for (int axis = 0; axis < p->rank; axis++) shape[axis + 1] = p->shape[axis];
            snprintf(name, sizeof name, "v%d", i);
            tangents[i] = ll_graph_input(n.graph, LL_INPUT_TANGENT, name, LL_F32, p->shape, p->rank);
            snprintf(name, sizeof name, "block%d", i);
            blocks[i] = ll_graph_input(n.graph, LL_INPUT_TANGENT, name, LL_F32, shape, p->rank + 1);
        }
        fail_on(ll_graph_jvp(n.graph, gradient, n.count, n.parameters, tangents, n.count, product, &error),
                &error);
        at[3] = ll_clock_seconds();
        nodes[2] = ll_graph_count(n.graph);
        fail_on(ll_graph_batch(n.graph, product, n.count, tangents, blocks, n.count, directions, many, NULL,
                               &error),
                &error);
        at[4] = ll_clock_seconds();
        nodes[3] = ll_graph_count(n.graph);
        for (int i = 0; i < 4; i++) best[i] = at[i + 1] - at[i] < best[i] ? at[i + 1] - at[i] : best[i];
        ll_graph_destroy(n.graph);
    }
    static const char *const what[] = {"network", "gradient", "Hessian product", "block of products"};
    double sum = 0;
    printf("ResNet-20 as a graph, best of %d\n", repeats);
    for (int i = 0; i < 4; i++) {
        sum += best[i];
        printf("%-18s %7.3f ms  %6lld nodes so far\n", what[i], best[i] * 1e3, (long long)nodes[i]);
    }
    printf("%-18s %7.3f ms\n", "together", sum * 1e3);
    return 0;
}
