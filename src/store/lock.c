/* One writer: a row that says who, and how to see whether he still lives. */
#define _GNU_SOURCE
#include "store/internal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

typedef struct owner {
    int64_t token, pid, process_started;
    char host[256], machine[128];
    double since;
} owner;

void ll_store_host(char host[256])
{
    if (gethostname(host, 256) != 0) host[0] = 0;
    host[255] = 0;
}

static size_t read_small(const char *path, char *text, size_t capacity)
{
    FILE *file = fopen(path, "re");
    size_t count = file != NULL ? fread(text, 1, capacity - 1, file) : 0;
    if (file != NULL) fclose(file);
    text[count] = 0;
    return count;
}

/* This boot of this kernel, and the name space in which our pids mean something. */
static void machine_name(char machine[128])
{
    char boot[64], space[48];
    read_small("/proc/sys/kernel/random/boot_id", boot, sizeof boot);
    boot[strcspn(boot, "\n")] = 0;
    ssize_t length = readlink("/proc/self/ns/pid", space, sizeof space - 1);
    space[length > 0 ? length : 0] = 0;
    snprintf(machine, 128, "%s %s", boot, space);
}

/* Start time of a process in clock ticks since boot: with the pid it names a process once and for all. -1: gone. */
static int64_t process_start(int64_t pid)
{
    char path[48], stat[1024];
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    if (read_small(path, stat, sizeof stat) == 0) return -1;
    char *field = strrchr(stat, ')'); /* the name may hold anything, even ") " */
    if (field == NULL) return -1;
    char state = field[1] != 0 ? field[2] : 0;
    if (state == 'Z' || state == 'X') return -1; /* ended, not yet waited for */
    for (int i = 0; i < 20 && field != NULL; i++) field = strchr(field + 1, ' ');
    return field != NULL ? strtoll(field, NULL, 10) : -1;
}

typedef enum life { DEAD, ALIVE, UNKNOWN } life;

static life look(const owner *other)
{
    char host[256], machine[128];
    ll_store_host(host);
    machine_name(machine);
    if (strcmp(machine, other->machine) != 0) {
        /* Same host and another boot: it restarted. Same boot and another name space of pids (a container), or another
         * host: nobody here can tell. */
        size_t boot = strcspn(machine, " ");
        bool same_boot = boot == strcspn(other->machine, " ") && strncmp(machine, other->machine, boot) == 0;
        return strcmp(host, other->host) == 0 && !same_boot && boot > 0 && other->machine[0] != ' ' ? DEAD
                                                                                                    : UNKNOWN;
    }
    if (kill((pid_t)other->pid, 0) != 0 && errno == ESRCH) return DEAD;
    int64_t started = process_start(other->pid);
    if (started < 0) return access("/proc/self/stat", R_OK) == 0 ? DEAD : ALIVE;
    return started == other->process_started ? ALIVE : DEAD;
}

static ll_status read_owner(ll_store *store, bool *there, owner *found, ll_error *error)
{
    sqlite3_stmt *select;
    LL_TRY(ll_sql_prepare(store, "SELECT token, host, machine, pid, process_started, since FROM writer",
                          &select, error));
    ll_status status = ll_sql_step(store, select, there, error);
    if (status == LL_OK && *there) {
        *found = (owner){.token = sqlite3_column_int64(select, 0),
                         .pid = sqlite3_column_int64(select, 3),
                         .process_started = sqlite3_column_int64(select, 4),
                         .since = ll_sql_real(select, 5)};
        snprintf(found->host, sizeof found->host, "%s", ll_sql_text(select, 1));
        snprintf(found->machine, sizeof found->machine, "%s", ll_sql_text(select, 2));
    }
    sqlite3_finalize(select);
    return status;
}

ll_status ll_store_lock(ll_store *store, bool take_over, ll_error *error)
{
    bool there;
    owner other, self = {.pid = getpid(), .since = ll_store_now()};
    LL_TRY(read_owner(store, &there, &other, error));
    life state = there ? look(&other) : DEAD;
    if (state == ALIVE)
        return ll_fail(error, LL_BUSY, "store", store->path, "process %lld on host %s is writing this study",
                       (long long)other.pid, other.host);
    if (state == UNKNOWN && !take_over)
        return ll_fail(error, LL_BUSY, "store", store->path,
                       "process %lld on host %s was writing this study, and from here nobody can tell "
                       "whether it still lives; "
                       "end it, or take its lock over if it is gone",
                       (long long)other.pid, other.host);
    ll_store_host(self.host);
    machine_name(self.machine);
    self.process_started = process_start(self.pid);
    while (self.token == 0)
        if (getrandom(&self.token, sizeof self.token, 0) != (ssize_t)sizeof self.token)
            self.token = (int64_t)(self.since * 1e6) ^ self.pid;
    sqlite3_stmt *insert;
    LL_TRY(ll_sql_prepare(store, "INSERT OR REPLACE INTO writer VALUES(1, ?1, ?2, ?3, ?4, ?5, ?6)", &insert,
                          error));
    ll_status status = ll_sql_bind(store, insert, error, "ittiir", self.token, self.host, self.machine,
                                   self.pid, self.process_started, self.since);
    if (status == LL_OK) status = ll_sql_done(store, insert, error);
    sqlite3_finalize(insert);
    if (status == LL_OK)
        status =
            ll_sql_run(store,
                       "CREATE TEMP TABLE orphans AS SELECT id FROM jobs WHERE state = 'running';"
                       "UPDATE jobs SET state = 'waiting' WHERE id IN orphans;" LL_JOB_SEAL "id IN orphans;"
                       "DROP TABLE orphans",
                       error);
    if (status == LL_OK) store->token = self.token;
    return status;
}

void ll_store_unlock(ll_store *store)
{
    sqlite3_stmt *delete;
    if (store->token == 0 ||
        ll_sql_prepare(store, "DELETE FROM writer WHERE token = ?1", &delete, NULL) != LL_OK)
        return;
    /* Should this fail, the row stays, and the next writer sees that its owner is gone. */
    if (ll_sql_bind(store, delete, NULL, "i", store->token) == LL_OK) (void)sqlite3_step(delete);
    sqlite3_finalize(delete);
    store->token = 0;
}

ll_status ll_store_current_writer(ll_store *store, ll_store_writer *writer, ll_error *error)
{
    bool there = false;
    owner other;
    LL_TRY(ll_store_enter(store, false, error));
    LL_TRY(ll_store_leave(store, read_owner(store, &there, &other, error), error));
    ll_store_writer found = {0};
    if (there && look(&other) != DEAD) {
        found = (ll_store_writer){.held = true, .pid = other.pid, .since = other.since};
        memcpy(found.host, other.host, sizeof found.host);
    }
    *writer = found;
    return LL_OK;
}
