/* Radix sorts. Least significant digit first, hence stable: records that were generated in ascending
 * vertex id need no id in their key. */
#include "topology/internal.h"

#include <string.h>

#define SMALL 48

static void insertion_sort(uint64_t *words, int64_t count)
{
    for (int64_t i = 1; i < count; i++) {
        uint64_t word = words[i];
        int64_t j = i;
        for (; j > 0 && words[j - 1] >> 32 > word >> 32; j--) words[j] = words[j - 1];
        words[j] = word;
    }
}

void topology_sort_words(uint64_t *words, uint64_t *scratch, int64_t count)
{
    if (count <= SMALL) {
        insertion_sort(words, count);
        return;
    }
    /* Small inputs would spend their time clearing 2048 counters. */
    int bits = count < 6000 ? 8 : 11;
    int digits = bits == 8 ? 4 : 3;
    uint32_t buckets = UINT32_C(1) << bits, mask = buckets - 1;
    uint32_t histogram[4 * 2048];
    memset(histogram, 0, (size_t)digits * buckets * sizeof *histogram);
    if (bits == 8) {
        for (int64_t i = 0; i < count; i++) {
            uint32_t key = (uint32_t)(words[i] >> 32);
            histogram[key & 255]++;
            histogram[256 + ((key >> 8) & 255)]++;
            histogram[512 + ((key >> 16) & 255)]++;
            histogram[768 + (key >> 24)]++;
        }
    } else {
        for (int64_t i = 0; i < count; i++) {
            uint32_t key = (uint32_t)(words[i] >> 32);
            histogram[key & 2047]++;
            histogram[2048 + ((key >> 11) & 2047)]++;
            histogram[4096 + (key >> 22)]++;
        }
    }
    uint64_t *from = words, *to = scratch;
    for (int digit = 0; digit < digits; digit++) {
        uint32_t *start = histogram + (size_t)digit * buckets;
        int shift = 32 + digit * bits;
        if (start[(from[0] >> shift) & mask] == count) continue;
        uint32_t sum = 0;
        for (uint32_t bucket = 0; bucket < buckets; bucket++) {
            uint32_t here = start[bucket];
            start[bucket] = sum;
            sum += here;
        }
        for (int64_t i = 0; i < count; i++) to[start[(from[i] >> shift) & mask]++] = from[i];
        uint64_t *other = from;
        from = to;
        to = other;
    }
    if (from != words) memcpy(words, from, (size_t)count * sizeof *words);
}

void topology_sort_keys(uint64_t *keys, uint32_t *ids, uint64_t *key_scratch, uint32_t *id_scratch, int64_t count)
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
