/* GET /api/studies/{s}: everything small about a study in one answer, kept until a result arrives. */
#include "server/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS = 9 }; /* of the numbers here: it is for pictures; the records have all */

/* ---------------------------------------------------------------- has anything changed? */

static ll_status look(ll_source *source, ll_error *error)
{
    int64_t version;
    ll_store_summary summary;
    LL_TRY(ll_store_version(source->store, &version, error));
    if (source->revision > 0 && version == source->version) return LL_OK;
    LL_TRY(ll_store_summarise(source->store, &summary, error));
    if (source->revision == 0 || !ll_hash_equal(summary.hash, source->summary.hash)) {
        source->revision++;
        source->summary = summary;
    }
    source->version = version;
    return LL_OK;
}

ll_status ll_source_state(ll_source *source, ll_study_state *state, ll_error *error)
{
    if (source->store == NULL) {
        *state = (ll_study_state){.revision = 1};
        state->jobs[LL_JOB_DONE] = source->has_topology ? 2 : 1;
        return LL_OK;
    }
    ll_store_writer writer;
    pthread_mutex_lock(&source->mutex);
    ll_status status = look(source, error);
    ll_study_state made = {.revision = source->revision};
    memcpy(made.jobs, source->summary.jobs, sizeof made.jobs);
    pthread_mutex_unlock(&source->mutex);
    if (status == LL_OK) status = ll_store_current_writer(source->store, &writer, error);
    if (status != LL_OK) return status;
    made.writer = writer;
    made.running = writer.held;
    *state = made;
    return LL_OK;
}

void ll_json_jobs(ll_json *json, const int64_t jobs[LL_JOB_STATES])
{
    ll_json_open(json, '{');
    for (int i = 0; i < LL_JOB_STATES; i++)
        ll_json_add_integer(json, ll_job_state_name((ll_job_state)i), jobs[i]);
    ll_json_close(json, '}');
}

/* ---------------------------------------------------------------- the answer */

static void free_text(void *value)
{
    ll_text *text = value;
    ll_text_deinit(text);
    ll_free(text);
}

typedef struct request_of {
    ll_source *source;
    const ll_study_state *state;
} request_of;

static ll_status write_provenance(ll_json *json, ll_store *store, ll_error *error)
{
    ll_store_notes notes = {0};
    if (store != NULL) LL_TRY(ll_store_list_provenance(store, &notes, error));
    ll_json_key(json, "provenance");
    ll_json_open(json, '{');
    for (int64_t i = 0; i < notes.count; i++)
        ll_json_add_text(json, notes.notes[i].name, notes.notes[i].value);
    ll_json_close(json, '}');
    ll_store_notes_deinit(&notes);
    return LL_OK;
}

static ll_status write_all(const request_of *of, const ll_overview *overview, ll_json *json, ll_error *error)
{
    ll_json_open(json, '{');
    ll_json_add_text(json, "id", of->source->id);
    ll_json_add_text(json, "name", of->source->name);
    ll_json_add_text(json, "kind", of->source->store != NULL ? "study" : "field");
    ll_json_add_integer(json, "revision", of->state->revision);
    ll_json_key(json, "jobs");
    ll_json_jobs(json, of->state->jobs);
    ll_json_add_boolean(json, "running", of->state->running);
    LL_TRY(write_provenance(json, of->source->store, error));
    ll_json_overview(json, overview);
    ll_json_close(json, '}');
    return LL_OK;
}

static ll_status write_study(const request_of *of, ll_json *json, ll_error *error)
{
    ll_overview overview;
    LL_TRY(ll_overview_read(of->source->store, &overview, error));
    ll_status status = write_all(of, &overview, json, error);
    ll_overview_deinit(&overview);
    return status;
}

/* A single field: as a study of one group with one member, whose records are 1 and 2. */
static ll_status write_field(const request_of *of, ll_json *json, ll_error *error)
{
    static const ll_overview_record records[] = {{1, "field"}, {2, "topology"}};
    const ll_overview_model model = {
        .name = of->source->name, .records = records, .record_count = of->source->has_topology ? 2 : 1};
    const ll_overview_group group = {.name = "field",
                                     .title = "field",
                                     .kind = LL_GROUP_FIELD,
                                     .taxonomy = LL_NO_RECORD,
                                     .model_count = 1};
    return write_all(of,
                     &(ll_overview){.group_count = 1, .groups = &group, .model_count = 1, .models = &model},
                     json, error);
}

static ll_status make_overview(void *context, void **value, size_t *bytes, ll_error *error)
{
    const request_of *of = context;
    ll_json json = {.nonfinite_texts = true, .digits = DIGITS};
    ll_status status =
        of->source->store != NULL ? write_study(of, &json, error) : write_field(of, &json, error);
    ll_text *text = ll_allocate(sizeof *text);
    if (status == LL_OK && (text == NULL || json.text.failed))
        status = ll_fail_memory(error, "server", json.text.length);
    if (status != LL_OK) {
        ll_free(text);
        ll_text_deinit(&json.text);
        return status;
    }
    *text = json.text;
    *value = text;
    *bytes = text->length;
    return LL_OK;
}

void ll_handle_overview(ll_server *server, ll_source *source, const ll_request *request, ll_answer *answer)
{
    (void)request;
    char key[96];
    ll_error error = {0};
    ll_study_state state;
    void *value, *hold;
    ll_status status = ll_source_state(source, &state, &error);
    if (status == LL_OK) {
        snprintf(key, sizeof key, "overview/%s/%lld/%d", source->id, (long long)state.revision,
                 state.running);
        status = ll_cache_get(server->cache, key, make_overview, free_text, &(request_of){source, &state},
                              &value, &hold, &error);
    }
    if (status != LL_OK) {
        ll_answer_failure(answer, &error);
        return;
    }
    const ll_text *text = value;
    answer->status = 200;
    answer->content_type = "application/json";
    if (!ll_answer_add(answer, (ll_piece){text->text, text->length, hold, ll_cache_release}))
        ll_answer_error(answer, 503, "there is not enough memory for this", NULL);
}
