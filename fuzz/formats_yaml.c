#include "formats_tensors.h"

static void touch(const ll_value *value)
{
    for (int64_t i = 0; i < value->count; i++) {
        if (value->type == LL_VALUE_MAP && ll_value_get(value, value->keys[i].text) != &value->items[i])
            abort();
        touch(&value->items[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ll_document *document;
    if (ll_document_parse(data, size, "fuzz", NULL, &document, NULL) == LL_OK) {
        touch(ll_document_root(document));
        ll_document_destroy(document);
    }
    return 0;
}
