/* The stencil pass for float32, 8 lanes. */
#define REAL float
#define REAL_BITS 32
#define LANES 8
#define STENCIL_FUNCTION topology_row_float32_avx2
#include "topology/stencil_generic.h"
#include "topology/stencil_lanes.h"
