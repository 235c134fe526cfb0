/* What the fuzzers of field files share: any bytes must give a field whose every value can be read, or a failure
 * that says why. */
#ifndef LOSSLENS_FUZZ_FORMATS_FIELD_H
#define LOSSLENS_FUZZ_FORMATS_FIELD_H

#include "losslens/formats_fields.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef ll_status (*field_reader)(const void *bytes, size_t size, const char *place,
                                  const ll_field_read_options *options, ll_field_data *field,
                                  ll_error *error);

static inline void touch_field(field_reader read, const uint8_t *data, size_t size)
{
    ll_format_limits limits = ll_format_limits_default();
    limits.unpacked_bytes = (uint64_t)1 << 26;
    const ll_field_read_options options = {.limits = &limits};
    ll_field_data field = {0};
    ll_error error = {0};
    if (read(data, size, "input", &options, &field, &error) != LL_OK) {
        if (error.message[0] == 0) abort();
        return;
    }
    double sum = 0.0;
    for (int64_t i = 0; i < field.count; i++) sum += ll_field_data_value(&field, i);
    for (int64_t i = 0; field.points != NULL && i < field.count * field.dimension; i++)
        sum += field.points[i];
    for (int64_t i = 0; i < 2 * field.edge_count; i++) sum += (double)field.edges[i];
    for (int k = 0; k < field.rank; k++) {
        for (int64_t i = 0; field.axes[k] != NULL && i < field.shape[k]; i++) sum += field.axes[k][i];
    }
    volatile double keep = sum;
    (void)keep;
    ll_field_data_deinit(&field);
}

#endif
