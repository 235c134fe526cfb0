/* Layers and losses against their formulas, written out here in long double: values, slopes, arguments far out; attention
 * with a mask against loops; dropout: how often, how much, and that a sample's draw is its own. */
#include "losslens/kernels.h"
#include "losslens/networks_composites.h"
#include "losslens/runtime.h"
#include "support_cmocka.h"

#include <math.h>
#include <string.h>

#define SHAPE(...) ((int64_t[]){__VA_ARGS__})

static void run(const ll_graph *g, ll_node node, int64_t samples, const ll_binding *bindings, int64_t count,
                void *result)
{
    void *results = result;
    CHECK_OK(ll_graph_check(g, error));
    CHECK_OK(ll_interpret(g, &node, 1, samples, bindings, count, &results, error));
}

static void expect(double got, long double wanted, double tolerance, const char *what, int at)
{
    double bound = tolerance * fmax(1.0, fabs((double)wanted));
    if (!(fabs(got - (double)wanted) <= bound))
        fail_msg("%s, element %d: got %.17g, wanted %.17g", what, at, got, (double)wanted);
}

/* ------------------------------------------------------------------ activations */

static long double relu(long double x) { return x > 0 ? x : 0; }
static long double leaky(long double x) { return x > 0 ? x : 0.1L * x; }
static long double sigmoid(long double x) { return 1 / (1 + expl(-x)); }
static long double silu(long double x) { return x * sigmoid(x); }
static long double softplus(long double x) { return x > 50 ? x + expl(-x) : log1pl(expl(x)); }
static long double gelu(long double x) { return x * erfcl(-x / sqrtl(2)) / 2; }
static long double gelu_tanh(long double x)
{
    return x / 2 * (1 + tanhl(sqrtl(2 / acosl(-1)) * (x + 0.044715L * x * x * x)));
}
static ll_node make_leaky(ll_graph *g, ll_node x) { return ll_layer_leaky_relu(g, x, 0.1); }

static void test_activations(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        ll_node (*make)(ll_graph *, ll_node);
        long double (*formula)(long double);
    } all[] = {{"relu", ll_layer_relu, relu},
               {"leaky relu", make_leaky, leaky},
               {"sigmoid", ll_layer_sigmoid, sigmoid},
               {"silu", ll_layer_silu, silu},
               {"softplus", ll_layer_softplus, softplus},
               {"gelu", ll_layer_gelu, gelu},
               {"gelu by tanh", ll_layer_gelu_tanh, gelu_tanh}};
    enum { POINTS = 14 };
    static const double x[POINTS] = {-800, -40, -5.5, -2, -1, -0.3, -1e-3, 1e-3, 0.4, 1, 2.5, 6, 40, 800};
    for (size_t f = 0; f < sizeof all / sizeof *all; f++) {
        ll_graph *g = ll_graph_create();
        ll_node in = ll_graph_input(g, LL_INPUT_PARAMETER, "x", LL_F64, SHAPE(POINTS), 1);
        ll_node out = all[f].make(g, in), sum = ll_graph_sum(g, out, LL_AXIS(0)), slope;
        CHECK_OK(ll_graph_vjp(g, &sum, NULL, 1, &in, 1, &slope, error));
        ll_binding binding = {in, x};
        double value[POINTS], got[POINTS];
        run(g, out, 1, &binding, 1, value);
        run(g, slope, 1, &binding, 1, got);
        for (int i = 0; i < POINTS; i++) {
            long double h = 1e-4L, at = x[i];
            long double wanted = (8 * (all[f].formula(at + h) - all[f].formula(at - h)) -
                                  (all[f].formula(at + 2 * h) - all[f].formula(at - 2 * h))) /
                                 (12 * h);
            expect(value[i], all[f].formula(at), 1e-14, all[f].name, i);
            expect(got[i], wanted, 1e-11, all[f].name, i);
        }
        ll_graph_destroy(g);
    }
}

/* Over the middle axis of three, with scores so large that only their differences can be raised to a power. */
static void test_softmax(void **state)
{
    (void)state;
    enum { A = 2, C = 4, B = 3 };
    double x[A * C * B], soft[A * C * B], logs[A * C * B];
    for (int i = 0; i < A * C * B; i++) x[i] = 2000.0 + 3.0 * sin(1.7 * i) * (i % 5);
    ll_graph *g = ll_graph_create();
    ll_node in = ll_graph_input(g, LL_INPUT_PARAMETER, "x", LL_F64, SHAPE(A, C, B), 3);
    ll_binding binding = {in, x};
    run(g, ll_layer_softmax(g, in, 1), 1, &binding, 1, soft);
    run(g, ll_layer_log_softmax(g, in, 1), 1, &binding, 1, logs);
    for (int a = 0; a < A; a++)
        for (int b = 0; b < B; b++) {
            long double total = 0;
            for (int c = 0; c < C; c++) total += expl((long double)x[(a * C + c) * B + b] - 2000);
            for (int c = 0; c < C; c++) {
                int at = (a * C + c) * B + b;
                long double wanted = (long double)x[at] - 2000 - logl(total);
                expect(soft[at], expl(wanted), 1e-14, "softmax", at);
                expect(logs[at], wanted, 1e-12, "log-softmax", at);
            }
        }
    ll_graph_destroy(g);
}

/* ------------------------------------------------------------------ losses */

enum { N = 5, CLASSES = 3, PIXELS = 2, IGNORED = 7 };

/* log of the softmax of one pixel's scores, [C] steps of PIXELS apart. */
static long double log_probability(const double *scores, int label)
{
    long double total = 0;
    for (int c = 0; c < CLASSES; c++) total += expl((long double)scores[c * PIXELS]);
    return (long double)scores[label * PIXELS] - logl(total);
}

static void test_class_losses(void **state)
{
    (void)state;
    static const double weights[CLASSES] = {0.5, 2.0, 1.25};
    double scores[N * CLASSES * PIXELS], got[4][N];
    int64_t labels[N * PIXELS];
    for (int i = 0; i < N * CLASSES * PIXELS; i++) scores[i] = 3.0 * cos(2.3 * i);
    for (int i = 0; i < N * PIXELS; i++) labels[i] = i % 4 == 3 ? IGNORED : i % CLASSES;
    const double smoothing = 0.2;
    ll_graph *g = ll_graph_create();
    ll_node x = ll_graph_input(g, LL_INPUT_SAMPLE, "scores", LL_F64, SHAPE(LL_SAMPLES, CLASSES, PIXELS), 3);
    ll_node y = ll_graph_input(g, LL_INPUT_SAMPLE, "labels", LL_I64, SHAPE(LL_SAMPLES, PIXELS), 2);
    ll_node w = ll_graph_constant(g, LL_F64, SHAPE(CLASSES), 1, weights), counted[3];
    ll_node nodes[4] = {
        ll_loss_cross_entropy(g, x, y, smoothing, w, IGNORED, &counted[0]),
        ll_loss_cross_entropy(g, x, y, 0.0, w, IGNORED, &counted[1]),
        ll_loss_negative_log_likelihood(g, ll_layer_log_softmax(g, x, 1), y, w, IGNORED, &counted[2])};
    nodes[3] = counted[2];
    ll_binding bindings[] = {{x, scores}, {y, labels}};
    for (int k = 0; k < 4; k++) run(g, nodes[k], N, bindings, 2, got[k]);
    for (int n = 0; n < N; n++) {
        long double plain = 0, smooth = 0, weight = 0;
        for (int p = 0; p < PIXELS; p++) {
            int64_t label = labels[n * PIXELS + p];
            const double *pixel = scores + n * CLASSES * PIXELS + p;
            if (label == IGNORED) continue;
            long double own = -(long double)weights[label] * log_probability(pixel, (int)label), all = 0;
            for (int c = 0; c < CLASSES; c++) all -= (long double)weights[c] * log_probability(pixel, c);
            plain += own;
            smooth += (1 - smoothing) * own + smoothing / CLASSES * all;
            weight += weights[label];
        }
        expect(got[0][n], smooth, 1e-13, "cross-entropy with smoothing", n);
        expect(got[1][n], plain, 1e-13, "cross-entropy", n);
        expect(got[2][n], plain, 1e-13, "negative log-likelihood", n);
        expect(got[3][n], weight, 1e-15, "weight of the valid labels", n);
    }
    ll_graph_destroy(g);
}

static long double squared(long double p, long double t) { return (p - t) * (p - t); }
static long double huber(long double p, long double t)
{
    long double d = fabsl(p - t);
    return d <= 0.75L ? d * d / 2 : 0.75L * (d - 0.375L);
}
static long double binary(long double p, long double t) { return softplus(p) - p * t; }
static ll_node make_huber(ll_graph *g, ll_node p, ll_node t) { return ll_loss_huber(g, p, t, 0.75); }

static void test_elementwise_losses(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        ll_node (*make)(ll_graph *, ll_node, ll_node);
        long double (*formula)(long double, long double);
    } all[] = {{"mean square", ll_loss_mean_squared, squared},
               {"huber", make_huber, huber},
               {"binary cross-entropy", ll_loss_binary_cross_entropy, binary}};
    enum { WIDTH = 4 };
    static const double far[WIDTH] = {-300, -0.2, 1.1, 300};
    double p[N * WIDTH], t[N * WIDTH], got[N], slope[N * WIDTH];
    for (int i = 0; i < N * WIDTH; i++) {
        p[i] = i < WIDTH ? far[i] : 2.0 * sin(1.3 * i);
        t[i] = i % 3 / 2.0;
    }
    for (size_t f = 0; f < sizeof all / sizeof *all; f++) {
        ll_graph *g = ll_graph_create();
        ll_node prediction = ll_graph_input(g, LL_INPUT_SAMPLE, "p", LL_F64, SHAPE(LL_SAMPLES, WIDTH), 2);
        ll_node target = ll_graph_input(g, LL_INPUT_SAMPLE, "t", LL_F64, SHAPE(LL_SAMPLES, WIDTH), 2);
        ll_node loss = all[f].make(g, prediction, target), sum = ll_graph_sum(g, loss, LL_AXIS(0)), back;
        CHECK_OK(ll_graph_vjp(g, &sum, NULL, 1, &prediction, 1, &back, error));
        ll_binding bindings[] = {{prediction, p}, {target, t}};
        run(g, loss, N, bindings, 2, got);
        run(g, back, N, bindings, 2, slope);
        for (int n = 0; n < N; n++) {
            long double wanted = 0, h = 1e-4L;
            for (int i = n * WIDTH; i < (n + 1) * WIDTH; i++) {
                long double at = p[i], to = t[i];
                wanted += all[f].formula(at, to) / WIDTH;
                long double d = (8 * (all[f].formula(at + h, to) - all[f].formula(at - h, to)) -
                                 (all[f].formula(at + 2 * h, to) - all[f].formula(at - 2 * h, to))) /
                                (12 * h);
                expect(slope[i], d / WIDTH, 1e-11, all[f].name, i);
            }
            expect(got[n], wanted, 1e-14, all[f].name, n);
        }
        ll_graph_destroy(g);
    }
}

/* ------------------------------------------------------------------ attention */

static void test_attention_with_mask(void **state)
{
    (void)state;
    enum { HEADS = 2, T = 3, U = 4, D = 5, E = 2 };
    double q[HEADS * T * D], k[HEADS * U * D], v[HEADS * U * E], mask[T * U], got[HEADS * T * E];
    for (int i = 0; i < HEADS * T * D; i++) q[i] = sin(0.9 * i);
    for (int i = 0; i < HEADS * U * D; i++) k[i] = cos(1.1 * i);
    for (int i = 0; i < HEADS * U * E; i++) v[i] = sin(0.4 * i + 1);
    for (int i = 0; i < T * U; i++) mask[i] = i % U > i / U ? -INFINITY : 0.0; /* causal */
    ll_graph *g = ll_graph_create();
    ll_node nodes[4] = {ll_graph_input(g, LL_INPUT_PARAMETER, "q", LL_F64, SHAPE(HEADS, T, D), 3),
                        ll_graph_input(g, LL_INPUT_PARAMETER, "k", LL_F64, SHAPE(HEADS, U, D), 3),
                        ll_graph_input(g, LL_INPUT_PARAMETER, "v", LL_F64, SHAPE(HEADS, U, E), 3),
                        ll_graph_broadcast(g, ll_graph_constant(g, LL_F64, SHAPE(T, U), 2, mask),
                                           SHAPE(HEADS, T, U), 3, LL_AXIS(0))};
    ll_binding bindings[] = {{nodes[0], q}, {nodes[1], k}, {nodes[2], v}};
    run(g, ll_layer_attention(g, nodes[0], nodes[1], nodes[2], nodes[3]), 1, bindings, 3, got);
    for (int h = 0; h < HEADS; h++)
        for (int i = 0; i < T; i++) {
            long double share[U], total = 0;
            for (int j = 0; j < U; j++) {
                long double score = 0;
                for (int d = 0; d < D; d++)
                    score += (long double)q[(h * T + i) * D + d] * (long double)k[(h * U + j) * D + d];
                share[j] = j > i ? 0 : expl(score / sqrtl(D));
                total += share[j];
            }
            for (int e = 0; e < E; e++) {
                long double wanted = 0;
                for (int j = 0; j < U; j++) wanted += share[j] / total * (long double)v[(h * U + j) * E + e];
                expect(got[(h * T + i) * E + e], wanted, 1e-14, "attention", (h * T + i) * E + e);
            }
        }
    ll_graph_destroy(g);
}

/* ------------------------------------------------------------------ dropout */

enum { ROWS = 96, COLUMNS = 50 };

/* What dropout makes of ones, for the samples whose numbers are given. */
static void drop(const char *name, int64_t seed, const int64_t *indices, int64_t samples, int64_t micro_batch,
                 float *got)
{
    static float ones[ROWS * COLUMNS];
    for (int i = 0; i < ROWS * COLUMNS; i++) ones[i] = 1;
    ll_graph *g = ll_graph_create();
    ll_node x = ll_graph_input(g, LL_INPUT_SAMPLE, "x", LL_F32, SHAPE(LL_SAMPLES, COLUMNS), 2);
    ll_node y = ll_layer_dropout(g, x, 0.3, name);
    ll_binding bindings[4] = {{x, ones}};
    int64_t count = 1;
    for (ll_node n = 0; n < ll_graph_count(g); n++) {
        const ll_graph_node *it = ll_graph_node_at(g, n);
        if (it->op == LL_OP_INPUT && it->attributes.input.kind == LL_INPUT_SEED)
            bindings[count++] = (ll_binding){n, &seed};
    }
    assert_int_equal(count, 2);
    ll_plan_options options = {.samples = samples, .micro_batch = micro_batch};
    ll_plan *plan = NULL;
    ll_team *team = NULL;
    CHECK_OK(ll_team_create(2, &team, error));
    CHECK_OK(ll_plan_create(g, &y, 1, &options, &plan, error));
    void *results = got;
    ll_run once = {.samples = samples,
                   .indices = indices,
                   .bindings = bindings,
                   .binding_count = count,
                   .results = &results};
    CHECK_OK(ll_plan_run(plan, team, &once, error));
    ll_plan_destroy(plan);
    ll_team_destroy(team);
    ll_graph_destroy(g);
}

static void test_dropout(void **state)
{
    (void)state;
    static float first[ROWS * COLUMNS], other[ROWS * COLUMNS];
    int64_t indices[ROWS], reversed[ROWS];
    for (int i = 0; i < ROWS; i++) {
        indices[i] = i;
        reversed[i] = ROWS - 1 - i;
    }
    drop("layer", 5, indices, ROWS, 8, first);
    int kept = 0, rows_alike = 0;
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        assert_true(first[i] == 0.0f || fabsf(first[i] - 1.0f / 0.7f) < 1e-6f);
        kept += first[i] != 0.0f;
    }
    for (int r = 1; r < ROWS; r++)
        rows_alike += memcmp(first, first + r * COLUMNS, sizeof(float) * COLUMNS) == 0;
    assert_int_equal(rows_alike, 0);
    double share = (double)kept / (ROWS * COLUMNS), deviation = sqrt(0.3 * 0.7 / (ROWS * COLUMNS));
    assert_true(fabs(share - 0.7) < 5 * deviation);

    drop("layer", 5, indices, ROWS, 32, other); /* whatever the micro-batch */
    assert_memory_equal(first, other, sizeof first);
    drop("layer", 5, reversed, ROWS, 8, other); /* a sample's draw goes with its number */
    for (int r = 0; r < ROWS; r++)
        assert_memory_equal(first + r * COLUMNS, other + (ROWS - 1 - r) * COLUMNS, sizeof(float) * COLUMNS);
    drop("layer", 6, indices, ROWS, 8, other);
    assert_memory_not_equal(first, other, sizeof first);
    drop("another", 5, indices, ROWS, 8, other);
    assert_memory_not_equal(first, other, sizeof first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_activations),         cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_class_losses),        cmocka_unit_test(test_elementwise_losses),
        cmocka_unit_test(test_attention_with_mask), cmocka_unit_test(test_dropout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
