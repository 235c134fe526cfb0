#define _POSIX_C_SOURCE 200809L

#include "file_sink.h"

#include "losslens/formats.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const program = "losslens";
static const char suffix[] = ".piece";

struct ll_file_sink {
    char *folder, *newest_only;
};

/* FOLDER/epoch_3.piece for "epoch/3". */
static char *path_of(const ll_file_sink *sink, const char *piece)
{
    ll_text path = {0};
    ll_text_format(&path, "%s/", sink->folder);
    for (const char *c = piece; *c != 0; c++) ll_text_append_bytes(&path, *c == '/' ? "_" : c, 1);
    ll_text_append(&path, suffix);
    char *copy = path.failed ? NULL : ll_text_copy(path.text);
    ll_text_deinit(&path);
    return copy;
}

static bool read_whole(const char *path, void **bytes, size_t *count)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) return false;
    unsigned char *read = NULL;
    long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    bool good = size >= 0 && fseek(file, 0, SEEK_SET) == 0 && (read = ll_allocate((size_t)size)) != NULL &&
                fread(read, 1, (size_t)size, file) == (size_t)size;
    fclose(file);
    if (!good) {
        ll_free(read);
        return false;
    }
    *bytes = read;
    *count = (size_t)size;
    return true;
}

static bool find(void *context, const char *piece, void **bytes, size_t *count)
{
    char *path = path_of(context, piece);
    bool found = path != NULL && read_whole(path, bytes, count);
    ll_free(path);
    return found;
}

/* The number at the end of "epoch/12" or "3/epoch/12", and where it begins; -1: another piece. */
static long long number_of(const ll_file_sink *sink, const char *piece, size_t *begins)
{
    const char *found = sink->newest_only != NULL ? strstr(piece, sink->newest_only) : NULL;
    if (found == NULL || (found != piece && found[-1] != '/')) return -1;
    const char *digits = found + strlen(sink->newest_only);
    char *end;
    long long number = strtoll(digits, &end, 10);
    *begins = (size_t)(digits - piece);
    return end != digits && *end == 0 && number >= 0 ? number : -1;
}

/* Removes all but the newest two of the pieces that replace one another. The last but one stays in case the newest was
 * written by a machine that then lost power. */
static void forget_old(const ll_file_sink *sink, const char *piece, size_t begins, long long newest)
{
    char prefix[64];
    if (begins >= sizeof prefix) return;
    for (size_t i = 0; i < begins; i++) prefix[i] = (char)(piece[i] == '/' ? '_' : piece[i]);
    long long second = -1;
    for (int pass = 0; pass < 2; pass++) {
        DIR *folder = opendir(sink->folder);
        if (folder == NULL) return;
        for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
            if (strncmp(entry->d_name, prefix, begins) != 0) continue;
            char *end;
            long long number = strtoll(entry->d_name + begins, &end, 10);
            if (strcmp(end, suffix) != 0 || end == entry->d_name + begins || number >= newest) continue;
            if (pass == 0 && number > second) second = number;
            if (pass == 1 && number < second) (void)unlinkat(dirfd(folder), entry->d_name, 0);
        }
        closedir(folder);
    }
}

static ll_status put(void *context, const char *piece, const void *bytes, size_t count, ll_error *error)
{
    const ll_file_sink *sink = context;
    char *path = path_of(sink, piece);
    if (path == NULL) return ll_fail_memory(error, program, count);
    ll_status status = ll_file_write(path, bytes, count, error);
    ll_free(path);
    size_t begins = 0;
    long long number = number_of(sink, piece, &begins);
    if (status == LL_OK && number >= 0) forget_old(sink, piece, begins, number);
    return status;
}

static ll_status check_identity(const ll_file_sink *sink, const char *identity, ll_error *error)
{
    ll_text path = {0};
    ll_text_format(&path, "%s/identity.txt", sink->folder);
    if (path.failed) return ll_fail_memory(error, program, 0);
    void *held = NULL;
    size_t count = 0;
    ll_status status = LL_OK;
    if (!read_whole(path.text, &held, &count))
        status = ll_file_write(path.text, identity, strlen(identity), error);
    else if (count != strlen(identity) || memcmp(held, identity, count) != 0)
        status = ll_fail(error, LL_INVALID_ARGUMENT, program, sink->folder,
                         "it holds pieces of other work; got \"%s\"; there is \"%.*s\": give another folder, "
                         "or remove this one",
                         identity, (int)count, (const char *)held);
    ll_free(held);
    ll_text_deinit(&path);
    return status;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* Files that a killed program left half written ("epoch_3.piece.1234.partial"), or all that is the sink's. */
static void clean(const char *path, bool everything)
{
    DIR *folder = opendir(path);
    if (folder == NULL) return;
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        const char *name = entry->d_name;
        bool half = ends_with(name, ".partial") &&
                    (strstr(name, ".piece.") != NULL || strncmp(name, "identity.txt.", 13) == 0);
        if (half || (everything && (ends_with(name, suffix) || strcmp(name, "identity.txt") == 0)))
            (void)unlinkat(dirfd(folder), name, 0);
    }
    closedir(folder);
}

ll_status ll_file_sink_create(const char *folder, const char *identity, const char *newest_only,
                              ll_file_sink **sink, ll_error *error)
{
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return ll_fail(error, LL_IO, program, folder, "cannot make the folder: %s", strerror(errno));
    ll_file_sink *made = ll_allocate_zeroed(sizeof *made);
    if (made == NULL) return ll_fail_memory(error, program, sizeof *made);
    made->folder = ll_text_copy(folder);
    made->newest_only = ll_text_copy(newest_only);
    ll_status status = made->folder == NULL || (newest_only != NULL && made->newest_only == NULL)
                           ? ll_fail_memory(error, program, 0)
                           : check_identity(made, identity, error);
    if (status != LL_OK) {
        ll_file_sink_destroy(made);
        return status;
    }
    clean(folder, false);
    *sink = made;
    return LL_OK;
}

void ll_file_sink_destroy(ll_file_sink *sink)
{
    if (sink == NULL) return;
    ll_free(sink->folder);
    ll_free(sink->newest_only);
    ll_free(sink);
}

ll_sink ll_file_sink_view(ll_file_sink *sink) { return (ll_sink){.context = sink, .find = find, .put = put}; }

void ll_file_sink_remove(const char *folder)
{
    clean(folder, true);
    (void)rmdir(folder);
}
