/* Points and targets that the public code of Krishnapriyan et al. 2021 leaves inside its pickled networks: columns x_u,
 * t_u, u (initial), x_bc_lb, t_bc_lb, x_bc_ub, t_bc_ub (boundary pairs), x_f, t_f (collocation), G (source). */
#include "losslens/networks_pinn.h"

#include <math.h>
#include <string.h>

enum { MOST_COLUMNS = 4 };

static const struct stored_table {
    const char *columns[MOST_COLUMNS];
    int width;
} tables[] = {
    {{"x_u", "t_u", "u"}, 3}, {{"x_bc_lb", "t_bc_lb", "x_bc_ub", "t_bc_ub"}, 4}, {{"x_f", "t_f"}, 2}};
enum { TABLES = sizeof tables / sizeof *tables };

static bool holds_all(const ll_tensor_file *file)
{
    for (int t = 0; t < TABLES; t++) {
        for (int c = 0; c < tables[t].width; c++) {
            if (ll_tensor_file_find(file, tables[t].columns[c]) == NULL) return false;
        }
    }
    return true;
}

static ll_status read_table(const ll_tensor_file *file, int index, ll_pinn_samples *samples, ll_error *error)
{
    const struct stored_table *table = &tables[index];
    int64_t count = ll_tensor_count(ll_tensor_file_find(file, table->columns[0])), width = table->width,
            values;
    for (int c = 0; c < width; c++) {
        int64_t each = ll_tensor_count(ll_tensor_file_find(file, table->columns[c]));
        if (each == count && count > 0) continue;
        return ll_fail(error, LL_INVALID_FILE, "networks", table->columns[c],
                       "got %lld stored points beside %lld of %s; wanted as many, at least one",
                       (long long)each, (long long)count, table->columns[0]);
    }
    double *rows = ll_multiply_int64(count, width, &values) ? ll_allocate_array(values, sizeof *rows) : NULL;
    if (rows == NULL) return ll_fail_memory(error, "networks", (size_t)count * sizeof *rows);
    for (int c = 0; c < width; c++) {
        const ll_tensor *column = ll_tensor_file_find(file, table->columns[c]);
        for (int64_t i = 0; i < count; i++) rows[i * width + c] = ll_tensor_get(column, i);
    }
    for (int64_t i = 0; i < values; i++) {
        if (isfinite(rows[i])) continue;
        ll_free(rows);
        return ll_fail(error, LL_INVALID_FILE, "networks", table->columns[i % width],
                       "stored point %lld is not finite", (long long)(i / width));
    }
    *samples = (ll_pinn_samples){.term = samples->term, .values = rows, .count = count, .width = width};
    return LL_OK;
}

/* The family has no source term: what a file calls G must be zero. */
static ll_status check_source(const ll_tensor_file *file, ll_error *error)
{
    const ll_tensor *source = ll_tensor_file_find(file, "G");
    for (int64_t i = 0; source != NULL && i < ll_tensor_count(source); i++) {
        if (ll_tensor_get(source, i) == 0.0) continue;
        return ll_fail(error, LL_UNSUPPORTED, "networks", "G",
                       "the stored equation has a source term (%g at point %lld); the family has none",
                       ll_tensor_get(source, i), (long long)i);
    }
    return LL_OK;
}

ll_status ll_pinn_stored_points(const ll_tensor_file *file, ll_pinn_samples samples[LL_PINN_TERMS],
                                bool *found, ll_error *error)
{
    if (!holds_all(file)) {
        *found = false;
        return LL_OK;
    }
    LL_TRY(check_source(file, error));
    ll_pinn_samples read[TABLES] = {{0}};
    ll_status status = LL_OK;
    for (int t = 0; t < TABLES && status == LL_OK; t++) {
        read[t].term = samples[t].term;
        status = read_table(file, t, &read[t], error);
    }
    for (int t = 0; t < TABLES; t++) {
        if (status == LL_OK) {
            ll_free(samples[t].values);
            samples[t] = read[t];
        } else {
            ll_free(read[t].values);
        }
    }
    if (status == LL_OK) *found = true;
    return status;
}
