/* Convolutions in blocked layout, with their weight preparation, and what moves between layouts. */
#include "fuse.h"
#include "losslens/kernels_convolution.h"

#include <string.h>

typedef struct conv_detail {
    ll_op op;
    ll_conv_shape shape;
    ll_conv_method method;
    bool plain; /* the image is dense (few channels) */
    int terms;  /* convolutions that are added up */
    bool bias, residual, relu;
} conv_detail;

/* The geometry of a node of any of the three faces. */
static void shape_of(const ll_graph *graph, const ll_graph_node *node, ll_conv_shape *shape)
{
    const ll_convolution *form = &node->attributes.convolution;
    const ll_graph_node *first = ll_graph_node_at(graph, node->inputs[0]);
    const ll_graph_node *second = ll_graph_node_at(graph, node->inputs[1]);
    const ll_graph_node *x = node->op == LL_OP_CONVOLUTION_DATA ? node : first;
    const ll_graph_node *w = node->op == LL_OP_CONVOLUTION_WEIGHT ? node : second;
    const ll_graph_node *y = node->op == LL_OP_CONVOLUTION        ? node
                             : node->op == LL_OP_CONVOLUTION_DATA ? first
                                                                  : second;
    *shape = (ll_conv_shape){.in_channels = x->shape[1],
                             .out_channels = y->shape[1],
                             .in_height = x->shape[2],
                             .in_width = x->shape[3],
                             .out_height = y->shape[2],
                             .out_width = y->shape[3]};
    for (int axis = 0; axis < 2; axis++) {
        shape->kernel[axis] = w->shape[2 + axis];
        shape->stride[axis] = form->stride[axis];
        shape->dilation[axis] = form->dilation[axis];
        shape->pad_begin[axis] = form->pad_low[axis];
    }
}

bool ll_conv_step_supports(const ll_plan *plan, ll_node node)
{
    const ll_graph_node *it = ll_graph_node_at(plan->graph, node);
    if (it->op != LL_OP_CONVOLUTION && it->op != LL_OP_CONVOLUTION_DATA && it->op != LL_OP_CONVOLUTION_WEIGHT)
        return false;
    const ll_convolution *form = &it->attributes.convolution;
    if (it->dtype != LL_F32 || form->spatial != 2 || form->groups != 1) return false;
    const ll_graph_node *a = ll_graph_node_at(plan->graph, it->inputs[0]);
    const ll_graph_node *b = ll_graph_node_at(plan->graph, it->inputs[1]);
    if (a->rank != 4 || b->rank != 4 || it->rank != 4 || a->shape[0] != LL_SAMPLES) return false;
    if (it->op == LL_OP_CONVOLUTION_WEIGHT ? b->shape[0] != LL_SAMPLES : plan->sampled[it->inputs[1]])
        return false;
    ll_conv_shape shape;
    shape_of(plan->graph, it, &shape);
    if (shape.out_channels % 16 != 0) return false;
    if (shape.in_channels % 16 != 0 && (shape.in_channels > 4 || it->op == LL_OP_CONVOLUTION_DATA))
        return false;
    return ll_conv_supports(&shape, plan->cpu);
}

bool ll_conv_step_same_shape(const ll_plan *plan, ll_node a, ll_node b)
{
    ll_conv_shape first, second;
    memset(&first, 0, sizeof first);
    memset(&second, 0, sizeof second);
    shape_of(plan->graph, ll_graph_node_at(plan->graph, a), &first);
    shape_of(plan->graph, ll_graph_node_at(plan->graph, b), &second);
    return memcmp(&first, &second, sizeof first) == 0;
}

/* ------------------------------------------------------------------ packing weights */

typedef struct conv_state {
    ll_conv *conv;
    int64_t samples;
} conv_state;

static void conv_destroy(const ll_step *step, void *state)
{
    conv_state *it = state;
    (void)step;
    if (it) ll_conv_destroy(it->conv);
    ll_free(it);
}

static ll_status conv_prepare(const ll_plan *plan, const ll_step *step, int64_t samples, void **state,
                              ll_error *error)
{
    const conv_detail *it = step->detail;
    conv_state *made = ll_allocate_zeroed(sizeof *made);
    if (!made) return ll_fail_memory(error, "runtime", sizeof *made);
    made->samples = samples;
    ll_status status = ll_conv_create(&it->shape, it->method, plan->cpu, &made->conv, error);
    if (status != LL_OK) {
        ll_free(made);
        return status;
    }
    *state = made;
    return LL_OK;
}

static size_t pack_workspace(const ll_step *step, const void *state)
{
    const ll_conv_shape *s = &((const conv_detail *)step->detail)->shape;
    (void)state;
    return sizeof(float) * (size_t)(s->in_channels * s->out_channels * s->kernel[0] * s->kernel[1]);
}

/* inputs: weights, and perhaps the scale of each output channel */
static ll_status pack_run(const ll_step *step, const void *state, const void *const *inputs,
                          void *const *outputs, void *workspace, ll_error *error)
{
    const conv_detail *it = step->detail;
    const conv_state *prepared = state;
    const float *weights = inputs[0];
    (void)error;
    if (step->input_count > 1) {
        const float *scale = inputs[1];
        float *scaled = workspace;
        int64_t row = it->shape.in_channels * it->shape.kernel[0] * it->shape.kernel[1];
        for (int64_t o = 0; o < it->shape.out_channels; o++)
            for (int64_t i = 0; i < row; i++) scaled[o * row + i] = weights[o * row + i] * scale[o];
        weights = scaled;
    }
    if (it->op == LL_OP_CONVOLUTION) ll_conv_pack_forward(prepared->conv, weights, outputs[0]);
    else ll_conv_pack_backward(prepared->conv, weights, outputs[0]);
    return LL_OK;
}

static const ll_step_kind pack_kind = {"native pack", conv_prepare, pack_workspace, pack_run, conv_destroy};

/* ------------------------------------------------------------------ the convolution */

static size_t conv_workspace(const ll_step *step, const void *state)
{
    const conv_state *prepared = state;
    const conv_detail *it = step->detail;
    return ll_conv_workspace(prepared->conv, prepared->samples, it->terms) + LL_ALIGNMENT;
}

static ll_status conv_run(const ll_step *step, const void *state, const void *const *inputs,
                          void *const *outputs, void *workspace, ll_error *error)
{
    const conv_detail *it = step->detail;
    const conv_state *prepared = state;
    const ll_conv *conv = prepared->conv;
    int64_t samples = prepared->samples;
    ll_conv_term terms[LL_CONV_TERMS];
    for (int t = 0; t < it->terms; t++) terms[t] = (ll_conv_term){inputs[2 * t], inputs[2 * t + 1]};
    const void *const *rest = inputs + 2 * it->terms;
    float *result = outputs[0];
    (void)step;
    (void)error;
    switch (it->op) {
    case LL_OP_CONVOLUTION:
        ll_conv_forward(conv, samples, terms, it->terms, it->plain, it->bias ? rest[0] : NULL,
                        it->residual ? rest[it->bias] : NULL, it->relu, result, workspace);
        break;
    case LL_OP_CONVOLUTION_DATA:
        ll_conv_backward_input(conv, samples, terms, it->terms, it->residual ? rest[0] : NULL, result,
                               workspace);
        break;
    default:
        memset(result, 0, sizeof(float) * (size_t)ll_conv_gradient_count(conv));
        ll_conv_backward_weights(conv, samples, terms, it->terms, it->plain, result, workspace);
        break;
    }
    return LL_OK;
}

static const ll_step_kind conv_kind = {"native blocked", conv_prepare, conv_workspace, conv_run,
                                       conv_destroy};
static const ll_step_kind winograd_kind = {"native winograd", conv_prepare, conv_workspace, conv_run,
                                           conv_destroy};

static ll_status unpack_run(const ll_step *step, const void *state, const void *const *inputs,
                            void *const *outputs, void *workspace, ll_error *error)
{
    const conv_state *prepared = state;
    (void)step;
    (void)workspace;
    (void)error;
    ll_conv_unpack_gradient(prepared->conv, inputs[0], outputs[0]);
    return LL_OK;
}

static const ll_step_kind unpack_kind = {"native unpack", conv_prepare, NULL, unpack_run, conv_destroy};

/* The result of a weight gradient: summed as it is packed, and unpacked once the sum is known. */
static ll_status add_unpacked(ll_plan *plan, ll_node node, conv_detail *detail, int32_t *partial,
                              ll_error *error)
{
    int pass = ll_pass_of(plan, node);
    ll_conv *conv = NULL;
    LL_TRY(ll_conv_create(&detail->shape, detail->method, plan->cpu, &conv, error));
    int64_t count = ll_conv_gradient_count(conv);
    ll_conv_destroy(conv);
    int32_t total;
    LL_TRY(ll_plan_add_raw(plan, node, pass, sizeof(float) * (size_t)count, partial, error));
    LL_TRY(ll_plan_add_raw(plan, node, pass + 1, sizeof(float) * (size_t)count, &total, error));
    ll_value *part = &plan->values[*partial];
    part->place = LL_PLACE_ARENA;
    part->total = total;
    part->sum_count = count;
    ll_step *step;
    LL_TRY(ll_plan_add_step(plan, &unpack_kind, node, pass + 1, false, 1, 1, &step, error));
    step->detail = detail;
    step->inputs[0] = total;
    return ll_plan_add_value(plan, node, LL_LAYOUT_DENSE, pass + 1, &step->outputs[0], error);
}

/* The packed weights of a convolution, scaled where the unit scales its results. */
static ll_status add_packed(ll_plan *plan, const ll_unit *unit, conv_detail *detail, ll_node convolution,
                            ll_use use, int32_t *packed, ll_error *error)
{
    ll_node weights = ll_graph_node_at(plan->graph, convolution)->inputs[1];
    int32_t sources[2];
    int stage = plan->stage[weights];
    if (unit->scale >= 0 && plan->stage[unit->scale] > stage) stage = plan->stage[unit->scale];
    LL_TRY(use(plan, weights, LL_LAYOUT_DENSE, stage, &sources[0], error));
    if (unit->scale >= 0) LL_TRY(use(plan, unit->scale, LL_LAYOUT_DENSE, stage, &sources[1], error));
    ll_conv *conv = NULL;
    LL_TRY(ll_conv_create(&detail->shape, detail->method, plan->cpu, &conv, error));
    size_t bytes = sizeof(float) * (size_t)ll_conv_weight_count(conv);
    ll_conv_destroy(conv);
    LL_TRY(ll_plan_add_raw(plan, convolution, stage, bytes, packed, error));
    ll_step *pack;
    LL_TRY(ll_plan_add_step(plan, &pack_kind, convolution, stage, false, unit->scale >= 0 ? 2 : 1, 1, &pack,
                            error));
    pack->detail = detail;
    pack->inputs[0] = sources[0];
    if (unit->scale >= 0) pack->inputs[1] = sources[1];
    pack->outputs[0] = *packed;
    return LL_OK;
}

ll_status ll_conv_step_add(ll_plan *plan, const ll_unit *unit, ll_use use, ll_error *error)
{
    ll_node convolutions[LL_CONV_TERMS] = {unit->members[0], unit->second},
            last = unit->members[unit->count - 1];
    const ll_graph_node *it = ll_graph_node_at(plan->graph, convolutions[0]);
    conv_detail *detail = ll_arena_allocate(plan->memory, sizeof *detail);
    if (!detail) return ll_fail_memory(error, "runtime", sizeof *detail);
    *detail = (conv_detail){.op = it->op,
                            .terms = unit->second == LL_NO_NODE ? 1 : 2,
                            .bias = unit->bias >= 0,
                            .residual = unit->residual >= 0,
                            .relu = unit->relu};
    shape_of(plan->graph, it, &detail->shape);
    detail->plain = detail->shape.in_channels % 16 != 0;
    if (plan->winograd && ll_conv_method_supports(&detail->shape, LL_CONV_WINOGRAD, plan->cpu))
        detail->method = LL_CONV_WINOGRAD;
    int pass = ll_pass_of(plan, convolutions[0]);
    int32_t inputs[2 * LL_CONV_TERMS + 2], count = 0;
    bool data = it->op == LL_OP_CONVOLUTION_DATA;
    ll_layout layout = !data && detail->plain ? LL_LAYOUT_DENSE : LL_LAYOUT_BLOCKED;
    for (int t = 0; t < detail->terms; t++) {
        const ll_graph_node *term = ll_graph_node_at(plan->graph, convolutions[t]);
        LL_TRY(use(plan, term->inputs[0], layout, pass, &inputs[count++], error));
        if (it->op == LL_OP_CONVOLUTION_WEIGHT)
            LL_TRY(use(plan, term->inputs[1], LL_LAYOUT_BLOCKED, pass, &inputs[count++], error));
        else LL_TRY(add_packed(plan, unit, detail, convolutions[t], use, &inputs[count++], error));
    }
    if (unit->bias >= 0) LL_TRY(use(plan, unit->bias, LL_LAYOUT_DENSE, pass, &inputs[count++], error));
    if (unit->residual >= 0)
        LL_TRY(use(plan, unit->residual, LL_LAYOUT_BLOCKED, pass, &inputs[count++], error));
    ll_step *step;
    const ll_step_kind *kind = detail->method == LL_CONV_WINOGRAD ? &winograd_kind : &conv_kind;
    LL_TRY(ll_plan_add_step(plan, kind, last, pass, true, count, 1, &step, error));
    step->detail = detail;
    step->nodes = unit->count;
    memcpy(step->inputs, inputs, sizeof(int32_t) * (size_t)count);
    int32_t *result = step->outputs; /* steps move when one is added */
    if (it->op == LL_OP_CONVOLUTION_WEIGHT) return add_unpacked(plan, last, detail, result, error);
    return ll_plan_add_result(plan, last, LL_LAYOUT_BLOCKED, result, error);
}

/* ------------------------------------------------------------------ between layouts */

typedef struct reorder_detail {
    int64_t channels, pixels, bytes;
    bool to_blocked;
} reorder_detail;

static ll_status samples_prepare(const ll_plan *plan, const ll_step *step, int64_t samples, void **state,
                                 ll_error *error)
{
    (void)plan;
    (void)step;
    int64_t *made = ll_allocate(sizeof *made);
    if (!made) return ll_fail_memory(error, "runtime", sizeof *made);
    *made = samples;
    *state = made;
    return LL_OK;
}

static void samples_destroy(const ll_step *step, void *state)
{
    (void)step;
    ll_free(state);
}

static ll_status reorder_run(const ll_step *step, const void *state, const void *const *inputs,
                             void *const *outputs, void *workspace, ll_error *error)
{
    const reorder_detail *it = step->detail;
    int64_t samples = *(const int64_t *)state;
    int64_t dense = it->channels * it->pixels, blocked = (it->channels + 15) / 16 * 16 * it->pixels;
    (void)workspace;
    (void)error;
    for (int64_t n = 0; n < samples; n++) {
        if (it->bytes == 4) {
            if (it->to_blocked)
                ll_conv_block((const float *)inputs[0] + n * dense, it->channels, it->pixels,
                              (float *)outputs[0] + n * blocked);
            else
                ll_conv_unblock((const float *)inputs[0] + n * blocked, it->channels, it->pixels,
                                (float *)outputs[0] + n * dense);
            continue;
        }
        const char *from = (const char *)inputs[0] + n * (it->to_blocked ? dense : blocked) * it->bytes;
        char *to = (char *)outputs[0] + n * (it->to_blocked ? blocked : dense) * it->bytes;
        for (int64_t c = 0; c < it->channels; c++)
            for (int64_t p = 0; p < it->pixels; p++) {
                int64_t a = (c * it->pixels + p) * it->bytes;
                int64_t b = ((c / 16 * it->pixels + p) * 16 + c % 16) * it->bytes;
                memcpy(to + (it->to_blocked ? b : a), from + (it->to_blocked ? a : b), (size_t)it->bytes);
            }
    }
    return LL_OK;
}

static const ll_step_kind reorder_kind = {"native reorder", samples_prepare, NULL, reorder_run,
                                          samples_destroy};

ll_status ll_reorder_step_add(ll_plan *plan, int32_t source, ll_layout layout, int32_t *value,
                              ll_error *error)
{
    ll_value from = plan->values[source];
    const ll_graph_node *node = ll_graph_node_at(plan->graph, from.node);
    if (node->rank != 4 || node->shape[0] != LL_SAMPLES || node->shape[1] % 16 != 0)
        return ll_fail(error, LL_INTERNAL, "runtime", node->name, "node %%%d has no blocked layout",
                       (int)from.node);
    reorder_detail *detail = ll_arena_allocate(plan->memory, sizeof *detail);
    if (!detail) return ll_fail_memory(error, "runtime", sizeof *detail);
    *detail = (reorder_detail){.channels = node->shape[1],
                               .pixels = node->shape[2] * node->shape[3],
                               .bytes = (int64_t)ll_dtype_bytes(node->dtype),
                               .to_blocked = layout == LL_LAYOUT_BLOCKED};
    ll_step *step;
    LL_TRY(ll_plan_add_step(plan, &reorder_kind, from.node, from.pass, true, 1, 1, &step, error));
    step->detail = detail;
    step->inputs[0] = source;
    LL_TRY(ll_plan_add_value(plan, from.node, layout, from.pass, value, error));
    step->outputs[0] = *value;
    return LL_OK;
}
