#ifndef P256_H
#define P256_H

/*
 * p256.h - keys and Diffie-Hellman on the curve P-256.
 *
 * P-256, also called secp256r1 and prime256v1, is the curve of NIST SP 800-186
 * (section 3.2.1.3). All numbers are 32 bytes, most significant byte first. A
 * public key is a point as SEC 1 2.3.3 writes it uncompressed: the byte 4, x,
 * y. How it is built, from the bottom up: p256_field.c (integers modulo p),
 * p256_point.c (points), p256.c (this); p256_scalar.c (integers modulo the
 * group's order n) and ecdsa.c (signatures).
 * TUTORIAL.md, chapter 6.5.
 */

#include <stdbool.h>

enum { P256_KEY_SIZE = 32, P256_PUBLIC_KEY_SIZE = 65, P256_SHARED_SIZE = 32 };

/*
 * The public key that belongs to a private one (SEC 1 3.2.1).
 *
 * in: private_key - secret
 * out: true, and public_key (marked as public, see secret_unmark())
 *      false if private_key is not in 1..n-1; public_key is then all zero
 * They may overlap. Constant time, but true or false is public.
 *
 * To make a new key, draw 32 random bytes until this returns true, which it
 * does at once but for one key in 2^32.
 */
bool p256_public_key(unsigned char public_key[P256_PUBLIC_KEY_SIZE],
                     const unsigned char private_key[P256_KEY_SIZE]);

/*
 * Elliptic curve Diffie-Hellman (SEC 1 3.3.1, RFC 8446 7.4.2).
 *
 * in: private_key - secret
 *     peer - the other side's public key, any 65 bytes
 * out: true, and shared: the x-coordinate of private_key * peer
 *      false if private_key is not in 1..n-1 or peer is not a point of the
 *      curve (RFC 8446 4.2.8.2: illegal_parameter); shared is then all zero
 * shared may overlap the others. Constant time, but true or false is public.
 */
bool p256_ecdh(unsigned char shared[P256_SHARED_SIZE],
               const unsigned char private_key[P256_KEY_SIZE],
               const unsigned char peer[P256_PUBLIC_KEY_SIZE]);

#endif
