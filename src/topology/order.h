/* The order of vertices and of pairs as permutations. */
#ifndef LL_TOPOLOGY_ORDER_H
#define LL_TOPOLOGY_ORDER_H

#include "topology/internal.h"

static inline double topology_value_at(ll_array_type type, const void *values, int64_t v)
{
    return type == LL_ARRAY_FLOAT32 ? (double)((const float *)values)[v] : ((const double *)values)[v];
}

/* The finite vertices in the order of the field (of -f for superlevel); *sorted from ll_allocate.
 * O(vertices) per byte in which the values differ. */
ll_status topology_order_vertices(ll_array_type type, const void *values, int64_t vertices, bool superlevel,
                                  uint32_t **sorted, int64_t *valid, ll_error *error) LL_MUST_CHECK;

/* Permutation that sorts 0..count-1 by (value, id) in the order of the field; *sorted from ll_allocate. */
ll_status topology_order_items(const double *values, const int64_t *ids, int64_t count, bool superlevel,
                               uint32_t **sorted, ll_error *error) LL_MUST_CHECK;

#endif
