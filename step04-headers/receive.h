/* receive.h - DATA. See receive.c. TUTORIAL.md, chapter 3. */
#ifndef RECEIVE_H
#define RECEIVE_H

#include "session.h"

/*
 * Receive a message for the envelope of the session, store it, and reply.
 * Returns LINE_OK with the connection in sync, whatever the reply was, or why
 * the connection ends: then nothing is stored and nothing is replied.
 */
enum line_status receive_message(struct session *session);

/* Say, and log, that mail cannot be taken now. error: the errno that tells why;
 * a full disk is 452, all else 451. */
void receive_fault(struct session *session, int error);

#endif
