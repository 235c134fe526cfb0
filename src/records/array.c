#include "losslens/records.h"

#include <math.h>
#include <string.h>

static const struct {
    const char *name;
    size_t bytes;
} types[LL_ARRAY_TYPES] = {
#define LL_DTYPE_ROW(name, text, bytes) {text, bytes},
    LL_DTYPE_LIST(LL_DTYPE_ROW)
#undef LL_DTYPE_ROW
};

const char *ll_array_type_name(ll_array_type type) { return types[type].name; }
size_t ll_array_type_bytes(ll_array_type type) { return types[type].bytes; }

bool ll_array_type_parse(const char *name, ll_array_type *type)
{
    for (int each = 0; each < LL_ARRAY_TYPES; each++) {
        if (strcmp(name, types[each].name) == 0) {
            *type = (ll_array_type)each;
            return true;
        }
    }
    return false;
}

int64_t ll_array_count(const ll_array *array)
{
    int64_t count = 1;
    for (int axis = 0; axis < array->rank; axis++) count *= array->shape[axis];
    return count;
}

size_t ll_array_bytes(const ll_array *array)
{
    return (size_t)ll_array_count(array) * ll_array_type_bytes(array->type);
}

double ll_array_get(const ll_array *array, int64_t index)
{
    switch (array->type) {
    case LL_ARRAY_FLOAT32: return (double)((const float *)array->data)[index];
    case LL_ARRAY_FLOAT64: return ((const double *)array->data)[index];
    case LL_ARRAY_INT32: return (double)((const int32_t *)array->data)[index];
    case LL_ARRAY_INT64: return (double)((const int64_t *)array->data)[index];
    case LL_ARRAY_UINT8:
    case LL_ARRAY_BOOL: return (double)((const uint8_t *)array->data)[index];
    case LL_ARRAY_TYPES: break;
    }
    return NAN;
}

ll_status ll_array_init(ll_array *array, ll_array_type type, int rank, const int64_t *shape, ll_error *error)
{
    int64_t count;
    size_t bytes;
    if (rank < 0 || rank > LL_MAX_RANK) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "records", "rank", "got rank %d; wanted 0 to %d", rank,
                       LL_MAX_RANK);
    }
    if (!ll_shape_count(shape, rank, &count) || !ll_multiply_size((size_t)count, types[type].bytes, &bytes)) {
        return ll_fail(error, LL_TOO_LARGE, "records", "shape",
                       "the shape has a negative extent or too many elements");
    }
    void *data = ll_allocate(bytes);
    if (data == NULL) return ll_fail_memory(error, "records", bytes);
    *array = (ll_array){.type = type, .rank = rank, .data = data};
    for (int axis = 0; axis < rank; axis++) array->shape[axis] = shape[axis];
    return LL_OK;
}

void ll_array_deinit(ll_array *array)
{
    ll_free(array->data);
    *array = (ll_array){0};
}
