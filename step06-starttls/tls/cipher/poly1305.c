/*
 * poly1305.c - the one-time authenticator Poly1305 (RFC 8439 2.5).
 *
 * The message is cut into numbers of 16 bytes (and a bit on top of each). These
 * are the coefficients of a polynomial, and the tag is its value at a secret
 * place r, modulo the prime p = 2^130 - 5, plus a secret s:
 *
 *     tag = (m1 r^n + m2 r^(n-1) + ... + mn r  mod p) + s  mod 2^128
 *
 * Two different messages of at most n blocks have the same tag at no more than
 * 8 n places r, out of 2^106: their difference is a polynomial with at most n
 * roots, and it is 8 since a tag shows only 128 of 130 bits. Without knowing r
 * nobody can aim; and s, used once, hides r.
 *
 * A number modulo p is kept in three limbs, h0 + 2^64 h1 + 2^128 h2. Reducing
 * is cheap, for 2^130 = 5 modulo p: the bits from bit 130 up are cut off and
 * added five times at the bottom. It need not be reduced fully until the end.
 * Start reading at absorb().
 * TUTORIAL.md, chapter 6.4.
 */

#include "poly1305.h"

#include "../bytes/bytes.h"

#include <string.h>

/*
 * sum = (sum + block + 2^128 top) * r, partly reduced.
 *
 * On paper, with the limbs as digits of base 2^64 (r has only two):
 *
 *         1:  h0 r0
 *      2^64:  h0 r1 + h1 r0
 *     2^128:  h1 r1 + h2 r0
 *     2^192:  h2 r1
 *
 * RFC 8439 2.5 "clamps" r: 22 of its bits are zero. That was done for just this
 * computation, and pays twice. First, r1 is a multiple of 4, so r1 2^128 is
 * (r1 / 4) 2^130 and hence 5 (r1 / 4) modulo p; call that s1. So h1 r1 moves
 * down to the first line and h2 r1 to the second. Second, r0 and r1 are below
 * 2^60, which leaves room for the sums, if h2 <= 6 on entry to the product:
 *
 *     d0 = h0 r0 + h1 s1           < 2^64 2^60 + 2^64 1.25 2^60     < 2^126
 *     d1 = h0 r1 + h1 r0 + h2 s1   < 2 * 2^64 2^60 + 6 * 1.25 2^60  < 2^126
 *     d2 = h2 r0                   < 6 * 2^60                       < 2^63
 *
 * With the carry from below, less than 2^62, d2 still fits into 64 bits. Its
 * two low bits are bits 128 and 129 of the number and stay; the rest of it, c,
 * stands for c 2^130, so 5c is added at the bottom. A last carry from there can
 * raise h2 from 3 to 4, and adding the next block (below 2^129) and its carry
 * brings at most 2 more: 6, as was to be shown.
 */
static void absorb(struct poly1305 *poly,
                   const unsigned char block[POLY1305_BLOCK_SIZE], uint64_t top)
{
    uint64_t r0 = poly->r[0], r1 = poly->r[1], s1 = r1 + r1 / 4;
    uint64_t h0, h1, h2;
    u128 d0, d1, sum;

    sum = (u128)poly->sum[0] + load_le64(block);
    h0 = (uint64_t)sum;
    sum = (sum >> 64) + poly->sum[1] + load_le64(block + 8);
    h1 = (uint64_t)sum;
    h2 = (uint64_t)(sum >> 64) + poly->sum[2] + top;

    d0 = (u128)h0 * r0 + (u128)h1 * s1;
    d1 = (u128)h0 * r1 + (u128)h1 * r0 + h2 * s1 + (uint64_t)(d0 >> 64);
    h2 = h2 * r0 + (uint64_t)(d1 >> 64);

    sum = (u128)(uint64_t)d0 + (h2 >> 2) * 5;
    poly->sum[0] = (uint64_t)sum;
    sum = (sum >> 64) + (uint64_t)d1;
    poly->sum[1] = (uint64_t)sum;
    poly->sum[2] = (h2 & 3) + (uint64_t)(sum >> 64);
}

/* 2.5.1: the key is r, of which 22 bits are cleared, and s. */
void poly1305_init(struct poly1305 *poly,
                   const unsigned char key[POLY1305_KEY_SIZE])
{
    memset(poly, 0, sizeof *poly);
    poly->r[0] = load_le64(key) & 0x0ffffffc0fffffff;
    poly->r[1] = load_le64(key + 8) & 0x0ffffffc0ffffffc;
    poly->s[0] = load_le64(key + 16);
    poly->s[1] = load_le64(key + 24);
}

/*
 * 2.5.1: each whole block has a 1 bit put on top, so that blocks which differ
 * only in zeros at their end are different numbers.
 */
void poly1305_update(struct poly1305 *poly, const void *data, size_t size)
{
    const unsigned char *bytes = data;

    while (size > 0) {
        size_t piece = POLY1305_BLOCK_SIZE - poly->used;

        if (piece > size)
            piece = size;
        memcpy(poly->block + poly->used, bytes, piece);
        poly->used += piece;
        bytes += piece;
        size -= piece;
        if (poly->used == POLY1305_BLOCK_SIZE) {
            absorb(poly, poly->block, 1);
            poly->used = 0;
        }
    }
}

/*
 * 2.5.1: a last, shorter block has the 1 bit right after its bytes. Then the
 * sum has to be reduced fully. It is below 5 * 2^128 and so below 2p: take p
 * off once, if it is there. Whether sum >= p shows in sum + 5: it reaches
 * 2^130, and then its lower 130 bits are sum - p.
 */
void poly1305_final(struct poly1305 *poly, unsigned char tag[POLY1305_TAG_SIZE])
{
    uint64_t g0, g1, g2, above_p;
    u128 sum;

    if (poly->used > 0) {
        memset(poly->block + poly->used, 0, sizeof poly->block - poly->used);
        poly->block[poly->used] = 1;
        absorb(poly, poly->block, 0);
    }
    sum = (u128)poly->sum[0] + 5;
    g0 = (uint64_t)sum;
    sum = (sum >> 64) + poly->sum[1];
    g1 = (uint64_t)sum;
    g2 = (uint64_t)(sum >> 64) + poly->sum[2];
    above_p = value_barrier(-(g2 >> 2)); /* all ones if so: g2 < 8 */
    g0 = (g0 & above_p) | (poly->sum[0] & ~above_p);
    g1 = (g1 & above_p) | (poly->sum[1] & ~above_p);

    sum = (u128)g0 + poly->s[0];
    store_le64(tag, (uint64_t)sum);
    store_le64(tag + 8, (uint64_t)(sum >> 64) + g1 + poly->s[1]);
    wipe(poly, sizeof *poly);
}
