/* Which nodes are computed together.
 *
 * A level grows along every edge that leaves a chain: from a map to a node of another kind, shape or pass. Maps of one
 * shape, pass and level that are joined by edges form a chain. An edge between two different units never connects equal
 * levels with equal keys, so units cannot wait for each other in a circle. A convolution takes what follows it as long
 * as each result has one reader only: times a fixed channel vector (folded into the weights), plus one, plus another
 * image, ReLU. */
#include "fuse.h"

#include <string.h>

int ll_pass_of(const ll_plan *plan, ll_node node) { return plan->stage[node] - (plan->sums[node] ? 1 : 0); }

bool ll_same_run(const ll_plan *plan, ll_node a, ll_node b)
{
    return ll_pass_of(plan, a) == ll_pass_of(plan, b) && plan->varies[a] == plan->varies[b];
}

ll_view ll_view_of(const ll_graph *graph, ll_node node)
{
    ll_view view = {.base = node};
    for (int i = 0; i < LL_GRAPH_RANK; i++) view.axes[i] = (int8_t)i;
    const ll_graph_node *top = ll_graph_node_at(graph, node);
    for (;;) {
        const ll_graph_node *it = ll_graph_node_at(graph, view.base);
        if (it->op == LL_OP_BROADCAST) {
            int8_t source[LL_GRAPH_RANK];
            int8_t next = 0;
            for (int i = 0; i < it->rank; i++)
                source[i] = (it->attributes.broadcast.axes >> i) & 1U ? (int8_t)-1 : next++;
            for (int i = 0; i < top->rank; i++)
                if (view.axes[i] >= 0) view.axes[i] = source[view.axes[i]];
        } else if (it->op == LL_OP_TRANSPOSE) {
            for (int i = 0; i < top->rank; i++)
                if (view.axes[i] >= 0) view.axes[i] = (int8_t)it->attributes.transpose.permutation[view.axes[i]];
        } else {
            return view;
        }
        view.base = it->inputs[0];
    }
}

bool ll_view_is_identity(const ll_graph *graph, const ll_view *view)
{
    const ll_graph_node *base = ll_graph_node_at(graph, view->base);
    for (int i = 0; i < base->rank; i++)
        if (view->axes[i] != i) return false;
    return true;
}

static bool same_shape(const ll_graph_node *a, const ll_graph_node *b)
{
    return a->rank == b->rank && memcmp(a->shape, b->shape, sizeof a->shape) == 0;
}

static int32_t find(int32_t *parent, int32_t x)
{
    while (parent[x] != x) {
        parent[x] = parent[parent[x]];
        x = parent[x];
    }
    return x;
}

/* The fixed vector of one value a channel behind an operand, or LL_NO_NODE. */
static ll_node channel_vector(const ll_plan *plan, ll_node operand)
{
    ll_view view = ll_view_of(plan->graph, operand);
    const ll_graph_node *base = ll_graph_node_at(plan->graph, view.base);
    bool fits = base->rank == 1 && !plan->sampled[view.base] && view.axes[0] < 0 && view.axes[1] == 0 &&
                view.axes[2] < 0 && view.axes[3] < 0;
    return fits ? view.base : LL_NO_NODE;
}

static bool is_zero(const ll_plan *plan, ll_node operand)
{
    ll_view view = ll_view_of(plan->graph, operand);
    const ll_graph_node *base = ll_graph_node_at(plan->graph, view.base);
    return base->op == LL_OP_CONSTANT && base->rank == 0 && base->dtype == LL_F32 &&
           *(const float *)base->attributes.constant.data == 0.0f;
}

/* The one needed reader of a node that has exactly one; readers[] holds the last one. */
static void claim_epilogue(const ll_plan *plan, ll_fusion *fusion, const ll_node *reader, ll_node convolution,
                           ll_unit *unit)
{
    const ll_graph *graph = plan->graph;
    ll_node last = convolution;
    int state = 0; /* 1: scaled, 2: shifted, 3: added, 4: ReLU */
    while (state < 4 && fusion->consumers[last] == 1 && reader[last] >= 0) {
        ll_node next = reader[last];
        const ll_graph_node *it = ll_graph_node_at(graph, next);
        if (fusion->unit_of[next] >= 0 || !ll_same_run(plan, next, convolution) || it->dtype != LL_F32 ||
            it->input_count != 2 || it->inputs[0] == it->inputs[1])
            break;
        if (it->inputs[0] != last && it->inputs[1] != last) break;
        ll_node other = it->inputs[0] == last ? it->inputs[1] : it->inputs[0];
        ll_node vector = channel_vector(plan, other);
        if (it->op == LL_OP_MULTIPLY && state < 1 && vector >= 0) {
            unit->scale = vector;
            state = 1;
        } else if (it->op == LL_OP_ADD && state < 2 && vector >= 0) {
            unit->bias = vector;
            state = 2;
        } else if (it->op == LL_OP_ADD && state < 3 && vector < 0 && plan->sampled[other] &&
                   ll_view_of(graph, other).base == other) {
            unit->residual = other;
            state = 3;
        } else if (it->op == LL_OP_MAX && is_zero(plan, other)) {
            unit->relu = true;
            state = 4;
        } else {
            break;
        }
        unit->members[unit->count++] = next;
        fusion->unit_of[next] = fusion->unit_of[convolution];
        last = next;
    }
}

static void find_layouts(const ll_plan *plan, ll_fusion *fusion, const bool *map)
{
    const ll_graph *graph = plan->graph;
    bool changed = true;
    for (ll_node n = 0; n < plan->node_count; n++) {
        if (!fusion->native_convolution[n]) continue;
        fusion->blocked[n] = plan->sampled[n];
    }
    while (changed) {
        changed = false;
        for (ll_node n = 0; n < plan->node_count; n++) {
            if (!plan->needed[n]) continue;
            const ll_graph_node *it = ll_graph_node_at(graph, n);
            bool here = map[n] && it->rank == 4 && it->shape[0] == LL_SAMPLES && it->shape[1] % 16 == 0;
            for (int32_t i = 0; i < it->input_count; i++) {
                ll_node in = it->inputs[i];
                const ll_graph_node *source = ll_graph_node_at(graph, in);
                if (here && fusion->blocked[in] && !fusion->blocked[n]) fusion->blocked[n] = changed = true;
                bool wants = fusion->native_convolution[n] || (here && fusion->blocked[n]);
                bool can = map[in] && source->rank == 4 && source->shape[0] == LL_SAMPLES && source->shape[1] % 16 == 0;
                if (wants && can && !fusion->blocked[in]) fusion->blocked[in] = changed = true;
            }
        }
    }
}

/* Marks what is remade; see ll_fusion. */
static void find_remade(const ll_plan *plan, ll_fusion *fusion, const bool *map, ll_node *leaf, int32_t *size)
{
    enum { MOST_NODES = 8 };
    const ll_graph *graph = plan->graph;
    for (ll_node n = 0; n < plan->node_count; n++) {
        const ll_graph_node *it = ll_graph_node_at(graph, n);
        leaf[n] = LL_NO_NODE;
        size[n] = 1;
        bool fits = plan->needed[n] && map[n] && plan->sampled[n] && fusion->unit_of[n] < 0;
        for (int32_t i = 0; fits && i < it->input_count; i++) {
            ll_view view = ll_view_of(graph, it->inputs[i]);
            ll_node in = view.base, source = in;
            if (!plan->sampled[in]) continue;
            const ll_graph_node *base = ll_graph_node_at(graph, in);
            fits = same_shape(it, base) && ll_view_is_identity(graph, &view) && fusion->blocked[in] == fusion->blocked[n];
            if (fusion->remade[in]) {
                source = leaf[in];
                size[n] += size[in];
            } else {
                fits = fits && (base->op == LL_OP_INPUT || ll_pass_of(plan, in) < ll_pass_of(plan, n));
            }
            fits = fits && (leaf[n] == LL_NO_NODE || leaf[n] == source) && size[n] <= MOST_NODES;
            leaf[n] = source;
        }
        fusion->remade[n] = fits && leaf[n] != LL_NO_NODE;
        for (int32_t i = 0; plan->needed[n] && i < it->input_count; i++)
            if (ll_pass_of(plan, it->inputs[i]) == ll_pass_of(plan, n)) fusion->readers_here[it->inputs[i]]++;
    }
    for (int64_t i = 0; i < plan->output_count; i++) fusion->readers_here[plan->outputs[i].node]++;
}

ll_status ll_fusion_find(ll_plan *plan, ll_fusion *fusion, ll_error *error)
{
    const ll_graph *graph = plan->graph;
    size_t count = (size_t)plan->node_count + 1;
    ll_arena *memory = plan->memory;
    fusion->unit_of = ll_arena_allocate(memory, count * sizeof(int32_t));
    fusion->consumers = ll_arena_allocate(memory, count * sizeof(int32_t));
    fusion->blocked = ll_arena_allocate(memory, count * sizeof(bool));
    fusion->native_convolution = ll_arena_allocate(memory, count * sizeof(bool));
    fusion->remade = ll_arena_allocate(memory, count * sizeof(bool));
    fusion->readers_here = ll_arena_allocate(memory, count * sizeof(int32_t));
    fusion->remade_values = NULL;
    fusion->units = ll_arena_allocate(memory, count * sizeof(ll_unit));
    bool *map = ll_arena_allocate(memory, count * sizeof(bool));
    ll_node *reader = ll_arena_allocate(memory, count * sizeof(ll_node));
    int32_t *level = ll_arena_allocate(memory, count * sizeof(int32_t));
    int32_t *parent = ll_arena_allocate(memory, count * sizeof(int32_t));
    int32_t *size = ll_arena_allocate(memory, count * sizeof(int32_t));
    if (!fusion->unit_of || !fusion->consumers || !fusion->blocked || !fusion->native_convolution || !fusion->units ||
        !fusion->remade || !fusion->readers_here ||
        !map || !reader || !level || !parent || !size)
        return ll_fail_memory(error, "runtime", count * 64);
    for (size_t i = 0; i < count; i++) {
        fusion->unit_of[i] = -1;
        fusion->consumers[i] = 0;
        fusion->blocked[i] = fusion->native_convolution[i] = fusion->remade[i] = map[i] = false;
        fusion->readers_here[i] = 0;
        reader[i] = -1;
        level[i] = 0;
        parent[i] = (int32_t)i;
        size[i] = 1;
    }
    fusion->unit_count = 0;
    if (!plan->native) return LL_OK;
    for (ll_node n = 0; n < plan->node_count; n++) {
        if (!plan->needed[n]) continue;
        const ll_graph_node *it = ll_graph_node_at(graph, n);
        for (int32_t i = 0; i < it->input_count; i++) {
            fusion->consumers[it->inputs[i]]++;
            reader[it->inputs[i]] = n;
        }
        map[n] = ll_map_step_supports(plan, n);
        fusion->native_convolution[n] = ll_conv_step_supports(plan, n);
        ll_node x, centre; /* read by the moments, though the graph does not say so */
        if (plan->moment_of[n] != LL_NO_NODE && ll_moments_supports(plan, n, &x, &centre)) {
            fusion->consumers[x] += 2;
            fusion->consumers[centre] += 2;
        }
    }
    for (int64_t i = 0; i < plan->output_count; i++) fusion->consumers[plan->outputs[i].node] += 2;

    for (ll_node n = 0; n < plan->node_count; n++) {
        if (!plan->needed[n] || !fusion->native_convolution[n]) continue;
        ll_unit *unit = &fusion->units[fusion->unit_count];
        *unit = (ll_unit){.convolution = true, .scale = LL_NO_NODE, .bias = LL_NO_NODE, .residual = LL_NO_NODE};
        unit->members = ll_arena_allocate(memory, 5 * sizeof(ll_node));
        if (!unit->members) return ll_fail_memory(error, "runtime", 5 * sizeof(ll_node));
        unit->members[unit->count++] = n;
        fusion->unit_of[n] = fusion->unit_count++;
        if (ll_graph_node_at(graph, n)->op == LL_OP_CONVOLUTION) claim_epilogue(plan, fusion, reader, n, unit);
    }
    LL_TRY(ll_products_claim(plan, fusion, error));
    find_layouts(plan, fusion, map);
    find_remade(plan, fusion, map, reader, size);
    for (size_t i = 0; i < count; i++) size[i] = 1;

    for (ll_node n = 0; n < plan->node_count; n++) {
        if (!plan->needed[n]) continue;
        const ll_graph_node *it = ll_graph_node_at(graph, n);
        bool chained = map[n] && fusion->unit_of[n] < 0;
        bool view = it->op == LL_OP_BROADCAST || it->op == LL_OP_TRANSPOSE || it->op == LL_OP_RESHAPE;
        int32_t highest = 0;
        for (int32_t i = 0; i < it->input_count; i++) {
            ll_node in = it->inputs[i];
            bool along = chained && map[in] && fusion->unit_of[in] < 0 && same_shape(it, ll_graph_node_at(graph, in)) &&
                         ll_pass_of(plan, in) == ll_pass_of(plan, n) && fusion->blocked[in] == fusion->blocked[n];
            int32_t needs = level[in] + (along || view ? 0 : 1);
            if (needs > highest) highest = needs;
        }
        ll_node x, centre;
        if (plan->moment_of[n] != LL_NO_NODE && ll_moments_supports(plan, n, &x, &centre))
            highest = (level[x] > level[centre] ? level[x] : level[centre]) + 1;
        level[n] = highest;
        if (fusion->unit_of[n] >= 0) { /* the epilogue is done where its last operand is known */
            ll_unit *unit = &fusion->units[fusion->unit_of[n]];
            for (int32_t i = 0; i < unit->count && unit->members[i] < n; i++)
                if (level[unit->members[i]] > level[n]) level[n] = level[unit->members[i]];
        }
        if (!chained) continue;
        int32_t total = 1;
        int32_t roots[4];
        int32_t root_count = 0;
        for (int32_t i = 0; i < it->input_count && i < 4; i++) {
            ll_node in = it->inputs[i];
            if (!map[in] || fusion->unit_of[in] >= 0 || !same_shape(it, ll_graph_node_at(graph, in)) ||
                ll_pass_of(plan, in) != ll_pass_of(plan, n) || level[in] != level[n] ||
                fusion->blocked[in] != fusion->blocked[n])
                continue;
            int32_t root = find(parent, in);
            bool seen = false;
            for (int32_t k = 0; k < root_count; k++) seen = seen || roots[k] == root;
            if (seen) continue;
            roots[root_count++] = root;
            total += size[root];
        }
        if (total > LL_UNIT_LIMIT) {
            level[n]++;
            continue;
        }
        for (int32_t k = 0; k < root_count; k++) {
            parent[roots[k]] = (int32_t)n;
            size[n] = total;
        }
    }
    int32_t *unit_of_root = level; /* levels are done with */
    for (ll_node n = 0; n < plan->node_count; n++) unit_of_root[n] = -1;
    for (ll_node n = 0; n < plan->node_count; n++) {
        if (!plan->needed[n] || !map[n] || (fusion->unit_of[n] >= 0)) continue;
        int32_t root = find(parent, (int32_t)n);
        if (unit_of_root[root] < 0) {
            ll_unit *unit = &fusion->units[fusion->unit_count];
            *unit = (ll_unit){.scale = LL_NO_NODE, .bias = LL_NO_NODE, .residual = LL_NO_NODE};
            unit->members = ll_arena_allocate(memory, (size_t)size[root] * sizeof(ll_node));
            if (!unit->members) return ll_fail_memory(error, "runtime", (size_t)size[root] * sizeof(ll_node));
            unit_of_root[root] = fusion->unit_count++;
        }
        ll_unit *unit = &fusion->units[unit_of_root[root]];
        unit->members[unit->count++] = n;
        fusion->unit_of[n] = unit_of_root[root];
    }
    return LL_OK;
}
