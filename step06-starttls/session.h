/* session.h - the SMTP conversation. See session.c. TUTORIAL.md, chapter 2. */
#ifndef SESSION_H
#define SESSION_H

#include "conn.h"
#include "maildir.h"
#include "options.h"
#include "path.h"

enum {
    RECIPIENTS_MAX = 100, /* RFC 5321 4.5.3.1.8: at least that many */
    HOST_SIZE = 256,      /* a domain and a NUL, RFC 5321 4.5.3.1.2 */
    RECIPIENT_SIZE = 2 * MAILBOX_MAX + DOMAIN_MAX + 4, /* with quotes */
};

/* How far the conversation has come. */
enum stage { CONNECTED, GREETED, SENDER_GIVEN, RECIPIENT_GIVEN, LEAVING };

struct session {
    struct conn *conn;
    const struct config *config;
    enum line_status status; /* of the last line */
    enum stage stage;
    unsigned faults;
    char hostname[HOST_SIZE];
    char helo[HOST_SIZE];   /* what the client calls itself, made harmless */
    const char *protocol;   /* as the Received field has it */
    const char *suite;      /* the cipher suite; NULL: no TLS */
    char sender[LINE_SIZE]; /* from here on: the envelope */
    bool smtputf8;          /* MAIL said so: RFC 6531 3.4 */
    size_t recipients_count;
    char recipients[RECIPIENTS_MAX][RECIPIENT_SIZE]; /* as they were written */
    char mailboxes[RECIPIENTS_MAX][MAILBOX_MAX + 1];
};

/* Talk on conn until one of the two sides ends the conversation. */
void session_run(struct conn *conn, const struct config *config);

#endif
