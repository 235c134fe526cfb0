#include "kernels/native/tanh.h"

#define LL_MAP_EXECUTE ll_map_execute_avx512
#define LL_MAP_TANH_F32 ll_tanh_f32_avx512
#include "kernels/native/map_core.h"
