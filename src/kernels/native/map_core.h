/* One instruction of map.h over a tile; included with LL_MAP_EXECUTE naming the function. Loops are written for the
 * compiler's vectoriser: no branches, no aliasing, a multiple of 16 elements. */
#include "kernels/native/math_core.h"
#include "losslens/kernels_map.h"

#include <math.h>

#define LOOP(O, A, expression)                                                                               \
    do {                                                                                                     \
        O *restrict out = registers[it->out];                                                                \
        const A *restrict in = registers[it->in[0]];                                                         \
        for (int64_t i = 0; i < count; i++) {                                                                \
            A a = in[i];                                                                                     \
            out[i] = (expression);                                                                           \
        }                                                                                                    \
        return;                                                                                              \
    } while (0)
#define LOOP2(O, A, expression)                                                                              \
    do {                                                                                                     \
        O *restrict out = registers[it->out];                                                                \
        const A *left = registers[it->in[0]];                                                                \
        const A *right = registers[it->in[1]];                                                               \
        for (int64_t i = 0; i < count; i++) {                                                                \
            A a = left[i], b = right[i];                                                                     \
            out[i] = (expression);                                                                           \
        }                                                                                                    \
        return;                                                                                              \
    } while (0)
#define LOOP3(T, first, second)                                                                              \
    do {                                                                                                     \
        T *restrict out = registers[it->out];                                                                \
        const T *left = registers[it->in[0]], *right = registers[it->in[1]], *other = registers[it->in[2]];  \
        for (int64_t i = 0; i < count; i++) {                                                                \
            T a = left[i], b = right[i], c = other[i], t = (first);                                          \
            out[i] = (second);                                                                               \
        }                                                                                                    \
        return;                                                                                              \
    } while (0)
#define PAIRS(T, kind, first)                                                                                \
    case LL_MAP_PAIRS + 4 * (kind): LOOP3(T, first, t + c);                                                  \
    case LL_MAP_PAIRS + 4 * (kind) + 1: LOOP3(T, first, t - c);                                              \
    case LL_MAP_PAIRS + 4 * (kind) + 2: LOOP3(T, first, c - t);                                              \
    case LL_MAP_PAIRS + 4 * (kind) + 3:                                                                      \
        LOOP3(T, first, t *c);
#define CHOOSE(T, comparison)                                                                                \
    do {                                                                                                     \
        T *restrict out = registers[it->out];                                                                \
        const T *left = registers[it->in[0]], *right = registers[it->in[1]];                                 \
        const T *yes = registers[it->in[2]], *no = registers[it->in[3]];                                     \
        for (int64_t i = 0; i < count; i++) {                                                                \
            T y = yes[i], n = no[i];                                                                         \
            out[i] = left[i] comparison right[i] ? y : n;                                                    \
        }                                                                                                    \
        return;                                                                                              \
    } while (0)
#define SELECT(T)                                                                                            \
    do {                                                                                                     \
        T *restrict out = registers[it->out];                                                                \
        const uint8_t *condition = registers[it->in[0]];                                                     \
        const T *yes = registers[it->in[1]], *no = registers[it->in[2]];                                     \
        for (int64_t i = 0; i < count; i++) {                                                                \
            T y = yes[i], n = no[i];                                                                         \
            out[i] = condition[i] ? y : n;                                                                   \
        }                                                                                                    \
        return;                                                                                              \
    } while (0)

/* Large angles take libm's reduction; rare, so the whole tile is looked at once. */
#define SINE(T, LIMIT, vector, library)                                                                      \
    do {                                                                                                     \
        T *restrict out = registers[it->out];                                                                \
        const T *restrict in = registers[it->in[0]];                                                         \
        int large = 0;                                                                                       \
        for (int64_t i = 0; i < count; i++) {                                                                \
            T a = in[i];                                                                                     \
            large |= !(a <= (LIMIT) && a >= -(LIMIT));                                                       \
            out[i] = (vector);                                                                               \
        }                                                                                                    \
        for (int64_t i = 0; large && i < count; i++)                                                         \
            if (!(in[i] <= (LIMIT) && in[i] >= -(LIMIT))) out[i] = library(in[i]);                           \
        return;                                                                                              \
    } while (0)

#define TANH_f64(T) LOOP(T, T, tanh_f64(a))
#ifdef LL_MAP_TANH_F32
#define TANH_f32(T)                                                                                          \
    do {                                                                                                     \
        LL_MAP_TANH_F32(registers[it->in[0]], registers[it->out], count);                                    \
        return;                                                                                              \
    } while (0)
#else
#define TANH_f32(T) LOOP(T, T, tanh_f32(a))
#endif

#define FLOAT_CASES(T, S, F, LIMIT)                                                                          \
    switch (it->operation) {                                                                                 \
    case LL_OP_NEGATE: LOOP(T, T, -a);                                                                       \
    case LL_OP_EXP: LOOP(T, T, exp_##S(a));                                                                  \
    case LL_OP_EXPM1: LOOP(T, T, expm1_##S(a));                                                              \
    case LL_OP_LOG: LOOP(T, T, log_##S(a));                                                                  \
    case LL_OP_LOG1P: LOOP(T, T, log1p_##S(a));                                                              \
    case LL_OP_SQRT: LOOP(T, T, __builtin_sqrt##F(a));                                                       \
    case LL_OP_RECIPROCAL: LOOP(T, T, (T)1 / a);                                                             \
    case LL_OP_SIN: SINE(T, LIMIT, sine_##S(a, 0), sin##F);                                                  \
    case LL_OP_COS: SINE(T, LIMIT, sine_##S(a, 1), cos##F);                                                  \
    case LL_OP_TANH: TANH_##S(T);                                                                            \
    case LL_OP_ERF: LOOP(T, T, erf##F(a));                                                                   \
    case LL_OP_ABS: LOOP(T, T, __builtin_fabs##F(a));                                                        \
    case LL_OP_SIGN: LOOP(T, T, a > 0 ? (T)1 : a < 0 ? (T)-1 : a == 0 ? (T)0 : a);                           \
    case LL_OP_FLOOR: LOOP(T, T, floor##F(a));                                                               \
    case LL_OP_DETACH: LOOP(T, T, a);                                                                        \
    case LL_OP_ADD: LOOP2(T, T, a + b);                                                                      \
    case LL_OP_SUBTRACT: LOOP2(T, T, a - b);                                                                 \
    case LL_OP_MULTIPLY:                                                                                     \
        LOOP2(T, T, a *b);                                                                                   \
        PAIRS(T, 0, a + b)                                                                                   \
        PAIRS(T, 1, a - b)                                                                                   \
        PAIRS(T, 2, a *b)                                                                                    \
    case LL_OP_DIVIDE: LOOP2(T, T, a / b);                                                                   \
    case LL_OP_POWER: LOOP2(T, T, pow##F(a, b));                                                             \
    case LL_OP_MIN: LOOP2(T, T, ((a < b) | (a != a)) ? a : b);                                               \
    case LL_OP_MAX: LOOP2(T, T, ((a > b) | (a != a)) ? a : b);                                               \
    case LL_OP_LESS: LOOP2(uint8_t, T, a < b);                                                               \
    case LL_OP_LESS_EQUAL: LOOP2(uint8_t, T, a <= b);                                                        \
    case LL_OP_EQUAL: LOOP2(uint8_t, T, a == b);                                                             \
    case LL_OP_SELECT: SELECT(T);                                                                            \
    case LL_MAP_SELECT_LESS: CHOOSE(T, <);                                                                   \
    case LL_MAP_SELECT_LESS_EQUAL: CHOOSE(T, <=);                                                            \
    case LL_OP_CAST:                                                                                         \
        switch (it->result_type) {                                                                           \
        case LL_F32: LOOP(float, T, (float)a);                                                               \
        case LL_F64: LOOP(double, T, (double)a);                                                             \
        default: LOOP(uint8_t, T, a != 0);                                                                   \
        }                                                                                                    \
    default: return;                                                                                         \
    }

void LL_MAP_EXECUTE(const ll_map_instruction *it, void *const *registers, int64_t count)
{
    count &= ~(int64_t)15;
    switch (it->type) {
    case LL_F32: FLOAT_CASES(float, f32, f, LL_SINE_LIMIT_F32)
    case LL_F64: FLOAT_CASES(double, f64, , LL_SINE_LIMIT_F64)
    default:
        switch (it->operation) {
        case LL_OP_NOT: LOOP(uint8_t, uint8_t, a == 0);
        case LL_OP_AND: LOOP2(uint8_t, uint8_t, a & b);
        case LL_OP_OR: LOOP2(uint8_t, uint8_t, a | b);
        case LL_OP_EQUAL: LOOP2(uint8_t, uint8_t, a == b);
        case LL_OP_SELECT: SELECT(uint8_t);
        case LL_OP_DETACH: LOOP(uint8_t, uint8_t, a);
        case LL_OP_CAST:
            switch (it->result_type) {
            case LL_F32: LOOP(float, uint8_t, (float)a);
            case LL_F64: LOOP(double, uint8_t, (double)a);
            default: LOOP(uint8_t, uint8_t, a);
            }
        default: return;
        }
    }
}
