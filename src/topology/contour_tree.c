/* Contour tree (Carr, Snoeyink, Axen 2003): the join tree and the split tree of all vertices, merged by
 * plucking leaves. A vertex that is a leaf in one tree and has one child in the other is a leaf of the
 * contour tree; its arc is the one that it has in the tree where it is a leaf. */
#include "topology/order.h"

#include <string.h>

void ll_contour_tree_deinit(ll_contour_tree *tree)
{
    if (!tree) return;
    ll_free(tree->nodes), ll_free(tree->arcs), ll_free(tree->arcs_of_vertices);
    *tree = (ll_contour_tree){0};
}

/* Vertices are named by their rank in the order below. */
struct domain {
    const ll_grid_field *grid; /* one of the two */
    const ll_graph_field *graph;
    int offset_count;
    int8_t offset[728][LL_FIELD_MAX_RANK];
    uint32_t *sorted; /* vertex of a rank */
    int32_t *rank;    /* of a vertex; -1: excluded */
    int64_t valid;
    int64_t *neighbours; /* of the vertex last asked for; room for the largest number there is */
};

static int64_t list_neighbours(struct domain *domain, int64_t v)
{
    int64_t count = 0;
    if (domain->graph) {
        for (int64_t e = domain->graph->offsets[v]; e < domain->graph->offsets[v + 1]; e++)
            domain->neighbours[count++] = domain->graph->neighbours[e];
        return count;
    }
    const ll_grid_field *grid = domain->grid;
    int64_t place[LL_FIELD_MAX_RANK];
    for (int axis = grid->rank - 1; axis >= 0; axis--) {
        place[axis] = v % grid->shape[axis];
        v /= grid->shape[axis];
    }
    for (int j = 0; j < domain->offset_count; j++) {
        int64_t there = 0;
        bool inside = true;
        for (int axis = 0; axis < grid->rank && inside; axis++) {
            const int64_t x = place[axis] + domain->offset[j][axis];
            inside = x >= 0 && x < grid->shape[axis];
            there = there * grid->shape[axis] + x;
        }
        if (inside) domain->neighbours[count++] = there;
    }
    return count;
}

/* A join or split tree of all vertices. Children need not be listed: with one left, the exclusive or of
 * all that are left is that one. */
struct sweep_tree {
    int32_t *parent; /* -1: none */
    int32_t *children, *child;
};

static int32_t find(int32_t *forest, int32_t v)
{
    while (forest[v] != v) {
        forest[v] = forest[forest[v]];
        v = forest[v];
    }
    return v;
}

/* Ascending: join tree, descending: split tree. The root of a union-find set is its last vertex. */
static void sweep(struct domain *domain, bool ascending, struct sweep_tree *tree, int32_t *forest)
{
    for (int64_t step = 0; step < domain->valid; step++) {
        const int32_t at = (int32_t)(ascending ? step : domain->valid - 1 - step);
        forest[at] = at;
        tree->parent[at] = -1;
        tree->children[at] = 0;
        tree->child[at] = 0;
        const int64_t count = list_neighbours(domain, domain->sorted[at]);
        for (int64_t j = 0; j < count; j++) {
            const int32_t other = domain->rank[domain->neighbours[j]];
            if (other < 0 || (ascending ? other >= at : other <= at)) continue;
            const int32_t last = find(forest, other);
            if (last == at) continue;
            forest[last] = at;
            tree->parent[last] = at;
            tree->children[at]++;
            tree->child[at] ^= last;
        }
    }
}

/* Takes leaf v off the tree where it is a leaf. */
static void pluck(struct sweep_tree *tree, int32_t v)
{
    const int32_t parent = tree->parent[v];
    tree->children[parent]--;
    tree->child[parent] ^= v;
}

/* Takes v, which has one child, out of the other tree. */
static void splice(struct sweep_tree *tree, int32_t v)
{
    const int32_t parent = tree->parent[v], child = tree->child[v];
    tree->parent[child] = parent;
    if (parent >= 0) tree->child[parent] ^= v ^ child;
}

/* Arcs between vertices, `links` of them as (lower, upper) pairs. */
static int64_t merge(struct sweep_tree *join, struct sweep_tree *split, int64_t count, int32_t *queue,
                     int32_t *links)
{
    int64_t link_count = 0, end = 0;
    for (int64_t v = 0; v < count; v++)
        if (join->children[v] + split->children[v] == 1) queue[end++] = (int32_t)v;
    for (int64_t begin = 0; begin < end; begin++) {
        const int32_t v = queue[begin];
        if (join->children[v] + split->children[v] != 1) continue; /* the last one of its component */
        const bool upper = split->children[v] == 0;
        struct sweep_tree *leaf_in = upper ? split : join;
        const int32_t next = leaf_in->parent[v];
        if (next < 0) continue;
        links[2 * link_count] = upper ? next : v;
        links[2 * link_count++ + 1] = upper ? v : next;
        pluck(leaf_in, v);
        splice(upper ? join : split, v);
        join->children[v] = split->children[v] = 0;
        if (join->children[next] + split->children[next] == 1) queue[end++] = next;
    }
    return link_count;
}

static ll_status allocate(int32_t **block, int64_t count, ll_error *error)
{
    *block = ll_allocate_array(count, sizeof **block);
    return *block ? LL_OK : ll_fail_memory(error, TOPOLOGY, (size_t)count * sizeof **block);
}

/* Nodes and arcs of the links: chains of vertices with one link up and one down become arcs. up, down:
 * exclusive or of what is linked; per vertex also their numbers, in the trees' arrays that are free now. */
static ll_status contract(const struct domain *domain, const int32_t *links, int64_t link_count, int32_t *up,
                          int32_t *down, int32_t *ups, int32_t *downs, ll_contour_tree *tree, ll_error *error)
{
    const int64_t n = domain->valid;
    for (int64_t v = 0; v < n; v++) up[v] = down[v] = ups[v] = downs[v] = 0;
    for (int64_t i = 0; i < link_count; i++) {
        const int32_t low = links[2 * i], high = links[2 * i + 1];
        ups[low]++, up[low] ^= high;
        downs[high]++, down[high] ^= low;
    }
    int64_t arcs = 0;
    for (int64_t v = 0; v < n; v++) {
        if (ups[v] == 1 && downs[v] == 1) continue;
        tree->node_count++;
        arcs += ups[v];
    }
    tree->nodes = ll_allocate_array(tree->node_count, sizeof *tree->nodes);
    tree->arcs = ll_allocate_array(arcs, sizeof *tree->arcs);
    tree->arcs_of_vertices = ll_allocate_array(tree->vertices, sizeof *tree->arcs_of_vertices);
    double *lower = ll_allocate_array(arcs, sizeof *lower);
    int64_t *upper = ll_allocate_array(arcs, sizeof *upper);
    int32_t *first = ll_allocate_array(arcs, sizeof *first);
    uint32_t *order = NULL;
    ll_status status = LL_OK;
    if (!tree->nodes || !tree->arcs || !tree->arcs_of_vertices || !lower || !upper || !first)
        status = ll_fail_memory(error, TOPOLOGY, (size_t)arcs * 48);
    if (status == LL_OK) {
        for (int64_t v = 0; v < tree->vertices; v++) tree->arcs_of_vertices[v] = -1;
        int64_t node = 0, arc = 0;
        for (int64_t v = 0; v < n;
             v++) { /* `down` of a node becomes its number: its own links are not needed */
            if (ups[v] == 1 && downs[v] == 1) continue;
            const int64_t vertex = domain->sorted[v];
            tree->nodes[node] =
                (ll_contour_node){.vertex = vertex,
                                  .value = domain->grid ? ll_grid_field_value(domain->grid, vertex)
                                                        : ll_graph_field_value(domain->graph, vertex),
                                  .down = downs[v],
                                  .up = ups[v]};
            down[v] = (int32_t)node++;
        }
        for (int64_t i = 0; i < link_count; i++) {
            const int32_t low = links[2 * i];
            if (ups[low] == 1 && downs[low] == 1) continue;
            int32_t at = links[2 * i + 1];
            while (ups[at] == 1 && downs[at] == 1) at = up[at];
            lower[arc] = down[low];
            upper[arc] = down[at];
            first[arc++] = links[2 * i + 1];
        }
        tree->arc_count = arc;
        status = topology_order_items(lower, upper, arc, false, &order, error);
    }
    for (int64_t i = 0; i < tree->arc_count && status == LL_OK; i++) {
        ll_contour_arc *arc = &tree->arcs[i];
        *arc = (ll_contour_arc){.lower = (int64_t)lower[order[i]], .upper = upper[order[i]]};
        for (int32_t at = first[order[i]]; ups[at] == 1 && downs[at] == 1; at = up[at], arc->size++)
            tree->arcs_of_vertices[domain->sorted[at]] = (int32_t)i;
    }
    ll_free(lower), ll_free(upper), ll_free(first), ll_free(order);
    return status;
}

static ll_status build(struct domain *domain, ll_contour_tree *tree, int32_t *block, ll_error *error)
{
    const int64_t n = domain->valid;
    struct sweep_tree join = {block, block + n, block + 2 * n},
                      split = {block + 3 * n, block + 4 * n, block + 5 * n};
    int32_t *queue = block + 6 * n, *links = block + 7 * n;
    sweep(domain, true, &join, queue);
    sweep(domain, false, &split, queue);
    for (int64_t v = 0; v < n; v++) tree->components += join.parent[v] < 0;
    const int64_t link_count = merge(&join, &split, n, queue, links);
    if (link_count != n - tree->components)
        return ll_fail(error, LL_UNSUPPORTED, TOPOLOGY, "contour tree",
                       "the domain has handles, around which its join and split trees contradict each other");
    return contract(domain, links, link_count, join.child, split.child, join.children, split.children, tree,
                    error);
}

static ll_status create(struct domain *domain, ll_array_type type, const void *values, int64_t vertices,
                        int64_t most_neighbours, ll_contour_tree *tree, ll_error *error)
{
    ll_contour_tree result = {.vertices = vertices};
    LL_TRY(topology_order_vertices(type, values, vertices, false, &domain->sorted, &domain->valid, error));
    result.excluded = vertices - domain->valid;
    int32_t *block = NULL;
    ll_status status = allocate(&domain->rank, vertices, error);
    if (status == LL_OK) status = allocate(&block, 9 * domain->valid, error);
    domain->neighbours = ll_allocate_array(most_neighbours, sizeof *domain->neighbours);
    if (status == LL_OK && !domain->neighbours)
        status = ll_fail_memory(error, TOPOLOGY, (size_t)most_neighbours * sizeof *domain->neighbours);
    if (status == LL_OK) {
        for (int64_t v = 0; v < vertices; v++) domain->rank[v] = -1;
        for (int64_t i = 0; i < domain->valid; i++) domain->rank[domain->sorted[i]] = (int32_t)i;
        status = build(domain, &result, block, error);
    }
    ll_free(domain->sorted), ll_free(domain->rank), ll_free(domain->neighbours), ll_free(block);
    if (status == LL_OK) *tree = result;
    else ll_contour_tree_deinit(&result);
    return status;
}

ll_status ll_contour_tree_of_grid(const ll_grid_field *field, ll_connectivity connectivity,
                                  ll_contour_tree *tree, ll_error *error)
{
    LL_TRY(ll_grid_field_check(field, error));
    if (connectivity != LL_CONNECTIVITY_FREUDENTHAL && connectivity != LL_CONNECTIVITY_FREUDENTHAL_PLUS)
        return ll_fail(error, LL_UNSUPPORTED, TOPOLOGY, "contour tree",
                       "connectivity %s has no common complex for both directions; freudenthal and "
                       "freudenthal-plus have",
                       ll_connectivity_name(connectivity));
    struct domain domain = {.grid = field};
    domain.offset_count = topology_offsets(connectivity, field->rank, domain.offset);
    return create(&domain, field->type, field->values, ll_grid_field_vertices(field), domain.offset_count,
                  tree, error);
}

ll_status ll_contour_tree_of_graph(const ll_graph_field *field, ll_contour_tree *tree, ll_error *error)
{
    LL_TRY(ll_graph_field_check(field, error));
    int64_t most = 0;
    for (int64_t v = 0; v < field->vertices; v++)
        most = ll_max_int64(most, field->offsets[v + 1] - field->offsets[v]);
    struct domain domain = {.graph = field};
    return create(&domain, field->type, field->values, field->vertices, most, tree, error);
}
