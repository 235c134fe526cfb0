/* Running a plan. */
#include "internal.h"
#include "losslens/kernels_sums.h"

#include <string.h>

typedef struct whole_run {
    ll_plan *plan;
    const ll_run *run;
    const ll_variant *full, *tail;
    int64_t batches, chunk_batches, chunks;
    ll_team *team; /* that runs the chunks of a point; NULL where points are handed out instead */
} whole_run;

typedef struct point_run {
    const whole_run *execution;
    ll_slot *slot;
    int64_t point;
    int pass;
} point_run;

/* ------------------------------------------------------------------ memory */

static ll_status ready_streams(ll_plan *plan, int count, ll_error *error)
{
    if (count > plan->stream_count) {
        ll_stream *streams = ll_allocate_zeroed(sizeof *streams * (size_t)count);
        if (!streams) return ll_fail_memory(error, "runtime", sizeof *streams * (size_t)count);
        if (plan->stream_count) memcpy(streams, plan->streams, sizeof *streams * (size_t)plan->stream_count);
        ll_free(plan->streams);
        plan->streams = streams;
        for (; plan->stream_count < count; plan->stream_count++) {
            ll_stream *stream = &plan->streams[plan->stream_count];
            size_t steps = (size_t)plan->step_count + 1;
            stream->pointers = ll_allocate_zeroed(sizeof(void *) * (size_t)(plan->pointer_count + 1));
            stream->seconds = ll_allocate_zeroed(sizeof(double) * steps);
            stream->runs = ll_allocate_zeroed(sizeof(int64_t) * steps);
            ll_status status = stream->pointers && stream->seconds && stream->runs
                                   ? ll_block_replace(&stream->arena, plan->arena_bytes, error)
                                   : ll_fail_memory(error, "runtime", steps * 16);
            if (status == LL_OK) status = ll_block_replace(&stream->workspace, plan->workspace_bytes, error);
            if (status != LL_OK) {
                ll_free(stream->pointers);
                ll_free(stream->seconds);
                ll_free(stream->runs);
                ll_free(stream->arena);
                ll_free(stream->workspace);
                *stream = (ll_stream){0};
                return status;
            }
        }
    }
    if (plan->workspace_bytes > plan->stream_workspace) {
        for (int i = 0; i < plan->stream_count; i++)
            LL_TRY(ll_block_replace(&plan->streams[i].workspace, plan->workspace_bytes, error));
        plan->stream_workspace = plan->workspace_bytes;
    }
    return LL_OK;
}

static ll_status ready_slots(ll_plan *plan, int count, int64_t batches, int64_t chunks, ll_error *error)
{
    if (count > plan->slot_count) {
        ll_slot *slots = ll_allocate_zeroed(sizeof *slots * (size_t)count);
        if (!slots) return ll_fail_memory(error, "runtime", sizeof *slots * (size_t)count);
        if (plan->slot_count) memcpy(slots, plan->slots, sizeof *slots * (size_t)plan->slot_count);
        ll_free(plan->slots);
        plan->slots = slots;
        plan->slot_count = count;
    }
    for (int i = 0; i < count; i++) {
        ll_slot *slot = &plan->slots[i];
        if (!slot->fixed) LL_TRY(ll_block_replace(&slot->fixed, plan->fixed_bytes, error));
        if (!slot->bound) {
            slot->bound = ll_allocate_zeroed(sizeof(void *) * (size_t)(plan->value_count + 1));
            if (!slot->bound)
                return ll_fail_memory(error, "runtime", sizeof(void *) * (size_t)plan->value_count);
        }
        size_t stash = plan->stash_per_micro_batch * (size_t)batches;
        if (stash > slot->stash_bytes) {
            slot->stash_bytes = 0;
            slot->kept = false;
            LL_TRY(ll_block_replace(&slot->stash, stash, error));
            slot->stash_bytes = stash;
        }
        if (chunks > slot->chunks) {
            slot->chunks = 0;
            ll_free(slot->sums);
            slot->sums = ll_allocate_array(chunks * plan->sum_count + 8, sizeof(double));
            if (!slot->sums) return ll_fail_memory(error, "runtime", (size_t)(chunks * plan->sum_count) * 8);
            slot->chunks = chunks;
        }
    }
    return LL_OK;
}

/* ------------------------------------------------------------------ inputs */

static const void *find_binding(const ll_run *run, int64_t point, ll_node node)
{
    for (int64_t i = 0; i < run->point_input_count; i++)
        if (run->point_inputs[i] == node) return run->point_data[point * run->point_input_count + i];
    for (int64_t i = 0; i < run->binding_count; i++)
        if (run->bindings[i].input == node) return run->bindings[i].data;
    return NULL;
}

static ll_status check_bound(const ll_plan *plan, const ll_run *run, int64_t point, ll_error *error)
{
    for (int64_t i = 0; i < plan->input_count; i++) {
        const ll_plan_input *input = &plan->inputs[i];
        if (input->kind == LL_INPUT_SAMPLE_COUNT || input->kind == LL_INPUT_SAMPLE_INDEX) continue;
        if (find_binding(run, point, input->node)) continue;
        const ll_graph_node *node = ll_graph_node_at(plan->graph, input->node);
        return ll_fail(error, LL_NOT_FOUND, "runtime", node->name, "input \"%s\" (%s) is not bound",
                       node->name ? node->name : "", ll_input_kind_name((ll_input_kind)input->kind));
    }
    return LL_OK;
}

/* What a slot keeps belongs to the fixed inputs that it has copies of: a difference ends it. */
static void bind_fixed(const whole_run *it, ll_slot *slot, int64_t point)
{
    const ll_plan *plan = it->plan;
    for (int64_t i = 0; i < plan->input_count; i++) {
        const ll_plan_input *input = &plan->inputs[i];
        if (input->sampled) continue;
        const ll_value *value = &plan->values[input->value];
        const void *data = find_binding(it->run, point, input->node);
        void *copy = slot->fixed + value->offset;
        double wide = (double)it->run->samples;
        float narrow = (float)it->run->samples;
        if (!data) /* only the number of samples may be missing */
            data =
                ll_graph_node_at(plan->graph, input->node)->dtype == LL_F64 ? (void *)&wide : (void *)&narrow;
        if (plan->kept_passes > 0 && !plan->varies[input->node]) {
            if (memcmp(copy, data, value->fixed_bytes) != 0) {
                slot->kept = false;
                memcpy(copy, data, value->fixed_bytes);
            }
            data = copy;
        } else if (data == &wide || data == &narrow || (uintptr_t)data % LL_ALIGNMENT != 0) {
            memcpy(copy, data, value->fixed_bytes);
            data = copy;
        }
        slot->bound[input->value] = data;
    }
}

/* Of the indices and all rows that a point of the run reads. */
static ll_hash hash_rows(const whole_run *it, int64_t point)
{
    const ll_run *run = it->run;
    ll_hash all = ll_hash_bytes(run->indices, run->indices ? (size_t)run->samples * sizeof *run->indices : 0);
    for (int64_t i = 0; i < it->plan->input_count; i++) {
        const ll_plan_input *input = &it->plan->inputs[i];
        const char *data = input->sampled ? find_binding(run, point, input->node) : NULL;
        if (!data) continue;
        const ll_graph_node *node = ll_graph_node_at(it->plan->graph, input->node);
        size_t bytes = ll_dtype_bytes(node->dtype);
        for (int axis = 1; axis < node->rank; axis++) bytes *= (size_t)node->shape[axis];
        bool rows = run->indices && input->kind != LL_INPUT_SAMPLE_INDEX;
        ll_hash chain[2] = {all, {0}};
        if (!rows) {
            chain[1] = ll_hash_bytes(data, (size_t)run->samples * bytes);
            all = ll_hash_bytes(chain, sizeof chain);
        }
        for (int64_t k = 0; rows && k < run->samples; k++) {
            chain[0] = all;
            chain[1] = ll_hash_bytes(data + (size_t)run->indices[k] * bytes, bytes);
            all = ll_hash_bytes(chain, sizeof chain);
        }
    }
    return all;
}

/* Rows start .. start + count - 1 of the run into the arena. */
static void load_rows(const whole_run *it, int64_t point, const ll_value *value, int64_t start, int64_t count,
                      char *target)
{
    const ll_run *run = it->run;
    const char *data = find_binding(run, point, value->node);
    const ll_graph_node *node = ll_graph_node_at(it->plan->graph, value->node);
    if (node->attributes.input.kind == LL_INPUT_SAMPLE_INDEX) {
        int64_t *numbers = (int64_t *)(void *)target;
        for (int64_t i = 0; i < count; i++) {
            if (data) memcpy(&numbers[i], data + (start + i) * (int64_t)sizeof(int64_t), sizeof(int64_t));
            else numbers[i] = run->indices ? run->indices[start + i] : start + i;
        }
        return;
    }
    size_t bytes = value->sample_bytes;
    if (!run->indices) {
        memcpy(target, data + (size_t)start * bytes, (size_t)count * bytes);
        return;
    }
    for (int64_t i = 0; i < count; i++)
        memcpy(target + (size_t)i * bytes, data + (size_t)run->indices[start + i] * bytes, bytes);
}

/* ------------------------------------------------------------------ steps */

static void *pointer_to(const ll_plan *plan, const ll_slot *slot, const ll_stream *stream, int64_t batch,
                        int32_t id)
{
    int32_t root = ll_plan_root(plan, id);
    const ll_value *value = &plan->values[root];
    switch (value->place) {
    case LL_PLACE_BOUND: return (void *)(uintptr_t)slot->bound[root];
    case LL_PLACE_CONSTANT:
        return (void *)(uintptr_t)ll_graph_node_at(plan->graph, value->node)->attributes.constant.data;
    case LL_PLACE_FIXED: return slot->fixed + value->offset;
    case LL_PLACE_ARENA: return stream->arena + value->offset;
    default: return slot->stash + (size_t)batch * plan->stash_per_micro_batch + value->offset;
    }
}

static ll_status run_step(const point_run *it, ll_stream *stream, int64_t index, const ll_variant *variant,
                          int64_t batch, ll_error *error)
{
    const ll_plan *plan = it->execution->plan;
    const ll_step *step = &plan->steps[index];
    const void **inputs = stream->pointers;
    for (int32_t i = 0; i < step->input_count; i++)
        inputs[i] = pointer_to(plan, it->slot, stream, batch, step->inputs[i]);
    void **outputs = (void **)(uintptr_t)(stream->pointers + step->input_count);
    for (int32_t i = 0; i < step->output_count; i++)
        outputs[i] = pointer_to(plan, it->slot, stream, batch, step->outputs[i]);
    double start = plan->profile ? ll_clock_seconds() : 0;
    if (step->kind == &ll_step_load) {
        load_rows(it->execution, it->point, &plan->values[step->outputs[0]], batch * plan->micro_batch,
                  variant->samples, outputs[0]);
    } else {
        const void *state = variant ? variant->states[index] : step->fixed_state;
        LL_TRY(step->kind->run(step, state, inputs, outputs, stream->workspace, error));
    }
    if (plan->profile) {
        stream->seconds[index] += ll_clock_seconds() - start;
        stream->runs[index]++;
    }
    return LL_OK;
}

static void store_total(ll_dtype dtype, const double *sums, int64_t count, void *target)
{
    switch (dtype) {
    case LL_F32:
        for (int64_t i = 0; i < count; i++) ((float *)target)[i] = (float)sums[i];
        break;
    case LL_F64: memcpy(target, sums, sizeof(double) * (size_t)count); break;
    case LL_I32:
        for (int64_t i = 0; i < count; i++) ((int32_t *)target)[i] = (int32_t)sums[i];
        break;
    case LL_I64:
        for (int64_t i = 0; i < count; i++) ((int64_t *)target)[i] = (int64_t)sums[i];
        break;
    default:
        for (int64_t i = 0; i < count; i++) ((uint8_t *)target)[i] = sums[i] != 0;
        break;
    }
}

/* Rows of a per-sample output into the caller's array; the sample axis may stand anywhere. */
static void deliver_rows(const ll_plan *plan, const ll_plan_output *output, const char *source,
                         int64_t samples, int64_t start, int64_t count, char *target)
{
    const ll_graph_node *node = ll_graph_node_at(plan->graph, output->node);
    int axis = ll_graph_sample_axis(node);
    size_t outer = 1, inner = ll_dtype_bytes(node->dtype) * (size_t)-node->shape[axis];
    for (int i = 0; i < axis; i++) outer *= (size_t)node->shape[i];
    for (int i = axis + 1; i < node->rank; i++) inner *= (size_t)node->shape[i];
    for (size_t o = 0; o < outer; o++)
        memcpy(target + (o * (size_t)samples + (size_t)start) * inner, source + o * (size_t)count * inner,
               (size_t)count * inner);
}

static ll_status run_chunk(void *context, int64_t number, int thread, ll_error *error)
{
    const point_run *it = context;
    const whole_run *execution = it->execution;
    const ll_plan *plan = execution->plan;
    /* Back and forth: a pass begins with what the pass before has left in the cache. */
    int64_t chunk = it->pass % 2 == 0 ? number : execution->chunks - 1 - number;
    ll_stream *stream = &plan->streams[thread];
    int64_t first = chunk * execution->chunk_batches;
    int64_t last = ll_min_int64(first + execution->chunk_batches, execution->batches);
    for (int64_t batch = first; batch < last; batch++) {
        int64_t start = batch * plan->micro_batch;
        int64_t count = ll_min_int64(plan->micro_batch, execution->run->samples - start);
        const ll_variant *variant = count == plan->micro_batch ? execution->full : execution->tail;
        for (int64_t s = 0; s < plan->step_count; s++) {
            const ll_step *step = &plan->steps[s];
            if (step->pass != it->pass || !step->sampled) continue;
            LL_TRY(run_step(it, stream, s, variant, batch, error));
            for (int32_t o = 0; o < step->output_count; o++) {
                const ll_value *value = &plan->values[step->outputs[o]];
                if (value->total < 0) continue;
                ll_sum_accumulate(plan->cpu, ll_value_type(plan, value),
                                  pointer_to(plan, it->slot, stream, batch, step->outputs[o]),
                                  value->sum_count, batch == first,
                                  it->slot->sums + chunk * plan->sum_count + value->sum_offset);
            }
        }
        for (int64_t o = 0; o < plan->output_count; o++) {
            const ll_plan_output *output = &plan->outputs[o];
            void *result = execution->run->results[it->point * plan->output_count + o];
            if (!output->sampled || !result) continue;
            if (output->pass != it->pass) continue;
            deliver_rows(plan, output, pointer_to(plan, it->slot, stream, batch, output->value),
                         execution->run->samples, start, count, result);
        }
    }
    return LL_OK;
}

/* ------------------------------------------------------------------ sums over the chunks */

enum { SUM_BLOCK = 8192 };

/* A block of this pass's sums: a binary tree over the chunks. */
static ll_status add_block(void *context, int64_t block, int thread, ll_error *error)
{
    const point_run *it = context;
    const ll_plan *plan = it->execution->plan;
    (void)thread;
    (void)error;
    int64_t first = plan->sums_before[it->pass] + block * SUM_BLOCK, chunks = it->execution->chunks;
    int64_t count = ll_min_int64(SUM_BLOCK, plan->sums_before[it->pass + 1] - first);
    double *sums = it->slot->sums;
    for (int64_t distance = 1; distance < chunks; distance *= 2)
        for (int64_t chunk = 0; chunk + distance < chunks; chunk += 2 * distance)
            ll_sum_add(plan->cpu, sums + chunk * plan->sum_count + first,
                       sums + (chunk + distance) * plan->sum_count + first, count);
    return LL_OK;
}

static ll_status finish_sums(point_run *it, ll_error *error)
{
    const whole_run *execution = it->execution;
    const ll_plan *plan = execution->plan;
    int64_t blocks =
        (plan->sums_before[it->pass + 1] - plan->sums_before[it->pass] + SUM_BLOCK - 1) / SUM_BLOCK;
    if (execution->chunks > 1 && blocks > 1 && execution->team) {
        LL_TRY(ll_team_run(execution->team, blocks, add_block, it, error));
    } else if (execution->chunks > 1) {
        for (int64_t block = 0; block < blocks; block++) LL_TRY(add_block(it, block, 0, error));
    }
    for (int32_t v = 0; v < plan->value_count; v++) {
        const ll_value *value = &plan->values[v];
        if (value->total < 0 || value->pass != it->pass) continue;
        double *sums = it->slot->sums + value->sum_offset;
        if (execution->chunks == 0) memset(sums, 0, sizeof(double) * (size_t)value->sum_count);
        store_total(ll_value_type(plan, value), sums, value->sum_count,
                    it->slot->fixed + plan->values[value->total].offset);
    }
    return LL_OK;
}

/* ------------------------------------------------------------------ a point */

static ll_status run_fixed(const point_run *it, ll_stream *stream, ll_error *error)
{
    const ll_plan *plan = it->execution->plan;
    for (int64_t s = 0; s < plan->step_count; s++) {
        const ll_step *step = &plan->steps[s];
        if (step->pass == it->pass && !step->sampled) LL_TRY(run_step(it, stream, s, NULL, 0, error));
    }
    return LL_OK;
}

/* Whether the slot keeps what the first passes of this point would compute. If not, they are to be run. */
static bool is_kept(const whole_run *execution, int64_t point, ll_slot *slot)
{
    if (execution->plan->kept_passes == 0) return false;
    ll_hash rows = hash_rows(execution, point);
    bool same =
        slot->kept && slot->kept_samples == execution->run->samples && ll_hash_equal(slot->kept_rows, rows);
    slot->kept = same;
    slot->kept_samples = execution->run->samples;
    slot->kept_rows = rows;
    return same;
}

static ll_status run_point(const whole_run *execution, int64_t point, ll_slot *slot, int thread,
                           ll_error *error)
{
    const ll_plan *plan = execution->plan;
    point_run it = {.execution = execution, .slot = slot, .point = point};
    bind_fixed(execution, slot, point);
    bool reuse = is_kept(execution, point, slot);
    slot->reused += reuse;
    for (it.pass = reuse ? plan->kept_passes : 0; it.pass <= plan->passes; it.pass++) {
        if (it.pass == plan->kept_passes) slot->kept = plan->kept_passes > 0;
        LL_TRY(run_fixed(&it, &plan->streams[thread], error));
        if (it.pass == plan->passes) break;
        if (execution->team) {
            LL_TRY(ll_team_run(execution->team, execution->chunks, run_chunk, &it, error));
        } else {
            for (int64_t chunk = 0; chunk < execution->chunks; chunk++)
                LL_TRY(run_chunk(&it, chunk, thread, error));
        }
        LL_TRY(finish_sums(&it, error));
    }
    for (int64_t o = 0; o < plan->output_count; o++) {
        const ll_plan_output *output = &plan->outputs[o];
        void *result = execution->run->results[point * plan->output_count + o];
        if (output->sampled || !result) continue;
        int64_t count = 0;
        const ll_graph_node *node = ll_graph_node_at(plan->graph, output->node);
        if (!ll_graph_elements(node, 0, &count)) continue;
        memcpy(result, pointer_to(plan, slot, &plan->streams[thread], 0, output->value),
               (size_t)count * ll_dtype_bytes(node->dtype));
    }
    return LL_OK;
}

static ll_status run_one_of_many(void *context, int64_t point, int thread, ll_error *error)
{
    const whole_run *it = context;
    return run_point(it, point, &it->plan->slots[thread], thread, error);
}

static void collect_profile(ll_plan *plan)
{
    for (int64_t s = 0; s < plan->step_count; s++) {
        for (int i = 0; i < plan->stream_count; i++) {
            ll_stream *stream = &plan->streams[i];
            plan->steps[s].seconds += stream->seconds[s];
            plan->steps[s].runs += stream->runs[s];
            stream->seconds[s] = 0;
            stream->runs[s] = 0;
        }
    }
    if (!plan->verbose) return;
    for (int64_t s = 0; s < plan->step_count; s++) {
        const ll_step *step = &plan->steps[s];
        const ll_graph_node *node = ll_graph_node_at(plan->graph, step->node);
        ll_text shape = {0};
        ll_graph_shape_text(&shape, node->dtype, node->shape, node->rank);
        ll_log_line(plan->options.log, LL_LOG_VERBOSE, "node %%%d %s kernel %s %s: %.3f ms in %lld runs",
                    (int)step->node, ll_op_traits_of(node->op)->name, step->kind->name,
                    shape.text ? shape.text : "", 1e3 * step->seconds, (long long)step->runs);
        ll_text_deinit(&shape);
    }
}

ll_status ll_plan_run(ll_plan *plan, ll_team *team, const ll_run *run, ll_error *error)
{
    if (!plan || !run || run->samples < 0 || run->points < 0 || (plan->output_count > 0 && !run->results))
        return ll_fail(error, LL_INVALID_ARGUMENT, "runtime", NULL,
                       "a run needs a plan, results and numbers of samples and points that are not negative");
    int64_t points = run->points ? run->points : 1;
    for (int64_t point = 0; point < points; point++) LL_TRY(check_bound(plan, run, point, error));
    whole_run it = {.plan = plan, .run = run};
    it.batches = plan->passes ? (run->samples + plan->micro_batch - 1) / plan->micro_batch : 0;
    it.chunk_batches = ll_plan_chunk_batches(plan, it.batches);
    it.chunks = (it.batches + it.chunk_batches - 1) / it.chunk_batches;
    int64_t tail = run->samples % plan->micro_batch;
    if (plan->passes && tail) LL_TRY(ll_plan_variant(plan, tail, &it.tail, error));
    if (plan->passes) LL_TRY(ll_plan_variant(plan, plan->micro_batch, &it.full, error));
    if (plan->passes && tail) LL_TRY(ll_plan_variant(plan, tail, &it.tail, error));

    int threads = ll_team_threads(team);
    size_t bytes;
    LL_TRY(ll_plan_memory(plan, run->samples, threads, &bytes, error));
    /* Many points: one thread a point and no waiting inside, if a block a thread fits. The bits are the same. */
    size_t slot_bytes = plan->fixed_bytes + (size_t)it.batches * plan->stash_per_micro_batch +
                        (size_t)(it.chunks * plan->sum_count) * sizeof(double);
    size_t limit = plan->options.memory_limit ? plan->options.memory_limit : bytes + ((size_t)256 << 20);
    bool spread = threads > 1 && points >= threads && points % threads == 0;
    if (points >= 4 * threads) spread = threads > 1;
    if (slot_bytes > (limit - bytes) / (size_t)threads) spread = false;
    LL_TRY(ready_streams(plan, threads, error));
    LL_TRY(ready_slots(plan, spread ? threads : 1, it.batches, it.chunks, error));
    if (spread) {
        LL_TRY(ll_team_run(team, points, run_one_of_many, &it, error));
    } else {
        it.team = team;
        for (int64_t point = 0; point < points; point++)
            LL_TRY(run_point(&it, point, &plan->slots[0], 0, error));
    }
    if (plan->profile) collect_profile(plan);
    return LL_OK;
}
