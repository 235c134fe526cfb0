/* Any body where a body is taken: a byte chooses the route; uploaded fields are then read back in every form.
 */
#define _GNU_SOURCE
#include "server_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(ll_server *server, const char *method, const char *target, const uint8_t *body, size_t count)
{
    char cookie[160];
    ll_request *request = calloc(1, sizeof *request);
    if (request == NULL) return;
    snprintf(cookie, sizeof cookie, "losslens=%s", server->guard.token);
    request->host = "localhost";
    request->cookie = cookie;
    request->content_type = "application/json";
    request->body_bytes = count;
    request->body = body != NULL ? malloc(count + 1) : NULL;
    if (request->body != NULL) {
        memcpy(request->body, body, count);
        request->body[count] = 0;
    }
    world_answer(server, request, method, target);
    free(request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const targets[] = {"/api/studies/s0/run", "/api/fields?file=a",
                                          "/api/studies/s0/groups/g/checkpoints?file=a.pt",
                                          "/api/studies/s0/groups/g/checkpoints"};
    static const char *const after[] = {"/api/studies/u1",
                                        "/api/studies/u1/records/1/data",
                                        "/api/studies/u1/records/2/data",
                                        "/api/studies/u1/records/1/topology?connectivity=box&superlevel=1",
                                        "/api/studies/u1/records/1/export?format=vti",
                                        "/api/studies/u1/records/1/export?format=ply",
                                        "/api/studies/u1/records/2/export?format=json"};
    if (size < 1) return 0;
    ll_server *server = world();
    ask(server, "POST", targets[data[0] % 4], data + 1, size - 1);
    for (size_t i = 0; i < sizeof after / sizeof after[0] && server->uploads > 0; i++)
        ask(server, "GET", after[i], NULL, 0);
    if (data[0] % 4 >= 2) {
        char path[300]; /* the next one may have the name again */
        snprintf(path, sizeof path, "%s/a.pt", world_folder);
        (void)unlink(path);
    }
    return 0;
}
