#define _POSIX_C_SOURCE 200809L
#include "losslens/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

double ll_clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void ll_log_line(const ll_log *log, ll_log_level level, const char *format, ...)
{
    if (log == NULL || log->write == NULL || level > log->level) return;
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    log->write(log->context, level, line);
}

static const char *const level_names[] = {"portable", "avx2", "avx512"};

const char *ll_cpu_level_name(ll_cpu_level level) { return level_names[level]; }

ll_cpu_level ll_cpu_detect(void)
{
    ll_cpu_level level = LL_CPU_PORTABLE;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        level = LL_CPU_AVX2;
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
            __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")) {
            level = LL_CPU_AVX512;
        }
    }
#endif
    const char *asked = getenv("LOSSLENS_CPU");
    for (int each = LL_CPU_PORTABLE; asked != NULL && each < (int)level; each++) {
        if (strcmp(asked, level_names[each]) == 0) level = (ll_cpu_level)each;
    }
    return level;
}
