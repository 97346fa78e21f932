/* receive.h - DATA. See receive.c. TUTORIAL.md, chapter 3. */
#ifndef RECEIVE_H
#define RECEIVE_H

#include "session.h"

/*
 * Receive a message for the envelope of the session, and store it. Returns the
 * reply, with the connection in sync; or NULL, if the reply has been said, or
 * if session->status says that the connection ends: then nothing is stored.
 */
const char *receive_message(struct session *session);

#endif
