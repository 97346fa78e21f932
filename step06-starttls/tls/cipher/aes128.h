#ifndef AES128_H
#define AES128_H

/*
 * aes128.h - AES with 128-bit keys (FIPS 197), encryption only, and its counter
 * mode. Counter mode never runs AES backwards, so there is no decryption here.
 * TUTORIAL.md, chapter 6.4.
 */

#include <stddef.h>
#include <stdint.h>

enum {
    AES128_KEY_SIZE = 16,
    AES128_BLOCK_SIZE = 16,
    AES128_ROUNDS = 10,
    AES128_BATCH = 8 * AES128_BLOCK_SIZE /* eight blocks cost as much as one */
};

/*
 * Two numbers of 64 bits, on which &, ^, ~, << and >> do the same side by side.
 * An extension of C in gcc and clang: a slice is kept in one register if the
 * processor has such wide ones (all x86-64 and ARM64 do), else in two.
 */
typedef uint64_t aes128_slice __attribute__((vector_size(16)));

/* The round keys, bitsliced as the data are: see aes128.c. */
struct aes128 {
    aes128_slice round_keys[AES128_ROUNDS + 1][8];
};

/* Compute the round keys (FIPS 197 5.2). */
void aes128_init(struct aes128 *aes, const unsigned char key[AES128_KEY_SIZE]);

/* Encrypt eight blocks, each on its own (FIPS 197 5.1). out may be in. */
void aes128_encrypt(const struct aes128 *aes,
                    const unsigned char in[AES128_BATCH],
                    unsigned char out[AES128_BATCH]);

/*
 * Counter mode, as GCM has it (GCTR, SP 800-38D 6.5): XOR in[0..size) with the
 * encryption of nonce || counter, nonce || counter + 1, ... and write it to
 * out, which may be in itself but must not overlap it otherwise. counter must
 * not run over 2^32. A nonce must never be used for two messages.
 */
void aes128_ctr_xor(const struct aes128 *aes, const unsigned char nonce[12],
                    uint32_t counter, const void *in, void *out, size_t size);

#endif
