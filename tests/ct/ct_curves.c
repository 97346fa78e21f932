/*
 * ct_curves.c - are X25519, P-256 and ECDSA constant time?
 *
 * Built with -DCT_CHECK and run under valgrind, which then complains about each
 * branch and each address that depends on a private key (bytes.h says how):
 *
 *     cc -DCT_CHECK -gdwarf-4 -O2 -I step06-starttls/tls -o build/ct_curves \
 *        tests/ct/ct_curves.c \
 *        step06-starttls/tls/{bytes,hash,exchange,signature}/[a-z]*.c
 *     valgrind --error-exitcode=1 build/ct_curves
 *
 * What is marked secret here is what is secret in use: private keys, and the
 * result of a key exchange. What the functions give to the world they unmark
 * themselves; this file branches on it, so that forgetting to would show.
 */

#include "bytes/bytes.h"
#include "exchange/p256.h"
#include "exchange/x25519.h"
#include "signature/ecdsa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_SIZE = 32 };

/* RFC 6979 A.2.5: the order of the group; as a private key it is not valid. */
static const unsigned char order[KEY_SIZE] = {
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
    0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};

static void expect(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "ct_curves: %s\n", what);
    exit(2);
}

/* A private key: the same byte all over, then kept secret. */
static void make_key(unsigned char key[KEY_SIZE], unsigned char byte)
{
    memset(key, byte, KEY_SIZE);
    secret_mark(key, KEY_SIZE);
}

/* Two sides agree; neither their keys nor what they share show. */
static void check_x25519(unsigned char byte)
{
    static const unsigned char small_order[X25519_SIZE] = {1};
    unsigned char alice[KEY_SIZE], bob[KEY_SIZE];
    unsigned char alice_public[X25519_SIZE], bob_public[X25519_SIZE];
    unsigned char shared[X25519_SIZE], shared_by_bob[X25519_SIZE];

    make_key(alice, byte);
    make_key(bob, byte ^ 0x55);
    x25519_base(alice_public, alice);
    x25519_base(bob_public, bob);
    expect(alice_public[0] != bob_public[0] ||
               memcmp(alice_public, bob_public, X25519_SIZE) != 0,
           "x25519_base: two keys, one public key");
    expect(x25519(shared, alice, bob_public), "x25519 refused a public key");
    expect(x25519(shared_by_bob, bob, alice_public), "x25519 refused one");
    expect(bytes_equal_ct(shared, shared_by_bob, sizeof shared),
           "x25519: the two sides differ");
    expect(!x25519(shared, alice, small_order), "x25519 took a small order");
}

static void check_p256(unsigned char byte)
{
    unsigned char alice[KEY_SIZE], bob[KEY_SIZE];
    unsigned char alice_public[P256_PUBLIC_KEY_SIZE];
    unsigned char bob_public[P256_PUBLIC_KEY_SIZE];
    unsigned char shared[P256_SHARED_SIZE], shared_by_bob[P256_SHARED_SIZE];

    make_key(alice, byte);
    make_key(bob, byte ^ 0x55);
    expect(p256_public_key(alice_public, alice), "p256_public_key failed");
    expect(p256_public_key(bob_public, bob), "p256_public_key failed");
    expect(memcmp(alice_public, bob_public, sizeof bob_public) != 0,
           "p256_public_key: two keys, one public key");
    expect(p256_ecdh(shared, alice, bob_public), "p256_ecdh failed");
    expect(p256_ecdh(shared_by_bob, bob, alice_public), "p256_ecdh failed");
    expect(bytes_equal_ct(shared, shared_by_bob, sizeof shared),
           "p256_ecdh: the two sides differ");
    bob_public[64] ^= 1;
    expect(!p256_ecdh(shared, alice, bob_public), "p256_ecdh: off the curve");
}

static void check_ecdsa(unsigned char byte)
{
    unsigned char key[KEY_SIZE], digest[SHA256_SIZE], r_and_s[ECDSA_SIZE];
    unsigned char public_key[P256_PUBLIC_KEY_SIZE];

    make_key(key, byte);
    sha256(&byte, 1, digest);
    expect(p256_public_key(public_key, key), "p256_public_key failed");
    expect(ecdsa_sign(r_and_s, key, digest), "ecdsa_sign failed");
    expect(ecdsa_verify(r_and_s, public_key, digest), "ecdsa_verify failed");
    digest[0] ^= 1;
    expect(!ecdsa_verify(r_and_s, public_key, digest), "ecdsa_verify took it");
}

/* Refusing a key shows that it was refused, and nothing more. */
static void check_refused(const unsigned char bytes[KEY_SIZE])
{
    unsigned char key[KEY_SIZE], digest[SHA256_SIZE] = {0};
    unsigned char public_key[P256_PUBLIC_KEY_SIZE], r_and_s[ECDSA_SIZE];

    memcpy(key, bytes, sizeof key);
    secret_mark(key, sizeof key);
    expect(!p256_public_key(public_key, key), "p256_public_key: unfit key");
    expect(!ecdsa_sign(r_and_s, key, digest), "ecdsa_sign: unfit key");
}

int main(void)
{
    static const unsigned char zero[KEY_SIZE];

    for (unsigned byte = 1; byte < 255; byte += 83) {
        check_x25519((unsigned char)byte);
        check_p256((unsigned char)byte);
        check_ecdsa((unsigned char)byte);
    }
    check_refused(zero);
    check_refused(order);
    puts("ct_curves: done");
    return 0;
}
