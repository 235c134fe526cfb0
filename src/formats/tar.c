#define _POSIX_C_SOURCE 200809L
#include "formats/tar.h"

#include <string.h>

enum { BLOCK = 512 };

bool ll_tar_detect(const uint8_t *bytes, size_t size)
{
    return size >= BLOCK && memcmp(bytes + 257, "ustar", 5) == 0;
}

void ll_tar_begin(ll_tar *tar, const uint8_t *bytes, size_t size, const ll_format_limits *limits)
{
    *tar = (ll_tar){.bytes = bytes, .size = size, .left = limits->entries};
}

/* Octal digits, spaces around them. */
static bool read_octal(const uint8_t *field, size_t length, uint64_t *number)
{
    size_t i = 0;
    uint64_t result = 0;
    while (i < length && field[i] == ' ') i++;
    size_t start = i;
    for (; i < length && field[i] >= '0' && field[i] <= '7'; i++)
        result = result << 3 | (uint64_t)(field[i] - '0');
    if (i == start || i - start > 20) return false;
    *number = result;
    return i == length || field[i] == 0 || field[i] == ' ';
}

static bool sum_is_right(const uint8_t *header)
{
    uint64_t declared, sum = 0;
    for (size_t i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? ' ' : header[i];
    return read_octal(header + 148, 8, &declared) && declared == sum;
}

static bool is_zero(const uint8_t *block)
{
    for (size_t i = 0; i < BLOCK; i++) {
        if (block[i] != 0) return false;
    }
    return true;
}

ll_status ll_tar_next(ll_tar *tar, const char *place, ll_tar_entry *entry, bool *done, ll_error *error)
{
    while (tar->size - tar->at >= BLOCK) {
        const uint8_t *header = tar->bytes + tar->at;
        if (is_zero(header)) {
            *done = true;
            return LL_OK;
        }
        uint64_t size;
        if (!sum_is_right(header) || !read_octal(header + 124, 12, &size)) {
            return ll_fail(error, LL_INVALID_FILE, "formats", place,
                           "tar archive has a broken header at byte %zu", tar->at);
        }
        if (tar->left-- == 0) {
            return ll_fail(error, LL_TOO_LARGE, "formats", place,
                           "tar archive has more entries than the limit (entries)");
        }
        size_t room = tar->size - tar->at - BLOCK;
        if (size > room) {
            return ll_fail(
                error, LL_INVALID_FILE, "formats", place,
                "tar entry '%.100s' declares %llu bytes; the archive has %zu left: it was cut short",
                (const char *)header, (unsigned long long)size, room);
        }
        const uint8_t *data = header + BLOCK;
        size_t padded = ((size_t)size + BLOCK - 1) / BLOCK * BLOCK;
        tar->at += BLOCK + (padded < room ? padded : room);
        if (header[156] != '0' && header[156] != 0) continue;
        *entry = (ll_tar_entry){.bytes = data, .size = (size_t)size};
        size_t prefix = strnlen((const char *)header + 345, 155), name = strnlen((const char *)header, 100);
        if (prefix > 0) {
            memcpy(entry->name, header + 345, prefix);
            entry->name[prefix++] = '/';
        }
        memcpy(entry->name + prefix, header, name);
        *done = false;
        return LL_OK;
    }
    *done = true; /* the two zero blocks at the end are often left out */
    return LL_OK;
}
