/*
 * base64.c - base64, RFC 4648 and RFC 2045 6.8.
 *
 * Four characters of six bits make three octets. Where all four are good, which
 * is nearly always, they are done at once; the rest goes one by one.
 * TUTORIAL.md, chapter 4.
 */
#define _POSIX_C_SOURCE 200809L
#include "base64.h"

#include <stdbool.h>

#define NO 0x80 /* not in the alphabet: a bit that no value has */

/* The value of each octet in the alphabet A-Z a-z 0-9 + / */
static const unsigned char values[128] = {
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, /* 00 */
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, /* 10 */
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, 62, NO, NO, NO, 63, /* 20 */
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, NO, NO, NO, NO, NO, NO, /* 30 */
    NO, 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, /* 40 */
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, NO, NO, NO, NO, NO, /* 50 */
    NO, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, /* 60 */
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, NO, NO, NO, NO, NO, /* 70 */
};

static unsigned value_of(unsigned char c)
{
    return values[c & 0x7F] | (c & NO);
}

/* Decode a group of four. False if not all of them are good. */
static bool decode_group(const unsigned char *in, unsigned char *out)
{
    unsigned a = value_of(in[0]), b = value_of(in[1]);
    unsigned c = value_of(in[2]), d = value_of(in[3]);

    if ((a | b | c | d) & NO)
        return false;
    out[0] = (unsigned char)(a << 2 | b >> 4);
    out[1] = (unsigned char)(b << 4 | c >> 2);
    out[2] = (unsigned char)(c << 6 | d);
    return true;
}

size_t base64_decode(struct base64 *state, const unsigned char *in, size_t size,
                     unsigned char *out)
{
    size_t used = 0, i = 0;

    while (i < size) {
        unsigned value = value_of(in[i]);

        if (state->count == 0 && size - i >= 4 &&
            decode_group(in + i, out + used)) {
            used += 3;
            i += 4;
            continue;
        }
        if (in[i++] == '=')
            state->count = 0;
        if (value & NO)
            continue;
        state->bits = (state->bits << 6 | value) & 0xFFF;
        state->count += 6;
        if (state->count >= 8) {
            state->count -= 8;
            out[used++] = (unsigned char)(state->bits >> state->count);
        }
    }
    return used;
}
