/*
 * mime.c - the tree of parts, RFC 2045 and 2046.
 *
 *     Content-Type: multipart/mixed; boundary=abc
 *
 *     what stands here is for readers without MIME
 *     --abc                        a delimiter
 *     Content-Type: text/plain     a part has a header of its own ...
 *                                  ... which may be empty
 *     its body
 *     --abc--                      the last delimiter
 *
 * One pass over the lines, and a stack of the multiparts that are open. A line
 * that is the delimiter of one of them ends all that is open inside of it, so a
 * missing last line costs nothing. The stack is an array of fixed depth: how
 * deep a stranger nests does not matter. Start reading at parse().
 * TUTORIAL.md, chapter 5.
 */
#define _POSIX_C_SOURCE 200809L
#include "mime.h"
#include "header.h"
#include "parameter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BOUNDARY_MAX = 998 /* RFC 2046 5.1.1: 70, but some send more. No line
                          has more room: RFC 5322 2.1.1 */
};

/* A multipart that is open, and what its delimiters look like behind "--". */
struct open_multipart {
    int part;
    size_t size;
    char boundary[BOUNDARY_MAX];
};

struct parser {
    struct mime *mime;
    struct slice rest; /* what is still to be read */
    int current;       /* the innermost part that is open */
    bool unwrapped;    /* this is a message that was encoded in another */
    size_t depth;
    struct open_multipart stack[MIME_DEPTH_MAX];
};

static struct slice slice_of(const char *string)
{
    return (struct slice){(const unsigned char *)string, strlen(string)};
}

/* ---- Delimiters --------------------------------------------------------- */

/* The level of the multipart that has line as a delimiter, or -1. */
static int delimiter_level(const struct parser *parser, struct slice line,
                           bool *closing)
{
    struct slice text;

    if (!slice_starts_with(line, "--"))
        return -1;
    text = slice_from(line, 2);
    while (text.size > 0 && strchr(" \t\r\n", text.data[text.size - 1]))
        text.size--;
    for (size_t level = parser->depth; level-- > 0;) {
        const struct open_multipart *open = &parser->stack[level];
        if (text.size < open->size ||
            memcmp(text.data, open->boundary, open->size) != 0)
            continue;
        *closing = slice_is(slice_from(text, open->size), "--");
        if (*closing || text.size == open->size)
            return (int)level;
    }
    return -1;
}

/* ---- The header of a part ----------------------------------------------- */

static enum encoding find_encoding(struct slice value)
{
    static const struct row {
        const char *name;
        enum encoding encoding;
    } rows[] = {
        {"", ENCODING_NONE},
        {"7bit", ENCODING_NONE},
        {"8bit", ENCODING_NONE},
        {"binary", ENCODING_NONE},
        {"7-bit", ENCODING_NONE},
        {"8-bit", ENCODING_NONE}, /* wrong, but seen */
        {"base64", ENCODING_BASE64},
        {"quoted-printable", ENCODING_QUOTED_PRINTABLE},
    };
    struct slice token = parameter_token(&value);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (slice_is(token, rows[i].name))
            return rows[i].encoding;
    return ENCODING_UNKNOWN;
}

/* content = type "/" subtype *( ";" parameter ). What is not that counts as
 * what it would be without the field, RFC 2045 5.2: but it is not, mostly. */
static void find_type(struct part *part, bool in_digest)
{
    struct slice rest = part->content_type;

    part->type = parameter_token(&rest);
    if (slice_starts_with(rest, "/")) {
        rest = slice_from(rest, 1);
        part->subtype = parameter_token(&rest);
    }
    if (part->type.size == 0 || part->subtype.size == 0) {
        part->unknown_type = part->content_type.size > 0;
        part->type = slice_of(in_digest ? "message" : "text");
        part->subtype = slice_of(in_digest ? "rfc822" : "plain");
    }
}

/* Read the header up to its end: the empty line, a line that is no field, or a
 * delimiter. */
static void read_header(struct parser *parser, struct part *part)
{
    struct slice encoding = {NULL, 0};
    const struct row {
        const char *name;
        struct slice *value;
    } rows[] = {
        {"Content-Type", &part->content_type},
        {"Content-Disposition", &part->content_disposition},
        {"Content-Transfer-Encoding", &encoding},
    };
    struct field field;
    bool closing;

    while (delimiter_level(
               parser,
               slice_first(parser->rest, slice_find(parser->rest, '\n')),
               &closing) < 0 &&
           header_next(&parser->rest, &field))
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
            if (slice_is(field.name, rows[i].name) && !rows[i].value->data)
                *rows[i].value = field.value;
    part->encoding = find_encoding(encoding);
}

/* ---- The tree ----------------------------------------------------------- */

static bool is_message(const struct part *part)
{
    return slice_is(part->type, "message") &&
           (slice_is(part->subtype, "rfc822") ||
            slice_is(part->subtype, "global"));
}

static bool is_encoded(const struct part *part)
{
    return part->encoding == ENCODING_BASE64 ||
           part->encoding == ENCODING_QUOTED_PRINTABLE;
}

/* Open a multipart; false if it has no boundary. */
static bool push(struct parser *parser, int part)
{
    struct open_multipart *open = &parser->stack[parser->depth];
    struct text boundary;

    boundary.size = 0;
    parameter_find(parser->mime->parts[part].content_type, "boundary",
                   &boundary);
    while (boundary.size > 0 && strchr(" \t", boundary.data[boundary.size - 1]))
        boundary.size--; /* RFC 2046 5.1.1: it does not end in a blank */
    if (boundary.size == 0 || boundary.size > BOUNDARY_MAX)
        return false;
    open->part = part;
    open->size = boundary.size;
    memcpy(open->boundary, boundary.data, boundary.size);
    parser->depth++;
    return true;
}

/* What the part is, and the number that follows from it. */
static void classify(struct parser *parser, int index)
{
    struct part *part = &parser->mime->parts[index];
    struct part *parent =
        part->parent < 0 ? NULL : &parser->mime->parts[part->parent];
    bool shallow = part->depth + 1 < MIME_DEPTH_MAX;

    part->kind = PART_LEAF;
    if (shallow && slice_is(part->type, "multipart") && push(parser, index))
        part->kind = PART_MULTIPART;
    else if (shallow && is_message(part) && !is_encoded(part))
        part->kind = PART_MESSAGE;
    if (parent)
        part->ordinal = ++parent->children;
    if (!parent || parent->kind == PART_MESSAGE)
        part->ordinal = part->kind == PART_MULTIPART ? 0 : 1;
}

/* Start a part, where *rest is. False if there are too many. */
static bool begin_part(struct parser *parser, int parent)
{
    struct mime *mime = parser->mime;
    struct part *part = &mime->parts[mime->count];
    bool in_digest = parent >= 0 &&
                     slice_is(mime->parts[parent].type, "multipart") &&
                     slice_is(mime->parts[parent].subtype, "digest");

    if (mime->count == MIME_PARTS_MAX) {
        mime->cut = true;
        return false;
    }
    memset(part, 0, sizeof(*part));
    part->parent = parent;
    part->depth = parent < 0 ? 0 : mime->parts[parent].depth + 1;
    read_header(parser, part);
    find_type(part, in_digest);
    part->body = parser->rest;
    parser->current = (int)mime->count++;
    classify(parser, parser->current);
    return true;
}

static void parse(struct parser *parser, struct mime *mime,
                  struct slice message, int parent);

/* Make each CRLF in text LF, as it is in the stored message. */
static size_t remove_cr(unsigned char *text, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < size; i++)
        if (text[i] != '\r' || i + 1 == size || text[i + 1] != '\n')
            text[used++] = text[i];
    return used;
}

/* A message that was encoded as a whole, which RFC 2046 5.2.1 forbids, but
 * senders do. Not so one inside of it: that would be a way to make unwrap()
 * call itself without end. */
static bool is_wrapped(const struct parser *parser, const struct part *part)
{
    return part->kind == PART_LEAF && is_message(part) && is_encoded(part) &&
           !parser->unwrapped && part->body.size <= MIME_UNWRAPPED_SIZE_MAX &&
           parser->mime->unwrapped_count < MIME_UNWRAPPED_MAX;
}

/* Decode such a message, and take it apart too. */
static void unwrap(struct mime *mime, int index)
{
    struct part *part = &mime->parts[index];
    size_t room = part->body.size + 4, size = 0, n;
    unsigned char *out = malloc(room);
    struct decoder decoder;
    struct parser inner;

    if (!out)
        return;
    mime->unwrapped[mime->unwrapped_count++] = out;
    decode_init(&decoder, part->encoding, part->body, false);
    while ((n = decode_next(&decoder, out + size, room - size)) > 0)
        size += n;
    part->kind = PART_MESSAGE;
    parse(&inner, mime, (struct slice){out, remove_cr(out, size)}, index);
}

/* A multipart whose boundary never came is shown as a leaf. At the top it had
 * no number, and a leaf has one. */
static void make_leaf(struct part *part)
{
    part->kind = PART_LEAF;
    if (part->ordinal == 0)
        part->ordinal = 1;
}

/* The parts from the current one up to, and without, the part outer end here.
 * The line end before a delimiter belongs to it: RFC 2046 5.1.1. */
static void end_parts(struct parser *parser, int outer,
                      const unsigned char *end)
{
    int index = parser->current;

    for (; index != outer; index = parser->mime->parts[index].parent) {
        struct part *part = &parser->mime->parts[index];
        struct slice *body = &part->body;
        body->size = end > body->data ? (size_t)(end - body->data) : 0;
        if (part->kind == PART_MULTIPART && part->children == 0)
            make_leaf(part);
        if (is_wrapped(parser, part))
            unwrap(parser->mime, index);
    }
    parser->current = outer;
}

/* Read on to the next delimiter of an open multipart, and end what it ends.
 * True if a part begins behind it; false at the end of the message. */
static bool next_delimiter(struct parser *parser, int outermost)
{
    struct slice line;

    while (parser->depth > 0 && slice_line(&parser->rest, &line)) {
        bool closing = false;
        int level =
            line.data[0] == '-' ? delimiter_level(parser, line, &closing) : -1;
        if (level < 0)
            continue;
        end_parts(parser, parser->stack[level].part, line.data - 1);
        parser->depth = (size_t)level + !closing;
        if (!closing)
            return true;
    }
    parser->rest = slice_from(parser->rest, parser->rest.size);
    end_parts(parser, outermost, parser->rest.data);
    return false;
}

/* Parse message, the child of the part parent; -1: it is the whole. The stack
 * in *parser is left as it is: to clear it would be to touch 50 KB. */
static void parse(struct parser *parser, struct mime *mime,
                  struct slice message, int parent)
{
    bool more;

    parser->mime = mime;
    parser->rest = message;
    parser->current = parent;
    parser->unwrapped = parent >= 0;
    parser->depth = 0;
    more = begin_part(parser, parent);
    while (more) {
        if (mime->parts[parser->current].kind == PART_MESSAGE)
            more = begin_part(parser, parser->current);
        else if (next_delimiter(parser, parent))
            more = begin_part(parser, parser->stack[parser->depth - 1].part);
        else
            return;
    }
    end_parts(parser, parent, parser->rest.data + parser->rest.size);
}

/* Which parts are the last of their siblings: seen from the end, the first. */
static void find_last(struct mime *mime)
{
    bool seen[MIME_PARTS_MAX] = {false};

    for (size_t i = mime->count; i-- > 1;) {
        int parent = mime->parts[i].parent;
        mime->parts[i].last = !seen[parent];
        seen[parent] = true;
    }
}

void mime_parse(struct mime *mime, struct slice message)
{
    struct parser parser;

    mime->count = mime->unwrapped_count = 0;
    mime->cut = false;
    parse(&parser, mime, message, -1);
    find_last(mime);
}

void mime_free(struct mime *mime)
{
    for (size_t i = 0; i < mime->unwrapped_count; i++)
        free(mime->unwrapped[i]);
}

void mime_number(const struct mime *mime, const struct part *part,
                 char number[MIME_NUMBER_SIZE])
{
    unsigned ordinals[MIME_DEPTH_MAX + 1];
    size_t count = 0, used = 0;

    for (;; part = &mime->parts[part->parent]) {
        if (part->ordinal > 0)
            ordinals[count++] = part->ordinal;
        if (part->parent < 0)
            break;
    }
    number[0] = '\0';
    while (count-- > 0)
        used += (size_t)snprintf(number + used, MIME_NUMBER_SIZE - used, "%u%s",
                                 ordinals[count], count > 0 ? "." : "");
}
