#define _POSIX_C_SOURCE 200809L

#include "progress.h"
#include "options.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    if (interrupted != 0) {
        signal(number, SIG_DFL);
        raise(number);
    }
    interrupted = 1;
}

void ll_progress_begin(ll_progress_line *line, bool quiet, double most_seconds)
{
    *line = (ll_progress_line){.quiet = quiet,
                               .terminal = isatty(STDERR_FILENO) == 1,
                               .start = ll_clock_seconds(),
                               .most_seconds = most_seconds,
                               .from = -1};
    line->shown = line->start;
    interrupted = 0;
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

void ll_progress_end(ll_progress_line *line)
{
    if (line->open) fputc('\n', stderr);
    line->open = false;
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
}

void ll_progress_next(ll_progress_line *line)
{
    line->from = -1;
    line->main_name[0] = line->main_value[0] = line->other_value[0] = 0;
    line->start = line->shown = ll_clock_seconds();
}

double ll_progress_seconds(const ll_progress_line *line) { return ll_clock_seconds() - line->start; }

const char *ll_progress_stopped(const ll_progress_line *line)
{
    if (interrupted != 0) return "interrupted";
    /* Half of the time at least goes to the work: else a limit shorter than the set-up would never get anywhere. */
    bool over = line->most_seconds > 0 && line->first_at > 0 &&
                ll_progress_seconds(line) >= line->most_seconds &&
                ll_clock_seconds() - line->first_at >= 0.5 * line->most_seconds;
    return over ? "the time is over" : NULL;
}

static bool should_stop(void *context) { return ll_progress_stopped(context) != NULL; }

/* "1 h 05 min", "3 min 20 s", "12 s". */
static void print_duration(double seconds, char text[32])
{
    long long s = llround(fmin(fmax(seconds, 0.0), 1e9));
    if (s >= 3600) snprintf(text, 32, "%lld h %02lld min", s / 3600, s / 60 % 60);
    else if (s >= 60) snprintf(text, 32, "%lld min %02lld s", s / 60, s % 60);
    else snprintf(text, 32, "%lld s", s);
}

static void remember_value(ll_progress_line *line, const ll_progress *progress)
{
    if (progress->value_name == NULL || !isfinite(progress->value)) return;
    char number[LL_NUMBER_TEXT];
    if (line->main_name[0] == 0)
        snprintf(line->main_name, sizeof line->main_name, "%s", progress->value_name);
    char *to = strcmp(line->main_name, progress->value_name) == 0 ? line->main_value : line->other_value;
    snprintf(to, sizeof line->main_value, ", %s %s", progress->value_name,
             ll_print_number(progress->value, 3, number));
}

static void show(void *context, const ll_progress *progress)
{
    ll_progress_line *line = context;
    double now = ll_clock_seconds(), since = now - line->start;
    if (line->first_at <= 0) line->first_at = now;
    if (line->from < 0 || progress->done < line->done) {
        line->from = progress->done;
        line->from_at = now;
    }
    line->done = progress->done;
    line->total = progress->total;
    if (line->quiet) return;
    bool last = progress->total > 0 && progress->done >= progress->total;
    double wait = line->terminal ? 0.2 : fmax(10.0, since / 20.0);
    remember_value(line, progress);
    if (now - line->shown < wait && !(last && line->terminal)) return;
    line->shown = now;
    char text[320], left[32];
    int length = snprintf(text, sizeof text, "%s: %lld", progress->what, (long long)progress->done);
    double rate = (double)(progress->done - line->from) / fmax(now - line->from_at, 1e-9);
    if (progress->total > 0)
        length +=
            snprintf(text + length, sizeof text - (size_t)length, " of %lld", (long long)progress->total);
    length +=
        snprintf(text + length, sizeof text - (size_t)length, "%s%s", line->main_value, line->other_value);
    if (line->samples_a_step > 0 && rate > 0)
        length += snprintf(text + length, sizeof text - (size_t)length, ", %.0f samples/s",
                           rate * line->samples_a_step);
    if (progress->total > 0 && rate > 0) {
        print_duration((double)(progress->total - progress->done) / rate, left);
        snprintf(text + length, sizeof text - (size_t)length, ", %s left", left);
    }
    if (line->terminal) fprintf(stderr, "\r\033[K%.*s", 119, text);
    else fprintf(stderr, "%s\n", text);
    line->open = line->terminal;
}

static bool find(void *context, const char *piece, void **bytes, size_t *count)
{
    const ll_progress_line *line = context;
    return ll_sink_find(&line->pieces, piece, bytes, count);
}

static ll_status put(void *context, const char *piece, const void *bytes, size_t count, ll_error *error)
{
    const ll_progress_line *line = context;
    return ll_sink_put(&line->pieces, piece, bytes, count, error);
}

ll_sink ll_progress_sink(ll_progress_line *line, const ll_sink *pieces)
{
    line->pieces = pieces != NULL ? *pieces : (ll_sink){0};
    return (ll_sink){.context = line,
                     .find = line->pieces.find != NULL ? find : NULL,
                     .put = line->pieces.put != NULL ? put : NULL,
                     .progress = show,
                     .should_stop = should_stop};
}
