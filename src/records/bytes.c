/* The canonical bytes of a record, little-endian, no padding:
 *   "LLREC" 0, u16 schema, u32 length + kind, u32 number of fields, then per field
 *   u8 type, u32 length + name, u32 length + unit, and
 *   integer: i64 | real: f64 | text: u32 length + bytes | array: u8 type, u8 rank, i64 extents, elements.
 */
#include "losslens/records.h"

#include <string.h>

static const char magic[6] = "LLREC";

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the canonical bytes are written as memory is; a big-endian port must swap here"
#endif

static void write_text(ll_text *out, const char *text)
{
    uint32_t length = (uint32_t)strlen(text);
    ll_text_append_bytes(out, &length, sizeof length);
    ll_text_append_bytes(out, text, length);
}

ll_status ll_record_to_bytes(const ll_record *record, void **bytes, size_t *count, ll_error *error)
{
    ll_text out = {0};
    uint16_t schema = LL_RECORD_SCHEMA;
    uint32_t fields = (uint32_t)ll_record_field_count(record);
    ll_text_append_bytes(&out, magic, sizeof magic);
    ll_text_append_bytes(&out, &schema, sizeof schema);
    write_text(&out, ll_record_kind(record));
    ll_text_append_bytes(&out, &fields, sizeof fields);
    for (uint32_t i = 0; i < fields; i++) {
        const ll_field *field = ll_record_field_at(record, i);
        uint8_t type = (uint8_t)field->type;
        ll_text_append_bytes(&out, &type, 1);
        write_text(&out, field->name);
        write_text(&out, field->unit);
        switch (field->type) {
        case LL_FIELD_INTEGER: ll_text_append_bytes(&out, &field->integer, 8); break;
        case LL_FIELD_REAL: ll_text_append_bytes(&out, &field->real, 8); break;
        case LL_FIELD_TEXT: write_text(&out, field->text); break;
        case LL_FIELD_ARRAY: {
            uint8_t head[2] = {(uint8_t)field->array.type, (uint8_t)field->array.rank};
            ll_text_append_bytes(&out, head, 2);
            ll_text_append_bytes(&out, field->array.shape, 8 * (size_t)field->array.rank);
            ll_text_append_bytes(&out, field->array.data, ll_array_bytes(&field->array));
            break;
        }
        }
    }
    void *copy = out.failed ? NULL : ll_allocate(out.length);
    if (copy == NULL) {
        size_t wanted = out.length;
        ll_text_deinit(&out);
        return ll_fail_memory(error, "records", wanted);
    }
    memcpy(copy, out.text, out.length);
    *bytes = copy;
    *count = out.length;
    ll_text_deinit(&out);
    return LL_OK;
}

/* ---------------------------------------------------------------- reading */

typedef struct reader {
    const unsigned char *bytes;
    size_t count, offset;
    ll_arena *arena; /* texts, which need a closing 0 */
    ll_error *error;
} reader;

static ll_status bad(const reader *in, const char *what)
{
    char place[48];
    ll_text text = {0};
    ll_text_format(&text, "byte %zu of %zu", in->offset, in->count);
    strncpy(place, text.text != NULL ? text.text : "", sizeof place - 1);
    place[sizeof place - 1] = 0;
    ll_text_deinit(&text);
    return ll_fail(in->error, LL_INVALID_FILE, "records", place, "not a record: %s", what);
}

static ll_status take(reader *in, void *target, size_t count, const char *what)
{
    if (in->count - in->offset < count) return bad(in, what);
    if (count > 0) memcpy(target, in->bytes + in->offset, count);
    in->offset += count;
    return LL_OK;
}

static ll_status take_text(reader *in, const char **text, const char *what)
{
    uint32_t length;
    LL_TRY(take(in, &length, sizeof length, what));
    if (in->count - in->offset < length) return bad(in, what);
    char *copy = ll_arena_allocate(in->arena, (size_t)length + 1);
    if (copy == NULL) return ll_fail_memory(in->error, "records", (size_t)length + 1);
    LL_TRY(take(in, copy, length, what));
    copy[length] = 0;
    if (strlen(copy) != length) return bad(in, "a text holds a zero byte");
    *text = copy;
    return LL_OK;
}

static ll_status take_array(reader *in, ll_record *record, const char *name, const char *unit)
{
    uint8_t head[2];
    int64_t shape[LL_MAX_RANK], elements;
    LL_TRY(take(in, head, 2, "cut inside an array"));
    if (head[0] >= LL_ARRAY_TYPES || head[1] > LL_MAX_RANK)
        return bad(in, "unknown element type or rank over 8");
    LL_TRY(take(in, shape, 8 * (size_t)head[1], "cut inside an array's shape"));
    size_t element_bytes = ll_array_type_bytes((ll_array_type)head[0]);
    /* Compared against what is left before anything is allocated. */
    if (!ll_shape_count(shape, head[1], &elements) ||
        (size_t)elements > (in->count - in->offset) / element_bytes) {
        return bad(in, "an array declares more elements than there are bytes");
    }
    ll_array array;
    LL_TRY(ll_array_init(&array, (ll_array_type)head[0], head[1], shape, in->error));
    ll_status status = take(in, array.data, (size_t)elements * element_bytes, "cut inside an array");
    if (status == LL_OK) status = ll_record_take_array(record, name, unit, &array, in->error);
    if (status != LL_OK) ll_array_deinit(&array);
    return status;
}

static ll_status take_field(reader *in, ll_record *record)
{
    uint8_t type;
    const char *name, *unit, *text;
    int64_t integer;
    double real;
    LL_TRY(take(in, &type, 1, "cut before a field"));
    LL_TRY(take_text(in, &name, "cut inside a field's name"));
    LL_TRY(take_text(in, &unit, "cut inside a field's unit"));
    if (ll_record_find(record, name) != NULL) return bad(in, "a field stands twice");
    switch (type) {
    case LL_FIELD_INTEGER:
        LL_TRY(take(in, &integer, 8, "cut inside an integer"));
        return ll_record_set_integer(record, name, unit, integer, in->error);
    case LL_FIELD_REAL:
        LL_TRY(take(in, &real, 8, "cut inside a real"));
        return ll_record_set_real(record, name, unit, real, in->error);
    case LL_FIELD_TEXT:
        LL_TRY(take_text(in, &text, "cut inside a text"));
        return ll_record_set_text(record, name, text, in->error);
    case LL_FIELD_ARRAY: return take_array(in, record, name, unit);
    default: return bad(in, "unknown type of field");
    }
}

static ll_status read_record(reader *in, ll_record **record)
{
    char head[sizeof magic];
    uint16_t schema;
    uint32_t fields;
    const char *kind;
    LL_TRY(take(in, head, sizeof head, "cut inside the magic word"));
    if (memcmp(head, magic, sizeof magic) != 0) return bad(in, "it does not begin with LLREC");
    LL_TRY(take(in, &schema, sizeof schema, "cut inside the schema number"));
    if (schema != LL_RECORD_SCHEMA) {
        return ll_fail(in->error, LL_UNSUPPORTED, "records", "schema",
                       "got a record of schema %u; this program reads %d", schema, LL_RECORD_SCHEMA);
    }
    LL_TRY(take_text(in, &kind, "cut inside the kind"));
    LL_TRY(take(in, &fields, sizeof fields, "cut before the number of fields"));
    *record = ll_record_create(kind);
    if (*record == NULL) return ll_fail_memory(in->error, "records", 0);
    for (uint32_t i = 0; i < fields; i++) LL_TRY(take_field(in, *record));
    if (in->offset != in->count) return bad(in, "bytes are left over");
    return LL_OK;
}

ll_status ll_record_from_bytes(const void *bytes, size_t count, ll_record **record, ll_error *error)
{
    reader in = {.bytes = bytes, .count = count, .error = error, .arena = ll_arena_create(0)};
    if (in.arena == NULL) return ll_fail_memory(error, "records", 4096);
    ll_record *read = NULL;
    ll_status status = read_record(&in, &read);
    ll_arena_destroy(in.arena);
    if (status != LL_OK) {
        ll_record_destroy(read);
        return status;
    }
    *record = read;
    return LL_OK;
}
