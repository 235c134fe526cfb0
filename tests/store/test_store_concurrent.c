/* Readers while a writer writes: each sees only whole results and never holds the writer up; one handle serves several
 * threads. Runs under ThreadSanitizer too. */
#include "support_records.h"

#include "support_cmocka.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { JOBS = 40, NUMBERS = 400, READERS = 2 };

typedef struct shared {
    const char *path;
    ll_store *store; /* one handle for all, or NULL: each opens its own */
    atomic_bool finished;
    atomic_int looks, wrong;
} shared;

static void *read_all(void *context)
{
    shared *s = context;
    ll_store *own = NULL;
    if (s->store == NULL && ll_store_open(s->path, NULL, &own, NULL) != LL_OK) {
        atomic_fetch_add(&s->wrong, 1);
        return NULL;
    }
    ll_store *store = s->store != NULL ? s->store : own;
    for (bool last = false; !last;) {
        last = atomic_load(&s->finished);
        ll_store_listing listing;
        if (ll_store_list(store, NULL, &listing, NULL) != LL_OK) {
            atomic_fetch_add(&s->wrong, 1);
            break;
        }
        int64_t done = 0;
        for (int64_t i = 0; i < listing.count; i++) {
            if (listing.rows[i].state != LL_JOB_DONE) continue;
            done++;
            if (!last && i % 8 != 0) continue;
            int number = -1;
            ll_record *record = NULL;
            if (sscanf(listing.rows[i].name, "job %d", &number) != 1 ||
                ll_store_read_record(store, listing.rows[i].id, &record, NULL) != LL_OK) {
                atomic_fetch_add(&s->wrong, 1);
                continue;
            }
            ll_record *expected = store_record(number, NUMBERS);
            if (!store_same(record, expected)) atomic_fetch_add(&s->wrong, 1);
            ll_record_destroy(expected);
            ll_record_destroy(record);
        }
        if (last && done != JOBS) atomic_fetch_add(&s->wrong, 1);
        ll_store_listing_deinit(&listing);
        atomic_fetch_add(&s->looks, 1);
    }
    ll_store_destroy(own);
    return NULL;
}

static void write_while_reading(bool one_handle, bool rollback)
{
    char path[256], names[JOBS][32];
    store_path("concurrent", path);
    ll_store *store = store_open(path, LL_STORE_CREATE, rollback);
    ll_store_job jobs[JOBS];
    int64_t ids[JOBS];
    for (int i = 0; i < JOBS; i++) jobs[i] = store_job(i, names[i]);
    assert_int_equal(ll_store_plan(store, jobs, JOBS, ids, NULL), LL_OK);
    shared s = {.path = path, .store = one_handle ? store : NULL};
    pthread_t readers[READERS];
    for (int i = 0; i < READERS; i++) assert_int_equal(pthread_create(&readers[i], NULL, read_all, &s), 0);
    ll_error error = {0};
    ll_status status = LL_OK;
    for (int i = 0; i < JOBS && status == LL_OK; i++) {
        ll_store_sink *sink = NULL;
        size_t count;
        void *bytes = store_piece(i, 0, &count);
        status = ll_store_begin(store, ids[i], &error);
        if (status == LL_OK) status = ll_store_sink_create(store, ids[i], NULL, &sink, &error);
        if (status == LL_OK) status = ll_sink_put(ll_store_sink_view(sink), "tile/0", bytes, count, &error);
        ll_store_sink_destroy(sink);
        ll_free(bytes);
        ll_record *record = store_record(i, NUMBERS);
        if (status == LL_OK) status = ll_store_finish(store, ids[i], record, NULL, &error);
        ll_record_destroy(record);
    }
    atomic_store(&s.finished, true);
    for (int i = 0; i < READERS; i++) pthread_join(readers[i], NULL);
    if (status != LL_OK) fail_msg("%s", error.message);
    assert_int_equal(atomic_load(&s.wrong), 0);
    assert_true(atomic_load(&s.looks) >= READERS);
    ll_store_destroy(store);
    store_remove(path);
}

static void test_readers(void **state)
{
    (void)state;
    write_while_reading(false, false);
}

static void test_readers_rollback(void **state)
{
    (void)state;
    write_while_reading(false, true);
}

static void test_one_handle(void **state)
{
    (void)state;
    write_while_reading(true, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_readers),
                                       cmocka_unit_test(test_readers_rollback),
                                       cmocka_unit_test(test_one_handle)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
