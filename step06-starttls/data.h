/* data.h - the text after DATA. See data.c. TUTORIAL.md, chapter 3. */
#ifndef DATA_H
#define DATA_H

#include <stdbool.h>
#include <stddef.h>

enum data_state {
    DATA_LINE_START,
    DATA_DOT,    /* after a dot that starts a line */
    DATA_DOT_CR, /* after dot and CR at the start of a line */
    DATA_TEXT,
    DATA_CR,  /* after a CR */
    DATA_END, /* after the line that is only a dot */
};

/* Where the decoder stands, and what it has seen. Start with all members 0. */
struct data {
    enum data_state state;
    bool bare;      /* a CR or LF that was not part of a CRLF */
    long long size; /* octets so far, as RFC 1870 counts: with CRLFs */
};

/*
 * Decode in[0..size) into out, which has as much room: remove the dots that the
 * client has added, turn CRLF into LF. Stops after the line that is only a dot.
 * Returns the octets in out, and sets *used to the octets of in that are done
 * with. RFC 5321 4.5.2.
 */
size_t data_decode(struct data *data, const unsigned char *in, size_t size,
                   unsigned char *out, size_t *used);

#endif
