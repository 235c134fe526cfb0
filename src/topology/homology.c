/* Loops and voids.
 *
 * Top dimension but one (loops in 2-D, voids in 3-D): Alexander duality. Going down from the highest level,
 * the cells of dimension rank - 1 join the top cells on their two sides; outside and holes were there
 * before all others. A cell that joins two parts of the complement gives birth to the class that ends when the part
 * with the lower beginning appears (Edelsbrunner, Harer: Computational Topology, 2010; Garin et al. 2020).
 *
 * Loops in 3-D: column reduction of the boundaries of the 2-cells (Edelsbrunner, Letscher, Zomorodian 2002),
 * with both neighbouring dimensions cleared (Chen, Kerber 2011): 2-cells that give birth to a void have no column, and edges that join
 * components have no row. Most columns are the boundary of their cell as it stands and are not stored. */
#include "topology/complex.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct pair_list {
    const topology_complex *complex;
    const ll_grid_field *field;
    bool superlevel;
    ll_persistence_pair *pairs;
    int64_t count, room;
} pair_list;

static double value_of(const pair_list *list, int64_t v) { return ll_grid_field_value(list->field, v) + 0.0; }

/* Levels are ranks; ABSENT as death means never. */
static ll_status add_pair(pair_list *list, int dimension, uint32_t birth, uint32_t death, ll_error *error)
{
    if (birth == death) return LL_OK;
    if (list->count == list->room) {
        int64_t room = list->room < 64 ? 64 : 2 * list->room;
        ll_persistence_pair *grown = ll_allocate_array(room, sizeof *grown);
        if (grown == NULL) return ll_fail_memory(error, TOPOLOGY, (size_t)room * sizeof *grown);
        if (list->count > 0) memcpy(grown, list->pairs, (size_t)list->count * sizeof *grown);
        ll_free(list->pairs);
        list->pairs = grown;
        list->room = room;
    }
    int64_t born = list->complex->order[birth],
            filled = death == ABSENT ? -1 : (int64_t)list->complex->order[death];
    double never = list->superlevel ? -INFINITY : INFINITY;
    list->pairs[list->count++] =
        (ll_persistence_pair){.birth = born,
                              .death = filled,
                              .birth_value = value_of(list, born),
                              .death_value = filled < 0 ? never : value_of(list, filled),
                              .elder = -1,
                              .dimension = dimension,
                              .essential = filled < 0};
    return LL_OK;
}

/* Present cells of one dimension in ascending level, as place * types + type; equal levels by that number.
 * *cells is from ll_allocate. */
static ll_status sort_cells(const topology_complex *complex, int dimension, uint32_t **cells, int64_t *count,
                            ll_error *error)
{
    uint32_t *start = ll_allocate_zeroed((size_t)(complex->valid + 1) * 4);
    if (start == NULL) return ll_fail_memory(error, TOPOLOGY, (size_t)(complex->valid + 1) * 4);
    int64_t total = 0;
    uint32_t *sorted = NULL;
    for (int filling = 0; filling < 2; filling++) {
        for (int64_t place = 0; place < complex->places; place++) {
            for (int type = 0; type < complex->types; type++) {
                if (complex->type[type].dimension != dimension) continue;
                uint32_t level = topology_complex_level(complex, place, type);
                if (level == ABSENT) continue;
                if (filling) sorted[start[level]++] = (uint32_t)(place * complex->types + type);
                else start[level]++;
            }
        }
        if (filling) break;
        for (int64_t level = 0; level < complex->valid; level++) {
            uint32_t here = start[level];
            start[level] = (uint32_t)total;
            total += here;
        }
        sorted = ll_allocate_array(total, sizeof *sorted);
        if (sorted == NULL) {
            ll_free(start);
            return ll_fail_memory(error, TOPOLOGY, (size_t)total * sizeof *sorted);
        }
    }
    ll_free(start);
    *cells = sorted;
    *count = total;
    return LL_OK;
}

static uint32_t find(uint32_t *up, uint32_t a)
{
    while (up[a] != a) {
        up[a] = up[up[a]];
        a = up[a];
    }
    return a;
}

/* Number of a top cell among all (place, top type); what lies before the padding is outside, like place 0. */
static uint32_t top_cell(const topology_complex *complex, int64_t place, const complex_face *coface)
{
    int64_t there = place + coface->shift;
    if (there < 0) there = 0;
    return (uint32_t)(there * complex->per_dimension[complex->rank] + complex->type[coface->type].number);
}

/* Pairs of dimension rank - 1. births, where not NULL, gets a mark for every cell (place * types + type)
 * that gives birth to one, instantly filled ones included. */
static ll_status pair_walls(const topology_complex *complex, uint8_t *births, pair_list *list,
                            ll_error *error)
{
    int64_t tops = complex->places * complex->per_dimension[complex->rank];
    uint32_t *up = topology_allocate((size_t)tops * 4), *level = topology_allocate((size_t)tops * 4);
    uint32_t *walls = NULL;
    int64_t count = 0;
    ll_status status =
        up == NULL || level == NULL ? ll_fail_memory(error, TOPOLOGY, (size_t)tops * 8) : LL_OK;
    if (status == LL_OK) status = sort_cells(complex, complex->rank - 1, &walls, &count, error);
    if (status != LL_OK) {
        ll_free(up);
        ll_free(level);
        return status;
    }
    for (int64_t place = 0; place < complex->places; place++) {
        for (int type = 0; type < complex->types; type++) {
            if (complex->type[type].dimension != complex->rank) continue;
            int64_t top = place * complex->per_dimension[complex->rank] + complex->type[type].number;
            up[top] = (uint32_t)top;
            level[top] = topology_complex_level(complex, place, type);
        }
    }
    /* Outside, and holes: what absent walls do not separate. */
    for (int64_t place = 0; place < complex->places; place++) {
        for (int type = 0; type < complex->types; type++) {
            const complex_type *kind = &complex->type[type];
            if (kind->dimension != complex->rank - 1) continue;
            if (topology_complex_level(complex, place, type) != ABSENT) continue;
            uint32_t a = find(up, top_cell(complex, place, &kind->coface[0]));
            uint32_t b = find(up, top_cell(complex, place, &kind->coface[1]));
            up[a] = b;
        }
    }
    for (int64_t i = count - 1; i >= 0 && status == LL_OK; i--) {
        int64_t place = walls[i] / (uint32_t)complex->types;
        int type = (int)(walls[i] % (uint32_t)complex->types);
        const complex_type *kind = &complex->type[type];
        uint32_t a = find(up, top_cell(complex, place, &kind->coface[0]));
        uint32_t b = find(up, top_cell(complex, place, &kind->coface[1]));
        if (a == b) continue;
        /* Roots are the highest top cells; the lower of the two ends the class. */
        if (level[a] < level[b]) {
            uint32_t other = a;
            a = b;
            b = other;
        }
        up[b] = a;
        if (births != NULL) births[walls[i]] = 1;
        status =
            add_pair(list, complex->rank - 1, topology_complex_level(complex, place, type), level[b], error);
    }
    ll_free(up);
    ll_free(level);
    ll_free(walls);
    return status;
}

/* ------------------------------------------------------------------ loops in 3-D */

typedef struct column {
    uint32_t cell;
    uint32_t length; /* 0: the boundary of the cell, not stored */
    int64_t start;
} column;

typedef struct reduction {
    const topology_complex *complex;
    uint8_t *joins;  /* per edge slot: joins components */
    uint32_t *owner; /* per edge slot: column whose highest edge it is, or NO_INDEX */
    column *columns;
    int64_t column_count, column_room;
    uint64_t *entries; /* of stored columns */
    int64_t entry_count, entry_room;
    uint64_t *heap; /* highest first */
    int64_t heap_count, heap_room;
} reduction;

static uint32_t edge_slot(const topology_complex *complex, uint32_t cell)
{
    uint32_t types = (uint32_t)complex->types;
    return cell / types * (uint32_t)complex->per_dimension[1] + (uint32_t)complex->type[cell % types].number;
}

static ll_status make_room(void **memory, int64_t *room, int64_t wanted, size_t element, int64_t keep,
                           ll_error *error)
{
    if (wanted <= *room) return LL_OK;
    int64_t more = ll_max_int64(wanted, ll_max_int64(1024, *room + *room / 2));
    void *grown = ll_allocate_array(more, element);
    if (grown == NULL) return ll_fail_memory(error, TOPOLOGY, (size_t)more * element);
    if (keep > 0) memcpy(grown, *memory, (size_t)keep * element);
    ll_free(*memory);
    *memory = grown;
    *room = more;
    return LL_OK;
}

static ll_status push(reduction *r, uint64_t key, ll_error *error)
{
    LL_TRY(make_room((void **)&r->heap, &r->heap_room, r->heap_count + 1, 8, r->heap_count, error));
    int64_t at = r->heap_count++;
    while (at > 0 && r->heap[(at - 1) / 2] < key) {
        r->heap[at] = r->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    r->heap[at] = key;
    return LL_OK;
}

static uint64_t pop(reduction *r)
{
    uint64_t top = r->heap[0], last = r->heap[--r->heap_count];
    int64_t at = 0;
    for (;;) {
        int64_t child = 2 * at + 1;
        if (child >= r->heap_count) break;
        if (child + 1 < r->heap_count && r->heap[child + 1] > r->heap[child]) child++;
        if (r->heap[child] <= last) break;
        r->heap[at] = r->heap[child];
        at = child;
    }
    if (r->heap_count > 0) r->heap[at] = last;
    return top;
}

/* Highest entry that is there an odd number of times, taken out; false: the column is empty. */
static bool pop_pivot(reduction *r, uint64_t *pivot)
{
    while (r->heap_count > 0) {
        uint64_t key = pop(r);
        if (r->heap_count > 0 && r->heap[0] == key) {
            pop(r);
            continue;
        }
        *pivot = key;
        return true;
    }
    return false;
}

/* Edges of a 2-cell that do not join components, as level << 32 | cell; returns how many. */
static int boundary(const reduction *r, uint32_t cell, uint64_t *keys)
{
    const topology_complex *complex = r->complex;
    int64_t place = cell / (uint32_t)complex->types;
    const complex_type *kind = &complex->type[cell % (uint32_t)complex->types];
    int count = 0;
    for (int f = 0; f < kind->faces; f++) {
        int64_t there = place + kind->face[f].shift;
        uint32_t edge = (uint32_t)(there * complex->types + kind->face[f].type);
        if (r->joins[edge_slot(complex, edge)]) continue;
        keys[count++] = (uint64_t)topology_complex_level(complex, there, kind->face[f].type) << 32 | edge;
    }
    return count;
}

static ll_status reduce_column(reduction *r, uint32_t cell, pair_list *list, ll_error *error)
{
    const topology_complex *complex = r->complex;
    uint64_t keys[6], pivot = 0;
    int count = boundary(r, cell, keys);
    for (int k = 0; k < count; k++) pivot = keys[k] > pivot ? keys[k] : pivot;
    int64_t start = r->entry_count;
    /* A column with edges of its own is never empty: cells that would give birth to voids have none. */
    if (count == 0) return ll_fail(error, LL_INTERNAL, TOPOLOGY, NULL, "a 2-cell bounds nothing");
    if (r->owner[edge_slot(complex, (uint32_t)pivot)] != NO_INDEX) {
        r->heap_count = 0;
        for (int k = 0; k < count; k++) LL_TRY(push(r, keys[k], error));
        for (;;) {
            if (!pop_pivot(r, &pivot)) {
                return ll_fail(error, LL_INTERNAL, TOPOLOGY, NULL,
                               "a column of the boundary matrix vanished");
            }
            uint32_t other = r->owner[edge_slot(complex, (uint32_t)pivot)];
            if (other == NO_INDEX) break;
            /* The other's pivot cancels this one, which is out of the heap already. */
            const column *added = &r->columns[other];
            if (added->length == 0) {
                count = boundary(r, added->cell, keys);
                for (int k = 0; k < count; k++) {
                    if (keys[k] != pivot) LL_TRY(push(r, keys[k], error));
                }
            } else {
                for (uint32_t k = 1; k < added->length; k++) {
                    LL_TRY(push(r, r->entries[added->start + k], error));
                }
            }
        }
        uint64_t next = pivot;
        do {
            LL_TRY(make_room((void **)&r->entries, &r->entry_room, r->entry_count + 1, 8, r->entry_count,
                             error));
            r->entries[r->entry_count++] = next;
        } while (pop_pivot(r, &next));
    }
    LL_TRY(make_room((void **)&r->columns, &r->column_room, r->column_count + 1, sizeof(column),
                     r->column_count, error));
    r->owner[edge_slot(complex, (uint32_t)pivot)] = (uint32_t)r->column_count;
    r->columns[r->column_count++] = (column){cell, (uint32_t)(r->entry_count - start), start};
    int64_t place = cell / (uint32_t)complex->types;
    uint32_t death = topology_complex_level(complex, place, (int)(cell % (uint32_t)complex->types));
    return add_pair(list, 1, (uint32_t)(pivot >> 32), death, error);
}

static ll_status mark_joins(const topology_complex *complex, const uint32_t *edges, int64_t count,
                            uint8_t *joins, ll_error *error)
{
    uint32_t *up = topology_allocate((size_t)complex->places * 4);
    if (up == NULL) return ll_fail_memory(error, TOPOLOGY, (size_t)complex->places * 4);
    for (int64_t place = 0; place < complex->places; place++) up[place] = (uint32_t)place;
    for (int64_t i = 0; i < count; i++) {
        int64_t place = edges[i] / (uint32_t)complex->types;
        const complex_type *kind = &complex->type[edges[i] % (uint32_t)complex->types];
        uint32_t a = find(up, (uint32_t)(place + kind->face[0].shift));
        uint32_t b = find(up, (uint32_t)(place + kind->face[1].shift));
        if (a == b) continue;
        up[a] = b;
        joins[edge_slot(complex, edges[i])] = 1;
    }
    ll_free(up);
    return LL_OK;
}

static ll_status pair_loops(const topology_complex *complex, const uint8_t *fills_later, pair_list *list,
                            ll_error *error)
{
    int64_t slots = complex->places * complex->per_dimension[1], edge_count = 0, cell_count = 0;
    uint32_t *edges = NULL, *cells = NULL;
    reduction r = {.complex = complex};
    r.joins = topology_allocate((size_t)slots);
    r.owner = topology_allocate((size_t)slots * 4);
    ll_status status =
        r.joins == NULL || r.owner == NULL ? ll_fail_memory(error, TOPOLOGY, (size_t)slots * 5) : LL_OK;
    if (status == LL_OK) {
        memset(r.joins, 0, (size_t)slots);
        memset(r.owner, 0xFF, (size_t)slots * 4);
        status = sort_cells(complex, 1, &edges, &edge_count, error);
    }
    if (status == LL_OK) status = mark_joins(complex, edges, edge_count, r.joins, error);
    if (status == LL_OK) status = sort_cells(complex, 2, &cells, &cell_count, error);
    for (int64_t i = 0; i < cell_count && status == LL_OK; i++) {
        if (!fills_later[cells[i]]) status = reduce_column(&r, cells[i], list, error);
    }
    /* Loops that nothing fills. */
    for (int64_t i = 0; i < edge_count && status == LL_OK; i++) {
        uint32_t slot = edge_slot(complex, edges[i]);
        if (r.joins[slot] || r.owner[slot] != NO_INDEX) continue;
        int64_t place = edges[i] / (uint32_t)complex->types;
        status = add_pair(list, 1,
                          topology_complex_level(complex, place, (int)(edges[i] % (uint32_t)complex->types)),
                          ABSENT, error);
    }
    ll_free(edges);
    ll_free(cells);
    ll_free(r.joins);
    ll_free(r.owner);
    ll_free(r.columns);
    ll_free(r.entries);
    ll_free(r.heap);
    return status;
}

static int by_dimension_then_birth(const void *left, const void *right)
{
    const ll_persistence_pair *a = left, *b = right;
    if (a->dimension != b->dimension) return a->dimension < b->dimension ? -1 : 1;
    if (a->birth != b->birth) return a->birth < b->birth ? -1 : 1;
    return a->death < b->death ? -1 : a->death > b->death;
}

/* Scratch without the columns of loops in 3-D, whose length only the data knows. */
static size_t homology_bytes(const ll_grid_field *field, ll_connectivity connectivity)
{
    bool simplicial =
        connectivity == LL_CONNECTIVITY_FREUDENTHAL || connectivity == LL_CONNECTIVITY_FREUDENTHAL_PLUS;
    double places = 1;
    for (int axis = 0; axis < field->rank; axis++) places *= (double)field->shape[axis] + 2;
    double per_place = field->rank == 2 ? (simplicial ? 60 : 48) : (simplicial ? 200 : 92);
    double bytes = places * per_place;
    return bytes < 9e18 ? (size_t)bytes : SIZE_MAX;
}

ll_status ll_persistence_of_grid(const ll_grid_field *field, const ll_topology_options *options,
                                 ll_persistence_diagram *diagram, ll_error *error)
{
    ll_topology_options defaults = ll_topology_options_default();
    if (options == NULL) options = &defaults;
    LL_TRY(ll_grid_field_check(field, error));
    if (!ll_connectivity_is_grid(options->connectivity)) {
        return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, NULL, "connectivity \"%s\" is not one of a grid",
                       ll_connectivity_name(options->connectivity));
    }
    if (field->rank != 2 && field->rank != 3) {
        return ll_fail(error, LL_UNSUPPORTED, TOPOLOGY, NULL,
                       "loops and voids are computed for 2 and 3 axes, got %d", field->rank);
    }
    size_t need = homology_bytes(field, options->connectivity);
    if (options->memory_limit != 0 && need > options->memory_limit) {
        return ll_fail(error, LL_TOO_LARGE, TOPOLOGY, NULL,
                       "needs about %zu bytes (%.1f MiB), the limit is %zu", need, (double)need / 1048576.0,
                       options->memory_limit);
    }
    topology_complex complex;
    LL_TRY(topology_complex_init(&complex, field, options->connectivity, options->superlevel, error));
    pair_list list = {.complex = &complex, .field = field, .superlevel = options->superlevel};
    ll_status status = LL_OK;
    if (complex.valid > 0) {
        uint8_t *births = NULL;
        if (field->rank == 3) {
            births = topology_allocate((size_t)(complex.places * complex.types));
            if (births == NULL)
                status = ll_fail_memory(error, TOPOLOGY, (size_t)(complex.places * complex.types));
            else memset(births, 0, (size_t)(complex.places * complex.types));
        }
        if (status == LL_OK) status = pair_walls(&complex, births, &list, error);
        if (status == LL_OK && field->rank == 3) status = pair_loops(&complex, births, &list, error);
        ll_free(births);
    }
    topology_complex_deinit(&complex);
    if (status != LL_OK) {
        ll_free(list.pairs);
        return status;
    }
    if (list.count > 1) qsort(list.pairs, (size_t)list.count, sizeof *list.pairs, by_dimension_then_birth);
    ll_persistence_diagram made = {.connectivity = options->connectivity,
                                   .superlevel = options->superlevel,
                                   .count = list.count,
                                   .pairs = list.pairs,
                                   .peak_bytes = need + (size_t)list.room * sizeof *list.pairs};
    for (int64_t i = 0; i < made.count; i++) {
        if (made.pairs[i].dimension == 1) made.loops++;
        else made.voids++;
    }
    *diagram = made;
    return LL_OK;
}
