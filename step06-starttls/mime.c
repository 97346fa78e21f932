/*
 * mime.c - the tree of parts, RFC 2045 and 2046.
 *
 *     Content-Type: multipart/mixed; boundary=abc
 *
 *     text up here is for readers without MIME
 *     --abc                        a delimiter
 *     Content-Type: text/plain     a part has a header of its own ...
 *                                  ... which may be empty
 *     its body
 *     --abc--                      the last delimiter
 *
 * A multipart is cut at its delimiters, and each piece is parsed by itself: so
 * an outer delimiter ends all that is inside, even if it was never closed. How
 * deep this calls itself is limited, because a stranger decides how deep a
 * message is nested; each level reads the message once more, and no more than
 * that. Start reading at parse(). TUTORIAL.md, chapter 5.
 */
#include "mime.h"
#include "header.h"
#include "parameter.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The header of a part ----------------------------------------------- */

/* content = type "/" subtype *( ";" parameter ). Anything else counts as if the
 * field were missing, RFC 2045 5.2: as text, which it mostly is not. */
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

/* Read the header of the entity in body, and leave the body there. */
static void read_header(struct part *part, bool in_digest)
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

    while (header_next(&part->body, &field))
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
            if (slice_is(field.name, rows[i].name) && !rows[i].value->data)
                *rows[i].value = field.value;
    part->encoding = transfer_encoding(encoding);
    find_type(part, in_digest);
}

/* ---- The tree ----------------------------------------------------------- */

static void parse(struct mime *mime, struct part *parent, struct slice entity);

/* Is the line at the start of *rest a delimiter: "--", the boundary, "--" again
 * at the end, blanks? Then it is cut off. */
static bool take_delimiter(struct slice *rest, struct slice boundary,
                           bool *last)
{
    struct slice line, after = *rest;

    if (!slice_starts_with(*rest, "--") || rest->size < 2 + boundary.size ||
        memcmp(rest->data + 2, boundary.data, boundary.size) != 0)
        return false;
    slice_line(&after, &line);
    line = slice_from(line, 2 + boundary.size);
    *last = slice_starts_with(line, "--");
    if (slice_trim(slice_from(line, *last ? 2 : 0)).size > 0)
        return *last = false;
    *rest = after;
    return true;
}

/* Cut a multipart into its parts. The line end before a delimiter belongs to
 * it: RFC 2046 5.1.1. Few lines have a "-" at all: so look for one first. */
static void parse_multipart(struct mime *mime, struct part *part,
                            struct slice boundary)
{
    struct slice rest = part->body, entity = {NULL, 0};
    bool last = false;

    while (!last && rest.size > 0) {
        const unsigned char *at = rest.data + slice_find(rest, '-');

        rest = slice_from(rest, (size_t)(at - rest.data));
        if ((at > part->body.data && at[-1] != '\n') ||
            !take_delimiter(&rest, boundary, &last)) {
            rest = slice_from(rest, 1);
            continue;
        }
        if (entity.data) {
            size_t size = (size_t)(at - entity.data);
            parse(mime, part, slice_first(entity, size > 0 ? size - 1 : 0));
        }
        entity = rest;
    }
    if (entity.data && !last)
        parse(mime, part, entity);
}

/* A message that is encoded as a whole, which RFC 2046 5.2.1 forbids, but
 * senders do: decode it, with LF for CRLF, as it is in the stored message. */
static void parse_encoded(struct mime *mime, struct part *part)
{
    struct transfer transfer = {.encoding = part->encoding, .rest = part->body};
    size_t room = part->body.size + 4, size = 0, used = 0, n;
    unsigned char *out = malloc(room);

    if (!out)
        return;
    mime->unwrapped[mime->unwrapped_count++] = out;
    while ((n = transfer_next(&transfer, out + size, room - size)) > 0)
        size += n;
    for (size_t i = 0; i < size; i++)
        if (out[i] != '\r' || i + 1 == size || out[i + 1] != '\n')
            out[used++] = out[i];
    part->kind = PART_MESSAGE;
    parse(mime, part, (struct slice){out, used});
}

/* RFC 2046 5.1.1: a boundary does not end in a blank. */
static bool find_boundary(const struct part *part, struct text *boundary)
{
    boundary->size = 0;
    parameter_find(part->content_type, "boundary", boundary);
    while (boundary->size > 0 && isblank(boundary->data[boundary->size - 1]))
        boundary->size--;
    return boundary->size > 0;
}

static bool is_message(const struct part *part)
{
    return slice_is(part->type, "message") &&
           (slice_is(part->subtype, "rfc822") ||
            slice_is(part->subtype, "global"));
}

/* What is in a part: its parts, or a message. */
static void parse_body(struct mime *mime, struct part *part)
{
    struct text boundary;

    if (slice_is(part->type, "multipart") && find_boundary(part, &boundary)) {
        part->kind = PART_MULTIPART;
        parse_multipart(mime, part, text_slice(&boundary));
        if (part->children == 0)
            part->kind = PART_LEAF; /* its boundary never came: lose nothing */
    } else if (is_message(part) && part->encoding < ENCODING_BASE64) {
        part->kind = PART_MESSAGE;
        parse(mime, part, part->body);
    } else if (is_message(part) && part->body.size <= MIME_UNWRAPPED_SIZE_MAX &&
               mime->unwrapped_count < MIME_UNWRAPPED_MAX) {
        parse_encoded(mime, part);
    }
}

/* Add an entity, a header and a body, to the list, and all that is in it. */
static void parse(struct mime *mime, struct part *parent, struct slice entity)
{
    struct part *part = &mime->parts[mime->count];

    mime->cut = mime->count == MIME_PARTS_MAX;
    if (mime->cut)
        return;
    mime->count++;
    *part = (struct part){.parent = parent, .body = entity};
    if (parent) {
        part->depth = parent->depth + 1;
        parent->children++;
        parent->last_child = part;
    }
    read_header(part, parent && slice_is(parent->type, "multipart") &&
                          slice_is(parent->subtype, "digest"));
    if (part->depth + 1 < MIME_DEPTH_MAX)
        parse_body(mime, part);
    /* The only child of a message is number 1, or has no number if it is a
     * multipart: RFC 3501 6.4.5. */
    part->ordinal = parent && parent->kind == PART_MULTIPART
                        ? parent->children
                        : part->kind != PART_MULTIPART;
}

void mime_parse(struct mime *mime, struct slice message)
{
    mime->count = mime->unwrapped_count = 0;
    parse(mime, NULL, message);
}

void mime_free(struct mime *mime)
{
    while (mime->unwrapped_count > 0)
        free(mime->unwrapped[--mime->unwrapped_count]);
}

void mime_number(const struct part *part, char number[MIME_NUMBER_SIZE])
{
    size_t used;

    number[0] = '\0';
    if (part->parent)
        mime_number(part->parent, number);
    used = strlen(number);
    if (part->ordinal > 0)
        snprintf(number + used, MIME_NUMBER_SIZE - used, "%s%d",
                 used > 0 ? "." : "", part->ordinal);
}
