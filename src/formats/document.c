/* YAML by libyaml's events; the tree is our own, because positions and limits are the point. */
#include "formats/internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct ll_document {
    ll_arena *arena;
    const char *place;
    ll_value root;
};

typedef struct builder {
    yaml_parser_t parser;
    ll_arena *arena;
    const ll_format_limits *limits;
    const char *place;
    ll_error *error;
} builder;

static ll_status refuse(builder *b, ll_status status, yaml_mark_t mark, const char *what)
{
    return ll_fail(b->error, status, "formats", b->place, "line %zu, column %zu: %s", mark.line + 1,
                   mark.column + 1, what);
}

static ll_status next_event(builder *b, yaml_event_t *event)
{
    if (yaml_parser_parse(&b->parser, event) != 0) return LL_OK;
    const yaml_parser_t *p = &b->parser;
    if (p->error == YAML_MEMORY_ERROR) return ll_fail_memory(b->error, "formats", 1024);
    if (p->error == YAML_READER_ERROR) {
        return ll_fail(b->error, LL_INVALID_FILE, "formats", b->place, "byte %zu: %s", p->problem_offset,
                       p->problem != NULL ? p->problem : "not readable as text");
    }
    return ll_fail(b->error, LL_INVALID_FILE, "formats", b->place, "line %zu, column %zu: %s%s%s",
                   p->problem_mark.line + 1, p->problem_mark.column + 1,
                   p->problem != NULL ? p->problem : "not YAML", p->context != NULL ? ", " : "",
                   p->context != NULL ? p->context : "");
}

/* ------------------------------------------------------------------ scalars: the core schema */

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (strcmp(text, *words) == 0) return true;
    }
    return false;
}

/* [-+]?[0-9]+ within 64 bits. */
static bool parse_integer(const char *text, int64_t *integer)
{
    const char *at = text + (*text == '-' || *text == '+');
    bool negative = *text == '-';
    int64_t result = 0;
    if (*at == 0) return false;
    for (; *at != 0; at++) {
        if (*at < '0' || *at > '9') return false;
        if (!ll_multiply_int64(result, 10, &result) || __builtin_sub_overflow(result, *at - '0', &result))
            return false;
    }
    if (!negative && result == INT64_MIN) return false;
    *integer = negative ? result : -result;
    return true;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool looks_real(const char *text)
{
    const char *at = text + (*text == '-' || *text == '+');
    size_t whole = strspn(at, "0123456789");
    at += whole;
    size_t fraction = 0;
    if (*at == '.') {
        fraction = strspn(++at, "0123456789");
        at += fraction;
    }
    if (whole == 0 && fraction == 0) return false;
    if (*at == 'e' || *at == 'E') {
        at++;
        at += *at == '-' || *at == '+';
        size_t digits = strspn(at, "0123456789");
        if (digits == 0) return false;
        at += digits;
    }
    return *at == 0;
}

static void resolve(ll_value *value, bool plain)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const trues[] = {"true", "True", "TRUE", NULL}, *const falses[] = {"false", "False",
                                                                                          "FALSE", NULL};
    static const char *const infinities[] = {".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", NULL};
    static const char *const negatives[] = {"-.inf", "-.Inf", "-.INF", NULL}, *const nans[] = {".nan", ".NaN",
                                                                                               ".NAN", NULL};
    const char *text = value->text;
    value->type = LL_VALUE_TEXT;
    if (!plain) return;
    if (is_one_of(text, nulls)) {
        value->type = LL_VALUE_NULL;
    } else if (is_one_of(text, trues) || is_one_of(text, falses)) {
        value->type = LL_VALUE_BOOLEAN;
        value->integer = is_one_of(text, trues);
    } else if (parse_integer(text, &value->integer)) {
        value->type = LL_VALUE_INTEGER;
        value->real = (double)value->integer;
    } else if (looks_real(text)) {
        value->type = LL_VALUE_REAL;
        value->real = strtod(text, NULL);
    } else if (is_one_of(text, infinities) || is_one_of(text, negatives) || is_one_of(text, nans)) {
        value->type = LL_VALUE_REAL;
        value->real = is_one_of(text, nans)        ? (double)NAN
                      : is_one_of(text, negatives) ? (double)-INFINITY
                                                   : (double)INFINITY;
    }
}

/* ------------------------------------------------------------------ containers */

/* Items of unknown number; malloc'd while they grow, then copied into the arena. */
typedef struct growing {
    ll_value *items;
    int64_t count, capacity;
} growing;

static ll_status grow(builder *b, growing *list, ll_value **slot)
{
    if (list->count == list->capacity) {
        int64_t capacity = list->capacity > 0 ? 2 * list->capacity : 8;
        ll_value *grown = realloc(list->items, (size_t)capacity * sizeof *grown);
        if (grown == NULL) return ll_fail_memory(b->error, "formats", (size_t)capacity * sizeof *grown);
        list->items = grown;
        list->capacity = capacity;
    }
    *slot = &list->items[list->count++];
    return LL_OK;
}

static ll_status settle(builder *b, growing *list, const ll_value **items)
{
    ll_value *copy = ll_arena_allocate(b->arena, (size_t)list->count * sizeof *copy);
    if (copy == NULL) return ll_fail_memory(b->error, "formats", (size_t)list->count * sizeof *copy);
    if (list->count > 0) memcpy(copy, list->items, (size_t)list->count * sizeof *copy);
    *items = copy;
    return LL_OK;
}

static ll_status build_value(builder *b, const yaml_event_t *event, int64_t depth, ll_value *value);

static ll_status check_key(builder *b, const growing *keys, const ll_value *key)
{
    yaml_mark_t mark = {.line = (size_t)key->line - 1, .column = (size_t)key->column - 1};
    if (key->text == NULL) return refuse(b, LL_INVALID_FILE, mark, "a key must be a text");
    for (int64_t i = 0; i + 1 < keys->count; i++) {
        if (strcmp(keys->items[i].text, key->text) == 0) {
            char what[200];
            snprintf(what, sizeof what, "key '%.100s' was already given in line %d", key->text,
                     keys->items[i].line);
            return refuse(b, LL_INVALID_FILE, mark, what);
        }
    }
    return LL_OK;
}

static ll_status fill_container(builder *b, bool map, int64_t depth, growing *keys, growing *items)
{
    enum { MOST_KEYS = 10000 }; /* a map is searched in order */
    yaml_event_type_t end = map ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
    for (;;) {
        yaml_event_t event;
        LL_TRY(next_event(b, &event));
        if (event.type == end) {
            yaml_event_delete(&event);
            return LL_OK;
        }
        ll_value *slot = NULL, value = {0};
        ll_status status = build_value(b, &event, depth, &value);
        if (status == LL_OK && map && keys->count == MOST_KEYS) {
            status = refuse(b, LL_TOO_LARGE, event.start_mark, "a map of more than 10000 keys");
        }
        if (status == LL_OK) status = grow(b, map ? keys : items, &slot);
        if (status == LL_OK) {
            *slot = value;
            if (map) {
                slot->type = LL_VALUE_TEXT;
                status = check_key(b, keys, slot);
            }
        }
        yaml_event_delete(&event);
        LL_TRY(status);
        if (!map) continue;
        LL_TRY(next_event(b, &event));
        status = build_value(b, &event, depth, &value);
        yaml_event_delete(&event);
        LL_TRY(status);
        LL_TRY(grow(b, items, &slot));
        *slot = value;
    }
}

static ll_status build_container(builder *b, bool map, int64_t depth, ll_value *value)
{
    growing keys = {0}, items = {0};
    ll_status status = fill_container(b, map, depth, &keys, &items);
    if (status == LL_OK) status = settle(b, &items, &value->items);
    if (status == LL_OK && map) status = settle(b, &keys, &value->keys);
    value->count = items.count;
    free(keys.items);
    free(items.items);
    return status;
}

static ll_status build_value(builder *b, const yaml_event_t *event, int64_t depth, ll_value *value)
{
    ll_value result = {.line = (int)event->start_mark.line + 1, .column = (int)event->start_mark.column + 1};
    const yaml_char_t *anchor = NULL, *tag = NULL;
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
        break;
    case YAML_ALIAS_EVENT:
        return refuse(b, LL_UNSUPPORTED, event->start_mark, "aliases (*name) are not allowed here");
    default: return refuse(b, LL_INVALID_FILE, event->start_mark, "a value is missing");
    }
    if (anchor != NULL)
        return refuse(b, LL_UNSUPPORTED, event->start_mark, "anchors (&name) are not allowed here");
    if (tag != NULL) return refuse(b, LL_UNSUPPORTED, event->start_mark, "tags (!name) are not allowed here");
    if (event->type == YAML_SCALAR_EVENT) {
        size_t length = event->data.scalar.length;
        const char *text = (const char *)event->data.scalar.value;
        if (memchr(text, 0, length) != NULL)
            return refuse(b, LL_INVALID_FILE, event->start_mark, "a text with a zero in it");
        result.text = ll_arena_text(b->arena, text);
        if (result.text == NULL) return ll_fail_memory(b->error, "formats", length);
        resolve(&result, event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE);
    } else {
        if (depth >= b->limits->depth)
            return refuse(b, LL_TOO_LARGE, event->start_mark, "values are nested too deep (depth)");
        bool map = event->type == YAML_MAPPING_START_EVENT;
        result.type = map ? LL_VALUE_MAP : LL_VALUE_LIST;
        LL_TRY(build_container(b, map, depth + 1, &result));
    }
    *value = result;
    return LL_OK;
}

/* ------------------------------------------------------------------ documents */

static ll_status build_document(builder *b, ll_value *root)
{
    bool done = false, any = false;
    while (!done) {
        yaml_event_t event;
        LL_TRY(next_event(b, &event));
        ll_status status = LL_OK;
        if (event.type == YAML_DOCUMENT_START_EVENT && any) {
            status = refuse(b, LL_UNSUPPORTED, event.start_mark, "a second document; one is wanted");
        } else if (event.type == YAML_STREAM_END_EVENT) {
            done = true;
        } else if (event.type != YAML_STREAM_START_EVENT && event.type != YAML_DOCUMENT_START_EVENT &&
                   event.type != YAML_DOCUMENT_END_EVENT) {
            status = build_value(b, &event, 0, root);
            any = true;
        }
        yaml_event_delete(&event);
        LL_TRY(status);
    }
    return LL_OK;
}

ll_status ll_document_parse(const void *bytes, size_t size, const char *place, const ll_format_limits *limits,
                            ll_document **document, ll_error *error)
{
    ll_format_limits defaults = ll_format_limits_default();
    if (limits == NULL) limits = &defaults;
    if (size > (size_t)limits->text_bytes) {
        return ll_fail(error, LL_TOO_LARGE, "formats", place,
                       "a text of %zu bytes is over the limit of %lld (text_bytes)", size,
                       (long long)limits->text_bytes);
    }
    ll_arena *arena = ll_arena_create(1 << 12);
    ll_document *result = arena != NULL ? ll_arena_allocate(arena, sizeof *result) : NULL;
    if (result == NULL) {
        ll_arena_destroy(arena);
        return ll_fail_memory(error, "formats", sizeof *result);
    }
    *result = (ll_document){.arena = arena, .place = ll_arena_text(arena, place)};
    builder b = {.arena = arena, .limits = limits, .place = place, .error = error};
    ll_status status = LL_OK;
    if (result->place == NULL || yaml_parser_initialize(&b.parser) == 0) {
        status = ll_fail_memory(error, "formats", 4096);
    } else {
        yaml_parser_set_input_string(&b.parser, bytes, size);
        status = build_document(&b, &result->root);
        yaml_parser_delete(&b.parser);
    }
    if (status != LL_OK) {
        ll_arena_destroy(arena);
        return status;
    }
    *document = result;
    return LL_OK;
}

ll_status ll_document_read(const char *path, const ll_format_limits *limits, ll_document **document,
                           ll_error *error)
{
    ll_file_bytes file = {0};
    LL_TRY(ll_file_map(path, &file, error));
    ll_status status = ll_document_parse(file.bytes, file.size, path, limits, document, error);
    ll_file_unmap(&file);
    return status;
}

const ll_value *ll_document_root(const ll_document *document) { return &document->root; }
const char *ll_document_place(const ll_document *document) { return document->place; }

void ll_document_destroy(ll_document *document)
{
    if (document != NULL) ll_arena_destroy(document->arena);
}

/* ------------------------------------------------------------------ asking */

const char *ll_value_type_name(ll_value_type type)
{
    static const char *const names[] = {"null",   "true or false", "a whole number", "a number",
                                        "a text", "a list",        "a map"};
    return names[type];
}

const ll_value *ll_value_get(const ll_value *map, const char *key)
{
    for (int64_t i = 0; map != NULL && map->type == LL_VALUE_MAP && i < map->count; i++) {
        if (strcmp(map->keys[i].text, key) == 0) return &map->items[i];
    }
    return NULL;
}

ll_status ll_value_check_keys(const ll_value *map, const char *const *keys, int64_t count, const char *place,
                              ll_error *error)
{
    if (map->type != LL_VALUE_MAP) {
        return ll_fail(error, LL_INVALID_FILE, "formats", place,
                       "line %d, column %d: a map is wanted; got %s", map->line, map->column,
                       ll_value_type_name(map->type));
    }
    for (int64_t i = 0; i < map->count; i++) {
        const ll_value *key = &map->keys[i];
        bool known = false;
        for (int64_t k = 0; k < count && !known; k++) known = strcmp(keys[k], key->text) == 0;
        if (known) continue;
        const char *near = ll_nearest_word(key->text, keys, count);
        return ll_fail(error, LL_INVALID_FILE, "formats", place, "line %d, column %d: unknown key '%s'%s%s%s",
                       key->line, key->column, key->text, near != NULL ? "; did you mean '" : "",
                       near != NULL ? near : "", near != NULL ? "'?" : "");
    }
    return LL_OK;
}

static ll_status wrong_type(const ll_value *value, const char *key, const char *wanted, const char *place,
                            ll_error *error)
{
    return ll_fail(error, LL_INVALID_FILE, "formats", place,
                   "line %d, column %d: '%s' is %s%s%s%s; %s is wanted", value->line, value->column, key,
                   ll_value_type_name(value->type), value->text != NULL ? " (" : "",
                   value->text != NULL ? value->text : "", value->text != NULL ? ")" : "", wanted);
}

ll_status ll_value_take_integer(const ll_value *value, const char *key, int64_t least, int64_t most,
                                const char *place, int64_t *integer, ll_error *error)
{
    char wanted[100];
    if (value == NULL) return LL_OK;
    bool whole = value->type == LL_VALUE_REAL && value->real == floor(value->real) &&
                 fabs(value->real) < 0x1p62; /* 1e6 */
    int64_t got = whole ? (int64_t)value->real : value->integer;
    if ((value->type != LL_VALUE_INTEGER && !whole) || got < least || got > most) {
        snprintf(wanted, sizeof wanted, "a whole number from %lld to %lld", (long long)least,
                 (long long)most);
        return wrong_type(value, key, wanted, place, error);
    }
    *integer = got;
    return LL_OK;
}

ll_status ll_value_take_real(const ll_value *value, const char *key, double least, double most,
                             const char *place, double *real, ll_error *error)
{
    char wanted[100];
    if (value == NULL) return LL_OK;
    bool number = value->type == LL_VALUE_REAL || value->type == LL_VALUE_INTEGER;
    if (!number || !(value->real >= least && value->real <= most)) {
        snprintf(wanted, sizeof wanted, "a number from %g to %g", least, most);
        return wrong_type(value, key, wanted, place, error);
    }
    *real = value->real;
    return LL_OK;
}

ll_status ll_value_take_boolean(const ll_value *value, const char *key, const char *place, bool *boolean,
                                ll_error *error)
{
    if (value == NULL) return LL_OK;
    if (value->type != LL_VALUE_BOOLEAN) return wrong_type(value, key, "true or false", place, error);
    *boolean = value->integer != 0;
    return LL_OK;
}

ll_status ll_value_take_text(const ll_value *value, const char *key, const char *place, const char **text,
                             ll_error *error)
{
    if (value == NULL) return LL_OK;
    if (value->text == NULL || value->type == LL_VALUE_NULL)
        return wrong_type(value, key, "a text", place, error);
    *text = value->text;
    return LL_OK;
}
