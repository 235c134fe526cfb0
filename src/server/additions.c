/* What is added to a study over HTTP: analyses and checkpoints. The study file is written for a moment, in
 * this process. */
#define _GNU_SOURCE
#include "server/internal.h"

#include "losslens/formats.h"
#include "losslens/study.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_MODELS = 4096, MOST_OPTIONS = 64 };

static ll_status add(const ll_source *source, const ll_study_addition *addition, ll_error *error)
{
    ll_store *store;
    LL_TRY(ll_check_study(source, error));
    LL_TRY(ll_store_open(ll_store_path(source->store), &(ll_store_options){.access = LL_STORE_WRITE}, &store,
                         error));
    ll_status status = ll_study_add(store, addition, error);
    ll_store_destroy(store);
    return status;
}

/* ---------------------------------------------------------------- analyses */

static ll_status take_text(const ll_value *value, const char *what, const char **text, ll_error *error)
{
    LL_TRY(ll_value_take_text(value, what, "body", text, error));
    if (*text == NULL || ll_leaves_folder(*text))
        return ll_fail(error, LL_INVALID_ARGUMENT, "server", NULL,
                       "%s names something outside the study's folder", what);
    return LL_OK;
}

ll_status ll_add_analysis(const ll_source *source, const ll_value *body, ll_error *error)
{
    const ll_value *models = ll_value_get(body, "models"), *options = ll_value_get(body, "options");
    ll_study_addition addition = {0};
    if (ll_value_get(body, "add") == NULL) {
        if (models == NULL && options == NULL) return LL_OK;
        return ll_fail(error, LL_INVALID_ARGUMENT, "server", NULL, "models and options come with add");
    }
    LL_TRY(take_text(ll_value_get(body, "add"), "add", &addition.analysis, error));
    if ((models != NULL && (models->type != LL_VALUE_LIST || models->count > MOST_MODELS)) ||
        (options != NULL && (options->type != LL_VALUE_MAP || options->count > MOST_OPTIONS)))
        return ll_fail(error, LL_INVALID_ARGUMENT, "server", NULL,
                       "models is a list of names, options an object of texts");
    ll_arena *memory = ll_arena_create(0);
    int64_t model_count = models != NULL ? models->count : 0,
            option_count = options != NULL ? options->count : 0;
    const char **names =
        memory != NULL ? ll_arena_allocate(memory, (size_t)(model_count + 1) * sizeof *names) : NULL;
    ll_study_setting *settings =
        memory != NULL ? ll_arena_allocate(memory, (size_t)(option_count + 1) * sizeof *settings) : NULL;
    ll_status status = names != NULL && settings != NULL ? LL_OK : ll_fail_memory(error, "server", 4096);
    for (int64_t i = 0; i < model_count && status == LL_OK; i++)
        status = take_text(&models->items[i], "models", &names[i], error);
    for (int64_t i = 0; i < option_count && status == LL_OK; i++) {
        settings[i].key = options->keys[i].text;
        status = take_text(&options->items[i], "options", &settings[i].value, error);
    }
    addition.models = names;
    addition.model_count = model_count;
    addition.option = settings;
    addition.options = option_count;
    if (status == LL_OK) status = add(source, &addition, error);
    ll_arena_destroy(memory);
    return status;
}

/* ---------------------------------------------------------------- checkpoints */

/* A name that is no more than a name. */
static bool is_plain(const char *name)
{
    static const char *const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t length = strlen(name);
    return length > 0 && length <= 128 && strspn(name, letters) == length && name[0] != '.' && name[0] != '-';
}

/* Below the study's folder, links followed. */
static ll_status check_inside(const ll_source *source, const char *path, ll_error *error)
{
    char joined[PATH_MAX], *folder = realpath(source->folder[0] != 0 ? source->folder : ".", NULL),
                           *file = NULL;
    if (snprintf(joined, sizeof joined, "%s/%s", folder != NULL ? folder : ".", path) < (int)sizeof joined)
        file = realpath(joined, NULL);
    size_t length = folder != NULL ? strlen(folder) : 0;
    bool inside = folder != NULL && file != NULL && strncmp(file, folder, length) == 0 &&
                  (file[length] == '/' || length == 1);
    bool there = file != NULL;
    free(folder);
    free(file);
    if (!there) return ll_fail(error, LL_NOT_FOUND, "server", NULL, "the study's folder has no such file");
    return inside ? LL_OK
                  : ll_fail(error, LL_INVALID_ARGUMENT, "server", NULL,
                            "the file is outside the study's folder");
}

/* The bytes as a new file of the study's folder; only what reads as a checkpoint is kept. */
static ll_status keep_bytes(const ll_source *source, const char *name, const void *bytes, size_t count,
                            ll_error *error)
{
    char path[PATH_MAX];
    ll_tensor_file *file = NULL;
    if (!is_plain(name))
        return ll_fail(error, LL_INVALID_ARGUMENT, "server", NULL,
                       "wanted ?file= with a plain name of letters, digits, '.', '_' and '-'");
    if (snprintf(path, sizeof path, "%s%s%s", source->folder, source->folder[0] != 0 ? "/" : "", name) >=
        (int)sizeof path)
        return ll_fail(error, LL_TOO_LARGE, "server", NULL, "the file's path is too long");
    if (access(path, F_OK) == 0)
        return ll_fail(error, LL_BUSY, "server", NULL, "the study's folder has a file of that name already");
    LL_TRY(ll_tensor_file_parse(bytes, count, name, NULL, &file, error));
    ll_tensor_file_destroy(file);
    return ll_file_write(path, bytes, count, error);
}

static void drop_bytes(const ll_source *source, const char *name)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s%s%s", source->folder, source->folder[0] != 0 ? "/" : "", name) <
        (int)sizeof path)
        (void)unlink(path);
}

static ll_status member_names(const ll_source *source, const char *group, ll_text *names, ll_error *error)
{
    ll_study *study;
    LL_TRY(ll_study_of_store(source->store, &study, error));
    ll_status status = ll_study_member_names(study, group, names, error);
    ll_study_destroy(study);
    return status;
}

/* The lines of `after` that `before` lacks. */
static void answer_new(const char *before, const char *after, ll_answer *answer)
{
    ll_json json = {0};
    ll_json_open(&json, '{');
    ll_json_key(&json, "models");
    ll_json_open(&json, '[');
    for (const char *line = after; *line != 0;) {
        size_t length = strcspn(line, "\n");
        bool known = false;
        for (const char *old = before; *old != 0 && !known;) {
            size_t old_length = strcspn(old, "\n");
            known = old_length == length && strncmp(old, line, length) == 0;
            old += old_length + (old[old_length] == '\n');
        }
        char name[512];
        snprintf(name, sizeof name, "%.*s", (int)(length < 500 ? length : 500), line);
        if (!known) ll_json_text(&json, name);
        line += length + (line[length] == '\n');
    }
    ll_json_close(&json, ']');
    ll_json_close(&json, '}');
    ll_answer_json(answer, &json);
    if (answer->status == 200) answer->status = 201;
}

/* {"path": "runs/late.pt"} */
static ll_status take_path(const ll_request *request, ll_document **document, const char **path,
                           ll_error *error)
{
    static const char *const keys[] = {"path"};
    const char *body = request->body != NULL ? request->body : "";
    if (request->body_bytes > LL_JSON_BODY_BYTES)
        return ll_fail(error, LL_TOO_LARGE, "server", NULL, "the body is too large");
    LL_TRY(ll_document_parse(body, strlen(body), "body", NULL, document, error));
    LL_TRY(ll_value_check_keys(ll_document_root(*document), keys, 1, "body", error));
    LL_TRY(
        ll_value_take_text(ll_value_get(ll_document_root(*document), "path"), "path", "body", path, error));
    if (*path == NULL || (*path)[0] == 0 || ll_leaves_folder(*path))
        return ll_fail(error, LL_INVALID_ARGUMENT, "server", NULL,
                       "wanted ?file= with the bytes, or a path inside the study's folder");
    return LL_OK;
}

void ll_handle_checkpoint(ll_server *server, ll_source *source, const ll_request *request, ll_answer *answer)
{
    (void)server;
    const char *group = request->segments[4], *name = ll_request_parameter(request, "file"), *path = name;
    ll_document *document = NULL;
    ll_error error = {0};
    ll_text before = {0}, after = {0};
    bool written = false;
    if (source->store == NULL) {
        ll_answer_error(answer, 422, "a field has no groups", NULL);
        return;
    }
    ll_status status = member_names(source, group, &before, &error);
    if (status == LL_OK && name != NULL) {
        status =
            keep_bytes(source, name, request->body != NULL ? request->body : "", request->body_bytes, &error);
        written = status == LL_OK;
    } else if (status == LL_OK) {
        status = take_path(request, &document, &path, &error);
        if (status == LL_OK) status = check_inside(source, path, &error);
    }
    if (status == LL_OK)
        status =
            add(source, &(ll_study_addition){.group = group, .checkpoints = &path, .checkpoint_count = 1},
                &error);
    if (status == LL_OK) status = member_names(source, group, &after, &error);
    else if (written) drop_bytes(source, name);
    if (status != LL_OK) ll_answer_failure(answer, &error);
    else answer_new(before.text != NULL ? before.text : "", after.text != NULL ? after.text : "", answer);
    ll_document_destroy(document);
    ll_text_deinit(&before);
    ll_text_deinit(&after);
}
