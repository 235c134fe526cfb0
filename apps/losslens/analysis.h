/* analysis.h - what the verbs that run an analysis on a Problem share: which samples, a sink with progress,
 * Ctrl-C and an optional folder of finished pieces, and records as JSON. */
#ifndef LOSSLENS_APP_ANALYSIS_H
#define LOSSLENS_APP_ANALYSIS_H

#include "file_sink.h"
#include "json.h"
#include "progress.h"
#include "setup_flags.h"

#include "losslens/figures_records.h"
#include "losslens/records.h"

enum { LL_ANALYSIS_TERMS = 64 };

/* Opens the Problem of the flags with the roles "evaluate" and, where the data has training samples,
 * "calibrate". With more than `most` samples and none asked for, a stratified choice of `most` is taken (0:
 * no limit). */
ll_status ll_analysis_open(const ll_setup_flags *flags, int64_t most, ll_setup **setup, ll_error *error);

/* One list a term: the role "evaluate" where there is one, else all. lists has LL_ANALYSIS_TERMS entries.
 * Returns the samples of the first term. */
int64_t ll_analysis_samples(const ll_problem *problem, ll_samples *lists);

/* A sink that shows progress on standard error, stops at Ctrl-C, and keeps pieces in a folder (NULL:
 * nowhere), so that the same command continues (file_sink.h, progress.h). argc and argv are those of the
 * verb: the folder remembers what they say that matters, and which files they name. */
typedef struct ll_analysis_sink {
    ll_sink sink, pieces;
    ll_file_sink *files;
    ll_progress_line line;
    const char *folder;
} ll_analysis_sink;
ll_status ll_analysis_sink_init(ll_analysis_sink *watch, const char *folder, bool quiet, int argc,
                                char **argv, ll_error *error);
/* Ends the line of progress, hands Ctrl-C back, says where the pieces of stopped work lie. */
void ll_analysis_sink_end(ll_analysis_sink *watch);

#define LL_ANALYSIS_OPTIONS(folder, quiet)                                                                   \
    {"pieces",                                                                                               \
     LL_OPTION_TEXT,                                                                                         \
     (folder),                                                                                               \
     "FOLDER",                                                                                               \
     "keep finished pieces there: interrupted work continues from them",                                     \
     0,                                                                                                      \
     0,                                                                                                      \
     NULL},                                                                                                  \
    {                                                                                                        \
        "quiet", LL_OPTION_FLAG, (quiet), NULL, "no progress", 0, 0, NULL                                    \
    }

/* The record as one JSON object on standard output: fields in order, arrays of more than `most` numbers as
 * their shape only. `notes` (may be NULL) is added. */
bool ll_analysis_print_json(const ll_record *record, int64_t most, const char *notes);

/* The fields alone, into an object that is open. */
void ll_analysis_add_fields(ll_json *json, const ll_record *record, int64_t most);

/* A figure of records side by side in one view ("contour", "curve" ...). titles and its entries may be NULL.
 * A scale that is logarithmic by itself is named in the label. */
ll_status ll_analysis_draw(const char *path, const char *view, const ll_record *const *records,
                           const char *const *titles, int64_t count, const ll_record_panel_options *how,
                           const ll_figure_options *options, ll_error *error);

/* Record fields with a fallback, for printing. */
double ll_analysis_real(const ll_record *record, const char *name);
const char *ll_analysis_text(const ll_record *record, const char *name);

#endif
