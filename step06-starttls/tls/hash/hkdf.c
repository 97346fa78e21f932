/*
 * hkdf.c - HMAC (RFC 2104) and HKDF (RFC 5869), both with SHA-256.
 *
 * Why isn't SHA-256(key || message) good enough? Because a SHA-256 digest is
 * the whole state of the hash: whoever sees one can take it as the state and
 * append to the message, without the key. So HMAC hashes twice:
 *
 *     SHA-256( (key ^ opad) || SHA-256( (key ^ ipad) || message ) )
 *
 * HKDF has two stages. Extract makes one uniform key from a secret that is not
 * uniform; a shared point on a curve, say, is a number below some prime. Expand
 * draws independent keys from that key, each for another label, called info.
 * Start reading at hmac_init().
 * TUTORIAL.md, chapter 6.3.
 */

#include "hkdf.h"

#include "../bytes/bytes.h"

#include <assert.h>
#include <string.h>

/*
 * RFC 2104 2: the key, padded with zeros to one block, is XORed with the byte
 * 0x36 (ipad) for the inner hash and with 0x5c (opad) for the outer one. A key
 * longer than a block is hashed first.
 */
void hmac_init(struct hmac *hmac, const void *key, size_t key_size)
{
    unsigned char pad[SHA256_BLOCK_SIZE] = {0};

    if (key_size > SHA256_BLOCK_SIZE)
        sha256(key, key_size, pad);
    else if (key_size > 0) /* memcpy() must not be given a null pointer */
        memcpy(pad, key, key_size);
    for (size_t i = 0; i < sizeof pad; i++)
        pad[i] ^= 0x36;
    sha256_init(&hmac->inner);
    sha256_update(&hmac->inner, pad, sizeof pad);
    for (size_t i = 0; i < sizeof pad; i++)
        pad[i] ^= 0x36 ^ 0x5c; /* takes the one off, puts the other on */
    sha256_init(&hmac->outer);
    sha256_update(&hmac->outer, pad, sizeof pad);
    wipe(pad, sizeof pad);
}

void hmac_update(struct hmac *hmac, const void *data, size_t size)
{
    sha256_update(&hmac->inner, data, size);
}

void hmac_final(struct hmac *hmac, unsigned char mac[SHA256_SIZE])
{
    unsigned char inner[SHA256_SIZE];

    sha256_final(&hmac->inner, inner);
    sha256_update(&hmac->outer, inner, sizeof inner);
    sha256_final(&hmac->outer, mac);
    wipe(inner, sizeof inner);
}

/*
 * RFC 5869 2.2. The salt is the key and the secret the message, not the other
 * way round. The RFC's default salt, 32 zeros, and an empty one are the same
 * HMAC key, since HMAC pads with zeros.
 */
void hkdf_extract(const void *salt, size_t salt_size, const void *ikm,
                  size_t ikm_size, unsigned char prk[SHA256_SIZE])
{
    struct hmac hmac;

    hmac_init(&hmac, salt, salt_size);
    hmac_update(&hmac, ikm, ikm_size);
    hmac_final(&hmac, prk);
}

/*
 * RFC 5869 2.3: T(1) = HMAC(prk, info || 1), T(n) = HMAC(prk, T(n-1) || info
 * || n), and the output is T(1) || T(2) || ..., cut where it is long enough.
 * The count n is a single byte, hence at most 255 of them.
 */
void hkdf_expand(const unsigned char prk[SHA256_SIZE], const void *info,
                 size_t info_size, void *out, size_t out_size)
{
    struct hmac keyed, hmac;
    unsigned char t[SHA256_SIZE];
    unsigned char *output = out;
    size_t t_size = 0; /* T(0) is empty */
    size_t done = 0;

    assert(out_size <= HKDF_OUTPUT_MAX);
    hmac_init(&keyed, prk, SHA256_SIZE); /* once: out may be prk */
    for (unsigned char n = 1; done < out_size; n++) {
        size_t left = out_size - done;
        size_t piece = left < sizeof t ? left : sizeof t;

        hmac = keyed;
        hmac_update(&hmac, t, t_size);
        hmac_update(&hmac, info, info_size);
        hmac_update(&hmac, &n, 1);
        hmac_final(&hmac, t);
        t_size = sizeof t;
        memcpy(output + done, t, piece);
        done += piece;
    }
    wipe(&keyed, sizeof keyed);
    wipe(t, sizeof t);
}
