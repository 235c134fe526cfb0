/* What a field's own noise and sampling say about its pairs. */
#include "topology/order.h"

#include <math.h>
#include <string.h>

static double difference(ll_array_type type, const void *a, const void *b, int64_t v)
{
    double gap = fabs(topology_value_at(type, a, v) - topology_value_at(type, b, v));
    return isnan(gap) ? INFINITY : gap;
}

ll_status ll_significance_of_halves(const ll_merge_tree *tree, ll_array_type type, const void *values_a,
                                    const void *values_b, ll_significance *significance, bool *unresolved,
                                    ll_error *error)
{
    if (type != LL_ARRAY_FLOAT32 && type != LL_ARRAY_FLOAT64)
        return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, "halves",
                       "values of type %s; float32 or float64 is wanted", ll_array_type_name(type));
    if (tree->minima > 0 && (!values_a || !values_b))
        return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, "halves", "both halves are wanted");
    ll_significance result = {.minima = tree->minima, .merges = tree->merges};
    for (int64_t i = 0; i < tree->minima; i++) {
        const ll_persistence_pair *pair = &tree->pairs[i];
        bool both = false, either = false;
        if (!pair->essential) {
            const double persistence = ll_pair_persistence(pair);
            const bool at_birth = persistence < difference(type, values_a, values_b, pair->birth);
            const bool at_death = persistence < difference(type, values_a, values_b, pair->death);
            both = at_birth && at_death;
            either = at_birth || at_death;
        }
        result.unresolved += both;
        result.unresolved_either += either;
        if (unresolved) unresolved[i] = both;
    }
    result.minima_resolved = result.minima - result.unresolved;
    result.merges_resolved = result.merges - result.unresolved;
    *significance = result;
    return LL_OK;
}

ll_status ll_grid_field_every_second(const ll_grid_field *field, ll_grid_field *half, ll_error *error)
{
    LL_TRY(ll_grid_field_check(field, error));
    ll_grid_field result = {.type = field->type, .rank = field->rank};
    int64_t stride[LL_FIELD_MAX_RANK], count = 1;
    for (int axis = field->rank - 1; axis >= 0; axis--) {
        result.shape[axis] = (field->shape[axis] + 1) / 2;
        stride[axis] = axis == field->rank - 1 ? 1 : stride[axis + 1] * field->shape[axis + 1];
        count *= result.shape[axis];
    }
    const size_t bytes = ll_array_type_bytes(field->type);
    char *values = ll_allocate_array(count, bytes);
    if (!values) return ll_fail_memory(error, TOPOLOGY, (size_t)count * bytes);
    int64_t place[LL_FIELD_MAX_RANK] = {0};
    for (int64_t i = 0; i < count; i++) {
        int64_t from = 0;
        for (int axis = 0; axis < field->rank; axis++) from += 2 * place[axis] * stride[axis];
        memcpy(values + (size_t)i * bytes, (const char *)field->values + (size_t)from * bytes, bytes);
        for (int axis = field->rank - 1; axis >= 0 && ++place[axis] == result.shape[axis]; axis--)
            place[axis] = 0;
    }
    result.values = values;
    *half = result;
    return LL_OK;
}
