/* Philox 4x32-10: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as
 * easy as 1, 2, 3", SC 2011. Ten rounds of a keyed bijection of the 128-bit counter; here the
 * counter is (index, stream), the key and the stream come from a hash of seed, purpose and name. */
#include "losslens/base.h"

#include <math.h>
#include <string.h>

static void philox(uint32_t counter[4], uint32_t key0, uint32_t key1)
{
    for (int round = 0; round < 10; round++) {
        uint64_t product0 = (uint64_t)0xD2511F53U * counter[0];
        uint64_t product1 = (uint64_t)0xCD9E8D57U * counter[2];
        uint32_t next0 = (uint32_t)(product1 >> 32) ^ counter[1] ^ key0;
        uint32_t next2 = (uint32_t)(product0 >> 32) ^ counter[3] ^ key1;
        counter[1] = (uint32_t)product1;
        counter[3] = (uint32_t)product0;
        counter[0] = next0;
        counter[2] = next2;
        key0 += 0x9E3779B9U;
        key1 += 0xBB67AE85U;
    }
}

/* Two 64-bit words per index: the second serves the angle of Box-Muller. */
static void draw(ll_rng rng, uint64_t index, uint64_t words[2])
{
    uint32_t counter[4] = {(uint32_t)index, (uint32_t)(index >> 32), rng.stream[0], rng.stream[1]};
    philox(counter, rng.key[0], rng.key[1]);
    words[0] = (uint64_t)counter[1] << 32 | counter[0];
    words[1] = (uint64_t)counter[3] << 32 | counter[2];
}

ll_rng ll_rng_make(uint64_t seed, const char *purpose, const char *name)
{
    /* Each text is preceded by its length, so that ("ab","c") and ("a","bc") differ. FNV-1a would
     * do; the library's own content hash is at hand and mixes better. */
    struct {
        uint64_t seed, purpose_length, name_length;
    } head = {seed, strlen(purpose), strlen(name)};
    ll_hash parts[3] = {ll_hash_bytes(&head, sizeof head), ll_hash_bytes(purpose, strlen(purpose)),
                        ll_hash_bytes(name, strlen(name))};
    ll_hash hash = ll_hash_bytes(parts, sizeof parts);
    return (ll_rng){.key = {(uint32_t)hash.low, (uint32_t)(hash.low >> 32)},
                    .stream = {(uint32_t)hash.high, (uint32_t)(hash.high >> 32)}};
}

uint64_t ll_rng_bits(ll_rng rng, uint64_t index)
{
    uint64_t words[2];
    draw(rng, index, words);
    return words[0];
}

static double unit(uint64_t word) { return (double)(word >> 11) * 0x1p-53; }

double ll_rng_uniform(ll_rng rng, uint64_t index) { return unit(ll_rng_bits(rng, index)); }

double ll_rng_normal(ll_rng rng, uint64_t index)
{
    uint64_t words[2];
    draw(rng, index, words);
    /* 1 - u lies in (0, 1], so the logarithm is finite. */
    double radius = sqrt(-2.0 * log(1.0 - unit(words[0])));
    return radius * cos(6.283185307179586476925 * unit(words[1]));
}

double ll_rng_rademacher(ll_rng rng, uint64_t index)
{
    return (ll_rng_bits(rng, index) >> 63) != 0 ? 1.0 : -1.0;
}

uint64_t ll_rng_below(ll_rng rng, uint64_t index, uint64_t bound)
{
    __extension__ typedef unsigned __int128 wide;
    return (uint64_t)(((wide)ll_rng_bits(rng, index) * bound) >> 64);
}

void ll_rng_fill_normal(ll_rng rng, uint64_t first, int64_t count, double *values)
{
    for (int64_t i = 0; i < count; i++) values[i] = ll_rng_normal(rng, first + (uint64_t)i);
}

void ll_rng_fill_uniform(ll_rng rng, uint64_t first, int64_t count, double *values)
{
    for (int64_t i = 0; i < count; i++) values[i] = ll_rng_uniform(rng, first + (uint64_t)i);
}

void ll_rng_permutation(ll_rng rng, int64_t count, int64_t *permutation)
{
    for (int64_t i = 0; i < count; i++) permutation[i] = i;
    for (int64_t i = count - 1; i > 0; i--) {
        int64_t j = (int64_t)ll_rng_below(rng, (uint64_t)i, (uint64_t)i + 1);
        int64_t swapped = permutation[i];
        permutation[i] = permutation[j];
        permutation[j] = swapped;
    }
}
