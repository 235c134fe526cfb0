/* overview.h - what the two halves of the overview share. */
#ifndef LOSSLENS_SERVER_OVERVIEW_H
#define LOSSLENS_SERVER_OVERVIEW_H

#include "server/internal.h"

/* Jobs whose result is a member of a group: a model, or a field. */
bool ll_is_member(const char *kind);
/* The whole answer (overview_write.c). */
ll_status ll_overview_write(ll_server *server, ll_source *source, const ll_study_state *state, ll_json *json,
                            ll_error *error) LL_MUST_CHECK;

#endif
