/* Reverse and forward differentiation: the rules of the ops, applied in order. Both append nodes and return handles;
 * primal nodes are shared. In between, LL_NO_NODE is the zero that is never written down. */
#include "graph/internal.h"

static const char *const module = "graph";

ll_status ll_graph_reachable(const ll_graph *graph, const ll_node *outputs, int64_t output_count, bool *marks,
                             ll_error *error)
{
    int64_t highest = -1;
    for (int64_t i = 0; i < output_count; i++) {
        if (outputs[i] < 0 || outputs[i] >= graph->count) {
            return ll_fail(error, LL_INVALID_ARGUMENT, module, "outputs",
                           "output %lld is node %%%d, which does not exist (the graph has %lld)",
                           (long long)i, (int)outputs[i], (long long)graph->count);
        }
        highest = ll_max_int64(highest, outputs[i]);
    }
    for (int64_t node = 0; node < graph->count; node++) marks[node] = false;
    for (int64_t i = 0; i < output_count; i++) marks[outputs[i]] = true;
    for (int64_t node = highest; node >= 0; node--) {
        const ll_graph_node *it = ll_at(graph, (ll_node)node);
        for (int32_t i = 0; marks[node] && i < it->input_count; i++) marks[it->inputs[i]] = true;
    }
    return LL_OK;
}

/* What a transform works with: for each node of the graph as it was, whether it lies between the sources and the outputs,
 * and a handle. */
typedef struct pass {
    int64_t count; /* nodes before the transform */
    bool *between;
    ll_node *value;
} pass;

static void pass_deinit(pass *p)
{
    ll_free(p->between);
    ll_free(p->value);
}

/* between[i] = some output needs node i, and node i depends on (or is) a source. */
static ll_status pass_init(pass *p, const ll_graph *graph, const ll_node *outputs, int64_t output_count,
                           const ll_node *sources, int64_t source_count, ll_error *error)
{
    LL_TRY(ll_graph_check(graph, error));
    for (int64_t i = 0; i < source_count; i++) {
        if (sources[i] < 0 || sources[i] >= graph->count) {
            return ll_fail(error, LL_INVALID_ARGUMENT, module, "inputs",
                           "input %lld is node %%%d, which does not exist (the graph has %lld)", (long long)i,
                           (int)sources[i], (long long)graph->count);
        }
    }
    *p = (pass){.count = graph->count,
                .between = ll_allocate_array(graph->count, sizeof *p->between),
                .value = ll_allocate_array(graph->count, sizeof *p->value)};
    bool *depends = ll_allocate_zeroed((size_t)graph->count * sizeof *depends);
    ll_status status = LL_OK;
    if (p->between == NULL || p->value == NULL || depends == NULL)
        status = ll_fail_memory(error, module, (size_t)graph->count * sizeof *p->value);
    if (status == LL_OK) status = ll_graph_reachable(graph, outputs, output_count, p->between, error);
    if (status == LL_OK) {
        for (int64_t i = 0; i < source_count; i++) depends[sources[i]] = true;
        for (int64_t node = 0; node < p->count; node++) {
            const ll_graph_node *it = ll_at(graph, (ll_node)node);
            for (int32_t i = 0; i < it->input_count && !depends[node]; i++)
                depends[node] = depends[it->inputs[i]];
            p->between[node] = p->between[node] && depends[node];
            p->value[node] = LL_NO_NODE;
        }
    } else {
        pass_deinit(p);
    }
    ll_free(depends);
    return status;
}

static ll_status finish(ll_graph *graph, const pass *p, ll_error *error)
{
    LL_TRY(ll_graph_check(graph, error));
    return ll_graph_verify_from(graph, p->count, error);
}

/* ------------------------------------------------------------------ reverse */

/* Cotangents of one node are passed on to its inputs. */
static ll_status pull_back(ll_graph *graph, pass *p, ll_node node, ll_error *error)
{
    enum { INLINE = 8 };
    const ll_graph_node *it = ll_at(graph, node);
    const ll_op_rules *rules = ll_op_rules_of(it->op);
    if (rules->vjp == NULL) return LL_OK;
    bool few_wanted[INLINE], *wanted = few_wanted;
    ll_node few[INLINE], *cotangents = few;
    void *many = NULL;
    if (it->input_count > INLINE) {
        many = ll_allocate((size_t)it->input_count * (sizeof *cotangents + sizeof *wanted));
        if (many == NULL) return ll_fail_memory(error, module, (size_t)it->input_count * sizeof *cotangents);
        cotangents = many;
        wanted = (bool *)(cotangents + it->input_count);
    }
    bool any = false;
    for (int32_t i = 0; i < it->input_count; i++) {
        cotangents[i] = LL_NO_NODE;
        wanted[i] = p->between[it->inputs[i]] && ll_dtype_is_float(ll_at(graph, it->inputs[i])->dtype);
        any = any || wanted[i];
    }
    if (any) rules->vjp(graph, node, p->value[node], wanted, cotangents);
    for (int32_t i = 0; any && i < it->input_count; i++) {
        if (wanted[i]) p->value[it->inputs[i]] = ll_sum_of(graph, p->value[it->inputs[i]], cotangents[i]);
    }
    ll_free(many);
    return ll_graph_check(graph, error);
}

static ll_status seed(ll_graph *graph, pass *p, const ll_node *outputs, const ll_node *seeds,
                      int64_t output_count, ll_error *error)
{
    for (int64_t i = 0; i < output_count; i++) {
        const ll_graph_node *it = ll_at(graph, outputs[i]);
        if (!ll_dtype_is_float(it->dtype)) {
            return ll_fail(error, LL_INVALID_ARGUMENT, module, it->name,
                           "output %%%d is %s; only floating-point numbers have derivatives", (int)outputs[i],
                           ll_words(it).text);
        }
        if (seeds == NULL && it->rank != 0) {
            return ll_fail(error, LL_SHAPE, module, it->name,
                           "output %%%d is %s; without seeds it must have rank 0", (int)outputs[i],
                           ll_words(it).text);
        }
        ll_node one = seeds != NULL ? seeds[i] : ll_graph_full_like(graph, outputs[i], 1.0);
        const ll_graph_node *seeded = ll_graph_node_at(graph, one);
        if (seeds != NULL && one != LL_NO_NODE &&
            (seeded == NULL || seeded->dtype != it->dtype || !ll_same_shape(seeded, it))) {
            return ll_fail(error, LL_SHAPE, module, it->name, "the seed of output %%%d is %s; wanted %s",
                           (int)outputs[i], seeded != NULL ? ll_words(seeded).text : "no node",
                           ll_words(it).text);
        }
        p->value[outputs[i]] = ll_sum_of(graph, p->value[outputs[i]], one);
    }
    return ll_graph_check(graph, error);
}

static ll_status reverse(ll_graph *graph, pass *p, const ll_node *outputs, const ll_node *seeds,
                         int64_t output_count, const ll_node *wrt, int64_t wrt_count, ll_node *cotangents,
                         ll_error *error)
{
    LL_TRY(seed(graph, p, outputs, seeds, output_count, error));
    for (int64_t node = p->count - 1; node >= 0; node--) {
        if (p->between[node] && p->value[node] != LL_NO_NODE)
            LL_TRY(pull_back(graph, p, (ll_node)node, error));
    }
    for (int64_t j = 0; j < wrt_count; j++) {
        ll_node value = p->between[wrt[j]] ? p->value[wrt[j]] : LL_NO_NODE;
        p->value[wrt[j]] = value != LL_NO_NODE ? value : ll_graph_full_like(graph, wrt[j], 0.0);
    }
    LL_TRY(finish(graph, p, error));
    for (int64_t j = 0; j < wrt_count; j++) cotangents[j] = p->value[wrt[j]];
    return LL_OK;
}

ll_status ll_graph_vjp(ll_graph *graph, const ll_node *outputs, const ll_node *seeds, int64_t output_count,
                       const ll_node *wrt, int64_t wrt_count, ll_node *cotangents, ll_error *error)
{
    pass p;
    LL_TRY(pass_init(&p, graph, outputs, output_count, wrt, wrt_count, error));
    ll_status status = reverse(graph, &p, outputs, seeds, output_count, wrt, wrt_count, cotangents, error);
    pass_deinit(&p);
    return status;
}

/* ------------------------------------------------------------------ forward */

static ll_status push_forward(ll_graph *graph, pass *p, ll_node node, ll_error *error)
{
    enum { INLINE = 8 };
    const ll_graph_node *it = ll_at(graph, node);
    const ll_op_rules *rules = ll_op_rules_of(it->op);
    if (rules->jvp == NULL || !ll_dtype_is_float(it->dtype)) return LL_OK;
    ll_node few[INLINE], *tangents = few;
    void *many = NULL;
    if (it->input_count > INLINE) {
        tangents = many = ll_allocate_array(it->input_count, sizeof *tangents);
        if (many == NULL) return ll_fail_memory(error, module, (size_t)it->input_count * sizeof *tangents);
    }
    bool any = false;
    for (int32_t i = 0; i < it->input_count; i++) {
        tangents[i] = p->between[it->inputs[i]] ? p->value[it->inputs[i]] : LL_NO_NODE;
        any = any || tangents[i] != LL_NO_NODE;
    }
    if (any) p->value[node] = rules->jvp(graph, node, tangents);
    ll_free(many);
    return ll_graph_check(graph, error);
}

static ll_status check_tangents(const ll_graph *graph, const ll_node *inputs, const ll_node *tangents,
                                int64_t count, ll_error *error)
{
    for (int64_t j = 0; j < count; j++) {
        const ll_graph_node *input = ll_at(graph, inputs[j]), *tangent = ll_graph_node_at(graph, tangents[j]);
        if (tangents[j] == LL_NO_NODE) continue;
        if (!ll_dtype_is_float(input->dtype) || tangent == NULL || tangent->dtype != input->dtype ||
            !ll_same_shape(tangent, input)) {
            return ll_fail(error, LL_SHAPE, module, input->name,
                           "the tangent of %%%d is %s; wanted a floating-point %s", (int)inputs[j],
                           tangent != NULL ? ll_words(tangent).text : "no node", ll_words(input).text);
        }
    }
    return LL_OK;
}

static ll_status forward(ll_graph *graph, pass *p, const ll_node *outputs, int64_t output_count,
                         const ll_node *inputs, const ll_node *tangents, int64_t input_count,
                         ll_node *output_tangents, ll_error *error)
{
    bool *given = ll_allocate_zeroed((size_t)p->count * sizeof *given);
    if (given == NULL) return ll_fail_memory(error, module, (size_t)p->count * sizeof *given);
    for (int64_t j = 0; j < input_count; j++) {
        given[inputs[j]] = true;
        p->value[inputs[j]] = tangents[j];
    }
    ll_status status = LL_OK;
    for (int64_t node = 0; status == LL_OK && node < p->count; node++) {
        if (p->between[node] && !given[node]) status = push_forward(graph, p, (ll_node)node, error);
    }
    ll_free(given);
    LL_TRY(status);
    for (int64_t i = 0; i < output_count; i++) {
        ll_node value = p->between[outputs[i]] ? p->value[outputs[i]] : LL_NO_NODE;
        p->value[outputs[i]] = value != LL_NO_NODE ? value : ll_graph_full_like(graph, outputs[i], 0.0);
        p->between[outputs[i]] = true;
    }
    LL_TRY(finish(graph, p, error));
    for (int64_t i = 0; i < output_count; i++) output_tangents[i] = p->value[outputs[i]];
    return LL_OK;
}

ll_status ll_graph_jvp(ll_graph *graph, const ll_node *outputs, int64_t output_count, const ll_node *inputs,
                       const ll_node *tangents, int64_t input_count, ll_node *output_tangents,
                       ll_error *error)
{
    pass p;
    LL_TRY(pass_init(&p, graph, outputs, output_count, inputs, input_count, error));
    ll_status status = check_tangents(graph, inputs, tangents, input_count, error);
    if (status == LL_OK) {
        status =
            forward(graph, &p, outputs, output_count, inputs, tangents, input_count, output_tangents, error);
    }
    pass_deinit(&p);
    return status;
}

/* ------------------------------------------------------------------ batching, substitution */

/* A map, or an op without a rule of its own: all operands get the axis, the unbatched ones by a broadcast. */
static ll_node batch_map(ll_graph *graph, ll_node node, ll_node *inputs, const bool *batched, int64_t models)
{
    const ll_graph_node *it = ll_at(graph, node);
    int64_t shape[LL_GRAPH_RANK + 1];
    for (int32_t i = 0; i < it->input_count; i++)
        inputs[i] = ll_with_models(graph, inputs[i], batched[i], models);
    if (it->rank >= LL_GRAPH_RANK) {
        return ll_graph_refuse(graph, LL_SHAPE, it->name,
                               "%%%d has rank %d already, a model axis does not fit", (int)node,
                               (int)it->rank);
    }
    ll_prepend(models, it->shape, it->rank, shape);
    return ll_remake(graph, node, inputs, shape, it->rank + 1);
}

/* Makes the nodes between again on new inputs; models > 0: with a model axis where an input has one. */
static ll_status remake_between(ll_graph *graph, pass *p, const bool *given, int64_t models, ll_error *error)
{
    int32_t widest = 1;
    for (int64_t node = 0; node < p->count; node++) {
        int32_t inputs = ll_at(graph, (ll_node)node)->input_count;
        if (p->between[node] && inputs > widest) widest = inputs;
    }
    ll_node *inputs = ll_allocate_array(widest, sizeof *inputs);
    bool *batched = ll_allocate_array(widest, sizeof *batched);
    ll_status status = inputs != NULL && batched != NULL
                           ? LL_OK
                           : ll_fail_memory(error, module, (size_t)widest * sizeof *inputs);
    for (int64_t node = 0; status == LL_OK && node < p->count; node++) {
        const ll_graph_node *it = ll_at(graph, (ll_node)node);
        if (!p->between[node] || given[node]) continue;
        for (int32_t i = 0; i < it->input_count; i++) {
            batched[i] = p->between[it->inputs[i]];
            inputs[i] = batched[i] ? p->value[it->inputs[i]] : it->inputs[i];
        }
        const ll_op_rules *rules = ll_op_rules_of(it->op);
        if (models == 0) {
            p->value[node] = ll_remake(graph, (ll_node)node, inputs, it->shape, it->rank);
        } else if (rules->batch != NULL) {
            p->value[node] = rules->batch(graph, (ll_node)node, inputs, batched, models);
        } else {
            p->value[node] = batch_map(graph, (ll_node)node, inputs, batched, models);
        }
        status = ll_graph_check(graph, error);
    }
    ll_free(inputs);
    ll_free(batched);
    return status;
}

/* Both transforms: sources[j] becomes to[j]; results in p->value, of nodes between. */
static ll_status replace(ll_graph *graph, pass *p, const ll_node *sources, const ll_node *to, int64_t count,
                         int64_t models, ll_error *error)
{
    bool *given = ll_allocate_zeroed((size_t)p->count * sizeof *given);
    if (given == NULL) return ll_fail_memory(error, module, (size_t)p->count * sizeof *given);
    for (int64_t j = 0; j < count; j++) {
        given[sources[j]] = true;
        p->value[sources[j]] = to[j];
    }
    ll_status status = remake_between(graph, p, given, models, error);
    ll_free(given);
    return status;
}

static ll_status check_replacement(const ll_graph *graph, const ll_node *from, const ll_node *to,
                                   int64_t count, int64_t models, ll_error *error)
{
    for (int64_t j = 0; j < count; j++) {
        const ll_graph_node *a = ll_at(graph, from[j]), *b = ll_graph_node_at(graph, to[j]);
        int lead = models > 0 ? 1 : 0;
        bool fits = b != NULL && b->dtype == a->dtype && b->rank == a->rank + lead &&
                    (lead == 0 || b->shape[0] == models);
        for (int axis = 0; fits && axis < a->rank; axis++) fits = b->shape[axis + lead] == a->shape[axis];
        if (!fits) {
            return ll_fail(error, LL_SHAPE, module, a->name, "%%%d, %s, cannot be replaced by %s%s",
                           (int)from[j], ll_words(a).text, b != NULL ? ll_words(b).text : "no node",
                           lead ? "; wanted the model axis in front" : "");
        }
    }
    return LL_OK;
}

ll_status ll_graph_batch(ll_graph *graph, const ll_node *outputs, int64_t output_count, const ll_node *inputs,
                         const ll_node *batched_inputs, int64_t input_count, int64_t models,
                         ll_node *batched_outputs, bool *batched, ll_error *error)
{
    pass p;
    if (models < 1)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, "batch", "got %lld models; wanted at least 1",
                       (long long)models);
    LL_TRY(pass_init(&p, graph, outputs, output_count, inputs, input_count, error));
    ll_status status = check_replacement(graph, inputs, batched_inputs, input_count, models, error);
    if (status == LL_OK) status = replace(graph, &p, inputs, batched_inputs, input_count, models, error);
    for (int64_t i = 0; status == LL_OK && i < output_count; i++) {
        if (!p.between[outputs[i]] && batched == NULL)
            p.value[outputs[i]] = ll_broadcast_models(graph, outputs[i], models);
    }
    if (status == LL_OK) status = finish(graph, &p, error);
    for (int64_t i = 0; status == LL_OK && i < output_count; i++) {
        ll_node output = outputs[i]; /* batched_outputs may be the same array */
        bool has_axis = p.between[output];
        batched_outputs[i] = has_axis || batched == NULL ? p.value[output] : output;
        if (batched != NULL) batched[i] = has_axis;
    }
    pass_deinit(&p);
    return status;
}

ll_status ll_graph_substitute(ll_graph *graph, const ll_node *outputs, int64_t output_count,
                              const ll_node *from, const ll_node *to, int64_t count, ll_node *new_outputs,
                              ll_error *error)
{
    pass p;
    LL_TRY(pass_init(&p, graph, outputs, output_count, from, count, error));
    ll_status status = check_replacement(graph, from, to, count, 0, error);
    if (status == LL_OK) status = replace(graph, &p, from, to, count, 0, error);
    if (status == LL_OK) status = finish(graph, &p, error);
    for (int64_t i = 0; status == LL_OK && i < output_count; i++) {
        ll_node output = outputs[i];
        new_outputs[i] = p.between[output] ? p.value[output] : output;
    }
    pass_deinit(&p);
    return status;
}
