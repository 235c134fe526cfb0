#define _POSIX_C_SOURCE 200809L
#include "support_records.h"

#include "support_cmocka.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void need(ll_status status, const ll_error *error)
{
    if (status != LL_OK) fail_msg("%s: %s", error->place, error->message);
}

ll_record *store_record(int64_t number, int64_t count)
{
    ll_error error = {0};
    ll_record *record = ll_record_create("test_result");
    assert_non_null(record);
    need(ll_record_set_integer(record, "number", "", number, &error), &error);
    need(ll_record_set_real(record, "not_a_number", "loss", NAN, &error), &error);
    need(ll_record_set_real(record, "negative_zero", "", -0.0, &error), &error);
    need(ll_record_set_real(record, "infinite", "", -INFINITY, &error), &error);
    need(ll_record_set_real(record, "third", "seconds", (double)number / 3.0, &error), &error);
    need(ll_record_set_text(record, "text", "it's <b> \"quoted\" \xc3\xa9", &error), &error);
    ll_array values, codes;
    need(ll_array_init(&values, LL_ARRAY_FLOAT64, 2, (int64_t[]){count, 2}, &error), &error);
    need(ll_array_init(&codes, LL_ARRAY_UINT8, 1, (int64_t[]){count}, &error), &error);
    ll_rng_fill_normal(ll_rng_make((uint64_t)number, "values", ""), 0, 2 * count, values.data);
    for (int64_t i = 0; i < count; i++) ((uint8_t *)codes.data)[i] = (uint8_t)(i / 100 % 3); /* packs well */
    need(ll_record_take_array(record, "values", "loss", &values, &error), &error);
    need(ll_record_take_array(record, "codes", "", &codes, &error), &error);
    need(ll_record_set_reals(record, "empty", "", NULL, 0, &error), &error);
    return record;
}

void *store_piece(int64_t number, int piece, size_t *count)
{
    ll_rng rng = ll_rng_make((uint64_t)number, "piece", "");
    *count = (size_t)(1 + ll_rng_below(rng, (uint64_t)piece, 3000));
    unsigned char *bytes = ll_allocate(*count);
    assert_non_null(bytes);
    for (size_t i = 0; i < *count; i++)
        bytes[i] = (unsigned char)ll_rng_bits(rng, 1000 * (uint64_t)(piece + 1) + i);
    return bytes;
}

ll_store_job store_job(int64_t number, char name[32])
{
    snprintf(name, 32, "job %lld", (long long)number);
    return (ll_store_job){.key = ll_store_key("test", name),
                          .kind = "test",
                          .name = name,
                          .group = number % 2 != 0 ? "odd" : "even",
                          .subject = name,
                          .inputs = name};
}

void store_remove(const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    for (int i = 0; i < 4; i++) {
        char name[300];
        snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        (void)remove(name);
    }
}

void store_path(const char *name, char path[256])
{
    snprintf(path, 256, "store_test_%s_%ld.db", name, (long)getpid());
    store_remove(path);
}

bool store_same(const ll_record *a, const ll_record *b)
{
    void *x = NULL, *y = NULL;
    size_t m = 0, n = 0;
    bool same = ll_record_to_bytes(a, &x, &m, NULL) == LL_OK &&
                ll_record_to_bytes(b, &y, &n, NULL) == LL_OK && m == n && memcmp(x, y, m) == 0;
    ll_free(x);
    ll_free(y);
    return same;
}

ll_store *store_open(const char *path, ll_store_access access, bool rollback_journal)
{
    ll_error error = {0};
    ll_store *store = NULL;
    ll_store_options options = {.access = access, .rollback_journal = rollback_journal};
    need(ll_store_open(path, &options, &store, &error), &error);
    return store;
}
