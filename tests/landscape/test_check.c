/* "Is my plot right?": every check passes a good record and speaks up about the one thing that is wrong. */
#include "support_cmocka.h"

#include "losslens/landscape.h"

#include <math.h>
#include <string.h>

/* A record as a landscape writes it: 11 x 11 points of a bowl around the centre. */
static ll_record *good(void)
{
    ll_record *r = ll_record_create("landscape");
    double loss[121], half_a[121], half_b[121];
    for (int i = 0; i < 121; i++) {
        double x = (i / 11 - 5) / 5.0, y = (i % 11 - 5) / 5.0;
        loss[i] = 0.3 + x * x + y * y;
        half_a[i] = loss[i] + 0.01 * (i % 2);
        half_b[i] = loss[i] - 0.01 * (i % 2);
    }
    const double cosines[4] = {1.0, 0.01, 0.01, 1.0};
    const ll_array square = {
        .type = LL_ARRAY_FLOAT64, .rank = 2, .shape = {2, 2}, .data = (void *)(uintptr_t)cosines};
    CHECK_OK(ll_record_set_integer(r, "dimensions", "", 2, error));
    CHECK_OK(ll_record_set_array(r, "direction_cosines", "", &square, error));
    CHECK_OK(ll_record_set_text(r, "axis_0_kind", "pca", error));
    CHECK_OK(ll_record_set_text(r, "axis_1_kind", "pca", error));
    CHECK_OK(ll_record_set_reals(r, "explained_variance", "", (const double[]){0.6, 0.2}, 2, error));
    CHECK_OK(ll_record_set_integer(r, "sets", "", 1, error));
    CHECK_OK(ll_record_set_integer(r, "set_0_samples", "", 500, error));
    CHECK_OK(ll_record_set_text(r, "batch_norm", "re-estimate", error));
    CHECK_OK(ll_record_set_integer(r, "buffers", "", 64, error));
    CHECK_OK(ll_record_set_real(r, "centre_loss", "loss", 0.27, error));
    CHECK_OK(ll_record_set_real(r, "centre_reestimated_loss", "loss", 0.3, error));
    CHECK_OK(ll_record_set_reals(r, "loss", "loss", loss, 121, error));
    CHECK_OK(ll_record_set_reals(r, "half_a_loss", "loss", half_a, 121, error));
    CHECK_OK(ll_record_set_reals(r, "half_b_loss", "loss", half_b, 121, error));
    return r;
}

/* Judges and ends the record; all checks but `check` must pass. */
static void expect(ll_record *record, ll_finding_check check, ll_verdict verdict, double number)
{
    ll_finding findings[LL_FINDINGS];
    CHECK_OK(ll_landscape_check(record, findings, error));
    for (int c = 0; c < LL_FINDINGS; c++) {
        ll_verdict wanted = c == (int)check ? verdict : LL_VERDICT_PASS;
        if (findings[c].verdict != wanted)
            fail_msg("%s: %s (%s), wanted %s", ll_finding_name((ll_finding_check)c),
                     ll_verdict_name(findings[c].verdict), findings[c].sentence, ll_verdict_name(wanted));
        assert_true(findings[c].sentence[0] != 0);
        assert_int_equal(findings[c].next[0] != 0, wanted != LL_VERDICT_PASS);
    }
    if (!isnan(number)) CHECK_NEAR(findings[check].number, number, 1e-9);
    ll_record_destroy(record);
}

static void replace_loss(ll_record *r, double scale, double shift, int special, double value)
{
    const ll_array *old;
    double loss[121];
    CHECK_OK(ll_record_get_array(r, "loss", &old, error));
    for (int i = 0; i < 121; i++) loss[i] = i == special ? value : shift + scale * ll_array_get(old, i);
    CHECK_OK(ll_record_set_reals(r, "loss", "loss", loss, 121, error));
}

static void a_good_plot_passes(void **state)
{
    (void)state;
    expect(good(), LL_FINDING_COLLINEAR_AXES, LL_VERDICT_PASS, 0.01);
}

static void each_fault_is_named(void **state)
{
    (void)state;
    const double line[4] = {1.0, -0.995, -0.995, 1.0};
    const ll_array square = {
        .type = LL_ARRAY_FLOAT64, .rank = 2, .shape = {2, 2}, .data = (void *)(uintptr_t)line};
    ll_record *r = good();
    CHECK_OK(ll_record_set_array(r, "direction_cosines", "", &square, error));
    expect(r, LL_FINDING_COLLINEAR_AXES, LL_VERDICT_FAIL, 0.995);
    r = good();
    replace_loss(r, 1.0, 0.0, 7, 0.1);
    expect(r, LL_FINDING_CENTRE_NOT_LOWEST, LL_VERDICT_FAIL, 0.2);
    r = good();
    replace_loss(r, 1.0, 0.0, 0, 5000.0);
    expect(r, LL_FINDING_RANGE_TOO_WIDE, LL_VERDICT_DOUBT, 5000.0 / 0.3);
    r = good();
    CHECK_OK(ll_record_set_text(r, "batch_norm", "keep", error));
    expect(r, LL_FINDING_BATCH_NORM, LL_VERDICT_DOUBT, NAN);
    r = good();
    CHECK_OK(ll_record_set_reals(r, "explained_variance", "", (const double[]){0.05, 0.02}, 2, error));
    expect(r, LL_FINDING_EXPLAINED_VARIANCE, LL_VERDICT_FAIL, 0.07);
    r = good();
    CHECK_OK(ll_record_set_text(r, "axis_1_kind", "random", error));
    expect(r, LL_FINDING_ONE_RANDOM_PLANE, LL_VERDICT_DOUBT, 1.0);
    r = good();
    replace_loss(r, 1.0, 0.0, 3, NAN);
    expect(r, LL_FINDING_NON_FINITE, LL_VERDICT_DOUBT, 1.0);
    r = good();
    CHECK_OK(ll_record_set_integer(r, "set_0_samples", "", 0, error));
    expect(r, LL_FINDING_EXHAUSTED_DATA, LL_VERDICT_FAIL, 0.0);
    r = good();
    CHECK_OK(ll_record_set_integer(r, "samples_requested", "", 600, error));
    expect(r, LL_FINDING_EXHAUSTED_DATA, LL_VERDICT_FAIL, 500.0);
}

static void noise_is_half_the_rms_difference_of_the_halves(void **state)
{
    (void)state;
    ll_record *r = good();
    double a[121], b[121];
    for (int i = 0; i < 121; i++) {
        a[i] = 2.0;
        b[i] = 1.0;
    }
    CHECK_OK(ll_record_set_reals(r, "half_a_loss", "loss", a, 121, error));
    CHECK_OK(ll_record_set_reals(r, "half_b_loss", "loss", b, 121, error));
    expect(r, LL_FINDING_SAMPLE_NOISE, LL_VERDICT_DOUBT, 0.5); /* of a range of 2 */
}

static void a_flat_picture_is_too_narrow(void **state)
{
    (void)state;
    ll_record *r = good();
    replace_loss(r, 1e-5, 0.3 - 0.3e-5, -1, 0.0);
    ll_finding findings[LL_FINDINGS];
    CHECK_OK(ll_landscape_check(r, findings, error));
    assert_int_equal(findings[LL_FINDING_RANGE_TOO_NARROW].verdict, LL_VERDICT_DOUBT);
    ll_record *written = NULL;
    CHECK_OK(ll_landscape_check_record(r, &written, error));
    const char *verdict = NULL;
    CHECK_OK(ll_record_get_text(written, "range_too_narrow_verdict", &verdict, error));
    assert_string_equal(verdict, "doubt");
    ll_record_destroy(written);
    ll_record_destroy(r);
    r = ll_record_create("eigenpairs");
    assert_int_equal(ll_landscape_check(r, findings, NULL), LL_INVALID_ARGUMENT);
    ll_record_destroy(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_plot_passes),
        cmocka_unit_test(each_fault_is_named),
        cmocka_unit_test(noise_is_half_the_rms_difference_of_the_halves),
        cmocka_unit_test(a_flat_picture_is_too_narrow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
