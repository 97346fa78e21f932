#ifndef SELF_SIGNED_H
#define SELF_SIGNED_H

/*
 * self_signed.h - a certificate of our own making, and its key.
 *
 * Nobody vouches for such a certificate, but mail is encrypted with it all the
 * same, and whoever publishes its key in the DNS (DANE, RFC 7672) is as well
 * off as with a bought one.
 * TUTORIAL.md, chapter 6.7.
 */

#include "../bytes/wire.h"
#include "../exchange/p256.h"

#include <time.h>

/*
 * Write a certificate (RFC 5280) for the public key of private_key, signed with
 * private_key itself. It is valid for ten years, beginning a day before now,
 * for clients whose clock is slow. names[0..names_count) are domains, like
 * "example.org", or address literals, like "[192.0.2.1]" or
 * "[IPv6:2001:db8::1]" (RFC 5321 4.1.3). Names that are not ASCII can't be in a
 * certificate and are left out. out->failed is set if it does not all fit, if
 * now is not in the years 0 to 9989, or if private_key is not in 1..n-1.
 */
void self_signed_certificate(struct writer *out,
                             const unsigned char private_key[P256_KEY_SIZE],
                             const char *const *names, size_t names_count,
                             time_t now);

/*
 * Write the private key as an ECPrivateKey (RFC 5915), 121 bytes. out->failed
 * as above.
 */
void self_signed_private_key(struct writer *out,
                             const unsigned char private_key[P256_KEY_SIZE]);

#endif
