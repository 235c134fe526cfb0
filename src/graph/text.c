/* A graph as text and as Graphviz' dot. */
#include "graph/internal.h"

static void list(ll_text *text, const char *name, const int64_t *values, int count)
{
    ll_text_format(text, " %s [", name);
    for (int i = 0; i < count; i++) ll_text_format(text, "%s%lld", i > 0 ? ", " : "", (long long)values[i]);
    ll_text_append(text, "]");
}

static void axes_list(ll_text *text, uint32_t axes)
{
    ll_text_append(text, " axes [");
    for (int axis = 0, written = 0; axis < LL_GRAPH_RANK; axis++) {
        if ((axes & LL_AXIS(axis)) != 0) ll_text_format(text, "%s%d", written++ > 0 ? ", " : "", axis);
    }
    ll_text_append(text, "]");
}

static void attributes_text(const ll_graph *graph, ll_node id, ll_text *text)
{
    const ll_graph_node *node = ll_at(graph, id);
    const ll_attributes *a = &node->attributes;
    char number[LL_NUMBER_TEXT];
    double value;
    switch (node->op) {
    case LL_OP_INPUT: ll_text_format(text, " %s", ll_input_kind_name((ll_input_kind)a->input.kind)); break;
    case LL_OP_CONSTANT:
        if (ll_is_uniform(graph, id, &value)) {
            ll_number_text(value, number);
            ll_text_format(text, " %s", number);
        }
        break;
    case LL_OP_RANDOM: ll_text_format(text, " stream %llu", (unsigned long long)a->random.stream); break;
    case LL_OP_TRANSPOSE: list(text, "permutation", a->transpose.permutation, node->rank); break;
    case LL_OP_BROADCAST: axes_list(text, a->broadcast.axes); break;
    case LL_OP_SUM:
    case LL_OP_REDUCE_MAX:
    case LL_OP_REDUCE_MIN: axes_list(text, a->reduce.axes); break;
    case LL_OP_CONCATENATE:
    case LL_OP_ARGMAX: ll_text_format(text, " axis %d", (int)a->axis.axis); break;
    case LL_OP_SLICE:
        list(text, "start", a->slice.start, node->rank);
        list(text, "step", a->slice.step, node->rank);
        break;
    case LL_OP_PAD:
        list(text, "low", a->pad.low, node->rank);
        list(text, "high", a->pad.high, node->rank);
        list(text, "interior", a->pad.interior, node->rank);
        ll_number_text(a->pad.value, number);
        ll_text_format(text, " value %s", number);
        break;
    case LL_OP_GATHER:
    case LL_OP_SCATTER_ADD: ll_text_format(text, " batch_axes %d", (int)a->gather.batch_axes); break;
    case LL_OP_MATMUL:
        if (a->matmul.transpose_a) ll_text_append(text, " transpose_a");
        if (a->matmul.transpose_b) ll_text_append(text, " transpose_b");
        break;
    case LL_OP_CONVOLUTION:
    case LL_OP_CONVOLUTION_DATA:
    case LL_OP_CONVOLUTION_WEIGHT:
        list(text, "stride", a->convolution.stride, a->convolution.spatial);
        list(text, "dilation", a->convolution.dilation, a->convolution.spatial);
        list(text, "pad_low", a->convolution.pad_low, a->convolution.spatial);
        list(text, "pad_high", a->convolution.pad_high, a->convolution.spatial);
        ll_text_format(text, " groups %d", (int)a->convolution.groups);
        break;
    case LL_OP_WINDOW_SUM:
    case LL_OP_WINDOW_ARGMAX:
        list(text, "size", a->window.size, a->window.spatial);
        list(text, "stride", a->window.stride, a->window.spatial);
        list(text, "dilation", a->window.dilation, a->window.spatial);
        list(text, "pad_low", a->window.pad_low, a->window.spatial);
        list(text, "pad_high", a->window.pad_high, a->window.spatial);
        break;
    case LL_OP_RESIZE:
    case LL_OP_RESIZE_ADJOINT:
        ll_text_format(text, " %s %s", a->resize.mode == LL_RESIZE_LINEAR ? "linear" : "nearest",
                       a->resize.position == LL_RESIZE_HALF_PIXEL      ? "half_pixel"
                       : a->resize.position == LL_RESIZE_ALIGN_CORNERS ? "align_corners"
                                                                       : "asymmetric");
        break;
    default: break;
    }
}

static bool *marks_of(const ll_graph *graph, const ll_node *outputs, int64_t count, ll_text *text)
{
    bool *marks = ll_allocate((size_t)graph->count + 1);
    if (marks == NULL || ll_graph_reachable(graph, outputs, count, marks, NULL) != LL_OK) {
        ll_free(marks);
        text->failed = true;
        return NULL;
    }
    return marks;
}

void ll_graph_dump(const ll_graph *graph, const ll_node *outputs, int64_t output_count, ll_text *text)
{
    bool *marks = marks_of(graph, outputs, output_count, text);
    for (int64_t i = 0; marks != NULL && i < graph->count; i++) {
        if (!marks[i]) continue;
        const ll_graph_node *node = ll_at(graph, (ll_node)i);
        ll_text_format(text, "%%%lld = %s(", (long long)i, ll_op_traits_of(node->op)->name);
        for (int32_t k = 0; k < node->input_count; k++) {
            ll_text_format(text, "%s%%%d", k > 0 ? ", " : "", (int)node->inputs[k]);
        }
        ll_text_append(text, ")");
        attributes_text(graph, (ll_node)i, text);
        ll_text_append(text, " : ");
        ll_graph_shape_text(text, node->dtype, node->shape, node->rank);
        if (node->name != NULL) ll_text_format(text, "  # %s", node->name);
        ll_text_append(text, "\n");
    }
    ll_free(marks);
}

/* Within a quoted string of dot. */
static void quoted(ll_text *text, const char *words)
{
    for (; *words != 0; words++) {
        if (*words == '"' || *words == '\\') ll_text_append(text, "\\");
        ll_text_append_bytes(text, words, 1);
    }
}

void ll_graph_dot(const ll_graph *graph, const ll_node *outputs, int64_t output_count, ll_text *text)
{
    bool *marks = marks_of(graph, outputs, output_count, text);
    if (marks == NULL) return;
    ll_text_append(text, "digraph graph_of_ops {\n  node [shape=box, fontname=\"sans-serif\"];\n");
    for (int64_t i = 0; i < graph->count; i++) {
        if (!marks[i]) continue;
        const ll_graph_node *node = ll_at(graph, (ll_node)i);
        ll_text_format(text, "  n%lld [label=\"%s", (long long)i, ll_op_traits_of(node->op)->name);
        attributes_text(graph, (ll_node)i, text);
        ll_text_append(text, "\\n");
        ll_graph_shape_text(text, node->dtype, node->shape, node->rank);
        if (node->name != NULL) {
            ll_text_append(text, "\\n");
            quoted(text, node->name);
        }
        ll_text_format(text, "\"%s];\n", node->op == LL_OP_INPUT ? ", style=filled" : "");
        for (int32_t k = 0; k < node->input_count; k++) {
            ll_text_format(text, "  n%d -> n%lld;\n", (int)node->inputs[k], (long long)i);
        }
    }
    ll_text_append(text, "}\n");
    ll_free(marks);
}
