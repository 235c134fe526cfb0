/* Images against Pillow's decoding, CIFAR batches, tables. */
#include "support_files.h"

#include <math.h>

static void images_as_pillow_reads_them(void **state)
{
    (void)state;
    char path[1200], line[512];
    int count = 0;
    source_path(path, sizeof path, "images.txt");
    FILE *manifest = fopen(path, "r");
    assert_non_null(manifest);
    while (next_line(manifest, line, sizeof line) != NULL) {
        long long wanted = strtoll(cut(line, true), NULL, 10);
        char *shape = cut(line, true), name[300], got_shape[80];
        snprintf(name, sizeof name, "files/%.200s", line);
        source_path(path, sizeof path, name);
        ll_image image;
        ll_error error = {0};
        if (ll_image_read(path, NULL, &image, &error) != LL_OK) fail_msg("%s: %s", line, error.message);
        snprintf(got_shape, sizeof got_shape, "%lld,%lld,%lld", (long long)image.channels,
                 (long long)image.height, (long long)image.width);
        assert_string_equal(got_shape, shape);
        long long sum = 0;
        for (int64_t k = 0; k < image.channels * image.height * image.width; k++)
            sum += image.pixels[k] * (k % 97 + 1);
        if (sum != wanted) fail_msg("%s: got %lld, wanted %lld", line, sum, wanted);
        /* through our own PNG nothing is lost */
        ll_text png = {0};
        ll_image again;
        assert_int_equal(ll_image_encode_png(&image, &png, &error), LL_OK);
        assert_int_equal(ll_image_decode(png.text, png.length, "memory", NULL, &again, &error), LL_OK);
        assert_memory_equal(again.pixels, image.pixels,
                            (size_t)(image.channels * image.height * image.width));
        for (size_t size = 0; size < png.length; size++) { /* cut short anywhere: refused */
            ll_image none;
            assert_int_not_equal(ll_image_decode(png.text, size, "memory", NULL, &none, &error), LL_OK);
        }
        ll_text_deinit(&png);
        ll_image_deinit(&again);
        ll_format_limits limits = ll_format_limits_default();
        limits.image_pixels = 13 * 18 - 1;
        assert_int_equal(ll_image_read(path, &limits, &again, &error), LL_TOO_LARGE);
        ll_image_deinit(&image);
        count++;
    }
    fclose(manifest);
    assert_int_equal(count, 8);
}

static void cut_jpeg_is_refused(void **state)
{
    (void)state;
    char path[1200];
    ll_file_bytes file = {0};
    ll_image image;
    ll_error error = {0};
    source_path(path, sizeof path, "files/colour.jpg");
    assert_int_equal(ll_file_map(path, &file, NULL), LL_OK);
    assert_int_equal(ll_image_decode(file.bytes, file.size / 2, "half", NULL, &image, &error),
                     LL_INVALID_FILE);
    assert_non_null(strstr(error.message, "JPEG image is broken"));
    ll_file_unmap(&file);
}

static void cifar_binary(void **state)
{
    (void)state;
    uint8_t *batch = calloc(3, 3073);
    ll_image_set set;
    ll_error error = {0};
    for (int i = 0; i < 3; i++) {
        batch[i * 3073] = (uint8_t)(i + 4);
        batch[i * 3073 + 1 + i * 1024] = 200;
    }
    assert_int_equal(ll_cifar_parse(batch, 3 * 3073, "x/test_batch.bin", NULL, &set, &error), LL_OK);
    assert_true(set.count == 3 && set.classes == 10 && set.labels[2] == 6 && set.is_test[0] == 1);
    assert_int_equal(set.pixels[2 * 3072 + 2048], 200);
    ll_image_set_deinit(&set);
    assert_int_equal(ll_cifar_parse(batch, 3 * 3073 - 1, "x.bin", NULL, &set, &error), LL_INVALID_FILE);
    assert_non_null(strstr(error.message, "no whole number of CIFAR records"));
    batch[3073] = 10;
    assert_int_equal(ll_cifar_parse(batch, 3 * 3073, "x.bin", NULL, &set, &error), LL_INVALID_FILE);
    assert_non_null(strstr(error.message, "image 1 has label 10; 0 to 9 is possible"));
    batch[0] = 19;
    batch[1] = 99;
    assert_int_equal(ll_cifar_parse(batch, 3074, "train.bin", NULL, &set, &error), LL_OK);
    assert_true(set.classes == 100 && set.labels[0] == 99 && set.coarse_labels[0] == 19 &&
                set.is_test[0] == 0);
    ll_image_set_deinit(&set);
    free(batch);
}

static void cifar_of_the_shared_folder(void **state)
{
    (void)state;
    const char *shared = getenv("LOSSLENS_SHARED");
    if (shared == NULL) {
        print_message("skipped: LOSSLENS_SHARED is not set\n");
        skip();
    }
    char path[1200];
    ll_image_set set;
    ll_error error = {0};
    snprintf(path, sizeof path, "%s/data/cifar10", shared);
    if (ll_cifar_read(path, NULL, &set, &error) != LL_OK) fail_msg("%s", error.message);
    assert_int_equal(set.count, 4000 + 1017 + 500);
    assert_true(set.is_test[5016] == 0 && set.is_test[5017] == 1);
    assert_string_equal(set.class_names[0], "airplane");
    ll_image_set_deinit(&set);
}

static void tables(void **state)
{
    (void)state;
    static const char text[] = "\xEF\xBB\xBF"
                               "x , y,kind\r\n1,2.5,\"b,\"\"q\"\"\"\r\n\r\n-3e2,,a\r\n4,5,a";
    ll_table table;
    ll_error error = {0};
    if (ll_csv_parse(text, sizeof text - 1, "t.csv", NULL, &table, &error) != LL_OK)
        fail_msg("%s", error.message);
    assert_true(table.rows == 3 && table.columns == 3);
    assert_int_equal(ll_table_column(&table, "y"), 1);
    assert_true(table.values[1] == -300 && isnan(table.values[3 + 1]) && table.values[3] == 2.5);
    assert_true(table.category_count[2] == 2 && table.values[6] == 1 && table.values[8] == 0);
    assert_string_equal(table.categories[2][1], "b,\"q\"");
    ll_table_deinit(&table);
    assert_int_equal(ll_csv_parse("1,2\n3\n", 6, "t.csv", NULL, &table, &error), LL_INVALID_FILE);
    assert_string_equal(error.message, "line 2 has 1 cells; the first has 2");
    assert_int_equal(ll_csv_parse("a\n\"b\n", 5, "t.csv", NULL, &table, &error), LL_INVALID_FILE);
    assert_string_equal(error.message, "line 2: a quote that does not close");
    assert_int_equal(ll_csv_parse("a,b\n", 4, "t.csv", NULL, &table, &error), LL_INVALID_FILE);
    assert_int_equal(ll_csv_parse("1;2\n3;4\n", 8, "t.csv", NULL, &table, &error), LL_OK);
    assert_true(table.rows == 2 && table.values[2] == 2 && strcmp(table.names[1], "1") == 0);
    ll_table_deinit(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(images_as_pillow_reads_them),
                                       cmocka_unit_test(cut_jpeg_is_refused), cmocka_unit_test(cifar_binary),
                                       cmocka_unit_test(cifar_of_the_shared_folder),
                                       cmocka_unit_test(tables)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
