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
#define LL_CONNECTIVITY_LIST(X)                                                                              \
    X(FREUDENTHAL, "freudenthal")                                                                            \
    X(FREUDENTHAL_PLUS, "freudenthal-plus")                                                                  \
    X(AXIS, "axis")                                                                                          \
    X(BOX, "box")                                                                                            \
    X(KNN_UNION, "knn-union")                                                                                \
    X(KNN_MUTUAL, "knn-mutual")                                                                              \
    X(DELAUNAY, "delaunay")                                                                                  \
    X(GABRIEL, "gabriel")                                                                                    \
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
    const int64_t *offsets;       /* vertices + 1, starting at 0, never descending */
    const int32_t *neighbours;    /* offsets[vertices] ids in 0..vertices-1 */
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
LL_API ll_status ll_topology_workspace_create(ll_topology_workspace **workspace,
                                              ll_error *error) LL_MUST_CHECK;
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
    unsigned outputs;                 /* LL_TOPOLOGY_... joined by | */
    ll_team *team;                    /* NULL: one thread */
    ll_cpu_level cpu_level;           /* highest level to use; never above ll_cpu_detect() */
    size_t memory_limit;              /* bytes beyond the field itself; 0: no limit */
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
    int64_t vertices; /* of the field, excluded ones counted */
    int64_t excluded; /* NaN or infinite */
    int64_t minima;   /* = number of pairs */
    int64_t saddles;  /* vertices whose insertion joins two or more components */
    int64_t merges;   /* minima - components */
    int64_t components;
    ll_persistence_pair *pairs; /* minima of them, ascending birth id */
    int64_t node_count;         /* 0 unless the tree was asked for */
    ll_tree_node *nodes;        /* NULL likewise */
    bool has_sizes;
    int32_t *basins; /* vertices; id of the minimum, -1 for excluded; NULL unless asked for */
    int32_t
        *arcs; /* vertices; index of the node whose arc holds it, -1 for excluded; NULL unless asked for */
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
LL_API ll_status ll_merge_tree_memory_of_graph(const ll_graph_field *field,
                                               const ll_topology_options *options, size_t *bytes,
                                               ll_error *error) LL_MUST_CHECK;

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

/* Piecewise-linear criticality of a vertex from the pieces of its lower and upper link; saddles that only
 * close a loop count here, unlike merge saddles. Lower pieces are those of the connectivity, upper pieces
 * those of its dual (box for axis and the reverse, freudenthal for itself), as the complement of a sublevel
 * set hangs together; so a maximum of `axis` has no higher neighbour among all 3^n - 1. */
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

/* ------------------------------------------------------------------ graphs */

/* An undirected graph that owns its compressed adjacency: neighbours ascending, no loops, no duplicates,
 * each edge from both ends. Free with ll_graph_deinit. */
typedef struct ll_graph {
    ll_connectivity connectivity;
    int64_t vertices, edges; /* undirected edges */
    int64_t ignored;         /* loops and duplicates among the edges given */
    int64_t *offsets;        /* vertices + 1 */
    int32_t *neighbours;     /* 2 * edges */
    /* Delaunay: more than dimension + 2 points on an empty sphere somewhere, so that the triangulation is
     * one of several (a regular grid is the extreme case). The sentence for a person is in `warning`. */
    bool ambiguous;
    char warning[200]; /* "" if there is nothing to say */
} ll_graph;
LL_API void ll_graph_deinit(ll_graph *graph); /* NULL is fine; zeroes *graph */

/* Points in space, a view: count x dimension coordinates, row-major, all finite. */
typedef struct ll_points {
    int64_t count;
    int dimension; /* 1..LL_POINTS_MAX_DIMENSION */
    const double *coordinates;
} ll_points;
#define LL_POINTS_MAX_DIMENSION 4096
#define LL_DELAUNAY_MAX_DIMENSION 8 /* the size of a Delaunay triangulation explodes beyond */

/* From `count` vertex pairs (2 * count ids). Edges are undirected; duplicates and loops are ignored and
 * counted. LL_INVALID_ARGUMENT for an id outside 0..vertices-1. O(vertices + edges). */
LL_API ll_status ll_graph_of_edges(int64_t vertices, const int64_t *pairs, int64_t count, ll_graph *graph,
                                   ll_error *error) LL_MUST_CHECK;

/* From points:
 *   knn-union, knn-mutual  the k nearest of each point (itself excluded; equal distances, as computed in
 *                          double, by smaller id), joined if either, or if both, name each other. Exact,
 *                          k-d tree; about O(n log n) in few dimensions, O(n^2) in many.
 *   delaunay               edges of the Delaunay triangulation (qhull; 2..LL_DELAUNAY_MAX_DIMENSION
 *                          dimensions, 1: consecutive points). Where it is not unique, graph->warning says
 *                          so. Points that coincide with another, or lie in a common hyperplane with all:
 *                          the first case links the twin to its double, the second is refused.
 *   gabriel                p q are joined iff no third point is in the closed ball over the segment p q.
 *                          Exact signs (expansion arithmetic), so that a regular grid gives `axis`. k-d tree.
 * k is used by knn only: 1..; more than n - 1 counts as n - 1. Team parallel, the same for any number of
 * threads (qhull itself runs on one). */
LL_API ll_status ll_graph_of_points(const ll_points *points, ll_connectivity connectivity, int64_t k,
                                    ll_team *team, ll_graph *graph, ll_error *error) LL_MUST_CHECK;

/* The k nearest neighbours themselves: count x k ids (-1 where there are fewer than k others), nearest
 * first, and distances (NULL: not wanted; infinity beside -1). */
LL_API ll_status ll_nearest_neighbours(const ll_points *points, int64_t k, ll_team *team, int32_t *ids,
                                       double *distances, ll_error *error) LL_MUST_CHECK;

/* A field on the graph: views graph and values (graph->vertices of them); points may be NULL. */
LL_API ll_graph_field ll_graph_field_view(const ll_graph *graph, ll_array_type type, const void *values,
                                          const ll_points *points);

/* ------------------------------------------------------------------ simplification */

/* Keeps the pairs whose persistence exceeds epsilon, and the essential ones; branches of the others are cut
 * and saddles left with one child are spliced out. epsilon < 0: nothing is removed; 0 removes pairs of no
 * persistence; `fraction` makes epsilon a share of the field's range (highest - lowest finite value).
 * Vertices of a cut branch count in the arc that swallowed it (as if flooded to the saddle's level), so that
 * sizes still add up and a root still counts 1; their basin is that of the minimum that
 * swallowed them. Reads the hierarchy only, never the field: O(nodes + minima), plus O(vertices) if basins
 * or arcs are there. Outputs (tree, sizes, basins, arcs) are those that `tree` has. */
LL_API ll_status ll_merge_tree_simplify(const ll_merge_tree *tree, double epsilon, bool fraction,
                                        ll_merge_tree *simplified, ll_error *error) LL_MUST_CHECK;
/* Number of pairs that a simplification keeps. O(minima). */
LL_API int64_t ll_merge_tree_pairs_above(const ll_merge_tree *tree, double epsilon, bool fraction);
/* Lowest and highest finite value and their difference; zeros for an empty domain. O(minima). */
typedef struct ll_value_range {
    double lowest, highest, range;
} ll_value_range;
LL_API ll_value_range ll_merge_tree_range(const ll_merge_tree *tree);

/* ------------------------------------------------------------------ branch decomposition */

/* Branch i is pair i: from its minimum up to the saddle where it ends; its parent is the pair's elder.
 * Children of a branch are listed by their saddle ascending (ties: smaller minimum first, in the order of
 * the field). `order` lists all branches so that children come before parents. Free with deinit.
 * O(minima). */
typedef struct ll_branches {
    int64_t count;
    int64_t roots;     /* essential branches */
    int64_t *parent;   /* -1: root */
    int64_t *offsets;  /* count + 1, into children */
    int64_t *children; /* count - roots */
    int64_t *order;
    int32_t *depth; /* 0: root */
    int64_t *size;  /* vertices on the branch's own arcs; NULL if the tree has no sizes */
} ll_branches;
LL_API ll_status ll_branches_create(const ll_merge_tree *tree, ll_branches *branches,
                                    ll_error *error) LL_MUST_CHECK;
LL_API void ll_branches_deinit(ll_branches *branches);

/* ------------------------------------------------------------------ numbers */

/* Every number of a tree (simplified or not) under its own name: X(name, unit, needs, text). Unit "value"
 * is that of the field. Means, totals and entropies run over pairs with persistence > 0; without "with
 * essential" over finite pairs only; with it each essential pair counts up to its component's highest value.
 * 0 pairs give 0. needs: 0 pairs, else LL_TOPOLOGY_TREE or LL_TOPOLOGY_TREE | LL_TOPOLOGY_BASINS; a number
 * whose need the tree does not hold is NaN. */
#define LL_TOPOLOGY_NUMBER_LIST(X)                                                                           \
    X(minima, "", 0, "vertices without a lower neighbour")                                                   \
    X(saddles, "", 0, "vertices whose insertion joins two or more components")                               \
    X(merges, "", 0, "minima less components")                                                               \
    X(components, "", 0, "connected components of the domain")                                               \
    X(excluded, "", 0, "vertices that are not finite")                                                       \
    X(lowest, "value", 0, "lowest finite value")                                                             \
    X(highest, "value", 0, "highest finite value")                                                           \
    X(range, "value", 0, "highest less lowest")                                                              \
    X(mean_persistence, "value", 0, "mean of death less birth")                                              \
    X(mean_persistence_with_essential, "value", 0, "the same, essential pairs up to the highest value")      \
    X(mean_persistence_normalised, "", 0, "mean persistence over range")                                     \
    X(mean_diagonal_distance, "value", 0, "mean persistence over sqrt 2: 'average persistence' elsewhere")   \
    X(mean_diagonal_distance_with_essential, "value", 0, "the same, with essential pairs")                   \
    X(total_persistence, "value", 0, "sum of death less birth")                                              \
    X(total_persistence_with_essential, "value", 0, "the same, with essential pairs")                        \
    X(total_persistence_normalised, "", 0, "total persistence over range")                                   \
    X(maximum_persistence, "value", 0, "largest death less birth")                                           \
    X(maximum_persistence_with_essential, "value", 0, "the same, with essential pairs")                      \
    X(maximum_persistence_normalised, "", 0, "maximum persistence over range")                               \
    X(persistence_entropy, "nat", 0, "entropy of the persistences as shares of their total")                 \
    X(persistence_entropy_with_essential, "nat", 0, "the same, with essential pairs")                        \
    X(smad, "value", 1, "mean over leaves of adjacent saddle less leaf")                                     \
    X(smad_normalised, "", 1, "smad over range")                                                             \
    X(smad_weighted, "value", 5, "the same mean weighted by basin share")                                    \
    X(smad_weighted_normalised, "", 5, "smad weighted by basin share, over range")

typedef struct ll_topology_numbers {
#define LL_TOPOLOGY_NUMBER_MEMBER(name, unit, needs, text) double name;
    LL_TOPOLOGY_NUMBER_LIST(LL_TOPOLOGY_NUMBER_MEMBER)
#undef LL_TOPOLOGY_NUMBER_MEMBER
} ll_topology_numbers;
typedef struct ll_topology_number_info {
    const char *name, *unit, *text;
    size_t offset; /* of the double in ll_topology_numbers */
} ll_topology_number_info;
/* The list as data, in the order above; *count of them. */
LL_API const ll_topology_number_info *ll_topology_number_list(int64_t *count);
/* Sums are pairwise over pairs in order. O(minima + vertices with basins). */
LL_API ll_status ll_topology_numbers_of_tree(const ll_merge_tree *tree, ll_topology_numbers *numbers,
                                             ll_error *error) LL_MUST_CHECK;

/* ------------------------------------------------------------------ significance and resolution */

/* A field sampled on two halves of the data, values_a and values_b, `type` as given: the finite pair i is
 * unresolved if its persistence is below |a - b| at its birth and at its death; `either` counts the weaker
 * condition (below it at one of them at least). A NaN difference counts as infinite. Essential pairs are
 * resolved. unresolved (minima flags, pair by pair) may be NULL. */
typedef struct ll_significance {
    int64_t minima, minima_resolved; /* counts with and without unresolved pairs */
    int64_t merges, merges_resolved;
    int64_t unresolved, unresolved_either;
} ll_significance;
LL_API ll_status ll_significance_of_halves(const ll_merge_tree *tree, ll_array_type type,
                                           const void *values_a, const void *values_b,
                                           ll_significance *significance, bool *unresolved,
                                           ll_error *error) LL_MUST_CHECK;

/* Every second point along each axis, starting at the first: fills *half, whose values (from ll_allocate)
 * the caller frees with ll_free((void *)half->values); coordinates are dropped. */
LL_API ll_status ll_grid_field_every_second(const ll_grid_field *field, ll_grid_field *half,
                                            ll_error *error) LL_MUST_CHECK;

/* ------------------------------------------------------------------ distances of diagrams and trees */

/* Pairs to compare, a view; only those of `dimension` are used, pairs of no persistence never matter. */
typedef struct ll_diagram_view {
    const ll_persistence_pair *pairs;
    int64_t count;
    int32_t dimension;
} ll_diagram_view;
LL_API ll_diagram_view ll_diagram_view_of_tree(const ll_merge_tree *tree);

/* A distance and what it rests on. */
typedef struct ll_distance {
    double value;          /* infinity if the numbers of essential pairs differ */
    double relative_error; /* 0: exact; else |true - value| <= relative_error * true */
    int64_t points;        /* off-diagonal points of both diagrams together that took part */
} ll_distance;

#define LL_WASSERSTEIN_EXACT_POINTS 2000

typedef struct ll_distance_options {
    double power;          /* p of W_p, >= 1; 2 by default */
    double relative_error; /* allowed beyond exact_points; 0.01 by default; 0: exact whatever it costs */
    int64_t exact_points;  /* per diagram; exact up to here; LL_WASSERSTEIN_EXACT_POINTS by default */
    double tree_epsilon1;  /* .05 by default: see ll_distance_of_trees */
    size_t memory_limit;   /* bytes; 0: 8 GiB */
} ll_distance_options;
LL_API ll_distance_options ll_distance_options_default(void);

/* Bottleneck distance, ground metric L-infinity, exact: the smallest double r for which a matching exists,
 * by bisection over the doubles; each test needs only the points farther than r from the diagonal to be
 * matched, in both directions separately (Mendelsohn and Dulmage 1958), with Hopcroft and Karp's phases
 * over a k-d tree (Efrat, Itai, Katz 2001). Essential pairs are matched by birth in ascending order.
 * O(n^1.5 log n) for a test, at most 64 tests. */
LL_API ll_status ll_distance_bottleneck(ll_diagram_view a, ll_diagram_view b, ll_distance *distance,
                                        ll_error *error) LL_MUST_CHECK;
/* W_p = (sum cost^p)^(1/p), ground metric L-infinity. Exact: shortest augmenting paths (Jonker and
 * Volgenant 1987) over the pairs of points for which a match is cheaper than two visits to the diagonal,
 * found with a k-d tree; O(n (e + n log n)) for e such pairs, in practice far less. Beyond exact_points the
 * most persistent points alone are matched, doubled in number until the bound by the triangle inequality
 * (the rest moved to the diagonal) meets relative_error. LL_TOO_LARGE over the memory limit. */
LL_API ll_status ll_distance_wasserstein(ll_diagram_view a, ll_diagram_view b,
                                         const ll_distance_options *options, ll_distance *distance,
                                         ll_error *error) LL_MUST_CHECK;
/* Wasserstein distance of merge trees (Pont, Vidal, Delon, Tierny 2022): L2 ground metric, minimum over
 * rooted partial isomorphisms of the branch decompositions, after adjacent saddles that differ by at most
 * tree_epsilon1 of the largest such difference are merged; no local normalisation, no eps2, eps3. Roots are
 * matched to roots (infinite if their numbers differ). tree_epsilon1 = 1 gives the L2 Wasserstein distance
 * of the diagrams. Trees need nodes. O(sum over branch pairs of an assignment of their children). */
LL_API ll_status ll_distance_of_trees(const ll_merge_tree *a, const ll_merge_tree *b,
                                      const ll_distance_options *options, ll_distance *distance,
                                      ll_error *error) LL_MUST_CHECK;

typedef enum ll_distance_kind {
    LL_DISTANCE_BOTTLENECK,
    LL_DISTANCE_WASSERSTEIN,
    LL_DISTANCE_TREE,
    LL_DISTANCE_KINDS
} ll_distance_kind;
LL_API const char *ll_distance_kind_name(ll_distance_kind kind); /* "bottleneck", "wasserstein", "tree" */

/* count x count matrix of distances of merge trees (H0), symmetric, 0 on the diagonal. One chunk a pair on
 * the team: the same for any number of threads. *worst_error (may be NULL): largest stated relative error. */
LL_API ll_status ll_distance_matrix(ll_distance_kind kind, const ll_merge_tree *const *trees, int64_t count,
                                    const ll_distance_options *options, ll_team *team, double *matrix,
                                    double *worst_error, ll_error *error) LL_MUST_CHECK;
/* Spread of a setting: mean of the entries above the diagonal; 0 for fewer than two members. */
LL_API double ll_distance_spread(const double *matrix, int64_t count);

/* ------------------------------------------------------------------ contour tree */

typedef struct ll_contour_node {
    int64_t vertex;
    double value;
    int32_t down, up; /* arcs below and above; a regular vertex (1, 1) is no node */
} ll_contour_node;
typedef struct ll_contour_arc {
    int64_t lower, upper; /* node indices */
    int64_t size;         /* vertices strictly between, along the arc */
} ll_contour_arc;
/* The contour tree (a forest, one tree a component): join and split trees of all vertices, merged leaf by
 * leaf (Carr, Snoeyink, Axen 2003). Nodes ascend in the order of the field; arcs by (lower, upper). The
 * sublevel order always. arcs_of_vertices: index of the arc that a regular vertex lies on, -1 for nodes and
 * excluded vertices. In a
 * domain with handles the two trees may contradict each other: LL_UNSUPPORTED then, else the tree that they
 * define. */
typedef struct ll_contour_tree {
    int64_t vertices, excluded, components;
    int64_t node_count, arc_count;
    ll_contour_node *nodes;
    ll_contour_arc *arcs;
    int32_t *arcs_of_vertices;
} ll_contour_tree;
LL_API void ll_contour_tree_deinit(ll_contour_tree *tree);
/* Connectivity freudenthal or freudenthal-plus (others: LL_UNSUPPORTED, for their sub- and superlevel
 * components belong to no common complex). O(vertices log vertices + edges alpha). */
LL_API ll_status ll_contour_tree_of_grid(const ll_grid_field *field, ll_connectivity connectivity,
                                         ll_contour_tree *tree, ll_error *error) LL_MUST_CHECK;
LL_API ll_status ll_contour_tree_of_graph(const ll_graph_field *field, ll_contour_tree *tree,
                                          ll_error *error) LL_MUST_CHECK;

/* ------------------------------------------------------------------ geometry to draw */

/* Planar layout of a merge tree, one entry a branch (= pair): a vertical segment at x from birth_value to
 * death_value and, unless essential, a horizontal one at death_value from x to parent_x. On a parent,
 * children by saddle ascending, the lowest nearest to the trunk, each on the side with less accumulated
 * width (ties right); a leaf branch is 1 wide; components side by side by ascending minimum. No two segments
 * cross: a child's connector passes only above subtrees that end at a lower saddle. O(minima). */
typedef struct ll_layout_branch {
    double x, parent_x; /* in branch widths, 0..width; parent_x = x for essential pairs */
    double birth_value, death_value;
    int64_t pair, parent; /* parent: index of the branch; -1 if essential */
} ll_layout_branch;
typedef struct ll_tree_layout {
    int64_t count;
    double width; /* = number of branches */
    ll_layout_branch *branches;
} ll_tree_layout;
LL_API ll_status ll_tree_layout_create(const ll_merge_tree *tree, ll_tree_layout *layout,
                                       ll_error *error) LL_MUST_CHECK;
LL_API void ll_tree_layout_deinit(ll_tree_layout *layout);

/* Topological landscape profile, exact. Entry i belongs to node i of `tree`: its polygon is symmetric about
 * `centre`, spans [tree.nodes[i].value, value of the parent], starts `floor` wide (children's widths) and
 * widens by one at each of levels[offsets[i] .. offsets[i + 1] - 1], the ascending values of the vertices of
 * its arc (superlevel: descending), up to `width`. Widths count vertices; x runs over 0..vertices.
 * Children stand side by side under their node, widest first (ties: smaller vertex id), as do the roots. */
typedef struct ll_profile_node {
    double centre; /* exact: a multiple of 1/2 */
    int64_t floor, width;
} ll_profile_node;
typedef struct ll_profile {
    int64_t vertices;       /* N: vertices with a value */
    ll_merge_tree tree;     /* the (simplified) tree it was made of, owned; without basins and arcs */
    ll_profile_node *nodes; /* tree.node_count */
    int64_t *offsets;       /* tree.node_count + 1 */
    double *levels;         /* vertices; those of cut branches count at the level of the cut */
} ll_profile;
LL_API void ll_profile_deinit(ll_profile *profile);
/* tree needs arcs (LL_TOPOLOGY_ARCS), `values` are the field's. epsilon and fraction as in
 * ll_merge_tree_simplify. A radix sort of the values: O(vertices), 12 to 24 bytes a vertex of scratch. */
LL_API ll_status ll_profile_create(const ll_merge_tree *tree, ll_array_type type, const void *values,
                                   double epsilon, bool fraction, ll_profile *profile,
                                   ll_error *error) LL_MUST_CHECK;
/* Width of node i's polygon at level y, for y from its own value up to (excluding) its parent's.
 * O(log arc size). */
LL_API int64_t ll_profile_width_at(const ll_profile *profile, int64_t node, double y);

/* Closed or open chains of points with a value each: what a drawing needs. points are x, y pairs of chain i
 * from offsets[i] to offsets[i + 1] - 1; a closed chain does not repeat its first point. */
typedef struct ll_chains {
    int64_t count;
    int64_t *offsets; /* count + 1 */
    double *points;   /* 2 * offsets[count] */
    double *values;   /* count */
    int64_t *items;   /* count: what the chain belongs to (see each function) */
    bool *closed;     /* count */
} ll_chains;
LL_API void ll_chains_deinit(ll_chains *chains);

/* The profile as few polygons: with x_scale pixels a vertex and y_scale pixels a unit of value, no point of
 * the exact outline is farther than `tolerance` pixels from what is drawn, and the reverse. Subtrees
 * narrower than the tolerance are drawn together as slivers, and a trunk that only loses slivers is one
 * polygon, so the number of polygons is O(total width / tolerance) whatever the field. Points are (x in
 * vertices, y in values); value = the node's value, item = node. Parents come before children. */
LL_API ll_status ll_profile_outlines(const ll_profile *profile, double x_scale, double y_scale,
                                     double tolerance, ll_chains *outlines, ll_error *error) LL_MUST_CHECK;

typedef enum ll_level_scale { LL_LEVELS_LINEAR, LL_LEVELS_LOG, LL_LEVELS_QUANTILE } ll_level_scale;
/* `count` strictly ascending levels between the lowest and highest finite value, both excluded: equal steps
 * of f, of log f (LL_NUMERIC if a value is not positive), or of rank (fewer levels where values repeat).
 * *levels_count <= count of them. O(vertices), quantiles O(vertices log vertices). */
LL_API ll_status ll_contour_levels(const ll_grid_field *field, ll_level_scale scale, int64_t count,
                                   double *levels, int64_t *levels_count, ll_error *error) LL_MUST_CHECK;

/* Isolines of a 2-D field by marching squares: f varies linearly along cell sides; the two-diagonal case is
 * decided by the mean of the corners. Cells with a corner that is not finite are holes. x runs along axis 1,
 * y along axis 0, in the field's coordinates. Lines are joined over cells, closed where they close; value =
 * the level, item = its index; higher values are to the left (as seen with y upwards). O(cells * levels). */
LL_API ll_status ll_isolines(const ll_grid_field *field, const double *levels, int64_t count,
                             ll_chains *lines, ll_error *error) LL_MUST_CHECK;
/* The regions {f >= level}, and before all levels the whole valid domain with value = the lowest finite
 * value and item -1: painted in order with the non-zero or even-odd rule they give filled bands. Rings
 * include the domain's and the holes' borders; the inside is to the left. */
LL_API ll_status ll_filled_bands(const ll_grid_field *field, const double *levels, int64_t count,
                                 ll_chains *rings, ll_error *error) LL_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
