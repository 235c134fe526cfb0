/* Inputs and outputs as tensors: npy, npz, safetensors, PyTorch, IDX. */
#include "data/load.h"

#include <string.h>

static ll_status take_inputs(ll_dataset *dataset, const ll_tensor *x, const char *place, ll_error *error)
{
    if (x->rank < 1 || x->shape[0] < 1 || ll_tensor_count(x) < 1) {
        char text[96];
        ll_tensor_describe(x, text, sizeof text);
        return ll_fail(error, LL_INVALID_FILE, "data", place,
                       "inputs %s hold no sample; [samples, ...] is wanted", text);
    }
    int64_t count = ll_tensor_count(x), shape[LL_TENSOR_MAX_RANK], samples = x->shape[0];
    int rank = x->rank - 1;
    bool image = x->type == LL_TENSOR_UINT8 && (rank == 2 || rank == 3);
    for (int axis = 0; axis < rank; axis++) shape[axis] = x->shape[axis + 1];
    bool channels_last =
        image && rank == 3 && (shape[2] == 1 || shape[2] == 3) && shape[0] != 1 && shape[0] != 3;
    if (image && rank == 2) {
        const int64_t grey[3] = {1, shape[0], shape[1]};
        memcpy(shape, grey, sizeof grey);
        rank = 3;
    } else if (channels_last) {
        const int64_t planes[3] = {shape[2], shape[0], shape[1]};
        memcpy(shape, planes, sizeof planes);
    }
    LL_TRY(data_set_shape(dataset, rank, shape, place, error));
    dataset->count = samples;
    if (!image) {
        dataset->values = ll_allocate_array(count, sizeof *dataset->values);
        if (dataset->values == NULL) return ll_fail_memory(error, "data", (size_t)count * 4);
        ll_tensor_to_float32(x, dataset->values);
        return LL_OK;
    }
    dataset->pixels = ll_allocate((size_t)count);
    if (dataset->pixels == NULL) return ll_fail_memory(error, "data", (size_t)count);
    const uint8_t *source = x->data;
    if (!channels_last) {
        memcpy(dataset->pixels, source, (size_t)count);
        return LL_OK;
    }
    int64_t channels = shape[0], plane = shape[1] * shape[2];
    for (int64_t i = 0; i < samples; i++) {
        for (int64_t c = 0; c < channels; c++) {
            for (int64_t k = 0; k < plane; k++) {
                dataset->pixels[(i * channels + c) * plane + k] = source[(i * plane + k) * channels + c];
            }
        }
    }
    return LL_OK;
}

static ll_status take_outputs(ll_dataset *dataset, const ll_tensor *y, const char *place, ll_error *error)
{
    int64_t count = ll_tensor_count(y);
    if (y->rank < 1 || y->shape[0] != dataset->count || count < 1) {
        char text[96];
        ll_tensor_describe(y, text, sizeof text);
        return ll_fail(error, LL_SHAPE, "data", place, "%lld inputs, but outputs %s",
                       (long long)dataset->count, text);
    }
    int64_t width = count / dataset->count;
    if (ll_tensor_type_is_float(y->type)) {
        dataset->target_width = width;
        dataset->targets = ll_allocate_array(count, sizeof *dataset->targets);
        if (dataset->targets == NULL) return ll_fail_memory(error, "data", (size_t)count * 4);
        ll_tensor_to_float32(y, dataset->targets);
        return LL_OK;
    }
    dataset->label_width = width;
    dataset->labels = ll_allocate_array(count, sizeof *dataset->labels);
    if (dataset->labels == NULL) return ll_fail_memory(error, "data", (size_t)count * 8);
    LL_TRY(ll_tensor_to_int64(y, dataset->labels, error));
    return data_count_classes(dataset, place, error);
}

static const ll_tensor *find_any(const ll_tensor_file *file, const char *const *names)
{
    for (; *names != NULL; names++) {
        const ll_tensor *tensor = ll_tensor_file_find(file, *names);
        if (tensor != NULL) return tensor;
    }
    return NULL;
}

ll_status data_load_pair_file(ll_dataset *dataset, const char *path, const ll_format_limits *limits,
                              ll_error *error)
{
    static const char *const input_names[] = {"x",      "X",        "inputs",  "data",
                                              "images", "features", "x_train", NULL};
    static const char *const output_names[] = {"y",      "Y",     "targets", "labels",
                                               "target", "label", "y_train", NULL};
    ll_tensor_file *file;
    LL_TRY(ll_tensor_file_read(path, limits, &file, error));
    const ll_tensor *x = find_any(file, input_names), *y = find_any(file, output_names);
    ll_status status = LL_OK;
    if (x == NULL || y == NULL) {
        status = ll_fail(error, LL_INVALID_FILE, "data", path,
                         "the file has %lld tensors, but no pair of x and y (or X, inputs, data, images; Y, "
                         "targets, labels)",
                         (long long)ll_tensor_file_count(file));
    }
    if (status == LL_OK) status = take_inputs(dataset, x, path, error);
    if (status == LL_OK) status = take_outputs(dataset, y, path, error);
    ll_tensor_file_destroy(file);
    return status;
}

static ll_status only_tensor(const ll_tensor_file *file, const char *path, const ll_tensor **tensor,
                             ll_error *error)
{
    if (ll_tensor_file_count(file) != 1) {
        return ll_fail(error, LL_INVALID_FILE, "data", path,
                       "a file of exactly one tensor is wanted; this one has %lld",
                       (long long)ll_tensor_file_count(file));
    }
    *tensor = ll_tensor_file_tensor(file, 0);
    return LL_OK;
}

/* Appends, so that training and test files can follow each other. */
ll_status data_load_two_files(ll_dataset *dataset, const char *x_path, const char *y_path,
                              const ll_format_limits *limits, ll_error *error)
{
    ll_tensor_file *x_file = NULL, *y_file = NULL;
    const ll_tensor *x = NULL, *y = NULL;
    ll_status status = ll_tensor_file_read(x_path, limits, &x_file, error);
    if (status == LL_OK) status = only_tensor(x_file, x_path, &x, error);
    if (status == LL_OK) status = take_inputs(dataset, x, x_path, error);
    if (status == LL_OK) status = ll_tensor_file_read(y_path, limits, &y_file, error);
    if (status == LL_OK) status = only_tensor(y_file, y_path, &y, error);
    if (status == LL_OK) status = take_outputs(dataset, y, y_path, error);
    ll_tensor_file_destroy(x_file);
    ll_tensor_file_destroy(y_file);
    return status;
}
