/* losslens/data_download.h - fetching data sets that have a public address.
 *
 * Nothing is fetched unless it is asked for. A file comes under a name of its own (FILE.part), which a later
 * call continues; it gets its name when its size and checksum are right. What is published with the data sets
 * is MD5: it tells a damaged file, not a forged one.
 */
#ifndef LOSSLENS_DATA_DOWNLOAD_H
#define LOSSLENS_DATA_DOWNLOAD_H

#include "losslens/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ll_remote_file {
    const char *set;     /* "cifar10" */
    const char *file;    /* "cifar-10-binary.tar.gz" */
    const char *address; /* of the folder it is in, without a slash at the end */
    const char *md5;     /* 32 hexadecimal digits */
    int64_t bytes;
} ll_remote_file;
/* The files of all known data sets; NULL past the end. */
LL_API const ll_remote_file *ll_remote_file_at(int64_t index);

/* Where data sets are kept by name: $LOSSLENS_DATA, else $XDG_DATA_HOME/losslens, else
 * $HOME/.local/share/losslens. LL_NOT_FOUND when none of these is set, LL_TOO_LARGE when it does not fit. */
LL_API ll_status ll_data_folder(char *path, size_t capacity, ll_error *error) LL_MUST_CHECK;

typedef struct ll_download_options { /* zero-initialise */
    const char *folder;              /* files go to folder/FILE; made where it is missing */
    const char *from; /* http, https or file address that has the files, instead of their own */
    /* Called now and then with the bytes that are there and those that there will be; false stops
     * (LL_CANCELLED, what is there stays). May be NULL. */
    bool (*progress)(void *context, const char *file, int64_t done, int64_t all);
    void *context;
} ll_download_options;
/* One file. A complete one of the right checksum is left alone. LL_IO: the network's or the disk's reason,
 * and where the file can be put by hand; LL_INVALID_FILE: another size or checksum (what came is removed).
 * Blocks; any thread. */
LL_API ll_status ll_download(const ll_remote_file *file, const ll_download_options *options,
                             ll_error *error) LL_MUST_CHECK;

/* MD5 (RFC 1321) of a file as 32 hexadecimal digits. */
LL_API ll_status ll_file_md5(const char *path, char text[33], ll_error *error) LL_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
