/* The loops of losslens/kernels_sums.h for one instruction set, written for the compiler's vectoriser: included with
 * LL_SUMS(name) naming the functions. */
#include "kernels/native/sums.h"

#define MIDDLE(T)                                                                                            \
    do {                                                                                                     \
        const T *from = x;                                                                                   \
        T *to = y;                                                                                           \
        for (int64_t o = 0; o < outer; o++, from += middle * inner, to += inner) {                           \
            if (inner == 1) {                                                                                \
                double s[8] = {0};                                                                           \
                int64_t i = 0;                                                                               \
                for (; i + 8 <= middle; i += 8)                                                              \
                    for (int j = 0; j < 8; j++) s[j] += (double)from[i + j];                                 \
                for (int j = 0; i < middle; i++, j++) s[j] += (double)from[i];                               \
                to[0] = (T)(((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7])));              \
                continue;                                                                                    \
            }                                                                                                \
            int64_t c = 0;                                                                                   \
            for (; c + 16 <= inner; c += 16) {                                                               \
                double s[16] = {0};                                                                          \
                for (int64_t i = 0; i < middle; i++)                                                         \
                    for (int j = 0; j < 16; j++) s[j] += (double)from[i * inner + c + j];                    \
                for (int j = 0; j < 16; j++) to[c + j] = (T)s[j];                                            \
            }                                                                                                \
            if (c == inner) continue;                                                                        \
            for (int64_t k = c; k < inner; k++) columns[k] = 0;                                              \
            for (int64_t i = 0; i < middle; i++)                                                             \
                for (int64_t k = c; k < inner; k++) columns[k] += (double)from[i * inner + k];               \
            for (int64_t k = c; k < inner; k++) to[k] = (T)columns[k];                                       \
        }                                                                                                    \
    } while (0)

void LL_SUMS(middle)(ll_dtype dtype, const void *x, int64_t outer, int64_t middle, int64_t inner, void *y,
                     double *columns)
{
    if (dtype == LL_F32) MIDDLE(float);
    else MIDDLE(double);
}

#define ACCUMULATE(T)                                                                                        \
    do {                                                                                                     \
        const T *restrict from = values;                                                                     \
        if (first)                                                                                           \
            for (int64_t i = 0; i < count; i++) sums[i] = (double)from[i];                                   \
        else                                                                                                 \
            for (int64_t i = 0; i < count; i++) sums[i] += (double)from[i];                                  \
    } while (0)

void LL_SUMS(accumulate)(ll_dtype dtype, const void *values, int64_t count, bool first, double *restrict sums)
{
    switch (dtype) {
    case LL_F32: ACCUMULATE(float); break;
    case LL_F64: ACCUMULATE(double); break;
    case LL_I32: ACCUMULATE(int32_t); break;
    case LL_I64: ACCUMULATE(int64_t); break;
    default: ACCUMULATE(uint8_t); break;
    }
}

void LL_SUMS(add)(double *restrict a, const double *restrict b, int64_t count)
{
    for (int64_t i = 0; i < count; i++) a[i] += b[i];
}
