/* Our side of bench/peers/analyses_torch.py, which runs it in alternation with PyTorch and prints ratios:
 * analyses of a real ResNet-20 (option B shortcuts) on CIFAR-10 test images.
 *
 *     bench_analyses ROW IMAGES THREADS
 *
 * prints "wall cpu count value residual": seconds of the whole, how many products, steps or points, a number
 * to compare, and the largest residual |Hv - lambda v| / |lambda| of eigenpairs (else 0). Rows:
 *
 * - eigenpairs: the top 10 by magnitude to a residual of 1e-3, no sampling errors; value: the largest.
 * - power: PyHessian's method with our products, that is power iteration with deflation, each pair until its
 *   eigenvalue changes by less than 1e-3 or for 100 products; value: largest relative error.
 * - power-to-residual: the same, each pair until its residual orthogonal to the pairs before it is below
 *   1e-3, or for 1,000 products.
 * - curve: Adam steps of a Bezier curve's bend, mini-batches of IMAGES; value: the curve's mean loss.
 * - keep, re-estimate: points of a 3 x 3 landscape (calibration: 2 IMAGES in batches of IMAGES); value: the
 *   centre's loss.
 *
 * Needs LOSSLENS_SHARED. */
#define _POSIX_C_SOURCE 200809L

#include "losslens/connectivity.h"
#include "losslens/curvature.h"
#include "losslens/landscape.h"
#include "losslens/problem_vectors.h"
#include "losslens/study_setup.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PAIRS = 10, SIDE = 3, STEPS = 8 };

static void must(ll_status status, const ll_error *error)
{
    if (status == LL_OK) return;
    fprintf(stderr, "%s: %s\n", ll_status_name(status), error->message);
    exit(1);
}

static void *must_have(void *block)
{
    if (block == NULL) exit(1);
    return block;
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

static void print_spent(double wall, double cpu, double count, double value, double residual)
{
    printf("%.6f %.6f %.0f %.9g %.3g\n", wall, cpu, count, value, residual);
}

static void report(spent start, double count, double value, double residual)
{
    spent end = now();
    print_spent(end.wall - start.wall, end.cpu - start.cpu, count, value, residual);
}

static double real_of(const ll_record *record, const char *name)
{
    ll_error error;
    double value;
    must(ll_record_get_real(record, name, &value, &error), &error);
    return value;
}

static ll_record *eigenpairs(ll_problem *problem, const ll_samples *list)
{
    ll_error error;
    ll_record *record;
    const ll_curvature_target target = {.problem = problem, .samples = list};
    const ll_eigen_options options = {.end = LL_EIGEN_MAGNITUDE, .count = PAIRS, .sampling_subsets = -1};
    must(ll_curvature_eigenpairs(&target, &options, NULL, &record, &error), &error);
    return record;
}

static void product(ll_problem *problem, const ll_samples *list, const float *v, float *hv)
{
    ll_error error;
    const void *theta = ll_problem_origin(problem), *vectors[1] = {v};
    void *products[1] = {hv};
    const ll_request request = {.points = 1,
                                .thetas = &theta,
                                .samples = list,
                                .product_count = 1,
                                .vectors = vectors,
                                .products = products};
    must(ll_problem_evaluate(problem, &request, &error), &error);
}

static void normalise(int64_t n, float *v)
{
    ll_vector_scale(LL_REAL_FLOAT32, n, 1.0 / (ll_vector_norm(LL_REAL_FLOAT32, n, v) + 1e-6), v);
}

/* v without its part in the first `count` vectors of `found`. */
static void deflate(int64_t n, const float *found, int count, float *v)
{
    for (int j = 0; j < count; j++)
        ll_vector_add(LL_REAL_FLOAT32, n, -ll_vector_dot(LL_REAL_FLOAT32, n, found + j * n, v), found + j * n,
                      v);
}

/* |hv - value v| / |value|; hv is used up. */
static double residual_of(int64_t n, double value, const float *v, float *hv)
{
    ll_vector_add(LL_REAL_FLOAT32, n, -value, v, hv);
    return ll_vector_norm(LL_REAL_FLOAT32, n, hv) / fabs(value);
}

/* As PyHessian's `eigenvalues`: start at random, orthogonalise against the vectors found, iterate. Stops on
 * the change of the value, as there, or on the residual: that of the deflated matrix, since what earlier
 * vectors lack stays in the products of later ones for ever. The residuals reported are those against the
 * matrix itself. */
static void power(ll_problem *problem, const ll_samples *list, bool to_residual)
{
    enum { MOST_BY_CHANGE = 100, MOST_BY_RESIDUAL = 1000 };
    ll_record *exact = eigenpairs(problem, list);
    const ll_array *wanted;
    ll_error error;
    must(ll_record_get_array(exact, "eigenvalues", &wanted, &error), &error);
    int64_t n = ll_problem_view(problem)->parameter_count, products = 0;
    float *found = must_have(ll_allocate_array((PAIRS + 2) * n, sizeof *found)), *hv = found + PAIRS * n,
          *rest = hv + n;
    double worst = 0.0, residual = 0.0, values[PAIRS];
    spent start = now();
    for (int k = 0; k < PAIRS; k++) {
        float *v = found + k * n;
        char name[16];
        snprintf(name, sizeof name, "%d", k);
        ll_rng rng = ll_rng_make(1, "power", name);
        for (int64_t i = 0; i < n; i++) v[i] = (float)ll_rng_normal(rng, (uint64_t)i);
        normalise(n, v);
        values[k] = NAN;
        for (int step = 0; step < (to_residual ? MOST_BY_RESIDUAL : MOST_BY_CHANGE); step++) {
            deflate(n, found, k, v);
            normalise(n, v);
            product(problem, list, v, hv);
            products++;
            double before = values[k];
            values[k] = ll_vector_dot(LL_REAL_FLOAT32, n, hv, v);
            memcpy(rest, hv, (size_t)n * sizeof *rest);
            deflate(n, found, k, rest);
            double left = residual_of(n, values[k], v, rest);
            memcpy(v, hv, (size_t)n * sizeof *v);
            normalise(n, v);
            if (to_residual ? left < 1e-3 : fabs(before - values[k]) / (fabs(before) + 1e-6) < 1e-3) break;
        }
        worst = fmax(worst, fabs(values[k] / ll_array_get(wanted, k) - 1.0));
    }
    spent end = now();
    for (int k = 0; k < PAIRS; k++) {
        product(problem, list, found + k * n, hv);
        double left = residual_of(n, values[k], found + k * n, hv);
        fprintf(stderr, "%2d %12.6g residual %.2g\n", k, values[k], left);
        residual = fmax(residual, left);
    }
    print_spent(end.wall - start.wall, end.cpu - start.cpu, (double)products, worst, residual);
    ll_free(found);
    ll_record_destroy(exact);
}

/* The time of STEPS steps: that of 2 STEPS less that of STEPS, so that lines and profiles drop out. */
static void curve(ll_setup *setup, const char *other, int64_t images)
{
    ll_error error;
    ll_problem *problem = ll_setup_problem(setup);
    void *theta, *buffers;
    must(ll_setup_load(setup, other, &theta, &buffers, &error), &error);
    const ll_curve_ends ends = {.a = ll_problem_origin(problem),
                                .b = theta,
                                .buffers_a = ll_problem_origin_buffers(problem),
                                .buffers_b = buffers};
    double wall[2], cpu[2], loss = NAN;
    for (int run = -1; run < 2; run++) { /* the first makes the plans */
        const ll_curve_options options = {.kind = LL_CURVE_BEZIER,
                                          .batch_size = images,
                                          .budget = run == 1 ? 2 * STEPS : STEPS,
                                          .rounds = 1,
                                          .points = 3,
                                          .batch_norm = LL_CURVE_KEEP,
                                          .role = "evaluate"};
        ll_record *record;
        spent start = now();
        must(ll_connectivity_curve(problem, &ends, &options, NULL, &record, &error), &error);
        spent end = now();
        if (run >= 0) wall[run] = end.wall - start.wall;
        if (run >= 0) cpu[run] = end.cpu - start.cpu;
        loss = real_of(record, "mean_loss");
        ll_record_destroy(record);
    }
    print_spent(wall[1] - wall[0], cpu[1] - cpu[0], STEPS, loss, 0.0);
    ll_free(theta);
    ll_free(buffers);
}

static void landscape(ll_problem *problem, ll_batch_norm mode, int64_t images)
{
    ll_error error;
    ll_axes axes;
    ll_axes_options choice = {.dimensions = 2, .seed = 1};
    for (int d = 0; d < 2; d++) choice.axis[d].normalisation = LL_NORMALISE_FILTER;
    must(ll_axes_create(ll_problem_view(problem), ll_problem_origin(problem), &choice, &axes, &error),
         &error);
    const ll_landscape_options options = {.axes = &axes,
                                          .size = {SIDE, SIDE},
                                          .low = {-0.1, -0.1},
                                          .high = {0.1, 0.1},
                                          .batch_norm = mode,
                                          .batch_size = images};
    for (int run = 0; run < 2; run++) { /* the first makes the plans */
        ll_landscape *made;
        ll_record *record;
        const ll_array *loss;
        spent start = now();
        must(ll_landscape_create(problem, &options, &made, &error), &error);
        for (int64_t tile = 0; tile < ll_landscape_tiles(made); tile++)
            must(ll_landscape_compute(made, tile, NULL, &error), &error);
        must(ll_landscape_record(made, &record, &error), &error);
        must(ll_record_get_array(record, "loss", &loss, &error), &error);
        if (run == 1) report(start, SIDE * SIDE, ll_array_get(loss, SIDE * SIDE / 2), 0.0);
        ll_record_destroy(record);
        ll_landscape_destroy(made);
    }
    ll_axes_deinit(&axes);
}

int main(int argc, char **argv)
{
    const char *shared = getenv("LOSSLENS_SHARED");
    if (argc != 4 || shared == NULL) {
        printf("skipped: our side of bench/peers/analyses_torch.py, which calls it; LOSSLENS_SHARED must be "
               "set\n");
        return 0;
    }
    const char *what = argv[1];
    int64_t images = atoi(argv[2]);
    char checkpoint[1024], other[1024], data[1024];
    snprintf(checkpoint, sizeof checkpoint, "%s/data/checkpoints/losslens/cifar10_resnet20_0.pkl", shared);
    snprintf(other, sizeof other, "%s/data/checkpoints/losslens/cifar10_resnet20_123.pkl", shared);
    snprintf(data, sizeof data, "cifar10:%s/data/cifar10/test_batch_0000_0499.bin", shared);
    const ll_setup_role roles[] = {{.role = "evaluate", .choice = {.count = images, .in_order = true}},
                                   {.role = "calibrate", .choice = {.count = 2 * images, .in_order = true}}};
    const ll_network_option shortcut = {"shortcut", "B"};
    const ll_setup_options options = {.network = "resnet20",
                                      .option = &shortcut,
                                      .options = 1,
                                      .data = data,
                                      .role = roles,
                                      .roles = 2,
                                      .checkpoint = checkpoint,
                                      .threads = atoi(argv[3]),
                                      .normalisation = {.channels = 3,
                                                        .mean = {.4914F, .4822F, .4465F},
                                                        .deviation = {.2023F, .1994F, .2010F}}};
    ll_error error;
    ll_setup *setup;
    must(ll_setup_create(&options, &setup, &error), &error);
    ll_problem *problem = ll_setup_problem(setup);
    ll_samples list;
    must(ll_problem_role(problem, "evaluate", 0, &list.indices, &list.count, &error), &error);
    if (strcmp(what, "eigenpairs") == 0) {
        float *v =
            must_have(ll_allocate_zeroed(2 * (size_t)ll_problem_view(problem)->parameter_count * sizeof *v));
        product(problem, &list, v, v + ll_problem_view(problem)->parameter_count); /* makes the plan */
        ll_free(v);
        spent start = now();
        ll_record *record = eigenpairs(problem, &list);
        int64_t products = 0;
        const ll_array *values, *residuals;
        double worst = 0.0;
        must(ll_record_get_integer(record, "products", &products, &error), &error);
        must(ll_record_get_array(record, "eigenvalues", &values, &error), &error);
        must(ll_record_get_array(record, "residuals", &residuals, &error), &error);
        for (int64_t i = 0; i < PAIRS; i++) worst = fmax(worst, ll_array_get(residuals, i));
        report(start, (double)products, ll_array_get(values, 0), worst);
        ll_record_destroy(record);
    } else if (strncmp(what, "power", 5) == 0) {
        power(problem, &list, what[5] != 0);
    } else if (strcmp(what, "curve") == 0) {
        curve(setup, other, images);
    } else {
        landscape(problem, strcmp(what, "keep") == 0 ? LL_BATCH_NORM_KEEP : LL_BATCH_NORM_REESTIMATE, images);
    }
    ll_setup_destroy(setup);
    return 0;
}
