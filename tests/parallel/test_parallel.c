#include "losslens/parallel.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { CHUNKS = 1000 };

struct tally {
    _Atomic int seen[CHUNKS];
    _Atomic int highest_thread;
    int64_t fail_at;
};

static ll_status count_chunk(void *context, int64_t chunk, int thread, ll_error *error)
{
    struct tally *tally = context;
    atomic_fetch_add(&tally->seen[chunk], 1);
    if (thread > tally->highest_thread) tally->highest_thread = thread;
    if (tally->fail_at >= 0 && chunk >= tally->fail_at) {
        return ll_fail(error, LL_NUMERIC, "test", NULL, "chunk %d", (int)chunk);
    }
    return LL_OK;
}

static void every_chunk_once(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 5; threads++) {
        ll_team *team;
        assert_int_equal(ll_team_create(threads, &team, NULL), LL_OK);
        assert_int_equal(ll_team_threads(team), threads);
        for (int repeat = 0; repeat < 50; repeat++) {
            static struct tally tally;
            memset(&tally, 0, sizeof tally);
            tally.fail_at = -1;
            assert_int_equal(ll_team_run(team, CHUNKS, count_chunk, &tally, NULL), LL_OK);
            for (int i = 0; i < CHUNKS; i++) assert_int_equal(tally.seen[i], 1);
            assert_true(tally.highest_thread < threads);
        }
        ll_team_destroy(team);
    }
    ll_team_destroy(NULL);
}

/* Chunks are handed out in ascending order, so the lowest failing chunk always runs. */
static void lowest_failure_is_reported(void **state)
{
    (void)state;
    ll_team *team;
    assert_int_equal(ll_team_create(3, &team, NULL), LL_OK);
    for (int repeat = 0; repeat < 100; repeat++) {
        static struct tally tally;
        ll_error error = {0};
        memset(&tally, 0, sizeof tally);
        tally.fail_at = 17;
        assert_int_equal(ll_team_run(team, CHUNKS, count_chunk, &tally, &error), LL_NUMERIC);
        assert_string_equal(error.message, "chunk 17");
    }
    static struct tally after;
    memset(&after, 0, sizeof after);
    after.fail_at = -1;
    assert_int_equal(ll_team_run(team, CHUNKS, count_chunk, &after, NULL), LL_OK);
    ll_team_destroy(team);
}

struct relay {
    ll_team *team;
    int values[8];
    _Atomic int wrong;
};

/* In each round a thread reads what its neighbour wrote in the round before. */
static ll_status relay_round(void *context, int64_t chunk, int thread, ll_error *error)
{
    (void)chunk, (void)error;
    struct relay *relay = context;
    int threads = ll_team_threads(relay->team);
    for (int round = 0; round < 500; round++) {
        relay->values[thread] = round;
        ll_team_barrier(relay->team);
        if (relay->values[(thread + 1) % threads] != round) relay->wrong++;
        ll_team_barrier(relay->team);
    }
    return LL_OK;
}

static void barrier_orders_memory(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 4; threads++) {
        struct relay relay = {0};
        assert_int_equal(ll_team_create(threads, &relay.team, NULL), LL_OK);
        assert_int_equal(ll_team_run_each(relay.team, relay_round, &relay, NULL), LL_OK);
        assert_int_equal(relay.wrong, 0);
        ll_team_destroy(relay.team);
    }
}

static void team_without_workers(void **state)
{
    (void)state;
    static struct tally tally;
    tally.fail_at = -1;
    assert_int_equal(ll_team_run(NULL, CHUNKS, count_chunk, &tally, NULL), LL_OK);
    for (int i = 0; i < CHUNKS; i++) assert_int_equal(tally.seen[i], 1);
    assert_int_equal(ll_team_threads(NULL), 1);
    ll_team *team;
    ll_error error = {0};
    assert_int_equal(ll_team_create(-1, &team, &error), LL_INVALID_ARGUMENT);
    assert_non_null(strstr(error.message, "got -1"));
    assert_int_equal(ll_team_create(0, &team, NULL), LL_OK);
    assert_int_equal(ll_team_threads(team), ll_usable_cores());
    ll_team_destroy(team);
}

static void reductions(void **state)
{
    (void)state;
    enum { COUNT = 100001 };
    static double values[COUNT];
    long double exact = 0;
    for (int i = 0; i < COUNT; i++) {
        values[i] = 0.1 * (i % 7);
        exact += values[i];
    }
    assert_true(fabs((double)(ll_reduce_pairwise(values, COUNT) - exact)) < 1e-10);
    assert_true(ll_reduce_pairwise(values, 0) == 0.0);
    double rows[5][3];
    for (int r = 0; r < 5; r++) {
        for (int c = 0; c < 3; c++) rows[r][c] = r * 10 + c;
    }
    ll_reduce_rows(&rows[0][0], 5, 3);
    assert_true(rows[0][0] == 100.0 && rows[0][1] == 105.0 && rows[0][2] == 110.0);
}

static void single_communicator(void **state)
{
    (void)state;
    ll_communicator *one;
    assert_int_equal(ll_communicator_create_single(&one, NULL), LL_OK);
    assert_int_equal(one->rank, 0);
    assert_int_equal(one->ranks, 1);
    for (int64_t i = 0; i < 4; i++) assert_int_equal(one->next(one->context, 2, 4), i);
    assert_int_equal(one->next(one->context, 2, 4), -1);
    assert_int_equal(one->next(one->context, 2, 4), 0);
    int sent = 42, received = 0;
    assert_int_equal(one->gather(one->context, 0, &sent, sizeof sent, &received, NULL), LL_OK);
    assert_int_equal(received, 42);
    assert_int_equal(one->broadcast(one->context, 1, &sent, sizeof sent, NULL), LL_INVALID_ARGUMENT);
    ll_communicator_destroy(one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_chunk_once),
        cmocka_unit_test(lowest_failure_is_reported),
        cmocka_unit_test(barrier_orders_memory),
        cmocka_unit_test(team_without_workers),
        cmocka_unit_test(reductions),
        cmocka_unit_test(single_communicator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
