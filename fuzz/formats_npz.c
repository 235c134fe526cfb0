/* Raw archives; and, because a checksum stops most mutations of them, arrays inside a sound archive. */
#include "formats_tensors.h"

#include "formats/zip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    touch_tensors(data, size);
    ll_text archive = {0};
    ll_zip_writer writer;
    ll_zip_begin(&writer, &archive);
    if (ll_zip_add(&writer, "x.npy", data, size / 2, true, NULL) == LL_OK &&
        ll_zip_add(&writer, "y.npy", data + size / 2, size - size / 2, false, NULL) == LL_OK &&
        ll_zip_finish(&writer, NULL) == LL_OK) {
        touch_tensors((const uint8_t *)archive.text, archive.length);
    }
    ll_text_deinit(&archive);
    return 0;
}
