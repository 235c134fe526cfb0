/* What a study file may say, and what is said about what it may not: line, column, the nearest valid key. */
#include "losslens/study.h"

#include "support_cmocka.h"

#include <string.h>

static ll_study *parse(const char *text)
{
    ll_study *study = NULL;
    ll_error error = {0};
    if (ll_study_parse(text, strlen(text), "study.yaml", "", NULL, &study, &error) != LL_OK)
        fail_msg("%s: %s", error.place, error.message);
    return study;
}

static void refused(const char *text, const char *where, const char *what)
{
    ll_study *study = NULL;
    ll_error error = {0};
    ll_status status = ll_study_parse(text, strlen(text), "study.yaml", "", NULL, &study, &error);
    if (status == LL_OK) fail_msg("accepted: %s", text);
    assert_null(study);
    if (strstr(error.message, where) == NULL || strstr(error.message, what) == NULL)
        fail_msg("got \"%s\"; wanted \"%s\" and \"%s\"", error.message, where, what);
}

#define HEAD "study: s\ngroups:\n"
#define PINN "  - name: p\n    problem: convection\n    beta: 1\n    train: {seeds: 0..1}\n"

static void test_refused(void **state)
{
    (void)state;
    refused("", "", "wanted a map");
    refused("study: s\n", "", "wanted a list of groups");
    refused("groups:\n" PINN, "line 1", "no name");
    refused("study: a/b\ngroups:\n" PINN, "line 1, column 8", "slashes");
    refused("study: s\nefort: quick\ngroups:\n" PINN, "line 2", "effort");
    refused("study: s\neffort: quik\ngroups:\n" PINN, "line 2, column 9", "did you mean quick?");
    refused(HEAD PINN "    bta: 2\n", "line 7, column 5", "did you mean \"beta\"?");
    refused(HEAD "  - name: p\n    problem: convection\n    train: {sedes: 0..1}\n", "line 5, column 13",
            "did you mean \"seeds\"?");
    refused(HEAD "  - name: p\n    problem: convektion\n    train: {seeds: 1}\n", "line 4, column 14",
            "did you mean convection?");
    refused(HEAD "  - name: p\n    problem: convection\n    train: {seeds: x}\n", "line 5, column 20",
            "wanted a number, 0..3, or a list");
    refused(HEAD "  - name: p\n    problem: convection\n    train: {epochs: 0}\n", "line 5", "wanted 1 to");
    refused(HEAD "  - name: p\n    problem: convection\n    network: mlp\n    train: {seeds: 1}\n", "line 3",
            "one of problem, network");
    refused(HEAD "  - name: p\n    problem: convection\n", "line 3", "no members");
    refused(HEAD "  - name: n\n    network: mlp\n    data: x.npz\n    beta: 3\n    train: {seeds: 1}\n",
            "line 6, column 11", "belongs to a problem");
    refused(HEAD "  - name: n\n    network: mlp\n    train: {seeds: 1}\n", "line 3", "wants data");
    refused(HEAD "  - name: n\n    network: mlp\n    data: x\n    checkpoints: [a]\n    train: {seeds: 1}\n",
            "line 6", "both given");
    refused(HEAD
            "  - name: n\n    network: mlp\n    data: x\n    normalise: {mean: 0.5}\n    train: {seeds: 1}\n",
            "line 6", "wanted mean and std");
    refused(HEAD "  - name: f\n    fields: [a.npy]\n    expect: {accuracy: 1}\n", "line 5",
            "does not fit fields");
    refused(HEAD PINN PINN, "line 7", "two groups");
    refused(HEAD PINN "    sweep: {beta: 3}\n", "line 7, column 19", "wanted a list of values");
    refused(HEAD PINN "    sweep: {betta: [3]}\n", "line 7, column 13", "did you mean \"beta\"?");
    refused(HEAD PINN "    sweep: [1, 2]\n", "line 7, column 13", "wanted a map");
    refused(HEAD PINN "analyses: {landscap: true}\n", "line 7, column 12", "did you mean \"landscape\"?");
    refused(HEAD PINN "analyses: {landscape: {gird: 3x3}}\n", "line 7, column 24", "did you mean \"grid\"?");
    refused(HEAD PINN "analyses: {landscape: {grid: 3y3}}\n", "line 7, column 30", "wanted 1 to 6 sizes");
    refused(HEAD PINN "analyses: {landscape: {range: '1:-1'}}\n", "line 7", "LOW < HIGH");
    refused(HEAD PINN "analyses: {hessian: {top: -1}}\n", "line 7", "wanted 0 to");
    refused(HEAD PINN "analyses: {connectivity: {pairs: some}}\n", "line 7", "sample:K");
    refused(HEAD PINN "analyses: {metrics: {groups: [q]}}\n", "line 7", "no group \"q\"");
    refused(HEAD PINN "analyses: {metrics: 3}\n", "line 7", "wanted true, false or a map");
    refused(HEAD PINN "analyses:\n  metrics: true\n  metrics: false\n", "line 9", "");
}

static const char *value(const ll_study_group *group, const char *key)
{
    for (int64_t i = 0; i < group->settings; i++)
        if (strcmp(group->setting[i].key, key) == 0) return group->setting[i].value;
    return NULL;
}

static void test_sweeps(void **state)
{
    (void)state;
    ll_study *study = parse(
        HEAD
        "  - name: p\n    title: PINN\n    problem: convection\n    train: {seeds: [0, 123, 7], epochs: 5}\n"
        "    sweep: {beta: [1, 2.5], rate: [0.1, 0.2, 1]}\n"
        "  - name: q\n    network: resnet8\n    options: {width: 4}\n    data: d\n    train: {seeds: 1}\n"
        "    sweep:\n      - {options.shortcut: none, epochs: 3}\n      - {options.shortcut: A, "
        "options.width: 8}\n");
    assert_string_equal(ll_study_name(study), "s");
    assert_string_equal(ll_study_store_path(study), "s.db");
    assert_int_equal(ll_study_group_count(study), 8);
    static const char *const names[] = {"p(beta=1, rate=0.1)",
                                        "p(beta=1, rate=0.2)",
                                        "p(beta=1, rate=1)",
                                        "p(beta=2.5, rate=0.1)",
                                        "p(beta=2.5, rate=0.2)",
                                        "p(beta=2.5, rate=1)",
                                        "q(options.shortcut=none, epochs=3)",
                                        "q(options.shortcut=A, options.width=8)"};
    for (int64_t g = 0; g < 8; g++) assert_string_equal(ll_study_group_at(study, g)->name, names[g]);
    const ll_study_group *first = ll_study_group_at(study, 4), *last = ll_study_group_at(study, 7);
    assert_string_equal(first->title, "PINN, beta=2.5, rate=0.2");
    assert_int_equal(first->kind, LL_GROUP_PINN);
    assert_string_equal(value(first, "beta"), "2.5");
    assert_string_equal(value(first, "train.rate"), "0.2");
    assert_string_equal(value(first, "train.seeds"), "0\n123\n7");
    assert_int_equal(first->sweeps, 2);
    assert_string_equal(first->sweep[1].key, "rate");
    assert_string_equal(value(last, "options.width"), "8");
    assert_string_equal(value(last, "options.shortcut"), "A");
    assert_null(value(last, "train.epochs"));
    ll_study_destroy(study);
}

/* What a line of the command line adds is the same as if it had been written down. */
static void test_additions(void **state)
{
    (void)state;
    static const char text[] = HEAD "  - name: f\n    fields: [a.npy]\n" PINN "analyses: {metrics: true}\n";
    static const char good[] = "- {analysis: \"landscape\", models: [\"p/0\", \"p/1\"], options: {\"grid\": "
                               "\"3x3\"}}\n- {group: \"f\", checkpoints: [\"b.npy\"]}\n";
    static const char bad[][96] = {"- {analysis: \"landscap\", options: {}}\n",
                                   "- {group: \"x\", checkpoints: [\"b\"]}\n",
                                   "- {group: \"p\", checkpoints: [\"b\"]}\n",
                                   "- {analysis: \"landscape\", options: {\"gird\": \"3\"}}\n",
                                   "- 3\n",
                                   "{}\n"};
    ll_study *study = NULL;
    assert_int_equal(ll_study_parse(text, strlen(text), "s", "", good, &study, NULL), LL_OK);
    ll_study_destroy(study);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        study = NULL;
        assert_int_not_equal(ll_study_parse(text, strlen(text), "s", "", bad[i], &study, NULL), LL_OK);
        assert_null(study);
    }
}

static void test_described(void **state)
{
    (void)state;
    const char *name, *about;
    ll_analysis_option option;
    int64_t analyses = 0, grids = 0;
    for (; ll_study_describe_analysis(analyses, &name, &about); analyses++)
        for (int64_t o = 0; ll_study_describe_option(analyses, o, &option); o++) {
            assert_non_null(option.help);
            if (strcmp(name, "landscape") != 0 || strcmp(option.name, "grid") != 0) continue;
            grids++;
            assert_string_equal(option.standard[LL_EFFORT_QUICK], "15x15");
            assert_string_equal(option.standard[LL_EFFORT_PAPER], "41x41");
        }
    assert_int_equal(analyses, 11);
    assert_int_equal(grids, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_refused), cmocka_unit_test(test_sweeps),
                                       cmocka_unit_test(test_additions), cmocka_unit_test(test_described)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
