/* Any bytes as a study file: opened for reading, and read through as far as it goes. */
#define _POSIX_C_SOURCE 200809L
#include "losslens/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_through(ll_store *store)
{
    ll_store_listing listing;
    if (ll_store_list(store, &(ll_store_filter){.unwanted = true}, &listing, NULL) != LL_OK) return;
    for (int64_t i = 0; i < listing.count && i < 8; i++) {
        ll_record *record = NULL;
        ll_store_sink *sink = NULL;
        ll_store_fields fields;
        int64_t id = listing.rows[i].id;
        if (ll_store_read_record(store, id, &record, NULL) == LL_OK) ll_record_destroy(record);
        if (ll_store_list_fields(store, id, &fields, NULL) == LL_OK) ll_store_fields_deinit(&fields);
        if (ll_store_sink_create(store, id, NULL, &sink, NULL) == LL_OK) {
            void *bytes;
            size_t count;
            if (ll_sink_find(ll_store_sink_view(sink), "tile/0", &bytes, &count)) ll_free(bytes);
            ll_store_sink_destroy(sink);
        }
    }
    ll_store_listing_deinit(&listing);
    (void)!ll_store_verify(store, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *folder = getenv("TMPDIR");
    char path[512], beside[520];
    snprintf(path, sizeof path, "%s/losslens_fuzz_%ld.db", folder != NULL ? folder : "/tmp", (long)getpid());
    FILE *file = fopen(path, "wb");
    if (file == NULL) return 0;
    bool written = fwrite(data, 1, size, file) == size;
    ll_store *store = NULL;
    if (fclose(file) == 0 && written && ll_store_open(path, NULL, &store, NULL) == LL_OK) {
        read_through(store);
        ll_store_destroy(store);
    }
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    for (int i = 0; i < 4; i++) {
        snprintf(beside, sizeof beside, "%s%s", path, suffixes[i]);
        (void)remove(beside);
    }
    return 0;
}
