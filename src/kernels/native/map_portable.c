#define LL_MAP_EXECUTE ll_map_execute_portable
#include "kernels/native/map_core.h"
