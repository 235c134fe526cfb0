/* Memory that stays between calls. Page faults cost as much as the whole stencil pass on smooth data, so
 * blocks are kept, and large ones ask for huge pages. */
#define _DEFAULT_SOURCE
#include "topology/internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

void *topology_allocate(size_t bytes)
{
#ifdef MADV_HUGEPAGE
    size_t rounded;
    if (bytes >= 4 * HUGE_PAGE && ll_add_size(bytes, HUGE_PAGE - 1, &rounded)) {
        rounded &= ~(HUGE_PAGE - 1);
        void *block = aligned_alloc(HUGE_PAGE, rounded);
        /* Advice only: a refusal changes nothing but the speed. */
        if (block != NULL) (void)madvise(block, rounded, MADV_HUGEPAGE);
        return block;
    }
#endif
    return ll_allocate(bytes);
}

ll_status topology_reserve(topology_block *block, size_t bytes, size_t keep, void **memory, ll_error *error)
{
    if (bytes > block->capacity || block->bytes == NULL) {
        void *grown = topology_allocate(bytes);
        if (grown == NULL) return ll_fail_memory(error, TOPOLOGY, bytes);
        if (keep > 0) memcpy(grown, block->bytes, keep);
        ll_free(block->bytes);
        *block = (topology_block){grown, bytes};
    }
    *memory = block->bytes;
    return LL_OK;
}

ll_status ll_topology_workspace_create(ll_topology_workspace **workspace, ll_error *error)
{
    ll_topology_workspace *made = ll_allocate_zeroed(sizeof *made);
    if (made == NULL) return ll_fail_memory(error, TOPOLOGY, sizeof *made);
    *workspace = made;
    return LL_OK;
}

void ll_topology_workspace_destroy(ll_topology_workspace *workspace)
{
    if (workspace == NULL) return;
    for (int slot = 0; slot < SLOT_COUNT; slot++) ll_free(workspace->slots[slot].bytes);
    for (int slab = 0; slab < TOPOLOGY_MAX_SLABS; slab++) {
        ll_free(workspace->slabs[slab].minima.bytes);
        ll_free(workspace->slabs[slab].edges.bytes);
        for (int part = 0; part < 4; part++) ll_free(workspace->slabs[slab].candidates[part].bytes);
    }
    ll_free(workspace);
}

size_t ll_topology_workspace_bytes(const ll_topology_workspace *workspace)
{
    size_t bytes = 0;
    if (workspace == NULL) return 0;
    for (int slot = 0; slot < SLOT_COUNT; slot++) bytes += workspace->slots[slot].capacity;
    for (int slab = 0; slab < workspace->slabs_used; slab++) {
        bytes += workspace->slabs[slab].minima.capacity + workspace->slabs[slab].edges.capacity;
        for (int part = 0; part < 4; part++) bytes += workspace->slabs[slab].candidates[part].capacity;
    }
    return bytes;
}

const topology_stencil *topology_workspace_stencil(ll_topology_workspace *workspace,
                                                   const ll_grid_field *field, ll_connectivity connectivity)
{
    size_t shape_bytes = (size_t)field->rank * sizeof *field->shape;
    bool kept = workspace->has_stencil && workspace->connectivity == connectivity &&
                workspace->rank == field->rank && memcmp(workspace->shape, field->shape, shape_bytes) == 0;
    if (!kept) {
        workspace->has_stencil = topology_stencil_make(field, connectivity, &workspace->stencil);
        workspace->connectivity = connectivity;
        workspace->rank = field->rank;
        memcpy(workspace->shape, field->shape, shape_bytes);
    }
    return workspace->has_stencil ? &workspace->stencil : NULL;
}
