/* Any bytes as a network written in blocks: built for small images as far as it goes. */
#include "losslens/formats.h"
#include "losslens/networks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ll_document *document;
    if (ll_document_parse(data, size, "fuzz", NULL, &document, NULL) != LL_OK) return 0;
    ll_model *model;
    const ll_network_options options = {
        .network = "blocks", .blocks = document, .dtype = LL_F32, .input_shape = {3, 8, 8}, .classes = 4};
    ll_error error = {0};
    if (ll_network_create(&options, &model, &error) == LL_OK) ll_model_destroy(model);
    ll_document_destroy(document);
    return 0;
}
