/* Runs of bytes as rows: at most 16 MiB each, packed with zlib only where that saves 20 %. */
#include "store/internal.h"

#include <string.h>
#include <zlib.h>

enum { SAMPLE_BYTES = 16384, SAMPLES = 4, LEVEL = 1, LEAST_BYTES = 256 };

/* Numbers of a float array hardly pack: four samples tell before the whole is tried. */
static bool worth_trying(const unsigned char *bytes, size_t count)
{
    if (count < LEAST_BYTES) return false;
    if (count <= (size_t)SAMPLES * SAMPLE_BYTES) return true;
    unsigned char packed[SAMPLE_BYTES + 512]; /* compressBound(16384) is 16,397 */
    size_t total = 0;
    for (size_t i = 0; i < SAMPLES; i++) {
        uLongf length = sizeof packed;
        if (compress2(packed, &length, bytes + (count - SAMPLE_BYTES) / (SAMPLES - 1) * i, SAMPLE_BYTES,
                      LEVEL) != Z_OK)
            return false;
        total += length;
    }
    return total <= (size_t)SAMPLES * SAMPLE_BYTES / 10 * 9;
}

ll_status ll_blobs_write(ll_store *store, sqlite3_stmt *insert, int64_t owner, const char *label,
                         const void *bytes, size_t count, ll_error *error)
{
    const unsigned char *next = bytes;
    int64_t parts = (int64_t)((count + LL_STORE_BLOB_BYTES - 1) / LL_STORE_BLOB_BYTES);
    if (parts == 0) parts = 1; /* an empty piece is a piece */
    for (int64_t part = 0; part < parts; part++) {
        size_t left = count - (size_t)part * LL_STORE_BLOB_BYTES;
        size_t size = left < LL_STORE_BLOB_BYTES ? left : LL_STORE_BLOB_BYTES;
        unsigned char *packed = NULL;
        uLongf length = compressBound((uLong)size);
        if (worth_trying(next, size)) {
            packed = ll_allocate(length);
            if (packed == NULL) return ll_fail_memory(error, "store", length);
            if (compress2(packed, &length, next, (uLong)size, LEVEL) != Z_OK || length > size / 5 * 4) {
                ll_free(packed);
                packed = NULL;
            }
        }
        ll_status status =
            ll_sql_bind(store, insert, error, "itiiiib", owner, label, part, parts, (int64_t)size,
                        (int64_t)(packed != NULL), packed != NULL ? (const void *)packed : (const void *)next,
                        packed != NULL ? (size_t)length : size);
        if (status == LL_OK) status = ll_sql_done(store, insert, error);
        sqlite3_clear_bindings(insert);
        ll_free(packed);
        if (status != LL_OK) return status;
        if (size > 0) next += size;
    }
    return LL_OK;
}

ll_status ll_blobs_read(ll_store *store, sqlite3_stmt *select, int owners, const char *what, void *bytes,
                        size_t count, ll_error *error)
{
    unsigned char *next = bytes;
    size_t left = count;
    int64_t part = 0, parts = 1;
    bool row;
    for (;; part++) {
        LL_TRY(ll_sql_step(store, select, &row, error));
        if (!row) break;
        bool good = ll_sql_row_is_whole(select, owners + 5);
        parts = sqlite3_column_int64(select, owners + 1);
        int64_t size = sqlite3_column_int64(select, owners + 2);
        const void *data = sqlite3_column_blob(select, owners + 4);
        int length = sqlite3_column_bytes(select, owners + 4);
        good = good && sqlite3_column_int64(select, owners) == part && size >= 0 && (uint64_t)size <= left &&
               (data != NULL || length == 0);
        uLongf unpacked = (uLongf)size;
        if (good && sqlite3_column_int(select, owners + 3) != 0)
            good = uncompress(next, &unpacked, data, (uLong)length) == Z_OK && unpacked == (uLongf)size;
        else if (good && (good = length == size) && size > 0) memcpy(next, data, (size_t)size);
        if (!good)
            return ll_fail(error, LL_INVALID_FILE, "store", store->path,
                           "the study file is damaged: part %lld of %s has a wrong checksum or size",
                           (long long)part, what);
        next += size;
        left -= (size_t)size;
    }
    if (part != parts || left != 0)
        return ll_fail(error, LL_INVALID_FILE, "store", store->path,
                       "the study file is damaged: got %lld parts of %s, wanted %lld, with %zu bytes missing",
                       (long long)part, what, (long long)parts, left);
    return LL_OK;
}
