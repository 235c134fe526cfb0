/* Records as rows, and back to the same canonical bytes. */
#include "store/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const type_names[] = {"integer", "real", "text", "array"};

/* ---------------------------------------------------------------- writing */

static void shape_text(const ll_array *array, ll_text *text)
{
    ll_text_append(text, "[");
    for (int k = 0; k < array->rank; k++)
        ll_text_format(text, "%s%lld", k > 0 ? ", " : "", (long long)array->shape[k]);
    ll_text_append(text, "]");
}

static ll_status write_field(ll_store *store, sqlite3_stmt *insert, sqlite3_stmt *blob, int64_t job,
                             int64_t position, const ll_field *field, ll_error *error)
{
    const char *type = type_names[field->type];
    int64_t bits;
    ll_text shape = {0};
    ll_status status = LL_OK;
    switch (field->type) {
    case LL_FIELD_INTEGER:
        status = ll_sql_bind(store, insert, error, "iitttinnnnn", job, position, field->name, field->unit,
                             type, field->integer);
        break;
    case LL_FIELD_REAL:
        memcpy(&bits, &field->real, sizeof bits);
        status = ll_sql_bind(store, insert, error, "iitttnrinnn", job, position, field->name, field->unit,
                             type, field->real, bits);
        break;
    case LL_FIELD_TEXT:
        status = ll_sql_bind(store, insert, error, "iitttnnntnn", job, position, field->name, field->unit,
                             type, field->text);
        break;
    case LL_FIELD_ARRAY:
        shape_text(&field->array, &shape);
        status = shape.failed
                     ? ll_fail_memory(error, "store", 256)
                     : ll_sql_bind(store, insert, error, "iitttnnnntt", job, position, field->name,
                                   field->unit, type, ll_array_type_name(field->array.type), shape.text);
        break;
    }
    ll_text_deinit(&shape);
    if (status == LL_OK) status = ll_sql_done(store, insert, error);
    if (status == LL_OK && field->type == LL_FIELD_ARRAY)
        status = ll_blobs_write(store, blob, sqlite3_last_insert_rowid(store->db), NULL, field->array.data,
                                ll_array_bytes(&field->array), error);
    return status;
}

ll_status ll_result_write(ll_store *store, int64_t job, const ll_record *record, ll_error *error)
{
    sqlite3_stmt *insert = NULL, *blob = NULL;
    ll_status status = ll_sql_prepare(
        store,
        "INSERT INTO fields(job, position, name, unit, type, integer, real, bits, text, array_type,"
        " shape, sum) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,"
        " row_sum(?1, ?2, ?3, ?4, ?5, ?6, ?8, ?9, ?10, ?11))",
        &insert, error);
    if (status == LL_OK)
        status = ll_sql_prepare(store,
                                "INSERT INTO blobs(field, part, parts, bytes, packed, data, sum)"
                                " VALUES(?1, ?3, ?4, ?5, ?6, ?7, row_sum(?1, ?3, ?4, ?5, ?6, ?7))",
                                &blob, error);
    for (int64_t i = 0; i < ll_record_field_count(record) && status == LL_OK; i++)
        status = write_field(store, insert, blob, job, i, ll_record_field_at(record, i), error);
    sqlite3_finalize(insert);
    sqlite3_finalize(blob);
    static const char *const packed[] = {"INSERT INTO numbers SELECT ?1, pack_numbers(name, integer, bits), "
                                         "0 FROM fields WHERE job = ?1 AND type IN ('integer', 'real')",
                                         "UPDATE numbers SET sum = row_sum(job, data) WHERE job = ?1"};
    for (int i = 0; i < 2 && status == LL_OK; i++) {
        sqlite3_stmt *pack = NULL;
        status = ll_sql_prepare(store, packed[i], &pack, error);
        if (status == LL_OK) status = ll_sql_bind(store, pack, error, "i", job);
        if (status == LL_OK) status = ll_sql_done(store, pack, error);
        sqlite3_finalize(pack);
    }
    return status;
}

/* ---------------------------------------------------------------- reading */

static ll_status damaged(ll_store *store, int64_t job, const char *what, ll_error *error)
{
    return ll_fail(error, LL_INVALID_FILE, "store", store->path,
                   "the study file is damaged: result of job %lld: %s", (long long)job, what);
}

static bool parse_shape(const char *text, ll_array *array)
{
    if (*text++ != '[') return false;
    while (*text != ']') {
        char *end;
        if (array->rank == LL_MAX_RANK) return false;
        array->shape[array->rank] = strtoll(text, &end, 10);
        if (end == text || array->shape[array->rank++] < 0) return false;
        text = *end == ',' ? end + 1 : end;
        if (*end != ',' && *end != ']') return false;
    }
    int64_t count;
    size_t bytes;
    return text[1] == 0 && ll_shape_count(array->shape, array->rank, &count) &&
           ll_multiply_size((size_t)count, ll_array_type_bytes(array->type), &bytes);
}

ll_status ll_result_take_field(ll_store *store, sqlite3_stmt *select, int64_t job, ll_field *field,
                               ll_error *error)
{
    if (!ll_sql_row_is_whole(select, LL_AT_FIELD_SUM))
        return damaged(store, job, "a field has a wrong checksum", error);
    *field = (ll_field){.name = ll_sql_text(select, 2), .unit = ll_sql_text(select, 3)};
    const char *type = ll_sql_text(select, 4);
    for (int i = 0; i < 5; i++) {
        if (i == 4) return damaged(store, job, "a field has an unknown type", error);
        field->type = (ll_field_type)i;
        if (strcmp(type, type_names[i]) == 0) break;
    }
    int64_t bits = sqlite3_column_int64(select, 6);
    field->integer = sqlite3_column_int64(select, 5);
    if (field->type == LL_FIELD_REAL) memcpy(&field->real, &bits, sizeof bits);
    if (field->type == LL_FIELD_TEXT) field->text = ll_sql_text(select, 7);
    if (field->type == LL_FIELD_ARRAY && (!ll_array_type_parse(ll_sql_text(select, 8), &field->array.type) ||
                                          !parse_shape(ll_sql_text(select, 9), &field->array)))
        return damaged(store, job, "an array's type or shape is unknown", error);
    return LL_OK;
}

/* The sizes of the rows must add up before memory is asked for. */
static ll_status take_array(ll_store *store, int64_t id, int64_t job, const ll_field *field, ll_array *array,
                            ll_error *error)
{
    sqlite3_stmt *size = NULL, *select = NULL;
    bool row;
    ll_array made = {0};
    ll_status status = ll_sql_prepare(store, "SELECT total(bytes) FROM blobs WHERE field = ?1", &size, error);
    if (status == LL_OK) status = ll_sql_bind(store, size, error, "i", id);
    if (status == LL_OK) status = ll_sql_step(store, size, &row, error);
    if (status == LL_OK && sqlite3_column_double(size, 0) != (double)ll_array_bytes(&field->array))
        status = damaged(store, job, "an array's parts do not fill its shape", error);
    if (status == LL_OK) status = ll_sql_prepare(store, LL_SELECT_BLOBS, &select, error);
    if (status == LL_OK) status = ll_sql_bind(store, select, error, "i", id);
    if (status == LL_OK)
        status = ll_array_init(&made, field->array.type, field->array.rank, field->array.shape, error);
    if (status == LL_OK)
        status = ll_blobs_read(store, select, 1, field->name, made.data, ll_array_bytes(&made), error);
    if (status == LL_OK) {
        *array = made;
    } else {
        ll_array_deinit(&made);
    }
    sqlite3_finalize(size);
    sqlite3_finalize(select);
    return status;
}

/* What the row of a done job says of its record. */
typedef struct head {
    char kind[256];
    int64_t schema, fields, bytes;
    ll_hash hash;
} head;

static ll_status read_head(ll_store *store, int64_t job, head *found, ll_error *error)
{
    sqlite3_stmt *select;
    bool row = false;
    LL_TRY(ll_sql_prepare(store, "SELECT " LL_JOB_COLUMNS ", sum FROM jobs WHERE id = ?1", &select, error));
    ll_status status = ll_sql_bind(store, select, error, "i", job);
    if (status == LL_OK) status = ll_sql_step(store, select, &row, error);
    if (status == LL_OK && !row)
        status = ll_fail(error, LL_NOT_FOUND, "store", store->path, "there is no job %lld", (long long)job);
    else if (status == LL_OK && !ll_sql_row_is_whole(select, LL_AT_sum))
        status = damaged(store, job, "its job has a wrong checksum", error);
    else if (status == LL_OK && strcmp(ll_sql_text(select, LL_AT_state), "done") != 0)
        status = ll_fail(error, LL_NOT_FOUND, "store", store->path, "job %lld is %s and has no result",
                         (long long)job, ll_sql_text(select, LL_AT_state));
    if (status == LL_OK) {
        *found = (head){.schema = sqlite3_column_int64(select, LL_AT_record_schema),
                        .fields = sqlite3_column_int64(select, LL_AT_record_fields),
                        .bytes = sqlite3_column_int64(select, LL_AT_record_bytes),
                        .hash = ll_sql_hash(select, LL_AT_record_hash)};
        snprintf(found->kind, sizeof found->kind, "%s", ll_sql_text(select, LL_AT_record_kind));
        if (found->schema != LL_RECORD_SCHEMA)
            status = ll_fail(error, LL_UNSUPPORTED, "store", store->path,
                             "job %lld has a record of schema %lld; this program reads %d", (long long)job,
                             (long long)found->schema, LL_RECORD_SCHEMA);
    }
    sqlite3_finalize(select);
    return status;
}

static ll_status add_field(ll_store *store, sqlite3_stmt *select, int64_t job, ll_record *record,
                           ll_error *error)
{
    ll_field field;
    LL_TRY(ll_result_take_field(store, select, job, &field, error));
    switch (field.type) {
    case LL_FIELD_INTEGER: return ll_record_set_integer(record, field.name, field.unit, field.integer, error);
    case LL_FIELD_REAL: return ll_record_set_real(record, field.name, field.unit, field.real, error);
    case LL_FIELD_TEXT: return ll_record_set_text(record, field.name, field.text, error);
    case LL_FIELD_ARRAY: break;
    }
    ll_array array;
    LL_TRY(take_array(store, sqlite3_column_int64(select, LL_AT_FIELD_ID), job, &field, &array, error));
    ll_status status = ll_record_take_array(record, field.name, field.unit, &array, error);
    if (status != LL_OK) ll_array_deinit(&array);
    return status;
}

static ll_status check_record(ll_store *store, int64_t job, const head *wanted, const ll_record *record,
                              ll_error *error)
{
    void *bytes;
    size_t count;
    LL_TRY(ll_record_to_bytes(record, &bytes, &count, error));
    bool same = (int64_t)count == wanted->bytes && ll_hash_equal(ll_hash_bytes(bytes, count), wanted->hash);
    ll_free(bytes);
    return same ? LL_OK : damaged(store, job, "its bytes are not those that were stored", error);
}

ll_status ll_result_read(ll_store *store, int64_t job, ll_record **record, ll_error *error)
{
    head about;
    LL_TRY(read_head(store, job, &about, error));
    ll_record *made = ll_record_create(about.kind);
    if (made == NULL) return ll_fail_memory(error, "store", 0);
    sqlite3_stmt *select = NULL;
    bool row = true;
    ll_status status = ll_sql_prepare(store, LL_SELECT_FIELDS " ORDER BY position", &select, error);
    if (status == LL_OK) status = ll_sql_bind(store, select, error, "i", job);
    while (status == LL_OK && (status = ll_sql_step(store, select, &row, error)) == LL_OK && row)
        status = add_field(store, select, job, made, error);
    sqlite3_finalize(select);
    if (status == LL_OK) status = check_record(store, job, &about, made, error);
    if (status != LL_OK) {
        ll_record_destroy(made);
        return status;
    }
    *record = made;
    return LL_OK;
}

ll_status ll_store_read_record(ll_store *store, int64_t id, ll_record **record, ll_error *error)
{
    ll_record *made = NULL;
    LL_TRY(ll_store_enter(store, false, error));
    ll_status status = ll_store_leave(store, ll_result_read(store, id, &made, error), error);
    if (status != LL_OK) {
        ll_record_destroy(made);
        return status;
    }
    *record = made;
    return LL_OK;
}

static ll_status list_fields(ll_store *store, int64_t id, ll_store_fields *list, ll_error *error)
{
    head about;
    LL_TRY(read_head(store, id, &about, error));
    sqlite3_stmt *select = NULL;
    bool row = true;
    int64_t there;
    ll_status status = ll_sql_prepare(store, "SELECT count(*) FROM fields WHERE job = ?1", &select, error);
    if (status == LL_OK) status = ll_sql_bind(store, select, error, "i", id);
    if (status == LL_OK) status = ll_sql_step(store, select, &row, error);
    there = status == LL_OK ? sqlite3_column_int64(select, 0) : 0;
    sqlite3_finalize(select);
    if (status != LL_OK) return status;
    if (there != about.fields) return damaged(store, id, "fields are missing", error);
    list->fields = ll_arena_allocate(list->memory, (size_t)(about.fields + 1) * sizeof *list->fields);
    if (list->fields == NULL)
        return ll_fail_memory(error, "store", (size_t)about.fields * sizeof *list->fields);
    LL_TRY(ll_sql_prepare(store, LL_SELECT_FIELDS " ORDER BY position", &select, error));
    status = ll_sql_bind(store, select, error, "i", id);
    while (status == LL_OK && (status = ll_sql_step(store, select, &row, error)) == LL_OK && row) {
        ll_field *field = &list->fields[list->count];
        if (list->count == about.fields) status = damaged(store, id, "there are too many fields", error);
        if (status == LL_OK) status = ll_result_take_field(store, select, id, field, error);
        if (status != LL_OK) break;
        list->count++;
        field->name = ll_arena_text(list->memory, field->name);
        field->unit = ll_arena_text(list->memory, field->unit);
        if (field->text != NULL && (field->text = ll_arena_text(list->memory, field->text)) == NULL)
            field->name = NULL;
        if (field->name == NULL || field->unit == NULL) status = ll_fail_memory(error, "store", 64);
    }
    sqlite3_finalize(select);
    return status;
}

ll_status ll_store_list_fields(ll_store *store, int64_t id, ll_store_fields *fields, ll_error *error)
{
    ll_store_fields list = {.memory = ll_arena_create(0)};
    if (list.memory == NULL) return ll_fail_memory(error, "store", 4096);
    ll_status status = ll_store_enter(store, false, error);
    if (status == LL_OK) status = ll_store_leave(store, list_fields(store, id, &list, error), error);
    if (status != LL_OK) {
        ll_arena_destroy(list.memory);
        return status;
    }
    *fields = list;
    return LL_OK;
}

void ll_store_fields_deinit(ll_store_fields *fields)
{
    if (fields == NULL) return;
    ll_arena_destroy(fields->memory);
    *fields = (ll_store_fields){0};
}

static ll_status read_array(ll_store *store, int64_t id, const char *name, ll_array *array, ll_error *error)
{
    head about;
    LL_TRY(read_head(store, id, &about, error));
    sqlite3_stmt *select;
    bool row = false;
    ll_field field;
    LL_TRY(ll_sql_prepare(store, LL_SELECT_FIELDS " AND name = ?2", &select, error));
    ll_status status = ll_sql_bind(store, select, error, "it", id, name);
    if (status == LL_OK) status = ll_sql_step(store, select, &row, error);
    if (status == LL_OK && !row)
        status = ll_fail(error, LL_NOT_FOUND, "store", store->path, "the result of job %lld has no field %s",
                         (long long)id, name);
    if (status == LL_OK) status = ll_result_take_field(store, select, id, &field, error);
    if (status == LL_OK && field.type != LL_FIELD_ARRAY)
        status = ll_fail(error, LL_INVALID_ARGUMENT, "store", store->path, "field %s of job %lld is no array",
                         name, (long long)id);
    if (status == LL_OK)
        status = take_array(store, sqlite3_column_int64(select, LL_AT_FIELD_ID), id, &field, array, error);
    sqlite3_finalize(select);
    return status;
}

ll_status ll_store_read_array(ll_store *store, int64_t id, const char *name, ll_array *array, ll_error *error)
{
    ll_array made = {0};
    LL_TRY(ll_store_enter(store, false, error));
    ll_status status = ll_store_leave(store, read_array(store, id, name, &made, error), error);
    if (status != LL_OK) {
        ll_array_deinit(&made);
        return status;
    }
    *array = made;
    return LL_OK;
}
