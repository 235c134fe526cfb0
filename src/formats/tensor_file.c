/* The table of named tensors that every reader of tensors fills, and the choice of the reader. */
#include "formats/internal.h"
#include "formats/zip.h"

#include <string.h>

struct ll_memory_block {
    ll_memory_block *older;
    void *block;
};

/* ------------------------------------------------------------------ memory */

ll_status ll_file_adopt(ll_tensor_file *file, void *block, ll_error *error)
{
    ll_memory_block *link = ll_arena_allocate(file->arena, sizeof *link);
    if (link == NULL) {
        ll_free(block);
        return ll_fail_memory(error, "formats", sizeof *link);
    }
    *link = (ll_memory_block){file->blocks, block};
    file->blocks = link;
    return LL_OK;
}

ll_status ll_file_block(ll_tensor_file *file, uint64_t bytes, const char *place, uint8_t **block,
                        ll_error *error)
{
    LL_TRY(ll_budget_take(&file->budget, bytes, place, error));
    uint8_t *result = ll_allocate((size_t)bytes);
    if (result == NULL) return ll_fail_memory(error, "formats", (size_t)bytes);
    LL_TRY(ll_file_adopt(file, result, error));
    *block = result;
    return LL_OK;
}

/* Room for one more element of a growing array that lives in the arena (the old copy stays there: the sum of
 * all copies is at most twice the last). */
static void *grow(ll_arena *arena, void *array, int64_t count, int64_t *capacity, size_t element,
                  ll_error *error)
{
    if (count < *capacity) return array;
    int64_t wanted = *capacity > 0 ? *capacity * 2 : 16;
    void *grown = ll_arena_allocate(arena, (size_t)wanted * element);
    if (grown == NULL) {
        ll_fail_memory(error, "formats", (size_t)wanted * element);
        return NULL;
    }
    if (count > 0) memcpy(grown, array, (size_t)count * element);
    *capacity = wanted;
    return grown;
}

ll_status ll_file_add_tensor(ll_tensor_file *file, const char *name, const ll_tensor *tensor, ll_error *error)
{
    ll_tensor *tensors =
        grow(file->arena, file->tensors, file->tensor_count, &file->tensor_capacity, sizeof *tensors, error);
    if (tensors == NULL) return LL_OUT_OF_MEMORY;
    file->tensors = tensors;
    char *copy = ll_arena_text(file->arena, name);
    if (copy == NULL) return ll_fail_memory(error, "formats", strlen(name) + 1);
    tensors[file->tensor_count] = *tensor;
    tensors[file->tensor_count++].name = copy;
    return LL_OK;
}

ll_status ll_file_add_scalar(ll_tensor_file *file, const char *name, ll_scalar scalar, ll_error *error)
{
    ll_scalar *scalars =
        grow(file->arena, file->scalars, file->scalar_count, &file->scalar_capacity, sizeof *scalars, error);
    if (scalars == NULL) return LL_OUT_OF_MEMORY;
    file->scalars = scalars;
    scalar.name = ll_arena_text(file->arena, name);
    if (scalar.name == NULL) return ll_fail_memory(error, "formats", strlen(name) + 1);
    if (scalar.type == LL_SCALAR_TEXT) {
        scalar.text = ll_arena_text(file->arena, scalar.text);
        if (scalar.text == NULL) return ll_fail_memory(error, "formats", 1);
    }
    scalars[file->scalar_count++] = scalar;
    return LL_OK;
}

ll_status ll_file_add_opaque(ll_tensor_file *file, const char *name, const char *what, ll_error *error)
{
    ll_opaque *opaques =
        grow(file->arena, file->opaques, file->opaque_count, &file->opaque_capacity, sizeof *opaques, error);
    if (opaques == NULL) return LL_OUT_OF_MEMORY;
    file->opaques = opaques;
    ll_opaque opaque = {ll_arena_text(file->arena, name), ll_arena_text(file->arena, what)};
    if (opaque.name == NULL || opaque.what == NULL)
        return ll_fail_memory(error, "formats", strlen(name) + strlen(what));
    opaques[file->opaque_count++] = opaque;
    return LL_OK;
}

/* ------------------------------------------------------------------ data */

static void swap_elements(uint8_t *bytes, int64_t count, size_t element)
{
    for (int64_t i = 0; i < count; i++, bytes += element) {
        for (size_t j = 0; j < element / 2; j++) {
            uint8_t low = bytes[j];
            bytes[j] = bytes[element - 1 - j];
            bytes[element - 1 - j] = low;
        }
    }
}

static void normalise_bools(uint8_t *bytes, int64_t count)
{
    for (int64_t i = 0; i < count; i++) bytes[i] = bytes[i] != 0;
}

static bool bools_are_clean(const uint8_t *bytes, int64_t count)
{
    uint8_t all = 0;
    for (int64_t i = 0; i < count; i++) all |= bytes[i];
    return all <= 1;
}

ll_status ll_file_data(ll_tensor_file *file, const uint8_t *bytes, ll_tensor_type type, int64_t count,
                       bool big_endian, const char *place, const void **data, ll_error *error)
{
    size_t element = ll_tensor_type_bytes(type);
    bool swap = big_endian && element > 1;
    bool aligned = (uintptr_t)bytes % element == 0;
    bool clean = type != LL_TENSOR_BOOL || bools_are_clean(bytes, count);
    if (aligned && !swap && clean && count > 0) {
        *data = bytes;
        return LL_OK;
    }
    uint8_t *copy;
    LL_TRY(ll_file_block(file, (uint64_t)count * element, place, &copy, error));
    if (count > 0) memcpy(copy, bytes, (size_t)count * element);
    if (swap) swap_elements(copy, count, element);
    if (!clean) normalise_bools(copy, count);
    *data = copy;
    return LL_OK;
}

static void gather(uint8_t *target, const uint8_t *source, size_t element, int rank, const int64_t *shape,
                   const int64_t *stride)
{
    int64_t index[LL_TENSOR_MAX_RANK] = {0};
    int64_t inner = shape[rank - 1], step = stride[rank - 1] * (int64_t)element;
    for (;;) {
        int64_t offset = 0;
        for (int axis = 0; axis < rank - 1; axis++) offset += index[axis] * stride[axis];
        const uint8_t *from = source + offset * (int64_t)element;
        for (int64_t i = 0; i < inner; i++, from += step, target += element) memcpy(target, from, element);
        int axis = rank - 2;
        while (axis >= 0 && ++index[axis] == shape[axis]) index[axis--] = 0;
        if (axis < 0) return;
    }
}

ll_status ll_file_gather(ll_tensor_file *file, const uint8_t *bytes, ll_tensor_type type, int rank,
                         const int64_t *shape, const int64_t *stride, int64_t offset, int64_t available,
                         bool big_endian, const char *place, const void **data, ll_error *error)
{
    size_t element = ll_tensor_type_bytes(type), total;
    int64_t count;
    if (!ll_shape_count(shape, rank, &count) || !ll_multiply_size((size_t)count, element, &total)) {
        return ll_fail(error, LL_INVALID_FILE, "formats", place, "the shape's product overflows");
    }
    int64_t last = offset, expected = 1;
    bool dense = true;
    for (int axis = rank - 1; axis >= 0 && count > 0; axis--) {
        int64_t reach;
        if (stride[axis] < 0 || !ll_multiply_int64(stride[axis], shape[axis] - 1, &reach) ||
            !ll_add_int64(last, reach, &last)) {
            return ll_fail(error, LL_INVALID_FILE, "formats", place, "stride %lld of axis %d makes no sense",
                           (long long)stride[axis], axis);
        }
        if (shape[axis] != 1 && stride[axis] != expected) dense = false;
        expected *= shape[axis];
    }
    if (offset < 0 || (count > 0 && last >= available)) {
        return ll_fail(error, LL_INVALID_FILE, "formats", place,
                       "a view ends at element %lld of a storage that has %lld", (long long)last,
                       (long long)available);
    }
    if (count == 0) return ll_file_data(file, bytes, type, 0, false, place, data, error);
    const uint8_t *first = bytes + (uint64_t)offset * element;
    if (dense) return ll_file_data(file, first, type, count, big_endian, place, data, error);
    uint8_t *copy;
    LL_TRY(ll_file_block(file, total, place, &copy, error));
    gather(copy, first, element, rank, shape, stride);
    if (big_endian) swap_elements(copy, count, element);
    if (type == LL_TENSOR_BOOL) normalise_bools(copy, count);
    *data = copy;
    return LL_OK;
}

/* ------------------------------------------------------------------ look-up */

/* Open addressing over names at a fixed distance in an array of structs that start with the name. */
static const char *name_at(const void *items, size_t stride, int64_t index)
{
    return *(const char *const *)(const void *)((const char *)items + (size_t)index * stride);
}

static int64_t slot_of(const int64_t *table, int64_t slots, const void *items, size_t stride,
                       const char *name)
{
    int64_t slot = (int64_t)(ll_hash_bytes(name, strlen(name)).low & (uint64_t)(slots - 1));
    while (table[slot] != 0 && strcmp(name_at(items, stride, table[slot] - 1), name) != 0) {
        slot = (slot + 1) & (slots - 1);
    }
    return slot;
}

static int64_t *index_names(ll_arena *arena, const void *items, size_t stride, int64_t count, int64_t *slots)
{
    int64_t wanted = 16;
    while (wanted < 2 * count) wanted *= 2;
    int64_t *table = ll_arena_allocate(arena, (size_t)wanted * sizeof *table);
    if (table == NULL) return NULL;
    memset(table, 0, (size_t)wanted * sizeof *table);
    for (int64_t i = 0; i < count; i++) {
        int64_t slot = slot_of(table, wanted, items, stride, name_at(items, stride, i));
        if (table[slot] == 0) table[slot] = i + 1; /* of two equal names the first is found */
    }
    *slots = wanted;
    return table;
}

_Static_assert(offsetof(ll_tensor, name) == 0 && offsetof(ll_scalar, name) == 0, "names come first");

const ll_tensor *ll_tensor_file_find(const ll_tensor_file *file, const char *name)
{
    int64_t slot =
        slot_of(file->tensor_index, file->tensor_slots, file->tensors, sizeof *file->tensors, name);
    return file->tensor_index[slot] != 0 ? &file->tensors[file->tensor_index[slot] - 1] : NULL;
}

const ll_scalar *ll_tensor_file_find_scalar(const ll_tensor_file *file, const char *name)
{
    int64_t slot =
        slot_of(file->scalar_index, file->scalar_slots, file->scalars, sizeof *file->scalars, name);
    return file->scalar_index[slot] != 0 ? &file->scalars[file->scalar_index[slot] - 1] : NULL;
}

/* ------------------------------------------------------------------ the weights' prefix */

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool any_starts_with(const ll_tensor_file *file, const char *prefix)
{
    for (int64_t i = 0; i < file->tensor_count; i++) {
        if (!file->tensors[i].from_list && starts_with(file->tensors[i].name, prefix)) return true;
    }
    return false;
}

/* Do all stored tensors under `prefix` go on with `next`? */
static bool all_go_on_with(const ll_tensor_file *file, const char *prefix, const char *next)
{
    size_t length = strlen(prefix);
    bool any = false;
    for (int64_t i = 0; i < file->tensor_count; i++) {
        const ll_tensor *tensor = &file->tensors[i];
        if (tensor->from_list || !starts_with(tensor->name, prefix)) continue;
        if (!starts_with(tensor->name + length, next)) return false;
        any = true;
    }
    return any;
}

static ll_status find_prefix(ll_tensor_file *file, ll_error *error)
{
    /* Parts of a checkpoint by which training scripts hold the weights, best first. */
    static const char *const parts[] = {"state_dict.", "model_state_dict.", "model_state.", "model_dict.",
                                        "weights.",    "params.",           "model.",       "net.",
                                        "network.",    "module.",           "dnn."};
    static const char *const wrappers[] = {"module.", "model.", "_orig_mod.", "net.", "network."};
    ll_text prefix = {0};
    ll_text_append(&prefix, "");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (any_starts_with(file, parts[i])) {
            ll_text_append(&prefix, parts[i]);
            break;
        }
    }
    bool again = !prefix.failed;
    while (again) {
        again = false;
        for (size_t i = 0; i < sizeof wrappers / sizeof *wrappers && !again; i++) {
            if (all_go_on_with(file, prefix.text, wrappers[i])) {
                ll_text_append(&prefix, wrappers[i]);
                again = !prefix.failed;
            }
        }
    }
    file->prefix = prefix.failed ? NULL : ll_arena_text(file->arena, prefix.text);
    ll_text_deinit(&prefix);
    return file->prefix != NULL ? LL_OK : ll_fail_memory(error, "formats", 256);
}

const char *ll_tensor_file_weights_prefix(const ll_tensor_file *file) { return file->prefix; }

/* ------------------------------------------------------------------ which reader */

static bool has_prefix(const ll_tensor_file *file, const char *mark, size_t length)
{
    return file->source.size >= length && memcmp(file->source.bytes, mark, length) == 0;
}

/* A zip that PyTorch wrote has "<folder>/data.pkl"; one of numpy's has names in .npy. */
static ll_status parse_zip(ll_tensor_file *file, ll_error *error)
{
    ll_zip zip;
    LL_TRY(ll_zip_open(file->source.bytes, file->source.size, &file->budget.limits, file->arena, file->place,
                       &zip, error));
    for (int64_t i = 0; i < zip.count; i++) {
        const char *name = zip.entries[i].name, *slash = strrchr(name, '/');
        if (strcmp(slash != NULL ? slash + 1 : name, "data.pkl") == 0)
            return ll_torch_zip_parse(file, &zip, error);
    }
    return ll_npz_parse(file, &zip, error);
}

static bool could_be_safetensors(const ll_tensor_file *file)
{
    return file->source.size >= 9 && file->source.bytes[8] == '{' &&
           read_u64(file->source.bytes) < ((uint64_t)1 << 40);
}

static ll_status refuse(const ll_tensor_file *file, ll_error *error)
{
    static const struct {
        const char *mark;
        size_t length;
        const char *what;
    } known[] = {
        {"\x89PNG", 4, "a PNG image"},
        {"\xFF\xD8\xFF", 3, "a JPEG image"},
        {"\x89HDF\r\n\x1A\n", 8, "an HDF5 file"},
        {"SQLite format 3", 15, "an SQLite database"},
        {"\x1F\x8B", 2, "a gzip file"},
        {"BZh", 3, "a bzip2 file"},
        {"\xFD"
         "7zXZ",
         5, "an xz file"},
        {"GGUF", 4, "a GGUF model"},
        {"<?xml", 5, "an XML file"},
        {"PK\x07\x08", 4, "a zip archive in several parts"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (has_prefix(file, known[i].mark, known[i].length)) {
            return ll_fail(error, LL_UNSUPPORTED, "formats", file->place,
                           "this is %s; a file of tensors is wanted (npy, npz, safetensors, PyTorch)",
                           known[i].what);
        }
    }
    if (file->source.size > 262 && memcmp(file->source.bytes + 257, "ustar", 5) == 0) {
        return ll_fail(
            error, LL_UNSUPPORTED, "formats", file->place,
            "this is a tar archive (or a PyTorch file older than 0.1.10); a file of tensors is wanted");
    }
    /* ONNX is a protocol buffer that starts with its version, field 1, as a small number. */
    if (file->source.size > 4 && file->source.bytes[0] == 8 && file->source.bytes[1] < 64 &&
        (file->source.bytes[2] == 0x12 || file->source.bytes[2] == 0x3A)) {
        return ll_fail(error, LL_UNSUPPORTED, "formats", file->place,
                       "this looks like an ONNX model, which is a network and not a file of tensors");
    }
    return ll_fail(
        error, LL_INVALID_FILE, "formats", file->place,
        "%zu bytes of no known format; npy, npz, safetensors or PyTorch (.pt, .pth, .th, .pkl) is wanted",
        file->source.size);
}

static ll_status parse_any(ll_tensor_file *file, ll_error *error)
{
    if (has_prefix(file, "\x1F\x8B", 2)) { /* .gz, as data sets come */
        uint8_t *unpacked;
        size_t size;
        LL_TRY(ll_gunzip(file->source.bytes, file->source.size, &file->budget, &unpacked, &size, file->place,
                         error));
        LL_TRY(ll_file_adopt(file, unpacked, error));
        file->source = (ll_file_bytes){.bytes = unpacked, .size = size};
    }
    if (file->source.size == 0) {
        return ll_fail(error, LL_INVALID_FILE, "formats", file->place, "the file is empty");
    }
    if (has_prefix(file, "\x93NUMPY", 6)) {
        file->format = "npy";
        return ll_npy_parse(file, file->source.bytes, file->source.size, "", file->place, error);
    }
    if (ll_zip_detect(file->source.bytes, file->source.size)) return parse_zip(file, error);
    if (ll_idx_detect(file->source.bytes, file->source.size)) return ll_idx_parse(file, error);
    if (could_be_safetensors(file)) return ll_safetensors_parse(file, error);
    if (ll_torch_legacy_detect(file)) return ll_torch_legacy_parse(file, error);
    if (ll_plain_pickle_detect(file)) return ll_plain_pickle_parse(file, error);
    return refuse(file, error);
}

static ll_status create(ll_file_bytes source, const char *place, const ll_format_limits *limits,
                        ll_tensor_file **file, ll_error *error)
{
    ll_arena *arena = ll_arena_create(1 << 14);
    ll_tensor_file *result = arena != NULL ? ll_arena_allocate(arena, sizeof *result) : NULL;
    if (result == NULL) {
        ll_arena_destroy(arena);
        return ll_fail_memory(error, "formats", sizeof *result);
    }
    *result = (ll_tensor_file){.arena = arena};
    ll_budget_init(&result->budget, limits, source.size);
    result->source = (ll_file_bytes){.bytes = source.bytes, .size = source.size};
    result->place = ll_arena_text(arena, place);
    ll_status status = result->place != NULL ? LL_OK : ll_fail_memory(error, "formats", strlen(place));
    if (status == LL_OK) status = parse_any(result, error);
    if (status == LL_OK) status = find_prefix(result, error);
    if (status == LL_OK) {
        result->tensor_index = index_names(arena, result->tensors, sizeof *result->tensors,
                                           result->tensor_count, &result->tensor_slots);
        result->scalar_index = index_names(arena, result->scalars, sizeof *result->scalars,
                                           result->scalar_count, &result->scalar_slots);
        if (result->tensor_index == NULL || result->scalar_index == NULL) {
            status = ll_fail_memory(error, "formats", (size_t)result->tensor_count * 16);
        }
    }
    if (status != LL_OK) {
        ll_tensor_file_destroy(result);
        return status;
    }
    *file = result;
    return LL_OK;
}

ll_status ll_tensor_file_parse(const void *bytes, size_t size, const char *place,
                               const ll_format_limits *limits, ll_tensor_file **file, ll_error *error)
{
    return create((ll_file_bytes){.bytes = bytes, .size = size}, place, limits, file, error);
}

ll_status ll_tensor_file_read(const char *path, const ll_format_limits *limits, ll_tensor_file **file,
                              ll_error *error)
{
    ll_file_bytes source = {0};
    LL_TRY(ll_file_map(path, &source, error));
    ll_tensor_file *result;
    ll_status status = create(source, path, limits, &result, error);
    if (status != LL_OK) {
        ll_file_unmap(&source);
        return status;
    }
    result->mapped = source;
    *file = result;
    return LL_OK;
}

void ll_tensor_file_destroy(ll_tensor_file *file)
{
    if (file == NULL) return;
    for (ll_memory_block *each = file->blocks; each != NULL; each = each->older) ll_free(each->block);
    ll_file_bytes mapped = file->mapped;
    ll_arena_destroy(file->arena);
    ll_file_unmap(&mapped);
}

const char *ll_tensor_file_format(const ll_tensor_file *file) { return file->format; }
int64_t ll_tensor_file_count(const ll_tensor_file *file) { return file->tensor_count; }
const ll_tensor *ll_tensor_file_tensor(const ll_tensor_file *file, int64_t index)
{
    return &file->tensors[index];
}
int64_t ll_tensor_file_scalar_count(const ll_tensor_file *file) { return file->scalar_count; }
const ll_scalar *ll_tensor_file_scalar(const ll_tensor_file *file, int64_t index)
{
    return &file->scalars[index];
}
int64_t ll_tensor_file_opaque_count(const ll_tensor_file *file) { return file->opaque_count; }
const ll_opaque *ll_tensor_file_opaque(const ll_tensor_file *file, int64_t index)
{
    return &file->opaques[index];
}
