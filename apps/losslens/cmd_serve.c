/* losslens serve - studies and fields in the browser. */
#define _GNU_SOURCE
#include "options.h"

#include "losslens/server.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---------------------------------------------------------------- where things are */

static bool own_path(char *path, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", path, size - 1);
    if (length <= 0 || (size_t)length >= size - 1) return false;
    path[length] = 0;
    return true;
}

static bool has_index(const char *folder)
{
    char file[4200];
    snprintf(file, sizeof file, "%s/index.html", folder);
    return access(file, R_OK) == 0;
}

/* --web, LOSSLENS_WEB, share/losslens/web of the installation, the source tree that it was built from. NULL:
 * none. */
static const char *find_web(const char *asked, const char *program, char folder[4096])
{
    const char *named = asked != NULL ? asked : getenv("LOSSLENS_WEB");
    if (named != NULL) return named;
    snprintf(folder, 4096, "%s", program);
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(folder, '/');
        if (slash != NULL) *slash = 0;
    }
    size_t length = strlen(folder);
    snprintf(folder + length, 4096 - length, "/share/losslens/web");
    if (has_index(folder)) return folder;
#ifdef LOSSLENS_WEB_BUILD
    snprintf(folder, 4096, "%s", LOSSLENS_WEB_BUILD);
    if (has_index(folder)) return folder;
#endif
    return NULL;
}

/* ---------------------------------------------------------------- serving */

static void write_log(void *context, ll_log_level level, const char *line)
{
    (void)context, (void)level;
    fprintf(stderr, "%s\n", line);
}

static int wait_for_end(const sigset_t *ends)
{
    int which;
    while (sigwait(ends, &which) != 0) {
    }
    return which;
}

static ll_status serve(const ll_server_options *options, const ll_words *words, ll_error *error)
{
    ll_server *server = NULL;
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGHUP);
    /* Before the threads, which inherit it: they must not take the signals that are waited for here. */
    (void)pthread_sigmask(SIG_BLOCK, &ends, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    LL_TRY(ll_server_create(options, &server, error));
    ll_status status = LL_OK;
    for (int i = 0; i < words->count && status == LL_OK; i++)
        status = ll_server_add(server, words->items[i], error);
    if (status == LL_OK) status = ll_server_start(server, error);
    if (status == LL_OK) {
        if (options->web == NULL)
            fprintf(stderr,
                    "losslens serve: the web application's files were not found; --web names their folder\n");
        printf("%s\n", ll_server_url(server));
        fflush(stdout);
        (void)wait_for_end(&ends);
    }
    ll_server_destroy(server);
    return status;
}

static int run(int argc, char **argv)
{
    const char *host = NULL, *web = NULL;
    int64_t port = 8080, cache = (int64_t)512 << 20, upload = (int64_t)512 << 20, connections = 256;
    double patience = 15.0;
    bool port_given = false, verbose = false, no_run = false;
    const ll_option options[] = {
        {"host", LL_OPTION_TEXT, &host, "ADDRESS",
         "address to listen on; 127.0.0.1 unless told, so that only this machine is served", 0, 0, NULL},
        {"port", LL_OPTION_INTEGER, &port, "N", "port to listen on; 0: a free one", 0, 65535, &port_given},
        {"web", LL_OPTION_TEXT, &web, "DIR", "folder of the web application's built files", 0, 0, NULL},
        {"cache", LL_OPTION_BYTES, &cache, "BYTES", "memory for arrays that may be asked for again", 0, 0,
         NULL},
        {"upload", LL_OPTION_BYTES, &upload, "BYTES", "largest upload", 0, 0, NULL},
        {"connections", LL_OPTION_INTEGER, &connections, "N", "connections at one time", 1, 10000, NULL},
        {"patience", LL_OPTION_REAL, &patience, "SECONDS", "for a slow client, before it is cut off", 0.1,
         3600, NULL},
        {"no-run", LL_OPTION_FLAG, &no_run, NULL, "runs cannot be started", 0, 0, NULL},
        {"verbose", LL_OPTION_FLAG, &verbose, NULL, "a line a request on standard error", 0, 0, NULL},
    };
    const ll_command command = {
        .verb = "serve",
        .usage = "STUDY.db | FIELD ... [options]",
        .about =
            "Shows studies and scalar fields in the browser, until Ctrl-C. The last line of the output is "
            "the address to open; its "
            "token is needed once in each browser. Without --port, 8080 or, if that is taken, a free one.",
        .example = "losslens serve convection.db\nlosslens serve field.npy surface.vti --port 0",
        .options = options,
        .option_count = LL_COUNT(options),
        .least_words = 1,
        .most_words = 32};
    ll_words words;
    int code;
    if (!ll_command_parse(&command, argc, argv, &words, &code)) return code;
    char program[4096], folder[4096];
    ll_error error = {0};
    ll_log log = {.level = verbose ? LL_LOG_VERBOSE : LL_LOG_INFO, .write = write_log};
    if (!own_path(program, sizeof program)) program[0] = 0;
    ll_server_options wanted = {.host = host,
                                .port = (int)port,
                                .web = find_web(web, program, folder),
                                .program = no_run || program[0] == 0 ? NULL : program,
                                .version = LOSSLENS_VERSION,
                                .cache_bytes = (size_t)cache,
                                .upload_bytes = (size_t)upload,
                                .connections = (int)connections,
                                .patience = patience,
                                .log = &log};
    ll_status status = serve(&wanted, &words, &error);
    if (status == LL_NETWORK && !port_given) {
        wanted.port = 0;
        status = serve(&wanted, &words, &error);
    }
    return status == LL_OK ? LL_EXIT_OK : ll_command_failure(&command, &error);
}

const ll_verb ll_verb_serve = {"serve", "show studies and fields in the browser", run};
