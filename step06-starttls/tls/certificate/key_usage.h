#ifndef KEY_USAGE_H
#define KEY_USAGE_H

/*
 * key_usage.h - what the key of a certificate may be used for.
 * TUTORIAL.md, chapter 6.7.
 */

#include "../bytes/wire.h"

#include <stdbool.h>

struct key_usage {
    bool signature; /* KeyUsage: to sign, as CertificateVerify does */
    bool server;    /* ExtendedKeyUsage: by a server of TLS */
};

/*
 * Read it off the content of a certificate's field `extensions`; empty if the
 * certificate has none. What no extension restricts is true. False if this is
 * not valid DER.
 */
bool key_usage_read(struct key_usage *usage, struct bytes extensions);

#endif
