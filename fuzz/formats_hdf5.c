/* HDF5 surface files as a field. */
#include "formats_field.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    touch_field(ll_hdf5_field_parse, data, size);
    return 0;
}
