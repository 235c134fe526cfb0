/* Fields, connectivities, options: what is checked before any work starts. */
#include "topology/internal.h"

#include <string.h>

static const char *const connectivity_names[LL_CONNECTIVITIES] = {
#define NAME(name, text) text,
    LL_CONNECTIVITY_LIST(NAME)
#undef NAME
};

const char *ll_connectivity_name(ll_connectivity connectivity)
{
    unsigned index = (unsigned)connectivity;
    return index < LL_CONNECTIVITIES ? connectivity_names[index] : "unknown";
}

bool ll_connectivity_parse(const char *name, ll_connectivity *connectivity)
{
    for (int index = 0; name != NULL && index < LL_CONNECTIVITIES; index++) {
        if (strcmp(name, connectivity_names[index]) == 0) {
            *connectivity = (ll_connectivity)index;
            return true;
        }
    }
    return false;
}

bool ll_connectivity_is_grid(ll_connectivity connectivity)
{
    return connectivity == LL_CONNECTIVITY_FREUDENTHAL || connectivity == LL_CONNECTIVITY_FREUDENTHAL_PLUS ||
           connectivity == LL_CONNECTIVITY_AXIS || connectivity == LL_CONNECTIVITY_BOX;
}

int64_t ll_grid_field_vertices(const ll_grid_field *field)
{
    int64_t count = 0;
    return ll_shape_count(field->shape, field->rank, &count) ? count : 0;
}

static ll_status check_type(ll_array_type type, ll_error *error)
{
    if (type == LL_ARRAY_FLOAT32 || type == LL_ARRAY_FLOAT64) return LL_OK;
    return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, NULL,
                   "a field has float32 or float64 values, got %s", ll_array_type_name(type));
}

static ll_status check_vertices(int64_t count, const void *values, ll_error *error)
{
    if (count > LL_FIELD_MAX_VERTICES) {
        return ll_fail(error, LL_TOO_LARGE, TOPOLOGY, NULL, "%lld vertices, at most %lld are supported",
                       (long long)count, (long long)LL_FIELD_MAX_VERTICES);
    }
    if (count > 0 && values == NULL) {
        return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, NULL, "values are NULL for %lld vertices",
                       (long long)count);
    }
    return LL_OK;
}

ll_status ll_grid_field_check(const ll_grid_field *field, ll_error *error)
{
    if (field == NULL) return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, NULL, "field is NULL");
    LL_TRY(check_type(field->type, error));
    if (field->rank < 1 || field->rank > LL_FIELD_MAX_RANK) {
        return ll_fail(error, LL_SHAPE, TOPOLOGY, NULL, "a grid has 1 to %d axes, got %d", LL_FIELD_MAX_RANK,
                       field->rank);
    }
    for (int axis = 0; axis < field->rank; axis++) {
        if (field->shape[axis] < 0) {
            return ll_fail(error, LL_SHAPE, TOPOLOGY, NULL, "extent %lld of axis %d is negative",
                           (long long)field->shape[axis], axis);
        }
    }
    int64_t count;
    if (!ll_shape_count(field->shape, field->rank, &count)) {
        /* An extent of 0 empties the grid however large the others are. */
        for (int axis = 0; axis < field->rank; axis++) {
            if (field->shape[axis] == 0) return LL_OK;
        }
        return ll_fail(error, LL_TOO_LARGE, TOPOLOGY, NULL, "the number of vertices overflows 64 bits");
    }
    return check_vertices(count, field->values, error);
}

static ll_status check_graph(const ll_graph_field *field, bool symmetry, ll_error *error)
{
    if (field == NULL) return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, NULL, "field is NULL");
    LL_TRY(check_type(field->type, error));
    if (field->vertices < 0) {
        return ll_fail(error, LL_SHAPE, TOPOLOGY, NULL, "%lld vertices", (long long)field->vertices);
    }
    LL_TRY(check_vertices(field->vertices, field->values, error));
    if (field->vertices == 0) return LL_OK;
    if (field->offsets == NULL || field->offsets[0] != 0) {
        return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, NULL, "adjacency offsets must start at 0");
    }
    for (int64_t v = 0; v < field->vertices; v++) {
        if (field->offsets[v + 1] < field->offsets[v]) {
            return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, NULL,
                           "adjacency offsets descend at vertex %lld", (long long)v);
        }
    }
    int64_t entries = field->offsets[field->vertices];
    if (entries > 0 && field->neighbours == NULL) {
        return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, NULL, "neighbours are NULL for %lld entries",
                       (long long)entries);
    }
    for (int64_t entry = 0; entry < entries; entry++) {
        if (field->neighbours[entry] < 0 || field->neighbours[entry] >= field->vertices) {
            return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, NULL,
                           "neighbour %d at entry %lld is not a vertex (0..%lld)",
                           (int)field->neighbours[entry], (long long)entry, (long long)field->vertices - 1);
        }
    }
    for (int64_t v = 0; symmetry && v < field->vertices; v++) {
        for (int64_t entry = field->offsets[v]; entry < field->offsets[v + 1]; entry++) {
            int64_t u = field->neighbours[entry];
            bool found = false;
            for (int64_t back = field->offsets[u]; back < field->offsets[u + 1] && !found; back++) {
                found = field->neighbours[back] == v;
            }
            if (!found) {
                return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, NULL,
                               "edge %lld-%lld appears from one end only", (long long)v, (long long)u);
            }
        }
    }
    return LL_OK;
}

ll_status ll_graph_field_check(const ll_graph_field *field, ll_error *error)
{
    return check_graph(field, true, error);
}

ll_status topology_check_graph_quickly(const ll_graph_field *field, ll_error *error)
{
    return check_graph(field, false, error);
}

ll_topology_options ll_topology_options_default(void)
{
    return (ll_topology_options){.connectivity = LL_CONNECTIVITY_FREUDENTHAL,
                                 .outputs = LL_TOPOLOGY_TREE,
                                 .cpu_level = ll_cpu_detect()};
}

void ll_merge_tree_deinit(ll_merge_tree *tree)
{
    if (tree == NULL) return;
    ll_free(tree->pairs);
    ll_free(tree->nodes);
    ll_free(tree->basins);
    ll_free(tree->arcs);
    *tree = (ll_merge_tree){0};
}

void ll_persistence_diagram_deinit(ll_persistence_diagram *diagram)
{
    if (diagram == NULL) return;
    ll_free(diagram->pairs);
    *diagram = (ll_persistence_diagram){0};
}
