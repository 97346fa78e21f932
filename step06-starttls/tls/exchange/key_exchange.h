#ifndef KEY_EXCHANGE_H
#define KEY_EXCHANGE_H

/*
 * key_exchange.h - the groups for (EC)DHE (RFC 8446 sections 4.2.7, 4.2.8 and
 * 7.4.2), behind one interface.
 *
 * In both of ours the two sides do the same. In others, such as the hybrids
 * with ML-KEM, the client's share differs from the server's: so a group is
 * seen from the server's side here, and has a size for each share.
 * TUTORIAL.md, chapter 6.5.
 */

#include "../bytes/wire.h"

/* RFC 8446 4.2.7 */
enum { GROUP_SECP256R1 = 0x0017, GROUP_X25519 = 0x001d };

/* The largest sizes in any group: of our share, and of the secret. */
enum { SHARE_SIZE_MAX = 65, SHARED_SECRET_SIZE_MAX = 32 };

struct group {
    unsigned number; /* as in NamedGroup, RFC 8446 4.2.7 */
    size_t client_share_size, share_size, secret_size;

    /* Make our share, and the secret out of the client's; false if the
     * client's is no share that we may use. */
    bool (*exchange)(unsigned char *share, unsigned char *secret,
                     const unsigned char *client_share);
};

/* The groups of this server, the preferred one first; ended by number 0. */
extern const struct group groups[];

/*
 * Make an ephemeral key in group, and do Diffie-Hellman with the client's
 * share. Gives our own share[0..group->share_size) and the shared
 * secret[0..group->secret_size); the private key is gone afterwards. False if
 * the client's share is of the wrong size or invalid (RFC 8446 4.2.8.2, 7.4.2:
 * illegal_parameter).
 */
bool key_exchange(const struct group *group, struct bytes client_share,
                  unsigned char share[SHARE_SIZE_MAX],
                  unsigned char secret[SHARED_SECRET_SIZE_MAX]);

#endif
