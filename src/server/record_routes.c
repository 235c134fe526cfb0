/* Records: their heads as JSON, their data in binary, topologies on request, files of other programs; the
 * list of jobs. */
#include "server/internal.h"

#include "losslens/export.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_JOBS = 10000, BINARY_VERSION = 1 };

/* ---------------------------------------------------------------- heads */

static const char *type_name(ll_field_type type)
{
    static const char *const names[] = {"integer", "real", "text", "array"};
    return names[type];
}

static void write_array(ll_json *json, const ll_array *array, int64_t offset)
{
    ll_json_key(json, "array");
    ll_json_open(json, '{');
    ll_json_add_text(json, "type", ll_array_type_name(array->type));
    ll_json_key(json, "shape");
    ll_json_open(json, '[');
    for (int k = 0; k < array->rank; k++) ll_json_integer(json, array->shape[k]);
    ll_json_close(json, ']');
    if (offset >= 0) {
        ll_json_add_integer(json, "offset", offset);
        ll_json_add_integer(json, "bytes", (int64_t)ll_array_bytes(array));
    }
    ll_json_close(json, '}');
}

static void write_field(ll_json *json, const ll_field *field, int64_t offset)
{
    ll_json_open(json, '{');
    ll_json_add_text(json, "name", field->name);
    ll_json_add_text(json, "unit", field->unit);
    ll_json_add_text(json, "type", type_name(field->type));
    switch (field->type) {
    case LL_FIELD_INTEGER: ll_json_add_integer(json, "value", field->integer); break;
    case LL_FIELD_REAL: ll_json_add_number(json, "value", field->real); break;
    case LL_FIELD_TEXT: ll_json_add_text(json, "value", field->text); break;
    case LL_FIELD_ARRAY: write_array(json, &field->array, offset); break;
    }
    ll_json_close(json, '}');
}

static size_t rounded(size_t bytes) { return (bytes + 7) & ~(size_t)7; }

/* wanted NULL: all fields. offsets: arrays follow. */
static void write_head(ll_json *json, const ll_view *view, const bool *wanted, bool offsets)
{
    size_t offset = 0;
    json->nonfinite_texts = true;
    ll_json_open(json, '{');
    ll_json_add_integer(json, "id", view->id);
    ll_json_add_text(json, "kind", view->kind);
    ll_json_add_integer(json, "schema", view->schema);
    ll_json_add_text(json, "name", view->name);
    ll_json_add_text(json, "group", view->group);
    ll_json_add_text(json, "subject", view->subject);
    ll_json_add_text(json, "other", view->other);
    if (view->unfinished) ll_json_add_boolean(json, "unfinished", true);
    ll_json_key(json, "fields");
    ll_json_open(json, '[');
    for (int64_t i = 0; i < view->count; i++) {
        const ll_field *field = ll_view_field(view, i);
        if (wanted != NULL && !wanted[i]) continue;
        write_field(json, field, offsets ? (int64_t)offset : -1);
        if (field->type == LL_FIELD_ARRAY) offset += rounded(ll_array_bytes(&field->array));
    }
    ll_json_close(json, ']');
    ll_json_close(json, '}');
}

/* ---------------------------------------------------------------- data */

static void put_little_endian(ll_text *text, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        char byte = (char)(value >> (8 * i) & 0xFF);
        ll_text_append_bytes(text, &byte, 1);
    }
}

/* The names in "loss,half_a_loss" that are there: many fields are optional, and the head of the answer says
 * which came. False and an answer when none is. */
static bool choose(const ll_view *view, const char *names, bool *wanted, ll_answer *answer)
{
    const char *first = names;
    bool any = *names == 0;
    while (*names != 0) {
        size_t length = strcspn(names, ",");
        int64_t found = -1;
        for (int64_t i = 0; i < view->count && found < 0; i++) {
            const char *name = ll_view_field(view, i)->name;
            if (strlen(name) == length && strncmp(name, names, length) == 0) found = i;
        }
        if (found >= 0) wanted[found] = any = true;
        names += length + (names[length] == ',' ? 1 : 0);
    }
    if (!any) {
        char what[160];
        snprintf(what, sizeof what, "the record has no field '%.80s'", first);
        ll_answer_error(answer, 404, what, "names of fields, separated by commas");
    }
    return any;
}

static void answer_tag(const ll_view *view, const char *names, ll_answer *answer)
{
    char hash[33];
    ll_hash_text(ll_hash_bytes(names, strlen(names)), hash);
    snprintf(answer->tag, sizeof answer->tag, "\"%.40s-%.8s\"", view->tag, hash);
}

/* The arrays that were chosen, each padded to a multiple of 8. */
static ll_status add_arrays(ll_view *view, const bool *wanted, ll_answer *answer, ll_error *error)
{
    static const char zeros[8] = {0};
    for (int64_t i = 0; i < view->count; i++) {
        const ll_field *field = ll_view_field(view, i);
        ll_piece piece;
        if (field->type != LL_FIELD_ARRAY || (wanted != NULL && !wanted[i])) continue;
        LL_TRY(ll_view_array(view, field, &piece, error));
        size_t padding = rounded(piece.count) - piece.count;
        bool added = ll_answer_add(answer, piece);
        if (added && padding > 0) added = ll_answer_add(answer, (ll_piece){.bytes = zeros, .count = padding});
        if (!added) return ll_fail_memory(error, "server", sizeof piece);
    }
    /* A computed record stays until the answer has been sent. */
    void *hold = view->hold;
    view->hold = NULL;
    if (hold != NULL &&
        !ll_answer_add(answer, (ll_piece){.bytes = zeros, .keeper = hold, .release = ll_cache_release}))
        return ll_fail_memory(error, "server", sizeof(ll_piece));
    return LL_OK;
}

static void send_data(ll_view *view, const bool *wanted, ll_answer *answer)
{
    ll_json json = {0};
    ll_error error = {0};
    write_head(&json, view, wanted, true);
    while (json.text.length % 8 != 0 && !json.text.failed) ll_text_append(&json.text, " ");
    ll_text_append(&answer->text, "LLRB");
    put_little_endian(&answer->text, BINARY_VERSION, 4);
    put_little_endian(&answer->text, json.text.length, 8);
    ll_text_append_bytes(&answer->text, json.text.text != NULL ? json.text.text : "", json.text.length);
    bool failed = json.text.failed || answer->text.failed;
    ll_text_deinit(&json.text);
    ll_status status =
        failed ? ll_fail_memory(&error, "server", 0) : add_arrays(view, wanted, answer, &error);
    if (status != LL_OK) {
        ll_answer_failure(answer, &error);
        return;
    }
    answer->status = 200;
    answer->content_type = "application/vnd.losslens.record";
    answer->caching = "private, no-cache";
}

static void send_view(ll_view *view, const ll_request *request, ll_answer *answer)
{
    const char *names = ll_request_parameter(request, "fields");
    bool *wanted = NULL;
    answer_tag(view, names != NULL ? names : "", answer);
    if (request->if_none_match != NULL && strcmp(request->if_none_match, answer->tag) == 0) {
        answer->status = 304;
        answer->caching = "private, no-cache";
        return;
    }
    if (names != NULL) {
        wanted = ll_allocate_zeroed((size_t)view->count + 1);
        if (wanted == NULL) {
            ll_answer_error(answer, 503, "there is not enough memory for this", NULL);
            return;
        }
    }
    if (wanted == NULL || choose(view, names, wanted, answer)) send_data(view, wanted, answer);
    ll_free(wanted);
}

/* ---------------------------------------------------------------- routes of one record */

static bool open_record(ll_view *view, ll_server *server, ll_source *source, const ll_request *request,
                        ll_answer *answer)
{
    int64_t id;
    ll_error error = {0};
    if (!ll_parse_decimal(request->segments[4], &id) || id < 1) {
        ll_answer_error(answer, 404, "there is no such record", "a number");
        return false;
    }
    if (ll_view_open(view, server, source, id, &error) == LL_OK) return true;
    ll_answer_failure(answer, &error);
    return false;
}

void ll_handle_head(ll_server *server, ll_source *source, const ll_request *request, ll_answer *answer)
{
    ll_view view;
    ll_json json = {0};
    if (!open_record(&view, server, source, request, answer)) return;
    write_head(&json, &view, NULL, false);
    ll_answer_json(answer, &json);
    ll_view_close(&view);
}

void ll_handle_data(ll_server *server, ll_source *source, const ll_request *request, ll_answer *answer)
{
    ll_view view;
    if (!open_record(&view, server, source, request, answer)) return;
    send_view(&view, request, answer);
    ll_view_close(&view);
}

void ll_handle_topology(ll_server *server, ll_source *source, const ll_request *request, ll_answer *answer)
{
    ll_view view;
    ll_error error = {0};
    int64_t id = 0, superlevel = 0;
    const char *connectivity = ll_request_parameter(request, "connectivity"),
               *field = ll_request_parameter(request, "field");
    if (!ll_parse_decimal(request->segments[4], &id) ||
        !ll_request_integer(request, "superlevel", 0, 1, &superlevel)) {
        ll_answer_error(answer, 400, "superlevel is 0 or 1, the record a number", NULL);
        return;
    }
    if (field == NULL) field = source->store == NULL ? "value" : "loss";
    if (ll_view_topology(&view, server, source, id, field,
                         connectivity != NULL ? connectivity : "freudenthal", superlevel != 0,
                         &error) != LL_OK) {
        ll_answer_failure(answer, &error);
        return;
    }
    send_view(&view, request, answer);
    ll_view_close(&view);
}

/* "12_landscape_of_a_1.npz": names come from files, so only plain letters pass into a header. */
static void name_file(const ll_view *view, const char *suffix, char name[128])
{
    int length = snprintf(name, 128, "%lld_%.80s.%s", (long long)view->id, view->name, suffix);
    for (int i = 0; i < length && i < 127; i++) {
        char c = name[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                     c == '-';
        if (!plain) name[i] = '_';
    }
}

void ll_handle_export(ll_server *server, ll_source *source, const ll_request *request, ll_answer *answer)
{
    static const char *const types[] = {"application/octet-stream", "application/json",
                                        "text/csv; charset=utf-8",  "application/octet-stream",
                                        "application/octet-stream", "application/octet-stream"};
    const char *format_name = ll_request_parameter(request, "format");
    ll_export_format format;
    ll_view view;
    ll_error error = {0};
    ll_record *owned = NULL;
    const ll_record *record;
    if (format_name == NULL || !ll_export_format_parse(format_name, &format)) {
        ll_answer_error(answer, 400, "which format?", "format=npz, json, csv, vti, vtp or ply");
        return;
    }
    if (!open_record(&view, server, source, request, answer)) return;
    ll_status status = ll_view_record(&view, &record, &owned, &error);
    if (status == LL_OK)
        status =
            ll_export_encode(record, format, ll_request_parameter(request, "field"), &answer->text, &error);
    if (status == LL_OK && answer->text.failed)
        status = ll_fail_memory(&error, "server", answer->text.length);
    ll_record_destroy(owned);
    if (status != LL_OK) {
        ll_answer_failure(answer, &error);
    } else {
        answer->status = 200;
        answer->content_type = types[format];
        name_file(&view, format_name, answer->file_name);
    }
    ll_view_close(&view);
}

/* ---------------------------------------------------------------- jobs */

static void write_job(ll_json *json, const ll_store_row *row)
{
    ll_json_open(json, '{');
    ll_json_add_integer(json, "id", row->id);
    ll_json_add_text(json, "kind", row->kind);
    ll_json_add_text(json, "name", row->name);
    ll_json_add_text(json, "group", row->group);
    ll_json_add_text(json, "subject", row->subject);
    ll_json_add_text(json, "other", row->other);
    ll_json_add_text(json, "state", ll_job_state_name(row->state));
    ll_json_add_text(json, "message", row->message);
    ll_json_key(json, "seconds");
    if (isnan(row->seconds)) ll_json_null(json);
    else ll_json_number(json, row->seconds);
    ll_json_add_text(json, "record_kind", row->record_kind);
    ll_json_close(json, '}');
}

/* A parameter that is absent or empty filters nothing. */
static const char *filter_text(const ll_request *request, const char *name)
{
    const char *text = ll_request_parameter(request, name);
    return text != NULL && text[0] != 0 ? text : NULL;
}

void ll_handle_jobs(ll_server *server, ll_source *source, const ll_request *request, ll_answer *answer)
{
    (void)server;
    ll_store_filter filter = {.kind = filter_text(request, "kind"),
                              .group = filter_text(request, "group"),
                              .subject = filter_text(request, "subject"),
                              .most = 1000};
    const char *state_name = filter_text(request, "state");
    ll_job_state state = LL_JOB_STATES;
    for (int i = 0; state_name != NULL && i < LL_JOB_STATES; i++) {
        if (strcmp(state_name, ll_job_state_name((ll_job_state)i)) == 0) state = (ll_job_state)i;
    }
    bool good = state_name == NULL || state != LL_JOB_STATES;
    good = good && ll_request_integer(request, "first", 0, INT64_MAX, &filter.first);
    good = good && ll_request_integer(request, "most", 1, MOST_JOBS, &filter.most);
    if (!good) {
        ll_answer_error(
            answer, 400, "a parameter is malformed",
            "state=waiting, running, done or failed; first and most whole numbers, most up to 10000");
        return;
    }
    if (state_name != NULL) filter.state = &state;
    ll_store_listing listing = {0};
    ll_error error = {0};
    if (source->store != NULL && ll_store_list(source->store, &filter, &listing, &error) != LL_OK) {
        ll_answer_failure(answer, &error);
        return;
    }
    ll_json json = {0};
    ll_json_open(&json, '{');
    ll_json_add_integer(&json, "total", listing.total);
    ll_json_key(&json, "jobs");
    ll_json_open(&json, '[');
    for (int64_t i = 0; i < listing.count; i++) write_job(&json, &listing.rows[i]);
    ll_json_close(&json, ']');
    ll_json_close(&json, '}');
    ll_answer_json(answer, &json);
    ll_store_listing_deinit(&listing);
}
