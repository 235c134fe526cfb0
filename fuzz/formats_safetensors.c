#include "formats_tensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    touch_tensors(data, size);
    return 0;
}
