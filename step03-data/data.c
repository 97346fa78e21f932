/*
 * data.c - the text after DATA.
 *
 * A message ends with a line that is a dot and nothing else. So that a message
 * may have such a line in it, the client puts a dot before each line that
 * starts with one, and the server takes it away again (RFC 5321 4.5.2).
 *
 *            +-------------- not a dot ---------------+
 *            |                                        v
 *     LINE_START -- "." --> DOT -- not CR ---------> TEXT <---+
 *            ^               |                       |        | CR, then
 *            |               CR                      CR       | not LF:
 *            |               v                       v        | bare
 *            |             DOT_CR -- LF --> END      CR ------+
 *            +--------------------------------- LF --+
 *
 * Only CR LF ends a line. A server that also takes a bare LF or CR for an end
 * of line can be made to see two messages where the server before it saw one:
 * SMTP smuggling. The caller refuses a message that has a bare LF or CR in it:
 * so storing LF for each CRLF loses nothing.
 *
 * The text arrives in blocks that can end anywhere; what must be remembered
 * from one block to the next is in struct data. TUTORIAL.md, chapter 3.
 */
#define _POSIX_C_SOURCE 200809L
#include "data.h"

#include <string.h>

/* The arrows of the picture: where an octet leads. */
static enum data_state next_state(enum data_state state, unsigned char c)
{
    if (c == '\r')
        return state == DATA_DOT ? DATA_DOT_CR : DATA_CR;
    if (c == '\n' && state == DATA_DOT_CR)
        return DATA_END;
    if (c == '\n' && state == DATA_CR)
        return DATA_LINE_START;
    if (c == '.' && state == DATA_LINE_START)
        return DATA_DOT;
    return DATA_TEXT;
}

/* The octets before the next CR or LF; all, if there is none. */
static size_t text_length(const unsigned char *in, size_t size)
{
    const unsigned char *cr = memchr(in, '\r', size);
    size_t length = cr ? (size_t)(cr - in) : size;
    const unsigned char *lf = memchr(in, '\n', length);

    return lf ? (size_t)(lf - in) : length;
}

size_t data_decode(struct data *data, const unsigned char *in, size_t size,
                   unsigned char *out, size_t *used)
{
    size_t at = 0, out_size = 0;

    while (at < size && data->state != DATA_END) {
        bool after_cr = data->state == DATA_CR || data->state == DATA_DOT_CR;
        size_t run = 1;

        if (after_cr != (in[at] == '\n'))
            data->bare = true;
        data->state = next_state(data->state, in[at]);
        if (data->state == DATA_TEXT) /* and all the text after it at once */
            run += text_length(in + at + 1, size - at - 1);
        if (data->state == DATA_TEXT || data->state == DATA_LINE_START) {
            memcpy(out + out_size, in + at, run);
            out_size += run;
            data->size += data->state == DATA_TEXT ? (long long)run : 2;
        }
        at += run;
    }
    *used = at;
    return out_size;
}
