/* What a landscape costs beyond evaluating its points: ResNet-20 (real weights and images where
 * LOSSLENS_SHARED is set), a 5 x 5 plane of filter-normalised directions with `keep`, against one request for
 * the same 25 points, in alternation. Processor time beside the clock's: it is what other programs disturb
 * least. bench_landscape [SAMPLES [ROUNDS]]   (default 128, 5) */
#define _POSIX_C_SOURCE 200809L

#include "losslens/landscape.h"
#include "losslens/parallel.h"
#include "losslens/study_setup.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SIDE = 5, POINTS = SIDE * SIDE };

static void must(ll_status status, const ll_error *error)
{
    if (status == LL_OK) return;
    fprintf(stderr, "%s: %s\n", ll_status_name(status), error->message);
    exit(1);
}

typedef struct spent {
    double wall, cpu;
} spent;

static spent now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (spent){ll_clock_seconds(), (double)t.tv_sec + 1e-9 * (double)t.tv_nsec};
}

static spent since(spent start)
{
    spent end = now();
    return (spent){end.wall - start.wall, end.cpu - start.cpu};
}

static spent least(spent a, spent b) { return (spent){fmin(a.wall, b.wall), fmin(a.cpu, b.cpu)}; }

static spent plain(ll_problem *problem, const ll_axes *axes, const ll_samples *list, double *loss)
{
    ll_error error;
    double coefficients[2 * POINTS];
    for (int p = 0; p < POINTS; p++) {
        coefficients[2 * p] = ll_grid_position(-1, 1, SIDE, p / SIDE);
        coefficients[2 * p + 1] = ll_grid_position(-1, 1, SIDE, p % SIDE);
    }
    double metrics[POINTS];
    const ll_request request = {.points = POINTS,
                                .origin = ll_problem_origin(problem),
                                .dimensions = 2,
                                .directions = (const void *const *)axes->vector,
                                .coefficients = coefficients,
                                .samples = list,
                                .loss = loss,
                                .metrics = ll_problem_view(problem)->metrics == 1 ? metrics : NULL};
    spent start = now();
    must(ll_problem_evaluate(problem, &request, &error), &error);
    return since(start);
}

static spent sampled(ll_problem *problem, const ll_axes *axes, double *loss)
{
    ll_error error;
    ll_landscape *landscape;
    ll_record *record;
    const ll_array *values;
    const ll_landscape_options options = {.axes = axes,
                                          .size = {SIDE, SIDE},
                                          .low = {-1, -1},
                                          .high = {1, 1},
                                          .batch_norm = LL_BATCH_NORM_KEEP};
    spent start = now();
    must(ll_landscape_create(problem, &options, &landscape, &error), &error);
    for (int64_t tile = 0; tile < ll_landscape_tiles(landscape); tile++)
        must(ll_landscape_compute(landscape, tile, NULL, &error), &error);
    must(ll_landscape_record(landscape, &record, &error), &error);
    spent seconds = since(start);
    must(ll_record_get_array(record, "loss", &values, &error), &error);
    for (int p = 0; p < POINTS; p++) loss[p] = ll_array_get(values, p);
    ll_record_destroy(record);
    ll_landscape_destroy(landscape);
    return seconds;
}

int main(int argc, char **argv)
{
    const char *shared = getenv("LOSSLENS_SHARED");
    if (shared == NULL) {
        printf("skipped: LOSSLENS_SHARED is not set, so there are no weights and images\n");
        return 0;
    }
    char checkpoint[1024], data[1024];
    snprintf(checkpoint, sizeof checkpoint, "%s/data/checkpoints/losslens/cifar10_resnet20_0.pkl", shared);
    snprintf(data, sizeof data, "cifar10:%s/data/cifar10/test_batch_0000_0499.bin", shared);
    int rounds = argc > 2 ? atoi(argv[2]) : 5;
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    const ll_setup_role role = {.role = "evaluate",
                                .choice = {.count = argc > 1 ? atoi(argv[1]) : 128, .in_order = true}};
    for (int threads = 1; threads <= (ll_usable_cores() > 1 ? 2 : 1); threads++) {
        const ll_setup_options options = {.network = "resnet20",
                                          .data = data,
                                          .role = &role,
                                          .roles = 1,
                                          .checkpoint = checkpoint,
                                          .threads = threads};
        ll_error error;
        ll_setup *setup;
        ll_axes axes;
        must(ll_setup_create(&options, &setup, &error), &error);
        ll_problem *problem = ll_setup_problem(setup);
        ll_axes_options choice = {.dimensions = 2};
        for (int d = 0; d < 2; d++) choice.axis[d].normalisation = LL_NORMALISE_FILTER;
        must(ll_axes_create(ll_problem_view(problem), ll_problem_origin(problem), &choice, &axes, &error),
             &error);
        ll_samples list;
        must(ll_problem_role(problem, "evaluate", 0, &list.indices, &list.count, &error), &error);
        double a[POINTS], b[POINTS];
        spent ours = {INFINITY, INFINITY}, alone = ours;
        (void)plain(problem, &axes, &list, a); /* plans are made */
        for (int round = 0; round < rounds; round++) {
            ours = least(ours, sampled(problem, &axes, b));
            alone = least(alone, plain(problem, &axes, &list, a));
        }
        int differ = 0;
        for (int p = 0; p < POINTS; p++) differ += a[p] != b[p];
        printf("%d thread%s, %lld images: landscape %.2f ms a point, plain evaluation %.2f ms, overhead %.1f "
               "%% (processor time: "
               "%.2f, %.2f ms, %.1f %%), %d of %d points differ\n",
               threads, threads > 1 ? "s" : "", (long long)list.count, 1e3 * ours.wall / POINTS,
               1e3 * alone.wall / POINTS, 100.0 * (ours.wall / alone.wall - 1.0), 1e3 * ours.cpu / POINTS,
               1e3 * alone.cpu / POINTS, 100.0 * (ours.cpu / alone.cpu - 1.0), differ, POINTS);
        ll_axes_deinit(&axes);
        ll_setup_destroy(setup);
    }
    return 0;
}
