/* The plain merge tree: all vertices in ascending order, joined to their lower neighbours by union-find
 * (Carr, Snoeyink, Axen 2003). Nothing clever, so it is the oracle of the fast path; it also serves
 * graphs and grids of five and six axes. */
#include "topology/internal.h"

#include <math.h>
#include <string.h>

/* Lower neighbours of one vertex, whatever the domain is. */
typedef struct neighbourhood {
    const ll_graph_field *graph; /* NULL: a grid */
    const ll_grid_field *grid;
    int rank, offset_count;
    int8_t offset[728][LL_FIELD_MAX_RANK];
    int64_t delta[728];
    int64_t place[728]; /* the neighbours last listed */
} neighbourhood;

static int64_t list_neighbours(neighbourhood *around, int64_t v, const int32_t **from_graph)
{
    if (around->graph != NULL) {
        *from_graph = around->graph->neighbours + around->graph->offsets[v];
        return around->graph->offsets[v + 1] - around->graph->offsets[v];
    }
    int64_t coordinate[LL_FIELD_MAX_RANK];
    for (int axis = around->rank - 1, done = 0; !done; axis--) {
        coordinate[axis] = v % around->grid->shape[axis];
        v /= around->grid->shape[axis];
        done = axis == 0;
    }
    int64_t self = 0;
    for (int axis = 0; axis < around->rank; axis++)
        self = self * around->grid->shape[axis] + coordinate[axis];
    int64_t count = 0;
    for (int j = 0; j < around->offset_count; j++) {
        bool inside = true;
        for (int axis = 0; axis < around->rank && inside; axis++) {
            int64_t there = coordinate[axis] + around->offset[j][axis];
            inside = there >= 0 && there < around->grid->shape[axis];
        }
        if (inside) around->place[count++] = self + around->delta[j];
    }
    *from_graph = NULL;
    return count;
}

int topology_offsets(ll_connectivity connectivity, int rank, int8_t offset[][LL_FIELD_MAX_RANK])
{
    int cells = 1, count = 0;
    for (int axis = 0; axis < rank; axis++) cells *= 3;
    for (int cell = 0; cell < cells; cell++) {
        int8_t step[LL_FIELD_MAX_RANK] = {0};
        int moved = 0;
        bool up = true, down = true;
        for (int axis = rank - 1, rest = cell; axis >= 0; axis--, rest /= 3) {
            step[axis] = (int8_t)(rest % 3 - 1);
            moved += step[axis] != 0;
            int facing =
                connectivity == LL_CONNECTIVITY_FREUDENTHAL && axis == rank - 1 ? -step[axis] : step[axis];
            up = up && facing >= 0;
            down = down && facing <= 0;
        }
        bool wanted = moved > 0;
        if (connectivity == LL_CONNECTIVITY_AXIS) wanted = moved == 1;
        else if (connectivity != LL_CONNECTIVITY_BOX) wanted = wanted && (up || down);
        if (wanted) memcpy(offset[count++], step, sizeof step);
    }
    return count;
}

/* Everything per vertex, in one allocation. */
typedef struct sweep {
    int64_t vertices, valid;
    uint64_t *keys, *key_scratch;    /* of valid vertices, sorted */
    uint32_t *order, *order_scratch; /* ids, sorted; scratch is reused as `node_of` */
    int32_t *rank;                   /* place in the order; -1: excluded */
    int32_t *component;              /* union-find over vertices; the root is the component's lowest vertex */
    int32_t *top;                    /* per root: its highest tree node so far (temporary number) */
    int32_t *minimum;                /* basins by vertex */
    int32_t *arc;                    /* per vertex: temporary node number */
} sweep;

static int32_t find(int32_t *component, int32_t v)
{
    while (component[v] != v) {
        component[v] = component[component[v]];
        v = component[v];
    }
    return v;
}

typedef struct sweep_node {
    int64_t vertex, parent, size;
} sweep_node;

size_t topology_sweep_bytes(int64_t vertices)
{
    /* keys, order (both with scratch), rank, component, top, minimum, arc; nodes (at most one a vertex)
     * with their renumbering; pairs by vertex: death and elder. */
    return (size_t)vertices * (8 + 8 + 4 + 4 + 4 + 4 + 4 + 4 + 4 + sizeof(sweep_node) + 8 + 8 + 8) +
           16 * LL_ALIGNMENT;
}

static void *carve(char **from, int64_t count, size_t element)
{
    void *here = *from;
    size_t bytes = ((size_t)count * element + LL_ALIGNMENT - 1) & ~(size_t)(LL_ALIGNMENT - 1);
    *from += bytes;
    return here;
}

static double value_of(const neighbourhood *around, int64_t v)
{
    return (around->graph != NULL ? ll_graph_field_value(around->graph, v)
                                  : ll_grid_field_value(around->grid, v)) +
           0.0;
}

static ll_status sweep_run(neighbourhood *around, int64_t vertices, const ll_topology_options *options,
                           ll_topology_workspace *workspace, ll_merge_tree *tree, ll_error *error)
{
    void *memory;
    size_t need = topology_sweep_bytes(vertices);
    LL_TRY(topology_reserve(&workspace->slots[SLOT_SWEEP], need, 0, &memory, error));
    char *cursor = memory;
    sweep s = {.vertices = vertices};
    s.keys = carve(&cursor, vertices, 8);
    s.key_scratch = carve(&cursor, vertices, 8);
    s.order = carve(&cursor, vertices, 4);
    s.order_scratch = carve(&cursor, vertices, 4);
    s.rank = carve(&cursor, vertices, 4);
    s.component = carve(&cursor, vertices, 4);
    s.top = carve(&cursor, vertices, 4);
    s.minimum = carve(&cursor, vertices, 4);
    s.arc = carve(&cursor, vertices, 4);
    sweep_node *nodes = carve(&cursor, vertices, sizeof *nodes);
    int64_t *renumber = carve(&cursor, vertices, 8);
    int64_t *death = carve(&cursor, vertices, 8);
    int64_t *elder = carve(&cursor, vertices, 8);

    for (int64_t v = 0; v < vertices; v++) {
        s.rank[v] = -1;
        double value = value_of(around, v);
        if (!isfinite(value)) continue;
        s.keys[s.valid] = topology_key64(value, options->superlevel);
        s.order[s.valid++] = (uint32_t)v;
    }
    topology_sort_keys(s.keys, s.order, s.key_scratch, s.order_scratch, s.valid);
    for (int64_t place = 0; place < s.valid; place++) s.rank[s.order[place]] = (int32_t)place;

    int64_t node_count = 0, minima = 0, saddles = 0;
    for (int64_t place = 0; place < s.valid; place++) {
        int32_t v = (int32_t)s.order[place];
        const int32_t *from_graph;
        int64_t neighbours = list_neighbours(around, v, &from_graph);
        int32_t lowest = -1;   /* root of the component that survives */
        int32_t steepest = -1; /* lowest neighbour */
        bool several = false;
        for (int64_t j = 0; j < neighbours; j++) {
            int32_t u = from_graph != NULL ? from_graph[j] : (int32_t)around->place[j];
            if (s.rank[u] < 0 || s.rank[u] >= place) continue;
            if (steepest < 0 || s.rank[u] < s.rank[steepest]) steepest = u;
            int32_t root = find(s.component, u);
            if (lowest >= 0 && root != lowest) several = true;
            if (lowest < 0 || s.rank[root] < s.rank[lowest]) lowest = root;
        }
        if (lowest < 0 || several) {
            nodes[node_count] = (sweep_node){.vertex = v, .parent = -1};
            if (lowest < 0) {
                minima++;
                s.component[v] = v;
                death[v] = -1;
                s.minimum[v] = v;
                lowest = v;
            } else {
                saddles++;
                s.minimum[v] = s.minimum[steepest];
                nodes[s.top[lowest]].parent = node_count;
                for (int64_t j = 0; j < neighbours; j++) {
                    int32_t u = from_graph != NULL ? from_graph[j] : (int32_t)around->place[j];
                    if (s.rank[u] < 0 || s.rank[u] >= place) continue;
                    int32_t root = find(s.component, u);
                    if (root == lowest) continue;
                    nodes[s.top[root]].parent = node_count;
                    death[root] = v;
                    elder[root] = lowest;
                    s.component[root] = lowest;
                }
                s.component[v] = lowest;
            }
            s.top[lowest] = (int32_t)node_count++;
        } else {
            s.component[v] = lowest;
            s.minimum[v] = s.minimum[steepest];
        }
        s.arc[v] = s.top[lowest];
        nodes[s.arc[v]].size++;
    }

    /* The last vertex of each component is its root. */
    int64_t components = 0, plain_roots = 0;
    for (int64_t place = s.valid - 1; place >= 0; place--) {
        int32_t v = (int32_t)s.order[place];
        int32_t root = find(s.component, v);
        if (death[root] != -1) continue;
        death[root] = -2 - (int64_t)v;
        components++;
        if (nodes[s.top[root]].vertex == v) continue;
        nodes[s.top[root]].size--;
        nodes[s.top[root]].parent = node_count;
        nodes[node_count] = (sweep_node){.vertex = v, .parent = -1, .size = 1};
        s.arc[v] = (int32_t)node_count++;
        plain_roots++;
    }

    ll_merge_tree made = {.connectivity =
                              around->graph != NULL ? around->graph->connectivity : options->connectivity,
                          .superlevel = options->superlevel,
                          .vertices = vertices,
                          .excluded = vertices - s.valid,
                          .minima = minima,
                          .saddles = saddles,
                          .merges = minima - components,
                          .components = components,
                          .peak_bytes = need};
    unsigned outputs = options->outputs;
    bool with_tree = (outputs & (LL_TOPOLOGY_TREE | LL_TOPOLOGY_SIZES | LL_TOPOLOGY_ARCS)) != 0;
    made.pairs = topology_allocate((size_t)minima * sizeof *made.pairs);
    bool failed = made.pairs == NULL;
    if (with_tree) {
        made.nodes = topology_allocate((size_t)node_count * sizeof *made.nodes);
        failed = failed || made.nodes == NULL;
    }
    if ((outputs & LL_TOPOLOGY_BASINS) != 0) {
        made.basins = topology_allocate((size_t)vertices * sizeof *made.basins);
        failed = failed || made.basins == NULL;
    }
    if ((outputs & LL_TOPOLOGY_ARCS) != 0) {
        made.arcs = topology_allocate((size_t)vertices * sizeof *made.arcs);
        failed = failed || made.arcs == NULL;
    }
    if (failed) {
        ll_merge_tree_deinit(&made);
        return ll_fail_memory(error, TOPOLOGY, (size_t)vertices);
    }

    /* Minima by vertex id; saddles from the lowest to the highest; plain roots from the lowest too. */
    int64_t next_minimum = 0, next_saddle = minima;
    for (int64_t v = 0; v < vertices; v++) {
        if (s.rank[v] >= 0 && s.minimum[v] == v) s.top[v] = (int32_t)next_minimum++;
    }
    for (int64_t node = 0; node < node_count; node++) {
        int64_t vertex = nodes[node].vertex;
        if (node >= node_count - plain_roots) renumber[node] = minima + saddles + (node_count - 1 - node);
        else renumber[node] = s.minimum[vertex] == vertex ? s.top[vertex] : next_saddle++;
    }
    for (int64_t v = 0; v < vertices; v++) {
        if (s.rank[v] < 0 || s.minimum[v] != v) continue;
        bool essential = death[v] < 0;
        int64_t last = essential ? -2 - death[v] : death[v];
        made.pairs[s.top[v]] = (ll_persistence_pair){.birth = v,
                                                     .death = last,
                                                     .birth_value = value_of(around, v),
                                                     .death_value = value_of(around, last),
                                                     .elder = essential ? -1 : s.top[elder[v]],
                                                     .essential = essential};
    }
    if (with_tree) {
        made.node_count = node_count;
        made.has_sizes = (outputs & (LL_TOPOLOGY_SIZES | LL_TOPOLOGY_ARCS)) != 0;
        for (int64_t node = 0; node < node_count; node++) {
            made.nodes[renumber[node]] =
                (ll_tree_node){.vertex = nodes[node].vertex,
                               .parent = nodes[node].parent < 0 ? -1 : renumber[nodes[node].parent],
                               .size = made.has_sizes ? nodes[node].size : 0,
                               .value = value_of(around, nodes[node].vertex)};
        }
    }
    for (int64_t v = 0; v < vertices; v++) {
        bool valid = s.rank[v] >= 0;
        if (made.basins != NULL) made.basins[v] = valid ? s.minimum[v] : -1;
        if (made.arcs != NULL) made.arcs[v] = valid ? (int32_t)renumber[s.arc[v]] : -1;
    }
    *tree = made;
    return LL_OK;
}

ll_status topology_sweep_grid(const ll_grid_field *field, const ll_topology_options *options,
                              ll_topology_workspace *workspace, ll_merge_tree *tree, ll_error *error)
{
    neighbourhood *around = ll_allocate(sizeof *around);
    if (around == NULL) return ll_fail_memory(error, TOPOLOGY, sizeof *around);
    around->graph = NULL;
    around->grid = field;
    around->rank = field->rank;
    around->offset_count = topology_offsets(options->connectivity, field->rank, around->offset);
    for (int j = 0; j < around->offset_count; j++) {
        around->delta[j] = 0;
        for (int axis = 0; axis < field->rank; axis++) {
            around->delta[j] = around->delta[j] * field->shape[axis] + around->offset[j][axis];
        }
    }
    ll_status status = sweep_run(around, ll_grid_field_vertices(field), options, workspace, tree, error);
    ll_free(around);
    return status;
}

ll_status topology_sweep_graph(const ll_graph_field *field, const ll_topology_options *options,
                               ll_topology_workspace *workspace, ll_merge_tree *tree, ll_error *error)
{
    neighbourhood *around = ll_allocate(sizeof *around);
    if (around == NULL) return ll_fail_memory(error, TOPOLOGY, sizeof *around);
    around->graph = field;
    around->grid = NULL;
    ll_status status = sweep_run(around, field->vertices, options, workspace, tree, error);
    ll_free(around);
    return status;
}
