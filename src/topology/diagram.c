#include "topology/diagram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

ll_diagram_view ll_diagram_view_of_tree(const ll_merge_tree *tree)
{
    return (ll_diagram_view){.pairs = tree->pairs, .count = tree->minima, .dimension = 0};
}

void topology_diagram_deinit(topology_diagram *diagram)
{
    ll_free(diagram->points), ll_free(diagram->half), ll_free(diagram->essential);
    *diagram = (topology_diagram){0};
}

static int ascending(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* Most persistent first; equal ones by birth, then death: the order does not depend on vertex ids. */
static int by_persistence(const void *a, const void *b)
{
    const double *x = a, *y = b;
    const double p = fabs(x[1] - x[0]), q = fabs(y[1] - y[0]);
    if (p != q) return p > q ? -1 : 1;
    if (x[0] != y[0]) return x[0] < y[0] ? -1 : 1;
    return x[1] < y[1] ? -1 : x[1] > y[1];
}

ll_status topology_diagram_init(topology_diagram *diagram, ll_diagram_view view, ll_error *error)
{
    if (view.count < 0 || (view.count > 0 && !view.pairs))
        return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, "diagram", "%lld pairs, but none at hand",
                       (long long)view.count);
    topology_diagram result = {.points = ll_allocate_array(2 * view.count, sizeof(double)),
                               .half = ll_allocate_array(view.count, sizeof(double)),
                               .essential = ll_allocate_array(view.count, sizeof(double))};
    if (!result.points || !result.half || !result.essential) {
        topology_diagram_deinit(&result);
        return ll_fail_memory(error, TOPOLOGY, (size_t)view.count * 32);
    }
    for (int64_t i = 0; i < view.count; i++) {
        const ll_persistence_pair *pair = &view.pairs[i];
        if (pair->dimension != view.dimension) continue;
        if (pair->essential) {
            result.essential[result.essential_count++] = pair->birth_value;
            continue;
        }
        if (!isfinite(pair->birth_value) || !isfinite(pair->death_value)) {
            topology_diagram_deinit(&result);
            return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, "diagram",
                           "pair %lld is not finite and not marked essential", (long long)i);
        }
        if (!(ll_pair_persistence(pair) > 0)) continue;
        result.points[2 * result.count] = pair->birth_value;
        result.points[2 * result.count++ + 1] = pair->death_value;
    }
    qsort(result.points, (size_t)result.count, 2 * sizeof(double), by_persistence);
    qsort(result.essential, (size_t)result.essential_count, sizeof(double), ascending);
    for (int64_t i = 0; i < result.count; i++)
        result.half[i] = fabs(result.points[2 * i + 1] - result.points[2 * i]) / 2;
    *diagram = result;
    return LL_OK;
}
