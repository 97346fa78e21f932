#ifndef ECDSA_H
#define ECDSA_H

/*
 * ecdsa.h - signatures with P-256 and SHA-256 (FIPS 186-5 section 6).
 *
 * A signature is two integers modulo the group's order n, r and s, here 32
 * bytes each, most significant byte first, one after the other. TLS and
 * certificates want them wrapped in DER (RFC 8446 4.2.3): that is done there,
 * not here.
 * TUTORIAL.md, chapter 6.6.
 */

#include "../exchange/p256.h"
#include "../hash/sha256.h"

#include <stdbool.h>

enum { ECDSA_SIZE = 64 };

/*
 * Sign a SHA-256 digest. The nonce is that of RFC 6979, so that the same key
 * and digest always give the same signature and no random source is needed.
 *
 * in: private_key - secret; digest - of what is to be signed
 * out: true, and the signature (marked as public, see secret_unmark())
 *      false if private_key is not in 1..n-1; r_and_s is then all zero
 * r_and_s may overlap the others. Constant time, but true or false is public.
 */
bool ecdsa_sign(unsigned char r_and_s[ECDSA_SIZE],
                const unsigned char private_key[P256_KEY_SIZE],
                const unsigned char digest[SHA256_SIZE]);

/*
 * Check a signature of a digest (FIPS 186-5 6.4.2).
 *
 * in: all public, any bytes
 * out: true if the owner of public_key signed digest; false if not, or if
 *      public_key is not a point of the curve, or r or s not in 1..n-1
 */
bool ecdsa_verify(const unsigned char r_and_s[ECDSA_SIZE],
                  const unsigned char public_key[P256_PUBLIC_KEY_SIZE],
                  const unsigned char digest[SHA256_SIZE]);

#endif
