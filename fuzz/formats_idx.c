/* IDX, raw and inside gzip. */
#include "formats_tensors.h"

#include <zlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    touch_tensors(data, size);
    uLong bound = compressBound((uLong)size) + 64;
    uint8_t *packed = malloc(bound);
    z_stream stream = {0};
    if (packed != NULL &&
        deflateInit2(&stream, 1, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK) {
        stream.next_in = (z_const Bytef *)(uintptr_t)data;
        stream.avail_in = (uInt)size;
        stream.next_out = packed;
        stream.avail_out = (uInt)bound;
        if (deflate(&stream, Z_FINISH) == Z_STREAM_END) touch_tensors(packed, bound - stream.avail_out);
        deflateEnd(&stream);
    }
    free(packed);
    return 0;
}
