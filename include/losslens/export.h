/* losslens/export.h - records as files that other programs read: NPZ, JSON, CSV, VTI, VTP, PLY.
 *
 *  - npz: every array under its name, numbers as arrays of rank 0, texts as uint8 arrays of their UTF-8 bytes; exact.
 *  - json: {"kind": ..., "schema": ..., "fields": {name: {"unit": ..., "value": ...}}}; arrays nested by shape; numbers are
 *    the shortest that read back; NaN and infinities, which JSON lacks, are null.
 *  - csv: the long table `field,unit,index,value`: one line a number; the index is "" for a number, "3;14" in an array.
 *  - vti: a field of 1 to 3 axes as VTK image data; ply: a field of 2 axes as a surface (x, y, value), two triangles a
 *    cell, cells with a value that is not finite left out.
 *  - vtp: VTK poly data. A field of 2 axes: that surface with every field on the same axes as point data, and the
 *    trajectory on it as lines, its points numbered by the array "checkpoint" (-1: of the surface); a field of 1 axis: the
 *    polyline (x, value). A topology: its merge tree as lines, its nodes and critical points as vertices at (x, value),
 *    (x, y, value) or (x, y, z), with "value", "vertex", "kind" (critical_kind; -1: none), "node" and "persistence".
 */
#ifndef LOSSLENS_EXPORT_H
#define LOSSLENS_EXPORT_H

#include "losslens/records.h"

#ifdef __cplusplus
extern "C" {
#endif

#define LL_EXPORT_LIST(X)                                                                                    \
    X(NPZ, "npz") X(JSON, "json") X(CSV, "csv") X(VTI, "vti") X(VTP, "vtp") X(PLY, "ply")
typedef enum ll_export_format {
#define LL_EXPORT_ENUM(name, text) LL_EXPORT_##name,
    LL_EXPORT_LIST(LL_EXPORT_ENUM)
#undef LL_EXPORT_ENUM
        LL_EXPORT_FORMATS
} ll_export_format;
LL_API bool ll_export_format_parse(const char *name, ll_export_format *format);

/* Appends the file's bytes to `out`. field: which array is the scalar field (vti, vtp, ply; NULL: "loss", or the only
 * float array whose shape is that of axis_0, axis_1 ...); with npz, json and csv: that field alone (NULL: all).
 * Axes are the record's axis_k where they are there and fit, else 0, 1, 2 ... LL_NOT_FOUND: no such field.
 * LL_UNSUPPORTED: the field's rank, or axes that are not evenly spaced (vti), cannot be written in that format. */
LL_API ll_status ll_export_encode(const ll_record *record, ll_export_format format, const char *field,
                                  ll_text *out, ll_error *error) LL_MUST_CHECK;
/* The same into a file, whole or not at all. */
LL_API ll_status ll_export_write(const ll_record *record, ll_export_format format, const char *field,
                                 const char *path, ll_error *error) LL_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
