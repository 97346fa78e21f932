#ifndef POLY1305_H
#define POLY1305_H

/*
 * poly1305.h - the one-time authenticator Poly1305 (RFC 8439 2.5).
 *
 * One-time: with two messages under one key anybody can compute the key.
 * ChaCha20-Poly1305 makes a fresh key for each message.
 * TUTORIAL.md, chapter 6.4.
 */

#include <stddef.h>
#include <stdint.h>

enum {
    POLY1305_KEY_SIZE = 32,
    POLY1305_TAG_SIZE = 16,
    POLY1305_BLOCK_SIZE = 16
};

/* Numbers in limbs of 64 bits, the least significant one first. */
struct poly1305 {
    uint64_t r[2];   /* first half of the key, the multiplier */
    uint64_t sum[3]; /* the accumulator; sum[2] is at most 4 */
    uint64_t s[2];   /* second half of the key, added at the end */
    unsigned char block[POLY1305_BLOCK_SIZE]; /* input, not yet a whole block */
    size_t used;                              /* how much of it, 0 to 15 */
};

/* Start a message with a key that was never used before. */
void poly1305_init(struct poly1305 *poly,
                   const unsigned char key[POLY1305_KEY_SIZE]);

/* Append data[0..size). */
void poly1305_update(struct poly1305 *poly, const void *data, size_t size);

/* Write the tag of all that was appended, and wipe the state. */
void poly1305_final(struct poly1305 *poly,
                    unsigned char tag[POLY1305_TAG_SIZE]);

#endif
