#ifndef P256_POINT_H
#define P256_POINT_H

/*
 * p256_point.h - points on P-256, y^2 = x^3 - 3x + b modulo p.
 *
 * Points can be added: the line through two points meets the curve in a third,
 * whose mirror image is their sum. The point at infinity is the zero of this
 * addition. Adding a point to itself k times is multiplying by k; nobody knows
 * a fast way to get k back from the result. All functions take secrets and run
 * in constant time, except where it says public.
 * TUTORIAL.md, chapter 6.5.
 */

#include <stdbool.h>
#include <stdint.h>

enum { P256_POINT_SIZE = 65 };

/*
 * The point (x/z, y/z), or infinity if z = 0: the fractions save a division for
 * each addition. Coordinates are p256_field.h's numbers.
 */
struct p256_point {
    uint64_t x[4];
    uint64_t y[4];
    uint64_t z[4];
};

/*
 * in: bytes - public; any 65 bytes
 * out: true and the point
 *      false if bytes is not the uncompressed form (SEC 1 2.3.4: 4, x, y) of a
 *      point on the curve; infinity has no such form
 */
bool p256_point_from_bytes(struct p256_point *point,
                           const unsigned char bytes[P256_POINT_SIZE]);

/*
 * in: a point other than infinity (which comes out as x = y = 0)
 * out: its uncompressed form: 4, x, y
 */
void p256_point_to_bytes(unsigned char bytes[P256_POINT_SIZE],
                         const struct p256_point *point);

/* sum = p + q; all three may be one point, and p or q infinity. */
void p256_point_add(struct p256_point *sum, const struct p256_point *p,
                    const struct p256_point *q);

/* product = scalar * point; scalar is any number, product may be point. */
void p256_point_multiply(struct p256_point *product, const uint64_t scalar[4],
                         const struct p256_point *point);

/* product = scalar * G, with the table: four times as fast. */
void p256_point_multiply_base(struct p256_point *product,
                              const uint64_t scalar[4]);

#endif
