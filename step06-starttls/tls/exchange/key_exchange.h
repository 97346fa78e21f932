#ifndef KEY_EXCHANGE_H
#define KEY_EXCHANGE_H

/*
 * key_exchange.h - the two groups for (EC)DHE (RFC 8446 sections 4.2.7, 4.2.8
 * and 7.4.2), behind one face.
 * TUTORIAL.md, chapter 6.5.
 */

#include "../bytes/wire.h"
#include "p256.h"
#include "x25519.h"

#include <stdbool.h>

/* RFC 8446 4.2.7 */
enum { GROUP_SECP256R1 = 0x0017, GROUP_X25519 = 0x001d };

enum {
    SHARE_SIZE_MAX = P256_PUBLIC_KEY_SIZE,
    SHARED_SECRET_SIZE = 32, /* in both groups */
};

struct group {
    unsigned number; /* as in NamedGroup, RFC 8446 4.2.7 */
    size_t share_size;

    /* False if private_key is none in this group: draw another. */
    bool (*public_key)(unsigned char *share, const unsigned char *private_key);

    /* False if the peer's share is no point we may use. */
    bool (*shared_secret)(unsigned char *secret,
                          const unsigned char *private_key,
                          const unsigned char *peer_share);
};

/* The groups of this server, the preferred one first; ended by number 0. */
extern const struct group groups[];

/*
 * Make an ephemeral key in group, and do Diffie-Hellman with the client's
 * share. Gives our own share[0..group->share_size) and the shared secret; the
 * private key is gone afterwards. False if the client's share is of the wrong
 * size or invalid (RFC 8446 4.2.8.2, 7.4.2: illegal_parameter).
 */
bool key_exchange(const struct group *group, struct bytes client_share,
                  unsigned char share[SHARE_SIZE_MAX],
                  unsigned char secret[SHARED_SECRET_SIZE]);

#endif
