/* Directions: draws, normalisations, orthogonality, planes through checkpoints, trajectory planes. Each fault
 * of the field that concerns directions has a test named after it. */
#include "support_cmocka.h"
#include "support_toy.h"

#include "losslens/landscape.h"
#include "losslens/problem_vectors.h"

#include <math.h>
#include <string.h>

typedef struct fixture {
    toy state;
    ll_problem *problem;
    const ll_problem_info *info;
    const double *theta;
} fixture;

static fixture make(void)
{
    static toy state;
    fixture f = {.problem = toy_create(&state, NULL)};
    f.info = ll_problem_view(f.problem);
    f.theta = ll_problem_origin(f.problem);
    return f;
}

static ll_axes random_axes(const fixture *f, int dimensions, ll_direction_norm normalisation,
                           ll_small_rule small, uint64_t seed, ll_orthogonality orthogonal)
{
    ll_axes_options options = {.dimensions = dimensions, .seed = seed, .orthogonal = orthogonal};
    for (int d = 0; d < dimensions; d++) {
        options.axis[d].normalisation = normalisation;
        options.axis[d].small = small;
    }
    ll_axes axes = {0};
    ll_error error = {0};
    assert_int_equal(ll_axes_create(f->info, f->theta, &options, &axes, &error), LL_OK);
    return axes;
}

static double range_norm(const double *v, int64_t first, int64_t count, int64_t step)
{
    double sum = 0.0;
    for (int64_t i = 0; i < count; i++) sum += v[first + i * step] * v[first + i * step];
    return sqrt(sum);
}

static void fault_2_random_directions_have_zero_mean_and_unit_variance(void **state)
{
    (void)state;
    /* One long tensor: 200,000 draws; a uniform [0,1) draw would have mean .5. */
    enum { N = 200000 };
    ll_analytic_options options = {.kind = LL_ANALYTIC_RASTRIGIN, .type = LL_REAL_FLOAT64, .dimensions = N};
    ll_problem *problem = NULL;
    assert_int_equal(ll_problem_create_analytic(&options, &problem, NULL), LL_OK);
    double *theta = ll_allocate_zeroed(N * sizeof *theta);
    ll_axes_options choice = {.dimensions = 1, .seed = 7};
    ll_axes axes;
    assert_int_equal(ll_axes_create(ll_problem_view(problem), theta, &choice, &axes, NULL), LL_OK);
    const double *d = axes.vector[0];
    double sum = 0.0, square = 0.0, fourth = 0.0;
    for (int i = 0; i < N; i++) {
        sum += d[i];
        square += d[i] * d[i];
        fourth += d[i] * d[i] * d[i] * d[i];
    }
    assert_true(fabs(sum / N) < 5.0 / sqrt(N));
    assert_true(fabs(square / N - 1.0) < 5.0 * sqrt(2.0 / N));
    assert_true(fabs(fourth / N - 3.0) < 5.0 * sqrt(96.0 / N));
    ll_axes_deinit(&axes);
    ll_problem_destroy(problem);
    ll_free(theta);
}

static void the_draw_is_keyed_by_seed_axis_and_name(void **state)
{
    (void)state;
    fixture f = make();
    ll_axes a = random_axes(&f, 2, LL_NORMALISE_NONE, LL_SMALL_AUTO, 3, LL_ORTHOGONAL_NO);
    ll_axes b = random_axes(&f, 2, LL_NORMALISE_NONE, LL_SMALL_AUTO, 3, LL_ORTHOGONAL_NO);
    ll_axes c = random_axes(&f, 1, LL_NORMALISE_NONE, LL_SMALL_AUTO, 4, LL_ORTHOGONAL_NO);
    assert_memory_equal(a.vector[1], b.vector[1], TOY_PARAMETERS * sizeof(double));
    assert_memory_not_equal(a.vector[0], a.vector[1], TOY_PARAMETERS * sizeof(double));
    assert_memory_not_equal(a.vector[0], c.vector[0], TOY_PARAMETERS * sizeof(double));
    ll_axes_deinit(&a);
    ll_axes_deinit(&b);
    ll_axes_deinit(&c);
    ll_problem_destroy(f.problem);
}

static void two_architectures_share_the_draw_on_shared_tensors(void **state)
{
    (void)state;
    fixture f = make();
    toy other_state;
    const char *const names[] = {"renamed", "fc.weight", "other.bias", "norm.weight"};
    ll_problem *other = toy_create(&other_state, names);
    ll_axes_options choice = {.dimensions = 2, .seed = 11};
    ll_axes a, b, mapped;
    assert_int_equal(ll_axes_create(f.info, f.theta, &choice, &a, NULL), LL_OK);
    assert_int_equal(ll_axes_create(ll_problem_view(other), f.theta, &choice, &b, NULL), LL_OK);
    /* Axis 0 is not touched by orthogonalisation: fc.weight and norm.weight equal, the renamed ones not. */
    const double *x = a.vector[0], *y = b.vector[0];
    assert_memory_equal(x + 24, y + 24, 12 * sizeof *x);
    assert_memory_equal(x + 40, y + 40, 3 * sizeof *x);
    assert_memory_not_equal(x, y, 24 * sizeof *x);
    assert_memory_not_equal(x + 36, y + 36, 4 * sizeof *x);
    assert_true(fabs(ll_axes_shared(f.info, NULL, ll_problem_view(other), NULL) - 15.0 / TOY_PARAMETERS) <
                1e-15);
    /* The mapping table makes them one. */
    const char *const map[] = {"conv.weight", "fc.weight", "fc.bias", "norm.weight"};
    choice.names = map;
    assert_int_equal(ll_axes_create(ll_problem_view(other), f.theta, &choice, &mapped, NULL), LL_OK);
    assert_memory_equal(a.vector[0], mapped.vector[0], TOY_PARAMETERS * sizeof(double));
    assert_true(ll_axes_shared(f.info, NULL, ll_problem_view(other), map) == 1.0);
    ll_axes_deinit(&a);
    ll_axes_deinit(&b);
    ll_axes_deinit(&mapped);
    ll_problem_destroy(other);
    ll_problem_destroy(f.problem);
}

static void normalisations_match_their_definitions(void **state)
{
    (void)state;
    fixture f = make();
    const double close = 1e-13;
    ll_axes model = random_axes(&f, 1, LL_NORMALISE_MODEL, LL_SMALL_KEEP, 1, LL_ORTHOGONAL_AUTO);
    assert_true(fabs(model.norm[0] / range_norm(f.theta, 0, TOY_PARAMETERS, 1) - 1.0) < close);
    ll_axes layer = random_axes(&f, 1, LL_NORMALISE_LAYER, LL_SMALL_KEEP, 1, LL_ORTHOGONAL_AUTO);
    const int64_t first[] = {0, 24, 36, 40}, count[] = {24, 12, 4, 3};
    for (int t = 0; t < 4; t++)
        assert_true(fabs(range_norm(layer.vector[0], first[t], count[t], 1) /
                             range_norm(f.theta, first[t], count[t], 1) -
                         1.0) < close);
    ll_axes filter = random_axes(&f, 1, LL_NORMALISE_FILTER, LL_SMALL_ZERO, 1, LL_ORTHOGONAL_AUTO);
    const double *d = filter.vector[0];
    for (int s = 0; s < 3; s++) /* convolution: 3 filters of 8, contiguous */
        assert_true(fabs(range_norm(d, 8 * s, 8, 1) / range_norm(f.theta, 8 * s, 8, 1) - 1.0) < close);
    for (int s = 0; s < 4; s++) /* linear 3 x 4, output axis 1: columns */
        assert_true(fabs(range_norm(d, 24 + s, 3, 4) / range_norm(f.theta, 24 + s, 3, 4) - 1.0) < close);
    for (int j = 36; j < TOY_PARAMETERS; j++) assert_true(d[j] == 0.0);
    ll_axes copy = random_axes(&f, 1, LL_NORMALISE_FILTER, LL_SMALL_COPY, 1, LL_ORTHOGONAL_AUTO);
    assert_memory_equal((const double *)copy.vector[0] + 36, f.theta + 36, 7 * sizeof(double));
    ll_axes automatic = random_axes(&f, 1, LL_NORMALISE_FILTER, LL_SMALL_AUTO, 1, LL_ORTHOGONAL_AUTO);
    assert_int_equal(automatic.small[0], LL_SMALL_ZERO);
    ll_axes *all[] = {&model, &layer, &filter, &copy, &automatic};
    for (int i = 0; i < 5; i++) ll_axes_deinit(all[i]);
    ll_problem_destroy(f.problem);
}

static void fault_3_orthogonal_axes_are_orthogonal_whatever_their_length(void **state)
{
    (void)state;
    fixture f = make();
    for (uint64_t seed = 0; seed < 20; seed++) {
        /* |d|^2 is far from 1, so a projection that is not divided by it would leave a line. */
        ll_axes axes = random_axes(&f, 4, LL_NORMALISE_MODEL, LL_SMALL_KEEP, seed, LL_ORTHOGONAL_AUTO);
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < i; j++) assert_true(fabs(axes.cosine[i][j]) < 1e-14);
        assert_true(axes.orthogonalised[1] && !axes.orthogonalised[0]);
        ll_axes_deinit(&axes);
    }
    /* Filter-normalised axes are left alone by default, made orthogonal on request. */
    ll_axes loose = random_axes(&f, 2, LL_NORMALISE_FILTER, LL_SMALL_ZERO, 5, LL_ORTHOGONAL_AUTO);
    ll_axes strict = random_axes(&f, 2, LL_NORMALISE_FILTER, LL_SMALL_ZERO, 5, LL_ORTHOGONAL_YES);
    assert_false(loose.orthogonalised[1]);
    assert_true(fabs(loose.cosine[0][1]) > 1e-6);
    assert_true(fabs(strict.cosine[0][1]) < 1e-14);
    ll_axes_deinit(&loose);
    ll_axes_deinit(&strict);
    ll_problem_destroy(f.problem);
}

static void dependent_zero_and_nonfinite_axes_are_refused(void **state)
{
    (void)state;
    fixture f = make();
    double twice[TOY_PARAMETERS], zero[TOY_PARAMETERS] = {0}, bad[TOY_PARAMETERS];
    for (int j = 0; j < TOY_PARAMETERS; j++) {
        twice[j] = -2.0 * f.theta[j];
        bad[j] = f.theta[j];
    }
    bad[5] = (double)NAN;
    ll_axes axes = {.dimensions = 77};
    ll_error error = {0};
    ll_axes_options choice = {.dimensions = 2, .orthogonal = LL_ORTHOGONAL_YES};
    choice.axis[0].vector = f.theta;
    choice.axis[1].vector = twice;
    assert_int_equal(ll_axes_create(f.info, f.theta, &choice, &axes, &error), LL_INVALID_ARGUMENT);
    assert_non_null(strstr(error.place, "axis 1"));
    choice.axis[1].vector = zero;
    assert_int_equal(ll_axes_create(f.info, f.theta, &choice, &axes, &error), LL_INVALID_ARGUMENT);
    choice.axis[1].vector = bad;
    assert_int_equal(ll_axes_create(f.info, f.theta, &choice, &axes, &error), LL_INVALID_ARGUMENT);
    assert_int_equal(axes.dimensions, 77); /* untouched */
    ll_problem_destroy(f.problem);
}

static void move(const ll_axes *axes, const double *origin, const double *alpha, double *result)
{
    double coefficient[3] = {alpha[0], axes->dimensions > 1 ? alpha[1] : 0.0, 0.0};
    if (axes->form == LL_AXES_BILINEAR) coefficient[2] = alpha[0] * alpha[1];
    ll_vector_combine(LL_REAL_FLOAT64, TOY_PARAMETERS, origin, axes->directions,
                      (const void *const *)axes->vector, coefficient, result);
}

static void expect_close(const double *a, const double *b, double tolerance)
{
    for (int j = 0; j < TOY_PARAMETERS; j++) assert_true(fabs(a[j] - b[j]) <= tolerance);
}

static void planes_through_checkpoints_hit_them(void **state)
{
    (void)state;
    fixture f = make();
    double corner[4][TOY_PARAMETERS], buffer[4][TOY_BUFFERS], at[TOY_PARAMETERS];
    for (int c = 0; c < 4; c++) {
        for (int j = 0; j < TOY_PARAMETERS; j++) corner[c][j] = sin(c * 3.0 + j) + 0.1 * c;
        for (int j = 0; j < TOY_BUFFERS; j++) buffer[c][j] = 1.0 + c * c + j;
    }
    const void *theta[4] = {corner[0], corner[1], corner[2], corner[3]};
    const void *buffers[4] = {buffer[0], buffer[1], buffer[2], buffer[3]};
    ll_axes between, plane, triangle, patch;
    double where[6];
    assert_int_equal(ll_axes_between(f.info, theta[0], theta[1], buffers[0], buffers[1], &between, NULL),
                     LL_OK);
    move(&between, corner[0], (const double[]){1.0}, at);
    expect_close(at, corner[1], 1e-15);
    assert_int_equal(ll_axes_plane(f.info, theta, buffers, &plane, where, NULL), LL_OK);
    for (int c = 0; c < 3; c++) {
        move(&plane, corner[0], where + 2 * c, at);
        expect_close(at, corner[c], 1e-13);
        double back[TOY_BUFFERS];
        ll_vector_combine(LL_REAL_FLOAT64, TOY_BUFFERS, buffer[0], 2,
                          (const void *const *)plane.buffer_vector, where + 2 * c, back);
        for (int j = 0; j < TOY_BUFFERS; j++) assert_true(fabs(back[j] - buffer[c][j]) < 1e-12);
    }
    assert_true(fabs(plane.norm[0] - 1.0) < 1e-14 && fabs(plane.norm[1] - 1.0) < 1e-14);
    assert_true(fabs(plane.cosine[0][1]) < 1e-14);
    assert_int_equal(ll_axes_barycentric(f.info, theta, buffers, &triangle, NULL), LL_OK);
    move(&triangle, corner[0], (const double[]){0.0, 1.0}, at);
    expect_close(at, corner[2], 1e-15);
    assert_int_equal(ll_axes_bilinear(f.info, theta, buffers, &patch, NULL), LL_OK);
    const double unit[4][2] = {{0, 0}, {1, 0}, {0, 1}, {1, 1}};
    for (int c = 0; c < 4; c++) {
        move(&patch, corner[0], unit[c], at);
        expect_close(at, corner[c], 1e-14);
    }
    /* Three points on a line are refused. */
    const void *line[3] = {corner[0], at, corner[0]};
    ll_axes none;
    assert_int_equal(ll_axes_plane(f.info, line, NULL, &none, NULL, NULL), LL_INVALID_ARGUMENT);
    ll_axes *all[] = {&between, &plane, &triangle, &patch};
    for (int i = 0; i < 4; i++) ll_axes_deinit(all[i]);
    ll_problem_destroy(f.problem);
}

enum { STEPS = 31 };

/* A spiral in the plane of two orthonormal vectors u, v, plus a small component along w. */
static void spiral(double path[STEPS][TOY_PARAMETERS], double u[TOY_PARAMETERS], double v[TOY_PARAMETERS],
                   double off)
{
    double w[TOY_PARAMETERS];
    for (int j = 0; j < TOY_PARAMETERS; j++) {
        u[j] = j % 2 == 0 ? 1.0 / sqrt(22.0) : 0.0;
        v[j] = j % 2 == 1 ? (j % 4 == 1 ? 1.0 : -1.0) / sqrt(21.0) : 0.0;
        w[j] = j == 1 || j == 3 ? 1.0 / sqrt(2.0) : 0.0;
    }
    for (int t = 0; t < STEPS; t++) {
        double r = 3.0 * (1.0 - t / (double)(STEPS - 1)), angle = 0.2 * t;
        for (int j = 0; j < TOY_PARAMETERS; j++)
            path[t][j] = 0.5 + 2.0 * r * cos(angle) * u[j] + r * sin(angle) * v[j] +
                         (t < STEPS - 1 ? off * (t % 2 == 0 ? 1 : -1) * w[j] : 0.0);
    }
}

static void pca_recovers_the_plane_of_a_trajectory(void **state)
{
    (void)state;
    fixture f = make();
    static double path[STEPS][TOY_PARAMETERS], u[TOY_PARAMETERS], v[TOY_PARAMETERS];
    const void *theta[STEPS];
    for (int t = 0; t < STEPS; t++) theta[t] = path[t];
    const ll_trajectory trajectory = {.theta = theta, .count = STEPS};
    for (int uncentred = 0; uncentred <= 1; uncentred++) {
        spiral(path, u, v, 0.0);
        ll_axes axes;
        assert_int_equal(ll_axes_pca(f.info, path[STEPS - 1], &trajectory, 1, 2, uncentred != 0, &axes, NULL),
                         LL_OK);
        assert_int_equal(axes.pca_rows, STEPS - 1);
        assert_true(fabs(axes.explained[0] + axes.explained[1] - 1.0) < 1e-12);
        assert_true(axes.explained[0] >= axes.explained[1]);
        assert_true(fabs(axes.cosine[0][1]) < 1e-12 && fabs(axes.norm[0] - 1.0) < 1e-12);
        for (int d = 0; d < 2; d++) { /* each principal direction lies in span(u, v) */
            double a = ll_vector_dot(LL_REAL_FLOAT64, TOY_PARAMETERS, axes.vector[d], u);
            double b = ll_vector_dot(LL_REAL_FLOAT64, TOY_PARAMETERS, axes.vector[d], v);
            assert_true(fabs(a * a + b * b - 1.0) < 1e-12);
        }
        double coordinates[2 * STEPS], residuals[STEPS], at[TOY_PARAMETERS];
        assert_int_equal(ll_axes_project(&axes, path[STEPS - 1], theta, STEPS, coordinates, residuals, NULL),
                         LL_OK);
        for (int t = 0; t < STEPS; t++) {
            move(&axes, path[STEPS - 1], coordinates + 2 * t, at);
            expect_close(at, path[t], 1e-12);
            assert_true(residuals[t] < 1e-12);
        }
        assert_true(coordinates[0] <= 0.0); /* the stated sign */
        ll_axes_deinit(&axes);
    }
    /* With a known component off the plane the residual is that component. */
    spiral(path, u, v, 0.01);
    ll_axes_options choice = {.dimensions = 2, .orthogonal = LL_ORTHOGONAL_NO};
    double skewed[TOY_PARAMETERS], clean[STEPS][TOY_PARAMETERS];
    spiral(clean, u, v, 0.0);
    for (int j = 0; j < TOY_PARAMETERS; j++) skewed[j] = 3.0 * v[j] + 2.0 * u[j];
    choice.axis[0].vector = u;
    choice.axis[1].vector = skewed;
    ll_axes skew;
    assert_int_equal(ll_axes_create(f.info, f.theta, &choice, &skew, NULL), LL_OK);
    double coordinates[2 * STEPS], residuals[STEPS];
    const void *clean_theta[STEPS];
    for (int t = 0; t < STEPS; t++) clean_theta[t] = clean[t];
    assert_int_equal(
        ll_axes_project(&skew, clean[STEPS - 1], clean_theta, STEPS, coordinates, residuals, NULL), LL_OK);
    for (int t = 0; t < STEPS; t++) { /* least squares with the Gram matrix, not plain dot products */
        double r = 3.0 * (1.0 - t / (double)(STEPS - 1)), b = r * sin(0.2 * t) / 3.0;
        assert_true(fabs(coordinates[2 * t + 1] - b) < 1e-12);
        assert_true(fabs(coordinates[2 * t] - (2.0 * r * cos(0.2 * t) - 2.0 * b)) < 1e-12);
        assert_true(residuals[t] < 1e-12);
    }
    ll_axes_deinit(&skew);
    /* A straight path spans no plane. */
    for (int t = 0; t < STEPS; t++)
        for (int j = 0; j < TOY_PARAMETERS; j++) path[t][j] = (STEPS - 1 - t) * u[j];
    ll_axes none;
    assert_int_equal(ll_axes_pca(f.info, path[STEPS - 1], &trajectory, 1, 2, false, &none, NULL),
                     LL_INVALID_ARGUMENT);
    ll_problem_destroy(f.problem);
}

/* Points on an ellipse with axes a, b, equally spaced: variances are a^2/2 and b^2/2, so that the explained
 * shares are a^2/(a^2+b^2) and b^2/(a^2+b^2). The origin is far off, which only the centring removes. */
static void explained_variance_is_that_of_the_centred_rows(void **state)
{
    (void)state;
    fixture f = make();
    enum { K = 24 };
    static double points[K + 1][TOY_PARAMETERS];
    const void *theta[K + 1];
    for (int t = 0; t <= K; t++) {
        for (int j = 0; j < TOY_PARAMETERS; j++) points[t][j] = t == K ? 0.0 : 5.0 * (j == 7);
        if (t < K) {
            points[t][2] += 3.0 * cos(2.0 * 3.14159265358979323846 * t / K);
            points[t][9] += sin(2.0 * 3.14159265358979323846 * t / K);
        }
        theta[t] = points[t];
    }
    const ll_trajectory trajectory = {.theta = theta, .count = K + 1};
    ll_axes centred, raw;
    assert_int_equal(ll_axes_pca(f.info, points[K], &trajectory, 1, 2, false, &centred, NULL), LL_OK);
    assert_true(fabs(centred.explained[0] - 0.9) < 1e-12 && fabs(centred.explained[1] - 0.1) < 1e-12);
    assert_true(fabs(fabs(((const double *)centred.vector[0])[2]) - 1.0) < 1e-12);
    /* Uncentred: second moments 25, 4.5, 0.5. */
    assert_int_equal(ll_axes_pca(f.info, points[K], &trajectory, 1, 2, true, &raw, NULL), LL_OK);
    assert_true(fabs(raw.explained[0] - 25.0 / 30.0) < 1e-12 && fabs(raw.explained[1] - 4.5 / 30.0) < 1e-12);
    assert_string_equal(raw.kind[0], "pca_uncentred");
    ll_axes_deinit(&centred);
    ll_axes_deinit(&raw);
    ll_problem_destroy(f.problem);
}

static void two_trajectories_share_a_plane(void **state)
{
    (void)state;
    fixture f = make();
    static double path[STEPS][TOY_PARAMETERS], second[STEPS][TOY_PARAMETERS], u[TOY_PARAMETERS],
        v[TOY_PARAMETERS];
    spiral(path, u, v, 0.0);
    const void *theta[STEPS], *theta2[STEPS];
    for (int t = 0; t < STEPS; t++) {
        for (int j = 0; j < TOY_PARAMETERS; j++) second[t][j] = path[t][j] + 4.0 * u[j] - v[j];
        theta[t] = path[t];
        theta2[t] = second[t];
    }
    const ll_trajectory both[2] = {{theta, STEPS}, {theta2, STEPS}};
    ll_axes axes;
    assert_int_equal(ll_axes_pca(f.info, path[STEPS - 1], both, 2, 2, false, &axes, NULL), LL_OK);
    assert_int_equal(axes.pca_rows, 2 * STEPS - 1); /* only the first path ends at the origin */
    double coordinates[2 * STEPS], residuals[STEPS], low[2], high[2];
    assert_int_equal(ll_axes_project(&axes, path[STEPS - 1], theta2, STEPS, coordinates, residuals, NULL),
                     LL_OK);
    for (int t = 0; t < STEPS; t++) assert_true(residuals[t] < 1e-11);
    ll_range_auto(coordinates, STEPS, 2, 0.1, low, high);
    for (int t = 0; t < STEPS; t++)
        for (int d = 0; d < 2; d++)
            assert_true(coordinates[2 * t + d] > low[d] && coordinates[2 * t + d] < high[d]);
    assert_true(low[0] <= 0.0 && high[0] >= 0.0);
    ll_axes_deinit(&axes);
    ll_problem_destroy(f.problem);
}

static void range_auto_has_the_margin_that_it_says(void **state)
{
    (void)state;
    const double coordinates[] = {1.0, 5.0, 3.0, 5.0, -1.0, 5.0};
    double low[2], high[2];
    ll_range_auto(coordinates, 3, 2, 0.25, low, high);
    assert_true(low[0] == -2.0 && high[0] == 4.0 && low[1] == -1.25 && high[1] == 6.25);
    ll_range_auto((const double[]){0.0}, 1, 1, 0.25, low, high);
    assert_true(low[0] == -1.0 && high[0] == 1.0);
}

static void adam_direction_is_the_step(void **state)
{
    (void)state;
    const float first[] = {1.0F, -2.0F}, second[] = {4.0F, 0.25F};
    float direction[2];
    ll_direction_adam(LL_REAL_FLOAT32, 2, first, second, 0.0, direction);
    assert_true(direction[0] == 0.5F && direction[1] == -4.0F);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fault_2_random_directions_have_zero_mean_and_unit_variance),
        cmocka_unit_test(the_draw_is_keyed_by_seed_axis_and_name),
        cmocka_unit_test(two_architectures_share_the_draw_on_shared_tensors),
        cmocka_unit_test(normalisations_match_their_definitions),
        cmocka_unit_test(fault_3_orthogonal_axes_are_orthogonal_whatever_their_length),
        cmocka_unit_test(dependent_zero_and_nonfinite_axes_are_refused),
        cmocka_unit_test(planes_through_checkpoints_hit_them),
        cmocka_unit_test(pca_recovers_the_plane_of_a_trajectory),
        cmocka_unit_test(explained_variance_is_that_of_the_centred_rows),
        cmocka_unit_test(two_trajectories_share_a_plane),
        cmocka_unit_test(range_auto_has_the_margin_that_it_says),
        cmocka_unit_test(adam_direction_is_the_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
