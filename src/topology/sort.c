/* Radix sorts. Least significant digit first, hence stable: records that were generated in ascending
 * vertex id need no id in their key. */
#include "topology/internal.h"

#include <string.h>

#define SMALL 48 /* up to here by insertion */
#define FEW 6000 /* up to here small digits: clearing and adding up 2048 counters would take longer */

/* Stable. False, with the words in some stable order in between, if more than `moves` were needed. */
static bool insertion_sort(uint64_t *words, int64_t count, int64_t moves)
{
    for (int64_t i = 1; i < count; i++) {
        uint64_t word = words[i];
        int64_t j = i;
        for (; j > 0 && words[j - 1] >> 32 > word >> 32; j--) words[j] = words[j - 1];
        words[j] = word;
        moves -= i - j;
        if (moves < 0) return false;
    }
    return true;
}

/* One digit: counters become places, words go there. */
static void distribute(const uint64_t *from, uint64_t *to, int64_t count, int shift, uint32_t buckets,
                       uint32_t *start)
{
    uint32_t sum = 0;
    for (uint32_t bucket = 0; bucket < buckets; bucket++) {
        uint32_t here = start[bucket];
        start[bucket] = sum;
        sum += here;
    }
    for (int64_t i = 0; i < count; i++) to[start[(from[i] >> shift) & (buckets - 1)]++] = from[i];
}

/* The upper 16 of the bits in which keys differ by radix, which leaves little to insertion unless values
 * crowd together. */
static bool sort_few(uint64_t *words, uint64_t *scratch, int64_t count)
{
    uint32_t histogram[512] = {0}, differ = 0, first = (uint32_t)(words[0] >> 32);
    for (int64_t i = 1; i < count; i++) differ |= (uint32_t)(words[i] >> 32) ^ first;
    if (differ == 0) return true;
    int top = 32 - __builtin_clz(differ), shift = 32 + (top > 16 ? top - 16 : 0);
    for (int64_t i = 0; i < count; i++) {
        histogram[(words[i] >> shift) & 255]++;
        histogram[256 + ((words[i] >> shift >> 8) & 255)]++;
    }
    distribute(words, scratch, count, shift, 256, histogram);
    distribute(scratch, words, count, shift + 8, 256, histogram + 256);
    return insertion_sort(words, count, 4 * count);
}

void topology_sort_words(uint64_t *words, uint64_t *scratch, int64_t count)
{
    if (count <= SMALL) {
        (void)insertion_sort(words, count, INT64_MAX);
        return;
    }
    if (count < FEW && sort_few(words, scratch, count)) return;
    int bits = count < FEW ? 8 : 11;
    int digits = bits == 8 ? 4 : 3;
    uint32_t buckets = UINT32_C(1) << bits;
    uint32_t histogram[4 * 2048];
    memset(histogram, 0, (size_t)digits * buckets * sizeof *histogram);
    for (int64_t i = 0; i < count; i++) {
        uint32_t key = (uint32_t)(words[i] >> 32);
        for (int digit = 0; digit < digits; digit++) {
            histogram[(uint32_t)digit * buckets + ((key >> (digit * bits)) & (buckets - 1))]++;
        }
    }
    uint64_t *from = words, *to = scratch;
    for (int digit = 0; digit < digits; digit++) {
        uint32_t *start = histogram + (size_t)digit * buckets;
        int shift = 32 + digit * bits;
        if (start[(from[0] >> shift) & (buckets - 1)] == count) continue;
        distribute(from, to, count, shift, buckets, start);
        uint64_t *other = from;
        from = to;
        to = other;
    }
    if (from != words) memcpy(words, from, (size_t)count * sizeof *words);
}

void topology_sort_keys(uint64_t *keys, uint32_t *ids, uint64_t *key_scratch, uint32_t *id_scratch,
                        int64_t count)
{
    uint64_t *from = keys, *to = key_scratch;
    uint32_t *id_from = ids, *id_to = id_scratch;
    for (int shift = 0; shift < 64; shift += 8) {
        int64_t start[256] = {0};
        for (int64_t i = 0; i < count; i++) start[(from[i] >> shift) & 255]++;
        int64_t sum = 0;
        bool constant = false;
        for (int bucket = 0; bucket < 256; bucket++) {
            int64_t here = start[bucket];
            constant = constant || here == count;
            start[bucket] = sum;
            sum += here;
        }
        if (constant) continue;
        for (int64_t i = 0; i < count; i++) {
            int64_t place = start[(from[i] >> shift) & 255]++;
            to[place] = from[i];
            id_to[place] = id_from[i];
        }
        uint64_t *other = from;
        from = to;
        to = other;
        uint32_t *id_other = id_from;
        id_from = id_to;
        id_to = id_other;
    }
    if (from != keys) {
        memcpy(keys, from, (size_t)count * sizeof *keys);
        memcpy(ids, id_from, (size_t)count * sizeof *ids);
    }
}
