#include "losslens/records.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static ll_record *sample_record(void)
{
    ll_record *record = ll_record_create("landscape");
    double losses[] = {0.25, -0.0, INFINITY, 1e-300};
    int32_t counts[6] = {1, -2, 3, -4, 5, -6};
    ll_array array = {.type = LL_ARRAY_INT32, .rank = 2, .shape = {2, 3}, .data = counts};
    assert_int_equal(ll_record_set_integer(record, "samples", "", 500, NULL), LL_OK);
    assert_int_equal(ll_record_set_real(record, "centre_loss", "loss", 0.2388, NULL), LL_OK);
    assert_int_equal(ll_record_set_text(record, "normalisation", "filter", NULL), LL_OK);
    assert_int_equal(ll_record_set_reals(record, "loss", "loss", losses, 4, NULL), LL_OK);
    assert_int_equal(ll_record_set_array(record, "counts", "", &array, NULL), LL_OK);
    return record;
}

static void fields_are_found_and_typed(void **state)
{
    (void)state;
    ll_record *record = sample_record();
    ll_error error = {0};
    int64_t integer = -1;
    double real;
    const char *text;
    const ll_array *array;
    assert_int_equal(ll_record_get_integer(record, "samples", &integer, NULL), LL_OK);
    assert_int_equal(integer, 500);
    assert_int_equal(ll_record_get_real(record, "samples", &real, NULL), LL_OK);
    assert_true(real == 500.0);
    assert_int_equal(ll_record_get_text(record, "normalisation", &text, NULL), LL_OK);
    assert_string_equal(text, "filter");
    assert_int_equal(ll_record_get_array(record, "counts", &array, NULL), LL_OK);
    assert_true(ll_array_get(array, 3) == -4.0);
    assert_int_equal(ll_record_get_integer(record, "loss", &integer, &error), LL_INVALID_ARGUMENT);
    assert_string_equal(error.message, "field \"loss\" is an array; wanted an integer");
    assert_int_equal(ll_record_get_real(record, "los", &real, &error), LL_NOT_FOUND);
    assert_int_equal(integer, 500);
    /* Replacing keeps the place and the number of fields. */
    assert_int_equal(ll_record_set_text(record, "samples", "all", NULL), LL_OK);
    assert_int_equal(ll_record_field_count(record), 5);
    assert_string_equal(ll_record_field_at(record, 0)->text, "all");
    ll_record_destroy(record);
}

static void bytes_round_trip(void **state)
{
    (void)state;
    ll_record *record = sample_record(), *read, *copy;
    void *bytes, *again;
    size_t count, again_count;
    assert_int_equal(ll_record_to_bytes(record, &bytes, &count, NULL), LL_OK);
    assert_int_equal(ll_record_from_bytes(bytes, count, &read, NULL), LL_OK);
    assert_int_equal(ll_record_copy(read, &copy, NULL), LL_OK);
    assert_int_equal(ll_record_to_bytes(copy, &again, &again_count, NULL), LL_OK);
    assert_int_equal(count, again_count);
    assert_memory_equal(bytes, again, count);
    const ll_array *loss;
    assert_int_equal(ll_record_get_array(read, "loss", &loss, NULL), LL_OK);
    assert_true(signbit(ll_array_get(loss, 1)) && isinf(ll_array_get(loss, 2)));
    ll_record_destroy(record);
    ll_record_destroy(read);
    ll_record_destroy(copy);
    ll_free(bytes);
    ll_free(again);
}

static void damaged_bytes_are_refused(void **state)
{
    (void)state;
    ll_record *record = sample_record(), *read = NULL;
    void *bytes;
    size_t count;
    assert_int_equal(ll_record_to_bytes(record, &bytes, &count, NULL), LL_OK);
    for (size_t cut = 0; cut < count; cut++) {
        ll_error error = {0};
        assert_int_equal(ll_record_from_bytes(bytes, cut, &read, &error), LL_INVALID_FILE);
        assert_non_null(strstr(error.place, "byte "));
        assert_null(read);
    }
    /* Any single changed byte is refused or read as another record; never a crash, never a leak. */
    unsigned char *damaged = bytes;
    for (size_t i = 0; i < count; i++) {
        damaged[i] ^= 0xff;
        if (ll_record_from_bytes(damaged, count, &read, NULL) == LL_OK) ll_record_destroy(read);
        damaged[i] ^= 0xff;
    }
    ll_record_destroy(record);
    ll_free(bytes);
}

static void memory_sink(void **state)
{
    (void)state;
    ll_memory_sink *memory;
    assert_int_equal(ll_memory_sink_create(&memory, NULL), LL_OK);
    const ll_sink *sink = ll_memory_sink_view(memory);
    void *bytes = NULL;
    size_t count = 0;
    assert_false(ll_sink_find(sink, "tile/0", &bytes, &count));
    ll_memory_sink_stop_after(memory, 2);
    assert_int_equal(ll_sink_put(sink, "tile/0", "abc", 3, NULL), LL_OK);
    assert_false(ll_sink_should_stop(sink));
    assert_int_equal(ll_sink_put(sink, "tile/1", "", 0, NULL), LL_OK);
    assert_true(ll_sink_should_stop(sink));
    assert_true(ll_sink_find(sink, "tile/0", &bytes, &count));
    assert_int_equal(count, 3);
    assert_memory_equal(bytes, "abc", 3);
    ll_free(bytes);
    assert_int_equal(ll_memory_sink_count(memory), 2);
    assert_int_equal(ll_sink_put(NULL, "x", "", 0, NULL), LL_OK);
    assert_false(ll_sink_should_stop(NULL));
    ll_memory_sink_destroy(memory);
}

static void array_limits(void **state)
{
    (void)state;
    ll_array array = {0};
    ll_error error = {0};
    assert_int_equal(ll_array_init(&array, LL_ARRAY_FLOAT64, 2, (int64_t[]){INT64_MAX, 2}, &error),
                     LL_TOO_LARGE);
    assert_int_equal(ll_array_init(&array, LL_ARRAY_FLOAT64, 9, (int64_t[9]){0}, &error),
                     LL_INVALID_ARGUMENT);
    assert_null(array.data);
    ll_array_type type;
    assert_true(ll_array_type_parse("int64", &type));
    assert_int_equal(type, LL_ARRAY_INT64);
    assert_false(ll_array_type_parse("int65", &type));
}

static void test_prefixed_sink(void **state)
{
    (void)state;
    ll_memory_sink *memory = NULL;
    assert_int_equal(ll_memory_sink_create(&memory, NULL), LL_OK);
    ll_prefixed_sink prefixed = {.outer = ll_memory_sink_view(memory), .prefix = "plane/3/"};
    const ll_sink sink = ll_prefixed_sink_view(&prefixed);
    assert_int_equal(ll_sink_put(&sink, "tile/1", "abc", 3, NULL), LL_OK);
    void *bytes = NULL;
    size_t count = 0;
    assert_false(ll_sink_find(prefixed.outer, "tile/1", &bytes, &count));
    assert_true(ll_sink_find(prefixed.outer, "plane/3/tile/1", &bytes, &count));
    assert_int_equal(count, 3);
    ll_free(bytes);
    assert_true(ll_sink_find(&sink, "tile/1", &bytes, &count));
    ll_free(bytes);
    char longer[200];
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = 0;
    assert_int_equal(ll_sink_put(&sink, longer, "abc", 3, NULL), LL_TOO_LARGE);
    assert_int_equal(ll_memory_sink_count(memory), 1);
    ll_memory_sink_stop_after(memory, 0);
    assert_true(ll_sink_should_stop(&sink));
    ll_memory_sink_destroy(memory);
    /* Nothing outside: nothing to ask. */
    prefixed.outer = NULL;
    const ll_sink nowhere = ll_prefixed_sink_view(&prefixed);
    assert_true(nowhere.find == NULL && nowhere.put == NULL);
    assert_false(ll_sink_should_stop(&nowhere));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_found_and_typed),
        cmocka_unit_test(bytes_round_trip),
        cmocka_unit_test(damaged_bytes_are_refused),
        cmocka_unit_test(memory_sink),
        cmocka_unit_test(array_limits),
        cmocka_unit_test(test_prefixed_sink),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
