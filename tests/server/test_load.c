/* 64 clients at once, each asking for anything, some of them rudely: no wrong answer, no descriptor left
 * behind, and, under AddressSanitizer, no leak. 2 seconds; LOSSLENS_LOAD_SECONDS=60 for the long run, whose
 * memory is printed. */
#define _POSIX_C_SOURCE 200809L
#include "support_client.h"
#include "support_synthetic.h"

#include "support_cmocka.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS = 64 };

typedef struct load {
    const char *url;
    double deadline;
    atomic_llong answers, errors, bytes;
    atomic_int number;
    pthread_mutex_t mutex;
    char first_error[256];
} load;

typedef struct target {
    const char *path;
    int status;
} target;

static const target targets[] = {{"/api/studies", 200},
                                 {"/api/studies/s0", 200},
                                 {"/api/studies/s0/jobs?most=100", 200},
                                 {"/api/studies/s0/jobs?kind=pair&first=20&most=20", 200},
                                 {"/api/studies/s0/records/3", 200},
                                 {"/api/studies/s0/records/3/data", 200},
                                 {"/api/studies/s0/records/4/data", 200},
                                 {"/api/studies/s0/records/11/data?fields=eigenvalues", 200},
                                 {"/api/studies/s0/records/3/export?format=npz", 200},
                                 {"/api/studies/s0/records/3/export?format=csv", 200},
                                 {"/api/studies/s0/run", 200},
                                 {"/", 200},
                                 {"/api/none", 404},
                                 {"/api/studies/s0/records/99999/data", 404},
                                 {"/api/studies/s0/records/3/topology?connectivity=axis", 200}};
enum { TARGETS = sizeof targets / sizeof targets[0] };

static void note(load *all, const char *what, int status)
{
    if (atomic_fetch_add(&all->errors, 1) > 0) return;
    pthread_mutex_lock(&all->mutex);
    snprintf(all->first_error, sizeof all->first_error, "%s: %d", what, status);
    pthread_mutex_unlock(&all->mutex);
}

static int open_connection(const char *url)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)url_port(url))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int made = socket(AF_INET, SOCK_STREAM, 0);
    if (made >= 0 && connect(made, (const struct sockaddr *)&address, sizeof address) == 0) return made;
    if (made >= 0) close(made);
    return -1;
}

static void ask_one(load *all, int socket, const target *what)
{
    char request[512];
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\nCookie: losslens=%s\r\n\r\n",
             what->path, url_token(all->url));
    client_send(socket, request, strlen(request));
    ll_reply reply = client_receive(socket, 120.0);
    /* Three topologies may be under way already. */
    bool busy = reply.status == 409 && strstr(what->path, "topology") != NULL;
    if (reply.status != what->status && !busy) note(all, what->path, reply.status);
    atomic_fetch_add(&all->answers, 1);
    atomic_fetch_add(&all->bytes, (long long)reply.length);
    reply_deinit(&reply);
}

/* Leaves in the middle: of a head, of a body, of an answer, of a stream. */
static void be_rude(load *all, int socket, uint64_t how)
{
    static const char upload[] = "POST /api/fields?file=a.npy HTTP/1.1\r\nHost: localhost\r\n"
                                 "Cookie: losslens=%s\r\nContent-Length: 100000\r\n\r\nhalf";
    static const char data[] = "GET /api/studies/s0/records/4/data HTTP/1.1\r\nHost: localhost\r\n"
                               "Cookie: losslens=%s\r\n\r\n";
    static const char listening[] = "GET /api/studies/s0/events HTTP/1.1\r\nHost: localhost\r\n"
                                    "Cookie: losslens=%s\r\n\r\n";
    static const char *const starts[] = {"GET /api/stu", upload, data, listening};
    char request[512], part[64];
    const char *token = url_token(all->url), *start = starts[how % 4], *gap = strstr(start, "%s");
    snprintf(request, sizeof request, "%.*s%s%s", gap != NULL ? (int)(gap - start) : (int)strlen(start),
             start, gap != NULL ? token : "", gap != NULL ? gap + 2 : "");
    client_send(socket, request, strlen(request));
    struct pollfd ready = {.fd = socket, .events = POLLIN};
    if (how % 4 >= 2 && poll(&ready, 1, 1000) > 0) (void)recv(socket, part, sizeof part, 0);
}

static void *client(void *context)
{
    load *all = context;
    ll_rng rng = ll_rng_make((uint64_t)atomic_fetch_add(&all->number, 1), "load", "client");
    uint64_t i = 0;
    while (ll_clock_seconds() < all->deadline) {
        int socket = open_connection(all->url);
        if (socket < 0) {
            note(all, "connect", 0);
            break;
        }
        uint64_t asks = ll_rng_below(rng, i++, 30);
        for (uint64_t k = 0; k < asks && ll_clock_seconds() < all->deadline; k++)
            ask_one(all, socket, &targets[ll_rng_below(rng, i++, TARGETS)]);
        if (ll_rng_below(rng, i++, 3) == 0) be_rude(all, socket, ll_rng_bits(rng, i++));
        close(socket);
    }
    return NULL;
}

static int64_t descriptors(void)
{
    int64_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (folder != NULL && readdir(folder) != NULL) count++;
    if (folder != NULL) closedir(folder);
    return count;
}

static double resident_megabytes(void)
{
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file != NULL && fscanf(file, "%ld %ld", &pages, &resident) != 2) resident = 0;
    if (file != NULL) fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

static void many_clients(void **state)
{
    (void)state;
    char path[96];
    const char *asked = getenv("LOSSLENS_LOAD_SECONDS");
    double seconds = asked != NULL ? strtod(asked, NULL) : 2.0;
    pthread_t threads[CLIENTS];
    ll_server *server;
    ll_synthetic wanted = synthetic_default();
    wanted.grid = 25;
    snprintf(path, sizeof path, "/tmp/losslens_load_%ld.db", (long)getpid());
    CHECK_OK(synthetic_write(path, &wanted, error));
    CHECK_OK(ll_server_create(&(ll_server_options){.patience = 120.0}, &server, error));
    CHECK_OK(ll_server_add(server, path, error));
    CHECK_OK(ll_server_start(server, error));
    load all = {.url = ll_server_url(server), .deadline = ll_clock_seconds() + seconds};
    pthread_mutex_init(&all.mutex, NULL);
    ll_reply reply = client_get(all.url, "/api/studies/s0");
    assert_int_equal(reply.status, 200);
    reply_deinit(&reply);
    int64_t before = descriptors();
    for (int i = 0; i < CLIENTS; i++) assert_int_equal(pthread_create(&threads[i], NULL, client, &all), 0);
    for (double at = 0.0; seconds > 2.0 && at < seconds; at += 10.0) {
        print_message("%5.0f s  %.1f MB resident, %lld answers\n", at, resident_megabytes(),
                      (long long)atomic_load(&all.answers));
        (void)poll(NULL, 0, 10000);
    }
    for (int i = 0; i < CLIENTS; i++) pthread_join(threads[i], NULL);
    print_message("%lld answers, %.1f MB, %lld errors, %.1f MB resident\n",
                  (long long)atomic_load(&all.answers), (double)atomic_load(&all.bytes) / 1e6,
                  (long long)atomic_load(&all.errors), resident_megabytes());
    if (atomic_load(&all.errors) > 0) fail_msg("%s", all.first_error);
    assert_true(atomic_load(&all.answers) > CLIENTS);
    /* Connections that were left in the middle are noticed. */
    double deadline = ll_clock_seconds() + 60.0;
    while (descriptors() > before && ll_clock_seconds() < deadline) (void)poll(NULL, 0, 100);
    assert_in_range(descriptors(), 1, before);
    ll_server_destroy(server);
    pthread_mutex_destroy(&all.mutex);
    (void)remove(path);
}

/* The server ends while everybody asks: nobody hangs, nothing is left. */
static void ending_in_the_middle(void **state)
{
    (void)state;
    enum { ROUNDS = 4, ASKING = 24 };
    char path[96];
    ll_synthetic wanted = synthetic_default();
    wanted.grid = 15;
    snprintf(path, sizeof path, "/tmp/losslens_ending_%ld.db", (long)getpid());
    CHECK_OK(synthetic_write(path, &wanted, error));
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t threads[ASKING];
        ll_server *server;
        CHECK_OK(ll_server_create(NULL, &server, error));
        CHECK_OK(ll_server_add(server, path, error));
        CHECK_OK(ll_server_start(server, error));
        char url[192];
        snprintf(url, sizeof url, "%s", ll_server_url(server));
        load all = {.url = url, .deadline = ll_clock_seconds() + 1.0};
        pthread_mutex_init(&all.mutex, NULL);
        for (int i = 0; i < ASKING; i++) assert_int_equal(pthread_create(&threads[i], NULL, client, &all), 0);
        (void)poll(NULL, 0, 100 + 150 * round);
        ll_server_destroy(server);
        for (int i = 0; i < ASKING; i++) pthread_join(threads[i], NULL);
        pthread_mutex_destroy(&all.mutex);
    }
    (void)remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(many_clients),
                                       cmocka_unit_test(ending_in_the_middle)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
