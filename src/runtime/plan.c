/* Making, describing and ending a plan. */
#include "internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Whether LOSSLENS_BACKEND allows a provider. */
static bool allowed(const char *backend, const char *name)
{
    if (!backend || !*backend) return true;
    size_t length = strlen(name);
    for (const char *at = backend; *at;) {
        size_t word = strcspn(at, ", ");
        if (word == length && memcmp(at, name, length) == 0) return true;
        at += word + strspn(at + word, ", ");
    }
    return false;
}

static ll_status check_backend(const char *backend, ll_error *error)
{
    for (const char *at = backend; at && *at;) {
        size_t word = strcspn(at, ", ");
        char name[32] = "";
        if (word < sizeof name) memcpy(name, at, word);
        if (word && strcmp(name, "native") != 0 && !ll_provider_find(name))
            return ll_fail(error, LL_INVALID_ARGUMENT, "runtime", "LOSSLENS_BACKEND",
                           "no provider is called \"%.*s\"", (int)ll_min_int64((int64_t)word, 64), at);
        at += word + strspn(at + word, ", ");
    }
    return LL_OK;
}

static ll_status choose_convolution(ll_plan *plan, ll_error *error)
{
    const char *wanted =
        plan->options.convolution ? plan->options.convolution : getenv("LOSSLENS_CONVOLUTION");
    bool direct = wanted && strcmp(wanted, "direct") == 0;
    if (wanted && *wanted && !direct && strcmp(wanted, "winograd") != 0)
        return ll_fail(error, LL_INVALID_ARGUMENT, "runtime", "LOSSLENS_CONVOLUTION",
                       "\"%.64s\" is neither \"direct\" nor \"winograd\"", wanted);
    plan->winograd = !direct;
    return LL_OK;
}

/* ------------------------------------------------------------------ provider steps */

typedef struct provider_state {
    const ll_provider *provider;
    void *state;
} provider_state;

static ll_status provider_prepare(const ll_plan *plan, const ll_step *step, int64_t samples, void **state,
                                  ll_error *error)
{
    const ll_graph_node *node = ll_graph_node_at(plan->graph, step->node);
    ll_tensor_form *forms = ll_allocate_array(node->input_count + 1, sizeof *forms);
    provider_state *made = ll_allocate_zeroed(sizeof *made);
    ll_kernel_case kernel;
    ll_status status = forms && made ? LL_OK : ll_fail_memory(error, "runtime", sizeof *forms);
    if (status == LL_OK) status = ll_kernel_case_of(plan->graph, step->node, samples, forms, &kernel, error);
    if (status == LL_OK) {
        int count = 0;
        const ll_provider *const *providers = ll_providers(&count);
        for (int i = 0; i < count && !made->provider; i++) {
            bool last = i + 1 == count;
            if ((!last && !allowed(plan->backend, providers[i]->name)) || !providers[i]->supports(&kernel))
                continue;
            status = providers[i]->prepare ? providers[i]->prepare(&kernel, &made->state, error) : LL_OK;
            if (status == LL_UNSUPPORTED && !last)
                continue; /* a library may find out late: the next one then */
            if (status != LL_OK) break;
            made->provider = providers[i];
        }
        if (status == LL_OK && !made->provider)
            status =
                ll_fail(error, LL_UNSUPPORTED, "runtime", node->name, "no kernel computes node %%%d (%s)",
                        (int)step->node, ll_op_traits_of(node->op)->name);
    }
    ll_free(forms);
    if (status != LL_OK) {
        ll_free(made);
        return status;
    }
    *state = made;
    return LL_OK;
}

static size_t provider_workspace(const ll_step *step, const void *state)
{
    const provider_state *it = state;
    (void)step;
    return it->provider->workspace ? it->provider->workspace(it->state) : 0;
}

static ll_status provider_run(const ll_step *step, const void *state, const void *const *inputs,
                              void *const *outputs, void *workspace, ll_error *error)
{
    const provider_state *it = state;
    (void)step;
    return it->provider->run(it->state, inputs, outputs[0], workspace, error);
}

static void provider_destroy(const ll_step *step, void *state)
{
    provider_state *it = state;
    (void)step;
    if (!it) return;
    if (it->provider->destroy) it->provider->destroy(it->state);
    ll_free(it);
}

const ll_step_kind ll_step_provider = {"provider", provider_prepare, provider_workspace, provider_run,
                                       provider_destroy};
const ll_step_kind ll_step_load = {"load", NULL, NULL, NULL,
                                   NULL}; /* done by the executor: rows of the caller */

/* ------------------------------------------------------------------ variants */

static void destroy_states(ll_plan *plan, void **states)
{
    for (int64_t i = 0; states && i < plan->step_count; i++)
        if (states[i] && plan->steps[i].kind->destroy)
            plan->steps[i].kind->destroy(&plan->steps[i], states[i]);
    ll_free(states);
}

static void need_workspace(ll_plan *plan, const ll_step *step, const void *state)
{
    size_t bytes = step->kind->workspace ? step->kind->workspace(step, state) : 0;
    if (bytes > plan->workspace_bytes) plan->workspace_bytes = bytes;
}

ll_status ll_plan_variant(ll_plan *plan, int64_t samples, const ll_variant **variant, ll_error *error)
{
    for (int64_t i = 0; i < plan->variant_count; i++)
        if (plan->variants[i].samples == samples) {
            *variant = &plan->variants[i];
            return LL_OK;
        }
    ll_variant *variants = ll_allocate_array(plan->variant_count + 1, sizeof *variants);
    void **states = ll_allocate_zeroed(sizeof(void *) * (size_t)(plan->step_count + 1));
    ll_status status = variants && states ? LL_OK : ll_fail_memory(error, "runtime", sizeof *variants);
    for (int64_t i = 0; status == LL_OK && i < plan->step_count; i++) {
        const ll_step *step = &plan->steps[i];
        if (!step->sampled || !step->kind->prepare) continue;
        status = step->kind->prepare(plan, step, samples, &states[i], error);
        if (status == LL_OK) need_workspace(plan, step, states[i]);
    }
    if (status != LL_OK) {
        ll_free(variants);
        destroy_states(plan, states);
        return status;
    }
    if (plan->variant_count) memcpy(variants, plan->variants, sizeof *variants * (size_t)plan->variant_count);
    ll_free(plan->variants);
    plan->variants = variants;
    plan->variants[plan->variant_count] = (ll_variant){samples, states};
    *variant = &plan->variants[plan->variant_count++];
    return LL_OK;
}

static ll_status prepare_fixed(ll_plan *plan, ll_error *error)
{
    for (int64_t i = 0; i < plan->step_count; i++) {
        ll_step *step = &plan->steps[i];
        if (step->sampled || !step->kind->prepare) continue;
        LL_TRY(step->kind->prepare(plan, step, 0, &step->fixed_state, error));
        need_workspace(plan, step, step->fixed_state);
    }
    return LL_OK;
}

/* ------------------------------------------------------------------ create, destroy */

static ll_status build(ll_plan *plan, const ll_node *outputs, ll_error *error)
{
    LL_TRY(check_backend(plan->backend, error));
    plan->native = allowed(plan->backend, "native");
    LL_TRY(choose_convolution(plan, error));
    plan->outputs = ll_arena_allocate(plan->memory, sizeof *plan->outputs * (size_t)(plan->output_count + 1));
    if (!plan->outputs) return ll_fail_memory(error, "runtime", 0);
    LL_TRY(ll_plan_lower(plan, outputs, error));
    LL_TRY(ll_plan_place(plan, error));
    LL_TRY(prepare_fixed(plan, error));
    const ll_variant *variant;
    if (plan->passes > 0) LL_TRY(ll_plan_variant(plan, plan->micro_batch, &variant, error));
    int64_t tail = plan->options.samples % plan->micro_batch;
    if (plan->passes > 0 && tail > 0) LL_TRY(ll_plan_variant(plan, tail, &variant, error));
    size_t bytes;
    LL_TRY(ll_plan_memory(plan, plan->options.samples, 1, &bytes, error));
    return LL_OK;
}

ll_status ll_plan_create(const ll_graph *graph, const ll_node *outputs, int64_t output_count,
                         const ll_plan_options *options, ll_plan **plan, ll_error *error)
{
    if (!graph || !plan || output_count < 0 || (output_count > 0 && !outputs))
        return ll_fail(error, LL_INVALID_ARGUMENT, "runtime", NULL, "a plan needs a graph and outputs");
    LL_TRY(ll_graph_check(graph, error));
    for (int64_t i = 0; i < output_count; i++)
        if (!ll_graph_node_at(graph, outputs[i]))
            return ll_fail(error, LL_INVALID_ARGUMENT, "runtime", NULL,
                           "output %lld is node %d, which does not exist", (long long)i, (int)outputs[i]);
    ll_plan *made = ll_allocate_zeroed(sizeof *made);
    if (!made) return ll_fail_memory(error, "runtime", sizeof *made);
    made->memory = ll_arena_create(1 << 16);
    made->graph = graph;
    if (options) made->options = *options;
    ll_plan_options *o = &made->options;
    if (o->samples < 1) o->samples = 1;
    if (!o->cache_bytes) o->cache_bytes = (size_t)1 << 20;
    if (o->threads < 1) o->threads = ll_usable_cores();
    made->cpu = ll_cpu_detect();
    if (o->cpu != LL_CPU_PORTABLE && o->cpu < made->cpu) made->cpu = o->cpu;
    made->backend = o->backend ? o->backend : getenv("LOSSLENS_BACKEND");
    const char *verbose = getenv("LOSSLENS_VERBOSE");
    made->verbose = verbose && *verbose && strcmp(verbose, "0") != 0;
    made->profile = o->profile || made->verbose;
    made->output_count = output_count;
    if (made->backend && made->memory) made->backend = ll_arena_text(made->memory, made->backend);
    ll_status status = made->memory ? build(made, outputs, error) : ll_fail_memory(error, "runtime", 1 << 16);
    if (status != LL_OK) {
        ll_plan_destroy(made);
        return status;
    }
    *plan = made;
    return LL_OK;
}

void ll_plan_release(ll_plan *plan)
{
    if (!plan) return;
    for (int i = 0; i < plan->stream_count; i++) {
        ll_free(plan->streams[i].arena);
        ll_free(plan->streams[i].workspace);
        ll_free(plan->streams[i].pointers);
        ll_free(plan->streams[i].seconds);
        ll_free(plan->streams[i].runs);
    }
    for (int i = 0; i < plan->slot_count; i++) {
        ll_free(plan->slots[i].fixed);
        ll_free(plan->slots[i].stash);
        ll_free(plan->slots[i].sums);
        ll_free(plan->slots[i].bound);
    }
    ll_free(plan->streams);
    ll_free(plan->slots);
    plan->streams = NULL;
    plan->slots = NULL;
    plan->stream_count = plan->slot_count = 0;
    plan->stream_workspace = 0;
}

void ll_plan_destroy(ll_plan *plan)
{
    if (!plan) return;
    ll_plan_release(plan);
    for (int64_t i = 0; i < plan->variant_count; i++) destroy_states(plan, plan->variants[i].states);
    for (int64_t i = 0; i < plan->step_count; i++)
        if (plan->steps[i].fixed_state && plan->steps[i].kind->destroy)
            plan->steps[i].kind->destroy(&plan->steps[i], plan->steps[i].fixed_state);
    ll_free(plan->variants);
    ll_free(plan->values);
    ll_free(plan->steps);
    ll_arena_destroy(plan->memory);
    ll_free(plan);
}

/* ------------------------------------------------------------------ what it is */

/* Chunks: enough for 64 threads, but no more than 16 MiB of accumulators, at least 8; a power of two. */
int64_t ll_plan_chunk_batches(const ll_plan *plan, int64_t micro_batches)
{
    int64_t chunks = 64;
    while (chunks > 8 && chunks * plan->sum_count * (int64_t)sizeof(double) > 16 << 20) chunks /= 2;
    return ll_max_int64(1, (micro_batches + chunks - 1) / chunks);
}

ll_plan_info ll_plan_view(const ll_plan *plan)
{
    ll_plan_info info = {.micro_batch = plan->micro_batch,
                         .passes = plan->passes,
                         .steps = plan->step_count,
                         .kept_passes = plan->kept_passes,
                         .cpu = plan->cpu};
    for (int i = 0; i < plan->slot_count; i++) info.reused += plan->slots[i].reused;
    int64_t batches = (plan->options.samples + plan->micro_batch - 1) / plan->micro_batch;
    info.chunk_samples = ll_plan_chunk_batches(plan, batches) * plan->micro_batch;
    for (int64_t i = 0; i < plan->step_count; i++)
        if (plan->steps[i].nodes > 1) info.fused_nodes += plan->steps[i].nodes;
    for (int64_t i = 0; i < plan->node_count; i++) info.nodes += plan->needed[i];
    return info;
}

ll_status ll_plan_memory(const ll_plan *plan, int64_t samples, int threads, size_t *bytes, ll_error *error)
{
    if (samples < 0 || threads < 0)
        return ll_fail(error, LL_INVALID_ARGUMENT, "runtime", NULL, "negative number of samples or threads");
    if (threads == 0) threads = plan->options.threads;
    size_t batches = (size_t)((samples + plan->micro_batch - 1) / plan->micro_batch);
    size_t chunk = (size_t)ll_plan_chunk_batches(plan, (int64_t)batches);
    size_t chunks = (batches + chunk - 1) / chunk, stash = 0, sums = 0, total = 0;
    bool fits = ll_multiply_size(batches, plan->stash_per_micro_batch, &stash) &&
                ll_multiply_size(chunks, (size_t)plan->sum_count * sizeof(double), &sums) &&
                ll_multiply_size((size_t)threads, plan->arena_bytes + plan->workspace_bytes, &total) &&
                ll_add_size(total, stash, &total) && ll_add_size(total, sums, &total) &&
                ll_add_size(total, plan->fixed_bytes, &total);
    if (!fits || (plan->options.memory_limit && total > plan->options.memory_limit))
        return ll_fail(error, LL_TOO_LARGE, "runtime", NULL,
                       "%lld samples on %d threads need %.1f MiB, the limit is %.1f MiB", (long long)samples,
                       threads, fits ? (double)total / 1048576.0 : (double)INFINITY,
                       (double)plan->options.memory_limit / 1048576.0);
    *bytes = total;
    return LL_OK;
}

typedef struct profile_line {
    const char *name, *provider;
    double seconds;
    int64_t runs;
} profile_line;

static int by_seconds(const void *a, const void *b)
{
    const profile_line *x = a, *y = b;
    return x->seconds < y->seconds ? 1 : x->seconds > y->seconds ? -1 : strcmp(x->name, y->name);
}

static const char *step_provider(const ll_plan *plan, int64_t index)
{
    const ll_step *step = &plan->steps[index];
    if (step->kind != &ll_step_provider) return step->kind->name;
    const provider_state *state = step->sampled ? plan->variants[0].states[index] : step->fixed_state;
    return state ? state->provider->name : "provider";
}

static const char *step_op(const ll_plan *plan, int64_t index)
{
    return ll_op_traits_of(ll_graph_node_at(plan->graph, plan->steps[index].node)->op)->name;
}

void ll_plan_profile(const ll_plan *plan, ll_text *text)
{
    profile_line *lines = ll_allocate_array(plan->step_count + 1, sizeof *lines);
    int64_t count = 0;
    double total = 0;
    for (int64_t i = 0; lines && i < plan->step_count; i++) {
        const ll_step *step = &plan->steps[i];
        if (!step->runs) continue;
        profile_line line = {step_op(plan, i), step_provider(plan, i), step->seconds, step->runs};
        total += line.seconds;
        int64_t at = 0;
        while (at < count &&
               (strcmp(lines[at].name, line.name) != 0 || strcmp(lines[at].provider, line.provider) != 0))
            at++;
        if (at == count) lines[count++] = line;
        else {
            lines[at].seconds += line.seconds;
            lines[at].runs += line.runs;
        }
    }
    if (count) qsort(lines, (size_t)count, sizeof *lines, by_seconds);
    for (int64_t i = 0; i < count; i++)
        ll_text_format(text, "%5.1f %%  %10.3f ms  %8lld  %s (%s)\n",
                       total > 0 ? 100 * lines[i].seconds / total : 0.0, 1e3 * lines[i].seconds,
                       (long long)lines[i].runs, lines[i].name, lines[i].provider);
    ll_free(lines);
}

void ll_plan_dump(const ll_plan *plan, ll_text *text)
{
    static const char *const places[] = {"bound", "constant", "fixed", "arena", "stash"};
    ll_text_format(text,
                   "micro-batch %lld, %d passes, arena %zu, fixed %zu, stash %zu a micro-batch, sums %lld\n",
                   (long long)plan->micro_batch, plan->passes, plan->arena_bytes, plan->fixed_bytes,
                   plan->stash_per_micro_batch, (long long)plan->sum_count);
    for (int64_t i = 0; i < plan->step_count; i++) {
        const ll_step *step = &plan->steps[i];
        const ll_graph_node *node = ll_graph_node_at(plan->graph, step->node);
        ll_text_format(text, "pass %d %s %%%d = %s [%s, %d nodes] ", step->pass,
                       step->sampled ? "samples" : "once   ", (int)step->node, step_op(plan, i),
                       step_provider(plan, i), (int)step->nodes);
        ll_graph_shape_text(text, node->dtype, node->shape, node->rank);
        ll_text_append(text, " <-");
        for (int32_t k = 0; k < step->input_count; k++)
            ll_text_format(text, " %%%d", (int)plan->values[step->inputs[k]].node);
        const ll_value *value = &plan->values[step->outputs[0]];
        ll_text_format(text, " in %s+%zu%s%s", places[value->place], value->offset,
                       value->total >= 0 ? ", summed" : "",
                       value->layout == LL_LAYOUT_BLOCKED ? ", blocked" : "");
        if (step->runs)
            ll_text_format(text, ", %.3f ms in %lld runs", 1e3 * step->seconds, (long long)step->runs);
        ll_text_append(text, "\n");
    }
}
