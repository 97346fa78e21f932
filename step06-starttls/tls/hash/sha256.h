#ifndef SHA256_H
#define SHA256_H

/*
 * sha256.h - SHA-256 (FIPS 180-4).
 *
 * A hash of data that comes in pieces: init, any number of updates, final. A
 * struct sha256 may be copied at any time, and the copy finished or fed on its
 * own: TLS hashes the handshake so far at several points of it.
 * TUTORIAL.md, chapter 6.2.
 */

#include <stddef.h>
#include <stdint.h>

enum { SHA256_SIZE = 32, SHA256_BLOCK_SIZE = 64 };

struct sha256 {
    uint32_t state[8];                      /* H0 to H7 */
    uint64_t size;                          /* of all input so far, in bytes */
    unsigned char block[SHA256_BLOCK_SIZE]; /* its last size % 64 bytes */
};

/* Start a hash (5.3.3). */
void sha256_init(struct sha256 *hash);

/*
 * Append data[0..size). Any size, also 0. The standard ends at 2^61 bytes in
 * all; at a gigabyte per second that takes seventy years.
 */
void sha256_update(struct sha256 *hash, const void *data, size_t size);

/*
 * Write the digest of all that was appended. The hash is wiped: to go on from
 * here, finish a copy.
 */
void sha256_final(struct sha256 *hash, unsigned char digest[SHA256_SIZE]);

/* All of the above at once. */
void sha256(const void *data, size_t size, unsigned char digest[SHA256_SIZE]);

#endif
