/* exp, expm1, log, log1p, tanh, sin, cos as branch-free scalar code that the compiler turns into vector code; one
 * element's result does not depend on its neighbours. Bounds, measured by tests/kernels/test_math.c against long
 * double: float32 2 ulp, float64 3 ulp (sin and cos: for |x| <= LL_SINE_LIMIT; beyond it the caller asks libm).
 *
 * exp: x = n ln 2 + r, |r| <= ln 2 / 2, Taylor polynomial in r, scaled by 2^n in two steps so that subnormal results
 * round once. log: x = 2^e (1 + f), sqrt(1/2) <= 1 + f < sqrt 2, the series of 2 atanh(f / (2 + f)) arranged so that
 * f itself enters exactly. sin, cos: x - n pi/2 in three parts with fused multiply-adds. NaN and infinities follow
 * C99 Annex F. */
#ifndef LL_KERNELS_NATIVE_MATH_CORE_H
#define LL_KERNELS_NATIVE_MATH_CORE_H

#include <stdint.h>
#include <string.h>

#define LL_MATH static inline __attribute__((always_inline))

LL_MATH float bits_f32(int32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
LL_MATH int32_t f32_bits(float value)
{
    int32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}
LL_MATH double bits_f64(int64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
LL_MATH int64_t f64_bits(double value)
{
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* 2^n from the biased exponent; for a NaN argument it is garbage, which the NaN in the other factor swallows. */
LL_MATH float power_f32(int32_t biased) { return bits_f32((int32_t)((uint32_t)biased << 23)); }
LL_MATH double power_f64(int64_t biased) { return bits_f64((int64_t)((uint64_t)biased << 52)); }

/* ------------------------------------------------------------------ float32 */

#define LL_SINE_LIMIT_F32 30000.0f
#define LL_SINE_LIMIT_F64 1.0e6

/* 1.5 * 2^23: adding it rounds to an integer, whose bits then stand in the low mantissa. */
#define LL_ROUND_F32 12582912.0f
#define LL_ROUND_F64 6755399441055744.0

/* expm1(r), |r| <= 0.35 */
LL_MATH float expm1_reduced_f32(float r)
{
    float p = 1.98412698e-4f;
    p = __builtin_fmaf(p, r, 1.38888889e-3f);
    p = __builtin_fmaf(p, r, 8.33333333e-3f);
    p = __builtin_fmaf(p, r, 4.16666667e-2f);
    p = __builtin_fmaf(p, r, 1.66666667e-1f);
    p = __builtin_fmaf(p, r, 0.5f);
    return __builtin_fmaf(p, r * r, r);
}

LL_MATH float exp_f32(float x)
{
    x = x > 89.0f ? 89.0f : x;
    x = x < -105.0f ? -105.0f : x;
    float shifted = __builtin_fmaf(x, 1.44269504f, LL_ROUND_F32);
    int32_t n = f32_bits(shifted) - 0x4B400000;
    float k = shifted - LL_ROUND_F32;
    float r = __builtin_fmaf(k, -0.693145752f, x);
    r = __builtin_fmaf(k, -1.42860677e-6f, r);
    float p = 1.0f + expm1_reduced_f32(r);
    int32_t half = n >> 1;
    return p * power_f32(half + 127) * power_f32(n - half + 127);
}

LL_MATH float expm1_f32(float x)
{
    float clamped = x > 89.0f ? 89.0f : x;
    clamped = clamped < -20.0f ? -20.0f : clamped;
    float shifted = __builtin_fmaf(clamped, 1.44269504f, LL_ROUND_F32);
    int32_t n = f32_bits(shifted) - 0x4B400000;
    float k = shifted - LL_ROUND_F32;
    float r = __builtin_fmaf(k, -0.693145752f, clamped);
    r = __builtin_fmaf(k, -1.42860677e-6f, r);
    float p = expm1_reduced_f32(r);
    float half = power_f32(n - 1 + 127); /* 2^(n-1): 2^128 does not exist */
    float value = 2.0f * __builtin_fmaf(half, p, half - 0.5f);
    return n == 0 ? p : value;
}

LL_MATH float log_f32(float x)
{
    int small = x < 1.17549435e-38f;
    float scaled = small ? x * 33554432.0f : x;
    int32_t bits = f32_bits(scaled);
    /* 0x3F3504F3 = sqrt(1/2) */
    int32_t e = (int32_t)((uint32_t)bits - 0x3F3504F3U) >> 23;
    float f = bits_f32((int32_t)((uint32_t)bits - ((uint32_t)e << 23))) - 1.0f;
    float k = (float)(small ? e - 25 : e);
    float s = f / (2.0f + f), z = s * s;
    float p = 2.22222222e-1f;
    p = __builtin_fmaf(p, z, 2.85714286e-1f);
    p = __builtin_fmaf(p, z, 4.0e-1f);
    p = __builtin_fmaf(p, z, 6.66666667e-1f);
    float square = 0.5f * f * f;
    float tail = __builtin_fmaf(s, __builtin_fmaf(p, z, square), k * -1.90465421e-6f);
    /* ln 2 = 0.693149090 (15 bits, k times it is exact) - 1.9046542e-6 */
    float value = __builtin_fmaf(k, 0.693149090f, f - (square - tail));
    value = x == 0.0f ? -__builtin_inff() : value;
    value = x < 0.0f ? __builtin_nanf("") : value;
    value = x == __builtin_inff() ? x : value;
    return x != x ? x : value;
}

LL_MATH float log1p_f32(float x)
{
    float u = 1.0f + x;
    float rest = (x - (u - 1.0f)) / u;
    float value = log_f32(u) + rest;
    value = (x == -1.0f || x == __builtin_inff()) ? log_f32(u) : value;
    return x < 1e-10f && x > -1e-10f ? x : value;
}

LL_MATH float tanh_f32(float x)
{
    float a = bits_f32(f32_bits(x) & 0x7FFFFFFF);
    float clamped = a > 10.0f ? 10.0f : a;
    float t = expm1_f32(2.0f * clamped);
    float value = t / (t + 2.0f);
    /* Below 1/4 the division of two rounded numbers costs a bit: x - x^3/3 + ... keeps it. */
    float z = x * x;
    float p = -8.86323553e-3f;
    p = __builtin_fmaf(p, z, 2.18694885e-2f);
    p = __builtin_fmaf(p, z, -5.39682540e-2f);
    p = __builtin_fmaf(p, z, 1.33333333e-1f);
    p = __builtin_fmaf(p, z, -3.33333333e-1f);
    float near = __builtin_fmaf(p * z, a, a);
    value = a < 0.3f ? near : value;
    return bits_f32(f32_bits(value) | (f32_bits(x) & (int32_t)0x80000000));
}

/* quarter: 0 for sine, 1 for cosine */
LL_MATH float sine_f32(float x, int32_t quarter)
{
    float shifted = __builtin_fmaf(x, 0.636619772f, LL_ROUND_F32);
    int32_t n = f32_bits(shifted) + quarter;
    float k = shifted - LL_ROUND_F32;
    float r = __builtin_fmaf(k, -1.57079601f, x);
    r = __builtin_fmaf(k, -3.13916473e-7f, r);
    r = __builtin_fmaf(k, -5.39030253e-15f, r);
    float z = r * r;
    float s = 2.75573192e-6f;
    s = __builtin_fmaf(s, z, -1.98412698e-4f);
    s = __builtin_fmaf(s, z, 8.33333333e-3f);
    s = __builtin_fmaf(s, z, -1.66666667e-1f);
    s = __builtin_fmaf(s * z, r, r);
    float c = -2.75573192e-7f;
    c = __builtin_fmaf(c, z, 2.48015873e-5f);
    c = __builtin_fmaf(c, z, -1.38888889e-3f);
    c = __builtin_fmaf(c, z, 4.16666667e-2f);
    c = __builtin_fmaf(c, z * z, __builtin_fmaf(-0.5f, z, 1.0f));
    float value = (n & 1) ? c : s;
    return bits_f32(f32_bits(value) ^ (int32_t)((uint32_t)(n & 2) << 30));
}

/* ------------------------------------------------------------------ float64 */

LL_MATH double expm1_reduced_f64(double r)
{
    double p = 1.6059043836821613e-10;
    p = __builtin_fma(p, r, 2.0876756987868099e-09);
    p = __builtin_fma(p, r, 2.5052108385441719e-08);
    p = __builtin_fma(p, r, 2.7557319223985891e-07);
    p = __builtin_fma(p, r, 2.7557319223985893e-06);
    p = __builtin_fma(p, r, 2.4801587301587302e-05);
    p = __builtin_fma(p, r, 1.9841269841269841e-04);
    p = __builtin_fma(p, r, 1.3888888888888889e-03);
    p = __builtin_fma(p, r, 8.3333333333333332e-03);
    p = __builtin_fma(p, r, 4.1666666666666664e-02);
    p = __builtin_fma(p, r, 1.6666666666666666e-01);
    p = __builtin_fma(p, r, 0.5);
    return __builtin_fma(p, r * r, r);
}

#define LL_LN2_HIGH 0.69314718036912382 /* 32 bits */
#define LL_LN2_LOW 1.9082149292705877e-10

LL_MATH double exp_f64(double x)
{
    x = x > 710.0 ? 710.0 : x;
    x = x < -746.0 ? -746.0 : x;
    double shifted = __builtin_fma(x, 1.4426950408889634, LL_ROUND_F64);
    int64_t n = f64_bits(shifted) - 0x4338000000000000;
    double k = shifted - LL_ROUND_F64;
    double r = __builtin_fma(k, -LL_LN2_HIGH, x);
    r = __builtin_fma(k, -LL_LN2_LOW, r);
    double p = 1.0 + expm1_reduced_f64(r);
    int64_t half = n >> 1;
    return p * power_f64(half + 1023) * power_f64(n - half + 1023);
}

LL_MATH double expm1_f64(double x)
{
    double clamped = x > 710.0 ? 710.0 : x;
    clamped = clamped < -40.0 ? -40.0 : clamped;
    double shifted = __builtin_fma(clamped, 1.4426950408889634, LL_ROUND_F64);
    int64_t n = f64_bits(shifted) - 0x4338000000000000;
    double k = shifted - LL_ROUND_F64;
    double r = __builtin_fma(k, -LL_LN2_HIGH, clamped);
    r = __builtin_fma(k, -LL_LN2_LOW, r);
    double p = expm1_reduced_f64(r);
    double half = power_f64(n - 1 + 1023);
    double value = 2.0 * __builtin_fma(half, p, half - 0.5);
    return n == 0 ? p : value;
}

LL_MATH double log_f64(double x)
{
    int small = x < 2.2250738585072014e-308;
    double scaled = small ? x * 18014398509481984.0 : x;
    int64_t bits = f64_bits(scaled);
    int64_t offset = (int64_t)((uint64_t)bits - 0x3FE6A09E667F3BCDU);
    int64_t e = offset >> 52;
    double f = bits_f64((int64_t)((uint64_t)bits - ((uint64_t)e << 52))) - 1.0;
    /* e as a double without a 64-bit conversion, which AVX2 lacks */
    double k = bits_f64(0x4338000000000000 + (small ? e - 54 : e)) - LL_ROUND_F64;
    double s = f / (2.0 + f), z = s * s;
    double p = 9.5238095238095233e-02;
    p = __builtin_fma(p, z, 1.0526315789473684e-01);
    p = __builtin_fma(p, z, 1.1764705882352941e-01);
    p = __builtin_fma(p, z, 1.3333333333333333e-01);
    p = __builtin_fma(p, z, 1.5384615384615385e-01);
    p = __builtin_fma(p, z, 1.8181818181818182e-01);
    p = __builtin_fma(p, z, 2.2222222222222221e-01);
    p = __builtin_fma(p, z, 2.8571428571428570e-01);
    p = __builtin_fma(p, z, 4.0000000000000002e-01);
    p = __builtin_fma(p, z, 6.6666666666666663e-01);
    double square = 0.5 * f * f;
    double tail = __builtin_fma(s, __builtin_fma(p, z, square), k * LL_LN2_LOW);
    double value = __builtin_fma(k, LL_LN2_HIGH, f - (square - tail));
    value = x == 0.0 ? -__builtin_inf() : value;
    value = x < 0.0 ? __builtin_nan("") : value;
    value = x == __builtin_inf() ? x : value;
    return x != x ? x : value;
}

LL_MATH double log1p_f64(double x)
{
    double u = 1.0 + x;
    double rest = (x - (u - 1.0)) / u;
    double value = log_f64(u) + rest;
    value = (x == -1.0 || x == __builtin_inf()) ? log_f64(u) : value;
    return x < 1e-20 && x > -1e-20 ? x : value;
}

LL_MATH double tanh_f64(double x)
{
    double a = bits_f64(f64_bits(x) & INT64_MAX);
    double clamped = a > 22.0 ? 22.0 : a;
    double t = expm1_f64(2.0 * clamped);
    double value = t / (t + 2.0);
    return bits_f64(f64_bits(value) | (f64_bits(x) & INT64_MIN));
}

LL_MATH double sine_f64(double x, int64_t quarter)
{
    double shifted = __builtin_fma(x, 0.63661977236758138, LL_ROUND_F64);
    int64_t n = f64_bits(shifted) + quarter;
    double k = shifted - LL_ROUND_F64;
    double r = __builtin_fma(k, -1.5707963267948966, x);
    r = __builtin_fma(k, -6.1232339957367660e-17, r);
    double z = r * r;
    double s = 2.8114572543455206e-15;
    s = __builtin_fma(s, z, -7.6471637318198164e-13);
    s = __builtin_fma(s, z, 1.6059043836821613e-10);
    s = __builtin_fma(s, z, -2.5052108385441720e-08);
    s = __builtin_fma(s, z, 2.7557319223985893e-06);
    s = __builtin_fma(s, z, -1.9841269841269841e-04);
    s = __builtin_fma(s, z, 8.3333333333333332e-03);
    s = __builtin_fma(s, z, -1.6666666666666666e-01);
    s = __builtin_fma(s * z, r, r);
    double c = 4.7794773323873853e-14;
    c = __builtin_fma(c, z, -1.1470745597729725e-11);
    c = __builtin_fma(c, z, 2.0876756987868099e-09);
    c = __builtin_fma(c, z, -2.7557319223985888e-07);
    c = __builtin_fma(c, z, 2.4801587301587302e-05);
    c = __builtin_fma(c, z, -1.3888888888888889e-03);
    c = __builtin_fma(c, z, 4.1666666666666664e-02);
    /* 1 - z/2 + c z^2, with what 1 - z/2 loses put back */
    double h = 0.5 * z, w = 1.0 - h;
    double cosine = w + (((1.0 - w) - h) + z * z * c);
    double value = (n & 1) ? cosine : s;
    return bits_f64(f64_bits(value) ^ (int64_t)((uint64_t)(n & 2) << 62));
}

#endif
