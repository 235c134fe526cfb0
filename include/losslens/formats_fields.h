/* losslens/formats_fields.h - files that hold a scalar field: on a regular grid, or on the points of a graph.
 *
 * Read: npy, npz (Landscaper's `loss` and `coordinates` among others), VTK XML image data, poly data and
 * unstructured grids (.vti, .vtp, .vtu), PLY, CSV, and the HDF5 surface files of Li et al.'s loss-landscape
 * code. The format is told by the first bytes, never by the file's name. As everywhere in formats, input is
 * hostile: every declared size is checked against the bytes that are there, and against the limits, before
 * anything is allocated; XML with a DTD or entities and HDF5 with external storage, virtual data sets or
 * filters other than deflate, shuffle and Fletcher's checksum are refused.
 * Written: VTI, VTU, VTP (ascii), PLY, CSV, JSON.
 */
#ifndef LOSSLENS_FORMATS_FIELDS_H
#define LOSSLENS_FORMATS_FIELDS_H

#include "losslens/formats.h"

#ifdef __cplusplus
extern "C" {
#endif

#define LL_FIELD_DATA_MAX_RANK 6

/* A field as it was in the file. It owns everything; end with ll_field_data_deinit. */
typedef struct ll_field_data {
    bool single;  /* values are float, else double (integers in the file become double) */
    void *values; /* count of them */
    int64_t count;
    char name[64];      /* of the array in the file; "" if it had none */
    const char *format; /* "npy", "npz", "vti", "vtu", "vtp", "ply", "csv", "hdf5"; a constant */

    /* On a grid: rank 1..LL_FIELD_DATA_MAX_RANK, C order (last axis fastest). On points: rank 0. */
    int rank;
    int64_t shape[LL_FIELD_DATA_MAX_RANK];
    double *axes[LL_FIELD_DATA_MAX_RANK]; /* shape[k] positions, or NULL: 0, 1, 2 ... */
    bool x_last; /* the last axis is the horizontal one (VTI, images); else the first is (npy, HDF5) */

    /* On points: coordinates (count x dimension) and the edges that the file's cells have. */
    int dimension;
    double *points; /* NULL for a grid */
    int64_t edge_count;
    int64_t *edges; /* 2 * edge_count vertex ids; duplicates possible; NULL: the file has no cells */
} ll_field_data;
LL_API void ll_field_data_deinit(ll_field_data *data);
static inline double ll_field_data_value(const ll_field_data *data, int64_t index)
{
    return data->single ? (double)((const float *)data->values)[index]
                        : ((const double *)data->values)[index];
}

typedef struct ll_field_read_options {
    const char *array; /* which array to take; NULL: the active, the best known, or the only one */
    const ll_format_limits *limits; /* NULL: the defaults */
} ll_field_read_options;

/* Reads a field from any of the formats. An array that is asked for but not there is LL_NOT_FOUND, with the
 * names of those that are; several arrays and no known name is LL_INVALID_ARGUMENT, with the names. Unit axes of
 * a VTI are dropped (its other axes keep z, y, x order, so that VTK's point ids are C order). A CSV file is a
 * matrix if it has no header and is not x, y, value; with a header (or with points that fill a grid) the
 * last column, or `array`, is the value and the others are coordinates. options NULL: the defaults. */
LL_API ll_status ll_field_file_read(const char *path, const ll_field_read_options *options,
                                    ll_field_data *data, ll_error *error) LL_MUST_CHECK;
/* The same from memory; `place` names it in messages. */
LL_API ll_status ll_field_parse(const void *bytes, size_t size, const char *place,
                                const ll_field_read_options *options, ll_field_data *data,
                                ll_error *error) LL_MUST_CHECK;

/* One format each, for those who know it. */
LL_API ll_status ll_vtk_parse(const void *bytes, size_t size, const char *place,
                              const ll_field_read_options *options, ll_field_data *data,
                              ll_error *error) LL_MUST_CHECK;
LL_API ll_status ll_ply_parse(const void *bytes, size_t size, const char *place,
                              const ll_field_read_options *options, ll_field_data *data,
                              ll_error *error) LL_MUST_CHECK;
LL_API ll_status ll_csv_field_parse(const void *bytes, size_t size, const char *place,
                                    const ll_field_read_options *options, ll_field_data *data,
                                    ll_error *error) LL_MUST_CHECK;
LL_API ll_status ll_hdf5_field_parse(const void *bytes, size_t size, const char *place,
                                     const ll_field_read_options *options, ll_field_data *data,
                                     ll_error *error) LL_MUST_CHECK;
LL_API ll_status ll_tensor_field_parse(const void *bytes, size_t size, const char *place,
                                       const ll_field_read_options *options, ll_field_data *data,
                                       ll_error *error) LL_MUST_CHECK; /* npy, npz */

/* ------------------------------------------------------------------ writing */

/* A named column of numbers at points, cells or rows. */
typedef struct ll_named_values {
    const char *name;
    const double *values;
    int components; /* numbers per item, 1..9 */
} ll_named_values;

/* A grid of 1 to 3 axes with its values as image data. Axes must be evenly spaced (to 1e-6 of a step). */
LL_API ll_status ll_vti_encode(const ll_field_data *data, ll_text *out, ll_error *error) LL_MUST_CHECK;

/* Points (count x 3), cells as vertex lists (cell c: cells[offsets[c] .. offsets[c + 1] - 1], 1: vertex, 2:
 * line, 3: triangle, 4: quad), and named values at points and cells; .vtu or .vtp. */
typedef struct ll_mesh {
    int64_t point_count;
    const double *points;
    int64_t cell_count;
    const int64_t *offsets, *cells;
    int point_array_count, cell_array_count;
    const ll_named_values *point_arrays, *cell_arrays;
} ll_mesh;
LL_API ll_status ll_vtu_encode(const ll_mesh *mesh, ll_text *out, ll_error *error) LL_MUST_CHECK;
LL_API ll_status ll_vtp_encode(const ll_mesh *mesh, ll_text *out, ll_error *error) LL_MUST_CHECK;
/* Binary little-endian PLY: float x, y, z, the point arrays of one component as float properties, and faces
 * (cells of three or more vertices). */
LL_API ll_status ll_ply_encode(const ll_mesh *mesh, ll_text *out, ll_error *error) LL_MUST_CHECK;
/* Columns of equal length with a header line; numbers are the shortest that read back. */
LL_API ll_status ll_csv_encode(const ll_named_values *columns, int count, int64_t rows, ll_text *out,
                               ll_error *error) LL_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
