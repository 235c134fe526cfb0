/* What is added to a study over HTTP: analyses and checkpoints. */
#include "server/internal.h"

#include "losslens/formats.h"

ll_status ll_run_add(ll_source *source, const ll_value *body, ll_error *error)
{
    (void)source;
    if (ll_value_get(body, "add") == NULL) return LL_OK;
    return ll_fail(error, LL_UNSUPPORTED, "server", NULL, "adding is not possible yet");
}

void ll_handle_checkpoint(ll_server *server, ll_source *source, const ll_request *request, ll_answer *answer)
{
    (void)server, (void)source, (void)request;
    ll_answer_error(answer, 422, "adding is not possible yet", NULL);
}
