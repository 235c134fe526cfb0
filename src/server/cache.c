#define _POSIX_C_SOURCE 200809L
#include "server/cache.h"

#include <pthread.h>
#include <string.h>

enum { BUCKETS = 1024 };

typedef struct entry entry;
struct entry {
    ll_cache *cache;
    char *key;
    entry *next;          /* in the bucket */
    entry *older, *newer; /* by use; of values that are there */
    void *value;
    size_t bytes;
    ll_cache_ender end;
    int64_t holds; /* who makes it, who waits for it, who uses it */
    bool made;     /* value or failure is there */
    bool listed;   /* in the bucket; a failure is not */
    ll_error failure;
};

struct ll_cache {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    entry *buckets[BUCKETS];
    entry *oldest, *newest;
    size_t bytes, budget;
};

ll_cache *ll_cache_create(size_t budget)
{
    ll_cache *cache = ll_allocate_zeroed(sizeof *cache);
    if (cache == NULL) return NULL;
    cache->budget = budget;
    pthread_mutex_init(&cache->mutex, NULL);
    pthread_cond_init(&cache->changed, NULL);
    return cache;
}

static entry **bucket_of(ll_cache *cache, const char *key)
{
    return &cache->buckets[ll_hash_bytes(key, strlen(key)).low % BUCKETS];
}

static void unlink_use(entry *e)
{
    ll_cache *cache = e->cache;
    if (e->older != NULL) e->older->newer = e->newer;
    if (e->newer != NULL) e->newer->older = e->older;
    if (cache->oldest == e) cache->oldest = e->newer;
    if (cache->newest == e) cache->newest = e->older;
    e->older = e->newer = NULL;
}

static void link_newest(entry *e)
{
    ll_cache *cache = e->cache;
    e->older = cache->newest;
    if (cache->newest != NULL) cache->newest->newer = e;
    cache->newest = e;
    if (cache->oldest == NULL) cache->oldest = e;
}

static void unlist(entry *e)
{
    for (entry **at = bucket_of(e->cache, e->key); e->listed && *at != NULL; at = &(*at)->next) {
        if (*at != e) continue;
        *at = e->next;
        break;
    }
    e->listed = false;
}

static void end_entry(entry *e)
{
    if (e->value != NULL) e->end(e->value);
    ll_free(e->key);
    ll_free(e);
}

/* The entries that must go, as a chain; their values end outside the lock. */
static entry *over_budget(ll_cache *cache)
{
    entry *gone = NULL;
    for (entry *e = cache->oldest; e != NULL && cache->bytes > cache->budget;) {
        entry *newer = e->newer;
        if (e->holds == 0) {
            unlink_use(e);
            unlist(e);
            cache->bytes -= e->bytes;
            e->next = gone;
            gone = e;
        }
        e = newer;
    }
    return gone;
}

static void end_chain(entry *gone)
{
    while (gone != NULL) {
        entry *next = gone->next;
        end_entry(gone);
        gone = next;
    }
}

void ll_cache_destroy(ll_cache *cache)
{
    if (cache == NULL) return;
    cache->budget = 0;
    end_chain(over_budget(cache));
    for (entry *e = cache->oldest; e != NULL;) { /* values of no bytes */
        entry *newer = e->newer;
        end_entry(e);
        e = newer;
    }
    pthread_mutex_destroy(&cache->mutex);
    pthread_cond_destroy(&cache->changed);
    ll_free(cache);
}

/* The key's entry with one hold more; *mine: new, and to be made by the caller. NULL on no memory. */
static entry *hold_entry(ll_cache *cache, const char *key, ll_cache_ender end, bool *mine)
{
    entry **bucket = bucket_of(cache, key), *e = *bucket;
    *mine = false;
    while (e != NULL && strcmp(e->key, key) != 0) e = e->next;
    if (e == NULL) {
        e = ll_allocate_zeroed(sizeof *e);
        if (e == NULL) return NULL;
        *e = (entry){.cache = cache, .key = ll_text_copy(key), .next = *bucket, .end = end, .listed = true};
        if (e->key == NULL) {
            ll_free(e);
            return NULL;
        }
        *bucket = e;
        *mine = true;
    }
    e->holds++;
    return e;
}

ll_status ll_cache_get(ll_cache *cache, const char *key, ll_cache_maker make, ll_cache_ender end,
                       void *context, void **value, void **hold, ll_error *error)
{
    bool mine;
    ll_error failure = {0};
    entry *gone = NULL;
    pthread_mutex_lock(&cache->mutex);
    entry *e = hold_entry(cache, key, end, &mine);
    if (e == NULL) {
        pthread_mutex_unlock(&cache->mutex);
        return ll_fail_memory(error, "server", sizeof *e);
    }
    if (mine) {
        void *made = NULL;
        size_t bytes = 0;
        pthread_mutex_unlock(&cache->mutex);
        ll_status status = make(context, &made, &bytes, &failure);
        pthread_mutex_lock(&cache->mutex);
        e->made = true;
        e->failure = failure;
        e->failure.status = status;
        if (status == LL_OK) {
            e->value = made;
            e->bytes = bytes;
            cache->bytes += bytes;
            link_newest(e);
        } else {
            unlist(e); /* the next who asks tries again */
        }
        pthread_cond_broadcast(&cache->changed);
        gone = over_budget(cache);
    } else {
        while (!e->made) pthread_cond_wait(&cache->changed, &cache->mutex);
        if (e->value != NULL) {
            unlink_use(e);
            link_newest(e);
        }
    }
    failure = e->failure;
    bool last = failure.status != LL_OK && --e->holds == 0;
    pthread_mutex_unlock(&cache->mutex);
    end_chain(gone);
    if (last) end_entry(e);
    if (failure.status != LL_OK) {
        if (error != NULL) *error = failure;
        return failure.status;
    }
    *value = e->value;
    *hold = e;
    return LL_OK;
}

void ll_cache_release(void *hold)
{
    entry *e = hold;
    if (e == NULL) return;
    ll_cache *cache = e->cache;
    pthread_mutex_lock(&cache->mutex);
    e->holds--;
    entry *gone = over_budget(cache);
    pthread_mutex_unlock(&cache->mutex);
    end_chain(gone);
}

size_t ll_cache_bytes(ll_cache *cache)
{
    pthread_mutex_lock(&cache->mutex);
    size_t bytes = cache->bytes;
    pthread_mutex_unlock(&cache->mutex);
    return bytes;
}
