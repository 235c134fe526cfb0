/* losslens status - what a study file holds, how far it is, and who writes it. */
#define _POSIX_C_SOURCE 200809L
#include "json.h"
#include "options.h"

#include "losslens/store.h"

#include <string.h>
#include <time.h>

typedef struct looked {
    ll_store_counts counts;
    ll_store_writer writer;
    ll_store_listing running, failed;
    ll_store_notes notes;
} looked;

static ll_status look(ll_store *store, looked *l, ll_error *error)
{
    const ll_job_state running = LL_JOB_RUNNING, failed = LL_JOB_FAILED;
    LL_TRY(ll_store_count_jobs(store, &l->counts, error));
    LL_TRY(ll_store_current_writer(store, &l->writer, error));
    LL_TRY(ll_store_list(store, &(ll_store_filter){.state = &running}, &l->running, error));
    LL_TRY(ll_store_list(store, &(ll_store_filter){.state = &failed}, &l->failed, error));
    return ll_store_list_provenance(store, &l->notes, error);
}

static void looked_deinit(looked *l)
{
    ll_store_counts_deinit(&l->counts);
    ll_store_listing_deinit(&l->running);
    ll_store_listing_deinit(&l->failed);
    ll_store_notes_deinit(&l->notes);
}

static const char *note(const looked *l, const char *name)
{
    for (int64_t i = 0; i < l->notes.count; i++)
        if (strcmp(l->notes.notes[i].name, name) == 0) return l->notes.notes[i].value;
    return "";
}

/* Counts of one kind over all groups; index of the first entry of each kind. */
static void sum_kind(const looked *l, int64_t first, int64_t sums[LL_JOB_STATES])
{
    memset(sums, 0, LL_JOB_STATES * sizeof *sums);
    for (int64_t i = first; i < l->counts.count; i++) {
        if (strcmp(l->counts.counts[i].kind, l->counts.counts[first].kind) != 0) continue;
        for (int s = 0; s < LL_JOB_STATES; s++) sums[s] += l->counts.counts[i].jobs[s];
    }
}

static bool is_first(const looked *l, int64_t index)
{
    for (int64_t i = 0; i < index; i++)
        if (strcmp(l->counts.counts[i].kind, l->counts.counts[index].kind) == 0) return false;
    return true;
}

static bool print_json(const looked *l, const char *path)
{
    ll_json json = {0};
    ll_json_open(&json, '{');
    ll_json_add_text(&json, "store", path);
    ll_json_add_text(&json, "study", note(l, "name"));
    ll_json_add_text(&json, "effort", note(l, "effort"));
    ll_json_key(&json, "jobs");
    ll_json_open(&json, '[');
    for (int64_t i = 0; i < l->counts.count; i++) {
        const ll_store_count *count = &l->counts.counts[i];
        ll_json_open(&json, '{');
        ll_json_add_text(&json, "kind", count->kind);
        ll_json_add_text(&json, "group", count->group);
        for (int s = 0; s < LL_JOB_STATES; s++)
            ll_json_add_integer(&json, ll_job_state_name((ll_job_state)s), count->jobs[s]);
        ll_json_close(&json, '}');
    }
    ll_json_close(&json, ']');
    ll_json_key(&json, "failures");
    ll_json_open(&json, '[');
    for (int64_t i = 0; i < l->failed.count; i++) {
        ll_json_open(&json, '{');
        ll_json_add_text(&json, "name", l->failed.rows[i].name);
        ll_json_add_text(&json, "message", l->failed.rows[i].message);
        ll_json_close(&json, '}');
    }
    ll_json_close(&json, ']');
    if (l->writer.held) {
        ll_json_key(&json, "writer");
        ll_json_open(&json, '{');
        ll_json_add_text(&json, "host", l->writer.host);
        ll_json_add_integer(&json, "pid", l->writer.pid);
        ll_json_add_number(&json, "since", l->writer.since);
        ll_json_close(&json, '}');
    }
    ll_json_close(&json, '}');
    return ll_json_print(&json, stdout);
}

static bool print_text(const looked *l, const char *path, ll_store *store)
{
    int64_t all[LL_JOB_STATES] = {0}, sums[LL_JOB_STATES], total = 0;
    for (int64_t i = 0; i < l->counts.count; i++)
        for (int s = 0; s < LL_JOB_STATES; s++) {
            all[s] += l->counts.counts[i].jobs[s];
            total += l->counts.counts[i].jobs[s];
        }
    printf("%s: study %s, effort %s, %lld of %lld jobs done\n\n", path, note(l, "name"), note(l, "effort"),
           (long long)all[LL_JOB_DONE], (long long)total);
    printf("  %-20s %8s %8s %8s %8s\n", "", "done", "running", "waiting", "failed");
    for (int64_t i = 0; i < l->counts.count; i++) {
        if (!is_first(l, i)) continue;
        sum_kind(l, i, sums);
        printf("  %-20s %8lld %8lld %8lld %8lld\n", l->counts.counts[i].kind, (long long)sums[LL_JOB_DONE],
               (long long)sums[LL_JOB_RUNNING], (long long)sums[LL_JOB_WAITING],
               (long long)sums[LL_JOB_FAILED]);
    }
    if (l->writer.held) {
        char since[32] = "";
        time_t when = (time_t)l->writer.since;
        struct tm local;
        if (localtime_r(&when, &local) != NULL) strftime(since, sizeof since, "%Y-%m-%d %H:%M", &local);
        printf("\n  written by process %lld on %s since %s\n", (long long)l->writer.pid, l->writer.host,
               since);
    } else if (all[LL_JOB_DONE] < total) {
        printf("\n  nobody works on it: losslens run %s continues\n", path);
    }
    for (int64_t i = 0; i < l->running.count; i++) {
        ll_store_progress progress;
        if (ll_store_read_progress(store, l->running.rows[i].id, &progress, NULL) != LL_OK) continue;
        printf("  %s: %lld", l->running.rows[i].name, (long long)progress.done);
        if (progress.total > 0) printf(" of %lld", (long long)progress.total);
        printf("\n");
    }
    for (int64_t i = 0; i < l->failed.count; i++)
        printf("  failed: %s: %s\n", l->failed.rows[i].name, l->failed.rows[i].message);
    return !ferror(stdout);
}

static int run(int argc, char **argv)
{
    bool json = false, verify = false;
    const ll_option options[] = {
        {"verify", LL_OPTION_FLAG, &verify, NULL, "also read and compare every checksum", 0, 0, NULL},
        LL_OPTION_JSON(&json),
    };
    const ll_command command = {.verb = "status",
                                .usage = "STUDY.db [options]",
                                .about = "How far a study is: its jobs by kind and state, who works on it, "
                                         "and what failed. Safe while it is written.",
                                .example = "losslens status study.db",
                                .options = options,
                                .option_count = LL_COUNT(options),
                                .least_words = 1,
                                .most_words = 1};
    ll_words words;
    int code;
    if (!ll_command_parse(&command, argc, argv, &words, &code)) return code;
    ll_error error = {0};
    ll_store *store = NULL;
    looked l = {0};
    ll_status status = ll_store_open(words.items[0], NULL, &store, &error);
    if (status == LL_OK && verify) status = ll_store_verify(store, &error);
    if (status == LL_OK) status = look(store, &l, &error);
    bool printed =
        status == LL_OK && (json ? print_json(&l, words.items[0]) : print_text(&l, words.items[0], store));
    looked_deinit(&l);
    ll_store_destroy(store);
    if (status != LL_OK) return ll_command_failure(&command, &error);
    return printed ? LL_EXIT_OK : LL_EXIT_FAILURE;
}

const ll_verb ll_verb_status = {"status", "how far a study is, and what failed", run};
