/* The vector functions against libm in long double, in units in the last place, over ordinary, large, tiny and special
 * arguments, on every instruction set; and the same bits at every place in a tile. */
#include "losslens/kernels_map.h"
#include "support_cmocka.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT = 1 << 15 };

typedef struct function {
    const char *name;
    ll_op op;
    long double (*exact)(long double);
    double low, high;            /* range of most arguments */
    double bound_f32, bound_f64; /* ulp */
} function;

static long double reciprocal(long double x) { return 1.0L / x; }

static const function functions[] = {
    {"exp", LL_OP_EXP, expl, -20, 20, 2, 2},
    {"expm1", LL_OP_EXPM1, expm1l, -3, 3, 2, 2.5},
    {"log", LL_OP_LOG, logl, 1e-6, 50, 2, 2},
    {"log1p", LL_OP_LOG1P, log1pl, -0.999, 5, 2, 2},
    {"tanh", LL_OP_TANH, tanhl, -4, 4, 2, 3},
    {"sin", LL_OP_SIN, sinl, -30, 30, 2, 2},
    {"cos", LL_OP_COS, cosl, -30, 30, 2, 2},
    {"erf", LL_OP_ERF, erfl, -4, 4, 2, 2},
    {"sqrt", LL_OP_SQRT, sqrtl, 0, 100, 0.51, 0.51},
    {"reciprocal", LL_OP_RECIPROCAL, reciprocal, -9, 9, 0.51, 0.51},
};

static double argument(const function *f, int64_t i)
{
    ll_rng rng = ll_rng_make(3, "math", f->name);
    double u = ll_rng_uniform(rng, (uint64_t)i);
    switch (i % 8) {
    case 0: { /* small ones, many magnitudes */
        double small = exp(-60.0 * u) * (f->low < 0 && i % 16 == 0 ? -1.0 : 1.0);
        return small < f->low ? f->low : small > f->high ? f->high : small;
    }
    case 1: return f->op == LL_OP_EXP ? -95.0 + 180.0 * u : f->low + (f->high - f->low) * u;
    default: return f->low + (f->high - f->low) * u;
    }
}

static ll_map_execute executor(int level)
{
    return level == LL_CPU_AVX512 ? ll_map_execute_avx512
           : level == LL_CPU_AVX2 ? ll_map_execute_avx2
                                  : ll_map_execute_portable;
}

static double ulps_f32(float got, long double wanted)
{
    float rounded = fabsf((float)wanted);
    float step = nextafterf(rounded, INFINITY) - rounded;
    return (double)(fabsl((long double)got - wanted) / (long double)step);
}

static double ulps_f64(double got, long double wanted)
{
    double rounded = fabs((double)wanted);
    double step = nextafter(rounded, INFINITY) - rounded;
    return (double)(fabsl((long double)got - wanted) / (long double)step);
}

static void test_accuracy(void **state)
{
    (void)state;
    float *x = ll_allocate_array(COUNT, 4), *y = ll_allocate_array(COUNT, 4);
    double *u = ll_allocate_array(COUNT, 8), *v = ll_allocate_array(COUNT, 8);
    for (size_t k = 0; k < sizeof functions / sizeof *functions; k++) {
        const function *f = &functions[k];
        for (int64_t i = 0; i < COUNT; i++) {
            u[i] = argument(f, i);
            x[i] = (float)u[i];
        }
        for (int level = LL_CPU_PORTABLE; level <= (int)ll_cpu_detect(); level++) {
            ll_map_instruction it = {
                .operation = (uint8_t)f->op, .type = LL_F32, .result_type = LL_F32, .out = 1};
            void *registers[2] = {x, y};
            executor(level)(&it, registers, COUNT);
            registers[0] = u;
            registers[1] = v;
            it.type = it.result_type = LL_F64;
            executor(level)(&it, registers, COUNT);
            double worst_f32 = 0, worst_f64 = 0;
            for (int64_t i = 0; i < COUNT; i++) {
                worst_f32 = fmax(worst_f32, ulps_f32(y[i], f->exact((long double)x[i])));
                worst_f64 = fmax(worst_f64, ulps_f64(v[i], f->exact((long double)u[i])));
            }
            if (level == (int)ll_cpu_detect())
                print_message("%-10s %s  float32 %.2f ulp  float64 %.2f ulp\n", f->name,
                              ll_cpu_level_name((ll_cpu_level)level), worst_f32, worst_f64);
            if (!(worst_f32 <= f->bound_f32 && worst_f64 <= f->bound_f64))
                fail_msg("%s at level %d: %g and %g ulp", f->name, level, worst_f32, worst_f64);
        }
    }
    ll_free(x);
    ll_free(y);
    ll_free(u);
    ll_free(v);
}

static void test_special(void **state)
{
    (void)state;
    static const double special[] = {0.0,    -0.0,   1.0,    -1.0,    INFINITY, -INFINITY, NAN,
                                     1e300,  -1e300, 1e-310, -1e-310, 88.8,     -104.5,    710.0,
                                     -746.0, 1e6,    1e9,    3e38,    -3e38,    1e-45};
    enum { SPECIAL = sizeof special / sizeof *special };
    float x[64], y[64];
    double u[64], v[64];
    for (int i = 0; i < 64; i++) {
        u[i] = special[i % SPECIAL];
        x[i] = (float)u[i];
    }
    for (size_t k = 0; k < sizeof functions / sizeof *functions; k++) {
        const function *f = &functions[k];
        for (int level = LL_CPU_PORTABLE; level <= (int)ll_cpu_detect(); level++) {
            ll_map_instruction it = {
                .operation = (uint8_t)f->op, .type = LL_F32, .result_type = LL_F32, .out = 1};
            void *registers[2] = {x, y};
            executor(level)(&it, registers, 64);
            registers[0] = u;
            registers[1] = v;
            it.type = it.result_type = LL_F64;
            executor(level)(&it, registers, 64);
            for (int i = 0; i < 64; i++) {
                float a = (float)f->exact((long double)x[i]);
                double b = (double)f->exact((long double)u[i]);
                bool same_f32 =
                    isnan(a) ? isnan(y[i]) : a == y[i] || fabsf(a - y[i]) <= 3e-7f * fabsf(a) + 2e-45f;
                bool same_f64 =
                    isnan(b) ? isnan(v[i]) : b == v[i] || fabs(b - v[i]) <= 1e-15 * fabs(b) + 1e-323;
                if (!same_f32)
                    fail_msg("%s(%g) is %g, wanted %g (float32)", f->name, (double)x[i], (double)y[i],
                             (double)a);
                if (!same_f64) fail_msg("%s(%g) is %g, wanted %g (float64)", f->name, u[i], v[i], b);
                assert_memory_equal(&y[i], &y[i % SPECIAL], 4);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_accuracy), cmocka_unit_test(test_special)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
