/* PyTorch's files: a pickle whose tensors refer to storages, which lie beside it in a zip archive (since 1.6) or
 * behind it in the same file (before). Nothing of Python runs: the graph of values that ll_pickle_parse gives is
 * walked, and every tensor in it gets the dotted path to it as its name.
 * Layouts: torch/serialization.py (_save, _legacy_save), torch/_utils.py (_rebuild_*), torch/csrc/jit for
 * TorchScript, whose archives have the same form. numpy's arrays in pickles are read too. */
#include "formats/pickle.h"
#include "formats/zip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef ll_pickle_value value;

/* ------------------------------------------------------------------ storages */

typedef struct storage {
    const uint8_t *bytes;
    int64_t elements; /* of `type`; bytes when the storage is untyped */
    ll_tensor_type type;
    bool untyped, big_endian;
} storage;

typedef struct legacy_storage {
    const char *key;
    size_t key_length;
    const uint8_t *bytes;
    int64_t elements;
} legacy_storage;

typedef struct walk {
    ll_tensor_file *file;
    ll_error *error;
    ll_text path;
    int64_t visited;
    /* where storages come from: one of the two, or neither (a plain pickle) */
    const ll_zip *zip;
    char *folder; /* of data.pkl, with its slash */
    const legacy_storage *legacy;
    int64_t legacy_count;
    bool big_endian;
} walk;

/* What messages call the place: the path, or the file for its root. */
static const char *place_of(const walk *w) { return w->path.length > 0 ? w->path.text : w->file->place; }

static const char *last_part(const char *dotted)
{
    const char *dot = strrchr(dotted, '.');
    return dot != NULL ? dot + 1 : dotted;
}

/* "torch.FloatStorage", "torch.cuda.HalfStorage", "torch.float32": false for complex, quantised and the like. */
static bool torch_type(const char *name, ll_tensor_type *type)
{
    static const struct {
        const char *storage, *dtype;
        ll_tensor_type type;
    } types[] = {
        {"HalfStorage", "float16", LL_TENSOR_FLOAT16},  {"BFloat16Storage", "bfloat16", LL_TENSOR_BFLOAT16},
        {"FloatStorage", "float32", LL_TENSOR_FLOAT32}, {"DoubleStorage", "float64", LL_TENSOR_FLOAT64},
        {"CharStorage", "int8", LL_TENSOR_INT8},        {"ShortStorage", "int16", LL_TENSOR_INT16},
        {"IntStorage", "int32", LL_TENSOR_INT32},       {"LongStorage", "int64", LL_TENSOR_INT64},
        {"ByteStorage", "uint8", LL_TENSOR_UINT8},      {"BoolStorage", "bool", LL_TENSOR_BOOL},
        {"UInt16Storage", "uint16", LL_TENSOR_UINT16},  {"UInt32Storage", "uint32", LL_TENSOR_UINT32},
        {"UInt64Storage", "uint64", LL_TENSOR_UINT64},
    };
    const char *last = last_part(name);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(last, types[i].storage) == 0 || strcmp(last, types[i].dtype) == 0) {
            *type = types[i].type;
            return true;
        }
    }
    return false;
}

static int compare_keys(const char *a, size_t a_length, const char *b, size_t b_length)
{
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    return order != 0 ? order : (a_length > b_length) - (a_length < b_length);
}

static const legacy_storage *find_legacy(const walk *w, const char *key, size_t length)
{
    int64_t low = 0, high = w->legacy_count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        int order = compare_keys(w->legacy[middle].key, w->legacy[middle].key_length, key, length);
        if (order == 0) return &w->legacy[middle];
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

static ll_status find_bytes(walk *w, const value *key, int64_t elements, size_t element,
                            const uint8_t **bytes)
{
    const char *place = place_of(w);
    if (w->zip != NULL) {
        char name[512];
        int length = snprintf(name, sizeof name, "%sdata/%.*s", w->folder,
                              (int)ll_min_int64((int64_t)key->length, 255), key->text);
        if (length < 0 || length >= (int)sizeof name) {
            return ll_fail(w->error, LL_INVALID_FILE, "formats", place, "storage with an impossible name");
        }
        ll_zip_entry *entry = ll_zip_find(w->zip, name);
        if (entry == NULL) {
            return ll_fail(w->error, LL_INVALID_FILE, "formats", place,
                           "its storage '%s' is not in the archive", name);
        }
        if ((uint64_t)elements > entry->unpacked_size / element) {
            return ll_fail(w->error, LL_INVALID_FILE, "formats", place,
                           "storage '%s' declares %lld elements of %zu bytes; the archive has %llu bytes",
                           name, (long long)elements, element, (unsigned long long)entry->unpacked_size);
        }
        size_t size;
        return ll_zip_read(w->zip, entry, w->file, bytes, &size, w->error);
    }
    if (w->legacy != NULL) {
        const legacy_storage *found = find_legacy(w, key->text, key->length);
        if (found == NULL) {
            return ll_fail(w->error, LL_INVALID_FILE, "formats", place,
                           "its storage '%.*s' is not in the file",
                           (int)ll_min_int64((int64_t)key->length, 100), key->text);
        }
        if (elements > found->elements) {
            return ll_fail(w->error, LL_INVALID_FILE, "formats", place,
                           "storage declares %lld elements; the file has %lld", (long long)elements,
                           (long long)found->elements);
        }
        *bytes = found->bytes;
        return LL_OK;
    }
    return ll_fail(w->error, LL_INVALID_FILE, "formats", place,
                   "a storage is named, but the file holds none");
}

/* The id ('storage', type, key, location, elements[, view]) of a REFERENCE. *readable is false, and nothing
 * else is set, for a type that losslens does not have; *what then says which. */
static ll_status resolve_storage(walk *w, const value *reference, storage *found, int64_t *view_offset,
                                 bool *readable, char what[96])
{
    const value *id = reference->object.arguments;
    const char *place = place_of(w);
    int64_t elements;
    if (id == NULL || id->kind != PICKLE_TUPLE || id->count < 5 ||
        !ll_pickle_is_text(id->items[0], "storage") || id->items[1]->kind != PICKLE_CLASS ||
        id->items[2]->kind != PICKLE_TEXT || !ll_pickle_integer(id->items[4], &elements) || elements < 0) {
        return ll_fail(
            w->error, LL_INVALID_FILE, "formats", place,
            "persistent id is none of PyTorch's: ('storage', type, key, location, size) is wanted");
    }
    storage result = {.elements = elements, .type = LL_TENSOR_UINT8, .big_endian = w->big_endian};
    const char *type_name = id->items[1]->text;
    result.untyped = strstr(last_part(type_name), "UntypedStorage") != NULL;
    *readable = result.untyped || torch_type(type_name, &result.type);
    if (!*readable) {
        snprintf(what, 96, "tensor of %.60s, which is not read", type_name);
        return LL_OK;
    }
    /* Before 0.4 a storage could itself be a view of another: (key, offset, size). */
    *view_offset = 0;
    if (id->count > 5 && id->items[5]->kind == PICKLE_TUPLE) {
        const value *view = id->items[5];
        int64_t size;
        if (view->count < 3 || !ll_pickle_integer(view->items[1], view_offset) ||
            !ll_pickle_integer(view->items[2], &size) || *view_offset < 0 || size < 0 ||
            *view_offset > elements || size > elements - *view_offset) {
            return ll_fail(w->error, LL_INVALID_FILE, "formats", place,
                           "view of a storage lies outside of it");
        }
        result.elements = *view_offset + size;
    }
    LL_TRY(find_bytes(w, id->items[2], elements, ll_tensor_type_bytes(result.type), &result.bytes));
    *found = result;
    return LL_OK;
}

/* ------------------------------------------------------------------ tensors */

/* What a value that stands for a tensor was found to be. */
typedef enum outcome { NOT_A_TENSOR, TENSOR, UNREADABLE } outcome;

static bool read_extents(const value *list, int *rank, int64_t *extents)
{
    if (list == NULL || (list->kind != PICKLE_TUPLE && list->kind != PICKLE_LIST)) {
        /* torch.Size((2, 3)) */
        if (list == NULL || !ll_pickle_is_call(list, "torch.Size")) return false;
        list = ll_pickle_argument(list, 0);
        if (list == NULL || (list->kind != PICKLE_TUPLE && list->kind != PICKLE_LIST)) return false;
    }
    if (list->count > LL_TENSOR_MAX_RANK) return false;
    for (int64_t i = 0; i < list->count; i++) {
        if (!ll_pickle_integer(list->items[i], &extents[i]) || extents[i] < 0) return false;
    }
    *rank = (int)list->count;
    return true;
}

/* _rebuild_tensor(storage, offset, size, stride), v2 and v3 with more behind. */
static ll_status rebuild(walk *w, const value *arguments, ll_tensor *tensor, outcome *found, char what[96])
{
    const char *place = place_of(w);
    int64_t offset, stride[LL_TENSOR_MAX_RANK], view_offset;
    int stride_rank;
    bool readable;
    storage from;
    ll_tensor result = {.name = ""};
    const value *size = arguments->count > 2 ? arguments->items[2] : NULL;
    if (size != NULL && (size->kind == PICKLE_TUPLE || size->kind == PICKLE_LIST) &&
        size->count > LL_TENSOR_MAX_RANK) {
        snprintf(what, 96, "tensor of %lld axes; at most %d are read", (long long)size->count,
                 LL_TENSOR_MAX_RANK);
        *found = UNREADABLE;
        return LL_OK;
    }
    if (arguments->count < 4 || arguments->items[0]->kind != PICKLE_REFERENCE ||
        !ll_pickle_integer(arguments->items[1], &offset) || offset < 0 ||
        !read_extents(size, &result.rank, result.shape) ||
        !read_extents(arguments->items[3], &stride_rank, stride) || stride_rank != result.rank) {
        return ll_fail(w->error, LL_INVALID_FILE, "formats", place,
                       "tensor is broken: (storage, offset, size, stride) is wanted, all 0 or above");
    }
    LL_TRY(resolve_storage(w, arguments->items[0], &from, &view_offset, &readable, what));
    if (!readable) {
        *found = UNREADABLE;
        return LL_OK;
    }
    result.type = from.type;
    if (from.untyped) { /* _rebuild_tensor_v3: the type stands behind the hooks */
        const value *type = arguments->count > 6 ? arguments->items[6] : NULL;
        if (type == NULL || type->kind != PICKLE_CLASS || !torch_type(type->text, &result.type)) {
            snprintf(what, 96, "tensor of %.60s, which is not read",
                     type != NULL && type->kind == PICKLE_CLASS ? type->text : "an unknown type");
            *found = UNREADABLE;
            return LL_OK;
        }
        from.elements /= (int64_t)ll_tensor_type_bytes(result.type);
    }
    if (!ll_add_int64(offset, view_offset, &offset)) {
        return ll_fail(w->error, LL_INVALID_FILE, "formats", place, "the offset in the storage overflows");
    }
    LL_TRY(ll_file_gather(w->file, from.bytes, result.type, result.rank, result.shape, stride, offset,
                          from.elements, from.big_endian, place, &result.data, w->error));
    *tensor = result;
    *found = TENSOR;
    return LL_OK;
}

/* numpy.dtype('f4', False, True) with state (3, '<', ...). */
static bool numpy_type(const value *dtype, ll_tensor_type *type, bool *big_endian)
{
    static const struct {
        const char *code;
        ll_tensor_type type;
    } codes[] = {{"f2", LL_TENSOR_FLOAT16}, {"f4", LL_TENSOR_FLOAT32}, {"f8", LL_TENSOR_FLOAT64},
                 {"i1", LL_TENSOR_INT8},    {"i2", LL_TENSOR_INT16},   {"i4", LL_TENSOR_INT32},
                 {"i8", LL_TENSOR_INT64},   {"u1", LL_TENSOR_UINT8},   {"u2", LL_TENSOR_UINT16},
                 {"u4", LL_TENSOR_UINT32},  {"u8", LL_TENSOR_UINT64},  {"b1", LL_TENSOR_BOOL}};
    if (dtype == NULL || !ll_pickle_is_call(dtype, "numpy.dtype")) return false;
    const value *code = ll_pickle_argument(dtype, 0), *state = dtype->object.state;
    *big_endian = state != NULL && state->kind == PICKLE_TUPLE && state->count > 1 &&
                  ll_pickle_is_text(state->items[1], ">");
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (ll_pickle_is_text(code, codes[i].code)) {
            *type = codes[i].type;
            return true;
        }
    }
    return false;
}

static bool is_raw(const value *data)
{
    return data != NULL && (data->kind == PICKLE_BYTES || data->kind == PICKLE_TEXT);
}

/* shape, dtype, order and raw data of a numpy array, wherever they stood. */
static ll_status rebuild_numpy(walk *w, const value *shape, const value *dtype, bool fortran,
                               const value *data, ll_tensor *tensor, outcome *found, char what[96])
{
    ll_tensor result = {.name = ""};
    bool big_endian;
    int64_t count, stride[LL_TENSOR_MAX_RANK], step = 1;
    size_t wanted;
    if (!numpy_type(dtype, &result.type, &big_endian) || !is_raw(data)) {
        snprintf(what, 96, "numpy array of a type that is not read");
        *found = UNREADABLE;
        return LL_OK;
    }
    if (!read_extents(shape, &result.rank, result.shape) ||
        !ll_shape_count(result.shape, result.rank, &count) ||
        !ll_multiply_size((size_t)count, ll_tensor_type_bytes(result.type), &wanted)) {
        return ll_fail(w->error, LL_INVALID_FILE, "formats", place_of(w), "numpy array with a broken shape");
    }
    if (wanted != data->length) {
        return ll_fail(w->error, LL_INVALID_FILE, "formats", place_of(w),
                       "numpy array wants %zu bytes of data; there are %zu", wanted, data->length);
    }
    for (int i = 0; i < result.rank; i++) {
        int axis = fortran ? i : result.rank - 1 - i;
        stride[axis] = step;
        step *= count > 0 ? result.shape[axis] : 0;
    }
    LL_TRY(ll_file_gather(w->file, (const uint8_t *)data->text, result.type, result.rank, result.shape,
                          stride, 0, count, big_endian, place_of(w), &result.data, w->error));
    *tensor = result;
    *found = TENSOR;
    return LL_OK;
}

static bool is_numpy(const value *node, const char *function)
{
    char name[96];
    if (node->kind != PICKLE_OBJECT || node->object.callable->kind != PICKLE_CLASS) return false;
    snprintf(name, sizeof name, "numpy.core.%s", function);
    if (strcmp(node->object.callable->text, name) == 0) return true;
    snprintf(name, sizeof name, "numpy._core.%s", function); /* numpy 2 */
    return strcmp(node->object.callable->text, name) == 0;
}

/* Decides whether an object is a tensor, and reads it. Parameters and subclasses are unwrapped. */
static ll_status read_tensor(walk *w, const value *node, int depth, ll_tensor *tensor, outcome *found,
                             char what[96])
{
    enum { WRAPPERS = 8 };
    *found = NOT_A_TENSOR;
    if (node->kind == PICKLE_REFERENCE) { /* a bare storage is a vector */
        storage from;
        int64_t offset;
        bool readable;
        LL_TRY(resolve_storage(w, node, &from, &offset, &readable, what));
        *found = readable ? TENSOR : UNREADABLE;
        if (!readable) return LL_OK;
        ll_tensor result = {.name = "", .type = from.type, .rank = 1, .shape = {from.elements - offset}};
        LL_TRY(ll_file_data(w->file, from.bytes + (size_t)offset * ll_tensor_type_bytes(from.type), from.type,
                            result.shape[0], from.big_endian, place_of(w), &result.data, w->error));
        *tensor = result;
        return LL_OK;
    }
    if (node->kind != PICKLE_OBJECT || node->object.callable->kind != PICKLE_CLASS) return LL_OK;
    const char *callable = node->object.callable->text;
    const value *arguments = node->object.arguments, *state = node->object.state;
    if (arguments == NULL || arguments->kind != PICKLE_TUPLE) return LL_OK;
    if (strcmp(callable, "torch._utils._rebuild_tensor") == 0 ||
        strcmp(callable, "torch._utils._rebuild_tensor_v2") == 0 ||
        strcmp(callable, "torch._utils._rebuild_tensor_v3") == 0) {
        return rebuild(w, arguments, tensor, found, what);
    }
    bool parameter = strcmp(callable, "torch._utils._rebuild_parameter") == 0 ||
                     strcmp(callable, "torch._utils._rebuild_parameter_with_state") == 0 ||
                     strcmp(callable, "torch.nn.parameter.Parameter") == 0;
    if (parameter && arguments->count > 0 && depth < WRAPPERS) {
        return read_tensor(w, arguments->items[0], depth + 1, tensor, found, what);
    }
    bool subclass = strcmp(callable, "torch._tensor._rebuild_from_type_v2") == 0 ||
                    strcmp(callable, "torch._tensor._rebuild_from_type") == 0 ||
                    strcmp(callable, "torch.tensor._rebuild_from_type") == 0;
    if (subclass && arguments->count > 2 && depth < WRAPPERS) { /* (function, type, its arguments, state) */
        value inner = {.kind = PICKLE_OBJECT};
        inner.object.callable = arguments->items[0];
        inner.object.arguments = arguments->items[2];
        return read_tensor(w, &inner, depth + 1, tensor, found, what);
    }
    if (is_numpy(node, "multiarray._reconstruct") && state != NULL && state->kind == PICKLE_TUPLE &&
        state->count >= 5) { /* (version, shape, dtype, Fortran order, data) */
        bool fortran = state->items[3]->kind == PICKLE_BOOL && state->items[3]->integer != 0;
        return rebuild_numpy(w, state->items[1], state->items[2], fortran, state->items[4], tensor, found,
                             what);
    }
    if (is_numpy(node, "numeric._frombuffer") && arguments->count >= 4) { /* (data, dtype, shape, order) */
        return rebuild_numpy(w, arguments->items[2], arguments->items[1],
                             ll_pickle_is_text(arguments->items[3], "F"), arguments->items[0], tensor, found,
                             what);
    }
    if (is_numpy(node, "multiarray.scalar") && arguments->count >= 2) { /* (dtype, data) */
        value shape = {.kind = PICKLE_TUPLE};
        return rebuild_numpy(w, &shape, arguments->items[0], false, arguments->items[1], tensor, found, what);
    }
    return LL_OK;
}

/* ------------------------------------------------------------------ the walk */

static ll_status visit(walk *w, value *node, int64_t depth);

/* Visits with ".part" behind the path. */
static ll_status visit_part(walk *w, value *node, const char *part, size_t length, int64_t depth)
{
    enum { LONGEST_PATH = 4096 };
    size_t before = w->path.length;
    if (before > 0 && length > 0) ll_text_append(&w->path, ".");
    size_t start = w->path.length;
    ll_text_append_bytes(&w->path, part, length < LONGEST_PATH ? length : LONGEST_PATH);
    if (w->path.failed) return ll_fail_memory(w->error, "formats", length);
    for (size_t i = start; i < w->path.length; i++) { /* a name stays one line of text */
        if ((unsigned char)w->path.text[i] < 0x20 || w->path.text[i] == 0x7F) w->path.text[i] = '?';
    }
    if (w->path.length > LONGEST_PATH) {
        return ll_fail(w->error, LL_TOO_LARGE, "formats", w->file->place,
                       "a path of names is longer than %d bytes: %.60s...", LONGEST_PATH, w->path.text);
    }
    ll_status status = visit(w, node, depth);
    w->path.length = before;
    w->path.text[before] = 0;
    return status;
}

static ll_status visit_index(walk *w, value *node, int64_t index, int64_t depth)
{
    char part[24];
    int length = snprintf(part, sizeof part, "%lld", (long long)index);
    return visit_part(w, node, part, (size_t)length, depth);
}

static ll_status visit_pairs(walk *w, const value *dict, int64_t depth)
{
    for (int64_t i = 0; i + 1 < dict->count; i += 2) {
        const value *key = dict->items[i];
        char part[32];
        if (key->kind == PICKLE_TEXT || key->kind == PICKLE_BYTES) {
            LL_TRY(visit_part(w, dict->items[i + 1], key->text, key->length, depth));
        } else {
            /* A key that is an object (an optimiser's parameter) is named by its place. */
            bool number = key->kind == PICKLE_INTEGER;
            int length = snprintf(part, sizeof part, number ? "%lld" : "#%lld",
                                  (long long)(number ? key->integer : i / 2));
            LL_TRY(visit_part(w, dict->items[i + 1], part, (size_t)length, depth));
        }
    }
    return LL_OK;
}

/* A list of nothing but numbers is one tensor: float64 if any is real, else int64. */
static ll_status visit_numbers(walk *w, const value *list, bool *done)
{
    bool real = false;
    *done = false;
    for (int64_t i = 0; i < list->count; i++) {
        if (list->items[i]->kind == PICKLE_REAL) {
            real = true;
        } else if (list->items[i]->kind != PICKLE_INTEGER) {
            return LL_OK;
        }
    }
    if (list->count == 0) return LL_OK;
    uint8_t *block;
    LL_TRY(ll_file_block(w->file, (uint64_t)list->count * 8, place_of(w), &block, w->error));
    for (int64_t i = 0; i < list->count; i++) {
        const value *item = list->items[i];
        if (real) {
            ((double *)(void *)block)[i] = item->kind == PICKLE_REAL ? item->real : (double)item->integer;
        } else {
            ((int64_t *)(void *)block)[i] = item->integer;
        }
    }
    *done = true;
    ll_tensor tensor = {.type = real ? LL_TENSOR_FLOAT64 : LL_TENSOR_INT64,
                        .rank = 1,
                        .shape = {list->count},
                        .data = block,
                        .from_list = true};
    return ll_file_add_tensor(w->file, w->path.text, &tensor, w->error);
}

static ll_status visit_list(walk *w, const value *list, int64_t depth)
{
    bool done;
    LL_TRY(visit_numbers(w, list, &done));
    for (int64_t i = 0; i < list->count && !done; i++) LL_TRY(visit_index(w, list->items[i], i, depth));
    return LL_OK;
}

static ll_status add_opaque(walk *w, const char *format, const char *detail)
{
    char what[200];
    snprintf(what, sizeof what, format, detail);
    return ll_file_add_opaque(w->file, w->path.text, what, w->error);
}

/* An nn.Module keeps its tensors in three dictionaries that its state_dict() does not name. */
static bool is_module(const value *state)
{
    return ll_pickle_get(state, "_parameters") != NULL && ll_pickle_get(state, "_modules") != NULL;
}

static ll_status visit_module(walk *w, const value *state, int64_t depth)
{
    static const char *const holders[] = {"_parameters", "_buffers", "_modules"};
    for (size_t i = 0; i < sizeof holders / sizeof *holders; i++) {
        value *holder = ll_pickle_get(state, holders[i]);
        if (holder != NULL && holder->kind == PICKLE_DICT) LL_TRY(visit_pairs(w, holder, depth));
    }
    for (int64_t i = 0; i + 1 < state->count; i += 2) {
        const value *key = state->items[i];
        /* Names with an underscore in front are PyTorch's own: hooks and flags. */
        if (key->kind != PICKLE_TEXT || key->length == 0 || key->text[0] == '_') continue;
        LL_TRY(visit_part(w, state->items[i + 1], key->text, key->length, depth));
    }
    return LL_OK;
}

static ll_status visit_object(walk *w, value *node, int64_t depth)
{
    const value *callable = node->object.callable;
    const char *class_name = callable->kind == PICKLE_CLASS ? callable->text : "something that is no class";
    LL_TRY(add_opaque(w, "object of class %.160s", class_name));
    value *state = node->object.state, *arguments = node->object.arguments;
    if (state != NULL && is_module(state)) {
        LL_TRY(visit_module(w, state, depth));
    } else if (state != NULL && state->kind == PICKLE_TUPLE) { /* (dictionary, slots) */
        for (int64_t i = 0; i < state->count; i++) {
            if (state->items[i]->kind == PICKLE_DICT) LL_TRY(visit_pairs(w, state->items[i], depth));
        }
    } else if (state != NULL) {
        LL_TRY(visit_part(w, state, "", 0, depth));
    }
    if (arguments != NULL && arguments->kind == PICKLE_TUPLE) LL_TRY(visit_list(w, arguments, depth));
    if (node->object.list != NULL) LL_TRY(visit_list(w, node->object.list, depth));
    if (node->object.dict != NULL) LL_TRY(visit_pairs(w, node->object.dict, depth));
    return LL_OK;
}

static bool is_printable(const value *text)
{
    for (size_t i = 0; i < text->length; i++) {
        unsigned char letter = (unsigned char)text->text[i];
        if (letter == 0 || letter == 0x7F ||
            (letter < 0x20 && letter != '\n' && letter != '\t' && letter != '\r'))
            return false;
        if (letter >= 0x80 && text->kind == PICKLE_BYTES) return false;
    }
    return true;
}

static ll_status visit_scalar(walk *w, const value *node)
{
    ll_scalar scalar = {.type = LL_SCALAR_NONE};
    if (node->kind == PICKLE_BOOL || node->kind == PICKLE_INTEGER) {
        scalar.type = node->kind == PICKLE_BOOL ? LL_SCALAR_BOOL : LL_SCALAR_INTEGER;
        scalar.integer = node->integer;
        scalar.real = (double)node->integer;
    } else if (node->kind == PICKLE_REAL) {
        scalar.type = LL_SCALAR_REAL;
        scalar.real = node->real;
    } else if (node->kind != PICKLE_NONE) {
        if (!is_printable(node)) {
            char bytes[48];
            snprintf(bytes, sizeof bytes, "%zu bytes", node->length);
            return add_opaque(w, "%s of unknown meaning", bytes);
        }
        char *copy = ll_arena_allocate(w->file->arena, node->length + 1);
        if (copy == NULL) return ll_fail_memory(w->error, "formats", node->length);
        memcpy(copy, node->text, node->length);
        copy[node->length] = 0;
        scalar.type = LL_SCALAR_TEXT;
        scalar.text = copy;
        LL_TRY(ll_budget_take(&w->file->budget, 2 * node->length, place_of(w), w->error));
    }
    return ll_file_add_scalar(w->file, w->path.text, scalar, w->error);
}

static ll_status visit_container(walk *w, value *node, int64_t depth)
{
    switch (node->kind) {
    case PICKLE_LIST:
    case PICKLE_TUPLE:
    case PICKLE_SET: return visit_list(w, node, depth);
    case PICKLE_DICT: return visit_pairs(w, node, depth);
    default: return visit_object(w, node, depth);
    }
}

static ll_status visit(walk *w, value *node, int64_t depth)
{
    if (++w->visited > w->file->budget.limits.objects) {
        return ll_fail(w->error, LL_TOO_LARGE, "formats", w->file->place,
                       "the pickled objects unfold to more than the limit of %lld (objects)",
                       (long long)w->file->budget.limits.objects);
    }
    /* Names multiply too: each visit may leave a path in the arena. */
    LL_TRY(ll_budget_take(&w->file->budget, w->path.length + 64, w->file->place, w->error));
    switch (node->kind) {
    case PICKLE_NONE:
    case PICKLE_BOOL:
    case PICKLE_INTEGER:
    case PICKLE_REAL:
    case PICKLE_TEXT:
    case PICKLE_BYTES: return visit_scalar(w, node);
    case PICKLE_BIG_INTEGER: return add_opaque(w, "%s", "an integer of more than 64 bits");
    case PICKLE_CLASS: return add_opaque(w, "the class or function %.160s", node->text);
    case PICKLE_MARK: return LL_OK;
    default: break;
    }
    if (node->kind == PICKLE_OBJECT || node->kind == PICKLE_REFERENCE) {
        if (node->object.tensor != NULL) {
            return ll_file_add_tensor(w->file, w->path.text, node->object.tensor, w->error);
        }
        ll_tensor tensor;
        outcome found;
        char what[96];
        LL_TRY(read_tensor(w, node, 0, &tensor, &found, what));
        if (found == UNREADABLE) return add_opaque(w, "%s", what);
        if (found == TENSOR) {
            ll_tensor *kept = ll_arena_allocate(w->file->arena, sizeof *kept);
            if (kept == NULL) return ll_fail_memory(w->error, "formats", sizeof *kept);
            *kept = tensor;
            node->object.tensor = kept; /* met again under another name, it is not copied again */
            return ll_file_add_tensor(w->file, w->path.text, &tensor, w->error);
        }
    }
    if (node->busy) return add_opaque(w, "%s", "a reference back to what holds it");
    if (depth >= w->file->budget.limits.depth) {
        return ll_fail(w->error, LL_TOO_LARGE, "formats", w->file->place,
                       "objects are nested deeper than the limit of %lld (depth), at %.100s",
                       (long long)w->file->budget.limits.depth, w->path.text);
    }
    node->busy = true;
    ll_status status = visit_container(w, node, depth + 1);
    node->busy = false;
    return status;
}

static ll_status walk_root(walk *w, value *root)
{
    ll_text_append(&w->path, "");
    ll_status status = w->path.failed ? ll_fail_memory(w->error, "formats", 1) : visit(w, root, 0);
    ll_text_deinit(&w->path);
    return status;
}

/* ------------------------------------------------------------------ zip */

ll_status ll_torch_zip_parse(ll_tensor_file *file, const ll_zip *zip, ll_error *error)
{
    walk w = {.file = file, .error = error, .zip = zip};
    file->format = "pytorch zip";
    ll_zip_entry *data = NULL;
    for (int64_t i = 0; i < zip->count && data == NULL; i++) {
        const char *name = zip->entries[i].name, *slash = strrchr(name, '/');
        if (strcmp(slash != NULL ? slash + 1 : name, "data.pkl") == 0) data = &zip->entries[i];
    }
    if (data == NULL) {
        return ll_fail(error, LL_INVALID_FILE, "formats", file->place,
                       "zip archive without data.pkl is not PyTorch's");
    }
    w.folder = ll_arena_text(file->arena, data->name);
    if (w.folder == NULL) return ll_fail_memory(error, "formats", strlen(data->name));
    w.folder[strlen(w.folder) - strlen("data.pkl")] = 0;
    char name[512];
    int length = snprintf(name, sizeof name, "%sbyteorder", w.folder);
    ll_zip_entry *order = length > 0 && length < (int)sizeof name ? ll_zip_find(zip, name) : NULL;
    const uint8_t *bytes;
    size_t size;
    if (order != NULL) {
        LL_TRY(ll_zip_read(zip, order, file, &bytes, &size, error));
        w.big_endian = size >= 3 && memcmp(bytes, "big", 3) == 0;
    }
    LL_TRY(ll_zip_read(zip, data, file, &bytes, &size, error));
    ll_pickle pickle;
    LL_TRY(ll_pickle_parse(bytes, size, &file->budget.limits, file->arena, data->name, &pickle, error));
    return walk_root(&w, pickle.root);
}

/* ------------------------------------------------------------------ legacy */

static const uint8_t legacy_magic[] = {0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46,
                                       0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19};

bool ll_torch_legacy_detect(const ll_tensor_file *file)
{
    /* A pickle of the magic number alone: PROTO 2 before it, or PROTO 4 and a frame. */
    size_t start = 2;
    if (file->source.size < 2 || file->source.bytes[0] != 0x80) return false;
    if (file->source.size > 11 && file->source.bytes[2] == 0x95) start = 11;
    return file->source.size >= start + sizeof legacy_magic &&
           memcmp(file->source.bytes + start, legacy_magic, sizeof legacy_magic) == 0;
}

static int by_key(const void *left, const void *right)
{
    const legacy_storage *a = left, *b = right;
    return compare_keys(a->key, a->key_length, b->key, b->key_length);
}

/* Types of the storages, by key: the table behind the pickles has only their lengths. */
typedef struct typed_key {
    const char *key;
    size_t key_length, element;
} typed_key;

static int by_typed_key(const void *left, const void *right)
{
    const typed_key *a = left, *b = right;
    return compare_keys(a->key, a->key_length, b->key, b->key_length);
}

static size_t element_of_class(const char *name)
{
    static const struct {
        const char *storage;
        size_t bytes;
    } others[] = {{"ComplexFloatStorage", 8}, {"ComplexDoubleStorage", 16}, {"QInt8Storage", 1},
                  {"QUInt8Storage", 1},       {"QInt32Storage", 4},         {"QUInt4x2Storage", 1},
                  {"QUInt2x4Storage", 1},     {"UntypedStorage", 1},        {"_UntypedStorage", 1}};
    ll_tensor_type type;
    if (torch_type(name, &type)) return ll_tensor_type_bytes(type);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (strcmp(last_part(name), others[i].storage) == 0) return others[i].bytes;
    }
    return 0;
}

typedef struct legacy_reading {
    ll_tensor_file *file;
    ll_error *error;
    size_t at;
    typed_key *types;
    int64_t type_count, type_capacity;
    int64_t visited;
} legacy_reading;

/* Finds every persistent id below a value. Each container is entered once: `busy` stays set until the walk,
 * which clears nothing it did not set, so it is cleared by a second pass with the flag reversed. */
static ll_status collect_types(legacy_reading *r, value *node, bool mark, int64_t depth);

static ll_status collect_items(legacy_reading *r, value *const *items, int64_t count, bool mark,
                               int64_t depth)
{
    for (int64_t i = 0; i < count; i++) LL_TRY(collect_types(r, items[i], mark, depth));
    return LL_OK;
}

static ll_status collect_reference(legacy_reading *r, const value *node)
{
    const value *id = node->object.arguments;
    if (id == NULL || id->kind != PICKLE_TUPLE || id->count < 5 || id->items[1]->kind != PICKLE_CLASS ||
        id->items[2]->kind != PICKLE_TEXT) {
        return LL_OK; /* refused with its place by the walk */
    }
    if (r->type_count == r->type_capacity) {
        int64_t wanted = r->type_capacity > 0 ? 2 * r->type_capacity : 64;
        typed_key *grown = realloc(r->types, (size_t)wanted * sizeof *grown);
        if (grown == NULL) return ll_fail_memory(r->error, "formats", (size_t)wanted * sizeof *grown);
        r->types = grown;
        r->type_capacity = wanted;
    }
    r->types[r->type_count++] =
        (typed_key){id->items[2]->text, id->items[2]->length, element_of_class(id->items[1]->text)};
    return LL_OK;
}

static ll_status collect_types(legacy_reading *r, value *node, bool mark, int64_t depth)
{
    if (node == NULL || node->busy == mark) return LL_OK;
    switch (node->kind) {
    case PICKLE_LIST:
    case PICKLE_TUPLE:
    case PICKLE_SET:
    case PICKLE_DICT:
    case PICKLE_OBJECT:
    case PICKLE_REFERENCE: break;
    default: return LL_OK;
    }
    if (depth > 8 * r->file->budget.limits.depth) {
        return ll_fail(r->error, LL_TOO_LARGE, "formats", r->file->place,
                       "objects are nested deeper than the limit of %lld (depth)",
                       (long long)r->file->budget.limits.depth);
    }
    node->busy = mark;
    if (node->kind == PICKLE_REFERENCE) return mark ? collect_reference(r, node) : LL_OK;
    if (node->kind != PICKLE_OBJECT) return collect_items(r, node->items, node->count, mark, depth + 1);
    value *parts[5] = {node->object.callable, node->object.arguments, node->object.state, node->object.list,
                       node->object.dict};
    return collect_items(r, parts, 5, mark, depth + 1);
}

static ll_status next_pickle(legacy_reading *r, ll_pickle *pickle)
{
    LL_TRY(ll_pickle_parse(r->file->source.bytes + r->at, r->file->source.size - r->at,
                           &r->file->budget.limits, r->file->arena, r->file->place, pickle, r->error));
    r->at += pickle->consumed;
    return LL_OK;
}

static ll_status read_storage_table(legacy_reading *r, const value *keys, bool big_endian,
                                    legacy_storage **table, int64_t *table_count)
{
    const ll_file_bytes *source = &r->file->source;
    if (keys->kind != PICKLE_LIST) {
        return ll_fail(r->error, LL_INVALID_FILE, "formats", r->file->place,
                       "the list of storages behind the objects is no list");
    }
    if (r->type_count > 0) qsort(r->types, (size_t)r->type_count, sizeof *r->types, by_typed_key);
    legacy_storage *result = ll_arena_allocate(r->file->arena, (size_t)keys->count * sizeof *result);
    if (result == NULL) return ll_fail_memory(r->error, "formats", (size_t)keys->count * sizeof *result);
    for (int64_t i = 0; i < keys->count; i++) {
        const value *key = keys->items[i];
        if (key->kind != PICKLE_TEXT) {
            return ll_fail(r->error, LL_INVALID_FILE, "formats", r->file->place, "storage %lld has no key",
                           (long long)i);
        }
        typed_key wanted = {key->text, key->length, 0};
        const typed_key *type = r->type_count > 0 ? bsearch(&wanted, r->types, (size_t)r->type_count,
                                                            sizeof *r->types, by_typed_key)
                                                  : NULL;
        if (type == NULL || type->element == 0) {
            return ll_fail(r->error, LL_INVALID_FILE, "formats", r->file->place,
                           "storage '%.*s' has %s, so that its length cannot be known",
                           (int)ll_min_int64((int64_t)key->length, 60), key->text,
                           type == NULL ? "no tensor" : "an unknown type");
        }
        if (source->size - r->at < 8) {
            return ll_fail(r->error, LL_INVALID_FILE, "formats", r->file->place,
                           "the file was cut short: storage %lld of %lld is missing", (long long)i + 1,
                           (long long)keys->count);
        }
        uint64_t elements =
            big_endian ? read_u64_big(source->bytes + r->at) : read_u64(source->bytes + r->at);
        r->at += 8;
        if (elements > (source->size - r->at) / type->element) {
            return ll_fail(r->error, LL_INVALID_FILE, "formats", r->file->place,
                           "the file was cut short: storage %lld of %lld has %llu elements of %zu bytes, "
                           "%zu bytes are left",
                           (long long)i + 1, (long long)keys->count, (unsigned long long)elements,
                           type->element, source->size - r->at);
        }
        result[i] = (legacy_storage){key->text, key->length, source->bytes + r->at, (int64_t)elements};
        r->at += (size_t)elements * type->element;
    }
    qsort(result, (size_t)keys->count, sizeof *result, by_key);
    *table = result;
    *table_count = keys->count;
    return LL_OK;
}

static ll_status parse_legacy(legacy_reading *r)
{
    ll_pickle magic, protocol, system, object, keys;
    int64_t version;
    LL_TRY(next_pickle(r, &magic));
    LL_TRY(next_pickle(r, &protocol));
    if (!ll_pickle_integer(protocol.root, &version) || version != 1001) {
        return ll_fail(r->error, LL_UNSUPPORTED, "formats", r->file->place,
                       "PyTorch's legacy format has protocol 1001; this file has another");
    }
    LL_TRY(next_pickle(r, &system));
    const value *little = ll_pickle_get(system.root, "little_endian");
    bool big_endian = little != NULL && little->kind == PICKLE_BOOL && little->integer == 0;
    LL_TRY(next_pickle(r, &object));
    LL_TRY(next_pickle(r, &keys));
    LL_TRY(collect_types(r, object.root, true, 0));
    LL_TRY(collect_types(r, object.root, false, 0));
    legacy_storage *table;
    int64_t count;
    LL_TRY(read_storage_table(r, keys.root, big_endian, &table, &count));
    walk w = {
        .file = r->file, .error = r->error, .legacy = table, .legacy_count = count, .big_endian = big_endian};
    return walk_root(&w, object.root);
}

ll_status ll_torch_legacy_parse(ll_tensor_file *file, ll_error *error)
{
    file->format = "pytorch legacy";
    legacy_reading r = {.file = file, .error = error};
    ll_status status = parse_legacy(&r);
    free(r.types);
    return status;
}

/* ------------------------------------------------------------------ plain pickle */

bool ll_plain_pickle_detect(const ll_tensor_file *file)
{
    const uint8_t *bytes = file->source.bytes;
    size_t size = file->source.size;
    if (size >= 2 && bytes[0] == 0x80 && bytes[1] >= 2 && bytes[1] <= 5) return true;
    /* Protocol 0 or 1: no mark in front, but STOP at the end, and an opcode that opens something. */
    return size >= 2 && bytes[size - 1] == '.' && strchr("(]})c", bytes[0]) != NULL && bytes[0] != 0;
}

ll_status ll_plain_pickle_parse(ll_tensor_file *file, ll_error *error)
{
    file->format = "pickle";
    walk w = {.file = file, .error = error};
    ll_pickle pickle;
    LL_TRY(ll_pickle_parse(file->source.bytes, file->source.size, &file->budget.limits, file->arena,
                           file->place, &pickle, error));
    return walk_root(&w, pickle.root);
}
