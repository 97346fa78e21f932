/*
 * build/try/cipher TEXT - both ciphers, under the key, nonce and additional
 * data of RFC 8439 2.8.2. Without a TEXT it is the RFC's as well: d31a8d...
 *
 * OpenSSL has the ciphers without their tags on the command line. Its nonce
 * begins with the block counter for the one, and ends with it for the other:
 *
 *     K=808182838485868788898a8b8c8d8e8f N=070000004041424344454647
 *     printf abc | openssl enc -chacha20 -iv 01000000$N \
 *         -K ${K}909192939495969798999a9b9c9d9e9f | xxd -p
 *     printf abc | openssl enc -aes-128-ctr -iv ${N}00000002 -K $K | xxd -p
 */
#include "cipher/aead.h"
#include "try.h"

static const char sunscreen[] =
    "Ladies and Gentlemen of the class of '99: If I could offer you only one "
    "tip for the future, sunscreen would be it.";

int main(int argc, char **argv)
{
    const struct aead *ciphers[] = {&aead_chacha20_poly1305, &aead_aes128_gcm};
    const char *text = argc > 1 ? argv[1] : sunscreen;
    size_t size = strlen(text), sealed_size = size + AEAD_TAG_SIZE;
    unsigned char key[AEAD_KEY_SIZE_MAX], nonce[AEAD_NONCE_SIZE], aad[12];
    unsigned char *sealed = malloc(sealed_size), *opened = malloc(sealed_size);

    for (unsigned char i = 0; i < sizeof key; i++)
        key[i] = 0x80 + i;
    unhex(nonce, sizeof nonce, "070000004041424344454647");
    unhex(aad, sizeof aad, "50515253c0c1c2c3c4c5c6c7");
    expect(sealed && opened, "memory");
    for (size_t i = 0; i < 2; i++) {
        const struct aead *aead = ciphers[i];
        struct aead_key state;

        aead->init(&state, key);
        aead->seal(&state, nonce, aad, sizeof aad, (const void *)text, size,
                   sealed);
        show(aead->name, sealed, size);
        show("its tag", sealed + size, AEAD_TAG_SIZE);
        expect(aead->open(&state, nonce, aad, sizeof aad, sealed, sealed_size,
                          opened) &&
                   memcmp(opened, text, size) == 0,
               "it can be opened");
        sealed[0] ^= 1;
        expect(!aead->open(&state, nonce, aad, sizeof aad, sealed, sealed_size,
                           opened),
               "another bit, and it can't");
    }
    return 0;
}
