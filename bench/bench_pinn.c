/* bench_pinn - physics-informed and tiny networks through the Problem, beside PyTorch, in alternation, on the same numbers.
 *
 *   bench_pinn [--threads N] [--repeat R] [--dtype f32|f64] [--only WORK] [--python PROGRAM]
 *
 * The network is 2-50-50-50-50-1 tanh, the loss that of 1-D convection: 256 initial points, 100 pairs of boundary points,
 * 1,000 collocation points with u_t + 30 u_x. Work: loss, gradient (loss and gradient), hessian (one product), block (eight
 * products at once), ensemble (loss and gradient of 16 seeds in one request; the peer takes them one by one), mlp (441
 * networks 2-32-32-1, 256 samples). Results must agree (float32 1e-4, Hessian 1e-3; float64 1e-9) before a time is printed:
 * the best of R alternating runs on either side, per point or product, in milliseconds (eight of ours to one of each of the
 * peer's, whose threads are given time to fall asleep). "usual" is autograd.grad with
 * create_graph, "tangents" value and two tangents in one pass. Without PyTorch the peer's columns say so. */
#define _DEFAULT_SOURCE
#include "losslens/networks_pinn.h"
#include "losslens/problem_graph.h"
#include "peer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MEMBERS = 16, BLOCK = 8, MODELS = 441 };

static int thread_count = 1, repeats = 15;
static const char *only = NULL, *python = "/usr/bin/python3";
static bool wide = false;
static char folder[] = "/tmp/bench_pinn_XXXXXX";

static void must(ll_status status, const ll_error *error)
{
    if (status == LL_OK) return;
    fprintf(stderr, "%s: %s: %s\n", ll_status_name(status), error->place, error->message);
    exit(1);
}

static size_t real_bytes(void) { return wide ? sizeof(double) : sizeof(float); }

static void set(void *data, int64_t i, double value)
{
    if (wide) ((double *)data)[i] = value;
    else ((float *)data)[i] = (float)value;
}

static double get(const void *data, int64_t i)
{
    return wide ? ((const double *)data)[i] : (double)((const float *)data)[i];
}

static void *save(const char *name, void *data, int64_t count)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, real_bytes(), (size_t)count, file) != (size_t)count) exit(1);
    fclose(file);
    return data;
}

/* ------------------------------------------------------------------ problems */

static ll_problem *make_problem(const ll_pinn_options *options, void *const *rows, const int64_t *counts)
{
    ll_error error;
    ll_model *model = NULL;
    must(ll_pinn_create(options, &model, &error), &error);
    ll_graph_rows tables[4];
    char names[4][64];
    for (int64_t i = 0; i < options->terms; i++) {
        snprintf(names[i], sizeof names[i], "%s.samples", options->term[i].name);
        tables[i] = (ll_graph_rows){names[i], rows[i], counts[i]};
    }
    ll_graph_problem_options settings = {
        .rows = tables, .row_count = options->terms, .seed = 1, .threads = thread_count};
    ll_problem *problem = NULL;
    must(ll_problem_create_graph(model, &settings, &problem, &error), &error);
    return problem;
}

static void *table(int64_t count)
{
    void *data = ll_allocate_zeroed((size_t)(count + 8) * sizeof(double));
    if (!data) exit(1);
    return data;
}

static ll_problem *make_pinn(void)
{
    static const char *const inputs[] = {"x", "t"}, *const outputs[] = {"u"}, *const target[] = {"target"};
    static const char *const sides[] = {"lower", "upper"};
    static const int64_t hidden[] = {50, 50, 50, 50};
    static const ll_pinn_constant beta = {"beta", 30.0};
    const ll_pinn_term terms[] = {
        {.name = "initial", .weight = 1, .residual = "u - target", .data = target, .data_count = 1},
        {.name = "boundary", .weight = 1, .residual = "u@lower - u@upper", .points = sides, .point_count = 2},
        {.name = "residual", .weight = 1, .residual = "u_t + beta * u_x"}};
    enum { INITIAL = 256, BOUNDARY = 100, INSIDE = 1000 };
    const ll_pinn_options options = {.name = "convection",
                                     .dtype = wide ? LL_F64 : LL_F32,
                                     .inputs = inputs,
                                     .outputs = outputs,
                                     .input_count = 2,
                                     .output_count = 1,
                                     .hidden = hidden,
                                     .hidden_count = 4,
                                     .constant = &beta,
                                     .constants = 1,
                                     .term = terms,
                                     .terms = 3};
    const double around = 6.283185307179586;
    void *rows[3] = {table(INITIAL * 3), table(BOUNDARY * 4), table(INSIDE * 2)};
    for (int64_t i = 0; i < INITIAL; i++) {
        double x = around * (double)i / INITIAL;
        set(rows[0], 3 * i, x);
        set(rows[0], 3 * i + 2, sin(x));
    }
    for (int64_t i = 0; i < BOUNDARY; i++) {
        double t = (double)i / (BOUNDARY - 1);
        set(rows[1], 4 * i + 1, t);
        set(rows[1], 4 * i + 2, around);
        set(rows[1], 4 * i + 3, t);
    }
    ll_rng rng = ll_rng_make(7, "bench", "points");
    for (int64_t i = 0; i < INSIDE; i++) {
        set(rows[2], 2 * i, around * ll_rng_uniform(rng, (uint64_t)(2 * i)));
        set(rows[2], 2 * i + 1, ll_rng_uniform(rng, (uint64_t)(2 * i + 1)));
    }
    save("initial", rows[0], INITIAL * 3);
    save("boundary", rows[1], BOUNDARY * 4);
    save("residual", rows[2], INSIDE * 2);
    return make_problem(&options, rows, (int64_t[]){INITIAL, BOUNDARY, INSIDE});
}

static ll_problem *make_mlp(void)
{
    static const char *const inputs[] = {"x", "y"}, *const outputs[] = {"u"}, *const target[] = {"target"};
    static const int64_t hidden[] = {32, 32};
    const ll_pinn_term term = {
        .name = "fit", .weight = 1, .residual = "u - target", .data = target, .data_count = 1};
    enum { SAMPLES = 256 };
    const ll_pinn_options options = {.name = "mlp",
                                     .dtype = wide ? LL_F64 : LL_F32,
                                     .inputs = inputs,
                                     .outputs = outputs,
                                     .input_count = 2,
                                     .output_count = 1,
                                     .hidden = hidden,
                                     .hidden_count = 2,
                                     .term = &term,
                                     .terms = 1};
    void *rows = table(SAMPLES * 3);
    ll_rng rng = ll_rng_make(8, "bench", "mlp");
    for (int64_t i = 0; i < SAMPLES * 3; i++) set(rows, i, ll_rng_normal(rng, (uint64_t)i));
    save("mlp", rows, SAMPLES * 3);
    return make_problem(&options, &rows, (int64_t[]){SAMPLES});
}

/* ------------------------------------------------------------------ competitions */

static double evaluate(ll_problem *problem, const ll_request *request)
{
    ll_error error;
    double start = ll_clock_seconds();
    must(ll_problem_evaluate(problem, request, &error), &error);
    return ll_clock_seconds() - start;
}

static double norm(const void *vector, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += get(vector, i) * get(vector, i);
    return sqrt(sum);
}

/* `units`: points or products of the request, which the peer's run does `peer_units` of. */
static void compete(const char *name, ll_problem *problem, const ll_request *request, double units, peer *it,
                    const char *const forms[2], double peer_units, double bound,
                    double (*value)(const ll_request *))
{
    if (only && strcmp(only, name) != 0) return;
    double best = INFINITY, peers[2] = {INFINITY, INFINITY}, answer[2] = {0}; /* seconds, value */
    evaluate(problem, request);
    double own = value(request);
    for (int f = 0; f < 2; f++) {
        bool answered = peer_ask(it, forms[f], answer, 2);
        if (answered && !(fabs(own - answer[1]) <= bound * fabs(answer[1]))) {
            printf("%s: results differ from %s: ours %.9g, PyTorch %.9g\n", name, forms[f], own, answer[1]);
            exit(1);
        }
    }
    for (int r = 0; r < repeats; r++) {
        for (int f = 0; f < 2; f++)
            if (peer_ask(it, forms[f], answer, 2)) peers[f] = fmin(peers[f], answer[0] / peer_units);
        peer_rest(it);
        for (int k = 0; k < 8; k++) best = fmin(best, evaluate(problem, request) / units);
    }
    printf("%-9s %s %d threads  ours %8.4f ms", name, wide ? "f64" : "f32", thread_count, 1e3 * best);
    for (int f = 0; f < 2 && it->there; f++)
        printf("  %s %8.3f ms, ratio %6.2f", forms[f], 1e3 * peers[f], peers[f] / best);
    printf("%s\n", it->there ? "" : "  PyTorch skipped (not available)");
    fflush(stdout);
}

static void start_torch(peer *it)
{
    char threads[16];
    snprintf(threads, sizeof threads, "%d", thread_count);
    const char *const words[4] = {folder, threads, wide ? "f64" : "f32", NULL};
    peer_start(it, python, "pinn_step_torch.py", thread_count, words);
}

static int64_t parameter_count;
static double value_loss(const ll_request *request) { return request->loss[0]; }
static double value_gradient(const ll_request *request)
{
    return norm(request->gradients[0], parameter_count);
}
static double value_product(const ll_request *request) { return norm(request->products[0], parameter_count); }
static double value_losses(const ll_request *request)
{
    double sum = 0;
    for (int64_t k = 0; k < request->points; k++) sum += request->loss[k] * request->loss[k];
    return sqrt(sum);
}

static void pinn(void)
{
    ll_problem *problem = make_pinn();
    int64_t n = parameter_count = ll_problem_view(problem)->parameter_count;
    const void *thetas[MEMBERS], *vectors[BLOCK];
    void *gradients[MEMBERS], *products[BLOCK];
    double losses[MEMBERS];
    for (int m = 0; m < MEMBERS; m++) {
        void *theta = table(n);
        ll_rng rng = ll_rng_make((uint64_t)m, "bench", "seed");
        for (int64_t i = 0; i < n; i++)
            set(theta, i,
                get(ll_problem_origin(problem), i) + (m == 0 ? 0.0 : 0.05 * ll_rng_normal(rng, (uint64_t)i)));
        thetas[m] = theta;
        gradients[m] = table(n);
    }
    for (int v = 0; v < BLOCK; v++) {
        void *vector = table(n);
        ll_rng rng = ll_rng_make((uint64_t)v, "bench", "vector");
        for (int64_t i = 0; i < n; i++) set(vector, i, ll_rng_normal(rng, (uint64_t)i));
        vectors[v] = vector;
        products[v] = table(n);
    }
    save("theta", (void *)(uintptr_t)thetas[0], n);
    save("vector", (void *)(uintptr_t)vectors[0], n);
    peer it = {0};
    start_torch(&it);
    static const char *const loss[] = {"usual-loss", "tangents-loss"},
                             *const gradient[] = {"usual-gradient", "tangents-gradient"},
                             *const hessian[] = {"usual-hessian", "tangents-hessian"};
    double bound = wide ? 1e-9 : 1e-4, second = wide ? 1e-9 : 1e-3;
    ll_request request = {.points = 1, .thetas = thetas, .loss = losses};
    compete("loss", problem, &request, 1, &it, loss, 1, bound, value_loss);
    request.gradients = gradients;
    compete("gradient", problem, &request, 1, &it, gradient, 1, bound, value_gradient);
    request.points = MEMBERS;
    compete("ensemble", problem, &request, MEMBERS, &it, gradient, 1, bound, value_gradient);
    request = (ll_request){
        .points = 1, .thetas = thetas, .product_count = 1, .vectors = vectors, .products = products};
    compete("hessian", problem, &request, 1, &it, hessian, 1, second, value_product);
    request.product_count = BLOCK;
    compete("block", problem, &request, BLOCK, &it, hessian, 1, second, value_product);
    peer_stop(&it);
    ll_problem_destroy(problem);
}

static void mlp(void)
{
    ll_problem *problem = make_mlp();
    int64_t n = ll_problem_view(problem)->parameter_count;
    unsigned char *all = table(n * MODELS);
    static const void *thetas[MODELS];
    static double losses[MODELS];
    ll_rng rng = ll_rng_make(9, "bench", "mlp");
    for (int64_t i = 0; i < n * MODELS; i++) set(all, i, 0.3 * ll_rng_normal(rng, (uint64_t)i));
    for (int64_t m = 0; m < MODELS; m++) thetas[m] = all + (size_t)(m * n) * real_bytes();
    save("mlp_thetas", all, n * MODELS);
    /* The script loads these first. */
    const char *const empty[] = {"theta", "vector", "initial", "boundary", "residual"};
    void *zeros = table(7851);
    const int64_t counts[] = {7851, 7851, 3, 4, 2};
    for (int i = 0; only && i < 5; i++) save(empty[i], zeros, counts[i]);
    peer it = {0};
    start_torch(&it);
    static const char *const forms[] = {"mlp-loop", "mlp-bmm"};
    ll_request request = {.points = MODELS, .thetas = thetas, .loss = losses};
    compete("mlp", problem, &request, 1, &it, forms, 1, wide ? 1e-9 : 1e-4, value_losses);
    peer_stop(&it);
    ll_problem_destroy(problem);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "--threads") == 0 && more) thread_count = atoi(argv[++i]);
        else if (strcmp(argv[i], "--repeat") == 0 && more) repeats = atoi(argv[++i]);
        else if (strcmp(argv[i], "--dtype") == 0 && more) wide = strcmp(argv[++i], "f64") == 0;
        else if (strcmp(argv[i], "--only") == 0 && more) only = argv[++i];
        else if (strcmp(argv[i], "--python") == 0 && more) python = argv[++i];
        else {
            fprintf(
                stderr,
                "usage: %s [--threads N] [--repeat R] [--dtype f32|f64] [--only WORK] [--python PROGRAM]\n",
                argv[0]);
            return 2;
        }
    }
    if (thread_count < 1 || repeats < 1 || !mkdtemp(folder)) return 2;
    if (!only || strcmp(only, "mlp") != 0) pinn();
    if (!only || strcmp(only, "mlp") == 0) mlp();
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) == 0 ? 0 : 1;
}
