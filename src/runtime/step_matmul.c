/* Products of per-sample rows with a fixed transposed matrix (a linear layer's weights): the matrix is turned once a
 * run instead of once a micro-batch. */
#include "fuse.h"

#include <string.h>

typedef struct turn_detail {
    int64_t count, rows, columns;
    size_t bytes;
} turn_detail;

static ll_status turn_run(const ll_step *step, const void *state, const void *const *inputs, void *const *outputs,
                          void *workspace, ll_error *error)
{
    const turn_detail *it = step->detail;
    (void)state;
    (void)workspace;
    (void)error;
    size_t matrix = (size_t)(it->rows * it->columns) * it->bytes;
    for (int64_t m = 0; m < it->count; m++) {
        const char *from = (const char *)inputs[0] + (size_t)m * matrix;
        char *to = (char *)outputs[0] + (size_t)m * matrix;
        if (it->bytes == sizeof(float)) {
            const float *x = (const float *)(const void *)from;
            float *y = (float *)(void *)to;
            for (int64_t r = 0; r < it->rows; r++)
                for (int64_t c = 0; c < it->columns; c++) y[c * it->rows + r] = x[r * it->columns + c];
        } else {
            const double *x = (const double *)(const void *)from;
            double *y = (double *)(void *)to;
            for (int64_t r = 0; r < it->rows; r++)
                for (int64_t c = 0; c < it->columns; c++) y[c * it->rows + r] = x[r * it->columns + c];
        }
    }
    return LL_OK;
}

static const ll_step_kind turn_kind = {"native turn", NULL, NULL, turn_run, NULL};

typedef struct product_state {
    const ll_provider *provider;
    void *state;
} product_state;

/* The same case with the second operand's last axes exchanged. */
static ll_status product_prepare(const ll_plan *plan, const ll_step *step, int64_t samples, void **state,
                                 ll_error *error)
{
    ll_tensor_form forms[2];
    ll_kernel_case kernel;
    LL_TRY(ll_kernel_case_of(plan->graph, step->node, samples, forms, &kernel, error));
    int rank = forms[1].rank;
    int64_t last = forms[1].shape[rank - 1];
    forms[1].shape[rank - 1] = forms[1].shape[rank - 2];
    forms[1].shape[rank - 2] = last;
    kernel.attributes.matmul.transpose_b = 0;
    product_state *made = ll_allocate_zeroed(sizeof *made);
    if (!made) return ll_fail_memory(error, "runtime", sizeof *made);
    made->provider = ll_provider_find("native");
    if (!made->provider->supports(&kernel)) made->provider = ll_provider_find("reference");
    ll_status status = made->provider->prepare ? made->provider->prepare(&kernel, &made->state, error) : LL_OK;
    if (status != LL_OK) {
        ll_free(made);
        return status;
    }
    *state = made;
    return LL_OK;
}

static size_t product_workspace(const ll_step *step, const void *state)
{
    const product_state *it = state;
    (void)step;
    return it->provider->workspace ? it->provider->workspace(it->state) : 0;
}

static ll_status product_run(const ll_step *step, const void *state, const void *const *inputs, void *const *outputs,
                             void *workspace, ll_error *error)
{
    const product_state *it = state;
    (void)step;
    return it->provider->run(it->state, inputs, outputs[0], workspace, error);
}

static void product_destroy(const ll_step *step, void *state)
{
    product_state *it = state;
    (void)step;
    if (it && it->provider->destroy) it->provider->destroy(it->state);
    ll_free(it);
}

static const ll_step_kind product_kind = {"native", product_prepare, product_workspace, product_run, product_destroy};

bool ll_turned_product_supports(const ll_plan *plan, ll_node node)
{
    const ll_graph_node *it = ll_graph_node_at(plan->graph, node);
    return plan->native && plan->cpu >= LL_CPU_AVX2 && it->op == LL_OP_MATMUL && it->attributes.matmul.transpose_b &&
           plan->sampled[it->inputs[0]] && !plan->sampled[it->inputs[1]] && ll_dtype_is_float(it->dtype) &&
           ll_graph_node_at(plan->graph, it->inputs[1])->rank >= 2;
}

ll_status ll_turned_product_add(ll_plan *plan, ll_node node, ll_use use, ll_error *error)
{
    const ll_graph_node *it = ll_graph_node_at(plan->graph, node);
    ll_node matrix = it->inputs[1];
    const ll_graph_node *w = ll_graph_node_at(plan->graph, matrix);
    int pass = ll_pass_of(plan, node), stage = plan->stage[matrix];
    int32_t sources[2], turned = plan->turned[matrix];
    if (turned < 0) {
        turn_detail *detail = ll_arena_allocate(plan->memory, sizeof *detail);
        if (!detail) return ll_fail_memory(error, "runtime", sizeof *detail);
        *detail = (turn_detail){.count = 1, .rows = w->shape[w->rank - 2], .columns = w->shape[w->rank - 1],
                                .bytes = ll_dtype_bytes(w->dtype)};
        for (int i = 0; i + 2 < w->rank; i++) detail->count *= w->shape[i];
        size_t bytes = (size_t)(detail->count * detail->rows * detail->columns) * detail->bytes;
        LL_TRY(use(plan, matrix, LL_LAYOUT_DENSE, stage, &sources[1], error));
        LL_TRY(ll_plan_add_raw(plan, matrix, stage, bytes, &turned, error));
        ll_step *turn;
        LL_TRY(ll_plan_add_step(plan, &turn_kind, matrix, stage, false, 1, 1, &turn, error));
        turn->detail = detail;
        turn->inputs[0] = sources[1];
        turn->outputs[0] = turned;
        plan->turned[matrix] = turned;
    }
    LL_TRY(use(plan, it->inputs[0], LL_LAYOUT_DENSE, pass, &sources[0], error));
    ll_step *step;
    LL_TRY(ll_plan_add_step(plan, &product_kind, node, pass, true, 2, 1, &step, error));
    step->inputs[0] = sources[0];
    step->inputs[1] = turned;
    return ll_plan_add_result(plan, node, LL_LAYOUT_DENSE, &step->outputs[0], error);
}
