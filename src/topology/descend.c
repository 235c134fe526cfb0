/* The fast path to the merge tree of a grid (docs/method/merge_trees.md).
 *
 * A vertex joins components only if its lower link has several pieces: two lower neighbours in one piece are
 * connected below the vertex. One stencil pass lists these candidates with their links, the minima, and the
 * steepest lower neighbour of every vertex. From one neighbour in each piece steepest descent leads to a
 * minimum of that piece's component; the candidate thus joins a few known minima, and Kruskal's method over
 * minima alone gives pairs and tree. */
#include "topology/internal.h"

#include <math.h>
#include <string.h>

#define THREADED_VERTICES 20000 /* below this, waking threads costs more than the work */
#define LONG_PATH 4             /* steps after which a path of descent is worth remembering */

typedef struct descent {
    const topology_stencil *stencil;
    ll_topology_workspace *workspace;
    topology_row_function row;
    uint8_t *codes;
    uint32_t *labels;
    const uint32_t *minimum;
    topology_forest forest;
    int64_t edge_limit; /* edges of a slab beyond which cycles are dropped; single slab only */
    int slabs;
    topology_slab slab[TOPOLOGY_MAX_SLABS];
    int64_t edge_count[TOPOLOGY_MAX_SLABS];
} descent;

static topology_row_function choose_row(ll_array_type type, bool superlevel, topology_link link,
                                        ll_cpu_level level)
{
    bool narrow = type == LL_ARRAY_FLOAT32;
#if defined(__x86_64__)
    if (level >= LL_CPU_AVX512) {
        return narrow ? topology_row_float32_avx512(superlevel, link)
                      : topology_row_float64_avx512(superlevel, link);
    }
    if (level >= LL_CPU_AVX2) {
        return narrow ? topology_row_float32_avx2(superlevel, link)
                      : topology_row_float64_avx2(superlevel, link);
    }
#else
    (void)level;
#endif
    return narrow ? topology_row_float32_portable(superlevel, link)
                  : topology_row_float64_portable(superlevel, link);
}

static void fill_far(void *values, ll_array_type type, int64_t count, bool superlevel)
{
    double far = superlevel ? -INFINITY : INFINITY;
    for (int64_t i = 0; i < count; i++) {
        if (type == LL_ARRAY_FLOAT32) ((float *)values)[i] = (float)far;
        else ((double *)values)[i] = far;
    }
}

/* Room for `more` entries behind `count` in a block of 32-bit entries; at most `bound` are ever needed. */
static ll_status grow(topology_block *block, int64_t count, int64_t more, int64_t bound, uint32_t **entries,
                      ll_error *error)
{
    int64_t room = (int64_t)(block->capacity / 4);
    void *memory = block->bytes;
    if (count + more > room) {
        int64_t wanted = ll_min_int64(ll_max_int64(2 * room, 4 * more), bound);
        wanted = ll_max_int64(wanted, count + more);
        LL_TRY(topology_reserve(block, (size_t)wanted * 4, (size_t)count * 4, &memory, error));
    }
    *entries = memory;
    return LL_OK;
}

static ll_status pass_slab(void *context, int64_t index, int thread, ll_error *error)
{
    (void)thread;
    descent *d = context;
    topology_slab *slab = &d->slab[index];
    struct topology_slab_blocks *blocks = &d->workspace->slabs[index];
    int64_t length = d->stencil->length;
    int64_t bound = (slab->last_row - slab->first_row) * length + PAD_MARGIN;
    slab->minima_count = slab->candidate_count = slab->valid = 0;
    slab->infinity_below = false;
    slab->highest_row = -1;
    for (int64_t row = slab->first_row; row < slab->last_row && !slab->infinity_below; row++) {
        LL_TRY(grow(&blocks->minima, slab->minima_count, length + PAD_MARGIN, bound, &slab->minima, error));
        for (int part = 0; part < 1 + d->stencil->words; part++) {
            LL_TRY(grow(&blocks->candidates[part], slab->candidate_count, length + PAD_MARGIN, bound,
                        &slab->candidates[part], error));
        }
        d->row(slab, row);
    }
    return LL_OK;
}

/* Codes and labels are shared between threads that trace at once. A label is written before the code that
 * announces it, and every thread would write the same values, so relaxed reads see a path or its end. */
static inline uint8_t code_at(const uint8_t *codes, int64_t v)
{
    return __atomic_load_n(&codes[v], __ATOMIC_ACQUIRE);
}

/* Index of the minimum below v. */
static inline uint32_t trace(const descent *d, int64_t v)
{
    const int32_t *delta = d->stencil->delta;
    int64_t start = v, steps = 0;
    for (uint8_t code; (code = code_at(d->codes, v)) < CODE_LABELLED; steps++) v += delta[code];
    uint32_t label = __atomic_load_n(&d->labels[v], __ATOMIC_RELAXED);
    if (steps > LONG_PATH) {
        /* Every fourth vertex is enough for later paths that join this one. */
        int64_t w = start;
        for (int64_t step = 0; step < steps; step++) {
            uint8_t code = code_at(d->codes, w);
            if (code >= CODE_LABELLED) break;
            if (step % 4 == 0) {
                __atomic_store_n(&d->labels[w], label, __ATOMIC_RELAXED);
                __atomic_store_n(&d->codes[w], CODE_LABELLED, __ATOMIC_RELEASE);
            }
            w += delta[code];
        }
    }
    return label;
}

static ll_status trace_slab(void *context, int64_t index, int thread, ll_error *error)
{
    (void)thread;
    descent *d = context;
    topology_slab *slab = &d->slab[index];
    topology_block *block = &d->workspace->slabs[index].edges;
    topology_edge *edges = block->bytes;
    int64_t count = 0, room = (int64_t)(block->capacity / sizeof *edges);
    for (int64_t i = 0; i < slab->candidate_count; i++) {
        uint32_t mask[STENCIL_WORDS];
        for (int word = 0; word < d->stencil->words; word++) mask[word] = slab->candidates[1 + word][i];
        uint32_t saddle = slab->candidates[0][i];
        uint8_t first_step[STENCIL_MAX];
        int pieces = topology_link_components(d->stencil, mask, first_step);
        if (count + pieces > room) {
            if (d->slabs == 1 && count >= d->edge_limit) {
                LL_TRY(topology_filter_edges(edges, &count, &d->forest, d->workspace, error));
            } else {
                void *memory;
                room = ll_max_int64(room + room / 2, 4096);
                LL_TRY(topology_reserve(block, (size_t)room * sizeof *edges, (size_t)count * sizeof *edges,
                                        &memory, error));
                edges = memory;
            }
        }
        uint32_t met[STENCIL_MAX];
        met[0] = trace(d, saddle + (int64_t)d->stencil->delta[first_step[0]]);
        int distinct = 1;
        for (int piece = 1; piece < pieces; piece++) {
            uint32_t minimum = trace(d, saddle + (int64_t)d->stencil->delta[first_step[piece]]);
            bool seen = false;
            for (int k = 0; k < distinct; k++) seen = seen || met[k] == minimum;
            if (seen) continue;
            met[distinct++] = minimum;
            edges[count++] = (topology_edge){saddle, met[0], minimum};
        }
    }
    d->edge_count[index] = count;
    return LL_OK;
}

/* The stencil pass over all slabs, if need be twice: an infinity that would count as lower than every
 * number voids the first, and is replaced by one that never does. */
static ll_status run_pass(descent *d, const ll_grid_field *field, const ll_topology_options *options,
                          ll_error *error)
{
    const topology_stencil *stencil = d->stencil;
    size_t element = ll_array_type_bytes(field->type);
    void *pad, *memory;
    int64_t pad_count = stencil->length + 2 * PAD_MARGIN;
    LL_TRY(topology_reserve(&d->workspace->slots[SLOT_PAD], (size_t)pad_count * element, 0, &pad, error));
    fill_far(pad, field->type, pad_count, options->superlevel);
    LL_TRY(topology_reserve(&d->workspace->slots[SLOT_CODES], (size_t)stencil->vertices, 0, &memory, error));
    d->codes = memory;

    int threads = stencil->vertices < THREADED_VERTICES ? 1 : ll_team_threads(options->team);
    d->slabs =
        threads == 1 ? 1 : (int)ll_min_int64(ll_min_int64(4 * threads, TOPOLOGY_MAX_SLABS), stencil->rows);
    if (d->slabs > d->workspace->slabs_used) d->workspace->slabs_used = d->slabs;
    d->row = choose_row(field->type, options->superlevel, stencil->link, options->cpu_level);
    d->forest.values = field->values;
    for (int attempt = 0; attempt < 2; attempt++) {
        for (int index = 0; index < d->slabs; index++) {
            d->slab[index] = (topology_slab){.stencil = stencil,
                                             .values = d->forest.values,
                                             .pad = pad,
                                             .codes = d->codes,
                                             .first_row = stencil->rows * index / d->slabs,
                                             .last_row = stencil->rows * (index + 1) / d->slabs};
        }
        LL_TRY(ll_team_run(d->slabs > 1 ? options->team : NULL, d->slabs, pass_slab, d, error));
        bool again = false;
        for (int index = 0; index < d->slabs; index++) again = again || d->slab[index].infinity_below;
        if (!again) break;
        LL_TRY(topology_reserve(&d->workspace->slots[SLOT_COPY], (size_t)stencil->vertices * element, 0,
                                &memory, error));
        for (int64_t v = 0; v < stencil->vertices; v++) {
            double value = ll_grid_field_value(field, v);
            double kept = isfinite(value) ? value : (double)NAN;
            if (field->type == LL_ARRAY_FLOAT32) ((float *)memory)[v] = (float)kept;
            else ((double *)memory)[v] = kept;
        }
        d->forest.values = memory;
    }
    return LL_OK;
}

/* Minima of all slabs in one ascending list, each labelled with its index. */
static ll_status number_minima(descent *d, ll_error *error)
{
    void *memory;
    int64_t minima = 0;
    for (int index = 0; index < d->slabs; index++) minima += d->slab[index].minima_count;
    d->forest.minima = minima;
    if (d->slabs == 1) {
        d->forest.minimum = d->slab[0].minima;
    } else {
        LL_TRY(topology_reserve(&d->workspace->slots[SLOT_MINIMA], (size_t)minima * 4, 0, &memory, error));
        uint32_t *all = memory;
        for (int index = 0; index < d->slabs; index++) {
            memcpy(all, d->slab[index].minima, (size_t)d->slab[index].minima_count * 4);
            all += d->slab[index].minima_count;
        }
        d->forest.minimum = memory;
    }
    LL_TRY(topology_reserve(&d->workspace->slots[SLOT_LABELS], (size_t)d->stencil->vertices * 4, 0, &memory,
                            error));
    d->labels = memory;
    for (int64_t i = 0; i < minima; i++) d->labels[d->forest.minimum[i]] = (uint32_t)i;
    return LL_OK;
}

static ll_status reserve_forest(descent *d, ll_error *error)
{
    ll_topology_workspace *w = d->workspace;
    size_t minima = (size_t)d->forest.minima;
    void *memory;
    LL_TRY(topology_reserve(&w->slots[SLOT_BRANCHES], minima * sizeof(topology_branch), 0, &memory, error));
    d->forest.branches = memory;
    LL_TRY(topology_reserve(&w->slots[SLOT_FATES], minima * sizeof(topology_fate), 0, &memory, error));
    d->forest.fates = memory;
    LL_TRY(topology_reserve(&w->slots[SLOT_PARENTS], 2 * minima * 4, 0, &memory, error));
    d->forest.parents = memory;
    LL_TRY(topology_reserve(&w->slots[SLOT_SADDLES], minima * 4, 0, &memory, error));
    d->forest.saddle = memory;
    return LL_OK;
}

/* All edges in ascending saddle id. */
static ll_status gather_edges(descent *d, const ll_topology_options *options, const topology_edge **edges,
                              int64_t *count, ll_error *error)
{
    d->edge_limit = ll_max_int64(3 * d->forest.minima, 65536);
    LL_TRY(ll_team_run(d->slabs > 1 ? options->team : NULL, d->slabs, trace_slab, d, error));
    if (d->slabs == 1) {
        *edges = d->workspace->slabs[0].edges.bytes;
        *count = d->edge_count[0];
        return LL_OK;
    }
    int64_t total = 0;
    for (int index = 0; index < d->slabs; index++) total += d->edge_count[index];
    void *memory;
    LL_TRY(topology_reserve(&d->workspace->slots[SLOT_EDGES], (size_t)total * sizeof **edges, 0, &memory,
                            error));
    topology_edge *all = memory;
    *edges = all;
    *count = total;
    for (int index = 0; index < d->slabs; index++) {
        size_t bytes = (size_t)d->edge_count[index] * sizeof **edges;
        if (bytes > 0) memcpy(all, d->workspace->slabs[index].edges.bytes, bytes);
        all += d->edge_count[index];
    }
    return LL_OK;
}

static uint32_t root_of(const topology_branch *branches, uint32_t minimum)
{
    while (branches[minimum].up != minimum) minimum = branches[minimum].up;
    return minimum;
}

/* The last vertex of each component, into the fates of the survivors. With one component it is in the row
 * that the pass remembered; with several, every vertex must be asked which it belongs to. */
static void find_lasts(descent *d)
{
    topology_forest *forest = &d->forest;
    if (forest->components == 1) {
        const topology_slab *best = NULL;
        for (int index = 0; index < d->slabs; index++) {
            const topology_slab *slab = &d->slab[index];
            if (slab->highest_row < 0) continue;
            bool not_lower = best == NULL || (forest->superlevel ? slab->highest <= best->highest
                                                                 : slab->highest >= best->highest);
            if (not_lower) best = slab;
        }
        int64_t last = (best->highest_row + 1) * d->stencil->length - 1;
        ll_grid_field view = {.type = forest->type, .values = forest->values};
        while (ll_grid_field_value(&view, last) != best->highest) last--;
        uint32_t survivor = root_of(forest->branches, 0);
        forest->fates[survivor].death = (uint32_t)last;
        return;
    }
    topology_label_all(d->stencil, d->codes, d->labels);
    for (int64_t i = 0; i < forest->minima; i++) {
        if (forest->fates[i].elder == NO_INDEX) forest->fates[i].death = forest->minimum[i];
        /* Shorten the way to the root: asked for once per vertex. */
        forest->branches[i].up = root_of(forest->branches, (uint32_t)i);
    }
    for (int64_t v = 0; v < d->stencil->vertices; v++) {
        if (d->codes[v] == CODE_HOLE) continue;
        uint32_t survivor = forest->branches[d->labels[v]].up;
        uint32_t *last = &forest->fates[survivor].death;
        uint64_t here = topology_order_key(forest->values, forest->type, forest->superlevel, (uint32_t)v);
        uint64_t there = topology_order_key(forest->values, forest->type, forest->superlevel, *last);
        if (here >= there) *last = (uint32_t)v; /* ids ascend, so equal keys rise too */
    }
}

/* Roots that are neither saddles nor single vertices become nodes of their own, from the lowest up. */
static ll_status add_plain_roots(descent *d, ll_error *error)
{
    topology_forest *forest = &d->forest;
    int64_t first = forest->minima + forest->saddles, plain = 0;
    void *memory, *scratch;
    LL_TRY(topology_reserve(&d->workspace->slots[SLOT_LASTS], 16 * (size_t)forest->components, 0, &memory,
                            error));
    LL_TRY(topology_reserve(&d->workspace->slots[SLOT_SCRATCH], 16 * (size_t)forest->components, 0, &scratch,
                            error));
    /* Saddles and plain roots together are no more than minima, so parents and vertices have room. */
    uint64_t *keys = memory, *key_scratch = scratch;
    uint32_t *survivors = (uint32_t *)(keys + forest->components);
    uint32_t *survivor_scratch = (uint32_t *)(key_scratch + forest->components);
    for (int64_t i = 0; i < forest->minima; i++) {
        if (forest->fates[i].elder != NO_INDEX) continue;
        uint32_t top = forest->branches[i].top, last = forest->fates[i].death;
        uint32_t vertex = top < forest->minima ? forest->minimum[top] : forest->saddle[top - forest->minima];
        if (vertex == last) continue;
        keys[plain] = topology_order_key(forest->values, forest->type, forest->superlevel, last);
        survivors[plain++] = (uint32_t)i;
    }
    /* Equal float64 values need the id as well; first by id, then, stably, by value. */
    if (forest->type == LL_ARRAY_FLOAT64 && plain > 1) {
        for (int64_t k = 0; k < plain; k++) keys[k] = forest->fates[survivors[k]].death;
        topology_sort_keys(keys, survivors, key_scratch, survivor_scratch, plain);
        for (int64_t k = 0; k < plain; k++) {
            keys[k] = topology_order_key(forest->values, forest->type, forest->superlevel,
                                         forest->fates[survivors[k]].death);
        }
    }
    if (plain > 1) topology_sort_keys(keys, survivors, key_scratch, survivor_scratch, plain);
    for (int64_t k = 0; k < plain; k++) {
        uint32_t node = (uint32_t)(first + k);
        forest->parents[forest->branches[survivors[k]].top] = node;
        forest->parents[node] = NO_INDEX;
        forest->saddle[forest->saddles + k] = forest->fates[survivors[k]].death;
    }
    forest->plain_roots = plain;
    return LL_OK;
}

static double value_at(const topology_forest *forest, uint32_t v)
{
    return (forest->type == LL_ARRAY_FLOAT32 ? (double)((const float *)forest->values)[v]
                                             : ((const double *)forest->values)[v]) +
           0.0;
}

static ll_status write_result(descent *d, const ll_topology_options *options, ll_merge_tree *made,
                              ll_error *error)
{
    const topology_forest *forest = &d->forest;
    int64_t vertices = d->stencil->vertices;
    unsigned outputs = options->outputs;
    bool with_sizes = (outputs & (LL_TOPOLOGY_SIZES | LL_TOPOLOGY_ARCS)) != 0;
    bool with_tree = with_sizes || (outputs & LL_TOPOLOGY_TREE) != 0;

    made->pairs = topology_allocate((size_t)forest->minima * sizeof *made->pairs);
    if (made->pairs == NULL)
        return ll_fail_memory(error, TOPOLOGY, (size_t)forest->minima * sizeof *made->pairs);
    for (int64_t i = 0; i < forest->minima; i++) {
        topology_fate fate = forest->fates[i];
        made->pairs[i] = (ll_persistence_pair){.birth = forest->minimum[i],
                                               .death = fate.death,
                                               .birth_value = value_at(forest, forest->minimum[i]),
                                               .death_value = value_at(forest, fate.death),
                                               .elder = fate.elder == NO_INDEX ? -1 : (int64_t)fate.elder,
                                               .essential = fate.elder == NO_INDEX};
    }
    if (with_tree) {
        int64_t count = forest->minima + forest->saddles + forest->plain_roots;
        made->nodes = topology_allocate((size_t)count * sizeof *made->nodes);
        if (made->nodes == NULL) return ll_fail_memory(error, TOPOLOGY, (size_t)count * sizeof *made->nodes);
        made->node_count = count;
        for (int64_t node = 0; node < count; node++) {
            uint32_t vertex =
                node < forest->minima ? forest->minimum[node] : forest->saddle[node - forest->minima];
            uint32_t parent = forest->parents[node];
            made->nodes[node] = (ll_tree_node){.vertex = vertex,
                                               .parent = parent == NO_INDEX ? -1 : (int64_t)parent,
                                               .value = value_at(forest, vertex)};
        }
    }
    if (with_sizes || (outputs & LL_TOPOLOGY_BASINS) != 0)
        topology_label_all(d->stencil, d->codes, d->labels);
    if ((outputs & LL_TOPOLOGY_BASINS) != 0) {
        made->basins = topology_allocate((size_t)vertices * sizeof *made->basins);
        if (made->basins == NULL)
            return ll_fail_memory(error, TOPOLOGY, (size_t)vertices * sizeof *made->basins);
        for (int64_t v = 0; v < vertices; v++) {
            made->basins[v] = d->codes[v] == CODE_HOLE ? -1 : (int32_t)forest->minimum[d->labels[v]];
        }
    }
    if ((outputs & LL_TOPOLOGY_ARCS) != 0) {
        made->arcs = topology_allocate((size_t)vertices * sizeof *made->arcs);
        if (made->arcs == NULL) return ll_fail_memory(error, TOPOLOGY, (size_t)vertices * sizeof *made->arcs);
    }
    if (with_sizes) {
        LL_TRY(topology_count_arcs(forest, vertices, d->codes, d->labels, made->nodes, made->arcs,
                                   d->workspace, error));
        made->has_sizes = true;
    }
    return LL_OK;
}

size_t topology_descend_bytes(ll_array_type type, const topology_stencil *stencil,
                              const ll_topology_options *options, int64_t minima)
{
    size_t vertices = (size_t)stencil->vertices, most = (size_t)minima;
    size_t edges = 3 * most > 65536 ? 3 * most : 65536;
    /* copy, codes, labels; candidates (half as much again while a list grows); edges with their sort (likewise). */
    size_t bytes = vertices * (ll_array_type_bytes(type) + 1 + 4);
    bytes += vertices * 4 * (size_t)(1 + stencil->words) * 3 / 2;
    bytes += edges * (sizeof(topology_edge) * 2 + 16);
    bytes += most * (2 * 4 + sizeof(topology_branch) + sizeof(topology_fate) + 3 * 4 + 32);
    if ((options->outputs & (LL_TOPOLOGY_SIZES | LL_TOPOLOGY_ARCS)) != 0) bytes += 2 * most * 32;
    return bytes + ((size_t)stencil->length + 2 * PAD_MARGIN) * 8 + sizeof(ll_topology_workspace) + 65536;
}

static size_t result_size(const ll_merge_tree *tree)
{
    return (size_t)tree->minima * sizeof *tree->pairs + (size_t)tree->node_count * sizeof *tree->nodes +
           (size_t)tree->vertices * ((tree->basins != NULL ? 4U : 0U) + (tree->arcs != NULL ? 4U : 0U));
}

static ll_status descend(descent *d, const ll_grid_field *field, const ll_topology_options *options,
                         ll_merge_tree *made, ll_error *error)
{
    const topology_edge *edges;
    int64_t count, valid = 0;
    LL_TRY(run_pass(d, field, options, error));
    LL_TRY(number_minima(d, error));
    LL_TRY(reserve_forest(d, error));
    LL_TRY(gather_edges(d, options, &edges, &count, error));
    LL_TRY(topology_join(edges, count, &d->forest, d->workspace, error));
    if (d->forest.components > 0) {
        find_lasts(d);
        LL_TRY(add_plain_roots(d, error));
    }
    for (int index = 0; index < d->slabs; index++) valid += d->slab[index].valid;
    *made = (ll_merge_tree){.connectivity = options->connectivity,
                            .superlevel = options->superlevel,
                            .vertices = d->stencil->vertices,
                            .excluded = d->stencil->vertices - valid,
                            .minima = d->forest.minima,
                            .saddles = d->forest.saddles,
                            .merges = d->forest.minima - d->forest.components,
                            .components = d->forest.components};
    LL_TRY(write_result(d, options, made, error));
    made->peak_bytes = ll_topology_workspace_bytes(d->workspace) + result_size(made);
    return LL_OK;
}

ll_status topology_descend_grid(const ll_grid_field *field, const topology_stencil *stencil,
                                const ll_topology_options *options, ll_topology_workspace *workspace,
                                ll_merge_tree *tree, ll_error *error)
{
    void *memory;
    LL_TRY(topology_reserve(&workspace->slots[SLOT_DESCENT], sizeof(descent), 0, &memory, error));
    descent *d = memory;
    d->stencil = stencil;
    d->workspace = workspace;
    d->forest = (topology_forest){.type = field->type, .superlevel = options->superlevel};
    ll_merge_tree made = {0};
    ll_status status = descend(d, field, options, &made, error);
    if (status != LL_OK) {
        ll_merge_tree_deinit(&made);
        return status;
    }
    *tree = made;
    return LL_OK;
}
