/* Small numbers and settings of every model, each kind in one walk over the file. */
#include "study/overview.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static ll_status no_memory(ll_error *error) { return ll_fail_memory(error, "study", 0); }

/* ---------------------------------------------------------------- numbers of models */

/* Each model's first result of a kind: how many have one. */
static int64_t choose(ll_overview_builder *b, const char *kind)
{
    int64_t found = 0;
    for (int64_t m = 0; m < b->out.model_count; m++) {
        b->id[found] = ll_overview_record_of(&b->model[m], kind);
        b->owner[found] = m;
        found += b->id[found] != LL_NO_RECORD;
    }
    return found;
}

/* Their fields; `at` is a place in b->owner. */
static ll_status walk(ll_overview_builder *b, const char *kind, const char *const *fields, int count,
                      ll_store_visitor visit, void *context, ll_error *error)
{
    int64_t found = choose(b, kind);
    return ll_store_visit_fields(b->store, b->id, found, fields, count, visit, context, error);
}

/* Their numbers; *values [*found, columns] is the caller's to free. */
static ll_status numbers(ll_overview_builder *b, const char *kind, const char *const *names, int columns,
                         int64_t *found, double **values, ll_error *error)
{
    *found = choose(b, kind);
    *values = ll_allocate_array(*found * columns + 1, sizeof **values);
    if (*values == NULL) return no_memory(error);
    ll_status status = ll_store_read_numbers_of(b->store, b->id, *found, names, columns, *values, error);
    if (status != LL_OK) ll_free(*values);
    return status;
}

typedef struct setting_walk {
    ll_overview_builder *b;
    ll_study_setting *list; /* of the model in hand */
} setting_walk;

static ll_status visit_setting(void *context, int64_t at, const ll_field *field, ll_error *error)
{
    setting_walk *w = context;
    ll_overview_model *model = &w->b->model[w->b->owner[at]];
    int64_t count = model->setting_count;
    if (field->type != LL_FIELD_TEXT) return LL_OK;
    if ((count & (count - 1)) == 0) { /* at 0, 1, 2, 4 ... the list is full */
        ll_study_setting *grown = ll_overview_take(w->b, 2 * count, sizeof *grown);
        if (grown == NULL) return no_memory(error);
        if (count > 0) memcpy(grown, model->settings, (size_t)count * sizeof *grown);
        model->settings = w->list = grown;
    }
    LL_TRY(ll_overview_keep(w->b, field->name + strlen("setting_"), &w->list[count].key, error));
    LL_TRY(ll_overview_keep(w->b, field->text, &w->list[count].value, error));
    if (strcmp(w->list[count].key, "problem") == 0) w->b->group[model->group].kind = LL_GROUP_PINN;
    model->setting_count++;
    return LL_OK;
}

/* The texts of one record come one after the other; most records have the same ones. */
typedef struct metric_walk {
    ll_overview_builder *b;
    ll_overview_metric *list; /* [LL_OVERVIEW_METRICS] */
    int64_t at;
    char names[2048], better[1024], scale[1024];
} metric_walk;

static int64_t metric_named(const metric_walk *w, const char *name)
{
    int64_t k = w->b->out.metric_count - 1;
    while (k >= 0 && strcmp(w->list[k].name, name) != 0) k--;
    return k;
}

static ll_status add_metrics(metric_walk *w, ll_error *error)
{
    ll_overview_builder *b = w->b;
    const char *names = w->names, *better = w->better, *scale = w->scale;
    char name[128], higher[128], value[128];
    while (ll_overview_line(&names, name) != NULL) {
        ll_overview_metric made = {.unit = ""};
        if (ll_overview_line(&better, higher) == NULL || higher[0] == 0)
            snprintf(higher, sizeof higher, "lower");
        if (ll_overview_line(&scale, value) == NULL || value[0] == 0) snprintf(value, sizeof value, "value");
        int64_t known = metric_named(w, name), k = known >= 0 ? known : b->out.metric_count;
        if (k == LL_OVERVIEW_METRICS) continue;
        b->has[b->owner[w->at] * LL_OVERVIEW_METRICS + k] = true;
        if (known >= 0) continue;
        LL_TRY(ll_overview_keep(b, name, &made.name, error));
        LL_TRY(ll_overview_keep(b, higher, &made.better, error));
        LL_TRY(ll_overview_keep(b, value, &made.scale, error));
        w->list[b->out.metric_count++] = made;
    }
    w->names[0] = w->better[0] = w->scale[0] = 0;
    return LL_OK;
}

static ll_status visit_metric_names(void *context, int64_t at, const ll_field *field, ll_error *error)
{
    metric_walk *w = context;
    if (at != w->at) LL_TRY(add_metrics(w, error));
    w->at = at;
    if (field->type != LL_FIELD_TEXT) return LL_OK;
    if (strcmp(field->name, "metric_names") == 0) snprintf(w->names, sizeof w->names, "%s", field->text);
    if (strcmp(field->name, "metric_better") == 0) snprintf(w->better, sizeof w->better, "%s", field->text);
    if (strcmp(field->name, "metric_scale") == 0) snprintf(w->scale, sizeof w->scale, "%s", field->text);
    return LL_OK;
}

/* The unit of a metric is that of the first model that has it. */
static ll_status visit_unit(void *context, int64_t at, const ll_field *field, ll_error *error)
{
    metric_walk *w = context;
    (void)at;
    return ll_overview_keep(w->b, field->unit, &w->list[metric_named(w, field->name)].unit, error);
}

static ll_status read_units(metric_walk *w, ll_error *error)
{
    ll_overview_builder *b = w->b;
    for (int64_t k = 0; k < b->out.metric_count; k++) {
        int64_t m = 0, id;
        while (m < b->out.model_count && !b->model[m].has_metric[k]) m++;
        if (m == b->out.model_count) continue;
        id = ll_overview_record_of(&b->model[m], "metrics");
        LL_TRY(ll_store_visit_fields(b->store, &id, 1, &w->list[k].name, 1, visit_unit, w, error));
    }
    return LL_OK;
}

static ll_status read_metrics(ll_overview_builder *b, ll_error *error)
{
    static const char *const texts[] = {"metric_names", "metric_better", "metric_scale"};
    const char *names[LL_OVERVIEW_METRICS];
    metric_walk w = {.b = b, .list = ll_overview_take(b, LL_OVERVIEW_METRICS, sizeof *w.list)};
    if (w.list == NULL) return no_memory(error);
    b->out.metrics = w.list;
    LL_TRY(walk(b, "metrics", texts, 3, visit_metric_names, &w, error));
    LL_TRY(add_metrics(&w, error));
    for (int64_t k = 0; k < b->out.metric_count; k++) names[k] = w.list[k].name;
    if (b->out.metric_count == 0) return LL_OK;
    double *values;
    int64_t count = b->out.metric_count, found;
    LL_TRY(numbers(b, "metrics", names, (int)count, &found, &values, error));
    for (int64_t i = 0; i < found; i++) {
        int64_t cell = b->owner[i] * LL_OVERVIEW_METRICS;
        for (int64_t k = 0; k < count; k++)
            if (b->has[cell + k]) b->values[cell + k] = values[i * count + k];
    }
    ll_free(values);
    return read_units(&w, error);
}

static ll_status visit_eigenvalues(void *context, int64_t at, const ll_field *field, ll_error *error)
{
    ll_overview_builder *b = context;
    ll_overview_model *model = &b->model[b->owner[at]];
    if (field->type != LL_FIELD_ARRAY || field->array.data == NULL) return LL_OK;
    int64_t count = ll_array_count(&field->array);
    double *values = ll_overview_take(b, count, sizeof *values);
    if (values == NULL) return no_memory(error);
    for (int64_t i = 0; i < count; i++) values[i] = ll_array_get(&field->array, i);
    if (strcmp(field->name, "eigenvalues") == 0) {
        model->eigenvalues = values;
        model->eigenvalue_count = count;
    } else if (model->eigenvalues != NULL && model->eigenvalue_count == count) {
        model->residuals = values; /* they stand behind */
    }
    return LL_OK;
}

static ll_status read_traces(ll_overview_builder *b, ll_error *error)
{
    int64_t found;
    double *values;
    LL_TRY(numbers(b, "trace", (const char *const[]){"trace", "standard_error"}, 2, &found, &values, error));
    for (int64_t i = 0; i < found; i++) {
        b->model[b->owner[i]].trace = values[2 * i];
        b->model[b->owner[i]].trace_standard_error = values[2 * i + 1];
    }
    ll_free(values);
    return LL_OK;
}

ll_status ll_overview_read_models(ll_overview_builder *b, ll_error *error)
{
    static const char *const eigenvalues[] = {"eigenvalues", "residuals"};
    setting_walk settings = {.b = b};
    LL_TRY(walk(b, "model", (const char *const[]){"setting_*"}, 1, visit_setting, &settings, error));
    LL_TRY(read_metrics(b, error));
    LL_TRY(walk(b, "eigenpairs", eigenvalues, 2, visit_eigenvalues, b, error));
    return read_traces(b, error);
}
