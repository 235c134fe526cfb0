/* The plan of a landscape: defaults, refusals, columns, tiles, pieces. */
#include "landscape_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------ options and sample lists */

static ll_status check_axes(const ll_problem_info *info, const ll_landscape_options *options, ll_error *error)
{
    const ll_axes *axes = options->axes;
    if (axes == NULL)
        return ll_fail(error, LL_INVALID_ARGUMENT, LL_LANDSCAPE_MODULE, "axes", "no directions are given");
    if (axes->type != info->type || axes->parameter_count != info->parameter_count)
        return ll_fail(
            error, LL_SHAPE, LL_LANDSCAPE_MODULE, "axes",
            "the directions have %lld values (%s); the problem has %lld parameters (%s)",
            (long long)axes->parameter_count, axes->type == LL_REAL_FLOAT32 ? "float32" : "float64",
            (long long)info->parameter_count, info->type == LL_REAL_FLOAT32 ? "float32" : "float64");
    return LL_OK;
}

static ll_status count_points(const ll_landscape_options *options, int64_t *points, ll_error *error)
{
    int64_t count = 1;
    for (int d = 0; d < options->axes->dimensions; d++) {
        char place[32];
        snprintf(place, sizeof place, "axis %d", d);
        if (options->size[d] < 1)
            return ll_fail(error, LL_INVALID_ARGUMENT, LL_LANDSCAPE_MODULE, place,
                           "size is %lld, wanted at least 1", (long long)options->size[d]);
        if (!isfinite(options->low[d]) || !isfinite(options->high[d]))
            return ll_fail(error, LL_INVALID_ARGUMENT, LL_LANDSCAPE_MODULE, place,
                           "range %g to %g is not finite", options->low[d], options->high[d]);
        if (options->size[d] > 1 && !(options->high[d] > options->low[d]))
            return ll_fail(error, LL_INVALID_ARGUMENT, LL_LANDSCAPE_MODULE, place,
                           "range %g to %g is empty for %lld points; wanted low < high", options->low[d],
                           options->high[d], (long long)options->size[d]);
        if (!ll_multiply_int64(count, options->size[d], &count) || count > LL_LANDSCAPE_MAX_POINTS)
            return ll_fail(error, LL_TOO_LARGE, LL_LANDSCAPE_MODULE, "grid", "more than %lld points",
                           (long long)LL_LANDSCAPE_MAX_POINTS);
    }
    *points = count;
    return LL_OK;
}

static void *arena_array(ll_arena *arena, int64_t count, size_t element)
{
    size_t bytes;
    if (!ll_multiply_size((size_t)count, element, &bytes)) return NULL;
    void *block = ll_arena_allocate(arena, bytes > 0 ? bytes : 1);
    if (block != NULL) memset(block, 0, bytes);
    return block;
}

/* A role's samples for every term; terms without that role keep all their samples. *found counts the others.
 */
static ll_status role_samples(ll_landscape *landscape, const char *role, int64_t limit, ll_samples **samples,
                              int64_t *found, ll_error *error)
{
    ll_samples *list = arena_array(landscape->arena, landscape->info->terms, sizeof *list);
    if (list == NULL)
        return ll_fail_memory(error, LL_LANDSCAPE_MODULE, (size_t)landscape->info->terms * sizeof *list);
    *found = 0;
    *samples = list;
    if ((landscape->info->capabilities & LL_CAN_SUBSETS) == 0)
        return LL_OK; /* whole terms are all there is */
    for (int64_t t = 0; t < landscape->info->terms; t++) {
        const int64_t *indices = NULL;
        int64_t count = 0;
        if (ll_problem_role(landscape->problem, role, t, &indices, &count, NULL) != LL_OK || count == 0)
            continue;
        list[t] = (ll_samples){.indices = indices, .count = limit > 0 ? ll_min_int64(limit, count) : count};
        ++*found;
    }
    return LL_OK;
}

/* Copies the sets' table and names; makes the default one. `batch` needs an explicit list. */
static ll_status take_sets(ll_landscape *landscape, ll_error *error)
{
    ll_landscape_options *options = &landscape->options;
    const ll_problem_info *info = landscape->info;
    int64_t count = options->sets != NULL ? options->set_count : 1;
    if (count < 1 || count > 64)
        return ll_fail(error, LL_INVALID_ARGUMENT, LL_LANDSCAPE_MODULE, "sets",
                       "got %lld sample sets, wanted 1 to 64", (long long)count);
    ll_sample_set *sets = arena_array(landscape->arena, count, sizeof *sets);
    if (sets == NULL) return ll_fail_memory(error, LL_LANDSCAPE_MODULE, (size_t)count * sizeof *sets);
    if (options->sets == NULL) {
        ll_samples *list;
        int64_t found;
        LL_TRY(role_samples(landscape, "evaluate", 0, &list, &found, error));
        sets[0] = (ll_sample_set){.name = "evaluate", .samples = found > 0 ? list : NULL};
    } else {
        memcpy(sets, options->sets, (size_t)count * sizeof *sets);
    }
    for (int64_t s = 0; s < count; s++) {
        if (sets[s].name == NULL || sets[s].name[0] == 0 || strlen(sets[s].name) > 24)
            return ll_fail(error, LL_INVALID_ARGUMENT, LL_LANDSCAPE_MODULE, "sets",
                           "set %lld needs a name of 1 to 24 characters", (long long)s);
        sets[s].name = ll_arena_text(landscape->arena, sets[s].name);
        for (int64_t other = 0; other < s; other++)
            if (strcmp(sets[other].name, sets[s].name) == 0)
                return ll_fail(error, LL_INVALID_ARGUMENT, LL_LANDSCAPE_MODULE, "sets",
                               "two sets are called %s", sets[s].name);
        if (options->batch_norm != LL_BATCH_NORM_BATCH) continue;
        if (info->terms != 1)
            return ll_fail(error, LL_UNSUPPORTED, LL_LANDSCAPE_MODULE, "batch_norm",
                           "batch statistics need a loss with one term; this one has %lld",
                           (long long)info->terms);
        if (sets[s].samples != NULL && sets[s].samples[0].indices != NULL) continue;
        int64_t samples = info->term[0].samples;
        int64_t *indices = arena_array(landscape->arena, samples, sizeof *indices);
        ll_samples *list = arena_array(landscape->arena, 1, sizeof *list);
        if (indices == NULL || list == NULL)
            return ll_fail_memory(error, LL_LANDSCAPE_MODULE, (size_t)samples * sizeof *indices);
        for (int64_t i = 0; i < samples; i++) indices[i] = i;
        *list = (ll_samples){.indices = indices, .count = samples};
        sets[s].samples = list;
    }
    options->sets = sets;
    options->set_count = count;
    return LL_OK;
}

static bool all_hessian(const ll_axes *axes)
{
    for (int d = 0; d < axes->directions; d++)
        if (strcmp(axes->kind[d], "hessian") != 0) return false;
    return true;
}

static ll_status choose_batch_norm(ll_landscape *landscape, ll_error *error)
{
    ll_landscape_options *options = &landscape->options;
    const ll_problem_info *info = landscape->info;
    bool automatic = options->batch_norm == LL_BATCH_NORM_AUTO;
    if (info->buffer_count == 0) {
        if (options->batch_norm != LL_BATCH_NORM_BATCH) options->batch_norm = LL_BATCH_NORM_KEEP;
        return LL_OK;
    }
    if (automatic)
        options->batch_norm = all_hessian(options->axes) ? LL_BATCH_NORM_KEEP : LL_BATCH_NORM_REESTIMATE;
    if (options->batch_norm != LL_BATCH_NORM_REESTIMATE) return LL_OK;
    if (automatic && (info->capabilities & LL_CAN_CALIBRATE) == 0) {
        options->batch_norm = LL_BATCH_NORM_KEEP;
        landscape->reestimate_refused = true;
        return LL_OK;
    }
    ll_samples *list = NULL;
    int64_t found = 0;
    if (options->calibration != NULL) {
        list = arena_array(landscape->arena, info->terms, sizeof *list);
        if (list == NULL)
            return ll_fail_memory(error, LL_LANDSCAPE_MODULE, (size_t)info->terms * sizeof *list);
        memcpy(list, options->calibration, (size_t)info->terms * sizeof *list);
        found = 1;
    }
    if (found == 0)
        LL_TRY(role_samples(landscape, "calibrate", LL_CALIBRATION_DEFAULT, &list, &found, error));
    if (found == 0) LL_TRY(role_samples(landscape, "fit", LL_CALIBRATION_DEFAULT, &list, &found, error));
    if (found == 0 && automatic) {
        options->batch_norm = LL_BATCH_NORM_KEEP;
        landscape->reestimate_refused = true;
        return LL_OK;
    }
    if (found == 0)
        return ll_fail(
            error, LL_NOT_FOUND, LL_LANDSCAPE_MODULE, "calibration",
            "re-estimating batch norm needs samples of role calibrate or fit, or a list; there are none");
    landscape->calibration = list;
    return LL_OK;
}

/* ------------------------------------------------------------------ columns */

static void plain_name(const char *from, char *to, size_t room)
{
    size_t length = 0;
    for (; *from != 0 && length + 1 < room; from++) {
        char c = *from;
        if (c >= 'A' && c <= 'Z') c = (char)(c - 'A' + 'a');
        to[length++] = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '_';
    }
    to[length] = 0;
}

static void set_column(ll_column *column, const char *prefix, const char *kind, const char *name,
                       const char *unit)
{
    char plain[48];
    plain_name(name, plain, sizeof plain);
    snprintf(column->name, sizeof column->name, "%s%s%s%s", prefix, prefix[0] != 0 ? "_" : "", kind, plain);
    snprintf(column->unit, sizeof column->unit, "%s", unit != NULL ? unit : "");
}

static ll_status plan_columns(ll_landscape *landscape, ll_error *error)
{
    const ll_problem_info *info = landscape->info;
    const ll_landscape_options *options = &landscape->options;
    for (int64_t t = 0; t < info->terms; t++)
        landscape->weighted_only |= info->term[t].weight == 0.0 && !options->metrics;
    int64_t metrics =
        (info->capabilities & LL_CAN_METRICS) != 0 && !landscape->weighted_only ? info->metrics : 0;
    int64_t terms = info->terms + (info->weight_decay != 0.0 ? 1 : 0);
    landscape->set_columns = 1 + terms + metrics;
    landscape->columns = options->set_count * landscape->set_columns + (options->gradient_norm ? 1 : 0) +
                         (options->extreme_eigenvalues ? LL_EIGENVALUE_COLUMNS : 0);
    landscape->column = arena_array(landscape->arena, landscape->columns, sizeof *landscape->column);
    if (landscape->column == NULL)
        return ll_fail_memory(error, LL_LANDSCAPE_MODULE,
                              (size_t)landscape->columns * sizeof *landscape->column);
    ll_column *column = landscape->column;
    for (int64_t s = 0; s < options->set_count; s++) {
        char prefix[32];
        plain_name(s == 0 ? "" : options->sets[s].name, prefix, sizeof prefix);
        set_column(column++, prefix, "", "loss", "loss");
        for (int64_t t = 0; t < info->terms; t++) {
            column->idle = landscape->weighted_only && info->term[t].weight == 0.0;
            set_column(column++, prefix, "term_", info->term[t].name, "loss");
        }
        if (info->weight_decay != 0.0) set_column(column++, prefix, "term_", "weight_decay", "loss");
        for (int64_t m = 0; m < metrics; m++)
            set_column(column++, prefix, "", info->metric[m].name, info->metric[m].unit);
    }
    if (options->gradient_norm) set_column(column++, "", "", "gradient_norm", "");
    if (options->extreme_eigenvalues) {
        set_column(column++, "", "", "largest_eigenvalue", "");
        set_column(column++, "", "", "smallest_eigenvalue", "");
        set_column(column++, "", "", "largest_eigenvalue_residual", "");
        set_column(column, "", "", "smallest_eigenvalue_residual", "");
    }
    return LL_OK;
}

/* ------------------------------------------------------------------ order and identity */

int64_t ll_landscape_tiles(const ll_landscape *landscape) { return landscape->tiles; }

static int point_level(const ll_landscape_options *options, int64_t point)
{
    int level = 0;
    for (int d = options->axes->dimensions - 1; d >= 0; d--) {
        int own = ll_grid_level(options->size[d], point % options->size[d]);
        if (own > level) level = own;
        point /= options->size[d];
    }
    return level;
}

enum { LEVELS = 64 };

/* Stable counting sort by level: coarse points first, C order within a level. */
static void progressive_order(const ll_landscape *landscape, int64_t *order)
{
    int64_t start[LEVELS + 1] = {0};
    for (int64_t p = 0; p < landscape->points; p++) start[point_level(&landscape->options, p) + 1]++;
    for (int l = 0; l < LEVELS; l++) start[l + 1] += start[l];
    for (int64_t p = 0; p < landscape->points; p++) order[start[point_level(&landscape->options, p)]++] = p;
}

static int64_t term_columns(const ll_problem_info *info)
{
    return info->terms + (info->weight_decay != 0.0 ? 1 : 0);
}

static void hash_samples(ll_hasher *hasher, const ll_samples *samples, int64_t terms)
{
    for (int64_t t = 0; t < terms; t++) {
        bool all = samples == NULL || samples[t].indices == NULL;
        int64_t count = all ? -1 : samples[t].count;
        ll_hasher_add(hasher, &count, sizeof count);
        if (!all) ll_hasher_add(hasher, samples[t].indices, (size_t)count * sizeof *samples[t].indices);
    }
}

/* Which data: lists of indices say only which rows, so the values of the Problem itself at its origin stand
 * for what the rows hold: one evaluation of a few samples of every term. */
static ll_status hash_data(const ll_landscape *landscape, ll_hasher *hasher, ll_error *error)
{
    const ll_problem_info *info = landscape->info;
    if ((info->capabilities & LL_CAN_SUBSETS) == 0)
        return LL_OK; /* only all samples at once: too dear here */
    const ll_samples *given = landscape->options.sets[0].samples;
    enum { PROBES = 4 };
    int64_t *index = ll_allocate_array(info->terms * PROBES, sizeof *index);
    ll_samples *few = ll_allocate_array(info->terms, sizeof *few);
    double *terms = ll_allocate_array(term_columns(info), sizeof *terms);
    ll_status status = index == NULL || few == NULL || terms == NULL
                           ? ll_fail_memory(error, LL_LANDSCAPE_MODULE, 1024)
                           : LL_OK;
    for (int64_t t = 0; t < info->terms && status == LL_OK; t++) {
        bool listed = given != NULL && given[t].indices != NULL;
        int64_t count = listed ? given[t].count : info->term[t].samples, probes = ll_min_int64(PROBES, count);
        for (int64_t i = 0; i < probes; i++) {
            int64_t at = probes > 1 ? i * (count - 1) / (probes - 1) : 0;
            index[t * PROBES + i] = listed ? given[t].indices[at] : at;
        }
        few[t] = (ll_samples){.indices = index + t * PROBES, .count = probes};
    }
    if (status == LL_OK) {
        double loss = NAN;
        const void *buffers = landscape->options.origin_buffers != NULL
                                  ? landscape->options.origin_buffers
                                  : ll_problem_origin_buffers(landscape->problem);
        const ll_request request = {.points = 1,
                                    .thetas = &landscape->options.origin,
                                    .buffers = buffers != NULL ? &buffers : NULL,
                                    .buffers_shared = true,
                                    .samples = few,
                                    .loss = &loss,
                                    .terms = terms};
        status = ll_problem_evaluate(landscape->problem, &request, error);
        if (status == LL_OK) {
            ll_hasher_add(hasher, &loss, sizeof loss);
            ll_hasher_add(hasher, terms, (size_t)term_columns(info) * sizeof *terms);
        }
    }
    ll_free(index);
    ll_free(few);
    ll_free(terms);
    return status;
}

/* A digest of everything that the stored values depend on: weights, directions, grid, sample lists; the data
 * follow. */
static ll_status make_digest(ll_landscape *landscape, ll_error *error)
{
    const ll_landscape_options *options = &landscape->options;
    const ll_problem_info *info = landscape->info;
    const ll_axes *axes = options->axes;
    ll_hasher *hasher = ll_hasher_create();
    if (hasher == NULL) return ll_fail_memory(error, LL_LANDSCAPE_MODULE, 1024);
    size_t theta_bytes = (size_t)info->parameter_count * ll_real_bytes(info->type);
    size_t buffer_bytes = (size_t)info->buffer_count * ll_real_bytes(info->type);
    const int64_t head[] = {3,
                            axes->dimensions,
                            axes->directions,
                            (int64_t)axes->form,
                            info->terms,
                            info->parameter_count,
                            info->buffer_count,
                            (int64_t)info->type,
                            (int64_t)options->batch_norm,
                            options->batch_size,
                            options->set_count,
                            options->gradient_norm,
                            options->extreme_eigenvalues,
                            landscape->tile,
                            landscape->columns};
    ll_hasher_add(hasher, head, sizeof head);
    const double reals[] = {info->weight_decay, options->adaptive_tolerance, options->eigenvalue_tolerance};
    ll_hasher_add(hasher, reals, sizeof reals);
    ll_hasher_add(hasher, info->name, strlen(info->name) + 1);
    for (int d = 0; d < axes->dimensions; d++) {
        ll_hasher_add(hasher, &options->size[d], sizeof options->size[d]);
        ll_hasher_add(hasher, &options->low[d], sizeof options->low[d]);
        ll_hasher_add(hasher, &options->high[d], sizeof options->high[d]);
    }
    ll_hasher_add(hasher, options->origin, theta_bytes);
    const void *buffers = options->origin_buffers != NULL ? options->origin_buffers
                                                          : ll_problem_origin_buffers(landscape->problem);
    if (buffers != NULL) ll_hasher_add(hasher, buffers, buffer_bytes);
    for (int d = 0; d < axes->directions; d++) {
        ll_hasher_add(hasher, axes->vector[d], theta_bytes);
        if (axes->buffer_vector[d] != NULL) ll_hasher_add(hasher, axes->buffer_vector[d], buffer_bytes);
    }
    for (int64_t s = 0; s < options->set_count; s++) {
        ll_hasher_add(hasher, options->sets[s].name, strlen(options->sets[s].name) + 1);
        hash_samples(hasher, options->sets[s].samples, info->terms);
    }
    if (landscape->calibration != NULL) hash_samples(hasher, landscape->calibration, info->terms);
    landscape->digest = ll_hasher_value(hasher);
    ll_hasher_destroy(hasher);
    return LL_OK;
}

/* The data joins the digest only when pieces are kept, as looking at it costs an evaluation. */
static ll_status know_data(ll_landscape *landscape, const ll_sink *sink, ll_error *error)
{
    if (landscape->data_known || sink == NULL || (sink->find == NULL && sink->put == NULL)) return LL_OK;
    ll_hasher *hasher = ll_hasher_create();
    if (hasher == NULL) return ll_fail_memory(error, LL_LANDSCAPE_MODULE, 1024);
    ll_hasher_add(hasher, &landscape->digest, sizeof landscape->digest);
    ll_status status = hash_data(landscape, hasher, error);
    if (status == LL_OK) {
        landscape->digest = ll_hasher_value(hasher);
        landscape->data_known = true;
    }
    ll_hasher_destroy(hasher);
    return status;
}

/* ------------------------------------------------------------------ creation */

void ll_landscape_destroy(ll_landscape *landscape)
{
    if (landscape == NULL) return;
    ll_arena_destroy(landscape->arena);
    ll_free(landscape->order);
    ll_free(landscape->values);
    ll_free(landscape->state);
    ll_free(landscape->centre);
    ll_free(landscape->centre_reestimated);
    ll_free(landscape->error_estimate);
    ll_free(landscape);
}

static ll_status allocate_tables(ll_landscape *landscape, ll_error *error)
{
    int64_t points = landscape->points, columns = landscape->columns;
    landscape->order = ll_allocate_array(points, sizeof *landscape->order);
    landscape->values = ll_allocate_array(points, (size_t)columns * sizeof *landscape->values);
    landscape->state = ll_allocate_zeroed((size_t)points);
    landscape->centre = ll_allocate_array(columns, sizeof *landscape->centre);
    landscape->centre_reestimated = ll_allocate_array(columns, sizeof *landscape->centre);
    bool adaptive = landscape->options.adaptive_tolerance > 0.0;
    if (adaptive)
        landscape->error_estimate = ll_allocate_zeroed((size_t)points * sizeof *landscape->error_estimate);
    if (landscape->order == NULL || landscape->values == NULL || landscape->state == NULL ||
        landscape->centre == NULL || landscape->centre_reestimated == NULL ||
        (adaptive && landscape->error_estimate == NULL))
        return ll_fail_memory(error, LL_LANDSCAPE_MODULE,
                              (size_t)points * (size_t)columns * sizeof *landscape->values);
    for (int64_t i = 0; i < points * columns; i++) landscape->values[i] = NAN;
    for (int64_t i = 0; i < columns; i++) landscape->centre[i] = landscape->centre_reestimated[i] = NAN;
    return LL_OK;
}

static ll_status plan(ll_landscape *landscape, ll_error *error)
{
    ll_landscape_options *options = &landscape->options;
    const ll_problem_info *info = landscape->info;
    LL_TRY(check_axes(info, options, error));
    LL_TRY(count_points(options, &landscape->points, error));
    if (options->origin == NULL) options->origin = ll_problem_origin(landscape->problem);
    if (options->origin == NULL)
        return ll_fail(error, LL_INVALID_ARGUMENT, LL_LANDSCAPE_MODULE, "origin",
                       "the problem has no parameters of its own; a centre must be given");
    if (options->batch_size < 0 || options->tile_points < 0 || options->tile_points > 65536)
        return ll_fail(
            error, LL_INVALID_ARGUMENT, LL_LANDSCAPE_MODULE, "options",
            "batch_size %lld and tile_points %lld; wanted at least 0, and at most 65536 points a tile",
            (long long)options->batch_size, (long long)options->tile_points);
    if (!(options->adaptive_tolerance >= 0.0) || !isfinite(options->adaptive_tolerance))
        return ll_fail(error, LL_INVALID_ARGUMENT, LL_LANDSCAPE_MODULE, "adaptive_tolerance",
                       "got %g, wanted a share of the range, 0 or more", options->adaptive_tolerance);
    if (options->extreme_eigenvalues && (info->capabilities & (LL_CAN_HESSIAN | LL_CAN_GRADIENT)) == 0)
        return ll_fail(error, LL_UNSUPPORTED, LL_LANDSCAPE_MODULE, "extreme_eigenvalues",
                       "eigenvalues need Hessian products, or gradients to take differences of; the problem "
                       "has neither");
    if (options->extreme_eigenvalues && options->batch_norm == LL_BATCH_NORM_BATCH)
        return ll_fail(error, LL_UNSUPPORTED, LL_LANDSCAPE_MODULE, "extreme_eigenvalues",
                       "eigenvalues are defined with fixed batch-norm statistics; use keep or re-estimate");
    if (options->batch_size == 0) options->batch_size = LL_BATCH_DEFAULT;
    if (options->eigenvalue_tolerance == 0.0) options->eigenvalue_tolerance = 1e-2;
    landscape->tile = options->tile_points > 0         ? options->tile_points
                      : info->parameter_count < 100000 ? 64
                                                       : 8;
    landscape->tile = ll_min_int64(landscape->tile, landscape->points);
    landscape->tiles = (landscape->points + landscape->tile - 1) / landscape->tile;
    LL_TRY(choose_batch_norm(landscape, error));
    LL_TRY(take_sets(landscape, error));
    LL_TRY(plan_columns(landscape, error));
    LL_TRY(ll_landscape_check_requests(landscape, error));
    LL_TRY(allocate_tables(landscape, error));
    progressive_order(landscape, landscape->order);
    return make_digest(landscape, error);
}

ll_status ll_landscape_create(ll_problem *problem, const ll_landscape_options *options,
                              ll_landscape **landscape, ll_error *error)
{
    ll_landscape *made = ll_allocate_zeroed(sizeof *made);
    if (made == NULL) return ll_fail_memory(error, LL_LANDSCAPE_MODULE, sizeof *made);
    made->problem = problem;
    made->info = ll_problem_view(problem);
    made->options = *options;
    made->arena = ll_arena_create(4096);
    made->measured_error_max = made->measured_error_rms = NAN;
    ll_status status =
        made->arena == NULL ? ll_fail_memory(error, LL_LANDSCAPE_MODULE, 4096) : plan(made, error);
    if (status != LL_OK) {
        ll_landscape_destroy(made);
        return status;
    }
    *landscape = made;
    return LL_OK;
}

ll_status ll_landscape_memory(const ll_landscape *landscape, size_t *bytes, ll_error *error)
{
    size_t request;
    LL_TRY(ll_landscape_request_memory(landscape, &request, error));
    const ll_problem_info *info = landscape->info;
    size_t table =
        (size_t)landscape->points * ((size_t)landscape->columns * sizeof(double) + sizeof(int64_t) + 1);
    size_t buffers = (size_t)landscape->tile * (size_t)info->buffer_count * ll_real_bytes(info->type);
    *bytes = request + table + buffers;
    return LL_OK;
}

/* ------------------------------------------------------------------ pieces */

/* A piece: this head, then count x columns doubles. Pieces stay within one numeric environment, so they are
 * in the machine's own byte order; the digest and the length are checked. */
typedef struct piece_head {
    char magic[8];
    ll_hash digest, points;
    int64_t count, columns;
} piece_head;
static const char piece_magic[8] = {'L', 'L', 'T', 'I', 'L', 'E', '0', '2'};

static void store(ll_landscape *landscape, const int64_t *points, int64_t count, const double *rows)
{
    size_t row = (size_t)landscape->columns;
    for (int64_t k = 0; k < count; k++) {
        memcpy(landscape->values + (size_t)points[k] * row, rows + (size_t)k * row, row * sizeof *rows);
        landscape->state[points[k]] = LL_POINT_EVALUATED;
    }
}

static piece_head make_head(const ll_landscape *landscape, const int64_t *points, int64_t count)
{
    piece_head head = {.digest = landscape->digest,
                       .points = ll_hash_bytes(points, (size_t)count * sizeof *points),
                       .count = count,
                       .columns = landscape->columns};
    memcpy(head.magic, piece_magic, sizeof head.magic);
    return head;
}

static ll_status accept_piece(const piece_head *wanted, const char *name, const void *bytes, size_t size,
                              size_t payload, ll_error *error)
{
    piece_head head;
    if (size != sizeof head + payload)
        return ll_fail(error, LL_INVALID_ARGUMENT, LL_LANDSCAPE_MODULE, name,
                       "the stored piece has %zu bytes, wanted %zu: it belongs to another landscape", size,
                       sizeof head + payload);
    memcpy(&head, bytes, sizeof head);
    if (memcmp(head.magic, wanted->magic, sizeof head.magic) != 0 ||
        !ll_hash_equal(head.digest, wanted->digest) || !ll_hash_equal(head.points, wanted->points) ||
        head.count != wanted->count || head.columns != wanted->columns)
        return ll_fail(
            error, LL_INVALID_ARGUMENT, LL_LANDSCAPE_MODULE, name,
            "the stored piece belongs to another landscape (other weights, directions, data or grid)");
    return LL_OK;
}

ll_status ll_landscape_piece(ll_landscape *landscape, const char *name, const int64_t *points, int64_t count,
                             const ll_sink *sink, ll_error *error)
{
    LL_TRY(know_data(landscape, sink, error));
    piece_head head = make_head(landscape, points, count);
    size_t payload = (size_t)count * (size_t)landscape->columns * sizeof(double), size = 0;
    void *found = NULL;
    if (ll_sink_find(sink, name, &found, &size)) {
        ll_status status = accept_piece(&head, name, found, size, payload, error);
        if (status == LL_OK) {
            double *rows = ll_allocate(payload);
            if (rows == NULL) {
                status = ll_fail_memory(error, LL_LANDSCAPE_MODULE, payload);
            } else {
                memcpy(rows, (const unsigned char *)found + sizeof head, payload);
                store(landscape, points, count, rows);
            }
            ll_free(rows);
        }
        ll_free(found);
        return status;
    }
    unsigned char *piece = ll_allocate(sizeof head + payload);
    double *rows = ll_allocate(payload);
    ll_status status = piece == NULL || rows == NULL
                           ? ll_fail_memory(error, LL_LANDSCAPE_MODULE, sizeof head + 2 * payload)
                           : ll_landscape_evaluate(landscape, points, count, rows, error);
    if (status == LL_OK) {
        memcpy(piece, &head, sizeof head);
        memcpy(piece + sizeof head, rows, payload);
        status = ll_sink_put(sink, name, piece, sizeof head + payload, error);
    }
    if (status == LL_OK) store(landscape, points, count, rows);
    ll_free(piece);
    ll_free(rows);
    return status;
}

ll_status ll_landscape_compute(ll_landscape *landscape, int64_t tile, const ll_sink *sink, ll_error *error)
{
    if (tile < 0 || tile >= landscape->tiles)
        return ll_fail(error, LL_INVALID_ARGUMENT, LL_LANDSCAPE_MODULE, "tile", "got %lld, wanted 0 to %lld",
                       (long long)tile, (long long)(landscape->tiles - 1));
    char name[40];
    snprintf(name, sizeof name, "tile/%lld", (long long)tile);
    int64_t first = tile * landscape->tile;
    return ll_landscape_piece(landscape, name, landscape->order + first,
                              ll_min_int64(landscape->tile, landscape->points - first), sink, error);
}

static ll_status compute_centre(ll_landscape *landscape, const ll_sink *sink, ll_error *error)
{
    if (landscape->centre_done) return LL_OK;
    int64_t width = landscape->options.set_count * landscape->set_columns;
    size_t payload = 2 * (size_t)width * sizeof(double), size = 0;
    const int64_t nothing = -1;
    LL_TRY(know_data(landscape, sink, error));
    piece_head head = make_head(landscape, &nothing, 1);
    void *found = NULL;
    if (ll_sink_find(sink, "centre", &found, &size)) {
        ll_status status = accept_piece(&head, "centre", found, size, payload, error);
        if (status == LL_OK) {
            memcpy(landscape->centre, (unsigned char *)found + sizeof head, payload / 2);
            memcpy(landscape->centre_reestimated, (unsigned char *)found + sizeof head + payload / 2,
                   payload / 2);
            landscape->centre_done = true;
        }
        ll_free(found);
        return status;
    }
    LL_TRY(ll_landscape_evaluate_centre(landscape, landscape->centre, landscape->centre_reestimated, error));
    unsigned char *piece = ll_allocate(sizeof head + payload);
    if (piece == NULL) return ll_fail_memory(error, LL_LANDSCAPE_MODULE, sizeof head + payload);
    memcpy(piece, &head, sizeof head);
    memcpy(piece + sizeof head, landscape->centre, payload / 2);
    memcpy(piece + sizeof head + payload / 2, landscape->centre_reestimated, payload / 2);
    ll_status status = ll_sink_put(sink, "centre", piece, sizeof head + payload, error);
    ll_free(piece);
    if (status == LL_OK) landscape->centre_done = true;
    return status;
}

ll_status ll_landscape_run(ll_landscape *landscape, const ll_sink *sink, ll_error *error)
{
    LL_TRY(compute_centre(landscape, sink, error));
    if (landscape->options.adaptive_tolerance > 0.0) return ll_landscape_run_adaptive(landscape, sink, error);
    for (int64_t tile = 0; tile < landscape->tiles; tile++) {
        if (ll_sink_should_stop(sink))
            return ll_fail(error, LL_CANCELLED, LL_LANDSCAPE_MODULE, "run",
                           "stopped after %lld of %lld tiles; what is done is kept", (long long)tile,
                           (long long)landscape->tiles);
        LL_TRY(ll_landscape_compute(landscape, tile, sink, error));
        ll_progress progress = {
            .what = "landscape",
            .done = ll_min_int64((tile + 1) * landscape->tile, landscape->points),
            .total = landscape->points,
            .value = landscape->values[landscape->order[tile * landscape->tile] * landscape->columns],
            .value_name = "loss"};
        ll_sink_progress(sink, &progress);
    }
    return LL_OK;
}
