/* Bytes in and out: the only file that knows libmicrohttpd. Its threads wait for the network alone; a request
 * that has arrived in full is handed to our own threads, its connection suspended until the answer is there.
 */
#define _GNU_SOURCE
#include "server/events.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <microhttpd.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MOST_WORKERS = 16,
    FLOOR_BYTES_A_SECOND = 65536,
    MOST_HEADER = 65536,
    TICK_MILLISECONDS = 100,
    LOOK_TICKS = 10
};

typedef struct exchange exchange;
typedef struct link link_of;

/* A connection with the instant at which it must have got on. */
struct link {
    int socket;
    double deadline; /* 0: none (an answer is being made, or events flow) */
    bool waiting;    /* for the other side: for a request, or for the rest of one */
    bool left;       /* who had said its last word when we looked before */
    link_of *next, *previous;
};

struct exchange {
    ll_transport *transport;
    struct MHD_Connection *connection;
    ll_request request;
    ll_answer answer;
    const ll_route *route;
    char *target;                  /* until it is parsed */
    size_t most, counted, arrived; /* bytes of the body: allowed, counted against all bodies, seen */
    double begun;                  /* when the body was waited for */
    enum { NEW, BODY, WORKING, READY } state;
    bool refused;   /* the answer is there before the body */
    exchange *next; /* in the queue */
};

struct ll_transport {
    ll_server *server;
    struct MHD_Daemon *daemon;
    int socket;
    pthread_t workers[MOST_WORKERS], watcher;
    int worker_count, warmed; /* warmed: studies, under the server's lock */
    bool watching;
    pthread_mutex_t mutex; /* of the queue and what follows */
    pthread_cond_t arrived;
    exchange *first, *last;
    size_t body_bytes; /* of all bodies in memory */
    bool stopping;
    pthread_mutex_t link_mutex;
    link_of *links;
};

/* ---------------------------------------------------------------- deadlines */

static link_of *link_of_connection(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info != NULL ? info->socket_context : NULL;
}

/* seconds < 0: none. waiting: for the other side. */
static void set_deadline(ll_transport *transport, struct MHD_Connection *connection, double seconds,
                         bool waiting)
{
    link_of *link = link_of_connection(connection);
    if (link == NULL) return;
    pthread_mutex_lock(&transport->link_mutex);
    link->deadline = seconds < 0.0 ? 0.0 : ll_clock_seconds() + seconds;
    link->waiting = waiting;
    link->left = false;
    pthread_mutex_unlock(&transport->link_mutex);
}

static void on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    ll_transport *transport = context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        link_of *link = ll_allocate_zeroed(sizeof *link);
        *socket_context = link;
        if (link == NULL || info == NULL) return;
        link->socket = info->connect_fd;
        link->deadline = ll_clock_seconds() + transport->server->options.patience;
        link->waiting = true;
        pthread_mutex_lock(&transport->link_mutex);
        link->next = transport->links;
        if (link->next != NULL) link->next->previous = link;
        transport->links = link;
        pthread_mutex_unlock(&transport->link_mutex);
        return;
    }
    link_of *link = *socket_context;
    if (link == NULL) return;
    pthread_mutex_lock(&transport->link_mutex);
    if (link->next != NULL) link->next->previous = link->previous;
    if (link->previous != NULL) link->previous->next = link->next;
    else if (transport->links == link) transport->links = link->next;
    pthread_mutex_unlock(&transport->link_mutex);
    ll_free(link);
    *socket_context = NULL;
}

static bool has_left(const link_of *link)
{
    struct pollfd gone = {.fd = link->socket, .events = POLLRDHUP};
    int unread = 0;
    return poll(&gone, 1, 0) > 0 && ioctl(link->socket, FIONREAD, &unread) == 0 && unread == 0;
}

/* Who is too slow is cut off, and who has left in the middle of a request, which libmicrohttpd may overlook;
 * it then sees the end and cleans up. The lock keeps the socket from being closed, and its number from being
 * used again, meanwhile. */
static void cut_off(ll_transport *transport, double now, bool look)
{
    pthread_mutex_lock(&transport->link_mutex);
    for (link_of *link = transport->links; link != NULL; link = link->next) {
        bool left = look && link->waiting && link->deadline > 0.0 && has_left(link);
        /* Twice: the end of the request may have arrived with the last word, and be on its way through. */
        bool cut = (left && link->left) || (link->deadline > 0.0 && now >= link->deadline);
        if (look) link->left = left;
        if (!cut) continue;
        (void)shutdown(link->socket, SHUT_RDWR);
        link->deadline = 0.0;
    }
    pthread_mutex_unlock(&transport->link_mutex);
}

static void *watch(void *context)
{
    ll_transport *transport = context;
    for (int64_t round = 0;; round++) {
        pthread_mutex_lock(&transport->mutex);
        bool stopping = transport->stopping;
        pthread_mutex_unlock(&transport->mutex);
        if (stopping) return NULL;
        double now = ll_clock_seconds();
        cut_off(transport, now, round % LOOK_TICKS == 0);
        ll_events_tick(transport->server, now);
        ll_run_tick(transport->server);
        (void)usleep(TICK_MILLISECONDS * 1000);
    }
}

/* ---------------------------------------------------------------- answers */

static void free_answer(void *context)
{
    ll_answer *answer = context;
    ll_answer_deinit(answer);
    ll_free(answer);
}

static struct MHD_Response *make_response(const ll_answer *answer, ll_answer *kept)
{
    int64_t count = answer->piece_count + 1;
    struct MHD_IoVec *parts = ll_allocate_array(count, sizeof *parts);
    struct MHD_Response *response = NULL;
    unsigned used = 0;
    if (parts == NULL) return NULL;
    if (answer->text.length > 0) parts[used++] = (struct MHD_IoVec){answer->text.text, answer->text.length};
    for (int64_t i = 0; i < answer->piece_count; i++) {
        if (answer->pieces[i].count > 0)
            parts[used++] = (struct MHD_IoVec){answer->pieces[i].bytes, answer->pieces[i].count};
    }
    response = MHD_create_response_from_iovec(parts, used, free_answer, kept);
    ll_free(parts);
    return response;
}

typedef struct stream_of {
    ll_stream *stream;
    struct MHD_Connection *connection;
    int socket;
} stream_of;

static void pause_connection(void *connection) { MHD_suspend_connection(connection); }
static void wake_connection(void *connection) { MHD_resume_connection(connection); }

static ssize_t read_stream(void *context, uint64_t position, char *bytes, size_t most)
{
    (void)position;
    const stream_of *of = context;
    ptrdiff_t got = ll_stream_read(of->stream, bytes, most, of->connection, of->socket, pause_connection,
                                   wake_connection);
    return got < 0 ? (ssize_t)MHD_CONTENT_READER_END_OF_STREAM : (ssize_t)got;
}

static void free_stream(void *context)
{
    stream_of *of = context;
    ll_stream_destroy(of->stream);
    ll_free(of);
}

static void add_headers(const ll_server *server, const ll_answer *answer, struct MHD_Response *response)
{
    static const char *const always[][2] = {{"X-Content-Type-Options", "nosniff"},
                                            {"Referrer-Policy", "no-referrer"},
                                            {"X-Frame-Options", "DENY"},
                                            {"Cross-Origin-Resource-Policy", "same-origin"},
                                            {"Cross-Origin-Opener-Policy", "same-origin"},
                                            {"Content-Security-Policy",
                                             "default-src 'none'; script-src 'self'; style-src 'self'; "
                                             "img-src 'self' data: blob:; font-src 'self'; "
                                             "connect-src 'self'; worker-src 'self' blob:; manifest-src "
                                             "'self'; form-action 'none'; base-uri 'none'; "
                                             "frame-ancestors 'none'"}};
    (void)server;
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
        (void)MHD_add_response_header(response, always[i][0], always[i][1]);
    (void)MHD_add_response_header(response, "Cache-Control",
                                  answer->caching != NULL ? answer->caching : "no-store");
    if (answer->content_type != NULL)
        (void)MHD_add_response_header(response, "Content-Type", answer->content_type);
    if (answer->location[0] != 0) (void)MHD_add_response_header(response, "Location", answer->location);
    if (answer->cookie[0] != 0) (void)MHD_add_response_header(response, "Set-Cookie", answer->cookie);
    if (answer->tag[0] != 0) (void)MHD_add_response_header(response, "ETag", answer->tag);
    if (answer->allow[0] != 0) (void)MHD_add_response_header(response, "Allow", answer->allow);
    if (answer->file_name[0] == 0) return;
    char disposition[160];
    snprintf(disposition, sizeof disposition, "attachment; filename=\"%s\"", answer->file_name);
    (void)MHD_add_response_header(response, "Content-Disposition", disposition);
}

/* Queues the exchange's answer; the answer then belongs to the response. */
static enum MHD_Result send_answer(exchange *ex)
{
    ll_transport *transport = ex->transport;
    struct MHD_Response *response;
    ll_answer *kept = ll_allocate(sizeof *kept);
    unsigned status = (unsigned)ex->answer.status;
    double seconds =
        transport->server->options.patience + (double)ll_answer_bytes(&ex->answer) / FLOOR_BYTES_A_SECOND;
    if (kept == NULL) return MHD_NO;
    *kept = ex->answer;
    ex->answer = (ll_answer){0};
    if (kept->stream != NULL) {
        stream_of *of = ll_allocate(sizeof *of);
        if (of != NULL)
            *of = (stream_of){
                kept->stream, ex->connection,
                MHD_get_connection_info(ex->connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd};
        response = of != NULL ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, read_stream, of,
                                                                  free_stream)
                              : NULL;
        if (response == NULL) ll_stream_destroy(kept->stream);
        if (response == NULL) ll_free(of);
        seconds = -1.0;
    } else {
        response = make_response(kept, kept);
    }
    if (response == NULL) {
        free_answer(kept);
        return MHD_NO;
    }
    add_headers(transport->server, kept, response);
    bool stream = kept->stream != NULL;
    if (stream) free_answer(kept);
    ll_log_line(transport->server->options.log, LL_LOG_VERBOSE, "%u /%s%s%s%s%s", status,
                ex->request.segment_count > 0 ? ex->request.segments[0] : "",
                ex->request.segment_count > 1 ? "/" : "",
                ex->request.segment_count > 1 ? ex->request.segments[1] : "",
                ex->request.segment_count > 2 ? "/" : "",
                ex->request.segment_count > 2 ? ex->request.segments[ex->request.segment_count - 1] : "");
    set_deadline(transport, ex->connection, seconds, false);
    enum MHD_Result queued = MHD_queue_response(ex->connection, status, response);
    MHD_destroy_response(response);
    return queued;
}

/* ---------------------------------------------------------------- our threads */

/* The first overview of a large study takes a moment: it is made before anyone asks. The workers share the
 * studies. */
static void warm_up(ll_transport *transport)
{
    ll_server *server = transport->server;
    for (;;) {
        pthread_mutex_lock(&server->mutex);
        ll_source *source =
            transport->warmed < server->source_count ? server->sources[transport->warmed++] : NULL;
        bool stopping = server->stopping;
        pthread_mutex_unlock(&server->mutex);
        if (source == NULL || stopping) return;
        ll_answer answer = {0};
        ll_handle_overview(server, source, NULL, &answer);
        ll_answer_deinit(&answer);
    }
}

static void *work(void *context)
{
    ll_transport *transport = context;
    warm_up(transport);
    for (;;) {
        pthread_mutex_lock(&transport->mutex);
        while (transport->first == NULL && !transport->stopping)
            pthread_cond_wait(&transport->arrived, &transport->mutex);
        exchange *ex = transport->first;
        if (ex != NULL) transport->first = ex->next;
        if (transport->first == NULL) transport->last = NULL;
        bool stopping = transport->stopping;
        pthread_mutex_unlock(&transport->mutex);
        if (ex == NULL) return NULL;
        if (stopping) ll_answer_error(&ex->answer, 503, "the server is ending", NULL);
        else ll_route_handle(transport->server, ex->route, &ex->request, &ex->answer);
        ex->state = READY;
        MHD_resume_connection(ex->connection);
    }
}

/* False when the server is ending: nobody would wake the connection any more. */
static bool hand_over(exchange *ex)
{
    ll_transport *transport = ex->transport;
    set_deadline(transport, ex->connection, -1.0, false);
    pthread_mutex_lock(&transport->mutex);
    bool stopping = transport->stopping;
    if (!stopping) {
        ex->state = WORKING;
        MHD_suspend_connection(ex->connection);
        ex->next = NULL;
        if (transport->last != NULL) transport->last->next = ex;
        else transport->first = ex;
        transport->last = ex;
        pthread_cond_signal(&transport->arrived);
    }
    pthread_mutex_unlock(&transport->mutex);
    return !stopping;
}

/* ---------------------------------------------------------------- requests */

static void *on_target(void *context, const char *target, struct MHD_Connection *connection)
{
    exchange *ex = ll_allocate_zeroed(sizeof *ex);
    if (ex == NULL) return NULL;
    ex->transport = context;
    ex->connection = connection;
    ex->target = ll_text_copy(target);
    return ex;
}

static size_t keep_as_is(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context, (void)connection;
    return strlen(text);
}

static void count_body(exchange *ex, size_t bytes)
{
    pthread_mutex_lock(&ex->transport->mutex);
    ex->transport->body_bytes += bytes - ex->counted;
    ex->counted = bytes;
    pthread_mutex_unlock(&ex->transport->mutex);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **request_context,
                         enum MHD_RequestTerminationCode code)
{
    (void)code;
    ll_transport *transport = context;
    exchange *ex = *request_context;
    *request_context = NULL;
    set_deadline(transport, connection, 2.0 * transport->server->options.patience,
                 true); /* for the next request */
    if (ex == NULL) return;
    count_body(ex, 0);
    if (ex->answer.stream != NULL) ll_stream_destroy(ex->answer.stream);
    ll_answer_deinit(&ex->answer);
    free(ex->request.body);
    ll_free(ex->target);
    ll_free(ex);
}

static void refuse(exchange *ex, int status, const char *what)
{
    ll_answer_error(&ex->answer, status, what, NULL);
    ex->refused = true;
}

/* Everything that can be said before the body: false when the answer is there. */
static bool admit(exchange *ex, const char *method)
{
    ll_request *request = &ex->request;
    const char *what,
        *length = MHD_lookup_connection_value(ex->connection, MHD_HEADER_KIND, "Content-Length");
    int status;
    int64_t declared = 0;
    request->host = MHD_lookup_connection_value(ex->connection, MHD_HEADER_KIND, "Host");
    request->origin = MHD_lookup_connection_value(ex->connection, MHD_HEADER_KIND, "Origin");
    request->cookie = MHD_lookup_connection_value(ex->connection, MHD_HEADER_KIND, "Cookie");
    request->content_type = MHD_lookup_connection_value(ex->connection, MHD_HEADER_KIND, "Content-Type");
    request->fetch_site = MHD_lookup_connection_value(ex->connection, MHD_HEADER_KIND, "Sec-Fetch-Site");
    request->if_none_match = MHD_lookup_connection_value(ex->connection, MHD_HEADER_KIND, "If-None-Match");
    if (ex->target == NULL) refuse(ex, 503, "there is not enough memory for this");
    else if (!ll_request_parse(request, method, ex->target, &status, &what)) refuse(ex, status, what);
    else if (!ll_route_admit(ex->transport->server, request, &ex->route, &ex->most, &ex->answer))
        ex->refused = true;
    else if (length != NULL && !ll_parse_decimal(length, &declared))
        refuse(ex, 400, "the Content-Length is no number");
    else if ((uint64_t)declared > ex->most)
        refuse(ex, 413, ex->most == 0 ? "this request takes no body" : "the body is too large");
    return !ex->refused;
}

/* Grows by halves; all bodies together stay within four of the largest. */
static void add_body(exchange *ex, const char *bytes, size_t count)
{
    ll_request *request = &ex->request;
    ll_transport *transport = ex->transport;
    ex->arrived += count;
    if (ex->refused) return; /* read, and forgotten */
    if (count > ex->most - request->body_bytes) {
        refuse(ex, 413, ex->most == 0 ? "this request takes no body" : "the body is too large");
    } else if (request->body_bytes + count > ex->counted) {
        size_t room = ex->counted + ex->counted / 2 + 65536;
        if (room < request->body_bytes + count) room = request->body_bytes + count;
        pthread_mutex_lock(&transport->mutex);
        bool fits = transport->body_bytes + (room - ex->counted) <=
                    4 * transport->server->options.upload_bytes + ((size_t)16 << 20);
        pthread_mutex_unlock(&transport->mutex);
        char *grown = fits ? realloc(request->body, room + 1) : NULL;
        if (grown == NULL) {
            refuse(ex, 503, "too many uploads at one time");
        } else {
            request->body = grown;
            count_body(ex, room);
        }
    }
    if (ex->refused) {
        free(request->body);
        request->body = NULL;
        request->body_bytes = 0;
        count_body(ex, 0);
        return;
    }
    memcpy(request->body + request->body_bytes, bytes, count);
    request->body_bytes += count;
    request->body[request->body_bytes] = 0;
}

static bool has_body(struct MHD_Connection *connection)
{
    const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Transfer-Encoding") != NULL ||
           (length != NULL && strcmp(length, "0") != 0);
}

/* Patience, and as long as what has come would take at the lowest speed. */
static void wait_for_body(exchange *ex)
{
    double allowed = ex->transport->server->options.patience + (double)ex->arrived / FLOOR_BYTES_A_SECOND;
    set_deadline(ex->transport, ex->connection, fmax(0.01, ex->begun + allowed - ll_clock_seconds()), true);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_bytes, void **request_context)
{
    (void)context, (void)url, (void)version;
    exchange *ex = *request_context;
    if (ex == NULL) return MHD_NO;
    ex->connection = connection;
    switch (ex->state) {
    case NEW:
        ex->state = BODY;
        /* Without a body the answer can wait for the next call, and the connection be used again. */
        if (!admit(ex, method)) return has_body(connection) ? send_answer(ex) : MHD_YES;
        ex->begun = ll_clock_seconds();
        wait_for_body(ex);
        return MHD_YES;
    case BODY:
        if (*upload_bytes > 0) {
            add_body(ex, upload, *upload_bytes);
            wait_for_body(ex);
            *upload_bytes = 0;
            return MHD_YES;
        }
        if (ex->refused) return send_answer(ex);
        return hand_over(ex) ? MHD_YES : MHD_NO;
    case WORKING: return MHD_YES;
    case READY: return send_answer(ex);
    }
    return MHD_NO;
}

/* ---------------------------------------------------------------- listening */

static ll_status open_socket(ll_transport *transport, int *port, ll_error *error)
{
    const ll_server_options *options = &transport->server->options;
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICHOST},
                    *found;
    const char *host = strcmp(options->host, "localhost") == 0 ? "127.0.0.1" : options->host;
    char number[16];
    int one = 1;
    snprintf(number, sizeof number, "%d", options->port);
    if (getaddrinfo(host, number, &hints, &found) != 0)
        return ll_fail(error, LL_INVALID_ARGUMENT, "server", host,
                       "this is no numeric address to listen on, such as 127.0.0.1, ::1 or 0.0.0.0");
    transport->socket = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool good = transport->socket >= 0 &&
                setsockopt(transport->socket, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
                bind(transport->socket, found->ai_addr, found->ai_addrlen) == 0 &&
                listen(transport->socket, 256) == 0;
    int code = errno;
    freeaddrinfo(found);
    struct sockaddr_storage bound;
    socklen_t length = sizeof bound;
    if (!good || getsockname(transport->socket, (struct sockaddr *)&bound, &length) != 0)
        return ll_fail(error, LL_NETWORK, "server", options->host, "port %d cannot be had: %s", options->port,
                       strerror(code));
    *port = bound.ss_family == AF_INET6 ? ntohs(((const struct sockaddr_in6 *)&bound)->sin6_port)
                                        : ntohs(((const struct sockaddr_in *)&bound)->sin_port);
    return LL_OK;
}

static ll_status start_daemon(ll_transport *transport, ll_error *error)
{
    const ll_server_options *options = &transport->server->options;
    unsigned threads = (unsigned)ll_min_int64(8, ll_max_int64(2, ll_usable_cores()));
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC;
    transport->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, transport, MHD_OPTION_LISTEN_SOCKET, transport->socket,
        MHD_OPTION_THREAD_POOL_SIZE, threads, MHD_OPTION_CONNECTION_LIMIT, (unsigned)options->connections,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(2.0 * options->patience + 1.0),
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MOST_HEADER, MHD_OPTION_URI_LOG_CALLBACK, on_target,
        transport, MHD_OPTION_UNESCAPE_CALLBACK, keep_as_is, NULL, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
        transport, MHD_OPTION_NOTIFY_CONNECTION, on_connection, transport, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_END);
    if (transport->daemon == NULL)
        return ll_fail(error, LL_NETWORK, "server", options->host, "the HTTP server cannot be started");
    transport->socket = -1; /* the daemon closes it */
    return LL_OK;
}

static ll_status start(ll_transport *transport, ll_error *error)
{
    ll_server *server = transport->server;
    int port;
    LL_TRY(open_socket(transport, &port, error));
    LL_TRY(ll_guard_init(&server->guard, server->options.host, port, error));
    bool six = strchr(server->options.host, ':') != NULL;
    bool everywhere = strcmp(server->options.host, "0.0.0.0") == 0;
    snprintf(server->url, sizeof server->url, "http://%s%s%s:%d/?token=%s", six ? "[" : "",
             everywhere ? "127.0.0.1" : server->options.host, six ? "]" : "", port, server->guard.token);
    for (int i = 0; i < server->options.threads && i < MOST_WORKERS; i++) {
        if (pthread_create(&transport->workers[i], NULL, work, transport) != 0)
            return ll_fail(error, LL_OUT_OF_MEMORY, "server", NULL, "no thread can be made");
        transport->worker_count++;
    }
    if (pthread_create(&transport->watcher, NULL, watch, transport) != 0)
        return ll_fail(error, LL_OUT_OF_MEMORY, "server", NULL, "no thread can be made");
    transport->watching = true;
    return start_daemon(transport, error);
}

ll_status ll_transport_start(ll_server *server, ll_error *error)
{
    ll_transport *transport = ll_allocate_zeroed(sizeof *transport);
    if (transport == NULL) return ll_fail_memory(error, "server", sizeof *transport);
    transport->server = server;
    transport->socket = -1;
    pthread_mutex_init(&transport->mutex, NULL);
    pthread_mutex_init(&transport->link_mutex, NULL);
    pthread_cond_init(&transport->arrived, NULL);
    server->transport = transport;
    ll_status status = start(transport, error);
    if (status != LL_OK) {
        server->transport = NULL;
        ll_transport_stop(transport);
    }
    return status;
}

void ll_transport_stop(ll_transport *transport)
{
    if (transport == NULL) return;
    /* no new connections; the socket stays open until the daemon's threads, which may be watching it, have ended */
    if (transport->daemon != NULL) transport->socket = MHD_quiesce_daemon(transport->daemon);
    pthread_mutex_lock(&transport->mutex);
    transport->stopping = true;
    pthread_cond_broadcast(&transport->arrived);
    pthread_mutex_unlock(&transport->mutex);
    if (transport->watching) pthread_join(transport->watcher, NULL);
    for (int i = 0; i < transport->worker_count; i++) pthread_join(transport->workers[i], NULL);
    ll_streams_end(transport->server);
    if (transport->daemon != NULL) MHD_stop_daemon(transport->daemon);
    if (transport->socket >= 0) close(transport->socket);
    pthread_mutex_destroy(&transport->mutex);
    pthread_mutex_destroy(&transport->link_mutex);
    pthread_cond_destroy(&transport->arrived);
    ll_free(transport);
}
