/* Numbers of models against each other, and group beside group. */
#include "study_panels.h"

#include "losslens/study_statistics.h"
#include "losslens/study_table.h"

#include <math.h>
#include <string.h>

static ll_status no_memory(ll_error *error) { return ll_fail_memory(error, "losslens", 0); }

static void *take(ll_arena *arena, int64_t count, size_t size)
{
    return ll_arena_allocate(arena, (size_t)(count > 0 ? count : 1) * size);
}

/* Log where positive values span more than two decades. */
static ll_scale_type scale_of(const double *values, int64_t count)
{
    double low = INFINITY, high = -INFINITY;
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(values[i])) continue;
        low = fmin(low, values[i]);
        high = fmax(high, values[i]);
    }
    return low > 0.0 && high > 100.0 * low ? LL_SCALE_LOG : LL_SCALE_LINEAR;
}

/* The part of a table's column that belongs to a group, and where it is finite in both columns. */
static int64_t gather(const ll_overview *o, const ll_number_table *t, int64_t group, double *x, double *y)
{
    int64_t count = 0;
    for (int64_t m = 0; m < o->model_count; m++) {
        double a = t->mean[m * t->columns], b = t->mean[m * t->columns + t->columns - 1];
        if ((group >= 0 && o->models[m].group != group) || !isfinite(a) || !isfinite(b)) continue;
        x[count] = a;
        y[count++] = b;
    }
    return count;
}

static ll_status fill_relation(const ll_overview *o, const ll_number_table *t, const char *x_name,
                               const char *y_name, ll_arena *arena, ll_panel *panel, ll_text *caption,
                               ll_error *error)
{
    ll_figure_series *series = take(arena, o->group_count, sizeof *series);
    double *x = take(arena, o->model_count, sizeof *x), *y = take(arena, o->model_count, sizeof *y);
    ll_scale_type *scale = take(arena, 1, sizeof *scale);
    if (series == NULL || x == NULL || y == NULL || scale == NULL) return no_memory(error);
    int64_t all = gather(o, t, -1, x, y), used = 0;
    double rho;
    LL_TRY(ll_rank_correlation(x, y, all, &rho, NULL, error));
    ll_text title = {0};
    if (isfinite(rho)) ll_text_format(&title, "rank correlation %.2f, n = %lld", rho, (long long)all);
    else ll_text_format(&title, "n = %lld", (long long)all);
    panel->title = title.failed ? NULL : ll_arena_text(arena, title.text);
    ll_text_format(caption, "%s against %s of %lld models: %s.", y_name, x_name, (long long)all,
                   title.failed ? "" : title.text);
    ll_text_deinit(&title);
    *scale = scale_of(y, all);
    panel->kind = LL_PANEL_CURVES;
    panel->scale = scale;
    panel->x_label = ll_arena_text(arena, x_name);
    panel->value_label = ll_arena_text(arena, y_name);
    panel->curves.x_scale = scale_of(x, all);
    int64_t at = 0;
    for (int64_t g = 0; g < o->group_count; g++) {
        int64_t count = gather(o, t, g, x + at, y + at);
        if (count == 0) continue;
        series[used++] = (ll_figure_series){.name = o->groups[g].name,
                                            .count = count,
                                            .x = x + at,
                                            .y = y + at,
                                            .markers = true,
                                            .no_line = true};
        at += count;
    }
    panel->curves.series = series;
    panel->curves.series_count = used;
    return panel->x_label != NULL && panel->value_label != NULL ? LL_OK : no_memory(error);
}

/* Every member as a dot; mean and its 95 % interval as a line in a band. */
static ll_status fill_comparison(const ll_overview *o, const ll_number_table *t, const char *name,
                                 ll_arena *arena, ll_panel *panel, ll_text *caption, ll_error *error)
{
    ll_figure_series *series = take(arena, o->group_count, sizeof *series);
    ll_scale_type *scale = take(arena, 1, sizeof *scale);
    double *values = take(arena, 2 * o->model_count, sizeof *values);
    const char **places = take(arena, o->group_count, sizeof *places);
    if (series == NULL || scale == NULL || values == NULL || places == NULL) return no_memory(error);
    int64_t used = 0, all = gather(o, t, -1, values + o->model_count, values);
    *scale = scale_of(values, all);
    for (int64_t g = 0; g < o->group_count; g++) {
        int64_t count = gather(o, t, g, values + o->model_count, values);
        if (count == 0) continue;
        /* Dots to the left of the group's place, band to its right; a NaN parts them. */
        int64_t points = count + (count > 1 ? 3 : 0);
        double *x = take(arena, points, sizeof *x), *y = take(arena, points, sizeof *y),
               *low = take(arena, points, sizeof *low), *high = take(arena, points, sizeof *high);
        if (x == NULL || y == NULL || low == NULL || high == NULL) return no_memory(error);
        double mean, half;
        (void)ll_mean_interval(values, count, &mean, &half);
        for (int64_t i = 0; i < count; i++) {
            x[i] = (double)(used + 1) - 0.25 + 0.16 * ((double)i + 0.5) / (double)count;
            y[i] = values[i];
            low[i] = high[i] = NAN;
        }
        if (count > 1) {
            const double band[3] = {NAN, (double)(used + 1), (double)(used + 1) + 0.3};
            for (int k = 0; k < 3; k++) {
                x[count + k] = band[k];
                y[count + k] = k == 0 ? NAN : mean;
                low[count + k] = k == 0 ? NAN : mean - half;
                high[count + k] = k == 0 ? NAN : mean + half;
            }
        }
        places[used] = o->groups[g].name;
        series[used++] = (ll_figure_series){.count = points,
                                            .x = x,
                                            .y = y,
                                            .low = low,
                                            .high = high,
                                            .markers = true,
                                            .no_line = count == 1,
                                            .line_from = count};
    }
    panel->kind = LL_PANEL_CURVES;
    panel->scale = scale;
    panel->x_label = "group";
    panel->value_label = ll_arena_text(arena, name);
    panel->curves =
        (ll_figure_curves){.series_count = used, .series = series, .place_count = used, .places = places};
    ll_text_format(
        caption,
        "%s of each group: members as dots, mean and its 95 %% interval (Student's t) as a line in a band.",
        name);
    return panel->value_label != NULL ? LL_OK : no_memory(error);
}

ll_status ll_study_panels_add_relation(ll_study_panels *panels, ll_store *store, const ll_overview *o,
                                       const char *x, const char *y, ll_error *error)
{
    const char *names[2] = {x != NULL ? x : y, y};
    ll_number_table table;
    ll_text caption = {0};
    ll_panel panel = {0};
    LL_TRY(ll_number_table_make(store, o, x != NULL ? names : names + 1, x != NULL ? 2 : 1, false, &table,
                                error));
    ll_arena *arena = ll_arena_create(4096);
    ll_status status = arena != NULL ? LL_OK : no_memory(error);
    if (status == LL_OK && x != NULL) status = fill_relation(o, &table, x, y, arena, &panel, &caption, error);
    if (status == LL_OK && x == NULL) status = fill_comparison(o, &table, y, arena, &panel, &caption, error);
    if (status == LL_OK)
        status = ll_study_panels_add(panels, &panel, arena, caption.failed ? "" : caption.text, error);
    if (status != LL_OK) ll_arena_destroy(arena);
    ll_text_deinit(&caption);
    ll_number_table_deinit(&table);
    return status;
}
