/* What is exported is read back by the readers of formats, and compared with the record. */
#include "losslens/export.h"

#include "losslens/formats_fields.h"
#include "losslens/topology_record.h"
#include "support_cmocka.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 3, COLUMNS = 4 };

static double value_at(int64_t i, int64_t j)
{
    return i == 2 && j == 3 ? NAN : 10.0 * (double)i + (double)j + 0.125;
}

static ll_record *landscape(void)
{
    ll_record *record = ll_record_create("landscape");
    double x[ROWS] = {-1.0, 0.0, 1.0}, y[COLUMNS] = {0.0, 0.5, 1.0, 1.5};
    ll_array loss;
    assert_int_equal(ll_record_set_reals(record, "axis_0", "", x, ROWS, NULL), LL_OK);
    assert_int_equal(ll_record_set_reals(record, "axis_1", "", y, COLUMNS, NULL), LL_OK);
    assert_int_equal(ll_array_init(&loss, LL_ARRAY_FLOAT64, 2, (int64_t[]){ROWS, COLUMNS}, NULL), LL_OK);
    for (int64_t i = 0; i < ROWS; i++)
        for (int64_t j = 0; j < COLUMNS; j++) ((double *)loss.data)[i * COLUMNS + j] = value_at(i, j);
    assert_int_equal(ll_record_take_array(record, "loss", "nat", &loss, NULL), LL_OK);
    assert_int_equal(ll_record_set_integer(record, "seed", "", INT64_C(9007199254740993), NULL), LL_OK);
    assert_int_equal(ll_record_set_text(record, "problem", "a, \"b\" </script>", NULL), LL_OK);
    return record;
}

static ll_text encode(const ll_record *record, ll_export_format format, const char *field)
{
    ll_text out = {0};
    ll_error error = {0};
    if (ll_export_encode(record, format, field, &out, &error) != LL_OK)
        fail_msg("%s: %s", error.place, error.message);
    return out;
}

static void test_npz(void **state)
{
    (void)state;
    ll_record *record = landscape();
    ll_text out = encode(record, LL_EXPORT_NPZ, NULL);
    ll_tensor_file *file = NULL;
    assert_int_equal(ll_tensor_file_parse(out.text, out.length, "npz", NULL, &file, NULL), LL_OK);
    assert_int_equal(ll_tensor_file_count(file), 5);
    const ll_tensor *loss = ll_tensor_file_find(file, "loss"), *seed = ll_tensor_file_find(file, "seed");
    assert_non_null(loss);
    assert_int_equal(loss->shape[1], COLUMNS);
    assert_true(ll_tensor_get(loss, 5) == value_at(1, 1) && isnan(ll_tensor_get(loss, 11)));
    assert_int_equal(*(const int64_t *)seed->data, INT64_C(9007199254740993));
    ll_tensor_file_destroy(file);
    ll_text_deinit(&out);
    out = encode(record, LL_EXPORT_NPZ, "loss");
    assert_int_equal(ll_tensor_file_parse(out.text, out.length, "npz", NULL, &file, NULL), LL_OK);
    assert_int_equal(ll_tensor_file_count(file), 1);
    ll_tensor_file_destroy(file);
    ll_text_deinit(&out);
    ll_record_destroy(record);
}

static void test_json_and_csv(void **state)
{
    (void)state;
    ll_record *record = landscape();
    ll_text out = encode(record, LL_EXPORT_JSON, NULL);
    ll_document *document = NULL;
    assert_int_equal(ll_document_parse(out.text, out.length, "json", NULL, &document, NULL), LL_OK);
    const ll_value *fields = ll_value_get(ll_document_root(document), "fields");
    const ll_value *loss = ll_value_get(ll_value_get(fields, "loss"), "value");
    assert_int_equal(loss->count, ROWS);
    assert_true(loss->items[1].items[2].real == value_at(1, 2));
    assert_int_equal(loss->items[2].items[3].type, LL_VALUE_NULL);
    assert_string_equal(ll_value_get(ll_value_get(fields, "problem"), "value")->text, "a, \"b\" </script>");
    assert_int_equal(ll_value_get(ll_value_get(fields, "seed"), "value")->integer, INT64_C(9007199254740993));
    assert_null(strstr(out.text, "</script>"));
    ll_document_destroy(document);
    ll_text_deinit(&out);

    out = encode(record, LL_EXPORT_CSV, NULL);
    ll_table table;
    assert_int_equal(ll_csv_parse(out.text, out.length, "csv", NULL, &table, NULL), LL_OK);
    assert_int_equal(table.columns, 4);
    assert_int_equal(table.rows, ROWS + COLUMNS + ROWS * COLUMNS + 2);
    assert_non_null(strstr(out.text, "\nloss,nat,1;2,12.125\n"));
    assert_non_null(strstr(out.text, "\nloss,nat,2;3,nan\n"));
    assert_non_null(strstr(out.text, "\nseed,,,9007199254740993\n"));
    assert_non_null(strstr(out.text, "\nproblem,,,\"a, \"\"b\"\" </script>\"\n"));
    ll_table_deinit(&table);
    ll_text_deinit(&out);
    ll_record_destroy(record);
}

static void test_fields(void **state)
{
    (void)state;
    ll_record *record = landscape();
    ll_text out = encode(record, LL_EXPORT_VTI, NULL);
    ll_field_data data = {0};
    assert_int_equal(ll_field_parse(out.text, out.length, "vti", NULL, &data, NULL), LL_OK);
    assert_int_equal(data.count, ROWS * COLUMNS);
    double sum = 0.0;
    for (int64_t v = 0; v < data.count; v++)
        sum += isfinite(ll_field_data_value(&data, v)) ? ll_field_data_value(&data, v) : 0.0;
    assert_true(sum == 116.375); /* 4 (0 + 10 + 20) + 3 (0 + 1 + 2 + 3) + 12 / 8, less 23.125 */
    ll_field_data_deinit(&data);
    ll_text_deinit(&out);
    /* 6 cells; the last one loses the triangle at the NaN. The format's header says so. */
    out = encode(record, LL_EXPORT_PLY, "loss");
    assert_non_null(strstr(out.text, "element vertex 12"));
    assert_non_null(strstr(out.text, "element face 11"));
    assert_int_equal(ll_field_parse(out.text, out.length, "ply", NULL, &data, NULL), LL_OK);
    assert_int_equal(data.count, 12);
    /* Of the diagonals (i + 1, j) to (i, j + 1): 4 to 1 is an edge, 0 to 5 is not. */
    bool diagonal = false, other = false;
    for (int64_t e = 0; e < data.edge_count; e++) {
        int64_t a = data.edges[2 * e], b = data.edges[2 * e + 1];
        diagonal = diagonal || (a == 4 && b == 1) || (a == 1 && b == 4);
        other = other || (a == 0 && b == 5) || (a == 5 && b == 0);
    }
    assert_true(diagonal && !other);
    ll_field_data_deinit(&data);
    ll_text_deinit(&out);
    ll_text none = {0};
    ll_error error = {0};
    assert_int_equal(ll_export_encode(record, LL_EXPORT_PLY, "axis_0", &none, &error), LL_UNSUPPORTED);
    assert_int_equal(ll_export_encode(record, LL_EXPORT_VTI, "seed", &none, &error), LL_UNSUPPORTED);
    assert_int_equal(ll_export_encode(record, LL_EXPORT_NPZ, "absent", &none, &error), LL_NOT_FOUND);
    assert_int_equal(ll_export_write(record, LL_EXPORT_JSON, NULL, "no/such/folder/x.json", &error), LL_IO);
    ll_text_deinit(&none);
    ll_record_destroy(record);
}

/* The point of the mesh at (x, y); -1: none. */
static int64_t point_at(const ll_field_data *data, double x, double y)
{
    for (int64_t v = 0; v < data->count; v++)
        if (data->points[3 * v] == x && data->points[3 * v + 1] == y) return v;
    return -1;
}

static ll_field_data read_vtp(const ll_record *record, const char *field, const char *array)
{
    ll_text out = encode(record, LL_EXPORT_VTP, field);
    ll_field_read_options options = {.array = array};
    ll_field_data data = {0};
    ll_error error = {0};
    if (ll_field_parse(out.text, out.length, "vtp", &options, &data, &error) != LL_OK)
        fail_msg("%s: %s", error.place, error.message);
    ll_text_deinit(&out);
    return data;
}

static void set_path(ll_record *record)
{
    /* On a vertex; in the middle of a cell's lower triangle, of its diagonal, of its upper one; outside; then
     * the second path, of two points. */
    static const double path[] = {-1.0,  0.0, -0.75, 0.125, -0.5, 0.25, -0.25,
                                  0.375, 5.0, 0.0,   0.0,   0.75, 0.5,  0.75};
    ll_array array;
    assert_int_equal(ll_array_init(&array, LL_ARRAY_FLOAT64, 2, (int64_t[]){7, 2}, NULL), LL_OK);
    memcpy(array.data, path, sizeof path);
    assert_int_equal(ll_record_take_array(record, "trajectory", "", &array, NULL), LL_OK);
    assert_int_equal(ll_array_init(&array, LL_ARRAY_INT64, 1, (int64_t[]){2}, NULL), LL_OK);
    memcpy(array.data, (int64_t[]){5, 2}, 2 * sizeof(int64_t));
    assert_int_equal(ll_record_take_array(record, "trajectory_lengths", "", &array, NULL), LL_OK);
}

static void test_vtp_surface(void **state)
{
    (void)state;
    ll_record *record = landscape();
    set_path(record);
    /* The loss is 10 i + j + 1/8, linear in the place: with x = i - 1 and y = j / 2 the surface is 10 (x + 1)
     * + 2 y + 1/8. */
    ll_field_data data = read_vtp(record, NULL, "loss");
    assert_int_equal(data.count, ROWS * COLUMNS + 6); /* one of the path's points lies outside the window */
    for (int64_t v = 0; v < data.count; v++) {
        double x = data.points[3 * v], y = data.points[3 * v + 1], value = ll_field_data_value(&data, v);
        if (x == 1.0 && y == 1.5) {
            assert_true(isnan(value));
            continue;
        }
        assert_true(fabs(value - (10.0 * (x + 1.0) + 2.0 * y + 0.125)) < 1e-12);
        assert_true(data.points[3 * v + 2] == value);
    }
    int64_t on = point_at(&data, 0.5, 0.75), within = point_at(&data, -0.75, 0.125);
    assert_true(on >= ROWS * COLUMNS && within >= ROWS * COLUMNS);
    ll_field_data_deinit(&data);
    data = read_vtp(record, "loss", "checkpoint");
    assert_true(ll_field_data_value(&data, 0) == -1.0 && ll_field_data_value(&data, within) == 1.0);
    assert_true(ll_field_data_value(&data, on) == 6.0);
    ll_field_data_deinit(&data);
    /* The cells: 3 + 1 steps of the two paths, none over the gaps; 11 triangles. */
    ll_text out = encode(record, LL_EXPORT_VTP, NULL);
    assert_non_null(strstr(
        out.text, "NumberOfVerts=\"0\" NumberOfLines=\"4\" NumberOfStrips=\"0\" NumberOfPolys=\"11\""));
    ll_text_deinit(&out);
    /* A line. */
    data = read_vtp(record, "axis_1", "axis_1");
    assert_int_equal(data.count, COLUMNS);
    assert_true(data.points[3 * 3 + 1] == 1.5);
    ll_field_data_deinit(&data);
    ll_record_destroy(record);
}

/* f = x^2 (x - 3)^2 / 4 + y^2 over x = 0 .. 3 in steps of 1, y = -1, 0, 1: minima at (0, 0) and (3, 0), both
 * 0; on the ridge f(1) = f(2) = 1, so the merge saddle is one of (1, 0), (2, 0), and the younger minimum's
 * persistence is 1. */
static void test_vtp_topology(void **state)
{
    (void)state;
    enum { X = 4, Y = 3 };
    double values[X * Y], x[X] = {0.0, 1.0, 2.0, 3.0}, y[Y] = {-1.0, 0.0, 1.0};
    for (int i = 0; i < X; i++)
        for (int j = 0; j < Y; j++)
            values[i * Y + j] = x[i] * x[i] * (x[i] - 3.0) * (x[i] - 3.0) / 4.0 + y[j] * y[j];
    ll_grid_field field = {
        .type = LL_ARRAY_FLOAT64, .rank = 2, .shape = {X, Y}, .values = values, .coordinates = {x, y}};
    ll_record *record = NULL;
    assert_int_equal(ll_topology_record_of_grid(&field, NULL, &record, NULL), LL_OK);
    ll_field_data value = read_vtp(record, NULL, "value"), kind = read_vtp(record, NULL, "kind"),
                  persistence = read_vtp(record, NULL, "persistence"), node = read_vtp(record, NULL, "node");
    int64_t nodes = 0, maxima = 0;
    for (int64_t v = 0; v < value.count; v++) {
        double at = value.points[3 * v], b = value.points[3 * v + 1],
               f = at * at * (at - 3.0) * (at - 3.0) / 4.0 + b * b;
        assert_true(ll_field_data_value(&value, v) == f && value.points[3 * v + 2] == f);
        nodes += ll_field_data_value(&node, v) >= 0.0;
        maxima += ll_field_data_value(&kind, v) == LL_CRITICAL_MAXIMUM;
        if (ll_field_data_value(&kind, v) == LL_CRITICAL_MINIMUM) assert_true(f == 0.0);
    }
    assert_int_equal(nodes, 4); /* two minima, a saddle, the root */
    assert_true(maxima >= 1);
    int64_t first = point_at(&value, 0.0, 0.0), second = point_at(&value, 3.0, 0.0);
    assert_true(ll_field_data_value(&kind, first) == LL_CRITICAL_MINIMUM);
    assert_true(ll_field_data_value(&kind, second) == LL_CRITICAL_MINIMUM);
    assert_true(ll_field_data_value(&persistence, first) ==
                2.0); /* the essential one: up to the highest value */
    assert_true(ll_field_data_value(&persistence, second) == 1.0);
    ll_field_data_deinit(&value);
    ll_field_data_deinit(&kind);
    ll_field_data_deinit(&persistence);
    ll_field_data_deinit(&node);
    ll_text out = encode(record, LL_EXPORT_VTP, NULL), none = {0};
    assert_non_null(strstr(out.text, "NumberOfLines=\"3\"")); /* both minima to the saddle, it to the root */
    ll_text_deinit(&out);
    /* The other formats ask for an array, and say which there are. */
    ll_error error = {0};
    assert_int_equal(ll_export_encode(record, LL_EXPORT_VTI, NULL, &none, &error), LL_NOT_FOUND);
    assert_non_null(strstr(error.message, "basins, arcs"));
    ll_record_destroy(record);

    ll_graph_field graph = {.type = LL_ARRAY_FLOAT64,
                            .vertices = 2,
                            .values = (double[]){0.0, 1.0},
                            .offsets = (int64_t[]){0, 1, 2},
                            .neighbours = (int32_t[]){1, 0},
                            .connectivity = LL_CONNECTIVITY_EDGES};
    assert_int_equal(ll_topology_record_of_graph(&graph, NULL, &record, NULL), LL_OK);
    assert_int_equal(ll_export_encode(record, LL_EXPORT_VTP, NULL, &none, &error), LL_UNSUPPORTED);
    assert_non_null(strstr(error.message, "a graph"));
    ll_text_deinit(&none);
    ll_record_destroy(record);
}

/* Columns of a topology that contradict each other are refused, whichever it is. */
static void test_vtp_hostile(void **state)
{
    (void)state;
    double values[] = {0.0, 2.0, 1.0, 3.0};
    ll_grid_field field = {.type = LL_ARRAY_FLOAT64, .rank = 1, .shape = {4}, .values = values};
    static const char *const names[] = {"node_vertex", "node_parent"};
    static const int64_t wrong[] = {4, -7, 1000};
    for (int n = 0; n < 2; n++)
        for (int k = 0; k < 3; k++) {
            ll_record *record = NULL;
            ll_text none = {0};
            assert_int_equal(ll_topology_record_of_grid(&field, NULL, &record, NULL), LL_OK);
            ll_field *column = (ll_field *)(uintptr_t)ll_record_find(record, names[n]);
            ((int64_t *)column->array.data)[0] = wrong[k];
            bool refused = ll_export_encode(record, LL_EXPORT_VTP, NULL, &none, NULL) != LL_OK;
            assert_true(refused || (n == 1 && wrong[k] < 0)); /* a parent below zero: a root */
            ll_text_deinit(&none);
            ll_record_destroy(record);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_npz),          cmocka_unit_test(test_json_and_csv),
        cmocka_unit_test(test_fields),       cmocka_unit_test(test_vtp_surface),
        cmocka_unit_test(test_vtp_topology), cmocka_unit_test(test_vtp_hostile)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
