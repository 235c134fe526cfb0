/* guard.h - who may ask: the Host, the Origin, the token. Pure functions. */
#ifndef LOSSLENS_SERVER_GUARD_H
#define LOSSLENS_SERVER_GUARD_H

#include "server/http.h"

enum { LL_TOKEN_BYTES = 32, LL_TOKEN_TEXT = 2 * LL_TOKEN_BYTES + 1 };

typedef struct ll_guard {
    char token[LL_TOKEN_TEXT];
    char host[64];        /* address that we listen on */
    char cookie_name[24]; /* "losslens_PORT": cookies know no ports, and two servers must not log each other
                             out */
} ll_guard;

ll_status ll_guard_init(ll_guard *guard, const char *host, int port, ll_error *error) LL_MUST_CHECK;

/* DNS rebinding makes a foreign name point at this machine; so a Host must be the bound address or localhost,
 * or, when every address is bound, any address that is no name. Its port does not matter (ssh -L changes it).
 */
bool ll_guard_host(const ll_guard *guard, const char *host);
/* A write comes from a page of this server, or from no page at all (curl). */
bool ll_guard_origin(const ll_request *request);
bool ll_guard_token(const ll_guard *guard, const char *token);
/* The session's cookie among those of a Cookie header: that of this port, or plain "losslens". */
bool ll_guard_cookie(const ll_guard *guard, const char *header);

#endif
