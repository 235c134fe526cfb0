/* Fetching: checksums after RFC 1321; a file address; a server on the loopback interface that breaks off and
 * is continued, that does not continue, that sends too much, that is not there. */
#define _POSIX_C_SOURCE 200809L
#include "../support_cmocka.h"

#include "losslens/data_download.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BYTES = 100000 };

static char folder[64], content[BYTES];

static void write_file(const char *path, const char *bytes, size_t count)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

static int64_t size_of(const char *path)
{
    struct stat state;
    return stat(path, &state) == 0 ? (int64_t)state.st_size : -1;
}

static const char *in_folder(const char *name, char path[128])
{
    snprintf(path, 128, "%s/%s", folder, name);
    return path;
}

static void test_md5(void **state)
{
    (void)state;
    /* The test suite of RFC 1321, and lengths around a block (checked with md5sum). */
    static const char *const table[][2] = {
        {"", "d41d8cd98f00b204e9800998ecf8427e"},
        {"a", "0cc175b9c0f1b6a831c399e269772661"},
        {"abc", "900150983cd24fb0d6963f7d28e17f72"},
        {"message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
        {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
         "57edf4a22be3c955ac49da2e2107b67a"},
        {"1234567890123456789012345678901234567890123456789012345", "c9ccf168914a1bcfc3229f1948e67da0"},
        {"12345678901234567890123456789012345678901234567890123456", "49f193adce178490e34d1b3a4ec0064c"},
        {"1234567890123456789012345678901234567890123456789012345678901234",
         "eb6c4179c0a7c82cc2828c1e6338e165"}};
    char path[128], md5[33];
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        write_file(in_folder("message", path), table[i][0], strlen(table[i][0]));
        CHECK_OK(ll_file_md5(path, md5, error));
        assert_string_equal(md5, table[i][1]);
    }
}

static void test_a_file_address(void **state)
{
    (void)state;
    char source[128], path[128], md5[33], address[160];
    write_file(in_folder("data.bin", source), content, BYTES);
    CHECK_OK(ll_file_md5(source, md5, error));
    snprintf(address, sizeof address, "file://%s", folder);
    in_folder("deep/er", path);
    ll_remote_file file = {"set", "data.bin", address, md5, BYTES};
    ll_download_options options = {.folder = path};
    ll_error reason = {0};
    CHECK_OK(ll_download(&file, &options, error));
    char made[160];
    snprintf(made, sizeof made, "%s/data.bin", path);
    assert_int_equal(size_of(made), BYTES);
    /* A second time nothing is fetched; a wrong sum or length is told and nothing is kept. */
    file.address = "file:///nowhere";
    CHECK_OK(ll_download(&file, &options, error));
    assert_int_equal(remove(made), 0);
    assert_int_equal(ll_download(&file, &options, &reason), LL_IO);
    assert_non_null(strstr(reason.message, "Without a network, put this file (100000 bytes"));
    file.address = address;
    file.md5 = "d41d8cd98f00b204e9800998ecf8427e";
    assert_int_equal(ll_download(&file, &options, &reason), LL_INVALID_FILE);
    assert_non_null(strstr(reason.message, "wanted d41d8cd98f00b204e9800998ecf8427e"));
    file.bytes = BYTES - 1;
    assert_int_equal(ll_download(&file, &options, &reason), LL_INVALID_FILE);
    assert_non_null(strstr(reason.message, "more than the 99999 bytes"));
    file.bytes = BYTES + 1;
    assert_int_equal(ll_download(&file, &options, &reason), LL_INVALID_FILE);
    assert_int_equal(size_of(made), -1);
    snprintf(made, sizeof made, "%s/data.bin.part", path);
    assert_int_equal(size_of(made), -1);
}

/* ---------------------------------------------------------------- a server */

typedef struct server {
    int socket, port;
    int64_t breaks_after; /* bytes of a body that are sent; < 0: all */
    bool continues;       /* answers Range */
    int64_t asked_from;   /* of the last request */
    pthread_t thread;
} server;

static void answer(server *s, int peer)
{
    char request[2048] = "", head[256];
    size_t length = 0;
    while (strstr(request, "\r\n\r\n") == NULL && length + 1 < sizeof request) {
        ssize_t got = recv(peer, request + length, sizeof request - 1 - length, 0);
        if (got <= 0) return;
        length += (size_t)got;
        request[length] = 0;
    }
    const char *range = strstr(request, "Range: bytes=");
    s->asked_from = range != NULL ? strtoll(range + strlen("Range: bytes="), NULL, 10) : 0;
    int64_t from = s->continues ? s->asked_from : 0, count = BYTES - from, sent = 0;
    int bytes = from > 0 ? snprintf(head, sizeof head,
                                    "HTTP/1.1 206 Partial Content\r\nContent-Length: %lld\r\nContent-Range: "
                                    "bytes %lld-%d/%d\r\n\r\n",
                                    (long long)count, (long long)from, BYTES - 1, BYTES)
                         : snprintf(head, sizeof head,
                                    "HTTP/1.1 200 OK\r\nContent-Length: %lld\r\nConnection: close\r\n\r\n",
                                    (long long)count);
    (void)!send(peer, head, (size_t)bytes, MSG_NOSIGNAL);
    if (s->breaks_after >= 0 && count > s->breaks_after) count = s->breaks_after;
    while (sent < count) {
        ssize_t done = send(peer, content + from + sent, (size_t)(count - sent), MSG_NOSIGNAL);
        if (done <= 0) return;
        sent += done;
    }
}

static void *serve(void *context)
{
    server *s = context;
    for (;;) {
        int peer = accept(s->socket, NULL, NULL);
        if (peer < 0) return NULL;
        answer(s, peer);
        close(peer);
    }
}

static bool server_start(server *s)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    s->socket = socket(AF_INET, SOCK_STREAM, 0);
    if (s->socket < 0 || bind(s->socket, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(s->socket, 4) != 0 || getsockname(s->socket, (struct sockaddr *)&address, &length) != 0) {
        if (s->socket >= 0) close(s->socket);
        return false;
    }
    s->port = ntohs(address.sin_port);
    return pthread_create(&s->thread, NULL, serve, s) == 0;
}

static void server_stop(server *s)
{
    shutdown(s->socket, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->socket);
}

typedef struct watched {
    int64_t last, stop_at;
} watched;

static bool watch(void *context, const char *file, int64_t done, int64_t all)
{
    watched *w = context;
    assert_string_equal(file, "web.bin");
    assert_int_equal(all, BYTES);
    assert_true(done >= 0 && done <= BYTES);
    w->last = done;
    return w->stop_at < 0 || done < w->stop_at;
}

static void test_broken_off_and_continued(void **state)
{
    (void)state;
    server s = {.breaks_after = 30000, .continues = true};
    char source[128], md5[33], address[64], made[128], part[128];
    if (!server_start(&s)) {
        printf("skipped: no loopback interface\n");
        skip();
    }
    setenv("no_proxy", "*", 1); /* whatever the environment says, the loopback is reached directly */
    write_file(in_folder("data.bin", source), content, BYTES);
    CHECK_OK(ll_file_md5(source, md5, error));
    snprintf(address, sizeof address, "http://127.0.0.1:%d/files", s.port);
    in_folder("web.bin", made);
    in_folder("web.bin.part", part);
    watched w = {0, -1};
    ll_remote_file file = {"set", "web.bin", "http://127.0.0.1:1", md5, BYTES};
    ll_download_options options = {.folder = folder, .from = address, .progress = watch, .context = &w};
    ll_error reason = {0};
    for (int64_t there = 30000; there < BYTES; there += 30000) {
        assert_int_equal(ll_download(&file, &options, &reason), LL_IO);
        assert_int_equal(size_of(part), there);
        assert_int_equal(s.asked_from, there - 30000);
        assert_int_equal(size_of(made), -1);
    }
    CHECK_OK(ll_download(&file, &options, error));
    assert_int_equal(s.asked_from, 90000);
    assert_int_equal(w.last, BYTES);
    char again[33];
    CHECK_OK(ll_file_md5(made, again, error));
    assert_string_equal(md5, again);
    assert_int_equal(size_of(part), -1);
    /* Stopped by the caller; then by a server that only sends from the start. */
    assert_int_equal(remove(made), 0);
    s.breaks_after = -1;
    w = (watched){0, 1};
    assert_int_equal(ll_download(&file, &options, &reason), LL_CANCELLED);
    w.stop_at = -1;
    s.continues = false;
    write_file(part, content, 1234);
    w.last = 0;
    CHECK_OK(ll_download(&file, &options, error));
    CHECK_OK(ll_file_md5(made, again, error));
    assert_string_equal(md5, again);
    /* Nobody there. */
    assert_int_equal(remove(made), 0);
    options.from = NULL;
    assert_int_equal(ll_download(&file, &options, &reason), LL_IO);
    assert_non_null(strstr(reason.message, md5));
    server_stop(&s);
}

static void test_the_list(void **state)
{
    (void)state;
    int64_t count = 0;
    for (const ll_remote_file *file; (file = ll_remote_file_at(count)) != NULL; count++) {
        assert_int_equal(strlen(file->md5), 32);
        assert_int_equal(strspn(file->md5, "0123456789abcdef"), 32);
        assert_true(file->bytes > 1000 && file->bytes < 1000000000);
        assert_true(strncmp(file->address, "http", 4) == 0 &&
                    file->address[strlen(file->address) - 1] != '/');
    }
    assert_int_equal(count, 10);
    assert_null(ll_remote_file_at(-1));
}

int main(void)
{
    snprintf(folder, sizeof folder, "/tmp/losslens_download_XXXXXX");
    if (mkdtemp(folder) == NULL) return 1;
    for (int i = 0; i < BYTES; i++) content[i] = (char)(i * 7 + i / 256);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_md5), cmocka_unit_test(test_a_file_address),
                                       cmocka_unit_test(test_broken_off_and_continued),
                                       cmocka_unit_test(test_the_list)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    return system(command) != 0 || failed;
}
