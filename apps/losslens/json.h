/* json.h - a small JSON writer for the verbs' --json output: commas and nesting are kept by the writer,
 * texts are escaped (control characters, quotes, and '<', '>', '&' so that the output may stand inside HTML),
 * invalid UTF-8 becomes U+FFFD, and numbers are the shortest that read back. NaN and infinities, which
 * JSON lacks, become null.
 *
 *     ll_json json = {0};
 *     ll_json_open(&json, '{');
 *     ll_json_key(&json, "minima");
 *     ll_json_integer(&json, 3);
 *     ll_json_close(&json, '}');
 *     return ll_json_print(&json, stdout);    (adds a newline, frees; false on no memory or a full disk)
 */
#ifndef LOSSLENS_APP_JSON_H
#define LOSSLENS_APP_JSON_H

#include "losslens/base.h"

#include <stdio.h>

typedef struct ll_json {
    ll_text text;
    bool comma;     /* the next value needs one in front */
    bool after_key; /* the next value belongs to a key */
} ll_json;

void ll_json_open(ll_json *json, char bracket); /* '{' or '[' */
void ll_json_close(ll_json *json, char bracket); /* '}' or ']' */
void ll_json_key(ll_json *json, const char *key);
void ll_json_number(ll_json *json, double value);
void ll_json_integer(ll_json *json, int64_t value);
void ll_json_boolean(ll_json *json, bool value);
void ll_json_null(ll_json *json);
void ll_json_text(ll_json *json, const char *text); /* NULL gives null */
void ll_json_numbers(ll_json *json, const double *values, int64_t count); /* an array */
bool ll_json_print(ll_json *json, FILE *file);

/* key and value in one call, inside an object */
void ll_json_add_number(ll_json *json, const char *key, double value);
void ll_json_add_integer(ll_json *json, const char *key, int64_t value);
void ll_json_add_boolean(ll_json *json, const char *key, bool value);
void ll_json_add_text(ll_json *json, const char *key, const char *text);

#endif
