/* Critical points from the lower and the upper link of each vertex: how many pieces each has. The upper link
 * is taken in the dual connectivity, because what the complement of a complex touches is what the complex
 * leaves apart: `box` for `axis` and the reverse; `freudenthal` is its own dual. */
#include "topology/internal.h"

#include <math.h>
#include <string.h>

typedef struct point_list {
    ll_critical_point *points;
    int64_t count, room;
} point_list;

static ll_status add(point_list *list, ll_critical_point point, ll_error *error)
{
    if (list->count == list->room) {
        int64_t room = list->room < 64 ? 64 : 2 * list->room;
        ll_critical_point *grown = ll_allocate_array(room, sizeof *grown);
        if (grown == NULL) return ll_fail_memory(error, TOPOLOGY, (size_t)room * sizeof *grown);
        if (list->count > 0) memcpy(grown, list->points, (size_t)list->count * sizeof *grown);
        ll_free(list->points);
        list->points = grown;
        list->room = room;
    }
    list->points[list->count++] = point;
    return LL_OK;
}

/* Pieces of the lower (or upper) link of the vertex at `place`. */
static int pieces(const ll_grid_field *field, const topology_stencil *stencil, const int64_t *place,
                  int64_t v, bool lower, bool superlevel)
{
    uint32_t mask[STENCIL_WORDS] = {0};
    double here = ll_grid_field_value(field, v);
    int last = stencil->rank - 1;
    for (int j = 0; j < stencil->count; j++) {
        bool inside = true;
        for (int axis = 0; axis < stencil->rank && inside; axis++) {
            int step = axis == last ? stencil->shift[j] : stencil->row_offset[stencil->row[j]][axis];
            int64_t there = place[axis] + step;
            inside = there >= 0 && there < stencil->shape[axis];
        }
        if (!inside) continue;
        int64_t u = v + stencil->delta[j];
        double there = ll_grid_field_value(field, u);
        if (!isfinite(there)) continue;
        bool before = superlevel ? there > here : there < here;
        if (there == here) before = u < v;
        if (before == lower) mask[stencil->word[j]] |= stencil->bit[j];
    }
    uint8_t representative[STENCIL_MAX];
    return topology_link_components(stencil, mask, representative);
}

ll_status ll_critical_points_of_grid(const ll_grid_field *field, const ll_topology_options *options,
                                     ll_critical_point **points, int64_t *count, ll_error *error)
{
    ll_topology_options defaults = ll_topology_options_default();
    if (options == NULL) options = &defaults;
    LL_TRY(ll_grid_field_check(field, error));
    if (!ll_connectivity_is_grid(options->connectivity)) {
        return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, NULL, "connectivity \"%s\" is not one of a grid",
                       ll_connectivity_name(options->connectivity));
    }
    if (field->rank != 2 && field->rank != 3) {
        return ll_fail(error, LL_UNSUPPORTED, TOPOLOGY, NULL,
                       "critical points are found for 2 and 3 axes, got %d", field->rank);
    }
    ll_connectivity dual = options->connectivity == LL_CONNECTIVITY_AXIS  ? LL_CONNECTIVITY_BOX
                           : options->connectivity == LL_CONNECTIVITY_BOX ? LL_CONNECTIVITY_AXIS
                                                                          : options->connectivity;
    topology_stencil below, above;
    if (!topology_stencil_make(field, options->connectivity, &below) ||
        !topology_stencil_make(field, dual, &above)) {
        return ll_fail(error, LL_INTERNAL, TOPOLOGY, NULL, "no stencil for a grid of %d axes", field->rank);
    }
    point_list list = {0};
    ll_status status = LL_OK;
    for (int64_t v = 0; v < below.vertices && status == LL_OK; v++) {
        double value = ll_grid_field_value(field, v);
        if (!isfinite(value)) continue;
        int64_t place[4], rest = v;
        for (int axis = below.rank - 1; axis >= 0; axis--) {
            place[axis] = rest % below.shape[axis];
            rest /= below.shape[axis];
        }
        int down = pieces(field, &below, place, v, true, options->superlevel);
        int up = pieces(field, &above, place, v, false, options->superlevel);
        ll_critical_point point = {.vertex = v, .value = value + 0.0, .multiplicity = 1};
        if (down == 0) {
            point.kind = LL_CRITICAL_MINIMUM;
        } else if (up == 0) {
            point.kind = LL_CRITICAL_MAXIMUM;
        } else if (down == 1 && up == 1) {
            continue;
        } else if (below.rank == 2) {
            /* In the interior both links of a saddle have the same number of pieces. */
            point.kind = LL_CRITICAL_SADDLE_1;
            point.multiplicity = (down > up ? down : up) - 1;
        } else {
            point.kind = up == 1     ? LL_CRITICAL_SADDLE_1
                         : down == 1 ? LL_CRITICAL_SADDLE_2
                                     : LL_CRITICAL_DEGENERATE;
            point.multiplicity = down - 1 + up - 1;
        }
        status = add(&list, point, error);
    }
    if (status == LL_OK && list.points == NULL) {
        list.points = ll_allocate(sizeof *list.points);
        if (list.points == NULL) status = ll_fail_memory(error, TOPOLOGY, sizeof *list.points);
    }
    if (status != LL_OK) {
        ll_free(list.points);
        return status;
    }
    *points = list.points;
    *count = list.count;
    return LL_OK;
}
