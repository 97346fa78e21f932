/*
 * build/try/exchange - two sides agree on a secret.
 *
 * X25519 with the keys of RFC 7748 6.1: the secret is 4a5d9d... P-256 with
 * those of RFC 5903 8.1: d6840f... Then as a server does it, with keys that it
 * makes for this once: another share and another secret each time.
 */
#include "exchange/key_exchange.h"
#include "exchange/p256.h"
#include "exchange/x25519.h"
#include "try.h"

static void try_x25519(const char *alice, const char *bob)
{
    unsigned char a[32], b[32], a_share[32], b_share[32], secret[32], again[32];

    unhex(a, sizeof a, alice);
    unhex(b, sizeof b, bob);
    x25519_base(a_share, a);
    x25519_base(b_share, b);
    show("X25519, one share", a_share, sizeof a_share);
    show("the other's share", b_share, sizeof b_share);
    expect(x25519(secret, a, b_share) && x25519(again, b, a_share), "shares");
    expect(memcmp(secret, again, sizeof secret) == 0, "the same secret");
    show("the secret of both", secret, sizeof secret);
}

static void try_p256(const char *alice, const char *bob)
{
    unsigned char a[32], b[32], a_share[65], b_share[65], secret[32], again[32];

    unhex(a, sizeof a, alice);
    unhex(b, sizeof b, bob);
    expect(p256_public_key(a_share, a) && p256_public_key(b_share, b), "keys");
    show("P-256, one share", a_share, sizeof a_share);
    show("the other's share", b_share, sizeof b_share);
    expect(p256_ecdh(secret, a, b_share) && p256_ecdh(again, b, a_share),
           "shares");
    expect(memcmp(secret, again, sizeof secret) == 0, "the same secret");
    show("the secret of both", secret, sizeof secret);
    b_share[64] ^= 1;
    expect(!p256_ecdh(secret, a, b_share), "no point of the curve");
}

int main(void)
{
    unsigned char client[32] = {9}, share[SHARE_SIZE_MAX];
    unsigned char secret[SHARED_SECRET_SIZE_MAX];

    try_x25519(
        "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
        "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
    try_p256(
        "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
        "c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53");
    expect(key_exchange(groups, (struct bytes){client, sizeof client}, share,
                        secret),
           "the base point is a share, too");
    show("a server's share", share, groups->share_size);
    show("it's its own secret", secret, groups->secret_size);
    return 0;
}
