#ifndef TLS_H
#define TLS_H

/*
 * tls.h - TLS 1.3 for a server (RFC 8446): all that the rest of the program
 * needs to know. One tls_accept(), then reads and writes as on a socket.
 *
 * Both suites that a plain C program can do well, both groups, certificates
 * with P-256 keys. Not here, and refused properly: TLS 1.2 and older, PSKs and
 * tickets, 0-RTT, certificates of clients. How it is built, from the outside
 * in: tls.c, handshake.c, server_flight.c, client_hello.c, key_schedule.c,
 * record.c.
 * TUTORIAL.md, chapter 6.10.
 */

#include "../certificate/certificate.h"
#include "../record/record.h"
#include "client_hello.h"

#include <stdbool.h>
#include <sys/types.h>

/* The same for all connections, and nobody changes it. */
struct tls_config {
    struct credentials *credentials;
    struct trace trace;
    int keylog_fd; /* from keylog_open(); -1: none */
};

/*
 * A connection. It is large, but of its buffers only what is used is ever
 * touched: put it into memory that nobody clears first, malloc() or a stack.
 */
struct tls {
    const struct tls_config *config;
    const struct cipher_suite *suite; /* in use, once accepted */

    /* client_ and server_application_traffic_secret_N (RFC 8446 7.2) */
    unsigned char client_secret[SHA256_SIZE];
    unsigned char server_secret[SHA256_SIZE];

    struct bytes unread;  /* of the record that was read last */
    bool key_update_owed; /* the client has asked for one */
    bool closed;          /* the client has sent close_notify */
    bool over;            /* after a fatal alert: nothing goes in or out */
    char fault[64];       /* in words, why tls_accept() has failed */

    struct record_layer records; /* last, for the sake of its buffers */
};

/*
 * Do the handshake as the server. *tls need not be initialised. config and what
 * io.context points to must stay until tls_close(). False if it failed: the
 * client has been told by an alert (close_notify if it took too long), unless
 * the connection itself has failed, and all secrets are gone. What is left to
 * do is to close the connection with care: a reset, because the client's last
 * bytes were not read, can destroy the alert on its way. tls->fault tells the
 * operator which alert was sent, or came, or what else was wrong.
 */
bool tls_accept(struct tls *tls, const struct tls_config *config,
                struct tls_io io);

/*
 * Read up to size > 0 bytes that the client sent, waiting for the first of
 * them. Returns their number; 0 after its close_notify, when no more will come;
 * -1 on an error, with errno: as io.read() left it, or EPROTO if the client has
 * broken the protocol (it has been sent an alert), has sent a fatal alert, or
 * has gone without a close_notify. Nothing can be read after an error, as half
 * a message may be lost; after a timeout there may be something to write.
 */
ssize_t tls_read(struct tls *tls, void *buffer, size_t size);

/* Send data[0..size). False if it can't be sent, and nothing can any more. */
bool tls_write(struct tls *tls, const void *data, size_t size);

/* Send close_notify, if the connection still stands, and wipe all secrets. */
void tls_close(struct tls *tls);

#endif
