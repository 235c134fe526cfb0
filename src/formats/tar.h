/* Tar archives (POSIX ustar), read in place. Private to the module. */
#ifndef LOSSLENS_FORMATS_TAR_H
#define LOSSLENS_FORMATS_TAR_H

#include "formats/internal.h"

typedef struct ll_tar {
    const uint8_t *bytes;
    size_t size, at;
    int64_t left; /* entries that may still come */
} ll_tar;

typedef struct ll_tar_entry {
    char name[256];
    const uint8_t *bytes;
    size_t size;
} ll_tar_entry;

bool ll_tar_detect(const uint8_t *bytes, size_t size);
void ll_tar_begin(ll_tar *tar, const uint8_t *bytes, size_t size, const ll_format_limits *limits);
/* The next regular file; *done at the end. Folders, links and the like are passed over. */
ll_status ll_tar_next(ll_tar *tar, const char *place, ll_tar_entry *entry, bool *done, ll_error *error);

#endif
