/* Runs together: the same bits as each alone, whatever order the line searches meet in; pieces, stopping, failure. */
#include "../support_cmocka.h"

#include "losslens/training.h"

#include <string.h>

enum { MEMBERS = 9, SIZE = 6 };

static ll_problem *make_problem(void)
{
    ll_problem *problem = NULL;
    ll_analytic_options options = {
        .kind = LL_ANALYTIC_ROSENBROCK, .type = LL_REAL_FLOAT64, .dimensions = SIZE};
    assert_int_equal(ll_problem_create_analytic(&options, &problem, NULL), LL_OK);
    return problem;
}

/* Starts of different difficulty, so that runs end at different times. */
static void make_options(double starts[MEMBERS][SIZE], ll_training_options options[MEMBERS])
{
    for (int64_t m = 0; m < MEMBERS; m++) {
        ll_rng rng = ll_rng_make(11, "start", "");
        for (int64_t i = 0; i < SIZE; i++)
            starts[m][i] = 1.0 + 0.3 * (double)m * ll_rng_normal(rng, (uint64_t)(m * SIZE + i));
        options[m] =
            (ll_training_options){.optimiser = {.kind = m % 3 == 2 ? LL_OPTIMISER_ADAM : LL_OPTIMISER_LBFGS},
                                  .epochs = 60 + 7 * m,
                                  .checkpoint_every = 10,
                                  .seed = (uint64_t)m,
                                  .theta = starts[m]};
    }
}

static void assert_same_record(const ll_record *a, const ll_record *b)
{
    void *one = NULL, *other = NULL;
    size_t size = 0, size_other = 0;
    assert_int_equal(ll_record_to_bytes(a, &one, &size, NULL), LL_OK);
    assert_int_equal(ll_record_to_bytes(b, &other, &size_other, NULL), LL_OK);
    assert_int_equal(size, size_other);
    assert_memory_equal(one, other, size);
    ll_free(one);
    ll_free(other);
}

static void test_same_bits(void **state)
{
    (void)state;
    ll_problem *problem = make_problem();
    double starts[MEMBERS][SIZE];
    ll_training_options options[MEMBERS];
    ll_record *records[MEMBERS], *alone;
    make_options(starts, options);
    assert_int_equal(ll_training_run_together(problem, options, MEMBERS, NULL, records, NULL), LL_OK);
    for (int64_t m = 0; m < MEMBERS; m++) {
        assert_int_equal(ll_training_run(problem, &options[m], NULL, &alone, NULL), LL_OK);
        assert_same_record(records[m], alone);
        ll_record_destroy(alone);
        ll_record_destroy(records[m]);
    }
    ll_problem_destroy(problem);
}

static void test_stopped_and_continued(void **state)
{
    (void)state;
    ll_problem *problem = make_problem();
    double starts[MEMBERS][SIZE];
    ll_training_options options[MEMBERS];
    ll_record *whole[MEMBERS], *records[MEMBERS] = {0};
    ll_memory_sink *memory = NULL;
    make_options(starts, options);
    assert_int_equal(ll_training_run_together(problem, options, MEMBERS, NULL, whole, NULL), LL_OK);
    assert_int_equal(ll_memory_sink_create(&memory, NULL), LL_OK);
    int stops = 0;
    for (; stops < 200; stops++) {
        /* A stopped run keeps where it is: one piece a run, and then two more. */
        ll_memory_sink_stop_after(memory, MEMBERS + 2);
        ll_error error = {0};
        ll_status status =
            ll_training_run_together(problem, options, MEMBERS, ll_memory_sink_view(memory), records, &error);
        if (status == LL_OK) break;
        assert_int_equal(status, LL_CANCELLED);
        assert_null(records[0]);
    }
    assert_in_range(stops, 1, 199);
    for (int64_t m = 0; m < MEMBERS; m++) {
        assert_same_record(records[m], whole[m]);
        ll_record_destroy(records[m]);
        ll_record_destroy(whole[m]);
    }
    ll_memory_sink_destroy(memory);
    ll_problem_destroy(problem);
}

static ll_status full_disk(void *context, const char *piece, const void *bytes, size_t count, ll_error *error)
{
    (void)context, (void)bytes, (void)count;
    return strncmp(piece, "4/", 2) == 0 ? ll_fail(error, LL_IO, "test", piece, "no space") : LL_OK;
}

static void test_one_failure_ends_all(void **state)
{
    (void)state;
    ll_problem *problem = make_problem();
    double starts[MEMBERS][SIZE];
    ll_training_options options[MEMBERS];
    ll_record *records[MEMBERS] = {0};
    make_options(starts, options);
    ll_sink sink = {.put = full_disk};
    ll_error error = {0};
    assert_int_equal(ll_training_run_together(problem, options, MEMBERS, &sink, records, &error), LL_IO);
    assert_string_equal(error.message, "no space");
    assert_null(records[0]);
    options[3].batch_size = 4;
    assert_int_equal(ll_training_run_together(problem, options, MEMBERS, NULL, records, &error),
                     LL_UNSUPPORTED);
    assert_int_equal(ll_training_run_together(problem, options, 0, NULL, records, &error),
                     LL_INVALID_ARGUMENT);
    ll_problem_destroy(problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_stopped_and_continued),
        cmocka_unit_test(test_one_failure_ends_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
