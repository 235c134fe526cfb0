/* Files of the web application. */
#define _POSIX_C_SOURCE 200809L
#include "server/internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_FILE_BYTES = 64 << 20 };

static const char no_application[] =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>losslens</title>"
    "<body><h1>losslens</h1><p>The server is running, but the web application's files are not beside the "
    "program. "
    "Name their folder with <code>losslens serve --web FOLDER</code>. The API is below "
    "<code>/api/</code>.</p></body></html>";

static const char *content_type(const char *name)
{
    static const char *const types[][2] = {{".html", "text/html; charset=utf-8"},
                                           {".js", "text/javascript; charset=utf-8"},
                                           {".mjs", "text/javascript; charset=utf-8"},
                                           {".css", "text/css; charset=utf-8"},
                                           {".json", "application/json"},
                                           {".svg", "image/svg+xml"},
                                           {".png", "image/png"},
                                           {".ico", "image/x-icon"},
                                           {".woff2", "font/woff2"},
                                           {".wasm", "application/wasm"},
                                           {".txt", "text/plain; charset=utf-8"},
                                           {".map", "application/json"},
                                           {".webmanifest", "application/manifest+json"}};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot != NULL && i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(dot, types[i][0]) == 0) return types[i][1];
    }
    return "application/octet-stream";
}

/* Opens a file below the folder, step by step; links, hidden names and names with a slash are not followed.
 * -1: none. */
static int open_below(const char *folder, const char *const *segments, int count)
{
    int at = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < count && at >= 0; i++) {
        bool good = segments[i][0] != '.' && strchr(segments[i], '/') == NULL;
        int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (i + 1 < count ? O_DIRECTORY : 0);
        int next = good ? openat(at, segments[i], flags) : -1;
        close(at);
        at = next;
    }
    return at;
}

typedef struct file_of {
    int file;
    size_t size;
} file_of;

static void free_text(void *value)
{
    ll_text_deinit(value);
    ll_free(value);
}

static ll_status read_file(void *context, void **value, size_t *bytes, ll_error *error)
{
    const file_of *of = context;
    char part[65536];
    ssize_t got;
    ll_text *text = ll_allocate_zeroed(sizeof *text);
    if (text == NULL) return ll_fail_memory(error, "server", sizeof *text);
    while ((got = read(of->file, part, sizeof part)) > 0 && text->length <= MOST_FILE_BYTES)
        ll_text_append_bytes(text, part, (size_t)got);
    if (got < 0 || text->failed || text->length > MOST_FILE_BYTES) {
        free_text(text);
        return ll_fail(error, LL_IO, "server", NULL, "a file of the web application cannot be read");
    }
    *value = text;
    *bytes = text->length;
    return LL_OK;
}

static void send_file(ll_server *server, const ll_request *request, int file, const struct stat *about,
                      const char *name, ll_answer *answer)
{
    char key[160];
    void *value, *hold;
    ll_error error = {0};
    file_of of = {file, (size_t)about->st_size};
    snprintf(answer->tag, sizeof answer->tag, "\"%llx-%llx-%llx-%lx\"", (unsigned long long)about->st_ino,
             (unsigned long long)about->st_size, (unsigned long long)about->st_mtim.tv_sec,
             (unsigned long)about->st_mtim.tv_nsec);
    /* Names under assets/ carry a hash of their contents. */
    bool hashed = request->segment_count == 2 && strcmp(request->segments[0], "assets") == 0;
    answer->caching = hashed ? "public, max-age=31536000, immutable" : "no-cache";
    if (request->if_none_match != NULL && strcmp(request->if_none_match, answer->tag) == 0) {
        answer->status = 304;
        return;
    }
    snprintf(key, sizeof key, "file/%s", answer->tag);
    if (ll_cache_get(server->cache, key, read_file, free_text, &of, &value, &hold, &error) != LL_OK) {
        ll_answer_failure(answer, &error);
        return;
    }
    const ll_text *text = value;
    answer->status = 200;
    answer->content_type = content_type(name);
    if (!ll_answer_add(
            answer, (ll_piece){text->text != NULL ? text->text : "", text->length, hold, ll_cache_release}))
        ll_answer_error(answer, 503, "there is not enough memory for this", NULL);
}

void ll_handle_file(ll_server *server, const ll_request *request, ll_answer *answer)
{
    static const char *const index[] = {"index.html"};
    int count = request->segment_count;
    const char *const *segments = request->segments;
    /* An address without a suffix is a place in the application. */
    if (count == 0 || strchr(segments[count - 1], '.') == NULL) {
        count = 1;
        segments = index;
    }
    struct stat about;
    int file = server->options.web != NULL ? open_below(server->options.web, segments, count) : -1;
    if (file >= 0 && fstat(file, &about) == 0 && S_ISREG(about.st_mode)) {
        send_file(server, request, file, &about, segments[count - 1], answer);
    } else if (segments == index) {
        answer->status = 200;
        answer->content_type = "text/html; charset=utf-8";
        if (!ll_answer_add(answer, (ll_piece){.bytes = no_application, .count = sizeof no_application - 1}))
            ll_answer_error(answer, 503, "there is not enough memory for this", NULL);
    } else {
        ll_answer_error(answer, 404, "there is no such file", NULL);
    }
    if (file >= 0) close(file);
}
