/* transfer.h - transfer encodings. See transfer.c. TUTORIAL.md, chapter 5. */
#ifndef TRANSFER_H
#define TRANSFER_H

#include "base64.h"
#include "text.h"

/* RFC 2045 section 6; 7bit, 8bit and binary are all no encoding. What is in an
 * unknown one can't be decoded, and stays as it is. */
enum encoding {
    ENCODING_NONE,
    ENCODING_UNKNOWN,
    ENCODING_BASE64,
    ENCODING_QUOTED_PRINTABLE
};

/* A body that is being decoded. What is not set here starts as 0. */
struct transfer {
    enum encoding encoding;
    bool crlf; /* make each line end CRLF again, as it was on the wire: for all
                  that is not text, but not inside base64 */
    struct slice rest;    /* what is still to be decoded */
    size_t literal;       /* this many octets of it stand for themselves */
    struct base64 base64; /* what is left of a group of four */
};

/* The encoding that a Content-Transfer-Encoding field names. */
enum encoding transfer_encoding(struct slice value);

/* Decode the next piece into out[0..size), size at least 4. Returns its length;
 * 0 at the end, and there only. */
size_t transfer_next(struct transfer *transfer, unsigned char *out,
                     size_t size);

#endif
