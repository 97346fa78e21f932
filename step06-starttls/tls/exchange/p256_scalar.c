/*
 * p256_scalar.c - integers modulo n, the number of points on P-256.
 *
 * As in p256_field.c, multiplication is Montgomery's: it gives x * y / 2^256.
 * But here only a few products are needed, so numbers are held as they are, and
 * a second multiplication, by 2^512, sets each product right.
 *
 * Start reading at montgomery().
 * TUTORIAL.md, chapter 6.5.
 */

#include "p256_scalar.h"

#include "p256_limbs.h"

static const uint64_t n[4] = {0xf3b9cac2fc632551, 0xbce6faada7179e84,
                              0xffffffffffffffff, 0xffffffff00000000};

static const uint64_t n_minus_2[4] = {0xf3b9cac2fc63254f, 0xbce6faada7179e84,
                                      0xffffffffffffffff, 0xffffffff00000000};

/*
 * -1/n modulo 2^64. With m = t[0] times this, t[0] + m * n[0] is 0 modulo 2^64:
 * m is how often n has to be added to clear the lowest limb.
 */
static const uint64_t minus_one_over_n = 0xccd1c8aaee00bc4f;

/* 2^256 and 2^512 modulo n */
static const uint64_t r[4] = {0x0c46353d039cdaaf, 0x4319055258e8617b,
                              0x0000000000000000, 0x00000000ffffffff};
static const uint64_t r_squared[4] = {0x83244c95be79eea2, 0x4699799c49bd6fa6,
                                      0x2845b2392b6bec59, 0x66e12d94f3d95620};

/*
 * in: x - any; y - below n
 * out: z = x * y / 2^256 modulo n, below n
 * z may be x or y.
 *
 * t stays below 2n, and t + y * x[i] in five limbs, as in
 * p256_field_multiply(): n too is below 2^256 - 2^192.
 */
static void montgomery(uint64_t z[4], const uint64_t x[4], const uint64_t y[4])
{
    uint64_t t[5] = {0};
    uint64_t carry, m;

    for (int i = 0; i < 4; i++) {
        carry = limb_multiply_add(&t[0], y[0], x[i], 0);
        carry = limb_multiply_add(&t[1], y[1], x[i], carry);
        carry = limb_multiply_add(&t[2], y[2], x[i], carry);
        carry = limb_multiply_add(&t[3], y[3], x[i], carry);
        t[4] += carry;

        m = t[0] * minus_one_over_n;
        carry = limb_multiply_add(&t[0], m, n[0], 0); /* t[0] is 0 now */
        carry = limb_multiply_add(&t[1], m, n[1], carry);
        carry = limb_multiply_add(&t[2], m, n[2], carry);
        carry = limb_multiply_add(&t[3], m, n[3], carry);
        t[0] = t[1];
        t[1] = t[2];
        t[2] = t[3];
        t[4] = limb_add(&t[3], t[4], carry, 0);
    }
    limbs_reduce_once(z, t, t[4], n);
}

/*
 * One subtraction gives two answers: its borrow says whether the number is
 * below n, and if it is not, the difference is the number modulo n, as 2^256 is
 * below 2n. Neither may become a branch here: the number may be a nonce.
 */
uint64_t p256_scalar_from_bytes(uint64_t z[4], const unsigned char bytes[32])
{
    uint64_t reduced[4];
    uint64_t below_n, in_range;

    limbs_from_bytes(z, bytes);
    below_n = 0 - limbs_subtract(reduced, z, n);
    in_range = below_n & ~limbs_is_zero(z);
    limbs_select(z, below_n, z, reduced);
    wipe(reduced, sizeof reduced);
    return in_range;
}

void p256_scalar_to_bytes(unsigned char bytes[32], const uint64_t x[4])
{
    limbs_to_bytes(bytes, x);
}

void p256_scalar_add(uint64_t z[4], const uint64_t x[4], const uint64_t y[4])
{
    uint64_t sum[4];
    const uint64_t carry = limbs_add(sum, x, y);

    limbs_reduce_once(z, sum, carry, n);
}

/* (x * y / 2^256) * 2^512 / 2^256 = x * y */
void p256_scalar_multiply(uint64_t z[4], const uint64_t x[4],
                          const uint64_t y[4])
{
    montgomery(z, x, y);
    montgomery(z, z, r_squared);
}

/* By Fermat's little theorem 1/x = x^(n-2); all of it in Montgomery form. */
void p256_scalar_invert(uint64_t z[4], const uint64_t x[4])
{
    static const uint64_t one[4] = {1};

    montgomery(z, x, r_squared);
    limbs_power(z, z, n_minus_2, r, montgomery);
    montgomery(z, z, one);
}
