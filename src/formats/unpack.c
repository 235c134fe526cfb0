#include "formats/internal.h"

#include <string.h>
#include <zlib.h>

ll_format_limits ll_format_limits_default(void)
{
    return (ll_format_limits){
        .unpacked_bytes = (uint64_t)4 << 30,
        .unpacked_ratio = 200,
        .entries = 1000000,
        .pickle_opcodes = 8000000,
        .pickle_memo = 4000000,
        .objects = 4000000,
        .depth = 128,
        .text_bytes = 100000000,
        .image_pixels = 100000000,
    };
}

void ll_budget_init(ll_budget *budget, const ll_format_limits *limits, size_t packed_bytes)
{
    *budget =
        (ll_budget){.limits = limits != NULL ? *limits : ll_format_limits_default(), .packed = packed_bytes};
}

ll_status ll_budget_take(ll_budget *budget, uint64_t bytes, const char *place, ll_error *error)
{
    uint64_t total, allowed;
    if (__builtin_add_overflow(budget->unpacked, bytes, &total) || total > budget->limits.unpacked_bytes) {
        return ll_fail(error, LL_TOO_LARGE, "formats", place,
                       "unpacking needs more than the limit of %llu bytes (unpacked_bytes)",
                       (unsigned long long)budget->limits.unpacked_bytes);
    }
    if (__builtin_mul_overflow(budget->packed, budget->limits.unpacked_ratio, &allowed)) allowed = UINT64_MAX;
    if (total > (uint64_t)1 << 20 && total > allowed) {
        return ll_fail(error, LL_TOO_LARGE, "formats", place,
                       "%llu bytes unpack to more than %llu times their size (unpacked_ratio): "
                       "this looks like a decompression bomb",
                       (unsigned long long)budget->packed, (unsigned long long)budget->limits.unpacked_ratio);
    }
    budget->unpacked = total;
    return LL_OK;
}

/* zlib counts in 32 bits; longer blocks are fed in pieces. */
enum { PIECE = 1 << 30 };

static uInt piece_of(size_t left) { return left < PIECE ? (uInt)left : (uInt)PIECE; }

ll_status ll_inflate_exact(const uint8_t *packed, size_t packed_size, uint8_t *target, size_t unpacked,
                           const char *place, ll_error *error)
{
    z_stream stream = {0};
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return ll_fail_memory(error, "formats", 1 << 16);
    size_t consumed = 0, produced = 0;
    int result = Z_OK;
    uint8_t spare; /* a stream that wants to go on after the last byte is caught here */
    while (result == Z_OK) {
        uInt input = piece_of(packed_size - consumed), output = piece_of(unpacked - produced);
        stream.next_in = (z_const Bytef *)(uintptr_t)(packed + consumed);
        stream.avail_in = input;
        stream.next_out = output > 0 ? target + produced : &spare;
        stream.avail_out = output > 0 ? output : 1;
        result = inflate(&stream, Z_NO_FLUSH);
        consumed += input - stream.avail_in;
        if (output > 0) {
            produced += output - stream.avail_out;
        } else if (stream.avail_out == 0) {
            result = Z_DATA_ERROR;
        }
    }
    inflateEnd(&stream);
    if (result == Z_STREAM_END && produced == unpacked && consumed == packed_size) return LL_OK;
    if (result == Z_MEM_ERROR) return ll_fail_memory(error, "formats", 1 << 16);
    return ll_fail(
        error, LL_INVALID_FILE, "formats", place,
        "compressed data is broken: %zu of %zu packed bytes gave %zu of the %zu bytes that were declared",
        consumed, packed_size, produced, unpacked);
}

ll_status ll_gunzip(const uint8_t *packed, size_t packed_size, ll_budget *budget, uint8_t **unpacked,
                    size_t *unpacked_size, const char *place, ll_error *error)
{
    z_stream stream = {0};
    if (inflateInit2(&stream, MAX_WBITS + 16) != Z_OK) return ll_fail_memory(error, "formats", 1 << 16);
    uint8_t *target = NULL;
    size_t capacity = 0, produced = 0, consumed = 0;
    ll_status status = LL_OK;
    int result = Z_OK;
    while (status == LL_OK) {
        if (result == Z_STREAM_END) {
            if (consumed == packed_size) break;
            /* Another member may follow; padding of zeros may too. */
            size_t rest = consumed;
            while (rest < packed_size && packed[rest] == 0) rest++;
            if (rest == packed_size) break;
            result = inflateReset(&stream);
        }
        if (produced == capacity) {
            size_t more = capacity < ((size_t)1 << 16) ? (size_t)1 << 16 : capacity;
            status = ll_budget_take(budget, more, place, error);
            if (status != LL_OK) break;
            uint8_t *grown = ll_allocate(capacity + more);
            if (grown == NULL) {
                status = ll_fail_memory(error, "formats", capacity + more);
                break;
            }
            if (produced > 0) memcpy(grown, target, produced);
            ll_free(target);
            target = grown;
            capacity += more;
        }
        uInt input = piece_of(packed_size - consumed), output = piece_of(capacity - produced);
        stream.next_in = (z_const Bytef *)(uintptr_t)(packed + consumed);
        stream.avail_in = input;
        stream.next_out = target + produced;
        stream.avail_out = output;
        result = inflate(&stream, Z_NO_FLUSH);
        consumed += input - stream.avail_in;
        produced += output - stream.avail_out;
        bool stuck = result == Z_BUF_ERROR || (result == Z_OK && input == 0 && stream.avail_out == output);
        if (stuck) {
            status = ll_fail(error, LL_INVALID_FILE, "formats", place,
                             "gzip data ends early: %zu bytes were unpacked before", produced);
        } else if (result != Z_OK && result != Z_STREAM_END) {
            status = ll_fail(error, LL_INVALID_FILE, "formats", place,
                             "gzip data is broken at packed byte %zu: %s", consumed,
                             stream.msg != NULL ? stream.msg : "no reason given");
        }
    }
    inflateEnd(&stream);
    if (status != LL_OK) {
        ll_free(target);
        return status;
    }
    /* The budget was charged for the room, not for what is in it. */
    budget->unpacked -= capacity - produced;
    *unpacked = target;
    *unpacked_size = produced;
    return LL_OK;
}
