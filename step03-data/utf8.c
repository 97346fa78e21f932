/*
 * utf8.c - UTF-8, RFC 3629.
 *
 * The first octet tells how many follow; each of those is 80..BF, but for four
 * first octets the second has a narrower range. That is what rules out overlong
 * forms (a "/" in two octets), surrogates, and all above U+10FFFF.
 * TUTORIAL.md, chapter 2.
 */
#define _POSIX_C_SOURCE 200809L
#include "utf8.h"

size_t utf8_length(const unsigned char *at, size_t size, bool *valid)
{
    unsigned char first = at[0];
    size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    unsigned char low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    unsigned char high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    size_t i;

    *valid = first < 0x80 || (first >= 0xC2 && first <= 0xF4);
    for (i = 1; *valid && i < length; i++) {
        if (i == size || at[i] < low || at[i] > high) {
            *valid = false;
            return i;
        }
        low = 0x80;
        high = 0xBF;
    }
    return i;
}
