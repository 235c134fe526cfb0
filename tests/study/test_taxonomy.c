/* Labels from numbers: each corner of the taxonomy, what is not known, nearness to a threshold, and that the
 * same numbers give the same label. Expected labels are those of DEFINITIONS 10 by hand. */
#include "study/taxonomy.h"

#include "support_cmocka.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { M = 5 };

typedef struct group {
    double barrier[M * M], converged[M * M], mc[M * M], cka[M * M], rise[M], eigenvalue[M];
} group;

static const ll_taxonomy_thresholds usual = {
    .connected = 0.05, .under_trained = 0.05, .flat = 0.25, .eigenvalue = INFINITY, .similar = 0.8};

/* All pairs and members alike. */
static group uniform(double barrier, double converged, double mc, double cka, double rise)
{
    group g;
    for (int i = 0; i < M * M; i++) {
        g.barrier[i] = barrier;
        g.converged[i] = converged;
        g.mc[i] = mc;
        g.cka[i] = cka;
    }
    for (int i = 0; i < M; i++) {
        g.rise[i] = rise;
        g.eigenvalue[i] = 10.0;
    }
    return g;
}

static ll_taxonomy_result classify(const group *g, const ll_taxonomy_thresholds *thresholds)
{
    const ll_taxonomy_evidence e = {.members = M,
                                    .barrier = g->barrier,
                                    .converged = g->converged,
                                    .mc = g->mc,
                                    .cka = g->cka,
                                    .rise = g->rise,
                                    .eigenvalue = g->eigenvalue};
    ll_taxonomy_result result;
    assert_int_equal(ll_taxonomy_classify(&e, thresholds, 3, &result, NULL), LL_OK);
    return result;
}

static void test_corners(void **state)
{
    (void)state;
    const struct {
        double barrier, converged, mc, cka, rise;
        const char *label;
    } corners[] = {
        {0.5, 1, -0.5, 0.9, 2.0, "I"},         {0.01, 1, -0.01, 0.9, 2.0, "II"},
        {0.5, 1, -0.5, 0.9, 0.01, "III"},      {0.01, 1, 0, 0.4, 0.01, "IV-A"},
        {0.01, 1, 0, 0.95, 0.01, "IV-B"},      {0.0, 1, 0.4, 0.95, 0.01, "under-trained"},
        {0.5, 0, -0.5, 0.9, 2.0, "undecided"}, /* the curve only bounds the barrier from above */
        {0.01, 0, -0.01, 0.95, 0.01, "IV-B"},  /* that low a bound is enough */
        {NAN, 1, NAN, 0.9, 0.01, "undecided"}, {0.01, 1, 0, NAN, 0.01, "undecided"},
        {0.01, 1, 0, NAN, 2.0, "II"},
    };
    for (size_t i = 0; i < sizeof corners / sizeof *corners; i++) {
        group g =
            uniform(corners[i].barrier, corners[i].converged, corners[i].mc, corners[i].cka, corners[i].rise);
        ll_taxonomy_result result = classify(&g, &usual);
        assert_string_equal(ll_taxonomy_name(result.label), corners[i].label);
        assert_false(result.between);
        assert_true(result.share_threshold == 1.0);
        assert_true(result.share_bootstrap == 1.0);
        assert_int_equal(result.pairs, isnan(corners[i].barrier) ? 0 : M * (M - 1) / 2);
    }
    ll_taxonomy_thresholds sharp = usual;
    sharp.eigenvalue = 5.0;
    group g = uniform(0.01, 1, 0, 0.95, 0.01);
    assert_string_equal(ll_taxonomy_name(classify(&g, &sharp).label), "II");
}

static void test_between(void **state)
{
    (void)state;
    /* A rise at 0.9 of the threshold: 9 of 27 combinations (flat x 0.75) call it sharp. */
    group g = uniform(0.01, 1, 0, 0.95, 0.9 * 0.25);
    ll_taxonomy_result result = classify(&g, &usual);
    assert_string_equal(ll_taxonomy_name(result.label), "IV-B");
    assert_true(fabs(result.share_threshold - 18.0 / 27.0) < 1e-12);
    assert_string_equal(ll_taxonomy_name(result.other), "II");
    /* Also near in similarity: 1 - 0.82 = 0.18 > 0.2 x 0.75: 12 of 27 keep it. */
    g = uniform(0.01, 1, 0, 0.82, 0.9 * 0.25);
    result = classify(&g, &usual);
    assert_true(fabs(result.share_threshold - 12.0 / 27.0) < 1e-12);
    assert_true(result.between);
    /* Members that disagree: three flat, two sharp. The median is flat; a bootstrap has a sharp median when
     * at least three of five draws are sharp: sum over k = 3..5 of C(5, k) 0.4^k 0.6^(5-k) = 0.31744 (draws
     * of one member alone, 5 in 3,125, aside). */
    g = uniform(0.01, 1, 0, 0.95, 0.01);
    g.rise[3] = g.rise[4] = 3.0;
    result = classify(&g, &usual);
    assert_string_equal(ll_taxonomy_name(result.label), "IV-B");
    assert_true(fabs(result.share_bootstrap - (1.0 - 0.31744)) < 0.05);
}

static void test_same(void **state)
{
    (void)state;
    group a = uniform(0.04, 1, -0.04, 0.81, 0.2);
    for (int i = 0; i < M; i++) a.rise[i] += 0.03 * i;
    group b = a;
    ll_taxonomy_result x = classify(&a, &usual), y = classify(&b, &usual);
    assert_int_equal(x.label, y.label);
    assert_true(x.share_bootstrap == y.share_bootstrap && x.share_threshold == y.share_threshold &&
                x.between == y.between);
}

static void test_alone(void **state)
{
    (void)state;
    double nothing = NAN, rise = 0.01;
    const ll_taxonomy_evidence e = {.members = 1,
                                    .barrier = &nothing,
                                    .converged = &nothing,
                                    .mc = &nothing,
                                    .cka = &nothing,
                                    .rise = &rise,
                                    .eigenvalue = &nothing};
    ll_taxonomy_result result;
    assert_int_equal(ll_taxonomy_classify(&e, &usual, 0, &result, NULL), LL_OK);
    assert_string_equal(ll_taxonomy_name(result.label), "undecided");
    assert_true(isnan(result.share_bootstrap));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_corners), cmocka_unit_test(test_between),
                                       cmocka_unit_test(test_same), cmocka_unit_test(test_alone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
