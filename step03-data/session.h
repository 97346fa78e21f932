/* session.h - the SMTP conversation. See session.c. TUTORIAL.md, chapter 2. */
#ifndef SESSION_H
#define SESSION_H

#include "conn.h"
#include "maildir.h"
#include "options.h"
#include "path.h"

enum {
    RECIPIENTS_MAX = 100, /* RFC 5321 4.5.3.1.8: at least that many */
    HELO_MAX = 255,       /* a domain, RFC 5321 4.5.3.1.2 */
    HOSTNAME_SIZE = 256,
};

/* How far the conversation has come. */
enum stage { CONNECTED, GREETED, SENDER_GIVEN, RECIPIENT_GIVEN, LEAVING };

/* What has been agreed for the next message. */
struct envelope {
    size_t recipients_count;
    size_t repeats; /* RCPTs for a mailbox that was named before */
    bool smtputf8;
    struct path reverse_path;
    struct path recipients[RECIPIENTS_MAX];
    char mailboxes[RECIPIENTS_MAX][MAILBOX_NAME_MAX + 1];
};

/* The large things come last: what is not used of them costs no memory. */
struct session {
    struct conn *conn;
    const struct config *config;
    enum stage stage;
    enum line_status status; /* of the last line */
    unsigned faults;
    unsigned messages; /* on this connection so far */
    bool esmtp;        /* the client said EHLO, not HELO */
    char hostname[HOSTNAME_SIZE];
    char helo[HELO_MAX + 1]; /* what the client calls itself */
    struct envelope envelope;
};

/* Said at once to a client for whom there is no room. */
extern const char session_busy[];

/* Talk on conn until one of the two sides ends the conversation. */
void session_run(struct conn *conn, const struct config *config);

/* Send a reply: a code, an enhanced status code (RFC 2034), and a text. Codes
 * that say that the client did something wrong are counted. */
void session_reply(struct session *session, int code, const char *enhanced,
                   const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
