#define _POSIX_C_SOURCE 200809L
#include "losslens/formats.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

ll_status ll_file_map(const char *path, ll_file_bytes *file, ll_error *error)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        ll_status status = errno == ENOENT ? LL_NOT_FOUND : LL_IO;
        return ll_fail(error, status, "formats", path, "cannot open: %s", strerror(errno));
    }
    struct stat state;
    ll_status status = LL_OK;
    ll_file_bytes result = {0};
    if (fstat(descriptor, &state) != 0) {
        status = ll_fail(error, LL_IO, "formats", path, "cannot examine: %s", strerror(errno));
    } else if (S_ISDIR(state.st_mode)) {
        status = ll_fail(error, LL_INVALID_ARGUMENT, "formats", path, "this is a folder; a file is wanted");
    } else if (!S_ISREG(state.st_mode)) {
        status = ll_fail(error, LL_INVALID_ARGUMENT, "formats", path, "this is not a regular file");
    } else if (state.st_size == 0) {
        result.bytes = (const uint8_t *)"";
    } else {
        result.size = (size_t)state.st_size;
        result.mapping = mmap(NULL, result.size, PROT_READ, MAP_PRIVATE, descriptor, 0);
        if (result.mapping == MAP_FAILED) {
            status = ll_fail(error, LL_IO, "formats", path, "cannot map %zu bytes: %s", result.size,
                             strerror(errno));
        } else {
            result.bytes = result.mapping;
        }
    }
    close(descriptor);
    if (status == LL_OK) *file = result;
    return status;
}

void ll_file_unmap(ll_file_bytes *file)
{
    if (file->mapping != NULL) munmap(file->mapping, file->size);
    *file = (ll_file_bytes){0};
}

static bool write_all(int descriptor, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(descriptor, bytes, size < ((size_t)1 << 30) ? size : (size_t)1 << 30);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        bytes += written;
        size -= (size_t)written;
    }
    return true;
}

ll_status ll_file_write(const char *path, const void *bytes, size_t size, ll_error *error)
{
    ll_text temporary = {0};
    ll_text_format(&temporary, "%s.%ld.partial", path, (long)getpid());
    if (temporary.failed) {
        ll_text_deinit(&temporary);
        return ll_fail_memory(error, "formats", strlen(path) + 32);
    }
    int descriptor = open(temporary.text, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool good = descriptor >= 0 && write_all(descriptor, bytes, size) && fsync(descriptor) == 0;
    int reason = errno;
    if (descriptor >= 0 && close(descriptor) != 0 && good) {
        good = false;
        reason = errno;
    }
    if (good && rename(temporary.text, path) != 0) {
        good = false;
        reason = errno;
    }
    if (!good && descriptor >= 0) unlink(temporary.text);
    ll_text_deinit(&temporary);
    if (good) return LL_OK;
    return ll_fail(error, LL_IO, "formats", path, "cannot write %zu bytes: %s", size, strerror(reason));
}
