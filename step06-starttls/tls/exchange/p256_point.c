/*
 * p256_point.c - points on P-256.
 *
 * The addition that is taught first has special cases: one point is infinity,
 * both are the same, one is the other's mirror image. Which case it is depends
 * on the secret scalar, so each would be a branch that tells something about
 * it. The formulas here are those of Renes, Costello and Batina, "Complete
 * addition formulas for prime order elliptic curves" (2016): they cost a little
 * more, and hold for all points alike.
 *
 * Start reading at p256_point_add(), then p256_point_multiply().
 * TUTORIAL.md, chapter 6.5.
 */

#include "p256_point.h"

#include "../bytes/bytes.h"
#include "p256_field.h"
#include "p256_limbs.h"

#include <string.h>

/* The b of the curve's equation, in Montgomery form. */
static const uint64_t curve_b[4] = {0xd89cdf6229c4bddf, 0xacf005cd78843090,
                                    0xe5a220abf7212ed6, 0xdc30061d04874834};

/* The base point G (SP 800-186 3.2.1.3): 4, x, y. */
static const unsigned char base_point[P256_POINT_SIZE] =
    "\x04"
    "\x6b\x17\xd1\xf2\xe1\x2c\x42\x47\xf8\xbc\xe6\xe5\x63\xa4\x40\xf2"
    "\x77\x03\x7d\x81\x2d\xeb\x33\xa0\xf4\xa1\x39\x45\xd8\x98\xc2\x96"
    "\x4f\xe3\x42\xe2\xfe\x1a\x7f\x9b\x8e\xe7\xeb\x4a\x7c\x0f\x9e\x16"
    "\x2b\xce\x33\x57\x6b\x31\x5e\xce\xcb\xb6\x40\x68\x37\xbf\x51\xf5";

/* With z = 0 there is no x/z; for the formulas it is x = 0 and any y but 0. */
static const struct p256_point infinity = {.y = {1}};

/* ---- addition ---------------------------------------------------------- */

/* z = 3x; z may be x. */
static void triple(uint64_t z[4], const uint64_t x[4])
{
    uint64_t twice[4];

    p256_field_add(twice, x, x);
    p256_field_add(z, twice, x);
}

/* z = a * b + c * d; z may be any of them. */
static void sum_of_products(uint64_t z[4], const uint64_t a[4],
                            const uint64_t b[4], const uint64_t c[4],
                            const uint64_t d[4])
{
    uint64_t product[4];

    p256_field_multiply(product, a, b);
    p256_field_multiply(z, c, d);
    p256_field_add(z, z, product);
}

/* The products of the coordinates of two points p and q. */
struct products {
    uint64_t xx[4]; /* p.x * q.x, likewise yy and zz */
    uint64_t yy[4];
    uint64_t zz[4];
    uint64_t xy[4]; /* p.x * q.y + q.x * p.y, likewise yz and xz */
    uint64_t yz[4];
    uint64_t xz[4];
};

/*
 * The sum of two points from their products: algorithm 4 of the paper, from its
 * step 19 on. With
 *
 *     u = 3 (xz - b zz), v = 3 (b xz - 3 zz - xx), w = 3 (xx - zz)
 *
 * the sum is
 *
 *     x = xy (yy + u) - yz v
 *     y = (yy + u) (yy - u) + w v
 *     z = yz (yy - u) + xy w
 */
static void add_products(struct p256_point *sum, const struct products *m)
{
    uint64_t u[4], v[4], w[4], minus_v[4], yy_plus_u[4], yy_minus_u[4], t[4];

    p256_field_multiply(t, curve_b, m->zz);
    p256_field_subtract(u, m->xz, t);
    triple(u, u);
    p256_field_multiply(v, curve_b, m->xz);
    triple(t, m->zz);
    p256_field_subtract(v, v, t);
    p256_field_subtract(v, v, m->xx);
    triple(v, v);
    p256_field_subtract(minus_v, infinity.x, v); /* 0 - v */
    p256_field_subtract(w, m->xx, m->zz);
    triple(w, w);
    p256_field_add(yy_plus_u, m->yy, u);
    p256_field_subtract(yy_minus_u, m->yy, u);
    sum_of_products(sum->x, m->xy, yy_plus_u, m->yz, minus_v);
    sum_of_products(sum->y, yy_plus_u, yy_minus_u, w, v);
    sum_of_products(sum->z, m->yz, yy_minus_u, m->xy, w);
}

/*
 * Algorithm 4, steps 1 to 18. The paper gets p.x * q.y + q.x * p.y out of one
 * multiplication and four additions; two and one are as fast here, and plainer.
 */
void p256_point_add(struct p256_point *sum, const struct p256_point *p,
                    const struct p256_point *q)
{
    struct products m;

    p256_field_multiply(m.xx, p->x, q->x);
    p256_field_multiply(m.yy, p->y, q->y);
    p256_field_multiply(m.zz, p->z, q->z);
    sum_of_products(m.xy, p->x, q->y, q->x, p->y);
    sum_of_products(m.yz, p->y, q->z, q->y, p->z);
    sum_of_products(m.xz, p->x, q->z, q->x, p->z);
    add_products(sum, &m);
}

/*
 * p = 2p: the sum of p and p, with half of the products to be had by doubling.
 * (Algorithm 6 of the paper is this, with one multiplication less at the end.)
 */
static void double_point(struct p256_point *p)
{
    struct products m;

    p256_field_multiply(m.xx, p->x, p->x);
    p256_field_multiply(m.yy, p->y, p->y);
    p256_field_multiply(m.zz, p->z, p->z);
    p256_field_multiply(m.xy, p->x, p->y);
    p256_field_add(m.xy, m.xy, m.xy);
    p256_field_multiply(m.yz, p->y, p->z);
    p256_field_add(m.yz, m.yz, m.yz);
    p256_field_multiply(m.xz, p->x, p->z);
    p256_field_add(m.xz, m.xz, m.xz);
    add_products(p, &m);
}

/* ---- multiplication ---------------------------------------------------- */

/*
 * in: digit - 0 to 15, secret
 * out: chosen - multiple[digit]
 *
 * All are read, with a mask, as the cache would show which one was read. The
 * mask is all ones where k is the digit: only 0 - 1 has its topmost bit set.
 */
static void choose(struct p256_point *chosen,
                   const struct p256_point multiple[16], uint64_t digit)
{
    uint64_t mask[16];

    for (uint64_t k = 0; k < 16; k++)
        mask[k] = value_barrier(0 - (((k ^ digit) - 1) >> 63));
    for (int i = 0; i < 4; i++) {
        uint64_t x = 0, y = 0, z = 0;

        for (int k = 0; k < 16; k++) {
            x |= multiple[k].x[i] & mask[k];
            y |= multiple[k].y[i] & mask[k];
            z |= multiple[k].z[i] & mask[k];
        }
        chosen->x[i] = x;
        chosen->y[i] = y;
        chosen->z[i] = z;
    }
    wipe(mask, sizeof mask);
}

/*
 * Four bits of the scalar at a time, from the top: double four times, then add
 * one of the sixteen multiples 0 to 15 of the point. Adding infinity for a
 * digit of 0 costs the same as any other.
 */
void p256_point_multiply(struct p256_point *product, const uint64_t scalar[4],
                         const struct p256_point *point)
{
    struct p256_point multiple[16], sum = infinity, chosen;

    multiple[0] = infinity;
    for (int i = 1; i < 16; i++)
        p256_point_add(&multiple[i], &multiple[i - 1], point);

    for (int i = 63; i >= 0; i--) {
        for (int j = 0; j < 4; j++)
            double_point(&sum);
        choose(&chosen, multiple, limbs_digit(scalar, i));
        p256_point_add(&sum, &sum, &chosen);
    }
    *product = sum;
    wipe(multiple, sizeof multiple);
    wipe(&sum, sizeof sum);
    wipe(&chosen, sizeof chosen);
}

/*
 * Multiples of the base point G. With d0 to d3 for the bits of d, table[i][d]
 * is
 *
 *     2^(16 i) (d0 + 2^64 d1 + 2^128 d2 + 2^192 d3) G
 *
 * Always the same numbers; each process that is forked after the first use has
 * them already.
 */
static struct p256_point table[4][16];

/* G by doubling: 2^0 G to 2^255 G, of which sixteen are entries. The others are
 * sums: of the entry without the lowest bit of d, and that of this bit. */
static void make_table(void)
{
    struct p256_point power;

    p256_point_from_bytes(&power, base_point);
    for (int i = 0; i < 256; i++, double_point(&power))
        if (i % 16 == 0)
            table[i % 64 / 16][1 << i / 64] = power;
    for (int i = 0; i < 4; i++) {
        table[i][0] = infinity;
        for (int d = 3; d < 16; d++)
            if (d & (d - 1))
                p256_point_add(&table[i][d], &table[i][d & (d - 1)],
                               &table[i][d & -d]);
    }
}

/*
 * For a point known beforehand most doublings can be done beforehand, and the
 * table has the results. This is a comb (Lim and Lee, 1994) whose four teeth
 * are the limbs of the scalar: bit i of each of the four together make a digit
 * d, and it stands for
 *
 *     2^i (d0 + 2^64 d1 + 2^128 d2 + 2^192 d3) G
 *
 * A second, third and fourth comb take the bits from i = 16, 32 and 48 on, so
 * that 16 doublings are left to do, instead of 256.
 */
void p256_point_multiply_base(struct p256_point *product,
                              const uint64_t scalar[4])
{
    struct p256_point sum = infinity, chosen;

    if (limbs_is_zero(table[0][1].z))
        make_table();
    for (int i = 15; i >= 0; i--) {
        double_point(&sum);
        for (int j = 0; j < 4; j++) {
            uint64_t digit = 0;
            for (int tooth = 3; tooth >= 0; tooth--)
                digit = digit << 1 | (scalar[tooth] >> (16 * j + i) & 1);
            choose(&chosen, table[j], digit);
            p256_point_add(&sum, &sum, &chosen);
        }
    }
    *product = sum;
    wipe(&sum, sizeof sum);
    wipe(&chosen, sizeof chosen);
}

/* ---- bytes ------------------------------------------------------------- */

/*
 * Is it really a point of this curve? Whoever sends another may learn the key.
 * The textbook's formulas for addition have no b in them, and so also work on
 * curves with another b. Some of those have points of small order: k times such
 * a point is one of a few, and tells k modulo that order (the invalid curve
 * attack). The formulas here are made for points of this curve and no others.
 * So y^2 = x^3 - 3x + b is checked, and that both coordinates are below p.
 */
bool p256_point_from_bytes(struct p256_point *point,
                           const unsigned char bytes[P256_POINT_SIZE])
{
    uint64_t left[4], right[4];
    const bool x_valid = p256_field_from_bytes(point->x, bytes + 1);
    const bool y_valid = p256_field_from_bytes(point->y, bytes + 33);

    memcpy(point->z, p256_field_one, sizeof point->z);
    p256_field_multiply(right, point->x, point->x); /* x^2 */
    p256_field_multiply(right, right, point->x);    /* x^3 */
    triple(left, point->x);
    p256_field_subtract(right, right, left);
    p256_field_add(right, right, curve_b);
    p256_field_multiply(left, point->y, point->y);
    p256_field_subtract(left, left, right);
    return bytes[0] == 4 && x_valid && y_valid && limbs_is_zero(left);
}

/*
 * x and y may become public, z never: it tells how the point was reached, and
 * so something about the scalar (Naccache, Smart and Stern, 2004). It goes no
 * further than this function.
 */
void p256_point_to_bytes(unsigned char bytes[P256_POINT_SIZE],
                         const struct p256_point *point)
{
    uint64_t z_inverse[4], coordinate[4];

    p256_field_invert(z_inverse, point->z);
    bytes[0] = 4;
    p256_field_multiply(coordinate, point->x, z_inverse);
    p256_field_to_bytes(bytes + 1, coordinate);
    p256_field_multiply(coordinate, point->y, z_inverse);
    p256_field_to_bytes(bytes + 33, coordinate);
    wipe(z_inverse, sizeof z_inverse);
    wipe(coordinate, sizeof coordinate);
}
