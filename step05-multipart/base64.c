/*
 * base64.c - base64, RFC 4648 and RFC 2045 6.8.
 *
 * Four characters of six bits make three octets. Where all four are good, which
 * is nearly always, they are done at once; the rest goes one by one.
 * TUTORIAL.md, chapter 4.
 */
#include "base64.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "abcdefghijklmnopqrstuvwxyz0123456789+/";

enum { NO = 0x80 /* not in the alphabet: a bit that no value has */ };

size_t base64_decode(struct base64 *state, const unsigned char *in, size_t size,
                     unsigned char *out)
{
    unsigned char values[256]; /* of each octet, in the alphabet */
    size_t used = 0;

    memset(values, NO, sizeof(values));
    for (unsigned char i = 0; i < 64; i++)
        values[(unsigned char)alphabet[i]] = i;
    for (size_t i = 0; i < size; i++) {
        for (; state->count == 0 && size - i >= 4; i += 4, used += 3) {
            unsigned a = values[in[i]], b = values[in[i + 1]];
            unsigned c = values[in[i + 2]], d = values[in[i + 3]];
            if ((a | b | c | d) & NO)
                break;
            out[used] = (unsigned char)(a << 2 | b >> 4);
            out[used + 1] = (unsigned char)(b << 4 | c >> 2);
            out[used + 2] = (unsigned char)(c << 6 | d);
        }
        if (i == size)
            break;
        if (in[i] == '=')
            state->count = 0;
        if (values[in[i]] == NO)
            continue;
        state->bits = (state->bits << 6 | values[in[i]]) & 0xFFF;
        state->count += 6;
        if (state->count >= 8) {
            state->count -= 8;
            out[used++] = (unsigned char)(state->bits >> state->count);
        }
    }
    return used;
}
