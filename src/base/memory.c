#include "losslens/base.h"

#include <stdlib.h>
#include <string.h>

bool ll_shape_count(const int64_t *shape, int rank, int64_t *count)
{
    int64_t product = 1;
    for (int axis = 0; axis < rank; axis++) {
        if (shape[axis] < 0 || !ll_multiply_int64(product, shape[axis], &product)) return false;
    }
    *count = product;
    return true;
}

void *ll_allocate(size_t bytes)
{
    /* aligned_alloc wants a multiple of the alignment; 0 bytes still gives a block of its own. */
    size_t rounded;
    if (!ll_add_size(bytes, LL_ALIGNMENT - 1, &rounded)) return NULL;
    rounded &= ~(size_t)(LL_ALIGNMENT - 1);
    return aligned_alloc(LL_ALIGNMENT, rounded != 0 ? rounded : LL_ALIGNMENT);
}

void *ll_allocate_zeroed(size_t bytes)
{
    void *block = ll_allocate(bytes);
    if (block != NULL) memset(block, 0, bytes);
    return block;
}

void *ll_allocate_array(int64_t count, size_t element_bytes)
{
    size_t bytes;
    if (count < 0 || !ll_multiply_size((size_t)count, element_bytes, &bytes)) return NULL;
    return ll_allocate(bytes);
}

void ll_free(void *block) { free(block); }

char *ll_text_copy(const char *text)
{
    if (text == NULL) return NULL;
    size_t bytes = strlen(text) + 1;
    char *copy = ll_allocate(bytes);
    if (copy != NULL) memcpy(copy, text, bytes);
    return copy;
}

/* ------------------------------------------------------------------ arena */

typedef struct chunk {
    struct chunk *older;
    size_t capacity, used; /* of the bytes behind this header */
} chunk;

struct ll_arena {
    chunk *newest;
    size_t next_capacity;
    size_t handed_out;
};

/* The header fills one whole alignment unit, so that the bytes behind it stay aligned. */
#define CHUNK_HEADER ((size_t)LL_ALIGNMENT)
_Static_assert(sizeof(chunk) <= LL_ALIGNMENT, "chunk header must fit one alignment unit");

ll_arena *ll_arena_create(size_t first_chunk_bytes)
{
    ll_arena *arena = ll_allocate(sizeof *arena);
    if (arena == NULL) return NULL;
    *arena = (ll_arena){.next_capacity = first_chunk_bytes > 4096 ? first_chunk_bytes : 4096};
    return arena;
}

void *ll_arena_allocate(ll_arena *arena, size_t bytes)
{
    size_t rounded;
    if (!ll_add_size(bytes, LL_ALIGNMENT - 1, &rounded)) return NULL;
    rounded &= ~(size_t)(LL_ALIGNMENT - 1);
    chunk *current = arena->newest;
    if (current == NULL || current->capacity - current->used < rounded) {
        size_t capacity = arena->next_capacity > rounded ? arena->next_capacity : rounded;
        size_t total;
        if (!ll_add_size(capacity, CHUNK_HEADER, &total)) return NULL;
        current = ll_allocate(total);
        if (current == NULL) return NULL;
        *current = (chunk){.older = arena->newest, .capacity = capacity};
        arena->newest = current;
        if (arena->next_capacity < (size_t)64 << 20) arena->next_capacity *= 2;
    }
    void *block = (char *)current + CHUNK_HEADER + current->used;
    current->used += rounded;
    arena->handed_out += bytes;
    return block;
}

char *ll_arena_text(ll_arena *arena, const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = ll_arena_allocate(arena, bytes);
    if (copy != NULL) memcpy(copy, text, bytes);
    return copy;
}

void ll_arena_reset(ll_arena *arena)
{
    chunk *largest = arena->newest;
    for (chunk *each = arena->newest; each != NULL; each = each->older) {
        if (each->capacity > largest->capacity) largest = each;
    }
    for (chunk *each = arena->newest; each != NULL;) {
        chunk *older = each->older;
        if (each != largest) ll_free(each);
        each = older;
    }
    if (largest != NULL) {
        largest->older = NULL;
        largest->used = 0;
    }
    arena->newest = largest;
    arena->handed_out = 0;
}

size_t ll_arena_bytes(const ll_arena *arena) { return arena->handed_out; }

void ll_arena_destroy(ll_arena *arena)
{
    if (arena == NULL) return;
    for (chunk *each = arena->newest; each != NULL;) {
        chunk *older = each->older;
        ll_free(each);
        each = older;
    }
    ll_free(arena);
}
