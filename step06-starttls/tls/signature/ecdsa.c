/*
 * ecdsa.c - signatures with P-256 and SHA-256.
 *
 * With the private key d, the public key Q = d G and the digest e, a signature
 * takes a nonce k, a fresh secret number, and is
 *
 *     r = the x-coordinate of k G, modulo n
 *     s = (e + r d) / k modulo n
 *
 * From r and s anybody can compute (e/s) G + (r/s) Q = ((e + r d) / s) G = k G,
 * whose x-coordinate has to be r: that is the check.
 *
 * All depends on k. Two signatures with the same k give d away, and so do a few
 * known bits of each k in many signatures. RFC 6979 makes k out of d and e with
 * HMAC: no random source is needed, another digest gets another k, and nobody
 * without d can tell it from a random number.
 *
 * Start reading at ecdsa_sign().
 * TUTORIAL.md, chapter 6.6.
 */

#include "ecdsa.h"

#include "../bytes/bytes.h"
#include "../exchange/p256_point.h"
#include "../exchange/p256_scalar.h"
#include "../hash/hkdf.h"

#include <string.h>

/* RFC 6979 3.2: the state of the generator, K and V there. */
struct nonces {
    unsigned char key[SHA256_SIZE];
    unsigned char value[SHA256_SIZE];
};

/* value = HMAC(key, value): the next 32 bytes of the generator. */
static void nonces_step(struct nonces *nonces)
{
    struct hmac hmac;

    hmac_init(&hmac, nonces->key, sizeof nonces->key);
    hmac_update(&hmac, nonces->value, sizeof nonces->value);
    hmac_final(&hmac, nonces->value);
}

/*
 * Stir seed[0..size) into the state:
 * key = HMAC(key, value || separator || seed), then value = HMAC(key, value).
 */
static void nonces_stir(struct nonces *nonces, unsigned char separator,
                        const unsigned char *seed, size_t size)
{
    struct hmac hmac;

    hmac_init(&hmac, nonces->key, sizeof nonces->key);
    hmac_update(&hmac, nonces->value, sizeof nonces->value);
    hmac_update(&hmac, &separator, 1);
    hmac_update(&hmac, seed, size);
    hmac_final(&hmac, nonces->key);
    nonces_step(nonces);
}

/*
 * in: d, e - below n: the private key, and the digest modulo n
 * out: the generator, RFC 6979 3.2, after steps b to g
 *
 * Both go into it as 32 bytes, twice over with different separators.
 */
static void nonces_init(struct nonces *nonces, const uint64_t d[4],
                        const uint64_t e[4])
{
    unsigned char seed[2 * P256_KEY_SIZE];

    p256_scalar_to_bytes(seed, d);
    p256_scalar_to_bytes(seed + P256_KEY_SIZE, e);
    memset(nonces->value, 1, sizeof nonces->value);
    memset(nonces->key, 0, sizeof nonces->key);
    nonces_stir(nonces, 0, seed, sizeof seed);
    nonces_stir(nonces, 1, seed, sizeof seed);
    wipe(seed, sizeof seed);
}

/*
 * The r of a nonce or of a check: the x-coordinate of a point, modulo n.
 * Returned: all ones unless r is 0, then all zeros.
 */
static uint64_t r_of_point(uint64_t r[4], const struct p256_point *point)
{
    unsigned char bytes[P256_POINT_SIZE];

    p256_point_to_bytes(bytes, point);
    return p256_scalar_from_bytes(r, bytes + 1);
}

/*
 * in: d, e - below n; nonce - any number, secret
 * out: true and the signature; false if the nonce is unfit: not in 1..n-1, or r
 *      or s is 0
 *
 * Whether the nonce was fit is made public. An unfit one (one in 2^32) is
 * thrown away, and nothing about it helps to find the next one.
 */
static bool sign_with_nonce(unsigned char r_and_s[ECDSA_SIZE],
                            const uint64_t d[4], const uint64_t e[4],
                            const unsigned char nonce[SHA256_SIZE])
{
    struct p256_point point;
    uint64_t k[4], r[4], s[4];
    uint64_t fit;

    fit = p256_scalar_from_bytes(k, nonce);
    p256_point_multiply_base(&point, k);
    fit &= r_of_point(r, &point);
    p256_scalar_multiply(s, r, d);
    p256_scalar_add(s, s, e);
    p256_scalar_invert(k, k);
    p256_scalar_multiply(s, s, k);
    p256_scalar_to_bytes(r_and_s, r);
    p256_scalar_to_bytes(r_and_s + 32, s);
    fit &= p256_scalar_from_bytes(s, r_and_s + 32);
    secret_unmark(&fit, sizeof fit);
    wipe(k, sizeof k);
    wipe(&point, sizeof point);
    return fit;
}

bool ecdsa_sign(unsigned char r_and_s[ECDSA_SIZE],
                const unsigned char private_key[P256_KEY_SIZE],
                const unsigned char digest[SHA256_SIZE])
{
    struct nonces nonces;
    uint64_t d[4], e[4];
    uint64_t valid = p256_scalar_from_bytes(d, private_key);

    /* Public, as in p256.c: a key in use is valid, all the world knows. */
    secret_unmark(&valid, sizeof valid);
    p256_scalar_from_bytes(e, digest);
    memset(r_and_s, 0, ECDSA_SIZE);
    if (valid) {
        nonces_init(&nonces, d, e);
        nonces_step(&nonces);
        while (!sign_with_nonce(r_and_s, d, e, nonces.value)) {
            nonces_stir(&nonces, 0, nonces.value, 0);
            nonces_step(&nonces);
        }
        secret_unmark(r_and_s, ECDSA_SIZE);
        wipe(&nonces, sizeof nonces);
    }
    wipe(d, sizeof d);
    return valid;
}

/* (e/s) G + (r/s) Q has to have the x-coordinate r; see the top of the file. */
bool ecdsa_verify(const unsigned char r_and_s[ECDSA_SIZE],
                  const unsigned char public_key[P256_PUBLIC_KEY_SIZE],
                  const unsigned char digest[SHA256_SIZE])
{
    struct p256_point point, sum;
    uint64_t r[4], s[4], e[4], u[4];

    if (!p256_scalar_from_bytes(r, r_and_s) ||
        !p256_scalar_from_bytes(s, r_and_s + 32) ||
        !p256_point_from_bytes(&point, public_key))
        return false;
    p256_scalar_from_bytes(e, digest);
    p256_scalar_invert(s, s);
    p256_scalar_multiply(u, e, s);
    p256_point_multiply_base(&sum, u);
    p256_scalar_multiply(u, r, s);
    p256_point_multiply(&point, u, &point);
    p256_point_add(&sum, &sum, &point);
    r_of_point(e, &sum); /* infinity gives 0, and r is not 0 */
    return memcmp(r, e, sizeof r) == 0;
}
