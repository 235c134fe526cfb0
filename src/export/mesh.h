/* What a record shows, as points and cells: the surface over a plane with its trajectory, the polyline of a
 * curve, the merge tree and the critical points of a topology. */
#ifndef LOSSLENS_EXPORT_MESH_H
#define LOSSLENS_EXPORT_MESH_H

#include "losslens/formats_fields.h"
#include "losslens/records.h"

typedef struct ll_export_mesh {
    ll_mesh mesh;
    ll_arena *arena; /* holds everything that the mesh points to */
} ll_export_mesh;
void ll_export_mesh_deinit(ll_export_mesh *mesh); /* zeroed is fine */

/* The positions of axis_k, where the record has them and there are `extent` of them; else NULL. */
const double *ll_export_axis(const ll_record *record, int k, int64_t extent);
/* Whether the array has the shape of the record's axes. */
bool ll_export_on_axes(const ll_record *record, const ll_array *array);
/* Whether it is a field: one real number at each point of the record's axes. */
bool ll_export_is_field(const ll_record *record, const ll_field *field);

/* A field of two axes: points (x, y, value), two triangles a cell, split along the diagonal of the
 * Freudenthal triangulation, (i + 1, j) to (i, j + 1), so that the surface is the one whose topology is
 * computed; cells with a value that is not finite are left out. One point array "value", or, with
 * `everything`, every field on the same axes and, where the record has a trajectory, its part inside the
 * plane's window as lines on the surface, and "checkpoint": -1 on the surface, the number of the trajectory's
 * point on it. A field of one axis: points (x, value, 0) joined by lines. */
ll_status ll_export_mesh_of_field(const ll_record *record, const ll_field *field, bool everything,
                                  ll_export_mesh *mesh, ll_error *error);
/* A topology of a field of 1 to 3 axes: the nodes of the merge tree and the critical points as vertices at
 * (x, value, 0), (x, y, value) or (x, y, z), the tree's arcs as lines. Point arrays: "value", "vertex",
 * "kind" (of critical_kind; -1 where a point is none, as the tree's root on a boundary may be), "node" (-1:
 * not in the tree) and "persistence" of the pair that is born there (NaN: none). */
ll_status ll_export_mesh_of_topology(const ll_record *record, ll_export_mesh *mesh, ll_error *error);

#endif
