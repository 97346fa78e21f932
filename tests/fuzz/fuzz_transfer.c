/*
 * fuzz_transfer.c - any octets in each transfer encoding.
 *
 * What is decoded in pieces, however small, must be what is decoded at once.
 * The first octet of the input chooses the encoding and the size of a piece.
 */
#define _POSIX_C_SOURCE 200809L
#include "transfer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition)
        abort();
}

/* Decode all of body, at most step octets at a time, into out. */
static size_t decode_all(enum encoding encoding, struct slice body, bool crlf,
                         size_t step, unsigned char *out, size_t room)
{
    struct transfer transfer = {
        .encoding = encoding, .crlf = crlf, .rest = body};
    size_t n, length = 0;

    while ((n = transfer_next(&transfer, out + length, step)) > 0) {
        must(n <= step);
        length += n;
        must(length + step <= room);
    }
    must(transfer.rest.size == 0);
    return length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum encoding encodings[] = {ENCODING_NONE, ENCODING_BASE64,
                                              ENCODING_QUOTED_PRINTABLE};
    size_t room = 2 * size + 64, step, once, pieces;
    unsigned char *a = calloc(2, 2 * room), *b = a + 2 * room;
    enum encoding encoding;
    bool crlf;

    must(a);
    if (size > 0) {
        encoding = encodings[data[0] % 3];
        crlf = data[0] & 0x40;
        step = 4 + data[0] / 16;
        once = decode_all(encoding, (struct slice){data + 1, size - 1}, crlf,
                          room, a, 2 * room);
        pieces = decode_all(encoding, (struct slice){data + 1, size - 1}, crlf,
                            step, b, 2 * room);
        must(once == pieces && memcmp(a, b, once) == 0);
    }
    free(a);
    return 0;
}
