#include "formats/zip.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum {
    LOCAL_MARK = 0x04034b50,
    DIRECTORY_MARK = 0x02014b50,
    END_MARK = 0x06054b50,
    END64_MARK = 0x06064b50,
    LOCATOR64_MARK = 0x07064b50,
    LOCAL_BYTES = 30,
    DIRECTORY_BYTES = 46,
    END_BYTES = 22,
    END64_BYTES = 56,
    LOCATOR64_BYTES = 20
};

static uint32_t crc_of(const uint8_t *bytes, size_t size) { return (uint32_t)crc32_z(0, bytes, size); }

bool ll_zip_detect(const uint8_t *bytes, size_t size)
{
    return size >= 4 && (read_u32(bytes) == LOCAL_MARK || read_u32(bytes) == END_MARK);
}

/* ------------------------------------------------------------------ reading */

typedef struct directory {
    uint64_t count, size, offset;
} directory;

static ll_status find_directory(const uint8_t *bytes, size_t size, const char *place, directory *found,
                                size_t *end_of_entries, ll_error *error)
{
    /* The end record is behind everything, followed by a comment of at most 65,535 bytes. */
    if (size < END_BYTES) {
        return ll_fail(error, LL_INVALID_FILE, "formats", place,
                       "zip archive of %zu bytes has no room for its end", size);
    }
    size_t lowest = size > END_BYTES + 65535U ? size - END_BYTES - 65535U : 0, at = size - END_BYTES;
    while (read_u32(bytes + at) != END_MARK || read_u16(bytes + at + 20) != size - at - END_BYTES) {
        if (at == lowest) {
            return ll_fail(error, LL_INVALID_FILE, "formats", place,
                           "zip archive has no directory at its end: it was probably cut short");
        }
        at--;
    }
    const uint8_t *end = bytes + at;
    *found = (directory){read_u16(end + 10), read_u32(end + 12), read_u32(end + 16)};
    if (read_u16(end + 4) != 0 || read_u16(end + 6) != 0) {
        if (read_u16(end + 4) != 0xFFFF) {
            return ll_fail(error, LL_UNSUPPORTED, "formats", place,
                           "zip archive in several parts is not read");
        }
    }
    bool wide = found->count == 0xFFFF || found->size == 0xFFFFFFFFU || found->offset == 0xFFFFFFFFU;
    size_t limit = at;
    if (at >= LOCATOR64_BYTES && read_u32(end - LOCATOR64_BYTES) == LOCATOR64_MARK) {
        uint64_t where = read_u64(end - LOCATOR64_BYTES + 8);
        if (where > at - LOCATOR64_BYTES || at - LOCATOR64_BYTES - where < END64_BYTES ||
            read_u32(bytes + where) != END64_MARK) {
            return ll_fail(error, LL_INVALID_FILE, "formats", place,
                           "zip64 end record is not where its locator says (byte %llu)",
                           (unsigned long long)where);
        }
        const uint8_t *end64 = bytes + where;
        *found = (directory){read_u64(end64 + 32), read_u64(end64 + 40), read_u64(end64 + 48)};
        limit = (size_t)where;
    } else if (wide) {
        return ll_fail(error, LL_INVALID_FILE, "formats", place,
                       "zip archive says zip64 but has no zip64 record");
    }
    if (found->offset > limit || found->size > limit - found->offset) {
        return ll_fail(error, LL_INVALID_FILE, "formats", place,
                       "zip directory (%llu bytes at %llu) does not fit in front of its end record at %zu",
                       (unsigned long long)found->size, (unsigned long long)found->offset, limit);
    }
    *end_of_entries = (size_t)found->offset;
    return LL_OK;
}

/* Takes the 64-bit fields that the 32-bit ones announce by being all ones. */
static bool read_zip64_extra(const uint8_t *extra, size_t size, ll_zip_entry *entry)
{
    while (size >= 4) {
        uint16_t id = read_u16(extra), length = read_u16(extra + 2);
        if (length > size - 4) return false;
        if (id == 1) {
            const uint8_t *field = extra + 4;
            size_t left = length;
            uint64_t *wanted[3] = {&entry->unpacked_size, &entry->packed_size, &entry->header_offset};
            for (int i = 0; i < 3; i++) {
                if (*wanted[i] != 0xFFFFFFFFU) continue;
                if (left < 8) return false;
                *wanted[i] = read_u64(field);
                field += 8;
                left -= 8;
            }
            return true;
        }
        extra += 4 + length;
        size -= 4U + length;
    }
    return entry->unpacked_size != 0xFFFFFFFFU && entry->packed_size != 0xFFFFFFFFU &&
           entry->header_offset != 0xFFFFFFFFU;
}

static ll_status locate_data(const ll_zip *zip, size_t end_of_entries, ll_zip_entry *entry, const char *place,
                             ll_error *error)
{
    if (entry->header_offset > end_of_entries || end_of_entries - entry->header_offset < LOCAL_BYTES ||
        read_u32(zip->bytes + entry->header_offset) != LOCAL_MARK) {
        return ll_fail(error, LL_INVALID_FILE, "formats", place,
                       "zip entry '%s' is not at byte %llu as declared", entry->name,
                       (unsigned long long)entry->header_offset);
    }
    const uint8_t *local = zip->bytes + entry->header_offset;
    uint64_t header = LOCAL_BYTES + (uint64_t)read_u16(local + 26) + read_u16(local + 28);
    uint64_t room = end_of_entries - entry->header_offset;
    if (header > room || entry->packed_size > room - header) {
        return ll_fail(error, LL_INVALID_FILE, "formats", place,
                       "zip entry '%s' of %llu bytes at byte %llu runs past the entries' end at %zu",
                       entry->name, (unsigned long long)entry->packed_size,
                       (unsigned long long)entry->header_offset, end_of_entries);
    }
    size_t name_length = strlen(entry->name);
    if (read_u16(local + 26) != name_length || memcmp(local + LOCAL_BYTES, entry->name, name_length) != 0) {
        return ll_fail(error, LL_INVALID_FILE, "formats", place,
                       "zip entry '%s' has another name in front of its data than in the directory",
                       entry->name);
    }
    entry->data_offset = entry->header_offset + header;
    return LL_OK;
}

static int by_offset(const void *left, const void *right)
{
    const ll_zip_entry *a = *(const ll_zip_entry *const *)left, *b = *(const ll_zip_entry *const *)right;
    return (a->header_offset > b->header_offset) - (a->header_offset < b->header_offset);
}

static int by_name(const void *left, const void *right)
{
    const ll_zip_entry *a = *(const ll_zip_entry *const *)left, *b = *(const ll_zip_entry *const *)right;
    return strcmp(a->name, b->name);
}

/* Overlap is how a small archive claims many large entries; two entries of one name are how two readers are
 * made to see different things. Leaves `by_name` sorted. */
static ll_status check_disjoint(ll_zip *zip, ll_arena *arena, const char *place, ll_error *error)
{
    ll_zip_entry **order = ll_arena_allocate(arena, (size_t)zip->count * sizeof *order);
    if (order == NULL) return ll_fail_memory(error, "formats", (size_t)zip->count * sizeof *order);
    for (int64_t i = 0; i < zip->count; i++) order[i] = &zip->entries[i];
    qsort(order, (size_t)zip->count, sizeof *order, by_offset);
    for (int64_t i = 1; i < zip->count; i++) {
        if (order[i - 1]->data_offset + order[i - 1]->packed_size > order[i]->header_offset) {
            return ll_fail(error, LL_INVALID_FILE, "formats", place, "zip entries '%s' and '%s' overlap",
                           order[i - 1]->name, order[i]->name);
        }
    }
    qsort(order, (size_t)zip->count, sizeof *order, by_name);
    for (int64_t i = 1; i < zip->count; i++) {
        if (strcmp(order[i - 1]->name, order[i]->name) == 0) {
            return ll_fail(error, LL_INVALID_FILE, "formats", place, "zip archive has two entries named '%s'",
                           order[i]->name);
        }
    }
    zip->by_name = order;
    return LL_OK;
}

ll_status ll_zip_open(const uint8_t *bytes, size_t size, const ll_format_limits *limits, ll_arena *arena,
                      const char *place, ll_zip *zip, ll_error *error)
{
    directory found;
    size_t end_of_entries;
    LL_TRY(find_directory(bytes, size, place, &found, &end_of_entries, error));
    if (found.count > (uint64_t)limits->entries || found.count > found.size / DIRECTORY_BYTES) {
        return ll_fail(error, found.count > (uint64_t)limits->entries ? LL_TOO_LARGE : LL_INVALID_FILE,
                       "formats", place, "zip directory of %llu bytes declares %llu entries (limit %lld)",
                       (unsigned long long)found.size, (unsigned long long)found.count,
                       (long long)limits->entries);
    }
    ll_zip result = {.bytes = bytes, .size = size, .count = (int64_t)found.count};
    result.entries = ll_arena_allocate(arena, (size_t)found.count * sizeof *result.entries);
    if (result.entries == NULL)
        return ll_fail_memory(error, "formats", (size_t)found.count * sizeof *result.entries);
    const uint8_t *at = bytes + found.offset;
    uint64_t left = found.size;
    for (int64_t i = 0; i < result.count; i++) {
        if (left < DIRECTORY_BYTES || read_u32(at) != DIRECTORY_MARK) {
            return ll_fail(error, LL_INVALID_FILE, "formats", place,
                           "zip directory breaks off: entry %lld of %lld is missing", (long long)i + 1,
                           (long long)result.count);
        }
        size_t name_length = read_u16(at + 28), extra = read_u16(at + 30), comment = read_u16(at + 32);
        uint64_t entry_bytes = DIRECTORY_BYTES + (uint64_t)name_length + extra + comment;
        if (entry_bytes > left || memchr(at + DIRECTORY_BYTES, 0, name_length) != NULL) {
            return ll_fail(error, LL_INVALID_FILE, "formats", place, "zip directory entry %lld is broken",
                           (long long)i + 1);
        }
        char *name = ll_arena_allocate(arena, name_length + 1);
        if (name == NULL) return ll_fail_memory(error, "formats", name_length + 1);
        memcpy(name, at + DIRECTORY_BYTES, name_length);
        name[name_length] = 0;
        ll_zip_entry *entry = &result.entries[i];
        *entry = (ll_zip_entry){.name = name,
                                .method = read_u16(at + 10),
                                .crc = read_u32(at + 16),
                                .packed_size = read_u32(at + 20),
                                .unpacked_size = read_u32(at + 24),
                                .header_offset = read_u32(at + 42)};
        if (!read_zip64_extra(at + DIRECTORY_BYTES + name_length, extra, entry)) {
            return ll_fail(error, LL_INVALID_FILE, "formats", place,
                           "zip entry '%s' has a broken extra field", name);
        }
        if ((read_u16(at + 8) & 1U) != 0) {
            return ll_fail(error, LL_UNSUPPORTED, "formats", place, "zip entry '%s' is encrypted", name);
        }
        if (entry->method != 0 && entry->method != 8) {
            return ll_fail(error, LL_UNSUPPORTED, "formats", place,
                           "zip entry '%s' uses compression method %u; stored (0) and deflated (8) are read",
                           name, entry->method);
        }
        if (entry->method == 0 && entry->packed_size != entry->unpacked_size) {
            return ll_fail(error, LL_INVALID_FILE, "formats", place,
                           "zip entry '%s' is stored, yet declares %llu bytes packed and %llu unpacked", name,
                           (unsigned long long)entry->packed_size, (unsigned long long)entry->unpacked_size);
        }
        LL_TRY(locate_data(&result, end_of_entries, entry, place, error));
        at += entry_bytes;
        left -= entry_bytes;
    }
    LL_TRY(check_disjoint(&result, arena, place, error));
    *zip = result;
    return LL_OK;
}

ll_zip_entry *ll_zip_find(const ll_zip *zip, const char *name)
{
    int64_t low = 0, high = zip->count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        int order = strcmp(zip->by_name[middle]->name, name);
        if (order == 0) return zip->by_name[middle];
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

ll_status ll_zip_read(const ll_zip *zip, ll_zip_entry *entry, ll_tensor_file *file, const uint8_t **bytes,
                      size_t *size, ll_error *error)
{
    if (entry->unpacked != NULL) {
        *bytes = entry->unpacked;
        *size = (size_t)entry->unpacked_size;
        return LL_OK;
    }
    const uint8_t *packed = zip->bytes + entry->data_offset;
    const uint8_t *result = packed;
    if (entry->method == 8) {
        uint8_t *block;
        LL_TRY(ll_file_block(file, entry->unpacked_size, entry->name, &block, error));
        LL_TRY(ll_inflate_exact(packed, (size_t)entry->packed_size, block, (size_t)entry->unpacked_size,
                                entry->name, error));
        result = block;
    }
    uint32_t crc = crc_of(result, (size_t)entry->unpacked_size);
    if (crc != entry->crc) {
        return ll_fail(error, LL_INVALID_FILE, "formats", entry->name,
                       "checksum of zip entry is %08x, declared %08x: the file is damaged", crc, entry->crc);
    }
    entry->unpacked = result;
    *bytes = result;
    *size = (size_t)entry->unpacked_size;
    return LL_OK;
}

/* ------------------------------------------------------------------ writing */

static void put(ll_text *out, uint64_t value, int bytes)
{
    uint8_t field[8];
    for (int i = 0; i < bytes; i++) field[i] = (uint8_t)(value >> (8 * i));
    ll_text_append_bytes(out, field, (size_t)bytes);
}

void ll_zip_begin(ll_zip_writer *writer, ll_text *out)
{
    *writer = (ll_zip_writer){.out = out, .start = out->length};
}

static uint8_t *deflate_block(const void *bytes, size_t size, size_t *packed)
{
    z_stream stream = {0};
    if (deflateInit2(&stream, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) return NULL;
    size_t bound = (size_t)deflateBound(&stream, (uLong)size) + 64;
    uint8_t *target = ll_allocate(bound);
    size_t consumed = 0, produced = 0;
    int result = target != NULL ? Z_OK : Z_MEM_ERROR;
    while (result == Z_OK) {
        size_t rest = size - consumed, room = bound - produced, most = (size_t)1 << 30;
        uInt input = (uInt)(rest < most ? rest : most), output = (uInt)(room < most ? room : most);
        stream.next_in = (z_const Bytef *)(uintptr_t)((const uint8_t *)bytes + consumed);
        stream.avail_in = input;
        stream.next_out = target + produced;
        stream.avail_out = output;
        result = deflate(&stream, rest <= most ? Z_FINISH : Z_NO_FLUSH);
        consumed += input - stream.avail_in;
        produced += output - stream.avail_out;
    }
    deflateEnd(&stream);
    if (result != Z_STREAM_END) {
        ll_free(target);
        return NULL;
    }
    *packed = produced;
    return target;
}

ll_status ll_zip_add(ll_zip_writer *writer, const char *name, const void *bytes, size_t size, bool deflate,
                     ll_error *error)
{
    enum { DATE_1980_01_01 = 0x21, VERSION_ZIP64 = 45, UTF8_NAME = 0x800 };
    size_t name_length = strlen(name);
    if (name_length == 0 || name_length > 65535) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "formats", name,
                       "a zip entry's name has 1 to 65,535 bytes");
    }
    const void *data = bytes;
    size_t packed = size;
    uint8_t *owned = NULL;
    if (deflate) {
        owned = deflate_block(bytes, size, &packed);
        if (owned == NULL) return ll_fail_memory(error, "formats", size);
        data = owned;
    }
    uint64_t offset = writer->out->length - writer->start;
    uint32_t crc = crc_of(bytes, size);
    bool wide = size >= 0xFFFFFFFFU || packed >= 0xFFFFFFFFU || offset >= 0xFFFFFFFFU;
    ll_text *out = writer->out, *listing = &writer->directory;
    put(out, LOCAL_MARK, 4);
    put(listing, DIRECTORY_MARK, 4);
    put(listing, VERSION_ZIP64, 2);
    for (int which = 0; which < 2; which++) { /* the fields that both headers share */
        ll_text *header = which == 0 ? out : listing;
        put(header, VERSION_ZIP64, 2);
        put(header, UTF8_NAME, 2);
        put(header, deflate ? 8 : 0, 2);
        put(header, 0, 2);
        put(header, DATE_1980_01_01, 2);
        put(header, crc, 4);
        put(header, wide ? 0xFFFFFFFFU : packed, 4);
        put(header, wide ? 0xFFFFFFFFU : size, 4);
        put(header, name_length, 2);
        put(header, wide ? (which == 0 ? 20 : 28) : 0, 2);
    }
    put(listing, 0, 2); /* comment */
    put(listing, 0, 2); /* disk */
    put(listing, 0, 2); /* internal attributes */
    put(listing, (uint64_t)0100644 << 16, 4);
    put(listing, wide ? 0xFFFFFFFFU : offset, 4);
    ll_text_append(out, name);
    ll_text_append(listing, name);
    if (wide) {
        for (int which = 0; which < 2; which++) {
            ll_text *header = which == 0 ? out : listing;
            put(header, 1, 2);
            put(header, which == 0 ? 16 : 24, 2);
            put(header, size, 8);
            put(header, packed, 8);
        }
        put(listing, offset, 8);
    }
    ll_text_append_bytes(out, data, packed);
    ll_free(owned);
    writer->count++;
    return out->failed || listing->failed ? ll_fail_memory(error, "formats", packed) : LL_OK;
}

ll_status ll_zip_finish(ll_zip_writer *writer, ll_error *error)
{
    ll_text *out = writer->out, *listing = &writer->directory;
    uint64_t offset = out->length - writer->start, size = listing->length, count = writer->count;
    if (listing->length > 0) ll_text_append_bytes(out, listing->text, listing->length);
    if (count >= 0xFFFF || offset >= 0xFFFFFFFFU || size >= 0xFFFFFFFFU) {
        uint64_t end64 = out->length - writer->start;
        put(out, END64_MARK, 4);
        put(out, END64_BYTES - 12, 8);
        put(out, 45, 2);
        put(out, 45, 2);
        put(out, 0, 4);
        put(out, 0, 4);
        put(out, count, 8);
        put(out, count, 8);
        put(out, size, 8);
        put(out, offset, 8);
        put(out, LOCATOR64_MARK, 4);
        put(out, 0, 4);
        put(out, end64, 8);
        put(out, 1, 4);
    }
    put(out, END_MARK, 4);
    put(out, 0, 4); /* disks */
    put(out, count < 0xFFFF ? count : 0xFFFF, 2);
    put(out, count < 0xFFFF ? count : 0xFFFF, 2);
    put(out, size < 0xFFFFFFFFU ? size : 0xFFFFFFFFU, 4);
    put(out, offset < 0xFFFFFFFFU ? offset : 0xFFFFFFFFU, 4);
    put(out, 0, 2); /* comment */
    bool failed = out->failed || listing->failed;
    ll_text_deinit(listing);
    return failed ? ll_fail_memory(error, "formats", (size_t)size) : LL_OK;
}
