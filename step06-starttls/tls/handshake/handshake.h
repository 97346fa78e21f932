#ifndef HANDSHAKE_H
#define HANDSHAKE_H

/*
 * handshake.h - the handshake of a TLS 1.3 server, and what it keeps in mind
 * while it lasts.
 * TUTORIAL.md, chapter 6.10.
 */

#include "../schedule/key_schedule.h"
#include "../schedule/keylog.h"
#include "message.h"
#include "names.h"
#include "show.h"
#include "tls.h"

struct handshake {
    struct tls *tls;
    struct record_layer *records;
    struct message client_hello; /* the last that came: hello points into it */
    struct client_hello hello;
    unsigned char client_random[KEYLOG_RANDOM_SIZE];
    bool retried; /* a HelloRetryRequest was sent */

    struct sha256 transcript;          /* RFC 8446 4.4.1: of all messages */
    unsigned char secret[SHA256_SIZE]; /* Early, Handshake or Master Secret */
    unsigned char client_secret[SHA256_SIZE]; /* client_handshake_traffic_ */
    unsigned char server_secret[SHA256_SIZE]; /* server_handshake_traffic_ */
};

/*
 * Run the handshake on tls->records. ALERT_NONE: the connection is established,
 * tls->suite and the application traffic secrets are set, the keys in use.
 */
enum alert handshake(struct tls *tls);

#endif
