#ifndef GHASH_H
#define GHASH_H

/*
 * ghash.h - GHASH, the authenticator inside GCM (SP 800-38D 6.4).
 * TUTORIAL.md, chapter 6.4.
 */

#include "../bytes/bytes.h"

#include <stddef.h>
#include <stdint.h>

enum { GHASH_SIZE = 16 };

/*
 * May be copied: a copy of a fresh one saves the work of ghash_init(). The
 * halves of the key ([0] is the less significant one) and their sum are cut to
 * pieces, as ghash.c explains at multiply().
 */
struct ghash {
    uint64_t key[2][10]; /* the hash subkey H, divided by x */
    uint64_t key_sum[10];
    u128 sum; /* the hash so far */
};

/* Start a hash under the hash subkey H (SP 800-38D 7.1). */
void ghash_init(struct ghash *ghash, const unsigned char key[GHASH_SIZE]);

/*
 * Append data[0..size) and then zeros up to the next multiple of 16 bytes, as
 * GCM does with its additional data and with its ciphertext.
 */
void ghash_update_padded(struct ghash *ghash, const void *data, size_t size);

/* Write the hash, and wipe the state. */
void ghash_final(struct ghash *ghash, unsigned char hash[GHASH_SIZE]);

#endif
