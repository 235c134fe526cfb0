/* Fields and meshes as VTK XML, PLY, CSV and JSON. Arrays of VTK files are base64 after a 64-bit length: exact,
 * portable, and readable by every VTK. */
#include "field_support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static ll_status finish(ll_text *out, size_t start, ll_error *error)
{
    if (!out->failed) return LL_OK;
    return ll_fail_memory(error, "formats", out->length - start);
}

static void append_escaped(ll_text *out, const char *text)
{
    for (const char *c = text; *c != 0; c++) {
        switch (*c) {
        case '<': ll_text_append(out, "&lt;"); break;
        case '>': ll_text_append(out, "&gt;"); break;
        case '&': ll_text_append(out, "&amp;"); break;
        case '"': ll_text_append(out, "&quot;"); break;
        default:
            /* A control character has no place in XML 1.0. */
            ll_text_append_bytes(out, (unsigned char)*c < 32 ? "_" : c, 1);
        }
    }
}

/* ---------------------------------------------------------------- base64 */

typedef struct encoder {
    ll_text *out;
    uint8_t held[3];
    int count;
} encoder;

static void encode_group(encoder *e)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char text[4];
    for (int i = e->count; i < 3; i++) e->held[i] = 0;
    uint32_t bits = (uint32_t)e->held[0] << 16 | (uint32_t)e->held[1] << 8 | e->held[2];
    for (int i = 0; i < 4; i++) text[i] = i <= e->count ? digits[bits >> (18 - 6 * i) & 63] : '=';
    ll_text_append_bytes(e->out, text, 4);
    e->count = 0;
}

static void encode_bytes(encoder *e, const void *bytes, size_t count)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < count; i++) {
        e->held[e->count++] = at[i];
        if (e->count == 3) encode_group(e);
    }
}

static void encode_array(ll_text *out, const void *bytes, size_t count)
{
    encoder e = {.out = out};
    uint64_t length = count;
    encode_bytes(&e, &length, sizeof length);
    encode_bytes(&e, bytes, count);
    if (e.count > 0) encode_group(&e);
}

static void data_array(ll_text *out, const char *type, const char *name, int components, const void *bytes,
                       size_t count)
{
    ll_text_format(out, "<DataArray type=\"%s\" Name=\"", type);
    append_escaped(out, name);
    ll_text_format(out, "\" NumberOfComponents=\"%d\" format=\"binary\">", components);
    encode_array(out, bytes, count);
    ll_text_append(out, "</DataArray>\n");
}

static void vtk_head(ll_text *out, const char *type)
{
    ll_text_format(out,
                   "<?xml version=\"1.0\"?>\n<VTKFile type=\"%s\" version=\"1.0\" "
                   "byte_order=\"LittleEndian\" header_type=\"UInt64\">\n",
                   type);
}

/* ---------------------------------------------------------------- image data */

/* First position and step of an evenly spaced axis. */
static ll_status axis_steps(const ll_field_data *data, int axis, double *origin, double *step,
                            ll_error *error)
{
    const double *at = data->axes[axis];
    int64_t count = data->shape[axis];
    *origin = at != NULL && count > 0 ? at[0] : 0.0;
    *step = at != NULL && count > 1 ? (at[count - 1] - at[0]) / (double)(count - 1) : 1.0;
    for (int64_t i = 0; at != NULL && i < count; i++) {
        if (!(fabs(at[i] - (*origin + *step * (double)i)) <= 1e-6 * fabs(*step))) {
            return ll_fail(error, LL_UNSUPPORTED, "formats", NULL,
                           "axis %d is not evenly spaced, which VTI cannot say; write it as CSV, JSON or NPZ",
                           axis);
        }
    }
    return LL_OK;
}

ll_status ll_vti_encode(const ll_field_data *data, ll_text *out, ll_error *error)
{
    if (data->rank < 1 || data->rank > 3) {
        return ll_fail(error, LL_UNSUPPORTED, "formats", NULL, "VTI holds grids of 1 to 3 axes; got %d",
                       data->rank);
    }
    /* VTK's first axis is the fastest. With x first in the field, values are written transposed. */
    double origin[3] = {0.0, 0.0, 0.0}, step[3] = {1.0, 1.0, 1.0};
    int64_t extent[3] = {1, 1, 1}, stride[3] = {0, 0, 0}, running = 1;
    for (int k = data->rank - 1; k >= 0; k--) {
        int vtk = data->x_last ? data->rank - 1 - k : k;
        LL_TRY(axis_steps(data, k, &origin[vtk], &step[vtk], error));
        extent[vtk] = data->shape[k];
        stride[vtk] = running;
        running *= data->shape[k];
    }
    size_t start = out->length, element = data->single ? 4 : 8;
    uint8_t *ordered = ll_allocate_array(data->count, element);
    if (ordered == NULL) return ll_fail_memory(error, "formats", (size_t)data->count * element);
    int64_t at = 0;
    for (int64_t z = 0; z < extent[2]; z++) {
        for (int64_t y = 0; y < extent[1]; y++) {
            for (int64_t x = 0; x < extent[0]; x++, at++) {
                int64_t from = x * stride[0] + y * stride[1] + z * stride[2];
                memcpy(ordered + (size_t)at * element, (const uint8_t *)data->values + (size_t)from * element,
                       element);
            }
        }
    }
    char numbers[6][LL_NUMBER_TEXT];
    for (int k = 0; k < 3; k++) {
        ll_number_text(origin[k], numbers[k]);
        ll_number_text(step[k], numbers[3 + k]);
    }
    const char *name = data->name[0] != 0 ? data->name : "value";
    vtk_head(out, "ImageData");
    ll_text_format(
        out, "<ImageData WholeExtent=\"0 %lld 0 %lld 0 %lld\" Origin=\"%s %s %s\" Spacing=\"%s %s %s\">\n",
        (long long)extent[0] - 1, (long long)extent[1] - 1, (long long)extent[2] - 1, numbers[0], numbers[1],
        numbers[2], numbers[3], numbers[4], numbers[5]);
    ll_text_format(out, "<Piece Extent=\"0 %lld 0 %lld 0 %lld\">\n<PointData Scalars=\"",
                   (long long)extent[0] - 1, (long long)extent[1] - 1, (long long)extent[2] - 1);
    append_escaped(out, name);
    ll_text_append(out, "\">\n");
    data_array(out, data->single ? "Float32" : "Float64", name, 1, ordered, (size_t)data->count * element);
    ll_text_append(out, "</PointData>\n</Piece>\n</ImageData>\n</VTKFile>\n");
    ll_free(ordered);
    return finish(out, start, error);
}

/* ---------------------------------------------------------------- meshes */

static void named_arrays(ll_text *out, const char *section, const ll_named_values *arrays, int count,
                         int64_t items)
{
    ll_text_format(out, "<%s>\n", section);
    for (int k = 0; k < count; k++) {
        data_array(out, "Float64", arrays[k].name, arrays[k].components, arrays[k].values,
                   (size_t)(items * arrays[k].components) * sizeof(double));
    }
    ll_text_format(out, "</%s>\n", section);
}

static int vtk_cell_type(int64_t vertices)
{
    return vertices == 1 ? 1 : vertices == 2 ? 3 : vertices == 3 ? 5 : vertices == 4 ? 9 : 7;
}

/* Cells first..last-1 (their vertices lie together): connectivity and ends. */
static ll_status cell_arrays(ll_text *out, const ll_mesh *mesh, int64_t first, int64_t last, bool types,
                             ll_error *error)
{
    int64_t begin = mesh->cell_count > 0 ? mesh->offsets[first] : 0, count = last - first;
    int64_t *ends = ll_allocate_array(count, sizeof *ends);
    uint8_t *kinds = ll_allocate((size_t)count);
    if (ends == NULL || kinds == NULL) {
        ll_free(ends);
        ll_free(kinds);
        return ll_fail_memory(error, "formats", (size_t)count * sizeof *ends);
    }
    for (int64_t c = 0; c < count; c++) {
        ends[c] = mesh->offsets[first + c + 1] - begin;
        kinds[c] = (uint8_t)vtk_cell_type(mesh->offsets[first + c + 1] - mesh->offsets[first + c]);
    }
    size_t ids = count > 0 ? (size_t)ends[count - 1] : 0;
    data_array(out, "Int64", "connectivity", 1,
               count > 0 ? (const void *)(mesh->cells + begin) : (const void *)ends, ids * sizeof(int64_t));
    data_array(out, "Int64", "offsets", 1, ends, (size_t)count * sizeof *ends);
    if (types) data_array(out, "UInt8", "types", 1, kinds, (size_t)count);
    ll_free(ends);
    ll_free(kinds);
    return LL_OK;
}

static void mesh_points(ll_text *out, const ll_mesh *mesh)
{
    ll_text_append(out, "<Points>\n");
    data_array(out, "Float64", "Points", 3, mesh->points, (size_t)mesh->point_count * 3 * sizeof(double));
    ll_text_append(out, "</Points>\n");
}

ll_status ll_vtu_encode(const ll_mesh *mesh, ll_text *out, ll_error *error)
{
    size_t start = out->length;
    vtk_head(out, "UnstructuredGrid");
    ll_text_format(out, "<UnstructuredGrid>\n<Piece NumberOfPoints=\"%lld\" NumberOfCells=\"%lld\">\n",
                   (long long)mesh->point_count, (long long)mesh->cell_count);
    named_arrays(out, "PointData", mesh->point_arrays, mesh->point_array_count, mesh->point_count);
    named_arrays(out, "CellData", mesh->cell_arrays, mesh->cell_array_count, mesh->cell_count);
    mesh_points(out, mesh);
    ll_text_append(out, "<Cells>\n");
    LL_TRY(cell_arrays(out, mesh, 0, mesh->cell_count, true, error));
    ll_text_append(out, "</Cells>\n</Piece>\n</UnstructuredGrid>\n</VTKFile>\n");
    return finish(out, start, error);
}

/* Poly data wants vertices, lines and polygons apart, in this order, and cell data in the same order. */
ll_status ll_vtp_encode(const ll_mesh *mesh, ll_text *out, ll_error *error)
{
    static const char *const sections[] = {"Verts", "Lines", "Polys"};
    int64_t counts[3] = {0, 0, 0};
    int before = 0;
    for (int64_t c = 0; c < mesh->cell_count; c++) {
        int64_t size = mesh->offsets[c + 1] - mesh->offsets[c];
        int kind = size <= 1 ? 0 : size == 2 ? 1 : 2;
        if (kind < before) {
            return ll_fail(error, LL_INVALID_ARGUMENT, "formats", NULL,
                           "the cells of a VTP file must be ordered: vertices, lines, polygons");
        }
        before = kind;
        counts[kind]++;
    }
    size_t start = out->length;
    vtk_head(out, "PolyData");
    ll_text_format(out,
                   "<PolyData>\n<Piece NumberOfPoints=\"%lld\" NumberOfVerts=\"%lld\" NumberOfLines=\"%lld\" "
                   "NumberOfStrips=\"0\" NumberOfPolys=\"%lld\">\n",
                   (long long)mesh->point_count, (long long)counts[0], (long long)counts[1],
                   (long long)counts[2]);
    named_arrays(out, "PointData", mesh->point_arrays, mesh->point_array_count, mesh->point_count);
    named_arrays(out, "CellData", mesh->cell_arrays, mesh->cell_array_count, mesh->cell_count);
    mesh_points(out, mesh);
    int64_t first = 0;
    for (int k = 0; k < 3; k++) {
        ll_text_format(out, "<%s>\n", sections[k]);
        LL_TRY(cell_arrays(out, mesh, first, first + counts[k], false, error));
        ll_text_format(out, "</%s>\n", sections[k]);
        first += counts[k];
    }
    ll_text_append(out, "</Piece>\n</PolyData>\n</VTKFile>\n");
    return finish(out, start, error);
}

ll_status ll_ply_encode(const ll_mesh *mesh, ll_text *out, ll_error *error)
{
    size_t start = out->length;
    int64_t faces = 0;
    for (int64_t c = 0; c < mesh->cell_count; c++) {
        int64_t size = mesh->offsets[c + 1] - mesh->offsets[c];
        faces += size >= 3;
        if (size > 255)
            return ll_fail(error, LL_UNSUPPORTED, "formats", NULL,
                           "a face of a PLY file has at most 255 vertices");
    }
    if (mesh->point_count > INT32_MAX) {
        return ll_fail(error, LL_TOO_LARGE, "formats", NULL, "a PLY file holds at most 2^31 vertices");
    }
    ll_text_format(out,
                   "ply\nformat binary_little_endian 1.0\nelement vertex %lld\nproperty float x\nproperty "
                   "float y\nproperty float z\n",
                   (long long)mesh->point_count);
    for (int k = 0; k < mesh->point_array_count; k++) {
        if (mesh->point_arrays[k].components != 1) continue;
        ll_text_append(out, "property float ");
        for (const char *c = mesh->point_arrays[k].name; *c != 0; c++) {
            ll_text_append_bytes(out, (unsigned char)*c <= 32 ? "_" : c, 1);
        }
        ll_text_append(out, "\n");
    }
    ll_text_format(out, "element face %lld\nproperty list uchar int vertex_indices\nend_header\n",
                   (long long)faces);
    for (int64_t i = 0; i < mesh->point_count; i++) {
        for (int k = 0; k < 3; k++) {
            float value = (float)mesh->points[3 * i + k];
            ll_text_append_bytes(out, &value, sizeof value);
        }
        for (int k = 0; k < mesh->point_array_count; k++) {
            if (mesh->point_arrays[k].components != 1) continue;
            float value = (float)mesh->point_arrays[k].values[i];
            ll_text_append_bytes(out, &value, sizeof value);
        }
    }
    for (int64_t c = 0; c < mesh->cell_count; c++) {
        int64_t size = mesh->offsets[c + 1] - mesh->offsets[c];
        if (size < 3) continue;
        uint8_t length = (uint8_t)size;
        ll_text_append_bytes(out, &length, 1);
        for (int64_t i = mesh->offsets[c]; i < mesh->offsets[c + 1]; i++) {
            int32_t id = (int32_t)mesh->cells[i];
            ll_text_append_bytes(out, &id, sizeof id);
        }
    }
    return finish(out, start, error);
}

/* ---------------------------------------------------------------- text */

/* Quoted where a comma, quote or line break asks for it (RFC 4180). */
static void csv_name(ll_text *out, const char *name)
{
    if (strpbrk(name, ",\"\n\r") == NULL) {
        ll_text_append(out, name);
        return;
    }
    ll_text_append(out, "\"");
    for (const char *c = name; *c != 0; c++)
        ll_text_append_bytes(out, *c == '"' ? "\"\"" : c, *c == '"' ? 2 : 1);
    ll_text_append(out, "\"");
}

ll_status ll_csv_encode(const ll_named_values *columns, int count, int64_t rows, ll_text *out,
                        ll_error *error)
{
    size_t start = out->length;
    for (int c = 0; c < count; c++) {
        if (c > 0) ll_text_append(out, ",");
        csv_name(out, columns[c].name);
    }
    ll_text_append(out, "\n");
    for (int64_t r = 0; r < rows; r++) {
        for (int c = 0; c < count; c++) {
            char number[LL_NUMBER_TEXT];
            int length = ll_number_text(columns[c].values[r], number);
            if (c > 0) ll_text_append(out, ",");
            ll_text_append_bytes(out, number, (size_t)length);
        }
        ll_text_append(out, "\n");
    }
    return finish(out, start, error);
}
