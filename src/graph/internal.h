/* What the files of this module share: the graph's storage, the rules of an op, and small helpers.
 *
 * In rules of differentiation LL_NO_NODE stands for zero. Builders pass it on, so that `multiply(zero, x)`
 * is zero by itself; sums of possibly zero terms go through ll_sum_of. A real failure sticks in the graph,
 * and the transform that ran the rule finds it there. */
#ifndef LL_GRAPH_INTERNAL_H
#define LL_GRAPH_INTERNAL_H

#include "losslens/graph.h"

#define LL_CHUNK_NODES 256
#define LL_INLINE_INPUTS 3

typedef struct ll_stored_node {
    ll_graph_node node;
    ll_node inline_inputs[LL_INLINE_INPUTS];
    uint64_t hash;
} ll_stored_node;

struct ll_graph {
    ll_arena *arena; /* names, constants, long input lists */
    ll_stored_node **chunks;
    int64_t count, chunk_count, chunk_capacity;
    ll_node *table; /* open addressing, a power of two, LL_NO_NODE where free */
    int64_t table_size;
    ll_node *named_inputs;
    int64_t input_count, input_capacity;
    ll_status status;
    ll_error error;
};

static inline ll_stored_node *ll_stored(const ll_graph *graph, ll_node node)
{
    return &graph->chunks[node / LL_CHUNK_NODES][node % LL_CHUNK_NODES];
}
static inline const ll_graph_node *ll_at(const ll_graph *graph, ll_node node)
{
    return &ll_stored(graph, node)->node;
}

/* ------------------------------------------------------------------ the rules of an op */

/* A case for the tests: leaves (made by ll_sample_input) and the op applied to them. */
#define LL_SAMPLE_INPUTS 4
typedef struct ll_op_sample {
    int input_count;
    ll_node inputs[LL_SAMPLE_INPUTS];
    double low[LL_SAMPLE_INPUTS], high[LL_SAMPLE_INPUTS]; /* range of the values that the test draws */
    ll_node output;
} ll_op_sample;

#define LL_TYPE_BIT(type) (1U << (type))
#define LL_TYPES_FLOAT (LL_TYPE_BIT(LL_F32) | LL_TYPE_BIT(LL_F64))
#define LL_TYPES_INTEGER (LL_TYPE_BIT(LL_I32) | LL_TYPE_BIT(LL_I64))
#define LL_TYPES_NUMBER (LL_TYPES_FLOAT | LL_TYPES_INTEGER)
#define LL_TYPES_ALL (LL_TYPES_NUMBER | LL_TYPE_BIT(LL_BOOL))

typedef struct ll_op_rules {
    unsigned types; /* of the operand that gives the op its type */

    /* Completes and checks a draft whose inputs, attributes and (where the op needs one) wanted shape are
     * set: dtype, rank, shape. The message says what was got and what was wanted. */
    ll_status (*infer)(const ll_graph *graph, ll_graph_node *draft, ll_error *error);

    /* A node equal to the inferred draft, if there is a simpler one; LL_NO_NODE otherwise. */
    ll_node (*simplify)(ll_graph *graph, const ll_graph_node *draft);

    /* cotangents[i], for wanted[i], is set (from LL_NO_NODE) to the product of cotangent with the
     * derivative by input i. NULL: nothing to pass on. */
    void (*vjp)(ll_graph *graph, ll_node node, ll_node cotangent, const bool *wanted, ll_node *cotangents);

    /* Tangent of the node from those of its inputs, LL_NO_NODE if zero; at least one is not. NULL: zero. */
    ll_node (*jvp)(ll_graph *graph, ll_node node, const ll_node *tangents);

    /* The op on `inputs`, where batched[i] (at least one) tells which have a leading axis of `models`. The
     * result has it too. NULL: a map, or an op without inputs. */
    ll_node (*batch)(ll_graph *graph, ll_node node, const ll_node *inputs, const bool *batched,
                     int64_t models);

    /* A map of floating-point numbers, and of integers and bools (as 0 and 1); NULL: not defined there. */
    double (*real)(const double *inputs);
    int64_t (*integer)(const int64_t *inputs);

    /* Test case number `index` in the given type; false when there are no more. */
    bool (*sample)(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *sample);
} ll_op_rules;

#define LL_OP_RULES_DECLARE(name, symbol, inputs, op_class, flags) extern const ll_op_rules ll_rules_##symbol;
LL_OP_LIST(LL_OP_RULES_DECLARE)
#undef LL_OP_RULES_DECLARE

const ll_op_rules *ll_op_rules_of(ll_op op);

/* ------------------------------------------------------------------ making nodes */

/* Infers, simplifies, hash-conses. draft->inputs may lie on the caller's stack. */
ll_node ll_graph_make(ll_graph *graph, ll_graph_node *draft);
/* The same for an op with one or two inputs and what the draft needs besides. */
ll_node ll_make_1(ll_graph *graph, ll_op op, ll_node x);
ll_node ll_make_2(ll_graph *graph, ll_op op, ll_node a, ll_node b);
/* Makes `node` again on other inputs: attributes kept, wanted shape given (NULL: the node's own). */
ll_node ll_remake(ll_graph *graph, ll_node node, const ll_node *inputs, const int64_t *shape, int rank);
ll_node ll_graph_stick(ll_graph *graph, const ll_error *error);
void ll_graph_stick_memory(ll_graph *graph, size_t bytes);
ll_status ll_graph_verify_from(const ll_graph *graph, int64_t first, ll_error *error);

/* a + b, where LL_NO_NODE is zero. */
ll_node ll_sum_of(ll_graph *graph, ll_node a, ll_node b);

/* ------------------------------------------------------------------ shapes */

/* Fails with status LL_SHAPE; for infer rules. */
ll_status ll_refuse(ll_error *error, const char *format, ...) LL_PRINTF(2, 3);
typedef struct ll_shape_words {
    char text[192];
} ll_shape_words;
ll_shape_words ll_words(const ll_graph_node *node); /* "f32[N, 3]", for messages */

/* Product of dimensions, a multiple of N being negative; false on overflow or for N times N. */
bool ll_dimension_multiply(int64_t a, int64_t b, int64_t *product);
bool ll_shape_product(const int64_t *shape, int first, int last, int64_t *product); /* of first .. last-1 */
bool ll_same_shape(const ll_graph_node *a, const ll_graph_node *b);
/* Puts `models` before a shape of at most LL_GRAPH_RANK - 1 axes. */
void ll_prepend(int64_t models, const int64_t *shape, int rank, int64_t *result);
/* x with a leading axis of size models in which all slices are x. */
ll_node ll_broadcast_models(ll_graph *graph, ll_node x, int64_t models);
static inline ll_node ll_with_models(ll_graph *graph, ll_node x, bool batched, int64_t models)
{
    return batched ? x : ll_broadcast_models(graph, x, models);
}
static inline uint32_t ll_all_axes(int rank) { return rank == 32 ? UINT32_MAX : (1U << rank) - 1U; }
static inline int ll_count_bits(uint32_t bits) { return __builtin_popcount(bits); }

/* Whether the node is one number everywhere (a scalar constant, broadcast or not), and which. */
bool ll_is_uniform(const ll_graph *graph, ll_node node, double *value);

/* Shape rules shared by many ops. */
ll_status ll_infer_map(const ll_graph *graph, ll_graph_node *draft, ll_error *error);

/* ------------------------------------------------------------------ for sample cases */

/* A leaf of the sample: dimensions after rank, e.g. ll_sample_input(g, s, LL_F64, -1, 1, 2, 3, 4). */
ll_node ll_sample_input(ll_graph *graph, ll_op_sample *sample, ll_dtype dtype, double low, double high,
                        int rank, ...);
/* Sample cases of a map with `operands` inputs in the range. */
bool ll_sample_map(ll_graph *graph, ll_op op, ll_dtype dtype, int index, double low, double high,
                   ll_op_sample *sample);

#endif
