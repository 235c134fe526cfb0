/* PLY meshes (Turk 1994), ascii and both binary orders: the vertices' coordinates, one scalar property as the
 * field, faces and edges as the graph. Without a scalar property the height z is the field: that is how loss
 * surfaces are exported as meshes. */
#include "field_support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    ELEMENTS_LIMIT = 64,
    PROPERTIES_LIMIT = 256,
    WORD_LIMIT = 64,
    HEADER_LIMIT = 1 << 20,
    LIST_LIMIT = 1 << 20
};

typedef enum encoding { PLY_ASCII, PLY_LITTLE, PLY_BIG } encoding;

typedef struct property {
    char name[WORD_LIMIT];
    ll_tensor_type type, count_type;
    bool list;
} property;

typedef struct element {
    char name[WORD_LIMIT];
    int64_t count;
    int first, properties; /* into the table */
} element;

typedef struct reader {
    const char *place;
    ll_error *error;
    ll_format_limits limits;
    ll_cursor cursor;
    encoding encoding;
    element elements[ELEMENTS_LIMIT];
    int element_count;
    property properties[PROPERTIES_LIMIT];
    int property_count;
} reader;

/* ---------------------------------------------------------------- header */

static bool ply_type(const char *word, ll_tensor_type *type)
{
    static const struct {
        const char *name;
        ll_tensor_type type;
    } types[] = {{"char", LL_TENSOR_INT8},      {"int8", LL_TENSOR_INT8},       {"uchar", LL_TENSOR_UINT8},
                 {"uint8", LL_TENSOR_UINT8},    {"short", LL_TENSOR_INT16},     {"int16", LL_TENSOR_INT16},
                 {"ushort", LL_TENSOR_UINT16},  {"uint16", LL_TENSOR_UINT16},   {"int", LL_TENSOR_INT32},
                 {"int32", LL_TENSOR_INT32},    {"uint", LL_TENSOR_UINT32},     {"uint32", LL_TENSOR_UINT32},
                 {"float", LL_TENSOR_FLOAT32},  {"float32", LL_TENSOR_FLOAT32}, {"double", LL_TENSOR_FLOAT64},
                 {"float64", LL_TENSOR_FLOAT64}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(types[i].name, word) == 0) {
            *type = types[i].type;
            return true;
        }
    }
    return false;
}

/* The line's words, cut to WORD_LIMIT - 1 letters; returns how many, at most `limit`. */
static int read_words(reader *r, char words[][WORD_LIMIT], int limit)
{
    const char *end = memchr(r->cursor.at, '\n', (size_t)(r->cursor.end - r->cursor.at));
    if (end == NULL) return -1;
    int count = 0;
    const char *at = r->cursor.at;
    while (at < end) {
        while (at < end && (*at == ' ' || *at == '\t' || *at == '\r')) at++;
        const char *start = at;
        while (at < end && *at != ' ' && *at != '\t' && *at != '\r') at++;
        if (at > start && count < limit) {
            size_t length = (size_t)(at - start) < WORD_LIMIT - 1 ? (size_t)(at - start) : WORD_LIMIT - 1;
            memcpy(words[count], start, length);
            words[count++][length] = 0;
        }
    }
    r->cursor.at = end + 1;
    return count;
}

static ll_status malformed(reader *r, const char *what)
{
    return ll_fail(r->error, LL_INVALID_FILE, "formats", r->place, "the PLY header is malformed: %s", what);
}

static ll_status read_property(reader *r, char words[][WORD_LIMIT], int count)
{
    if (r->element_count == 0) return malformed(r, "a property before any element");
    if (r->property_count == PROPERTIES_LIMIT) {
        return ll_fail(r->error, LL_TOO_LARGE, "formats", r->place, "more than %d properties",
                       PROPERTIES_LIMIT);
    }
    property *p = &r->properties[r->property_count];
    *p = (property){0};
    const char *name;
    if (count == 5 && strcmp(words[1], "list") == 0) {
        p->list = true;
        if (!ply_type(words[2], &p->count_type) || ll_tensor_type_is_float(p->count_type) ||
            !ply_type(words[3], &p->type)) {
            return malformed(r, "the types of a list");
        }
        name = words[4];
    } else if (count == 3 && ply_type(words[1], &p->type)) {
        name = words[2];
    } else {
        return malformed(r, "a property line");
    }
    snprintf(p->name, sizeof p->name, "%s", name);
    r->property_count++;
    r->elements[r->element_count - 1].properties++;
    return LL_OK;
}

static ll_status read_header(reader *r)
{
    char words[6][WORD_LIMIT];
    const char *start = r->cursor.at;
    bool format = false;
    if (read_words(r, words, 6) < 1 || strcmp(words[0], "ply") != 0) return malformed(r, "no 'ply' line");
    for (;;) {
        int count = r->cursor.at - start > HEADER_LIMIT ? -1 : read_words(r, words, 6);
        if (count < 0) return malformed(r, "no 'end_header' line");
        if (count == 0 || strcmp(words[0], "comment") == 0 || strcmp(words[0], "obj_info") == 0) continue;
        if (strcmp(words[0], "end_header") == 0) break;
        if (strcmp(words[0], "format") == 0 && count >= 2) {
            format = true;
            if (strcmp(words[1], "ascii") == 0) {
                r->encoding = PLY_ASCII;
            } else if (strcmp(words[1], "binary_little_endian") == 0) {
                r->encoding = PLY_LITTLE;
            } else if (strcmp(words[1], "binary_big_endian") == 0) {
                r->encoding = PLY_BIG;
            } else {
                return malformed(r, "an unknown format");
            }
        } else if (strcmp(words[0], "element") == 0 && count == 3) {
            if (r->element_count == ELEMENTS_LIMIT) {
                return ll_fail(r->error, LL_TOO_LARGE, "formats", r->place, "more than %d elements",
                               ELEMENTS_LIMIT);
            }
            element *e = &r->elements[r->element_count++];
            *e = (element){.first = r->property_count};
            snprintf(e->name, sizeof e->name, "%s", words[1]);
            if (!ll_text_integer(words[2], &e->count) || e->count < 0)
                return malformed(r, "the number of an element");
        } else if (strcmp(words[0], "property") == 0) {
            LL_TRY(read_property(r, words, count));
        } else {
            return malformed(r, "an unknown line");
        }
    }
    return format ? LL_OK : malformed(r, "no format line");
}

/* ---------------------------------------------------------------- numbers */

static bool read_number(reader *r, ll_tensor_type type, double *value)
{
    if (r->encoding == PLY_ASCII) return ll_cursor_number(&r->cursor, "", value);
    size_t size = ll_tensor_type_bytes(type);
    if ((size_t)(r->cursor.end - r->cursor.at) < size) return false;
    uint8_t bytes[8] __attribute__((aligned(8)));
    for (size_t i = 0; i < size; i++) {
        bytes[r->encoding == PLY_BIG ? size - 1 - i : i] = (uint8_t)r->cursor.at[i];
    }
    r->cursor.at += size;
    ll_tensor one = {.name = "", .type = type, .data = bytes};
    *value = ll_tensor_get(&one, 0);
    return true;
}

static ll_status short_data(reader *r, const element *e, int64_t index)
{
    return ll_fail(r->error, LL_INVALID_FILE, "formats", r->place,
                   "element '%s' %lld of %lld is missing or malformed", e->name, (long long)index,
                   (long long)e->count);
}

/* No file holds more items than bytes; so much is known before anything is allocated. */
static ll_status check_count(reader *r, const element *e)
{
    size_t item = 0;
    for (int p = 0; p < e->properties; p++) {
        const property *q = &r->properties[e->first + p];
        item += r->encoding == PLY_ASCII ? 2 : ll_tensor_type_bytes(q->list ? q->count_type : q->type);
    }
    size_t left = (size_t)(r->cursor.end - r->cursor.at) + (r->encoding == PLY_ASCII ? 1 : 0);
    if (e->count > 0 && (item == 0 || (uint64_t)e->count > left / item)) {
        return ll_fail(r->error, LL_INVALID_FILE, "formats", r->place,
                       "%lld items of element '%s' cannot be in the %zu bytes that are left",
                       (long long)e->count, e->name, left);
    }
    return LL_OK;
}

static ll_status read_vertices(reader *r, const element *e, const char *wanted, ll_field_data *data)
{
    int axes[3] = {-1, -1, -1};
    const char *names[PROPERTIES_LIMIT];
    int places[PROPERTIES_LIMIT];
    int64_t candidates = 0, chosen = -1;
    for (int p = 0; p < e->properties; p++) {
        const property *q = &r->properties[e->first + p];
        bool axis = false;
        for (int k = 0; k < 3; k++) {
            if (!q->list && strcmp(q->name, (const char *const[]){"x", "y", "z"}[k]) == 0) {
                axes[k] = p;
                axis = true;
            }
        }
        static const char *const other[] = {"nx",    "ny", "nz", "red", "green", "blue",
                                            "alpha", "u",  "v",  "s",   "t"};
        bool passed = q->list || axis;
        for (size_t k = 0; k < sizeof other / sizeof other[0]; k++)
            passed = passed || strcmp(q->name, other[k]) == 0;
        if (wanted != NULL && strcmp(q->name, wanted) == 0 && !q->list) passed = false;
        if (passed) continue;
        names[candidates] = q->name;
        places[candidates++] = p;
    }
    if (axes[0] < 0 || axes[1] < 0) {
        return ll_fail(r->error, LL_INVALID_FILE, "formats", r->place, "the vertices lack x and y");
    }
    int value_at;
    if (candidates == 0 && wanted == NULL && axes[2] >= 0) {
        value_at = axes[2];
    } else {
        LL_TRY(ll_field_choose(names, candidates, wanted, NULL, r->place, &chosen, r->error));
        value_at = places[chosen];
    }
    data->dimension = axes[2] >= 0 && value_at != axes[2] ? 3 : 2;
    data->count = e->count;
    ll_field_set_name(data, r->properties[e->first + value_at].name);
    void *values, *points;
    LL_TRY(ll_field_block(e->count, sizeof(double), &r->limits, r->place, &values, r->error));
    data->values = values;
    LL_TRY(
        ll_field_block(e->count * data->dimension, sizeof(double), &r->limits, r->place, &points, r->error));
    data->points = points;
    for (int64_t i = 0; i < e->count; i++) {
        for (int p = 0; p < e->properties; p++) {
            const property *q = &r->properties[e->first + p];
            double number, items = 0.0;
            if (q->list && !read_number(r, q->count_type, &items)) return short_data(r, e, i);
            for (double k = 0.0; q->list && k < items; k += 1.0) {
                if (!read_number(r, q->type, &number)) return short_data(r, e, i);
            }
            if (q->list) continue;
            if (!read_number(r, q->type, &number)) return short_data(r, e, i);
            if (p == value_at) ((double *)values)[i] = number;
            for (int k = 0; k < data->dimension; k++) {
                if (p == axes[k]) data->points[i * data->dimension + k] = number;
            }
        }
    }
    return LL_OK;
}

/* Faces (a list of vertex ids) and edges (vertex1, vertex2); of any other element the numbers are passed. */
static ll_status read_others(reader *r, const element *e, int64_t points, ll_edge_list *edges)
{
    bool face = strcmp(e->name, "face") == 0, edge = strcmp(e->name, "edge") == 0;
    for (int64_t i = 0; i < e->count; i++) {
        double ends[2] = {-1.0, -1.0};
        for (int p = 0; p < e->properties; p++) {
            const property *q = &r->properties[e->first + p];
            double number;
            if (!q->list) {
                if (!read_number(r, q->type, &number)) return short_data(r, e, i);
                if (strcmp(q->name, "vertex1") == 0) ends[0] = number;
                if (strcmp(q->name, "vertex2") == 0) ends[1] = number;
                continue;
            }
            double items, first = -1.0, before = -1.0;
            if (!read_number(r, q->count_type, &items) || !(items >= 0.0 && items <= LIST_LIMIT))
                return short_data(r, e, i);
            bool ids =
                face && (strcmp(q->name, "vertex_indices") == 0 || strcmp(q->name, "vertex_index") == 0);
            for (double k = 0.0; k < items; k += 1.0) {
                if (!read_number(r, q->type, &number)) return short_data(r, e, i);
                if (!ids) continue;
                if (!(number >= 0.0 && number < (double)points) || number != floor(number))
                    return short_data(r, e, i);
                if (k > 0.0) {
                    LL_TRY(ll_edge_add(edges, (int64_t)before, (int64_t)number, points, &r->limits, r->place,
                                       r->error));
                } else {
                    first = number;
                }
                before = number;
            }
            if (ids && items > 2.0) {
                LL_TRY(ll_edge_add(edges, (int64_t)before, (int64_t)first, points, &r->limits, r->place,
                                   r->error));
            }
        }
        if (edge) {
            for (int k = 0; k < 2; k++) {
                if (!(ends[k] >= 0.0 && ends[k] < (double)points) || ends[k] != floor(ends[k]))
                    return short_data(r, e, i);
            }
            LL_TRY(ll_edge_add(edges, (int64_t)ends[0], (int64_t)ends[1], points, &r->limits, r->place,
                               r->error));
        }
    }
    return LL_OK;
}

ll_status ll_ply_parse(const void *bytes, size_t size, const char *place,
                       const ll_field_read_options *options, ll_field_data *data, ll_error *error)
{
    const ll_field_read_options defaults = {0};
    if (options == NULL) options = &defaults;
    reader *r = ll_allocate_zeroed(sizeof *r);
    if (r == NULL) return ll_fail_memory(error, "formats", sizeof *r);
    r->place = place;
    r->error = error;
    r->limits = options->limits != NULL ? *options->limits : ll_format_limits_default();
    r->cursor = (ll_cursor){bytes, (const char *)bytes + size};
    ll_field_data made = {.format = "ply"};
    ll_edge_list edges = {0};
    bool vertices = false;
    ll_status status = read_header(r);
    for (int k = 0; k < r->element_count && status == LL_OK; k++) {
        const element *e = &r->elements[k];
        status = check_count(r, e);
        if (status != LL_OK) break;
        if (strcmp(e->name, "vertex") == 0 && !vertices) {
            vertices = true;
            status = read_vertices(r, e, options->array, &made);
        } else if (!vertices && strcmp(e->name, "face") == 0) {
            status = ll_fail(error, LL_UNSUPPORTED, "formats", place, "the faces stand before the vertices");
        } else {
            status = read_others(r, e, made.count, &edges);
        }
    }
    if (status == LL_OK && !vertices)
        status = ll_fail(error, LL_INVALID_FILE, "formats", place, "the file has no vertices");
    made.edges = edges.ids;
    made.edge_count = edges.count;
    ll_free(r);
    if (status != LL_OK) {
        ll_field_data_deinit(&made);
        return status;
    }
    *data = made;
    return LL_OK;
}
