/* Adaptive refinement of a grid. Levels of the progressive order are filled one after another; a point of
 * the next level is evaluated where its surroundings call for it, else interpolated:
 *
 *  - interpolation error: the hierarchical surplus (value minus multilinear interpolation from the coarser
 *    level), scaled to the finer spacing, of a corner of its cell exceeds tolerance x range, or a corner is
 * not finite;
 *  - topology: a corner belongs to a persistence pair of the coarser level's merge tree that was not there,
 *    within the tolerance, one level before.
 *
 * At the end a seeded sample of the interpolated points is evaluated: the measured error stands beside the
 * estimate. What is evaluated depends on values only, so an interrupted run continues to the same bits. */
#include "landscape_internal.h"

#include "losslens/topology.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DIMENSIONS = LL_LANDSCAPE_MAX_DIMENSIONS, MEASURED_LEAST = 8 };

/* The indices of one axis that belong to levels up to l, and for each index of the axis where it lies
 * between them. */
typedef struct axis_level {
    int64_t count;
    int64_t *index; /* count, ascending */
    int64_t *below; /* per index of the axis: position of the last level index <= it */
} axis_level;

typedef struct level_grid {
    int dimensions;
    axis_level axis[DIMENSIONS];
    int64_t shape[DIMENSIONS];
    int64_t count;
} level_grid;

static void level_grid_deinit(level_grid *grid)
{
    for (int d = 0; d < DIMENSIONS; d++) {
        ll_free(grid->axis[d].index);
        ll_free(grid->axis[d].below);
    }
    *grid = (level_grid){0};
}

static ll_status level_grid_init(const ll_landscape *landscape, int level, level_grid *grid, ll_error *error)
{
    const ll_landscape_options *options = &landscape->options;
    *grid = (level_grid){.dimensions = options->axes->dimensions, .count = 1};
    for (int d = 0; d < grid->dimensions; d++) {
        axis_level *axis = &grid->axis[d];
        axis->index = ll_allocate_array(options->size[d], sizeof *axis->index);
        axis->below = ll_allocate_array(options->size[d], sizeof *axis->below);
        if (axis->index == NULL || axis->below == NULL) {
            level_grid_deinit(grid);
            return ll_fail_memory(error, LL_LANDSCAPE_MODULE, (size_t)options->size[d] * 16);
        }
        for (int64_t i = 0; i < options->size[d]; i++) {
            if (ll_grid_level(options->size[d], i) <= level) axis->index[axis->count++] = i;
            axis->below[i] = axis->count - 1;
        }
        grid->shape[d] = axis->count;
        grid->count *= axis->count;
    }
    return LL_OK;
}

static void split(const ll_landscape *landscape, int64_t point, int64_t index[DIMENSIONS])
{
    for (int d = landscape->options.axes->dimensions - 1; d >= 0; d--) {
        index[d] = point % landscape->options.size[d];
        point /= landscape->options.size[d];
    }
}

static int64_t join(const ll_landscape *landscape, const int64_t index[DIMENSIONS])
{
    int64_t point = 0;
    for (int d = 0; d < landscape->options.axes->dimensions; d++)
        point = point * landscape->options.size[d] + index[d];
    return point;
}

/* The point of the full grid that vertex v of the level grid is. */
static int64_t level_point(const ll_landscape *landscape, const level_grid *grid, int64_t vertex)
{
    int64_t index[DIMENSIONS];
    for (int d = grid->dimensions - 1; d >= 0; d--) {
        index[d] = grid->axis[d].index[vertex % grid->shape[d]];
        vertex /= grid->shape[d];
    }
    return join(landscape, index);
}

/* Corners of the level-grid cell around a point, with multilinear weights. */
typedef struct cell {
    int corners;
    int64_t point[1 << DIMENSIONS];
    double weight[1 << DIMENSIONS];
} cell;

static cell cell_around(const ll_landscape *landscape, const level_grid *grid, int64_t point)
{
    int64_t index[DIMENSIONS], low[DIMENSIONS], high[DIMENSIONS];
    double fraction[DIMENSIONS];
    split(landscape, point, index);
    for (int d = 0; d < grid->dimensions; d++) {
        const axis_level *axis = &grid->axis[d];
        int64_t below = axis->below[index[d]];
        low[d] = axis->index[below];
        high[d] = low[d] == index[d] ? low[d] : axis->index[below + 1];
        fraction[d] = high[d] == low[d] ? 0.0 : (double)(index[d] - low[d]) / (double)(high[d] - low[d]);
    }
    cell result = {.corners = 0};
    for (int corner = 0; corner < 1 << grid->dimensions; corner++) {
        int64_t at[DIMENSIONS];
        double weight = 1.0;
        bool repeated = false;
        for (int d = 0; d < grid->dimensions; d++) {
            bool upper = (corner >> d & 1) != 0;
            if (upper && high[d] == low[d]) repeated = true;
            at[d] = upper ? high[d] : low[d];
            weight *= upper ? fraction[d] : 1.0 - fraction[d];
        }
        if (repeated) continue;
        result.point[result.corners] = join(landscape, at);
        result.weight[result.corners++] = weight;
    }
    return result;
}

static double interpolate(const ll_landscape *landscape, const cell *around, int64_t column)
{
    double sum = 0.0;
    for (int c = 0; c < around->corners; c++)
        sum += around->weight[c] * landscape->values[around->point[c] * landscape->columns + column];
    return sum;
}

static double value_range(const ll_landscape *landscape)
{
    double least = INFINITY, most = -INFINITY;
    for (int64_t p = 0; p < landscape->points; p++) {
        double value = landscape->values[p * landscape->columns];
        if (landscape->state[p] != LL_POINT_EVALUATED || !isfinite(value)) continue;
        if (value < least) least = value;
        if (value > most) most = value;
    }
    return most > least ? most - least : 0.0;
}

/* ------------------------------------------------------------------ the merge tree between levels */

/* A pair worth keeping: its value at birth and death, and where. */
typedef struct feature {
    int64_t birth, death; /* points of the full grid */
    double birth_value, death_value;
} feature;

typedef struct features {
    feature *item;
    int64_t count;
} features;

static ll_status find_features(const ll_landscape *landscape, const level_grid *grid, double threshold,
                               features *found, ll_error *error)
{
    double *field = ll_allocate_array(grid->count, sizeof *field);
    if (field == NULL) return ll_fail_memory(error, LL_LANDSCAPE_MODULE, (size_t)grid->count * sizeof *field);
    for (int64_t v = 0; v < grid->count; v++)
        field[v] = landscape->values[level_point(landscape, grid, v) * landscape->columns];
    ll_grid_field view = {.type = LL_ARRAY_FLOAT64, .rank = grid->dimensions, .values = field};
    memcpy(view.shape, grid->shape, (size_t)grid->dimensions * sizeof view.shape[0]);
    ll_topology_options options = ll_topology_options_default();
    options.outputs = LL_TOPOLOGY_PAIRS;
    ll_merge_tree tree = {0};
    ll_status status = ll_merge_tree_of_grid(&view, &options, &tree, error);
    ll_free(field);
    LL_TRY(status);
    feature *item = ll_allocate_array(ll_max_int64(tree.minima, 1), sizeof *item);
    if (item == NULL) {
        ll_merge_tree_deinit(&tree);
        return ll_fail_memory(error, LL_LANDSCAPE_MODULE, (size_t)tree.minima * sizeof *item);
    }
    int64_t count = 0;
    for (int64_t i = 0; i < tree.minima; i++) {
        const ll_persistence_pair *pair = &tree.pairs[i];
        if (!pair->essential && !(ll_pair_persistence(pair) > threshold)) continue;
        int64_t birth = level_point(landscape, grid, pair->birth);
        /* An essential pair's death is only the highest vertex: the birth alone is the feature. */
        item[count++] =
            (feature){.birth = birth,
                      .death = pair->essential ? birth : level_point(landscape, grid, pair->death),
                      .birth_value = pair->birth_value,
                      .death_value = pair->essential ? pair->birth_value : pair->death_value};
    }
    ll_merge_tree_deinit(&tree);
    found->item = item;
    found->count = count;
    return LL_OK;
}

/* Two points at most one coarse cell apart on every axis. */
static bool near(const ll_landscape *landscape, const level_grid *coarse, int64_t a, int64_t b)
{
    int64_t at[DIMENSIONS], other[DIMENSIONS];
    split(landscape, a, at);
    split(landscape, b, other);
    for (int d = 0; d < coarse->dimensions; d++) {
        int64_t difference = coarse->axis[d].below[at[d]] - coarse->axis[d].below[other[d]];
        if (difference < -1 || difference > 1) return false;
    }
    return true;
}

/* Marks the vertices of pairs that have no counterpart one level before. */
static void mark_changed(const ll_landscape *landscape, const level_grid *coarse, const features *before,
                         const features *now, double threshold, uint8_t *hot)
{
    for (int64_t i = 0; i < now->count; i++) {
        const feature *fresh = &now->item[i];
        bool known = false;
        for (int64_t j = 0; j < before->count && !known; j++) {
            const feature *old = &before->item[j];
            known = fabs(old->birth_value - fresh->birth_value) <= threshold &&
                    fabs(old->death_value - fresh->death_value) <= threshold &&
                    near(landscape, coarse, old->birth, fresh->birth);
        }
        if (known) continue;
        hot[fresh->birth] = 1;
        hot[fresh->death] = 1;
    }
}

/* ------------------------------------------------------------------ levels */

/* Computes the listed points in tiles. */
static ll_status compute_points(ll_landscape *landscape, const char *stage, const int64_t *points,
                                int64_t count, const ll_sink *sink, ll_error *error)
{
    for (int64_t first = 0, tile = 0; first < count; first += landscape->tile, tile++) {
        if (ll_sink_should_stop(sink))
            return ll_fail(error, LL_CANCELLED, LL_LANDSCAPE_MODULE, "run", "stopped; what is done is kept");
        char name[64];
        snprintf(name, sizeof name, "adaptive/%s/%lld", stage, (long long)tile);
        int64_t width = ll_min_int64(landscape->tile, count - first);
        LL_TRY(ll_landscape_piece(landscape, name, points + first, width, sink, error));
        ll_progress progress = {.what = "landscape",
                                .done = first + width,
                                .total = count,
                                .value = landscape->values[points[first] * landscape->columns],
                                .value_name = "loss"};
        ll_sink_progress(sink, &progress);
    }
    return LL_OK;
}

static int point_level(const ll_landscape *landscape, int64_t point)
{
    int64_t index[DIMENSIONS];
    split(landscape, point, index);
    int level = 0;
    for (int d = 0; d < landscape->options.axes->dimensions; d++) {
        int own = ll_grid_level(landscape->options.size[d], index[d]);
        if (own > level) level = own;
    }
    return level;
}

typedef struct refinement {
    ll_landscape *landscape;
    const ll_sink *sink;
    uint8_t *hot;    /* per point */
    int64_t *wanted; /* points to evaluate at this level */
    features before; /* of the level before the last finished one */
} refinement;

/* What the surplus of an evaluated corner says about points of `level`: linear interpolation is of second
 * order, so each halving of the spacing since then took a quarter; twice that is expected, to be safe. The
 * error of an interpolated corner is passed on as it is. */
static double expected_error(const ll_landscape *landscape, int64_t corner, int level)
{
    double error = landscape->error_estimate[corner];
    if (landscape->state[corner] == LL_POINT_INTERPOLATED) return error;
    return 2.0 * ldexp(error, -2 * (level - point_level(landscape, corner)));
}

/* Does the surrounding cell of finished points call for an evaluation? *estimate: the error otherwise. */
static bool calls_for_evaluation(const refinement *state, const cell *around, int level, double threshold,
                                 double *estimate)
{
    const ll_landscape *landscape = state->landscape;
    double worst = 0.0;
    for (int c = 0; c < around->corners; c++) {
        int64_t corner = around->point[c];
        if (!isfinite(landscape->values[corner * landscape->columns])) return true;
        if (state->hot[corner]) return true;
        double expected = expected_error(landscape, corner, level);
        if (expected > worst) worst = expected;
    }
    *estimate = worst;
    return worst > threshold;
}

/* Fills level `level` from the finished grid of level - 1. force: evaluate all (the first two levels). */
static ll_status fill_level(refinement *state, int level, const level_grid *coarse, double threshold,
                            bool force, ll_error *error)
{
    ll_landscape *landscape = state->landscape;
    int64_t wanted = 0;
    for (int64_t p = 0; p < landscape->points; p++) {
        if (point_level(landscape, p) != level) continue;
        if (level == 0) {
            state->wanted[wanted++] = p;
            continue;
        }
        cell around = cell_around(landscape, coarse, p);
        double estimate = 0.0;
        if (calls_for_evaluation(state, &around, level, threshold, &estimate) || force) {
            state->wanted[wanted++] = p;
            continue;
        }
        for (int64_t c = 0; c < landscape->columns; c++)
            landscape->values[p * landscape->columns + c] = interpolate(landscape, &around, c);
        landscape->state[p] = LL_POINT_INTERPOLATED;
        landscape->error_estimate[p] = estimate;
    }
    char stage[24];
    snprintf(stage, sizeof stage, "%d", level);
    LL_TRY(compute_points(landscape, stage, state->wanted, wanted, state->sink, error));
    for (int64_t i = 0; i < wanted && level > 0; i++) {
        cell around = cell_around(landscape, coarse, state->wanted[i]);
        double surplus = fabs(landscape->values[state->wanted[i] * landscape->columns] -
                              interpolate(landscape, &around, 0));
        landscape->error_estimate[state->wanted[i]] = isfinite(surplus) ? surplus : 0.0;
    }
    return LL_OK;
}

/* Evaluates a seeded sample of the interpolated points and compares: an honest error beside the estimate. */
static ll_status measure_error(refinement *state, ll_error *error)
{
    ll_landscape *landscape = state->landscape;
    int64_t skipped = 0;
    for (int64_t p = 0; p < landscape->points; p++)
        if (landscape->state[p] == LL_POINT_INTERPOLATED) state->wanted[skipped++] = p;
    if (skipped == 0) return LL_OK;
    int64_t count = ll_min_int64(skipped, ll_max_int64(MEASURED_LEAST, skipped / 50));
    ll_rng rng = ll_rng_make(landscape->options.axes->seed, "adaptive check", "");
    for (int64_t i = 0; i < count; i++) {
        int64_t other = i + (int64_t)ll_rng_below(rng, (uint64_t)i, (uint64_t)(skipped - i));
        int64_t kept = state->wanted[i];
        state->wanted[i] = state->wanted[other];
        state->wanted[other] = kept;
    }
    double *guess = ll_allocate_array(count, sizeof *guess);
    if (guess == NULL) return ll_fail_memory(error, LL_LANDSCAPE_MODULE, (size_t)count * sizeof *guess);
    for (int64_t i = 0; i < count; i++) guess[i] = landscape->values[state->wanted[i] * landscape->columns];
    ll_status status = compute_points(landscape, "check", state->wanted, count, state->sink, error);
    double worst = 0.0, squares = 0.0;
    for (int64_t i = 0; i < count && status == LL_OK; i++) {
        double difference = fabs(landscape->values[state->wanted[i] * landscape->columns] - guess[i]);
        landscape->error_estimate[state->wanted[i]] = 0.0;
        if (!(difference <= worst)) worst = difference; /* a NaN stays visible */
        squares += difference * difference;
    }
    ll_free(guess);
    if (status != LL_OK) return status;
    landscape->measured_error_max = worst;
    landscape->measured_error_rms = sqrt(squares / (double)count);
    landscape->measured_points = count;
    return LL_OK;
}

static ll_status refine(refinement *state, int levels, ll_error *error)
{
    ll_landscape *landscape = state->landscape;
    level_grid coarse = {0}, coarser = {0};
    ll_status status = LL_OK;
    for (int level = 0; level < levels && status == LL_OK; level++) {
        double threshold = landscape->options.adaptive_tolerance * (level > 0 ? value_range(landscape) : 0.0);
        memset(state->hot, 0, (size_t)landscape->points);
        if (level >= 2) {
            features now = {0};
            status = find_features(landscape, &coarse, threshold, &now, error);
            if (status != LL_OK) break;
            mark_changed(landscape, &coarser, &state->before, &now, threshold, state->hot);
            ll_free(state->before.item);
            state->before = now;
        } else if (level == 1) {
            status = find_features(landscape, &coarse, threshold, &state->before, error);
            if (status != LL_OK) break;
        }
        status = fill_level(state, level, &coarse, threshold, level < 2, error);
        level_grid_deinit(&coarser);
        coarser = coarse;
        coarse = (level_grid){0};
        if (status == LL_OK) status = level_grid_init(landscape, level, &coarse, error);
    }
    level_grid_deinit(&coarse);
    level_grid_deinit(&coarser);
    return status == LL_OK ? measure_error(state, error) : status;
}

ll_status ll_landscape_run_adaptive(ll_landscape *landscape, const ll_sink *sink, ll_error *error)
{
    int levels = 0;
    for (int64_t p = 0; p < landscape->points; p++) {
        int own = point_level(landscape, p) + 1;
        if (own > levels) levels = own;
    }
    /* A run that was interrupted starts from the first level again; its pieces come from the sink. */
    memset(landscape->state, 0, (size_t)landscape->points);
    memset(landscape->error_estimate, 0, (size_t)landscape->points * sizeof *landscape->error_estimate);
    refinement state = {.landscape = landscape, .sink = sink};
    state.hot = ll_allocate_zeroed((size_t)landscape->points);
    state.wanted = ll_allocate_array(landscape->points, sizeof *state.wanted);
    ll_status status = state.hot == NULL || state.wanted == NULL
                           ? ll_fail_memory(error, LL_LANDSCAPE_MODULE, (size_t)landscape->points * 9)
                           : refine(&state, levels, error);
    ll_free(state.hot);
    ll_free(state.wanted);
    ll_free(state.before.item);
    return status;
}
