/* internal.h - what the files of the server share: the server, its sources, and the routes' common steps. */
#ifndef LOSSLENS_SERVER_INTERNAL_H
#define LOSSLENS_SERVER_INTERNAL_H

#include "losslens/parallel.h"
#include "losslens/server.h"
#include "losslens/store.h"
#include "losslens/study_overview.h"
#include "server/cache.h"
#include "server/guard.h"
#include "server/http.h"

#include <pthread.h>
#include <sys/types.h>

enum { LL_SOURCES = 64, LL_STREAMS = 64, LL_ID_TEXT = 16 };

/* ---------------------------------------------------------------- sources */

/* A child process that writes a study. */
typedef struct ll_child {
    pid_t pid;  /* 0: none */
    int output; /* what it writes, a file in memory; -1: none */
    double since;
    char message[512]; /* last words of a run that failed; "" */
} ll_child;

/* A study, or a single field. Lives as long as the server. */
typedef struct ll_source {
    char id[LL_ID_TEXT];
    char *name;        /* the file's, without folder and suffix */
    ll_store *store;   /* a study; NULL: a field */
    ll_record *field;  /* record 1 of a field; record 2 is its topology, made when asked for */
    bool has_topology; /* record 2 is there */
    char *folder;      /* the study's; "": the current one */
    char *file;        /* the study's, within folder */

    pthread_mutex_t mutex; /* of what follows */
    int64_t revision;      /* rises when summary changes; 0: not looked at yet */
    int64_t version;       /* of the file, when summary was taken */
    ll_store_summary summary;
    int64_t groups, models, counted; /* members of the study, at that revision */
    ll_child child;
} ll_source;

typedef struct ll_stream ll_stream;
typedef struct ll_transport ll_transport;

struct ll_server {
    ll_server_options options; /* defaults filled in; texts owned */
    ll_guard guard;
    char url[192];
    ll_cache *cache;
    ll_transport *transport;

    pthread_mutex_t mutex; /* of what follows */
    ll_source *sources[LL_SOURCES];
    int source_count, uploads;
    size_t upload_bytes; /* held by uploaded fields */
    int topologies;      /* being computed or waiting for it */
    bool stopping;

    pthread_mutex_t
        stream_mutex; /* of the event streams and what follows; may be taken with no other lock held */
    ll_stream *streams;
    int stream_count;
    double polled; /* when the streams' studies were last looked at */

    pthread_mutex_t topology_mutex; /* one at a time: it takes all cores and up to topology_bytes */
    ll_team *team;
};

/* NULL: none of that id. */
ll_source *ll_server_source(ll_server *server, const char *id);
/* A study or a field from a file, listed under `prefix` and a number. */
ll_status ll_source_open(ll_server *server, const char *path, ll_error *error) LL_MUST_CHECK;
/* An uploaded field. *id gets the new source's. */
ll_status ll_source_upload(ll_server *server, const void *bytes, size_t count, const char *name,
                           char id[LL_ID_TEXT], ll_error *error) LL_MUST_CHECK;
void ll_source_destroy(ll_source *source);

/* ---------------------------------------------------------------- routes */

typedef void (*ll_handler)(ll_server *server, ll_source *source, const ll_request *request,
                           ll_answer *answer);

/* One line of the table: in `path`, "*" stands for any segment. */
typedef struct ll_route {
    const char *name;
    ll_method method;
    const char *path;
    ll_handler handle;
    enum { LL_BODY_NONE, LL_BODY_JSON, LL_BODY_BYTES } body;
} ll_route;

/* What may be said about a request before its body is read: false, with the answer, when it is refused. *most
 * gets how many bytes its body may have, *route (NULL: a file of the web application) what will handle it. */
bool ll_route_admit(ll_server *server, const ll_request *request, const ll_route **route, size_t *most,
                    ll_answer *answer);
void ll_route_handle(ll_server *server, const ll_route *route, const ll_request *request, ll_answer *answer);
const ll_route *ll_route_list(int *count);

void ll_handle_studies(ll_server *server, ll_source *source, const ll_request *request, ll_answer *answer);
void ll_handle_overview(ll_server *server, ll_source *source, const ll_request *request, ll_answer *answer);
void ll_handle_jobs(ll_server *server, ll_source *source, const ll_request *request, ll_answer *answer);
void ll_handle_head(ll_server *server, ll_source *source, const ll_request *request, ll_answer *answer);
void ll_handle_data(ll_server *server, ll_source *source, const ll_request *request, ll_answer *answer);
void ll_handle_topology(ll_server *server, ll_source *source, const ll_request *request, ll_answer *answer);
void ll_handle_export(ll_server *server, ll_source *source, const ll_request *request, ll_answer *answer);
void ll_handle_events(ll_server *server, ll_source *source, const ll_request *request, ll_answer *answer);
void ll_handle_run_state(ll_server *server, ll_source *source, const ll_request *request, ll_answer *answer);
void ll_handle_run(ll_server *server, ll_source *source, const ll_request *request, ll_answer *answer);
void ll_handle_cancel(ll_server *server, ll_source *source, const ll_request *request, ll_answer *answer);
void ll_handle_checkpoint(ll_server *server, ll_source *source, const ll_request *request, ll_answer *answer);
void ll_handle_upload(ll_server *server, ll_source *source, const ll_request *request, ll_answer *answer);
void ll_handle_file(ll_server *server, const ll_request *request, ll_answer *answer);

/* ---------------------------------------------------------------- state of a study (overview.c) */

typedef struct ll_study_state {
    int64_t revision;
    int64_t jobs[LL_JOB_STATES];
    bool running;
    ll_store_writer writer;
} ll_study_state;
/* Cheap when nothing has changed. */
ll_status ll_source_state(ll_source *source, ll_study_state *state, ll_error *error) LL_MUST_CHECK;
/* {"waiting": ...} */
void ll_json_jobs(ll_json *json, const int64_t jobs[LL_JOB_STATES]);

/* The members "groups" to "study_records" of an open object (overview_json.c). */
void ll_json_overview(ll_json *json, const ll_overview *overview);

/* ---------------------------------------------------------------- records (view.c) */

/* A record by its number, from the file or from memory. */
typedef struct ll_view {
    ll_server *server;
    ll_source *source;
    int64_t id;
    const char *kind, *name, *group, *subject, *other;
    int schema;
    bool unfinished; /* what its job has so far */
    char tag[48];    /* changes with the record */
    int64_t count;
    const ll_record *record; /* in memory; NULL: stored */
    void *hold;              /* of the cache, on a computed record */
    ll_store_fields stored;
    ll_store_listing row;
} ll_view;
ll_status ll_view_open(ll_view *view, ll_server *server, ll_source *source, int64_t id,
                       ll_error *error) LL_MUST_CHECK;
void ll_view_close(ll_view *view);
const ll_field *ll_view_field(const ll_view *view, int64_t index);
const ll_field *ll_view_find(const ll_view *view, const char *name);
/* The numbers of an array field, in the cache's or the record's keeping. */
ll_status ll_view_array(const ll_view *view, const ll_field *field, ll_piece *piece,
                        ll_error *error) LL_MUST_CHECK;
/* The whole record; *hold ends with `release`. */
ll_status ll_view_record(const ll_view *view, const ll_record **record, ll_record **owned,
                         ll_error *error) LL_MUST_CHECK;
/* The topology of an array field of a record; `view` of a record of kind topology. */
ll_status ll_view_topology(ll_view *view, ll_server *server, ll_source *source, int64_t id, const char *field,
                           const char *connectivity, bool superlevel, ll_error *error) LL_MUST_CHECK;

/* ---------------------------------------------------------------- events (events.c), transport (transport.c)
 */

/* What the transport calls about ten times a second: deadlines aside, it feeds the streams and looks after
 * children. */
void ll_events_tick(ll_server *server, double now);
void ll_run_tick(ll_server *server);
void ll_run_end_all(ll_server *server);
/* Does a text name a folder from the root or from somebody's home, a step upwards, or an address, also behind
 * a "name:"? */
bool ll_leaves_folder(const char *text);
/* LL_UNSUPPORTED: the study, or what was added to it, names something outside its folder. */
ll_status ll_check_study(const ll_source *source, ll_error *error) LL_MUST_CHECK;
/* "add", "models" and "options" of a run's body, into the study file (additions.c); nothing without "add". */
struct ll_value;
ll_status ll_add_analysis(const ll_source *source, const struct ll_value *body,
                          ll_error *error) LL_MUST_CHECK;

ll_status ll_transport_start(ll_server *server, ll_error *error) LL_MUST_CHECK;
void ll_transport_stop(ll_transport *transport);

#endif
