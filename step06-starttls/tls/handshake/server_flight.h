#ifndef SERVER_FLIGHT_H
#define SERVER_FLIGHT_H

/*
 * server_flight.h - the messages that the server sends in a handshake, in the
 * order in which they go. Each is put into the transcript and handed to the
 * record layer; none waits. They return ALERT_NONE, or what went wrong.
 * TUTORIAL.md, chapter 6.10.
 */

#include "handshake.h"

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
