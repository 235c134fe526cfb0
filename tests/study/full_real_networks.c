/* Landscapes and layer CKA of real ResNet-20s. Against PyTorch (expected_landscape.h, made by
 * tests/generate/landscape_torch.py): a plane, the line between two seeds, the matrix of all layers. And by
 * themselves: the centre's bits, shared directions, threads, interruption. */
#include "../support_cmocka.h"

#include "expected_landscape.h"
#include "losslens/landscape.h"
#include "losslens/problem_vectors.h"
#include "losslens/similarity.h"
#include "losslens/study_setup.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool shared_path(char *path, size_t room, const char *name)
{
    const char *shared = getenv("LOSSLENS_SHARED");
    snprintf(path, room, "%s/data/%s", shared != NULL ? shared : "", name);
    FILE *file = shared != NULL ? fopen(path, "rb") : NULL;
    if (file == NULL) return false;
    fclose(file);
    return true;
}

static void checkpoint_path(char *path, size_t room, const char *name)
{
    char file[128];
    snprintf(file, sizeof file, "checkpoints/losslens/cifar10_%s.pkl", name);
    if (shared_path(path, room, file)) return;
    print_message("skipped: LOSSLENS_SHARED is not set, or has no %s\n", file);
    skip();
}

/* The first `evaluate` test images, and `calibrate` training images where > 0. */
static ll_setup *open_network(const char *name, const char *shortcut, int64_t evaluate, int64_t calibrate,
                              int threads)
{
    char checkpoint[1024], data[1040] = "cifar10:", train[1040] = "cifar10:";
    checkpoint_path(checkpoint, sizeof checkpoint, name);
    if (!shared_path(data + 8, sizeof data - 8, "cifar10/test_batch_0000_0499.bin") ||
        !shared_path(train + 8, sizeof train - 8, "cifar10/data_batch_2_first1017.bin")) {
        print_message("skipped: the images are not there\n");
        skip();
    }
    const ll_network_option option = {"shortcut", shortcut};
    const ll_setup_role role[2] = {
        {.role = "evaluate",
         .choice = {.split = calibrate > 0 ? LL_SPLIT_TEST : LL_SPLIT_ALL,
                    .count = evaluate,
                    .in_order = true}},
        {.role = "calibrate", .choice = {.split = LL_SPLIT_TRAIN, .count = calibrate, .in_order = true}}};
    const ll_setup_options options = {.network = "resnet20",
                                      .option = &option,
                                      .options = 1,
                                      .data = data,
                                      .second_data = calibrate > 0 ? train : NULL,
                                      .normalisation = {.channels = 3,
                                                        .mean = {0.4914f, 0.4822f, 0.4465f},
                                                        .deviation = {0.2023f, 0.1994f, 0.2010f}},
                                      .role = role,
                                      .roles = calibrate > 0 ? 2 : 1,
                                      .checkpoint = checkpoint,
                                      .threads = threads};
    ll_setup *setup = NULL;
    CHECK_OK(ll_setup_create(&options, &setup, error));
    return setup;
}

static const double *column(const ll_record *record, const char *name)
{
    const ll_array *array = NULL;
    CHECK_OK(ll_record_get_array(record, name, &array, error));
    return array->data;
}

static double real_of(const ll_record *record, const char *name)
{
    double value = NAN;
    CHECK_OK(ll_record_get_real(record, name, &value, error));
    return value;
}

/* The same formula as the generator's, in whole numbers. */
static void stored_direction(int64_t count, uint64_t axis, float *direction)
{
    for (int64_t i = 0; i < count; i++) {
        uint64_t h = ((uint64_t)i * 2654435761u + axis * 40503u + 12345u) & 0xffffffffu;
        h = ((h ^ (h >> 15)) * 2246822519u) & 0xffffffffu;
        direction[i] = (float)((double)(h ^ (h >> 13)) / 4294967296.0 - 0.5);
    }
}

static ll_record *run_landscape(ll_problem *problem, const ll_landscape_options *options, const ll_sink *sink)
{
    ll_landscape *landscape = NULL;
    ll_record *record = NULL;
    CHECK_OK(ll_landscape_create(problem, options, &landscape, error));
    CHECK_OK(ll_landscape_run(landscape, sink, error));
    CHECK_OK(ll_landscape_record(landscape, &record, error));
    ll_landscape_destroy(landscape);
    return record;
}

static void check_all(const char *what, const double *got, const double *wanted, int64_t count,
                      double tolerance)
{
    double worst = 0;
    for (int64_t i = 0; i < count; i++) {
        double error = fabs(got[i] - wanted[i]) / fmax(1.0, fabs(wanted[i]));
        if (!(error <= tolerance))
            fail_msg("%s[%d] is %.9g, PyTorch has %.9g", what, (int)i, got[i], wanted[i]);
        worst = fmax(worst, error);
    }
    print_message("%s: %d values, largest difference from PyTorch %.2g\n", what, (int)count, worst);
}

static void plane_equals_pytorch(void **state)
{
    (void)state;
    ll_setup *setup = open_network("resnet20_0", "B", 500, 0, 0);
    ll_problem *problem = ll_setup_problem(setup);
    const ll_problem_info *info = ll_problem_view(problem);
    assert_int_equal(info->parameter_count, 272474);
    float *drawn = ll_allocate_array(2 * info->parameter_count, sizeof *drawn);
    ll_axes_options choice = {.dimensions = 2};
    for (int d = 0; d < 2; d++) {
        float *vector = drawn + d * info->parameter_count;
        stored_direction(info->parameter_count, (uint64_t)d, vector);
        choice.axis[d] =
            (ll_axis_choice){.vector = vector, .normalisation = LL_NORMALISE_FILTER, .small = LL_SMALL_ZERO};
    }
    ll_axes axes;
    CHECK_OK(ll_axes_create(info, ll_problem_origin(problem), &choice, &axes, error));
    const ll_landscape_options options = {
        .axes = &axes, .size = {5, 5}, .low = {-1, -1}, .high = {1, 1}, .batch_norm = LL_BATCH_NORM_KEEP};
    ll_record *record = run_landscape(problem, &options, NULL);
    check_all("plane", column(record, "loss"), torch_grid, 25, 1e-4);
    ll_record_destroy(record);
    ll_axes_deinit(&axes);
    ll_free(drawn);
    ll_setup_destroy(setup);
}

static void line_equals_pytorch(void **state)
{
    (void)state;
    ll_setup *setup = open_network("resnet20_0", "B", 500, 0, 0);
    ll_problem *problem = ll_setup_problem(setup);
    char other[1024];
    void *theta, *buffers;
    checkpoint_path(other, sizeof other, "resnet20_123");
    CHECK_OK(ll_setup_load(setup, other, &theta, &buffers, error));
    ll_axes axes;
    CHECK_OK(ll_axes_between(ll_problem_view(problem), ll_problem_origin(problem), theta,
                             ll_problem_origin_buffers(problem), buffers, &axes, error));
    const ll_landscape_options options = {
        .axes = &axes, .size = {11}, .low = {0}, .high = {1}, .batch_norm = LL_BATCH_NORM_KEEP};
    ll_record *record = run_landscape(problem, &options, NULL);
    check_all("line", column(record, "loss"), torch_path, 11, 1e-4);
    ll_record_destroy(record);
    ll_axes_deinit(&axes);
    ll_free(theta);
    ll_free(buffers);
    ll_setup_destroy(setup);
}

static ll_record *layer_cka(int64_t samples, int threads, ll_cka_variant variant)
{
    ll_setup *setup = open_network("resnet20_0", "B", samples, 0, threads);
    ll_problem *problem = ll_setup_problem(setup);
    char other[1024];
    void *theta, *buffers;
    checkpoint_path(other, sizeof other, "resnet20_123");
    CHECK_OK(ll_setup_load(setup, other, &theta, &buffers, error));
    ll_samples list;
    CHECK_OK(ll_problem_role(problem, "evaluate", 0, &list.indices, &list.count, error));
    const ll_cka_model models[2] = {
        {.name = "seed 0", .problem = problem, .samples = &list},
        {.name = "seed 123", .problem = problem, .theta = theta, .buffers = buffers, .samples = &list}};
    ll_team *team = NULL;
    CHECK_OK(ll_team_create(threads, &team, error));
    const ll_cka_options options = {.variant = variant, .no_baseline = true, .team = team};
    ll_record *record = NULL;
    CHECK_OK(ll_cka_models(models, 2, &options, NULL, &record, error));
    ll_team_destroy(team);
    ll_free(theta);
    ll_free(buffers);
    ll_setup_destroy(setup);
    return record;
}

static void layer_cka_equals_pytorch(void **state)
{
    (void)state;
    int64_t samples = 0;
    ll_record *record = layer_cka(500, 0, LL_CKA_BIASED);
    CHECK_OK(ll_record_get_integer(record, "samples", &samples, error));
    assert_int_equal(samples, 500);
    check_all("biased CKA", column(record, "matrix"), torch_cka_biased, 484, 1e-4);
    ll_record_destroy(record);
    record = layer_cka(500, 0, LL_CKA_DEBIASED);
    check_all("debiased CKA", column(record, "matrix"), torch_cka_debiased, 484, 1e-4);
    ll_record_destroy(record);
}

static void layer_cka_has_the_same_bits_on_two_threads(void **state)
{
    (void)state;
    ll_record *one = layer_cka(48, 1, LL_CKA_DEBIASED), *two = layer_cka(48, 2, LL_CKA_DEBIASED);
    assert_memory_equal(column(one, "matrix"), column(two, "matrix"), 484 * sizeof(double));
    ll_record_destroy(one);
    ll_record_destroy(two);
}

/* The network evaluated on its own: no landscape involved. calibrated: with buffers re-estimated here. */
static double loss_alone(ll_problem *problem, bool calibrated)
{
    const ll_problem_info *info = ll_problem_view(problem);
    const void *theta = ll_problem_origin(problem);
    void *own = ll_allocate_array(info->buffer_count, ll_real_bytes(info->type));
    ll_vector_copy(info->type, info->buffer_count, ll_problem_origin_buffers(problem), own);
    const void *buffers = own;
    ll_samples list;
    if (calibrated) {
        CHECK_OK(ll_problem_role(problem, "calibrate", 0, &list.indices, &list.count, error));
        void *out = ll_allocate_array(info->buffer_count, ll_real_bytes(info->type));
        const ll_request request = {.points = 1,
                                    .thetas = &theta,
                                    .buffers = &buffers,
                                    .buffers_shared = true,
                                    .samples = &list,
                                    .mode = LL_MODE_CALIBRATION,
                                    .batch_size = 500,
                                    .buffers_out = &out};
        CHECK_OK(ll_problem_evaluate(problem, &request, error));
        ll_free(own);
        own = out;
        buffers = own;
    }
    CHECK_OK(ll_problem_role(problem, "evaluate", 0, &list.indices, &list.count, error));
    double loss = NAN;
    const ll_request request = {.points = 1,
                                .thetas = &theta,
                                .buffers = &buffers,
                                .buffers_shared = true,
                                .samples = &list,
                                .loss = &loss};
    CHECK_OK(ll_problem_evaluate(problem, &request, error));
    ll_free(own);
    return loss;
}

static ll_record *small_plane(ll_setup *setup, ll_batch_norm mode, const ll_sink *sink)
{
    ll_problem *problem = ll_setup_problem(setup);
    ll_axes_options choice = {.dimensions = 2, .seed = 7};
    for (int d = 0; d < 2; d++) choice.axis[d].normalisation = LL_NORMALISE_FILTER;
    ll_axes axes;
    CHECK_OK(ll_axes_create(ll_problem_view(problem), ll_problem_origin(problem), &choice, &axes, error));
    const ll_landscape_options options = {.axes = &axes,
                                          .size = {3, 3},
                                          .low = {-0.5, -0.5},
                                          .high = {0.5, 0.5},
                                          .batch_norm = mode,
                                          .tile_points = 2};
    ll_record *record = run_landscape(problem, &options, sink);
    ll_axes_deinit(&axes);
    return record;
}

static void centres_have_the_network_s_own_bits(void **state)
{
    (void)state;
    static const char *const network[4][2] = {{"resnet20_0", "B"},
                                              {"resnet20_123", "B"},
                                              {"resnet20_no_skip_0", "none"},
                                              {"resnet20_no_skip_123", "none"}};
    for (int i = 0; i < 4; i++) {
        ll_setup *setup = open_network(network[i][0], network[i][1], 48, 64, 0);
        double own = loss_alone(ll_setup_problem(setup), false),
               again = loss_alone(ll_setup_problem(setup), true);
        ll_record *record = small_plane(setup, LL_BATCH_NORM_KEEP, NULL);
        assert_memory_equal(&own, &column(record, "loss")[4], sizeof own);
        double centre = real_of(record, "centre_loss");
        assert_memory_equal(&own, &centre, sizeof own);
        ll_record_destroy(record);
        record = small_plane(setup, LL_BATCH_NORM_REESTIMATE, NULL);
        assert_memory_equal(&again, &column(record, "loss")[4], sizeof own);
        centre = real_of(record, "centre_loss");
        assert_memory_equal(&own, &centre, sizeof own);
        centre = real_of(record, "centre_reestimated_loss");
        assert_memory_equal(&again, &centre, sizeof own);
        assert_true(again != own); /* other statistics: a mode that did nothing would pass otherwise */
        print_message("%s: own loss %.9g, re-estimated %.9g, gap %.3g\n", network[i][0], own, again,
                      again - own);
        ll_record_destroy(record);
        ll_setup_destroy(setup);
    }
}

static void planes_have_the_same_bits_on_two_threads_and_when_continued(void **state)
{
    (void)state;
    ll_setup *one = open_network("resnet20_0", "B", 48, 64, 1),
             *two = open_network("resnet20_0", "B", 48, 64, 2);
    ll_record *a = small_plane(one, LL_BATCH_NORM_REESTIMATE, NULL),
              *b = small_plane(two, LL_BATCH_NORM_REESTIMATE, NULL);
    assert_memory_equal(column(a, "loss"), column(b, "loss"), 9 * sizeof(double));
    assert_memory_equal(column(a, "accuracy"), column(b, "accuracy"), 9 * sizeof(double));
    ll_record_destroy(b);
    /* Stopped after the centre and one tile; continued in a new landscape. */
    ll_memory_sink *memory = NULL;
    CHECK_OK(ll_memory_sink_create(&memory, error));
    ll_memory_sink_stop_after(memory, 2);
    ll_problem *problem = ll_setup_problem(two);
    ll_axes_options choice = {.dimensions = 2, .seed = 7};
    for (int d = 0; d < 2; d++) choice.axis[d].normalisation = LL_NORMALISE_FILTER;
    ll_axes axes;
    CHECK_OK(ll_axes_create(ll_problem_view(problem), ll_problem_origin(problem), &choice, &axes, error));
    const ll_landscape_options options = {.axes = &axes,
                                          .size = {3, 3},
                                          .low = {-0.5, -0.5},
                                          .high = {0.5, 0.5},
                                          .batch_norm = LL_BATCH_NORM_REESTIMATE,
                                          .tile_points = 2};
    ll_landscape *landscape = NULL;
    CHECK_OK(ll_landscape_create(problem, &options, &landscape, error));
    assert_int_equal(ll_landscape_run(landscape, ll_memory_sink_view(memory), NULL), LL_CANCELLED);
    ll_landscape_destroy(landscape);
    assert_int_equal(ll_memory_sink_count(memory), 2);
    ll_memory_sink_stop_after(memory, -1);
    b = small_plane(two, LL_BATCH_NORM_REESTIMATE, ll_memory_sink_view(memory));
    assert_memory_equal(column(a, "loss"), column(b, "loss"), 9 * sizeof(double));
    assert_int_equal(ll_memory_sink_count(memory), 6);
    ll_axes_deinit(&axes);
    ll_memory_sink_destroy(memory);
    ll_record_destroy(a);
    ll_record_destroy(b);
    ll_setup_destroy(one);
    ll_setup_destroy(two);
}

static void architectures_share_the_direction_of_every_shared_tensor(void **state)
{
    (void)state;
    ll_setup *with = open_network("resnet20_0", "B", 8, 0, 1),
             *without = open_network("resnet20_no_skip_0", "none", 8, 0, 1);
    const ll_problem_info *a = ll_problem_view(ll_setup_problem(with)),
                          *b = ll_problem_view(ll_setup_problem(without));
    const ll_axes_options choice = {
        .dimensions = 1, .seed = 11, .axis = {{.normalisation = LL_NORMALISE_NONE}}};
    ll_axes in_a, in_b;
    CHECK_OK(ll_axes_create(a, ll_problem_origin(ll_setup_problem(with)), &choice, &in_a, error));
    CHECK_OK(ll_axes_create(b, ll_problem_origin(ll_setup_problem(without)), &choice, &in_b, error));
    int64_t shared = 0, tensors = 0;
    for (int64_t i = 0; i < a->parameters; i++)
        for (int64_t j = 0; j < b->parameters; j++) {
            const ll_parameter *p = &a->parameter[i], *q = &b->parameter[j];
            if (strcmp(p->name, q->name) != 0) continue;
            assert_int_equal(p->count, q->count);
            assert_memory_equal((const float *)in_a.vector[0] + p->offset,
                                (const float *)in_b.vector[0] + q->offset, (size_t)p->count * sizeof(float));
            shared += p->count;
            tensors++;
        }
    /* The two networks differ by two 1x1 convolutions with batch norm: 16 x 32 + 64 and 32 x 64 + 128. */
    assert_int_equal(tensors, b->parameters);
    assert_int_equal(shared, b->parameter_count);
    assert_int_equal(a->parameter_count - shared, 16 * 32 + 64 + 32 * 64 + 128);
    CHECK_NEAR(ll_axes_shared(a, NULL, b, NULL), (double)shared / (double)a->parameter_count, 1e-15);
    CHECK_NEAR(ll_axes_shared(b, NULL, a, NULL), 1.0, 0.0);
    ll_axes_deinit(&in_a);
    ll_axes_deinit(&in_b);
    ll_setup_destroy(with);
    ll_setup_destroy(without);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plane_equals_pytorch),
        cmocka_unit_test(line_equals_pytorch),
        cmocka_unit_test(layer_cka_equals_pytorch),
        cmocka_unit_test(layer_cka_has_the_same_bits_on_two_threads),
        cmocka_unit_test(centres_have_the_network_s_own_bits),
        cmocka_unit_test(planes_have_the_same_bits_on_two_threads_and_when_continued),
        cmocka_unit_test(architectures_share_the_direction_of_every_shared_tensor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
