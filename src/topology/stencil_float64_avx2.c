/* The stencil pass for float64, 4 lanes. */
#define REAL double
#define REAL_BITS 64
#define LANES 4
#define STENCIL_FUNCTION topology_row_float64_avx2
#include "topology/stencil_generic.h"
#include "topology/stencil_lanes.h"
