/*
 * pem.c - PEM blocks (RFC 7468) and base64 (RFC 4648 section 4).
 *
 * Base64 writes six bits as one of 64 characters, so three bytes as four
 * characters. The usual way to do that is a table, and the usual table is
 * table[secret]: which cache line is read tells the six bits, or some of them,
 * to whoever shares the cache. A private key comes through here, so there is no
 * table: a character is computed from the bits, and the bits from a character,
 * by the same few additions and masks whatever they are.
 *
 * We are lax as RFC 7468 section 3 allows about white space, and strict about
 * everything else: no stray characters, the right padding, no spare bits.
 * Start reading at pem_next(); the two functions above the decoder and the
 * encoder are the arithmetic.
 * TUTORIAL.md, chapter 6.7.
 */

#include "pem.h"

#include "../bytes/bytes.h"

#include <stdio.h>
#include <string.h>

enum { LINE_WIDTH = 64 }; /* RFC 7468 section 2: what generators must write */

static const char begin_mark[] = "-----BEGIN ";
static const char end_mark[] = "-----END ";
static const char dashes[] = "-----";

/* --- Blocks -------------------------------------------------------------- */

/* Behind the next place where text has this mark; NULL if there is none. */
static const char *after(const char *text, const char *mark)
{
    const char *found = text != NULL ? strstr(text, mark) : NULL;

    return found != NULL ? found + strlen(mark) : NULL;
}

/*
 * The same for a block's beginning, which must be that of a line, white space
 * aside: a comment may speak of it as well. Before it may also stand a byte
 * order mark, which ends in BF, or the dashes of a last line that has no end
 * and to which another file was added.
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

/*
 * All ones if first <= value <= last, else zero, for numbers below 2^31. A
 * difference that would be negative comes round to 2^32 and has its top bit
 * set: value - last - 1 if value <= last, first - 1 - value if first <= value.
 */
static uint32_t range_mask(uint32_t value, uint32_t first, uint32_t last)
{
    uint32_t both = (value - last - 1) & (first - 1 - value);

    return (uint32_t)value_barrier(0 - (both >> 31));
}

/* The six bits that a character stands for; above 63 if it stands for none. */
static uint32_t character_to_bits(uint32_t c)
{
    uint32_t upper = range_mask(c, 'A', 'Z'), lower = range_mask(c, 'a', 'z'),
             digit = range_mask(c, '0', '9'), plus = range_mask(c, '+', '+'),
             slash = range_mask(c, '/', '/');
    uint32_t any = upper | lower | digit | plus | slash;

    return (upper & (c - 'A')) | (lower & (c - 'a' + 26)) |
           (digit & (c - '0' + 52)) | (plus & 62) | (slash & 63) | (~any & 64);
}

/* And the other way, for bits of 0 to 63. */
static char bits_to_character(uint32_t bits)
{
    uint32_t c = (range_mask(bits, 0, 25) & (bits + 'A')) |
                 (range_mask(bits, 26, 51) & (bits - 26 + 'a')) |
                 (range_mask(bits, 52, 61) & (bits - 52 + '0')) |
                 (range_mask(bits, 62, 62) & '+') |
                 (range_mask(bits, 63, 63) & '/');

    return (char)c;
}

static bool is_white_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r'); /* HT, LF, VT, FF, CR */
}

/*
 * Write the 3 - padding bytes in a group of 24 bits. What the padding leaves
 * over must be zero: else there would be several texts for the same bytes.
 */
static bool put_group(uint32_t group, unsigned padding, unsigned char *out,
                      size_t out_size, size_t *size)
{
    size_t count = 3 - padding;
    uint32_t spare = group & ((1u << 8 * padding) - 1);

    secret_unmark(&spare, sizeof spare);
    if (count > out_size - *size || spare != 0)
        return false;
    for (size_t i = 0; i < count; i++)
        out[(*size)++] = (unsigned char)(group >> (16 - 8 * i));
    return true;
}

/*
 * That a character is one of the 64 is no secret: they all are, but for those
 * at the places which the size and the lines decide. Which one it is, is.
 */
bool pem_decode(const struct pem *block, unsigned char *out, size_t out_size,
                size_t *size)
{
    uint32_t group = 0;
    unsigned filled = 0, padding = 0; /* characters of this group; "=" of all */

    *size = 0;
    for (size_t i = 0; i < block->base64_size; i++) {
        char c = block->base64[i];
        uint32_t bits = character_to_bits((unsigned char)c), other = bits >> 6;
        secret_unmark(&other, sizeof other);
        if (other) {
            secret_unmark(&c, sizeof c);
            if (is_white_space(c))
                continue;
            if (c != '=' || filled < 2)
                return false;
            padding++;
            bits = 0;
        } else if (padding > 0)
            return false;
        group = group << 6 | bits;
        if (++filled < 4)
            continue;
        if (!put_group(group, padding, out, out_size, size))
            return false;
        group = filled = 0;
    }
    return filled == 0;
}

/* Four characters for up to three bytes. */
static void encode_group(const unsigned char *data, size_t size, char out[4])
{
    uint32_t group = (uint32_t)data[0] << 16;

    group |= size > 1 ? (uint32_t)data[1] << 8 : 0;
    group |= size > 2 ? data[2] : 0;
    for (size_t i = 0; i < 4; i++)
        out[i] = bits_to_character(group >> (18 - 6 * i) & 63);
    if (size < 3)
        out[3] = '=';
    if (size < 2)
        out[2] = '=';
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
