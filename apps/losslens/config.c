#include "config.h"

#include "losslens/formats.h"
#include "options.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_ARGUMENTS = 4096 };

static ll_status add(ll_config *config, char *text, ll_error *error)
{
    if (text == NULL) return ll_fail_memory(error, "losslens", 64);
    if (config->argc == MOST_ARGUMENTS) {
        ll_free(text);
        return ll_fail(error, LL_TOO_LARGE, "losslens", "--config", "more than %d options", MOST_ARGUMENTS);
    }
    config->owned[config->argc] = text;
    config->argv[config->argc++] = text;
    return LL_OK;
}

static char *taken(ll_text *text)
{
    char *copy = text->failed || text->text == NULL ? NULL : ll_text_copy(text->text);
    ll_text_deinit(text);
    return copy;
}

/* "--role" for roles, "--file" for "file"; underscores become dashes. */
static char *option_name(const char *key)
{
    static const char *const plurals[][2] = {{"options", "option"}, {"roles", "role"}};
    ll_text text = {0};
    for (int i = 0; i < LL_COUNT(plurals); i++) {
        if (strcmp(key, plurals[i][0]) == 0) key = plurals[i][1];
    }
    ll_text_format(&text, "--%s", key);
    for (size_t i = 0; i < text.length && !text.failed; i++) {
        if (text.text[i] == '_') text.text[i] = '-';
    }
    return taken(&text);
}

static ll_status wrong(const char *path, const ll_value *value, const char *key, ll_error *error)
{
    return ll_fail(error, LL_INVALID_FILE, "losslens", path,
                   "line %d, column %d: %s is %s; wanted a value, a list of values, or a map of values",
                   value->line, value->column, key, ll_value_type_name(value->type));
}

static bool is_scalar(const ll_value *value)
{
    return value->type != LL_VALUE_LIST && value->type != LL_VALUE_MAP;
}

/* A value inside a list or a map: choices of networks are yes and no. */
static const char *inner_text(const ll_value *value)
{
    if (value->type == LL_VALUE_BOOLEAN) return value->integer != 0 ? "yes" : "no";
    return value->type == LL_VALUE_NULL ? "" : value->text;
}

static ll_status joined(const char *path, const char *key, const ll_value *list, char **out, ll_error *error)
{
    ll_text text = {0};
    ll_text_append(&text, "");
    for (int64_t i = 0; i < list->count; i++) {
        if (!is_scalar(&list->items[i])) {
            ll_text_deinit(&text);
            return wrong(path, &list->items[i], key, error);
        }
        ll_text_format(&text, "%s%s", i > 0 ? "," : "", inner_text(&list->items[i]));
    }
    *out = taken(&text);
    return *out != NULL ? LL_OK : ll_fail_memory(error, "losslens", 64);
}

static ll_status add_words(ll_config *config, const char *path, const char *key, const ll_value *value,
                           ll_error *error)
{
    if (is_scalar(value)) return add(config, ll_text_copy(inner_text(value)), error);
    for (int64_t i = 0; i < value->count; i++) {
        if (value->type == LL_VALUE_MAP || !is_scalar(&value->items[i]))
            return wrong(path, value, key, error);
        LL_TRY(add(config, ll_text_copy(inner_text(&value->items[i])), error));
    }
    return LL_OK;
}

static ll_status add_entry(ll_config *config, const char *path, const char *key, const ll_value *value,
                           ll_error *error)
{
    char *text = NULL;
    if (strcmp(key, "file") == 0 || strcmp(key, "files") == 0)
        return add_words(config, path, key, value, error);
    if (value->type == LL_VALUE_NULL || (value->type == LL_VALUE_BOOLEAN && value->integer == 0))
        return LL_OK;
    if (value->type == LL_VALUE_MAP) {
        for (int64_t i = 0; i < value->count; i++) {
            ll_text pair = {0};
            const ll_value *item = &value->items[i];
            char *list = NULL;
            if (item->type == LL_VALUE_MAP) return wrong(path, item, key, error);
            if (item->type == LL_VALUE_LIST) LL_TRY(joined(path, key, item, &list, error));
            ll_text_format(&pair, "%s=%s", value->keys[i].text, list != NULL ? list : inner_text(item));
            ll_free(list);
            LL_TRY(add(config, option_name(key), error));
            LL_TRY(add(config, taken(&pair), error));
        }
        return LL_OK;
    }
    if (value->type == LL_VALUE_LIST) LL_TRY(joined(path, key, value, &text, error));
    ll_status status = add(config, option_name(key), error);
    if (status != LL_OK || value->type == LL_VALUE_BOOLEAN) {
        ll_free(text);
        return status;
    }
    return add(config, text != NULL ? text : ll_text_copy(value->text), error);
}

static ll_status add_file(ll_config *config, const char *path, ll_error *error)
{
    ll_document *document;
    LL_TRY(ll_document_read(path, NULL, &document, error));
    const ll_value *root = ll_document_root(document);
    ll_status status = root->type == LL_VALUE_MAP
                           ? LL_OK
                           : ll_fail(error, LL_INVALID_FILE, "losslens", path,
                                     "holds %s; wanted a map of options", ll_value_type_name(root->type));
    for (int64_t i = 0; status == LL_OK && i < root->count; i++) {
        status = add_entry(config, path, root->keys[i].text, &root->items[i], error);
    }
    ll_document_destroy(document);
    return status;
}

/* The value of --config at argv[*i], or NULL; *i is moved to its last word. */
static const char *config_at(int argc, char **argv, int *i)
{
    static const char name[] = "--config";
    size_t length = sizeof name - 1;
    if (strncmp(argv[*i], name, length) != 0 || (argv[*i][length] != 0 && argv[*i][length] != '='))
        return NULL;
    if (argv[*i][length] == '=') return argv[*i] + length + 1;
    return *i + 1 < argc ? argv[++*i] : "";
}

static ll_status expand(int argc, char **argv, ll_config *config, ll_error *error)
{
    bool options = true;
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *path = config_at(argc, argv, &i);
        if (path == NULL) continue;
        if (*path == 0)
            return ll_fail(error, LL_INVALID_ARGUMENT, "losslens", "--config", "needs a value; wanted FILE");
        LL_TRY(add_file(config, path, error));
    }
    for (int i = 1; i < argc; i++) {
        options = options && strcmp(argv[i], "--") != 0;
        if (options && config_at(argc, argv, &i) != NULL) continue;
        LL_TRY(add(config, ll_text_copy(argv[i]), error));
    }
    return LL_OK;
}

bool ll_config_expand(int argc, char **argv, ll_config *config, int *exit_code)
{
    bool any = false;
    *config = (ll_config){.argc = argc, .argv = argv};
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        any = any || config_at(argc, argv, &i) != NULL;
    if (!any) return true;
    ll_error error = {0};
    ll_config made = {.argv = ll_allocate_zeroed((MOST_ARGUMENTS + 2) * sizeof *made.argv),
                      .owned = ll_allocate_zeroed((MOST_ARGUMENTS + 2) * sizeof *made.owned)};
    ll_status status = made.argv == NULL || made.owned == NULL
                           ? ll_fail_memory(&error, "losslens", MOST_ARGUMENTS)
                           : add(&made, ll_text_copy(argv[0]), &error);
    if (status == LL_OK) status = expand(argc, argv, &made, &error);
    if (status == LL_OK) {
        *config = made;
        return true;
    }
    ll_config_deinit(&made);
    const ll_command command = {.verb = argv[0]};
    *exit_code = ll_command_failure(&command, &error);
    return false;
}

void ll_config_deinit(ll_config *config)
{
    if (config->owned == NULL) return;
    for (char **text = config->owned; *text != NULL; text++) ll_free(*text);
    ll_free(config->owned);
    ll_free(config->argv);
    *config = (ll_config){0};
}
