/* Runs over HTTP with the real program: a study is continued, watched, cancelled, and added to; what would
 * leave its folder is refused, by words and by the system. */
#define _GNU_SOURCE
#include "support_client.h"

#include "support_cmocka.h"

#include "losslens/formats.h"
#include "losslens/store.h"
#include "server/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64], program[512];
static ll_server *server;

/* analyses of the study that is used here: small enough for a second, also under a sanitizer */
static const char study_text[] =
    "study: tiny\neffort: quick\ngroups:\n  - name: pinn\n    problem: convection\n    beta: 1\n"
    "    train: {seeds: 0..1, epochs: 3}\n%sanalyses:\n  metrics: true\n%s";

static const char *below(const char *name, char path[128])
{
    snprintf(path, 128, "%s/%s", folder, name);
    return path;
}

static int call_program(const char *const *arguments)
{
    pid_t pid = fork();
    if (pid == 0) {
        int nothing = open("/dev/null", O_WRONLY);
        (void)dup2(nothing, 1);
        (void)dup2(nothing, 2);
        union {
            const char *const *in;
            char *const *out;
        } list = {.in = arguments};
        execv(program, list.out);
        _exit(127);
    }
    int status = -1;
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A study file tiny.db made by the program, served. */
static void serve(const char *group_lines, const char *analyses)
{
    char yaml[128], db[128], text[1024];
    snprintf(text, sizeof text, study_text, group_lines, analyses);
    CHECK_OK(ll_file_write(below("tiny.yaml", yaml), text, strlen(text), error));
    const char *const arguments[] = {program, "run", yaml, "--quiet", NULL};
    if (call_program(arguments) != 0) fail_msg("the study cannot be run: %s", text);
    CHECK_OK(ll_server_create(&(ll_server_options){.program = program, .patience = 60.0}, &server, error));
    CHECK_OK(ll_server_add(server, below("tiny.db", db), error));
    CHECK_OK(ll_server_start(server, error));
}

static int begin(void **state)
{
    (void)state;
    const char *named = getenv("LOSSLENS");
    if (named == NULL || access(named, X_OK) != 0) skip();
    snprintf(program, sizeof program, "%s", named);
    snprintf(folder, sizeof folder, "/tmp/losslens_run_%ld", (long)getpid());
    assert_int_equal(mkdir(folder, 0700), 0);
    return 0;
}

static int end(void **state)
{
    static const char *const names[] = {"tiny.yaml", "tiny.db", "tiny.db-wal", "tiny.db-shm",
                                        "later.safetensors"};
    char path[128];
    (void)state;
    ll_server_destroy(server);
    server = NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) (void)remove(below(names[i], path));
    (void)remove(folder);
    return 0;
}

static int post(const char *target, const char *body, const char *method, const char *inside)
{
    ll_reply reply =
        client_ask(ll_server_url(server), method, target, body, body != NULL ? strlen(body) : 0, NULL);
    if (inside != NULL && strstr(reply.body != NULL ? reply.body : "", inside) == NULL)
        fail_msg("%s: no '%s' in %s", target, inside, reply.body);
    int status = reply.status;
    reply_deinit(&reply);
    return status;
}

static bool has(const char *target, const char *inside)
{
    ll_reply reply = client_get(ll_server_url(server), target);
    assert_int_equal(reply.status, 200);
    bool found = strstr(reply.body, inside) != NULL;
    reply_deinit(&reply);
    return found;
}

static void await(const char *target, const char *inside)
{
    double deadline = ll_clock_seconds() + 120.0;
    while (!has(target, inside)) {
        if (ll_clock_seconds() > deadline) fail_msg("%s never says %s", target, inside);
        (void)poll(NULL, 0, 50);
    }
}

static void a_run_is_started_and_ends(void **state)
{
    (void)state;
    serve("", "");
    assert_true(has("/api/studies", "\"can_run\":true"));
    assert_int_equal(
        post("/api/studies/s0/run", "{\"threads\": 1, \"max_time_seconds\": 100}", "POST", "\"here\":true"),
        202);
    await("/api/studies/s0/run", "\"running\":false");
    assert_true(has("/api/studies/s0/run", "\"message\":null"));
}

static void an_analysis_is_added(void **state)
{
    (void)state;
    serve("", "");
    assert_true(has("/api/studies/s0", "\"landscape\":[]"));
    assert_int_equal(
        post("/api/studies/s0/run",
             "{\"add\": \"landscape\", \"models\": [\"pinn/1\"], \"options\": {\"grid\": \"3x3\"}}", "POST",
             NULL),
        202);
    await("/api/studies/s0/run", "\"running\":false");
    await("/api/studies/s0/jobs?kind=landscape&state=done", "\"subject\":\"pinn/1\"");
    assert_false(has("/api/studies/s0/jobs?kind=landscape", "\"subject\":\"pinn/0\""));
    assert_true(has("/api/studies/s0/run", "\"message\":null"));
}

static void wrong_bodies(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int status;
    } cases[] = {{"[]", 400},
                 {"{", 400},
                 {"{\"threads\": -1}", 400},
                 {"{\"threads\": \"x\"}", 400},
                 {"{\"treads\": 1}", 400},
                 {"{\"max_time_seconds\": -1}", 400},
                 {"{\"add\": \"landscap\"}", 400},
                 {"{\"add\": \"landscape\", \"models\": [\"pinn/7\"]}", 404},
                 {"{\"models\": [\"pinn/0\"]}", 400},
                 {"{\"add\": \"landscape\", \"options\": {\"grid\": \"x\"}}", 400},
                 {"{\"add\": \"landscape\", \"options\": {\"direction\": \"/etc/passwd\"}}", 400},
                 {"{\"add\": \"landscape\", \"options\": []}", 400},
                 {"{\"add\": \"landscape\", \"models\": [[]]}", 400}};
    serve("", "");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status = post("/api/studies/s0/run", cases[i].body, "POST", "\"error\"");
        if (status != cases[i].status)
            fail_msg("%s: got %d, wanted %d", cases[i].body, status, cases[i].status);
    }
    assert_true(has("/api/studies/s0/run", "\"running\":false"));
    assert_int_equal(post("/api/studies/s0/run", NULL, "DELETE", "\"error\""), 409);
}

/* Cancelled like Ctrl-C: what is finished stays, and the next run goes on. */
static void a_run_is_cancelled(void **state)
{
    (void)state;
    char grid[] = "  landscape: {grid: 3x3}\n";
    serve("", grid);
    assert_int_equal(post("/api/studies/s0/run",
                          "{\"threads\": 1, \"add\": \"landscape\", \"models\": [\"pinn/0\"], \"options\": "
                          "{\"grid\": \"301x301\"}}",
                          "POST", NULL),
                     202);
    await("/api/studies/s0/jobs?kind=landscape&state=running", "\"total\":1");
    /* A second one is refused with who writes. */
    assert_int_equal(post("/api/studies/s0/run", "{}", "POST", "process "), 409);
    assert_int_equal(post("/api/studies/s0/run", NULL, "DELETE", NULL), 202);
    await("/api/studies/s0/run", "\"running\":false");
    assert_true(has("/api/studies/s0/jobs?kind=landscape&state=waiting", "\"total\":1"));
    assert_true(has("/api/studies/s0/jobs?kind=landscape&state=done", "\"total\":2"));
}

/* A writer that is not ours is told, and is not ours to end. */
static void another_writer(void **state)
{
    (void)state;
    char path[128];
    ll_store *store;
    serve("", "");
    CHECK_OK(
        ll_store_open(below("tiny.db", path), &(ll_store_options){.access = LL_STORE_WRITE}, &store, error));
    assert_true(has("/api/studies/s0/run", "\"running\":true"));
    assert_true(has("/api/studies/s0/run", "\"here\":false"));
    assert_int_equal(post("/api/studies/s0/run", "{}", "POST", "is writing this study"), 409);
    assert_int_equal(post("/api/studies/s0/run", NULL, "DELETE", "\"error\""), 409);
    ll_store_destroy(store);
}

static void a_study_that_leaves_its_folder(void **state)
{
    (void)state;
    char db[128];
    ll_store *store;
    static const char *const lines[] = {"/etc/passwd",         "~/weights.pt",
                                        "../weights.pt",       "a/../../weights.pt",
                                        "cifar10:/data/cifar", "https://example.org/w.pt"};
    serve("", "");
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char text[1024];
        snprintf(text, sizeof text,
                 "study: tiny\ngroups:\n  - name: a\n    network: resnet20\n    data: '%s'\n    checkpoints: "
                 "['w.pt']\nanalyses:\n  metrics: true\n",
                 lines[i]);
        CHECK_OK(ll_store_open(below("tiny.db", db), &(ll_store_options){.access = LL_STORE_WRITE}, &store,
                               error));
        CHECK_OK(ll_store_set_provenance(store, "study", text, error));
        ll_store_destroy(store);
        assert_int_equal(post("/api/studies/s0/run", "{}", "POST", "the study's folder alone"), 422);
    }
}

/* Weights of 2 models of the study, from one of them, as a file; a group that is trained takes no
 * checkpoints. */
static void checkpoints(void **state)
{
    (void)state;
    static const char *const wrong[] = {"?file=../x.pt", "?file=/etc/x", "?file=.x",           "?file=a%2fb",
                                        "?file=-x",      "?file=",       "?file=x.safetensors"};
    serve("", "");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char target[128];
        snprintf(target, sizeof target, "/api/studies/s0/groups/pinn/checkpoints%s", wrong[i]);
        ll_reply reply = client_ask(ll_server_url(server), "POST", target, "no checkpoint", 13,
                                    "application/octet-stream");
        if (reply.status < 400 || reply.status >= 500) fail_msg("%s: %d", wrong[i], reply.status);
        reply_deinit(&reply);
    }
    assert_int_equal(post("/api/studies/s0/groups/nobody/checkpoints?file=x.pt", "x", "POST", "no group"),
                     404);
    assert_int_equal(post("/api/studies/s0/groups/pinn/checkpoints", "{\"path\": \"../x.pt\"}", "POST",
                          "inside the study's folder"),
                     400);
    assert_int_equal(
        post("/api/studies/s0/groups/pinn/checkpoints", "{\"path\": \"missing.pt\"}", "POST", "no such file"),
        404);
    char path[128];
    assert_int_equal(access(below("x.safetensors", path), F_OK), -1); /* nothing was kept */
}

/* ---------------------------------------------------------------- the confinement itself */

/* What a confined child may do, one bit each. */
static int try_things(const char *inside)
{
    char path[128];
    int result = 0;
    snprintf(path, sizeof path, "%s/made", inside);
    int made = open(path, O_CREAT | O_WRONLY, 0600);
    result |= made >= 0 ? 1 : 0;
    if (made >= 0) (void)unlink(path);
    result |= open("/etc/hostname", O_RDONLY) >= 0 || errno == ENOENT ? 2 : 0;
    result |= open("/root", O_RDONLY | O_DIRECTORY) >= 0 ? 4 : 0;
    result |= open("/tmp/losslens_escaped", O_CREAT | O_WRONLY, 0600) >= 0 ? 8 : 0;
    result |= open("/etc/losslens_escaped", O_CREAT | O_WRONLY, 0600) >= 0 ? 16 : 0;
    result |= socket(AF_INET, SOCK_STREAM, 0) >= 0 ? 32 : 0;
    result |= socket(AF_INET6, SOCK_STREAM, 0) >= 0 ? 64 : 0;
    return result;
}

static void the_system_holds_it(void **state)
{
    (void)state;
    ll_confinement confinement;
    ll_confinement_init(&confinement, folder, program);
    bool landlock = confinement.rules >= 0;
    pid_t pid = fork();
    if (pid == 0) _exit(ll_confine(&confinement) ? try_things(folder) : 255);
    int status = -1;
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    ll_confinement_deinit(&confinement);
    close(confinement.output);
    int got = WEXITSTATUS(status);
    assert_int_not_equal(got, 255);
    assert_int_equal(got & 96, 0); /* no network */
    if (landlock) assert_int_equal(got & 31, 1 | 2);
    else print_message("this kernel has no Landlock: only the network is cut off\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_run_is_started_and_ends, begin, end),
        cmocka_unit_test_setup_teardown(an_analysis_is_added, begin, end),
        cmocka_unit_test_setup_teardown(wrong_bodies, begin, end),
        cmocka_unit_test_setup_teardown(a_run_is_cancelled, begin, end),
        cmocka_unit_test_setup_teardown(another_writer, begin, end),
        cmocka_unit_test_setup_teardown(a_study_that_leaves_its_folder, begin, end),
        cmocka_unit_test_setup_teardown(checkpoints, begin, end),
        cmocka_unit_test_setup_teardown(the_system_holds_it, begin, end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
