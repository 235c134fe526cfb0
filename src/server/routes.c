/* The table of routes, and what is asked of every request before it is handled. */
#include "server/internal.h"

#include <stdio.h>
#include <string.h>

static const ll_route routes[] = {
    {"studies", LL_GET, "/api/studies", ll_handle_studies, LL_BODY_NONE},
    {"study", LL_GET, "/api/studies/*", ll_handle_overview, LL_BODY_NONE},
    {"jobs", LL_GET, "/api/studies/*/jobs", ll_handle_jobs, LL_BODY_NONE},
    {"record", LL_GET, "/api/studies/*/records/*", ll_handle_head, LL_BODY_NONE},
    {"data", LL_GET, "/api/studies/*/records/*/data", ll_handle_data, LL_BODY_NONE},
    {"topology", LL_GET, "/api/studies/*/records/*/topology", ll_handle_topology, LL_BODY_NONE},
    {"export", LL_GET, "/api/studies/*/records/*/export", ll_handle_export, LL_BODY_NONE},
    {"events", LL_GET, "/api/studies/*/events", ll_handle_events, LL_BODY_NONE},
    {"run_state", LL_GET, "/api/studies/*/run", ll_handle_run_state, LL_BODY_NONE},
    {"run", LL_POST, "/api/studies/*/run", ll_handle_run, LL_BODY_JSON},
    {"cancel", LL_DELETE, "/api/studies/*/run", ll_handle_cancel, LL_BODY_NONE},
    {"checkpoint", LL_POST, "/api/studies/*/groups/*/checkpoints", ll_handle_checkpoint, LL_BODY_BYTES},
    {"field", LL_POST, "/api/fields", ll_handle_upload, LL_BODY_BYTES},
};
enum { ROUTES = sizeof routes / sizeof routes[0] };

const ll_route *ll_route_list(int *count)
{
    *count = ROUTES;
    return routes;
}

static bool matches(const char *path, const ll_request *request)
{
    for (int i = 0; i < request->segment_count; i++) {
        size_t length = strcspn(++path, "/"); /* over the slash */
        bool any = length == 1 && *path == '*';
        if (!any &&
            (strlen(request->segments[i]) != length || strncmp(request->segments[i], path, length) != 0))
            return false;
        path += length;
        if (*path == 0) return i + 1 == request->segment_count;
    }
    return false;
}

/* The route, or NULL with *allow naming the methods that the path has ("": the path is unknown). */
static const ll_route *find_route(const ll_request *request, char allow[32])
{
    static const char *const methods[] = {"GET, HEAD", "POST", "DELETE"};
    allow[0] = 0;
    for (int i = 0; i < ROUTES; i++) {
        if (!matches(routes[i].path, request)) continue;
        if (routes[i].method == request->method) return &routes[i];
        size_t length = strlen(allow);
        snprintf(allow + length, 32 - length, "%s%s", length > 0 ? ", " : "", methods[routes[i].method]);
    }
    return NULL;
}

/* "/?token=...": the cookie, and the address without the token. */
static bool take_token(ll_server *server, const ll_request *request, ll_answer *answer)
{
    const char *token = request->segment_count == 0 ? ll_request_parameter(request, "token") : NULL;
    if (token == NULL) return false;
    if (!ll_guard_token(&server->guard, token)) {
        ll_answer_error(answer, 401, "the token is not the one that this server printed", NULL);
        return true;
    }
    answer->status = 303;
    snprintf(answer->location, sizeof answer->location, "/");
    snprintf(answer->cookie, sizeof answer->cookie, "%s=%s; HttpOnly; SameSite=Strict; Path=/",
             server->guard.cookie_name, server->guard.token);
    return true;
}

static bool admit_body(ll_server *server, const ll_request *request, const ll_route *route, size_t *most,
                       ll_answer *answer)
{
    *most = route->body == LL_BODY_NONE   ? 0
            : route->body == LL_BODY_JSON ? LL_JSON_BODY_BYTES
                                          : server->options.upload_bytes;
    const char *type = request->content_type;
    if (route->body != LL_BODY_JSON ||
        (type != NULL && strncmp(type, "application/json", 16) == 0 && (type[16] == 0 || type[16] == ';')))
        return true;
    ll_answer_error(answer, 415, "the body must be JSON", "Content-Type: application/json");
    return false;
}

bool ll_route_admit(ll_server *server, const ll_request *request, const ll_route **route, size_t *most,
                    ll_answer *answer)
{
    char allow[32];
    *route = NULL;
    *most = 0;
    if (!ll_guard_host(&server->guard, request->host)) {
        ll_answer_error(answer, 403, "the Host header is not this server's address", server->guard.host);
        return false;
    }
    if (request->segment_count == 0 || strcmp(request->segments[0], "api") != 0) {
        if (request->method == LL_GET) return !take_token(server, request, answer);
        ll_answer_error(answer, 405, "files can only be read", "GET");
        snprintf(answer->allow, sizeof answer->allow, "GET, HEAD");
        return false;
    }
    if (!ll_guard_cookie(&server->guard, request->cookie)) {
        ll_answer_error(answer, 401, "this needs the session's cookie",
                        "open the address that the program printed");
        return false;
    }
    if (request->method != LL_GET && !ll_guard_origin(request)) {
        ll_answer_error(answer, 403, "a page of another origin may not change anything", NULL);
        return false;
    }
    *route = find_route(request, allow);
    if (*route != NULL) return admit_body(server, request, *route, most, answer);
    if (allow[0] == 0) {
        ll_answer_error(answer, 404, "there is no such address", "docs/http_api.md lists them");
    } else {
        ll_answer_error(answer, 405, "this address has no such method", allow);
        snprintf(answer->allow, sizeof answer->allow, "%s", allow);
    }
    return false;
}

void ll_route_handle(ll_server *server, const ll_route *route, const ll_request *request, ll_answer *answer)
{
    ll_source *source = NULL;
    if (route == NULL) {
        ll_handle_file(server, request, answer);
        return;
    }
    if (request->segment_count >= 3) {
        source = ll_server_source(server, request->segments[2]);
        if (source == NULL) {
            ll_answer_error(answer, 404, "there is no such study", "an id that /api/studies lists");
            return;
        }
    }
    route->handle(server, source, request, answer);
}
