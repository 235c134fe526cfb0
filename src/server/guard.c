#define _GNU_SOURCE /* getrandom */
#include "server/guard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

ll_status ll_guard_init(ll_guard *guard, const char *host, int port, ll_error *error)
{
    unsigned char bytes[LL_TOKEN_BYTES];
    ssize_t got;
    do got = getrandom(bytes, sizeof bytes, 0);
    while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof bytes)
        return ll_fail(error, LL_IO, "server", NULL, "the system gives no random bytes for the token");
    for (size_t i = 0; i < sizeof bytes; i++) snprintf(guard->token + 2 * i, 3, "%02x", bytes[i]);
    snprintf(guard->host, sizeof guard->host, "%s", host);
    snprintf(guard->cookie_name, sizeof guard->cookie_name, "losslens_%d", port);
    return LL_OK;
}

/* The name in "name", "name:80", "[::1]" or "[::1]:80", without brackets. False: malformed. */
static bool host_name(const char *header, char name[256])
{
    bool bracket = header[0] == '[';
    const char *start = header + (bracket ? 1 : 0);
    size_t length = strcspn(start, bracket ? "]" : ":");
    const char *rest = start + length;
    if (length == 0 || length > 255 || (bracket && *rest++ != ']')) return false;
    if (*rest == ':') {
        rest++;
        rest += strspn(rest, "0123456789");
    }
    if (*rest != 0) return false;
    memcpy(name, start, length);
    name[length] = 0;
    return true;
}

bool ll_guard_host(const ll_guard *guard, const char *host)
{
    char name[256];
    unsigned char address[sizeof(struct in6_addr)];
    if (host == NULL || !host_name(host, name)) return false;
    bool numeric = inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
    bool everywhere = strcmp(guard->host, "0.0.0.0") == 0 || strcmp(guard->host, "::") == 0;
    return strcasecmp(name, "localhost") == 0 || strcasecmp(name, guard->host) == 0 ||
           (everywhere && numeric);
}

bool ll_guard_origin(const ll_request *request)
{
    if (request->fetch_site != NULL && strcmp(request->fetch_site, "same-origin") != 0 &&
        strcmp(request->fetch_site, "none") != 0)
        return false;
    if (request->origin == NULL) return true;
    return request->host != NULL && strncmp(request->origin, "http://", 7) == 0 &&
           strcasecmp(request->origin + 7, request->host) == 0;
}

/* Looks at every byte, wherever the first difference is. */
static bool equal(const char *token, const char *text, size_t length)
{
    unsigned difference = length == LL_TOKEN_TEXT - 1 ? 0 : 1;
    for (size_t i = 0; i < LL_TOKEN_TEXT - 1; i++)
        difference |= (unsigned char)token[i] ^ (unsigned char)(i < length ? text[i] : 0);
    return difference == 0;
}

bool ll_guard_token(const ll_guard *guard, const char *token)
{
    return token != NULL && equal(guard->token, token, strlen(token));
}

bool ll_guard_cookie(const ll_guard *guard, const char *header)
{
    bool found = false;
    while (header != NULL && *header != 0) {
        header += strspn(header, "; ");
        size_t length = strcspn(header, ";"), name = strcspn(header, "=;");
        bool named = (name == 8 && strncmp(header, "losslens", 8) == 0) ||
                     (name == strlen(guard->cookie_name) && strncmp(header, guard->cookie_name, name) == 0);
        if (named && name < length && equal(guard->token, header + name + 1, length - name - 1)) found = true;
        header += length;
    }
    return found;
}
