/* What a parameter is, from the ops that read it: so that a graph from anywhere (an imported one too) has the roles and
 * output axes that filter normalisation and the reports by role ask for.
 *
 * A reader is looked for through moves (reshape, transpose, broadcast, slice) and through what does not change the role
 * (negate, cast, detach). The strongest reader decides: a contraction before a look-up before a product before a sum. A
 * vector that is added to something scaled by a vector is the shift of a normalisation, else a bias; the output axis is
 * followed back through reshapes that keep it and through transposes. */
#include "graph/internal.h"

typedef struct reader {
    int rank; /* 0: none; larger decides */
    ll_parameter_role role;
    int output_axis;
} reader;

enum { READS_ADD = 1, READS_MULTIPLY, READS_GATHER, READS_CONTRACTION };

typedef struct search {
    const ll_graph *graph;
    const bool *needed;
    const bool
        *scales; /* a vector parameter that multiplies, or what is made of such and of fixed nodes alone */
} search;

static bool is_fixed(const ll_graph_node *it) { return ll_graph_sample_axis(it) < 0; }

static ll_node behind_moves(const ll_graph *graph, ll_node node)
{
    for (;;) {
        const ll_graph_node *it = ll_at(graph, node);
        switch (it->op) {
        case LL_OP_RESHAPE:
        case LL_OP_TRANSPOSE:
        case LL_OP_BROADCAST:
        case LL_OP_NEGATE:
        case LL_OP_CAST:
        case LL_OP_DETACH: node = it->inputs[0]; break;
        default: return node;
        }
    }
}

/* Whether the node is a product with a scale, as the other operand of a shift is. */
static bool is_scaled(const search *s, ll_node node)
{
    const ll_graph_node *it = ll_at(s->graph, behind_moves(s->graph, node));
    if (it->op != LL_OP_MULTIPLY) return false;
    return s->scales[behind_moves(s->graph, it->inputs[0])] ||
           s->scales[behind_moves(s->graph, it->inputs[1])];
}

/* Axis of the operand that is axis `axis` of the result; -1: none. */
static int axis_before(const ll_graph *graph, const ll_graph_node *it, int axis)
{
    const ll_graph_node *x = ll_at(graph, it->inputs[0]);
    if (axis < 0) return -1;
    switch (it->op) {
    case LL_OP_TRANSPOSE: return (int)it->attributes.transpose.permutation[axis];
    case LL_OP_BROADCAST: {
        int own = 0;
        for (int i = 0; i < axis; i++) own += ((it->attributes.broadcast.axes >> i) & 1U) == 0;
        return (it->attributes.broadcast.axes >> axis) & 1U ? -1 : own;
    }
    case LL_OP_RESHAPE: { /* the axis that begins at the same element and is as long */
        int64_t before = 1, own = 1;
        for (int i = 0; i < axis; i++) before *= it->shape[i];
        for (int i = 0; i < x->rank; own *= x->shape[i++])
            if (own == before && x->shape[i] == it->shape[axis]) return i;
        return -1;
    }
    default: return axis;
    }
}

static reader read_as(const search *s, const ll_graph_node *it, int operand)
{
    const ll_graph_node *x = ll_at(s->graph, it->inputs[operand]);
    const ll_graph_node *base = ll_at(s->graph, behind_moves(s->graph, it->inputs[operand]));
    int wide = 0; /* axes longer than one */
    for (int axis = 0; axis < base->rank; axis++) wide += base->shape[axis] != 1;
    switch (it->op) {
    case LL_OP_CONVOLUTION:
    case LL_OP_CONVOLUTION_DATA:
        return operand == 1 ? (reader){READS_CONTRACTION, LL_ROLE_FILTER,
                                       (it->op == LL_OP_CONVOLUTION ? 0 : 1) +
                                           (x->rank - it->attributes.convolution.spatial - 2)}
                            : (reader){0};
    case LL_OP_MATMUL: {
        bool turned = operand == 0 ? it->attributes.matmul.transpose_a : it->attributes.matmul.transpose_b;
        bool last = operand == 0 ? turned : !turned; /* where the result's axis of this operand is */
        return (reader){READS_CONTRACTION, LL_ROLE_LINEAR, x->rank - (last ? 1 : 2)};
    }
    case LL_OP_GATHER: return operand == 0 ? (reader){READS_GATHER, LL_ROLE_EMBEDDING, -1} : (reader){0};
    case LL_OP_MULTIPLY:
    case LL_OP_DIVIDE: return (reader){READS_MULTIPLY, LL_ROLE_NORM, -1};
    case LL_OP_ADD:
    case LL_OP_SUBTRACT:
        if (wide > 1) return (reader){READS_ADD, LL_ROLE_EMBEDDING, -1};
        return (reader){READS_ADD, is_scaled(s, it->inputs[1 - operand]) ? LL_ROLE_NORM : LL_ROLE_BIAS, -1};
    case LL_OP_CONCATENATE: return (reader){READS_ADD, LL_ROLE_EMBEDDING, -1};
    default: return (reader){0};
    }
}

/* Marks scales: vector parameters that are multiplied or divided, and fixed nodes made of them. */
static void find_scales(const ll_graph *graph, const bool *needed, bool *scales)
{
    for (ll_node n = 0; n < graph->count; n++) scales[n] = false;
    for (ll_node n = 0; n < graph->count; n++) {
        const ll_graph_node *it = ll_at(graph, n);
        if (!needed[n] || (it->op != LL_OP_MULTIPLY && it->op != LL_OP_DIVIDE)) continue;
        for (int i = 0; i < 2; i++) {
            ll_node base = behind_moves(graph, it->inputs[i]);
            const ll_graph_node *x = ll_at(graph, base);
            if (x->op == LL_OP_INPUT && x->attributes.input.kind == LL_INPUT_PARAMETER && x->rank == 1)
                scales[base] = true;
            if (scales[base] && is_fixed(it)) scales[n] = true;
        }
    }
}

/* The strongest reader of a node, through moves. Nodes have larger numbers than their inputs, so one sweep down the list
 * knows every reader before it is asked for. */
static void find_readers(const search *s, reader *readers)
{
    for (ll_node n = 0; n < s->graph->count; n++) readers[n] = (reader){.output_axis = -1};
    for (ll_node n = (ll_node)(s->graph->count - 1); n >= 0; n--) {
        const ll_graph_node *it = ll_at(s->graph, n);
        if (!s->needed[n]) continue;
        for (int32_t i = 0; i < it->input_count; i++) {
            ll_node in = it->inputs[i];
            reader found;
            switch (it->op) {
            case LL_OP_RESHAPE:
            case LL_OP_TRANSPOSE:
            case LL_OP_BROADCAST:
            case LL_OP_SLICE:
            case LL_OP_NEGATE:
            case LL_OP_CAST:
            case LL_OP_DETACH:
                found = readers[n];
                found.output_axis = axis_before(s->graph, it, found.output_axis);
                break;
            default: found = read_as(s, it, (int)i); break;
            }
            if (found.rank > readers[in].rank) readers[in] = found;
        }
    }
}

ll_status ll_graph_roles(const ll_graph *graph, const ll_node *outputs, int64_t output_count,
                         const ll_node *parameters, int64_t count, ll_parameter_role *roles, int *output_axes,
                         ll_error *error)
{
    LL_TRY(ll_graph_check(graph, error));
    for (int64_t p = 0; p < count; p++)
        if (ll_graph_node_at(graph, parameters[p]) == NULL)
            return ll_fail(error, LL_INVALID_ARGUMENT, "graph", "roles",
                           "parameter %lld is node %%%d, which does not exist", (long long)p,
                           (int)parameters[p]);
    bool *needed = ll_allocate_array(graph->count + 1, sizeof *needed);
    bool *scales = ll_allocate_array(graph->count + 1, sizeof *scales);
    reader *readers = ll_allocate_array(graph->count + 1, sizeof *readers);
    ll_status status = needed != NULL && scales != NULL && readers != NULL
                           ? LL_OK
                           : ll_fail_memory(error, "graph", (size_t)graph->count * sizeof *readers);
    if (status == LL_OK) status = ll_graph_reachable(graph, outputs, output_count, needed, error);
    if (status == LL_OK) {
        find_scales(graph, needed, scales);
        search s = {graph, needed, scales};
        find_readers(&s, readers);
        for (int64_t p = 0; p < count; p++) {
            const ll_graph_node *it = ll_at(graph, parameters[p]);
            const reader *found = &readers[parameters[p]];
            bool scalar = it->rank == 0;
            roles[p] = scalar || found->rank == 0 ? LL_ROLE_SCALAR : found->role;
            output_axes[p] = scalar || (roles[p] != LL_ROLE_FILTER && roles[p] != LL_ROLE_LINEAR)
                                 ? -1
                                 : found->output_axis;
        }
    }
    ll_free(needed);
    ll_free(scales);
    ll_free(readers);
    return status;
}
