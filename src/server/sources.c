/* Studies and fields: opening, the list of them, uploads. */
#include "server/internal.h"

#include "losslens/formats_fields.h"

#include <stdio.h>
#include <string.h>

enum { MOST_UPLOADS = 32 };

void ll_source_destroy(ll_source *source)
{
    if (source == NULL) return;
    ll_store_destroy(source->store);
    ll_record_destroy(source->field);
    ll_free(source->name);
    ll_free(source->folder);
    ll_free(source->file);
    pthread_mutex_destroy(&source->mutex);
    ll_free(source);
}

ll_source *ll_server_source(ll_server *server, const char *id)
{
    ll_source *found = NULL;
    pthread_mutex_lock(&server->mutex);
    for (int i = 0; i < server->source_count && found == NULL; i++) {
        if (strcmp(server->sources[i]->id, id) == 0) found = server->sources[i];
    }
    pthread_mutex_unlock(&server->mutex);
    return found;
}

/* "runs/convection.db": folder "runs", file "convection.db", name "convection". */
static ll_status name_source(ll_source *source, const char *path, ll_error *error)
{
    const char *slash = strrchr(path, '/'), *file = slash != NULL ? slash + 1 : path,
               *dot = strrchr(file, '.');
    size_t length = dot != NULL && dot > file ? (size_t)(dot - file) : strlen(file);
    size_t folder = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
    source->file = ll_text_copy(file);
    source->name = ll_allocate(length + 1);
    source->folder = ll_allocate(folder + 1);
    if (source->file == NULL || source->name == NULL || source->folder == NULL)
        return ll_fail_memory(error, "server", length);
    memcpy(source->name, file, length);
    source->name[length] = 0;
    memcpy(source->folder, path, folder);
    source->folder[folder] = 0;
    return LL_OK;
}

static ll_status make_source(const char *path, ll_source **source, ll_error *error)
{
    ll_source *made = ll_allocate_zeroed(sizeof *made);
    if (made == NULL) return ll_fail_memory(error, "server", sizeof *made);
    pthread_mutex_init(&made->mutex, NULL);
    ll_status status = name_source(made, path, error);
    if (status != LL_OK) {
        ll_source_destroy(made);
        return status;
    }
    *source = made;
    return LL_OK;
}

/* Takes the source, gives it its id. uploaded_bytes -1: of the command line. */
static ll_status list_source(ll_server *server, ll_source *source, int64_t uploaded_bytes, ll_error *error)
{
    bool upload = uploaded_bytes >= 0;
    pthread_mutex_lock(&server->mutex);
    bool room = server->source_count < LL_SOURCES && (!upload || server->uploads < MOST_UPLOADS);
    if (room) {
        snprintf(source->id, sizeof source->id, upload ? "u%d" : "s%d",
                 upload ? server->uploads + 1 : server->source_count - server->uploads);
        server->sources[server->source_count++] = source;
        server->uploads += upload ? 1 : 0;
        server->upload_bytes += upload ? (size_t)uploaded_bytes : 0;
    }
    pthread_mutex_unlock(&server->mutex);
    if (room) return LL_OK;
    ll_source_destroy(source);
    return ll_fail(error, LL_TOO_LARGE, "server", NULL,
                   "the server holds %d fields and studies, of which %d uploads, and takes no more",
                   LL_SOURCES, MOST_UPLOADS);
}

/* ---------------------------------------------------------------- fields */

/* Takes the array out of *data when it fits a record. */
static ll_status take(ll_record *record, const char *name, const char *unit, ll_array_type type, int rank,
                      const int64_t *shape, void **data, ll_error *error)
{
    ll_array array = {.type = type, .rank = rank, .data = *data};
    memcpy(array.shape, shape, (size_t)rank * sizeof *shape);
    LL_TRY(ll_record_take_array(record, name, unit, &array, error));
    *data = NULL;
    return LL_OK;
}

static ll_status fill_field(ll_record *record, ll_field_data *data, ll_error *error)
{
    ll_array_type type = data->single ? LL_ARRAY_FLOAT32 : LL_ARRAY_FLOAT64;
    LL_TRY(ll_record_set_integer(record, "dimensions", "", data->rank, error));
    LL_TRY(ll_record_set_text(record, "format", data->format, error));
    LL_TRY(ll_record_set_text(record, "value_name", data->name, error));
    if (data->x_last) LL_TRY(ll_record_set_integer(record, "x_last", "", 1, error));
    for (int k = 0; k < data->rank; k++) {
        char name[24];
        void *axis = data->axes[k];
        snprintf(name, sizeof name, "axis_%d", k);
        if (axis == NULL) continue;
        LL_TRY(take(record, name, "", LL_ARRAY_FLOAT64, 1, &data->shape[k], &axis, error));
        data->axes[k] = NULL;
    }
    void *points = data->points, *edges = data->edges;
    if (points != NULL)
        LL_TRY(take(record, "points", "", LL_ARRAY_FLOAT64, 2, (int64_t[]){data->count, data->dimension},
                    &points, error));
    data->points = points;
    if (edges != NULL)
        LL_TRY(take(record, "edges", "vertex", LL_ARRAY_INT64, 2, (int64_t[]){data->edge_count, 2}, &edges,
                    error));
    data->edges = edges;
    return take(record, "value", "", type, data->rank > 0 ? data->rank : 1,
                data->rank > 0 ? data->shape : &data->count, &data->values, error);
}

static ll_status make_field(ll_source *source, ll_field_data *data, ll_error *error)
{
    source->field = ll_record_create("field");
    if (source->field == NULL) return ll_fail_memory(error, "server", 0);
    source->has_topology = data->rank > 0 || data->edges != NULL || data->points != NULL;
    LL_TRY(fill_field(source->field, data, error));
    return LL_OK;
}

ll_status ll_source_upload(ll_server *server, const void *bytes, size_t count, const char *name,
                           char id[LL_ID_TEXT], ll_error *error)
{
    ll_field_data data;
    ll_source *source = NULL;
    ll_format_limits limits = ll_format_limits_default();
    /* What a packed file may grow to is bounded like the upload itself. */
    limits.unpacked_bytes = 2 * (uint64_t)server->options.upload_bytes;
    ll_field_read_options options = {.limits = &limits};
    pthread_mutex_lock(&server->mutex);
    bool full = server->upload_bytes > 4 * server->options.upload_bytes;
    pthread_mutex_unlock(&server->mutex);
    if (full)
        return ll_fail(error, LL_TOO_LARGE, "server", NULL,
                       "the uploads so far fill the memory meant for them; start the server again");
    LL_TRY(ll_field_parse(bytes, count, name, &options, &data, error));
    int64_t held = data.count * (data.single ? 4 : 8);
    ll_status status = make_source(name, &source, error);
    if (status == LL_OK) status = make_field(source, &data, error);
    ll_field_data_deinit(&data);
    if (status != LL_OK) {
        ll_source_destroy(source);
        return status;
    }
    LL_TRY(list_source(server, source, held, error));
    memcpy(id, source->id, LL_ID_TEXT);
    return LL_OK;
}

/* ---------------------------------------------------------------- files of the command line */

static bool is_sqlite(const char *path)
{
    static const char magic[] = "SQLite format 3";
    char head[sizeof magic] = {0};
    FILE *file = fopen(path, "rb");
    bool same = file != NULL && fread(head, 1, sizeof head, file) == sizeof head &&
                memcmp(head, magic, sizeof magic) == 0;
    if (file != NULL) fclose(file);
    return same;
}

ll_status ll_source_open(ll_server *server, const char *path, ll_error *error)
{
    ll_source *source = NULL;
    LL_TRY(make_source(path, &source, error));
    ll_status status;
    if (is_sqlite(path)) {
        status = ll_store_open(path, NULL, &source->store, error);
    } else {
        ll_field_data data;
        status = ll_field_file_read(path, NULL, &data, error);
        if (status == LL_OK) {
            status = make_field(source, &data, error);
            ll_field_data_deinit(&data);
        }
    }
    if (status != LL_OK) {
        ll_source_destroy(source);
        return status;
    }
    return list_source(server, source, -1, error);
}

/* ---------------------------------------------------------------- route */

/* Members of the study; kept, because every page asks. */
static ll_status count_members(ll_source *source, int64_t revision, int64_t *groups, int64_t *models,
                               ll_error *error)
{
    pthread_mutex_lock(&source->mutex);
    bool known = source->counted == revision;
    *groups = source->groups;
    *models = source->models;
    pthread_mutex_unlock(&source->mutex);
    if (known) return LL_OK;
    *groups = *models = 0;
    for (int k = 0; k < 2; k++) {
        ll_store_listing list;
        LL_TRY(ll_store_list(source->store, &(ll_store_filter){.kind = k == 0 ? "model" : "field"}, &list,
                             error));
        *models += list.count;
        for (int64_t i = 0; i < list.count; i++) {
            int64_t seen = i - 1; /* members of a group stand together */
            while (seen >= 0 && strcmp(list.rows[seen].group, list.rows[i].group) != 0) seen--;
            *groups += seen < 0;
        }
        ll_store_listing_deinit(&list);
    }
    pthread_mutex_lock(&source->mutex);
    source->groups = *groups;
    source->models = *models;
    source->counted = revision;
    pthread_mutex_unlock(&source->mutex);
    return LL_OK;
}

static void describe(ll_json *json, ll_source *source)
{
    ll_study_state state = {0};
    int64_t groups = source->store == NULL, models = groups; /* a field is one of one */
    ll_error ignored; /* a study that cannot be read now says so on its own page */
    if (ll_source_state(source, &state, &ignored) == LL_OK && source->store != NULL)
        (void)!count_members(source, state.revision, &groups, &models, &ignored);
    ll_json_open(json, '{');
    ll_json_add_text(json, "id", source->id);
    ll_json_add_text(json, "name", source->name);
    ll_json_add_text(json, "kind", source->store != NULL ? "study" : "field");
    ll_json_add_integer(json, "groups", groups);
    ll_json_add_integer(json, "models", models);
    ll_json_key(json, "jobs");
    ll_json_jobs(json, state.jobs);
    ll_json_close(json, '}');
}

void ll_handle_studies(ll_server *server, ll_source *source, const ll_request *request, ll_answer *answer)
{
    (void)source, (void)request;
    ll_source *sources[LL_SOURCES];
    ll_json json = {0};
    pthread_mutex_lock(&server->mutex);
    int count = server->source_count;
    memcpy(sources, server->sources, sizeof sources);
    pthread_mutex_unlock(&server->mutex);
    ll_json_open(&json, '{');
    ll_json_key(&json, "studies");
    ll_json_open(&json, '[');
    for (int i = 0; i < count; i++) describe(&json, sources[i]);
    ll_json_close(&json, ']');
    ll_json_add_text(&json, "version", server->options.version);
    ll_json_add_boolean(&json, "can_run", server->options.program != NULL);
    ll_json_close(&json, '}');
    ll_answer_json(answer, &json);
}

void ll_handle_upload(ll_server *server, ll_source *source, const ll_request *request, ll_answer *answer)
{
    (void)source;
    char id[LL_ID_TEXT];
    ll_error error = {0};
    const char *name = ll_request_parameter(request, "file");
    if (name == NULL || name[0] == 0 || strlen(name) > 200 || strchr(name, '/') != NULL) {
        ll_answer_error(answer, 400, "which file is it?", "?file=name.npy, a plain file name");
        return;
    }
    if (ll_source_upload(server, request->body != NULL ? request->body : "", request->body_bytes, name, id,
                         &error) != LL_OK) {
        ll_answer_failure(answer, &error);
        return;
    }
    ll_json json = {0};
    ll_json_open(&json, '{');
    ll_json_add_text(&json, "study", id);
    ll_json_close(&json, '}');
    ll_answer_json(answer, &json);
    if (answer->status == 200) answer->status = 201;
}
