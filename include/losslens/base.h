/* losslens/base.h - what every other module stands on: status and error, memory,
 * checked integers, text, hashing, the counter-based random generator, clock, log,
 * CPU level.
 *
 * Rules that hold for the whole library:
 *  - every function that can fail returns ll_status and leaves its outputs untouched on failure;
 *  - `ll_error *error` is always the last parameter, may be NULL, and belongs to the caller;
 *  - `create`/`destroy` make and end a handle, `init`/`deinit` the caller's own storage,
 *    `view` borrows, `take` consumes, `copy` makes a new owner; every destroy accepts NULL;
 *  - one handle, one thread, unless the header says otherwise; no mutable globals;
 *  - int64_t for dimensions and counts, size_t for bytes.
 */
#ifndef LOSSLENS_BASE_H
#define LOSSLENS_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define LL_API __attribute__((visibility("default")))
#define LL_PRINTF(format_index, first_argument) __attribute__((format(printf, format_index, first_argument)))
#define LL_MUST_CHECK __attribute__((warn_unused_result))
#else
#define LL_API
#define LL_PRINTF(format_index, first_argument)
#define LL_MUST_CHECK
#endif

/* ------------------------------------------------------------------ status and error */

/* One list gives the enum, the names and the sentences. */
#define LL_STATUS_LIST(X)                                                                                    \
    X(OK, 0, "ok")                                                                                           \
    X(INVALID_ARGUMENT, 1, "invalid argument")                                                               \
    X(INVALID_FILE, 2, "invalid file")                                                                       \
    X(UNSUPPORTED, 3, "not supported")                                                                       \
    X(OUT_OF_MEMORY, 4, "out of memory")                                                                     \
    X(TOO_LARGE, 5, "over a limit")                                                                          \
    X(IO, 6, "input/output error")                                                                           \
    X(NOT_FOUND, 7, "not found")                                                                             \
    X(BUSY, 8, "in use elsewhere")                                                                           \
    X(CANCELLED, 9, "cancelled")                                                                             \
    X(NETWORK, 10, "network error")                                                                          \
    X(SHAPE, 11, "shapes do not fit")                                                                        \
    X(NUMERIC, 12, "numerical failure")                                                                      \
    X(INTERNAL, 13, "internal error")

typedef enum ll_status {
#define LL_STATUS_ENUM(name, value, text) LL_##name = value,
    LL_STATUS_LIST(LL_STATUS_ENUM)
#undef LL_STATUS_ENUM
} ll_status;

/* Name of a status ("INVALID_FILE"), and a few plain words. Never NULL. */
LL_API const char *ll_status_name(ll_status status);
LL_API const char *ll_status_text(ll_status status);

/* What went wrong, for a person: which module, at what place (file, line, node, key ...),
 * and a message that says what was wrong, what was got and what was wanted. */
typedef struct ll_error {
    ll_status status;
    char module[24];
    char place[232];
    char message[768];
} ll_error;

/* Fills *error (when not NULL) and returns `status`, so that a function can end with
 * `return ll_fail(...)`. `place` may be NULL. Overlong text is cut at a character, with "...". */
LL_API ll_status ll_fail(ll_error *error, ll_status status, const char *module, const char *place,
                         const char *format, ...) LL_PRINTF(5, 6);

/* Puts "context: " in front of the message; for a caller that knows more than the callee. */
LL_API void ll_error_prefix(ll_error *error, const char *format, ...) LL_PRINTF(2, 3);

/* Shorthand for the most frequent failure; names the byte count that was wanted. */
LL_API ll_status ll_fail_memory(ll_error *error, const char *module, size_t bytes);

/* What the static analyser cannot see from a call: that these return what they are given, which is no LL_OK. */
#if defined(__clang_analyzer__)
#define ll_fail(error, status, ...) ((void)ll_fail((error), (status), __VA_ARGS__), (status))
#define ll_fail_memory(error, module, bytes)                                                                 \
    ((void)ll_fail_memory((error), (module), (bytes)), LL_OUT_OF_MEMORY)
#endif

/* Propagates a failure: `LL_TRY(call(..., error));` */
#define LL_TRY(expression)                                                                                   \
    do {                                                                                                     \
        ll_status ll_try_status_ = (expression);                                                             \
        if (ll_try_status_ != LL_OK) return ll_try_status_;                                                  \
    } while (0)

/* ------------------------------------------------------------------ checked integers */

static inline bool ll_add_size(size_t a, size_t b, size_t *sum) { return !__builtin_add_overflow(a, b, sum); }
static inline bool ll_multiply_size(size_t a, size_t b, size_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}
static inline bool ll_add_int64(int64_t a, int64_t b, int64_t *sum)
{
    return !__builtin_add_overflow(a, b, sum);
}
static inline bool ll_multiply_int64(int64_t a, int64_t b, int64_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}
/* Product of `rank` extents; false on overflow or on a negative extent. rank 0 gives 1. */
LL_API bool ll_shape_count(const int64_t *shape, int rank, int64_t *count);

static inline int64_t ll_min_int64(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t ll_max_int64(int64_t a, int64_t b) { return a > b ? a : b; }

/* ------------------------------------------------------------------ memory */

#define LL_ALIGNMENT 64 /* of every block from here; a cache line and an AVX-512 register */

/* 64-byte-aligned memory, uninitialised or zeroed; NULL when there is none. bytes = 0 gives a
 * valid unique block. ll_allocate_array checks the product. Free with ll_free (NULL is fine). */
LL_API void *ll_allocate(size_t bytes);
LL_API void *ll_allocate_zeroed(size_t bytes);
LL_API void *ll_allocate_array(int64_t count, size_t element_bytes);
LL_API void ll_free(void *block);
LL_API char *ll_text_copy(const char *text); /* NULL on no memory or for NULL */

/* Arena: what dies together. Blocks are 64-byte aligned; memory comes in growing chunks. */
typedef struct ll_arena ll_arena;
LL_API ll_arena *ll_arena_create(size_t first_chunk_bytes);    /* NULL on no memory */
LL_API void *ll_arena_allocate(ll_arena *arena, size_t bytes); /* NULL on no memory; not zeroed */
LL_API char *ll_arena_text(ll_arena *arena, const char *text);
LL_API void ll_arena_reset(ll_arena *arena);         /* keeps the largest chunk for reuse */
LL_API size_t ll_arena_bytes(const ll_arena *arena); /* handed out since creation or reset */
LL_API void ll_arena_destroy(ll_arena *arena);

/* ------------------------------------------------------------------ text */

/* Growing text (or bytes). Errors stick: after a failed growth every append is a no-op and
 * `failed` is set, so that a writer checks once, at the end. text is always 0-terminated
 * (and never NULL after the first successful append). Zero-initialise; end with deinit. */
typedef struct ll_text {
    char *text;
    size_t length, capacity;
    bool failed;
} ll_text;
LL_API void ll_text_append(ll_text *text, const char *string);
LL_API void ll_text_append_bytes(ll_text *text, const void *bytes, size_t count);
LL_API void ll_text_format(ll_text *text, const char *format, ...) LL_PRINTF(2, 3);
LL_API void ll_text_deinit(ll_text *text);

/* Shortest decimal text that reads back as the same value ("0.1", "1e-05", "nan", "-inf").
 * buffer has room for LL_NUMBER_TEXT bytes. Independent of the locale. Returns the length. */
#define LL_NUMBER_TEXT 40
LL_API int ll_number_text(double value, char buffer[LL_NUMBER_TEXT]);
/* The same with `digits` (1 to 17) significant digits, as printf's %.*g rounds and writes them, in a tenth of its time for
 * numbers of usual size. */
LL_API int ll_number_digits(double value, int digits, char buffer[LL_NUMBER_TEXT]);

/* The candidate closest to `word` by edit distance (for "did you mean"), or NULL when none is
 * near (more than a third of the letters differ). candidates: count names. Cost O(count |w|^2). */
LL_API const char *ll_nearest_word(const char *word, const char *const *candidates, int64_t count);

/* Natural order of file names: "epoch_9" before "epoch_10". <0, 0, >0 as strcmp. */
LL_API int ll_natural_compare(const char *a, const char *b);

/* ------------------------------------------------------------------ hashing */

/* 128-bit XXH3, for identity of contents (not against forgery). */
typedef struct ll_hash {
    uint64_t high, low;
} ll_hash;
LL_API ll_hash ll_hash_bytes(const void *bytes, size_t count);
LL_API bool ll_hash_equal(ll_hash a, ll_hash b);
LL_API void ll_hash_text(ll_hash hash, char text[33]); /* 32 hexadecimal digits and 0 */

typedef struct ll_hasher ll_hasher;       /* streaming; same value as ll_hash_bytes of the whole */
LL_API ll_hasher *ll_hasher_create(void); /* NULL on no memory */
LL_API void ll_hasher_add(ll_hasher *hasher, const void *bytes, size_t count);
LL_API ll_hash ll_hasher_value(const ll_hasher *hasher);
LL_API void ll_hasher_destroy(ll_hasher *hasher);

/* ------------------------------------------------------------------ random numbers */

/* Counter-based generator (Philox 4x32-10, Salmon et al. 2011): the i-th number of a stream is a
 * function of (seed, purpose, name, i) alone, so that any thread, rank or resumed run draws the
 * same number, in any order. A key is a value; copy it freely. */
typedef struct ll_rng {
    uint32_t key[2];
    uint32_t stream[2];
} ll_rng;
/* purpose: what the numbers are for ("direction", "initialise" ...); name: e.g. a tensor's name. */
LL_API ll_rng ll_rng_make(uint64_t seed, const char *purpose, const char *name);
LL_API uint64_t ll_rng_bits(ll_rng rng, uint64_t index);
LL_API double ll_rng_uniform(ll_rng rng, uint64_t index);    /* [0, 1), 53 bits */
LL_API double ll_rng_normal(ll_rng rng, uint64_t index);     /* N(0, 1), Box-Muller, one per index */
LL_API double ll_rng_rademacher(ll_rng rng, uint64_t index); /* -1 or +1 */
/* Uniform integer in [0, bound), bound > 0, bias below 2^-64 bound. */
LL_API uint64_t ll_rng_below(ll_rng rng, uint64_t index, uint64_t bound);
/* Elements first .. first+count-1 of the stream. */
LL_API void ll_rng_fill_normal(ll_rng rng, uint64_t first, int64_t count, double *values);
LL_API void ll_rng_fill_uniform(ll_rng rng, uint64_t first, int64_t count, double *values);
/* A permutation of 0..count-1 (Fisher-Yates). */
LL_API void ll_rng_permutation(ll_rng rng, int64_t count, int64_t *permutation);

/* ------------------------------------------------------------------ clock, log, CPU */

LL_API double ll_clock_seconds(void); /* monotonic, arbitrary origin */

typedef enum ll_log_level { LL_LOG_ERROR, LL_LOG_WARNING, LL_LOG_INFO, LL_LOG_VERBOSE } ll_log_level;
/* Where messages go; the library itself never prints. A NULL log, or a NULL write, is silence. */
typedef struct ll_log {
    void *context;
    ll_log_level level;                                                 /* the most detailed level wanted */
    void (*write)(void *context, ll_log_level level, const char *line); /* no newline; thread-safe */
} ll_log;
LL_API void ll_log_line(const ll_log *log, ll_log_level level, const char *format, ...) LL_PRINTF(3, 4);

typedef enum ll_cpu_level { LL_CPU_PORTABLE = 0, LL_CPU_AVX2 = 1, LL_CPU_AVX512 = 2 } ll_cpu_level;
/* What this processor (and its operating system) supports: AVX2 means AVX2 + FMA + F16C;
 * AVX512 means F + VL + BW + DQ. LOSSLENS_CPU=portable|avx2|avx512 lowers it, never raises it. */
LL_API ll_cpu_level ll_cpu_detect(void);
LL_API const char *ll_cpu_level_name(ll_cpu_level level);

#ifdef __cplusplus
}
#endif
#endif
