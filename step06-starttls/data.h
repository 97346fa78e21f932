/* data.h - the text behind DATA. See data.c. TUTORIAL.md, chapter 3. */
#ifndef DATA_H
#define DATA_H

#include <stdbool.h>
#include <stddef.h>

enum { FIELD_START_SIZE = 16 };

enum data_state {
    DATA_LINE_START,
    DATA_DOT,    /* behind a dot that starts a line */
    DATA_DOT_CR, /* behind dot and CR at the start of a line */
    DATA_TEXT,
    DATA_CR,  /* behind a CR */
    DATA_END, /* behind the line that is a dot only */
};

/* Where the decoder stands, and what it has seen. */
struct data {
    enum data_state state;
    bool bare;               /* a CR or LF that was not part of a CRLF */
    bool in_header;          /* before the first empty line */
    unsigned received;       /* Received fields */
    unsigned long long size; /* octets so far, as RFC 1870 counts: with CRLFs */
    size_t column;           /* octets of this line so far */
    char field_start[FIELD_START_SIZE]; /* the first octets of this line */
};

void data_init(struct data *data);

/*
 * Decode in[0..in_size) into out, which has as much room: remove the dots that
 * the client has added, and make CRLF LF. Stops behind the last line. Returns
 * the octets in out, and sets *used to the octets of in that are done with.
 * RFC 5321 4.5.2.
 */
size_t data_decode(struct data *data, const unsigned char *in, size_t in_size,
                   unsigned char *out, size_t *used);

#endif
