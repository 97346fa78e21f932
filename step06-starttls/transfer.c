/*
 * transfer.c - transfer encodings, RFC 2045 section 6.
 *
 * Bodies travel through servers that once knew only lines of ASCII: base64 is
 * for everything, quoted-printable for text that is ASCII but for a few
 * places. Both are decoded in pieces, so that an attachment never has to be in
 * memory as a whole. Start reading at transfer_next(), at the end.
 * TUTORIAL.md, chapter 5.
 */
#include "transfer.h"
#include "parameter.h"
#include "word.h"

#include <ctype.h>
#include <string.h>

enum encoding transfer_encoding(struct slice value)
{
    struct slice token = parameter_token(&value);

    if (slice_is(token, "base64"))
        return ENCODING_BASE64;
    if (slice_is(token, "quoted-printable"))
        return ENCODING_QUOTED_PRINTABLE;
    if (token.size == 0 || slice_is(token, "binary") ||
        strchr("78", token.data[0])) /* 7bit and 8bit, however it is spelled */
        return ENCODING_NONE;
    return ENCODING_UNKNOWN;
}

/*
 * RFC 2045 6.7: "=" and two digits; "=" at the end of a line, a soft line
 * break; and blanks at the end of a line, which were added on the way. What is
 * none of these stands for itself. A run of blanks is looked at as a whole: a
 * megabyte of them must not be looked at again for each one.
 */
static void take_escape(struct transfer *transfer, unsigned char *out,
                        size_t *used)
{
    size_t equals = transfer->rest.data[0] == '=', blanks = 0;
    struct slice after = slice_from(transfer->rest, equals);
    int octet = equals ? word_hex(after) : -1;

    if (octet >= 0) {
        out[(*used)++] = (unsigned char)octet;
        transfer->rest = slice_from(after, 2);
        return;
    }
    while (blanks < after.size && isblank(after.data[blanks]))
        blanks++;
    if (blanks == after.size || after.data[blanks] == '\n')
        transfer->rest = slice_from(after, blanks + equals);
    else
        transfer->literal = equals + blanks;
}

/* How many octets at the start of in, a piece of the rest, stand for
 * themselves. Blanks at its end may be blanks at the end of a line. */
static size_t literal_length(const struct transfer *transfer, struct slice in)
{
    size_t n = 0;

    if (transfer->literal > 0)
        return slice_first(in, transfer->literal).size;
    if (transfer->encoding != ENCODING_QUOTED_PRINTABLE)
        return transfer->crlf ? slice_find(in, '\n') : in.size;
    while (n < in.size && in.data[n] != '=' && in.data[n] != '\n')
        n++;
    if (n == in.size || in.data[n] == '\n')
        while (n > 0 && isblank(in.data[n - 1]))
            n--;
    return n;
}

static size_t next_lines(struct transfer *transfer, unsigned char *out,
                         size_t size)
{
    size_t used = 0;

    while (transfer->rest.size > 0 && used + 2 <= size) {
        struct slice in = slice_first(transfer->rest, size - used);
        size_t n = literal_length(transfer, in);

        if (n > 0) {
            memcpy(out + used, in.data, n);
            used += n;
            transfer->literal -= transfer->literal > 0 ? n : 0;
            transfer->rest = slice_from(transfer->rest, n);
        } else if (in.data[0] == '\n') {
            if (transfer->crlf)
                out[used++] = '\r';
            out[used++] = '\n';
            transfer->rest = slice_from(transfer->rest, 1);
        } else {
            take_escape(transfer, out, &used);
        }
    }
    return used;
}

size_t transfer_next(struct transfer *transfer, unsigned char *out, size_t size)
{
    size_t used = 0;

    if (transfer->encoding != ENCODING_BASE64)
        return next_lines(transfer, out, size);
    while (transfer->rest.size > 0 && used == 0) {
        struct slice in = slice_first(transfer->rest, size);
        used = base64_decode(&transfer->base64, in, out);
        transfer->rest = slice_from(transfer->rest, in.size);
    }
    return used;
}
