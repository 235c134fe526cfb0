#include "topology/order.h"

#include <math.h>

ll_status topology_order_vertices(ll_array_type type, const void *values, int64_t vertices, bool superlevel,
                                  uint32_t **sorted, int64_t *valid, ll_error *error)
{
    uint64_t *keys = ll_allocate_array(2 * vertices, sizeof *keys);
    uint32_t *spare = ll_allocate_array(vertices, sizeof *spare);
    uint32_t *ids = ll_allocate_array(vertices, sizeof *ids);
    if (!keys || !spare || !ids) {
        ll_free(keys), ll_free(spare), ll_free(ids);
        return ll_fail_memory(error, TOPOLOGY, (size_t)vertices * 24);
    }
    int64_t count = 0;
    for (int64_t v = 0; v < vertices; v++) {
        if (type == LL_ARRAY_FLOAT32) {
            float value = ((const float *)values)[v];
            if (!isfinite(value)) continue;
            keys[count] = topology_key32(value, superlevel);
        } else {
            double value = ((const double *)values)[v];
            if (!isfinite(value)) continue;
            keys[count] = topology_key64(value, superlevel);
        }
        ids[count++] = (uint32_t)v;
    }
    topology_sort_keys(keys, ids, keys + vertices, spare, count);
    ll_free(keys), ll_free(spare);
    *sorted = ids;
    *valid = count;
    return LL_OK;
}

ll_status topology_order_items(const double *values, const int64_t *ids, int64_t count, bool superlevel,
                               uint32_t **sorted, ll_error *error)
{
    uint64_t *keys = ll_allocate_array(2 * count, sizeof *keys);
    uint32_t *spare = ll_allocate_array(count, sizeof *spare);
    uint32_t *items = ll_allocate_array(count, sizeof *items);
    if (!keys || !spare || !items) {
        ll_free(keys), ll_free(spare), ll_free(items);
        return ll_fail_memory(error, TOPOLOGY, (size_t)count * 24);
    }
    for (int64_t i = 0; i < count; i++) {
        keys[i] = (uint64_t)ids[i];
        items[i] = (uint32_t)i;
    }
    topology_sort_keys(keys, items, keys + count, spare, count);
    for (int64_t i = 0; i < count; i++) keys[i] = topology_key64(values[items[i]], superlevel);
    topology_sort_keys(keys, items, keys + count, spare, count);
    ll_free(keys), ll_free(spare);
    *sorted = items;
    return LL_OK;
}
