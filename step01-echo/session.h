/* session.h - what is said on a connection. TUTORIAL.md, chapter 1. */
#ifndef SESSION_H
#define SESSION_H

#include "conn.h"
#include "options.h"

/* Said at once to a client for whom there is no room. */
extern const char session_busy[];

/* Talk on conn until one of the two sides ends the conversation. */
void session_run(struct conn *conn, const struct config *config);

#endif
