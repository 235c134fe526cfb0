/* losslens/parallel.h - a team of threads, deterministic reductions, and the communicator.
 *
 * Work is cut into chunks by the caller, by rules that do not look at the number of threads; the team
 * only decides who computes which chunk. Whatever is summed over chunks is summed in the fixed order
 * of ll_reduce_pairwise. So the bits of a result are the same for 1, 2 or N threads.
 */
#ifndef LOSSLENS_PARALLEL_H
#define LOSSLENS_PARALLEL_H

#include "losslens/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ll_team ll_team;

/* A team of `threads` threads, the caller included (1: no thread is made; 0: one per core this process
 * may use, cgroup quota and affinity obeyed). Threads sleep between runs. LL_INVALID_ARGUMENT for a
 * negative or absurd (> 1024) number; LL_OUT_OF_MEMORY if threads cannot be made. Free with
 * ll_team_destroy. */
LL_API ll_status ll_team_create(int threads, ll_team **team, ll_error *error) LL_MUST_CHECK;
LL_API void ll_team_destroy(ll_team *team);
LL_API int ll_team_threads(const ll_team *team); /* NULL counts as a team of one */
/* Cores that this process may use: affinity and cgroup quota obeyed; at least 1. */
LL_API int ll_usable_cores(void);

/* Bytes of memory that this process may use: the machine's, or fewer where a control group says so. 0: unknown. */
LL_API size_t ll_usable_memory(void);

/* Called for each chunk 0..chunks-1, once each, in any order, by thread 0..threads-1 (0 is the caller).
 * A status other than LL_OK stops the handing out of further chunks. */
typedef ll_status (*ll_chunk_function)(void *context, int64_t chunk, int thread, ll_error *error);

/* Runs `function` over all chunks and waits. Chunks are handed out in ascending order from a shared
 * counter. Returns the failure of the lowest failed chunk, so that the reported error does not depend
 * on timing among those that ran. team NULL runs all on the caller. Not re-entrant on one team.
 * With few, tiny chunks the caller does all itself before a sleeping thread wakes: no harm done. */
LL_API ll_status ll_team_run(ll_team *team, int64_t chunks, ll_chunk_function function, void *context,
                             ll_error *error) LL_MUST_CHECK;

/* Every thread of the team at once, for code with its own barriers: function(context, thread, thread). */
LL_API ll_status ll_team_run_each(ll_team *team, ll_chunk_function function, void *context,
                                  ll_error *error) LL_MUST_CHECK;
/* Waits until every thread of the running ll_team_run_each got here. Short spin, then sleep. */
LL_API void ll_team_barrier(ll_team *team);

/* Sum of count doubles by a fixed binary tree (pairs of halves), O(log n) rounding error growth.
 * count = 0 gives 0. */
LL_API double ll_reduce_pairwise(const double *values, int64_t count);
/* The same tree over `rows` vectors of `width` doubles (row-major); overwrites the rows, the sum is in
 * row 0. rows = 0 does nothing. */
LL_API void ll_reduce_rows(double *values, int64_t rows, int64_t width);

/* ---------------------------------------------------------------- communicator */

/* Many processes that work on one study. The single-process implementation is here; an MPI one has the
 * same table. All calls but `next` are collective. */
typedef struct ll_communicator {
    void *context;
    int rank, ranks;
    /* The next item of a dynamic queue of `count` items, or -1 when it is empty; each item goes to one
     * rank. `queue` is a number that the ranks agree on. */
    int64_t (*next)(void *context, int64_t queue, int64_t count);
    ll_status (*broadcast)(void *context, int root, void *bytes, size_t count, ll_error *error);
    /* recv holds ranks * count bytes, in rank order; valid on root only. */
    ll_status (*gather)(void *context, int root, const void *send, size_t count, void *recv, ll_error *error);
    ll_status (*barrier)(void *context, ll_error *error);
    void (*destroy)(struct ll_communicator *communicator);
} ll_communicator;

/* One process: rank 0 of 1. */
LL_API ll_status ll_communicator_create_single(ll_communicator **communicator, ll_error *error) LL_MUST_CHECK;
LL_API void ll_communicator_destroy(ll_communicator *communicator);

#ifdef __cplusplus
}
#endif
#endif
