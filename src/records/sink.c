#include "losslens/records.h"

#include <stdio.h>
#include <string.h>

bool ll_sink_find(const ll_sink *sink, const char *piece, void **bytes, size_t *count)
{
    return sink != NULL && sink->find != NULL && sink->find(sink->context, piece, bytes, count);
}

ll_status ll_sink_put(const ll_sink *sink, const char *piece, const void *bytes, size_t count,
                      ll_error *error)
{
    if (sink == NULL || sink->put == NULL) return LL_OK;
    return sink->put(sink->context, piece, bytes, count, error);
}

void ll_sink_progress(const ll_sink *sink, const ll_progress *progress)
{
    if (sink != NULL && sink->progress != NULL) sink->progress(sink->context, progress);
}

bool ll_sink_should_stop(const ll_sink *sink)
{
    return sink != NULL && sink->should_stop != NULL && sink->should_stop(sink->context);
}

/* ---------------------------------------------------------------- under a prefix */

static bool full_name(const ll_prefixed_sink *prefixed, const char *piece, char name[LL_PIECE_NAME])
{
    int length = snprintf(name, LL_PIECE_NAME, "%s%s", prefixed->prefix, piece);
    return length >= 0 && length < LL_PIECE_NAME;
}

static bool prefixed_find(void *context, const char *piece, void **bytes, size_t *count)
{
    const ll_prefixed_sink *prefixed = context;
    char name[LL_PIECE_NAME];
    return full_name(prefixed, piece, name) && ll_sink_find(prefixed->outer, name, bytes, count);
}

static ll_status prefixed_put(void *context, const char *piece, const void *bytes, size_t count,
                              ll_error *error)
{
    const ll_prefixed_sink *prefixed = context;
    char name[LL_PIECE_NAME];
    if (!full_name(prefixed, piece, name))
        return ll_fail(error, LL_TOO_LARGE, "records", piece,
                       "the name of the piece is too long behind \"%s\"", prefixed->prefix);
    return ll_sink_put(prefixed->outer, name, bytes, count, error);
}

static void prefixed_progress(void *context, const ll_progress *progress)
{
    ll_sink_progress(((const ll_prefixed_sink *)context)->outer, progress);
}

static bool prefixed_should_stop(void *context)
{
    return ll_sink_should_stop(((const ll_prefixed_sink *)context)->outer);
}

/* find and put are there only where the outer sink has them: an analysis may save itself the bytes. */
ll_sink ll_prefixed_sink_view(ll_prefixed_sink *prefixed)
{
    const ll_sink *outer = prefixed->outer;
    return (ll_sink){.context = prefixed,
                     .find = outer != NULL && outer->find != NULL ? prefixed_find : NULL,
                     .put = outer != NULL && outer->put != NULL ? prefixed_put : NULL,
                     .progress = prefixed_progress,
                     .should_stop = prefixed_should_stop};
}

/* ---------------------------------------------------------------- in memory */

typedef struct piece {
    char *id;
    void *bytes;
    size_t count;
} piece;

struct ll_memory_sink {
    ll_sink table;
    piece *pieces;
    int64_t count, capacity;
    int64_t puts, stop_after;
};

static piece *find_piece(const ll_memory_sink *memory, const char *id)
{
    for (int64_t i = 0; i < memory->count; i++) {
        if (strcmp(memory->pieces[i].id, id) == 0) return &memory->pieces[i];
    }
    return NULL;
}

static bool memory_find(void *context, const char *id, void **bytes, size_t *count)
{
    const piece *found = find_piece(context, id);
    if (found == NULL) return false;
    void *copy = ll_allocate(found->count);
    if (copy == NULL) return false;
    if (found->count > 0) memcpy(copy, found->bytes, found->count);
    *bytes = copy;
    *count = found->count;
    return true;
}

static ll_status memory_put(void *context, const char *id, const void *bytes, size_t count, ll_error *error)
{
    ll_memory_sink *memory = context;
    void *copy = ll_allocate(count);
    if (copy == NULL) return ll_fail_memory(error, "records", count);
    if (count > 0) memcpy(copy, bytes, count);
    piece *slot = find_piece(memory, id);
    if (slot == NULL) {
        if (memory->count == memory->capacity) {
            int64_t capacity = memory->capacity > 0 ? 2 * memory->capacity : 16;
            piece *grown = ll_allocate_array(capacity, sizeof *grown);
            if (grown == NULL) {
                ll_free(copy);
                return ll_fail_memory(error, "records", (size_t)capacity * sizeof *grown);
            }
            if (memory->count > 0) memcpy(grown, memory->pieces, (size_t)memory->count * sizeof *grown);
            ll_free(memory->pieces);
            memory->pieces = grown;
            memory->capacity = capacity;
        }
        char *id_copy = ll_text_copy(id);
        if (id_copy == NULL) {
            ll_free(copy);
            return ll_fail_memory(error, "records", strlen(id) + 1);
        }
        slot = &memory->pieces[memory->count++];
        *slot = (piece){.id = id_copy};
    }
    ll_free(slot->bytes);
    slot->bytes = copy;
    slot->count = count;
    memory->puts++;
    return LL_OK;
}

static bool memory_should_stop(void *context)
{
    const ll_memory_sink *memory = context;
    return memory->stop_after >= 0 && memory->puts >= memory->stop_after;
}

ll_status ll_memory_sink_create(ll_memory_sink **out, ll_error *error)
{
    ll_memory_sink *memory = ll_allocate_zeroed(sizeof *memory);
    if (memory == NULL) return ll_fail_memory(error, "records", sizeof *memory);
    memory->table = (ll_sink){
        .context = memory, .find = memory_find, .put = memory_put, .should_stop = memory_should_stop};
    memory->stop_after = -1;
    *out = memory;
    return LL_OK;
}

void ll_memory_sink_destroy(ll_memory_sink *memory)
{
    if (memory == NULL) return;
    for (int64_t i = 0; i < memory->count; i++) {
        ll_free(memory->pieces[i].id);
        ll_free(memory->pieces[i].bytes);
    }
    ll_free(memory->pieces);
    ll_free(memory);
}

const ll_sink *ll_memory_sink_view(ll_memory_sink *memory) { return &memory->table; }

void ll_memory_sink_stop_after(ll_memory_sink *memory, int64_t puts)
{
    memory->stop_after = puts;
    memory->puts = 0;
}

int64_t ll_memory_sink_count(const ll_memory_sink *memory) { return memory->count; }
