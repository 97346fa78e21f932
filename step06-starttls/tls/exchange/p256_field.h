#ifndef P256_FIELD_H
#define P256_FIELD_H

/*
 * p256_field.h - integers modulo p, the coordinates of points on P-256.
 *
 * p = 2^256 - 2^224 + 2^192 + 2^96 - 1. A number x is held as x * 2^256 modulo
 * p, always below p, in four limbs: its Montgomery form, which p256_field.c
 * explains. From outside only p256_field_one looks unusual. All functions take
 * secrets and run in constant time; z may always be x or y.
 * TUTORIAL.md, chapter 6.5.
 */

#include <stdbool.h>
#include <stdint.h>

extern const uint64_t p256_field_one[4];

/* z = x + y */
void p256_field_add(uint64_t z[4], const uint64_t x[4], const uint64_t y[4]);

/* z = x - y */
void p256_field_subtract(uint64_t z[4], const uint64_t x[4],
                         const uint64_t y[4]);

/* z = x * y */
void p256_field_multiply(uint64_t z[4], const uint64_t x[4],
                         const uint64_t y[4]);

/* z = 1/x, or 0 if x is 0 */
void p256_field_invert(uint64_t z[4], const uint64_t x[4]);

/*
 * in: bytes - a public number, most significant byte first
 * out: true and z if it is below p, else false and z = the number modulo p
 */
bool p256_field_from_bytes(uint64_t z[4], const unsigned char bytes[32]);

/* The number, most significant byte first. */
void p256_field_to_bytes(unsigned char bytes[32], const uint64_t x[4]);

#endif
