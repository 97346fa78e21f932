/* session.h - the SMTP conversation. See session.c. TUTORIAL.md, chapter 2. */
#ifndef SESSION_H
#define SESSION_H

#include "conn.h"
#include "options.h"

enum {
    RECIPIENTS_MAX = 100, /* RFC 5321 4.5.3.1.8: at least that many */
    HOST_SIZE = 256,      /* a domain and a NUL, RFC 5321 4.5.3.1.2 */
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
    size_t recipients_count;
};

/* Talk on conn until one of the two sides ends the conversation. */
void session_run(struct conn *conn, const struct config *config);

#endif
