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
#define _POSIX_C_SOURCE 200809L
#include "header.h"

static bool starts_with_blank(struct slice slice)
{
    return slice.size > 0 && (slice.data[0] == ' ' || slice.data[0] == '\t');
}

/* field-name = 1*ftext, ftext = %d33-57 / %d59-126; the length of it */
static size_t field_name(struct slice line)
{
    size_t length = 0;

    while (length < line.size && line.data[length] > ' ' &&
           line.data[length] < 0x7F && line.data[length] != ':')
        length++;
    return length;
}

/* The envelope of a message in a mailbox file, which some leave in. */
static bool is_envelope(struct slice line)
{
    return slice_starts_with(line, "From ") ||
           slice_starts_with(line, ">From ");
}

bool header_next(struct slice *rest, struct field *field)
{
    struct slice line, after;
    size_t name, colon;
    bool is_field;

    do {
        after = *rest;
        if (!slice_line(&after, &line))
            return false;
        name = colon = field_name(line);
        while (starts_with_blank(slice_from(line, colon)))
            colon++;
        is_field = name > 0 && slice_starts_with(slice_from(line, colon), ":");
        if (!is_field && line.data[0] != '\n' && !is_envelope(line))
            return false;
        if (!is_field)
            *rest = after; /* the empty line belongs to neither */
        if (line.data[0] == '\n')
            return false;
    } while (!is_field);
    while (starts_with_blank(after))
        slice_line(&after, &line);
    field->name = slice_first(*rest, name);
    field->value = slice_first(*rest, (size_t)(after.data - rest->data));
    field->value = slice_from(field->value, colon + 1);
    field->value = slice_trim(slice_first(field->value, FIELD_MAX));
    *rest = after;
    return true;
}

/* ---- Pieces of structured fields ---------------------------------------- */

/* comment = "(" *([FWS] ccontent) [FWS] ")"; ccontent may be a comment. A
 * counter does for the nesting: a thousand levels are no deeper than one. */
static void skip_comment(struct slice *rest, struct text *text)
{
    unsigned depth = 0;

    if (text)
        text->size = 0;
    do {
        unsigned char c = rest->data[0];
        bool quoted = c == '\\' && rest->size > 1;

        *rest = slice_from(*rest, quoted ? 2 : 1);
        if (quoted)
            c = rest->data[-1];
        else if (c == '(' && depth++ == 0)
            continue;
        else if (c == ')' && --depth == 0)
            break;
        if (text)
            text_add_char(text, (char)c);
    } while (rest->size > 0);
}

void header_skip_cfws(struct slice *rest, struct text *comment)
{
    for (;;) {
        *rest = slice_trim_start(*rest);
        if (!slice_starts_with(*rest, "("))
            break;
        skip_comment(rest, comment);
    }
}

/* quoted-string = DQUOTE *([FWS] qcontent) [FWS] DQUOTE */
void header_quoted_string(struct slice *rest, struct text *text)
{
    *rest = slice_from(*rest, 1);
    while (rest->size > 0) {
        unsigned char c = rest->data[0];

        *rest = slice_from(*rest, 1);
        if (c == '"')
            break;
        if (c == '\\' && rest->size > 0) {
            c = rest->data[0];
            *rest = slice_from(*rest, 1);
        }
        if (c != '\n')
            text_add_char(text, (char)c);
    }
}
