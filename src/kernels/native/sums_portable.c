#define LL_SUMS(name) ll_sum_##name##_portable
#include "kernels/native/sums_core.h"
