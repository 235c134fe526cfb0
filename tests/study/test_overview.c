/* A study file made by hand, seen at a glance: groups and models in order, numbers in their columns, pairs by index,
 * what is not known as NaN; an empty file; unfinished and unwanted jobs left out. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "losslens/study_overview.h"

#include "support_store.h"

#include <math.h>
#include <string.h>

static ll_record *reals(const char *kind, const char *const *names, const double *values, int count)
{
    ll_record *record = ll_record_create(kind);
    for (int i = 0; i < count; i++)
        assert_int_equal(ll_record_set_real(record, names[i], "", values[i], NULL), LL_OK);
    return record;
}

static ll_record *metrics(double loss, double accuracy)
{
    const char *const names[] = {"loss", "accuracy"};
    const double values[] = {loss, accuracy};
    ll_record *record = reals("metrics", names, values, 2);
    assert_int_equal(ll_record_set_text(record, "metric_names", "loss\naccuracy", NULL), LL_OK);
    assert_int_equal(ll_record_set_text(record, "metric_better", "lower\nhigher", NULL), LL_OK);
    assert_int_equal(ll_record_set_text(record, "metric_scale", "value\nscore", NULL), LL_OK);
    return record;
}

static void at_a_glance(void **state)
{
    (void)state;
    scratch_store s;
    ll_error error = {0};
    scratch_store_open(&s);
    ll_overview o;
    assert_int_equal(ll_overview_read(s.store, &o, &error), LL_OK);
    assert_int_equal(o.model_count, 0);
    assert_int_equal(o.group_count, 0);
    ll_overview_deinit(&o);

    scratch_store_add(&s, "metrics", "plain", "plain/0", "", metrics(0.5, 0.75));
    scratch_store_add(&s, "metrics", "residual", "residual/0", "", metrics(0.25, 0.875));
    scratch_store_add(&s, "metrics", "plain", "plain/1", "", NULL); /* not done */
    const double lambda[] = {9.0, 4.0, -1.0}, residual[] = {1e-4, 2e-4, 3e-4};
    ll_record *record = ll_record_create("eigenpairs");
    assert_int_equal(ll_record_set_reals(record, "eigenvalues", "", lambda, 3, NULL), LL_OK);
    assert_int_equal(ll_record_set_reals(record, "residuals", "", residual, 3, NULL), LL_OK);
    scratch_store_add(&s, "eigenpairs", "residual", "residual/0", "", record);
    const char *const trace_names[] = {"trace", "standard_error"};
    scratch_store_add(&s, "trace", "plain", "plain/0", "",
                      reals("trace", trace_names, (double[]){12.0, 0.5}, 2));
    const char *const pair_names[] = {"mc_loss", "barrier"};
    record = reals("curve", pair_names, (double[]){-0.125, 0.0625}, 2);
    assert_int_equal(ll_record_set_integer(record, "converged", "", 1, NULL), LL_OK);
    scratch_store_add(&s, "pair", "", "plain/0", "residual/0", record);
    scratch_store_add(&s, "pair", "", "plain/0", "plain/1", NULL);
    record = ll_record_create("placement");
    const double positions[] = {1, 2, 3, 4};
    ll_array array = {
        .type = LL_ARRAY_FLOAT64, .rank = 2, .shape = {2, 2}, .data = (void *)(uintptr_t)positions};
    assert_int_equal(ll_record_set_array(record, "positions", "", &array, NULL), LL_OK);
    assert_int_equal(ll_record_set_text(record, "models", "residual/0\nplain/0", NULL), LL_OK);
    assert_int_equal(ll_record_set_text(record, "method", "mds", NULL), LL_OK);
    scratch_store_add(&s, "placement", "", "mds/fc", "", record);
    record = ll_record_create("taxonomy");
    assert_int_equal(ll_record_set_text(record, "label", "IV-B", NULL), LL_OK);
    scratch_store_add(&s, "taxonomy", "residual", "", "", record);
    /* Two layers of plain/0 and residual/0, in another order: 0.5 and 0.75 at the layers of the same name. */
    record = ll_record_create("cka");
    int64_t entry_model[] = {0, 0, 1, 1};
    double matrix[] = {1, 0, 0.1, 0.5, 0, 1, 0.75, 0.2, 0.1, 0.75, 1, 0, 0.5, 0.2, 0, 1};
    array = (ll_array){.type = LL_ARRAY_INT64, .rank = 1, .shape = {4}, .data = entry_model};
    assert_int_equal(ll_record_set_text(record, "model_names", "plain/0\nresidual/0", NULL), LL_OK);
    assert_int_equal(ll_record_set_text(record, "layer_names", "one\ntwo\ntwo\none", NULL), LL_OK);
    assert_int_equal(ll_record_set_array(record, "entry_model", "", &array, NULL), LL_OK);
    array = (ll_array){.type = LL_ARRAY_FLOAT64, .rank = 2, .shape = {4, 4}, .data = matrix};
    assert_int_equal(ll_record_set_array(record, "matrix", "", &array, NULL), LL_OK);
    scratch_store_add(&s, "similarity", "", "", "", record);
    for (int i = 0; i < 2; i++) {
        record = ll_record_create("checkpoint");
        assert_int_equal(ll_record_set_text(record, "setting_network", "mlp", NULL), LL_OK);
        assert_int_equal(ll_record_set_text(record, "setting_seed", i == 0 ? "0" : "1", NULL), LL_OK);
        scratch_store_add(&s, "model", "plain", i == 0 ? "plain/0" : "plain/1", "", record);
    }
    record =
        ll_record_create("metrics"); /* a number that is there and is no number; and a name without words */
    assert_int_equal(ll_record_set_real(record, "loss", "", NAN, NULL), LL_OK);
    assert_int_equal(ll_record_set_integer(record, "other", "kelvin", 3, NULL), LL_OK);
    assert_int_equal(ll_record_set_text(record, "metric_names", "loss\nother", NULL), LL_OK);
    scratch_store_add(&s, "metrics", "pinn(beta=2, nu=0.5)", "pinn(beta=2, nu=0.5)/0", "", record);
    scratch_store_add(&s, "distances", "", "wasserstein", "", ll_record_create("distances"));

    if (ll_overview_read(s.store, &o, &error) != LL_OK) fail_msg("%s", error.message);
    assert_int_equal(o.group_count, 3);
    assert_string_equal(o.groups[0].name, "plain");
    assert_string_equal(o.groups[0].title, "plain");
    assert_int_equal(o.groups[0].setting_count, 1); /* the seeds differ */
    assert_string_equal(o.groups[0].settings[0].value, "mlp");
    assert_int_equal(o.groups[0].sweep_count, 0);
    assert_int_equal(o.groups[1].taxonomy, ll_overview_study_record(&o, "similarity") - 1);
    assert_int_equal(o.groups[2].sweep_count, 2);
    assert_string_equal(o.groups[2].sweep[1].key, "nu");
    assert_string_equal(o.groups[2].sweep[1].value, "0.5");
    assert_int_equal(o.groups[0].model_count, 2);
    assert_string_equal(o.groups[1].label, "IV-B");
    assert_string_equal(o.groups[0].label, "");
    assert_int_equal(o.model_count, 4);
    int64_t p0 = ll_overview_find_model(&o, "plain/0"), p1 = ll_overview_find_model(&o, "plain/1"),
            r0 = ll_overview_find_model(&o, "residual/0");
    assert_true(p0 >= 0 && p1 >= 0 && r0 >= 0);
    assert_int_equal(ll_overview_find_model(&o, "plain"), -1);
    assert_int_equal(o.models[r0].group, ll_overview_find_group(&o, "residual"));
    assert_int_equal(o.metric_count, 3);
    assert_string_equal(o.metrics[0].unit, "");
    assert_string_equal(o.metrics[2].unit, "kelvin");
    assert_true(o.models[3].metrics[2] == 3.0);
    assert_string_equal(o.metrics[2].better, "lower");
    assert_string_equal(o.metrics[2].scale, "value");
    assert_true(o.models[3].has_metric[0] && isnan(o.models[3].metrics[0]));
    assert_true(!o.models[3].has_metric[1] && !o.models[p1].has_metric[0]);
    assert_int_equal(o.models[p1].setting_count, 2);
    assert_string_equal(o.models[p1].settings[1].key, "seed");
    assert_string_equal(o.models[p1].settings[1].value, "1");
    assert_string_equal(o.metrics[1].name, "accuracy");
    assert_string_equal(o.metrics[1].better, "higher");
    assert_string_equal(o.metrics[1].scale, "score");
    assert_true(o.models[r0].metrics[0] == 0.25 && o.models[r0].metrics[1] == 0.875);
    assert_true(isnan(o.models[p1].metrics[0]));
    assert_int_equal(o.models[r0].eigenvalue_count, 3);
    assert_true(o.models[r0].eigenvalues[2] == -1.0 && o.models[r0].residuals[0] == 1e-4);
    assert_int_equal(o.models[p0].eigenvalue_count, 0);
    assert_true(o.models[p0].trace == 12.0 && o.models[p0].trace_standard_error == 0.5);
    assert_true(isnan(o.models[r0].trace));
    assert_int_equal(o.models[p1].record_count, 1);
    assert_int_equal(o.models[r0].record_count, 2);
    assert_int_equal(ll_overview_record_of(&o.models[p1], "metrics"), LL_NO_RECORD);
    assert_int_equal(o.pair_count, 1);
    assert_int_equal(o.pairs[0].a, p0);
    assert_int_equal(o.pairs[0].b, r0);
    assert_true(o.pairs[0].mc_loss == -0.125 && o.pairs[0].converged && isnan(o.pairs[0].mc_error));
    assert_true(fabs(o.pairs[0].similarity - (0.5 + 0.75) / 2) < 1e-15);
    const ll_overview_placement *placement = ll_overview_find_placement(&o, "mds");
    assert_non_null(placement);
    assert_null(ll_overview_find_placement(&o, "tsne"));
    assert_true(placement->positions[2 * r0] == 1.0 && placement->positions[2 * p0 + 1] == 4.0);
    assert_true(isnan(placement->positions[2 * p1]));
    assert_int_equal(o.record_count, 2);
    assert_string_equal(o.records[0].kind, "similarity");
    assert_string_equal(o.records[1].kind, "distances");
    assert_int_equal(ll_overview_study_record(&o, "trust"), LL_NO_RECORD);
    ll_overview_deinit(&o);
    scratch_store_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(at_a_glance)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
