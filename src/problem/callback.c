/* Creation of a Problem from tables and a vtable. The tables come from outside and are checked in full: an
 * offset that points past theta would turn into a stray write in every analysis. */
#include "problem/problem_internal.h"

#include <math.h>
#include <string.h>

static const char *const module = "problem";

static ll_status check_parameters(const ll_problem_info *info, ll_error *error)
{
    int64_t next = 0;
    for (int64_t p = 0; p < info->parameters; p++) {
        const ll_parameter *parameter = &info->parameter[p];
        if (parameter->name == NULL)
            return ll_fail(error, LL_INVALID_ARGUMENT, module, info->name, "parameter %lld has no name",
                           (long long)p);
        if (parameter->rank < 0 || parameter->rank > LL_PARAMETER_MAX_RANK)
            return ll_fail(error, LL_INVALID_ARGUMENT, module, parameter->name, "rank %d; 0..%d are possible",
                           parameter->rank, LL_PARAMETER_MAX_RANK);
        int64_t count = 0;
        if (!ll_shape_count(parameter->shape, parameter->rank, &count) || count != parameter->count)
            return ll_fail(error, LL_SHAPE, module, parameter->name, "count is %lld, its shape holds %lld",
                           (long long)parameter->count, (long long)count);
        if (parameter->offset != next)
            return ll_fail(error, LL_INVALID_ARGUMENT, module, parameter->name,
                           "offset is %lld; parameters lie one after the other, so it must be %lld",
                           (long long)parameter->offset, (long long)next);
        if (parameter->output_axis < -1 || parameter->output_axis >= parameter->rank)
            return ll_fail(error, LL_INVALID_ARGUMENT, module, parameter->name, "output axis %d of rank %d",
                           parameter->output_axis, parameter->rank);
        if (!ll_add_int64(next, count, &next))
            return ll_fail(error, LL_TOO_LARGE, module, parameter->name, "too many parameters to count");
    }
    if (next != info->parameter_count)
        return ll_fail(error, LL_SHAPE, module, info->name, "parameter_count is %lld, the table holds %lld",
                       (long long)info->parameter_count, (long long)next);
    return LL_OK;
}

static ll_status check_tables(const ll_problem_info *info, ll_error *error)
{
    const char *place = info->name;
    if (place == NULL) return ll_fail(error, LL_INVALID_ARGUMENT, module, NULL, "the problem has no name");
    if (info->type != LL_REAL_FLOAT32 && info->type != LL_REAL_FLOAT64)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, place, "type %d is neither float32 nor float64",
                       (int)info->type);
    if (info->parameter_count < 1 || info->parameters < 1 || info->parameter == NULL)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, place, "it has no parameters");
    if (info->terms < 1 || info->term == NULL)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, place, "it has no terms");
    if (info->buffers < 0 || info->metrics < 0 || info->layers < 0 ||
        (info->buffers > 0 && info->buffer == NULL) || (info->metrics > 0 && info->metric == NULL) ||
        (info->layers > 0 && info->layer == NULL))
        return ll_fail(error, LL_INVALID_ARGUMENT, module, place,
                       "a table of buffers, metrics or layers is missing");
    if (!isfinite(info->weight_decay) || info->weight_decay < 0)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, place, "weight decay %g", info->weight_decay);
    LL_TRY(check_parameters(info, error));
    int64_t next = 0;
    for (int64_t b = 0; b < info->buffers; b++) {
        if (info->buffer[b].name == NULL || info->buffer[b].offset != next || info->buffer[b].count < 0 ||
            !ll_add_int64(next, info->buffer[b].count, &next))
            return ll_fail(error, LL_INVALID_ARGUMENT, module, place,
                           "buffer %lld: name, offset (%lld wanted) or count is wrong", (long long)b,
                           (long long)next);
    }
    if (next != info->buffer_count)
        return ll_fail(error, LL_SHAPE, module, place, "buffer_count is %lld, the table holds %lld",
                       (long long)info->buffer_count, (long long)next);
    for (int64_t t = 0; t < info->terms; t++)
        if (info->term[t].name == NULL || !isfinite(info->term[t].weight) || info->term[t].samples < 1)
            return ll_fail(error, LL_INVALID_ARGUMENT, module, place,
                           "term %lld needs a name, a finite weight and at least one sample", (long long)t);
    for (int64_t m = 0; m < info->metrics; m++)
        if (info->metric[m].name == NULL)
            return ll_fail(error, LL_INVALID_ARGUMENT, module, place, "metric %lld has no name",
                           (long long)m);
    for (int64_t l = 0; l < info->layers; l++)
        if (info->layer[l].name == NULL || info->layer[l].width < 1)
            return ll_fail(error, LL_INVALID_ARGUMENT, module, place, "layer %lld needs a name and a width",
                           (long long)l);
    if (info->metrics == 0 && (info->capabilities & LL_CAN_METRICS) != 0)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, place, "it claims metrics but lists none");
    if (info->layers == 0 && (info->capabilities & LL_CAN_FEATURES) != 0)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, place, "it claims features but lists no layers");
    return LL_OK;
}

static ll_status check_roles(const ll_problem_info *info, const ll_role_samples *roles, int64_t role_count,
                             ll_error *error)
{
    for (int64_t r = 0; r < role_count; r++) {
        const ll_role_samples *role = &roles[r];
        if (role->role == NULL || role->term < 0 || role->term >= info->terms || role->count < 1 ||
            role->indices == NULL)
            return ll_fail(error, LL_INVALID_ARGUMENT, module, info->name,
                           "role %lld needs a name, a term and at least one sample", (long long)r);
        for (int64_t i = 0; i < role->count; i++)
            if (role->indices[i] < 0 || role->indices[i] >= info->term[role->term].samples)
                return ll_fail(error, LL_INVALID_ARGUMENT, module, role->role,
                               "sample %lld is outside 0..%lld of term \"%s\"", (long long)role->indices[i],
                               (long long)(info->term[role->term].samples - 1), info->term[role->term].name);
    }
    return LL_OK;
}

/* Arena copy of `count` entries of `size` bytes; an empty table gives a valid pointer. */
static void *copy_entries(ll_arena *arena, const void *entries, int64_t count, size_t size)
{
    size_t bytes = 0;
    if (!ll_multiply_size((size_t)count, size, &bytes)) return NULL;
    void *copy = ll_arena_allocate(arena, bytes > 0 ? bytes : 1);
    if (copy != NULL && bytes > 0) memcpy(copy, entries, bytes);
    return copy;
}

#define COPY_TABLE(problem, source, table, entries)                                                          \
    do {                                                                                                     \
        void *copied_ =                                                                                      \
            copy_entries((problem)->arena, (source)->table, (source)->entries, sizeof *(source)->table);     \
        if (copied_ == NULL) return false;                                                                   \
        (problem)->info.table = copied_;                                                                     \
        for (int64_t i_ = 0; i_ < (source)->entries; i_++) {                                                 \
            const char **name_ =                                                                             \
                (const char **)((unsigned char *)copied_ + (size_t)i_ * sizeof *(source)->table);            \
            *name_ = ll_arena_text((problem)->arena, *name_);                                                \
            if (*name_ == NULL) return false;                                                                \
        }                                                                                                    \
    } while (0)

/* COPY_TABLE relies on the name being the first member of every table's entry. */
_Static_assert(offsetof(ll_parameter, name) == 0 && offsetof(ll_buffer_entry, name) == 0 &&
                   offsetof(ll_term, name) == 0 && offsetof(ll_metric, name) == 0 &&
                   offsetof(ll_layer, name) == 0,
               "the name comes first in every table");

static bool copy_tables(ll_problem *problem, const ll_problem_info *info)
{
    problem->info = *info;
    problem->info.name = ll_arena_text(problem->arena, info->name);
    if (problem->info.name == NULL) return false;
    COPY_TABLE(problem, info, parameter, parameters);
    COPY_TABLE(problem, info, buffer, buffers);
    COPY_TABLE(problem, info, term, terms);
    COPY_TABLE(problem, info, metric, metrics);
    COPY_TABLE(problem, info, layer, layers);
    for (int64_t m = 0; m < info->metrics; m++) {
        const char *unit = info->metric[m].unit;
        ((ll_metric *)(uintptr_t)problem->info.metric)[m].unit =
            ll_arena_text(problem->arena, unit != NULL ? unit : "");
        if (problem->info.metric[m].unit == NULL) return false;
    }
    return true;
}

static bool copy_roles(ll_problem *problem, const ll_role_samples *roles, int64_t role_count)
{
    problem->roles = copy_entries(problem->arena, roles, role_count, sizeof *roles);
    if (problem->roles == NULL) return false;
    problem->role_count = role_count;
    for (int64_t r = 0; r < role_count; r++) {
        problem->roles[r].role = ll_arena_text(problem->arena, roles[r].role);
        problem->roles[r].indices =
            copy_entries(problem->arena, roles[r].indices, roles[r].count, sizeof *roles[r].indices);
        if (problem->roles[r].role == NULL || problem->roles[r].indices == NULL) return false;
    }
    return true;
}

/* Whole terms as explicit lists; shared by terms of the same length prefix: 0, 1, 2 ... of the longest. */
static bool make_everything(ll_problem *problem)
{
    int64_t longest = 0;
    for (int64_t t = 0; t < problem->info.terms; t++)
        longest = ll_max_int64(longest, problem->info.term[t].samples);
    problem->everything =
        ll_arena_allocate(problem->arena, (size_t)problem->info.terms * sizeof *problem->everything);
    if (problem->everything == NULL) return false;
    int64_t *numbers = NULL;
    if ((problem->info.capabilities & LL_CAN_SUBSETS) != 0) {
        size_t bytes = 0;
        if (!ll_multiply_size((size_t)longest, sizeof *numbers, &bytes)) return false;
        numbers = ll_arena_allocate(problem->arena, bytes);
        if (numbers == NULL) return false;
        for (int64_t i = 0; i < longest; i++) numbers[i] = i;
    }
    for (int64_t t = 0; t < problem->info.terms; t++)
        problem->everything[t] = (ll_samples){numbers, problem->info.term[t].samples};
    return true;
}

static bool copy_vector(const ll_problem_info *info, int64_t count, const void *values, void **copy)
{
    *copy = NULL;
    if (values == NULL) return true;
    *copy = ll_allocate_array(count, ll_real_bytes(info->type));
    if (*copy != NULL) memcpy(*copy, values, (size_t)count * ll_real_bytes(info->type));
    return *copy != NULL;
}

ll_status ll_problem_create_callback(const ll_problem_info *info, const void *origin,
                                     const void *origin_buffers, const ll_role_samples *roles,
                                     int64_t role_count, const ll_problem_callbacks *callbacks, void *context,
                                     ll_problem **problem, ll_error *error)
{
    if (info == NULL || callbacks == NULL || callbacks->evaluate == NULL || problem == NULL)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, NULL,
                       "info, an evaluate call-back and a result are needed");
    if (role_count < 0 || (role_count > 0 && roles == NULL))
        return ll_fail(error, LL_INVALID_ARGUMENT, module, info->name,
                       "%lld roles are announced but none given", (long long)role_count);
    LL_TRY(check_tables(info, error));
    LL_TRY(check_roles(info, roles, role_count, error));
    ll_problem *made = ll_allocate_zeroed(sizeof *made);
    if (made == NULL) return ll_fail_memory(error, module, sizeof *made);
    made->arena = ll_arena_create(4096);
    if (made->arena == NULL || !copy_tables(made, info) || !copy_roles(made, roles, role_count) ||
        !make_everything(made) || !copy_vector(info, info->parameter_count, origin, &made->origin) ||
        !copy_vector(info, info->buffer_count, origin_buffers, &made->origin_buffers)) {
        ll_problem_destroy(made);
        return ll_fail_memory(error, module, (size_t)info->parameter_count * ll_real_bytes(info->type));
    }
    made->callbacks = *callbacks;
    made->context = context;
    *problem = made;
    return LL_OK;
}
