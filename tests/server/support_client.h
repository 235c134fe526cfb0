/* An HTTP client for tests: raw sockets, so that it can also be wrong, slow and rude. */
#ifndef LOSSLENS_TESTS_CLIENT_H
#define LOSSLENS_TESTS_CLIENT_H

#include "losslens/server.h"

typedef struct ll_reply {
    int status; /* 0: the connection ended without an answer */
    char *head; /* from the status line to the empty line; 0-terminated */
    char *body; /* 0-terminated too */
    size_t length;
} ll_reply;
void reply_deinit(ll_reply *reply);
/* A header's value, copied into `value`; "" if absent. */
const char *reply_header(const ll_reply *reply, const char *name, char value[512]);

/* Port and token of "http://127.0.0.1:PORT/?token=TOKEN". */
int url_port(const char *url);
const char *url_token(const char *url);

/* A connected socket. Fails the test if there is none. */
int client_connect(int port);
void client_send(int socket, const void *bytes, size_t count); /* a broken connection is not an error */
/* Reads one answer (its length from Content-Length, else to the end), waiting at most `seconds`. */
ll_reply client_receive(int socket, double seconds);
/* Sends text as it is on a fresh connection and reads one answer. */
ll_reply client_raw(int port, const char *text);
/* A well-formed request with Host, session cookie and, with a body, its length and type (NULL: JSON). */
ll_reply client_ask(const char *url, const char *method, const char *target, const void *body, size_t length,
                    const char *type);
#define client_get(url, target) client_ask((url), "GET", (target), NULL, 0, NULL)

#endif
