/* Matrix products with what surrounds them as one step: C = bias + A1 B1 + A2 B2 + ... A linear layer's bias is where its
 * sums start; products that are only added up (the product rule, a weight shared by several streams) go into one result,
 * and where they sum over the samples into one accumulator. A fixed transposed B (a linear layer's weights) is turned once
 * a run instead of once a micro-batch. */
#include "fuse.h"
#include "losslens/kernels_product.h"

#include <string.h>

enum { MOST_SAMPLES = 256 }; /* of a micro-batch that the planner chooses */

/* ------------------------------------------------------------------ turning a fixed matrix */

typedef struct turn_detail {
    int64_t count, rows, columns;
    size_t bytes;
} turn_detail;

static ll_status turn_run(const ll_step *step, const void *state, const void *const *inputs,
                          void *const *outputs, void *workspace, ll_error *error)
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

/* ------------------------------------------------------------------ the step */

typedef struct product_detail {
    int32_t count;
    ll_node parts[LL_PRODUCT_PARTS]; /* the matmuls, in the order of their addition */
    bool turned[LL_PRODUCT_PARTS];
    bool biased;
    ll_view bias; /* of the result */
} product_detail;

typedef struct product_state {
    ll_product *parts[LL_PRODUCT_PARTS];
} product_state;

static void product_destroy(const ll_step *step, void *state)
{
    product_state *it = state;
    (void)step;
    for (int i = 0; it && i < LL_PRODUCT_PARTS; i++) ll_product_destroy(it->parts[i]);
    ll_free(it);
}

static ll_status product_prepare(const ll_plan *plan, const ll_step *step, int64_t samples, void **state,
                                 ll_error *error)
{
    const product_detail *it = step->detail;
    product_state *made = ll_allocate_zeroed(sizeof *made);
    ll_status status = made ? LL_OK : ll_fail_memory(error, "runtime", sizeof *made);
    for (int32_t i = 0; status == LL_OK && i < it->count; i++) {
        ll_tensor_form forms[2];
        ll_kernel_case kernel;
        status = ll_kernel_case_of(plan->graph, it->parts[i], samples, forms, &kernel, error);
        if (status != LL_OK) break;
        bool transpose_b = kernel.attributes.matmul.transpose_b != 0;
        if (it->turned[i]) {
            int rank = forms[1].rank;
            int64_t last = forms[1].shape[rank - 1];
            forms[1].shape[rank - 1] = forms[1].shape[rank - 2];
            forms[1].shape[rank - 2] = last;
            transpose_b = false;
        }
        int64_t strides[LL_GRAPH_RANK] = {0};
        if (it->biased) {
            const ll_graph_node *base = ll_graph_node_at(plan->graph, it->bias.base);
            int64_t dense[LL_GRAPH_RANK], size = 1;
            for (int axis = base->rank - 1; axis >= 0; axis--) {
                dense[axis] = size;
                size *= base->shape[axis];
            }
            for (int axis = 0; axis + 2 < kernel.output.rank; axis++)
                strides[axis] = it->bias.axes[axis] < 0 ? 0 : dense[it->bias.axes[axis]];
        }
        ll_product_start start = i > 0 ? LL_PRODUCT_ADD : it->biased ? LL_PRODUCT_BIAS : LL_PRODUCT_ZERO;
        status =
            ll_product_create(&forms[0], &forms[1], &kernel.output, kernel.attributes.matmul.transpose_a != 0,
                              transpose_b, start, strides, plan->cpu, &made->parts[i], error);
    }
    if (status != LL_OK) {
        product_destroy(step, made);
        return status;
    }
    *state = made;
    return LL_OK;
}

static size_t product_workspace(const ll_step *step, const void *state)
{
    const product_detail *detail = step->detail;
    const product_state *it = state;
    size_t most = 0;
    for (int32_t i = 0; i < detail->count; i++) {
        size_t bytes = ll_product_workspace(it->parts[i]);
        most = bytes > most ? bytes : most;
    }
    return most;
}

static ll_status product_run(const ll_step *step, const void *state, const void *const *inputs,
                             void *const *outputs, void *workspace, ll_error *error)
{
    const product_detail *detail = step->detail;
    const product_state *it = state;
    (void)error;
    const void *bias = detail->biased ? inputs[2 * detail->count] : NULL;
    for (int32_t i = 0; i < detail->count; i++)
        ll_product_run(it->parts[i], inputs[2 * i], inputs[2 * i + 1], bias, outputs[0], workspace);
    return LL_OK;
}

static const ll_step_kind product_kind = {"native product", product_prepare, product_workspace, product_run,
                                          product_destroy};

/* ------------------------------------------------------------------ what is claimed */

static bool is_product(const ll_plan *plan, ll_node node)
{
    const ll_graph_node *it = ll_graph_node_at(plan->graph, node);
    if (it->op != LL_OP_MATMUL || !ll_dtype_is_float(it->dtype)) return false;
    for (int i = 0; i < 2; i++) {
        const ll_graph_node *matrix = ll_graph_node_at(plan->graph, it->inputs[i]);
        for (int axis = 0; axis < matrix->rank; axis++)
            if (matrix->shape[axis] == 0) return false;
    }
    for (int axis = 0; axis < it->rank; axis++)
        if (it->shape[axis] == 0) return false;
    const ll_graph_node *b = ll_graph_node_at(plan->graph, it->inputs[1]);
    int64_t most = plan->options.micro_batch > 0 ? plan->options.micro_batch : MOST_SAMPLES;
    int64_t rows = ll_dimension(b->shape[b->rank - 2], most),
            columns = ll_dimension(b->shape[b->rank - 1], most);
    return rows <= LL_PRODUCT_LIMIT && columns <= LL_PRODUCT_LIMIT && rows * columns <= LL_PRODUCT_LIMIT;
}

/* The unit of which `node` is the result, read by nobody but one; NULL: none. */
static ll_unit *result_of(const ll_fusion *fusion, ll_node node)
{
    int32_t id = fusion->unit_of[node];
    if (id < 0 || fusion->consumers[node] != 1) return NULL;
    ll_unit *unit = &fusion->units[id];
    return unit->product && unit->members[unit->count - 1] == node ? unit : NULL;
}

/* A fixed row, the same for all rows of each matrix of the node. */
static bool is_bias(const ll_plan *plan, ll_node operand, const ll_graph_node *node)
{
    ll_view view = ll_view_of(plan->graph, operand);
    const ll_graph_node *base = ll_graph_node_at(plan->graph, view.base);
    return !plan->sampled[view.base] && base->rank >= 1 && node->rank >= 2 &&
           view.axes[node->rank - 1] == base->rank - 1 && view.axes[node->rank - 2] < 0;
}

static int32_t parts_of(const ll_plan *plan, const ll_unit *unit)
{
    int32_t count = 0;
    for (int32_t i = 0; i < unit->count; i++)
        count += ll_graph_node_at(plan->graph, unit->members[i])->op == LL_OP_MATMUL;
    return count;
}

/* a + b where both are products with no other reader: one unit. */
static void join(ll_plan *plan, ll_fusion *fusion, ll_unit *a, ll_unit *b, ll_node sum)
{
    ll_node last = a->members[a->count - 1], other = b->members[b->count - 1];
    if (a == b || plan->sums[last] != plan->sums[other] || !ll_same_run(plan, last, other) ||
        plan->sampled[last] != plan->sampled[other] || plan->stage[sum] != plan->stage[last] ||
        (a->bias != LL_NO_NODE && b->bias != LL_NO_NODE) ||
        parts_of(plan, a) + parts_of(plan, b) > LL_PRODUCT_PARTS)
        return;
    int32_t id = fusion->unit_of[last];
    for (int32_t i = 0; i < b->count; i++) {
        a->members[a->count++] = b->members[i];
        fusion->unit_of[b->members[i]] = id;
    }
    if (b->bias != LL_NO_NODE) a->bias = b->bias;
    a->members[a->count++] = sum;
    fusion->unit_of[sum] = id;
    plan->sums[sum] = plan->sums[last];
    b->count = 0;
}

ll_status ll_products_claim(ll_plan *plan, ll_fusion *fusion, ll_error *error)
{
    if (!plan->native || plan->cpu < LL_CPU_AVX2) return LL_OK;
    for (ll_node n = 0; n < plan->node_count; n++) {
        if (!plan->needed[n] || fusion->unit_of[n] >= 0) continue;
        const ll_graph_node *it = ll_graph_node_at(plan->graph, n);
        if (is_product(plan, n)) {
            ll_unit *unit = &fusion->units[fusion->unit_count];
            *unit =
                (ll_unit){.product = true, .scale = LL_NO_NODE, .bias = LL_NO_NODE, .residual = LL_NO_NODE};
            unit->members = ll_arena_allocate(plan->memory, 2 * LL_PRODUCT_PARTS * sizeof(ll_node));
            if (!unit->members)
                return ll_fail_memory(error, "runtime", 2 * LL_PRODUCT_PARTS * sizeof(ll_node));
            unit->members[unit->count++] = n;
            fusion->unit_of[n] = fusion->unit_count++;
        } else if (it->op == LL_OP_ADD && ll_dtype_is_float(it->dtype)) {
            ll_unit *a = result_of(fusion, it->inputs[0]), *b = result_of(fusion, it->inputs[1]);
            if (a && b) {
                join(plan, fusion, a, b, n);
            } else if (a || b) {
                ll_unit *unit = a ? a : b;
                ll_node last = it->inputs[a ? 0 : 1], other = it->inputs[a ? 1 : 0];
                if (unit->bias != LL_NO_NODE || plan->sums[last] || !ll_same_run(plan, last, n) ||
                    !is_bias(plan, other, it))
                    continue;
                unit->bias = other;
                unit->members[unit->count++] = n;
                fusion->unit_of[n] = fusion->unit_of[last];
            }
        }
    }
    return LL_OK;
}

/* ------------------------------------------------------------------ lowering */

/* B's value: turned, where it is fixed, transposed and A has the samples. */
static ll_status second_operand(ll_plan *plan, ll_node node, ll_use use, int pass, bool *turned,
                                int32_t *value, ll_error *error)
{
    const ll_graph_node *it = ll_graph_node_at(plan->graph, node);
    ll_node matrix = it->inputs[1];
    const ll_graph_node *w = ll_graph_node_at(plan->graph, matrix);
    *turned = it->attributes.matmul.transpose_b && plan->sampled[it->inputs[0]] && !plan->sampled[matrix];
    if (!*turned) return use(plan, matrix, LL_LAYOUT_DENSE, pass, value, error);
    if (plan->turned[matrix] < 0) {
        int stage = plan->stage[matrix];
        turn_detail *detail = ll_arena_allocate(plan->memory, sizeof *detail);
        if (!detail) return ll_fail_memory(error, "runtime", sizeof *detail);
        *detail = (turn_detail){.count = 1,
                                .rows = w->shape[w->rank - 2],
                                .columns = w->shape[w->rank - 1],
                                .bytes = ll_dtype_bytes(w->dtype)};
        for (int i = 0; i + 2 < w->rank; i++) detail->count *= w->shape[i];
        size_t bytes = (size_t)(detail->count * detail->rows * detail->columns) * detail->bytes;
        int32_t source, copy;
        LL_TRY(use(plan, matrix, LL_LAYOUT_DENSE, stage, &source, error));
        LL_TRY(ll_plan_add_raw(plan, matrix, stage, bytes, &copy, error));
        ll_step *turn;
        LL_TRY(ll_plan_add_step(plan, &turn_kind, matrix, stage, false, 1, 1, &turn, error));
        turn->detail = detail;
        turn->inputs[0] = source;
        turn->outputs[0] = copy;
        plan->turned[matrix] = copy;
    }
    *value = plan->turned[matrix];
    return LL_OK;
}

ll_status ll_product_step_add(ll_plan *plan, const ll_unit *unit, ll_use use, ll_error *error)
{
    ll_node result = unit->members[unit->count - 1];
    int pass = ll_pass_of(plan, result);
    product_detail *detail = ll_arena_allocate(plan->memory, sizeof *detail);
    if (!detail) return ll_fail_memory(error, "runtime", sizeof *detail);
    memset(detail, 0, sizeof *detail);
    int32_t inputs[2 * LL_PRODUCT_PARTS + 1], input_count = 0;
    for (int32_t i = 0; i < unit->count; i++) {
        const ll_graph_node *it = ll_graph_node_at(plan->graph, unit->members[i]);
        if (it->op != LL_OP_MATMUL) continue;
        LL_TRY(use(plan, it->inputs[0], LL_LAYOUT_DENSE, pass, &inputs[input_count], error));
        LL_TRY(second_operand(plan, unit->members[i], use, pass, &detail->turned[detail->count],
                              &inputs[input_count + 1], error));
        input_count += 2;
        detail->parts[detail->count++] = unit->members[i];
    }
    if (unit->bias != LL_NO_NODE) {
        detail->biased = true;
        detail->bias = ll_view_of(plan->graph, unit->bias);
        LL_TRY(use(plan, detail->bias.base, LL_LAYOUT_DENSE, pass, &inputs[input_count++], error));
    }
    ll_step *step;
    bool sampled = plan->sampled[result] || plan->sums[result];
    LL_TRY(ll_plan_add_step(plan, &product_kind, result, pass, sampled, input_count, 1, &step, error));
    step->detail = detail;
    step->nodes = unit->count;
    memcpy(step->inputs, inputs, sizeof(int32_t) * (size_t)input_count);
    return ll_plan_add_result(plan, result, LL_LAYOUT_DENSE, &step->outputs[0], error);
}
