/* Vector arithmetic of losslens/problem_vectors.h. Each function is written once, as a macro over the
 * element type, so that float32 and float64 cannot drift apart. */
#include "losslens/problem_vectors.h"
#include "problem/vectors_lanes.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 4096, LANES = VECTORS_LANES, TREE_LEVELS = 64 };

/* Adds block sums by a binary tree without storing them all: level l holds the sum of 2^l blocks. */
typedef struct tree_sum {
    double level[TREE_LEVELS];
    uint64_t blocks;
} tree_sum;

static void tree_add(tree_sum *tree, double value)
{
    int level = 0;
    for (uint64_t bits = tree->blocks; bits & 1; bits >>= 1, level++) value = tree->level[level] + value;
    tree->level[level] = value;
    tree->blocks++;
}

static double tree_value(const tree_sum *tree)
{
    double sum = 0.0;
    int level = 0;
    for (uint64_t bits = tree->blocks; bits != 0; bits >>= 1, level++)
        if (bits & 1) sum = tree->level[level] + sum;
    return sum;
}

static double lanes_value(double lane[LANES])
{
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++) lane[l] += lane[l + half];
    return lane[0];
}

#define DEFINE_SUM(name, element, body)                                                                      \
    static double name(int64_t count, const element *a, const element *b)                                    \
    {                                                                                                        \
        tree_sum tree = {.blocks = 0};                                                                       \
        for (int64_t first = 0; first < count; first += BLOCK) {                                             \
            int64_t end = ll_min_int64(first + BLOCK, count);                                                \
            double lane[LANES] = {0};                                                                        \
            int64_t i = first;                                                                               \
            for (; i + LANES <= end; i += LANES)                                                             \
                for (int l = 0; l < LANES; l++) {                                                            \
                    double x = (double)a[i + l], y = (double)b[i + l];                                       \
                    (void)y;                                                                                 \
                    lane[l] += (body);                                                                       \
                }                                                                                            \
            for (int l = 0; i < end; i++, l++) {                                                             \
                double x = (double)a[i], y = (double)b[i];                                                   \
                (void)y;                                                                                     \
                lane[l] += (body);                                                                           \
            }                                                                                                \
            tree_add(&tree, lanes_value(lane));                                                              \
        }                                                                                                    \
        return tree_value(&tree);                                                                            \
    }
DEFINE_SUM(dot_float, float, x *y)
DEFINE_SUM(dot_double, double, x *y)
DEFINE_SUM(abs_float, float, fabs(x))
DEFINE_SUM(abs_double, double, fabs(x))
#undef DEFINE_SUM

/* Below this the question to the processor costs more than it saves. */
enum { WORTH_ASKING = 1024 };

static ll_cpu_level level_for(int64_t count)
{
    return count >= WORTH_ASKING ? ll_cpu_detect() : LL_CPU_PORTABLE;
}

static double dot_float_wide(ll_cpu_level level, int64_t count, const float *a, const float *b)
{
    tree_sum tree = {.blocks = 0};
    for (int64_t first = 0; first < count; first += BLOCK) {
        int64_t end = ll_min_int64(first + BLOCK, count), groups = (end - first) / LANES,
                i = first + groups * LANES;
        double lane[LANES] = {0};
        (level >= LL_CPU_AVX512 ? vectors_dot_lanes_avx512 : vectors_dot_lanes_avx2)(groups, a + first,
                                                                                     b + first, lane);
        for (int l = 0; i < end; i++, l++) lane[l] += (double)a[i] * (double)b[i];
        tree_add(&tree, lanes_value(lane));
    }
    return tree_value(&tree);
}

double ll_vector_dot(ll_real type, int64_t count, const void *a, const void *b)
{
    ll_cpu_level level = type == LL_REAL_FLOAT32 ? level_for(count) : LL_CPU_PORTABLE;
    if (level >= LL_CPU_AVX2) return dot_float_wide(level, count, a, b);
    return type == LL_REAL_FLOAT32 ? dot_float(count, a, b) : dot_double(count, a, b);
}

double ll_vector_norm(ll_real type, int64_t count, const void *a)
{
    return sqrt(ll_vector_dot(type, count, a, a));
}

double ll_vector_abs_sum(ll_real type, int64_t count, const void *a)
{
    return type == LL_REAL_FLOAT32 ? abs_float(count, a, a) : abs_double(count, a, a);
}

double ll_vector_get(ll_real type, const void *a, int64_t i)
{
    return type == LL_REAL_FLOAT32 ? (double)((const float *)a)[i] : ((const double *)a)[i];
}

/* Independent lanes that the compiler keeps in vectors; NaN if any element is NaN. */
#define DEFINE_MAX(name, element, absolute)                                                                  \
    static double name(int64_t count, const element *a)                                                      \
    {                                                                                                        \
        element lane[LANES] = {0}, largest = 0;                                                              \
        int64_t i = 0;                                                                                       \
        int nan = 0;                                                                                         \
        for (; i + LANES <= count; i += LANES)                                                               \
            for (int l = 0; l < LANES; l++) {                                                                \
                element x = absolute(a[i + l]);                                                              \
                nan |= x != x;                                                                               \
                lane[l] = x > lane[l] ? x : lane[l];                                                         \
            }                                                                                                \
        for (int l = 0; l < LANES; l++) largest = lane[l] > largest ? lane[l] : largest;                     \
        for (; i < count; i++) {                                                                             \
            element x = absolute(a[i]);                                                                      \
            nan |= x != x;                                                                                   \
            largest = x > largest ? x : largest;                                                             \
        }                                                                                                    \
        return nan ? (double)NAN : (double)largest;                                                          \
    }
DEFINE_MAX(max_float, float, fabsf)
DEFINE_MAX(max_double, double, fabs)
#undef DEFINE_MAX

double ll_vector_max_abs(ll_real type, int64_t count, const void *a)
{
    return type == LL_REAL_FLOAT32 ? max_float(count, a) : max_double(count, a);
}

void ll_vector_copy(ll_real type, int64_t count, const void *from, void *to)
{
    memmove(to, from, (size_t)count * ll_real_bytes(type));
}

void ll_vector_scale(ll_real type, int64_t count, double factor, void *a)
{
    if (type == LL_REAL_FLOAT32) {
        float *x = a;
        for (int64_t i = 0; i < count; i++) x[i] = (float)(factor * (double)x[i]);
    } else {
        double *x = a;
        for (int64_t i = 0; i < count; i++) x[i] *= factor;
    }
}

void ll_vector_add(ll_real type, int64_t count, double factor, const void *x, void *y)
{
    ll_cpu_level level = type == LL_REAL_FLOAT32 ? level_for(count) : LL_CPU_PORTABLE;
    if (level >= LL_CPU_AVX2) {
        (level >= LL_CPU_AVX512 ? vectors_add_avx512 : vectors_add_avx2)(count, factor, x, y);
    } else if (type == LL_REAL_FLOAT32) {
        const float *from = x;
        float *to = y;
        for (int64_t i = 0; i < count; i++) to[i] = (float)((double)to[i] + factor * (double)from[i]);
    } else {
        const double *from = x;
        double *to = y;
        for (int64_t i = 0; i < count; i++) to[i] += factor * from[i];
    }
}

/* Tiles of the result stay in L1 while the directions stream by. */
enum { TILE = 512 };

#define DEFINE_COMBINE(name, element)                                                                        \
    static void name(int64_t count, const element *origin, int directions, const void *const *direction,     \
                     const double *coefficients, element *result)                                            \
    {                                                                                                        \
        double tile[TILE];                                                                                   \
        for (int64_t first = 0; first < count; first += TILE) {                                              \
            int64_t width = ll_min_int64(TILE, count - first);                                               \
            for (int64_t i = 0; i < width; i++) tile[i] = (double)origin[first + i];                         \
            for (int d = 0; d < directions; d++) {                                                           \
                const element *from = (const element *)direction[d] + first;                                 \
                double factor = coefficients[d];                                                             \
                for (int64_t i = 0; i < width; i++) tile[i] += factor * (double)from[i];                     \
            }                                                                                                \
            for (int64_t i = 0; i < width; i++) result[first + i] = (element)tile[i];                        \
        }                                                                                                    \
    }
DEFINE_COMBINE(combine_float, float)
DEFINE_COMBINE(combine_double, double)
#undef DEFINE_COMBINE

void ll_vector_combine(ll_real type, int64_t count, const void *origin, int directions,
                       const void *const *direction, const double *coefficients, void *result)
{
    if (type == LL_REAL_FLOAT32) combine_float(count, origin, directions, direction, coefficients, result);
    else combine_double(count, origin, directions, direction, coefficients, result);
}

void ll_vector_to_double(ll_real type, int64_t count, const void *from, double *to)
{
    if (type == LL_REAL_FLOAT64) {
        memmove(to, from, (size_t)count * sizeof *to);
        return;
    }
    const float *x = from;
    for (int64_t i = 0; i < count; i++) to[i] = (double)x[i];
}

void ll_vector_from_double(ll_real type, int64_t count, const double *from, void *to)
{
    if (type == LL_REAL_FLOAT64) {
        memmove(to, from, (size_t)count * sizeof *from);
        return;
    }
    float *x = to;
    for (int64_t i = 0; i < count; i++) x[i] = (float)from[i];
}
