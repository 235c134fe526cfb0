/* SQLite's calls with our statuses and messages. */
#define _POSIX_C_SOURCE 200809L
#include "store/internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

double ll_store_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void *ll_store_grown(void *items, int64_t count, int64_t *room, size_t size)
{
    if (count < *room) return items;
    int64_t wanted = *room > 0 ? 2 * *room : 16;
    char *grown = ll_allocate_array(wanted, size);
    if (grown == NULL) return NULL;
    if (count > 0) memcpy(grown, items, (size_t)count * size);
    ll_free(items);
    *room = wanted;
    return grown;
}

typedef struct translation {
    int code;
    ll_status status;
    const char *words;
} translation;

static const translation translations[] = {
    {SQLITE_NOMEM, LL_OUT_OF_MEMORY, "out of memory"},
    {SQLITE_BUSY, LL_BUSY, "another process is writing the file; try again"},
    {SQLITE_LOCKED, LL_BUSY, "another process is writing the file; try again"},
    {SQLITE_FULL, LL_IO, "the disk is full; nothing half-written stays"},
    {SQLITE_IOERR, LL_IO, "the file system failed to read or write (is the disk full?)"},
    {SQLITE_READONLY, LL_IO, "the file or its folder cannot be written"},
    {SQLITE_CANTOPEN, LL_IO, "cannot open the file"},
    {SQLITE_PERM, LL_IO, "no permission"},
    {SQLITE_AUTH, LL_IO, "no permission"},
    {SQLITE_TOOBIG, LL_TOO_LARGE, "a text or blob is larger than 16 MiB"},
    {SQLITE_NOTADB, LL_INVALID_FILE, "not a losslens study: it is no SQLite file, or its header is damaged"},
    {SQLITE_CORRUPT, LL_INVALID_FILE, "the study file is damaged"},
    {SQLITE_CONSTRAINT, LL_INVALID_FILE, "the study file contradicts itself"},
    {SQLITE_MISMATCH, LL_INVALID_FILE, "the study file holds a value of the wrong type"},
    {SQLITE_ERROR, LL_INVALID_FILE, "the study file has not the tables that it should have"},
};

ll_status ll_sql_failure(ll_store *store, int code, ll_error *error)
{
    int basic = code & 0xff;
    for (size_t i = 0; i < sizeof translations / sizeof translations[0]; i++)
        if (translations[i].code == basic)
            return ll_fail(error, translations[i].status, "store", store->path, "%s (%s)",
                           translations[i].words,
                           store->db != NULL ? sqlite3_errmsg(store->db) : sqlite3_errstr(code));
    return ll_fail(error, LL_INTERNAL, "store", store->path, "SQLite: %s (%d)",
                   store->db != NULL ? sqlite3_errmsg(store->db) : sqlite3_errstr(code), code);
}

ll_status ll_sql_run(ll_store *store, const char *sql, ll_error *error)
{
    int code = sqlite3_exec(store->db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? LL_OK : ll_sql_failure(store, code, error);
}

ll_status ll_sql_prepare(ll_store *store, const char *sql, sqlite3_stmt **statement, ll_error *error)
{
    sqlite3_stmt *made = NULL;
    int code = sqlite3_prepare_v2(store->db, sql, -1, &made, NULL);
    if (code != SQLITE_OK) return ll_sql_failure(store, code, error);
    *statement = made;
    return LL_OK;
}

ll_status ll_sql_bind(ll_store *store, sqlite3_stmt *statement, ll_error *error, const char *types, ...)
{
    va_list arguments;
    va_start(arguments, types);
    int code = sqlite3_reset(statement);
    code = SQLITE_OK; /* reset repeats the failure of the last step, which was reported then */
    for (int i = 1; types[i - 1] != 0 && code == SQLITE_OK; i++) {
        switch (types[i - 1]) {
        case 'i': code = sqlite3_bind_int64(statement, i, va_arg(arguments, int64_t)); break;
        case 'r': code = sqlite3_bind_double(statement, i, va_arg(arguments, double)); break;
        case 't':
            code = sqlite3_bind_text(statement, i, va_arg(arguments, const char *), -1, SQLITE_TRANSIENT);
            break;
        case 'b': {
            const void *bytes = va_arg(arguments, const void *);
            size_t count = va_arg(arguments, size_t);
            code = sqlite3_bind_blob64(statement, i, bytes != NULL ? bytes : "", count, SQLITE_STATIC);
            break;
        }
        case 'h': {
            ll_hash hash = va_arg(arguments, ll_hash);
            unsigned char bytes[16]; /* big-endian, so that hex() in SQL reads as ll_hash_text */
            for (int k = 0; k < 8; k++) {
                bytes[k] = (unsigned char)(hash.high >> (56 - 8 * k));
                bytes[8 + k] = (unsigned char)(hash.low >> (56 - 8 * k));
            }
            code = sqlite3_bind_blob(statement, i, bytes, 16, SQLITE_TRANSIENT);
            break;
        }
        default: code = sqlite3_bind_null(statement, i); break;
        }
    }
    va_end(arguments);
    return code == SQLITE_OK ? LL_OK : ll_sql_failure(store, code, error);
}

ll_status ll_sql_step(ll_store *store, sqlite3_stmt *statement, bool *row, ll_error *error)
{
    int code = sqlite3_step(statement);
    if (code != SQLITE_ROW && code != SQLITE_DONE) return ll_sql_failure(store, code, error);
    *row = code == SQLITE_ROW;
    return LL_OK;
}

ll_status ll_sql_done(ll_store *store, sqlite3_stmt *statement, ll_error *error)
{
    bool row;
    LL_TRY(ll_sql_step(store, statement, &row, error));
    sqlite3_reset(statement);
    return LL_OK;
}

ll_status ll_sql_integer(ll_store *store, const char *sql, int64_t *value, ll_error *error)
{
    sqlite3_stmt *statement;
    bool row = false;
    LL_TRY(ll_sql_prepare(store, sql, &statement, error));
    ll_status status = ll_sql_step(store, statement, &row, error);
    if (status == LL_OK && !row)
        status = ll_fail(error, LL_NOT_FOUND, "store", store->path, "no row for %s", sql);
    if (status == LL_OK) *value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return status;
}

const char *ll_sql_text(sqlite3_stmt *statement, int column)
{
    const unsigned char *text = sqlite3_column_text(statement, column);
    return text != NULL ? (const char *)text : "";
}

ll_hash ll_sql_hash(sqlite3_stmt *statement, int column)
{
    ll_hash hash = {0, 0};
    const unsigned char *bytes = sqlite3_column_blob(statement, column);
    if (bytes == NULL || sqlite3_column_bytes(statement, column) != 16) return hash;
    for (int k = 0; k < 8; k++) {
        hash.high = hash.high << 8 | bytes[k];
        hash.low = hash.low << 8 | bytes[8 + k];
    }
    return hash;
}

double ll_sql_real(sqlite3_stmt *statement, int column)
{
    return sqlite3_column_type(statement, column) == SQLITE_NULL ? NAN
                                                                 : sqlite3_column_double(statement, column);
}

/* ---------------------------------------------------------------- row_sum */

/* Each value is hashed alone and the hashes are chained with its type, so that a byte cannot move from one column
 * to the next unseen, and a large blob is read in place. */
typedef struct chain {
    uint64_t sum, type;
    ll_hash value;
} chain;

/* False: no memory. */
static bool chain_add(chain *c, sqlite3_value *value)
{
    int type = sqlite3_value_type(value);
    c->type = (uint64_t)type;
    if (type == SQLITE_INTEGER) {
        int64_t integer = sqlite3_value_int64(value);
        c->value = ll_hash_bytes(&integer, sizeof integer);
    } else if (type == SQLITE_FLOAT) {
        double real = sqlite3_value_double(value);
        c->value = ll_hash_bytes(&real, sizeof real);
    } else if (type == SQLITE_NULL) {
        c->value = (ll_hash){0, 0};
    } else {
        const void *bytes =
            type == SQLITE_TEXT ? (const void *)sqlite3_value_text(value) : sqlite3_value_blob(value);
        int size = sqlite3_value_bytes(value);
        if (bytes == NULL && size > 0) return false;
        c->value = ll_hash_bytes(bytes != NULL ? bytes : "", (size_t)size);
    }
    c->sum = ll_hash_bytes(c, sizeof *c).low;
    return true;
}

static void row_sum(sqlite3_context *context, int count, sqlite3_value **values)
{
    chain c = {0};
    for (int i = 0; i < count; i++) {
        if (chain_add(&c, values[i])) continue;
        sqlite3_result_error_nomem(context);
        return;
    }
    sqlite3_result_int64(context, (sqlite3_int64)c.sum);
}

bool ll_sql_row_is_whole(sqlite3_stmt *statement, int count)
{
    chain c = {0};
    /* Values of columns may be looked at like this because the connection has no mutex of its own. */
    for (int i = 0; i < count; i++)
        if (!chain_add(&c, sqlite3_column_value(statement, i))) return false;
    return sqlite3_column_type(statement, count) == SQLITE_INTEGER &&
           sqlite3_column_int64(statement, count) == (sqlite3_int64)c.sum;
}

/* ---------------------------------------------------------------- pack_numbers */

uint64_t ll_store_name_code(const char *name) { return ll_hash_bytes(name, strlen(name)).low; }

static void pack_step(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    ll_text *packed = sqlite3_aggregate_context(context, sizeof *packed);
    if (packed == NULL) return;
    ll_store_number number = {.code = ll_store_name_code((const char *)sqlite3_value_text(values[0]))};
    if (sqlite3_value_type(values[2]) == SQLITE_NULL) {
        number.value = (double)sqlite3_value_int64(values[1]);
    } else {
        int64_t bits = sqlite3_value_int64(values[2]);
        memcpy(&number.value, &bits, sizeof bits);
    }
    ll_text_append_bytes(packed, &number, sizeof number);
}

static void pack_end(sqlite3_context *context)
{
    ll_text *packed = sqlite3_aggregate_context(context, 0);
    if (packed == NULL || packed->text == NULL) sqlite3_result_zeroblob(context, 0);
    else if (packed->failed) sqlite3_result_error_nomem(context);
    else sqlite3_result_blob64(context, packed->text, packed->length, SQLITE_TRANSIENT);
    if (packed != NULL) ll_text_deinit(packed);
}

ll_status ll_sql_add_functions(ll_store *store, ll_error *error)
{
    const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;
    int code = sqlite3_create_function_v2(store->db, "row_sum", -1, flags, NULL, row_sum, NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_create_function_v2(store->db, "pack_numbers", 3, flags, NULL, NULL, pack_step,
                                          pack_end, NULL);
    return code == SQLITE_OK ? LL_OK : ll_sql_failure(store, code, error);
}
