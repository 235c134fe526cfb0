#include "losslens/parallel.h"

#include <string.h>

enum { QUEUES = 64 };

/* One process: `next` hands out the items of each queue in order. */
struct single {
    ll_communicator table;
    int64_t handed_out[QUEUES];
};

static int64_t single_next(void *context, int64_t queue, int64_t count)
{
    struct single *single = context;
    int64_t *position = &single->handed_out[(uint64_t)queue % QUEUES];
    if (*position < count) return (*position)++;
    *position = 0; /* the queue may be used again */
    return -1;
}

static ll_status single_broadcast(void *context, int root, void *bytes, size_t count, ll_error *error)
{
    (void)context, (void)bytes, (void)count;
    if (root != 0) return ll_fail(error, LL_INVALID_ARGUMENT, "parallel", "root", "got rank %d of 1", root);
    return LL_OK;
}

static ll_status single_gather(void *context, int root, const void *send, size_t count, void *recv,
                               ll_error *error)
{
    LL_TRY(single_broadcast(context, root, NULL, 0, error));
    if (count > 0) memmove(recv, send, count);
    return LL_OK;
}

static ll_status single_barrier(void *context, ll_error *error)
{
    (void)context, (void)error;
    return LL_OK;
}

static void single_destroy(ll_communicator *communicator) { ll_free(communicator->context); }

ll_status ll_communicator_create_single(ll_communicator **communicator, ll_error *error)
{
    struct single *single = ll_allocate_zeroed(sizeof *single);
    if (single == NULL) return ll_fail_memory(error, "parallel", sizeof *single);
    single->table = (ll_communicator){.context = single,
                                      .rank = 0,
                                      .ranks = 1,
                                      .next = single_next,
                                      .broadcast = single_broadcast,
                                      .gather = single_gather,
                                      .barrier = single_barrier,
                                      .destroy = single_destroy};
    *communicator = &single->table;
    return LL_OK;
}

void ll_communicator_destroy(ll_communicator *communicator)
{
    if (communicator != NULL) communicator->destroy(communicator);
}
