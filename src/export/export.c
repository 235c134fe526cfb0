#include "losslens/export.h"

#include "export/mesh.h"
#include "losslens/formats_fields.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const module = "export";
static const char *const names[] = {
#define NAME(name, text) text,
    LL_EXPORT_LIST(NAME)
#undef NAME
};

bool ll_export_format_parse(const char *name, ll_export_format *format)
{
    for (int i = 0; i < LL_EXPORT_FORMATS; i++)
        if (strcmp(name, names[i]) == 0) {
            *format = (ll_export_format)i;
            return true;
        }
    return false;
}

/* ---------------------------------------------------------------- npz */

static ll_tensor tensor_of(const ll_field *field)
{
    static const ll_tensor_type types[] = {LL_TENSOR_FLOAT32, LL_TENSOR_FLOAT64, LL_TENSOR_INT32,
                                           LL_TENSOR_INT64,   LL_TENSOR_UINT8,   LL_TENSOR_BOOL};
    ll_tensor tensor = {.name = field->name};
    switch (field->type) {
    case LL_FIELD_INTEGER: tensor.type = LL_TENSOR_INT64, tensor.data = &field->integer; break;
    case LL_FIELD_REAL: tensor.type = LL_TENSOR_FLOAT64, tensor.data = &field->real; break;
    case LL_FIELD_TEXT:
        tensor.type = LL_TENSOR_UINT8, tensor.rank = 1, tensor.data = field->text;
        tensor.shape[0] = (int64_t)strlen(field->text);
        break;
    case LL_FIELD_ARRAY:
        tensor.type = types[field->array.type], tensor.rank = field->array.rank,
        tensor.data = field->array.data;
        memcpy(tensor.shape, field->array.shape, sizeof tensor.shape);
        break;
    }
    return tensor;
}

static ll_status encode_npz(const ll_record *record, const char *only, ll_text *out, ll_error *error)
{
    int64_t fields = ll_record_field_count(record), count = 0;
    ll_tensor *tensors = ll_allocate_array(fields + 1, sizeof *tensors);
    if (tensors == NULL) return ll_fail_memory(error, module, (size_t)fields * sizeof *tensors);
    for (int64_t i = 0; i < fields; i++) {
        const ll_field *field = ll_record_field_at(record, i);
        if (only == NULL || strcmp(field->name, only) == 0) tensors[count++] = tensor_of(field);
    }
    ll_status status = ll_npz_encode(tensors, count, true, out, error);
    ll_free(tensors);
    return status;
}

/* ---------------------------------------------------------------- json and csv */

static void append_number(ll_text *out, const ll_array *array, int64_t index, bool json)
{
    char text[LL_NUMBER_TEXT];
    if (array->type == LL_ARRAY_INT64) { /* exact beyond 2^53 too */
        ll_text_format(out, "%lld", (long long)((const int64_t *)array->data)[index]);
        return;
    }
    double value = ll_array_get(array, index);
    if (json && !isfinite(value)) {
        ll_text_append(out, "null");
        return;
    }
    ll_number_text(value, text);
    ll_text_append(out, text);
}

static void append_quoted(ll_text *out, const char *text)
{
    ll_text_append(out, "\"");
    for (const char *c = text; *c != 0; c++) {
        unsigned char byte = (unsigned char)*c;
        /* '<', '>' and '&' too, so that the output may stand inside HTML. */
        if (byte < 0x20 || byte == '"' || byte == '\\' || byte == '<' || byte == '>' || byte == '&') {
            ll_text_format(out, "\\u%04x", byte);
        } else {
            ll_text_append_bytes(out, c, 1);
        }
    }
    ll_text_append(out, "\"");
}

static int64_t append_nested(ll_text *out, const ll_array *array, int axis, int64_t next)
{
    if (axis == array->rank) {
        append_number(out, array, next, true);
        return next + 1;
    }
    ll_text_append(out, "[");
    for (int64_t i = 0; i < array->shape[axis]; i++) {
        if (i > 0) ll_text_append(out, ", ");
        next = append_nested(out, array, axis + 1, next);
    }
    ll_text_append(out, "]");
    return next;
}

static void append_value(ll_text *out, const ll_field *field)
{
    char text[LL_NUMBER_TEXT];
    switch (field->type) {
    case LL_FIELD_INTEGER: ll_text_format(out, "%lld", (long long)field->integer); break;
    case LL_FIELD_REAL:
        ll_number_text(field->real, text);
        ll_text_append(out, isfinite(field->real) ? text : "null");
        break;
    case LL_FIELD_TEXT: append_quoted(out, field->text); break;
    case LL_FIELD_ARRAY: append_nested(out, &field->array, 0, 0); break;
    }
}

static void encode_json(const ll_record *record, const char *only, ll_text *out)
{
    ll_text_append(out, "{\"kind\": ");
    append_quoted(out, ll_record_kind(record));
    ll_text_format(out, ", \"schema\": %d, \"fields\": {", ll_record_schema(record));
    const char *comma = "";
    for (int64_t i = 0; i < ll_record_field_count(record); i++) {
        const ll_field *field = ll_record_field_at(record, i);
        if (only != NULL && strcmp(field->name, only) != 0) continue;
        ll_text_format(out, "%s\n  ", comma);
        append_quoted(out, field->name);
        ll_text_append(out, ": {\"unit\": ");
        append_quoted(out, field->unit);
        ll_text_append(out, ", \"value\": ");
        append_value(out, field);
        ll_text_append(out, "}");
        comma = ",";
    }
    ll_text_append(out, "\n}}\n");
}

static void append_cell(ll_text *out, const char *text)
{
    if (strpbrk(text, ",\"\r\n") == NULL) {
        ll_text_append(out, text);
        return;
    }
    ll_text_append(out, "\"");
    for (const char *c = text; *c != 0; c++)
        ll_text_append_bytes(out, *c == '"' ? "\"\"" : c, *c == '"' ? 2 : 1);
    ll_text_append(out, "\"");
}

static void append_index(ll_text *out, const ll_array *array, int64_t flat)
{
    int64_t index[LL_MAX_RANK];
    for (int k = array->rank - 1; k >= 0; k--) {
        index[k] = flat % array->shape[k];
        flat /= array->shape[k];
    }
    for (int k = 0; k < array->rank; k++)
        ll_text_format(out, "%s%lld", k > 0 ? ";" : "", (long long)index[k]);
}

static void encode_csv(const ll_record *record, const char *only, ll_text *out)
{
    ll_text_append(out, "field,unit,index,value\n");
    for (int64_t i = 0; i < ll_record_field_count(record); i++) {
        const ll_field *field = ll_record_field_at(record, i);
        if (only != NULL && strcmp(field->name, only) != 0) continue;
        bool array = field->type == LL_FIELD_ARRAY;
        int64_t count = array ? ll_array_count(&field->array) : 1;
        for (int64_t k = 0; k < count; k++) {
            char text[LL_NUMBER_TEXT];
            append_cell(out, field->name);
            ll_text_append(out, ",");
            append_cell(out, field->unit);
            ll_text_append(out, ",");
            if (array) append_index(out, &field->array, k);
            ll_text_append(out, ",");
            if (array) append_number(out, &field->array, k, false);
            if (field->type == LL_FIELD_INTEGER) ll_text_format(out, "%lld", (long long)field->integer);
            if (field->type == LL_FIELD_REAL) ll_number_text(field->real, text), ll_text_append(out, text);
            if (field->type == LL_FIELD_TEXT) append_cell(out, field->text);
            ll_text_append(out, "\n");
        }
    }
}

/* ---------------------------------------------------------------- fields */

static const ll_field *choose(const ll_record *record, const char *name)
{
    const ll_field *found = ll_record_find(record, name != NULL ? name : "loss");
    if (name != NULL || (found != NULL && found->type == LL_FIELD_ARRAY)) return found;
    found = NULL;
    /* Its columns are no fields, though one may happen to be as long as an axis. */
    if (strcmp(ll_record_kind(record), "topology") == 0) return NULL;
    for (int64_t i = 0; i < ll_record_field_count(record); i++) {
        const ll_field *field = ll_record_field_at(record, i);
        if (!ll_export_is_field(record, field)) continue;
        if (found != NULL) return NULL;
        found = field;
    }
    return found;
}

/* The arrays that may be fields, "loss, accuracy": those on the record's axes; all, if it has no axes. */
static void list_fields(const ll_record *record, char *text, size_t size)
{
    size_t length = 0;
    bool axes = ll_record_find(record, "axis_0") != NULL;
    text[0] = 0;
    for (int64_t i = 0; i < ll_record_field_count(record); i++) {
        const ll_field *field = ll_record_field_at(record, i);
        if (field->type != LL_FIELD_ARRAY || strncmp(field->name, "axis_", 5) == 0) continue;
        if (field->array.rank < 1 || (axes && !ll_export_on_axes(record, &field->array))) continue;
        if (length + strlen(field->name) + 3 >= size) return;
        length += (size_t)snprintf(text + length, size - length, "%s%s", length > 0 ? ", " : "", field->name);
    }
}

static ll_status find_field(const ll_record *record, ll_export_format format, const char *name,
                            const ll_field **found, ll_error *error)
{
    const ll_field *field = choose(record, name);
    char list[160];
    if (field == NULL) {
        list_fields(record, list, sizeof list);
        return ll_fail(error, LL_NOT_FOUND, module, ll_record_kind(record),
                       "%s is not among its arrays; name the one to write: %s",
                       name != NULL ? name : "a loss", list[0] != 0 ? list : "it has none");
    }
    int rank = field->type == LL_FIELD_ARRAY ? field->array.rank : 0;
    int least = format == LL_EXPORT_PLY ? 2 : 1, most = format == LL_EXPORT_VTI ? 3 : 2;
    if (rank < least || rank > most || ll_array_count(&field->array) == 0)
        return ll_fail(error, LL_UNSUPPORTED, module, field->name,
                       "%s holds a field of %s axes; this one has %d, and %lld values", names[format],
                       least == most ? "2"
                       : most == 3   ? "1 to 3"
                                     : "1 or 2",
                       rank, (long long)(rank > 0 ? ll_array_count(&field->array) : 1));
    *found = field;
    return LL_OK;
}

static ll_status encode_mesh(const ll_record *record, ll_export_format format, const char *name, ll_text *out,
                             ll_error *error)
{
    ll_export_mesh mesh;
    const ll_field *field;
    bool topology =
        format == LL_EXPORT_VTP && name == NULL && strcmp(ll_record_kind(record), "topology") == 0;
    if (topology) {
        LL_TRY(ll_export_mesh_of_topology(record, &mesh, error));
    } else {
        LL_TRY(find_field(record, format, name, &field, error));
        LL_TRY(ll_export_mesh_of_field(record, field, format == LL_EXPORT_VTP, &mesh, error));
    }
    ll_status status = format == LL_EXPORT_VTP ? ll_vtp_encode(&mesh.mesh, out, error)
                                               : ll_ply_encode(&mesh.mesh, out, error);
    ll_export_mesh_deinit(&mesh);
    return status;
}

static ll_status encode_vti(const ll_record *record, const char *name, ll_text *out, ll_error *error)
{
    const ll_field *field;
    LL_TRY(find_field(record, LL_EXPORT_VTI, name, &field, error));
    const ll_array *array = &field->array;
    int64_t count = ll_array_count(array);
    ll_field_data data = {
        .count = count, .rank = array->rank, .single = array->type == LL_ARRAY_FLOAT32, .format = "vti"};
    snprintf(data.name, sizeof data.name, "%s", field->name);
    ll_status status = LL_OK;
    size_t bytes = (size_t)count * (data.single ? sizeof(float) : sizeof(double));
    data.values = ll_allocate(bytes);
    if (data.values == NULL) status = ll_fail_memory(error, module, bytes);
    if (status == LL_OK && array->type <= LL_ARRAY_FLOAT64) {
        memcpy(data.values, array->data, bytes);
    } else if (status == LL_OK) {
        for (int64_t i = 0; i < count; i++) ((double *)data.values)[i] = ll_array_get(array, i);
    }
    for (int k = 0; k < array->rank && status == LL_OK; k++) {
        data.shape[k] = array->shape[k];
        const double *axis = ll_export_axis(record, k, data.shape[k]);
        if (axis == NULL) continue;
        data.axes[k] = ll_allocate_array(data.shape[k], sizeof(double));
        if (data.axes[k] == NULL)
            status = ll_fail_memory(error, module, (size_t)data.shape[k] * sizeof(double));
        else memcpy(data.axes[k], axis, (size_t)data.shape[k] * sizeof(double));
    }
    if (status == LL_OK) status = ll_vti_encode(&data, out, error);
    ll_field_data_deinit(&data);
    return status;
}

ll_status ll_export_encode(const ll_record *record, ll_export_format format, const char *field, ll_text *out,
                           ll_error *error)
{
    if (format < 0 || format >= LL_EXPORT_FORMATS)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, NULL, "unknown format %d", (int)format);
    if (format == LL_EXPORT_VTI) return encode_vti(record, field, out, error);
    if (format == LL_EXPORT_VTP || format == LL_EXPORT_PLY)
        return encode_mesh(record, format, field, out, error);
    if (field != NULL && ll_record_find(record, field) == NULL)
        return ll_fail(error, LL_NOT_FOUND, module, ll_record_kind(record), "the record has no field %s",
                       field);
    if (format == LL_EXPORT_NPZ) return encode_npz(record, field, out, error);
    if (format == LL_EXPORT_JSON) {
        encode_json(record, field, out);
    } else {
        encode_csv(record, field, out);
    }
    return out->failed ? ll_fail_memory(error, module, out->capacity) : LL_OK;
}

ll_status ll_export_write(const ll_record *record, ll_export_format format, const char *field,
                          const char *path, ll_error *error)
{
    ll_text out = {0};
    ll_status status = ll_export_encode(record, format, field, &out, error);
    if (status == LL_OK) status = ll_file_write(path, out.text, out.length, error);
    ll_text_deinit(&out);
    return status;
}
