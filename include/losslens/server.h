/* losslens/server.h - studies and fields over HTTP: the web application's files and the API of
 * docs/http_api.md.
 *
 * The server reads studies, computes the topology of stored and uploaded fields, and starts runs as child
 * processes of the program; it writes a study only to add an analysis or a checkpoint. It listens on
 * loopback unless told otherwise; whoever wants an answer below /api/ needs the token of ll_server_url.
 *
 * Threads: a few that move bytes, never waiting for anything but the network, and a few that answer. A
 * server's own functions are called from one thread.
 */
#ifndef LOSSLENS_SERVER_H
#define LOSSLENS_SERVER_H

#include "losslens/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ll_server ll_server;

typedef struct ll_server_options { /* zero-initialise; 0 and NULL mean the default */
    const char *host;              /* address to listen on, numeric or "localhost"; "127.0.0.1" */
    int port;                      /* 0: one that is free */
    const char *web;       /* folder of the web application's built files; NULL: a page that says so */
    const char *program;   /* executable for runs; NULL: runs cannot be started */
    const char *version;   /* of the program, for /api/studies; "" */
    int threads;           /* that answer; 0: 8 */
    size_t cache_bytes;    /* arrays kept in memory for the next who asks; 0: 512 MiB */
    size_t upload_bytes;   /* largest upload, and a quarter of all bodies at one time; 0: 512 MiB */
    size_t topology_bytes; /* memory of a topology on request; 0: 2 GiB */
    int connections;       /* at one time; 0: 256 */
    double patience;       /* seconds for a request's head; 0: 15. A body or an answer gets these and a
                            * second more for every 64 KiB */
    const ll_log *log;     /* must outlive the server; requests at LL_LOG_VERBOSE */
} ll_server_options;

/* Nothing is listening yet. options NULL: the defaults; the texts are copied. */
LL_API ll_status ll_server_create(const ll_server_options *options, ll_server **server,
                                  ll_error *error) LL_MUST_CHECK;
/* Stops listening, ends runs that it started as Ctrl-C does, and waits for both. */
LL_API void ll_server_destroy(ll_server *server);

/* A study (.db) or a file with a scalar field, told by its first bytes; before ll_server_start. It is listed
 * as s0, s1
 * ... in the order of the calls. Errors: those of ll_store_open and ll_field_file_read. */
LL_API ll_status ll_server_add(ll_server *server, const char *path, ll_error *error) LL_MUST_CHECK;

/* Listens and answers from now on. LL_NETWORK: the address or port cannot be had. */
LL_API ll_status ll_server_start(ll_server *server, ll_error *error) LL_MUST_CHECK;
/* "http://127.0.0.1:PORT/?token=...", valid as long as the server; after ll_server_start. */
LL_API const char *ll_server_url(const ll_server *server);

#ifdef __cplusplus
}
#endif
#endif
