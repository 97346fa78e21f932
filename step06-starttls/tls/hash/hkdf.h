#ifndef HKDF_H
#define HKDF_H

/*
 * hkdf.h - HMAC (RFC 2104) and HKDF (RFC 5869), both with SHA-256.
 *
 * HMAC is a hash with a key: without the key nobody can compute it. HKDF uses
 * it to turn one secret, of whatever shape, into as many keys as needed.
 * TUTORIAL.md, chapter 6.3.
 */

#include "sha256.h"

#include <stddef.h>

/* The key is in there only as the hash states after its two padded forms. */
struct hmac {
    struct sha256 inner;
    struct sha256 outer;
};

enum { HKDF_OUTPUT_MAX = 255 * SHA256_SIZE }; /* RFC 5869 2.3 */

/* Start an HMAC with key[0..key_size), of any size. May be copied. */
void hmac_init(struct hmac *hmac, const void *key, size_t key_size);

/* Append data[0..size). */
void hmac_update(struct hmac *hmac, const void *data, size_t size);

/* Write the code of all that was appended, and wipe the HMAC. */
void hmac_final(struct hmac *hmac, unsigned char mac[SHA256_SIZE]);

/*
 * RFC 5869 2.2: concentrate the input keying material into one uniform key,
 * the pseudorandom key. A missing salt is salt_size 0.
 */
void hkdf_extract(const void *salt, size_t salt_size, const void *ikm,
                  size_t ikm_size, unsigned char prk[SHA256_SIZE]);

/*
 * RFC 5869 2.3: draw output out[0..out_size) from a pseudorandom key; another
 * info gives an unrelated output. out_size is at most HKDF_OUTPUT_MAX: the
 * caller sees to it, in TLS every size is a constant of at most 48. out may
 * be prk, but must not overlap info.
 */
void hkdf_expand(const unsigned char prk[SHA256_SIZE], const void *info,
                 size_t info_size, void *out, size_t out_size);

#endif
