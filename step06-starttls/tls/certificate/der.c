/*
 * der.c - reading and writing DER (X.690 sections 8 and 10).
 *
 * BER, the mother of DER, has many ways to write one value. A signature covers
 * bytes, not values, so there must be one way only, and DER is that one way:
 * a length is written in as few bytes as possible and comes before the
 * content. Where readers accept anything else, two programs can end up
 * understanding one certificate differently.
 *
 *     length    0 to 127     nn
 *             128 to 255     81 nn
 *             256 to 65535   82 nn nn        ... and 83, 84 in the same way
 *
 * Nothing here calls itself. Whoever reads a structure knows its depth from the
 * standard that describes it, so depth can't be driven from outside. Start
 * reading at der_read().
 * TUTORIAL.md, chapter 6.7.
 */

#include "der.h"

#include <string.h>

/* Longer lengths are refused: 16 MiB is more than a TLS message can carry. */
enum { LENGTH_BYTES_MAX = 3 };

/* --- Reading ------------------------------------------------------------- */

/*
 * Take a length off *in. False if it is cut short, written longer than it needs
 * to be, or 80: "indefinite", which only BER has.
 */
static bool read_length(struct bytes *in, size_t *length)
{
    if (in->size == 0)
        return false;
    *length = in->data[0];
    size_t more = *length < 0x80 ? 0 : *length - 0x80;
    if (*length == 0x80 || more > LENGTH_BYTES_MAX || more >= in->size)
        return false;
    if (more > 0)
        *length = 0;
    for (size_t i = 1; i <= more; i++)
        *length = *length << 8 | in->data[i];
    if (more > 0 && (*length < 0x80 || in->data[1] == 0))
        return false;
    *in = (struct bytes){in->data + 1 + more, in->size - 1 - more};
    return true;
}

/*
 * There are tags of more than one byte: a first byte that ends in five 1 bits
 * says so. Nobody asks for them here, so they are never the tag that is wanted.
 */
bool der_read(struct bytes *in, unsigned tag, struct bytes *content)
{
    size_t length;

    if (in->size == 0 || in->data[0] != tag)
        return false;
    struct bytes left = {in->data + 1, in->size - 1};
    if (!read_length(&left, &length) || length > left.size)
        return false;
    *content = (struct bytes){left.data, length};
    *in = (struct bytes){left.data + length, left.size - length};
    return true;
}

bool der_read_optional(struct bytes *in, unsigned tag, struct bytes *content)
{
    if (in->size > 0 && in->data[0] == tag)
        return der_read(in, tag, content);
    *content = (struct bytes){in->data, 0};
    return true;
}

bool der_is(struct bytes content, const void *bytes, size_t size)
{
    return content.size == size && memcmp(content.data, bytes, size) == 0;
}

/* --- Writing ------------------------------------------------------------- */

/* One byte is kept free for the length, which nobody knows yet. */
size_t der_open(struct writer *out, unsigned tag)
{
    writer_u8(out, tag);
    writer_u8(out, 0);
    return out->used;
}

/* Now it is known. If one byte can't hold it, the content moves up. */
void der_close(struct writer *out, size_t opened)
{
    size_t length = out->used - opened;
    size_t more = length < 0x80 ? 0 : length < 0x100 ? 1 : 2;

    writer_bytes(out, "\0\0", more);
    out->failed |= length > 0xffff;
    if (out->failed)
        return;
    unsigned char *content = out->data + opened;
    memmove(content + more, content, length);
    content[-1] = (unsigned char)(more == 0 ? length : 0x80 + more);
    if (more == 2)
        content[0] = (unsigned char)(length >> 8);
    if (more > 0)
        content[more - 1] = (unsigned char)length;
}

void der_put(struct writer *out, unsigned tag, const void *content, size_t size)
{
    size_t element = der_open(out, tag);

    writer_bytes(out, content, size);
    der_close(out, element);
}

/*
 * INTEGERs are signed and as short as possible. So zeros in front are dropped,
 * but one comes back if the first bit would otherwise read as a minus sign.
 */
void der_put_integer(struct writer *out, const unsigned char *bytes,
                     size_t size)
{
    while (size > 1 && *bytes == 0) {
        bytes++;
        size--;
    }
    size_t integer = der_open(out, DER_INTEGER);
    if (*bytes & 0x80)
        writer_u8(out, 0);
    writer_bytes(out, bytes, size);
    der_close(out, integer);
}

void der_put_ecdsa_signature(struct writer *out,
                             const unsigned char r_and_s[64])
{
    size_t signature = der_open(out, DER_SEQUENCE);

    der_put_integer(out, r_and_s, 32);
    der_put_integer(out, r_and_s + 32, 32);
    der_close(out, signature);
}
