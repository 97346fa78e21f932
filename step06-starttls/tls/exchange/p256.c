/*
 * p256.c - keys and Diffie-Hellman on P-256 (SEC 1 3.2.1 and 3.3.1).
 *
 * The order of the group is a prime and the key is not a multiple of it, so
 * that neither result can be the point at infinity.
 * TUTORIAL.md, chapter 6.5.
 */

#include "p256.h"

#include "../bytes/bytes.h"
#include "p256_point.h"
#include "p256_scalar.h"

#include <string.h>

/*
 * in: bytes - secret
 * out: true and the key; false if it is not in 1..n-1
 *
 * Whether a key is valid is made public: the valid ones are all but one in 2^32
 * and an attacker knows that ours, which is in use, is one of them.
 */
static bool key_from_bytes(uint64_t key[4], const unsigned char bytes[32])
{
    uint64_t valid = p256_scalar_from_bytes(key, bytes);

    secret_unmark(&valid, sizeof valid);
    return valid;
}

/* key * G, written down */
bool p256_public_key(unsigned char public_key[P256_PUBLIC_KEY_SIZE],
                     const unsigned char private_key[P256_KEY_SIZE])
{
    struct p256_point point;
    uint64_t key[4];
    const bool valid = key_from_bytes(key, private_key);

    memset(public_key, 0, P256_PUBLIC_KEY_SIZE);
    if (valid) {
        p256_point_multiply_base(&point, key);
        p256_point_to_bytes(public_key, &point);
        secret_unmark(public_key, P256_PUBLIC_KEY_SIZE);
        wipe(&point, sizeof point);
    }
    wipe(key, sizeof key);
    return valid;
}

/*
 * With a and b for the keys, a * (b * G) = b * (a * G): both sides come to the
 * same point. Its x-coordinate is the secret they share.
 */
bool p256_ecdh(unsigned char shared[P256_SHARED_SIZE],
               const unsigned char private_key[P256_KEY_SIZE],
               const unsigned char peer[P256_PUBLIC_KEY_SIZE])
{
    struct p256_point point;
    unsigned char bytes[P256_POINT_SIZE];
    uint64_t key[4];
    const bool valid =
        key_from_bytes(key, private_key) && p256_point_from_bytes(&point, peer);

    memset(shared, 0, P256_SHARED_SIZE);
    if (valid) {
        p256_point_multiply(&point, key, &point);
        p256_point_to_bytes(bytes, &point);
        memcpy(shared, bytes + 1, P256_SHARED_SIZE);
        wipe(&point, sizeof point);
        wipe(bytes, sizeof bytes);
    }
    wipe(key, sizeof key);
    return valid;
}
