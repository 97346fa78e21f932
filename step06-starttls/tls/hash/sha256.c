/*
 * sha256.c - SHA-256 (FIPS 180-4).
 *
 * The message, padded to whole blocks of 64 bytes, is folded block by block
 * into a state of eight 32-bit words. Folding one block (compress(), the place
 * to start reading) mixes the state 64 times, each time with one more word made
 * from the block. All of it is additions, rotations and bitwise choices: no
 * table is looked up by a secret, and nothing branches on one.
 * TUTORIAL.md, chapter 6.2.
 */

#include "sha256.h"

#include "../bytes/bytes.h"

#include <string.h>

/*
 * Constants that nobody could have chosen to hide something: the first 32 bits
 * after the point of the square roots of the first 8 primes (the state to start
 * with, 5.3.3), and of the cube roots of the first 64 primes (4.2.2).
 */
static const uint32_t initial_state[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static const uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
    0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate_right(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

/*
 * 6.2.2 step 1, the message schedule: the 16 words of the block, and 48 more,
 * each made of four before it, so that a changed bit spreads to all of them.
 */
static void expand(uint32_t w[64], const unsigned char block[SHA256_BLOCK_SIZE])
{
    for (int t = 0; t < 16; t++)
        w[t] = load_be32(block + 4 * t);
    for (int t = 16; t < 64; t++) {
        uint32_t x = w[t - 15];
        uint32_t y = w[t - 2];
        uint32_t sigma0 = rotate_right(x, 7) ^ rotate_right(x, 18) ^ x >> 3;
        uint32_t sigma1 = rotate_right(y, 17) ^ rotate_right(y, 19) ^ y >> 10;

        w[t] = sigma1 + w[t - 7] + sigma0 + w[t - 16];
    }
}

/*
 * 6.2.2 steps 2 to 4: fold one block into the state. The names are the
 * standard's. Ch takes a bit from f where e has a 1, else from g; Maj is
 * the majority of a, b and c, bit by bit.
 */
static void compress(uint32_t state[8],
                     const unsigned char block[SHA256_BLOCK_SIZE])
{
    uint32_t w[64];
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];

    expand(w, block);
    for (int t = 0; t < 64; t++) {
        uint32_t sum1 =
            rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25);
        uint32_t ch = (e & f) ^ (~e & g);
        uint32_t t1 = h + sum1 + ch + round_constants[t] + w[t];
        uint32_t sum0 =
            rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22);
        uint32_t maj = (a & b) ^ (a & c) ^ (b & c);

        h = g, g = f, f = e, e = d + t1;
        d = c, c = b, b = a, a = t1 + sum0 + maj;
    }
    /* Without adding the old state one could run the rounds backwards. */
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
    wipe(w, sizeof w);
}

void sha256_init(struct sha256 *hash)
{
    memcpy(hash->state, initial_state, sizeof hash->state);
    hash->size = 0;
}

void sha256_update(struct sha256 *hash, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    size_t used = hash->size % SHA256_BLOCK_SIZE;

    hash->size += size;
    while (size > 0) {
        size_t piece = SHA256_BLOCK_SIZE - used;

        if (piece > size)
            piece = size;
        memcpy(hash->block + used, bytes, piece);
        used += piece;
        bytes += piece;
        size -= piece;
        if (used == SHA256_BLOCK_SIZE) {
            compress(hash->state, hash->block);
            used = 0;
        }
    }
}

/*
 * 5.1.1, the padding: a single 1 bit, zeros up to 8 bytes before the end of a
 * block, and there the size of the message in bits. With the size in it no
 * padded message is the end of another.
 */
void sha256_final(struct sha256 *hash, unsigned char digest[SHA256_SIZE])
{
    static const unsigned char padding[SHA256_BLOCK_SIZE] = {0x80};
    unsigned char bits[8];
    size_t used = hash->size % SHA256_BLOCK_SIZE;

    store_be64(bits, hash->size * 8);
    /* At least one byte of padding: a block with 56 or more needs another. */
    sha256_update(hash, padding, used < 56 ? 56 - used : 120 - used);
    sha256_update(hash, bits, sizeof bits);
    for (int i = 0; i < 8; i++)
        store_be32(digest + 4 * i, hash->state[i]);
    wipe(hash, sizeof *hash);
}

void sha256(const void *data, size_t size, unsigned char digest[SHA256_SIZE])
{
    struct sha256 hash;

    sha256_init(&hash);
    sha256_update(&hash, data, size);
    sha256_final(&hash, digest);
}
