#define _POSIX_C_SOURCE 200809L
#include "support_client.h"

#include "support_cmocka.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

void reply_deinit(ll_reply *reply)
{
    free(reply->head);
    free(reply->body);
    *reply = (ll_reply){0};
}

const char *reply_header(const ll_reply *reply, const char *name, char value[512])
{
    size_t length = strlen(name);
    value[0] = 0;
    for (const char *line = reply->head; line != NULL && *line != 0;
         line = strchr(line, '\n') != NULL ? strchr(line, '\n') + 1 : NULL) {
        if (strncasecmp(line, name, length) != 0 || line[length] != ':') continue;
        const char *start = line + length + 1 + strspn(line + length + 1, " ");
        snprintf(value, 512, "%.*s", (int)strcspn(start, "\r\n"), start);
    }
    return value;
}

int url_port(const char *url)
{
    const char *colon = strrchr(url, ':');
    return colon != NULL ? atoi(colon + 1) : 0;
}

const char *url_token(const char *url)
{
    const char *token = strstr(url, "token=");
    return token != NULL ? token + 6 : "";
}

int client_connect(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int made = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (made < 0 || connect(made, (const struct sockaddr *)&address, sizeof address) != 0)
        fail_msg("no connection to port %d", port);
    return made;
}

void client_send(int socket, const void *bytes, size_t count)
{
    const char *next = bytes;
    while (count > 0) {
        ssize_t sent = send(socket, next, count, MSG_NOSIGNAL);
        if (sent <= 0) return;
        next += sent;
        count -= (size_t)sent;
    }
}

/* Appends what is there; false at the end, on failure, or after `deadline`. */
static bool more(int socket, char **bytes, size_t *count, double deadline)
{
    struct pollfd ready = {.fd = socket, .events = POLLIN};
    double left = deadline - ll_clock_seconds();
    if (left <= 0.0 || poll(&ready, 1, (int)(1000.0 * left) + 1) <= 0) return false;
    char *grown = realloc(*bytes, *count + 65537);
    assert_non_null(grown);
    *bytes = grown;
    ssize_t got = recv(socket, grown + *count, 65536, 0);
    if (got <= 0) {
        grown[*count] = 0;
        return false;
    }
    *count += (size_t)got;
    grown[*count] = 0;
    return true;
}

ll_reply client_receive(int socket, double seconds)
{
    ll_reply reply = {0};
    char *bytes = NULL, value[512];
    size_t count = 0, wanted = SIZE_MAX;
    double deadline = ll_clock_seconds() + seconds;
    const char *end = NULL;
    while (end == NULL && more(socket, &bytes, &count, deadline)) end = strstr(bytes, "\r\n\r\n");
    if (end == NULL) {
        free(bytes);
        return reply;
    }
    size_t head = (size_t)(end - bytes) + 4;
    reply.head = calloc(1, head + 1);
    assert_non_null(reply.head);
    memcpy(reply.head, bytes, head);
    reply.status = strncmp(bytes, "HTTP/1.", 7) == 0 ? atoi(bytes + 9) : -1;
    if (reply_header(&reply, "Content-Length", value)[0] != 0) wanted = (size_t)strtoull(value, NULL, 10);
    while (count - head < wanted && more(socket, &bytes, &count, deadline)) {
    }
    reply.length = count - head;
    reply.body = calloc(1, reply.length + 1);
    assert_non_null(reply.body);
    memcpy(reply.body, bytes + head, reply.length);
    free(bytes);
    return reply;
}

ll_reply client_raw(int port, const char *text)
{
    int socket = client_connect(port);
    client_send(socket, text, strlen(text));
    ll_reply reply = client_receive(socket, 30.0);
    close(socket);
    return reply;
}

ll_reply client_ask(const char *url, const char *method, const char *target, const void *body, size_t length,
                    const char *type)
{
    ll_text text = {0};
    ll_text_format(&text,
                   "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nCookie: losslens=%s\r\nConnection: close\r\n",
                   method, target, url_port(url), url_token(url));
    if (body != NULL)
        ll_text_format(&text, "Content-Type: %s\r\nContent-Length: %zu\r\n",
                       type != NULL ? type : "application/json", length);
    ll_text_append(&text, "\r\n");
    int socket = client_connect(url_port(url));
    client_send(socket, text.text, text.length);
    if (body != NULL) client_send(socket, body, length);
    ll_reply reply = client_receive(socket, 60.0);
    close(socket);
    ll_text_deinit(&text);
    return reply;
}
