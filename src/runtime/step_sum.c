/* Sums over the pixels of blocked images, and the moments of batch statistics. */
#include "fuse.h"
#include "losslens/kernels_convolution.h"

#include <string.h>

typedef struct sum_detail {
    int64_t channels, pixels;
    bool over_samples;
} sum_detail;

typedef struct sum_state {
    const ll_conv_isa *isa;
    int64_t samples;
} sum_state;

static ll_status sum_prepare(const ll_plan *plan, const ll_step *step, int64_t samples, void **state,
                             ll_error *error)
{
    (void)step;
    sum_state *made = ll_allocate(sizeof *made);
    if (!made) return ll_fail_memory(error, "runtime", sizeof *made);
    *made = (sum_state){ll_conv_isa_of(plan->cpu), samples};
    *state = made;
    return LL_OK;
}

static void sum_destroy(const ll_step *step, void *state)
{
    (void)step;
    ll_free(state);
}

bool ll_blocked_sum_supports(const ll_plan *plan, ll_node node)
{
    const ll_graph_node *it = ll_graph_node_at(plan->graph, node);
    uint32_t axes = it->attributes.reduce.axes;
    return it->dtype == LL_F32 && ll_conv_isa_of(plan->cpu) &&
           (axes == (LL_AXIS(2) | LL_AXIS(3)) || axes == (LL_AXIS(0) | LL_AXIS(2) | LL_AXIS(3)));
}

static ll_status sum_run(const ll_step *step, const void *state, const void *const *inputs,
                         void *const *outputs, void *workspace, ll_error *error)
{
    const sum_detail *it = step->detail;
    const sum_state *prepared = state;
    int64_t blocks = it->channels / 16, image = it->channels * it->pixels;
    const float *x = inputs[0];
    float *y = outputs[0];
    (void)workspace;
    (void)error;
    for (int64_t block = 0; block < blocks; block++) {
        double sums[16] = {0};
        for (int64_t n = 0; n < prepared->samples; n++) {
            prepared->isa->sums(x + n * image + block * it->pixels * 16, it->pixels, sums);
            if (it->over_samples) continue;
            for (int c = 0; c < 16; c++) {
                y[n * it->channels + block * 16 + c] = (float)sums[c];
                sums[c] = 0;
            }
        }
        if (it->over_samples)
            for (int c = 0; c < 16; c++) y[block * 16 + c] = (float)sums[c];
    }
    return LL_OK;
}

static const ll_step_kind sum_kind = {"native blocked", sum_prepare, NULL, sum_run, sum_destroy};

static ll_status make_detail(ll_plan *plan, ll_node x, bool over_samples, sum_detail **detail,
                             ll_error *error)
{
    const ll_graph_node *node = ll_graph_node_at(plan->graph, x);
    *detail = ll_arena_allocate(plan->memory, sizeof **detail);
    if (!*detail) return ll_fail_memory(error, "runtime", sizeof **detail);
    **detail = (sum_detail){node->shape[1], node->shape[2] * node->shape[3], over_samples};
    return LL_OK;
}

ll_status ll_blocked_sum_add(ll_plan *plan, ll_node node, ll_use use, ll_error *error)
{
    const ll_graph_node *it = ll_graph_node_at(plan->graph, node);
    sum_detail *detail;
    LL_TRY(make_detail(plan, it->inputs[0], (it->attributes.reduce.axes & LL_AXIS(0)) != 0, &detail, error));
    int32_t source;
    int pass = ll_pass_of(plan, node);
    LL_TRY(use(plan, it->inputs[0], LL_LAYOUT_BLOCKED, pass, &source, error));
    ll_step *step;
    LL_TRY(ll_plan_add_step(plan, &sum_kind, node, pass, true, 1, 1, &step, error));
    step->detail = detail;
    step->inputs[0] = source;
    return ll_plan_add_result(plan, node, LL_LAYOUT_DENSE, &step->outputs[0], error);
}

/* ------------------------------------------------------------------ moments */

bool ll_moments_supports(const ll_plan *plan, ll_node node, ll_node *x, ll_node *centre)
{
    const ll_graph *graph = plan->graph;
    const ll_graph_node *it = ll_graph_node_at(graph, node);
    if (it->op != LL_OP_SUM || it->dtype != LL_F32) return false;
    if (it->attributes.reduce.axes != (LL_AXIS(0) | LL_AXIS(2) | LL_AXIS(3)) || it->rank != 1) return false;
    const ll_graph_node *square = ll_graph_node_at(graph, it->inputs[0]);
    if (square->op != LL_OP_MULTIPLY || square->inputs[0] != square->inputs[1]) return false;
    const ll_graph_node *centred = ll_graph_node_at(graph, square->inputs[0]);
    if (centred->op != LL_OP_SUBTRACT || !ll_conv_step_supports(plan, centred->inputs[0])) return false;
    if (ll_graph_node_at(graph, centred->inputs[0])->op != LL_OP_CONVOLUTION) return false;
    ll_view view = ll_view_of(graph, centred->inputs[1]);
    const ll_graph_node *base = ll_graph_node_at(graph, view.base);
    if (base->rank != 1 || plan->sampled[view.base] || view.axes[0] >= 0 || view.axes[1] != 0 ||
        view.axes[2] >= 0 || view.axes[3] >= 0)
        return false;
    *x = centred->inputs[0];
    *centre = view.base;
    return true;
}

/* Doubles: sum of x a channel, sum of x^2 a channel, number of elements. */
static ll_status moments_run(const ll_step *step, const void *state, const void *const *inputs,
                             void *const *outputs, void *workspace, ll_error *error)
{
    const sum_detail *it = step->detail;
    const sum_state *prepared = state;
    const float *x = inputs[0];
    double *sums = outputs[0], *squares = sums + it->channels;
    (void)workspace;
    (void)error;
    memset(sums, 0, sizeof(double) * (size_t)(2 * it->channels));
    for (int64_t n = 0; n < prepared->samples; n++)
        for (int64_t c = 0; c < it->channels; c += 16, x += it->pixels * 16)
            prepared->isa->moments(x, it->pixels, sums + c, squares + c);
    squares[it->channels] = (double)(prepared->samples * it->pixels);
    return LL_OK;
}

/* sum (x - d)^2 = sum x^2 - 2 d sum x + n d^2; a sum of squares, whatever the rounding. */
static ll_status about_run(const ll_step *step, const void *state, const void *const *inputs,
                           void *const *outputs, void *workspace, ll_error *error)
{
    const sum_detail *it = step->detail;
    const double *sums = inputs[0], *squares = sums + it->channels;
    const float *centre = inputs[1];
    float *result = outputs[0];
    (void)state;
    (void)workspace;
    (void)error;
    for (int64_t c = 0; c < it->channels; c++) {
        double d = (double)centre[c], sum = squares[c] - 2 * d * sums[c] + squares[it->channels] * d * d;
        result[c] = (float)(sum < 0 ? 0 : sum); /* a NaN passes */
    }
    return LL_OK;
}

static const ll_step_kind moments_kind = {"native moments", sum_prepare, NULL, moments_run, sum_destroy};
static const ll_step_kind about_kind = {"native moments", NULL, NULL, about_run, NULL};

ll_status ll_moments_add(ll_plan *plan, ll_node node, ll_use use, ll_error *error)
{
    ll_node x, centre;
    sum_detail *detail;
    if (!ll_moments_supports(plan, node, &x, &centre))
        return ll_fail(error, LL_INTERNAL, "runtime", NULL, "node %%%d is no sum of squares", (int)node);
    LL_TRY(make_detail(plan, x, true, &detail, error));
    int pass = ll_pass_of(plan, x);
    size_t bytes = sizeof(double) * (size_t)(2 * detail->channels + 1);
    int32_t source, partial, total, about;
    ll_step *step;
    LL_TRY(use(plan, x, LL_LAYOUT_BLOCKED, pass, &source, error));
    LL_TRY(ll_plan_add_raw(plan, node, pass, bytes, &partial, error));
    LL_TRY(ll_plan_add_raw(plan, node, pass + 1, bytes, &total, error));
    ll_value *part = &plan->values[partial];
    part->place = LL_PLACE_ARENA;
    part->wide = true;
    part->total = total;
    part->sum_count = 2 * detail->channels + 1;
    LL_TRY(ll_plan_add_step(plan, &moments_kind, node, pass, true, 1, 1, &step, error));
    step->detail = detail;
    step->inputs[0] = source;
    step->outputs[0] = partial;
    int stage = plan->stage[node];
    LL_TRY(use(plan, centre, LL_LAYOUT_DENSE, stage, &about, error));
    LL_TRY(ll_plan_add_step(plan, &about_kind, node, stage, false, 2, 1, &step, error));
    step->detail = detail;
    step->inputs[0] = total;
    step->inputs[1] = about;
    return ll_plan_add_value(plan, node, LL_LAYOUT_DENSE, stage, &step->outputs[0], error);
}
