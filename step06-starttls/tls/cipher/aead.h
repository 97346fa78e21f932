#ifndef AEAD_H
#define AEAD_H

/*
 * aead.h - authenticated encryption with associated data (RFC 5116), the one
 * shape that both ciphers of our TLS have.
 *
 * seal() encrypts and appends a tag; open() checks the tag and only then
 * decrypts. The additional data (aad) travel in the clear, but the tag covers
 * them as well. The record layer knows nothing more about a cipher than this.
 *
 * How large may a message be? ChaCha20-Poly1305 ends at 2^38 - 64 bytes (RFC
 * 8439 2.8) and AES-GCM at 2^36 - 32 (SP 800-38D 5.2.1.1), where their 32-bit
 * block counters would come round. A TLS record has at most 2^14 + 1 bytes of
 * plaintext (RFC 8446 5.2), so we are below by a factor of four million.
 * TUTORIAL.md, chapter 6.4.
 */

#include <stdbool.h>
#include <stddef.h>

enum {
    AEAD_TAG_SIZE = 16,
    AEAD_NONCE_SIZE = 12,
    AEAD_KEY_SIZE_MAX = 32,
    AEAD_STATE_SIZE = 1664 /* what AES-128-GCM makes of a key */
};

/* A key as its cipher wants it: memory that only the cipher understands.
 * Belongs to the caller, who wipes it. */
struct aead_key {
    _Alignas(16) unsigned char state[AEAD_STATE_SIZE];
};

struct aead {
    const char *name; /* as the middle of a TLS suite's: "AES_128_GCM" */
    size_t key_size;  /* bytes that init() reads */

    /* Prepare a key. */
    void (*init)(struct aead_key *key, const unsigned char *bytes);

    /*
     * Encrypt in[0..size) to out[0..size + AEAD_TAG_SIZE), the tag last. out
     * may be in itself, but must not overlap it otherwise. A nonce must never
     * come twice under one key, or neither message is secret any more.
     */
    void (*seal)(const struct aead_key *key,
                 const unsigned char nonce[AEAD_NONCE_SIZE], const void *aad,
                 size_t aad_size, const unsigned char *in, size_t size,
                 unsigned char *out);

    /*
     * The way back: in[0..size) is ciphertext and tag, and the plaintext goes
     * to out[0..size - AEAD_TAG_SIZE). False if it was not sealed with this
     * very key, nonce and aad, or is too short to hold a tag; then nothing was
     * decrypted and out is as it was.
     */
    bool (*open)(const struct aead_key *key,
                 const unsigned char nonce[AEAD_NONCE_SIZE], const void *aad,
                 size_t aad_size, const unsigned char *in, size_t size,
                 unsigned char *out);
};

extern const struct aead aead_chacha20_poly1305; /* RFC 8439 2.8 */
extern const struct aead aead_aes128_gcm;        /* SP 800-38D 7 */

#endif
