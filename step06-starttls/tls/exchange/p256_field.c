/*
 * p256_field.c - integers modulo p = 2^256 - 2^224 + 2^192 + 2^96 - 1.
 *
 * A product of two numbers has 512 bits, and has to come down to 256 again. A
 * division would do, but is slow and takes longer for some numbers than for
 * others. Montgomery's way (Mathematics of Computation 44, 1985) is to clear
 * the limbs from below: add the multiple of p that makes the lowest limb zero,
 * drop that limb, four times. What remains is x * y / 2^256 modulo p. To live
 * with the division by 2^256, every number x is held as x * 2^256 modulo p, its
 * Montgomery form: (x * 2^256) * (y * 2^256) / 2^256 = (x * y) * 2^256. Sums
 * and differences need nothing. It costs two extra multiplications at the
 * borders, where numbers come from and go to bytes.
 *
 * Which multiple of p clears the lowest limb m? Usually m * (-1/p) modulo 2^64.
 * Here the lowest limb of p is 2^64 - 1, that is -1, so it is m itself.
 *
 * Start reading at p256_field_multiply().
 * TUTORIAL.md, chapter 6.5.
 */

#include "p256_field.h"

#include "p256_limbs.h"

static const uint64_t p[4] = {0xffffffffffffffff, 0x00000000ffffffff,
                              0x0000000000000000, 0xffffffff00000001};

static const uint64_t p_minus_2[4] = {0xfffffffffffffffd, 0x00000000ffffffff,
                                      0x0000000000000000, 0xffffffff00000001};

static const uint64_t zero[4] = {0};

/* 2^256 modulo p: the number 1 in Montgomery form. */
const uint64_t p256_field_one[4] = {0x0000000000000001, 0xffffffff00000000,
                                    0xffffffffffffffff, 0x00000000fffffffe};

/* 2^512 modulo p: multiplying by it gives Montgomery form. */
static const uint64_t r_squared[4] = {0x0000000000000003, 0xfffffffbffffffff,
                                      0xfffffffffffffffe, 0x00000004fffffffd};

void p256_field_add(uint64_t z[4], const uint64_t x[4], const uint64_t y[4])
{
    uint64_t sum[4];
    const uint64_t carry = limbs_add(sum, x, y);

    limbs_reduce_once(z, sum, carry, p);
}

/* If it went below zero, p is added, otherwise 0. */
void p256_field_subtract(uint64_t z[4], const uint64_t x[4],
                         const uint64_t y[4])
{
    uint64_t difference[4], addend[4];
    const uint64_t borrow = limbs_subtract(difference, x, y);

    limbs_select(addend, 0 - borrow, p, zero);
    limbs_add(z, difference, addend);
}

/*
 * in: x - below p; y - below p, or any when a number gets its Montgomery form
 * out: z = x * y / 2^256 modulo p, below p: the product, in Montgomery form
 *
 * Each turn adds x * y[i] to t, then m * p with m = t[0], and shifts t down by
 * one limb. m * p is
 *
 *     m * (2^64 - 2^32 + 1) * 2^192  +  m * 2^32 * 2^64  -  m
 *
 * so that m clears itself, and after the shift there are m * 2^32 to be added
 * from t[0] on, and m times the topmost limb of p from t[2] on.
 *
 * t stays below 2p: (2p + p * (2^64 - 1) + p * (2^64 - 1)) / 2^64 = 2p. Before
 * the shift, t + x * y[i] is below p * (2^64 + 1), which is below 2^320: it
 * fits into five limbs.
 */
void p256_field_multiply(uint64_t z[4], const uint64_t x[4],
                         const uint64_t y[4])
{
    uint64_t t[4] = {0};
    uint64_t top = 0; /* t[4] */
    uint64_t carry, m;

    for (int i = 0; i < 4; i++) {
        carry = limb_multiply_add(&t[0], x[0], y[i], 0);
        carry = limb_multiply_add(&t[1], x[1], y[i], carry);
        carry = limb_multiply_add(&t[2], x[2], y[i], carry);
        carry = limb_multiply_add(&t[3], x[3], y[i], carry);
        top += carry;

        m = t[0];
        carry = limb_add(&t[0], t[1], m << 32, 0);
        carry = limb_add(&t[1], t[2], m >> 32, carry);
        t[2] = t[3];
        carry = limb_multiply_add(&t[2], m, p[3], carry);
        top = limb_add(&t[3], top, carry, 0);
    }
    limbs_reduce_once(z, t, top, p);
}

/* By Fermat's little theorem 1/x = x^(p-2). */
void p256_field_invert(uint64_t z[4], const uint64_t x[4])
{
    limbs_power(z, x, p_minus_2, p256_field_one, p256_field_multiply);
}

bool p256_field_from_bytes(uint64_t z[4], const unsigned char bytes[32])
{
    uint64_t difference[4];
    uint64_t below_p;

    limbs_from_bytes(z, bytes);
    below_p = limbs_subtract(difference, z, p);
    p256_field_multiply(z, r_squared, z);
    return below_p;
}

/* Montgomery's division by 2^256 once more, here without a product. */
void p256_field_to_bytes(unsigned char bytes[32], const uint64_t x[4])
{
    static const uint64_t one[4] = {1};
    uint64_t plain[4];

    p256_field_multiply(plain, x, one);
    limbs_to_bytes(bytes, plain);
}
