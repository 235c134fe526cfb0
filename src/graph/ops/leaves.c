/* input, constant, iota: what has no inputs. Derivatives are zero; batching leaves them alone. */
#include "graph/internal.h"

#include <math.h>
#include <string.h>

static ll_status check_shape(const ll_graph_node *draft, bool symbolic_allowed, ll_error *error)
{
    int symbolic = 0;
    int64_t count;
    for (int axis = 0; axis < draft->rank; axis++) {
        if (draft->shape[axis] == INT64_MIN) return ll_refuse(error, "axis %d has no size", axis);
        symbolic += draft->shape[axis] < 0;
    }
    if (symbolic > (symbolic_allowed ? 1 : 0)) {
        return ll_refuse(error, "%d axes depend on the number of samples, at most %d may: %s", symbolic,
                         symbolic_allowed ? 1 : 0, ll_words(draft).text);
    }
    if (!ll_shape_product(draft->shape, 0, draft->rank, &count)) {
        return ll_refuse(error, "the number of elements overflows: %s", ll_words(draft).text);
    }
    return LL_OK;
}

static ll_status infer_input(const ll_graph *graph, ll_graph_node *draft, ll_error *error)
{
    (void)graph;
    LL_TRY(check_shape(draft, true, error));
    ll_input_kind kind = (ll_input_kind)draft->attributes.input.kind;
    if ((unsigned)kind >= LL_INPUT_KINDS) return ll_refuse(error, "%d is no kind of input", (int)kind);
    if (kind == LL_INPUT_SAMPLE && (draft->rank < 1 || draft->shape[0] >= 0)) {
        return ll_refuse(error, "per-sample data has the sample axis first; got %s", ll_words(draft).text);
    }
    if (kind == LL_INPUT_SAMPLE_COUNT && (draft->rank != 0 || !ll_dtype_is_float(draft->dtype))) {
        return ll_refuse(error, "a sample count is a floating-point scalar; got %s", ll_words(draft).text);
    }
    if (kind == LL_INPUT_SEED && (draft->rank != 0 || draft->dtype != LL_I64)) {
        return ll_refuse(error, "a seed is i64[]; got %s", ll_words(draft).text);
    }
    if (kind == LL_INPUT_SAMPLE_INDEX &&
        (draft->rank != 1 || draft->shape[0] != LL_SAMPLES || draft->dtype != LL_I64)) {
        return ll_refuse(error, "a sample index is i64[N]; got %s", ll_words(draft).text);
    }
    return LL_OK;
}
const ll_op_rules ll_rules_input = {.types = LL_TYPES_ALL, .infer = infer_input};

ll_node ll_graph_input(ll_graph *graph, ll_input_kind kind, const char *name, ll_dtype dtype,
                       const int64_t *shape, int rank)
{
    if (name == NULL || rank < 0 || rank > LL_GRAPH_RANK || (unsigned)dtype >= LL_DTYPES) {
        return ll_graph_refuse(graph, LL_INVALID_ARGUMENT, name,
                               "an input needs a name, a type and a rank from 0 to %d (got rank %d)",
                               LL_GRAPH_RANK, rank);
    }
    ll_graph_node draft = {.op = LL_OP_INPUT, .dtype = dtype, .rank = rank, .name = name};
    draft.attributes.input.kind = (int32_t)kind;
    for (int axis = 0; axis < rank; axis++) draft.shape[axis] = shape[axis];
    ll_node old = ll_graph_find_input(graph, name);
    if (old != LL_NO_NODE) {
        const ll_graph_node *node = ll_at(graph, old);
        if (node->dtype != dtype || !ll_same_shape(node, &draft) ||
            node->attributes.input.kind != (int32_t)kind) {
            return ll_graph_refuse(graph, LL_INVALID_ARGUMENT, name,
                                   "this input exists as %s %s; asked for again as %s %s",
                                   ll_input_kind_name((ll_input_kind)node->attributes.input.kind),
                                   ll_words(node).text, ll_input_kind_name(kind), ll_words(&draft).text);
        }
        return old;
    }
    return ll_graph_make(graph, &draft);
}

ll_node ll_graph_sample_count(ll_graph *graph, ll_dtype dtype)
{
    const char *name = dtype == LL_F64 ? "sample_count" : "sample_count_f32";
    return ll_graph_input(graph, LL_INPUT_SAMPLE_COUNT, name, dtype, NULL, 0);
}

ll_node ll_graph_sample_index(ll_graph *graph)
{
    return ll_graph_input(graph, LL_INPUT_SAMPLE_INDEX, "sample_index", LL_I64, (int64_t[]){LL_SAMPLES}, 1);
}

ll_node ll_graph_seed(ll_graph *graph)
{
    return ll_graph_input(graph, LL_INPUT_SEED, "seed", LL_I64, NULL, 0);
}

/* ------------------------------------------------------------------ constant */

static ll_status infer_constant(const ll_graph *graph, ll_graph_node *draft, ll_error *error)
{
    (void)graph;
    if (draft->attributes.constant.data == NULL) return ll_refuse(error, "a constant needs data");
    return check_shape(draft, false, error);
}
const ll_op_rules ll_rules_constant = {.types = LL_TYPES_ALL, .infer = infer_constant};

ll_node ll_graph_constant(ll_graph *graph, ll_dtype dtype, const int64_t *shape, int rank, const void *data)
{
    ll_attributes attributes = {0};
    attributes.constant.data = data;
    return ll_graph_apply(graph, LL_OP_CONSTANT, NULL, 0, &attributes, dtype, shape, rank);
}

ll_node ll_graph_scalar(ll_graph *graph, ll_dtype dtype, double value)
{
    union {
        float f32;
        double f64;
        int32_t i32;
        int64_t i64;
        uint8_t boolean;
    } data;
    memset(&data, 0, sizeof data);
    switch (dtype) {
    case LL_F32: data.f32 = (float)value; break;
    case LL_F64: data.f64 = value; break;
    case LL_BOOL: data.boolean = value != 0; break;
    default: {
        double limit = dtype == LL_I32 ? 0x1p31 : 0x1p63;
        if (!(value >= -limit && value < limit) || value != trunc(value)) {
            char text[LL_NUMBER_TEXT];
            ll_number_text(value, text);
            return ll_graph_refuse(graph, LL_INVALID_ARGUMENT, "constant", "%s is not a value of type %s",
                                   text, ll_dtype_name(dtype));
        }
        if (dtype == LL_I32) {
            data.i32 = (int32_t)value;
        } else {
            data.i64 = (int64_t)value;
        }
    }
    }
    return ll_graph_constant(graph, dtype, NULL, 0, &data);
}

ll_node ll_graph_full(ll_graph *graph, ll_dtype dtype, const int64_t *shape, int rank, double value)
{
    ll_node scalar = ll_graph_scalar(graph, dtype, value);
    return ll_graph_broadcast(graph, scalar, shape, rank, ll_all_axes(rank));
}

ll_node ll_graph_full_like(ll_graph *graph, ll_node like, double value)
{
    const ll_graph_node *node = ll_graph_node_at(graph, like);
    if (node == NULL) return LL_NO_NODE;
    return ll_graph_full(graph, node->dtype, node->shape, node->rank, value);
}

/* ------------------------------------------------------------------ iota */

static ll_status infer_iota(const ll_graph *graph, ll_graph_node *draft, ll_error *error)
{
    (void)graph;
    if ((LL_TYPES_NUMBER & LL_TYPE_BIT(draft->dtype)) == 0)
        return ll_refuse(error, "iota is not defined for bool");
    if (draft->rank != 1 || draft->shape[0] < 0 || draft->shape[0] > INT32_MAX) {
        return ll_refuse(error, "iota is one axis of constant size below 2^31; got %s", ll_words(draft).text);
    }
    return LL_OK;
}

static bool sample_iota(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *sample)
{
    static const int64_t counts[] = {5, 0, 1, 40};
    if (index >= 4) return false;
    sample->output = ll_graph_iota(graph, dtype, counts[index]);
    return true;
}
const ll_op_rules ll_rules_iota = {.types = LL_TYPES_NUMBER, .infer = infer_iota, .sample = sample_iota};

ll_node ll_graph_iota(ll_graph *graph, ll_dtype dtype, int64_t count)
{
    return ll_graph_apply(graph, LL_OP_IOTA, NULL, 0, NULL, dtype, &count, 1);
}
