#define LL_SUMS(name) ll_sum_##name##_avx512
#include "kernels/native/sums_core.h"
