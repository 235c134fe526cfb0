/* The stencil pass for float64, 2 lanes. */
#define REAL double
#define REAL_BITS 64
#define LANES 2
#define STENCIL_FUNCTION topology_row_float64_portable
#include "topology/stencil_generic.h"
#include "topology/stencil_lanes.h"
