#include "topology/chains.h"

#include <string.h>

void ll_chains_deinit(ll_chains *chains)
{
    if (!chains) return;
    ll_free(chains->offsets), ll_free(chains->points), ll_free(chains->values);
    ll_free(chains->items), ll_free(chains->closed);
    *chains = (ll_chains){0};
}

void topology_chains_deinit(topology_chains *chains)
{
    ll_chains_deinit(&chains->chains);
    *chains = (topology_chains){0};
}

static ll_status regrow(void **block, int64_t count, int64_t capacity, size_t element, ll_error *error)
{
    void *grown = ll_allocate_array(capacity, element);
    if (!grown) return ll_fail_memory(error, TOPOLOGY, (size_t)capacity * element);
    if (count > 0) memcpy(grown, *block, (size_t)count * element);
    ll_free(*block);
    *block = grown;
    return LL_OK;
}

static ll_status reserve_chain(topology_chains *chains, ll_error *error)
{
    ll_chains *c = &chains->chains;
    if (c->offsets && c->count < chains->chain_capacity) return LL_OK;
    int64_t capacity = chains->chain_capacity ? 2 * chains->chain_capacity : 64;
    LL_TRY(
        regrow((void **)&c->offsets, c->offsets ? c->count + 1 : 0, capacity + 1, sizeof *c->offsets, error));
    LL_TRY(regrow((void **)&c->values, c->count, capacity, sizeof *c->values, error));
    LL_TRY(regrow((void **)&c->items, c->count, capacity, sizeof *c->items, error));
    LL_TRY(regrow((void **)&c->closed, c->count, capacity, sizeof *c->closed, error));
    if (c->count == 0) c->offsets[0] = 0;
    chains->chain_capacity = capacity;
    return LL_OK;
}

ll_status topology_chains_point(topology_chains *chains, double x, double y, ll_error *error)
{
    if (chains->points == chains->point_capacity) {
        int64_t capacity = chains->point_capacity ? 2 * chains->point_capacity : 256;
        LL_TRY(
            regrow((void **)&chains->chains.points, 2 * chains->points, 2 * capacity, sizeof(double), error));
        chains->point_capacity = capacity;
    }
    chains->chains.points[2 * chains->points] = x;
    chains->chains.points[2 * chains->points++ + 1] = y;
    return LL_OK;
}

int64_t topology_chains_open(const topology_chains *chains)
{
    return chains->points - (chains->chains.count > 0 ? chains->chains.offsets[chains->chains.count] : 0);
}

ll_status topology_chains_end(topology_chains *chains, double value, int64_t item, bool closed,
                              ll_error *error)
{
    LL_TRY(reserve_chain(chains, error));
    ll_chains *c = &chains->chains;
    c->values[c->count] = value;
    c->items[c->count] = item;
    c->closed[c->count++] = closed;
    c->offsets[c->count] = chains->points;
    return LL_OK;
}

ll_status topology_chains_take(topology_chains *chains, ll_chains *result, ll_error *error)
{
    LL_TRY(reserve_chain(chains, error));
    if (!chains->chains.points) {
        chains->chains.points = ll_allocate(0);
        if (!chains->chains.points) return ll_fail_memory(error, TOPOLOGY, 64);
    }
    *result = chains->chains;
    *chains = (topology_chains){0};
    return LL_OK;
}
