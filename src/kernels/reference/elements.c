#include "kernels/reference/reference.h"

#include <math.h>
#include <string.h>

double ll_element_real(ll_dtype dtype, const void *data, int64_t i)
{
    switch (dtype) {
    case LL_F32: return (double)((const float *)data)[i];
    case LL_F64: return ((const double *)data)[i];
    case LL_I32: return (double)((const int32_t *)data)[i];
    case LL_I64: return (double)((const int64_t *)data)[i];
    case LL_BOOL: return ((const uint8_t *)data)[i] != 0 ? 1.0 : 0.0;
    case LL_DTYPES: break;
    }
    return NAN;
}

/* Truncation towards zero that saturates; NaN gives 0. */
static int64_t truncated(double value)
{
    if (isnan(value)) return 0;
    if (value >= 0x1p63) return INT64_MAX;
    if (value < -0x1p63) return INT64_MIN;
    return (int64_t)value;
}

int64_t ll_element_integer(ll_dtype dtype, const void *data, int64_t i)
{
    if (dtype == LL_I64) return ((const int64_t *)data)[i];
    return truncated(ll_element_real(dtype, data, i));
}

void ll_store_real(ll_dtype dtype, void *data, int64_t i, double value)
{
    switch (dtype) {
    case LL_F32: ((float *)data)[i] = (float)value; break;
    case LL_F64: ((double *)data)[i] = value; break;
    case LL_I32: {
        int64_t whole = truncated(value);
        ((int32_t *)data)[i] = whole > INT32_MAX ? INT32_MAX : whole < INT32_MIN ? INT32_MIN : (int32_t)whole;
        break;
    }
    case LL_I64: ((int64_t *)data)[i] = truncated(value); break;
    case LL_BOOL: ((uint8_t *)data)[i] = value != 0.0; break;
    case LL_DTYPES: break;
    }
}

void ll_store_integer(ll_dtype dtype, void *data, int64_t i, int64_t value)
{
    switch (dtype) {
    case LL_F32: ((float *)data)[i] = (float)value; break;
    case LL_F64: ((double *)data)[i] = (double)value; break;
    case LL_I32: {
        uint32_t low = (uint32_t)(uint64_t)value; /* arithmetic wraps */
        memcpy((int32_t *)data + i, &low, sizeof low);
        break;
    }
    case LL_I64: ((int64_t *)data)[i] = value; break;
    case LL_BOOL: ((uint8_t *)data)[i] = value != 0; break;
    case LL_DTYPES: break;
    }
}

void ll_copy_element(ll_dtype dtype, const void *from, int64_t i, void *to, int64_t j)
{
    size_t bytes = ll_dtype_bytes(dtype);
    memcpy((unsigned char *)to + (size_t)j * bytes, (const unsigned char *)from + (size_t)i * bytes, bytes);
}
