/* The topology of a field as one record. */
#include "losslens/topology_record.h"

#include <stdio.h>
#include <string.h>

static const unsigned everything =
    LL_TOPOLOGY_TREE | LL_TOPOLOGY_SIZES | LL_TOPOLOGY_BASINS | LL_TOPOLOGY_ARCS;

/* One member of an array of structs as an array of the record; GET is an expression in i. */
#define TAKE_COLUMN(record, name, unit, array_type, c_type, count, GET)                                      \
    do {                                                                                                     \
        ll_array column_;                                                                                    \
        int64_t count_ = (count);                                                                            \
        LL_TRY(ll_array_init(&column_, (array_type), 1, &count_, error));                                    \
        for (int64_t i = 0; i < count_; i++) ((c_type *)column_.data)[i] = (c_type)(GET);                    \
        ll_status taken_ = ll_record_take_array((record), (name), (unit), &column_, error);                  \
        if (taken_ != LL_OK) {                                                                               \
            ll_array_deinit(&column_);                                                                       \
            return taken_;                                                                                   \
        }                                                                                                    \
    } while (0)

static ll_status set_pairs(ll_record *record, const ll_persistence_pair *pairs, int64_t count,
                           const bool *unresolved, int64_t components, ll_error *error)
{
    TAKE_COLUMN(record, "pair_birth", "vertex", LL_ARRAY_INT64, int64_t, count, pairs[i].birth);
    TAKE_COLUMN(record, "pair_death", "vertex", LL_ARRAY_INT64, int64_t, count, pairs[i].death);
    TAKE_COLUMN(record, "pair_birth_value", "value", LL_ARRAY_FLOAT64, double, count, pairs[i].birth_value);
    TAKE_COLUMN(record, "pair_death_value", "value", LL_ARRAY_FLOAT64, double, count, pairs[i].death_value);
    TAKE_COLUMN(record, "pair_elder", "", LL_ARRAY_INT64, int64_t, count, pairs[i].elder);
    TAKE_COLUMN(record, "pair_dimension", "", LL_ARRAY_INT32, int32_t, count, pairs[i].dimension);
    TAKE_COLUMN(record, "pair_essential", "", LL_ARRAY_UINT8, uint8_t, count, pairs[i].essential);
    /* Halves of the data say something about components alone. */
    if (unresolved != NULL)
        TAKE_COLUMN(record, "pair_resolved", "", LL_ARRAY_UINT8, uint8_t, count,
                    i >= components || !unresolved[i]);
    return LL_OK;
}

static ll_status set_nodes(ll_record *record, const ll_merge_tree *tree, ll_error *error)
{
    TAKE_COLUMN(record, "node_vertex", "vertex", LL_ARRAY_INT64, int64_t, tree->node_count,
                tree->nodes[i].vertex);
    TAKE_COLUMN(record, "node_parent", "", LL_ARRAY_INT64, int64_t, tree->node_count, tree->nodes[i].parent);
    TAKE_COLUMN(record, "node_size", "vertices", LL_ARRAY_INT64, int64_t, tree->node_count,
                tree->nodes[i].size);
    TAKE_COLUMN(record, "node_value", "value", LL_ARRAY_FLOAT64, double, tree->node_count,
                tree->nodes[i].value);
    return LL_OK;
}

static ll_status set_critical(ll_record *record, const ll_critical_point *points, int64_t count,
                              ll_error *error)
{
    TAKE_COLUMN(record, "critical_vertex", "vertex", LL_ARRAY_INT64, int64_t, count, points[i].vertex);
    TAKE_COLUMN(record, "critical_kind", "", LL_ARRAY_INT32, int32_t, count, points[i].kind);
    TAKE_COLUMN(record, "critical_value", "value", LL_ARRAY_FLOAT64, double, count, points[i].value);
    return LL_OK;
}

static ll_status set_numbers(ll_record *record, const ll_merge_tree *tree, ll_error *error)
{
    ll_topology_numbers numbers;
    int64_t count;
    const ll_topology_number_info *list = ll_topology_number_list(&count);
    LL_TRY(ll_topology_numbers_of_tree(tree, &numbers, error));
    for (int64_t k = 0; k < count; k++) {
        double value;
        memcpy(&value, (const char *)&numbers + list[k].offset, sizeof value);
        LL_TRY(ll_record_set_real(record, list[k].name, list[k].unit, value, error));
    }
    return LL_OK;
}

static ll_status set_origin(ll_record *record, const ll_topology_record_options *options,
                            ll_connectivity connectivity, int rank, ll_error *error)
{
    LL_TRY(ll_record_set_integer(record, "source_record", "", options->source_record, error));
    LL_TRY(ll_record_set_text(record, "field", options->field != NULL ? options->field : "value", error));
    LL_TRY(ll_record_set_text(record, "connectivity", ll_connectivity_name(connectivity), error));
    LL_TRY(ll_record_set_integer(record, "superlevel", "", options->superlevel, error));
    return ll_record_set_integer(record, "dimensions", "", rank, error);
}

static ll_status set_axes(ll_record *record, const ll_grid_field *field, ll_error *error)
{
    for (int k = 0; k < field->rank; k++) {
        char name[24];
        snprintf(name, sizeof name, "axis_%d", k);
        if (field->coordinates[k] != NULL)
            LL_TRY(ll_record_set_reals(record, name, "", field->coordinates[k], field->shape[k], error));
    }
    return LL_OK;
}

/* The tree's part, and the loops and voids of `higher` (may be NULL) behind the components. */
static ll_status set_tree(ll_record *record, const ll_topology_record_options *options, ll_array_type type,
                          int rank, const int64_t *shape, const ll_merge_tree *tree,
                          const ll_persistence_diagram *higher, ll_error *error)
{
    int64_t more = higher != NULL ? higher->count : 0, count = tree->minima + more;
    bool *unresolved = NULL;
    ll_persistence_pair *pairs = ll_allocate_array(count, sizeof *pairs);
    ll_status status =
        pairs != NULL ? LL_OK : ll_fail_memory(error, "topology", (size_t)count * sizeof *pairs);
    if (status == LL_OK && tree->minima > 0) memcpy(pairs, tree->pairs, (size_t)tree->minima * sizeof *pairs);
    if (status == LL_OK && more > 0)
        memcpy(pairs + tree->minima, higher->pairs, (size_t)more * sizeof *pairs);
    if (status == LL_OK && options->half_a != NULL && options->half_b != NULL) {
        ll_significance significance;
        unresolved = ll_allocate_array(tree->minima, sizeof *unresolved);
        status = unresolved == NULL ? ll_fail_memory(error, "topology", (size_t)tree->minima)
                                    : ll_significance_of_halves(tree, type, options->half_a, options->half_b,
                                                                &significance, unresolved, error);
    }
    if (status == LL_OK) status = set_pairs(record, pairs, count, unresolved, tree->minima, error);
    ll_free(pairs);
    ll_free(unresolved);
    if (status == LL_OK) status = set_nodes(record, tree, error);
    ll_array map = {.type = LL_ARRAY_INT32, .rank = rank};
    memcpy(map.shape, shape, (size_t)rank * sizeof *shape);
    map.data = tree->basins;
    if (status == LL_OK) status = ll_record_set_array(record, "basins", "vertex", &map, error);
    map.data = tree->arcs;
    if (status == LL_OK) status = ll_record_set_array(record, "arcs", "", &map, error);
    return status == LL_OK ? set_numbers(record, tree, error) : status;
}

static ll_topology_options computing(const ll_topology_record_options *options)
{
    ll_topology_options chosen = ll_topology_options_default();
    chosen.connectivity = options->connectivity;
    chosen.superlevel = options->superlevel;
    chosen.outputs = everything;
    chosen.team = options->team;
    chosen.memory_limit = options->memory_limit;
    return chosen;
}

static ll_status fill_of_grid(ll_record *record, const ll_grid_field *field,
                              const ll_topology_record_options *options, ll_error *error)
{
    ll_topology_options chosen = computing(options);
    bool drawn = field->rank == 2 || field->rank == 3;
    int highest = !drawn || options->highest_dimension < 0
                      ? 0
                      : (int)ll_min_int64(options->highest_dimension, field->rank - 1);
    ll_merge_tree tree;
    ll_persistence_diagram higher = {0};
    ll_critical_point *points = NULL;
    int64_t count = 0;
    LL_TRY(ll_merge_tree_of_grid(field, &chosen, &tree, error));
    ll_status status = highest > 0 ? ll_persistence_of_grid(field, &chosen, &higher, error) : LL_OK;
    /* By ascending dimension: voids that are not wanted are the last. */
    if (highest == 1) higher.count = higher.loops;
    if (status == LL_OK && drawn) status = ll_critical_points_of_grid(field, &chosen, &points, &count, error);
    if (status == LL_OK) status = set_origin(record, options, options->connectivity, field->rank, error);
    if (status == LL_OK) status = set_axes(record, field, error);
    if (status == LL_OK) status = ll_record_set_integer(record, "highest_dimension", "", highest, error);
    if (status == LL_OK)
        status = set_tree(record, options, field->type, field->rank, field->shape, &tree, &higher, error);
    if (status == LL_OK) status = set_critical(record, points, count, error);
    ll_free(points);
    ll_persistence_diagram_deinit(&higher);
    ll_merge_tree_deinit(&tree);
    return status;
}

static ll_status fill_of_graph(ll_record *record, const ll_graph_field *field,
                               const ll_topology_record_options *options, ll_error *error)
{
    ll_topology_options chosen = computing(options);
    ll_merge_tree tree;
    LL_TRY(ll_merge_tree_of_graph(field, &chosen, &tree, error));
    ll_status status = set_origin(record, options, field->connectivity, 0, error);
    if (status == LL_OK) status = ll_record_set_integer(record, "highest_dimension", "", 0, error);
    if (status == LL_OK)
        status = set_tree(record, options, field->type, 1, &field->vertices, &tree, NULL, error);
    if (status == LL_OK) status = set_critical(record, NULL, 0, error);
    ll_merge_tree_deinit(&tree);
    return status;
}

static ll_status make(const ll_grid_field *grid, const ll_graph_field *graph,
                      const ll_topology_record_options *options, ll_record **record, ll_error *error)
{
    static const ll_topology_record_options defaults = {0};
    if (options == NULL) options = &defaults;
    ll_record *made = ll_record_create("topology");
    if (made == NULL) return ll_fail_memory(error, "topology", 0);
    ll_status status =
        grid != NULL ? fill_of_grid(made, grid, options, error) : fill_of_graph(made, graph, options, error);
    if (status != LL_OK) {
        ll_record_destroy(made);
        return status;
    }
    *record = made;
    return LL_OK;
}

ll_status ll_topology_record_of_grid(const ll_grid_field *field, const ll_topology_record_options *options,
                                     ll_record **record, ll_error *error)
{
    return make(field, NULL, options, record, error);
}

ll_status ll_topology_record_of_graph(const ll_graph_field *field, const ll_topology_record_options *options,
                                      ll_record **record, ll_error *error)
{
    return make(NULL, field, options, record, error);
}
