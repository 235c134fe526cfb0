#include "server/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- requests */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes in place up to `end`; a '+' is a space in parameters. NULL: malformed, or a NUL or control
 * character inside. */
static char *decode(char *text, const char *end, bool plus)
{
    char *out = text;
    for (const char *c = text; c < end; c++) {
        int value = (unsigned char)*c;
        if (*c == '%') {
            if (end - c < 3 || hex_digit(c[1]) < 0 || hex_digit(c[2]) < 0) return NULL;
            value = 16 * hex_digit(c[1]) + hex_digit(c[2]);
            c += 2;
        } else if (*c == '+' && plus) {
            value = ' ';
        }
        if (value < 0x20 || value == 0x7F) return NULL;
        *out++ = (char)value;
    }
    *out = 0;
    return text;
}

/* Ends the text at `separator` and returns what follows, or NULL. */
static char *cut(char *text, char separator)
{
    char *at = strchr(text, separator);
    if (at != NULL) *at++ = 0;
    return at;
}

/* A slash inside a segment can only come from "%2F": a group's name may hold one. */
static bool parse_path(ll_request *request, char *rest)
{
    while (rest != NULL) {
        char *next = cut(rest, '/');
        if (*rest == 0) return next == NULL; /* "/", or a last slash */
        if (request->segment_count == LL_SEGMENTS || decode(rest, rest + strlen(rest), false) == NULL)
            return false;
        if (strcmp(rest, ".") == 0 || strcmp(rest, "..") == 0) return false;
        request->segments[request->segment_count++] = rest;
        rest = next;
    }
    return true;
}

static bool parse_query(ll_request *request, char *query)
{
    while (query != NULL && *query != 0) {
        char *next = cut(query, '&'), *value = cut(query, '=');
        if (request->parameter_count == LL_PARAMETERS) return false;
        if (decode(query, query + strlen(query), true) == NULL) return false;
        if (value != NULL && decode(value, value + strlen(value), true) == NULL) return false;
        request->parameters[request->parameter_count++] =
            (ll_parameter_text){query, value != NULL ? value : ""};
        query = next;
    }
    return true;
}

bool ll_request_parse(ll_request *request, const char *method, const char *target, int *status,
                      const char **what)
{
    static const char *const methods[] = {"GET", "POST", "DELETE"};
    size_t length = strlen(target);
    int chosen = strcmp(method, "HEAD") == 0 ? LL_GET : 0;
    while (strcmp(method, "HEAD") != 0 && chosen < LL_METHODS && strcmp(method, methods[chosen]) != 0)
        chosen++;
    if (chosen == LL_METHODS) {
        *status = 405;
        *what = "the method is not GET, HEAD, POST or DELETE";
        return false;
    }
    if (length > LL_TARGET_BYTES) {
        *status = 414;
        *what = "the address is too long";
        return false;
    }
    request->method = (ll_method)chosen;
    memcpy(request->storage, target, length + 1);
    char *query = cut(request->storage, '?');
    if (target[0] != '/' || strchr(target, '#') != NULL || !parse_path(request, request->storage + 1) ||
        !parse_query(request, query)) {
        *status = 400;
        *what = "the address is malformed";
        return false;
    }
    return true;
}

const char *ll_request_parameter(const ll_request *request, const char *name)
{
    for (int i = 0; i < request->parameter_count; i++) {
        if (strcmp(request->parameters[i].name, name) == 0) return request->parameters[i].value;
    }
    return NULL;
}

bool ll_parse_decimal(const char *text, int64_t *value)
{
    int64_t made = 0;
    int digits = 0;
    for (; text[digits] >= '0' && text[digits] <= '9' && digits < 16; digits++)
        made = 10 * made + (text[digits] - '0');
    if (digits == 0 || digits > 15 || text[digits] != 0) return false;
    *value = made;
    return true;
}

bool ll_request_integer(const ll_request *request, const char *name, int64_t least, int64_t most,
                        int64_t *value)
{
    const char *text = ll_request_parameter(request, name);
    int64_t made;
    if (text == NULL) return true;
    if (!ll_parse_decimal(text, &made) || made < least || made > most) return false;
    *value = made;
    return true;
}

/* ---------------------------------------------------------------- answers */

void ll_answer_deinit(ll_answer *answer)
{
    for (int64_t i = 0; i < answer->piece_count; i++) {
        if (answer->pieces[i].release != NULL) answer->pieces[i].release(answer->pieces[i].keeper);
    }
    ll_free(answer->pieces);
    ll_text_deinit(&answer->text);
    *answer = (ll_answer){0};
}

void ll_answer_error(ll_answer *answer, int status, const char *what, const char *wanted)
{
    ll_json json = {0};
    ll_answer_deinit(answer);
    ll_json_open(&json, '{');
    ll_json_key(&json, "error");
    ll_json_open(&json, '{');
    ll_json_add_integer(&json, "status", status);
    ll_json_add_text(&json, "what", what);
    ll_json_add_text(&json, "wanted", wanted);
    ll_json_close(&json, '}');
    ll_json_close(&json, '}');
    ll_answer_json(answer, &json);
    answer->status = status;
}

void ll_answer_failure(ll_answer *answer, const ll_error *error)
{
    switch (error->status) {
    case LL_NOT_FOUND: ll_answer_error(answer, 404, error->message, NULL); return;
    case LL_INVALID_ARGUMENT:
    case LL_INVALID_FILE:
    case LL_SHAPE: ll_answer_error(answer, 400, error->message, NULL); return;
    case LL_UNSUPPORTED:
    case LL_NUMERIC: ll_answer_error(answer, 422, error->message, NULL); return;
    case LL_TOO_LARGE: ll_answer_error(answer, 413, error->message, NULL); return;
    case LL_BUSY: ll_answer_error(answer, 409, error->message, NULL); return;
    case LL_OUT_OF_MEMORY: ll_answer_error(answer, 503, "there is not enough memory for this", NULL); return;
    case LL_CANCELLED: ll_answer_error(answer, 503, "the server is ending", NULL); return;
    case LL_OK:
    case LL_IO:
    case LL_NETWORK:
    case LL_INTERNAL: break;
    }
    ll_answer_error(answer, 500, "the server could not do it; its log says why", NULL);
}

void ll_answer_json(ll_answer *answer, ll_json *json)
{
    static const char none[] =
        "{\"error\":{\"status\":503,\"what\":\"there is not enough memory for this\",\"wanted\":null}}";
    ll_text_deinit(&answer->text);
    answer->status = json->text.failed ? 503 : 200;
    answer->content_type = "application/json";
    if (json->text.failed) {
        ll_text_deinit(&json->text);
        (void)ll_answer_add(answer, (ll_piece){.bytes = none, .count = sizeof none - 1});
    } else {
        answer->text = json->text;
    }
    *json = (ll_json){0};
}

bool ll_answer_add(ll_answer *answer, ll_piece piece)
{
    if (answer->piece_count == answer->piece_room) {
        int64_t room = answer->piece_room == 0 ? 8 : 2 * answer->piece_room;
        ll_piece *grown = ll_allocate_array(room, sizeof *grown);
        if (grown == NULL) {
            if (piece.release != NULL) piece.release(piece.keeper);
            return false;
        }
        if (answer->piece_count > 0)
            memcpy(grown, answer->pieces, (size_t)answer->piece_count * sizeof *grown);
        ll_free(answer->pieces);
        answer->pieces = grown;
        answer->piece_room = room;
    }
    answer->pieces[answer->piece_count++] = piece;
    return true;
}

size_t ll_answer_bytes(const ll_answer *answer)
{
    size_t total = answer->text.length;
    for (int64_t i = 0; i < answer->piece_count; i++) total += answer->pieces[i].count;
    return total;
}
