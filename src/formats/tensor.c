#include "losslens/formats.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *ll_tensor_type_name(ll_tensor_type type)
{
    switch (type) {
#define NAME(name, text, bytes)                                                                              \
    case LL_TENSOR_##name: return text;
        LL_TENSOR_TYPE_LIST(NAME)
#undef NAME
    case LL_TENSOR_TYPES: break;
    }
    return "unknown";
}

size_t ll_tensor_type_bytes(ll_tensor_type type)
{
    switch (type) {
#define BYTES(name, text, bytes)                                                                             \
    case LL_TENSOR_##name: return bytes;
        LL_TENSOR_TYPE_LIST(BYTES)
#undef BYTES
    case LL_TENSOR_TYPES: break;
    }
    return 0;
}

bool ll_tensor_type_is_float(ll_tensor_type type) { return type <= LL_TENSOR_FLOAT64; }

int64_t ll_tensor_count(const ll_tensor *tensor)
{
    int64_t count;
    return ll_shape_count(tensor->shape, tensor->rank, &count) ? count : 0;
}

size_t ll_tensor_bytes(const ll_tensor *tensor)
{
    return (size_t)ll_tensor_count(tensor) * ll_tensor_type_bytes(tensor->type);
}

/* ------------------------------------------------------------------ 16-bit floats */

static float float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t bits_of_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

float ll_float_from_half(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000U) << 16;
    uint32_t exponent = (half >> 10) & 0x1FU, fraction = half & 0x3FFU;
    if (exponent == 0x1F) return float_of_bits(sign | 0x7F800000U | fraction << 13);
    if (exponent != 0) return float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
    float value = (float)fraction * 0x1p-24F; /* subnormal or zero: exact */
    return sign != 0 ? -value : value;
}

uint16_t ll_float_to_half(float value)
{
    uint32_t bits = bits_of_float(value), sign = bits >> 16 & 0x8000U, magnitude = bits & 0x7FFFFFFFU;
    if (magnitude > 0x7F800000U) return (uint16_t)(sign | 0x7E00U | (magnitude >> 13 & 0x3FFU));
    if (magnitude >= 0x477FF000U) return (uint16_t)(sign | 0x7C00U); /* 65520 and up round to infinity */
    if (magnitude < 0x38800000U) {
        /* Subnormal: a multiple of 2^-24; lrintf rounds to nearest even. */
        return (uint16_t)(sign | (uint32_t)lrintf(float_of_bits(magnitude) * 0x1p24F));
    }
    uint32_t rebased = magnitude - (112U << 23);
    return (uint16_t)(sign | (rebased + 0xFFFU + (rebased >> 13 & 1U)) >> 13);
}

float ll_float_from_bfloat16(uint16_t bits) { return float_of_bits((uint32_t)bits << 16); }

uint16_t ll_float_to_bfloat16(float value)
{
    uint32_t bits = bits_of_float(value);
    if ((bits & 0x7FFFFFFFU) > 0x7F800000U) return (uint16_t)(bits >> 16 | 0x40U); /* stays not-a-number */
    return (uint16_t)((bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16);
}

/* ------------------------------------------------------------------ conversion */

static float half_value(uint16_t bits) { return ll_float_from_half(bits); }
static float bfloat16_value(uint16_t bits) { return ll_float_from_bfloat16(bits); }

/* One list: type, C type of an element, how its value is had. */
#define EACH_TYPE(X)                                                                                         \
    X(FLOAT16, uint16_t, half_value)                                                                         \
    X(BFLOAT16, uint16_t, bfloat16_value)                                                                    \
    X(FLOAT32, float, )                                                                                      \
    X(FLOAT64, double, )                                                                                     \
    X(INT8, int8_t, )                                                                                        \
    X(INT16, int16_t, )                                                                                      \
    X(INT32, int32_t, )                                                                                      \
    X(INT64, int64_t, )                                                                                      \
    X(UINT8, uint8_t, )                                                                                      \
    X(UINT16, uint16_t, )                                                                                    \
    X(UINT32, uint32_t, )                                                                                    \
    X(UINT64, uint64_t, )                                                                                    \
    X(BOOL, uint8_t, )

double ll_tensor_get(const ll_tensor *tensor, int64_t index)
{
    switch (tensor->type) {
#define GET(name, element, value)                                                                            \
    case LL_TENSOR_##name: return (double)value(((const element *)tensor->data)[index]);
        EACH_TYPE(GET)
#undef GET
    case LL_TENSOR_TYPES: break;
    }
    return (double)NAN;
}

void ll_tensor_to_float32(const ll_tensor *tensor, float *values)
{
    int64_t count = ll_tensor_count(tensor);
    if (count == 0) return;
    switch (tensor->type) {
#define CONVERT(name, element, value)                                                                        \
    case LL_TENSOR_##name: {                                                                                 \
        const element *source = tensor->data;                                                                \
        for (int64_t i = 0; i < count; i++) values[i] = (float)value(source[i]);                             \
        break;                                                                                               \
    }
        EACH_TYPE(CONVERT)
#undef CONVERT
    case LL_TENSOR_TYPES: break;
    }
}

void ll_tensor_to_float64(const ll_tensor *tensor, double *values)
{
    int64_t count = ll_tensor_count(tensor);
    if (count == 0) return;
    switch (tensor->type) {
#define CONVERT(name, element, value)                                                                        \
    case LL_TENSOR_##name: {                                                                                 \
        const element *source = tensor->data;                                                                \
        for (int64_t i = 0; i < count; i++) values[i] = (double)value(source[i]);                            \
        break;                                                                                               \
    }
        EACH_TYPE(CONVERT)
#undef CONVERT
    case LL_TENSOR_TYPES: break;
    }
}

ll_status ll_tensor_to_int64(const ll_tensor *tensor, int64_t *values, ll_error *error)
{
    int64_t count = ll_tensor_count(tensor);
    for (int64_t i = 0; i < count; i++) { /* first pass: outputs stay untouched on failure */
        double value = ll_tensor_get(tensor, i);
        bool fits = tensor->type == LL_TENSOR_UINT64
                        ? ((const uint64_t *)tensor->data)[i] <= (uint64_t)INT64_MAX
                        : !ll_tensor_type_is_float(tensor->type) ||
                              (value >= -0x1p63 && value < 0x1p63 && value == floor(value));
        if (!fits) {
            return ll_fail(error, LL_INVALID_ARGUMENT, "formats", tensor->name,
                           "element %lld is %g; whole numbers are wanted", (long long)i, value);
        }
    }
    if (count == 0) return LL_OK;
    switch (tensor->type) {
#define CONVERT(name, element, value)                                                                        \
    case LL_TENSOR_##name: {                                                                                 \
        const element *source = tensor->data;                                                                \
        for (int64_t i = 0; i < count; i++) values[i] = (int64_t)value(source[i]);                           \
        break;                                                                                               \
    }
        EACH_TYPE(CONVERT)
#undef CONVERT
    case LL_TENSOR_TYPES: break;
    }
    return LL_OK;
}

void ll_tensor_describe(const ll_tensor *tensor, char *text, size_t capacity)
{
    char shape[LL_TENSOR_MAX_RANK * 22 + 4];
    size_t used = 0;
    for (int axis = 0; axis < tensor->rank; axis++) {
        used += (size_t)snprintf(shape + used, sizeof shape - used, "%s%lld", axis > 0 ? ", " : "",
                                 (long long)tensor->shape[axis]);
    }
    shape[used] = 0;
    snprintf(text, capacity, "%s [%s]", ll_tensor_type_name(tensor->type), shape);
}
