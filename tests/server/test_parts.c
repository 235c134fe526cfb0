/* The server's parts without sockets: requests as they are parsed, the cache that makes a value once. */
#define _GNU_SOURCE
#include "support_cmocka.h"

#include "server/internal.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

/* ---------------------------------------------------------------- requests */

static void requests_are_taken_apart(void **state)
{
    (void)state;
    ll_request *r = ll_allocate_zeroed(sizeof *r);
    int status;
    const char *what;
    int64_t number = 7;
    assert_non_null(r);
    assert_true(
        ll_request_parse(r, "GET", "/api/a%20b%2Fc/%3Cx%3e/?q=1+2%2B3&empty&n=42&q=second", &status, &what));
    assert_int_equal(r->method, LL_GET);
    assert_int_equal(r->segment_count, 3);
    assert_string_equal(r->segments[0], "api");
    assert_string_equal(r->segments[1], "a b/c");
    assert_string_equal(r->segments[2], "<x>");
    assert_string_equal(ll_request_parameter(r, "q"), "1 2+3"); /* the first one counts */
    assert_string_equal(ll_request_parameter(r, "empty"), "");
    assert_null(ll_request_parameter(r, "none"));
    assert_true(ll_request_integer(r, "n", 0, 42, &number) && number == 42);
    assert_true(ll_request_integer(r, "none", 0, 1, &number) && number == 42);
    assert_false(ll_request_integer(r, "n", 0, 41, &number));
    assert_false(ll_request_integer(r, "q", 0, 100, &number));
    ll_free(r);
}

static void malformed_targets(void **state)
{
    (void)state;
    static const struct {
        const char *method, *target;
        int status;
    } cases[] = {{"GET", "", 400},        {"GET", "api", 400},
                 {"GET", "*", 400},       {"GET", "/a//b", 400},
                 {"GET", "/..", 400},     {"GET", "/a/%2e%2E/b", 400},
                 {"GET", "/%", 400},      {"GET", "/%0", 400},
                 {"GET", "/%g0", 400},    {"GET", "/a%00b", 400},
                 {"GET", "/a%0ab", 400},  {"GET", "/a#b", 400},
                 {"GET", "/?a=%zz", 400}, {"GET", "/1/2/3/4/5/6/7/8/9", 400},
                 {"get", "/", 405},       {"HEADER", "/", 405},
                 {"PUT", "/", 405},       {"", "/", 405}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ll_request *r = ll_allocate_zeroed(sizeof *r);
        int status = 0;
        const char *what;
        assert_non_null(r);
        if (ll_request_parse(r, cases[i].method, cases[i].target, &status, &what))
            fail_msg("%s %s was taken", cases[i].method, cases[i].target);
        assert_int_equal(status, cases[i].status);
        ll_free(r);
    }
}

static void what_leaves_a_folder(void **state)
{
    (void)state;
    static const char *const leaves[] = {"/etc",      "~/x",           "..",      "../x",
                                         "a/../../x", "cifar10:/data", "name=/x", "- {checkpoints: [\"/x\"]}",
                                         "a, /b",     "http://x",      "x\n/y",   "a/..",
                                         "'../x'"};
    static const char *const stays[] = {"",
                                        "x",
                                        "runs/late.pt",
                                        "seed_1..3",
                                        "0..3",
                                        "-1:1",
                                        "25x25",
                                        "a..b/c",
                                        "cifar10:data",
                                        "1e-3",
                                        "x.y/z.pt",
                                        "*.safetensors",
                                        "{member}/epoch_*.pt",
                                        "a/b"};
    for (size_t i = 0; i < sizeof leaves / sizeof leaves[0]; i++) {
        if (!ll_leaves_folder(leaves[i])) fail_msg("'%s' stays", leaves[i]);
    }
    for (size_t i = 0; i < sizeof stays / sizeof stays[0]; i++) {
        if (ll_leaves_folder(stays[i])) fail_msg("'%s' leaves", stays[i]);
    }
}

/* ---------------------------------------------------------------- cache */

typedef struct making {
    ll_cache *cache;
    pthread_mutex_t mutex;
    int made, ended;
    bool slow, fails;
} making;

static making *current; /* of the test that runs */

static ll_status make_value(void *context, void **value, size_t *bytes, ll_error *error)
{
    making *m = context;
    if (m->slow) (void)poll(NULL, 0, 50);
    pthread_mutex_lock(&m->mutex);
    m->made++;
    pthread_mutex_unlock(&m->mutex);
    if (m->fails) return ll_fail(error, LL_NOT_FOUND, "test", NULL, "it is not there");
    *value = m;
    *bytes = 100;
    return LL_OK;
}

static void end_value(void *value)
{
    (void)value;
    pthread_mutex_lock(&current->mutex);
    current->ended++;
    pthread_mutex_unlock(&current->mutex);
}

static void begin(making *m, size_t budget)
{
    *m = (making){.cache = ll_cache_create(budget)};
    assert_non_null(m->cache);
    pthread_mutex_init(&m->mutex, NULL);
    current = m;
}

static void *get_one(void *context)
{
    making *m = context;
    void *value, *hold;
    ll_error error;
    if (ll_cache_get(m->cache, "key", make_value, end_value, m, &value, &hold, &error) == LL_OK)
        ll_cache_release(hold);
    return NULL;
}

static void a_value_is_made_once(void **state)
{
    (void)state;
    enum { THREADS = 12 };
    pthread_t threads[THREADS];
    for (int fails = 0; fails < 2; fails++) {
        making m;
        begin(&m, 1000);
        m.slow = true;
        m.fails = fails != 0;
        for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, get_one, &m), 0);
        for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
        if (fails == 0) assert_int_equal(m.made, 1);
        else assert_in_range(m.made, 1, THREADS); /* a failure is tried again by who comes later */
        ll_cache_destroy(m.cache);
        assert_int_equal(m.ended, fails == 0 ? 1 : 0);
        pthread_mutex_destroy(&m.mutex);
    }
}

static void the_budget_holds(void **state)
{
    (void)state;
    making m;
    void *value, *hold, *kept, *again;
    char key[16];
    begin(&m, 350);
    CHECK_OK(ll_cache_get(m.cache, "kept", make_value, end_value, &m, &value, &kept, error));
    for (int i = 0; i < 10; i++) {
        snprintf(key, sizeof key, "%d", i);
        CHECK_OK(ll_cache_get(m.cache, key, make_value, end_value, &m, &value, &hold, error));
        ll_cache_release(hold);
        assert_true(ll_cache_bytes(m.cache) <= 350);
    }
    assert_int_equal(m.made, 11);
    assert_int_equal(m.ended, 8); /* three stay: the one in use and the last two */
    CHECK_OK(ll_cache_get(m.cache, "kept", make_value, end_value, &m, &value, &again, error));
    CHECK_OK(ll_cache_get(m.cache, "9", make_value, end_value, &m, &value, &hold, error));
    assert_int_equal(m.made, 11);
    ll_cache_release(again);
    ll_cache_release(kept);
    ll_cache_release(hold);
    ll_cache_destroy(m.cache);
    assert_int_equal(m.ended, 11);
    pthread_mutex_destroy(&m.mutex);
}

static void what_is_in_use_is_not_dropped(void **state)
{
    (void)state;
    making m;
    void *value, *first, *second;
    begin(&m, 50); /* less than one */
    CHECK_OK(ll_cache_get(m.cache, "a", make_value, end_value, &m, &value, &first, error));
    CHECK_OK(ll_cache_get(m.cache, "a", make_value, end_value, &m, &value, &second, error));
    assert_int_equal(m.made, 1);
    ll_cache_release(first);
    assert_int_equal(m.ended, 0);
    ll_cache_release(second);
    assert_int_equal(m.ended, 1);
    assert_int_equal(ll_cache_bytes(m.cache), 0);
    ll_cache_destroy(m.cache);
    pthread_mutex_destroy(&m.mutex);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_taken_apart), cmocka_unit_test(malformed_targets),
        cmocka_unit_test(what_leaves_a_folder),     cmocka_unit_test(a_value_is_made_once),
        cmocka_unit_test(the_budget_holds),         cmocka_unit_test(what_is_in_use_is_not_dropped)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
