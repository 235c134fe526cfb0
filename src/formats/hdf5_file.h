/* A reader of the part of HDF5 that surface files use, after the HDF5 File Format Specification 3.0: groups by
 * symbol table or compact links, datasets of integers and IEEE numbers, contiguous, compact or in chunks behind
 * a version-1 B-tree, filters deflate, shuffle and Fletcher. It replaces the HDF5 library, which keeps global
 * state, loads plug-ins, follows links into other files, and was not written for hostile input. Whatever is
 * beyond this part is refused by name. Private to the module. */
#ifndef LOSSLENS_FORMATS_HDF5_FILE_H
#define LOSSLENS_FORMATS_HDF5_FILE_H

#include "field_support.h"

enum { LL_HDF5_LINKS = 256, LL_HDF5_NAME = 64 };

typedef struct ll_hdf5_link {
    char name[LL_HDF5_NAME];
    uint64_t address; /* of the object's header; UINT64_MAX: a soft or external link, which is not followed */
} ll_hdf5_link;

typedef struct ll_hdf5_file {
    const uint8_t *bytes;
    size_t size;
    const char *place;
    ll_error *error;
    ll_budget budget;
    int64_t visited;                   /* nodes and blocks: stops cycles */
    ll_hdf5_link links[LL_HDF5_LINKS]; /* of the root group */
    int link_count;
} ll_hdf5_file;

ll_status ll_hdf5_open(ll_hdf5_file *file);

typedef struct ll_hdf5_dataset {
    int rank; /* 0: one number */
    int64_t shape[LL_TENSOR_MAX_RANK];
    ll_tensor_type type;
    double *values; /* as doubles; from ll_allocate */
} ll_hdf5_dataset;
/* LL_NOT_FOUND (without a message) if the object is a group and not a dataset. */
ll_status ll_hdf5_read(ll_hdf5_file *file, const ll_hdf5_link *link, ll_hdf5_dataset *dataset);

#endif
