/* cache.h - decoded arrays, computed records: made once for all who ask at the same time, kept within a
 * budget. */
#ifndef LOSSLENS_SERVER_CACHE_H
#define LOSSLENS_SERVER_CACHE_H

#include "losslens/base.h"

typedef struct ll_cache ll_cache;

/* Makes a value: *value, its bytes for the budget, and how it ends. Called without locks. */
typedef ll_status (*ll_cache_maker)(void *context, void **value, size_t *bytes, ll_error *error);
typedef void (*ll_cache_ender)(void *value);

ll_cache *ll_cache_create(size_t budget); /* NULL on no memory */
void ll_cache_destroy(ll_cache *cache);   /* nothing may be held */

/* The value of a key, and a hold on it that ll_cache_release ends. Who comes while it is made waits for it
 * and shares the outcome. Values in use are never dropped; others are, least recently used first, beyond the
 * budget. */
ll_status ll_cache_get(ll_cache *cache, const char *key, ll_cache_maker make, ll_cache_ender end,
                       void *context, void **value, void **hold, ll_error *error) LL_MUST_CHECK;
void ll_cache_release(void *hold);
size_t ll_cache_bytes(ll_cache *cache); /* held now */

#endif
