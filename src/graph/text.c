/* A graph as text: one line a node that the outputs need, and the same for Graphviz. */
#include "graph/internal.h"

#include <string.h>

static void integers(ll_text *text, const char *label, const int64_t *values, int count)
{
    ll_text_format(text, " %s", label);
    for (int i = 0; i < count; i++) ll_text_format(text, "%c%lld", i == 0 ? '=' : ',', (long long)values[i]);
}

static void axes_text(ll_text *text, uint32_t axes)
{
    const char *separator = " axes=";
    for (int axis = 0; axis < LL_GRAPH_RANK; axis++) {
        if ((axes & LL_AXIS(axis)) == 0) continue;
        ll_text_format(text, "%s%d", separator, axis);
        separator = ",";
    }
}

static void form_text(ll_text *text, int spatial, const int64_t *stride, const int64_t *dilation, const int64_t *low, const int64_t *high)
{
    integers(text, "stride", stride, spatial);
    integers(text, "dilation", dilation, spatial);
    integers(text, "pad_low", low, spatial);
    integers(text, "pad_high", high, spatial);
}

/* The first numbers of a constant. */
static void constant_text(ll_text *text, const ll_graph_node *it)
{
    enum { SHOWN = 4 };
    int64_t count;
    if (!ll_graph_elements(it, 1, &count)) return;
    for (int64_t i = 0; i < count && i < SHOWN; i++) {
        char number[LL_NUMBER_TEXT];
        const void *data = it->attributes.constant.data;
        double value = it->dtype == LL_F32   ? (double)((const float *)data)[i]
                       : it->dtype == LL_F64 ? ((const double *)data)[i]
                       : it->dtype == LL_I32 ? (double)((const int32_t *)data)[i]
                       : it->dtype == LL_I64 ? (double)((const int64_t *)data)[i]
                                             : (double)((const uint8_t *)data)[i];
        ll_number_text(value, number);
        ll_text_format(text, "%s%s", i == 0 ? " " : ", ", number);
    }
    if (count > SHOWN) ll_text_append(text, ", ...");
}

static void attributes_text(ll_text *text, const ll_graph_node *it)
{
    const ll_attributes *a = &it->attributes;
    switch ((int)it->op) {
    case LL_OP_INPUT: ll_text_format(text, " %s", ll_input_kind_name((ll_input_kind)a->input.kind)); break;
    case LL_OP_CONSTANT: constant_text(text, it); break;
    case LL_OP_RANDOM: ll_text_format(text, " stream=%llu", (unsigned long long)a->random.stream); break;
    case LL_OP_TRANSPOSE: integers(text, "permutation", a->transpose.permutation, it->rank); break;
    case LL_OP_BROADCAST: axes_text(text, a->broadcast.axes); break;
    case LL_OP_SUM:
    case LL_OP_REDUCE_MAX:
    case LL_OP_REDUCE_MIN: axes_text(text, a->reduce.axes); break;
    case LL_OP_CONCATENATE:
    case LL_OP_ARGMAX: ll_text_format(text, " axis=%d", (int)a->axis.axis); break;
    case LL_OP_SLICE:
        integers(text, "start", a->slice.start, it->rank);
        integers(text, "step", a->slice.step, it->rank);
        break;
    case LL_OP_PAD:
        integers(text, "low", a->pad.low, it->rank);
        integers(text, "high", a->pad.high, it->rank);
        integers(text, "interior", a->pad.interior, it->rank);
        ll_text_format(text, " value=%g", a->pad.value);
        break;
    case LL_OP_GATHER:
    case LL_OP_SCATTER_ADD: ll_text_format(text, " batch_axes=%d", (int)a->gather.batch_axes); break;
    case LL_OP_MATMUL:
        if (a->matmul.transpose_a) ll_text_append(text, " transpose_a");
        if (a->matmul.transpose_b) ll_text_append(text, " transpose_b");
        break;
    case LL_OP_CONVOLUTION:
    case LL_OP_CONVOLUTION_DATA:
    case LL_OP_CONVOLUTION_WEIGHT:
        form_text(text, a->convolution.spatial, a->convolution.stride, a->convolution.dilation, a->convolution.pad_low, a->convolution.pad_high);
        ll_text_format(text, " groups=%d", (int)a->convolution.groups);
        break;
    case LL_OP_WINDOW_SUM:
    case LL_OP_WINDOW_ARGMAX:
        integers(text, "size", a->window.size, a->window.spatial);
        form_text(text, a->window.spatial, a->window.stride, a->window.dilation, a->window.pad_low, a->window.pad_high);
        break;
    case LL_OP_RESIZE:
    case LL_OP_RESIZE_ADJOINT:
        ll_text_format(text, " spatial=%d mode=%d position=%d", (int)a->resize.spatial, (int)a->resize.mode, (int)a->resize.position);
        break;
    default: break;
    }
}

/* Marks of the nodes that the outputs need; NULL on no memory, which leaves the text marked as failed. */
static bool *needed(const ll_graph *graph, const ll_node *outputs, int64_t output_count, ll_text *text)
{
    bool *marks = ll_allocate_array(ll_graph_count(graph), sizeof *marks);
    if (marks != NULL && ll_graph_reachable(graph, outputs, output_count, marks, NULL) == LL_OK) return marks;
    ll_free(marks);
    text->failed = true;
    return NULL;
}

void ll_graph_dump(const ll_graph *graph, const ll_node *outputs, int64_t output_count, ll_text *text)
{
    bool *marks = needed(graph, outputs, output_count, text);
    if (marks == NULL) return;
    for (int64_t node = 0; node < ll_graph_count(graph); node++) {
        if (!marks[node]) continue;
        const ll_graph_node *it = ll_at(graph, (ll_node)node);
        ll_text_format(text, "%%%lld = %s(", (long long)node, ll_op_traits_of(it->op)->name);
        for (int32_t i = 0; i < it->input_count; i++) ll_text_format(text, "%s%%%d", i > 0 ? ", " : "", (int)it->inputs[i]);
        ll_text_append(text, ")");
        attributes_text(text, it);
        ll_text_append(text, " : ");
        ll_graph_shape_text(text, it->dtype, it->shape, it->rank);
        if (it->name != NULL) ll_text_format(text, "  # %s", it->name);
        ll_text_append(text, "\n");
    }
    ll_text_append(text, "outputs");
    for (int64_t i = 0; i < output_count; i++) ll_text_format(text, " %%%d", (int)outputs[i]);
    ll_text_append(text, "\n");
    ll_free(marks);
}

/* Text inside a quoted label of dot. */
static void quoted(ll_text *text, const char *label)
{
    for (const char *c = label; *c != 0; c++) {
        if (*c == '"' || *c == '\\') ll_text_append(text, "\\");
        ll_text_append_bytes(text, c, 1);
    }
}

void ll_graph_dot(const ll_graph *graph, const ll_node *outputs, int64_t output_count, ll_text *text)
{
    bool *marks = needed(graph, outputs, output_count, text);
    if (marks == NULL) return;
    ll_text_append(text, "digraph losslens {\n  rankdir=TB;\n  node [shape=box, fontname=\"sans-serif\", fontsize=10];\n");
    for (int64_t node = 0; node < ll_graph_count(graph); node++) {
        if (!marks[node]) continue;
        const ll_graph_node *it = ll_at(graph, (ll_node)node);
        ll_text_format(text, "  n%lld [label=\"%s\\n", (long long)node, ll_op_traits_of(it->op)->name);
        if (it->name != NULL) {
            quoted(text, it->name);
            ll_text_append(text, "\\n");
        }
        ll_graph_shape_text(text, it->dtype, it->shape, it->rank);
        ll_text_format(text, "\"%s];\n", it->op == LL_OP_INPUT ? ", style=filled, fillcolor=lightgrey" : "");
        for (int32_t i = 0; i < it->input_count; i++) ll_text_format(text, "  n%d -> n%lld;\n", (int)it->inputs[i], (long long)node);
    }
    ll_text_append(text, "}\n");
    ll_free(marks);
}
