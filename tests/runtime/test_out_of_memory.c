/* Every allocation of building a graph, deriving, planning and running it fails once, one after the other: the call says
 * so and leaves its output alone, what was made before stays usable, and, under the address sanitizer, nothing leaks. All
 * memory of these modules comes through aligned_alloc, which this program replaces. */
#define _POSIX_C_SOURCE 200112L
#include "../support_cmocka.h"

#include "losslens/runtime.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 20, WIDTH = 6, PARAMETERS = 5, OUTPUTS = 1 + 2 * PARAMETERS, MODELS = 3 };

static int64_t calls, failing = -1; /* number of calls so far; the call that fails */

/* posix_memalign is the one way to aligned memory that sanitizers know and that is not replaced here. */
void *aligned_alloc(size_t alignment, size_t bytes)
{
    void *block;
    if (calls++ == failing) return NULL;
    return posix_memalign(&block, alignment, bytes) == 0 ? block : NULL;
}

/* A convolution, batch statistics (further passes), linear layers with biases, an ensemble: every kind of step. */
typedef struct network {
    ll_graph *graph;
    ll_node sample, label, parameters[PARAMETERS], tangents[PARAMETERS], outputs[OUTPUTS], many[PARAMETERS];
} network;

static const int64_t shapes[PARAMETERS][4] = {{16, 3, 3, 3}, {WIDTH, 16}, {WIDTH}, {WIDTH, 2}, {2}};
static const int ranks[PARAMETERS] = {4, 2, 1, 2, 1};
static float numbers[4096];

static ll_status build(network *n, ll_error *error)
{
    static const char *const names[PARAMETERS] = {"filter", "weight", "bias", "head", "shift"};
    static const char *const directions[PARAMETERS] = {"d0", "d1", "d2", "d3", "d4"};
    static const char *const blocks[PARAMETERS] = {"b0", "b1", "b2", "b3", "b4"};
    ll_graph *g = n->graph;
    ll_node batched[PARAMETERS];
    for (int p = 0; p < PARAMETERS; p++) {
        int64_t full[5] = {MODELS};
        memcpy(full + 1, shapes[p], sizeof shapes[p]);
        n->parameters[p] = ll_graph_input(g, LL_INPUT_PARAMETER, names[p], LL_F32, shapes[p], ranks[p]);
        n->tangents[p] = ll_graph_input(g, LL_INPUT_TANGENT, directions[p], LL_F32, shapes[p], ranks[p]);
        batched[p] = ll_graph_input(g, LL_INPUT_TANGENT, blocks[p], LL_F32, full, ranks[p] + 1);
    }
    n->sample = ll_graph_input(g, LL_INPUT_SAMPLE, "image", LL_F32, (int64_t[]){LL_SAMPLES, 3, 4, 5}, 4);
    n->label = ll_graph_input(g, LL_INPUT_SAMPLE, "label", LL_I64, (int64_t[]){LL_SAMPLES}, 1);
    ll_convolution form = {.spatial = 2,
                           .groups = 1,
                           .stride = {1, 1},
                           .dilation = {1, 1},
                           .pad_low = {1, 1},
                           .pad_high = {1, 1}};
    ll_node x = ll_graph_convolution(g, n->sample, n->parameters[0], &form);
    x = ll_graph_sum(g, ll_graph_max(g, x, ll_graph_full_like(g, x, 0.0)), LL_AXIS(2) | LL_AXIS(3));
    ll_node mean = ll_graph_divide(g, ll_graph_sum(g, x, LL_AXIS(0)), ll_graph_sample_count(g, LL_F32));
    x = ll_graph_tanh(g, ll_graph_subtract(g, x, mean));
    x = ll_graph_tanh(
        g, ll_graph_add(g, ll_graph_matmul(g, x, n->parameters[1], false, true), n->parameters[2]));
    x = ll_graph_add(g, ll_graph_matmul(g, x, n->parameters[3], false, false), n->parameters[4]);
    x = ll_graph_subtract(g, ll_graph_log(g, ll_graph_sum(g, ll_graph_exp(g, x), LL_AXIS(1))),
                          ll_graph_gather(g, x, n->label, 1));
    n->outputs[0] = ll_graph_divide(g, ll_graph_sum(g, x, LL_AXIS(0)), ll_graph_sample_count(g, LL_F32));
    LL_TRY(ll_graph_check(g, error));
    LL_TRY(ll_graph_collect(g, n->outputs, 1, n->outputs, error));
    LL_TRY(ll_graph_vjp(g, n->outputs, NULL, 1, n->parameters, PARAMETERS, n->outputs + 1, error));
    LL_TRY(ll_graph_jvp(g, n->outputs + 1, PARAMETERS, n->parameters, n->tangents, PARAMETERS,
                        n->outputs + 1 + PARAMETERS, error));
    LL_TRY(ll_graph_batch(g, n->outputs + 1 + PARAMETERS, PARAMETERS, n->tangents, batched, PARAMETERS,
                          MODELS, n->many, NULL, error));
    return ll_graph_verify(g, error);
}

static ll_status create(network *n, ll_error *error)
{
    *n = (network){.graph = ll_graph_create()};
    if (!n->graph) return ll_fail_memory(error, "test", 1);
    ll_status status = build(n, error);
    if (status != LL_OK) ll_graph_destroy(n->graph);
    return status;
}

static void test_building(void **state)
{
    (void)state;
    ll_status status = LL_OUT_OF_MEMORY;
    for (int64_t n = 0; status != LL_OK; n++) {
        network made;
        ll_error error = {0};
        calls = 0;
        failing = n;
        status = create(&made, &error);
        bool reached = calls > n;
        failing = -1;
        assert_int_equal(status, reached ? LL_OUT_OF_MEMORY : LL_OK);
        if (status == LL_OK) {
            assert_true(n > 10);
            ll_graph_destroy(made.graph);
        }
    }
}

/* A graph whose builder failed says so until it is told to go on; then it works. */
static void test_recovering(void **state)
{
    (void)state;
    for (int64_t n = 1; n < 12; n++) {
        network made = {0};
        calls = 0;
        failing = n;
        made.graph = ll_graph_create();
        ll_status status = made.graph ? build(&made, NULL) : LL_OUT_OF_MEMORY;
        failing = -1;
        if (made.graph && status != LL_OK) {
            ll_graph_recover(made.graph);
            CHECK_OK(build(&made, error));
        }
        ll_graph_destroy(made.graph);
    }
}

typedef struct values {
    int64_t labels[SAMPLES];
    ll_binding bindings[2 * PARAMETERS + 2];
    float results[OUTPUTS][1024];
    void *targets[OUTPUTS];
    ll_run run;
} values;

static void bind(values *v, const network *n)
{
    for (int p = 0; p < PARAMETERS; p++) {
        v->bindings[2 * p] = (ll_binding){n->parameters[p], numbers + 100 * p};
        v->bindings[2 * p + 1] = (ll_binding){n->tangents[p], numbers + 1000 + 100 * p};
    }
    for (int i = 0; i < SAMPLES; i++) v->labels[i] = i % 2;
    v->bindings[2 * PARAMETERS] = (ll_binding){n->sample, numbers};
    v->bindings[2 * PARAMETERS + 1] = (ll_binding){n->label, v->labels};
    for (int o = 0; o < OUTPUTS; o++) v->targets[o] = v->results[o];
    v->run = (ll_run){.samples = SAMPLES,
                      .bindings = v->bindings,
                      .binding_count = 2 * PARAMETERS + 2,
                      .results = v->targets};
}

static void check_planning(bool kept)
{
    network net;
    CHECK_OK(create(&net, error));
    ll_plan_options options = {.samples = SAMPLES,
                               .micro_batch = 8,
                               .varying = net.tangents,
                               .varying_count = PARAMETERS,
                               .keep = kept};
    ll_status status = LL_OUT_OF_MEMORY;
    for (int64_t n = 0; status != LL_OK; n++) {
        ll_plan *plan = NULL;
        ll_error error = {0};
        calls = 0;
        failing = n;
        status = ll_plan_create(net.graph, net.outputs, OUTPUTS, &options, &plan, &error);
        bool reached = calls > n;
        failing = -1;
        assert_int_equal(status, reached ? LL_OUT_OF_MEMORY : LL_OK);
        if (status == LL_OK) assert_true(n > 10);
        else assert_null(plan);
        ll_plan_destroy(plan);
    }
    ll_graph_destroy(net.graph);
}

static void test_planning(void **state)
{
    (void)state;
    check_planning(false);
    check_planning(true);
}

/* A run that failed leaves the plan as it was: the next one gives the numbers. */
static void check_running(bool kept)
{
    static values wanted, got;
    network net;
    ll_plan *plan;
    ll_team *team;
    CHECK_OK(create(&net, error));
    bind(&wanted, &net);
    bind(&got, &net);
    ll_plan_options options = {
        .samples = 8, .micro_batch = 8, .varying = net.tangents, .varying_count = PARAMETERS};
    CHECK_OK(ll_team_create(2, &team, error));
    CHECK_OK(ll_plan_create(net.graph, net.outputs, OUTPUTS, &options, &plan, error));
    CHECK_OK(ll_plan_run(plan, team, &wanted.run, error));
    ll_plan_destroy(plan);
    options.keep = kept;
    ll_status status = LL_OUT_OF_MEMORY;
    for (int64_t n = 0; status != LL_OK; n++) {
        CHECK_OK(ll_plan_create(net.graph, net.outputs, OUTPUTS, &options, &plan, error));
        calls = 0;
        failing = n;
        status = ll_plan_run(plan, team, &got.run, NULL);
        bool reached = calls > n;
        failing = -1;
        assert_int_equal(status, reached ? LL_OUT_OF_MEMORY : LL_OK);
        if (status == LL_OK) assert_true(n > 3);
        memset(got.results, 0, sizeof got.results);
        CHECK_OK(ll_plan_run(plan, team, &got.run, error));
        assert_memory_equal(wanted.results, got.results, sizeof got.results);
        ll_plan_destroy(plan);
    }
    ll_team_destroy(team);
    ll_graph_destroy(net.graph);
}

static void test_running(void **state)
{
    (void)state;
    check_running(false);
    check_running(true);
}

int main(void)
{
    for (int i = 0; i < 4096; i++) numbers[i] = (float)sin(0.7 * i) * 0.4F;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_building), cmocka_unit_test(test_recovering),
                                       cmocka_unit_test(test_planning), cmocka_unit_test(test_running)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
