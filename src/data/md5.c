/* MD5 (R. Rivest, RFC 1321), for the checksums that are published with data sets. */
#include "losslens/data_download.h"
#include "losslens/formats.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct md5_tables {
    uint32_t sine[64];
} md5_tables;

static uint32_t rotate(uint32_t x, int by) { return x << by | x >> (32 - by); }

static uint32_t word_at(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void absorb(const md5_tables *tables, uint32_t state[4], const uint8_t block[64])
{
    static const int shifts[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    for (int i = 0; i < 64; i++) {
        uint32_t mixed = i < 16   ? (b & c) | (~b & d)
                         : i < 32 ? (d & b) | (~d & c)
                         : i < 48 ? b ^ c ^ d
                                  : c ^ (b | ~d);
        int from = i < 16 ? i : i < 32 ? (5 * i + 1) % 16 : i < 48 ? (3 * i + 5) % 16 : 7 * i % 16;
        uint32_t turned =
            rotate(a + mixed + tables->sine[i] + word_at(block + 4 * from), shifts[i / 16][i % 4]);
        a = d;
        d = c;
        c = b;
        b += turned;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
}

ll_status ll_file_md5(const char *path, char text[33], ll_error *error)
{
    ll_file_bytes file = {0};
    LL_TRY(ll_file_map(path, &file, error));
    md5_tables tables;
    for (int i = 0; i < 64; i++) tables.sine[i] = (uint32_t)floor(ldexp(fabs(sin(i + 1.0)), 32));
    uint32_t state[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    size_t whole = file.size / 64 * 64, rest = file.size - whole;
    for (size_t at = 0; at < whole; at += 64) absorb(&tables, state, file.bytes + at);
    /* The rest, a bit 1, zeros, and the length in bits. */
    uint8_t tail[128] = {0};
    memcpy(tail, file.bytes + whole, rest);
    tail[rest] = 0x80;
    size_t end = rest < 56 ? 64 : 128;
    uint64_t bits = (uint64_t)file.size * 8;
    for (int i = 0; i < 8; i++) tail[end - 8 + (size_t)i] = (uint8_t)(bits >> (8 * i));
    for (size_t at = 0; at < end; at += 64) absorb(&tables, state, tail + at);
    ll_file_unmap(&file);
    for (int i = 0; i < 16; i++)
        snprintf(text + 2 * i, 3, "%02x", (unsigned)(state[i / 4] >> (8 * (i % 4)) & 0xff));
    return LL_OK;
}
