/* Which format a field's file has, and fields from npy and npz. */
#include "field_support.h"

#include <stdio.h>
#include <string.h>

/* ---------------------------------------------------------------- npy and npz */

static ll_status take_values(const ll_tensor *tensor, ll_field_data *data, const ll_format_limits *limits,
                             const char *place, ll_error *error)
{
    if (tensor->rank < 1) {
        return ll_fail(error, LL_INVALID_FILE, "formats", place, "array '%s' is a single number, not a field",
                       tensor->name);
    }
    if (tensor->rank > LL_FIELD_DATA_MAX_RANK) {
        return ll_fail(error, LL_UNSUPPORTED, "formats", place, "array '%s' has %d axes; at most %d",
                       tensor->name, tensor->rank, LL_FIELD_DATA_MAX_RANK);
    }
    bool single = tensor->type == LL_TENSOR_FLOAT32 || tensor->type == LL_TENSOR_FLOAT16 ||
                  tensor->type == LL_TENSOR_BFLOAT16;
    void *values;
    int64_t count = ll_tensor_count(tensor);
    LL_TRY(ll_field_block(count, single ? sizeof(float) : sizeof(double), limits, place, &values, error));
    if (single) {
        ll_tensor_to_float32(tensor, values);
    } else {
        ll_tensor_to_float64(tensor, values);
    }
    data->single = single;
    data->values = values;
    data->count = count;
    data->rank = tensor->rank;
    memcpy(data->shape, tensor->shape, (size_t)tensor->rank * sizeof data->shape[0]);
    ll_field_set_name(data, tensor->name);
    return LL_OK;
}

static ll_status take_axis(const ll_tensor *tensor, int64_t first, int axis, ll_field_data *data,
                           ll_error *error)
{
    double *positions = ll_allocate_array(data->shape[axis], sizeof *positions);
    if (positions == NULL)
        return ll_fail_memory(error, "formats", (size_t)data->shape[axis] * sizeof *positions);
    for (int64_t i = 0; i < data->shape[axis]; i++) positions[i] = ll_tensor_get(tensor, first + i);
    ll_free(data->axes[axis]);
    data->axes[axis] = positions;
    return LL_OK;
}

/* Positions along the axes: Landscaper's `coordinates` (axes x points), or one array an axis. */
static ll_status take_coordinates(const ll_tensor_file *file, ll_field_data *data,
                                  const ll_format_limits *limits, const char *place, ll_error *error)
{
    const ll_tensor *all = ll_tensor_file_find(file, "coordinates");
    if (all != NULL && all->rank == 2 && data->rank == 1 && all->shape[0] == data->count &&
        all->shape[1] <= 4096) {
        /* One row a vertex: scattered points. */
        void *points;
        LL_TRY(ll_field_block(ll_tensor_count(all), sizeof(double), limits, place, &points, error));
        ll_tensor_to_float64(all, points);
        data->points = points;
        data->dimension = (int)all->shape[1];
        data->rank = 0;
        bool is_grid;
        return ll_field_points_to_grid(data, &is_grid, error);
    }
    if (all != NULL) {
        bool fits = all->rank == 2 && all->shape[0] == data->rank;
        for (int k = 0; k < data->rank && fits; k++) fits = all->shape[1] == data->shape[k];
        if (!fits) {
            char text[128];
            ll_tensor_describe(all, text, sizeof text);
            return ll_fail(error, LL_SHAPE, "formats", place,
                           "'coordinates' (%s) fit neither the axes nor the points of array '%s'", text,
                           data->name);
        }
        for (int k = 0; k < data->rank; k++) LL_TRY(take_axis(all, k * all->shape[1], k, data, error));
        return LL_OK;
    }
    static const char *const names[][LL_FIELD_DATA_MAX_RANK] = {
        {"axis_0", "axis_1", "axis_2", "axis_3", "axis_4", "axis_5"},
        {"x", "y", "z", "axis_3", "axis_4", "axis_5"},
        {"alphas", "betas", "gammas", "axis_3", "axis_4", "axis_5"},
        {"xcoordinates", "ycoordinates", "zcoordinates", "axis_3", "axis_4", "axis_5"}};
    for (size_t set = 0; set < sizeof names / sizeof names[0]; set++) {
        const ll_tensor *found[LL_FIELD_DATA_MAX_RANK];
        bool fits = true;
        for (int k = 0; k < data->rank && fits; k++) {
            found[k] = ll_tensor_file_find(file, names[set][k]);
            fits = found[k] != NULL && found[k]->rank == 1 && found[k]->shape[0] == data->shape[k];
        }
        if (!fits) continue;
        for (int k = 0; k < data->rank; k++) LL_TRY(take_axis(found[k], 0, k, data, error));
        return LL_OK;
    }
    return LL_OK;
}

ll_status ll_tensor_field_parse(const void *bytes, size_t size, const char *place,
                                const ll_field_read_options *options, ll_field_data *data, ll_error *error)
{
    enum { NAMES = 64 };
    const ll_field_read_options defaults = {0};
    if (options == NULL) options = &defaults;
    const ll_format_limits limits = options->limits != NULL ? *options->limits : ll_format_limits_default();
    ll_tensor_file *file;
    LL_TRY(ll_tensor_file_parse(bytes, size, place, &limits, &file, error));
    ll_field_data made = {.format = strcmp(ll_tensor_file_format(file), "npy") == 0 ? "npy" : "npz"};
    const char *names[NAMES];
    int64_t places[NAMES], count = 0, chosen = 0;
    for (int64_t i = 0; i < ll_tensor_file_count(file) && count < NAMES; i++) {
        const ll_tensor *tensor = ll_tensor_file_tensor(file, i);
        if (strcmp(tensor->name, "coordinates") == 0 && options->array == NULL) continue;
        names[count] = tensor->name;
        places[count++] = i;
    }
    /* An .npy's only array has no name; --array is of no use there and is not held against it. */
    ll_status status = ll_field_choose(names, count, made.format[2] == 'y' ? NULL : options->array, NULL,
                                       place, &chosen, error);
    if (status == LL_OK) {
        status = take_values(ll_tensor_file_tensor(file, places[chosen]), &made, &limits, place, error);
    }
    if (status == LL_OK) status = take_coordinates(file, &made, &limits, place, error);
    ll_tensor_file_destroy(file);
    if (status != LL_OK) {
        ll_field_data_deinit(&made);
        return status;
    }
    *data = made;
    return LL_OK;
}

/* ---------------------------------------------------------------- which format */

static bool begins(const uint8_t *bytes, size_t size, const char *word, size_t length)
{
    return size >= length && memcmp(bytes, word, length) == 0;
}

/* Text: no byte below tab among the first ones. */
static bool is_text(const uint8_t *bytes, size_t size)
{
    size_t looked = size < 512 ? size : 512;
    for (size_t i = 0; i < looked; i++) {
        if (bytes[i] < 9 || (bytes[i] > 13 && bytes[i] < 32)) return false;
    }
    return size > 0;
}

static bool is_xml(const uint8_t *bytes, size_t size)
{
    size_t at = begins(bytes, size, "\xEF\xBB\xBF", 3) ? 3 : 0;
    while (at < size && (bytes[at] == ' ' || (bytes[at] >= 9 && bytes[at] <= 13))) at++;
    return at < size && bytes[at] == '<';
}

ll_status ll_field_parse(const void *bytes, size_t size, const char *place,
                         const ll_field_read_options *options, ll_field_data *data, ll_error *error)
{
    if (size == 0) return ll_fail(error, LL_INVALID_FILE, "formats", place, "the file is empty");
    if (begins(bytes, size, "\x93NUMPY", 6) || begins(bytes, size, "PK\x03\x04", 4)) {
        return ll_tensor_field_parse(bytes, size, place, options, data, error);
    }
    if (begins(bytes, size, "\x89HDF\r\n\x1a\n", 8))
        return ll_hdf5_field_parse(bytes, size, place, options, data, error);
    if (begins(bytes, size, "ply\n", 4) || begins(bytes, size, "ply\r", 4)) {
        return ll_ply_parse(bytes, size, place, options, data, error);
    }
    if (is_xml(bytes, size)) return ll_vtk_parse(bytes, size, place, options, data, error);
    if (is_text(bytes, size)) return ll_csv_field_parse(bytes, size, place, options, data, error);
    return ll_fail(error, LL_UNSUPPORTED, "formats", place,
                   "the file is no field that can be read; wanted npy, npz, VTI, VTP, VTU, PLY, CSV or HDF5");
}

ll_status ll_field_file_read(const char *path, const ll_field_read_options *options, ll_field_data *data,
                             ll_error *error)
{
    ll_file_bytes file = {0};
    LL_TRY(ll_file_map(path, &file, error));
    ll_status status = ll_field_parse(file.bytes, file.size, path, options, data, error);
    ll_file_unmap(&file);
    return status;
}
