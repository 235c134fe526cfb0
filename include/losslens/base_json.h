/* losslens/base_json.h - a small JSON writer: commas and nesting are kept by the writer, texts are escaped
 * (control characters, quotes, and '<', '>', '&' so that the output may stand inside HTML), invalid UTF-8
 * becomes U+FFFD, and numbers are the shortest that read back. NaN and infinities, which JSON lacks, become
 * null, or texts on request.
 *
 *     ll_json json = {0};
 *     ll_json_open(&json, '{');
 *     ll_json_key(&json, "minima");
 *     ll_json_integer(&json, 3);
 *     ll_json_close(&json, '}');
 *     if (json.text.failed) ... no memory ...      (errors stick, as in ll_text)
 *     ll_text_deinit(&json.text);
 */
#ifndef LOSSLENS_BASE_JSON_H
#define LOSSLENS_BASE_JSON_H

#include "losslens/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ll_json { /* zero-initialise */
    ll_text text;
    int digits;           /* significant digits of numbers; 0: the shortest that read back */
    bool nonfinite_texts; /* "NaN", "Infinity", "-Infinity" instead of null */
    bool comma;           /* private: the next value needs one in front */
    bool after_key;       /* private: the next value belongs to a key */
} ll_json;

LL_API void ll_json_open(ll_json *json, char bracket);  /* '{' or '[' */
LL_API void ll_json_close(ll_json *json, char bracket); /* '}' or ']' */
LL_API void ll_json_key(ll_json *json, const char *key);
LL_API void ll_json_number(ll_json *json, double value);
LL_API void ll_json_integer(ll_json *json, int64_t value);
LL_API void ll_json_boolean(ll_json *json, bool value);
LL_API void ll_json_null(ll_json *json);
LL_API void ll_json_text(ll_json *json, const char *text);                       /* NULL gives null */
LL_API void ll_json_numbers(ll_json *json, const double *values, int64_t count); /* an array */
/* A value that is JSON already. */
LL_API void ll_json_raw(ll_json *json, const char *value, size_t length);

/* key and value in one call, inside an object */
LL_API void ll_json_add_number(ll_json *json, const char *key, double value);
LL_API void ll_json_add_integer(ll_json *json, const char *key, int64_t value);
LL_API void ll_json_add_boolean(ll_json *json, const char *key, bool value);
LL_API void ll_json_add_text(ll_json *json, const char *key, const char *text);

#ifdef __cplusplus
}
#endif
#endif
