/* The tables, their versions, and the check that a file has exactly these. docs/store.md explains them. */
#include "store/internal.h"

#include <string.h>

/* Every `sum` is row_sum of the other columns of its row in order (fields.real left out: SQLite keeps neither
 * NaN nor the sign of zero; `bits` has them). `id`s are never used again, so that a stale id finds nothing. */
static const char *const migrations[] = {
    "CREATE TABLE migrations(version INTEGER PRIMARY KEY, applied REAL NOT NULL) STRICT;"
    "CREATE TABLE writer(id INTEGER PRIMARY KEY CHECK(id = 1), token INTEGER NOT NULL, host TEXT NOT NULL,"
    " machine TEXT NOT NULL, pid INTEGER NOT NULL, process_started INTEGER NOT NULL, since REAL NOT NULL) "
    "STRICT;"
    "CREATE TABLE provenance(name TEXT NOT NULL, value TEXT NOT NULL, sum INTEGER NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX provenance_by_name ON provenance(name);"
    "CREATE TABLE jobs(id INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL, kind TEXT NOT NULL, name "
    "TEXT NOT NULL,"
    " member_group TEXT NOT NULL, subject TEXT NOT NULL, other TEXT NOT NULL, inputs TEXT NOT NULL,"
    " wanted INTEGER NOT NULL, state TEXT NOT NULL, message TEXT NOT NULL, started REAL, finished REAL, "
    "seconds REAL,"
    " host TEXT NOT NULL, threads INTEGER NOT NULL, version TEXT NOT NULL, record_kind TEXT NOT NULL,"
    " record_schema INTEGER NOT NULL, record_fields INTEGER NOT NULL, record_bytes INTEGER NOT NULL, "
    "record_hash BLOB,"
    " sum INTEGER NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX jobs_by_key ON jobs(key);"
    "CREATE TABLE progress(job INTEGER PRIMARY KEY REFERENCES jobs(id) ON DELETE CASCADE, what TEXT NOT NULL,"
    " done INTEGER NOT NULL, total INTEGER NOT NULL, value_name TEXT NOT NULL, value REAL, at REAL NOT NULL,"
    " sum INTEGER NOT NULL) STRICT;"
    "CREATE TABLE fields(id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " job INTEGER NOT NULL REFERENCES jobs(id) ON DELETE CASCADE, position INTEGER NOT NULL, name TEXT NOT "
    "NULL,"
    " unit TEXT NOT NULL, type TEXT NOT NULL, integer INTEGER, real REAL, bits INTEGER, text TEXT, "
    "array_type TEXT,"
    " shape TEXT, sum INTEGER NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX fields_by_job ON fields(job, position);"
    "CREATE TABLE blobs(field INTEGER NOT NULL REFERENCES fields(id) ON DELETE CASCADE, part INTEGER NOT "
    "NULL,"
    " parts INTEGER NOT NULL, bytes INTEGER NOT NULL, packed INTEGER NOT NULL, data BLOB NOT NULL, sum "
    "INTEGER NOT NULL)"
    " STRICT;"
    "CREATE UNIQUE INDEX blobs_by_field ON blobs(field, part);"
    "CREATE TABLE pieces(job INTEGER NOT NULL REFERENCES jobs(id) ON DELETE CASCADE, name TEXT NOT NULL,"
    " part INTEGER NOT NULL, parts INTEGER NOT NULL, bytes INTEGER NOT NULL, packed INTEGER NOT NULL, data "
    "BLOB NOT NULL,"
    " sum INTEGER NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX pieces_by_name ON pieces(job, name, part);"
    "CREATE VIEW results AS SELECT j.id AS job, j.kind, j.name, j.member_group, j.subject, j.other, f.name "
    "AS field, f.unit,"
    " coalesce(f.integer, f.real, f.text, f.array_type || ' ' || f.shape) AS value"
    " FROM jobs j JOIN fields f ON f.job = j.id;",
    /* Version 2: all numbers of a result in one row, so that a list of many results is read in one go. */
    "CREATE TABLE numbers(job INTEGER PRIMARY KEY REFERENCES jobs(id) ON DELETE CASCADE, data BLOB NOT NULL,"
    " sum INTEGER NOT NULL) STRICT;"
    "INSERT INTO numbers SELECT job, pack_numbers(name, integer, bits), 0 FROM fields WHERE type IN "
    "('integer', 'real') GROUP BY job;"
    "UPDATE numbers SET sum = row_sum(job, data);",
};
const ll_store_schema ll_store_current_schema = {migrations, sizeof migrations / sizeof migrations[0]};

ll_status ll_store_migrate(ll_store *store, const ll_store_schema *schema, ll_error *error)
{
    int64_t version;
    LL_TRY(ll_sql_integer(store, "PRAGMA user_version", &version, error));
    for (int64_t next = version; next < schema->count; next++) {
        sqlite3_stmt *note;
        LL_TRY(ll_sql_run(store, schema->migrations[next], error));
        LL_TRY(ll_sql_prepare(store, "INSERT INTO migrations VALUES(?1, ?2)", &note, error));
        ll_status status = ll_sql_bind(store, note, error, "ir", next + 1, ll_store_now());
        if (status == LL_OK) status = ll_sql_done(store, note, error);
        sqlite3_finalize(note);
        if (status != LL_OK) return status;
    }
    char *pragma = sqlite3_mprintf("PRAGMA user_version = %lld", (long long)schema->count);
    if (pragma == NULL) return ll_fail_memory(error, "store", 64);
    ll_status status = ll_sql_run(store, pragma, error);
    sqlite3_free(pragma);
    return status;
}

/* Names and statements of everything that is there, as one text. What SQLite itself adds (sqlite_sequence, statistics)
 * is left out. */
static ll_status schema_text(ll_store *store, ll_text *text, ll_error *error)
{
    sqlite3_stmt *select;
    LL_TRY(ll_sql_prepare(store,
                          "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE "
                          "'\\' ORDER BY type, name",
                          &select, error));
    bool row = true;
    ll_status status;
    while ((status = ll_sql_step(store, select, &row, error)) == LL_OK && row)
        ll_text_format(text, "%s %s: %s\n", ll_sql_text(select, 0), ll_sql_text(select, 1),
                       ll_sql_text(select, 2));
    sqlite3_finalize(select);
    ll_text_append(text, "");
    if (status == LL_OK && text->failed) status = ll_fail_memory(error, "store", text->capacity);
    return status;
}

/* The same text of a fresh file in memory at that version. */
static ll_status expected_text(const ll_store_schema *schema, int64_t version, ll_text *text, ll_error *error)
{
    ll_store fresh = {0};
    int code = sqlite3_open_v2(":memory:", &fresh.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    ll_store_schema part = {schema->migrations, version};
    ll_status status =
        code == SQLITE_OK ? ll_sql_add_functions(&fresh, error) : ll_sql_failure(&fresh, code, error);
    if (status == LL_OK) status = ll_store_migrate(&fresh, &part, error);
    if (status == LL_OK) status = schema_text(&fresh, text, error);
    sqlite3_close(fresh.db);
    return status;
}

ll_status ll_store_check_schema(ll_store *store, const ll_store_schema *schema, int64_t *version,
                                ll_error *error)
{
    int64_t application, found;
    LL_TRY(ll_sql_integer(store, "PRAGMA application_id", &application, error));
    LL_TRY(ll_sql_integer(store, "PRAGMA user_version", &found, error));
    if (application != LL_STORE_APPLICATION_ID)
        return ll_fail(
            error, LL_INVALID_FILE, "store", store->path,
            "not a losslens study: an SQLite file of another application (its id is %lld, wanted %d)",
            (long long)application, LL_STORE_APPLICATION_ID);
    if (found > schema->count)
        return ll_fail(
            error, LL_UNSUPPORTED, "store", store->path,
            "written by a newer losslens: its tables are of version %lld, this program knows up to %lld",
            (long long)found, (long long)schema->count);
    if (found < 1)
        return ll_fail(error, LL_INVALID_FILE, "store", store->path,
                       "got tables of version %lld, wanted 1 to %lld", (long long)found,
                       (long long)schema->count);
    ll_text is = {0}, wanted = {0};
    ll_status status = schema_text(store, &is, error);
    if (status == LL_OK) status = expected_text(schema, found, &wanted, error);
    if (status == LL_OK && strcmp(is.text, wanted.text) != 0)
        status = ll_fail(error, LL_INVALID_FILE, "store", store->path,
                         "its tables, indexes, views or triggers are not those of a study of version %lld",
                         (long long)found);
    ll_text_deinit(&is);
    ll_text_deinit(&wanted);
    if (status == LL_OK) *version = found;
    return status;
}

/* First row of a check: "ok", or what is wrong. */
static ll_status check(ll_store *store, const char *pragma, ll_error *error)
{
    sqlite3_stmt *statement;
    bool row = false;
    LL_TRY(ll_sql_prepare(store, pragma, &statement, error));
    ll_status status = ll_sql_step(store, statement, &row, error);
    if (status == LL_OK && (!row || strcmp(ll_sql_text(statement, 0), "ok") != 0))
        status = ll_fail(error, LL_INVALID_FILE, "store", store->path, "the study file is damaged: %s",
                         row ? ll_sql_text(statement, 0) : "no answer to its check");
    sqlite3_finalize(statement);
    return status;
}

ll_status ll_store_check_rows(ll_store *store, ll_error *error)
{
    /* What lists read: checked here once. Fields, blobs and pieces are checked when they are read. */
    LL_TRY(check(store, "PRAGMA integrity_check(jobs)", error));
    LL_TRY(check(store, "PRAGMA integrity_check(provenance)", error));
    int64_t wrong;
    LL_TRY(ll_sql_integer(store,
                          "SELECT (SELECT count(*) FROM jobs WHERE sum IS NOT row_sum(" LL_JOB_COLUMNS "))"
                          " + (SELECT count(*) FROM provenance WHERE sum IS NOT row_sum(name, value))",
                          &wrong, error));
    if (wrong != 0)
        return ll_fail(error, LL_INVALID_FILE, "store", store->path,
                       "the study file is damaged: %lld rows with a wrong checksum", (long long)wrong);
    return LL_OK;
}
