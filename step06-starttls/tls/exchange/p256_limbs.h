#ifndef P256_LIMBS_H
#define P256_LIMBS_H

/*
 * p256_limbs.h - 256-bit integers, for p256_field.c and p256_scalar.c.
 *
 * An integer is four limbs of 64 bits, the least significant first: x stands
 * for x[0] + 2^64 x[1] + 2^128 x[2] + 2^192 x[3]. A carry out of a limb is
 * written as a comparison, "the sum is below what was added to it": compilers
 * make the processor's carry flag of that, and no branch. The loops over the
 * four limbs are written out: gcc leaves them as loops otherwise, twice as
 * slow.
 * TUTORIAL.md, chapter 6.5.
 */

#include "../bytes/bytes.h"

#include <stdint.h>
#include <string.h>

/*
 * in: carry - 0 or 1
 * out: *z + 2^64 * (what is returned: 0 or 1) = x + y + carry
 */
static inline uint64_t limb_add(uint64_t *z, uint64_t x, uint64_t y,
                                uint64_t carry)
{
    const uint64_t sum = x + y;

    *z = sum + carry;
    return (uint64_t)(sum < x) + (uint64_t)(*z < carry);
}

/*
 * in: borrow - 0 or 1
 * out: *z - 2^64 * (what is returned: 0 or 1) = x - y - borrow
 */
static inline uint64_t limb_subtract(uint64_t *z, uint64_t x, uint64_t y,
                                     uint64_t borrow)
{
    const uint64_t difference = x - y;

    *z = difference - borrow;
    return (uint64_t)(x < y) + (uint64_t)(difference < borrow);
}

/*
 * in: any
 * out: *z + 2^64 * (what is returned) = *z before + x * y + carry
 *
 * It always fits: (2^64 - 1)^2 + 2 * (2^64 - 1) = 2^128 - 1.
 */
static inline uint64_t limb_multiply_add(uint64_t *z, uint64_t x, uint64_t y,
                                         uint64_t carry)
{
    const u128 product = (u128)x * y;
    const uint64_t sum = *z + (uint64_t)product;
    const uint64_t high =
        (uint64_t)(product >> 64) + (uint64_t)(sum < (uint64_t)product);

    *z = sum + carry;
    return high + (uint64_t)(*z < carry);
}

/*
 * in: mask - all ones or all zeros, may be secret
 * out: z = x if the mask is ones, y if it is zeros
 * z may be x or y.
 */
static inline void limbs_select(uint64_t z[4], uint64_t mask,
                                const uint64_t x[4], const uint64_t y[4])
{
    mask = value_barrier(mask);
    z[0] = (x[0] & mask) | (y[0] & ~mask);
    z[1] = (x[1] & mask) | (y[1] & ~mask);
    z[2] = (x[2] & mask) | (y[2] & ~mask);
    z[3] = (x[3] & mask) | (y[3] & ~mask);
}

/*
 * in: any
 * out: z + 2^256 * (what is returned: 0 or 1) = x + y
 * z may be x or y.
 */
static inline uint64_t limbs_add(uint64_t z[4], const uint64_t x[4],
                                 const uint64_t y[4])
{
    uint64_t carry;

    carry = limb_add(&z[0], x[0], y[0], 0);
    carry = limb_add(&z[1], x[1], y[1], carry);
    carry = limb_add(&z[2], x[2], y[2], carry);
    return limb_add(&z[3], x[3], y[3], carry);
}

/*
 * in: any
 * out: z - 2^256 * (what is returned: 0 or 1) = x - y; so 1 says that x is
 *      below y
 * z may be x or y.
 */
static inline uint64_t limbs_subtract(uint64_t z[4], const uint64_t x[4],
                                      const uint64_t y[4])
{
    uint64_t borrow;

    borrow = limb_subtract(&z[0], x[0], y[0], 0);
    borrow = limb_subtract(&z[1], x[1], y[1], borrow);
    borrow = limb_subtract(&z[2], x[2], y[2], borrow);
    return limb_subtract(&z[3], x[3], y[3], borrow);
}

/*
 * in: x + 2^256 * carry - below 2m
 * out: z = x + 2^256 * carry modulo m, below m
 * z may be x.
 *
 * Subtract m, but take x if that went below zero: if there was a borrow that no
 * carry makes up for.
 */
static inline void limbs_reduce_once(uint64_t z[4], const uint64_t x[4],
                                     uint64_t carry, const uint64_t m[4])
{
    uint64_t reduced[4];
    const uint64_t borrow = limbs_subtract(reduced, x, m);

    limbs_select(z, carry - borrow, x, reduced); /* 0 - 1 is all ones */
}

/*
 * in: any
 * out: all ones if x is 0, else all zeros
 *
 * The topmost bit of a number or of its negative is set, unless it is 0.
 */
static inline uint64_t limbs_is_zero(const uint64_t x[4])
{
    const uint64_t any = x[0] | x[1] | x[2] | x[3];

    return ((any | (0 - any)) >> 63) - 1;
}

/*
 * in: i - 0 to 63
 * out: the four bits of x from bit 4i on
 */
static inline uint64_t limbs_digit(const uint64_t x[4], int i)
{
    return x[i / 16] >> (i % 16 * 4) & 15;
}

/*
 * in: x - secret; exponent - public, it is an index here
 *     multiply, one - what multiplies such numbers as x, and their 1
 * out: z = x^exponent
 * z may be x.
 *
 * Four bits of the exponent at a time, from the top; the exponents used here
 * have long rows of zeros.
 */
static inline void limbs_power(
    uint64_t z[4], const uint64_t x[4], const uint64_t exponent[4],
    const uint64_t one[4],
    void (*multiply)(uint64_t z[4], const uint64_t x[4], const uint64_t y[4]))
{
    uint64_t power[16][4]; /* x^0 to x^15 */

    memcpy(power[0], one, sizeof power[0]);
    for (int i = 1; i < 16; i++)
        multiply(power[i], power[i - 1], x);
    memcpy(z, one, sizeof power[0]);
    for (int i = 63; i >= 0; i--) {
        for (int j = 0; j < 4; j++)
            multiply(z, z, z);
        if (limbs_digit(exponent, i) != 0)
            multiply(z, z, power[limbs_digit(exponent, i)]);
    }
    wipe(power, sizeof power);
}

/* The most significant byte first, as everywhere around this curve. */
static inline void limbs_from_bytes(uint64_t z[4],
                                    const unsigned char bytes[32])
{
    for (int i = 0; i < 4; i++)
        z[i] = load_be64(bytes + 24 - 8 * i);
}

static inline void limbs_to_bytes(unsigned char bytes[32], const uint64_t x[4])
{
    for (int i = 0; i < 4; i++)
        store_be64(bytes + 24 - 8 * i, x[i]);
}

#endif
