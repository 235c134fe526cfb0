/* Grids: closed forms, order, tiles, interruption, batch norm, adaptive mode. Each fault of the field that
 * concerns sampling has a test named after it. */
#include "support_cmocka.h"
#include "support_toy.h"

#include "losslens/landscape.h"
#include "losslens/problem_vectors.h"

#include <math.h>
#include <string.h>

static double rosenbrock(double x, double y)
{
    return 100.0 * (y - x * x) * (y - x * x) + (1.0 - x) * (1.0 - x);
}

/* The plane of the coordinates themselves: directions are unit vectors, the grid is the function's own plot.
 */
typedef struct plot {
    ll_problem *problem;
    double origin[6], unit[6][6];
    ll_axes axes;
} plot;

static void plot_init(plot *p, ll_analytic_kind kind, int dimensions, const double *values)
{
    memset(p, 0, sizeof *p);
    ll_analytic_options options = {
        .kind = kind, .type = LL_REAL_FLOAT64, .dimensions = dimensions, .values = values};
    CHECK_OK(ll_problem_create_analytic(&options, &p->problem, error));
    ll_axes_options choice = {.dimensions = dimensions};
    for (int d = 0; d < dimensions; d++) {
        p->unit[d][d] = 1.0;
        choice.axis[d].vector = p->unit[d];
    }
    CHECK_OK(ll_axes_create(ll_problem_view(p->problem), p->origin, &choice, &p->axes, error));
}

static void plot_deinit(plot *p)
{
    ll_axes_deinit(&p->axes);
    ll_problem_destroy(p->problem);
}

static ll_landscape_options grid_options(const plot *p, const int64_t *size, const double *low,
                                         const double *high)
{
    ll_landscape_options options = {.origin = p->origin, .axes = &p->axes};
    for (int d = 0; d < p->axes.dimensions; d++) {
        options.size[d] = size[d];
        options.low[d] = low[d];
        options.high[d] = high[d];
    }
    return options;
}

static ll_record *sample(ll_problem *problem, const ll_landscape_options *options, const ll_sink *sink)
{
    ll_landscape *landscape = NULL;
    ll_record *record = NULL;
    CHECK_OK(ll_landscape_create(problem, options, &landscape, error));
    CHECK_OK(ll_landscape_run(landscape, sink, error));
    CHECK_OK(ll_landscape_record(landscape, &record, error));
    ll_landscape_destroy(landscape);
    return record;
}

static const double *field_of(const ll_record *record, const char *name, int64_t count)
{
    const ll_array *array = NULL;
    CHECK_OK(ll_record_get_array(record, name, &array, error));
    assert_int_equal(ll_array_count(array), count);
    assert_int_equal(array->type, LL_ARRAY_FLOAT64);
    return array->data;
}

static double real_of(const ll_record *record, const char *name)
{
    double value = 0.0;
    CHECK_OK(ll_record_get_real(record, name, &value, error));
    return value;
}

static bool same_records(const ll_record *a, const ll_record *b)
{
    void *x, *y;
    size_t m, n;
    CHECK_OK(ll_record_to_bytes(a, &x, &m, error));
    CHECK_OK(ll_record_to_bytes(b, &y, &n, error));
    bool same = m == n && memcmp(x, y, m) == 0;
    ll_free(x);
    ll_free(y);
    return same;
}

static void positions_follow_the_formula(void **state)
{
    (void)state;
    for (int64_t size = 3; size < 200; size += 2)
        assert_true(ll_grid_position(-0.7, 0.7, size, size / 2) == 0.0);
    assert_true(ll_grid_position(0.25, 9.0, 1, 0) == 0.25);
    assert_true(ll_grid_position(-1.0, 3.0, 5, 0) == -1.0 && ll_grid_position(-1.0, 3.0, 5, 4) == 3.0);
    assert_true(ll_grid_position(0.0, 1.0, 4, 1) == 1.0 / 3.0);
    /* Levels: every index has one, level 0 holds the ends and the middle, spacing halves. */
    for (int64_t size = 1; size < 70; size++) {
        assert_int_equal(ll_grid_level(size, 0), 0);
        assert_int_equal(ll_grid_level(size, size - 1), 0);
        assert_int_equal(ll_grid_level(size, (size - 1) / 2), 0);
    }
    assert_int_equal(ll_grid_level(41, 8), 1);
    assert_int_equal(ll_grid_level(41, 16), 0);
    assert_int_equal(ll_grid_level(41, 1), 4);
}

/* Fault 1: serpentine sweeps shift every other row. Here each value is compared with the closed form at its
 * own position. Fault 5: non-square grids, axes that start at 0. */
static void fault_1_and_5_grids_equal_the_closed_form_at_every_point(void **state)
{
    (void)state;
    plot p;
    plot_init(&p, LL_ANALYTIC_ROSENBROCK, 2, NULL);
    const int64_t sizes[][2] = {{7, 12}, {1, 5}, {25, 4}};
    const double lows[][2] = {{0.0, -1.0}, {1.0, 0.5}, {-2.0, 0.0}},
                 highs[][2] = {{2.0, 3.0}, {1.0, 0.75}, {0.0, 1.0}};
    for (int c = 0; c < 3; c++) {
        ll_landscape_options options = grid_options(&p, sizes[c], lows[c], highs[c]);
        options.tile_points = 5;
        ll_record *record = sample(p.problem, &options, NULL);
        const double *loss = field_of(record, "loss", sizes[c][0] * sizes[c][1]);
        for (int64_t i = 0; i < sizes[c][0]; i++)
            for (int64_t j = 0; j < sizes[c][1]; j++) {
                double wanted = rosenbrock(ll_grid_position(lows[c][0], highs[c][0], sizes[c][0], i),
                                           ll_grid_position(lows[c][1], highs[c][1], sizes[c][1], j));
                assert_true(fabs(loss[i * sizes[c][1] + j] - wanted) <= 1e-13 * (1.0 + wanted));
            }
        ll_record_destroy(record);
    }
    plot_deinit(&p);
}

static void grids_of_one_to_six_dimensions(void **state)
{
    (void)state;
    const double values[6] = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0};
    for (int n = 1; n <= 6; n++) {
        plot p;
        plot_init(&p, LL_ANALYTIC_QUADRATIC, n, values);
        int64_t size[6], count = 1;
        double low[6], high[6];
        for (int d = 0; d < n; d++) {
            size[d] = 2 + d % 3;
            low[d] = -1.0 - d;
            high[d] = 0.5 * d + 1.0;
            count *= size[d];
        }
        ll_landscape_options options = grid_options(&p, size, low, high);
        ll_record *record = sample(p.problem, &options, NULL);
        const double *loss = field_of(record, "loss", count);
        for (int64_t point = 0; point < count; point++) {
            double wanted = 0.0;
            int64_t rest = point;
            for (int d = n - 1; d >= 0; d--) {
                double x = ll_grid_position(low[d], high[d], size[d], rest % size[d]);
                rest /= size[d];
                wanted += 0.5 * values[d] * x * x;
            }
            assert_true(fabs(loss[point] - wanted) <= 1e-13 * (1.0 + wanted));
        }
        ll_record_destroy(record);
        plot_deinit(&p);
    }
}

/* A toy landscape over two random axes. */
typedef struct toy_grid {
    toy state;
    ll_problem *problem;
    ll_axes axes;
    ll_landscape_options options;
} toy_grid;

static void toy_grid_init(toy_grid *g, int64_t rows, int64_t columns, ll_batch_norm batch_norm)
{
    memset(g, 0, sizeof *g);
    g->problem = toy_create(&g->state, NULL);
    ll_axes_options choice = {.dimensions = 2, .seed = 5};
    choice.axis[0].normalisation = choice.axis[1].normalisation = LL_NORMALISE_FILTER;
    CHECK_OK(
        ll_axes_create(ll_problem_view(g->problem), ll_problem_origin(g->problem), &choice, &g->axes, error));
    g->options = (ll_landscape_options){.axes = &g->axes,
                                        .size = {rows, columns},
                                        .low = {-1.0, -0.5},
                                        .high = {1.0, 1.0},
                                        .batch_norm = batch_norm,
                                        .tile_points = 4};
}

static void toy_grid_deinit(toy_grid *g)
{
    ll_axes_deinit(&g->axes);
    ll_problem_destroy(g->problem);
}

static void any_order_and_any_tiles_give_the_same_bits(void **state)
{
    (void)state;
    toy_grid g;
    toy_grid_init(&g, 9, 6, LL_BATCH_NORM_REESTIMATE);
    ll_record *reference = sample(g.problem, &g.options, NULL);
    const double *wanted = field_of(reference, "loss", 54);
    const int64_t tile_sizes[] = {1, 3, 4, 54};
    for (int t = 0; t < 4; t++) {
        g.options.tile_points = tile_sizes[t];
        ll_landscape *landscape = NULL;
        CHECK_OK(ll_landscape_create(g.problem, &g.options, &landscape, error));
        int64_t tiles = ll_landscape_tiles(landscape), order[64];
        ll_rng_permutation(ll_rng_make((uint64_t)t, "test", "order"), tiles, order);
        for (int64_t i = 0; i < tiles; i++) CHECK_OK(ll_landscape_compute(landscape, order[i], NULL, error));
        ll_record *record = NULL;
        CHECK_OK(ll_landscape_record(landscape, &record, error));
        assert_memory_equal(field_of(record, "loss", 54), wanted, 54 * sizeof(double));
        ll_record_destroy(record);
        ll_landscape_destroy(landscape);
    }
    ll_record_destroy(reference);
    toy_grid_deinit(&g);
}

static void an_interrupted_run_continues_to_the_same_bits(void **state)
{
    (void)state;
    toy_grid g;
    toy_grid_init(&g, 9, 6, LL_BATCH_NORM_REESTIMATE);
    ll_record *reference = sample(g.problem, &g.options, NULL);
    ll_memory_sink *memory = NULL;
    CHECK_OK(ll_memory_sink_create(&memory, error));
    int cancelled = 0;
    for (int64_t stop = 1;; stop += 3) {
        ll_landscape *landscape = NULL;
        ll_memory_sink_stop_after(memory, stop);
        CHECK_OK(ll_landscape_create(g.problem, &g.options, &landscape, error));
        ll_status status = ll_landscape_run(landscape, ll_memory_sink_view(memory), NULL);
        ll_record *record = NULL;
        CHECK_OK(ll_landscape_record(landscape, &record, error));
        ll_landscape_destroy(landscape);
        bool done = status == LL_OK;
        if (done) assert_true(same_records(record, reference));
        else assert_int_equal(status, LL_CANCELLED);
        ll_record_destroy(record);
        if (done) break;
        cancelled++;
        assert_true(cancelled < 20);
    }
    assert_true(cancelled >= 3);
    ll_memory_sink_destroy(memory);
    ll_record_destroy(reference);
    toy_grid_deinit(&g);
}

static void fault_5_a_zero_loss_is_done_when_it_is_done(void **state)
{
    (void)state;
    toy_grid g;
    toy_grid_init(&g, 5, 5, LL_BATCH_NORM_KEEP);
    g.state.zero_loss = 1.0;
    ll_memory_sink *memory = NULL;
    CHECK_OK(ll_memory_sink_create(&memory, error));
    ll_memory_sink_stop_after(memory, -1);
    ll_record *first = sample(g.problem, &g.options, ll_memory_sink_view(memory));
    int64_t evaluations = g.state.evaluations;
    assert_int_equal(evaluations,
                     27); /* 25 points, the centre, and one look at the data for the pieces' digest */
    ll_record *second = sample(g.problem, &g.options, ll_memory_sink_view(memory));
    assert_int_equal(g.state.evaluations, evaluations + 1);
    /* Other data under the same indices: its pieces are not mixed in. */
    g.state.zero_loss = 0.0;
    ll_landscape *other = NULL;
    CHECK_OK(ll_landscape_create(g.problem, &g.options, &other, error));
    assert_int_equal(ll_landscape_run(other, ll_memory_sink_view(memory), NULL), LL_INVALID_ARGUMENT);
    ll_landscape_destroy(other);
    assert_true(same_records(first, second));
    ll_record_destroy(first);
    ll_record_destroy(second);
    ll_memory_sink_destroy(memory);
    toy_grid_deinit(&g);
}

static void a_piece_of_another_landscape_is_refused(void **state)
{
    (void)state;
    toy_grid g;
    toy_grid_init(&g, 5, 5, LL_BATCH_NORM_KEEP);
    ll_memory_sink *memory = NULL;
    CHECK_OK(ll_memory_sink_create(&memory, error));
    ll_memory_sink_stop_after(memory, -1);
    ll_record_destroy(sample(g.problem, &g.options, ll_memory_sink_view(memory)));
    g.options.high[1] = 1.5;
    ll_landscape *landscape = NULL;
    ll_error error = {0};
    assert_int_equal(ll_landscape_create(g.problem, &g.options, &landscape, &error), LL_OK);
    assert_int_equal(ll_landscape_compute(landscape, 0, ll_memory_sink_view(memory), &error),
                     LL_INVALID_ARGUMENT);
    assert_string_equal(error.place, "tile/0");
    ll_landscape_destroy(landscape);
    ll_memory_sink_destroy(memory);
    toy_grid_deinit(&g);
}

static void fault_4_nan_stays_nan_and_is_counted(void **state)
{
    (void)state;
    toy_grid g;
    toy_grid_init(&g, 9, 6, LL_BATCH_NORM_KEEP);
    g.state.nan_beyond = ((const double *)ll_problem_origin(g.problem))[0] + 1e-9;
    ll_record *record = sample(g.problem, &g.options, NULL);
    const double *loss = field_of(record, "loss", 54), *first = field_of(record, "first", 54);
    int64_t bad = 0;
    for (int p = 0; p < 54; p++) {
        assert_int_equal(isnan(loss[p]) != 0, first[p] > g.state.nan_beyond);
        bad += isnan(loss[p]) != 0;
    }
    assert_true(bad > 5 && bad < 54);
    ll_finding findings[LL_FINDINGS];
    CHECK_OK(ll_landscape_check(record, findings, error));
    assert_int_equal(findings[LL_FINDING_NON_FINITE].verdict, LL_VERDICT_DOUBT);
    assert_true(findings[LL_FINDING_NON_FINITE].number == (double)bad);
    ll_record_destroy(record);
    toy_grid_deinit(&g);
}

/* Fault 7: landscapes whose centre is not the network. */
static void fault_7_the_centre_is_the_network(void **state)
{
    (void)state;
    int64_t evaluate[30], calibrate[10];
    for (int i = 0; i < 30; i++) evaluate[i] = 10 + i;
    for (int i = 0; i < 10; i++) calibrate[i] = i;
    toy_grid g;
    toy_grid_init(&g, 5, 4, LL_BATCH_NORM_KEEP);
    g.options.low[1] = -1.0;
    g.options.size[1] = 3;
    const double *theta = ll_problem_origin(g.problem), *own = ll_problem_origin_buffers(g.problem);
    double loss = toy_loss(theta, own, evaluate, 30), buffers[TOY_BUFFERS];
    ll_record *keep = sample(g.problem, &g.options, NULL);
    assert_true(real_of(keep, "centre_loss") == loss);
    assert_true(field_of(keep, "loss", 15)[7] == loss); /* bit for bit */
    assert_true(field_of(keep, "term_squared_error", 15)[7] == loss);
    g.options.batch_norm = LL_BATCH_NORM_AUTO; /* random axes and buffers: re-estimate */
    ll_record *estimated = sample(g.problem, &g.options, NULL);
    toy_calibrate(theta, calibrate, 10, buffers);
    double wanted = toy_loss(theta, buffers, evaluate, 30);
    assert_true(real_of(estimated, "centre_loss") == loss);
    assert_true(real_of(estimated, "centre_reestimated_loss") == wanted);
    assert_true(field_of(estimated, "loss", 15)[7] == wanted && wanted != loss);
    const char *mode = NULL;
    CHECK_OK(ll_record_get_text(estimated, "batch_norm", &mode, error));
    assert_string_equal(mode, "re-estimate");
    ll_record_destroy(keep);
    ll_record_destroy(estimated);
    /* Every other point, re-estimated at its own weights. */
    ll_record *grid = sample(g.problem, &g.options, NULL);
    const double *values = field_of(grid, "loss", 15);
    for (int64_t i = 0; i < 5; i++)
        for (int64_t j = 0; j < 3; j++) {
            const double alpha[2] = {ll_grid_position(-1.0, 1.0, 5, i), ll_grid_position(-1.0, 1.0, 3, j)};
            double moved[TOY_PARAMETERS];
            ll_vector_combine(LL_REAL_FLOAT64, TOY_PARAMETERS, theta, 2, (const void *const *)g.axes.vector,
                              alpha, moved);
            toy_calibrate(moved, calibrate, 10, buffers);
            assert_true(values[i * 3 + j] == toy_loss(moved, buffers, evaluate, 30));
        }
    ll_record_destroy(grid);
    toy_grid_deinit(&g);
}

static void batch_statistics_are_those_of_each_batch(void **state)
{
    (void)state;
    toy_grid g;
    toy_grid_init(&g, 3, 3, LL_BATCH_NORM_BATCH);
    g.options.batch_size = 8;
    ll_record *record = sample(g.problem, &g.options, NULL);
    const double *theta = ll_problem_origin(g.problem);
    const double alpha[2] = {-1.0, -0.5};
    double moved[TOY_PARAMETERS], buffers[TOY_BUFFERS], wanted = 0.0;
    ll_vector_combine(LL_REAL_FLOAT64, TOY_PARAMETERS, theta, 2, (const void *const *)g.axes.vector, alpha,
                      moved);
    for (int64_t first = 0; first < 30; first += 8) {
        int64_t indices[8], count = first + 8 <= 30 ? 8 : 30 - first;
        for (int64_t i = 0; i < count; i++) indices[i] = 10 + first + i;
        toy_calibrate(moved, indices, count, buffers);
        wanted += toy_loss(moved, buffers, indices, count) * (double)count / 30.0;
    }
    CHECK_NEAR(field_of(record, "loss", 9)[0], wanted, 1e-12);
    ll_record_destroy(record);
    toy_grid_deinit(&g);
}

/* `keep` between two checkpoints: buffers are interpolated with the weights. */
static void buffers_move_along_a_line_between_checkpoints(void **state)
{
    (void)state;
    toy_grid g;
    toy_grid_init(&g, 3, 3, LL_BATCH_NORM_KEEP);
    ll_axes_deinit(&g.axes);
    const double *a = ll_problem_origin(g.problem), *own = ll_problem_origin_buffers(g.problem);
    double b[TOY_PARAMETERS];
    const double other[TOY_BUFFERS] = {-1.5, 5.0};
    for (int j = 0; j < TOY_PARAMETERS; j++) b[j] = cos(2.0 * j);
    CHECK_OK(ll_axes_between(ll_problem_view(g.problem), a, b, own, other, &g.axes, error));
    g.options.axes = &g.axes;
    g.options.low[0] = 0.0;
    ll_record *record = sample(g.problem, &g.options, NULL);
    int64_t evaluate[30];
    for (int i = 0; i < 30; i++) evaluate[i] = 10 + i;
    double middle[TOY_PARAMETERS];
    for (int j = 0; j < TOY_PARAMETERS; j++) middle[j] = a[j] + 0.5 * (b[j] - a[j]);
    CHECK_NEAR(field_of(record, "loss", 3)[1], toy_loss(middle, (const double[]){-0.5, 3.5}, evaluate, 30),
               1e-12);
    CHECK_NEAR(field_of(record, "loss", 3)[2], toy_loss(b, other, evaluate, 30), 1e-12);
    ll_record_destroy(record);
    toy_grid_deinit(&g);
}

static void several_sample_sets_in_one_run(void **state)
{
    (void)state;
    toy_grid g;
    toy_grid_init(&g, 3, 3, LL_BATCH_NORM_KEEP);
    g.options.gradient_norm = true;
    int64_t a[15], b[15];
    for (int i = 0; i < 15; i++) {
        a[i] = 10 + 2 * i;
        b[i] = 11 + 2 * i;
    }
    const ll_samples half_a = {a, 15}, half_b = {b, 15};
    const ll_sample_set sets[3] = {{"evaluate", NULL}, {"half_a", &half_a}, {"half_b", &half_b}};
    g.options.sets = sets;
    g.options.set_count = 3;
    ll_record *record = sample(g.problem, &g.options, NULL);
    const double *theta = ll_problem_origin(g.problem), *own = ll_problem_origin_buffers(g.problem);
    const double alpha[2] = {1.0, 0.25};
    double moved[TOY_PARAMETERS], shifted[TOY_PARAMETERS], square = 0.0;
    int64_t all[TOY_SAMPLES];
    for (int i = 0; i < TOY_SAMPLES; i++) all[i] = i;
    ll_vector_combine(LL_REAL_FLOAT64, TOY_PARAMETERS, theta, 2, (const void *const *)g.axes.vector, alpha,
                      moved);
    assert_true(field_of(record, "loss", 9)[7] == toy_loss(moved, own, all, TOY_SAMPLES));
    assert_true(field_of(record, "half_a_loss", 9)[7] == toy_loss(moved, own, a, 15));
    assert_true(field_of(record, "half_b_loss", 9)[7] == toy_loss(moved, own, b, 15));
    for (int j = 0; j < TOY_PARAMETERS; j++) { /* central differences in double are exact for a quadratic */
        memcpy(shifted, moved, sizeof moved);
        shifted[j] = moved[j] + 0.5;
        double up = toy_loss(shifted, own, all, TOY_SAMPLES);
        shifted[j] = moved[j] - 0.5;
        double slope = up - toy_loss(shifted, own, all, TOY_SAMPLES);
        square += slope * slope;
    }
    CHECK_NEAR(field_of(record, "gradient_norm", 9)[7], sqrt(square), 1e-11);
    ll_record_destroy(record);
    toy_grid_deinit(&g);
}

static void weight_decay_is_a_term_of_its_own(void **state)
{
    (void)state;
    toy_grid g;
    toy_grid_init(&g, 3, 3, LL_BATCH_NORM_KEEP);
    ll_record *plain = sample(g.problem, &g.options, NULL);
    CHECK_OK(ll_problem_set_weight_decay(g.problem, 0.1, error));
    ll_record *decayed = sample(g.problem, &g.options, NULL);
    const double *a = field_of(plain, "loss", 9), *b = field_of(decayed, "loss", 9);
    const double *decay = field_of(decayed, "term_weight_decay", 9);
    const double *theta = ll_problem_origin(g.problem);
    double square = ll_vector_dot(LL_REAL_FLOAT64, TOY_PARAMETERS, theta, theta);
    (void)square;
    for (int p = 0; p < 9; p++) {
        const double alpha[2] = {ll_grid_position(-1.0, 1.0, 3, p / 3),
                                 ll_grid_position(-0.5, 1.0, 3, p % 3)};
        double moved[TOY_PARAMETERS];
        ll_vector_combine(LL_REAL_FLOAT64, TOY_PARAMETERS, theta, 2, (const void *const *)g.axes.vector,
                          alpha, moved);
        double wanted = 0.05 * ll_vector_dot(LL_REAL_FLOAT64, TOY_PARAMETERS, moved, moved);
        CHECK_NEAR(decay[p], wanted, 1e-13);
        CHECK_NEAR(b[p] - a[p], wanted, 1e-12);
    }
    ll_record_destroy(plain);
    ll_record_destroy(decayed);
    toy_grid_deinit(&g);
}

static void extreme_eigenvalues_of_a_known_quadratic(void **state)
{
    (void)state;
    const double values[5] = {7.0, 3.0, 0.5, -2.0, 1.0};
    plot p;
    plot_init(&p, LL_ANALYTIC_QUADRATIC, 5, values);
    ll_landscape_options options =
        grid_options(&p, (const int64_t[]){2, 1, 1, 1, 2}, (const double[]){-1, 0, 0, 0, -1},
                     (const double[]){1, 0, 0, 0, 1});
    options.extreme_eigenvalues = true;
    options.eigenvalue_tolerance = 1e-8;
    ll_record *record = sample(p.problem, &options, NULL);
    for (int i = 0; i < 4; i++) {
        CHECK_NEAR(field_of(record, "largest_eigenvalue", 4)[i], 7.0, 1e-7);
        CHECK_NEAR(field_of(record, "smallest_eigenvalue", 4)[i], -2.0, 1e-7);
        assert_true(field_of(record, "largest_eigenvalue_residual", 4)[i] <= 1e-8);
    }
    ll_record_destroy(record);
    plot_deinit(&p);
}

/* Fault 10: memory grows with the stored numbers of a point, not with its weight vector. */
static void fault_10_memory_does_not_hold_every_points_weights(void **state)
{
    (void)state;
    enum { N = 100000 };
    ll_analytic_options make = {.kind = LL_ANALYTIC_RASTRIGIN, .type = LL_REAL_FLOAT64, .dimensions = N};
    ll_problem *problem = NULL;
    CHECK_OK(ll_problem_create_analytic(&make, &problem, error));
    double *origin = ll_allocate_zeroed(N * sizeof *origin);
    ll_axes_options choice = {.dimensions = 2, .seed = 1};
    ll_axes axes;
    CHECK_OK(ll_axes_create(ll_problem_view(problem), origin, &choice, &axes, error));
    size_t bytes[2];
    for (int large = 0; large < 2; large++) {
        int64_t side = large ? 101 : 11;
        ll_landscape_options options = {
            .origin = origin, .axes = &axes, .size = {side, side}, .low = {-1, -1}, .high = {1, 1}};
        ll_landscape *landscape = NULL;
        CHECK_OK(ll_landscape_create(problem, &options, &landscape, error));
        CHECK_OK(ll_landscape_memory(landscape, &bytes[large], error));
        ll_landscape_destroy(landscape);
    }
    assert_true(bytes[1] - bytes[0] <
                10080 * 100); /* 10,080 more points: under 100 bytes each, not 800,000 */
    ll_axes_deinit(&axes);
    ll_free(origin);
    ll_problem_destroy(problem);
}

/* Fault 11: an exhausted iterator that evaluates nothing and reports success. */
static void fault_11_exhausted_data_cannot_look_like_success(void **state)
{
    (void)state;
    toy_grid g;
    toy_grid_init(&g, 3, 3, LL_BATCH_NORM_KEEP);
    int64_t none[1] = {0}, beyond[1] = {TOY_SAMPLES};
    const ll_samples empty = {none, 0}, outside = {beyond, 1};
    ll_sample_set set = {"evaluate", &empty};
    g.options.sets = &set;
    g.options.set_count = 1;
    ll_landscape *landscape = NULL;
    assert_int_equal(ll_landscape_create(g.problem, &g.options, &landscape, NULL), LL_INVALID_ARGUMENT);
    set.samples = &outside;
    assert_int_equal(ll_landscape_create(g.problem, &g.options, &landscape, NULL), LL_INVALID_ARGUMENT);
    assert_null(landscape);
    assert_int_equal(g.state.evaluations, 0);
    toy_grid_deinit(&g);
}

static void bad_grids_are_refused_by_name(void **state)
{
    (void)state;
    plot p;
    plot_init(&p, LL_ANALYTIC_ROSENBROCK, 2, NULL);
    const int64_t size[2] = {5, 5};
    const double low[2] = {-1, -1}, high[2] = {1, 1};
    ll_landscape *landscape = NULL;
    ll_error error = {0};
    ll_landscape_options options = grid_options(&p, size, low, high);
    options.size[1] = 0;
    assert_int_equal(ll_landscape_create(p.problem, &options, &landscape, &error), LL_INVALID_ARGUMENT);
    assert_string_equal(error.place, "axis 1");
    options = grid_options(&p, size, low, high);
    options.high[0] = -2.0;
    assert_int_equal(ll_landscape_create(p.problem, &options, &landscape, &error), LL_INVALID_ARGUMENT);
    options = grid_options(&p, size, low, high);
    options.high[0] = INFINITY;
    assert_int_equal(ll_landscape_create(p.problem, &options, &landscape, &error), LL_INVALID_ARGUMENT);
    options = grid_options(&p, size, low, high);
    options.size[0] = options.size[1] = INT64_C(1) << 40;
    assert_int_equal(ll_landscape_create(p.problem, &options, &landscape, &error), LL_TOO_LARGE);
    assert_null(landscape);
    plot_deinit(&p);
}

static void several_planes_give_means_and_spreads(void **state)
{
    (void)state;
    toy_grid g;
    toy_grid_init(&g, 3, 3, LL_BATCH_NORM_KEEP);
    ll_axes_options choice = {.dimensions = 2, .seed = 40};
    ll_record *record = NULL;
    CHECK_OK(ll_landscape_planes(g.problem, &choice, &g.options, 4, NULL, &record, error));
    const double *all = field_of(record, "loss", 36), *mean = field_of(record, "loss_mean", 9);
    const double *deviation = field_of(record, "loss_standard_deviation", 9);
    for (uint64_t r = 0; r < 4; r++) {
        choice.seed = 40 + r;
        ll_axes axes;
        CHECK_OK(
            ll_axes_create(ll_problem_view(g.problem), ll_problem_origin(g.problem), &choice, &axes, error));
        ll_landscape_options own = g.options;
        own.axes = &axes;
        ll_record *plane = sample(g.problem, &own, NULL);
        assert_memory_equal(all + 9 * r, field_of(plane, "loss", 9), 9 * sizeof(double));
        ll_record_destroy(plane);
        ll_axes_deinit(&axes);
    }
    for (int p = 0; p < 9; p++) {
        double sum = 0.0, squares = 0.0;
        for (int r = 0; r < 4; r++) sum += all[9 * r + p] / 4.0;
        for (int r = 0; r < 4; r++) squares += (all[9 * r + p] - sum) * (all[9 * r + p] - sum);
        CHECK_NEAR(mean[p], sum, 1e-12);
        CHECK_NEAR(deviation[p], sqrt(squares / 3.0), 1e-12);
    }
    ll_record_destroy(record);
    toy_grid_deinit(&g);
}

static double himmelblau(double x, double y)
{
    double a = x * x + y - 11.0, b = x + y * y - 7.0;
    return a * a + b * b;
}

static void adaptive_grids_save_points_and_say_how_wrong_they_are(void **state)
{
    (void)state;
    plot p;
    plot_init(&p, LL_ANALYTIC_HIMMELBLAU, 2, NULL);
    const int64_t size[2] = {129, 97};
    const double low[2] = {-5, -5}, high[2] = {5, 5};
    ll_landscape_options options = grid_options(&p, size, low, high);
    options.adaptive_tolerance = 0.01;
    ll_memory_sink *memory = NULL;
    CHECK_OK(ll_memory_sink_create(&memory, error));
    ll_memory_sink_stop_after(memory, -1);
    ll_record *record = sample(p.problem, &options, ll_memory_sink_view(memory));
    const double *loss = field_of(record, "loss", 129 * 97);
    int64_t evaluated = 0, interpolated = 0;
    CHECK_OK(ll_record_get_integer(record, "points_evaluated", &evaluated, error));
    CHECK_OK(ll_record_get_integer(record, "points_interpolated", &interpolated, error));
    assert_int_equal(evaluated + interpolated, 129 * 97);
    if (evaluated >= 129 * 97 / 2) fail_msg("%lld points evaluated", (long long)evaluated);
    double worst = 0.0, range = 890.0; /* f(-5,-5) = 890 is the highest value on this square */
    const ll_array *states = NULL;
    CHECK_OK(ll_record_get_array(record, "state", &states, error));
    for (int64_t i = 0; i < 129; i++)
        for (int64_t j = 0; j < 97; j++) {
            double wanted = himmelblau(ll_grid_position(-5, 5, 129, i), ll_grid_position(-5, 5, 97, j));
            double off = fabs(loss[i * 97 + j] - wanted);
            if (ll_array_get(states, i * 97 + j) == 1.0) assert_true(off <= 1e-12 * (1.0 + wanted));
            worst = fmax(worst, off);
        }
    if (!(worst <= 0.02 * range)) fail_msg("largest error %g of range %g", worst, range);
    double measured = real_of(record, "measured_error_max");
    assert_true(measured > 0.0 && measured <= worst);
    /* The four minima of the function are all in the picture: a lower 8-neighbourhood around each. */
    const double minima[4][2] = {
        {3.0, 2.0}, {-2.805118, 3.131312}, {-3.779310, -3.283186}, {3.584428, -1.848126}};
    for (int m = 0; m < 4; m++) {
        int64_t i = (int64_t)lround((minima[m][0] + 5.0) / 10.0 * 128.0),
                j = (int64_t)lround((minima[m][1] + 5.0) / 10.0 * 96.0);
        assert_true(loss[i * 97 + j] < 0.01 * range);
    }
    /* Interrupted anywhere, the same bits. */
    for (int64_t stop = 3; stop < ll_memory_sink_count(memory); stop += 7) {
        ll_memory_sink *other = NULL;
        CHECK_OK(ll_memory_sink_create(&other, error));
        ll_memory_sink_stop_after(other, stop);
        ll_landscape *landscape = NULL;
        CHECK_OK(ll_landscape_create(p.problem, &options, &landscape, error));
        assert_int_equal(ll_landscape_run(landscape, ll_memory_sink_view(other), NULL), LL_CANCELLED);
        ll_landscape_destroy(landscape);
        ll_memory_sink_stop_after(other, -1);
        ll_record *again = sample(p.problem, &options, ll_memory_sink_view(other));
        assert_true(same_records(record, again));
        ll_record_destroy(again);
        ll_memory_sink_destroy(other);
    }
    ll_record_destroy(record);
    ll_memory_sink_destroy(memory);
    plot_deinit(&p);
}

static void coarse_points_come_first(void **state)
{
    (void)state;
    plot p;
    plot_init(&p, LL_ANALYTIC_ROSENBROCK, 2, NULL);
    const int64_t size[2] = {33, 33};
    const double low[2] = {-1, -1}, high[2] = {1, 1};
    ll_landscape_options options = grid_options(&p, size, low, high);
    options.tile_points = 25;
    ll_landscape *landscape = NULL;
    ll_record *record = NULL;
    CHECK_OK(ll_landscape_create(p.problem, &options, &landscape, error));
    CHECK_OK(ll_landscape_compute(landscape, 0, NULL, error));
    CHECK_OK(ll_landscape_record(landscape, &record, error));
    const double *loss = field_of(record, "loss", 33 * 33);
    const ll_array *states = NULL;
    CHECK_OK(ll_record_get_array(record, "state", &states, error));
    for (int64_t i = 0; i < 33; i++)
        for (int64_t j = 0; j < 33; j++) {
            bool coarse = i % 8 == 0 && j % 8 == 0; /* 5 x 5 points, spread over the whole picture */
            assert_int_equal(ll_array_get(states, i * 33 + j) == 1.0, coarse);
            assert_int_equal(!isnan(loss[i * 33 + j]), coarse);
        }
    ll_record_destroy(record);
    ll_landscape_destroy(landscape);
    plot_deinit(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(positions_follow_the_formula),
        cmocka_unit_test(fault_1_and_5_grids_equal_the_closed_form_at_every_point),
        cmocka_unit_test(grids_of_one_to_six_dimensions),
        cmocka_unit_test(any_order_and_any_tiles_give_the_same_bits),
        cmocka_unit_test(an_interrupted_run_continues_to_the_same_bits),
        cmocka_unit_test(fault_5_a_zero_loss_is_done_when_it_is_done),
        cmocka_unit_test(a_piece_of_another_landscape_is_refused),
        cmocka_unit_test(fault_4_nan_stays_nan_and_is_counted),
        cmocka_unit_test(fault_7_the_centre_is_the_network),
        cmocka_unit_test(batch_statistics_are_those_of_each_batch),
        cmocka_unit_test(buffers_move_along_a_line_between_checkpoints),
        cmocka_unit_test(several_sample_sets_in_one_run),
        cmocka_unit_test(weight_decay_is_a_term_of_its_own),
        cmocka_unit_test(extreme_eigenvalues_of_a_known_quadratic),
        cmocka_unit_test(fault_10_memory_does_not_hold_every_points_weights),
        cmocka_unit_test(fault_11_exhausted_data_cannot_look_like_success),
        cmocka_unit_test(bad_grids_are_refused_by_name),
        cmocka_unit_test(several_planes_give_means_and_spreads),
        cmocka_unit_test(adaptive_grids_save_points_and_say_how_wrong_they_are),
        cmocka_unit_test(coarse_points_come_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
