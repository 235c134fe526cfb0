/* Graph-to-graph transforms: VJP, JVP, batching, substitution; reachability and verification.
 *
 * All walk the node numbers once, which are a topological order. The nodes that matter to a derivative are
 * those that depend on a variable and that an output depends on; rules are run on these alone. */
#include "graph/internal.h"

#include <stdlib.h>
#include <string.h>

static const char *const module = "graph";

/* Per node of the graph as it was at the start: which are reached, which are active, what they map to. */
typedef struct work {
    int64_t count;
    bool *needed, *active;
    ll_node *value;
} work;

static void work_deinit(work *w)
{
    free(w->needed);
    free(w->active);
    free(w->value);
}

static ll_status work_init(const ll_graph *graph, work *w, ll_error *error)
{
    size_t count = (size_t)graph->count + 1;
    *w = (work){.count = graph->count};
    w->needed = calloc(count, sizeof *w->needed);
    w->active = calloc(count, sizeof *w->active);
    w->value = malloc(count * sizeof *w->value);
    if (w->needed == NULL || w->active == NULL || w->value == NULL) {
        work_deinit(w);
        return ll_fail_memory(error, module, count * 6);
    }
    for (size_t i = 0; i < count; i++) w->value[i] = LL_NO_NODE;
    return LL_OK;
}

static ll_status check_list(const ll_graph *graph, const char *what, const ll_node *nodes, int64_t count,
                            ll_error *error)
{
    for (int64_t i = 0; i < count; i++) {
        if (nodes[i] < 0 || nodes[i] >= graph->count) {
            return ll_fail(error, LL_INVALID_ARGUMENT, module, what, "%s %lld is node %%%d, which does not exist", what,
                           (long long)i, (int)nodes[i]);
        }
    }
    return LL_OK;
}

static ll_status check_pairs(const ll_graph *graph, const char *what, const ll_node *nodes, const ll_node *others,
                             int64_t count, ll_error *error)
{
    LL_TRY(check_list(graph, what, nodes, count, error));
    LL_TRY(check_list(graph, what, others, count, error));
    for (int64_t i = 0; i < count; i++) {
        const ll_graph_node *wanted = ll_at(graph, nodes[i]), *got = ll_at(graph, others[i]);
        if (wanted->dtype != got->dtype || !ll_same_shape(wanted, got)) {
            return ll_fail(error, LL_SHAPE, module, wanted->name, "%s %lld (node %%%d): got %s, wanted %s", what,
                           (long long)i, (int)nodes[i], ll_words(got).text, ll_words(wanted).text);
        }
    }
    return LL_OK;
}

static void mark_needed(const ll_graph *graph, const ll_node *outputs, int64_t output_count, bool *needed,
                        int64_t count)
{
    for (int64_t i = 0; i < output_count; i++) needed[outputs[i]] = true;
    for (int64_t i = count - 1; i >= 0; i--) {
        if (!needed[i]) continue;
        const ll_graph_node *node = ll_at(graph, (ll_node)i);
        for (int32_t k = 0; k < node->input_count; k++) needed[node->inputs[k]] = true;
    }
}

ll_status ll_graph_reachable(const ll_graph *graph, const ll_node *outputs, int64_t output_count, bool *marks,
                             ll_error *error)
{
    LL_TRY(check_list(graph, "output", outputs, output_count, error));
    memset(marks, 0, (size_t)graph->count * sizeof *marks);
    mark_needed(graph, outputs, output_count, marks, graph->count);
    return LL_OK;
}

/* active: floating point, depends on one of `variables` through ops that have a derivative. */
static void mark_active(const ll_graph *graph, const ll_node *variables, int64_t variable_count, work *w)
{
    for (int64_t i = 0; i < variable_count; i++) w->active[variables[i]] = true;
    for (int64_t i = 0; i < w->count; i++) {
        const ll_graph_node *node = ll_at(graph, (ll_node)i);
        if (w->active[i] || !w->needed[i] || ll_op_rules_of(node->op)->jvp == NULL) continue;
        if (!ll_dtype_is_float(node->dtype)) continue;
        for (int32_t k = 0; k < node->input_count; k++) {
            if (w->active[node->inputs[k]]) w->active[i] = true;
        }
    }
}

static ll_status check_float(const ll_graph *graph, const char *what, const ll_node *nodes, int64_t count,
                             ll_error *error)
{
    for (int64_t i = 0; i < count; i++) {
        const ll_graph_node *node = ll_at(graph, nodes[i]);
        if (!ll_dtype_is_float(node->dtype)) {
            return ll_fail(error, LL_INVALID_ARGUMENT, module, node->name,
                           "%s %lld (node %%%d) is %s: derivatives exist for f32 and f64", what, (long long)i,
                           (int)nodes[i], ll_words(node).text);
        }
    }
    return LL_OK;
}

static ll_status finish(const ll_graph *graph, int64_t first, ll_error *error)
{
    LL_TRY(ll_graph_check(graph, error));
    return ll_graph_verify_from(graph, first, error);
}

/* ------------------------------------------------------------------ reverse */

static void backward(ll_graph *graph, ll_node node, work *w, bool *wanted, ll_node *cotangents)
{
    const ll_graph_node *it = ll_at(graph, node);
    bool any = false;
    for (int32_t k = 0; k < it->input_count; k++) {
        wanted[k] = w->active[it->inputs[k]];
        cotangents[k] = LL_NO_NODE;
        any = any || wanted[k];
    }
    const ll_op_rules *rules = ll_op_rules_of(it->op);
    if (!any || rules->vjp == NULL) return;
    rules->vjp(graph, node, w->value[node], wanted, cotangents);
    for (int32_t k = 0; k < it->input_count; k++) {
        if (!wanted[k]) continue;
        ll_node *sum = &w->value[it->inputs[k]];
        *sum = ll_sum_of(graph, *sum, cotangents[k]);
    }
}

static ll_status reverse(ll_graph *graph, const ll_node *outputs, const ll_node *seeds, int64_t output_count,
                         const ll_node *wrt, int64_t wrt_count, ll_node *cotangents, work *w, ll_error *error)
{
    int32_t widest = 1;
    mark_needed(graph, outputs, output_count, w->needed, w->count);
    mark_active(graph, wrt, wrt_count, w);
    for (int64_t i = 0; i < w->count; i++) {
        int32_t inputs = ll_at(graph, (ll_node)i)->input_count;
        if (inputs > widest) widest = inputs;
    }
    bool *wanted = malloc((size_t)widest * sizeof *wanted);
    ll_node *terms = malloc((size_t)widest * sizeof *terms);
    ll_node *result = malloc((size_t)(wrt_count + 1) * sizeof *result);
    ll_status status = LL_OK;
    if (wanted == NULL || terms == NULL || result == NULL) status = ll_fail_memory(error, module, (size_t)widest * 5);
    for (int64_t i = 0; status == LL_OK && i < output_count; i++) {
        ll_node seed = seeds != NULL ? seeds[i] : ll_graph_full_like(graph, outputs[i], 1.0);
        w->value[outputs[i]] = ll_sum_of(graph, w->value[outputs[i]], seed);
    }
    for (int64_t i = w->count - 1; status == LL_OK && i >= 0; i--) {
        if (w->needed[i] && w->active[i] && w->value[i] != LL_NO_NODE) backward(graph, (ll_node)i, w, wanted, terms);
        status = graph->status;
    }
    for (int64_t i = 0; status == LL_OK && i < wrt_count; i++) {
        result[i] = w->value[wrt[i]];
        if (result[i] == LL_NO_NODE) result[i] = ll_graph_full_like(graph, wrt[i], 0.0);
    }
    if (wanted != NULL && terms != NULL && result != NULL) status = finish(graph, w->count, error);
    if (status == LL_OK && wrt_count > 0) memcpy(cotangents, result, (size_t)wrt_count * sizeof *result);
    free(wanted);
    free(terms);
    free(result);
    return status;
}

ll_status ll_graph_vjp(ll_graph *graph, const ll_node *outputs, const ll_node *seeds, int64_t output_count,
                       const ll_node *wrt, int64_t wrt_count, ll_node *cotangents, ll_error *error)
{
    LL_TRY(ll_graph_check(graph, error));
    LL_TRY(check_list(graph, "output", outputs, output_count, error));
    LL_TRY(check_list(graph, "variable", wrt, wrt_count, error));
    LL_TRY(check_float(graph, "output", outputs, output_count, error));
    LL_TRY(check_float(graph, "variable", wrt, wrt_count, error));
    if (seeds != NULL) LL_TRY(check_pairs(graph, "seed", outputs, seeds, output_count, error));
    for (int64_t i = 0; seeds == NULL && i < output_count; i++) {
        const ll_graph_node *node = ll_at(graph, outputs[i]);
        if (node->rank != 0) {
            return ll_fail(error, LL_SHAPE, module, node->name,
                           "output %lld (node %%%d) is %s: without seeds a scalar is wanted", (long long)i,
                           (int)outputs[i], ll_words(node).text);
        }
    }
    work w;
    LL_TRY(work_init(graph, &w, error));
    ll_status status = reverse(graph, outputs, seeds, output_count, wrt, wrt_count, cotangents, &w, error);
    work_deinit(&w);
    return status;
}

/* ------------------------------------------------------------------ forward */

/* What the forward transforms do with node i, given w->value of its inputs. */
typedef ll_node (*forward_rule)(ll_graph *graph, ll_node node, const ll_node *inputs, const bool *batched,
                                int64_t models);

static ll_node tangent_of(ll_graph *graph, ll_node node, const ll_node *inputs, const bool *batched, int64_t models)
{
    (void)batched, (void)models;
    return ll_op_rules_of(ll_at(graph, node)->op)->jvp(graph, node, inputs);
}

static ll_node batched_map(ll_graph *graph, ll_node node, const ll_node *inputs, const bool *batched, int64_t models)
{
    ll_node full[LL_INLINE_INPUTS];
    const ll_graph_node *it = ll_at(graph, node);
    for (int32_t k = 0; k < it->input_count; k++) full[k] = ll_with_models(graph, inputs[k], batched[k], models);
    return ll_remake(graph, node, full, NULL, 0);
}

static ll_node batch_of(ll_graph *graph, ll_node node, const ll_node *inputs, const bool *batched, int64_t models)
{
    const ll_op_rules *rules = ll_op_rules_of(ll_at(graph, node)->op);
    return (rules->batch != NULL ? rules->batch : batched_map)(graph, node, inputs, batched, models);
}

static ll_node same_op(ll_graph *graph, ll_node node, const ll_node *inputs, const bool *batched, int64_t models)
{
    (void)batched, (void)models;
    return ll_remake(graph, node, inputs, NULL, 0);
}

/* Applies the rule to every needed node that depends on a node with a value. keep: an input without a value
 * is passed as itself (batching, substitution), else as LL_NO_NODE (tangents: zero). */
static ll_status forward(ll_graph *graph, work *w, forward_rule rule, bool keep, int64_t models, ll_error *error)
{
    int32_t widest = 1;
    for (int64_t i = 0; i < w->count; i++) {
        int32_t inputs = ll_at(graph, (ll_node)i)->input_count;
        if (inputs > widest) widest = inputs;
    }
    ll_node *inputs = malloc((size_t)widest * sizeof *inputs);
    bool *batched = malloc((size_t)widest * sizeof *batched);
    ll_status status = LL_OK;
    if (inputs == NULL || batched == NULL) status = ll_fail_memory(error, module, (size_t)widest * 5);
    for (int64_t i = 0; status == LL_OK && i < w->count; i++) {
        const ll_graph_node *node = ll_at(graph, (ll_node)i);
        if (!w->needed[i] || w->value[i] != LL_NO_NODE) continue;
        if (rule == tangent_of && !w->active[i]) continue;
        bool any = false;
        for (int32_t k = 0; k < node->input_count; k++) {
            ll_node value = w->value[node->inputs[k]];
            batched[k] = value != LL_NO_NODE;
            any = any || batched[k];
            inputs[k] = batched[k] ? value : keep ? node->inputs[k] : LL_NO_NODE;
        }
        if (any) w->value[i] = rule(graph, (ll_node)i, inputs, batched, models);
        if (graph->status != LL_OK) status = ll_graph_check(graph, error);
    }
    free(inputs);
    free(batched);
    return status;
}

ll_status ll_graph_jvp(ll_graph *graph, const ll_node *outputs, int64_t output_count, const ll_node *inputs,
                       const ll_node *tangents, int64_t input_count, ll_node *output_tangents, ll_error *error)
{
    LL_TRY(ll_graph_check(graph, error));
    LL_TRY(check_list(graph, "output", outputs, output_count, error));
    LL_TRY(check_pairs(graph, "tangent", inputs, tangents, input_count, error));
    LL_TRY(check_float(graph, "output", outputs, output_count, error));
    LL_TRY(check_float(graph, "input", inputs, input_count, error));
    work w;
    LL_TRY(work_init(graph, &w, error));
    mark_needed(graph, outputs, output_count, w.needed, w.count);
    mark_active(graph, inputs, input_count, &w);
    for (int64_t i = 0; i < input_count; i++) w.value[inputs[i]] = tangents[i];
    ll_status status = forward(graph, &w, tangent_of, false, 0, error);
    for (int64_t i = 0; status == LL_OK && i < output_count; i++) {
        ll_node *tangent = &w.value[outputs[i]];
        if (*tangent == LL_NO_NODE) *tangent = ll_graph_full_like(graph, outputs[i], 0.0);
    }
    if (status == LL_OK) status = finish(graph, w.count, error);
    for (int64_t i = 0; status == LL_OK && i < output_count; i++) output_tangents[i] = w.value[outputs[i]];
    work_deinit(&w);
    return status;
}

ll_status ll_graph_batch(ll_graph *graph, const ll_node *outputs, int64_t output_count, const ll_node *inputs,
                         const ll_node *batched_inputs, int64_t input_count, int64_t models,
                         ll_node *batched_outputs, bool *batched, ll_error *error)
{
    LL_TRY(ll_graph_check(graph, error));
    LL_TRY(check_list(graph, "output", outputs, output_count, error));
    LL_TRY(check_list(graph, "input", inputs, input_count, error));
    LL_TRY(check_list(graph, "batched input", batched_inputs, input_count, error));
    for (int64_t i = 0; i < input_count; i++) {
        const ll_graph_node *one = ll_at(graph, inputs[i]), *many = ll_at(graph, batched_inputs[i]);
        bool fits = many->dtype == one->dtype && many->rank == one->rank + 1 && many->shape[0] == models && models >= 0;
        for (int axis = 0; fits && axis < one->rank; axis++) fits = many->shape[axis + 1] == one->shape[axis];
        if (!fits) {
            return ll_fail(error, LL_SHAPE, module, one->name,
                           "batched input %lld (node %%%d): got %s, wanted %s with a leading axis of %lld",
                           (long long)i, (int)batched_inputs[i], ll_words(many).text, ll_words(one).text,
                           (long long)models);
        }
    }
    work w;
    LL_TRY(work_init(graph, &w, error));
    mark_needed(graph, outputs, output_count, w.needed, w.count);
    for (int64_t i = 0; i < input_count; i++) w.value[inputs[i]] = batched_inputs[i];
    ll_status status = forward(graph, &w, batch_of, true, models, error);
    for (int64_t i = 0; status == LL_OK && batched == NULL && i < output_count; i++) {
        ll_node *value = &w.value[outputs[i]];
        if (*value == LL_NO_NODE) *value = ll_broadcast_models(graph, outputs[i], models);
    }
    if (status == LL_OK) status = finish(graph, w.count, error);
    for (int64_t i = 0; status == LL_OK && i < output_count; i++) {
        ll_node value = w.value[outputs[i]];
        if (batched != NULL) batched[i] = value != LL_NO_NODE;
        batched_outputs[i] = value != LL_NO_NODE ? value : outputs[i];
    }
    work_deinit(&w);
    return status;
}

ll_status ll_graph_substitute(ll_graph *graph, const ll_node *outputs, int64_t output_count, const ll_node *from,
                              const ll_node *to, int64_t count, ll_node *new_outputs, ll_error *error)
{
    LL_TRY(ll_graph_check(graph, error));
    LL_TRY(check_list(graph, "output", outputs, output_count, error));
    LL_TRY(check_pairs(graph, "replacement", from, to, count, error));
    work w;
    LL_TRY(work_init(graph, &w, error));
    mark_needed(graph, outputs, output_count, w.needed, w.count);
    for (int64_t i = 0; i < count; i++) w.value[from[i]] = to[i];
    ll_status status = forward(graph, &w, same_op, true, 0, error);
    if (status == LL_OK) status = finish(graph, w.count, error);
    for (int64_t i = 0; status == LL_OK && i < output_count; i++) {
        ll_node value = w.value[outputs[i]];
        new_outputs[i] = value != LL_NO_NODE ? value : outputs[i];
    }
    work_deinit(&w);
    return status;
}

/* ------------------------------------------------------------------ verification */

ll_status ll_graph_verify_from(const ll_graph *graph, int64_t first, ll_error *error)
{
    for (int64_t i = first; i < graph->count; i++) {
        const ll_graph_node *node = ll_at(graph, (ll_node)i);
        const ll_op_traits *traits = ll_op_traits_of(node->op);
        if (traits == NULL || (traits->inputs >= 0 && node->input_count != traits->inputs)) {
            return ll_fail(error, LL_INTERNAL, module, node->name, "node %%%lld: op %d with %d inputs", (long long)i,
                           (int)node->op, (int)node->input_count);
        }
        for (int32_t k = 0; k < node->input_count; k++) {
            if (node->inputs[k] < 0 || node->inputs[k] >= i) {
                return ll_fail(error, LL_INTERNAL, module, node->name,
                               "node %%%lld (%s): input %d is %%%d, wanted an earlier node", (long long)i,
                               traits->name, (int)k, (int)node->inputs[k]);
            }
        }
        ll_graph_node again = *node;
        ll_error reason;
        if (ll_op_rules_of(node->op)->infer(graph, &again, &reason) != LL_OK) {
            return ll_fail(error, LL_INTERNAL, module, node->name, "node %%%lld (%s %s): %s", (long long)i,
                           traits->name, ll_words(node).text, reason.message);
        }
        if (again.dtype != node->dtype || !ll_same_shape(&again, node)) {
            return ll_fail(error, LL_INTERNAL, module, node->name, "node %%%lld (%s): got %s, wanted %s", (long long)i,
                           traits->name, ll_words(node).text, ll_words(&again).text);
        }
    }
    return LL_OK;
}

ll_status ll_graph_verify(const ll_graph *graph, ll_error *error)
{
    LL_TRY(ll_graph_check(graph, error));
    return ll_graph_verify_from(graph, 0, error);
}
