/* losslens/graph.h - the tensor graph: primitives, shape rules, differentiation, batching.
 *
 * A graph is an append-only list of hash-consed nodes: asking twice for the same op on the same inputs
 * gives the same node, so common sub-expressions never exist twice, and a node's inputs always have
 * smaller numbers than itself (ascending order is a topological order). Nodes are never changed.
 * Transforms (derivatives, batching, substitution) append nodes to the same graph and return handles;
 * what no output reaches any more is dead and costs a few bytes only.
 *
 * The set of primitives is closed: the VJP, JVP and batching rules of every primitive are written in
 * primitives, so derivatives of any order exist by construction. Reverse mode after M. Innes et al. and
 * the vjp/jvp split of JAX (Frostig, Johnson, Leary 2018); Hessian-vector products are meant to be taken
 * forward over reverse: ll_graph_jvp of what ll_graph_vjp returned.
 *
 * Dimensions. A dimension is a constant c >= 0, or k times the number of samples N of a run, written as
 * the negative number -k (N itself is -1: LL_SAMPLES). A tensor has at most one axis with such a
 * dimension, so an N x N tensor does not exist. Sizes multiply as plain integers: 3 * LL_SAMPLES is 3N.
 *
 * The sample axis. The runtime evaluates a graph over micro-batches: N in a shape is the size of the
 * micro-batch, while the input of kind LL_INPUT_SAMPLE_COUNT holds the number of samples of the whole
 * mean. A loss is written as sum / sample_count, so that the results of micro-batches add up. The ops
 * that can contract the sample axis are sum, matmul, convolution_weight and scatter_add:
 * ll_graph_sums_samples tells whether a node does. max, min and argmax over the sample axis are refused
 * (their partial results do not add).
 *
 * Errors stick, so that expressions read as expressions: a builder that fails returns LL_NO_NODE, keeps
 * the first error in the graph, and every builder given LL_NO_NODE returns LL_NO_NODE. Who builds checks
 * once with ll_graph_check, which names the node and the shapes. Nothing aborts; running out of memory is
 * such an error too. Transforms return a status as well.
 *
 * A graph belongs to one thread while it is being built; afterwards any number may read it.
 */
#ifndef LOSSLENS_GRAPH_H
#define LOSSLENS_GRAPH_H

#include "losslens/base_parameters.h"

#ifdef __cplusplus
extern "C" {
#endif

#define LL_GRAPH_RANK 8 /* highest rank of a tensor */
#define LL_SAMPLES ((int64_t)-1)
#define LL_NO_NODE ((ll_node)-1)

typedef int32_t ll_node;
typedef struct ll_graph ll_graph;

/* ------------------------------------------------------------------ element types */

#define LL_TYPE_LIST(X)                                                                                      \
    X(F32, "f32", 4)                                                                                         \
    X(F64, "f64", 8)                                                                                         \
    X(I32, "i32", 4)                                                                                         \
    X(I64, "i64", 8)                                                                                         \
    X(BOOL, "bool", 1)

typedef enum ll_dtype {
#define LL_TYPE_ENUM(name, text, bytes) LL_##name,
    LL_TYPE_LIST(LL_TYPE_ENUM)
#undef LL_TYPE_ENUM
        LL_DTYPES
} ll_dtype;
LL_API const char *ll_dtype_name(ll_dtype dtype);
LL_API size_t ll_dtype_bytes(ll_dtype dtype);
static inline bool ll_dtype_is_float(ll_dtype dtype) { return dtype == LL_F32 || dtype == LL_F64; }
static inline bool ll_dtype_is_integer(ll_dtype dtype) { return dtype == LL_I32 || dtype == LL_I64; }

/* ------------------------------------------------------------------ the primitives */

/* X(NAME, name, inputs, class, flags): one line here and one rule table ll_rules_<name> in
 * src/graph/ops/ make an op; enum, names, tests and documentation follow. inputs = -1: any number.
 *
 * class   LEAF      no inputs
 *         MAP       element-wise; inputs and output have one shape (no implicit broadcasting)
 *         MOVE      the output's elements are elements of the input (or a constant), in other places
 *         INDEX     elements chosen by an index tensor
 *         REDUCE    axes disappear
 *         CONTRACT  sums of products
 *         WINDOW    over the last `spatial` axes
 * flags   LINEAR    linear in each floating-point input
 *         KINK      has points without a derivative; the convention is in the op's file
 *         FLAT      derivative zero wherever it exists (also all ops without floating-point output)
 */
#define LL_OP_LIST(X)                                                                                        \
    X(INPUT, input, 0, LEAF, 0)                                                                              \
    X(CONSTANT, constant, 0, LEAF, 0)                                                                        \
    X(IOTA, iota, 0, LEAF, 0)                                                                                \
    X(NEGATE, negate, 1, MAP, LL_OP_LINEAR)                                                                  \
    X(EXP, exp, 1, MAP, 0)                                                                                   \
    X(EXPM1, expm1, 1, MAP, 0)                                                                               \
    X(LOG, log, 1, MAP, 0)                                                                                   \
    X(LOG1P, log1p, 1, MAP, 0)                                                                               \
    X(SQRT, sqrt, 1, MAP, 0)                                                                                 \
    X(RECIPROCAL, reciprocal, 1, MAP, 0)                                                                     \
    X(SIN, sin, 1, MAP, 0)                                                                                   \
    X(COS, cos, 1, MAP, 0)                                                                                   \
    X(TANH, tanh, 1, MAP, 0)                                                                                 \
    X(ERF, erf, 1, MAP, 0)                                                                                   \
    X(ABS, abs, 1, MAP, LL_OP_KINK)                                                                          \
    X(SIGN, sign, 1, MAP, LL_OP_KINK | LL_OP_FLAT)                                                           \
    X(FLOOR, floor, 1, MAP, LL_OP_KINK | LL_OP_FLAT)                                                         \
    X(NOT, not, 1, MAP, LL_OP_FLAT)                                                                          \
    X(CAST, cast, 1, MAP, LL_OP_LINEAR)                                                                      \
    X(DETACH, detach, 1, MAP, LL_OP_FLAT)                                                                    \
    X(ADD, add, 2, MAP, 0)                                                                                   \
    X(SUBTRACT, subtract, 2, MAP, 0)                                                                         \
    X(MULTIPLY, multiply, 2, MAP, LL_OP_LINEAR)                                                              \
    X(DIVIDE, divide, 2, MAP, 0)                                                                             \
    X(POWER, power, 2, MAP, 0)                                                                               \
    X(MIN, min, 2, MAP, LL_OP_KINK)                                                                          \
    X(MAX, max, 2, MAP, LL_OP_KINK)                                                                          \
    X(LESS, less, 2, MAP, LL_OP_FLAT)                                                                        \
    X(LESS_EQUAL, less_equal, 2, MAP, LL_OP_FLAT)                                                            \
    X(EQUAL, equal, 2, MAP, LL_OP_FLAT)                                                                      \
    X(AND, and, 2, MAP, LL_OP_FLAT)                                                                          \
    X(OR, or, 2, MAP, LL_OP_FLAT)                                                                            \
    X(RANDOM, random, 2, MAP, LL_OP_FLAT)                                                                    \
    X(SELECT, select, 3, MAP, LL_OP_LINEAR)                                                                  \
    X(RESHAPE, reshape, 1, MOVE, LL_OP_LINEAR)                                                               \
    X(TRANSPOSE, transpose, 1, MOVE, LL_OP_LINEAR)                                                           \
    X(BROADCAST, broadcast, 1, MOVE, LL_OP_LINEAR)                                                           \
    X(SLICE, slice, 1, MOVE, LL_OP_LINEAR)                                                                   \
    X(PAD, pad, 1, MOVE, 0)                                                                                  \
    X(CONCATENATE, concatenate, -1, MOVE, 0)                                                                 \
    X(GATHER, gather, 2, INDEX, LL_OP_LINEAR)                                                                \
    X(SCATTER_ADD, scatter_add, 2, INDEX, LL_OP_LINEAR)                                                      \
    X(ARGMAX, argmax, 1, REDUCE, LL_OP_FLAT)                                                                 \
    X(SUM, sum, 1, REDUCE, LL_OP_LINEAR)                                                                     \
    X(REDUCE_MAX, reduce_max, 1, REDUCE, LL_OP_KINK)                                                         \
    X(REDUCE_MIN, reduce_min, 1, REDUCE, LL_OP_KINK)                                                         \
    X(MATMUL, matmul, 2, CONTRACT, LL_OP_LINEAR)                                                             \
    X(CONVOLUTION, convolution, 2, CONTRACT, LL_OP_LINEAR)                                                   \
    X(CONVOLUTION_DATA, convolution_data, 2, CONTRACT, LL_OP_LINEAR)                                         \
    X(CONVOLUTION_WEIGHT, convolution_weight, 2, CONTRACT, LL_OP_LINEAR)                                     \
    X(WINDOW_SUM, window_sum, 1, WINDOW, LL_OP_LINEAR)                                                       \
    X(WINDOW_ARGMAX, window_argmax, 1, WINDOW, LL_OP_FLAT)                                                   \
    X(RESIZE, resize, 1, WINDOW, LL_OP_LINEAR)                                                               \
    X(RESIZE_ADJOINT, resize_adjoint, 1, WINDOW, LL_OP_LINEAR)

typedef enum ll_op {
#define LL_OP_ENUM(name, symbol, inputs, op_class, flags) LL_OP_##name,
    LL_OP_LIST(LL_OP_ENUM)
#undef LL_OP_ENUM
        LL_OPS
} ll_op;

typedef enum ll_op_class {
    LL_CLASS_LEAF,
    LL_CLASS_MAP,
    LL_CLASS_MOVE,
    LL_CLASS_INDEX,
    LL_CLASS_REDUCE,
    LL_CLASS_CONTRACT,
    LL_CLASS_WINDOW
} ll_op_class;
enum { LL_OP_LINEAR = 1, LL_OP_KINK = 2, LL_OP_FLAT = 4 };

typedef struct ll_op_traits {
    const char *name;
    int inputs; /* -1: any number >= 1 */
    ll_op_class op_class;
    int flags;
} ll_op_traits;
LL_API const ll_op_traits *ll_op_traits_of(ll_op op); /* NULL for a number that is no op */

/* One element of a MAP op (cast and random excepted): the definition that constant folding and the
 * reference kernels share. Floating-point operands: computed in double, to be rounded to the type of the
 * result; a comparison gives 0 or 1, a condition is 0 or 1. Integers and bools: as int64_t, to be wrapped
 * to the type of the result. false when the op has no such operands. */
LL_API bool ll_op_map_real(ll_op op, const double *operands, double *result);
LL_API bool ll_op_map_integer(ll_op op, const int64_t *operands, int64_t *result);

/* ------------------------------------------------------------------ attributes */

/* What an input is to a run; its name is what the runtime finds it by (unique in a graph). */
typedef enum ll_input_kind {
    LL_INPUT_PARAMETER, /* trainable tensor */
    LL_INPUT_BUFFER,    /* state that is not trained: running statistics */
    LL_INPUT_SAMPLE,    /* per-sample data; the first axis is the sample axis */
    LL_INPUT_VALUE,     /* the same for all samples of a run: class weights, loss weights, a PDE's constant */
    LL_INPUT_TANGENT,   /* a direction, in the shape of what it perturbs */
    LL_INPUT_SAMPLE_COUNT, /* rank 0, floating point: the samples of the whole mean */
    LL_INPUT_SAMPLE_INDEX, /* i64 [N]: the number of each sample within the data set */
    LL_INPUT_SEED,         /* i64, rank 0: key of random draws (the dropout key of an evaluation) */
    LL_INPUT_KINDS
} ll_input_kind;
LL_API const char *ll_input_kind_name(ll_input_kind kind);

#define LL_SPATIAL 3 /* most spatial axes of a convolution, window or resize */

/* y[n,o,p] = sum_{c,k} x[n, c', p * stride + k * dilation - pad_low] w[o,c,k], c' the c-th channel of o's
 * group; positions outside x are zero. x [N, C, spatial], w [O, C / groups, kernel], y [N, O, spatial].
 * Arrays beyond `spatial` are zero. Paddings may be negative (then x is cropped). */
typedef struct ll_convolution {
    int32_t spatial, groups;
    int64_t stride[LL_SPATIAL], dilation[LL_SPATIAL], pad_low[LL_SPATIAL], pad_high[LL_SPATIAL];
} ll_convolution;

/* Windows over the last `spatial` axes, any leading axes. 0 <= padding <= (size - 1) * dilation. */
typedef struct ll_window {
    int32_t spatial;
    int64_t size[LL_SPATIAL], stride[LL_SPATIAL], dilation[LL_SPATIAL];
    int64_t pad_low[LL_SPATIAL], pad_high[LL_SPATIAL];
} ll_window;

/* Where output element i of n lies among m input elements (PyTorch's and ONNX's words):
 * half-pixel (i + 1/2) m/n - 1/2, align-corners i (m-1)/(n-1), asymmetric i m/n. Linear interpolation
 * clamps to the border; nearest takes floor for asymmetric (PyTorch "nearest"), else round half down. */
typedef enum ll_resize_mode { LL_RESIZE_NEAREST, LL_RESIZE_LINEAR } ll_resize_mode;
typedef enum ll_resize_position {
    LL_RESIZE_HALF_PIXEL,
    LL_RESIZE_ALIGN_CORNERS,
    LL_RESIZE_ASYMMETRIC
} ll_resize_position;

/* All bytes that an op does not use are zero, so that attributes compare and hash as bytes. */
typedef union ll_attributes {
    struct {
        int32_t kind; /* ll_input_kind */
    } input;
    struct {
        const void *data; /* dense, C order, owned by the graph; equal contents have equal pointers */
    } constant;
    struct {
        uint64_t stream; /* which of the draws of one seed: a hash of the layer's name */
    } random;
    struct {
        int64_t permutation[LL_GRAPH_RANK]; /* output axis i is input axis permutation[i] */
    } transpose;
    struct {
        uint32_t axes; /* bit i: axis i of the output is new */
    } broadcast;
    struct {
        uint32_t axes; /* sum, reduce_max, reduce_min; bit i: axis i of the input disappears */
    } reduce;
    struct {
        int32_t axis; /* concatenate, argmax */
    } axis;
    struct { /* output element i is input element start + i * step; step may be negative, never 0 */
        int64_t start[LL_GRAPH_RANK], step[LL_GRAPH_RANK];
    } slice;
    struct { /* `value` before (low), behind (high) and between (interior) the elements; all >= 0 */
        int64_t low[LL_GRAPH_RANK], high[LL_GRAPH_RANK], interior[LL_GRAPH_RANK];
        double value;
    } pad;
    struct {
        int32_t batch_axes; /* gather, scatter_add */
    } gather;
    struct {
        int32_t transpose_a, transpose_b; /* 0 or 1 */
    } matmul;
    ll_convolution convolution;
    ll_window window;
    struct {
        int32_t spatial, mode, position;
    } resize;
} ll_attributes;

/* ------------------------------------------------------------------ nodes */

typedef struct ll_graph_node {
    ll_op op;
    ll_dtype dtype;
    int32_t rank;
    int32_t input_count;
    const ll_node *inputs;
    int64_t shape[LL_GRAPH_RANK]; /* beyond `rank`: 0 */
    ll_attributes attributes;
    const char *name; /* NULL when it has none */
} ll_graph_node;

/* NULL on no memory. */
LL_API ll_graph *ll_graph_create(void);
LL_API void ll_graph_destroy(ll_graph *graph);
/* LL_OK, or the first error of a builder since creation or ll_graph_recover. */
LL_API ll_status ll_graph_check(const ll_graph *graph, ll_error *error) LL_MUST_CHECK;
/* Forgets the sticking error; the nodes made before it stay valid. */
LL_API void ll_graph_recover(ll_graph *graph);
/* For composites that refuse something themselves: sticks, returns LL_NO_NODE. */
LL_API ll_node ll_graph_refuse(ll_graph *graph, ll_status status, const char *place, const char *format, ...)
    LL_PRINTF(4, 5);

LL_API int64_t ll_graph_count(const ll_graph *graph); /* nodes 0 .. count-1 */
/* Valid until the graph is destroyed; NULL for a number that is no node. */
LL_API const ll_graph_node *ll_graph_node_at(const ll_graph *graph, ll_node node);
/* Names a node for messages and dumps; the first name stays. Returns the node. */
LL_API ll_node ll_graph_name(ll_graph *graph, ll_node node, const char *name);
LL_API ll_node ll_graph_find_input(const ll_graph *graph, const char *name); /* LL_NO_NODE if there is none */

/* A dimension, or the number of elements of a node, in a run with `samples` samples. The count is false
 * on overflow. */
static inline int64_t ll_dimension(int64_t dimension, int64_t samples)
{
    return dimension >= 0 ? dimension : -dimension * samples;
}
LL_API bool ll_graph_elements(const ll_graph_node *node, int64_t samples, int64_t *count);
LL_API int ll_graph_sample_axis(const ll_graph_node *node); /* -1 if it has none */
/* Whether the node sums over the sample axis, so that its values over micro-batches must be added. */
LL_API bool ll_graph_sums_samples(const ll_graph *graph, ll_node node);

/* ------------------------------------------------------------------ builders: leaves */

/* An input of that name that exists already must agree in everything; it is returned then. */
LL_API ll_node ll_graph_input(ll_graph *graph, ll_input_kind kind, const char *name, ll_dtype dtype,
                              const int64_t *shape, int rank);
LL_API ll_node ll_graph_sample_count(ll_graph *graph, ll_dtype dtype); /* "sample_count" */
LL_API ll_node ll_graph_sample_index(ll_graph *graph);                 /* "sample_index" */
LL_API ll_node ll_graph_seed(ll_graph *graph);                         /* "seed" */
/* Dense constant; data is copied. Constant dimensions only. */
LL_API ll_node ll_graph_constant(ll_graph *graph, ll_dtype dtype, const int64_t *shape, int rank,
                                 const void *data);
LL_API ll_node ll_graph_scalar(ll_graph *graph, ll_dtype dtype, double value); /* rank 0 */
/* A scalar, broadcast; dimensions may be multiples of N. */
LL_API ll_node ll_graph_full(ll_graph *graph, ll_dtype dtype, const int64_t *shape, int rank, double value);
LL_API ll_node ll_graph_full_like(ll_graph *graph, ll_node like, double value);
/* 0, 1, ... count-1, of rank 1. */
LL_API ll_node ll_graph_iota(ll_graph *graph, ll_dtype dtype, int64_t count);

/* ------------------------------------------------------------------ builders: maps */

LL_API ll_node ll_graph_negate(ll_graph *graph, ll_node x);
LL_API ll_node ll_graph_exp(ll_graph *graph, ll_node x);
LL_API ll_node ll_graph_expm1(ll_graph *graph, ll_node x);
LL_API ll_node ll_graph_log(ll_graph *graph, ll_node x);
LL_API ll_node ll_graph_log1p(ll_graph *graph, ll_node x);
LL_API ll_node ll_graph_sqrt(ll_graph *graph, ll_node x);
LL_API ll_node ll_graph_reciprocal(ll_graph *graph, ll_node x);
LL_API ll_node ll_graph_sin(ll_graph *graph, ll_node x);
LL_API ll_node ll_graph_cos(ll_graph *graph, ll_node x);
LL_API ll_node ll_graph_tanh(ll_graph *graph, ll_node x);
LL_API ll_node ll_graph_erf(ll_graph *graph, ll_node x);
LL_API ll_node ll_graph_abs(ll_graph *graph, ll_node x);  /* derivative 0 at 0 */
LL_API ll_node ll_graph_sign(ll_graph *graph, ll_node x); /* -1, 0, 1; NaN stays NaN */
LL_API ll_node ll_graph_floor(ll_graph *graph, ll_node x);
LL_API ll_node ll_graph_not(ll_graph *graph, ll_node x);
/* Between any two types; a float becomes an integer by truncation (saturating; NaN gives 0), a number
 * becomes bool as x != 0. */
LL_API ll_node ll_graph_cast(ll_graph *graph, ll_node x, ll_dtype dtype);
LL_API ll_node ll_graph_detach(ll_graph *graph, ll_node x); /* the value; a constant to derivatives */

/* The two- and three-operand maps below accept NumPy broadcasting (aligned at the last axis, size 1
 * stretches) and insert the broadcast nodes. Operand types must agree. Integer division truncates and
 * gives 0 for a zero divisor; integer arithmetic wraps. */
LL_API ll_node ll_graph_add(ll_graph *graph, ll_node a, ll_node b);
LL_API ll_node ll_graph_subtract(ll_graph *graph, ll_node a, ll_node b);
LL_API ll_node ll_graph_multiply(ll_graph *graph, ll_node a, ll_node b);
LL_API ll_node ll_graph_divide(ll_graph *graph, ll_node a, ll_node b);
LL_API ll_node ll_graph_power(ll_graph *graph, ll_node a, ll_node b);
/* NaN if either is NaN. A tie passes its derivative to b, so that max(x, 0) has derivative 0 at 0, as
 * everybody's ReLU has. */
LL_API ll_node ll_graph_min(ll_graph *graph, ll_node a, ll_node b);
LL_API ll_node ll_graph_max(ll_graph *graph, ll_node a, ll_node b);
LL_API ll_node ll_graph_less(ll_graph *graph, ll_node a, ll_node b); /* bool; false with a NaN */
LL_API ll_node ll_graph_less_equal(ll_graph *graph, ll_node a, ll_node b);
LL_API ll_node ll_graph_equal(ll_graph *graph, ll_node a, ll_node b);
LL_API ll_node ll_graph_and(ll_graph *graph, ll_node a, ll_node b);
LL_API ll_node ll_graph_or(ll_graph *graph, ll_node a, ll_node b);
LL_API ll_node ll_graph_select(ll_graph *graph, ll_node condition, ll_node a, ll_node b);
/* Uniform in [0, 1), a pure function of (seed, stream, counter), all i64: Philox, ll_rng with the seed as
 * key and `stream` as stream, counter as index. f64: the high 53 bits; f32: the high 24 bits. */
LL_API ll_node ll_graph_random(ll_graph *graph, ll_dtype dtype, uint64_t stream, ll_node seed,
                               ll_node counter);

/* a op scalar, in a's type. */
LL_API ll_node ll_graph_add_scalar(ll_graph *graph, ll_node a, double value);
LL_API ll_node ll_graph_multiply_scalar(ll_graph *graph, ll_node a, double value);

/* ------------------------------------------------------------------ builders: moves */

/* One dimension may be LL_INFER: what is left. */
#define LL_INFER INT64_MIN
LL_API ll_node ll_graph_reshape(ll_graph *graph, ll_node x, const int64_t *shape, int rank);
LL_API ll_node ll_graph_transpose(ll_graph *graph, ll_node x, const int *permutation);
/* New axes (bits of `axes`, numbered in the output of shape `shape`); the others are x's, in order. The
 * exact adjoint of sum over the same axes. */
LL_API ll_node ll_graph_broadcast(ll_graph *graph, ll_node x, const int64_t *shape, int rank, uint32_t axes);
/* NumPy's broadcast to a shape. */
LL_API ll_node ll_graph_broadcast_to(ll_graph *graph, ll_node x, const int64_t *shape, int rank);
/* Arrays over all axes. The sample axis can only be taken whole. */
LL_API ll_node ll_graph_slice(ll_graph *graph, ll_node x, const int64_t *start, const int64_t *step,
                              const int64_t *size);
LL_API ll_node ll_graph_slice_axis(ll_graph *graph, ll_node x, int axis, int64_t start, int64_t size);
LL_API ll_node ll_graph_pad(ll_graph *graph, ll_node x, const int64_t *low, const int64_t *high,
                            const int64_t *interior, double value); /* interior NULL: 0 */
LL_API ll_node ll_graph_concatenate(ll_graph *graph, const ll_node *inputs, int64_t count, int axis);
/* Reshapes that drop or insert axes of size 1. */
LL_API ll_node ll_graph_squeeze(ll_graph *graph, ll_node x, uint32_t axes);
LL_API ll_node ll_graph_expand(ll_graph *graph, ll_node x, uint32_t axes); /* axes of the output */

/* ------------------------------------------------------------------ builders: index */

/* x [batch.., A, rest..], index [batch.., I..] (i32 or i64) -> [batch.., I.., rest..]:
 * out[b,i,r] = x[b, index[b,i], r]; the first batch_axes axes are the batch. An index outside [0, A)
 * reads 0 (so an ignore label costs nothing). batch_axes 0 is an embedding look-up; batch_axes =
 * rank(x) - 1 is "take along the last axis". A is constant. */
LL_API ll_node ll_graph_gather(ll_graph *graph, ll_node x, ll_node index, int batch_axes);
/* The adjoint: values [batch.., I.., rest..], index [batch.., I..] -> [batch.., length, rest..];
 * out[b,a,r] = sum over i with index[b,i] = a; an index outside [0, length) adds nowhere. */
LL_API ll_node ll_graph_scatter_add(ll_graph *graph, ll_node values, ll_node index, int batch_axes,
                                    int64_t length);
/* i32 position of the largest element along a constant axis, which disappears; the first of equals; a
 * NaN counts as largest. */
LL_API ll_node ll_graph_argmax(ll_graph *graph, ll_node x, int axis);

/* ------------------------------------------------------------------ builders: reductions, contractions */

#define LL_AXIS(i) (1U << (i))
LL_API ll_node ll_graph_sum(ll_graph *graph, ll_node x, uint32_t axes);
/* Ties share the derivative evenly (PyTorch's amax). NaN if any is NaN. Axes of size 0 are refused. */
LL_API ll_node ll_graph_reduce_max(ll_graph *graph, ll_node x, uint32_t axes);
LL_API ll_node ll_graph_reduce_min(ll_graph *graph, ll_node x, uint32_t axes);
/* Product of the matrices in the last two axes, each transposed on request: [.., m, k] x [.., k, n].
 * Axes before are batch axes under NumPy's broadcasting: aligned at the right, missing or of size 1
 * stretches; a stretched operand is read again, never copied. k may be the sample axis. */
LL_API ll_node ll_graph_matmul(ll_graph *graph, ll_node a, ll_node b, bool transpose_a, bool transpose_b);
/* The three faces of the trilinear form sum x w y. Each operand may carry one leading model axis of
 * constant size (rank spatial + 3); the result has it if an operand has: an operand without it is shared
 * by all models. */
LL_API ll_node ll_graph_convolution(ll_graph *graph, ll_node x, ll_node w, const ll_convolution *form);
/* y, w -> x, whose spatial extents must be given. */
LL_API ll_node ll_graph_convolution_data(ll_graph *graph, ll_node y, ll_node w, const ll_convolution *form,
                                         const int64_t *x_spatial);
/* x, y -> w, whose kernel extents must be given; sums over the samples. */
LL_API ll_node ll_graph_convolution_weight(ll_graph *graph, ll_node x, ll_node y, const ll_convolution *form,
                                           const int64_t *kernel);

/* ------------------------------------------------------------------ builders: windows */

LL_API ll_node ll_graph_window_sum(ll_graph *graph, ll_node x, const ll_window *window); /* padding is 0 */
/* i32 position, in the flattened spatial extent of x, of each window's largest element: the first of
 * equals; NaN counts as largest; padding never wins (-1 for a window of padding alone). Max pooling is a
 * gather by it. */
LL_API ll_node ll_graph_window_argmax(ll_graph *graph, ll_node x, const ll_window *window);
LL_API ll_node ll_graph_resize(ll_graph *graph, ll_node x, int spatial, const int64_t *size,
                               ll_resize_mode mode, ll_resize_position position);
LL_API ll_node ll_graph_resize_adjoint(ll_graph *graph, ll_node y, int spatial, const int64_t *size,
                                       ll_resize_mode mode, ll_resize_position position);

/* Any op from its parts, with checks: what readers of serialised graphs and rewrites use. `shape` and
 * `dtype` matter for ops whose result the inputs do not determine (input, iota, cast, random, reshape,
 * broadcast, slice, pad, scatter_add, convolution_data, convolution_weight, resize, resize_adjoint);
 * elsewhere they may be NULL, 0 and are not read. No broadcasting. */
LL_API ll_node ll_graph_apply(ll_graph *graph, ll_op op, const ll_node *inputs, int64_t input_count,
                              const ll_attributes *attributes, ll_dtype dtype, const int64_t *shape,
                              int rank);

/* ------------------------------------------------------------------ transforms */

/* Vector-Jacobian products. seeds[i] has output i's shape (seeds NULL: ones; each output must have rank 0
 * then); cotangents[j] = sum_i seeds[i] . d outputs[i] / d wrt[j], in wrt[j]'s shape; a full of zeros where
 * nothing depends. wrt may be any floating-point nodes. Time and nodes proportional to the nodes between. */
LL_API ll_status ll_graph_vjp(ll_graph *graph, const ll_node *outputs, const ll_node *seeds,
                              int64_t output_count, const ll_node *wrt, int64_t wrt_count,
                              ll_node *cotangents, ll_error *error) LL_MUST_CHECK;
/* Jacobian-vector products: output_tangents[i] = sum_j d outputs[i] / d inputs[j] . tangents[j]. The
 * primal nodes are shared, not repeated. */
LL_API ll_status ll_graph_jvp(ll_graph *graph, const ll_node *outputs, int64_t output_count,
                              const ll_node *inputs, const ll_node *tangents, int64_t input_count,
                              ll_node *output_tangents, ll_error *error) LL_MUST_CHECK;
/* The outputs as functions of `inputs`, evaluated for `models` values at once: batched_inputs[j] is
 * inputs[j] with a leading axis of size `models`. What does not depend on the inputs stays as it is,
 * without the axis. batched[i] says whether batched_outputs[i] got the axis; with batched NULL every
 * output has it (broadcast where needed). Model m of the result is what the graph would give for the m-th
 * inputs alone, bit for bit, if the kernels keep to that. */
LL_API ll_status ll_graph_batch(ll_graph *graph, const ll_node *outputs, int64_t output_count,
                                const ll_node *inputs, const ll_node *batched_inputs, int64_t input_count,
                                int64_t models, ll_node *batched_outputs, bool *batched,
                                ll_error *error) LL_MUST_CHECK;
/* The outputs with from[j] replaced by to[j] (same type and shape). */
LL_API ll_status ll_graph_substitute(ll_graph *graph, const ll_node *outputs, int64_t output_count,
                                     const ll_node *from, const ll_node *to, int64_t count,
                                     ll_node *new_outputs, ll_error *error) LL_MUST_CHECK;
/* The same outputs with linear combinations collected behind what their terms share: a L(x) + b L(y) becomes L(a x + b y)
 * wherever nothing else reads L(x) and L(y), L being a product with a common factor, the same move or the same sum. Equal
 * in exact arithmetic, not in rounding. Directional derivatives of one network that enter a result only through a sum
 * become one derivative: what a residual u_t + beta u_x costs then is one direction instead of two. Taken before
 * differentiating, since what has another reader stays as it is. */
LL_API ll_status ll_graph_collect(ll_graph *graph, const ll_node *outputs, int64_t output_count,
                                  ll_node *new_outputs, ll_error *error) LL_MUST_CHECK;
/* marks[i] = whether some output needs node i; marks has ll_graph_count entries. */
LL_API ll_status ll_graph_reachable(const ll_graph *graph, const ll_node *outputs, int64_t output_count,
                                    bool *marks, ll_error *error) LL_MUST_CHECK;

/* What each parameter is to the outputs, derived from the ops that read it: kernels of convolutions (filter) and matrices
 * of products (linear) with the axis of their outputs (-1 for all others), tables that are looked up, concatenated or added
 * with more than one axis (embedding), vectors that scale, or shift what a vector scaled (norm), other vectors that are
 * added (bias). Of rank 0, or read by nothing that tells: scalar. */
LL_API ll_status ll_graph_roles(const ll_graph *graph, const ll_node *outputs, int64_t output_count,
                                const ll_node *parameters, int64_t count, ll_parameter_role *roles,
                                int *output_axes, ll_error *error) LL_MUST_CHECK;

/* Checks every node again from its inputs: order, arity, type, shape, attributes. LL_INTERNAL naming the
 * node, what it has and what it should have. The transforms call it on what they appended. */
LL_API ll_status ll_graph_verify(const ll_graph *graph, ll_error *error) LL_MUST_CHECK;

/* ------------------------------------------------------------------ text */

/* "f32[N, 3, 32, 32]" */
LL_API void ll_graph_shape_text(ll_text *text, ll_dtype dtype, const int64_t *shape, int rank);
/* One line a node that the outputs need: "%12 = matmul(%3, %7) transpose_b : f32[N, 10]  # logits". */
LL_API void ll_graph_dump(const ll_graph *graph, const ll_node *outputs, int64_t output_count, ll_text *text);
/* The same for Graphviz' dot. */
LL_API void ll_graph_dot(const ll_graph *graph, const ll_node *outputs, int64_t output_count, ll_text *text);

#ifdef __cplusplus
}
#endif
#endif
