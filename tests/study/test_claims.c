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

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void quantiles(void **state)
{
    (void)state;
    /* Two-sided 95 %: 1 and 2 degrees in closed form, tan(0.475 pi) and 0.95 sqrt(2 / (1 - 0.95^2)); the others from tables. */
    assert_true(fabs(ll_student_quantile(1.0) / tan(0.475 * 3.14159265358979323846) - 1.0) < 1e-10);
    assert_true(fabs(ll_student_quantile(2.0) / (0.95 * sqrt(2.0 / (1.0 - 0.95 * 0.95))) - 1.0) < 1e-10);
    const double table[][2] = {{3, 3.182}, {4, 2.776}, {5, 2.571}, {10, 2.228}, {30, 2.042}, {120, 1.980}, {1e7, 1.960}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        assert_true(fabs(ll_student_quantile(table[i][0]) - table[i][1]) < 6e-4);
    assert_true(isnan(ll_student_quantile(0.0)));
}

static void add(ll_store *store, const char *group, int member, double loss)
{
    int64_t id;
    char subject[64];
    ll_error error = {0};
    snprintf(subject, sizeof subject, "%s/%d", group, member);
    const ll_store_job job = {.key = ll_store_key("metrics", subject), .kind = "metrics", .name = subject, .group = group, .subject = subject, .other = "", .inputs = ""};
    ll_record *record = ll_record_create("metrics");
    assert_int_equal(ll_record_set_real(record, "loss", "", loss, NULL), LL_OK);
    assert_int_equal(ll_record_set_text(record, "metric_names", "loss", NULL), LL_OK);
    assert_int_equal(ll_store_add(store, &job, &id, &error), LL_OK);
    assert_int_equal(ll_store_begin(store, id, &error), LL_OK);
    assert_int_equal(ll_store_finish(store, id, record, NULL, &error), LL_OK);
    ll_record_destroy(record);
}

static ll_status judge(ll_store *store, const ll_overview *overview, const char *yaml, ll_claims *claims, ll_error *error)
{
    assert_int_equal(ll_store_set_provenance(store, "study", yaml, error), LL_OK);
    return ll_claims_judge(store, overview, claims, error);
}

static void judged(void **state)
{
    (void)state;
    char folder[] = "/tmp/losslens-claims-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/s.db", folder);
    ll_store *store;
    ll_error error = {0};
    const ll_store_options create = {.access = LL_STORE_CREATE};
    assert_int_equal(ll_store_open(path, &create, &store, &error), LL_OK);
    /* low: mean 2, standard error 1/sqrt 3, interval 2 -+ 2.484; high: the same about 20; one: a single member. */
    for (int i = 0; i < 3; i++) add(store, "low", i, 1.0 + i);
    for (int i = 0; i < 3; i++) add(store, "high", i, 19.0 + i);
    add(store, "one", 0, 5.0);
    ll_overview overview;
    assert_int_equal(ll_overview_read(store, &overview, &error), LL_OK);
    ll_claims claims;
    ll_status status = judge(store, &overview,
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
    const ll_claim_verdict wanted[] = {LL_CLAIM_SUPPORTED, LL_CLAIM_UNDECIDED, LL_CLAIM_NOT_SUPPORTED, LL_CLAIM_UNDECIDED, LL_CLAIM_SUPPORTED,
                                       LL_CLAIM_NOT_SUPPORTED, LL_CLAIM_UNDECIDED, LL_CLAIM_UNDECIDED, LL_CLAIM_UNDECIDED};
    assert_int_equal(claims.count, 9);
    for (int i = 0; i < 9; i++) assert_int_equal(claims.claims[i].verdict, wanted[i]);
    assert_string_equal(claims.claims[2].source, "Somebody 2020");
    assert_string_equal(claims.claims[0].shown, "loss of low: 2, -0.484 to 4.48, n = 3");
    assert_string_equal(claims.claims[8].shown, "loss of nobody: not computed");
    ll_claims_deinit(&claims);

    assert_int_equal(judge(store, &overview, "study: s\n", &claims, &error), LL_OK);
    assert_int_equal(claims.count, 0);
    ll_claims_deinit(&claims);
    assert_int_equal(judge(store, &overview, "claims: 3\n", &claims, &error), LL_INVALID_FILE);
    assert_int_equal(judge(store, &overview, "claims:\n  - {says: a, number: loss, group: low}\n", &claims, &error), LL_INVALID_FILE);
    assert_int_equal(judge(store, &overview, "claims:\n  - {says: a, nmber: loss, group: low, below: 1}\n", &claims, &error), LL_INVALID_FILE);
    assert_non_null(strstr(error.message, "number"));
    ll_overview_deinit(&overview);
    ll_store_destroy(store);
    unlink(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(quantiles), cmocka_unit_test(judged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
