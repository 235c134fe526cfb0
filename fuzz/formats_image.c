#include "formats_tensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ll_format_limits limits = ll_format_limits_default();
    limits.image_pixels = 1 << 18;
    ll_image image;
    if (ll_image_decode(data, size, "fuzz", &limits, &image, NULL) == LL_OK) {
        if (image.channels * image.height * image.width <= 0) abort();
        ll_image_deinit(&image);
    }
    return 0;
}
