#define _POSIX_C_SOURCE 200809L
#include "losslens/base.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Known answers published with the generator (Random123, kat_vectors, philox4x32 10 rounds). */
static void philox_known_answers(void **state)
{
    (void)state;
    ll_rng zero = {{0, 0}, {0, 0}};
    assert_true(ll_rng_bits(zero, 0) == 0xe169c58d6627e8d5ULL);
    ll_rng ones = {{0xffffffffU, 0xffffffffU}, {0xffffffffU, 0xffffffffU}};
    assert_true(ll_rng_bits(ones, 0xffffffffffffffffULL) == 0x41c83b0e408f276dULL);
    ll_rng pi = {{0xa4093822U, 0x299f31d0U}, {0x13198a2eU, 0x03707344U}};
    assert_true(ll_rng_bits(pi, 0x85a308d3243f6a88ULL) == 0x94fdccebd16cfe09ULL);
}

static void normal_moments(void **state)
{
    (void)state;
    enum { COUNT = 200000 };
    static double values[COUNT];
    ll_rng_fill_normal(ll_rng_make(7, "direction", "conv1.weight"), 0, COUNT, values);
    double sums[5] = {0};
    for (int i = 0; i < COUNT; i++) {
        double power = 1.0;
        for (int p = 0; p < 5; p++, power *= values[i]) sums[p] += power;
    }
    double bound = 5.0 / sqrt(COUNT); /* five standard deviations of each sample moment, times its scale */
    assert_true(fabs(sums[1] / COUNT) < bound);
    assert_true(fabs(sums[2] / COUNT - 1.0) < bound * sqrt(2.0));
    assert_true(fabs(sums[3] / COUNT) < bound * sqrt(15.0));
    assert_true(fabs(sums[4] / COUNT - 3.0) < bound * sqrt(96.0));
}

static void streams_differ_and_repeat(void **state)
{
    (void)state;
    ll_rng a = ll_rng_make(1, "ab", "c"), b = ll_rng_make(1, "a", "bc"), c = ll_rng_make(2, "ab", "c");
    assert_true(ll_rng_bits(a, 5) != ll_rng_bits(b, 5));
    assert_true(ll_rng_bits(a, 5) != ll_rng_bits(c, 5));
    assert_true(ll_rng_bits(a, 5) == ll_rng_bits(ll_rng_make(1, "ab", "c"), 5));
    double together[6], apart[3];
    ll_rng_fill_uniform(a, 10, 6, together);
    ll_rng_fill_uniform(a, 13, 3, apart);
    assert_memory_equal(together + 3, apart, sizeof apart);
}

static void permutation_is_one(void **state)
{
    (void)state;
    int64_t permutation[100];
    bool seen[100] = {false};
    int moved = 0;
    ll_rng_permutation(ll_rng_make(3, "shuffle", ""), 100, permutation);
    for (int i = 0; i < 100; i++) {
        assert_in_range(permutation[i], 0, 99);
        assert_false(seen[permutation[i]]);
        seen[permutation[i]] = true;
        moved += permutation[i] != i;
    }
    assert_true(moved > 80);
}

static void errors_are_cut_at_a_character(void **state)
{
    (void)state;
    ll_error error = {0};
    char long_text[2000];
    for (size_t i = 0; i + 2 < sizeof long_text; i += 2) memcpy(long_text + i, "\xc3\xa9", 3);
    assert_int_equal(ll_fail(&error, LL_IO, "base", long_text, "x%s", long_text), LL_IO);
    assert_string_equal(error.message + strlen(error.message) - 3, "...");
    /* Before the dots stands a whole two-byte character. */
    size_t end = strlen(error.message) - 3;
    assert_int_equal((unsigned char)error.message[end - 1], 0xa9);
    assert_true(strlen(error.place) < sizeof error.place);
    assert_int_equal(ll_fail(NULL, LL_BUSY, "base", NULL, "nobody listens"), LL_BUSY);
    ll_fail(&error, LL_IO, "base", NULL, "inner");
    ll_error_prefix(&error, "file %s", "a.npy");
    assert_string_equal(error.message, "file a.npy: inner");
}

static void numbers_read_back(void **state)
{
    (void)state;
    char buffer[LL_NUMBER_TEXT];
    const struct {
        double value;
        const char *text;
    } cases[] = {{0.1, "0.1"},
                 {1.0 / 3.0, "0.3333333333333333"},
                 {1e-5, "1e-05"},
                 {-0.0, "-0"},
                 {123456789.0, "123456789"},
                 {INFINITY, "inf"},
                 {-INFINITY, "-inf"},
                 {NAN, "nan"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ll_number_text(cases[i].value, buffer);
        assert_string_equal(buffer, cases[i].text);
    }
    for (uint64_t i = 0; i < 2000; i++) {
        uint64_t bits = ll_rng_bits(ll_rng_make(1, "numbers", ""), i);
        double value;
        memcpy(&value, &bits, 8);
        if (!isfinite(value)) continue;
        ll_number_text(value, buffer);
        assert_true(strtod(buffer, NULL) == value);
    }
}

/* A number of digits, against printf: random bits, usual sizes, ties (dyadic fractions), powers of ten and their
 * neighbours, where a digit more or less is near. */
static void numbers_have_so_many_digits(void **state)
{
    (void)state;
    ll_rng rng = ll_rng_make(6, "numbers", "");
    for (uint64_t i = 0; i < 60000; i++) {
        char got[LL_NUMBER_TEXT], wanted[LL_NUMBER_TEXT];
        uint64_t bits = ll_rng_bits(rng, 3 * i), more = ll_rng_bits(rng, 3 * i + 1);
        int digits = 1 + (int)(ll_rng_bits(rng, 3 * i + 2) % 17);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (i % 5 == 1) value = ll_rng_normal(rng, i) * pow(10.0, (double)(more % 44) - 22.0);
        if (i % 5 == 2)
            value = (double)(int64_t)(bits % 20000001 - 10000000) / (double)(UINT64_C(1) << more % 24);
        if (i % 5 == 3)
            value = nextafter(pow(10.0, (double)(more % 60) - 30.0), bits % 3 == 0   ? 0.0
                                                                     : bits % 3 == 1 ? 1e300
                                                                                     : value);
        if (i % 5 == 4)
            value = (bits % 2 == 0 ? -1.0 : 1.0) * (10.0 - pow(10.0, -(double)(more % 19))) *
                    pow(10.0, (double)(more / 19 % 9));
        if (!isfinite(value)) continue;
        snprintf(wanted, sizeof wanted, "%.*g", digits, value);
        assert_int_equal(ll_number_digits(value, digits, got), (int)strlen(wanted));
        assert_string_equal(got, wanted);
    }
    const double special[] = {0.0, -0.0, NAN, INFINITY, -INFINITY, DBL_MIN, DBL_MAX, 4.9e-324};
    const char *const texts[] = {"0",    "-0",           "nan",          "inf",
                                 "-inf", "2.22507e-308", "1.79769e+308", "4.94066e-324"};
    for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
        char got[LL_NUMBER_TEXT];
        ll_number_digits(special[i], 6, got);
        assert_string_equal(got, texts[i]);
    }
}

/* The fewest digits that read back, found one by one. */
static void numbers_are_shortest(void **state)
{
    (void)state;
    ll_rng rng = ll_rng_make(5, "numbers", "");
    for (uint64_t i = 0; i < 40000; i++) {
        char got[LL_NUMBER_TEXT], wanted[LL_NUMBER_TEXT];
        uint64_t bits = ll_rng_bits(rng, 2 * i);
        double value, factor = (double)(ll_rng_bits(rng, 2 * i + 1) % 100000);
        memcpy(&value, &bits, sizeof value);
        if (i % 4 == 1) value = factor / 1000.0;
        if (i % 4 == 2) value = -factor * 1e-7;
        if (i % 4 == 3) value = ldexp(factor, -1074); /* subnormal */
        if (!isfinite(value)) continue;
        for (int digits = 1; digits <= 17; digits++) {
            snprintf(wanted, sizeof wanted, "%.*g", digits, value);
            if (strtod(wanted, NULL) == value) break;
        }
        assert_int_equal(ll_number_text(value, got), (int)strlen(wanted));
        assert_string_equal(got, wanted);
    }
}

static void nearest_word(void **state)
{
    (void)state;
    const char *const names[] = {"connectivity", "simplify", "superlevel", "json"};
    assert_string_equal(ll_nearest_word("conectivity", names, 4), "connectivity");
    assert_string_equal(ll_nearest_word("Simplfy", names, 4), "simplify");
    assert_null(ll_nearest_word("threads", names, 4));
    assert_null(ll_nearest_word("", names, 4));
}

static void natural_order(void **state)
{
    (void)state;
    assert_true(ll_natural_compare("epoch_9.pt", "epoch_10.pt") < 0);
    assert_true(ll_natural_compare("epoch_010.pt", "epoch_9.pt") > 0);
    assert_true(ll_natural_compare("a", "b") < 0);
    assert_true(ll_natural_compare("a1b", "a1") > 0);
    assert_true(ll_natural_compare("x07", "x7") > 0);
    assert_int_equal(ll_natural_compare("same12", "same12"), 0);
}

static void checked_sizes(void **state)
{
    (void)state;
    int64_t count;
    size_t bytes;
    assert_true(ll_shape_count((int64_t[]){3, 4, 5}, 3, &count));
    assert_int_equal(count, 60);
    assert_true(ll_shape_count(NULL, 0, &count));
    assert_int_equal(count, 1);
    assert_false(ll_shape_count((int64_t[]){INT64_MAX, 2}, 2, &count));
    assert_false(ll_shape_count((int64_t[]){-1}, 1, &count));
    assert_false(ll_multiply_size(SIZE_MAX / 2, 3, &bytes));
    assert_null(ll_allocate_array(INT64_MAX, 8));
    assert_null(ll_allocate(SIZE_MAX));
}

static void arenas(void **state)
{
    (void)state;
    ll_arena *arena = ll_arena_create(0);
    size_t total = 0;
    for (size_t i = 0; i < 300; i++) {
        size_t bytes = i * 37;
        unsigned char *block = ll_arena_allocate(arena, bytes);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % LL_ALIGNMENT, 0);
        memset(block, (int)i, bytes);
        total += bytes;
    }
    assert_int_equal(ll_arena_bytes(arena), total);
    ll_arena_reset(arena);
    assert_int_equal(ll_arena_bytes(arena), 0);
    assert_string_equal(ll_arena_text(arena, "kept"), "kept");
    ll_arena_destroy(arena);
    ll_arena_destroy(NULL);
}

static void hashing(void **state)
{
    (void)state;
    char text[33];
    /* xxhsum -H2 of the empty input. */
    ll_hash_text(ll_hash_bytes("", 0), text);
    assert_string_equal(text, "99aa06d3014798d86001c324468d497f");
    ll_hasher *hasher = ll_hasher_create();
    ll_hasher_add(hasher, "losslens ", 9);
    ll_hasher_add(hasher, "landscape", 9);
    assert_true(ll_hash_equal(ll_hasher_value(hasher), ll_hash_bytes("losslens landscape", 18)));
    assert_false(ll_hash_equal(ll_hasher_value(hasher), ll_hash_bytes("losslens", 8)));
    ll_hasher_destroy(hasher);
}

static void cpu_level_can_be_lowered(void **state)
{
    (void)state;
    unsetenv("LOSSLENS_CPU");
    ll_cpu_level best = ll_cpu_detect();
    setenv("LOSSLENS_CPU", "portable", 1);
    assert_int_equal(ll_cpu_detect(), LL_CPU_PORTABLE);
    setenv("LOSSLENS_CPU", "avx512", 1);
    assert_int_equal(ll_cpu_detect(), best);
    unsetenv("LOSSLENS_CPU");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_known_answers),
        cmocka_unit_test(normal_moments),
        cmocka_unit_test(streams_differ_and_repeat),
        cmocka_unit_test(permutation_is_one),
        cmocka_unit_test(errors_are_cut_at_a_character),
        cmocka_unit_test(numbers_read_back),
        cmocka_unit_test(numbers_are_shortest),
        cmocka_unit_test(numbers_have_so_many_digits),
        cmocka_unit_test(nearest_word),
        cmocka_unit_test(natural_order),
        cmocka_unit_test(checked_sizes),
        cmocka_unit_test(arenas),
        cmocka_unit_test(hashing),
        cmocka_unit_test(cpu_level_can_be_lowered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
