/* The stencil pass for float64, 8 lanes. */
#define REAL double
#define REAL_BITS 64
#define LANES 8
#define STENCIL_FUNCTION topology_row_float64_avx512
#include "topology/stencil_avx512.h"
#include "topology/stencil_lanes.h"
