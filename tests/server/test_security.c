/* What must be refused, over raw sockets: wrong hosts, origins and tokens, paths that climb, bodies that are
 * too large, clients that are too slow, words that are no HTTP. */
#define _POSIX_C_SOURCE 200809L
#include "support_client.h"
#include "support_synthetic.h"

#include "support_cmocka.h"

#include "losslens/formats.h"
#include "server/internal.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static ll_server *server;
static char folder[64], study_path[96], web[96];
static const double patience = 1.0;

static void put_file(const char *path, const char *text)
{
    CHECK_OK(ll_file_write(path, text, strlen(text), error));
}

static const char *below(const char *name, char path[160])
{
    snprintf(path, 160, "%s/%s", folder, name);
    return path;
}

static int begin(void **state)
{
    (void)state;
    char path[160];
    ll_synthetic wanted = synthetic_default();
    wanted.grid = 201; /* one answer that does not fit into a socket's buffers */
    wanted.models = 3;
    wanted.hostile = true;
    snprintf(folder, sizeof folder, "/tmp/losslens_security_%ld", (long)getpid());
    snprintf(web, sizeof web, "%s/web", folder);
    snprintf(study_path, sizeof study_path, "%s/study.db", folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(mkdir(web, 0700), 0);
    assert_int_equal(mkdir(below("web/assets", path), 0700), 0);
    put_file(below("web/index.html", path),
             "<!doctype html><script type=module src=/assets/app.js></script>");
    put_file(below("web/assets/app.js", path), "export {};");
    put_file(below("web/.hidden", path), "secret");
    put_file(below("secret.txt", path), "secret");
    char link_path[160];
    assert_int_equal(symlink(below("secret.txt", path), below("web/link.txt", link_path)), 0);
    CHECK_OK(synthetic_write(study_path, &wanted, error));
    const ll_server_options options = {
        .web = web, .patience = patience, .upload_bytes = (size_t)1 << 20, .connections = 96};
    CHECK_OK(ll_server_create(&options, &server, error));
    CHECK_OK(ll_server_add(server, study_path, error));
    CHECK_OK(ll_server_start(server, error));
    return 0;
}

static int end(void **state)
{
    static const char *const names[] = {"web/link.txt", "web/.hidden", "web/index.html", "web/assets/app.js",
                                        "web/assets",   "web",         "secret.txt",     "study.db"};
    (void)state;
    ll_server_destroy(server);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[160];
        (void)remove(below(names[i], path));
    }
    (void)remove(folder);
    return 0;
}

static int port(void) { return url_port(ll_server_url(server)); }

/* One request with lines of the caller's; its status. */
static int ask(const char *first, const char *headers)
{
    ll_text text = {0};
    ll_text_format(&text, "%s HTTP/1.1\r\n%sConnection: close\r\n\r\n", first, headers);
    ll_reply reply = client_raw(port(), text.text);
    int status = reply.status;
    reply_deinit(&reply);
    ll_text_deinit(&text);
    return status;
}

static const char *with_cookie(const char *headers, char lines[1024])
{
    snprintf(lines, 1024, "Cookie: losslens=%s\r\n%s", url_token(ll_server_url(server)), headers);
    return lines;
}

static void a_cookie_always(void **state)
{
    (void)state;
    int count;
    const ll_route *routes = ll_route_list(&count);
    static const char *const methods[] = {"GET", "POST", "DELETE"};
    char cookie[256], first[512], token[128];
    for (int i = 0; i < count; i++) {
        ll_text path = {0};
        for (const char *c = routes[i].path; *c != 0; c++)
            ll_text_append_bytes(&path, *c == '*' ? "1" : c, 1);
        snprintf(first, sizeof first, "%s %s", methods[routes[i].method], path.text);
        assert_int_equal(ask(first, "Host: localhost\r\n"), 401);
        ll_text_deinit(&path);
    }
    snprintf(token, sizeof token, "%s", url_token(ll_server_url(server)));
    token[strlen(token) - 1] = token[strlen(token) - 1] == '0' ? '1' : '0';
    const char *real = url_token(ll_server_url(server));
    const char *const wrong[][3] = {{"losslens=", token, ""}, {"losslens=", "", ""},
                                    {"losslens", "", ""},     {"other=", real, ""},
                                    {"losslens=", real, "x"}, {"losslens_1=", real, ""}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        snprintf(cookie, sizeof cookie, "Host: localhost\r\nCookie: %s%s%s\r\n", wrong[i][0], wrong[i][1],
                 wrong[i][2]);
        assert_int_equal(ask("GET /api/studies", cookie), 401);
    }
    snprintf(cookie, sizeof cookie, "Host: localhost\r\nCookie: a=b; losslens_%d=%s; c=d\r\n", port(),
             url_token(ll_server_url(server)));
    assert_int_equal(ask("GET /api/studies", cookie), 200);
}

static void the_token_becomes_a_cookie(void **state)
{
    (void)state;
    char target[256], value[512], wanted[256];
    snprintf(target, sizeof target, "/?token=%s", url_token(ll_server_url(server)));
    ll_reply reply = client_get(ll_server_url(server), target);
    assert_int_equal(reply.status, 303);
    assert_string_equal(reply_header(&reply, "Location", value), "/");
    snprintf(wanted, sizeof wanted, "losslens_%d=%s; HttpOnly; SameSite=Strict; Path=/", port(),
             url_token(ll_server_url(server)));
    assert_string_equal(reply_header(&reply, "Set-Cookie", value), wanted);
    reply_deinit(&reply);
    reply = client_get(ll_server_url(server), "/?token=0123");
    assert_int_equal(reply.status, 401);
    assert_string_equal(reply_header(&reply, "Set-Cookie", value), "");
    reply_deinit(&reply);
}

static void foreign_hosts(void **state)
{
    (void)state;
    static const char *const wrong[] = {"evil.example",
                                        "evil.example:80",
                                        "127.0.0.1.evil.example",
                                        "localhost.evil.example",
                                        "127.0.0.2",
                                        "[::1]",
                                        "0.0.0.0",
                                        "localhost:80:80",
                                        "localhost:x",
                                        "[localhost",
                                        "",
                                        " ",
                                        "@localhost",
                                        "127.1"};
    static const char *const right[] = {"localhost", "127.0.0.1", "LOCALHOST:9999", "localhost:"};
    char headers[512], lines[1024];
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        snprintf(headers, sizeof headers, "Host: %s\r\n", wrong[i]);
        int status = ask("GET /api/studies", with_cookie(headers, lines));
        if (status != 403 && status != 400) fail_msg("Host '%s': %d", wrong[i], status);
        assert_int_not_equal(ask("GET /", headers), 200);
    }
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        snprintf(headers, sizeof headers, "Host: %s\r\n", right[i]);
        assert_int_equal(ask("GET /api/studies", with_cookie(headers, lines)), 200);
    }
    assert_int_not_equal(ask("GET /api/studies", with_cookie("", lines)), 200);
}

static void foreign_origins(void **state)
{
    (void)state;
    static const struct {
        const char *headers;
        int status;
    } cases[] = {{"Origin: http://evil.example\r\n", 403},
                 {"Origin: null\r\n", 403},
                 {"Origin: https://localhost:8080\r\n", 403},
                 {"Origin: http://localhost:8081\r\n", 403},
                 {"Origin: http://localhost:8080.evil.example\r\n", 403},
                 {"Origin: http://localhost\r\n", 403},
                 {"Sec-Fetch-Site: cross-site\r\n", 403},
                 {"Sec-Fetch-Site: same-site\r\n", 403},
                 {"Origin: http://localhost:8080\r\nSec-Fetch-Site: cross-site\r\n", 403},
                 {"Origin: http://localhost:8080\r\nSec-Fetch-Site: same-origin\r\n", 422},
                 {"", 422}}; /* 422: admitted; there is nothing to run */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char headers[512], lines[1024];
        snprintf(headers, sizeof headers, "Host: localhost:8080\r\n%s", cases[i].headers);
        int status = ask("DELETE /api/studies/s0/run", with_cookie(headers, lines));
        if (status != cases[i].status)
            fail_msg("%s: got %d, wanted %d", cases[i].headers, status, cases[i].status);
    }
    /* A form of another page can send text/plain without asking; JSON it cannot. */
    ll_reply reply = client_ask(ll_server_url(server), "POST", "/api/studies/s0/run", "{}", 2, "text/plain");
    assert_int_equal(reply.status, 415);
    reply_deinit(&reply);
}

static void paths_that_climb(void **state)
{
    (void)state;
    static const char *const wrong[] = {"/../secret.txt",
                                        "/assets/../../secret.txt",
                                        "/%2e%2e/secret.txt",
                                        "/..%2fsecret.txt",
                                        "/%2e%2e%2fsecret.txt",
                                        "/assets/..%2f..%2fsecret.txt",
                                        "/.hidden",
                                        "/%2ehidden",
                                        "/link.txt",
                                        "/assets%2fapp.js",
                                        "//secret.txt",
                                        "/./secret.txt",
                                        "/secret.txt%00.js",
                                        "/%",
                                        "/%4",
                                        "/%zz.js",
                                        "/a%0d%0aX:y.js",
                                        "/..%5csecret.txt",
                                        "/%c0%ae%c0%ae/secret.txt",
                                        "http://localhost/secret.txt",
                                        "/api/studies/../../../secret.txt",
                                        "/api/studies/s0/%2e%2e/s0",
                                        "/1/2/3/4/5/6/7/8/9.js",
                                        "/secret.txt#x"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ll_reply reply = client_get(ll_server_url(server), wrong[i]);
        if (reply.status != 400 && reply.status != 404) fail_msg("%s: %d", wrong[i], reply.status);
        assert_null(strstr(reply.body, "secret\n"));
        assert_true(reply.length != 6);
        reply_deinit(&reply);
    }
    static const char *const right[] = {"/",        "/index.html",     "/assets/app.js",
                                        "/?view=x", "/a/place/inside", "/%61ssets/app.js"};
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        ll_reply reply = client_get(ll_server_url(server), right[i]);
        if (reply.status != 200) fail_msg("%s: %d", right[i], reply.status);
        reply_deinit(&reply);
    }
}

static void headers_that_protect(void **state)
{
    (void)state;
    static const char *const targets[] = {"/", "/assets/app.js", "/api/studies", "/api/nothing",
                                          "/api/studies/s0/records/3/data"};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        char value[512];
        ll_reply reply = client_get(ll_server_url(server), targets[i]);
        assert_string_equal(reply_header(&reply, "X-Content-Type-Options", value), "nosniff");
        assert_string_equal(reply_header(&reply, "Referrer-Policy", value), "no-referrer");
        assert_string_equal(reply_header(&reply, "Access-Control-Allow-Origin", value), "");
        reply_header(&reply, "Content-Security-Policy", value);
        assert_non_null(strstr(value, "default-src 'none'"));
        assert_non_null(strstr(value, "script-src 'self';"));
        assert_null(strstr(value, "unsafe"));
        reply_deinit(&reply);
    }
}

/* Names from a study's file are data, wherever the JSON may end up. */
static void names_stay_names(void **state)
{
    (void)state;
    static const char *const targets[] = {"/api/studies", "/api/studies/s0", "/api/studies/s0/jobs",
                                          "/api/studies/s0/records/20",
                                          "/api/studies/s0/records/3/export?format=json"};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        ll_reply reply = client_get(ll_server_url(server), targets[i]);
        assert_int_equal(reply.status, 200);
        assert_null(strchr(reply.body, '<'));
        reply_deinit(&reply);
    }
    ll_reply reply = client_get(ll_server_url(server), "/api/studies/s0");
    assert_non_null(strstr(reply.body, "\\u003c/script\\u003e"));
    reply_deinit(&reply);
    /* A name in a header. */
    char value[512];
    reply = client_get(ll_server_url(server), "/api/studies/s0/records/35/export?format=csv");
    if (reply.status == 200)
        assert_null(strpbrk(
            reply_header(&reply, "Content-Disposition", value) + strlen("attachment; filename=\""), "<>/;"));
    reply_deinit(&reply);
}

static void sizes(void **state)
{
    (void)state;
    char *large = calloc(1, (2 << 20) + 1), lines[1024], first[256];
    assert_non_null(large);
    memset(large, ' ', 2 << 20);
    ll_reply reply =
        client_ask(ll_server_url(server), "POST", "/api/studies/s0/run", large, LL_JSON_BODY_BYTES + 1, NULL);
    assert_int_equal(reply.status, 413);
    reply_deinit(&reply);
    reply = client_ask(ll_server_url(server), "POST", "/api/fields?file=a.csv", large, (1 << 20) + 1, NULL);
    assert_true(reply.status == 413 ||
                reply.status == 0); /* refused before the body: the rest of it may meet a closed door */
    reply_deinit(&reply);
    reply = client_ask(ll_server_url(server), "DELETE", "/api/studies/s0/run", "{}", 2, NULL);
    assert_int_equal(reply.status, 413);
    reply_deinit(&reply);
    /* Declared only: said at once, without waiting for the bytes. */
    assert_int_equal(ask("POST /api/fields?file=a.csv",
                         with_cookie("Host: localhost\r\nContent-Length: 99999999999\r\n", lines)),
                     413);
    /* In pieces, without a declared length. */
    ll_text text = {0};
    ll_text_format(&text,
                   "POST /api/studies/s0/run HTTP/1.1\r\n%sContent-Type: "
                   "application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
                   with_cookie("Host: localhost\r\n", lines));
    for (int i = 0; i < 20; i++) {
        ll_text_append(&text, "2000\r\n");
        ll_text_append_bytes(&text, large, 0x2000);
        ll_text_append(&text, "\r\n");
    }
    ll_text_append(&text, "0\r\n\r\n");
    reply = client_raw(port(), text.text);
    assert_int_equal(reply.status, 413);
    reply_deinit(&reply);
    ll_text_deinit(&text);
    /* An address, a header, too many parameters. */
    memset(large, 'a', 100000);
    large[5000] = 0;
    ll_text_format(&text, "GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n", large);
    reply = client_raw(port(), text.text);
    assert_int_equal(reply.status, 414);
    reply_deinit(&reply);
    ll_text_deinit(&text);
    large[5000] = 'a';
    large[90000] = 0;
    ll_text_format(&text, "GET / HTTP/1.1\r\nHost: localhost\r\nX: %s\r\n\r\n", large);
    reply = client_raw(port(), text.text);
    assert_int_not_equal(reply.status, 200);
    reply_deinit(&reply);
    ll_text_deinit(&text);
    snprintf(first, sizeof first, "GET /api/studies?a&b&c&d&e&f&g&h&i&j&k&l&m&n&o&p&q&r");
    assert_int_equal(ask(first, with_cookie("Host: localhost\r\n", lines)), 400);
    free(large);
}

static void no_http(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "GET\r\n\r\n",
        "\r\n\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        "BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "PUT / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "CONNECT evil.example:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET / HTTP/1.1\r\nHost\r\n\r\n",
        "POST /api/fields HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        "POST /api/fields HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1x\r\n\r\n",
        "POST /api/fields HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        "POST /api/fields HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "\x16\x03\x01\x02\x01\x01\xfc\x03\x03",
        "GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n: x\r\n\r\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ll_reply reply = client_raw(port(), wrong[i]);
        if (reply.status == 200 && i != 13) fail_msg("case %zu: 200", i);
        reply_deinit(&reply);
    }
    ll_reply reply = client_get(ll_server_url(server), "/api/studies"); /* still there */
    assert_int_equal(reply.status, 200);
    reply_deinit(&reply);
}

/* Seconds until the other side ends the connection; at most `most`. */
static double seconds_to_end(int socket, const char *drip, double most)
{
    double start = ll_clock_seconds();
    while (ll_clock_seconds() - start < most) {
        char part[64];
        ssize_t got = recv(socket, part, sizeof part, MSG_DONTWAIT | (drip == NULL ? MSG_PEEK : 0));
        if (got == 0 || (got < 0 && drip != NULL && send(socket, drip, 1, MSG_NOSIGNAL) < 0)) break;
        (void)poll(NULL, 0, 50);
    }
    return ll_clock_seconds() - start;
}

static void slow_clients(void **state)
{
    (void)state;
    enum { SLOW = 40 };
    int sockets[SLOW];
    char lines[1024];
    ll_text text = {0};
    for (int i = 0; i < SLOW; i++) {
        sockets[i] = client_connect(port());
        client_send(sockets[i], "GET / HTTP/1.1\r\nX: ", 19);
    }
    /* Others are served meanwhile. */
    ll_reply reply = client_get(ll_server_url(server), "/api/studies");
    assert_int_equal(reply.status, 200);
    reply_deinit(&reply);
    /* A head that drips in. */
    assert_true(seconds_to_end(sockets[0], "a", 30.0) < 20.0);
    for (int i = 0; i < SLOW; i++) close(sockets[i]);
    /* A body that drips in: what it may take depends on its size. */
    int socket = client_connect(port());
    ll_text_format(&text,
                   "POST /api/studies/s0/run HTTP/1.1\r\n%sContent-Type: application/json\r\nContent-Length: "
                   "60000\r\n\r\n",
                   with_cookie("Host: localhost\r\n", lines));
    client_send(socket, text.text, text.length);
    assert_true(seconds_to_end(socket, " ", 40.0) < 30.0);
    close(socket);
    ll_text_deinit(&text);
    /* A connection that says nothing more. */
    socket = client_connect(port());
    ll_text_format(&text, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client_send(socket, text.text, text.length);
    reply = client_receive(socket, 10.0);
    assert_int_equal(reply.status, 200);
    reply_deinit(&reply);
    assert_true(seconds_to_end(socket, NULL, 30.0) < 20.0);
    close(socket);
    ll_text_deinit(&text);
}

/* Asks for much and reads nothing: the connection is given up, and its memory with it. */
static void a_reader_who_does_not_read(void **state)
{
    (void)state;
    char lines[1024];
    ll_text text = {0};
    int socket = client_connect(port()), small = 4096;
    (void)setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    for (int i = 0; i < 40; i++)
        ll_text_format(&text, "GET /api/studies/s0/records/3/data HTTP/1.1\r\n%s\r\n",
                       with_cookie("Host: localhost\r\n", lines));
    client_send(socket, text.text, text.length);
    double start = ll_clock_seconds();
    bool ended = false;
    while (!ended && ll_clock_seconds() - start < 60.0) {
        ended = send(socket, "\r\n", 2, MSG_NOSIGNAL | MSG_DONTWAIT) < 0;
        (void)poll(NULL, 0, 100);
    }
    assert_true(ended);
    close(socket);
    ll_text_deinit(&text);
}

static void more_connections_than_allowed(void **state)
{
    (void)state;
    enum { MANY = 200 };
    int sockets[MANY];
    for (int i = 0; i < MANY; i++) sockets[i] = client_connect(port());
    /* Idle ones lose their place, so that the rest is served after a while. */
    ll_reply reply = client_get(ll_server_url(server), "/api/studies");
    for (int i = 0; i < MANY; i++) close(sockets[i]);
    if (reply.status != 200) {
        reply_deinit(&reply);
        reply = client_get(ll_server_url(server), "/api/studies");
    }
    assert_int_equal(reply.status, 200);
    reply_deinit(&reply);
}

static void too_many_listeners(void **state)
{
    (void)state;
    int sockets[LL_STREAMS + 1], refused = 0;
    char lines[1024];
    for (int i = 0; i <= LL_STREAMS; i++) {
        ll_text text = {0};
        sockets[i] = client_connect(port());
        ll_text_format(&text, "GET /api/studies/s0/events HTTP/1.1\r\n%s\r\n",
                       with_cookie("Host: localhost\r\n", lines));
        client_send(sockets[i], text.text, text.length);
        char head[16] = {0};
        assert_int_equal(recv(sockets[i], head, 12, MSG_WAITALL), 12);
        refused += strncmp(head, "HTTP/1.1 503", 12) == 0;
        ll_text_deinit(&text);
    }
    assert_int_equal(refused, 1);
    for (int i = 0; i <= LL_STREAMS; i++) close(sockets[i]);
}

/* Uploads are counted, and what is no field is none. */
static void uploads(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t count;
    } wrong[] = {
        {"", 0},
        {"\x93NUMPY\x01\x00\x10\x00{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999,), }", 70},
        {"PK\x03\x04 no zip", 11},
        {"\x89HDF\r\n\x1a\n no hdf5", 16},
        {"ply\nformat ascii 1.0\nelement vertex 999999999999\nend_header\n", 61},
        {"<VTKFile><!DOCTYPE x [<!ENTITY a \"b\">]>", 39},
        {"a,b\n1\n", 6}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ll_reply reply = client_ask(ll_server_url(server), "POST", "/api/fields?file=x", wrong[i].bytes,
                                    wrong[i].count, NULL);
        if (reply.status < 400 || reply.status >= 500)
            fail_msg("case %zu: %d %s", i, reply.status, reply.body);
        reply_deinit(&reply);
    }
    int made = 0, refused = 0;
    for (int i = 0; i < 40; i++) {
        ll_reply reply =
            client_ask(ll_server_url(server), "POST", "/api/fields?file=x.csv", "1,2\n3,4\n", 8, NULL);
        made += reply.status == 201;
        refused += reply.status == 413;
        reply_deinit(&reply);
    }
    assert_int_equal(made, 32);
    assert_int_equal(refused, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_cookie_always),
                                       cmocka_unit_test(the_token_becomes_a_cookie),
                                       cmocka_unit_test(foreign_hosts),
                                       cmocka_unit_test(foreign_origins),
                                       cmocka_unit_test(paths_that_climb),
                                       cmocka_unit_test(headers_that_protect),
                                       cmocka_unit_test(names_stay_names),
                                       cmocka_unit_test(sizes),
                                       cmocka_unit_test(no_http),
                                       cmocka_unit_test(slow_clients),
                                       cmocka_unit_test(a_reader_who_does_not_read),
                                       cmocka_unit_test(more_connections_than_allowed),
                                       cmocka_unit_test(too_many_listeners),
                                       cmocka_unit_test(uploads)};
    return cmocka_run_group_tests(tests, begin, end);
}
