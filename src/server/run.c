/* Runs: the same program as a child process, in the study's folder and confined to it. */
#define _GNU_SOURCE
#include "server/confine.h"
#include "server/internal.h"

#include "losslens/formats.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_SECONDS = 1000000000 };

/* ---------------------------------------------------------------- what a study may name */

bool ll_leaves_folder(const char *text)
{
    bool start = true;
    for (const char *at = text; *at != 0; at++) {
        bool up = at[0] == '.' && at[1] == '.' && (at[2] == 0 || strchr("/\"' ,]}\n", at[2]) != NULL);
        if (start && (*at == '/' || *at == '~' || up)) return true;
        if (*at == '/' && at[1] == '.' && at[2] == '.') return true;
        start = strchr(":=, \"'[{\n\t", *at) != NULL;
    }
    return strstr(text, "://") != NULL;
}

static ll_status check_value(const ll_value *value, ll_error *error)
{
    if (value->type == LL_VALUE_TEXT && ll_leaves_folder(value->text))
        return ll_fail(error, LL_UNSUPPORTED, "server", NULL,
                       "line %d of the study names '%.100s'; a run started here sees the study's folder "
                       "alone: run it with losslens run",
                       value->line, value->text);
    for (int64_t i = 0; i < value->count && (value->type == LL_VALUE_LIST || value->type == LL_VALUE_MAP);
         i++)
        LL_TRY(check_value(&value->items[i], error));
    return LL_OK;
}

ll_status ll_check_study(const ll_source *source, ll_error *error)
{
    ll_store_notes notes;
    LL_TRY(ll_store_list_provenance(source->store, &notes, error));
    const char *text = NULL, *additions = "";
    for (int64_t i = 0; i < notes.count; i++) {
        if (strcmp(notes.notes[i].name, "study") == 0) text = notes.notes[i].value;
        if (strcmp(notes.notes[i].name, "additions") == 0) additions = notes.notes[i].value;
    }
    ll_document *document = NULL;
    ll_status status = text == NULL
                           ? ll_fail(error, LL_UNSUPPORTED, "server", NULL,
                                     "the file does not say what study it is of, so it cannot be continued")
                           : ll_document_parse(text, strlen(text), source->name, NULL, &document, error);
    if (status == LL_OK) status = check_value(ll_document_root(document), error);
    if (status == LL_OK && ll_leaves_folder(additions))
        status = ll_fail(error, LL_UNSUPPORTED, "server", NULL,
                         "what was added to the study names a file outside its folder");
    ll_document_destroy(document);
    ll_store_notes_deinit(&notes);
    return status;
}

/* ---------------------------------------------------------------- the child */

/* Of our own environment only what a computation may need. */
static char **choose_environment(char *memory[64])
{
    static const char *const kept[] = {"PATH=",
                                       "LANG=",
                                       "LC_",
                                       "OMP_",
                                       "OPENBLAS_",
                                       "LOSSLENS_CPU=",
                                       "LOSSLENS_BACKEND=",
                                       "ASAN_OPTIONS=",
                                       "LSAN_OPTIONS=",
                                       "UBSAN_OPTIONS=",
                                       "TSAN_OPTIONS="};
    static char confined[] = "LOSSLENS_CONFINED=1", temporary[] = "TMPDIR=.";
    int count = 0;
    for (char **each = environ; *each != NULL && count < 61; each++) {
        for (size_t k = 0; k < sizeof kept / sizeof kept[0]; k++) {
            if (strncmp(*each, kept[k], strlen(kept[k])) != 0) continue;
            memory[count++] = *each;
            break;
        }
    }
    memory[count++] = confined;
    memory[count++] = temporary;
    memory[count] = NULL;
    return memory;
}

/* Between fork and exec: system calls only. */
static _Noreturn void become(const ll_confinement *confinement, const char *folder, const char *program,
                             char *const *arguments, char *const *environment)
{
    sigset_t none;
    sigemptyset(&none);
    bool good = (folder[0] == 0 || chdir(folder) == 0) && setpgid(0, 0) == 0 &&
                prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && sigprocmask(SIG_SETMASK, &none, NULL) == 0;
    int nothing = open("/dev/null", O_RDONLY);
    good = good && nothing >= 0 && dup2(nothing, 0) == 0;
    if (confinement->output >= 0)
        good = good && dup2(confinement->output, 1) == 1 && dup2(confinement->output, 2) == 2;
    static const int restored[] = {SIGPIPE, SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof restored / sizeof restored[0]; i++)
        good = good && signal(restored[i], SIG_DFL) != SIG_ERR;
    if (good && ll_confine(confinement)) execve(program, arguments, environment);
    _exit(127);
}

static ll_status start_child(ll_server *server, ll_source *source, int64_t threads, double seconds,
                             ll_error *error)
{
    char thread_text[24], seconds_text[32], verb[] = "run", threads_flag[] = "--threads",
                                            time_flag[] = "--max-time";
    char *arguments[8], *environment[64];
    int count = 0;
    union {
        const char *in;
        char *out;
    } program = {server->options.program}; /* execve's types lack a const */
    snprintf(thread_text, sizeof thread_text, "%lld", (long long)threads);
    snprintf(seconds_text, sizeof seconds_text, "%lld", (long long)ceil(seconds));
    arguments[count++] = program.out;
    arguments[count++] = verb;
    arguments[count++] = source->file;
    if (threads > 0) arguments[count++] = threads_flag, arguments[count++] = thread_text;
    if (seconds > 0.0) arguments[count++] = time_flag, arguments[count++] = seconds_text;
    arguments[count] = NULL;
    ll_confinement confinement;
    ll_confinement_init(&confinement, source->folder, server->options.program);
    pid_t pid = fork();
    if (pid == 0)
        become(&confinement, source->folder, server->options.program, arguments,
               choose_environment(environment));
    int code = errno;
    ll_confinement_deinit(&confinement);
    if (pid < 0) {
        if (confinement.output >= 0) close(confinement.output);
        return ll_fail(error, LL_IO, "server", source->name, "no process can be made: %s", strerror(code));
    }
    source->child = (ll_child){.pid = pid, .output = confinement.output, .since = (double)time(NULL)};
    ll_log_line(server->options.log, LL_LOG_INFO, "%s: run started, process %lld", source->name,
                (long long)pid);
    return LL_OK;
}

/* The last line that the child wrote. */
static void read_last_words(ll_child *child)
{
    char text[4096];
    child->message[0] = 0;
    if (child->output < 0) return;
    off_t end = lseek(child->output, 0, SEEK_END),
          from = end > (off_t)sizeof text - 1 ? end - (off_t)sizeof text + 1 : 0;
    ssize_t got = pread(child->output, text, sizeof text - 1, from);
    close(child->output);
    child->output = -1;
    while (got > 0 && (text[got - 1] == '\n' || text[got - 1] == '\r')) got--;
    if (got <= 0) return;
    text[got] = 0;
    const char *line = strrchr(text, '\n');
    snprintf(child->message, sizeof child->message, "%.500s", line != NULL ? line + 1 : text);
}

/* With the source's lock held: notices that the child has ended. */
static void look_after(ll_server *server, ll_source *source, int flags)
{
    int status;
    ll_child *child = &source->child;
    if (child->pid == 0) return;
    pid_t got;
    do got = waitpid(child->pid, &status, flags);
    while (got < 0 && errno == EINTR);
    if (got == 0) return;
    child->pid = 0;
    read_last_words(child);
    bool good = got > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    ll_log_line(server->options.log, LL_LOG_INFO, "%s: run ended%s%s", source->name, good ? "" : ": ",
                good ? "" : child->message);
    if (good) child->message[0] = 0;
}

static int list_sources(ll_server *server, ll_source *sources[LL_SOURCES])
{
    pthread_mutex_lock(&server->mutex);
    int count = server->source_count;
    memcpy(sources, server->sources, sizeof server->sources);
    pthread_mutex_unlock(&server->mutex);
    return count;
}

void ll_run_tick(ll_server *server)
{
    ll_source *sources[LL_SOURCES];
    int count = list_sources(server, sources);
    for (int i = 0; i < count; i++) {
        pthread_mutex_lock(&sources[i]->mutex);
        look_after(server, sources[i], WNOHANG);
        pthread_mutex_unlock(&sources[i]->mutex);
    }
}

void ll_run_end_all(ll_server *server)
{
    for (int i = 0; i < server->source_count; i++) {
        ll_source *source = server->sources[i];
        pthread_mutex_lock(&source->mutex);
        if (source->child.pid > 0) (void)kill(source->child.pid, SIGINT);
        look_after(server, source, 0);
        pthread_mutex_unlock(&source->mutex);
    }
}

/* ---------------------------------------------------------------- routes */

/* A study that can be run; false with an answer. */
static bool can_run(const ll_server *server, const ll_source *source, ll_answer *answer)
{
    if (source->store == NULL) ll_answer_error(answer, 422, "a field is no study and cannot be run", NULL);
    else if (server->options.program == NULL)
        ll_answer_error(answer, 422, "this server cannot start runs", NULL);
    else return true;
    return false;
}

void ll_handle_run_state(ll_server *server, ll_source *source, const ll_request *request, ll_answer *answer)
{
    (void)server, (void)request;
    ll_study_state state = {0};
    ll_error error = {0};
    if (ll_source_state(source, &state, &error) != LL_OK) {
        ll_answer_failure(answer, &error);
        return;
    }
    pthread_mutex_lock(&source->mutex);
    ll_child child = source->child;
    pthread_mutex_unlock(&source->mutex);
    bool running = state.running || child.pid > 0;
    bool here = child.pid > 0 && (!state.running || state.writer.pid == child.pid);
    ll_json json = {0};
    ll_json_open(&json, '{');
    ll_json_add_boolean(&json, "running", running);
    ll_json_add_text(&json, "host", state.running ? state.writer.host : NULL);
    ll_json_key(&json, "pid");
    if (running) ll_json_integer(&json, state.running ? state.writer.pid : child.pid);
    else ll_json_null(&json);
    ll_json_key(&json, "since");
    if (running) ll_json_number(&json, state.running ? state.writer.since : child.since);
    else ll_json_null(&json);
    ll_json_add_boolean(&json, "here", here);
    ll_json_add_text(&json, "message", child.message[0] != 0 ? child.message : NULL);
    ll_json_close(&json, '}');
    ll_answer_json(answer, &json);
}

static void busy(ll_answer *answer, const char *host, int64_t pid)
{
    char what[400];
    snprintf(what, sizeof what, "process %lld on %.256s is writing this study", (long long)pid, host);
    ll_answer_error(answer, 409, what, "wait for its end, or end it");
}

static bool is_stopping(ll_server *server)
{
    pthread_mutex_lock(&server->mutex);
    bool stopping = server->stopping;
    pthread_mutex_unlock(&server->mutex);
    return stopping;
}

/* Starts a run unless one is there. */
static void start(ll_server *server, ll_source *source, int64_t threads, double seconds, ll_answer *answer)
{
    ll_error error = {0};
    ll_store_writer writer;
    ll_status status = ll_check_study(source, &error);
    if (status == LL_OK) status = ll_store_current_writer(source->store, &writer, &error);
    pthread_mutex_lock(&source->mutex);
    look_after(server, source, WNOHANG);
    bool taken = status == LL_OK && (writer.held || source->child.pid > 0);
    int64_t pid = taken && writer.held ? writer.pid : source->child.pid;
    if (status == LL_OK && !taken && is_stopping(server))
        status = ll_fail(&error, LL_CANCELLED, "server", NULL, "the server is ending");
    if (status == LL_OK && !taken) status = start_child(server, source, threads, seconds, &error);
    pthread_mutex_unlock(&source->mutex);
    if (taken) busy(answer, writer.held ? writer.host : "this machine", pid);
    else if (status != LL_OK) ll_answer_failure(answer, &error);
    else ll_handle_run_state(server, source, NULL, answer);
    if (answer->status == 200) answer->status = 202;
}

void ll_handle_run(ll_server *server, ll_source *source, const ll_request *request, ll_answer *answer)
{
    static const char *const keys[] = {"threads", "max_time_seconds", "add", "models", "options"};
    ll_document *document = NULL;
    ll_error error = {0};
    int64_t threads = 0;
    double seconds = 0.0;
    const char *body = request->body != NULL ? request->body : "{}";
    if (!can_run(server, source, answer)) return;
    ll_status status = ll_document_parse(body, strlen(body), "body", NULL, &document, &error);
    const ll_value *root = status == LL_OK ? ll_document_root(document) : NULL;
    if (status == LL_OK && (root == NULL || root->type != LL_VALUE_MAP))
        status = ll_fail(&error, LL_INVALID_ARGUMENT, "server", NULL, "the body is no JSON object");
    if (status == LL_OK) status = ll_value_check_keys(root, keys, 5, "body", &error);
    if (status == LL_OK)
        status = ll_value_take_integer(ll_value_get(root, "threads"), "threads", 0, 1024, "body", &threads,
                                       &error);
    if (status == LL_OK)
        status = ll_value_take_real(ll_value_get(root, "max_time_seconds"), "max_time_seconds", 0,
                                    MOST_SECONDS, "body", &seconds, &error);
    if (status == LL_OK) status = ll_add_analysis(source, root, &error);
    if (status != LL_OK) ll_answer_failure(answer, &error);
    else start(server, source, threads, seconds, answer);
    ll_document_destroy(document);
}

void ll_handle_cancel(ll_server *server, ll_source *source, const ll_request *request, ll_answer *answer)
{
    (void)request;
    if (!can_run(server, source, answer)) return;
    pthread_mutex_lock(&source->mutex);
    look_after(server, source, WNOHANG);
    bool ours = source->child.pid > 0;
    if (ours) (void)kill(source->child.pid, SIGINT);
    pthread_mutex_unlock(&source->mutex);
    ll_handle_run_state(server, source, NULL, answer);
    if (ours && answer->status == 200) answer->status = 202;
    else if (answer->status == 200)
        ll_answer_error(answer, 409, "no run that this server started is going on", NULL);
}
