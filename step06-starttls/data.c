/*
 * data.c - the text behind DATA.
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
 * SMTP smuggling. Whoever calls this refuses a message that has one in it.
 * Because of that, storing LF for each CRLF loses nothing.
 *
 * The text arrives in blocks that can end anywhere; what must be remembered
 * from one block to the next is in struct data. TUTORIAL.md, chapter 3.
 */
#define _POSIX_C_SOURCE 200809L
#include "data.h"

#include <string.h>
#include <strings.h>

void data_init(struct data *data)
{
    memset(data, 0, sizeof(*data));
    data->state = DATA_LINE_START;
    data->in_header = true;
}

/* Remember how this line starts, until its end tells whether it matters. */
static void note_text(struct data *data, const unsigned char *text, size_t size)
{
    for (size_t i = 0; i < size && data->column + i < FIELD_START_SIZE; i++)
        data->field_start[data->column + i] = (char)text[i];
    data->column += size;
    data->size += size;
}

static void note_line_end(struct data *data)
{
    static const char name[] = "Received:";
    size_t length = sizeof(name) - 1;

    if (data->column == 0)
        data->in_header = false;
    if (data->in_header && data->column >= length &&
        strncasecmp(data->field_start, name, length) == 0)
        data->received++;
    data->column = 0;
    data->size += 2;
}

/* The octets before the next CR or LF; all, if there is none. */
static size_t text_length(const unsigned char *in, size_t size)
{
    const unsigned char *cr = memchr(in, '\r', size);
    size_t length = cr ? (size_t)(cr - in) : size;
    const unsigned char *lf = memchr(in, '\n', length);

    return lf ? (size_t)(lf - in) : length;
}

size_t data_decode(struct data *data, const unsigned char *in, size_t in_size,
                   unsigned char *out, size_t *used)
{
    size_t i = 0, out_size = 0, length;

    while (i < in_size && data->state != DATA_END) {
        switch (data->state) {
        case DATA_LINE_START:
            data->state = in[i] == '.' ? DATA_DOT : DATA_TEXT;
            i += in[i] == '.';
            break;
        case DATA_DOT:
            data->state = in[i] == '\r' ? DATA_DOT_CR : DATA_TEXT;
            i += in[i] == '\r';
            break;
        case DATA_DOT_CR:
            data->state = in[i] == '\n' ? DATA_END : DATA_TEXT;
            data->bare |= in[i] != '\n';
            i += in[i] == '\n';
            break;
        case DATA_TEXT:
            length = text_length(in + i, in_size - i);
            memcpy(out + out_size, in + i, length);
            note_text(data, in + i, length);
            out_size += length;
            i += length;
            if (i < in_size && in[i] == '\r')
                data->state = DATA_CR;
            else if (i < in_size)
                data->bare = true;
            i += i < in_size;
            break;
        case DATA_CR:
            data->state = in[i] == '\n' ? DATA_LINE_START : DATA_TEXT;
            data->bare |= in[i] != '\n';
            if (in[i] == '\n') {
                out[out_size++] = '\n';
                note_line_end(data);
                i++;
            }
            break;
        case DATA_END:
            break;
        }
    }
    *used = i;
    return out_size;
}
