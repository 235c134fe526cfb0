/* Zip archives (APPNOTE 6.3.9), stored and deflated, with zip64: the container of .npz and of PyTorch's files.
 * Own code, because an archive is read in place (stored entries are used without a copy) and because what
 * is refused is the point: overlapping entries, sizes that disagree, names met twice. Private to the module. */
#ifndef LOSSLENS_FORMATS_ZIP_H
#define LOSSLENS_FORMATS_ZIP_H

#include "formats/internal.h"

typedef struct ll_zip ll_zip;
typedef struct ll_zip_entry {
    const char *name; /* 0-terminated, in the arena */
    uint64_t packed_size, unpacked_size, header_offset, data_offset;
    uint32_t crc;
    uint16_t method;         /* 0 stored, 8 deflated */
    const uint8_t *unpacked; /* once it was read and its checksum was right */
} ll_zip_entry;

struct ll_zip {
    const uint8_t *bytes;
    size_t size;
    ll_zip_entry *entries;  /* in the order of the directory; in the arena */
    ll_zip_entry **by_name; /* sorted; in the arena */
    int64_t count;
};

/* True for a local header's or an empty archive's mark. */
bool ll_zip_detect(const uint8_t *bytes, size_t size);
/* The directory, wholly checked. `arena` holds the entries. */
ll_status ll_zip_open(const uint8_t *bytes, size_t size, const ll_format_limits *limits, ll_arena *arena,
                      const char *place, ll_zip *zip, ll_error *error);
/* Entry by exact name, or NULL. Cost O(log count). */
ll_zip_entry *ll_zip_find(const ll_zip *zip, const char *name);
/* An entry's bytes, CRC checked: in place when stored, else unpacked (once) into a block of `file`. */
ll_status ll_zip_read(const ll_zip *zip, ll_zip_entry *entry, ll_tensor_file *file, const uint8_t **bytes,
                      size_t *size, ll_error *error);

/* Writing: entries one after another, then finish. Offsets count from where `out` was at ll_zip_begin. */
typedef struct ll_zip_writer {
    ll_text *out;
    ll_text directory;
    size_t start;
    uint64_t count;
} ll_zip_writer;
void ll_zip_begin(ll_zip_writer *writer, ll_text *out);
ll_status ll_zip_add(ll_zip_writer *writer, const char *name, const void *bytes, size_t size, bool deflate,
                     ll_error *error);
ll_status ll_zip_finish(ll_zip_writer *writer, ll_error *error); /* also after a failed add: frees */

#endif
