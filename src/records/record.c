#include "losslens/records.h"

#include <string.h>

struct ll_record {
    char *kind;
    ll_field *fields; /* owned names, units, texts and array data */
    int64_t count, capacity;
};

enum { LONGEST_NAME = 1 << 12 };

static void field_deinit(ll_field *field)
{
    /* The public struct shows const text; the record made these copies itself. */
    ll_free((void *)(uintptr_t)field->name);
    ll_free((void *)(uintptr_t)field->unit);
    ll_free((void *)(uintptr_t)field->text);
    ll_array_deinit(&field->array);
}

ll_record *ll_record_create(const char *kind)
{
    ll_record *record = ll_allocate_zeroed(sizeof *record);
    if (record == NULL) return NULL;
    record->kind = ll_text_copy(kind);
    if (record->kind == NULL) {
        ll_free(record);
        return NULL;
    }
    return record;
}

void ll_record_destroy(ll_record *record)
{
    if (record == NULL) return;
    for (int64_t i = 0; i < record->count; i++) field_deinit(&record->fields[i]);
    ll_free(record->fields);
    ll_free(record->kind);
    ll_free(record);
}

const char *ll_record_kind(const ll_record *record) { return record->kind; }

int ll_record_schema(const ll_record *record)
{
    (void)record;
    return LL_RECORD_SCHEMA;
}

int64_t ll_record_field_count(const ll_record *record) { return record->count; }
const ll_field *ll_record_field_at(const ll_record *record, int64_t index) { return &record->fields[index]; }

const ll_field *ll_record_find(const ll_record *record, const char *name)
{
    for (int64_t i = 0; i < record->count; i++) {
        if (strcmp(record->fields[i].name, name) == 0) return &record->fields[i];
    }
    return NULL;
}

/* Puts a field whose text and array data are owned already; takes them over on success only. */
static ll_status put_field(ll_record *record, const char *name, const char *unit, ll_field value,
                           ll_error *error)
{
    if (name == NULL || name[0] == 0 || strlen(name) > LONGEST_NAME) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "records", record->kind,
                       "a field needs a name of 1 to %d bytes", LONGEST_NAME);
    }
    char *name_copy = ll_text_copy(name);
    char *unit_copy = ll_text_copy(unit != NULL ? unit : "");
    ll_field *slot = NULL;
    for (int64_t i = 0; i < record->count && slot == NULL; i++) {
        if (strcmp(record->fields[i].name, name) == 0) slot = &record->fields[i];
    }
    bool room = slot != NULL || record->count < record->capacity;
    if (!room) {
        int64_t capacity = record->capacity > 0 ? 2 * record->capacity : 16;
        ll_field *grown = ll_allocate_array(capacity, sizeof *grown);
        if (grown != NULL) {
            if (record->count > 0) memcpy(grown, record->fields, (size_t)record->count * sizeof *grown);
            ll_free(record->fields);
            record->fields = grown;
            record->capacity = capacity;
            room = true;
        }
    }
    if (name_copy == NULL || unit_copy == NULL || !room) {
        ll_free(name_copy);
        ll_free(unit_copy);
        return ll_fail_memory(error, "records", sizeof(ll_field));
    }
    if (slot != NULL) {
        field_deinit(slot);
    } else {
        slot = &record->fields[record->count++];
    }
    *slot = value;
    slot->name = name_copy;
    slot->unit = unit_copy;
    return LL_OK;
}

ll_status ll_record_set_integer(ll_record *record, const char *name, const char *unit, int64_t value,
                                ll_error *error)
{
    return put_field(record, name, unit, (ll_field){.type = LL_FIELD_INTEGER, .integer = value}, error);
}

ll_status ll_record_set_real(ll_record *record, const char *name, const char *unit, double value,
                             ll_error *error)
{
    return put_field(record, name, unit, (ll_field){.type = LL_FIELD_REAL, .real = value}, error);
}

ll_status ll_record_set_text(ll_record *record, const char *name, const char *value, ll_error *error)
{
    char *copy = ll_text_copy(value != NULL ? value : "");
    if (copy == NULL) return ll_fail_memory(error, "records", 0);
    ll_status status = put_field(record, name, "", (ll_field){.type = LL_FIELD_TEXT, .text = copy}, error);
    if (status != LL_OK) ll_free(copy);
    return status;
}

ll_status ll_record_take_array(ll_record *record, const char *name, const char *unit, ll_array *array,
                               ll_error *error)
{
    LL_TRY(put_field(record, name, unit, (ll_field){.type = LL_FIELD_ARRAY, .array = *array}, error));
    *array = (ll_array){0};
    return LL_OK;
}

ll_status ll_record_set_array(ll_record *record, const char *name, const char *unit, const ll_array *array,
                              ll_error *error)
{
    ll_array copy;
    LL_TRY(ll_array_init(&copy, array->type, array->rank, array->shape, error));
    if (ll_array_bytes(array) > 0) memcpy(copy.data, array->data, ll_array_bytes(array));
    ll_status status = ll_record_take_array(record, name, unit, &copy, error);
    if (status != LL_OK) ll_array_deinit(&copy);
    return status;
}

ll_status ll_record_set_reals(ll_record *record, const char *name, const char *unit, const double *values,
                              int64_t count, ll_error *error)
{
    ll_array array;
    LL_TRY(ll_array_init(&array, LL_ARRAY_FLOAT64, 1, &count, error));
    if (count > 0) memcpy(array.data, values, (size_t)count * sizeof *values);
    ll_status status = ll_record_take_array(record, name, unit, &array, error);
    if (status != LL_OK) ll_array_deinit(&array);
    return status;
}

ll_status ll_record_copy(const ll_record *record, ll_record **out, ll_error *error)
{
    ll_record *copy = ll_record_create(record->kind);
    if (copy == NULL) return ll_fail_memory(error, "records", sizeof *copy);
    ll_status status = LL_OK;
    for (int64_t i = 0; i < record->count && status == LL_OK; i++) {
        const ll_field *field = &record->fields[i];
        switch (field->type) {
        case LL_FIELD_INTEGER:
            status = ll_record_set_integer(copy, field->name, field->unit, field->integer, error);
            break;
        case LL_FIELD_REAL:
            status = ll_record_set_real(copy, field->name, field->unit, field->real, error);
            break;
        case LL_FIELD_TEXT: status = ll_record_set_text(copy, field->name, field->text, error); break;
        case LL_FIELD_ARRAY:
            status = ll_record_set_array(copy, field->name, field->unit, &field->array, error);
            break;
        }
    }
    if (status != LL_OK) {
        ll_record_destroy(copy);
        return status;
    }
    *out = copy;
    return LL_OK;
}

/* ---------------------------------------------------------------- typed access */

static const char *const type_names[] = {"an integer", "a real", "a text", "an array"};

static ll_status get_field(const ll_record *record, const char *name, const ll_field **field, ll_error *error)
{
    *field = ll_record_find(record, name);
    if (*field == NULL) {
        return ll_fail(error, LL_NOT_FOUND, "records", record->kind,
                       "no field \"%s\" in a record of kind \"%s\"", name, record->kind);
    }
    return LL_OK;
}

static ll_status wrong_type(const ll_record *record, const ll_field *field, ll_field_type wanted,
                            ll_error *error)
{
    return ll_fail(error, LL_INVALID_ARGUMENT, "records", record->kind, "field \"%s\" is %s; wanted %s",
                   field->name, type_names[field->type], type_names[wanted]);
}

ll_status ll_record_get_integer(const ll_record *record, const char *name, int64_t *value, ll_error *error)
{
    const ll_field *field;
    LL_TRY(get_field(record, name, &field, error));
    if (field->type != LL_FIELD_INTEGER) return wrong_type(record, field, LL_FIELD_INTEGER, error);
    *value = field->integer;
    return LL_OK;
}

ll_status ll_record_get_real(const ll_record *record, const char *name, double *value, ll_error *error)
{
    const ll_field *field;
    LL_TRY(get_field(record, name, &field, error));
    if (field->type == LL_FIELD_INTEGER) {
        *value = (double)field->integer;
        return LL_OK;
    }
    if (field->type != LL_FIELD_REAL) return wrong_type(record, field, LL_FIELD_REAL, error);
    *value = field->real;
    return LL_OK;
}

ll_status ll_record_get_text(const ll_record *record, const char *name, const char **value, ll_error *error)
{
    const ll_field *field;
    LL_TRY(get_field(record, name, &field, error));
    if (field->type != LL_FIELD_TEXT) return wrong_type(record, field, LL_FIELD_TEXT, error);
    *value = field->text;
    return LL_OK;
}

ll_status ll_record_get_array(const ll_record *record, const char *name, const ll_array **value,
                              ll_error *error)
{
    const ll_field *field;
    LL_TRY(get_field(record, name, &field, error));
    if (field->type != LL_FIELD_ARRAY) return wrong_type(record, field, LL_FIELD_ARRAY, error);
    *value = &field->array;
    return LL_OK;
}
