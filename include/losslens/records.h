/* losslens/records.h - results as plain, self-describing data, and the sink that takes them.
 *
 * A record is a named list of fields, each with a name, a unit and a value: integer, real, text, or an
 * array of numbers with a shape. One form serves every analysis, so that the store, the export, the
 * figures and the HTTP API each handle any result with one piece of code. What fields a kind of record
 * has is written in docs/records.md.
 */
#ifndef LOSSLENS_RECORDS_H
#define LOSSLENS_RECORDS_H

#include "losslens/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define LL_RECORD_SCHEMA 1 /* rises when a field changes its meaning */
#define LL_MAX_RANK 8

/* Element types of arrays anywhere in losslens. */
#define LL_DTYPE_LIST(X)                                                                                     \
    X(FLOAT32, "float32", 4)                                                                                 \
    X(FLOAT64, "float64", 8)                                                                                 \
    X(INT32, "int32", 4)                                                                                     \
    X(INT64, "int64", 8)                                                                                     \
    X(UINT8, "uint8", 1)                                                                                     \
    X(BOOL, "bool", 1)

typedef enum ll_array_type {
#define LL_DTYPE_ENUM(name, text, bytes) LL_ARRAY_##name,
    LL_DTYPE_LIST(LL_DTYPE_ENUM)
#undef LL_DTYPE_ENUM
        LL_ARRAY_TYPES
} ll_array_type;
LL_API const char *ll_array_type_name(ll_array_type type);
LL_API size_t ll_array_type_bytes(ll_array_type type);
LL_API bool ll_array_type_parse(const char *name, ll_array_type *type);

/* A dense array in C order (last axis fastest). Plain view: who owns `data` is said where it is used. */
typedef struct ll_array {
    ll_array_type type;
    int rank; /* 0..LL_MAX_RANK */
    int64_t shape[LL_MAX_RANK];
    void *data;
} ll_array;
LL_API int64_t ll_array_count(const ll_array *array);
LL_API size_t ll_array_bytes(const ll_array *array);
/* Element i (flat index) as a double; integers beyond 2^53 are rounded. */
LL_API double ll_array_get(const ll_array *array, int64_t index);
/* Owned array with uninitialised data; free data with ll_array_deinit. */
LL_API ll_status ll_array_init(ll_array *array, ll_array_type type, int rank, const int64_t *shape,
                               ll_error *error) LL_MUST_CHECK;
LL_API void ll_array_deinit(ll_array *array); /* frees data */

typedef enum ll_field_type { LL_FIELD_INTEGER, LL_FIELD_REAL, LL_FIELD_TEXT, LL_FIELD_ARRAY } ll_field_type;

typedef struct ll_field {
    const char *name; /* whole words, lower case, underscores: "top_eigenvalue" */
    const char *unit; /* "" for a pure number; "percent", "seconds", "loss", ... */
    ll_field_type type;
    int64_t integer;
    double real;
    const char *text;
    ll_array array;
} ll_field;

typedef struct ll_record ll_record;

/* kind: "landscape", "eigenpairs", "curve" ... (copied). NULL on no memory. */
LL_API ll_record *ll_record_create(const char *kind);
LL_API void ll_record_destroy(ll_record *record);
LL_API ll_status ll_record_copy(const ll_record *record, ll_record **copy, ll_error *error) LL_MUST_CHECK;
LL_API const char *ll_record_kind(const ll_record *record);
LL_API int ll_record_schema(const ll_record *record);

/* Setting a name again replaces its value and keeps its place. Texts and array data are copied;
 * take_array takes over array->data (from ll_allocate) on success and zeroes *array. */
LL_API ll_status ll_record_set_integer(ll_record *record, const char *name, const char *unit, int64_t value,
                                       ll_error *error) LL_MUST_CHECK;
LL_API ll_status ll_record_set_real(ll_record *record, const char *name, const char *unit, double value,
                                    ll_error *error) LL_MUST_CHECK;
LL_API ll_status ll_record_set_text(ll_record *record, const char *name, const char *value,
                                    ll_error *error) LL_MUST_CHECK;
LL_API ll_status ll_record_set_array(ll_record *record, const char *name, const char *unit,
                                     const ll_array *array, ll_error *error) LL_MUST_CHECK;
LL_API ll_status ll_record_take_array(ll_record *record, const char *name, const char *unit, ll_array *array,
                                      ll_error *error) LL_MUST_CHECK;
/* Shorthand: rank-1 float64 array of `count` values. */
LL_API ll_status ll_record_set_reals(ll_record *record, const char *name, const char *unit,
                                     const double *values, int64_t count, ll_error *error) LL_MUST_CHECK;

/* Fields in the order in which they were first set. Views: valid until the record changes. */
LL_API int64_t ll_record_field_count(const ll_record *record);
LL_API const ll_field *ll_record_field_at(const ll_record *record, int64_t index);
LL_API const ll_field *ll_record_find(const ll_record *record, const char *name); /* NULL if absent */
/* Typed access that fails with LL_NOT_FOUND (absent) or LL_INVALID_ARGUMENT (other type) by name. An
 * integer field reads as a real too. */
LL_API ll_status ll_record_get_integer(const ll_record *record, const char *name, int64_t *value,
                                       ll_error *error) LL_MUST_CHECK;
LL_API ll_status ll_record_get_real(const ll_record *record, const char *name, double *value,
                                    ll_error *error) LL_MUST_CHECK;
LL_API ll_status ll_record_get_text(const ll_record *record, const char *name, const char **value,
                                    ll_error *error) LL_MUST_CHECK;
LL_API ll_status ll_record_get_array(const ll_record *record, const char *name, const ll_array **value,
                                     ll_error *error) LL_MUST_CHECK;

/* Canonical bytes: the same record gives the same bytes on every machine (little-endian, fields in
 * order). *bytes is from ll_allocate; the caller frees it. from_bytes checks every length and refuses
 * anything else with the offset. */
LL_API ll_status ll_record_to_bytes(const ll_record *record, void **bytes, size_t *count,
                                    ll_error *error) LL_MUST_CHECK;
LL_API ll_status ll_record_from_bytes(const void *bytes, size_t count, ll_record **record,
                                      ll_error *error) LL_MUST_CHECK;

/* ---------------------------------------------------------------- sink */

/* What a long analysis needs from the world: is this piece done already? here is one more; how far am
 * I; shall I stop? A piece is a tile, a pair, a probe, a Krylov restart, an epoch: at most a minute of
 * work. Piece ids are stable texts within one analysis ("tile/12", "restart/3"). Any member may be
 * NULL. Calls come from one thread at a time. */
typedef struct ll_progress {
    const char *what;       /* "landscape", "eigenpairs" */
    int64_t done, total;    /* pieces or finer steps; total < 0: unknown */
    double value;           /* a number worth showing (residual, loss); NaN: none */
    const char *value_name; /* its name; NULL: none */
} ll_progress;

/* A piece of this name is no finished work: it is a record (ll_record_to_bytes) of what an analysis has so far, for those
 * who look on. Analyses never read it back. */
#define LL_PIECE_SO_FAR "so far"

typedef struct ll_sink {
    void *context;
    /* true: *bytes (from ll_allocate; callee-made, caller frees) holds the finished piece. */
    bool (*find)(void *context, const char *piece, void **bytes, size_t *count);
    /* Takes a copy. A failure stops the analysis with that status. */
    ll_status (*put)(void *context, const char *piece, const void *bytes, size_t count, ll_error *error);
    void (*progress)(void *context, const ll_progress *progress);
    bool (*should_stop)(void *context); /* true: finish the piece in hand and return LL_CANCELLED */
} ll_sink;

/* NULL-safe calls. */
LL_API bool ll_sink_find(const ll_sink *sink, const char *piece, void **bytes, size_t *count);
LL_API ll_status ll_sink_put(const ll_sink *sink, const char *piece, const void *bytes, size_t count,
                             ll_error *error) LL_MUST_CHECK;
LL_API void ll_sink_progress(const ll_sink *sink, const ll_progress *progress);
LL_API bool ll_sink_should_stop(const ll_sink *sink);

/* A part of a larger analysis: its pieces are called prefix + their name ("plane/3/" + "tile/12") in `outer` (may be NULL).
 * The view points into *prefixed, which must outlive it. A name beyond LL_PIECE_NAME is refused. */
#define LL_PIECE_NAME 160 /* bytes of a piece's name, with the 0 at its end */
typedef struct ll_prefixed_sink {
    const ll_sink *outer;
    char prefix[64];
} ll_prefixed_sink;
LL_API ll_sink ll_prefixed_sink_view(ll_prefixed_sink *prefixed);

/* A sink in memory, for tests and for programs that keep nothing: pieces in a table; after
 * `stop_after` puts (< 0: never) should_stop answers true. */
typedef struct ll_memory_sink ll_memory_sink;
LL_API ll_status ll_memory_sink_create(ll_memory_sink **memory, ll_error *error) LL_MUST_CHECK;
LL_API void ll_memory_sink_destroy(ll_memory_sink *memory);
LL_API const ll_sink *ll_memory_sink_view(ll_memory_sink *memory);
LL_API void ll_memory_sink_stop_after(ll_memory_sink *memory, int64_t puts);
LL_API int64_t ll_memory_sink_count(const ll_memory_sink *memory); /* pieces held */

#ifdef __cplusplus
}
#endif
#endif
