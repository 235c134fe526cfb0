/* Which nodes are computed together.
 *
 * A level grows along every edge that leaves a chain: from a map to a node of another kind, shape or pass. Maps of one
 * shape, pass and level that are joined by edges form a chain. An edge between two different units never connects equal
 * levels with equal keys, so units cannot wait for each other in a circle. A convolution takes what follows it as long
 * as each result has one reader only: plus another convolution of its shape, times a fixed channel vector (folded into
 * the weights), plus one, plus another image, ReLU. */
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
                if (view.axes[i] >= 0)
                    view.axes[i] = (int8_t)it->attributes.transpose.permutation[view.axes[i]];
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
    ll_node last = unit->members[unit->count - 1];
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

/* The sum of two convolutions of one kind and geometry, read by nobody else, is one step: the product rule's. */
static void join_convolutions(ll_plan *plan, ll_fusion *fusion, ll_node sum)
{
    const ll_graph_node *it = ll_graph_node_at(plan->graph, sum);
    if (it->op != LL_OP_ADD || it->inputs[0] == it->inputs[1]) return;
    bool ordered = it->inputs[0] < it->inputs[1];
    ll_node first = it->inputs[ordered ? 0 : 1], second = it->inputs[ordered ? 1 : 0];
    ll_op op = ll_graph_node_at(plan->graph, first)->op;
    for (int i = 0; i < 2; i++)
        if (!fusion->native_convolution[it->inputs[i]] || fusion->consumers[it->inputs[i]] != 1) return;
    if (ll_graph_node_at(plan->graph, second)->op != op || !ll_same_run(plan, first, second) ||
        plan->stage[sum] != plan->stage[first] || !ll_conv_step_same_shape(plan, first, second))
        return;
    ll_unit *unit = &fusion->units[fusion->unit_of[first]];
    fusion->units[fusion->unit_of[second]].count = 0;
    fusion->unit_of[second] = fusion->unit_of[sum] = fusion->unit_of[first];
    unit->second = second;
    unit->members[unit->count++] = second;
    unit->members[unit->count++] = sum;
    if (op == LL_OP_CONVOLUTION_WEIGHT) plan->sums[sum] = true;
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
                bool can = map[in] && source->rank == 4 && source->shape[0] == LL_SAMPLES &&
                           source->shape[1] % 16 == 0;
                if (wants && can && !fusion->blocked[in]) fusion->blocked[in] = changed = true;
            }
        }
    }
}

/* Whether a later pass computes it in less time than it takes to read it from memory. */
static bool is_cheap(ll_op op)
{
    switch (op) {
    case LL_OP_NEGATE:
    case LL_OP_ABS:
    case LL_OP_SIGN:
    case LL_OP_NOT:
    case LL_OP_ADD:
    case LL_OP_SUBTRACT:
    case LL_OP_MULTIPLY:
    case LL_OP_MIN:
    case LL_OP_MAX:
    case LL_OP_LESS:
    case LL_OP_LESS_EQUAL:
    case LL_OP_AND:
    case LL_OP_OR:
    case LL_OP_SELECT: return true;
    default: return false;
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
            fits = same_shape(it, base) && ll_view_is_identity(graph, &view) &&
                   fusion->blocked[in] == fusion->blocked[n];
            if (fusion->remade[in]) {
                source = leaf[in];
                size[n] += size[in];
            } else {
                /* Results that are kept over runs are few: they lie in memory, not in a cache. */
                fits = fits && (base->op == LL_OP_INPUT || ll_pass_of(plan, in) < ll_pass_of(plan, n) ||
                                (ll_pass_of(plan, n) < plan->kept_passes && is_cheap(it->op)));
            }
            fits = fits && (leaf[n] == LL_NO_NODE || leaf[n] == source) && size[n] <= MOST_NODES;
            leaf[n] = source;
        }
        fusion->remade[n] = fits && leaf[n] != LL_NO_NODE;
        if (fusion->remade[n]) fusion->source[leaf[n]] = true;
        for (int32_t i = 0; plan->needed[n] && i < it->input_count; i++)
            if (ll_pass_of(plan, it->inputs[i]) == ll_pass_of(plan, n)) fusion->readers_here[it->inputs[i]]++;
    }
    for (int64_t i = 0; i < plan->output_count; i++) fusion->readers_here[plan->outputs[i].node]++;
}

/* Sums that are added up where their summands are made. */
static void find_sums(const ll_plan *plan, ll_fusion *fusion, const bool *map)
{
    for (ll_node n = 0; n < plan->node_count; n++) {
        const ll_graph_node *it = ll_graph_node_at(plan->graph, n);
        if (!plan->needed[n] || it->op != LL_OP_SUM || !plan->sums[n]) continue;
        ll_node x = it->inputs[0];
        if (map[x] && fusion->unit_of[x] < 0 && fusion->blocked[x] &&
            ll_pass_of(plan, x) == ll_pass_of(plan, n) && ll_blocked_sum_supports(plan, n))
            fusion->sum_of[x] = n;
    }
}

static bool is_chained(const ll_plan *plan, const ll_fusion *fusion, const bool *map, ll_node n)
{
    return plan->needed[n] && map[n] && fusion->unit_of[n] < 0;
}

/* Whether the edge may lie within a chain. */
static bool is_along(const ll_plan *plan, const ll_fusion *fusion, const bool *map, ll_node from, ll_node to)
{
    return is_chained(plan, fusion, map, from) && is_chained(plan, fusion, map, to) &&
           same_shape(ll_graph_node_at(plan->graph, from), ll_graph_node_at(plan->graph, to)) &&
           ll_pass_of(plan, from) == ll_pass_of(plan, to) && fusion->blocked[from] == fusion->blocked[to];
}

/* The least level that what the node reads allows. What an earlier pass has made is there, at whatever level. */
static int32_t lowest_level(const ll_plan *plan, const ll_fusion *fusion, const bool *map,
                            const int32_t *level, ll_node n)
{
    const ll_graph_node *it = ll_graph_node_at(plan->graph, n);
    bool view = it->op == LL_OP_BROADCAST || it->op == LL_OP_TRANSPOSE || it->op == LL_OP_RESHAPE;
    int32_t lowest = 0;
    for (int32_t i = 0; i < it->input_count; i++) {
        ll_node in = it->inputs[i];
        if (ll_pass_of(plan, in) < ll_pass_of(plan, n)) continue;
        int32_t needs = level[in] + (view || is_along(plan, fusion, map, in, n) ? 0 : 1);
        if (needs > lowest) lowest = needs;
    }
    ll_node x, centre;
    if (plan->moment_of[n] != LL_NO_NODE && ll_moments_supports(plan, n, &x, &centre))
        lowest = (level[x] > level[centre] ? level[x] : level[centre]) + 1;
    if (fusion->unit_of[n] >= 0) { /* the epilogue is done where its last operand is known */
        const ll_unit *unit = &fusion->units[fusion->unit_of[n]];
        for (int32_t i = 0; i < unit->count && unit->members[i] < n; i++)
            if (level[unit->members[i]] > lowest) lowest = level[unit->members[i]];
    }
    return lowest;
}

/* A node all of whose readers in its pass belong to chains joins them where they wait for something else, rather than
 * be written for them; unless two of its own operands would have to be written instead. `highest` is work space. */
static void sink(const ll_plan *plan, const ll_fusion *fusion, const bool *map, int32_t *level,
                 int32_t *highest)
{
    const ll_graph *graph = plan->graph;
    for (ll_node n = 0; n < plan->node_count; n++) highest[n] = INT32_MAX;
    for (int64_t i = 0; i < plan->output_count; i++) highest[plan->outputs[i].node] = 0;
    for (ll_node n = (ll_node)plan->node_count - 1; n >= 0; n--) {
        if (!plan->needed[n]) continue;
        const ll_graph_node *it = ll_graph_node_at(graph, n);
        ll_node x, centre;
        if (plan->moment_of[n] != LL_NO_NODE && ll_moments_supports(plan, n, &x, &centre))
            highest[centre] = 0;
        int32_t beside = 0;
        for (int32_t i = 0; i < it->input_count; i++) {
            ll_node in = it->inputs[i];
            beside += is_along(plan, fusion, map, in, n) && level[in] == level[n];
        }
        if (is_chained(plan, fusion, map, n) && highest[n] != INT32_MAX && highest[n] > level[n] &&
            beside < 2)
            level[n] = highest[n];
        for (int32_t i = 0; i < it->input_count; i++) {
            ll_node in = it->inputs[i];
            bool later = fusion->remade[in] && ll_pass_of(plan, in) < ll_pass_of(plan, n);
            int32_t at_most = is_along(plan, fusion, map, in, n) ? level[n] : 0;
            if (!later && at_most < highest[in]) highest[in] = at_most;
        }
    }
}

/* Of a convolution's unit: two convolutions, their sum, scale, shift, residual, ReLU. */
enum { MOST_MEMBERS = 7 };

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
    fusion->source = ll_arena_allocate(memory, count * sizeof(bool));
    fusion->readers_here = ll_arena_allocate(memory, count * sizeof(int32_t));
    fusion->sum_of = ll_arena_allocate(memory, count * sizeof(ll_node));
    fusion->remade_values = NULL;
    fusion->units = ll_arena_allocate(memory, count * sizeof(ll_unit));
    bool *map = ll_arena_allocate(memory, count * sizeof(bool));
    ll_node *reader = ll_arena_allocate(memory, count * sizeof(ll_node));
    int32_t *level = ll_arena_allocate(memory, count * sizeof(int32_t));
    int32_t *parent = ll_arena_allocate(memory, count * sizeof(int32_t));
    int32_t *size = ll_arena_allocate(memory, count * sizeof(int32_t));
    if (!fusion->unit_of || !fusion->consumers || !fusion->blocked || !fusion->native_convolution ||
        !fusion->units || !fusion->remade || !fusion->source || !fusion->readers_here || !fusion->sum_of ||
        !map || !reader || !level || !parent || !size)
        return ll_fail_memory(error, "runtime", count * 64);
    for (size_t i = 0; i < count; i++) {
        fusion->unit_of[i] = -1;
        fusion->consumers[i] = 0;
        fusion->blocked[i] = fusion->native_convolution[i] = fusion->remade[i] = fusion->source[i] = map[i] =
            false;
        fusion->readers_here[i] = 0;
        fusion->sum_of[i] = LL_NO_NODE;
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
        *unit = (ll_unit){.convolution = true,
                          .second = LL_NO_NODE,
                          .scale = LL_NO_NODE,
                          .bias = LL_NO_NODE,
                          .residual = LL_NO_NODE};
        unit->members = ll_arena_allocate(memory, MOST_MEMBERS * sizeof(ll_node));
        if (!unit->members) return ll_fail_memory(error, "runtime", MOST_MEMBERS * sizeof(ll_node));
        unit->members[unit->count++] = n;
        fusion->unit_of[n] = fusion->unit_count++;
    }
    for (ll_node n = 0; n < plan->node_count; n++)
        if (plan->needed[n]) join_convolutions(plan, fusion, n);
    for (int32_t u = 0; u < fusion->unit_count; u++) {
        ll_unit *unit = &fusion->units[u];
        if (unit->count == 0 || ll_graph_node_at(graph, unit->members[0])->op != LL_OP_CONVOLUTION) continue;
        claim_epilogue(plan, fusion, reader, unit->members[0], unit);
    }
    LL_TRY(ll_products_claim(plan, fusion, error));
    find_layouts(plan, fusion, map);
    find_remade(plan, fusion, map, reader, size);
    for (size_t i = 0; i < count; i++) size[i] = 1;
    find_sums(plan, fusion, map);

    for (ll_node n = 0; n < plan->node_count; n++)
        if (plan->needed[n]) level[n] = lowest_level(plan, fusion, map, level, n);
    sink(plan, fusion, map, level, reader);
    for (ll_node n = 0; n < plan->node_count; n++) {
        if (!plan->needed[n]) continue;
        const ll_graph_node *it = ll_graph_node_at(graph, n);
        int32_t lowest = lowest_level(plan, fusion, map, level, n);
        if (level[n] < lowest) level[n] = lowest;
        if (!is_chained(plan, fusion, map, n)) continue;
        int32_t total = 1;
        int32_t roots[4];
        int32_t root_count = 0;
        for (int32_t i = 0; i < it->input_count && i < 4; i++) {
            ll_node in = it->inputs[i];
            if (!is_along(plan, fusion, map, in, n) || level[in] != level[n]) continue;
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
