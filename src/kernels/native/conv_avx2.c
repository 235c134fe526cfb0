#include "kernels/native/conv_core.h"
