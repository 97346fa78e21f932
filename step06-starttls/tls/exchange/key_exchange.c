/*
 * key_exchange.c - (EC)DHE: the two groups of this server.
 *
 * Each side makes a key for this one connection, sends the public half, its
 * share, and multiplies the other's share by its private half. Both get the
 * same point, and nobody who only listens can. Since the private halves are
 * wiped, a key stolen tomorrow does not open what was recorded today.
 * TUTORIAL.md, chapter 6.5.
 */
#include "key_exchange.h"

#include "../bytes/bytes.h"
#include "random.h"

static bool x25519_public_key(unsigned char *share,
                              const unsigned char *private_key)
{
    x25519_base(share, private_key);
    return true;
}

/* x25519.h, p256.h: private keys have 32 bytes in both groups. */
enum { PRIVATE_KEY_SIZE = 32 };

const struct group groups[] = {
    {GROUP_X25519, X25519_SIZE, x25519_public_key, x25519},
    {GROUP_SECP256R1, P256_PUBLIC_KEY_SIZE, p256_public_key, p256_ecdh},
    {0, 0, NULL, NULL},
};

bool key_exchange(const struct group *group, struct bytes client_share,
                  unsigned char share[SHARE_SIZE_MAX],
                  unsigned char secret[SHARED_SECRET_SIZE])
{
    unsigned char private_key[PRIVATE_KEY_SIZE];
    bool valid;

    if (client_share.size != group->share_size)
        return false;
    do
        random_bytes(private_key, sizeof private_key);
    while (!group->public_key(share, private_key));
    valid = group->shared_secret(secret, private_key, client_share.data);
    wipe(private_key, sizeof private_key);
    return valid;
}
