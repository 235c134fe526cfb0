/* Fields from files made by tests/generate/field_files.py: the value at (x, y) is 10 y + x + 1/4 on 4 x 3 points
 * at x = 1, 1.5, 2, 2.5 and y = 2, 2.25, 2.5, whatever the format. And files that must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "losslens/formats_fields.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fixture(const char *name, char path[512])
{
    const char *source = getenv("LOSSLENS_SOURCE");
    snprintf(path, 512, "%s/tests/formats/fixtures/%s", source != NULL ? source : ".", name);
}

static ll_status read(const char *name, const char *array, ll_field_data *data, ll_error *error)
{
    char path[512];
    ll_field_read_options options = {.array = array};
    fixture(name, path);
    return ll_field_file_read(path, &options, data, error);
}

static ll_field_data read_good(const char *name, const char *array)
{
    ll_field_data data = {0};
    ll_error error = {0};
    ll_status status = read(name, array, &data, &error);
    if (status != LL_OK) fail_msg("%s: %s", name, error.message);
    return data;
}

/* The known grid, with x last or first. */
static void check_grid(const char *name, const char *array, const char *format, bool x_last, bool axes)
{
    ll_field_data data = read_good(name, array);
    assert_string_equal(data.format, format);
    assert_int_equal(data.rank, 2);
    assert_int_equal(data.count, 12);
    assert_true(data.x_last == x_last);
    int x_axis = x_last ? 1 : 0;
    assert_int_equal(data.shape[x_axis], 4);
    assert_int_equal(data.shape[1 - x_axis], 3);
    for (int64_t x = 0; x < 4; x++) {
        if (axes) assert_true(data.axes[x_axis][x] == 1.0 + 0.5 * (double)x);
        for (int64_t y = 0; y < 3; y++) {
            int64_t at = x_last ? y * 4 + x : x * 3 + y;
            assert_true(ll_field_data_value(&data, at) == 10.0 * (double)y + (double)x + 0.25);
            if (axes) assert_true(data.axes[1 - x_axis][y] == 2.0 + 0.25 * (double)y);
        }
    }
    ll_field_data_deinit(&data);
}

static void reads_image_data(void **state)
{
    static const char *const names[] = {
        "ascii.vti",       "base64.vti",   "base64_64.vti",       "base64_big.vti", "raw.vti",
        "zlib_base64.vti", "zlib_raw.vti", "zlib_appended64.vti", "float32.vti"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) check_grid(names[i], NULL, "vti", true, true);
    ll_field_data data = read_good("float32.vti", "loss");
    assert_true(data.single);
    ll_field_data_deinit(&data);
}

static bool has_edge(const ll_field_data *data, int64_t a, int64_t b)
{
    for (int64_t i = 0; i < data->edge_count; i++) {
        if (data->edges[2 * i] == a && data->edges[2 * i + 1] == b) return true;
        if (data->edges[2 * i] == b && data->edges[2 * i + 1] == a) return true;
    }
    return false;
}

static void reads_meshes(void **state)
{
    static const char *const names[] = {"mesh.vtu", "mesh.vtp"};
    static const double values[] = {3, 1, 2, 5, 4};
    (void)state;
    for (int k = 0; k < 2; k++) {
        ll_field_data data = read_good(names[k], NULL);
        assert_int_equal(data.rank, 0);
        assert_int_equal(data.count, 5);
        assert_int_equal(data.dimension, 3);
        for (int i = 0; i < 5; i++) assert_true(ll_field_data_value(&data, i) == values[i]);
        assert_true(data.points[3 * 4] == 2.0 && data.points[3 * 4 + 1] == 0.5);
        assert_true(has_edge(&data, 0, 1) && has_edge(&data, 3, 0) && has_edge(&data, 1, 4) &&
                    has_edge(&data, 4, 2));
        assert_false(has_edge(&data, 0, 2)); /* no diagonal of the quadrilateral */
        assert_false(has_edge(&data, 0, 4));
        ll_field_data_deinit(&data);
    }
}

static void reads_ply(void **state)
{
    static const char *const names[] = {"ascii.ply", "little.ply", "big.ply"};
    static const double values[] = {3.5, 1.5, 2.5, 4.5};
    (void)state;
    for (int k = 0; k < 3; k++) {
        ll_field_data data = read_good(names[k], NULL);
        assert_int_equal(data.count, 4);
        assert_string_equal(data.name, "loss");
        for (int i = 0; i < 4; i++) assert_true(ll_field_data_value(&data, i) == values[i]);
        assert_int_equal(data.edge_count, 4);
        assert_true(has_edge(&data, 3, 0) && !has_edge(&data, 0, 2));
        ll_field_data_deinit(&data);
    }
}

static void reads_csv(void **state)
{
    (void)state;
    check_grid("points.csv", NULL, "csv", false, true);
    check_grid("matrix.csv", NULL, "csv", true, false);
    ll_field_data other = read_good("points.csv", "test_loss");
    assert_int_equal(other.rank, 2);
    assert_true(ll_field_data_value(&other, 4) == -11.25); /* x = 1.5, y = 2.25 */
    ll_field_data_deinit(&other);
    ll_field_data data = read_good("scattered.csv", NULL);
    assert_int_equal(data.rank, 0);
    assert_int_equal(data.count, 3);
    assert_int_equal(data.dimension, 2);
    assert_true(data.points[2 * 2 + 1] == 2.0);
    ll_field_data_deinit(&data);
}

/* Arrays [y][x] without coordinates. */
static void reads_hdf5_arrays(void **state)
{
    static const char *const names[] = {"chunked.h5", "big_endian.h5", "latest.h5"};
    (void)state;
    for (int k = 0; k < 3; k++) {
        ll_field_data data = read_good(names[k], NULL);
        assert_int_equal(data.rank, 2);
        assert_int_equal(data.shape[0], 3);
        assert_int_equal(data.shape[1], 4);
        for (int64_t i = 0; i < 12; i++)
            assert_true(ll_field_data_value(&data, i) == 10.0 * (double)(i / 4) + (double)(i % 4) + 0.25);
        ll_field_data_deinit(&data);
    }
    /* Li et al.'s layout: declared (x, y), filled with x fastest; -1 where nothing was computed yet. */
    ll_field_data data = read_good("plain.h5", NULL);
    assert_string_equal(data.name, "train_loss");
    assert_true(data.x_last);
    assert_int_equal(data.shape[0], 3);
    assert_int_equal(data.shape[1], 4);
    assert_true(data.axes[1][3] == 2.5 && data.axes[0][2] == 2.5);
    for (int64_t i = 0; i < 12; i++) {
        double value = ll_field_data_value(&data, i);
        if (i == 5) {
            assert_true(isnan(value));
        } else {
            assert_true(value == 10.0 * (double)(i / 4) + (double)(i % 4) + 0.25);
        }
    }
    ll_field_data_deinit(&data);
}

static void refuses(void **state)
{
    static const struct {
        const char *name, *array;
        ll_status status;
        const char *word;
    } cases[] = {{"entity.vti", NULL, LL_UNSUPPORTED, "document type"},
                 {"external_storage.h5", NULL, LL_UNSUPPORTED, "external storage"},
                 {"external_link.h5", NULL, LL_UNSUPPORTED, "link"},
                 {"virtual.h5", NULL, LL_UNSUPPORTED, "virtual"},
                 {"lzf.h5", NULL, LL_UNSUPPORTED, "filter 32000"},
                 {"ascii.vti", "acuracy", LL_NOT_FOUND, "'loss'"},
                 {"ascii.ply", "accuracy", LL_NOT_FOUND, "'loss'"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ll_field_data data = {0};
        ll_error error = {0};
        ll_status status = read(cases[i].name, cases[i].array, &data, &error);
        if (status != cases[i].status || strstr(error.message, cases[i].word) == NULL) {
            fail_msg("%s: %s: %s", cases[i].name, ll_status_name(status), error.message);
        }
        assert_null(data.values);
    }
}

/* Every prefix of every file is refused or read, never more; the place says which file. */
static void survives_truncation(void **state)
{
    static const char *const names[] = {"raw.vti",    "zlib_base64.vti", "mesh.vtu", "big.ply",
                                        "points.csv", "chunked.h5",      "plain.h5"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[512];
        fixture(names[i], path);
        ll_file_bytes file = {0};
        assert_int_equal(ll_file_map(path, &file, NULL), LL_OK);
        for (size_t size = 0; size < file.size; size++) {
            uint8_t *exact = malloc(size > 0 ? size : 1);
            assert_non_null(exact);
            memcpy(exact, file.bytes, size);
            ll_field_data data = {0};
            ll_error error = {0};
            if (ll_field_parse(exact, size, "cut", NULL, &data, &error) != LL_OK) {
                assert_true(error.message[0] != 0);
                assert_null(data.values);
            }
            ll_field_data_deinit(&data);
            free(exact);
        }
        ll_file_unmap(&file);
    }
}

/* What is written is read back, bit for bit. */
static void writes_and_reads(void **state)
{
    (void)state;
    double values[12], x[4] = {1.0, 1.5, 2.0, 2.5}, y[3] = {2.0, 2.25, 2.5};
    for (int i = 0; i < 12; i++) values[i] = 0.1 * i;
    values[7] = NAN;
    ll_field_data data = {
        .values = values, .count = 12, .name = "a<\"b", .rank = 2, .shape = {4, 3}, .axes = {x, y}};
    ll_text out = {0};
    assert_int_equal(ll_vti_encode(&data, &out, NULL), LL_OK);
    ll_field_data back = {0};
    ll_error error = {0};
    if (ll_field_parse(out.text, out.length, "vti", NULL, &back, &error) != LL_OK)
        fail_msg("%s", error.message);
    assert_string_equal(back.name, "a<\"b");
    assert_true(back.x_last);
    assert_int_equal(back.shape[1], 4);
    assert_true(back.axes[1][1] == 1.5 && back.axes[0][2] == 2.5);
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 3; j++) {
            double wanted = values[i * 3 + j], got = ll_field_data_value(&back, j * 4 + i);
            assert_true(wanted == got || (isnan(wanted) && isnan(got)));
        }
    }
    ll_field_data_deinit(&back);
    ll_text_deinit(&out);

    static const double points[] = {0, 0, 0, 1, 0, 0, 1, 1, 0.5, 0, 1, 0.25}, loss[] = {4, 3, 2, 1};
    static const int64_t offsets[] = {0, 2, 6}, cells[] = {0, 2, 0, 1, 2, 3};
    const ll_named_values arrays[] = {{"loss", loss, 1}};
    ll_mesh mesh = {.point_count = 4,
                    .points = points,
                    .cell_count = 2,
                    .offsets = offsets,
                    .cells = cells,
                    .point_array_count = 1,
                    .point_arrays = arrays};
    ll_status (*const encoders[])(const ll_mesh *, ll_text *, ll_error *) = {ll_vtu_encode, ll_vtp_encode,
                                                                             ll_ply_encode};
    for (int k = 0; k < 3; k++) {
        out = (ll_text){0};
        assert_int_equal(encoders[k](&mesh, &out, &error), LL_OK);
        if (ll_field_parse(out.text, out.length, "mesh", NULL, &back, &error) != LL_OK)
            fail_msg("%d: %s", k, error.message);
        assert_int_equal(back.count, 4);
        assert_true(ll_field_data_value(&back, 2) == 2.0);
        assert_true(back.points[3 * 3 + 2] == 0.25);
        assert_true(has_edge(&back, 3, 0));
        assert_true(has_edge(&back, 0, 2) == (k < 2)); /* PLY keeps faces only */
        ll_field_data_deinit(&back);
        ll_text_deinit(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_image_data),    cmocka_unit_test(reads_meshes),
        cmocka_unit_test(reads_ply),           cmocka_unit_test(reads_csv),
        cmocka_unit_test(reads_hdf5_arrays),   cmocka_unit_test(refuses),
        cmocka_unit_test(survives_truncation), cmocka_unit_test(writes_and_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
