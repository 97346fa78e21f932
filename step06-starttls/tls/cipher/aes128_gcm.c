/*
 * aes128_gcm.c - the AEAD AES-128-GCM (SP 800-38D), with nonces of 96 bits.
 *
 * AES in counter mode hides the message, GHASH makes a tag over the ciphertext
 * and the additional data. GHASH on its own is as fragile as Poly1305: seen
 * twice under one key, it gives the key away. Here the key stays and the hash
 * is hidden instead, under a block of key stream that is used for nothing else:
 * block 1. The message is encrypted from block 2 on. Start reading at
 * compute_tag().
 * TUTORIAL.md, chapter 6.4.
 */

#include "../bytes/bytes.h"
#include "aead.h"
#include "aes128.h"
#include "ghash.h"

/* What is in the memory of a struct aead_key; may_alias tells the compiler that
 * it is declared as something else there. */
struct gcm {
    struct aes128 aes;
    struct ghash ghash; /* fresh, to be copied for each message */
} __attribute__((may_alias));

_Static_assert(sizeof(struct gcm) <= AEAD_STATE_SIZE, "no room in aead_key");

static const struct gcm *gcm_of(const struct aead_key *key)
{
    return (const void *)key->state;
}

/*
 * SP 800-38D 7.1 steps 4 to 6. With a nonce of 96 bits the block before the
 * first is nonce || 1 (step 2).
 */
static void compute_tag(const struct gcm *gcm,
                        const unsigned char nonce[AEAD_NONCE_SIZE],
                        const void *aad, size_t aad_size, const void *cipher,
                        size_t size, unsigned char tag[AEAD_TAG_SIZE])
{
    struct ghash ghash = gcm->ghash;
    unsigned char sizes[16];

    ghash_update_padded(&ghash, aad, aad_size);
    ghash_update_padded(&ghash, cipher, size);
    store_be64(sizes, (uint64_t)aad_size * 8); /* in bits */
    store_be64(sizes + 8, (uint64_t)size * 8);
    ghash_update_padded(&ghash, sizes, sizeof sizes);
    ghash_final(&ghash, tag);
    aes128_ctr_xor(&gcm->aes, nonce, 1, tag, tag, AEAD_TAG_SIZE);
}

/* 7.1 step 1: the place H of GHASH is the encryption of a block of zeros. */
static void init(struct aead_key *key, const unsigned char *bytes)
{
    struct gcm *gcm = (void *)key->state;
    unsigned char h[AES128_BATCH] = {0};

    aes128_init(&gcm->aes, bytes);
    aes128_encrypt(&gcm->aes, h, h);
    ghash_init(&gcm->ghash, h);
    wipe(h, sizeof h);
}

/* 7.1 */
static void seal(const struct aead_key *key,
                 const unsigned char nonce[AEAD_NONCE_SIZE], const void *aad,
                 size_t aad_size, const unsigned char *in, size_t size,
                 unsigned char *out)
{
    aes128_ctr_xor(&gcm_of(key)->aes, nonce, 2, in, out, size);
    compute_tag(gcm_of(key), nonce, aad, aad_size, out, size, out + size);
    secret_unmark(out, size + AEAD_TAG_SIZE);
}

/* 7.2 */
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
    compute_tag(gcm_of(key), nonce, aad, aad_size, in, size, tag);
    genuine = bytes_equal_ct(tag, in + size, sizeof tag);
    /* The right tag of a forged message is a secret: it would make it pass. */
    wipe(tag, sizeof tag);
    if (genuine)
        aes128_ctr_xor(&gcm_of(key)->aes, nonce, 2, in, out, size);
    return genuine;
}

const struct aead aead_aes128_gcm = {
    "AES_128_GCM", AES128_KEY_SIZE, init, seal, open,
};
