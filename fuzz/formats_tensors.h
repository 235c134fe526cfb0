/* What the fuzzers of tensor files share: parse, then touch everything that a caller may touch. */
#ifndef LOSSLENS_FUZZ_FORMATS_TENSORS_H
#define LOSSLENS_FUZZ_FORMATS_TENSORS_H

#include "losslens/formats.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void touch_tensors(const uint8_t *data, size_t size)
{
    ll_format_limits limits = ll_format_limits_default();
    limits.unpacked_bytes = (uint64_t)64 << 20;
    limits.objects = 100000;
    limits.pickle_opcodes = 1000000;
    ll_tensor_file *file;
    ll_error error;
    if (ll_tensor_file_parse(data, size, "fuzz", &limits, &file, &error) != LL_OK) {
        if (error.message[0] == 0) abort(); /* a refusal without a reason */
        return;
    }
    for (int64_t i = 0; i < ll_tensor_file_count(file); i++) {
        const ll_tensor *tensor = ll_tensor_file_tensor(file, i);
        char text[64];
        ll_tensor_describe(tensor, text, sizeof text);
        int64_t count = ll_tensor_count(tensor);
        volatile double sum = 0;
        if (count > 0) sum = ll_tensor_get(tensor, 0) + ll_tensor_get(tensor, count - 1);
        (void)sum;
        if (ll_tensor_file_find(file, tensor->name) == NULL) abort();
    }
    for (int64_t i = 0; i < ll_tensor_file_scalar_count(file); i++) {
        if (ll_tensor_file_find_scalar(file, ll_tensor_file_scalar(file, i)->name) == NULL) abort();
    }
    ll_tensor_file_destroy(file);
}

#endif
