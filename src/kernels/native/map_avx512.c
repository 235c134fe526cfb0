#define LL_MAP_EXECUTE ll_map_execute_avx512
#include "kernels/native/map_core.h"
