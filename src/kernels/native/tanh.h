/* tanh of `count` floats, a multiple of 16, from a table of polynomials; in and out may be the same array. */
#ifndef LL_KERNELS_NATIVE_TANH_H
#define LL_KERNELS_NATIVE_TANH_H

#include <stdint.h>

void ll_tanh_f32_avx512(const float *in, float *out, int64_t count);

#endif
