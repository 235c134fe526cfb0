/* A record by its number: stored ones field by field through the cache, a field's own from memory, computed
 * topologies. */
#include "server/internal.h"

#include "losslens/topology_record.h"

#include <stdio.h>
#include <string.h>

enum { MOST_WAITING = 2, KNN = 8, LOOP_VERTICES = 2000000 };

void ll_view_close(ll_view *view)
{
    ll_cache_release(view->hold);
    ll_store_fields_deinit(&view->stored);
    ll_store_listing_deinit(&view->row);
    *view = (ll_view){0};
}

static void in_memory(ll_view *view, const ll_record *record, void *hold, const char *tag)
{
    view->record = record;
    view->hold = hold;
    view->count = ll_record_field_count(record);
    view->kind = ll_record_kind(record);
    view->schema = ll_record_schema(record);
    snprintf(view->tag, sizeof view->tag, "%s", tag);
}

static void end_record(void *value) { ll_record_destroy(value); }

static size_t record_bytes(const ll_record *record)
{
    size_t bytes = 4096;
    for (int64_t i = 0; i < ll_record_field_count(record); i++) {
        const ll_field *field = ll_record_field_at(record, i);
        if (field->type == LL_FIELD_ARRAY) bytes += ll_array_bytes(&field->array);
    }
    return bytes;
}

static ll_status read_so_far(void *context, void **value, size_t *bytes, ll_error *error)
{
    const ll_view *view = context;
    ll_record *record;
    LL_TRY(ll_store_read_so_far(view->source->store, view->id, &record, error));
    *value = record;
    *bytes = record_bytes(record);
    return LL_OK;
}

/* What an unfinished job has so far; another one whenever the file has changed. */
static ll_status open_so_far(ll_view *view, ll_error *error)
{
    int64_t version;
    char key[96], tag[48];
    void *value, *hold;
    LL_TRY(ll_store_version(view->source->store, &version, error));
    snprintf(tag, sizeof tag, "so-far-%lld", (long long)version);
    snprintf(key, sizeof key, "so-far/%s/%lld/%lld", view->source->id, (long long)view->id,
             (long long)version);
    LL_TRY(ll_cache_get(view->server->cache, key, read_so_far, end_record, view, &value, &hold, error));
    in_memory(view, value, hold, tag);
    view->unfinished = true;
    return LL_OK;
}

static ll_status open_stored(ll_view *view, ll_error *error)
{
    LL_TRY(ll_store_get(view->source->store, view->id, &view->row, error));
    const ll_store_row *row = view->row.rows;
    view->name = row->name;
    view->group = row->group;
    view->subject = row->subject;
    view->other = row->other;
    if (row->state != LL_JOB_DONE) return open_so_far(view, error);
    LL_TRY(ll_store_list_fields(view->source->store, view->id, &view->stored, error));
    view->count = view->stored.count;
    view->kind = row->record_kind;
    view->schema = LL_RECORD_SCHEMA;
    ll_hash_text(row->record_hash, view->tag);
    return LL_OK;
}

ll_status ll_view_open(ll_view *view, ll_server *server, ll_source *source, int64_t id, ll_error *error)
{
    ll_view made = {.server = server,
                    .source = source,
                    .id = id,
                    .name = source->name,
                    .group = "field",
                    .subject = source->name,
                    .other = ""};
    ll_status status;
    if (source->store != NULL) {
        status = open_stored(&made, error);
    } else if (id == 1) {
        in_memory(&made, source->field, NULL, source->id);
        status = LL_OK;
    } else if (id == 2 && source->has_topology) {
        return ll_view_topology(view, server, source, 1, "value", "freudenthal", false, error);
    } else {
        status =
            ll_fail(error, LL_NOT_FOUND, "server", source->name, "there is no record %lld", (long long)id);
    }
    if (status != LL_OK) {
        ll_view_close(&made);
        return status;
    }
    *view = made;
    return LL_OK;
}

const ll_field *ll_view_field(const ll_view *view, int64_t index)
{
    return view->record != NULL ? ll_record_field_at(view->record, index) : &view->stored.fields[index];
}

const ll_field *ll_view_find(const ll_view *view, const char *name)
{
    for (int64_t i = 0; i < view->count; i++) {
        const ll_field *field = ll_view_field(view, i);
        if (strcmp(field->name, name) == 0) return field;
    }
    return NULL;
}

/* ---------------------------------------------------------------- arrays */

typedef struct array_of {
    const ll_view *view;
    const ll_field *field;
} array_of;

static void end_array(void *value)
{
    ll_array *array = value;
    ll_array_deinit(array);
    ll_free(array);
}

static ll_status read_array(void *context, void **value, size_t *bytes, ll_error *error)
{
    const array_of *of = context;
    ll_array *array = ll_allocate(sizeof *array);
    if (array == NULL) return ll_fail_memory(error, "server", sizeof *array);
    ll_status status =
        ll_store_read_array(of->view->source->store, of->view->id, of->field->name, array, error);
    if (status != LL_OK) {
        ll_free(array);
        return status;
    }
    *value = array;
    *bytes = ll_array_bytes(array);
    return LL_OK;
}

static void nothing(void *keeper) { (void)keeper; }

ll_status ll_view_array(const ll_view *view, const ll_field *field, ll_piece *piece, ll_error *error)
{
    if (view->record != NULL) {
        /* The source lives as long as the server; a computed record as long as the view's hold, which the
         * caller moves to the answer. */
        *piece = (ll_piece){
            .bytes = field->array.data, .count = ll_array_bytes(&field->array), .release = nothing};
        return LL_OK;
    }
    char key[320];
    void *value, *hold;
    array_of of = {view, field};
    snprintf(key, sizeof key, "array/%s/%lld/%s", view->source->id, (long long)view->id, field->name);
    if (strlen(field->name) > 200)
        return ll_fail(error, LL_TOO_LARGE, "server", NULL, "a field's name has more than 200 bytes");
    LL_TRY(ll_cache_get(view->server->cache, key, read_array, end_array, &of, &value, &hold, error));
    const ll_array *array = value;
    *piece = (ll_piece){
        .bytes = array->data, .count = ll_array_bytes(array), .keeper = hold, .release = ll_cache_release};
    return LL_OK;
}

ll_status ll_view_record(const ll_view *view, const ll_record **record, ll_record **owned, ll_error *error)
{
    *owned = NULL;
    if (view->record == NULL) LL_TRY(ll_store_read_record(view->source->store, view->id, owned, error));
    *record = view->record != NULL ? view->record : *owned;
    return LL_OK;
}

/* ---------------------------------------------------------------- topology on request */

typedef struct topology_of {
    ll_view *source; /* the record that holds the field */
    const ll_field *field;
    ll_connectivity connectivity;
    bool superlevel;
} topology_of;

static ll_status of_grid(const topology_of *of, const void *values, const ll_topology_record_options *options,
                         ll_record **record, ll_error *error)
{
    const ll_array *array = &of->field->array;
    ll_grid_field grid = {.type = array->type, .rank = array->rank, .values = values};
    ll_piece axes[LL_FIELD_MAX_RANK] = {{0}};
    ll_status status = LL_OK;
    if (array->rank < 1 || array->rank > LL_FIELD_MAX_RANK)
        return ll_fail(error, LL_UNSUPPORTED, "server", NULL, "a field has 1 to %d axes; %s has %d",
                       LL_FIELD_MAX_RANK, of->field->name, array->rank);
    for (int k = 0; k < array->rank && status == LL_OK; k++) {
        char name[24];
        snprintf(name, sizeof name, "axis_%d", k);
        const ll_field *axis = ll_view_find(of->source, name);
        grid.shape[k] = array->shape[k];
        if (axis == NULL || axis->type != LL_FIELD_ARRAY || axis->array.type != LL_ARRAY_FLOAT64 ||
            axis->array.rank != 1 || axis->array.shape[0] != array->shape[k])
            continue;
        status = ll_view_array(of->source, axis, &axes[k], error);
        grid.coordinates[k] = axes[k].bytes;
    }
    if (status == LL_OK) status = ll_topology_record_of_grid(&grid, options, record, error);
    for (int k = 0; k < array->rank; k++) {
        if (axes[k].release != NULL) axes[k].release(axes[k].keeper);
    }
    return status;
}

/* Points: the file's own edges, or the union of the nearest neighbours. In memory always. */
static ll_status of_points(const topology_of *of, const void *values,
                           const ll_topology_record_options *options, ll_record **record, ll_error *error)
{
    const ll_field *edges = ll_view_find(of->source, "edges"), *points = ll_view_find(of->source, "points");
    const ll_array *array = &of->field->array;
    ll_graph graph = {0};
    if (edges == NULL && points == NULL)
        return ll_fail(error, LL_UNSUPPORTED, "server", NULL, "these points have neither edges nor places");
    if (edges != NULL) {
        LL_TRY(ll_graph_of_edges(array->shape[0], edges->array.data, edges->array.shape[0], &graph, error));
    } else {
        ll_points places = {.count = points->array.shape[0],
                            .dimension = (int)points->array.shape[1],
                            .coordinates = points->array.data};
        LL_TRY(ll_graph_of_points(&places, LL_CONNECTIVITY_KNN_UNION, KNN, options->team, &graph, error));
    }
    ll_graph_field field = ll_graph_field_view(&graph, array->type, values, NULL);
    ll_status status = ll_topology_record_of_graph(&field, options, record, error);
    ll_graph_deinit(&graph);
    return status;
}

/* Waits for its turn, but only so many wait. */
static ll_status enter(ll_server *server, ll_error *error)
{
    pthread_mutex_lock(&server->mutex);
    bool room = server->topologies <= MOST_WAITING && !server->stopping;
    if (room) server->topologies++;
    pthread_mutex_unlock(&server->mutex);
    if (!room)
        return ll_fail(error, LL_BUSY, "server", NULL, "other topologies are being computed; ask again");
    pthread_mutex_lock(&server->topology_mutex);
    return LL_OK;
}

static void leave(ll_server *server)
{
    pthread_mutex_unlock(&server->topology_mutex);
    pthread_mutex_lock(&server->mutex);
    server->topologies--;
    pthread_mutex_unlock(&server->mutex);
}

static ll_status compute(void *context, void **value, size_t *bytes, ll_error *error)
{
    const topology_of *of = context;
    ll_server *server = of->source->server;
    ll_piece values;
    ll_record *record = NULL;
    bool points = of->source->record != NULL && ll_view_find(of->source, "points") != NULL;
    /* Loops and voids take minutes on the largest fields; components are always there. */
    bool small = ll_array_count(&of->field->array) <= LOOP_VERTICES;
    ll_topology_record_options options = {.connectivity = of->connectivity,
                                          .superlevel = of->superlevel,
                                          .highest_dimension = small ? 2 : 0,
                                          .source_record = of->source->id,
                                          .field = of->field->name,
                                          .team = server->team,
                                          .memory_limit = server->options.topology_bytes};
    if (of->field->type != LL_FIELD_ARRAY ||
        (of->field->array.type != LL_ARRAY_FLOAT32 && of->field->array.type != LL_ARRAY_FLOAT64))
        return ll_fail(error, LL_INVALID_ARGUMENT, "server", NULL, "%s is no array of float32 or float64",
                       of->field->name);
    LL_TRY(ll_view_array(of->source, of->field, &values, error));
    ll_status status = enter(server, error);
    if (status == LL_OK) {
        status = points ? of_points(of, values.bytes, &options, &record, error)
                        : of_grid(of, values.bytes, &options, &record, error);
        leave(server);
    }
    values.release(values.keeper);
    if (status != LL_OK) return status;
    *value = record;
    *bytes = record_bytes(record);
    return LL_OK;
}

ll_status ll_view_topology(ll_view *view, ll_server *server, ll_source *source, int64_t id, const char *field,
                           const char *connectivity, bool superlevel, ll_error *error)
{
    ll_view from;
    char key[384];
    void *value, *hold;
    topology_of of = {.source = &from, .superlevel = superlevel};
    if (!ll_connectivity_parse(connectivity, &of.connectivity) || !ll_connectivity_is_grid(of.connectivity))
        return ll_fail(error, LL_INVALID_ARGUMENT, "server", NULL,
                       "got connectivity '%.40s'; wanted freudenthal, freudenthal-plus, axis or box",
                       connectivity);
    LL_TRY(ll_view_open(&from, server, source, id, error));
    of.field = ll_view_find(&from, field);
    ll_status status = LL_OK;
    if (from.unfinished)
        status = ll_fail(error, LL_BUSY, "server", NULL, "the field is still being computed");
    else if (of.field == NULL || strlen(field) > 200)
        status = ll_fail(error, LL_NOT_FOUND, "server", NULL, "the record has no field '%.80s'", field);
    snprintf(key, sizeof key, "topology/%s/%lld/%d/%d/%.200s", source->id, (long long)id,
             (int)of.connectivity, superlevel, field);
    if (status == LL_OK)
        status = ll_cache_get(server->cache, key, compute, end_record, &of, &value, &hold, error);
    if (status == LL_OK) {
        ll_view made = {.server = server,
                        .source = source,
                        .id = source->store == NULL && id == 1 ? 2 : 0,
                        .name = "topology",
                        .group = "field",
                        .subject = source->name,
                        .other = ""};
        char tag[48];
        snprintf(tag, sizeof tag, "%.24s-%d-%d", from.tag, (int)of.connectivity, superlevel);
        in_memory(&made, value, hold, tag);
        *view = made;
    }
    ll_view_close(&from);
    return status;
}
