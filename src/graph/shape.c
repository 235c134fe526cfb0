/* Dimensions, shapes, and the small helpers that rules are made of. */
#include "graph/internal.h"

#include <stdio.h>
#include <string.h>

ll_status ll_refuse(ll_error *error, const char *format, ...)
{
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return ll_fail(error, LL_SHAPE, "graph", NULL, "%s", message);
}

void ll_graph_shape_text(ll_text *text, ll_dtype dtype, const int64_t *shape, int rank)
{
    ll_text_format(text, "%s[", ll_dtype_name(dtype));
    for (int axis = 0; axis < rank; axis++) {
        if (axis > 0) ll_text_append(text, ", ");
        if (shape[axis] == LL_INFER) {
            ll_text_append(text, "?");
        } else if (shape[axis] == LL_SAMPLES) {
            ll_text_append(text, "N");
        } else if (shape[axis] < 0) {
            ll_text_format(text, "%lldN", (long long)-shape[axis]);
        } else {
            ll_text_format(text, "%lld", (long long)shape[axis]);
        }
    }
    ll_text_append(text, "]");
}

ll_shape_words ll_words(const ll_graph_node *node)
{
    ll_shape_words words = {{0}};
    ll_text text = {0};
    ll_graph_shape_text(&text, node->dtype, node->shape, node->rank);
    if (!text.failed) snprintf(words.text, sizeof words.text, "%.*s", (int)sizeof words.text - 1, text.text);
    ll_text_deinit(&text);
    return words;
}

bool ll_dimension_multiply(int64_t a, int64_t b, int64_t *product)
{
    if (a < 0 && b < 0) return false; /* N times N */
    return ll_multiply_int64(a, b, product);
}

bool ll_shape_product(const int64_t *shape, int first, int last, int64_t *product)
{
    int64_t result = 1;
    for (int axis = first; axis < last; axis++) {
        if (!ll_dimension_multiply(result, shape[axis], &result)) return false;
    }
    *product = result;
    return true;
}

bool ll_same_shape(const ll_graph_node *a, const ll_graph_node *b)
{
    return a->rank == b->rank && memcmp(a->shape, b->shape, sizeof a->shape) == 0;
}

bool ll_graph_elements(const ll_graph_node *node, int64_t samples, int64_t *count)
{
    int64_t result = 1;
    for (int axis = 0; axis < node->rank; axis++) {
        int64_t size = node->shape[axis];
        if (size < 0 && !ll_multiply_int64(-size, samples, &size)) return false;
        if (!ll_multiply_int64(result, size, &result)) return false;
    }
    *count = result;
    return true;
}

int ll_graph_sample_axis(const ll_graph_node *node)
{
    for (int axis = 0; axis < node->rank; axis++) {
        if (node->shape[axis] < 0) return axis;
    }
    return -1;
}

bool ll_graph_sums_samples(const ll_graph *graph, ll_node node)
{
    const ll_graph_node *it = ll_graph_node_at(graph, node);
    if (it == NULL || ll_graph_sample_axis(it) >= 0) return false;
    for (int32_t i = 0; i < it->input_count; i++) {
        if (ll_graph_sample_axis(ll_at(graph, it->inputs[i])) >= 0) return true;
    }
    return false;
}

void ll_prepend(int64_t models, const int64_t *shape, int rank, int64_t *result)
{
    result[0] = models;
    for (int axis = 0; axis < rank; axis++) result[axis + 1] = shape[axis];
}

ll_node ll_broadcast_models(ll_graph *graph, ll_node x, int64_t models)
{
    if (x == LL_NO_NODE) return LL_NO_NODE;
    const ll_graph_node *node = ll_at(graph, x);
    if (node->rank == LL_GRAPH_RANK) {
        return ll_graph_refuse(graph, LL_SHAPE, node->name,
                               "no room for a model axis: the rank is already %d", LL_GRAPH_RANK);
    }
    int64_t shape[LL_GRAPH_RANK];
    ll_prepend(models, node->shape, node->rank, shape);
    return ll_graph_broadcast(graph, x, shape, node->rank + 1, LL_AXIS(0));
}

static double scalar_value(const ll_graph_node *node)
{
    const void *data = node->attributes.constant.data;
    switch (node->dtype) {
    case LL_F32: return (double)*(const float *)data;
    case LL_F64: return *(const double *)data;
    case LL_I32: return (double)*(const int32_t *)data;
    case LL_I64: return (double)*(const int64_t *)data;
    default: return *(const uint8_t *)data != 0 ? 1.0 : 0.0;
    }
}

bool ll_is_uniform(const ll_graph *graph, ll_node node, double *value)
{
    if (node == LL_NO_NODE) return false;
    const ll_graph_node *it = ll_at(graph, node);
    if (it->op == LL_OP_BROADCAST) it = ll_at(graph, it->inputs[0]);
    if (it->op != LL_OP_CONSTANT || it->rank != 0) return false;
    *value = scalar_value(it);
    /* Beyond 2^53 a double does not hold the integer: treat it as unknown. */
    if (it->dtype == LL_I64 && (*value > 0x1p53 || *value < -0x1p53)) return false;
    return true;
}

ll_status ll_infer_map(const ll_graph *graph, ll_graph_node *draft, ll_error *error)
{
    const ll_op_rules *rules = ll_op_rules_of(draft->op);
    const ll_graph_node *first = ll_at(graph, draft->inputs[0]);
    for (int32_t i = 0; i < draft->input_count; i++) {
        const ll_graph_node *input = ll_at(graph, draft->inputs[i]);
        if ((rules->types & LL_TYPE_BIT(input->dtype)) == 0) {
            return ll_refuse(error, "%s is not defined for type %s", ll_op_traits_of(draft->op)->name,
                             ll_dtype_name(input->dtype));
        }
        if (input->dtype != first->dtype || !ll_same_shape(input, first)) {
            return ll_refuse(error, "operands differ: got %s and %s, wanted the same type and shape",
                             ll_words(first).text, ll_words(input).text);
        }
    }
    draft->dtype = first->dtype;
    draft->rank = first->rank;
    memcpy(draft->shape, first->shape, sizeof draft->shape);
    return LL_OK;
}

ll_node ll_sum_of(ll_graph *graph, ll_node a, ll_node b)
{
    if (a == LL_NO_NODE) return b;
    if (b == LL_NO_NODE) return a;
    return ll_graph_add(graph, a, b);
}

/* ------------------------------------------------------------------ sample cases */

ll_node ll_sample_input(ll_graph *graph, ll_op_sample *sample, ll_dtype dtype, double low, double high,
                        int rank, ...)
{
    int64_t shape[LL_GRAPH_RANK];
    va_list arguments;
    va_start(arguments, rank);
    for (int axis = 0; axis < rank; axis++) shape[axis] = va_arg(arguments, int);
    va_end(arguments);
    int i = sample->input_count++;
    char name[8] = {'x', (char)('0' + i), 0};
    sample->low[i] = low;
    sample->high[i] = high;
    sample->inputs[i] = ll_graph_input(graph, LL_INPUT_TANGENT, name, dtype, shape, rank);
    return sample->inputs[i];
}

bool ll_sample_map(ll_graph *graph, ll_op op, ll_dtype dtype, int index, double low, double high,
                   ll_op_sample *sample)
{
    static const int ranks[] = {2, 0, 3, 1};
    if (index >= 4) return false;
    int operands = ll_op_traits_of(op)->inputs;
    ll_node inputs[LL_SAMPLE_INPUTS];
    for (int i = 0; i < operands; i++) {
        /* [N, 7], scalar, [2, N, 3], and more elements than a vector register holds. */
        inputs[i] = ranks[index] == 2   ? ll_sample_input(graph, sample, dtype, low, high, 2, -1, 7)
                    : ranks[index] == 0 ? ll_sample_input(graph, sample, dtype, low, high, 0)
                    : ranks[index] == 3 ? ll_sample_input(graph, sample, dtype, low, high, 3, 2, -1, 3)
                                        : ll_sample_input(graph, sample, dtype, low, high, 1, 37);
    }
    sample->output = ll_graph_apply(graph, op, inputs, operands, NULL, dtype, NULL, 0);
    return true;
}
