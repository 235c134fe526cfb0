#define _GNU_SOURCE
#include "losslens/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* WAIT_SPINS: pauses before a thread sleeps, some 50 microseconds: about what waking a sleeping one costs, so that jobs
 * that follow each other closely (small terms, passes) find their threads awake. */
enum { MAX_THREADS = 1024, BARRIER_SPINS = 2000, WAIT_SPINS = 2000 };

static inline void pause_briefly(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

struct worker {
    ll_team *team;
    pthread_t thread;
    int index;
};

struct ll_team {
    int threads;
    struct worker *workers; /* threads - 1 of them; the caller is thread 0 */
    pthread_mutex_t mutex;
    pthread_cond_t wake, idle;
    _Atomic uint64_t generation; /* of the job at hand; workers wait for it to change */
    _Atomic int busy; /* workers in the job (each: that are still to finish it); written under mutex */
    _Atomic bool ending;
    bool open; /* the job may be joined */
    int spins; /* 0 where threads outnumber cores */

    /* the job */
    ll_chunk_function function;
    void *context;
    int64_t chunks;
    bool each; /* chunk = thread index, one a thread */
    _Atomic int64_t next_chunk;
    _Atomic bool failed;
    int64_t failed_chunk; /* lowest; guarded by mutex, as are the two below */
    ll_status status;
    ll_error error;

    /* the barrier of ll_team_run_each */
    _Atomic int barrier_waiting;
    _Atomic unsigned barrier_phase;
};

static void note_failure(ll_team *team, int64_t chunk, ll_status status, const ll_error *error)
{
    pthread_mutex_lock(&team->mutex);
    if (team->failed_chunk < 0 || chunk < team->failed_chunk) {
        team->failed_chunk = chunk;
        team->status = status;
        team->error = *error;
    }
    pthread_mutex_unlock(&team->mutex);
    atomic_store_explicit(&team->failed, true, memory_order_relaxed);
}

static void take_part(ll_team *team, int thread)
{
    ll_error error;
    if (team->each) {
        error = (ll_error){0};
        ll_status status = team->function(team->context, thread, thread, &error);
        if (status != LL_OK) note_failure(team, thread, status, &error);
        return;
    }
    while (!atomic_load_explicit(&team->failed, memory_order_relaxed)) {
        int64_t chunk = atomic_fetch_add_explicit(&team->next_chunk, 1, memory_order_relaxed);
        if (chunk >= team->chunks) break;
        error = (ll_error){0};
        ll_status status = team->function(team->context, chunk, thread, &error);
        if (status != LL_OK) note_failure(team, chunk, status, &error);
    }
}

/* A worker that comes when all chunks are taken stays out of the job: nobody waits for it. */
static void *worker_main(void *argument)
{
    struct worker *self = argument;
    ll_team *team = self->team;
    uint64_t seen = 0;
    for (;;) {
        for (int spins = 0;
             spins < team->spins && atomic_load_explicit(&team->generation, memory_order_relaxed) == seen &&
             !atomic_load_explicit(&team->ending, memory_order_relaxed);
             spins++)
            pause_briefly();
        pthread_mutex_lock(&team->mutex);
        while (team->generation == seen && !team->ending) pthread_cond_wait(&team->wake, &team->mutex);
        bool ending = team->ending;
        seen = team->generation;
        bool joins = team->open && (team->each || team->next_chunk < team->chunks);
        if (joins && !team->each) team->busy++;
        pthread_mutex_unlock(&team->mutex);
        if (ending) return NULL;
        if (!joins) continue;
        take_part(team, self->index);
        pthread_mutex_lock(&team->mutex);
        if (--team->busy == 0) pthread_cond_signal(&team->idle);
        pthread_mutex_unlock(&team->mutex);
    }
}

/* cgroup v2: "max 100000" or "200000 100000" microseconds of CPU per period. */
static int cgroup_cores(void)
{
    FILE *file = fopen("/sys/fs/cgroup/cpu.max", "re");
    if (file == NULL) return MAX_THREADS;
    long long quota = 0, period = 0;
    int read = fscanf(file, "%lld %lld", &quota, &period);
    fclose(file);
    if (read != 2 || quota <= 0 || period <= 0) return MAX_THREADS; /* "max": no quota */
    long long cores = (quota + period - 1) / period;
    return cores < MAX_THREADS ? (int)cores : MAX_THREADS;
}

int ll_usable_cores(void)
{
    cpu_set_t set;
    int cores = 1;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        cores = CPU_COUNT(&set);
    } else {
        long online = sysconf(_SC_NPROCESSORS_ONLN);
        if (online > 0) cores = online < MAX_THREADS ? (int)online : MAX_THREADS;
    }
    int quota = cgroup_cores();
    return cores < quota ? cores : quota;
}

size_t ll_usable_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    size_t bytes = pages > 0 && page > 0 ? (size_t)pages * (size_t)page : 0;
    FILE *file = fopen("/sys/fs/cgroup/memory.max", "re"); /* "max": no limit */
    if (file == NULL) return bytes;
    long long limit = 0;
    int read = fscanf(file, "%lld", &limit);
    fclose(file);
    return read == 1 && limit > 0 && (bytes == 0 || (size_t)limit < bytes) ? (size_t)limit : bytes;
}

ll_status ll_team_create(int threads, ll_team **out, ll_error *error)
{
    if (threads < 0 || threads > MAX_THREADS) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "parallel", "threads",
                       "got %d threads; wanted 0 (all cores) to %d", threads, MAX_THREADS);
    }
    if (threads == 0) threads = ll_usable_cores();
    ll_team *team = ll_allocate_zeroed(sizeof *team);
    if (team == NULL) return ll_fail_memory(error, "parallel", sizeof *team);
    team->workers = ll_allocate_array(threads, sizeof *team->workers);
    if (team->workers == NULL) {
        ll_free(team);
        return ll_fail_memory(error, "parallel", (size_t)threads * sizeof *team->workers);
    }
    pthread_mutex_init(&team->mutex, NULL);
    pthread_cond_init(&team->wake, NULL);
    pthread_cond_init(&team->idle, NULL);
    team->threads = 1;
    team->spins = threads <= ll_usable_cores() ? WAIT_SPINS : 0;
    for (int index = 1; index < threads; index++) {
        struct worker *worker = &team->workers[index - 1];
        *worker = (struct worker){.team = team, .index = index};
        int code = pthread_create(&worker->thread, NULL, worker_main, worker);
        if (code != 0) {
            ll_team_destroy(team);
            return ll_fail(error, LL_OUT_OF_MEMORY, "parallel", "threads",
                           "thread %d of %d cannot be made: %s", index + 1, threads, strerror(code));
        }
        team->threads = index + 1;
    }
    *out = team;
    return LL_OK;
}

void ll_team_destroy(ll_team *team)
{
    if (team == NULL) return;
    pthread_mutex_lock(&team->mutex);
    team->ending = true;
    pthread_cond_broadcast(&team->wake);
    pthread_mutex_unlock(&team->mutex);
    for (int index = 1; index < team->threads; index++) pthread_join(team->workers[index - 1].thread, NULL);
    pthread_cond_destroy(&team->idle);
    pthread_cond_destroy(&team->wake);
    pthread_mutex_destroy(&team->mutex);
    ll_free(team->workers);
    ll_free(team);
}

int ll_team_threads(const ll_team *team) { return team != NULL ? team->threads : 1; }

/* Without workers: the same order of chunks, the same rule for failures. */
static ll_status run_alone(int64_t chunks, ll_chunk_function function, void *context, ll_error *error)
{
    for (int64_t chunk = 0; chunk < chunks; chunk++) LL_TRY(function(context, chunk, 0, error));
    return LL_OK;
}

static ll_status run_job(ll_team *team, bool each, int64_t chunks, ll_chunk_function function, void *context,
                         ll_error *error)
{
    pthread_mutex_lock(&team->mutex);
    team->function = function;
    team->context = context;
    team->chunks = chunks;
    team->each = each;
    atomic_store_explicit(&team->next_chunk, 0, memory_order_relaxed);
    atomic_store_explicit(&team->failed, false, memory_order_relaxed);
    atomic_store_explicit(&team->barrier_waiting, 0, memory_order_relaxed);
    team->failed_chunk = -1;
    team->busy = each ? team->threads - 1 : 0;
    team->open = true;
    team->generation++;
    pthread_cond_broadcast(&team->wake);
    pthread_mutex_unlock(&team->mutex);

    take_part(team, 0);

    for (int spins = 0; spins < team->spins && atomic_load_explicit(&team->busy, memory_order_relaxed) > 0;
         spins++)
        pause_briefly();
    pthread_mutex_lock(&team->mutex);
    while (team->busy > 0) pthread_cond_wait(&team->idle, &team->mutex);
    team->open = false;
    ll_status status = team->failed_chunk >= 0 ? team->status : LL_OK;
    if (status != LL_OK && error != NULL) *error = team->error;
    pthread_mutex_unlock(&team->mutex);
    return status;
}

ll_status ll_team_run(ll_team *team, int64_t chunks, ll_chunk_function function, void *context,
                      ll_error *error)
{
    if (chunks <= 0) return LL_OK;
    if (ll_team_threads(team) == 1 || chunks == 1) return run_alone(chunks, function, context, error);
    return run_job(team, false, chunks, function, context, error);
}

ll_status ll_team_run_each(ll_team *team, ll_chunk_function function, void *context, ll_error *error)
{
    if (ll_team_threads(team) == 1) return run_alone(1, function, context, error);
    return run_job(team, true, team->threads, function, context, error);
}

void ll_team_barrier(ll_team *team)
{
    int threads = ll_team_threads(team);
    if (threads == 1) return;
    unsigned phase = atomic_load_explicit(&team->barrier_phase, memory_order_acquire);
    if (atomic_fetch_add_explicit(&team->barrier_waiting, 1, memory_order_acq_rel) + 1 == threads) {
        atomic_store_explicit(&team->barrier_waiting, 0, memory_order_relaxed);
        atomic_store_explicit(&team->barrier_phase, phase + 1, memory_order_release);
        return;
    }
    /* Spin briefly, then give the core away: threads may outnumber cores. */
    for (int spins = 0; atomic_load_explicit(&team->barrier_phase, memory_order_acquire) == phase; spins++) {
        if (spins > BARRIER_SPINS) sched_yield();
    }
}
