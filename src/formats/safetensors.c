/* safetensors: 8 bytes of header length, a JSON object, raw little-endian data. The rules of the format are
 * kept: offsets inside the data, no overlap, no hole, lengths that agree with shape and type. */
#include "formats/internal.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_LIMIT = 100000000 }; /* the format's own limit */

static const char *const type_codes[LL_TENSOR_TYPES] = {
    [LL_TENSOR_FLOAT16] = "F16", [LL_TENSOR_BFLOAT16] = "BF16", [LL_TENSOR_FLOAT32] = "F32",
    [LL_TENSOR_FLOAT64] = "F64", [LL_TENSOR_INT8] = "I8",       [LL_TENSOR_INT16] = "I16",
    [LL_TENSOR_INT32] = "I32",   [LL_TENSOR_INT64] = "I64",     [LL_TENSOR_UINT8] = "U8",
    [LL_TENSOR_UINT16] = "U16",  [LL_TENSOR_UINT32] = "U32",    [LL_TENSOR_UINT64] = "U64",
    [LL_TENSOR_BOOL] = "BOOL"};

/* ------------------------------------------------------------------ reading */

typedef struct span {
    uint64_t begin, end;
} span;

typedef struct reading {
    ll_tensor_file *file;
    const uint8_t *data;
    uint64_t data_size;
    span *spans;
    int64_t span_count;
} reading;

static bool read_offset(const json_t *value, uint64_t *offset)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0) return false;
    *offset = (uint64_t)json_integer_value(value);
    return true;
}

static ll_status read_entry(reading *state, const char *name, const json_t *entry, ll_error *error)
{
    const json_t *code = json_object_get(entry, "dtype"), *shape = json_object_get(entry, "shape");
    const json_t *offsets = json_object_get(entry, "data_offsets");
    span where;
    if (!json_is_string(code) || !json_is_array(shape) || json_array_size(offsets) != 2 ||
        !read_offset(json_array_get(offsets, 0), &where.begin) ||
        !read_offset(json_array_get(offsets, 1), &where.end)) {
        return ll_fail(error, LL_INVALID_FILE, "formats", name,
                       "safetensors entry is broken; {\"dtype\": \"F32\", \"shape\": [2, 3], "
                       "\"data_offsets\": [0, 24]} is wanted");
    }
    if (where.begin > where.end || where.end > state->data_size) {
        return ll_fail(error, LL_INVALID_FILE, "formats", name,
                       "data_offsets [%llu, %llu] do not lie in the %llu bytes of data",
                       (unsigned long long)where.begin, (unsigned long long)where.end,
                       (unsigned long long)state->data_size);
    }
    state->spans[state->span_count++] = where;
    ll_tensor tensor = {.type = LL_TENSOR_TYPES};
    for (int i = 0; i < LL_TENSOR_TYPES; i++) {
        if (strcmp(json_string_value(code), type_codes[i]) == 0) tensor.type = (ll_tensor_type)i;
    }
    size_t rank = json_array_size(shape), wanted;
    int64_t count;
    char what[160];
    if (tensor.type == LL_TENSOR_TYPES) {
        snprintf(what, sizeof what, "tensor of type '%.60s', which is not read", json_string_value(code));
        return ll_file_add_opaque(state->file, name, what, error);
    }
    if (rank > LL_TENSOR_MAX_RANK) {
        snprintf(what, sizeof what, "tensor of %zu axes; at most %d are read", rank, LL_TENSOR_MAX_RANK);
        return ll_file_add_opaque(state->file, name, what, error);
    }
    tensor.rank = (int)rank;
    for (size_t axis = 0; axis < rank; axis++) {
        uint64_t extent;
        if (!read_offset(json_array_get(shape, axis), &extent)) {
            return ll_fail(error, LL_INVALID_FILE, "formats", name, "axis %zu of the shape is no extent",
                           axis);
        }
        tensor.shape[axis] = (int64_t)extent;
    }
    if (!ll_shape_count(tensor.shape, tensor.rank, &count) ||
        !ll_multiply_size((size_t)count, ll_tensor_type_bytes(tensor.type), &wanted)) {
        return ll_fail(error, LL_INVALID_FILE, "formats", name, "the shape's product overflows");
    }
    if (wanted != where.end - where.begin) {
        return ll_fail(error, LL_INVALID_FILE, "formats", name,
                       "shape and dtype want %zu bytes; data_offsets [%llu, %llu] give %llu", wanted,
                       (unsigned long long)where.begin, (unsigned long long)where.end,
                       (unsigned long long)(where.end - where.begin));
    }
    LL_TRY(ll_file_data(state->file, state->data + where.begin, tensor.type, count, false, name, &tensor.data,
                        error));
    return ll_file_add_tensor(state->file, name, &tensor, error);
}

static ll_status read_metadata(ll_tensor_file *file, json_t *metadata, ll_error *error)
{
    const char *key;
    json_t *value;
    if (!json_is_object(metadata)) {
        return ll_fail(error, LL_INVALID_FILE, "formats", file->place,
                       "__metadata__ is not an object of texts");
    }
    json_object_foreach(metadata, key, value)
    {
        if (!json_is_string(value)) {
            return ll_fail(error, LL_INVALID_FILE, "formats", file->place, "__metadata__ '%s' is not a text",
                           key);
        }
        ll_scalar scalar = {.type = LL_SCALAR_TEXT, .text = json_string_value(value)};
        LL_TRY(ll_file_add_scalar(file, key, scalar, error));
    }
    return LL_OK;
}

static int by_begin(const void *left, const void *right)
{
    const span *a = left, *b = right;
    if (a->begin != b->begin) return a->begin < b->begin ? -1 : 1;
    return (a->end > b->end) - (a->end < b->end);
}

static ll_status read_object(reading *state, json_t *root, ll_error *error)
{
    const char *name;
    json_t *entry;
    json_object_foreach(root, name, entry)
    {
        if (strcmp(name, "__metadata__") == 0) {
            LL_TRY(read_metadata(state->file, entry, error));
        } else {
            LL_TRY(read_entry(state, name, entry, error));
        }
    }
    qsort(state->spans, (size_t)state->span_count, sizeof *state->spans, by_begin);
    uint64_t end = 0;
    for (int64_t i = 0; i < state->span_count; i++) {
        if (state->spans[i].begin != end) {
            return ll_fail(error, LL_INVALID_FILE, "formats", state->file->place,
                           "the data has %s at byte %llu: tensors must lie one behind the other",
                           state->spans[i].begin < end ? "an overlap" : "a hole",
                           (unsigned long long)state->spans[i].begin);
        }
        end = state->spans[i].end;
    }
    if (end != state->data_size) {
        return ll_fail(error, LL_INVALID_FILE, "formats", state->file->place,
                       "the tensors cover %llu of the %llu bytes of data", (unsigned long long)end,
                       (unsigned long long)state->data_size);
    }
    return LL_OK;
}

ll_status ll_safetensors_parse(ll_tensor_file *file, ll_error *error)
{
    file->format = "safetensors";
    const uint8_t *bytes = file->source.bytes;
    uint64_t length = read_u64(bytes);
    if (length > HEADER_LIMIT || length > (uint64_t)file->budget.limits.text_bytes) {
        return ll_fail(error, LL_TOO_LARGE, "formats", file->place,
                       "safetensors header declares %llu bytes; at most %d are allowed",
                       (unsigned long long)length, HEADER_LIMIT);
    }
    if (length > file->source.size - 8) {
        return ll_fail(
            error, LL_INVALID_FILE, "formats", file->place,
            "safetensors header declares %llu bytes; the file has %zu behind its length: it was cut short",
            (unsigned long long)length, file->source.size - 8);
    }
    json_error_t reason;
    json_t *root = json_loadb((const char *)bytes + 8, (size_t)length, JSON_REJECT_DUPLICATES, &reason);
    if (!json_is_object(root)) {
        json_decref(root);
        return ll_fail(error, LL_INVALID_FILE, "formats", file->place, "safetensors header, byte %d: %s",
                       root == NULL ? reason.position : 0,
                       root == NULL ? reason.text : "an object is wanted");
    }
    ll_status status = LL_OK;
    reading state = {.file = file, .data = bytes + 8 + length, .data_size = file->source.size - 8 - length};
    int64_t count = (int64_t)json_object_size(root);
    if (count > file->budget.limits.entries) {
        status = ll_fail(error, LL_TOO_LARGE, "formats", file->place,
                         "%lld tensors are over the limit of %lld (entries)", (long long)count,
                         (long long)file->budget.limits.entries);
    } else {
        state.spans = ll_allocate_array(count, sizeof *state.spans);
        if (state.spans == NULL)
            status = ll_fail_memory(error, "formats", (size_t)count * sizeof *state.spans);
    }
    if (status == LL_OK) status = read_object(&state, root, error);
    ll_free(state.spans);
    json_decref(root);
    return status;
}

/* ------------------------------------------------------------------ writing */

static void append_json_text(ll_text *out, const char *text)
{
    ll_text_append(out, "\"");
    for (const char *at = text; *at != 0; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte == '"' || byte == '\\') {
            ll_text_format(out, "\\%c", byte);
        } else if (byte < 0x20) {
            ll_text_format(out, "\\u%04x", byte);
        } else {
            ll_text_append_bytes(out, at, 1);
        }
    }
    ll_text_append(out, "\"");
}

ll_status ll_safetensors_encode(const ll_tensor *tensors, int64_t count, const char *const (*metadata)[2],
                                int64_t metadata_count, ll_text *out, ll_error *error)
{
    ll_text header = {0};
    uint64_t offset = 0;
    ll_text_append(&header, "{");
    if (metadata_count > 0) {
        ll_text_append(&header, "\"__metadata__\":{");
        for (int64_t i = 0; i < metadata_count; i++) {
            if (i > 0) ll_text_append(&header, ",");
            append_json_text(&header, metadata[i][0]);
            ll_text_append(&header, ":");
            append_json_text(&header, metadata[i][1]);
        }
        ll_text_append(&header, "}");
    }
    for (int64_t i = 0; i < count; i++) {
        const ll_tensor *tensor = &tensors[i];
        if (header.length > 1) ll_text_append(&header, ",");
        append_json_text(&header, tensor->name);
        ll_text_format(&header, ":{\"dtype\":\"%s\",\"shape\":[", type_codes[tensor->type]);
        for (int axis = 0; axis < tensor->rank; axis++) {
            ll_text_format(&header, "%s%lld", axis > 0 ? "," : "", (long long)tensor->shape[axis]);
        }
        uint64_t end = offset + ll_tensor_bytes(tensor);
        ll_text_format(&header, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)offset,
                       (unsigned long long)end);
        offset = end;
    }
    ll_text_append(&header, "}");
    while (header.length % 8 != 0 && !header.failed) ll_text_append(&header, " ");
    uint8_t length[8];
    for (int i = 0; i < 8; i++) length[i] = (uint8_t)((uint64_t)header.length >> (8 * i));
    ll_status status = LL_OK;
    if (!header.failed && header.length > HEADER_LIMIT) {
        status =
            ll_fail(error, LL_TOO_LARGE, "formats", NULL,
                    "a safetensors header of %zu bytes is over the format's %d", header.length, HEADER_LIMIT);
    } else if (!header.failed) {
        ll_text_append_bytes(out, length, 8);
        ll_text_append_bytes(out, header.text, header.length);
        for (int64_t i = 0; i < count; i++) {
            ll_text_append_bytes(out, tensors[i].data, ll_tensor_bytes(&tensors[i]));
        }
    }
    if (status == LL_OK && (header.failed || out->failed))
        status = ll_fail_memory(error, "formats", (size_t)offset);
    ll_text_deinit(&header);
    return status;
}

ll_status ll_safetensors_write(const char *path, const ll_tensor *tensors, int64_t count,
                               const char *const (*metadata)[2], int64_t metadata_count, ll_error *error)
{
    ll_text out = {0};
    ll_status status = ll_safetensors_encode(tensors, count, metadata, metadata_count, &out, error);
    if (status == LL_OK) status = ll_file_write(path, out.text, out.length, error);
    ll_text_deinit(&out);
    return status;
}
