/* http.h - a request and its answer as plain data: what routes see. Nothing here knows sockets, so that the
 * router can be tested and fuzzed alone. */
#ifndef LOSSLENS_SERVER_HTTP_H
#define LOSSLENS_SERVER_HTTP_H

#include "losslens/base_json.h"

/* ---------------------------------------------------------------- requests */

typedef enum ll_method { LL_GET, LL_POST, LL_DELETE, LL_METHODS } ll_method;

enum { LL_TARGET_BYTES = 4096, LL_SEGMENTS = 8, LL_PARAMETERS = 16, LL_JSON_BODY_BYTES = 65536 };

typedef struct ll_parameter_text {
    const char *name, *value;
} ll_parameter_text;

typedef struct ll_request {
    ll_method method;
    char storage[LL_TARGET_BYTES + 1]; /* what the texts below point into */
    int segment_count;                 /* path "/api/studies" has two; "/" none */
    const char *segments[LL_SEGMENTS]; /* decoded; never empty, ".", "..", nor with a NUL */
    int parameter_count;
    ll_parameter_text parameters[LL_PARAMETERS]; /* decoded */
    /* Headers; NULL where absent. They outlive the request's handling. */
    const char *host, *origin, *cookie, *content_type, *fetch_site, *if_none_match;
    char *body; /* from realloc; NULL: none */
    size_t body_bytes;
} ll_request;

/* Method and target ("/api/studies/s0?first=3") into a zeroed request. False, with *status and *what for the
 * answer, for anything but a plain absolute path with well-formed percent-encoding, within the limits above.
 */
bool ll_request_parse(ll_request *request, const char *method, const char *target, int *status,
                      const char **what);
/* Value of a parameter, or NULL. */
const char *ll_request_parameter(const ll_request *request, const char *name);
/* A whole number in a parameter; absent leaves *value. False: it is no number between least and most. */
bool ll_request_integer(const ll_request *request, const char *name, int64_t least, int64_t most,
                        int64_t *value);
/* A decimal number of at most 15 digits, nothing else. */
bool ll_parse_decimal(const char *text, int64_t *value);

/* ---------------------------------------------------------------- answers */

/* Bytes in somebody's keeping: `release(keeper)` when the answer has been sent. */
typedef struct ll_piece {
    const void *bytes;
    size_t count;
    void *keeper;
    void (*release)(void *keeper);
} ll_piece;

typedef struct ll_answer {
    int status;
    const char *content_type; /* a constant */
    ll_text text;             /* first part of the body */
    ll_piece *pieces;         /* further parts; from ll_allocate */
    int64_t piece_count, piece_room;
    void *stream; /* an event stream instead (events.h) */
    char location[64], cookie[256], tag[80], file_name[128], allow[32]; /* headers; "": none */
    const char *caching;                                                /* Cache-Control; NULL: no-store */
} ll_answer;

void ll_answer_deinit(ll_answer *answer);
/* The error body of the API; drops what the answer held. `wanted` may be NULL. */
void ll_answer_error(ll_answer *answer, int status, const char *what, const char *wanted);
/* The same from a failed call: LL_NOT_FOUND is 404, LL_INVALID_* 400 ... Memory and I/O are 500 without their
 * words. */
void ll_answer_failure(ll_answer *answer, const ll_error *error);
/* Takes the writer's text as a JSON body with status 200; out of memory becomes 500. */
void ll_answer_json(ll_answer *answer, ll_json *json);
/* Appends bytes that stay where they are. False on no memory, and then releases them. */
bool ll_answer_add(ll_answer *answer, ll_piece piece);
/* Total bytes of text and pieces. */
size_t ll_answer_bytes(const ll_answer *answer);

#endif
