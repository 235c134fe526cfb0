#include "hdf5_file.h"

#include <math.h>
#include <string.h>
#include <zlib.h>

static const uint64_t undefined = UINT64_MAX;
enum { VISITS = 200000, MESSAGES_LIMIT = 4096, FILTERS_LIMIT = 8, CHUNK_LIMIT = 1 << 30 };

enum {
    MESSAGE_DATASPACE = 1,
    MESSAGE_LINK_INFO = 2,
    MESSAGE_DATATYPE = 3,
    MESSAGE_LINK = 6,
    MESSAGE_EXTERNAL = 7,
    MESSAGE_LAYOUT = 8,
    MESSAGE_FILTERS = 11,
    MESSAGE_CONTINUATION = 16,
    MESSAGE_SYMBOLS = 17
};

static ll_status broken(ll_hdf5_file *file, const char *what)
{
    return ll_fail(file->error, LL_INVALID_FILE, "formats", file->place, "the HDF5 file is broken: %s", what);
}

static ll_status unsupported(ll_hdf5_file *file, const char *what)
{
    return ll_fail(file->error, LL_UNSUPPORTED, "formats", file->place, "HDF5: %s", what);
}

/* `count` bytes at an address of the file, or NULL. */
static const uint8_t *bytes_at(const ll_hdf5_file *file, uint64_t address, uint64_t count)
{
    if (address > file->size || count > file->size - address) return NULL;
    return file->bytes + address;
}

static ll_status visit(ll_hdf5_file *file)
{
    return ++file->visited > VISITS ? broken(file, "too many nodes, or nodes that point in a circle") : LL_OK;
}

/* ---------------------------------------------------------------- object headers */

typedef struct message {
    int type, flags;
    const uint8_t *bytes;
    size_t size;
} message;

typedef struct header {
    message messages[MESSAGES_LIMIT];
    int count;
} header;

typedef struct block {
    uint64_t address, size;
} block;

/* Messages of one block; continuation blocks are queued. `order` bytes of creation order stand in a message's
 * head in version 2. */
static ll_status read_messages(ll_hdf5_file *file, header *h, block part, int version, int order,
                               block *queue, int *queued)
{
    const uint8_t *at = bytes_at(file, part.address, part.size);
    if (at == NULL) return broken(file, "an object header ends behind the file");
    const uint8_t *end = at + part.size;
    size_t head = version == 1 ? 8 : 4 + (size_t)order;
    while ((size_t)(end - at) >= head) {
        message m = {.type = version == 1 ? read_u16(at) : at[0],
                     .size = version == 1 ? read_u16(at + 2) : read_u16(at + 1),
                     .flags = version == 1 ? at[4] : at[3]};
        m.bytes = at + head;
        if (m.size > (size_t)(end - m.bytes)) return broken(file, "a message is longer than its header");
        at = m.bytes + m.size;
        if (m.type == MESSAGE_CONTINUATION) {
            if (m.size < 16 || *queued >= 64) return broken(file, "a continuation");
            queue[(*queued)++] = (block){read_u64(m.bytes), read_u64(m.bytes + 8)};
            continue;
        }
        if (h->count == MESSAGES_LIMIT) return broken(file, "an object has too many messages");
        h->messages[h->count++] = m;
    }
    return LL_OK;
}

static ll_status read_header(ll_hdf5_file *file, uint64_t address, header *h)
{
    h->count = 0;
    block queue[64];
    int queued = 0, version, order = 0;
    const uint8_t *at = bytes_at(file, address, 16);
    LL_TRY(visit(file));
    if (at == NULL) return broken(file, "an object header lies behind the end");
    if (memcmp(at, "OHDR", 4) == 0) {
        if (at[4] != 2) return unsupported(file, "an object header of an unknown version");
        version = 2;
        int flags = at[5];
        uint64_t start = address + 6 + (flags & 0x20 ? 16 : 0) + (flags & 0x10 ? 4 : 0);
        uint64_t width = (uint64_t)1 << (flags & 3), size = 0;
        const uint8_t *length = bytes_at(file, start, width);
        if (length == NULL) return broken(file, "an object header lies behind the end");
        for (uint64_t i = 0; i < width; i++) size |= (uint64_t)length[i] << (8 * i);
        order = flags & 4 ? 2 : 0;
        queue[queued++] = (block){start + width, size};
    } else if (at[0] == 1) {
        version = 1;
        queue[queued++] = (block){address + 16, read_u32(at + 8)};
    } else {
        return broken(file, "no object header where one should be");
    }
    for (int i = 0; i < queued; i++) {
        block part = queue[i];
        LL_TRY(visit(file));
        if (version == 2 && i > 0) { /* "OCHK" in front, a checksum behind */
            const uint8_t *mark = bytes_at(file, part.address, 4);
            if (mark == NULL || memcmp(mark, "OCHK", 4) != 0 || part.size < 8)
                return broken(file, "a continuation block");
            part.address += 4;
            part.size -= 8;
        }
        LL_TRY(read_messages(file, h, part, version, order, queue, &queued));
    }
    return LL_OK;
}

static const message *find_message(const header *h, int type)
{
    for (int i = 0; i < h->count; i++) {
        if (h->messages[i].type == type) return &h->messages[i];
    }
    return NULL;
}

/* ---------------------------------------------------------------- the root group */

static void add_link(ll_hdf5_file *file, const uint8_t *name, size_t length, uint64_t address)
{
    if (file->link_count == LL_HDF5_LINKS || length >= LL_HDF5_NAME) return; /* no name that is looked for */
    ll_hdf5_link *link = &file->links[file->link_count++];
    memcpy(link->name, name, length);
    link->name[length] = 0;
    link->address = address;
}

static ll_status read_symbols(ll_hdf5_file *file, uint64_t address, const uint8_t *names, size_t names_size)
{
    const uint8_t *at = bytes_at(file, address, 8);
    LL_TRY(visit(file));
    if (at == NULL || memcmp(at, "SNOD", 4) != 0) return broken(file, "a symbol table node");
    int count = read_u16(at + 6);
    at = bytes_at(file, address, 8 + 40 * (uint64_t)count);
    if (at == NULL) return broken(file, "a symbol table node ends behind the file");
    for (int i = 0; i < count; i++) {
        const uint8_t *entry = at + 8 + 40 * i;
        uint64_t name = read_u64(entry);
        if (name >= names_size) return broken(file, "a link's name");
        const uint8_t *end = memchr(names + name, 0, names_size - (size_t)name);
        if (end == NULL) return broken(file, "a link's name has no end");
        bool soft = read_u32(entry + 16) == 2;
        add_link(file, names + name, (size_t)(end - (names + name)), soft ? undefined : read_u64(entry + 8));
    }
    return LL_OK;
}

/* A version-1 B-tree node: its children's addresses; keys of `key_size` bytes stand between them. */
static ll_status tree_node(ll_hdf5_file *file, uint64_t address, int type, size_t key_size, int *level,
                           int *entries, const uint8_t **keys)
{
    LL_TRY(visit(file));
    const uint8_t *at = bytes_at(file, address, 24);
    if (at == NULL || memcmp(at, "TREE", 4) != 0 || at[4] != type) return broken(file, "a B-tree node");
    *level = at[5];
    *entries = read_u16(at + 6);
    at = bytes_at(file, address, 24 + (uint64_t)*entries * (key_size + 8) + key_size);
    if (at == NULL) return broken(file, "a B-tree node ends behind the file");
    *keys = at + 24;
    return LL_OK;
}

static ll_status read_group_tree(ll_hdf5_file *file, uint64_t address, const uint8_t *names,
                                 size_t names_size, int depth)
{
    int level, entries;
    const uint8_t *keys;
    if (depth > 16) return broken(file, "a B-tree is too deep");
    LL_TRY(tree_node(file, address, 0, 8, &level, &entries, &keys));
    for (int i = 0; i < entries; i++) {
        uint64_t child = read_u64(keys + 16 * i + 8);
        LL_TRY(level > 0 ? read_group_tree(file, child, names, names_size, depth + 1)
                         : read_symbols(file, child, names, names_size));
    }
    return LL_OK;
}

static ll_status read_link_message(ll_hdf5_file *file, const message *m)
{
    size_t at = 2, width;
    if (m->size < 4 || m->bytes[0] != 1) return broken(file, "a link message");
    int flags = m->bytes[1], type = 0;
    if (flags & 8) type = m->bytes[at++];
    if (flags & 4) at += 8;
    if (flags & 16) at += 1;
    width = (size_t)1 << (flags & 3);
    if (at + width > m->size) return broken(file, "a link message");
    uint64_t length = 0;
    for (size_t i = 0; i < width; i++) length |= (uint64_t)m->bytes[at + i] << (8 * i);
    at += width;
    if (length > m->size - at) return broken(file, "a link's name");
    const uint8_t *name = m->bytes + at;
    at += length;
    if (type == 0 && m->size - at < 8) return broken(file, "a link's address");
    add_link(file, name, length, type == 0 ? read_u64(m->bytes + at) : undefined);
    return LL_OK;
}

static ll_status read_root(ll_hdf5_file *file, uint64_t address, header *h)
{
    LL_TRY(read_header(file, address, h));
    const message *symbols = find_message(h, MESSAGE_SYMBOLS), *info = find_message(h, MESSAGE_LINK_INFO);
    if (symbols != NULL) {
        if (symbols->size < 16) return broken(file, "the symbol table message");
        const uint8_t *heap = bytes_at(file, read_u64(symbols->bytes + 8), 32);
        if (heap == NULL || memcmp(heap, "HEAP", 4) != 0) return broken(file, "the heap of names");
        uint64_t size = read_u64(heap + 8);
        const uint8_t *names = bytes_at(file, read_u64(heap + 24), size);
        if (names == NULL) return broken(file, "the heap of names ends behind the file");
        return read_group_tree(file, read_u64(symbols->bytes), names, size, 0);
    }
    for (int i = 0; i < h->count; i++) {
        if (h->messages[i].type == MESSAGE_LINK) LL_TRY(read_link_message(file, &h->messages[i]));
    }
    if (info != NULL && info->size >= 10) {
        size_t at = info->bytes[1] & 1 ? 10 : 2;
        if (info->size >= at + 8 && read_u64(info->bytes + at) != undefined) {
            return unsupported(file, "a group with its links in a fractal heap is not read; write the file "
                                     "with libver='earliest'");
        }
    }
    return LL_OK;
}

ll_status ll_hdf5_open(ll_hdf5_file *file)
{
    static const uint8_t signature[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
    const uint8_t *at = bytes_at(file, 0, 48);
    if (at == NULL || memcmp(at, signature, 8) != 0) return broken(file, "no signature");
    int version = at[8];
    uint64_t root;
    if (version <= 1) {
        if (at[13] != 8 || at[14] != 8)
            return unsupported(file, "addresses or lengths that are not 8 bytes long");
        uint64_t entry = (version == 0 ? 24 : 28) + 32; /* behind the four addresses */
        const uint8_t *place = bytes_at(file, entry, 40);
        if (place == NULL) return broken(file, "the superblock ends behind the file");
        if (read_u64(place - 32) != 0) return unsupported(file, "a base address other than 0");
        root = read_u64(place + 8);
    } else if (version <= 3) {
        if (at[9] != 8 || at[10] != 8)
            return unsupported(file, "addresses or lengths that are not 8 bytes long");
        if (read_u64(at + 12) != 0) return unsupported(file, "a base address other than 0");
        root = read_u64(at + 36);
    } else {
        return unsupported(file, "a superblock of an unknown version");
    }
    header *h = ll_allocate(sizeof *h);
    if (h == NULL) return ll_fail_memory(file->error, "formats", sizeof *h);
    ll_status status = read_root(file, root, h);
    ll_free(h);
    return status;
}

/* ---------------------------------------------------------------- datasets */

typedef struct filter {
    int id;
    uint32_t element; /* of shuffle */
} filter;

typedef struct dataset {
    int rank;
    int64_t shape[LL_TENSOR_MAX_RANK], count;
    ll_tensor_type type;
    bool big_endian;
    size_t element;
    filter filters[FILTERS_LIMIT];
    int filter_count;
    int64_t chunk[LL_TENSOR_MAX_RANK];
    size_t chunk_bytes;
    uint8_t *values, *unpacked, *scratch;
    int64_t chunks_seen;
} dataset;

static ll_status read_dataspace(ll_hdf5_file *file, const message *m, dataset *d)
{
    if (m->size < 4 || (m->bytes[0] != 1 && m->bytes[0] != 2))
        return unsupported(file, "a dataspace of an unknown version");
    size_t at = m->bytes[0] == 1 ? 8 : 4;
    d->rank = m->bytes[1];
    if (m->bytes[0] == 2 && m->bytes[3] == 2) return unsupported(file, "an empty (null) dataspace");
    if (d->rank > LL_TENSOR_MAX_RANK) return unsupported(file, "more than 8 axes");
    if (m->size < at + 8 * (size_t)d->rank) return broken(file, "a dataspace");
    for (int k = 0; k < d->rank; k++) {
        uint64_t extent = read_u64(m->bytes + at + 8 * k);
        if (extent > (uint64_t)INT64_MAX) return broken(file, "an extent");
        d->shape[k] = (int64_t)extent;
    }
    if (!ll_shape_count(d->shape, d->rank, &d->count)) return broken(file, "the extents' product overflows");
    return LL_OK;
}

static ll_status read_datatype(ll_hdf5_file *file, const message *m, dataset *d)
{
    if (m->flags & 2) return unsupported(file, "a committed (shared) data type");
    if (m->size < 12) return broken(file, "a data type");
    int class = m->bytes[0] & 15;
    const uint8_t *bits = m->bytes + 1, *p = m->bytes + 8;
    uint32_t size = read_u32(m->bytes + 4);
    d->element = size;
    d->big_endian = bits[0] & 1;
    if (class == 0) {
        static const ll_tensor_type types[2][4] = {
            {LL_TENSOR_UINT8, LL_TENSOR_UINT16, LL_TENSOR_UINT32, LL_TENSOR_UINT64},
            {LL_TENSOR_INT8, LL_TENSOR_INT16, LL_TENSOR_INT32, LL_TENSOR_INT64}};
        int width = size == 1 ? 0 : size == 2 ? 1 : size == 4 ? 2 : size == 8 ? 3 : -1;
        if (width < 0 || read_u16(p) != 0 || read_u16(p + 2) != 8 * size)
            return unsupported(file, "integers of an odd width");
        d->type = types[(bits[0] >> 3) & 1][width];
        return LL_OK;
    }
    if (class == 1 && m->size >= 20) {
        static const struct {
            uint32_t size;
            uint8_t exponent_at, exponent, mantissa;
            ll_tensor_type type;
        } kinds[] = {{2, 10, 5, 10, LL_TENSOR_FLOAT16},
                     {4, 23, 8, 23, LL_TENSOR_FLOAT32},
                     {8, 52, 11, 52, LL_TENSOR_FLOAT64}};
        for (int k = 0; k < 3; k++) {
            if (size == kinds[k].size && p[4] == kinds[k].exponent_at && p[5] == kinds[k].exponent &&
                p[6] == 0 && p[7] == kinds[k].mantissa && (bits[0] & 0x40) == 0) {
                d->type = kinds[k].type;
                return LL_OK;
            }
        }
    }
    return unsupported(file, "a data type that is neither an integer nor an IEEE number");
}

static ll_status read_filters(ll_hdf5_file *file, const message *m, dataset *d)
{
    if (m->size < 2) return broken(file, "a filter pipeline");
    int version = m->bytes[0], count = m->bytes[1];
    size_t at = version == 1 ? 8 : 2;
    if (version != 1 && version != 2) return unsupported(file, "a filter pipeline of an unknown version");
    if (count > FILTERS_LIMIT) return unsupported(file, "more than 8 filters");
    for (int i = 0; i < count; i++) {
        if (at + 8 > m->size) return broken(file, "a filter pipeline");
        int id = read_u16(m->bytes + at);
        if (id < 1 || id > 3) {
            return ll_fail(file->error, LL_UNSUPPORTED, "formats", file->place,
                           "HDF5: filter %d is refused; wanted deflate, shuffle, Fletcher's checksum or none",
                           id);
        }
        /* Version 2 leaves out the name of the well-known filters. */
        size_t name = version == 1 ? (read_u16(m->bytes + at + 2) + 7U) / 8U * 8U : 0;
        size_t head = version == 1 ? 8 : 6;
        size_t values = read_u16(m->bytes + at + head - 2);
        size_t length = head + name + 4 * (values + (version == 1 ? values & 1 : 0));
        if (length > m->size - at) return broken(file, "a filter pipeline");
        d->filters[i] = (filter){.id = id, .element = values > 0 ? read_u32(m->bytes + at + head + name) : 0};
        if (id == 2 && (d->filters[i].element < 1 || d->filters[i].element > 64))
            return broken(file, "a shuffle filter");
        at += length;
    }
    d->filter_count = count;
    return LL_OK;
}

/* HDF5's Fletcher checksum: 16-bit big-endian words, an odd last byte as the high half of a word. */
static uint32_t fletcher(const uint8_t *bytes, size_t count)
{
    uint32_t a = 0, b = 0;
    for (size_t i = 0; i < count; i += 2) {
        uint32_t word = (uint32_t)bytes[i] << 8 | (i + 1 < count ? bytes[i + 1] : 0U);
        a = (a + word) % 65535U;
        b = (b + a) % 65535U;
    }
    return b << 16 | a;
}

/* Undoes the filters of one chunk, last one first; the result is d->chunk_bytes long, in d->unpacked. */
static ll_status unfilter(ll_hdf5_file *file, dataset *d, const uint8_t *packed, size_t size, uint32_t mask)
{
    const uint8_t *data = packed;
    for (int i = d->filter_count; i-- > 0;) {
        const filter *f = &d->filters[i];
        if (mask >> i & 1) continue;
        uint8_t *target = data == d->unpacked ? d->scratch : d->unpacked;
        if (f->id == 3) {
            if (size < 4) return broken(file, "a chunk lacks its checksum");
            size -= 4;
            uint32_t stored = read_u32(data + size), sum = fletcher(data, size);
            /* 0 and 65535 are the same sum modulo 65535. */
            bool same = (stored & 0xFFFF) % 65535 == (sum & 0xFFFF) && (stored >> 16) % 65535 == sum >> 16;
            if (!same) return broken(file, "a chunk does not match its checksum");
        } else if (f->id == 1) {
            uLongf length = (uLongf)d->chunk_bytes + 4; /* a checksum may be inside */
            if (uncompress(target, &length, data, (uLong)size) != Z_OK)
                return broken(file, "a chunk does not inflate to its size");
            data = target;
            size = length;
        } else {
            size_t items = size / f->element, rest = size % f->element;
            if (size > d->chunk_bytes + 4) return broken(file, "a chunk's size");
            for (size_t j = 0; j < items; j++) {
                for (size_t b = 0; b < f->element; b++) target[j * f->element + b] = data[b * items + j];
            }
            memcpy(target + items * f->element, data + items * f->element, rest);
            data = target;
        }
    }
    if (size != d->chunk_bytes) return broken(file, "a chunk's size");
    if (data != d->unpacked) memmove(d->unpacked, data, size);
    return LL_OK;
}

/* Copies the part of a chunk at `offset` that lies inside the array. */
static void place_chunk(dataset *d, const int64_t *offset)
{
    int64_t index[LL_TENSOR_MAX_RANK] = {0};
    int last = d->rank - 1;
    int64_t run = ll_min_int64(d->chunk[last], d->shape[last] - offset[last]);
    for (;;) {
        int64_t from = 0, to = 0;
        bool inside = true;
        for (int k = 0; k < d->rank; k++) {
            int64_t at = k == last ? 0 : index[k];
            from = from * d->chunk[k] + at;
            to = to * d->shape[k] + offset[k] + at;
            inside = inside && offset[k] + at < d->shape[k];
        }
        if (inside)
            memcpy(d->values + (size_t)to * d->element, d->unpacked + (size_t)from * d->element,
                   (size_t)run * d->element);
        int k = last - 1;
        while (k >= 0 && ++index[k] == d->chunk[k]) index[k--] = 0;
        if (k < 0) return;
    }
}

static ll_status read_chunk(ll_hdf5_file *file, dataset *d, const uint8_t *key, uint64_t address)
{
    uint32_t size = read_u32(key), mask = read_u32(key + 4);
    int64_t offset[LL_TENSOR_MAX_RANK];
    for (int k = 0; k < d->rank; k++) {
        uint64_t at = read_u64(key + 8 + 8 * k);
        if (at >= (uint64_t)d->shape[k] || at % (uint64_t)d->chunk[k] != 0)
            return broken(file, "a chunk lies outside the array");
        offset[k] = (int64_t)at;
    }
    const uint8_t *packed = bytes_at(file, address, size);
    if (packed == NULL) return broken(file, "a chunk ends behind the file");
    LL_TRY(unfilter(file, d, packed, size, mask));
    place_chunk(d, offset);
    d->chunks_seen++;
    return LL_OK;
}

static ll_status read_chunk_tree(ll_hdf5_file *file, dataset *d, uint64_t address, int depth)
{
    int level, entries;
    const uint8_t *keys;
    size_t key_size = 8 + 8 * ((size_t)d->rank + 1);
    if (depth > 16) return broken(file, "a B-tree is too deep");
    LL_TRY(tree_node(file, address, 1, key_size, &level, &entries, &keys));
    for (int i = 0; i < entries; i++) {
        const uint8_t *key = keys + (size_t)i * (key_size + 8);
        uint64_t child = read_u64(key + key_size);
        LL_TRY(level > 0 ? read_chunk_tree(file, d, child, depth + 1) : read_chunk(file, d, key, child));
    }
    return LL_OK;
}

/* Chunk extents (rank of them and the element's size), then everything behind `address`. */
static ll_status read_chunked(ll_hdf5_file *file, dataset *d, const uint8_t *extents, int count,
                              uint64_t address)
{
    int64_t items = 1, chunks = 1;
    if (count != d->rank + 1 || d->rank < 1) return broken(file, "a chunk's extents");
    if (read_u32(extents + 4 * d->rank) != d->element) return broken(file, "a chunk's element size");
    for (int k = 0; k < d->rank; k++) {
        d->chunk[k] = read_u32(extents + 4 * k);
        if (d->chunk[k] < 1 || !ll_multiply_int64(items, d->chunk[k], &items) || items > CHUNK_LIMIT)
            return broken(file, "a chunk's extents");
        int64_t along = (d->shape[k] + d->chunk[k] - 1) / d->chunk[k];
        if (!ll_multiply_int64(chunks, along, &chunks)) return broken(file, "the number of chunks");
    }
    if (d->count == 0) return LL_OK;
    if (address == undefined) return unsupported(file, "the array was declared but never written");
    d->chunk_bytes = (size_t)items * d->element;
    /* Deflate packs at most 1032 to 1: a chunk, and an array, that cannot be there is not allocated. */
    if (d->chunk_bytes / 1032 > file->size || (uint64_t)d->count * d->element / 1032 > file->size) {
        return broken(file, "the array is larger than the file can hold");
    }
    LL_TRY(ll_budget_take(&file->budget, 2 * (uint64_t)d->chunk_bytes, file->place, file->error));
    d->unpacked = ll_allocate(d->chunk_bytes + 8);
    d->scratch = ll_allocate(d->chunk_bytes + 8);
    if (d->unpacked == NULL || d->scratch == NULL)
        return ll_fail_memory(file->error, "formats", 2 * d->chunk_bytes);
    LL_TRY(read_chunk_tree(file, d, address, 0));
    /* An array that is not all there is no field: nothing is filled in. */
    if (d->chunks_seen != chunks) return unsupported(file, "some chunks of the array were never written");
    return LL_OK;
}

static ll_status read_layout(ll_hdf5_file *file, const message *m, dataset *d)
{
    if (m->size < 2) return broken(file, "a data layout");
    int version = m->bytes[0], class = m->bytes[1];
    size_t bytes = (size_t)d->count * d->element;
    if (version != 3 && version != 4) return unsupported(file, "a data layout of an old version");
    if (class == 3) return unsupported(file, "a virtual data set is refused");
    const uint8_t *data = NULL;
    if (class == 0) {
        if (m->size < 4 || read_u16(m->bytes + 2) < bytes || m->size - 4 < bytes)
            return broken(file, "a compact data set");
        data = m->bytes + 4;
    } else if (class == 1) {
        if (m->size < 18) return broken(file, "a data layout");
        uint64_t address = read_u64(m->bytes + 2);
        if (bytes > 0 && address == undefined)
            return unsupported(file, "the array was declared but never written");
        data = bytes > 0 ? bytes_at(file, address, bytes) : file->bytes;
        if (data == NULL) return broken(file, "the array ends behind the file");
    } else if (class != 2) {
        return broken(file, "a data layout of an unknown class");
    } else if (version == 4) {
        return unsupported(
            file, "chunks indexed in the newest way are not read; write the file with libver='earliest'");
    }
    if (class != 2 && d->filter_count > 0) return broken(file, "filters on data that are not in chunks");
    if (class == 2) {
        if (m->size < 3 || m->size < 11 + 4 * (size_t)m->bytes[2]) return broken(file, "a data layout");
        uint64_t total = (uint64_t)bytes;
        if (total / 1032 > file->size) return broken(file, "the array is larger than the file can hold");
    }
    LL_TRY(ll_budget_take(&file->budget, bytes, file->place, file->error));
    d->values = ll_allocate_zeroed(bytes); /* a chunk given twice must not leave another one unset */
    if (d->values == NULL) return ll_fail_memory(file->error, "formats", bytes);
    if (class != 2) {
        memcpy(d->values, data, bytes);
        return LL_OK;
    }
    return read_chunked(file, d, m->bytes + 11, m->bytes[2], read_u64(m->bytes + 3));
}

static ll_status read_dataset(ll_hdf5_file *file, const header *h, dataset *d)
{
    const message *space = find_message(h, MESSAGE_DATASPACE), *type = find_message(h, MESSAGE_DATATYPE);
    const message *layout = find_message(h, MESSAGE_LAYOUT), *filters = find_message(h, MESSAGE_FILTERS);
    if (space == NULL || type == NULL || layout == NULL) return LL_NOT_FOUND;
    if (find_message(h, MESSAGE_EXTERNAL) != NULL)
        return unsupported(file, "data in another file (external storage) is refused");
    LL_TRY(read_dataspace(file, space, d));
    LL_TRY(read_datatype(file, type, d));
    size_t bytes;
    if (!ll_multiply_size((size_t)d->count, d->element, &bytes))
        return broken(file, "the array's size overflows");
    if (filters != NULL) LL_TRY(read_filters(file, filters, d));
    return read_layout(file, layout, d);
}

static void swap_bytes(uint8_t *data, int64_t count, size_t element)
{
    for (int64_t i = 0; i < count; i++) {
        uint8_t *at = data + (size_t)i * element;
        for (size_t b = 0; b < element / 2; b++) {
            uint8_t keep = at[b];
            at[b] = at[element - 1 - b];
            at[element - 1 - b] = keep;
        }
    }
}

ll_status ll_hdf5_read(ll_hdf5_file *file, const ll_hdf5_link *link, ll_hdf5_dataset *result)
{
    if (link->address == undefined) {
        return ll_fail(file->error, LL_UNSUPPORTED, "formats", file->place,
                       "HDF5: '%s' is a soft or external link, which is not followed", link->name);
    }
    header *h = ll_allocate(sizeof *h);
    if (h == NULL) return ll_fail_memory(file->error, "formats", sizeof *h);
    dataset d = {0};
    ll_status status = read_header(file, link->address, h);
    if (status == LL_OK) status = read_dataset(file, h, &d);
    ll_free(h);
    double *values = NULL;
    if (status == LL_OK) {
        if (d.big_endian) swap_bytes(d.values, d.count, d.element);
        status = ll_budget_take(&file->budget, (uint64_t)d.count * sizeof(double), file->place, file->error);
        if (status == LL_OK) values = ll_allocate_array(d.count, sizeof *values);
        if (status == LL_OK && values == NULL)
            status = ll_fail_memory(file->error, "formats", (size_t)d.count * sizeof *values);
    }
    if (status == LL_OK) {
        ll_tensor view = {.name = link->name, .type = d.type, .rank = d.rank, .data = d.values};
        memcpy(view.shape, d.shape, sizeof d.shape);
        ll_tensor_to_float64(&view, values);
        *result = (ll_hdf5_dataset){.rank = d.rank, .type = d.type, .values = values};
        memcpy(result->shape, d.shape, sizeof d.shape);
    }
    ll_free(d.values);
    ll_free(d.unpacked);
    ll_free(d.scratch);
    return status;
}
