/* What is written is read back; conversions of every 16-bit float against the definition. */
#include "support_files.h"

#include <math.h>

static void round_trip(void **state)
{
    (void)state;
    for (int type = 0; type < LL_TENSOR_TYPES; type++) {
        size_t element = ll_tensor_type_bytes((ll_tensor_type)type);
        uint8_t bytes[6 * 8];
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = type == LL_TENSOR_BOOL ? i % 2 : (uint8_t)(i * 37 + 1);
        ll_tensor tensors[3] = {
            {.name = "a", .type = (ll_tensor_type)type, .rank = 2, .shape = {2, 3}, .data = bytes},
            {.name = "b.scalar", .type = (ll_tensor_type)type, .rank = 0, .data = bytes},
            {.name = "empty \"quoted\"",
             .type = (ll_tensor_type)type,
             .rank = 3,
             .shape = {4, 0, 2},
             .data = bytes}};
        const char *const metadata[1][2] = {{"format", "pt \\ \n"}};
        for (int format = 0; format < 4; format++) {
            ll_text out = {0};
            ll_error error = {0};
            ll_status status = format == 0   ? ll_npy_encode(&tensors[0], &out, &error)
                               : format == 3 ? ll_safetensors_encode(tensors, 3, metadata, 1, &out, &error)
                                             : ll_npz_encode(tensors, 3, format == 2, &out, &error);
            if (type == LL_TENSOR_BFLOAT16 && format != 3) {
                assert_int_equal(status, LL_UNSUPPORTED);
                ll_text_deinit(&out);
                continue;
            }
            assert_int_equal(status, LL_OK);
            ll_tensor_file *file;
            status = ll_tensor_file_parse(out.text, out.length, "memory", NULL, &file, &error);
            if (status != LL_OK) fail_msg("%s", error.message);
            assert_int_equal(ll_tensor_file_count(file), format == 0 ? 1 : 3);
            const ll_tensor *a = ll_tensor_file_tensor(file, 0);
            assert_int_equal(a->type, type);
            assert_memory_equal(a->data, bytes, 6 * element);
            if (format != 0) {
                const ll_tensor *empty = ll_tensor_file_find(file, "empty \"quoted\"");
                assert_true(empty != NULL && empty->rank == 3 && empty->shape[1] == 0);
                assert_int_equal(ll_tensor_file_find(file, "b.scalar")->rank, 0);
            }
            if (format == 3)
                assert_string_equal(ll_tensor_file_find_scalar(file, "format")->text, "pt \\ \n");
            ll_tensor_file_destroy(file);
            ll_text_deinit(&out);
        }
    }
}

static void half_precision(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 65536; bits++) {
        int sign = bits >> 15 ? -1 : 1, exponent = bits >> 10 & 31, fraction = bits & 1023;
        double wanted = exponent == 31  ? (fraction ? (double)NAN : sign * (double)INFINITY)
                        : exponent == 0 ? sign * ldexp(fraction, -24)
                                        : sign * ldexp(1024 + fraction, exponent - 25);
        float got = ll_float_from_half((uint16_t)bits);
        assert_true(isnan(wanted) ? isnan(got) : got == wanted && (signbit(got) != 0) == (sign < 0));
        if (!isnan(wanted)) assert_int_equal(ll_float_to_half(got), bits);
        float brain = ll_float_from_bfloat16((uint16_t)bits);
        if (!isnan(brain)) assert_int_equal(ll_float_to_bfloat16(brain), bits);
        /* the middle between this half and the next rounds to the even one */
        if (bits < 0x7BFF) {
            float middle = (float)((wanted + (double)ll_float_from_half((uint16_t)(bits + 1))) / 2);
            assert_int_equal(ll_float_to_half(middle), bits + (bits & 1));
            assert_int_equal(ll_float_to_half(nextafterf(middle, INFINITY)), bits + 1);
            assert_int_equal(ll_float_to_half(nextafterf(middle, 0)), bits);
        }
    }
    assert_int_equal(ll_float_to_half(65520.0F), 0x7C00);
    assert_int_equal(ll_float_to_half(65519.996F), 0x7BFF);
    assert_true(isnan(ll_float_from_half(ll_float_to_half(NAN))));
    assert_true(isnan(ll_float_from_bfloat16(ll_float_to_bfloat16(NAN))));
    assert_int_equal(ll_float_to_bfloat16(1.00390625F), 0x3F80); /* 1 + 2^-8: a tie, to even */
}

static void to_int64(void **state)
{
    (void)state;
    double good[3] = {-3, 0, 1e15}, bad[3] = {1, 0.5, 2};
    int64_t values[3] = {7, 7, 7};
    ll_error error = {0};
    ll_tensor tensor = {.name = "t", .type = LL_TENSOR_FLOAT64, .rank = 1, .shape = {3}, .data = bad};
    assert_int_equal(ll_tensor_to_int64(&tensor, values, &error), LL_INVALID_ARGUMENT);
    assert_non_null(strstr(error.message, "element 1 is 0.5"));
    assert_int_equal(values[0], 7);
    tensor.data = good;
    assert_int_equal(ll_tensor_to_int64(&tensor, values, &error), LL_OK);
    assert_int_equal(values[2], 1000000000000000);
    uint64_t large[3] = {1, UINT64_MAX, 2};
    tensor.type = LL_TENSOR_UINT64;
    tensor.data = large;
    assert_int_equal(ll_tensor_to_int64(&tensor, values, &error), LL_INVALID_ARGUMENT);
}

static void files_are_whole_or_absent(void **state)
{
    (void)state;
    float values[4] = {1, 2, 3, 4};
    ll_tensor tensor = {.name = "x", .type = LL_TENSOR_FLOAT32, .rank = 1, .shape = {4}, .data = values};
    ll_error error = {0};
    assert_int_equal(ll_npy_write("no/such/folder/x.npy", &tensor, &error), LL_IO);
    assert_non_null(strstr(error.message, "No such file"));
    assert_int_equal(ll_npy_write("formats_test_write.npy", &tensor, &error), LL_OK);
    ll_tensor_file *file;
    assert_int_equal(ll_tensor_file_read("formats_test_write.npy", NULL, &file, &error), LL_OK);
    assert_true(ll_tensor_get(ll_tensor_file_tensor(file, 0), 3) == 4);
    ll_tensor_file_destroy(file);
    remove("formats_test_write.npy");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(round_trip), cmocka_unit_test(half_precision),
                                       cmocka_unit_test(to_int64),
                                       cmocka_unit_test(files_are_whole_or_absent)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
