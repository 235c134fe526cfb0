/* The large blocks of a run: arenas, fixed values, stash. */
#define _DEFAULT_SOURCE
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 2 << 20 };

/* Several MiB are asked for in large pages: a pass walks through them once, and the translation of addresses would halve
 * its speed. */
static char *allocate_pages(size_t bytes)
{
    size_t rounded;
    if (!ll_add_size(bytes, PAGE - 1, &rounded)) return NULL;
    rounded = rounded / PAGE * PAGE;
    char *block = aligned_alloc(PAGE, rounded);
#ifdef MADV_HUGEPAGE
    if (block) (void)madvise(block, rounded, MADV_HUGEPAGE); /* a hint: where it is refused, small pages do */
#endif
    return block;
}

ll_status ll_block_replace(char **block, size_t bytes, ll_error *error)
{
    ll_free(*block);
    *block = bytes < 2 * (size_t)PAGE ? ll_allocate(bytes + LL_VALUE_SLACK)
                                      : allocate_pages(bytes + LL_VALUE_SLACK);
    if (!*block) return ll_fail_memory(error, "runtime", bytes);
    memset(*block, 0, bytes + LL_VALUE_SLACK);
    return LL_OK;
}
