/* A chain of element-wise nodes as one step. */
#include "fuse.h"
#include "losslens/kernels_map.h"

#include <string.h>

typedef struct operand {
    ll_view view;
    bool blocked; /* read in blocked layout, element by element as the result */
} operand;

typedef struct chain {
    ll_map_program program;
    operand operands[LL_MAP_OPERANDS];
    ll_node shape_of; /* the iteration space */
    bool blocked;
} chain;

bool ll_map_step_supports(const ll_plan *plan, ll_node node)
{
    const ll_graph_node *it = ll_graph_node_at(plan->graph, node);
    const ll_op_traits *traits = ll_op_traits_of(it->op);
    if (traits->op_class != LL_CLASS_MAP || it->op == LL_OP_RANDOM) return false;
    ll_dtype type = ll_graph_node_at(plan->graph, it->inputs[it->op == LL_OP_SELECT ? 1 : 0])->dtype;
    return ll_map_operation_supported(it->op, type, it->dtype);
}

static int64_t channel_blocks(int64_t channels) { return (channels + 15) / 16; }

static ll_status map_prepare(const ll_plan *plan, const ll_step *step, int64_t samples, void **state,
                             ll_error *error)
{
    const chain *it = step->detail;
    ll_map_program *program = ll_allocate(sizeof *program);
    if (!program) return ll_fail_memory(error, "runtime", sizeof *program);
    *program = it->program;
    const ll_graph_node *top = ll_graph_node_at(plan->graph, it->shape_of);
    int rank = top->rank;
    int64_t shape[LL_GRAPH_RANK];
    for (int axis = 0; axis < rank; axis++) shape[axis] = ll_dimension(top->shape[axis], samples);
    for (int i = 0; i < program->input_count; i++) {
        const operand *from = &it->operands[i];
        const ll_graph_node *base = ll_graph_node_at(plan->graph, from->view.base);
        int64_t dense[LL_GRAPH_RANK], step_size = 1;
        for (int axis = base->rank - 1; axis >= 0; axis--) {
            dense[axis] = step_size;
            step_size *= ll_dimension(base->shape[axis], samples);
        }
        int64_t *to = program->inputs[i].strides;
        for (int axis = 0; axis < rank; axis++)
            to[axis] = from->view.axes[axis] < 0 ? 0 : dense[from->view.axes[axis]];
        if (!it->blocked) continue;
        if (from->blocked) {
            int64_t pixels = shape[2] * shape[3] * 16, blocks = channel_blocks(shape[1]);
            int64_t own[5] = {blocks * pixels, pixels, shape[3] * 16, 16, 1};
            memcpy(to, own, sizeof own);
        } else {
            int64_t own[5] = {to[0], 16 * to[1], to[2], to[3], to[1]};
            memcpy(to, own, sizeof own);
        }
    }
    if (it->blocked) {
        shape[1] = channel_blocks(shape[1]);
        shape[4] = 16;
        rank = 5;
    }
    program->blocked = it->blocked;
    ll_map *map = NULL;
    ll_status status = ll_map_create(program, rank, shape, plan->cpu, &map, error);
    ll_free(program);
    if (status == LL_OK) *state = map;
    return status;
}

static size_t map_workspace(const ll_step *step, const void *state)
{
    (void)step;
    return ll_map_workspace(state);
}

static ll_status map_run(const ll_step *step, const void *state, const void *const *inputs,
                         void *const *outputs, void *workspace, ll_error *error)
{
    (void)step;
    (void)error;
    ll_map_run(state, inputs, outputs, workspace);
    return LL_OK;
}

static void map_destroy(const ll_step *step, void *state)
{
    (void)step;
    ll_map_destroy(state);
}

static const ll_step_kind map_kind = {"native", map_prepare, map_workspace, map_run, map_destroy};

static int32_t member_index(const ll_node *members, int32_t count, ll_node node)
{
    for (int32_t i = 0; i < count; i++)
        if (members[i] == node) return i;
    return -1;
}

/* The nodes of a program. The first `own` were asked for; the rest are remade nodes of earlier passes that these read.
 * Ascending when a program is written. */
typedef struct member_list {
    ll_node nodes[2 * LL_UNIT_LIMIT];
    bool own[2 * LL_UNIT_LIMIT];
    int32_t count;
} member_list;

static void add_remade(const ll_plan *plan, const ll_fusion *fusion, ll_node node, int pass, member_list *all)
{
    const ll_graph_node *it = ll_graph_node_at(plan->graph, node);
    for (int32_t k = 0; k < it->input_count; k++) {
        ll_node in = it->inputs[k];
        const ll_graph_node *source = ll_graph_node_at(plan->graph, in);
        bool inlined = fusion->remade[in] && ll_pass_of(plan, in) < pass && source->rank == it->rank &&
                       memcmp(source->shape, it->shape, sizeof it->shape) == 0 &&
                       fusion->blocked[in] == fusion->blocked[node] && all->count < 2 * LL_UNIT_LIMIT &&
                       member_index(all->nodes, all->count, in) < 0;
        if (!inlined) continue;
        all->nodes[all->count] = in;
        all->own[all->count++] = false;
    }
}

static void gather_members(const ll_plan *plan, const ll_fusion *fusion, const ll_node *nodes, int32_t count,
                           int pass, member_list *all)
{
    all->count = count;
    for (int32_t m = 0; m < count; m++) {
        all->nodes[m] = nodes[m];
        all->own[m] = true;
    }
    for (int32_t m = 0; m < all->count; m++) add_remade(plan, fusion, all->nodes[m], pass, all);
    for (int32_t m = 1; m < all->count; m++) /* few: insertion */
        for (int32_t i = m; i > 0 && all->nodes[i - 1] > all->nodes[i]; i--) {
            ll_node node = all->nodes[i];
            bool own = all->own[i];
            all->nodes[i] = all->nodes[i - 1];
            all->own[i] = all->own[i - 1];
            all->nodes[i - 1] = node;
            all->own[i - 1] = own;
        }
}

/* Whether a member's sum is made with it. */
static bool is_summed(const ll_plan *plan, const ll_fusion *fusion, const member_list *all, int32_t index,
                      int pass)
{
    ll_node node = all->nodes[index];
    return all->own[index] && fusion->sum_of[node] != LL_NO_NODE && pass == ll_pass_of(plan, node);
}

/* Whether a member that was asked for is read outside the program; a remade node is made again for later passes. */
static bool is_read_outside(const ll_plan *plan, const ll_fusion *fusion, const member_list *all,
                            int32_t index, int pass)
{
    ll_node node = all->nodes[index];
    int32_t inside = is_summed(plan, fusion, all, index, pass);
    if (!all->own[index]) return false;
    if (pass != ll_pass_of(plan, node) || fusion->source[node]) return true;
    for (int32_t i = index + 1; i < all->count; i++) {
        const ll_graph_node *it = ll_graph_node_at(plan->graph, all->nodes[i]);
        for (int32_t k = 0; k < it->input_count; k++) inside += it->inputs[k] == node;
    }
    return inside < (fusion->remade[node] ? fusion->readers_here[node] : fusion->consumers[node]);
}

/* Leaves out what nobody reads: a node that only later passes read, and compute again. */
static void drop_unread(const ll_plan *plan, const ll_fusion *fusion, int pass, member_list *all)
{
    bool read[2 * LL_UNIT_LIMIT];
    for (int32_t m = all->count - 1; m >= 0; m--) {
        read[m] = is_read_outside(plan, fusion, all, m, pass) || is_summed(plan, fusion, all, m, pass);
        for (int32_t i = m + 1; i < all->count && !read[m]; i++) {
            const ll_graph_node *it = ll_graph_node_at(plan->graph, all->nodes[i]);
            for (int32_t k = 0; k < it->input_count && read[i]; k++)
                read[m] = read[m] || it->inputs[k] == all->nodes[m];
        }
    }
    int32_t kept = 0;
    for (int32_t m = 0; m < all->count; m++) {
        if (!read[m]) continue;
        all->nodes[kept] = all->nodes[m];
        all->own[kept++] = all->own[m];
    }
    all->count = kept;
}

static bool is_pairable(const ll_graph_node *it)
{
    return (it->op == LL_OP_ADD || it->op == LL_OP_SUBTRACT || it->op == LL_OP_MULTIPLY) &&
           ll_dtype_is_float(it->dtype);
}

/* Two sums or products of which the second alone reads the first are one instruction (rounded twice, as before):
 * pair[m] is the first one's index, or -1. The first is skipped. */
static void find_pairs(const ll_plan *plan, const ll_node *members, int32_t count, const bool *kept,
                       bool *skipped, int32_t *pair, int32_t *last_use)
{
    for (int32_t m = 0; m < count; m++) {
        const ll_graph_node *it = ll_graph_node_at(plan->graph, members[m]);
        pair[m] = -1;
        if (skipped[m] || !is_pairable(it)) continue;
        for (int k = 0; k < 2 && pair[m] < 0; k++) {
            int32_t p = member_index(members, count, it->inputs[k]), reads = 0;
            if (p < 0 || kept[p] || skipped[p] || pair[p] >= 0 ||
                !is_pairable(ll_graph_node_at(plan->graph, members[p])))
                continue;
            for (int32_t i = p + 1; i < count; i++) {
                const ll_graph_node *reader = ll_graph_node_at(plan->graph, members[i]);
                for (int32_t j = 0; j < reader->input_count; j++) reads += reader->inputs[j] == members[p];
            }
            if (reads == 1) pair[m] = p;
        }
        if (pair[m] < 0) continue;
        skipped[pair[m]] = true;
        for (int k = 0; k < 2; k++) {
            int32_t source =
                member_index(members, count, ll_graph_node_at(plan->graph, members[pair[m]])->inputs[k]);
            if (source >= 0 && last_use[source] < m) last_use[source] = m;
        }
    }
}

/* Fills the program; false when it does not fit. */
static bool write_program(const ll_plan *plan, const ll_fusion *fusion, const member_list *all, int pass,
                          chain *chain_, ll_node *outputs, ll_node *sums)
{
    ll_map_program *program = &chain_->program;
    const ll_node *members = all->nodes;
    int32_t count = all->count, last_use[2 * LL_UNIT_LIMIT];
    uint8_t held[2 * LL_UNIT_LIMIT];
    bool busy[LL_MAP_REGISTERS] = {false}, kept[2 * LL_UNIT_LIMIT], stored[2 * LL_UNIT_LIMIT],
         skipped[2 * LL_UNIT_LIMIT] = {false}, freed[2 * LL_UNIT_LIMIT] = {false};
    int32_t pair[2 * LL_UNIT_LIMIT];
    ll_node sources[LL_MAP_OPERANDS];
    for (int32_t m = 0; m < count; m++) {
        last_use[m] = m;
        stored[m] = is_read_outside(plan, fusion, all, m, pass);
        kept[m] = stored[m] || is_summed(plan, fusion, all, m, pass);
        for (int32_t i = m + 1; i < count; i++) {
            const ll_graph_node *it = ll_graph_node_at(plan->graph, members[i]);
            for (int32_t k = 0; k < it->input_count; k++)
                if (it->inputs[k] == members[m]) last_use[m] = i;
        }
    }
    /* select(a < b, x, y) whose comparison has no other reader is one instruction. */
    for (int32_t m = 0; m < count; m++) {
        const ll_graph_node *it = ll_graph_node_at(plan->graph, members[m]);
        if (it->op != LL_OP_SELECT) continue;
        int32_t c = member_index(members, count, it->inputs[0]);
        if (c < 0 || kept[c] || fusion->consumers[members[c]] != 1) continue;
        const ll_graph_node *test = ll_graph_node_at(plan->graph, members[c]);
        if (test->op != LL_OP_LESS && test->op != LL_OP_LESS_EQUAL) continue;
        if (ll_graph_node_at(plan->graph, test->inputs[0])->dtype != it->dtype) continue;
        skipped[c] = true;
        for (int k = 0; k < 2; k++) {
            int32_t source = member_index(members, count, test->inputs[k]);
            if (source >= 0 && last_use[source] < m) last_use[source] = m;
        }
    }
    find_pairs(plan, members, count, kept, skipped, pair, last_use);
    for (int32_t m = 0; m < count; m++) {
        if (skipped[m]) continue;
        const ll_graph_node *it = ll_graph_node_at(plan->graph, members[m]);
        ll_node inputs[4];
        int input_count = it->input_count;
        ll_map_instruction instruction = {.operation = (uint8_t)it->op, .result_type = (uint8_t)it->dtype};
        memcpy(inputs, it->inputs, sizeof(ll_node) * (size_t)input_count);
        instruction.type =
            (uint8_t)ll_graph_node_at(plan->graph, inputs[it->op == LL_OP_SELECT ? 1 : 0])->dtype;
        int32_t test = it->op == LL_OP_SELECT ? member_index(members, count, inputs[0]) : -1;
        if (test >= 0 && skipped[test]) {
            const ll_graph_node *comparison = ll_graph_node_at(plan->graph, members[test]);
            instruction.operation =
                (uint8_t)(comparison->op == LL_OP_LESS ? LL_MAP_SELECT_LESS : LL_MAP_SELECT_LESS_EQUAL);
            inputs[3] = inputs[2];
            inputs[2] = inputs[1];
            inputs[0] = comparison->inputs[0];
            inputs[1] = comparison->inputs[1];
            input_count = 4;
        }
        if (pair[m] >= 0) {
            const ll_graph_node *first = ll_graph_node_at(plan->graph, members[pair[m]]);
            bool right = it->inputs[1] == members[pair[m]];
            ll_node other = it->inputs[right ? 0 : 1];
            int second = it->op == LL_OP_MULTIPLY ? 3 : it->op == LL_OP_ADD ? 0 : right ? 2 : 1;
            int kind = first->op == LL_OP_ADD ? 0 : first->op == LL_OP_SUBTRACT ? 1 : 2;
            instruction.operation = (uint8_t)(LL_MAP_PAIRS + 4 * kind + second);
            memcpy(inputs, first->inputs, 2 * sizeof(ll_node));
            inputs[2] = other;
            input_count = 3;
        }
        for (int k = 0; k < input_count; k++) {
            int32_t inside = member_index(members, count, inputs[k]);
            if (inside >= 0) {
                instruction.in[k] = held[inside];
                continue;
            }
            int at = 0;
            while (at < program->input_count && sources[at] != inputs[k]) at++;
            if (at == LL_MAP_OPERANDS) return false;
            if (at == program->input_count) {
                sources[at] = inputs[k];
                chain_->operands[at].view = ll_view_of(plan->graph, inputs[k]);
                program->inputs[at].dtype = ll_graph_node_at(plan->graph, inputs[k])->dtype;
                program->wide = program->wide || program->inputs[at].dtype == LL_F64;
                program->input_count++;
            }
            instruction.in[k] = (uint8_t)(LL_MAP_REGISTERS + at);
        }
        for (int32_t i = 0; i < m; i++) /* registers whose last reader came before this instruction */
            if (!skipped[i] && last_use[i] < m && !kept[i] && !freed[i]) {
                busy[held[i]] = false;
                freed[i] = true;
            }
        int r = 0;
        while (r < LL_MAP_REGISTERS && busy[r]) r++;
        if (r == LL_MAP_REGISTERS || program->code_count == LL_MAP_CODE) return false;
        busy[r] = true;
        held[m] = (uint8_t)r;
        instruction.out = (uint8_t)r;
        program->wide = program->wide || it->dtype == LL_F64;
        program->code[program->code_count++] = instruction;
        if (is_summed(plan, fusion, all, m, pass)) {
            if (program->sum_count == LL_MAP_OPERANDS) return false;
            sums[program->sum_count] = fusion->sum_of[members[m]];
            program->sum_register[program->sum_count++] = (uint8_t)r;
        }
        if (stored[m]) {
            if (program->output_count == LL_MAP_OPERANDS) return false;
            outputs[program->output_count] = members[m];
            program->output_type[program->output_count] = it->dtype;
            program->output_register[program->output_count++] = (uint8_t)r;
        }
    }
    return true;
}

static ll_status add_step(ll_plan *plan, const ll_fusion *fusion, const ll_node *nodes, int32_t count,
                          int pass, ll_use use, ll_error *error)
{
    chain *made = ll_arena_allocate(plan->memory, sizeof *made);
    if (!made) return ll_fail_memory(error, "runtime", sizeof *made);
    memset(made, 0, sizeof *made);
    made->shape_of = nodes[0];
    made->blocked = fusion->blocked[nodes[0]];
    ll_node outputs[LL_MAP_OPERANDS], sums[LL_MAP_OPERANDS];
    member_list all;
    gather_members(plan, fusion, nodes, count, pass, &all);
    drop_unread(plan, fusion, pass, &all);
    if (!write_program(plan, fusion, &all, pass, made, outputs, sums)) {
        if (count == 1)
            return ll_fail(error, LL_INTERNAL, "runtime", NULL, "node %%%d does not fit a program",
                           (int)nodes[0]);
        LL_TRY(add_step(plan, fusion, nodes, count / 2, pass, use, error));
        return add_step(plan, fusion, nodes + count / 2, count - count / 2, pass, use, error);
    }
    int outputs_and_sums = made->program.output_count + made->program.sum_count;
    if (outputs_and_sums == 0) return LL_OK; /* all are remade where they are read */
    int32_t inputs[LL_MAP_OPERANDS];
    for (int i = 0; i < made->program.input_count; i++) {
        operand *from = &made->operands[i];
        const ll_graph_node *base = ll_graph_node_at(plan->graph, from->view.base);
        from->blocked = made->blocked && base->rank == 4 && plan->sampled[from->view.base] &&
                        ll_view_is_identity(plan->graph, &from->view);
        LL_TRY(use(plan, from->view.base, from->blocked ? LL_LAYOUT_BLOCKED : LL_LAYOUT_DENSE, pass,
                   &inputs[i], error));
    }
    ll_step *step;
    LL_TRY(ll_plan_add_step(plan, &map_kind, all.nodes[all.count - 1], pass, plan->sampled[nodes[0]],
                            made->program.input_count, outputs_and_sums, &step, error));
    step->detail = made;
    step->nodes = all.count;
    memcpy(step->inputs, inputs, sizeof(int32_t) * (size_t)made->program.input_count);
    ll_layout layout = made->blocked ? LL_LAYOUT_BLOCKED : LL_LAYOUT_DENSE;
    for (int o = 0; o < made->program.output_count; o++) {
        LL_TRY(ll_plan_add_value(plan, outputs[o], layout, pass, &step->outputs[o], error));
        if (fusion->remade[outputs[o]])
            LL_TRY(ll_plan_remember(plan, outputs[o], pass, layout, step->outputs[o], error));
    }
    for (int s = 0; s < made->program.sum_count; s++)
        LL_TRY(ll_plan_add_result(plan, sums[s], LL_LAYOUT_DENSE,
                                  &step->outputs[made->program.output_count + s], error));
    return LL_OK;
}

ll_status ll_map_step_add(ll_plan *plan, const ll_fusion *fusion, const ll_node *members, int32_t count,
                          ll_use use, ll_error *error)
{
    return add_step(plan, fusion, members, count, ll_pass_of(plan, members[0]), use, error);
}

ll_status ll_map_step_remake(ll_plan *plan, const ll_fusion *fusion, ll_node node, int pass, ll_use use,
                             ll_error *error)
{
    return add_step(plan, fusion, &node, 1, pass, use, error);
}
