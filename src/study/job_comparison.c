/* Every number of every model in one table: by group mean and interval, and rank correlations of any two
 * numbers and of each with what the study swept. */
#include "study/setups.h"

#include "losslens/study_statistics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const ll_setting_row rows[] = {
    LL_COMMON_ROWS,
    {NULL, LL_SETTING_TEXT, {NULL}, NULL, 0, 0, NULL},
};

enum { MOST_COLUMNS = 96, NAME_BYTES = 160 };

typedef struct table {
    ll_runner *runner;
    const ll_job *job;
    int64_t *member; /* [rows] */
    int64_t rows;
    char name[MOST_COLUMNS][NAME_BYTES];
    double *column[MOST_COLUMNS]; /* [rows] */
    double *weight[MOST_COLUMNS]; /* how many numbers each mean is of */
    int columns, first_swept;
} table;

static void table_deinit(table *t)
{
    for (int c = 0; c < t->columns; c++) {
        ll_free(t->column[c]);
        ll_free(t->weight[c]);
    }
    ll_free(t->member);
}

static int64_t row_of(const table *t, int64_t member)
{
    for (int64_t r = 0; r < t->rows; r++)
        if (t->member[r] == member) return r;
    return -1;
}

/* Adds to the mean that stands in the cell. */
static ll_status put(table *t, const char *name, int64_t member, double value, ll_error *error)
{
    int c = 0;
    int64_t row = member >= 0 ? row_of(t, member) : -1;
    if (row < 0 || isnan(value)) return LL_OK;
    while (c < t->columns && strcmp(t->name[c], name) != 0) c++;
    if (c == MOST_COLUMNS) return LL_OK; /* further metrics of a call-back with very many are left out */
    if (c == t->columns) {
        t->column[c] = ll_allocate_array(t->rows + 1, sizeof *t->column[c]);
        t->weight[c] = ll_allocate_zeroed((size_t)(t->rows + 1) * sizeof *t->weight[c]);
        snprintf(t->name[c], NAME_BYTES, "%s", name);
        t->columns++;
        if (t->column[c] == NULL || t->weight[c] == NULL)
            return ll_fail_memory(error, LL_STUDY, (size_t)t->rows * 8);
        for (int64_t r = 0; r < t->rows; r++) t->column[c][r] = NAN;
    }
    double *cell = &t->column[c][row], *weight = &t->weight[c][row];
    *cell = *weight > 0 ? (*cell * *weight + value) / (*weight + 1) : value;
    *weight += 1;
    return LL_OK;
}

static ll_status put_similarity(table *t, const ll_record *cka, ll_error *error)
{
    const ll_array *matrix = ll_array_of(cka, "matrix"), *owner = ll_array_of(cka, "entry_model");
    const char *names = ll_text_of(cka, "model_names");
    int64_t entries = matrix->shape[0];
    int64_t *last = ll_allocate_array(t->rows + 1, sizeof *last);
    char item[1024];
    if (last == NULL) return ll_fail_memory(error, LL_STUDY, 1024);
    for (int64_t r = 0; r < t->rows; r++) {
        last[r] = -1;
        for (int64_t e = 0; e < entries; e++)
            if (strcmp(ll_lines_item(names, (int64_t)ll_array_get(owner, e), item, sizeof item),
                       t->runner->members->member[t->member[r]].name) == 0)
                last[r] = e;
    }
    ll_status status = LL_OK;
    for (int64_t a = 0; a < t->rows && status == LL_OK; a++)
        for (int64_t b = 0; b < t->rows && status == LL_OK; b++) {
            bool same = t->runner->members->member[t->member[a]].group ==
                        t->runner->members->member[t->member[b]].group;
            if (a != b && same && last[a] >= 0 && last[b] >= 0)
                status = put(t, "cka_within_group", t->member[a],
                             ll_array_get(matrix, last[a] * entries + last[b]), error);
        }
    ll_free(last);
    return status;
}

static ll_status put_record(table *t, const ll_job *need, const ll_record *record, ll_error *error)
{
    static const char *const topology[][2] = {{"minima", "minima"},
                                              {"saddles", "saddles"},
                                              {"mean_persistence", "mean_persistence"},
                                              {"mean_diagonal_distance", "average_persistence"},
                                              {"smad", "smad"},
                                              {"persistence_entropy", "persistence_entropy"}};
    const char *kind = need->kind;
    if (strcmp(kind, "metrics") == 0) {
        const char *names = ll_text_of(record, "metric_names");
        char name[NAME_BYTES];
        for (int64_t i = 0; i < ll_lines_count(names); i++) {
            ll_lines_item(names, i, name, sizeof name);
            LL_TRY(put(t, name, need->a, ll_real_of(record, name), error));
        }
    } else if (strcmp(kind, "eigenpairs") == 0) {
        const ll_array *values = ll_array_of(record, "eigenvalues");
        if (values != NULL && ll_array_count(values) > 0)
            LL_TRY(put(t, "top_eigenvalue", need->a, ll_array_get(values, 0), error));
    } else if (strcmp(kind, "trace") == 0) {
        LL_TRY(put(t, "trace", need->a, ll_real_of(record, "trace"), error));
    } else if (strcmp(kind, "density") == 0) {
        LL_TRY(put(t, "negative_mass", need->a, ll_real_of(record, "negative_mass"), error));
    } else if (strcmp(kind, "rise") == 0) {
        LL_TRY(put(t, "relative_rise", need->a, ll_real_of(record, "relative_rise"), error));
    } else if (strcmp(kind, "topology") == 0) {
        for (int i = 0; i < 6; i++)
            LL_TRY(put(t, topology[i][1], need->a, ll_real_of(record, topology[i][0]), error));
    } else if (strcmp(kind, "similarity") == 0) {
        LL_TRY(put_similarity(t, record, error));
    }
    return LL_OK;
}

/* Numbers only: a swept text has no rank. */
static ll_status put_swept(table *t, ll_error *error)
{
    t->first_swept = t->columns;
    for (int64_t r = 0; r < t->rows; r++) {
        const ll_study_group *group =
            &t->runner->study->groups[t->runner->members->member[t->member[r]].group].view;
        for (int64_t s = 0; s < group->sweeps; s++) {
            char *end, name[NAME_BYTES];
            double value = strtod(group->sweep[s].value, &end);
            if (end == group->sweep[s].value || *end != 0) continue;
            snprintf(name, sizeof name, "swept %s", group->sweep[s].key);
            LL_TRY(put(t, name, t->member[r], value, error));
        }
    }
    return LL_OK;
}

/* A model's connectivity is the mean over its pairs: thousands of them, so their numbers alone are read. */
static ll_status put_pairs(table *t, ll_error *error)
{
    static const char *const names[] = {"mc_loss", "mc_error", "relative_barrier"}, *const columns[] = {
                                                                                        "mc", "mc_error",
                                                                                        "relative_barrier"};
    ll_store_numbers numbers;
    const ll_store_filter filter = {.kind = "pair"};
    LL_TRY(ll_store_read_numbers(t->runner->store, &filter, names, 3, &numbers, error));
    ll_status status = LL_OK;
    int64_t at = 0;
    for (int64_t k = 0; k < t->job->need_count && status == LL_OK; k++) {
        const ll_job *need = &t->runner->plan->job[t->job->needs[k]];
        if (strcmp(need->kind, "pair") != 0) continue;
        /* Ids ascend mostly with the plan. */
        for (int64_t tries = 0; tries < numbers.count && numbers.ids[at] != need->id; tries++)
            at = (at + 1) % numbers.count;
        if (numbers.count == 0 || numbers.ids[at] != need->id) continue;
        for (int c = 0; c < 3 && status == LL_OK; c++)
            for (int end = 0; end < 2 && status == LL_OK; end++)
                status = put(t, columns[c], end == 0 ? need->a : need->b, numbers.values[3 * at + c], error);
    }
    ll_store_numbers_deinit(&numbers);
    return status;
}

/* ---------------------------------------------------------------- the record */

static ll_status write_groups(const table *t, ll_record *record, ll_error *error)
{
    const ll_study *study = t->runner->study;
    int64_t groups = 0, *index = ll_allocate_array(study->group_count + 1, sizeof *index);
    double *numbers = ll_allocate_array(4 * study->group_count + 1, sizeof *numbers),
           *values = ll_allocate_array(t->rows + 1, sizeof *values);
    ll_text names = {0};
    ll_status status =
        index != NULL && numbers != NULL && values != NULL ? LL_OK : ll_fail_memory(error, LL_STUDY, 1024);
    for (int64_t g = 0; g < study->group_count && status == LL_OK; g++) {
        bool any = false;
        for (int64_t r = 0; r < t->rows; r++)
            any = any || t->runner->members->member[t->member[r]].group == g;
        if (!any) continue;
        ll_text_format(&names, "%s%s", groups > 0 ? "\n" : "", study->groups[g].view.name);
        index[groups++] = g;
    }
    if (status == LL_OK && names.failed) status = ll_fail_memory(error, LL_STUDY, 256);
    if (status == LL_OK)
        status = ll_record_set_text(record, "group_names", names.text != NULL ? names.text : "", error);
    for (int c = 0; c < t->first_swept && status == LL_OK; c++) {
        double *mean = numbers, *low = numbers + groups, *high = numbers + 2 * groups,
               *count = numbers + 3 * groups;
        char name[NAME_BYTES + 16];
        for (int64_t g = 0; g < groups; g++) {
            int64_t n = 0;
            double half;
            for (int64_t r = 0; r < t->rows; r++)
                if (t->runner->members->member[t->member[r]].group == index[g]) values[n++] = t->column[c][r];
            count[g] = (double)ll_mean_interval(values, n, &mean[g], &half);
            low[g] = mean[g] - half;
            high[g] = mean[g] + half;
        }
        snprintf(name, sizeof name, "%s_values", t->name[c]);
        status = ll_record_set_reals(record, name, "", t->column[c], t->rows, error);
        static const char *const suffixes[] = {"mean", "low", "high", "count"};
        for (int k = 0; k < 4 && status == LL_OK; k++) {
            snprintf(name, sizeof name, "%s_%s", t->name[c], suffixes[k]);
            status = ll_record_set_reals(record, name, "", numbers + k * groups, groups, error);
        }
    }
    ll_text_deinit(&names);
    ll_free(index);
    ll_free(numbers);
    ll_free(values);
    return status;
}

/* relation_names: the metrics, then what was swept; relation_spearman and relation_count [R, R]. */
static ll_status write_relations(const table *t, ll_record *record, ll_error *error)
{
    int64_t R = t->columns;
    ll_array correlation = {0}, count = {0};
    ll_text names = {0};
    ll_status status = ll_array_init(&correlation, LL_ARRAY_FLOAT64, 2, (int64_t[]){R, R}, error);
    if (status == LL_OK) status = ll_array_init(&count, LL_ARRAY_INT64, 2, (int64_t[]){R, R}, error);
    for (int64_t a = 0; a < R && status == LL_OK; a++) {
        ll_text_format(&names, "%s%s", a > 0 ? "\n" : "", t->name[a]);
        for (int64_t b = 0; b < R && status == LL_OK; b++)
            status = ll_rank_correlation(t->column[a], t->column[b], t->rows,
                                         (double *)correlation.data + a * R + b,
                                         (int64_t *)count.data + a * R + b, error);
    }
    if (status == LL_OK && names.failed) status = ll_fail_memory(error, LL_STUDY, 256);
    if (status == LL_OK)
        status = ll_record_set_text(record, "relation_names", names.text != NULL ? names.text : "", error);
    if (status == LL_OK) status = ll_record_take_array(record, "relation_spearman", "", &correlation, error);
    if (status == LL_OK) status = ll_record_take_array(record, "relation_count", "models", &count, error);
    for (int c = t->first_swept; c < t->columns && status == LL_OK; c++) {
        char name[NAME_BYTES + 16];
        snprintf(name, sizeof name, "swept_%s_values", t->name[c] + 6);
        status = ll_record_set_reals(record, name, "", t->column[c], t->rows, error);
    }
    ll_array_deinit(&correlation);
    ll_array_deinit(&count);
    ll_text_deinit(&names);
    return status;
}

static ll_status fill(table *t, ll_record *record, ll_error *error)
{
    ll_text metrics = {0}, models = {0};
    for (int64_t k = 0; k < t->job->need_count; k++) {
        const ll_job *need = &t->runner->plan->job[t->job->needs[k]];
        if (strcmp(need->kind, "model") == 0 || strcmp(need->kind, "field") == 0 ||
            strcmp(need->kind, "pair") == 0)
            continue;
        ll_record *one;
        LL_TRY(ll_runner_record(t->runner, t->job->needs[k], &one, error));
        ll_status status = put_record(t, need, one, error);
        ll_record_destroy(one);
        LL_TRY(status);
    }
    LL_TRY(put_pairs(t, error));
    LL_TRY(put_swept(t, error));
    for (int c = 0; c < t->first_swept; c++) ll_text_format(&metrics, "%s%s", c > 0 ? "\n" : "", t->name[c]);
    for (int64_t r = 0; r < t->rows; r++)
        ll_text_format(&models, "%s%s", r > 0 ? "\n" : "", t->runner->members->member[t->member[r]].name);
    ll_status status = metrics.failed || models.failed ? ll_fail_memory(error, LL_STUDY, 256) : LL_OK;
    if (status == LL_OK)
        status = ll_record_set_text(record, "metric_names", metrics.text != NULL ? metrics.text : "", error);
    if (status == LL_OK)
        status = ll_record_set_text(record, "model_names", models.text != NULL ? models.text : "", error);
    ll_text_deinit(&metrics);
    ll_text_deinit(&models);
    if (status == LL_OK) status = write_groups(t, record, error);
    return status == LL_OK ? write_relations(t, record, error) : status;
}

static ll_status run(ll_runner *runner, const ll_job *job, const ll_sink *sink, ll_record **record,
                     ll_error *error)
{
    (void)sink;
    table *t = ll_allocate_zeroed(sizeof *t);
    ll_record *made = ll_record_create("comparison");
    ll_status status = t != NULL && made != NULL ? LL_OK : ll_fail_memory(error, LL_STUDY, sizeof *t);
    if (status == LL_OK) {
        t->runner = runner;
        t->job = job;
        t->member = ll_allocate_array(job->need_count + 1, sizeof *t->member);
        if (t->member == NULL) status = ll_fail_memory(error, LL_STUDY, 1024);
        for (int64_t k = 0; k < job->need_count && status == LL_OK; k++) {
            const ll_job *need = &runner->plan->job[job->needs[k]];
            if (strcmp(need->kind, "model") == 0 || strcmp(need->kind, "field") == 0)
                t->member[t->rows++] = need->a;
        }
    }
    if (status == LL_OK) status = fill(t, made, error);
    if (t != NULL) table_deinit(t);
    ll_free(t);
    if (status != LL_OK) {
        ll_record_destroy(made);
        return status;
    }
    *record = made;
    return LL_OK;
}

static ll_status plan(ll_plan *plan, const ll_request_for *request, ll_error *error)
{
    static const char *const kinds[] = {"metrics", "eigenpairs", "trace", "density",
                                        "rise",    "topology",   "pair",  "similarity"};
    ll_job_draft draft = {
        .kind = "comparison", .owner = -1, .a = -1, .b = -1, .request = request, .run = run, .bytes = 5e4};
    ll_text_format(&draft.name, "comparison of groups");
    int64_t models = 0;
    for (int64_t m = 0; m < plan->members->count; m++)
        if (ll_request_wants(plan, request, m)) {
            ll_draft_need(&draft, plan->model[m]);
            models++;
        }
    for (int64_t i = 0; i < plan->count; i++) {
        const ll_job *job = &plan->job[i];
        bool takes = false;
        for (int k = 0; k < 8; k++) takes = takes || strcmp(job->kind, kinds[k]) == 0;
        if (takes && (job->a < 0 || ll_request_wants(plan, request, job->a))) ll_draft_need(&draft, i);
    }
    if (models > 0) return ll_plan_add(plan, &draft, NULL, error);
    ll_text_deinit(&draft.name);
    ll_free(draft.needs);
    return LL_OK;
}

const ll_analysis ll_analysis_comparison = {
    "comparison", "every number by group with its interval, and rank correlations", rows, plan};
