/* Opening, closing, and the frame of every call: mutex and transaction. */
#define _GNU_SOURCE
#include "store/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { WAIT_MILLISECONDS = 10000 }; /* for another process's transaction */

/* ---------------------------------------------------------------- before SQLite touches it */

/* Shared memory between hosts does not exist: there WAL corrupts. FUSE may be sshfs: counted as a network. */
static bool on_network(const char *path)
{
    static const uint32_t kinds[] = {
        0x6969,     0x517B,     0xFE534D42, 0xFF534D42, 0x00C36400, 0x5346414F,
        0x01021997, 0x65735546, 0x0BD00BD0, 0x47504653, 0x01161970, 0x7461636F,
        0x73757245, 0x19830326, 0xAAD7AAEA, 0x786F4256, 0x20030528,
    }; /* nfs, smb, smb2, cifs, ceph, afs, 9p, fuse, lustre, gpfs, gfs2, ocfs2, coda, beegfs, panfs, vboxsf, orangefs */
    struct statfs about;
    if (statfs(path, &about) != 0) return false;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if ((uint32_t)about.f_type == kinds[i]) return true;
    return false;
}

static bool beside(const char *path, const char *suffix, off_t *size)
{
    ll_text name = {0};
    struct stat about;
    ll_text_format(&name, "%s%s", path, suffix);
    bool there = !name.failed && stat(name.text, &about) == 0;
    if (there) *size = about.st_size;
    ll_text_deinit(&name);
    return there && *size > 0;
}

/* Size, and that it is a study by its first bytes; a file in the middle of its first transaction may be anything. */
static ll_status look_at_file(const char *path, ll_store_access access, bool *is_new, ll_error *error)
{
    struct stat about;
    if (stat(path, &about) != 0) {
        if (errno == ENOENT && access == LL_STORE_CREATE) {
            *is_new = true;
            return LL_OK;
        }
        return ll_fail(error, errno == ENOENT ? LL_NOT_FOUND : LL_IO, "store", path,
                       "cannot open the study: %s", strerror(errno));
    }
    if (!S_ISREG(about.st_mode)) return ll_fail(error, LL_INVALID_FILE, "store", path, "not a file");
    off_t size;
    bool unfinished = beside(path, "-journal", &size) || beside(path, "-wal", &size);
    *is_new = about.st_size == 0 && access == LL_STORE_CREATE;
    if (unfinished || *is_new) return LL_OK;
    unsigned char head[100];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t count = file >= 0 ? read(file, head, sizeof head) : -1;
    int reason = errno;
    if (file >= 0) close(file);
    if (count < 0) return ll_fail(error, LL_IO, "store", path, "cannot read the study: %s", strerror(reason));
    if (count == 0)
        return ll_fail(error, LL_INVALID_FILE, "store", path, "not a losslens study: the file is empty");
    if (count < (ssize_t)sizeof head || memcmp(head, "SQLite format 3", 16) != 0)
        return ll_fail(error, LL_INVALID_FILE, "store", path,
                       "not a losslens study: it does not begin like an SQLite file");
    uint32_t application =
        (uint32_t)head[68] << 24 | (uint32_t)head[69] << 16 | (uint32_t)head[70] << 8 | head[71];
    if (application != LL_STORE_APPLICATION_ID)
        return ll_fail(
            error, LL_INVALID_FILE, "store", path,
            "not a losslens study: an SQLite file of another application (its id is %u, wanted %d)",
            application, LL_STORE_APPLICATION_ID);
    return LL_OK;
}

/* ---------------------------------------------------------------- connecting */

static ll_status connect(ll_store *store, const char *name, int flags, ll_error *error)
{
    int code = sqlite3_open_v2(name, &store->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (code == SQLITE_OK) {
        sqlite3_busy_timeout(store->db, WAIT_MILLISECONDS);
        sqlite3_limit(store->db, SQLITE_LIMIT_LENGTH, (int)LL_STORE_BLOB_BYTES + 65536);
        sqlite3_limit(store->db, SQLITE_LIMIT_ATTACHED, 0);
        static const int settings[][2] = {
            {SQLITE_DBCONFIG_DEFENSIVE, 1},      {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
            {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0}, {SQLITE_DBCONFIG_ENABLE_FKEY, 1},
            {SQLITE_DBCONFIG_DQS_DML, 0},        {SQLITE_DBCONFIG_DQS_DDL, 0}};
        for (size_t i = 0; i < sizeof settings / sizeof settings[0] && code == SQLITE_OK; i++)
            code = sqlite3_db_config(store->db, settings[i][0], settings[i][1], NULL);
    }
    if (code == SQLITE_OK) {
        ll_status status =
            ll_sql_run(store,
                       "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;"
                       "PRAGMA cache_size = -16384",
                       error);
        return status == LL_OK ? ll_sql_add_functions(store, error) : status;
    }
    return ll_sql_failure(store, code, error);
}

/* file:...?immutable=1 with what a URI cannot hold escaped. */
static bool immutable_name(const char *path, ll_text *name)
{
    ll_text_append(name, "file:");
    for (const char *c = path; *c != 0; c++) {
        if (*c == '?' || *c == '#' || *c == '%') {
            ll_text_format(name, "%%%02X", (unsigned)(unsigned char)*c);
        } else {
            ll_text_append_bytes(name, c, 1);
        }
    }
    ll_text_append(name, "?immutable=1");
    return !name->failed;
}

/* Reading and writing even for a reader, who may find a killed writer's journal to roll back; query_only keeps him from
 * more. SQLite itself falls back to reading where the file cannot be written. */
static ll_status open_reader(ll_store *store, ll_error *error)
{
    ll_error first = {0};
    int64_t version;
    ll_status status = connect(store, store->path, SQLITE_OPEN_READWRITE, &first);
    if (status == LL_OK) status = ll_sql_run(store, "PRAGMA query_only = ON", &first);
    if (status == LL_OK) status = ll_sql_integer(store, "PRAGMA user_version", &version, &first);
    off_t size;
    if (status == LL_IO && !beside(store->path, "-wal", &size) && !beside(store->path, "-journal", &size)) {
        /* A WAL file in a folder that cannot be written: nobody can be writing it either. */
        ll_text name = {0};
        sqlite3_close(store->db);
        store->db = NULL;
        status = immutable_name(store->path, &name)
                     ? connect(store, name.text, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, &first)
                     : ll_fail_memory(&first, "store", 64);
        ll_text_deinit(&name);
    }
    if (status != LL_OK && error != NULL) *error = first;
    return status;
}

static ll_status journal(ll_store *store, const char *mode, ll_error *error)
{
    sqlite3_stmt *statement;
    bool row = false;
    char pragma[48];
    snprintf(pragma, sizeof pragma, "PRAGMA journal_mode = %s", mode);
    LL_TRY(ll_sql_prepare(store, pragma, &statement, error));
    ll_status status = ll_sql_step(store, statement, &row, error);
    if (status == LL_OK) store->wal = row && strcmp(ll_sql_text(statement, 0), "wal") == 0;
    sqlite3_finalize(statement);
    return status;
}

/* Tables for a new file, or what a file of an older version lacks; then the lock. All in one transaction. */
static ll_status claim(ll_store *store, const ll_store_options *options, const ll_store_schema *schema,
                       bool is_new, ll_error *error)
{
    int64_t tables, version;
    if (is_new) LL_TRY(ll_sql_run(store, "PRAGMA page_size = 8192", error));
    LL_TRY(ll_sql_run(store, "BEGIN IMMEDIATE", error));
    LL_TRY(ll_sql_integer(store, "SELECT count(*) FROM sqlite_schema", &tables, error));
    if (tables == 0 && options->access == LL_STORE_CREATE) {
        char pragma[64];
        snprintf(pragma, sizeof pragma, "PRAGMA application_id = %d", LL_STORE_APPLICATION_ID);
        LL_TRY(ll_sql_run(store, pragma, error));
    } else {
        LL_TRY(ll_store_check_schema(store, schema, &version, error));
    }
    LL_TRY(ll_store_migrate(store, schema, error));
    LL_TRY(ll_store_check_rows(store, error));
    LL_TRY(ll_store_lock(store, options->take_over, error));
    return ll_sql_run(store, "COMMIT", error);
}

static ll_status open_writer(ll_store *store, const ll_store_options *options, const ll_store_schema *schema,
                             bool is_new, ll_error *error)
{
    int create = options->access == LL_STORE_CREATE ? SQLITE_OPEN_CREATE : 0;
    LL_TRY(connect(store, store->path, SQLITE_OPEN_READWRITE | create, error));
    if (sqlite3_db_readonly(store->db, "main") == 1)
        return ll_fail(error, LL_IO, "store", store->path, "the file or its folder cannot be written");
    ll_status status = claim(store, options, schema, is_new, error);
    if (status != LL_OK) {
        store->token = 0;
        if (sqlite3_get_autocommit(store->db) == 0)
            (void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
        return status;
    }
    bool rollback = options->rollback_journal || on_network(store->path);
    /* A reader in the middle of a transaction can keep the mode from changing: either mode is safe, so go on. */
    if (journal(store, rollback ? "DELETE" : "WAL", NULL) != LL_OK) (void)journal(store, "DELETE", NULL);
    return ll_sql_run(store, store->wal ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = FULL", error);
}

ll_status ll_store_open_schema(const char *path, const ll_store_options *options,
                               const ll_store_schema *schema, ll_store **store, ll_error *error)
{
    static const ll_store_options reading = {.access = LL_STORE_READ};
    if (path == NULL || path[0] == 0)
        return ll_fail(error, LL_INVALID_ARGUMENT, "store", NULL, "no path was given");
    if (options == NULL) options = &reading;
    bool is_new = false;
    LL_TRY(look_at_file(path, options->access, &is_new, error));
    ll_store *opened = ll_allocate_zeroed(sizeof *opened);
    if (opened == NULL) return ll_fail_memory(error, "store", sizeof *opened);
    if (pthread_mutex_init(&opened->mutex, NULL) != 0) {
        ll_free(opened);
        return ll_fail_memory(error, "store", sizeof(pthread_mutex_t));
    }
    opened->path = ll_text_copy(path);
    ll_status status = opened->path == NULL ? ll_fail_memory(error, "store", strlen(path) + 1) : LL_OK;
    if (status == LL_OK && options->access != LL_STORE_READ) {
        status = open_writer(opened, options, schema, is_new, error);
    } else if (status == LL_OK) {
        status = open_reader(opened, error);
        int64_t version = 0;
        if (status == LL_OK) status = ll_store_enter(opened, false, error);
        if (status == LL_OK) {
            status = ll_store_check_schema(opened, schema, &version, error);
            if (status == LL_OK && version < schema->count)
                status = ll_fail(error, LL_UNSUPPORTED, "store", path,
                                 "written by an older losslens (tables of version %lld, wanted %lld): open "
                                 "it once for writing "
                                 "with `losslens run`, which brings it up to date",
                                 (long long)version, (long long)schema->count);
            if (status == LL_OK) status = ll_store_check_rows(opened, error);
            status = ll_store_leave(opened, status, error);
        }
    }
    if (status != LL_OK) {
        ll_store_destroy(opened);
        return status;
    }
    *store = opened;
    return LL_OK;
}

ll_status ll_store_open(const char *path, const ll_store_options *options, ll_store **store, ll_error *error)
{
    return ll_store_open_schema(path, options, &ll_store_current_schema, store, error);
}

void ll_store_destroy(ll_store *store)
{
    if (store == NULL) return;
    if (store->token != 0) {
        ll_store_unlock(store);
        /* One plain file again, unless a reader is in it; the last to close clears up then. */
        sqlite3_busy_timeout(store->db, 0);
        if (store->wal) (void)journal(store, "DELETE", NULL);
    }
    sqlite3_close(store->db);
    pthread_mutex_destroy(&store->mutex);
    ll_free(store->path);
    ll_free(store);
}

const char *ll_store_path(const ll_store *store) { return store->path; }

/* ---------------------------------------------------------------- transactions */

static ll_status begin(ll_store *store, bool write, ll_error *error)
{
    if (!write) return ll_sql_run(store, "BEGIN", error);
    if (store->token == 0)
        return ll_fail(error, LL_INVALID_ARGUMENT, "store", store->path, "the study was opened for reading");
    LL_TRY(ll_sql_run(store, "BEGIN IMMEDIATE", error));
    int64_t token = 0;
    ll_status status = ll_sql_integer(store, "SELECT token FROM writer", &token, NULL);
    if (status == LL_OK && token == store->token) return LL_OK;
    (void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    return ll_fail(error, LL_BUSY, "store", store->path, "another process took the writer's lock over");
}

ll_status ll_store_enter(ll_store *store, bool write, ll_error *error)
{
    pthread_mutex_lock(&store->mutex);
    ll_status status = begin(store, write, error);
    if (status != LL_OK) pthread_mutex_unlock(&store->mutex);
    return status;
}

ll_status ll_store_leave(ll_store *store, ll_status status, ll_error *error)
{
    if (status == LL_OK) status = ll_sql_run(store, "COMMIT", error);
    if (status != LL_OK && sqlite3_get_autocommit(store->db) == 0)
        (void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    pthread_mutex_unlock(&store->mutex);
    return status;
}
