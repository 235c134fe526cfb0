#include "losslens/records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ll_record *record;
    if (ll_record_from_bytes(data, size, &record, NULL) != LL_OK) return 0;
    void *bytes;
    size_t count;
    if (ll_record_to_bytes(record, &bytes, &count, NULL) == LL_OK) ll_free(bytes);
    ll_record_destroy(record);
    return 0;
}
