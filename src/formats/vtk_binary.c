#include "vtk_binary.h"

#include <math.h>
#include <string.h>
#include <zlib.h>

/* ---------------------------------------------------------------- a stream of decoded bytes */

/* Base64 in VTK files is several encoded pieces one after the other, each padded on its own (a length, then
 * data): padding only ends a group of four, not the stream. */
typedef struct stream {
    const uint8_t *bytes;
    size_t size, at;
    bool base64;
    uint8_t pending[3];
    int pending_count, pending_at;
} stream;

static int base64_digit(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* The next group of four characters into `pending`; false at the end or on anything that is not base64. */
static bool next_group(stream *s)
{
    int digits[4], count = 0, padding = 0;
    while (count < 4) {
        if (s->at >= s->size) return false;
        uint8_t c = s->bytes[s->at++];
        if (c == ' ' || c == '\n' || c == '\r' || c == '\t') continue;
        if (c == '=' && count >= 2) {
            padding++;
            digits[count++] = 0;
            continue;
        }
        int digit = base64_digit(c);
        if (digit < 0 || padding > 0) return false;
        digits[count++] = digit;
    }
    uint32_t bits = (uint32_t)digits[0] << 18 | (uint32_t)digits[1] << 12 | (uint32_t)digits[2] << 6 |
                    (uint32_t)digits[3];
    s->pending[0] = (uint8_t)(bits >> 16);
    s->pending[1] = (uint8_t)(bits >> 8);
    s->pending[2] = (uint8_t)bits;
    s->pending_count = 3 - padding;
    s->pending_at = 0;
    return true;
}

/* Upper bound of the decoded bytes that are left. */
static size_t stream_left(const stream *s)
{
    size_t left = s->size - s->at;
    return s->base64 ? left / 4 * 3 + 6 : left;
}

static bool stream_read(stream *s, void *target, size_t count)
{
    uint8_t *out = target;
    if (count > stream_left(s)) return false;
    if (!s->base64) {
        memcpy(out, s->bytes + s->at, count);
        s->at += count;
        return true;
    }
    while (count > 0) {
        if (s->pending_at == s->pending_count && !next_group(s)) return false;
        while (count > 0 && s->pending_at < s->pending_count) {
            *out++ = s->pending[s->pending_at++];
            count--;
        }
    }
    return true;
}

static bool read_length(stream *s, const ll_vtk_array *array, uint64_t *length)
{
    uint8_t bytes[8];
    if (!stream_read(s, bytes, (size_t)array->header_bytes)) return false;
    if (array->header_bytes == 4) {
        *length = array->big_endian ? read_u32_big(bytes) : read_u32(bytes);
    } else {
        *length = array->big_endian ? read_u64_big(bytes) : read_u64(bytes);
    }
    return true;
}

/* ---------------------------------------------------------------- blocks */

static ll_status truncated(const char *place, ll_error *error)
{
    return ll_fail(error, LL_INVALID_FILE, "formats", place, "the array's data ends early, or is not base64");
}

static ll_status wrong_length(const char *place, uint64_t got, uint64_t wanted, ll_error *error)
{
    return ll_fail(error, LL_INVALID_FILE, "formats", place, "the array holds %llu bytes; wanted %llu",
                   (unsigned long long)got, (unsigned long long)wanted);
}

static ll_status read_whole(stream *s, const ll_vtk_array *array, size_t wanted, ll_budget *budget,
                            const char *place, uint8_t **data, ll_error *error)
{
    uint64_t length;
    if (!read_length(s, array, &length)) return truncated(place, error);
    if (length != wanted) return wrong_length(place, length, wanted, error);
    if (wanted > stream_left(s)) return truncated(place, error);
    LL_TRY(ll_budget_take(budget, wanted, place, error));
    uint8_t *block = ll_allocate(wanted);
    if (block == NULL) return ll_fail_memory(error, "formats", wanted);
    if (!stream_read(s, block, wanted)) {
        ll_free(block);
        return truncated(place, error);
    }
    *data = block;
    return LL_OK;
}

/* Lengths: number of blocks, size of a full block, size of a partial last one (0: none), packed sizes. */
static ll_status read_blocks(stream *s, const ll_vtk_array *array, size_t wanted, ll_budget *budget,
                             const char *place, uint8_t **data, ll_error *error)
{
    uint64_t blocks, full, last;
    if (!read_length(s, array, &blocks) || !read_length(s, array, &full) || !read_length(s, array, &last)) {
        return truncated(place, error);
    }
    if (blocks > stream_left(s) / (size_t)array->header_bytes) return truncated(place, error);
    if (full > wanted || last > full || (blocks == 0 && wanted > 0))
        return wrong_length(place, full, wanted, error);
    uint64_t whole = last > 0 ? blocks - (blocks > 0) : blocks;
    if (whole > 0 && full > wanted / whole) return wrong_length(place, full, wanted, error);
    uint64_t total = whole * full + (blocks > 0 ? last : 0);
    if (total != wanted) return wrong_length(place, total, wanted, error);
    /* Deflate packs at most 1032 to 1: what cannot be there is not allocated. */
    if (wanted / 1032 > stream_left(s)) return truncated(place, error);
    LL_TRY(ll_budget_take(budget, wanted, place, error));

    uint64_t *sizes = ll_allocate_array((int64_t)blocks + 1, sizeof *sizes);
    uint8_t *block = ll_allocate(wanted), *packed = NULL;
    ll_status status = sizes == NULL || block == NULL ? ll_fail_memory(error, "formats", wanted) : LL_OK;
    uint64_t largest = 0;
    for (uint64_t i = 0; i < blocks && status == LL_OK; i++) {
        if (!read_length(s, array, &sizes[i]) || sizes[i] > stream_left(s)) status = truncated(place, error);
        if (status == LL_OK && sizes[i] > largest) largest = sizes[i];
    }
    if (status == LL_OK) {
        packed = ll_allocate(largest);
        if (packed == NULL) status = ll_fail_memory(error, "formats", largest);
    }
    size_t at = 0;
    for (uint64_t i = 0; i < blocks && status == LL_OK; i++) {
        size_t length = i < whole ? (size_t)full : (size_t)last;
        uLongf unpacked = (uLongf)length;
        if (!stream_read(s, packed, (size_t)sizes[i])) {
            status = truncated(place, error);
        } else if (uncompress(block + at, &unpacked, packed, (uLong)sizes[i]) != Z_OK || unpacked != length) {
            status = ll_fail(error, LL_INVALID_FILE, "formats", place,
                             "block %llu of the array does not unpack to %zu bytes", (unsigned long long)i,
                             length);
        }
        at += length;
    }
    ll_free(packed);
    ll_free(sizes);
    if (status != LL_OK) {
        ll_free(block);
        return status;
    }
    *data = block;
    return LL_OK;
}

static void swap_bytes(uint8_t *data, size_t bytes, size_t element)
{
    for (size_t at = 0; at + element <= bytes; at += element) {
        for (size_t i = 0; i < element / 2; i++) {
            uint8_t keep = data[at + i];
            data[at + i] = data[at + element - 1 - i];
            data[at + element - 1 - i] = keep;
        }
    }
}

ll_status ll_vtk_array_bytes(const ll_vtk_array *array, int64_t count, ll_budget *budget, const char *place,
                             void **values, ll_error *error)
{
    size_t wanted, element = ll_tensor_type_bytes(array->type);
    if (count < 0 || !ll_multiply_size((size_t)count, element, &wanted)) {
        return ll_fail(error, LL_INVALID_FILE, "formats", place, "%lld numbers are too many",
                       (long long)count);
    }
    stream s = {.bytes = array->bytes, .size = array->size, .base64 = array->encoding == LL_VTK_BASE64};
    uint8_t *data = NULL;
    LL_TRY(array->compressed ? read_blocks(&s, array, wanted, budget, place, &data, error)
                             : read_whole(&s, array, wanted, budget, place, &data, error));
    if (array->big_endian) swap_bytes(data, wanted, element);
    *values = data;
    return LL_OK;
}

/* ---------------------------------------------------------------- conversion */

static ll_status ascii_doubles(const ll_vtk_array *array, int64_t count, ll_budget *budget, const char *place,
                               double **values, ll_error *error)
{
    /* A number takes at least one character and one space. */
    if (count < 0 || (uint64_t)count > array->size / 2 + 1) {
        return ll_fail(error, LL_INVALID_FILE, "formats", place, "the text is too short for %lld numbers",
                       (long long)count);
    }
    LL_TRY(ll_budget_take(budget, (uint64_t)count * sizeof(double), place, error));
    double *made = ll_allocate_array(count, sizeof *made);
    if (made == NULL) return ll_fail_memory(error, "formats", (size_t)count * sizeof *made);
    ll_cursor cursor = {(const char *)array->bytes, (const char *)array->bytes + array->size};
    for (int64_t i = 0; i < count; i++) {
        if (!ll_cursor_number(&cursor, "", &made[i])) {
            ll_free(made);
            return ll_fail(error, LL_INVALID_FILE, "formats", place,
                           "number %lld of %lld is missing or malformed", (long long)i, (long long)count);
        }
    }
    ll_cursor_skip_space(&cursor);
    if (cursor.at != cursor.end) {
        ll_free(made);
        return ll_fail(error, LL_INVALID_FILE, "formats", place,
                       "there is more text behind the %lld numbers wanted", (long long)count);
    }
    *values = made;
    return LL_OK;
}

ll_status ll_vtk_array_doubles(const ll_vtk_array *array, int64_t count, ll_budget *budget, const char *place,
                               double **values, ll_error *error)
{
    if (array->encoding == LL_VTK_ASCII) return ascii_doubles(array, count, budget, place, values, error);
    void *bytes;
    LL_TRY(ll_vtk_array_bytes(array, count, budget, place, &bytes, error));
    if (array->type == LL_TENSOR_FLOAT64) {
        *values = bytes;
        return LL_OK;
    }
    double *made = ll_allocate_array(count, sizeof *made);
    if (made == NULL) {
        ll_free(bytes);
        return ll_fail_memory(error, "formats", (size_t)count * sizeof *made);
    }
    ll_tensor view = {.name = "", .type = array->type, .rank = 1, .shape = {count}, .data = bytes};
    ll_tensor_to_float64(&view, made);
    ll_free(bytes);
    *values = made;
    return LL_OK;
}

ll_status ll_vtk_array_integers(const ll_vtk_array *array, int64_t count, ll_budget *budget,
                                const char *place, int64_t **values, ll_error *error)
{
    double *doubles = NULL;
    void *bytes = NULL;
    ll_tensor view = {.name = "", .rank = 1, .shape = {count}};
    if (array->encoding == LL_VTK_ASCII) {
        LL_TRY(ascii_doubles(array, count, budget, place, &doubles, error));
        view.type = LL_TENSOR_FLOAT64;
        view.data = doubles;
    } else {
        if (ll_tensor_type_is_float(array->type)) {
            return ll_fail(error, LL_INVALID_FILE, "formats", place, "ids must be integers; got %s",
                           ll_tensor_type_name(array->type));
        }
        LL_TRY(ll_vtk_array_bytes(array, count, budget, place, &bytes, error));
        view.type = array->type;
        view.data = bytes;
    }
    int64_t *made = ll_allocate_array(count, sizeof *made);
    ll_status status = made == NULL ? ll_fail_memory(error, "formats", (size_t)count * sizeof *made)
                                    : ll_tensor_to_int64(&view, made, NULL);
    ll_free(doubles);
    ll_free(bytes);
    if (status == LL_OUT_OF_MEMORY) return status;
    if (status != LL_OK) {
        ll_free(made);
        return ll_fail(error, LL_INVALID_FILE, "formats", place, "ids must be integers");
    }
    *values = made;
    return LL_OK;
}
