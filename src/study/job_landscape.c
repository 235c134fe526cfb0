/* Landscapes: the loss over directions around each model, with its path and what is to be said of the
 * picture. */
#include "study/setups.h"

#include "losslens/curvature.h"
#include "losslens/landscape.h"
#include "losslens/problem_vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const ll_setting_row rows[] = {
    {"grid", LL_SETTING_GRID, {"15x15", "25x25", "41x41"}, NULL, 0, 0, "points along each axis, 1 to 6 axes"},
    {"range",
     LL_SETTING_RANGES,
     {NULL},
     NULL,
     0,
     0,
     "LOW:HIGH, one or one an axis; default -1:1, or what holds the path"},
    {"direction",
     LL_SETTING_CHOICE,
     {"random"},
     "random|hessian|pca|gradient|between",
     0,
     0,
     "what spans the landscape"},
    {"to",
     LL_SETTING_TEXTS,
     {NULL},
     NULL,
     0,
     0,
     "between: one other model (a line) or two (a plane), as group/1"},
    {"normalisation",
     LL_SETTING_CHOICE,
     {NULL},
     "none|model|layer|filter",
     0,
     0,
     "length of directions; default: filter for random ones"},
    {"small_tensors",
     LL_SETTING_CHOICE,
     {"auto"},
     "auto|zero|keep|copy",
     0,
     0,
     "directions of biases and norms"},
    {"orthogonal", LL_SETTING_FLAG, {NULL}, NULL, 0, 0, "make the axes orthogonal"},
    {"direction_seed",
     LL_SETTING_INTEGER,
     {NULL},
     NULL,
     0,
     1e15,
     "of random directions; default: the study's seed"},
    {"planes", LL_SETTING_INTEGER, {"1"}, NULL, 1, 1000, "repeat over so many seeds"},
    {"batch_norm",
     LL_SETTING_CHOICE,
     {"auto"},
     "auto|keep|re-estimate|batch",
     0,
     0,
     "statistics at the other points"},
    {"batch", LL_SETTING_INTEGER, {"500"}, NULL, 1, 1e9, "samples a batch of statistics"},
    {"samples",
     LL_SETTING_INTEGER,
     {NULL},
     NULL,
     1,
     1e12,
     "how many of `evaluate`; default: all of the role"},
    {"halves", LL_SETTING_FLAG, {"false"}, NULL, 0, 0, "also two halves of the data: how much is noise"},
    {"gradient_norm", LL_SETTING_FLAG, {"false"}, NULL, 0, 0, "also at every point"},
    {"eigenvalues", LL_SETTING_FLAG, {"false"}, NULL, 0, 0, "also the extreme eigenvalues at every point"},
    {"adaptive", LL_SETTING_REAL, {"0"}, NULL, 0, 1, "interpolate where that is right within E of the range"},
    {"uncentred", LL_SETTING_FLAG, {"false"}, NULL, 0, 0, "pca about the end instead of the mean"},
    LL_COMMON_ROWS,
    {NULL, LL_SETTING_TEXT, {NULL}, NULL, 0, 0, NULL},
};

enum { MOST_AXES = LL_LANDSCAPE_MAX_DIMENSIONS };

/* What is open while one landscape is computed. */
typedef struct work {
    ll_runner *runner;
    const ll_job *job;
    ll_setup *setup;
    ll_problem *problem;
    const ll_problem_info *info;
    const void *origin, *buffers;
    int64_t size[MOST_AXES];
    int dimensions;
    ll_samples lists[LL_MOST_TERMS];
    ll_axes axes;
    void *vectors;        /* eigenvectors or a gradient */
    void **path;          /* points of the trajectory */
    ll_array stored_path; /* of a trained model */
    int64_t path_count;
    double *coordinates, *residuals;
    ll_halves halves;
    ll_landscape *landscape;
} work;

static void work_deinit(work *w)
{
    ll_landscape_destroy(w->landscape);
    ll_axes_deinit(&w->axes);
    for (int64_t i = 0; w->path != NULL && w->stored_path.data == NULL && i < w->path_count; i++)
        ll_free(w->path[i]);
    ll_free(w->path);
    ll_array_deinit(&w->stored_path);
    ll_free(w->vectors);
    ll_free(w->coordinates);
    ll_free(w->residuals);
    ll_halves_deinit(&w->halves);
}

/* ---------------------------------------------------------------- the path */

static ll_status load_path(work *w, ll_error *error)
{
    const ll_member *m = &w->runner->members->member[w->job->a];
    if (m->file == NULL) {
        if (ll_group_integer(w->runner->study, m->group, "train.trajectory_every") == 0) return LL_OK;
        int64_t id = w->runner->plan->job[w->runner->plan->model[w->job->a]].id;
        LL_TRY(ll_store_read_array(w->runner->store, id, "trajectory", &w->stored_path, error));
        w->path_count = w->stored_path.shape[0];
    } else {
        w->path_count = m->trajectory_count;
    }
    if (w->path_count == 0) return LL_OK;
    w->path = ll_allocate_zeroed((size_t)w->path_count * sizeof *w->path);
    if (w->path == NULL) return ll_fail_memory(error, LL_STUDY, (size_t)w->path_count * sizeof *w->path);
    for (int64_t i = 0; i < w->path_count; i++) {
        if (m->file == NULL) {
            w->path[i] =
                ll_vector_at_mutable(w->info->type, w->stored_path.data, i * w->info->parameter_count);
            continue;
        }
        void *state = NULL;
        LL_TRY(ll_setup_load(w->setup, m->trajectory[i], &w->path[i], &state, error));
        ll_free(state);
    }
    return LL_OK;
}

/* ---------------------------------------------------------------- directions */

static uint64_t direction_seed(const work *w)
{
    const char *seed = ll_job_text(w->runner, w->job, "direction_seed");
    int64_t plane = strtoll(w->job->other[0] != 0 ? strrchr(w->job->other, ' ') + 1 : "0", NULL, 10);
    return (seed != NULL ? (uint64_t)strtoll(seed, NULL, 10) : w->runner->study->seed) + (uint64_t)plane;
}

static ll_status random_or_given(work *w, const char *name, const void *const *vectors, ll_error *error)
{
    const char *normalisation = ll_job_text(w->runner, w->job, "normalisation"),
               *orthogonal = ll_job_text(w->runner, w->job, "orthogonal");
    ll_axes_options options = {.dimensions = w->dimensions,
                               .seed = direction_seed(w),
                               .orthogonal = orthogonal == NULL                ? LL_ORTHOGONAL_AUTO
                                             : strcmp(orthogonal, "true") == 0 ? LL_ORTHOGONAL_YES
                                                                               : LL_ORTHOGONAL_NO};
    for (int d = 0; d < w->dimensions; d++) {
        options.axis[d].vector = vectors != NULL ? vectors[d] : NULL;
        options.axis[d].name = name;
        if (vectors == NULL || normalisation != NULL)
            (void)ll_direction_norm_parse(normalisation != NULL ? normalisation : "filter",
                                          &options.axis[d].normalisation);
        (void)ll_small_rule_parse(ll_job_text(w->runner, w->job, "small_tensors"), &options.axis[d].small);
    }
    return ll_axes_create(w->info, w->origin, &options, &w->axes, error);
}

/* Of the eigenpairs that were computed anyway where there are enough, else computed here. */
static ll_status hessian_axes(work *w, ll_error *error)
{
    ll_record *pairs = NULL;
    const ll_curvature_target target = {.problem = w->problem,
                                        .theta = w->origin,
                                        .buffers = w->buffers,
                                        .samples = w->lists,
                                        .product = LL_PRODUCT_HESSIAN};
    const ll_eigen_options options = {.count = w->dimensions, .sampling_subsets = -1};
    LL_TRY(ll_curvature_eigenpairs(&target, &options, NULL, &pairs, error));
    const ll_array *vectors = ll_array_of(pairs, "eigenvectors");
    int64_t n = w->info->parameter_count;
    ll_status status = vectors != NULL && ll_array_count(vectors) >= n * w->dimensions
                           ? LL_OK
                           : ll_fail(error, LL_NUMERIC, LL_STUDY, "hessian",
                                     "fewer than %d eigenvectors were found", w->dimensions);
    if (status == LL_OK &&
        (w->vectors = ll_allocate_array(n * w->dimensions, ll_real_bytes(w->info->type))) == NULL)
        status = ll_fail_memory(error, LL_STUDY, (size_t)n * 8);
    const void *view[MOST_AXES];
    for (int d = 0; d < w->dimensions && status == LL_OK; d++) {
        view[d] = ll_vector_at(w->info->type, w->vectors, d * n);
        for (int64_t i = 0; i < n; i++) {
            double value = ll_array_get(vectors, d * n + i);
            ll_vector_from_double(w->info->type, 1, &value,
                                  ll_vector_at_mutable(w->info->type, w->vectors, d * n + i));
        }
    }
    ll_record_destroy(pairs);
    return status == LL_OK ? random_or_given(w, "hessian", view, error) : status;
}

static ll_status gradient_axes(work *w, ll_error *error)
{
    w->vectors = ll_allocate_array(w->info->parameter_count, ll_real_bytes(w->info->type));
    if (w->vectors == NULL) return ll_fail_memory(error, LL_STUDY, (size_t)w->info->parameter_count * 8);
    if (w->dimensions != 1)
        return ll_fail(error, LL_INVALID_ARGUMENT, LL_STUDY, "grid",
                       "direction gradient has one axis; the grid has %d", w->dimensions);
    ll_request request = {.points = 1,
                          .thetas = &w->origin,
                          .buffers = w->buffers != NULL ? &w->buffers : NULL,
                          .buffers_shared = true,
                          .samples = (w->info->capabilities & LL_CAN_SUBSETS) != 0 ? w->lists : NULL,
                          .gradients = &w->vectors};
    LL_TRY(ll_problem_evaluate(w->problem, &request, error));
    const void *view[1] = {w->vectors};
    return random_or_given(w, "gradient", view, error);
}

static ll_status between_axes(work *w, ll_error *error)
{
    const void *theta[3] = {w->origin}, *buffers[3] = {w->buffers};
    int count = 0;
    for (int64_t k = 1; k < w->job->need_count && count < 2; k++) {
        const ll_job *need = &w->runner->plan->job[w->job->needs[k]];
        if (strcmp(need->kind, "model") != 0) continue;
        count++;
        LL_TRY(ll_runner_weights(w->runner, need->a, &theta[count], &buffers[count], error));
    }
    if (count != w->dimensions)
        return ll_fail(
            error, LL_INVALID_ARGUMENT, LL_STUDY, "to",
            "got %d other models for a grid of %d axes; wanted as many: one for a line, two for a plane",
            count, w->dimensions);
    if (count == 1)
        return ll_axes_between(w->info, theta[0], theta[1], buffers[0], buffers[1], &w->axes, error);
    w->coordinates = ll_allocate_array(6, sizeof *w->coordinates);
    if (w->coordinates == NULL) return ll_fail_memory(error, LL_STUDY, 48);
    LL_TRY(ll_axes_plane(w->info, theta, buffers, &w->axes, w->coordinates, error));
    w->path_count = 0;
    return LL_OK;
}

static ll_status make_axes(work *w, ll_error *error)
{
    const char *direction = ll_job_text(w->runner, w->job, "direction");
    if (strcmp(direction, "between") == 0) return between_axes(w, error);
    LL_TRY(load_path(w, error));
    if (strcmp(direction, "pca") == 0) {
        if (w->path_count < 2)
            return ll_fail(error, LL_INVALID_ARGUMENT, LL_STUDY, "direction",
                           "pca wants a path: train.trajectory_every, or trajectory for checkpoints");
        const ll_trajectory path = {.theta = (const void *const *)w->path, .count = w->path_count};
        LL_TRY(ll_axes_pca(w->info, w->origin, &path, 1, w->dimensions,
                           ll_job_flag(w->runner, w->job, "uncentred"), &w->axes, error));
    } else if (strcmp(direction, "hessian") == 0) {
        LL_TRY(hessian_axes(w, error));
    } else if (strcmp(direction, "gradient") == 0) {
        LL_TRY(gradient_axes(w, error));
    } else {
        LL_TRY(random_or_given(w, NULL, NULL, error));
    }
    if (w->path_count == 0) return LL_OK;
    w->coordinates = ll_allocate_array(w->path_count, (size_t)w->dimensions * sizeof *w->coordinates);
    w->residuals = ll_allocate_array(w->path_count, sizeof *w->residuals);
    if (w->coordinates == NULL || w->residuals == NULL)
        return ll_fail_memory(error, LL_STUDY, (size_t)w->path_count * 16);
    return ll_axes_project(&w->axes, w->origin, (const void *const *)w->path, w->path_count, w->coordinates,
                           w->residuals, error);
}

/* ---------------------------------------------------------------- sampling */

static ll_status make_ranges(const work *w, ll_landscape_options *options, ll_error *error)
{
    const char *ranges = ll_job_text(w->runner, w->job, "range"),
               *direction = ll_job_text(w->runner, w->job, "direction");
    int64_t count = ll_lines_count(ranges);
    bool between = strcmp(direction, "between") == 0;
    char item[128];
    if (count > 1 && count != w->dimensions)
        return ll_fail(error, LL_INVALID_ARGUMENT, LL_STUDY, "range",
                       "got %lld ranges for %d axes; wanted one, or one an axis", (long long)count,
                       w->dimensions);
    if (count == 0 && strcmp(direction, "pca") == 0) {
        ll_range_auto(w->coordinates, w->path_count, w->dimensions, 0.15, options->low, options->high);
        return LL_OK;
    }
    if (count == 0 && between && w->dimensions == 2) {
        ll_range_auto(w->coordinates, 3, 2, 0.25, options->low, options->high);
        return LL_OK;
    }
    for (int d = 0; d < w->dimensions; d++) {
        options->low[d] = between ? 0.0 : -1.0;
        options->high[d] = 1.0;
        if (count > 0)
            (void)ll_parse_range(ll_lines_item(ranges, count > 1 ? d : 0, item, sizeof item),
                                 &options->low[d], &options->high[d]);
    }
    return LL_OK;
}

/* ---------------------------------------------------------------- the path in the record */

static double share_in_plane(const work *w)
{
    double inside = 0.0, outside = 0.0;
    int n = w->axes.dimensions;
    for (int64_t p = 0; p < w->path_count; p++) {
        const double *c = w->coordinates + p * n;
        outside += w->residuals[p] * w->residuals[p];
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++) inside += c[i] * c[j] * w->axes.gram[i][j];
    }
    return inside / (inside + outside);
}

static ll_status add_path(const work *w, ll_record *record, ll_error *error)
{
    bool plane = w->coordinates != NULL && w->residuals == NULL; /* the three models that span it */
    int64_t count = plane ? 3 : w->path_count;
    if (count == 0 || w->coordinates == NULL) return LL_OK;
    const ll_array path = {
        .type = LL_ARRAY_FLOAT64, .rank = 2, .shape = {count, w->dimensions}, .data = w->coordinates};
    LL_TRY(ll_record_set_array(record, "trajectory", "direction lengths", &path, error));
    if (plane) return LL_OK;
    LL_TRY(ll_record_set_reals(record, "trajectory_residual", "", w->residuals, count, error));
    return w->axes.pca_rows == 0
               ? ll_record_set_real(record, "trajectory_explained_variance", "", share_in_plane(w), error)
               : LL_OK;
}

/* ---------------------------------------------------------------- for those who look on */

/* Passes everything on, and puts what the landscape has so far: every second, but for a fiftieth of the time
 * at most. */
typedef struct onlooker {
    const work *w;
    const ll_sink *outer;
    double next; /* when to put again */
} onlooker;

static bool find(void *context, const char *piece, void **bytes, size_t *count)
{
    return ll_sink_find(((const onlooker *)context)->outer, piece, bytes, count);
}

static ll_status put(void *context, const char *piece, const void *bytes, size_t count, ll_error *error)
{
    return ll_sink_put(((const onlooker *)context)->outer, piece, bytes, count, error);
}

static bool should_stop(void *context) { return ll_sink_should_stop(((const onlooker *)context)->outer); }

static ll_status put_so_far(const work *w, const ll_sink *sink, ll_error *error)
{
    ll_record *record;
    void *bytes = NULL;
    size_t count = 0;
    LL_TRY(ll_landscape_record(w->landscape, &record, error));
    ll_status status = add_path(w, record, error);
    if (status == LL_OK) status = ll_record_to_bytes(record, &bytes, &count, error);
    ll_record_destroy(record);
    if (status == LL_OK) status = ll_sink_put(sink, LL_PIECE_SO_FAR, bytes, count, error);
    ll_free(bytes);
    return status;
}

static void show(void *context, const ll_progress *progress)
{
    onlooker *o = context;
    double now = ll_clock_seconds();
    if (now >= o->next) {
        ll_status status = put_so_far(o->w, o->outer, NULL); /* a picture that is lost does no harm */
        double cost = ll_clock_seconds() - now;
        o->next = now + (status != LL_OK ? 10.0 : cost < 0.02 ? 1.0 : 50.0 * cost);
    }
    ll_sink_progress(o->outer, progress); /* later: who hears of it finds the picture */
}

static ll_status sample(work *w, const ll_sink *sink, ll_record **record, ll_error *error)
{
    ll_landscape_options options = {.origin = w->origin,
                                    .origin_buffers = w->buffers,
                                    .axes = &w->axes,
                                    .gradient_norm = ll_job_flag(w->runner, w->job, "gradient_norm"),
                                    .extreme_eigenvalues = ll_job_flag(w->runner, w->job, "eigenvalues"),
                                    .batch_size = ll_job_integer(w->runner, w->job, "batch"),
                                    .adaptive_tolerance = ll_job_real(w->runner, w->job, "adaptive")};
    (void)ll_batch_norm_parse(ll_job_text(w->runner, w->job, "batch_norm"), &options.batch_norm);
    for (int d = 0; d < w->dimensions; d++) options.size[d] = w->size[d];
    LL_TRY(make_ranges(w, &options, error));
    if (ll_job_flag(w->runner, w->job, "halves")) {
        LL_TRY(ll_halves_init(w->problem, w->lists, &w->halves, error));
        options.sets = w->halves.set;
        options.set_count = LL_HALVES_SETS;
    }
    LL_TRY(ll_landscape_create(w->problem, &options, &w->landscape, error));
    onlooker looker = {.w = w, .outer = sink, .next = ll_clock_seconds() + 1.0};
    const ll_sink seen = {
        .context = &looker, .find = find, .put = put, .progress = show, .should_stop = should_stop};
    ll_status status = ll_landscape_run(w->landscape, &seen, error);
    if (status == LL_CANCELLED) {
        ll_error ignored;
        ll_status shown = put_so_far(w, sink, &ignored); /* until it is continued */
        (void)shown;
    }
    if (status != LL_OK) return status;
    return ll_landscape_record(w->landscape, record, error);
}

/* ---------------------------------------------------------------- the record */

static ll_status add_checks(ll_record *record, ll_error *error)
{
    ll_finding findings[LL_FINDINGS];
    LL_TRY(ll_landscape_check(record, findings, error));
    for (int i = 0; i < LL_FINDINGS; i++) {
        char name[96];
        const char *check = ll_finding_name(findings[i].check);
        snprintf(name, sizeof name, "check_%s_verdict", check);
        LL_TRY(ll_record_set_text(record, name, ll_verdict_name(findings[i].verdict), error));
        snprintf(name, sizeof name, "check_%s_number", check);
        LL_TRY(ll_record_set_real(record, name, "", findings[i].number, error));
        snprintf(name, sizeof name, "check_%s_sentence", check);
        LL_TRY(ll_record_set_text(record, name, findings[i].sentence, error));
        snprintf(name, sizeof name, "check_%s_next", check);
        LL_TRY(ll_record_set_text(record, name, findings[i].next, error));
    }
    return LL_OK;
}

static ll_status compute(work *w, const ll_sink *sink, ll_record **record, ll_error *error)
{
    const ll_setup_request request = {
        .group = w->job->owner, .fit = -1, .samples = ll_job_integer(w->runner, w->job, "samples")};
    LL_TRY(ll_runner_setup(w->runner, &request, &w->setup, error));
    LL_TRY(ll_runner_weights(w->runner, w->job->a, &w->origin, &w->buffers, error));
    w->problem = ll_setup_problem(w->setup);
    w->info = ll_problem_view(w->problem);
    w->dimensions = ll_parse_grid(ll_job_text(w->runner, w->job, "grid"), w->size, MOST_AXES);
    ll_role_lists(w->problem, "evaluate", w->lists);
    LL_TRY(make_axes(w, error));
    LL_TRY(sample(w, sink, record, error));
    ll_status status = add_path(w, *record, error);
    if (status == LL_OK) status = add_checks(*record, error);
    return status;
}

static ll_status run(ll_runner *runner, const ll_job *job, const ll_sink *sink, ll_record **record,
                     ll_error *error)
{
    work w = {.runner = runner, .job = job};
    ll_record *made = NULL;
    ll_status status = compute(&w, sink, &made, error);
    work_deinit(&w);
    if (status != LL_OK) {
        ll_record_destroy(made);
        return status;
    }
    *record = made;
    return LL_OK;
}

/* ---------------------------------------------------------------- planning */

static ll_status need_others(ll_plan *plan, const ll_request_for *request, int64_t member,
                             ll_job_draft *draft, ll_error *error)
{
    const char *others = ll_request_text(plan, request, "to");
    char item[1024];
    if (strcmp(ll_request_text(plan, request, "direction"), "between") != 0) return LL_OK;
    if (others == NULL)
        return ll_fail(error, LL_INVALID_ARGUMENT, LL_STUDY, "landscape",
                       "direction between wants to: [group/1]");
    for (int64_t i = 0; i < ll_lines_count(others); i++) {
        int64_t found = -1;
        ll_lines_item(others, i, item, sizeof item);
        for (int64_t m = 0; m < plan->members->count; m++)
            if (strcmp(plan->members->member[m].name, item) == 0) found = m;
        if (found < 0 || plan->members->member[found].group != plan->members->member[member].group)
            return ll_fail(error, LL_NOT_FOUND, LL_STUDY, "to", "there is no model \"%s\" in the group of %s",
                           item, plan->members->member[member].name);
        ll_draft_need(draft, plan->model[found]);
    }
    return LL_OK;
}

static ll_status plan_one(ll_plan *plan, const ll_request_for *request, int64_t m, int64_t plane,
                          int64_t planes, ll_error *error)
{
    static const char *const skip[] = {"planes", NULL};
    const ll_member *member = &plan->members->member[m];
    ll_job_draft draft = {
        .kind = "landscape", .owner = member->group, .a = m, .b = -1, .request = request, .run = run};
    char other[32] = "";
    int64_t size[MOST_AXES];
    int axes = ll_parse_grid(ll_request_text(plan, request, "grid"), size, MOST_AXES);
    draft.bytes = 8 * 6;
    for (int d = 0; d < axes; d++) draft.bytes *= (double)size[d];
    if (plane > 0) snprintf(other, sizeof other, "plane %lld", (long long)plane);
    draft.other = other;
    ll_text_format(&draft.name, "landscape of %s", member->name);
    if (planes > 1) ll_text_format(&draft.name, ", plane %lld", (long long)plane);
    ll_request_inputs(plan->study, request, skip, &draft.inputs);
    ll_text_format(&draft.inputs, "plane=%lld\nseed=%llu\n", (long long)plane,
                   (unsigned long long)plan->study->seed);
    ll_group_evaluation_inputs(plan->study, member->group, &draft.inputs);
    if (member->trajectory_count > 0) {
        char text[33];
        ll_hash_text(member->trajectory_hash, text);
        ll_text_format(&draft.inputs, "trajectory=%s\n", text);
    }
    ll_draft_need(&draft, plan->model[m]);
    ll_status status = need_others(plan, request, m, &draft, error);
    if (status == LL_OK) return ll_plan_add(plan, &draft, NULL, error);
    ll_text_deinit(&draft.name);
    ll_text_deinit(&draft.inputs);
    ll_free(draft.needs);
    return status;
}

static ll_status plan(ll_plan *plan, const ll_request_for *request, ll_error *error)
{
    int64_t planes = strtoll(ll_request_text(plan, request, "planes"), NULL, 10);
    if (planes > 1 && strcmp(ll_request_text(plan, request, "direction"), "random") != 0)
        return ll_fail(error, LL_INVALID_ARGUMENT, LL_STUDY, "planes", "wants direction random");
    for (int64_t m = 0; m < plan->members->count; m++) {
        if (plan->study->groups[plan->members->member[m].group].view.kind == LL_GROUP_FIELD ||
            !ll_request_wants(plan, request, m))
            continue;
        for (int64_t p = 0; p < planes; p++) LL_TRY(plan_one(plan, request, m, p, planes, error));
    }
    return LL_OK;
}

const ll_analysis ll_analysis_landscape = {
    "landscape", "the loss over directions around each model, and whether the picture can be trusted", rows,
    plan};
