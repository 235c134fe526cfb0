/* What the files of this module share: the plan and its parts.
 *
 * A plan is a list of steps over values. A value is the result of a graph node in one layout; a node that is
 * cheaper to make again than to keep (a sample input) has one value a pass. Every value has a place: the caller's
 * memory, the graph's constant, the fixed block of a point, the arena of a thread, or the stash (kept for all
 * samples, in the order of the micro-batches, because a later pass needs it).
 */
#ifndef LL_RUNTIME_INTERNAL_H
#define LL_RUNTIME_INTERNAL_H

#include "losslens/runtime.h"

enum { LL_MAX_POINTERS = 24 }; /* most inputs, or outputs, of a step that is not a concatenation */

typedef enum ll_layout {
    LL_LAYOUT_DENSE,
    LL_LAYOUT_BLOCKED /* [N, C, S..] as [N][ceil(C/16)][S..][16], lanes past C zero; [C] padded to 16 likewise */
} ll_layout;

typedef enum ll_place {
    LL_PLACE_BOUND,    /* caller's, or its aligned copy in the fixed block */
    LL_PLACE_CONSTANT, /* the graph's */
    LL_PLACE_FIXED,    /* a point's fixed block */
    LL_PLACE_ARENA,    /* a thread's arena */
    LL_PLACE_STASH     /* a point's stash */
} ll_place;

typedef struct ll_value {
    ll_node node;
    ll_layout layout;
    int pass; /* the pass that makes it; FIXED: the pass before which it is made */
    ll_place place;
    bool sampled;       /* has the sample axis */
    int32_t alias;      /* the value whose memory this is (reshapes), or -1 */
    size_t fixed_bytes; /* bytes = fixed_bytes + samples * sample_bytes, rounded up to a cache line */
    size_t sample_bytes;
    size_t offset;       /* in its block; stash: offset is multiplied by the run's micro-batches */
    int32_t first, last; /* steps between which the memory is used */
    bool wide;           /* a sum of doubles, whatever the type of its node */
    int64_t sum_offset;  /* >= 0: the accumulator's first element; the value itself is a partial sum */
    int64_t sum_count;
    int32_t total; /* the FIXED value that receives the whole sum */
} ll_value;

typedef struct ll_step ll_step;

/* How a step is computed. prepare is called for every number of samples that occurs (once for fixed steps, with
 * 0 samples); run may be called by several threads at once with the same state. */
typedef struct ll_step_kind {
    const char *name;
    ll_status (*prepare)(const ll_plan *plan, const ll_step *step, int64_t samples, void **state,
                         ll_error *error);
    size_t (*workspace)(const ll_step *step, const void *state);
    ll_status (*run)(const ll_step *step, const void *state, const void *const *inputs, void *const *outputs,
                     void *workspace, ll_error *error);
    void (*destroy)(const ll_step *step, void *state);
} ll_step_kind;

struct ll_step {
    const ll_step_kind *kind;
    ll_node node; /* the last node it computes */
    int pass;
    bool sampled;
    int32_t input_count, output_count;
    int32_t *inputs, *outputs;   /* values */
    const ll_provider *provider; /* of a provider step */
    void *detail;  /* of the kind: a fused program, a convolution's epilogue ... in the plan's arena */
    int32_t nodes; /* graph nodes computed here */
    void *fixed_state;
    double seconds;
    int64_t runs;
};

/* The prepared kernels for micro-batches of one size. */
typedef struct ll_variant {
    int64_t samples;
    void **states; /* one a step; NULL for fixed steps */
} ll_variant;

typedef struct ll_plan_output {
    ll_node node;
    int32_t value;
    int pass; /* sampled: in which its rows are delivered */
    bool sampled;
} ll_plan_output;

typedef struct ll_plan_input {
    ll_node node;
    int32_t kind;  /* ll_input_kind */
    int32_t value; /* of a fixed input; -1 for sampled ones, which have a value a pass */
    bool sampled;
} ll_plan_input;

typedef struct ll_stream {
    char *arena;
    char *workspace;
    const void **pointers;
    double *seconds; /* a step; profile */
    int64_t *runs;
} ll_stream;

typedef struct ll_slot {
    char *fixed, *stash;
    double *sums;       /* [chunks][sum_count] */
    const void **bound; /* a plan input */
    size_t stash_bytes;
    int64_t chunks;
    /* What the passes before plan->kept_passes left in `fixed` and `stash`, and of which samples. */
    bool kept;
    int64_t kept_samples, reused;
    ll_hash kept_rows;
} ll_slot;

struct ll_plan {
    const ll_graph *graph;
    ll_arena *memory;
    ll_plan_options options;
    ll_cpu_level cpu;
    const char *backend;
    bool native, winograd, verbose, profile;

    int64_t node_count;
    bool *needed;
    bool *sampled;
    bool *sums;
    int32_t *stage;
    ll_node *
        moment_of; /* [node]: the tensor about a fixed centre of which it is the sum of squares, else LL_NO_NODE */
    int passes;
    bool *varies;    /* [node]: depends on a varying input */
    int kept_passes; /* what varies is computed in this pass or a later one; 0: nothing is kept */

    ll_value *values;
    int64_t value_count, value_capacity;
    ll_step *steps;
    int64_t step_count, step_capacity;
    struct ll_fusion *fusion; /* while lowering */
    int32_t *turned;          /* [node]: its transposed copy, or -1 */
    int32_t *value_of;        /* [node * layouts]: newest value of the node in a layout, or -1 */

    ll_plan_output *outputs;
    int64_t output_count;
    ll_plan_input *inputs;
    int64_t input_count;

    int64_t micro_batch;
    size_t arena_bytes, fixed_bytes, workspace_bytes;
    size_t stash_per_micro_batch;
    int64_t sum_count;     /* doubles of one chunk's accumulators */
    int64_t *sums_before;  /* [passes + 1]: those of earlier passes, which come first */
    int32_t pointer_count; /* most inputs + outputs of a step */
    int64_t node_steps;

    ll_variant *variants;
    int64_t variant_count;
    ll_stream *streams;
    int stream_count;
    size_t stream_workspace; /* bytes of each stream's workspace */
    ll_slot *slots;
    int slot_count;
};

/* lower.c: graph -> values and steps. */
ll_status ll_plan_lower(ll_plan *plan, const ll_node *outputs, ll_error *error);
/* A new step; inputs and outputs are filled by the caller. */
ll_status ll_plan_add_step(ll_plan *plan, const ll_step_kind *kind, ll_node node, int pass, bool sampled,
                           int32_t input_count, int32_t output_count, ll_step **step, ll_error *error);
ll_status ll_plan_add_value(ll_plan *plan, ll_node node, ll_layout layout, int pass, int32_t *value,
                            ll_error *error);
int32_t ll_plan_root(const ll_plan *plan, int32_t value); /* through aliases */

/* memory.c: places and offsets. */
ll_status ll_plan_place(ll_plan *plan, ll_error *error);
size_t ll_value_bytes(const ll_value *value, int64_t samples); /* rounded up to a cache line */

/* block.c: frees what *block is and makes it a zeroed block of so many bytes and the slack below; ll_free ends it. */
ll_status ll_block_replace(char **block, size_t bytes, ll_error *error);

/* The bytes that any step may write past, and read past, a value: whole vectors. */
enum { LL_VALUE_SLACK = 64 };

static inline ll_dtype ll_value_type(const ll_plan *plan, const ll_value *value)
{
    return value->wide ? LL_F64 : ll_graph_node_at(plan->graph, value->node)->dtype;
}

int64_t ll_plan_chunk_batches(const ll_plan *plan, int64_t micro_batches); /* micro-batches of a chunk */

ll_status ll_plan_variant(ll_plan *plan, int64_t samples, const ll_variant **variant, ll_error *error);

extern const ll_step_kind ll_step_provider, ll_step_load;

#endif
