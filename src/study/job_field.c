/* Fields from files, and the topology of fields and landscapes. */
#include "study/setups.h"

#include "losslens/formats_fields.h"
#include "losslens/topology_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- a field of a file */

static ll_status set_axes(const ll_runner *runner, int64_t group, const ll_field_data *data,
                          ll_record *record, ll_error *error)
{
    const char *ranges = ll_group_text(runner->study, group, "axes");
    int64_t count = ll_lines_count(ranges);
    if (count > 1 && count != data->rank)
        return ll_fail(error, LL_INVALID_ARGUMENT, LL_STUDY, "axes", "got %lld ranges; the field has %d axes",
                       (long long)count, data->rank);
    for (int k = 0; k < data->rank; k++) {
        double low = 0, high = (double)(data->shape[k] - 1);
        char item[128], name[16];
        if (count > 0)
            (void)ll_parse_range(ll_lines_item(ranges, count > 1 ? k : 0, item, sizeof item), &low, &high);
        int64_t n = data->shape[k];
        double *axis = ll_allocate_array(n + 1, sizeof *axis);
        if (axis == NULL) return ll_fail_memory(error, LL_STUDY, (size_t)n * sizeof *axis);
        for (int64_t i = 0; i < n; i++)
            axis[i] = data->axes[k] != NULL && count == 0 ? data->axes[k][i]
                      : n > 1 ? ((double)(n - 1 - i) * low + (double)i * high) / (double)(n - 1)
                              : low;
        snprintf(name, sizeof name, "axis_%d", k);
        ll_status status = ll_record_set_reals(record, name, "", axis, n, error);
        ll_free(axis);
        LL_TRY(status);
    }
    return LL_OK;
}

static ll_status fill_field(const ll_runner *runner, const ll_job *job, const ll_field_data *data,
                            ll_record *record, ll_error *error)
{
    if (data->rank == 0)
        return ll_fail(error, LL_UNSUPPORTED, LL_STUDY, runner->members->member[job->a].file,
                       "it holds scattered points; a study's fields lie on grids (losslens topology --graph "
                       "reads this one)");
    LL_TRY(ll_record_set_integer(record, "dimensions", "", data->rank, error));
    const char *slash = strrchr(runner->members->member[job->a].file, '/');
    LL_TRY(ll_record_set_text(record, "source",
                              slash != NULL ? slash + 1 : runner->members->member[job->a].file, error));
    LL_TRY(ll_record_set_text(record, "format", data->format, error));
    LL_TRY(set_axes(runner, job->owner, data, record, error));
    ll_array value = {
        .type = data->single ? LL_ARRAY_FLOAT32 : LL_ARRAY_FLOAT64, .rank = data->rank, .data = data->values};
    for (int k = 0; k < data->rank; k++) value.shape[k] = data->shape[k];
    return ll_record_set_array(record, "value", "value", &value, error);
}

static ll_status run_field(ll_runner *runner, const ll_job *job, const ll_sink *sink, ll_record **record,
                           ll_error *error)
{
    (void)sink;
    ll_field_data data = {0};
    const ll_field_read_options options = {.array = ll_group_text(runner->study, job->owner, "array")};
    LL_TRY(ll_field_file_read(runner->members->member[job->a].file, &options, &data, error));
    ll_record *made = ll_record_create("field");
    ll_status status =
        made != NULL ? fill_field(runner, job, &data, made, error) : ll_fail_memory(error, LL_STUDY, 1024);
    ll_field_data_deinit(&data);
    if (status != LL_OK) {
        ll_record_destroy(made);
        return status;
    }
    *record = made;
    return LL_OK;
}

ll_status ll_plan_field(ll_plan *plan, int64_t m, ll_error *error)
{
    const ll_member *member = &plan->members->member[m];
    ll_job_draft draft = {.kind = "field", .owner = member->group, .a = m, .b = -1, .run = run_field};
    static const char *const keys[] = {"array", "axes"};
    char text[33];
    ll_text_format(&draft.name, "read %s", member->name);
    ll_hash_text(member->hash, text);
    ll_text_format(&draft.inputs, "name=%s\nfile=%s\n", member->name, text);
    for (int k = 0; k < 2; k++) {
        const char *value = ll_group_text(plan->study, member->group, keys[k]);
        if (value != NULL) ll_text_format(&draft.inputs, "%s=%s\n", keys[k], value);
    }
    return ll_plan_add(plan, &draft, &plan->model[m], error);
}

/* ---------------------------------------------------------------- topology */

static const ll_setting_row rows[] = {
    {"connectivity",
     LL_SETTING_CHOICE,
     {"freudenthal"},
     "freudenthal|freudenthal-plus|axis|box",
     0,
     0,
     "which vertices of a grid are neighbours"},
    {"superlevel", LL_SETTING_FLAG, {"false"}, NULL, 0, 0, "maxima and split trees instead"},
    {"highest_dimension", LL_SETTING_INTEGER, {"0", "1", "2"}, NULL, 0, 2, "of pairs: 1 loops, 2 voids"},
    LL_COMMON_ROWS,
    {NULL, LL_SETTING_TEXT, {NULL}, NULL, 0, 0, NULL},
};

static ll_status run_topology(ll_runner *runner, const ll_job *job, const ll_sink *sink, ll_record **record,
                              ll_error *error)
{
    (void)sink;
    ll_record *source;
    LL_TRY(ll_runner_record(runner, job->needs[0], &source, error));
    const char *name = strcmp(ll_record_kind(source), "field") == 0 ? "value" : "loss";
    const ll_array *values = ll_array_of(source, name),
                   *half[2] = {ll_array_of(source, "half_a_loss"), ll_array_of(source, "half_b_loss")};
    ll_status status =
        values != NULL ? LL_OK : ll_fail(error, LL_INTERNAL, LL_STUDY, job->name, "its source has no field");
    if (status == LL_OK && (values->rank < 1 || values->rank > LL_FIELD_MAX_RANK))
        status = ll_fail(error, LL_UNSUPPORTED, LL_STUDY, job->name, "the field has %d axes; wanted 1 to %d",
                         values->rank, LL_FIELD_MAX_RANK);
    if (status == LL_OK) {
        ll_grid_field field = {.type = values->type, .rank = values->rank, .values = values->data};
        for (int k = 0; k < values->rank; k++) {
            char axis[16];
            snprintf(axis, sizeof axis, "axis_%d", k);
            const ll_array *positions = ll_array_of(source, axis);
            field.shape[k] = values->shape[k];
            if (positions != NULL) field.coordinates[k] = positions->data;
        }
        ll_topology_record_options options = {.superlevel = ll_job_flag(runner, job, "superlevel"),
                                              .highest_dimension =
                                                  (int)ll_job_integer(runner, job, "highest_dimension"),
                                              .source_record = runner->plan->job[job->needs[0]].id,
                                              .field = name,
                                              .team = runner->team,
                                              .memory_limit = runner->options->memory};
        (void)ll_connectivity_parse(ll_job_text(runner, job, "connectivity"), &options.connectivity);
        if (half[0] != NULL && half[1] != NULL) {
            options.half_a = half[0]->data;
            options.half_b = half[1]->data;
        }
        status = ll_topology_record_of_grid(&field, &options, record, error);
    }
    ll_record_destroy(source);
    return status;
}

static ll_status plan(ll_plan *plan, const ll_request_for *request, ll_error *error)
{
    int64_t sources = plan->count;
    for (int64_t i = 0; i < sources; i++) {
        /* By value: adding jobs moves the list. */
        const ll_job source = plan->job[i];
        if (strcmp(source.kind, "landscape") != 0 && strcmp(source.kind, "field") != 0) continue;
        if (!ll_request_wants(plan, request, source.a)) continue;
        ll_job_draft draft = {.kind = "topology",
                              .other = source.other,
                              .owner = source.owner,
                              .a = source.a,
                              .b = -1,
                              .request = request,
                              .run = run_topology,
                              .bytes = 2e5};
        ll_text_format(&draft.name, "topology of %s",
                       source.kind[0] == 'f' ? plan->members->member[source.a].name : source.name);
        ll_request_inputs(plan->study, request, NULL, &draft.inputs);
        ll_draft_need(&draft, i);
        LL_TRY(ll_plan_add(plan, &draft, NULL, error));
    }
    return LL_OK;
}

const ll_analysis ll_analysis_topology = {
    "topology", "merge tree, persistence and numbers of each landscape and field", rows, plan};
