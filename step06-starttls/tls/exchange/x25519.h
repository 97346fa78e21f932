#ifndef X25519_H
#define X25519_H

/*
 * x25519.h - Diffie-Hellman on Curve25519 (RFC 7748).
 *
 * A private key is any 32 random bytes. The public key is x25519_base() of it;
 * what two sides share is x25519() of one's private key and the other's public
 * key. All strings are 32 bytes, least significant byte first.
 * TUTORIAL.md, chapter 6.5.
 */

#include <stdbool.h>

enum { X25519_SIZE = 32 };

/*
 * The function X25519 of RFC 7748 section 5: multiply the point whose
 * coordinate is u by the scalar.
 *
 * in: scalar - secret, any 32 bytes; five bits are set or cleared in a copy
 *     u - from the peer, any 32 bytes; the topmost bit does not count
 * out: true, and the shared secret
 *      false, and all zero, if u is one of the few points of small order: what
 *      comes out then depends on no key (RFC 8446 7.4.2: abort)
 * out may be scalar or u. Constant time, whatever the peer sent.
 */
bool x25519(unsigned char out[32], const unsigned char scalar[32],
            const unsigned char u[32]);

/*
 * The public key that belongs to a private one: X25519 of the base point,
 * u = 9 (RFC 7748 section 4.1).
 *
 * in: scalar - secret, any 32 bytes
 * out: the public key (and public it is from here on, see secret_unmark())
 * out may be scalar. Constant time; cannot fail.
 */
void x25519_base(unsigned char out[32], const unsigned char scalar[32]);

#endif
