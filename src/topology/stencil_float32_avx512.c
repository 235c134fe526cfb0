/* The stencil pass for float32, 16 lanes. */
#define REAL float
#define REAL_BITS 32
#define LANES 16
#define STENCIL_FUNCTION topology_row_float32_avx512
#include "topology/stencil_avx512.h"
#include "topology/stencil_lanes.h"
