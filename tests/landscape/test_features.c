/* Features of a landscape: minima counted by hand on a line, with two halves of the data that agree on one
 * valley and not on the other, and at every second point. */
#include "../support_analysis.h"

#include "losslens/landscape.h"

#include <math.h>

enum { COUNT = 9 };

static void put(ll_record *record, const char *name, const double *values)
{
    const ll_array array = {
        .type = LL_ARRAY_FLOAT64, .rank = 1, .shape = {COUNT}, .data = (void *)(uintptr_t)values};
    CHECK_OK(ll_record_set_array(record, name, "loss", &array, error));
}

static void test_halves_and_every_second(void **state)
{
    (void)state;
    /* Minima at 1 (value 0, essential), 4 (persistence 0.1, up to 3) and 7 (persistence 3, up to 6). */
    static const double loss[COUNT] = {5, 0, 2, 4, 3.9, 5, 6, 3, 7};
    /* The halves differ by 0.4 at 4 and at its saddle 3, by 0.2 at 7 and 6: the valley at 4 is noise. */
    static const double half_a[COUNT] = {5, 0, 2, 4.2, 4.1, 5, 6.1, 3.1, 7};
    static const double half_b[COUNT] = {5, 0, 2, 3.8, 3.7, 5, 5.9, 2.9, 7};
    ll_record *landscape = ll_record_create("landscape"), *features = NULL;
    put(landscape, "loss", loss);
    CHECK_OK(ll_landscape_features(landscape, NULL, &features, error));
    assert_int_equal(integer_of(features, "minima"), 3);
    assert_int_equal(integer_of(features, "merges"), 2);
    assert_null(ll_record_find(features, "minima_resolved"));
    /* Every second point: 5 2 3.9 6 7 has its only minimum at the second place. */
    assert_int_equal(integer_of(features, "minima_every_second"), 1);
    ll_record_destroy(features);
    put(landscape, "half_a_loss", half_a);
    put(landscape, "half_b_loss", half_b);
    CHECK_OK(ll_landscape_features(landscape, "axis", &features, error));
    assert_int_equal(integer_of(features, "minima"), 3);
    assert_int_equal(integer_of(features, "minima_resolved"), 2);
    assert_int_equal(integer_of(features, "unresolved"), 1);
    double most = NAN, mean_square = (2 * 0.4 * 0.4 + 2 * 0.2 * 0.2) / COUNT, difference = NAN;
    CHECK_OK(ll_record_get_real(features, "halves_difference_max", &most, error));
    CHECK_OK(ll_record_get_real(features, "halves_difference", &difference, error));
    CHECK_NEAR(most, 0.4, 1e-12);
    CHECK_NEAR(difference, sqrt(mean_square), 1e-12);
    ll_record_destroy(features);
    assert_int_equal(ll_landscape_features(landscape, "hexagonal", &features, NULL), LL_INVALID_ARGUMENT);
    ll_record_destroy(landscape);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_halves_and_every_second)};
    return cmocka_run_group_tests_name("features", tests, NULL, NULL);
}
