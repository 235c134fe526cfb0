/* Server-sent events: what is new in a study, for everyone who listens. */
#define _GNU_SOURCE /* POLLRDHUP */
#include "server/events.h"

#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

static const double poll_seconds = 0.5, alive_seconds = 15.0;
enum { PENDING_BYTES = 1 << 18, MOST_EVENTS = 200 };

struct ll_stream {
    ll_server *server;
    ll_source *source;
    ll_text pending;
    size_t sent; /* of pending */
    bool ended, greeted;
    void *connection; /* paused; NULL: it is reading */
    int socket;       /* of a paused one */
    ll_stream_waker wake;
    double written; /* when something was last appended */
    ll_study_state state;
    double finished,
        noted; /* Unix seconds of the newest result and the newest note of progress that were told */
    ll_stream *next;
};

/* ---------------------------------------------------------------- the connection's side */

ptrdiff_t ll_stream_read(ll_stream *stream, char *bytes, size_t most, void *connection, int socket,
                         ll_stream_waker pause, ll_stream_waker wake)
{
    ll_server *server = stream->server;
    ptrdiff_t given;
    pthread_mutex_lock(&server->stream_mutex);
    size_t left = stream->pending.length - stream->sent;
    if (left > 0) {
        size_t count = left < most ? left : most;
        memcpy(bytes, stream->pending.text + stream->sent, count);
        stream->sent += count;
        if (stream->sent == stream->pending.length) stream->sent = stream->pending.length = 0;
        given = (ptrdiff_t)count;
    } else if (stream->ended) {
        given = -1;
    } else {
        stream->connection = connection;
        stream->wake = wake;
        stream->socket = socket;
        pause(connection);
        given = 0;
    }
    pthread_mutex_unlock(&server->stream_mutex);
    return given;
}

void ll_stream_destroy(ll_stream *stream)
{
    if (stream == NULL) return;
    ll_server *server = stream->server;
    pthread_mutex_lock(&server->stream_mutex);
    for (ll_stream **at = &server->streams; *at != NULL; at = &(*at)->next) {
        if (*at != stream) continue;
        *at = stream->next;
        server->stream_count--;
        break;
    }
    pthread_mutex_unlock(&server->stream_mutex);
    ll_text_deinit(&stream->pending);
    ll_free(stream);
}

/* With the lock held. */
static void wake(ll_stream *stream)
{
    if (stream->connection == NULL) return;
    void *connection = stream->connection;
    stream->connection = NULL;
    stream->wake(connection);
}

void ll_streams_end(ll_server *server)
{
    pthread_mutex_lock(&server->stream_mutex);
    for (ll_stream *s = server->streams; s != NULL; s = s->next) {
        s->ended = true;
        wake(s);
    }
    pthread_mutex_unlock(&server->stream_mutex);
}

void ll_handle_events(ll_server *server, ll_source *source, const ll_request *request, ll_answer *answer)
{
    (void)request;
    ll_stream *stream = ll_allocate_zeroed(sizeof *stream);
    if (stream == NULL) {
        ll_answer_error(answer, 503, "there is not enough memory for this", NULL);
        return;
    }
    *stream = (ll_stream){.server = server, .source = source, .written = ll_clock_seconds()};
    pthread_mutex_lock(&server->stream_mutex);
    bool room = server->stream_count < LL_STREAMS && !server->stopping;
    if (room) {
        stream->next = server->streams;
        server->streams = stream;
        server->stream_count++;
        server->polled = 0.0; /* greet it at once */
    }
    pthread_mutex_unlock(&server->stream_mutex);
    if (!room) {
        ll_free(stream);
        ll_answer_error(answer, 503, "too many pages listen already", NULL);
        return;
    }
    answer->status = 200;
    answer->content_type = "text/event-stream";
    answer->stream = stream;
}

/* ---------------------------------------------------------------- what is new */

/* With the lock held. A reader that does not keep up loses the connection, and comes back. */
static void append(ll_stream *stream, const char *event, ll_json *json, double now)
{
    if (stream->pending.length + json->text.length > PENDING_BYTES) {
        stream->ended = true;
        stream->sent = stream->pending.length = 0;
    } else if (!json->text.failed) {
        ll_text_format(&stream->pending, "event: %s\ndata: %s\n\n", event, json->text.text);
        stream->written = now;
    }
    wake(stream);
}

static void add_finite(ll_json *json, const char *key, double value)
{
    ll_json_key(json, key);
    if (isnan(value)) ll_json_null(json);
    else ll_json_number(json, value);
}

/* Seconds that the waiting jobs will take if they take as long as those of their kind that are done, shared
 * by as many as run now; NaN: nobody can tell. */
static double estimate(const ll_store_listing *list)
{
    enum { KINDS = 32 };
    struct {
        const char *kind;
        double seconds;
        int64_t done, left;
    } kinds[KINDS];
    int count = 0;
    int64_t running = 0;
    double total = 0.0;
    for (int64_t i = 0; i < list->count; i++) {
        const ll_store_row *row = &list->rows[i];
        int k = 0;
        while (k < count && strcmp(kinds[k].kind, row->kind) != 0) k++;
        if (k == KINDS) return NAN;
        if (k == count) {
            memset(&kinds[count], 0, sizeof kinds[count]);
            kinds[count++].kind = row->kind;
        }
        running += row->state == LL_JOB_RUNNING;
        kinds[k].left += row->state == LL_JOB_WAITING || row->state == LL_JOB_RUNNING;
        if (row->state != LL_JOB_DONE || isnan(row->seconds)) continue;
        kinds[k].seconds += row->seconds;
        kinds[k].done++;
    }
    for (int k = 0; k < count; k++) {
        if (kinds[k].left > 0 && kinds[k].done == 0) return NAN;
        if (kinds[k].left > 0) total += (double)kinds[k].left * kinds[k].seconds / (double)kinds[k].done;
    }
    return running > 0 ? total / (double)running : NAN;
}

typedef struct news {
    ll_study_state state;
    ll_store_listing list; /* all jobs; empty when nothing has changed */
    ll_store_progress progress[16];
    const ll_store_row *working[16];
    ll_store_listing working_list;
    int working_count;
    double newest; /* Unix seconds of the newest result */
} news;

static void write_state(ll_json *json, const news *n)
{
    ll_json_open(json, '{');
    ll_json_add_integer(json, "revision", n->state.revision);
    ll_json_key(json, "jobs");
    ll_json_jobs(json, n->state.jobs);
    ll_json_add_boolean(json, "running", n->state.running);
    add_finite(json, "eta_seconds", n->state.running && n->list.count > 0 ? estimate(&n->list) : NAN);
    ll_json_close(json, '}');
}

static void write_progress(ll_json *json, const ll_store_row *row, const ll_store_progress *progress)
{
    ll_json_open(json, '{');
    ll_json_add_integer(json, "job", row->id);
    ll_json_add_text(json, "name", row->name);
    ll_json_add_text(json, "what", progress->what);
    ll_json_add_integer(json, "done", progress->done);
    ll_json_key(json, "total");
    if (progress->total >= 0) ll_json_integer(json, progress->total);
    else ll_json_null(json);
    bool valued = progress->value_name[0] != 0;
    add_finite(json, "value", valued ? progress->value : NAN);
    ll_json_add_text(json, "value_name", valued ? progress->value_name : NULL);
    ll_json_close(json, '}');
}

static void write_end(ll_json *json, const ll_store_row *row)
{
    ll_json_open(json, '{');
    ll_json_add_integer(json, "job", row->id);
    ll_json_add_text(json, "kind", row->kind);
    ll_json_add_text(json, "group", row->group);
    ll_json_add_text(json, "subject", row->subject);
    ll_json_add_text(json, "other", row->other);
    ll_json_add_text(json, "message", row->message);
    ll_json_close(json, '}');
}

static void tell_ends(ll_stream *stream, const news *n, double now)
{
    int told = 0;
    for (int64_t i = 0; i < n->list.count && told < MOST_EVENTS; i++) {
        const ll_store_row *row = &n->list.rows[i];
        bool ended = row->state == LL_JOB_DONE || row->state == LL_JOB_FAILED;
        if (!ended || !(row->finished > stream->finished)) continue;
        ll_json json = {.nonfinite_texts = true};
        write_end(&json, row);
        append(stream, row->state == LL_JOB_DONE ? "done" : "failed", &json, now);
        ll_text_deinit(&json.text);
        told++;
    }
}

static bool same_state(const ll_study_state *a, const ll_study_state *b)
{
    return a->revision == b->revision && a->running == b->running &&
           memcmp(a->jobs, b->jobs, sizeof a->jobs) == 0;
}

/* With the lock held. */
static void tell(ll_stream *stream, const news *n, double now)
{
    if (!stream->greeted || !same_state(&stream->state, &n->state)) {
        ll_json json = {.nonfinite_texts = true};
        write_state(&json, n);
        append(stream, "state", &json, now);
        ll_text_deinit(&json.text);
        if (stream->greeted) tell_ends(stream, n, now);
        if (n->newest > stream->finished) stream->finished = n->newest;
        stream->state = n->state;
        stream->greeted = true;
    }
    double newest = stream->noted;
    for (int i = 0; i < n->working_count; i++) {
        if (!(n->progress[i].at > stream->noted)) continue;
        ll_json json = {.nonfinite_texts = true};
        write_progress(&json, n->working[i], &n->progress[i]);
        append(stream, "progress", &json, now);
        ll_text_deinit(&json.text);
        if (n->progress[i].at > newest) newest = n->progress[i].at;
    }
    stream->noted = newest;
    if (now - stream->written > alive_seconds) {
        ll_text_append(&stream->pending, ": still here\n\n");
        stream->written = now;
        wake(stream);
    }
}

static bool gather(ll_source *source, bool all, news *n)
{
    ll_error error;
    ll_job_state running = LL_JOB_RUNNING;
    *n = (news){0};
    if (ll_source_state(source, &n->state, &error) != LL_OK) return false;
    if (source->store == NULL) return true;
    if (all && ll_store_list(source->store, NULL, &n->list, &error) != LL_OK) return false;
    for (int64_t i = 0; i < n->list.count; i++) {
        const ll_store_row *row = &n->list.rows[i];
        if ((row->state == LL_JOB_DONE || row->state == LL_JOB_FAILED) && row->finished > n->newest)
            n->newest = row->finished;
    }
    if (n->state.jobs[LL_JOB_RUNNING] == 0) return true;
    if (ll_store_list(source->store, &(ll_store_filter){.state = &running, .most = 16}, &n->working_list,
                      &error) != LL_OK)
        return true;
    for (int64_t i = 0; i < n->working_list.count; i++) {
        int k = n->working_count;
        n->working[k] = &n->working_list.rows[i];
        if (ll_store_read_progress(source->store, n->working[k]->id, &n->progress[k], &error) == LL_OK)
            n->working_count++;
    }
    return true;
}

/* Does somebody listen to this source, and has somebody not yet heard of its present state? */
static bool anyone(ll_server *server, const ll_source *source, const ll_study_state *state, bool *behind)
{
    bool found = false;
    *behind = false;
    pthread_mutex_lock(&server->stream_mutex);
    for (ll_stream *s = server->streams; s != NULL; s = s->next) {
        if (s->source != source || s->ended) continue;
        found = true;
        *behind = *behind || (state != NULL && (!s->greeted || !same_state(&s->state, state)));
    }
    pthread_mutex_unlock(&server->stream_mutex);
    return found;
}

/* With the lock held: nobody reads a paused connection, so its end must be looked for. */
static void end_deserted(ll_server *server)
{
    for (ll_stream *s = server->streams; s != NULL; s = s->next) {
        struct pollfd gone = {.fd = s->socket, .events = POLLRDHUP};
        if (s->connection == NULL || poll(&gone, 1, 0) <= 0) continue;
        s->ended = true;
        wake(s);
    }
}

void ll_events_tick(ll_server *server, double now)
{
    ll_source *sources[LL_SOURCES];
    pthread_mutex_lock(&server->stream_mutex);
    bool due = server->streams != NULL && now - server->polled >= poll_seconds;
    if (due) server->polled = now;
    if (due) end_deserted(server);
    pthread_mutex_unlock(&server->stream_mutex);
    if (!due) return;
    pthread_mutex_lock(&server->mutex);
    int count = server->source_count;
    memcpy(sources, server->sources, sizeof sources);
    pthread_mutex_unlock(&server->mutex);
    for (int i = 0; i < count; i++) {
        bool behind;
        news n;
        ll_study_state state;
        if (!anyone(server, sources[i], NULL, &behind) || ll_source_state(sources[i], &state, NULL) != LL_OK)
            continue;
        (void)anyone(server, sources[i], &state, &behind);
        bool good = gather(sources[i], behind, &n);
        pthread_mutex_lock(&server->stream_mutex);
        for (ll_stream *s = good ? server->streams : NULL; s != NULL; s = s->next) {
            /* News without the list of jobs says nothing about what ended: the next round does. */
            bool partial = n.list.count == 0 && sources[i]->store != NULL &&
                           !(s->greeted && same_state(&s->state, &n.state));
            if (s->source == sources[i] && !s->ended && !partial) tell(s, &n, now);
        }
        pthread_mutex_unlock(&server->stream_mutex);
        ll_store_listing_deinit(&n.list);
        ll_store_listing_deinit(&n.working_list);
    }
}
