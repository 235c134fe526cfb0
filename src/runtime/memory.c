/* Where every value lies. Within a pass, values that are alive at the same time get disjoint ranges of the thread's
 * arena: largest first, each at the lowest free offset (the usual greedy interval packing). The stash is packed likewise
 * over all passes: what a later pass keeps goes where something just read has ended, and is still in the cache. Fixed
 * values are not reused within a run. */
#include "internal.h"

#include <stdlib.h>

static size_t round_up(size_t bytes) { return (bytes + LL_ALIGNMENT - 1) / LL_ALIGNMENT * LL_ALIGNMENT; }

size_t ll_value_bytes(const ll_value *value, int64_t samples)
{
    return round_up(value->fixed_bytes + value->sample_bytes * (size_t)samples + LL_VALUE_SLACK);
}

int32_t ll_plan_root(const ll_plan *plan, int32_t value)
{
    while (plan->values[value].alias >= 0) value = plan->values[value].alias;
    return value;
}

typedef struct block {
    int32_t value, first, last;
    size_t bytes, offset;
} block;

static int by_size(const void *a, const void *b)
{
    const block *x = a, *y = b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x->value < y->value ? -1 : 1;
}

static int by_offset(const void *a, const void *b)
{
    const block *x = *(const block *const *)a, *y = *(const block *const *)b;
    if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
    return x->value < y->value ? -1 : 1;
}

/* Offsets of the arena values of one pass, or of the stash (pass -1), with `samples` samples; the bytes needed. */
static void pack(const ll_plan *plan, int pass, int64_t samples, block *blocks, block **overlapping,
                 size_t *bytes)
{
    int64_t count = 0;
    for (int32_t v = 0; v < plan->value_count; v++) {
        const ll_value *value = &plan->values[v];
        bool wanted =
            pass < 0 ? value->place == LL_PLACE_STASH : value->place == LL_PLACE_ARENA && value->pass == pass;
        if (value->alias >= 0 || !wanted) continue;
        blocks[count++] = (block){
            .value = v, .first = value->first, .last = value->last, .bytes = ll_value_bytes(value, samples)};
    }
    qsort(blocks, (size_t)count, sizeof *blocks, by_size);
    for (int64_t i = 0; i < count; i++) {
        int64_t overlaps = 0;
        for (int64_t j = 0; j < i; j++)
            if (blocks[j].first <= blocks[i].last && blocks[i].first <= blocks[j].last)
                overlapping[overlaps++] = &blocks[j];
        qsort(overlapping, (size_t)overlaps, sizeof *overlapping, by_offset);
        size_t at = 0;
        for (int64_t j = 0; j < overlaps; j++) {
            if (overlapping[j]->offset >= at + blocks[i].bytes) break;
            size_t end = overlapping[j]->offset + overlapping[j]->bytes;
            if (end > at) at = end;
        }
        blocks[i].offset = at;
        if (at + blocks[i].bytes > *bytes) *bytes = at + blocks[i].bytes;
    }
    for (int64_t i = 0; i < count; i++) plan->values[blocks[i].value].offset = blocks[i].offset;
}

/* Offsets of passes from .. to (-1: the stash). */
static ll_status pack_all(ll_plan *plan, int from, int to, int64_t samples, size_t *bytes, ll_error *error)
{
    size_t count = (size_t)plan->value_count + 1;
    block *blocks = ll_allocate_array((int64_t)count, sizeof *blocks);
    block **overlapping = ll_allocate_array((int64_t)count, sizeof(block *));
    ll_status status = LL_OK;
    *bytes = 0;
    if (!blocks || !overlapping) status = ll_fail_memory(error, "runtime", count * sizeof *blocks);
    for (int pass = from; status == LL_OK && pass <= to; pass++)
        pack(plan, pass, samples, blocks, overlapping, bytes);
    ll_free(blocks);
    ll_free(overlapping);
    return status;
}

/* The largest power of two whose working set fits three quarters of the cache; but enough micro-batches for 16
 * threads once there are more than a few hundred samples, and at least 4 samples at once where a sample alone overflows
 * the cache (8 where gradients are added up once a micro-batch). Then the same number of micro-batches of nearly equal
 * size, at least two once there are 64 samples: a small term still keeps two threads busy. */
static ll_status choose_micro_batch(ll_plan *plan, ll_error *error)
{
    int64_t samples = plan->options.samples;
    int64_t wanted = plan->options.micro_batch;
    if (wanted <= 0) {
        size_t one = 0, nine = 0;
        LL_TRY(pack_all(plan, 0, plan->passes, 1, &one, error));
        LL_TRY(pack_all(plan, 0, plan->passes, 9, &nine, error));
        size_t slope = (nine - one) / 8 + 1;
        size_t cache = plan->options.cache_bytes / 4 * 3;
        int64_t most = ll_max_int64(128, (samples + 15) / 16);
        int64_t least = 4, sums = 0;
        for (int32_t v = 0; v < plan->value_count; v++)
            if (plan->values[v].total >= 0) sums += plan->values[v].sum_count;
        if (sums > 4096) least = 8;
        wanted = 1;
        while (wanted < 256 && wanted < most && (wanted < least || (size_t)wanted * 2 * slope <= cache))
            wanted *= 2;
        if (samples >= 64 && wanted > samples / 2) {
            int64_t batches = ll_max_int64(2, (samples + wanted - 1) / wanted);
            wanted = ll_min_int64(wanted, ((samples + batches - 1) / batches + 7) / 8 * 8);
        }
    }
    plan->micro_batch = ll_max_int64(1, ll_min_int64(wanted, samples));
    return LL_OK;
}

ll_status ll_plan_place(ll_plan *plan, ll_error *error)
{
    for (int32_t v = 0; v < plan->value_count; v++) {
        plan->values[v].first = INT32_MAX;
        plan->values[v].last = -1;
    }
    for (int64_t s = 0; s < plan->step_count; s++) {
        const ll_step *step = &plan->steps[s];
        for (int32_t i = 0; i < step->input_count + step->output_count; i++) {
            int32_t id = i < step->input_count ? step->inputs[i] : step->outputs[i - step->input_count];
            ll_value *value = &plan->values[ll_plan_root(plan, id)];
            if (value->first > s) value->first = (int32_t)s;
            if (value->last < s) value->last = (int32_t)s;
            if (value->place == LL_PLACE_ARENA && step->pass > value->pass) value->place = LL_PLACE_STASH;
            /* What a later run reads is not written over. */
            if (value->pass < plan->kept_passes && step->pass >= plan->kept_passes) value->last = INT32_MAX;
        }
        int32_t pointers = step->input_count + step->output_count;
        if (pointers > plan->pointer_count) plan->pointer_count = pointers;
    }
    for (int64_t i = 0; i < plan->output_count; i++) {
        ll_value *value = &plan->values[ll_plan_root(plan, plan->outputs[i].value)];
        value->last = INT32_MAX;
        if (value->place == LL_PLACE_ARENA && plan->outputs[i].pass > value->pass)
            value->place = LL_PLACE_STASH;
        if (value->first == INT32_MAX) value->first = 0;
    }

    LL_TRY(choose_micro_batch(plan, error));
    LL_TRY(pack_all(plan, 0, plan->passes, plan->micro_batch, &plan->arena_bytes, error));
    LL_TRY(pack_all(plan, -1, -1, plan->micro_batch, &plan->stash_per_micro_batch, error));
    plan->fixed_bytes = 0;
    plan->sum_count = 0;
    for (int32_t v = 0; v < plan->value_count; v++) {
        ll_value *value = &plan->values[v];
        if (value->alias >= 0) continue;
        if (value->place == LL_PLACE_FIXED || value->place == LL_PLACE_BOUND) {
            value->offset = plan->fixed_bytes;
            plan->fixed_bytes += ll_value_bytes(value, 0);
        }
    }
    plan->sums_before =
        ll_arena_allocate(plan->memory, sizeof *plan->sums_before * (size_t)(plan->passes + 1));
    if (!plan->sums_before)
        return ll_fail_memory(error, "runtime", sizeof *plan->sums_before * (size_t)plan->passes);
    for (int pass = 0; pass < plan->passes; pass++) {
        plan->sums_before[pass] = plan->sum_count;
        for (int32_t v = 0; v < plan->value_count; v++) {
            ll_value *value = &plan->values[v];
            if (value->alias >= 0 || value->total < 0 || value->pass != pass) continue;
            value->sum_offset = plan->sum_count;
            plan->sum_count += (value->sum_count + 7) / 8 * 8;
        }
    }
    plan->sums_before[plan->passes] = plan->sum_count;
    return LL_OK;
}
