/* internal.h - what the files of the store share: the handle, SQL with our statuses, and who may write. */
#ifndef LOSSLENS_STORE_INTERNAL_H
#define LOSSLENS_STORE_INTERNAL_H

#include "losslens/store.h"

#include <pthread.h>
#include <sqlite3.h>

struct ll_store {
    sqlite3 *db;
    char *path;
    pthread_mutex_t mutex; /* held by every public call while it uses db */
    int64_t token;         /* of our writer's row; 0: a reader */
    bool wal;
};

/* ---------------------------------------------------------------- sql.c */

/* The status and message for SQLite's last error on this handle. */
ll_status ll_sql_failure(ll_store *store, int code, ll_error *error);
/* Statements without parameters and without rows. */
ll_status ll_sql_run(ll_store *store, const char *sql, ll_error *error) LL_MUST_CHECK;
ll_status ll_sql_prepare(ll_store *store, const char *sql, sqlite3_stmt **statement,
                         ll_error *error) LL_MUST_CHECK;
/* Binds parameters 1, 2 ... by the letters of `types`: i int64_t, r double, t const char * (NULL: SQL null),
 * b const void * and size_t (kept by the caller until the next bind or the end), h ll_hash, n nothing (SQL null). */
ll_status ll_sql_bind(ll_store *store, sqlite3_stmt *statement, ll_error *error, const char *types,
                      ...) LL_MUST_CHECK;
/* The next row, if there is one. */
ll_status ll_sql_step(ll_store *store, sqlite3_stmt *statement, bool *row, ll_error *error) LL_MUST_CHECK;
/* Runs a bound statement that gives no rows, and resets it. */
ll_status ll_sql_done(ll_store *store, sqlite3_stmt *statement, ll_error *error) LL_MUST_CHECK;
/* A single integer: `SELECT count(*) ...` or a pragma; LL_NOT_FOUND when there is no row. */
ll_status ll_sql_integer(ll_store *store, const char *sql, int64_t *value, ll_error *error) LL_MUST_CHECK;
const char *ll_sql_text(sqlite3_stmt *statement, int column); /* never NULL; SQLite's memory */
ll_hash ll_sql_hash(sqlite3_stmt *statement, int column);     /* zero unless 16 bytes */
double ll_sql_real(sqlite3_stmt *statement, int column);      /* NaN for null */
/* Does the sum in column `count` of the current row fit the columns before it? Each is read once, where row_sum in the
 * statement would have SQLite put every column together twice. */
bool ll_sql_row_is_whole(sqlite3_stmt *statement, int count);
/* SQL function row_sum(...): 64-bit checksum of its arguments with their types; for our statements only, never in the
 * schema, so that other programs can read and copy the file without it. */
ll_status ll_sql_add_functions(ll_store *store, ll_error *error) LL_MUST_CHECK;
/* SQL function pack_numbers(name, integer, bits): the rows of fields that are numbers, as one array of these. */
typedef struct ll_store_number {
    uint64_t code; /* of the field's name */
    double value;
} ll_store_number;
uint64_t ll_store_name_code(const char *name);

/* The columns of a job that its checksum covers; a statement that selects them and then sum has each at its LL_AT_. */
/* clang-format off */
#define LL_JOB_COLUMN_LIST(X)                                                                                \
    X(key) X(kind) X(name) X(member_group) X(subject) X(other) X(inputs) X(wanted) X(state) X(message)       \
    X(started) X(finished) X(seconds) X(host) X(threads) X(version) X(record_kind) X(record_schema)          \
    X(record_fields) X(record_bytes) X(record_hash)
/* clang-format on */
#define LL_JOB_COLUMN_TEXT(name) ", " #name
#define LL_JOB_COLUMN_AT(name) LL_AT_##name,
#define LL_JOB_COLUMNS "id" LL_JOB_COLUMN_LIST(LL_JOB_COLUMN_TEXT)
enum { LL_AT_id, LL_JOB_COLUMN_LIST(LL_JOB_COLUMN_AT) LL_AT_sum };
#define LL_JOB_SEAL "UPDATE jobs SET sum = row_sum(" LL_JOB_COLUMNS ") WHERE "

/* Unix time, seconds. */
double ll_store_now(void);
/* An array of ll_allocate with room for one more than `count`: itself, or one twice as large with its contents, which are
 * freed. NULL on no memory, and nothing has changed. */
void *ll_store_grown(void *items, int64_t count, int64_t *room, size_t size);

/* ---------------------------------------------------------------- schema.c */

/* Statements that bring a file from version i to version i + 1. */
typedef struct ll_store_schema {
    const char *const *migrations;
    int64_t count;
} ll_store_schema;
extern const ll_store_schema ll_store_current_schema;
/* Brings the open file to the newest version; inside a transaction of the caller. */
ll_status ll_store_migrate(ll_store *store, const ll_store_schema *schema, ll_error *error) LL_MUST_CHECK;
/* Refuses a file whose tables are not exactly those of its version, or whose list of jobs is damaged. Sets *version. */
ll_status ll_store_check_schema(ll_store *store, const ll_store_schema *schema, int64_t *version,
                                ll_error *error) LL_MUST_CHECK;
ll_status ll_store_check_rows(ll_store *store, ll_error *error) LL_MUST_CHECK;
/* ll_store_open with another list of migrations, for tests of the mechanism. */
LL_API ll_status ll_store_open_schema(const char *path, const ll_store_options *options,
                                      const ll_store_schema *schema, ll_store **store,
                                      ll_error *error) LL_MUST_CHECK;

/* ---------------------------------------------------------------- lock.c */

/* Takes the writer's row; inside a transaction of the caller. */
ll_status ll_store_lock(ll_store *store, bool take_over, ll_error *error) LL_MUST_CHECK;
void ll_store_unlock(ll_store *store);
/* This machine's name as it stands in the lock and beside results. */
void ll_store_host(char host[256]);

/* ---------------------------------------------------------------- transactions (open.c) */

/* Begin and end of a public call. write: BEGIN IMMEDIATE, and LL_BUSY if the lock is no longer ours; else a consistent
 * view. leave commits when status is LL_OK and rolls back otherwise; returns what the call returns. */
ll_status ll_store_enter(ll_store *store, bool write, ll_error *error) LL_MUST_CHECK;
ll_status ll_store_leave(ll_store *store, ll_status status, ll_error *error) LL_MUST_CHECK;

/* ---------------------------------------------------------------- blobs.c */

/* A run of bytes as checksummed rows of at most LL_STORE_BLOB_BYTES. `insert` takes ?1 owner, ?2 label, ?3 part,
 * ?4 parts, ?5 bytes, ?6 packed, ?7 data. */
ll_status ll_blobs_write(ll_store *store, sqlite3_stmt *insert, int64_t owner, const char *label,
                         const void *bytes, size_t count, ll_error *error) LL_MUST_CHECK;
/* Rows of `owners` columns that say whose they are, then part, parts, bytes, packed, data, sum, ordered by part. Into
 * memory of exactly `count` bytes; LL_INVALID_FILE otherwise. */
ll_status ll_blobs_read(ll_store *store, sqlite3_stmt *select, int owners, const char *what, void *bytes,
                        size_t count, ll_error *error) LL_MUST_CHECK;

/* ---------------------------------------------------------------- results.c */

/* Rows of a record's fields and arrays. */
ll_status ll_result_write(ll_store *store, int64_t job, const ll_record *record,
                          ll_error *error) LL_MUST_CHECK;
/* The blobs of a field ?1, for ll_blobs_read with one owner. */
#define LL_SELECT_BLOBS                                                                                      \
    "SELECT field, part, parts, bytes, packed, data, sum FROM blobs WHERE field = ?1 ORDER BY part"
/* The fields of a job ?1, for ll_result_take_field; the last column is the field's id. */
#define LL_SELECT_FIELDS                                                                                     \
    "SELECT job, position, name, unit, type, integer, bits, text, array_type, shape, sum, id FROM fields "   \
    "WHERE job = ?1"
enum { LL_AT_FIELD_NAME = 2, LL_AT_FIELD_SUM = 10, LL_AT_FIELD_ID };
/* A field without its array's numbers; texts are SQLite's until the next step. */
ll_status ll_result_take_field(ll_store *store, sqlite3_stmt *select, int64_t job, ll_field *field,
                               ll_error *error);
/* The record of a done job, rebuilt and checked; inside a transaction. */
ll_status ll_result_read(ll_store *store, int64_t job, ll_record **record, ll_error *error) LL_MUST_CHECK;

#endif
