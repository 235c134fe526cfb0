/* bench_engine - the graph engine against PyTorch, in alternation, on the same numbers.
 *
 *   bench_engine [--threads N] [--repeat R] [--only WORKLOAD] [--python PROGRAM] [--micro-batch B] [--profile]
 *
 * Workloads: resnet-evaluate, resnet-train, resnet-hessian, pinn-f32, pinn-f64, mlp-many. For each, weights and data
 * are written to a scratch folder, bench/peers/engine_torch.py loads them, and both sides run alternately; results
 * must agree to 1e-5 (relative) before a time counts. Printed: ours, PyTorch's best variant, and the ratio of the best of R alternating runs.
 * Without PyTorch the peer's columns say "skipped". */
#define _DEFAULT_SOURCE
#include "losslens/networks.h"
#include "losslens/networks_pinn.h"
#include "losslens/parallel.h"
#include "losslens/runtime.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int thread_count = 1, repeats = 5;
static const char *only = NULL, *python = "/usr/bin/python3";
static bool profile = false;
static int64_t micro_batch = 0;
static char folder[] = "/tmp/bench_engine_XXXXXX";

static void must(ll_status status, const ll_error *error)
{
    if (status == LL_OK) return;
    fprintf(stderr, "%s: %s: %s\n", ll_status_name(status), error->place, error->message);
    exit(1);
}

/* ------------------------------------------------------------------ a workload */

typedef struct workload {
    const char *name, *unit;
    double units; /* per run: images, evaluations */
    ll_graph *graph;
    ll_node outputs[128];
    int64_t output_count;
    int64_t samples, points;
    ll_node inputs[320];
    const void *data[320];
    int64_t input_count;
    ll_node point_inputs[64];
    int64_t point_input_count;
    const void **point_data;
    void **results;
    ll_plan *plan;
} workload;

static void save(const char *name, const void *data, size_t bytes)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, bytes, file) != bytes) exit(1);
    fclose(file);
}

static void bind(workload *w, ll_node node, const void *data)
{
    w->inputs[w->input_count] = node;
    w->data[w->input_count++] = data;
}

static void *draw(ll_dtype dtype, const char *name, int64_t count, double scale)
{
    void *data = ll_allocate_array(count + 16, ll_dtype_bytes(dtype));
    ll_rng rng = ll_rng_make(11, "bench", name);
    for (int64_t i = 0; i < count; i++) {
        double value = scale * ll_rng_normal(rng, (uint64_t)i);
        if (dtype == LL_F32) ((float *)data)[i] = (float)value;
        else ((double *)data)[i] = value;
    }
    return data;
}

static void prepare(workload *w)
{
    ll_error error;
    ll_plan_options options = {.samples = w->samples, .profile = profile, .micro_batch = micro_batch};
    must(ll_plan_create(w->graph, w->outputs, w->output_count, &options, &w->plan, &error), &error);
    int64_t points = w->points ? w->points : 1;
    w->results = ll_allocate_array(points * w->output_count, sizeof(void *));
    for (int64_t i = 0; i < points * w->output_count; i++) {
        int64_t count = 0;
        const ll_graph_node *node = ll_graph_node_at(w->graph, w->outputs[i % w->output_count]);
        ll_graph_elements(node, w->samples, &count);
        w->results[i] = ll_allocate_zeroed((size_t)(count + 16) * ll_dtype_bytes(node->dtype));
    }
}

static double run_once(workload *w, ll_team *team)
{
    ll_error error;
    ll_binding bindings[320];
    for (int64_t i = 0; i < w->input_count; i++) bindings[i] = (ll_binding){w->inputs[i], w->data[i]};
    ll_run run = {.samples = w->samples, .bindings = bindings, .binding_count = w->input_count, .points = w->points,
                  .point_inputs = w->point_inputs, .point_input_count = w->point_input_count,
                  .point_data = w->point_data, .results = w->results};
    double start = ll_clock_seconds();
    must(ll_plan_run(w->plan, team, &run, &error), &error);
    return ll_clock_seconds() - start;
}

/* One number that depends on everything wanted: the loss, or the norm of what has many elements. */
static double check_value(const workload *w)
{
    double sum = 0;
    int64_t points = w->points ? w->points : 1;
    for (int64_t i = 0; i < points * w->output_count; i++) {
        const ll_graph_node *node = ll_graph_node_at(w->graph, w->outputs[i % w->output_count]);
        int64_t count = 0;
        ll_graph_elements(node, w->samples, &count);
        for (int64_t k = 0; k < count; k++) {
            double v = node->dtype == LL_F32 ? (double)((float *)w->results[i])[k] : ((double *)w->results[i])[k];
            sum += v * v;
        }
    }
    return sqrt(sum);
}

/* ------------------------------------------------------------------ the peer: a process that answers lines */

typedef struct peer {
    FILE *to, *from;
    pid_t process;
} peer;

static bool peer_start(peer *it, const char *name)
{
    int in[2], out[2];
    if (pipe(in) != 0 || pipe(out) != 0) return false;
    it->process = fork();
    if (it->process == 0) {
        char threads[16];
        const char *source = getenv("LOSSLENS_SOURCE");
        char script[512];
        snprintf(script, sizeof script, "%s/bench/peers/engine_torch.py", source ? source : ".");
        snprintf(threads, sizeof threads, "%d", thread_count);
        dup2(in[0], 0);
        dup2(out[1], 1);
        close(in[1]);
        close(out[0]);
        execl(python, python, script, name, folder, threads, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    it->to = fdopen(in[1], "w");
    it->from = fdopen(out[0], "r");
    char line[128] = "";
    return it->to && it->from && fgets(line, sizeof line, it->from) && strncmp(line, "ready", 5) == 0;
}

static bool peer_run(peer *it, double *seconds, double *value)
{
    fprintf(it->to, "run\n");
    fflush(it->to);
    char line[128] = "";
    return fgets(line, sizeof line, it->from) && sscanf(line, "%lf %lf", seconds, value) == 2;
}

static void peer_stop(peer *it)
{
    if (it->to) fclose(it->to);
    if (it->from) fclose(it->from);
    int status;
    waitpid(it->process, &status, 0);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* On a shared machine the smallest time is the one least disturbed. */
static double best_of(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, by_value);
    return values[0];
}

static void compete(workload *w)
{
    ll_error error;
    ll_team *team = NULL;
    must(ll_team_create(thread_count, &team, &error), &error);
    prepare(w);
    ll_plan_info info = ll_plan_view(w->plan);
    run_once(w, team);
    double ours[64], theirs[64], value = 0;
    peer it = {0};
    bool there = peer_start(&it, w->name);
    double seconds;
    if (there) there = peer_run(&it, &seconds, &value);
    double own = check_value(w);
    if (there && !(fabs(own - value) <= 1e-5 * fabs(value))) {
        printf("%-16s results differ: ours %.9g, PyTorch %.9g\n", w->name, own, value);
    }
    int count = repeats < 60 ? repeats : 60;
    for (int r = 0; r < count; r++) {
        ours[r] = run_once(w, team);
        theirs[r] = 0;
        if (there) there = peer_run(&it, &theirs[r], &value);
    }
    double a = best_of(ours, count), b = best_of(theirs, count);
    if (there)
        printf("%-16s %d threads  micro-batch %3lld  ours %9.3f ms (%9.1f %s/s)  PyTorch %9.3f ms  ratio %.2f  value %.9g\n",
               w->name, thread_count, (long long)info.micro_batch, 1e3 * a, w->units / a, w->unit, 1e3 * b, b / a, own);
    else
        printf("%-16s %d threads  micro-batch %3lld  ours %9.3f ms (%9.1f %s/s)  PyTorch skipped (not available)  value %.9g\n",
               w->name, thread_count, (long long)info.micro_batch, 1e3 * a, w->units / a, w->unit, own);
    fflush(stdout);
    if (profile) {
        ll_text text = {0};
        ll_plan_dump(w->plan, &text);
        ll_plan_profile(w->plan, &text);
        if (text.text) fputs(text.text, stdout);
        ll_text_deinit(&text);
    }
    peer_stop(&it);
    ll_plan_destroy(w->plan);
    ll_team_destroy(team);
}

/* ------------------------------------------------------------------ the workloads */

static void resnet(const char *name, int64_t samples, bool training, int order)
{
    ll_error error;
    ll_network_options options = {.network = "resnet20", .dtype = LL_F32, .input_shape = {3, 32, 32}, .classes = 10};
    ll_network_option shortcut = {"shortcut", "B"};
    options.option = &shortcut;
    options.options = 1;
    ll_model *model = NULL;
    must(ll_network_create(&options, &model, &error), &error);
    const ll_model_info *info = ll_model_view(model);
    workload w = {.name = name, .unit = "images", .units = (double)samples, .graph = info->graph, .samples = samples};
    float *theta = ll_allocate_array(info->parameter_count + 16, sizeof(float));
    float *buffers = ll_allocate_array(info->buffer_count + 16, sizeof(float));
    must(ll_model_initialise(model, 3, theta, buffers, &error), &error);
    float *image = draw(LL_F32, "image", samples * 3072, 1.0);
    int64_t *label = ll_allocate_array(samples + 8, sizeof(int64_t));
    for (int64_t i = 0; i < samples; i++) label[i] = (int64_t)ll_rng_below(ll_rng_make(5, "bench", "label"), (uint64_t)i, 10);
    float *tangent = draw(LL_F32, "tangent", info->parameter_count, 1.0);
    save("theta", theta, sizeof(float) * (size_t)info->parameter_count);
    save("tangent", tangent, sizeof(float) * (size_t)info->parameter_count);
    save("image", image, sizeof(float) * (size_t)samples * 3072);
    save("label", label, sizeof(int64_t) * (size_t)samples);
    char table[65536] = "";
    size_t at = 0;
    ll_node tangents[128];
    for (int64_t p = 0; p < info->parameters; p++) {
        const ll_parameter *parameter = &info->parameter[p];
        at += (size_t)snprintf(table + at, sizeof table - at, "%s", parameter->name);
        for (int i = 0; i < parameter->rank; i++)
            at += (size_t)snprintf(table + at, sizeof table - at, " %lld", (long long)parameter->shape[i]);
        at += (size_t)snprintf(table + at, sizeof table - at, "\n");
        bind(&w, info->parameter_node[p], theta + parameter->offset);
        if (order < 2) continue;
        char text[160];
        snprintf(text, sizeof text, "tangent.%s", parameter->name);
        tangents[p] = ll_graph_input(w.graph, LL_INPUT_TANGENT, text, LL_F32, parameter->shape, parameter->rank);
        bind(&w, tangents[p], tangent + parameter->offset);
    }
    save("table", table, at);
    for (int64_t b = 0; b < info->buffers; b++) bind(&w, info->buffer[b].node, buffers + info->buffer[b].entry.offset);
    for (int64_t i = 0; i < info->inputs; i++)
        bind(&w, info->input[i].node, info->input[i].rank == 3 ? (const void *)image : (const void *)label);
    ll_node losses = info->term[0].loss[training ? 1 : 0];
    if (losses == LL_NO_NODE) losses = info->term[0].loss[0];
    ll_node loss = ll_graph_divide(w.graph, ll_graph_sum(w.graph, losses, LL_AXIS(0)),
                                   ll_graph_sample_count(w.graph, LL_F32));
    if (order == 0) {
        w.outputs[w.output_count++] = loss;
    } else {
        must(ll_graph_vjp(w.graph, &loss, NULL, 1, info->parameter_node, info->parameters, w.outputs, &error), &error);
        w.output_count = info->parameters;
        if (order == 2)
            must(ll_graph_jvp(w.graph, w.outputs, info->parameters, info->parameter_node, tangents, info->parameters,
                              w.outputs, &error), &error);
    }
    compete(&w);
    ll_model_destroy(model);
}

/* 2-50-50-50-50-1 tanh; mean square of u_t + 30 u_x over 1,000 points: one term, one pass with the general engine. */
static void pinn(const char *name, ll_dtype dtype)
{
    enum { LAYERS = 5, SAMPLES = 1000 };
    static const int64_t width[LAYERS + 1] = {2, 50, 50, 50, 50, 1};
    ll_error error;
    ll_graph *g = ll_graph_create();
    workload w = {.name = name, .unit = "steps", .units = 1, .graph = g, .samples = SAMPLES};
    int64_t shape[2] = {LL_SAMPLES, 1}, total = 0;
    ll_node x = ll_graph_input(g, LL_INPUT_SAMPLE, "x", dtype, shape, 2);
    ll_node t = ll_graph_input(g, LL_INPUT_SAMPLE, "t", dtype, shape, 2);
    void *xs = draw(dtype, "x", SAMPLES, 1.0), *ts = draw(dtype, "t", SAMPLES, 1.0);
    bind(&w, x, xs);
    bind(&w, t, ts);
    ll_node parameters[2 * LAYERS], h = ll_graph_concatenate(g, (ll_node[]){x, t}, 2, 1);
    for (int l = 0; l < LAYERS; l++) total += width[l + 1] * (width[l] + 1);
    char *theta = draw(dtype, "theta", total, 0.2);
    int64_t at = 0;
    for (int l = 0; l < LAYERS; l++) {
        char text[16];
        int64_t w_shape[2] = {width[l + 1], width[l]};
        snprintf(text, sizeof text, "w%d", l);
        parameters[2 * l] = ll_graph_input(g, LL_INPUT_PARAMETER, text, dtype, w_shape, 2);
        bind(&w, parameters[2 * l], theta + at * (int64_t)ll_dtype_bytes(dtype));
        at += width[l + 1] * width[l];
        snprintf(text, sizeof text, "b%d", l);
        parameters[2 * l + 1] = ll_graph_input(g, LL_INPUT_PARAMETER, text, dtype, w_shape, 1);
        bind(&w, parameters[2 * l + 1], theta + at * (int64_t)ll_dtype_bytes(dtype));
        at += width[l + 1];
        h = ll_graph_add(g, ll_graph_matmul(g, h, parameters[2 * l], false, true), parameters[2 * l + 1]);
        if (l + 1 < LAYERS) h = ll_graph_tanh(g, h);
    }
    ll_node one = ll_graph_full_like(g, x, 1.0), u_x, u_t;
    must(ll_graph_jvp(g, &h, 1, &x, &one, 1, &u_x, &error), &error);
    must(ll_graph_jvp(g, &h, 1, &t, &one, 1, &u_t, &error), &error);
    ll_node residual = ll_graph_add(g, u_t, ll_graph_multiply_scalar(g, u_x, 30.0));
    ll_node loss = ll_graph_divide(g, ll_graph_sum(g, ll_graph_multiply(g, residual, residual), LL_AXIS(0) | LL_AXIS(1)),
                                   ll_graph_sample_count(g, dtype));
    must(ll_graph_vjp(g, &loss, NULL, 1, parameters, 2 * LAYERS, w.outputs, &error), &error);
    w.output_count = 2 * LAYERS;
    size_t bytes = ll_dtype_bytes(dtype);
    save("theta", theta, (size_t)total * bytes);
    save("x", xs, SAMPLES * bytes);
    save("t", ts, SAMPLES * bytes);
    compete(&w);
    ll_graph_destroy(g);
}

/* 2-32-32-1 tanh, 441 weight vectors, mean square error over 256 samples. */
static void mlp_many(void)
{
    enum { LAYERS = 3, SAMPLES = 256, MODELS = 441 };
    static const int64_t width[LAYERS + 1] = {2, 32, 32, 1};
    ll_graph *g = ll_graph_create();
    workload w = {.name = "mlp-many", .unit = "evaluations", .units = MODELS, .graph = g, .samples = SAMPLES,
                  .points = MODELS};
    ll_node x = ll_graph_input(g, LL_INPUT_SAMPLE, "x", LL_F32, (int64_t[]){LL_SAMPLES, 2}, 2);
    ll_node y = ll_graph_input(g, LL_INPUT_SAMPLE, "y", LL_F32, (int64_t[]){LL_SAMPLES, 1}, 2);
    float *xs = draw(LL_F32, "x", SAMPLES * 2, 1.0), *ys = draw(LL_F32, "y", SAMPLES, 1.0);
    bind(&w, x, xs);
    bind(&w, y, ys);
    int64_t total = 0, offset = 0;
    for (int l = 0; l < LAYERS; l++) total += width[l + 1] * (width[l] + 1);
    float *theta = draw(LL_F32, "theta", total * MODELS, 0.4);
    const void **data = ll_allocate_array(MODELS * 2 * LAYERS, sizeof(void *));
    ll_node h = x;
    for (int l = 0; l < LAYERS; l++) {
        char text[16];
        int64_t w_shape[2] = {width[l + 1], width[l]};
        snprintf(text, sizeof text, "w%d", l);
        ll_node weight = ll_graph_input(g, LL_INPUT_PARAMETER, text, LL_F32, w_shape, 2);
        snprintf(text, sizeof text, "b%d", l);
        ll_node bias = ll_graph_input(g, LL_INPUT_PARAMETER, text, LL_F32, w_shape, 1);
        for (int64_t m = 0; m < MODELS; m++) {
            data[m * 2 * LAYERS + 2 * l] = theta + m * total + offset;
            data[m * 2 * LAYERS + 2 * l + 1] = theta + m * total + offset + width[l + 1] * width[l];
        }
        offset += width[l + 1] * (width[l] + 1);
        w.point_inputs[w.point_input_count++] = weight;
        w.point_inputs[w.point_input_count++] = bias;
        h = ll_graph_add(g, ll_graph_matmul(g, h, weight, false, true), bias);
        if (l + 1 < LAYERS) h = ll_graph_tanh(g, h);
    }
    ll_node d = ll_graph_subtract(g, h, y);
    w.outputs[w.output_count++] = ll_graph_divide(
        g, ll_graph_sum(g, ll_graph_multiply(g, d, d), LL_AXIS(0) | LL_AXIS(1)), ll_graph_sample_count(g, LL_F32));
    w.point_data = data;
    save("theta", theta, sizeof(float) * (size_t)(total * MODELS));
    save("x", xs, sizeof(float) * SAMPLES * 2);
    save("y", ys, sizeof(float) * SAMPLES);
    compete(&w);
    ll_graph_destroy(g);
}

static bool wanted(const char *name) { return !only || strcmp(only, name) == 0; }

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "--threads") == 0 && more) thread_count = atoi(argv[++i]);
        else if (strcmp(argv[i], "--repeat") == 0 && more) repeats = atoi(argv[++i]);
        else if (strcmp(argv[i], "--micro-batch") == 0 && more) micro_batch = atoll(argv[++i]);
        else if (strcmp(argv[i], "--only") == 0 && more) only = argv[++i];
        else if (strcmp(argv[i], "--python") == 0 && more) python = argv[++i];
        else if (strcmp(argv[i], "--profile") == 0) profile = true;
        else {
            fprintf(stderr, "usage: %s [--threads N] [--repeat R] [--only WORKLOAD] [--python PROGRAM] [--micro-batch B] [--profile]\n",
                    argv[0]);
            return 2;
        }
    }
    if (thread_count < 1 || repeats < 1 || !mkdtemp(folder)) return 2;
    if (wanted("resnet-evaluate")) resnet("resnet-evaluate", 512, false, 0);
    if (wanted("resnet-train")) resnet("resnet-train", 128, true, 1);
    if (wanted("resnet-hessian")) resnet("resnet-hessian", 128, false, 2);
    if (wanted("pinn-f32")) pinn("pinn-f32", LL_F32);
    if (wanted("pinn-f64")) pinn("pinn-f64", LL_F64);
    if (wanted("mlp-many")) mlp_many();
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) == 0 ? 0 : 1;
}
