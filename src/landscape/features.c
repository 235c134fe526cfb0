/* Features of a landscape that two halves of its data agree on, and that half its resolution shows. */
#include "losslens/landscape.h"
#include "losslens/topology.h"

#include <math.h>
#include <string.h>

static const char *const module = "landscape";

static ll_status field_of(const ll_record *landscape, const char *name, ll_grid_field *field, ll_error *error)
{
    const ll_array *values;
    LL_TRY(ll_record_get_array(landscape, name, &values, error));
    *field = (ll_grid_field){.type = values->type, .rank = values->rank, .values = values->data};
    memcpy(field->shape, values->shape, (size_t)values->rank * sizeof field->shape[0]);
    return LL_OK;
}

static ll_status put_halves(const ll_record *landscape, const ll_merge_tree *tree, const ll_grid_field *field,
                            ll_record *record, ll_error *error)
{
    ll_grid_field half[2];
    if (ll_record_find(landscape, "half_a_loss") == NULL || ll_record_find(landscape, "half_b_loss") == NULL)
        return LL_OK;
    LL_TRY(field_of(landscape, "half_a_loss", &half[0], error));
    LL_TRY(field_of(landscape, "half_b_loss", &half[1], error));
    ll_significance found;
    LL_TRY(ll_significance_of_halves(tree, field->type, half[0].values, half[1].values, &found, NULL, error));
    const double *a = half[0].values, *b = half[1].values;
    int64_t count = ll_grid_field_vertices(field), finite = 0;
    double squares = 0.0, most = 0.0;
    for (int64_t p = 0; p < count; p++) {
        double difference = fabs(a[p] - b[p]);
        if (!isfinite(difference)) continue;
        squares += difference * difference;
        most = fmax(most, difference);
        finite++;
    }
    LL_TRY(ll_record_set_integer(record, "minima_resolved", "", found.minima_resolved, error));
    LL_TRY(ll_record_set_integer(record, "merges_resolved", "", found.merges_resolved, error));
    LL_TRY(ll_record_set_integer(record, "unresolved", "", found.unresolved, error));
    LL_TRY(ll_record_set_integer(record, "unresolved_either", "", found.unresolved_either, error));
    LL_TRY(ll_record_set_real(record, "halves_difference", "loss",
                              finite > 0 ? sqrt(squares / (double)finite) : NAN, error));
    return ll_record_set_real(record, "halves_difference_max", "loss", finite > 0 ? most : NAN, error);
}

static ll_status put_every_second(const ll_grid_field *field, const ll_topology_options *options,
                                  ll_record *record, ll_error *error)
{
    for (int d = 0; d < field->rank; d++)
        if (field->shape[d] > 1 && field->shape[d] < 3) return LL_OK;
    ll_grid_field half;
    ll_merge_tree tree = {0};
    LL_TRY(ll_grid_field_every_second(field, &half, error));
    ll_status status = ll_merge_tree_of_grid(&half, options, &tree, error);
    if (status == LL_OK)
        status = ll_record_set_integer(record, "minima_every_second", "", tree.minima, error);
    ll_merge_tree_deinit(&tree);
    ll_free((void *)(uintptr_t)half.values);
    return status;
}

ll_status ll_landscape_features(const ll_record *landscape, const char *connectivity, ll_record **record,
                                ll_error *error)
{
    ll_grid_field field;
    ll_topology_options options = ll_topology_options_default();
    LL_TRY(field_of(landscape, "loss", &field, error));
    if (connectivity != NULL && !ll_connectivity_parse(connectivity, &options.connectivity))
        return ll_fail(error, LL_INVALID_ARGUMENT, module, "features", "there is no connectivity \"%s\"",
                       connectivity);
    ll_merge_tree tree = {0};
    LL_TRY(ll_merge_tree_of_grid(&field, &options, &tree, error));
    ll_record *made = ll_record_create("features");
    ll_status status = made == NULL ? ll_fail_memory(error, module, 0) : LL_OK;
    if (status == LL_OK)
        status = ll_record_set_text(made, "connectivity", ll_connectivity_name(options.connectivity), error);
    if (status == LL_OK) status = ll_record_set_integer(made, "minima", "", tree.minima, error);
    if (status == LL_OK) status = ll_record_set_integer(made, "merges", "", tree.merges, error);
    if (status == LL_OK) status = put_halves(landscape, &tree, &field, made, error);
    if (status == LL_OK) status = put_every_second(&field, &options, made, error);
    ll_merge_tree_deinit(&tree);
    if (status != LL_OK) {
        ll_record_destroy(made);
        return status;
    }
    *record = made;
    return LL_OK;
}
