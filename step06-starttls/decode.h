/* decode.h - transfer encodings. See decode.c. TUTORIAL.md, chapter 5. */
#ifndef DECODE_H
#define DECODE_H

#include "base64.h"
#include "slice.h"

/* RFC 2045 section 6; 7bit, 8bit and binary are all no encoding. What is in an
 * unknown one can't be decoded, and stays as it is. */
enum encoding {
    ENCODING_NONE,
    ENCODING_UNKNOWN,
    ENCODING_BASE64,
    ENCODING_QUOTED_PRINTABLE
};

struct decoder {
    enum encoding encoding;
    bool crlf; /* make each line end CRLF again, as it was on the wire */
    struct slice rest;
    struct base64 base64;
    const unsigned char *blanks_end; /* before it blanks count */
};

/* Get ready to decode body. crlf: for all that is not text. Base64 has its own
 * line ends inside, and they are never touched. */
void decode_init(struct decoder *decoder, enum encoding encoding,
                 struct slice body, bool crlf);

/* Decode the next piece into out[0..size), size at least 4. Returns its length;
 * 0 at the end, and there only. */
size_t decode_next(struct decoder *decoder, unsigned char *out, size_t size);

/* True behind the last piece. */
bool decode_at_end(const struct decoder *decoder);

#endif
