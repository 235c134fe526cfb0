/* The radix sorts against the C library's, at every size where the method changes and for keys that crowd. */
#include "topology/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MOST 9000

/* By the upper half, then by the lower: words are made with ascending lower halves, so this is "stable". */
static int by_word(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static uint32_t key_of(int kind, int64_t i, int64_t count, ll_rng rng)
{
    uint32_t random = (uint32_t)(ll_rng_uniform(rng, (uint64_t)i) * 4294967296.0);
    switch (kind) {
    case 0: return random;
    case 1: return random % 7;                                 /* ties */
    case 2: return (uint32_t)(count - i);                      /* descending, few bits differ */
    case 3: return (random & 1) << 31 | (uint32_t)(count - i); /* crowded in two places: insertion gives up */
    case 4: return UINT32_C(0x3F800000) + random % 70000;      /* just over 16 bits differ */
    case 5: return UINT32_MAX;
    default: return topology_key32((float)(random % 2000) / 7 - 100, false);
    }
}

static void words_like_qsort(void **unused)
{
    (void)unused;
    static const int64_t counts[] = {1, 2, 3, 47, 48, 49, 50, 180, 1000, 5999, 6000, 6001, MOST};
    static uint64_t words[MOST], wanted[MOST], scratch[MOST];
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        for (int kind = 0; kind < 7; kind++) {
            ll_rng rng = ll_rng_make((uint64_t)kind, "tests", "sort");
            int64_t count = counts[c];
            for (int64_t i = 0; i < count; i++)
                words[i] = (uint64_t)key_of(kind, i, count, rng) << 32 | (uint64_t)i;
            memcpy(wanted, words, sizeof words);
            qsort(wanted, (size_t)count, sizeof *wanted, by_word);
            topology_sort_words(words, scratch, count);
            if (memcmp(words, wanted, (size_t)count * sizeof *words) != 0) {
                fail_msg("kind %d, %lld words", kind, (long long)count);
            }
        }
    }
}

typedef struct pair {
    uint64_t key;
    uint32_t id;
} pair;

static int by_key(const void *a, const void *b)
{
    const pair *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static void keys_like_qsort(void **unused)
{
    (void)unused;
    static uint64_t keys[MOST], key_scratch[MOST];
    static uint32_t ids[MOST], id_scratch[MOST];
    static pair wanted[MOST];
    for (int64_t count = 1; count <= MOST; count = count * 3 + 1) {
        for (int kind = 0; kind < 7; kind++) {
            ll_rng rng = ll_rng_make((uint64_t)kind, "tests", "sort keys");
            for (int64_t i = 0; i < count; i++) {
                keys[i] = (uint64_t)key_of(kind, i, count, rng) << (8 * (kind % 5));
                ids[i] = (uint32_t)i;
                wanted[i] = (pair){keys[i], ids[i]};
            }
            qsort(wanted, (size_t)count, sizeof *wanted, by_key);
            topology_sort_keys(keys, ids, key_scratch, id_scratch, count);
            for (int64_t i = 0; i < count; i++)
                assert_true(keys[i] == wanted[i].key && ids[i] == wanted[i].id);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(words_like_qsort), cmocka_unit_test(keys_like_qsort)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
