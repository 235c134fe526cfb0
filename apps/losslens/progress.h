/* progress.h - how far a long verb is, for the person in front of it, and how it is stopped.
 *
 * In a terminal one line is kept up to date; into a file or pipe a plain line is written every 10 seconds, and more
 * rarely the longer it takes. All of it goes to standard error. Ctrl-C, SIGTERM and a limit on the time ask the work
 * to stop at the next piece; a second Ctrl-C ends the program at once.
 */
#ifndef LOSSLENS_APP_PROGRESS_H
#define LOSSLENS_APP_PROGRESS_H

#include "losslens/records.h"

typedef struct ll_progress_line {
    bool quiet, terminal, open;                  /* open: a line stands unfinished in the terminal */
    double start, shown, first_at, most_seconds; /* first_at: time of the first call; 0: none yet */
    double from_at;                              /* the work of now: when its first piece was done, */
    int64_t from, done, total; /* and how many were by then (continued work has some); -1: none yet */
    double samples_a_step;     /* > 0: samples a second are shown too */
    ll_sink pieces;
    char main_value[64], other_value[64];
    char main_name[32];
} ll_progress_line;

/* most_seconds: stop after so long, but leave half of it to the work after its first step; 0: no limit. */
void ll_progress_begin(ll_progress_line *line, bool quiet, double most_seconds);
void ll_progress_next(
    ll_progress_line *line); /* another piece of work begins: its time and speed are its own */
void ll_progress_end(ll_progress_line *line); /* ends the line, hands the signals back */
/* A sink that shows progress in this line, stops as it says, and hands the pieces on to `pieces` (may be NULL; its
 * context must outlive the line). */
ll_sink ll_progress_sink(ll_progress_line *line, const ll_sink *pieces);
/* "interrupted", "the time is over"; NULL when nobody asked to stop. */
const char *ll_progress_stopped(const ll_progress_line *line);
double ll_progress_seconds(const ll_progress_line *line);

#endif
