#include "kernels/native/winograd_core.h"
