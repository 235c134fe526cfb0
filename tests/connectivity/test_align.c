/* Alignment: groups of units as counted by hand, functions unchanged by moving units, permuted copies brought
 * back exactly, assignments against all permutations. */
#include "../support_cmocka.h"

#include "losslens/connectivity.h"
#include "losslens/connectivity_align.h"
#include "losslens/networks_pinn.h"
#include "losslens/problem_graph.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SAMPLES = 6, CLASSES = 3, SIDE = 8, PIXELS = 3 * SIDE * SIDE, MOST_GROUPS = 64 };

/* ------------------------------------------------------------------ assignment */

static double best_by_trial(const double *value, int n, int row, unsigned taken)
{
    if (row == n) return 0.0;
    double best = -INFINITY;
    for (int j = 0; j < n; j++)
        if ((taken & (1U << j)) == 0)
            best = fmax(best, value[row * n + j] + best_by_trial(value, n, row + 1, taken | 1U << j));
    return best;
}

static void test_assignment_against_all_permutations(void **state)
{
    (void)state;
    for (int trial = 0; trial < 200; trial++) {
        int n = 1 + trial % 7;
        double value[49];
        char name[16];
        snprintf(name, sizeof name, "%d", trial);
        ll_rng rng = ll_rng_make(11, "assignment", name);
        for (int i = 0; i < n * n; i++) /* every third matrix has many ties */
            value[i] =
                trial % 3 == 0 ? (double)ll_rng_below(rng, (uint64_t)i, 3) : ll_rng_normal(rng, (uint64_t)i);
        int64_t column[7];
        unsigned seen = 0;
        double total = 0.0;
        CHECK_OK(ll_assign(value, n, column, error));
        for (int i = 0; i < n; i++) {
            assert_in_range(column[i], 0, n - 1);
            seen |= 1U << column[i];
            total += value[i * n + column[i]];
        }
        assert_int_equal(seen, (1U << n) - 1);
        CHECK_NEAR(total, best_by_trial(value, n, 0, 0), 1e-12);
    }
}

static void test_assignment_of_a_shuffled_diagonal(void **state)
{
    (void)state;
    enum { N = 150 };
    int64_t place[N], column[N];
    double *value = ll_allocate_zeroed(N * N * sizeof *value);
    ll_rng_permutation(ll_rng_make(2, "assignment", "diagonal"), N, place);
    for (int i = 0; i < N; i++) value[i * N + place[i]] = 1.0 + 0.01 * i;
    CHECK_OK(ll_assign(value, N, column, error));
    assert_memory_equal(column, place, sizeof column);
    value[5] = NAN;
    assert_int_equal(ll_assign(value, N, column, NULL), LL_NUMERIC);
    ll_free(value);
}

/* ------------------------------------------------------------------ networks */

typedef struct network {
    ll_model *model; /* owned by problem */
    ll_problem *problem;
    ll_units *units;
    double *images, *theta, *buffers;
    int64_t labels[SAMPLES * SIDE * SIDE];
} network;

static void make(network *n, const char *name, const char *key, const char *value)
{
    bool flat = strcmp(name, "mlp") == 0, dense = strcmp(name, "unet") == 0;
    ll_network_option options[4] = {{key, value}};
    int64_t count = 1;
    if (strcmp(name, "cnn") == 0) options[count++] = (ll_network_option){"hidden", "12"};
    if (strncmp(name, "resnet", 6) == 0 || dense) options[count++] = (ll_network_option){"width", "4"};
    if (strcmp(name, "vit") == 0) options[count++] = (ll_network_option){"depth", "2"};
    if (strcmp(name, "vit") == 0) options[count++] = (ll_network_option){"heads", "2"};
    ll_network_options wanted = {.network = name,
                                 .option = options,
                                 .options = count,
                                 .dtype = LL_F64,
                                 .input_shape = {flat ? PIXELS : 3, flat ? 0 : SIDE, flat ? 0 : SIDE},
                                 .classes = CLASSES,
                                 .loss = dense ? "segmentation" : NULL};
    CHECK_OK(ll_network_create(&wanted, &n->model, error));
    const ll_model_info *info = ll_model_view(n->model);
    n->images = ll_allocate_array(SAMPLES * PIXELS, sizeof *n->images);
    ll_rng_fill_normal(ll_rng_make(3, "test", "images"), 0, SAMPLES * PIXELS, n->images);
    for (int i = 0; i < SAMPLES * SIDE * SIDE; i++) n->labels[i] = i % CLASSES;
    ll_graph_rows rows[2];
    assert_int_equal(info->inputs, 2);
    for (int i = 0; i < 2; i++)
        rows[i] = (ll_graph_rows){
            info->input[i].name,
            ll_dtype_is_float(info->input[i].dtype) ? (const void *)n->images : n->labels, SAMPLES};
    const ll_graph_problem_options graph = {.rows = rows, .row_count = 2, .threads = 1};
    CHECK_OK(ll_units_create(info, &n->units, error));
    n->theta = ll_allocate_array(info->parameter_count, sizeof *n->theta);
    n->buffers = ll_allocate_array(info->buffer_count + 1, sizeof *n->buffers);
    CHECK_OK(ll_model_initialise(n->model, 4, n->theta, n->buffers, error));
    /* Off the start, where all scales, shifts and statistics are equal and units could hide behind one
     * another. */
    for (int64_t i = 0; i < info->parameter_count; i++)
        n->theta[i] += 0.05 * ll_rng_normal(ll_rng_make(5, "test", "theta"), (uint64_t)i);
    for (int64_t i = 0; i < info->buffer_count; i++)
        n->buffers[i] += 0.5 * ll_rng_uniform(ll_rng_make(6, "test", "buffers"), (uint64_t)i);
    CHECK_OK(ll_problem_create_graph(n->model, &graph, &n->problem, error));
}

static void unmake(network *n)
{
    ll_units_destroy(n->units);
    ll_problem_destroy(n->problem);
    ll_free(n->images);
    ll_free(n->theta);
    ll_free(n->buffers);
}

static double loss_of(const network *n, const double *theta, const double *buffers)
{
    double loss = NAN;
    const void *at = theta, *with = buffers;
    const ll_request request = {.points = 1,
                                .thetas = &at,
                                .loss = &loss,
                                .buffers_shared = true,
                                .buffers = ll_problem_view(n->problem)->buffer_count > 0 ? &with : NULL};
    CHECK_OK(ll_problem_evaluate(n->problem, &request, error));
    return loss;
}

/* A seeded permutation of every group. The caller frees view[0]. */
static void shuffle(const ll_units *units, uint64_t seed, int64_t *view[MOST_GROUPS])
{
    int64_t total = 1;
    assert_in_range(ll_units_groups(units), 1, MOST_GROUPS);
    for (int64_t g = 0; g < ll_units_groups(units); g++) total += ll_units_size(units, g);
    int64_t *at = ll_allocate_array(total, sizeof *at);
    for (int64_t g = 0; g < ll_units_groups(units); g++) {
        char name[24];
        snprintf(name, sizeof name, "%lld", (long long)g);
        view[g] = at;
        ll_rng_permutation(ll_rng_make(seed, "shuffle", name), ll_units_size(units, g), at);
        at += ll_units_size(units, g);
    }
}

typedef struct kind {
    const char *name, *key, *value;
    int64_t groups, units; /* counted by hand; 0: only that nothing changes */
} kind;

/* ResNet-8 of width 4: streams of 4, 8 and 16 channels and one hidden layer of each width in the blocks.
 * Without shortcuts nothing ties the blocks' outputs: each convolution has units of its own. Option A pads
 * streams on both sides: the first stream's 4 channels go through all three, 2 + 2 and then 4 + 4 come in
 * new. A CNN's last channels meet the linear layer as channels x pixels. A U-Net's decoder takes what comes
 * up behind what was left of the encoder: two layers of 4, two of 8, the 4 that come up, and two of 4. */
static const kind kinds[] = {{"mlp", "hidden", "20,10", 2, 30},   {"cnn", "channels", "6,8", 3, 26},
                             {"resnet8", "shortcut", "B", 6, 56}, {"resnet8", "shortcut", "none", 7, 60},
                             {"resnet8", "shortcut", "A", 8, 44}, {"resnet18", "batch_norm", "no", 0, 0},
                             {"unet", "depth", "2", 7, 36},       {"vit", "dim", "16", 0, 0}};

static void test_groups_and_function(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        network n;
        make(&n, kinds[k].name, kinds[k].key, kinds[k].value);
        const ll_problem_info *info = ll_problem_view(n.problem);
        int64_t units = 0, *view[MOST_GROUPS];
        for (int64_t g = 0; g < ll_units_groups(n.units); g++) units += ll_units_size(n.units, g);
        if (kinds[k].groups > 0) assert_int_equal(ll_units_groups(n.units), kinds[k].groups);
        if (kinds[k].groups > 0) assert_int_equal(units, kinds[k].units);
        shuffle(n.units, 7, view);
        double *theta = ll_allocate_array(info->parameter_count, sizeof *theta);
        double *buffers = ll_allocate_array(info->buffer_count + 1, sizeof *buffers);
        CHECK_OK(ll_units_permute(n.units, (const int64_t *const *)view, n.theta, n.buffers, theta, buffers,
                                  error));
        assert_memory_not_equal(theta, n.theta, (size_t)info->parameter_count * sizeof *theta);
        double before = loss_of(&n, n.theta, n.buffers), after = loss_of(&n, theta, buffers);
        if (!(fabs(after - before) <= 1e-11 * fabs(before)))
            fail_msg("%s %s=%s: moving units changes the loss from %.17g to %.17g", kinds[k].name,
                     kinds[k].key, kinds[k].value, before, after);
        int64_t *first = view[0], again = first[0];
        first[0] = first[1];
        assert_int_equal(
            ll_units_permute(n.units, (const int64_t *const *)view, n.theta, n.buffers, theta, buffers, NULL),
            LL_INVALID_ARGUMENT);
        first[0] = again;
        ll_free(view[0]);
        ll_free(theta);
        ll_free(buffers);
        unmake(&n);
    }
}

static void test_a_permuted_copy_comes_back(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        network n;
        make(&n, kinds[k].name, kinds[k].key, kinds[k].value);
        const ll_problem_info *info = ll_problem_view(n.problem);
        int64_t count = info->parameter_count, *view[MOST_GROUPS];
        shuffle(n.units, 8 + k, view);
        double *theta = ll_allocate_array(2 * count, sizeof *theta), *back = theta + count;
        double *buffers = ll_allocate_array(2 * info->buffer_count + 2, sizeof *buffers);
        double *buffers_back = buffers + info->buffer_count + 1;
        CHECK_OK(ll_units_permute(n.units, (const int64_t *const *)view, n.theta, n.buffers, theta, buffers,
                                  error));
        ll_record *record = NULL;
        CHECK_OK(ll_connectivity_align(n.units, n.theta, theta, buffers, NULL, back, buffers_back, &record,
                                       error));
        double distance = NAN;
        CHECK_OK(ll_record_get_real(record, "distance", &distance, error));
        if (memcmp(back, n.theta, (size_t)count * sizeof *back) != 0)
            fail_msg("%s %s=%s: %g away from the original", kinds[k].name, kinds[k].key, kinds[k].value,
                     distance);
        assert_memory_equal(buffers_back, n.buffers, (size_t)info->buffer_count * sizeof *buffers);
        assert_true(distance == 0.0);
        ll_record_destroy(record);
        /* The line from the original to the copy has a hill; to what came back it is one point. */
        const ll_curve_ends ends = {n.theta, back, n.buffers, buffers_back};
        const ll_curve_options options = {.kind = LL_CURVE_LINEAR, .points = 5, .batch_norm = LL_CURVE_KEEP};
        CHECK_OK(ll_connectivity_curve(n.problem, &ends, &options, NULL, &record, error));
        double barrier = NAN;
        CHECK_OK(ll_record_get_real(record, "barrier", &barrier, error));
        CHECK_NEAR(barrier, 0.0, 1e-13);
        ll_record_destroy(record);
        ll_free(view[0]);
        ll_free(theta);
        ll_free(buffers);
        unmake(&n);
    }
}

/* Two independent draws: the product never falls, the aligned network computes the same, and aligning again
 * changes nothing. */
static void test_independent_networks(void **state)
{
    (void)state;
    network n;
    make(&n, "resnet8", "shortcut", "B");
    int64_t count = ll_problem_view(n.problem)->parameter_count;
    double *other = ll_allocate_array(3 * count, sizeof *other), *aligned = other + count,
           *twice = other + 2 * count;
    double *buffers = ll_allocate_array(3 * ll_problem_view(n.problem)->buffer_count, sizeof *buffers);
    double *aligned_buffers = buffers + ll_problem_view(n.problem)->buffer_count;
    double *twice_buffers = aligned_buffers + ll_problem_view(n.problem)->buffer_count;
    CHECK_OK(ll_model_initialise(n.model, 99, other, buffers, error));
    ll_record *record = NULL;
    CHECK_OK(ll_connectivity_align(n.units, n.theta, other, buffers, NULL, aligned, aligned_buffers, &record,
                                   error));
    double before = NAN, after = NAN, distance = NAN, measured = 0.0, straight = 0.0;
    int64_t converged = 0, moved = 0;
    CHECK_OK(ll_record_get_real(record, "inner_product_before", &before, error));
    CHECK_OK(ll_record_get_real(record, "inner_product", &after, error));
    CHECK_OK(ll_record_get_real(record, "distance", &distance, error));
    CHECK_OK(ll_record_get_integer(record, "converged", &converged, error));
    CHECK_OK(ll_record_get_integer(record, "moved", &moved, error));
    assert_true(after > before);
    assert_int_equal(converged, 1);
    assert_true(moved > 20);
    for (int64_t i = 0; i < count; i++) {
        measured += (n.theta[i] - aligned[i]) * (n.theta[i] - aligned[i]);
        straight += n.theta[i] * aligned[i];
    }
    CHECK_NEAR(distance, sqrt(measured), 1e-9 * distance);
    CHECK_NEAR(after, straight, 1e-9 * fabs(after));
    CHECK_NEAR(loss_of(&n, aligned, aligned_buffers), loss_of(&n, other, buffers), 1e-12);
    ll_record_destroy(record);
    CHECK_OK(ll_connectivity_align(n.units, n.theta, aligned, aligned_buffers, NULL, twice, twice_buffers,
                                   &record, error));
    double again = NAN;
    CHECK_OK(ll_record_get_real(record, "inner_product", &again, error));
    assert_true(again >= after);
    ll_record_destroy(record);
    ll_free(other);
    ll_free(buffers);
    unmake(&n);
}

/* Every hidden layer of a physics-informed network is a group; its inputs and output stay. */
static void test_pinn(void **state)
{
    (void)state;
    static const int64_t hidden[] = {9, 8, 7};
    ll_pinn_samples samples[LL_PINN_TERMS];
    const ll_pinn_family family = {
        .beta = 1, .collocation = 20, .hidden = hidden, .hidden_count = 3, .dtype = LL_F64};
    ll_model *model = NULL;
    CHECK_OK(ll_pinn_family_create(&family, &model, samples, error));
    ll_units *units = NULL;
    CHECK_OK(ll_units_create(ll_model_view(model), &units, error));
    assert_int_equal(ll_units_groups(units), 3);
    for (int g = 0; g < 3; g++) assert_int_equal(ll_units_size(units, g), hidden[g]);
    ll_units_destroy(units);
    ll_model_destroy(model);
    ll_pinn_samples_deinit(samples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_assignment_against_all_permutations),
        cmocka_unit_test(test_assignment_of_a_shuffled_diagonal),
        cmocka_unit_test(test_groups_and_function),
        cmocka_unit_test(test_a_permuted_copy_comes_back),
        cmocka_unit_test(test_independent_networks),
        cmocka_unit_test(test_pinn),
    };
    return cmocka_run_group_tests_name("alignment", tests, NULL, NULL);
}
