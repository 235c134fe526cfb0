/* IDX, the format of MNIST: two zero bytes, a type, a rank, big-endian 32-bit extents, big-endian data. */
#include "formats/internal.h"

static bool idx_type(uint8_t code, ll_tensor_type *type)
{
    switch (code) {
    case 0x08: *type = LL_TENSOR_UINT8; return true;
    case 0x09: *type = LL_TENSOR_INT8; return true;
    case 0x0B: *type = LL_TENSOR_INT16; return true;
    case 0x0C: *type = LL_TENSOR_INT32; return true;
    case 0x0D: *type = LL_TENSOR_FLOAT32; return true;
    case 0x0E: *type = LL_TENSOR_FLOAT64; return true;
    default: return false;
    }
}

bool ll_idx_detect(const uint8_t *bytes, size_t size)
{
    ll_tensor_type type;
    return size >= 4 && bytes[0] == 0 && bytes[1] == 0 && idx_type(bytes[2], &type) && bytes[3] > 0;
}

ll_status ll_idx_parse(ll_tensor_file *file, ll_error *error)
{
    const uint8_t *bytes = file->source.bytes;
    size_t size = file->source.size;
    ll_tensor tensor = {.rank = bytes[3]};
    file->format = "idx";
    idx_type(bytes[2], &tensor.type);
    if (tensor.rank > LL_TENSOR_MAX_RANK) {
        return ll_fail(error, LL_UNSUPPORTED, "formats", file->place,
                       "IDX array of %d axes; at most %d are read", tensor.rank, LL_TENSOR_MAX_RANK);
    }
    size_t start = 4 + 4 * (size_t)tensor.rank, wanted;
    int64_t count;
    if (size < start) {
        return ll_fail(error, LL_INVALID_FILE, "formats", file->place,
                       "IDX header of %zu bytes is cut short at %zu", start, size);
    }
    for (int axis = 0; axis < tensor.rank; axis++) tensor.shape[axis] = read_u32_big(bytes + 4 + 4 * axis);
    if (!ll_shape_count(tensor.shape, tensor.rank, &count) ||
        !ll_multiply_size((size_t)count, ll_tensor_type_bytes(tensor.type), &wanted)) {
        return ll_fail(error, LL_INVALID_FILE, "formats", file->place,
                       "IDX header: the shape's product overflows");
    }
    if (wanted != size - start) {
        return ll_fail(error, LL_INVALID_FILE, "formats", file->place,
                       "IDX header wants %zu bytes of data behind it; there are %zu", wanted, size - start);
    }
    LL_TRY(ll_file_data(file, bytes + start, tensor.type, count, true, file->place, &tensor.data, error));
    return ll_file_add_tensor(file, "", &tensor, error);
}
