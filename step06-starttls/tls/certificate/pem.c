/*
 * pem.c - PEM blocks (RFC 7468) and base64 (RFC 4648 section 4).
 *
 * Base64 writes six bits as one of 64 characters, so three bytes as four
 * characters. A table[secret] tells something to whoever shares the cache. The
 * private key comes through this one, but once, when the program starts: to
 * learn anything one would have to be there at that moment, and run the program
 * many times. So here, and only here, a secret is an index.
 *
 * We are lax as RFC 7468 section 3 allows about white space, and strict about
 * everything else: no stray characters, the right padding, no spare bits.
 * Start reading at pem_next().
 * TUTORIAL.md, chapter 6.7.
 */

#include "pem.h"

#include <stdio.h>
#include <string.h>

enum { LINE_WIDTH = 64 }; /* RFC 7468 section 2: what generators must write */

static const char begin_mark[] = "-----BEGIN ";
static const char end_mark[] = "-----END ";
static const char dashes[] = "-----";

/* --- Blocks -------------------------------------------------------------- */

/* After the next place where text has this mark; NULL if there is none. */
static const char *after(const char *text, const char *mark)
{
    const char *found = text != NULL ? strstr(text, mark) : NULL;

    return found != NULL ? found + strlen(mark) : NULL;
}

/*
 * The same for the start of a block. White space aside, it must be at the start
 * of a line, as a comment may have the same words in it. It may also come after
 * a byte order mark, which ends in BF, or after the dashes of a file without a
 * last line end that another file was appended to.
 */
static const char *after_begin_mark(const char *text)
{
    for (const char *at = text; (at = strstr(at, begin_mark)) != NULL; at++) {
        const char *line = at;
        while (line > text && (line[-1] == ' ' || line[-1] == '\t'))
            line--;
        if (line == text || strchr("\n\v\f\r-\xbf", line[-1]) != NULL)
            return at + strlen(begin_mark);
    }
    return NULL;
}

/*
 * textualmsg = "-----BEGIN " label "-----" base64text "-----END " label "-----"
 *
 * The second label says nothing new and is not looked at, as RFC 7468 section 2
 * allows. If a whole line is missing, there are dashes in the base64 instead.
 */
static bool textualmsg(const char **text, struct pem *block)
{
    block->label = after_begin_mark(*text);
    block->base64 = after(block->label, dashes);
    const char *rest = after(block->base64, end_mark);
    if (rest == NULL)
        return false;
    block->label_size = (size_t)(block->base64 - strlen(dashes) - block->label);
    block->base64_size = (size_t)(rest - strlen(end_mark) - block->base64);
    *text = rest;
    return true;
}

bool pem_next(const char **text, const char *kind, struct pem *block)
{
    size_t size = strlen(kind);

    while (textualmsg(text, block))
        if (block->label_size >= size &&
            memcmp(block->label + block->label_size - size, kind, size) == 0)
            return true;
    return false;
}

bool pem_is(const struct pem *block, const char *label)
{
    return block->label_size == strlen(label) &&
           memcmp(block->label, label, block->label_size) == 0;
}

/* --- Base64 -------------------------------------------------------------- */

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool pem_decode(const struct pem *block, unsigned char *out, size_t out_size,
                size_t *size)
{
    unsigned group = 0, bits = 0, padding = 0; /* bits not yet written; "=" */

    *size = 0;
    for (size_t i = 0; i < block->base64_size; i++) {
        char c = block->base64[i];
        const char *found = memchr(alphabet, c, 64);
        if (memchr(" \t\n\v\f\r", c, 6) != NULL)
            continue;
        if (c == '=') {
            padding++;
            continue;
        }
        if (found == NULL || padding > 0)
            return false;
        group = group << 6 | (unsigned)(found - alphabet);
        bits += 6;
        if (bits < 8)
            continue;
        if (*size == out_size)
            return false;
        bits -= 8;
        out[(*size)++] = (unsigned char)(group >> bits);
    }
    /* What is left over must be zero, or several texts would stand for the same
     * bytes; and for every two bits of it there is a "=". */
    return padding < 3 && bits == 2 * padding &&
           (group & ((1 << bits) - 1)) == 0;
}

/* Four characters for up to three bytes. */
static void encode_group(const unsigned char *data, size_t size, char out[4])
{
    unsigned group = (unsigned)data[0] << 16;

    group |= size > 1 ? (unsigned)data[1] << 8 : 0;
    group |= size > 2 ? data[2] : 0;
    out[0] = alphabet[group >> 18];
    out[1] = alphabet[group >> 12 & 63];
    out[2] = size > 1 ? alphabet[group >> 6 & 63] : '=';
    out[3] = size > 2 ? alphabet[group & 63] : '=';
}

bool pem_encode(const char *label, const unsigned char *data, size_t size,
                char *text, size_t text_size)
{
    size_t characters = (size + 2) / 3 * 4;
    size_t lines = (characters + LINE_WIDTH - 1) / LINE_WIDTH;
    size_t frame = strlen(begin_mark) + strlen(end_mark) +
                   2 * (strlen(label) + strlen(dashes) + strlen("\n"));
    const char *end = text + text_size;

    if (text_size <= frame + characters + lines)
        return false;

    text += snprintf(text, text_size, "%s%s%s\n", begin_mark, label, dashes);
    for (size_t at = 0; at < size; at += 3) {
        encode_group(data + at, size - at, text);
        text += 4;
        if (at + 3 >= size || (at + 3) % (LINE_WIDTH / 4 * 3) == 0)
            *text++ = '\n';
    }
    snprintf(text, (size_t)(end - text), "%s%s%s\n", end_mark, label, dashes);
    return true;
}
