/*
 * x25519.c - Diffie-Hellman on Curve25519, as in RFC 7748 section 5.
 *
 * The curve is y^2 = x^3 + 486662 x^2 + x over the integers modulo
 * p = 2^255 - 19. Only the x-coordinate of a point is needed, called u: the u
 * of two points and that of their difference give the u of their sum, and that
 * is enough to go through a scalar bit by bit (Montgomery's ladder, which RFC
 * 7748 gives in pseudocode). A u-coordinate is kept as a fraction x/z, so that
 * there is a single division, at the very end.
 *
 * An integer modulo p is five limbs of 51 bits, x[0] + 2^51 x[1] + ... +
 * 2^204 x[4], each in 64 bits of memory. The spare bits let sums wait for their
 * carries. And since 2^255 = 19 modulo p, what flows out at the top comes in
 * again at the bottom, times 19. Two sizes of limbs occur:
 *
 *     reduced  below 2^51 + 2^13: what multiplying gives
 *     loose    below 2^53: what adding or subtracting reduced ones gives; to be
 *              multiplied, not to be added or subtracted again
 *
 * Neither is unique: only field_to_bytes() finds the number below p.
 *
 * Start reading at ladder_step().
 * TUTORIAL.md, chapter 6.5.
 */

#include "x25519.h"

#include "../bytes/bytes.h"

#include <string.h>

static const uint64_t LIMB_MASK = ((uint64_t)1 << 51) - 1;

/* A u-coordinate as the fraction x/z. z = 0 is the point at infinity. */
struct fraction {
    uint64_t x[5];
    uint64_t z[5];
};

/* ---- integers modulo p ------------------------------------------------- */

/*
 * in: bytes - any; the topmost bit is ignored (RFC 7748 section 5)
 * out: z - the same number, reduced
 */
static void field_from_bytes(uint64_t z[5], const unsigned char bytes[32])
{
    z[0] = load_le64(bytes) & LIMB_MASK;
    z[1] = load_le64(bytes + 6) >> 3 & LIMB_MASK;   /* bit 51 is 6 * 8 + 3 */
    z[2] = load_le64(bytes + 12) >> 6 & LIMB_MASK;  /* 102 = 12 * 8 + 6 */
    z[3] = load_le64(bytes + 19) >> 1 & LIMB_MASK;  /* 153 = 19 * 8 + 1 */
    z[4] = load_le64(bytes + 24) >> 12 & LIMB_MASK; /* 204 = 24 * 8 + 12 */
}

/*
 * in: x - reduced
 * out: bytes - x modulo p, the one below p
 *
 * x is below 2p. So there is one p too many, or none; it is one exactly when
 * x + 19 reaches 2^255, and then x - p = x + 19 - 2^255.
 */
static void field_to_bytes(unsigned char bytes[32], const uint64_t x[5])
{
    uint64_t t[5];
    uint64_t carry = 19;

    for (int i = 0; i < 5; i++)
        carry = (x[i] + carry) >> 51;
    carry *= 19; /* carry was the number of p's */
    for (int i = 0; i < 5; i++) {
        t[i] = (x[i] + carry) & LIMB_MASK;
        carry = (x[i] + carry) >> 51;
    }
    store_le64(bytes, t[0] | t[1] << 51);
    store_le64(bytes + 8, t[1] >> 13 | t[2] << 38);
    store_le64(bytes + 16, t[2] >> 26 | t[3] << 25);
    store_le64(bytes + 24, t[3] >> 39 | t[4] << 12);
}

/*
 * in: x, y - reduced
 * out: z = x + y, loose
 * z may be x or y.
 */
static void field_add(uint64_t z[5], const uint64_t x[5], const uint64_t y[5])
{
    for (int i = 0; i < 5; i++)
        z[i] = x[i] + y[i];
}

/*
 * in: x, y - reduced
 * out: z = x - y, loose
 * z may be x or y.
 *
 * 2p is added so that no limb goes below zero: its limbs are 2^52 - 38 and,
 * four times, 2^52 - 2.
 */
static void field_subtract(uint64_t z[5], const uint64_t x[5],
                           const uint64_t y[5])
{
    z[0] = x[0] + 2 * (LIMB_MASK - 18) - y[0];
    for (int i = 1; i < 5; i++)
        z[i] = x[i] + 2 * LIMB_MASK - y[i];
}

/*
 * Bring the sums of a multiplication back to limbs.
 *
 * in: t0 to t4 - each below 2^113; t4 below 2^109
 * out: z = t0 + 2^51 t1 + ... + 2^204 t4, reduced
 *
 * No carry is above 2^113 / 2^51 = 2^62, and the last times 19 is below
 * 2^109 / 2^51 * 2^5 = 2^63. It leaves at most 2^12 to be carried into z[1].
 */
static inline void field_carry(uint64_t z[5], u128 t0, u128 t1, u128 t2,
                               u128 t3, u128 t4)
{
    uint64_t low;

    t1 += (uint64_t)(t0 >> 51);
    t2 += (uint64_t)(t1 >> 51);
    t3 += (uint64_t)(t2 >> 51);
    t4 += (uint64_t)(t3 >> 51);
    low = ((uint64_t)t0 & LIMB_MASK) + (uint64_t)(t4 >> 51) * 19;
    z[0] = low & LIMB_MASK;
    z[1] = ((uint64_t)t1 & LIMB_MASK) + (low >> 51);
    z[2] = (uint64_t)t2 & LIMB_MASK;
    z[3] = (uint64_t)t3 & LIMB_MASK;
    z[4] = (uint64_t)t4 & LIMB_MASK;
}

/* The whole product of two limbs. */
static inline u128 m(uint64_t x, uint64_t y)
{
    return (u128)x * y;
}

/*
 * in: x, y - loose
 * out: z = x * y, reduced
 * z may be x or y.
 *
 * As on paper: the column of 2^(51 i) has all x[j] * y[k] with j + k = i; and
 * those with j + k = i + 5, times 19. The first has one product without that
 * factor and four with it, so it is below (1 + 4 * 19) * 2^53 * 2^53, which is
 * below 2^113. The last has five without it: below 2^109.
 */
static void field_multiply(uint64_t z[5], const uint64_t x[5],
                           const uint64_t y[5])
{
    const uint64_t x0 = x[0], x1 = x[1], x2 = x[2], x3 = x[3], x4 = x[4];
    const uint64_t y0 = y[0], y1 = y[1], y2 = y[2], y3 = y[3], y4 = y[4];
    const uint64_t w1 = 19 * y1, w2 = 19 * y2, w3 = 19 * y3, w4 = 19 * y4;

    field_carry(z, m(x0, y0) + m(x1, w4) + m(x2, w3) + m(x3, w2) + m(x4, w1),
                m(x0, y1) + m(x1, y0) + m(x2, w4) + m(x3, w3) + m(x4, w2),
                m(x0, y2) + m(x1, y1) + m(x2, y0) + m(x3, w4) + m(x4, w3),
                m(x0, y3) + m(x1, y2) + m(x2, y1) + m(x3, y0) + m(x4, w4),
                m(x0, y4) + m(x1, y3) + m(x2, y2) + m(x3, y1) + m(x4, y0));
}

/*
 * in: x - loose
 * out: z = x * x, reduced
 * z may be x.
 *
 * The same columns; x[j] * x[k] and x[k] * x[j] are one product, taken twice.
 */
static void field_square(uint64_t z[5], const uint64_t x[5])
{
    const uint64_t x0 = x[0], x1 = x[1], x2 = x[2], x3 = x[3], x4 = x[4];
    const uint64_t d0 = 2 * x0, d1 = 2 * x1, d2 = 2 * x2, d3 = 2 * x3;
    const uint64_t w3 = 19 * x3, w4 = 19 * x4;

    field_carry(z, m(x0, x0) + m(d1, w4) + m(d2, w3), /* 2^0 */
                m(d0, x1) + m(d2, w4) + m(x3, w3),    /* 2^51 */
                m(d0, x2) + m(x1, x1) + m(d3, w4),    /* 2^102 */
                m(d0, x3) + m(d1, x2) + m(x4, w4),    /* 2^153 */
                m(d0, x4) + m(d1, x3) + m(x2, x2));   /* 2^204 */
}

/*
 * in: x - loose
 * out: z = 121665 * x, reduced
 * z may be x.
 */
static void field_multiply_121665(uint64_t z[5], const uint64_t x[5])
{
    field_carry(z, m(x[0], 121665), m(x[1], 121665), m(x[2], 121665),
                m(x[3], 121665), m(x[4], 121665));
}

/*
 * in: x - loose
 * out: z = 1/x, reduced; 0 if x is 0
 * z must not be x.
 *
 * By Fermat's little theorem 1/x = x^(p-2). p - 2 = 2^255 - 21 is 255 ones in
 * binary, but for bits 2 and 4. That is no secret, so there may be an if. (It
 * can be done with 11 multiplications instead of 252. That saves a fifteenth of
 * the whole time here, and takes 20 lines more.)
 */
static void field_invert(uint64_t z[5], const uint64_t x[5])
{
    memcpy(z, x, sizeof(uint64_t[5])); /* the topmost bit */
    for (int i = 253; i >= 0; i--) {
        field_square(z, z);
        if (i != 2 && i != 4)
            field_multiply(z, z, x);
    }
}

/*
 * in: swap - 0 or 1, secret
 * out: x and y exchanged if swap is 1, as they were if it is 0
 *
 * A mask instead of an if: the same instructions and addresses both times.
 */
static void field_swap_if(uint64_t swap, uint64_t x[5], uint64_t y[5])
{
    const uint64_t mask = value_barrier(0 - swap);
    uint64_t difference;

    for (int i = 0; i < 5; i++) {
        difference = mask & (x[i] ^ y[i]);
        x[i] ^= difference;
        y[i] ^= difference;
    }
}

/* ---- the ladder -------------------------------------------------------- */

/*
 * One step for one bit of the scalar: double one point, add the other.
 *
 * in: p, q - points whose difference q - p has the coordinate u; reduced
 * out: q becomes p + q, then p becomes 2p; their difference is as before.
 * All three may be any numbers: the formulas know no special case.
 *
 * The names are those of RFC 7748 section 5.
 */
static void ladder_step(struct fraction *p, struct fraction *q,
                        const uint64_t u[5])
{
    uint64_t a[5], aa[5], b[5], bb[5], e[5], c[5], d[5], da[5], cb[5];

    field_add(a, p->x, p->z);
    field_square(aa, a);
    field_subtract(b, p->x, p->z);
    field_square(bb, b);
    field_subtract(e, aa, bb);
    field_add(c, q->x, q->z);
    field_subtract(d, q->x, q->z);
    field_multiply(da, d, a);
    field_multiply(cb, c, b);
    field_add(q->x, da, cb);
    field_square(q->x, q->x);
    field_subtract(q->z, da, cb);
    field_square(q->z, q->z);
    field_multiply(q->z, q->z, u);
    field_multiply(p->x, aa, bb);
    field_multiply_121665(p->z, e); /* (486662 - 2) / 4 */
    field_add(p->z, p->z, aa);
    field_multiply(p->z, p->z, e);
}

/*
 * in: scalar - any 32 bytes, secret; u - any 32 bytes
 * out: out - the u-coordinate of scalar times the point at u
 * out may be scalar or u.
 *
 * Before and after each step q - p is the point at u, and p is that point times
 * the bits of the scalar read so far. For a bit of 1 the two change places
 * during the step: then p becomes p + q, and q 2q.
 */
static void ladder(unsigned char out[32], const unsigned char scalar[32],
                   const unsigned char u[32])
{
    struct fraction p = {{1}, {0}}; /* 0 times the point */
    struct fraction q = {{0}, {1}}; /* 1 times the point */
    unsigned char k[32];
    uint64_t bit, swapped = 0;
    uint64_t point[5];

    memcpy(k, scalar, sizeof k);
    k[0] &= 248;  /* a multiple of 8: points of small order come out as zero */
    k[31] &= 127; /* below 2^255, */
    k[31] |= 64;  /* not below 2^254: every scalar is equally long */
    field_from_bytes(point, u);
    memcpy(q.x, point, sizeof q.x);

    for (int i = 254; i >= 0; i--) {
        bit = k[i / 8] >> (i % 8) & 1;
        field_swap_if(swapped ^ bit, p.x, q.x); /* undoes the last one, too */
        field_swap_if(swapped ^ bit, p.z, q.z);
        ladder_step(&p, &q, point);
        swapped = bit;
    } /* nothing is left swapped: the last three bits are 0 */
    field_invert(q.z, p.z);
    field_multiply(p.x, p.x, q.z);
    field_to_bytes(out, p.x);
    /*
     * Some numbers of the last step stay behind, deeper in the stack, where the
     * next calls write over them. Wiping after each of 255 steps would be dear.
     */
    wipe(k, sizeof k);
    wipe(&p, sizeof p);
    wipe(&q, sizeof q);
}

/* ---- the functions of x25519.h ----------------------------------------- */

bool x25519(unsigned char out[32], const unsigned char scalar[32],
            const unsigned char u[32])
{
    static const unsigned char zero[X25519_SIZE];

    ladder(out, scalar, u);
    /*
     * bytes_equal_ct() makes its answer public. That gives nothing away: it is
     * a property of u, which anybody can see, and the same for every scalar.
     */
    return !bytes_equal_ct(out, zero, sizeof zero);
}

void x25519_base(unsigned char out[32], const unsigned char scalar[32])
{
    static const unsigned char nine[X25519_SIZE] = {9};

    ladder(out, scalar, nine);
    secret_unmark(out, X25519_SIZE);
}
