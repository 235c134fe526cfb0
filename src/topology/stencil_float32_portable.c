/* The stencil pass for float32, 4 lanes. */
#define REAL float
#define REAL_BITS 32
#define LANES 4
#define STENCIL_FUNCTION topology_row_float32_portable
#include "topology/stencil_generic.h"
#include "topology/stencil_lanes.h"
