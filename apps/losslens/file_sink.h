/* file_sink.h - finished pieces of a long analysis as files of one folder, for verbs that run without a study: what was
 * done when the program was stopped (also by kill -9) is found again by the same command.
 *
 * A piece is written beside its place and renamed, so that it is whole or not there. The folder belongs to one piece of
 * work: `identity` (settings and inputs as one line of text) is kept in it, and another one is refused, so that pieces
 * of different work are never mixed.
 */
#ifndef LOSSLENS_APP_FILE_SINK_H
#define LOSSLENS_APP_FILE_SINK_H

#include "losslens/records.h"

typedef struct ll_file_sink ll_file_sink;

/* Makes the folder where it is missing. `newest_only` (may be NULL): of the pieces whose name is this prefix and a
 * number ("epoch/") only the two highest are kept. LL_INVALID_ARGUMENT: the folder holds other work. */
ll_status ll_file_sink_create(const char *folder, const char *identity, const char *newest_only,
                              ll_file_sink **sink, ll_error *error) LL_MUST_CHECK;
void ll_file_sink_destroy(ll_file_sink *sink);
/* With find and put alone. */
ll_sink ll_file_sink_view(ll_file_sink *sink);
/* Removes every piece, the identity, and the folder if nothing else is in it. */
void ll_file_sink_remove(const char *folder);

#endif
