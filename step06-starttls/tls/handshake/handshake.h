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

/*
 * The messages of the server, in the order in which they go (server_flight.c).
 * Each is put into the transcript and handed to the record layer; none waits.
 * They return ALERT_NONE, or what went wrong.
 */

/* RFC 8446 4.1.4: ask for a share in hello.group. */
enum alert send_hello_retry_request(struct handshake *handshake);

/* RFC 8446 4.1.3, with our share of the key exchange. */
enum alert send_server_hello(struct handshake *handshake,
                             const unsigned char *share);

/* RFC 8446 4.3.1 */
enum alert send_encrypted_extensions(struct handshake *handshake);

/* RFC 8446 4.4.2 */
enum alert send_certificate(struct handshake *handshake);

/* RFC 8446 4.4.3 */
enum alert send_certificate_verify(struct handshake *handshake);

/* RFC 8446 4.4.4 */
enum alert send_finished(struct handshake *handshake);

/* The transcript hash of all messages up to now. */
void transcript_hash(const struct handshake *handshake,
                     unsigned char hash[SHA256_SIZE]);

#endif
