/* VTK XML files: image data, poly data, unstructured grids, in one piece. The XML part goes through expat
 * (a DTD or an entity declaration is refused); of inline arrays only the place in the file is kept, and they
 * are decoded afterwards. Raw appended data is no XML: the file is cut in front of it. */
#include "vtk_binary.h"

#include <expat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARRAYS_LIMIT = 1024, NAME_LIMIT = 64, DEPTH_LIMIT = 32, CELL_LIMIT = 64 };

typedef enum section {
    IN_NOTHING,
    IN_POINT_DATA,
    IN_POINTS,
    IN_CELLS,
    IN_LINES,
    IN_POLYS,
    IN_STRIPS
} section;
typedef enum shape_kind { UNKNOWN_FILE, IMAGE_FILE, POLY_FILE, UNSTRUCTURED_FILE } shape_kind;

typedef struct data_array {
    section in;
    char name[NAME_LIMIT];
    ll_vtk_array array;
    int64_t components;
    int64_t offset; /* into the appended data; -1: inline */
} data_array;

typedef struct document {
    XML_Parser parser;
    const char *place;
    ll_error *error;
    ll_status status;
    const uint8_t *bytes; /* of the XML part */
    const uint8_t *appended;
    size_t appended_size;
    bool appended_base64, compressed, big_endian;
    int header_bytes, depth, pieces;
    shape_kind kind;
    int64_t extent[6], piece_extent[6];
    double origin[3], spacing[3];
    int64_t points, cells, lines, polys, strips;
    section in;
    char active[NAME_LIMIT];
    data_array arrays[ARRAYS_LIMIT];
    int array_count;
    bool in_array;
} document;

/* ---------------------------------------------------------------- XML */

static void stop(document *d, ll_status status)
{
    d->status = status;
    XML_StopParser(d->parser, XML_FALSE);
}

static const char *attribute(const XML_Char **attributes, const char *name)
{
    for (int i = 0; attributes[i] != NULL; i += 2) {
        if (strcmp(attributes[i], name) == 0) return attributes[i + 1];
    }
    return NULL;
}

static bool read_integers(const char *text, int64_t *values, int count)
{
    ll_cursor cursor = {text, text + strlen(text)};
    for (int i = 0; i < count; i++) {
        double value;
        if (!ll_cursor_number(&cursor, "", &value) || !(value > -1e15 && value < 1e15)) return false;
        if (value != (double)(int64_t)value) return false;
        values[i] = (int64_t)value;
    }
    ll_cursor_skip_space(&cursor);
    return cursor.at == cursor.end;
}

static bool read_count(const XML_Char **attributes, const char *name, int64_t *value)
{
    const char *text = attribute(attributes, name);
    if (text == NULL) return true; /* absent: stays 0 */
    return read_integers(text, value, 1) && *value >= 0 && *value < INT64_C(1) << 40;
}

static bool read_reals(const char *text, double *values, int count)
{
    ll_cursor cursor = {text, text + strlen(text)};
    for (int i = 0; i < count; i++) {
        if (!ll_cursor_number(&cursor, "", &values[i])) return false;
    }
    ll_cursor_skip_space(&cursor);
    return cursor.at == cursor.end;
}

static bool vtk_type(const char *text, ll_tensor_type *type)
{
    static const struct {
        const char *name;
        ll_tensor_type type;
    } types[] = {{"Float32", LL_TENSOR_FLOAT32}, {"Float64", LL_TENSOR_FLOAT64}, {"Int8", LL_TENSOR_INT8},
                 {"UInt8", LL_TENSOR_UINT8},     {"Int16", LL_TENSOR_INT16},     {"UInt16", LL_TENSOR_UINT16},
                 {"Int32", LL_TENSOR_INT32},     {"UInt32", LL_TENSOR_UINT32},   {"Int64", LL_TENSOR_INT64},
                 {"UInt64", LL_TENSOR_UINT64}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(types[i].name, text) == 0) {
            *type = types[i].type;
            return true;
        }
    }
    return false;
}

static ll_status start_file(document *d, const XML_Char **attributes)
{
    const char *type = attribute(attributes, "type"), *order = attribute(attributes, "byte_order");
    const char *compressor = attribute(attributes, "compressor"),
               *header = attribute(attributes, "header_type");
    if (type == NULL) type = "(none)";
    if (strcmp(type, "ImageData") == 0) {
        d->kind = IMAGE_FILE;
    } else if (strcmp(type, "PolyData") == 0) {
        d->kind = POLY_FILE;
    } else if (strcmp(type, "UnstructuredGrid") == 0) {
        d->kind = UNSTRUCTURED_FILE;
    } else {
        return ll_fail(d->error, LL_UNSUPPORTED, "formats", d->place,
                       "got a VTK file of type '%.40s'; wanted ImageData, PolyData or UnstructuredGrid",
                       type);
    }
    d->big_endian = order != NULL && strcmp(order, "BigEndian") == 0;
    d->compressed = compressor != NULL;
    if (compressor != NULL && strcmp(compressor, "vtkZLibDataCompressor") != 0) {
        return ll_fail(d->error, LL_UNSUPPORTED, "formats", d->place,
                       "the data are packed by '%.60s'; wanted vtkZLibDataCompressor or none", compressor);
    }
    d->header_bytes = header != NULL && strcmp(header, "UInt64") == 0 ? 8 : 4;
    return LL_OK;
}

static ll_status start_piece(document *d, const XML_Char **attributes)
{
    if (++d->pieces > 1) {
        return ll_fail(d->error, LL_UNSUPPORTED, "formats", d->place,
                       "the file is in several pieces; wanted one");
    }
    const char *extent = attribute(attributes, "Extent");
    bool good = true;
    if (d->kind == IMAGE_FILE && extent != NULL) good = read_integers(extent, d->piece_extent, 6);
    if (d->kind == IMAGE_FILE && extent == NULL) memcpy(d->piece_extent, d->extent, sizeof d->extent);
    good = good && read_count(attributes, "NumberOfPoints", &d->points) &&
           read_count(attributes, "NumberOfCells", &d->cells) &&
           read_count(attributes, "NumberOfLines", &d->lines) &&
           read_count(attributes, "NumberOfPolys", &d->polys) &&
           read_count(attributes, "NumberOfStrips", &d->strips);
    if (!good)
        return ll_fail(d->error, LL_INVALID_FILE, "formats", d->place,
                       "a piece's extent or number of points is malformed");
    return LL_OK;
}

static ll_status start_array(document *d, const XML_Char **attributes)
{
    if (d->array_count == ARRAYS_LIMIT) {
        return ll_fail(d->error, LL_TOO_LARGE, "formats", d->place, "more than %d arrays", ARRAYS_LIMIT);
    }
    const char *name = attribute(attributes, "Name"), *type = attribute(attributes, "type");
    const char *format = attribute(attributes, "format"),
               *components = attribute(attributes, "NumberOfComponents");
    const char *offset = attribute(attributes, "offset");
    data_array *array = &d->arrays[d->array_count];
    *array = (data_array){.in = d->in, .components = 1, .offset = -1};
    snprintf(array->name, sizeof array->name, "%s", name != NULL ? name : "");
    /* Strings and bits are no field; they are passed over unless they are wanted. */
    if (type == NULL || !vtk_type(type, &array->array.type)) array->in = IN_NOTHING;
    if (components != NULL && (!read_integers(components, &array->components, 1) || array->components < 1 ||
                               array->components > 1000000)) {
        return ll_fail(d->error, LL_INVALID_FILE, "formats", d->place, "array '%s': '%.30s' components",
                       array->name, components);
    }
    if (format == NULL || strcmp(format, "ascii") == 0) {
        array->array.encoding = LL_VTK_ASCII;
    } else if (strcmp(format, "binary") == 0) {
        array->array.encoding = LL_VTK_BASE64;
    } else if (strcmp(format, "appended") == 0) {
        if (offset == NULL || !read_integers(offset, &array->offset, 1) || array->offset < 0) {
            return ll_fail(d->error, LL_INVALID_FILE, "formats", d->place, "array '%s' lacks its offset",
                           array->name);
        }
    } else {
        return ll_fail(d->error, LL_UNSUPPORTED, "formats", d->place, "array '%s': format '%.30s' is unknown",
                       array->name, format);
    }
    array->array.bytes = d->bytes + XML_GetCurrentByteIndex(d->parser) + XML_GetCurrentByteCount(d->parser);
    d->in_array = true;
    return LL_OK;
}

static void on_start(void *context, const XML_Char *name, const XML_Char **attributes)
{
    document *d = context;
    if (d->status != LL_OK) return;
    ll_status status = LL_OK;
    if (++d->depth > DEPTH_LIMIT) {
        status = ll_fail(d->error, LL_TOO_LARGE, "formats", d->place, "elements are nested more than %d deep",
                         DEPTH_LIMIT);
    } else if (d->in_array && strcmp(name, "InformationKey") != 0) {
        status = ll_fail(d->error, LL_UNSUPPORTED, "formats", d->place,
                         "an element '%.40s' stands inside an array", name);
    } else if (d->depth == 1 && strcmp(name, "VTKFile") != 0) {
        status = ll_fail(d->error, LL_UNSUPPORTED, "formats", d->place,
                         "the outermost element is '%.40s'; wanted VTKFile", name);
    } else if (strcmp(name, "VTKFile") == 0 && d->depth == 1) {
        status = start_file(d, attributes);
    } else if (strcmp(name, "ImageData") == 0) {
        const char *extent = attribute(attributes, "WholeExtent"), *origin = attribute(attributes, "Origin");
        const char *spacing = attribute(attributes, "Spacing"),
                   *direction = attribute(attributes, "Direction");
        if (extent == NULL || !read_integers(extent, d->extent, 6) ||
            (origin != NULL && !read_reals(origin, d->origin, 3)) ||
            (spacing != NULL && !read_reals(spacing, d->spacing, 3))) {
            status = ll_fail(d->error, LL_INVALID_FILE, "formats", d->place,
                             "WholeExtent, Origin or Spacing is malformed");
        }
        (void)direction; /* only turns the picture; the grid and its neighbours stay the same */
    } else if (strcmp(name, "Piece") == 0) {
        status = start_piece(d, attributes);
    } else if (strcmp(name, "PointData") == 0) {
        const char *active = attribute(attributes, "Scalars");
        snprintf(d->active, sizeof d->active, "%s", active != NULL ? active : "");
        d->in = IN_POINT_DATA;
    } else if (strcmp(name, "Points") == 0) {
        d->in = IN_POINTS;
    } else if (strcmp(name, "Cells") == 0) {
        d->in = IN_CELLS;
    } else if (strcmp(name, "Lines") == 0) {
        d->in = IN_LINES;
    } else if (strcmp(name, "Polys") == 0) {
        d->in = IN_POLYS;
    } else if (strcmp(name, "Strips") == 0) {
        d->in = IN_STRIPS;
    } else if (strcmp(name, "CellData") == 0 || strcmp(name, "FieldData") == 0 ||
               strcmp(name, "Verts") == 0) {
        d->in = IN_NOTHING;
    } else if (strcmp(name, "DataArray") == 0) {
        status = start_array(d, attributes);
    }
    if (status != LL_OK) stop(d, status);
}

static void on_end(void *context, const XML_Char *name)
{
    document *d = context;
    d->depth--;
    if (d->status != LL_OK) return;
    if (strcmp(name, "DataArray") == 0 && d->in_array) {
        data_array *array = &d->arrays[d->array_count++];
        const uint8_t *end = d->bytes + XML_GetCurrentByteIndex(d->parser);
        array->array.size = end > array->array.bytes ? (size_t)(end - array->array.bytes) : 0;
        d->in_array = false;
    } else if (strcmp(name, "PointData") == 0 || strcmp(name, "Points") == 0 || strcmp(name, "Cells") == 0 ||
               strcmp(name, "Lines") == 0 || strcmp(name, "Polys") == 0 || strcmp(name, "Strips") == 0) {
        d->in = IN_NOTHING;
    }
}

static void on_doctype(void *context, const XML_Char *name, const XML_Char *system, const XML_Char *public_id,
                       int internal)
{
    document *d = context;
    (void)name;
    (void)system;
    (void)public_id;
    (void)internal;
    stop(d, ll_fail(d->error, LL_UNSUPPORTED, "formats", d->place,
                    "the XML declares a document type; that is refused"));
}

static void on_entity(void *context, const XML_Char *name, int is_parameter, const XML_Char *value,
                      int length, const XML_Char *base, const XML_Char *system, const XML_Char *public_id,
                      const XML_Char *notation)
{
    (void)is_parameter;
    (void)value;
    (void)length;
    (void)base;
    (void)notation;
    on_doctype(context, name, system, public_id, 0);
}

/* The first occurrence of `word`, or NULL. */
static const uint8_t *find_word(const uint8_t *bytes, size_t size, const char *word)
{
    size_t length = strlen(word);
    for (const uint8_t *at = bytes; size >= length && at <= bytes + size - length;) {
        const uint8_t *hit = memchr(at, word[0], (size_t)(bytes + size - length - at) + 1);
        if (hit == NULL) return NULL;
        if (memcmp(hit, word, length) == 0) return hit;
        at = hit + 1;
    }
    return NULL;
}

static ll_status parse_xml(document *d, const uint8_t *bytes, size_t size)
{
    const uint8_t *tail = find_word(bytes, size, "<AppendedData");
    size_t xml_size = size;
    if (tail != NULL) {
        xml_size = (size_t)(tail - bytes);
        size_t left = size - xml_size;
        const uint8_t *end = memchr(tail, '>', left);
        const uint8_t *mark = end != NULL ? memchr(end, '_', left - (size_t)(end - tail)) : NULL;
        if (mark == NULL) {
            return ll_fail(d->error, LL_INVALID_FILE, "formats", d->place,
                           "the appended data do not begin with '_'");
        }
        d->appended_base64 = find_word(tail, (size_t)(end - tail), "base64") != NULL;
        d->appended = mark + 1;
        d->appended_size = size - (size_t)(mark + 1 - bytes);
    }
    if (xml_size > (size_t)INT32_MAX) {
        return ll_fail(d->error, LL_TOO_LARGE, "formats", d->place,
                       "the XML part is over 2 GiB; append the data instead");
    }
    d->bytes = bytes;
    d->parser = XML_ParserCreate(NULL);
    if (d->parser == NULL) return ll_fail_memory(d->error, "formats", 1 << 16);
    XML_SetUserData(d->parser, d);
    XML_SetElementHandler(d->parser, on_start, on_end);
    XML_SetStartDoctypeDeclHandler(d->parser, on_doctype);
    XML_SetEntityDeclHandler(d->parser, on_entity);
    enum XML_Status read = XML_Parse(d->parser, (const char *)bytes, (int)xml_size, tail == NULL);
    static const char closing[] = "</VTKFile>";
    if (read == XML_STATUS_OK && tail != NULL)
        read = XML_Parse(d->parser, closing, (int)sizeof closing - 1, 1);
    if (d->status == LL_OK && read != XML_STATUS_OK) {
        d->status = ll_fail(d->error, LL_INVALID_FILE, "formats", d->place, "line %lu: %s",
                            (unsigned long)XML_GetCurrentLineNumber(d->parser),
                            XML_ErrorString(XML_GetErrorCode(d->parser)));
    }
    XML_ParserFree(d->parser);
    d->parser = NULL;
    return d->status;
}

/* ---------------------------------------------------------------- arrays */

static ll_status locate(const document *d, const data_array *array, ll_vtk_array *located)
{
    *located = array->array;
    located->compressed = d->compressed;
    located->big_endian = d->big_endian;
    located->header_bytes = d->header_bytes;
    if (array->offset >= 0) {
        if (d->appended == NULL || (uint64_t)array->offset >= d->appended_size) {
            return ll_fail(d->error, LL_INVALID_FILE, "formats", d->place,
                           "array '%s' begins behind the end of the appended data", array->name);
        }
        located->bytes = d->appended + array->offset;
        located->size = d->appended_size - (size_t)array->offset;
        located->encoding = d->appended_base64 ? LL_VTK_BASE64 : LL_VTK_RAW;
    }
    if (located->encoding == LL_VTK_ASCII) located->compressed = false;
    return LL_OK;
}

static const data_array *find_array(const document *d, section in, const char *name)
{
    for (int i = 0; i < d->array_count; i++) {
        if (d->arrays[i].in == in && (name == NULL || strcmp(d->arrays[i].name, name) == 0))
            return &d->arrays[i];
    }
    return NULL;
}

static ll_status read_ids(const document *d, section in, const char *name, int64_t count, ll_budget *budget,
                          int64_t **ids)
{
    const data_array *array = find_array(d, in, name);
    ll_vtk_array located;
    if (array == NULL)
        return ll_fail(d->error, LL_INVALID_FILE, "formats", d->place, "the cells lack their '%s'", name);
    LL_TRY(locate(d, array, &located));
    return ll_vtk_array_integers(&located, count, budget, d->place, ids, d->error);
}

/* Edges of a cell as pairs of positions in its vertex list, by VTK's cell type. */
typedef struct cell_shape {
    int type, vertices;
    const char *edges; /* "01 12 20" without the spaces */
} cell_shape;
static const cell_shape cell_shapes[] = {
    {3, 2, "01"},
    {5, 3, "011220"},
    {8, 4, "01132302"},
    {9, 4, "01122330"},
    {10, 4, "010203121323"},
    {11, 8, "011323024557674604152637"},
    {12, 8, "011223304556677404152637"},
    {13, 6, "011220344553031425"},
    {14, 5, "0112233004142434"},
};

static ll_status add_cell(const document *d, int64_t type, const int64_t *ids, int64_t count,
                          const ll_format_limits *limits, ll_edge_list *edges)
{
    if (type == 1 || type == 2 || type == 0) return LL_OK; /* vertices have no edges */
    if (type == 4 || type == 7) {                          /* poly-line, polygon */
        for (int64_t i = 0; i + 1 < count; i++) {
            LL_TRY(ll_edge_add(edges, ids[i], ids[i + 1], d->points, limits, d->place, d->error));
        }
        if (type == 7 && count > 2) {
            LL_TRY(ll_edge_add(edges, ids[count - 1], ids[0], d->points, limits, d->place, d->error));
        }
        return LL_OK;
    }
    if (type == 6) { /* triangle strip */
        for (int64_t i = 0; i + 1 < count; i++) {
            LL_TRY(ll_edge_add(edges, ids[i], ids[i + 1], d->points, limits, d->place, d->error));
            if (i + 2 < count)
                LL_TRY(ll_edge_add(edges, ids[i], ids[i + 2], d->points, limits, d->place, d->error));
        }
        return LL_OK;
    }
    for (size_t k = 0; k < sizeof cell_shapes / sizeof cell_shapes[0]; k++) {
        if (cell_shapes[k].type != type) continue;
        if (count != cell_shapes[k].vertices) {
            return ll_fail(d->error, LL_INVALID_FILE, "formats", d->place,
                           "a cell of type %lld has %lld points; wanted %d", (long long)type,
                           (long long)count, cell_shapes[k].vertices);
        }
        for (const char *e = cell_shapes[k].edges; *e != 0; e += 2) {
            LL_TRY(
                ll_edge_add(edges, ids[e[0] - '0'], ids[e[1] - '0'], d->points, limits, d->place, d->error));
        }
        return LL_OK;
    }
    return ll_fail(d->error, LL_UNSUPPORTED, "formats", d->place, "cells of VTK type %lld are not read",
                   (long long)type);
}

/* fixed_type: the type of all cells of poly data; -1: an array says it. */
static ll_status read_cells(const document *d, section in, int64_t count, int64_t fixed_type,
                            ll_budget *budget, ll_edge_list *edges)
{
    if (count == 0) return LL_OK;
    int64_t *offsets = NULL, *ids = NULL, *types = NULL;
    ll_status status = read_ids(d, in, "offsets", count, budget, &offsets);
    if (status == LL_OK) {
        for (int64_t i = 0; i < count && status == LL_OK; i++) {
            if (offsets[i] < (i > 0 ? offsets[i - 1] : 0)) {
                status =
                    ll_fail(d->error, LL_INVALID_FILE, "formats", d->place, "the cells' offsets descend");
            }
        }
    }
    if (status == LL_OK) status = read_ids(d, in, "connectivity", offsets[count - 1], budget, &ids);
    if (status == LL_OK && fixed_type < 0) status = read_ids(d, in, "types", count, budget, &types);
    for (int64_t i = 0; i < count && status == LL_OK; i++) {
        int64_t first = i > 0 ? offsets[i - 1] : 0;
        status = add_cell(d, fixed_type >= 0 ? fixed_type : types[i], ids + first, offsets[i] - first,
                          &budget->limits, edges);
    }
    ll_free(offsets);
    ll_free(ids);
    ll_free(types);
    return status;
}

/* ---------------------------------------------------------------- assembly */

static ll_status read_values(const document *d, const ll_field_read_options *options, ll_budget *budget,
                             ll_field_data *data)
{
    const char *names[ARRAYS_LIMIT];
    const data_array *candidates[ARRAYS_LIMIT];
    int64_t count = 0, chosen = -1;
    for (int i = 0; i < d->array_count; i++) {
        if (d->arrays[i].in != IN_POINT_DATA || d->arrays[i].components != 1) continue;
        candidates[count] = &d->arrays[i];
        names[count++] = d->arrays[i].name;
    }
    LL_TRY(ll_field_choose(names, count, options->array, d->active[0] != 0 ? d->active : NULL, d->place,
                           &chosen, d->error));
    ll_vtk_array located;
    LL_TRY(locate(d, candidates[chosen], &located));
    ll_field_set_name(data, names[chosen]);
    if (located.type == LL_TENSOR_FLOAT32 && located.encoding != LL_VTK_ASCII) {
        data->single = true;
        return ll_vtk_array_bytes(&located, data->count, budget, d->place, &data->values, d->error);
    }
    double *values = NULL;
    LL_TRY(ll_vtk_array_doubles(&located, data->count, budget, d->place, &values, d->error));
    data->values = values;
    return LL_OK;
}

static ll_status assemble_image(const document *d, ll_field_data *data)
{
    data->format = "vti";
    data->x_last = true;
    int64_t extents[3], all = 1;
    for (int k = 0; k < 3; k++) {
        int64_t first = d->piece_extent[2 * k], last = d->piece_extent[2 * k + 1];
        if (last < first) {
            return ll_fail(d->error, LL_INVALID_FILE, "formats", d->place, "the extent %lld..%lld is empty",
                           (long long)first, (long long)last);
        }
        extents[k] = last - first + 1;
        if (!ll_multiply_int64(all, extents[k], &all)) {
            return ll_fail(d->error, LL_TOO_LARGE, "formats", d->place, "the extents' product overflows");
        }
    }
    data->count = all;
    for (int k = 2; k >= 0; k--) {
        if (extents[k] == 1 && (k > 0 || data->rank > 0)) continue; /* at least one axis stays */
        data->shape[data->rank++] = extents[k];
    }
    return LL_OK;
}

/* Positions along the axes, once the values were really there: a small file cannot ask for much memory. */
static ll_status assemble_axes(const document *d, ll_field_data *data)
{
    int axis = 0;
    for (int k = 2; k >= 0; k--) {
        int64_t extent = d->piece_extent[2 * k + 1] - d->piece_extent[2 * k] + 1;
        if (axis >= data->rank || (extent == 1 && (k > 0 || axis > 0))) continue;
        double *positions = ll_allocate_array(extent, sizeof *positions);
        if (positions == NULL) return ll_fail_memory(d->error, "formats", (size_t)extent * sizeof *positions);
        for (int64_t i = 0; i < extent; i++) {
            positions[i] = d->origin[k] + d->spacing[k] * (double)(d->piece_extent[2 * k] + i);
        }
        data->axes[axis++] = positions;
    }
    return LL_OK;
}

static ll_status assemble_points(const document *d, ll_budget *budget, ll_field_data *data)
{
    const data_array *array = find_array(d, IN_POINTS, NULL);
    if (array == NULL || array->components != 3) {
        return ll_fail(d->error, LL_INVALID_FILE, "formats", d->place,
                       "the points' coordinates are missing, or not three a point");
    }
    ll_vtk_array located;
    LL_TRY(locate(d, array, &located));
    data->dimension = 3;
    LL_TRY(ll_vtk_array_doubles(&located, 3 * d->points, budget, d->place, &data->points, d->error));
    ll_edge_list edges = {0};
    ll_status status;
    if (d->kind == UNSTRUCTURED_FILE) {
        data->format = "vtu";
        status = read_cells(d, IN_CELLS, d->cells, -1, budget, &edges);
    } else {
        data->format = "vtp";
        status = read_cells(d, IN_LINES, d->lines, 4, budget, &edges);
        if (status == LL_OK) status = read_cells(d, IN_POLYS, d->polys, 7, budget, &edges);
        if (status == LL_OK) status = read_cells(d, IN_STRIPS, d->strips, 6, budget, &edges);
    }
    data->edges = edges.ids;
    data->edge_count = edges.count;
    return status;
}

ll_status ll_vtk_parse(const void *bytes, size_t size, const char *place,
                       const ll_field_read_options *options, ll_field_data *data, ll_error *error)
{
    const ll_field_read_options defaults = {0};
    if (options == NULL) options = &defaults;
    ll_budget budget;
    ll_budget_init(&budget, options->limits, size);
    document *d = ll_allocate_zeroed(sizeof *d);
    if (d == NULL) return ll_fail_memory(error, "formats", sizeof *d);
    d->place = place;
    d->error = error;
    d->kind = UNKNOWN_FILE;
    for (int k = 0; k < 3; k++) d->spacing[k] = 1.0;
    ll_field_data made = {0};
    ll_status status = parse_xml(d, bytes, size);
    if (status == LL_OK && (d->kind == UNKNOWN_FILE || d->pieces == 0)) {
        status = ll_fail(error, LL_INVALID_FILE, "formats", place, "the file has no piece of data");
    }
    if (status == LL_OK && d->kind == IMAGE_FILE) {
        status = assemble_image(d, &made);
        if (status == LL_OK) status = read_values(d, options, &budget, &made);
        if (status == LL_OK) status = assemble_axes(d, &made);
    } else if (status == LL_OK) {
        made.count = d->points;
        status = read_values(d, options, &budget, &made);
        if (status == LL_OK) status = assemble_points(d, &budget, &made);
    }
    ll_free(d);
    if (status != LL_OK) {
        ll_field_data_deinit(&made);
        return status;
    }
    *data = made;
    return LL_OK;
}
