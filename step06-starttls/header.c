/*
 * header.c - the fields of a header, RFC 5322.
 *
 *     Subject: a long line may be
 *      folded: what starts with a blank goes on
 *
 * Here are the fields, and the pieces that the values of many of them have in
 * common. What is inside of certain values is in address.c, date.c and word.c.
 * Everything here is one pass over its input. TUTORIAL.md, chapter 4.
 */
#include "header.h"

#include <ctype.h>

bool header_next(struct slice *rest, struct field *field)
{
    struct slice line, value, after = *rest;

    while (slice_line(&after, &line)) {
        size_t length = 0;

        /* field-name = 1*ftext, ftext = %d33-57 / %d59-126 */
        while (isgraph(line.data[length]) && line.data[length] != ':' &&
               length < line.size - 1)
            length++;
        value = slice_trim_start(slice_from(line, length));
        if (length > 0 && slice_starts_with(value, ":")) {
            while (after.size > 0 && isblank(after.data[0]))
                slice_line(&after, &line);
            value.size = (size_t)(after.data - value.data);
            value = slice_first(slice_from(value, 1), FIELD_MAX);
            *field =
                (struct field){slice_first(*rest, length), slice_trim(value)};
            *rest = after;
            return true;
        }
        if (line.data[0] == '\n') /* neither header nor body has this line */
            *rest = after;
        line = slice_from(line, line.data[0] == '>');
        if (!slice_starts_with(line, "From "))
            return false;
        *rest = after; /* the envelope of a mailbox file, left in */
    }
    return false;
}

/* ---- Pieces of structured fields ---------------------------------------- */

/*
 * Append what is between open, which *rest starts with, and close, or all if
 * close never comes. Comments may be nested. A counter is enough for that: a
 * thousand levels need no deeper stack than one.
 */
static void take_enclosed(struct slice *rest, char open, char close,
                          struct text *text)
{
    unsigned depth = 0;

    while (rest->size > 0) {
        bool quoted = rest->data[0] == '\\' && rest->size > 1;
        unsigned char c = rest->data[quoted];

        *rest = slice_from(*rest, quoted ? 2 : 1);
        if (!quoted && depth > 0 && c == close && --depth == 0)
            break;
        if (!quoted && c == open && depth++ == 0)
            continue;
        if (c != '\n')
            text_add_char(text, c);
    }
}

/* comment = "(" *([FWS] ccontent) [FWS] ")"; ccontent may be a comment */
void header_skip_cfws(struct slice *rest, struct text *comment)
{
    struct text ignored;

    comment = comment ? comment : &ignored;
    for (;;) {
        *rest = slice_trim_start(*rest);
        if (!slice_starts_with(*rest, "("))
            break;
        comment->size = 0;
        take_enclosed(rest, '(', ')', comment);
    }
}

/* quoted-string = DQUOTE *([FWS] qcontent) [FWS] DQUOTE */
void header_quoted_string(struct slice *rest, struct text *text)
{
    take_enclosed(rest, '"', '"', text);
}
