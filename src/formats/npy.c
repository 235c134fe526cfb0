/* numpy's .npy, format versions 1 to 3 (NEP 1), and .npz, a zip of them. The header is the text of a Python
 * dictionary with exactly three keys; it is parsed, not evaluated. */
#include "formats/internal.h"
#include "formats/zip.h"

#include <stdio.h>
#include <string.h>

typedef struct header {
    ll_tensor_type type;
    bool big_endian, fortran_order;
    int rank;
    int64_t shape[LL_TENSOR_MAX_RANK];
} header;

typedef struct cursor {
    const char *at, *end;
    const char *place;
} cursor;

static void skip_space(cursor *text)
{
    while (text->at < text->end && (*text->at == ' ' || *text->at == '\n' || *text->at == '\t')) text->at++;
}

static bool take(cursor *text, char wanted)
{
    skip_space(text);
    if (text->at == text->end || *text->at != wanted) return false;
    text->at++;
    return true;
}

static bool take_string(cursor *text, char *value, size_t capacity)
{
    skip_space(text);
    if (text->at == text->end || (*text->at != '\'' && *text->at != '"')) return false;
    char quote = *text->at++;
    size_t length = 0;
    while (text->at < text->end && *text->at != quote) {
        if (length + 1 >= capacity || *text->at == '\\') return false;
        value[length++] = *text->at++;
    }
    value[length] = 0;
    return take(text, quote);
}

static bool take_word(cursor *text, const char *word)
{
    skip_space(text);
    size_t length = strlen(word);
    if ((size_t)(text->end - text->at) < length || memcmp(text->at, word, length) != 0) return false;
    text->at += length;
    return true;
}

static bool take_extent(cursor *text, int64_t *value)
{
    skip_space(text);
    int64_t result = 0;
    const char *start = text->at;
    while (text->at < text->end && *text->at >= '0' && *text->at <= '9') {
        if (!ll_multiply_int64(result, 10, &result) || !ll_add_int64(result, *text->at - '0', &result))
            return false;
        text->at++;
    }
    if (text->at == start) return false;
    if (text->at < text->end && *text->at == 'L') text->at++; /* Python 2 wrote long integers so */
    *value = result;
    return true;
}

static ll_status read_shape(cursor *text, header *head, ll_error *error)
{
    if (!take(text, '(')) goto broken;
    head->rank = 0;
    while (!take(text, ')')) {
        int64_t extent;
        if (!take_extent(text, &extent)) goto broken;
        if (head->rank == LL_TENSOR_MAX_RANK) {
            return ll_fail(error, LL_UNSUPPORTED, "formats", text->place, "array of more than %d axes",
                           LL_TENSOR_MAX_RANK);
        }
        head->shape[head->rank++] = extent;
        if (!take(text, ',')) {
            if (!take(text, ')')) goto broken;
            return LL_OK;
        }
    }
    return LL_OK;
broken:
    return ll_fail(error, LL_INVALID_FILE, "formats", text->place,
                   "npy header: a shape like (3, 4) is wanted, of extents below 2^63");
}

/* "<f4": byte order, kind, bytes. */
static ll_status read_type(const char *text, header *head, const char *place, ll_error *error)
{
    static const struct {
        const char *code;
        ll_tensor_type type;
    } codes[] = {{"f2", LL_TENSOR_FLOAT16}, {"f4", LL_TENSOR_FLOAT32}, {"f8", LL_TENSOR_FLOAT64},
                 {"i1", LL_TENSOR_INT8},    {"i2", LL_TENSOR_INT16},   {"i4", LL_TENSOR_INT32},
                 {"i8", LL_TENSOR_INT64},   {"u1", LL_TENSOR_UINT8},   {"u2", LL_TENSOR_UINT16},
                 {"u4", LL_TENSOR_UINT32},  {"u8", LL_TENSOR_UINT64},  {"b1", LL_TENSOR_BOOL}};
    const char *code = text;
    if (*code == '<' || *code == '>' || *code == '|' || *code == '=') code++;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (strcmp(code, codes[i].code) == 0) {
            head->type = codes[i].type;
            head->big_endian = *text == '>';
            return LL_OK;
        }
    }
    const char *what = *code == 'O'                   ? "Python objects, which would have to be executed"
                       : *code == 'c'                 ? "complex numbers"
                       : *code == 'S' || *code == 'U' ? "text"
                       : *code == 'V'                 ? "raw or structured data"
                       : *code == 'M' || *code == 'm' ? "dates or times"
                       : *code == 'f'                 ? "floats of another size"
                                                      : "an unknown type";
    return ll_fail(
        error, LL_UNSUPPORTED, "formats", place,
        "array of type '%s' holds %s; bool, integers of 1 to 8 bytes and floats of 2, 4, 8 are read", text,
        what);
}

static ll_status read_header(cursor *text, header *head, ll_error *error)
{
    bool seen[3] = {false, false, false};
    static const char *const keys[3] = {"descr", "fortran_order", "shape"};
    if (!take(text, '{')) goto broken;
    while (!take(text, '}')) {
        char key[32], type[64];
        int which = 0;
        if (!take_string(text, key, sizeof key) || !take(text, ':')) goto broken;
        while (which < 3 && strcmp(key, keys[which]) != 0) which++;
        if (which == 3 || seen[which]) {
            return ll_fail(error, LL_INVALID_FILE, "formats", text->place,
                           "npy header: key '%s' is %s; descr, fortran_order and shape are wanted, once each",
                           key, which == 3 ? "unknown" : "repeated");
        }
        seen[which] = true;
        if (which == 0) {
            skip_space(text);
            if (text->at < text->end && (*text->at == '[' || *text->at == '(')) {
                return ll_fail(error, LL_UNSUPPORTED, "formats", text->place,
                               "array of structured records; arrays of plain numbers are read");
            }
            if (!take_string(text, type, sizeof type)) goto broken;
            LL_TRY(read_type(type, head, text->place, error));
        } else if (which == 1) {
            head->fortran_order = take_word(text, "True");
            if (!head->fortran_order && !take_word(text, "False")) goto broken;
        } else {
            LL_TRY(read_shape(text, head, error));
        }
        if (!take(text, ',')) {
            if (!take(text, '}')) goto broken;
            break;
        }
    }
    skip_space(text);
    if (text->at == text->end && seen[0] && seen[1] && seen[2]) return LL_OK;
broken:
    return ll_fail(
        error, LL_INVALID_FILE, "formats", text->place,
        "npy header is broken; {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), } is wanted");
}

ll_status ll_npy_parse(ll_tensor_file *file, const uint8_t *bytes, size_t size, const char *name,
                       const char *place, ll_error *error)
{
    if (size < 10 || memcmp(bytes, "\x93NUMPY", 6) != 0) {
        return ll_fail(error, LL_INVALID_FILE, "formats", place,
                       "not an npy file: it does not start with \\x93NUMPY");
    }
    unsigned version = bytes[6];
    if (version < 1 || version > 3) {
        return ll_fail(error, LL_UNSUPPORTED, "formats", place, "npy version %u; 1 to 3 are read", version);
    }
    size_t start = version == 1 ? 10 : 12;
    size_t length = version == 1 ? read_u16(bytes + 8) : size >= 12 ? read_u32(bytes + 8) : SIZE_MAX;
    if (size < start || length > size - start) {
        return ll_fail(error, LL_INVALID_FILE, "formats", place,
                       "npy header is cut short: the file has %zu bytes", size);
    }
    header head = {0};
    cursor text = {(const char *)bytes + start, (const char *)bytes + start + length, place};
    LL_TRY(read_header(&text, &head, error));
    int64_t count;
    size_t wanted, available = size - start - length;
    if (!ll_shape_count(head.shape, head.rank, &count) ||
        !ll_multiply_size((size_t)count, ll_tensor_type_bytes(head.type), &wanted)) {
        return ll_fail(error, LL_INVALID_FILE, "formats", place, "npy header: the shape's product overflows");
    }
    if (wanted != available) {
        return ll_fail(error, LL_INVALID_FILE, "formats", place,
                       "npy header wants %zu bytes of data behind it; there are %zu", wanted, available);
    }
    ll_tensor tensor = {.type = head.type, .rank = head.rank};
    int64_t stride[LL_TENSOR_MAX_RANK], step = 1;
    for (int i = 0; i < head.rank; i++) {
        int axis = head.fortran_order ? i : head.rank - 1 - i;
        stride[axis] = step;
        step *= count > 0 ? head.shape[axis] : 0;
        tensor.shape[i] = head.shape[i];
    }
    LL_TRY(ll_file_gather(file, bytes + start + length, head.type, head.rank, head.shape, stride, 0, count,
                          head.big_endian, place, &tensor.data, error));
    return ll_file_add_tensor(file, name, &tensor, error);
}

ll_status ll_npz_parse(ll_tensor_file *file, const ll_zip *zip, ll_error *error)
{
    file->format = "npz";
    for (int64_t i = 0; i < zip->count; i++) {
        ll_zip_entry *entry = &zip->entries[i];
        size_t length = strlen(entry->name);
        if (length > 0 && entry->name[length - 1] == '/') continue;
        if (length < 4 || strcmp(entry->name + length - 4, ".npy") != 0) {
            LL_TRY(ll_file_add_opaque(file, entry->name, "a file in the archive that is no .npy", error));
            continue;
        }
        const uint8_t *bytes;
        size_t size;
        LL_TRY(ll_zip_read(zip, entry, file, &bytes, &size, error));
        char *name = ll_arena_text(file->arena, entry->name);
        if (name == NULL) return ll_fail_memory(error, "formats", length);
        name[length - 4] = 0;
        ll_error reason = {0};
        ll_status status = ll_npy_parse(file, bytes, size, name, entry->name, &reason);
        if (status == LL_UNSUPPORTED) { /* text or objects beside the arrays do not spoil them */
            LL_TRY(ll_file_add_opaque(file, name, reason.message, error));
        } else if (status != LL_OK) {
            if (error != NULL) *error = reason;
            return status;
        }
    }
    if (file->tensor_count == 0) {
        return ll_fail(error, LL_UNSUPPORTED, "formats", file->place,
                       "zip archive without a readable array (.npy) and without PyTorch's data.pkl; "
                       "it has %lld entries%s%s",
                       (long long)zip->count, zip->count > 0 ? ", the first is " : "",
                       zip->count > 0 ? zip->entries[0].name : "");
    }
    return LL_OK;
}

/* ------------------------------------------------------------------ writing */

ll_status ll_npy_encode(const ll_tensor *tensor, ll_text *out, ll_error *error)
{
    static const char *const codes[LL_TENSOR_TYPES] = {
        [LL_TENSOR_FLOAT16] = "<f2", [LL_TENSOR_FLOAT32] = "<f4", [LL_TENSOR_FLOAT64] = "<f8",
        [LL_TENSOR_INT8] = "|i1",    [LL_TENSOR_INT16] = "<i2",   [LL_TENSOR_INT32] = "<i4",
        [LL_TENSOR_INT64] = "<i8",   [LL_TENSOR_UINT8] = "|u1",   [LL_TENSOR_UINT16] = "<u2",
        [LL_TENSOR_UINT32] = "<u4",  [LL_TENSOR_UINT64] = "<u8",  [LL_TENSOR_BOOL] = "|b1"};
    const char *code = codes[tensor->type];
    if (code == NULL) {
        return ll_fail(error, LL_UNSUPPORTED, "formats", tensor->name,
                       "numpy has no type for %s; convert it first", ll_tensor_type_name(tensor->type));
    }
    /* At most 8 extents of 20 digits: the header always fits version 1.0. */
    char head[320];
    int length = snprintf(head, sizeof head, "{'descr': '%s', 'fortran_order': False, 'shape': (", code);
    for (int axis = 0; axis < tensor->rank; axis++) {
        length +=
            snprintf(head + length, sizeof head - (size_t)length, "%lld%s", (long long)tensor->shape[axis],
                     axis + 1 < tensor->rank ? ", "
                     : tensor->rank == 1     ? ","
                                             : "");
    }
    length += snprintf(head + length, sizeof head - (size_t)length, "), }");
    int total = (10 + length + 1 + 63) / 64 * 64 - 10; /* the data starts at a multiple of 64 */
    uint8_t start[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (uint8_t)(total & 255), (uint8_t)(total >> 8)};
    ll_text_append_bytes(out, start, sizeof start);
    ll_text_append_bytes(out, head, (size_t)length);
    for (int i = length; i < total - 1; i++) ll_text_append_bytes(out, " ", 1);
    ll_text_append_bytes(out, "\n", 1);
    ll_text_append_bytes(out, tensor->data, ll_tensor_bytes(tensor));
    return out->failed ? ll_fail_memory(error, "formats", ll_tensor_bytes(tensor)) : LL_OK;
}

ll_status ll_npz_encode(const ll_tensor *tensors, int64_t count, bool deflate, ll_text *out, ll_error *error)
{
    ll_zip_writer writer;
    ll_text array = {0}, name = {0};
    ll_status status = LL_OK;
    ll_zip_begin(&writer, out);
    for (int64_t i = 0; i < count && status == LL_OK; i++) {
        array.length = name.length = 0;
        ll_text_format(&name, "%s.npy", tensors[i].name);
        status = ll_npy_encode(&tensors[i], &array, error);
        if (status == LL_OK && name.failed) status = ll_fail_memory(error, "formats", 64);
        if (status == LL_OK)
            status = ll_zip_add(&writer, name.text, array.text, array.length, deflate, error);
    }
    ll_status finished = ll_zip_finish(&writer, status == LL_OK ? error : NULL);
    ll_text_deinit(&array);
    ll_text_deinit(&name);
    return status != LL_OK ? status : finished;
}

ll_status ll_npy_write(const char *path, const ll_tensor *tensor, ll_error *error)
{
    ll_text out = {0};
    ll_status status = ll_npy_encode(tensor, &out, error);
    if (status == LL_OK) status = ll_file_write(path, out.text, out.length, error);
    ll_text_deinit(&out);
    return status;
}

ll_status ll_npz_write(const char *path, const ll_tensor *tensors, int64_t count, bool deflate,
                       ll_error *error)
{
    ll_text out = {0};
    ll_status status = ll_npz_encode(tensors, count, deflate, &out, error);
    if (status == LL_OK) status = ll_file_write(path, out.text, out.length, error);
    ll_text_deinit(&out);
    return status;
}
