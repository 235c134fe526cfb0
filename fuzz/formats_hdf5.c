/* HDF5 surface files as a field: any bytes must give a field whose every value can be read, or a failure. */
#include "losslens/formats_fields.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ll_format_limits limits = ll_format_limits_default();
    limits.unpacked_bytes = (uint64_t)1 << 26;
    const ll_field_read_options options = {.limits = &limits};
    ll_field_data field = {0};
    ll_error error = {0};
    if (ll_hdf5_field_parse(data, size, "input", &options, &field, &error) != LL_OK) {
        if (error.message[0] == 0) __builtin_trap(); /* a failure says why */
        return 0;
    }
    double sum = 0.0;
    for (int64_t i = 0; i < field.count; i++) sum += ll_field_data_value(&field, i);
    for (int64_t i = 0; field.points != NULL && i < field.count * field.dimension; i++) sum += field.points[i];
    for (int64_t i = 0; i < 2 * field.edge_count; i++) sum += (double)field.edges[i];
    for (int k = 0; k < field.rank; k++) {
        for (int64_t i = 0; field.axes[k] != NULL && i < field.shape[k]; i++) sum += field.axes[k][i];
    }
    volatile double keep = sum;
    (void)keep;
    ll_field_data_deinit(&field);
    return 0;
}
