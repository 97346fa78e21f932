/*
 * base64.c - base64, RFC 4648 and RFC 2045 6.8.
 *
 * Four characters of six bits make three octets. Where all four are good, which
 * is nearly always, they are done at once; the rest goes one by one.
 * TUTORIAL.md, chapter 4.
 */
#define _POSIX_C_SOURCE 200809L
#include "base64.h"

#define NO 0x80 /* not in the alphabet: a bit that no value has */

/* The value of each octet in the alphabet A-Z a-z 0-9 + / */
static const unsigned char values[256] = {
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, /* 00 */
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, /* 10 */
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, 62, NO, NO, NO, 63, /* 20 */
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, NO, NO, NO, NO, NO, NO, /* 30 */
    NO, 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, /* 40 */
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, NO, NO, NO, NO, NO, /* 50 */
    NO, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, /* 60 */
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, NO, NO, NO, NO, NO, /* 70 */
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, /* 80 */
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, /* 90 */
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, /* A0 */
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, /* B0 */
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, /* C0 */
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, /* D0 */
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, /* E0 */
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, /* F0 */
};

/* Decode whole groups of four, up to the first that is not good. Returns how
 * many groups there were. */
static size_t decode_groups(const unsigned char *in, size_t size,
                            unsigned char *out)
{
    size_t groups;

    for (groups = 0; groups < size / 4; groups++, in += 4, out += 3) {
        unsigned a = values[in[0]], b = values[in[1]];
        unsigned c = values[in[2]], d = values[in[3]];
        if ((a | b | c | d) & NO)
            break;
        out[0] = (unsigned char)(a << 2 | b >> 4);
        out[1] = (unsigned char)(b << 4 | c >> 2);
        out[2] = (unsigned char)(c << 6 | d);
    }
    return groups;
}

size_t base64_decode(struct base64 *state, const unsigned char *in, size_t size,
                     unsigned char *out)
{
    size_t i = 0, out_size = 0;

    while (i < size) {
        if (state->count == 0) {
            size_t groups = decode_groups(in + i, size - i, out + out_size);
            i += 4 * groups;
            out_size += 3 * groups;
            if (i == size)
                break;
        }
        if (in[i] == '=') {
            state->count = 0;
        } else if (values[in[i]] != NO) {
            state->bits = (state->bits << 6 | values[in[i]]) & 0xFFF;
            state->count += 6;
            if (state->count >= 8) {
                state->count -= 8;
                out[out_size++] = (unsigned char)(state->bits >> state->count);
            }
        }
        i++;
    }
    return out_size;
}
