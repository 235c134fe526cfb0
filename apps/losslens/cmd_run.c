#define _POSIX_C_SOURCE 200809L

/* losslens run - computes what a study wants and does not have yet. */
#include "json.h"
#include "options.h"
#include "progress.h"

#include "losslens/study.h"

#include <string.h>
#include <unistd.h>

typedef struct settings {
    const char *effort, *add, *group;
    ll_texts models, option, checkpoints;
    int64_t threads, memory;
    double max_seconds;
    bool dry_run, json, quiet, rollback, take_over, prune;
} settings;

/* What is shown while it runs. In a terminal the job's own progress stands in one line that is kept up to
 * date; into a file a line a finished job, at most one every few seconds when there are many. */
typedef struct run_screen {
    ll_progress_line line; /* of the job at work */
    ll_sink inner;         /* the line's own */
    double begun, most_seconds;
    bool quiet, terminal;
    double last;
    int64_t skipped;
} run_screen;

static void print_seconds(double seconds, char text[32])
{
    long long s = (long long)(seconds + 0.5);
    if (seconds < 9.95) snprintf(text, 32, "%.1f s", seconds);
    else if (s < 60) snprintf(text, 32, "%lld s", s);
    else if (s < 3600) snprintf(text, 32, "%lld min %02lld s", s / 60, s % 60);
    else snprintf(text, 32, "%lld h %02lld min", s / 3600, s / 60 % 60);
}

static void end_line(run_screen *s)
{
    if (s->line.open) fputs("\r\033[K", stderr);
    s->line.open = false;
}

static void show(void *context, const ll_study_event *event)
{
    run_screen *s = context;
    char took[32], left[48] = "", count[64];
    if (event->what == LL_EVENT_NOTE || event->what == LL_EVENT_FAILED) {
        end_line(s);
        if (event->what == LL_EVENT_NOTE) fprintf(stderr, "losslens run: %s\n", event->message);
        else fprintf(stderr, "losslens run: %s: %s\n", event->name, event->message);
        return;
    }
    if (s->quiet) return;
    snprintf(count, sizeof count, "%lld of %lld", (long long)event->jobs_done, (long long)event->jobs);
    if (event->what == LL_EVENT_PLANNED && event->jobs_done < event->jobs) {
        end_line(s);
        fprintf(stderr, "%s jobs are done\n", count);
    }
    if (event->what == LL_EVENT_BEGUN) ll_progress_next(&s->line); /* each job counts its own steps */
    if (event->what == LL_EVENT_BEGUN && s->terminal) {
        fprintf(stderr, "\r\033[K%s  %s ...", count, event->name);
        s->line.open = true;
    }
    if (event->what != LL_EVENT_DONE) return;
    double now = ll_clock_seconds();
    if (now - s->last < 0.5 && event->jobs_done < event->jobs) {
        s->skipped++;
        return;
    }
    s->last = now;
    end_line(s);
    print_seconds(event->seconds, took);
    if (event->left >= 1.0) {
        char rest[32];
        print_seconds(event->left, rest);
        snprintf(left, sizeof left, ", about %s left", rest);
    }
    fprintf(stderr, "%s  %s, %s%s\n", count, event->name, took, left);
    s->skipped = 0;
}

static const char *stopped_by(const run_screen *s)
{
    if (s->most_seconds > 0 && ll_clock_seconds() - s->begun >= s->most_seconds) return "the time is over";
    return ll_progress_stopped(&s->line);
}

static bool should_stop(void *context) { return stopped_by(context) != NULL; }

static void show_steps(void *context, const ll_progress *progress)
{
    const run_screen *s = context;
    ll_sink_progress(&s->inner, progress);
}

/* ---------------------------------------------------------------- dry run */

static bool print_plan_json(const ll_study *study, const ll_study_estimate *estimates)
{
    ll_json json = {0};
    ll_json_open(&json, '{');
    ll_json_add_text(&json, "study", ll_study_name(study));
    ll_json_add_text(&json, "effort", ll_effort_name(ll_study_effort(study)));
    for (int e = 0; e < LL_EFFORTS; e++) {
        ll_json_key(&json, ll_effort_name((ll_effort)e));
        ll_json_open(&json, '{');
        ll_json_add_number(&json, "seconds", estimates[e].seconds);
        ll_json_add_number(&json, "memory_bytes", estimates[e].memory_bytes);
        ll_json_add_number(&json, "disk_bytes", estimates[e].disk_bytes);
        ll_json_key(&json, "jobs");
        ll_json_open(&json, '[');
        for (int64_t k = 0; k < estimates[e].count; k++) {
            const ll_study_cost *cost = &estimates[e].costs[k];
            ll_json_open(&json, '{');
            ll_json_add_text(&json, "kind", cost->kind);
            ll_json_add_integer(&json, "jobs", cost->jobs);
            ll_json_add_number(&json, "seconds", cost->seconds);
            ll_json_add_number(&json, "bytes", cost->bytes);
            ll_json_close(&json, '}');
        }
        ll_json_close(&json, ']');
        ll_json_close(&json, '}');
    }
    ll_json_close(&json, '}');
    return ll_json_print(&json, stdout);
}

static bool print_plan(const ll_study *study, const ll_study_estimate *estimates)
{
    char text[LL_NUMBER_TEXT], took[32];
    printf("%s: %lld groups\n\n  %-20s", ll_study_name(study), (long long)ll_study_group_count(study), "");
    for (int e = 0; e < LL_EFFORTS; e++) {
        char name[32];
        snprintf(name, sizeof name, "%s%s", ll_effort_name((ll_effort)e),
                 (ll_effort)e == ll_study_effort(study) ? " *" : "");
        printf("%24s", name);
    }
    printf("\n");
    for (int64_t k = 0;; k++) {
        /* Kinds in the order of the longest list. */
        int longest = 0;
        for (int e = 1; e < LL_EFFORTS; e++)
            if (estimates[e].count > estimates[longest].count) longest = e;
        if (k >= estimates[longest].count) break;
        const char *kind = estimates[longest].costs[k].kind;
        printf("  %-20s", kind);
        for (int e = 0; e < LL_EFFORTS; e++) {
            char cell[64] = "-";
            for (int64_t i = 0; i < estimates[e].count; i++) {
                if (strcmp(estimates[e].costs[i].kind, kind) != 0) continue;
                print_seconds(estimates[e].costs[i].seconds, took);
                snprintf(cell, sizeof cell, "%lld x, %s", (long long)estimates[e].costs[i].jobs, took);
            }
            printf("%24s", cell);
        }
        printf("\n");
    }
    static const char *const rows[] = {"time", "memory", "disk"};
    for (int r = 0; r < 3; r++) {
        printf("  %-20s", rows[r]);
        for (int e = 0; e < LL_EFFORTS; e++) {
            print_seconds(estimates[e].seconds, took);
            printf("%24s", r == 0 ? took
                                  : ll_print_bytes(
                                        r == 1 ? estimates[e].memory_bytes : estimates[e].disk_bytes, text));
        }
        printf("\n");
    }
    printf(
        "\n  * as the study says; from measurements on this machine, to be trusted within a factor of 2\n");
    return !ferror(stdout);
}

static int dry_run(const ll_command *command, const ll_study *study, const settings *s)
{
    ll_study_estimate estimates[LL_EFFORTS] = {{0}};
    const ll_study_run_options options = {.threads = (int)s->threads, .memory = (size_t)s->memory};
    ll_error error = {0};
    if (ll_study_estimates(study, &options, 0, estimates, &error) != LL_OK)
        return ll_command_failure(command, &error);
    bool printed = s->json ? print_plan_json(study, estimates) : print_plan(study, estimates);
    for (int e = 0; e < LL_EFFORTS; e++) ll_study_estimate_deinit(&estimates[e]);
    return printed ? LL_EXIT_OK : LL_EXIT_FAILURE;
}

/* ---------------------------------------------------------------- running */

static bool ends_with(const char *text, const char *end)
{
    size_t a = strlen(text), b = strlen(end);
    return a >= b && strcmp(text + a - b, end) == 0;
}

/* Adds what --add and --checkpoints say to the study file. */
static ll_status add(const settings *s, const char *path, ll_error *error)
{
    ll_study_setting options[LL_LIST_LIMIT];
    char keys[LL_LIST_LIMIT][64];
    const char *models[LL_LIST_LIMIT];
    char names[4096];
    ll_study_addition addition = {.analysis = s->add,
                                  .models = models,
                                  .option = options,
                                  .group = s->group,
                                  .checkpoints = s->checkpoints.items,
                                  .checkpoint_count = s->checkpoints.count};
    size_t used = 0;
    for (int i = 0; i < s->models.count; i++) /* "a/0,a/1" */
        for (const char *at = s->models.items[i]; *at != 0;) {
            size_t length = strcspn(at, ",");
            if (addition.model_count == LL_LIST_LIMIT || used + length + 1 > sizeof names)
                return ll_fail(error, LL_TOO_LARGE, "losslens", "--models", "too many");
            memcpy(names + used, at, length);
            names[used + length] = 0;
            models[addition.model_count++] = names + used;
            used += length + 1;
            at += length + (at[length] == ',');
        }
    for (int i = 0; i < s->option.count; i++) {
        const char *equals = strchr(s->option.items[i], '=');
        if (equals == NULL || equals == s->option.items[i] || equals - s->option.items[i] >= 64)
            return ll_fail(error, LL_INVALID_ARGUMENT, "losslens", "--option", "got \"%s\"; wanted KEY=VALUE",
                           s->option.items[i]);
        snprintf(keys[i], sizeof keys[i], "%.*s", (int)(equals - s->option.items[i]), s->option.items[i]);
        options[addition.options++] = (ll_study_setting){keys[i], equals + 1};
    }
    ll_store *store;
    const ll_store_options access = {.access = LL_STORE_WRITE, .take_over = s->take_over};
    LL_TRY(ll_store_open(path, &access, &store, error));
    ll_status status = ll_study_add(store, &addition, error);
    ll_store_destroy(store);
    return status;
}

static bool print_outcome_json(const ll_study_outcome *outcome, const char *path, const char *ended)
{
    ll_json json = {0};
    ll_json_open(&json, '{');
    ll_json_add_text(&json, "store", path);
    ll_json_add_text(&json, "ended", ended);
    ll_json_add_integer(&json, "jobs", outcome->jobs);
    ll_json_add_integer(&json, "found", outcome->found);
    ll_json_add_integer(&json, "computed", outcome->computed);
    ll_json_add_integer(&json, "failed", outcome->failed);
    ll_json_add_integer(&json, "blocked", outcome->blocked);
    ll_json_add_number(&json, "seconds", outcome->seconds);
    ll_json_close(&json, '}');
    return ll_json_print(&json, stdout);
}

/* Nine tenths of what the control group lets this process have, where it says so; 0: no limit. */
static int64_t memory_of_group(void)
{
    static const char *const files[] = {"/sys/fs/cgroup/memory.max",
                                        "/sys/fs/cgroup/memory/memory.limit_in_bytes"};
    for (int i = 0; i < 2; i++) {
        FILE *file = fopen(files[i], "r");
        double bytes = 0;
        bool read = file != NULL && fscanf(file, "%lf", &bytes) == 1;
        if (file != NULL) fclose(file);
        if (read && bytes > 0 && bytes < 1e15) return (int64_t)(0.9 * bytes);
    }
    return 0;
}

static int execute(const ll_command *command, const ll_study *study, const char *path, const settings *s)
{
    run_screen screen = {.quiet = s->quiet || s->json, .terminal = isatty(STDERR_FILENO) == 1};
    ll_progress_begin(&screen.line, screen.quiet, 0.0);
    screen.begun = ll_clock_seconds();
    screen.most_seconds = s->max_seconds;
    screen.inner = ll_progress_sink(&screen.line, NULL);
    const ll_sink sink = {.context = &screen, .progress = show_steps, .should_stop = should_stop};
    const ll_study_run_options options = {.threads = (int)s->threads,
                                          .memory = (size_t)(s->memory > 0 ? s->memory : memory_of_group()),
                                          .sink = &sink,
                                          .event = show,
                                          .event_context = &screen,
                                          .version = LOSSLENS_VERSION,
                                          .rollback_journal = s->rollback,
                                          .take_over = s->take_over,
                                          .prune = s->prune};
    ll_study_outcome outcome = {0};
    ll_error error = {0};
    ll_status status = ll_study_run(study, path, &options, &outcome, &error);
    const char *stopped = status == LL_CANCELLED ? stopped_by(&screen) : NULL;
    end_line(&screen);
    ll_progress_end(&screen.line);
    if (s->json && !print_outcome_json(&outcome, path,
                                       status == LL_OK   ? "complete"
                                       : stopped != NULL ? stopped
                                                         : "failed"))
        return LL_EXIT_FAILURE;
    if (stopped != NULL) {
        fprintf(stderr, "losslens run: %s; finished jobs and pieces are in %s: the same command continues\n",
                stopped, path);
        return LL_EXIT_OK;
    }
    if (status != LL_OK) {
        /* What failed was said when it did. */
        if (outcome.failed == 0) return ll_command_failure(command, &error);
        fprintf(stderr, "losslens run: %lld of %lld jobs failed, %lld are done (losslens status %s)\n",
                (long long)outcome.failed, (long long)outcome.jobs,
                (long long)(outcome.found + outcome.computed), path);
        return LL_EXIT_FAILURE;
    }
    char took[32];
    print_seconds(outcome.seconds, took);
    if (!s->json)
        printf("%s: %lld jobs, %lld computed now in %s\n", path, (long long)outcome.jobs,
               (long long)outcome.computed, took);
    return LL_EXIT_OK;
}

static ll_status open_stored(const char *path, ll_study **study, ll_error *error)
{
    ll_store *store;
    LL_TRY(ll_store_open(path, NULL, &store, error));
    ll_status status = ll_study_of_store(store, study, error);
    ll_store_destroy(store);
    return status;
}

static int run(int argc, char **argv)
{
    settings s = {.threads = 0};
    const ll_option options[] = {
        {"effort", LL_OPTION_CHOICE, &s.effort, "quick|standard|paper", "instead of what the study says", 0,
         0, NULL},
        {"dry-run", LL_OPTION_FLAG, &s.dry_run, NULL,
         "say what it would take at each effort, and compute nothing", 0, 0, NULL},
        {"max-time", LL_OPTION_REAL, &s.max_seconds, "SECONDS",
         "stop after so long, keeping what is done; 0: no limit", 0, 1e9, NULL},
        {"memory", LL_OPTION_BYTES, &s.memory, "BYTES",
         "refuse work that needs more; default: what the control group allows", 0, 0, NULL},
        {"add", LL_OPTION_TEXT, &s.add, "ANALYSIS",
         "one more analysis, kept in the study file: landscape, hessian ...", 0, 0, NULL},
        {"models", LL_OPTION_TEXTS, &s.models, "NAME,..", "with --add: of these models, as group/0", 0, 0,
         NULL},
        {"option", LL_OPTION_TEXTS, &s.option, "KEY=VALUE",
         "with --add: an option of the analysis; may be repeated", 0, 0, NULL},
        {"group", LL_OPTION_TEXT, &s.group, "NAME", "with --checkpoint: the group that they join", 0, 0,
         NULL},
        {"checkpoint", LL_OPTION_TEXTS, &s.checkpoints, "FILE", "one more member of --group; may be repeated",
         0, 0, NULL},
        {"prune", LL_OPTION_FLAG, &s.prune, NULL, "afterwards delete results that the study no longer wants",
         0, 0, NULL},
        {"rollback-journal", LL_OPTION_FLAG, &s.rollback, NULL, "for file systems without shared memory", 0,
         0, NULL},
        {"take-over", LL_OPTION_FLAG, &s.take_over, NULL,
         "take the lock of a run on another machine that is dead", 0, 0, NULL},
        {"quiet", LL_OPTION_FLAG, &s.quiet, NULL, "no progress", 0, 0, NULL},
        LL_OPTION_THREADS(&s.threads),
        LL_OPTION_JSON(&s.json),
    };
    const ll_command command = {.verb = "run",
                                .usage = "STUDY.yaml | STUDY.db [options]",
                                .about = "Computes what a study wants and does not have yet, into NAME.db "
                                         "beside the YAML file. Ctrl-C, SIGTERM and --max-time "
                                         "keep everything that is finished; the same command continues. A "
                                         "study file (.db) continues from the study it holds.",
                                .example =
                                    "losslens run study.yaml --dry-run\nlosslens run study.yaml --threads 2\n"
                                    "losslens run study.db --add landscape --models resnet/0,resnet/1 "
                                    "--option grid=51x51 --option direction=hessian",
                                .options = options,
                                .option_count = LL_COUNT(options),
                                .least_words = 1,
                                .most_words = 1};
    ll_words words;
    int code;
    if (!ll_command_parse(&command, argc, argv, &words, &code)) return code;
    bool adds = s.add != NULL || s.checkpoints.count > 0, stored = ends_with(words.items[0], ".db");
    if (adds && !stored)
        return ll_command_misuse(&command,
                                 "--add and --checkpoint are for a study file (.db); in YAML write it down");
    if (s.add != NULL && s.checkpoints.count > 0)
        return ll_command_misuse(&command, "--add and --checkpoint: one at a time");
    if (s.checkpoints.count > 0 && s.group == NULL)
        return ll_command_misuse(&command, "--checkpoint wants --group");
    if (s.add == NULL && (s.models.count > 0 || s.option.count > 0))
        return ll_command_misuse(&command, "--models and --option want --add");
    ll_error error = {0};
    ll_study *study = NULL;
    ll_status status = adds ? add(&s, words.items[0], &error) : LL_OK;
    if (status == LL_OK)
        status = stored ? open_stored(words.items[0], &study, &error)
                        : ll_study_read(words.items[0], &study, &error);
    if (status != LL_OK) return ll_command_failure(&command, &error);
    ll_effort effort;
    if (s.effort != NULL && ll_effort_parse(s.effort, &effort)) ll_study_set_effort(study, effort);
    code =
        s.dry_run ? dry_run(&command, study, &s) : execute(&command, study, ll_study_store_path(study), &s);
    ll_study_destroy(study);
    return code;
}

const ll_verb ll_verb_run = {"run", "compute what a study wants", run};
