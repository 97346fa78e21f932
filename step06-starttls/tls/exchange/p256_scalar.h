#ifndef P256_SCALAR_H
#define P256_SCALAR_H

/*
 * p256_scalar.h - integers modulo n, the number of points on P-256.
 *
 * n is a prime a little below 2^256. Private keys, nonces and the two halves of
 * a signature are such numbers. They are held as they are, always below n, in
 * four limbs, the least significant first. All functions take secrets and run
 * in constant time; z may always be x or y.
 * TUTORIAL.md, chapter 6.5.
 */

#include <stdint.h>

/*
 * in: bytes - any number, most significant byte first
 * out: z - the number modulo n
 *      returned: all ones if the number is in 1..n-1, else all zeros; as secret
 *      as the number
 */
uint64_t p256_scalar_from_bytes(uint64_t z[4], const unsigned char bytes[32]);

/* The number, most significant byte first. */
void p256_scalar_to_bytes(unsigned char bytes[32], const uint64_t x[4]);

/* z = x + y */
void p256_scalar_add(uint64_t z[4], const uint64_t x[4], const uint64_t y[4]);

/* z = x * y */
void p256_scalar_multiply(uint64_t z[4], const uint64_t x[4],
                          const uint64_t y[4]);

/* z = 1/x, or 0 if x is 0 */
void p256_scalar_invert(uint64_t z[4], const uint64_t x[4]);

#endif
