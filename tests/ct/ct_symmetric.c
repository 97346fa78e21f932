/*
 * ct_symmetric.c - are the hash, HMAC, HKDF and the two ciphers constant time?
 *
 * Built with -DCT_CHECK and run under valgrind, which then complains about each
 * branch and each address that depends on a key or a plaintext (bytes.h says
 * how):
 *
 *     cc -DCT_CHECK -gdwarf-4 -O2 -I step06-starttls/tls \
 *        -o build/ct_symmetric tests/ct/ct_symmetric.c \
 *        step06-starttls/tls/{bytes,hash,cipher,exchange}/[a-z]*.c
 *     valgrind --error-exitcode=1 build/ct_symmetric
 *
 * All input is marked secret here, even where a protocol would have it public.
 * Sizes are public; they go round those of the blocks, and of the batches that
 * the ciphers compute at once.
 */

#include "bytes/bytes.h"
#include "cipher/aead.h"
#include "cipher/aes128.h"
#include "cipher/chacha20.h"
#include "cipher/ghash.h"
#include "cipher/poly1305.h"
#include "exchange/random.h"
#include "hash/hkdf.h"
#include "hash/sha256.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DATA_MAX = 1100 };

static void expect(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "ct_symmetric: %s\n", what);
    exit(2);
}

/* Bytes that are all different for a while, then kept secret. */
static void make_secret(unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(i * 31 + size);
    secret_mark(bytes, size);
}

static void check_hashes(size_t size)
{
    unsigned char data[DATA_MAX], digest[SHA256_SIZE], output[100];
    struct hmac hmac;

    make_secret(data, size);
    sha256(data, size, digest);
    hmac_init(&hmac, data, size);
    hmac_update(&hmac, data, size);
    hmac_final(&hmac, digest);
    hkdf_extract(data, size, data, size, digest);
    hkdf_expand(digest, data, size, output, sizeof output);
}

static void check_ciphers(size_t size)
{
    unsigned char key[CHACHA20_KEY_SIZE], nonce[12], data[DATA_MAX];
    struct aes128 aes;

    make_secret(key, sizeof key);
    make_secret(nonce, sizeof nonce);
    make_secret(data, size);
    chacha20_xor(key, nonce, 1, data, data, size);
    aes128_init(&aes, key);
    aes128_ctr_xor(&aes, nonce, 1, data, data, size);
}

static void check_authenticators(size_t size)
{
    unsigned char key[POLY1305_KEY_SIZE], data[DATA_MAX], tag[16];
    struct poly1305 poly;
    struct ghash ghash;

    make_secret(key, sizeof key);
    make_secret(data, size);
    poly1305_init(&poly, key);
    poly1305_update(&poly, data, size);
    poly1305_final(&poly, tag);
    ghash_init(&ghash, key);
    ghash_update_padded(&ghash, data, size);
    ghash_final(&ghash, tag);
}

/*
 * What was sealed is public, to the last byte: comparing it to a copy branches
 * on each. Opening must not show where a tag is wrong. What it gives out is
 * secret until the caller says otherwise, as we do to look at it.
 */
static void check_aead(const struct aead *aead, size_t size)
{
    unsigned char bytes[AEAD_KEY_SIZE_MAX], nonce[AEAD_NONCE_SIZE] = {0};
    unsigned char plain[DATA_MAX], data[DATA_MAX + AEAD_TAG_SIZE];
    unsigned char copy[DATA_MAX + AEAD_TAG_SIZE];
    size_t sealed = size + AEAD_TAG_SIZE;
    struct aead_key key;

    make_secret(bytes, sizeof bytes);
    make_secret(plain, size);
    aead->init(&key, bytes);
    aead->seal(&key, nonce, "aad", 3, plain, size, data);
    memcpy(copy, data, sealed);
    expect(memcmp(copy, data, sealed) == 0, "a copy differs");
    for (size_t i = size; i < sealed; i++) {
        data[i] ^= 1;
        expect(!aead->open(&key, nonce, "aad", 3, data, sealed, data),
               "open() took a forgery");
        data[i] ^= 1;
    }
    expect(aead->open(&key, nonce, "aad", 3, data, sealed, data),
           "open() refused what seal() made");
    secret_unmark(data, size);
    secret_unmark(plain, size);
    expect(memcmp(data, plain, size) == 0, "open() gave out something else");
}

/* Random bytes count as secret from the beginning. */
static void check_random(void)
{
    unsigned char seed[256], digest[SHA256_SIZE];

    random_bytes(seed, sizeof seed);
    sha256(seed, sizeof seed, digest);
}

int main(void)
{
    for (size_t size = 0; size <= DATA_MAX; size += size < 150 ? 1 : 37) {
        check_hashes(size);
        check_ciphers(size);
        check_authenticators(size);
    }
    for (size_t size = 0; size <= DATA_MAX; size += 61) {
        check_aead(&aead_chacha20_poly1305, size);
        check_aead(&aead_aes128_gcm, size);
    }
    check_random();
    puts("ct_symmetric: done");
    return 0;
}
