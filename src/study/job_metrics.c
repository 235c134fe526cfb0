/* How well each model does: loss, terms, metrics, predictions; of a physics-informed model its solution
 * beside the exact one. And whether that is as the study expects. */
#include "study/setups.h"

#include "losslens/similarity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const ll_setting_row rows[] = {
    {"samples",
     LL_SETTING_INTEGER,
     {NULL},
     NULL,
     1,
     1e12,
     "how many of `evaluate`; default: all of the role"},
    LL_COMMON_ROWS,
    {NULL, LL_SETTING_TEXT, {NULL}, NULL, 0, 0, NULL},
};

/* ---------------------------------------------------------------- the list of metrics of a record */

typedef struct metric_list {
    ll_record *record;
    ll_text names, better, scale;
} metric_list;

static ll_status add(metric_list *list, const char *name, const char *unit, double value, bool higher,
                     const char *scale, ll_error *error)
{
    const char *line = list->names.length > 0 ? "\n" : "";
    ll_text_format(&list->names, "%s%s", line, name);
    ll_text_format(&list->better, "%s%s", line, higher ? "higher" : "lower");
    ll_text_format(&list->scale, "%s%s", line, scale);
    return ll_record_set_real(list->record, name, unit, value, error);
}

static ll_status end(metric_list *list, ll_error *error)
{
    ll_status status = list->names.failed || list->better.failed || list->scale.failed
                           ? ll_fail_memory(error, LL_STUDY, 256)
                           : LL_OK;
    if (status == LL_OK) status = ll_record_set_text(list->record, "metric_names", list->names.text, error);
    if (status == LL_OK) status = ll_record_set_text(list->record, "metric_better", list->better.text, error);
    if (status == LL_OK) status = ll_record_set_text(list->record, "metric_scale", list->scale.text, error);
    ll_text_deinit(&list->names);
    ll_text_deinit(&list->better);
    ll_text_deinit(&list->scale);
    return status;
}

/* ---------------------------------------------------------------- evaluation */

typedef struct evaluation {
    ll_problem *problem;
    const void *theta, *buffers;
    ll_samples lists[LL_MOST_TERMS];
} evaluation;

/* Output of the network for the samples of the first term, as doubles [samples, width]. */
static ll_status output_of(const evaluation *e, double **values, ll_error *error)
{
    const ll_problem_info *info = ll_problem_view(e->problem);
    int64_t layer = info->layers, count = e->lists[0].count * info->output_width;
    void *features = ll_allocate_array(count, ll_real_bytes(info->type));
    *values = ll_allocate_array(count, sizeof **values);
    ll_status status =
        features != NULL && *values != NULL ? LL_OK : ll_fail_memory(error, LL_STUDY, (size_t)count * 16);
    ll_request request = {.points = 1,
                          .thetas = &e->theta,
                          .buffers = e->buffers != NULL ? &e->buffers : NULL,
                          .buffers_shared = true,
                          .samples = e->lists,
                          .feature_layers = 1,
                          .feature_layer = &layer,
                          .features = &features};
    if (status == LL_OK) status = ll_problem_evaluate(e->problem, &request, error);
    for (int64_t i = 0; i < count && status == LL_OK; i++)
        (*values)[i] = info->type == LL_REAL_FLOAT32 ? (double)((const float *)features)[i]
                                                     : ((const double *)features)[i];
    ll_free(features);
    if (status != LL_OK) {
        ll_free(*values);
        *values = NULL;
    }
    return status;
}

static ll_status add_losses(const evaluation *e, metric_list *list, bool metrics, ll_error *error)
{
    const ll_problem_info *info = ll_problem_view(e->problem);
    double loss, terms[LL_MOST_TERMS + 1], values[LL_MOST_TERMS];
    if (info->terms > LL_MOST_TERMS || info->metrics > LL_MOST_TERMS)
        return ll_fail(error, LL_TOO_LARGE, LL_STUDY, info->name, "more than %d terms", LL_MOST_TERMS);
    ll_request request = {.points = 1,
                          .thetas = &e->theta,
                          .buffers = e->buffers != NULL ? &e->buffers : NULL,
                          .buffers_shared = true,
                          .samples = e->lists,
                          .loss = &loss,
                          .terms = terms,
                          .metrics = info->metrics > 0 ? values : NULL};
    LL_TRY(ll_problem_evaluate(e->problem, &request, error));
    LL_TRY(add(list, "loss", "loss", loss, false, "value", error));
    for (int64_t t = 0; t < info->terms && info->terms > 1; t++) {
        char name[128];
        if (strcmp(info->term[t].name, "reference") == 0) continue;
        snprintf(name, sizeof name, "loss_%s", info->term[t].name);
        LL_TRY(add(list, name, "loss", terms[t], false, "value", error));
    }
    for (int64_t m = 0; m < info->metrics && metrics; m++) {
        const ll_metric *metric = &info->metric[m];
        LL_TRY(add(list, metric->name, metric->unit, values[m], metric->higher_is_better,
                   metric->higher_is_better ? "score" : "error", error));
    }
    return LL_OK;
}

static ll_status fill_classes(const evaluation *e, const ll_setup *setup, metric_list *list, ll_error *error)
{
    int64_t count = e->lists[0].count, classes = ll_setup_classes(setup);
    double *logits = NULL;
    LL_TRY(output_of(e, &logits, error));
    const int64_t *all = ll_setup_labels(setup);
    int64_t *labels = ll_allocate_array(count + 1, sizeof *labels);
    ll_array predictions = {0};
    ll_record *found = NULL;
    ll_status status = labels != NULL ? ll_array_init(&predictions, LL_ARRAY_INT32, 1, &count, error)
                                      : ll_fail_memory(error, LL_STUDY, (size_t)count * 8);
    for (int64_t i = 0; i < count && status == LL_OK; i++) {
        const double *row = logits + i * classes;
        int64_t best = 0;
        labels[i] = all[e->lists[0].indices != NULL ? e->lists[0].indices[i] : i];
        for (int64_t c = 1; c < classes; c++)
            if (row[c] > row[best]) best = c;
        ((int32_t *)predictions.data)[i] = (int32_t)best;
    }
    if (status == LL_OK)
        status = ll_metrics_classification(logits, LL_REAL_FLOAT64, count, classes, labels, &found, error);
    static const char *const names[][2] = {{"top5", "top5_accuracy"},
                                           {"macro_f1", "macro_f1"},
                                           {"macro_precision", "macro_precision"},
                                           {"macro_recall", "macro_recall"}};
    for (int i = classes > 5 ? 0 : 1; i < 4 && status == LL_OK; i++)
        status = add(list, names[i][1], "", ll_real_of(found, names[i][0]), true, "score", error);
    if (status == LL_OK)
        status =
            add(list, "error", "percent", 100.0 * (1.0 - ll_real_of(found, "top1")), false, "error", error);
    const ll_array *confusion = status == LL_OK ? ll_array_of(found, "confusion") : NULL;
    if (confusion != NULL)
        status = ll_record_set_array(list->record, "confusion", "samples", confusion, error);
    if (status == LL_OK)
        status = ll_record_take_array(list->record, "predictions", "class", &predictions, error);
    ll_array labelled = {.type = LL_ARRAY_INT64, .rank = 1, .shape = {count}, .data = labels};
    if (status == LL_OK) status = ll_record_set_array(list->record, "labels", "class", &labelled, error);
    ll_array_deinit(&predictions);
    ll_record_destroy(found);
    ll_free(labels);
    ll_free(logits);
    return status;
}

enum { X = 256, T = 100 };

/* u(x, t) on the grid of the exact solution. */
static ll_status fill_solution(ll_runner *runner, const ll_job *job, const evaluation *e, metric_list *list,
                               ll_error *error)
{
    const ll_setup_request request = {.group = job->owner, .fit = -1, .feature_points = X * T};
    const ll_study *study = runner->study;
    const ll_pinn_family family = {.nu = ll_group_real(study, job->owner, "nu"),
                                   .beta = ll_group_real(study, job->owner, "beta"),
                                   .rho = ll_group_real(study, job->owner, "rho"),
                                   .gaussian_start = ll_group_flag(study, job->owner, "gaussian_start")};
    ll_setup *setup;
    LL_TRY(ll_runner_setup(runner, &request, &setup, error));
    evaluation whole = {.problem = ll_setup_problem(setup), .theta = e->theta, .buffers = e->buffers};
    ll_role_lists(whole.problem, "evaluate", whole.lists);
    double *u = NULL, *exact = ll_allocate_array(X * T, sizeof *exact);
    ll_record *found = NULL;
    ll_array solution = {0}, wanted = {0};
    const int64_t shape[2] = {X, T};
    ll_status status =
        exact != NULL ? output_of(&whole, &u, error) : ll_fail_memory(error, LL_STUDY, X * T * sizeof *exact);
    if (status == LL_OK) status = ll_pinn_family_solution(&family, exact, error);
    if (status == LL_OK) status = ll_metrics_regression(u, exact, X * T, &found, error);
    static const char *const names[][2] = {{"relative_l2", "relative_error"},
                                           {"mae", "mean_absolute_error"},
                                           {"l_infinity", "largest_error"},
                                           {"mse", "mean_squared_error"}};
    for (int i = 0; i < 4 && status == LL_OK; i++)
        status = add(list, names[i][1], "", ll_real_of(found, names[i][0]), false, "error", error);
    if (status == LL_OK) status = ll_array_init(&solution, LL_ARRAY_FLOAT64, 2, shape, error);
    if (status == LL_OK) status = ll_array_init(&wanted, LL_ARRAY_FLOAT64, 2, shape, error);
    double xs[X], ts[T];
    for (int i = 0; i < X; i++) xs[i] = 2.0 * 3.14159265358979323846 * i / X;
    for (int j = 0; j < T; j++) ts[j] = j / (double)(T - 1);
    for (int64_t k = 0; k < X * T && status == LL_OK; k++) { /* rows come x fastest */
        ((double *)solution.data)[k % X * T + k / X] = u[k];
        ((double *)wanted.data)[k % X * T + k / X] = exact[k];
    }
    if (status == LL_OK) status = ll_record_set_reals(list->record, "axis_0", "x", xs, X, error);
    if (status == LL_OK) status = ll_record_set_reals(list->record, "axis_1", "t", ts, T, error);
    if (status == LL_OK) status = ll_record_take_array(list->record, "solution", "u", &solution, error);
    if (status == LL_OK) status = ll_record_take_array(list->record, "exact", "u", &wanted, error);
    ll_array_deinit(&solution);
    ll_array_deinit(&wanted);
    ll_record_destroy(found);
    ll_free(u);
    ll_free(exact);
    return status;
}

static ll_status fill(ll_runner *runner, const ll_job *job, metric_list *list, ll_error *error)
{
    const ll_setup_request request = {
        .group = job->owner, .fit = -1, .samples = ll_job_integer(runner, job, "samples")};
    bool pinn = runner->study->groups[job->owner].view.kind == LL_GROUP_PINN;
    ll_setup *setup;
    evaluation e = {0};
    LL_TRY(ll_runner_setup(runner, &request, &setup, error));
    LL_TRY(ll_runner_weights(runner, job->a, &e.theta, &e.buffers, error));
    e.problem = ll_setup_problem(setup);
    ll_role_lists(e.problem, "evaluate", e.lists);
    LL_TRY(ll_record_set_integer(list->record, "samples", "samples", e.lists[0].count, error));
    if (!pinn) LL_TRY(ll_record_roles(list->record, setup, NULL, error));
    LL_TRY(add_losses(&e, list, !pinn, error));
    const ll_problem_info *info = ll_problem_view(e.problem);
    bool classes = ll_setup_labels(setup) != NULL && ll_setup_classes(setup) > 1 &&
                   info->output_width == ll_setup_classes(setup) && info->metrics > 0 &&
                   strcmp(info->metric[0].name, "accuracy") == 0;
    if (classes) LL_TRY(ll_record_set_integer(list->record, "classes", "", ll_setup_classes(setup), error));
    if (pinn) return fill_solution(runner, job, &e, list, error);
    return classes ? fill_classes(&e, setup, list, error) : LL_OK;
}

static ll_status run(ll_runner *runner, const ll_job *job, const ll_sink *sink, ll_record **record,
                     ll_error *error)
{
    (void)sink;
    metric_list list = {.record = ll_record_create("metrics")};
    if (list.record == NULL) return ll_fail_memory(error, LL_STUDY, 1024);
    ll_status status = fill(runner, job, &list, error);
    ll_status ended = end(&list, status == LL_OK ? error : NULL);
    if (status == LL_OK) status = ended;
    if (status != LL_OK) {
        ll_record_destroy(list.record);
        return status;
    }
    *record = list.record;
    return LL_OK;
}

static ll_status plan(ll_plan *plan, const ll_request_for *request, ll_error *error)
{
    for (int64_t m = 0; m < plan->members->count; m++) {
        int64_t group = plan->members->member[m].group;
        if (plan->study->groups[group].view.kind == LL_GROUP_FIELD || !ll_request_wants(plan, request, m))
            continue;
        ll_job_draft draft = {
            .kind = "metrics", .owner = group, .a = m, .b = -1, .request = request, .run = run, .bytes = 5e5};
        ll_text_format(&draft.name, "metrics of %s", plan->members->member[m].name);
        ll_request_inputs(plan->study, request, NULL, &draft.inputs);
        ll_group_evaluation_inputs(plan->study, group, &draft.inputs);
        ll_draft_need(&draft, plan->model[m]);
        LL_TRY(ll_plan_add(plan, &draft, NULL, error));
    }
    return LL_OK;
}

const ll_analysis ll_analysis_metrics = {
    "metrics", "loss, accuracy or error, confusion, predictions; a problem's solution beside the exact one",
    rows, plan};

/* ---------------------------------------------------------------- what is expected */

/* A score may be off by a point, or by what so few samples leave open (two standard errors); an error or loss
 * may be smaller, and larger by a quarter and a point of its unit. */
static double tolerance(const char *scale, bool higher, double wanted, double samples)
{
    if (strcmp(scale, "score") != 0 && !higher) return fmax(0.01, 0.25 * fabs(wanted));
    double share = fmin(fmax(wanted, 0.0), 1.0);
    return fmax(0.01, 2.0 * sqrt(share * (1.0 - share) / fmax(samples, 1.0)));
}

static bool is_as_expected(const char *scale, bool higher, double value, double wanted, double allowed)
{
    if (isnan(value)) return false;
    if (strcmp(scale, "score") == 0 || higher) return fabs(value - wanted) <= allowed + 1e-9;
    return value <= wanted + allowed;
}

static const char chance_causes[] =
    "Likely causes: labels in another order than the network learnt; weights mapped to wrong tensors "
    "(losslens eval --mapping shows which went where); normalise.mean and std missing or of another data set";

/* A checkpoint that does no better than guessing is a mistake, unless the study says so. */
static ll_status compare_with_chance(const ll_runner *runner, const ll_job *job, const ll_record *record,
                                     ll_error *error)
{
    double classes = ll_real_of(record, "classes"), accuracy = ll_real_of(record, "accuracy"),
           samples = ll_real_of(record, "samples");
    if (ll_group_text(runner->study, job->owner, "checkpoints") == NULL || !(classes > 1) ||
        isnan(accuracy) || !(samples > 0))
        return LL_OK;
    double chance = 1.0 / classes, error_of_chance = sqrt(chance * (1.0 - chance) / samples);
    if (accuracy > chance + 0.05 * (1.0 - chance) + 2.0 * error_of_chance) return LL_OK;
    return ll_fail(
        error, LL_INVALID_ARGUMENT, LL_STUDY, "expect",
        "%s has an accuracy of %.4g on %.0f samples of %.0f classes, near chance. %s. If it is meant, "
        "write expect: {accuracy: %.4g} in its group",
        job->subject, accuracy, samples, classes, chance_causes, chance);
}

static ll_status compare(const ll_runner *runner, const ll_job *job, const ll_record *record, ll_error *error)
{
    const ll_settings *settings = &runner->study->groups[job->owner].settings;
    const char *names = ll_text_of(record, "metric_names"), *better = ll_text_of(record, "metric_better"),
               *scales = ll_text_of(record, "metric_scale");
    char name[160], item[64], got[LL_NUMBER_TEXT], want[LL_NUMBER_TEXT], room[LL_NUMBER_TEXT];
    double classes = ll_real_of(record, "classes"), samples = ll_real_of(record, "samples");
    bool of_accuracy = false;
    for (int64_t i = 0; i < settings->count; i++) {
        if (strncmp(settings->item[i].key, "expect.", 7) != 0) continue;
        const char *key = settings->item[i].key + 7;
        of_accuracy = of_accuracy || strcmp(key, "accuracy") == 0 || strcmp(key, "error") == 0;
        int64_t at = -1, count = ll_lines_count(names);
        for (int64_t k = 0; k < count; k++)
            if (strcmp(ll_lines_item(names, k, name, sizeof name), key) == 0) at = k;
        if (at < 0) {
            ll_arena *scratch = ll_arena_create(0);
            ll_status status =
                ll_fail(error, LL_INVALID_ARGUMENT, LL_STUDY, "expect", "%s has no metric \"%s\"; it has %s",
                        job->subject, key, scratch != NULL ? ll_lines_join(names, scratch) : "others");
            ll_arena_destroy(scratch);
            return status;
        }
        double value = ll_real_of(record, key), wanted = strtod(settings->item[i].value, NULL);
        bool higher = strcmp(ll_lines_item(better, at, item, sizeof item), "higher") == 0;
        ll_lines_item(scales, at, item, sizeof item);
        double allowed = tolerance(item, higher, wanted, samples);
        if (is_as_expected(item, higher, value, wanted, allowed)) continue;
        snprintf(got, sizeof got, "%.4g", value);
        snprintf(want, sizeof want, "%.4g", wanted);
        bool chance = isfinite(classes) && strcmp(key, "accuracy") == 0 && value < 2.0 / classes;
        bool pinn = runner->study->groups[job->owner].view.kind == LL_GROUP_PINN;
        snprintf(room, sizeof room, "%.2g", allowed);
        return ll_fail(error, LL_INVALID_ARGUMENT, LL_STUDY, "expect",
                       "%s of %s is %s on %.0f samples, wanted %s within %s%s. %s", key, job->subject, got,
                       samples, want, room, chance ? " (it is near chance)" : "",
                       pinn ? "Likely causes: coefficients of another problem; training stopped early, or "
                              "failed (beta of 10 and more usually does)"
                       : chance
                           ? chance_causes
                           : "Likely causes: normalise.mean and std of another data set; an option of the "
                             "network (shortcut, padding, activation); weights "
                             "mapped to wrong tensors (losslens eval --mapping); other samples or labels");
    }
    return of_accuracy ? LL_OK : compare_with_chance(runner, job, record, error);
}

ll_status ll_check_expected(ll_runner *runner, const ll_job *job, const ll_record *record, ll_error *error)
{
    if (strcmp(job->kind, "metrics") != 0) return LL_OK;
    const ll_settings *settings = &runner->study->groups[job->owner].settings;
    bool expects = ll_group_text(runner->study, job->owner, "checkpoints") != NULL;
    for (int64_t i = 0; i < settings->count; i++)
        expects = expects || strncmp(settings->item[i].key, "expect.", 7) == 0;
    if (!expects) return LL_OK;
    ll_record *stored = NULL;
    if (record == NULL) LL_TRY(ll_store_read_record(runner->store, job->id, &stored, error));
    ll_status status = compare(runner, job, record != NULL ? record : stored, error);
    ll_record_destroy(stored);
    return status;
}
