/* Settings: a YAML map as a flat, sorted list of keys and texts, each checked against a table of what may be
 * set. One form serves groups, analyses, the command line and the hash of a job's inputs. */
#include "study/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_BYTES = 160, MOST_KEYS = 160, DEEPEST = 4 };

ll_status ll_settings_refuse(const ll_source *source, int line, int column, ll_error *error,
                             const char *format, ...)
{
    char message[600], where[64] = "";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (line > 0) snprintf(where, sizeof where, "line %d, column %d: ", line, column);
    return ll_fail(error, line > 0 ? LL_INVALID_FILE : LL_INVALID_ARGUMENT, LL_STUDY, source->place, "%s%s",
                   where, message);
}

/* ---------------------------------------------------------------- lines */

int64_t ll_lines_count(const char *lines)
{
    if (lines == NULL || lines[0] == 0) return 0;
    int64_t count = 1;
    for (; *lines != 0; lines++) count += *lines == '\n';
    return count;
}

const char *ll_lines_item(const char *lines, int64_t index, char *item, size_t capacity)
{
    for (; index > 0; index--) lines = strchr(lines, '\n') + 1;
    snprintf(item, capacity, "%.*s", (int)strcspn(lines, "\n"), lines);
    return item;
}

const char *ll_lines_join(const char *lines, ll_arena *memory)
{
    size_t length = strlen(lines);
    char *joined = ll_arena_allocate(memory, 2 * length + 1), *to = joined;
    if (joined == NULL) return "";
    for (; *lines != 0; lines++) {
        if (*lines == '\n') {
            *to++ = ',';
            *to++ = ' ';
        } else {
            *to++ = *lines;
        }
    }
    *to = 0;
    return joined;
}

int ll_parse_grid(const char *text, int64_t *size, int most)
{
    int count = 0;
    for (const char *at = text;; at++) {
        char *end;
        long long value = strtoll(at, &end, 10);
        if (end == at || value < 1 || value > 1000000 || count == most) return 0;
        size[count++] = value;
        at = end;
        if (*at == 0) return count;
        if (*at != 'x') return 0;
    }
}

bool ll_parse_range(const char *text, double *low, double *high)
{
    char *end;
    *low = strtod(text, &end);
    if (end == text || *end != ':') return false;
    const char *second = end + 1;
    *high = strtod(second, &end);
    return end != second && *end == 0 && isfinite(*low) && isfinite(*high) && *low < *high;
}

static bool parse_integer(const char *text, int64_t *value)
{
    char *end;
    errno = 0;
    *value = strtoll(text, &end, 10);
    return end != text && *end == 0 && errno == 0;
}

static bool parse_span(const char *text, int64_t *first, int64_t *last)
{
    const char *dots = strstr(text, "..");
    char head[32];
    if (dots == NULL) {
        bool good = parse_integer(text, first);
        *last = *first;
        return good && *first >= 0;
    }
    if (dots - text >= (int)sizeof head) return false;
    snprintf(head, sizeof head, "%.*s", (int)(dots - text), text);
    return parse_integer(head, first) && parse_integer(dots + 2, last) && *first >= 0 && *last >= *first &&
           *last - *first < 100000;
}

ll_status ll_parse_seeds(const char *text, ll_arena *memory, int64_t **seeds, int64_t *count, ll_error *error)
{
    int64_t total = 0, first = 0, last = 0, items = ll_lines_count(text);
    char item[64];
    for (int64_t i = 0; i < items; i++) {
        if (!parse_span(ll_lines_item(text, i, item, sizeof item), &first, &last))
            return ll_fail(error, LL_INVALID_ARGUMENT, LL_STUDY, "seeds",
                           "got \"%s\"; wanted a number, 0..3, or a list", item);
        total += last - first + 1;
    }
    *seeds = ll_arena_allocate(memory, (size_t)(total + 1) * sizeof **seeds);
    if (*seeds == NULL) return ll_fail_memory(error, LL_STUDY, (size_t)total * sizeof **seeds);
    *count = 0;
    for (int64_t i = 0; i < items; i++) {
        (void)parse_span(ll_lines_item(text, i, item, sizeof item), &first, &last);
        for (int64_t seed = first; seed <= last; seed++) (*seeds)[(*count)++] = seed;
    }
    return LL_OK;
}

/* ---------------------------------------------------------------- one value */

static bool in_choices(const char *choices, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = choices; *at != 0;) {
        size_t part = strcspn(at, "|");
        if (part == length && strncmp(at, word, length) == 0) return true;
        at += part + (at[part] == '|');
    }
    return false;
}

/* The nearest of the choices as "; did you mean X?" or "". */
static const char *suggest_choice(const char *choices, const char *word, char *text, size_t capacity)
{
    char copy[512];
    const char *names[64];
    int64_t count = 0;
    snprintf(copy, sizeof copy, "%s", choices);
    for (char *at = copy; *at != 0 && count < 64;) {
        size_t part = strcspn(at, "|");
        names[count++] = at;
        at += part;
        if (*at == '|') *at++ = 0;
    }
    const char *near = ll_nearest_word(word, names, count);
    text[0] = 0;
    if (near != NULL) snprintf(text, capacity, "; did you mean %s?", near);
    return text;
}

static ll_status check_item(const ll_source *source, const ll_setting_row *row, const char *key,
                            const char *item, int line, int column, ll_error *error)
{
    char *end, near[160];
    double number = strtod(item, &end), high;
    int64_t size[6], whole, last;
    bool is_number = end != item && *end == 0 && isfinite(number);
    bool bounded = row->least != 0.0 || row->most != 0.0;
    switch (row->type) {
    case LL_SETTING_TEXT:
    case LL_SETTING_TEXTS:
        if (item[0] == 0) return ll_settings_refuse(source, line, column, error, "%s is empty", key);
        return LL_OK;
    case LL_SETTING_FLAG:
        if (strcmp(item, "true") == 0 || strcmp(item, "false") == 0) return LL_OK;
        return ll_settings_refuse(source, line, column, error, "%s is \"%s\"; wanted true or false", key,
                                  item);
    case LL_SETTING_INTEGER:
        if (!parse_integer(item, &whole))
            return ll_settings_refuse(source, line, column, error, "%s is \"%s\"; wanted a whole number", key,
                                      item);
        break;
    case LL_SETTING_REAL:
    case LL_SETTING_REALS:
        if (!is_number)
            return ll_settings_refuse(source, line, column, error, "%s is \"%s\"; wanted a number", key,
                                      item);
        break;
    case LL_SETTING_CHOICE:
    case LL_SETTING_CHOICES:
        if (in_choices(row->choices, item)) return LL_OK;
        return ll_settings_refuse(source, line, column, error, "%s is \"%s\"; wanted one of %s%s", key, item,
                                  row->choices, suggest_choice(row->choices, item, near, sizeof near));
    case LL_SETTING_GRID:
        if (ll_parse_grid(item, size, 6) > 0) return LL_OK;
        return ll_settings_refuse(source, line, column, error, "%s is \"%s\"; wanted 1 to 6 sizes, as 25x25",
                                  key, item);
    case LL_SETTING_RANGES:
        if (ll_parse_range(item, &number, &high)) return LL_OK;
        return ll_settings_refuse(source, line, column, error,
                                  "%s is \"%s\"; wanted LOW:HIGH with LOW < HIGH", key, item);
    case LL_SETTING_PAIRS:
        if (strcmp(item, "all") == 0) return LL_OK;
        if (strncmp(item, "sample:", 7) == 0 && parse_integer(item + 7, &whole) && whole > 0) return LL_OK;
        if (strncmp(item, "nearest:", 8) == 0 && parse_integer(item + 8, &whole) && whole > 0) return LL_OK;
        return ll_settings_refuse(source, line, column, error,
                                  "%s is \"%s\"; wanted all, sample:K or nearest:K", key, item);
    case LL_SETTING_SEEDS:
        if (parse_span(item, &whole, &last)) return LL_OK;
        return ll_settings_refuse(source, line, column, error,
                                  "%s is \"%s\"; wanted a number, 0..3, or a list", key, item);
    }
    if (bounded && (number < row->least || number > row->most)) {
        char low[LL_NUMBER_TEXT], most[LL_NUMBER_TEXT];
        ll_number_text(row->least, low);
        ll_number_text(row->most, most);
        return ll_settings_refuse(source, line, column, error, "%s is %s; wanted %s to %s", key, item, low,
                                  most);
    }
    return LL_OK;
}

static bool takes_list(ll_setting_type type)
{
    return type == LL_SETTING_TEXTS || type == LL_SETTING_REALS || type == LL_SETTING_CHOICES ||
           type == LL_SETTING_RANGES || type == LL_SETTING_SEEDS;
}

static ll_status check_value(const ll_source *source, const ll_setting_row *row, const char *key,
                             const char *value, int line, int column, ll_error *error)
{
    int64_t items = ll_lines_count(value);
    if (items > 1 && !takes_list(row->type))
        return ll_settings_refuse(source, line, column, error, "%s is a list; wanted one value", key);
    if (items <= 1) return check_item(source, row, key, value, line, column, error);
    char item[4096];
    for (int64_t i = 0; i < items; i++)
        LL_TRY(check_item(source, row, key, ll_lines_item(value, i, item, sizeof item), line, column, error));
    return LL_OK;
}

/* ---------------------------------------------------------------- the list */

const ll_setting_row *ll_setting_row_find(const ll_setting_row *rows, const char *key)
{
    for (; rows->key != NULL; rows++) {
        size_t length = strlen(rows->key);
        bool any = length > 1 && rows->key[length - 1] == '*';
        if (any ? strncmp(rows->key, key, length - 1) == 0 && key[length - 1] != 0
                : strcmp(rows->key, key) == 0)
            return rows;
    }
    return NULL;
}

static ll_status unknown_key(const ll_source *source, const ll_setting_row *rows, const char *key, int line,
                             int column, ll_error *error)
{
    const char *names[MOST_KEYS], *last = strrchr(key, '.');
    int64_t count = 0;
    /* Names at the level of the key: for "train.sedes" those behind "train.". */
    size_t prefix = last != NULL ? (size_t)(last - key) + 1 : 0;
    char seen[MOST_KEYS][KEY_BYTES];
    for (const ll_setting_row *row = rows; row->key != NULL && count < MOST_KEYS; row++) {
        if (strncmp(row->key, key, prefix) != 0) continue;
        snprintf(seen[count], KEY_BYTES, "%.*s", (int)strcspn(row->key + prefix, "."), row->key + prefix);
        if (seen[count][0] == '*' || (count > 0 && strcmp(seen[count], seen[count - 1]) == 0)) continue;
        names[count] = seen[count];
        count++;
    }
    const char *near = ll_nearest_word(key + prefix, names, count);
    if (near != NULL)
        return ll_settings_refuse(source, line, column, error, "unknown key \"%s\"; did you mean \"%s\"?",
                                  key + prefix, near);
    ll_text all = {0};
    for (int64_t i = 0; i < count; i++) ll_text_format(&all, "%s%s", i > 0 ? ", " : "", names[i]);
    ll_status status =
        ll_settings_refuse(source, line, column, error, "unknown key \"%s\"; wanted one of: %s", key + prefix,
                           all.text != NULL ? all.text : "none");
    ll_text_deinit(&all);
    return status;
}

static ll_status grow(ll_settings *settings, ll_arena *memory, ll_error *error)
{
    if (settings->count < settings->capacity) return LL_OK;
    int64_t capacity = settings->capacity > 0 ? 2 * settings->capacity : 16;
    ll_study_setting *item = ll_arena_allocate(memory, (size_t)capacity * sizeof *item);
    int *places = ll_arena_allocate(memory, 2 * (size_t)capacity * sizeof *places);
    if (item == NULL || places == NULL)
        return ll_fail_memory(error, LL_STUDY, (size_t)capacity * sizeof *item);
    if (settings->count > 0) {
        memcpy(item, settings->item, (size_t)settings->count * sizeof *item);
        memcpy(places, settings->line, (size_t)settings->count * sizeof *places);
        memcpy(places + capacity, settings->column, (size_t)settings->count * sizeof *places);
    }
    settings->item = item;
    settings->line = places;
    settings->column = places + capacity;
    settings->capacity = capacity;
    return LL_OK;
}

int64_t ll_settings_find(const ll_settings *settings, const char *key)
{
    for (int64_t i = 0; i < settings->count; i++)
        if (strcmp(settings->item[i].key, key) == 0) return i;
    return -1;
}

ll_status ll_settings_set(ll_settings *settings, const ll_source *source, const ll_setting_row *rows,
                          const char *key, const char *value, int line, int column, ll_error *error)
{
    const ll_setting_row *row = ll_setting_row_find(rows, key);
    if (row == NULL) return unknown_key(source, rows, key, line, column, error);
    LL_TRY(check_value(source, row, key, value, line, column, error));
    const char *kept = ll_arena_text(source->memory, value), *name = ll_arena_text(source->memory, key);
    if (kept == NULL || name == NULL) return ll_fail_memory(error, LL_STUDY, strlen(value));
    int64_t at = ll_settings_find(settings, key);
    if (at < 0) {
        LL_TRY(grow(settings, source->memory, error));
        for (at = settings->count++; at > 0 && strcmp(settings->item[at - 1].key, key) > 0; at--) {
            settings->item[at] = settings->item[at - 1];
            settings->line[at] = settings->line[at - 1];
            settings->column[at] = settings->column[at - 1];
        }
    }
    settings->item[at] = (ll_study_setting){name, kept};
    settings->line[at] = line;
    settings->column[at] = column;
    return LL_OK;
}

ll_status ll_settings_copy(const ll_settings *from, ll_arena *memory, ll_settings *to, ll_error *error)
{
    *to = (ll_settings){0};
    for (int64_t i = 0; i < from->count; i++) {
        LL_TRY(grow(to, memory, error));
        to->item[i] = from->item[i];
        to->line[i] = from->line[i];
        to->column[i] = from->column[i];
        to->count++;
    }
    return LL_OK;
}

/* ---------------------------------------------------------------- from YAML */

static ll_status scalar_text(const ll_source *source, const ll_value *value, const char *key, ll_text *text,
                             ll_error *error)
{
    if (value->type == LL_VALUE_BOOLEAN) {
        ll_text_append(text, value->integer != 0 ? "true" : "false");
        return LL_OK;
    }
    if (value->text == NULL || value->type == LL_VALUE_NULL)
        return ll_settings_refuse(source, value->line, value->column, error, "%s is %s; wanted a value", key,
                                  ll_value_type_name(value->type));
    if (strchr(value->text, '\n') != NULL)
        return ll_settings_refuse(source, value->line, value->column, error,
                                  "%s has several lines; wanted one", key);
    ll_text_append(text, value->text);
    return LL_OK;
}

/* [a, b] -> "a\nb"; [[-1, 1], [0, 2]] -> "-1:1\n0:2". */
static ll_status list_text(const ll_source *source, const ll_value *value, const char *key, int depth,
                           ll_text *text, ll_error *error)
{
    for (int64_t i = 0; i < value->count; i++) {
        const ll_value *item = &value->items[i];
        if (i > 0) ll_text_append(text, depth == 0 ? "\n" : ":");
        if (item->type == LL_VALUE_LIST && depth == 0) LL_TRY(list_text(source, item, key, 1, text, error));
        else LL_TRY(scalar_text(source, item, key, text, error));
    }
    return LL_OK;
}

static ll_status take_one(ll_settings *settings, const ll_source *source, const ll_setting_row *rows,
                          const ll_value *key, const ll_value *value, const char *full, int depth,
                          ll_error *error)
{
    if (value->type == LL_VALUE_MAP) {
        if (depth == DEEPEST)
            return ll_settings_refuse(source, key->line, key->column, error, "%s is nested too deeply", full);
        size_t length = strlen(full);
        bool known = false;
        for (const ll_setting_row *row = rows; row->key != NULL; row++)
            known = known || (strncmp(row->key, full, length) == 0 && row->key[length] == '.');
        if (!known && ll_setting_row_find(rows, full) == NULL)
            return unknown_key(source, rows, full, key->line, key->column, error);
        if (!known)
            return ll_settings_refuse(source, value->line, value->column, error,
                                      "%s is a map; wanted a value", full);
        for (int64_t i = 0; i < value->count; i++) {
            char inner[KEY_BYTES];
            if (snprintf(inner, sizeof inner, "%s.%s", full, value->keys[i].text) >= (int)sizeof inner)
                return ll_settings_refuse(source, value->keys[i].line, value->keys[i].column, error,
                                          "the key is too long");
            LL_TRY(
                take_one(settings, source, rows, &value->keys[i], &value->items[i], inner, depth + 1, error));
        }
        return LL_OK;
    }
    if (ll_setting_row_find(rows, full) == NULL)
        return unknown_key(source, rows, full, key->line, key->column, error);
    ll_text text = {0};
    ll_status status = value->type == LL_VALUE_LIST ? list_text(source, value, full, 0, &text, error)
                                                    : scalar_text(source, value, full, &text, error);
    if (status == LL_OK && text.failed) status = ll_fail_memory(error, LL_STUDY, text.capacity);
    if (status == LL_OK)
        status = ll_settings_set(settings, source, rows, full, text.text != NULL ? text.text : "",
                                 value->line, value->column, error);
    ll_text_deinit(&text);
    return status;
}

ll_status ll_settings_take(ll_settings *settings, const ll_source *source, const ll_setting_row *rows,
                           const ll_value *map, const char *prefix, const char *const *skip, ll_error *error)
{
    for (int64_t i = 0; i < map->count; i++) {
        const char *key = map->keys[i].text;
        bool skipped = false;
        for (const char *const *s = skip; s != NULL && *s != NULL; s++)
            skipped = skipped || strcmp(*s, key) == 0;
        if (skipped) continue;
        char full[KEY_BYTES];
        if (snprintf(full, sizeof full, "%s%s", prefix, key) >= (int)sizeof full)
            return ll_settings_refuse(source, map->keys[i].line, map->keys[i].column, error,
                                      "the key is too long");
        LL_TRY(take_one(settings, source, rows, &map->keys[i], &map->items[i], full, 0, error));
    }
    return LL_OK;
}

/* ---------------------------------------------------------------- reading them */

const char *ll_settings_text(const ll_settings *settings, const ll_setting_row *rows, const char *key,
                             ll_effort effort)
{
    int64_t at = ll_settings_find(settings, key);
    if (at >= 0) return settings->item[at].value;
    const ll_setting_row *row = ll_setting_row_find(rows, key);
    if (row == NULL) return NULL;
    return row->standard[effort] != NULL ? row->standard[effort] : row->standard[0];
}
