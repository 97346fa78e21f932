#ifndef NAMES_H
#define NAMES_H

/*
 * names.h - the numbers of TLS 1.3 that this server acts upon (RFC 8446
 * appendix B), and the names of those and of many more for the trace.
 * TUTORIAL.md, chapter 6.8.
 */

#include "../record/trace.h"

/* RFC 8446 4 */
enum handshake_type {
    HANDSHAKE_CLIENT_HELLO = 1,
    HANDSHAKE_SERVER_HELLO = 2,
    HANDSHAKE_ENCRYPTED_EXTENSIONS = 8,
    HANDSHAKE_CERTIFICATE = 11,
    HANDSHAKE_CERTIFICATE_VERIFY = 15,
    HANDSHAKE_FINISHED = 20,
    HANDSHAKE_KEY_UPDATE = 24,
    HANDSHAKE_MESSAGE_HASH = 254,
};

/* RFC 8446 4.2; the IANA registry has the others */
enum extension_type {
    EXTENSION_SERVER_NAME = 0,
    EXTENSION_SUPPORTED_GROUPS = 10,
    EXTENSION_SIGNATURE_ALGORITHMS = 13,
    EXTENSION_ALPN = 16,
    EXTENSION_PADDING = 21,           /* RFC 7685 */
    EXTENSION_RECORD_SIZE_LIMIT = 28, /* RFC 8449 */
    EXTENSION_PRE_SHARED_KEY = 41,
    EXTENSION_EARLY_DATA = 42,
    EXTENSION_SUPPORTED_VERSIONS = 43,
    EXTENSION_COOKIE = 44,
    EXTENSION_PSK_KEY_EXCHANGE_MODES = 45,
    EXTENSION_SIGNATURE_ALGORITHMS_CERT = 50,
    EXTENSION_KEY_SHARE = 51,
    EXTENSION_ENCRYPTED_CLIENT_HELLO = 0xfe0d, /* RFC 9849 */
};

enum {
    VERSION_SSL_3_0 = 0x0300,
    VERSION_TLS_1_3 = 0x0304,
    SIGNATURE_ECDSA_SECP256R1_SHA256 = 0x0403,
};

extern const struct name handshake_type_names[];
extern const struct name extension_names[];
extern const struct name version_names[];
extern const struct name suite_names[];
extern const struct name group_names[];
extern const struct name signature_names[];

#endif
