/* losslens/topology.h - merge trees, persistence and critical points of a scalar field on a regular grid
 * or on a graph. Knows nothing of networks.
 *
 * Conventions that hold for everything here:
 *  - The domain is the vertices with a finite value; NaN and infinite vertices, and what touches them, are
 *    left out and counted (`excluded`).
 *  - Order: u < v iff f(u) < f(v), or f(u) = f(v) and id(u) < id(v); -0.0 equals +0.0; id = linear index in
 *    C order (last axis fastest). The order is total, so ties never create spurious features.
 *  - Superlevel means the sublevel answer for -f with the same ids. "Lower" below is in that order; values
 *    in results are always those of f itself.
 *  - Vertex ids are int64_t in results; a field holds at most LL_FIELD_MAX_VERTICES vertices.
 *  - The same field and options give the same answer, byte for byte, at every CPU level and for any number
 *    of threads.
 */
#ifndef LOSSLENS_TOPOLOGY_H
#define LOSSLENS_TOPOLOGY_H

#include "losslens/base.h"
#include "losslens/parallel.h"
#include "losslens/records.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------ fields */

#define LL_FIELD_MAX_RANK 6
#define LL_FIELD_MAX_VERTICES INT64_C(2147483391) /* ids fit 32 bits, with room for padding */

/* Which vertices are neighbours. One list gives the enum and the names ("freudenthal-plus").
 * The first four need a grid, the rest describe how a graph was made.
 *   axis             2n neighbours; the cubical complex with vertices as 0-cells
 *   freudenthal      TTK's triangulation: offsets in {-1,0,1}^n that, after negating the last axis, are all
 *                    >= 0 or all <= 0 (2-D: diagonals (+1,-1) and (-1,+1)); the default
 *   freudenthal-plus its mirror image: offsets all >= 0 or all <= 0 (2-D: diagonal (+1,+1))
 *   box              3^n - 1 neighbours; the cubical complex with vertices as top cells */
#define LL_CONNECTIVITY_LIST(X)                                                                     \
    X(FREUDENTHAL, "freudenthal")                                                                   \
    X(FREUDENTHAL_PLUS, "freudenthal-plus")                                                         \
    X(AXIS, "axis")                                                                                 \
    X(BOX, "box")                                                                                   \
    X(KNN_UNION, "knn-union")                                                                       \
    X(KNN_MUTUAL, "knn-mutual")                                                                     \
    X(DELAUNAY, "delaunay")                                                                         \
    X(GABRIEL, "gabriel")                                                                           \
    X(EDGES, "edges")

typedef enum ll_connectivity {
#define LL_CONNECTIVITY_ENUM(name, text) LL_CONNECTIVITY_##name,
    LL_CONNECTIVITY_LIST(LL_CONNECTIVITY_ENUM)
#undef LL_CONNECTIVITY_ENUM
    LL_CONNECTIVITIES
} ll_connectivity;
LL_API const char *ll_connectivity_name(ll_connectivity connectivity); /* never NULL */
LL_API bool ll_connectivity_parse(const char *name, ll_connectivity *connectivity);
LL_API bool ll_connectivity_is_grid(ll_connectivity connectivity);

/* A field on a regular grid: a view, nothing is owned. Extents may be 0 (an empty field) or 1. */
typedef struct ll_grid_field {
    ll_array_type type; /* LL_ARRAY_FLOAT32 or LL_ARRAY_FLOAT64 */
    int rank;           /* 1..LL_FIELD_MAX_RANK */
    int64_t shape[LL_FIELD_MAX_RANK];
    const void *values; /* product of shape, C order */
    /* Optional positions along each axis, shape[k] of them; NULL: 0, 1, 2 ... Not used by the merge tree. */
    const double *coordinates[LL_FIELD_MAX_RANK];
} ll_grid_field;

/* A field on an undirected graph, as compressed adjacency: the neighbours of v are
 * neighbours[offsets[v] .. offsets[v + 1] - 1]. Each edge appears from both ends; loops and repeated
 * neighbours are harmless. A view, nothing is owned. */
typedef struct ll_graph_field {
    ll_array_type type; /* LL_ARRAY_FLOAT32 or LL_ARRAY_FLOAT64 */
    int64_t vertices;
    const void *values;
    const int64_t *offsets;    /* vertices + 1, starting at 0, never descending */
    const int32_t *neighbours; /* offsets[vertices] ids in 0..vertices-1 */
    ll_connectivity connectivity; /* how the graph was made; kept in results */
    int dimension;                /* of coordinates; 0: none */
    const double *coordinates;    /* vertices x dimension, or NULL */
} ll_graph_field;

/* Value of vertex v as a double; no checks. */
static inline double ll_grid_field_value(const ll_grid_field *field, int64_t v)
{
    return field->type == LL_ARRAY_FLOAT32 ? (double)((const float *)field->values)[v]
                                           : ((const double *)field->values)[v];
}
static inline double ll_graph_field_value(const ll_graph_field *field, int64_t v)
{
    return field->type == LL_ARRAY_FLOAT32 ? (double)((const float *)field->values)[v]
                                           : ((const double *)field->values)[v];
}

/* LL_INVALID_ARGUMENT, LL_SHAPE or LL_TOO_LARGE if the field is not as described above. The graph check
 * is O(vertices + edges) and includes that every edge appears from both ends. All functions below that
 * take a field call it, but for the symmetry of a graph, which is the caller's promise there. */
LL_API ll_status ll_grid_field_check(const ll_grid_field *field, ll_error *error) LL_MUST_CHECK;
LL_API ll_status ll_graph_field_check(const ll_graph_field *field, ll_error *error) LL_MUST_CHECK;
/* Number of vertices; 0 for an empty field. The field must be valid. */
LL_API int64_t ll_grid_field_vertices(const ll_grid_field *field);

/* ------------------------------------------------------------------ options */

/* Scratch memory kept between calls, so that page faults are paid once. One workspace, one thread. */
typedef struct ll_topology_workspace ll_topology_workspace;
LL_API ll_status ll_topology_workspace_create(ll_topology_workspace **workspace, ll_error *error) LL_MUST_CHECK;
LL_API void ll_topology_workspace_destroy(ll_topology_workspace *workspace);
LL_API size_t ll_topology_workspace_bytes(const ll_topology_workspace *workspace); /* held now */

/* What is wanted beyond counts and pairs; each costs time and memory. */
typedef enum ll_topology_output {
    LL_TOPOLOGY_PAIRS = 0,  /* always there */
    LL_TOPOLOGY_TREE = 1,   /* nodes and arcs */
    LL_TOPOLOGY_SIZES = 2,  /* arc sizes; implies the tree */
    LL_TOPOLOGY_BASINS = 4, /* per vertex its minimum along steepest descent */
    LL_TOPOLOGY_ARCS = 8    /* per vertex the tree node whose arc holds it; implies the tree */
} ll_topology_output;

typedef struct ll_topology_options {
    ll_connectivity connectivity; /* of a grid; ignored for a graph */
    bool superlevel;
    unsigned outputs;             /* LL_TOPOLOGY_... joined by | */
    ll_team *team;                /* NULL: one thread */
    ll_cpu_level cpu_level;       /* highest level to use; never above ll_cpu_detect() */
    size_t memory_limit;          /* bytes beyond the field itself; 0: no limit */
    ll_topology_workspace *workspace; /* NULL: made and freed inside */
} ll_topology_options;
/* freudenthal, sublevel, pairs and tree, one thread, ll_cpu_detect(), no limit, no workspace. */
LL_API ll_topology_options ll_topology_options_default(void);

/* ------------------------------------------------------------------ merge tree and H0 pairs */

/* One persistence pair. Dimension 0: birth is a minimum, death the saddle where it meets an older
 * component; for the essential pair of a component death is the component's highest vertex.
 * Dimension >= 1: birth and death are the vertices whose insertion makes and fills the cycle; an essential
 * one (around excluded vertices) has death -1 and death_value +infinity (superlevel: -infinity). */
typedef struct ll_persistence_pair {
    int64_t birth, death;            /* vertex ids */
    double birth_value, death_value; /* f there; persistence = |death_value - birth_value| */
    /* Dimension 0: index of the pair whose component swallowed this one at `death` (it has the lower
     * minimum and dies later); -1 if essential. Dimension >= 1: always -1. */
    int64_t elder;
    int32_t dimension;
    bool essential;
} ll_persistence_pair;

/* |death - birth|; essential H0 pairs: up to the component's highest value. */
static inline double ll_pair_persistence(const ll_persistence_pair *pair)
{
    double difference = pair->death_value - pair->birth_value;
    return difference < 0 ? -difference : difference;
}

/* A node: a minimum, a merge saddle or a component's last vertex (the root). A saddle can be the root; a
 * component of one vertex is a minimum that is its own root. The arc of a node goes up to its parent. */
typedef struct ll_tree_node {
    int64_t vertex;
    int64_t parent; /* node index, always greater than the node's own; -1: root */
    int64_t size;   /* vertices of the arc: this node (inclusive) to the parent (exclusive); a root has 1;
                     * 0 when sizes were not asked for */
    double value;   /* f(vertex) */
} ll_tree_node;

/* The merge tree of a field, with its pairs. `nodes` lists first the minima (node i is the birth of pair
 * i, ascending vertex id), then the saddles from the lowest to the highest, then the roots that are not
 * saddles (nor single vertices): a walk by index meets children before parents.
 *
 * pairs + elder are the whole hierarchy: with pairs kept iff persistence > eps, an elder is kept whenever
 * its younger is, so every simplification is read off without the field. Free with ll_merge_tree_deinit. */
typedef struct ll_merge_tree {
    ll_connectivity connectivity;
    bool superlevel;
    int64_t vertices;   /* of the field, excluded ones counted */
    int64_t excluded;   /* NaN or infinite */
    int64_t minima;     /* = number of pairs */
    int64_t saddles;    /* vertices whose insertion joins two or more components */
    int64_t merges;     /* minima - components */
    int64_t components;
    ll_persistence_pair *pairs; /* minima of them, ascending birth id */
    int64_t node_count;         /* 0 unless the tree was asked for */
    ll_tree_node *nodes;        /* NULL likewise */
    bool has_sizes;
    int32_t *basins; /* vertices; id of the minimum, -1 for excluded; NULL unless asked for */
    int32_t *arcs;   /* vertices; index of the node whose arc holds it, -1 for excluded; NULL unless asked for */
    size_t peak_bytes; /* scratch and result memory at the peak of the computation, the field not counted */
} ll_merge_tree;
LL_API void ll_merge_tree_deinit(ll_merge_tree *tree); /* NULL is fine; zeroes *tree */

/* The merge tree of a grid field. No sort over all vertices: one stencil pass finds each vertex's steepest
 * lower neighbour and whether its lower link has several components (only such vertices can be merge
 * saddles); the minima below their components are joined in order by Kruskal's method (see
 * docs/method/merge_trees.md; after Carr, Snoeyink, Axen 2003 and Gueunet et al. 2017/2019). O(vertices * neighbours +
 * candidates log candidates).
 * LL_TOO_LARGE if the predicted need exceeds options->memory_limit (stated, nothing allocated then).
 * options NULL: the defaults. A computation may use options->team; results do not depend on it. */
LL_API ll_status ll_merge_tree_of_grid(const ll_grid_field *field, const ll_topology_options *options,
                                       ll_merge_tree *tree, ll_error *error) LL_MUST_CHECK;
/* The same for a graph. O(edges + vertices log vertices). */
LL_API ll_status ll_merge_tree_of_graph(const ll_graph_field *field, const ll_topology_options *options,
                                        ll_merge_tree *tree, ll_error *error) LL_MUST_CHECK;

/* Upper bound of the bytes that the call would need beyond the field itself (scratch and result). */
LL_API ll_status ll_merge_tree_memory_of_grid(const ll_grid_field *field, const ll_topology_options *options,
                                              size_t *bytes, ll_error *error) LL_MUST_CHECK;
LL_API ll_status ll_merge_tree_memory_of_graph(const ll_graph_field *field, const ll_topology_options *options,
                                               size_t *bytes, ll_error *error) LL_MUST_CHECK;

/* ------------------------------------------------------------------ loops and voids */

/* Persistence pairs of dimension >= 1 of the complex that the connectivity names; pairs born and filled by
 * the same vertex are not features and are left out. Ascending dimension, then birth, then death id. */
typedef struct ll_persistence_diagram {
    ll_connectivity connectivity;
    bool superlevel;
    int64_t count;
    ll_persistence_pair *pairs;
    int64_t loops, voids; /* pairs of dimension 1 and 2 */
    size_t peak_bytes;
} ll_persistence_diagram;
LL_API void ll_persistence_diagram_deinit(ll_persistence_diagram *diagram);

/* Loops of a 2-D field; loops and voids of a 3-D field; other ranks: LL_UNSUPPORTED. Coefficients in Z/2
 * (the complexes are embedded in R^3, so the field does not matter). */
LL_API ll_status ll_persistence_of_grid(const ll_grid_field *field, const ll_topology_options *options,
                                        ll_persistence_diagram *diagram, ll_error *error) LL_MUST_CHECK;

/* ------------------------------------------------------------------ critical points */

typedef enum ll_critical_kind {
    LL_CRITICAL_MINIMUM,
    LL_CRITICAL_SADDLE_1, /* joins components of its lower link (2-D: the saddle) */
    LL_CRITICAL_SADDLE_2, /* 3-D: joins components of its upper link */
    LL_CRITICAL_MAXIMUM,
    LL_CRITICAL_DEGENERATE, /* several of the above at once */
    LL_CRITICAL_KINDS
} ll_critical_kind;
LL_API const char *ll_critical_kind_name(ll_critical_kind kind);

/* Piecewise-linear criticality of a vertex from the topology of its lower link; saddles that only close a
 * loop count here, unlike merge saddles. */
typedef struct ll_critical_point {
    int64_t vertex;
    double value;
    ll_critical_kind kind;
    int32_t multiplicity; /* 1; a monkey saddle 2; ... */
} ll_critical_point;

/* Ascending vertex id; 2-D and 3-D grids, interior and boundary. *points is from ll_allocate. */
LL_API ll_status ll_critical_points_of_grid(const ll_grid_field *field, const ll_topology_options *options,
                                            ll_critical_point **points, int64_t *count,
                                            ll_error *error) LL_MUST_CHECK;

/* ================================================================== graphs, trees, numbers, distances,
 * layouts and profiles: what is derived from the above is declared below this line. */

#ifdef __cplusplus
}
#endif
#endif
