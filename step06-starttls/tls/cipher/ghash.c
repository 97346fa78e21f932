/*
 * ghash.c - GHASH (SP 800-38D 6.4).
 *
 * Like Poly1305, GHASH evaluates a polynomial at a secret place, H; the blocks
 * of the message are its coefficients. But it is one over the field GF(2^128).
 * An element is a polynomial over bits, of degree 127 at most. Adding is XOR,
 * and multiplying is multiplying polynomials and then reducing with
 *
 *     x^128 = x^7 + x^2 + x + 1.
 *
 * Multiplying polynomials over bits is multiplying numbers on paper without
 * carries. New processors have an instruction for it, C has none, and the usual
 * tables are indexed with secrets. We use the ordinary multiplication and keep
 * its carries from doing harm: see multiply(), where to start reading.
 *
 * The standard writes polynomials with x^0 first: it is the most significant
 * bit of the first byte. So a block loaded as a big-endian number is mirrored:
 * bit 127 - i is the coefficient of x^i. A product of mirrored numbers is the
 * mirrored product, almost: bits 127 - i and 127 - j meet at 254 - (i + j), but
 * in a mirrored number of 256 bits x^(i + j) belongs at bit 255 - (i + j). What
 * we get is one factor x too many. So ghash_init() divides H by x once.
 * TUTORIAL.md, chapter 6.4.
 */

#include "ghash.h"

#include "../bytes/bytes.h"

#include <string.h>

/* Every fifth bit, beginning with bit i; after 4 comes 0 again. */
static const uint64_t fifth[6] = {
    0x1084210842108421, 0x2108421084210842, 0x4210842108421084,
    0x8421084210842108, 0x0842108421084210, 0x1084210842108421,
};

/* Cut a number into five, with every fifth bit each, and list them twice. */
static void cut(uint64_t number, uint64_t parts[10])
{
    for (int i = 0; i < 5; i++)
        parts[i] = parts[i + 5] = number & fifth[i];
}

/*
 * a times b without carries. b comes already cut, by cut().
 *
 * A number that has bits only at every fifth place has holes of four bits.
 * Multiply two such numbers: at every fifth place the product has the count of
 * the pairs of bits that meet there. A number of 64 bits has at most 13 such
 * places, so a count is at most 13, and fits into the five bits up to the next
 * place: no carry reaches that one. Without carries only the lowest bit of a
 * count would remain, that is, whether the count is odd. So cut a and b each
 * into five such numbers, multiply all 25 pairs, and keep every fifth bit.
 *
 * The part of a that begins at bit i times that of b that begins at bit j has
 * its counts at i + j, i + j + 5, ... For c below these are the products with
 * i + j = c or c + 5; their counts may be XORed, as the lowest bits are what
 * matters. The upper half of 128 bits starts at place 64, which is 4 modulo 5:
 * there, what belongs to c begins one bit further up.
 */
static u128 multiply(uint64_t a, const uint64_t b[10])
{
    uint64_t parts[5];
    u128 result = 0;

    for (int i = 0; i < 5; i++)
        parts[i] = a & fifth[i];
    for (int c = 0; c < 5; c++) {
        u128 counts = (u128)parts[0] * b[c + 5] ^ (u128)parts[1] * b[c + 4] ^
                      (u128)parts[2] * b[c + 3] ^ (u128)parts[3] * b[c + 2] ^
                      (u128)parts[4] * b[c + 1];

        result |= counts & ((u128)fifth[c + 1] << 64 | fifth[c]);
    }
    return result;
}

/*
 * high plus low reduced, where low stands for x^128 and above (mirrored, so it
 * is the less significant half of the product). x^128 times a polynomial is the
 * polynomial plus itself times x, x^2 and x^7. To multiply by x is to shift
 * right; what falls off there has reached x^128 again, so it belongs into low,
 * at the left end, and is put there first.
 */
static u128 reduce(u128 high, u128 low)
{
    low ^= low << 127 ^ low << 126 ^ low << 121;
    return high ^ low ^ low >> 1 ^ low >> 2 ^ low >> 7;
}

/* sum = (sum + block) * H, where Karatsuba saves one product (see aes128.c). */
static void absorb(struct ghash *ghash, const unsigned char block[GHASH_SIZE])
{
    uint64_t x1 = (uint64_t)(ghash->sum >> 64) ^ load_be64(block);
    uint64_t x0 = (uint64_t)ghash->sum ^ load_be64(block + 8);
    u128 high = multiply(x1, ghash->key[1]);
    u128 low = multiply(x0, ghash->key[0]);
    u128 middle = multiply(x1 ^ x0, ghash->key_sum) ^ high ^ low;

    ghash->sum = reduce(high ^ middle >> 64, low ^ middle << 64);
}

/*
 * Divide H by x: mirrored, a shift to the left. A coefficient of x^0, the
 * topmost bit, becomes x^-1, which is x^127 + x^6 + x + 1: divide the equation
 * for x^128 by x to see it. Mirrored these are bits 0, 121, 126 and 127.
 */
void ghash_init(struct ghash *ghash, const unsigned char key[GHASH_SIZE])
{
    uint64_t high = load_be64(key), low = load_be64(key + 8);
    uint64_t carry = value_barrier(-(high >> 63)); /* all ones, or zero */

    high = (high << 1 | low >> 63) ^ (carry & 0xc200000000000000);
    low = low << 1 ^ (carry & 1);
    cut(high, ghash->key[1]);
    cut(low, ghash->key[0]);
    cut(high ^ low, ghash->key_sum);
    ghash->sum = 0;
}

void ghash_update_padded(struct ghash *ghash, const void *data, size_t size)
{
    unsigned char last[GHASH_SIZE] = {0};
    const unsigned char *bytes = data;

    for (; size >= GHASH_SIZE; size -= GHASH_SIZE, bytes += GHASH_SIZE)
        absorb(ghash, bytes);
    if (size > 0) {
        memcpy(last, bytes, size);
        absorb(ghash, last);
    }
}

void ghash_final(struct ghash *ghash, unsigned char hash[GHASH_SIZE])
{
    store_be64(hash, (uint64_t)(ghash->sum >> 64));
    store_be64(hash + 8, (uint64_t)ghash->sum);
    wipe(ghash, sizeof *ghash);
}
