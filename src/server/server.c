/* A server's life. */
#include "server/internal.h"

#include <string.h>

static ll_status copy_options(ll_server *server, const ll_server_options *options, ll_error *error)
{
    ll_server_options *mine = &server->options;
    *mine = options != NULL ? *options : (ll_server_options){0};
    const char *host = mine->host != NULL ? mine->host : "127.0.0.1",
               *version = mine->version != NULL ? mine->version : "";
    const char *web = mine->web, *program = mine->program;
    mine->host = ll_text_copy(host);
    mine->version = ll_text_copy(version);
    mine->web = ll_text_copy(web);
    mine->program = ll_text_copy(program);
    if (mine->threads <= 0) mine->threads = 8;
    if (mine->cache_bytes == 0) mine->cache_bytes = (size_t)512 << 20;
    if (mine->upload_bytes == 0) mine->upload_bytes = (size_t)512 << 20;
    if (mine->topology_bytes == 0) mine->topology_bytes = (size_t)2 << 30;
    if (mine->connections <= 0) mine->connections = 256;
    if (!(mine->patience > 0.0)) mine->patience = 15.0;
    bool good = mine->host != NULL && mine->version != NULL && (mine->web != NULL || web == NULL) &&
                (mine->program != NULL || program == NULL);
    if (!good) return ll_fail_memory(error, "server", 256);
    if (mine->port < 0 || mine->port > 65535 || strlen(host) >= sizeof server->guard.host)
        return ll_fail(error, LL_INVALID_ARGUMENT, "server", host, "got port %d; wanted 0 to 65535",
                       mine->port);
    return LL_OK;
}

ll_status ll_server_create(const ll_server_options *options, ll_server **server, ll_error *error)
{
    ll_server *made = ll_allocate_zeroed(sizeof *made);
    if (made == NULL) return ll_fail_memory(error, "server", sizeof *made);
    pthread_mutex_init(&made->mutex, NULL);
    pthread_mutex_init(&made->stream_mutex, NULL);
    pthread_mutex_init(&made->topology_mutex, NULL);
    ll_status status = copy_options(made, options, error);
    if (status == LL_OK && (made->cache = ll_cache_create(made->options.cache_bytes)) == NULL)
        status = ll_fail_memory(error, "server", 0);
    if (status == LL_OK) status = ll_team_create(0, &made->team, error);
    if (status != LL_OK) {
        ll_server_destroy(made);
        return status;
    }
    *server = made;
    return LL_OK;
}

void ll_server_destroy(ll_server *server)
{
    if (server == NULL) return;
    pthread_mutex_lock(&server->mutex);
    pthread_mutex_lock(&server->stream_mutex); /* either lock is enough to read it */
    server->stopping = true;
    pthread_mutex_unlock(&server->stream_mutex);
    pthread_mutex_unlock(&server->mutex);
    ll_run_end_all(server); /* before the threads that started them: their end would be a second signal */
    ll_transport_stop(server->transport);
    ll_cache_destroy(server->cache);
    for (int i = 0; i < server->source_count; i++) ll_source_destroy(server->sources[i]);
    ll_team_destroy(server->team);
    union {
        const char *in;
        void *out;
    } texts[] = {
        {server->options.host}, {server->options.version}, {server->options.web}, {server->options.program}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) ll_free(texts[i].out);
    pthread_mutex_destroy(&server->mutex);
    pthread_mutex_destroy(&server->stream_mutex);
    pthread_mutex_destroy(&server->topology_mutex);
    ll_free(server);
}

ll_status ll_server_add(ll_server *server, const char *path, ll_error *error)
{
    if (server->transport != NULL)
        return ll_fail(error, LL_INVALID_ARGUMENT, "server", path,
                       "studies are added before the server starts");
    return ll_source_open(server, path, error);
}

ll_status ll_server_start(ll_server *server, ll_error *error)
{
    if (server->transport != NULL)
        return ll_fail(error, LL_INVALID_ARGUMENT, "server", NULL, "the server has been started");
    return ll_transport_start(server, error);
}

const char *ll_server_url(const ll_server *server) { return server->url; }
