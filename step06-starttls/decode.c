/*
 * decode.c - transfer encodings, RFC 2045 section 6.
 *
 * Bodies travel through servers that once knew only lines of ASCII: base64 is
 * for everything, quoted-printable for text that is ASCII but for a few
 * places. Both are decoded in pieces, so that an attachment never has to be in
 * memory as a whole. Start reading at decode_next(), at the end.
 * TUTORIAL.md, chapter 5.
 */
#define _POSIX_C_SOURCE 200809L
#include "decode.h"
#include "word.h"

#include <string.h>

void decode_init(struct decoder *decoder, enum encoding encoding,
                 struct slice body, bool crlf)
{
    memset(decoder, 0, sizeof(*decoder));
    decoder->encoding = encoding;
    decoder->crlf = crlf;
    decoder->rest = body;
}

bool decode_at_end(const struct decoder *decoder)
{
    return decoder->rest.size == 0;
}

static void advance(struct decoder *decoder, size_t size)
{
    decoder->rest = slice_from(decoder->rest, size);
}

/* Append n octets to out[0..*used). */
static void put(unsigned char *out, size_t *used, const void *data, size_t n)
{
    memcpy(out + *used, data, n);
    *used += n;
}

static void put_line_end(const struct decoder *decoder, unsigned char *out,
                         size_t *used)
{
    put(out, used, decoder->crlf ? "\r\n" : "\n", decoder->crlf ? 2 : 1);
}

/* ---- No encoding -------------------------------------------------------- */

static size_t next_plain(struct decoder *decoder, unsigned char *out,
                         size_t size)
{
    size_t used = 0;

    while (decoder->rest.size > 0 && used + 2 <= size) {
        struct slice run = slice_first(decoder->rest, size - used);
        if (decoder->crlf)
            run = slice_first(run, slice_find(run, '\n'));
        put(out, &used, run.data, run.size);
        advance(decoder, run.size);
        if (decoder->crlf && used + 2 <= size &&
            slice_starts_with(decoder->rest, "\n")) {
            put_line_end(decoder, out, &used);
            advance(decoder, 1);
        }
    }
    return used;
}

/* ---- Quoted-printable: RFC 2045 6.7 ------------------------------------- */

/* The length of the blanks at the start. */
static size_t blanks(struct slice slice)
{
    size_t length = 0;

    while (length < slice.size &&
           (slice.data[length] == ' ' || slice.data[length] == '\t'))
        length++;
    return length;
}

static bool ends_line(struct slice slice)
{
    return slice.size == 0 || slice.data[0] == '\n';
}

/* Blanks at the end of a line were added on the way, and go. How far those
 * here reach is remembered: else a megabyte of them would be looked at again
 * for each of them. */
static void take_blank(struct decoder *decoder, unsigned char *out,
                       size_t *used)
{
    if (decoder->rest.data >= decoder->blanks_end) {
        size_t length = blanks(decoder->rest);
        if (ends_line(slice_from(decoder->rest, length))) {
            advance(decoder, length);
            return;
        }
        decoder->blanks_end = decoder->rest.data + length;
    }
    put(out, used, decoder->rest.data, 1);
    advance(decoder, 1);
}

/* "=" and two digits, or "=" at the end of a line: a soft line break. What is
 * neither stays as it is. */
static void take_equals(struct decoder *decoder, unsigned char *out,
                        size_t *used)
{
    struct slice rest = decoder->rest, behind = slice_from(rest, 1);
    int high = rest.size > 2 ? word_hex(rest.data[1]) : -1;
    int low = rest.size > 2 ? word_hex(rest.data[2]) : -1;
    size_t length = behind.data < decoder->blanks_end ? 0 : blanks(behind);

    if (high >= 0 && low >= 0) {
        unsigned char octet = (unsigned char)(high << 4 | low);
        put(out, used, &octet, 1);
        advance(decoder, 3);
    } else if (ends_line(slice_from(behind, length))) {
        advance(decoder, 1 + length + 1);
    } else {
        put(out, used, rest.data, 1);
        advance(decoder, 1);
    }
}

/* The length of what stands for itself. */
static size_t literal_length(struct slice slice)
{
    size_t length = 0;

    while (length < slice.size && slice.data[length] != '=' &&
           slice.data[length] != '\n' && slice.data[length] != ' ' &&
           slice.data[length] != '\t')
        length++;
    return length;
}

static size_t next_quoted_printable(struct decoder *decoder, unsigned char *out,
                                    size_t size)
{
    size_t used = 0;

    while (decoder->rest.size > 0 && used + 2 <= size) {
        size_t length = literal_length(slice_first(decoder->rest, size - used));
        unsigned char c = decoder->rest.data[0];

        if (length > 0) {
            put(out, &used, decoder->rest.data, length);
            advance(decoder, length);
        } else if (c == '=') {
            take_equals(decoder, out, &used);
        } else if (c == '\n') {
            put_line_end(decoder, out, &used);
            advance(decoder, 1);
        } else {
            take_blank(decoder, out, &used);
        }
    }
    return used;
}

/* ---- Base64: RFC 2045 6.8 ----------------------------------------------- */

static size_t next_base64(struct decoder *decoder, unsigned char *out,
                          size_t size)
{
    size_t used = 0;

    while (decoder->rest.size > 0 && used == 0) {
        struct slice piece = slice_first(decoder->rest, size);
        used = base64_decode(&decoder->base64, piece.data, piece.size, out);
        advance(decoder, piece.size);
    }
    return used;
}

size_t decode_next(struct decoder *decoder, unsigned char *out, size_t size)
{
    size_t used = 0;

    while (decoder->rest.size > 0 && used == 0)
        switch (decoder->encoding) {
        case ENCODING_NONE:
        case ENCODING_UNKNOWN:
            used = next_plain(decoder, out, size);
            break;
        case ENCODING_QUOTED_PRINTABLE:
            used = next_quoted_printable(decoder, out, size);
            break;
        case ENCODING_BASE64:
            used = next_base64(decoder, out, size);
            break;
        }
    return used;
}
