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

size_t base64_decode(struct base64 *state, struct slice in, unsigned char *out)
{
    unsigned char values[256]; /* of each octet, in the alphabet */
    size_t used = 0;

    memset(values, NO, sizeof(values));
    for (unsigned char i = 0; i < 64; i++)
        values[(unsigned char)alphabet[i]] = i;
    for (; in.size > 0; in.data++, in.size--) {
        for (; state->count == 0 && in.size >= 4; in.data += 4, in.size -= 4) {
            unsigned a = values[in.data[0]], b = values[in.data[1]];
            unsigned c = values[in.data[2]], d = values[in.data[3]];
            if ((a | b | c | d) & NO)
                break;
            out[used++] = (unsigned char)(a << 2 | b >> 4);
            out[used++] = (unsigned char)(b << 4 | c >> 2);
            out[used++] = (unsigned char)(c << 6 | d);
        }
        if (in.size == 0)
            break;
        if (in.data[0] == '=')
            state->count = 0;
        if (values[in.data[0]] == NO)
            continue;
        state->bits = (state->bits << 6 | values[in.data[0]]) & 0xFFF;
        state->count += 6;
        if (state->count >= 8) {
            state->count -= 8;
            out[used++] = (unsigned char)(state->bits >> state->count);
        }
    }
    return used;
}
