/*
 * key_exchange.c - (EC)DHE: the groups of this server.
 *
 * Each side makes a key for this one connection, sends the public half, its
 * share, and multiplies the other's share by its private half. Both get the
 * same point, and nobody who only listens can. Since the private halves are
 * wiped, a key stolen tomorrow does not open what was recorded today.
 * TUTORIAL.md, chapter 6.5.
 */
#include "key_exchange.h"

#include "../bytes/bytes.h"
#include "p256.h"
#include "random.h"
#include "x25519.h"

static bool exchange_x25519(unsigned char *share, unsigned char *secret,
                            const unsigned char *client_share)
{
    unsigned char private_key[X25519_SIZE];
    bool valid;

    random_bytes(private_key, sizeof private_key);
    x25519_base(share, private_key);
    valid = x25519(secret, private_key, client_share);
    wipe(private_key, sizeof private_key);
    return valid;
}

static bool exchange_p256(unsigned char *share, unsigned char *secret,
                          const unsigned char *client_share)
{
    unsigned char private_key[P256_KEY_SIZE];
    bool valid;

    do
        random_bytes(private_key, sizeof private_key);
    while (!p256_public_key(share, private_key));
    valid = p256_ecdh(secret, private_key, client_share);
    wipe(private_key, sizeof private_key);
    return valid;
}

const struct group groups[] = {
    {GROUP_X25519, X25519_SIZE, X25519_SIZE, X25519_SIZE, exchange_x25519},
    {GROUP_SECP256R1, P256_PUBLIC_KEY_SIZE, P256_PUBLIC_KEY_SIZE,
     P256_SHARED_SIZE, exchange_p256},
    {0, 0, 0, 0, NULL},
};

bool key_exchange(const struct group *group, struct bytes client_share,
                  unsigned char share[SHARE_SIZE_MAX],
                  unsigned char secret[SHARED_SECRET_SIZE_MAX])
{
    return client_share.size == group->client_share_size &&
           group->exchange(share, secret, client_share.data);
}
