#ifndef CLIENT_HELLO_H
#define CLIENT_HELLO_H

/*
 * client_hello.h - what the client offers, and what we take of it (RFC 8446
 * sections 4.1.2 and 4.2).
 *
 * First the message is taken apart (is it well formed?), then each offer is
 * compared with what this server can do. After that everything about the
 * handshake is decided, and no later step has to judge an offer again.
 * TUTORIAL.md, chapter 6.10.
 */

#include "../bytes/wire.h"
#include "../cipher/aead.h"
#include "../exchange/key_exchange.h"
#include "../hash/sha256.h"
#include "../record/record.h"

#include <stdbool.h>

/* RFC 8446 4.1.2: the largest that its definition allows, in bytes, without
 * the header of the message: about 128 KiB. */
enum {
    CLIENT_HELLO_MAX = 2 + 32 + (1 + 32) + (2 + 65534) + (1 + 255) + (2 + 65535)
};

struct cipher_suite {
    unsigned number; /* as in CipherSuite, RFC 8446 B.4 */
    const char *name;
    const struct aead *aead;
};

/* All struct bytes point into the message. */
struct client_hello {
    unsigned legacy_version;
    struct bytes random; /* 32 bytes */
    struct bytes legacy_session_id;
    struct bytes cipher_suites;
    struct bytes legacy_compression_methods;
    struct bytes extensions;

    /* The contents of those extensions that matter to us; data is NULL where
     * the client did not send one. */
    struct bytes server_name;
    struct bytes supported_versions;
    struct bytes supported_groups;
    struct bytes signature_algorithms;
    struct bytes signature_algorithms_cert;
    struct bytes key_share;
    struct bytes pre_shared_key;
    struct bytes psk_key_exchange_modes;
    struct bytes early_data;
    struct bytes cookie;
    struct bytes record_size_limit;

    /* Our choice. */
    const struct cipher_suite *suite;
    const struct group *group;
    struct bytes share; /* of the client in this group; data is NULL if it has
                           sent none, which calls for a HelloRetryRequest */
    size_t inner_limit; /* RFC 8449: largest TLSInnerPlaintext it takes */
};

/*
 * Take the body of a ClientHello apart, message[0..size), into *hello. The
 * message must stay where it is as long as *hello is used. ALERT_NONE,
 * decode_error if it is not well formed, illegal_parameter if it has an
 * extension twice.
 */
enum alert client_hello_parse(struct client_hello *hello, struct bytes message);

/*
 * Check what was parsed against the rules of RFC 8446 and choose suite, group
 * and share. ALERT_NONE, or the alert that the RFC asks for.
 */
enum alert client_hello_choose(struct client_hello *hello);

/*
 * A hash of all that must be the same in the ClientHello which answers a
 * HelloRetryRequest (RFC 8446 4.1.2).
 */
void client_hello_fingerprint(const struct client_hello *hello,
                              unsigned char digest[SHA256_SIZE]);

/*
 * Check the answer to a HelloRetryRequest for group: it must have fingerprint
 * and just one share, for group; no early data; no cookie, as we gave none; and
 * a PSK only if the first ClientHello had one: had_psk. ALERT_NONE or
 * illegal_parameter. Call it after client_hello_choose().
 */
enum alert client_hello_check_retry(const struct client_hello *hello,
                                    const unsigned char *fingerprint,
                                    const struct group *group, bool had_psk);

#endif
