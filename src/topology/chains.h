/* Growing ll_chains: points are added to the chain that end_chain closes. */
#ifndef LL_TOPOLOGY_CHAINS_H
#define LL_TOPOLOGY_CHAINS_H

#include "topology/internal.h"

typedef struct topology_chains {
    ll_chains chains;
    int64_t points, point_capacity, chain_capacity;
} topology_chains;

ll_status topology_chains_point(topology_chains *chains, double x, double y, ll_error *error) LL_MUST_CHECK;
/* Number of points since the last end_chain. */
int64_t topology_chains_open(const topology_chains *chains);
ll_status topology_chains_end(topology_chains *chains, double value, int64_t item, bool closed,
                              ll_error *error) LL_MUST_CHECK;
/* Hands the chains over (offsets are there even if count is 0). Afterwards deinit does nothing. */
ll_status topology_chains_take(topology_chains *chains, ll_chains *result, ll_error *error) LL_MUST_CHECK;
void topology_chains_deinit(topology_chains *chains);

#endif
