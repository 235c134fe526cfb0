/* Arrays of VTK XML files: ascii, base64, raw; whole or in zlib blocks. Private to the module. */
#ifndef LOSSLENS_FORMATS_VTK_BINARY_H
#define LOSSLENS_FORMATS_VTK_BINARY_H

#include "field_support.h"

typedef enum ll_vtk_encoding { LL_VTK_ASCII, LL_VTK_BASE64, LL_VTK_RAW } ll_vtk_encoding;

typedef struct ll_vtk_array {
    const uint8_t *bytes; /* where the encoded data begins */
    size_t size;          /* bytes from there that may belong to it */
    ll_vtk_encoding encoding;
    bool compressed, big_endian;
    int header_bytes;    /* 4 or 8: the size of the lengths in front of binary data */
    ll_tensor_type type; /* of the numbers */
} ll_vtk_array;

/* Exactly `count` numbers as doubles, or as 64-bit integers (the type must then be an integer; ascii text must
 * hold integers). *values is from ll_allocate. */
ll_status ll_vtk_array_doubles(const ll_vtk_array *array, int64_t count, ll_budget *budget, const char *place,
                               double **values, ll_error *error);
ll_status ll_vtk_array_integers(const ll_vtk_array *array, int64_t count, ll_budget *budget,
                                const char *place, int64_t **values, ll_error *error);
/* Exactly `count` numbers in their own type and the machine's byte order; not for ascii. */
ll_status ll_vtk_array_bytes(const ll_vtk_array *array, int64_t count, ll_budget *budget, const char *place,
                             void **values, ll_error *error);

#endif
