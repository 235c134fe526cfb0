/* Loading, choosing, fetching: against numbers worked out by hand or by counting. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "losslens/data.h"

/* 90 images of 1 x 2 x 3 bytes, labels in shares 60 : 20 : 10, written and loaded as a pair in an npz. */
static ll_dataset *make(void)
{
    enum { N = 90 };
    uint8_t pixels[N * 6];
    int64_t labels[N];
    for (int i = 0; i < N * 6; i++) pixels[i] = (uint8_t)(i * 7 % 251);
    for (int i = 0; i < N; i++) {
        labels[i] = i % 9 < 6 ? 0 : i % 9 < 8 ? 1 : 2;
        pixels[i * 6] = (uint8_t)i; /* every image different */
    }
    ll_tensor pair[2] = {
        {.name = "x", .type = LL_TENSOR_UINT8, .rank = 4, .shape = {N, 1, 2, 3}, .data = pixels},
        {.name = "y", .type = LL_TENSOR_INT64, .rank = 1, .shape = {N}, .data = labels}};
    ll_error error = {0};
    ll_dataset *dataset = NULL;
    assert_int_equal(ll_npz_write("data_test.npz", pair, 2, true, &error), LL_OK);
    if (ll_dataset_load("data_test.npz", NULL, &dataset, &error) != LL_OK) fail_msg("%s", error.message);
    remove("data_test.npz");
    assert_true(dataset->count == N && dataset->rank == 3 && dataset->classes == 3 && dataset->width == 6);
    return dataset;
}

static void count_labels(const ll_dataset *dataset, const ll_subset *subset, int64_t counts[3])
{
    memset(counts, 0, 3 * sizeof *counts);
    for (int64_t i = 0; i < subset->count; i++) {
        counts[dataset->labels[subset->indices[i]]]++;
        if (i > 0) assert_true(subset->indices[i] > subset->indices[i - 1]);
    }
}

static void stratified(void **state)
{
    (void)state;
    ll_dataset *dataset = make();
    ll_subset subset, again;
    ll_error error = {0};
    int64_t counts[3];
    /* 40 of 60 : 20 : 10 is 26.67 : 8.89 : 4.44, largest remainders 27 : 9 : 4 */
    assert_int_equal(
        ll_dataset_choose(dataset, &(ll_subset_request){.count = 40, .seed = 5}, &subset, NULL, &error),
        LL_OK);
    count_labels(dataset, &subset, counts);
    assert_true(counts[0] == 27 && counts[1] == 9 && counts[2] == 4);
    assert_int_equal(
        ll_dataset_choose(dataset, &(ll_subset_request){.count = 40, .seed = 5}, &again, NULL, &error),
        LL_OK);
    assert_memory_equal(subset.indices, again.indices, 40 * sizeof(int64_t));
    ll_subset_deinit(&again);
    assert_int_equal(
        ll_dataset_choose(dataset, &(ll_subset_request){.count = 40, .seed = 6}, &again, NULL, &error),
        LL_OK);
    assert_memory_not_equal(subset.indices, again.indices, 40 * sizeof(int64_t));
    ll_subset_deinit(&again);
    ll_subset_deinit(&subset);
    assert_int_equal(ll_dataset_choose(dataset,
                                       &(ll_subset_request){.first = 88, .count = 2, .in_order = true},
                                       &subset, NULL, &error),
                     LL_OK);
    assert_true(subset.indices[0] == 88 && subset.indices[1] == 89);
    ll_subset_deinit(&subset);
    assert_int_equal(ll_dataset_choose(dataset, &(ll_subset_request){.count = 91}, &subset, NULL, &error),
                     LL_INVALID_ARGUMENT);
    assert_non_null(strstr(error.message, "91 samples wanted; there are 90"));
    assert_int_equal(ll_dataset_choose(dataset, &(ll_subset_request){.first = 90}, &subset, NULL, &error),
                     LL_INVALID_ARGUMENT);
    ll_dataset_destroy(dataset);
}

static void one_split_is_divided(void **state)
{
    (void)state;
    ll_dataset *dataset = make();
    ll_subset train, test;
    ll_error error = {0};
    bool divided = false;
    int64_t counts[3], shared = -1;
    assert_int_equal(
        ll_dataset_choose(dataset,
                          &(ll_subset_request){.split = LL_SPLIT_TRAIN, .seed = 1, .test_fraction = 0.3},
                          &train, &divided, &error),
        LL_OK);
    assert_true(divided);
    assert_int_equal(
        ll_dataset_choose(dataset,
                          &(ll_subset_request){.split = LL_SPLIT_TEST, .seed = 1, .test_fraction = 0.3},
                          &test, NULL, &error),
        LL_OK);
    assert_true(train.count == 63 && test.count == 27);
    count_labels(dataset, &test, counts);
    assert_true(counts[0] == 18 && counts[1] == 6 && counts[2] == 3);
    assert_int_equal(ll_dataset_overlap(dataset, &train, dataset, &test, &shared, &error), LL_OK);
    assert_int_equal(shared, 0);
    assert_int_equal(ll_dataset_overlap(dataset, &train, dataset, &train, &shared, &error), LL_OK);
    assert_int_equal(shared, 63);
    assert_false(ll_hash_equal(ll_dataset_hash(dataset, train.indices, 27),
                               ll_dataset_hash(dataset, test.indices, 27)));
    ll_subset_deinit(&train);
    ll_subset_deinit(&test);
    ll_dataset_destroy(dataset);
}

static void fetched_numbers(void **state)
{
    (void)state;
    ll_dataset *dataset = make();
    int64_t indices[2] = {3, 80};
    float values[12];
    ll_normalisation norm = {.channels = 1, .mean = {0.5F}, .deviation = {0.25F}};
    ll_error error = {0};
    assert_int_equal(ll_normalisation_check(&norm, dataset, &error), LL_OK);
    ll_dataset_fetch(dataset, indices, 2, &norm, NULL, values);
    assert_true(values[0] == (3.0F / 255.0F - 0.5F) / 0.25F);
    assert_true(values[7] == ((float)(481 * 7 % 251) / 255.0F - 0.5F) / 0.25F);
    norm.deviation[0] = 0;
    assert_int_equal(ll_normalisation_check(&norm, dataset, &error), LL_INVALID_ARGUMENT);
    /* measured: mean and deviation of all bytes */
    int64_t all[90];
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < 90; i++) all[i] = i;
    for (int64_t i = 0; i < 540; i++) sum += dataset->pixels[i] / 255.0;
    for (int64_t i = 0; i < 540; i++) squares += pow(dataset->pixels[i] / 255.0 - sum / 540, 2);
    assert_int_equal(ll_normalisation_measure(dataset, &(ll_subset){90, all}, &norm, &error), LL_OK);
    assert_true(fabs((double)norm.mean[0] - sum / 540) < 1e-7 &&
                fabs((double)norm.deviation[0] - sqrt(squares / 540)) < 1e-7);
    ll_dataset_destroy(dataset);
}

/* Every augmented image is one of the (2 pad + 1)^2 * 2 placements of the original, all of them occur, and a
 * sample's placement does not depend on its batch. */
static void augmentation(void **state)
{
    (void)state;
    ll_dataset *dataset = make();
    int64_t index = 42, seen[3][3][2] = {{{0}}};
    ll_augmentation augmentation = {.pad = 1, .flip = true, .seed = 9};
    for (int epoch = 0; epoch < 400; epoch++) {
        float got[6], batch[12], plain[6];
        int64_t pair[2] = {7, index};
        augmentation.epoch = epoch;
        ll_dataset_fetch(dataset, &index, 1, NULL, &augmentation, got);
        ll_dataset_fetch(dataset, pair, 2, NULL, &augmentation, batch);
        ll_dataset_fetch(dataset, &index, 1, NULL, NULL, plain);
        assert_memory_equal(got, batch + 6, sizeof got);
        bool matched = false;
        for (int dy = -1; dy <= 1 && !matched; dy++) {
            for (int dx = -1; dx <= 1 && !matched; dx++) {
                for (int flip = 0; flip < 2 && !matched; flip++) {
                    bool same = true;
                    for (int y = 0; y < 2; y++) {
                        for (int x = 0; x < 3; x++) {
                            int from_y = y + dy, from_x = (flip ? 2 - x : x) + dx;
                            bool inside = from_y >= 0 && from_y < 2 && from_x >= 0 && from_x < 3;
                            same = same && got[y * 3 + x] == (inside ? plain[from_y * 3 + from_x] : 0.0F);
                        }
                    }
                    if (same) {
                        matched = true;
                        seen[dy + 1][dx + 1][flip]++;
                    }
                }
            }
        }
        assert_true(matched);
    }
    for (int i = 0; i < 18; i++) assert_true(((int64_t *)seen)[i] > 5); /* 22 expected, deviation 4.6 */
    ll_dataset_destroy(dataset);
}

static void batches(void **state)
{
    (void)state;
    int64_t indices[5] = {2, 3, 5, 7, 11}, order[5], count;
    ll_subset subset = {5, indices};
    ll_error error = {0};
    ll_subset_shuffle(&subset, 1, 0, order);
    int64_t product = 1;
    for (int i = 0; i < 5; i++) product *= order[i];
    assert_int_equal(product, 2 * 3 * 5 * 7 * 11);
    int64_t many[60], first[60], second[60];
    for (int64_t i = 0; i < 60; i++) many[i] = i;
    ll_subset_shuffle(&(ll_subset){60, many}, 1, 0, first);
    ll_subset_shuffle(&(ll_subset){60, many}, 1, 1, second);
    assert_memory_not_equal(first, second, sizeof first);
    assert_int_equal(ll_subset_batches(&subset, 2, false, &count, &error), LL_OK);
    assert_int_equal(count, 3);
    assert_int_equal(ll_subset_batches(&subset, 2, true, &count, &error), LL_OK);
    assert_int_equal(count, 2);
    assert_int_equal(ll_subset_batches(&subset, 6, true, &count, &error), LL_INVALID_ARGUMENT);
    assert_int_equal(ll_subset_batches(&(ll_subset){0, NULL}, 6, false, &count, &error), LL_INVALID_ARGUMENT);
}

static void corruptions(void **state)
{
    (void)state;
    enum { SIDE = 64, COUNT = 3 * SIDE * SIDE };
    static uint8_t grey[COUNT];
    memset(grey, 128, sizeof grey);
    ll_image image = {3, SIDE, SIDE, grey};
    const double value = 128 / 255.0;
    /* kind, severity, standard deviation that theory gives on a constant image, in units of 1 */
    const struct {
        ll_corruption corruption;
        double deviation;
    } cases[] = {{{LL_CORRUPTION_GAUSSIAN_NOISE, 1}, .04},
                 {{LL_CORRUPTION_GAUSSIAN_NOISE, 5}, .10},
                 {{LL_CORRUPTION_SPECKLE_NOISE, 3}, .12 * 128 / 255.0},
                 {{LL_CORRUPTION_SHOT_NOISE, 1}, sqrt(128 / 255.0 / 500)},
                 {{LL_CORRUPTION_SHOT_NOISE, 5}, sqrt(128 / 255.0 / 50)},
                 {{LL_CORRUPTION_IMPULSE_NOISE, 5}, 0.5 * sqrt(.07)},
                 {{LL_CORRUPTION_BLUR, 5}, 0},
                 {{LL_CORRUPTION_CONTRAST, 5}, 0},
                 {{LL_CORRUPTION_PIXELATE, 5}, 0},
                 {{LL_CORRUPTION_JPEG, 5}, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ll_image out;
        double sum = 0, squares = 0;
        assert_int_equal(
            ll_corrupt_image(&image, cases[i].corruption, ll_rng_make(3, "test", "noise"), &out, NULL),
            LL_OK);
        for (int k = 0; k < COUNT; k++)
            sum += out.pixels[k] / 255.0 - value, squares += pow(out.pixels[k] / 255.0 - value, 2);
        double deviation = sqrt(squares / COUNT), tolerance = 0.03 * cases[i].deviation + 0.002;
        if (cases[i].corruption.kind == LL_CORRUPTION_IMPULSE_NOISE) tolerance = 0.01; /* few pixels */
        if (fabs(deviation - cases[i].deviation) > tolerance || fabs(sum / COUNT) > 0.004) {
            fail_msg("%s %d: deviation %g, wanted %g; mean moved by %g",
                     ll_corruption_name(cases[i].corruption.kind), cases[i].corruption.severity, deviation,
                     cases[i].deviation, sum / COUNT);
        }
        ll_image_deinit(&out);
    }
    ll_image out;
    uint8_t two[2] = {
        51, 102}; /* .2 and .4: brightness .3 makes .5 and .7; contrast .15 about .3 makes .285, .315 */
    ll_image small = {1, 1, 2, two};
    assert_int_equal(ll_corrupt_image(&small, (ll_corruption){LL_CORRUPTION_BRIGHTNESS, 5},
                                      ll_rng_make(1, "a", "b"), &out, NULL),
                     LL_OK);
    assert_true(abs(out.pixels[0] - 128) <= 1 && abs(out.pixels[1] - 179) <= 1);
    ll_image_deinit(&out);
    assert_int_equal(ll_corrupt_image(&small, (ll_corruption){LL_CORRUPTION_CONTRAST, 5},
                                      ll_rng_make(1, "a", "b"), &out, NULL),
                     LL_OK);
    assert_true(out.pixels[0] == 73 && out.pixels[1] == 80);
    ll_image_deinit(&out);
    assert_int_equal(ll_corrupt_image(&small, (ll_corruption){LL_CORRUPTION_BLUR, 6},
                                      ll_rng_make(1, "a", "b"), &out, NULL),
                     LL_INVALID_ARGUMENT);
}

/* A corrupted image is known for the image that it was made from. */
static void corrupted_images_overlap(void **state)
{
    (void)state;
    ll_dataset *dataset = make(), *corrupted;
    const ll_corruption list[2] = {{LL_CORRUPTION_GAUSSIAN_NOISE, 5}, {LL_CORRUPTION_CONTRAST, 3}};
    int64_t some[3] = {4, 8, 15}, others[3] = {8, 15, 16}, shared, first[3] = {0, 1, 2};
    ll_error error = {0};
    assert_int_equal(ll_dataset_corrupt(dataset, &(ll_subset){3, some}, list, 2, 1, &corrupted, &error),
                     LL_OK);
    assert_true(corrupted->count == 3 && corrupted->base[2] == 15 &&
                corrupted->labels[2] == dataset->labels[15]);
    assert_memory_not_equal(corrupted->pixels, dataset->pixels + 4 * 6, 6);
    assert_int_equal(ll_dataset_overlap(dataset, &(ll_subset){3, others}, corrupted, &(ll_subset){3, first},
                                        &shared, &error),
                     LL_OK);
    assert_int_equal(shared, 2);
    ll_dataset_destroy(corrupted);
    ll_dataset_destroy(dataset);
}

static void refused_sources(void **state)
{
    (void)state;
    ll_dataset *dataset;
    ll_error error = {0};
    float x[4] = {0};
    ll_tensor pair[2] = {{.name = "x", .type = LL_TENSOR_FLOAT32, .rank = 2, .shape = {2, 2}, .data = x},
                         {.name = "y", .type = LL_TENSOR_FLOAT32, .rank = 1, .shape = {3}, .data = x}};
    assert_int_equal(ll_npz_write("data_bad.npz", pair, 2, false, &error), LL_OK);
    assert_int_equal(ll_dataset_load("data_bad.npz", NULL, &dataset, &error), LL_SHAPE);
    assert_string_equal(error.message, "2 inputs, but outputs float32 [3]");
    pair[0].shape[0] = 0;
    assert_int_equal(ll_npz_write("data_bad.npz", pair, 2, false, &error), LL_OK);
    assert_int_equal(ll_dataset_load("data_bad.npz", NULL, &dataset, &error), LL_INVALID_FILE);
    assert_non_null(strstr(error.message, "hold no sample"));
    remove("data_bad.npz");
    assert_int_equal(ll_dataset_load("cifar10:nowhere", NULL, &dataset, &error), LL_NOT_FOUND);
    assert_int_equal(setenv("LOSSLENS_DATA", "no/such/folder", 1), 0);
    assert_int_equal(ll_dataset_load("cifar10", NULL, &dataset, &error), LL_NOT_FOUND);
    assert_string_equal(error.message,
                        "no/such/folder/cifar10/cifar-10-binary.tar.gz is not there: `losslens data cifar10` "
                        "fetches it, or say where it is: cifar10:PATH");
    assert_int_equal(ll_dataset_load("no-such-name", NULL, &dataset, &error), LL_NOT_FOUND);
    assert_int_equal(ll_dataset_load("idx:one", NULL, &dataset, &error), LL_INVALID_ARGUMENT);
}

static void corruption_lists(void **state)
{
    (void)state;
    ll_corruption list[LL_CORRUPTION_LIMIT];
    int64_t count = 7;
    ll_error error = {0};
    assert_int_equal(ll_corruptions_parse("blur:3,jpeg", list, &count, &error), LL_OK);
    assert_int_equal(count, 6);
    assert_true(list[0].kind == LL_CORRUPTION_BLUR && list[0].severity == 3 &&
                list[5].kind == LL_CORRUPTION_JPEG && list[5].severity == 5);
    assert_int_equal(ll_corruptions_parse("all", list, &count, &error), LL_OK);
    assert_int_equal(count, 45);
    static const char *const wrong[] = {"", "blur,", "blur:", "blur:0", "blur:33", "all,blur", "blur;jpeg"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_not_equal(ll_corruptions_parse(wrong[i], list, &count, &error), LL_OK);
        assert_int_equal(count, 45);
    }
    assert_int_equal(ll_corruptions_parse("all", list, &count, &error), LL_OK);
}

static void fashion_mnist(void **state)
{
    (void)state;
    ll_dataset *dataset;
    ll_error error = {0};
    ll_status status = ll_dataset_load("fashion-mnist", NULL, &dataset, &error);
    if (status == LL_NOT_FOUND) {
        print_message("skipped: %s\n", error.message);
        skip();
    }
    assert_int_equal(status, LL_OK);
    int64_t sizes[10] = {0}, tests = 0;
    for (int64_t i = 0; i < dataset->count; i++) sizes[dataset->labels[i]]++, tests += dataset->is_test[i];
    assert_true(dataset->count == 70000 && tests == 10000 && dataset->shape[1] == 28);
    for (int i = 0; i < 10; i++) assert_int_equal(sizes[i], 7000); /* its README says so */
    ll_dataset_destroy(dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(stratified),
                                       cmocka_unit_test(one_split_is_divided),
                                       cmocka_unit_test(fetched_numbers),
                                       cmocka_unit_test(augmentation),
                                       cmocka_unit_test(batches),
                                       cmocka_unit_test(corruptions),
                                       cmocka_unit_test(corrupted_images_overlap),
                                       cmocka_unit_test(refused_sources),
                                       cmocka_unit_test(corruption_lists),
                                       cmocka_unit_test(fashion_mnist)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
