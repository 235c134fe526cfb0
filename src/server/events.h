/* events.h - one open event stream: text that waits for its reader. */
#ifndef LOSSLENS_SERVER_EVENTS_H
#define LOSSLENS_SERVER_EVENTS_H

#include "server/internal.h"

/* How the transport is told to go on reading; called with the streams' lock held. */
typedef void (*ll_stream_waker)(void *connection);

/* Bytes for the connection; 0: nothing yet, and `wake(connection)` comes as soon as there is something (pause
 * is called before, under the lock, so that it cannot be missed); -1: the stream has ended. While it is
 * paused, `socket` is looked at now and then, so that a reader who has gone is noticed. */
ptrdiff_t ll_stream_read(ll_stream *stream, char *bytes, size_t most, void *connection, int socket,
                         ll_stream_waker pause, ll_stream_waker wake);
void ll_stream_destroy(ll_stream *stream);
/* Ends all streams, and waits for nothing. */
void ll_streams_end(ll_server *server);

#endif
