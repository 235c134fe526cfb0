/* What is exported is read back by the readers of formats, and compared with the record. */
#include "losslens/export.h"

#include "losslens/formats_fields.h"
#include "support_cmocka.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 3, COLUMNS = 4 };

static double value_at(int64_t i, int64_t j) { return i == 2 && j == 3 ? NAN : 10.0 * (double)i + (double)j + 0.125; }

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
    if (ll_export_encode(record, format, field, &out, &error) != LL_OK) fail_msg("%s: %s", error.place, error.message);
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
    for (int64_t v = 0; v < data.count; v++) sum += isfinite(ll_field_data_value(&data, v)) ? ll_field_data_value(&data, v) : 0.0;
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_npz), cmocka_unit_test(test_json_and_csv), cmocka_unit_test(test_fields)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
