#ifndef CHACHA20_H
#define CHACHA20_H

/*
 * chacha20.h - the ChaCha20 stream cipher (RFC 8439 2.4).
 * TUTORIAL.md, chapter 6.4.
 */

#include <stddef.h>
#include <stdint.h>

enum { CHACHA20_KEY_SIZE = 32, CHACHA20_NONCE_SIZE = 12 };

/*
 * XOR in[0..size) with the key stream and write it to out, which may be in
 * itself but must not overlap it otherwise. Encrypts and decrypts, there is no
 * difference. A key and nonce together must never be used for two messages.
 * counter numbers the 64-byte block to start with; it must not run over 2^32.
 */
void chacha20_xor(const unsigned char key[CHACHA20_KEY_SIZE],
                  const unsigned char nonce[CHACHA20_NONCE_SIZE],
                  uint32_t counter, const void *in, void *out, size_t size);

#endif
