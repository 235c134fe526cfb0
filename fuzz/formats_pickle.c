/* One pickle, read plain, in PyTorch's zip and in its legacy container, with storages beside it. */
#include "formats_tensors.h"

#include "formats/zip.h"

/* The magic number, the protocol and an empty system dictionary, each a pickle. */
static const char legacy_head[] = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
                                  "\x80\x02M\xe9\x03."
                                  "\x80\x02}.";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t storage[256];
    for (size_t i = 0; i < sizeof storage; i++) storage[i] = (uint8_t)i;
    touch_tensors(data, size);

    ll_text bytes = {0};
    ll_zip_writer writer;
    ll_zip_begin(&writer, &bytes);
    if (ll_zip_add(&writer, "a/data.pkl", data, size, false, NULL) == LL_OK &&
        ll_zip_add(&writer, "a/data/0", storage, sizeof storage, false, NULL) == LL_OK &&
        ll_zip_add(&writer, "a/data/1", storage, 40, true, NULL) == LL_OK &&
        ll_zip_finish(&writer, NULL) == LL_OK) {
        touch_tensors((const uint8_t *)bytes.text, bytes.length);
    }
    bytes.length = 0;
    ll_text_append_bytes(&bytes, legacy_head, sizeof legacy_head - 1);
    ll_text_append_bytes(&bytes, data, size);
    ll_text_append_bytes(&bytes, storage, sizeof storage);
    if (!bytes.failed) touch_tensors((const uint8_t *)bytes.text, bytes.length);
    ll_text_deinit(&bytes);
    return 0;
}
