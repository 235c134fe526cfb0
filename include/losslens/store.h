/* losslens/store.h - the study file: one SQLite file that holds a study's provenance, its jobs with their state, and
 * their results. The only module that knows SQLite; docs/store.md shows the tables.
 *
 *  - A job is one piece of a study (train a member, sample a landscape, connect a pair), known by its key: the
 *    128-bit hash of everything that its result depends on. The same key means the same result.
 *  - A result is a record, written once, in the transaction that marks its job done. While a job is unfinished its
 *    pieces lie beside it (ll_store_sink) and go in that same transaction. kill -9 at any instant loses at most the
 *    piece in flight; a power cut, on a local file system, at most what was committed since the last flush to disk.
 *  - Times, host, threads and version stand beside a record, never inside it.
 *  - One writer at a time (a row with host and pid); any number of readers, which never block the writer: the file is in
 *    WAL mode while it is written on a local file system, in rollback-journal mode on a network file system or on
 *    request. After a clean end it is one plain file.
 *  - Files come from anywhere: opened with trusted_schema off and in defensive mode, the schema compared with what this
 *    program would have made, the list of jobs checked, every row and every blob checksummed. What is broken is
 *    LL_INVALID_FILE, what a newer program wrote LL_UNSUPPORTED.
 *
 * A handle may be used by several threads at once: calls are serialised inside.
 */
#ifndef LOSSLENS_STORE_H
#define LOSSLENS_STORE_H

#include "losslens/records.h"

#ifdef __cplusplus
extern "C" {
#endif

#define LL_STORE_APPLICATION_ID 0x4C4C5354     /* "LLST", in SQLite's header at byte 68 */
#define LL_STORE_BLOB_BYTES ((size_t)16 << 20) /* no blob, and no text, is larger */

typedef struct ll_store ll_store;

/* ------------------------------------------------------------------ open and close */

typedef enum ll_store_access {
    LL_STORE_READ,  /* what is there; no lock */
    LL_STORE_WRITE, /* the file must be there; takes the writer's lock */
    LL_STORE_CREATE /* made if absent or empty, else as LL_STORE_WRITE */
} ll_store_access;

typedef struct ll_store_options {
    ll_store_access access;
    bool rollback_journal; /* even on a local file system */
    bool take_over; /* take the lock of an owner on another host, of whom nobody can tell whether he lives */
} ll_store_options;

/* options NULL: LL_STORE_READ. LL_NOT_FOUND: no such file. LL_BUSY: another writer; the message has its host and pid. An
 * owner on this machine that is dead (process gone, its pid reused, machine restarted) loses the lock; jobs that he was
 * running are waiting again, their pieces kept. LL_INVALID_FILE, LL_UNSUPPORTED: as above. An older schema is brought up
 * to date by a writer; a reader refuses it and says so. Read-only files and folders can be read. Cost: proportional to
 * the number of jobs (about 2 us each). */
LL_API ll_status ll_store_open(const char *path, const ll_store_options *options, ll_store **store,
                               ll_error *error) LL_MUST_CHECK;
/* Gives the lock back. Sinks of the store end first. */
LL_API void ll_store_destroy(ll_store *store);
LL_API const char *ll_store_path(const ll_store *store);

/* Who writes now. held false: nobody, or somebody dead. */
typedef struct ll_store_writer {
    bool held;
    char host[256];
    int64_t pid;
    double since; /* Unix seconds */
} ll_store_writer;
LL_API ll_status ll_store_current_writer(ll_store *store, ll_store_writer *writer,
                                         ll_error *error) LL_MUST_CHECK;

/* Reads and compares everything: SQLite's integrity check, every row's checksum, every record's hash. Cost: the whole
 * file. */
LL_API ll_status ll_store_verify(ll_store *store, ll_error *error) LL_MUST_CHECK;

/* ------------------------------------------------------------------ provenance */

/* Named texts about the whole study: the study file itself, hashes of inputs, versions, the numeric environment.
 * Setting a name again replaces its value. */
LL_API ll_status ll_store_set_provenance(ll_store *store, const char *name, const char *value,
                                         ll_error *error) LL_MUST_CHECK;
typedef struct ll_store_note {
    const char *name, *value;
} ll_store_note;
typedef struct ll_store_notes {
    int64_t count;
    ll_store_note *notes; /* by name */
    ll_arena *memory;
} ll_store_notes;
LL_API ll_status ll_store_list_provenance(ll_store *store, ll_store_notes *notes,
                                          ll_error *error) LL_MUST_CHECK;
LL_API void ll_store_notes_deinit(ll_store_notes *notes);

/* ------------------------------------------------------------------ jobs */

#define LL_JOB_STATE_LIST(X)                                                                                 \
    X(WAITING, "waiting")                                                                                    \
    X(RUNNING, "running")                                                                                    \
    X(DONE, "done")                                                                                          \
    X(FAILED, "failed")
typedef enum ll_job_state {
#define LL_JOB_STATE_ENUM(name, text) LL_JOB_##name,
    LL_JOB_STATE_LIST(LL_JOB_STATE_ENUM)
#undef LL_JOB_STATE_ENUM
        LL_JOB_STATES
} ll_job_state;
LL_API const char *ll_job_state_name(ll_job_state state);

/* Key of a job from its kind and a canonical text of its inputs. */
LL_API ll_hash ll_store_key(const char *kind, const char *inputs);

typedef struct ll_store_job {
    ll_hash key;
    const char *kind;    /* "train", "landscape", "pair" ... */
    const char *name;    /* for people: "landscape of resnet/3" */
    const char *group;   /* group of models, or "" (NULL counts as "") */
    const char *subject; /* the model or field, or "" */
    const char *other;   /* the second model of a pair, or "" */
    const char *inputs;  /* what the key was made from, or "" */
} ll_store_job;

/* Makes exactly these the jobs that the study wants: new keys are added (waiting), known ones keep state and result and
 * take the new names, failed ones are waiting again, all others become unwanted and stay. ids (may be NULL) gets one id a
 * job. A key given twice is refused. One transaction; about 10 us a job. */
LL_API ll_status ll_store_plan(ll_store *store, const ll_store_job *jobs, int64_t count, int64_t *ids,
                               ll_error *error) LL_MUST_CHECK;
/* Adds one job, or finds it, without touching what else is wanted. */
LL_API ll_status ll_store_add(ll_store *store, const ll_store_job *job, int64_t *id,
                              ll_error *error) LL_MUST_CHECK;
/* Deletes unwanted jobs with their results; *jobs (may be NULL) says how many. The file's free space is used again. */
LL_API ll_status ll_store_prune(ll_store *store, int64_t *jobs, ll_error *error) LL_MUST_CHECK;

/* Running from now; refused (LL_INVALID_ARGUMENT) for a job that is done. */
LL_API ll_status ll_store_begin(ll_store *store, int64_t id, ll_error *error) LL_MUST_CHECK;
/* Beside a result. Host and times are the store's own. */
typedef struct ll_store_beside {
    double seconds;      /* of work, over all runs; NaN: not known */
    int64_t threads;     /* 0: not known */
    const char *version; /* of the program; NULL: not known */
} ll_store_beside;
/* Stores the record, marks the job done and drops its pieces, all or nothing. Refused for a job that is done: a result is
 * written once. beside may be NULL. */
LL_API ll_status ll_store_finish(ll_store *store, int64_t id, const ll_record *record,
                                 const ll_store_beside *beside, ll_error *error) LL_MUST_CHECK;
/* Failed with a message for people; pieces are kept. */
LL_API ll_status ll_store_fail(ll_store *store, int64_t id, const char *message,
                               ll_error *error) LL_MUST_CHECK;
/* Waiting again (cancelled); pieces are kept. */
LL_API ll_status ll_store_put_back(ll_store *store, int64_t id, ll_error *error) LL_MUST_CHECK;

/* ------------------------------------------------------------------ lists */

typedef struct ll_store_row {
    int64_t id;
    ll_hash key;
    const char *kind, *name, *group, *subject, *other; /* "" where there is none */
    bool wanted;
    ll_job_state state;
    const char *message;      /* of a failure; else "" */
    double started, finished; /* Unix seconds; NaN: not yet */
    double seconds;           /* NaN: not known */
    const char *host, *version;
    int64_t threads;
    const char *record_kind; /* done: of the result; else "" */
    int64_t fields, bytes;   /* of the result: number of fields, canonical bytes */
    ll_hash record_hash;     /* of the canonical bytes */
} ll_store_row;

typedef struct ll_store_filter {
    const char *kind, *group;  /* NULL: any */
    const char *subject;       /* matches subject and other; NULL: any */
    const ll_job_state *state; /* NULL: any */
    const char *but_kind;      /* left out of a list; NULL: none */
    bool unwanted;             /* list unwanted jobs too */
    int64_t first, most;       /* page; most 0: all */
} ll_store_filter;

typedef struct ll_store_listing {
    int64_t count;
    int64_t total;      /* that match, on all pages */
    ll_store_row *rows; /* by id */
    ll_arena *memory;
} ll_store_listing;
/* filter NULL: every wanted job. Cost: about 2 us a row. */
LL_API ll_status ll_store_list(ll_store *store, const ll_store_filter *filter, ll_store_listing *listing,
                               ll_error *error) LL_MUST_CHECK;
LL_API void ll_store_listing_deinit(ll_store_listing *listing);
/* One job, as a listing of one row. LL_NOT_FOUND when there is none. */
LL_API ll_status ll_store_get(ll_store *store, int64_t id, ll_store_listing *listing,
                              ll_error *error) LL_MUST_CHECK;
/* Id and state (may be NULL) of a key; LL_NOT_FOUND when it is not there. */
LL_API ll_status ll_store_find(ll_store *store, ll_hash key, int64_t *id, ll_job_state *state,
                               ll_error *error) LL_MUST_CHECK;

/* Counts of wanted jobs by kind and group, in order of first appearance. */
typedef struct ll_store_count {
    const char *kind, *group;
    int64_t jobs[LL_JOB_STATES];
} ll_store_count;
typedef struct ll_store_counts {
    int64_t count;
    ll_store_count *counts;
    ll_arena *memory;
} ll_store_counts;
LL_API ll_status ll_store_count_jobs(ll_store *store, ll_store_counts *counts, ll_error *error) LL_MUST_CHECK;
LL_API void ll_store_counts_deinit(ll_store_counts *counts);

/* How far a running job was when it last said so (at most once a second). LL_NOT_FOUND: it has said nothing. The texts are
 * cut to fit. */
typedef struct ll_store_progress {
    char what[64], value_name[64]; /* "" when there is no value */
    int64_t done, total;           /* total < 0: unknown */
    double value, at;              /* at: Unix seconds */
} ll_store_progress;
LL_API ll_status ll_store_read_progress(ll_store *store, int64_t id, ll_store_progress *progress,
                                        ll_error *error) LL_MUST_CHECK;

/* ------------------------------------------------------------------ results */

/* The result of a job that is done (LL_NOT_FOUND otherwise); the same canonical bytes as were stored, checked. */
LL_API ll_status ll_store_read_record(ll_store *store, int64_t id, ll_record **record,
                                      ll_error *error) LL_MUST_CHECK;
/* The fields of a result without the numbers of its arrays: an array's `data` is NULL. */
typedef struct ll_store_fields {
    int64_t count;
    ll_field *fields;
    ll_arena *memory;
} ll_store_fields;
LL_API ll_status ll_store_list_fields(ll_store *store, int64_t id, ll_store_fields *fields,
                                      ll_error *error) LL_MUST_CHECK;
LL_API void ll_store_fields_deinit(ll_store_fields *fields);
/* One array alone; end with ll_array_deinit. */
LL_API ll_status ll_store_read_array(ll_store *store, int64_t id, const char *name, ll_array *array,
                                     ll_error *error) LL_MUST_CHECK;

/* The same fields of many results in one query: row r has the numbers of job ids[r], NaN where its result has no number of
 * that name. Integers beyond 2^53 are rounded. */
typedef struct ll_store_numbers {
    int64_t count; /* jobs that are done and match the filter, by id */
    int columns;
    int64_t *ids;
    const char **subjects, **others; /* of the jobs */
    double *values;                  /* [count, columns] */
    ll_arena *memory;
} ll_store_numbers;
/* filter NULL: every wanted job; its `state` and `but_kind` are not looked at. At most 64 names. Cost: about 2 us a job. */
LL_API ll_status ll_store_read_numbers(ll_store *store, const ll_store_filter *filter,
                                       const char *const *names, int columns, ll_store_numbers *numbers,
                                       ll_error *error) LL_MUST_CHECK;
LL_API void ll_store_numbers_deinit(ll_store_numbers *numbers);
/* The same of chosen jobs into the caller's values [count, columns]; NaN for a job without a result. After a failure values
 * hold nothing of use. */
LL_API ll_status ll_store_read_numbers_of(ll_store *store, const int64_t *ids, int64_t count,
                                          const char *const *names, int columns, double *values,
                                          ll_error *error) LL_MUST_CHECK;

/* Shows `visit` each field of those names (a last '*' matches any ending; at most 64 names) of these jobs' results: job by
 * job (`at` is its place in ids), in the record's order; arrays beyond 64 KiB without their numbers (data NULL). A job
 * without a result has no fields. The field is valid during the call, which must not use the store; a failure ends the
 * walk. Cost: about 2 us a field. */
typedef ll_status (*ll_store_visitor)(void *context, int64_t at, const ll_field *field, ll_error *error);
LL_API ll_status ll_store_visit_fields(ll_store *store, const int64_t *ids, int64_t count,
                                       const char *const *names, int name_count, ll_store_visitor visit,
                                       void *context, ll_error *error) LL_MUST_CHECK;

/* A number that is another one as soon as somebody else has written to the file. Cheap. */
LL_API ll_status ll_store_version(ll_store *store, int64_t *version, ll_error *error) LL_MUST_CHECK;
/* Wanted jobs by state, and a hash over which jobs are in which state. Cost: about 0.1 us a job. */
typedef struct ll_store_summary {
    int64_t jobs[LL_JOB_STATES];
    ll_hash hash;
} ll_store_summary;
LL_API ll_status ll_store_summarise(ll_store *store, ll_store_summary *summary,
                                    ll_error *error) LL_MUST_CHECK;

/* ------------------------------------------------------------------ pieces */

/* The sink of a job: find and put go to the job's pieces, each put one transaction; progress is noted in the file and
 * handed on, and should_stop asked, from `outer` (may be NULL; its find and put are not used). A piece whose checksum is
 * wrong counts as not found. End with destroy, before the store. */
typedef struct ll_store_sink ll_store_sink;
LL_API ll_status ll_store_sink_create(ll_store *store, int64_t id, const ll_sink *outer, ll_store_sink **sink,
                                      ll_error *error) LL_MUST_CHECK;
LL_API void ll_store_sink_destroy(ll_store_sink *sink);
LL_API const ll_sink *ll_store_sink_view(ll_store_sink *sink);
/* The record in the piece LL_PIECE_SO_FAR of an unfinished job: what it has so far. LL_NOT_FOUND: it has not said, or is done. */
LL_API ll_status ll_store_read_so_far(ll_store *store, int64_t id, ll_record **record,
                                      ll_error *error) LL_MUST_CHECK;
/* Pieces held for a job. */
LL_API ll_status ll_store_count_pieces(ll_store *store, int64_t id, int64_t *pieces,
                                       ll_error *error) LL_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
