/*
 * chacha20_poly1305.c - the AEAD ChaCha20-Poly1305 (RFC 8439 2.8).
 *
 * ChaCha20 hides the message, Poly1305 makes the tag over the ciphertext and
 * the additional data. Poly1305 needs a key that is never used again: block 0
 * of the key stream is that key, the message is encrypted from block 1 on.
 * Start reading at compute_tag().
 * TUTORIAL.md, chapter 6.4.
 */

#include "../bytes/bytes.h"
#include "aead.h"
#include "chacha20.h"
#include "poly1305.h"

#include <string.h>

/*
 * 2.8: the tag is over aad, padded | ciphertext, padded | both sizes. With the
 * sizes in it no byte can move from the one to the other, and the zeros of the
 * padding can't be taken for data. How many zeros? In unsigned arithmetic -size
 * is 2^64 - size, and 16 divides 2^64.
 */
static void compute_tag(const unsigned char key[CHACHA20_KEY_SIZE],
                        const unsigned char nonce[CHACHA20_NONCE_SIZE],
                        const void *aad, size_t aad_size, const void *cipher,
                        size_t size, unsigned char tag[POLY1305_TAG_SIZE])
{
    static const unsigned char zeros[POLY1305_BLOCK_SIZE];
    unsigned char one_time_key[POLY1305_KEY_SIZE] = {0};
    unsigned char sizes[16];
    struct poly1305 poly;

    chacha20_xor(key, nonce, 0, one_time_key, one_time_key,
                 sizeof one_time_key); /* 2.6 */
    poly1305_init(&poly, one_time_key);
    poly1305_update(&poly, aad, aad_size);
    poly1305_update(&poly, zeros, -aad_size % POLY1305_BLOCK_SIZE);
    poly1305_update(&poly, cipher, size);
    poly1305_update(&poly, zeros, -size % POLY1305_BLOCK_SIZE);
    store_le64(sizes, aad_size);
    store_le64(sizes + 8, size);
    poly1305_update(&poly, sizes, sizeof sizes);
    poly1305_final(&poly, tag);
    wipe(one_time_key, sizeof one_time_key);
}

static void init(struct aead_key *key, const unsigned char *bytes)
{
    memcpy(key->state, bytes, CHACHA20_KEY_SIZE);
}

static void seal(const struct aead_key *key,
                 const unsigned char nonce[AEAD_NONCE_SIZE], const void *aad,
                 size_t aad_size, const unsigned char *in, size_t size,
                 unsigned char *out)
{
    chacha20_xor(key->state, nonce, 1, in, out, size);
    compute_tag(key->state, nonce, aad, aad_size, out, size, out + size);
    secret_unmark(out, size + AEAD_TAG_SIZE);
}

static bool open(const struct aead_key *key,
                 const unsigned char nonce[AEAD_NONCE_SIZE], const void *aad,
                 size_t aad_size, const unsigned char *in, size_t size,
                 unsigned char *out)
{
    unsigned char tag[AEAD_TAG_SIZE];
    bool genuine;

    if (size < AEAD_TAG_SIZE)
        return false;
    size -= AEAD_TAG_SIZE;
    compute_tag(key->state, nonce, aad, aad_size, in, size, tag);
    genuine = bytes_equal_ct(tag, in + size, sizeof tag);
    /* The right tag of a forged message is a secret: it would make it pass. */
    wipe(tag, sizeof tag);
    if (genuine)
        chacha20_xor(key->state, nonce, 1, in, out, size);
    return genuine;
}

const struct aead aead_chacha20_poly1305 = {
    "CHACHA20_POLY1305", CHACHA20_KEY_SIZE, init, seal, open,
};
