#include "losslens/base.h"

#include <stdio.h>
#include <xxhash.h>

struct ll_hasher {
    XXH3_state_t *state;
};

static ll_hash from_xxh(XXH128_hash_t value) { return (ll_hash){.high = value.high64, .low = value.low64}; }

ll_hash ll_hash_bytes(const void *bytes, size_t count) { return from_xxh(XXH3_128bits(bytes, count)); }

bool ll_hash_equal(ll_hash a, ll_hash b) { return a.high == b.high && a.low == b.low; }

void ll_hash_text(ll_hash hash, char text[33])
{
    snprintf(text, 33, "%016llx%016llx", (unsigned long long)hash.high, (unsigned long long)hash.low);
}

ll_hasher *ll_hasher_create(void)
{
    ll_hasher *hasher = ll_allocate(sizeof *hasher);
    if (hasher == NULL) return NULL;
    hasher->state = XXH3_createState();
    if (hasher->state == NULL || XXH3_128bits_reset(hasher->state) != XXH_OK) {
        ll_hasher_destroy(hasher);
        return NULL;
    }
    return hasher;
}

void ll_hasher_add(ll_hasher *hasher, const void *bytes, size_t count)
{
    XXH3_128bits_update(hasher->state, bytes, count);
}

ll_hash ll_hasher_value(const ll_hasher *hasher) { return from_xxh(XXH3_128bits_digest(hasher->state)); }

void ll_hasher_destroy(ll_hasher *hasher)
{
    if (hasher == NULL) return;
    if (hasher->state != NULL) XXH3_freeState(hasher->state);
    ll_free(hasher);
}
