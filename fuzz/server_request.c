/* Any request: a byte (method, and whether the cookie is there), then lines: target, Host, Origin,
 * Content-Type, Cookie, If-None-Match; then the body. */
#define _GNU_SOURCE
#include "server_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINES = 6 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const methods[] = {"GET", "POST", "DELETE", "HEAD", "PUT"};
    char lines[LINES][2048] = {{0}}, cookie[160];
    if (size < 1) return 0;
    unsigned choice = data[0];
    size_t at = 1;
    for (int i = 0; i < LINES; i++) {
        size_t length = 0;
        while (at + length < size && data[at + length] != '\n') length++;
        size_t kept = length < sizeof lines[i] - 1 ? length : sizeof lines[i] - 1;
        memcpy(lines[i], data + at, kept);
        for (size_t k = 0; k < kept; k++)
            lines[i][k] = lines[i][k] == 0 ? '0' : lines[i][k]; /* HTTP ends lines there */
        at += length < size - at ? length + 1 : length;
    }
    ll_server *server = world();
    snprintf(cookie, sizeof cookie, "losslens=%s", server->guard.token);
    ll_request *request = calloc(1, sizeof *request);
    if (request == NULL) return 0;
    request->host = lines[1][0] != 0 ? lines[1] : "localhost";
    request->origin = lines[2][0] != 0 ? lines[2] : NULL;
    request->content_type = lines[3][0] != 0 ? lines[3] : "application/json";
    request->cookie = (choice & 8) != 0 ? lines[4] : cookie;
    request->if_none_match = lines[5][0] != 0 ? lines[5] : NULL;
    request->body_bytes = size - at;
    request->body = malloc(request->body_bytes + 1);
    if (request->body != NULL) {
        memcpy(request->body, data + at, request->body_bytes);
        request->body[request->body_bytes] = 0;
        world_answer(server, request, methods[choice % 8 < 5 ? choice % 8 : 0], lines[0]);
    }
    free(request);
    return 0;
}
