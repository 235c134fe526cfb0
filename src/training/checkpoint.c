#include "training/checkpoint.h"

#include "losslens/formats.h"
#include "losslens/problem_vectors.h"
#include "training/optimiser_internal.h"

#include <stdio.h>
#include <string.h>

static const char *const module = "training";

enum { OTHERS = 7 }; /* tensors besides the model's */

static ll_tensor_type tensor_type(ll_real type)
{
    return type == LL_REAL_FLOAT32 ? LL_TENSOR_FLOAT32 : LL_TENSOR_FLOAT64;
}

static const char *model_name(ll_arena *arena, const char *name)
{
    char text[512];
    return snprintf(text, sizeof text, "model.%s", name) < (int)sizeof text ? ll_arena_text(arena, text)
                                                                            : NULL;
}

/* The model's tensors at theta and buffers; false: no memory, or a name without end. */
static bool list_model(const checkpoint *state, ll_arena *arena, ll_tensor *tensors)
{
    const ll_problem_info *info = state->info;
    for (int64_t p = 0; p < info->parameters; p++) {
        const ll_parameter *parameter = &info->parameter[p];
        ll_tensor *tensor = &tensors[p];
        *tensor = (ll_tensor){.name = model_name(arena, parameter->name),
                              .type = tensor_type(info->type),
                              .rank = parameter->rank,
                              .data = ll_vector_at(info->type, state->theta, parameter->offset)};
        memcpy(tensor->shape, parameter->shape, (size_t)parameter->rank * sizeof *parameter->shape);
        if (tensor->name == NULL) return false;
    }
    for (int64_t b = 0; b < info->buffers; b++) {
        const ll_buffer_entry *buffer = &info->buffer[b];
        ll_tensor *tensor = &tensors[info->parameters + b];
        *tensor = (ll_tensor){.name = model_name(arena, buffer->name),
                              .type = tensor_type(info->type),
                              .rank = 1,
                              .shape = {buffer->count},
                              .data = ll_vector_at(info->type, state->buffers, buffer->offset)};
        if (tensor->name == NULL) return false;
    }
    return true;
}

static int64_t list_head(checkpoint *state, ll_tensor *tensors)
{
    tensors[0] = (ll_tensor){.name = "training.counters",
                             .type = LL_TENSOR_INT64,
                             .rank = 1,
                             .shape = {CHECKPOINT_COUNTERS},
                             .data = state->counters};
    tensors[1] = (ll_tensor){
        .name = "training.sums", .type = LL_TENSOR_FLOAT64, .rank = 1, .shape = {2}, .data = state->sums};
    return 2;
}

static int64_t list_rest(const checkpoint *state, ll_tensor *tensors)
{
    int64_t count = 0;
    tensors[count++] = (ll_tensor){.name = "training.loss",
                                   .type = LL_TENSOR_FLOAT64,
                                   .rank = 1,
                                   .shape = {state->epochs},
                                   .data = state->loss};
    tensors[count++] = (ll_tensor){.name = "training.gradient_norm",
                                   .type = LL_TENSOR_FLOAT64,
                                   .rank = 1,
                                   .shape = {state->epochs},
                                   .data = state->gradient_norm};
    tensors[count++] = (ll_tensor){.name = "training.evaluation",
                                   .type = LL_TENSOR_FLOAT64,
                                   .rank = 2,
                                   .shape = {state->epochs, 1 + state->info->metrics},
                                   .data = state->evaluation};
    if (state->ended) return count;
    ll_optimiser *o = state->optimiser;
    tensors[count++] = (ll_tensor){.name = "optimiser.scalars",
                                   .type = LL_TENSOR_UINT8,
                                   .rank = 1,
                                   .shape = {(int64_t)optimiser_head_bytes(o)}};
    tensors[count++] = (ll_tensor){.name = "optimiser.vectors",
                                   .type = tensor_type(o->type),
                                   .rank = 2,
                                   .shape = {o->state_vectors, o->n},
                                   .data = o->vectors};
    return count;
}

ll_status checkpoint_encode(const checkpoint *state, ll_text *bytes, ll_error *error)
{
    static const char *const metadata[][2] = {{"losslens", "training state"}};
    const ll_problem_info *info = state->info;
    checkpoint copy = *state;
    int64_t count = info->parameters + info->buffers;
    ll_arena *arena = ll_arena_create(4096);
    ll_tensor *tensors = ll_allocate_array(count + OTHERS, sizeof *tensors);
    unsigned char *head = ll_allocate(optimiser_head_bytes(state->optimiser));
    bool good = arena != NULL && tensors != NULL && head != NULL && list_model(state, arena, tensors);
    ll_status status =
        good ? LL_OK : ll_fail_memory(error, module, (size_t)(count + OTHERS) * sizeof *tensors);
    if (good) {
        count += list_head(&copy, tensors + count);
        count += list_rest(&copy, tensors + count);
        optimiser_write_head(state->optimiser, head);
        for (int64_t i = 0; i < count; i++) {
            if (strcmp(tensors[i].name, "optimiser.scalars") == 0) tensors[i].data = head;
        }
        status = ll_safetensors_encode(tensors, count, metadata, 1, bytes, error);
    }
    ll_free(head);
    ll_free(tensors);
    ll_arena_destroy(arena);
    return status;
}

/* ---------------------------------------------------------------- reading */

/* The file's tensor like `wanted`, which is to be filled; refuses another type or shape. */
static ll_status copy_tensor(const ll_tensor_file *file, const ll_tensor *wanted, void *to, ll_error *error)
{
    const ll_tensor *found = ll_tensor_file_find(file, wanted->name);
    bool fits = found != NULL && found->type == wanted->type && found->rank == wanted->rank;
    for (int axis = 0; fits && axis < wanted->rank; axis++) fits = found->shape[axis] == wanted->shape[axis];
    if (!fits) {
        char got[160] = "nothing", want[160];
        ll_tensor_describe(wanted, want, sizeof want);
        if (found != NULL) ll_tensor_describe(found, got, sizeof got);
        return ll_fail(error, LL_INVALID_ARGUMENT, module, wanted->name,
                       "it belongs to another run or is damaged: %s; wanted %s", got, want);
    }
    if (ll_tensor_count(found) > 0) memcpy(to, found->data, ll_tensor_bytes(found));
    return LL_OK;
}

static ll_status open_file(const void *bytes, size_t size, ll_tensor_file **file, ll_error *error)
{
    ll_format_limits limits = ll_format_limits_default();
    limits.unpacked_bytes = UINT64_MAX;
    return ll_tensor_file_parse(bytes, size, "checkpoint", &limits, file, error);
}

ll_status checkpoint_read_head(const void *bytes, size_t size, checkpoint *state, ll_error *error)
{
    ll_tensor_file *file;
    ll_tensor wanted[2];
    LL_TRY(open_file(bytes, size, &file, error));
    list_head(state, wanted);
    ll_status status = copy_tensor(file, &wanted[0], state->counters, error);
    if (status == LL_OK) status = copy_tensor(file, &wanted[1], state->sums, error);
    ll_tensor_file_destroy(file);
    return status;
}

static ll_status read_model(const ll_tensor_file *file, const checkpoint *state, ll_arena *arena,
                            ll_error *error)
{
    const ll_problem_info *info = state->info;
    int64_t count = info->parameters + info->buffers;
    ll_tensor *wanted = ll_arena_allocate(arena, (size_t)(count + 1) * sizeof *wanted);
    if (wanted == NULL || !list_model(state, arena, wanted))
        return ll_fail_memory(error, module, (size_t)count * sizeof *wanted);
    for (int64_t i = 0; i < count; i++) {
        bool buffer = i >= info->parameters;
        int64_t offset = buffer ? info->buffer[i - info->parameters].offset : info->parameter[i].offset;
        LL_TRY(copy_tensor(file, &wanted[i],
                           ll_vector_at_mutable(info->type, buffer ? state->buffers : state->theta, offset),
                           error));
    }
    return LL_OK;
}

static ll_status read_rest(const ll_tensor_file *file, checkpoint *state, ll_arena *arena, ll_error *error)
{
    ll_tensor wanted[OTHERS];
    double *const tables[3] = {state->loss, state->gradient_norm, state->evaluation};
    LL_TRY(read_model(file, state, arena, error));
    int64_t count = list_rest(state, wanted);
    for (int i = 0; i < 3; i++) LL_TRY(copy_tensor(file, &wanted[i], tables[i], error));
    if (count == 3) return LL_OK;
    unsigned char *head = ll_arena_allocate(arena, optimiser_head_bytes(state->optimiser));
    if (head == NULL) return ll_fail_memory(error, module, optimiser_head_bytes(state->optimiser));
    LL_TRY(copy_tensor(file, &wanted[3], head, error));
    LL_TRY(optimiser_read_head(state->optimiser, head, error));
    return copy_tensor(file, &wanted[4], state->optimiser->vectors, error);
}

ll_status checkpoint_read_rest(const void *bytes, size_t size, checkpoint *state, ll_error *error)
{
    ll_tensor_file *file;
    LL_TRY(open_file(bytes, size, &file, error));
    ll_arena *arena = ll_arena_create(4096);
    ll_status status =
        arena != NULL ? read_rest(file, state, arena, error) : ll_fail_memory(error, module, 4096);
    ll_arena_destroy(arena);
    ll_tensor_file_destroy(file);
    return status;
}
