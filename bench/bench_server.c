/* How fast a large field is served over loopback, beside the same bytes through a bare TCP connection of the
 * same process (in alternation), or how long a study's opening and lists take:   bench_server [STUDY.db]
 * (minima of ROUNDS) */
#define _GNU_SOURCE
#include "losslens/formats.h"
#include "losslens/server.h"

#include <arpa/inet.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SIDE = 201, ROUNDS = 9, PART = 1 << 18 };

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "bench_server: %s\n", what);
    exit(1);
}

static int connect_to(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int made = socket(AF_INET, SOCK_STREAM, 0);
    if (made < 0 || connect(made, (const struct sockaddr *)&address, sizeof address) != 0)
        fail("no connection");
    return made;
}

/* Bytes until the end of the connection, and the seconds from `start`. */
static size_t drain(int socket)
{
    static char part[PART];
    size_t total = 0;
    ssize_t got;
    while ((got = recv(socket, part, sizeof part, 0)) > 0) total += (size_t)got;
    close(socket);
    return total;
}

static size_t get(const char *url, const char *target, double *seconds)
{
    char request[512];
    const char *token = strstr(url, "token=") + 6;
    int port = atoi(strrchr(url, ':') + 1);
    snprintf(request, sizeof request,
             "GET %s HTTP/1.1\r\nHost: localhost\r\nCookie: losslens=%s\r\nConnection: close\r\n\r\n", target,
             token);
    double start = ll_clock_seconds();
    int socket = connect_to(port);
    if (send(socket, request, strlen(request), MSG_NOSIGNAL) < 0) fail("send");
    size_t bytes = drain(socket);
    *seconds = ll_clock_seconds() - start;
    return bytes;
}

/* The bare connection: one thread writes the bytes, this one reads them. */
typedef struct bare {
    int listening;
    const char *bytes;
    size_t count;
} bare;

static void *write_bare(void *context)
{
    const bare *b = context;
    int socket = accept(b->listening, NULL, NULL);
    for (size_t at = 0; at < b->count;) {
        ssize_t sent = send(socket, b->bytes + at, b->count - at, MSG_NOSIGNAL);
        if (sent <= 0) break;
        at += (size_t)sent;
    }
    close(socket);
    return NULL;
}

static double read_bare(const char *bytes, size_t count)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    pthread_t writer;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bare b = {socket(AF_INET, SOCK_STREAM, 0), bytes, count};
    if (bind(b.listening, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(b.listening, 1) != 0 || getsockname(b.listening, (struct sockaddr *)&address, &length) != 0)
        fail("bare socket");
    double start = ll_clock_seconds();
    if (pthread_create(&writer, NULL, write_bare, &b) != 0) fail("thread");
    size_t got = drain(connect_to(ntohs(address.sin_port)));
    double seconds = ll_clock_seconds() - start;
    pthread_join(writer, NULL);
    close(b.listening);
    if (got != count) fail("bare bytes");
    return seconds;
}

static void serve(const char *path, ll_server **server, double *seconds)
{
    ll_error error = {0};
    double start = ll_clock_seconds();
    if (ll_server_create(NULL, server, &error) != LL_OK || ll_server_add(*server, path, &error) != LL_OK ||
        ll_server_start(*server, &error) != LL_OK)
        fail(error.message);
    *seconds = ll_clock_seconds() - start;
}

static void bench_field(void)
{
    char path[64];
    size_t count = (size_t)SIDE * SIDE * SIDE;
    double *values = malloc(count * sizeof *values), best = INFINITY, best_bare = INFINITY, seconds;
    ll_server *server;
    ll_error error = {0};
    if (values == NULL) fail("no memory");
    for (size_t i = 0; i < count; i++) values[i] = sin((double)i);
    ll_tensor tensor = {
        .name = "value", .type = LL_TENSOR_FLOAT64, .rank = 3, .shape = {SIDE, SIDE, SIDE}, .data = values};
    snprintf(path, sizeof path, "/tmp/losslens_bench_%ld.npy", (long)getpid());
    if (ll_npy_write(path, &tensor, &error) != LL_OK) fail(error.message);
    serve(path, &server, &seconds);
    size_t bytes = 0;
    for (int round = 0; round < ROUNDS; round++) {
        bytes = get(ll_server_url(server), "/api/studies/s0/records/1/data?fields=value", &seconds);
        if (bytes < count * sizeof *values) fail("the field is not whole");
        best = fmin(best, seconds);
        best_bare = fmin(best_bare, read_bare((const char *)values, count * sizeof *values));
    }
    printf("field 201^3 float64, %.1f MB: %.0f MB/s; bare TCP %.0f MB/s; ratio %.2f\n", (double)bytes / 1e6,
           (double)bytes / best / 1e6, (double)(count * sizeof *values) / best_bare / 1e6, best_bare / best);
    ll_server_destroy(server);
    (void)remove(path);
    free(values);
}

/* Each list route twice of each of ROUNDS new servers: asked at once, in the instant the server starts, and
 * again. */
static void bench_study(const char *path)
{
    static const char *const targets[] = {"/api/studies",
                                          "/api/studies/s0",
                                          "/api/studies/s0/jobs",
                                          "/api/studies/s0/jobs?most=10000",
                                          "/api/studies/s0/jobs?kind=pair&first=10000&most=1000",
                                          "/api/studies/s0/jobs?kind=landscape",
                                          "/api/studies/s0/jobs?state=failed",
                                          "/api/studies/s0/jobs?subject=none",
                                          "/api/studies/s0/records/1",
                                          "/api/studies/s0/run"};
    enum { TARGETS = sizeof targets / sizeof targets[0] };
    double opening = INFINITY, cold[TARGETS], warm[TARGETS], seconds;
    size_t bytes[TARGETS];
    for (int t = 0; t < TARGETS; t++) {
        cold[t] = warm[t] = INFINITY;
        for (int round = 0; round < ROUNDS; round++) {
            ll_server *server;
            serve(path, &server, &seconds);
            opening = fmin(opening, seconds);
            bytes[t] = get(ll_server_url(server), targets[t], &seconds);
            cold[t] = fmin(cold[t], seconds);
            (void)get(ll_server_url(server), targets[t], &seconds);
            warm[t] = fmin(warm[t], seconds);
            ll_server_destroy(server);
        }
    }
    printf("%s\nopening %49.1f ms\nroute %42s %9s %9s\n", path, 1e3 * opening, "cold ms", "warm ms", "bytes");
    for (int t = 0; t < TARGETS; t++)
        printf("%-40s %7.1f %9.1f %9zu\n", targets[t] + strlen("/api"), 1e3 * cold[t], 1e3 * warm[t],
               bytes[t]);
}

int main(int argc, char **argv)
{
    if (argc > 1) bench_study(argv[1]);
    else bench_field();
    return 0;
}
