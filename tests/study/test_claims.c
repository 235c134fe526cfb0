/* Student's quantile against the printed tables; claims about groups whose interval is on one side, on the other, and
 * across; claims that cannot be read. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "losslens/study_claims.h"
#include "losslens/study_statistics.h"

#include "support_store.h"

#include <math.h>
#include <string.h>

static void quantiles(void **state)
{
    (void)state;
    /* Two-sided 95 %: 1 and 2 degrees in closed form, tan(0.475 pi) and 0.95 sqrt(2 / (1 - 0.95^2)); the others from tables. */
    assert_true(fabs(ll_student_quantile(1.0) / tan(0.475 * 3.14159265358979323846) - 1.0) < 1e-10);
    assert_true(fabs(ll_student_quantile(2.0) / (0.95 * sqrt(2.0 / (1.0 - 0.95 * 0.95))) - 1.0) < 1e-10);
    const double table[][2] = {{3, 3.182},  {4, 2.776},   {5, 2.571},  {10, 2.228},
                               {30, 2.042}, {120, 1.980}, {1e7, 1.960}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        assert_true(fabs(ll_student_quantile(table[i][0]) - table[i][1]) < 6e-4);
    assert_true(isnan(ll_student_quantile(0.0)));
}

static ll_status judge(ll_store *store, const ll_overview *overview, const char *yaml, ll_claims *claims,
                       ll_error *error)
{
    assert_int_equal(ll_store_set_provenance(store, "study", yaml, error), LL_OK);
    return ll_claims_judge(store, overview, claims, error);
}

static void judged(void **state)
{
    (void)state;
    scratch_store s;
    ll_error error = {0};
    scratch_store_open(&s);
    /* low: mean 2, standard error 1/sqrt 3, interval 2 -+ 2.484; high: the same about 20; one: a single member. */
    for (int i = 0; i < 3; i++) scratch_store_add_loss(&s, "low", i, 1.0 + i);
    for (int i = 0; i < 3; i++) scratch_store_add_loss(&s, "high", i, 19.0 + i);
    scratch_store_add_loss(&s, "one", 0, 5.0);
    ll_overview overview;
    assert_int_equal(ll_overview_read(s.store, &overview, &error), LL_OK);
    ll_claims claims;
    ll_status status = judge(s.store, &overview,
                             "study: s\nclaims:\n"
                             "  - {says: a, number: loss, group: low, below: 4.49}\n"
                             "  - {says: b, number: loss, group: low, below: 4.47}\n"
                             "  - {says: c, number: loss, group: low, above: 4.49, source: Somebody 2020}\n"
                             "  - {says: d, number: loss, group: one, above: 1}\n"
                             "  - {says: e, number: loss, group: high, above_group: low}\n"
                             "  - {says: f, number: loss, group: high, below_group: low}\n"
                             "  - {says: g, number: loss, group: low, below_group: low}\n"
                             "  - {says: h, number: accuracy, group: low, below: 1}\n"
                             "  - {says: i, number: loss, group: nobody, below: 1}\n",
                             &claims, &error);
    if (status != LL_OK) fail_msg("%s", error.message);
    const ll_claim_verdict wanted[] = {LL_CLAIM_SUPPORTED, LL_CLAIM_UNDECIDED, LL_CLAIM_NOT_SUPPORTED,
                                       LL_CLAIM_UNDECIDED, LL_CLAIM_SUPPORTED, LL_CLAIM_NOT_SUPPORTED,
                                       LL_CLAIM_UNDECIDED, LL_CLAIM_UNDECIDED, LL_CLAIM_UNDECIDED};
    assert_int_equal(claims.count, 9);
    for (int i = 0; i < 9; i++) assert_int_equal(claims.claims[i].verdict, wanted[i]);
    assert_string_equal(claims.claims[2].source, "Somebody 2020");
    assert_string_equal(claims.claims[0].shown, "loss of low: 2, -0.484 to 4.48, n = 3");
    assert_string_equal(claims.claims[8].shown, "loss of nobody: not computed");
    ll_claims_deinit(&claims);

    assert_int_equal(judge(s.store, &overview, "study: s\n", &claims, &error), LL_OK);
    assert_int_equal(claims.count, 0);
    ll_claims_deinit(&claims);
    assert_int_equal(judge(s.store, &overview, "claims: 3\n", &claims, &error), LL_INVALID_FILE);
    assert_int_equal(
        judge(s.store, &overview, "claims:\n  - {says: a, number: loss, group: low}\n", &claims, &error),
        LL_INVALID_FILE);
    assert_int_equal(judge(s.store, &overview, "claims:\n  - {says: a, nmber: loss, group: low, below: 1}\n",
                           &claims, &error),
                     LL_INVALID_FILE);
    assert_non_null(strstr(error.message, "number"));
    ll_overview_deinit(&overview);
    scratch_store_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(quantiles), cmocka_unit_test(judged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
