#include "export/mesh.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const module = "export";

enum { MOST_ARRAYS = 16 };

void ll_export_mesh_deinit(ll_export_mesh *mesh)
{
    ll_arena_destroy(mesh->arena);
    *mesh = (ll_export_mesh){0};
}

const double *ll_export_axis(const ll_record *record, int k, int64_t extent)
{
    char name[32];
    snprintf(name, sizeof name, "axis_%d", k);
    const ll_field *axis = ll_record_find(record, name);
    bool fits = axis != NULL && axis->type == LL_FIELD_ARRAY && axis->array.type == LL_ARRAY_FLOAT64 &&
                axis->array.rank == 1 && axis->array.shape[0] == extent;
    return fits ? axis->array.data : NULL;
}

bool ll_export_on_axes(const ll_record *record, const ll_array *array)
{
    for (int k = 0; k < array->rank; k++)
        if (ll_export_axis(record, k, array->shape[k]) == NULL) return false;
    return array->rank > 0;
}

bool ll_export_is_field(const ll_record *record, const ll_field *field)
{
    return field->type == LL_FIELD_ARRAY && field->array.type <= LL_ARRAY_FLOAT64 &&
           ll_export_on_axes(record, &field->array) && strncmp(field->name, "axis_", 5) != 0;
}

/* ---------------------------------------------------------------- filling */

/* The counts of the mesh are upper bounds here; filling sets them. */
typedef struct filling {
    ll_export_mesh *made;
    double *points;
    int64_t *offsets, *cells;
    ll_named_values *arrays;
    double *values[MOST_ARRAYS];
} filling;

static void *take(ll_arena *arena, int64_t count, size_t size)
{
    return ll_arena_allocate(arena, ((size_t)count + 1) * size);
}

static ll_status begin(filling *f, ll_export_mesh *mesh, int64_t points, int64_t cells, int64_t corners,
                       ll_error *error)
{
    *f = (filling){.made = mesh};
    *mesh = (ll_export_mesh){.arena = ll_arena_create(4096)};
    if (mesh->arena == NULL) return ll_fail_memory(error, module, 4096);
    f->points = take(mesh->arena, 3 * points, sizeof(double));
    f->offsets = take(mesh->arena, cells, sizeof(int64_t));
    f->cells = take(mesh->arena, corners, sizeof(int64_t));
    f->arrays = take(mesh->arena, MOST_ARRAYS, sizeof(ll_named_values));
    if (f->points == NULL || f->offsets == NULL || f->cells == NULL || f->arrays == NULL)
        return ll_fail_memory(error, module, (size_t)(3 * points + cells + corners) * sizeof(double));
    f->offsets[0] = 0;
    mesh->mesh =
        (ll_mesh){.points = f->points, .offsets = f->offsets, .cells = f->cells, .point_arrays = f->arrays};
    return LL_OK;
}

/* A further point array, `points` long; its index is that of f->values. */
static ll_status add_array(filling *f, const char *name, int64_t points, ll_error *error)
{
    ll_mesh *mesh = &f->made->mesh;
    double *values = take(f->made->arena, points, sizeof *values);
    char *copy = ll_arena_text(f->made->arena, name);
    if (values == NULL || copy == NULL) return ll_fail_memory(error, module, (size_t)points * sizeof *values);
    f->values[mesh->point_array_count] = values;
    f->arrays[mesh->point_array_count++] = (ll_named_values){copy, values, 1};
    return LL_OK;
}

static int64_t add_point(filling *f, double x, double y, double z)
{
    int64_t index = f->made->mesh.point_count++;
    f->points[3 * index] = x;
    f->points[3 * index + 1] = y;
    f->points[3 * index + 2] = z;
    return index;
}

static void add_cell(filling *f, const int64_t *corners, int count)
{
    ll_mesh *mesh = &f->made->mesh;
    int64_t at = f->offsets[mesh->cell_count];
    memcpy(f->cells + at, corners, (size_t)count * sizeof *corners);
    f->offsets[++mesh->cell_count] = at + count;
}

/* ---------------------------------------------------------------- a plane and a line */

/* Fields side by side on the axes of the first. */
typedef struct plane {
    int64_t rows, columns;
    const double *x, *y; /* NULL: 0, 1, 2 ... */
    int count;
    const ll_array *fields[MOST_ARRAYS];
} plane;

static double axis_at(const double *axis, int64_t i) { return axis != NULL ? axis[i] : (double)i; }

/* The interval that holds `at`, and where in it, 0 to 1; false outside. Axes may run either way. */
static bool locate(const double *axis, int64_t extent, double at, int64_t *cell, double *part)
{
    for (int64_t i = 0; i + 1 < extent; i++) {
        double from = axis_at(axis, i), to = axis_at(axis, i + 1);
        double share = (at - from) / (to - from);
        if (share >= 0.0 && share <= 1.0) {
            *cell = i;
            *part = share;
            return true;
        }
    }
    return false;
}

/* The value on the triangle of the Freudenthal triangulation that holds the place. */
static double on_surface(const ll_array *field, int64_t columns, int64_t i, int64_t j, double a, double b)
{
    int64_t v = i * columns + j;
    double right = ll_array_get(field, v + 1), down = ll_array_get(field, v + columns);
    if (a + b <= 1.0) {
        double corner = ll_array_get(field, v);
        return corner + a * (down - corner) + b * (right - corner);
    }
    double corner = ll_array_get(field, v + columns + 1);
    return corner + (1.0 - a) * (right - corner) + (1.0 - b) * (down - corner);
}

static void add_surface(filling *f, const plane *p)
{
    for (int64_t v = 0; v < p->rows * p->columns; v++) {
        double value = ll_array_get(p->fields[0], v);
        /* no face touches a value that is not finite; the value itself is kept beside */
        add_point(f, axis_at(p->x, v / p->columns), axis_at(p->y, v % p->columns),
                  isfinite(value) ? value : 0.0);
        for (int k = 0; k < p->count; k++) f->values[k][v] = ll_array_get(p->fields[k], v);
        if (f->made->mesh.point_array_count > p->count) f->values[p->count][v] = -1.0;
    }
}

static void add_triangles(filling *f, const plane *p)
{
    for (int64_t i = 0; i + 1 < p->rows; i++)
        for (int64_t j = 0; j + 1 < p->columns; j++) {
            int64_t v = i * p->columns + j, w = v + p->columns;
            const int64_t corners[2][3] = {{v, w, v + 1}, {w, w + 1, v + 1}};
            for (int t = 0; t < 2; t++) {
                bool finite = true;
                for (int c = 0; c < 3; c++)
                    finite = finite && isfinite(ll_array_get(p->fields[0], corners[t][c]));
                if (finite) add_cell(f, corners[t], 3);
            }
        }
}

/* Whether the trajectory's point k is the first of a path (trajectory_lengths; one path without them). */
static bool begins_path(const ll_array *lengths, int64_t k)
{
    int64_t start = 0;
    for (int64_t i = 0; lengths != NULL && i < ll_array_count(lengths) && start < k; i++)
        start += (int64_t)ll_array_get(lengths, i);
    return k == 0 || (lengths != NULL && start == k);
}

static void add_path(filling *f, const plane *p, const ll_array *path, const ll_array *lengths)
{
    int64_t before = -1;
    for (int64_t k = 0; k < path->shape[0]; k++) {
        double x = ll_array_get(path, 2 * k), y = ll_array_get(path, 2 * k + 1), a, b;
        int64_t i, j, point = -1;
        if (locate(p->x, p->rows, x, &i, &a) && locate(p->y, p->columns, y, &j, &b)) {
            double z = on_surface(p->fields[0], p->columns, i, j, a, b);
            if (isfinite(z)) {
                point = add_point(f, x, y, z);
                for (int n = 0; n < p->count; n++)
                    f->values[n][point] = on_surface(p->fields[n], p->columns, i, j, a, b);
                f->values[p->count][point] = (double)k;
            }
        }
        if (point >= 0 && before >= 0 && !begins_path(lengths, k)) add_cell(f, (int64_t[]){before, point}, 2);
        before = point;
    }
}

static const ll_array *find_array(const ll_record *record, const char *name, int rank)
{
    const ll_field *field = ll_record_find(record, name);
    return field != NULL && field->type == LL_FIELD_ARRAY && field->array.rank == rank ? &field->array : NULL;
}

static bool same_shape(const ll_array *a, const ll_array *b)
{
    return a->rank == b->rank && memcmp(a->shape, b->shape, (size_t)a->rank * sizeof *a->shape) == 0;
}

static ll_status mesh_plane(const ll_record *record, const ll_field *field, bool everything,
                            ll_export_mesh *mesh, ll_error *error)
{
    const ll_array *array = &field->array, *path = everything ? find_array(record, "trajectory", 2) : NULL;
    plane p = {.rows = array->shape[0], .columns = array->shape[1], .count = 1, .fields = {array}};
    p.x = ll_export_axis(record, 0, p.rows);
    p.y = ll_export_axis(record, 1, p.columns);
    if (path != NULL && path->shape[1] != 2) path = NULL;
    int64_t steps = path != NULL ? path->shape[0] : 0, points = p.rows * p.columns, faces = 2 * points;
    filling f;
    LL_TRY(begin(&f, mesh, points + steps, faces + steps, 3 * faces + 2 * steps, error));
    LL_TRY(add_array(&f, everything ? field->name : "value", points + steps, error));
    for (int64_t i = 0; everything && i < ll_record_field_count(record) && p.count < MOST_ARRAYS - 1; i++) {
        const ll_field *other = ll_record_field_at(record, i);
        if (other == field || !ll_export_is_field(record, other) || !same_shape(array, &other->array))
            continue;
        p.fields[p.count++] = &other->array;
        LL_TRY(add_array(&f, other->name, points + steps, error));
    }
    if (steps > 0) LL_TRY(add_array(&f, "checkpoint", points + steps, error));
    add_surface(&f, &p);
    if (steps > 0)
        add_path(&f, &p, path, find_array(record, "trajectory_lengths", 1)); /* lines before polygons */
    add_triangles(&f, &p);
    return LL_OK;
}

static ll_status mesh_line(const ll_record *record, const ll_field *field, ll_export_mesh *mesh,
                           ll_error *error)
{
    int64_t count = field->array.shape[0];
    const double *x = ll_export_axis(record, 0, count);
    filling f;
    LL_TRY(begin(&f, mesh, count, count, 2 * count, error));
    LL_TRY(add_array(&f, field->name, count, error));
    for (int64_t i = 0; i < count; i++) {
        double value = f.values[0][i] = ll_array_get(&field->array, i);
        add_point(&f, axis_at(x, i), isfinite(value) ? value : 0.0, 0.0);
    }
    for (int64_t i = 0; i + 1 < count; i++)
        if (isfinite(f.values[0][i]) && isfinite(f.values[0][i + 1])) add_cell(&f, (int64_t[]){i, i + 1}, 2);
    return LL_OK;
}

ll_status ll_export_mesh_of_field(const ll_record *record, const ll_field *field, bool everything,
                                  ll_export_mesh *mesh, ll_error *error)
{
    ll_export_mesh made = {0};
    ll_status status = field->array.rank == 1 ? mesh_line(record, field, &made, error)
                                              : mesh_plane(record, field, everything, &made, error);
    if (status == LL_OK) *mesh = made;
    else ll_export_mesh_deinit(&made);
    return status;
}

/* ---------------------------------------------------------------- a topology */

/* What the record holds, each checked for its length. */
typedef struct topology {
    int rank;
    int64_t shape[3];
    const double *axes[3];
    const ll_array *node_vertex, *node_parent, *node_value, *birth, *birth_value, *death_value;
    const ll_array *critical_vertex, *critical_kind, *critical_value;
} topology;

static ll_status column(const ll_record *record, const char *name, const ll_array *like,
                        const ll_array **array, ll_error *error)
{
    LL_TRY(ll_record_get_array(record, name, array, error));
    if ((*array)->rank == 1 && (like == NULL || same_shape(like, *array))) return LL_OK;
    return ll_fail(error, LL_SHAPE, module, name, "it is not as long as the columns beside it");
}

static ll_status read_topology(const ll_record *record, topology *t, ll_error *error)
{
    int64_t rank;
    const ll_array *basins;
    LL_TRY(ll_record_get_integer(record, "dimensions", &rank, error));
    LL_TRY(ll_record_get_array(record, "basins", &basins, error));
    if (rank < 1 || rank > 3 || basins->rank != rank)
        return ll_fail(
            error, LL_UNSUPPORTED, module, "topology",
            "vtp holds topologies of fields on 1 to 3 axes, whose points have a place; this one is of %s",
            rank == 0 ? "a graph" : "more axes");
    *t = (topology){.rank = (int)rank};
    for (int k = 0; k < t->rank; k++) {
        t->shape[k] = basins->shape[k];
        t->axes[k] = ll_export_axis(record, k, basins->shape[k]);
    }
    LL_TRY(column(record, "node_vertex", NULL, &t->node_vertex, error));
    LL_TRY(column(record, "node_parent", t->node_vertex, &t->node_parent, error));
    LL_TRY(column(record, "node_value", t->node_vertex, &t->node_value, error));
    LL_TRY(column(record, "pair_birth", NULL, &t->birth, error));
    LL_TRY(column(record, "pair_birth_value", t->birth, &t->birth_value, error));
    LL_TRY(column(record, "pair_death_value", t->birth, &t->death_value, error));
    LL_TRY(column(record, "critical_vertex", NULL, &t->critical_vertex, error));
    LL_TRY(column(record, "critical_kind", t->critical_vertex, &t->critical_kind, error));
    /* Studies of earlier versions lack it: their critical points outside the tree have no height. */
    if (ll_record_find(record, "critical_value") == NULL) return LL_OK;
    return column(record, "critical_value", t->critical_vertex, &t->critical_value, error);
}

enum { VALUE, VERTEX, KIND, NODE, PERSISTENCE };

static ll_status add_vertex(filling *f, const topology *t, int64_t vertex, double value, ll_error *error)
{
    double at[3] = {0.0, 0.0, 0.0};
    int64_t rest = vertex;
    if (vertex < 0 || !isfinite(value))
        return ll_fail(error, LL_INVALID_FILE, module, "topology", "vertex %lld has no place",
                       (long long)vertex);
    for (int k = t->rank - 1; k >= 0; k--) {
        at[k] = axis_at(t->axes[k], rest % t->shape[k]);
        rest /= t->shape[k];
    }
    if (rest != 0)
        return ll_fail(error, LL_INVALID_FILE, module, "topology", "vertex %lld lies outside the field",
                       (long long)vertex);
    if (t->rank < 3) at[t->rank] = value;
    int64_t point = add_point(f, at[0], at[1], at[2]);
    f->values[VALUE][point] = value;
    f->values[VERTEX][point] = (double)vertex;
    f->values[KIND][point] = f->values[NODE][point] = -1.0;
    f->values[PERSISTENCE][point] = NAN;
    return LL_OK;
}

/* The point at a vertex among the first `count`, sorted by vertex in `order`; -1: none. */
static int64_t point_at(const filling *f, const int64_t *order, int64_t count, int64_t vertex)
{
    int64_t low = 0, high = count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if ((int64_t)f->values[VERTEX][order[middle]] < vertex) low = middle + 1;
        else high = middle;
    }
    return low < count && (int64_t)f->values[VERTEX][order[low]] == vertex ? order[low] : -1;
}

typedef struct place {
    int64_t vertex, point;
} place;

static int by_vertex(const void *a, const void *b)
{
    int64_t u = ((const place *)a)->vertex, v = ((const place *)b)->vertex;
    return (u > v) - (u < v);
}

static ll_status sort_points(const filling *f, int64_t *order, int64_t count, ll_error *error)
{
    place *places = ll_allocate_array(count + 1, sizeof *places);
    if (places == NULL) return ll_fail_memory(error, module, (size_t)count * sizeof *places);
    for (int64_t i = 0; i < count; i++) places[i] = (place){(int64_t)f->values[VERTEX][i], i};
    qsort(places, (size_t)count, sizeof *places, by_vertex);
    for (int64_t i = 0; i < count; i++) order[i] = places[i].point;
    ll_free(places);
    return LL_OK;
}

static ll_status fill_topology(filling *f, const topology *t, ll_error *error)
{
    int64_t nodes = ll_array_count(t->node_vertex), critical = ll_array_count(t->critical_vertex);
    int64_t pairs = ll_array_count(t->birth);
    for (int64_t i = 0; i < nodes; i++) {
        LL_TRY(add_vertex(f, t, (int64_t)ll_array_get(t->node_vertex, i), ll_array_get(t->node_value, i),
                          error));
        f->values[NODE][i] = (double)i;
    }
    int64_t *order = take(f->made->arena, nodes, sizeof *order);
    if (order == NULL) return ll_fail_memory(error, module, (size_t)nodes * sizeof *order);
    LL_TRY(sort_points(f, order, nodes, error));
    for (int64_t i = 0; i < critical; i++) {
        int64_t vertex = (int64_t)ll_array_get(t->critical_vertex, i),
                point = point_at(f, order, nodes, vertex);
        if (point < 0) {
            if (t->critical_value == NULL) continue;
            point = f->made->mesh.point_count;
            LL_TRY(add_vertex(f, t, vertex, ll_array_get(t->critical_value, i), error));
        }
        f->values[KIND][point] = ll_array_get(t->critical_kind, i);
    }
    /* Pairs of components come first: a minimum's own pair is the one that stays. */
    for (int64_t i = 0; i < pairs; i++) {
        int64_t point = point_at(f, order, nodes, (int64_t)ll_array_get(t->birth, i));
        if (point >= 0 && isnan(f->values[PERSISTENCE][point]))
            f->values[PERSISTENCE][point] =
                fabs(ll_array_get(t->death_value, i) - ll_array_get(t->birth_value, i));
    }
    for (int64_t i = 0; i < f->made->mesh.point_count; i++) add_cell(f, &i, 1);
    for (int64_t i = 0; i < nodes; i++) {
        int64_t parent = (int64_t)ll_array_get(t->node_parent, i);
        if (parent >= nodes)
            return ll_fail(error, LL_INVALID_FILE, module, "node_parent", "there is no node %lld",
                           (long long)parent);
        if (parent >= 0) add_cell(f, (int64_t[]){i, parent}, 2);
    }
    return LL_OK;
}

ll_status ll_export_mesh_of_topology(const ll_record *record, ll_export_mesh *mesh, ll_error *error)
{
    static const char *const names[] = {"value", "vertex", "kind", "node", "persistence"};
    topology t;
    LL_TRY(read_topology(record, &t, error));
    int64_t nodes = ll_array_count(t.node_vertex), points = nodes + ll_array_count(t.critical_vertex);
    ll_export_mesh made = {0};
    filling f;
    ll_status status = begin(&f, &made, points, points + nodes, points + 2 * nodes, error);
    for (int k = 0; k < 5 && status == LL_OK; k++) status = add_array(&f, names[k], points, error);
    if (status == LL_OK) status = fill_topology(&f, &t, error);
    if (status == LL_OK) *mesh = made;
    else ll_export_mesh_deinit(&made);
    return status;
}
