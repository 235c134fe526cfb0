/* What the files of src/topology share: the workspace, the neighbourhood of a grid vertex, the stencil
 * pass and the stages behind it. */
#ifndef LL_TOPOLOGY_INTERNAL_H
#define LL_TOPOLOGY_INTERNAL_H

#include "losslens/topology.h"

#define TOPOLOGY "topology" /* module name in errors */

/* ------------------------------------------------------------------ workspace */

typedef enum topology_slot {
    SLOT_COPY,     /* field without infinities, where the stencil pass needs one */
    SLOT_PAD,      /* a row of "nothing here" */
    SLOT_CODES,    /* per vertex: where steepest descent goes */
    SLOT_LABELS,   /* per vertex: its minimum, where known */
    SLOT_MINIMA,   /* per minimum: vertex */
    SLOT_BRANCHES, /* per minimum: order, union-find, top node */
    SLOT_FATES,    /* per minimum: death and elder */
    SLOT_EDGES,    /* (saddle, minimum, minimum) */
    SLOT_WORDS,    /* sort keys of edges */
    SLOT_SCRATCH,  /* second half of the sort */
    SLOT_PARENTS,  /* per node: parent */
    SLOT_SADDLES,  /* per saddle: vertex */
    SLOT_LASTS,    /* per component: last vertex */
    SLOT_PATHS,    /* arc sizes: heavy paths of the tree */
    SLOT_SWEEP,    /* the plain sweep */
    SLOT_DESCENT,  /* state of the fast path */
    SLOT_COUNT
} topology_slot;

typedef struct topology_block {
    void *bytes;
    size_t capacity;
} topology_block;

#define TOPOLOGY_MAX_SLABS 64
struct topology_slab_blocks {
    topology_block minima, candidates[4], edges;
};

/* At least `bytes` bytes, the first `keep` of them unchanged; never shrinks. */
ll_status topology_reserve(topology_block *block, size_t bytes, size_t keep, void **memory, ll_error *error);
/* ll_allocate, large blocks on huge pages where the system offers them. Freed with ll_free. */
void *topology_allocate(size_t bytes);

/* ------------------------------------------------------------------ order */

/* Unsigned integers in the order of the values; -0.0 and +0.0 alike. Superlevel: of -f. */
static inline uint32_t topology_key32(float value, bool superlevel)
{
    union {
        float f;
        uint32_t u;
    } bits = {.f = (superlevel ? -value : value) + 0.0F};
    return bits.u ^ ((uint32_t) - (int32_t)(bits.u >> 31) | UINT32_C(0x80000000));
}
static inline uint64_t topology_key64(double value, bool superlevel)
{
    union {
        double f;
        uint64_t u;
    } bits = {.f = (superlevel ? -value : value) + 0.0};
    return bits.u ^ ((uint64_t) - (int64_t)(bits.u >> 63) | UINT64_C(0x8000000000000000));
}
/* The value whose order key this is. Zero comes back as +0.0. */
static inline double topology_value32(uint32_t key, bool superlevel)
{
    union {
        float f;
        uint32_t u;
    } bits = {.u = key ^ (key >> 31 ? UINT32_C(0x80000000) : UINT32_C(0xFFFFFFFF))};
    return (double)(superlevel ? -bits.f : bits.f) + 0.0;
}
static inline double topology_value64(uint64_t key, bool superlevel)
{
    union {
        double f;
        uint64_t u;
    } bits = {.u = key ^ (key >> 63 ? UINT64_C(0x8000000000000000) : UINT64_C(0xFFFFFFFFFFFFFFFF))};
    return (superlevel ? -bits.f : bits.f) + 0.0;
}

/* Stable ascending sort of `count` words by their upper 32 bits; scratch has the same size. The result is
 * in `words`. Linear: byte or 11-bit digits, constant digits skipped. */
void topology_sort_words(uint64_t *words, uint64_t *scratch, int64_t count);
/* Stable ascending sort of ids by 64-bit keys, both permuted; scratch arrays of the same sizes. */
void topology_sort_keys(uint64_t *keys, uint32_t *ids, uint64_t *key_scratch, uint32_t *id_scratch,
                        int64_t count);

/* ------------------------------------------------------------------ neighbourhood of a grid vertex */

/* All neighbours of a connectivity in any rank, in lexicographic order of the offset, which is the order
 * of ids: offset[j] has `rank` entries in {-1,0,1}. Returns their number (<= 728). */
int topology_offsets(ll_connectivity connectivity, int rank, int8_t offset[][LL_FIELD_MAX_RANK]);

/* How the lower link's pieces are told apart; each has its own arrangement of the link in bits. */
typedef enum topology_link {
    LINK_RING6, /* freudenthal 2-D: the hexagon in cyclic order */
    LINK_RING8, /* box 2-D: the eight pixels around, corners at even bits */
    LINK_RING8_AXIS,
    LINK_SUBSETS3, /* freudenthal 3-D and 4-D: proper non-empty subsets of a (rank + 1)-set, adjacent iff */
    LINK_SUBSETS4, /* one holds the other (the link is the barycentric subdivision of a simplex' boundary) */
    LINK_CUBE3,    /* box 3-D: 27 cells in a word */
    LINK_CUBE3_AXIS,
    LINK_CUBE4, /* box 4-D: three words of 27 cells */
    LINK_CUBE4_AXIS
} topology_link;

#define STENCIL_MAX 80
#define STENCIL_ROWS 27
#define STENCIL_WORDS 3

/* The neighbourhood for the fast path: rank 2..4, extents of 1 taken out. Neighbours stand in four runs,
 * each in lexicographic order: [0, earlier) lower id, [earlier, steps) higher id: these are the neighbours
 * of the connectivity; [steps, earlier_corners) and [earlier_corners, count): for `axis`, the corners of the squares,
 * through which two neighbours are joined below. */
typedef struct topology_stencil {
    int rank;
    int64_t shape[4];
    int64_t vertices, length, rows; /* length = extent of the last axis */
    topology_link link;
    int words;
    int earlier, steps, earlier_corners, count;
    int32_t delta[STENCIL_MAX];
    int8_t shift[STENCIL_MAX]; /* along the last axis */
    uint8_t row[STENCIL_MAX];  /* index into row_offset */
    uint8_t word[STENCIL_MAX];
    uint32_t bit[STENCIL_MAX];               /* one bit set */
    uint8_t neighbour_at[STENCIL_WORDS][32]; /* the neighbour that a bit stands for */
    int row_count;
    int8_t row_offset[STENCIL_ROWS][3];
    int64_t row_delta[STENCIL_ROWS];
    uint32_t step_bits[STENCIL_WORDS]; /* bits of the neighbours proper */
} topology_stencil;

/* False if the grid has no fast path (five or six axes longer than 1). */
bool topology_stencil_make(const ll_grid_field *field, ll_connectivity connectivity,
                           topology_stencil *stencil);

struct ll_topology_workspace {
    topology_block slots[SLOT_COUNT];
    struct topology_slab_blocks slabs[TOPOLOGY_MAX_SLABS];
    int slabs_used; /* most of them at once so far */
    /* The last neighbourhood and what it was made for: to make it again is a tenth of a small field's time. */
    bool has_stencil;
    ll_connectivity connectivity;
    int rank;
    int64_t shape[LL_FIELD_MAX_RANK];
    topology_stencil stencil;
};
/* The neighbourhood of the field, kept in the workspace; NULL if the grid has no fast path. */
const topology_stencil *topology_workspace_stencil(ll_topology_workspace *workspace,
                                                   const ll_grid_field *field, ll_connectivity connectivity);

/* Components of the lower link `mask`: one neighbour index of each into representative[]; returns how
 * many. Only neighbours proper count. */
int topology_link_components(const topology_stencil *stencil, const uint32_t *mask, uint8_t *representative);

/* ------------------------------------------------------------------ stencil pass */

#define CODE_LABELLED 0x80 /* labels[v] is the minimum's index */
#define CODE_HOLE 0x81     /* not in the domain */

/* Part of a pass: rows [first_row, last_row). */
typedef struct topology_slab {
    const topology_stencil *stencil;
    const void *values;
    const void *pad; /* length + 2 PAD_MARGIN values that are never lower */
    uint8_t *codes;
    int64_t first_row, last_row;
    /* out; before each row there is room for length + PAD_MARGIN more */
    uint32_t *minima;
    int64_t minima_count;
    uint32_t *candidates[1 + STENCIL_WORDS]; /* vertex; words of the lower link */
    int64_t candidate_count;
    int64_t valid;       /* vertices in the domain */
    bool infinity_below; /* saw the infinity that would be lower than every number: the pass is void */
    double highest;      /* highest in order, and the last row that has it; row -1: none */
    int64_t highest_row;
} topology_slab;

#define PAD_MARGIN 32 /* readable values on both sides of the pad row */

/* One row; there is room. */
typedef void (*topology_row_function)(topology_slab *slab, int64_t row);
topology_row_function topology_row_float32_portable(bool superlevel, topology_link link);
topology_row_function topology_row_float64_portable(bool superlevel, topology_link link);
topology_row_function topology_row_float32_avx2(bool superlevel, topology_link link);
topology_row_function topology_row_float64_avx2(bool superlevel, topology_link link);
topology_row_function topology_row_float32_avx512(bool superlevel, topology_link link);
topology_row_function topology_row_float64_avx512(bool superlevel, topology_link link);

/* The graph check without the symmetry of its edges. */
ll_status topology_check_graph_quickly(const ll_graph_field *field, ll_error *error);

/* ------------------------------------------------------------------ joining minima */

/* At vertex `saddle` the basins of two minima (by index) meet. */
typedef struct topology_edge {
    uint32_t saddle, a, b;
} topology_edge;

/* A minimum and, while it is the root of its component in the union-find, the component. */
typedef struct topology_branch {
    uint64_t key; /* order among minima; ties by index */
    uint32_t up;  /* union-find: an older minimum of the same component, or itself */
    uint32_t top; /* highest tree node of the component */
} topology_branch;

typedef struct topology_fate {
    uint32_t death; /* vertex; for survivors the component's last vertex */
    uint32_t elder; /* NO_INDEX: survives */
} topology_fate;
#define NO_INDEX UINT32_MAX

/* The tree in compact form. Nodes: minima, then saddles, then plain roots. */
typedef struct topology_forest {
    const void *values;
    ll_array_type type;
    bool superlevel;
    int64_t minima, saddles, components, plain_roots;
    const uint32_t *minimum; /* vertex of each minimum, ascending */
    topology_branch *branches;
    topology_fate *fates;
    uint32_t *parents; /* per node; NO_INDEX: root */
    uint32_t *saddle;  /* vertex of each saddle, in order; then of each plain root */
} topology_forest;

static inline uint64_t topology_order_key(const void *values, ll_array_type type, bool superlevel, uint32_t v)
{
    if (type == LL_ARRAY_FLOAT32) {
        return (uint64_t)topology_key32(((const float *)values)[v], superlevel) << 32 | v;
    }
    return topology_key64(((const double *)values)[v], superlevel);
}

/* Drops edges that close a cycle with lower ones; the others keep their order. Edges are in ascending
 * saddle id. Returns how many stay (< minima). */
ll_status topology_filter_edges(topology_edge *edges, int64_t *count, const topology_forest *forest,
                                ll_topology_workspace *workspace, ll_error *error);
/* Joins the minima along the edges, lowest saddle first: fates (but of survivors), parents, saddles,
 * components. Edges are in ascending saddle id. */
ll_status topology_join(const topology_edge *edges, int64_t count, topology_forest *forest,
                        ll_topology_workspace *workspace, ll_error *error);
/* Labels every vertex of the domain with its minimum's index by steepest descent. */
void topology_label_all(const topology_stencil *stencil, uint8_t *codes, uint32_t *labels);
/* Fills the sizes of the nodes and, where not NULL, per vertex its node (-1: hole). All vertices are
 * labelled. */
ll_status topology_count_arcs(const topology_forest *forest, int64_t vertices, const uint8_t *codes,
                              const uint32_t *labels, ll_tree_node *tree_nodes, int32_t *arcs,
                              ll_topology_workspace *workspace, ll_error *error);

/* ------------------------------------------------------------------ ways to the tree */

/* Sort all vertices, join them by union-find. Any rank; exact by construction; the slow twin of the fast
 * path and the way for graphs and for rank 5 and 6. */
ll_status topology_sweep_grid(const ll_grid_field *field, const ll_topology_options *options,
                              ll_topology_workspace *workspace, ll_merge_tree *tree, ll_error *error);
ll_status topology_sweep_graph(const ll_graph_field *field, const ll_topology_options *options,
                               ll_topology_workspace *workspace, ll_merge_tree *tree, ll_error *error);
size_t topology_sweep_bytes(int64_t vertices); /* scratch */
/* Scratch of the fast path for at most `minima` minima. */
size_t topology_descend_bytes(ll_array_type type, const topology_stencil *stencil,
                              const ll_topology_options *options, int64_t minima);
/* The fast path. The stencil fits the field. */
ll_status topology_descend_grid(const ll_grid_field *field, const topology_stencil *stencil,
                                const ll_topology_options *options, ll_topology_workspace *workspace,
                                ll_merge_tree *tree, ll_error *error);

#endif
