/* YAML and JSON: values, positions, and what is refused with which words. */
#include "support_files.h"

#include <math.h>

static ll_document *parse(const char *text)
{
    ll_document *document = NULL;
    ll_error error = {0};
    if (ll_document_parse(text, strlen(text), "test.yaml", NULL, &document, &error) != LL_OK)
        fail_msg("%s", error.message);
    return document;
}

static void values_and_positions(void **state)
{
    (void)state;
    ll_document *document = parse(
        "# a study\nname: first\nseeds: [0, 123, -7]\nrate: 1e-4\nradius: .inf\nflag: true\nquoted: \"1\"\n"
        "nothing: ~\nnested:\n  - a: 1\n    b: 0x10\n  - x\nlarge: 99999999999999999999\n");
    const ll_value *root = ll_document_root(document);
    assert_true(root->type == LL_VALUE_MAP && root->count == 9);
    const ll_value *seeds = ll_value_get(root, "seeds");
    assert_true(seeds->type == LL_VALUE_LIST && seeds->count == 3 && seeds->items[2].integer == -7);
    assert_true(seeds->line == 3 && seeds->column == 8 && seeds->items[1].column == 12);
    assert_true(ll_value_get(root, "rate")->type == LL_VALUE_REAL &&
                ll_value_get(root, "rate")->real == 1e-4);
    assert_true(isinf(ll_value_get(root, "radius")->real));
    assert_true(ll_value_get(root, "flag")->integer == 1 &&
                ll_value_get(root, "nothing")->type == LL_VALUE_NULL);
    assert_int_equal(ll_value_get(root, "quoted")->type, LL_VALUE_TEXT);
    const ll_value *nested = ll_value_get(root, "nested");
    assert_true(nested->items[0].type == LL_VALUE_MAP && ll_value_get(&nested->items[0], "a")->integer == 1);
    assert_int_equal(ll_value_get(&nested->items[0], "b")->type,
                     LL_VALUE_TEXT); /* hexadecimal is no number here */
    assert_true(ll_value_get(root, "large")->type == LL_VALUE_REAL &&
                ll_value_get(root, "large")->real == 1e20);
    assert_null(ll_value_get(root, "absent"));
    ll_document_destroy(document);
    document = parse("{\"a\": [1, 2.5, null, false, \"t\\u00e9\"],\n\t\"b\": {}}");
    root = ll_document_root(document);
    assert_string_equal(ll_value_get(root, "a")->items[4].text, "t\xC3\xA9");
    assert_true(ll_value_get(root, "b")->type == LL_VALUE_MAP && ll_value_get(root, "b")->count == 0 &&
                ll_value_get(root, "b")->line == 2);
    ll_document_destroy(document);
    document = parse("");
    assert_int_equal(ll_document_root(document)->type, LL_VALUE_NULL);
    ll_document_destroy(document);
}

static void taking(void **state)
{
    (void)state;
    static const char *const keys[] = {"width", "depth", "rate"};
    ll_document *document = parse("width: 16\ndepth: 2.5\nrate: fast\n");
    const ll_value *root = ll_document_root(document);
    ll_error error = {0};
    int64_t integer = 3;
    double real = 1;
    bool flag = true;
    assert_int_equal(ll_value_check_keys(root, keys, 3, "test.yaml", &error), LL_OK);
    assert_int_equal(
        ll_value_take_integer(ll_value_get(root, "absent"), "absent", 1, 9, "f", &integer, &error), LL_OK);
    assert_int_equal(integer, 3);
    assert_int_equal(
        ll_value_take_integer(ll_value_get(root, "width"), "width", 1, 99, "f", &integer, &error), LL_OK);
    assert_int_equal(integer, 16);
    assert_int_equal(ll_value_take_integer(ll_value_get(root, "width"), "width", 1, 9, "f", &integer, &error),
                     LL_INVALID_FILE);
    assert_string_equal(
        error.message,
        "line 1, column 8: 'width' is a whole number (16); a whole number from 1 to 9 is wanted");
    assert_int_equal(ll_value_take_integer(ll_value_get(root, "depth"), "depth", 1, 9, "f", &integer, &error),
                     LL_INVALID_FILE);
    assert_int_equal(ll_value_take_real(ll_value_get(root, "rate"), "rate", 0, 1, "f", &real, &error),
                     LL_INVALID_FILE);
    assert_string_equal(error.message,
                        "line 3, column 7: 'rate' is a text (fast); a number from 0 to 1 is wanted");
    assert_int_equal(ll_value_take_boolean(ll_value_get(root, "rate"), "rate", "f", &flag, &error),
                     LL_INVALID_FILE);
    ll_document_destroy(document);
    document = parse("width: 16\ndetph: 2\n");
    assert_int_equal(ll_value_check_keys(ll_document_root(document), keys, 3, "test.yaml", &error),
                     LL_INVALID_FILE);
    assert_string_equal(error.message, "line 2, column 1: unknown key 'detph'; did you mean 'depth'?");
    ll_document_destroy(document);
}

static void refused_texts(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {{"a: &x 1\nb: 2\n", "line 1, column 4: anchors (&name) are not allowed here"},
                 {"a: *x\n", "line 1, column 4: aliases (*name) are not allowed here"},
                 {"a: !!python/object:os.system 1\n", "line 1, column 4: tags (!name) are not allowed here"},
                 {"a: 1\nb: 2\na: 3\n", "line 3, column 1: key 'a' was already given in line 1"},
                 {"[1]: 2\n", "line 1, column 1: a key must be a text"},
                 {"a: 1\n---\nb: 2\n", "a second document; one is wanted"},
                 {"a: [1, 2\n", "did not find expected ',' or ']'"},
                 {"a:\n  b: 1\n c: 2\n", "line 3, column 2"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ll_document *document;
        ll_error error = {0};
        assert_int_not_equal(
            ll_document_parse(cases[i].text, strlen(cases[i].text), "t", NULL, &document, &error), LL_OK);
        if (strstr(error.message, cases[i].message) == NULL)
            fail_msg("got '%s', wanted '%s'", error.message, cases[i].message);
    }
    char deep[400];
    ll_document *document;
    ll_error error = {0};
    memset(deep, '[', 200);
    memset(deep + 200, ']', 200);
    assert_int_equal(ll_document_parse(deep, sizeof deep, "t", NULL, &document, &error), LL_TOO_LARGE);
    assert_non_null(strstr(error.message, "nested too deep"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(values_and_positions), cmocka_unit_test(taking),
                                       cmocka_unit_test(refused_texts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
